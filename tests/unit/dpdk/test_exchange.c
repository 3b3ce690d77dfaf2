/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * net_softdpu: packets between a program's queues and the switch's port, offloads on the way,
 * hairpins, stop and start, the listener.
 */
#include "dpdk_test.h"

#include <rte_flow.h>
#include <rte_ip.h>
#include <rte_tcp.h>

static unsigned started, stopping, polled;
static bool refuse_start;

static int on_started(void *arg, struct net_softdpu_dev *dev)
{
	assert_non_null(net_softdpu_port(dev));
	assert_ptr_equal(arg, &started);
	started++;
	return refuse_start ? -EBUSY : 0;
}

static void on_stopping(void *arg, struct net_softdpu_dev *dev)
{
	assert_non_null(net_softdpu_port(dev));
	stopping++;
}

static void on_poll(void *arg, struct net_softdpu_dev *dev, unsigned queue)
{
	polled++;
}

static int start(void **state)
{
	static const struct net_softdpu_ops ops = {
		.started = on_started, .stopping = on_stopping, .poll = on_poll};

	make_card();
	net_softdpu_listen(&ops, &started);
	if (net_softdpu_setup(card) < 0 || start_eal("0000:03:00.0,representor=vf0") < 0)
		return -1;
	return 0;
}

static struct net_softdpu_dev *dev_of(const char *port)
{
	return net_softdpu_by_port(card_port_by_name(card, port));
}

static struct rte_mbuf *frame(unsigned len, uint8_t fill)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool);

	memset(rte_pktmbuf_append(m, len), fill, len);
	return m;
}

/* Ethernet, IPv4, TCP with `payload` bytes; checksums as a kernel leaves them (partial). */
static struct rte_mbuf *tcp_packet(unsigned payload)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool), *tail;
	struct rte_ether_hdr *eth = (void *)rte_pktmbuf_append(m, 54);
	struct rte_ipv4_hdr *ip = (void *)(eth + 1);
	struct rte_tcp_hdr *tcp = (void *)(ip + 1);

	memset(eth, 0, 54);
	eth->ether_type = rte_cpu_to_be_16(RTE_ETHER_TYPE_IPV4);
	*ip = (struct rte_ipv4_hdr){.version_ihl = 0x45,
		.time_to_live = 9,
		.next_proto_id = 6,
		.src_addr = 1,
		.dst_addr = 2,
		.total_length = rte_cpu_to_be_16(40 + payload)};
	ip->hdr_checksum = rte_ipv4_cksum(ip);
	*tcp = (struct rte_tcp_hdr){
		.src_port = 1, .dst_port = 2, .data_off = 5 << 4, .tcp_flags = RTE_TCP_ACK_FLAG};
	tcp->cksum = rte_ipv4_phdr_cksum(ip, 0);
	for (unsigned left = payload; left > 0;) {
		unsigned here = RTE_MIN(left, 1500u);

		tail = rte_pktmbuf_alloc(pool);
		memset(rte_pktmbuf_append(tail, here), left, here);
		assert_int_equal(rte_pktmbuf_chain(m, tail), 0);
		left -= here;
	}
	m->l2_len = 14;
	m->l3_len = 20;
	m->l4_len = 20;
	return m;
}

