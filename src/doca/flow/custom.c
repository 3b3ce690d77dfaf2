/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * custom: custom headers and their graphs only remember until a graph is bound; binding registers what its arcs lead to with
 * room flow (flow/custom.h), where each sampler becomes a field.
 */
#include <doca_flow_custom_header.h>
#include <doca_flow_custom_header_graph.h>

#include <stdlib.h>

#include "doca/flow/flow_door.h"
#include "doca/flow/setters.h"
#include "flow/custom.h"

struct doca_flow_custom_header {
	uint32_t fixed, offset, width, multiplier;                  /* bits, but the multiplier */
	uint32_t options, option_fixed, option_offset, option_width, option_multiplier;
	uint32_t type_offset, type_width;
	struct doca_flow_custom_header_sampler *samplers;
	bool bound;
};

struct doca_flow_custom_header_sampler {
	struct doca_flow_custom_header *header;
	struct doca_flow_custom_header_sampler *next;
	uint32_t offset, length, type;
	bool in_option;
	int number; /* of flow_custom_sampler_add, -1 before */
	char match[40], valid[40], action[40];
};

struct doca_flow_custom_header_graph {
	struct doca_flow_custom_header_graph_arc *arcs;
	bool bound;
};

struct doca_flow_custom_header_graph_arc {
	struct doca_flow_custom_header_graph *graph;
	struct doca_flow_custom_header_graph_arc *next;
	bool has_src;
	uint32_t value;
	struct doca_flow_custom_header *dst;
};

static struct doca_flow_custom_header_graph *bound; /* one parser, one graph */

/* ---- headers ---- */

doca_error_t doca_flow_custom_header_create(struct doca_flow_custom_header **header)
{
	NEW(header);
	return DOCA_SUCCESS;
}

doca_error_t doca_flow_custom_header_destroy(struct doca_flow_custom_header *header)
{
	if (header && header->bound)
		return dcore_fail(DOCA_ERROR_IN_USE, "%s: its graph is bound", __func__);
	if (header && header->samplers)
		return dcore_fail(DOCA_ERROR_IN_USE, "%s: its samplers are destroyed first", __func__);
	free(header);
	return DOCA_SUCCESS;
}

static doca_error_t set_number(const char *call, struct doca_flow_custom_header *header, uint32_t *member, uint32_t value)
{
	if (header->bound)
		return dcore_fail(DOCA_ERROR_BAD_STATE, "%s: the header's graph is bound", call);
	if (value > 65535)
		return dcore_fail(DOCA_ERROR_INVALID_VALUE, "%s: %u; at most 65535", call, value);
	*member = value;
	return DOCA_SUCCESS;
}

/* A place or a length in bits, which falls on bytes. */
static doca_error_t set_bytes(const char *call, struct doca_flow_custom_header *header, uint32_t *member, uint32_t bits)
{
	if (bits % 8)
		return dcore_fail(DOCA_ERROR_INVALID_VALUE, "%s: %u bits are no whole bytes; %u are", call, bits, bits / 8 * 8);
	return set_number(call, header, member, bits);
}

/* The width of a number in the packet. */
static doca_error_t set_width(const char *call, struct doca_flow_custom_header *header, uint32_t *member, uint32_t bits)
{
	if (bits > 32)
		return dcore_fail(DOCA_ERROR_INVALID_VALUE, "%s: a number of %u bits; at most 32", call, bits);
	return set_number(call, header, member, bits);
}

#define HEADER_NUMBER(call, member, set)                                                           \
	doca_error_t call(struct doca_flow_custom_header *header, uint32_t value)                      \
	{                                                                                              \
		DCORE_NOT_NULL(header);                                                                    \
		return set(__func__, header, &header->member, value);                                      \
	}

