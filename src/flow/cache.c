/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * cache: composed programs under the bits they depend on. One exact table (a level) per distinct mask. A
 * record is the key, the flat form and a stamp: two lines with a five-tuple's key, all that most hits read. The
 * program and its generation references are one allocation, retired through the epoch. Levels are only
 * added while the ctx lives; when there are too many masks, further programs go under the union of all bits
 * any pipe looks at, which is always a legal mask.
 */
#include <stdlib.h>
#include <string.h>

#include "base/refuse.h"
#include "flow/exact_int.h"
#include "flow/flat.h"
#include "flow/pipe_int.h"

#define LEVELS_MAX 64
#define CACHE_DEFAULT (1u << 20)
#define EVICT_BATCH 64

/* flow_hit.stamp: ctx's `changes` up to which the references were found right. Programs that an added entry can
 * make wrong never have it: for them the two counters in struct cached are asked. */
#define STAMP_NEVER UINT64_MAX

struct cached {
	uint64_t changes, adds;     /* atomic: ctx counters up to which the references were found right */
	uint32_t nr_refs;
	bool adds_matter;
	const struct flow_ref *refs;
	uint8_t pad[32];
	struct flow_program prog;   /* on a line of its own */
};
static_assert(offsetof(struct cached, prog) == 64, "program and validity: one line each");

struct level {
	struct flow_key mask;
	struct flow_exact *table;
	unsigned lines;
	uint32_t evict_at;
};

struct flow_cache {
	struct level *level[LEVELS_MAX];
	unsigned nr_levels;         /* atomic; levels below it are complete */
	pthread_mutex_t lock;       /* adding levels, evicting */
	struct flow_cache_stats stats;
};

int cache_init(struct flow_ctx *ctx)
{
	struct flow_cache *cache = calloc(1, sizeof(*cache));

	if (!cache)
		return refuse(ENOMEM, "flow cache: no memory");
	pthread_mutex_init(&cache->lock, NULL);
	ctx->pipes->cache = cache;
	return 0;
}

static struct flow_hit *hit_at(const struct level *level, uint32_t index)
{
	return (struct flow_hit *)(void *)(exact_record(level->table, index) + level->table->data_at);
}

static struct cached *cached_of(const struct flow_hit *hit)
{
	return (struct cached *)(uintptr_t)((const uint8_t *)hit->prog - offsetof(struct cached, prog));
}

static struct cached *at(const struct level *level, uint32_t index)
{
	return cached_of(hit_at(level, index));
}

