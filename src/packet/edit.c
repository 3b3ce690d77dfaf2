/* SPDX-License-Identifier: BSD-3-Clause */
/* edit: any bytes of any header, TTL, TOS, MSS, copies that may be edited. (vlan.c, nat.c: the
 * rest) */
#include "packet/edit.h"
#include "packet/packet_int.h"

#include "engine/checksum.h"

#define REWRITE_MAX 64u

/* ---- the general case ----
 * Every header starts at an even offset of the frame, so a byte's place in its 16-bit word is the
 * parity of its offset, at every level. A change is kept as old and new bytes; each checksum
 * that covers some of them takes the delta of just those. Changing an inner checksum field is
 * again a change to whatever covers it.
 */

struct change {
	uint32_t off, len;
	const uint8_t *old, *new;
};

/* The part of the change inside [from, to), less the two bytes at hole (a checksum's own field). */
static uint16_t delta_within(const struct change *c, uint32_t from, uint32_t to, uint32_t hole)
{
	uint8_t a[REWRITE_MAX + 2] = {0}, b[REWRITE_MAX + 2] = {0};
	uint32_t base = c->off & ~1u;

	for (uint32_t i = 0; i < c->len; i++) {
		uint32_t at = c->off + i;

		if (at < from || at >= to || at == hole || at == hole + 1)
			continue;
		a[at - base] = c->old[i];
		b[at - base] = c->new[i];
	}
	return checksum_delta_bytes(a, b, sizeof(a));
}

static uint16_t apply_to(struct rte_mbuf *m, uint32_t field, uint16_t value)
{
	uint16_t old = pkt_get16(pkt_at(m, field));

	pkt_put16(pkt_at(m, field), value);
	return checksum_delta16(old, value);
}

static uint16_t fix_ip4(struct rte_mbuf *m, const struct pkt_headers *h, const struct change *c)
{
	uint32_t end = h->l3 + (((const uint8_t *)pkt_at(m, h->l3))[0] & 15u) * 4,
		 field = h->l3 + 10u;
	uint16_t d;

	if (h->l3_type != PKT_L3_IP4 || c->off >= end || c->off + c->len <= h->l3)
		return 0;
	d = delta_within(c, h->l3, end, field);
	return apply_to(m, field, checksum_apply(pkt_get16(pkt_at(m, field)), d));
}

static uint16_t delta_pseudo(const struct pkt_headers *h, const struct change *c)
{
	if (h->l3_type == PKT_L3_IP4)
		return delta_within(c, h->l3 + 12u, h->l3 + 20u, UINT32_MAX - 1);
	return delta_within(
		c, h->l3 + 8u, h->l3 + (h->flags & PKT_ROUTING ? 24u : 40u), UINT32_MAX - 1);
}

/* more: what already changed further inside (checksum fields), all of it covered. */
static uint16_t fix_l4(struct rte_mbuf *m, const struct pkt_headers *h, enum pkt_level level,
	const struct change *c, uint16_t more)
{
	uint16_t *field = pkt_l4_csum_field(m, h), pseudo, d, old;
	uint32_t at, end;

	if (!field)
		return 0;
	at = (uint32_t)((uint8_t *)field - (uint8_t *)pkt_at(m, 0));
	old = pkt_get16(field);
	pseudo = h->l4_type == PKT_L4_ICMP ? 0 : delta_pseudo(h, c);
	if (pkt_partial(m, level))
		return apply_to(m, at, checksum_apply_partial(old, pseudo));
	if (level == PKT_OUTER && m->ol_flags & RTE_MBUF_F_TX_OUTER_UDP_CKSUM)
		return 0;
	end = h->l4_type == PKT_L4_UDP && !(h->flags & PKT_FRAG)
		      ? h->l4 + pkt_be16(pkt_at(m, h->l4 + 4u))
		      : h->l3_end;
	d = checksum_fold((uint32_t)pseudo + delta_within(c, h->l4, end, at) + more);
	return apply_to(m, at,
		h->l4_type == PKT_L4_UDP ? checksum_apply_udp(old, d) : checksum_apply(old, d));
}

