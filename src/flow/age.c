/* SPDX-License-Identifier: BSD-3-Clause */
#include "flow/age.h"

#include <stdlib.h>

#include "base/base.h"
#include "base/refuse.h"
#include "flow/flow_int.h"
#include "flow/pool.h"
#include "flow/region.h"

struct flow_ages {
	struct flow_region region;
	uint32_t *seen; /* ticks, wrapping */
	struct flow_pool pool;
	struct flow_ahead ahead;
};

static void reach(void *owner, uint32_t index)
{
	struct flow_ages *a = owner;
	uint32_t from, to;

	if (flow_ahead_claim(&a->ahead, index, &from, &to))
		flow_region_populate(&a->region, from * sizeof(uint32_t), to * sizeof(uint32_t));
}

int flow_ages_init(struct flow_ctx *ctx)
{
	struct flow_ages *a = calloc(1, sizeof(*a));
	size_t part = (FLOW_AGES_MAX + 1) * sizeof(uint32_t);

	if (!a)
		return refuse(ENOMEM, "flow ages: out of memory");
	ctx->ages = a;
	a->ahead.step = 16384;
	if (flow_region_open(&a->region, 2 * part))
		return refuse(ENOMEM, "flow ages: cannot reserve %zu MiB of address space",
			(2 * part) >> 20);
	a->seen = (uint32_t *)a->region.base;
	flow_pool_init(&a->pool, ctx, (uint32_t *)(a->region.base + part), FLOW_AGES_MAX, reach, a);
	return 0;
}

void flow_ages_fini(struct flow_ctx *ctx)
{
	struct flow_ages *a = ctx->ages;

	if (!a)
		return;
	if (a->seen)
		flow_pool_fini(&a->pool);
	flow_region_close(&a->region);
	free(a);
	ctx->ages = NULL;
}

uint32_t flow_age_new(struct flow_ctx *ctx, uint64_t now_ns)
{
	uint32_t index = flow_pool_take(&ctx->ages->pool);

	if (index)
		flow_age_touch(ctx, index, now_ns);
	return index;
}

void flow_age_free(struct flow_ctx *ctx, uint32_t index)
{
	if (index)
		flow_pool_give(&ctx->ages->pool, index);
}

uint64_t flow_age_idle_ns(const struct flow_ctx *ctx, uint32_t index, uint64_t now_ns)
{
	uint32_t seen = __atomic_load_n(&ctx->ages->seen[index], __ATOMIC_RELAXED);
	int32_t ticks = (int32_t)((uint32_t)(now_ns >> FLOW_AGE_SHIFT) - seen);

	return ticks > 0 ? (uint64_t)ticks << FLOW_AGE_SHIFT : 0;
}

void flow_age_touch(struct flow_ctx *ctx, uint32_t index, uint64_t now_ns)
{
	uint32_t *seen = &ctx->ages->seen[index], now = now_ns >> FLOW_AGE_SHIFT;

	if (__atomic_load_n(seen, __ATOMIC_RELAXED) != now)
		__atomic_store_n(seen, now, __ATOMIC_RELAXED);
}
