/* SPDX-License-Identifier: BSD-3-Clause */
/* checksum: every variant against byte-wise sums; incremental updates against recomputation. */
#include "engine/checksum.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/rng.h"

/* RFC 1071 by the letter: big-endian words, folded. */
static uint16_t naive(const uint8_t *b, size_t len)
{
	uint64_t s = 0;

	for (size_t i = 0; i < len; i++)
		s += (i & 1) ? b[i] : (unsigned)b[i] << 8;
	while (s >> 16)
		s = (s & 0xffff) + (s >> 16);
	return (uint16_t)s;
}

static uint16_t as_wire(uint16_t folded)
{
	return __builtin_bswap16(folded);
}

/* 0 and 0xffff are the same number in one's complement; a sum of zeros is 0, all else never is. */
static void assert_same(uint16_t a, uint16_t b)
{
	assert_int_equal(a == 0xffff ? 0 : a, b == 0xffff ? 0 : b);
}

static void rfc1071_example(void **state)
{
	static const uint8_t b[] = {0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7};

	assert_int_equal(as_wire(checksum_fold(checksum_bytes(b, 8, 0))), 0xddf2);
}

static void variants_equal_naive(void **state)
{
	struct rng r;
	uint8_t *all = malloc(4096);

	rng_init(&r, rng_test_seed("checksum"));
	for (int round = 0; round < 20000; round++) {
		size_t len = rng_below(&r, rng_one_in(&r, 4) ? 2000 : 200), at = rng_below(&r, 64);
		uint8_t *b = malloc(len + at ? len + at : 1); /* exact: ASan sees an overread */

		rng_bytes(&r, b, len + at);
		if (rng_one_in(&r, 8))
			memset(b, rng_one_in(&r, 2) ? 0xff : 0, len + at);
		for (int v = 0; v < CHECKSUM_VARIANTS; v++)
			if (checksum_variant(v))
				assert_same(
					as_wire(checksum_fold(checksum_variant(v)(b + at, len, 0))),
					naive(b + at, len));
		free(b);
	}
	free(all);
}

static void large_all_ones(void **state)
{
	size_t len = 1 << 20;
	uint8_t *b = malloc(len);

	memset(b, 0xff, len);
	for (int v = 0; v < CHECKSUM_VARIANTS; v++)
		if (checksum_variant(v))
			assert_int_equal(
				checksum_fold(checksum_variant(v)(b, len, 0xffffffff)), 0xffff);
	free(b);
}

static void pieces_join(void **state)
{
	struct rng r;
	uint8_t b[300];

	rng_init(&r, rng_test_seed("checksum pieces"));
	for (int round = 0; round < 20000; round++) {
		size_t cut = rng_below(&r, sizeof(b) + 1);
		uint32_t first, second;

		rng_bytes(&r, b, sizeof(b));
		first = checksum_bytes(b, cut, 0);
		second = checksum_bytes(b + cut, sizeof(b) - cut, 0);
		if (cut & 1)
			second = checksum_swap(second);
		assert_same(
			as_wire(checksum_fold(checksum_add(first, second))), naive(b, sizeof(b)));
	}
}

static void incremental_equals_whole(void **state)
{
	struct rng r;
	uint8_t b[64], old[64];

	rng_init(&r, rng_test_seed("checksum incremental"));
	for (int round = 0; round < 50000; round++) {
		size_t at = rng_below(&r, 20) * 2;
		uint16_t csum, d16, d32, d128;

		rng_bytes(&r, b, sizeof(b));
		if (rng_one_in(&r, 4))
			memset(b, rng_one_in(&r, 2) ? 0xff : 0, 40);
		memcpy(old, b, sizeof(b));
		csum = checksum_finish(checksum_bytes(b, sizeof(b), 0));
		rng_bytes(&r, b + at, 16);
		d128 = checksum_delta128(old + at, b + at);
		assert_same(checksum_apply(csum, d128), checksum_finish(checksum_bytes(b, 64, 0)));
		assert_same(checksum_delta_bytes(old + at, b + at, 16), d128);

		memcpy(b, old, sizeof(b));
		rng_bytes(&r, b + at, 4);
		d32 = checksum_delta32(*(uint32_t *)(old + at), *(uint32_t *)(b + at));
		assert_same(checksum_apply(csum, d32), checksum_finish(checksum_bytes(b, 64, 0)));

		memcpy(b, old, sizeof(b));
		rng_bytes(&r, b + at, 2);
		d16 = checksum_delta16(*(uint16_t *)(old + at), *(uint16_t *)(b + at));
		assert_same(checksum_apply(csum, d16), checksum_finish(checksum_bytes(b, 64, 0)));
	}
}

/* RFC 1624 sec. 4: the case RFC 1141 gets wrong. */
static void rfc1624_example(void **state)
{
	uint16_t hc = __builtin_bswap16(0xdd2f), m = __builtin_bswap16(0x5555),
		 m2 = __builtin_bswap16(0x3285);

	assert_int_equal(checksum_apply(hc, checksum_delta16(m, m2)), 0);
}

static void udp_zero_rules(void **state)
{
	uint16_t hc = __builtin_bswap16(0xdd2f);
	uint16_t d = checksum_delta16(__builtin_bswap16(0x5555), __builtin_bswap16(0x3285));

	assert_int_equal(checksum_apply_udp(0, 1234), 0);
	assert_int_equal(checksum_apply_udp(hc, d), 0xffff);
}

static void ip4_header_and_pseudo(void **state)
{
	struct rng r;
	uint8_t h[20], ps[40];

	rng_init(&r, rng_test_seed("checksum pseudo"));
	for (int round = 0; round < 5000; round++) {
		uint32_t len = (uint32_t)rng_below(&r, 65536);

		rng_bytes(&r, h, sizeof(h));
		assert_same(as_wire(checksum_fold(checksum_ip4_20(h))), naive(h, 20));
		memset(ps, 0, sizeof(ps));
		rng_bytes(&r, ps, 32);
		ps[34] = (uint8_t)(len >> 8);
		ps[35] = (uint8_t)len;
		ps[39] = 58;
		assert_same(as_wire(checksum_fold(checksum_pseudo6(ps, ps + 16, 58, len))),
			naive(ps, 40));
		memset(ps + 8, 0, 4);
		ps[9] = 17;
		memcpy(ps + 10, ps + 34, 2);
		assert_same(as_wire(checksum_fold(checksum_pseudo4(ps, ps + 4, 17, len))),
			naive(ps, 12));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rfc1071_example),
		cmocka_unit_test(variants_equal_naive),
		cmocka_unit_test(large_all_ones),
		cmocka_unit_test(pieces_join),
		cmocka_unit_test(incremental_equals_whole),
		cmocka_unit_test(rfc1624_example),
		cmocka_unit_test(udp_zero_rules),
		cmocka_unit_test(ip4_header_and_pseudo),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
