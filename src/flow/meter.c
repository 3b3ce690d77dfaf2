/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * meter: token buckets in whole units; what a refill earns below one unit is kept in `fraction`, so
 * no rate is ever rounded away.
 */
#include "flow/meter.h"

#include <stdlib.h>
#include <string.h>

#include <rte_pause.h>

#include "base/base.h"
#include "base/clock.h"
#include "base/refuse.h"
#include "flow/flow_int.h"
#include "flow/pool.h"

#define METERS_MAX 65535u

struct bucket {
	uint64_t rate;     /* units per second */
	uint64_t size;     /* units */
	uint64_t tokens;   /* units */
	uint64_t fraction; /* of a unit, in units * ns: 0..NS_PER_S-1 */
};

struct meter {
	uint32_t busy; /* one runner at a time; held for some nanoseconds */
	uint32_t alive;
	struct flow_meter_cfg cfg;
	uint64_t filled_ns;
	struct bucket c, e;
	struct flow_count count[FLOW_COLORS];
};

struct flow_meters {
	struct meter
		*meter[METERS_MAX + 1]; /* records stay until the ctx goes; indexes are reused */
	uint32_t link[METERS_MAX + 1];
	struct flow_pool pool;
};

int flow_meters_init(struct flow_ctx *ctx)
{
	ctx->meters = calloc(1, sizeof(*ctx->meters));
	if (!ctx->meters)
		return refuse(ENOMEM, "flow meters: out of memory");
	flow_pool_init(&ctx->meters->pool, ctx, ctx->meters->link, METERS_MAX, NULL, NULL);
	return 0;
}

void flow_meters_fini(struct flow_ctx *ctx)
{
	if (!ctx->meters)
		return;
	for (unsigned i = 1; i <= METERS_MAX; i++)
		free(ctx->meters->meter[i]);
	flow_pool_fini(&ctx->meters->pool);
	free(ctx->meters);
	ctx->meters = NULL;
}

static void claim(struct meter *m)
{
	while (__atomic_exchange_n(&m->busy, 1, __ATOMIC_ACQUIRE))
		while (__atomic_load_n(&m->busy, __ATOMIC_RELAXED))
			rte_pause();
}

static void release(struct meter *m)
{
	__atomic_store_n(&m->busy, 0, __ATOMIC_RELEASE);
}

static int check_cfg(const struct flow_meter_cfg *cfg)
{
	if (cfg->kind > FLOW_METER_DTRTCM)
		return refuse(EINVAL,
			"meter: kind %d is none of srTCM, trTCM, differentiated trTCM", cfg->kind);
	if (!cfg->cir || !cfg->cbs)
		return refuse(
			EINVAL, "meter: cir %lu and cbs %lu must be above 0", cfg->cir, cfg->cbs);
	if (cfg->kind == FLOW_METER_TRTCM && (cfg->eir < cfg->cir || !cfg->ebs))
		return refuse(EINVAL,
			"meter: peak rate %lu must reach cir %lu and pbs %lu be above 0 (RFC 2698)",
			cfg->eir, cfg->cir, cfg->ebs);
	if (MAX_OF(cfg->cir, cfg->eir) > 1ull << 40 || MAX_OF(cfg->cbs, cfg->ebs) > 1ull << 40)
		return refuse(EINVAL, "meter: rates and bursts may reach 2^40 (about 8.8 Tbit/s)");
	return 0;
}

static void fill_up(struct meter *m, const struct flow_meter_cfg *cfg, uint64_t now_ns)
{
	claim(m);
	m->cfg = *cfg;
	m->filled_ns = now_ns;
	m->c = (struct bucket){.rate = cfg->cir, .size = cfg->cbs, .tokens = cfg->cbs};
	m->e = (struct bucket){.rate = cfg->eir, .size = cfg->ebs, .tokens = cfg->ebs};
	release(m);
}

int flow_meter_new(struct flow_ctx *ctx, const struct flow_meter_cfg *cfg, uint64_t now_ns)
{
	int err = check_cfg(cfg);
	struct meter *m;
	uint32_t index;

	if (err)
		return err;
	index = flow_pool_take(&ctx->meters->pool);
	if (!index)
		return refuse(ENOSPC, "meter: all %u meters of the switch are in use", METERS_MAX);
	m = ctx->meters->meter[index];
	if (!m && posix_memalign((void **)&m, 64, sizeof(*m))) {
		flow_pool_give_unused(&ctx->meters->pool, index);
		return refuse(ENOMEM, "meter: out of memory");
	}
	memset(m, 0, sizeof(*m));
	m->alive = 1;
	fill_up(m, cfg, now_ns);
	__atomic_store_n(&ctx->meters->meter[index], m, __ATOMIC_RELEASE);
	return index;
}

