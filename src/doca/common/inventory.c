/* SPDX-License-Identifier: BSD-3-Clause */
/* Inventories hand out buffer heads over any map. */
#include <doca_buf_inventory.h>

#include <stdlib.h>
#include <string.h>

#include "doca/common/buf_int.h"

struct doca_buf_inventory {
	struct dcore_buf_owner owner;
	struct doca_buf *bufs, *free;
	size_t num, num_free;
	bool started;
	union doca_data user_data;
};

static void take_back(struct dcore_buf_owner *owner, struct doca_buf *buf)
{
	struct doca_buf_inventory *inventory =
		container_of(owner, struct doca_buf_inventory, owner);

	mmap_count_buf(buf->mmap, -1);
	buf->first = buf;
	buf->refcount = 0;
	buf->next = inventory->free;
	inventory->free = buf;
	inventory->num_free++;
}

doca_error_t doca_buf_inventory_create(size_t num_elements, struct doca_buf_inventory **inventory)
{
	struct doca_buf_inventory *inv;

	DCORE_NOT_NULL(inventory);
	if (!num_elements)
		return dcore_fail(DOCA_ERROR_INVALID_VALUE, "%s: no elements", __func__);
	inv = calloc(1, sizeof(*inv));
	if (inv)
		inv->bufs = buf_heads_create(num_elements);
	if (!inv || !inv->bufs) {
		free(inv);
		return DOCA_ERROR_NO_MEMORY;
	}
	inv->owner.put = take_back;
	inv->num = inv->num_free = num_elements;
	for (size_t i = num_elements; i-- > 0;) {
		inv->bufs[i].next = inv->free;
		inv->free = &inv->bufs[i];
	}
	*inventory = inv;
	return DOCA_SUCCESS;
}

static doca_error_t all_in(const struct doca_buf_inventory *inventory, const char *call)
{
	if (inventory->num_free == inventory->num)
		return DOCA_SUCCESS;
	return dcore_fail(DOCA_ERROR_IN_USE, "%s: %zu buffers are still out", call,
		inventory->num - inventory->num_free);
}

doca_error_t doca_buf_inventory_destroy(struct doca_buf_inventory *inventory)
{
	doca_error_t result;

	if (!inventory)
		return DOCA_SUCCESS;
	result = all_in(inventory, __func__);
	if (result != DOCA_SUCCESS)
		return result;
	free(inventory->bufs);
	free(inventory);
	return DOCA_SUCCESS;
}

doca_error_t doca_buf_inventory_start(struct doca_buf_inventory *inventory)
{
	DCORE_NOT_NULL(inventory);
	if (inventory->started)
		return dcore_fail(DOCA_ERROR_BAD_STATE, "%s: it is started", __func__);
	inventory->started = true;
	return DOCA_SUCCESS;
}

doca_error_t doca_buf_inventory_stop(struct doca_buf_inventory *inventory)
{
	doca_error_t result;

	DCORE_NOT_NULL(inventory);
	if (!inventory->started)
		return dcore_fail(DOCA_ERROR_BAD_STATE, "%s: it is not started", __func__);
	result = all_in(inventory, __func__);
	if (result == DOCA_SUCCESS)
		inventory->started = false;
	return result;
}

static bool within(const uint8_t *outer, size_t outer_len, const uint8_t *inner, size_t inner_len)
{
	return inner >= outer && inner_len <= outer_len &&
	       (size_t)(inner - outer) <= outer_len - inner_len;
}

static doca_error_t set_range(struct doca_buf *buf, const struct doca_mmap *mmap, void *addr,
	size_t len, void *data, size_t data_len)
{
	if (!within(mmap->addr, mmap->len, addr, len) || !within(addr, len, data, data_len))
		return dcore_fail(DOCA_ERROR_INVALID_VALUE,
			"buffer of %zu bytes at %p with %zu bytes of data at %p: not within the "
			"memory map "
			"of %zu bytes at %p",
			len, addr, data_len, data, mmap->len, (void *)mmap->addr);
	buf->head = addr;
	buf->len = len;
	buf->data = data;
	buf->data_len = data_len;
	return DOCA_SUCCESS;
}

