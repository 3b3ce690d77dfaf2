/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What every program here begins and ends with: two functions of the card as ports 0 and 1, DOCA Flow over them, and a
 * few seconds for packets. A program is one feature; the file of the same name says which packets go in and come out.
 */
#ifndef TESTS_ORACLE_BEGIN_H
#define TESTS_ORACLE_BEGIN_H

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_ethdev.h>

#include <doca_bitfield.h>
#include <doca_dev.h>
#include <doca_dpdk.h>
#include <doca_flow.h>
#include <doca_softdpu.h>

#define PORTS 2

static struct doca_dev *dev[PORTS];
static struct doca_flow_port *port[PORTS];

static inline void must(doca_error_t result)
{
	if (result == DOCA_SUCCESS)
		return;
	fprintf(stderr, "%s: %s\n", doca_error_get_name(result), doca_softdpu_last_refusal());
	_exit(1);
}

static inline void open_devices(void)
{
	static const char *const pci[PORTS] = {"0000:03:00.0", "0000:03:00.1"};
	struct doca_devinfo **list;
	uint32_t n;
	uint8_t equal;

	must(doca_devinfo_create_list(&list, &n));
	for (uint32_t i = 0; i < n; i++)
		for (int k = 0; k < PORTS; k++)
			if (!dev[k] && doca_devinfo_is_equal_pci_addr(list[i], pci[k], &equal) == DOCA_SUCCESS && equal)
				must(doca_dev_open(list[i], &dev[k]));
	must(doca_devinfo_destroy_list(list));
}

static inline void start_ethdev(uint16_t id, struct rte_mempool *pool)
{
	struct rte_eth_conf conf = {0};

	if (rte_eth_dev_configure(id, 1, 1, &conf) || rte_eth_rx_queue_setup(id, 0, 256, 0, NULL, pool) ||
		rte_eth_tx_queue_setup(id, 0, 256, 0, NULL) || rte_eth_dev_start(id))
		must(DOCA_ERROR_DRIVER);
}

static inline void start_flow_port(uint16_t id)
{
	struct doca_flow_port_cfg *cfg;

	must(doca_flow_port_cfg_create(&cfg));
	must(doca_flow_port_cfg_set_port_id(cfg, id));
	must(doca_flow_port_cfg_set_dev(cfg, dev[id]));
	must(doca_flow_port_start(cfg, &port[id]));
	must(doca_flow_port_cfg_destroy(cfg));
}

static inline void begin(void)
{
	char *eal[] = {"oracle", "-l", "0", "-a", "pci:00:00.0", NULL};
	struct rte_mempool *pool;
	struct doca_flow_cfg *cfg;

	open_devices();
	if (rte_eal_init(5, eal) < 0 || !(pool = rte_pktmbuf_pool_create("p", 4095, 0, 0, 2304, SOCKET_ID_ANY)))
		must(DOCA_ERROR_DRIVER);
	for (uint16_t i = 0; i < PORTS; i++)
		must(doca_dpdk_port_probe(dev[i], "dv_flow_en=2"));
	for (uint16_t i = 0; i < PORTS; i++)
		start_ethdev(i, pool);
	must(doca_flow_cfg_create(&cfg));
	must(doca_flow_cfg_set_mode_args(cfg, "vnf,hws"));
	must(doca_flow_init(cfg));
	must(doca_flow_cfg_destroy(cfg));
	for (uint16_t i = 0; i < PORTS; i++)
		start_flow_port(i);
}

/* A pipe configuration on port 0. */
static inline struct doca_flow_pipe_cfg *pipe_cfg(const char *name, enum doca_flow_pipe_type type, bool root)
{
	struct doca_flow_pipe_cfg *cfg;

	must(doca_flow_pipe_cfg_create(&cfg, port[0]));
	must(doca_flow_pipe_cfg_set_name(cfg, name));
	must(doca_flow_pipe_cfg_set_type(cfg, type));
	must(doca_flow_pipe_cfg_set_is_root(cfg, root));
	return cfg;
}

static inline struct doca_flow_pipe *pipe_from(struct doca_flow_pipe_cfg *cfg, const struct doca_flow_fwd *fwd, const struct doca_flow_fwd *miss)
{
	struct doca_flow_pipe *pipe;

	must(doca_flow_pipe_create(cfg, fwd, miss, &pipe));
	must(doca_flow_pipe_cfg_destroy(cfg));
	return pipe;
}

static inline struct doca_flow_fwd to_port(uint16_t id)
{
	return (struct doca_flow_fwd){.type = DOCA_FLOW_FWD_PORT, .port_id = id};
}

static inline struct doca_flow_fwd to_pipe(struct doca_flow_pipe *pipe)
{
	return (struct doca_flow_fwd){.type = DOCA_FLOW_FWD_PIPE, .next_pipe = pipe};
}

static const struct doca_flow_fwd drop = {.type = DOCA_FLOW_FWD_DROP};

/* Everything that comes in by port 0 begins at `pipe`, which cannot be a root itself. */
static inline void root_to(struct doca_flow_pipe *pipe)
{
	struct doca_flow_match any = {0};
	struct doca_flow_fwd fwd = to_pipe(pipe);
	struct doca_flow_pipe *root = pipe_from(pipe_cfg("ROOT", DOCA_FLOW_PIPE_CONTROL, true), NULL, NULL);

	must(doca_flow_pipe_control_add_entry(0, root, &any, NULL, NULL, NULL, NULL, NULL, NULL, 0, &fwd, NULL, NULL));
}

static inline void wait_and_end(void)
{
	must(doca_flow_entries_process(port[0], 0, 1000, 0));
	printf("Wait 3 seconds for packets to arrive\n");
	fflush(stdout);
	sleep(3);
}

static inline int end(void)
{
	for (int i = 0; i < PORTS; i++)
		must(doca_flow_port_stop(port[i]));
	doca_flow_destroy();
	for (uint16_t i = 0; i < PORTS; i++) {
		rte_eth_dev_stop(i);
		rte_eth_dev_close(i);
		must(doca_dev_close(dev[i]));
	}
	return 0;
}

#endif
