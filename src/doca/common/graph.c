/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Graphs. Each instance counts, per node, the nodes it still waits for. A context node's task is
 * hooked: its completion comes here, on the progress engine's thread, and lets the nodes behind it
 * go.
 *
 * A graph is itself a small context: finished instances wait in a list until the progress engine
 * delivers them, one callback per doca_pe_progress().
 */
#include <doca_graph.h>

#include <stdlib.h>
#include <string.h>

#include "doca/common/common.h"

#define NODES_MAX 256

struct doca_graph_node {
	struct doca_graph *graph;
	unsigned index;
	struct doca_ctx *ctx; /* NULL: a user node */
	doca_graph_user_cb_t user_cb;
	struct doca_graph_node **after; /* nodes that wait for this one */
	unsigned n_after, n_before;
};

struct doca_graph {
	struct doca_ctx ctx;
	struct doca_graph_node *nodes[NODES_MAX];
	unsigned n_nodes;
	doca_graph_completion_cb_t ok, error;
	uint32_t max_instances, instances, flying;
	union doca_data user_data;
	struct list finished;
};

struct run {
	struct doca_graph_instance *instance;
	struct doca_graph_node *node;
	struct doca_task *task;
	void *cookie;
	bool is_set;
	unsigned waits_for;
};

struct doca_graph_instance {
	struct doca_graph *graph;
	struct list link; /* in graph->finished */
	union doca_data user_data;
	bool flying, failed;
	unsigned running, left; /* tasks out; nodes not done */
	struct run runs[];
};

static bool deliver(struct doca_ctx *ctx)
{
	struct doca_graph *graph = container_of(ctx, struct doca_graph, ctx);
	struct list *link = list_pop_front(&graph->finished);
	struct doca_graph_instance *instance;

	if (!link)
		return false;
	instance = list_entry(link, struct doca_graph_instance, link);
	instance->flying = false;
	graph->flying--;
	(instance->failed ? graph->error : graph->ok)(
		instance, instance->user_data, graph->user_data);
	return true;
}

static bool has_finished(struct doca_ctx *ctx)
{
	return !list_is_empty(&container_of(ctx, struct doca_graph, ctx)->finished);
}

static const struct dcore_ctx_ops ops = {.name = "graph", .progress = deliver, .arm = has_finished};

/* ---- building ---- */

doca_error_t doca_graph_create(struct doca_pe *pe, struct doca_graph **graph)
{
	DCORE_NOT_NULL(pe);
	DCORE_NOT_NULL(graph);
	*graph = calloc(1, sizeof(**graph));
	if (!*graph)
		return DOCA_ERROR_NO_MEMORY;
	dcore_ctx_init(&(*graph)->ctx, NULL, &ops, NULL, 0);
	list_init(&(*graph)->finished);
	return doca_pe_connect_ctx(pe, &(*graph)->ctx);
}

static doca_error_t not_started(const struct doca_graph *graph, const char *call)
{
	return graph->ctx.state == DOCA_CTX_STATE_IDLE
		       ? DOCA_SUCCESS
		       : dcore_fail(DOCA_ERROR_BAD_STATE, "%s: the graph is started", call);
}

doca_error_t doca_graph_destroy(struct doca_graph *graph)
{
	doca_error_t result;

	if (!graph)
		return DOCA_SUCCESS;
	if (graph->instances)
		return dcore_fail(
			DOCA_ERROR_IN_USE, "%s: %u instances exist", __func__, graph->instances);
	result = dcore_ctx_fini(&graph->ctx);
	if (result != DOCA_SUCCESS)
		return result;
	for (unsigned i = 0; i < graph->n_nodes; i++) {
		free(graph->nodes[i]->after);
		free(graph->nodes[i]);
	}
	free(graph);
	return DOCA_SUCCESS;
}

