/* SPDX-License-Identifier: BSD-3-Clause */
/* Memory, buffers, contexts, tasks and graphs, seen through DMA copies. */
#include "fixture.h"

#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <doca_buf_pool.h>
#include <doca_dma.h>
#include <doca_graph.h>
#include <doca_softdpu.h>

struct dma {
	struct fix *f;
	struct doca_dma *dma;
	struct doca_ctx *ctx;
	volatile unsigned done, failed;
	doca_error_t last;
	uint64_t order[256];
	unsigned transitions[4][4];
};

static void on_done(
	struct doca_dma_task_memcpy *task, union doca_data user, union doca_data ctx_user)
{
	struct dma *d = ctx_user.ptr;

	if (d->done < 256)
		d->order[d->done] = user.u64;
	d->done++;
	doca_task_free(doca_dma_task_memcpy_as_task(task));
}

static void on_error(
	struct doca_dma_task_memcpy *task, union doca_data user, union doca_data ctx_user)
{
	struct dma *d = ctx_user.ptr;

	d->failed++;
	if (d->last == DOCA_SUCCESS)
		d->last = doca_task_get_status(doca_dma_task_memcpy_as_task(task));
	doca_task_free(doca_dma_task_memcpy_as_task(task));
}

static void on_state(const union doca_data user, struct doca_ctx *ctx, enum doca_ctx_states from,
	enum doca_ctx_states to)
{
	((struct dma *)user.ptr)->transitions[from][to]++;
}

static void create(struct dma *d, struct fix *f, unsigned workers)
{
	union doca_data user = {.ptr = d};

	memset(d, 0, sizeof(*d));
	d->f = f;
	OK(doca_dma_create(f->dev, &d->dma));
	d->ctx = doca_dma_as_ctx(d->dma);
	OK(doca_dma_task_memcpy_set_conf(d->dma, on_done, on_error, 256));
	OK(doca_ctx_set_user_data(d->ctx, user));
	OK(doca_ctx_set_state_changed_cb(d->ctx, on_state));
	OK(doca_softdpu_ctx_set_workers(d->ctx, workers));
	FAILS(DOCA_ERROR_BAD_STATE, doca_ctx_start(d->ctx)); /* no progress engine */
	OK(doca_pe_connect_ctx(f->pe, d->ctx));
	OK(doca_ctx_start(d->ctx));
}

static void destroy(struct dma *d)
{
	enum doca_ctx_states state;
	doca_error_t result = doca_ctx_stop(d->ctx);

	while (result == DOCA_ERROR_IN_PROGRESS) {
		doca_pe_progress(d->f->pe);
		OK(doca_ctx_get_state(d->ctx, &state));
		if (state == DOCA_CTX_STATE_IDLE)
			break;
	}
	OK(doca_dma_destroy(d->dma));
}

static void submit(struct dma *d, struct doca_buf *src, struct doca_buf *dst, uint64_t id)
{
	struct doca_dma_task_memcpy *task;
	union doca_data user = {.u64 = id};

	OK(doca_dma_task_memcpy_alloc_init(d->dma, src, dst, user, &task));
	OK(doca_task_submit(doca_dma_task_memcpy_as_task(task)));
}

static void fill(struct fix *f, size_t at, size_t len, unsigned seed)
{
	for (size_t i = 0; i < len; i++)
		f->mem[at + i] = (uint8_t)((i * 31 + seed) >> 2);
}

static void copies_append(void **state)
{
	struct fix *f = *state;
	struct doca_buf *src = fix_src(f, 0, 1000), *dst = fix_dst(f, 8192, 2500);
	struct dma d;

	create(&d, f, 0);
	fill(f, 0, 1000, 1);
	submit(&d, src, dst, 1);
	submit(&d, src, dst, 2);
	assert_int_equal(fix_len(dst), 0);
	fix_until(f->pe, &d.done, 2);
	assert_int_equal(fix_len(dst), 2000);
	assert_memory_equal(f->mem, f->mem + 8192, 1000);
	assert_memory_equal(f->mem, f->mem + 9192, 1000);
	OK(doca_buf_dec_refcount(src, NULL));
	OK(doca_buf_dec_refcount(dst, NULL));
	destroy(&d);
}

