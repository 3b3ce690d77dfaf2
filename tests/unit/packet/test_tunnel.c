/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tunnel: an encapsulated packet is the one the fixture builds, its parse is what a fresh parse
 * says, decap gives the original back; for every tunnel, family, inner, segmentation, and for
 * packets with unfinished checksums.
 */
#include "packet/edit.h"
#include "packet/packet_int.h"
#include "packet/tunnel.h"

#include "fixture.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#include "base/refuse.h"
#include "base/rng.h"
#include "engine/checksum.h"

static const uint8_t psc[] = {1, 0, 9, 0};
static const uint8_t tlv[] = {1, 2, 0x21, 1, 0, 0, 0, 0};

static const struct {
	enum pkt_tun type;
	const char *header; /* in the fixture's words, behind the IP header */
	struct pkt_encap_config c;
} tunnels[] = {
	{PKT_TUN_VXLAN, "udp:50000>4789%s vxlan:100", {.vni = 100}},
	{PKT_TUN_VXLAN_GPE, "udp:50000>4790%s gpe:100", {.vni = 100}},
	{PKT_TUN_VXLAN_GPE, "udp:50000>4790%s gpe:100", {.vni = 100, .inner_l2 = true}},
	{PKT_TUN_GENEVE, "udp:50000>6081%s geneve:100", {.vni = 100, .inner_l2 = true}},
	{PKT_TUN_GENEVE, "udp:50000>6081%s geneve:7,opt=8",
		{.vni = 7, .inner_l2 = true, .options = tlv, .options_len = sizeof(tlv)}},
	{PKT_TUN_GENEVE, "udp:50000>6081%s geneve:100", {.vni = 100}},
	{PKT_TUN_GRE, "gre", {.inner_l2 = true}},
	{PKT_TUN_GRE, "gre:key=100", {.vni = 100, .has_key = true}},
	{PKT_TUN_NVGRE, "gre:key=0x6400", {.vni = 100}},
	{PKT_TUN_GTPU, "udp:50000>2152%s gtpu:100", {.vni = 100}},
	{PKT_TUN_GTPU, "udp:50000>2152%s gtpu:100,psc",
		{.vni = 100, .options = psc, .options_len = sizeof(psc)}},
	{PKT_TUN_IPIP, "", {.vni = 0}},
	{PKT_TUN_MPLS_UDP, "udp:50000>6635%s mpls:100", {.vni = 100}},
};

static const char *const inners[] = {
	"ip4:1.1.1.1>2.2.2.2 tcp:1>2 data:50",
	"ip6 udp:1>2 data:7",
	"ip4:tos=0x01 icmp:8 data:20",
	"ip6 hbh:6 tcp:5>6,fl=S,mss=1400",
};

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
}

static struct pkt_encap_config config(size_t t, bool ip6, bool csum, bool vlan)
{
	struct pkt_encap_config c = tunnels[t].c;

	c.type = tunnels[t].type;
	c.dst_mac = (struct rte_ether_addr){{2, 0, 0, 0, 0, 0x22}};
	c.src_mac = (struct rte_ether_addr){{2, 0, 0, 0, 0, 0x21}};
	c.has_vlan = vlan;
	c.vlan_tci = 77;
	c.ip6 = ip6;
	inet_pton(ip6 ? AF_INET6 : AF_INET, ip6 ? "fd00:9::1" : "192.168.1.101", c.src);
	inet_pton(ip6 ? AF_INET6 : AF_INET, ip6 ? "fd00:9::2" : "192.168.1.102", c.dst);
	c.udp_csum = csum;
	c.sport = 50000;
	return c;
}

static const char *outer_spec(size_t t, const struct pkt_encap_config *c)
{
	static char spec[300], tun[100];

	snprintf(tun, sizeof(tun), tunnels[t].header, c->udp_csum ? "" : ",nosum");
	snprintf(spec, sizeof(spec), "eth:s=0x21,d=0x22 %s%s %s", c->has_vlan ? "vlan:77 " : "",
		c->ip6 ? "ip6:fd00:9::1>fd00:9::2" : "ip4:192.168.1.101>192.168.1.102,df", tun);
	return spec;
}

static bool is_bare(size_t t)
{
	return !tunnels[t].c.inner_l2 && tunnels[t].type != PKT_TUN_VXLAN &&
	       tunnels[t].type != PKT_TUN_NVGRE;
}

