/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Insides of doca/dma.
 *
 *   dma.c    the library, and copies from memory to memory
 *   file.c   copies between memory and files by io_uring
 */
#ifndef DOCA_DMA_DMA_INT_H
#define DOCA_DMA_DMA_INT_H

#include <doca_dma.h>

#include "doca/common/common.h"

struct dma_ring;

enum { DMA_MEMCPY, DMA_FILE, DMA_TYPES };

struct doca_dma {
	struct doca_ctx ctx;
	struct dcore_task_type types[DMA_TYPES];
	struct dma_ring *ring; /* while running with file tasks configured */
};

/* The context's hooks, for file tasks; all are no-ops without a ring. */
doca_error_t dma_file_start(struct doca_dma *dma);
void dma_file_stop(struct doca_dma *dma);
bool dma_file_progress(struct doca_ctx *ctx);
bool dma_file_arm(struct doca_ctx *ctx);
void dma_file_type_init(struct dcore_task_type *type);

#endif
