/* SPDX-License-Identifier: BSD-3-Clause */
/* libdoca_compress: deflate and LZ4 as tasks. */
#include <doca_compress.h>
#include <doca_softdpu_compress.h>

#include <endian.h>
#include <stdlib.h>

#include "doca/common/common.h"
#include "engine/deflate/deflate.h"
#include "engine/lz4/lz4_blocks.h"

#define MAX_BUF ((uint64_t)128 << 20)
#define MAX_LIST 4096u
#define DEFAULT_LEVEL 1

enum { DEFLATE, INFLATE, LZ4_STREAM, LZ4_BLOCK, TYPES };

struct compress_task { /* all four types */
	struct doca_task task;
	bool block_checksums, independent;
	/* The plain data. A checksum of it is computed when it is asked for: most programs never ask, and an
	 * LZ4 block is unpacked faster than XXH32 reads it. */
	const uint8_t *plain;
	size_t plain_len;
	bool have_crc, have_other;
	uint32_t crc, other; /* Adler-32 or XXH32 */
};

struct doca_compress {
	struct doca_ctx ctx;
	struct dcore_task_type types[TYPES];
	uint32_t level;
};

static inline doca_error_t measure(const struct doca_task *task, size_t len, size_t room)
{
	if (unlikely(!len || len > MAX_BUF))
		return dcore_fail(len ? DOCA_ERROR_TOO_BIG : DOCA_ERROR_INVALID_VALUE,
			"%s: a source of %zu bytes; 1 to %llu", task->type->name, len,
			(unsigned long long)MAX_BUF);
	if (unlikely(!room))
		return dcore_fail(
			DOCA_ERROR_INVALID_VALUE, "%s: the destination is full", task->type->name);
	return DOCA_SUCCESS;
}

static doca_error_t check(struct doca_task *task)
{
	return measure(
		task, dcore_buf_list_data_len(task->src), dcore_buf_list_tailroom(task->dst));
}

static uint32_t crc_of(struct compress_task *t)
{
	if (!t->have_crc)
		t->crc = deflate_crc32(t->plain, t->plain_len);
	t->have_crc = true;
	return t->crc;
}

static uint32_t other_of(struct compress_task *t)
{
	int type = (int)(t->task.type - t->task.ctx->types);

	if (!t->have_other)
		t->other = type == DEFLATE || type == INFLATE
				   ? deflate_adler32(t->plain, t->plain_len)
				   : htobe32(lz4_xxh32(t->plain, t->plain_len));
	t->have_other = true;
	return t->other;
}

/* Checksums are of this: the plain side, source or destination. Now if that memory may go. */
static inline void note_plain(struct compress_task *t, const uint8_t *plain, size_t len)
{
	t->plain = plain;
	t->plain_len = len;
	t->have_crc = t->have_other = false;
	if (unlikely(t->task.bounced)) {
		crc_of(t);
		other_of(t);
	}
}

static doca_error_t failed(int err, const struct doca_task *task)
{
	if (err == -ENOMEM)
		return DOCA_ERROR_NO_MEMORY;
	return dcore_fail(err == -ENOSPC ? DOCA_ERROR_FULL : DOCA_ERROR_IO_FAILED, "%s: %s",
		task->type->name,
		err == -ENOSPC ? "the destination is too small"
			       : "the source is no such stream, or broken");
}

/* ---- the four conversions ---- */

static doca_error_t deflate(struct doca_task *task, const uint8_t *src, size_t len, uint8_t *dst,
	size_t room, size_t *written)
{
	const struct doca_compress *compress = container_of(task->ctx, struct doca_compress, ctx);
	doca_error_t result = measure(task, len, room);
	int err;

	if (result != DOCA_SUCCESS)
		return result;
	err = deflate_compress(compress->level, src, len, dst, MIN_OF(room, MAX_BUF), written);
	if (err)
		return failed(err, task);
	note_plain(container_of(task, struct compress_task, task), src, len);
	return DOCA_SUCCESS;
}

static doca_error_t inflate(struct doca_task *task, const uint8_t *src, size_t len, uint8_t *dst,
	size_t room, size_t *written)
{
	doca_error_t result = measure(task, len, room);
	int err;

	if (result != DOCA_SUCCESS)
		return result;
	err = deflate_decompress(src, len, dst, MIN_OF(room, MAX_BUF), written);
	if (err)
		return failed(err, task);
	note_plain(container_of(task, struct compress_task, task), dst, *written);
	return DOCA_SUCCESS;
}