static struct doca_buf *make_list(struct fix *f, size_t at, const size_t *lens, int n, bool is_src)
{
	struct doca_buf *head = NULL;

	for (int i = 0; i < n; i++) {
		struct doca_buf *b = is_src ? fix_src(f, at, lens[i]) : fix_dst(f, at, lens[i]);

		if (head)
			OK(doca_buf_chain_list(head, b));
		else
			head = b;
		at += lens[i] + 64; /* a gap that must stay untouched */
	}
	return head;
}

static void lists_are_one_run_of_bytes(void **state)
{
	static const size_t in[] = {100, 1, 4000, 899}, out[] = {2000, 5, 3000};
	struct fix *f = *state;
	struct doca_buf *src = make_list(f, 0, in, 4, true),
			*dst = make_list(f, 65536, out, 3, false);
	uint8_t flat_in[5000], flat_out[5005];
	size_t at_in = 0, at_out = 0, pos = 0;
	struct dma d;

	create(&d, f, 0);
	fill(f, 0, 65536, 7);
	submit(&d, src, dst, 1);
	fix_until(f->pe, &d.done, 1);
	for (int i = 0; i < 4; at_in += in[i], pos += in[i] + 64, i++)
		memcpy(flat_in + at_in, f->mem + pos, in[i]);
	pos = 65536;
	for (int i = 0; i < 3; at_out += out[i], pos += out[i] + 64, i++)
		memcpy(flat_out + at_out, f->mem + pos, out[i]);
	assert_memory_equal(flat_in, flat_out, 5000);
	assert_int_equal(f->mem[65536 + 2000], 0);
	FAILS(DOCA_ERROR_NOT_PERMITTED, doca_buf_dec_refcount((struct doca_buf *)({
		struct doca_buf *next;
		OK(doca_buf_get_next_in_list(src, &next));
		next;
	}),
						NULL));
	OK(doca_buf_dec_refcount(src, NULL));
	OK(doca_buf_dec_refcount(dst, NULL));
	destroy(&d);
}

static void order_is_kept(void **state)
{
	struct fix *f = *state;
	struct doca_buf *src = fix_src(f, 0, 64), *dst = fix_dst(f, 4096, 65536);
	struct dma d;

	create(&d, f, 0);
	for (unsigned i = 0; i < 200; i++)
		submit(&d, src, dst, i);
	fix_until(f->pe, &d.done, 200);
	for (unsigned i = 0; i < 200; i++)
		assert_int_equal(d.order[i], i);
	OK(doca_buf_dec_refcount(src, NULL));
	OK(doca_buf_dec_refcount(dst, NULL));
	destroy(&d);
}

static void one_progress_one_completion(void **state)
{
	struct fix *f = *state;
	struct doca_buf *src = fix_src(f, 0, 64), *dst = fix_dst(f, 4096, 65536);
	size_t inflight;
	struct dma d;

	create(&d, f, 0);
	for (unsigned i = 0; i < 3; i++)
		submit(&d, src, dst, i);
	for (unsigned i = 0; i < 3; i++) {
		OK(doca_ctx_get_num_inflight_tasks(d.ctx, &inflight));
		assert_int_equal(inflight, 3 - i);
		assert_int_equal(doca_pe_progress(f->pe), 1);
		assert_int_equal(d.done, i + 1);
	}
	assert_int_equal(doca_pe_progress(f->pe), 0);
	OK(doca_buf_dec_refcount(src, NULL));
	OK(doca_buf_dec_refcount(dst, NULL));
	destroy(&d);
}

