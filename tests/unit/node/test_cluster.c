/* SPDX-License-Identifier: BSD-3-Clause */
/* The demo's cluster as packets: three nodes, one service, in virtual time. The topology is in world.h. */
#include "world.h"

#include <rte_ip.h>
#include <rte_tcp.h>

static int setup(void **state)
{
	*state = world_create();
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	world_check(w);
	world_destroy(w);
	return 0;
}

/* What a frame says, as one line: "10.244.1.10:1000>10.96.0.100:80 tcp 02". */
static const char *say(const struct rte_mbuf *m, char text[160])
{
	struct pkt_parse p;
	char src[ADDR_TEXT_MAX], dst[ADDR_TEXT_MAX];
	const struct rte_ipv4_hdr *ip4;
	const struct rte_ipv6_hdr *ip6;
	const uint8_t *l4;
	struct addr a, b;

	if (!m)
		return "nothing";
	if (pkt_parse((struct rte_mbuf *)(uintptr_t)m, &p) < 0)
		return drop_name(p.drop);
	if (test_bad_sum(m))
		return test_bad_sum(m);
	ip4 = pkt_at(m, p.outer.l3);
	ip6 = pkt_at(m, p.outer.l3);
	l4 = pkt_at(m, p.outer.l4);
	if (p.outer.l3_type == PKT_L3_ARP)
		return "arp";
	a = p.outer.l3_type == PKT_L3_IP4 ? addr_from_v4(&ip4->src_addr)
					  : addr_from_v6(ip6->src_addr);
	b = p.outer.l3_type == PKT_L3_IP4 ? addr_from_v4(&ip4->dst_addr)
					  : addr_from_v6(ip6->dst_addr);
	addr_print(&a, src);
	addr_print(&b, dst);
	if (p.outer.l4_type == PKT_L4_TCP)
		snprintf(text, 160, "%s:%u>%s:%u tcp %02x", src, l4[0] << 8 | l4[1], dst,
			l4[2] << 8 | l4[3], l4[13]);
	else if (p.outer.l4_type == PKT_L4_UDP)
		snprintf(text, 160, "%s:%u>%s:%u udp", src, l4[0] << 8 | l4[1], dst,
			l4[2] << 8 | l4[3]);
	else if (p.outer.l4_type == PKT_L4_ICMP || p.outer.l4_type == PKT_L4_ICMP6)
		snprintf(text, 160, "%s>%s icmp %u/%u", src, dst, l4[0], l4[1]);
	else
		snprintf(text, 160, "%s>%s proto %u", src, dst, p.outer.l4_proto);
	return text;
}

static void expect(struct world *w, enum who pod, const char *want)
{
	char text[160];
	struct rte_mbuf *m = world_take(w, pod);
	const char *got = say(m, text);

	if (strcmp(got, want))
		fail_msg("%s got '%s', not '%s'", w->pods[pod].name, got, want);
	rte_pktmbuf_free(m);
}

static void expect_silence(struct world *w)
{
	char text[160];

	for (unsigned i = 0; i < WORLD_PODS; i++)
		if (w->pods[i].in.n)
			fail_msg("%s got '%s'", w->pods[i].name, say(w->pods[i].in.m[0], text));
}

/* --- gateway --- */

static void test_arp(void **state)
{
	struct world *w = *state;
	static const struct {
		const char *target;
		bool answered;
	} cases[] = {{"10.244.1.1", true}, {"169.254.1.1", true}, {"10.244.1.5", true},
		{"10.244.2.3", true}, {"10.96.0.100", true}, {"10.244.1.77", true},
		{"10.244.1.10", false}, {"198.51.100.1", false}};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct rte_mbuf *m;
		struct pkt_parse p;
		struct pkt_arp arp;

		world_send(w, CLIENT, "eth:d=255 arp:op=1,s=10.244.1.10,t=%s", cases[i].target);
		/* the spec's sender MAC is another: the gateway must not believe it */
		expect_silence(w);
		m = test_packet(test_pool(), "eth arp:op=1,s=10.244.1.10,t=%s", cases[i].target);
		memset(rte_pktmbuf_mtod(m, uint8_t *), 0xff, 6);
		memcpy(rte_pktmbuf_mtod_offset(m, uint8_t *, 22), w->pods[CLIENT].mac, 6);
		world_send_mbuf(w, CLIENT, m);
		m = world_take(w, CLIENT);
		assert_int_equal(m != NULL, cases[i].answered);
		if (!m)
			continue;
		assert_int_equal(pkt_parse(m, &p), 0);
		assert_int_equal(pkt_arp_get(m, &p, &arp), 0);
		assert_int_equal(arp.op, 2);
		assert_memory_equal(&arp.sender_mac, &node_gateway_mac, 6);
		rte_pktmbuf_free(m);
	}
	assert_int_equal(world_drops(w, 0, DROP_MAC_SPOOFED), ARRAY_SIZE(cases));
}

