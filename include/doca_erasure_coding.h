/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * doca_erasure_coding: Reed-Solomon style redundancy over GF(2^8), polynomial 0x11d, as tasks.
 *
 * Blocks of one size lie one after the other in the source and destination (buffer lists count as
 * one run of bytes); the block size is the source's length divided by the number of blocks, a
 * multiple of 64 bytes.
 *
 *     create      source: k data blocks; destination: m redundancy blocks
 *     update      source: for n changed blocks: n old, n new, then the m old redundancy blocks;
 *                 destination: m new
 *     recover     source: k available blocks in index order; destination: the missing blocks, in the
 *                 order given
 *     galois_mul  source: as many blocks as the matrix has columns; destination: one per row
 *
 * Task errors: INVALID_VALUE (lengths), FULL (no room), NOT_PERMITTED, TOO_BIG; the context goes
 * on.
 */
#ifndef DOCA_ERASURE_CODING_H_
#define DOCA_ERASURE_CODING_H_

#include "doca_dev.h"
#include "doca_error.h"
#include "doca_types.h"

#ifdef __cplusplus
extern "C" {
#endif

struct doca_buf;
struct doca_ctx;
struct doca_task;

struct doca_ec;
struct doca_ec_matrix;
struct doca_ec_task_galois_mul;
struct doca_ec_task_create;
struct doca_ec_task_update;
struct doca_ec_task_recover;

enum doca_ec_matrix_type {
	DOCA_EC_MATRIX_TYPE_CAUCHY = 0,
	DOCA_EC_MATRIX_TYPE_VANDERMONDE = 1,
};

doca_error_t doca_ec_cap_task_galois_mul_is_supported(const struct doca_devinfo *devinfo);
doca_error_t doca_ec_cap_task_create_is_supported(const struct doca_devinfo *devinfo);
doca_error_t doca_ec_cap_task_update_is_supported(const struct doca_devinfo *devinfo);
doca_error_t doca_ec_cap_task_recover_is_supported(const struct doca_devinfo *devinfo);
/* Bytes of one block; elements of a buffer list. */
doca_error_t doca_ec_cap_get_max_block_size(
	const struct doca_devinfo *devinfo, uint64_t *max_block_size);
doca_error_t doca_ec_cap_get_max_buf_list_len(
	const struct doca_devinfo *devinfo, uint32_t *max_buf_list_len);

doca_error_t doca_ec_create(struct doca_dev *dev, struct doca_ec **ec);
doca_error_t doca_ec_destroy(struct doca_ec *ec);
struct doca_ctx *doca_ec_as_ctx(struct doca_ec *ec);

/* data_block_count + rdnc_block_count <= 255. Both types recover any rdnc_block_count losses. The
 * first redundancy block of a Vandermonde matrix is the xor of the data: with only one, the coding matrix itself
 * recovers (source: the data blocks that are there and the redundancy). Matrices are immutable and outlive the
 * tasks that use them. */
doca_error_t doca_ec_matrix_create(struct doca_ec *ec, enum doca_ec_matrix_type type,
	size_t data_block_count, size_t rdnc_block_count, struct doca_ec_matrix **matrix);
/* Own coefficients, row by row: data[rdnc][data_block]. */
doca_error_t doca_ec_matrix_create_from_raw(struct doca_ec *ec, const uint8_t *data,
	size_t data_block_count, size_t rdnc_block_count, struct doca_ec_matrix **matrix);
/* To update redundancy after the data blocks with these indexes changed. */
doca_error_t doca_ec_matrix_create_update(struct doca_ec *ec, struct doca_ec_matrix *coding_matrix,
	uint32_t update_indices[], size_t n_updates, struct doca_ec_matrix **matrix);
/* To recover the blocks with these indexes (data blocks first, then redundancy) from the first
 * data_block_count blocks that are not missing. */
doca_error_t doca_ec_matrix_create_recover(struct doca_ec *ec, struct doca_ec_matrix *coding_matrix,
	uint32_t missing_indices[], size_t n_missing, struct doca_ec_matrix **matrix);
doca_error_t doca_ec_matrix_destroy(struct doca_ec_matrix *matrix);

/* num_tasks tasks may be allocated. Before start. */
typedef void (*doca_ec_task_galois_mul_completion_cb_t)(struct doca_ec_task_galois_mul *task,
	union doca_data task_user_data, union doca_data ctx_user_data);
doca_error_t doca_ec_task_galois_mul_set_conf(struct doca_ec *ec,
	doca_ec_task_galois_mul_completion_cb_t task_completion_cb,
	doca_ec_task_galois_mul_completion_cb_t task_error_cb, uint32_t num_tasks);
struct doca_task *doca_ec_task_galois_mul_as_task(struct doca_ec_task_galois_mul *task);
doca_error_t doca_ec_task_galois_mul_allocate_init(struct doca_ec *ec,
	const struct doca_ec_matrix *matrix, const struct doca_buf *src, struct doca_buf *dst,
	union doca_data user_data, struct doca_ec_task_galois_mul **task);
void doca_ec_task_galois_mul_set_src(
	struct doca_ec_task_galois_mul *task, const struct doca_buf *src);
const struct doca_buf *doca_ec_task_galois_mul_get_src(const struct doca_ec_task_galois_mul *task);
void doca_ec_task_galois_mul_set_dst(struct doca_ec_task_galois_mul *task, struct doca_buf *dst);
struct doca_buf *doca_ec_task_galois_mul_get_dst(const struct doca_ec_task_galois_mul *task);
void doca_ec_task_galois_mul_set_matrix(
	struct doca_ec_task_galois_mul *task, const struct doca_ec_matrix *matrix);
const struct doca_ec_matrix *doca_ec_task_galois_mul_get_matrix(
	const struct doca_ec_task_galois_mul *task);

/* num_tasks tasks may be allocated. Before start. */
typedef void (*doca_ec_task_create_completion_cb_t)(struct doca_ec_task_create *task,
	union doca_data task_user_data, union doca_data ctx_user_data);
doca_error_t doca_ec_task_create_set_conf(struct doca_ec *ec,
	doca_ec_task_create_completion_cb_t task_completion_cb,
	doca_ec_task_create_completion_cb_t task_error_cb, uint32_t num_tasks);
struct doca_task *doca_ec_task_create_as_task(struct doca_ec_task_create *task);
doca_error_t doca_ec_task_create_allocate_init(struct doca_ec *ec,
	const struct doca_ec_matrix *matrix, const struct doca_buf *original_data_blocks,
	struct doca_buf *rdnc_blocks, union doca_data user_data, struct doca_ec_task_create **task);
void doca_ec_task_create_set_original_data_blocks(
	struct doca_ec_task_create *task, const struct doca_buf *original_data_blocks);
const struct doca_buf *doca_ec_task_create_get_original_data_blocks(
	const struct doca_ec_task_create *task);
void doca_ec_task_create_set_rdnc_blocks(
	struct doca_ec_task_create *task, struct doca_buf *rdnc_blocks);
struct doca_buf *doca_ec_task_create_get_rdnc_blocks(const struct doca_ec_task_create *task);
void doca_ec_task_create_set_matrix(
	struct doca_ec_task_create *task, const struct doca_ec_matrix *matrix);
const struct doca_ec_matrix *doca_ec_task_create_get_matrix(const struct doca_ec_task_create *task);

/* num_tasks tasks may be allocated. Before start. */
typedef void (*doca_ec_task_update_completion_cb_t)(struct doca_ec_task_update *task,
	union doca_data task_user_data, union doca_data ctx_user_data);
doca_error_t doca_ec_task_update_set_conf(struct doca_ec *ec,
	doca_ec_task_update_completion_cb_t task_completion_cb,
	doca_ec_task_update_completion_cb_t task_error_cb, uint32_t num_tasks);
struct doca_task *doca_ec_task_update_as_task(struct doca_ec_task_update *task);
doca_error_t doca_ec_task_update_allocate_init(struct doca_ec *ec,
	const struct doca_ec_matrix *matrix,
	const struct doca_buf *original_updated_and_rdnc_blocks,
	struct doca_buf *updated_rdnc_blocks, union doca_data user_data,
	struct doca_ec_task_update **task);
void doca_ec_task_update_set_original_updated_and_rdnc_blocks(
	struct doca_ec_task_update *task, const struct doca_buf *original_updated_and_rdnc_blocks);
const struct doca_buf *doca_ec_task_update_get_original_updated_and_rdnc_blocks(
	const struct doca_ec_task_update *task);
void doca_ec_task_update_set_updated_rdnc_blocks(
	struct doca_ec_task_update *task, struct doca_buf *updated_rdnc_blocks);
struct doca_buf *doca_ec_task_update_get_updated_rdnc_blocks(
	const struct doca_ec_task_update *task);
void doca_ec_task_update_set_matrix(
	struct doca_ec_task_update *task, const struct doca_ec_matrix *matrix);
const struct doca_ec_matrix *doca_ec_task_update_get_matrix(const struct doca_ec_task_update *task);

/* num_tasks tasks may be allocated. Before start. */
typedef void (*doca_ec_task_recover_completion_cb_t)(struct doca_ec_task_recover *task,
	union doca_data task_user_data, union doca_data ctx_user_data);
doca_error_t doca_ec_task_recover_set_conf(struct doca_ec *ec,
	doca_ec_task_recover_completion_cb_t task_completion_cb,
	doca_ec_task_recover_completion_cb_t task_error_cb, uint32_t num_tasks);
struct doca_task *doca_ec_task_recover_as_task(struct doca_ec_task_recover *task);
doca_error_t doca_ec_task_recover_allocate_init(struct doca_ec *ec,
	const struct doca_ec_matrix *matrix, const struct doca_buf *available_blocks,
	struct doca_buf *recovered_data, union doca_data user_data,
	struct doca_ec_task_recover **task);
void doca_ec_task_recover_set_available_blocks(
	struct doca_ec_task_recover *task, const struct doca_buf *available_blocks);
const struct doca_buf *doca_ec_task_recover_get_available_blocks(
	const struct doca_ec_task_recover *task);
void doca_ec_task_recover_set_recovered_data(
	struct doca_ec_task_recover *task, struct doca_buf *recovered_data);
struct doca_buf *doca_ec_task_recover_get_recovered_data(const struct doca_ec_task_recover *task);
void doca_ec_task_recover_set_matrix(
	struct doca_ec_task_recover *task, const struct doca_ec_matrix *matrix);
const struct doca_ec_matrix *doca_ec_task_recover_get_matrix(
	const struct doca_ec_task_recover *task);

#ifdef __cplusplus
}
#endif
#endif
