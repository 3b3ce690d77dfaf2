/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * exact_burst: the batched search, one body for all variants. A key goes through three steps: pack, hash and ask
 * for the bucket; match tags and ask for the record; compare. EXACT_AHEAD keys take a step together, and between
 * two steps of a key lie steps of others: what was asked for arrives under them, and never more is asked for at
 * once than the first cache can wait for. What does not end well there goes through bkt_find.
 * The number of words is a constant in the common cases, so packing, hashing and comparing unroll.
 */
#ifndef FLOW_EXACT_BURST_H
#define FLOW_EXACT_BURST_H

#include <rte_prefetch.h>

#include "flow/exact_int.h"

#define INLINE inline __attribute__((always_inline))
#define EXACT_CHUNK 64 /* keys of one call at most */
#define EXACT_AHEAD 16

struct exact_chunk {
	uint8_t place[EXACT_CHUNK];
	uint64_t hash[EXACT_CHUNK];
	uint32_t id[EXACT_CHUNK];
};

/* What a search reads of the table, in registers. */
struct exact_view {
	const struct flow_exact *t;
	const struct bkt *homes;
	uint64_t home_mask;
	const uint8_t *records;
	uint32_t stride, level;
};

static INLINE struct exact_view exact_look(const struct flow_exact *t)
{
	uint32_t level = bkt_level(&t->index);

	return (struct exact_view){.t = t, .level = level, .homes = bkt_at(&t->index, level, 0),
		.home_mask = ((uint64_t)1 << level) - 1, .records = t->records, .stride = t->stride};
}

/* Packed keys stand a line apart when they fit one: a vector variant stores and loads them whole. */
static INLINE unsigned exact_slot(unsigned nr)
{
	return nr <= 8 ? 8 : nr;
}

static INLINE bool exact_same(const uint8_t *record, const uint64_t *words, unsigned nr)
{
	const uint64_t *k = (const uint64_t *)(const void *)record;
	uint64_t diff = 0;

#pragma GCC unroll 8
	for (unsigned i = 0; i < nr; i++)
		diff |= k[i] ^ words[i];
	return diff == 0;
}

static bool exact_equal(const void *owner, uint32_t id, const void *key)
{
	const struct flow_exact *t = owner;

	return exact_same(exact_record(t, id), key, t->nr_words);
}

/* The packed key; may write up to 64 bytes when there are at most eight words. */
typedef void (*exact_packer)(
	const struct flow_exact *t, const struct flow_key *key, uint64_t *words, unsigned nr);
typedef uint64_t (*exact_hasher)(const struct flow_exact *t, const uint64_t *words, unsigned nr);
typedef bool (*exact_comparer)(const uint8_t *record, const uint64_t *words, unsigned nr);

static INLINE void exact_pack_words(
	const struct flow_exact *t, const struct flow_key *key, uint64_t *words, unsigned nr)
{
	exact_pack(t, key, words);
}

/* Is b the same key to this table as a? */
typedef bool (*exact_repeater)(const struct flow_exact *t, const struct flow_key *a, const struct flow_key *b);

static INLINE bool exact_repeat_words(const struct flow_exact *t, const struct flow_key *a, const struct flow_key *b)
{
	uint32_t differ = 0;

	for (unsigned i = 0; i < t->nr_halves; i++) {
		uint32_t x, y;

		memcpy(&x, a->bytes + t->half[i] * 4, 4);
		memcpy(&y, b->bytes + t->half[i] * 4, 4);
		differ |= (x ^ y) & t->half_mask[i];
	}
	return !differ;
}

/* Bit i: the i-th key of todo is the one before it again. Packets of a flow come in trains; those behind the
 * first cost a compare. */
static INLINE uint64_t exact_repeats(
	const struct flow_exact *t, const struct flow_key *keys, uint64_t todo, exact_repeater repeat)
{
	const struct flow_key *before = &keys[todo ? __builtin_ctzll(todo) : 0];
	uint64_t repeats = 0;

	todo &= todo - 1;
	for (unsigned i = 1; todo; i++, todo &= todo - 1) {
		const struct flow_key *key = &keys[__builtin_ctzll(todo)];

		repeats |= (uint64_t)repeat(t, before, key) << i;
		before = key;
	}
	return repeats;
}

static INLINE void exact_match(const struct exact_view *v, struct exact_chunk *c, unsigned i, bkt_matcher match)
{
	const struct bkt *b = &v->homes[c->hash[i] & v->home_mask];
	uint32_t m = match(b, bkt_tag(c->hash[i]));
	const uint8_t *record;

	c->id[i] = m ? bkt_id(b, __builtin_ctz(m)) : 0;
	record = v->records + (uint64_t)c->id[i] * v->stride;
	rte_prefetch0(record);
	if (v->stride > 64)
		rte_prefetch0(record + 64);
}