static void solicit(struct world *w, const char *target, bool answered)
{
	struct rte_ether_addr mac;
	struct addr src, dst;
	struct rte_mbuf *m;
	char text[160];

	addr_parse(w->pods[CLIENT].ip6, &src);
	addr_parse(target, &dst);
	memcpy(&mac, w->pods[CLIENT].mac, 6);
	world_send_mbuf(w, CLIENT, pkt_make_ns(test_pool(), &mac, src.bytes, dst.bytes, -1));
	m = world_take(w, CLIENT);
	assert_int_equal(m != NULL, answered);
	if (m && !strstr(say(m, text), "icmp 136/0"))
		fail_msg("%s", say(m, text));
	rte_pktmbuf_free(m);
}

static void test_nd(void **state)
{
	struct world *w = *state;

	solicit(w, "fd00:10:244:1::1", true);
	solicit(w, "fe80::1", true);
	solicit(w, "fd00:10:244:1::5", true);
	solicit(w, "fd00:10:96::100", true);
	solicit(w, "fd00:10:244:1::a", false);
}

static void test_ping_gateway(void **state)
{
	struct world *w = *state;

	world_send(w, CLIENT, "eth ip4:10.244.1.10>10.244.1.1 icmp:8,0,id=7,seq=1 data:20");
	expect(w, CLIENT, "10.244.1.1>10.244.1.10 icmp 0/0");
	world_send(w, CLIENT,
		"eth ip6:fd00:10:244:1::a>fd00:10:244:1::1 icmp6:128,0,id=7,seq=1 data:20");
	expect(w, CLIENT, "fd00:10:244:1::1>fd00:10:244:1::a icmp 129/0");
}

/* --- the service --- */

struct conversation {
	enum who server;
	unsigned sport;
};

/* One connection to the service: who got it; handshake and some data, both ways. */
static struct conversation talk(struct world *w, unsigned sport, int family)
{
	const char *ip = family == 4 ? "ip4" : "ip6",
		   *svc = family == 4 ? "10.96.0.100" : "fd00:10:96::100";
	const char *client = family == 4 ? w->pods[CLIENT].ip4 : w->pods[CLIENT].ip6;
	static const enum who servers[] = {WEB1, WEB2, WEB3};
	struct conversation c = {WORLD_PODS, sport};
	char want[160];

	world_send(w, CLIENT, "eth %s:%s>%s tcp:%u>80,fl=S,mss=1390", ip, client, svc, sport);
	for (unsigned i = 0; i < 3; i++)
		if (w->pods[servers[i]].in.n)
			c.server = servers[i];
	if (c.server == WORLD_PODS)
		fail_msg("the SYN from port %u reached nobody", sport);
	snprintf(want, sizeof(want), "%s:%u>%s:8080 tcp 02", client, sport,
		family == 4 ? w->pods[c.server].ip4 : w->pods[c.server].ip6);
	expect(w, c.server, want);
	world_send(w, c.server, "eth %s:%s>%s tcp:8080>%u,fl=SA,mss=1390", ip,
		family == 4 ? w->pods[c.server].ip4 : w->pods[c.server].ip6, client, sport);
	snprintf(want, sizeof(want), "%s:80>%s:%u tcp 12", svc, client, sport);
	expect(w, CLIENT, want);
	return c;
}

static void go_on(struct world *w, const struct conversation *c, int family)
{
	const char *ip = family == 4 ? "ip4" : "ip6",
		   *svc = family == 4 ? "10.96.0.100" : "fd00:10:96::100";
	const char *client = family == 4 ? w->pods[CLIENT].ip4 : w->pods[CLIENT].ip6;
	const char *server = family == 4 ? w->pods[c->server].ip4 : w->pods[c->server].ip6;
	char want[160];

	world_send(w, CLIENT, "eth %s:%s>%s tcp:%u>80,fl=A data:100", ip, client, svc, c->sport);
	snprintf(want, sizeof(want), "%s:%u>%s:8080 tcp 10", client, c->sport, server);
	expect(w, c->server, want);
	world_send(w, c->server, "eth %s:%s>%s tcp:8080>%u,fl=A data:1300", ip, server, client,
		c->sport);
	snprintf(want, sizeof(want), "%s:80>%s:%u tcp 10", svc, client, c->sport);
	expect(w, CLIENT, want);
}

static uint64_t decisions(struct world *w)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < NODES; i++) {
		struct node_stats s = world_stats(w, i);

		n += s.decided_install + s.decided_forward + s.decided_drop;
	}
	return n;
}

