/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * aging: two entries that do not age while packets pass; then one of them is updated to age within a second, doca_flow_aging_handle
 * finds it, the callback gets AGED, the program removes it, and its packets are dropped.
 */
#include "begin.h"

static unsigned aged, removed;

static void on_entry(struct doca_flow_pipe_entry *entry, uint16_t queue, enum doca_flow_entry_status status, enum doca_flow_entry_op op,
	void *name)
{
	if (status != DOCA_FLOW_ENTRY_STATUS_SUCCESS)
		must(DOCA_ERROR_UNEXPECTED);
	removed += op == DOCA_FLOW_ENTRY_OP_DEL;
	if (op != DOCA_FLOW_ENTRY_OP_AGED)
		return;
	aged++;
	printf("aged: %s\n", (const char *)name);
	must(doca_flow_pipe_remove_entry(0, DOCA_FLOW_ENTRY_FLAGS_NO_WAIT, entry));
}

static struct doca_flow_pipe_entry *entry(struct doca_flow_pipe *pipe, uint32_t dst_ip, const char *name)
{
	struct doca_flow_match match = {.outer.ip4.dst_ip = DOCA_HTOBE32(dst_ip)};
	struct doca_flow_monitor hour = {.aging_enabled = true, .aging_sec = 3600};
	struct doca_flow_pipe_entry *made;

	must(doca_flow_pipe_basic_add_entry(0, pipe, &match, 0, NULL, &hour, NULL, 0, (void *)name, &made));
	return made;
}

int main(void)
{
	struct doca_flow_match open = {.outer.l3_type = DOCA_FLOW_L3_TYPE_IP4};
	struct doca_flow_monitor by_entry = {.aging_enabled = true, .aging_sec = UINT32_MAX}, second = {.aging_enabled = true, .aging_sec = 1};
	struct doca_flow_pipe_entry *short_lived;
	struct doca_flow_pipe_cfg *cfg;
	struct doca_flow_pipe *pipe;
	struct doca_flow_fwd across = to_port(1);

	setup.on_entry = on_entry;
	begin();
	open.outer.ip4.dst_ip = UINT32_MAX;
	cfg = basic_cfg("AGING", true, &open, NULL);
	must(doca_flow_pipe_cfg_set_monitor(cfg, &by_entry));
	pipe = pipe_from(cfg, &across, &drop);
	entry(pipe, 0x02020201, "the long one");
	short_lived = entry(pipe, 0x02020202, "the short one");
	wait_for_packets();
	must(doca_flow_pipe_basic_update_entry(0, pipe, 0, NULL, &second, NULL, 0, short_lived));
	while (!removed) {
		doca_flow_aging_handle(port[0], 0, 0, 0);
		process();
		usleep(50000);
	}
	printf("%u aged, %u removed\n", aged, removed);
	wait_for_packets();
	return end();
}
