/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * hairpin: queue 1 of each port is bound to the other port: what an RSS forward puts there leaves by that port, and no program sees
 * it. Both ports do the same; queue 0 is the program's.
 */
#include "begin.h"

static void bind_to(uint16_t id, uint16_t peer)
{
	struct rte_eth_hairpin_conf conf = {.peer_count = 1, .peers[0] = {.port = peer, .queue = 1}};

	if (rte_eth_rx_hairpin_queue_setup(id, 1, 0, &conf) || rte_eth_tx_hairpin_queue_setup(id, 1, 0, &conf))
		must(DOCA_ERROR_DRIVER);
}

static void make_root(uint16_t id)
{
	static uint16_t hairpin[] = {1}, ours[] = {0};
	struct doca_flow_match tcp = {.parser_meta.outer_l4_type = DOCA_FLOW_L4_META_TCP}, udp = {.parser_meta.outer_l4_type = DOCA_FLOW_L4_META_UDP};
	struct doca_flow_fwd fwd = {.type = DOCA_FLOW_FWD_RSS, .rss_type = DOCA_FLOW_RESOURCE_TYPE_NON_SHARED, .rss.nr_queues = 1};
	struct doca_flow_pipe_cfg *cfg;
	struct doca_flow_pipe *root;

	must(doca_flow_pipe_cfg_create(&cfg, port[id]));
	must(doca_flow_pipe_cfg_set_name(cfg, "ROOT"));
	must(doca_flow_pipe_cfg_set_type(cfg, DOCA_FLOW_PIPE_CONTROL));
	must(doca_flow_pipe_cfg_set_is_root(cfg, true));
	root = pipe_from(cfg, NULL, NULL);
	fwd.rss.queues_array = hairpin;
	control(root, 0, &tcp, NULL, NULL, &fwd);
	fwd.rss.queues_array = ours;
	control(root, 0, &udp, NULL, NULL, &fwd);
}

int main(void)
{
	setup.hairpins = bind_to;
	begin();
	make_root(0);
	make_root(1);
	must(doca_flow_port_pair(port[0], port[1]));
	must(doca_flow_port_pair(port[1], port[0]));
	wait_for_packets();
	printf("for us: %u and %u\n", received(0, 0), received(1, 0));
	return end();
}
