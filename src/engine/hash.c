/* SPDX-License-Identifier: BSD-3-Clause */
#include "engine/hash.h"

/* Keys of a position in a long input: 64 bytes use the constants of hash_64, the next 64 others. */
static uint64_t block_at(const uint8_t *p, size_t i, uint64_t seed)
{
	uint64_t round = seed + i / 4 * HASH_K2;

	switch (i % 4) {
	case 0:
		return hash_block(p, HASH_K0 ^ round, HASH_K1 ^ round);
	case 1:
		return hash_block(p, HASH_K2 ^ round, HASH_K3 ^ round);
	case 2:
		return hash_block(p, HASH_K1 + round, HASH_K4 + round);
	default:
		return hash_block(p, HASH_K3 + round, HASH_K0 + round);
	}
}

uint64_t hash_bytes(const void *key, size_t len, uint64_t seed)
{
	const uint8_t *p = key;
	uint64_t h = 0;
	uint8_t last[16] = {0};
	size_t i;

	if (len == 8)
		return hash_8(key, seed);
	for (i = 0; (i + 1) * 16 <= len; i++)
		h ^= block_at(p + i * 16, i, seed);
	if (len % 16) {
		memcpy(last, p + i * 16, len % 16);
		h ^= block_at(last, i, seed);
	}
	return hash_last(h, len, seed);
}
