/* SPDX-License-Identifier: BSD-3-Clause */
/* Memory maps: configuration, life, and the questions tasks ask. */
#include "doca/common/mmap_int.h"

#include <doca_softdpu.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static doca_error_t must_be_idle(const struct doca_mmap *mmap, const char *call)
{
	if (mmap->started)
		return dcore_fail(DOCA_ERROR_BAD_STATE, "%s: the memory map is started", call);
	if (mmap->peer)
		return dcore_fail(
			DOCA_ERROR_NOT_PERMITTED, "%s: the memory map belongs to a peer", call);
	return DOCA_SUCCESS;
}

#define MUST_BE_IDLE(mmap)                            \
	do {                                          \
		doca_error_t idle_;                   \
		DCORE_NOT_NULL(mmap);                 \
		idle_ = must_be_idle(mmap, __func__); \
		if (idle_ != DOCA_SUCCESS)            \
			return idle_;                 \
	} while (0)

doca_error_t doca_mmap_create(struct doca_mmap **mmap)
{
	DCORE_NOT_NULL(mmap);
	*mmap = calloc(1, sizeof(**mmap));
	if (!*mmap)
		return DOCA_ERROR_NO_MEMORY;
	(*mmap)->permissions = DOCA_ACCESS_FLAG_LOCAL_READ_WRITE;
	(*mmap)->max_devs = MMAP_DEVICES_MAX;
	(*mmap)->fd = (*mmap)->export_fd = -1;
	return DOCA_SUCCESS;
}

static void drop_range(struct doca_mmap *mmap)
{
	if (mmap->free_cb && mmap->addr)
		mmap->free_cb(mmap->addr, mmap->len, mmap->free_opaque);
	if (mmap->fd_map)
		munmap(mmap->fd_map, mmap->len);
	if (mmap->fd >= 0)
		close(mmap->fd);
	mmap->fd_map = mmap->addr = NULL;
	mmap->len = 0;
	mmap->fd = -1;
}

static doca_error_t no_bufs(const struct doca_mmap *mmap, const char *call)
{
	uint32_t n = __atomic_load_n(&mmap->num_bufs, __ATOMIC_RELAXED);

	return n ? dcore_fail(DOCA_ERROR_IN_USE, "%s: %u buffers of the memory map are still out",
			   call, n)
		 : DOCA_SUCCESS;
}

doca_error_t doca_mmap_stop(struct doca_mmap *mmap)
{
	doca_error_t result;

	DCORE_NOT_NULL(mmap);
	if (!mmap->started)
		return dcore_fail(
			DOCA_ERROR_BAD_STATE, "%s: the memory map is not started", __func__);
	result = no_bufs(mmap, __func__);
	if (result != DOCA_SUCCESS)
		return result;
	mmap_export_end(mmap);
	cuda_range_close(mmap->gpu);
	mmap->gpu = NULL;
	mmap->started = false;
	return DOCA_SUCCESS;
}

doca_error_t doca_mmap_destroy(struct doca_mmap *mmap)
{
	doca_error_t result;

	if (!mmap)
		return DOCA_SUCCESS;
	result = no_bufs(mmap, __func__);
	if (result != DOCA_SUCCESS)
		return result;
	mmap_export_end(mmap);
	cuda_range_close(mmap->gpu);
	if (mmap->peer)
		mmap_import_end(mmap);
	else
		drop_range(mmap);
	for (uint32_t i = 0; i < mmap->n_devs; i++)
		dcore_dev_release(mmap->devs[i]);
	free(mmap);
	return DOCA_SUCCESS;
}

/* The file's bytes at an address of ours; the program's own address stays the name of the range. */
static doca_error_t map_file(struct doca_mmap *m)
{
	void *map =
		mmap(NULL, m->len, PROT_READ | PROT_WRITE, MAP_SHARED, m->fd, (off_t)m->fd_offset);

	if (map == MAP_FAILED)
		return dcore_fail(DOCA_ERROR_OPERATING_SYSTEM,
			"mapping %zu bytes of descriptor %d: %m", m->len, m->fd);
	m->fd_map = map;
	if (!m->addr)
		m->addr = map;
	return DOCA_SUCCESS;
}

doca_error_t doca_mmap_start(struct doca_mmap *mmap)
{
	doca_error_t result = DOCA_SUCCESS;
	int err;

	MUST_BE_IDLE(mmap);
	if (!mmap->len)
		return dcore_fail(
			DOCA_ERROR_BAD_STATE, "%s: the memory map has no range", __func__);
	if (!mmap->n_devs)
		return dcore_fail(
			DOCA_ERROR_BAD_STATE, "%s: the memory map has no device", __func__);
	err = mmap->addr ? cuda_range_open(mmap->addr, mmap->len, &mmap->gpu) : 0;
	if (err)
		result = dcore_from_errno(err, "memory map");
	else if (mmap->fd >= 0 && !mmap->fd_map && !mmap->gpu)
		result = map_file(mmap);
	mmap->started = result == DOCA_SUCCESS;
	return result;
}

