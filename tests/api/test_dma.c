/* SPDX-License-Identifier: BSD-3-Clause */
/* Memory, buffers, contexts and tasks, seen through DMA copies. */
#include "dma.h"

#include <poll.h>
#include <sys/mman.h>
#include <unistd.h>

#include <doca_buf_pool.h>

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

/* Copies of many pages among short ones: each arrives whole, whoever took part. */
static void workers_share_long_copies(void **state)
{
	enum { LEN = 64 << 20 };
	struct fix *f = *state;
	uint8_t *mem = aligned_alloc(4096, 2 * LEN);
	struct doca_mmap *mmap;
	struct doca_buf *src, *dst, *from, *to[20];
	struct dma d;

	for (size_t i = 0; i < LEN; i++)
		mem[i] = (uint8_t)(i * 2654435761u >> 13);
	mmap = fix_map(f->dev, mem, 2 * LEN, DOCA_ACCESS_FLAG_LOCAL_READ_WRITE);
	create(&d, f, 3);
	from = fix_src(f, 0, 64);
	for (unsigned i = 0; i < 20; i++)
		to[i] = fix_dst(f, 4096 + i * 64, 64);
	for (size_t len = LEN - 777, n = 0; len > 1 << 20; len /= 3, n = d.done) {
		memset(mem + LEN, 0, LEN);
		OK(doca_buf_inventory_buf_get_by_data(f->inv, mmap, mem, len, &src));
		OK(doca_buf_inventory_buf_get_by_addr(f->inv, mmap, mem + LEN, LEN, &dst));
		for (unsigned i = 0; i < 20; i++)
			submit(&d, i == 7 ? src : from, i == 7 ? dst : to[i], i);
		fix_until(f->pe, &d.done, (unsigned)n + 20);
		assert_int_equal(fix_len(dst), len);
		assert_memory_equal(mem, mem + LEN, len);
		assert_int_equal(mem[LEN + len], 0);
		OK(doca_buf_dec_refcount(src, NULL));
		OK(doca_buf_dec_refcount(dst, NULL));
		for (unsigned i = 0; i < 20; i++)
			OK(doca_buf_reset_data_len(to[i]));
	}
	OK(doca_buf_dec_refcount(from, NULL));
	for (unsigned i = 0; i < 20; i++)
		OK(doca_buf_dec_refcount(to[i], NULL));
	destroy(&d);
	OK(doca_mmap_destroy(mmap));
	free(mem);
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

int main(void)
{
	static const struct CMUnitTest tests[] = {
		fix_test(copies_append),
		fix_test(lists_are_one_run_of_bytes),
		fix_test(order_is_kept),
		fix_test(one_progress_one_completion),
		fix_test(workers_do_the_same),
		fix_test(workers_share_long_copies),
		fix_test(an_error_stops_the_context),
		fix_test(stop_flushes),
		fix_test(permissions_hold),
		fix_test(buffers_stay_in_their_map),
		fix_test(pools_hand_out_their_pieces),
		fix_test(memory_files_are_mapped),
		fix_test(sleepers_are_woken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
