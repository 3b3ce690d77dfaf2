/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * compare: conditions of CONTROL entries. The TTL says what to do with a destination port, the flow is dropped unless the
 * condition holds; the last entry compares two fields, and one compares a few bits in the middle of a field.
 */
#include "begin.h"

/* Packets to `dst_port` go across when `field`'s `width` bits from `bit` on are OP `limit`'s. */
static void entry(struct doca_flow_pipe *from, uint16_t dst_port, enum doca_flow_compare_op op, struct doca_flow_desc_field field,
	uint32_t width, const struct doca_flow_match *limit, struct doca_flow_desc_field other)
{
	struct doca_flow_match_condition condition = {.operation = op, .field_op = {.a = field, .b = other, .width = width}};
	struct doca_flow_match port = {.outer = {.l4_type_ext = DOCA_FLOW_L4_TYPE_EXT_UDP}};
	struct doca_flow_fwd across = to_port(1), next;
	struct doca_flow_pipe *pipe = control_pipe("COMPARE", false);

	must(doca_flow_pipe_control_add_entry(0, pipe, limit, NULL, &condition, NULL, NULL, NULL, NULL, 0, &across, NULL, NULL));
	port.outer.udp.l4_port.dst_port = DOCA_HTOBE16(dst_port);
	next = to_pipe(pipe);
	control(from, 0, &port, NULL, NULL, &next);
}

int main(void)
{
	struct doca_flow_match ttl = {.outer.l3_type = DOCA_FLOW_L3_TYPE_IP4}, tos = ttl;
	struct doca_flow_desc_field of_ttl = {"outer.ipv4.ttl", 0}, none = {0};
	struct doca_flow_pipe *root;

	ttl.outer.ip4.ttl = 100;
	tos.outer.ip4.dscp_ecn = 46 << 2;
	begin();
	root = control_pipe("ROOT", true);
	for (uint16_t op = DOCA_FLOW_COMPARE_EQ; op <= DOCA_FLOW_COMPARE_GE; op++)
		entry(root, 1 + op, op, of_ttl, 8, &ttl, none);
	entry(root, 10, DOCA_FLOW_COMPARE_GE, (struct doca_flow_desc_field){"outer.ipv4.dscp_ecn", 2}, 6, &tos, none); /* without ECN */
	entry(root, 11, DOCA_FLOW_COMPARE_LT, (struct doca_flow_desc_field){"outer.udp.src_port", 0}, 16, NULL,
		(struct doca_flow_desc_field){"outer.ipv4.total_len", 0});
	wait_for_packets();
	return end();
}
