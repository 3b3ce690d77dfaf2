/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * flow_ct: a firewall in the switch that opens from the inside. UDP of the VF (inside) may go out by the uplink, and what comes back
 * for such a connection may come in; what nobody inside asked for is dropped. The program sees one packet of each connection:
 * the first misses the CT pipe and comes here, is added as a connection and sent on; the rest stay in the switch.
 *
 *     VF or uplink -> root -> CT --known: out by the uplink, or (reply) in to the VF
 *                              \--unknown, from the VF: this program      unknown, from the uplink: dropped
 *
 * tests/api/oracle/ct.yaml has packets for it; here the VF makes frames by itself.
 *
 * pkg-config: doca-flow doca-dpdk-bridge doca-common libdpdk
 * shell: printf 'name: flow-ct\nports:\n  p0: {"null": {}}\n  pf0vf0: {spoof_check: false, generator: {rate: 200, proto: udp, dport: 80}}\n' >$E/ct.yaml; SOFTDPU_CARD=$E/ct.yaml $E/flow_ct 2
 * expect: Wait 2 seconds for packets
 * expect: connection 1:
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_ethdev.h>
#include <rte_ip.h>
#include <rte_udp.h>

#include <doca_bitfield.h>
#include <doca_dev.h>
#include <doca_dpdk.h>
#include <doca_flow.h>
#include <doca_flow_ct.h>

#define UPLINK 0
#define VF 1
#define QUEUES 1
#define CT_QUEUE QUEUES /* CT queues are numbered behind those of DOCA Flow */
#define CONNECTIONS 1024

static struct doca_flow_port *port[2];
static struct doca_flow_pipe_entry *connection[CONNECTIONS];
static unsigned connections;
static uint32_t inwards; /* forward handle of the reply direction */

static void must(doca_error_t result, const char *what)
{
	if (result == DOCA_SUCCESS)
		return;
	fprintf(stderr, "%s: %s\n", what, doca_error_get_descr(result));
	_exit(1);
}

/* ---- the library and its ports ---- */

static void on_entry(struct doca_flow_pipe_entry *entry, uint16_t queue, enum doca_flow_entry_status status,
	enum doca_flow_entry_op op, void *ctx)
{
	if (status != DOCA_FLOW_ENTRY_STATUS_SUCCESS)
		must(DOCA_ERROR_DRIVER, "an entry");
}

static void start_flow(void)
{
	struct doca_flow_cfg *cfg;
	struct doca_flow_ct_cfg *ct;

	must(doca_flow_cfg_create(&cfg), "flow configuration");
	must(doca_flow_cfg_set_pipe_queues(cfg, QUEUES), "pipe queues");
	must(doca_flow_cfg_set_mode_args(cfg, "switch,hws"), "mode");
	must(doca_flow_cfg_set_cb_entry_process(cfg, on_entry), "callback");
	must(doca_flow_init(cfg), "flow");
	doca_flow_cfg_destroy(cfg);
	must(doca_flow_ct_cfg_create(&ct), "CT configuration");
	must(doca_flow_ct_cfg_set_connections(ct, CONNECTIONS, 0, 0), "connections");
	must(doca_flow_ct_cfg_set_dup_filter_size(ct, CONNECTIONS), "duplicate filter");
	must(doca_flow_ct_init(ct), "CT");
	doca_flow_ct_cfg_destroy(ct);
}

static void start_port(uint16_t id, struct doca_dev *dev)
{
	struct doca_flow_port_cfg *cfg;

	must(doca_flow_port_cfg_create(&cfg), "port configuration");
	must(doca_flow_port_cfg_set_port_id(cfg, id), "port id");
	must(doca_flow_port_cfg_set_dev(cfg, dev), "device of the port");
	must(doca_flow_port_start(cfg, &port[id]), "port");
	doca_flow_port_cfg_destroy(cfg);
}

static void start_ethdev(uint16_t id, struct rte_mempool *pool)
{
	struct rte_eth_conf conf = {0};

	if (rte_eth_dev_configure(id, 1, 1, &conf) || rte_eth_rx_queue_setup(id, 0, 256, 0, NULL, pool) ||
		rte_eth_tx_queue_setup(id, 0, 256, 0, NULL) || rte_eth_dev_start(id))
		must(DOCA_ERROR_DRIVER, "DPDK port");
}

/* ---- pipes, from the end of the chain to its start ---- */

static struct doca_flow_pipe_cfg *pipe_cfg(const char *name, enum doca_flow_pipe_type type, bool root)
{
	struct doca_flow_pipe_cfg *cfg;

