/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * wild: rules with a mask and a priority each; tuple-space search, and a decision tree for what stands.
 *
 * Rules with equal masks share a TUPLE: an exact-match table under that mask (exact.h). Tuples are visited
 * in the order of their best priority, and the search ends when what was found beats all tuples that are left.
 * Rules of one tuple with equal keys hang on one record in a chain ordered by priority; they differ in their
 * CHECK: a condition (WILD entries) or ranges (ACL entries) that is evaluated on candidates only.
 *
 *	struct flow_wild_rule_cfg rc = {.match = &m, .priority = 10, .owner = entry};
 *	flow_wild_insert(wild, &rc, &rule);
 *	rule = flow_wild_lookup(wild, key, &looked);    // ORs every bit it looked at into `looked`
 *
 * The lowest priority number wins; among equals the rule added first.
 *
 * A look-up per tuple is much where there are many masks. Once a second (flow_wild_settle, by the card's keeper) a
 * table of more than WILD_TUPLES_FEW tuples gets a decision tree of all its rules (wild_tree.h); look-ups then search
 * the tree, and by tuples only those that have got a rule since. Rules that went are marked for the tree, and their memory
 * stays until the next one; when these are more than the rules that stand, the tree goes instead. Inserting and
 * removing costs the same as without a tree.
 *
 * What was looked at. A cached result is valid for all packets that agree on the bits the search examined:
 * the masks of all tuples visited, hit or not, the words the tree looked at (as far as any of its rules looks at them),
 * and the `looks` of all checks evaluated. flow_wild_lookup collects them; flow_wild_lookup_burst does not (it is the
 * path without a cache).
 *
 * Threads. Lookups by online readers, who never wait. Insert and remove from any thread, one at a time
 * per table (a mutex); what readers may see is retired through the ctx. Rules live until the grace period
 * after their removal.
 *
 * Limits: 65,536 tuples; the ACL entry's range on a field is at most 8 bytes wide, 8 ranges per rule.
 */
#ifndef FLOW_WILD_H
#define FLOW_WILD_H

#include <stdbool.h>

#include "flow/pipe.h"

#define WILD_TUPLES_FEW 8

struct flow_wild;

struct flow_wild_rule {
	void *owner; /* the caller's */
	uint32_t priority;
	uint32_t index;    /* of the record in its tuple; insides */
	uint64_t sequence; /* order of insertion */
	bool (*check)(const void *owner, const struct flow_key *key); /* NULL = matches */
	const struct flow_key *looks; /* bits `check` looks at; borrowed, NULL = none */
	struct flow_wild_rule *next;  /* chain of equal masked keys; insides */
	struct flow_wild_rule *next_dead; /* removed, but in a tree; insides */
	bool dead;                        /* atomic: removed; insides */
	struct flow_wild_tuple *tuple;
};

struct flow_wild_rule_cfg {
	const struct flow_match *match; /* value and mask; copied */
	uint32_t priority;
	void *owner;
	bool (*check)(const void *owner, const struct flow_key *key); /* pure; may be NULL */
	const struct flow_key *looks; /* must live as long as the rule and its grace period */
};

int flow_wild_create(
	struct flow_ctx *ctx, const char *name, uint32_t capacity, struct flow_wild **wild);
void flow_wild_destroy(struct flow_wild *wild);

/* -EEXIST: same mask, value and priority with no check on either; -ENOSPC at capacity; -ENOMEM. The rule
 * belongs to the table; it is freed after the grace period of its removal. */
int flow_wild_insert(struct flow_wild *wild, const struct flow_wild_rule_cfg *cfg,
	const struct flow_wild_rule **rule);
void flow_wild_remove(struct flow_wild *wild, const struct flow_wild_rule *rule);

/* Make or renew the tree if that pays. Any thread but the burst's: it takes milliseconds for thousands of rules, in
 * which writers wait only while the rules are listed. */
void flow_wild_settle(struct flow_wild *wild);

/* NULL = no rule. `looked` may be NULL; otherwise bits are ORed into it. */
const struct flow_wild_rule *flow_wild_lookup(
	const struct flow_wild *wild, const struct flow_key *key, struct flow_key *looked);
/* keys[i] for each bit of `todo`; rules[i] is written for all of them (NULL = none). Returns the hits. */
uint64_t flow_wild_lookup_burst(const struct flow_wild *wild, const struct flow_key *keys,
	uint64_t todo, const struct flow_wild_rule **rules);

/* Raise or lower the limit; -EBUSY when more rules live, -EINVAL beyond what its tables reserved (exact.h). */
int flow_wild_resize(struct flow_wild *wild, uint32_t capacity);

uint32_t flow_wild_count(const struct flow_wild *wild);
uint32_t flow_wild_tuples(const struct flow_wild *wild);
unsigned flow_wild_lines(const struct flow_wild *wild);
/* Would a packet with this key under this mask meet a rule with these bits? For killing cached misses:
 * true when value and other agree on mask & other_mask. */
bool flow_match_overlaps(const struct flow_match *a, const struct flow_match *b);

#endif
