/* SPDX-License-Identifier: BSD-3-Clause */
/* prefix: an LPM pipe; the longest prefix decides, the rest is dropped. */
#include "begin.h"

static void route(struct doca_flow_pipe *pipe, uint32_t ip, uint32_t mask, const struct doca_flow_fwd *fwd)
{
	struct doca_flow_match match = {.outer.ip4.dst_ip = DOCA_HTOBE32(ip)}, bits = {.outer.ip4.dst_ip = DOCA_HTOBE32(mask)};

	must(doca_flow_pipe_lpm_add_entry(0, pipe, &match, &bits, 0, NULL, NULL, fwd, 0, NULL, NULL));
}

int main(void)
{
	struct doca_flow_match open = {.outer = {.l3_type = DOCA_FLOW_L3_TYPE_IP4}};
	struct doca_flow_pipe_cfg *cfg;
	struct doca_flow_pipe *pipe;
	struct doca_flow_fwd across, back;

	begin();
	across = to_port(1);
	back = to_port(0);
	open.outer.ip4.dst_ip = UINT32_MAX;
	cfg = pipe_cfg("PREFIX", DOCA_FLOW_PIPE_LPM, false);
	must(doca_flow_pipe_cfg_set_match(cfg, &open, NULL));
	pipe = pipe_from(cfg, NULL, &drop);
	route(pipe, 0x0a000000, 0xff000000, &across);
	route(pipe, 0x0a010000, 0xffff0000, &back);
	route(pipe, 0x0a010200, 0xffffff00, &drop);
	root_to(pipe);
	wait_for_packets();
	return end();
}
