/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A DOCA device and two of its representors as DPDK ports, and one frame on its way out.
 *
 * pkg-config: doca-dpdk-bridge
 * run: --log-level=*:error -a pci:00:00.0
 * expect: port 0 is 0000:03:00.0
 * expect: port 2 is 0000:03:00.0
 * expect: sent 1 frame of 60 bytes
 */
#include <stdio.h>

#include <doca_dev.h>
#include <doca_dpdk.h>
#include <rte_eal.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>

static struct doca_dev *open_first(void)
{
	struct doca_devinfo **list;
	struct doca_dev *dev = NULL;
	uint32_t n;

	if (doca_devinfo_create_list(&list, &n) != DOCA_SUCCESS)
		return NULL;
	if (n > 0)
		doca_dev_open(list[0], &dev);
	doca_devinfo_destroy_list(list);
	return dev;
}

static int start(uint16_t port, struct rte_mempool *pool)
{
	struct rte_eth_conf conf = {0};

	if (rte_eth_dev_configure(port, 1, 1, &conf) ||
		rte_eth_rx_queue_setup(port, 0, 256, 0, NULL, pool) ||
		rte_eth_tx_queue_setup(port, 0, 256, 0, NULL))
		return -1;
	return rte_eth_dev_start(port);
}

static void show(uint16_t port)
{
	char bdf[DOCA_DEVINFO_PCI_ADDR_SIZE];
	struct rte_ether_addr mac;
	struct doca_dev *dev;

	if (doca_dpdk_port_as_dev(port, &dev) == DOCA_SUCCESS &&
		doca_devinfo_get_pci_addr_str(doca_dev_as_devinfo(dev), bdf) == DOCA_SUCCESS &&
		rte_eth_macaddr_get(port, &mac) == 0)
		printf("port %u is %s, MAC " RTE_ETHER_ADDR_PRT_FMT "\n", port, bdf,
			RTE_ETHER_ADDR_BYTES(&mac));
}

int main(int argc, char **argv)
{
	struct doca_dev *dev = open_first();
	struct rte_mempool *pool;
	struct rte_mbuf *m;

	if (!dev || rte_eal_init(argc, argv) < 0)
		return 1;
	if (doca_dpdk_port_probe(dev, "dv_flow_en=2,representor=vf[0-1]") != DOCA_SUCCESS)
		return 1;
	pool = rte_pktmbuf_pool_create(
		"frames", 4095, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	if (!pool || start(0, pool) != 0)
		return 1;
	for (uint16_t port = 0; port < rte_eth_dev_count_avail(); port++)
		show(port);
	m = rte_pktmbuf_alloc(pool);
	if (!m || !rte_pktmbuf_append(m, 60))
		return 1;
	printf("sent %u frame of 60 bytes\n", rte_eth_tx_burst(0, 0, &m, 1));
	rte_eth_dev_stop(0);
	rte_eal_cleanup();
	doca_dev_close(dev);
	return 0;
}
