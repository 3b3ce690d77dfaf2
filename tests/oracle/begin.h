/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What every program here begins and ends with: functions of the card as ports 0 and 1 (mode vnf), or the uplink as port 0 and
 * its VFs behind it (mode switch), DOCA Flow over them, and a time for packets that ends with Enter. A program is one feature; the
 * file of the same name says which packets go in and come out.
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
#include <doca_flow_ct.h>
#include <doca_softdpu.h>

#define PORTS_MAX 3

/* What is not the same in all programs, to be changed before begin(). */
static struct {
	const char *mode;
	unsigned functions, vfs;                /* ports: functions of the card, then VFs of the first */
	uint16_t rx_queues;                     /* of each port */
	uint32_t queue_depth;                   /* 0: the default */
	const struct doca_flow_definitions *definitions;
	doca_flow_entry_process_cb on_entry;
	doca_flow_pipe_process_cb on_pipe;
	void (*after_init)(void);               /* between doca_flow_init and the ports */
	void (*hairpins)(uint16_t id, uint16_t peer); /* sets up hairpin queues of a port, behind the others */
	uint32_t shared[DOCA_FLOW_SHARED_RESOURCE_MAX];
} setup = {.mode = "vnf,hws", .functions = 2, .rx_queues = 1};

static struct doca_dev *dev[PORTS_MAX];
static struct doca_flow_port *port[PORTS_MAX];

static inline void must(doca_error_t result)
{
	if (result == DOCA_SUCCESS)
		return;
	fprintf(stderr, "%s: %s\n", doca_error_get_name(result), doca_softdpu_last_refusal());
	_exit(1);
}

static inline unsigned nr_ports(void)
{
	return setup.functions + setup.vfs;
}

static inline void open_devices(void)
{
	static const char *const pci[] = {"0000:03:00.0", "0000:03:00.1"};
	struct doca_devinfo **list;
	uint32_t n;
	uint8_t equal;

	must(doca_devinfo_create_list(&list, &n));
	for (uint32_t i = 0; i < n; i++)
		for (unsigned k = 0; k < setup.functions; k++)
			if (!dev[k] && doca_devinfo_is_equal_pci_addr(list[i], pci[k], &equal) == DOCA_SUCCESS && equal)
				must(doca_dev_open(list[i], &dev[k]));
	must(doca_devinfo_destroy_list(list));
}

static inline void probe(void)
{
	char args[64] = "dv_flow_en=2";

	if (setup.vfs)
		snprintf(args, sizeof(args), "dv_flow_en=2,representor=vf[0-%u]", setup.vfs - 1);
	for (unsigned i = 0; i < setup.functions; i++)
		must(doca_dpdk_port_probe(dev[i], i ? "dv_flow_en=2" : args));
}

static inline void start_ethdev(uint16_t id, struct rte_mempool *pool)
{
	struct rte_eth_conf conf = {.rxmode.mq_mode = setup.rx_queues > 1 ? RTE_ETH_MQ_RX_RSS : RTE_ETH_MQ_RX_NONE};

	if (rte_eth_dev_configure(id, setup.rx_queues + !!setup.hairpins, 1 + !!setup.hairpins, &conf) ||
		rte_eth_tx_queue_setup(id, 0, 256, 0, NULL))
		must(DOCA_ERROR_DRIVER);
	for (uint16_t q = 0; q < setup.rx_queues; q++)
		if (rte_eth_rx_queue_setup(id, q, 256, 0, NULL, pool))
			must(DOCA_ERROR_DRIVER);
	if (setup.hairpins)
		setup.hairpins(id, !id);
	if (rte_eth_dev_start(id))
		must(DOCA_ERROR_DRIVER);
}

static inline void start_flow(void)
{
	struct doca_flow_cfg *cfg;

	must(doca_flow_cfg_create(&cfg));
	must(doca_flow_cfg_set_mode_args(cfg, setup.mode));
	if (setup.queue_depth)
		must(doca_flow_cfg_set_queue_depth(cfg, setup.queue_depth));
	if (setup.definitions)
		must(doca_flow_cfg_set_definitions(cfg, setup.definitions));
	if (setup.on_entry)
		must(doca_flow_cfg_set_cb_entry_process(cfg, setup.on_entry));
	if (setup.on_pipe)
		must(doca_flow_cfg_set_cb_pipe_process(cfg, setup.on_pipe));
	for (int type = 0; type < DOCA_FLOW_SHARED_RESOURCE_MAX; type++)
		if (setup.shared[type])
			must(doca_flow_cfg_set_nr_shared_resource(cfg, setup.shared[type], type));
	must(doca_flow_init(cfg));
	must(doca_flow_cfg_destroy(cfg));
}

static inline void start_flow_port(uint16_t id)
{
	struct doca_flow_port_cfg *cfg;

	must(doca_flow_port_cfg_create(&cfg));
	must(doca_flow_port_cfg_set_port_id(cfg, id));
	must(doca_flow_port_cfg_set_dev(cfg, dev[id < setup.functions ? id : 0]));
	must(doca_flow_port_start(cfg, &port[id]));
	must(doca_flow_port_cfg_destroy(cfg));
}