static void service(struct world *w, int family)
{
	struct conversation c[9];
	unsigned got[WORLD_PODS] = {0};
	uint64_t before;

	for (unsigned i = 0; i < 9; i++) {
		c[i] = talk(w, 1000 + i, family);
		got[c[i].server]++;
	}
	assert_int_equal(got[WEB1], 3);
	assert_int_equal(got[WEB2], 3);
	assert_int_equal(got[WEB3], 3);
	before = decisions(w);
	for (unsigned i = 0; i < 9; i++)
		for (unsigned k = 0; k < 5; k++)
			go_on(w, &c[i], family);
	assert_int_equal(decisions(w), before); /* from the second packet on nobody decides */
	expect_silence(w);
}

static void test_service_v4(void **state)
{
	service(*state, 4);
}

static void test_service_v6(void **state)
{
	service(*state, 6);
}

/* What crosses the underlay: VTEP to VTEP, UDP 4789, VNI 100, translated inside, sums right. */
static void test_underlay(void **state)
{
	struct world *w = *state;
	unsigned tunnelled = 0;

	for (unsigned i = 0; i < 6; i++) {
		struct conversation c = talk(w, 2000 + i, i % 2 ? 4 : 6);

		go_on(w, &c, i % 2 ? 4 : 6);
	}
	for (unsigned i = 0; i < w->underlay.n; i++) {
		struct rte_mbuf *m = w->underlay.m[i];
		struct pkt_parse p;

		assert_int_equal(pkt_parse(m, &p), 0);
		if (p.tun_type != PKT_TUN_VXLAN)
			continue;
		tunnelled++;
		assert_null(test_bad_sum(m));
		assert_int_equal(
			p.inner.l3_type, p.outer.l3_type); /* a tunnel of the same family */
		assert_memory_equal((uint8_t *)pkt_at(m, p.tun) + 4, ((uint8_t[]){0, 0, 100}), 3);
		assert_memory_equal((uint8_t *)pkt_at(m, p.outer.l4) + 2,
			((uint8_t[]){4789 >> 8, 4789 & 255}), 2);
	}
	assert_true(tunnelled >= 12);
}

static void test_service_refusals(void **state)
{
	struct world *w = *state;

	world_send(w, CLIENT, "eth ip4:10.244.1.10>10.96.0.200 tcp:1000>80,fl=S");
	expect(w, CLIENT, "10.96.0.200:80>10.244.1.10:1000 tcp 14");
	world_send(w, CLIENT, "eth ip6:fd00:10:244:1::a>fd00:10:96::200 tcp:1000>80,fl=S");
	expect(w, CLIENT, "fd00:10:96::200:80>fd00:10:244:1::a:1000 tcp 14");
	assert_int_equal(world_drops(w, 0, DROP_NO_ENDPOINTS), 2);
	world_send(w, CLIENT, "eth ip4:10.244.1.10>10.96.0.100 udp:1000>80 data:9");
	expect(w, CLIENT, "10.96.0.100>10.244.1.10 icmp 3/3");
	world_send(w, CLIENT, "eth ip6:fd00:10:244:1::a>fd00:10:96::100 udp:1000>80 data:9");
	expect(w, CLIENT, "fd00:10:96::100>fd00:10:244:1::a icmp 1/4");
	assert_int_equal(world_drops(w, 0, DROP_NO_SERVICE_PORT), 2);
	expect_silence(w);
}

/* --- forwarded only --- */

static void test_dns(void **state)
{
	struct world *w = *state;

	for (unsigned i = 0; i < 3; i++) {
		world_send(w, CLIENT, "eth ip4:10.244.1.10>10.96.0.10 udp:5000>53 data:40");
		expect(w, COREDNS, "10.244.1.10:5000>10.244.2.53:53 udp");
		world_send(w, COREDNS, "eth ip4:10.244.2.53>10.244.1.10 udp:53>5000 data:80");
		expect(w, CLIENT, "10.96.0.10:53>10.244.1.10:5000 udp");
	}
	assert_int_equal(world_stats(w, 0).connections, 0);
	assert_int_equal(world_stats(w, 1).connections, 0);
	expect_silence(w);
}

static void test_ping_pod(void **state)
{
	struct world *w = *state;

	for (unsigned i = 0; i < 3; i++) {
		world_send(w, CLIENT,
			"eth ip6:fd00:10:244:1::a>fd00:10:244:2::53 icmp6:128,0,id=9,seq=%u "
			"data:20",
			i);
		expect(w, COREDNS, "fd00:10:244:1::a>fd00:10:244:2::53 icmp 128/0");
		world_send(w, COREDNS,
			"eth ip6:fd00:10:244:2::53>fd00:10:244:1::a icmp6:129,0,id=9,seq=%u "
			"data:20",
			i);
		expect(w, CLIENT, "fd00:10:244:2::53>fd00:10:244:1::a icmp 129/0");
	}
	assert_int_equal(world_stats(w, 0).connections, 0);
	expect_silence(w);
}

