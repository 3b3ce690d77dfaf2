/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/cpu.h"
#include "base/rng.h"
#include "engine/copy/copy_int.h"

#define ROOM (1u << 20)
#define ROUNDS 4000

static uint8_t *from, *to, *twin;

typedef void (*copy_fn)(uint8_t *to, const uint8_t *from, size_t len);

static void generic(uint8_t *dst, const uint8_t *src, size_t len)
{
	copy_bytes(dst, src, len);
}

/* Every alignment, lengths about the limits: the same bytes as memcpy, and none beside them. */
static void against_memcpy(copy_fn copy, size_t least, uint64_t seed)
{
	struct rng r;

	rng_init(&r, seed);
	for (int round = 0; round < ROUNDS; round++) {
		size_t max = round % 8 ? 512 : ROOM / 2;
		size_t len = least + rng_below(&r, max), a = rng_below(&r, 128),
		       b = rng_below(&r, 128);

		memset(to, 0xee, len + 256);
		memset(twin, 0xee, len + 256);
		from[a + rng_below(&r, len ? len : 1)] = (uint8_t)rng_u64(&r);
		memcpy(twin + b, from + a, len);
		copy(to + b, from + a, len);
		assert_memory_equal(to, twin, len + 256);
	}
}

static void variants_equal_memcpy(void **state)
{
	uint64_t seed = rng_test_seed("copy");

	against_memcpy(generic, 0, seed);
	if (!cpu_has(CPU_AVX2))
		return;
	against_memcpy(copy_avx2, COPY_SHORT, seed);
	against_memcpy(copy_avx2_stream, COPY_SHORT, seed);
}

static int setup(void **state)
{
	struct rng r;

	copy_init();
	from = malloc(ROOM);
	to = malloc(ROOM);
	twin = malloc(ROOM);
	rng_init(&r, 1);
	for (size_t i = 0; i < ROOM; i++)
		from[i] = (uint8_t)rng_u64(&r);
	return 0;
}

static int teardown(void **state)
{
	free(from);
	free(to);
	free(twin);
	return 0;
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(variants_equal_memcpy),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