static void fix_sctp(struct rte_mbuf *m, const struct pkt_headers *h, const struct change *c)
{
	if (h->l4_type != PKT_L4_SCTP || h->flags & PKT_FRAG || c->off + c->len <= h->l4 ||
		c->off >= h->l3_end || m->ol_flags & RTE_MBUF_F_TX_SCTP_CKSUM)
		return;
	pkt_put32(pkt_at(m, h->l4 + 8u), pkt_sctp_crc(m, h));
}

/* GRE's own checksum covers the GRE header and all behind it (RFC 2784 sec. 2.4). */
static void fix_gre(
	struct rte_mbuf *m, const struct pkt_parse *p, const struct change *c, uint16_t more)
{
	uint32_t field = p->tun + 4u;
	uint16_t d;

	if (p->tun_type != PKT_TUN_GRE || !(((const uint8_t *)pkt_at(m, p->tun))[0] & 0x80))
		return;
	d = checksum_fold((uint32_t)delta_within(c, p->tun, p->outer.l3_end, field) + more);
	apply_to(m, field, checksum_apply(pkt_get16(pkt_at(m, field)), d));
}

/* Returns what changed in checksum fields of this level. */
static uint16_t fix_level(struct rte_mbuf *m, const struct pkt_headers *h, enum pkt_level level,
	const struct change *c, uint16_t more)
{
	uint16_t ip, l4;

	if (h->l3 == PKT_ABSENT || (h->l3_type != PKT_L3_IP4 && h->l3_type != PKT_L3_IP6))
		return 0;
	ip = fix_ip4(m, h, c);
	l4 = fix_l4(m, h, level, c, more);
	fix_sctp(m, h, c);
	return checksum_fold((uint32_t)ip + l4);
}

int pkt_rewrite(struct rte_mbuf *m, const struct pkt_parse *p, uint32_t off, const void *bytes,
	uint32_t len)
{
	uint8_t old[REWRITE_MAX];
	struct change c = {.off = off, .len = len, .old = old, .new = bytes};
	uint16_t inner;

	if (len > REWRITE_MAX || off > m->data_len || len > m->data_len - off)
		return -DROP_EDIT_NO_HEADER;
	memcpy(old, pkt_at(m, off), len);
	memcpy(pkt_at(m, off), bytes, len);
	inner = fix_level(m, &p->inner, PKT_INNER, &c, 0);
	fix_gre(m, p, &c, inner);
	fix_level(m, &p->outer, PKT_OUTER, &c, inner);
	return 0;
}

/* ---- single fields ---- */

void pkt_set_macs(
	struct rte_mbuf *m, const struct rte_ether_addr *dst, const struct rte_ether_addr *src)
{
	if (dst)
		memcpy(pkt_at(m, 0), dst, 6);
	if (src)
		memcpy(pkt_at(m, 6), src, 6);
}

/* Outer IPv4: TTL and protocol share a word; nothing else covers them. */
static void dec_ip4(uint8_t *ip)
{
	uint16_t old = pkt_get16(ip + 8), new = old - RTE_BE16(0x0100);

	pkt_put16(ip + 8, new);
	pkt_put16(ip + 10, checksum_apply(pkt_get16(ip + 10), checksum_delta16(old, new)));
}

int pkt_ttl_dec(struct rte_mbuf *m, const struct pkt_parse *p, enum pkt_level level)
{
	const struct pkt_headers *h = level == PKT_OUTER ? &p->outer : &p->inner;
	uint32_t at = h->l3 + (h->l3_type == PKT_L3_IP4 ? 8u : 7u);
	uint8_t *ttl, less;

	if (h->l3_type != PKT_L3_IP4 && h->l3_type != PKT_L3_IP6)
		return -DROP_EDIT_NO_HEADER;
	ttl = pkt_at(m, at);
	if (*ttl <= 1)
		return -DROP_TTL_EXPIRED;
	less = (uint8_t)(*ttl - 1);
	if (level == PKT_INNER)
		return pkt_rewrite(m, p, at, &less, 1);
	if (h->l3_type == PKT_L3_IP4)
		dec_ip4(pkt_at(m, h->l3));
	else
		*ttl = less;
	return 0;
}

int pkt_get_tos(const struct rte_mbuf *m, const struct pkt_headers *h)
{
	const uint8_t *ip = pkt_at(m, h->l3);

	if (h->l3_type == PKT_L3_IP4)
		return ip[1];
	if (h->l3_type == PKT_L3_IP6)
		return (ip[0] & 15) << 4 | ip[1] >> 4;
	return -DROP_EDIT_NO_HEADER;
}

