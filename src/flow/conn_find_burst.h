/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * conn_find_burst: two steps of the batched search (conn_find.c), one body for all variants; a variant gives it its tag
 * match. What does not end well here (another candidate, a displaced key, a home that has moved) goes through bkt_find.
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

	for (unsigned i = from; i < to; i++) {
		const struct bkt *home = conn_home(b, i);
		uint32_t m = match(home, bkt_tag(b->hash[i]));

		b->id[i] = m ? bkt_id(home, __builtin_ctz(m)) : 0;
		rte_prefetch0_write(dirs + ((uint64_t)b->id[i] << shift));
		if (shift > 6)
			rte_prefetch0_write(dirs + ((uint64_t)b->id[i] << shift) + 64);
	}
}

static INLINE void conn_judge(struct conn_batch *b, unsigned from, unsigned to, unsigned words, bkt_matcher match, bkt_equal equal)
{
	const struct bkt_index *x = &b->f->index;

	for (unsigned i = from; i < to; i++) {
		const struct bkt *home = conn_home(b, i);

		if (likely(b->id[i] && equal(b->f, b->id[i], &b->words[i * words])))
			continue;
		/* A plain miss: nothing of this home lies elsewhere. */
		if (likely(!b->id[i] && !(bkt_head(home) & (BKT_MOVED | BKT_FAR_MASK)) && bkt_level(x) == b->level))
			continue;
		b->id[i] = bkt_find(x, b->hash[i], match, equal, &b->words[i * words]);
	}
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
	static void judge4(struct conn_batch *b, unsigned from, unsigned to)     \
	{                                                                        \
		conn_judge(b, from, to, 2, matcher, conn_equal4);                    \
	}                                                                        \
	static void judge6(struct conn_batch *b, unsigned from, unsigned to)     \
	{                                                                        \
		conn_judge(b, from, to, 5, matcher, conn_equal6);                    \
	}                                                                        \
	const struct conn_steps conn_steps_##isa[2] = {{match4, judge4}, {match6, judge6}};

#endif
