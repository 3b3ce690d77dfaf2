/* SPDX-License-Identifier: BSD-3-Clause */
/* Wildcard and range rules against a list that is searched from the front; then what was looked at, and threads. */
#include "flow_test.h"

#include <pthread.h>

#include "flow/acl.h"
#include "flow/wild.h"

#define RULES 400
#define MASKS 24
#define READ_RULES 14 /* more tuples than are searched without a tree */

struct twin_rule {
	const struct flow_wild_rule *rule; /* NULL: unused */
	struct flow_match match;
	struct flow_acl_range range[2];
	unsigned nr_ranges;
	uint32_t priority;
	uint64_t sequence;
};

static struct twin_rule twin[RULES];
static uint64_t sequence;

/* Few values per byte, so that rules overlap and packets match. */
static void random_key(struct rng *r, struct flow_key *k)
{
	memset(k, 0, sizeof(*k));
	k->hot.src[0] = rng_below(r, 3);
	k->hot.src[1] = rng_below(r, 3);
	k->hot.dst[0] = rng_below(r, 3);
	k->hot.proto = rng_below(r, 2);
	k->hot.sport = rte_cpu_to_be_16(rng_below(r, 20));
	k->hot.dport = rte_cpu_to_be_16(rng_below(r, 600));
	k->hot.port = rng_below(r, 600);
	k->inner.src[0] = rng_below(r, 2);
}

static void random_mask(struct rng *r, struct flow_key *m)
{
	memset(m, 0, sizeof(*m));
	m->hot.src[0] = rng_one_in(r, 2) ? 0xff : 0;
	m->hot.src[1] = rng_one_in(r, 2) ? 0xff : 0;
	m->hot.dst[0] = rng_one_in(r, 2) ? 0x01 : 0;
	m->hot.proto = rng_one_in(r, 3) ? 0xff : 0;
	m->inner.src[0] = rng_one_in(r, 4) ? 0xff : 0;
}

static struct flow_acl_range random_range(struct rng *r, bool host)
{
	struct flow_acl_range range = {.offset = host ? offsetof(struct flow_key, hot.port)
						      : offsetof(struct flow_key, hot.dport),
		.length = 2,
		.host_order = host,
		.low = rng_below(r, 600)};

	range.high = rng_between(r, range.low, rng_one_in(r, 3) ? 65535 : 600);
	return range;
}

static uint64_t field_of(const struct flow_key *k, const struct flow_acl_range *r)
{
	return r->host_order ? k->hot.port : rte_be_to_cpu_16(k->hot.dport);
}

static bool matches(const struct twin_rule *t, const struct flow_key *k)
{
	for (unsigned i = 0; i < FLOW_KEY_SIZE; i++)
		if ((k->bytes[i] ^ t->match.value.bytes[i]) & t->match.mask.bytes[i])
			return false;
	for (unsigned i = 0; i < t->nr_ranges; i++)
		if (field_of(k, &t->range[i]) < t->range[i].low ||
			field_of(k, &t->range[i]) > t->range[i].high)
			return false;
	return true;
}

static const struct twin_rule *twin_lookup(const struct flow_key *k)
{
	const struct twin_rule *best = NULL;

	for (unsigned i = 0; i < RULES; i++) {
		const struct twin_rule *t = &twin[i];

		if (!t->rule || !matches(t, k))
			continue;
		if (!best || t->priority < best->priority ||
			(t->priority == best->priority && t->sequence < best->sequence))
			best = t;
	}
	return best;
}

static void add_rule(
	struct flow_ctx *ctx, struct flow_wild *w, struct rng *r, const struct flow_key *masks)
{
	struct twin_rule *t = &twin[rng_below(r, RULES)];
	struct flow_acl_rule_cfg cfg = {.match = &t->match, .ranges = t->range, .owner = t};
	int err;

	if (t->rule)
		return;
	memset(t, 0, sizeof(*t));
	random_key(r, &t->match.value);
	t->match.mask = masks[rng_below(r, MASKS)];
	t->priority = cfg.priority = rng_below(r, 50);
	t->nr_ranges = cfg.nr_ranges = rng_below(r, 3);
	for (unsigned i = 0; i < t->nr_ranges; i++)
		t->range[i] = random_range(r, i);
	t->sequence = ++sequence;
	err = flow_acl_insert(ctx, w, &cfg, &t->rule);
	/* Two rules without check, same bits, same priority. */
	assert_true(err == 0 || err == -EEXIST);
}

