/* SPDX-License-Identifier: BSD-3-Clause */
/* Contexts: their states, and how they end. */
#include <doca_softdpu.h>

#include <stdlib.h>
#include <string.h>

#include "doca/common/pe_int.h"

void dcore_ctx_init(struct doca_ctx *ctx, struct doca_dev *dev, const struct dcore_ctx_ops *ops,
	struct dcore_task_type *types, unsigned n_types)
{
	memset(ctx, 0, sizeof(*ctx));
	list_init(&ctx->pe_link);
	dcore_fifo_init(&ctx->pending);
	dcore_fifo_init(&ctx->done);
	ctx->dev = dev;
	ctx->dev_bit = dev ? dcore_dev_bit(dev) : 0;
	ctx->ops = ops;
	ctx->types = types;
	ctx->n_types = n_types;
	for (unsigned i = 0; i < n_types; i++)
		types[i].ctx = ctx;
	ctx->n_workers = ops->may_have_workers ? workers_default() : 0;
	dcore_dev_hold(dev);
}

doca_error_t dcore_ctx_fini(struct doca_ctx *ctx)
{
	if (ctx->state != DOCA_CTX_STATE_IDLE)
		return dcore_fail(DOCA_ERROR_BAD_STATE,
			"the %s context is not idle: stop it before it is destroyed",
			ctx->ops->name);
	if (ctx->pe) {
		if (ctx->pe->cursor == &ctx->pe_link)
			ctx->pe->cursor = ctx->pe_link.next;
		list_remove(&ctx->pe_link);
		ctx->pe->n_ctxs--;
	}
	for (unsigned i = 0; i < ctx->n_types; i++)
		free(ctx->types[i].slab);
	dcore_dev_release(ctx->dev);
	return DOCA_SUCCESS;
}

/* May be the last thing that happens to the context: the program may destroy it in the callback. */
static void set_state(struct doca_ctx *ctx, enum doca_ctx_states state)
{
	enum doca_ctx_states before = ctx->state;

	ctx->state = state;
	if (before != state && ctx->state_cb)
		ctx->state_cb(ctx->user_data, ctx, before, state);
}

static void become_idle(struct doca_ctx *ctx)
{
	workers_stop(ctx);
	if (ctx->ops->idle)
		ctx->ops->idle(ctx);
	set_state(ctx, DOCA_CTX_STATE_IDLE);
}

doca_error_t doca_ctx_start(struct doca_ctx *ctx)
{
	doca_error_t result = DOCA_SUCCESS;

	DCORE_NOT_NULL(ctx);
	if (ctx->state != DOCA_CTX_STATE_IDLE)
		return dcore_fail(DOCA_ERROR_BAD_STATE, "%s: the %s context is not idle", __func__,
			ctx->ops->name);
	if (!ctx->pe && !ctx->ops->may_run_without_pe)
		return dcore_fail(DOCA_ERROR_BAD_STATE,
			"%s: connect the %s context to a progress engine first "
			"(doca_pe_connect_ctx)",
			__func__, ctx->ops->name);
	if (ctx->n_workers && workers_start(ctx) < 0)
		return dcore_fail(DOCA_ERROR_OPERATING_SYSTEM, "%s: %s", __func__, refusal());
	if (ctx->ops->start)
		result = ctx->ops->start(ctx);
	if (result != DOCA_SUCCESS && result != DOCA_ERROR_IN_PROGRESS) {
		workers_stop(ctx);
		return result;
	}
	set_state(ctx, result == DOCA_SUCCESS ? DOCA_CTX_STATE_RUNNING : DOCA_CTX_STATE_STARTING);
	return result;
}

void dcore_ctx_running(struct doca_ctx *ctx, bool ok)
{
	if (ctx->state != DOCA_CTX_STATE_STARTING)
		return;
	if (ok)
		set_state(ctx, DOCA_CTX_STATE_RUNNING);
	else
		become_idle(ctx);
}

/* True when nothing is left to wait for. */
static bool begin_stop(struct doca_ctx *ctx)
{
	bool ended = true;

	task_flush(ctx);
	if (ctx->ops->stop)
		ended = ctx->ops->stop(ctx);
	return ended && !ctx->inflight;
}

doca_error_t doca_ctx_stop(struct doca_ctx *ctx)
{
	DCORE_NOT_NULL(ctx);
	if (ctx->state == DOCA_CTX_STATE_IDLE)
		return DOCA_SUCCESS; /* programs stop in a callback and again while cleaning up */
	if (ctx->state == DOCA_CTX_STATE_STOPPING)
		return DOCA_ERROR_IN_PROGRESS;
	if (begin_stop(ctx)) {
		become_idle(ctx);
		return DOCA_SUCCESS;
	}
	set_state(ctx, DOCA_CTX_STATE_STOPPING);
	dcore_pe_wake(ctx->pe);
	return DOCA_ERROR_IN_PROGRESS;
}