/* Unknown UDP is installed by its second packet, whichever way it goes. */
static void test_unknown_udp(void **state)
{
	struct world *w = *state;
	uint64_t before;

	world_send(w, CLIENT, "eth ip4:10.244.1.10>10.244.2.53 udp:6000>7000 data:10");
	expect(w, COREDNS, "10.244.1.10:6000>10.244.2.53:7000 udp");
	assert_int_equal(world_stats(w, 0).connections, 0);
	world_send(w, COREDNS, "eth ip4:10.244.2.53>10.244.1.10 udp:7000>6000 data:10");
	expect(w, CLIENT, "10.244.2.53:7000>10.244.1.10:6000 udp");
	assert_int_equal(world_stats(w, 0).connections, 1);
	assert_int_equal(world_stats(w, 1).connections, 1);
	before = decisions(w);
	world_send(w, CLIENT, "eth ip4:10.244.1.10>10.244.2.53 udp:6000>7000 data:10");
	expect(w, COREDNS, "10.244.1.10:6000>10.244.2.53:7000 udp");
	world_send(w, COREDNS, "eth ip4:10.244.2.53>10.244.1.10 udp:7000>6000 data:10");
	expect(w, CLIENT, "10.244.2.53:7000>10.244.1.10:6000 udp");
	assert_int_equal(decisions(w), before);
}

static void test_midstream(void **state)
{
	struct world *w = *state;

	world_send(w, CLIENT, "eth ip4:10.244.1.10>10.244.2.53 tcp:1000>99,fl=A data:10");
	expect(w, COREDNS, "10.244.1.10:1000>10.244.2.53:99 tcp 10");
	assert_int_equal(world_stats(w, 0).connections, 0);
	/* to the service: one backend sees it, and its RST comes back from the service */
	world_send(w, CLIENT, "eth ip4:10.244.1.10>10.96.0.100 tcp:1000>80,fl=A data:10");
	assert_int_equal(world_stats(w, 0).connections, 0);
	for (unsigned i = 0; i < WORLD_PODS; i++) {
		if (!w->pods[i].in.n)
			continue;
		rte_pktmbuf_free(world_take(w, i));
		world_send(w, i, "eth ip4:%s>10.244.1.10 tcp:8080>1000,fl=R", w->pods[i].ip4);
	}
	expect(w, CLIENT, "10.96.0.100:80>10.244.1.10:1000 tcp 04");
}

/* --- policy and spoofing --- */

static void test_policy(void **state)
{
	struct world *w = *state;

	world_send(w, INTRUDER, "eth ip4:10.244.3.66>10.244.3.8 tcp:1000>8080,fl=S");
	assert_int_equal(world_drops(w, 2, DROP_POLICY_INGRESS), 1);
	world_send(w, INTRUDER, "eth ip4:10.244.3.66>10.244.1.5 tcp:1000>8080,fl=S");
	assert_int_equal(world_drops(w, 0, DROP_POLICY_INGRESS), 1);
	for (unsigned i = 0; i < 3; i++)
		world_send(w, INTRUDER, "eth ip6:fd00:10:244:3::66>fd00:10:96::100 tcp:%u>80,fl=S",
			1001 + i);
	assert_int_equal(world_drops(w, 0, DROP_POLICY_INGRESS) +
				 world_drops(w, 1, DROP_POLICY_INGRESS) +
				 world_drops(w, 2, DROP_POLICY_INGRESS),
		5);
	world_send(w, CLIENT, "eth ip4:10.244.1.10>10.244.1.5 tcp:1000>22,fl=S");
	assert_int_equal(world_drops(w, 0, DROP_POLICY_INGRESS) +
				 world_drops(w, 1, DROP_POLICY_INGRESS) +
				 world_drops(w, 2, DROP_POLICY_INGRESS),
		6);
	expect_silence(w);
}

static void test_spoofing(void **state)
{
	struct world *w = *state;
	struct conversation c = talk(w, 1000, 4);
	struct rte_mbuf *m;

	world_send(w, CLIENT, "eth ip4:10.244.1.11>10.244.2.53 udp:1>2 data:1");
	assert_int_equal(world_drops(w, 0, DROP_IP_SPOOFED), 1);
	/* also into a connection that exists: web-1 pretends to be the client */
	world_send(w, WEB1, "eth ip4:10.244.1.10>10.96.0.100 tcp:1000>80,fl=A data:100");
	assert_int_equal(world_drops(w, 0, DROP_IP_SPOOFED), 2);
	m = test_packet(test_pool(), "eth ip4:10.244.1.10>10.96.0.100 tcp:1000>80,fl=A data:100");
	memcpy(rte_pktmbuf_mtod(m, uint8_t *), &node_gateway_mac, 6);
	assert_int_equal(port_tx(w->pods[CLIENT].far, 0, &m, 1), 1); /* the spec's source MAC */
	world_run(w);
	assert_int_equal(world_drops(w, 0, DROP_MAC_SPOOFED), 1);
	expect_silence(w);
	go_on(w, &c, 4);
}

/* --- errors about connections --- */

