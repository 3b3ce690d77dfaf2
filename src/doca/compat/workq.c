/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * libdoca_compat: work queues over the progress engine. A queue keeps a record per job in flight; a task's
 * callback turns the record into an event, which retrieve hands out.
 */
#include "compat/doca_compat_workq.h"

#include <doca_buf.h>
#include <doca_ctx.h>
#include <doca_dma.h>
#include <doca_pe.h>
#include <doca_regex.h>

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "doca/common/common.h"

#define CONTEXTS_MAX 256

struct record {
	struct record *next;
	struct doca_workq *wq;
	int type;
	union doca_data user_data;
	doca_error_t result;
};

struct doca_workq {
	struct doca_pe *pe;
	uint32_t depth, contexts;
	bool destroyed; /* by the program, while contexts stay connected to its engine */
	struct record *records, *free, *done, **done_tail;
};

/* A context made without a device, by what it is. */
static struct known {
	struct doca_ctx *ctx;
	struct doca_dma *dma;
	struct doca_regex *regex;
	struct doca_workq *wq, *engine_of; /* added to; whose engine it is connected to */
	bool asked_to_start;
} known[CONTEXTS_MAX];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* guards the table's slots */

static struct known *find(const struct doca_ctx *ctx)
{
	for (int i = 0; i < CONTEXTS_MAX; i++)
		if (known[i].ctx == ctx && ctx)
			return &known[i];
	return NULL;
}

static doca_error_t remember(struct known k)
{
	struct known *slot = NULL;

	pthread_mutex_lock(&lock);
	for (int i = 0; i < CONTEXTS_MAX && !slot; i++)
		if (!known[i].ctx)
			slot = &known[i];
	if (slot)
		*slot = k;
	pthread_mutex_unlock(&lock);
	return slot ? DOCA_SUCCESS
		    : dcore_fail(DOCA_ERROR_FULL, "more than %d contexts made without a device", CONTEXTS_MAX);
}

static void workq_free_unless_used(struct doca_workq *wq)
{
	for (int i = 0; i < CONTEXTS_MAX; i++)
		if (known[i].ctx && known[i].engine_of == wq)
			return;
	doca_pe_destroy(wq->pe);
	free(wq->records);
	free(wq);
}

static void forget(const struct doca_ctx *ctx)
{
	struct known *k = find(ctx);
	struct doca_workq *wq = k ? k->engine_of : NULL;

	pthread_mutex_lock(&lock);
	if (k)
		memset(k, 0, sizeof(*k));
	pthread_mutex_unlock(&lock);
	if (wq && wq->destroyed)
		workq_free_unless_used(wq);
}

/* The card's first function, until doca_ctx_dev_add() names another. */
static doca_error_t open_default(struct doca_dev **dev)
{
	struct doca_devinfo **list;
	uint32_t n;
	doca_error_t result = doca_devinfo_create_list(&list, &n);

	if (result != DOCA_SUCCESS)
		return result;
	result = n ? doca_dev_open(list[0], dev) : DOCA_ERROR_NOT_FOUND;
	doca_devinfo_destroy_list(list);
	return result;
}

/* ---- contexts ---- */

doca_error_t doca_compat_dma_create(struct doca_dma **dma)
{
	struct doca_dev *dev;
	doca_error_t result = open_default(&dev);

	if (result == DOCA_SUCCESS)
		result = doca_dma_create(dev, dma);
	if (result == DOCA_SUCCESS)
		result = remember((struct known){.ctx = doca_dma_as_ctx(*dma), .dma = *dma});
	return result;
}

doca_error_t doca_compat_regex_create(struct doca_regex **regex)
{
	struct doca_dev *dev;
	doca_error_t result = open_default(&dev);

	if (result == DOCA_SUCCESS)
		result = doca_regex_create_on_dev(dev, regex);
	if (result == DOCA_SUCCESS)
		result = remember((struct known){.ctx = doca_regex_as_ctx(*regex), .regex = *regex});
	return result;
}

/* A context we opened the default device for gives it back, whatever device it had last. */
static void close_device(struct doca_dev *dev, bool was_ours)
{
	if (was_ours)
		doca_dev_close(dev);
}

doca_error_t doca_compat_dma_destroy(struct doca_dma *dma)
{
	struct doca_ctx *ctx = doca_dma_as_ctx(dma);
	struct known *k = find(ctx);
	struct doca_dev *dev = ctx ? ctx->dev : NULL;
	doca_error_t result = doca_dma_destroy(dma);

	if (result == DOCA_SUCCESS) {
		close_device(dev, k);
		forget(ctx);
	}
	return result;
}

doca_error_t doca_compat_regex_destroy(struct doca_regex *regex)
{
	struct doca_ctx *ctx = doca_regex_as_ctx(regex);
	struct known *k = find(ctx);
	struct doca_dev *dev = ctx ? ctx->dev : NULL;
	doca_error_t result = doca_regex_destroy(regex);

	if (result == DOCA_SUCCESS) {
		close_device(dev, k);
		forget(ctx);
	}
	return result;
}

