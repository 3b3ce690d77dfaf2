/* SPDX-License-Identifier: BSD-3-Clause */
/* The reactor: timers against a sorted list, messages from threads, buffers, sleeping and waking. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/base.h"
#include "base/clock.h"
#include "base/refuse.h"
#include "base/rng.h"
#include "blk/reactor.h"

#define TIMERS 300

struct twin {
	struct reactor_timer timer;
	struct reactor *r;
	uint64_t due;
	bool armed;
	unsigned fired;
};

static struct twin twins[TIMERS];
static uint64_t last_due;

static void fire(struct reactor_timer *t)
{
	struct twin *w = container_of(t, struct twin, timer);

	assert_true(w->armed);
	assert_true(w->due <= reactor_now(w->r));
	assert_true(w->due >= last_due); /* in order of due time */
	last_due = w->due;
	w->armed = false;
	w->fired++;
}

static void test_timers(void **state)
{
	struct reactor *r;
	struct rng rng;

	rng_init(&rng, rng_test_seed("reactor timers"));
	assert_int_equal(reactor_create(&(struct reactor_options){.virtual_time = true, .cpu = -1}, &r), 0);
	for (int i = 0; i < TIMERS; i++)
		twins[i] = (struct twin){.timer.fire = fire, .r = r};
	for (int step = 0; step < 20000; step++) {
		struct twin *w = &twins[rng_below(&rng, TIMERS)];

		if (rng_one_in(&rng, 3)) {
			reactor_timer_cancel(r, &w->timer);
			w->armed = false;
		} else {
			w->due = reactor_now(r) + rng_below(&rng, 1000);
			w->armed = true;
			reactor_timer_arm(r, &w->timer, w->due);
		}
		if (rng_one_in(&rng, 5)) {
			last_due = 0;
			reactor_advance(r, rng_below(&rng, 300));
			reactor_run_once(r, 0);
			for (int i = 0; i < TIMERS; i++)
				assert_true(!twins[i].armed || twins[i].due > reactor_now(r));
		}
	}
	for (int i = 0; i < TIMERS; i++)
		reactor_timer_cancel(r, &twins[i].timer);
	reactor_destroy(r);
}

/* --- messages from several threads arrive once each, in order per sender --- */

#define SENDERS 3
#define MESSAGES 20000

struct note {
	struct reactor_msg msg;
	unsigned sender, number;
};

static struct reactor *target;
static unsigned next_number[SENDERS], arrived;

static void note_run(struct reactor_msg *msg)
{
	struct note *n = container_of(msg, struct note, msg);

	assert_int_equal(n->number, next_number[n->sender]++);
	__atomic_add_fetch(&arrived, 1, __ATOMIC_RELEASE);
	free(n);
}

static void *sender(void *arg)
{
	for (unsigned i = 0; i < MESSAGES; i++) {
		struct note *n = malloc(sizeof(*n));

		*n = (struct note){.msg.run = note_run, .sender = (unsigned)(uintptr_t)arg, .number = i};
		reactor_send(target, &n->msg);
		if (i % 5000 == 0)
			usleep(2000); /* let it fall asleep: the next one must wake it */
	}
	return NULL;
}

static void add_one(void *arg)
{
	++*(int *)arg;
}

static void test_messages(void **state)
{
	pthread_t threads[SENDERS];
	int called = 0;

	if (reactor_create(&(struct reactor_options){.cpu = -1, .spin_ns = 1000}, &target))
		fail_msg("%s", refusal());
	assert_int_equal(reactor_start(target), 0);
	for (uintptr_t i = 0; i < SENDERS; i++)
		pthread_create(&threads[i], NULL, sender, (void *)i);
	for (int i = 0; i < SENDERS; i++)
		pthread_join(threads[i], NULL);
	reactor_call(target, add_one, &called);
	assert_int_equal(called, 1);
	assert_int_equal(__atomic_load_n(&arrived, __ATOMIC_ACQUIRE), SENDERS * MESSAGES);
	reactor_destroy(target);
}

/* --- buffers --- */

static unsigned woken;

static void ready(struct reactor_buf_waiter *w)
{
	woken++;
}

static void test_buffers(void **state)
{
	struct reactor_options o = {.virtual_time = true, .cpu = -1, .buffers = {4, 2, 1, 1}};
	struct reactor_buf_waiter w = {.ready = ready};
	struct reactor *r;
	void *b[8];

	assert_int_equal(reactor_create(&o, &r), 0);
	for (int i = 0; i < 8; i++) { /* 4 of 4K, then the larger classes serve small requests */
		b[i] = reactor_buf_get(r, 100);
		assert_non_null(b[i]);
		assert_int_equal((uintptr_t)b[i] % 4096, 0);
		memset(b[i], i, reactor_buf_size(r, b[i]));
	}
	assert_null(reactor_buf_get(r, 1));
	for (int i = 0; i < 8; i++)
		assert_int_equal(*((uint8_t *)b[i] + reactor_buf_size(r, b[i]) - 1), i);
	reactor_buf_wait(r, &w);
	reactor_run_once(r, 0);
	assert_int_equal(woken, 0);
	reactor_buf_put(r, b[7]);
	reactor_run_once(r, 0);
	assert_int_equal(woken, 1);
	b[7] = reactor_buf_get(r, REACTOR_BUF_MAX);
	assert_non_null(b[7]);
	for (int i = 0; i < 8; i++)
		reactor_buf_put(r, b[i]);
	reactor_destroy(r);
}

/* An idle reactor sleeps: next to no iterations in 200 ms. */
static void test_idle(void **state)
{
	struct reactor_stats s;
	struct reactor *r;
	int called = 0;

	assert_int_equal(reactor_create(&(struct reactor_options){.cpu = -1, .spin_ns = 20000}, &r), 0);
	assert_int_equal(reactor_start(r), 0);
	usleep(50000);
	reactor_call(r, add_one, &called); /* having been woken once must not keep it awake */
	assert_int_equal(called, 1);
	usleep(50000);
	reactor_stats(r, &s);
	uint64_t before = s.sleeps;

	usleep(200000);
	reactor_stats(r, &s);
	assert_true(s.sleeps - before < 5);
	reactor_destroy(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_timers),
		cmocka_unit_test(test_messages),
		cmocka_unit_test(test_buffers),
		cmocka_unit_test(test_idle),
	};

	return cmocka_run_group_tests_name("reactor", tests, NULL, NULL);
}