static void test_port_unreachable_comes_back_translated(void **state)
{
	struct world *w = *state;
	struct rte_mbuf *m, *error;
	struct pkt_headers quoted;
	struct pkt_parse p;
	char text[160];

	world_send(w, CLIENT, "eth ip4:10.244.1.10>10.96.0.10 udp:5000>53 data:40");
	m = world_take(w, COREDNS);
	assert_non_null(m);
	assert_int_equal(pkt_parse(m, &p), 0);
	error = pkt_make_error(test_pool(), m, &p, PKT_ERROR_PORT_UNREACHABLE, 0, NULL);
	rte_pktmbuf_free(m);
	world_send_mbuf(w, COREDNS, error);
	m = world_take(w, CLIENT);
	assert_string_equal(say(m, text), "10.96.0.10>10.244.1.10 icmp 3/3");
	assert_int_equal(pkt_parse(m, &p), 0);
	assert_int_equal(pkt_parse_embedded(m, &p, &quoted), 0);
	assert_memory_equal((uint8_t *)pkt_at(m, quoted.l3) + 16, ((uint8_t[]){10, 96, 0, 10}), 4);
	rte_pktmbuf_free(m);
}

/* --- neighbours --- */

static void test_dead_node(void **state)
{
	struct world *w = *state;
	struct conversation c = talk(w, 999, 4);
	uint64_t start;
	char text[160];
	struct rte_mbuf *m;

	while (c.server != WEB3)
		c = talk(w, ++c.sport, 4);
	w->nodes[2].cut = true;
	world_pass(w, 3000000000ull);
	world_drop_all(w);
	/* established connection and new one are told at once */
	start = world_drops(w, 0, DROP_NO_NEIGHBOUR);
	world_send(w, CLIENT, "eth ip4:10.244.1.10>10.96.0.100 tcp:%u>80,fl=A data:100", c.sport);
	m = world_take(w, CLIENT);
	assert_string_equal(say(m, text), "10.244.1.1>10.244.1.10 icmp 3/1");
	{ /* it quotes what the client sent, not what became of it */
		struct pkt_headers quoted;
		struct pkt_parse p;

		assert_int_equal(pkt_parse(m, &p), 0);
		assert_int_equal(pkt_parse_embedded(m, &p, &quoted), 0);
		assert_memory_equal(
			(uint8_t *)pkt_at(m, quoted.l3) + 16, ((uint8_t[]){10, 96, 0, 100}), 4);
	}
	rte_pktmbuf_free(m);
	world_send(w, CLIENT, "eth ip4:10.244.1.10>10.244.3.8 tcp:77>8080,fl=S");
	expect(w, CLIENT, "10.244.1.1>10.244.1.10 icmp 3/1");
	assert_int_equal(world_drops(w, 0, DROP_NO_NEIGHBOUR), start + 2);
	/* new connections to the service go to the living */
	for (unsigned i = 0; i < 6; i++)
		assert_int_not_equal(talk(w, 5000 + i, 4).server, WEB3);
	w->nodes[2].cut = false;
	world_pass(w, 1500000000ull);
	world_drop_all(w);
	go_on(w, &c, 4);
}

/* Packets wait while the first question is on its way. */
static void test_packets_wait_for_the_neighbour(void **state)
{
	struct world *w = *state;
	unsigned got = 0;
	struct rte_mbuf *m;

	w->nodes[1].cut = true;
	for (unsigned i = 0; i < 100; i++)
		world_send(w, CLIENT, "eth ip4:10.244.1.10>10.244.2.53 tcp:%u>99,fl=S", 1000 + i);
	assert_int_equal(world_drops(w, 0, DROP_NEIGHBOUR_QUEUE_FULL), 100 - NEIGH_HELD);
	w->nodes[1].cut = false;
	world_pass(w, 300000000ull);
	while ((m = world_take(w, COREDNS))) {
		rte_pktmbuf_free(m);
		got++;
	}
	assert_int_equal(got, NEIGH_HELD);
}

/* --- change and time --- */

static void test_scaling_breaks_nothing(void **state)
{
	struct world *w = *state;
	struct conversation c[9];

	for (unsigned i = 0; i < 9; i++)
		c[i] = talk(w, 1000 + i, 4);
	/* web-3 leaves the slices; its pod stays */
	world_apply_edited(w, "/^- addresses: .10.244.3.8/,/name: web-3/d; /^- addresses: "
			      "..fd00:10:244:3::8/,/name: web-3/d");
	for (unsigned i = 0; i < 9; i++)
		go_on(w, &c[i], 4);
	for (unsigned i = 0; i < 9; i++)
		assert_int_not_equal(talk(w, 3000 + i, 4).server, WEB3);
}

static struct conversation talk_to(struct world *w, enum who server)
{
	struct conversation c = talk(w, 20000, 4);

	while (c.server != server)
		c = talk(w, ++c.sport, 4);
	return c;
}

