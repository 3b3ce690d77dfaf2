/* SPDX-License-Identifier: BSD-3-Clause */
/* Tasks: pools, submission, flushing, properties. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "doca/common/pe_int.h"

/* ---- pools ---- */

doca_error_t dcore_task_conf(struct doca_ctx *ctx, struct dcore_task_type *type, dcore_task_cb ok,
	dcore_task_cb error, uint32_t num)
{
	size_t stride = (type->size + 63) & ~(size_t)63;

	if (ctx->state != DOCA_CTX_STATE_IDLE)
		return dcore_fail(DOCA_ERROR_BAD_STATE, "%s: the context is not idle", type->name);
	if (num > TASKS_MAX)
		return dcore_fail(DOCA_ERROR_INVALID_VALUE, "%s: %u tasks; at most %u", type->name,
			num, TASKS_MAX);
	if (!ok || !error)
		return dcore_fail(DOCA_ERROR_INVALID_VALUE, "%s: a callback is NULL", type->name);
	free(type->slab);
	type->slab = NULL;
	type->free = NULL;
	if (num && posix_memalign(&type->slab, 64, num * stride))
		return DOCA_ERROR_NO_MEMORY;
	for (uint32_t i = num; i-- > 0;) {
		struct doca_task *task = (void *)((char *)type->slab + i * stride);

		memset(task, 0, type->size);
		task->type = type;
		task->ctx = ctx;
		task->next = type->free;
		type->free = task;
	}
	type->ok = ok;
	type->error = error;
	type->num = num;
	return DOCA_SUCCESS;
}

void *dcore_task_alloc(
	struct dcore_task_type *type, union doca_data user_data, doca_error_t *result)
{
	struct doca_task *task = type->free;

	if (type->ctx->state == DOCA_CTX_STATE_IDLE || !type->num) {
		*result = dcore_fail(DOCA_ERROR_BAD_STATE, "%s: %s", type->name,
			type->num ? "start the context before allocating tasks"
				  : "tasks of this type were not configured (set_conf)");
		return NULL;
	}
	if (!task) {
		*result = DOCA_ERROR_NO_MEMORY;
		return NULL;
	}
	type->free = task->next;
	task->user_data = user_data;
	task->status = DOCA_SUCCESS;
	task->state = DCORE_TASK_IDLE;
	task->hook = NULL;
	*result = DOCA_SUCCESS;
	return task;
}

/* Programs free posted receives and then stop the context: such a task goes back when it is flushed. */
void doca_task_free(struct doca_task *task)
{
	if (!task)
		return;
	if (task->state == DCORE_TASK_INFLIGHT)
		task->free_when_done = true;
	else if (task->state == DCORE_TASK_IDLE)
		task_give_back(task);
}

/* ---- submission ---- */

static doca_error_t submit_now(struct doca_task *task)
{
	struct doca_ctx *ctx = task->ctx;

	task->state = DCORE_TASK_INFLIGHT;
	task->status = task->type->now(task);
	if (task->status == DOCA_ERROR_AGAIN) {
		task->state = DCORE_TASK_IDLE;
		return DOCA_ERROR_AGAIN;
	}
	ctx->inflight++;
	if (task->status != DOCA_ERROR_IN_PROGRESS) {
		dcore_fifo_push(&ctx->done, task);
		if (unlikely(ctx->pe->armed))
			dcore_pe_wake(ctx->pe);
	}
	return DOCA_SUCCESS;
}

doca_error_t doca_task_submit_ex(struct doca_task *task, uint32_t submit_flags)
{
	struct doca_ctx *ctx = task->ctx;

	if (unlikely(task->state != DCORE_TASK_IDLE || ctx->state != DOCA_CTX_STATE_RUNNING))
		return dcore_fail(DOCA_ERROR_BAD_STATE, "%s: %s", task->type->name,
			task->state == DCORE_TASK_INFLIGHT ? "the task is in flight"
			: task->state == DCORE_TASK_FREE   ? "the task was freed"
							   : "the context is not running");
	if (task->type->now)
		return submit_now(task);
	task->state = DCORE_TASK_INFLIGHT;
	task->status = DOCA_ERROR_IN_PROGRESS;
	ctx->inflight++;
	if (ctx->workers)
		workers_push(ctx->workers, task);
	else
		dcore_fifo_push(&ctx->pending, task);
	if (unlikely(ctx->pe->armed))
		dcore_pe_wake(ctx->pe);
	return DOCA_SUCCESS;
}

doca_error_t doca_task_submit(struct doca_task *task)
{
	return doca_task_submit_ex(task, DOCA_TASK_SUBMIT_FLAG_FLUSH);
}

doca_error_t doca_task_try_submit(struct doca_task *task)
{
	doca_error_t result = task->type->check ? task->type->check(task) : DOCA_SUCCESS;

	return result == DOCA_SUCCESS ? doca_task_submit(task) : result;
}

/* ---- the end ---- */

void dcore_task_done(struct doca_task *task, doca_error_t status)
{
	assert(task->state == DCORE_TASK_INFLIGHT);
	task->status = status;
	dcore_fifo_push(&task->ctx->done, task);
}

void task_flush(struct doca_ctx *ctx)
{
	struct doca_task *task;

	if (ctx->workers)
		workers_reap(ctx, true);
	while ((task = dcore_fifo_pop(&ctx->pending))) {
		task->status = DOCA_ERROR_SHUTDOWN;
		dcore_fifo_push(&ctx->done, task);
	}
}

/* ---- properties ---- */

doca_error_t doca_task_get_status(const struct doca_task *task)
{
	return task->status;
}

struct doca_ctx *doca_task_get_ctx(const struct doca_task *task)
{
	return task->ctx;
}

void doca_task_set_user_data(struct doca_task *task, union doca_data user_data)
{
	task->user_data = user_data;
}

union doca_data doca_task_get_user_data(const struct doca_task *task)
{
	return task->user_data;
}

/* ---- batches: a library that has them puts struct doca_task_batch first in its own ---- */

doca_error_t doca_task_batch_submit(struct doca_task_batch *task_batch)
{
	DCORE_NOT_NULL(task_batch);
	return task_batch->ops->submit(task_batch, false);
}

doca_error_t doca_task_batch_try_submit(struct doca_task_batch *task_batch)
{
	DCORE_NOT_NULL(task_batch);
	return task_batch->ops->submit(task_batch, true);
}

void doca_task_batch_free(struct doca_task_batch *task_batch)
{
	if (task_batch)
		task_batch->ops->free(task_batch);
}

struct doca_ctx *doca_task_batch_get_ctx(const struct doca_task_batch *task_batch)
{
	return task_batch->ctx;
}

void doca_task_batch_set_user_data(struct doca_task_batch *task_batch, union doca_data user_data)
{
	task_batch->user_data = user_data;
}

union doca_data doca_task_batch_get_user_data(const struct doca_task_batch *task_batch)
{
	return task_batch->user_data;
}
