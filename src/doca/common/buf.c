/* SPDX-License-Identifier: BSD-3-Clause */
/* Buffers, their lists and references. */
#include "doca/common/buf_int.h"

#include <stdlib.h>
#include <string.h>

doca_error_t doca_buf_get_len(const struct doca_buf *buf, size_t *len)
{
	DCORE_NOT_NULL(buf);
	DCORE_NOT_NULL(len);
	*len = buf->len;
	return DOCA_SUCCESS;
}

doca_error_t doca_buf_get_head(const struct doca_buf *buf, void **head)
{
	DCORE_NOT_NULL(buf);
	DCORE_NOT_NULL(head);
	*head = buf->head;
	return DOCA_SUCCESS;
}

doca_error_t doca_buf_get_data_len(const struct doca_buf *buf, size_t *data_len)
{
	DCORE_NOT_NULL(buf);
	DCORE_NOT_NULL(data_len);
	*data_len = buf->data_len;
	return DOCA_SUCCESS;
}

doca_error_t doca_buf_get_data(const struct doca_buf *buf, void **data)
{
	DCORE_NOT_NULL(buf);
	DCORE_NOT_NULL(data);
	*data = buf->data;
	return DOCA_SUCCESS;
}

doca_error_t doca_buf_set_data(struct doca_buf *buf, void *data, size_t data_len)
{
	uint8_t *d = data;

	DCORE_NOT_NULL(buf);
	if (d < buf->head || d > buf->head + buf->len ||
		data_len > (size_t)(buf->head + buf->len - d))
		return dcore_fail(DOCA_ERROR_INVALID_VALUE,
			"%s: %zu bytes at %p are not within the buffer of %zu bytes at %p",
			__func__, data_len, data, buf->len, (void *)buf->head);
	buf->data = d;
	buf->data_len = data_len;
	return DOCA_SUCCESS;
}

doca_error_t doca_buf_set_data_len(struct doca_buf *buf, size_t data_len)
{
	DCORE_NOT_NULL(buf);
	return doca_buf_set_data(buf, buf->data, data_len);
}

doca_error_t doca_buf_reset_data_len(struct doca_buf *buf)
{
	DCORE_NOT_NULL(buf);
	buf->data = buf->head;
	buf->data_len = 0;
	return DOCA_SUCCESS;
}

/* ---- references ---- */

struct doca_buf *buf_heads_create(size_t n)
{
	struct doca_buf *bufs =
		n <= SIZE_MAX / sizeof(*bufs) ? aligned_alloc(64, n * sizeof(*bufs)) : NULL;

	if (bufs)
		memset(bufs, 0, n * sizeof(*bufs));
	return bufs;
}

void buf_init(struct doca_buf *buf, struct doca_mmap *mmap, struct dcore_buf_owner *owner)
{
	buf->mmap = mmap;
	buf->owner = owner;
	buf->next = NULL;
	buf->first = buf->last = buf;
	buf->list_len = 1;
	buf->refcount = 1;
	buf->readers = mmap_is_plain(mmap) ? mmap->dev_bits : 0;
	buf->writers = mmap_is_writable(mmap) ? buf->readers : 0;
}

static void release_list(struct doca_buf *head)
{
	for (struct doca_buf *b = head, *next; b; b = next) {
		next = b->next;
		b->owner->put(b->owner, b);
	}
}

doca_error_t doca_buf_inc_refcount(struct doca_buf *buf, uint16_t *refcount)
{
	DCORE_NOT_NULL(buf);
	if (refcount)
		*refcount = buf->refcount;
	if (buf->refcount == UINT16_MAX)
		return dcore_fail(
			DOCA_ERROR_TOO_BIG, "%s: the reference count is at its limit", __func__);
	buf->refcount++;
	return DOCA_SUCCESS;
}