doca_error_t doca_ctx_dev_add(struct doca_ctx *ctx, struct doca_dev *dev)
{
	struct doca_dev *before;

	DCORE_NOT_NULL(ctx);
	DCORE_NOT_NULL(dev);
	if (!find(ctx) || !dcore_ctx_is_idle(ctx))
		return dcore_fail(DOCA_ERROR_BAD_STATE, "%s: the context %s", __func__,
			find(ctx) ? "is not idle" : "was created with a device");
	before = ctx->dev;
	doca_dev_open(doca_dev_as_devinfo(dev), &ctx->dev); /* ours, beside the program's own */
	dcore_dev_hold(dev);
	dcore_dev_release(before);
	return doca_dev_close(before);
}

doca_error_t doca_ctx_dev_rm(struct doca_ctx *ctx, struct doca_dev *dev)
{
	DCORE_NOT_NULL(ctx);
	return ctx->dev == dev ? DOCA_SUCCESS
			       : dcore_fail(DOCA_ERROR_NOT_FOUND, "%s: the context has another device", __func__);
}

doca_error_t doca_compat_ctx_start(struct doca_ctx *ctx)
{
	struct known *k = find(ctx);

	if (!k || ctx->pe)
		return doca_ctx_start(ctx);
	k->asked_to_start = true; /* a work queue has to come first now */
	return DOCA_SUCCESS;
}

doca_error_t doca_compat_ctx_stop(struct doca_ctx *ctx)
{
	struct known *k = find(ctx);

	if (k)
		k->asked_to_start = false;
	return doca_ctx_stop(ctx);
}

/* ---- events ---- */

static void finish(struct record *r, doca_error_t result)
{
	r->result = result;
	r->next = NULL;
	*r->wq->done_tail = r;
	r->wq->done_tail = &r->next;
}

static void on_task(struct doca_task *task, union doca_data user)
{
	finish(user.ptr, doca_task_get_status(task));
	doca_task_free(task);
}

static void on_dma(struct doca_dma_task_memcpy *task, union doca_data user, union doca_data ctx)
{
	on_task(doca_dma_task_memcpy_as_task(task), user);
}

static void on_search(struct doca_regex_task_search *task, union doca_data user, union doca_data ctx)
{
	on_task(doca_regex_task_search_as_task(task), user);
}

/* ---- queues ---- */

doca_error_t doca_workq_create(uint32_t depth, struct doca_workq **workq)
{
	struct doca_workq *wq;
	doca_error_t result;

	DCORE_NOT_NULL(workq);
	if (!depth || depth > 65536)
		return dcore_fail(DOCA_ERROR_INVALID_VALUE, "%s: depth %u; 1 to 65536", __func__, depth);
	wq = calloc(1, sizeof(*wq));
	if (wq)
		wq->records = calloc(depth, sizeof(*wq->records));
	result = wq && wq->records ? doca_pe_create(&wq->pe) : DOCA_ERROR_NO_MEMORY;
	if (result != DOCA_SUCCESS) {
		if (wq)
			free(wq->records);
		free(wq);
		return result;
	}
	wq->depth = depth;
	wq->done_tail = &wq->done;
	for (uint32_t i = depth; i-- > 0;) {
		wq->records[i].wq = wq;
		wq->records[i].next = wq->free;
		wq->free = &wq->records[i];
	}
	*workq = wq;
	return DOCA_SUCCESS;
}

doca_error_t doca_workq_destroy(struct doca_workq *workq)
{
	if (!workq)
		return DOCA_SUCCESS;
	if (workq->contexts)
		return dcore_fail(DOCA_ERROR_IN_USE, "%s: %u contexts are added", __func__, workq->contexts);
	/* A context stays connected to the engine until it is destroyed: then goes the engine. */
	workq->destroyed = true;
	workq_free_unless_used(workq);
	return DOCA_SUCCESS;
}

doca_error_t doca_ctx_workq_add(struct doca_ctx *ctx, struct doca_workq *workq)
{
	struct known *k = find(ctx);
	doca_error_t result = DOCA_SUCCESS;

	DCORE_NOT_NULL(ctx);
	DCORE_NOT_NULL(workq);
	if (!k || !k->asked_to_start || k->wq)
		return dcore_fail(DOCA_ERROR_BAD_STATE, "%s: the context %s", __func__,
			!k ? "was created with a device: connect it to a progress engine"
			   : k->wq ? "has a work queue" : "is not started");
	if (!ctx->pe)
		result = doca_pe_connect_ctx(workq->pe, ctx);
	else if (ctx->pe != workq->pe)
		result = dcore_fail(DOCA_ERROR_NOT_SUPPORTED, "%s: a context keeps its first work queue", __func__);
	if (result == DOCA_SUCCESS)
		result = k->dma ? doca_dma_task_memcpy_set_conf(k->dma, on_dma, on_dma, workq->depth)
				: doca_regex_task_search_set_conf(k->regex, on_search, on_search, workq->depth);
	if (result == DOCA_SUCCESS)
		result = doca_ctx_start(ctx);
	if (result != DOCA_SUCCESS)
		return result;
	k->wq = k->engine_of = workq;
	workq->contexts++;
	return DOCA_SUCCESS;
}

