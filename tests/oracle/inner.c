/* SPDX-License-Identifier: BSD-3-Clause */
/* inner: a BASIC pipe that looks at the headers inside a tunnel, beside its number: addresses, ports, protocol, inner VLAN. */
#include "begin.h"

static void entry(struct doca_flow_pipe *pipe, uint32_t vni, uint32_t dst_ip, uint16_t dst_port, const struct doca_flow_fwd *fwd)
{
	struct doca_flow_match m = {0};

	m.tun.vxlan_tun_id = DOCA_HTOBE32(vni);
	m.inner.ip4.dst_ip = DOCA_HTOBE32(dst_ip);
	m.inner.tcp.l4_port.dst_port = DOCA_HTOBE16(dst_port);
	add(pipe, &m, NULL, fwd);
}

int main(void)
{
	struct doca_flow_match open = {.tun.type = DOCA_FLOW_TUN_VXLAN, .inner = {.l3_type = DOCA_FLOW_L3_TYPE_IP4, .l4_type_ext = DOCA_FLOW_L4_TYPE_EXT_TCP}};
	struct doca_flow_match tagged = {.tun.type = DOCA_FLOW_TUN_VXLAN, .parser_meta.inner_l2_type = DOCA_FLOW_L2_META_SINGLE_VLAN};
	struct doca_flow_match icmp = {.tun.type = DOCA_FLOW_TUN_VXLAN, .parser_meta.inner_l4_type = DOCA_FLOW_L4_META_ICMP};
	struct doca_flow_fwd across = to_port(1), back = to_port(0), others;
	struct doca_flow_pipe *rest, *pipe;

	begin();
	rest = control_pipe("REST", false);
	tagged.inner.l2_valid_headers = DOCA_FLOW_L2_VALID_HEADER_VLAN_0;
	tagged.inner.eth_vlan[0].tci = DOCA_HTOBE16(5);
	control(rest, 0, &tagged, NULL, NULL, &across);
	control(rest, 0, &icmp, NULL, NULL, &back);
	others = to_pipe(rest);
	open.parser_meta.inner_l3_type = DOCA_FLOW_L3_META_IPV4;
	open.parser_meta.inner_l4_type = DOCA_FLOW_L4_META_TCP;
	open.tun.vxlan_tun_id = UINT32_MAX;
	open.inner.ip4.dst_ip = UINT32_MAX;
	open.inner.tcp.l4_port.dst_port = UINT16_MAX;
	pipe = pipe_from(basic_cfg("INNER", true, &open, NULL), NULL, &others);
	entry(pipe, 1, 0x04040404, 80, &across);
	entry(pipe, 2, 0x04040404, 80, &back);
	wait_for_packets();
	return end();
}
