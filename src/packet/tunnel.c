/* SPDX-License-Identifier: BSD-3-Clause */
/* tunnel: the burst path of encap and decap. Templates are made in tunnel_template.c. */
#include "packet/tunnel.h"
#include "packet/edit.h"
#include "packet/packet_int.h"
#include "packet/parse_int.h"
#include "packet/segment.h"

#include "engine/checksum.h"

#include <rte_memcpy.h>

/* ---- encap ---- */

static uint64_t tunnel_flag(enum pkt_tun tun)
{
	static const uint64_t flags[PKT_TUN_COUNT] = {[PKT_TUN_VXLAN] = RTE_MBUF_F_TX_TUNNEL_VXLAN,
		[PKT_TUN_VXLAN_GPE] = RTE_MBUF_F_TX_TUNNEL_VXLAN_GPE,
		[PKT_TUN_GENEVE] = RTE_MBUF_F_TX_TUNNEL_GENEVE,
		[PKT_TUN_GRE] = RTE_MBUF_F_TX_TUNNEL_GRE,
		[PKT_TUN_NVGRE] = RTE_MBUF_F_TX_TUNNEL_GRE,
		[PKT_TUN_GTPU] = RTE_MBUF_F_TX_TUNNEL_GTP,
		[PKT_TUN_IPIP] = RTE_MBUF_F_TX_TUNNEL_IPIP,
		[PKT_TUN_MPLS_UDP] = RTE_MBUF_F_TX_TUNNEL_MPLSINUDP};

	return flags[tun] ? flags[tun] : RTE_MBUF_F_TX_TUNNEL_IP;
}

/* The byte for the outer IP header, from the template's and the inner's (RFC 6040 sec. 4.1). */
static uint8_t outer_tos(uint8_t template, int inner, enum pkt_tos_copy how)
{
	if (inner < 0 || how == PKT_TOS_FIXED)
		return template;
	return how == PKT_TOS_COPY ? (uint8_t)inner : (uint8_t)((template & 0xfc) | (inner & 3));
}

/* Ethertype, GPE number or IP protocol of the inner datagram. Returns what it added to the sum of
 * the outer IPv4 header. */
static uint16_t put_proto(uint8_t *b, const struct pkt_encap *e, enum pkt_l3 inner)
{
	bool six = inner == PKT_L3_IP6;
	uint16_t old;

	if (e->tun_type == PKT_TUN_VXLAN_GPE) {
		b[e->proto_off] = six ? 2 : 1;
		return 0;
	}
	if (e->tun_type != PKT_TUN_IPIP) {
		pkt_put_be16(b + e->proto_off, six ? PKT_ET_IP6 : PKT_ET_IP4);
		return 0;
	}
	old = pkt_get16(b + (e->proto_off & ~1u));
	b[e->proto_off] = six ? PKT_PROTO_IP6 : PKT_PROTO_IP4;
	return checksum_delta16(old, pkt_get16(b + (e->proto_off & ~1u)));
}

static void patch_ip4(
	uint8_t *ip, const struct pkt_encap *e, uint32_t total, int tos, uint32_t delta)
{
	uint16_t first = pkt_get16(ip), length = rte_cpu_to_be_16((uint16_t)total);
	uint16_t now = rte_cpu_to_be_16((uint16_t)(ip[0] << 8 | outer_tos(ip[1], tos, e->tos_copy)));

	pkt_put16(ip, now); /* as a word: a byte would have to leave the store queue before it is read with its neighbour */
	pkt_put16(ip + 2, length);
	delta += checksum_delta16(first, now);
	pkt_put16(ip + 10, checksum_finish((uint32_t)e->ip_csum + length + delta));
}

static void patch_ip6(
	uint8_t *ip, const struct pkt_encap *e, uint32_t total, int tos, uint32_t entropy)
{
	uint32_t word = pkt_be32(ip);

	word = (word & 0xf00fffff) | (uint32_t)outer_tos((word >> 20) & 0xff, tos, e->tos_copy)
					     << 20;
	if (e->label_entropy)
		word = (word & 0xfff00000) | ((entropy ^ entropy >> 12) & 0xfffff);
	pkt_put_be32(ip, word);
	pkt_put_be16(ip + 4, total ? (uint16_t)(total - PKT_IP6_LEN) : 0);
}