doca_error_t doca_buf_dec_refcount(struct doca_buf *buf, uint16_t *refcount)
{
	DCORE_NOT_NULL(buf);
	if (buf->first != buf)
		return dcore_fail(DOCA_ERROR_NOT_PERMITTED,
			"%s: the buffer is inside a list; release its head", __func__);
	if (!buf->refcount)
		return dcore_fail(
			DOCA_ERROR_INVALID_VALUE, "%s: the buffer was released before", __func__);
	if (refcount)
		*refcount = buf->refcount;
	if (!--buf->refcount)
		release_list(buf);
	return DOCA_SUCCESS;
}

doca_error_t doca_buf_get_refcount(struct doca_buf *buf, uint16_t *refcount)
{
	DCORE_NOT_NULL(buf);
	DCORE_NOT_NULL(refcount);
	*refcount = buf->refcount;
	return DOCA_SUCCESS;
}

/* ---- lists ---- */

doca_error_t doca_buf_chain_list(struct doca_buf *list1, struct doca_buf *list2)
{
	DCORE_NOT_NULL(list1);
	DCORE_NOT_NULL(list2);
	if (list1->first != list1 || list2->first != list2 || list1 == list2)
		return dcore_fail(DOCA_ERROR_INVALID_VALUE,
			"%s: both must be heads of different lists", __func__);
	list1->last->next = list2;
	list1->last = list2->last;
	list1->list_len += list2->list_len;
	for (struct doca_buf *b = list2; b; b = b->next)
		b->first = list1;
	return DOCA_SUCCESS;
}

doca_error_t doca_buf_unchain_list(struct doca_buf *list1, struct doca_buf *list2)
{
	struct doca_buf *before = list1;
	uint32_t n = 1;

	DCORE_NOT_NULL(list1);
	DCORE_NOT_NULL(list2);
	if (list1->first != list1 || list1 == list2 || list2->first != list1)
		return dcore_fail(
			DOCA_ERROR_INVALID_VALUE, "%s: list2 is not inside list1", __func__);
	for (; before->next != list2; before = before->next)
		n++;
	list2->last = list1->last;
	list2->list_len = list1->list_len - n;
	list2->refcount = list2->refcount ? list2->refcount : 1;
	for (struct doca_buf *b = list2; b; b = b->next)
		b->first = list2;
	list1->last = before;
	list1->list_len = n;
	before->next = NULL;
	return DOCA_SUCCESS;
}

doca_error_t doca_buf_get_next_in_list(struct doca_buf *buf, struct doca_buf **next_buf)
{
	DCORE_NOT_NULL(buf);
	DCORE_NOT_NULL(next_buf);
	*next_buf = buf->next;
	return DOCA_SUCCESS;
}

doca_error_t doca_buf_get_last_in_list(struct doca_buf *buf, struct doca_buf **last_buf)
{
	DCORE_NOT_NULL(buf);
	DCORE_NOT_NULL(last_buf);
	*last_buf = buf->first->last;
	return DOCA_SUCCESS;
}

static doca_error_t answer(const struct doca_buf *buf, uint8_t *out, bool value)
{
	DCORE_NOT_NULL(buf);
	DCORE_NOT_NULL(out);
	*out = value;
	return DOCA_SUCCESS;
}

doca_error_t doca_buf_is_last_in_list(const struct doca_buf *buf, uint8_t *is_last)
{
	return answer(buf, is_last, buf && !buf->next);
}

doca_error_t doca_buf_is_first_in_list(const struct doca_buf *buf, uint8_t *is_first)
{
	return answer(buf, is_first, buf && buf->first == buf);
}

doca_error_t doca_buf_is_in_list(const struct doca_buf *buf, uint8_t *is_in_list)
{
	return answer(buf, is_in_list, buf && buf->first->list_len > 1);
}

doca_error_t doca_buf_get_list_len(const struct doca_buf *buf, uint32_t *num_elements)
{
	DCORE_NOT_NULL(buf);
	DCORE_NOT_NULL(num_elements);
	*num_elements = buf->first->list_len;
	return DOCA_SUCCESS;
}
