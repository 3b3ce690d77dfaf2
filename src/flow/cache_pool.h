/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * cache_pool: where the cache's programs live. Blocks of a few sizes; each size is a region that is filled with memory
 * as far as it is used, and a pool of its indexes (pool.h). So a miss composes its program without malloc, and a block
 * that is given back waits by itself for the readers that may still run what is in it.
 *
 * Inside room flow. Threads: any.
 */
#ifndef FLOW_CACHE_POOL_H
#define FLOW_CACHE_POOL_H

#include "flow/pool.h"
#include "flow/region.h"

#define CACHE_BLOCK_LEAST 256u
#define CACHE_BLOCK_SIZES 6u /* doubling: 256 to 8192 bytes */

struct cache_blocks {
	struct flow_region region; /* links, blocks */
	struct flow_ahead ahead;
	struct flow_pool pool;
	size_t at_blocks;
	uint32_t bytes; /* of one */
};

struct cache_pool {
	struct cache_blocks of[CACHE_BLOCK_SIZES];
};

/* Names a block. */
struct cache_block {
	uint32_t index;
	uint32_t size; /* which */
};

/* For about `programs` programs, of the smallest size; of each larger size half as many. Address space only. 0 or
 * -ENOMEM, without text. */
int cache_pool_init(struct cache_pool *pool, struct flow_ctx *ctx, uint32_t programs);
void cache_pool_fini(struct cache_pool *pool);

/* A block of so many bytes or more, aligned to 64, its contents whatever they are. NULL: none is left, or none is so large. */
void *cache_pool_take(struct cache_pool *pool, size_t bytes, struct cache_block *block);
/* Back, for others after the grace period; or at once, when no reader ever saw it. */
void cache_pool_give(struct cache_pool *pool, struct cache_block block);
void cache_pool_give_unused(struct cache_pool *pool, struct cache_block block);

#endif
