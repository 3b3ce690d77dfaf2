/* SPDX-License-Identifier: BSD-3-Clause */
/* segment: TSO and USO in software. (fragment.c: IP fragments) */
#include "packet/segment.h"
#include "packet/packet_int.h"
#include "packet/segment_int.h"

#include <assert.h>

#include "engine/checksum.h"

/* ---- payload from the old packet to a new one ---- */

void pkt_segments_begin(struct pkt_segments *s, uint32_t payload, uint32_t end)
{
	s->header_len = payload;
	s->next = payload;
	s->end = end;
	s->at = s->m;
	s->at_off = payload;
	while (s->at->next && s->at_off >= s->at->data_len) {
		s->at_off -= s->at->data_len;
		s->at = s->at->next;
	}
}

/* The next n payload bytes, n being there, into one mbuf that has the room. */
static void take(struct pkt_segments *s, uint8_t *to, uint32_t n)
{
	while (n) {
		uint32_t part = MIN_OF(n, s->at->data_len - s->at_off);

		memcpy(to, pkt_at(s->at, s->at_off), part);
		to += part;
		n -= part;
		s->at_off += part;
		while (s->at_off == s->at->data_len && s->at->next) {
			s->at = s->at->next;
			s->at_off = 0;
		}
	}
}

/* Append n payload bytes to head, chaining mbufs as needed. false: the pool is empty; nothing was
 * taken from the old packet in vain, because the caller restores the cursor. */
static bool append(
	struct pkt_segments *s, struct rte_mbuf *head, uint32_t n, struct rte_mempool *pool)
{
	struct rte_mbuf *last = rte_pktmbuf_lastseg(head);

	while (n) {
		uint32_t part = MIN_OF(n, rte_pktmbuf_tailroom(last));

		take(s, pkt_at(last, last->data_len), part);
		last->data_len = (uint16_t)(last->data_len + part);
		head->pkt_len += part;
		n -= part;
		if (!n)
			return true;
		last->next = rte_pktmbuf_alloc(pool);
		if (!last->next)
			return false;
		last = last->next;
		last->data_off = 0; /* a follower needs no headroom */
		head->nb_segs++;
	}
	return true;
}

struct rte_mbuf *pkt_segments_take(
	struct pkt_segments *s, uint32_t header, uint32_t n, struct rte_mempool *pool)
{
	struct pkt_segments before = *s;
	struct rte_mbuf *seg = rte_pktmbuf_copy(s->m, pool, 0, header);

	if (!seg)
		return NULL;
	seg->ol_flags &= ~(RTE_MBUF_F_TX_OFFLOAD_MASK | RTE_MBUF_F_RX_LRO);
	seg->tso_segsz = 0;
	if (append(s, seg, n, pool)) {
		s->next += n;
		return seg;
	}
	*s = before;
	rte_pktmbuf_free(seg);
	return NULL;
}

/* ---- segments ---- */

static const struct pkt_headers *cut_level(const struct pkt_segments *s)
{
	return s->level == PKT_OUTER ? &s->p.outer : &s->p.inner;
}

static uint32_t count(const struct pkt_segments *s)
{
	return s->next >= s->end ? 1 : (s->end - s->next + s->size - 1) / s->size;
}

int pkt_segment_start(struct pkt_segments *s, const struct rte_mbuf *m, const struct pkt_parse *p)
{
	const struct pkt_headers *h;
	uint8_t want = m->ol_flags & RTE_MBUF_F_TX_TCP_SEG ? PKT_L4_TCP : PKT_L4_UDP;

	*s = (struct pkt_segments){.m = m, .p = *p, .size = m->tso_segsz};
	s->level = m->ol_flags & RTE_MBUF_F_TX_TUNNEL_MASK ? PKT_INNER : PKT_OUTER;
	h = cut_level(s);
	if (!pkt_is_super(m) || h->l4_type != want || h->flags & PKT_FRAG)
		return -DROP_EDIT_NO_HEADER;
	if (!s->size)
		return -DROP_L4_BAD_LENGTH;
	pkt_segments_begin(s, h->payload, MIN_OF(h->l3_end, m->pkt_len));
	return (int)count(s);
}

