/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rng: xoshiro256** (Blackman and Vigna, "Scrambled linear pseudorandom number generators", 2018),
 * seeded through splitmix64. Fast, repeatable, not secret: never for keys or tokens.
 *
 * A generator belongs to one thread. Tests take their seed from rng_test_seed(), which prints it, and
 * SOFTDPU_SEED=<n> repeats a failed run.
 */
#ifndef BASE_RNG_H
#define BASE_RNG_H

#include "base/base.h"

struct rng {
	uint64_t s[4];
};

void rng_init(struct rng *r, uint64_t seed);

static inline uint64_t rng_u64(struct rng *r)
{
	uint64_t *s = r->s, x = s[1] * 5, t = s[1] << 17;
	uint64_t result = (x << 7 | x >> 57) * 9;

	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= t;
	s[3] = s[3] << 45 | s[3] >> 19;
	return result;
}

static inline uint32_t rng_u32(struct rng *r)
{
	return (uint32_t)(rng_u64(r) >> 32);
}

/* 0..n-1 without a division; n > 0. The bias is below n / 2^64. */
static inline uint64_t rng_below(struct rng *r, uint64_t n)
{
	return (uint64_t)((unsigned __int128)rng_u64(r) * n >> 64);
}

/* lo..hi, both included. */
static inline uint64_t rng_between(struct rng *r, uint64_t lo, uint64_t hi)
{
	return hi - lo == UINT64_MAX ? rng_u64(r) : lo + rng_below(r, hi - lo + 1);
}

/* 0 <= x < 1. */
static inline double rng_unit(struct rng *r)
{
	return (double)(rng_u64(r) >> 11) * 0x1p-53;
}

/* True once in n, on average. */
static inline bool rng_one_in(struct rng *r, uint64_t n)
{
	return rng_below(r, n) == 0;
}

void rng_bytes(struct rng *r, void *bytes, size_t len);

/* A seed from the kernel, for programs. */
uint64_t rng_fresh_seed(void);

/* $SOFTDPU_SEED or a fresh seed; printed to stderr with `name`, so that a failure can be repeated. */
uint64_t rng_test_seed(const char *name);

#endif
