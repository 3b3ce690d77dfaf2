/* SPDX-License-Identifier: BSD-3-Clause */
/* fields: action descriptors copy a field to another and add to fields, whole or some of their bits, named by strings. */
#include "begin.h"

int main(void)
{
	struct doca_flow_match open = {.outer = {.l3_type = DOCA_FLOW_L3_TYPE_IP4, .l4_type_ext = DOCA_FLOW_L4_TYPE_EXT_TCP}}, match = {0};
	struct doca_flow_action_desc copies[] = {
		{.type = DOCA_FLOW_ACTION_COPY, .field_op = {.src = {"outer.ipv4.dst_ip", 0}, .dst = {"outer.ipv4.src_ip", 0}, .width = 32}},
		{.type = DOCA_FLOW_ACTION_COPY, .field_op = {.src = {"outer.tcp.dst_port", 0}, .dst = {"outer.tcp.src_port", 8}, .width = 8}},
		{.type = DOCA_FLOW_ACTION_COPY, .field_op = {.src = {"outer.eth.dst_mac", 0}, .dst = {"outer.eth.src_mac", 0}, .width = 48}},
	};
	struct doca_flow_action_desc sums[] = {
		{.type = DOCA_FLOW_ACTION_ADD, .field_op = {.dst = {"outer.ipv4.ttl", 0}, .width = 8}},
		{.type = DOCA_FLOW_ACTION_ADD, .field_op = {.dst = {"outer.tcp.seq_num", 0}, .width = 32}},
		{.type = DOCA_FLOW_ACTION_ADD, .field_op = {.src = {"outer.ipv4.ttl", 0}, .dst = {"outer.tcp.ack_num", 0}, .width = 8}},
	};
	struct doca_flow_action_descs copy = {RTE_DIM(copies), copies}, sum = {RTE_DIM(sums), sums}, *descs[] = {&copy, &sum};
	struct doca_flow_actions none = {0}, by = {.outer = open.outer}, mine = {0}, *templates[] = {&none, &by};
	struct doca_flow_fwd across = to_port(1);
	struct doca_flow_pipe_cfg *cfg;
	struct doca_flow_pipe *pipe;

	begin();
	open.outer.tcp.l4_port.dst_port = UINT16_MAX;
	by.outer.ip4.ttl = UINT8_MAX;           /* one less */
	by.outer.tcp.seq_num = UINT32_MAX;      /* the entry says */
	cfg = basic_cfg("FIELDS", true, &open, NULL);
	must(doca_flow_pipe_cfg_set_actions(cfg, templates, NULL, descs, 2));
	pipe = pipe_from(cfg, &across, &drop);
	match.outer.tcp.l4_port.dst_port = DOCA_HTOBE16(0x1234);
	must(doca_flow_pipe_basic_add_entry(0, pipe, &match, 0, NULL, NULL, NULL, 0, NULL, NULL));
	match.outer.tcp.l4_port.dst_port = DOCA_HTOBE16(2);
	mine.outer.tcp.seq_num = DOCA_HTOBE32(1000);
	must(doca_flow_pipe_basic_add_entry(0, pipe, &match, 1, &mine, NULL, NULL, 0, NULL, NULL));
	wait_for_packets();
	return end();
}
