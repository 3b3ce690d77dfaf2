/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * wild_tree: a decision tree over wildcard rules, for tables of many masks. Inside room flow (wild.h).
 *
 * Tuple-space search costs a look-up per mask. The tree looks at four bits of the key at a time: an inner node names
 * a nibble and has a child for each of its values, with the rules that may still match; a rule that does not care for
 * the nibble stands in all sixteen. A leaf is a list of few rules in their order, compared one by one. Which nibble a
 * node takes is what leaves the shortest lists; copies of rules are bounded, all in all and in the order of
 * levels, so that the budget serves the whole tree and not its first branch.
 *
 * A tree is a snapshot and never changes: whoever owns it searches what came later beside it, and marks rules
 * that went (rule->dead), which the tree skips. It borrows the rules.
 *
 *	wild_tree_build(rules, n, &tree);           // rules in order: the first that matches wins
 *	rule = wild_tree_find(tree, &key, &looked); // adds the words it looked at to `looked`
 *
 * Limits: rules that look at more than WILD_TREE_WORDS different 32-bit words of the key between them get no
 * tree (-ENOTSUP). Memory: WILD_TREE_COPIES places and some 130 bytes per rule.
 */
#ifndef FLOW_WILD_TREE_H
#define FLOW_WILD_TREE_H

#include "flow/wild.h"

#define WILD_TREE_WORDS 16
#define WILD_TREE_COPIES 32

struct wild_tree;

/* A rule and what it matches; value is masked already. */
struct wild_tree_rule {
	const struct flow_wild_rule *rule;
	struct flow_match match;
};

/* 0; -ENOTSUP, -ENOMEM without a refusal: there is always the search by tuples. */
int wild_tree_build(const struct wild_tree_rule *rules, uint32_t n, struct wild_tree **tree);
void wild_tree_free(void *tree); /* NULL is fine */

/* NULL = no rule. `looked` may be NULL. */
const struct flow_wild_rule *wild_tree_find(
	const struct wild_tree *tree, const struct flow_key *key, struct flow_key *looked);

#endif
