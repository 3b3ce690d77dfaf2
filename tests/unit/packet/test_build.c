/* SPDX-License-Identifier: BSD-3-Clause */
/* build: each built packet is the fixture's, byte for byte; each rule about silence is kept. */
#include "packet/build.h"
#include "packet/packet_int.h"

#include "fixture.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#include "base/rng.h"

static const struct rte_ether_addr mac9 = {{2, 0, 0, 0, 0, 9}};

static struct pkt_parse parse(struct rte_mbuf *m)
{
	struct pkt_parse p;

	assert_int_equal(pkt_parse(m, &p), 0);
	return p;
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
	assert_null(test_bad_sum(m));
}

static const uint8_t *ip4(const char *text)
{
	static uint8_t a[4];

	inet_pton(AF_INET, text, a);
	return a;
}

static const uint8_t *ip6(const char *text)
{
	static uint8_t a[2][16];
	static int i;

	i ^= 1;
	inet_pton(AF_INET6, text, a[i]);
	return a[i];
}

static void arp(void **state)
{
	struct rte_mbuf *m = pkt_make_arp_request(
		test_pool(), &mac9, ip4("10.0.0.1"), (uint8_t[]){10, 0, 0, 2}, 77);
	struct pkt_parse p = parse(m);
	struct pkt_arp a;
	static const struct rte_ether_addr mac5 = {{2, 0, 0, 0, 0, 5}};

	((uint8_t *)pkt_at(m, 0))[0] = 2; /* the fixture writes no broadcast */
	memset((uint8_t *)pkt_at(m, 1), 0, 5);
	assert_bytes("request", m, "eth:s=9,d=0 vlan:77 arp:op=1,s=10.0.0.1,t=10.0.0.2,sm=9");
	assert_int_equal(pkt_arp_get(m, &p, &a), 0);
	assert_int_equal(a.op, 1);
	assert_memory_equal(&a.sender_mac, &mac9, 6);
	assert_int_equal(pkt_arp_reply(m, &p, &mac5), 0);
	assert_bytes("reply", m, "eth:s=5,d=9 vlan:77 arp:op=2,s=10.0.0.2,t=10.0.0.1,sm=5,tm=9");
	assert_int_equal(pkt_arp_reply(m, &p, &mac5), -DROP_EDIT_NO_HEADER); /* it is a reply now */
	rte_pktmbuf_free(m);
	m = pkt_make_arp_announce(test_pool(), &mac9, ip4("10.0.0.1"), -1);
	p = parse(m);
	assert_int_equal(pkt_arp_get(m, &p, &a), 0);
	assert_memory_equal(a.sender_ip, a.target_ip, 4);
	assert_int_equal(m->pkt_len, 42);
	rte_pktmbuf_free(m);
}

/* ---- neighbour discovery ---- */

static void solicit_and_advertise(void **state)
{
	for (int tci = -1; tci < 6; tci += 6)
		for (int dad = 0; dad < 2; dad++) {
			const uint8_t *src = ip6(dad ? "::" : "fd00::1"),
				      *target = ip6("fd00::12:3456");
			struct rte_mbuf *ns = pkt_make_ns(test_pool(), &mac9, src, target, tci),
					*na;
			static const struct rte_ether_addr mac5 = {{2, 0, 0, 0, 0, 5}};
			struct pkt_parse p = parse(ns);
			struct pkt_nd nd;
			uint8_t *eth = pkt_at(ns, 0);

			assert_null(test_bad_sum(ns));
			assert_memory_equal(
				eth, ((uint8_t[]){0x33, 0x33, 0xff, 0x12, 0x34, 0x56}), 6);
			assert_int_equal(pkt_nd_get(ns, &p, &nd), 0);
			assert_int_equal(nd.type, PKT_ND_NS);
			assert_int_equal(nd.dad, dad);
			assert_int_equal(nd.has_lladdr, !dad);
			assert_memory_equal(nd.target, target, 16);
			assert_memory_equal(nd.dst, ip6("ff02::1:ff12:3456"), 16);
			na = pkt_make_na(test_pool(), ns, &p, &nd, &mac5, true);
			p = parse(na);
			assert_int_equal(p.outer.l2_type, tci < 0 ? PKT_L2_ETH : PKT_L2_VLAN);
			assert_null(test_bad_sum(na));
			assert_int_equal(pkt_nd_get(na, &p, &nd), 0);
			assert_int_equal(nd.type, PKT_ND_NA);
			assert_true(nd.router && nd.override && nd.has_lladdr);
			assert_int_equal(nd.solicited, !dad);
			assert_memory_equal(&nd.lladdr, &mac5, 6);
			assert_memory_equal(nd.src, target, 16);
			assert_memory_equal(nd.dst, dad ? ip6("ff02::1") : ip6("fd00::1"), 16);
			eth = pkt_at(na, 0);
			assert_memory_equal(eth,
				dad ? (const uint8_t *)"\x33\x33\0\0\0\1" : mac9.addr_bytes, 6);
			assert_memory_equal(eth + 6, &mac5, 6);
			rte_pktmbuf_free(ns);
			rte_pktmbuf_free(na);
		}
}