static void check_keys(const struct flow_wild *w, struct rng *r)
{
	static struct flow_key keys[64];
	const struct flow_wild_rule *rules[64];
	uint64_t todo = rng_u64(r), hits;

	for (unsigned i = 0; i < 64; i++)
		random_key(r, &keys[i]);
	hits = flow_wild_lookup_burst(w, keys, todo, rules);
	for (unsigned i = 0; i < 64; i++) {
		const struct twin_rule *want = twin_lookup(&keys[i]);
		const struct flow_wild_rule *got = flow_wild_lookup(w, &keys[i], NULL);

		assert_ptr_equal(got ? flow_acl_owner(got) : NULL, want);
		if (!(todo >> i & 1))
			continue;
		assert_int_equal(hits >> i & 1, !!want);
		assert_ptr_equal(rules[i], want ? want->rule : NULL);
	}
}

/* Any key that agrees on the bits that were looked at has the same answer. */
static void check_looked(const struct flow_wild *w, struct rng *r)
{
	struct flow_key key, other, looked;
	const struct flow_wild_rule *rule;

	random_key(r, &key);
	memset(&looked, 0, sizeof(looked));
	rule = flow_wild_lookup(w, &key, &looked);
	for (unsigned n = 0; n < 20; n++) {
		random_key(r, &other);
		for (unsigned i = 0; i < FLOW_KEY_SIZE; i++)
			other.bytes[i] = (key.bytes[i] & looked.bytes[i]) |
					 (other.bytes[i] & ~looked.bytes[i]);
		assert_ptr_equal(flow_wild_lookup(w, &other, NULL), rule);
	}
}

static void remove_rule(struct flow_ctx *ctx, struct flow_wild *w, struct twin_rule *t)
{
	flow_acl_remove(ctx, w, t->rule);
	t->rule = NULL;
}

static void same_as_the_twin(void **state)
{
	struct flow_ctx *ctx = make_ctx(1);
	struct flow_key masks[MASKS];
	struct flow_wild *w;
	struct rng r;

	rng_init(&r, rng_test_seed("wild twin"));
	assert_int_equal(flow_wild_create(ctx, "test", RULES, &w), 0);
	for (unsigned i = 0; i < MASKS; i++)
		random_mask(&r, &masks[i]);
	for (unsigned op = 0; op < 4000; op++) {
		unsigned what = rng_below(&r, 10);

		if (what < (op / 1300 == 1 ? 2 : 5))
			add_rule(ctx, w, &r, masks);
		else if (what < 7)
			remove_rule(ctx, w, &twin[rng_below(&r, RULES)]);
		else if (rng_one_in(&r, 20)) /* trees of all ages, and rules beside them */
			flow_wild_settle(w);
		else if (op % 8 == 0)
			check_keys(w, &r);
		else
			check_looked(w, &r);
	}
	for (unsigned i = 0; i < RULES; i++)
		remove_rule(ctx, w, &twin[i]);
	assert_int_equal(flow_wild_count(w), 0);
	assert_int_equal(flow_wild_tuples(w), 0);
	flow_wild_destroy(w);
	flow_ctx_destroy(ctx);
}

static void the_lowest_number_wins_then_the_first(void **state)
{
	struct flow_ctx *ctx = make_ctx(1);
	struct flow_match a = {.mask.hot.proto = 0xff, .value.hot.proto = 6}, b = {0};
	struct flow_key key = {.hot.proto = 6};
	const struct flow_wild_rule *r1, *r2, *r3;
	struct flow_wild_rule_cfg cfg = {.match = &a, .priority = 7};
	struct flow_wild *w;

	assert_int_equal(flow_wild_create(ctx, "test", 2, &w), 0);
	assert_int_equal(flow_wild_insert(w, &cfg, &r1), 0);
	assert_int_equal(flow_wild_insert(w, &cfg, &r3), -EEXIST);
	cfg.match = &b;
	assert_int_equal(flow_wild_insert(w, &cfg, &r2), 0);
	assert_int_equal(flow_wild_insert(w, &cfg, &r3), -ENOSPC);
	assert_non_null(strstr(refusal(), "full with 2 rules"));
	assert_ptr_equal(flow_wild_lookup(w, &key, NULL), r1);
	flow_wild_remove(w, r1);
	assert_ptr_equal(flow_wild_lookup(w, &key, NULL), r2);
	cfg.match = &a;
	assert_int_equal(flow_wild_insert(w, &cfg, &r1), 0);
	assert_ptr_equal(flow_wild_lookup(w, &key, NULL), r2);
	flow_wild_remove(w, r2);
	cfg.match = &b;
	cfg.priority = 6;
	assert_int_equal(flow_wild_insert(w, &cfg, &r2), 0);
	assert_ptr_equal(flow_wild_lookup(w, &key, NULL), r2);
	assert_int_equal(flow_wild_tuples(w), 2);
	assert_int_equal(flow_wild_lines(w), 1);
	flow_wild_destroy(w);
	flow_ctx_destroy(ctx);
}

