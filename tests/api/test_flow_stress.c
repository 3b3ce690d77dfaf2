/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The entry API under load. First: four queues with a thread each, a million entries added, updated and removed in
 * random order, each thread against a list of what it did; every callback accounted for; then packets show that the switch
 * agrees with the lists. Second: entries come, change and go while packets flow; no packet may go where no entry of its time
 * sent it.
 *
 * SOFTDPU_STRESS_ENTRIES (1,000,000) and SOFTDPU_SOAK_SECONDS (2) make it longer or shorter.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/refuse.h"
#include "base/rng.h"
#include "packet/fixture.h"
#include "rig.h"

#define QUEUES 4
#define RACES 4096 /* keys that all queues want */

struct item {
	struct doca_flow_pipe_entry *entry;
	uint8_t port;        /* where its packets go; 0 = not there */
	uint8_t waiting;     /* callbacks that are due */
};

static struct worker {
	unsigned queue;
	uint32_t items;
	struct item *item;   /* twin; item i of queue q has key i * QUEUES + q */
	bool yields;         /* packets flow: places of removed entries come back when the burst in work is over */
	struct rng rng;
	uint64_t done, called, again, won;
} worker[QUEUES];

static struct doca_flow_pipe *pipe_;
static atomic_uint taken[RACES];

static uint64_t number(const char *variable, uint64_t otherwise)
{
	const char *text = getenv(variable);

	return text ? strtoull(text, NULL, 0) : otherwise;
}

static void on_entry(struct doca_flow_pipe_entry *entry, uint16_t queue, enum doca_flow_entry_status status,
	enum doca_flow_entry_op op, void *ctx)
{
	struct item *item = ctx;

	worker[queue].called++;
	if (!item)
		return;
	assert_int_equal(status, DOCA_FLOW_ENTRY_STATUS_SUCCESS);
	assert_true(item->waiting > 0);
	item->waiting--;
	/* a removal is the last that is heard of an entry, unless it was added anew meanwhile */
	if (op != DOCA_FLOW_ENTRY_OP_DEL && item->port)
		assert_non_null(item->entry);
}

static struct doca_flow_match key(uint32_t number)
{
	struct doca_flow_match m = {0};

	m.outer.ip4.src_ip = DOCA_HTOBE32(number);
	return m;
}

static void open_pipe(uint32_t entries)
{
	struct doca_flow_match open = {.parser_meta.outer_l3_type = DOCA_FLOW_L3_META_IPV4, .outer = {.l3_type = DOCA_FLOW_L3_TYPE_IP4}};
	struct doca_flow_fwd each = {.type = DOCA_FLOW_FWD_PORT, .port_id = UINT16_MAX}, drop = {.type = DOCA_FLOW_FWD_DROP};
	struct doca_flow_pipe_cfg *cfg;

	rig_queues = QUEUES;
	rig_on_entry = on_entry;
	rig_open("vnf,hws", 3);
	open.outer.ip4.src_ip = UINT32_MAX;
	cfg = rig_pipe_cfg(rig_port[0], "STRESS", DOCA_FLOW_PIPE_BASIC, true);
	OK(doca_flow_pipe_cfg_set_match(cfg, &open, NULL));
	OK(doca_flow_pipe_cfg_set_nr_entries(cfg, entries));
	pipe_ = rig_pipe(cfg, &each, &drop);
}

static void close_pipe(void)
{
	rig_close();
	rig_queues = 0;
	rig_on_entry = NULL;
}

/* ---- one thread ---- */

static void process(struct worker *w, unsigned n)
{
	OK(doca_flow_entries_process(rig_port[0], w->queue, 0, n));
}

static doca_error_t try_op(struct worker *w, struct item *item, uint8_t port)
{
	struct doca_flow_match m = key((item - w->item) * QUEUES + w->queue);
	struct doca_flow_fwd fwd = {.type = DOCA_FLOW_FWD_PORT, .port_id = port};

	if (!port)
		return doca_flow_pipe_remove_entry(w->queue, 0, item->entry);
	if (item->port)
		return doca_flow_pipe_basic_update_entry(w->queue, pipe_, 0, NULL, NULL, &fwd, 0, item->entry);
	return doca_flow_pipe_basic_add_entry(w->queue, pipe_, &m, 0, NULL, NULL, &fwd, 0, item, &item->entry);
}

