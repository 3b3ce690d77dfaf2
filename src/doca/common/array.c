/* SPDX-License-Identifier: BSD-3-Clause */
/* Buffer arrays: for data paths that are not on this CPU, of which there are none. */
#include <doca_buf_array.h>

#include <stdlib.h>

#include "doca/common/mmap_int.h"

struct doca_buf_arr {
	struct doca_mmap *mmap;
	size_t num, size;
	uint64_t offset;
	bool started;
};

doca_error_t doca_buf_arr_create(size_t num_elem, struct doca_buf_arr **buf_arr)
{
	DCORE_NOT_NULL(buf_arr);
	if (!num_elem)
		return dcore_fail(DOCA_ERROR_INVALID_VALUE, "%s: no elements", __func__);
	*buf_arr = calloc(1, sizeof(**buf_arr));
	if (!*buf_arr)
		return DOCA_ERROR_NO_MEMORY;
	(*buf_arr)->num = num_elem;
	return DOCA_SUCCESS;
}

doca_error_t doca_buf_arr_destroy(struct doca_buf_arr *buf_arr)
{
	free(buf_arr);
	return DOCA_SUCCESS;
}

doca_error_t doca_buf_arr_set_params(struct doca_buf_arr *buf_arr, struct doca_mmap *mmap,
	size_t elem_size, uint64_t start_offset)
{
	DCORE_NOT_NULL(buf_arr);
	DCORE_NOT_NULL(mmap);
	if (buf_arr->started)
		return dcore_fail(DOCA_ERROR_BAD_STATE, "%s: the array is started", __func__);
	if (!elem_size || start_offset > mmap->len ||
		(mmap->len - start_offset) / elem_size < buf_arr->num)
		return dcore_fail(DOCA_ERROR_INVALID_VALUE,
			"%s: %zu elements of %zu bytes from offset %llu do not fit a map of %zu "
			"bytes",
			__func__, buf_arr->num, elem_size, (unsigned long long)start_offset,
			mmap->len);
	buf_arr->mmap = mmap;
	buf_arr->size = elem_size;
	buf_arr->offset = start_offset;
	return DOCA_SUCCESS;
}

doca_error_t doca_buf_arr_set_target_gpu(struct doca_buf_arr *buf_arr, struct doca_gpu *gpu)
{
	DCORE_NOT_NULL(buf_arr);
	return dcore_fail(DOCA_ERROR_NOT_SUPPORTED, "%s: softdpu has no GPU data path", __func__);
}

doca_error_t doca_buf_arr_set_target_dpa(struct doca_buf_arr *buf_arr, struct doca_dpa *dpa)
{
	DCORE_NOT_NULL(buf_arr);
	return dcore_fail(
		DOCA_ERROR_NOT_SUPPORTED, "%s: softdpu has no data path accelerator", __func__);
}

doca_error_t doca_buf_arr_start(struct doca_buf_arr *buf_arr)
{
	DCORE_NOT_NULL(buf_arr);
	if (!buf_arr->mmap || buf_arr->started)
		return dcore_fail(DOCA_ERROR_BAD_STATE, "%s: the array %s", __func__,
			buf_arr->started ? "is started" : "has no parameters");
	buf_arr->started = true;
	return DOCA_SUCCESS;
}

doca_error_t doca_buf_arr_stop(struct doca_buf_arr *buf_arr)
{
	DCORE_NOT_NULL(buf_arr);
	if (!buf_arr->started)
		return dcore_fail(DOCA_ERROR_BAD_STATE, "%s: the array is not started", __func__);
	buf_arr->started = false;
	return DOCA_SUCCESS;
}

doca_error_t doca_buf_arr_get_gpu_handle(
	const struct doca_buf_arr *buf_arr, struct doca_gpu_buf_arr **gpu_buf_arr)
{
	DCORE_NOT_NULL(buf_arr);
	return dcore_fail(DOCA_ERROR_NOT_SUPPORTED, "%s: softdpu has no GPU data path", __func__);
}
