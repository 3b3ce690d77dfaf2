/* SPDX-License-Identifier: BSD-3-Clause */
/* Insides of room packet: the pieces that built packets are made of. */
#ifndef PACKET_BUILD_INT_H
#define PACKET_BUILD_INT_H

#include "packet/build.h"
#include "packet/packet_int.h"

/* A new packet of len zero bytes, NULL when the pool is empty or its data room too small. */
struct rte_mbuf *pkt_new(struct rte_mempool *pool, uint32_t len);

/* Ethernet header, with one tag if tci >= 0. Return the bytes written. */
uint32_t pkt_put_eth(uint8_t *b, const void *dst, const void *src, int tci, uint16_t ethertype);
static inline uint32_t pkt_eth_size(int tci)
{
	return tci < 0 ? PKT_ETH_LEN : PKT_ETH_LEN + PKT_VLAN_LEN;
}

/* The L2 header of m, tags included, with addresses for the way back. Returns its length. */
uint32_t pkt_put_eth_back(uint8_t *b, const struct rte_mbuf *m, const struct pkt_parse *p);

/* IP headers of a complete datagram of `total` bytes (header included); the IPv4 one with checksum
 * and DF. */
void pkt_put_ip4(
	uint8_t *b, const void *src, const void *dst, uint8_t proto, uint32_t total, uint8_t tos);
void pkt_put_ip6(
	uint8_t *b, const void *src, const void *dst, uint8_t proto, uint32_t total, uint8_t hops);

/* The L4 checksum of a freshly built packet: field at l4 + field_off, bytes contiguous. */
void pkt_put_l4_csum(uint8_t *ip, uint8_t *l4, uint32_t len, uint8_t proto, uint32_t field_off);

static inline bool pkt_is_zero(const uint8_t *b, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (b[i])
			return false;
	return true;
}

static inline bool pkt_is_multicast6(const uint8_t *ip)
{
	return ip[0] == 0xff;
}

/* IPv4: multicast, limited broadcast and what else may not be a source (224/3, and 0/8). */
static inline bool pkt_is_unicast4(const uint8_t *ip)
{
	return ip[0] < 224 && ip[0] != 0;
}

#endif
