/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * hop: an adjacency, shared by all flows that leave the same way. Link-layer addresses or a VTEP may
 * change (a neighbour moves) without touching a flow: the hop is replaced in place (RCU) and every flow
 * that names its index follows. 65,535 hops per switch.
 */
#ifndef FLOW_HOP_H
#define FLOW_HOP_H

#include "flow/flow.h"
#include "packet/tunnel.h"

#define FLOW_HOP_NONE 0u /* index 0 is never a hop */

enum {
	FLOW_HOP_MACS = 1,  /* write dmac, smac of the (inner) Ethernet header */
	FLOW_HOP_ENCAP = 2, /* push the encap template */
	FLOW_HOP_TTL = 4,   /* decrement TTL / hop limit first; at zero the packet drops TTL_EXPIRED */
	FLOW_HOP_HOLD = 8,  /* neighbour unresolved: hand the packet to the upcall instead of sending */
};

struct flow_hop {
	uint16_t port;      /* egress */
	uint16_t flags;
	uint16_t mtu;       /* of the path at this point, L3 bytes; larger non-TSO packets are an MTU event */
	uint8_t dmac[6], smac[6];
	struct pkt_encap encap; /* template, see packet/tunnel.h */
	/* Made of the above by flow_hop_add() and flow_hop_replace(), for the burst path. */
	struct {
		uint32_t most;      /* L3 bytes that may go and no question asked; 0 = ask always */
		uint16_t ttl_delta; /* what the TTL's change adds to the sum of an IPv4 header */
		uint8_t ttl_less;   /* 1: the TTL goes down */
		uint8_t ttl_least;  /* smaller ones expire here */
	} plain;
};

/* Control threads. Returns the index (> 0) or -errno. */
int flow_hop_add(struct flow_ctx *ctx, const struct flow_hop *hop);
int flow_hop_replace(struct flow_ctx *ctx, uint16_t index, const struct flow_hop *hop);
/* The index may be reused after all readers passed; the caller makes sure no flow names it. */
void flow_hop_remove(struct flow_ctx *ctx, uint16_t index);

/* Readers (inside online/offline). NULL if the index names none. Borrowed. */
const struct flow_hop *flow_hop_get(const struct flow_ctx *ctx, uint16_t index);

#endif
