/* SPDX-License-Identifier: BSD-3-Clause */
/* vxlan: VXLAN with a group policy (GBP) and its generic protocol extension (GPE), by their fields; and into both. */
#include "begin.h"

static struct doca_flow_actions into(enum doca_flow_tun_ext_vxlan_type type, uint16_t dst_port)
{
	struct doca_flow_actions a = {.encap_type = DOCA_FLOW_RESOURCE_TYPE_NON_SHARED};
	struct doca_flow_encap_action *e = &a.encap_cfg.encap;

	memset(e->outer.eth.src_mac, 2, 6);
	memset(e->outer.eth.dst_mac, 4, 6);
	e->outer.l3_type = DOCA_FLOW_L3_TYPE_IP6;
	e->outer.ip6.src_ip[0] = e->outer.ip6.dst_ip[0] = DOCA_HTOBE32(0xfd000000);
	e->outer.ip6.dst_ip[3] = DOCA_HTOBE32(1);
	e->outer.ip6.hop_limit = 17;
	e->outer.l4_type_ext = DOCA_FLOW_L4_TYPE_EXT_UDP;
	e->outer.udp.l4_port.dst_port = DOCA_HTOBE16(dst_port);
	e->tun.type = DOCA_FLOW_TUN_VXLAN;
	e->tun.vxlan_type = type;
	return a;
}

static void group_policy(struct doca_flow_pipe *root)
{
	struct doca_flow_match m = {.tun = {.type = DOCA_FLOW_TUN_VXLAN, .vxlan_type = DOCA_FLOW_TUN_EXT_VXLAN_GBP}};
	struct doca_flow_match udp = {.parser_meta.outer_l4_type = DOCA_FLOW_L4_META_UDP};
	struct doca_flow_actions out = {.decap_type = DOCA_FLOW_RESOURCE_TYPE_NON_SHARED, .decap_cfg.is_l2 = true};
	struct doca_flow_actions in = into(DOCA_FLOW_TUN_EXT_VXLAN_GBP, DOCA_FLOW_VXLAN_DEFAULT_PORT);
	struct doca_flow_fwd across = to_port(1);

	m.tun.vxlan_tun_id = DOCA_HTOBE32(42);
	m.tun.vxlan_gbp_group_policy_id = DOCA_HTOBE16(0x1234);
	in.encap_cfg.is_l2 = true;
	in.encap_cfg.encap.tun.vxlan_tun_id = DOCA_HTOBE32(43);
	in.encap_cfg.encap.tun.vxlan_gbp_group_policy_id = DOCA_HTOBE16(0x4321);
	control(root, 0, &m, NULL, &out, &across);
	control(root, 1, &udp, NULL, &in, &across);
}

static void protocol_extension(struct doca_flow_pipe *root)
{
	struct doca_flow_match m = {.tun = {.type = DOCA_FLOW_TUN_VXLAN, .vxlan_type = DOCA_FLOW_TUN_EXT_VXLAN_GPE}};
	struct doca_flow_match tcp = {.parser_meta.outer_l4_type = DOCA_FLOW_L4_META_TCP};
	struct doca_flow_actions out = {.decap_type = DOCA_FLOW_RESOURCE_TYPE_NON_SHARED};
	struct doca_flow_actions in = into(DOCA_FLOW_TUN_EXT_VXLAN_GPE, DOCA_FLOW_VXLAN_GPE_DEFAULT_PORT);
	struct doca_flow_fwd across = to_port(1);

	m.tun.vxlan_tun_id = DOCA_HTOBE32(42);
	m.tun.vxlan_gpe_next_protocol = DOCA_FLOW_VXLAN_GPE_TYPE_IPV4;
	memset(out.decap_cfg.eth.src_mac, 6, 6);
	memset(out.decap_cfg.eth.dst_mac, 8, 6);
	out.decap_cfg.eth.type = DOCA_HTOBE16(DOCA_FLOW_ETHER_TYPE_IPV4);
	in.encap_cfg.encap.tun.vxlan_tun_id = DOCA_HTOBE32(44);
	in.encap_cfg.encap.tun.vxlan_gpe_next_protocol = DOCA_FLOW_VXLAN_GPE_TYPE_IPV4;
	control(root, 0, &m, NULL, &out, &across);
	control(root, 1, &tcp, NULL, &in, &across);
}

int main(void)
{
	struct doca_flow_pipe *root;

	begin();
	root = control_pipe("ROOT", true);
	group_policy(root);
	protocol_extension(root);
	wait_for_packets();
	return end();
}
