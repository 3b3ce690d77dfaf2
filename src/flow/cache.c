/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * cache: composed programs under the bits they depend on. One exact table (a level) per distinct mask. A
 * record is the key, the flat form and a stamp: two lines with a five-tuple's key, all that most hits read. The
 * program and its generation references are one block of cache_pool.h, which waits for readers by itself. Levels are only
 * added while the ctx lives; when there are too many masks, further programs go under the union of all bits
 * any pipe looks at, which is always a legal mask.
 */
#include <stdlib.h>
#include <string.h>

#include <rte_prefetch.h>

#include "base/refuse.h"
#include "flow/cache_pool.h"
#include "flow/exact_int.h"
#include "flow/flat.h"
#include "flow/pipe_int.h"

#define LEVELS_MAX 64
#define CACHE_DEFAULT (1u << 20)
#define EVICT_BATCH 64
#define POOL_LEVELS 4u /* there is memory for so many full levels' programs */

/* What a level's record holds behind the key. */
struct record {
	uint64_t stamp;             /* atomic: ctx's `changes` up to which the references were found right */
	struct flow_flat flat;      /* narrow levels: the first FLOW_FLAT_NARROW bytes */
};
#define RECORD_NARROW (offsetof(struct record, flat) + FLOW_FLAT_NARROW)

/* Programs that an added entry can make wrong are never right by their stamp: for them the two counters in struct
 * cached are asked. */
#define STAMP_NEVER UINT64_MAX

struct cached {
	uint64_t changes, adds;     /* atomic: ctx counters up to which the references were found right */
	uint32_t nr_refs;
	bool adds_matter;
	const struct flow_ref *refs;
	struct cache_block block;   /* which this is */
	uint8_t pad[24];
	struct flow_program prog;   /* on a line of its own */
};
static_assert(offsetof(struct cached, prog) == 64, "program and validity: one line each");

struct level {
	struct flow_key mask;
	struct flow_exact *table;
	struct flow_region region;
	const struct flow_program **prog; /* in it, by record, atomic; beside the records because hits do without */
	bool narrow;
	unsigned lines;
	uint32_t evict_at;
};

struct flow_cache {
	struct level *level[LEVELS_MAX];
	unsigned nr_levels;         /* atomic; levels below it are complete */
	pthread_mutex_t lock;       /* adding levels, evicting */
	struct flow_cache_stats stats;
	struct cache_pool pool;
};

static uint32_t level_entries(const struct flow_ctx *ctx)
{
	return ctx->cfg.cache_entries ? ctx->cfg.cache_entries : CACHE_DEFAULT;
}

int cache_init(struct flow_ctx *ctx)
{
	struct flow_cache *cache = aligned_alloc(64, RTE_ALIGN_CEIL(sizeof(*cache), 64));

	if (!cache)
		return refuse(ENOMEM, "flow cache: no memory");
	memset(cache, 0, sizeof(*cache));
	if (cache_pool_init(&cache->pool, ctx, MIN_OF((uint64_t)level_entries(ctx) * POOL_LEVELS, UINT32_MAX))) {
		free(cache);
		return refuse(ENOMEM, "flow cache: no address space for its programs");
	}
	pthread_mutex_init(&cache->lock, NULL);
	ctx->pipes->cache = cache;
	return 0;
}

static struct record *record_at(const struct level *level, uint32_t index)
{
	return flow_exact_data(level->table, index);
}

static struct cached *cached_of(const struct flow_program *prog)
{
	return (struct cached *)(uintptr_t)((const uint8_t *)prog - offsetof(struct cached, prog));
}

/* NULL: between being forgotten and its record's next use, or between the record's publication and its own. */
static const struct flow_program *prog_at(const struct level *level, uint32_t index)
{
	return __atomic_load_n(&level->prog[index], __ATOMIC_ACQUIRE);
}

static void level_free(struct level *level)
{
	flow_exact_destroy(level->table);
	flow_region_close(&level->region);
	free(level);
}

void cache_fini(struct flow_ctx *ctx)
{
	struct flow_cache *cache = ctx->pipes->cache;

	if (!cache)
		return;
	for (unsigned i = 0; i < cache->nr_levels; i++)
		level_free(cache->level[i]);
	cache_pool_fini(&cache->pool);
	pthread_mutex_destroy(&cache->lock);
	free(cache);
	ctx->pipes->cache = NULL;
}

static bool refs_hold(const struct cached *c)
{
	for (uint32_t i = 0; i < c->nr_refs; i++)
		if (pipe_gen_read(c->refs[i].word) != c->refs[i].value)
			return false;
	return true;
}

