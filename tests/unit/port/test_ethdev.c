/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * port: DPDK devices as ports: pcap files, memif and vhost-user between two ports of this process.
 */
#include "port_test.h"

#include <rte_ip.h>

static char dir[] = "/tmp/softdpu-ethdev-XXXXXX";

static int start(void **state)
{
	with_devices = true;
	return mkdtemp(dir) ? start_dpdk(state) : -1;
}

static int stop(void **state)
{
	return stop_dpdk(state) | sh("rm -rf %s", dir);
}

static struct rte_mbuf *frame(unsigned len, uint8_t fill)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool);

	memset(rte_pktmbuf_append(m, len), fill, len);
	return m;
}

/* Poll until n frames came, two seconds at most. */
static uint16_t receive(struct port *port, struct rte_mbuf **m, uint16_t n)
{
	uint16_t got = 0;

	for (unsigned i = 0; i < 2000 && got < n; i++) {
		got += port_rx(port, 0, m + got, n - got);
		if (got < n)
			usleep(1000);
	}
	return got;
}

static void test_pcap_write_then_read(void **state)
{
	char path[64];
	struct card_attach write = {.kind = CARD_ATTACH_PCAP, .peer = path};
	struct card_attach read = {.kind = CARD_ATTACH_PCAP, .path = path};
	struct rte_mbuf *m[4];
	struct port *port;
	struct port_stats s;

	snprintf(path, sizeof(path), "%s/x.pcap", dir);
	port = open_port("w", 0, &write);
	for (unsigned i = 0; i < 4; i++)
		m[i] = frame(60 + i, i);
	assert_int_equal(port_tx(port, 0, m, 4), 4);
	port_stats(port, &s);
	assert_int_equal(s.tx_bytes, 246);
	port_close(port);
	port = open_port("r", 0, &read);
	assert_int_equal(port->kind, PORT_ETHDEV);
	assert_true(port->ethdev != UINT16_MAX);
	assert_int_equal(receive(port, m, 4), 4);
	for (unsigned i = 0; i < 4; i++) {
		assert_int_equal(m[i]->pkt_len, 60 + i);
		assert_int_equal(*rte_pktmbuf_mtod(m[i], uint8_t *), i);
		rte_pktmbuf_free(m[i]);
	}
	port_close(port);
}

static void exchange(struct port *a, struct port *b)
{
	struct rte_mbuf *m[8], *r[8];
	uint16_t sent = 0, got = 0;

	for (unsigned i = 0; i < 8; i++)
		m[i] = frame(60 + 10 * i, i);
	for (unsigned i = 0; i < 2000 && got < 8; i++) { /* memif: who polls gives the other room */
		sent += port_tx(a, 0, m + sent, 8 - sent);
		got += port_rx(b, 0, r + got, 8 - got);
		usleep(1000);
	}
	assert_int_equal(sent, 8);
	assert_int_equal(got, 8);
	for (unsigned i = 0; i < 8; i++) {
		assert_int_equal(r[i]->pkt_len, 60 + 10 * i);
		assert_int_equal(*rte_pktmbuf_mtod(r[i], uint8_t *), i);
		rte_pktmbuf_free(r[i]);
	}
}

static void test_memif(void **state)
{
	char path[64];
	struct card_attach server = {.kind = CARD_ATTACH_MEMIF, .path = path, .server = true};
	struct card_attach client = {.kind = CARD_ATTACH_MEMIF, .path = path};
	struct port *a, *b;

	snprintf(path, sizeof(path), "%s/memif.sock", dir);
	a = open_port("server", 0, &server);
	assert_false(port_link_up(a));
	b = open_port("client", 1, &client);
	for (unsigned i = 0; i < 3000 && !(port_link_up(a) && port_link_up(b)); i++)
		usleep(1000);
	assert_true(port_link_up(a) && port_link_up(b));
	exchange(a, b);
	exchange(b, a);
	port_close(b);
	port_close(a);
}

/* The "VM" is DPDK's virtio-user driver, attached as a plain device. */
static void test_vhost_user(void **state)
{
	char path[64], devargs[128];
	struct card_attach vhost = {.kind = CARD_ATTACH_VHOST_USER, .path = path, .server = true};
	struct card_attach guest = {.kind = CARD_ATTACH_DPDK, .devargs = devargs};
	struct port *a, *b;

	snprintf(path, sizeof(path), "%s/vm.sock", dir);
	snprintf(
		devargs, sizeof(devargs), "net_virtio_user0,path=%s,queues=1,queue_size=256", path);
	a = open_port("vhost", 0, &vhost);
	assert_true(a->caps & PORT_CAP_TX_L4_CSUM);
	b = open_port("guest", 1, &guest);
	for (unsigned i = 0; i < 3000 && !port_link_up(a); i++)
		usleep(1000);
	assert_true(port_link_up(a));
	exchange(a, b);
	exchange(b, a);
	port_close(b);
	port_close(a);
}

/* Four workers, one device queue: nothing is lost or doubled. */
static void test_shared_transmit_queue(void **state)
{
	struct card_attach attach = {.kind = CARD_ATTACH_DPDK, .devargs = "net_null0"};
	struct port_cfg cfg = {.name = "n", .pool = pool, .tx_queues = 4};
	struct rte_mbuf *m;
	struct port_stats s;
	struct port *port;

	if (port_open(&cfg, &attach, &port) < 0)
		fail_msg("%s", refusal());
	assert_int_equal(port->tx_queues, 4);
	for (unsigned q = 0; q < 4; q++) {
		m = frame(60, q);
		assert_int_equal(port_tx(port, q, &m, 1), 1);
	}
	port_stats(port, &s);
	assert_int_equal(s.tx_packets, 4);
	port_close(port);
}

static void refused(const char *devargs, int err, const char *words)
{
	struct card_attach attach = {.kind = CARD_ATTACH_DPDK, .devargs = devargs};
	struct port_cfg cfg = {.name = "n", .pool = pool};
	struct port *port;

	refusal_clear();
	assert_int_equal(port_open(&cfg, &attach, &port), err);
	if (!strstr(refusal(), words))
		fail_msg("'%s' does not say '%s'", refusal(), words);
}

static void test_refusals(void **state)
{
	struct card_attach attach = {.kind = CARD_ATTACH_DPDK, .devargs = "net_null7"};
	struct card_attach empty = {.kind = CARD_ATTACH_PCAP};
	struct port_cfg cfg = {.name = "n", .pool = pool};
	struct port *port = open_port("n", 0, &attach), *other;

	refused("net_null7", -EEXIST, "in use already");
	port_close(port);
	refused("no_such_driver0", -ENOTSUP, "no DPDK bus or driver");
	assert_int_equal(port_open(&cfg, &empty, &other), -EINVAL);
	port = open_port("n", 0, &attach); /* and the name is free again */
	port_close(port);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pcap_write_then_read),
		cmocka_unit_test(test_memif),
		cmocka_unit_test(test_vhost_user),
		cmocka_unit_test(test_shared_transmit_queue),
		cmocka_unit_test(test_refusals),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
