/* SPDX-License-Identifier: BSD-3-Clause */
/* ctx: the switch's context and its reader epochs (librte_rcu). Everything that frees goes through here. */
#include "flow/flow.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"
#include "base/refuse.h"
#include "flow/flow_int.h"

/* Twice the room, oldest first. */
static int grow_retired(struct flow_ctx *ctx)
{
	uint32_t size = ctx->retired_size ? ctx->retired_size * 2 : 64;
	struct flow_retired *ring = malloc(size * sizeof(*ring));

	if (!ring)
		return -ENOMEM;
	for (uint32_t i = 0; i < ctx->retired_count; i++)
		ring[i] = ctx->retired[(ctx->retired_head + i) % ctx->retired_size];
	free(ctx->retired);
	ctx->retired = ring;
	ctx->retired_head = 0;
	ctx->retired_size = size;
	return 0;
}

static int epoch_init(struct flow_ctx *ctx)
{
	size_t bytes = rte_rcu_qsbr_get_memsize(FLOW_WORKERS_MAX);

	/* Plain memory, not rte_malloc: a ctx works without EAL, in unit tests and tools. */
	if (posix_memalign((void **)&ctx->rcu, RTE_CACHE_LINE_SIZE, bytes))
		return refuse(ENOMEM, "flow context: no memory for reader epochs");
	memset(ctx->rcu, 0, bytes);
	rte_rcu_qsbr_init(ctx->rcu, FLOW_WORKERS_MAX);
	if (grow_retired(ctx))
		return refuse(ENOMEM, "flow context: out of memory");
	for (unsigned i = 0; i < ctx->cfg.nr_workers; i++)
		rte_rcu_qsbr_thread_register(ctx->rcu, i);
	return 0;
}

static int parts_init(struct flow_ctx *ctx)
{
	int err = epoch_init(ctx);

	if (!err)
		err = flow_counters_init(ctx);
	if (!err)
		err = flow_ages_init(ctx);
	if (!err)
		err = flow_hops_init(ctx);
	if (!err)
		err = flow_meters_init(ctx);
	if (!err)
		err = flow_pipes_init(ctx);
	return err;
}

int flow_ctx_create(const struct flow_ctx_cfg *cfg, struct flow_ctx **out)
{
	struct flow_ctx *ctx;
	int err;

	*out = NULL;
	if (cfg->nr_workers < 1 || cfg->nr_workers > FLOW_WORKERS_MAX)
		return refuse(EINVAL, "flow context: nr_workers %u is not 1..%u", cfg->nr_workers,
			FLOW_WORKERS_MAX);
	ctx = calloc(1, sizeof(*ctx));
	if (!ctx)
		return refuse(ENOMEM, "flow context: out of memory");
	ctx->cfg = *cfg;
	pthread_mutex_init(&ctx->retire_lock, NULL);
	err = parts_init(ctx);
	if (err) {
		flow_ctx_destroy(ctx);
		return err;
	}
	*out = ctx;
	return 0;
}

/* Run callbacks whose readers have passed; `all` when no reader is left. Callbacks run without the
 * lock, so they may retire again. */
static void reap(struct flow_ctx *ctx, bool all)
{
	for (;;) {
		struct flow_retired r = {0};

		pthread_mutex_lock(&ctx->retire_lock);
		if (ctx->retired_count) {
			struct flow_retired *oldest = &ctx->retired[ctx->retired_head];

			if (all || flow_epoch_passed(ctx, oldest->token)) {
				r = *oldest;
				ctx->retired_head = (ctx->retired_head + 1) % ctx->retired_size;
				ctx->retired_count--;
			}
		}
		pthread_mutex_unlock(&ctx->retire_lock);
		if (!r.fn)
			return;
		r.fn(r.ptr);
	}
}

void flow_ctx_destroy(struct flow_ctx *ctx)
{
	if (!ctx)
		return;
	/* Callbacks may still use pipes, and dying pipes retire things. */
	if (ctx->rcu)
		reap(ctx, true);
	flow_pipes_fini(ctx);
	if (ctx->rcu)
		reap(ctx, true);
	flow_meters_fini(ctx);
	flow_hops_fini(ctx);
	flow_ages_fini(ctx);
	flow_counters_fini(ctx);
	free(ctx->retired);
	free(ctx->rcu);
	pthread_mutex_destroy(&ctx->retire_lock);
	free(ctx);
}

void flow_settle(struct flow_ctx *ctx)
{
	flow_counters_settle(ctx);
	flow_pipes_settle(ctx);
}

void flow_reader_online(struct flow_ctx *ctx, unsigned worker)
{
	assert(worker < ctx->cfg.nr_workers);
	rte_rcu_qsbr_thread_online(ctx->rcu, worker);
}

void flow_reader_offline(struct flow_ctx *ctx, unsigned worker)
{
	rte_rcu_qsbr_thread_offline(ctx->rcu, worker);
}

static bool push_retired(struct flow_ctx *ctx, void (*fn)(void *ptr), void *ptr)
{
	bool pushed = false;

	pthread_mutex_lock(&ctx->retire_lock);
	if (ctx->retired_count < ctx->retired_size || grow_retired(ctx) == 0) {
		uint32_t at = (ctx->retired_head + ctx->retired_count++) % ctx->retired_size;

		ctx->retired[at] = (struct flow_retired){fn, ptr, flow_epoch_token(ctx)};
		pushed = true;
	}
	pthread_mutex_unlock(&ctx->retire_lock);
	return pushed;
}

void flow_retire(struct flow_ctx *ctx, void (*fn)(void *ptr), void *ptr)
{
	/* Without memory for one more line of the list the object is leaked: never freed under a reader. */
	if (fn)
		(void)push_retired(ctx, fn, ptr);
	reap(ctx, false);
}