static void workers_do_the_same(void **state)
{
	struct fix *f = *state;
	struct doca_buf *src[100], *dst[100];
	struct dma d;

	create(&d, f, 2);
	fill(f, 0, 100 * 4096, 3);
	for (unsigned i = 0; i < 100; i++) {
		src[i] = fix_src(f, i * 4096, 4096);
		dst[i] = fix_dst(f, (200 + i) * 4096, 4096);
		submit(&d, src[i], dst[i], i);
	}
	fix_until(f->pe, &d.done, 100);
	assert_memory_equal(f->mem, f->mem + 200 * 4096, 100 * 4096);
	for (unsigned i = 0; i < 100; i++) {
		OK(doca_buf_dec_refcount(src[i], NULL));
		OK(doca_buf_dec_refcount(dst[i], NULL));
	}
	destroy(&d);
}

/* A failed copy: the context stops by itself, the rest is flushed, and it can be started again. */
static void an_error_stops_the_context(void **state)
{
	struct fix *f = *state;
	struct doca_buf *src = fix_src(f, 0, 64), *dst = fix_dst(f, 4096, 32);
	enum doca_ctx_states now = DOCA_CTX_STATE_RUNNING;
	struct dma d;

	create(&d, f, 0);
	for (unsigned i = 0; i < 10; i++)
		submit(&d, src, dst, i);
	while (now != DOCA_CTX_STATE_IDLE) {
		doca_pe_progress(f->pe);
		OK(doca_ctx_get_state(d.ctx, &now));
	}
	assert_int_equal(d.done, 0);
	assert_int_equal(d.failed, 10);
	assert_int_equal(d.last, DOCA_ERROR_IO_FAILED);
	assert_int_equal(d.transitions[DOCA_CTX_STATE_RUNNING][DOCA_CTX_STATE_STOPPING], 1);
	assert_int_equal(d.transitions[DOCA_CTX_STATE_STOPPING][DOCA_CTX_STATE_IDLE], 1);
	OK(doca_ctx_start(d.ctx));
	OK(doca_buf_dec_refcount(dst, NULL));
	dst = fix_dst(f, 4096, 64);
	submit(&d, src, dst, 0);
	fix_until(f->pe, &d.done, 1);
	OK(doca_buf_dec_refcount(src, NULL));
	OK(doca_buf_dec_refcount(dst, NULL));
	destroy(&d);
}

static void stop_flushes(void **state)
{
	struct fix *f = *state;
	struct doca_buf *src = fix_src(f, 0, 64), *dst = fix_dst(f, 4096, 65536);

	for (unsigned workers = 0; workers < 3; workers += 2) {
		struct dma d;

		create(&d, f, workers);
		for (unsigned i = 0; i < 50; i++)
			submit(&d, src, dst, i);
		FAILS(DOCA_ERROR_BAD_STATE, doca_dma_destroy(d.dma));
		destroy(&d);
		assert_int_equal(d.done + d.failed, 50);
	}
	OK(doca_buf_dec_refcount(src, NULL));
	OK(doca_buf_dec_refcount(dst, NULL));
}

static void permissions_hold(void **state)
{
	static uint8_t memory[8192];
	struct fix *f = *state;
	struct doca_dev *other = fix_open("03:00.1");
	struct doca_mmap *read_only =
		fix_map(f->dev, memory, 4096, DOCA_ACCESS_FLAG_LOCAL_READ_ONLY);
	struct doca_mmap *foreign =
		fix_map(other, memory + 4096, 4096, DOCA_ACCESS_FLAG_LOCAL_READ_WRITE);
	struct doca_buf *src = fix_src(f, 0, 64), *dst;
	struct doca_dma_task_memcpy *task;
	union doca_data none = {0};
	struct dma d;

	create(&d, f, 0);
	OK(doca_buf_inventory_buf_get_by_addr(f->inv, read_only, memory, 64, &dst));
	OK(doca_dma_task_memcpy_alloc_init(d.dma, src, dst, none, &task));
	FAILS(DOCA_ERROR_NOT_PERMITTED, doca_task_try_submit(doca_dma_task_memcpy_as_task(task)));
	assert_non_null(strstr(doca_softdpu_last_refusal(), "read only"));
	OK(doca_buf_dec_refcount(dst, NULL));
	OK(doca_buf_inventory_buf_get_by_addr(f->inv, foreign, memory + 4096, 64, &dst));
	doca_dma_task_memcpy_set_dst(task, dst);
	FAILS(DOCA_ERROR_NOT_PERMITTED, doca_task_try_submit(doca_dma_task_memcpy_as_task(task)));
	doca_task_free(doca_dma_task_memcpy_as_task(task));
	FAILS(DOCA_ERROR_IN_USE, doca_mmap_destroy(foreign));
	FAILS(DOCA_ERROR_IN_USE, doca_dev_close(other));
	OK(doca_buf_dec_refcount(dst, NULL));
	OK(doca_buf_dec_refcount(src, NULL));
	OK(doca_mmap_destroy(foreign));
	OK(doca_mmap_destroy(read_only));
	OK(doca_dev_close(other));
	destroy(&d);
}