/* partial: leave the inner checksum to be done, as the kernel does. */
static void make_partial(struct rte_mbuf *m)
{
	struct pkt_parse p = parse(m);
	const struct pkt_headers *h = &p.outer;

	if (h->l4_type != PKT_L4_TCP && h->l4_type != PKT_L4_UDP)
		return;
	*pkt_l4_csum_field(m, h) = checksum_fold(pkt_pseudo_sum(m, h, h->l3_end - h->l4));
	m->ol_flags |= h->l4_type == PKT_L4_TCP ? RTE_MBUF_F_TX_TCP_CKSUM : RTE_MBUF_F_TX_UDP_CKSUM;
}

static void round_trip(
	size_t t, size_t i, const struct pkt_encap_config *c, size_t seg, bool partial)
{
	static uint8_t b[2048];
	static const uint8_t eth[14] = {2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1};
	size_t n = test_bytes(b, sizeof(b), "eth %s", inners[i]);
	struct rte_mbuf *m = test_mbuf_split(test_pool(), b, n, seg);
	char want[500], plain[200];
	struct pkt_parse p, fresh;
	struct pkt_encap e;

	snprintf(want, sizeof(want), "%s %s%s", outer_spec(t, c), is_bare(t) ? "" : "eth ",
		inners[i]);
	snprintf(plain, sizeof(plain), "eth %s", inners[i]);
	if (partial)
		make_partial(m);
	p = parse(m);
	assert_int_equal(pkt_encap_init(&e, c), 0);
	assert_int_equal(pkt_encap(m, &p, &e, 0x12345678), 0);
	rte_mbuf_sanity_check(m, 1);
	fresh = parse(m);
	assert_memory_equal(&p, &fresh, sizeof(p));
	if (m->ol_flags & RTE_MBUF_F_TX_L4_MASK) {
		assert_true(m->ol_flags & RTE_MBUF_F_TX_TUNNEL_MASK);
		pkt_csum_finish(m, &p);
	}
	assert_int_equal(m->ol_flags, 0);
	assert_bytes(want, m, want);
	assert_int_equal(pkt_decap(m, &p, eth, sizeof(eth)), 0);
	assert_bytes(want, m, plain);
	fresh = parse(m);
	assert_memory_equal(&p, &fresh, sizeof(p));
	rte_pktmbuf_free(m);
}

static void every_tunnel_there_and_back(void **state)
{
	for (size_t t = 0; t < ARRAY_SIZE(tunnels); t++)
		for (size_t i = 0; i < ARRAY_SIZE(inners); i++)
			for (unsigned bits = 0; bits < 16; bits++) {
				struct pkt_encap_config c = config(t, bits & 1, bits & 2, bits & 4);

				round_trip(t, i, &c, 2000, bits & 8);
				round_trip(t, i, &c, 41, bits & 8);
			}
	assert_int_equal(test_pool_in_use(), 0);
}

/* Decap while the inner checksum is still to be done: the flags speak of the only header left. */
static void decap_keeps_partial(void **state)
{
	struct pkt_encap_config c = config(0, true, true, false);
	struct rte_mbuf *m = test_packet(test_pool(), "eth ip4 tcp:1>2 data:30");
	struct pkt_encap e;
	struct pkt_parse p;

	make_partial(m);
	p = parse(m);
	assert_int_equal(pkt_encap_init(&e, &c), 0);
	assert_int_equal(pkt_encap(m, &p, &e, 1), 0);
	assert_true(pkt_partial(m, PKT_INNER));
	assert_true(m->ol_flags & RTE_MBUF_F_TX_OUTER_UDP_CKSUM);
	assert_int_equal(pkt_decap(m, &p, NULL, 0), 0);
	assert_int_equal(m->ol_flags, RTE_MBUF_F_TX_TCP_CKSUM);
	pkt_csum_finish(m, &p);
	assert_bytes("partial", m, "eth ip4 tcp:1>2 data:30");
	rte_pktmbuf_free(m);
}

