/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * doca_flow_custom_header_graph: which header a custom header follows. An arc leads from a node by a value (of a UDP header:
 * its destination port) to a node; a graph with its arcs is bound to a device before doca_flow_init.
 */
#ifndef DOCA_FLOW_CUSTOM_HEADER_GRAPH_H_
#define DOCA_FLOW_CUSTOM_HEADER_GRAPH_H_

#include "doca_flow_custom_header.h"

#ifdef __cplusplus
extern "C" {
#endif

struct doca_flow_custom_header_graph;
struct doca_flow_custom_header_graph_arc;

enum doca_flow_custom_header_graph_node {
	DOCA_FLOW_CUSTOM_HEADER_GRAPH_NODE_FLEX = 0, /* a custom header */
	DOCA_FLOW_CUSTOM_HEADER_GRAPH_NODE_UDP,
};

doca_error_t doca_flow_custom_header_graph_create(struct doca_flow_custom_header_graph **graph);
/* After its arcs. */
doca_error_t doca_flow_custom_header_graph_destroy(struct doca_flow_custom_header_graph *graph);

doca_error_t doca_flow_custom_header_graph_arc_create(struct doca_flow_custom_header_graph *graph,
	struct doca_flow_custom_header_graph_arc **arc);
doca_error_t doca_flow_custom_header_graph_arc_destroy(struct doca_flow_custom_header_graph_arc *arc);
/* value: host order. header: of node FLEX, else NULL. From FLEX: NOT_SUPPORTED. */
doca_error_t doca_flow_custom_header_graph_arc_set_src(struct doca_flow_custom_header_graph_arc *arc,
	enum doca_flow_custom_header_graph_node node, uint32_t value, struct doca_flow_custom_header *header);
doca_error_t doca_flow_custom_header_graph_arc_set_dst(struct doca_flow_custom_header_graph_arc *arc,
	enum doca_flow_custom_header_graph_node node, struct doca_flow_custom_header *header);

/* Teach the parser. A graph may be bound to several devices; they all parse alike. BAD_STATE while DOCA Flow runs. */
doca_error_t doca_flow_custom_header_graph_bind(struct doca_flow_custom_header_graph *graph, struct doca_dev *dev);
/* From all its devices, after doca_flow_destroy. */
doca_error_t doca_flow_custom_header_graph_unbind(struct doca_flow_custom_header_graph *graph);

#ifdef __cplusplus
}
#endif
#endif