static doca_error_t add_node(struct doca_graph *graph, struct doca_ctx *ctx,
	doca_graph_user_cb_t cb, struct doca_graph_node **node)
{
	doca_error_t result = not_started(graph, "graph node");

	if (result != DOCA_SUCCESS)
		return result;
	if (graph->n_nodes == NODES_MAX)
		return dcore_fail(DOCA_ERROR_FULL, "graph: more than %d nodes", NODES_MAX);
	*node = calloc(1, sizeof(**node));
	if (!*node)
		return DOCA_ERROR_NO_MEMORY;
	**node = (struct doca_graph_node){
		.graph = graph, .index = graph->n_nodes, .ctx = ctx, .user_cb = cb};
	graph->nodes[graph->n_nodes++] = *node;
	return DOCA_SUCCESS;
}

doca_error_t doca_graph_node_create_from_ctx(
	struct doca_graph *graph, struct doca_ctx *ctx, struct doca_graph_node **node)
{
	DCORE_NOT_NULL(graph);
	DCORE_NOT_NULL(ctx);
	DCORE_NOT_NULL(node);
	if (ctx->pe != graph->ctx.pe)
		return dcore_fail(DOCA_ERROR_INVALID_VALUE,
			"%s: the %s context is not on the graph's progress engine", __func__,
			ctx->ops->name);
	return add_node(graph, ctx, NULL, node);
}

doca_error_t doca_graph_node_create_from_user(
	struct doca_graph *graph, doca_graph_user_cb_t user_callback, struct doca_graph_node **node)
{
	DCORE_NOT_NULL(graph);
	DCORE_NOT_NULL(user_callback);
	DCORE_NOT_NULL(node);
	return add_node(graph, NULL, user_callback, node);
}

doca_error_t doca_graph_add_dependency(
	struct doca_graph *graph, const struct doca_graph_node *from, struct doca_graph_node *to)
{
	struct doca_graph_node *source = (struct doca_graph_node *)from, **more;

	DCORE_NOT_NULL(graph);
	DCORE_NOT_NULL(from);
	DCORE_NOT_NULL(to);
	if (from->graph != graph || to->graph != graph || from == to)
		return dcore_fail(DOCA_ERROR_INVALID_VALUE,
			"%s: two different nodes of this graph are needed", __func__);
	if (not_started(graph, __func__) != DOCA_SUCCESS)
		return DOCA_ERROR_BAD_STATE;
	more = realloc(source->after, (source->n_after + 1) * sizeof(*more));
	if (!more)
		return DOCA_ERROR_NO_MEMORY;
	source->after = more;
	source->after[source->n_after++] = to;
	to->n_before++;
	return DOCA_SUCCESS;
}

doca_error_t doca_graph_set_conf(struct doca_graph *graph,
	doca_graph_completion_cb_t completion_callback, doca_graph_completion_cb_t error_callback,
	uint32_t num_instances)
{
	DCORE_NOT_NULL(graph);
	DCORE_NOT_NULL(completion_callback);
	DCORE_NOT_NULL(error_callback);
	if (not_started(graph, __func__) != DOCA_SUCCESS)
		return DOCA_ERROR_BAD_STATE;
	graph->ok = completion_callback;
	graph->error = error_callback;
	graph->max_instances = num_instances;
	return DOCA_SUCCESS;
}

doca_error_t doca_graph_set_user_data(struct doca_graph *graph, union doca_data user_data)
{
	DCORE_NOT_NULL(graph);
	graph->user_data = user_data;
	return DOCA_SUCCESS;
}

doca_error_t doca_graph_get_user_data(const struct doca_graph *graph, union doca_data *user_data)
{
	DCORE_NOT_NULL(graph);
	DCORE_NOT_NULL(user_data);
	*user_data = graph->user_data;
	return DOCA_SUCCESS;
}

/* Take away nodes nobody waits for until none is left, or all that are left are on cycles. */
static bool has_cycle(const struct doca_graph *graph)
{
	unsigned before[NODES_MAX], ready[NODES_MAX], n_ready = 0, done = 0;

	for (unsigned i = 0; i < graph->n_nodes; i++) {
		before[i] = graph->nodes[i]->n_before;
		if (!before[i])
			ready[n_ready++] = i;
	}
	while (done < n_ready) {
		const struct doca_graph_node *node = graph->nodes[ready[done++]];

		for (unsigned i = 0; i < node->n_after; i++)
			if (--before[node->after[i]->index] == 0)
				ready[n_ready++] = node->after[i]->index;
	}
	return done < graph->n_nodes;
}

