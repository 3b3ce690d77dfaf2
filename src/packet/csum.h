/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * csum: checksums over mbuf chains: ask whether they are right, make them right.
 *
 * Where the L4 checksum of a packet is still to be done (RTE_MBUF_F_TX_TCP_CKSUM or _UDP_CKSUM, or
 * a super-packet), "partial" below, the flags speak of the inner headers if a TX tunnel flag is set
 * (RTE_MBUF_F_TX_TUNNEL_*), else of the outer ones; the checksum field then holds the sum of the
 * pseudo header, not inverted. pkt_partial() is the one place that knows.
 */
#ifndef PACKET_CSUM_H
#define PACKET_CSUM_H

#include "packet/packet.h"

enum pkt_level {
	PKT_OUTER,
	PKT_INNER,
};

static inline struct pkt_headers *pkt_level(struct pkt_parse *p, enum pkt_level level)
{
	return level == PKT_OUTER ? &p->outer : &p->inner;
}

/* Flags that say "the L4 checksum is not there yet". */
#define PKT_PARTIAL_FLAGS (RTE_MBUF_F_TX_L4_MASK | RTE_MBUF_F_TX_TCP_SEG | RTE_MBUF_F_TX_UDP_SEG)

/* Is the L4 checksum at this level still to be done? */
static inline bool pkt_partial(const struct rte_mbuf *m, enum pkt_level level)
{
	return (m->ol_flags & PKT_PARTIAL_FLAGS) &&
	       level == ((m->ol_flags & RTE_MBUF_F_TX_TUNNEL_MASK) ? PKT_INNER : PKT_OUTER);
}

/* One's complement sum (RFC 1071, memory order, not inverted, not folded) of len bytes from off.
 * The bytes must exist. */
uint32_t pkt_sum(const struct rte_mbuf *m, uint32_t off, uint32_t len);

/* Sum of the pseudo header of the level's L4 for an L4 length of len bytes (host order). */
uint32_t pkt_pseudo_sum(const struct rte_mbuf *m, const struct pkt_headers *h, uint32_t len);

/* The value the L4 checksum field should have now; 0 for protocols without one of 16 bits. Not for
 * fragments (asserts). A UDP result of 0 is given as 0xffff. */
uint16_t pkt_l4_csum(const struct rte_mbuf *m, const struct pkt_headers *h);

/* SCTP's CRC32c as it lies in the packet (RFC 9260 appendix A). */
uint32_t pkt_sctp_crc(const struct rte_mbuf *m, const struct pkt_headers *h);

/* Where the checksum field of the level's L4 is, NULL if it has none or is absent. */
uint16_t *pkt_l4_csum_field(const struct rte_mbuf *m, const struct pkt_headers *h);

/* Is the L4 checksum right? A partial one counts as right, as do fragments and unknown protocols
 * (nobody can tell), and UDP over IPv4 without checksum. Zero over IPv6 is right only for the outer
 * of a tunnel (RFC 6935). */
bool pkt_l4_csum_ok(const struct rte_mbuf *m, const struct pkt_parse *p, enum pkt_level level);

/* Write the right IPv4 header checksum. */
void pkt_ip4_csum_fill(struct rte_mbuf *m, const struct pkt_headers *h);

/*
 * Finish in software whatever checksum the flags leave open (inner or outer L4, outer UDP, IPv4
 * headers) and clear those flags. Not for super-packets (segment.h first; asserts).
 */
void pkt_csum_finish(struct rte_mbuf *m, const struct pkt_parse *p);

/*
 * For an egress that has the offload: write l2_len, l3_len, l4_len (and the outer ones of a tunnel)
 * and the IPv4/IPv6 flags a driver needs beside the L4 flags the packet already carries. A driver
 * of DPDK wants rte_eth_tx_prepare() after it (super-packets: it counts no length in the pseudo
 * header). false: the headers are longer than the mbuf's fields can say; finish in software.
 */
bool pkt_set_offload_lengths(struct rte_mbuf *m, const struct pkt_parse *p);

#endif