static void announce(void **state)
{
	struct rte_mbuf *m = pkt_make_na_announce(test_pool(), &mac9, ip6("fd00::5"), -1);
	struct pkt_parse p = parse(m);
	struct pkt_nd nd;

	assert_int_equal(pkt_nd_get(m, &p, &nd), 0);
	assert_true(nd.override && !nd.solicited && !nd.router);
	assert_null(test_bad_sum(m));
	rte_pktmbuf_free(m);
}

/* A neighbour message from scratch: type, flags, addresses, options as given. */
static int nd_verdict(uint8_t type, const char *src, const char *dst, const char *target,
	unsigned hops, uint8_t code, uint8_t flags, const uint8_t *options, size_t options_len,
	size_t cut, bool badsum)
{
	uint32_t fixed = type == PKT_ND_RS ? 8 : type == PKT_ND_RA ? 16 : 24;
	struct rte_mbuf *m = test_packet(test_pool(), "eth ip6:%s>%s,hl=%u icmp6:%u,%u data:%zu",
		src, dst, hops, type, code, fixed - 8 + options_len - cut);
	struct pkt_parse p = parse(m);
	uint8_t *b = pkt_at(m, p.outer.l4);
	struct pkt_nd nd;
	int r;

	b[4] = flags;
	if (fixed == 24 && !cut)
		memcpy(b + 8, ip6(target), 16);
	if (!cut)
		memcpy(b + fixed, options, options_len);
	pkt_put16(b + 2, 0);
	pkt_put16(b + 2, pkt_l4_csum(m, &p.outer));
	if (badsum)
		b[2] ^= 1;
	r = pkt_nd_get(m, &p, &nd);
	rte_pktmbuf_free(m);
	return r;
}