static void padding_is_cut(void **state)
{
	struct rte_mbuf *m =
		test_packet(test_pool(), "eth ip4 gre ip4:1.1.1.1>2.2.2.2 udp:1>2 data:1 pad:40");
	struct pkt_parse p = parse(m);
	static const uint8_t eth[18] = {2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x81, 0, 0, 5};
	struct pkt_encap_config c = config(11, false, false, false);
	struct pkt_encap e;

	assert_int_equal(pkt_decap(m, &p, eth, sizeof(eth)), 0);
	assert_bytes("pad", m, "eth vlan:5 ip4:1.1.1.1>2.2.2.2 udp:1>2 data:1");
	rte_pktmbuf_free(m);
	m = test_packet(test_pool(), "eth ip4 udp:1>2 data:1 pad:20");
	p = parse(m);
	assert_int_equal(pkt_encap_init(&e, &c), 0);
	assert_int_equal(pkt_encap(m, &p, &e, 0), 0);
	assert_bytes("pad", m,
		"eth:s=0x21,d=0x22 ip4:192.168.1.101>192.168.1.102,df ip4 udp:1>2 data:1");
	rte_pktmbuf_free(m);
}

static void entropy(void **state)
{
	struct pkt_encap_config c = config(0, true, false, false);
	uint16_t seen[64];
	struct pkt_encap e;
	unsigned distinct = 0;

	c.entropy = true;
	assert_int_equal(pkt_encap_init(&e, &c), 0);
	for (uint32_t i = 0; i < 64; i++) {
		struct rte_mbuf *m = test_packet(test_pool(), "eth ip4 udp:1>2");
		struct pkt_parse p = parse(m);

		assert_int_equal(pkt_encap(m, &p, &e, i * 0x9e3779b9), 0);
		seen[i] = pkt_be16(pkt_at(m, p.outer.l4));
		assert_in_range(seen[i], 49152, 65535);
		assert_int_equal(seen[i], pkt_entropy_port(i * 0x9e3779b9));
		assert_int_equal(pkt_be32(pkt_at(m, p.outer.l3)) >> 20, 0x600);
		distinct += !i || seen[i] != seen[i - 1];
		rte_pktmbuf_free(m);
	}
	assert_true(distinct > 60);
}

static void ecn_and_dscp_out(void **state)
{
	static const struct {
		enum pkt_tos_copy how;
		unsigned template, inner, want;
	} cases[] = {{PKT_TOS_FIXED, 0xb8, 0x03, 0xb8}, {PKT_TOS_COPY_ECN, 0xb8, 0x2a, 0xba},
		{PKT_TOS_COPY_ECN, 0xb8, 0x03, 0xbb}, {PKT_TOS_COPY, 0xb8, 0x2a, 0x2a}};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		for (int six = 0; six < 2; six++) {
			struct pkt_encap_config c = config(0, six, false, false);
			struct rte_mbuf *m =
				test_packet(test_pool(), "eth ip4:tos=%u udp:1>2", cases[i].inner);
			struct pkt_parse p = parse(m);
			struct pkt_encap e;

			c.tos = (uint8_t)cases[i].template;
			c.tos_copy = cases[i].how;
			assert_int_equal(pkt_encap_init(&e, &c), 0);
			assert_int_equal(pkt_encap(m, &p, &e, 0), 0);
			assert_int_equal(pkt_get_tos(m, &p.outer), cases[i].want);
			assert_null(test_bad_sum(m));
			rte_pktmbuf_free(m);
		}
}

static struct pkt_encap_config random_config(struct rng *r)
{
	struct pkt_encap_config c = config(
		rng_below(r, ARRAY_SIZE(tunnels)), rng_one_in(r, 2), rng_one_in(r, 4), rng_one_in(r, 3));

	c.entropy = rng_one_in(r, 2);
	c.tos = (uint8_t)rng_u32(r);
	c.tos_copy = rng_below(r, 3);
	c.flow_label = rng_one_in(r, 2) ? 0x12345 : 0;
	return c;
}

