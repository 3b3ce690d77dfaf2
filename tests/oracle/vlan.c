/* SPDX-License-Identifier: BSD-3-Clause */
/* vlan: tags are matched, taken off (one and two), put on (one and two), and changed. The VLAN or the UDP port says what is done. */
#include "begin.h"

static struct doca_flow_actions push(uint16_t type, uint16_t tci)
{
	struct doca_flow_actions a = {.has_push = true, .push.type = DOCA_FLOW_PUSH_ACTION_VLAN};

	a.push.vlan.eth_type = DOCA_HTOBE16(type);
	a.push.vlan.vlan_hdr.tci = DOCA_HTOBE16(tci);
	return a;
}

/* A pipe that all packets pass, which are changed and go on to `fwd`. */
static struct doca_flow_pipe *then(const char *name, struct doca_flow_actions a, const struct doca_flow_fwd *fwd)
{
	struct doca_flow_match any = {0};
	struct doca_flow_pipe_cfg *cfg = basic_cfg(name, false, &any, NULL);
	struct doca_flow_pipe *pipe;

	set_actions(cfg, &a, NULL);
	pipe = pipe_from(cfg, fwd, NULL);
	add(pipe, &any, NULL, NULL);
	return pipe;
}

static struct doca_flow_match udp_to(uint16_t dst_port)
{
	struct doca_flow_match m = {.outer.l4_type_ext = DOCA_FLOW_L4_TYPE_EXT_UDP};

	m.outer.udp.l4_port.dst_port = DOCA_HTOBE16(dst_port);
	return m;
}

static struct doca_flow_match in_vlan(uint16_t vlan, uint16_t inner)
{
	struct doca_flow_match m = {.outer.l2_valid_headers = DOCA_FLOW_L2_VALID_HEADER_VLAN_0};

	m.outer.eth_vlan[0].tci = DOCA_HTOBE16(vlan);
	if (inner)
		m.outer.l2_valid_headers |= DOCA_FLOW_L2_VALID_HEADER_VLAN_1;
	m.outer.eth_vlan[1].tci = DOCA_HTOBE16(inner);
	return m;
}

int main(void)
{
	struct doca_flow_fwd across = to_port(1), one_more, one_less;
	struct doca_flow_actions outer = push(DOCA_FLOW_ETHER_TYPE_QINQ, 20), inner = push(DOCA_FLOW_ETHER_TYPE_VLAN, 0x6000 | 10);
	struct doca_flow_actions pop = {.pop_vlan = true}, change = {.outer.l2_valid_headers = DOCA_FLOW_L2_VALID_HEADER_VLAN_0};
	struct doca_flow_match untagged_1 = udp_to(1), untagged_2 = udp_to(2), single = in_vlan(7, 0), twice = in_vlan(30, 31), other = in_vlan(8, 0);
	struct doca_flow_match no_tag = {.parser_meta.outer_l2_type = UINT32_MAX, .outer.udp.l4_port.dst_port = UINT16_MAX};
	struct doca_flow_match vid = {.outer.l2_valid_headers = DOCA_FLOW_L2_VALID_HEADER_VLAN_0};
	struct doca_flow_pipe *root;

	begin();
	one_more = to_pipe(then("OUTER_TAG", outer, &across));
	one_less = to_pipe(then("LAST_TAG", pop, &across));
	change.outer.eth_vlan[0].tci = DOCA_HTOBE16(99);
	vid.outer.eth_vlan[0].tci = DOCA_HTOBE16(0xfff); /* whatever the priority */
	root = control_pipe("ROOT", true);
	control(root, 0, &twice, NULL, &pop, &one_less);
	control(root, 1, &single, &vid, &pop, &across);
	control(root, 1, &other, &vid, &change, &across);
	control(root, 2, &untagged_1, &no_tag, &inner, &across);
	control(root, 2, &untagged_2, &no_tag, &inner, &one_more);
	wait_for_packets();
	return end();
}
