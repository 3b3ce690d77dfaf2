/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * live: entries change between packets of the same flows. An update gives one another address and another port, a removal sends the
 * other's packets to the miss, and the key can be added again. A queue of depth 2 says AGAIN until its completions are processed;
 * a key that is there already is refused; callbacks come from doca_flow_entries_process only.
 */
#include "begin.h"

static unsigned called[DOCA_FLOW_ENTRY_OP_AGED];

static void on_entry(struct doca_flow_pipe_entry *entry, uint16_t queue, enum doca_flow_entry_status status, enum doca_flow_entry_op op, void *ctx)
{
	if (status == DOCA_FLOW_ENTRY_STATUS_SUCCESS)
		called[op]++;
}

static doca_error_t try_add(struct doca_flow_pipe *pipe, uint32_t dst_ip, uint32_t new_ip, uint16_t out, struct doca_flow_pipe_entry **entry)
{
	struct doca_flow_match match = {.outer.ip4.dst_ip = DOCA_HTOBE32(dst_ip)};
	struct doca_flow_actions set = {.outer.ip4.dst_ip = DOCA_HTOBE32(new_ip)};
	struct doca_flow_fwd fwd = to_port(out);

	return doca_flow_pipe_basic_add_entry(0, pipe, &match, 0, &set, NULL, &fwd, DOCA_FLOW_ENTRY_FLAGS_WAIT_FOR_BATCH, NULL, entry);
}

static void change(struct doca_flow_pipe *pipe, struct doca_flow_pipe_entry *updated, struct doca_flow_pipe_entry *gone)
{
	struct doca_flow_actions set = {.outer.ip4.dst_ip = DOCA_HTOBE32(0x09090904)};
	struct doca_flow_fwd back = to_port(0);

	must(doca_flow_pipe_basic_update_entry(0, pipe, 0, &set, NULL, &back, DOCA_FLOW_ENTRY_FLAGS_NO_WAIT, updated));
	must(doca_flow_pipe_remove_entry(0, DOCA_FLOW_ENTRY_FLAGS_NO_WAIT, gone));
}

int main(void)
{
	struct doca_flow_match open = {.outer.l3_type = DOCA_FLOW_L3_TYPE_IP4};
	struct doca_flow_actions set = {.outer.l3_type = DOCA_FLOW_L3_TYPE_IP4};
	struct doca_flow_fwd by_entry = {.type = DOCA_FLOW_FWD_CHANGEABLE};
	struct doca_flow_pipe_entry *first, *second, *none;
	struct doca_flow_pipe_cfg *cfg;
	struct doca_flow_pipe *pipe;

	setup.queue_depth = 2;
	setup.on_entry = on_entry;
	begin();
	open.outer.ip4.dst_ip = set.outer.ip4.dst_ip = UINT32_MAX;
	cfg = basic_cfg("LIVE", true, &open, NULL);
	set_actions(cfg, &set, NULL);
	pipe = pipe_from(cfg, &by_entry, &drop);
	must(try_add(pipe, 0x02020201, 0x09090901, 1, &first));
	must(try_add(pipe, 0x02020202, 0x09090902, 1, &second));
	printf("the third: %s, %u callbacks\n", doca_error_get_name(try_add(pipe, 0x02020203, 0x09090903, 1, &none)), called[DOCA_FLOW_ENTRY_OP_ADD]);
	process();
	printf("%u callbacks; ", called[DOCA_FLOW_ENTRY_OP_ADD]);
	printf("twice: %s\n", doca_error_get_name(try_add(pipe, 0x02020201, 0x09090905, 0, &none)));
	wait_for_packets();
	change(pipe, first, second);
	wait_for_packets();
	printf("%u update, %u removal\n", called[DOCA_FLOW_ENTRY_OP_UPD], called[DOCA_FLOW_ENTRY_OP_DEL]);
	must(try_add(pipe, 0x02020202, 0x09090906, 0, &second));
	wait_for_packets();
	return end();
}