/* For a packet that leaves the same bytes and flags are made as for one that stays. */
static void the_last_one_is_no_other(void **state)
{
	static uint8_t got[2][TEST_PACKET_MAX];
	struct rng r;

	rng_init(&r, rng_test_seed("encap last"));
	for (unsigned round = 0; round < 5000; round++) {
		struct pkt_encap_config c = random_config(&r);
		const char *inner = rng_one_in(&r, 8) ? "arp:op=1,s=10.0.0.1,t=10.0.0.2" : inners[rng_below(&r, ARRAY_SIZE(inners))];
		uint32_t hash = rng_u32(&r);
		bool partial = rng_one_in(&r, 4);
		uint64_t flags[2];
		struct pkt_encap e;
		size_t n[2];
		int err[2];

		assert_int_equal(pkt_encap_init(&e, &c), 0);
		for (unsigned last = 0; last < 2; last++) {
			struct rte_mbuf *m = test_packet(test_pool(), "eth %s", inner);
			struct pkt_parse p;

			if (partial)
				make_partial(m);
			p = parse(m);
			err[last] = last ? pkt_encap_last(m, &p, &e, hash) : pkt_encap(m, &p, &e, hash);
			n[last] = test_copy_out(m, got[last], sizeof(got[last]));
			flags[last] = m->ol_flags;
			rte_pktmbuf_free(m);
		}
		assert_int_equal(err[0], err[1]);
		assert_int_equal(flags[0], flags[1]);
		assert_int_equal(n[0], n[1]);
		assert_memory_equal(got[0], got[1], n[0]);
	}
}

/* RFC 6040 figure 4, all sixteen. -1: drop. */
static void ecn_in(void **state)
{
	static const int want[4][4] = {
		/* inner not-ECT, ECT(1), ECT(0), CE by outer the same order */
		{0, 0, 0, -1}, {1, 1, 1, 3}, {2, 1, 2, 3}, {3, 3, 3, 3}};

	for (int inner = 0; inner < 4; inner++)
		for (int outer = 0; outer < 4; outer++)
			for (int six = 0; six < 2; six++) {
				struct rte_mbuf *m = test_packet(test_pool(),
					"eth ip4:tos=%d udp:1>4789 vxlan:1 eth %s=%d udp:1>2 "
					"data:3",
					outer, six ? "ip6:tc" : "ip4:tos", inner);
				struct pkt_parse p = parse(m);
				int r = pkt_decap(m, &p, NULL, 0);

				if (want[inner][outer] < 0) {
					assert_int_equal(r, -DROP_TUNNEL_ECN);
				} else {
					assert_int_equal(r, 0);
					assert_int_equal(
						pkt_get_tos(m, &p.outer), want[inner][outer]);
					assert_null(test_bad_sum(m));
				}
				rte_pktmbuf_free(m);
			}
}

/* The parse that decap leaves is what a new parse says, whatever is inside and however broken. */
static void decap_parses_as_anew(void **state)
{
	static const char *const specs[] = {"eth ip4 udp:9>4789 vxlan:5 eth ip4 tcp:1>2 data:7",
		"eth ip6 udp:9>4789 vxlan:5 eth ip6 udp:1>2 data:20", "eth vlan:4 ip4 udp:9>4789 vxlan:5 eth ip4 udp:1>2",
		"eth ip4 udp:9>4789 vxlan:5 eth vlan:3 ip4 udp:1>2", "eth ip4 udp:9>4789 vxlan:5 eth ip4 icmp:8,0",
		"eth ip4 udp:9>4789 vxlan:5 eth ip4 udp:9>4789 vxlan:6 eth ip4 udp:1>2", "eth ip4 gre:t eth ip4 tcp:1>2",
		"eth ip4 udp:9>6081 geneve:5 eth ip6 tcp:1>2", "eth ip4 udp:9>4789 vxlan:5 eth ip4:mf udp:1>2 data:8"};
	unsigned decapped = 0;
	struct rng r;

	rng_init(&r, rng_test_seed("anew"));
	for (unsigned round = 0; round < 20000; round++) {
		struct rte_mbuf *m = test_packet(test_pool(), "%s", specs[rng_below(&r, RTE_DIM(specs))]);
		struct pkt_parse p, anew;

		for (unsigned k = rng_below(&r, 3); k; k--)
			*(uint8_t *)pkt_at(m, 40 + rng_below(&r, m->data_len - 40u)) ^= (uint8_t)(1u << rng_below(&r, 8));
		if (pkt_parse(m, &p) == 0 && pkt_decap(m, &p, NULL, 0) == 0) {
			pkt_parse(m, &anew);
			assert_memory_equal(&anew, &p, sizeof(p));
			decapped++;
		}
		rte_pktmbuf_free(m);
	}
	assert_true(decapped > 5000);
}

