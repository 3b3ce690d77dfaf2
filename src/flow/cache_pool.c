/* SPDX-License-Identifier: BSD-3-Clause */
#include "flow/cache_pool.h"

#include <errno.h>

#include <rte_common.h>

#include "base/base.h"

#define PROGRAMS_LEAST 65536u   /* of each size; address space is cheap */
#define PROGRAMS_MOST (1u << 26)
#define STEP_BYTES (64u << 10)  /* filled with memory at a time */

static void reach(void *owner, uint32_t index)
{
	struct cache_blocks *b = owner;
	uint32_t from, to;

	if (flow_ahead_claim(&b->ahead, index, &from, &to))
		flow_region_populate(&b->region, b->at_blocks + (size_t)from * b->bytes, b->at_blocks + (size_t)to * b->bytes);
}

static int blocks_init(struct cache_blocks *b, struct flow_ctx *ctx, uint32_t bytes, uint32_t limit)
{
	b->bytes = bytes;
	b->at_blocks = RTE_ALIGN_CEIL((size_t)(limit + 1) * sizeof(uint32_t), (size_t)4096);
	if (flow_region_open(&b->region, b->at_blocks + (size_t)(limit + 1) * bytes))
		return -ENOMEM;
	b->ahead.step = STEP_BYTES / bytes;
	flow_pool_init(&b->pool, ctx, (uint32_t *)(void *)b->region.base, limit, reach, b);
	return 0;
}

int cache_pool_init(struct cache_pool *pool, struct flow_ctx *ctx, uint32_t programs)
{
	for (uint32_t i = 0; i < CACHE_BLOCK_SIZES; i++) {
		uint32_t limit = MIN_OF(MAX_OF(programs >> i, PROGRAMS_LEAST), PROGRAMS_MOST >> i);

		if (blocks_init(&pool->of[i], ctx, CACHE_BLOCK_LEAST << i, limit)) {
			cache_pool_fini(pool);
			return -ENOMEM;
		}
	}
	return 0;
}

void cache_pool_fini(struct cache_pool *pool)
{
	for (uint32_t i = 0; i < CACHE_BLOCK_SIZES; i++) {
		if (!pool->of[i].region.base)
			continue;
		flow_pool_fini(&pool->of[i].pool);
		flow_region_close(&pool->of[i].region);
	}
}

void *cache_pool_take(struct cache_pool *pool, size_t bytes, struct cache_block *block)
{
	for (uint32_t i = 0; i < CACHE_BLOCK_SIZES; i++) {
		struct cache_blocks *b = &pool->of[i];

		if (b->bytes < bytes)
			continue;
		*block = (struct cache_block){.index = flow_pool_take(&b->pool), .size = i};
		return block->index ? b->region.base + b->at_blocks + (size_t)block->index * b->bytes : NULL;
	}
	return NULL;
}

void cache_pool_give(struct cache_pool *pool, struct cache_block block)
{
	flow_pool_give(&pool->of[block.size].pool, block.index);
}

void cache_pool_give_unused(struct cache_pool *pool, struct cache_block block)
{
	flow_pool_give_unused(&pool->of[block.size].pool, block.index);
}
