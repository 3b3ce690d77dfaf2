/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ACL: masks, priorities and ranges. A range stands in spec.range (value = low, mask = high, both
 * included) on one of the fields below, whose match mask is zero then.
 */
#include <stdlib.h>
#include <string.h>

#include "base/refuse.h"
#include "flow/acl.h"
#include "flow/pipe_int.h"

static const struct {
	uint16_t offset;
	uint8_t length;
} ranged[] = {
	{offsetof(struct flow_key, hot.sport), 2},
	{offsetof(struct flow_key, hot.dport), 2},
	{offsetof(struct flow_key, inner.sport), 2},
	{offsetof(struct flow_key, inner.dport), 2},
	{offsetof(struct flow_key, link.total_len), 2},
	{offsetof(struct flow_key, hot.ttl), 1},
	{offsetof(struct flow_key, hot.tos), 1},
};

static uint64_t number(const uint8_t *bytes, unsigned length)
{
	uint64_t v = 0;

	for (unsigned i = 0; i < length; i++)
		v = v << 8 | bytes[i];
	return v;
}

static unsigned collect(const struct flow_entry_spec *spec, struct flow_acl_range *out, struct flow_key *looks)
{
	unsigned n = 0;

	for (unsigned i = 0; i < ARRAY_SIZE(ranged); i++) {
		uint64_t low = number(spec->range.value.bytes + ranged[i].offset, ranged[i].length);
		uint64_t high = number(spec->range.mask.bytes + ranged[i].offset, ranged[i].length);

		if (!low && !high)
			continue;
		out[n++] = (struct flow_acl_range){
			.offset = ranged[i].offset, .length = ranged[i].length, .low = low, .high = high};
		memset(looks->bytes + ranged[i].offset, 0xff, ranged[i].length);
	}
	return n;
}

static int acl_create(struct flow_pipe *pipe, const struct flow_pipe_cfg *cfg)
{
	return flow_wild_create(pipe->ctx, pipe->name, MAX_OF(cfg->nr_entries, 1u), &pipe->wild);
}

static int acl_add(struct flow_pipe *pipe, struct flow_entry *entry, const struct flow_entry_spec *spec)
{
	struct flow_acl_range ranges[ARRAY_SIZE(ranged)];
	struct flow_acl_rule_cfg cfg = {.ranges = ranges, .priority = spec->priority, .owner = entry};
	int err;

	entry->extra = calloc(1, sizeof(*entry->extra));
	if (!entry->extra)
		return refuse(ENOMEM, "pipe '%s': no memory for an entry", pipe->name);
	cfg.nr_ranges = collect(spec, ranges, &entry->extra->looks);
	for (unsigned i = 0; i < FLOW_KEY_SIZE / 8; i++) {
		entry->extra->match.mask.words[i] = spec->match.mask.words[i] | pipe->match.mask.words[i];
		entry->extra->match.value.words[i] = (pipe->match.value.words[i] & ~spec->match.mask.words[i]) |
						     (spec->match.value.words[i] & spec->match.mask.words[i]);
	}
	entry->extra->priority = spec->priority;
	cfg.match = &entry->extra->match;
	pipe_looks_at(pipe, &entry->extra->match.mask);
	pipe_looks_at(pipe, &entry->extra->looks);
	err = flow_acl_insert(pipe->ctx, pipe->wild, &cfg, &entry->rule);
	if (err == -EINVAL)
		return refuse_more(err, "pipe '%s'", pipe->name);
	return err ? refuse(-err, "pipe '%s': the entry %s", pipe->name, err == -EEXIST ? "exists" : "finds no room") : 0;
}

static void acl_remove(struct flow_pipe *pipe, struct flow_entry *entry)
{
	flow_acl_remove(pipe->ctx, pipe->wild, entry->rule);
}

static struct flow_entry *acl_find(const struct flow_pipe *pipe, const struct flow_key *key, struct flow_key *looked)
{
	const struct flow_wild_rule *rule = flow_wild_lookup(pipe->wild, key, looked);

	return rule ? flow_acl_owner(rule) : NULL;
}

static void acl_destroy(struct flow_pipe *pipe)
{
	if (pipe->wild)
		flow_wild_destroy(pipe->wild);
}

static void acl_settle(struct flow_pipe *pipe)
{
	flow_wild_settle(pipe->wild);
}

const struct pipe_kind pipe_acl = {
	.name = "acl",
	.create = acl_create,
	.destroy = acl_destroy,
	.add = acl_add,
	.remove = acl_remove,
	.find = acl_find,
	.settle = acl_settle,
};
