/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * doca_graph: tasks of several contexts and functions of the program, run in the order of a graph.
 *
 * Build nodes and dependencies once, start; then make instances, give each node of an instance its
 * task (context node) or cookie (user node) and submit. A node runs when all nodes it depends on
 * are done; the completion callback runs when all nodes are. The first failing node ends the
 * instance: the error callback, after those already running came back. Callbacks of a graph's tasks
 * are not called. All contexts belong to the graph's progress engine. One thread.
 */
#ifndef DOCA_GRAPH_H_
#define DOCA_GRAPH_H_

#include "doca_error.h"
#include "doca_types.h"

#ifdef __cplusplus
extern "C" {
#endif

struct doca_ctx;
struct doca_graph;
struct doca_graph_instance;
struct doca_graph_node;
struct doca_pe;
struct doca_task;

typedef doca_error_t (*doca_graph_user_cb_t)(void *cookie);
typedef void (*doca_graph_completion_cb_t)(struct doca_graph_instance *graph_instance,
	union doca_data instance_user_data, union doca_data graph_user_data);

doca_error_t doca_graph_create(struct doca_pe *pe, struct doca_graph **graph);
doca_error_t doca_graph_destroy(struct doca_graph *graph);
/* INVALID_VALUE for a graph with a cycle or without nodes. */
doca_error_t doca_graph_start(struct doca_graph *graph);
/* IN_USE while instances are in flight. */
doca_error_t doca_graph_stop(struct doca_graph *graph);
doca_error_t doca_graph_set_conf(struct doca_graph *graph,
	doca_graph_completion_cb_t completion_callback, doca_graph_completion_cb_t error_callback,
	uint32_t num_instances);
doca_error_t doca_graph_set_user_data(struct doca_graph *graph, union doca_data user_data);
doca_error_t doca_graph_get_user_data(const struct doca_graph *graph, union doca_data *user_data);

doca_error_t doca_graph_node_create_from_ctx(
	struct doca_graph *graph, struct doca_ctx *ctx, struct doca_graph_node **node);
doca_error_t doca_graph_node_create_from_user(struct doca_graph *graph,
	doca_graph_user_cb_t user_callback, struct doca_graph_node **node);
/* `to` waits for `from`. */
doca_error_t doca_graph_add_dependency(
	struct doca_graph *graph, const struct doca_graph_node *from, struct doca_graph_node *to);

doca_error_t doca_graph_instance_create(
	struct doca_graph *graph, struct doca_graph_instance **graph_instance);
doca_error_t doca_graph_instance_destroy(struct doca_graph_instance *graph_instance);
doca_error_t doca_graph_instance_set_ctx_node_data(struct doca_graph_instance *graph_instance,
	const struct doca_graph_node *node, struct doca_task *task);
doca_error_t doca_graph_instance_set_user_node_data(struct doca_graph_instance *graph_instance,
	const struct doca_graph_node *node, void *cookie);
doca_error_t doca_graph_instance_set_user_data(
	struct doca_graph_instance *graph_instance, union doca_data user_data);
doca_error_t doca_graph_instance_get_user_data(
	const struct doca_graph_instance *graph_instance, union doca_data *user_data);
doca_error_t doca_graph_instance_submit(struct doca_graph_instance *graph_instance);

#ifdef __cplusplus
}
#endif
#endif