static void buffers_stay_in_their_map(void **state)
{
	struct fix *f = *state;
	struct doca_buf *buf = fix_src(f, 100, 200), *copy;
	uint16_t refs;
	void *p;

	FAILS(DOCA_ERROR_INVALID_VALUE,
		doca_buf_inventory_buf_get_by_addr(f->inv, f->mmap, f->mem - 1, 10, &copy));
	FAILS(DOCA_ERROR_INVALID_VALUE,
		doca_buf_inventory_buf_get_by_addr(f->inv, f->mmap, f->mem, FIX_LEN + 1, &copy));
	FAILS(DOCA_ERROR_INVALID_VALUE,
		doca_buf_inventory_buf_get_by_addr(f->inv, f->mmap, f->mem + 1, SIZE_MAX, &copy));
	FAILS(DOCA_ERROR_INVALID_VALUE, doca_buf_set_data(buf, f->mem + 99, 10));
	FAILS(DOCA_ERROR_INVALID_VALUE, doca_buf_set_data(buf, f->mem + 250, 51));
	OK(doca_buf_set_data(buf, f->mem + 250, 50));
	OK(doca_buf_get_data(buf, &p));
	assert_ptr_equal(p, f->mem + 250);
	OK(doca_buf_inventory_buf_dup(f->inv, buf, &copy));
	assert_int_equal(fix_len(copy), 50);
	OK(doca_buf_reset_data_len(buf));
	assert_int_equal(fix_len(buf), 0);
	OK(doca_buf_inc_refcount(buf, &refs));
	assert_int_equal(refs, 1);
	OK(doca_buf_dec_refcount(buf, NULL));
	OK(doca_buf_dec_refcount(buf, &refs));
	assert_int_equal(refs, 1);
	FAILS(DOCA_ERROR_INVALID_VALUE, doca_buf_dec_refcount(buf, NULL));
	OK(doca_buf_dec_refcount(copy, NULL));
}

static void pools_hand_out_their_pieces(void **state)
{
	struct fix *f = *state;
	struct doca_buf_pool *pool;
	struct doca_buf *bufs[8], *more;
	void *head;

	OK(doca_buf_pool_create(8, 100, f->mmap, &pool));
	OK(doca_buf_pool_set_element_alignment(pool, 256));
	OK(doca_buf_pool_start(pool));
	for (int i = 0; i < 8; i++) {
		OK(doca_buf_pool_buf_alloc(pool, &bufs[i]));
		OK(doca_buf_get_head(bufs[i], &head));
		assert_int_equal((uintptr_t)head % 256, 0);
	}
	FAILS(DOCA_ERROR_NO_MEMORY, doca_buf_pool_buf_alloc(pool, &more));
	FAILS(DOCA_ERROR_IN_USE, doca_buf_pool_stop(pool));
	for (int i = 0; i < 8; i++)
		OK(doca_buf_dec_refcount(bufs[i], NULL));
	OK(doca_buf_pool_stop(pool));
	OK(doca_buf_pool_destroy(pool));
}

