/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * edit and csum: after every edit the packet is, byte for byte, the one that the fixture builds
 * with the new values, and the byte-wise twin finds no wrong checksum; with finished and with
 * partial checksums, in one segment and in many.
 */
#include "packet/edit.h"
#include "packet/packet_int.h"

#include "fixture.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/rng.h"
#include "engine/checksum.h"

static struct pkt_parse parse(struct rte_mbuf *m)
{
	struct pkt_parse p;

	assert_int_equal(pkt_parse(m, &p), 0);
	return p;
}

/* Leave the checksum to be done later, as the kernel does. */
static void make_partial(struct rte_mbuf *m, enum pkt_level level)
{
	struct pkt_parse p = parse(m);
	struct pkt_headers *h = pkt_level(&p, level);
	uint32_t len = h->l3_end - h->l4;

	*pkt_l4_csum_field(m, h) = checksum_fold(pkt_pseudo_sum(m, h, len));
	m->ol_flags |= h->l4_type == PKT_L4_TCP ? RTE_MBUF_F_TX_TCP_CKSUM : RTE_MBUF_F_TX_UDP_CKSUM;
	if (level == PKT_INNER)
		m->ol_flags |= RTE_MBUF_F_TX_TUNNEL_VXLAN;
}

static void assert_bytes(const char *what, struct rte_mbuf *m, const char *spec)
{
	static uint8_t is[TEST_PACKET_MAX], want[TEST_PACKET_MAX];
	size_t n = test_copy_out(m, is, sizeof(is)), w = test_bytes(want, sizeof(want), "%s", spec);

	for (size_t i = 0; i < n && i < w; i++)
		if (is[i] != want[i])
			fail_msg("%s: byte %zu is %02x, want %02x of %s", what, i, is[i], want[i],
				spec);
	assert_int_equal(n, w);
	if (test_bad_sum(m))
		fail_msg("%s: bad %s", what, test_bad_sum(m));
}

/* ---- NAT: before, after and the rewrite ---- */

static const struct nat_case {
	const char *before, *after;
	int family;
	const char *src, *dst;
	uint16_t sport, dport;
	uint8_t set;
	enum pkt_level level;
} nat_cases[] = {
	{"eth ip4:10.0.0.1>10.96.0.100 tcp:1000>80,fl=S,mss=1460 data:5",
		"eth ip4:10.0.0.1>10.244.2.3 tcp:1000>8080,fl=S,mss=1460 data:5", AF_INET, NULL,
		"10.244.2.3", 0, 8080, PKT_NAT_DST | PKT_NAT_DPORT, PKT_OUTER},
	{"eth vlan:3 ip4:10.0.0.1>10.96.0.100,opt=8 udp:1000>53 data:300",
		"eth vlan:3 ip4:192.168.1.1>10.96.0.100,opt=8 udp:4000>53 data:300", AF_INET,
		"192.168.1.1", NULL, 4000, 0, PKT_NAT_SRC | PKT_NAT_SPORT, PKT_OUTER},
	{"eth ip4:1.2.3.4>5.6.7.8 udp:1>2,nosum data:9",
		"eth ip4:8.7.6.5>4.3.2.1 udp:9>8,nosum data:9", AF_INET, "8.7.6.5", "4.3.2.1", 9, 8,
		15, PKT_OUTER},
	{"eth ip6:fd00::1>fd00:10::64 tcp:1000>80 data:77",
		"eth ip6:fd00::1>fd00:244::5 tcp:1000>8080 data:77", AF_INET6, NULL, "fd00:244::5",
		0, 8080, PKT_NAT_DST | PKT_NAT_DPORT, PKT_OUTER},
	{"eth ip6:fd00::1>fd00::2 hbh:6 dopt:6 udp:5>6 data:10",
		"eth ip6:fd00::9>fd00::a hbh:6 dopt:6 udp:7>8 data:10", AF_INET6, "fd00::9",
		"fd00::a", 7, 8, 15, PKT_OUTER},
	{"eth ip4:1.1.1.1>2.2.2.2 icmp:8,id=77,seq=3 data:30",
		"eth ip4:3.3.3.3>2.2.2.2 icmp:8,id=1234,seq=3 data:30", AF_INET, "3.3.3.3", NULL,
		1234, 0, PKT_NAT_SRC | PKT_NAT_SPORT, PKT_OUTER},
	{"eth ip6 icmp6:129,id=7 data:8", "eth ip6:fd00::1>fd00::99 icmp6:129,id=9 data:8",
		AF_INET6, NULL, "fd00::99", 0, 9, PKT_NAT_DST | PKT_NAT_DPORT, PKT_OUTER},
	{"eth ip6 icmp6:135 data:16", "eth ip6:fd00::5>fd00::2 icmp6:135 data:16", AF_INET6,
		"fd00::5", NULL, 0, 0, PKT_NAT_SRC, PKT_OUTER},
	{"eth ip4:1.1.1.1>2.2.2.2,off=4,proto=17 data:24",
		"eth ip4:1.1.1.1>9.9.9.9,off=4,proto=17 data:24", AF_INET, NULL, "9.9.9.9", 0, 99,
		PKT_NAT_DST | PKT_NAT_DPORT, PKT_OUTER},
	{"eth ip4 udp:9>4789 vxlan:5 eth ip4:1.1.1.1>2.2.2.2 tcp:1>2 data:3",
		"eth ip4 udp:9>4789 vxlan:5 eth ip4:1.1.1.1>7.7.7.7 tcp:1>99 data:3", AF_INET, NULL,
		"7.7.7.7", 0, 99, PKT_NAT_DST | PKT_NAT_DPORT, PKT_INNER},
	{"eth ip6 udp:9>4789,nosum vxlan:5 eth ip6:fd00::1>fd00::2 udp:1>2 data:3",
		"eth ip6 udp:9>4789,nosum vxlan:5 eth ip6:fd00::7>fd00::8 udp:5>6 data:3", AF_INET6,
		"fd00::7", "fd00::8", 5, 6, 15, PKT_INNER},
	{"eth ip6 udp:9>4789 vxlan:5 eth ip6:fd00::1>fd00::2 icmp6:128,id=4 data:3",
		"eth ip6 udp:9>4789 vxlan:5 eth ip6:fd00::7>fd00::8 icmp6:128,id=5 data:3",
		AF_INET6, "fd00::7", "fd00::8", 5, 5, 15, PKT_INNER},
	{"eth ip4 gre:key=5,csum ip4:1.1.1.1>2.2.2.2 udp:1>2 data:7",
		"eth ip4 gre:key=5,csum ip4:3.3.3.3>4.4.4.4 udp:5>6 data:7", AF_INET, "3.3.3.3",
		"4.4.4.4", 5, 6, 15, PKT_INNER},
};

