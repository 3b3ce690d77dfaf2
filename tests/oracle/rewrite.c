/* SPDX-License-Identifier: BSD-3-Clause */
/* rewrite: a BASIC pipe sets an address, lowers the TTL and counts; what it does not match is dropped. */
#include "begin.h"

int main(void)
{
	struct doca_flow_match open = {.outer = {.l3_type = DOCA_FLOW_L3_TYPE_IP4, .l4_type_ext = DOCA_FLOW_L4_TYPE_EXT_TCP}}, match = {0};
	struct doca_flow_actions set = {.outer = {.l3_type = DOCA_FLOW_L3_TYPE_IP4}}, *actions[] = {&set};
	struct doca_flow_action_desc ttl = {.type = DOCA_FLOW_ACTION_ADD, .field_op = {.dst = {"outer.ipv4.ttl", 0}, .width = 8}};
	struct doca_flow_action_descs descs = {1, &ttl}, *desc_list[] = {&descs};
	struct doca_flow_monitor count = {.counter_type = DOCA_FLOW_RESOURCE_TYPE_NON_SHARED};
	struct doca_flow_fwd out;
	struct doca_flow_resource_query query;
	struct doca_flow_pipe_entry *entry;
	struct doca_flow_pipe_cfg *cfg;

	begin();
	out = to_port(1);
	open.outer.tcp.l4_port.dst_port = UINT16_MAX;
	set.outer.ip4.dst_ip = DOCA_HTOBE32(0x0af40203);
	set.outer.ip4.ttl = UINT8_MAX; /* one less */
	cfg = pipe_cfg("REWRITE", DOCA_FLOW_PIPE_BASIC, true);
	must(doca_flow_pipe_cfg_set_match(cfg, &open, NULL));
	must(doca_flow_pipe_cfg_set_actions(cfg, actions, NULL, desc_list, 1));
	must(doca_flow_pipe_cfg_set_monitor(cfg, &count));
	match.outer.tcp.l4_port.dst_port = DOCA_HTOBE16(80);
	must(doca_flow_pipe_basic_add_entry(0, pipe_from(cfg, &out, &drop), &match, 0, &set, NULL, NULL, 0, NULL, &entry));
	wait_for_packets();
	must(doca_flow_resource_query_entry(entry, &query));
	printf("counted %lu packets, %lu bytes\n", query.counter.total_pkts, query.counter.total_bytes);
	return end();
}