static void memory_files_are_mapped(void **state)
{
	struct fix *f = *state;
	int fd = memfd_create("test", MFD_CLOEXEC);
	struct doca_mmap *mmap;
	struct doca_buf *src = fix_src(f, 0, 5000), *dst;
	uint8_t back[5000];
	struct dma d;
	void *addr;
	size_t len;

	assert_int_equal(ftruncate(fd, 65536), 0);
	OK(doca_mmap_create(&mmap));
	FAILS(DOCA_ERROR_INVALID_VALUE, doca_mmap_set_dmabuf_memrange(mmap, fd, NULL, 100, 4096));
	OK(doca_mmap_set_dmabuf_memrange(mmap, fd, NULL, 4096, 8192));
	OK(doca_mmap_add_dev(mmap, f->dev));
	OK(doca_mmap_start(mmap));
	OK(doca_mmap_get_memrange(mmap, &addr, &len));
	assert_int_equal(len, 8192);
	create(&d, f, 0);
	fill(f, 0, 5000, 9);
	OK(doca_buf_inventory_buf_get_by_addr(f->inv, mmap, (uint8_t *)addr + 10, 8000, &dst));
	submit(&d, src, dst, 0);
	fix_until(f->pe, &d.done, 1);
	assert_int_equal(pread(fd, back, 5000, 4096 + 10), 5000);
	assert_memory_equal(back, f->mem, 5000);
	OK(doca_buf_dec_refcount(src, NULL));
	OK(doca_buf_dec_refcount(dst, NULL));
	OK(doca_mmap_destroy(mmap));
	close(fd);
	destroy(&d);
}

static void sleepers_are_woken(void **state)
{
	struct fix *f = *state;

	for (unsigned workers = 0; workers < 2; workers++) {
		struct doca_buf *src = fix_src(f, 0, 1 << 20), *dst = fix_dst(f, 1 << 20, 3 << 20);
		doca_event_handle_t handle;
		struct pollfd p = {.events = POLLIN};
		struct dma d;

		create(&d, f, workers);
		OK(doca_pe_get_notification_handle(f->pe, &handle));
		p.fd = handle;
		OK(doca_pe_request_notification(f->pe));
		assert_int_equal(poll(&p, 1, 0), 0);
		OK(doca_pe_clear_notification(f->pe, 0));
		submit(&d, src, dst, 0); /* before the request */
		OK(doca_pe_request_notification(f->pe));
		assert_int_equal(poll(&p, 1, 5000), 1);
		OK(doca_pe_clear_notification(f->pe, 0));
		fix_until(f->pe, &d.done, 1);
		OK(doca_pe_request_notification(f->pe));
		submit(&d, src, dst, 1); /* after it */
		assert_int_equal(poll(&p, 1, 5000), 1);
		OK(doca_pe_clear_notification(f->pe, 0));
		fix_until(f->pe, &d.done, 2);
		OK(doca_buf_dec_refcount(src, NULL));
		OK(doca_buf_dec_refcount(dst, NULL));
		destroy(&d);
	}
}

/* ---- graphs ---- */

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

/* ---- two processes ---- */

#define REMOTE_LEN (3 * 4096 + 777) /* ends inside a page */

struct exported {
	pid_t pid;
	int ready, quit; /* pipes */
	uint8_t desc[1024];
	size_t desc_len;
	uintptr_t addr;
};

