/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * hash: 64-bit keyed hash of key words by folded 64x64 multiplications. The same on every CPU (tables in
 * shared memory are read by others), and seeded per table, so nobody outside can aim at a bucket.
 */
#ifndef FLOW_HASH_H
#define FLOW_HASH_H

#include <stdint.h>

struct flow_seed {
	uint64_t s[4]; /* odd */
};

static inline uint64_t flow_fold(uint64_t a, uint64_t b)
{
	unsigned __int128 p = (unsigned __int128)a * b;

	return (uint64_t)p ^ (uint64_t)(p >> 64);
}

static inline uint64_t flow_hash2(const struct flow_seed *seed, uint64_t a, uint64_t b)
{
	return flow_fold(flow_fold(a ^ seed->s[0], b ^ seed->s[1]) ^ seed->s[2], seed->s[3]);
}

static inline uint64_t flow_hash_words(const struct flow_seed *seed, const uint64_t *w, unsigned n)
{
	uint64_t h = seed->s[2] + n;
	unsigned i = 0;

	/* Pairs do not wait for each other; `i` in the seed keeps equal pairs apart. */
	for (; i + 2 <= n; i += 2)
		h ^= flow_fold(w[i] ^ (seed->s[0] + i), w[i + 1] ^ (seed->s[1] - i)) * (2 * i + 1);
	if (i < n)
		h ^= flow_fold(w[i] ^ (seed->s[0] + i), seed->s[1] - i) * (2 * i + 1);
	return flow_fold(h, seed->s[3]);
}

#endif