/* Length, identification and checksum of one IP header of a segment. */
static void set_ip(struct rte_mbuf *seg, const struct pkt_headers *h, uint32_t id_step)
{
	uint8_t *ip = pkt_at(seg, h->l3);
	uint32_t len = seg->pkt_len - h->l3;

	if (h->l3_type == PKT_L3_IP6) {
		pkt_put_be16(ip + 4, (uint16_t)(len - PKT_IP6_LEN));
		return;
	}
	pkt_put_be16(ip + 2, (uint16_t)len);
	pkt_put_be16(ip + 4, (uint16_t)(pkt_be16(ip + 4) + id_step));
	pkt_ip4_csum_fill(seg, h);
}

static void set_tcp(const struct pkt_segments *s, uint8_t *tcp, bool last)
{
	pkt_put_be32(tcp + 4, pkt_be32(tcp + 4) + s->index * s->size);
	if (!last)
		tcp[13] &= (uint8_t) ~(PKT_TCP_FIN | PKT_TCP_PSH);
	if (s->index)
		tcp[13] &= (uint8_t)~PKT_TCP_CWR;
}

static void set_l4(
	const struct pkt_segments *s, struct rte_mbuf *seg, struct pkt_headers *h, bool last)
{
	uint8_t *l4 = pkt_at(seg, h->l4);

	if (h->l4_type == PKT_L4_TCP)
		set_tcp(s, l4, last);
	else
		pkt_put_be16(l4 + 4, (uint16_t)(seg->pkt_len - h->l4));
	h->l3_end = seg->pkt_len;
	pkt_put16(pkt_l4_csum_field(seg, h), pkt_l4_csum(seg, h));
}

/* GRE's checksum covers the GRE header and all behind it. */
static void set_gre(struct rte_mbuf *seg, uint32_t tun)
{
	uint8_t *gre = pkt_at(seg, tun);

	if (!(gre[0] & 0x80))
		return;
	pkt_put16(gre + 4, 0);
	pkt_put16(gre + 4, checksum_finish(pkt_sum(seg, tun, seg->pkt_len - tun)));
}

/* The headers around a segmented inner packet. An atomic datagram (DF) keeps its id (RFC 6864). */
static void set_outer(const struct pkt_segments *s, struct rte_mbuf *seg)
{
	struct pkt_headers h = s->p.outer;
	const uint8_t *ip = pkt_at(seg, h.l3);
	bool df = h.l3_type == PKT_L3_IP4 && ip[6] & 0x40;
	uint8_t *udp = pkt_at(seg, h.l4);

	set_ip(seg, &h, df ? 0 : s->index);
	if (s->p.tun_type == PKT_TUN_GTPU)
		pkt_put_be16(pkt_at(seg, s->p.tun + 2u), (uint16_t)(seg->pkt_len - s->p.tun - 8u));
	if (s->p.tun_type == PKT_TUN_GRE)
		set_gre(seg, s->p.tun);
	if (h.l4_type != PKT_L4_UDP)
		return;
	pkt_put_be16(udp + 4, (uint16_t)(seg->pkt_len - h.l4));
	h.l3_end = seg->pkt_len;
	if (s->m->ol_flags & RTE_MBUF_F_TX_OUTER_UDP_CKSUM || pkt_get16(udp + 6))
		pkt_put16(udp + 6, pkt_l4_csum(seg, &h));
}

struct rte_mbuf *pkt_segment_next(struct pkt_segments *s, struct rte_mempool *pool)
{
	uint32_t n = MIN_OF(s->size, s->end - s->next);
	struct pkt_headers h = *cut_level(s);
	struct rte_mbuf *seg;

	if (s->index && s->next >= s->end)
		return NULL;
	seg = pkt_segments_take(s, s->header_len, n, pool);
	if (!seg)
		return NULL;
	set_ip(seg, &h, s->index);
	set_l4(s, seg, &h, s->next >= s->end);
	if (s->level == PKT_INNER)
		set_outer(s, seg);
	s->index++;
	return seg;
}

uint32_t pkt_wire_size(const struct rte_mbuf *m, const struct pkt_parse *p)
{
	const struct pkt_headers *h =
		m->ol_flags & RTE_MBUF_F_TX_TUNNEL_MASK ? &p->inner : &p->outer;

	if (!pkt_is_super(m) || h->payload == PKT_ABSENT)
		return p->outer.l3_end - p->outer.l3;
	return h->payload + MIN_OF(m->tso_segsz, h->l3_end - h->payload) - p->outer.l3;
}
