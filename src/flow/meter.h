/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * meter: token buckets that colour packets. Three algorithms: single rate three colours (RFC 2697), two
 * rates three colours (RFC 2698), and the differentiated two-rate marker (RFC 4115); rates in bytes or
 * packets per second. Meters are shared by workers: a run claims the meter by one atomic flag for some
 * nanoseconds. Time is an argument.
 */
#ifndef FLOW_METER_H
#define FLOW_METER_H

#include <stdbool.h>

#include "flow/pipe.h"

enum flow_color { FLOW_GREEN, FLOW_YELLOW, FLOW_RED, FLOW_COLORS };

enum flow_meter_kind {
	FLOW_METER_SRTCM,  /* RFC 2697: cir, cbs, ebs */
	FLOW_METER_TRTCM,  /* RFC 2698: cir, cbs, pir, pbs (pir >= cir) */
	FLOW_METER_DTRTCM, /* RFC 4115: cir, cbs, eir, ebs */
};

struct flow_meter_cfg {
	enum flow_meter_kind kind;
	bool packets;      /* rates count packets, not bytes */
	bool color_aware;  /* start from the packet's colour */
	uint64_t cir, cbs; /* committed: units per second, burst in units */
	uint64_t eir, ebs; /* excess or peak (pir, pbs) */
};

/* The index (> 0) or -errno with a refusal. Buckets start full at now_ns. Control threads. */
int flow_meter_new(struct flow_ctx *ctx, const struct flow_meter_cfg *cfg, uint64_t now_ns);
/* Change a live meter; buckets are refilled. */
int flow_meter_set(
	struct flow_ctx *ctx, uint32_t index, const struct flow_meter_cfg *cfg, uint64_t now_ns);
void flow_meter_free(struct flow_ctx *ctx, uint32_t index);
/* What was coloured so far. */
void flow_meter_read(
	const struct flow_ctx *ctx, uint32_t index, struct flow_count count[FLOW_COLORS]);

/* Burst path, any worker. `color` is the packet's (used when colour aware). */
enum flow_color flow_meter_run(struct flow_ctx *ctx, uint32_t index, uint32_t bytes,
	enum flow_color color, uint64_t now_ns);

#endif