static void test_program_to_switch(void **state)
{
	uint16_t id = ethdev_of("p0");
	struct rte_mbuf *m[6], *got[8];
	struct rte_eth_link link;
	struct rte_eth_stats s;
	struct port *port;

	start_port(id, 2);
	assert_int_equal(started, 1);
	assert_int_equal(rte_eth_link_get_nowait(id, &link), 0);
	assert_int_equal(link.link_status, RTE_ETH_LINK_UP);
	port = net_softdpu_port(dev_of("p0"));
	assert_int_equal(port->id, NET_SOFTDPU_PORT_BASE);
	for (unsigned i = 0; i < 6; i++)
		m[i] = frame(60 + i, i);
	assert_int_equal(rte_eth_tx_burst(id, 0, m, 3), 3);
	assert_int_equal(rte_eth_tx_burst(id, 1, m + 3, 3), 3);
	assert_int_equal(port_rx(port, 0, got, 8), 6);
	for (unsigned i = 0; i < 6; i++)
		assert_ptr_equal(got[i], m[i]);
	assert_int_equal(port_tx(port, 0, got, 6), 6); /* and back, to queue 0 */
	assert_int_equal(rte_eth_rx_burst(id, 1, m, 6), 0);
	assert_int_equal(rte_eth_rx_burst(id, 0, m, 6), 6);
	assert_ptr_equal(m[5], got[5]);
	assert_int_equal(m[5]->port, id);
	assert_true(polled >= 2);
	assert_int_equal(rte_eth_stats_get(id, &s), 0);
	assert_int_equal(s.opackets, 6);
	assert_int_equal(s.ipackets, 6);
	assert_int_equal(s.ibytes, 375);
	assert_int_equal(rte_eth_stats_reset(id), 0);
	assert_int_equal(rte_eth_stats_get(id, &s), 0);
	assert_int_equal(s.ipackets + s.opackets + s.ibytes + s.obytes, 0);
	rte_pktmbuf_free_bulk(m, 6);
}

static void test_delivery_by_queue_and_by_hash(void **state)
{
	uint16_t id = ethdev_of("p0");
	struct net_softdpu_dev *dev = dev_of("p0");
	struct rte_mbuf *m[4], *got[4];

	for (unsigned i = 0; i < 4; i++) {
		m[i] = frame(60, i);
		m[i]->hash.rss = i;
		m[i]->ol_flags = RTE_MBUF_F_RX_RSS_HASH;
	}
	assert_int_equal(port_tx(net_softdpu_port(dev), 0, m, 4), 4);
	assert_int_equal(rte_eth_rx_burst(id, 0, got, 4), 2);
	assert_int_equal(rte_eth_rx_burst(id, 1, got + 2, 4), 2);
	assert_ptr_equal(got[1], m[2]);
	assert_ptr_equal(got[2], m[1]);
	assert_int_equal(net_softdpu_deliver(dev, 1, m, 4), 4);
	assert_int_equal(net_softdpu_deliver(dev, 2, m, 4), 0);
	assert_int_equal(rte_eth_rx_burst(id, 1, got, 4), 4);
	rte_pktmbuf_free_bulk(got, 4);
}

static void test_full_queue_keeps_the_rest(void **state)
{
	struct net_softdpu_dev *dev = dev_of("p0");
	struct rte_mbuf *m[200], *got[200];
	struct rte_eth_stats s;
	uint16_t taken, n = 0;

	for (unsigned i = 0; i < 200; i++)
		m[i] = frame(60, i);
	taken = port_tx(net_softdpu_port(dev), 0, m, 200);
	assert_in_range(taken, 64, 199);
	assert_int_equal(port_tx_why(net_softdpu_port(dev), 0), DROP_QUEUE_FULL);
	assert_int_equal(rte_eth_stats_get(ethdev_of("p0"), &s), 0);
	assert_int_equal(s.imissed, 200 - taken);
	while (n < taken)
		n += rte_eth_rx_burst(ethdev_of("p0"), 0, got + n, 32);
	rte_pktmbuf_free_bulk(got, taken);
	rte_pktmbuf_free_bulk(m + taken, 200 - taken);
}

