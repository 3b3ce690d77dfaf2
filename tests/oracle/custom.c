/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * custom: a header of the program's own behind UDP port 9999: a kind (16 bits), a length, and a number at byte 4. Kind and number
 * are matched; the number is written.
 */
#include "begin.h"

#include <doca_flow_custom_header_graph.h>

#define UDP_PORT 9999

struct my_match {
	struct doca_flow_match base;
	doca_be16_t kind;
	doca_be32_t number;
};

struct my_actions {
	struct doca_flow_actions base;
	doca_be32_t number;
};

static struct doca_flow_custom_header *header;
static struct doca_flow_custom_header_graph *graph;
static struct doca_flow_custom_header_graph_arc *arc;
static struct doca_flow_definitions *defs;

static struct doca_flow_custom_header_sampler *sample(uint32_t offset, uint32_t length)
{
	struct doca_flow_custom_header_sampler *s;

	must(doca_flow_custom_header_sampler_create(header, &s));
	must(doca_flow_custom_header_sampler_set_offset(s, offset));
	must(doca_flow_custom_header_sampler_set_length(s, length));
	return s;
}

static void follow_udp(void)
{
	must(doca_flow_custom_header_graph_create(&graph));
	must(doca_flow_custom_header_graph_arc_create(graph, &arc));
	must(doca_flow_custom_header_graph_arc_set_src(arc, DOCA_FLOW_CUSTOM_HEADER_GRAPH_NODE_UDP, UDP_PORT, NULL));
	must(doca_flow_custom_header_graph_arc_set_dst(arc, DOCA_FLOW_CUSTOM_HEADER_GRAPH_NODE_FLEX, header));
	must(doca_flow_custom_header_graph_bind(graph, dev[0]));
}

static void define(struct doca_flow_custom_header_sampler *kind, struct doca_flow_custom_header_sampler *number)
{
	struct doca_flow_definitions_cfg *cfg;
	const char *field;

	must(doca_flow_definitions_cfg_create(&cfg));
	must(doca_flow_definitions_create(cfg, &defs));
	must(doca_flow_definitions_cfg_destroy(cfg));
	must(doca_flow_custom_header_sampler_get_match_definition(kind, &field));
	must(doca_flow_definitions_add_field(defs, field, offsetof(struct my_match, kind), sizeof(doca_be16_t)));
	must(doca_flow_custom_header_sampler_get_match_definition(number, &field));
	must(doca_flow_definitions_add_field(defs, field, offsetof(struct my_match, number), sizeof(doca_be32_t)));
	must(doca_flow_custom_header_sampler_get_action_definition(number, &field));
	must(doca_flow_definitions_add_field(defs, field, offsetof(struct my_actions, number), sizeof(doca_be32_t)));
}

static void forget(struct doca_flow_custom_header_sampler *kind, struct doca_flow_custom_header_sampler *number)
{
	must(doca_flow_custom_header_graph_unbind(graph));
	must(doca_flow_custom_header_graph_arc_destroy(arc));
	must(doca_flow_custom_header_graph_destroy(graph));
	must(doca_flow_custom_header_sampler_destroy(kind));
	must(doca_flow_custom_header_sampler_destroy(number));
	must(doca_flow_custom_header_destroy(header));
	must(doca_flow_definitions_destroy(defs));
}

static void make_pipe(void)
{
	struct my_match open = {.kind = UINT16_MAX, .number = UINT32_MAX}, match = {.kind = DOCA_HTOBE16(3), .number = DOCA_HTOBE32(0x01020304)};
	struct my_actions by_entry = {.number = UINT32_MAX}, set = {.number = DOCA_HTOBE32(0xcafecafe)};
	struct doca_flow_fwd across = to_port(1);
	struct doca_flow_pipe_cfg *cfg = basic_cfg("CUSTOM", true, &open.base, NULL);

	set_actions(cfg, &by_entry.base, NULL);
	add(pipe_from(cfg, &across, &drop), &match.base, &set.base, NULL);
}

int main(void)
{
	struct doca_flow_custom_header_sampler *kind, *number;

	open_devices();
	must(doca_flow_custom_header_create(&header));
	must(doca_flow_custom_header_length_field_set_fixed_length(header, 64));
	kind = sample(0, 16);
	number = sample(32, 32);
	follow_udp();
	define(kind, number);
	setup.definitions = defs;
	begin();
	make_pipe();
	wait_for_packets();
	stop();
	forget(kind, number);
	close_devices();
	return 0;
}
