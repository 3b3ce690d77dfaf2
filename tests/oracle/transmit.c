/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * transmit: mode switch: the uplink and two VFs, whose pipes all belong to the switch's manager. The root asks where a packet came from.
 * From wire to wire packets stay in the switch; what goes out comes to the program first, and what the program transmits passes the
 * egress domain, which gives it the uplink's address.
 */
#include <poll.h>

#include "begin.h"

enum { UPLINK, VF0, VF1 };

/* What the program transmits leaves by the uplink with the uplink's address. */
static struct doca_flow_pipe_entry *make_egress(void)
{
	struct doca_flow_match ip4 = {.parser_meta.outer_l3_type = DOCA_FLOW_L3_META_IPV4};
	struct doca_flow_actions set = {0};
	struct doca_flow_fwd out = to_port(UPLINK);
	struct doca_flow_pipe_cfg *cfg = basic_cfg("EGRESS", true, &ip4, NULL);

	memset(set.outer.eth.src_mac, 0x0e, 6);
	must(doca_flow_pipe_cfg_set_domain(cfg, DOCA_FLOW_PIPE_DOMAIN_EGRESS));
	set_actions(cfg, &set, NULL);
	set_counter(cfg);
	return add(pipe_from(cfg, &out, &drop), &ip4, NULL, NULL);
}

static struct doca_flow_pipe *make_ingress(void)
{
	struct doca_flow_match open = {.parser_meta.port_id = UINT16_MAX, .outer.l3_type = DOCA_FLOW_L3_TYPE_IP4};
	struct doca_flow_fwd by_entry = {.type = DOCA_FLOW_FWD_CHANGEABLE};
	struct doca_flow_pipe_cfg *cfg;

	open.outer.ip4.dst_ip = UINT32_MAX;
	cfg = basic_cfg("INGRESS", true, &open, NULL);
	set_counter(cfg);
	return pipe_from(cfg, &by_entry, &drop);
}

static struct doca_flow_pipe_entry *entry(struct doca_flow_pipe *pipe, uint16_t from, uint32_t dst_ip, struct doca_flow_fwd fwd)
{
	struct doca_flow_match match = {.parser_meta.port_id = from, .outer.ip4.dst_ip = DOCA_HTOBE32(dst_ip)};

	return add(pipe, &match, NULL, &fwd);
}

static struct doca_flow_fwd to_program(void)
{
	static uint16_t queue[] = {0};

	return (struct doca_flow_fwd){.type = DOCA_FLOW_FWD_RSS, .rss_type = DOCA_FLOW_RESOURCE_TYPE_NON_SHARED,
		.rss = {.queues_array = queue, .nr_queues = 1}};
}

/* Until Enter: what comes is transmitted by the uplink. */
static void pass_on(void)
{
	struct pollfd enter = {.fd = 0, .events = POLLIN};
	struct rte_mbuf *m[32];

	process();
	printf("Wait for packets, end with Enter\n");
	fflush(stdout);
	while (poll(&enter, 1, 1) == 0) {
		uint16_t got = rte_eth_rx_burst(UPLINK, 0, m, 32), sent = rte_eth_tx_burst(UPLINK, 0, m, got);

		rte_pktmbuf_free_bulk(m + sent, got - sent);
	}
}

int main(void)
{
	struct doca_flow_pipe_entry *in, *out, *egress;
	struct doca_flow_pipe *ingress;

	setup.mode = "switch,hws";
	setup.functions = 1;
	setup.vfs = 2;
	begin();
	if (doca_flow_port_switch_get(port[VF1]) != port[UPLINK])
		must(DOCA_ERROR_UNEXPECTED);
	egress = make_egress();
	ingress = make_ingress();
	in = entry(ingress, UPLINK, 0x02020201, to_port(VF0));
	entry(ingress, UPLINK, 0x02020202, to_port(VF1));
	entry(ingress, VF0, 0x02020202, to_port(VF1));
	out = entry(ingress, VF0, 0x08080808, to_program());
	pass_on();
	printf("in %lu, out %lu, by egress %lu\n", packets(in), packets(out), packets(egress));
	return end();
}
