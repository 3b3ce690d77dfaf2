/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * parse: the fast path. Ethernet, at most one VLAN tag, IPv4 without options or IPv6 without
 * extension headers, TCP or UDP, no fragment, no tunnel port, headers in the first segment: nearly
 * every packet. Within that shape nothing branches on the packet: family and protocol select a
 * template of the result and shift offsets by arithmetic, so that mixed traffic costs no
 * mispredictions. Everything else, and everything suspicious, goes to parse_slow.c, which says what
 * is wrong.
 */
#include "packet/packet_int.h"

#include "engine/checksum.h"

#include <rte_prefetch.h>

#define BE16(v) ((uint16_t)RTE_STATIC_BSWAP16(v))
#if RTE_BYTE_ORDER == RTE_LITTLE_ENDIAN
#define ON_WIRE(v) BE16(v)
#else
#define ON_WIRE(v) ((uint16_t)(v))
#endif

#define SHAPE(l2, l3, l4)                                                              \
	((uint32_t)(l2) << PKT_SHAPE_L2_SHIFT | (uint32_t)(l3) << PKT_SHAPE_L3_SHIFT | \
		(uint32_t)(l4) << PKT_SHAPE_L4_SHIFT)

#define ABSENT_HEADERS                                                                       \
	{                                                                                    \
		.l2 = PKT_ABSENT, .l3 = PKT_ABSENT, .l4 = PKT_ABSENT, .payload = PKT_ABSENT, \
		.ext = PKT_ABSENT                                                            \
	}

#define TEMPLATE(tag, v6, tcp)                                                                   \
	{                                                                                        \
		.outer = {.l3 = PKT_ETH_LEN + (tag)*PKT_VLAN_LEN,                                \
			.l4 = PKT_ETH_LEN + (tag)*PKT_VLAN_LEN +                                 \
			      ((v6) ? PKT_IP6_LEN : PKT_IP4_LEN),                                \
			.ext = PKT_ABSENT,                                                       \
			.ethertype = (v6) ? ON_WIRE(PKT_ET_IP6) : ON_WIRE(PKT_ET_IP4),           \
			.l2_type = (tag) ? PKT_L2_VLAN : PKT_L2_ETH,                             \
			.l3_type = (v6) ? PKT_L3_IP6 : PKT_L3_IP4,                               \
			.l4_type = (tcp) ? PKT_L4_TCP : PKT_L4_UDP,                              \
			.l4_proto = (tcp) ? PKT_PROTO_TCP : PKT_PROTO_UDP},                      \
		.inner = ABSENT_HEADERS, .tun = PKT_ABSENT, .tun_end = PKT_ABSENT,               \
		.shape = SHAPE((tag) ? PKT_L2_VLAN : PKT_L2_ETH, (v6) ? PKT_L3_IP6 : PKT_L3_IP4, \
			(tcp) ? PKT_L4_TCP : PKT_L4_UDP),                                        \
	}

/* [VLAN][IPv6][TCP] */
static const struct pkt_parse templates[2][2][2] = {
	{{TEMPLATE(0, 0, 0), TEMPLATE(0, 0, 1)}, {TEMPLATE(0, 1, 0), TEMPLATE(0, 1, 1)}},
	{{TEMPLATE(1, 0, 0), TEMPLATE(1, 0, 1)}, {TEMPLATE(1, 1, 0), TEMPLATE(1, 1, 1)}},
};

static inline bool is_tunnel_port(uint16_t port)
{
	pkt_port_vector same = (pkt_port_vector)(pkt_tunnel_ports.vector == port);
	uint64_t half[2];

	memcpy(half, &same, 16);
	return half[0] | half[1];
}

/* 1 if the IPv4 header checksum is wrong and nobody vouches for it. */
static inline uint32_t bad_ip4_csum(const uint8_t *ip, uint64_t ol_flags)
{
	uint32_t wrong = checksum_fold(checksum_ip4_20(ip)) != 0xffff;

	return wrong &
	       (uint32_t) !(ol_flags & (RTE_MBUF_F_RX_IP_CKSUM_GOOD | RTE_MBUF_F_TX_IP_CKSUM));
}

