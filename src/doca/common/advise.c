/* SPDX-License-Identifier: BSD-3-Clause */
/* Cache maintenance tasks. */
#include <doca_mmap_advise.h>

#include <cpuid.h>
#include <stdlib.h>

#include "doca/common/common.h"

struct doca_mmap_advise_task_invalidate_cache {
	struct doca_task task;
	struct doca_buf *buf;
};

struct doca_mmap_advise {
	struct doca_ctx ctx;
	struct dcore_task_type type;
};

static bool have_clflush(void)
{
	unsigned a, b, c, d;

	return __get_cpuid(1, &a, &b, &c, &d) && (d & (1u << 19));
}

static void evict(const uint8_t *at, size_t len)
{
	for (size_t i = 0; i < len; i += 64)
		__builtin_ia32_clflush(at + i);
	if (len)
		__builtin_ia32_clflush(at + len - 1);
	__builtin_ia32_mfence();
}

static void run(struct doca_task **tasks, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		struct doca_mmap_advise_task_invalidate_cache *t = (void *)tasks[i];

		tasks[i]->status = dcore_mmap_may(t->buf->mmap, tasks[i]->ctx->dev, false);
		for (struct doca_buf *b = t->buf; b && tasks[i]->status == DOCA_SUCCESS;
			b = b->next) {
			uint8_t *local = dcore_mmap_local(b->mmap, b->data, b->data_len);

			if (local && have_clflush())
				evict(local, b->data_len);
		}
	}
}

static const struct dcore_ctx_ops ops = {.name = "mmap advise"};

doca_error_t doca_mmap_advise_cap_task_cache_invalidate_is_supported(
	const struct doca_devinfo *devinfo)
{
	DCORE_NOT_NULL(devinfo);
	return DOCA_SUCCESS;
}

doca_error_t doca_mmap_advise_create(struct doca_dev *dev, struct doca_mmap_advise **mmap_advise)
{
	DCORE_NOT_NULL(dev);
	DCORE_NOT_NULL(mmap_advise);
	*mmap_advise = calloc(1, sizeof(**mmap_advise));
	if (!*mmap_advise)
		return DOCA_ERROR_NO_MEMORY;
	(*mmap_advise)->type = (struct dcore_task_type){.name = "cache invalidation",
		.size = sizeof(struct doca_mmap_advise_task_invalidate_cache),
		.run = run,
		.batch = 1};
	dcore_ctx_init(&(*mmap_advise)->ctx, dev, &ops, &(*mmap_advise)->type, 1);
	return DOCA_SUCCESS;
}

doca_error_t doca_mmap_advise_destroy(struct doca_mmap_advise *mmap_advise)
{
	doca_error_t result = mmap_advise ? dcore_ctx_fini(&mmap_advise->ctx) : DOCA_SUCCESS;

	if (result == DOCA_SUCCESS)
		free(mmap_advise);
	return result;
}

struct doca_ctx *doca_mmap_advise_as_ctx(struct doca_mmap_advise *mmap_advise)
{
	return mmap_advise ? &mmap_advise->ctx : NULL;
}

doca_error_t doca_mmap_advise_task_invalidate_cache_set_conf(struct doca_mmap_advise *mmap_advise,
	doca_mmap_advise_task_invalidate_cache_completion_cb_t task_completion_cb,
	doca_mmap_advise_task_invalidate_cache_completion_cb_t task_error_cb, uint32_t num_tasks)
{
	DCORE_NOT_NULL(mmap_advise);
	return dcore_task_conf(&mmap_advise->ctx, &mmap_advise->type,
		(dcore_task_cb)task_completion_cb, (dcore_task_cb)task_error_cb, num_tasks);
}

doca_error_t doca_mmap_advise_task_invalidate_cache_alloc_init(struct doca_mmap_advise *mmap_advise,
	struct doca_buf *buf, union doca_data user_data,
	struct doca_mmap_advise_task_invalidate_cache **task)
{
	doca_error_t result;

	DCORE_NOT_NULL(mmap_advise);
	DCORE_NOT_NULL(buf);
	DCORE_NOT_NULL(task);
	*task = dcore_task_alloc(&mmap_advise->type, user_data, &result);
	if (*task)
		(*task)->buf = buf;
	return result;
}

struct doca_task *doca_mmap_advise_task_invalidate_cache_as_doca_task(
	struct doca_mmap_advise_task_invalidate_cache *task)
{
	return &task->task;
}

void doca_mmap_advise_task_invalidate_cache_set_buf(
	struct doca_mmap_advise_task_invalidate_cache *task, struct doca_buf *buf)
{
	task->buf = buf;
}

struct doca_buf *doca_mmap_advise_task_invalidate_cache_get_buf(
	struct doca_mmap_advise_task_invalidate_cache *task)
{
	return task->buf;
}
