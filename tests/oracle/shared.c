/* SPDX-License-Identifier: BSD-3-Clause */
/* shared: entries of two pipes share a counter, an RSS configuration, an encapsulation and a decapsulation, all named by their ids. */
#include "begin.h"

#define COUNTER 3
#define RSS 1
#define ENCAP 2
#define DECAP 0

static void configure(enum doca_flow_shared_resource_type type, uint32_t id, const struct doca_flow_shared_resource_cfg *cfg)
{
	must(doca_flow_port_shared_resource_set_cfg(port[0], type, id, cfg));
}

static void configure_all(void)
{
	static uint16_t queue_1[] = {1};
	struct doca_flow_shared_resource_cfg none = {0}, decap = {.decap_cfg.is_l2 = true}, encap = {.encap_cfg.is_l2 = true};
	struct doca_flow_shared_resource_cfg rss = {.rss_cfg = {.queues_array = queue_1, .nr_queues = 1, .outer_flags = DOCA_FLOW_RSS_IPV4}};
	struct doca_flow_encap_action *e = &encap.encap_cfg.encap;

	outer_ip4(&e->outer);
	e->outer.l4_type_ext = DOCA_FLOW_L4_TYPE_EXT_UDP;
	e->tun.type = DOCA_FLOW_TUN_VXLAN;
	e->tun.vxlan_tun_id = DOCA_HTOBE32(42);
	configure(DOCA_FLOW_SHARED_RESOURCE_COUNTER, COUNTER, &none);
	configure(DOCA_FLOW_SHARED_RESOURCE_RSS, RSS, &rss);
	configure(DOCA_FLOW_SHARED_RESOURCE_ENCAP, ENCAP, &encap);
	configure(DOCA_FLOW_SHARED_RESOURCE_DECAP, DECAP, &decap);
}

/* Packets of one kind are counted together with all others, changed, and go on. */
static void entry(struct doca_flow_pipe *root, const struct doca_flow_match *match, const struct doca_flow_actions *a, const struct doca_flow_fwd *fwd)
{
	struct doca_flow_monitor count = {.counter_type = DOCA_FLOW_RESOURCE_TYPE_SHARED, .shared_counter.shared_counter_id = COUNTER};

	must(doca_flow_pipe_control_add_entry(0, root, match, NULL, NULL, a, NULL, NULL, &count, 0, fwd, NULL, NULL));
}

int main(void)
{
	struct doca_flow_actions encap = {.encap_type = DOCA_FLOW_RESOURCE_TYPE_SHARED, .shared_encap_id = ENCAP};
	struct doca_flow_actions decap = {.decap_type = DOCA_FLOW_RESOURCE_TYPE_SHARED, .shared_decap_id = DECAP};
	struct doca_flow_match tcp = {.parser_meta.outer_l4_type = DOCA_FLOW_L4_META_TCP}, icmp = {.parser_meta.outer_l4_type = DOCA_FLOW_L4_META_ICMP};
	struct doca_flow_match vxlan = {.tun.type = DOCA_FLOW_TUN_VXLAN};
	struct doca_flow_fwd across = to_port(1), to_us = {.type = DOCA_FLOW_FWD_RSS, .rss_type = DOCA_FLOW_RESOURCE_TYPE_SHARED, .shared_rss_id = RSS};
	struct doca_flow_resource_query query;
	struct doca_flow_pipe *root;
	uint32_t id = COUNTER;

	setup.rx_queues = 2;
	for (int type = 0; type < DOCA_FLOW_SHARED_RESOURCE_MAX; type++)
		setup.shared[type] = 4;
	begin();
	configure_all();
	root = control_pipe("ROOT", true);
	entry(root, &tcp, &encap, &across);
	entry(root, &vxlan, &decap, &across);
	entry(root, &icmp, NULL, &to_us);
	wait_for_packets();
	must(doca_flow_port_shared_resources_query(port[0], DOCA_FLOW_SHARED_RESOURCE_COUNTER, &id, &query, 1));
	printf("together %lu packets; queue 0 has %u, queue 1 has %u\n", query.counter.total_pkts, received(0, 0), received(0, 1));
	return end();
}
