/* SPDX-License-Identifier: BSD-3-Clause */
/* build_error: answers to packets: ICMP errors, TCP resets, echo replies. */
#include "packet/build_int.h"

#include "engine/checksum.h"

/* ---- may an error be sent about this packet? RFC 1122 sec. 3.2.2, RFC 4443 sec. 2.4 (e) ---- */

static bool is_icmp_error(const struct rte_mbuf *m, const struct pkt_headers *h)
{
	uint8_t type = h->l4 == PKT_ABSENT ? 0 : ((const uint8_t *)pkt_at(m, h->l4))[0];

	if (h->l4_type == PKT_L4_ICMP) /* anything that is no query */
		return !(type == 0 || type == 8 || (type >= 13 && type <= 18));
	return h->l4_type == PKT_L4_ICMP6 && (type < 128 || type == 137 /* redirect */);
}

static bool may_answer(const struct rte_mbuf *m, const struct pkt_parse *p, enum pkt_error error)
{
	const uint8_t *eth = pkt_at(m, 0), *ip = pkt_at(m, p->outer.l3);

	if (p->outer.flags & PKT_FRAG_LATER || is_icmp_error(m, &p->outer))
		return false;
	if (p->outer.l3_type == PKT_L3_IP4)
		return pkt_is_unicast4(ip + 12) && pkt_is_unicast4(ip + 16) && !(eth[0] & 1);
	if (p->outer.l3_type != PKT_L3_IP6 || pkt_is_zero(ip + 8, 16) || pkt_is_multicast6(ip + 8))
		return false;
	/* path MTU discovery works for multicast, too */
	return error == PKT_ERROR_TOO_BIG || (!pkt_is_multicast6(ip + 24) && !(eth[0] & 1));
}

/* ---- ICMP errors ---- */

struct kind {
	uint8_t type, code;
};

static const struct kind kinds4[] = {[PKT_ERROR_PORT_UNREACHABLE] = {3, 3},
	[PKT_ERROR_HOST_UNREACHABLE] = {3, 1},
	[PKT_ERROR_NET_UNREACHABLE] = {3, 0},
	[PKT_ERROR_PROHIBITED] = {3, 13},
	[PKT_ERROR_TOO_BIG] = {3, 4},
	[PKT_ERROR_TTL] = {11, 0}};
static const struct kind kinds6[] = {[PKT_ERROR_PORT_UNREACHABLE] = {1, 4},
	[PKT_ERROR_HOST_UNREACHABLE] = {1, 3},
	[PKT_ERROR_NET_UNREACHABLE] = {1, 0},
	[PKT_ERROR_PROHIBITED] = {1, 1},
	[PKT_ERROR_TOO_BIG] = {2, 0},
	[PKT_ERROR_TTL] = {3, 0}};

static void put_icmp(uint8_t *b, struct kind k, bool four, uint32_t arg)
{
	b[0] = k.type;
	b[1] = k.code;
	if (four) /* RFC 1191: next-hop MTU in the low half */
		arg = MIN_OF(arg, 65535u);
	pkt_put_be32(b + 4, arg);
}

struct rte_mbuf *pkt_make_error(struct rte_mempool *pool, const struct rte_mbuf *m,
	const struct pkt_parse *p, enum pkt_error error, uint32_t arg, const void *src)
{
	bool four = p->outer.l3_type == PKT_L3_IP4;
	uint32_t header = (four ? PKT_IP4_LEN : PKT_IP6_LEN) + PKT_ICMP_LEN,
		 limit = four ? 576 : 1280;
	uint32_t quote = MIN_OF(p->outer.l3_end - p->outer.l3, limit - header), l2 = p->outer.l3;
	const uint8_t *was;
	struct rte_mbuf *e;
	uint8_t *ip, *icmp;
	const void *bytes;

	if (!may_answer(m, p, error) || !(e = pkt_new(pool, l2 + header + quote)))
		return NULL;
	was = pkt_at(m, l2);
	pkt_put_eth_back(pkt_at(e, 0), m, p);
	ip = pkt_at(e, l2);
	icmp = ip + header - PKT_ICMP_LEN;
	if (four)
		pkt_put_ip4(
			ip, src ? src : was + 16, was + 12, PKT_PROTO_ICMP, header + quote, 0xc0);
	else
		pkt_put_ip6(ip, src ? src : was + 24, was + 8, PKT_PROTO_ICMP6, header + quote, 64);
	put_icmp(icmp, (four ? kinds4 : kinds6)[error], four, error == PKT_ERROR_TOO_BIG ? arg : 0);
	bytes = rte_pktmbuf_read(m, l2, quote, icmp + PKT_ICMP_LEN);
	if (bytes != icmp + PKT_ICMP_LEN)
		memcpy(icmp + PKT_ICMP_LEN, bytes, quote);
	pkt_put_l4_csum(ip, icmp, PKT_ICMP_LEN + quote, four ? PKT_PROTO_ICMP : PKT_PROTO_ICMP6, 2);
	e->port = m->port;
	return e;
}