/* The exporting process: fills memory with a pattern that begins inside a page, and waits. */
static void exporter(int out, int in, uint32_t permissions)
{
	uint8_t *mem = malloc(REMOTE_LEN + 8192),
		*base = (uint8_t *)(((uintptr_t)mem + 4095) & ~4095ul) + 100;
	struct doca_dev *dev = fix_open("b1:00.0");
	struct doca_mmap *mmap;
	const void *desc;
	size_t len;
	char c;

	for (size_t i = 0; i < REMOTE_LEN; i++)
		base[i] = (uint8_t)(i * 7);
	mmap = fix_map(dev, base, REMOTE_LEN, permissions);
	OK(doca_mmap_export_pci(mmap, dev, &desc, &len));
	if (write(out, &len, sizeof(len)) < 0 || write(out, desc, len) < 0 ||
		write(out, &base, sizeof(base)) < 0)
		_exit(1);
	while (read(in, &c, 1) == 1) {
		uint8_t sum = 0;

		if (c == 's') /* stop: the importer must notice */
			OK(doca_mmap_stop(mmap));
		for (size_t i = 0; i < REMOTE_LEN; i++)
			sum = (uint8_t)(sum + base[i]);
		if (write(out, &sum, 1) < 0)
			break;
	}
	_exit(0);
}

static struct exported start_exporter(uint32_t permissions)
{
	struct exported e = {.pid = 0};
	int out[2], in[2];

	assert_int_equal(pipe(out) | pipe(in), 0);
	e.pid = fork();
	if (!e.pid) {
		close(out[0]);
		close(in[1]);
		exporter(out[1], in[0], permissions);
	}
	close(out[1]);
	close(in[0]);
	e.ready = out[0];
	e.quit = in[1];
	assert_int_equal(read(e.ready, &e.desc_len, sizeof(e.desc_len)), sizeof(e.desc_len));
	assert_int_equal(read(e.ready, e.desc, e.desc_len), (int)e.desc_len);
	assert_int_equal(read(e.ready, &e.addr, sizeof(e.addr)), sizeof(e.addr));
	return e;
}

static uint8_t ask(struct exported *e, char what)
{
	uint8_t sum = 0;

	assert_int_equal(write(e->quit, &what, 1), 1);
	assert_int_equal(read(e->ready, &sum, 1), 1);
	return sum;
}

static void end_exporter(struct exported *e)
{
	close(e->quit);
	close(e->ready);
	assert_int_equal(waitpid(e->pid, NULL, 0), e->pid);
}

static void peers_memory_is_read_and_written(void **state)
{
	struct fix *f = *state;
	struct exported e = start_exporter(DOCA_ACCESS_FLAG_PCI_READ_WRITE);
	struct doca_buf *theirs, *ours;
	struct doca_mmap *remote;
	struct dma d;
	uint8_t sum = 0, imported;

	create(&d, f, 0);
	OK(doca_mmap_create_from_export(NULL, e.desc, e.desc_len, f->dev, &remote));
	OK(doca_mmap_is_imported(remote, &imported));
	assert_int_equal(imported, 1);
	OK(doca_buf_inventory_buf_get_by_data(f->inv, remote, (void *)e.addr, REMOTE_LEN, &theirs));
	ours = fix_dst(f, 0, REMOTE_LEN);
	submit(&d, theirs, ours, 0);
	fix_until(f->pe, &d.done, 1);
	for (size_t i = 0; i < REMOTE_LEN; i++)
		assert_int_equal(f->mem[i], (uint8_t)(i * 7));
	/* and back, changed */
	for (size_t i = 0; i < REMOTE_LEN; i++) {
		f->mem[i] ^= 0x5a;
		sum = (uint8_t)(sum + f->mem[i]);
	}
	OK(doca_buf_reset_data_len(theirs));
	submit(&d, ours, theirs, 0);
	fix_until(f->pe, &d.done, 2);
	assert_int_equal(ask(&e, '?'), sum);
	OK(doca_buf_dec_refcount(theirs, NULL));
	OK(doca_buf_dec_refcount(ours, NULL));
	OK(doca_mmap_destroy(remote));
	end_exporter(&e);
	destroy(&d);
}

