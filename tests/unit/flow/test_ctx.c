/* SPDX-License-Identifier: BSD-3-Clause */
/* The context and the small per-index parts: epochs, index pools, hops, counters, ages, meters. */
#include "flow_test.h"

#include "flow/age.h"
#include "flow/counter.h"
#include "flow/flow_int.h"
#include "flow/hop.h"
#include "flow/meter.h"
#include "flow/pool.h"

#define NS ((uint64_t)1000000000)

static unsigned freed;

static void on_free(void *ptr)
{
	freed += (uintptr_t)ptr;
}

static void nothing_is_freed_under_a_reader(void **state)
{
	struct flow_ctx *ctx = make_ctx(2);

	freed = 0;
	flow_retire(ctx, on_free, (void *)1);
	assert_int_equal(freed, 1); /* nobody is reading */
	flow_reader_online(ctx, 1);
	flow_retire(ctx, on_free, (void *)10);
	assert_int_equal(freed, 1);
	flow_reader_online(ctx, 0); /* came later: does not count */
	flow_reader_offline(ctx, 1);
	flow_retire(ctx, NULL, NULL);
	assert_int_equal(freed, 11);
	for (unsigned i = 0; i < 1000;
		i++) /* more than the list had room for; worker 0 has not gone */
		flow_retire(ctx, on_free, (void *)100);
	assert_int_equal(freed, 11);
	flow_reader_offline(ctx, 0);
	flow_retire(ctx, on_free, (void *)1);
	assert_int_equal(freed, 100012);
	flow_reader_online(ctx, 0);
	flow_retire(ctx, on_free, (void *)5);
	flow_reader_offline(ctx, 0);
	flow_ctx_destroy(ctx); /* frees what is left */
	assert_int_equal(freed, 100017);
}

static void worker_limits_are_refused(void **state)
{
	struct flow_ctx_cfg cfg = {.nr_workers = FLOW_WORKERS_MAX + 1};
	struct flow_ctx *ctx;

	assert_int_equal(flow_ctx_create(&cfg, &ctx), -EINVAL);
	assert_non_null(strstr(refusal(), "nr_workers 17"));
	cfg.nr_workers = 0;
	assert_int_equal(flow_ctx_create(&cfg, &ctx), -EINVAL);
	flow_ctx_destroy(NULL);
}

/* Against a set: an index is never handed out twice, nor before its readers have gone. */
#define LIMIT 700
static void a_pool_is_a_set(void **state)
{
	struct flow_ctx *ctx = make_ctx(1);
	static uint32_t link[LIMIT + 1], held[LIMIT];
	static bool out[LIMIT + 1];
	struct flow_pool pool;
	unsigned n = 0, dry = 0;
	struct rng r;

	rng_init(&r, rng_test_seed("pool"));
	flow_pool_init(&pool, ctx, link, LIMIT, NULL, NULL);
	for (unsigned op = 0; op < 100000; op++) {
		if (n < LIMIT && rng_below(&r, 2)) {
			uint32_t index = flow_pool_take(&pool);

			assert_in_range(index, 1, LIMIT);
			assert_false(out[index]);
			out[index] = true;
			held[n++] = index;
		} else if (n) {
			unsigned i = rng_below(&r, n);

			out[held[i]] = false;
			if (rng_one_in(&r, 4))
				flow_pool_give_unused(&pool, held[i]);
			else
				flow_pool_give(&pool, held[i]);
			held[i] = held[--n];
		}
	}
	while (n)
		flow_pool_give(&pool, held[--n]);
	while (flow_pool_take(&pool))
		n++;
	assert_int_equal(n, LIMIT);
	flow_reader_online(ctx, 0);
	for (uint32_t i = 1; i <= LIMIT; i++)
		flow_pool_give(&pool, i);
	assert_int_equal(flow_pool_take(&pool), 0); /* a reader may still see them all */
	flow_reader_offline(ctx, 0);
	while (flow_pool_take(&pool))
		dry++;
	assert_int_equal(dry, LIMIT);
	flow_pool_fini(&pool);
	flow_ctx_destroy(ctx);
}

static void a_hop_is_replaced_under_its_flows(void **state)
{
	struct flow_ctx *ctx = make_ctx(1);
	struct flow_hop hop = {.port = 3, .flags = FLOW_HOP_MACS, .mtu = 1500};
	const struct flow_hop *old;
	int a = flow_hop_add(ctx, &hop), b = flow_hop_add(ctx, &hop);

	assert_true(a > 0 && b > 0 && a != b);
	assert_null(flow_hop_get(ctx, FLOW_HOP_NONE));
	flow_reader_online(ctx, 0);
	old = flow_hop_get(ctx, a);
	hop.port = 4;
	assert_int_equal(flow_hop_replace(ctx, a, &hop), 0);
	assert_int_equal(old->port, 3); /* still readable */
	assert_int_equal(flow_hop_get(ctx, a)->port, 4);
	assert_int_equal(flow_hop_get(ctx, b)->port, 3);
	flow_reader_offline(ctx, 0);
	flow_hop_remove(ctx, b);
	assert_null(flow_hop_get(ctx, b));
	assert_int_equal(flow_hop_replace(ctx, b, &hop), -ENOENT);
	flow_hop_remove(ctx, b);
	for (unsigned i = 0; i < 65534; i++)
		assert_true(flow_hop_add(ctx, &hop) > 0);
	assert_int_equal(flow_hop_add(ctx, &hop), -ENOSPC);
	flow_ctx_destroy(ctx);
}

