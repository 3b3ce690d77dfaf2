/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * doca_buf_inventory: a fixed number of buffer heads, handed out over any started memory map.
 *
 * Taking a buffer copies no memory and allocates nothing. `..._by_addr` gives an empty buffer (data
 * at its start, length 0: a destination), `..._by_data` one whose data is the whole range (a
 * source). One thread per inventory. F:4323, F:4403, F:4694.
 */
#ifndef DOCA_BUF_INVENTORY_H_
#define DOCA_BUF_INVENTORY_H_

#include "doca_error.h"
#include "doca_types.h"

#ifdef __cplusplus
extern "C" {
#endif

struct doca_buf;
struct doca_buf_inventory;
struct doca_mmap;

/* num_elements > 0. */
doca_error_t doca_buf_inventory_create(size_t num_elements, struct doca_buf_inventory **inventory);
/* IN_USE while buffers are out. */
doca_error_t doca_buf_inventory_destroy(struct doca_buf_inventory *inventory);
doca_error_t doca_buf_inventory_start(struct doca_buf_inventory *inventory);
doca_error_t doca_buf_inventory_stop(struct doca_buf_inventory *inventory);

/* The range must lie in the map (INVALID_VALUE). NO_MEMORY when all heads are out. */
doca_error_t doca_buf_inventory_buf_get_by_args(struct doca_buf_inventory *inventory,
	struct doca_mmap *mmap, void *addr, size_t len, void *data, size_t data_len,
	struct doca_buf **buf);
doca_error_t doca_buf_inventory_buf_get_by_addr(struct doca_buf_inventory *inventory,
	struct doca_mmap *mmap, void *addr, size_t len, struct doca_buf **buf);
doca_error_t doca_buf_inventory_buf_get_by_data(struct doca_buf_inventory *inventory,
	struct doca_mmap *mmap, void *data, size_t data_len, struct doca_buf **buf);

/* A second buffer with the same map, range and data as src (not its list). */
doca_error_t doca_buf_inventory_buf_dup(struct doca_buf_inventory *inventory,
	const struct doca_buf *src_buf, struct doca_buf **dst_buf);

/* Point a buffer at another range of its own map; in a list it keeps its place. */
doca_error_t doca_buf_inventory_buf_reuse_by_args(
	struct doca_buf *buf, void *addr, size_t len, void *data, size_t data_len);
doca_error_t doca_buf_inventory_buf_reuse_by_addr(struct doca_buf *buf, void *addr, size_t len);
doca_error_t doca_buf_inventory_buf_reuse_by_data(
	struct doca_buf *buf, void *data, size_t data_len);

doca_error_t doca_buf_inventory_get_num_elements(
	const struct doca_buf_inventory *inventory, uint32_t *num_elements);
doca_error_t doca_buf_inventory_get_num_free_elements(
	const struct doca_buf_inventory *inventory, uint32_t *num_free);
doca_error_t doca_buf_inventory_set_user_data(
	struct doca_buf_inventory *inventory, union doca_data user_data);
doca_error_t doca_buf_inventory_get_user_data(
	const struct doca_buf_inventory *inventory, union doca_data *user_data);

#ifdef __cplusplus
}
#endif
#endif