doca_error_t doca_ctx_workq_rm(struct doca_ctx *ctx, struct doca_workq *workq)
{
	struct known *k = find(ctx);
	doca_error_t result;

	DCORE_NOT_NULL(ctx);
	DCORE_NOT_NULL(workq);
	if (!k || k->wq != workq)
		return dcore_fail(DOCA_ERROR_NOT_FOUND, "%s: the context is not in this work queue", __func__);
	result = doca_ctx_stop(ctx);
	while (result == DOCA_ERROR_IN_PROGRESS && !dcore_ctx_is_idle(ctx))
		doca_pe_progress(workq->pe);
	k->wq = NULL;
	workq->contexts--;
	return DOCA_SUCCESS;
}

static doca_error_t make_dma(struct known *k, const struct doca_job *job, union doca_data user, struct doca_task **task)
{
	const struct doca_dma_job_memcpy *j = (const struct doca_dma_job_memcpy *)(const void *)job;
	struct doca_dma_task_memcpy *t;
	doca_error_t result = DOCA_SUCCESS;

	DCORE_NOT_NULL(j->src_buff);
	if (j->num_bytes)
		result = doca_buf_set_data_len((struct doca_buf *)j->src_buff, j->num_bytes);
	if (result == DOCA_SUCCESS)
		result = doca_dma_task_memcpy_alloc_init(k->dma, j->src_buff, j->dst_buff, user, &t);
	if (result == DOCA_SUCCESS)
		*task = doca_dma_task_memcpy_as_task(t);
	return result;
}

static doca_error_t make_search(struct known *k, const struct doca_job *job, union doca_data user, struct doca_task **task)
{
	const struct doca_regex_job_search *j = (const struct doca_regex_job_search *)(const void *)job;
	struct doca_regex_task_search *t;
	doca_error_t result =
		doca_regex_task_search_alloc_init(k->regex, j->buffer, j->rule_group_ids, j->result, user, &t);

	if (result == DOCA_SUCCESS)
		*task = doca_regex_task_search_as_task(t);
	return result;
}

doca_error_t doca_workq_submit(struct doca_workq *workq, struct doca_job const *job)
{
	struct record *r;
	struct doca_task *task;
	struct known *k;
	doca_error_t result;

	DCORE_NOT_NULL(workq);
	DCORE_NOT_NULL(job);
	k = find(job->ctx);
	if (!k || k->wq != workq || (job->type == DOCA_DMA_JOB_MEMCPY) != (k->dma != NULL) ||
		(job->type == DOCA_REGEX_JOB_SEARCH) != (k->regex != NULL))
		return dcore_fail(DOCA_ERROR_INVALID_VALUE, "%s: job of type 0x%x: its context is %s", __func__, job->type,
			k && k->wq == workq ? "of another library" : "not in this work queue");
	r = workq->free;
	if (!r)
		return DOCA_ERROR_NO_MEMORY;
	result = (k->dma ? make_dma : make_search)(k, job, (union doca_data){.ptr = r}, &task);
	if (result != DOCA_SUCCESS)
		return result;
	workq->free = r->next;
	r->type = job->type;
	r->user_data = job->user_data;
	result = doca_task_submit(task);
	if (result == DOCA_SUCCESS)
		return DOCA_SUCCESS;
	doca_task_free(task);
	r->next = workq->free;
	workq->free = r;
	return result;
}

doca_error_t doca_workq_progress_retrieve(struct doca_workq *workq, struct doca_event *event, int flags)
{
	struct record *r;

	DCORE_NOT_NULL(workq);
	DCORE_NOT_NULL(event);
	while (!workq->done && doca_pe_progress(workq->pe))
		;
	r = workq->done;
	if (!r)
		return DOCA_ERROR_AGAIN;
	workq->done = r->next;
	if (!workq->done)
		workq->done_tail = &workq->done;
	*event = (struct doca_event){
		.type = r->type, .user_data = r->user_data, .result = {.u64 = (uint64_t)r->result}};
	r->next = workq->free;
	workq->free = r;
	return r->result == DOCA_SUCCESS ? DOCA_SUCCESS : DOCA_ERROR_IO_FAILED;
}

doca_error_t doca_workq_get_event_handle(struct doca_workq *workq, doca_event_handle_t *handle)
{
	DCORE_NOT_NULL(workq);
	return doca_pe_get_notification_handle(workq->pe, handle);
}

doca_error_t doca_workq_event_handle_arm(struct doca_workq *workq)
{
	DCORE_NOT_NULL(workq);
	return doca_pe_request_notification(workq->pe);
}

doca_error_t doca_workq_event_handle_clear(struct doca_workq *workq, doca_event_handle_t handle)
{
	DCORE_NOT_NULL(workq);
	return doca_pe_clear_notification(workq->pe, handle);
}

doca_error_t doca_workq_set_event_driven_enable(struct doca_workq *workq, uint8_t enable)
{
	DCORE_NOT_NULL(workq);
	return DOCA_SUCCESS; /* the handle is always there */
}
