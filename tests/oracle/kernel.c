/* SPDX-License-Identifier: BSD-3-Clause */
/* kernel: packets for the host's own network stack, by an entry and by the port's default miss; ports of a tester have none. */
#include "begin.h"

int main(void)
{
	struct doca_flow_match tcp = {.parser_meta.outer_l4_type = DOCA_FLOW_L4_META_TCP}, udp = {.parser_meta.outer_l4_type = DOCA_FLOW_L4_META_UDP};
	struct doca_flow_monitor count = {.counter_type = DOCA_FLOW_RESOURCE_TYPE_NON_SHARED};
	struct doca_flow_fwd across = to_port(1), kernel = {.type = DOCA_FLOW_FWD_TARGET};
	struct doca_flow_pipe_entry *to_kernel;
	struct doca_flow_pipe *root;

	begin();
	must(doca_flow_get_target(DOCA_FLOW_TARGET_KERNEL, &kernel.target));
	root = control_pipe("ROOT", true);
	must(doca_flow_pipe_control_add_entry(0, root, &tcp, NULL, NULL, NULL, NULL, NULL, &count, 0, &kernel, NULL, &to_kernel));
	control(root, 0, &udp, NULL, NULL, &across);
	wait_for_packets();
	printf("%lu for the kernel, %u for us by default\n", packets(to_kernel), received(0, 0));
	must(doca_flow_port_update_default_miss(port[0], DOCA_FLOW_PORT_DEFAULT_MISS_KERNEL, true));
	wait_for_packets();
	printf("then %u for us\n", received(0, 0));
	must(doca_flow_port_update_default_miss(port[0], DOCA_FLOW_PORT_DEFAULT_MISS_KERNEL, false));
	wait_for_packets();
	printf("at last %u for us\n", received(0, 0));
	return end();
}
