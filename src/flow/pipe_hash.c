/* SPDX-License-Identifier: BSD-3-Clause */
/* HASH: the hash of the masked key selects the entry; or all of them, when it floods (walk.c makes the copies). */
#include <stdlib.h>

#include "base/refuse.h"
#include "flow/pipe_int.h"

static int hash_create(struct flow_pipe *pipe, const struct flow_pipe_cfg *cfg)
{
	if (!cfg->nr_entries || (!cfg->hash_flood && (cfg->nr_entries & (cfg->nr_entries - 1))))
		return refuse(EINVAL, "pipe '%s': %u hash entries; a power of two is needed", pipe->name, cfg->nr_entries);
	if (cfg->hash_flood && (cfg->nr_entries > 256 || cfg->nr_entries * (pipe->max_ops + 8) > 2000))
		return refuse(EINVAL, "pipe '%s': %u copies with up to %u actions each are too many for one packet", pipe->name,
			cfg->nr_entries, pipe->max_ops);
	pipe->nr_slots = cfg->nr_entries;
	pipe->flood = cfg->hash_flood;
	pipe->hash = cfg->hash_algorithm;
	if (pipe->hash == FLOW_HASH_RANDOM)
		pipe->match.mask.meta.random = 0xffff;
	if (pipe->flood)
		pipe->match.mask = (struct flow_key){};
	pipe->slots = calloc(pipe->nr_slots, sizeof(*pipe->slots));
	return pipe->slots ? 0 : refuse(ENOMEM, "pipe '%s': no memory for %u entries", pipe->name, pipe->nr_slots);
}

/* The masked bits themselves, folded: consecutive addresses go to consecutive entries. */
static uint64_t identity(const struct flow_key *key, const struct flow_key *mask)
{
	uint64_t h = 0;

	for (unsigned i = 0; i < FLOW_KEY_SIZE; i++)
		if (mask->bytes[i])
			h = (h << 8 | h >> 56) ^ (key->bytes[i] & mask->bytes[i]);
	return h;
}

uint32_t flow_pipe_hash(const struct flow_pipe *pipe, const struct flow_key *key)
{
	uint64_t h;

	switch (pipe->hash) {
	case FLOW_HASH_RANDOM:
		h = key->meta.random;
		break;
	case FLOW_HASH_IDENTITY:
		h = identity(key, &pipe->match.mask);
		break;
	default:
		h = pipe_key_hash(key, &pipe->match.mask);
		h ^= h >> 32;
	}
	return h & (pipe->nr_slots - 1);
}

static struct flow_entry *hash_find(const struct flow_pipe *pipe, const struct flow_key *key, struct flow_key *looked)
{
	pipe_key_or(looked, &pipe->match.mask);
	return __atomic_load_n(&pipe->slots[flow_pipe_hash(pipe, key)], __ATOMIC_ACQUIRE);
}

static int hash_add(struct flow_pipe *pipe, struct flow_entry *entry, const struct flow_entry_spec *spec)
{
	return pipe_list.add(pipe, entry, spec);
}

static void hash_remove(struct flow_pipe *pipe, struct flow_entry *entry)
{
	pipe_list.remove(pipe, entry);
}

const struct pipe_kind pipe_hash = {
	.name = "hash",
	.create = hash_create,
	.add = hash_add,
	.remove = hash_remove,
	.find = hash_find,
};