/* The pod goes: so do its connections, on both nodes; the others stay. */
static void test_a_removed_pod_takes_its_connections(void **state)
{
	struct world *w = *state;
	struct conversation gone = talk_to(w, WEB2), stays = talk_to(w, WEB3);
	uint64_t before = world_stats(w, 0).connections;

	world_apply_edited(w, "/^- addresses: .10.244.2.3/,/name: web-2/d; /^- addresses: "
			      "..fd00:10:244:2::3/,/name: web-2/d;"
			      "s/10.244.2.3$/10.244.2.99/; s/fd00:10:244:2::3$/fd00:10:244:2::99/");
	assert_in_range(world_stats(w, 0).connections, 1, before);
	go_on(w, &stays, 4);
	world_send(w, WEB2, "eth ip4:10.244.2.3>10.244.1.10 tcp:8080>%u,fl=A data:9", gone.sport);
	assert_int_equal(world_drops(w, 1, DROP_IP_SPOOFED), 1);
	expect_silence(w);
}

/* The pod is on another node now (and has no VF there yet): its connection's packets go there. */
static void test_a_moved_pod_is_followed(void **state)
{
	struct world *w = *state;
	struct conversation c = talk_to(w, WEB2);

	world_apply_edited(
		w, "/^  name: web-2/,/phase/{s/nodeName: node2/nodeName: node3/;/softdpu.io/d}");
	world_send(w, CLIENT, "eth ip4:10.244.1.10>10.96.0.100 tcp:%u>80,fl=A data:9", c.sport);
	assert_int_equal(world_drops(w, 2, DROP_NO_POD), 1);
	expect(w, CLIENT, "10.244.3.1>10.244.1.10 icmp 3/1");
	expect_silence(w);
}

/* A policy that now denies ends what it denied; one that allows again, allows. */
static void test_policy_changes_apply_to_connections(void **state)
{
	struct world *w = *state;
	struct conversation c = talk_to(w, WEB2);

	world_apply_edited(w, "s/role: frontend/role: nobody/; /role: "
			      "nobody/{x;s/^/x/;/^x$/{x;s/nobody/frontend/;b};x}");
	world_send(w, CLIENT, "eth ip4:10.244.1.10>10.96.0.100 tcp:%u>80,fl=A data:9", c.sport);
	assert_int_equal(world_drops(w, 1, DROP_POLICY_INGRESS), 1);
	expect_silence(w);
	world_apply(w, NULL);
	talk_to(w, WEB2);
}

/* One source port, a pod reached directly and through the service: the answers must not be mixed up. */
static void clash(struct world *w, const char *flags)
{
	struct rte_mbuf *m = NULL;
	struct pkt_parse p;
	unsigned sport;

	world_send(w, CLIENT, "eth ip4:10.244.1.10>10.244.1.5 tcp:1000>8080,fl=S");
	expect(w, WEB1, "10.244.1.10:1000>10.244.1.5:8080 tcp 02");
	for (unsigned tries = 0; !m && tries < 20; tries++) { /* until the service leads to that pod */
		world_send(w, CLIENT, "eth ip4:10.244.1.10>10.96.0.100 tcp:1000>80,fl=%s data:1", flags);
		m = world_take(w, WEB1);
		if (!m) {
			world_drop_all(w);
			world_pass(w, 400ull * 1000000000);
			world_send(w, CLIENT, "eth ip4:10.244.1.10>10.244.1.5 tcp:1000>8080,fl=S");
			world_drop_all(w);
		}
	}
	assert_non_null(m);
	assert_null(test_bad_sum(m));
	assert_int_equal(pkt_parse(m, &p), 0);
	sport = rte_be_to_cpu_16(*(uint16_t *)pkt_at(m, p.outer.l4));
	rte_pktmbuf_free(m);
	assert_int_not_equal(sport, 1000);
	world_send(w, WEB1, "eth ip4:10.244.1.5>10.244.1.10 tcp:8080>%u,fl=SA", sport);
	expect(w, CLIENT, "10.96.0.100:80>10.244.1.10:1000 tcp 12");
	world_send(w, WEB1, "eth ip4:10.244.1.5>10.244.1.10 tcp:8080>1000,fl=SA");
	expect(w, CLIENT, "10.244.1.5:8080>10.244.1.10:1000 tcp 12");
}

static void test_source_port_clash(void **state)
{
	clash(*state, "S");
}

/* The same for a flow that is only forwarded: data of a connection nobody saw begin. */
static void test_source_port_clash_in_mid_stream(void **state)
{
	clash(*state, "A");
}

/* A closed connection's tuple is used again. */
static void test_a_tuple_is_used_again(void **state)
{
	struct world *w = *state;

	for (unsigned i = 0; i < 5; i++) {
		struct conversation c = talk(w, 1000, 4);

		go_on(w, &c, 4);
		world_send(w, CLIENT, "eth ip4:10.244.1.10>10.96.0.100 tcp:1000>80,fl=R");
		world_drop_all(w);
	}
	assert_int_equal(world_stats(w, 0).connections, 1);
}

