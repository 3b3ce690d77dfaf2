/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * port: the kinds that live in memory, counters, and the ready set over them.
 */
#include "port_test.h"

#include <pthread.h>
#include <rte_ip.h>
#include <rte_tcp.h>
#include <rte_udp.h>
#include <time.h>

static struct rte_mbuf *frame(unsigned len, uint8_t fill)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool);

	memset(rte_pktmbuf_append(m, len), fill, len);
	return m;
}

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

static void open_pair(struct port **a, struct port **b, unsigned depth)
{
	struct port_cfg ca = {.name = "a", .pool = pool}, cb = {.name = "b", .id = 1, .pool = pool};

	if (port_pair_open(&ca, &cb, depth, a, b) < 0)
		fail_msg("%s", refusal());
}

static void test_pair_keeps_order_and_counts(void **state)
{
	struct rte_mbuf *m[8], *r[16];
	struct port_stats sa, sb;
	struct port *a, *b;

	open_pair(&a, &b, 8); /* seven fit */
	for (unsigned i = 0; i < 8; i++)
		m[i] = frame(60 + i, i);
	assert_int_equal(port_tx(a, 0, m, 8), 7);
	assert_int_equal(port_tx_why(a, 0), DROP_PORT_TX_FULL);
	assert_int_equal(port_rx(b, 0, r, 16), 7);
	for (unsigned i = 0; i < 7; i++) {
		assert_ptr_equal(r[i], m[i]);
		rte_pktmbuf_free(r[i]);
	}
	assert_int_equal(port_tx(b, 0, &m[7], 1), 1);
	port_stats(a, &sa);
	port_stats(b, &sb);
	assert_int_equal(sa.tx_packets, 7);
	assert_int_equal(sa.tx_bytes, 60 * 7 + 21);
	assert_int_equal(sb.rx_packets, 7);
	assert_int_equal(sb.rx_bytes, sa.tx_bytes);
	port_close(a); /* with b's frame inside */
	assert_int_equal(port_tx(b, 0, r, 0), 0);
	m[0] = frame(60, 0);
	assert_int_equal(port_tx(b, 0, m, 1), 0);
	assert_int_equal(port_tx_why(b, 0), DROP_PORT_DOWN);
	assert_false(port_link_up(b));
	rte_pktmbuf_free(m[0]);
	port_close(b);
}

static void test_pair_joins_by_name(void **state)
{
	struct card_attach to_y = {.kind = CARD_ATTACH_PAIR, .peer = "y"};
	struct card_attach to_x = {.kind = CARD_ATTACH_PAIR, .peer = "x"};
	struct rte_mbuf *m = frame(60, 1), *r;
	struct port *x, *y, *z;

	x = open_port("x", 0, &to_y);
	assert_false(port_link_up(x));
	assert_int_equal(port_tx(x, 0, &m, 1), 0);
	z = open_port("z", 2, &to_x); /* x does not want z */
	assert_false(port_link_up(x));
	y = open_port("y", 1, &to_x);
	assert_true(port_link_up(x) && port_link_up(y));
	assert_int_equal(port_tx(x, 0, &m, 1), 1);
	assert_int_equal(port_rx(y, 0, &r, 1), 1);
	assert_ptr_equal(r, m);
	rte_pktmbuf_free(r);
	port_close(y);
	port_close(z);
	port_close(x);
}

static void check_frame(struct rte_mbuf *m, uint16_t sport, uint8_t proto)
{
	struct rte_ipv4_hdr *ip = rte_pktmbuf_mtod_offset(m, struct rte_ipv4_hdr *, 14);
	struct rte_udp_hdr *l4 = (void *)(ip + 1);

	assert_int_equal(ip->next_proto_id, proto);
	assert_int_equal(rte_be_to_cpu_16(l4->src_port), sport);
	assert_int_equal(rte_raw_cksum(ip, 20), 0xffff);
	assert_int_equal(rte_ipv4_udptcp_cksum_verify(ip, l4), 0);
	assert_true(rte_pktmbuf_headroom(m) >= PORT_HEADROOM);
}