static struct pkt_nat nat_of(const struct nat_case *c)
{
	struct pkt_nat nat = {.set = c->set,
		.ip6 = c->family == AF_INET6,
		.sport = htons(c->sport),
		.dport = htons(c->dport)};

	if (c->src)
		inet_pton(c->family, c->src, nat.src);
	if (c->dst)
		inet_pton(c->family, c->dst, nat.dst);
	return nat;
}

static void nat_rewrites(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(nat_cases); i++) {
		const struct nat_case *c = &nat_cases[i];
		struct pkt_nat nat = nat_of(c);
		struct rte_mbuf *m = test_packet(test_pool(), "%s", c->before);
		struct pkt_parse p = parse(m);

		assert_int_equal(pkt_nat(m, &p, c->level, &nat), 0);
		assert_bytes(c->before, m, c->after);
		rte_pktmbuf_free(m);
	}
}

static bool can_be_partial(const char *spec)
{
	return !strstr(spec, "nosum") && !strstr(spec, "icmp") && !strstr(spec, "off=") &&
	       !strstr(spec, "gre");
}

/* CHECKSUM_PARTIAL: addresses adjust the pseudo-header sum, ports do not; finishing gives the same.
 */
static void nat_on_partial(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(nat_cases); i++) {
		const struct nat_case *c = &nat_cases[i];
		struct pkt_nat nat = nat_of(c);
		struct rte_mbuf *m;
		struct pkt_parse p;

		if (!can_be_partial(c->before))
			continue;
		m = test_packet(test_pool(), "%s", c->before);
		make_partial(m, c->level);
		p = parse(m);
		assert_true(pkt_partial(m, c->level));
		assert_int_equal(pkt_nat(m, &p, c->level, &nat), 0);
		pkt_csum_finish(m, &p);
		assert_int_equal(m->ol_flags, 0);
		if (c->level == PKT_OUTER || strstr(c->before, "nosum"))
			assert_bytes(c->before, m, c->after);
		rte_pktmbuf_free(m);
	}
}

static void nat_prepared(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(nat_cases); i++) {
		const struct nat_case *c = &nat_cases[i];
		struct pkt_nat nat = nat_of(c);

		for (int partial = 0; partial < 2; partial++) {
			struct rte_mbuf *m = test_packet(test_pool(), "%s", c->before);
			struct pkt_parse p = parse(m);
			uint32_t src = nat.ip6 ? 8 : 12, dst = nat.ip6 ? 24 : 16;

			if (c->level == PKT_INNER ||
				(p.outer.l4_type != PKT_L4_TCP && p.outer.l4_type != PKT_L4_UDP) ||
				(partial && !can_be_partial(c->before))) {
				rte_pktmbuf_free(m);
				continue;
			}
			if (partial)
				make_partial(m, PKT_OUTER);
			pkt_nat_prepare(&nat, pkt_at(m, p.outer.l3 + src),
				pkt_at(m, p.outer.l3 + dst), pkt_get16(pkt_at(m, p.outer.l4)),
				pkt_get16(pkt_at(m, p.outer.l4 + 2u)));
			assert_int_equal(pkt_nat_apply(m, &p, &nat), 0);
			if (partial)
				pkt_csum_finish(m, &p);
			assert_bytes(c->before, m, c->after);
			rte_pktmbuf_free(m);
		}
	}
}

/* A shape the deltas are not for must not crash, whoever sent it. */
static void nat_prepared_takes_any_shape(void **state)
{
	static const char *const specs[] = {"eth ip6 rt:1 udp:1>2 data:9",
		"eth ip4:mf udp:1>2,len=99 data:8", "eth ip4:off=5,proto=6 data:8",
		"eth ip6 icmp6:128,id=4", "eth ip4 sctp:1>2", "eth ip4 gre", "eth ip6 tcp:1>2"};
	struct pkt_nat nat = {.set = 15, .ip6 = 1, .src = {1}, .dst = {2}};

	for (size_t i = 0; i < ARRAY_SIZE(specs); i++)
		for (nat.ip6 = 0; nat.ip6 < 2; nat.ip6++) {
			struct rte_mbuf *a = test_packet(test_pool(), "%s", specs[i]);
			struct rte_mbuf *b = test_packet(test_pool(), "%s", specs[i]);
			struct pkt_parse p = parse(a);

			pkt_nat_prepare(&nat, pkt_at(a, 22), pkt_at(a, 38), 0x0100, 0x0200);
			if (p.outer.l4_type == PKT_L4_TCP && nat.ip6) {
				rte_pktmbuf_free(a);
				rte_pktmbuf_free(b);
				continue; /* plain after all */
			}
			assert_int_equal(
				pkt_nat_apply(a, &p, &nat), pkt_nat(b, &p, PKT_OUTER, &nat));
			assert_memory_equal(pkt_at(a, 0), pkt_at(b, 0), a->data_len);
			rte_pktmbuf_free(a);
			rte_pktmbuf_free(b);
		}
}

