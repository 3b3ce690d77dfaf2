/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * DMA between memory and files. A submitted task is one entry of the context's ring; entries are given to the
 * kernel together at the next progress, which also collects what has finished. A short transfer goes on with
 * what is left.
 */
#include <doca_softdpu_dma.h>

#include <errno.h>
#include <liburing.h>
#include <string.h>

#include "doca/dma/dma_int.h"

#define LIST_MAX DOCA_SOFTDPU_DMA_FILE_LIST_MAX
#define ENTRIES_MAX 4096u

struct dma_ring {
	struct io_uring uring;
	unsigned unsubmitted;
};

struct doca_softdpu_dma_task_file {
	struct doca_task task;
	struct doca_buf *list;
	int fd;
	bool write;
	uint64_t offset, moved;
	struct iovec iov[LIST_MAX];
	unsigned first, n; /* iov[first] is the next to move */
};

static struct doca_dma *of(struct doca_ctx *ctx)
{
	return container_of(ctx, struct doca_dma, ctx);
}

/* ---- a transfer ---- */

static doca_error_t add_piece(struct doca_softdpu_dma_task_file *t, const struct doca_buf *b)
{
	uint8_t *at = t->write ? b->data : b->data + b->data_len;
	size_t len = t->write ? b->data_len : dcore_buf_tailroom(b);
	uint8_t *local = dcore_mmap_local(b->mmap, at, len);

	if (!local)
		return dcore_fail(DOCA_ERROR_NOT_SUPPORTED,
			"DMA: a file's peer must be memory of this machine that is mapped here");
	if (len)
		t->iov[t->n++] = (struct iovec){.iov_base = local, .iov_len = len};
	return DOCA_SUCCESS;
}

static doca_error_t gather(struct doca_softdpu_dma_task_file *t)
{
	doca_error_t result = DOCA_SUCCESS;

	if (t->list->list_len > LIST_MAX)
		return dcore_fail(DOCA_ERROR_TOO_BIG, "DMA: a list of %u buffers, files take %d",
			t->list->list_len, LIST_MAX);
	t->first = t->n = 0;
	t->moved = 0;
	for (const struct doca_buf *b = t->list; b && result == DOCA_SUCCESS; b = b->next) {
		result = dcore_mmap_may(b->mmap, t->task.ctx->dev, !t->write);
		if (result == DOCA_SUCCESS)
			result = add_piece(t, b);
	}
	if (result == DOCA_SUCCESS && !t->n)
		return dcore_fail(DOCA_ERROR_INVALID_VALUE, "DMA: %s",
			t->write ? "nothing to write" : "no room to read into");
	return result;
}

static bool queue(struct dma_ring *ring, struct doca_softdpu_dma_task_file *t)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&ring->uring);

	if (!sqe)
		return false;
	if (t->write)
		io_uring_prep_writev(
			sqe, t->fd, t->iov + t->first, t->n - t->first, t->offset + t->moved);
	else
		io_uring_prep_readv(
			sqe, t->fd, t->iov + t->first, t->n - t->first, t->offset + t->moved);
	io_uring_sqe_set_data(sqe, t);
	ring->unsubmitted++;
	return true;
}

static doca_error_t submit_now(struct doca_task *task)
{
	struct doca_softdpu_dma_task_file *t =
		container_of(task, struct doca_softdpu_dma_task_file, task);
	doca_error_t result = gather(t);

	if (result != DOCA_SUCCESS)
		return result;
	return queue(of(task->ctx)->ring, t) ? DOCA_ERROR_IN_PROGRESS : DOCA_ERROR_AGAIN;
}

/* Forget the first `len` bytes of what is to be moved. */
static void advance(struct doca_softdpu_dma_task_file *t, size_t len)
{
	t->moved += len;
	while (len && len >= t->iov[t->first].iov_len)
		len -= t->iov[t->first++].iov_len;
	if (len) {
		t->iov[t->first].iov_base = (uint8_t *)t->iov[t->first].iov_base + len;
		t->iov[t->first].iov_len -= len;
	}
}

/* What was read is data of the buffers now. */
static void commit(struct doca_softdpu_dma_task_file *t)
{
	uint64_t left = t->write ? 0 : t->moved;

	for (struct doca_buf *b = t->list; b && left; b = b->next) {
		size_t n = MIN_OF(left, dcore_buf_tailroom(b));

		b->data_len += n;
		left -= n;
	}
}

static void finish(struct doca_softdpu_dma_task_file *t, int res)
{
	doca_error_t status = DOCA_SUCCESS;

	if (res < 0)
		status = dcore_fail(DOCA_ERROR_IO_FAILED, "DMA: %s %llu bytes into the file: %s",
			t->write ? "writing" : "reading",
			(unsigned long long)(t->offset + t->moved), strerror(-res));
	else
		commit(t);
	dcore_task_done(&t->task, status);
}

/* One completion of the kernel's: the end of a task, or a part of it. */
static void take(struct dma_ring *ring, struct doca_softdpu_dma_task_file *t, int res)
{
	if (res > 0)
		advance(t, (size_t)res);
	if (res > 0 && t->first < t->n) {
		if (!queue(ring, t))
			finish(t, -EBUSY);
		return;
	}
	if (res == 0 && t->write)
		res = -ENOSPC; /* a device that takes no more */
	finish(t, res);
}

/* ---- the context ---- */

