/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * port: AF_PACKET on veth ends. A host in each namespace, the hairpin between them:
 *
 *     ns a: v0 10.9.0.1 -- v1 ==packet==  hairpin  ==packet== w1 -- w0 10.9.0.2 :ns b
 */
#include "hairpin.h"

static struct card_attach on_v1, on_w1;

static struct port *open_on(const char *name, uint16_t id, struct card_attach *attach)
{
	struct port_cfg cfg = {.name = name, .id = id, .pool = pool, .rx_queues = 2};
	struct port *port = NULL;

	if (port_open(&cfg, attach, &port) < 0)
		fail_msg("%s", refusal());
	return port;
}

static void open_both(struct hairpin *h)
{
	need_namespaces();
	assert_int_equal(
		sh("ip -n %s link add v0 type veth peer name v1 && ip -n %s link set v0 up && "
		   "ip -n %s link set v1 up && ip -n %s addr add 10.9.0.1/24 dev v0 && "
		   "ip -n %s addr add fd09::1/64 dev v0 nodad",
			ns_a, ns_a, ns_a, ns_a, ns_a),
		0);
	assert_int_equal(
		sh("ip -n %s link add w0 type veth peer name w1 && ip -n %s link set w0 up && "
		   "ip -n %s link set w1 up && ip -n %s addr add 10.9.0.2/24 dev w0 && "
		   "ip -n %s addr add fd09::2/64 dev w0 nodad",
			ns_b, ns_b, ns_b, ns_b, ns_b),
		0);
	on_v1 = (struct card_attach){.kind = CARD_ATTACH_PACKET, .netns = ns_a, .ifname = "v1"};
	on_w1 = (struct card_attach){.kind = CARD_ATTACH_PACKET, .netns = ns_b, .ifname = "w1"};
	h->port[0] = open_on("a", 0, &on_v1);
	h->port[1] = open_on("b", 1, &on_w1);
}

static void close_both(struct hairpin *h)
{
	struct port_stats a, b;

	port_stats(h->port[0], &a);
	port_stats(h->port[1], &b);
	assert_int_equal(a.rx_packets + b.rx_packets, h->packets);
	assert_int_equal(
		a.tx_packets + b.tx_packets + a.tx_errors + b.tx_errors + h->unsent, h->packets);
	port_close(h->port[0]);
	port_close(h->port[1]);
}

static void test_ping_and_link(void **state)
{
	struct hairpin h = {0};

	open_both(&h);
	assert_int_equal(h.port[0]->rx_queues, 1); /* queues are the attach's to ask for */
	assert_int_equal(h.port[0]->mtu, 1500);
	assert_true(port_link_up(h.port[0]));
	assert_int_equal(
		hairpin_while(&h,
			"ip netns exec %s ping -q -c 3 -i 0.05 -s 1472 10.9.0.2 >/dev/null", ns_a),
		0);
	assert_int_equal(
		hairpin_while(&h, "ip netns exec %s ping -q -c 3 -i 0.05 fd09::2 >/dev/null", ns_a),
		0);
	assert_int_equal(sh("ip -n %s link set v0 down", ns_a), 0);
	assert_false(port_link_up(h.port[0]));
	close_both(&h);
}

static void test_bulk_keeps_super_packets(void **state)
{
	struct hairpin h = {0};

	open_both(&h);
	assert_int_equal(
		hairpin_while(&h,
			"ip netns exec %s iperf3 -s -1 >/dev/null & sleep 0.3;"
			"ip netns exec %s iperf3 -c fd09::2 -n 50M -f m | tail -3 | head -1 >&2",
			ns_b, ns_a),
		0);
	assert_true(h.supers6 > 500);
	assert_true(h.longest > 20000);
	close_both(&h);
}

/* A tagged UDP packet with a partial checksum, sent by v0's side: the kernel takes the tag out. */
static struct rte_mbuf *tagged(void)
{
	static const uint8_t head[] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x81, 0, 0x60, 7, 8, 0};
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool);
	uint8_t *p = rte_pktmbuf_mtod(m, uint8_t *);
	struct rte_ipv4_hdr *ip = (void *)(p + sizeof(head));
	struct rte_udp_hdr *udp;

	m->data_len = m->pkt_len = sizeof(head) + 128;
	memset(p, 0x5a, m->data_len);
	memcpy(p, head, sizeof(head));
	*ip = (struct rte_ipv4_hdr){.version_ihl = 0x45,
		.total_length = rte_cpu_to_be_16(128),
		.time_to_live = 9,
		.next_proto_id = IPPROTO_UDP,
		.src_addr = 1,
		.dst_addr = 2};
	ip->hdr_checksum = rte_ipv4_cksum(ip);
	udp = (void *)(ip + 1);
	*udp = (struct rte_udp_hdr){
		.src_port = 1, .dst_port = 2, .dgram_len = rte_cpu_to_be_16(108)};
	udp->dgram_cksum = rte_ipv4_phdr_cksum(ip, 0);
	m->ol_flags = RTE_MBUF_F_TX_UDP_CKSUM | RTE_MBUF_F_TX_IPV4;
	m->l2_len = 18;
	m->l3_len = 20;
	return m;
}

