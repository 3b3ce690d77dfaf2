/* SPDX-License-Identifier: BSD-3-Clause */
/* Pools: buffer heads that each have their own place in one map. */
#include <doca_buf_pool.h>

#include <stdlib.h>

#include "doca/common/buf_int.h"

struct doca_buf_pool {
	struct dcore_buf_owner owner;
	struct doca_mmap *mmap;
	struct doca_buf *bufs, *free;
	size_t num, num_free, size, alignment;
	bool started;
};

static void pool_take_back(struct dcore_buf_owner *owner, struct doca_buf *buf)
{
	struct doca_buf_pool *pool = container_of(owner, struct doca_buf_pool, owner);

	mmap_count_buf(pool->mmap, -1);
	buf->first = buf;
	buf->refcount = 0;
	buf->next = pool->free;
	pool->free = buf;
	pool->num_free++;
}

doca_error_t doca_buf_pool_create(size_t num_elements, size_t element_size,
	const struct doca_mmap *mmap, struct doca_buf_pool **buf_pool)
{
	struct doca_buf_pool *pool;

	DCORE_NOT_NULL(mmap);
	DCORE_NOT_NULL(buf_pool);
	if (!num_elements || !element_size || mmap->len / element_size < num_elements)
		return dcore_fail(DOCA_ERROR_INVALID_VALUE,
			"%s: %zu elements of %zu bytes in a map of %zu bytes", __func__,
			num_elements, element_size, mmap->len);
	pool = calloc(1, sizeof(*pool));
	if (pool)
		pool->bufs = buf_heads_create(num_elements);
	if (!pool || !pool->bufs) {
		free(pool);
		return DOCA_ERROR_NO_MEMORY;
	}
	pool->owner.put = pool_take_back;
	pool->mmap = (struct doca_mmap *)mmap;
	pool->num = num_elements;
	pool->size = element_size;
	pool->alignment = 1;
	*buf_pool = pool;
	return DOCA_SUCCESS;
}

doca_error_t doca_buf_pool_set_element_alignment(struct doca_buf_pool *buf_pool, size_t alignment)
{
	DCORE_NOT_NULL(buf_pool);
	if (buf_pool->started)
		return dcore_fail(DOCA_ERROR_BAD_STATE, "%s: the pool is started", __func__);
	if (!alignment || (alignment & (alignment - 1)))
		return dcore_fail(DOCA_ERROR_INVALID_VALUE, "%s: %zu is no power of two", __func__,
			alignment);
	buf_pool->alignment = alignment;
	return DOCA_SUCCESS;
}

doca_error_t doca_buf_pool_start(struct doca_buf_pool *buf_pool)
{
	uintptr_t at, mask;
	size_t stride;

	DCORE_NOT_NULL(buf_pool);
	if (buf_pool->started || !buf_pool->mmap->started)
		return dcore_fail(DOCA_ERROR_BAD_STATE, "%s: the %s started", __func__,
			buf_pool->started ? "pool is" : "memory map is not");
	mask = buf_pool->alignment - 1;
	stride = (buf_pool->size + mask) & ~mask;
	at = ((uintptr_t)buf_pool->mmap->addr + mask) & ~mask;
	if (at + stride * (buf_pool->num - 1) + buf_pool->size >
		(uintptr_t)buf_pool->mmap->addr + buf_pool->mmap->len)
		return dcore_fail(DOCA_ERROR_INVALID_VALUE,
			"%s: %zu elements of %zu bytes aligned to %zu do not fit the map of %zu "
			"bytes",
			__func__, buf_pool->num, buf_pool->size, buf_pool->alignment,
			buf_pool->mmap->len);
	buf_pool->free = NULL;
	for (size_t i = buf_pool->num; i-- > 0;) {
		struct doca_buf *b = &buf_pool->bufs[i];

		*b = (struct doca_buf){.head = (uint8_t *)(at + i * stride), .len = buf_pool->size};
		b->next = buf_pool->free;
		buf_pool->free = b;
	}
	buf_pool->num_free = buf_pool->num;
	buf_pool->started = true;
	return DOCA_SUCCESS;
}

doca_error_t doca_buf_pool_stop(struct doca_buf_pool *buf_pool)
{
	DCORE_NOT_NULL(buf_pool);
	if (!buf_pool->started)
		return dcore_fail(DOCA_ERROR_BAD_STATE, "%s: the pool is not started", __func__);
	if (buf_pool->num_free != buf_pool->num)
		return dcore_fail(DOCA_ERROR_IN_USE, "%s: %zu buffers are still out", __func__,
			buf_pool->num - buf_pool->num_free);
	buf_pool->started = false;
	return DOCA_SUCCESS;
}

doca_error_t doca_buf_pool_destroy(struct doca_buf_pool *buf_pool)
{
	if (!buf_pool)
		return DOCA_SUCCESS;
	if (buf_pool->started) {
		doca_error_t result = doca_buf_pool_stop(buf_pool);

		if (result != DOCA_SUCCESS)
			return result;
	}
	free(buf_pool->bufs);
	free(buf_pool);
	return DOCA_SUCCESS;
}

doca_error_t doca_buf_pool_buf_alloc(struct doca_buf_pool *buf_pool, struct doca_buf **buf)
{
	struct doca_buf *b;

	DCORE_NOT_NULL(buf_pool);
	DCORE_NOT_NULL(buf);
	if (!buf_pool->started)
		return dcore_fail(DOCA_ERROR_BAD_STATE, "%s: the pool is not started", __func__);
	b = buf_pool->free;
	if (!b)
		return DOCA_ERROR_NO_MEMORY;
	buf_pool->free = b->next;
	buf_pool->num_free--;
	buf_init(b, buf_pool->mmap, &buf_pool->owner);
	b->data = b->head;
	b->data_len = 0;
	mmap_count_buf(buf_pool->mmap, 1);
	*buf = b;
	return DOCA_SUCCESS;
}

doca_error_t doca_buf_pool_get_num_elements(const struct doca_buf_pool *buf_pool, uint32_t *num)
{
	DCORE_NOT_NULL(buf_pool);
	DCORE_NOT_NULL(num);
	*num = (uint32_t)buf_pool->num;
	return DOCA_SUCCESS;
}

doca_error_t doca_buf_pool_get_num_free_elements(
	const struct doca_buf_pool *buf_pool, uint32_t *num)
{
	DCORE_NOT_NULL(buf_pool);
	DCORE_NOT_NULL(num);
	*num = (uint32_t)(buf_pool->started ? buf_pool->num_free : buf_pool->num);
	return DOCA_SUCCESS;
}
