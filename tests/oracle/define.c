/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * define: members that DOCA's structures do not have, in structures of the program's own around them: the length of the IPv4
 * packet is matched and its source written, by field strings and offsets registered beforehand.
 */
#include "begin.h"

struct my_match {
	struct doca_flow_match base;
	doca_be16_t total_len;
};

struct my_actions {
	struct doca_flow_actions base;
	doca_be32_t src_ip;
};

static struct doca_flow_definitions *define(void)
{
	struct doca_flow_definitions_cfg *cfg;
	struct doca_flow_definitions *defs;

	must(doca_flow_definitions_cfg_create(&cfg));
	must(doca_flow_definitions_create(cfg, &defs));
	must(doca_flow_definitions_cfg_destroy(cfg));
	must(doca_flow_definitions_add_field(defs, "match.packet.outer.ipv4.total_len", offsetof(struct my_match, total_len), sizeof(doca_be16_t)));
	must(doca_flow_definitions_add_field(defs, "actions.packet.outer.ipv4.src_ip", offsetof(struct my_actions, src_ip), sizeof(doca_be32_t)));
	return defs;
}

int main(void)
{
	struct my_match open = {.total_len = UINT16_MAX}, match = {.total_len = DOCA_HTOBE16(100)};
	struct my_actions by_entry = {.src_ip = UINT32_MAX}, set = {.src_ip = DOCA_HTOBE32(0x09090909)};
	struct doca_flow_definitions *defs = define();
	struct doca_flow_fwd across = to_port(1);
	struct doca_flow_pipe_cfg *cfg;

	setup.definitions = defs;
	begin();
	cfg = basic_cfg("DEFINE", true, &open.base, NULL);
	set_actions(cfg, &by_entry.base, NULL);
	add(pipe_from(cfg, &across, &drop), &match.base, &set.base, NULL);
	wait_for_packets();
	end();
	must(doca_flow_definitions_destroy(defs));
	return 0;
}