static void test_vlan_tag_is_in_the_frame(void **state)
{
	struct hairpin h = {0};
	struct card_attach on_v0;
	struct rte_mbuf *m = tagged(), *got = NULL;
	struct port *v0;
	uint8_t *p = NULL;

	open_both(&h);
	on_v0 = (struct card_attach){.kind = CARD_ATTACH_PACKET, .netns = ns_a, .ifname = "v0"};
	v0 = open_on("v0", 2, &on_v0);
	assert_int_equal(port_tx(v0, 0, &m, 1), 1);
	for (unsigned i = 0; i < 1000; i++) {
		if (port_rx(h.port[0], 0, &got, 1) == 0) {
			usleep(1000);
			continue;
		}
		p = rte_pktmbuf_mtod(got, uint8_t *);
		if (p[0] == 2 && p[5] == 1)
			break;
		rte_pktmbuf_free(got); /* the hosts' own chatter */
		got = NULL;
	}
	assert_non_null(got);
	assert_int_equal(got->pkt_len, 18 + 128);
	assert_int_equal(p[12] << 8 | p[13], 0x8100);
	assert_int_equal(p[14] << 8 | p[15], 0x6007);
	assert_int_equal(p[16] << 8 | p[17], 0x0800);
	assert_int_equal(got->ol_flags & RTE_MBUF_F_TX_L4_MASK, RTE_MBUF_F_TX_UDP_CKSUM);
	set_lengths(got, &h);
	assert_int_equal(h.vlan_tags, 1);
	finish(got);
	assert_int_equal(rte_ipv4_udptcp_cksum_verify((void *)(p + 18), p + 38), 0);
	rte_pktmbuf_free(got);
	port_close(v0);
	port_close(h.port[0]);
	port_close(h.port[1]);
}

static void test_two_queues_share_by_flow(void **state)
{
	struct hairpin h = {0};
	struct port_cfg cfg = {.name = "a", .pool = pool, .rx_queues = 2, .tx_queues = 2};

	open_both(&h);
	port_close(h.port[0]);
	on_v1.queues = 2;
	if (port_open(&cfg, &on_v1, &h.port[0]) < 0)
		fail_msg("%s", refusal());
	assert_int_equal(h.port[0]->rx_queues, 2);
	assert_int_equal(hairpin_while(&h,
				 "ip netns exec %s iperf3 -s -1 >/dev/null & sleep 0.3;"
				 "ip netns exec %s iperf3 -c 10.9.0.2 -P 8 -n 5M >/dev/null",
				 ns_b, ns_a),
		0);
	assert_true(h.port[0]->rxq[0].packets > 0 && h.port[0]->rxq[1].packets > 0);
	close_both(&h);
}

static void test_too_long_and_gone(void **state)
{
	struct hairpin h = {0};
	struct rte_mbuf *m[3];
	struct port_stats s;

	open_both(&h);
	for (unsigned i = 0; i < 3; i++) {
		m[i] = rte_pktmbuf_alloc(pool);
		memset(rte_pktmbuf_append(m[i], i == 1 ? 1900 : 60), 0xff, i == 1 ? 1900 : 60);
	}
	assert_int_equal(
		port_tx(h.port[0], 0, m, 3), 3); /* the middle one is refused by the kernel */
	port_stats(h.port[0], &s);
	assert_int_equal(s.tx_packets, 2);
	assert_int_equal(s.tx_bytes, 120);
	assert_int_equal(s.tx_errors, 1);
	assert_int_equal(sh("ip -n %s link del v0", ns_a), 0);
	m[0] = rte_pktmbuf_alloc(pool);
	memset(rte_pktmbuf_append(m[0], 60), 0xff, 60);
	assert_int_equal(port_tx(h.port[0], 0, m, 1), 0);
	assert_int_equal(port_tx_why(h.port[0], 0), DROP_PORT_DOWN);
	assert_false(port_link_up(h.port[0]));
	rte_pktmbuf_free(m[0]);
	port_close(h.port[0]);
	port_close(h.port[1]);
}

static void test_missing_interface(void **state)
{
	struct card_attach attach;
	struct port_cfg cfg = {.name = "p0", .pool = pool};
	struct port *port;
	unsigned fds = open_fds();

	need_namespaces();
	attach = (struct card_attach){
		.kind = CARD_ATTACH_PACKET, .netns = ns_a, .ifname = "nothing0"};
	assert_int_equal(port_open(&cfg, &attach, &port), -ENOENT);
	assert_non_null(strstr(refusal(), "'nothing0' does not exist in namespace"));
	assert_int_equal(open_fds(), fds);
}

#define ROOT_TEST(f) cmocka_unit_test_teardown(f, drop_namespaces)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROOT_TEST(test_ping_and_link),
		ROOT_TEST(test_bulk_keeps_super_packets),
		ROOT_TEST(test_vlan_tag_is_in_the_frame),
		ROOT_TEST(test_two_queues_share_by_flow),
		ROOT_TEST(test_too_long_and_gone),
		ROOT_TEST(test_missing_interface),
	};

	return cmocka_run_group_tests(tests, start_dpdk, stop_dpdk);
}
