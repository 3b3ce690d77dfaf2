/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One step of progress: which context, which task, its work, its callback. A polling program spends its life
 * here, and 4 KiB of AES-GCM take 400 ns: all of it is one file, for the compiler to make one function of.
 */
#include "doca/common/pe_int.h"

/* ---- delivery ---- */

static inline void deliver(struct doca_ctx *ctx, struct doca_task *task)
{
	struct dcore_task_type *type = task->type;

	task->state = DCORE_TASK_IDLE;
	ctx->inflight--;
	if (unlikely(task->free_when_done)) {
		task->free_when_done = false;
		task_give_back(task);
	}
	if (unlikely(task->status != DOCA_SUCCESS && ctx->ops->error_stops))
		dcore_ctx_break(ctx);
	if (unlikely(task->hook))
		task->hook(task, task->hook_arg);
	else if (likely(task->status == DOCA_SUCCESS))
		type->ok(task, task->user_data, ctx->user_data);
	else
		type->error(task, task->user_data, ctx->user_data);
}

bool task_deliver(struct doca_ctx *ctx)
{
	deliver(ctx, dcore_fifo_pop(&ctx->done));
	return true;
}

/* ---- work ---- */

static inline bool is_plain(
	const struct doca_buf *src, const struct doca_buf *dst, uint64_t dev_bit)
{
	return !src->next && !dst->next && (src->readers & dst->writers & dev_bit);
}

static doca_error_t convert_rare(struct doca_task *task)
{
	if (!task->type->run)
		return task_convert_lists(task);
	task->type->run(&task, 1);
	return task->status;
}

/* One buffer of ordinary memory each: nothing to look up, nothing to copy. */
static inline doca_error_t convert(struct doca_task *task)
{
	const struct doca_buf *src = task->src;
	struct doca_buf *dst = task->dst;
	size_t written = 0;
	doca_error_t result;

	if (unlikely(!is_plain(src, dst, task->ctx->dev_bit)))
		return convert_rare(task);
	task->bounced = false;
	result = task->type->convert(task, src->data, src->data_len, dst->data + dst->data_len,
		dcore_buf_tailroom(dst), &written);
	if (likely(result == DOCA_SUCCESS))
		dst->data_len += written;
	return result;
}

void task_run(struct doca_task **tasks, unsigned n)
{
	if (!tasks[0]->type->convert) {
		tasks[0]->type->run(tasks, n);
		return;
	}
	for (unsigned i = 0; i < n; i++)
		tasks[i]->status = convert(tasks[i]);
}

void dcore_task_soon(const struct doca_task *task)
{
	const uint8_t *from = task->src->data, *to = task->dst->data + task->dst->data_len;

	__builtin_prefetch(from);
	__builtin_prefetch(to, 1);
	if (task->src->data_len <= 256)
		return;
	for (unsigned line = 1; line < 4; line++) {
		__builtin_prefetch(from + 64 * line);
		__builtin_prefetch(to + 64 * line, 1);
	}
}

/*
 * While a task runs, what the next three need comes nearer: the memory of the next, the buffers of the second,
 * the third itself. Each step reads only what an earlier one has fetched.
 */
static inline void look_ahead(const struct dcore_task_type *type, const struct doca_task *next)
{
	if (!next || next->type != type)
		return;
	if (type->soon)
		type->soon(next);
	else
		dcore_task_soon(next);
	next = next->next;
	if (!next)
		return;
	__builtin_prefetch(next->src);
	__builtin_prefetch(next->dst, 1);
	if (next->next) {
		__builtin_prefetch(next->next, 1);
		__builtin_prefetch(next->next + 1);
	}
}

/* Nothing is done and undelivered: a task that runs alone need not queue for it. */
static inline bool run_alone(struct doca_ctx *ctx, struct doca_task *task)
{
	const struct dcore_task_type *type = task->type;

	if (likely(type->convert != NULL)) {
		look_ahead(type, ctx->pending.head);
		task->status = convert(task);
	} else {
		type->run(&task, 1);
	}
	if (unlikely(task->status == DOCA_ERROR_IN_PROGRESS))
		return false;
	deliver(ctx, task);
	return true;
}

static bool run_burst(struct doca_ctx *ctx, struct doca_task *task)
{
	struct dcore_task_type *type = task->type;
	struct doca_task *burst[BATCH_MAX];
	unsigned n = 0, max = MIN_OF(type->batch, BATCH_MAX);

	burst[n++] = task;
	while (n < max && ctx->pending.head && ctx->pending.head->type == type)
		burst[n++] = dcore_fifo_pop(&ctx->pending);
	type->run(burst, n);
	for (unsigned i = 0; i < n; i++)
		if (burst[i]->status != DOCA_ERROR_IN_PROGRESS)
			dcore_fifo_push(&ctx->done, burst[i]);
	return ctx->done.head && task_deliver(ctx);
}

static inline bool run_pending(struct doca_ctx *ctx)
{
	struct doca_task *task = dcore_fifo_pop(&ctx->pending);

	return task->type->batch <= 1 ? run_alone(ctx, task) : run_burst(ctx, task);
}

/* ---- one step ---- */

/* No task waits to be run or delivered. */
static bool look_for_events(struct doca_ctx *ctx)
{
	if (ctx->state == DOCA_CTX_STATE_IDLE)
		return false;
	if (ctx->state == DOCA_CTX_STATE_STOPPING)
		return ctx_step_stopping(ctx);
	if (ctx->workers && workers_reap(ctx, false))
		return task_deliver(ctx);
	if (!ctx->ops->progress)
		return false;
	if (ctx->ops->progress(ctx))
		return true;
	return ctx->done.head && task_deliver(ctx);
}

/* True: a callback ran, and the context may be gone. Tasks are pending only while it runs. */
static inline bool step(struct doca_ctx *ctx)
{
	if (ctx->done.head)
		return task_deliver(ctx);
	if (ctx->pending.head && run_pending(ctx))
		return true;
	return look_for_events(ctx);
}

uint8_t doca_pe_progress(struct doca_pe *pe)
{
	for (unsigned left = pe->n_ctxs; left > 0; left--) {
		struct list *at = pe->cursor == &pe->ctxs ? pe->ctxs.next : pe->cursor;

		if (at == &pe->ctxs)
			return 0;
		pe->cursor = at->next;
		if (step(list_entry(at, struct doca_ctx, pe_link)))
			return 1;
	}
	return 0;
}
