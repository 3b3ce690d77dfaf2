/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * doca_ctx: what all libraries' instances have in common: a life.
 *
 *     idle -> (starting) -> running -> (stopping) -> idle
 *
 * Configure an instance while idle, connect it to a progress engine, start it. A start that needs a
 * peer returns IN_PROGRESS and ends in running (or idle) inside doca_pe_progress(). A stop with
 * tasks in flight returns IN_PROGRESS; the tasks come back through their error callbacks (flushed),
 * then the context becomes idle. The state callback hears every change, inside the call that causes
 * it; it may destroy the instance when the next state is idle.
 *
 * One thread: that of the progress engine. F:3806, F:4715.
 */
#ifndef DOCA_CTX_H_
#define DOCA_CTX_H_

#include "doca_error.h"
#include "doca_types.h"

#ifdef __cplusplus
extern "C" {
#endif

struct doca_ctx;

enum doca_ctx_states {
	DOCA_CTX_STATE_IDLE = 0,
	DOCA_CTX_STATE_STARTING = 1,
	DOCA_CTX_STATE_RUNNING = 2,
	DOCA_CTX_STATE_STOPPING = 3,
};

typedef void (*doca_ctx_state_changed_callback_t)(const union doca_data user_data,
	struct doca_ctx *ctx, enum doca_ctx_states prev_state, enum doca_ctx_states next_state);

/* SUCCESS: running. IN_PROGRESS: starting. BAD_STATE when not idle or without a progress engine
 * (for libraries that need one). */
doca_error_t doca_ctx_start(struct doca_ctx *ctx);

/* SUCCESS: idle (also when it was idle before). IN_PROGRESS: stopping, keep progressing. */
doca_error_t doca_ctx_stop(struct doca_ctx *ctx);

/* Complete what was submitted with deferred flags. Nothing is ever held back here: a no-op. */
void doca_ctx_flush_tasks(struct doca_ctx *ctx);

doca_error_t doca_ctx_get_state(const struct doca_ctx *ctx, enum doca_ctx_states *state);
doca_error_t doca_ctx_get_num_inflight_tasks(
	const struct doca_ctx *ctx, size_t *num_inflight_tasks);

/* Handed to task and state callbacks. */
doca_error_t doca_ctx_set_user_data(struct doca_ctx *ctx, union doca_data user_data);
doca_error_t doca_ctx_get_user_data(const struct doca_ctx *ctx, union doca_data *user_data);

doca_error_t doca_ctx_set_state_changed_cb(
	struct doca_ctx *ctx, doca_ctx_state_changed_callback_t user_callback);

/* Data paths elsewhere: NOT_SUPPORTED, with the reason in the log. */
doca_error_t doca_ctx_set_datapath_on_gpu(struct doca_ctx *ctx, struct doca_gpu *gpu_dev);
doca_error_t doca_ctx_set_datapath_on_dpa(struct doca_ctx *ctx, struct doca_dpa *dpa_dev);

#ifdef __cplusplus
}
#endif
#endif
