/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * vf: mode switch: the uplink and two VFs, whose pipes all belong to the switch's manager. The root asks where a packet came from;
 * the egress pipe that it names changes what leaves by the uplink; metadata goes with it.
 */
#include "begin.h"

enum { UPLINK, VF0, VF1 };

static struct doca_flow_pipe_cfg *egress_cfg(struct doca_flow_pipe_cfg *cfg)
{
	must(doca_flow_pipe_cfg_set_domain(cfg, DOCA_FLOW_PIPE_DOMAIN_EGRESS));
	return cfg;
}

/* Leaves by the port that the metadata names; by the uplink with the uplink's address. */
static struct doca_flow_pipe *make_egress(void)
{
	struct doca_flow_match by_meta = {0}, mask = {.meta.pkt_meta = UINT32_MAX};
	struct doca_flow_actions set = {0};
	struct doca_flow_pipe *root = pipe_from(egress_cfg(pipe_cfg("EGRESS", DOCA_FLOW_PIPE_CONTROL, true)), NULL, NULL);

	memset(set.outer.eth.src_mac, 0x0e, 6);
	for (uint16_t out = UPLINK; out <= VF1; out++) {
		struct doca_flow_fwd fwd = to_port(out);

		by_meta.meta.pkt_meta = DOCA_HTOBE32(100 + out);
		control(root, 0, &by_meta, &mask, out == UPLINK ? &set : NULL, &fwd);
	}
	return root;
}

/* Packets of `from` to `dst_ip` are marked for `out` and go to egress. */
static struct doca_flow_pipe *make_ingress(struct doca_flow_pipe *egress)
{
	struct doca_flow_match open = {.parser_meta.port_id = UINT16_MAX, .outer.l3_type = DOCA_FLOW_L3_TYPE_IP4};
	struct doca_flow_actions mark = {.meta.pkt_meta = UINT32_MAX};
	struct doca_flow_fwd to_egress = {.type = DOCA_FLOW_FWD_PIPE, .next_pipe = egress};
	struct doca_flow_pipe_cfg *cfg;

	open.outer.ip4.dst_ip = UINT32_MAX;
	cfg = basic_cfg("INGRESS", true, &open, NULL);
	set_actions(cfg, &mark, NULL);
	set_counter(cfg);
	return pipe_from(cfg, &to_egress, &drop);
}

static struct doca_flow_pipe_entry *entry(struct doca_flow_pipe *pipe, uint16_t from, uint32_t dst_ip, uint16_t out)
{
	struct doca_flow_match match = {.parser_meta.port_id = from, .outer.ip4.dst_ip = DOCA_HTOBE32(dst_ip)};
	struct doca_flow_actions mark = {.meta.pkt_meta = DOCA_HTOBE32(100 + out)};

	return add(pipe, &match, &mark, NULL);
}

int main(void)
{
	struct doca_flow_pipe_entry *in, *out;
	struct doca_flow_pipe *ingress;

	setup.mode = "switch,hws";
	setup.functions = 1;
	setup.vfs = 2;
	begin();
	if (doca_flow_port_switch_get(port[VF1]) != port[UPLINK])
		must(DOCA_ERROR_UNEXPECTED);
	ingress = make_ingress(make_egress());
	in = entry(ingress, UPLINK, 0x02020201, VF0);
	entry(ingress, UPLINK, 0x02020202, VF1);
	out = entry(ingress, VF0, 0x08080808, UPLINK);
	entry(ingress, VF0, 0x02020202, VF1);
	wait_for_packets();
	printf("in %lu, out %lu\n", packets(in), packets(out));
	return end();
}
