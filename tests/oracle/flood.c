/* SPDX-License-Identifier: BSD-3-Clause */
/* flood: a HASH pipe that copies a packet to all its entries; one of them changes its copy, which the others do not see. */
#include "begin.h"

int main(void)
{
	struct doca_flow_actions set = {.outer.l3_type = DOCA_FLOW_L3_TYPE_IP4}, mine = set;
	struct doca_flow_match ip4 = {.parser_meta.outer_l3_type = DOCA_FLOW_L3_META_IPV4};
	struct doca_flow_fwd by_entry = {.type = DOCA_FLOW_FWD_CHANGEABLE}, flood = {.type = DOCA_FLOW_FWD_HASH_PIPE};
	struct doca_flow_pipe_entry *copy[2];
	struct doca_flow_pipe_cfg *cfg;
	struct doca_flow_pipe *pipe;

	begin();
	cfg = pipe_cfg("FLOOD", DOCA_FLOW_PIPE_HASH, false);
	must(doca_flow_pipe_cfg_set_nr_entries(cfg, 2));
	must(doca_flow_pipe_cfg_set_hash_map_algorithm(cfg, DOCA_FLOW_PIPE_HASH_MAP_ALGORITHM_FLOODING));
	set.outer.ip4.dst_ip = UINT32_MAX;
	set_actions(cfg, &set, NULL);
	set_counter(cfg);
	pipe = pipe_from(cfg, &by_entry, NULL);
	for (uint32_t i = 0; i < 2; i++) {
		struct doca_flow_fwd fwd = to_port(i);

		mine.outer.ip4.dst_ip = DOCA_HTOBE32(0x09090900 + i);
		must(doca_flow_pipe_hash_add_entry(0, pipe, i, 0, &mine, NULL, &fwd, 0, NULL, &copy[i]));
	}
	flood.hash_pipe.pipe = pipe;
	flood.hash_pipe.algorithm = DOCA_FLOW_PIPE_HASH_MAP_ALGORITHM_FLOODING;
	add(pipe_from(basic_cfg("ROOT", true, &ip4, NULL), &flood, &drop), &ip4, NULL, NULL);
	wait_for_packets();
	printf("copies: %lu and %lu\n", packets(copy[0]), packets(copy[1]));
	return end();
}
