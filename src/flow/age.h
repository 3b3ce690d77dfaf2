/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * age: when was it seen last? One coarse timestamp (2^20 ns, about a millisecond) per index, written by
 * workers only when it changes, so an idle check never makes two cores fight more than a thousand times a second.
 * Index 0 is never aged and may be touched. A freed index is reused after the grace period.
 */
#ifndef FLOW_AGE_H
#define FLOW_AGE_H

#include "flow/flow.h"

#define FLOW_AGES_MAX (1u << 24)
#define FLOW_AGE_SHIFT 20 /* nanoseconds to ticks */

/* Seen now. Index (> 0), or 0 when all are in use. Any thread. */
uint32_t flow_age_new(struct flow_ctx *ctx, uint64_t now_ns);
void flow_age_free(struct flow_ctx *ctx, uint32_t index);
/* Nanoseconds since it was seen, rounded down to ticks; 0 if `now_ns` is before. Up to 26 days. */
uint64_t flow_age_idle_ns(const struct flow_ctx *ctx, uint32_t index, uint64_t now_ns);
/* Burst path, any worker. */
void flow_age_touch(struct flow_ctx *ctx, uint32_t index, uint64_t now_ns);

#endif
