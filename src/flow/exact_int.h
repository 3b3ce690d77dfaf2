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
#include "flow/pool.h"

#define EXACT_WORDS (FLOW_KEY_SIZE / 8)
#define EXACT_HALVES (FLOW_KEY_SIZE / 4)
#define EXACT_MIX 0x9e3779b97f4a7c15ull

#define EXACT_CHUNK 64   /* keys of one search at most */
#define EXACT_ABREAST 8  /* a variant may stage so many keys at once */
#define EXACT_STEPS_NR 9 /* steps for keys of 0 (any number) to 8 words */

/* One search: see exact_find.c. */
struct exact_search {
	uint64_t words[EXACT_CHUNK * EXACT_WORDS] __attribute__((aligned(64))); /* packed keys, a slot each */
	uint64_t hash[EXACT_CHUNK] __attribute__((aligned(64)));
	const struct bkt *home[EXACT_CHUNK] __attribute__((aligned(64)));
	uint32_t elsewhere[EXACT_CHUNK] __attribute__((aligned(64))); /* bkt_elsewhere */
	uint16_t tag[EXACT_CHUNK] __attribute__((aligned(64)));
	uint8_t place[EXACT_CHUNK + EXACT_ABREAST]; /* of the keys in the caller's array, and the last one again */
	uint8_t candidate[EXACT_CHUNK + 1]; /* which keys, */
	uint16_t slots[EXACT_CHUNK + 1];    /* the slots with their tag, */
	uint32_t id[EXACT_CHUNK];           /* and the first of these */
	unsigned nr_candidates;
	/* what it reads of the table */
	const struct flow_exact *t;
	const struct bkt *homes;
	uint64_t home_mask;
};

struct exact_steps {
	/* The keys [from, to); may stage up to a multiple of EXACT_ABREAST. */
	void (*stage)(struct exact_search *s, const struct flow_key *keys, unsigned from, unsigned to);
	void (*match)(struct exact_search *s, unsigned from, unsigned to);
	/* The candidates [from, to): returns where in the caller's array there are hits. */
	uint64_t (*judge)(struct exact_search *s, unsigned from, unsigned to, uint32_t *index);
	/* Is b the same key to this table as a? */
	bool (*repeat)(const struct flow_exact *t, const struct flow_key *a, const struct flow_key *b);
};

struct flow_exact {
	struct flow_exact_layout layout; /* first: flow_exact_data */
	/* What a lookup reads. */
	struct bkt_index index;
	struct bkt_state state;
	uint32_t nr_words;
	const struct exact_steps *steps;
	bool one_line;             /* the mask lies in one line of the key: */
	uint16_t line_at;          /* the line's offset, */
	uint16_t line_halves;      /* as many low bits as it has 32-bit words there, */
	uint32_t squeeze[FLOW_KEY_LINE / 4] __attribute__((aligned(64))); /* and which they are */
	uint32_t nr_halves;         /* 32-bit words of a flow key: which, and their bits */
	uint8_t half[EXACT_HALVES];
	uint32_t half_mask[EXACT_HALVES];
	uint64_t seed[EXACT_WORDS] __attribute__((aligned(64))); /* of the key's words; zero behind them */
	/* The rest. */
	struct flow_key mask;
	unsigned lines;
	uint32_t data_len, live_at;
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
	return t->layout.records + (uint64_t)index * t->layout.stride;
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

/* The hash of a packed key: the halves of each word, either with a seed of its own, are multiplied (NH, of UMAC, RFC
 * 4418: two keys have one sum in 2^32 draws of the seeds), and the sum of the products is spread over all bits. One
 * 32-bit multiplication per word, and vectors have it. */
static inline uint64_t exact_mix(uint64_t sum)
{
	sum = (sum ^ sum >> 32) * EXACT_MIX;
	return sum ^ sum >> 32;
}

static inline __attribute__((always_inline)) uint64_t exact_hash(
	const struct flow_exact *t, const uint64_t *words, unsigned nr)
{
	uint64_t sum = 0;

#pragma GCC unroll 8
	for (unsigned i = 0; i < nr; i++)
		sum += (uint64_t)((uint32_t)words[i] + (uint32_t)t->seed[i]) *
		       ((uint32_t)(words[i] >> 32) + (uint32_t)(t->seed[i] >> 32));
	return exact_mix(sum);
}

extern const struct exact_steps exact_steps_generic[EXACT_STEPS_NR], exact_steps_avx2[EXACT_STEPS_NR],
	exact_steps_avx512[EXACT_STEPS_NR];

void exact_choose_steps(struct flow_exact *t);
/* flow_exact_lookup, for the room. */
uint64_t exact_find(const struct flow_exact *t, const struct flow_key *keys, uint64_t todo, uint32_t *index);

#endif
