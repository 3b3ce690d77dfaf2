/* SPDX-License-Identifier: BSD-3-Clause */
/* acl: rules with prefixes and ranges of ports; of several that match the one with the lowest priority decides. */
#include "begin.h"

struct rule {
	uint32_t src, src_bits, dst, dst_bits;
	uint16_t from, to; /* destination ports; 0, 0: any */
	uint32_t priority;
	const struct doca_flow_fwd *fwd;
};

static struct doca_flow_pipe *make_acl(enum doca_flow_l4_type_ext l4)
{
	struct doca_flow_match open = {.outer = {.l3_type = DOCA_FLOW_L3_TYPE_IP4, .l4_type_ext = l4}};
	struct doca_flow_fwd by_entry = {.type = DOCA_FLOW_FWD_CHANGEABLE};
	struct doca_flow_pipe_cfg *cfg = pipe_cfg("ACL", DOCA_FLOW_PIPE_ACL, false);

	open.parser_meta.outer_l3_type = DOCA_FLOW_L3_META_IPV4;
	open.outer.ip4.src_ip = open.outer.ip4.dst_ip = UINT32_MAX;
	open.outer.transport.src_port = open.outer.transport.dst_port = UINT16_MAX;
	must(doca_flow_pipe_cfg_set_match(cfg, &open, NULL));
	must(doca_flow_pipe_cfg_set_nr_entries(cfg, 16));
	return pipe_from(cfg, &by_entry, &drop);
}

static void add_rule(struct doca_flow_pipe *acl, enum doca_flow_l4_type_ext l4, const struct rule *r)
{
	struct doca_flow_match match = {.outer = {.l3_type = DOCA_FLOW_L3_TYPE_IP4, .l4_type_ext = l4}}, mask = match;

	match.outer.ip4.src_ip = DOCA_HTOBE32(r->src);
	mask.outer.ip4.src_ip = DOCA_HTOBE32(r->src_bits);
	match.outer.ip4.dst_ip = DOCA_HTOBE32(r->dst);
	mask.outer.ip4.dst_ip = DOCA_HTOBE32(r->dst_bits);
	match.outer.transport.dst_port = DOCA_HTOBE16(r->from);
	mask.outer.transport.dst_port = DOCA_HTOBE16(r->to);
	must(doca_flow_pipe_acl_add_entry(0, acl, &match, &mask, 0, NULL, r->priority, r->fwd, DOCA_FLOW_ENTRY_FLAGS_WAIT_FOR_BATCH, NULL, NULL));
}

int main(void)
{
	struct doca_flow_fwd across = to_port(1), back = to_port(0), to_tcp, to_udp;
	struct doca_flow_match tcp = {.parser_meta.outer_l4_type = DOCA_FLOW_L4_META_TCP};
	struct doca_flow_match udp = {.parser_meta.outer_l4_type = DOCA_FLOW_L4_META_UDP};
	const struct rule of_tcp[] = {
		{0x0a000000, 0xff000000, 0, 0, 1000, 1999, 20, &across},
		{0x0a000000, 0xff000000, 0, 0, 1500, 1500, 10, &drop},
		{0x0a010000, 0xffff0000, 0, 0, 0, 0, 30, &back},
	};
	const struct rule of_udp[] = {
		{0, 0, 0xc0a80101, UINT32_MAX, 53, 53, 0, &across},
		{0, 0, 0xc0a80100, 0xffffff00, 53, UINT16_MAX, 1024, &back},
	};
	struct doca_flow_pipe *acl_tcp, *acl_udp, *root;

	begin();
	acl_tcp = make_acl(DOCA_FLOW_L4_TYPE_EXT_TCP);
	acl_udp = make_acl(DOCA_FLOW_L4_TYPE_EXT_UDP);
	for (unsigned i = 0; i < RTE_DIM(of_tcp); i++)
		add_rule(acl_tcp, DOCA_FLOW_L4_TYPE_EXT_TCP, &of_tcp[i]);
	for (unsigned i = 0; i < RTE_DIM(of_udp); i++)
		add_rule(acl_udp, DOCA_FLOW_L4_TYPE_EXT_UDP, &of_udp[i]);
	to_tcp = to_pipe(acl_tcp);
	to_udp = to_pipe(acl_udp);
	root = control_pipe("ROOT", true);
	control(root, 0, &tcp, NULL, NULL, &to_tcp);
	control(root, 0, &udp, NULL, NULL, &to_udp);
	wait_for_packets();
	return end();
}