static doca_error_t unpack_stream(struct doca_task *task, const uint8_t *src, size_t len,
	uint8_t *dst, size_t room, size_t *written)
{
	struct compress_task *t = container_of(task, struct compress_task, task);
	doca_error_t result = measure(task, len, room);
	int err;

	if (result != DOCA_SUCCESS)
		return result;
	err = lz4_blocks_decompress(
		src, len, dst, MIN_OF(room, MAX_BUF), t->block_checksums, t->independent, written);
	if (err)
		return failed(err, task);
	note_plain(t, dst, *written);
	return DOCA_SUCCESS;
}

static doca_error_t unpack_block(struct doca_task *task, const uint8_t *src, size_t len,
	uint8_t *dst, size_t room, size_t *written)
{
	doca_error_t result = measure(task, len, room);
	int err;

	if (unlikely(result != DOCA_SUCCESS))
		return result;
	err = lz4_block_decompress(src, len, dst, MIN_OF(room, MAX_BUF), written);
	if (unlikely(err))
		return failed(err, task);
	note_plain(container_of(task, struct compress_task, task), dst, *written);
	return DOCA_SUCCESS;
}

/* ---- the library ---- */

static const struct dcore_ctx_ops ops = {.name = "compress", .may_have_workers = true};

doca_error_t doca_compress_create(struct doca_dev *dev, struct doca_compress **compress)
{
	static const struct dcore_task_type types[TYPES] = {
		{.name = "compress deflate", .convert = deflate},
		{.name = "decompress deflate", .convert = inflate},
		{.name = "decompress LZ4 stream", .convert = unpack_stream},
		{.name = "decompress LZ4 block", .convert = unpack_block}};

	DCORE_NOT_NULL(dev);
	DCORE_NOT_NULL(compress);
	*compress = calloc(1, sizeof(**compress));
	if (!*compress)
		return DOCA_ERROR_NO_MEMORY;
	for (int i = 0; i < TYPES; i++) {
		(*compress)->types[i] = types[i];
		(*compress)->types[i].size = sizeof(struct compress_task);
		(*compress)->types[i].check = check;
		(*compress)->types[i].batch = 1;
	}
	(*compress)->level = DEFAULT_LEVEL;
	dcore_ctx_init(&(*compress)->ctx, dev, &ops, (*compress)->types, TYPES);
	return DOCA_SUCCESS;
}

doca_error_t doca_compress_destroy(struct doca_compress *compress)
{
	doca_error_t result = compress ? dcore_ctx_fini(&compress->ctx) : DOCA_SUCCESS;

	if (result == DOCA_SUCCESS)
		free(compress);
	return result;
}

struct doca_ctx *doca_compress_as_ctx(struct doca_compress *compress)
{
	return compress ? &compress->ctx : NULL;
}

doca_error_t doca_softdpu_compress_set_level(struct doca_compress *compress, uint32_t level)
{
	DCORE_NOT_NULL(compress);
	if (!dcore_ctx_is_idle(&compress->ctx))
		return dcore_fail(DOCA_ERROR_BAD_STATE, "%s: the context is not idle", __func__);
	if (level > DEFLATE_LEVEL_MAX)
		return dcore_fail(DOCA_ERROR_INVALID_VALUE, "%s: level %u; at most %d", __func__,
			level, DEFLATE_LEVEL_MAX);
	compress->level = level;
	return DOCA_SUCCESS;
}

/* ---- tasks and capabilities ---- */

static doca_error_t alloc(struct doca_compress *compress, int type, const struct doca_buf *src,
	struct doca_buf *dst, union doca_data user_data, struct compress_task **task)
{
	doca_error_t result;

	DCORE_NOT_NULL(compress);
	DCORE_NOT_NULL(src);
	DCORE_NOT_NULL(dst);
	DCORE_NOT_NULL(task);
	*task = dcore_task_alloc(&compress->types[type], user_data, &result);
	if (*task) {
		(*task)->task.src = src;
		(*task)->task.dst = dst;
		(*task)->crc = (*task)->other = 0;
		(*task)->have_crc = (*task)->have_other = true; /* of nothing yet */
	}
	return result;
}

