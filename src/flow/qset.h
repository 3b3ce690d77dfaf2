/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * qset: receive queue sets. A forward of kind QUEUE names one by index; whoever delivers packets to an application (the
 * DPDK driver) asks which of its queues a packet goes to. Index 0 always exists: all queues of the ingress port, spread
 * by addresses and ports.
 *
 * The hash is Toeplitz (Microsoft's RSS) over source and destination address, then ports, or an ESP packet's SPI, as far as the
 * set asks for them, with the set's key or the one mlx5 cards come with.
 */
#ifndef FLOW_QSET_H
#define FLOW_QSET_H

#include <stdbool.h>

#include "flow/flow.h"
#include "packet/packet.h"

#define FLOW_QSETS_MAX 4096
#define FLOW_QSET_QUEUES_MAX 256

/* What the hash looks at. */
enum {
	FLOW_RSS_SRC = 1,    /* source address */
	FLOW_RSS_DST = 2,
	FLOW_RSS_SPORT = 4,  /* TCP, UDP ports */
	FLOW_RSS_DPORT = 8,
	FLOW_RSS_SPI = 16,   /* ESP */
	FLOW_RSS_INNER = 32, /* of the inner headers where there are some */
};

#define FLOW_RSS_KEY_LEN 40
#define FLOW_RSS_TABLE 128u /* entries of the indirection table: the hash's low bits; its entry i is queue i mod n */

struct flow_qset {
	uint16_t port;       /* whose queues; FLOW_PORT_NONE = the ingress port's */
	uint16_t nr_queues;  /* 0 = all the port has */
	uint32_t fields;     /* FLOW_RSS_, 0 = always the first queue */
	bool symmetric;      /* both directions of a flow hash alike */
	bool has_key;        /* else the default key */
	uint8_t key[FLOW_RSS_KEY_LEN];
	uint16_t queue[FLOW_QSET_QUEUES_MAX];
};

/* Control threads. Index > 0, or -ENOSPC, -ENOMEM with a refusal. Equal sets share one index. */
int flow_qset_add(struct flow_ctx *ctx, const struct flow_qset *set);
/* Borrowed until removed; NULL when there is none. */
const struct flow_qset *flow_qset_get(const struct flow_ctx *ctx, uint32_t index);
/* The queue for a packet; `nr_port_queues` is what the port has when the set says "all". Fills m->hash.rss. Pure otherwise. */
uint16_t flow_qset_pick(const struct flow_qset *set, struct rte_mbuf *m, uint16_t nr_port_queues);

#endif
