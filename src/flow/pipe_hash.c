/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * HASH: the hash of the masked key selects the entry; or all of them, when it floods (walk.c makes the copies).
 *
 * The function is the one that DPDK's mlx5 driver computes for tables that distribute by hash (rte_flow_calc_table_hash):
 * CRC-32 (reflected 0xedb88320, starting at 0, not inverted) of the 32-byte match tag, read as a big-endian number; the low
 * bits select. In the tag the first four-byte word that is hashed stands at byte 20, the next at 16 and so on down to 0, then
 * 24 and 28. Words are those of struct flow_key in its order; more than eight go into further tags, the CRC going on.
 */
#include <stdlib.h>
#include <string.h>

#include <rte_byteorder.h>

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

#define TAG_WORDS 8

static uint32_t crc32_step(uint32_t crc, uint32_t byte)
{
	crc ^= byte;
	for (unsigned bit = 0; bit < 8; bit++)
		crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
	return crc;
}

static uint32_t crc32_tag(uint32_t crc, const uint32_t *tag)
{
	const uint8_t *bytes = (const uint8_t *)tag;

	for (unsigned i = 0; i < TAG_WORDS * 4; i++)
		crc = crc32_step(crc, bytes[i]);
	return crc;
}

static uint32_t tag_hash(const struct flow_key *key, const struct flow_key *mask)
{
	static const uint8_t place[TAG_WORDS] = {5, 4, 3, 2, 1, 0, 6, 7};
	uint32_t tag[TAG_WORDS] = {0}, crc = 0, word, bits;
	unsigned n = 0;

	for (unsigned i = 0; i < FLOW_KEY_SIZE; i += 4) {
		memcpy(&bits, mask->bytes + i, 4);
		if (!bits)
			continue;
		memcpy(&word, key->bytes + i, 4);
		tag[place[n++]] = word & bits;
		if (n == TAG_WORDS) {
			crc = crc32_tag(crc, tag);
			memset(tag, 0, sizeof(tag));
			n = 0;
		}
	}
	return rte_be_to_cpu_32(n ? crc32_tag(crc, tag) : crc);
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
		h = tag_hash(key, &pipe->match.mask);
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
