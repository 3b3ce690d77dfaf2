/* SPDX-License-Identifier: BSD-3-Clause */
/* nat: addresses and ports, of a packet and of the packet an ICMP error quotes. */
#include "packet/edit.h"
#include "packet/packet_int.h"

#include "engine/checksum.h"

/* What a rewrite added to the sums of the bytes it wrote. */
struct deltas {
	uint32_t addr, port;
};

static uint16_t write_address(uint8_t *at, const uint8_t *new, bool ip6)
{
	uint8_t old[16];
	uint32_t len = ip6 ? 16 : 4;

	memcpy(old, at, len);
	memcpy(at, new, len);
	return ip6 ? checksum_delta128(old, new) : checksum_delta32(pkt_get32(old), pkt_get32(new));
}

static void write_addresses(
	uint8_t *ip, const struct pkt_headers *h, const struct pkt_nat *nat, struct deltas *d)
{
	uint32_t src = nat->ip6 ? 8 : 12, dst = nat->ip6 ? 24 : 16;
	uint16_t delta;

	if (nat->set & PKT_NAT_SRC)
		d->addr += write_address(ip + src, nat->src, nat->ip6);
	if (nat->set & PKT_NAT_DST) {
		delta = write_address(ip + dst, nat->dst, nat->ip6);
		d->addr += h->flags & PKT_ROUTING ? 0 : delta;
	}
}

static uint16_t write16(uint8_t *at, uint16_t new)
{
	uint16_t old = pkt_get16(at);

	pkt_put16(at, new);
	return checksum_delta16(old, new);
}

/* Where the identifier of an ICMP query is, NULL for other messages. */
static uint8_t *icmp_id(const struct rte_mbuf *m, const struct pkt_headers *h)
{
	uint8_t *icmp = pkt_at(m, h->l4);

	if (h->l4_type == PKT_L4_ICMP &&
		(icmp[0] == 0 || icmp[0] == 8 || (icmp[0] >= 13 && icmp[0] <= 18)))
		return icmp + 4;
	if (h->l4_type == PKT_L4_ICMP6 && (icmp[0] == 128 || icmp[0] == 129))
		return icmp + 4;
	return NULL;
}

static bool has_ports(const struct pkt_headers *h)
{
	return h->l4_type == PKT_L4_TCP || h->l4_type == PKT_L4_UDP || h->l4_type == PKT_L4_SCTP;
}

static void write_ports(struct rte_mbuf *m, const struct pkt_headers *h, const struct pkt_nat *nat,
	struct deltas *d)
{
	uint8_t *l4 = pkt_at(m, h->l4), *id;

	if (h->l4 == PKT_ABSENT)
		return;
	if (has_ports(h)) {
		if (nat->set & PKT_NAT_SPORT)
			d->port += write16(l4, nat->sport);
		if (nat->set & PKT_NAT_DPORT)
			d->port += write16(l4 + 2, nat->dport);
	} else if ((id = icmp_id(m, h)) && nat->set & (PKT_NAT_SPORT | PKT_NAT_DPORT)) {
		d->port += write16(id, nat->set & PKT_NAT_SPORT ? nat->sport : nat->dport);
	}
}

/* Does this rewrite fit the packet? */
static bool fits(const struct rte_mbuf *m, const struct pkt_headers *h, const struct pkt_nat *nat)
{
	if (h->l3_type != (nat->ip6 ? PKT_L3_IP6 : PKT_L3_IP4))
		return false;
	return !(nat->set & (PKT_NAT_SPORT | PKT_NAT_DPORT)) || h->flags & PKT_FRAG_LATER ||
	       has_ports(h) || (h->l4 != PKT_ABSENT && icmp_id(m, h));
}

/* Checksum of the L4 header; d->addr counts where there is a pseudo header. */
static uint16_t new_l4_csum(
	const struct pkt_headers *h, uint16_t old, bool partial, const struct deltas *d)
{
	uint16_t addr = checksum_fold(d->addr), both = checksum_fold(d->addr + d->port);

	if (partial)
		return checksum_apply_partial(old, addr);
	if (h->l4_type == PKT_L4_ICMP)
		return checksum_apply(old, checksum_fold(d->port));
	return h->l4_type == PKT_L4_UDP ? checksum_apply_udp(old, both) : checksum_apply(old, both);
}

