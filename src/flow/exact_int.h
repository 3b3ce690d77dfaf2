/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Insides of the exact table. One region per table:
 *
 *   buckets of all levels | pool links | records
 *
 * A record is the packed key (the 32-bit words the mask touches, masked, in whole 64-bit words: an IPv4
 * five-tuple is three),  the caller's data, and a live word. Its
 * size is a multiple of 8, and a multiple of 64 when it is larger than that, so that small records never
 * cross a line more often than they must.
 */
#ifndef FLOW_EXACT_INT_H
#define FLOW_EXACT_INT_H

#include <string.h>

#include "base/base.h"
#include "flow/bucket.h"
#include "flow/exact.h"
#include "flow/flow_int.h"
#include "flow/hash.h"
#include "flow/pool.h"

#define EXACT_WORDS (FLOW_KEY_SIZE / 8)
#define EXACT_HALVES (FLOW_KEY_SIZE / 4)

struct flow_exact;

/* Search keys[i] for each bit of todo; see exact_burst.h. */
typedef uint64_t (*exact_find_fn)(
	const struct flow_exact *t, const struct flow_key *keys, uint64_t todo, uint32_t *index);

struct flow_exact {
	/* What a lookup reads. */
	struct bkt_index index;
	struct bkt_state state;
	uint8_t *records;
	uint32_t stride;
	uint32_t nr_words;
	exact_find_fn find;
	bool one_line;             /* the mask lies in one line of the key: */
	uint16_t line_halves;      /* its 32-bit words there, */
	uint16_t line_at;          /* and the line's offset */
	uint32_t nr_halves;         /* 32-bit words of a flow key: which, and their bits */
	uint8_t half[EXACT_HALVES];
	uint32_t half_mask[EXACT_HALVES];
	uint64_t seed[EXACT_WORDS + 1] __attribute__((aligned(64))); /* one per word of the key; the last for all */
	/* The rest. */
	struct flow_key mask;
	unsigned lines;
	uint32_t data_at, data_len, live_at;
	uint32_t capacity, reserved;
	uint32_t count;
	uint32_t high; /* records below may have been used */
	size_t at_records;
	size_t settled;         /* flow_exact_settle: bytes of records, */
	uint32_t settled_level; /* and the bucket array */
	struct flow_region region;
	struct flow_ahead ahead;
	struct flow_pool pool;
};

static inline uint8_t *exact_record(const struct flow_exact *t, uint32_t index)
{
	return t->records + (uint64_t)index * t->stride;
}

/* The packed key of a flow key under the table's mask. */
static inline void exact_pack(
	const struct flow_exact *t, const struct flow_key *key, uint64_t *words)
{
	words[t->nr_words - 1] = 0; /* its upper half may be nobody's */
	for (unsigned i = 0; i < t->nr_halves; i++) {
		uint32_t half;

		memcpy(&half, key->bytes + t->half[i] * 4, 4);
		half &= t->half_mask[i];
		memcpy((uint8_t *)words + i * 4, &half, 4);
	}
}

/* The hash of a packed key whose words are already XORed with their seeds: a seed of its own for each word keeps
 * equal pairs apart, so a pair costs one multiplication. */
static inline __attribute__((always_inline)) uint64_t exact_hash_seeded(
	const struct flow_exact *t, const uint64_t *seeded, unsigned nr)
{
	uint64_t last = t->seed[EXACT_WORDS], h = 0;

#pragma GCC unroll 4
	for (unsigned i = 0; i + 2 <= nr; i += 2)
		h ^= flow_fold(seeded[i], seeded[i + 1]);
	if (nr & 1)
		h ^= flow_fold(seeded[nr - 1], last);
	return flow_fold(h ^ last, 0x9e3779b97f4a7c15ull);
}

static inline __attribute__((always_inline)) uint64_t exact_hash(
	const struct flow_exact *t, const uint64_t *words, unsigned nr)
{
	uint64_t seeded[EXACT_WORDS];

#pragma GCC unroll 8
	for (unsigned i = 0; i < nr; i++)
		seeded[i] = words[i] ^ t->seed[i];
	return exact_hash_seeded(t, seeded, nr);
}

uint64_t exact_find_generic(
	const struct flow_exact *t, const struct flow_key *keys, uint64_t todo, uint32_t *index);
uint64_t exact_find_avx2(
	const struct flow_exact *t, const struct flow_key *keys, uint64_t todo, uint32_t *index);
uint64_t exact_find_avx512(
	const struct flow_exact *t, const struct flow_key *keys, uint64_t todo, uint32_t *index);

#endif
