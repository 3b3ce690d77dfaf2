/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * doca_softdpu_dma: destinations a card's DMA engine does not have (F:1984-2003). softdpu only.
 *
 * Files and NVMe devices: tasks of a doca_dma context that move bytes between buffers and an open file, a
 * block device or an NVMe namespace (/dev/nvme0n1), by io_uring. The kernel works while the program goes on;
 * completions come through doca_pe_progress() and wake its notification handle.
 *
 *     doca_softdpu_dma_task_file_set_conf(dma, on_done, on_error, 64);
 *     ... connect, start ...
 *     doca_softdpu_dma_task_file_write_alloc_init(dma, src, fd, lba * 4096, user_data, &task);
 *     doca_task_submit(doca_softdpu_dma_task_file_as_task(task));
 *
 * A completed write is in the file as write(2) would have it there: open with O_DIRECT or O_DSYNC for more.
 * With O_DIRECT the alignment the device asks for is the program's business.
 */
#ifndef DOCA_SOFTDPU_DMA_H_
#define DOCA_SOFTDPU_DMA_H_

#include "doca_dma.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Buffers of one list that a file task takes. */
#define DOCA_SOFTDPU_DMA_FILE_LIST_MAX 16

struct doca_softdpu_dma_task_file;

typedef void (*doca_softdpu_dma_task_file_completion_cb_t)(struct doca_softdpu_dma_task_file *task,
	union doca_data task_user_data, union doca_data ctx_user_data);

/* NOT_SUPPORTED: this kernel, or this container, has no io_uring. */
doca_error_t doca_softdpu_dma_cap_task_file_is_supported(const struct doca_devinfo *devinfo);

/* At most num_tasks at once. While the context is idle. */
doca_error_t doca_softdpu_dma_task_file_set_conf(struct doca_dma *dma,
	doca_softdpu_dma_task_file_completion_cb_t task_completion_cb,
	doca_softdpu_dma_task_file_completion_cb_t task_error_cb, uint32_t num_tasks);

/* All data of the list src to `offset` bytes into the file. fd stays the program's and open until completion.
 * Fails with IO_FAILED; as with every DMA task, a failure stops the context. */
doca_error_t doca_softdpu_dma_task_file_write_alloc_init(struct doca_dma *dma,
	const struct doca_buf *src, int fd, uint64_t offset, union doca_data user_data,
	struct doca_softdpu_dma_task_file **task);

/* From there into the free space behind the data of the list dst, until it is full or the file ends; data
 * lengths grow by what was read. */
doca_error_t doca_softdpu_dma_task_file_read_alloc_init(struct doca_dma *dma, int fd,
	uint64_t offset, struct doca_buf *dst, union doca_data user_data,
	struct doca_softdpu_dma_task_file **task);

struct doca_task *doca_softdpu_dma_task_file_as_task(struct doca_softdpu_dma_task_file *task);

/* Bytes moved by a completed task. */
uint64_t doca_softdpu_dma_task_file_get_len(const struct doca_softdpu_dma_task_file *task);

#ifdef __cplusplus
}
#endif
#endif
