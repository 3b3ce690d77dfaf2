/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * doca_compress: deflate (RFC 1951) and LZ4 as tasks, with checksums of the plain data.
 *
 * compress_deflate      source: data         destination: raw deflate stream
 * decompress_deflate    source: raw deflate  destination: data
 * decompress_lz4_stream source: the blocks of an LZ4 frame (size, data, optional block checksum),
 * without the frame's header, end mark and content checksum decompress_lz4_block  source: one raw
 * LZ4 block
 *
 * After success get_crc_cs is the CRC-32 (RFC 1952), get_adler_cs the Adler-32 (RFC 1950),
 * get_xxh_cs the XXH32 of the uncompressed data, its bytes in the order in which an LZ4 frame
 * stores it (as cards give it). Task errors: IO_FAILED for a broken stream, FULL when the
 * destination is too small, NOT_PERMITTED, TOO_BIG. The level is set with
 * doca_softdpu_compress_set_level() (doca_softdpu_compress.h). F:4057-4103.
 */
#ifndef DOCA_COMPRESS_H_
#define DOCA_COMPRESS_H_

#include "doca_dev.h"
#include "doca_error.h"
#include "doca_types.h"

#ifdef __cplusplus
extern "C" {
#endif

struct doca_buf;
struct doca_ctx;
struct doca_task;

struct doca_compress;
struct doca_compress_task_compress_deflate;
struct doca_compress_task_decompress_deflate;
struct doca_compress_task_decompress_lz4_stream;
struct doca_compress_task_decompress_lz4_block;

doca_error_t doca_compress_cap_task_compress_deflate_is_supported(
	const struct doca_devinfo *devinfo);
doca_error_t doca_compress_cap_task_compress_deflate_get_max_buf_size(
	const struct doca_devinfo *devinfo, uint64_t *max_buf_size);
doca_error_t doca_compress_cap_task_compress_deflate_get_max_buf_list_len(
	const struct doca_devinfo *devinfo, uint32_t *max_buf_list_len);

doca_error_t doca_compress_cap_task_decompress_deflate_is_supported(
	const struct doca_devinfo *devinfo);
doca_error_t doca_compress_cap_task_decompress_deflate_get_max_buf_size(
	const struct doca_devinfo *devinfo, uint64_t *max_buf_size);
doca_error_t doca_compress_cap_task_decompress_deflate_get_max_buf_list_len(
	const struct doca_devinfo *devinfo, uint32_t *max_buf_list_len);

doca_error_t doca_compress_cap_task_decompress_lz4_stream_is_supported(
	const struct doca_devinfo *devinfo);
doca_error_t doca_compress_cap_task_decompress_lz4_stream_get_max_buf_size(
	const struct doca_devinfo *devinfo, uint64_t *max_buf_size);
doca_error_t doca_compress_cap_task_decompress_lz4_stream_get_max_buf_list_len(
	const struct doca_devinfo *devinfo, uint32_t *max_buf_list_len);

doca_error_t doca_compress_cap_task_decompress_lz4_block_is_supported(
	const struct doca_devinfo *devinfo);
doca_error_t doca_compress_cap_task_decompress_lz4_block_get_max_buf_size(
	const struct doca_devinfo *devinfo, uint64_t *max_buf_size);
doca_error_t doca_compress_cap_task_decompress_lz4_block_get_max_buf_list_len(
	const struct doca_devinfo *devinfo, uint32_t *max_buf_list_len);

doca_error_t doca_compress_create(struct doca_dev *dev, struct doca_compress **compress);
doca_error_t doca_compress_destroy(struct doca_compress *compress);
struct doca_ctx *doca_compress_as_ctx(struct doca_compress *compress);

/* num_tasks tasks may be allocated. Before start. */
typedef void (*doca_compress_task_compress_deflate_completion_cb_t)(
	struct doca_compress_task_compress_deflate *task, union doca_data task_user_data,
	union doca_data ctx_user_data);
doca_error_t doca_compress_task_compress_deflate_set_conf(struct doca_compress *compress,
	doca_compress_task_compress_deflate_completion_cb_t task_completion_cb,
	doca_compress_task_compress_deflate_completion_cb_t task_error_cb, uint32_t num_tasks);
struct doca_task *doca_compress_task_compress_deflate_as_task(
	struct doca_compress_task_compress_deflate *task);
doca_error_t doca_compress_task_compress_deflate_alloc_init(struct doca_compress *compress,
	const struct doca_buf *src_buff, struct doca_buf *dst_buff, union doca_data user_data,
	struct doca_compress_task_compress_deflate **task);
void doca_compress_task_compress_deflate_set_src(
	struct doca_compress_task_compress_deflate *task, const struct doca_buf *src_buff);
const struct doca_buf *doca_compress_task_compress_deflate_get_src(
	const struct doca_compress_task_compress_deflate *task);
void doca_compress_task_compress_deflate_set_dst(
	struct doca_compress_task_compress_deflate *task, struct doca_buf *dst_buff);
struct doca_buf *doca_compress_task_compress_deflate_get_dst(
	const struct doca_compress_task_compress_deflate *task);
uint32_t doca_compress_task_compress_deflate_get_crc_cs(
	const struct doca_compress_task_compress_deflate *task);
uint32_t doca_compress_task_compress_deflate_get_adler_cs(
	const struct doca_compress_task_compress_deflate *task);

/* num_tasks tasks may be allocated. Before start. */
typedef void (*doca_compress_task_decompress_deflate_completion_cb_t)(
	struct doca_compress_task_decompress_deflate *task, union doca_data task_user_data,
	union doca_data ctx_user_data);
doca_error_t doca_compress_task_decompress_deflate_set_conf(struct doca_compress *compress,
	doca_compress_task_decompress_deflate_completion_cb_t task_completion_cb,
	doca_compress_task_decompress_deflate_completion_cb_t task_error_cb, uint32_t num_tasks);
struct doca_task *doca_compress_task_decompress_deflate_as_task(
	struct doca_compress_task_decompress_deflate *task);
doca_error_t doca_compress_task_decompress_deflate_alloc_init(struct doca_compress *compress,
	const struct doca_buf *src_buff, struct doca_buf *dst_buff, union doca_data user_data,
	struct doca_compress_task_decompress_deflate **task);
void doca_compress_task_decompress_deflate_set_src(
	struct doca_compress_task_decompress_deflate *task, const struct doca_buf *src_buff);
const struct doca_buf *doca_compress_task_decompress_deflate_get_src(
	const struct doca_compress_task_decompress_deflate *task);
void doca_compress_task_decompress_deflate_set_dst(
	struct doca_compress_task_decompress_deflate *task, struct doca_buf *dst_buff);
struct doca_buf *doca_compress_task_decompress_deflate_get_dst(
	const struct doca_compress_task_decompress_deflate *task);
uint32_t doca_compress_task_decompress_deflate_get_crc_cs(
	const struct doca_compress_task_decompress_deflate *task);
uint32_t doca_compress_task_decompress_deflate_get_adler_cs(
	const struct doca_compress_task_decompress_deflate *task);

/* num_tasks tasks may be allocated. Before start. */
typedef void (*doca_compress_task_decompress_lz4_stream_completion_cb_t)(
	struct doca_compress_task_decompress_lz4_stream *task, union doca_data task_user_data,
	union doca_data ctx_user_data);
doca_error_t doca_compress_task_decompress_lz4_stream_set_conf(struct doca_compress *compress,
	doca_compress_task_decompress_lz4_stream_completion_cb_t task_completion_cb,
	doca_compress_task_decompress_lz4_stream_completion_cb_t task_error_cb, uint32_t num_tasks);
struct doca_task *doca_compress_task_decompress_lz4_stream_as_task(
	struct doca_compress_task_decompress_lz4_stream *task);
doca_error_t doca_compress_task_decompress_lz4_stream_alloc_init(struct doca_compress *compress,
	uint8_t has_block_checksum, uint8_t are_blocks_independent, const struct doca_buf *src_buff,
	struct doca_buf *dst_buff, union doca_data user_data,
	struct doca_compress_task_decompress_lz4_stream **task);
void doca_compress_task_decompress_lz4_stream_set_src(
	struct doca_compress_task_decompress_lz4_stream *task, const struct doca_buf *src_buff);
const struct doca_buf *doca_compress_task_decompress_lz4_stream_get_src(
	const struct doca_compress_task_decompress_lz4_stream *task);
void doca_compress_task_decompress_lz4_stream_set_dst(
	struct doca_compress_task_decompress_lz4_stream *task, struct doca_buf *dst_buff);
struct doca_buf *doca_compress_task_decompress_lz4_stream_get_dst(
	const struct doca_compress_task_decompress_lz4_stream *task);
uint32_t doca_compress_task_decompress_lz4_stream_get_crc_cs(
	const struct doca_compress_task_decompress_lz4_stream *task);
uint32_t doca_compress_task_decompress_lz4_stream_get_xxh_cs(
	const struct doca_compress_task_decompress_lz4_stream *task);

/* num_tasks tasks may be allocated. Before start. */
typedef void (*doca_compress_task_decompress_lz4_block_completion_cb_t)(
	struct doca_compress_task_decompress_lz4_block *task, union doca_data task_user_data,
	union doca_data ctx_user_data);
doca_error_t doca_compress_task_decompress_lz4_block_set_conf(struct doca_compress *compress,
	doca_compress_task_decompress_lz4_block_completion_cb_t task_completion_cb,
	doca_compress_task_decompress_lz4_block_completion_cb_t task_error_cb, uint32_t num_tasks);
struct doca_task *doca_compress_task_decompress_lz4_block_as_task(
	struct doca_compress_task_decompress_lz4_block *task);
doca_error_t doca_compress_task_decompress_lz4_block_alloc_init(struct doca_compress *compress,
	const struct doca_buf *src_buff, struct doca_buf *dst_buff, union doca_data user_data,
	struct doca_compress_task_decompress_lz4_block **task);
void doca_compress_task_decompress_lz4_block_set_src(
	struct doca_compress_task_decompress_lz4_block *task, const struct doca_buf *src_buff);
const struct doca_buf *doca_compress_task_decompress_lz4_block_get_src(
	const struct doca_compress_task_decompress_lz4_block *task);
void doca_compress_task_decompress_lz4_block_set_dst(
	struct doca_compress_task_decompress_lz4_block *task, struct doca_buf *dst_buff);
struct doca_buf *doca_compress_task_decompress_lz4_block_get_dst(
	const struct doca_compress_task_decompress_lz4_block *task);
uint32_t doca_compress_task_decompress_lz4_block_get_crc_cs(
	const struct doca_compress_task_decompress_lz4_block *task);
uint32_t doca_compress_task_decompress_lz4_block_get_xxh_cs(
	const struct doca_compress_task_decompress_lz4_block *task);

#ifdef __cplusplus
}
#endif
#endif
