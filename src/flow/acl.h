/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * acl: rules with ranges. A rule's plain bits and the common leading bits of each range select a tuple
 * of a wild table (wild.h); the ranges themselves are checked on the candidates. So ACL entries have
 * the semantics, the threads and the mask collection of wild rules, and one table may hold both.
 *
 * `range` of struct flow_entry_spec: for every field whose match.mask bytes are all ones in `ranged`,
 * low and high (both included, network order) stand in range.value and range.mask.
 */
#ifndef FLOW_ACL_H
#define FLOW_ACL_H

#include "flow/wild.h"

#define FLOW_ACL_RANGES 8

/* One range over `length` (1..8) bytes of the key at `offset`. */
struct flow_acl_range {
	uint16_t offset;
	uint8_t length;
	bool host_order; /* port, resume, shape: the few key fields in host order */
	uint64_t low, high;
};

struct flow_acl_rule_cfg {
	const struct flow_match *match; /* value and mask of everything that is not a range */
	unsigned nr_ranges;
	const struct flow_acl_range *ranges;
	uint32_t priority;
	void *owner;
};

/* As flow_wild_insert; -EINVAL with a refusal when a range is empty, too wide, or overlaps the mask. The
 * rule's owner (rule->owner) is an opaque acl object: flow_acl_owner gives the caller's. */
int flow_acl_insert(struct flow_ctx *ctx, struct flow_wild *wild,
	const struct flow_acl_rule_cfg *cfg, const struct flow_wild_rule **rule);
void flow_acl_remove(
	struct flow_ctx *ctx, struct flow_wild *wild, const struct flow_wild_rule *rule);
void *flow_acl_owner(const struct flow_wild_rule *rule);
/* Its ranges, valid as long as the rule; returns how many. */
unsigned flow_acl_ranges(const struct flow_wild_rule *rule, const struct flow_acl_range **ranges);

#endif