/* ---- devices ---- */

doca_error_t doca_mmap_set_max_num_devices(struct doca_mmap *mmap, uint32_t max_num_devices)
{
	MUST_BE_IDLE(mmap);
	if (!max_num_devices || max_num_devices > MMAP_DEVICES_MAX ||
		max_num_devices < mmap->n_devs)
		return dcore_fail(DOCA_ERROR_INVALID_VALUE,
			"%s: %u devices; at least %u, at most %d", __func__, max_num_devices,
			MAX_OF(mmap->n_devs, 1u), MMAP_DEVICES_MAX);
	mmap->max_devs = max_num_devices;
	return DOCA_SUCCESS;
}

doca_error_t doca_mmap_get_max_num_devices(const struct doca_mmap *mmap, uint32_t *max_num_devices)
{
	DCORE_NOT_NULL(mmap);
	DCORE_NOT_NULL(max_num_devices);
	*max_num_devices = mmap->max_devs;
	return DOCA_SUCCESS;
}

doca_error_t doca_mmap_add_dev(struct doca_mmap *mmap, struct doca_dev *dev)
{
	DCORE_NOT_NULL(dev);
	MUST_BE_IDLE(mmap);
	if (mmap->dev_bits & dcore_dev_bit(dev))
		return dcore_fail(
			DOCA_ERROR_ALREADY_EXIST, "%s: the device is in the memory map", __func__);
	if (mmap->n_devs == mmap->max_devs)
		return dcore_fail(
			DOCA_ERROR_TOO_BIG, "%s: more than %u devices", __func__, mmap->max_devs);
	mmap->devs[mmap->n_devs++] = dev;
	mmap->dev_bits |= dcore_dev_bit(dev);
	dcore_dev_hold(dev);
	return DOCA_SUCCESS;
}

doca_error_t doca_mmap_rm_dev(struct doca_mmap *mmap, struct doca_dev *dev)
{
	DCORE_NOT_NULL(dev);
	MUST_BE_IDLE(mmap);
	for (uint32_t i = 0; i < mmap->n_devs; i++) {
		if (mmap->devs[i] != dev)
			continue;
		mmap->devs[i] = mmap->devs[--mmap->n_devs];
		mmap->dev_bits &= ~dcore_dev_bit(dev);
		dcore_dev_release(dev);
		return DOCA_SUCCESS;
	}
	return dcore_fail(
		DOCA_ERROR_NOT_FOUND, "%s: the device is not in the memory map", __func__);
}

/* ---- range and properties ---- */

doca_error_t doca_mmap_set_permissions(struct doca_mmap *mmap, uint32_t access_mask)
{
	MUST_BE_IDLE(mmap);
	if (access_mask > 0x7f)
		return dcore_fail(DOCA_ERROR_INVALID_VALUE, "%s: 0x%x has bits that mean nothing",
			__func__, access_mask);
	mmap->permissions = access_mask;
	return DOCA_SUCCESS;
}

doca_error_t doca_mmap_get_permissions(const struct doca_mmap *mmap, uint32_t *access_mask)
{
	DCORE_NOT_NULL(mmap);
	DCORE_NOT_NULL(access_mask);
	*access_mask = mmap->permissions;
	return DOCA_SUCCESS;
}

doca_error_t doca_mmap_set_memrange(struct doca_mmap *mmap, void *addr, size_t len)
{
	DCORE_NOT_NULL(addr);
	MUST_BE_IDLE(mmap);
	if (!len || (uintptr_t)addr + len < (uintptr_t)addr)
		return dcore_fail(
			DOCA_ERROR_INVALID_VALUE, "%s: %zu bytes at %p", __func__, len, addr);
	drop_range(mmap);
	mmap->addr = addr;
	mmap->len = len;
	return DOCA_SUCCESS;
}

doca_error_t doca_mmap_set_dmabuf_memrange(
	struct doca_mmap *mmap, int dmabuf_fd, void *addr, size_t offset, size_t len)
{
	int fd;

	MUST_BE_IDLE(mmap);
	if (dmabuf_fd < 0 || !len || offset % (size_t)sysconf(_SC_PAGESIZE))
		return dcore_fail(DOCA_ERROR_INVALID_VALUE,
			"%s: descriptor %d, offset %zu (a multiple of the page size), %zu bytes",
			__func__, dmabuf_fd, offset, len);
	fd = dup(dmabuf_fd);
	if (fd < 0)
		return dcore_fail(
			DOCA_ERROR_INVALID_VALUE, "%s: descriptor %d: %m", __func__, dmabuf_fd);
	drop_range(mmap);
	mmap->fd = fd;
	mmap->fd_offset = offset;
	mmap->addr = addr;
	mmap->len = len;
	return DOCA_SUCCESS;
}

doca_error_t doca_mmap_get_memrange(const struct doca_mmap *mmap, void **addr, size_t *len)
{
	DCORE_NOT_NULL(mmap);
	DCORE_NOT_NULL(addr);
	DCORE_NOT_NULL(len);
	if (!mmap->len)
		return dcore_fail(
			DOCA_ERROR_BAD_STATE, "%s: the memory map has no range", __func__);
	*addr = mmap->addr;
	*len = mmap->len;
	return DOCA_SUCCESS;
}

