/* SPDX-License-Identifier: BSD-3-Clause */
/* tenant: a longest-prefix pipe with an exact match beside it: each VLAN has its own routes. The VLAN reaches it as metadata. */
#include "begin.h"

static struct doca_flow_pipe *make_routes(void)
{
	struct doca_flow_match open = {.outer.l3_type = DOCA_FLOW_L3_TYPE_IP4}, mask = {0};
	struct doca_flow_pipe_cfg *cfg = pipe_cfg("ROUTES", DOCA_FLOW_PIPE_LPM, false);

	open.outer.ip4.dst_ip = UINT32_MAX;
	mask.meta.u32[1] = UINT32_MAX;
	must(doca_flow_pipe_cfg_set_match(cfg, &open, &mask));
	set_counter(cfg);
	return pipe_from(cfg, NULL, &drop);
}

static struct doca_flow_pipe_entry *route(struct doca_flow_pipe *routes, uint32_t vlan, uint32_t ip, uint32_t bits, const struct doca_flow_fwd *fwd)
{
	struct doca_flow_match match = {.outer.ip4.dst_ip = DOCA_HTOBE32(ip)}, mask = {.outer.ip4.dst_ip = DOCA_HTOBE32(bits)};
	struct doca_flow_pipe_entry *entry;

	match.meta.u32[1] = DOCA_HTOBE32(vlan);
	must(doca_flow_pipe_lpm_add_entry(0, routes, &match, &mask, 0, NULL, NULL, fwd, 0, NULL, &entry));
	return entry;
}

/* The VLAN's number into u32[1]. */
static void make_root(struct doca_flow_pipe *routes)
{
	struct doca_flow_match tagged = {.parser_meta.outer_l2_type = DOCA_FLOW_L2_META_SINGLE_VLAN};
	struct doca_flow_action_desc copy = {.type = DOCA_FLOW_ACTION_COPY, .field_op = {.src = {"outer.eth_vlan0.tci", 0}, .width = 12,
		.dst = {"meta.data", 8 * offsetof(struct doca_flow_meta, u32[1])}}};
	struct doca_flow_action_descs descs = {1, &copy};
	struct doca_flow_actions none = {0};
	struct doca_flow_fwd next = to_pipe(routes);
	struct doca_flow_pipe_cfg *cfg = basic_cfg("ROOT", true, &tagged, NULL);

	set_actions(cfg, &none, &descs);
	add(pipe_from(cfg, &next, &drop), &tagged, NULL, NULL);
}

int main(void)
{
	struct doca_flow_fwd across = to_port(1), back = to_port(0);
	struct doca_flow_pipe_entry *wide, *narrow;
	struct doca_flow_pipe *routes;

	begin();
	routes = make_routes();
	wide = route(routes, 7, 0x0a000000, 0xff000000, &across);
	narrow = route(routes, 7, 0x0a010000, 0xffff0000, &back);
	route(routes, 8, 0x0a010000, 0xffff0000, &across);
	make_root(routes);
	wait_for_packets();
	printf("VLAN 7: %lu by 10/8, %lu by 10.1/16\n", packets(wide), packets(narrow));
	return end();
}