HEADER_NUMBER(doca_flow_custom_header_length_field_set_fixed_length, fixed, set_bytes)
HEADER_NUMBER(doca_flow_custom_header_length_field_set_offset, offset, set_number)
HEADER_NUMBER(doca_flow_custom_header_length_field_set_length, width, set_width)
HEADER_NUMBER(doca_flow_custom_header_length_field_set_multiplier, multiplier, set_number)
HEADER_NUMBER(doca_flow_custom_header_tlv_options_set_offset, options, set_bytes)
HEADER_NUMBER(doca_flow_custom_header_tlv_options_set_fixed_length, option_fixed, set_bytes)
HEADER_NUMBER(doca_flow_custom_header_tlv_options_type_set_offset, type_offset, set_number)
HEADER_NUMBER(doca_flow_custom_header_tlv_options_type_set_length, type_width, set_width)
HEADER_NUMBER(doca_flow_custom_header_tlv_options_length_set_offset, option_offset, set_number)
HEADER_NUMBER(doca_flow_custom_header_tlv_options_length_set_length, option_width, set_width)
HEADER_NUMBER(doca_flow_custom_header_tlv_options_length_set_multiplier, option_multiplier, set_number)

/* ---- samplers ---- */

doca_error_t doca_flow_custom_header_sampler_create(struct doca_flow_custom_header *header,
	struct doca_flow_custom_header_sampler **sampler)
{
	struct doca_flow_custom_header_sampler *s, **last;

	DCORE_NOT_NULL(header);
	DCORE_NOT_NULL(sampler);
	if (header->bound)
		return dcore_fail(DOCA_ERROR_BAD_STATE, "%s: the header's graph is bound", __func__);
	s = calloc(1, sizeof(*s));
	if (!s)
		return dcore_fail(DOCA_ERROR_NO_MEMORY, "%s: no memory", __func__);
	s->header = header;
	s->number = -1;
	for (last = &header->samplers; *last; last = &(*last)->next)
		;
	*last = *sampler = s;
	return DOCA_SUCCESS;
}

doca_error_t doca_flow_custom_header_sampler_destroy(struct doca_flow_custom_header_sampler *sampler)
{
	struct doca_flow_custom_header_sampler **at;

	if (!sampler)
		return DOCA_SUCCESS;
	if (sampler->header->bound)
		return dcore_fail(DOCA_ERROR_IN_USE, "%s: its header's graph is bound", __func__);
	for (at = &sampler->header->samplers; *at != sampler; at = &(*at)->next)
		;
	*at = sampler->next;
	free(sampler);
	return DOCA_SUCCESS;
}

doca_error_t doca_flow_custom_header_sampler_set_offset(struct doca_flow_custom_header_sampler *sampler, uint32_t bits)
{
	DCORE_NOT_NULL(sampler);
	return set_bytes(__func__, sampler->header, &sampler->offset, bits);
}

doca_error_t doca_flow_custom_header_sampler_set_length(struct doca_flow_custom_header_sampler *sampler, uint32_t bits)
{
	DCORE_NOT_NULL(sampler);
	if (!bits || bits > 64)
		return dcore_fail(DOCA_ERROR_INVALID_VALUE, "%s: %u bits; 8 to 64", __func__, bits);
	return set_bytes(__func__, sampler->header, &sampler->length, bits);
}

doca_error_t doca_flow_custom_header_sampler_set_tunnel_mode(struct doca_flow_custom_header_sampler *sampler,
	enum doca_flow_custom_header_sampler_tunnel_mode mode)
{
	DCORE_NOT_NULL(sampler);
	if (mode != DOCA_FLOW_CUSTOM_HEADER_SAMPLER_TUNNEL_MODE_OUTER)
		return dcore_fail(DOCA_ERROR_NOT_SUPPORTED, "%s: mode %d; samplers look into the outer packet (OUTER)", __func__, mode);
	return DOCA_SUCCESS;
}

doca_error_t doca_flow_custom_header_sampler_enable_is_options(struct doca_flow_custom_header_sampler *sampler, uint32_t type)
{
	doca_error_t err;

	DCORE_NOT_NULL(sampler);
	err = set_number(__func__, sampler->header, &sampler->type, type);
	sampler->in_option |= err == DOCA_SUCCESS;
	return err;
}

