/* SPDX-License-Identifier: BSD-3-Clause */
/* doca_dma of the module `doca`: doca_dma_create() also with one argument. */
#ifndef DOCA_COMPAT_DMA_H_
#define DOCA_COMPAT_DMA_H_

#include_next <doca_dma.h>

#include <doca_ctx.h>

#define DOCA_COMPAT_DMA_1(dma) doca_compat_dma_create(dma)
#define DOCA_COMPAT_DMA_2(dev, dma) (doca_dma_create)(dev, dma)
#define doca_dma_create(...) \
	DOCA_COMPAT_PICK3(__VA_ARGS__, , DOCA_COMPAT_DMA_2, DOCA_COMPAT_DMA_1)(__VA_ARGS__)
#define doca_dma_destroy(dma) doca_compat_dma_destroy(dma)

#endif
