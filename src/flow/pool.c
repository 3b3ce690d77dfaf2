/* SPDX-License-Identifier: BSD-3-Clause */
#include "flow/pool.h"

#include <assert.h>
#include <string.h>

#include "base/base.h"
#include "flow/flow_int.h"

static struct flow_pool_shard *my_shard(struct flow_pool *pool)
{
	static uint32_t threads;
	static __thread uint32_t me;

	if (!me)
		me = __atomic_add_fetch(&threads, 1, __ATOMIC_RELAXED);
	return &pool->shard[me % FLOW_POOL_SHARDS];
}

void flow_pool_init(struct flow_pool *pool, struct flow_ctx *ctx, uint32_t *link, uint32_t limit,
	void (*reach)(void *owner, uint32_t index), void *owner)
{
	memset(pool, 0, sizeof(*pool));
	pool->ctx = ctx;
	pool->link = link;
	pool->limit = limit;
	pool->reach = reach;
	pool->owner = owner;
	pool->fresh = 1;
	for (unsigned i = 0; i < FLOW_POOL_SHARDS; i++)
		pthread_spin_init(&pool->shard[i].lock, PTHREAD_PROCESS_PRIVATE);
}

void flow_pool_start_at(struct flow_pool *pool, uint32_t first)
{
	pool->fresh = first;
}

void flow_pool_fini(struct flow_pool *pool)
{
	for (unsigned i = 0; i < FLOW_POOL_SHARDS; i++)
		pthread_spin_destroy(&pool->shard[i].lock);
}

static struct flow_pool_batch *newest(struct flow_pool_shard *s)
{
	return &s->batch[(s->oldest + s->batches - 1) % FLOW_POOL_BATCHES];
}

/* Stamp the open batch and queue it. A full ring merges it into the newest batch, which then waits longer. */
static void close_batch(struct flow_pool *pool, struct flow_pool_shard *s)
{
	struct flow_pool_batch *b;

	if (!s->open.count)
		return;
	if (s->batches == FLOW_POOL_BATCHES) {
		b = newest(s);
		pool->link[b->tail] = s->open.head;
		b->tail = s->open.tail;
		b->count += s->open.count;
	} else {
		s->batches++;
		b = newest(s);
		*b = s->open;
	}
	b->token = flow_epoch_token(pool->ctx);
	s->open = (struct flow_pool_batch){0};
}

/* Move the oldest batch to the free list if its readers have passed. */
static bool harvest(struct flow_pool *pool, struct flow_pool_shard *s)
{
	struct flow_pool_batch *b = &s->batch[s->oldest];

	if (!s->batches || !flow_epoch_passed(pool->ctx, b->token))
		return false;
	pool->link[b->tail] = s->free;
	s->free = b->head;
	s->oldest = (s->oldest + 1) % FLOW_POOL_BATCHES;
	s->batches--;
	return true;
}

/* A run of indexes nobody has used yet. */
static bool refill_fresh(struct flow_pool *pool, struct flow_pool_shard *s)
{
	uint32_t limit = __atomic_load_n(&pool->limit, __ATOMIC_RELAXED);
	uint32_t from = __atomic_load_n(&pool->fresh, __ATOMIC_RELAXED), to;

	do {
		if (from > limit)
			return false;
		to = limit - from < FLOW_POOL_CHUNK ? limit + 1 : from + FLOW_POOL_CHUNK;
	} while (!__atomic_compare_exchange_n(
		&pool->fresh, &from, to, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED));
	s->fresh = from;
	s->fresh_end = to;
	if (pool->reach)
		pool->reach(pool->owner, to);
	return true;
}

static uint32_t take_from(struct flow_pool *pool, struct flow_pool_shard *s, bool last_resort)
{
	uint32_t index;

	if (!s->free && s->fresh == s->fresh_end) {
		if (last_resort)
			close_batch(pool, s);
		if (!harvest(pool, s) && !refill_fresh(pool, s))
			return 0;
	}
	if (s->free) {
		index = s->free;
		s->free = pool->link[index];
		return index;
	}
	index = s->fresh++;
	return index;
}

/* Everything of one's own is used up: other shards may have spares. */
static uint32_t take_anywhere(struct flow_pool *pool)
{
	uint32_t index = 0;

	for (unsigned i = 0; i < FLOW_POOL_SHARDS && !index; i++) {
		struct flow_pool_shard *s = &pool->shard[i];

		pthread_spin_lock(&s->lock);
		index = take_from(pool, s, true);
		pthread_spin_unlock(&s->lock);
	}
	return index;
}

uint32_t flow_pool_take(struct flow_pool *pool)
{
	uint32_t index = 0;

	flow_pool_take_many(pool, &index, 1);
	return index;
}

unsigned flow_pool_take_many(struct flow_pool *pool, uint32_t *index, unsigned n)
{
	struct flow_pool_shard *s = my_shard(pool);
	unsigned got = 0;

	pthread_spin_lock(&s->lock);
	while (got < n && (index[got] = take_from(pool, s, false)))
		got++;
	pthread_spin_unlock(&s->lock);
	while (got < n && (index[got] = take_anywhere(pool)))
		got++;
	return got;
}

void flow_pool_give(struct flow_pool *pool, uint32_t index)
{
	struct flow_pool_shard *s = my_shard(pool);

	assert(index && index <= pool->limit);
	pthread_spin_lock(&s->lock);
	pool->link[index] = s->open.head;
	s->open.head = index;
	if (!s->open.count++)
		s->open.tail = index;
	if (s->open.count == FLOW_POOL_CHUNK)
		close_batch(pool, s);
	pthread_spin_unlock(&s->lock);
}

void flow_pool_give_unused(struct flow_pool *pool, uint32_t index)
{
	struct flow_pool_shard *s = my_shard(pool);

	pthread_spin_lock(&s->lock);
	pool->link[index] = s->free;
	s->free = index;
	pthread_spin_unlock(&s->lock);
}