/* The program asks for checksums: IPv4 is filled, TCP stays partial with the pseudo-header sum. */
static void test_offloads_from_the_program(void **state)
{
	uint16_t id = ethdev_of("p0");
	struct rte_mbuf *m = tcp_packet(3000), *got;
	struct rte_ipv4_hdr *ip = rte_pktmbuf_mtod_offset(m, struct rte_ipv4_hdr *, 14);
	struct rte_tcp_hdr *tcp = (void *)(ip + 1);
	uint16_t with_length = tcp->cksum;

	ip->hdr_checksum = 0;
	m->ol_flags = RTE_MBUF_F_TX_IP_CKSUM | RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_TCP_SEG;
	m->tso_segsz = 1000;
	tcp->cksum = rte_ipv4_phdr_cksum(ip, m->ol_flags); /* DPDK's way: without the length */
	assert_int_not_equal(tcp->cksum, with_length);
	assert_int_equal(rte_eth_tx_burst(id, 0, &m, 1), 1);
	assert_int_equal(port_rx(net_softdpu_port(dev_of("p0")), 0, &got, 1), 1);
	assert_int_equal(rte_raw_cksum(ip, 20), 0xffff);
	assert_int_equal(tcp->cksum, with_length);
	assert_false(got->ol_flags & RTE_MBUF_F_TX_IP_CKSUM);
	assert_true(got->ol_flags & RTE_MBUF_F_TX_TCP_CKSUM);
	rte_pktmbuf_free(got);
}

/* A NIC would give finished checksums and wire-sized packets. */
static void test_offloads_to_the_program(void **state)
{
	uint16_t id = ethdev_of("p0");
	struct net_softdpu_dev *dev = dev_of("p0");
	struct rte_mbuf *m[3] = {tcp_packet(100), tcp_packet(3000), frame(60, 7)}, *got[8];
	unsigned payload = 0;
	uint16_t n;

	m[0]->ol_flags = RTE_MBUF_F_TX_TCP_CKSUM | RTE_MBUF_F_TX_IPV4;
	m[1]->ol_flags = RTE_MBUF_F_TX_TCP_CKSUM | RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_TCP_SEG;
	m[1]->tso_segsz = 1400;
	assert_int_equal(net_softdpu_deliver(dev, 0, m, 3), 3);
	n = rte_eth_rx_burst(id, 0, got, 8);
	assert_int_equal(n, 1 + 3 + 1);
	for (unsigned i = 0; i < 4; i++) {
		struct rte_ipv4_hdr *ip;

		assert_int_equal(rte_pktmbuf_linearize(got[i]), 0);
		ip = rte_pktmbuf_mtod_offset(got[i], struct rte_ipv4_hdr *, 14);
		assert_int_equal(rte_raw_cksum(ip, 20), 0xffff);
		assert_int_equal(rte_ipv4_udptcp_cksum_verify(ip, ip + 1), 0);
		assert_false(got[i]->ol_flags & RTE_MBUF_F_TX_L4_MASK);
		payload += i ? got[i]->pkt_len - 54 : 0;
	}
	assert_int_equal(payload, 3000);
	rte_pktmbuf_free_bulk(got, n);
}

static void test_switch_sleeps_until_the_program_sends(void **state)
{
	struct port *port = net_softdpu_port(dev_of("p0"));
	struct rte_mbuf *m = frame(60, 0), *got;
	struct port_ref *ready[2];
	struct port_set *set;

	assert_int_equal(port_set_create(&set), 0);
	assert_int_equal(port_set_add(set, port, 0), 0);
	assert_int_equal(port->ops->arm(port, 0), false);
	assert_int_equal(rte_eth_tx_burst(ethdev_of("p0"), 1, &m, 1), 1);
	assert_int_equal(port_set_wait(set, 60000000, ready, 2), 1);
	assert_int_equal(port_rx(port, 0, &got, 1), 1);
	rte_pktmbuf_free(got);
	port_set_destroy(set);
}

static void test_isolation_and_rules_without_a_listener(void **state)
{
	struct rte_flow_error error = {0};
	struct rte_flow_attr attr = {.ingress = 1};
	struct rte_flow_item end = {.type = RTE_FLOW_ITEM_TYPE_END};
	struct rte_flow_action none = {.type = RTE_FLOW_ACTION_TYPE_END};

	assert_int_equal(rte_flow_isolate(ethdev_of("pf0vf0"), 1, &error), 0);
	assert_null(rte_flow_create(ethdev_of("p0"), &attr, &end, &none, &error));
}