/* Port 0 removes. A full queue is emptied first. */
static void operate(struct worker *w, struct item *item, uint8_t port)
{
	doca_error_t err;

	while ((err = try_op(w, item, port)) == DOCA_ERROR_AGAIN || (err == DOCA_ERROR_FULL && w->yields)) {
		w->again++;
		process(w, 1 + rng_below(&w->rng, 64));
		if (err == DOCA_ERROR_FULL)
			sched_yield();
	}
	if (err != DOCA_SUCCESS)
		fail_msg("queue %u: %s: %s", w->queue, doca_error_get_name(err), refusal());
	item->waiting++;
	item->port = port;
	w->done++;
}

static void *grow(void *arg)
{
	struct worker *w = arg;

	for (uint32_t i = 0; i < w->items; i++)
		operate(w, &w->item[i], 1 + rng_below(&w->rng, 2));
	process(w, 0);
	return NULL;
}

static void *churn(void *arg)
{
	struct worker *w = arg;

	for (uint32_t i = 0; i < w->items; i++) {
		struct item *item = &w->item[rng_below(&w->rng, w->items)];
		bool there = item->port;

		operate(w, item, there && rng_one_in(&w->rng, 2) ? 0 : 1 + rng_below(&w->rng, 2));
		if (rng_one_in(&w->rng, 100))
			process(w, rng_below(&w->rng, 200));
	}
	process(w, 0);
	return NULL;
}

/* All queues want these keys; each has one owner. */
static void *race(void *arg)
{
	struct worker *w = arg;
	struct doca_flow_fwd fwd = {.type = DOCA_FLOW_FWD_PORT, .port_id = 1};

	for (uint32_t i = 0; i < RACES; i++) {
		struct doca_flow_match m = key(0xf0000000u + i);
		doca_error_t err;

		while ((err = doca_flow_pipe_basic_add_entry(w->queue, pipe_, &m, 0, NULL, NULL, &fwd, 0, NULL, NULL)) == DOCA_ERROR_AGAIN)
			process(w, 0);
		if (err == DOCA_SUCCESS) {
			assert_int_equal(atomic_fetch_add(&taken[i], 1), 0);
			w->won++;
		} else {
			assert_int_equal(err, DOCA_ERROR_ALREADY_EXIST);
		}
	}
	process(w, 0);
	return NULL;
}

static void all(void *(*fn)(void *))
{
	pthread_t thread[QUEUES];

	for (unsigned q = 0; q < QUEUES; q++)
		assert_int_equal(pthread_create(&thread[q], NULL, fn, &worker[q]), 0);
	for (unsigned q = 0; q < QUEUES; q++)
		pthread_join(thread[q], NULL);
}

/* ---- packets against the lists ---- */

static int where(uint32_t number)
{
	char spec[96];

	snprintf(spec, sizeof(spec), "eth ip4:%u.%u.%u.%u>8.8.8.8 udp:1>2 data:4", number >> 24, number >> 16 & 255, number >> 8 & 255,
		number & 255);
	rig_send(0, spec);
	return rig_where();
}

static void compare(struct rng *rng, unsigned packets)
{
	for (unsigned i = 0; i < packets; i++) {
		struct worker *w = &worker[rng_below(rng, QUEUES)];
		uint32_t at = rng_below(rng, w->items);
		int want = w->item[at].port ? w->item[at].port : -1, got = where(at * QUEUES + w->queue);

		if (got != want)
			fail_msg("key %#x of queue %u: port %d, not %d", at * QUEUES + w->queue, w->queue, got, want);
	}
}

static void account(void)
{
	for (unsigned q = 0; q < QUEUES; q++) {
		assert_int_equal(worker[q].called, worker[q].done);
		for (uint32_t i = 0; i < worker[q].items; i++)
			assert_int_equal(worker[q].item[i].waiting, 0);
	}
}

