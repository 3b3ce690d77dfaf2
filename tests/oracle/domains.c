/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * domains: a packet passes the domain of its ingress port and then egress and secure egress of the port it leaves by, in this
 * order; each takes its number from the TTL. Port 1 has only secure ingress where port 0 has the default domain.
 */
#include "begin.h"

/* Everything loses `by` of its TTL and is counted, and goes on; what has another protocol is dropped here. */
static struct doca_flow_pipe_entry *make_domain(uint16_t on, enum doca_flow_pipe_domain domain, uint8_t by, const struct doca_flow_fwd *fwd)
{
	static const char *const names[] = {"DEFAULT", "SECURE_INGRESS", "EGRESS", "SECURE_EGRESS"};
	struct doca_flow_match ip4 = {.parser_meta.outer_l3_type = DOCA_FLOW_L3_META_IPV4};
	struct doca_flow_action_desc less = {.type = DOCA_FLOW_ACTION_ADD, .field_op = {.dst = {"outer.ipv4.ttl", 0}, .width = 8}};
	struct doca_flow_action_descs descs = {1, &less};
	struct doca_flow_actions ttl = {.outer.l3_type = DOCA_FLOW_L3_TYPE_IP4};
	struct doca_flow_pipe_cfg *cfg;

	ttl.outer.ip4.ttl = -by;
	must(doca_flow_pipe_cfg_create(&cfg, port[on]));
	must(doca_flow_pipe_cfg_set_name(cfg, names[domain]));
	must(doca_flow_pipe_cfg_set_is_root(cfg, true));
	must(doca_flow_pipe_cfg_set_domain(cfg, domain));
	must(doca_flow_pipe_cfg_set_match(cfg, &ip4, NULL));
	set_actions(cfg, &ttl, &descs);
	set_counter(cfg);
	return add(pipe_from(cfg, fwd, &drop), &ip4, NULL, NULL);
}

int main(void)
{
	struct doca_flow_fwd across = to_port(1), back = to_port(0);
	struct doca_flow_pipe_entry *entry[4];

	begin();
	entry[0] = make_domain(0, DOCA_FLOW_PIPE_DOMAIN_DEFAULT, 2, &across);
	entry[1] = make_domain(1, DOCA_FLOW_PIPE_DOMAIN_EGRESS, 20, &across);
	entry[2] = make_domain(1, DOCA_FLOW_PIPE_DOMAIN_SECURE_EGRESS, 40, &across);
	entry[3] = make_domain(1, DOCA_FLOW_PIPE_DOMAIN_SECURE_INGRESS, 1, &back);
	wait_for_packets();
	printf("%lu, %lu, %lu, %lu\n", packets(entry[0]), packets(entry[1]), packets(entry[2]), packets(entry[3]));
	return end();
}