/* A pod that reaches itself through the service, both families. */
static void test_hairpin(void **state)
{
	struct world *w = *state;
	unsigned times = 0;

	for (unsigned i = 0; i < 3; i++) {
		char text[160];
		struct rte_mbuf *m;

		world_send(w, WEB1, "eth ip6:fd00:10:244:1::5>fd00:10:96::100 tcp:%u>80,fl=S",
			1000 + i);
		m = world_take(w, WEB1);
		if (!m)
			continue;
		times++;
		assert_non_null(strstr(say(m, text), "fd00:10:244:1::1:"));
		rte_pktmbuf_free(m);
		world_send(w, WEB1, "eth ip6:fd00:10:244:1::5>fd00:10:244:1::1 tcp:8080>%u,fl=SA",
			1000 + i);
		snprintf(text, sizeof(text), "fd00:10:96::100:80>fd00:10:244:1::5:%u tcp 12",
			1000 + i);
		expect(w, WEB1, text);
	}
	assert_int_equal(times, 1);
}

/* The pod's port goes and comes back while everybody talks. */
static void test_port_leaves_and_returns(void **state)
{
	struct world *w = *state;
	struct world_pod *p = &w->pods[WEB1];
	struct node_port np = {.id = p->near->id,
		.mtu = 1430,
		.name = "pf0vf1",
		.spoof_check = true,
		.role = NODE_PORT_VF};

	talk_to(w, WEB1);
	memcpy(np.mac, p->mac, 6);
	node_unbind_port(w->nodes[0].node, p->near->id);
	esw_port_remove(w->nodes[0].esw, p->near->id);
	world_send(w, CLIENT, "eth ip4:10.244.1.10>10.244.1.5 tcp:77>8080,fl=S");
	world_drop_all(w);
	assert_int_equal(esw_port_add(w->nodes[0].esw, p->near), 0);
	assert_int_equal(node_bind_port(w->nodes[0].node, &np), 0);
	talk_to(w, WEB1);
}

/* The node reaches its own pods whatever the policies say, also after a new desired state. */
static void test_host_reaches_isolated_pods(void **state)
{
	struct world *w = *state;
	struct world_node *n = &w->nodes[0];
	struct port_cfg a = {.id = 1,
		.name = "pf0hpf",
		.mtu = 1430,
		.pool = test_pool(),
		.mac = {2, 0, 0, 0, 9, 9}};
	struct node_port np = {.id = 1,
		.mtu = 1430,
		.name = "pf0hpf",
		.role = NODE_PORT_HOST,
		.mac = {2, 0, 0, 0, 9, 9}};
	struct port_cfg b = a;
	struct port *near, *far;
	struct rte_mbuf *m;
	char text[160];

	assert_int_equal(port_pair_open(&a, &b, 64, &near, &far), 0);
	assert_int_equal(esw_port_add(n->esw, near), 0);
	assert_int_equal(node_bind_port(n->node, &np), 0);
	m = test_packet(test_pool(), "eth ip4:192.168.1.101>10.244.1.5 tcp:1000>22,fl=S");
	memcpy(rte_pktmbuf_mtod(m, uint8_t *), &node_gateway_mac, 6);
	assert_int_equal(port_tx(far, 0, &m, 1), 1);
	world_run(w);
	expect(w, WEB1, "192.168.1.101:1000>10.244.1.5:22 tcp 02");
	assert_int_equal(world_stats(w, 0).connections, 1);
	world_apply(w, NULL);
	assert_int_equal(world_stats(w, 0).connections, 1);
	world_send(w, WEB1, "eth ip4:10.244.1.5>192.168.1.101 tcp:22>1000,fl=SA");
	assert_int_equal(port_rx(far, 0, &m, 1), 1);
	assert_string_equal(say(m, text), "10.244.1.5:22>192.168.1.101:1000 tcp 12");
	rte_pktmbuf_free(m);
	node_unbind_port(n->node, 1);
	assert_int_equal(world_stats(w, 0).connections, 0);
	esw_port_remove(n->esw, 1);
	port_close(near);
	port_close(far);
}

/* The uplink goes and comes back: tunnels are wired again. */
static void test_uplink_leaves_and_returns(void **state)
{
	struct world *w = *state;
	struct world_node *n = &w->nodes[0];
	struct node_port np = {.id = 0, .mtu = 1500, .name = "p0", .role = NODE_PORT_UPLINK};
	struct conversation c = talk_to(w, WEB2);

	memcpy(np.mac, n->mac, 6);
	node_unbind_port(n->node, 0);
	esw_port_remove(n->esw, 0);
	world_pass(w, 50000000ull);
	assert_int_equal(esw_port_add(n->esw, n->near), 0);
	assert_int_equal(node_bind_port(n->node, &np), 0);
	world_pass(w, 2000000000ull);
	world_drop_all(w);
	c = talk_to(w, WEB2);
	go_on(w, &c, 4);
}

