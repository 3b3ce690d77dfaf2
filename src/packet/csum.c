/* SPDX-License-Identifier: BSD-3-Clause */
#include "packet/csum.h"
#include "packet/packet_int.h"

#include <assert.h>

#include "engine/checksum.h"

#include <rte_hash_crc.h>

/* ---- sums over chains ---- */

uint32_t pkt_sum(const struct rte_mbuf *m, uint32_t off, uint32_t len)
{
	uint32_t sum = 0, done = 0;

	for (; m && off >= m->data_len; m = m->next)
		off -= m->data_len;
	for (; len; m = m->next, off = 0) {
		uint32_t n, part;

		assert(m);
		n = MIN_OF(len, m->data_len - off);
		part = checksum_bytes(pkt_at(m, off), n, 0);
		sum = checksum_add(sum, done & 1 ? checksum_swap(part) : part);
		done += n;
		len -= n;
	}
	return sum;
}

uint32_t pkt_sctp_crc(const struct rte_mbuf *m, const struct pkt_headers *h)
{
	static const uint32_t zero;
	uint32_t crc = 0xffffffff, off = h->l4 + PKT_SCTP_LEN, len = h->l3_end - off;

	/* The field itself counts as zero; it and all before it are in the first segment. */
	crc = rte_hash_crc(pkt_at(m, h->l4), 8, crc);
	crc = rte_hash_crc(&zero, 4, crc);
	for (; m && off >= m->data_len; m = m->next)
		off -= m->data_len;
	for (; len; m = m->next, off = 0) {
		uint32_t n;

		assert(m);
		n = MIN_OF(len, m->data_len - off);
		crc = rte_hash_crc(pkt_at(m, off), n, crc);
		len -= n;
	}
	return rte_cpu_to_le_32(~crc);
}

/* ---- pseudo headers ---- */

/* With segments left, the address the datagram will have arrived at: the last one of type 0 and 2,
 * the first of a segment list (type 4, RFC 8754), RFC 8200 sec. 8.1. */
static const uint8_t *final_destination(const struct rte_mbuf *m, const struct pkt_headers *h)
{
	const uint8_t *ip = pkt_at(m, h->l3), *e = ip + PKT_IP6_LEN;
	uint8_t proto = ip[6];
	uint32_t len;

	if (!(h->flags & PKT_ROUTING) || h->l4 == PKT_ABSENT)
		return ip + 24;
	while (e < (const uint8_t *)pkt_at(m, h->l4)) {
		if (proto == PKT_PROTO_ROUTING && e[1] >= 2 && e[2] == 4)
			return e + 8;
		if (proto == PKT_PROTO_ROUTING && e[1] >= 2 && (e[2] == 0 || e[2] == 2))
			return e + 8 + (e[1] / 2 - 1) * 16;
		if (proto == PKT_PROTO_ROUTING)
			break;
		len = proto == PKT_PROTO_FRAGMENT ? 8
		      : proto == PKT_PROTO_AH     ? (e[1] + 2u) * 4
						  : (e[1] + 1u) * 8;
		proto = e[0];
		e += len;
	}
	return ip + 24;
}

uint32_t pkt_pseudo_sum(const struct rte_mbuf *m, const struct pkt_headers *h, uint32_t len)
{
	const uint8_t *ip = pkt_at(m, h->l3);

	if (h->l3_type == PKT_L3_IP4)
		return checksum_pseudo4(ip + 12, ip + 16, h->l4_proto, len);
	return checksum_pseudo6(ip + 8, final_destination(m, h), h->l4_proto, len);
}

/* ---- L4 ---- */

uint16_t *pkt_l4_csum_field(const struct rte_mbuf *m, const struct pkt_headers *h)
{
	switch (h->l4_type) {
	case PKT_L4_TCP:
		return pkt_at(m, h->l4 + 16u);
	case PKT_L4_UDP:
		return pkt_at(m, h->l4 + 6u);
	case PKT_L4_ICMP:
	case PKT_L4_ICMP6:
		return pkt_at(m, h->l4 + 2u);
	default:
		return NULL;
	}
}

/* Bytes the checksum covers from l4 on: UDP says it itself. A super-packet's UDP length may be
 * nonsense; then the datagram's end counts. */
static uint32_t covered(const struct rte_mbuf *m, const struct pkt_headers *h)
{
	if (h->l4_type == PKT_L4_UDP)
		return pkt_be16(pkt_at(m, h->l4 + 4u));
	return h->l3_end - h->l4;
}

/* Sum of pseudo header and segment with the checksum field as it is. */
static uint32_t whole_sum(const struct rte_mbuf *m, const struct pkt_headers *h)
{
	uint32_t len = covered(m, h), sum = pkt_sum(m, h->l4, len);

	return h->l4_type == PKT_L4_ICMP ? sum : checksum_add(sum, pkt_pseudo_sum(m, h, len));
}

uint16_t pkt_l4_csum(const struct rte_mbuf *m, const struct pkt_headers *h)
{
	const uint16_t *field = pkt_l4_csum_field(m, h);
	uint16_t sum;

	assert(!(h->flags & PKT_FRAG));
	if (!field)
		return 0;
	sum = checksum_finish(checksum_add(whole_sum(m, h), (uint16_t)~pkt_get16(field)));
	return h->l4_type == PKT_L4_UDP && sum == 0 ? 0xffff : sum;
}