/* ---- TCP reset, RFC 9293 sec. 3.10.7.1 ---- */

static void put_rst(uint8_t *b, const uint8_t *was, uint32_t seg_len)
{
	memcpy(b, was + 2, 2);
	memcpy(b + 2, was, 2);
	b[12] = PKT_TCP_LEN / 4 << 4;
	if (was[13] & PKT_TCP_ACK) {
		memcpy(b + 4, was + 8, 4); /* their acknowledgement is our sequence */
		b[13] = PKT_TCP_RST;
	} else {
		pkt_put_be32(b + 8, pkt_be32(was + 4) + seg_len);
		b[13] = PKT_TCP_RST | PKT_TCP_ACK;
	}
}

struct rte_mbuf *pkt_make_rst(
	struct rte_mempool *pool, const struct rte_mbuf *m, const struct pkt_parse *p)
{
	bool four = p->outer.l3_type == PKT_L3_IP4;
	uint32_t ip_len = four ? PKT_IP4_LEN : PKT_IP6_LEN, l2 = p->outer.l3, seg_len;
	const uint8_t *ip, *tcp;
	struct rte_mbuf *r;
	uint8_t *b;

	if (p->outer.l4_type != PKT_L4_TCP || !may_answer(m, p, PKT_ERROR_PORT_UNREACHABLE))
		return NULL;
	ip = pkt_at(m, l2);
	tcp = pkt_at(m, p->outer.l4);
	if (tcp[13] & PKT_TCP_RST || !(r = pkt_new(pool, l2 + ip_len + PKT_TCP_LEN)))
		return NULL;
	seg_len = p->outer.l3_end - p->outer.payload + !!(tcp[13] & PKT_TCP_SYN) +
		  !!(tcp[13] & PKT_TCP_FIN);
	pkt_put_eth_back(pkt_at(r, 0), m, p);
	b = pkt_at(r, l2);
	if (four)
		pkt_put_ip4(b, ip + 16, ip + 12, PKT_PROTO_TCP, ip_len + PKT_TCP_LEN, 0);
	else
		pkt_put_ip6(b, ip + 24, ip + 8, PKT_PROTO_TCP, ip_len + PKT_TCP_LEN, 64);
	put_rst(b + ip_len, tcp, seg_len);
	pkt_put_l4_csum(b, b + ip_len, PKT_TCP_LEN, PKT_PROTO_TCP, 16);
	r->port = m->port;
	return r;
}

/* ---- echo ---- */

static void swap(uint8_t *a, uint8_t *b, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		uint8_t t = a[i];

		a[i] = b[i];
		b[i] = t;
	}
}

/* Swapping addresses changes no sum; only the TTL's word does. */
static void turn_round(struct rte_mbuf *m, const struct pkt_headers *h)
{
	uint8_t *eth = pkt_at(m, 0), *ip = pkt_at(m, h->l3);
	uint16_t old = pkt_get16(ip + 8);

	swap(eth, eth + 6, 6);
	if (h->l3_type == PKT_L3_IP6) {
		swap(ip + 8, ip + 24, 16);
		ip[7] = 64;
		return;
	}
	swap(ip + 12, ip + 16, 4);
	ip[8] = 64;
	pkt_put16(ip + 10,
		checksum_apply(pkt_get16(ip + 10), checksum_delta16(old, pkt_get16(ip + 8))));
}

int pkt_echo_reply(struct rte_mbuf *m, const struct pkt_parse *p)
{
	const struct pkt_headers *h = &p->outer;
	uint8_t *ip = pkt_at(m, h->l3), *icmp;
	bool six = h->l4_type == PKT_L4_ICMP6;
	uint16_t old;

	if ((!six && h->l4_type != PKT_L4_ICMP) || h->flags & PKT_FRAG)
		return -DROP_EDIT_NO_HEADER;
	icmp = pkt_at(m, h->l4);
	if (icmp[0] != (six ? 128 : 8) || icmp[1] != 0)
		return -DROP_EDIT_NO_HEADER;
	if (six ? pkt_is_multicast6(ip + 24) : !pkt_is_unicast4(ip + 16))
		return -DROP_EDIT_NO_HEADER;
	turn_round(m, h);
	old = pkt_get16(icmp);
	icmp[0] = six ? 129 : 0;
	pkt_put16(icmp + 2,
		checksum_apply(pkt_get16(icmp + 2), checksum_delta16(old, pkt_get16(icmp))));
	return 0;
}
