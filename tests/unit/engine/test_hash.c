/* SPDX-License-Identifier: BSD-3-Clause */
/* hash: fixed sizes agree with the general one; avalanche, collisions and buckets of flow-like
 * keys. */
#include "engine/hash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/rng.h"

typedef uint64_t (*fixed_fn)(const void *key, uint64_t seed);

static const struct {
	size_t len;
	fixed_fn fn;
} fixed[] = {{8, hash_8}, {16, hash_16}, {32, hash_32}, {48, hash_48}, {64, hash_64}};

static void fixed_equal_general(void **state)
{
	struct rng r;

	rng_init(&r, rng_test_seed("hash"));
	for (int round = 0; round < 1000; round++)
		for (size_t i = 0; i < ARRAY_SIZE(fixed); i++) {
			uint8_t *key = malloc(fixed[i].len); /* exact: ASan sees an overread */
			uint64_t seed = rng_u64(&r);

			rng_bytes(&r, key, fixed[i].len);
			assert_int_equal(
				fixed[i].fn(key, seed), hash_bytes(key, fixed[i].len, seed));
			free(key);
		}
}

/* Each input bit flips each output bit in about half of the cases. */
static void avalanche(void **state)
{
	enum { SAMPLES = 400 };
	struct rng r;

	rng_init(&r, rng_test_seed("hash avalanche"));
	for (size_t i = 0; i < ARRAY_SIZE(fixed); i++)
		for (size_t bit = 0; bit < fixed[i].len * 8; bit++) {
			unsigned flips = 0;

			for (int s = 0; s < SAMPLES; s++) {
				uint8_t key[64];
				uint64_t seed = rng_u64(&r), before;

				rng_bytes(&r, key, sizeof(key));
				before = fixed[i].fn(key, seed);
				key[bit / 8] ^= (uint8_t)(1u << bit % 8);
				flips += (unsigned)__builtin_popcountll(
					before ^ fixed[i].fn(key, seed));
			}
			assert_in_range(flips, SAMPLES * 64 * 44 / 100, SAMPLES * 64 * 56 / 100);
		}
}

static void length_and_seed_matter(void **state)
{
	uint8_t zeros[80] = {0};
	uint64_t seen[81];

	for (size_t len = 0; len <= 80; len++) {
		seen[len] = hash_bytes(zeros, len, 7);
		for (size_t other = 0; other < len; other++)
			assert_int_not_equal(seen[len], seen[other]);
	}
	assert_int_not_equal(hash_16(zeros, 1), hash_16(zeros, 2));
}

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* A million 5-tuples that differ in a few low bits only, as real ones do: no 64-bit collision, and
 * buckets of both ends of the hash as full as chance fills them. */
static void flow_like_keys_spread(void **state)
{
	enum { N = 1 << 20, BUCKETS = 1 << 17 };
	uint64_t *h = malloc(N * sizeof(*h));
	uint16_t *low = calloc(BUCKETS, 2), *high = calloc(BUCKETS, 2);
	unsigned worst = 0;

	for (uint32_t i = 0; i < N; i++) {
		uint8_t key[48] = {10, 0, 0, 0, 10, 96, 0, 100};

		key[2] = (uint8_t)(i >> 12);
		key[3] = (uint8_t)(i >> 4);
		key[21] = (uint8_t)(i & 15);
		h[i] = hash_48(key, 0x5eed);
		low[h[i] & (BUCKETS - 1)]++;
		high[h[i] >> 47]++;
	}
	for (uint32_t b = 0; b < BUCKETS; b++)
		worst = MAX_OF(worst, MAX_OF(low[b], high[b]));
	assert_in_range(worst, 18, 34); /* mean 8; a random function's fullest is about 25 */
	qsort(h, N, sizeof(*h), by_value);
	for (uint32_t i = 1; i < N; i++)
		assert_int_not_equal(h[i - 1], h[i]);
	free(h);
	free(low);
	free(high);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fixed_equal_general),
		cmocka_unit_test(avalanche),
		cmocka_unit_test(length_and_seed_matter),
		cmocka_unit_test(flow_like_keys_spread),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