int pkt_set_tos(struct rte_mbuf *m, const struct pkt_parse *p, enum pkt_level level, uint8_t value,
	uint8_t mask)
{
	const struct pkt_headers *h = level == PKT_OUTER ? &p->outer : &p->inner;
	int old = h->l3 == PKT_ABSENT ? -1 : pkt_get_tos(m, h);
	uint8_t tos, w[2];

	if (old < 0)
		return -DROP_EDIT_NO_HEADER;
	tos = (uint8_t)((old & ~mask) | (value & mask));
	memcpy(w, pkt_at(m, h->l3), 2);
	if (h->l3_type == PKT_L3_IP4) {
		w[1] = tos;
	} else {
		w[0] = (uint8_t)((w[0] & 0xf0) | tos >> 4);
		w[1] = (uint8_t)((w[1] & 0x0f) | tos << 4);
	}
	return pkt_rewrite(m, p, h->l3, w, 2);
}

/* Offset of the MSS value in the options, 0 if there is none. */
static uint32_t find_mss(const struct rte_mbuf *m, const struct pkt_headers *h)
{
	const uint8_t *b = pkt_at(m, 0);
	uint32_t at = h->l4 + PKT_TCP_LEN, end = h->payload;

	while (at < end && b[at] != 0) {
		if (b[at] == 1) {
			at++;
			continue;
		}
		if (at + 1 >= end || b[at + 1] < 2 || at + b[at + 1] > end)
			return 0;
		if (b[at] == 2)
			return b[at + 1] == 4 ? at + 2 : 0;
		at += b[at + 1];
	}
	return 0;
}

int pkt_mss_clamp(struct rte_mbuf *m, const struct pkt_parse *p, enum pkt_level level, uint16_t mss)
{
	const struct pkt_headers *h = level == PKT_OUTER ? &p->outer : &p->inner;
	uint16_t wire = rte_cpu_to_be_16(mss);
	uint32_t at;

	if (h->l4_type != PKT_L4_TCP || !(((uint8_t *)pkt_at(m, h->l4))[13] & PKT_TCP_SYN))
		return 0;
	at = find_mss(m, h);
	if (!at || pkt_be16(pkt_at(m, at)) <= mss)
		return 0;
	pkt_rewrite(m, p, at, &wire, 2);
	return 1;
}

/* ---- copies ---- */

#define COPY_WHOLE 512u /* below this sharing costs more than copying */
#define COPY_PAYLOAD 64u

static uint32_t end_of_headers(const struct pkt_parse *p)
{
	uint32_t end = 0;
	const uint16_t at[] = {p->outer.l2, p->outer.l3, p->outer.l4, p->outer.payload, p->tun,
		p->tun_end, p->inner.l2, p->inner.l3, p->inner.l4, p->inner.payload};

	for (size_t i = 0; i < ARRAY_SIZE(at); i++)
		if (at[i] != PKT_ABSENT)
			end = MAX_OF(end, at[i]);
	return end;
}

struct rte_mbuf *pkt_fork(struct rte_mbuf *m, const struct pkt_parse *p, struct rte_mempool *pool)
{
	uint32_t n = m->pkt_len <= COPY_WHOLE ? m->pkt_len : end_of_headers(p) + COPY_PAYLOAD;
	struct rte_mbuf *copy, *rest;

	n = MIN_OF(n, m->pkt_len);
	copy = rte_pktmbuf_copy(m, pool, 0, n);
	if (!copy || n == m->pkt_len)
		return copy;
	rest = rte_pktmbuf_clone(m, pool);
	while (rest && n >= rest->data_len) { /* drop whole segments in front */
		struct rte_mbuf *next = rest->next;

		n -= rest->data_len;
		if (next) {
			next->pkt_len = rest->pkt_len - rest->data_len;
			next->nb_segs = (uint16_t)(rest->nb_segs - 1);
		}
		rest->next = NULL;
		rest->nb_segs = 1;
		rte_pktmbuf_free_seg(rest);
		rest = next;
	}
	if (!rest || !rte_pktmbuf_adj(rest, (uint16_t)n) || rte_pktmbuf_chain(copy, rest)) {
		rte_pktmbuf_free(rest);
		rte_pktmbuf_free(copy);
		return NULL;
	}
	return copy;
}
