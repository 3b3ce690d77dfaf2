/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * doca_softdpu: what softdpu offers beyond DOCA's own core. A program that includes it runs on
 * softdpu only.
 */
#ifndef DOCA_SOFTDPU_H_
#define DOCA_SOFTDPU_H_

#include "doca_ctx.h"
#include "doca_error.h"

#ifdef __cplusplus
extern "C" {
#endif

#define DOCA_SOFTDPU_WORKERS_MAX 64

/* Run this context's tasks on `num_workers` threads of its own; 0 = inside doca_pe_progress(), the
 * default unless SOFTDPU_WORKERS says otherwise. Before start. With workers, tasks of one context
 * may complete out of order. NOT_SUPPORTED for libraries that wait rather than compute (comch, sync
 * events). */
doca_error_t doca_softdpu_ctx_set_workers(struct doca_ctx *ctx, uint32_t num_workers);

/* The sentence behind the last refusal on this thread; "" when there was none. Valid until the next
 * one. */
const char *doca_softdpu_last_refusal(void);

/* GPU memory. doca_mmap_start() recognises a range that is a GPU's, as cudaMalloc() or cuMemAlloc() gave it; the
 * map's devices may then use it like any memory. DMA tasks copy from and to it through the CUDA driver, between
 * two such ranges without a stop in host memory; other libraries work on a copy. It is not exported to other
 * processes (NOT_SUPPORTED).
 *
 * SUCCESS: this machine has a CUDA driver and a GPU. NOT_SUPPORTED otherwise; the last refusal says what is
 * missing. Loads the driver library, which nothing else does. */
struct doca_devinfo;
doca_error_t doca_softdpu_cap_gpu_memory_is_supported(const struct doca_devinfo *devinfo);

#ifdef __cplusplus
}
#endif
#endif
