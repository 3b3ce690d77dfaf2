/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * LPM: the longest prefix wins. Entries give value and prefix mask of one address, and may match other
 * fields exactly (DOCA's exact-match variant); so an entry is a wildcard rule whose priority is what its
 * prefix lacks, and rules of one length share a tuple that is one exact-match lookup.
 */
#include <string.h>

#include "base/refuse.h"
#include "flow/pipe_int.h"

static int lpm_create(struct flow_pipe *pipe, const struct flow_pipe_cfg *cfg)
{
	const struct flow_field *f = flow_field_get(cfg->lpm_field);

	if (!f || f->key_offset == 0xffff)
		return refuse(EINVAL, "pipe '%s': a longest-prefix pipe needs an address field, not number %u", pipe->name,
			cfg->lpm_field);
	pipe->lpm_offset = f->key_offset;
	pipe->lpm_length = f->length;
	memset(pipe->match.mask.bytes + f->key_offset, 0, f->length);
	memset(pipe->match.value.bytes + f->key_offset, 0, f->length);
	memset(pipe->entry_mask.bytes + f->key_offset, 0, f->length);
	if (f->shape_mask) {
		pipe->match.mask.hot.shape |= f->shape_mask;
		pipe->match.value.hot.shape |= f->shape;
	}
	return flow_wild_create(pipe->ctx, pipe->name, MAX_OF(cfg->nr_entries, 1u), &pipe->wild);
}

/* Length of a prefix mask, or -1 when its ones are not all in front. */
static int prefix_length(const uint8_t *mask, unsigned bytes)
{
	unsigned bits = 0;

	while (bits < 8 * bytes && mask[bits / 8] & 0x80 >> bits % 8)
		bits++;
	for (unsigned i = bits; i < 8 * bytes; i++)
		if (mask[i / 8] & 0x80 >> i % 8)
			return -1;
	return bits;
}

static int lpm_add(struct flow_pipe *pipe, struct flow_entry *entry, const struct flow_entry_spec *spec)
{
	struct flow_entry_spec rule = {.match.mask = pipe->entry_mask, .match.value = spec->match.value};
	int bits = prefix_length(spec->match.mask.bytes + pipe->lpm_offset, pipe->lpm_length);

	if (bits < 0)
		return refuse(EINVAL, "pipe '%s': the address mask is no prefix", pipe->name);
	memcpy(rule.match.mask.bytes + pipe->lpm_offset, spec->match.mask.bytes + pipe->lpm_offset, pipe->lpm_length);
	rule.priority = 8u * pipe->lpm_length - bits;
	return pipe_wild.add(pipe, entry, &rule);
}

static void lpm_destroy(struct flow_pipe *pipe)
{
	pipe_wild.destroy(pipe);
}

static void lpm_remove(struct flow_pipe *pipe, struct flow_entry *entry)
{
	pipe_wild.remove(pipe, entry);
}

static struct flow_entry *lpm_find(const struct flow_pipe *pipe, const struct flow_key *key, struct flow_key *looked)
{
	return pipe_wild.find(pipe, key, looked);
}

static void lpm_settle(struct flow_pipe *pipe)
{
	pipe_wild.settle(pipe);
}

const struct pipe_kind pipe_lpm = {
	.name = "lpm",
	.create = lpm_create,
	.destroy = lpm_destroy,
	.add = lpm_add,
	.remove = lpm_remove,
	.find = lpm_find,
	.settle = lpm_settle,
};