static void test_hairpin(void **state)
{
	uint16_t id = ethdev_of("pf0vf0"), p0 = ethdev_of("p0"), peer = 0, peers[4];
	struct rte_eth_hairpin_conf conf = {.peer_count = 1, .manual_bind = 1, .tx_explicit = 1};
	struct rte_eth_hairpin_cap cap;
	struct rte_eth_conf eth_conf = {0};
	struct rte_mbuf *m = frame(60, 0);

	assert_int_equal(rte_eth_dev_hairpin_capability_get(id, &cap), 0);
	assert_true(cap.max_nb_queues >= 2);
	assert_int_equal(rte_eth_dev_configure(id, 2, 2, &eth_conf), 0);
	assert_int_equal(rte_eth_rx_queue_setup(id, 0, 64, SOCKET_ID_ANY, NULL, pool), 0);
	assert_int_equal(rte_eth_tx_queue_setup(id, 0, 64, SOCKET_ID_ANY, NULL), 0);
	conf.peers[0].port = p0;
	conf.peers[0].queue = 1;
	assert_int_equal(rte_eth_rx_hairpin_queue_setup(id, 1, 64, &conf), 0);
	assert_int_equal(rte_eth_tx_hairpin_queue_setup(id, 1, 64, &conf), 0);
	assert_int_equal(rte_eth_dev_start(id), 0);
	assert_int_equal(rte_eth_hairpin_bind(id, p0), 0);
	assert_int_equal(rte_eth_hairpin_get_peer_ports(id, peers, 4, 1), 1);
	assert_int_equal(peers[0], p0);
	assert_true(net_softdpu_hairpin(dev_of("pf0vf0"), 1, &peer));
	assert_int_equal(peer, p0);
	assert_false(net_softdpu_hairpin(dev_of("pf0vf0"), 0, &peer));
	assert_int_equal(net_softdpu_deliver(dev_of("pf0vf0"), 1, &m, 1), 0);
	assert_int_equal(port_tx(net_softdpu_port(dev_of("pf0vf0")), 0, &m, 1), 1);
	assert_int_equal(rte_eth_hairpin_unbind(id, p0), 0);
	assert_int_equal(rte_eth_dev_stop(id), 0); /* with the packet inside */
}

static void test_stop_start_and_refused_start(void **state)
{
	uint16_t id = ethdev_of("p0");
	struct rte_eth_link link;
	struct rte_mbuf *m = frame(60, 0);

	assert_int_equal(rte_eth_tx_burst(id, 0, &m, 1), 1);
	stopping = 0;
	assert_int_equal(rte_eth_dev_stop(id), 0);
	assert_int_equal(stopping, 1);
	assert_null(net_softdpu_port(dev_of("p0")));
	assert_int_equal(rte_eth_link_get_nowait(id, &link), 0);
	assert_int_equal(link.link_status, RTE_ETH_LINK_DOWN);
	refuse_start = true;
	assert_int_equal(rte_eth_dev_start(id), -EBUSY);
	assert_null(net_softdpu_port(dev_of("p0")));
	refuse_start = false;
	assert_int_equal(rte_eth_dev_start(id), 0);
	assert_non_null(net_softdpu_port(dev_of("p0")));
	start_port(ethdev_of("pf0vf0"), 1);
	/* left running: rte_eal_cleanup closes what the program forgot */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_program_to_switch),
		cmocka_unit_test(test_delivery_by_queue_and_by_hash),
		cmocka_unit_test(test_full_queue_keeps_the_rest),
		cmocka_unit_test(test_offloads_from_the_program),
		cmocka_unit_test(test_offloads_to_the_program),
		cmocka_unit_test(test_switch_sleeps_until_the_program_sends),
		cmocka_unit_test(test_isolation_and_rules_without_a_listener),
		cmocka_unit_test(test_hairpin),
		cmocka_unit_test(test_stop_start_and_refused_start),
	};

	return cmocka_run_group_tests(tests, start, stop_eal);
}
