/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * miss: what no entry takes. Three pipes in a row; a miss goes to the next, is counted there, and is dropped at the last. Then the
 * first pipe's miss is changed to port 1.
 */
#include "begin.h"

static struct doca_flow_pipe *make_stage(const char *name, bool root, uint32_t dst_ip, const struct doca_flow_fwd *miss)
{
	struct doca_flow_match open = {.outer.l3_type = DOCA_FLOW_L3_TYPE_IP4}, match = {.outer.ip4.dst_ip = DOCA_HTOBE32(dst_ip)};
	struct doca_flow_fwd back = to_port(0);
	struct doca_flow_pipe_cfg *cfg;
	struct doca_flow_pipe *pipe;

	open.outer.ip4.dst_ip = UINT32_MAX;
	cfg = basic_cfg(name, root, &open, NULL);
	must(doca_flow_pipe_cfg_set_miss_counter(cfg, true));
	pipe = pipe_from(cfg, &back, miss);
	add(pipe, &match, NULL, NULL);
	return pipe;
}

static void print_misses(const char *name, struct doca_flow_pipe *pipe)
{
	struct doca_flow_resource_query query;

	must(doca_flow_resource_query_pipe_miss(pipe, &query));
	printf("%s missed %lu packets, %lu bytes\n", name, query.counter.total_pkts, query.counter.total_bytes);
}

int main(void)
{
	struct doca_flow_fwd across = to_port(1), next;
	struct doca_flow_pipe *first, *second, *last;

	begin();
	last = make_stage("LAST", false, 0x02020203, NULL);
	next = to_pipe(last);
	second = make_stage("SECOND", false, 0x02020202, &next);
	next = to_pipe(second);
	first = make_stage("FIRST", true, 0x02020201, &next);
	wait_for_packets();
	print_misses("FIRST", first);
	print_misses("SECOND", second);
	print_misses("LAST", last);
	must(doca_flow_pipe_update_miss(first, &across));
	wait_for_packets();
	print_misses("afterwards SECOND", second);
	return end();
}
