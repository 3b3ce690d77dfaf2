/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * conn_find_burst: the batched search, one body for all variants; a variant gives it its tag match. A key goes
 * through three steps: hash and ask for the bucket; match tags and ask for the record; compare. The steps of one
 * key stand CONN_AHEAD keys apart (as in exact_burst.h). What does not end well there (another candidate, a
 * displaced key, a home that has moved) goes through bkt_find.
 */
#ifndef FLOW_CONN_FIND_BURST_H
#define FLOW_CONN_FIND_BURST_H

#include <rte_prefetch.h>

#include "flow/conn_int.h"

#define INLINE inline __attribute__((always_inline))
#define CONN_AHEAD 8

static INLINE bool conn_equal4(const void *owner, uint32_t id, const void *key)
{
	const uint64_t *k = conn_dir_key(owner, id), *w = key;

	return ((k[0] ^ w[0]) | (k[1] ^ w[1])) == 0;
}

static INLINE bool conn_equal6(const void *owner, uint32_t id, const void *key)
{
	const uint64_t *k = conn_dir_key(owner, id), *w = key;

	return ((k[0] ^ w[0]) | (k[1] ^ w[1]) | (k[2] ^ w[2]) | (k[3] ^ w[3]) | (k[4] ^ w[4])) == 0;
}

static INLINE void conn_find_burst(const struct conn_family *f, const struct flow_seed *seed,
	const uint64_t *keys, uint32_t *ids, unsigned n, unsigned words, unsigned shift,
	uint64_t (*hash_of)(const struct flow_seed *, const uint64_t *), bkt_matcher match,
	bkt_equal equal)
{
	const struct bkt_index *x = &f->index;
	uint32_t level = bkt_level(x);
	const struct bkt *homes = bkt_at(x, level, 0);
	uint64_t hash[64], home_mask = ((uint64_t)1 << level) - 1;
	const uint8_t *dirs = f->dirs;

	for (unsigned i = 0; i < n + 2 * CONN_AHEAD; i++) {
		if (i < n) {
			hash[i] = hash_of(seed, &keys[i * words]);
			rte_prefetch0(&homes[hash[i] & home_mask]);
		}
		if (i >= CONN_AHEAD && i - CONN_AHEAD < n) {
			unsigned k = i - CONN_AHEAD;
			const struct bkt *b = &homes[hash[k] & home_mask];
			uint32_t m = match(b, bkt_tag(hash[k]));

			ids[k] = m ? bkt_id(b, __builtin_ctz(m)) : 0;
			rte_prefetch0(dirs + ((uint64_t)ids[k] << shift));
			if (shift > 6)
				rte_prefetch0(dirs + ((uint64_t)ids[k] << shift) + 64);
		}
		if (i >= 2 * CONN_AHEAD) {
			unsigned k = i - 2 * CONN_AHEAD;
			const struct bkt *b = &homes[hash[k] & home_mask];

			if (likely(ids[k] && equal(f, ids[k], &keys[k * words])))
				continue;
			/* A plain miss: nothing of this home lies elsewhere. */
			if (likely(!ids[k] && !(bkt_head(b) & (BKT_MOVED | BKT_FAR_MASK)) && bkt_level(x) == level))
				continue;
			ids[k] = bkt_find(x, hash[k], match, equal, &keys[k * words]);
		}
	}
}

#define CONN_FIND_VARIANT(isa, match)                                                         \
	void conn_find4_##isa(const struct conn_family *f, const struct flow_seed *seed,      \
		const uint64_t *keys, uint32_t *ids, unsigned n)                              \
	{                                                                                     \
		conn_find_burst(f, seed, keys, ids, n, 2, 6, conn_hash4, match, conn_equal4); \
	}                                                                                     \
	void conn_find6_##isa(const struct conn_family *f, const struct flow_seed *seed,      \
		const uint64_t *keys, uint32_t *ids, unsigned n)                              \
	{                                                                                     \
		conn_find_burst(f, seed, keys, ids, n, 5, 7, conn_hash6, match, conn_equal6); \
	}

#endif
