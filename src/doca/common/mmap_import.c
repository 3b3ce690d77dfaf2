/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Import: a started map over a peer's memory. Whole pages are mapped, the ends are copied with
 * process_vm_readv/writev.
 */
#include "doca/common/mmap_int.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

static const char *what_is_wrong(const struct mmap_desc *d, size_t len)
{
	if (len != sizeof(*d))
		return "it has another length";
	if (memcmp(d->magic, MMAP_MAGIC, sizeof(d->magic)))
		return "it does not begin as one";
	if (d->version != MMAP_DESC_VERSION)
		return "it is of another version";
	if (d->over != OVER_PCI && d->over != OVER_RDMA)
		return "its kind is unknown";
	if (!d->len || d->addr + d->len < d->addr)
		return "its range is impossible";
	if (d->mem_fd >= 0 && (d->inner < d->addr || d->inner_len > d->len ||
				      d->inner + d->inner_len > d->addr + d->len || !d->inner_len))
		return "its pages lie outside its range";
	if (strnlen(d->card, sizeof(d->card)) == sizeof(d->card))
		return "its card has no name";
	return NULL;
}

static bool may_write(const struct mmap_desc *d)
{
	return d->permissions & (DOCA_ACCESS_FLAG_PCI_READ_WRITE | DOCA_ACCESS_FLAG_RDMA_WRITE);
}

static int map_pages(struct doca_mmap *m, const struct mmap_desc *d)
{
	int fd = dcore_peer_fd(m->peer, d->mem_fd, may_write(d) ? O_RDWR : O_RDONLY);
	off_t size;
	void *local = MAP_FAILED;

	if (fd < 0)
		return fd;
	size = lseek(fd, 0, SEEK_END);
	/* dmabufs tell no size; for files a range beyond the end would be a bus error later */
	if (size < 0 || (uint64_t)size >= d->mem_offset + d->inner_len)
		local = mmap(NULL, d->inner_len, PROT_READ | (may_write(d) ? PROT_WRITE : 0),
			MAP_SHARED, fd, (off_t)d->mem_offset);
	close(fd);
	if (local == MAP_FAILED)
		return refuse(EINVAL, "mapping %llu bytes of pid %d: %m",
			(unsigned long long)d->inner_len, d->peer.pid);
	m->inner = (uint8_t *)(uintptr_t)d->inner;
	m->inner_len = d->inner_len;
	m->inner_local = local;
	return 0;
}

doca_error_t doca_mmap_create_from_export(const union doca_data *user_data, const void *export_desc,
	size_t export_desc_len, struct doca_dev *dev, struct doca_mmap **mmap)
{
	struct mmap_desc d;
	const char *wrong;
	doca_error_t result;
	int err;

	DCORE_NOT_NULL(export_desc);
	DCORE_NOT_NULL(dev);
	DCORE_NOT_NULL(mmap);
	memset(&d, 0, sizeof(d));
	memcpy(&d, export_desc, MIN_OF(export_desc_len, sizeof(d)));
	wrong = what_is_wrong(&d, export_desc_len);
	if (wrong)
		return dcore_fail(
			DOCA_ERROR_INVALID_VALUE, "this is no memory descriptor: %s", wrong);
	result = doca_mmap_create(mmap);
	if (result != DOCA_SUCCESS)
		return result;
	(*mmap)->addr = (uint8_t *)(uintptr_t)d.addr;
	(*mmap)->len = d.len;
	(*mmap)->permissions = d.permissions & ~(uint32_t)DOCA_ACCESS_FLAG_LOCAL_READ_WRITE;
	if (user_data)
		(*mmap)->user_data = *user_data;
	(*mmap)->desc[0] = d;
	doca_mmap_add_dev(*mmap, dev);
	err = dcore_peer_open(&d.peer, &(*mmap)->peer);
	if (!err && d.mem_fd >= 0)
		err = map_pages(*mmap, &d);
	(*mmap)->started = true;
	if (err) {
		doca_mmap_destroy(*mmap);
		*mmap = NULL;
		return dcore_from_errno(err, "memory import");
	}
	return DOCA_SUCCESS;
}

void mmap_import_end(struct doca_mmap *mmap)
{
	if (mmap->inner_local)
		munmap(mmap->inner_local, mmap->inner_len);
	dcore_peer_close(mmap->peer);
}

/* ---- copying what is not mapped ---- */

static int through_kernel(
	const struct doca_mmap *mmap, const uint8_t *addr, void *own, size_t len, bool write)
{
	struct iovec here = {.iov_base = own, .iov_len = len};
	struct iovec there = {.iov_base = (void *)addr, .iov_len = len};
	int pid = dcore_peer_pid(mmap->peer);
	ssize_t n;

	n = write ? process_vm_writev(pid, &here, 1, &there, 1, 0)
		  : process_vm_readv(pid, &here, 1, &there, 1, 0);
	if (n == (ssize_t)len)
		return 0;
	return refuse(n < 0 ? errno : EIO, "%zu bytes of pid %d: %m", len, pid);
}

/* Front end, mapped middle, back end: one after the other. */
static int pieces(
	const struct doca_mmap *mmap, const uint8_t *addr, uint8_t *own, size_t len, bool write)
{
	uintptr_t inner = (uintptr_t)mmap->inner, inner_end = inner + mmap->inner_len;

	while (len) {
		uintptr_t at = (uintptr_t)addr;
		size_t n = len;
		int err = 0;

		if (at >= inner && at < inner_end) {
			uint8_t *local;

			n = MIN_OF(len, (size_t)(inner_end - at));
			local = dcore_mmap_local(mmap, addr, n);
			memcpy(write ? local : own, write ? own : local, n);
		} else {
			if (at < inner)
				n = MIN_OF(len, (size_t)(inner - at));
			err = through_kernel(mmap, addr, own, n, write);
		}
		if (err)
			return err;
		addr += n;
		own += n;
		len -= n;
	}
	return 0;
}

int dcore_mmap_read(const struct doca_mmap *mmap, const uint8_t *addr, void *to, size_t len)
{
	const uint8_t *local = dcore_mmap_local(mmap, addr, len);

	if (mmap->gpu)
		return cuda_range_copy(mmap->gpu, to, addr, len);
	if (local)
		memcpy(to, local, len);
	return local ? 0 : pieces(mmap, addr, to, len, false);
}

int dcore_mmap_write(const struct doca_mmap *mmap, uint8_t *addr, const void *from, size_t len)
{
	uint8_t *local = dcore_mmap_local(mmap, addr, len);

	if (mmap->gpu)
		return cuda_range_copy(mmap->gpu, addr, from, len);
	if (local)
		memcpy(local, from, len);
	return local ? 0 : pieces(mmap, addr, (uint8_t *)from, len, true);
}
