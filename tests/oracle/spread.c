/* SPDX-License-Identifier: BSD-3-Clause */
/* spread: a HASH pipe over the flow label; doca_flow_pipe_calc_hash names the entry beforehand. */
#include "begin.h"

int main(void)
{
	struct doca_flow_match label = {.outer = {.l3_type = DOCA_FLOW_L3_TYPE_IP6}}, packet = label;
	struct doca_flow_monitor count = {.counter_type = DOCA_FLOW_RESOURCE_TYPE_NON_SHARED};
	struct doca_flow_pipe_entry *entry[4];
	struct doca_flow_resource_query query;
	struct doca_flow_pipe_cfg *cfg;
	struct doca_flow_pipe *pipe;
	uint32_t hash;

	begin();
	label.outer.ip6.flow_label = UINT32_MAX;
	cfg = pipe_cfg("SPREAD", DOCA_FLOW_PIPE_HASH, false);
	must(doca_flow_pipe_cfg_set_nr_entries(cfg, 4));
	must(doca_flow_pipe_cfg_set_match(cfg, NULL, &label));
	must(doca_flow_pipe_cfg_set_monitor(cfg, &count));
	must(doca_flow_pipe_cfg_set_hash_map_algorithm(cfg, DOCA_FLOW_PIPE_HASH_MAP_ALGORITHM_HASH));
	pipe = pipe_from(cfg, NULL, NULL);
	for (uint32_t i = 0; i < 4; i++) {
		struct doca_flow_fwd fwd = to_port(i & 1);

		must(doca_flow_pipe_hash_add_entry(0, pipe, i, 0, NULL, NULL, &fwd, 0, NULL, &entry[i]));
	}
	root_to(pipe);
	packet.outer.ip6.flow_label = DOCA_HTOBE32(0x55555);
	must(doca_flow_pipe_calc_hash(pipe, &packet, &hash));
	wait_for_packets();
	must(doca_flow_resource_query_entry(entry[hash], &query));
	printf("entry %u of label 0x55555 has %lu packets\n", hash, query.counter.total_pkts);
	return end();
}