doca_error_t doca_mmap_set_free_cb(
	struct doca_mmap *mmap, doca_mmap_memrange_free_cb_t free_cb, void *opaque)
{
	MUST_BE_IDLE(mmap);
	mmap->free_cb = free_cb;
	mmap->free_opaque = opaque;
	return DOCA_SUCCESS;
}

doca_error_t doca_mmap_set_user_data(struct doca_mmap *mmap, union doca_data user_data)
{
	DCORE_NOT_NULL(mmap);
	mmap->user_data = user_data;
	return DOCA_SUCCESS;
}

doca_error_t doca_mmap_get_user_data(const struct doca_mmap *mmap, union doca_data *user_data)
{
	DCORE_NOT_NULL(mmap);
	DCORE_NOT_NULL(user_data);
	*user_data = mmap->user_data;
	return DOCA_SUCCESS;
}

doca_error_t doca_mmap_enable_thread_safety(struct doca_mmap *mmap)
{
	DCORE_NOT_NULL(mmap);
	if (!mmap->peer) /* an imported map is started from the beginning */
		MUST_BE_IDLE(mmap);
	mmap->thread_safe = true;
	return DOCA_SUCCESS;
}

doca_error_t doca_mmap_get_num_bufs(const struct doca_mmap *mmap, uint32_t *num_bufs)
{
	DCORE_NOT_NULL(mmap);
	DCORE_NOT_NULL(num_bufs);
	*num_bufs = __atomic_load_n(&mmap->num_bufs, __ATOMIC_RELAXED);
	return DOCA_SUCCESS;
}

doca_error_t doca_mmap_is_exported(const struct doca_mmap *mmap, uint8_t *is_exported)
{
	DCORE_NOT_NULL(mmap);
	DCORE_NOT_NULL(is_exported);
	*is_exported = mmap->offer != NULL;
	return DOCA_SUCCESS;
}

doca_error_t doca_mmap_is_imported(const struct doca_mmap *mmap, uint8_t *is_imported)
{
	DCORE_NOT_NULL(mmap);
	DCORE_NOT_NULL(is_imported);
	*is_imported = mmap->peer != NULL;
	return DOCA_SUCCESS;
}

/* ---- what tasks ask ---- */

doca_error_t dcore_mmap_may(const struct doca_mmap *mmap, const struct doca_dev *dev, bool write)
{
	if (!(mmap->dev_bits & dcore_dev_bit(dev)))
		return dcore_fail(DOCA_ERROR_NOT_PERMITTED,
			"the task's device %s is not in the buffer's memory map",
			dcore_dev_port(dev)->name);
	if (write && !mmap_is_writable(mmap))
		return dcore_fail(DOCA_ERROR_NOT_PERMITTED,
			"the destination's memory map is read only (permissions 0x%x)",
			mmap->permissions);
	return DOCA_SUCCESS;
}

uint8_t *dcore_mmap_local(const struct doca_mmap *mmap, const uint8_t *addr, size_t len)
{
	if (mmap->gpu)
		return NULL;
	if (mmap->peer) { /* in numbers: the address may be a hostile peer's, and len after it wrap */
		uintptr_t at = (uintptr_t)addr - (uintptr_t)mmap->inner;

		if (!mmap->inner_len || at > mmap->inner_len || len > mmap->inner_len - at)
			return NULL;
		return mmap->inner_local + at;
	}
	return mmap->fd_map ? mmap->fd_map + (addr - mmap->addr) : (uint8_t *)addr;
}

uint8_t *dcore_buf_reach(const struct doca_buf *buf, const uint8_t *at, size_t len,
	const struct doca_dev *dev, bool write)
{
	const struct doca_mmap *mmap = buf->mmap;

	if (!(mmap->dev_bits & dcore_dev_bit(dev)) || (write && !mmap_is_writable(mmap)))
		return NULL;
	return dcore_mmap_local(mmap, at, len);
}

struct doca_dev *dcore_mmap_dev(const struct doca_mmap *mmap)
{
	return mmap->devs[0];
}

bool dcore_mmap_dead(const struct doca_mmap *mmap)
{
	return mmap->peer && dcore_peer_dead(mmap->peer);
}

int dcore_mmap_copy_on_gpu(const struct doca_mmap *src, const uint8_t *from,
	const struct doca_mmap *dst, uint8_t *to, size_t len)
{
	if (!src->gpu || !dst->gpu)
		return -ENOTSUP;
	return cuda_range_copy(dst->gpu, to, from, len);
}

doca_error_t doca_softdpu_cap_gpu_memory_is_supported(const struct doca_devinfo *devinfo)
{
	int err;

	DCORE_NOT_NULL(devinfo);
	err = cuda_probe();
	return err ? dcore_from_errno(err, "GPU memory") : DOCA_SUCCESS;
}
