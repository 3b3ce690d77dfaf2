/* SPDX-License-Identifier: BSD-3-Clause */
/* build: the pieces, and ARP. (build_nd.c, build_error.c: the rest) */
#include "packet/build_int.h"

#include "engine/checksum.h"

#include "packet/edit.h"

struct rte_mbuf *pkt_new(struct rte_mempool *pool, uint32_t len)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool);
	void *data = m ? rte_pktmbuf_append(m, (uint16_t)len) : NULL;

	if (!data) {
		rte_pktmbuf_free(m);
		return NULL;
	}
	memset(data, 0, len);
	return m;
}

uint32_t pkt_put_eth(uint8_t *b, const void *dst, const void *src, int tci, uint16_t ethertype)
{
	memcpy(b, dst, 6);
	memcpy(b + 6, src, 6);
	if (tci >= 0) {
		pkt_put_be16(b + 12, PKT_ET_VLAN);
		pkt_put_be16(b + 14, (uint16_t)tci);
	}
	pkt_put_be16(b + pkt_eth_size(tci) - 2, ethertype);
	return pkt_eth_size(tci);
}

uint32_t pkt_put_eth_back(uint8_t *b, const struct rte_mbuf *m, const struct pkt_parse *p)
{
	const uint8_t *was = pkt_at(m, 0);

	memcpy(b, was, p->outer.l3);
	memcpy(b, was + 6, 6);
	memcpy(b + 6, was, 6);
	return p->outer.l3;
}

void pkt_put_ip4(
	uint8_t *b, const void *src, const void *dst, uint8_t proto, uint32_t total, uint8_t tos)
{
	b[0] = 0x45;
	b[1] = tos;
	pkt_put_be16(b + 2, (uint16_t)total);
	pkt_put_be16(b + 6, 0x4000);
	b[8] = 64;
	b[9] = proto;
	memcpy(b + 12, src, 4);
	memcpy(b + 16, dst, 4);
	pkt_put16(b + 10, 0);
	pkt_put16(b + 10, checksum_finish(checksum_ip4_20(b)));
}

void pkt_put_ip6(
	uint8_t *b, const void *src, const void *dst, uint8_t proto, uint32_t total, uint8_t hops)
{
	pkt_put_be32(b, 6u << 28);
	pkt_put_be16(b + 4, (uint16_t)(total - PKT_IP6_LEN));
	b[6] = proto;
	b[7] = hops;
	memcpy(b + 8, src, 16);
	memcpy(b + 24, dst, 16);
}

void pkt_put_l4_csum(uint8_t *ip, uint8_t *l4, uint32_t len, uint8_t proto, uint32_t field_off)
{
	uint32_t sum = 0;

	if (ip[0] >> 4 == 6)
		sum = checksum_pseudo6(ip + 8, ip + 24, proto, len);
	else if (proto != PKT_PROTO_ICMP)
		sum = checksum_pseudo4(ip + 12, ip + 16, proto, len);
	pkt_put16(l4 + field_off, 0);
	pkt_put16(l4 + field_off, checksum_finish(checksum_bytes(l4, len, sum)));
}

/* ---- ARP ---- */

#define ARP_REQUEST 1
#define ARP_REPLY 2

static const uint8_t broadcast[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

static struct rte_mbuf *make_arp(struct rte_mempool *pool, const struct rte_ether_addr *mac,
	const void *sender, const void *target, int tci)
{
	struct rte_mbuf *m = pkt_new(pool, pkt_eth_size(tci) + PKT_ARP_LEN);
	uint8_t *b;

	if (!m)
		return NULL;
	b = pkt_at(m, 0);
	b += pkt_put_eth(b, broadcast, mac, tci, PKT_ET_ARP);
	pkt_put_be16(b, 1);
	pkt_put_be16(b + 2, PKT_ET_IP4);
	b[4] = 6;
	b[5] = 4;
	pkt_put_be16(b + 6, ARP_REQUEST);
	memcpy(b + 8, mac, 6);
	memcpy(b + 14, sender, 4);
	memcpy(b + 24, target, 4);
	return m;
}

struct rte_mbuf *pkt_make_arp_request(struct rte_mempool *pool,
	const struct rte_ether_addr *src_mac, const void *src_ip4, const void *target_ip4, int tci)
{
	return make_arp(pool, src_mac, src_ip4, target_ip4, tci);
}

struct rte_mbuf *pkt_make_arp_announce(
	struct rte_mempool *pool, const struct rte_ether_addr *mac, const void *ip4, int tci)
{
	return make_arp(pool, mac, ip4, ip4, tci);
}

int pkt_arp_get(const struct rte_mbuf *m, const struct pkt_parse *p, struct pkt_arp *arp)
{
	const uint8_t *b = pkt_at(m, p->outer.l3);

	if (p->outer.l3_type != PKT_L3_ARP)
		return -DROP_EDIT_NO_HEADER;
	arp->op = pkt_be16(b + 6);
	memcpy(&arp->sender_mac, b + 8, 6);
	memcpy(arp->sender_ip, b + 14, 4);
	memcpy(&arp->target_mac, b + 18, 6);
	memcpy(arp->target_ip, b + 24, 4);
	return 0;
}

int pkt_arp_reply(struct rte_mbuf *m, const struct pkt_parse *p, const struct rte_ether_addr *mac)
{
	uint8_t *b = pkt_at(m, p->outer.l3);
	struct pkt_arp arp;
	int r = pkt_arp_get(m, p, &arp);

	if (r || arp.op != ARP_REQUEST)
		return -DROP_EDIT_NO_HEADER;
	pkt_set_macs(m, &arp.sender_mac, mac);
	pkt_put_be16(b + 6, ARP_REPLY);
	memcpy(b + 8, mac, 6);
	memcpy(b + 14, arp.target_ip, 4);
	memcpy(b + 18, &arp.sender_mac, 6);
	memcpy(b + 24, arp.sender_ip, 4);
	return 0;
}
