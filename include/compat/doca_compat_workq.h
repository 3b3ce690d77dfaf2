/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * doca_compat_workq: work queues, jobs and events of DOCA 1.2 to 2.2, over today's progress engine and tasks.
 * Part of the face that pkg-config module `doca` gives; a program includes doca_ctx.h as it did.
 *
 *     doca_dma_create(&dma);                         no device yet
 *     doca_ctx_dev_add(doca_dma_as_ctx(dma), dev);
 *     doca_ctx_start(ctx);
 *     doca_workq_create(depth, &wq);
 *     doca_ctx_workq_add(ctx, wq);                   starts in earnest here
 *     doca_workq_submit(wq, &job.base);
 *     while (doca_workq_progress_retrieve(wq, &event, DOCA_WORKQ_RETRIEVE_FLAGS_NONE) == DOCA_ERROR_AGAIN)
 *             ;
 *     event.result.u64                               a doca_error_t
 *
 * What differs from then: a context has one device and belongs to one work queue for its life. One thread.
 */
#ifndef DOCA_COMPAT_WORKQ_H_
#define DOCA_COMPAT_WORKQ_H_

#include "doca_compat_args.h"

#include <doca_dev.h>
#include <doca_error.h>
#include <doca_types.h>

#ifdef __cplusplus
extern "C" {
#endif

struct doca_buf;
struct doca_ctx;
struct doca_dma;
struct doca_regex;
struct doca_regex_search_result;
struct doca_workq;

enum doca_job_flags {
	DOCA_JOB_FLAGS_NONE = 0,
};
enum doca_workq_retrieve_flags {
	DOCA_WORKQ_RETRIEVE_FLAGS_NONE = 0,
};
enum doca_compat_job_types {
	DOCA_DMA_JOB_MEMCPY = 0x100,
	DOCA_REGEX_JOB_SEARCH = 0x200,
};

struct doca_job {
	int type;
	int flags;
	struct doca_ctx *ctx;
	union doca_data user_data;
};

struct doca_event {
	int type;
	union doca_data user_data; /* the job's */
	union doca_data result;	   /* u64: a doca_error_t */
};

struct doca_dma_job_memcpy {
	struct doca_job base;
	struct doca_buf *dst_buff;
	const struct doca_buf *src_buff;
	uint64_t num_bytes; /* the founding document's; 0: all data of src_buff */
};

struct doca_regex_job_search {
	struct doca_job base;
	uint16_t rule_group_ids[4]; /* 0: unused */
	struct doca_buf const *buffer;
	struct doca_regex_search_result *result;
	uint8_t allow_batching; /* accepted, not used */
};

/* depth: jobs in flight. IN_USE at destroy while contexts are added. */
doca_error_t doca_workq_create(uint32_t depth, struct doca_workq **workq);
doca_error_t doca_workq_destroy(struct doca_workq *workq);
/* NO_MEMORY when depth jobs are in flight. */
doca_error_t doca_workq_submit(struct doca_workq *workq, struct doca_job const *job);
/* AGAIN when nothing has finished; IO_FAILED for a finished job that failed (event.result tells). */
doca_error_t doca_workq_progress_retrieve(struct doca_workq *workq, struct doca_event *event, int flags);
doca_error_t doca_workq_get_event_handle(struct doca_workq *workq, doca_event_handle_t *handle);
doca_error_t doca_workq_event_handle_arm(struct doca_workq *workq);
doca_error_t doca_workq_event_handle_clear(struct doca_workq *workq, doca_event_handle_t handle);
doca_error_t doca_workq_set_event_driven_enable(struct doca_workq *workq, uint8_t enable);

doca_error_t doca_ctx_dev_add(struct doca_ctx *ctx, struct doca_dev *dev);
doca_error_t doca_ctx_dev_rm(struct doca_ctx *ctx, struct doca_dev *dev);
doca_error_t doca_ctx_workq_add(struct doca_ctx *ctx, struct doca_workq *workq);
doca_error_t doca_ctx_workq_rm(struct doca_ctx *ctx, struct doca_workq *workq);

/* What the macros of these headers call. */
doca_error_t doca_compat_ctx_start(struct doca_ctx *ctx);
doca_error_t doca_compat_ctx_stop(struct doca_ctx *ctx);
doca_error_t doca_compat_dma_create(struct doca_dma **dma);
doca_error_t doca_compat_dma_destroy(struct doca_dma *dma);
doca_error_t doca_compat_regex_create(struct doca_regex **regex);
doca_error_t doca_compat_regex_destroy(struct doca_regex *regex);

#ifdef __cplusplus
}
#endif

#endif