/* The field strings exist once the graph is bound. */
#define DEFINITION(call, text)                                                                     \
	doca_error_t call(struct doca_flow_custom_header_sampler *sampler, const char **string)        \
	{                                                                                              \
		DCORE_NOT_NULL(sampler);                                                                   \
		DCORE_NOT_NULL(string);                                                                    \
		if (sampler->number < 0)                                                                   \
			return dcore_fail(DOCA_ERROR_BAD_STATE, "%s: the header's graph is not bound yet", __func__); \
		*string = sampler->text;                                                                   \
		return DOCA_SUCCESS;                                                                       \
	}

DEFINITION(doca_flow_custom_header_sampler_get_match_definition, match)
DEFINITION(doca_flow_custom_header_sampler_get_valid_bit_definition, valid)
DEFINITION(doca_flow_custom_header_sampler_get_action_definition, action)

/* ---- graphs ---- */

doca_error_t doca_flow_custom_header_graph_create(struct doca_flow_custom_header_graph **graph)
{
	NEW(graph);
	return DOCA_SUCCESS;
}

doca_error_t doca_flow_custom_header_graph_destroy(struct doca_flow_custom_header_graph *graph)
{
	if (graph && graph->bound)
		return dcore_fail(DOCA_ERROR_IN_USE, "%s: it is bound", __func__);
	if (graph && graph->arcs)
		return dcore_fail(DOCA_ERROR_IN_USE, "%s: its arcs are destroyed first", __func__);
	free(graph);
	return DOCA_SUCCESS;
}

doca_error_t doca_flow_custom_header_graph_arc_create(struct doca_flow_custom_header_graph *graph,
	struct doca_flow_custom_header_graph_arc **arc)
{
	DCORE_NOT_NULL(graph);
	DCORE_NOT_NULL(arc);
	if (graph->bound)
		return dcore_fail(DOCA_ERROR_BAD_STATE, "%s: the graph is bound", __func__);
	NEW(arc);
	(*arc)->graph = graph;
	(*arc)->next = graph->arcs;
	graph->arcs = *arc;
	return DOCA_SUCCESS;
}

doca_error_t doca_flow_custom_header_graph_arc_destroy(struct doca_flow_custom_header_graph_arc *arc)
{
	struct doca_flow_custom_header_graph_arc **at;

	if (!arc)
		return DOCA_SUCCESS;
	if (arc->graph->bound)
		return dcore_fail(DOCA_ERROR_IN_USE, "%s: its graph is bound", __func__);
	for (at = &arc->graph->arcs; *at != arc; at = &(*at)->next)
		;
	*at = arc->next;
	free(arc);
	return DOCA_SUCCESS;
}

doca_error_t doca_flow_custom_header_graph_arc_set_src(struct doca_flow_custom_header_graph_arc *arc,
	enum doca_flow_custom_header_graph_node node, uint32_t value, struct doca_flow_custom_header *header)
{
	DCORE_NOT_NULL(arc);
	if (arc->graph->bound)
		return dcore_fail(DOCA_ERROR_BAD_STATE, "%s: the graph is bound", __func__);
	if (node != DOCA_FLOW_CUSTOM_HEADER_GRAPH_NODE_UDP)
		return dcore_fail(DOCA_ERROR_NOT_SUPPORTED, "%s: node %d; custom headers follow UDP", __func__, node);
	if (!value || value > UINT16_MAX)
		return dcore_fail(DOCA_ERROR_INVALID_VALUE, "%s: UDP port %u; 1 to 65535", __func__, value);
	arc->value = value;
	arc->has_src = true;
	return DOCA_SUCCESS;
}

doca_error_t doca_flow_custom_header_graph_arc_set_dst(struct doca_flow_custom_header_graph_arc *arc,
	enum doca_flow_custom_header_graph_node node, struct doca_flow_custom_header *header)
{
	DCORE_NOT_NULL(arc);
	if (arc->graph->bound)
		return dcore_fail(DOCA_ERROR_BAD_STATE, "%s: the graph is bound", __func__);
	if (node != DOCA_FLOW_CUSTOM_HEADER_GRAPH_NODE_FLEX || !header)
		return dcore_fail(DOCA_ERROR_INVALID_VALUE, "%s: an arc leads to a custom header (FLEX)", __func__);
	arc->dst = header;
	return DOCA_SUCCESS;
}

