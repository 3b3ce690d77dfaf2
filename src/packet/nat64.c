/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * nat64: one IP header becomes the other family's (RFC 7915), addresses through the well-known prefix 64:ff9b::/96
 * (RFC 6052 sec. 2.1). As cards do it: TTL and traffic class go over unchanged, no fragment header is made.
 */
#include "packet/edit.h"
#include "packet/packet_int.h"

#include "engine/checksum.h"

static const uint8_t prefix[12] = {0x00, 0x64, 0xff, 0x9b};

#define ECHO_REQUEST 8
#define ECHO_REPLY 0
#define ECHO6_REQUEST 128
#define ECHO6_REPLY 129

/* What has no counterpart that fits: fragments, extension headers, ICMP but echo. */
static bool translates(const struct rte_mbuf *m, const struct pkt_parse *p)
{
	const struct pkt_headers *h = &p->outer;
	uint8_t type;

	if ((h->l3_type != PKT_L3_IP4 && h->l3_type != PKT_L3_IP6) || h->nr_ext || h->flags & (PKT_FRAG | PKT_IP_OPTIONS))
		return false;
	if (h->l4_type != PKT_L4_ICMP && h->l4_type != PKT_L4_ICMP6)
		return true;
	type = *(const uint8_t *)pkt_at(m, h->l4);
	return h->l4_type == PKT_L4_ICMP ? type == ECHO_REQUEST || type == ECHO_REPLY
					 : type == ECHO6_REQUEST || type == ECHO6_REPLY;
}

static void to_ip6(const uint8_t *ip4, uint8_t *ip6)
{
	uint8_t proto = ip4[9] == PKT_PROTO_ICMP ? PKT_PROTO_ICMP6 : ip4[9];

	pkt_put_be32(ip6, 6u << 28 | (uint32_t)ip4[1] << 20);
	pkt_put_be16(ip6 + 4, (uint16_t)(pkt_be16(ip4 + 2) - PKT_IP4_LEN));
	ip6[6] = proto;
	ip6[7] = ip4[8];
	memcpy(ip6 + 8, prefix, sizeof(prefix));
	memcpy(ip6 + 20, ip4 + 12, 4);
	memcpy(ip6 + 24, prefix, sizeof(prefix));
	memcpy(ip6 + 36, ip4 + 16, 4);
}

static void to_ip4(const uint8_t *ip6, uint8_t *ip4)
{
	memset(ip4, 0, PKT_IP4_LEN);
	ip4[0] = 0x45;
	ip4[1] = (uint8_t)(ip6[0] << 4 | ip6[1] >> 4);
	pkt_put_be16(ip4 + 2, (uint16_t)(pkt_be16(ip6 + 4) + PKT_IP4_LEN));
	pkt_put_be16(ip4 + 6, 0x4000); /* RFC 7915 sec. 5.1: no fragment header, so it may not be fragmented */
	ip4[8] = ip6[7];
	ip4[9] = ip6[6] == PKT_PROTO_ICMP6 ? PKT_PROTO_ICMP : ip6[6];
	memcpy(ip4 + 12, ip6 + 20, 4);
	memcpy(ip4 + 16, ip6 + 36, 4);
	pkt_put16(ip4 + 10, checksum_finish(checksum_bytes(ip4, PKT_IP4_LEN, 0)));
}

static uint32_t addresses_sum(const uint8_t *ip, bool ip6)
{
	return ip6 ? checksum_bytes(ip + 8, 32, 0) : checksum_bytes(ip + 12, 8, 0);
}

/* Swap the header in front of L4, moving the Ethernet header; `new` has new_len bytes. 0 or a drop. */
static int swap_header(struct rte_mbuf *m, const struct pkt_headers *h, const uint8_t *new, unsigned new_len, uint16_t ethertype)
{
	unsigned old_len = h->l3_type == PKT_L3_IP4 ? PKT_IP4_LEN : PKT_IP6_LEN, l2_len = h->l3;
	uint8_t l2[PKT_ETH_LEN + 3 * PKT_VLAN_LEN], *b;

	if (l2_len < PKT_ETH_LEN || l2_len > sizeof(l2))
		return -DROP_EDIT_NO_HEADER;
	memcpy(l2, pkt_at(m, 0), l2_len);
	b = new_len > old_len ? (uint8_t *)rte_pktmbuf_prepend(m, new_len - old_len)
			      : (uint8_t *)rte_pktmbuf_adj(m, old_len - new_len);
	if (!b)
		return -DROP_EDIT_NO_ROOM;
	memcpy(b, l2, l2_len);
	pkt_put_be16(b + l2_len - 2, ethertype);
	memcpy(b + l2_len, new, new_len);
	return 0;
}

static void settle_icmp(struct rte_mbuf *m, const struct pkt_headers *h)
{
	uint8_t *icmp = pkt_at(m, h->l4);

	if (h->l4_type == PKT_L4_ICMP6)
		icmp[0] = icmp[0] == ECHO_REQUEST ? ECHO6_REQUEST : ECHO6_REPLY;
	else
		icmp[0] = icmp[0] == ECHO6_REQUEST ? ECHO_REQUEST : ECHO_REPLY;
	pkt_put16(icmp + 2, pkt_l4_csum(m, h));
}

/* `delta`: what the change of addresses added to the pseudo header's sum; its other parts are the same numbers. */
static void settle_l4(struct rte_mbuf *m, const struct pkt_headers *h, uint16_t delta)
{
	uint16_t *field = pkt_l4_csum_field(m, h), old;

	if (h->l4_type == PKT_L4_ICMP || h->l4_type == PKT_L4_ICMP6) {
		settle_icmp(m, h);
		return;
	}
	if (!field)
		return;
	old = pkt_get16(field);
	if (pkt_partial(m, PKT_OUTER))
		pkt_put16(field, checksum_apply_partial(old, delta));
	else if (h->l4_type == PKT_L4_UDP && !old && h->l3_type == PKT_L3_IP6) /* IPv6 has no "none" (RFC 8200 sec. 8.1) */
		pkt_put16(field, pkt_l4_csum(m, h));
	else if (h->l4_type == PKT_L4_UDP)
		pkt_put16(field, checksum_apply_udp(old, delta));
	else
		pkt_put16(field, checksum_apply(old, delta));
}

int pkt_nat64(struct rte_mbuf *m, struct pkt_parse *p)
{
	bool ip6 = p->outer.l3_type == PKT_L3_IP6;
	uint8_t new[PKT_IP6_LEN];
	const uint8_t *old;
	uint32_t before;
	uint16_t delta;
	int err;

	if (!translates(m, p))
		return -DROP_EDIT_NO_HEADER;
	old = pkt_at(m, p->outer.l3);
	before = addresses_sum(old, ip6);
	if (ip6)
		to_ip4(old, new);
	else
		to_ip6(old, new);
	delta = checksum_fold(checksum_add(addresses_sum(new, !ip6), (uint16_t)~checksum_fold(before)));
	err = swap_header(m, &p->outer, new, ip6 ? PKT_IP4_LEN : PKT_IP6_LEN, ip6 ? PKT_ET_IP4 : PKT_ET_IP6);
	if (!err)
		err = pkt_parse(m, p);
	if (!err)
		settle_l4(m, &p->outer, delta);
	return err;
}
