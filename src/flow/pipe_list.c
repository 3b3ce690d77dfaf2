/* SPDX-License-Identifier: BSD-3-Clause */
/* LIST: no match; the forward that leads here names the list by index (walk.c takes it from there). */
#include <stdlib.h>

#include "base/refuse.h"
#include "flow/pipe_int.h"

static int list_create(struct flow_pipe *pipe, const struct flow_pipe_cfg *cfg)
{
	pipe->nr_slots = MAX_OF(cfg->nr_entries, 1u);
	pipe->slots = calloc(pipe->nr_slots, sizeof(*pipe->slots));
	return pipe->slots ? 0 : refuse(ENOMEM, "pipe '%s': no memory for %u lists", pipe->name, pipe->nr_slots);
}

static int list_add(struct flow_pipe *pipe, struct flow_entry *entry, const struct flow_entry_spec *spec)
{
	struct flow_entry *none = NULL;

	if (spec->index >= pipe->nr_slots)
		return refuse(EINVAL, "pipe '%s': index %u, its indexes are 0..%u", pipe->name, spec->index, pipe->nr_slots - 1);
	entry->index = spec->index;
	if (!__atomic_compare_exchange_n(&pipe->slots[spec->index], &none, entry, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
		return refuse(EEXIST, "pipe '%s': index %u has an entry; update it instead", pipe->name, spec->index);
	return 0;
}

static void list_remove(struct flow_pipe *pipe, struct flow_entry *entry)
{
	__atomic_store_n(&pipe->slots[entry->index], NULL, __ATOMIC_RELEASE);
}

/* Reached without an index: there is nothing to find. */
static struct flow_entry *list_find(const struct flow_pipe *pipe, const struct flow_key *key, struct flow_key *looked)
{
	return NULL;
}

const struct pipe_kind pipe_list = {
	.name = "list",
	.create = list_create,
	.add = list_add,
	.remove = list_remove,
	.find = list_find,
};
