/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * libdoca_dma. A copy walks two lists of buffers at once; each step copies the bytes both sides
 * have in one piece.
 */
#include <stdlib.h>

#include "doca/dma/dma_int.h"
#include "engine/copy/copy.h"

#define MAX_LIST_LEN 4096u
#define BOUNCE 65536u /* between two peers whose memory is not mapped */

struct doca_dma_task_memcpy {
	struct doca_task task; /* which has source and destination */
};

/* ---- the copy ---- */

static int through_bounce(const struct doca_buf *src, const uint8_t *from, struct doca_buf *dst,
	uint8_t *to, size_t len)
{
	uint8_t *bounce = malloc(BOUNCE);
	int err = bounce ? 0 : -ENOMEM;

	for (size_t n; len && !err; from += n, to += n, len -= n) {
		n = MIN_OF(len, BOUNCE);
		err = dcore_mmap_read(src->mmap, from, bounce, n);
		if (!err)
			err = dcore_mmap_write(dst->mmap, to, bounce, n);
	}
	free(bounce);
	return err;
}

static int copy_piece(const struct doca_buf *src, const uint8_t *from, struct doca_buf *dst,
	uint8_t *to, size_t len)
{
	const uint8_t *local_from = dcore_mmap_local(src->mmap, from, len);
	uint8_t *local_to = dcore_mmap_local(dst->mmap, to, len);
	int err;

	if (local_from && local_to) {
		copy_bytes(local_to, local_from, len);
		return 0;
	}
	if (local_to)
		return dcore_mmap_read(src->mmap, from, local_to, len);
	if (local_from)
		return dcore_mmap_write(dst->mmap, to, local_from, len);
	err = dcore_mmap_copy_on_gpu(src->mmap, from, dst->mmap, to, len);
	return err == -ENOTSUP ? through_bounce(src, from, dst, to, len) : err;
}

/* Lengths were checked: the destination has room for all of the source. */
static int copy_lists(const struct doca_buf *src, struct doca_buf *dst)
{
	size_t at = 0; /* in src */

	while (src) {
		uint8_t *to = dst->data + dst->data_len;
		size_t n = MIN_OF(src->data_len - at, (size_t)(dst->head + dst->len - to));
		int err = n ? copy_piece(src, src->data + at, dst, to, n) : 0;

		if (err)
			return err;
		dst->data_len += n;
		at += n;
		if (at == src->data_len) {
			src = src->next;
			at = 0;
		} else {
			dst = dst->next;
		}
	}
	return 0;
}

static doca_error_t check_lists(const struct doca_buf *list, const struct doca_dev *dev, bool write)
{
	for (; list; list = list->next) {
		doca_error_t result = dcore_mmap_may(list->mmap, dev, write);

		if (unlikely(result != DOCA_SUCCESS))
			return result;
		if (unlikely(dcore_mmap_dead(list->mmap)))
			return dcore_fail(DOCA_ERROR_IO_FAILED,
				"DMA: the process that exported the %s is gone",
				write ? "destination" : "source");
	}
	return DOCA_SUCCESS;
}

static doca_error_t check(struct doca_task *task)
{
	doca_error_t result = check_lists(task->src, task->ctx->dev, false);
	size_t len = dcore_buf_list_data_len(task->src), room = dcore_buf_list_tailroom(task->dst);

	if (result == DOCA_SUCCESS)
		result = check_lists(task->dst, task->ctx->dev, true);
	if (result != DOCA_SUCCESS)
		return result;
	if (unlikely(!len || len > room))
		return dcore_fail(DOCA_ERROR_IO_FAILED,
			"DMA: %zu bytes of source, room for %zu in the destination", len, room);
	if (unlikely(task->src->list_len > MAX_LIST_LEN || task->dst->list_len > MAX_LIST_LEN))
		return dcore_fail(DOCA_ERROR_IO_FAILED,
			"DMA: lists of %u and %u buffers, at most %u", task->src->list_len,
			task->dst->list_len, MAX_LIST_LEN);
	return DOCA_SUCCESS;
}

static uint8_t *reach_source(const struct doca_buf *src, const struct doca_ctx *ctx)
{
	if (src->readers & ctx->dev_bit)
		return src->data;
	return dcore_buf_reach(src, src->data, src->data_len, ctx->dev, false);
}

static uint8_t *reach_room(const struct doca_buf *dst, size_t len, const struct doca_ctx *ctx)
{
	uint8_t *to = dst->data + dst->data_len;

	return dst->writers & ctx->dev_bit ? to : dcore_buf_reach(dst, to, len, ctx->dev, true);
}