/* The parse after: the template is the outer, the old outer the inner. */
static void push_parse(struct pkt_parse *p, const struct pkt_encap *e, uint32_t pkt_len,
	uint32_t inner_at, uint32_t strip)
{
	int shift = (int)inner_at - (int)strip;
	uint32_t shape = p->shape;

	p->inner_drop = DROP_NONE;
	p->inner = p->outer;
	p->outer = e->outer;
	p->outer.l3_end = pkt_len;
	if (e->tun_type == PKT_TUN_IPIP && p->inner.l3_type == PKT_L3_IP6)
		p->outer.l4_proto = PKT_PROTO_IP6;
	p->tun = e->tun;
	p->tun_end = e->len;
	p->tun_type = e->tun_type;
	p->pkt_len = pkt_len;
	p->inner.l2 = e->inner_l2 ? (uint16_t)inner_at : PKT_ABSENT;
	p->inner.l3 = (uint16_t)(p->inner.l3 + shift);
	p->inner.l3_end = (uint32_t)((int64_t)p->inner.l3_end + shift);
	p->inner.l4 = p->inner.l4 == PKT_ABSENT ? PKT_ABSENT : (uint16_t)(p->inner.l4 + shift);
	p->inner.payload =
		p->inner.payload == PKT_ABSENT ? PKT_ABSENT : (uint16_t)(p->inner.payload + shift);
	p->inner.ext = p->inner.ext == PKT_ABSENT ? PKT_ABSENT : (uint16_t)(p->inner.ext + shift);
	if (!e->inner_l2) {
		p->inner.l2_type = PKT_L2_NONE;
		shape &= ~(3u << PKT_SHAPE_L2_SHIFT);
	}
	p->shape = e->shape | (shape & 0x7ff) << PKT_SHAPE_INNER_L2_SHIFT |
		   (shape & PKT_SHAPE_BAD_IP_CSUM ? PKT_SHAPE_INNER_BAD_IP_CSUM : 0);
}

static void put_outer_udp(struct rte_mbuf *m, const struct pkt_parse *p, const struct pkt_encap *e,
	uint32_t total, uint32_t entropy)
{
	uint8_t *udp = pkt_at(m, e->l4);
	uint32_t len = total ? total - (e->l4 - e->l3) : 0;

	if (e->entropy)
		pkt_put_be16(udp, (uint16_t)pkt_entropy_port(entropy));
	pkt_put_be16(udp + 4, (uint16_t)len);
	if (!e->udp_csum)
		return;
	if (m->ol_flags & PKT_PARTIAL_FLAGS) {
		m->ol_flags |= RTE_MBUF_F_TX_OUTER_UDP_CKSUM;
		pkt_put16(udp + 6, checksum_fold(pkt_pseudo_sum(m, &p->outer, len)));
	} else {
		pkt_put16(udp + 6, pkt_l4_csum(m, &p->outer));
	}
}

static void patch(struct rte_mbuf *m, const struct pkt_parse *p, const struct pkt_encap *e,
	uint32_t total, uint32_t entropy)
{
	uint8_t *b = pkt_at(m, 0);
	int tos = e->tos_copy == PKT_TOS_FIXED || p->inner.l3 == PKT_ABSENT
			  ? -1
			  : pkt_get_tos(m, &p->inner);
	uint32_t delta = e->proto_off ? put_proto(b, e, p->inner.l3_type) : 0;

	if (e->ip6)
		patch_ip6(b + e->l3, e, total, tos, entropy);
	else
		patch_ip4(b + e->l3, e, total, tos, delta);
	if (e->tun_type == PKT_TUN_GTPU)
		pkt_put_be16(b + e->tun + 2, (uint16_t)(m->pkt_len - e->tun - 8u));
	if (e->has_udp)
		put_outer_udp(m, p, e, total, entropy);
}