static void counters_sum_workers_and_reset_by_baseline(void **state)
{
	struct flow_ctx *ctx = make_ctx(3);
	uint32_t a = flow_counter_new(ctx), b = flow_counter_new(ctx);
	struct flow_count count, was;

	for (unsigned w = 0; w < 3; w++)
		flow_counter_add(ctx, w, a, 10 + w, 1000);
	flow_counter_read(ctx, a, &count);
	assert_int_equal(count.packets, 33);
	assert_int_equal(count.bytes, 3000);
	flow_counter_reset(ctx, a, &was);
	assert_int_equal(was.packets, 33);
	flow_counter_add(ctx, 1, a, 1, 60);
	flow_counter_read(ctx, a, &count);
	assert_int_equal(count.packets, 1);
	flow_counter_read(ctx, b, &count);
	assert_int_equal(count.packets, 0);
	flow_counter_free(ctx, a);
	for (unsigned i = 0; i < 200; i++) { /* whoever gets `a` again starts at zero */
		uint32_t c = flow_counter_new(ctx);

		flow_counter_read(ctx, c, &count);
		assert_int_equal(count.packets + count.bytes, 0);
	}
	flow_counter_free(ctx, 0);
	flow_ctx_destroy(ctx);
}

static void ages_tell_idle_time(void **state)
{
	struct flow_ctx *ctx = make_ctx(1);
	uint64_t now = 77 * NS;
	uint32_t a = flow_age_new(ctx, now);

	assert_int_equal(flow_age_idle_ns(ctx, a, now), 0);
	assert_int_equal(flow_age_idle_ns(ctx, a, now - NS), 0);
	assert_in_range(
		flow_age_idle_ns(ctx, a, now + 10 * NS), 10 * NS - 2000000, 10 * NS + 2000000);
	flow_age_touch(ctx, a, now + 9 * NS);
	assert_in_range(flow_age_idle_ns(ctx, a, now + 10 * NS), NS - 2000000, NS + 2000000);
	/* Ticks wrap after 52 days; differences do not care. */
	now = ((uint64_t)UINT32_MAX << FLOW_AGE_SHIFT) - NS;
	flow_age_touch(ctx, a, now);
	assert_in_range(flow_age_idle_ns(ctx, a, now + 5 * NS), 5 * NS - 2000000, 5 * NS + 2000000);
	flow_age_free(ctx, a);
	flow_ctx_destroy(ctx);
}

/* Run `seconds` at `offered` units per second in packets of `bytes`; what each colour got, per second. */
static void offer(struct flow_ctx *ctx, uint32_t meter, double offered, uint32_t bytes,
	unsigned seconds, double *per_s)
{
	uint64_t start = 10 * NS, n = offered * seconds / bytes;
	uint64_t got[FLOW_COLORS] = {0};

	for (uint64_t i = 0; i < n; i++)
		got[flow_meter_run(ctx, meter, bytes, FLOW_GREEN, start + i * seconds * NS / n)] +=
			bytes;
	for (unsigned c = 0; c < FLOW_COLORS; c++)
		per_s[c] = (double)got[c] / seconds;
}

static void assert_near(double value, double want)
{
	if (value < want * 0.98 - 1 || value > want * 1.02 + 1)
		fail_msg("%f is not near %f", value, want);
}

