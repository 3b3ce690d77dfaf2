/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * doca_buf_array: an array of equal pieces of a memory map for a data path that does not run on
 * this CPU. There is no DPA and no GPU data path in software: start succeeds for the CPU target,
 * the handles for GPU and DPA are refused with NOT_SUPPORTED.
 */
#ifndef DOCA_BUF_ARRAY_H_
#define DOCA_BUF_ARRAY_H_

#include "doca_error.h"
#include "doca_types.h"

#ifdef __cplusplus
extern "C" {
#endif

struct doca_buf_arr;
struct doca_gpu_buf_arr;
struct doca_mmap;

doca_error_t doca_buf_arr_create(size_t num_elem, struct doca_buf_arr **buf_arr);
doca_error_t doca_buf_arr_destroy(struct doca_buf_arr *buf_arr);
/* Element i lies at start_offset + i * elem_size of the map; all must fit. */
doca_error_t doca_buf_arr_set_params(struct doca_buf_arr *buf_arr, struct doca_mmap *mmap,
	size_t elem_size, uint64_t start_offset);
doca_error_t doca_buf_arr_set_target_gpu(struct doca_buf_arr *buf_arr, struct doca_gpu *gpu);
doca_error_t doca_buf_arr_set_target_dpa(struct doca_buf_arr *buf_arr, struct doca_dpa *dpa);
doca_error_t doca_buf_arr_start(struct doca_buf_arr *buf_arr);
doca_error_t doca_buf_arr_stop(struct doca_buf_arr *buf_arr);
doca_error_t doca_buf_arr_get_gpu_handle(
	const struct doca_buf_arr *buf_arr, struct doca_gpu_buf_arr **gpu_buf_arr);

#ifdef __cplusplus
}
#endif
#endif