static void four_queues(void **state)
{
	uint32_t entries = number("SOFTDPU_STRESS_ENTRIES", 1000000);
	uint64_t seed = rng_test_seed("api-flow-stress"), started = clock_now_ns(), ops = 0, again = 0, won = 0;
	struct rng rng;

	rng_init(&rng, seed);
	open_pipe(entries + RACES);
	for (unsigned q = 0; q < QUEUES; q++) {
		worker[q] = (struct worker){.queue = q, .items = entries / QUEUES};
		worker[q].item = calloc(worker[q].items, sizeof(struct item));
		assert_non_null(worker[q].item);
		rng_init(&worker[q].rng, seed + 1 + q);
	}
	all(grow);
	account();
	compare(&rng, 3000);
	all(churn);
	account();
	compare(&rng, 3000);
	for (unsigned q = 0; q < QUEUES; q++) {
		ops += worker[q].done;
		again += worker[q].again;
	}
	all(race);
	for (unsigned q = 0; q < QUEUES; q++)
		won += worker[q].won;
	assert_int_equal(won, RACES);
	print_message("# %lu operations on %u entries in %.1f s, %lu times AGAIN\n", ops, entries, (clock_now_ns() - started) / 1e9, again);
	for (unsigned q = 0; q < QUEUES; q++)
		free(worker[q].item);
	close_pipe();
}

/* ---- soak ---- */

#define SOAK_KEYS 256

/* What a key's packets may do: version << 16 | new port << 8 | old port; odd version: a change is under way. */
static atomic_uint now_at[SOAK_KEYS];
static atomic_bool stop;

static void *change(void *arg)
{
	struct worker *w = arg;

	while (!atomic_load(&stop)) {
		uint32_t i = rng_below(&w->rng, w->items), k = i * QUEUES + w->queue;
		struct item *item = &w->item[i];
		uint8_t old = item->port, new = old && rng_one_in(&w->rng, 2) ? 0 : 1 + rng_below(&w->rng, 2);
		unsigned version = atomic_load(&now_at[k]) >> 16;

		atomic_store(&now_at[k], (version + 1) << 16 | new << 8 | old);
		operate(w, item, new);
		atomic_store(&now_at[k], (version + 2) << 16 | new << 8 | new);
		process(w, 0);
	}
	return NULL;
}

/* One packet; the port must be one of those its key had between the moments before and after. */
static bool right(uint32_t k, uint64_t *stable)
{
	unsigned before = atomic_load(&now_at[k]), after;
	int got = where(k);
	uint8_t port = got < 0 ? 0 : got;

	after = atomic_load(&now_at[k]);
	if (after >> 16 > (before >> 16) + 1)
		return true; /* changed more than once meanwhile: anything may have been true */
	*stable += before == after && !(before >> 16 & 1);
	return port == (before & 255) || port == (before >> 8 & 255) || port == (after & 255) || port == (after >> 8 & 255);
}

static void soak_under_traffic(void **state)
{
	uint64_t seed = rng_test_seed("api-flow-soak"), until = clock_now_ns() + number("SOFTDPU_SOAK_SECONDS", 2) * NS_PER_SEC;
	uint64_t packets = 0, wrong = 0, stable = 0, changes = 0;
	pthread_t thread[QUEUES];
	struct rng rng;

	rng_init(&rng, seed);
	open_pipe(SOAK_KEYS);
	for (unsigned q = 0; q < QUEUES; q++) {
		worker[q] = (struct worker){.queue = q, .items = SOAK_KEYS / QUEUES, .yields = true};
		worker[q].item = calloc(worker[q].items, sizeof(struct item));
		rng_init(&worker[q].rng, seed + 1 + q);
		assert_int_equal(pthread_create(&thread[q], NULL, change, &worker[q]), 0);
	}
	for (; clock_now_ns() < until; packets++)
		wrong += !right(rng_below(&rng, SOAK_KEYS), &stable);
	atomic_store(&stop, true);
	for (unsigned q = 0; q < QUEUES; q++) {
		pthread_join(thread[q], NULL);
		changes += worker[q].done;
	}
	print_message("# %lu packets among %lu changes, %lu of them at rest, %lu wrong\n", packets, changes, stable, wrong);
	assert_int_equal(wrong, 0);
	assert_true(changes > 100 && stable > 100);
	account();
	compare(&rng, 1000);
	for (unsigned q = 0; q < QUEUES; q++)
		free(worker[q].item);
	close_pipe();
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(four_queues), cmocka_unit_test(soak_under_traffic)};

	test_eal_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
