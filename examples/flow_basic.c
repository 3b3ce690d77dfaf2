/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * flow_basic: a DOCA Flow program in its smallest form. Two ports, one pipe: UDP to port 80 that comes in by the first
 * port leaves by the second, with the destination rewritten, and is counted; everything else is dropped.
 *
 * The card is a profile whose p0 makes frames by itself, so the program needs no card and no root. With a number of packets
 * as its argument it ends when that many were counted: flow_basic.yaml beside this file says which bytes it then must send,
 * and `softdpu oracle flow_basic.yaml -- ./flow_basic 2` judges it.
 *
 * pkg-config: doca-flow doca-dpdk-bridge doca-common libdpdk
 * shell: printf 'name: flow-basic\nports:\n  p0: {generator: {rate: 2000, proto: udp, dport: 80}}\n  p1: {"null": {}}\n' >$E/basic.yaml; SOFTDPU_CARD=$E/basic.yaml $E/flow_basic && $S/tools/softdpu-oracle --strict --settle 0.3 $S/examples/flow_basic.yaml -- $E/flow_basic 2
 * expect: 2 ports are up. Waiting for packets
 * expect: counted at least 100 packets of 60 bytes
 * expect: 1 passed, 0 failed
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_ethdev.h>

#include <doca_bitfield.h>
#include <doca_dev.h>
#include <doca_dpdk.h>
#include <doca_flow.h>

#define PORTS 2

static unsigned completed;

static void must(doca_error_t result, const char *what)
{
	if (result == DOCA_SUCCESS)
		return;
	fprintf(stderr, "%s: %s\n", what, doca_error_get_descr(result));
	_exit(1);
}

static struct doca_dev *open_device(const char *pci)
{
	struct doca_devinfo **list;
	struct doca_dev *dev = NULL;
	uint32_t n;
	uint8_t equal;

	must(doca_devinfo_create_list(&list, &n), "list of devices");
	for (uint32_t i = 0; i < n && !dev; i++)
		if (doca_devinfo_is_equal_pci_addr(list[i], pci, &equal) == DOCA_SUCCESS && equal)
			must(doca_dev_open(list[i], &dev), pci);
	doca_devinfo_destroy_list(list);
	return dev;
}

static void start_ethdev(uint16_t id, struct rte_mempool *pool)
{
	struct rte_eth_conf conf = {0};

	if (rte_eth_dev_configure(id, 1, 1, &conf) || rte_eth_rx_queue_setup(id, 0, 256, 0, NULL, pool) ||
		rte_eth_tx_queue_setup(id, 0, 256, 0, NULL) || rte_eth_dev_start(id))
		must(DOCA_ERROR_DRIVER, "DPDK port");
}

static void on_entry(struct doca_flow_pipe_entry *entry, uint16_t queue, enum doca_flow_entry_status status,
	enum doca_flow_entry_op op, void *ctx)
{
	completed += status == DOCA_FLOW_ENTRY_STATUS_SUCCESS;
}

static void start_flow(void)
{
	struct doca_flow_cfg *cfg;

	must(doca_flow_cfg_create(&cfg), "flow configuration");
	must(doca_flow_cfg_set_pipe_queues(cfg, 1), "pipe queues");
	must(doca_flow_cfg_set_mode_args(cfg, "vnf,hws"), "mode");
	must(doca_flow_cfg_set_nr_counters(cfg, 16), "counters");
	must(doca_flow_cfg_set_cb_entry_process(cfg, on_entry), "callback");
	must(doca_flow_init(cfg), "flow");
	doca_flow_cfg_destroy(cfg);
}

static struct doca_flow_port *start_port(uint16_t id, struct doca_dev *dev)
{
	struct doca_flow_port_cfg *cfg;
	struct doca_flow_port *port;

	must(doca_flow_port_cfg_create(&cfg), "port configuration");
	must(doca_flow_port_cfg_set_port_id(cfg, id), "port id");
	must(doca_flow_port_cfg_set_dev(cfg, dev), "device of the port");
	must(doca_flow_port_start(cfg, &port), "port");
	doca_flow_port_cfg_destroy(cfg);
	return port;
}