doca_error_t doca_buf_inventory_buf_get_by_args(struct doca_buf_inventory *inventory,
	struct doca_mmap *mmap, void *addr, size_t len, void *data, size_t data_len,
	struct doca_buf **buf)
{
	struct doca_buf *b;
	doca_error_t result;

	DCORE_NOT_NULL(inventory);
	DCORE_NOT_NULL(mmap);
	DCORE_NOT_NULL(buf);
	if (!inventory->started || !mmap->started)
		return dcore_fail(DOCA_ERROR_BAD_STATE, "%s: the %s is not started", __func__,
			mmap->started ? "inventory" : "memory map");
	b = inventory->free;
	if (!b)
		return DOCA_ERROR_NO_MEMORY;
	result = set_range(b, mmap, addr, len, data, data_len);
	if (result != DOCA_SUCCESS)
		return result;
	inventory->free = b->next;
	inventory->num_free--;
	buf_init(b, mmap, &inventory->owner);
	mmap_count_buf(mmap, 1);
	*buf = b;
	return DOCA_SUCCESS;
}

doca_error_t doca_buf_inventory_buf_get_by_addr(struct doca_buf_inventory *inventory,
	struct doca_mmap *mmap, void *addr, size_t len, struct doca_buf **buf)
{
	return doca_buf_inventory_buf_get_by_args(inventory, mmap, addr, len, addr, 0, buf);
}

doca_error_t doca_buf_inventory_buf_get_by_data(struct doca_buf_inventory *inventory,
	struct doca_mmap *mmap, void *data, size_t data_len, struct doca_buf **buf)
{
	return doca_buf_inventory_buf_get_by_args(
		inventory, mmap, data, data_len, data, data_len, buf);
}

doca_error_t doca_buf_inventory_buf_dup(struct doca_buf_inventory *inventory,
	const struct doca_buf *src_buf, struct doca_buf **dst_buf)
{
	DCORE_NOT_NULL(src_buf);
	return doca_buf_inventory_buf_get_by_args(inventory, src_buf->mmap, src_buf->head,
		src_buf->len, src_buf->data, src_buf->data_len, dst_buf);
}

doca_error_t doca_buf_inventory_buf_reuse_by_args(
	struct doca_buf *buf, void *addr, size_t len, void *data, size_t data_len)
{
	DCORE_NOT_NULL(buf);
	return set_range(buf, buf->mmap, addr, len, data, data_len);
}

doca_error_t doca_buf_inventory_buf_reuse_by_addr(struct doca_buf *buf, void *addr, size_t len)
{
	return doca_buf_inventory_buf_reuse_by_args(buf, addr, len, addr, 0);
}

doca_error_t doca_buf_inventory_buf_reuse_by_data(struct doca_buf *buf, void *data, size_t data_len)
{
	return doca_buf_inventory_buf_reuse_by_args(buf, data, data_len, data, data_len);
}

doca_error_t doca_buf_inventory_get_num_elements(
	const struct doca_buf_inventory *inventory, uint32_t *num_elements)
{
	DCORE_NOT_NULL(inventory);
	DCORE_NOT_NULL(num_elements);
	*num_elements = (uint32_t)inventory->num;
	return DOCA_SUCCESS;
}

doca_error_t doca_buf_inventory_get_num_free_elements(
	const struct doca_buf_inventory *inventory, uint32_t *num_free)
{
	DCORE_NOT_NULL(inventory);
	DCORE_NOT_NULL(num_free);
	*num_free = (uint32_t)inventory->num_free;
	return DOCA_SUCCESS;
}

doca_error_t doca_buf_inventory_set_user_data(
	struct doca_buf_inventory *inventory, union doca_data user_data)
{
	DCORE_NOT_NULL(inventory);
	inventory->user_data = user_data;
	return DOCA_SUCCESS;
}

doca_error_t doca_buf_inventory_get_user_data(
	const struct doca_buf_inventory *inventory, union doca_data *user_data)
{
	DCORE_NOT_NULL(inventory);
	DCORE_NOT_NULL(user_data);
	*user_data = inventory->user_data;
	return DOCA_SUCCESS;
}