/* What the L3 header says: arithmetic instead of branches, v6 is 0 or 1. */
static inline uint32_t l3_looks_plain(const uint8_t *ip, uint16_t ethertype, uint32_t v6)
{
	uint32_t plain6 = (ip[0] & 0xf0) == 0x60;
	uint32_t plain4 = (ethertype == ON_WIRE(PKT_ET_IP4)) & (ip[0] == 0x45) &
			  !(pkt_get16(ip + 6) & ON_WIRE(0x3fff));

	return (v6 & plain6) | plain4;
}

static inline bool parse_plain(const struct rte_mbuf *m, struct pkt_parse *p, const uint32_t tag)
{
	const uint32_t l3 = PKT_ETH_LEN + tag * PKT_VLAN_LEN;
	const uint8_t *b = pkt_at(m, 0), *ip = b + l3;
	uint32_t v6, tcp, l4, need, proto, l3_end, l4_len, bad, udp_len;
	uint16_t ethertype, word;

	if (unlikely(m->data_len < l3 + PKT_IP4_LEN + PKT_UDP_LEN))
		return false;
	ethertype = pkt_get16(ip - 2);
	v6 = ethertype == ON_WIRE(PKT_ET_IP6);
	proto = ip[9 - 3 * v6];
	tcp = proto == PKT_PROTO_TCP;
	l4 = l3 + PKT_IP4_LEN + v6 * (PKT_IP6_LEN - PKT_IP4_LEN);
	l3_end = l3 + v6 * PKT_IP6_LEN + pkt_be16(ip + 2 + 2 * v6);
	need = l4 + PKT_UDP_LEN + tcp * (PKT_TCP_LEN - PKT_UDP_LEN);
	if (unlikely(!(l3_looks_plain(ip, ethertype, v6) & (tcp | (proto == PKT_PROTO_UDP)) &
		       (need <= m->data_len) & (need <= l3_end) & (l3_end <= m->pkt_len))))
		return false;

	/* TCP: data offset in the high nibble of byte 12. UDP: length in bytes 4 and 5. */
	word = pkt_get16(b + l4 + 4 + 8 * tcp);
	l4_len = tcp ? ((const uint8_t *)&word)[0] >> 4 << 2 : PKT_UDP_LEN;
	udp_len = tcp ? l4_len : rte_be_to_cpu_16(word);
	if (unlikely((l4 + l4_len > m->data_len) | (l4 + udp_len > l3_end) | (udp_len < need - l4) |
		     (!tcp & is_tunnel_port(pkt_get16(b + l4 + 2)))))
		return false;
	bad = (v6 ^ 1) & bad_ip4_csum(ip, m->ol_flags);

	*p = templates[tag][v6][tcp];
	p->outer.payload = (uint16_t)(l4 + l4_len);
	p->outer.l4_len = (uint16_t)l4_len;
	p->outer.l3_end = l3_end;
	p->outer.flags = (uint8_t)(bad * PKT_BAD_IP_CSUM);
	p->shape |= bad * PKT_SHAPE_BAD_IP_CSUM;
	p->pkt_len = m->pkt_len;
	return true;
}

static inline int parse_one(struct rte_mbuf *m, struct pkt_parse *p)
{
	if (likely(parse_plain(m, p, 0)))
		return 0;
	if (m->data_len >= PKT_ETH_LEN && pkt_get16(pkt_at(m, 12)) == ON_WIRE(PKT_ET_VLAN) &&
		parse_plain(m, p, 1))
		return 0;
	return pkt_parse_slow(m, p);
}

int pkt_parse(struct rte_mbuf *m, struct pkt_parse *p)
{
	return parse_one(m, p);
}

void pkt_parse_burst(struct rte_mbuf **m, struct pkt_parse *p, unsigned n)
{
	const unsigned ahead = 8; /* 8 to 16 is enough (design/packet-path-limits.md) */

	for (unsigned i = 0; i < n && i < ahead; i++)
		rte_prefetch0(pkt_at(m[i], 0));
	for (unsigned i = 0; i < n; i++) {
		if (i + ahead < n)
			rte_prefetch0(pkt_at(m[i + ahead], 0));
		parse_one(m[i], &p[i]);
	}
}