doca_error_t dma_file_start(struct doca_dma *dma)
{
	unsigned entries = MIN_OF(dma->types[DMA_FILE].num, ENTRIES_MAX);
	int err;

	if (!entries)
		return DOCA_SUCCESS;
	dma->ring = calloc(1, sizeof(*dma->ring));
	if (!dma->ring)
		return DOCA_ERROR_NO_MEMORY;
	err = io_uring_queue_init(entries, &dma->ring->uring, 0);
	if (err) {
		free(dma->ring);
		dma->ring = NULL;
		return dcore_fail(DOCA_ERROR_NOT_SUPPORTED, "DMA: io_uring: %s", strerror(-err));
	}
	dcore_pe_add_fd(dma->ctx.pe, dma->ring->uring.ring_fd);
	return DOCA_SUCCESS;
}

void dma_file_stop(struct doca_dma *dma)
{
	if (!dma->ring)
		return;
	dcore_pe_remove_fd(dma->ctx.pe, dma->ring->uring.ring_fd);
	io_uring_queue_exit(&dma->ring->uring);
	free(dma->ring);
	dma->ring = NULL;
}

static void submit_all(struct dma_ring *ring)
{
	int n = ring->unsubmitted ? io_uring_submit(&ring->uring) : 0;

	if (n > 0)
		ring->unsubmitted -= MIN_OF((unsigned)n, ring->unsubmitted);
}

bool dma_file_progress(struct doca_ctx *ctx)
{
	struct dma_ring *ring = of(ctx)->ring;
	struct io_uring_cqe *cqe;

	if (!ring)
		return false;
	submit_all(ring);
	while (io_uring_peek_cqe(&ring->uring, &cqe) == 0) {
		struct doca_softdpu_dma_task_file *t = io_uring_cqe_get_data(cqe);
		int res = cqe->res;

		io_uring_cqe_seen(&ring->uring, cqe);
		take(ring, t, res);
	}
	submit_all(ring);
	return false; /* what is done is delivered by the caller */
}

bool dma_file_arm(struct doca_ctx *ctx)
{
	struct dma_ring *ring = of(ctx)->ring;

	if (!ring)
		return false;
	submit_all(ring);
	return io_uring_cq_ready(&ring->uring) > 0;
}

void dma_file_type_init(struct dcore_task_type *type)
{
	*type = (struct dcore_task_type){.name = "DMA file",
		.size = sizeof(struct doca_softdpu_dma_task_file),
		.now = submit_now};
}

/* ---- calls ---- */

doca_error_t doca_softdpu_dma_cap_task_file_is_supported(const struct doca_devinfo *devinfo)
{
	struct io_uring probe;
	int err;

	DCORE_NOT_NULL(devinfo);
	err = io_uring_queue_init(1, &probe, 0);
	if (err)
		return dcore_fail(DOCA_ERROR_NOT_SUPPORTED, "DMA: io_uring: %s", strerror(-err));
	io_uring_queue_exit(&probe);
	return DOCA_SUCCESS;
}

doca_error_t doca_softdpu_dma_task_file_set_conf(struct doca_dma *dma,
	doca_softdpu_dma_task_file_completion_cb_t task_completion_cb,
	doca_softdpu_dma_task_file_completion_cb_t task_error_cb, uint32_t num_tasks)
{
	DCORE_NOT_NULL(dma);
	if (num_tasks > ENTRIES_MAX)
		return dcore_fail(DOCA_ERROR_INVALID_VALUE, "DMA: %u file tasks, at most %u",
			num_tasks, ENTRIES_MAX);
	return dcore_task_conf(&dma->ctx, &dma->types[DMA_FILE], (dcore_task_cb)task_completion_cb,
		(dcore_task_cb)task_error_cb, num_tasks);
}

static doca_error_t alloc(struct doca_dma *dma, struct doca_buf *list, bool write, int fd,
	uint64_t offset, union doca_data user_data, struct doca_softdpu_dma_task_file **task)
{
	doca_error_t result;

	DCORE_NOT_NULL(dma);
	DCORE_NOT_NULL(list);
	DCORE_NOT_NULL(task);
	if (fd < 0 || offset > INT64_MAX)
		return dcore_fail(DOCA_ERROR_INVALID_VALUE, "DMA: file %d, offset %llu", fd,
			(unsigned long long)offset);
	*task = dcore_task_alloc(&dma->types[DMA_FILE], user_data, &result);
	if (*task) {
		(*task)->list = list;
		(*task)->write = write;
		(*task)->fd = fd;
		(*task)->offset = offset;
		(*task)->moved = 0;
	}
	return result;
}

doca_error_t doca_softdpu_dma_task_file_write_alloc_init(struct doca_dma *dma,
	const struct doca_buf *src, int fd, uint64_t offset, union doca_data user_data,
	struct doca_softdpu_dma_task_file **task)
{
	return alloc(dma, (struct doca_buf *)src, true, fd, offset, user_data, task);
}

doca_error_t doca_softdpu_dma_task_file_read_alloc_init(struct doca_dma *dma, int fd,
	uint64_t offset, struct doca_buf *dst, union doca_data user_data,
	struct doca_softdpu_dma_task_file **task)
{
	return alloc(dma, dst, false, fd, offset, user_data, task);
}

struct doca_task *doca_softdpu_dma_task_file_as_task(struct doca_softdpu_dma_task_file *task)
{
	return &task->task;
}

uint64_t doca_softdpu_dma_task_file_get_len(const struct doca_softdpu_dma_task_file *task)
{
	return task->moved;
}
