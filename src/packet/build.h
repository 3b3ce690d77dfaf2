/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * build: the packets a node makes itself. Two forms: pkt_make_* allocate a new packet from the pool
 * (NULL when it is empty), pkt_*_reply turn a received packet into its answer in place.
 *
 * Answers to a packet go back the way it came: MAC addresses swapped, VLAN tags kept. Nothing here
 * limits rates (the caller does) and nothing decides whether an answer is due, except for the rules
 * every sender must obey: no ICMP error about an ICMP error, a later fragment, or a multicast,
 * broadcast or unspecified source (RFC 1122 sec. 3.2.2, RFC 4443 sec. 2.4 e); no RST for a RST.
 *
 * Addresses are in wire order; IPv4 addresses 4 bytes, IPv6 16. VLAN: tci < 0 = none.
 */
#ifndef PACKET_BUILD_H
#define PACKET_BUILD_H

#include "packet/csum.h"

#include <rte_ether.h>

/* ARP (RFC 826). */
struct rte_mbuf *pkt_make_arp_request(struct rte_mempool *pool,
	const struct rte_ether_addr *src_mac, const void *src_ip4, const void *target_ip4, int tci);
/* Gratuitous announcement of our own address (RFC 5227 sec. 3). */
struct rte_mbuf *pkt_make_arp_announce(
	struct rte_mempool *pool, const struct rte_ether_addr *mac, const void *ip4, int tci);
/* Turn a request into the reply "the target is at mac". 0, -DROP_EDIT_NO_HEADER if it is no
 * request. */
int pkt_arp_reply(struct rte_mbuf *m, const struct pkt_parse *p, const struct rte_ether_addr *mac);

/* A received ARP packet, checked. */
struct pkt_arp {
	uint16_t op; /* 1 request, 2 reply; host order */
	struct rte_ether_addr sender_mac, target_mac;
	uint8_t sender_ip[4], target_ip[4];
};
int pkt_arp_get(const struct rte_mbuf *m, const struct pkt_parse *p, struct pkt_arp *arp);

/* Neighbour discovery (RFC 4861). */
#define PKT_ND_RS 133
#define PKT_ND_RA 134
#define PKT_ND_NS 135
#define PKT_ND_NA 136

struct pkt_nd {
	uint8_t type;                     /* PKT_ND_* */
	bool router, solicited, override; /* NA flags */
	bool has_lladdr; /* source (RS, NS, RA) or target (NA) link-layer address option */
	bool dad;        /* NS from the unspecified address */
	uint8_t src[16], dst[16];
	uint8_t target[16]; /* NS, NA */
	struct rte_ether_addr lladdr;
};

/* Check a received RS/NS/NA/RA as sec. 6.1 and 7.1 require (hop limit 255, code 0, checksum,
 * length, options, no multicast target ...) and take it apart. 0; -DROP_EDIT_NO_HEADER if it is
 * none of them; -DROP_ND_BAD otherwise. */
int pkt_nd_get(const struct rte_mbuf *m, const struct pkt_parse *p, struct pkt_nd *nd);

/* A solicitation for target: multicast to its solicited-node group. */
struct rte_mbuf *pkt_make_ns(struct rte_mempool *pool, const struct rte_ether_addr *src_mac,
	const void *src_ip6, const void *target_ip6, int tci);
/* The advertisement that answers nd (from pkt_nd_get of m): "nd->target is at mac". router: the R
 * flag. */
struct rte_mbuf *pkt_make_na(struct rte_mempool *pool, const struct rte_mbuf *m,
	const struct pkt_parse *p, const struct pkt_nd *nd, const struct rte_ether_addr *mac,
	bool router);
/* Unsolicited, to all nodes (sec. 7.2.6). */
struct rte_mbuf *pkt_make_na_announce(
	struct rte_mempool *pool, const struct rte_ether_addr *mac, const void *ip6, int tci);
/* A solicitation of routers is answered by nobody here: pods get their routes by configuration. */

/* ICMP and ICMPv6 errors. */
enum pkt_error {
	PKT_ERROR_PORT_UNREACHABLE,
	PKT_ERROR_HOST_UNREACHABLE, /* IPv6: address unreachable */
	PKT_ERROR_NET_UNREACHABLE,  /* IPv6: no route */
	PKT_ERROR_PROHIBITED,       /* administratively */
	PKT_ERROR_TOO_BIG,          /* IPv4: fragmentation needed; arg = MTU */
	PKT_ERROR_TTL,              /* time exceeded in transit */
};

/*
 * The error about packet m (its outer headers). src: the address it comes from, in m's family; NULL
 * = m's destination (the port "answers" itself). It quotes as much of m as fits 576 (IPv4, RFC 1812
 * sec. 4.3.2.3) or 1,280 bytes (IPv6). NULL also when no error may be sent about m.
 */
struct rte_mbuf *pkt_make_error(struct rte_mempool *pool, const struct rte_mbuf *m,
	const struct pkt_parse *p, enum pkt_error error, uint32_t arg, const void *src);

/* The RST that answers segment m (RFC 9293 sec. 3.10.7.1). NULL for a RST or a non-TCP packet. */
struct rte_mbuf *pkt_make_rst(
	struct rte_mempool *pool, const struct rte_mbuf *m, const struct pkt_parse *p);

/* Echo request -> reply in place (ICMP and ICMPv6), TTL 64. -DROP_EDIT_NO_HEADER if it is none. */
int pkt_echo_reply(struct rte_mbuf *m, const struct pkt_parse *p);

#endif
