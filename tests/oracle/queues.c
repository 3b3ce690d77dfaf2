/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * queues: packets for the program. Each entry names its own queues; over two queues the hash of the addresses chooses, the same
 * one for both directions when it is symmetric. What no pipe wants comes by the port's default.
 */
#include "begin.h"

static struct doca_flow_fwd to_queues(uint16_t *queues, int n)
{
	return (struct doca_flow_fwd){.type = DOCA_FLOW_FWD_RSS, .rss_type = DOCA_FLOW_RESOURCE_TYPE_NON_SHARED,
		.rss = {.queues_array = queues, .nr_queues = n, .outer_flags = DOCA_FLOW_RSS_IPV4, .rss_hash_func = DOCA_FLOW_RSS_HASH_FUNCTION_SYMMETRIC_TOEPLITZ}};
}

static void entry(struct doca_flow_pipe *pipe, uint16_t dst_port, struct doca_flow_fwd fwd)
{
	struct doca_flow_match match = {0};

	match.outer.udp.l4_port.dst_port = DOCA_HTOBE16(dst_port);
	add(pipe, &match, NULL, &fwd);
}

int main(void)
{
	struct doca_flow_match open = {.outer.l4_type_ext = DOCA_FLOW_L4_TYPE_EXT_UDP};
	struct doca_flow_fwd by_entry = to_queues(NULL, -1);
	uint16_t one[] = {1}, two[] = {2}, both[] = {3, 4};
	unsigned got[5];
	struct doca_flow_pipe *pipe;

	setup.rx_queues = 5;
	begin();
	open.outer.udp.l4_port.dst_port = UINT16_MAX;
	pipe = pipe_from(basic_cfg("QUEUES", true, &open, NULL), &by_entry, NULL);
	entry(pipe, 1, to_queues(one, 1));
	entry(pipe, 2, to_queues(two, 1));
	entry(pipe, 3, to_queues(both, 2));
	wait_for_packets();
	for (uint16_t q = 0; q < 5; q++)
		got[q] = received(0, q);
	printf("queue 1: %u, queue 2: %u, one of 3 and 4: %u, all: %u\n", got[1], got[2], RTE_MAX(got[3], got[4]), got[0] + got[1] + got[2] + got[3] + got[4]);
	return end();
}
