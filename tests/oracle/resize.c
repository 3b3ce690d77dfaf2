/* SPDX-License-Identifier: BSD-3-Clause */
/* resize: a pipe of four entries says that it is half full, refuses the fifth, is doubled, takes it, and keeps the others. */
#include "begin.h"

static unsigned congested, resized, changed_to;

static void on_pipe(struct doca_flow_pipe *pipe, enum doca_flow_pipe_status status, enum doca_flow_pipe_op op, void *ctx)
{
	congested += op == DOCA_FLOW_PIPE_OP_CONGESTION_REACHED;
	resized += op == DOCA_FLOW_PIPE_OP_RESIZED;
}

static doca_error_t on_size(void *ctx, uint32_t nr_entries)
{
	changed_to = nr_entries;
	return DOCA_SUCCESS;
}

static doca_error_t on_move(void *pipe_ctx, uint16_t queue, void *entry_ctx, void **new_entry_ctx)
{
	*new_entry_ctx = entry_ctx;
	return DOCA_SUCCESS;
}

static doca_error_t entry(struct doca_flow_pipe *pipe, uint32_t dst_ip)
{
	struct doca_flow_match match = {.outer.ip4.dst_ip = DOCA_HTOBE32(dst_ip)};

	return doca_flow_pipe_basic_add_entry(0, pipe, &match, 0, NULL, NULL, NULL, 0, NULL, NULL);
}

int main(void)
{
	struct doca_flow_match open = {.outer.l3_type = DOCA_FLOW_L3_TYPE_IP4};
	struct doca_flow_fwd across = to_port(1);
	struct doca_flow_pipe_cfg *cfg;
	struct doca_flow_pipe *pipe;
	unsigned added = 0;

	setup.on_pipe = on_pipe;
	begin();
	open.outer.ip4.dst_ip = UINT32_MAX;
	cfg = basic_cfg("RESIZE", true, &open, NULL);
	must(doca_flow_pipe_cfg_set_nr_entries(cfg, 4));
	must(doca_flow_pipe_cfg_set_is_resizable(cfg, true));
	must(doca_flow_pipe_cfg_set_congestion_level_threshold(cfg, 50));
	pipe = pipe_from(cfg, &across, &drop);
	while (!congested) {
		must(entry(pipe, 0x02020201 + added++));
		process();
	}
	printf("congested with %u entries\n", added);
	while (added < 4)
		must(entry(pipe, 0x02020201 + added++));
	printf("the fifth: %s\n", doca_error_get_name(entry(pipe, 0x02020205)));
	must(doca_flow_pipe_resize(pipe, 90, on_size, on_move));
	process();
	printf("resized %u time to %u\n", resized, changed_to);
	must(entry(pipe, 0x02020205));
	wait_for_packets();
	return end();
}
