/* SPDX-License-Identifier: BSD-3-Clause */
/* EXACT: one mask for all entries, unique keys. The record's data is the entry. */
#include "base/refuse.h"
#include "flow/pipe_int.h"

static int exact_create(struct flow_pipe *pipe, const struct flow_pipe_cfg *cfg)
{
	struct flow_exact_cfg table = {
		.name = pipe->name,
		.mask = &pipe->match.mask,
		.data_len = sizeof(struct flow_entry *),
		.capacity = MAX_OF(cfg->nr_entries, 1u),
	};

	return flow_exact_create(pipe->ctx, &table, &pipe->exact);
}

static void exact_destroy(struct flow_pipe *pipe)
{
	if (pipe->exact)
		flow_exact_destroy(pipe->exact);
}

static void exact_expect(const struct flow_pipe *pipe, const struct flow_entry_spec *spec)
{
	struct flow_key key = pipe_entry_key(pipe, spec);

	flow_exact_expect(pipe->exact, &key);
	__builtin_prefetch(pipe_miss_word(pipe->ctx->pipes, pipe, &key), 1);
}

static int exact_add(struct flow_pipe *pipe, struct flow_entry *entry, const struct flow_entry_spec *spec)
{
	struct flow_key key = pipe_entry_key(pipe, spec);
	int err = flow_exact_insert(pipe->exact, &key, &entry, &entry->index);
	if (err == -EEXIST)
		return refuse(EEXIST, "pipe '%s': an entry with this key exists; update it instead", pipe->name);
	if (err)
		return refuse(-err, "pipe '%s': no room for the entry", pipe->name);
	return 0;
}

static void exact_remove(struct flow_pipe *pipe, struct flow_entry *entry)
{
	flow_exact_remove(pipe->exact, entry->index);
}

static struct flow_entry *exact_find(const struct flow_pipe *pipe, const struct flow_key *key,
	struct flow_key *looked)
{
	uint32_t index = flow_exact_find(pipe->exact, key);

	pipe_key_or(looked, &pipe->match.mask);
	return index ? *(struct flow_entry **)flow_exact_data(pipe->exact, index) : NULL;
}

static int exact_resize(struct flow_pipe *pipe, uint32_t nr_entries)
{
	int err = flow_exact_resize(pipe->exact, nr_entries);

	return err ? refuse_more(err, "pipe '%s': cannot be resized to %u entries", pipe->name, nr_entries) : 0;
}

static void exact_settle(struct flow_pipe *pipe)
{
	flow_exact_settle(pipe->exact);
}

const struct pipe_kind pipe_exact = {
	.name = "exact",
	.create = exact_create,
	.destroy = exact_destroy,
	.expect = exact_expect,
	.add = exact_add,
	.remove = exact_remove,
	.find = exact_find,
	.resize = exact_resize,
	.settle = exact_settle,
	.leaf = true,
};