static void nat_refuses(void **state)
{
	struct pkt_nat nat = {.set = PKT_NAT_DST | PKT_NAT_DPORT};
	struct rte_mbuf *m = test_packet(test_pool(), "eth ip6 tcp:1>2");
	struct pkt_parse p = parse(m);

	assert_int_equal(pkt_nat(m, &p, PKT_OUTER, &nat), -DROP_EDIT_NO_HEADER);
	assert_int_equal(pkt_nat(m, &p, PKT_INNER, &nat), -DROP_EDIT_NO_HEADER);
	rte_pktmbuf_free(m);
	m = test_packet(test_pool(), "eth ip4 icmp:3,1 data:28");
	p = parse(m);
	assert_int_equal(pkt_nat(m, &p, PKT_OUTER, &nat), -DROP_EDIT_NO_HEADER);
	rte_pktmbuf_free(m);
}

/* A wrong checksum stays wrong. */
static void nat_hides_nothing(void **state)
{
	static const char *const specs[] = {"eth ip4 tcp:1>2,badsum data:4",
		"eth ip4 udp:1>2,badsum data:4", "eth ip4:badsum tcp:1>2",
		"eth ip6 udp:1>2,badsum"};

	for (size_t i = 0; i < ARRAY_SIZE(specs); i++) {
		struct rte_mbuf *m = test_packet(test_pool(), "%s", specs[i]);
		struct pkt_parse p = parse(m);
		struct pkt_nat nat = {.set = 15,
			.ip6 = p.outer.l3_type == PKT_L3_IP6,
			.src = {1, 2, 3, 4},
			.dst = {4, 5, 6, 7},
			.sport = 8,
			.dport = 9};

		assert_int_equal(pkt_nat(m, &p, PKT_OUTER, &nat), 0);
		assert_non_null(test_bad_sum(m));
		rte_pktmbuf_free(m);
	}
}

/* ---- rewrite of anything ---- */

static const char *const any[] = {
	"eth ip4 tcp:1>2,mss=1000 data:40",
	"eth vlan:1 vlan:2 ip4:opt=4 udp:1>2 data:41",
	"eth ip6 hbh:14 tcp:1>2 data:40",
	"eth ip6 udp:1>2 data:3",
	"eth ip4 icmp:8 data:33",
	"eth ip6 icmp6:128 data:33",
	"eth ip4 udp:1>4789 vxlan:7 eth ip4 tcp:1>2 data:20",
	"eth ip6 udp:1>4789 vxlan:7 eth vlan:9 ip6 udp:1>2 data:20",
	"eth ip6 udp:1>4789,nosum vxlan:7 eth ip4 icmp:8 data:20",
	"eth ip4 udp:1>6081 geneve:7,opt=8 eth ip6 icmp6:128 data:21",
	"eth ip4 gre:key=9,csum ip6 tcp:1>2 data:5",
	"eth ip6 ip4 udp:1>2 data:9",
};

/* Bytes whose change would re-interpret the packet (lengths, protocols, versions, flags). */
static bool structural(const struct rte_mbuf *m, const struct pkt_parse *p, uint32_t at)
{
	struct rte_mbuf *copy = rte_pktmbuf_copy(m, test_pool(), 0, UINT32_MAX);
	struct pkt_parse q;
	bool same = true;

	for (unsigned v = 0; v < 256 && same; v++) {
		*(uint8_t *)pkt_at(copy, at) = (uint8_t)v;
		pkt_parse(copy, &q);
		q.outer.flags &= (uint8_t)~PKT_BAD_IP_CSUM;
		q.inner.flags &= (uint8_t)~PKT_BAD_IP_CSUM;
		q.shape &= ~(PKT_SHAPE_BAD_IP_CSUM | PKT_SHAPE_INNER_BAD_IP_CSUM);
		same = !memcmp(&q, p, sizeof(q));
	}
	rte_pktmbuf_free(copy);
	return !same;
}

static bool in_csum_field(const struct rte_mbuf *m, const struct pkt_parse *p, uint32_t at)
{
	const struct pkt_headers *const hs[] = {&p->outer, &p->inner};

	for (int i = 0; i < 2; i++) {
		uint16_t *f = pkt_l4_csum_field(m, hs[i]);
		uint32_t l4 = f ? (uint32_t)((uint8_t *)f - (uint8_t *)pkt_at(m, 0)) : 0;

		if (f && (at == l4 || at == l4 + 1))
			return true;
		if (hs[i]->l3_type == PKT_L3_IP4 &&
			(at == hs[i]->l3 + 10u || at == hs[i]->l3 + 11u))
			return true;
		if (hs[i]->l3_type == PKT_L3_IP4 && at == hs[i]->l3 + 9u)
			return true;
	}
	return p->tun_type == PKT_TUN_GRE && (at == p->tun + 4u || at == p->tun + 5u);
}