static void nat_direct(struct rte_mbuf *m, const struct pkt_headers *h, enum pkt_level level,
	const struct pkt_nat *nat)
{
	uint8_t *ip = pkt_at(m, h->l3);
	uint16_t *field = pkt_l4_csum_field(m, h);
	struct deltas d = {0, 0};

	write_addresses(ip, h, nat, &d);
	write_ports(m, h, nat, &d);
	if (!nat->ip6)
		pkt_put16(ip + 10, checksum_apply(pkt_get16(ip + 10), checksum_fold(d.addr)));
	if (field)
		pkt_put16(field, new_l4_csum(h, pkt_get16(field), pkt_partial(m, level), &d));
	if (h->l4_type == PKT_L4_SCTP && d.port && !(h->flags & PKT_FRAG) &&
		!(m->ol_flags & RTE_MBUF_F_TX_SCTP_CKSUM))
		pkt_put32(pkt_at(m, h->l4 + 8u), pkt_sctp_crc(m, h));
}

/* Does the outer carry a checksum over the inner? */
static bool inner_is_covered(const struct rte_mbuf *m, const struct pkt_parse *p)
{
	if (p->outer.l4_type == PKT_L4_UDP)
		return pkt_get16(pkt_at(m, p->outer.l4 + 6u)) != 0;
	return p->tun_type == PKT_TUN_GRE && ((const uint8_t *)pkt_at(m, p->tun))[0] & 0x80;
}

/* Rare: piece by piece through the function that knows all coverings. */
static void nat_covered(struct rte_mbuf *m, const struct pkt_parse *p, const struct pkt_headers *h,
	const struct pkt_nat *nat)
{
	uint32_t src = nat->ip6 ? 8 : 12, dst = nat->ip6 ? 24 : 16, len = nat->ip6 ? 16 : 4;
	const uint8_t *b = pkt_at(m, 0);
	uint8_t *id;

	if (nat->set & PKT_NAT_SRC)
		pkt_rewrite(m, p, h->l3 + src, nat->src, len);
	if (nat->set & PKT_NAT_DST)
		pkt_rewrite(m, p, h->l3 + dst, nat->dst, len);
	if (h->l4 == PKT_ABSENT)
		return;
	if (has_ports(h) && nat->set & PKT_NAT_SPORT)
		pkt_rewrite(m, p, h->l4, &nat->sport, 2);
	if (has_ports(h) && nat->set & PKT_NAT_DPORT)
		pkt_rewrite(m, p, h->l4 + 2u, &nat->dport, 2);
	if (!has_ports(h) && nat->set & (PKT_NAT_SPORT | PKT_NAT_DPORT) && (id = icmp_id(m, h)))
		pkt_rewrite(m, p, (uint32_t)(id - b),
			nat->set & PKT_NAT_SPORT ? &nat->sport : &nat->dport, 2);
}

int pkt_nat(struct rte_mbuf *m, const struct pkt_parse *p, enum pkt_level level,
	const struct pkt_nat *nat)
{
	const struct pkt_headers *h = level == PKT_OUTER ? &p->outer : &p->inner;

	if (!fits(m, h, nat))
		return -DROP_EDIT_NO_HEADER;
	if (level == PKT_INNER && inner_is_covered(m, p))
		nat_covered(m, p, h, nat);
	else
		nat_direct(m, h, level, nat);
	return 0;
}

void pkt_nat_prepare(struct pkt_nat *nat, const void *old_src, const void *old_dst,
	uint16_t old_sport, uint16_t old_dport)
{
	uint8_t a[16], b[16];
	uint32_t addr = 0, port = 0;
	size_t len = nat->ip6 ? 16 : 4;

	memcpy(a, old_src, len);
	memcpy(b, old_dst, len);
	if (nat->set & PKT_NAT_SRC)
		addr += write_address(a, nat->src, nat->ip6);
	if (nat->set & PKT_NAT_DST)
		addr += write_address(b, nat->dst, nat->ip6);
	if (nat->set & PKT_NAT_SPORT)
		port += checksum_delta16(old_sport, nat->sport);
	if (nat->set & PKT_NAT_DPORT)
		port += checksum_delta16(old_dport, nat->dport);
	nat->addr_delta = checksum_fold(addr);
	nat->ip_delta = nat->addr_delta;
	nat->l4_delta = checksum_fold(addr + port);
}

static inline void put_known(uint8_t *ip, uint8_t *l4, const struct pkt_nat *nat)
{
	uint32_t src = nat->ip6 ? 8 : 12, dst = nat->ip6 ? 24 : 16, len = nat->ip6 ? 16 : 4;

	if (nat->set & PKT_NAT_SRC)
		memcpy(ip + src, nat->src, len);
	if (nat->set & PKT_NAT_DST)
		memcpy(ip + dst, nat->dst, len);
	if (nat->set & PKT_NAT_SPORT)
		pkt_put16(l4, nat->sport);
	if (nat->set & PKT_NAT_DPORT)
		pkt_put16(l4 + 2, nat->dport);
}