static void read_only_exports_stay_so(void **state)
{
	struct fix *f = *state;
	struct exported e = start_exporter(DOCA_ACCESS_FLAG_PCI_READ_ONLY);
	struct doca_dma_task_memcpy *task;
	struct doca_buf *theirs, *ours;
	struct doca_mmap *remote, *none;
	union doca_data data = {0};
	struct dma d;

	create(&d, f, 0);
	OK(doca_mmap_create_from_export(NULL, e.desc, e.desc_len, f->dev, &remote));
	OK(doca_buf_inventory_buf_get_by_addr(f->inv, remote, (void *)e.addr, REMOTE_LEN, &theirs));
	ours = fix_src(f, 0, 100);
	OK(doca_dma_task_memcpy_alloc_init(d.dma, ours, theirs, data, &task));
	FAILS(DOCA_ERROR_NOT_PERMITTED, doca_task_try_submit(doca_dma_task_memcpy_as_task(task)));
	doca_task_free(doca_dma_task_memcpy_as_task(task));
	OK(doca_buf_dec_refcount(theirs, NULL));
	OK(doca_buf_dec_refcount(ours, NULL));
	/* what is no descriptor */
	FAILS(DOCA_ERROR_INVALID_VALUE,
		doca_mmap_create_from_export(NULL, e.desc, e.desc_len - 1, f->dev, &none));
	e.desc[20] ^= 1; /* pid */
	assert_int_not_equal(doca_mmap_create_from_export(NULL, e.desc, e.desc_len, f->dev, &none),
		DOCA_SUCCESS);
	e.desc[20] ^= 1;
	e.desc[44] ^= 1; /* token */
	FAILS(DOCA_ERROR_NOT_FOUND,
		doca_mmap_create_from_export(NULL, e.desc, e.desc_len, f->dev, &none));
	e.desc[0] ^= 1;
	FAILS(DOCA_ERROR_INVALID_VALUE,
		doca_mmap_create_from_export(NULL, e.desc, e.desc_len, f->dev, &none));
	OK(doca_mmap_destroy(remote));
	end_exporter(&e);
	destroy(&d);
}

static void dead_or_stopped_exporters_are_noticed(void **state)
{
	struct fix *f = *state;

	for (int killed = 0; killed < 2; killed++) {
		struct exported e = start_exporter(DOCA_ACCESS_FLAG_PCI_READ_WRITE);
		struct doca_buf *theirs, *ours;
		struct doca_mmap *remote;
		struct dma d;

		create(&d, f, 0);
		OK(doca_mmap_create_from_export(NULL, e.desc, e.desc_len, f->dev, &remote));
		OK(doca_buf_inventory_buf_get_by_data(
			f->inv, remote, (void *)(e.addr + 4096), 64, &theirs));
		ours = fix_dst(f, 0, 64);
		if (killed) {
			kill(e.pid, SIGKILL);
			waitpid(e.pid, NULL, 0);
			usleep(50000); /* the watcher thread's turn */
		} else {
			ask(&e, 's');
		}
		submit(&d, theirs, ours, 0);
		fix_until(f->pe, &d.failed, 1);
		assert_int_equal(d.last, DOCA_ERROR_IO_FAILED);
		OK(doca_buf_dec_refcount(theirs, NULL));
		OK(doca_buf_dec_refcount(ours, NULL));
		OK(doca_mmap_destroy(remote));
		if (killed) {
			close(e.quit);
			close(e.ready);
		} else {
			end_exporter(&e);
		}
		destroy(&d);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		fix_test(copies_append),
		fix_test(lists_are_one_run_of_bytes),
		fix_test(order_is_kept),
		fix_test(one_progress_one_completion),
		fix_test(workers_do_the_same),
		fix_test(an_error_stops_the_context),
		fix_test(stop_flushes),
		fix_test(permissions_hold),
		fix_test(buffers_stay_in_their_map),
		fix_test(pools_hand_out_their_pieces),
		fix_test(memory_files_are_mapped),
		fix_test(sleepers_are_woken),
		fix_test(graphs_run_in_order),
		fix_test(cycles_are_refused),
		fix_test(peers_memory_is_read_and_written),
		fix_test(read_only_exports_stay_so),
		fix_test(dead_or_stopped_exporters_are_noticed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