static void rewrite_any_bytes(void **state)
{
	struct rng r;

	rng_init(&r, rng_test_seed("edit"));
	for (size_t i = 0; i < ARRAY_SIZE(any); i++) {
		struct rte_mbuf *m = test_packet(test_pool(), "%s", any[i]);
		struct pkt_parse p = parse(m);
		uint8_t free_byte[400];
		uint32_t n = m->pkt_len;

		for (uint32_t at = 0; at < n; at++)
			free_byte[at] = !structural(m, &p, at) && !in_csum_field(m, &p, at) &&
					!(p.outer.l3_type == PKT_L3_IP6 && at == p.outer.l3 + 6u);
		for (int round = 0; round < 3000; round++) {
			uint32_t at = (uint32_t)rng_below(&r, n), len = 0;
			uint8_t bytes[64];

			while (at + len < n && len < 64 && free_byte[at + len] &&
				!rng_one_in(&r, 12))
				len++;
			rng_bytes(&r, bytes, sizeof(bytes));
			assert_int_equal(pkt_rewrite(m, &p, at, bytes, len), 0);
			assert_memory_equal(pkt_at(m, at), bytes, len);
			if (test_bad_sum(m))
				fail_msg("%s: %u bytes at %u: bad %s", any[i], len, at,
					test_bad_sum(m));
		}
		rte_pktmbuf_free(m);
	}
}

static void rewrite_refuses(void **state)
{
	struct rte_mbuf *m = test_packet(test_pool(), "eth ip4 tcp:1>2");
	struct pkt_parse p = parse(m);
	uint8_t b[65] = {0};

	assert_int_equal(pkt_rewrite(m, &p, 53, b, 2), -DROP_EDIT_NO_HEADER);
	assert_int_equal(pkt_rewrite(m, &p, 0, b, 65), -DROP_EDIT_NO_HEADER);
	assert_int_equal(pkt_rewrite(m, &p, UINT32_MAX, b, 2), -DROP_EDIT_NO_HEADER);
	rte_pktmbuf_free(m);
}

/* ---- single fields ---- */

