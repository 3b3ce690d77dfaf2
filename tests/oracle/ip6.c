/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ip6: flow label, traffic class, hop limit and addresses of IPv6 are matched and written; extension headers do not hide the
 * transport header; fragments are told from whole packets.
 */
#include "begin.h"

static struct doca_flow_match ip6_match(void)
{
	struct doca_flow_match m = {.parser_meta.outer_l3_type = DOCA_FLOW_L3_META_IPV6, .outer.l3_type = DOCA_FLOW_L3_TYPE_IP6};

	return m;
}

int main(void)
{
	struct doca_flow_match label = ip6_match(), class = ip6_match(), tcp = ip6_match(), fragment = ip6_match(), class_mask = class;
	struct doca_flow_actions set = {.outer.l3_type = DOCA_FLOW_L3_TYPE_IP6};
	struct doca_flow_fwd across = to_port(1), back = to_port(0);
	struct doca_flow_pipe *root;

	begin();
	label.outer.ip6.flow_label = DOCA_HTOBE32(0x12345);
	class.outer.ip6.traffic_class = 46 << 2;
	class_mask.outer.ip6.traffic_class = 0xfc;
	tcp.outer.l4_type_ext = DOCA_FLOW_L4_TYPE_EXT_TCP;
	tcp.parser_meta.outer_l4_type = DOCA_FLOW_L4_META_TCP;
	tcp.outer.tcp.l4_port.dst_port = DOCA_HTOBE16(80);
	fragment.parser_meta.outer_ip_fragmented = 1;
	set.outer.ip6.flow_label = DOCA_HTOBE32(0xabcde);
	set.outer.ip6.traffic_class = 8;
	set.outer.ip6.hop_limit = 9;
	memset(set.outer.ip6.dst_ip, 0xfd, 16);
	root = control_pipe("ROOT", true);
	control(root, 0, &fragment, NULL, NULL, &back);
	control(root, 1, &label, NULL, &set, &across);
	control(root, 1, &class, &class_mask, NULL, &across);
	control(root, 2, &tcp, NULL, NULL, &across);
	wait_for_packets();
	return end();
}
