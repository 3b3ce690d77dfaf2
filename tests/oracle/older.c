/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * modules: doca libdpdk
 *
 * older: the dialect of the module `doca`. Configurations are structures, entries have nine arguments; the pipe for IPv6 TCP
 * packets to port 80 of 2001:db8::1 stands as F:3710-3755 writes it, over four queues. The program sends on by port 1 what
 * the queues get, as programs did that came before forwarding between ports, and counts it with the older query.
 */
#include <stdio.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_ethdev.h>

#include <doca_flow.h>
#include <doca_softdpu.h>

#define QUEUES 4
#define SECONDS 3

static uint16_t queues[QUEUES] = {0, 1, 2, 3};

static void must(doca_error_t result)
{
	if (result == DOCA_SUCCESS)
		return;
	fprintf(stderr, "%s: %s\n", doca_error_get_name(result), doca_softdpu_last_refusal());
	_exit(1);
}

/* Devices are EAL arguments: their ports exist when it has started. */
static void start_dpdk(void)
{
	char *eal[] = {"older", "-l", "0", "-a", "0000:03:00.0,dv_flow_en=2", "-a", "0000:03:00.1,dv_flow_en=2", NULL};
	struct rte_eth_conf conf = {.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS};
	struct rte_mempool *pool;

	if (rte_eal_init(7, eal) < 0 || !(pool = rte_pktmbuf_pool_create("p", 8191, 0, 0, 2304, SOCKET_ID_ANY)))
		must(DOCA_ERROR_DRIVER);
	for (uint16_t id = 0; id < 2; id++) {
		bool failed = rte_eth_dev_configure(id, QUEUES, 1, &conf) || rte_eth_tx_queue_setup(id, 0, 256, 0, NULL);

		for (uint16_t q = 0; q < QUEUES; q++)
			failed = failed || rte_eth_rx_queue_setup(id, q, 256, 0, NULL, pool);
		if (failed || rte_eth_dev_start(id))
			must(DOCA_ERROR_DRIVER);
	}
}

static struct doca_flow_port *start_port(uint16_t id)
{
	struct doca_flow_port_cfg port_cfg = {
		.port_id = id,
		.type = DOCA_FLOW_PORT_DPDK_BY_ID,
	};
	struct doca_flow_port *port;

	must(doca_flow_port_start(&port_cfg, &port));
	return port;
}

/* F:3720-3755, and a counter. */
static struct doca_flow_pipe *http_pipe(struct doca_flow_port *port, struct doca_flow_pipe_entry **entry)
{
	struct doca_flow_match match = {
		.outer.l3_type = DOCA_FLOW_L3_TYPE_IP6,
		.outer.l4_type_ext = DOCA_FLOW_L4_TYPE_EXT_TCP,
		.outer.tcp.l4_port.dst_port = rte_cpu_to_be_16(80),
		.outer.ip6.dst_ip = {0x20, 0x01, 0x0d, 0xb8, 0x00, 0x00, 0x00, 0x00,
				     0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x01},
	};
	struct doca_flow_actions actions = {
		.action_idx = 0,
	};
	struct doca_flow_fwd fwd = {
		.type = DOCA_FLOW_FWD_RSS,
		.rss_queues = queues,
		.num_of_queues = QUEUES,
	};
	struct doca_flow_monitor monitor = {.counter_type = DOCA_FLOW_RESOURCE_TYPE_NON_SHARED};
	struct doca_flow_pipe_cfg pipe_cfg = {
		.attr = {
			.name = "HTTP_TRAFFIC_V6",
			.type = DOCA_FLOW_PIPE_BASIC,
		},
		.match = &match,
		.actions = &actions,
		.monitor = &monitor,
		.port = port,
	};
	struct doca_flow_pipe *pipe;

	must(doca_flow_pipe_create(&pipe_cfg, &fwd, NULL, &pipe));
	must(doca_flow_pipe_add_entry(0, pipe, &match, &actions, NULL, &fwd, 0, NULL, entry));
	return pipe;
}

/* IPv6 from port 0 goes to the pipe, with a new hop limit; the actions come as an array, as DOCA 2.x has them. */
static void root_pipe(struct doca_flow_port *port, struct doca_flow_pipe *next)
{
	struct doca_flow_match match = {.parser_meta.port_meta = 0xffff, .parser_meta.outer_l3_type = DOCA_FLOW_L3_META_IPV6};
	struct doca_flow_match from_port_0 = {.parser_meta.port_meta = 0};
	struct doca_flow_actions keep = {0}, hops = {.outer.l3_type = DOCA_FLOW_L3_TYPE_IP6, .outer.ip6.hop_limit = 9};
	struct doca_flow_actions *actions[] = {&keep, &hops}, second = {.action_idx = 1};
	struct doca_flow_fwd fwd = {.type = DOCA_FLOW_FWD_PIPE, .next_pipe = next}, drop = {.type = DOCA_FLOW_FWD_DROP};
	struct doca_flow_pipe_cfg cfg = {.attr = {.name = "ROOT", .type = DOCA_FLOW_PIPE_BASIC, .is_root = true, .nb_actions = 2, .nb_flows = 4},
		.match = &match, .actions = actions, .port = port};
	struct doca_flow_pipe_entry *entry;
	struct doca_flow_pipe *pipe;

	must(doca_flow_pipe_create(&cfg, &fwd, &drop, &pipe));
	must(doca_flow_pipe_add_entry(0, pipe, &from_port_0, &second, NULL, NULL, DOCA_FLOW_NO_WAIT, NULL, &entry));
}

/* Queues of port 0 to port 1. */
static unsigned send_on(unsigned seconds)
{
	const uint64_t end = rte_get_timer_cycles() + seconds * rte_get_timer_hz();
	struct rte_mbuf *burst[32];
	unsigned all = 0;

	while (rte_get_timer_cycles() < end) {
		unsigned before = all;

		for (uint16_t q = 0; q < QUEUES; q++) {
			uint16_t n = rte_eth_rx_burst(0, q, burst, 32), sent = rte_eth_tx_burst(1, 0, burst, n);

			all += sent;
			while (sent < n)
				rte_pktmbuf_free(burst[sent++]);
		}
		if (all == before)
			usleep(1000);
	}
	return all;
}

int main(void)
{
	struct doca_flow_cfg cfg = {.pipe_queues = 1, .mode_args = "vnf,hws,isolated", .resource.nb_counters = 64};
	struct doca_flow_port *port[2];
	struct doca_flow_pipe_entry *http;
	struct doca_flow_query query;
	unsigned sent;

	start_dpdk();
	must(doca_flow_init(&cfg));
	port[0] = start_port(0);
	port[1] = start_port(1);
	root_pipe(port[0], http_pipe(port[0], &http));
	must(doca_flow_entries_process(port[0], 0, 1000, 0));
	printf("Wait %d seconds for packets to arrive\n", SECONDS);
	fflush(stdout);
	sent = send_on(SECONDS);
	must(doca_flow_query_entry(http, &query));
	printf("counted %" PRIu64 ", sent %u\n", query.total_pkts, sent);
	must(doca_flow_pipe_rm_entry(0, http));
	must(doca_flow_entries_process(port[0], 0, 1000, 0));
	for (int i = 0; i < 2; i++) {
		must(doca_flow_port_stop(port[i]));
		rte_eth_dev_stop(i);
	}
	doca_flow_destroy();
	return query.total_pkts != sent;
}
