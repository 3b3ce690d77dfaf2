/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * cuda: memory of an NVIDIA GPU under a memory map. The CUDA driver library is no dependency: it is looked up
 * at run time, and its few functions are declared by cuda.c from the driver API's documentation.
 *
 * A process that has GPU memory has the driver loaded, so a map asks nothing and loads nothing in any other
 * process. The CPU never touches such a range: bytes go through the driver, in the range's own context, on a
 * stream of its own, and are there when the call returns. Managed memory is ordinary memory here.
 */
#ifndef DOCA_COMMON_CUDA_H
#define DOCA_COMMON_CUDA_H

#include <stddef.h>

struct cuda_range;

/* 0: *range is NULL for memory that is no GPU's. -EINVAL: the range leaves its allocation; -EIO: the driver
 * refused. */
int cuda_range_open(const void *addr, size_t len, struct cuda_range **range);
void cuda_range_close(struct cuda_range *range);
/* One side lies in the range, the other there or in any memory. -EIO. Any thread. */
int cuda_range_copy(const struct cuda_range *range, void *to, const void *from, size_t len);

/* Loads the driver. 0, or -ENOTSUP: no driver, or no GPU. */
int cuda_probe(void);

#endif