/* What the prepared deltas are right for. Whoever sends the packet chooses its shape: no assertion. */
static inline bool is_plain(const struct pkt_parse *p, const struct pkt_nat *nat)
{
	const struct pkt_headers *h = &p->outer;

	return (h->l4_type == PKT_L4_TCP || h->l4_type == PKT_L4_UDP) &&
	       !(h->flags & (PKT_FRAG | PKT_ROUTING)) &&
	       h->l3_type == (nat->ip6 ? PKT_L3_IP6 : PKT_L3_IP4);
}

int pkt_nat_apply(struct rte_mbuf *m, const struct pkt_parse *p, const struct pkt_nat *nat)
{
	const struct pkt_headers *h = &p->outer;
	bool udp = h->l4_type == PKT_L4_UDP;
	uint8_t *ip = pkt_at(m, h->l3), *l4 = pkt_at(m, h->l4), *field = l4 + (udp ? 6 : 16);
	uint16_t old;

	if (unlikely(!is_plain(p, nat)))
		return pkt_nat(m, p, PKT_OUTER, nat);
	old = pkt_get16(field);
	put_known(ip, l4, nat);
	if (!nat->ip6)
		pkt_put16(ip + 10, checksum_apply(pkt_get16(ip + 10), nat->ip_delta));
	if (unlikely(pkt_partial(m, PKT_OUTER)))
		pkt_put16(field, checksum_apply_partial(old, nat->addr_delta));
	else
		pkt_put16(field, udp ? checksum_apply_udp(old, nat->l4_delta)
				     : checksum_apply(old, nat->l4_delta));
	return 0;
}

/* ---- the quoted packet ---- */

static bool is_error(const struct rte_mbuf *m, const struct pkt_headers *h)
{
	uint8_t type = ((const uint8_t *)pkt_at(m, h->l4))[0];

	if (h->l4_type == PKT_L4_ICMP)
		return type == 3 || type == 4 || type == 5 || type == 11 || type == 12;
	return h->l4_type == PKT_L4_ICMP6 && type < 128;
}

int pkt_parse_embedded(struct rte_mbuf *m, const struct pkt_parse *p, struct pkt_headers *h)
{
	enum drop_reason r;

	pkt_headers_clear(h);
	if ((p->outer.l4_type != PKT_L4_ICMP && p->outer.l4_type != PKT_L4_ICMP6) ||
		!is_error(m, &p->outer))
		return -DROP_EDIT_NO_HEADER;
	r = pkt_parse_ip(m, h, p->outer.payload, p->outer.l3_end, true);
	if (r)
		return -(int)r;
	/* the quoted datagram is of the error's family */
	return (h->l3_type == PKT_L3_IP4) == (p->outer.l4_type == PKT_L4_ICMP)
		       ? 0
		       : -DROP_EDIT_NO_HEADER;
}

/* The quoted L4 checksum, if so much was quoted. */
static uint8_t *quoted_field(
	struct rte_mbuf *m, const struct pkt_parse *p, const struct pkt_headers *h)
{
	uint32_t at;

	if (h->l4_type != PKT_L4_TCP)
		return (uint8_t *)pkt_l4_csum_field(m, h);
	at = h->l4 + 16u;
	if (at + 2 > p->outer.l3_end || pkt_pull(m, at + 2) < 0)
		return NULL;
	return pkt_at(m, at);
}

int pkt_nat_embedded(struct rte_mbuf *m, const struct pkt_parse *p, const struct pkt_headers *h,
	const struct pkt_nat *nat)
{
	struct deltas d = {0, 0};
	uint8_t *field, *ip, *icmp;
	uint32_t sum;

	if (!fits(m, h, nat))
		return -DROP_EDIT_NO_HEADER;
	field = h->l4 == PKT_ABSENT ? NULL : quoted_field(m, p, h);
	ip = pkt_at(m, h->l3);
	icmp = pkt_at(m, p->outer.l4);
	write_addresses(ip, h, nat, &d);
	write_ports(m, h, nat, &d);
	sum = checksum_fold(d.addr) + d.port;
	if (!nat->ip6)
		sum += write16(ip + 10, checksum_apply(pkt_get16(ip + 10), checksum_fold(d.addr)));
	if (field)
		sum += write16(field, new_l4_csum(h, pkt_get16(field), false, &d));
	pkt_put16(icmp + 2, checksum_apply(pkt_get16(icmp + 2), checksum_fold(sum)));
	return 0;
}