static void decap_refuses(void **state)
{
	static const struct {
		const char *spec;
		int want;
	} cases[] = {
		{"eth ip4 tcp:1>2", -DROP_EDIT_NO_HEADER},
		{"eth ip4 udp:1>4789 data:3", -DROP_TUNNEL_SHORT},
		{"eth ip4 udp:1>4789 data:40,fill=0", -DROP_TUNNEL_BAD_FLAGS},
		{"eth ip4 udp:1>4789 vxlan:1 eth ip4:len=19 udp:1>2", -DROP_IP4_BAD_LENGTH},
		{"eth ip4 udp:1>2152 gtpu:1,type=1", -DROP_EDIT_NO_HEADER},
		{"eth ip4 ip4 udp:1>2", -DROP_EDIT_NO_HEADER}, /* no Ethernet header given */
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct rte_mbuf *m = test_packet(test_pool(), "%s", cases[i].spec);
		struct pkt_parse p = parse(m);

		assert_int_equal(pkt_decap(m, &p, NULL, 0), cases[i].want);
		rte_pktmbuf_free(m);
	}
}

static void encap_refuses(void **state)
{
	struct pkt_encap_config c = config(11, false, false, false);
	struct rte_mbuf *m = test_packet(test_pool(), "eth arp");
	struct pkt_parse p = parse(m);
	struct pkt_encap e;

	assert_int_equal(pkt_encap_init(&e, &c), 0);
	assert_int_equal(pkt_encap(m, &p, &e, 0), -DROP_EDIT_NO_HEADER);
	rte_pktmbuf_free(m);
	m = test_packet(test_pool(), "eth ip4 udp:1>2");
	p = parse(m);
	rte_pktmbuf_prepend(m, 128);
	rte_pktmbuf_adj(m, 128);
	c = config(0, true, false, false);
	assert_int_equal(pkt_encap_init(&e, &c), 0);
	rte_pktmbuf_prepend(m, 64); /* 64 bytes of headroom left, 70 wanted */
	p = (struct pkt_parse){.outer.l3 = 14};
	assert_int_equal(pkt_encap(m, &p, &e, 0), -DROP_EDIT_NO_ROOM);
	rte_pktmbuf_free(m);
	m = test_packet(test_pool(), "eth ip4 udp:1>2 data:65500");
	p = parse(m);
	assert_int_equal(pkt_encap(m, &p, &e, 0), -DROP_EDIT_NO_ROOM);
	rte_pktmbuf_free(m);
}

static void nested(void **state)
{
	struct pkt_encap_config a = config(0, false, false, false),
				b = config(6, true, false, false);
	struct rte_mbuf *m = test_packet(test_pool(), "eth ip4 tcp:1>2 data:9");
	struct pkt_encap ea, eb;
	struct pkt_parse p, fresh;
	char want[400];

	make_partial(m);
	p = parse(m);
	assert_int_equal(pkt_encap_init(&ea, &a), 0);
	assert_int_equal(pkt_encap_init(&eb, &b), 0);
	assert_int_equal(pkt_encap(m, &p, &ea, 0), 0);
	assert_int_equal(pkt_encap(m, &p, &eb, 0), 0);
	assert_int_equal(m->ol_flags, 0); /* finished: flags know two levels only */
	fresh = parse(m);
	assert_memory_equal(&p, &fresh, sizeof(p));
	snprintf(want, sizeof(want), "%s", outer_spec(6, &b));
	snprintf(want + strlen(want), sizeof(want) - strlen(want), " %s eth ip4 tcp:1>2 data:9",
		outer_spec(0, &a));
	assert_bytes("nested", m, want);
	assert_int_equal(pkt_decap(m, &p, NULL, 0), 0);
	assert_int_equal(p.tun_type, PKT_TUN_VXLAN);
	assert_int_equal(pkt_decap(m, &p, NULL, 0), 0);
	assert_bytes("nested", m, "eth ip4 tcp:1>2 data:9");
	rte_pktmbuf_free(m);
}

