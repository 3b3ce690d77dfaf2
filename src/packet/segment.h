/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * segment: what an egress without offloads does in software: cut super-packets (TSO, USO) into wire
 * packets, and IP datagrams into fragments.
 *
 *	struct pkt_segments s;
 *	int n = pkt_segment_start(&s, m, &p);            // number of packets to come, or -drop
 *	while ((seg = pkt_segment_next(&s, pool)))       // caller sends each
 *		...
 *	rte_pktmbuf_free(m);                             // m is only read
 *
 * Segments are copies: one mbuf each where the pool's data room allows, a chain otherwise. They are
 * complete: lengths, IPv4 ids (incremented per segment), sequence numbers, FIN and PSH on
 * the last only, CWR on the first only (RFC 3168 sec. 6.1.2), all checksums (inner, outer UDP when
 * it has one), no offload flags. Super-packets inside a tunnel (TX tunnel flag set) get the outer
 * headers repeated with their lengths and ids.
 */
#ifndef PACKET_SEGMENT_H
#define PACKET_SEGMENT_H

#include "packet/csum.h"

/* Where we are in the packet that is cut up. The caller's; valid while m is. */
struct pkt_segments {
	const struct rte_mbuf *m;
	struct pkt_parse p;
	const struct rte_mbuf *at; /* segment of the chain that holds the next payload byte */
	uint32_t at_off;           /* and its offset there */
	uint32_t header_len;       /* bytes in front of the payload */
	uint32_t next;             /* offset in m of the next payload byte */
	uint32_t end;              /* first byte after the payload */
	uint32_t index;            /* packets made so far */
	uint32_t frag_id;          /* IPv6 fragments: identification */
	uint16_t size;             /* payload bytes of each but the last */
	uint8_t level;             /* enum pkt_level of the headers whose payload is cut */
};

/* Is m a super-packet? */
static inline bool pkt_is_super(const struct rte_mbuf *m)
{
	return m->ol_flags & (RTE_MBUF_F_TX_TCP_SEG | RTE_MBUF_F_TX_UDP_SEG);
}

/* Prepare; returns the number of segments (>= 1). Segment size is m->tso_segsz (payload bytes).
 * -DROP_EDIT_NO_HEADER if the flags do not fit the headers, -DROP_L4_BAD_LENGTH for tso_segsz 0. */
int pkt_segment_start(struct pkt_segments *s, const struct rte_mbuf *m, const struct pkt_parse *p);

/* The next segment, owned by the caller; NULL at the end, and when the pool is empty (then s->next
 * < s->end, and the call can be repeated). */
struct rte_mbuf *pkt_segment_next(struct pkt_segments *s, struct rte_mempool *pool);

/*
 * IP fragments of at most mtu bytes of IP datagram. IPv4: only with DF clear, else
 * -DROP_MTU_EXCEEDED; options with the copy bit go into every fragment. IPv6: as the source only (a
 * router never does), with identification id. L4 checksums must be finished before. 1 = fits, send
 * m itself.
 */
int pkt_fragment_start(struct pkt_segments *s, const struct rte_mbuf *m, const struct pkt_parse *p,
	uint16_t mtu, uint32_t id);
struct rte_mbuf *pkt_fragment_next(struct pkt_segments *s, struct rte_mempool *pool);

/* Bytes of IP datagram the largest wire packet of m will have (after segmentation): what an MTU is
 * compared with. For non-IP the frame less its Ethernet header. */
uint32_t pkt_wire_size(const struct rte_mbuf *m, const struct pkt_parse *p);

#endif
