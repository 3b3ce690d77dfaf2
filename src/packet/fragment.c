/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fragment: IPv4 (RFC 791 sec. 3.2) and, as a source, IPv6 (RFC 8200 sec. 4.5). librte_ip_frag
 * would want the Ethernet header cut off, two pools, and drops IPv4 options; the payload cursor of
 * segment.c is all that is needed.
 */
#include "packet/packet_int.h"
#include "packet/segment_int.h"

#include <assert.h>

#define FRAGMENT_LEN 8u

/* IPv6: everything up to the routing header, or else to the hop-by-hop header, is in every
 * fragment. */
static uint32_t unfragmentable(const struct rte_mbuf *m, const struct pkt_headers *h)
{
	const uint8_t *b = pkt_at(m, 0);
	uint32_t at = h->l3 + PKT_IP6_LEN, keep = at;
	uint8_t proto = b[h->l3 + 6u];

	while (proto == PKT_PROTO_HBH || proto == PKT_PROTO_ROUTING || proto == PKT_PROTO_DSTOPT) {
		uint32_t len = (b[at + 1] + 1u) * 8;

		if (proto != PKT_PROTO_DSTOPT)
			keep = at + len;
		proto = b[at];
		at += len;
	}
	return keep;
}

static int start_ip4(struct pkt_segments *s, uint16_t mtu)
{
	const struct pkt_headers *h = &s->p.outer;
	const uint8_t *ip = pkt_at(s->m, h->l3);
	uint32_t len = (ip[0] & 15u) * 4;

	if (ip[6] & 0x40 || mtu < len + 8)
		return -DROP_MTU_EXCEEDED;
	s->size = (uint16_t)((mtu - len) & ~7u);
	pkt_segments_begin(s, h->l3 + len, h->l3_end);
	return 0;
}

static int start_ip6(struct pkt_segments *s, uint16_t mtu)
{
	const struct pkt_headers *h = &s->p.outer;
	uint32_t start = unfragmentable(s->m, h), fixed = start - h->l3 + FRAGMENT_LEN;

	if (h->ext != PKT_ABSENT || mtu < fixed + 8)
		return -DROP_MTU_EXCEEDED;
	s->size = (uint16_t)((mtu - fixed) & ~7u);
	pkt_segments_begin(s, start, h->l3_end);
	return 0;
}

int pkt_fragment_start(struct pkt_segments *s, const struct rte_mbuf *m, const struct pkt_parse *p,
	uint16_t mtu, uint32_t id)
{
	int r;

	assert(!(m->ol_flags & PKT_PARTIAL_FLAGS));
	*s = (struct pkt_segments){.m = m, .p = *p, .frag_id = id};
	if (pkt_wire_size(m, p) <= mtu)
		return 1;
	if (p->outer.l3_type != PKT_L3_IP4 && p->outer.l3_type != PKT_L3_IP6)
		return -DROP_MTU_EXCEEDED;
	r = p->outer.l3_type == PKT_L3_IP4 ? start_ip4(s, mtu) : start_ip6(s, mtu);
	return r ? r : (int)((s->end - s->next + s->size - 1) / s->size);
}

/* Later fragments carry only the options whose copied bit is set; the others become padding, which
 * keeps the header's length. */
static void blank_uncopied(uint8_t *ip)
{
	uint32_t at = PKT_IP4_LEN, end = (ip[0] & 15u) * 4;

	while (at < end && ip[at] != 0) {
		uint32_t len = ip[at] == 1 ? 1 : at + 1 < end ? ip[at + 1] : 0;

		if (len < 1 || (len < 2 && ip[at] != 1) || at + len > end)
			return;
		if (!(ip[at] & 0x80))
			memset(ip + at, 1, len);
		at += len;
	}
}

static void set_ip4(const struct pkt_segments *s, struct rte_mbuf *f, uint32_t offset, bool last)
{
	const struct pkt_headers *h = &s->p.outer;
	uint8_t *ip = pkt_at(f, h->l3);
	uint16_t field = pkt_be16(ip + 6); /* m itself may be a fragment */
	bool more = field & 0x2000 || !last;

	pkt_put_be16(ip + 2, (uint16_t)(f->pkt_len - h->l3));
	pkt_put_be16(ip + 6, (uint16_t)((field & 0x8000) | (more ? 0x2000 : 0) |
					((field & 0x1fff) + offset / 8)));
	if (offset)
		blank_uncopied(ip);
	pkt_ip4_csum_fill(f, h);
}

/* Where the protocol of what follows `keep` bytes of headers is written. */
static uint8_t *next_header_field(uint8_t *b, const struct pkt_headers *h, uint32_t keep)
{
	uint32_t at = h->l3 + PKT_IP6_LEN;
	uint8_t *field = b + h->l3 + 6;

	while (at < keep) {
		field = b + at;
		at += (b[at + 1] + 1u) * 8;
	}
	return field;
}

static void set_ip6(const struct pkt_segments *s, struct rte_mbuf *f, uint32_t offset, bool last)
{
	const struct pkt_headers *h = &s->p.outer;
	uint8_t *b = pkt_at(f, 0), *frag = b + s->header_len;
	uint8_t *next = next_header_field(b, h, s->header_len);

	frag[0] = *next;
	frag[1] = 0;
	pkt_put_be16(frag + 2, (uint16_t)(offset | (last ? 0 : 1)));
	pkt_put_be32(frag + 4, s->frag_id);
	*next = PKT_PROTO_FRAGMENT;
	pkt_put_be16(b + h->l3 + 4, (uint16_t)(f->pkt_len - h->l3 - PKT_IP6_LEN));
}

/* Make room between headers and payload for the fragment header. */
static bool open_gap(struct rte_mbuf *f, uint32_t at)
{
	uint8_t *b = (uint8_t *)rte_pktmbuf_prepend(f, FRAGMENT_LEN);

	if (b)
		memmove(b, b + FRAGMENT_LEN, at);
	return b;
}

struct rte_mbuf *pkt_fragment_next(struct pkt_segments *s, struct rte_mempool *pool)
{
	uint32_t n = MIN_OF(s->size, s->end - s->next), offset = s->next - s->header_len;
	bool six = s->p.outer.l3_type == PKT_L3_IP6;
	struct rte_mbuf *f;

	if (s->next >= s->end)
		return NULL;
	f = pkt_segments_take(s, s->header_len, n, pool);
	if (!f)
		return NULL;
	if (six && !open_gap(f, s->header_len)) { /* a pool without headroom */
		rte_pktmbuf_free(f);
		s->next = s->end;
		return NULL;
	}
	if (six)
		set_ip6(s, f, offset, s->next >= s->end);
	else
		set_ip4(s, f, offset, s->next >= s->end);
	s->index++;
	return f;
}