void dcore_ctx_break(struct doca_ctx *ctx)
{
	if (ctx->state != DOCA_CTX_STATE_RUNNING && ctx->state != DOCA_CTX_STATE_STARTING)
		return;
	begin_stop(ctx);
	set_state(ctx, DOCA_CTX_STATE_STOPPING);
}

bool dcore_ctx_is_idle(const struct doca_ctx *ctx)
{
	return ctx->state == DOCA_CTX_STATE_IDLE;
}

bool ctx_step_stopping(struct doca_ctx *ctx)
{
	if (ctx->workers && workers_reap(ctx, true))
		return task_deliver(ctx);
	if (ctx->inflight) {
		if (ctx->ops->progress && ctx->ops->progress(ctx))
			return true;
		return ctx->done.head && task_deliver(ctx);
	}
	if (ctx->ops->stopped && !ctx->ops->stopped(ctx))
		return false;
	become_idle(ctx);
	return true;
}

bool ctx_has_work(struct doca_ctx *ctx)
{
	if (ctx->done.head || ctx->pending.head)
		return true;
	if (ctx->workers && workers_have_results(ctx->workers))
		return true;
	if (ctx->state == DOCA_CTX_STATE_STOPPING && !ctx->inflight && !ctx->ops->stopped)
		return true;
	return ctx->state != DOCA_CTX_STATE_IDLE && ctx->ops->arm && ctx->ops->arm(ctx);
}

/* ---- properties ---- */

void doca_ctx_flush_tasks(struct doca_ctx *ctx)
{
}

doca_error_t doca_ctx_get_state(const struct doca_ctx *ctx, enum doca_ctx_states *state)
{
	DCORE_NOT_NULL(ctx);
	DCORE_NOT_NULL(state);
	*state = ctx->state;
	return DOCA_SUCCESS;
}

doca_error_t doca_ctx_get_num_inflight_tasks(const struct doca_ctx *ctx, size_t *num_inflight_tasks)
{
	DCORE_NOT_NULL(ctx);
	DCORE_NOT_NULL(num_inflight_tasks);
	*num_inflight_tasks = ctx->inflight;
	return DOCA_SUCCESS;
}

doca_error_t doca_ctx_set_user_data(struct doca_ctx *ctx, union doca_data user_data)
{
	DCORE_NOT_NULL(ctx);
	ctx->user_data = user_data;
	return DOCA_SUCCESS;
}

doca_error_t doca_ctx_get_user_data(const struct doca_ctx *ctx, union doca_data *user_data)
{
	DCORE_NOT_NULL(ctx);
	DCORE_NOT_NULL(user_data);
	*user_data = ctx->user_data;
	return DOCA_SUCCESS;
}

doca_error_t doca_ctx_set_state_changed_cb(
	struct doca_ctx *ctx, doca_ctx_state_changed_callback_t user_callback)
{
	DCORE_NOT_NULL(ctx);
	ctx->state_cb = user_callback;
	return DOCA_SUCCESS;
}

doca_error_t doca_ctx_set_datapath_on_gpu(struct doca_ctx *ctx, struct doca_gpu *gpu_dev)
{
	DCORE_NOT_NULL(ctx);
	return dcore_fail(DOCA_ERROR_NOT_SUPPORTED, "%s: softdpu has no GPU data path", __func__);
}

doca_error_t doca_ctx_set_datapath_on_dpa(struct doca_ctx *ctx, struct doca_dpa *dpa_dev)
{
	DCORE_NOT_NULL(ctx);
	return dcore_fail(
		DOCA_ERROR_NOT_SUPPORTED, "%s: softdpu has no data path accelerator", __func__);
}

doca_error_t doca_softdpu_ctx_set_workers(struct doca_ctx *ctx, uint32_t num_workers)
{
	DCORE_NOT_NULL(ctx);
	if (ctx->state != DOCA_CTX_STATE_IDLE)
		return dcore_fail(DOCA_ERROR_BAD_STATE, "%s: the %s context is not idle", __func__,
			ctx->ops->name);
	if (!ctx->ops->may_have_workers)
		return dcore_fail(DOCA_ERROR_NOT_SUPPORTED,
			"%s: a %s context has nothing to compute", __func__, ctx->ops->name);
	if (num_workers > DOCA_SOFTDPU_WORKERS_MAX)
		return dcore_fail(DOCA_ERROR_TOO_BIG, "%s: %u workers, at most %d", __func__,
			num_workers, DOCA_SOFTDPU_WORKERS_MAX);
	ctx->n_workers = num_workers;
	return DOCA_SUCCESS;
}

const char *doca_softdpu_last_refusal(void)
{
	return refusal();
}
