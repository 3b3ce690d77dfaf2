/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * port: frames as UNIX datagrams, with peers that come, go and come again. Needs no privileges.
 */
#include "port_test.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

static char dir[] = "/tmp/softdpu-dgram-XXXXXX";
static char own[64], peer[64];

static int start(void **state)
{
	if (!mkdtemp(dir))
		return -1;
	snprintf(own, sizeof(own), "%s/own", dir);
	snprintf(peer, sizeof(peer), "%s/peer", dir);
	return start_dpdk(state);
}

static int stop(void **state)
{
	return stop_dpdk(state) | sh("rm -rf %s", dir);
}

/* The far end: any program with a datagram socket. */
static int far_end(void)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);

	unlink(peer);
	strcpy(sun.sun_path, peer);
	assert_int_equal(bind(fd, (struct sockaddr *)&sun, sizeof(sun)), 0);
	return fd;
}

static int far_send(int fd, const void *frame, size_t len)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};

	strcpy(sun.sun_path, own);
	return sendto(fd, frame, len, 0, (struct sockaddr *)&sun, sizeof(sun));
}

static struct rte_mbuf *frame(unsigned len, uint8_t fill)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool);

	memset(rte_pktmbuf_append(m, len), fill, len);
	return m;
}

static void test_both_ways(void **state)
{
	struct card_attach attach = {.kind = CARD_ATTACH_DGRAM, .path = own, .peer = peer};
	int fd = far_end();
	struct port *port = open_port("d", 0, &attach);
	struct rte_mbuf *m[16];
	uint8_t buf[4096];
	uint16_t n;

	assert_true(port_link_up(port));
	for (unsigned i = 0; i < 5; i++) {
		memset(buf, i, sizeof(buf));
		assert_int_equal(far_send(fd, buf, 60 + 600 * i), 60 + 600 * i);
	}
	n = port_rx(port, 0, m, 16);
	assert_int_equal(n, 5);
	assert_int_equal(m[4]->pkt_len, 2460);
	assert_int_equal(m[4]->nb_segs, 2);
	assert_int_equal(port_tx(port, 0, m, 5), 5);
	for (unsigned i = 0; i < 5; i++) {
		assert_int_equal(recv(fd, buf, sizeof(buf), MSG_DONTWAIT), 60 + 600 * i);
		assert_int_equal(buf[59 + 600 * i], i);
	}
	assert_int_equal(far_send(fd, buf, 10), 10); /* no Ethernet header: not a frame */
	assert_int_equal(port_rx(port, 0, m, 16), 0);
	assert_int_equal(port->rxq[0].errors, 1);
	close(fd);
	port_close(port);
	assert_int_equal(access(own, F_OK), -1);
}

static void test_slow_and_absent_peers(void **state)
{
	struct card_attach attach = {.kind = CARD_ATTACH_DGRAM, .path = own, .peer = peer};
	struct port *port = open_port("d", 0, &attach);
	struct rte_mbuf *m[64], *r;
	uint8_t buf[128];
	uint16_t sent;
	int fd;

	for (unsigned i = 0; i < 64; i++)
		m[i] = frame(60, i);
	memset(buf, 0, sizeof(buf));
	assert_false(port_link_up(port));
	assert_int_equal(port_tx(port, 0, m, 64), 0);
	assert_int_equal(port_tx_why(port, 0), DROP_PORT_DOWN);
	fd = far_end();
	sent = port_tx(port, 0, m, 64); /* found again by itself; its queue is short */
	assert_in_range(sent, 1, 63);
	assert_int_equal(port_tx_why(port, 0), DROP_PORT_TX_FULL);
	close(fd);
	fd = far_end(); /* another socket of the same name: it reaches us, and we it */
	assert_int_equal(far_send(fd, buf, 60), 60);
	assert_int_equal(port_rx(port, 0, &r, 1), 1);
	rte_pktmbuf_free(r);
	assert_int_equal(port_tx(port, 0, m + sent, 1), 1);
	assert_int_equal(recv(fd, buf, sizeof(buf), MSG_DONTWAIT), 60);
	assert_int_equal(buf[0], sent);
	rte_pktmbuf_free_bulk(m + sent + 1, 63 - sent);
	close(fd);
	port_close(port);
}

static void test_ready_set_sees_datagrams(void **state)
{
	struct card_attach attach = {.kind = CARD_ATTACH_DGRAM, .path = own, .peer = peer};
	int fd = far_end();
	struct port *port = open_port("d", 0, &attach);
	struct port_ref *ready[4];
	struct port_set *set;
	struct rte_mbuf *m[32];
	uint8_t buf[64] = {0};

	assert_int_equal(port_set_create(&set), 0);
	assert_int_equal(port_set_add(set, port, 0), 0);
	assert_int_equal(port_set_wait(set, 0, ready, 4), 1); /* new members are looked at once */
	port_set_got(set, ready[0], port_rx(port, 0, m, 32), 32);
	assert_int_equal(port_set_wait(set, 1000, ready, 4), 0);
	for (unsigned round = 0; round < 3; round++) {
		assert_int_equal(far_send(fd, buf, 60), 60);
		assert_int_equal(port_set_wait(set, 1000000, ready, 4), 1);
		assert_int_equal(port_rx(port, 0, m, 32), 1);
		port_set_got(set, ready[0], 1, 32);
		rte_pktmbuf_free(m[0]);
	}
	assert_int_equal(port_set_wait(set, 1000, ready, 4), 0);
	port_set_destroy(set);
	close(fd);
	port_close(port);
}

static void test_taken_and_stale_paths(void **state)
{
	struct card_attach attach = {.kind = CARD_ATTACH_DGRAM, .path = peer, .peer = own};
	struct port_cfg cfg = {.name = "d", .pool = pool};
	struct port *port;
	int fd = far_end();

	assert_int_equal(port_open(&cfg, &attach, &port), -EADDRINUSE);
	assert_non_null(strstr(refusal(), "in use by another process"));
	close(fd); /* the file stays: a crash's leftover */
	port = open_port("d", 0, &attach);
	port_close(port);
	assert_int_equal(sh("echo keep >%s", peer), 0);
	assert_int_equal(port_open(&cfg, &attach, &port), -EEXIST);
	assert_int_equal(sh("grep -q keep %s && rm %s", peer, peer), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_both_ways),
		cmocka_unit_test(test_slow_and_absent_peers),
		cmocka_unit_test(test_ready_set_sees_datagrams),
		cmocka_unit_test(test_taken_and_stale_paths),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
