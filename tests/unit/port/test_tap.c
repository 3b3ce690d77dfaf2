/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * port: real TAPs in real namespaces.
 *
 *     ns a: eth0 10.9.0.1  fd09::1  ==tap==  hairpin  ==tap==  ns b: eth0 10.9.0.2  fd09::2
 */
#include "hairpin.h"

#include <net/if.h>

static struct card_attach attach_a, attach_b;

static void open_taps(struct hairpin *h, uint32_t mtu)
{
	struct port_cfg a = {.name = "a", .pool = pool, .mac = {2, 0, 0, 0, 0, 0xa}, .mtu = mtu};
	struct port_cfg b = {.name = "b", .id = 1, .pool = pool, .mtu = mtu};

	need_namespaces();
	attach_a = (struct card_attach){.kind = CARD_ATTACH_TAP, .netns = ns_a, .ifname = "eth0"};
	attach_b = (struct card_attach){.kind = CARD_ATTACH_TAP, .netns = ns_b, .ifname = "eth0"};
	if (port_open(&a, &attach_a, &h->port[0]) < 0 || port_open(&b, &attach_b, &h->port[1]) < 0)
		fail_msg("%s", refusal());
	assert_int_equal(
		sh("ip -n %s addr add 10.9.0.1/24 dev eth0 && ip -n %s addr add fd09::1/64 dev "
		   "eth0 nodad && ip -n %s addr add 10.9.0.2/24 dev eth0 && ip -n %s addr add "
		   "fd09::2/64 dev eth0 nodad",
			ns_a, ns_a, ns_b, ns_b),
		0);
}

static void close_taps(struct hairpin *h)
{
	struct port_stats a, b;

	port_stats(h->port[0], &a);
	port_stats(h->port[1], &b);
	assert_int_equal(a.rx_packets + b.rx_packets, h->packets);
	assert_int_equal(
		a.tx_packets + b.tx_packets + a.tx_errors + b.tx_errors + h->unsent, h->packets);
	assert_int_equal(a.rx_errors + b.rx_errors, 0);
	port_close(h->port[0]);
	port_close(h->port[1]);
}

static void test_name_mac_mtu_and_end(void **state)
{
	struct hairpin h = {0};

	open_taps(&h, 1450);
	assert_int_equal(
		sh("ip -n %s -o link show eth0 | grep -q 'mtu 1450.*state UNKNOWN\\|mtu 1450.*UP' ",
			ns_a),
		0);
	assert_int_equal(
		sh("ip -n %s -o link show eth0 | grep -q 'link/ether 02:00:00:00:00:0a'", ns_a), 0);
	assert_true(port_link_up(h.port[0]));
	assert_int_equal(sh("ip -n %s link set eth0 down", ns_a), 0);
	assert_false(port_link_up(h.port[0]));
	assert_int_equal(sh("ip -n %s link set eth0 name renamed0 up", ns_a), 0);
	assert_true(port_link_up(h.port[0]));
	close_taps(&h);
	assert_int_equal(sh("ip -n %s -o link | grep -v lo: | grep -q ether", ns_a), 1);
}

static void test_ping_both_families(void **state)
{
	struct hairpin h = {0};

	open_taps(&h, 1450);
	assert_int_equal(
		hairpin_while(&h,
			"ip netns exec %s ping -q -c 3 -i 0.05 -s 1400 10.9.0.2 >/dev/null", ns_a),
		0);
	assert_int_equal(
		hairpin_while(&h, "ip netns exec %s ping -q -c 3 -i 0.05 fd09::2 >/dev/null", ns_a),
		0);
	assert_true(h.packets >= 12);
	close_taps(&h);
}

static void bulk(const char *address, uint32_t *supers, struct hairpin *h)
{
	open_taps(h, 1500);
	assert_int_equal(
		hairpin_while(h,
			"ip netns exec %s iperf3 -s -1 >/dev/null & sleep 0.3;"
			"ip netns exec %s iperf3 -c %s -n 100M -f m | tail -3 | head -1 >&2",
			ns_b, ns_a, address),
		0);
	assert_true(*supers > 1000);
	assert_true(h->longest > 30000);
	/* most of 100 MB crossed in super-packets, so far fewer than 72,000 frames plus answers */
	assert_true(h->packets < 60000);
	close_taps(h);
}

static void test_super_packets_stay_whole_v4(void **state)
{
	struct hairpin h = {0};

	bulk("10.9.0.2", &h.supers4, &h);
}

static void test_super_packets_stay_whole_v6(void **state)
{
	struct hairpin h = {0};

	bulk("fd09::2", &h.supers6, &h);
}

/* Senders leave checksums to us; finished here, the receiver checks them (it would drop and count).
 */