void cache_fini(struct flow_ctx *ctx)
{
	struct flow_cache *cache = ctx->pipes->cache;

	if (!cache)
		return;
	for (unsigned i = 0; i < cache->nr_levels; i++) {
		struct level *level = cache->level[i];

		for (uint32_t n = flow_exact_next(level->table, 0); n; n = flow_exact_next(level->table, n))
			free(at(level, n));
		flow_exact_destroy(level->table);
		free(level);
	}
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
static __attribute__((noinline)) bool check_again(struct flow_hit *hit, uint64_t changes, uint64_t adds)
{
	struct cached *c = cached_of(hit);

	if (__atomic_load_n(&c->changes, __ATOMIC_RELAXED) == changes && __atomic_load_n(&c->adds, __ATOMIC_RELAXED) == adds)
		return true;
	if (!refs_hold(c))
		return false;
	__atomic_store_n(&c->adds, adds, __ATOMIC_RELAXED);
	__atomic_store_n(&c->changes, changes, __ATOMIC_RELAXED);
	if (!c->adds_matter)
		__atomic_store_n(&hit->stamp, changes, __ATOMIC_RELAXED);
	return true;
}

static inline bool is_valid(struct flow_hit *hit, uint64_t changes, uint64_t adds)
{
	return likely(__atomic_load_n(&hit->stamp, __ATOMIC_RELAXED) == changes) || check_again(hit, changes, adds);
}

static void forget(struct flow_ctx *ctx, struct level *level, uint32_t index, struct cached *c)
{
	if (!flow_exact_remove(level->table, index)) {
		__atomic_fetch_sub(&ctx->pipes->cache->stats.programs, 1, __ATOMIC_RELAXED);
		flow_retire(ctx, free, c);
	}
}

/* One level: `todo` loses what was found. */
static uint64_t look_in(struct flow_ctx *ctx, struct level *level, const struct flow_key *keys, uint64_t *todo,
	const struct flow_hit **hits, uint64_t changes, uint64_t adds)
{
	uint32_t index[64];
	uint64_t found = level->table->find(level->table, keys, *todo, index), valid = 0;

	for (uint64_t f = found; f; f &= f - 1) {
		unsigned k = __builtin_ctzll(f);
		struct flow_hit *hit = hit_at(level, index[k]);

		if (likely(is_valid(hit, changes, adds))) {
			hits[k] = hit;
			valid |= 1ull << k;
		} else {
			__atomic_fetch_add(&ctx->pipes->cache->stats.stale, 1, __ATOMIC_RELAXED);
			forget(ctx, level, index[k], cached_of(hit));
		}
	}
	*todo &= ~valid;
	return valid;
}

uint64_t flow_cache_lookup(struct flow_ctx *ctx, unsigned worker, const struct flow_key *keys, unsigned lines,
	const struct flow_hit **hits, unsigned n)
{
	struct flow_cache *cache = ctx->pipes->cache;
	unsigned nr_levels = __atomic_load_n(&cache->nr_levels, __ATOMIC_ACQUIRE);
	uint64_t changes = __atomic_load_n(&ctx->pipes->changes, __ATOMIC_ACQUIRE);
	uint64_t adds = __atomic_load_n(&ctx->pipes->adds, __ATOMIC_ACQUIRE);
	uint64_t todo = n >= 64 ? UINT64_MAX : (1ull << n) - 1, found = 0;

	assert(n <= 64);
	for (unsigned i = 0; i < nr_levels && todo; i++)
		if (!(cache->level[i]->lines & ~lines))
			found |= look_in(ctx, cache->level[i], keys, &todo, hits, changes, adds);
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

static struct level *new_level(struct flow_ctx *ctx, const struct flow_key *mask)
{
	struct flow_cache *cache = ctx->pipes->cache;
	struct level *level = aligned_alloc(64, RTE_ALIGN_CEIL(sizeof(*level), 64));
	struct flow_exact_cfg cfg = {.name = "flow cache", .mask = mask, .data_len = sizeof(struct flow_hit),
		.capacity = ctx->cfg.cache_entries ? ctx->cfg.cache_entries : CACHE_DEFAULT};

	if (!level)
		return NULL;
	memset(level, 0, sizeof(*level));
	level->mask = *mask;
	if (flow_exact_create(ctx, &cfg, &level->table)) {
		free(level);
		return NULL;
	}
	level->lines = flow_exact_lines(level->table);
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
		forget(ctx, level, level->evict_at, at(level, level->evict_at));
		__atomic_fetch_add(&cache->stats.evicted, 1, __ATOMIC_RELAXED);
	}
	pthread_mutex_unlock(&cache->lock);
}

static struct cached *make(const struct cache_offer *o)
{
	size_t ops = o->nr_ops * sizeof(struct flow_op), refs = o->nr_refs * sizeof(struct flow_ref);
	size_t data_at = RTE_ALIGN_CEIL(sizeof(struct cached) + ops, 16), refs_at = data_at + RTE_ALIGN_CEIL(o->data_len, 16);
	struct cached *c = aligned_alloc(64, RTE_ALIGN_CEIL(refs_at + refs, 64));
	uint8_t *bytes = (uint8_t *)c;

	if (!c)
		return NULL;
	memset(c, 0, sizeof(*c));
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

const struct flow_program *cache_put(struct flow_ctx *ctx, const struct cache_offer *offer)
{
	struct flow_cache *cache = ctx->pipes->cache;
	struct level *level = get_level(ctx, offer->mask);
	struct flow_hit hit = {.stamp = offer->adds_matter ? STAMP_NEVER : offer->changes,
		.flat = flow_flat_make(offer->ops, offer->nr_ops, offer->fused)};
	struct cached *c;
	uint32_t index;
	int err;

	if (!level)
		level = catch_all(ctx, offer->mask);
	c = level ? make(offer) : NULL;
	if (!c)
		goto rejected;
	hit.prog = &c->prog;
	err = flow_exact_insert(level->table, offer->key, &hit, &index);
	if (err == -ENOSPC) {
		evict(ctx, level);
		err = flow_exact_insert(level->table, offer->key, &hit, &index);
	}
	if (err) {
		free(c);
		goto rejected;
	}
	__atomic_fetch_add(&cache->stats.inserted, 1, __ATOMIC_RELAXED);
	__atomic_fetch_add(&cache->stats.programs, 1, __ATOMIC_RELAXED);
	return &c->prog;

rejected:
	__atomic_fetch_add(&cache->stats.rejected, 1, __ATOMIC_RELAXED);
	return NULL;
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
			struct flow_key key = {};

			flow_exact_key(level->table, at_index, &key);
			fn(arg, &key, &level->mask, &at(level, at_index)->prog);
		}
	}
	pthread_mutex_unlock(&cache->lock);
}

void flow_cache_query(const struct flow_ctx *ctx, struct flow_cache_stats *stats)
{
	*stats = ctx->pipes->cache->stats;
}