/* Something changed since it was last looked at: was it something of ours? */
static bool check_again(struct record *record, struct cached *c, uint64_t changes, uint64_t adds)
{
	if (__atomic_load_n(&c->changes, __ATOMIC_RELAXED) == changes && __atomic_load_n(&c->adds, __ATOMIC_RELAXED) == adds)
		return true;
	if (!refs_hold(c))
		return false;
	__atomic_store_n(&c->adds, adds, __ATOMIC_RELAXED);
	__atomic_store_n(&c->changes, changes, __ATOMIC_RELAXED);
	if (!c->adds_matter)
		__atomic_store_n(&record->stamp, changes, __ATOMIC_RELAXED);
	return true;
}

/* The caller is an online reader or holds evictions up: the record is not used again before it is done here. */
static void forget(struct flow_ctx *ctx, struct level *level, uint32_t index, const struct flow_program *prog)
{
	if (!prog || flow_exact_remove(level->table, index))
		return;
	__atomic_store_n(&level->prog[index], NULL, __ATOMIC_RELEASE);
	__atomic_fetch_sub(&ctx->pipes->cache->stats.programs, 1, __ATOMIC_RELAXED);
	cache_pool_give(&ctx->pipes->cache->pool, cached_of(prog)->block);
}

/* The stamp did not say that the record is right. */
static __attribute__((noinline)) bool look_closer(struct flow_ctx *ctx, struct level *level, uint32_t index,
	uint64_t changes, uint64_t adds)
{
	const struct flow_program *prog = prog_at(level, index);

	if (!prog)
		return false;
	if (check_again(record_at(level, index), cached_of(prog), changes, adds))
		return true;
	__atomic_fetch_add(&ctx->pipes->cache->stats.stale, 1, __ATOMIC_RELAXED);
	forget(ctx, level, index, prog);
	return false;
}

/* A look-up, and what all its levels have in common. */
struct looking {
	struct flow_ctx *ctx;
	uint64_t changes, adds;
	const struct flow_count *counts; /* of the worker */
};

/* One level: `todo` loses what was found. What a hit will count into is asked for. */
static uint64_t look_in(const struct looking *l, struct level *level, const struct flow_key *keys, uint64_t *todo,
	struct flow_hit *hits)
{
	uint32_t index[64];
	uint64_t found = exact_find(level->table, keys, *todo, index), valid = found;
	struct record *records = record_at(level, 0);
	uint64_t stride = level->table->layout.stride;
	struct flow_hit last = {};
	uint32_t last_index = 0;

	for (uint64_t f = found; f; f &= f - 1) {
		unsigned k = __builtin_ctzll(f);
		const struct record *record;

		if (index[k] != last_index) { /* else a train */
			record = (const struct record *)(const void *)((const uint8_t *)records + index[k] * stride);
			if (unlikely(__atomic_load_n(&record->stamp, __ATOMIC_RELAXED) != l->changes) &&
				!look_closer(l->ctx, level, index[k], l->changes, l->adds)) {
				valid &= ~(1ull << k);
				continue;
			}
			rte_prefetch0_write(&l->counts[record->flat.counter]);
			last = (struct flow_hit){.flat = &record->flat, .prog = &level->prog[index[k]]};
			last_index = index[k];
		}
		hits[k] = last;
	}
	*todo &= ~valid;
	return valid;
}

uint64_t flow_cache_lookup(struct flow_ctx *ctx, unsigned worker, const struct flow_key *keys, unsigned lines,
	struct flow_hit *hits, unsigned n)
{
	struct flow_cache *cache = ctx->pipes->cache;
	unsigned nr_levels = __atomic_load_n(&cache->nr_levels, __ATOMIC_ACQUIRE);
	struct looking l = {ctx, .changes = __atomic_load_n(&ctx->pipes->changes, __ATOMIC_ACQUIRE),
		.adds = __atomic_load_n(&ctx->pipes->adds, __ATOMIC_ACQUIRE), .counts = ctx->counters.worker[worker]};
	uint64_t todo = n >= 64 ? UINT64_MAX : (1ull << n) - 1, found = 0;

	assert(n <= 64);
	for (unsigned i = 0; i < nr_levels && todo; i++)
		if (!(cache->level[i]->lines & ~lines))
			found |= look_in(&l, cache->level[i], keys, &todo, hits);
	return found;
}

static struct level *find_level(struct flow_cache *cache, const struct flow_key *mask)
{
	unsigned n = __atomic_load_n(&cache->nr_levels, __ATOMIC_ACQUIRE);

