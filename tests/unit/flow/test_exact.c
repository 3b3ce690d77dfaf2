/* SPDX-License-Identifier: BSD-3-Clause */
/* Exact tables under several masks against an array: random inserts, removals, bursts, growth; then threads. */
#include "flow_test.h"

#include <pthread.h>
#include <sched.h>

#include "flow/exact.h"
#include "flow/exact_int.h"

#define KEYS 4096 /* the keys a test may insert */

struct item {
	uint32_t index; /* 0 = not in the table */
	uint64_t data;
};

static struct flow_exact *make_table(
	struct flow_ctx *ctx, const struct flow_key *mask, uint32_t data_len, uint32_t capacity)
{
	struct flow_exact_cfg cfg = {
		.name = "test", .mask = mask, .data_len = data_len, .capacity = capacity};
	struct flow_exact *table;

	assert_int_equal(flow_exact_create(ctx, &cfg, &table), 0);
	return table;
}

/* Key n differs from the others under every mask below; bits outside the mask are noise. */
static struct flow_key make_key(struct rng *r, const struct flow_key *mask, uint32_t n)
{
	struct flow_key k;
	uint32_t rest = n;

	rng_bytes(r, &k, sizeof(k));
	for (unsigned i = 0; i < EXACT_WORDS; i++) {
		uint64_t m = mask->words[i], v = 0;

		/* The low bits of n go to the mask's bits, lowest first. */
		for (; m && rest; m &= m - 1, rest >>= 1)
			v |= rest & 1 ? m & -m : 0;
		k.words[i] = (k.words[i] & ~mask->words[i]) | v;
	}
	return k;
}

static void check_burst(const struct flow_exact *table, const struct item *items, struct rng *r,
	const struct flow_key *mask)
{
	static struct flow_key keys[64];
	uint32_t n[64], index[64];
	uint64_t todo = rng_one_in(r, 4) ? UINT64_MAX >> rng_below(r, 64) : rng_u64(r), hits;
	uint32_t different = rng_one_in(r, 4) ? 1 + (uint32_t)rng_below(r, 3) : KEYS; /* few: trains */
	uint32_t first = (uint32_t)rng_below(r, KEYS - different + 1);

	for (unsigned i = 0; i < 64; i++) {
		n[i] = first + (uint32_t)rng_below(r, different);
		keys[i] = make_key(r, mask, n[i]);
		index[i] = UINT32_MAX;
	}
	hits = flow_exact_lookup(table, keys, todo, index);
	assert_int_equal(hits & ~todo, 0);
	for (unsigned i = 0; i < 64; i++) {
		bool want = (todo >> i & 1) && items[n[i]].index;

		assert_int_equal(hits >> i & 1, want);
		assert_int_equal(index[i], want ? items[n[i]].index : UINT32_MAX);
		if (want)
			assert_int_equal(
				*(uint64_t *)flow_exact_data(table, index[i]), items[n[i]].data);
	}
}

static void one_random_change(
	struct flow_exact *table, struct item *items, struct rng *r, const struct flow_key *mask)
{
	uint32_t n = rng_below(r, KEYS), index = 0;
	struct flow_key key = make_key(r, mask, n);
	uint64_t data[5] = {rng_u64(r)};
	int err;

	if (items[n].index && rng_one_in(r, 2)) {
		assert_int_equal(flow_exact_remove(table, items[n].index), 0);
		items[n].index = 0;
		return;
	}
	err = flow_exact_insert(table, &key, data, &index);
	assert_int_equal(err, items[n].index ? -EEXIST : 0);
	if (err) {
		assert_int_equal(index, items[n].index);
		return;
	}
	items[n] = (struct item){index, data[0]};
}

static void check_all(const struct flow_exact *table, const struct item *items, struct rng *r,
	const struct flow_key *mask)
{
	uint32_t present = 0, walked = 0;

	for (uint32_t n = 0; n < KEYS; n++) {
		struct flow_key key = make_key(r, mask, n), back;

		assert_int_equal(flow_exact_find(table, &key), items[n].index);
		if (!items[n].index)
			continue;
		present++;
		flow_exact_key(table, items[n].index, &back);
		for (unsigned i = 0; i < EXACT_WORDS; i++)
			assert_int_equal(back.words[i], key.words[i] & mask->words[i]);
	}
	assert_int_equal(flow_exact_count(table), present);
	for (uint32_t i = flow_exact_next(table, 0); i; i = flow_exact_next(table, i))
		walked++;
	assert_int_equal(walked, present);
}

static void set_mask(struct flow_key *mask, unsigned nr_words, struct rng *r)
{
	memset(mask, 0, sizeof(*mask));
	for (unsigned i = 0; i < nr_words; i++) {
		unsigned w = rng_below(r, EXACT_WORDS);

		mask->words[w] |= rng_u64(r) | 0xfff; /* at least 12 bits, so KEYS keys differ */
	}
}