static void test_mem_makes_valid_flows(void **state)
{
	struct card_attach attach = {
		.kind = CARD_ATTACH_MEM, .frames = {.flows = 5, .sport = 1000}};
	struct port *port = open_port("mem", 0, &attach);
	struct rte_mbuf *m[12];
	struct port_stats s;

	assert_int_equal(port_rx(port, 0, m, 12), 12);
	for (unsigned i = 0; i < 12; i++) {
		assert_int_equal(m[i]->pkt_len, 60);
		check_frame(m[i], 1000 + i % 5, i % 5 & 1 ? 17 : 6);
	}
	assert_int_equal(port_tx(port, 0, m, 12), 12);
	port_stats(port, &s);
	assert_int_equal(s.rx_bytes, 720);
	assert_int_equal(s.tx_packets, 12);
	assert_int_equal(rte_mempool_avail_count(pool), POOL_SIZE);
	port_close(port);
}

/* What the benches of tunnels and mixed sizes are fed with. */
static void test_mem_imix_in_vxlan_scattered(void **state)
{
	static const uint16_t inner[12] = {60, 60, 60, 590, 60, 60, 590, 60, 60, 590, 1514, 590};
	struct card_attach attach = {.kind = CARD_ATTACH_MEM,
		.frames = {.flows = 24, .imix = true, .scatter = true, .vni = 100}};
	struct port *port = open_port("mem", 0, &attach);
	struct rte_mbuf *m[24];

	assert_int_equal(port_rx(port, 0, m, 24), 24);
	for (unsigned i = 0; i < 24; i++) {
		struct rte_ipv4_hdr *outer = rte_pktmbuf_mtod_offset(m[i], struct rte_ipv4_hdr *, 14);
		struct rte_udp_hdr *udp = (void *)(outer + 1);

		assert_int_equal(m[i]->pkt_len, 50 + inner[i % 12]);
		assert_int_equal(rte_raw_cksum(outer, 20), 0xffff);
		assert_int_equal(rte_be_to_cpu_16(outer->total_length), 36 + inner[i % 12]);
		assert_int_equal(rte_be_to_cpu_16(udp->dst_port), 4789);
		assert_int_equal(rte_be_to_cpu_16(udp->dgram_len), 16 + inner[i % 12]);
		rte_pktmbuf_adj(m[i], 50);
		outer = rte_pktmbuf_mtod_offset(m[i], struct rte_ipv4_hdr *, 14);
		assert_int_equal(rte_ipv4_udptcp_cksum_verify(outer, outer + 1), 0);
		for (unsigned k = 0; k < i; k++) /* addresses and ports: another flow */
			assert_memory_not_equal(&outer->src_addr,
				rte_pktmbuf_mtod_offset(m[k], uint8_t *, 26), 12);
	}
	port_tx(port, 0, m, 24);
	port_close(port);
}

static void test_mem_v6_and_queues(void **state)
{
	struct card_attach attach = {.kind = CARD_ATTACH_MEM,
		.frames = {.flows = 130000, .family = 6, .proto = 17, .size = 100}};
	struct port_cfg cfg = {.name = "mem6", .pool = pool, .rx_queues = 2};
	struct rte_mbuf *m[2];
	struct rte_ipv6_hdr *ip;
	struct port *port;

	assert_int_equal(port_open(&cfg, &attach, &port), 0);
	assert_int_equal(port_rx(port, 0, &m[0], 1), 1);
	assert_int_equal(port_rx(port, 1, &m[1], 1), 1);
	for (unsigned i = 0; i < 2; i++) {
		ip = rte_pktmbuf_mtod_offset(m[i], struct rte_ipv6_hdr *, 14);
		assert_int_equal(m[i]->pkt_len, 100);
		assert_int_equal(rte_ipv6_udptcp_cksum_verify(ip, ip + 1), 0);
		assert_int_equal(ip->src_addr[15], i); /* flow 0, flow 65000 */
	}
	port_tx(port, 0, m, 2);
	port_close(port);
}

static void test_generator_rate_and_count(void **state)
{
	struct card_attach attach = {
		.kind = CARD_ATTACH_GENERATOR, .frames = {.rate = 20000, .count = 1000}};
	struct port *port = open_port("gen", 0, &attach);
	struct rte_mbuf *m[32];
	double start = now(), took;
	unsigned n = 0;

	while (n < 1000) {
		uint16_t got = port_rx(port, 0, m, 32);

		n += got;
		port_tx(port, 0, m, got);
		assert_true(now() - start < 5);
	}
	took = now() - start;
	assert_true(took > 0.045);
	usleep(2000);
	assert_int_equal(port_rx(port, 0, m, 32), 0);
	port_close(port);
}