static void ttl(void **state)
{
	static const char *const cases[][3] = {
		/* before, after one decrement, level */
		{"eth ip4:ttl=64 tcp:1>2", "eth ip4:ttl=63 tcp:1>2", ""},
		{"eth ip6:hl=2 udp:1>2", "eth ip6:hl=1 udp:1>2", ""},
		{"eth ip4 udp:1>4789 vxlan:1 eth ip4:ttl=9 udp:1>2",
			"eth ip4 udp:1>4789 vxlan:1 eth ip4:ttl=8 udp:1>2", "inner"},
		{"eth ip6 udp:1>4789 vxlan:1 eth ip6:hl=9 udp:1>2",
			"eth ip6 udp:1>4789 vxlan:1 eth ip6:hl=8 udp:1>2", "inner"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct rte_mbuf *m = test_packet(test_pool(), "%s", cases[i][0]);
		struct pkt_parse p = parse(m);

		assert_int_equal(pkt_ttl_dec(m, &p, *cases[i][2] ? PKT_INNER : PKT_OUTER), 0);
		assert_bytes(cases[i][0], m, cases[i][1]);
		rte_pktmbuf_free(m);
	}
}

/* All 255 steps, so that each carry happens. */
static void ttl_runs_out(void **state)
{
	struct rte_mbuf *m = test_packet(test_pool(), "eth ip4:ttl=255,id=0xffff udp:1>2");
	struct pkt_parse p = parse(m);

	for (int i = 0; i < 254; i++) {
		assert_int_equal(pkt_ttl_dec(m, &p, PKT_OUTER), 0);
		assert_null(test_bad_sum(m));
	}
	assert_int_equal(pkt_ttl_dec(m, &p, PKT_OUTER), -DROP_TTL_EXPIRED);
	assert_bytes("ttl", m, "eth ip4:ttl=1,id=0xffff udp:1>2");
	assert_int_equal(pkt_ttl_dec(m, &p, PKT_INNER), -DROP_EDIT_NO_HEADER);
	rte_pktmbuf_free(m);
}

static void tos(void **state)
{
	struct rte_mbuf *m = test_packet(test_pool(), "eth ip4:tos=0x03 udp:1>2");
	struct pkt_parse p = parse(m);

	assert_int_equal(pkt_set_tos(m, &p, PKT_OUTER, 0xb8, 0xfc), 0);
	assert_bytes("tos", m, "eth ip4:tos=0xbb udp:1>2");
	rte_pktmbuf_free(m);
	m = test_packet(
		test_pool(), "eth ip4 udp:1>4789 vxlan:1 eth ip6:tc=0x12,fl=0xabcde udp:1>2");
	p = parse(m);
	assert_int_equal(pkt_get_tos(m, &p.inner), 0x12);
	assert_int_equal(pkt_set_tos(m, &p, PKT_INNER, 0x03, 0x03), 0);
	assert_bytes("tos6", m, "eth ip4 udp:1>4789 vxlan:1 eth ip6:tc=0x13,fl=0xabcde udp:1>2");
	rte_pktmbuf_free(m);
	m = test_packet(test_pool(), "eth arp");
	p = parse(m);
	assert_int_equal(pkt_set_tos(m, &p, PKT_OUTER, 1, 1), -DROP_EDIT_NO_HEADER);
	rte_pktmbuf_free(m);
}

static void mss(void **state)
{
	static const struct {
		const char *before, *after;
	} cases[] = {
		{"eth ip4 tcp:1>2,fl=S,mss=1460", "eth ip4 tcp:1>2,fl=S,mss=1310"},
		{"eth ip6 tcp:1>2,fl=SA,opt=4,mss=1440", "eth ip6 tcp:1>2,fl=SA,opt=4,mss=1310"},
		{"eth ip4 tcp:1>2,fl=S,mss=536", NULL},
		{"eth ip4 tcp:1>2,fl=A,mss=1460", NULL},
		{"eth ip4 tcp:1>2,fl=S", NULL},
		{"eth ip4 udp:1>2", NULL},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct rte_mbuf *m = test_packet(test_pool(), "%s", cases[i].before);
		struct pkt_parse p = parse(m);

		assert_int_equal(pkt_mss_clamp(m, &p, PKT_OUTER, 1310), cases[i].after != NULL);
		assert_bytes("mss", m, cases[i].after ? cases[i].after : cases[i].before);
		rte_pktmbuf_free(m);
	}
}

/* Options that lie about their length end the search. */
static void mss_behind_broken_options(void **state)
{
	for (int kind = 2; kind < 6; kind++)
		for (int len = 0; len < 8; len++) {
			struct rte_mbuf *m = test_packet(test_pool(), "eth ip4 tcp:1>2,fl=S,opt=4");
			struct pkt_parse p = parse(m);
			uint8_t opt[4] = {1, (uint8_t)kind, (uint8_t)len, 0xff};

			pkt_rewrite(m, &p, p.outer.l4 + 20u, opt, 4);
			assert_int_equal(pkt_mss_clamp(m, &p, PKT_OUTER, 10), 0);
			rte_pktmbuf_free(m);
		}
}

/* ---- NAT64 ---- */

static const struct {
	const char *before, *after;
} nat64_cases[] = {
	{"eth ip4:192.168.2.2>8.8.8.8,ttl=9,tos=4 tcp:1234>80 data:21", "eth ip6:64:ff9b::c0a8:202>64:ff9b::808:808,hl=9,tc=4 tcp:1234>80 data:21"},
	{"eth vlan:7 ip4:10.0.0.1>10.0.0.2 udp:5>6 data:7", "eth vlan:7 ip6:64:ff9b::a00:1>64:ff9b::a00:2 udp:5>6 data:7"},
	{"eth ip4:10.0.0.1>10.0.0.2 udp:5>6,nosum data:7", "eth ip6:64:ff9b::a00:1>64:ff9b::a00:2 udp:5>6 data:7"},
	{"eth ip4:10.0.0.1>10.0.0.2 icmp:8,0,id=3 data:7", "eth ip6:64:ff9b::a00:1>64:ff9b::a00:2 icmp6:128,0,id=3 data:7"},
	{"eth ip6:64:ff9b::a00:1>64:ff9b::a00:2 tcp:1>2 data:9", "eth ip4:10.0.0.1>10.0.0.2,df tcp:1>2 data:9"},
	{"eth ip6:fd00::a00:1>64:ff9b::a00:2 icmp6:129,0,id=4 data:1", "eth ip4:10.0.0.1>10.0.0.2,df icmp:0,0,id=4 data:1"},
};

static void nat64(void **state)
{
	for (unsigned i = 0; i < ARRAY_SIZE(nat64_cases); i++) {
		struct rte_mbuf *m = test_packet(test_pool(), "%s", nat64_cases[i].before);
		struct pkt_parse p = parse(m), again;

		assert_int_equal(pkt_nat64(m, &p), 0);
		again = parse(m);
		assert_memory_equal(&p, &again, sizeof(p));
		assert_bytes(nat64_cases[i].before, m, nat64_cases[i].after);
		rte_pktmbuf_free(m);
	}
}

static void nat64_on_partial(void **state)
{
	struct rte_mbuf *m = test_packet(test_pool(), "%s", nat64_cases[0].before);
	struct pkt_parse p;

	make_partial(m, PKT_OUTER);
	p = parse(m);
	assert_int_equal(pkt_nat64(m, &p), 0);
	pkt_csum_finish(m, &p);
	assert_bytes("partial", m, nat64_cases[0].after);
	rte_pktmbuf_free(m);
}

static void nat64_refuses(void **state)
{
	static const char *const specs[] = {"eth arp", "eth ip4:1.2.3.4>5.6.7.8,mf udp:1>2 data:8", "eth ip4:1.2.3.4>5.6.7.8,opt=4 udp:1>2",
		"eth ip6:fd00::1>fd00::2 dopt udp:1>2", "eth ip4:1.2.3.4>5.6.7.8 icmp:3,1 data:28"};

	for (unsigned i = 0; i < ARRAY_SIZE(specs); i++) {
		struct rte_mbuf *m = test_packet(test_pool(), "%s", specs[i]);
		struct pkt_parse p = parse(m);

		assert_int_equal(pkt_nat64(m, &p), -DROP_EDIT_NO_HEADER);
		rte_pktmbuf_free(m);
	}
}

static void macs(void **state)
{
	struct rte_ether_addr a = {{2, 0, 0, 0, 0, 9}}, b = {{2, 0, 0, 0, 0, 8}};
	struct rte_mbuf *m = test_packet(test_pool(), "eth ip4 udp:1>2");

	pkt_set_macs(m, &a, NULL);
	assert_bytes("dst", m, "eth:d=9 ip4 udp:1>2");
	pkt_set_macs(m, NULL, &b);
	assert_bytes("src", m, "eth:d=9,s=8 ip4 udp:1>2");
	rte_pktmbuf_free(m);
}

/* ---- VLAN ---- */

static void assert_parse_true(struct rte_mbuf *m, const struct pkt_parse *p)
{
	struct pkt_parse q = parse(m);

	assert_memory_equal(p, &q, sizeof(q));
}

static void vlan(void **state)
{
	static const char *const rest[] = {"ip4 tcp:1>2 data:9", "arp", "ip6 udp:1>2",
		"ip4 udp:1>4789 vxlan:5 eth vlan:4 ip6 udp:1>2"};

	for (size_t i = 0; i < ARRAY_SIZE(rest); i++) {
		struct rte_mbuf *m = test_packet(test_pool(), "eth %s", rest[i]);
		struct pkt_parse p = parse(m);
		char spec[200];

		assert_int_equal(pkt_vlan_pop(m, &p), -DROP_EDIT_NO_HEADER);
		assert_int_equal(pkt_vlan_push(m, &p, 0x8100, 5), 0);
		assert_parse_true(m, &p);
		assert_int_equal(pkt_vlan_push(m, &p, 0x88a8, 6), 0);
		assert_parse_true(m, &p);
		assert_int_equal(pkt_vlan_push(m, &p, 0x8100, 7), -DROP_EDIT_NO_ROOM);
		assert_int_equal(pkt_vlan_set(m, &p, 1, 0x2fff), 0);
		assert_int_equal(pkt_vlan_set(m, &p, 2, 1), -DROP_EDIT_NO_HEADER);
		snprintf(spec, sizeof(spec), "eth vlan:6,tpid=0x88a8 vlan:0x2fff %s", rest[i]);
		assert_bytes("push", m, spec);
		assert_int_equal(pkt_vlan_pop(m, &p), 0);
		assert_parse_true(m, &p);
		assert_int_equal(pkt_vlan_pop(m, &p), 0);
		assert_parse_true(m, &p);
		snprintf(spec, sizeof(spec), "eth %s", rest[i]);
		assert_bytes("pop", m, spec);
		rte_pktmbuf_free(m);
	}
}

static void pop_of_a_third_tag(void **state)
{
	struct rte_mbuf *m = test_packet(test_pool(), "eth vlan:1 vlan:2 vlan:3 ip4 udp:1>2");
	struct pkt_parse p = parse(m);

	assert_int_equal(p.outer.l3_type, PKT_L3_OTHER);
	assert_int_equal(pkt_vlan_pop(m, &p), 0);
	assert_int_equal(p.outer.l4_type, PKT_L4_UDP);
	assert_parse_true(m, &p);
	rte_pktmbuf_free(m);
	m = test_packet(test_pool(), "eth vlan:1 vlan:2 vlan:3 ip4:len=10 udp:1>2");
	p = parse(m);
	assert_int_equal(pkt_vlan_pop(m, &p), -DROP_IP4_BAD_LENGTH);
	rte_pktmbuf_free(m);
}

/* ---- quoted packets ---- */

/* An ICMP error about `quoted` (an IP packet by spec, without eth), cut to `keep` bytes. */
static struct rte_mbuf *error_about(const char *family, const char *quoted, size_t keep)
{
	static uint8_t q[2048], b[2048];
	size_t n = test_bytes(q, sizeof(q), "eth %s", quoted), len;
	bool v4 = !strcmp(family, "ip4");
	uint8_t *icmp;

	n = MIN_OF(n - 14, keep);
	len = test_bytes(
		b, sizeof(b), "eth %s %s data:%zu", family, v4 ? "icmp:3,4" : "icmp6:1,4", n);
	memcpy(b + len - n, q + 14, n);
	icmp = b + len - n - 8;
	icmp[2] = icmp[3] = 0;
	/* checksum by hand: the fixture summed its pattern bytes */
	uint32_t ps = v4 ? 0 : test_sum(b + 14 + 8, 32, (uint32_t)(58 + n + 8));
	uint16_t sum = (uint16_t)~test_sum(icmp, n + 8, ps);

	icmp[2] = (uint8_t)(sum >> 8);
	icmp[3] = (uint8_t)sum;
	return test_mbuf(test_pool(), b, len);
}

static void embedded(void **state)
{
	static const struct {
		const char *family, *before, *after;
		const char *src, *dst;
		uint16_t sport, dport;
		size_t keep;
	} cases[] = {
		{"ip4", "ip4:10.0.0.1>10.244.2.3 tcp:1000>8080 data:40",
			"ip4:10.0.0.1>10.96.0.100 tcp:1000>80 data:40", NULL, "10.96.0.100", 0, 80,
			28},
		{"ip4", "ip4:10.0.0.1>10.244.2.3 tcp:1000>8080 data:40",
			"ip4:10.0.0.1>10.96.0.100 tcp:1000>80 data:40", NULL, "10.96.0.100", 0, 80,
			38},
		{"ip4", "ip4:10.0.0.1>10.244.2.3 udp:1000>8080 data:40",
			"ip4:1.2.3.4>10.96.0.100 udp:77>80 data:40", "1.2.3.4", "10.96.0.100", 77,
			80, 28},
		{"ip4", "ip4:10.0.0.1>10.244.2.3 udp:1000>8080,nosum data:40",
			"ip4:1.2.3.4>10.96.0.100 udp:77>80,nosum data:40", "1.2.3.4", "10.96.0.100",
			77, 80, 500},
		{"ip4", "ip4:10.0.0.1>10.244.2.3 icmp:8,id=5 data:40",
			"ip4:1.2.3.4>10.244.2.3 icmp:8,id=77 data:40", "1.2.3.4", NULL, 77, 0, 500},
		{"ip6", "ip6:fd00::1>fd00::2 tcp:1000>8080 data:40",
			"ip6:fd00::1>fd00::9 tcp:1000>80 data:40", NULL, "fd00::9", 0, 80, 48},
		{"ip6", "ip6:fd00::1>fd00::2 dopt:6 udp:1000>8080 data:40",
			"ip6:fd00::4>fd00::9 dopt:6 udp:66>80 data:40", "fd00::4", "fd00::9", 66,
			80, 500},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		bool v6 = !strcmp(cases[i].family, "ip6");
		struct nat_case c = {.family = v6 ? AF_INET6 : AF_INET,
			.src = cases[i].src,
			.dst = cases[i].dst,
			.sport = cases[i].sport,
			.dport = cases[i].dport,
			.set = (uint8_t)((cases[i].src ? PKT_NAT_SRC : 0) |
					 (cases[i].dst ? PKT_NAT_DST : 0) |
					 (cases[i].sport ? PKT_NAT_SPORT : 0) |
					 (cases[i].dport ? PKT_NAT_DPORT : 0))};
		struct pkt_nat nat = nat_of(&c);
		struct rte_mbuf *m = error_about(cases[i].family, cases[i].before, cases[i].keep);
		struct rte_mbuf *want = error_about(cases[i].family, cases[i].after, cases[i].keep);
		struct pkt_parse p = parse(m);
		struct pkt_headers h;

		assert_null(test_bad_sum(want));
		assert_int_equal(pkt_parse_embedded(m, &p, &h), 0);
		assert_int_equal(h.l3, p.outer.payload);
		assert_int_equal(pkt_nat_embedded(m, &p, &h, &nat), 0);
		if (test_bad_sum(m))
			fail_msg("%s: %s", cases[i].before, test_bad_sum(m));
		assert_memory_equal(pkt_at(m, 0), pkt_at(want, 0), m->data_len);
		rte_pktmbuf_free(m);
		rte_pktmbuf_free(want);
	}
}

static void embedded_refuses(void **state)
{
	struct rte_mbuf *m = test_packet(test_pool(), "eth ip4 icmp:8 data:40");
	struct pkt_parse p = parse(m);
	struct pkt_headers h;

	assert_int_equal(pkt_parse_embedded(m, &p, &h), -DROP_EDIT_NO_HEADER);
	rte_pktmbuf_free(m);
	m = error_about("ip4", "ip4 tcp:1>2", 27); /* one byte less than RFC 792 promises */
	p = parse(m);
	assert_int_equal(pkt_parse_embedded(m, &p, &h), -DROP_L4_SHORT);
	rte_pktmbuf_free(m);
	m = error_about("ip4", "ip6 tcp:1>2", 60);
	p = parse(m);
	assert_int_equal(pkt_parse_embedded(m, &p, &h), -DROP_EDIT_NO_HEADER);
	rte_pktmbuf_free(m);
}

/* ---- checksums of chains ---- */

static void verify_and_recompute(void **state)
{
	static uint8_t b[4096];

	for (size_t i = 0; i < ARRAY_SIZE(any); i++) {
		size_t n = test_bytes(b, sizeof(b), "%s", any[i]);

		for (size_t seg = 1; seg < 60; seg += 3) {
			struct rte_mbuf *m = test_mbuf_split(test_pool(), b, n, seg);
			struct pkt_parse p = parse(m);

			for (int level = PKT_OUTER; level <= PKT_INNER; level++) {
				struct pkt_headers *h = pkt_level(&p, (enum pkt_level)level);
				uint16_t *f = pkt_l4_csum_field(m, h);

				assert_true(pkt_l4_csum_ok(m, &p, (enum pkt_level)level));
				if (!f || (level == PKT_OUTER && *f == 0))
					continue;
				assert_int_equal(pkt_l4_csum(m, h), *f);
				*f ^= 0x0100;
				assert_false(pkt_l4_csum_ok(m, &p, (enum pkt_level)level));
				*f ^= 0x0100;
			}
			rte_pktmbuf_free(m);
		}
	}
}

static void zero_udp_over_ip6_is_for_tunnels(void **state)
{
	struct rte_mbuf *m = test_packet(test_pool(), "eth ip6 udp:1>2,nosum data:4");
	struct pkt_parse p = parse(m);

	assert_false(pkt_l4_csum_ok(m, &p, PKT_OUTER));
	rte_pktmbuf_free(m);
	m = test_packet(test_pool(), "eth ip6 udp:1>4789,nosum vxlan:1 eth arp");
	p = parse(m);
	assert_true(pkt_l4_csum_ok(m, &p, PKT_OUTER));
	rte_pktmbuf_free(m);
}

/* RFC 8200 sec. 8.1: with segments left the last address counts, not the header's. */
static void routing_header_destination(void **state)
{
	struct rte_mbuf *m = test_packet(test_pool(), "eth ip6 rt:1 udp:1>2 data:6");
	struct pkt_parse p = parse(m);
	uint8_t *ip = pkt_at(m, p.outer.l3), at_end[16];

	assert_false(pkt_l4_csum_ok(m, &p, PKT_OUTER)); /* the fixture summed the header's */
	memcpy(at_end, ip + 48, 16);
	memcpy(ip + 48, ip + 24, 16);
	memcpy(ip + 24, at_end, 16);
	assert_true(pkt_l4_csum_ok(m, &p, PKT_OUTER));
	rte_pktmbuf_free(m);
}

/* A packet captured elsewhere would be better; these are the values of RFC 9260's algorithm run by
 * hand over the bytes with an independent bitwise CRC. */
static uint32_t crc32c_bitwise(const uint8_t *b, size_t n)
{
	uint32_t crc = 0xffffffff;

	for (size_t i = 0; i < n; i++) {
		crc ^= b[i];
		for (int k = 0; k < 8; k++)
			crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78 : 0);
	}
	return ~crc;
}

