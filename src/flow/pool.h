/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pool: hands out indexes 1..limit and takes them back. An index given back is handed out again only
 * after the grace period of the ctx, so a reader that is online never sees a record change its meaning. No
 * memory is allocated after creation: lists run through one array of links that the owner provides
 * (part of its region). Shards keep writers of different threads apart.
 *
 * Inside room flow.
 */
#ifndef FLOW_POOL_H
#define FLOW_POOL_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "flow/flow.h"

#define FLOW_POOL_SHARDS 4
#define FLOW_POOL_CHUNK \
	64 /* indexes given back per grace-period token, and fresh ones per refill */
#define FLOW_POOL_BATCHES \
	16 /* per shard; more are merged. Small, because a wildcard table has a pool per mask */

struct flow_pool_batch {
	uint32_t head, tail, count;
	uint64_t token;
};

struct flow_pool_shard {
	pthread_spinlock_t lock;
	uint32_t free;               /* list of indexes ready for use */
	uint32_t fresh, fresh_end;   /* never used so far */
	uint32_t oldest, batches;    /* ring of closed batches */
	struct flow_pool_batch open; /* collects what is given back */
	struct flow_pool_batch batch[FLOW_POOL_BATCHES];
} __attribute__((aligned(64)));

struct flow_pool {
	struct flow_ctx *ctx;
	uint32_t *link; /* limit + 1 of them */
	uint32_t limit; /* raised by flow_pool_limit */
	uint32_t fresh; /* first index never handed to a shard */
	void (*reach)(void *owner,
		uint32_t index); /* indexes below `index` are about to be used; may be NULL */
	void *owner;
	struct flow_pool_shard shard[FLOW_POOL_SHARDS];
};

void flow_pool_init(struct flow_pool *pool, struct flow_ctx *ctx, uint32_t *link, uint32_t limit,
	void (*reach)(void *owner, uint32_t index), void *owner);
/* Make `first` the first index never used (after adopting a table that has indexes below in use). */
void flow_pool_start_at(struct flow_pool *pool, uint32_t first);
void flow_pool_fini(struct flow_pool *pool);

/* 0 = none left (or all that is left waits for its grace period). Any thread. */
uint32_t flow_pool_take(struct flow_pool *pool);
/* Up to n; returns how many. */
unsigned flow_pool_take_many(struct flow_pool *pool, uint32_t *index, unsigned n);
/* Back, for reuse after the grace period. Any thread. */
void flow_pool_give(struct flow_pool *pool, uint32_t index);
/* Back at once: no reader ever saw it. */
void flow_pool_give_unused(struct flow_pool *pool, uint32_t index);

#endif
