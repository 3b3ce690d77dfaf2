/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * exact_burst: the batched search, one body for all variants. Three passes: pack, hash, and ask for the
 * bucket; match tags and ask for the record; compare. What does not end well there goes through bkt_find.
 * The number of words is a constant in the common cases, so packing, hashing and comparing unroll.
 */
#ifndef FLOW_EXACT_BURST_H
#define FLOW_EXACT_BURST_H

#include <rte_prefetch.h>

#include "flow/exact_int.h"

#define INLINE inline __attribute__((always_inline))
#define EXACT_CHUNK \
	32 /* keys in flight: enough for the memory system, small enough for the first cache */

struct exact_chunk {
	unsigned n;
	uint8_t place[EXACT_CHUNK];
	uint64_t hash[EXACT_CHUNK];
	uint32_t id[EXACT_CHUNK];
};

static INLINE bool exact_same(
	const struct flow_exact *t, uint32_t id, const uint64_t *words, unsigned nr)
{
	const uint64_t *k = (const uint64_t *)exact_record(t, id);
	uint64_t diff = 0;

	for (unsigned i = 0; i < nr; i++)
		diff |= k[i] ^ words[i];
	return diff == 0;
}

static bool exact_equal(const void *owner, uint32_t id, const void *key)
{
	const struct flow_exact *t = owner;

	return exact_same(t, id, key, t->nr_words);
}

/* The packed key; may write up to 64 bytes when there are at most eight words. */
typedef void (*exact_packer)(
	const struct flow_exact *t, const struct flow_key *key, uint64_t *words, unsigned nr);

static INLINE void exact_pack_words(
	const struct flow_exact *t, const struct flow_key *key, uint64_t *words, unsigned nr)
{
	for (unsigned i = 0; i < nr; i++)
		words[i] = key->words[t->word[i]] & t->word_mask[i];
}

static INLINE unsigned exact_collect(const struct flow_exact *t, const struct flow_key *keys,
	uint64_t *todo, struct exact_chunk *c, uint64_t *words, unsigned nr, uint32_t level,
	exact_packer pack)
{
	for (c->n = 0; *todo && c->n < EXACT_CHUNK; c->n++, *todo &= *todo - 1) {
		unsigned at = __builtin_ctzll(*todo);
		uint64_t *w = &words[c->n * nr];

		pack(t, &keys[at], w, nr);
		c->place[c->n] = at;
		c->hash[c->n] = flow_hash_words(&t->seed, w, nr);
		rte_prefetch0(bkt_home(&t->index, level, c->hash[c->n]));
	}
	return c->n;
}

static INLINE uint64_t exact_finish(const struct flow_exact *t, struct exact_chunk *c,
	const uint64_t *words, unsigned nr, uint32_t level, bkt_matcher match, uint32_t *index)
{
	uint64_t hits = 0;

	for (unsigned i = 0; i < c->n; i++) {
		const struct bkt *b = bkt_home(&t->index, level, c->hash[i]);
		uint32_t id = c->id[i];

		if (likely(id && exact_same(t, id, &words[i * nr], nr)))
			goto hit;
		if (likely(!id && !(bkt_head(b) & (BKT_MOVED | BKT_FAR_MASK)) &&
			    bkt_level(&t->index) == level))
			continue;
		id = bkt_find(&t->index, c->hash[i], match, exact_equal, &words[i * nr]);
		if (!id)
			continue;
	hit:
		index[c->place[i]] = id;
		hits |= (uint64_t)1 << c->place[i];
	}
	return hits;
}

static INLINE uint64_t exact_search(const struct flow_exact *t, const struct flow_key *keys,
	uint64_t todo, uint32_t *index, unsigned nr, bkt_matcher match, exact_packer pack)
{
	uint64_t words[EXACT_CHUNK * EXACT_WORDS], hits = 0;
	struct exact_chunk c;

	while (todo) {
		uint32_t level = bkt_level(&t->index);

		exact_collect(t, keys, &todo, &c, words, nr, level, pack);
		for (unsigned i = 0; i < c.n; i++) {
			const struct bkt *b = bkt_home(&t->index, level, c.hash[i]);
			uint32_t m = match(b, bkt_tag(c.hash[i]));

			c.id[i] = m ? bkt_id(b, __builtin_ctz(m)) : 0;
			rte_prefetch0(exact_record(t, c.id[i]));
			if (nr > 8)
				rte_prefetch0(exact_record(t, c.id[i]) + 64);
		}
		hits |= exact_finish(t, &c, words, nr, level, match, index);
	}
	return hits;
}

#define EXACT_FIND_VARIANT(isa, match, pack)                                                 \
	uint64_t exact_find_##isa(const struct flow_exact *t, const struct flow_key *keys,   \
		uint64_t todo, uint32_t *index)                                              \
	{                                                                                    \
		switch (t->nr_words) {                                                       \
		case 3:                                                                      \
			return exact_search(t, keys, todo, index, 3, match, pack);           \
		case 4:                                                                      \
			return exact_search(t, keys, todo, index, 4, match, pack);           \
		case 5:                                                                      \
			return exact_search(t, keys, todo, index, 5, match, pack);           \
		case 6:                                                                      \
			return exact_search(t, keys, todo, index, 6, match, pack);           \
		case 8:                                                                      \
			return exact_search(t, keys, todo, index, 8, match, pack);           \
		default:                                                                     \
			return exact_search(                                                 \
				t, keys, todo, index, t->nr_words, match, exact_pack_words); \
		}                                                                            \
	}

#endif