static struct doca_flow_pipe *make_pipe(struct doca_flow_port *port)
{
	struct doca_flow_match match = {.parser_meta.outer_l3_type = DOCA_FLOW_L3_META_IPV4,
		.outer = {.l3_type = DOCA_FLOW_L3_TYPE_IP4, .l4_type_ext = DOCA_FLOW_L4_TYPE_EXT_UDP}};
	struct doca_flow_actions rewrite = {.outer = {.l3_type = DOCA_FLOW_L3_TYPE_IP4}}, *actions[] = {&rewrite};
	struct doca_flow_monitor monitor = {.counter_type = DOCA_FLOW_RESOURCE_TYPE_NON_SHARED};
	struct doca_flow_fwd to_second = {.type = DOCA_FLOW_FWD_PORT, .port_id = 1}, drop = {.type = DOCA_FLOW_FWD_DROP};
	struct doca_flow_pipe_cfg *cfg;
	struct doca_flow_pipe *pipe;

	match.outer.udp.l4_port.dst_port = UINT16_MAX; /* all ones: each entry says which */
	rewrite.outer.ip4.dst_ip = UINT32_MAX;
	must(doca_flow_pipe_cfg_create(&cfg, port), "pipe configuration");
	must(doca_flow_pipe_cfg_set_name(cfg, "REWRITE"), "name");
	must(doca_flow_pipe_cfg_set_is_root(cfg, true), "root");
	must(doca_flow_pipe_cfg_set_match(cfg, &match, NULL), "match");
	must(doca_flow_pipe_cfg_set_actions(cfg, actions, NULL, NULL, 1), "actions");
	must(doca_flow_pipe_cfg_set_monitor(cfg, &monitor), "monitor");
	must(doca_flow_pipe_create(cfg, &to_second, &drop, &pipe), "pipe");
	doca_flow_pipe_cfg_destroy(cfg);
	return pipe;
}

static struct doca_flow_pipe_entry *add_entry(struct doca_flow_port *port, struct doca_flow_pipe *pipe)
{
	struct doca_flow_match match = {0};
	struct doca_flow_actions actions = {0};
	struct doca_flow_pipe_entry *entry;

	match.outer.udp.l4_port.dst_port = DOCA_HTOBE16(80);
	actions.outer.ip4.dst_ip = DOCA_HTOBE32(0x0af40203); /* 10.244.2.3 */
	must(doca_flow_pipe_basic_add_entry(0, pipe, &match, 0, &actions, NULL, NULL, DOCA_FLOW_ENTRY_FLAGS_NO_WAIT, NULL, &entry),
		"entry");
	while (!completed)
		must(doca_flow_entries_process(port, 0, 1000, 0), "entries");
	return entry;
}

int main(int argc, char **argv)
{
	unsigned long wanted = argc > 1 ? strtoul(argv[1], NULL, 0) : 100;
	char *eal[] = {"flow_basic", "-l", "0", "-a", "pci:00:00.0", NULL};
	static const char *const pci[PORTS] = {"0000:03:00.0", "0000:03:00.1"};
	struct doca_flow_resource_query count = {0};
	struct doca_flow_port *port[PORTS];
	struct doca_flow_pipe_entry *entry;
	struct doca_dev *dev[PORTS];
	struct rte_mempool *pool;

	for (int i = 0; i < PORTS; i++)
		dev[i] = open_device(pci[i]);
	if (rte_eal_init(5, eal) < 0 || !(pool = rte_pktmbuf_pool_create("p", 4095, 0, 0, 2304, SOCKET_ID_ANY)))
		must(DOCA_ERROR_DRIVER, "EAL");
	for (int i = 0; i < PORTS; i++)
		must(doca_dpdk_port_probe(dev[i], "dv_flow_en=2"), "probe");
	for (int i = 0; i < PORTS; i++)
		start_ethdev(i, pool);
	start_flow();
	for (int i = 0; i < PORTS; i++)
		port[i] = start_port(i, dev[i]);
	entry = add_entry(port[0], make_pipe(port[0]));
	printf("%d ports are up. Waiting for packets\n", PORTS);
	fflush(stdout);
	for (int i = 0; i < 1000 && count.counter.total_pkts < wanted; i++, usleep(10000))
		must(doca_flow_resource_query_entry(entry, &count), "query");
	if (count.counter.total_pkts >= wanted)
		printf("counted at least %lu packets of %lu bytes\n", wanted, count.counter.total_bytes / count.counter.total_pkts);
	for (int i = 0; i < PORTS; i++)
		doca_flow_port_stop(port[i]);
	doca_flow_destroy();
	for (int i = 0; i < PORTS; i++) {
		rte_eth_dev_stop(i);
		rte_eth_dev_close(i);
		doca_dev_close(dev[i]);
	}
	return count.counter.total_pkts < wanted;
}
