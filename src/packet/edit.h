/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * edit: change headers in place; every checksum that covers a changed byte is right afterwards.
 *
 * Checksums are updated incrementally (RFC 1624 eqn. 3), so a packet that came in wrong leaves
 * wrong: an edit never hides a broken packet. A UDP checksum of zero ("none") stays zero, and no
 * update ever turns a UDP checksum into zero. On a packet whose L4 checksum is still to be done
 * (pkt_partial) the field holds the pseudo-header sum: only addresses (and protocol and length)
 * change it, ports and payload do not.
 *
 * The level says whose headers: PKT_OUTER, or PKT_INNER behind the tunnel; an edit of an inner
 * header also corrects the outer UDP checksum if there is one.
 *
 * All functions take the parse of the packet and keep it true. They write through pkt_at(), so the
 * header bytes must not be shared: a clone made by rte_pktmbuf_clone() may not be edited, a copy
 * made by pkt_fork() may.
 */
#ifndef PACKET_EDIT_H
#define PACKET_EDIT_H

#include "packet/csum.h"

#include <rte_ether.h>

/*
 * The general case: write len bytes (<= 64) at byte offset off of the frame. Every checksum that
 * covers them, at every level, is updated: IPv4 header, TCP, UDP, ICMP, ICMPv6, pseudo headers.
 * Writing a checksum field itself writes exactly that. The bytes must lie in the parsed headers or
 * in contiguous payload; otherwise -DROP_EDIT_NO_HEADER. Types and lengths are not re-interpreted:
 * changing next-header or length fields needs pkt_parse() afterwards.
 */
int pkt_rewrite(struct rte_mbuf *m, const struct pkt_parse *p, uint32_t off, const void *bytes,
	uint32_t len);

/* Ethernet addresses. mac NULL leaves that one. */
void pkt_set_macs(
	struct rte_mbuf *m, const struct rte_ether_addr *dst, const struct rte_ether_addr *src);

/* Push a tag in front of the others; pop the first one; overwrite the TCI of tag 0 or 1. All host
 * order. p is kept true. -DROP_EDIT_NO_ROOM (no headroom, or more than two tags),
 * -DROP_EDIT_NO_HEADER. Popping one of three tags parses what comes into sight, and can return
 * that parse's drop. */
int pkt_vlan_push(struct rte_mbuf *m, struct pkt_parse *p, uint16_t tpid, uint16_t tci);
int pkt_vlan_pop(struct rte_mbuf *m, struct pkt_parse *p);
int pkt_vlan_set(struct rte_mbuf *m, const struct pkt_parse *p, unsigned tag, uint16_t tci);

/* TTL or hop limit minus one. -DROP_TTL_EXPIRED when it is or becomes 0 (the packet is not changed
 * then), -DROP_EDIT_NO_HEADER without IP. */
int pkt_ttl_dec(struct rte_mbuf *m, const struct pkt_parse *p, enum pkt_level level);

/* The six DSCP bits, the two ECN bits, or the whole byte's 8. -DROP_EDIT_NO_HEADER without IP. */
int pkt_set_tos(struct rte_mbuf *m, const struct pkt_parse *p, enum pkt_level level, uint8_t value,
	uint8_t mask);
int pkt_get_tos(const struct rte_mbuf *m, const struct pkt_headers *h);

/*
 * Address and port rewrite (NAT). Fields whose bit is clear in `set` are left alone. Addresses are
 * in wire order: IPv4 in the first four bytes. Ports wire order; for ICMP echo, sport and dport
 * both mean the identifier.
 */
#define PKT_NAT_SRC 0x1u
#define PKT_NAT_DST 0x2u
#define PKT_NAT_SPORT 0x4u
#define PKT_NAT_DPORT 0x8u

struct pkt_nat {
	uint8_t src[16], dst[16];
	uint16_t sport, dport;
	uint8_t set; /* PKT_NAT_* */
	uint8_t ip6; /* which family the addresses are */
	/* Filled by pkt_nat_prepare: what to add to each checksum when the old tuple is known. */
	uint16_t ip_delta;   /* IPv4 header */
	uint16_t addr_delta; /* partial L4 checksum: addresses only */
	uint16_t l4_delta;   /* finished L4 checksum: addresses and ports */
};

/* 0, -DROP_EDIT_NO_HEADER if the family differs or a port is set where there is none. Later
 * fragments get their addresses rewritten, ports skipped. SCTP ports change its CRC32c: recomputed.
 */
int pkt_nat(struct rte_mbuf *m, const struct pkt_parse *p, enum pkt_level level,
	const struct pkt_nat *nat);

/* The same when the packet's present tuple is known (an exact-match entry): compute deltas once ...
 */
void pkt_nat_prepare(struct pkt_nat *nat, const void *old_src, const void *old_dst,
	uint16_t old_sport, uint16_t old_dport);

/* ... and apply them. Packets for which deltas are not enough (fragments, routing headers with segments
 * left, other protocols than TCP and UDP) are handed to pkt_nat(), whose result it returns. */
int pkt_nat_apply(struct rte_mbuf *m, const struct pkt_parse *p, const struct pkt_nat *nat);

/*
 * The packet quoted by an ICMP or ICMPv6 error. pkt_parse_embedded fills h (offsets in the same
 * frame; l4 is there with at least 8 bytes) or returns -DROP_L4_SHORT / -DROP_EDIT_NO_HEADER (not
 * an error message). pkt_nat_embedded rewrites the quoted header: its own IPv4 checksum, its L4
 * checksum when that is quoted, and the checksum of the ICMP message around it.
 */
int pkt_parse_embedded(struct rte_mbuf *m, const struct pkt_parse *p, struct pkt_headers *h);
int pkt_nat_embedded(struct rte_mbuf *m, const struct pkt_parse *p, const struct pkt_headers *h,
	const struct pkt_nat *nat);

/* Lower the MSS option of a TCP SYN to at most mss. 1 changed, 0 not (no SYN, no option, already
 * low enough, malformed options). */
int pkt_mss_clamp(
	struct rte_mbuf *m, const struct pkt_parse *p, enum pkt_level level, uint16_t mss);

/*
 * A second packet with the same bytes whose headers may be edited: the headers (and up to 64 bytes
 * of payload) are copied, the rest is shared read-only with m. NULL when the pool is empty. Owned
 * by the caller; offload flags are copied too. p stays true for both.
 */
struct rte_mbuf *pkt_fork(struct rte_mbuf *m, const struct pkt_parse *p, struct rte_mempool *pool);

/*
 * IPv4 to IPv6 or back (RFC 7915), addresses as 64:ff9b::a.b.c.d; p is parsed anew. TTL and traffic class stay.
 * -DROP_EDIT_NO_HEADER for what has no counterpart here (fragments, options and extension headers, ICMP but echo),
 * -DROP_EDIT_NO_ROOM, or the new parse's drop.
 */
int pkt_nat64(struct rte_mbuf *m, struct pkt_parse *p);

#endif
