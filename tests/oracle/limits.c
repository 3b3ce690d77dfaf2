/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * limits: the card is a ConnectX-7 with even less room (the file says so). Each thing that it has no room for is refused, and the
 * sentence names the limit; what fits works.
 */
#include "begin.h"

/* The call must be refused; its sentence goes to the output. */
static void refused(doca_error_t result)
{
	printf("%s: %s\n", doca_error_get_name(result), doca_softdpu_last_refusal());
}

static struct doca_flow_pipe_cfg *any_cfg(const char *name, enum doca_flow_pipe_type type, uint32_t nr_entries)
{
	struct doca_flow_match open = {.outer.l3_type = DOCA_FLOW_L3_TYPE_IP4};
	struct doca_flow_pipe_cfg *cfg = pipe_cfg(name, type, false);

	open.outer.ip4.dst_ip = UINT32_MAX;
	must(doca_flow_pipe_cfg_set_match(cfg, &open, NULL));
	must(doca_flow_pipe_cfg_set_nr_entries(cfg, nr_entries));
	return cfg;
}

static void refused_pipe(struct doca_flow_pipe_cfg *cfg, const struct doca_flow_fwd *fwd)
{
	struct doca_flow_pipe *pipe;

	refused(doca_flow_pipe_create(cfg, fwd, &drop, &pipe));
	must(doca_flow_pipe_cfg_destroy(cfg));
}

static void too_many_templates(const struct doca_flow_fwd *fwd)
{
	struct doca_flow_pipe_cfg *cfg = any_cfg("TEMPLATES", DOCA_FLOW_PIPE_BASIC, 8);
	struct doca_flow_actions none = {0}, *three[] = {&none, &none, &none};

	must(doca_flow_pipe_cfg_set_actions(cfg, three, NULL, NULL, 3));
	refused_pipe(cfg, fwd);
}

static void too_long_a_header(const struct doca_flow_fwd *fwd)
{
	struct doca_flow_pipe_cfg *cfg = any_cfg("ENCAP", DOCA_FLOW_PIPE_BASIC, 8);
	struct doca_flow_actions a = {.encap_type = DOCA_FLOW_RESOURCE_TYPE_NON_SHARED};

	a.encap_cfg.encap.outer.l3_type = DOCA_FLOW_L3_TYPE_IP6;
	a.encap_cfg.encap.tun.type = DOCA_FLOW_TUN_VXLAN;
	set_actions(cfg, &a, NULL);
	refused_pipe(cfg, fwd);
}

static void too_many_resources(void)
{
	struct doca_flow_port_cfg *cfg;
	struct doca_flow_ct_cfg *ct;

	must(doca_flow_port_cfg_create(&cfg));
	refused(doca_flow_port_cfg_set_nr_resources(cfg, DOCA_FLOW_RESOURCE_COUNTER, 65));
	refused(doca_flow_port_cfg_set_nr_resources(cfg, DOCA_FLOW_RESOURCE_METER, 33));
	must(doca_flow_port_cfg_destroy(cfg));
	must(doca_flow_ct_cfg_create(&ct));
	refused(doca_flow_ct_cfg_set_connections(ct, 2 << 20, 1, 0));
	must(doca_flow_ct_cfg_destroy(ct));
}

static void too_many_queues(void)
{
	static uint16_t queues[] = {0, 0, 0};
	struct doca_flow_fwd rss = {.type = DOCA_FLOW_FWD_RSS, .rss_type = DOCA_FLOW_RESOURCE_TYPE_NON_SHARED, .rss = {.queues_array = queues, .nr_queues = 3}};
	struct rte_eth_hairpin_cap hairpins;

	refused_pipe(any_cfg("QUEUES", DOCA_FLOW_PIPE_BASIC, 8), &rss);
	if (rte_eth_dev_hairpin_capability_get(0, &hairpins) == 0)
		printf("%u hairpin queues\n", hairpins.max_nb_queues);
}

int main(void)
{
	struct doca_flow_match match = {.outer.ip4.dst_ip = DOCA_HTOBE32(0x02020202)};
	struct doca_flow_fwd across = to_port(1);
	struct doca_flow_pipe_cfg *flood;
	struct doca_flow_pipe *pipe;

	begin();
	refused_pipe(any_cfg("BASIC", DOCA_FLOW_PIPE_BASIC, 8193), &across);
	refused_pipe(any_cfg("ACL", DOCA_FLOW_PIPE_ACL, 8193), &across);
	refused_pipe(any_cfg("LPM", DOCA_FLOW_PIPE_LPM, 101), &across);
	flood = any_cfg("FLOOD", DOCA_FLOW_PIPE_HASH, 8);
	must(doca_flow_pipe_cfg_set_hash_map_algorithm(flood, DOCA_FLOW_PIPE_HASH_MAP_ALGORITHM_FLOODING));
	refused_pipe(flood, &across);
	too_many_templates(&across);
	too_long_a_header(&across);
	too_many_resources();
	too_many_queues();
	pipe = pipe_from(any_cfg("FITS", DOCA_FLOW_PIPE_BASIC, 16), &across, &drop);
	add(pipe, &match, NULL, NULL);
	root_to(pipe);
	refused_pipe(any_cfg("THIRD", DOCA_FLOW_PIPE_BASIC, 1), &across);
	wait_for_packets();
	return end();
}