/* Memory whose owner may die: a peer's. */
static bool is_dead(const struct doca_buf *buf)
{
	return !buf->readers && dcore_mmap_dead(buf->mmap);
}

/* One buffer each, and all of it within reach: a peer's memory, mapped. False: not so, or the peer is gone. */
static bool run_simple(struct doca_task *task)
{
	const struct doca_buf *src = task->src;
	struct doca_buf *dst = task->dst;
	size_t len = src->data_len;
	uint8_t *from, *to;

	if (src->next || dst->next || !len || len > dcore_buf_tailroom(dst))
		return false;
	from = reach_source(src, task->ctx);
	to = reach_room(dst, len, task->ctx);
	if (!from || !to)
		return false;
	copy_bytes(to, from, len);
	if (unlikely(is_dead(src) || is_dead(dst)))
		return false; /* what was read may be stale: run_lists() says whose it was */
	dst->data_len += len;
	task->status = DOCA_SUCCESS;
	return true;
}

static doca_error_t run_lists(struct doca_task *task)
{
	doca_error_t result = check(task);

	if (result != DOCA_SUCCESS)
		return result;
	if (copy_lists(task->src, task->dst) < 0)
		return dcore_fail(DOCA_ERROR_IO_FAILED, "DMA: %s", refusal());
	return dcore_mmap_dead(task->src->mmap) || dcore_mmap_dead(task->dst->mmap)
		       ? DOCA_ERROR_IO_FAILED
		       : DOCA_SUCCESS;
}

static void run(struct doca_task **tasks, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (!run_simple(tasks[i]))
			tasks[i]->status = run_lists(tasks[i]);
}

static doca_error_t copy(struct doca_task *task, const uint8_t *src, size_t len, uint8_t *dst,
	size_t room, size_t *written)
{
	if (unlikely(!len || len > room))
		return check(task);
	copy_bytes(dst, src, len);
	*written = len;
	return DOCA_SUCCESS;
}

/* ---- one copy by several workers ---- */

#define PIECE_MIN (1u << 20) /* what makes up for waking another worker, 10 to 50 us */

static bool is_ordinary(const struct doca_task *task)
{
	return !task->src->next && !task->dst->next &&
	       (task->src->readers & task->dst->writers & task->ctx->dev_bit) &&
	       task->src->data_len <= dcore_buf_tailroom(task->dst);
}

static unsigned pieces(const struct doca_task *task)
{
	size_t n = task->src->data_len / PIECE_MIN;

	return n < 2 || !is_ordinary(task) ? 1 : (unsigned)MIN_OF(n, task->ctx->n_workers);
}

/* Whole pages, but for the last. */
static void copy_part(struct doca_task *task, unsigned index, unsigned of)
{
	size_t len = task->src->data_len, part = (len / of + 4095) & ~(size_t)4095;
	size_t at = MIN_OF(index * part, len);

	copy_bytes(task->dst->data + task->dst->data_len + at, task->src->data + at,
		MIN_OF(part, len - at));
}

static void copied(struct doca_task *task)
{
	task->dst->data_len += task->src->data_len;
	task->status = DOCA_SUCCESS;
}

/* ---- the library ---- */

static doca_error_t start(struct doca_ctx *ctx)
{
	return dma_file_start(container_of(ctx, struct doca_dma, ctx));
}

static void idle(struct doca_ctx *ctx)
{
	dma_file_stop(container_of(ctx, struct doca_dma, ctx));
}

static const struct dcore_ctx_ops ops = {.name = "DMA",
	.start = start,
	.idle = idle,
	.progress = dma_file_progress,
	.arm = dma_file_arm,
	.may_have_workers = true,
	.error_stops = true};

doca_error_t doca_dma_cap_task_memcpy_is_supported(const struct doca_devinfo *devinfo)
{
	DCORE_NOT_NULL(devinfo);
	return DOCA_SUCCESS;
}

doca_error_t doca_dma_cap_task_memcpy_get_max_buf_size(
	const struct doca_devinfo *devinfo, uint64_t *max_buf_size)
{
	DCORE_NOT_NULL(devinfo);
	DCORE_NOT_NULL(max_buf_size);
	*max_buf_size = INT64_MAX; /* an address space */
	return DOCA_SUCCESS;
}

doca_error_t doca_dma_cap_task_memcpy_get_max_buf_list_len(
	const struct doca_devinfo *devinfo, uint32_t *max_buf_list_len)
{
	DCORE_NOT_NULL(devinfo);
	DCORE_NOT_NULL(max_buf_list_len);
	*max_buf_list_len = MAX_LIST_LEN;
	return DOCA_SUCCESS;
}