/* Rules that come and go under a tree: those that went are kept for it, but not without end. */
static void a_tree_outlives_its_rules(void **state)
{
	struct flow_ctx *ctx = make_ctx(1);
	struct flow_match m[2 * WILD_TUPLES_FEW] = {};
	const struct flow_wild_rule *rule[ARRAY_SIZE(m)], *last;
	struct flow_wild *w;

	assert_int_equal(flow_wild_create(ctx, "test", 100, &w), 0);
	for (unsigned i = 0; i < ARRAY_SIZE(m); i++) {
		struct flow_wild_rule_cfg cfg = {.match = &m[i], .priority = i};

		m[i].value.hot.src[0] = m[i].mask.hot.src[0] = 1 + i;
		m[i].mask.hot.src[1] = i < 8 ? 0xff : 0;
		assert_int_equal(flow_wild_insert(w, &cfg, &rule[i]), 0);
	}
	flow_wild_settle(w);
	for (unsigned n = 0; n < 5000; n++) {
		unsigned i = n % ARRAY_SIZE(m);
		struct flow_wild_rule_cfg cfg = {.match = &m[i], .priority = i};

		flow_wild_remove(w, rule[i]);
		last = flow_wild_lookup(w, &m[i].value, NULL);
		assert_true(!last || last->priority != i);
		assert_int_equal(flow_wild_insert(w, &cfg, &rule[i]), 0);
		last = flow_wild_lookup(w, &m[i].value, NULL);
		assert_true(last && last->priority <= i);
		if (n % 1700 == 1699)
			flow_wild_settle(w);
	}
	flow_wild_destroy(w);
	flow_ctx_destroy(ctx);
}

/* Rules that look at a word of the key each: no tree, the same answers. */
static void too_many_words_get_no_tree(void **state)
{
	struct flow_ctx *ctx = make_ctx(1);
	struct flow_match m[40] = {};
	struct flow_wild *w;

	assert_int_equal(flow_wild_create(ctx, "test", 100, &w), 0);
	for (unsigned i = 0; i < ARRAY_SIZE(m); i++) {
		struct flow_wild_rule_cfg cfg = {.match = &m[i], .priority = i};
		const struct flow_wild_rule *rule;

		m[i].value.bytes[4 * i] = m[i].mask.bytes[4 * i] = 0xa5;
		assert_int_equal(flow_wild_insert(w, &cfg, &rule), 0);
	}
	flow_wild_settle(w);
	flow_wild_settle(w);
	for (unsigned i = 0; i < ARRAY_SIZE(m); i++)
		assert_int_equal(flow_wild_lookup(w, &m[i].value, NULL)->priority, i);
	flow_wild_destroy(w);
	flow_ctx_destroy(ctx);
}

static void overlap_is_agreement_on_common_bits(void **state)
{
	struct flow_match a = {.mask.hot.proto = 0xff, .value.hot.proto = 6};
	struct flow_match b = {.mask.hot.proto = 0x0f, .value.hot.proto = 6},
			  c = {.mask.hot.ttl = 0xff, .value.hot.ttl = 1};

	assert_true(flow_match_overlaps(&a, &b));
	assert_true(flow_match_overlaps(&a, &c));
	b.value.hot.proto = 5;
	assert_false(flow_match_overlaps(&a, &b));
}