static struct meter *meter_at(const struct flow_ctx *ctx, uint32_t index)
{
	if (index == 0 || index > METERS_MAX)
		return NULL;
	return __atomic_load_n(&ctx->meters->meter[index], __ATOMIC_ACQUIRE);
}

int flow_meter_set(
	struct flow_ctx *ctx, uint32_t index, const struct flow_meter_cfg *cfg, uint64_t now_ns)
{
	struct meter *m = meter_at(ctx, index);
	int err = check_cfg(cfg);

	if (err)
		return err;
	if (!m || !m->alive)
		return refuse(ENOENT, "meter %u: no such meter", index);
	fill_up(m, cfg, now_ns);
	return 0;
}

void flow_meter_free(struct flow_ctx *ctx, uint32_t index)
{
	struct meter *m = meter_at(ctx, index);

	if (m && __atomic_exchange_n(&m->alive, 0, __ATOMIC_ACQ_REL))
		flow_pool_give(&ctx->meters->pool, index);
}

void flow_meter_read(
	const struct flow_ctx *ctx, uint32_t index, struct flow_count count[FLOW_COLORS])
{
	struct meter *m = meter_at(ctx, index);

	memset(count, 0, FLOW_COLORS * sizeof(*count));
	if (!m)
		return;
	claim(m);
	memcpy(count, m->count, sizeof(m->count));
	release(m);
}

/* Tokens for `ns`; returns what does not fit the bucket. */
static uint64_t refill(struct bucket *b, uint64_t ns)
{
	unsigned __int128 earned = (unsigned __int128)b->rate * ns + b->fraction;
	unsigned __int128 units = earned / NS_PER_S;
	uint64_t room = b->size - b->tokens, spill;

	b->fraction = (uint64_t)(earned % NS_PER_S);
	if (units <= room) {
		b->tokens += (uint64_t)units;
		return 0;
	}
	b->tokens = b->size;
	spill = units - room > UINT64_MAX ? UINT64_MAX : (uint64_t)(units - room);
	return spill;
}

static void advance(struct meter *m, uint64_t now_ns)
{
	uint64_t ns = now_ns - m->filled_ns, spill;

	if ((int64_t)ns <= 0)
		return;
	m->filled_ns = now_ns;
	spill = refill(&m->c, ns);
	if (m->cfg.kind == FLOW_METER_SRTCM)
		m->e.tokens += MIN_OF(spill, m->e.size - m->e.tokens);
	else
		refill(&m->e, ns);
}

static bool pay(struct bucket *b, uint64_t units)
{
	if (b->tokens < units)
		return false;
	b->tokens -= units;
	return true;
}

/* RFC 2697 section 3 and RFC 4115 section 2.3: committed first, then excess. */
static enum flow_color mark_committed_first(struct meter *m, uint64_t units, enum flow_color color)
{
	if (color == FLOW_GREEN && pay(&m->c, units))
		return FLOW_GREEN;
	if (color != FLOW_RED && pay(&m->e, units))
		return FLOW_YELLOW;
	return FLOW_RED;
}

/* RFC 2698 section 3: over the peak is red, and green pays both. */
static enum flow_color mark_two_rate(struct meter *m, uint64_t units, enum flow_color color)
{
	if (color == FLOW_RED || !pay(&m->e, units))
		return FLOW_RED;
	if (color == FLOW_YELLOW || !pay(&m->c, units))
		return FLOW_YELLOW;
	return FLOW_GREEN;
}

enum flow_color flow_meter_run(struct flow_ctx *ctx, uint32_t index, uint32_t bytes,
	enum flow_color color, uint64_t now_ns)
{
	struct meter *m = meter_at(ctx, index);
	uint64_t units;

	if (!m)
		return FLOW_GREEN;
	claim(m);
	advance(m, now_ns);
	units = m->cfg.packets ? 1 : bytes;
	if (!m->cfg.color_aware)
		color = FLOW_GREEN;
	color = m->cfg.kind == FLOW_METER_TRTCM ? mark_two_rate(m, units, color)
						: mark_committed_first(m, units, color);
	m->count[color].packets++;
	m->count[color].bytes += bytes;
	release(m);
	return color;
}
