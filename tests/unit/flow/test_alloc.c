/* SPDX-License-Identifier: BSD-3-Clause */
/* Each allocation fails in turn: what was refused leaves nothing behind, and the next try works. */
#include "flow_test.h"

#include "../alloc_fail.h"
#include "flow/acl.h"
#include "flow/conn.h"
#include "flow/exact.h"
#include "flow/hop.h"
#include "flow/meter.h"

/* `thing` must cope or fail with -ENOMEM for each allocation that fails, and succeed when none does. */
static unsigned try_all(int (*thing)(void *arg), void *arg)
{
	for (unsigned n = 1;; n++) {
		int err;

		alloc_fail_at(n);
		err = thing(arg);
		if (!alloc_fail_stop()) {
			assert_true(err >= 0);
			return n - 1;
		}
		/* Growing a hash map or the list of the retired may fail and be done without. */
		if (err >= 0)
			continue;
		assert_int_equal(err, -ENOMEM);
		assert_true(refusal()[0]);
	}
}

static int create_ctx(void *arg)
{
	struct flow_ctx_cfg cfg = {.nr_workers = 2};

	return flow_ctx_create(&cfg, arg);
}

static int create_exact(void *arg)
{
	static const struct flow_key mask = {.words[0] = 1};
	struct flow_exact_cfg cfg = {.name = "t", .mask = &mask, .data_len = 8, .capacity = 10};
	struct flow_exact *table;
	int err = flow_exact_create(arg, &cfg, &table);

	flow_exact_destroy(table);
	return err;
}

static int create_conns(void *arg)
{
	struct conn_table_cfg cfg = {
		.capacity = 10, .nr_workers = 1, .timeouts = conn_timeouts_default};
	struct flow_conn_table *table;
	int err = conn_table_create(arg, &cfg, &table);

	conn_table_destroy(table);
	return err;
}

static int add_hop(void *arg)
{
	struct flow_hop hop = {.port = 1};
	int index = flow_hop_add(arg, &hop);

	return index < 0 ? index : flow_hop_replace(arg, index, &hop);
}

static int add_meter(void *arg)
{
	struct flow_meter_cfg cfg = {.kind = FLOW_METER_SRTCM, .cir = 1, .cbs = 1};

	return flow_meter_new(arg, &cfg, 0);
}

struct rule_try {
	struct flow_ctx *ctx;
	struct flow_wild *wild;
	uint32_t priority;
	const struct flow_wild_rule *rule;
};

/* A rule of a mask nobody has used: record, tuple, array and hash map all need memory. */
static int add_rule(void *arg)
{
	struct rule_try *t = arg;
	struct flow_match m = {.mask.words = {1}, .value.words = {1}};
	struct flow_acl_range range = {.offset = 50, .length = 2, .low = 3, .high = 900};
	struct flow_acl_rule_cfg cfg = {
		.match = &m, .nr_ranges = 1, .ranges = &range, .priority = t->priority};
	uint32_t before = flow_wild_count(t->wild);
	int err = flow_acl_insert(t->ctx, t->wild, &cfg, &t->rule);

	assert_int_equal(flow_wild_count(t->wild), before + !err);
	flow_acl_remove(t->ctx, t->wild, t->rule);
	return err;
}

static void every_allocation_may_fail(void **state)
{
	struct flow_ctx *ctx;
	struct rule_try t;

	assert_true(try_all(create_ctx, &ctx) >= 5);
	assert_true(try_all(create_exact, ctx) >= 1);
	assert_true(try_all(create_conns, ctx) >= 1);
	assert_true(try_all(add_hop, ctx) >= 2);
	assert_true(try_all(add_meter, ctx) >= 1);
	t = (struct rule_try){.ctx = ctx, .priority = 9};
	assert_int_equal(flow_wild_create(ctx, "t", 10, &t.wild), 0);
	assert_true(try_all(add_rule, &t) >= 4);
	assert_int_equal(flow_wild_tuples(t.wild), 0);
	flow_wild_destroy(t.wild);
	flow_ctx_destroy(ctx);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(every_allocation_may_fail)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