/* The id of key i, 0 = none. */
static INLINE uint32_t exact_judge(const struct exact_view *v, const struct exact_chunk *c, unsigned i, const uint64_t *w,
	unsigned nr, bkt_matcher match, exact_comparer same)
{
	const struct bkt *b = &v->homes[c->hash[i] & v->home_mask];
	uint32_t id = c->id[i];

	if (likely(id && same(v->records + (uint64_t)id * v->stride, w, nr)))
		return id;
	if (likely(!id && !(bkt_head(b) & (BKT_MOVED | BKT_FAR_MASK)) && bkt_level(&v->t->index) == v->level))
		return 0;
	return bkt_find(&v->t->index, c->hash[i], match, exact_equal, w);
}

/* One train: what is found for the first key holds for all of todo. */
static INLINE uint64_t exact_search_train(const struct flow_exact *t, const struct flow_key *keys,
	uint64_t todo, uint32_t *index, unsigned nr, bkt_matcher match, exact_packer pack, exact_hasher hash)
{
	uint64_t words[EXACT_WORDS] __attribute__((aligned(64)));
	uint32_t id;

	pack(t, &keys[__builtin_ctzll(todo)], words, nr);
	id = bkt_find(&t->index, hash(t, words, nr), match, exact_equal, words);
	if (!id)
		return 0;
	for (uint64_t left = todo; left; left &= left - 1)
		index[__builtin_ctzll(left)] = id;
	return todo;
}

static INLINE uint64_t exact_search(const struct flow_exact *t, const struct flow_key *keys,
	uint64_t todo, uint32_t *index, unsigned nr, bkt_matcher match, exact_packer pack,
	exact_hasher hash, exact_comparer same, exact_repeater repeat)
{
	uint64_t words[EXACT_CHUNK * EXACT_WORDS] __attribute__((aligned(64))), hits = 0;
	uint64_t repeats = exact_repeats(t, keys, todo, repeat);
	uint32_t id = 0;
	unsigned n = __builtin_popcountll(todo), slot = exact_slot(nr);
	struct exact_view v = exact_look(t);
	struct exact_chunk c;

	if (!todo)
		return 0;
	if (__builtin_popcountll(repeats) == n - 1)
		return exact_search_train(t, keys, todo, index, nr, match, pack, hash);
	for (unsigned at = 0; at < n + 2 * EXACT_AHEAD; at += EXACT_AHEAD) {
		for (unsigned i = at; i < MIN_OF(at + EXACT_AHEAD, n); i++, todo &= todo - 1) {
			c.place[i] = __builtin_ctzll(todo);
			pack(t, &keys[c.place[i]], &words[i * slot], nr);
			c.hash[i] = hash(t, &words[i * slot], nr);
			rte_prefetch0(&v.homes[c.hash[i] & v.home_mask]);
		}
		for (unsigned i = at - EXACT_AHEAD; at >= EXACT_AHEAD && i < MIN_OF(at, n); i++)
			exact_match(&v, &c, i, match);
		for (unsigned i = at - 2 * EXACT_AHEAD; at >= 2 * EXACT_AHEAD && i < MIN_OF(at - EXACT_AHEAD, n); i++) {
			if (!(repeats >> i & 1))
				id = exact_judge(&v, &c, i, &words[i * slot], nr, match, same);
			if (likely(id)) {
				index[c.place[i]] = id;
				hits |= (uint64_t)1 << c.place[i];
			}
		}
	}
	return hits;
}

#define EXACT_FIND_VARIANT(isa, match, pack, hash, same, repeat)                             \
	uint64_t exact_find_##isa(const struct flow_exact *t, const struct flow_key *keys,   \
		uint64_t todo, uint32_t *index)                                              \
	{                                                                                    \
		switch (t->nr_words) {                                                       \
		case 3:                                                                      \
			return exact_search(t, keys, todo, index, 3, match, pack, hash, same, repeat);           \
		case 4:                                                                      \
			return exact_search(t, keys, todo, index, 4, match, pack, hash, same, repeat);           \
		case 5:                                                                      \
			return exact_search(t, keys, todo, index, 5, match, pack, hash, same, repeat);           \
		case 6:                                                                      \
			return exact_search(t, keys, todo, index, 6, match, pack, hash, same, repeat);           \
		case 8:                                                                      \
			return exact_search(t, keys, todo, index, 8, match, pack, hash, same, repeat);           \
		default:                                                                     \
			return exact_search(                                                 \
				t, keys, todo, index, t->nr_words, match, exact_pack_words, exact_hash, exact_same, repeat); \
		}                                                                            \
	}

#endif