static void sctp_crc(void **state)
{
	static uint8_t b[512];
	size_t n = test_bytes(b, sizeof(b), "eth ip4:1.1.1.1>2.2.2.2 sctp:5>6 data:101");
	struct pkt_nat nat = {
		.set = 15, .src = {3, 3, 3, 3}, .dst = {4, 4, 4, 4}, .sport = 7, .dport = 8};

	for (size_t seg = 13; seg < 140; seg += 11) {
		struct rte_mbuf *m = test_mbuf_split(test_pool(), b, n, seg);
		struct pkt_parse p = parse(m);
		uint8_t out[512];

		assert_false(pkt_l4_csum_ok(m, &p, PKT_OUTER));
		m->ol_flags |= RTE_MBUF_F_TX_SCTP_CKSUM;
		pkt_csum_finish(m, &p);
		assert_true(pkt_l4_csum_ok(m, &p, PKT_OUTER));
		assert_int_equal(pkt_nat(m, &p, PKT_OUTER, &nat), 0);
		assert_true(pkt_l4_csum_ok(m, &p, PKT_OUTER));
		test_copy_out(m, out, sizeof(out));
		uint32_t is = pkt_get32(out + 34 + 8);

		memset(out + 34 + 8, 0, 4);
		assert_int_equal(is, rte_cpu_to_le_32(crc32c_bitwise(out + 34, n - 34)));
		assert_null(test_bad_sum(m));
		rte_pktmbuf_free(m);
	}
}

