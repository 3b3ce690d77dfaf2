/* SPDX-License-Identifier: BSD-3-Clause */
/* Devices that answer in their own ways, and what pace gives them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <limits.h>

#include "base/base.h"
#include "base/rng.h"
#include "blk/pace.h"

#define ROUNDS 20

/* `wanted` commands for ever; each moment the device answers what burst() says of what it has. */
static void play(struct pace *p, unsigned wanted, unsigned rounds, unsigned (*burst)(unsigned busy))
{
	static uint64_t now;
	unsigned busy = 0;

	for (unsigned seen = 0; seen < rounds * PACE_ROUND;) {
		unsigned n;

		while (busy < wanted && pace_admits(p, busy))
			busy++;
		now++;
		n = burst(busy);
		for (unsigned i = 0; i < n; i++, busy--, seen++)
			pace_done(p, now, busy, wanted);
	}
}

static unsigned all_at_once(unsigned busy)
{
	return busy;
}

static unsigned one_by_one(unsigned busy)
{
	return 1;
}

static struct rng rng;

static unsigned up_to_a_third(unsigned busy)
{
	return 1 + (unsigned)rng_below(&rng, MAX_OF(busy / 3, 1u));
}

static void test_bursts_hold_back(void **state)
{
	struct pace p;

	pace_init(&p, 0);
	play(&p, 32, ROUNDS, all_at_once);
	assert_int_equal(p.limit, 20);
	play(&p, 128, ROUNDS, all_at_once); /* the hosts want more */
	assert_int_equal(p.limit, 80);
	play(&p, 9, ROUNDS, all_at_once);
	assert_int_equal(p.limit, PACE_MIN);
}

static void test_real_disks_get_all(void **state)
{
	struct pace p;

	rng_init(&rng, rng_test_seed("blk-pace disks"));
	pace_init(&p, 0);
	play(&p, 32, ROUNDS, one_by_one);
	assert_int_equal(p.limit, UINT_MAX);
	play(&p, 64, ROUNDS, up_to_a_third);
	assert_int_equal(p.limit, UINT_MAX);
	play(&p, 32, ROUNDS, all_at_once);
	assert_int_equal(p.limit, 20);
	play(&p, 32, 2, one_by_one); /* and a change of mind takes a round */
	assert_int_equal(p.limit, UINT_MAX);
}

static void test_few_say_nothing(void **state)
{
	struct pace p;

	pace_init(&p, 0);
	play(&p, PACE_MIN - 1, ROUNDS, all_at_once);
	assert_int_equal(p.limit, UINT_MAX);
}

static void test_fixed(void **state)
{
	struct pace p;

	pace_init(&p, 3);
	play(&p, 32, ROUNDS, all_at_once);
	assert_int_equal(p.limit, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bursts_hold_back),
		cmocka_unit_test(test_real_disks_get_all),
		cmocka_unit_test(test_few_say_nothing),
		cmocka_unit_test(test_fixed),
	};

	return cmocka_run_group_tests_name("blk-pace", tests, NULL, NULL);
}