bool pkt_l4_csum_ok(const struct rte_mbuf *m, const struct pkt_parse *p, enum pkt_level level)
{
	const struct pkt_headers *h = level == PKT_OUTER ? &p->outer : &p->inner;
	const uint16_t *field = pkt_l4_csum_field(m, h);

	if (h->flags & PKT_FRAG || pkt_partial(m, level))
		return true;
	if (h->l4_type == PKT_L4_SCTP)
		return m->ol_flags & RTE_MBUF_F_TX_SCTP_CKSUM ||
		       pkt_sctp_crc(m, h) == pkt_get32(pkt_at(m, h->l4 + 8u));
	if (!field)
		return true;
	if (h->l4_type == PKT_L4_UDP && pkt_get16(field) == 0)
		return h->l3_type == PKT_L3_IP4 || (level == PKT_OUTER && p->tun_type);
	if (level == PKT_OUTER && m->ol_flags & RTE_MBUF_F_TX_OUTER_UDP_CKSUM)
		return true;
	return checksum_fold(whole_sum(m, h)) == 0xffff;
}

/* ---- making them right ---- */

void pkt_ip4_csum_fill(struct rte_mbuf *m, const struct pkt_headers *h)
{
	uint8_t *ip = pkt_at(m, h->l3);

	pkt_put16(ip + 10, 0);
	pkt_put16(ip + 10, checksum_finish(checksum_bytes(ip, (ip[0] & 15u) * 4, 0)));
}

static void fill_l4(struct rte_mbuf *m, const struct pkt_headers *h)
{
	uint16_t *field = pkt_l4_csum_field(m, h);

	if (h->flags & PKT_FRAG)
		return; /* nobody can: the rest is elsewhere */
	if (h->l4_type == PKT_L4_SCTP)
		pkt_put32(pkt_at(m, h->l4 + 8u), pkt_sctp_crc(m, h));
	else if (field)
		pkt_put16(field, pkt_l4_csum(m, h));
}

#define FINISHED_FLAGS                                                               \
	(PKT_PARTIAL_FLAGS | RTE_MBUF_F_TX_TUNNEL_MASK | RTE_MBUF_F_TX_IP_CKSUM |    \
		RTE_MBUF_F_TX_OUTER_IP_CKSUM | RTE_MBUF_F_TX_OUTER_UDP_CKSUM |       \
		RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IPV6 | RTE_MBUF_F_TX_OUTER_IPV4 | \
		RTE_MBUF_F_TX_OUTER_IPV6)

void pkt_csum_finish(struct rte_mbuf *m, const struct pkt_parse *p)
{
	uint64_t f = m->ol_flags;
	const struct pkt_headers *h = f & RTE_MBUF_F_TX_TUNNEL_MASK ? &p->inner : &p->outer;

	assert(!(f & (RTE_MBUF_F_TX_TCP_SEG | RTE_MBUF_F_TX_UDP_SEG)));
	if (f & RTE_MBUF_F_TX_IP_CKSUM && h->l3_type == PKT_L3_IP4)
		pkt_ip4_csum_fill(m, h);
	if (f & RTE_MBUF_F_TX_L4_MASK)
		fill_l4(m, h);
	if (f & RTE_MBUF_F_TX_OUTER_IP_CKSUM && p->outer.l3_type == PKT_L3_IP4)
		pkt_ip4_csum_fill(m, &p->outer);
	if (f & RTE_MBUF_F_TX_OUTER_UDP_CKSUM && p->outer.l4_type == PKT_L4_UDP)
		fill_l4(m, &p->outer); /* last: it covers the inner ones */
	m->ol_flags &= ~FINISHED_FLAGS;
}

/* ---- for devices ---- */

static uint64_t family_flag(const struct pkt_headers *h, uint64_t four, uint64_t six)
{
	return h->l3_type == PKT_L3_IP4 ? four : h->l3_type == PKT_L3_IP6 ? six : 0;
}

bool pkt_set_offload_lengths(struct rte_mbuf *m, const struct pkt_parse *p)
{
	bool tun = m->ol_flags & RTE_MBUF_F_TX_TUNNEL_MASK;
	const struct pkt_headers *h = tun ? &p->inner : &p->outer;
	uint32_t l2 = tun ? h->l3 - p->outer.l4 : h->l3, l3 = h->l4 - h->l3;

	if (h->l4 == PKT_ABSENT || l2 >= 1u << RTE_MBUF_L2_LEN_BITS ||
		l3 >= 1u << RTE_MBUF_L3_LEN_BITS)
		return false;
	m->l2_len = l2;
	m->l3_len = l3;
	m->l4_len = h->l4_len;
	m->ol_flags |= family_flag(h, RTE_MBUF_F_TX_IPV4, RTE_MBUF_F_TX_IPV6);
	if (m->ol_flags & (RTE_MBUF_F_TX_TCP_SEG | RTE_MBUF_F_TX_UDP_SEG) &&
		h->l3_type == PKT_L3_IP4)
		m->ol_flags |= RTE_MBUF_F_TX_IP_CKSUM; /* each segment gets its own */
	m->outer_l2_len = tun ? p->outer.l3 : 0;
	m->outer_l3_len = tun ? p->outer.l4 - p->outer.l3 : 0;
	if (!tun)
		return true;
	m->ol_flags |= family_flag(&p->outer,
		RTE_MBUF_F_TX_OUTER_IPV4 | RTE_MBUF_F_TX_OUTER_IP_CKSUM, RTE_MBUF_F_TX_OUTER_IPV6);
	return p->outer.l4 - p->outer.l3 < 1 << RTE_MBUF_OUTL3_LEN_BITS;
}
