/* SPDX-License-Identifier: BSD-3-Clause */
/* tunnel: CONTROL entries by priority; TCP goes into VXLAN, what comes in VXLAN goes out of it. */
#include "begin.h"

static struct doca_flow_actions into_vxlan(void)
{
	struct doca_flow_actions a = {.encap_type = DOCA_FLOW_RESOURCE_TYPE_NON_SHARED};
	struct doca_flow_header_format *outer = &a.encap_cfg.encap.outer;

	a.encap_cfg.is_l2 = true;
	outer_ip4(outer);
	outer->ip4.flags_fragment_offset = DOCA_HTOBE16(DOCA_FLOW_IP4_FLAG_DONT_FRAGMENT);
	outer->l4_type_ext = DOCA_FLOW_L4_TYPE_EXT_UDP;
	outer->udp.l4_port.dst_port = DOCA_HTOBE16(DOCA_FLOW_VXLAN_DEFAULT_PORT);
	a.encap_cfg.encap.tun.type = DOCA_FLOW_TUN_VXLAN;
	a.encap_cfg.encap.tun.vxlan_tun_id = DOCA_HTOBE32(42);
	return a;
}

int main(void)
{
	struct doca_flow_match tcp = {.parser_meta.outer_l4_type = DOCA_FLOW_L4_META_TCP}, vxlan = {.tun.type = DOCA_FLOW_TUN_VXLAN};
	struct doca_flow_actions encap = into_vxlan(), decap = {.decap_type = DOCA_FLOW_RESOURCE_TYPE_NON_SHARED, .decap_cfg.is_l2 = true};
	struct doca_flow_pipe *root;
	struct doca_flow_fwd across;

	begin();
	across = to_port(1);
	vxlan.tun.vxlan_tun_id = DOCA_HTOBE32(42);
	root = pipe_from(pipe_cfg("ROOT", DOCA_FLOW_PIPE_CONTROL, true), NULL, NULL);
	must(doca_flow_pipe_control_add_entry(0, root, &vxlan, NULL, NULL, &decap, NULL, NULL, NULL, 0, &across, NULL, NULL));
	must(doca_flow_pipe_control_add_entry(0, root, &tcp, NULL, NULL, &encap, NULL, NULL, NULL, 1, &across, NULL, NULL));
	wait_for_packets();
	return end();
}