/* An L3 tunnel takes the bare datagram: no Ethernet header, no padding. */
static int strip_l2(struct rte_mbuf *m, const struct pkt_parse *p, const struct pkt_encap *e)
{
	if (e->inner_l2)
		return 0;
	if (e->l3 && p->outer.l3_type != PKT_L3_IP4 && p->outer.l3_type != PKT_L3_IP6)
		return -DROP_EDIT_NO_HEADER;
	if (p->outer.l3_end < m->pkt_len && !pkt_trim(m, m->pkt_len - p->outer.l3_end))
		return -DROP_EDIT_NO_HEADER;
	return p->outer.l3;
}

static bool make_front(struct rte_mbuf *m, uint32_t len, uint32_t strip)
{
	if (len >= strip)
		return rte_pktmbuf_prepend(m, (uint16_t)(len - strip)) != NULL;
	return rte_pktmbuf_adj(m, (uint16_t)(strip - len)) != NULL;
}

/* The flags of unfinished checksums know two levels: the innermost of three, or one behind headers
 * that the parse cannot see through, is beyond them. */
static bool cannot_describe(const struct rte_mbuf *m, const struct pkt_encap *e)
{
	return m->ol_flags & RTE_MBUF_F_TX_TUNNEL_MASK ||
	       (m->ol_flags & PKT_PARTIAL_FLAGS && !e->tun_type);
}

int pkt_encap(struct rte_mbuf *m, struct pkt_parse *p, const struct pkt_encap *e, uint32_t entropy)
{
	uint32_t total, limit = e->ip6 ? 65535 + PKT_IP6_LEN : 65535;
	int strip = strip_l2(m, p, e);

	if (unlikely(strip < 0))
		return strip;
	total = m->pkt_len - (uint32_t)strip + e->len - e->l3;
	if (unlikely(total > limit && !pkt_is_super(m) && e->l3))
		return -DROP_EDIT_NO_ROOM;
	if (unlikely(cannot_describe(m, e))) {
		if (pkt_is_super(m))
			return -DROP_EDIT_NO_HEADER;
		pkt_csum_finish(m, p);
	}
	if (unlikely(!make_front(m, e->len, (uint32_t)strip)))
		return -DROP_EDIT_NO_ROOM;
	rte_memcpy(pkt_at(m, 0), e->bytes, e->len);
	if (unlikely(!e->l3))
		return pkt_parse(m, p);
	push_parse(p, e, m->pkt_len, e->len, (uint32_t)strip);
	if (m->ol_flags & PKT_PARTIAL_FLAGS)
		m->ol_flags |= tunnel_flag(e->tun_type);
	patch(m, p, e, total > limit ? 0 : total, entropy);
	return unlikely(!e->tun_type) ? pkt_parse(m, p) : 0;
}

/* The template in pieces of 16 bytes, the last one overlapping: every template has Ethernet and IP. */
static inline void copy_template(uint8_t *to, const uint8_t *from, unsigned len)
{
	unsigned at = 0;

	if (likely(len >= 48)) {
		memcpy(to, from, 48);
		at = 48;
	}
	for (; unlikely(at + 16 < len); at += 16)
		memcpy(to + at, from + at, 16);
	memcpy(to + len - 16, from + len - 16, 16);
}

static inline void patch_lengths(uint8_t *ip, const struct pkt_encap *e, uint32_t total)
{
	uint16_t length = rte_cpu_to_be_16((uint16_t)total);

	if (e->ip6) {
		pkt_put_be16(ip + 4, (uint16_t)(total - PKT_IP6_LEN));
		return;
	}
	pkt_put16(ip + 2, length);
	pkt_put16(ip + 10, (uint16_t)~checksum_join(e->ip_csum, length));
}

int pkt_encap_last(
	struct rte_mbuf *m, struct pkt_parse *p, const struct pkt_encap *e, uint32_t entropy)
{
	const unsigned len = e->len, l3 = e->l3, l4 = e->l4;
	uint32_t total = m->pkt_len + len - l3;
	uint8_t *b;
	int tos;

