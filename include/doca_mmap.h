/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * doca_mmap: registered memory. A memory map names one range, who may do what with it, and the
 * devices that may reach it; buffers (doca_buf_inventory.h) are cut from started maps.
 *
 *     doca_mmap_create(&mmap);
 *     doca_mmap_set_memrange(mmap, base, length);
 *     doca_mmap_set_permissions(mmap, DOCA_ACCESS_FLAG_LOCAL_READ_WRITE);
 *     doca_mmap_add_dev(mmap, dev);
 *     doca_mmap_start(mmap);
 *
 * States: created (configure) -> started (use, export) -> stopped -> destroyed. Configuration of a
 * started map is BAD_STATE. Stop and destroy are IN_USE while buffers of the map exist.
 *
 * Export. doca_mmap_export_pci() gives the other side of the PCI bus (another process here) a
 * descriptor; doca_mmap_create_from_export() there makes a started map with the exporter's
 * addresses. The descriptor carries a secret, the permissions and the exporter's identity; the
 * importer maps the exporter's pages. For that the exporter's whole pages of private anonymous
 * memory move into a memory file at export, unseen by the program: do not write to the range from
 * another thread during export. What cannot be shared that way (part of a page at either end,
 * memory of other kinds) is copied through the kernel. After the exporter stops the map or dies,
 * tasks on the imported memory fail with IO_FAILED.
 *
 * Threads: one thread configures; a started map may be used by many. F:3800, F:4393.
 */
#ifndef DOCA_MMAP_H_
#define DOCA_MMAP_H_

#include "doca_dev.h"
#include "doca_error.h"
#include "doca_types.h"

#ifdef __cplusplus
extern "C" {
#endif

struct doca_mmap;

/* Called once when the map is destroyed or its range replaced, to give the memory back. */
typedef void (*doca_mmap_memrange_free_cb_t)(void *addr, size_t len, void *opaque);

doca_error_t doca_mmap_create(struct doca_mmap **mmap);
doca_error_t doca_mmap_destroy(struct doca_mmap *mmap);
doca_error_t doca_mmap_start(struct doca_mmap *mmap);
doca_error_t doca_mmap_stop(struct doca_mmap *mmap);

/* Devices; at most the maximum (default 16). ALREADY_EXIST, TOO_BIG, NOT_FOUND. */
doca_error_t doca_mmap_set_max_num_devices(struct doca_mmap *mmap, uint32_t max_num_devices);
doca_error_t doca_mmap_get_max_num_devices(const struct doca_mmap *mmap, uint32_t *max_num_devices);
doca_error_t doca_mmap_add_dev(struct doca_mmap *mmap, struct doca_dev *dev);
doca_error_t doca_mmap_rm_dev(struct doca_mmap *mmap, struct doca_dev *dev);

/* Or of enum doca_access_flag; default LOCAL_READ_WRITE. */
doca_error_t doca_mmap_set_permissions(struct doca_mmap *mmap, uint32_t access_mask);
doca_error_t doca_mmap_get_permissions(const struct doca_mmap *mmap, uint32_t *access_mask);

/* The range; memory stays the caller's. len > 0. */
doca_error_t doca_mmap_set_memrange(struct doca_mmap *mmap, void *addr, size_t len);
doca_error_t doca_mmap_get_memrange(const struct doca_mmap *mmap, void **addr, size_t *len);

/* The range is `len` bytes at `offset` of a dmabuf or memory file. The library maps it itself;
 * `addr` is where the program has it mapped (buffers are named by that address), or NULL: then
 * doca_mmap_get_memrange() tells the address after start. The descriptor is duplicated. */
doca_error_t doca_mmap_set_dmabuf_memrange(
	struct doca_mmap *mmap, int dmabuf_fd, void *addr, size_t offset, size_t len);

doca_error_t doca_mmap_set_free_cb(
	struct doca_mmap *mmap, doca_mmap_memrange_free_cb_t free_cb, void *opaque);

doca_error_t doca_mmap_set_user_data(struct doca_mmap *mmap, union doca_data user_data);
doca_error_t doca_mmap_get_user_data(const struct doca_mmap *mmap, union doca_data *user_data);

/* Buffers of the map may be taken and released by several threads at once. Before start. */
doca_error_t doca_mmap_enable_thread_safety(struct doca_mmap *mmap);

/* Live buffers of this map, and how many references to them. */
doca_error_t doca_mmap_get_num_bufs(const struct doca_mmap *mmap, uint32_t *num_bufs);
doca_error_t doca_mmap_is_exported(const struct doca_mmap *mmap, uint8_t *is_exported);
doca_error_t doca_mmap_is_imported(const struct doca_mmap *mmap, uint8_t *is_imported);

/* Descriptor for a peer over PCI / over RDMA. Needs a started map with the matching permission and
 * this device (NOT_PERMITTED, NOT_FOUND). The descriptor belongs to the map and lives until it
 * stops. */
doca_error_t doca_mmap_export_pci(struct doca_mmap *mmap, const struct doca_dev *dev,
	const void **export_desc, size_t *export_desc_len);
doca_error_t doca_mmap_export_rdma(struct doca_mmap *mmap, const struct doca_dev *dev,
	const void **export_desc, size_t *export_desc_len);

/* A started map over a peer's memory. user_data may be NULL. INVALID_VALUE for bytes that are no
 * descriptor, NOT_FOUND when the exporter is gone, NOT_PERMITTED when the system keeps its memory
 * from us. */
doca_error_t doca_mmap_create_from_export(const union doca_data *user_data, const void *export_desc,
	size_t export_desc_len, struct doca_dev *dev, struct doca_mmap **mmap);

#ifdef __cplusplus
}
#endif
#endif
