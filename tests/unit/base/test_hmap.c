/* SPDX-License-Identifier: BSD-3-Clause */
/* hmap against a flat array searched from the front; hashes cut to few bits so that chains are long. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/hmap.h"
#include "base/rng.h"

#define KEYS 512

struct item {
	struct hmap_node node;
	uint32_t key;
	int serial;
};

static struct {
	struct item *items[4 * KEYS];
	int n;
} twin;

static uint64_t hash_of(uint32_t key, uint64_t mask)
{
	return hmap_hash_u64(key) & mask;
}

static int twin_count(uint32_t key)
{
	int n = 0;

	for (int i = 0; i < twin.n; i++)
		n += twin.items[i]->key == key;
	return n;
}

static int map_count(const struct hmap *map, uint32_t key, uint64_t mask)
{
	struct item *it;
	int n = 0;

	hmap_for_each_hash(it, map, hash_of(key, mask), node)
		n += it->key == key;
	return n;
}

static void compare_all(const struct hmap *map)
{
	static bool seen[1 << 20];
	struct item *it;
	int n = 0;

	memset(seen, 0, sizeof(seen));
	hmap_for_each(it, map, node) {
		assert_false(seen[it->serial]);
		seen[it->serial] = true;
		n++;
	}
	assert_int_equal(n, twin.n);
	for (int i = 0; i < twin.n; i++)
		assert_true(seen[twin.items[i]->serial]);
}

static void run(struct rng *r, uint64_t mask)
{
	struct hmap map = HMAP_INIT;
	int serial = 0;
	struct item *it, *tmp;

	twin.n = 0;
	for (int step = 0; step < 20000; step++) {
		uint32_t key = (uint32_t)rng_below(r, KEYS);

		if (twin.n < 4 * KEYS && rng_below(r, 100) < 52) {
			it = calloc(1, sizeof(*it));
			it->key = key;
			it->serial = serial++;
			hmap_insert(&map, &it->node, hash_of(key, mask));
			twin.items[twin.n++] = it;
		} else if (twin.n) {
			int at = (int)rng_below(r, (uint64_t)twin.n);

			it = twin.items[at];
			hmap_remove(&map, &it->node);
			twin.items[at] = twin.items[--twin.n];
			free(it);
		}
		if (rng_one_in(r, 5000))
			hmap_reserve(&map, rng_below(r, 3 * KEYS));
		assert_int_equal(hmap_count(&map), twin.n);
		assert_int_equal(map_count(&map, key, mask), twin_count(key));
		if (step % 1000 == 0)
			compare_all(&map);
	}
	hmap_for_each_safe(it, tmp, &map, node) {
		hmap_remove(&map, &it->node);
		free(it);
	}
	assert_true(hmap_is_empty(&map));
	assert_null(hmap_first(&map));
	hmap_destroy(&map);
	hmap_destroy(NULL);
}

static void random_operations(void **state)
{
	struct rng r;

	rng_init(&r, rng_test_seed("hmap"));
	run(&r, UINT64_MAX);
	run(&r, 0xf);
	run(&r, 0);
}

static void hash_depends_on_every_bit(void **state)
{
	uint8_t text[40] = {0};
	uint64_t plain[41];

	for (size_t len = 0; len <= 40; len++) {
		plain[len] = hmap_hash_bytes(text, len);
		for (size_t i = 0; i < len; i++)
			assert_true(plain[i] != plain[len]);
		for (size_t bit = 0; bit < len * 8; bit++) {
			text[bit / 8] ^= (uint8_t)(1 << bit % 8);
			assert_true(hmap_hash_bytes(text, len) != plain[len]);
			text[bit / 8] ^= (uint8_t)(1 << bit % 8);
		}
	}
	assert_true(hmap_hash_str("abc") == hmap_hash_bytes("abc", 3));
}

static void hash_is_even(void **state)
{
	unsigned buckets[256] = {0};

	for (uint64_t i = 0; i < 256 * 1000; i++)
		buckets[hmap_hash_u64(i) & 255]++;
	for (int i = 0; i < 256; i++) /* 6.3 standard deviations */
		assert_in_range(buckets[i], 800, 1200);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_operations),
		cmocka_unit_test(hash_depends_on_every_bit),
		cmocka_unit_test(hash_is_even),
	};

	hmap_seed(0x0706050403020100, 0x0f0e0d0c0b0a0908);
	return cmocka_run_group_tests_name("hmap", tests, NULL, NULL);
}