static void meters_mark_the_rates_they_are_given(void **state)
{
	struct flow_ctx *ctx = make_ctx(1);
	struct flow_meter_cfg cfg = {
		.kind = FLOW_METER_TRTCM, .cir = 1000000, .cbs = 3000, .eir = 1500000, .ebs = 3000};
	struct flow_count count[FLOW_COLORS];
	double per_s[FLOW_COLORS];
	int m = flow_meter_new(ctx, &cfg, 10 * NS);

	assert_true(m > 0);
	offer(ctx, m, 3000000, 500, 20, per_s);
	assert_near(per_s[FLOW_GREEN], 1000000);
	assert_near(per_s[FLOW_YELLOW], 500000);
	assert_near(per_s[FLOW_RED], 1500000);
	flow_meter_read(ctx, m, count);
	assert_near(count[FLOW_GREEN].bytes / 20.0, 1000000);
	assert_int_equal(count[FLOW_GREEN].packets, count[FLOW_GREEN].bytes / 500);

	cfg = (struct flow_meter_cfg){
		.kind = FLOW_METER_DTRTCM, .cir = 1000000, .cbs = 3000, .eir = 500000, .ebs = 3000};
	assert_int_equal(flow_meter_set(ctx, m, &cfg, 10 * NS), 0);
	offer(ctx, m, 3000000, 500, 20, per_s);
	assert_near(per_s[FLOW_GREEN], 1000000);
	assert_near(per_s[FLOW_YELLOW], 500000);

	/* srTCM: the excess bucket only gets what the committed one cannot hold. */
	cfg = (struct flow_meter_cfg){
		.kind = FLOW_METER_SRTCM, .cir = 1000000, .cbs = 3000, .ebs = 100000};
	assert_int_equal(flow_meter_set(ctx, m, &cfg, 10 * NS), 0);
	offer(ctx, m, 2000000, 500, 20, per_s);
	assert_near(per_s[FLOW_GREEN], 1000000);
	assert_near(per_s[FLOW_YELLOW], 100000 / 20.0);
	flow_ctx_destroy(ctx);
}

static void packet_rates_slow_rates_and_colours(void **state)
{
	struct flow_ctx *ctx = make_ctx(1);
	struct flow_meter_cfg cfg = {.kind = FLOW_METER_SRTCM, .packets = true, .cir = 1, .cbs = 2};
	int m = flow_meter_new(ctx, &cfg, 0);

	assert_int_equal(flow_meter_run(ctx, m, 1500, FLOW_GREEN, 0), FLOW_GREEN);
	assert_int_equal(flow_meter_run(ctx, m, 1500, FLOW_GREEN, 0), FLOW_GREEN);
	assert_int_equal(flow_meter_run(ctx, m, 1500, FLOW_GREEN, 0), FLOW_RED);
	for (unsigned i = 1; i <= 9;
		i++) /* tenths of a second earn nothing each, but are not lost */
		assert_int_equal(flow_meter_run(ctx, m, 1500, FLOW_GREEN, i * NS / 10), FLOW_RED);
	assert_int_equal(flow_meter_run(ctx, m, 1500, FLOW_GREEN, NS), FLOW_GREEN);
	assert_int_equal(
		flow_meter_run(ctx, m, 1500, FLOW_GREEN, NS / 2), FLOW_RED); /* time went back */

	cfg.color_aware = true;
	cfg.cbs = cfg.ebs = 1;
	assert_int_equal(flow_meter_set(ctx, m, &cfg, 5 * NS), 0);
	assert_int_equal(flow_meter_run(ctx, m, 64, FLOW_RED, 5 * NS), FLOW_RED);
	assert_int_equal(flow_meter_run(ctx, m, 64, FLOW_YELLOW, 5 * NS), FLOW_YELLOW);
	assert_int_equal(flow_meter_run(ctx, m, 64, FLOW_GREEN, 5 * NS), FLOW_GREEN);
	assert_int_equal(flow_meter_run(ctx, m, 64, FLOW_GREEN, 5 * NS), FLOW_RED);
	flow_meter_free(ctx, m);
	assert_int_equal(flow_meter_set(ctx, m, &cfg, 0), -ENOENT);
	flow_ctx_destroy(ctx);
}

static void bad_meters_are_refused(void **state)
{
	struct flow_ctx *ctx = make_ctx(1);
	struct flow_meter_cfg cfg = {
		.kind = FLOW_METER_TRTCM, .cir = 10, .cbs = 10, .eir = 9, .ebs = 10};

	assert_int_equal(flow_meter_new(ctx, &cfg, 0), -EINVAL);
	assert_non_null(strstr(refusal(), "peak rate 9"));
	cfg.eir = 10;
	cfg.cbs = 0;
	assert_int_equal(flow_meter_new(ctx, &cfg, 0), -EINVAL);
	cfg.cbs = (1ull << 40) + 1;
	assert_int_equal(flow_meter_new(ctx, &cfg, 0), -EINVAL);
	cfg.kind = 9;
	assert_int_equal(flow_meter_new(ctx, &cfg, 0), -EINVAL);
	assert_int_equal(flow_meter_run(ctx, 0, 100, FLOW_GREEN, 0), FLOW_GREEN);
	flow_ctx_destroy(ctx);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_freed_under_a_reader),
		cmocka_unit_test(worker_limits_are_refused),
		cmocka_unit_test(a_pool_is_a_set),
		cmocka_unit_test(a_hop_is_replaced_under_its_flows),
		cmocka_unit_test(counters_sum_workers_and_reset_by_baseline),
		cmocka_unit_test(ages_tell_idle_time),
		cmocka_unit_test(meters_mark_the_rates_they_are_given),
		cmocka_unit_test(packet_rates_slow_rates_and_colours),
		cmocka_unit_test(bad_meters_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
