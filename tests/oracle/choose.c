/* SPDX-License-Identifier: BSD-3-Clause */
/* choose: a pipe with three templates of actions; each entry picks one by its index, and fills in what that one leaves open. */
#include "begin.h"

static void entry(struct doca_flow_pipe *pipe, uint16_t dst_port, uint8_t template, const struct doca_flow_actions *actions)
{
	struct doca_flow_match match = {0};

	match.outer.udp.l4_port.dst_port = DOCA_HTOBE16(dst_port);
	must(doca_flow_pipe_basic_add_entry(0, pipe, &match, template, actions, NULL, NULL, 0, NULL, NULL));
}

int main(void)
{
	struct doca_flow_match open = {.outer = {.l3_type = DOCA_FLOW_L3_TYPE_IP4, .l4_type_ext = DOCA_FLOW_L4_TYPE_EXT_UDP}};
	struct doca_flow_actions address = {.outer.l3_type = DOCA_FLOW_L3_TYPE_IP4}, ports = {.outer.l4_type_ext = DOCA_FLOW_L4_TYPE_EXT_UDP};
	struct doca_flow_actions macs = {0}, mine = {0}, *templates[] = {&address, &ports, &macs};
	struct doca_flow_fwd across = to_port(1);
	struct doca_flow_pipe_cfg *cfg;
	struct doca_flow_pipe *pipe;

	begin();
	open.outer.udp.l4_port.dst_port = UINT16_MAX;
	address.outer.ip4.src_ip = UINT32_MAX;
	address.outer.ip4.dscp_ecn = 8;
	ports.outer.udp.l4_port.src_port = UINT16_MAX;
	ports.outer.udp.l4_port.dst_port = DOCA_HTOBE16(99);
	memset(macs.outer.eth.src_mac, 0xff, 6);
	memset(macs.outer.eth.dst_mac, 0x0a, 6);
	cfg = basic_cfg("CHOOSE", true, &open, NULL);
	must(doca_flow_pipe_cfg_set_actions(cfg, templates, NULL, NULL, 3));
	pipe = pipe_from(cfg, &across, &drop);
	mine.outer.ip4.src_ip = DOCA_HTOBE32(0x05060708);
	entry(pipe, 1, 0, &mine);
	mine.outer.ip4.src_ip = DOCA_HTOBE32(0x05060709);
	entry(pipe, 2, 0, &mine);
	memset(&mine, 0, sizeof(mine));
	mine.outer.udp.l4_port.src_port = DOCA_HTOBE16(1024);
	entry(pipe, 3, 1, &mine);
	memset(&mine, 0, sizeof(mine));
	memset(mine.outer.eth.src_mac, 0x06, 6);
	entry(pipe, 4, 2, &mine);
	wait_for_packets();
	return end();
}