	must(doca_flow_pipe_cfg_create(&cfg, doca_flow_port_switch_get(port[UPLINK])), "pipe configuration");
	must(doca_flow_pipe_cfg_set_name(cfg, name), name);
	must(doca_flow_pipe_cfg_set_type(cfg, type), name);
	must(doca_flow_pipe_cfg_set_is_root(cfg, root), name);
	return cfg;
}

static struct doca_flow_pipe *finish(struct doca_flow_pipe_cfg *cfg, const struct doca_flow_fwd *fwd, const struct doca_flow_fwd *miss)
{
	struct doca_flow_pipe *pipe;

	must(doca_flow_pipe_create(cfg, fwd, miss, &pipe), "pipe");
	doca_flow_pipe_cfg_destroy(cfg);
	return pipe;
}

/* Unknown packets of the VF come to the program, others nowhere. */
static struct doca_flow_pipe *make_unknown(void)
{
	static uint16_t queues[] = {0};
	struct doca_flow_fwd to_us = {.type = DOCA_FLOW_FWD_RSS, .rss_type = DOCA_FLOW_RESOURCE_TYPE_NON_SHARED,
		.rss = {.queues_array = queues, .nr_queues = 1}};
	struct doca_flow_fwd drop = {.type = DOCA_FLOW_FWD_DROP};
	struct doca_flow_match match = {.parser_meta.port_id = UINT16_MAX};
	struct doca_flow_pipe_cfg *cfg = pipe_cfg("UNKNOWN", DOCA_FLOW_PIPE_BASIC, false);
	struct doca_flow_pipe *pipe;

	must(doca_flow_pipe_cfg_set_match(cfg, &match, NULL), "match");
	pipe = finish(cfg, &to_us, &drop);
	match.parser_meta.port_id = VF;
	must(doca_flow_pipe_basic_add_entry(0, pipe, &match, 0, NULL, NULL, NULL, 0, NULL, NULL), "entry");
	return pipe;
}

static struct doca_flow_pipe *make_ct(struct doca_flow_pipe *unknown)
{
	struct doca_flow_fwd out = {.type = DOCA_FLOW_FWD_PORT, .port_id = UPLINK}, in = {.type = DOCA_FLOW_FWD_PORT, .port_id = VF};
	struct doca_flow_fwd miss = {.type = DOCA_FLOW_FWD_PIPE, .next_pipe = unknown};

	must(doca_flow_ct_fwd_register(port[UPLINK], 1, &in, &inwards), "forward of replies");
	return finish(pipe_cfg("CONNECTIONS", DOCA_FLOW_PIPE_CT, false), &out, &miss);
}

static void make_root(struct doca_flow_pipe *ct)
{
	struct doca_flow_match udp = {.parser_meta = {.outer_l3_type = DOCA_FLOW_L3_META_IPV4, .outer_l4_type = DOCA_FLOW_L4_META_UDP}};
	struct doca_flow_fwd fwd = {.type = DOCA_FLOW_FWD_PIPE, .next_pipe = ct};
	struct doca_flow_pipe *root = finish(pipe_cfg("ROOT", DOCA_FLOW_PIPE_CONTROL, true), NULL, NULL);

	must(doca_flow_pipe_control_add_entry(0, root, &udp, NULL, NULL, NULL, NULL, NULL, NULL, 0, &fwd, NULL, NULL), "entry");
	must(doca_flow_entries_process(port[UPLINK], 0, 1000, 0), "entries");
}

/* ---- first packets ---- */

static void read_tuple(const struct rte_mbuf *m, struct doca_flow_ct_match *origin, struct doca_flow_ct_match *reply)
{
	const struct rte_ipv4_hdr *ip = rte_pktmbuf_mtod_offset(m, const struct rte_ipv4_hdr *, sizeof(struct rte_ether_hdr));
	const struct rte_udp_hdr *udp = (const void *)((const char *)ip + rte_ipv4_hdr_len(ip));

	memset(origin, 0, sizeof(*origin));
	memset(reply, 0, sizeof(*reply));
	origin->ipv4.src_ip = reply->ipv4.dst_ip = ip->src_addr;
	origin->ipv4.dst_ip = reply->ipv4.src_ip = ip->dst_addr;
	origin->ipv4.l4_port.src_port = reply->ipv4.l4_port.dst_port = udp->src_port;
	origin->ipv4.l4_port.dst_port = reply->ipv4.l4_port.src_port = udp->dst_port;
	origin->ipv4.next_proto = reply->ipv4.next_proto = DOCA_FLOW_PROTO_UDP;
}

