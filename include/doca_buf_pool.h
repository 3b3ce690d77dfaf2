/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * doca_buf_pool: a started memory map cut into buffers of one size, taken and given back by number.
 * A buffer comes empty and whole; doca_buf_dec_refcount() gives it back. One thread.
 */
#ifndef DOCA_BUF_POOL_H_
#define DOCA_BUF_POOL_H_

#include "doca_error.h"

#ifdef __cplusplus
extern "C" {
#endif

struct doca_buf;
struct doca_buf_pool;
struct doca_mmap;

/* num_elements * element_size must fit the map (INVALID_VALUE). */
doca_error_t doca_buf_pool_create(size_t num_elements, size_t element_size,
	const struct doca_mmap *mmap, struct doca_buf_pool **buf_pool);
doca_error_t doca_buf_pool_destroy(struct doca_buf_pool *buf_pool);
/* Start of every element is a multiple of this power of two; costs padding. Before start. */
doca_error_t doca_buf_pool_set_element_alignment(struct doca_buf_pool *buf_pool, size_t alignment);
doca_error_t doca_buf_pool_start(struct doca_buf_pool *buf_pool);
/* IN_USE while buffers are out. */
doca_error_t doca_buf_pool_stop(struct doca_buf_pool *buf_pool);
doca_error_t doca_buf_pool_buf_alloc(struct doca_buf_pool *buf_pool, struct doca_buf **buf);
doca_error_t doca_buf_pool_get_num_elements(const struct doca_buf_pool *buf_pool, uint32_t *num);
doca_error_t doca_buf_pool_get_num_free_elements(
	const struct doca_buf_pool *buf_pool, uint32_t *num);

#ifdef __cplusplus
}
#endif
#endif