doca_error_t doca_dma_create(struct doca_dev *dev, struct doca_dma **dma)
{
	DCORE_NOT_NULL(dev);
	DCORE_NOT_NULL(dma);
	copy_init();
	*dma = calloc(1, sizeof(**dma));
	if (!*dma)
		return DOCA_ERROR_NO_MEMORY;
	(*dma)->types[DMA_MEMCPY] = (struct dcore_task_type){.name = "DMA memcpy",
		.size = sizeof(struct doca_dma_task_memcpy),
		.convert = copy,
		.run = run,
		.check = check,
		.pieces = pieces,
		.piece = copy_part,
		.joined = copied,
		.batch = 1};
	dma_file_type_init(&(*dma)->types[DMA_FILE]);
	dcore_ctx_init(&(*dma)->ctx, dev, &ops, (*dma)->types, DMA_TYPES);
	return DOCA_SUCCESS;
}

doca_error_t doca_dma_destroy(struct doca_dma *dma)
{
	doca_error_t result = dma ? dcore_ctx_fini(&dma->ctx) : DOCA_SUCCESS;

	if (result == DOCA_SUCCESS)
		free(dma);
	return result;
}

struct doca_ctx *doca_dma_as_ctx(struct doca_dma *dma)
{
	return dma ? &dma->ctx : NULL;
}

doca_error_t doca_dma_set_ordered_completions(struct doca_dma *dma, uint8_t ordered)
{
	DCORE_NOT_NULL(dma);
	if (!dcore_ctx_is_idle(&dma->ctx))
		return dcore_fail(DOCA_ERROR_BAD_STATE, "%s: the context is not idle", __func__);
	if (ordered && dma->ctx.n_workers > 1)
		dma->ctx.n_workers = 1;
	return DOCA_SUCCESS;
}

doca_error_t doca_dma_get_gpu_handle(struct doca_dma *dma, struct doca_gpu_dma **gpu_dma)
{
	DCORE_NOT_NULL(dma);
	return dcore_fail(DOCA_ERROR_NOT_SUPPORTED, "%s: softdpu has no GPU data path", __func__);
}

doca_error_t doca_dma_task_memcpy_set_conf(struct doca_dma *dma,
	doca_dma_task_memcpy_completion_cb_t task_completion_cb,
	doca_dma_task_memcpy_completion_cb_t task_error_cb, uint32_t num_memcpy_tasks)
{
	DCORE_NOT_NULL(dma);
	return dcore_task_conf(&dma->ctx, &dma->types[DMA_MEMCPY],
		(dcore_task_cb)task_completion_cb, (dcore_task_cb)task_error_cb, num_memcpy_tasks);
}

doca_error_t doca_dma_task_memcpy_get_num_tasks(
	const struct doca_dma *dma, uint32_t *num_memcpy_tasks)
{
	DCORE_NOT_NULL(dma);
	DCORE_NOT_NULL(num_memcpy_tasks);
	*num_memcpy_tasks = dma->types[DMA_MEMCPY].num;
	return DOCA_SUCCESS;
}

doca_error_t doca_dma_task_memcpy_alloc_init(struct doca_dma *dma, const struct doca_buf *src,
	struct doca_buf *dst, union doca_data user_data, struct doca_dma_task_memcpy **task)
{
	doca_error_t result;

	DCORE_NOT_NULL(dma);
	DCORE_NOT_NULL(src);
	DCORE_NOT_NULL(dst);
	DCORE_NOT_NULL(task);
	*task = dcore_task_alloc(&dma->types[DMA_MEMCPY], user_data, &result);
	if (*task) {
		(*task)->task.src = src;
		(*task)->task.dst = dst;
	}
	return result;
}

struct doca_task *doca_dma_task_memcpy_as_task(struct doca_dma_task_memcpy *task)
{
	return &task->task;
}

void doca_dma_task_memcpy_set_src(struct doca_dma_task_memcpy *task, const struct doca_buf *src)
{
	task->task.src = src;
}

void doca_dma_task_memcpy_set_dst(struct doca_dma_task_memcpy *task, struct doca_buf *dst)
{
	task->task.dst = dst;
}

const struct doca_buf *doca_dma_task_memcpy_get_src(const struct doca_dma_task_memcpy *task)
{
	return task->task.src;
}

struct doca_buf *doca_dma_task_memcpy_get_dst(const struct doca_dma_task_memcpy *task)
{
	return task->task.dst;
}