static void nd_rules(void **state)
{
	static const uint8_t source[] = {1, 1, 2, 0, 0, 0, 0, 7},
			     zero_length[] = {1, 0, 0, 0, 0, 0, 0, 0},
			     too_long[] = {1, 2, 0, 0, 0, 0, 0, 0},
			     unknown[] = {99, 1, 0, 0, 0, 0, 0, 0};
	static const struct {
		uint8_t type;
		const char *src, *dst, *target;
		unsigned hops;
		uint8_t code, flags;
		const uint8_t *options;
		size_t options_len, cut;
		bool badsum, good;
	} cases[] = {
		{135, "fd00::1", "ff02::1:ff00:2", "fd00::2", 255, 0, 0, source, 8, 0, false, true},
		{135, "fd00::1", "fd00::2", "fd00::2", 255, 0, 0, unknown, 8, 0, false, true},
		{135, "fd00::1", "fd00::2", "fd00::2", 254, 0, 0, source, 8, 0, false, false},
		{135, "fd00::1", "fd00::2", "fd00::2", 255, 1, 0, source, 8, 0, false, false},
		{135, "fd00::1", "fd00::2", "fd00::2", 255, 0, 0, source, 8, 0, true, false},
		{135, "fd00::1", "fd00::2", "ff02::2", 255, 0, 0, source, 8, 0, false, false},
		{135, "fd00::1", "fd00::2", "fd00::2", 255, 0, 0, zero_length, 8, 0, false, false},
		{135, "fd00::1", "fd00::2", "fd00::2", 255, 0, 0, too_long, 8, 0, false, false},
		{135, "fd00::1", "fd00::2", "fd00::2", 255, 0, 0, source, 1, 0, false, false},
		{135, "fd00::1", "fd00::2", "fd00::2", 255, 0, 0, source, 0, 1, false, false},
		{135, "::", "ff02::1:ff00:2", "fd00::2", 255, 0, 0, source, 0, 0, false, true},
		{135, "::", "ff02::1:ff00:2", "fd00::2", 255, 0, 0, source, 8, 0, false, false},
		{135, "::", "fd00::2", "fd00::2", 255, 0, 0, source, 0, 0, false, false},
		{136, "fd00::2", "fd00::1", "fd00::2", 255, 0, 0x60, source, 0, 0, false, true},
		{136, "fd00::2", "ff02::1", "fd00::2", 255, 0, 0x20, source, 0, 0, false, true},
		{136, "fd00::2", "ff02::1", "fd00::2", 255, 0, 0x60, source, 0, 0, false, false},
		{136, "fd00::2", "fd00::1", "ff02::2", 255, 0, 0x60, source, 0, 0, false, false},
		{133, "fe80::1", "ff02::2", "", 255, 0, 0, source, 8, 0, false, true},
		{133, "::", "ff02::2", "", 255, 0, 0, source, 0, 0, false, true},
		{133, "::", "ff02::2", "", 255, 0, 0, source, 8, 0, false, false},
		{134, "fe80::1", "ff02::1", "", 255, 0, 0, source, 8, 0, false, true},
		{134, "fd00::1", "ff02::1", "", 255, 0, 0, source, 8, 0, false, false},
		{134, "fe80::1", "ff02::1", "", 255, 0, 0, source, 0, 4, false, false},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		int r = nd_verdict(cases[i].type, cases[i].src, cases[i].dst, cases[i].target,
			cases[i].hops, cases[i].code, cases[i].flags, cases[i].options,
			cases[i].options_len, cases[i].cut, cases[i].badsum);

		if (r != (cases[i].good ? 0 : -DROP_ND_BAD))
			fail_msg("case %zu: %s", i, drop_name((enum drop_reason) - r));
	}
}

static void nd_is_not_everything(void **state)
{
	static const char *const specs[] = {
		"eth ip6 icmp6:128", "eth ip6 icmp6:137", "eth ip4 icmp:8", "eth arp"};

	for (size_t i = 0; i < ARRAY_SIZE(specs); i++) {
		struct rte_mbuf *m = test_packet(test_pool(), "%s", specs[i]);
		struct pkt_parse p = parse(m);
		struct pkt_nd nd;

		if (p.outer.l4 == PKT_ABSENT)
			p.outer.l4 = 0;
		assert_int_equal(pkt_nd_get(m, &p, &nd), -DROP_EDIT_NO_HEADER);
		rte_pktmbuf_free(m);
	}
}

/* ---- ICMP errors ---- */

