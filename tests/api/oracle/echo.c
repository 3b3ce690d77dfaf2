/* SPDX-License-Identifier: BSD-3-Clause */
/* The program under `softdpu oracle` in test_oracle.sh: two ports, packets cross. */
#include <poll.h>
#include <stdio.h>

#include <doca_dev.h>
#include <doca_dpdk.h>
#include <rte_eal.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>

static int start(uint16_t port, struct rte_mempool *pool)
{
	struct rte_eth_conf conf = {0};

	return rte_eth_dev_configure(port, 1, 1, &conf) ||
	       rte_eth_rx_queue_setup(port, 0, 256, 0, NULL, pool) ||
	       rte_eth_tx_queue_setup(port, 0, 256, 0, NULL) || rte_eth_dev_start(port);
}

int main(int argc, char **argv)
{
	struct doca_devinfo **list;
	struct doca_dev *dev;
	struct rte_mempool *pool;
	struct pollfd enter = {.fd = 0, .events = POLLIN};
	struct rte_mbuf *m[32];
	unsigned crossed = 0;
	uint32_t n;

	if (doca_devinfo_create_list(&list, &n) || n == 0 || doca_dev_open(list[0], &dev) ||
		rte_eal_init(argc, argv) < 0 || doca_dpdk_port_probe(dev, "representor=vf0"))
		return 1;
	pool = rte_pktmbuf_pool_create(
		"echo", 4095, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	if (!pool || start(0, pool) || start(1, pool))
		return 2;
	printf("Wait for packets, end with Enter\n");
	fflush(stdout);
	while (poll(&enter, 1, 0) == 0)
		for (uint16_t port = 0; port < 2; port++) {
			uint16_t got = rte_eth_rx_burst(port, 0, m, 32),
				 sent = rte_eth_tx_burst(!port, 0, m, got);

			crossed += sent;
			rte_pktmbuf_free_bulk(m + sent, got - sent);
		}
	printf("%u packets crossed\n", crossed);
	rte_eth_dev_stop(0);
	rte_eth_dev_stop(1);
	doca_devinfo_destroy_list(list);
	doca_dev_close(dev);
	return 0;
}
