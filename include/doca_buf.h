/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * doca_buf: a piece of a memory map that tasks read and write.
 *
 *     head            data                 data + data_len          head + len
 *      |---- headroom ---|------- data -------|------ tailroom -------|
 *
 * Tasks read a source's data and append to a destination's data: they write from data + data_len on
 * and move data_len. Buffers chain into lists; a task that takes lists sees them as one run of
 * bytes. A buffer starts with one reference; the last doca_buf_dec_refcount() on the head of a list
 * gives all its members back to the inventory. Not thread safe for one buffer.
 */
#ifndef DOCA_BUF_H_
#define DOCA_BUF_H_

#include "doca_error.h"
#include "doca_types.h"

#ifdef __cplusplus
extern "C" {
#endif

struct doca_buf;

doca_error_t doca_buf_get_len(const struct doca_buf *buf, size_t *len);
doca_error_t doca_buf_get_head(const struct doca_buf *buf, void **head);
doca_error_t doca_buf_get_data_len(const struct doca_buf *buf, size_t *data_len);
doca_error_t doca_buf_get_data(const struct doca_buf *buf, void **data);

/* The data must lie within the buffer: INVALID_VALUE. */
doca_error_t doca_buf_set_data(struct doca_buf *buf, void *data, size_t data_len);
/* Keeps the data's start. */
doca_error_t doca_buf_set_data_len(struct doca_buf *buf, size_t data_len);
/* data = head, data_len = 0. */
doca_error_t doca_buf_reset_data_len(struct doca_buf *buf);

/* References. The number before the change is written unless the pointer is NULL. */
doca_error_t doca_buf_inc_refcount(struct doca_buf *buf, uint16_t *refcount);
doca_error_t doca_buf_dec_refcount(struct doca_buf *buf, uint16_t *refcount);
doca_error_t doca_buf_get_refcount(struct doca_buf *buf, uint16_t *refcount);

/* Lists. Chain puts list2 behind the last of list1 (both given by their heads); unchain makes
 * list2, a member of list1, the head of a list of its own. */
doca_error_t doca_buf_chain_list(struct doca_buf *list1, struct doca_buf *list2);
doca_error_t doca_buf_unchain_list(struct doca_buf *list1, struct doca_buf *list2);
doca_error_t doca_buf_get_next_in_list(struct doca_buf *buf, struct doca_buf **next_buf);
doca_error_t doca_buf_get_last_in_list(struct doca_buf *buf, struct doca_buf **last_buf);
doca_error_t doca_buf_is_last_in_list(const struct doca_buf *buf, uint8_t *is_last);
doca_error_t doca_buf_is_first_in_list(const struct doca_buf *buf, uint8_t *is_first);
doca_error_t doca_buf_is_in_list(const struct doca_buf *buf, uint8_t *is_in_list);
doca_error_t doca_buf_get_list_len(const struct doca_buf *buf, uint32_t *num_elements);

#ifdef __cplusplus
}
#endif
#endif
