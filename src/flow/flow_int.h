/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Insides of room flow: struct flow_ctx. Only this room and its tests include it.
 * ctx.c creates the tables part, pipe.c hangs what pipes and the cache need behind `pipes`.
 */
#ifndef FLOW_FLOW_INT_H
#define FLOW_FLOW_INT_H

#include <pthread.h>

#include <rte_rcu_qsbr.h>

#include "flow/counter.h"
#include "flow/flow.h"
#include "flow/hop.h"
#include "flow/pool.h"

struct flow_ages;
struct flow_meters;
struct flow_pipes; /* pipe.c: pipes, roots, cache, generations */

#define HOPS_MAX 65535u

struct flow_hops {
	struct flow_hop *hop[HOPS_MAX + 1]; /* atomic */
	uint32_t link[HOPS_MAX + 1];
	struct flow_pool pool;
};

struct flow_retired {
	void (*fn)(void *ptr);
	void *ptr;
	uint64_t token;
};

struct flow_ctx {
	struct flow_counters counters;  /* first: flow_counter_add is inline and sees only this */
	struct flow_ctx_cfg cfg;
	struct rte_rcu_qsbr *rcu;

	struct flow_counter_store *counter_store;
	struct flow_ages *ages;
	struct flow_hops *hops;
	struct flow_meters *meters;
	struct flow_pipes *pipes;

	pthread_mutex_t retire_lock;    /* guards the three below */
	struct flow_retired *retired;   /* ring, oldest at retired_head */
	uint32_t retired_head, retired_count, retired_size;
};

/* Grace periods without a callback: a token now, and later "has every reader passed it?". */
static inline uint64_t flow_epoch_token(struct flow_ctx *ctx)
{
	return rte_rcu_qsbr_start(ctx->rcu);
}
static inline bool flow_epoch_passed(struct flow_ctx *ctx, uint64_t token)
{
	return rte_rcu_qsbr_check(ctx->rcu, token, false) == 1;
}

/* flow_hop_get(), inline for the burst path. */
static inline const struct flow_hop *hop_at(const struct flow_ctx *ctx, uint16_t index)
{
	return __atomic_load_n(&ctx->hops->hop[index], __ATOMIC_ACQUIRE);
}

int flow_counters_init(struct flow_ctx *ctx);
void flow_counters_fini(struct flow_ctx *ctx);
void flow_counters_settle(struct flow_ctx *ctx);
int flow_ages_init(struct flow_ctx *ctx);
void flow_ages_fini(struct flow_ctx *ctx);
int flow_hops_init(struct flow_ctx *ctx);
void flow_hops_fini(struct flow_ctx *ctx);
int flow_meters_init(struct flow_ctx *ctx);
void flow_meters_fini(struct flow_ctx *ctx);
/* pipe.c; called last by create and first by destroy. */
int flow_pipes_init(struct flow_ctx *ctx);
void flow_pipes_fini(struct flow_ctx *ctx);
void flow_pipes_settle(struct flow_ctx *ctx);

#endif
