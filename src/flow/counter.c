/* SPDX-License-Identifier: BSD-3-Clause */
#include "flow/counter.h"

#include <stdlib.h>

#include "base/base.h"
#include "base/refuse.h"
#include "flow/flow_int.h"
#include "flow/pool.h"
#include "flow/region.h"

/* One region: a part per worker, the baselines, the pool's links. */
struct flow_counter_store {
	struct flow_region region;
	struct flow_count *baseline;
	struct flow_pool pool;
	struct flow_ahead ahead;
	unsigned nr_workers;
	size_t settled[FLOW_WORKERS_MAX];
};

#define PART_BYTES ((size_t)(FLOW_COUNTERS_MAX + 1) * sizeof(struct flow_count))

static void reach(void *owner, uint32_t index)
{
	struct flow_counter_store *s = owner;
	uint32_t from, to;

	if (!flow_ahead_claim(&s->ahead, index, &from, &to))
		return;
	for (unsigned part = 0; part <= s->nr_workers; part++)
		flow_region_populate(&s->region,
			part * PART_BYTES + from * sizeof(struct flow_count),
			part * PART_BYTES + to * sizeof(struct flow_count));
}

int flow_counters_init(struct flow_ctx *ctx)
{
	unsigned n = ctx->cfg.nr_workers;
	struct flow_counter_store *s = calloc(1, sizeof(*s));

	if (!s)
		return refuse(ENOMEM, "flow counters: out of memory");
	ctx->counter_store = s;
	s->nr_workers = n;
	s->ahead.step = 4096;
	if (flow_region_open(
		    &s->region, (n + 1) * PART_BYTES + (FLOW_COUNTERS_MAX + 1) * sizeof(uint32_t)))
		return refuse(ENOMEM, "flow counters: cannot reserve %zu MiB of address space",
			((n + 1) * PART_BYTES) >> 20);
	for (unsigned i = 0; i < n; i++)
		ctx->counters.worker[i] = (struct flow_count *)(s->region.base + i * PART_BYTES);
	s->baseline = (struct flow_count *)(s->region.base + n * PART_BYTES);
	flow_pool_init(&s->pool, ctx, (uint32_t *)(s->region.base + (n + 1) * PART_BYTES),
		FLOW_COUNTERS_MAX, reach, s);
	reach(s, MIN_OF(ctx->cfg.nr_counters, FLOW_COUNTERS_MAX - s->ahead.step));
	return 0;
}

void flow_counters_fini(struct flow_ctx *ctx)
{
	struct flow_counter_store *s = ctx->counter_store;

	if (!s)
		return;
	if (s->baseline)
		flow_pool_fini(&s->pool);
	flow_region_close(&s->region);
	free(s);
	ctx->counter_store = NULL;
}

void flow_counters_settle(struct flow_ctx *ctx)
{
	struct flow_counter_store *s = ctx->counter_store;
	size_t used = (size_t)__atomic_load_n(&s->ahead.ready, __ATOMIC_RELAXED) * sizeof(struct flow_count);

	for (unsigned i = 0; i < s->nr_workers; i++)
		flow_region_settle(&s->region, i * PART_BYTES, used, &s->settled[i]);
}

/* What the workers have counted since the ctx was made. */
static struct flow_count total(const struct flow_ctx *ctx, uint32_t index)
{
	struct flow_count sum = {0};

	for (unsigned i = 0; i < ctx->cfg.nr_workers; i++) {
		const struct flow_count *c = &ctx->counters.worker[i][index];

		sum.packets += __atomic_load_n(&c->packets, __ATOMIC_RELAXED);
		sum.bytes += __atomic_load_n(&c->bytes, __ATOMIC_RELAXED);
	}
	return sum;
}

uint32_t flow_counter_new(struct flow_ctx *ctx)
{
	uint32_t index = flow_pool_take(&ctx->counter_store->pool);

	if (index)
		flow_counter_reset(ctx, index, NULL);
	return index;
}

void flow_counter_free(struct flow_ctx *ctx, uint32_t index)
{
	if (index)
		flow_pool_give(&ctx->counter_store->pool, index);
}

void flow_counter_read(const struct flow_ctx *ctx, uint32_t index, struct flow_count *count)
{
	const struct flow_count *base = &ctx->counter_store->baseline[index];
	struct flow_count sum = total(ctx, index);

	count->packets = sum.packets - __atomic_load_n(&base->packets, __ATOMIC_RELAXED);
	count->bytes = sum.bytes - __atomic_load_n(&base->bytes, __ATOMIC_RELAXED);
}

void flow_counter_reset(struct flow_ctx *ctx, uint32_t index, struct flow_count *count)
{
	struct flow_count *base = &ctx->counter_store->baseline[index];
	struct flow_count sum = total(ctx, index);

	if (count)
		*count = (struct flow_count){sum.packets - base->packets, sum.bytes - base->bytes};
	__atomic_store_n(&base->packets, sum.packets, __ATOMIC_RELAXED);
	__atomic_store_n(&base->bytes, sum.bytes, __ATOMIC_RELAXED);
}