static inline void begin(void)
{
	char *eal[] = {"oracle", "-l", "0", "-a", "pci:00:00.0", NULL};
	struct rte_mempool *pool;

	if (!dev[0])
		open_devices();
	if (rte_eal_init(5, eal) < 0 || !(pool = rte_pktmbuf_pool_create("p", 4095, 0, 0, 2304, SOCKET_ID_ANY)))
		must(DOCA_ERROR_DRIVER);
	probe();
	for (unsigned i = 0; i < nr_ports(); i++)
		start_ethdev(i, pool);
	start_flow();
	if (setup.after_init)
		setup.after_init();
	for (unsigned i = 0; i < nr_ports(); i++)
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

/* A BASIC pipe's configuration. match_mask may be NULL. */
static inline struct doca_flow_pipe_cfg *basic_cfg(const char *name, bool root, const struct doca_flow_match *match, const struct doca_flow_match *match_mask)
{
	struct doca_flow_pipe_cfg *cfg = pipe_cfg(name, DOCA_FLOW_PIPE_BASIC, root);

	must(doca_flow_pipe_cfg_set_match(cfg, match, match_mask));
	return cfg;
}

static inline void set_actions(struct doca_flow_pipe_cfg *cfg, struct doca_flow_actions *actions, struct doca_flow_action_descs *descs)
{
	must(doca_flow_pipe_cfg_set_actions(cfg, &actions, NULL, descs ? &descs : NULL, 1));
}

static inline void set_counter(struct doca_flow_pipe_cfg *cfg)
{
	struct doca_flow_monitor count = {.counter_type = DOCA_FLOW_RESOURCE_TYPE_NON_SHARED};

	must(doca_flow_pipe_cfg_set_monitor(cfg, &count));
}

/* An entry of a BASIC pipe; actions and fwd may be NULL. */
static inline struct doca_flow_pipe_entry *add(struct doca_flow_pipe *pipe, const struct doca_flow_match *match,
	const struct doca_flow_actions *actions, const struct doca_flow_fwd *fwd)
{
	struct doca_flow_pipe_entry *entry;

	must(doca_flow_pipe_basic_add_entry(0, pipe, match, 0, actions, NULL, fwd, 0, NULL, &entry));
	return entry;
}

/* An entry of a CONTROL pipe; match_mask and actions may be NULL. */
static inline struct doca_flow_pipe_entry *control(struct doca_flow_pipe *pipe, uint32_t priority, const struct doca_flow_match *match,
	const struct doca_flow_match *match_mask, const struct doca_flow_actions *actions, const struct doca_flow_fwd *fwd)
{
	struct doca_flow_pipe_entry *entry;

	must(doca_flow_pipe_control_add_entry(0, pipe, match, match_mask, NULL, actions, NULL, NULL, NULL, priority, fwd, NULL, &entry));
	return entry;
}

static inline struct doca_flow_pipe *control_pipe(const char *name, bool root)
{
	return pipe_from(pipe_cfg(name, DOCA_FLOW_PIPE_CONTROL, root), NULL, NULL);
}

static inline struct doca_flow_fwd to_port(uint16_t id)
{
	return (struct doca_flow_fwd){.type = DOCA_FLOW_FWD_PORT, .port_id = id};
}

static inline struct doca_flow_fwd to_pipe(struct doca_flow_pipe *pipe)
{
	return (struct doca_flow_fwd){.type = DOCA_FLOW_FWD_PIPE, .next_pipe = pipe};
}

/* The outer header of the tunnels here: 10.0.0.1 to 10.0.0.2, TTL 17. */
static inline void outer_ip4(struct doca_flow_header_format *outer)
{
	memset(outer->eth.src_mac, 2, 6);
	memset(outer->eth.dst_mac, 4, 6);
	outer->l3_type = DOCA_FLOW_L3_TYPE_IP4;
	outer->ip4.src_ip = DOCA_HTOBE32(0x0a000001);
	outer->ip4.dst_ip = DOCA_HTOBE32(0x0a000002);
	outer->ip4.ttl = 17;
}

static const struct doca_flow_fwd drop = {.type = DOCA_FLOW_FWD_DROP};

/* Everything that comes in by port 0 begins at `pipe`, which cannot be a root itself. */
static inline void root_to(struct doca_flow_pipe *pipe)
{
	struct doca_flow_match any = {0};
	struct doca_flow_fwd fwd = to_pipe(pipe);

	control(control_pipe("ROOT", true), 0, &any, NULL, NULL, &fwd);
}

static inline unsigned long packets(struct doca_flow_pipe_entry *entry)
{
	struct doca_flow_resource_query query;

	must(doca_flow_resource_query_entry(entry, &query));
	return query.counter.total_pkts;
}

/* How many packets the program got by a queue of a port. */
static inline unsigned received(uint16_t id, uint16_t queue)
{
	struct rte_mbuf *m[32];
	unsigned all = 0;

	for (uint16_t n; (n = rte_eth_rx_burst(id, queue, m, 32)) > 0; all += n)
		rte_pktmbuf_free_bulk(m, n);
	return all;
}

static inline void process(void)
{
	must(doca_flow_entries_process(port[0], 0, 1000, 0));
}

static inline void wait_for_packets(void)
{
	process();
	printf("Wait for packets, end with Enter\n");
	fflush(stdout);
	getchar();
}

static inline void stop(void)
{
	for (unsigned i = nr_ports(); i-- > 0;)
		must(doca_flow_port_stop(port[i]));
	doca_flow_destroy();
	for (unsigned i = nr_ports(); i-- > 0;) {
		rte_eth_dev_stop(i);
		rte_eth_dev_close(i);
	}
}

static inline void close_devices(void)
{
	for (unsigned i = 0; i < setup.functions; i++)
		must(doca_dev_close(dev[i]));
}

static inline int end(void)
{
	stop();
	close_devices();
	return 0;
}

#endif