	for (unsigned i = 0; i < n; i++)
		if (!memcmp(&cache->level[i]->mask, mask, sizeof(*mask)))
			return cache->level[i];
	return NULL;
}

/* No address bit beyond the first four bytes: only IPv4 rewrites have their old addresses pinned by such a mask. */
static bool is_narrow(const struct flow_key *mask)
{
	uint8_t any = 0;

	for (unsigned i = 4; i < 16; i++)
		any |= mask->hot.src[i] | mask->hot.dst[i];
	return !any;
}

static int level_open(struct flow_ctx *ctx, struct level *level, const struct flow_key *mask)
{
	struct flow_exact_cfg cfg = {.name = "flow cache", .mask = mask,
		.capacity = level_entries(ctx)};
	int err;

	level->mask = *mask;
	level->narrow = is_narrow(mask);
	cfg.data_len = level->narrow ? RECORD_NARROW : sizeof(struct record);
	err = flow_exact_create(ctx, &cfg, &level->table);
	if (err)
		return err;
	level->lines = flow_exact_lines(level->table);
	err = flow_region_open(&level->region, (size_t)flow_exact_indexes(level->table) * sizeof(level->prog[0]));
	level->prog = (const struct flow_program **)(void *)level->region.base;
	return err;
}

static struct level *new_level(struct flow_ctx *ctx, const struct flow_key *mask)
{
	struct flow_cache *cache = ctx->pipes->cache;
	struct level *level = aligned_alloc(64, RTE_ALIGN_CEIL(sizeof(*level), 64));

	if (!level)
		return NULL;
	memset(level, 0, sizeof(*level));
	if (level_open(ctx, level, mask)) {
		level_free(level);
		return NULL;
	}
	cache->level[cache->nr_levels] = level;
	__atomic_store_n(&cache->nr_levels, cache->nr_levels + 1, __ATOMIC_RELEASE);
	__atomic_fetch_add(&cache->stats.masks, 1, __ATOMIC_RELAXED);
	return level;
}

/* The level of a mask; the last free one is kept for the union of everything. */
static struct level *get_level(struct flow_ctx *ctx, const struct flow_key *mask)
{
	struct flow_cache *cache = ctx->pipes->cache;
	struct level *level = find_level(cache, mask);

	if (level)
		return level;
	pthread_mutex_lock(&cache->lock);
	level = find_level(cache, mask);
	if (!level && cache->nr_levels < LEVELS_MAX - 1)
		level = new_level(ctx, mask);
	pthread_mutex_unlock(&cache->lock);
	return level;
}

static struct level *catch_all(struct flow_ctx *ctx, const struct flow_key *mask)
{
	struct flow_cache *cache = ctx->pipes->cache;
	struct flow_key all;
	struct level *level;

	pthread_mutex_lock(&cache->lock);
	if (cache->nr_levels == LEVELS_MAX) {
		level = cache->level[LEVELS_MAX - 1];
	} else {
		all = ctx->pipes->looks;
		pipe_key_or(&all, mask);
		level = new_level(ctx, &all);
	}
	pthread_mutex_unlock(&cache->lock);
	for (unsigned i = 0; level && i < FLOW_KEY_SIZE / 8; i++)
		if (mask->words[i] & ~level->mask.words[i])
			return NULL; /* a pipe newer than the catch-all: not cached */
	return level;
}

/* Make room: forget a batch wherever the hand points. */
static void evict(struct flow_ctx *ctx, struct level *level)
{
	struct flow_cache *cache = ctx->pipes->cache;

	pthread_mutex_lock(&cache->lock);
	for (unsigned i = 0; i < EVICT_BATCH; i++) {
		level->evict_at = flow_exact_next(level->table, level->evict_at);
		if (!level->evict_at)
			break;
		forget(ctx, level, level->evict_at, prog_at(level, level->evict_at));
		__atomic_fetch_add(&cache->stats.evicted, 1, __ATOMIC_RELAXED);
	}
	pthread_mutex_unlock(&cache->lock);
}

static struct cached *make(struct cache_pool *pool, const struct cache_offer *o)
{
	size_t ops = o->nr_ops * sizeof(struct flow_op), refs = o->nr_refs * sizeof(struct flow_ref);
	size_t data_at = RTE_ALIGN_CEIL(sizeof(struct cached) + ops, 16), refs_at = data_at + RTE_ALIGN_CEIL(o->data_len, 16);
	struct cache_block block;
	struct cached *c = cache_pool_take(pool, refs_at + refs, &block);
	uint8_t *bytes = (uint8_t *)c;