static void test_null_and_admin_down(void **state)
{
	struct card_attach attach = {.kind = CARD_ATTACH_NULL};
	struct port *port = open_port("null", 0, &attach);
	struct rte_mbuf *m = frame(60, 0);
	char text[64];

	assert_int_equal(port_rx(port, 0, &m, 1), 0);
	port_set_up(port, false);
	assert_false(port_link_up(port));
	assert_int_equal(port_tx(port, 0, &m, 1), 0);
	assert_int_equal(port_tx_why(port, 0), DROP_PORT_DOWN);
	port_set_up(port, true);
	assert_int_equal(port_tx(port, 0, &m, 1), 1);
	port_describe(port, text, sizeof(text));
	assert_non_null(strstr(text, "null"));
	port_close(port);
	port_close(NULL);
}

static void test_empty_pool_is_counted(void **state)
{
	struct rte_mempool *small = port_pool_create("small", 31);
	struct card_attach attach = {.kind = CARD_ATTACH_MEM};
	struct port_cfg cfg = {.name = "m", .pool = small};
	struct rte_mbuf *m[32];
	struct port_stats s;
	struct port *port;

	assert_int_equal(port_open(&cfg, &attach, &port), 0);
	assert_int_equal(port_rx(port, 0, m, 31), 31);
	assert_int_equal(port_rx(port, 0, m, 1), 0);
	port_stats(port, &s);
	assert_int_equal(s.rx_nobuf, 1);
	port_tx(port, 0, m, 31);
	port_close(port);
	port_pool_destroy(small);
}

/* A pool in memory of its own is nothing for virtio-user or a NIC. */
static void test_dpdk_device_wants_its_memory(void **state)
{
	struct card_attach attach = {.kind = CARD_ATTACH_DPDK, .devargs = "net_null0"};
	struct port_cfg cfg = {.name = "late", .pool = pool};
	struct port *port;

	assert_int_equal(port_open(&cfg, &attach, &port), -ENOTSUP);
	assert_non_null(strstr(refusal(), "net_null0"));
}

static void test_refusals(void **state)
{
	struct port_cfg cfg = {.name = "x", .pool = pool};
	struct card_attach attach = {.kind = CARD_ATTACH_PAIR};
	struct port *port;

	assert_int_equal(port_open(&cfg, &attach, &port), -EINVAL);
	assert_non_null(strstr(refusal(), "port 'x'"));
	cfg.tx_queues = 99;
	attach.kind = CARD_ATTACH_NULL;
	assert_int_equal(port_open(&cfg, &attach, &port), -EINVAL);
	cfg.tx_queues = 1;
	cfg.pool = NULL;
	assert_int_equal(port_open(&cfg, &attach, &port), -EINVAL);
	cfg.pool = pool;
	attach = (struct card_attach){.kind = CARD_ATTACH_MEM, .frames = {.size = 4000}};
	assert_int_equal(port_open(&cfg, &attach, &port), -E2BIG);
}

/* ---- the ready set ---- */

static void test_set_sleeps_and_is_woken_by_a_pair(void **state)
{
	struct port_set *set;
	struct port_ref *ready[4];
	struct rte_mbuf *m = frame(60, 0), *r;
	struct port *a, *b;
	double start;

	open_pair(&a, &b, 0);
	assert_int_equal(port_set_create(&set), 0);
	assert_int_equal(port_set_add(set, b, 0), 0);
	assert_int_equal(port_set_wait(set, 0, ready, 4), 1); /* rings are polled while awake */
	start = now();
	port_set_wait(set, 30000, ready, 4);
	assert_true(now() - start > 0.025);
	assert_int_equal(port_tx(a, 0, &m, 1), 1); /* before the sleep: arm sees it */
	start = now();
	assert_int_equal(port_set_wait(set, 5000000, ready, 4), 1);
	assert_true(now() - start < 1);
	assert_int_equal(port_rx(b, 0, &r, 1), 1);
	port_set_got(set, ready[0], 1, 32);
	rte_pktmbuf_free(r);
	assert_int_equal(port_set_remove(set, b), 0);
	assert_int_equal(port_set_remove(set, b), -ENOENT);
	port_set_destroy(set);
	port_set_destroy(NULL);
	port_close(a);
	port_close(b);
}

struct crossing {
	struct port *port;
	unsigned n;
};

static void *send_slowly(void *arg)
{
	struct crossing *x = arg;

	port_eal_thread_enter();
	for (unsigned i = 0; i < x->n;) {
		struct rte_mbuf *m = frame(60, i);

		while (port_tx(x->port, 0, &m, 1) == 0)
			usleep(10);
		if (++i % 7 == 0)
			usleep(50);
	}
	port_eal_thread_leave();
	return NULL;
}

