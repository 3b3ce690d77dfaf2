/* SPDX-License-Identifier: BSD-3-Clause */
/* Lists of buffers as one run of bytes, for engines: the long way, when one buffer of ordinary memory is not all. */
#include <stdlib.h>

#include "doca/common/mmap_int.h"
#include "doca/common/pe_int.h"

static doca_error_t check_list(const struct doca_buf *list, const struct doca_dev *dev, bool write)
{
	for (; list; list = list->next) {
		doca_error_t result = dcore_mmap_may(list->mmap, dev, write);

		if (result != DOCA_SUCCESS)
			return result;
		if (dcore_mmap_dead(list->mmap))
			return DOCA_ERROR_IO_FAILED;
	}
	return DOCA_SUCCESS;
}

doca_error_t dcore_view_gather(
	struct dcore_view *view, const struct doca_buf *list, const struct doca_dev *dev)
{
	doca_error_t result = check_list(list, dev, false);
	size_t at = 0;

	*view = (struct dcore_view){.list = (struct doca_buf *)list};
	if (result != DOCA_SUCCESS)
		return result;
	if (!list->next) {
		view->len = list->data_len;
		view->ptr = dcore_mmap_local(list->mmap, list->data, list->data_len);
		if (view->ptr)
			return DOCA_SUCCESS;
	}
	view->len = dcore_buf_list_data_len(list);
	view->ptr = view->copy = malloc(view->len ? view->len : 1);
	if (!view->copy)
		return DOCA_ERROR_NO_MEMORY;
	for (; list; at += list->data_len, list = list->next)
		if (dcore_mmap_read(list->mmap, list->data, view->copy + at, list->data_len) < 0)
			return dcore_fail(
				DOCA_ERROR_IO_FAILED, "reading a peer's memory: %s", refusal());
	return DOCA_SUCCESS;
}

doca_error_t dcore_view_reserve(
	struct dcore_view *view, struct doca_buf *list, const struct doca_dev *dev, size_t max)
{
	doca_error_t result = check_list(list, dev, true);

	*view = (struct dcore_view){.list = list};
	if (result != DOCA_SUCCESS)
		return result;
	view->len = MIN_OF(dcore_buf_list_tailroom(list), max);
	if (!list->next || dcore_buf_tailroom(list) >= view->len)
		view->ptr = dcore_mmap_local(list->mmap, list->data + list->data_len, view->len);
	if (view->ptr)
		return DOCA_SUCCESS;
	view->ptr = view->copy = malloc(view->len ? view->len : 1);
	return view->copy ? DOCA_SUCCESS : DOCA_ERROR_NO_MEMORY;
}

doca_error_t dcore_view_scatter(struct dcore_view *view, size_t written)
{
	size_t at = 0;

	for (struct doca_buf *b = view->list; b && at < written; b = b->next) {
		size_t n = MIN_OF(dcore_buf_tailroom(b), written - at);

		if (view->copy &&
			dcore_mmap_write(b->mmap, b->data + b->data_len, view->copy + at, n) < 0)
			return dcore_fail(
				DOCA_ERROR_IO_FAILED, "writing a peer's memory: %s", refusal());
		if (dcore_mmap_dead(b->mmap))
			return DOCA_ERROR_IO_FAILED;
		b->data_len += n;
		at += n;
	}
	return DOCA_SUCCESS;
}

doca_error_t task_convert_lists(struct doca_task *task)
{
	struct dcore_view src = {.copy = NULL}, dst = {.copy = NULL};
	doca_error_t result = dcore_view_src(&src, task->src, task->ctx);
	size_t written = 0;

	if (result == DOCA_SUCCESS)
		result = dcore_view_dst(&dst, task->dst, task->ctx, SIZE_MAX);
	task->bounced = src.copy || dst.copy;
	if (result == DOCA_SUCCESS)
		result = task->type->convert(task, src.ptr, src.len, dst.ptr, dst.len, &written);
	if (result == DOCA_SUCCESS)
		result = dcore_view_commit(&dst, written);
	dcore_view_close(&src);
	dcore_view_close(&dst);
	return result;
}