static void test_partial_checksums_finished(void **state)
{
	struct hairpin h = {.finish = true};

	open_taps(&h, 1500);
	assert_int_equal(sh("for n in %s %s; do ip netns exec $n ethtool -K eth0 tso off gso off "
			    ">/dev/null; done",
				 ns_a, ns_b),
		0);
	assert_int_equal(hairpin_while(&h,
				 "ip netns exec %s iperf3 -s -1 >/dev/null & sleep 0.3;"
				 "ip netns exec %s iperf3 -c 10.9.0.2 -n 5M >/dev/null",
				 ns_b, ns_a),
		0);
	assert_int_equal(
		hairpin_while(&h,
			"ip netns exec %s iperf3 -s -1 >/dev/null & sleep 0.3;"
			"ip netns exec %s iperf3 -u -b 0 -c fd09::2 -n 1M -l 1000 >/dev/null",
			ns_b, ns_a),
		0);
	assert_true(h.partial > 1000);
	assert_int_equal(
		sh("ip netns exec %s nstat -az TcpInCsumErrors Udp6InCsumErrors UdpInCsumErrors | "
		   "awk 'NR>1 {n += $2} END {exit n != 0}'",
			ns_b),
		0);
	close_taps(&h);
}

static void test_taken_name_is_refused(void **state)
{
	struct card_attach attach;
	struct port_cfg cfg = {.name = "pf0vf0", .pool = pool};
	struct port *port;
	unsigned fds;

	need_namespaces();
	attach = (struct card_attach){.kind = CARD_ATTACH_TAP, .netns = ns_a, .ifname = "eth0"};
	assert_int_equal(sh("ip -n %s link add eth0 type veth peer name other", ns_a), 0);
	fds = open_fds();
	assert_int_equal(port_open(&cfg, &attach, &port), -EEXIST);
	assert_non_null(
		strstr(refusal(), "port 'pf0vf0': interface 'eth0' exists already in namespace"));
	attach.netns = "port-no-such";
	assert_int_equal(port_open(&cfg, &attach, &port), -ENOENT);
	assert_non_null(strstr(refusal(), "port-no-such"));
	assert_int_equal(open_fds(), fds);
	assert_int_equal(sh("ip -o link | grep -q softdpu"), 1);
	assert_int_equal(sh("ip -n %s -o link | grep -q softdpu", ns_a), 1);
}

static void test_down_and_dead_far_ends(void **state)
{
	struct hairpin h = {0};
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool);
	char text[128];

	memset(rte_pktmbuf_append(m, 60), 0xff, 60);
	open_taps(&h, 1500);
	assert_int_equal(sh("ip -n %s link set eth0 down", ns_a), 0);
	assert_int_equal(port_tx(h.port[0], 0, &m, 1), 0);
	assert_int_equal(port_tx_why(h.port[0], 0), DROP_PORT_DOWN);
	assert_int_equal(sh("ip -n %s link set eth0 up", ns_a), 0);
	assert_int_equal(port_tx(h.port[0], 0, &m, 1), 1);
	assert_int_equal(sh("ip netns del %s", ns_b), 0);
	text[0] = 0;
	for (unsigned i = 0; i < 200 && !strstr(text, "removed"); i++) {
		while (port_rx(h.port[1], 0, &m, 1) == 1) /* what its stack said before it died */
			rte_pktmbuf_free(m);
		usleep(20000);
		port_describe(h.port[1], text, sizeof(text));
	}
	assert_non_null(strstr(text, "removed"));
	assert_false(port_link_up(h.port[1]));
	port_close(h.port[0]);
	port_close(h.port[1]);
}

static void test_two_queues(void **state)
{
	struct hairpin h = {0};
	struct port_cfg cfg = {.name = "mq", .pool = pool, .rx_queues = 2, .tx_queues = 2};

	open_taps(&h, 1500);
	port_close(h.port[0]);
	attach_a.queues = 2;
	if (port_open(&cfg, &attach_a, &h.port[0]) < 0)
		fail_msg("%s", refusal());
	assert_int_equal(h.port[0]->rx_queues, 2);
	assert_int_equal(sh("ip -n %s addr add 10.9.0.1/24 dev eth0", ns_a), 0);
	assert_int_equal(hairpin_while(&h,
				 "ip netns exec %s ping -q -c 3 -i 0.05 10.9.0.2 >/dev/null", ns_a),
		0);
	close_taps(&h);
}

#define ROOT_TEST(f) cmocka_unit_test_teardown(f, drop_namespaces)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROOT_TEST(test_name_mac_mtu_and_end),
		ROOT_TEST(test_ping_both_families),
		ROOT_TEST(test_super_packets_stay_whole_v4),
		ROOT_TEST(test_super_packets_stay_whole_v6),
		ROOT_TEST(test_partial_checksums_finished),
		ROOT_TEST(test_taken_name_is_refused),
		ROOT_TEST(test_down_and_dead_far_ends),
		ROOT_TEST(test_two_queues),
	};

	return cmocka_run_group_tests(tests, start_dpdk, stop_dpdk);
}
