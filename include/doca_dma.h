/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * doca_dma: memory copies as tasks, within a process or across the PCI bus.
 *
 *     doca_dma_create(dev, &dma);
 *     doca_pe_connect_ctx(pe, doca_dma_as_ctx(dma));
 *     doca_dma_task_memcpy_set_conf(dma, on_copied, on_error, 16);
 *     doca_ctx_start(doca_dma_as_ctx(dma));
 *     doca_dma_task_memcpy_alloc_init(dma, src, dst, user_data, &task);
 *     doca_task_submit(doca_dma_task_memcpy_as_task(task));
 *
 * A task copies the data of the source list to the free space behind the data of the destination
 * list and moves the destination's data_len. Either side may be memory imported from a peer.
 * Checked as on a card: both maps hold the context's device, the destination is writable, the
 * source has data and the destination room (else IO_FAILED, NOT_PERMITTED). A failed task stops the
 * whole context: what is in flight is flushed, the context becomes idle, start it again.
 *
 * Tasks complete in the order they were submitted (with workers: when ordered completions are set).
 * F:3778-3822.
 */
#ifndef DOCA_DMA_H_
#define DOCA_DMA_H_

#include "doca_dev.h"
#include "doca_error.h"
#include "doca_types.h"

#ifdef __cplusplus
extern "C" {
#endif

struct doca_buf;
struct doca_ctx;
struct doca_dma;
struct doca_dma_task_memcpy;
struct doca_gpu_dma;
struct doca_task;

typedef void (*doca_dma_task_memcpy_completion_cb_t)(struct doca_dma_task_memcpy *task,
	union doca_data task_user_data, union doca_data ctx_user_data);

/* SUCCESS or NOT_SUPPORTED; limits of one task: bytes, elements of a buffer list. */
doca_error_t doca_dma_cap_task_memcpy_is_supported(const struct doca_devinfo *devinfo);
doca_error_t doca_dma_cap_task_memcpy_get_max_buf_size(
	const struct doca_devinfo *devinfo, uint64_t *max_buf_size);
doca_error_t doca_dma_cap_task_memcpy_get_max_buf_list_len(
	const struct doca_devinfo *devinfo, uint32_t *max_buf_list_len);

doca_error_t doca_dma_create(struct doca_dev *dev, struct doca_dma **dma);
doca_error_t doca_dma_destroy(struct doca_dma *dma);
struct doca_ctx *doca_dma_as_ctx(struct doca_dma *dma);

/* 1: completions come in the order of submission even with workers. Before start. */
doca_error_t doca_dma_set_ordered_completions(struct doca_dma *dma, uint8_t ordered);
/* NOT_SUPPORTED: there is no GPU data path. */
doca_error_t doca_dma_get_gpu_handle(struct doca_dma *dma, struct doca_gpu_dma **gpu_dma);

doca_error_t doca_dma_task_memcpy_set_conf(struct doca_dma *dma,
	doca_dma_task_memcpy_completion_cb_t task_completion_cb,
	doca_dma_task_memcpy_completion_cb_t task_error_cb, uint32_t num_memcpy_tasks);
doca_error_t doca_dma_task_memcpy_get_num_tasks(
	const struct doca_dma *dma, uint32_t *num_memcpy_tasks);
/* The buffers stay the program's and must live until the callback. */
doca_error_t doca_dma_task_memcpy_alloc_init(struct doca_dma *dma, const struct doca_buf *src,
	struct doca_buf *dst, union doca_data user_data, struct doca_dma_task_memcpy **task);
struct doca_task *doca_dma_task_memcpy_as_task(struct doca_dma_task_memcpy *task);
void doca_dma_task_memcpy_set_src(struct doca_dma_task_memcpy *task, const struct doca_buf *src);
void doca_dma_task_memcpy_set_dst(struct doca_dma_task_memcpy *task, struct doca_buf *dst);
const struct doca_buf *doca_dma_task_memcpy_get_src(const struct doca_dma_task_memcpy *task);
struct doca_buf *doca_dma_task_memcpy_get_dst(const struct doca_dma_task_memcpy *task);

#ifdef __cplusplus
}
#endif
#endif
