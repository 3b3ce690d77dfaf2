/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * doca_pe: the progress engine and tasks.
 *
 * A progress engine drives contexts. One call of doca_pe_progress() performs work that was
 * submitted and delivers at most one completion or event through its callback; it returns 1 if it
 * delivered one, else 0.
 *
 *     while (doca_pe_progress(pe))
 *             ;
 *
 * Sleeping: arm with doca_pe_request_notification(), wait until the handle (a file descriptor) is
 * readable, doca_pe_clear_notification(), progress until 0 again. If there is work already, the
 * handle is readable at once.
 *
 * Tasks belong to a context's library, which allocates and initialises them
 * (`X_task_y_alloc_init`). A submitted task must not be touched until its success or error callback
 * runs; in the callback it may be resubmitted, changed or freed. Completion order within a context
 * is that of submission unless a library says otherwise.
 *
 * An engine, its contexts and their tasks belong to one thread (or are serialised by the program).
 */
#ifndef DOCA_PE_H_
#define DOCA_PE_H_

#include "doca_error.h"
#include "doca_types.h"

#ifdef __cplusplus
extern "C" {
#endif

struct doca_ctx;
struct doca_pe;
struct doca_task;
struct doca_task_batch;

doca_error_t doca_pe_create(struct doca_pe **pe);
/* IN_USE while contexts are connected: destroy them first. */
doca_error_t doca_pe_destroy(struct doca_pe *pe);

/* A context is connected once, while idle, for its whole life. */
doca_error_t doca_pe_connect_ctx(struct doca_pe *pe, struct doca_ctx *ctx);
uint8_t doca_pe_progress(struct doca_pe *pe);
doca_error_t doca_pe_get_num_inflight_tasks(const struct doca_pe *pe, size_t *num_inflight_tasks);

/* The descriptor belongs to the engine. `handle` of clear is for other operating systems: pass 0.
 */
doca_error_t doca_pe_get_notification_handle(const struct doca_pe *pe, doca_event_handle_t *handle);
/* May look for work for up to 50 us before it returns, if the last wait was shorter than 100 us. */
doca_error_t doca_pe_request_notification(struct doca_pe *pe);
doca_error_t doca_pe_clear_notification(struct doca_pe *pe, doca_event_handle_t handle);

enum doca_pe_event_mode {
	DOCA_PE_EVENT_MODE_PROGRESS_SELECTIVE = 0,
	DOCA_PE_EVENT_MODE_PROGRESS_ALL = 1,
};
doca_error_t doca_pe_set_event_mode(struct doca_pe *pe, enum doca_pe_event_mode event_mode);

enum doca_task_submit_flag {
	DOCA_TASK_SUBMIT_FLAG_NONE = 0,
	DOCA_TASK_SUBMIT_FLAG_FLUSH = (1 << 0),
	DOCA_TASK_SUBMIT_FLAG_OPTIMIZE_REPORTS = (1 << 1),
};

/* BAD_STATE unless the context runs; AGAIN when it can take no more now. Bad arguments of the task
 * itself come back through the error callback. */
doca_error_t doca_task_submit(struct doca_task *task);
doca_error_t doca_task_submit_ex(struct doca_task *task, uint32_t submit_flags);
/* As submit, but validates the task's arguments now and returns what is wrong with them. */
doca_error_t doca_task_try_submit(struct doca_task *task);

/* Give the task back to its context; one in flight goes back just before its callback. */
void doca_task_free(struct doca_task *task);

/* Result of the last completion. */
doca_error_t doca_task_get_status(const struct doca_task *task);
struct doca_ctx *doca_task_get_ctx(const struct doca_task *task);
void doca_task_set_user_data(struct doca_task *task, union doca_data user_data);
union doca_data doca_task_get_user_data(const struct doca_task *task);

/* Batches: many tasks of one type submitted and completed with one call (libraries that offer
 * them). */
doca_error_t doca_task_batch_submit(struct doca_task_batch *task_batch);
doca_error_t doca_task_batch_try_submit(struct doca_task_batch *task_batch);
void doca_task_batch_free(struct doca_task_batch *task_batch);
struct doca_ctx *doca_task_batch_get_ctx(const struct doca_task_batch *task_batch);
void doca_task_batch_set_user_data(struct doca_task_batch *task_batch, union doca_data user_data);
union doca_data doca_task_batch_get_user_data(const struct doca_task_batch *task_batch);

#ifdef __cplusplus
}
#endif
#endif