static doca_error_t bind_sampler(struct doca_flow_custom_header_sampler *s, unsigned header)
{
	struct flow_custom_sampler real = {.header = header, .offset = s->offset / 8, .length = s->length / 8,
		.in_option = s->in_option, .type = s->type};
	int n = flow_custom_sampler_add(&real);

	if (n < 0)
		return dcore_from_errno(n, "doca_flow_custom_header_graph_bind");
	s->number = n;
	snprintf(s->match, sizeof(s->match), "match.packet.custom.%d.data", n);
	snprintf(s->valid, sizeof(s->valid), "match.packet.custom.%d.valid", n);
	snprintf(s->action, sizeof(s->action), "actions.packet.custom.%d.data", n);
	return DOCA_SUCCESS;
}

static doca_error_t bind_arc(const struct doca_flow_custom_header_graph_arc *arc)
{
	struct doca_flow_custom_header *h = arc->dst;
	struct flow_custom_header real;
	doca_error_t err = DOCA_SUCCESS;
	int n;

	if (!arc->has_src || !h)
		return dcore_fail(DOCA_ERROR_INVALID_VALUE, "doca_flow_custom_header_graph_bind: an arc lacks its source or its destination");
	real = (struct flow_custom_header){.udp_port = arc->value,
		.length = {h->fixed / 8, h->offset, h->width, h->multiplier}, .options = h->options / 8,
		.has_options = h->type_width, .option = {h->option_fixed / 8, h->option_offset, h->option_width, h->option_multiplier},
		.type_offset = h->type_offset, .type_width = h->type_width};
	n = flow_custom_header_add(&real);
	if (n < 0)
		return dcore_from_errno(n, "doca_flow_custom_header_graph_bind");
	for (struct doca_flow_custom_header_sampler *s = h->samplers; s && err == DOCA_SUCCESS; s = s->next)
		err = bind_sampler(s, n);
	h->bound = true;
	return err;
}

static void unbind(struct doca_flow_custom_header_graph *graph)
{
	bound = NULL;
	graph->bound = false;
	for (struct doca_flow_custom_header_graph_arc *arc = graph->arcs; arc; arc = arc->next) {
		if (!arc->dst)
			continue;
		arc->dst->bound = false;
		for (struct doca_flow_custom_header_sampler *s = arc->dst->samplers; s; s = s->next)
			s->number = -1;
	}
	flow_custom_clear();
	door_geneve_forget();
}

bool door_graph_bound(void)
{
	return bound != NULL;
}

doca_error_t doca_flow_custom_header_graph_bind(struct doca_flow_custom_header_graph *graph, struct doca_dev *dev)
{
	doca_error_t err = DOCA_SUCCESS;

	DCORE_NOT_NULL(graph);
	DCORE_NOT_NULL(dev);
	if (door.running)
		return dcore_fail(DOCA_ERROR_BAD_STATE, "%s: DOCA Flow runs already; graphs are bound before doca_flow_init", __func__);
	if (graph->bound)
		return DOCA_SUCCESS; /* another device: they parse alike */
	if (bound)
		return dcore_fail(DOCA_ERROR_FULL, "%s: another graph is bound; a process has one", __func__);
	for (struct doca_flow_custom_header_graph_arc *arc = graph->arcs; arc && err == DOCA_SUCCESS; arc = arc->next)
		err = bind_arc(arc);
	if (err != DOCA_SUCCESS) {
		unbind(graph);
		return err;
	}
	bound = graph;
	graph->bound = true;
	flow_custom_enable(true);
	return DOCA_SUCCESS;
}

doca_error_t doca_flow_custom_header_graph_unbind(struct doca_flow_custom_header_graph *graph)
{
	DCORE_NOT_NULL(graph);
	if (!graph->bound)
		return DOCA_SUCCESS;
	if (door.running)
		return dcore_fail(DOCA_ERROR_IN_USE, "%s: DOCA Flow still runs with it", __func__);
	unbind(graph);
	return DOCA_SUCCESS;
}
