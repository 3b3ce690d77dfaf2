/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * sequence: three ordered lists in one pipe. The first rewrites, lowers the TTL and counts; the second counts and puts the packet
 * into VXLAN; the third counts, meters, sets the destination by one element and the source by another, and counts again, by the same
 * counter. The entry's index of a list chooses it, per entry of the root.
 */
#include "begin.h"

#define LIST_NAT 5
#define LIST_TUNNEL 6
#define LIST_LONG 7

static struct doca_flow_monitor count = {.counter_type = DOCA_FLOW_RESOURCE_TYPE_NON_SHARED};
static struct doca_flow_action_desc less = {.type = DOCA_FLOW_ACTION_ADD, .field_op = {.dst = {"outer.ipv4.ttl", 0}, .width = 8}};
static struct doca_flow_action_descs descs = {1, &less};
static struct doca_flow_monitor meter = {.meter_type = DOCA_FLOW_RESOURCE_TYPE_NON_SHARED,
	.non_shared_meter = {.limit_type = DOCA_FLOW_METER_LIMIT_TYPE_BYTES, .cir = 1u << 30, .cbs = 1u << 30}};
static struct doca_flow_actions nat, tunnel, source, destination;
static struct doca_flow_ordered_list_element nat_elements[] = {
	{.type = DOCA_FLOW_ORDERED_LIST_ELEMENT_ACTIONS, .actions = &nat, .action_descs = &descs},
	{.type = DOCA_FLOW_ORDERED_LIST_ELEMENT_MONITOR, .monitor = &count},
};
static struct doca_flow_ordered_list_element tunnel_elements[] = {
	{.type = DOCA_FLOW_ORDERED_LIST_ELEMENT_MONITOR, .monitor = &count},
	{.type = DOCA_FLOW_ORDERED_LIST_ELEMENT_ACTIONS, .actions = &tunnel},
};
static struct doca_flow_ordered_list_element long_elements[] = {
	{.type = DOCA_FLOW_ORDERED_LIST_ELEMENT_MONITOR, .monitor = &count},
	{.type = DOCA_FLOW_ORDERED_LIST_ELEMENT_MONITOR, .monitor = &meter},
	{.type = DOCA_FLOW_ORDERED_LIST_ELEMENT_ACTIONS, .actions = &destination},
	{.type = DOCA_FLOW_ORDERED_LIST_ELEMENT_ACTIONS, .actions = &source},
	{.type = DOCA_FLOW_ORDERED_LIST_ELEMENT_MONITOR, .monitor = &count},
};
static struct doca_flow_ordered_list long_list = {.idx = 2, .size = 5, .elements = long_elements};
static struct doca_flow_ordered_list nat_list = {.idx = 0, .size = 2, .elements = nat_elements};
static struct doca_flow_ordered_list tunnel_list = {.idx = 1, .size = 2, .elements = tunnel_elements};

static void fill_templates(void)
{
	struct doca_flow_encap_action *e = &tunnel.encap_cfg.encap;

	nat.outer.l3_type = DOCA_FLOW_L3_TYPE_IP4;
	nat.outer.ip4.dst_ip = UINT32_MAX;
	nat.outer.ip4.ttl = UINT8_MAX; /* one less */
	source.outer.l3_type = destination.outer.l3_type = DOCA_FLOW_L3_TYPE_IP4;
	destination.outer.ip4.dst_ip = UINT32_MAX;
	source.outer.ip4.src_ip = UINT32_MAX;
	tunnel.encap_type = DOCA_FLOW_RESOURCE_TYPE_NON_SHARED;
	tunnel.encap_cfg.is_l2 = true;
	outer_ip4(&e->outer);
	e->outer.l4_type_ext = DOCA_FLOW_L4_TYPE_EXT_UDP;
	e->tun.type = DOCA_FLOW_TUN_VXLAN;
	e->tun.vxlan_tun_id = DOCA_HTOBE32(42);
}

static void make_root(struct doca_flow_pipe *lists)
{
	struct doca_flow_match open = {.outer.l4_type_ext = DOCA_FLOW_L4_TYPE_EXT_UDP}, match = {0};
	struct doca_flow_fwd fwd = {.type = DOCA_FLOW_FWD_ORDERED_LIST_PIPE, .ordered_list_pipe = {.pipe = lists, .idx = UINT32_MAX}};
	struct doca_flow_pipe *root;

	open.outer.udp.l4_port.dst_port = UINT16_MAX;
	root = pipe_from(basic_cfg("ROOT", true, &open, NULL), &fwd, &drop);
	for (uint16_t list = LIST_NAT; list <= LIST_LONG; list++) {
		match.outer.udp.l4_port.dst_port = DOCA_HTOBE16(list);
		fwd.ordered_list_pipe.idx = list;
		add(root, &match, NULL, &fwd);
	}
}

int main(void)
{
	struct doca_flow_ordered_list *lists[] = {&nat_list, &tunnel_list, &long_list};
	struct doca_flow_pipe_entry *nat_entry, *tunnel_entry, *long_entry;
	struct doca_flow_fwd across = to_port(1);
	struct doca_flow_pipe_cfg *cfg;
	struct doca_flow_pipe *pipe;

	begin();
	fill_templates();
	cfg = pipe_cfg("LISTS", DOCA_FLOW_PIPE_ORDERED_LIST, false);
	must(doca_flow_pipe_cfg_set_nr_entries(cfg, 8));
	must(doca_flow_pipe_cfg_set_ordered_lists(cfg, lists, 3));
	pipe = pipe_from(cfg, &across, NULL);
	nat.outer.ip4.dst_ip = DOCA_HTOBE32(0x09090909);
	must(doca_flow_pipe_ordered_list_add_entry(0, pipe, LIST_NAT, &nat_list, NULL, 0, NULL, &nat_entry));
	must(doca_flow_pipe_ordered_list_add_entry(0, pipe, LIST_TUNNEL, &tunnel_list, NULL, 0, NULL, &tunnel_entry));
	destination.outer.ip4.dst_ip = DOCA_HTOBE32(0x09090909);
	source.outer.ip4.src_ip = DOCA_HTOBE32(0x08080808);
	must(doca_flow_pipe_ordered_list_add_entry(0, pipe, LIST_LONG, &long_list, NULL, 0, NULL, &long_entry));
	make_root(pipe);
	wait_for_packets();
	printf("rewritten %lu, tunnelled %lu, both addresses %lu\n", packets(nat_entry), packets(tunnel_entry), packets(long_entry));
	return end();
}