/* Templates from bytes keep what they say and get lengths and checksums right. */
static void raw_templates(void **state)
{
	static const struct {
		const char *template, *want;
		bool inner_l2;
	} cases[] = {
		{"eth:s=3,d=4 ip4:9.9.9.1>9.9.9.2,id=7,ttl=9,tos=8 udp:0>4789,nosum vxlan:5",
			"eth:s=3,d=4 ip4:9.9.9.1>9.9.9.2,id=7,ttl=9,tos=8 udp:0>4789,nosum vxlan:5 "
			"eth ip4 "
			"tcp:1>2 data:4",
			true},
		{"eth vlan:9 ip6 udp:8>6081 geneve:5,opt=4",
			"eth vlan:9 ip6 udp:8>6081 geneve:5,opt=4 ip4 tcp:1>2 data:4", false},
		{"eth ip4:opt=4 gre:key=5", "eth ip4:opt=4 gre:key=5 ip4 tcp:1>2 data:4", false},
		{"eth ip4:opt=4,proto=4", "eth ip4:opt=4 ip4 tcp:1>2 data:4", false},
		{"eth:s=7 vlan:9,type=0x0800", "eth:s=7 vlan:9 ip4 tcp:1>2 data:4", false},
		/* a tunnel nobody recognises is still patched */
		{"eth ip4 udp:7>7777 data:8", "eth ip4 udp:7>7777 data:8 ip4 tcp:1>2 data:4",
			false},
	};
	uint8_t b[300];

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		size_t n = test_bytes(b, sizeof(b), "%s", cases[i].template);
		struct rte_mbuf *m = test_packet(test_pool(), "eth ip4 tcp:1>2 data:4");
		struct pkt_parse p, fresh;
		struct pkt_encap e;

		make_partial(m);
		p = parse(m);
		assert_int_equal(pkt_encap_init_raw(&e, b, n, cases[i].inner_l2), 0);
		assert_int_equal(pkt_encap(m, &p, &e, 0), 0);
		fresh = parse(m);
		assert_memory_equal(&p, &fresh, sizeof(p));
		if (m->ol_flags)
			pkt_csum_finish(m, &p);
		assert_bytes(cases[i].template, m, cases[i].want);
		rte_pktmbuf_free(m);
	}
}

static void impossible_templates(void **state)
{
	static const struct {
		struct pkt_encap_config c;
		const char *why;
	} cases[] = {
		{{.type = PKT_TUN_ESP}, "no encap into 'esp'"},
		{{.type = PKT_TUN_VXLAN, .vni = 1 << 24}, "24 bits"},
		{{.type = PKT_TUN_MPLS_UDP, .vni = 1 << 20}, "20 bits"},
		{{.type = PKT_TUN_VXLAN, .options = tlv, .options_len = 8}, "options"},
		{{.type = PKT_TUN_GENEVE, .options = tlv, .options_len = 4}, "add up"},
		{{.type = PKT_TUN_GENEVE, .options = tlv, .options_len = 3}, "multiples of 4"},
		{{.type = PKT_TUN_GTPU, .options = tlv, .options_len = 8}, "length byte"},
		{{.type = PKT_TUN_MPLS_UDP, .inner_l2 = true}, "IP only"},
	};
	uint8_t b[200];
	struct pkt_encap e;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_true(pkt_encap_init(&e, &cases[i].c) < 0);
		if (!strstr(refusal(), cases[i].why))
			fail_msg("'%s' does not say '%s'", refusal(), cases[i].why);
	}
	/* every truncation of a template, and one that is too long */
	size_t n = test_bytes(b, sizeof(b), "eth vlan:1 ip4:opt=8 udp:1>6081 geneve:5,opt=4");

	for (size_t cut = 0; cut < n; cut++)
		if (cut != 14 && cut != 18 && cut < n - 12) /* those are Ethernet alone */
			assert_true(pkt_encap_init_raw(&e, b, cut, true) < 0);
	assert_true(pkt_encap_init_raw(&e, b, PKT_ENCAP_MAX + 1, true) < 0);
	n = test_bytes(b, sizeof(b), "eth ip4 gre:csum");
	assert_int_equal(pkt_encap_init_raw(&e, b, n, true), -ENOTSUP);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_tunnel_there_and_back),
		cmocka_unit_test(decap_keeps_partial),
		cmocka_unit_test(padding_is_cut),
		cmocka_unit_test(entropy),
		cmocka_unit_test(ecn_and_dscp_out),
		cmocka_unit_test(the_last_one_is_no_other),
		cmocka_unit_test(ecn_in),
		cmocka_unit_test(decap_parses_as_anew),
		cmocka_unit_test(decap_refuses),
		cmocka_unit_test(encap_refuses),
		cmocka_unit_test(nested),
		cmocka_unit_test(raw_templates),
		cmocka_unit_test(impossible_templates),
	};

	test_eal_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
