/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * counter: packets and bytes of an entry, a pipe miss or anything else with an index. Each worker has
 * its own array, so a hit writes no line that another core writes; a read sums the workers and takes off a
 * baseline, which is how a counter is reset, or reused, without touching what workers write.
 *
 * Index 0 counts nothing and may be written. A freed index is reused after the grace period.
 */
#ifndef FLOW_COUNTER_H
#define FLOW_COUNTER_H

#include "flow/pipe.h"

#define FLOW_COUNTERS_MAX (1u << 24)

/* The per-worker arrays; first member of struct flow_ctx, so that adding is inline. */
struct flow_counters {
	struct flow_count *worker[FLOW_WORKERS_MAX];
};

/* A fresh counter at zero: its index (> 0), or 0 when all are in use. Any thread. */
uint32_t flow_counter_new(struct flow_ctx *ctx);
void flow_counter_free(struct flow_ctx *ctx, uint32_t index);
void flow_counter_read(const struct flow_ctx *ctx, uint32_t index, struct flow_count *count);
/* The present value becomes zero; `count` (may be NULL) gets what it was. */
void flow_counter_reset(struct flow_ctx *ctx, uint32_t index, struct flow_count *count);

/* Burst path; the worker's own thread. */
static inline void flow_counter_add(
	struct flow_ctx *ctx, unsigned worker, uint32_t index, uint64_t packets, uint64_t bytes)
{
	struct flow_count *c = &((struct flow_counters *)ctx)->worker[worker][index];

	__atomic_store_n(&c->packets, c->packets + packets, __ATOMIC_RELAXED);
	__atomic_store_n(&c->bytes, c->bytes + bytes, __ATOMIC_RELAXED);
}

#endif
