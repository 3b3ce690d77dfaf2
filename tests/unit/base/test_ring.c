/* SPDX-License-Identifier: BSD-3-Clause */
/* Rings against a flat queue in one thread, then with real threads: nothing lost, doubled or reordered. */
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/refuse.h"
#include "base/ring.h"
#include "base/rng.h"

#define SPSC_ITEMS 400000u
#define THREADS 3
#define MPMC_ITEMS 100000u /* per producer */

static void *item(uint64_t n)
{
	return (void *)(uintptr_t)n;
}

static void capacities(void **state)
{
	struct ring_spsc *s = ring_spsc_create(5);
	struct ring_mpmc *m = ring_mpmc_create(1);

	assert_int_equal(ring_spsc_capacity(s), 8);
	assert_int_equal(ring_mpmc_capacity(m), 2);
	assert_null(ring_spsc_create(0));
	assert_non_null(strstr(refusal(), "capacity 0"));
	assert_null(ring_mpmc_create((1u << 30) + 1));
	ring_spsc_destroy(s);
	ring_mpmc_destroy(m);
	ring_spsc_destroy(NULL);
	ring_mpmc_destroy(NULL);
}

static void spsc_random(void **state)
{
	struct ring_spsc *ring = ring_spsc_create(16);
	uint64_t in = 1, out = 1;
	void *burst[24];
	struct rng r;

	rng_init(&r, rng_test_seed("ring spsc"));
	for (int step = 0; step < 100000; step++) {
		unsigned n = (unsigned)rng_below(&r, 24), room = 16 - (unsigned)(in - out), k;

		if (rng_one_in(&r, 2)) {
			for (unsigned i = 0; i < n; i++)
				burst[i] = item(in + i);
			k = ring_spsc_push_burst(ring, burst, n);
			assert_int_equal(k, MIN_OF(n, room));
			in += k;
		} else {
			k = ring_spsc_pop_burst(ring, burst, n);
			assert_int_equal(k, MIN_OF(n, in - out));
			for (unsigned i = 0; i < k; i++)
				assert_ptr_equal(burst[i], item(out++));
		}
		assert_int_equal(ring_spsc_count(ring), in - out);
	}
	ring_spsc_destroy(ring);
}

static void mpmc_random(void **state)
{
	struct ring_mpmc *ring = ring_mpmc_create(16);
	uint64_t in = 1, out = 1;
	struct rng r;

	rng_init(&r, rng_test_seed("ring mpmc"));
	for (int step = 0; step < 100000; step++) {
		if (rng_one_in(&r, 2)) {
			bool fits = in - out < 16;

			assert_int_equal(ring_mpmc_push(ring, item(in)), fits);
			in += fits;
		} else if (in == out) {
			assert_null(ring_mpmc_pop(ring));
		} else {
			assert_ptr_equal(ring_mpmc_pop(ring), item(out++));
		}
	}
	ring_mpmc_destroy(ring);
}

static void *spsc_producer(void *arg)
{
	void *burst[32];
	uint64_t next = 1;

	while (next <= SPSC_ITEMS) {
		unsigned n = 0, k;

		while (n < 32 && next + n <= SPSC_ITEMS) {
			burst[n] = item(next + n);
			n++;
		}
		k = ring_spsc_push_burst(arg, burst, n);
		next += k;
		if (!k)
			sched_yield();
	}
	return NULL;
}

static void spsc_threads(void **state)
{
	struct ring_spsc *ring = ring_spsc_create(256);
	uint64_t next = 1;
	void *burst[20];
	pthread_t t;

	assert_int_equal(pthread_create(&t, NULL, spsc_producer, ring), 0);
	while (next <= SPSC_ITEMS) {
		unsigned k = ring_spsc_pop_burst(ring, burst, 20);

		for (unsigned i = 0; i < k; i++)
			assert_ptr_equal(burst[i], item(next++));
		if (!k)
			sched_yield();
	}
	pthread_join(t, NULL);
	assert_null(ring_spsc_pop(ring));
	ring_spsc_destroy(ring);
}

static struct ring_mpmc *shared;
static atomic_uint popped;
static atomic_uchar seen[THREADS][MPMC_ITEMS + 1];

static void *mpmc_producer(void *arg)
{
	uint64_t who = (uintptr_t)arg;

	for (uint64_t n = 1; n <= MPMC_ITEMS; n++)
		while (!ring_mpmc_push(shared, item(who << 32 | n)))
			sched_yield();
	return NULL;
}

/* Within one consumer the items of one producer must come in order. */
static void *mpmc_consumer(void *arg)
{
	uint64_t last[THREADS] = {0};

	while (atomic_load(&popped) < THREADS * MPMC_ITEMS) {
		uint64_t got = (uintptr_t)ring_mpmc_pop(shared), who = got >> 32,
			 n = got & UINT32_MAX;

		if (!got) {
			sched_yield();
			continue;
		}
		if (who >= THREADS || n > MPMC_ITEMS || n <= last[who])
			return "broken order or value";
		last[who] = n;
		atomic_fetch_add(&seen[who][n], 1);
		atomic_fetch_add(&popped, 1);
	}
	return NULL;
}

static void mpmc_threads(void **state)
{
	pthread_t producers[THREADS], consumers[THREADS];
	void *complaint;

	shared = ring_mpmc_create(64);
	for (uintptr_t i = 0; i < THREADS; i++) {
		assert_int_equal(pthread_create(&producers[i], NULL, mpmc_producer, (void *)i), 0);
		assert_int_equal(pthread_create(&consumers[i], NULL, mpmc_consumer, NULL), 0);
	}
	for (int i = 0; i < THREADS; i++) {
		pthread_join(producers[i], NULL);
		pthread_join(consumers[i], &complaint);
		assert_null(complaint);
	}
	for (int i = 0; i < THREADS; i++)
		for (unsigned n = 1; n <= MPMC_ITEMS; n++)
			assert_int_equal(seen[i][n], 1);
	assert_null(ring_mpmc_pop(shared));
	ring_mpmc_destroy(shared);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(capacities),
		cmocka_unit_test(spsc_random),
		cmocka_unit_test(mpmc_random),
		cmocka_unit_test(spsc_threads),
		cmocka_unit_test(mpmc_threads),
	};

	return cmocka_run_group_tests_name("ring", tests, NULL, NULL);
}
