/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * flat: what nearly all composed programs come to - count, touch, rewrite the tuple, leave - as one record
 * without ops. The cache keeps it in the line behind the key, so that a hit reads the key, what to do and
 * nothing else.
 *
 * A flat form never says more or less than its program: flow_flat_make() gives one only to programs it can
 * express whole, and flow_run_flat() runs the program whenever the packet or the hop is not of the plain kind
 * the flat form was made for (TTL about to expire, a checksum still to be done, a held hop, an egress
 * domain, too large). So there is one definition of what a flow does, and the tests compare the two.
 *
 * Threads: a flat form is immutable once published.
 */
#ifndef FLOW_FLAT_H
#define FLOW_FLAT_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>

#include "flow/action.h"

enum flow_flat_exit {
	FLOW_FLAT_NONE, /* there is no flat form */
	FLOW_FLAT_HOP,
	FLOW_FLAT_PORT,
	FLOW_FLAT_CT,
	FLOW_FLAT_DROP,
	FLOW_FLAT_DECAP, /* the outer headers go; look up again at pipe `to` */
};

/* In a table of IPv4 flows only the first FLOW_FLAT_NARROW bytes are there: with the key they are one line. */
struct flow_flat {
	uint32_t counter;            /* 0 = counts into the spare */
	uint32_t age;                /* 0 = none */
	uint8_t exit;                /* enum flow_flat_exit */
	uint8_t set;                 /* FLOW_RW_SRC_IP ... FLOW_RW_IP6 */
	uint16_t to;                 /* hop, port, CT pipe, drop reason or the pipe to go on with */
	uint16_t l3_delta, l4_delta; /* as in struct flow_rewrite */
	uint16_t sport, dport;
	union {
		uint8_t addr[32]; /* source, then destination: 4 bytes each, 16 with FLOW_RW_IP6 */
		uint32_t more[2]; /* when nothing is rewritten: further counters */
	};
};
#define FLOW_FLAT_NARROW 28
static_assert(sizeof(struct flow_flat) == 52, "with an IPv6 five-tuple two lines");
static_assert(offsetof(struct flow_flat, addr) + 8 == FLOW_FLAT_NARROW, "both IPv4 addresses");

static inline const uint8_t *flow_flat_src(const struct flow_flat *f)
{
	return f->addr;
}

static inline const uint8_t *flow_flat_dst(const struct flow_flat *f)
{
	return f->addr + (f->set & FLOW_RW_IP6 ? 16 : 4);
}

/* The flat form of nr_ops ops (fused: what REWRITE does); exit is NONE when they do more than that, or when `narrow`
 * and the narrow form has no room for it. */
struct flow_flat flow_flat_make(
	const struct flow_op *ops, unsigned nr_ops, const struct flow_rewrite *fused, bool narrow);

#endif