static void test_idle_connections_age(void **state)
{
	struct world *w = *state;
	struct conversation c = talk(w, 1000, 4);

	world_send(w, CLIENT, "eth ip4:10.244.1.10>10.244.2.53 udp:1000>4789 data:10");
	world_drop_all(w);
	go_on(w, &c, 4);
	assert_int_equal(world_stats(w, 0).connections, 2);
	world_pass(w, 70ull * 1000000000);
	assert_int_equal(world_stats(w, 0).connections, 1); /* UDP after 60 s */
	world_pass(w, 240ull * 1000000000);
	assert_int_equal(world_stats(w, 0).connections, 0); /* established TCP after 300 s */
	assert_int_equal(world_stats(w, 1).connections + world_stats(w, 2).connections, 0);
}

/* node3's card says five seconds for UDP nobody answers. */
static void test_the_card_sets_the_idle_time(void **state)
{
	struct world *w = *state;

	world_send(w, WEB3, "eth ip4:10.244.3.8>10.244.2.53 udp:1000>4789 data:10");
	world_drop_all(w);
	assert_int_equal(world_stats(w, 2).connections, 1);
	world_pass(w, 4ull * 1000000000);
	assert_int_equal(world_stats(w, 2).connections, 1);
	world_pass(w, 2ull * 1000000000);
	assert_int_equal(world_stats(w, 2).connections, 0);
}

static void test_refused_apply_changes_nothing(void **state)
{
	struct world *w = *state;
	struct conversation c = talk(w, 1000, 4);
	json_t *params = json_pack("{s:s, s:[{s:s, s:s, s:s, s:{s:s}}]}", "node", "node1", "ops",
		"op", "upsert", "kind", "pod", "name", "default/x", "value", "node", "nowhere");
	json_t *result;

	json_object_set_new(
		params, "base_generation", json_integer((json_int_t)world_stats(w, 0).generation));
	assert_int_equal(node_apply(w->nodes[0].node, params, &result), -EINVAL);
	assert_string_equal(refusal(),
		"node.apply: pod default/x: field 'node': value 'nowhere' is not a known node");
	json_object_set_new(params, "base_generation", json_integer(999));
	assert_int_equal(node_apply(w->nodes[0].node, params, &result), -ESTALE);
	json_decref(params);
	go_on(w, &c, 4);
	talk(w, 1001, 6);
}

/* The table is full: closed and idle connections make room, else new ones are only forwarded. */
static void test_capacity(void **state)
{
	struct world *w = *state;
	struct node_stats s;

	for (unsigned i = 0; i < 5000; i++) {
		world_send(w, CLIENT, "eth ip4:10.244.1.10>10.244.1.5 tcp:%u>8080,fl=S", 1000 + i);
		world_drop_all(w);
	}
	s = world_stats(w, 0);
	assert_true(s.connections <= 4096);
	assert_true(s.refused_full >= 900);
	world_send(w, CLIENT, "eth ip4:10.244.1.10>10.244.1.5 tcp:900>8080,fl=S");
	expect(w, WEB1, "10.244.1.10:900>10.244.1.5:8080 tcp 02");
	world_send(w, WEB1, "eth ip4:10.244.1.5>10.244.1.10 tcp:8080>900,fl=SA");
	expect(w, CLIENT, "10.244.1.5:8080>10.244.1.10:900 tcp 12");
	world_pass(w, 10ull * 1000000000);
	world_send(w, CLIENT, "eth ip4:10.244.1.10>10.244.1.5 tcp:901>8080,fl=S");
	assert_int_equal(world_stats(w, 0).refused_full, s.refused_full + 1);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_arp),
		T(test_nd),
		T(test_ping_gateway),
		T(test_service_v4),
		T(test_service_v6),
		T(test_underlay),
		T(test_service_refusals),
		T(test_dns),
		T(test_ping_pod),
		T(test_unknown_udp),
		T(test_midstream),
		T(test_policy),
		T(test_spoofing),
		T(test_port_unreachable_comes_back_translated),
		T(test_dead_node),
		T(test_packets_wait_for_the_neighbour),
		T(test_scaling_breaks_nothing),
		T(test_a_removed_pod_takes_its_connections),
		T(test_a_moved_pod_is_followed),
		T(test_policy_changes_apply_to_connections),
		T(test_source_port_clash),
		T(test_source_port_clash_in_mid_stream),
		T(test_a_tuple_is_used_again),
		T(test_hairpin),
		T(test_port_leaves_and_returns),
		T(test_host_reaches_isolated_pods),
		T(test_uplink_leaves_and_returns),
		T(test_idle_connections_age),
		T(test_the_card_sets_the_idle_time),
		T(test_refused_apply_changes_nothing),
		T(test_capacity),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