static void errors(void **state)
{
	static const struct {
		const char *about;
		enum pkt_error error;
		uint32_t arg;
		const char *src; /* NULL: the packet's destination */
		const char *want;
		size_t quote; /* bytes of the datagram */
	} cases[] = {
		{"eth vlan:5 ip4:1.1.1.1>2.2.2.2 udp:1>2 data:10", PKT_ERROR_PORT_UNREACHABLE, 0,
			NULL,
			"eth:s=2,d=1 vlan:5 ip4:2.2.2.2>1.1.1.1,df,tos=0xc0 icmp:3,3 data:%zu", 38},
		{"eth ip4:1.1.1.1>2.2.2.2,df tcp:1>2 data:1000", PKT_ERROR_TOO_BIG, 1450, "3.3.3.3",
			"eth:s=2,d=1 ip4:3.3.3.3>1.1.1.1,df,tos=0xc0 icmp:3,4,seq=1450 data:%zu",
			548},
		{"eth ip4:1.1.1.1>2.2.2.2,opt=8 tcp:1>2 data:10", PKT_ERROR_PROHIBITED, 0, NULL,
			"eth:s=2,d=1 ip4:2.2.2.2>1.1.1.1,df,tos=0xc0 icmp:3,13 data:%zu", 58},
		{"eth ip4:1.1.1.1>2.2.2.2 icmp:8", PKT_ERROR_TTL, 0, "3.3.3.3",
			"eth:s=2,d=1 ip4:3.3.3.3>1.1.1.1,df,tos=0xc0 icmp:11,0 data:%zu", 28},
		{"eth ip6 udp:1>2 data:10 pad:9", PKT_ERROR_PORT_UNREACHABLE, 0, NULL,
			"eth:s=2,d=1 ip6:fd00::2>fd00::1 icmp6:1,4 data:%zu", 58},
		{"eth ip6 tcp:1>2 data:3000", PKT_ERROR_TOO_BIG, 1430, "fd00::9",
			"eth:s=2,d=1 ip6:fd00::9>fd00::1 icmp6:2,0,seq=1430 data:%zu", 1232},
		{"eth ip6 tcp:1>2 data:3", PKT_ERROR_HOST_UNREACHABLE, 0, "fd00::9",
			"eth:s=2,d=1 ip6:fd00::9>fd00::1 icmp6:1,3 data:%zu", 63},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		for (size_t seg = 2000; seg > 100; seg /= 3) {
			static uint8_t b[4000], want[4000], is[4000];
			size_t n = test_bytes(b, sizeof(b), "%s", cases[i].about), w, at;
			struct rte_mbuf *m = test_mbuf_split(test_pool(), b, n, seg), *e;
			struct pkt_parse p = parse(m);
			uint8_t src[16];

			if (cases[i].src)
				inet_pton(strchr(cases[i].src, ':') ? AF_INET6 : AF_INET,
					cases[i].src, src);
			e = pkt_make_error(test_pool(), m, &p, cases[i].error, cases[i].arg,
				cases[i].src ? src : NULL);
			assert_non_null(e);
			w = test_bytes(want, sizeof(want), cases[i].want, cases[i].quote);
			at = w - cases[i].quote;
			memcpy(want + at, b + p.outer.l3, cases[i].quote); /* the quote */
			assert_int_equal(test_copy_out(e, is, sizeof(is)), w);
			memcpy(want + at - 6, is + at - 6, 2); /* checksum: the twin judges it */
			assert_null(test_bad_sum(e));
			assert_memory_equal(is, want, w);
			rte_pktmbuf_free(m);
			rte_pktmbuf_free(e);
		}
}

static void silence(void **state)
{
	static const char *const specs[] = {
		"eth ip4 icmp:3,3 data:28",
		"eth ip4 icmp:5,0 data:28",
		"eth ip4:off=3,proto=17 data:8",
		"eth ip4:0.0.0.0>1.1.1.1 udp:1>2",
		"eth ip4:224.0.0.1>1.1.1.1 udp:1>2",
		"eth ip4:1.1.1.1>224.0.0.1 udp:1>2",
		"eth ip4:1.1.1.1>255.255.255.255 udp:1>2",
		"eth ip6 icmp6:1,4 data:48",
		"eth ip6 icmp6:137 data:48",
		"eth ip6:::>fd00::1 udp:1>2",
		"eth ip6:ff02::1>fd00::1 udp:1>2",
		"eth ip6:fd00::1>ff02::1 udp:1>2",
		"eth arp",
		"eth:type=0x88b5 data:60",
	};

	for (size_t i = 0; i < ARRAY_SIZE(specs); i++) {
		struct rte_mbuf *m = test_packet(test_pool(), "%s", specs[i]);
		struct pkt_parse p = parse(m);

		assert_null(pkt_make_error(test_pool(), m, &p, PKT_ERROR_PROHIBITED, 0, NULL));
		rte_pktmbuf_free(m);
	}
	/* but a path MTU is told to the source of a multicast (RFC 4443 sec. 2.4 e.3) */
	struct rte_mbuf *m = test_packet(test_pool(), "eth ip6:fd00::1>ff0e::1 udp:1>2"), *e;
	struct pkt_parse p = parse(m);

	e = pkt_make_error(test_pool(), m, &p, PKT_ERROR_TOO_BIG, 1280, ip6("fd00::9"));
	assert_non_null(e);
	rte_pktmbuf_free(e);
	rte_pktmbuf_free(m);
	assert_int_equal(test_pool_in_use(), 0);
}

static void resets(void **state)
{
	static const struct {
		const char *segment, *want;
	} cases[] = {
		{"eth ip4:1.1.1.1>2.2.2.2 tcp:5>80,fl=S,seq=100,mss=1460",
			"eth:s=2,d=1 ip4:2.2.2.2>1.1.1.1,df tcp:80>5,fl=RA,ack=101,win=0"},
		{"eth vlan:4 ip4:1.1.1.1>2.2.2.2 tcp:5>80,fl=FP,seq=0xffffffff data:10",
			"eth:s=2,d=1 vlan:4 ip4:2.2.2.2>1.1.1.1,df tcp:80>5,fl=RA,ack=10,win=0"},
		{"eth ip4:1.1.1.1>2.2.2.2 tcp:5>80,fl=AP,seq=100,ack=777 data:10",
			"eth:s=2,d=1 ip4:2.2.2.2>1.1.1.1,df tcp:80>5,fl=R,seq=777,win=0"},
		{"eth ip6 hbh:6 tcp:5>80,fl=S,seq=9",
			"eth:s=2,d=1 ip6:fd00::2>fd00::1 tcp:80>5,fl=RA,ack=10,win=0"},
		{"eth ip4 tcp:5>80,fl=R", NULL},
		{"eth ip4 udp:5>80", NULL},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct rte_mbuf *m = test_packet(test_pool(), "%s", cases[i].segment), *r;
		struct pkt_parse p = parse(m);

		r = pkt_make_rst(test_pool(), m, &p);
		assert_true((r != NULL) == (cases[i].want != NULL));
		if (r)
			assert_bytes(cases[i].segment, r, cases[i].want);
		rte_pktmbuf_free(r);
		rte_pktmbuf_free(m);
	}
}

static void echo(void **state)
{
	static const struct {
		const char *request, *want;
	} cases[] = {
		{"eth vlan:4 ip4:1.1.1.1>2.2.2.2,ttl=3,id=7 icmp:8,id=5,seq=6 data:50",
			"eth:s=2,d=1 vlan:4 ip4:2.2.2.2>1.1.1.1,id=7 icmp:0,id=5,seq=6 data:50"},
		{"eth ip6:fd00::1>fd00::2,hl=3 icmp6:128,id=5,seq=6 data:51",
			"eth:s=2,d=1 ip6:fd00::2>fd00::1 icmp6:129,id=5,seq=6 data:51"},
		{"eth ip4 icmp:0,id=5", NULL},
		{"eth ip4:1.1.1.1>224.0.0.1 icmp:8", NULL},
		{"eth ip6:fd00::1>ff02::1 icmp6:128", NULL},
		{"eth ip4:mf icmp:8 data:8", NULL},
		{"eth ip4 tcp:1>2", NULL},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct rte_mbuf *m = test_packet(test_pool(), "%s", cases[i].request);
		struct pkt_parse p = parse(m);
		int r = pkt_echo_reply(m, &p);

		assert_int_equal(r, cases[i].want ? 0 : -DROP_EDIT_NO_HEADER);
		if (cases[i].want)
			assert_bytes(cases[i].request, m, cases[i].want);
		rte_pktmbuf_free(m);
	}
}

/* No builder leaks or crashes when the pool is empty. */
static void empty_pool(void **state)
{
	struct rte_mempool *none = rte_pktmbuf_pool_create("none", 1, 0, 0, 2176, SOCKET_ID_ANY);
	struct rte_mbuf *held = rte_pktmbuf_alloc(none),
			*m = test_packet(test_pool(), "eth ip6 tcp:1>2,fl=S");
	struct pkt_parse p = parse(m);
	struct pkt_nd nd = {.type = PKT_ND_NS};

	assert_null(pkt_make_arp_request(none, &mac9, ip4("1.1.1.1"), ip4("1.1.1.1"), -1));
	assert_null(pkt_make_ns(none, &mac9, ip6("fd00::1"), ip6("fd00::2"), -1));
	assert_null(pkt_make_na(none, m, &p, &nd, &mac9, false));
	assert_null(pkt_make_na_announce(none, &mac9, ip6("fd00::2"), -1));
	assert_null(pkt_make_error(none, m, &p, PKT_ERROR_TTL, 0, NULL));
	assert_null(pkt_make_rst(none, m, &p));
	rte_pktmbuf_free(m);
	rte_pktmbuf_free(held);
	rte_mempool_free(none);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(arp),
		cmocka_unit_test(solicit_and_advertise),
		cmocka_unit_test(announce),
		cmocka_unit_test(nd_rules),
		cmocka_unit_test(nd_is_not_everything),
		cmocka_unit_test(errors),
		cmocka_unit_test(silence),
		cmocka_unit_test(resets),
		cmocka_unit_test(echo),
		cmocka_unit_test(empty_pool),
	};

	test_eal_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