#define ANY(task) ((struct compress_task *)(void *)(task))
#define CONST_ANY(task) ((const struct compress_task *)(const void *)(task))
#define TASK(name, index, other_name)                                                          \
	doca_error_t doca_compress_cap_task_##name##_is_supported(                             \
		const struct doca_devinfo *devinfo)                                            \
	{                                                                                      \
		DCORE_NOT_NULL(devinfo);                                                       \
		return DOCA_SUCCESS;                                                           \
	}                                                                                      \
	doca_error_t doca_compress_cap_task_##name##_get_max_buf_size(                         \
		const struct doca_devinfo *devinfo, uint64_t *max_buf_size)                    \
	{                                                                                      \
		DCORE_NOT_NULL(devinfo);                                                       \
		DCORE_NOT_NULL(max_buf_size);                                                  \
		*max_buf_size = MAX_BUF;                                                       \
		return DOCA_SUCCESS;                                                           \
	}                                                                                      \
	doca_error_t doca_compress_cap_task_##name##_get_max_buf_list_len(                     \
		const struct doca_devinfo *devinfo, uint32_t *max_buf_list_len)                \
	{                                                                                      \
		DCORE_NOT_NULL(devinfo);                                                       \
		DCORE_NOT_NULL(max_buf_list_len);                                              \
		*max_buf_list_len = MAX_LIST;                                                  \
		return DOCA_SUCCESS;                                                           \
	}                                                                                      \
	doca_error_t doca_compress_task_##name##_set_conf(struct doca_compress *compress,      \
		doca_compress_task_##name##_completion_cb_t task_completion_cb,                \
		doca_compress_task_##name##_completion_cb_t task_error_cb, uint32_t num_tasks) \
	{                                                                                      \
		DCORE_NOT_NULL(compress);                                                      \
		return dcore_task_conf(&compress->ctx, &compress->types[index],                \
			(dcore_task_cb)task_completion_cb, (dcore_task_cb)task_error_cb,       \
			num_tasks);                                                            \
	}                                                                                      \
	struct doca_task *doca_compress_task_##name##_as_task(                                 \
		struct doca_compress_task_##name *task)                                        \
	{                                                                                      \
		return &ANY(task)->task;                                                       \
	}                                                                                      \
	void doca_compress_task_##name##_set_src(                                              \
		struct doca_compress_task_##name *task, const struct doca_buf *src_buff)       \
	{                                                                                      \
		ANY(task)->task.src = src_buff;                                                \
	}                                                                                      \
	const struct doca_buf *doca_compress_task_##name##_get_src(                            \
		const struct doca_compress_task_##name *task)                                  \
	{                                                                                      \
		return CONST_ANY(task)->task.src;                                              \
	}                                                                                      \
	void doca_compress_task_##name##_set_dst(                                              \
		struct doca_compress_task_##name *task, struct doca_buf *dst_buff)             \
	{                                                                                      \
		ANY(task)->task.dst = dst_buff;                                                \
	}                                                                                      \
	struct doca_buf *doca_compress_task_##name##_get_dst(                                  \
		const struct doca_compress_task_##name *task)                                  \
	{                                                                                      \
		return CONST_ANY(task)->task.dst;                                              \
	}                                                                                      \
	uint32_t doca_compress_task_##name##_get_crc_cs(                                       \
		const struct doca_compress_task_##name *task)                                  \
	{                                                                                      \
		return crc_of((struct compress_task *)(uintptr_t)task);                        \
	}                                                                                      \
	uint32_t doca_compress_task_##name##_get_##other_name##_cs(                            \
		const struct doca_compress_task_##name *task)                                  \
	{                                                                                      \
		return other_of((struct compress_task *)(uintptr_t)task);                      \
	}

#define ALLOC(name, index)                                                                  \
	doca_error_t doca_compress_task_##name##_alloc_init(struct doca_compress *compress, \
		const struct doca_buf *src_buff, struct doca_buf *dst_buff,                 \
		union doca_data user_data, struct doca_compress_task_##name **task)         \
	{                                                                                   \
		return alloc(compress, index, src_buff, dst_buff, user_data,                \
			(struct compress_task **)(void *)task);                             \
	}

TASK(compress_deflate, DEFLATE, adler)
TASK(decompress_deflate, INFLATE, adler)
TASK(decompress_lz4_stream, LZ4_STREAM, xxh)
TASK(decompress_lz4_block, LZ4_BLOCK, xxh)
ALLOC(compress_deflate, DEFLATE)
ALLOC(decompress_deflate, INFLATE)
ALLOC(decompress_lz4_block, LZ4_BLOCK)

doca_error_t doca_compress_task_decompress_lz4_stream_alloc_init(struct doca_compress *compress,
	uint8_t has_block_checksum, uint8_t are_blocks_independent, const struct doca_buf *src_buff,
	struct doca_buf *dst_buff, union doca_data user_data,
	struct doca_compress_task_decompress_lz4_stream **task)
{
	doca_error_t result = alloc(compress, LZ4_STREAM, src_buff, dst_buff, user_data,
		(struct compress_task **)(void *)task);

	if (result == DOCA_SUCCESS) {
		ANY(*task)->block_checksums = has_block_checksum;
		ANY(*task)->independent = are_blocks_independent;
	}
	return result;
}
