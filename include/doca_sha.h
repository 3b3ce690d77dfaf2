/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * doca_sha: SHA-1, SHA-256 and SHA-512 digests as tasks (FIPS 180-4).
 *
 * A hash task reads the data of its source list and appends the digest to the destination. A
 * partial hash task is submitted once per piece of a long text: set the source, submit, wait, set
 * the next; mark the last piece with set_is_final_buf. Setters refuse with BAD_STATE while the task
 * is in flight. Non-final pieces are multiples of the block size (64 or 128 bytes).
 *
 * Many hash tasks in flight are computed together, several lanes of one vector unit: keep 16 to 32
 * submitted to get twice the speed of one at a time. Errors of a task: INVALID_VALUE (no room for
 * the digest, odd piece), NOT_PERMITTED, TOO_BIG; the context goes on.
 */
#ifndef DOCA_SHA_H_
#define DOCA_SHA_H_

#include "doca_dev.h"
#include "doca_error.h"
#include "doca_types.h"

#ifdef __cplusplus
extern "C" {
#endif

struct doca_buf;
struct doca_ctx;
struct doca_task;

struct doca_sha;
struct doca_sha_task_hash;
struct doca_sha_task_partial_hash;

enum doca_sha_algorithm {
	DOCA_SHA_ALGORITHM_SHA1 = 0,
	DOCA_SHA_ALGORITHM_SHA256 = 1,
	DOCA_SHA_ALGORITHM_SHA512 = 2,
};

#define DOCA_SHA_SHA1_BYTE_COUNT 20
#define DOCA_SHA_SHA256_BYTE_COUNT 32
#define DOCA_SHA_SHA512_BYTE_COUNT 64

/* SUCCESS or NOT_SUPPORTED. */
doca_error_t doca_sha_cap_task_hash_get_supported(
	const struct doca_devinfo *devinfo, enum doca_sha_algorithm algorithm);
doca_error_t doca_sha_cap_task_partial_hash_get_supported(
	const struct doca_devinfo *devinfo, enum doca_sha_algorithm algorithm);
/* Bytes of one source; bytes the destination must have free; bytes non-final pieces are multiples
 * of. */
doca_error_t doca_sha_cap_get_max_src_buf_size(
	const struct doca_devinfo *devinfo, uint64_t *max_size);
doca_error_t doca_sha_cap_get_max_list_num_elem(
	const struct doca_devinfo *devinfo, uint32_t *max_num);
doca_error_t doca_sha_cap_get_min_dst_buf_size(
	const struct doca_devinfo *devinfo, enum doca_sha_algorithm algorithm, uint32_t *min_size);
doca_error_t doca_sha_cap_get_partial_hash_block_size(const struct doca_devinfo *devinfo,
	enum doca_sha_algorithm algorithm, uint32_t *block_size);

doca_error_t doca_sha_create(struct doca_dev *dev, struct doca_sha **sha);
doca_error_t doca_sha_destroy(struct doca_sha *sha);
struct doca_ctx *doca_sha_as_ctx(struct doca_sha *sha);

/* 2^log_num_tasks tasks may be allocated. Before start. */
typedef void (*doca_sha_task_hash_completion_cb_t)(struct doca_sha_task_hash *task,
	union doca_data task_user_data, union doca_data ctx_user_data);
doca_error_t doca_sha_task_hash_set_conf(struct doca_sha *sha,
	doca_sha_task_hash_completion_cb_t task_completion_cb,
	doca_sha_task_hash_completion_cb_t task_error_cb, uint8_t log_num_tasks);
struct doca_task *doca_sha_task_hash_as_task(struct doca_sha_task_hash *task);
doca_error_t doca_sha_task_hash_alloc_init(struct doca_sha *sha, enum doca_sha_algorithm algorithm,
	const struct doca_buf *src_buff, struct doca_buf *dst_buff, union doca_data user_data,
	struct doca_sha_task_hash **task);
doca_error_t doca_sha_task_hash_set_src(
	struct doca_sha_task_hash *task, const struct doca_buf *src_buff);
const struct doca_buf *doca_sha_task_hash_get_src(const struct doca_sha_task_hash *task);
doca_error_t doca_sha_task_hash_set_dst(struct doca_sha_task_hash *task, struct doca_buf *dst_buff);
struct doca_buf *doca_sha_task_hash_get_dst(const struct doca_sha_task_hash *task);
enum doca_sha_algorithm doca_sha_task_hash_get_algorithm(const struct doca_sha_task_hash *task);
doca_error_t doca_sha_task_hash_set_algorithm(
	struct doca_sha_task_hash *task, enum doca_sha_algorithm algorithm);

/* 2^log_num_tasks tasks may be allocated. Before start. */
typedef void (*doca_sha_task_partial_hash_completion_cb_t)(struct doca_sha_task_partial_hash *task,
	union doca_data task_user_data, union doca_data ctx_user_data);
doca_error_t doca_sha_task_partial_hash_set_conf(struct doca_sha *sha,
	doca_sha_task_partial_hash_completion_cb_t task_completion_cb,
	doca_sha_task_partial_hash_completion_cb_t task_error_cb, uint8_t log_num_tasks);
struct doca_task *doca_sha_task_partial_hash_as_task(struct doca_sha_task_partial_hash *task);
doca_error_t doca_sha_task_partial_hash_alloc_init(struct doca_sha *sha,
	enum doca_sha_algorithm algorithm, const struct doca_buf *src_buff,
	struct doca_buf *dst_buff, union doca_data user_data,
	struct doca_sha_task_partial_hash **task);
doca_error_t doca_sha_task_partial_hash_set_src(
	struct doca_sha_task_partial_hash *task, const struct doca_buf *src_buff);
const struct doca_buf *doca_sha_task_partial_hash_get_src(
	const struct doca_sha_task_partial_hash *task);
doca_error_t doca_sha_task_partial_hash_set_dst(
	struct doca_sha_task_partial_hash *task, struct doca_buf *dst_buff);
struct doca_buf *doca_sha_task_partial_hash_get_dst(const struct doca_sha_task_partial_hash *task);
enum doca_sha_algorithm doca_sha_task_partial_hash_get_algorithm(
	const struct doca_sha_task_partial_hash *task);
doca_error_t doca_sha_task_partial_hash_set_algorithm(
	struct doca_sha_task_partial_hash *task, enum doca_sha_algorithm algorithm);
/* The source set now is the last piece: the digest is appended to the destination. */
doca_error_t doca_sha_task_partial_hash_set_is_final_buf(struct doca_sha_task_partial_hash *task);
uint8_t doca_sha_task_partial_hash_get_is_final_buf(const struct doca_sha_task_partial_hash *task);

#ifdef __cplusplus
}
#endif
#endif
