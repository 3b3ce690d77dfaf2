/* SPDX-License-Identifier: BSD-3-Clause */
/* Blocks of the cache's programs: never two owners, never another owner while a reader may still look. */
#include "flow_test.h"

#include "flow/cache_pool.h"

#define HELD 600
#define STEPS 200000

struct held {
	uint8_t *bytes; /* NULL: nothing */
	size_t len;
	uint8_t pattern;
	bool given; /* while a reader was online, who still is */
	struct cache_block block;
};

static void check(const struct held *h)
{
	for (size_t i = 0; i < h->len; i += h->len > 64 ? 61 : 1)
		assert_int_equal(h->bytes[i], h->pattern);
	assert_int_equal(h->bytes[h->len - 1], h->pattern);
}

static void take(struct cache_pool *pool, struct held *h, struct rng *r)
{
	static uint8_t next;

	*h = (struct held){.len = 1 + rng_below(r, 8192), .pattern = ++next};
	h->bytes = cache_pool_take(pool, h->len, &h->block);
	assert_non_null(h->bytes);
	assert_int_equal((uintptr_t)h->bytes % 64, 0);
	memset(h->bytes, h->pattern, h->len);
}

static void give(struct cache_pool *pool, struct held *h, bool unused, bool reader)
{
	check(h);
	if (unused)
		cache_pool_give_unused(pool, h->block);
	else
		cache_pool_give(pool, h->block);
	if (unused || !reader)
		h->bytes = NULL;
	else
		h->given = true;
}

/* The reader has seen enough: what was given is no longer looked at. */
static void forget_given(struct held *held)
{
	for (unsigned i = 0; i < HELD; i++)
		if (held[i].bytes && held[i].given) {
			check(&held[i]);
			held[i].bytes = NULL;
		}
}

static void blocks_have_one_owner(void **state)
{
	static struct held held[HELD];
	static struct cache_pool pool;
	struct flow_ctx *ctx = make_ctx(1);
	bool reader = false;
	struct rng r;

	rng_init(&r, rng_test_seed("cache pool"));
	assert_int_equal(cache_pool_init(&pool, ctx, 1000), 0);
	for (unsigned step = 0; step < STEPS; step++) {
		struct held *h = &held[rng_below(&r, HELD)];

		if (rng_one_in(&r, 500)) {
			if (reader)
				forget_given(held);
			reader ? flow_reader_offline(ctx, 0) : flow_reader_online(ctx, 0);
			reader = !reader;
		}
		if (!h->bytes)
			take(&pool, h, &r);
		else if (h->given)
			check(h);
		else
			give(&pool, h, rng_one_in(&r, 8), reader);
	}
	if (reader)
		flow_reader_offline(ctx, 0);
	cache_pool_fini(&pool);
	flow_ctx_destroy(ctx);
}

static void a_size_has_an_end(void **state)
{
	static struct cache_pool pool;
	struct flow_ctx *ctx = make_ctx(1);
	struct cache_block block;
	unsigned n = 0;

	assert_int_equal(cache_pool_init(&pool, ctx, 1000), 0);
	assert_null(cache_pool_take(&pool, 8193, &block));
	while (cache_pool_take(&pool, 256, &block))
		n++;
	assert_int_equal(n, 65536);
	assert_non_null(cache_pool_take(&pool, 257, &block));
	cache_pool_fini(&pool);
	flow_ctx_destroy(ctx);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(blocks_have_one_owner),
		cmocka_unit_test(a_size_has_an_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