static void offload_lengths(void **state)
{
	struct rte_mbuf *m = test_packet(test_pool(), "eth vlan:4 ip4:opt=4 tcp:1>2,mss=9");
	struct pkt_parse p = parse(m);

	m->ol_flags = RTE_MBUF_F_TX_TCP_SEG | RTE_MBUF_F_TX_TCP_CKSUM;
	assert_true(pkt_set_offload_lengths(m, &p));
	assert_int_equal(m->l2_len, 18);
	assert_int_equal(m->l3_len, 24);
	assert_int_equal(m->l4_len, 24);
	assert_true(m->ol_flags & RTE_MBUF_F_TX_IPV4 && m->ol_flags & RTE_MBUF_F_TX_IP_CKSUM);
	rte_pktmbuf_free(m);
	m = test_packet(test_pool(), "eth ip4 udp:1>4789 vxlan:4 eth ip6 tcp:1>2");
	p = parse(m);
	m->ol_flags = RTE_MBUF_F_TX_TUNNEL_VXLAN | RTE_MBUF_F_TX_TCP_CKSUM;
	assert_true(pkt_set_offload_lengths(m, &p));
	assert_int_equal(m->outer_l2_len, 14);
	assert_int_equal(m->outer_l3_len, 20);
	assert_int_equal(m->l2_len, 8 + 8 + 14);
	assert_int_equal(m->l3_len, 40);
	assert_true(m->ol_flags & RTE_MBUF_F_TX_IPV6 && m->ol_flags & RTE_MBUF_F_TX_OUTER_IPV4);
	rte_pktmbuf_free(m);
	m = test_packet(test_pool(), "eth ip4 udp:1>6081 geneve:4,opt=120 eth ip6 tcp:1>2");
	p = parse(m);
	m->ol_flags = RTE_MBUF_F_TX_TUNNEL_GENEVE | RTE_MBUF_F_TX_TCP_CKSUM;
	assert_false(pkt_set_offload_lengths(m, &p));
	rte_pktmbuf_free(m);
}

