/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * conn_find_burst: what of the batched search (conn_find.c) has variants, one body for all; a variant gives it its tag
 * match. What the first candidate does not answer (another one, a displaced key, a home that has moved) bkt_find does.
 */
#ifndef FLOW_CONN_FIND_BURST_H
#define FLOW_CONN_FIND_BURST_H

#include <rte_prefetch.h>

#include "flow/conn_int.h"

#define INLINE inline __attribute__((always_inline))

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

static INLINE const struct bkt *conn_home(const struct conn_batch *b, unsigned i)
{
	return &b->homes[b->hash[i] & b->home_mask];
}

static INLINE void conn_match(struct conn_batch *b, unsigned from, unsigned to, unsigned shift, bkt_matcher match)
{
	const uint8_t *dirs = b->f->dirs;
	const struct bkt *homes = b->homes;
	uint64_t home_mask = b->home_mask;

	for (unsigned i = from; i < to; i++) {
		const struct bkt *home = &homes[b->hash[i] & home_mask];
		uint32_t m = match(home, bkt_tag(b->hash[i]));
		uint32_t id = m ? bkt_id(home, __builtin_ctz(m)) : 0;

		b->id[i] = id;
		rte_prefetch0_write(dirs + ((uint64_t)id << shift));
		if (shift > 6)
			rte_prefetch0_write(dirs + ((uint64_t)id << shift) + 64);
	}
}

static INLINE uint32_t conn_find(
	const struct conn_batch *b, unsigned i, unsigned words, bkt_matcher match, bkt_equal equal)
{
	const struct bkt_index *x = &b->f->index;

	/* A plain miss: nothing of this home lies elsewhere. */
	if (likely(!b->id[i] && !(bkt_head(conn_home(b, i)) & bkt_elsewhere(b->hash[i])) && bkt_level(x) == b->level))
		return 0;
	return bkt_find(x, b->hash[i], match, equal, &b->words[i * words]);
}

#define CONN_FIND_VARIANT(isa, matcher)                                      \
	static void match4(struct conn_batch *b, unsigned from, unsigned to)     \
	{                                                                        \
		conn_match(b, from, to, 6, matcher);                                 \
	}                                                                        \
	static void match6(struct conn_batch *b, unsigned from, unsigned to)     \
	{                                                                        \
		conn_match(b, from, to, 7, matcher);                                 \
	}                                                                        \
	static uint32_t find4(const struct conn_batch *b, unsigned i)            \
	{                                                                        \
		return conn_find(b, i, 2, matcher, conn_equal4);                     \
	}                                                                        \
	static uint32_t find6(const struct conn_batch *b, unsigned i)            \
	{                                                                        \
		return conn_find(b, i, 5, matcher, conn_equal6);                     \
	}                                                                        \
	const struct conn_steps conn_steps_##isa[2] = {{match4, find4}, {match6, find6}};

#endif