static void bad_ranges_are_refused(void **state)
{
	struct flow_ctx *ctx = make_ctx(1);
	struct flow_match m = {0};
	struct flow_acl_range range = {.offset = 10, .length = 2, .low = 9, .high = 3};
	struct flow_acl_rule_cfg cfg = {.match = &m, .nr_ranges = 1, .ranges = &range};
	const struct flow_wild_rule *rule;
	struct flow_wild *w;

	assert_int_equal(flow_wild_create(ctx, "test", 2, &w), 0);
	assert_int_equal(flow_acl_insert(ctx, w, &cfg, &rule), -EINVAL);
	assert_non_null(strstr(refusal(), "9..3"));
	range.high = 0x10000;
	assert_int_equal(flow_acl_insert(ctx, w, &cfg, &rule), -EINVAL);
	range.high = 10;
	m.mask.bytes[11] = 1;
	assert_int_equal(flow_acl_insert(ctx, w, &cfg, &rule), -EINVAL);
	m.mask.bytes[11] = 0;
	cfg.nr_ranges = FLOW_ACL_RANGES + 1;
	assert_int_equal(flow_acl_insert(ctx, w, &cfg, &rule), -EINVAL);
	cfg.nr_ranges = 1;
	range.length = 9;
	assert_int_equal(flow_acl_insert(ctx, w, &cfg, &rule), -EINVAL);
	flow_wild_destroy(w);
	flow_ctx_destroy(ctx);
}

/* A reader always finds the rule that never goes, or one of those that come and go above it. */
struct race {
	struct flow_ctx *ctx;
	struct flow_wild *w;
	bool stop;
	uint64_t looked;
};

static void *hammer(void *arg)
{
	struct race *race = arg;
	struct flow_key key = {.hot.proto = 6, .hot.src = {1, 2, 3, 4}};

	while (!__atomic_load_n(&race->stop, __ATOMIC_RELAXED)) {
		const struct flow_wild_rule *rule;

		flow_reader_online(race->ctx, 0);
		rule = flow_wild_lookup(race->w, &key, NULL);
		if (!rule || (uintptr_t)rule->owner != rule->priority + 1)
			fail_msg("the reader saw %s", rule ? "a torn rule" : "nothing");
		flow_reader_offline(race->ctx, 0);
		race->looked++;
	}
	return NULL;
}

static void readers_see_whole_rules(void **state)
{
	struct race race = {.ctx = make_ctx(1)};
	struct flow_match m[READ_RULES] = {{.mask.hot.proto = 0xff, .value.hot.proto = 6}};
	const struct flow_wild_rule *rule[READ_RULES] = {0};
	pthread_t thread;
	struct rng r;

	rng_init(&r, rng_test_seed("wild readers"));
	assert_int_equal(flow_wild_create(race.ctx, "test", 100, &race.w), 0);
	for (unsigned i = 0; i < READ_RULES; i++) {
		struct flow_wild_rule_cfg cfg = {
			.match = &m[i], .priority = 100 - i, .owner = (void *)(uintptr_t)(101 - i)};

		if (i)
			m[i] = (struct flow_match){
				.mask.hot.src = {0xff, i}, .value.hot.src = {1, 2 & i}};
		if (!i)
			assert_int_equal(flow_wild_insert(race.w, &cfg, &rule[i]), 0);
	}
	pthread_create(&thread, NULL, hammer, &race);
	for (unsigned n = 0; n < 20000; n++) {
		unsigned i = rng_between(&r, 1, READ_RULES - 1);
		struct flow_wild_rule_cfg cfg = {
			.match = &m[i], .priority = 100 - i, .owner = (void *)(uintptr_t)(101 - i)};

		if (n % 500 == 499) /* trees come and go under the reader too */
			flow_wild_settle(race.w);
		if (rule[i]) {
			flow_wild_remove(race.w, rule[i]);
			rule[i] = NULL;
		} else {
			assert_int_equal(flow_wild_insert(race.w, &cfg, &rule[i]), 0);
		}
	}
	__atomic_store_n(&race.stop, true, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	assert_true(race.looked > 0);
	flow_wild_destroy(race.w);
	flow_ctx_destroy(race.ctx);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(same_as_the_twin),
		cmocka_unit_test(the_lowest_number_wins_then_the_first),
		cmocka_unit_test(a_tree_outlives_its_rules),
		cmocka_unit_test(too_many_words_get_no_tree),
		cmocka_unit_test(overlap_is_agreement_on_common_bits),
		cmocka_unit_test(bad_ranges_are_refused),
		cmocka_unit_test(readers_see_whole_rules),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