/* ---- forks ---- */

static void fork_is_independent(void **state)
{
	static uint8_t before[4000], after[4000];
	static const uint16_t sizes[] = {0, 40, 600, 1400, 3000};

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++)
		for (size_t seg = 100; seg < 2000; seg += 450) {
			size_t n = test_bytes(
				before, sizeof(before), "eth ip4 udp:1>2 data:%u", sizes[i]);
			struct rte_mbuf *m = test_mbuf_split(test_pool(), before, n, seg), *f;
			struct pkt_parse p = parse(m), q;
			struct pkt_nat nat = {.set = PKT_NAT_DST, .dst = {9, 9, 9, 9}};

			m->ol_flags |= RTE_MBUF_F_TX_UDP_SEG;
			m->tso_segsz = 77;
			f = pkt_fork(m, &p, test_pool());
			assert_non_null(f);
			rte_mbuf_sanity_check(f, 1);
			assert_int_equal(f->tso_segsz, 77);
			assert_true(f->ol_flags & RTE_MBUF_F_TX_UDP_SEG);
			f->ol_flags = m->ol_flags = 0;
			q = p;
			assert_int_equal(pkt_nat(f, &q, PKT_OUTER, &nat), 0);
			assert_int_equal(pkt_vlan_push(f, &q, 0x8100, 3), 0);
			assert_null(test_bad_sum(f));
			assert_int_equal(test_copy_out(m, after, sizeof(after)), n);
			assert_memory_equal(before, after, n);
			rte_pktmbuf_free(m);
			assert_null(test_bad_sum(f));
			assert_int_equal(rte_pktmbuf_pkt_len(f), n + 4);
			rte_pktmbuf_free(f);
			assert_int_equal(test_pool_in_use(), 0);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nat_rewrites),
		cmocka_unit_test(nat_on_partial),
		cmocka_unit_test(nat_prepared),
		cmocka_unit_test(nat_prepared_takes_any_shape),
		cmocka_unit_test(nat_refuses),
		cmocka_unit_test(nat_hides_nothing),
		cmocka_unit_test(rewrite_any_bytes),
		cmocka_unit_test(rewrite_refuses),
		cmocka_unit_test(nat64),
		cmocka_unit_test(nat64_on_partial),
		cmocka_unit_test(nat64_refuses),
		cmocka_unit_test(ttl),
		cmocka_unit_test(ttl_runs_out),
		cmocka_unit_test(tos),
		cmocka_unit_test(mss),
		cmocka_unit_test(mss_behind_broken_options),
		cmocka_unit_test(macs),
		cmocka_unit_test(vlan),
		cmocka_unit_test(pop_of_a_third_tag),
		cmocka_unit_test(embedded),
		cmocka_unit_test(embedded_refuses),
		cmocka_unit_test(verify_and_recompute),
		cmocka_unit_test(zero_udp_over_ip6_is_for_tunnels),
		cmocka_unit_test(routing_header_destination),
		cmocka_unit_test(sctp_crc),
		cmocka_unit_test(offload_lengths),
		cmocka_unit_test(fork_is_independent),
	};

	test_eal_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
