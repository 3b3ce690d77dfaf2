/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * parsed: what the parser found out. Types of layers, fragments, wrong checksums and the port of arrival decide. Half of the
 * packets is sampled by the random number each of them gets; both halves go the same way, so nothing is lost.
 */
#include "begin.h"

/* IPv4 or UDP whose checksum is wrong: the type is there and the flag is not. */
static void drop_wrong(struct doca_flow_pipe *pipe)
{
	struct doca_flow_match ip4 = {.parser_meta.outer_l3_type = DOCA_FLOW_L3_META_IPV4}, ip4_mask = {.parser_meta.outer_l3_type = UINT32_MAX};
	struct doca_flow_match udp = {.parser_meta.outer_l4_type = DOCA_FLOW_L4_META_UDP}, udp_mask = {.parser_meta.outer_l4_type = UINT32_MAX};

	ip4_mask.parser_meta.outer_ip4_checksum_ok = 1;
	udp_mask.parser_meta.outer_l4_checksum_ok = 1;
	udp_mask.parser_meta.outer_ip_fragmented = 1;
	control(pipe, 0, &ip4, &ip4_mask, NULL, &drop);
	control(pipe, 0, &udp, &udp_mask, NULL, &drop);
}

static struct doca_flow_pipe *make_sampler(const struct doca_flow_fwd *fwd)
{
	struct doca_flow_match half = {0}, one_bit = {.parser_meta.random = DOCA_HTOBE16(1)};
	struct doca_flow_pipe *pipe = control_pipe("SAMPLER", false);

	control(pipe, 0, &half, &one_bit, NULL, fwd);
	half.parser_meta.random = DOCA_HTOBE16(1);
	control(pipe, 0, &half, &one_bit, NULL, fwd);
	return pipe;
}

int main(void)
{
	struct doca_flow_match fragment = {.parser_meta.outer_ip_fragmented = 1}, icmp = {.parser_meta.outer_l4_type = DOCA_FLOW_L4_META_ICMP};
	struct doca_flow_match vlan = {.parser_meta.outer_l2_type = DOCA_FLOW_L2_META_SINGLE_VLAN}, ip6 = {.parser_meta.outer_l3_type = DOCA_FLOW_L3_META_IPV6};
	struct doca_flow_match tcp = {.parser_meta.outer_l4_type = DOCA_FLOW_L4_META_TCP}, udp = {.parser_meta.outer_l4_type = DOCA_FLOW_L4_META_UDP};
	struct doca_flow_match arrived = {.parser_meta.port_id = UINT16_MAX};
	struct doca_flow_fwd across = to_port(1), back = to_port(0), sample, next;
	struct doca_flow_pipe *layers;

	begin();
	sample = to_pipe(make_sampler(&across));
	layers = control_pipe("LAYERS", false);
	drop_wrong(layers);
	control(layers, 1, &fragment, NULL, NULL, &back);
	control(layers, 2, &icmp, NULL, NULL, &back);
	control(layers, 2, &vlan, NULL, NULL, &back);
	control(layers, 3, &ip6, NULL, NULL, &across);
	control(layers, 4, &tcp, NULL, NULL, &sample);
	control(layers, 4, &udp, NULL, NULL, &across);
	next = to_pipe(layers);
	layers = pipe_from(basic_cfg("ROOT", true, &arrived, NULL), &next, &drop);
	arrived.parser_meta.port_id = 0;
	add(layers, &arrived, NULL, NULL);
	wait_for_packets();
	return end();
}
