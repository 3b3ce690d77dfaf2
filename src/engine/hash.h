/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * hash: fast hashes of short keys for tables (flow keys, connections). Seeded, not cryptographic: a
 * table that strangers fill takes its seed from rng_fresh_seed(), and bounds its chains anyway.
 *
 * Method: 16 bytes at a time are folded by a 64x64 -> 128 bit multiplication whose halves are
 * xored; each half of the input is first xored with the seed and a constant of its position. The
 * products of a key are independent, so a 64-byte key costs little more than a 16-byte one, and no
 * instruction set is needed. Toeplitz (RSS) is DPDK's rte_thash, in the packet rooms.
 *
 * Fixed sizes are inline, read exactly that many bytes (any alignment) and give the same value as
 * hash_bytes() of the same length. Values differ between byte orders: never store them.
 */
#ifndef ENGINE_HASH_H
#define ENGINE_HASH_H

#include "base/base.h"

#include <string.h>

/* Odd constants without structure: the fraction bits of sqrt(2), sqrt(3), sqrt(5), sqrt(7) and pi.
 */
#define HASH_K0 0x6a09e667f3bcc909ull
#define HASH_K1 0xbb67ae8584caa73bull
#define HASH_K2 0x3c6ef372fe94f82bull
#define HASH_K3 0xa54ff53a5f1d36f1ull
#define HASH_K4 0x243f6a8885a308d3ull

static inline uint64_t hash_fold(uint64_t a, uint64_t b)
{
	unsigned __int128 p = (unsigned __int128)a * b;

	return (uint64_t)p ^ (uint64_t)(p >> 64);
}

static inline uint64_t hash_word(const void *p)
{
	uint64_t v;

	memcpy(&v, p, 8);
	return v;
}

static inline uint64_t hash_block(const void *p, uint64_t ka, uint64_t kb)
{
	return hash_fold(hash_word(p) ^ ka, hash_word((const uint8_t *)p + 8) ^ kb);
}

/* Length and all blocks together once more, so that every input bit reaches every output bit. */
static inline uint64_t hash_last(uint64_t h, uint64_t len, uint64_t seed)
{
	return hash_fold(h ^ HASH_K4, len ^ seed ^ HASH_K1);
}

static inline uint64_t hash_8(const void *key, uint64_t seed)
{
	return hash_last(hash_fold(hash_word(key) ^ HASH_K0 ^ seed, HASH_K1 ^ seed), 8, seed);
}

static inline uint64_t hash_16(const void *key, uint64_t seed)
{
	return hash_last(hash_block(key, HASH_K0 ^ seed, HASH_K1 ^ seed), 16, seed);
}

static inline uint64_t hash_32(const void *key, uint64_t seed)
{
	const uint8_t *p = key;

	return hash_last(hash_block(p, HASH_K0 ^ seed, HASH_K1 ^ seed) ^
				 hash_block(p + 16, HASH_K2 ^ seed, HASH_K3 ^ seed),
		32, seed);
}

static inline uint64_t hash_48(const void *key, uint64_t seed)
{
	const uint8_t *p = key;

	return hash_last(hash_block(p, HASH_K0 ^ seed, HASH_K1 ^ seed) ^
				 hash_block(p + 16, HASH_K2 ^ seed, HASH_K3 ^ seed) ^
				 hash_block(p + 32, HASH_K1 + seed, HASH_K4 + seed),
		48, seed);
}

static inline uint64_t hash_64(const void *key, uint64_t seed)
{
	const uint8_t *p = key;

	return hash_last(hash_block(p, HASH_K0 ^ seed, HASH_K1 ^ seed) ^
				 hash_block(p + 16, HASH_K2 ^ seed, HASH_K3 ^ seed) ^
				 hash_block(p + 32, HASH_K1 + seed, HASH_K4 + seed) ^
				 hash_block(p + 48, HASH_K3 + seed, HASH_K0 + seed),
		64, seed);
}

/* Any length. */
uint64_t hash_bytes(const void *key, size_t len, uint64_t seed);

/* One integer. */
static inline uint64_t hash_u64(uint64_t v, uint64_t seed)
{
	return hash_8(&v, seed);
}

/* To 32 bits, all of them used. */
static inline uint32_t hash_to32(uint64_t h)
{
	return (uint32_t)(h ^ h >> 32);
}

#endif