	if (!c)
		return NULL;
	memset(c, 0, sizeof(*c));
	c->block = block;
	c->changes = o->changes;
	c->adds = o->adds;
	c->adds_matter = o->adds_matter;
	c->nr_refs = o->nr_refs;
	c->refs = (struct flow_ref *)(void *)(bytes + refs_at);
	c->prog.nr_ops = o->nr_ops;
	c->prog.data_len = o->data_len;
	c->prog.data = bytes + data_at;
	if (o->fused) {
		c->prog.fused = *o->fused;
		c->prog.fused_flags = FLOW_PROGRAM_FUSED;
	}
	memcpy(c->prog.ops, o->ops, ops);
	memcpy(bytes + data_at, o->data, o->data_len);
	memcpy(bytes + refs_at, o->refs, refs);
	return c;
}

/* The shape, which is always looked at, says that the addresses are IPv4's: their other twelve bytes are zero in every
 * key of that shape, whatever the pipes looked at. */
static struct flow_key shortest_mask(const struct cache_offer *offer)
{
	struct flow_key mask = *offer->mask;

	if ((offer->key->hot.shape & FLOW_SHAPE_L3) >> FLOW_SHAPE_L3_SHIFT == PKT_L3_IP4) {
		memset(mask.hot.src + 4, 0, 12);
		memset(mask.hot.dst + 4, 0, 12);
	}
	return mask;
}

static int publish(struct flow_ctx *ctx, struct level *level, const struct cache_offer *offer, struct cached *c)
{
	struct record record = {.stamp = offer->adds_matter ? STAMP_NEVER : offer->changes,
		.flat = flow_flat_make(offer->ops, offer->nr_ops, offer->fused, level->narrow)};
	uint32_t index;
	int err = flow_exact_insert(level->table, offer->key, &record, &index);

	if (err == -ENOSPC) {
		evict(ctx, level);
		err = flow_exact_insert(level->table, offer->key, &record, &index);
	}
	if (!err)
		__atomic_store_n(&level->prog[index], &c->prog, __ATOMIC_RELEASE);
	return err;
}

const struct flow_program *cache_put(struct flow_ctx *ctx, const struct cache_offer *offer)
{
	struct flow_cache *cache = ctx->pipes->cache;
	struct flow_key mask = shortest_mask(offer);
	struct level *level = get_level(ctx, &mask);
	struct cached *c;

	if (!level)
		level = catch_all(ctx, &mask);
	c = level ? make(&cache->pool, offer) : NULL;
	if (level && !c)
		evict(ctx, level); /* what goes is there for others, when its readers have passed */
	if (!c || publish(ctx, level, offer, c)) {
		if (c)
			cache_pool_give_unused(&cache->pool, c->block);
		__atomic_fetch_add(&cache->stats.rejected, 1, __ATOMIC_RELAXED);
		return NULL;
	}
	__atomic_fetch_add(&cache->stats.inserted, 1, __ATOMIC_RELAXED);
	__atomic_fetch_add(&cache->stats.programs, 1, __ATOMIC_RELAXED);
	return &c->prog;
}

/* Levels live as long as the ctx: no lock, which evictions of the burst path would wait for. */
void cache_settle(struct flow_ctx *ctx)
{
	struct flow_cache *cache = ctx->pipes->cache;
	unsigned n = __atomic_load_n(&cache->nr_levels, __ATOMIC_ACQUIRE);

	for (unsigned i = 0; i < n; i++)
		flow_exact_settle(cache->level[i]->table);
}

void cache_each(struct flow_ctx *ctx,
	void (*fn)(void *arg, const struct flow_key *key, const struct flow_key *mask, const struct flow_program *prog), void *arg)
{
	struct flow_cache *cache = ctx->pipes->cache;
	unsigned n = __atomic_load_n(&cache->nr_levels, __ATOMIC_ACQUIRE);

	pthread_mutex_lock(&cache->lock);
	for (unsigned i = 0; i < n; i++) {
		struct level *level = cache->level[i];

		for (uint32_t at_index = flow_exact_next(level->table, 0); at_index; at_index = flow_exact_next(level->table, at_index)) {
			const struct flow_program *prog = prog_at(level, at_index);
			struct flow_key key = {};

			if (!prog)
				continue;
			flow_exact_key(level->table, at_index, &key);
			fn(arg, &key, &level->mask, prog);
		}
	}
	pthread_mutex_unlock(&cache->lock);
}

void flow_cache_query(const struct flow_ctx *ctx, struct flow_cache_stats *stats)
{
	*stats = ctx->pipes->cache->stats;
}
