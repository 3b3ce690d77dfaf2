/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pipe: the one intermediate representation. A door (DOCA Flow, rte_flow, the node) has resolved its own
 * notions - implicit masks, changeable fields, selectors, action arrays - before it comes here:
 *
 *   match     value and mask over struct flow_key; the pipe says which bits are constants of the pipe and
 *             which come from each entry (entry_mask)
 *   actions   templates: lists of ops with holes; an entry names a template and fills the holes
 *   forward   a flow_fwd per pipe, overridable per entry where the pipe says so
 *   monitor   counter, age, meter per entry
 *
 * Kinds: EXACT (one mask, unique keys; DOCA BASIC), WILD (mask and priority per entry, conditions; DOCA
 * CONTROL), LPM, ACL (ranges), LIST (ordered list), HASH (select by hash or flood), CT (connections).
 *
 *   struct flow_pipe_cfg cfg = {.kind = FLOW_PIPE_EXACT, .name = "dnat", .root = true, .port = 0, ...};
 *   flow_pipe_create(ctx, &cfg, &pipe);
 *   flow_entry_add(pipe, &spec, &entry);       // any writer thread; hits from the next burst on
 *   flow_entry_query(entry, &count);
 *   flow_pipe_destroy(pipe);                   // entries go with it; readers drain through the epoch
 *
 * Threads: create/destroy/resize from one control thread at a time per ctx; entry add/update/remove from any
 * thread, concurrently on different entries; duplicates are refused -EEXIST at the bucket. No callbacks: a
 * door that is asynchronous queues its own completions.
 */
#ifndef FLOW_PIPE_H
#define FLOW_PIPE_H

#include <stdbool.h>

#include "flow/action.h"
#include "flow/key.h"

enum flow_pipe_kind {
	FLOW_PIPE_EXACT,
	FLOW_PIPE_WILD,
	FLOW_PIPE_LPM,
	FLOW_PIPE_ACL,
	FLOW_PIPE_LIST,
	FLOW_PIPE_HASH,
	FLOW_PIPE_CT,
};

struct flow_pipe;
struct flow_entry;

struct flow_match {
	struct flow_key value, mask;
};

enum flow_fwd_kind {
	FLOW_FWD_NONE,    /* not given: the pipe's, or for a pipe "each entry gives one" */
	FLOW_FWD_PORT,
	FLOW_FWD_HOP,
	FLOW_FWD_PIPE,
	FLOW_FWD_DROP,
	FLOW_FWD_QUEUE,   /* index into the ctx's queue sets (RSS) */
	FLOW_FWD_KERNEL,
	FLOW_FWD_UPCALL,
	FLOW_FWD_LIST,    /* pipe + index of an ordered list */
	FLOW_FWD_HASH,    /* pipe, selected by hash of the packet */
};

struct flow_fwd {
	enum flow_fwd_kind kind;
	uint16_t port;            /* PORT, HOP: index */
	uint16_t reason;          /* DROP: enum drop_reason, 0 = PIPE_DROP */
	uint32_t index;           /* QUEUE: queue set, LIST: list index, UPCALL: cookie */
	struct flow_pipe *pipe;   /* PIPE, LIST, HASH */
};

/* A list of ops with holes: op.data offsets point into `data`; bytes under `hole` (1 bits) are filled
 * from the entry's data, the rest are constants. Copied by the pipe. */
struct flow_action_template {
	unsigned nr_ops;
	const struct flow_op *ops;    /* no terminal; the forward supplies it */
	unsigned data_len;
	const uint8_t *data, *hole;
};

enum flow_cond { FLOW_COND_NONE, FLOW_COND_EQ, FLOW_COND_NE, FLOW_COND_LT, FLOW_COND_LE, FLOW_COND_GT, FLOW_COND_GE };

/* WILD entries may add one comparison: field (or bits of it) against an immediate or another field. */
struct flow_condition {
	enum flow_cond op;
	uint16_t field, bit_offset, width;
	bool against_field;
	uint16_t other_field, other_bit_offset;
	uint64_t value;
};

enum flow_hash_algorithm {
	FLOW_HASH_CRC32,             /* of the masked key's words, as ConnectX cards arrange them (pipe_hash.c) */
	FLOW_HASH_RANDOM,            /* parser_meta.random */
	FLOW_HASH_IDENTITY,          /* the low bits of the masked value itself */
};

struct flow_pipe_cfg {
	const char *name;            /* for dumps and errors; copied */
	enum flow_pipe_kind kind;
	enum flow_domain domain;
	bool root;                   /* the root of (port, domain) */
	uint16_t port;               /* the port (or switch manager) it belongs to; FLOW_PORT_NONE = any port's root */
	uint32_t nr_entries;         /* capacity; EXACT and WILD grow up to it without stopping readers */
	struct flow_match match;     /* EXACT: mask = everything the pipe looks at, value = the constants among it; WILD,
				      * ACL, LPM: constants that are part of every entry's match; HASH: mask = what is hashed */
	struct flow_key entry_mask;  /* EXACT, LPM: bits supplied by each entry (LPM: beside the address) */
	unsigned nr_templates;
	const struct flow_action_template *templates;
	struct flow_fwd fwd;         /* FLOW_FWD_NONE: per entry */
	struct flow_fwd miss;        /* FLOW_FWD_NONE: drop PIPE_MISS */
	bool miss_counter;
	bool entry_counters;         /* every entry counts */
	/* HASH */
	uint8_t hash_flood;          /* copies to all entries */
	uint32_t hash_algorithm;     /* enum flow_hash_algorithm */
	/* LPM */
	uint16_t lpm_field;
	/* CT */
	struct flow_conn_table *conns;
	struct flow_pipe *ct_hit, *ct_miss; /* either may be NULL: hit needs a hop then, miss is `miss` */
	uint16_t ct_zone;
};