doca_error_t doca_graph_start(struct doca_graph *graph)
{
	DCORE_NOT_NULL(graph);
	if (!graph->ok || !graph->n_nodes)
		return dcore_fail(DOCA_ERROR_BAD_STATE, "%s: the graph has no %s", __func__,
			graph->n_nodes ? "configuration" : "nodes");
	if (has_cycle(graph))
		return dcore_fail(
			DOCA_ERROR_INVALID_VALUE, "%s: the dependencies form a cycle", __func__);
	return doca_ctx_start(&graph->ctx);
}

doca_error_t doca_graph_stop(struct doca_graph *graph)
{
	DCORE_NOT_NULL(graph);
	if (graph->flying)
		return dcore_fail(DOCA_ERROR_IN_USE, "%s: %u instances are in flight", __func__,
			graph->flying);
	return doca_ctx_stop(&graph->ctx);
}

/* ---- instances ---- */

doca_error_t doca_graph_instance_create(
	struct doca_graph *graph, struct doca_graph_instance **graph_instance)
{
	struct doca_graph_instance *in;

	DCORE_NOT_NULL(graph);
	DCORE_NOT_NULL(graph_instance);
	if (graph->ctx.state != DOCA_CTX_STATE_RUNNING)
		return dcore_fail(DOCA_ERROR_BAD_STATE, "%s: the graph is not started", __func__);
	if (graph->instances == graph->max_instances)
		return dcore_fail(DOCA_ERROR_NO_MEMORY, "%s: all %u instances exist", __func__,
			graph->max_instances);
	in = calloc(1, sizeof(*in) + graph->n_nodes * sizeof(in->runs[0]));
	if (!in)
		return DOCA_ERROR_NO_MEMORY;
	in->graph = graph;
	list_init(&in->link);
	for (unsigned i = 0; i < graph->n_nodes; i++)
		in->runs[i] = (struct run){.instance = in, .node = graph->nodes[i]};
	graph->instances++;
	*graph_instance = in;
	return DOCA_SUCCESS;
}

static doca_error_t not_flying(const struct doca_graph_instance *in, const char *call)
{
	return in->flying ? dcore_fail(DOCA_ERROR_BAD_STATE, "%s: the instance is in flight", call)
			  : DOCA_SUCCESS;
}

doca_error_t doca_graph_instance_destroy(struct doca_graph_instance *graph_instance)
{
	if (!graph_instance)
		return DOCA_SUCCESS;
	if (not_flying(graph_instance, __func__) != DOCA_SUCCESS)
		return DOCA_ERROR_BAD_STATE;
	for (unsigned i = 0; i < graph_instance->graph->n_nodes; i++)
		if (graph_instance->runs[i].task)
			graph_instance->runs[i].task->hook = NULL;
	graph_instance->graph->instances--;
	free(graph_instance);
	return DOCA_SUCCESS;
}

doca_error_t doca_graph_instance_set_ctx_node_data(struct doca_graph_instance *graph_instance,
	const struct doca_graph_node *node, struct doca_task *task)
{
	DCORE_NOT_NULL(graph_instance);
	DCORE_NOT_NULL(node);
	DCORE_NOT_NULL(task);
	if (node->graph != graph_instance->graph || task->ctx != node->ctx)
		return dcore_fail(DOCA_ERROR_INVALID_VALUE,
			"%s: the task is not of the node's context", __func__);
	if (not_flying(graph_instance, __func__) != DOCA_SUCCESS)
		return DOCA_ERROR_BAD_STATE;
	graph_instance->runs[node->index].task = task;
	graph_instance->runs[node->index].is_set = true;
	return DOCA_SUCCESS;
}