	if (unlikely(!e->simple || m->ol_flags & PKT_PARTIAL_FLAGS || total > 65535))
		return pkt_encap(m, p, e, entropy);
	tos = e->fixed_ip ? -1 : pkt_get_tos(m, &p->outer);
	b = (uint8_t *)rte_pktmbuf_prepend(m, (uint16_t)len);
	if (unlikely(!b))
		return -DROP_EDIT_NO_ROOM;
	copy_template(b, e->bytes, len);
	if (e->fixed_ip)
		patch_lengths(b + l3, e, total);
	else if (e->ip6)
		patch_ip6(b + l3, e, total, tos, entropy);
	else
		patch_ip4(b + l3, e, total, tos, 0);
	if (e->entropy)
		pkt_put_be16(b + l4, pkt_entropy_port(entropy));
	pkt_put_be16(b + l4 + 4, (uint16_t)(total - (l4 - l3)));
	return 0;
}

/* ---- decap ---- */

/* RFC 6040 sec. 4.2, figure 4: the inner's new ECN, or < 0 = drop. */
static int merged_ecn(int outer, int inner)
{
	if (outer == 3)
		return inner == 0 ? -DROP_TUNNEL_ECN : 3;
	return outer == 1 && inner == 2 ? 1 : inner;
}

/* Flags that spoke of both levels now speak of the only one; the device's word on checksums was
 * about a packet that is no more. */
static void inner_flags(struct rte_mbuf *m)
{
	if (m->ol_flags & RTE_MBUF_F_TX_TUNNEL_MASK)
		m->ol_flags &= ~(RTE_MBUF_F_TX_TUNNEL_MASK | RTE_MBUF_F_TX_OUTER_UDP_CKSUM |
				 RTE_MBUF_F_TX_OUTER_IP_CKSUM | RTE_MBUF_F_TX_OUTER_IPV4 |
				 RTE_MBUF_F_TX_OUTER_IPV6);
	else
		m->ol_flags &= ~PKT_PARTIAL_FLAGS;
	m->ol_flags &= ~(RTE_MBUF_F_RX_IP_CKSUM_MASK | RTE_MBUF_F_RX_L4_CKSUM_MASK |
			 RTE_MBUF_F_RX_OUTER_L4_CKSUM_MASK);
}

static int check_decap(
	const struct rte_mbuf *m, const struct pkt_parse *p, const void *eth, int *ecn)
{
	int inner, outer;

	*ecn = -1;
	if (p->inner.l3_type == PKT_L3_NONE)
		return p->inner_drop ? -(int)p->inner_drop : -DROP_EDIT_NO_HEADER;
	if (p->inner.l2_type == PKT_L2_NONE && !eth)
		return -DROP_EDIT_NO_HEADER;
	outer = pkt_get_tos(m, &p->outer) & 3;
	if (!outer) /* says nothing */
		return 0;
	inner = pkt_get_tos(m, &p->inner);
	if (inner < 0) /* no IP inside, nothing to mark */
		return 0;
	*ecn = merged_ecn(outer, inner & 3);
	if (*ecn < 0)
		return *ecn;
	if (*ecn == (inner & 3))
		*ecn = -1;
	return 0;
}

int pkt_decap(struct rte_mbuf *m, struct pkt_parse *p, const void *eth, unsigned eth_len)
{
	uint16_t ethertype = p->inner.ethertype;
	bool bare = p->inner.l2_type == PKT_L2_NONE;
	int ecn, r = check_decap(m, p, eth, &ecn);

	if (r)
		return r;
	if (p->outer.l3_end < m->pkt_len) /* padding of the outer frame */
		pkt_trim(m, m->pkt_len - p->outer.l3_end);
	rte_pktmbuf_adj(m, p->tun_end);
	if (bare) {
		uint8_t *b = (uint8_t *)rte_pktmbuf_prepend(m, (uint16_t)eth_len);

		if (!b)
			return -DROP_EDIT_NO_ROOM;
		memcpy(b, eth, eth_len);
		pkt_put16(b + eth_len - 2, ethertype);
	}
	inner_flags(m);
	if (bare || !pkt_parse_take_inner(m, p, p->tun_end))
		r = pkt_parse(m, p);
	if (!r && ecn >= 0)
		pkt_set_tos(m, p, PKT_OUTER, (uint8_t)ecn, 3);
	return r;
}
