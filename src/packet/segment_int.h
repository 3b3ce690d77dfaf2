/* SPDX-License-Identifier: BSD-3-Clause */
/* Insides of room packet: the payload cursor that segments and fragments share. */
#ifndef PACKET_SEGMENT_INT_H
#define PACKET_SEGMENT_INT_H

#include "packet/segment.h"

/* Put the cursor on the payload [payload, end) of s->m. */
void pkt_segments_begin(struct pkt_segments *s, uint32_t payload, uint32_t end);

/* A new packet: the first `header` bytes of s->m and the next n bytes of payload, no offload flags.
 * NULL when the pool is empty; then the cursor has not moved. */
struct rte_mbuf *pkt_segments_take(
	struct pkt_segments *s, uint32_t header, uint32_t n, struct rte_mempool *pool);

#endif
