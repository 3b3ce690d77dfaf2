/* SPDX-License-Identifier: BSD-3-Clause */
/* gre: GRE with and without a key and NVGRE, by their numbers; taken off, and put on. */
#include "begin.h"

static struct doca_flow_match in_gre(enum doca_flow_tun_ext_gre_type type)
{
	struct doca_flow_match m = {.parser_meta.outer_l3_type = DOCA_FLOW_L3_META_IPV4, .tun = {.type = DOCA_FLOW_TUN_GRE, .gre_type = type}};

	return m;
}

static struct doca_flow_actions into_gre(enum doca_flow_tun_ext_gre_type type)
{
	struct doca_flow_actions a = {.encap_type = DOCA_FLOW_RESOURCE_TYPE_NON_SHARED, .encap_cfg.is_l2 = true};
	struct doca_flow_encap_action *e = &a.encap_cfg.encap;

	outer_ip4(&e->outer);
	e->tun.type = DOCA_FLOW_TUN_GRE;
	e->tun.gre_type = type;
	e->tun.protocol = DOCA_HTOBE16(DOCA_FLOW_ETHER_TYPE_TEB);
	return a;
}

static void take_off(struct doca_flow_pipe *root)
{
	struct doca_flow_match keyed = in_gre(DOCA_FLOW_TUN_EXT_GRE_STANDARD), plain = keyed, nvgre = in_gre(DOCA_FLOW_TUN_EXT_GRE_NVGRE);
	struct doca_flow_actions l2 = {.decap_type = DOCA_FLOW_RESOURCE_TYPE_NON_SHARED, .decap_cfg.is_l2 = true}, l3 = l2;
	struct doca_flow_fwd across = to_port(1);

	keyed.tun.key_present = true;
	keyed.tun.gre_key = DOCA_HTOBE32(77);
	plain.tun.protocol = DOCA_HTOBE16(DOCA_FLOW_ETHER_TYPE_IPV4);
	nvgre.tun.nvgre_vs_id = DOCA_HTOBE32(0x123456 << 8);
	nvgre.tun.nvgre_flow_id = 9;
	l3.decap_cfg.is_l2 = false;
	memset(l3.decap_cfg.eth.src_mac, 6, 6);
	memset(l3.decap_cfg.eth.dst_mac, 8, 6);
	l3.decap_cfg.eth.type = DOCA_HTOBE16(DOCA_FLOW_ETHER_TYPE_IPV4);
	control(root, 0, &keyed, NULL, &l2, &across);
	control(root, 0, &nvgre, NULL, &l2, &across);
	control(root, 1, &plain, NULL, &l3, &across);
}

static void put_on(struct doca_flow_pipe *root)
{
	struct doca_flow_match tcp = {.parser_meta.outer_l4_type = DOCA_FLOW_L4_META_TCP};
	struct doca_flow_match udp = {.parser_meta.outer_l4_type = DOCA_FLOW_L4_META_UDP};
	struct doca_flow_actions gre = into_gre(DOCA_FLOW_TUN_EXT_GRE_STANDARD), nvgre = into_gre(DOCA_FLOW_TUN_EXT_GRE_NVGRE);
	struct doca_flow_fwd across = to_port(1);

	gre.encap_cfg.encap.tun.key_present = true;
	gre.encap_cfg.encap.tun.gre_key = DOCA_HTOBE32(78);
	nvgre.encap_cfg.encap.tun.nvgre_vs_id = DOCA_HTOBE32(0x654321 << 8);
	nvgre.encap_cfg.encap.tun.nvgre_flow_id = 5;
	control(root, 2, &tcp, NULL, &gre, &across);
	control(root, 2, &udp, NULL, &nvgre, &across);
}

int main(void)
{
	struct doca_flow_pipe *root;

	begin();
	root = control_pipe("ROOT", true);
	take_off(root);
	put_on(root);
	wait_for_packets();
	return end();
}