doca_error_t doca_graph_instance_set_user_node_data(struct doca_graph_instance *graph_instance,
	const struct doca_graph_node *node, void *cookie)
{
	DCORE_NOT_NULL(graph_instance);
	DCORE_NOT_NULL(node);
	if (node->graph != graph_instance->graph || node->ctx)
		return dcore_fail(DOCA_ERROR_INVALID_VALUE, "%s: this is no user node of the graph",
			__func__);
	graph_instance->runs[node->index].cookie = cookie;
	graph_instance->runs[node->index].is_set = true;
	return DOCA_SUCCESS;
}

doca_error_t doca_graph_instance_set_user_data(
	struct doca_graph_instance *graph_instance, union doca_data user_data)
{
	DCORE_NOT_NULL(graph_instance);
	graph_instance->user_data = user_data;
	return DOCA_SUCCESS;
}

doca_error_t doca_graph_instance_get_user_data(
	const struct doca_graph_instance *graph_instance, union doca_data *user_data)
{
	DCORE_NOT_NULL(graph_instance);
	DCORE_NOT_NULL(user_data);
	*user_data = graph_instance->user_data;
	return DOCA_SUCCESS;
}

/* ---- running ---- */

static void finish_if_ended(struct doca_graph_instance *in)
{
	if (in->running || (in->left && !in->failed) || !list_is_empty(&in->link))
		return;
	list_push_back(&in->graph->finished, &in->link);
	dcore_pe_wake(in->graph->ctx.pe);
}

static void on_task(struct doca_task *task, void *arg);

/* Start one node; a user node is done at once: true. */
static bool start_node(struct run *r)
{
	struct doca_graph_instance *in = r->instance;

	if (!r->node->ctx) {
		in->failed |= r->node->user_cb(r->cookie) != DOCA_SUCCESS;
		return true;
	}
	r->task->hook = on_task;
	r->task->hook_arg = r;
	in->running++;
	if (doca_task_submit(r->task) != DOCA_SUCCESS) {
		in->running--;
		in->failed = true;
	}
	return false;
}

/* A node is done: those that waited for it only may go. A worklist, since user nodes end at once.
 */
static void node_done(struct run *first)
{
	struct doca_graph_instance *in = first->instance;
	struct run *work[NODES_MAX];
	unsigned n = 0;

	work[n++] = first;
	while (n && !in->failed) {
		struct doca_graph_node *node = work[--n]->node;

		in->left--;
		for (unsigned i = 0; i < node->n_after && !in->failed; i++) {
			struct run *next = &in->runs[node->after[i]->index];

			if (--next->waits_for == 0 && start_node(next))
				work[n++] = next;
		}
	}
}

static void on_task(struct doca_task *task, void *arg)
{
	struct run *r = arg;

	r->instance->running--;
	r->instance->failed |= task->status != DOCA_SUCCESS;
	if (!r->instance->failed)
		node_done(r);
	finish_if_ended(r->instance);
}

doca_error_t doca_graph_instance_submit(struct doca_graph_instance *graph_instance)
{
	struct doca_graph_instance *in = graph_instance;
	struct doca_graph *graph;

	DCORE_NOT_NULL(graph_instance);
	graph = in->graph;
	if (graph->ctx.state != DOCA_CTX_STATE_RUNNING || not_flying(in, __func__) != DOCA_SUCCESS)
		return DOCA_ERROR_BAD_STATE;
	for (unsigned i = 0; i < graph->n_nodes; i++) {
		if (!in->runs[i].is_set)
			return dcore_fail(
				DOCA_ERROR_BAD_STATE, "%s: node %u has no data", __func__, i);
		in->runs[i].waits_for = graph->nodes[i]->n_before;
	}
	in->flying = true;
	in->failed = false;
	in->left = graph->n_nodes;
	in->running = 0;
	graph->flying++;
	for (unsigned i = 0; i < graph->n_nodes && !in->failed; i++)
		if (!graph->nodes[i]->n_before && start_node(&in->runs[i]))
			node_done(&in->runs[i]);
	finish_if_ended(in);
	return DOCA_SUCCESS;
}