/* A lost wake-up shows as a sleep of the full 10 s. */
static void test_no_wakeup_is_lost(void **state)
{
	struct crossing x = {.n = 3000};
	struct port_set *set;
	struct port_ref *ready[4];
	struct rte_mbuf *m[32];
	struct port *b;
	pthread_t thread;
	unsigned got = 0;
	bool idle = false;
	double start;

	open_pair(&x.port, &b, 0);
	assert_int_equal(port_set_create(&set), 0);
	assert_int_equal(port_set_add(set, b, 0), 0);
	pthread_create(&thread, NULL, send_slowly, &x);
	while (got < x.n) {
		start = now();
		if (port_set_wait(set, idle ? 10000000 : 0, ready, 4)) {
			uint16_t n = port_rx(b, 0, m, 32);

			idle = n == 0;
			got += n;
			port_set_got(set, ready[0], n, 32);
			rte_pktmbuf_free_bulk(m, n);
		}
		assert_true(now() - start < 5);
	}
	pthread_join(thread, NULL);
	port_set_destroy(set);
	port_close(x.port);
	port_close(b);
}

static void *wake_later(void *arg)
{
	usleep(20000);
	port_set_wake(arg);
	return NULL;
}

static void test_set_wake_and_watch(void **state)
{
	struct port_set *set;
	struct port_ref *ready[4];
	pthread_t thread;
	int fds[2];
	double start = now();

	assert_int_equal(port_set_create(&set), 0);
	pthread_create(&thread, NULL, wake_later, set);
	assert_int_equal(port_set_wait(set, 10000000, ready, 4), 0);
	assert_true(now() - start < 5);
	pthread_join(thread, NULL);
	assert_int_equal(pipe(fds), 0);
	assert_int_equal(port_set_watch(set, fds[0]), 0);
	assert_int_equal(write(fds[1], "x", 1), 1);
	start = now();
	assert_int_equal(port_set_wait(set, 10000000, ready, 4), 0);
	assert_true(now() - start < 5);
	close(fds[0]);
	close(fds[1]);
	port_set_destroy(set);
}

static void test_set_is_fair_and_respects_pollees(void **state)
{
	struct card_attach attach = {.kind = CARD_ATTACH_GENERATOR, .frames = {.rate = 1}};
	struct port *port[5];
	struct port_set *set;
	struct port_ref *ready[2];
	unsigned seen[5] = {0};
	double start;

	assert_int_equal(port_set_create(&set), 0);
	for (unsigned i = 0; i < 5; i++) {
		port[i] = open_port("g", i, &attach);
		assert_int_equal(port_set_add(set, port[i], 0), 0);
	}
	for (unsigned i = 0; i < 10; i++) {
		assert_int_equal(port_set_wait(set, 0, ready, 2), 2);
		seen[ready[0]->port->id]++;
		seen[ready[1]->port->id]++;
	}
	for (unsigned i = 0; i < 5; i++)
		assert_int_equal(seen[i], 4);
	start = now();
	port_set_wait(set, 10000000, ready, 2); /* no longer than a generator's poll_us */
	assert_true(now() - start < 1);
	for (unsigned i = 0; i < 5; i++) {
		assert_int_equal(port_set_remove(set, port[i]), 0);
		port_close(port[i]);
	}
	assert_int_equal(port_set_wait(set, 0, ready, 2), 0);
	port_set_destroy(set);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pair_keeps_order_and_counts),
		cmocka_unit_test(test_pair_joins_by_name),
		cmocka_unit_test(test_mem_makes_valid_flows),
		cmocka_unit_test(test_mem_imix_in_vxlan_scattered),
		cmocka_unit_test(test_mem_v6_and_queues),
		cmocka_unit_test(test_generator_rate_and_count),
		cmocka_unit_test(test_null_and_admin_down),
		cmocka_unit_test(test_empty_pool_is_counted),
		cmocka_unit_test(test_dpdk_device_wants_its_memory),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_set_sleeps_and_is_woken_by_a_pair),
		cmocka_unit_test(test_no_wakeup_is_lost),
		cmocka_unit_test(test_set_wake_and_watch),
		cmocka_unit_test(test_set_is_fair_and_respects_pollees),
	};

	return cmocka_run_group_tests(tests, start_dpdk, stop_dpdk);
}