static void same_as_the_twin(void **state)
{
	static struct item items[KEYS];
	struct flow_ctx *ctx = make_ctx(1);
	struct rng r;

	rng_init(&r, rng_test_seed("exact twin"));
	for (unsigned nr_words = 1; nr_words <= 20; nr_words++) {
		struct flow_key mask;
		struct flow_exact *table;

		set_mask(&mask, nr_words, &r);
		memset(items, 0, sizeof(items));
		table = make_table(ctx, &mask, 8 * rng_between(&r, 1, 5), KEYS);
		for (unsigned i = 0; i < 6000; i++) {
			one_random_change(table, items, &r, &mask);
			if (i % 50 == 0)
				check_burst(table, items, &r, &mask);
		}
		check_all(table, items, &r, &mask);
		flow_exact_destroy(table);
	}
	flow_ctx_destroy(ctx);
}

static void the_empty_mask_holds_one_entry(void **state)
{
	struct flow_ctx *ctx = make_ctx(1);
	struct flow_key mask = {0}, key = {0};
	struct flow_exact *table = make_table(ctx, &mask, 0, 10);
	uint32_t index, other;

	assert_int_equal(flow_exact_find(table, &key), 0);
	assert_int_equal(flow_exact_insert(table, &key, NULL, &index), 0);
	key.words[3] = 77;
	assert_int_equal(flow_exact_insert(table, &key, NULL, &other), -EEXIST);
	assert_int_equal(other, index);
	assert_int_equal(flow_exact_lookup(table, &key, 1, &other), 1);
	assert_int_equal(flow_exact_remove(table, index), 0);
	assert_int_equal(flow_exact_remove(table, index), -ENOENT);
	flow_exact_destroy(table);
	flow_ctx_destroy(ctx);
}

static void the_limit_can_be_moved(void **state)
{
	struct flow_ctx *ctx = make_ctx(1);
	struct flow_key mask = {.words[0] = UINT64_MAX}, key = {0};
	struct flow_exact *table = make_table(ctx, &mask, 8, 100);
	uint32_t index;

	for (unsigned i = 0; i < 65600; i++) {
		key.words[0] = i;
		if (i == 100) {
			assert_int_equal(flow_exact_insert(table, &key, NULL, &index), -ENOSPC);
			assert_int_equal(flow_exact_resize(table, 99), -EBUSY);
			assert_int_equal(flow_exact_resize(table, 65537), -EINVAL);
			assert_non_null(strstr(refusal(), "65537 is not 1..65536"));
			assert_int_equal(flow_exact_resize(table, 65536), 0);
		}
		assert_int_equal(
			flow_exact_insert(table, &key, NULL, &index), i < 65536 ? 0 : -ENOSPC);
	}
	assert_int_equal(flow_exact_count(table), 65536);
	assert_int_equal(flow_exact_lines(table), 1);
	flow_exact_destroy(table);
	flow_ctx_destroy(ctx);
}

static void bad_configurations_are_refused(void **state)
{
	struct flow_ctx *ctx = make_ctx(1);
	struct flow_key mask = {0};
	struct flow_exact_cfg cfg = {.name = "t", .mask = &mask, .capacity = 0};
	struct flow_exact *table;

	assert_int_equal(flow_exact_create(ctx, &cfg, &table), -EINVAL);
	assert_non_null(strstr(refusal(), "capacity 0"));
	cfg.capacity = 1;
	cfg.data_len = 5000;
	assert_int_equal(flow_exact_create(ctx, &cfg, &table), -EINVAL);
	assert_null(table);
	flow_exact_destroy(NULL);
	flow_ctx_destroy(ctx);
}

static void bursts_insert_like_singles(void **state)
{
	struct flow_ctx *ctx = make_ctx(1);
	struct flow_key mask = {.words[2] = UINT64_MAX};
	static struct flow_key keys[100];
	struct flow_exact *table = make_table(ctx, &mask, 8, 1000);
	const void *data[100];
	uint64_t value[100];
	uint32_t index[100];
	int results[100];

	for (unsigned i = 0; i < 100; i++) {
		keys[i].words[2] = i % 90; /* the last ten are duplicates */
		value[i] = i;
		data[i] = &value[i];
	}
	flow_exact_insert_burst(table, keys, data, index, results, 100);
	for (unsigned i = 0; i < 100; i++) {
		assert_int_equal(results[i], i < 90 ? 0 : -EEXIST);
		assert_int_equal(*(uint64_t *)flow_exact_data(table, index[i]), i % 90);
	}
	flow_exact_destroy(table);
	flow_ctx_destroy(ctx);
}

/* Readers while writers insert, remove and grow: entries that stay are always found, data is never torn. */
#define STABLE 3000
#define ALL 120000
struct race {
	struct flow_ctx *ctx;
	struct flow_exact *table;
	unsigned worker;
	bool stop;
	uint64_t looked;
};

