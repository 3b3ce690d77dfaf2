/* SPDX-License-Identifier: BSD-3-Clause */
/* roce: RoCE v2 by opcode and destination queue pair of its base transport header (InfiniBand Architecture, 9.2). */
#include "begin.h"

static void entry(struct doca_flow_pipe *pipe, uint8_t opcode, uint32_t qp, const struct doca_flow_fwd *fwd)
{
	struct doca_flow_match m = {0};
	uint8_t *dest = m.outer.roce_v2.bth.dest_qp;

	m.outer.roce_v2.bth.opcode = opcode;
	dest[0] = qp >> 16;
	dest[1] = qp >> 8;
	dest[2] = qp;
	add(pipe, &m, NULL, fwd);
}

int main(void)
{
	struct doca_flow_match open = {.outer.l4_type_ext = DOCA_FLOW_L4_TYPE_EXT_ROCE_V2};
	struct doca_flow_fwd across = to_port(1), back = to_port(0);
	struct doca_flow_pipe *pipe;

	begin();
	open.parser_meta.outer_l4_type = DOCA_FLOW_L4_META_UDP;
	open.outer.roce_v2.udp.l4_port.dst_port = DOCA_HTOBE16(DOCA_FLOW_ROCEV2_DEFAULT_PORT);
	open.outer.roce_v2.bth.opcode = UINT8_MAX;
	memset(open.outer.roce_v2.bth.dest_qp, 0xff, 3);
	pipe = pipe_from(basic_cfg("ROCE", true, &open, NULL), NULL, &drop);
	entry(pipe, 0x04, 0x012345, &across); /* RC SEND only */
	entry(pipe, 0x11, 0x012345, &back);   /* RC acknowledge */
	wait_for_packets();
	return end();
}
