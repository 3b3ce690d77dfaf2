/* SPDX-License-Identifier: BSD-3-Clause */
/* before: definitions and custom headers, made before doca_flow_init and taken down after doca_flow_destroy. */
#include <string.h>

#include <doca_flow_custom_header.h>
#include <doca_flow_custom_header_graph.h>

#include "flow_api.h"

#define SAMPLERS 3

static struct doca_flow_definitions *definitions;
static struct doca_flow_custom_header *header;
static struct doca_flow_custom_header_sampler *sampler[SAMPLERS];
static struct doca_flow_custom_header_graph *graph;
static struct doca_flow_custom_header_graph_arc *arc;

static void set_lengths(void)
{
	doca_flow_custom_header_length_field_set_fixed_length(header, 8 * small(20));
	doca_flow_custom_header_length_field_set_offset(header, small(64));
	doca_flow_custom_header_length_field_set_length(header, small(34));
	doca_flow_custom_header_length_field_set_multiplier(header, small(9));
	if (coin())
		return;
	doca_flow_custom_header_tlv_options_set_offset(header, 8 * small(16));
	doca_flow_custom_header_tlv_options_set_fixed_length(header, 8 * small(9));
	doca_flow_custom_header_tlv_options_type_set_offset(header, small(33));
	doca_flow_custom_header_tlv_options_type_set_length(header, small(33));
	doca_flow_custom_header_tlv_options_length_set_offset(header, small(33));
	doca_flow_custom_header_tlv_options_length_set_length(header, small(33));
	doca_flow_custom_header_tlv_options_length_set_multiplier(header, small(9));
}

static void make_samplers(void)
{
	const char *text;

	for (unsigned i = 0; i < SAMPLERS; i++) {
		if (doca_flow_custom_header_sampler_create(header, &sampler[i]) != DOCA_SUCCESS)
			continue;
		doca_flow_custom_header_sampler_set_offset(sampler[i], 8 * small(40));
		doca_flow_custom_header_sampler_set_length(sampler[i], 8 * small(10));
		doca_flow_custom_header_sampler_set_tunnel_mode(sampler[i], (enum doca_flow_custom_header_sampler_tunnel_mode)small(3));
		if (coin())
			doca_flow_custom_header_sampler_enable_is_options(sampler[i], small(200));
		doca_flow_custom_header_sampler_get_match_definition(sampler[i], &text);
		doca_flow_custom_header_sampler_get_valid_bit_definition(sampler[i], &text);
		doca_flow_custom_header_sampler_get_action_definition(sampler[i], &text);
	}
}

static void bind_graph(void)
{
	struct doca_dev *dev = (struct doca_dev *)(uintptr_t)64; /* only that there is one matters */

	doca_flow_custom_header_graph_create(&graph);
	doca_flow_custom_header_graph_arc_create(graph, &arc);
	if (byte() % 8)
		doca_flow_custom_header_graph_arc_set_src(arc, coin() ? DOCA_FLOW_CUSTOM_HEADER_GRAPH_NODE_UDP : byte(), coin() ? 4789 : word(), NULL);
	if (byte() % 8)
		doca_flow_custom_header_graph_arc_set_dst(arc, DOCA_FLOW_CUSTOM_HEADER_GRAPH_NODE_FLEX, header);
	doca_flow_custom_header_graph_bind(graph, byte() % 16 ? dev : NULL);
}

static void define(void)
{
	struct doca_flow_definitions_cfg *cfg;

	doca_flow_definitions_cfg_create(&cfg);
	doca_flow_definitions_create(cfg, &definitions);
	doca_flow_definitions_cfg_destroy(cfg);
	for (unsigned n = byte() % 4; n; n--) {
		static const uint16_t sizes[] = {1, 2, 4, 6, 16};

		doca_flow_definitions_add_field(definitions, field(), (byte() << 3 | byte()) % DEFINITIONS_REACH, sizes[byte() % ARRAY_SIZE(sizes)]);
	}
}

const struct doca_flow_definitions *before_begin(void)
{
	if (coin()) {
		doca_flow_custom_header_create(&header);
		set_lengths();
		make_samplers();
		bind_graph();
	}
	if (coin())
		define();
	return definitions;
}

void before_end(void)
{
	doca_flow_definitions_destroy(definitions);
	definitions = NULL;
	if (graph)
		doca_flow_custom_header_graph_unbind(graph);
	doca_flow_custom_header_graph_arc_destroy(arc);
	for (unsigned i = 0; i < SAMPLERS; i++)
		doca_flow_custom_header_sampler_destroy(sampler[i]);
	memset(sampler, 0, sizeof(sampler));
	doca_flow_custom_header_destroy(header);
	doca_flow_custom_header_graph_destroy(graph);
	header = NULL;
	graph = NULL;
	arc = NULL;
}