struct flow_entry_spec {
	struct flow_match match;     /* EXACT: value under entry_mask; WILD/ACL: value and mask; LPM: value and prefix mask */
	struct flow_match range;     /* ACL: value = low, mask = high, of fields whose match.mask is "range" */
	struct flow_condition cond;  /* WILD */
	uint32_t priority;           /* WILD, ACL: lowest number wins; ties: the first added */
	uint32_t index;              /* HASH, LIST: bucket or list index */
	unsigned template_index;
	const uint8_t *data;         /* holes of the template, template.data_len bytes, or NULL */
	struct flow_fwd fwd;         /* NONE: the pipe's */
	bool count;
	uint32_t counter;            /* shared counter index + 1, 0 = own */
	uint32_t age_s;              /* 0 = never */
	uint32_t age;                /* shared age slot index + 1 (the caller's: flow_age_scan leaves it alone), 0 = own */
	uint32_t meter;              /* meter index + 1 */
	void *owner;                 /* the door's handle, returned by flow_entry_owner */
};

struct flow_count {
	uint64_t packets, bytes;     /* bytes of whole L2 frames without FCS (doca-flow-semantics.md sec. 7) */
};

int flow_pipe_create(struct flow_ctx *ctx, const struct flow_pipe_cfg *cfg, struct flow_pipe **pipe);
void flow_pipe_destroy(struct flow_pipe *pipe);
/* Replace the miss forward or the capacity of a live pipe. */
int flow_pipe_set_miss(struct flow_pipe *pipe, const struct flow_fwd *miss);
int flow_pipe_grow(struct flow_pipe *pipe, uint32_t nr_entries);
uint32_t flow_pipe_entries(const struct flow_pipe *pipe);
int flow_pipe_query_miss(const struct flow_pipe *pipe, struct flow_count *count);
/* Never 0; what RESUME and verdicts name. */
uint16_t flow_pipe_id(const struct flow_pipe *pipe);
const char *flow_pipe_name(const struct flow_pipe *pipe);
/* HASH: which entry a packet with this key would get. */
uint32_t flow_pipe_hash(const struct flow_pipe *pipe, const struct flow_key *key);

/* The packet enters here when no root pipe is set for (port, domain) or its walk misses at the root. */
int flow_set_default(struct flow_ctx *ctx, uint16_t port, enum flow_domain domain, const struct flow_fwd *fwd);

/* `port` belongs to this group (FLOW_PORT_GROUP + n): root pipes of the group see its packets when it has none of its own.
 * FLOW_PORT_NONE: to no group. */
void flow_set_group(struct flow_ctx *ctx, uint16_t port, uint16_t group);
/* What comes in by `port` is transmitted by a program: it passes the egress pipes of the port's group. Frames from one wire
 * of a group to another do not, they stay in the switch. */
void flow_set_program(struct flow_ctx *ctx, uint16_t port, bool program);
/* Packets of `port` that reach an application without a mark carry this number in its place; -1: none. */
void flow_set_source(struct flow_ctx *ctx, uint16_t port, int32_t source);
/* A frame that went through an egress pipe of `port` and is addressed to this MAC comes in by `port` again, as a card's
 * embedded switch does with frames for the function itself. NULL: no more. */
void flow_set_own_mac(struct flow_ctx *ctx, uint16_t port, const uint8_t mac[6]);

/* Optional, before other work and then flow_entry_add: asks for the memory an entry with this match goes to. Only the
 * match need be there yet. */
void flow_entry_expect(const struct flow_pipe *pipe, const struct flow_entry_spec *spec);
/* -EEXIST duplicate key, -ENOSPC at capacity, -EINVAL with a refusal. */
int flow_entry_add(struct flow_pipe *pipe, const struct flow_entry_spec *spec, struct flow_entry **entry);
/* Actions, forward and monitor only; the match stays. Packets see the old or the new program, never a mix. */
int flow_entry_update(struct flow_entry *entry, const struct flow_entry_spec *spec);
void flow_entry_remove(struct flow_entry *entry);
void flow_entry_query(const struct flow_entry *entry, struct flow_count *count);
void *flow_entry_owner(const struct flow_entry *entry);

/* Entries idle for longer than their age: calls fn for each (at most max), resuming where it stopped; returns
 * how many, or -1 when a full cycle over the table is done. The callee removes them. */
int flow_age_scan(struct flow_ctx *ctx, uint64_t now_ns, unsigned max, void (*fn)(void *arg, struct flow_entry *entry),
	void *arg);

/* Text of all pipes with entries, counters and programs (the source of `softdpu pipes` and `explain`). */
struct str;
void flow_dump(struct flow_ctx *ctx, struct str *out);

#endif
