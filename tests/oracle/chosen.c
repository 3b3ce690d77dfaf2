/* SPDX-License-Identifier: BSD-3-Clause */
/* chosen: a BASIC pipe whose entries choose among shared encapsulations and decapsulations of several lengths, by id. */
#include "begin.h"

#define VXLAN 0
#define GRE 3
#define TO_L2 1
#define TO_L3 2

static void configure(enum doca_flow_shared_resource_type type, uint32_t id, const struct doca_flow_shared_resource_cfg *cfg)
{
	must(doca_flow_port_shared_resource_set_cfg(port[0], type, id, cfg));
}

static void configure_encaps(void)
{
	struct doca_flow_shared_resource_cfg cfg = {.encap_cfg.is_l2 = true};
	struct doca_flow_encap_action *e = &cfg.encap_cfg.encap;

	outer_ip4(&e->outer);
	e->tun.type = DOCA_FLOW_TUN_GRE;
	e->tun.protocol = DOCA_HTOBE16(DOCA_FLOW_ETHER_TYPE_TEB);
	e->tun.key_present = true;
	e->tun.gre_key = DOCA_HTOBE32(78);
	configure(DOCA_FLOW_SHARED_RESOURCE_ENCAP, GRE, &cfg);
	memset(&e->tun, 0, sizeof(e->tun));
	e->outer.l4_type_ext = DOCA_FLOW_L4_TYPE_EXT_UDP;
	e->tun.type = DOCA_FLOW_TUN_VXLAN;
	e->tun.vxlan_tun_id = DOCA_HTOBE32(42);
	configure(DOCA_FLOW_SHARED_RESOURCE_ENCAP, VXLAN, &cfg);
}

static void configure_decaps(void)
{
	struct doca_flow_shared_resource_cfg cfg = {.decap_cfg.is_l2 = true};

	configure(DOCA_FLOW_SHARED_RESOURCE_DECAP, TO_L2, &cfg);
	cfg.decap_cfg.is_l2 = false;
	memset(cfg.decap_cfg.eth.src_mac, 6, 6);
	memset(cfg.decap_cfg.eth.dst_mac, 8, 6);
	cfg.decap_cfg.eth.type = DOCA_HTOBE16(DOCA_FLOW_ETHER_TYPE_IPV4);
	configure(DOCA_FLOW_SHARED_RESOURCE_DECAP, TO_L3, &cfg);
}

/* By UDP port; each puts the packet into its tunnel. */
static struct doca_flow_pipe *by_port(struct doca_flow_actions *open)
{
	struct doca_flow_match match = {.outer.l4_type_ext = DOCA_FLOW_L4_TYPE_EXT_UDP};
	struct doca_flow_pipe_cfg *cfg;
	struct doca_flow_fwd across = to_port(1);

	match.outer.udp.l4_port.dst_port = UINT16_MAX;
	cfg = basic_cfg("CHOSEN", false, &match, NULL);
	set_actions(cfg, open, NULL);
	return pipe_from(cfg, &across, &drop);
}

/* By GRE key; each takes the tunnel off in its way. */
static struct doca_flow_pipe *by_key(struct doca_flow_actions *open)
{
	struct doca_flow_match match = {.tun = {.type = DOCA_FLOW_TUN_GRE, .key_present = true, .gre_key = UINT32_MAX}};
	struct doca_flow_pipe_cfg *cfg = basic_cfg("TAKEN OFF", false, &match, NULL);
	struct doca_flow_fwd across = to_port(1);

	set_actions(cfg, open, NULL);
	return pipe_from(cfg, &across, &drop);
}

int main(void)
{
	struct doca_flow_actions encap = {.encap_type = DOCA_FLOW_RESOURCE_TYPE_SHARED, .shared_encap_id = UINT32_MAX};
	struct doca_flow_actions decap = {.decap_type = DOCA_FLOW_RESOURCE_TYPE_SHARED, .shared_decap_id = UINT32_MAX};
	struct doca_flow_match udp = {.parser_meta.outer_l4_type = DOCA_FLOW_L4_META_UDP}, gre = {.tun.type = DOCA_FLOW_TUN_GRE};
	struct doca_flow_match to = {.outer.l4_type_ext = DOCA_FLOW_L4_TYPE_EXT_UDP}, key = {.tun = {.type = DOCA_FLOW_TUN_GRE, .key_present = true}};
	struct doca_flow_pipe *root, *on, *off;
	struct doca_flow_pipe_entry *moved;
	struct doca_flow_fwd next;

	for (int type = 0; type < DOCA_FLOW_SHARED_RESOURCE_MAX; type++)
		setup.shared[type] = 4;
	begin();
	configure_encaps();
	configure_decaps();
	root = control_pipe("ROOT", true);
	on = by_port(&encap);
	off = by_key(&decap);
	next = to_pipe(off);
	control(root, 0, &gre, NULL, NULL, &next);
	next = to_pipe(on);
	control(root, 1, &udp, NULL, NULL, &next);
	for (uint16_t p = 5; p <= 7; p++) {
		to.outer.udp.l4_port.dst_port = DOCA_HTOBE16(p);
		encap.shared_encap_id = p == 6 ? GRE : VXLAN;
		moved = add(on, &to, &encap, NULL);
	}
	encap.shared_encap_id = GRE; /* port 7 changes its mind */
	must(doca_flow_pipe_basic_update_entry(0, on, 0, &encap, NULL, NULL, 0, moved));
	for (uint32_t k = TO_L2; k <= TO_L3; k++) {
		key.tun.gre_key = DOCA_HTOBE32(k);
		decap.shared_decap_id = k;
		add(off, &key, &decap, NULL);
	}
	wait_for_packets();
	return end();
}
