/* SPDX-License-Identifier: BSD-3-Clause */
/* Graphs of DMA tasks and calls. */
#include "dma.h"

#include <doca_graph.h>

struct flow {
	unsigned ok, failed, user;
	bool refuse;
};

static doca_error_t on_node(void *cookie)
{
	struct flow *flow = cookie;

	flow->user++;
	return flow->refuse ? DOCA_ERROR_UNEXPECTED : DOCA_SUCCESS;
}

static void on_graph(
	struct doca_graph_instance *instance, union doca_data own, union doca_data graph)
{
	((struct flow *)graph.ptr)->ok++;
}

static void on_graph_error(
	struct doca_graph_instance *instance, union doca_data own, union doca_data graph)
{
	((struct flow *)graph.ptr)->failed++;
}

/* a copies 0 -> 1, then b 1 -> 2, then the user node: order shows in the bytes. */
static void graphs_run_in_order(void **state)
{
	struct fix *f = *state;
	struct doca_buf *bufs[4];
	struct doca_graph *graph;
	struct doca_graph_node *a, *b, *user;
	struct doca_graph_instance *instance;
	struct doca_dma_task_memcpy *tasks[2];
	struct flow flow = {0};
	union doca_data none = {0}, data = {.ptr = &flow};
	struct dma d;

	create(&d, f, 0);
	fill(f, 0, 4096, 5);
	OK(doca_graph_create(f->pe, &graph));
	OK(doca_graph_node_create_from_user(graph, on_node, &user));
	OK(doca_graph_node_create_from_ctx(graph, d.ctx, &b));
	OK(doca_graph_node_create_from_ctx(graph, d.ctx, &a));
	OK(doca_graph_add_dependency(graph, a, b));
	OK(doca_graph_add_dependency(graph, b, user));
	OK(doca_graph_set_conf(graph, on_graph, on_graph_error, 1));
	OK(doca_graph_set_user_data(graph, data));
	OK(doca_graph_start(graph));
	OK(doca_graph_instance_create(graph, &instance));
	bufs[0] = fix_src(f, 0, 4096);
	bufs[1] = fix_dst(f, 4096, 8192);
	bufs[2] = fix_src(f, 4096, 4096);
	bufs[3] = fix_dst(f, 16384, 8192);
	OK(doca_dma_task_memcpy_alloc_init(d.dma, bufs[0], bufs[1], none, &tasks[0]));
	OK(doca_dma_task_memcpy_alloc_init(d.dma, bufs[2], bufs[3], none, &tasks[1]));
	FAILS(DOCA_ERROR_BAD_STATE, doca_graph_instance_submit(instance));
	OK(doca_graph_instance_set_ctx_node_data(
		instance, a, doca_dma_task_memcpy_as_task(tasks[0])));
	OK(doca_graph_instance_set_ctx_node_data(
		instance, b, doca_dma_task_memcpy_as_task(tasks[1])));
	OK(doca_graph_instance_set_user_node_data(instance, user, &flow));
	for (unsigned round = 1; round <= 2; round++) {
		OK(doca_graph_instance_submit(instance));
		fix_until(f->pe, &flow.ok, round);
		assert_int_equal(flow.user, round);
	}
	assert_memory_equal(f->mem, f->mem + 16384, 4096);
	flow.refuse = true;
	OK(doca_buf_reset_data_len(bufs[1]));
	OK(doca_buf_reset_data_len(bufs[3]));
	OK(doca_graph_instance_submit(instance));
	fix_until(f->pe, &flow.failed, 1);
	OK(doca_graph_instance_destroy(instance));
	doca_task_free(doca_dma_task_memcpy_as_task(tasks[0]));
	doca_task_free(doca_dma_task_memcpy_as_task(tasks[1]));
	for (int i = 0; i < 4; i++)
		OK(doca_buf_dec_refcount(bufs[i], NULL));
	OK(doca_graph_stop(graph));
	OK(doca_graph_destroy(graph));
	destroy(&d);
}

static void cycles_are_refused(void **state)
{
	struct fix *f = *state;
	struct doca_graph *graph;
	struct doca_graph_node *a, *b;

	OK(doca_graph_create(f->pe, &graph));
	OK(doca_graph_node_create_from_user(graph, on_node, &a));
	OK(doca_graph_node_create_from_user(graph, on_node, &b));
	OK(doca_graph_add_dependency(graph, a, b));
	OK(doca_graph_add_dependency(graph, b, a));
	OK(doca_graph_set_conf(graph, on_graph, on_graph_error, 1));
	FAILS(DOCA_ERROR_INVALID_VALUE, doca_graph_start(graph));
	OK(doca_graph_destroy(graph));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		fix_test(graphs_run_in_order),
		fix_test(cycles_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