static void add_connection(struct doca_flow_pipe *ct, const struct rte_mbuf *m)
{
	const uint32_t flags = DOCA_FLOW_CT_ENTRY_FLAGS_NO_WAIT | DOCA_FLOW_CT_ENTRY_FLAGS_DIR_ORIGIN |
			       DOCA_FLOW_CT_ENTRY_FLAGS_DIR_REPLY | DOCA_FLOW_CT_ENTRY_FLAGS_COUNTER_ORIGIN |
			       DOCA_FLOW_CT_ENTRY_FLAGS_COUNTER_REPLY | DOCA_FLOW_CT_ENTRY_FLAGS_DUP_FILTER_ORIGIN;
	struct doca_flow_ct_match origin, reply;
	struct doca_flow_pipe_entry *entry;
	bool found;

	if (connections == CONNECTIONS)
		return;
	read_tuple(m, &origin, &reply);
	must(doca_flow_ct_entry_prepare(CT_QUEUE, ct, DOCA_FLOW_CT_ENTRY_FLAGS_ALLOC_ON_MISS | DOCA_FLOW_CT_ENTRY_FLAGS_DUP_FILTER_ORIGIN,
		     &origin, 0, &reply, 0, &entry, &found), "prepare");
	if (found) /* two packets of one connection were on their way here */
		return;
	must(doca_flow_ct_add_entry(CT_QUEUE, ct, flags, &origin, &reply, NULL, NULL, 0, inwards, 30, NULL, entry), "connection");
	must(doca_flow_ct_entries_process(port[UPLINK], CT_QUEUE, 0, 0, NULL), "connections");
	connection[connections++] = entry;
}

static void serve(struct doca_flow_pipe *ct, int seconds)
{
	struct rte_mbuf *m[32];

	printf("Wait %d seconds for packets\n", seconds);
	fflush(stdout);
	for (time_t end = time(NULL) + seconds; time(NULL) < end; usleep(500)) {
		uint16_t got = rte_eth_rx_burst(UPLINK, 0, m, 32), sent;

		for (uint16_t i = 0; i < got; i++)
			add_connection(ct, m[i]);
		sent = rte_eth_tx_burst(UPLINK, 0, m, got);
		rte_pktmbuf_free_bulk(m + sent, got - sent);
	}
}

static void report(struct doca_flow_pipe *ct)
{
	struct doca_flow_resource_query out, in;

	for (unsigned i = 0; i < connections; i++) {
		must(doca_flow_ct_query_entry(CT_QUEUE, ct, 0, connection[i], &out, &in, NULL), "query");
		printf("connection %u: %lu packets out, %lu in\n", i + 1, out.counter.total_pkts, in.counter.total_pkts);
	}
}

int main(int argc, char **argv)
{
	char *eal[] = {"flow_ct", "-l", "0", "-a", "pci:00:00.0", NULL};
	int seconds = argc > 1 ? atoi(argv[argc - 1]) : 3;
	struct doca_devinfo **list;
	struct doca_flow_pipe *ct;
	struct rte_mempool *pool;
	struct doca_dev *dev;
	uint32_t n;

	must(doca_devinfo_create_list(&list, &n), "list of devices");
	must(n ? doca_dev_open(list[0], &dev) : DOCA_ERROR_NOT_FOUND, "device");
	doca_devinfo_destroy_list(list);
	if (rte_eal_init(5, eal) < 0 || !(pool = rte_pktmbuf_pool_create("p", 4095, 0, 0, 2304, SOCKET_ID_ANY)))
		must(DOCA_ERROR_DRIVER, "EAL");
	must(doca_dpdk_port_probe(dev, "dv_flow_en=2,representor=vf0"), "probe");
	start_ethdev(UPLINK, pool);
	start_ethdev(VF, pool);
	start_flow();
	start_port(UPLINK, dev);
	start_port(VF, dev);
	ct = make_ct(make_unknown());
	make_root(ct);
	for (int i = 0; i < 2; i++)
		serve(ct, seconds);
	report(ct);
	doca_flow_pipe_destroy(ct);
	doca_flow_port_stop(port[VF]);
	doca_flow_port_stop(port[UPLINK]);
	doca_flow_ct_destroy();
	doca_flow_destroy();
	rte_eth_dev_stop(VF);
	rte_eth_dev_stop(UPLINK);
	doca_dev_close(dev);
	return 0;
}
