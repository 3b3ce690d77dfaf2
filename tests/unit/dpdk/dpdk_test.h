/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the driver's tests share: an ordinary DPDK program's start over a card of the test's own, as
 * any user, without hugepages. Only public DPDK headers and the driver's contract.
 */
#ifndef DPDK_TEST_H
#define DPDK_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <rte_bus.h>
#include <rte_dev.h>
#include <rte_eal.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include "base/base.h"
#include "base/refuse.h"
#include "net_softdpu.h"

#define POOL_SIZE 4095

static struct card *card;
static struct rte_mempool *pool;
static char run_dir[] = "/tmp/softdpu-dpdk-XXXXXX";

static void make_card(void)
{
	char text[512];

	assert_non_null(mkdtemp(run_dir));
	snprintf(text, sizeof(text),
		"name: t\nrun_dir: %s\npci: {dpu: ['0000:03:00.0', '0000:03:00.1']}\n"
		"ports: {p0: {mac: '02:00:00:00:00:01', mtu: 1600}, p1: , pf0hpf: , pf0vf0: , "
		"pf0vf1: , pf0vf5: , "
		"pf1vf0: , pf0sf2: }\n",
		run_dir);
	if (card_parse("t.yaml", text, strlen(text), &card) < 0)
		fail_msg("%s", refusal());
}

static int start_eal(const char *devargs)
{
	char *argv[] = {"test", "--no-huge", "--no-shconf", "--no-telemetry", "-m", "64",
		"--lcores=0@(0-1)", "--log-level=*:error", "-a", (char *)devargs};

	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		argv[6] = "--lcores=0@0";
	if (rte_eal_init(ARRAY_SIZE(argv), argv) < 0)
		return -1;
	pool = rte_pktmbuf_pool_create("pool", POOL_SIZE, 0, 0, 2048 + 128, SOCKET_ID_ANY);
	return pool ? 0 : -1;
}

static int stop_eal(void **state)
{
	char cmd[64];
	unsigned left = POOL_SIZE - rte_mempool_avail_count(pool);

	if (left)
		print_error("%u mbufs leaked\n", left);
	rte_mempool_free(pool);
	rte_eal_cleanup();
	assert_null(net_softdpu_next(NULL));
	snprintf(cmd, sizeof(cmd), "rm -rf %s", run_dir);
	card_destroy(card);
	return left != 0 || system(cmd) != 0;
}

static uint16_t ethdev_of(const char *port)
{
	struct net_softdpu_dev *dev = net_softdpu_by_port(card_port_by_name(card, port));

	return dev ? net_softdpu_ethdev(dev) : UINT16_MAX;
}

static __attribute__((unused)) void start_port(uint16_t id, uint16_t queues)
{
	struct rte_eth_conf conf = {0};

	conf.txmode.offloads = RTE_ETH_TX_OFFLOAD_IPV4_CKSUM | RTE_ETH_TX_OFFLOAD_TCP_CKSUM |
			       RTE_ETH_TX_OFFLOAD_MULTI_SEGS;
	assert_int_equal(rte_eth_dev_configure(id, queues, queues, &conf), 0);
	for (uint16_t q = 0; q < queues; q++) {
		assert_int_equal(rte_eth_rx_queue_setup(id, q, 64, SOCKET_ID_ANY, NULL, pool), 0);
		assert_int_equal(rte_eth_tx_queue_setup(id, q, 64, SOCKET_ID_ANY, NULL), 0);
	}
	assert_int_equal(rte_eth_dev_start(id), 0);
}

#endif