static const struct flow_key race_mask = {.words = {UINT64_MAX, 0, UINT64_MAX, 0, UINT64_MAX}};

static struct flow_key race_key(uint32_t n)
{
	struct flow_key k = {.words = {n, 5, n * 3, 7, ~(uint64_t)n}};

	return k;
}

static int race_insert(struct flow_exact *table, uint32_t n, uint32_t *index)
{
	struct flow_key key = race_key(n);
	uint64_t data[2] = {n, ~(uint64_t)n};

	return flow_exact_insert(table, &key, data, index);
}

static void *hammer(void *arg)
{
	struct race *race = arg;
	struct flow_key *keys = calloc(64, sizeof(*keys));
	struct rng r;

	rng_init(&r, 11 + race->worker);
	while (!__atomic_load_n(&race->stop, __ATOMIC_RELAXED)) {
		uint32_t n[64], index[64];
		uint64_t hits;

		for (unsigned i = 0; i < 64; i++) {
			n[i] = rng_below(&r, rng_one_in(&r, 2) ? STABLE : ALL);
			keys[i] = race_key(n[i]);
		}
		flow_reader_online(race->ctx, race->worker);
		hits = flow_exact_lookup(race->table, keys, UINT64_MAX, index);
		for (unsigned i = 0; i < 64; i++) {
			const uint64_t *data;

			if (n[i] < STABLE && !(hits >> i & 1))
				fail_msg("entry %u was lost", n[i]);
			if (!(hits >> i & 1))
				continue;
			data = flow_exact_data(race->table, index[i]);
			if (data[0] != n[i] || data[1] != ~(uint64_t)n[i])
				fail_msg("entry %u reads as %lu", n[i], data[0]);
		}
		flow_reader_offline(race->ctx, race->worker);
		race->looked += 64;
	}
	free(keys);
	return NULL;
}

static void churn(struct flow_exact *table, struct rng *r)
{
	static uint32_t at[ALL];

	for (unsigned i = 0; i < 150000; i++) {
		uint32_t n = STABLE + rng_below(r, ALL - STABLE);
		int err;

		if (at[n]) {
			assert_int_equal(flow_exact_remove(table, at[n]), 0);
			at[n] = 0;
		} else {
			/* A reader that sleeps inside its burst holds up reuse; the pool may run dry. */
			while ((err = race_insert(table, n, &at[n])) == -ENOSPC)
				sched_yield();
			assert_int_equal(err, 0);
		}
	}
}

static void readers_never_wait_nor_lose(void **state)
{
	struct flow_ctx *ctx = make_ctx(2);
	struct flow_exact *table = make_table(ctx, &race_mask, 16, ALL);
	struct race race[2];
	pthread_t thread[2];
	struct rng r;
	uint32_t index;

	rng_init(&r, rng_test_seed("exact readers"));
	for (uint32_t n = 0; n < STABLE; n++)
		assert_int_equal(race_insert(table, n, &index), 0);
	for (unsigned i = 0; i < 2; i++) {
		race[i] = (struct race){.ctx = ctx, .table = table, .worker = i};
		pthread_create(&thread[i], NULL, hammer, &race[i]);
	}
	churn(table, &r);
	for (unsigned i = 0; i < 2; i++) {
		__atomic_store_n(&race[i].stop, true, __ATOMIC_RELAXED);
		pthread_join(thread[i], NULL);
		assert_true(race[i].looked > 0);
	}
	assert_true(table->state.level > 9);
	flow_exact_destroy(table);
	flow_ctx_destroy(ctx);
}

static void *insert_all(void *arg)
{
	struct race *race = arg;
	uint32_t index;

	for (uint32_t n = 0; n < 60000; n++)
		if (race_insert(race->table, n, &index) == 0)
			race->looked++;
	return NULL;
}

static void duplicates_are_refused_at_the_bucket(void **state)
{
	struct flow_ctx *ctx = make_ctx(2);
	struct flow_exact *table = make_table(ctx, &race_mask, 16, ALL);
	struct race race[2];
	pthread_t thread[2];

	for (unsigned i = 0; i < 2; i++) {
		race[i] = (struct race){.ctx = ctx, .table = table, .worker = i};
		pthread_create(&thread[i], NULL, insert_all, &race[i]);
	}
	for (unsigned i = 0; i < 2; i++)
		pthread_join(thread[i], NULL);
	assert_int_equal(race[0].looked + race[1].looked, 60000);
	assert_int_equal(flow_exact_count(table), 60000);
	flow_exact_destroy(table);
	flow_ctx_destroy(ctx);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(same_as_the_twin),
		cmocka_unit_test(the_empty_mask_holds_one_entry),
		cmocka_unit_test(the_limit_can_be_moved),
		cmocka_unit_test(bad_configurations_are_refused),
		cmocka_unit_test(bursts_insert_like_singles),
		cmocka_unit_test(readers_never_wait_nor_lose),
		cmocka_unit_test(duplicates_are_refused_at_the_bucket),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
