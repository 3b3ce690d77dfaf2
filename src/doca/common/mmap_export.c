/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Export: how another process gets at memory that a program allocated any way it liked.
 *
 * The whole pages of the range are put under a memory file:
 *   - pages of a shared file the process has open (memfd, hugetlbfs, a dmabuf range) stay where
 * they are; the peer opens that file;
 *   - private anonymous pages (malloc, stack-free) are copied into a new memory file, which takes
 * their place by one mremap. The program sees the same bytes at the same addresses. Children made
 * by fork() do not get these pages, as with memory pinned for a card;
 *   - anything else, and the parts of pages at both ends, is copied by the peer through the kernel.
 */
#include "doca/common/mmap_int.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sysmacros.h>
#include <sys/stat.h>
#include <unistd.h>

LOG_MODULE("mmap");

struct region { /* one line of /proc/self/maps */
	uintptr_t start, end, offset;
	char perms[5];
	unsigned major, minor;
	unsigned long inode;
	char path[64];
};

/* The one region that holds [start, end), or false when it is spread over several unlike ones. */
static bool find_region(uintptr_t start, uintptr_t end, struct region *found)
{
	FILE *f = fopen("/proc/self/maps", "re");
	char line[512];
	bool ok = false;

	while (f && !ok && fgets(line, sizeof(line), f)) {
		struct region r = {.path = ""};

		if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR " %4s %" SCNxPTR " %x:%x %lu %63s",
			    &r.start, &r.end, r.perms, &r.offset, &r.major, &r.minor, &r.inode,
			    r.path) < 7)
			continue;
		if (r.start > start || r.end <= start)
			continue;
		/* anonymous neighbours may follow each other: read on until the range is covered */
		if (r.end < end && (r.inode || !find_region(r.end, end, found) || found->inode ||
					   strcmp(found->perms, r.perms)))
			break;
		*found = r;
		ok = true;
	}
	if (f)
		fclose(f);
	return ok;
}

/* A descriptor of ours on the region's file. */
static int find_descriptor(const struct region *region)
{
	DIR *dir = opendir("/proc/self/fd");
	int fd = -1;

	for (struct dirent *e; dir && fd < 0 && (e = readdir(dir));) {
		struct stat st;
		int n = atoi(e->d_name);

		if (fstat(n, &st) == 0 && st.st_ino == region->inode &&
			st.st_dev == makedev(region->major, region->minor))
			fd = n;
	}
	if (dir)
		closedir(dir);
	return fd;
}

/* Put the pages under a memory file of their own. A descriptor, or -1 with the pages as they were.
 */
static int move_into_file(uint8_t *start, size_t len)
{
	int fd = memfd_create("softdpu-export", MFD_CLOEXEC);
	void *copy = MAP_FAILED;

	if (fd >= 0 && ftruncate(fd, (off_t)len) == 0)
		copy = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (copy == MAP_FAILED) {
		if (fd >= 0)
			close(fd);
		return -1;
	}
	madvise(copy, len, MADV_HUGEPAGE);
	memcpy(copy, start, len);
	if (mremap(copy, len, len, MREMAP_MAYMOVE | MREMAP_FIXED, start) == MAP_FAILED) {
		munmap(copy, len);
		close(fd);
		return -1;
	}
	madvise(start, len, MADV_DONTFORK);
	return fd;
}

/*
 * After the export: the pages become private again, or a later fork() would share what malloc()
 * made of them meanwhile. Parts the program has unmapped since then, or mapped anew, are left
 * alone.
 */
static void move_back(uintptr_t start, uintptr_t end, int fd)
{
	FILE *f = fopen("/proc/self/maps", "re");
	char line[512];
	struct stat st;

	while (f && fstat(fd, &st) == 0 && fgets(line, sizeof(line), f)) {
		struct region r = {.path = ""};
		uintptr_t from, to;
		void *copy;

		if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR " %4s %" SCNxPTR " %x:%x %lu", &r.start,
			    &r.end, r.perms, &r.offset, &r.major, &r.minor, &r.inode) != 7)
			continue;
		from = MAX_OF(start, r.start);
		to = MIN_OF(end, r.end);
		if (r.inode != st.st_ino || st.st_dev != makedev(r.major, r.minor) || from >= to)
			continue;
		copy = mmap(NULL, to - from, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			-1, 0);
		if (copy == MAP_FAILED)
			continue;
		memcpy(copy, (void *)from, to - from);
		if (mremap(copy, to - from, to - from, MREMAP_MAYMOVE | MREMAP_FIXED,
			    (void *)from) == MAP_FAILED)
			munmap(copy, to - from);
	}
	if (f)
		fclose(f);
}

static void share_pages(struct doca_mmap *mmap)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	uintptr_t start = ((uintptr_t)mmap->addr + page - 1) / page * page;
	uintptr_t end = ((uintptr_t)mmap->addr + mmap->len) / page * page;
	struct region region;
	int fd = -1;

	if (mmap->fd >= 0) { /* a range that came as a descriptor */
		mmap->export_fd = dup(mmap->fd);
		mmap->export_inner = (uintptr_t)mmap->addr;
		mmap->export_inner_len = mmap->len;
		mmap->export_offset = mmap->fd_offset;
		return;
	}
	if (end <= start || !find_region(start, end, &region))
		return;
	mmap->export_offset = 0;
	if (region.perms[3] == 's' && region.inode) {
		fd = find_descriptor(&region);
		fd = fd >= 0 ? dup(fd) : -1;
		mmap->export_offset = region.offset + (start - region.start);
	} else if (!strcmp(region.perms, "rw-p") && !region.inode &&
		   strcmp(region.path, "[stack]")) {
		fd = move_into_file((uint8_t *)start, end - start);
		mmap->moved = fd >= 0;
	}
	if (fd < 0) {
		log_info("export of %zu bytes: the peer will copy through the kernel", mmap->len);
		return;
	}
	mmap->export_fd = fd;
	mmap->export_inner = start;
	mmap->export_inner_len = end - start;
}

static doca_error_t begin(struct doca_mmap *mmap)
{
	int err;

	if (mmap->offer)
		return DOCA_SUCCESS;
	err = dcore_offer_create(&mmap->offer);
	if (err)
		return dcore_from_errno(err, "memory map export");
	share_pages(mmap);
	return DOCA_SUCCESS;
}

static void fill(struct doca_mmap *mmap, enum mmap_over over, struct mmap_desc *desc)
{
	*desc = (struct mmap_desc){.version = MMAP_DESC_VERSION,
		.over = over,
		.addr = (uintptr_t)mmap->addr,
		.len = mmap->len,
		.permissions = mmap->permissions,
		.mem_fd = mmap->export_fd,
		.inner = mmap->export_inner,
		.inner_len = mmap->export_inner_len,
		.mem_offset = mmap->export_offset};
	memcpy(desc->magic, MMAP_MAGIC, sizeof(desc->magic));
	dcore_offer_id(mmap->offer, &desc->peer);
	snprintf(desc->card, sizeof(desc->card), "%s", dcore_card()->name);
}

static doca_error_t export(struct doca_mmap *mmap, const struct doca_dev *dev, enum mmap_over over,
	uint32_t need, const void **export_desc, size_t *export_desc_len)
{
	struct mmap_desc *desc;
	doca_error_t result;

	DCORE_NOT_NULL(mmap);
	DCORE_NOT_NULL(dev);
	DCORE_NOT_NULL(export_desc);
	DCORE_NOT_NULL(export_desc_len);
	if (!mmap->started || (mmap->peer && over == OVER_PCI))
		return dcore_fail(DOCA_ERROR_BAD_STATE, "export: the memory map is %s",
			mmap->peer ? "a peer's: it goes on over RDMA only" : "not started");
	if (mmap->gpu)
		return dcore_fail(DOCA_ERROR_NOT_SUPPORTED,
			"export: a GPU's memory is not given to other processes");
	if (!(mmap->dev_bits & dcore_dev_bit(dev)))
		return dcore_fail(DOCA_ERROR_NOT_FOUND,
			"export: device %s is not in the memory map", dcore_dev_port(dev)->name);
	if (!(mmap->permissions & need))
		return dcore_fail(DOCA_ERROR_NOT_PERMITTED,
			"export: permissions 0x%x allow no %s peer; one of 0x%x is needed",
			mmap->permissions, over == OVER_PCI ? "PCI" : "RDMA", need);
	desc = &mmap->desc[over == OVER_RDMA];
	if (mmap->peer) { /* the third process gets at the owner's memory itself, while the owner allows it */
		*desc = mmap->desc[0];
		desc->over = over;
	} else {
		result = begin(mmap);
		if (result != DOCA_SUCCESS)
			return result;
		fill(mmap, over, desc);
	}
	*export_desc = desc;
	*export_desc_len = sizeof(*desc);
	return DOCA_SUCCESS;
}

doca_error_t doca_mmap_export_pci(struct doca_mmap *mmap, const struct doca_dev *dev,
	const void **export_desc, size_t *export_desc_len)
{
	return export(mmap, dev, OVER_PCI,
		DOCA_ACCESS_FLAG_PCI_READ_ONLY | DOCA_ACCESS_FLAG_PCI_READ_WRITE, export_desc,
		export_desc_len);
}

doca_error_t doca_mmap_export_rdma(struct doca_mmap *mmap, const struct doca_dev *dev,
	const void **export_desc, size_t *export_desc_len)
{
	return export(mmap, dev, OVER_RDMA,
		DOCA_ACCESS_FLAG_RDMA_READ | DOCA_ACCESS_FLAG_RDMA_WRITE |
			DOCA_ACCESS_FLAG_RDMA_ATOMIC,
		export_desc, export_desc_len);
}

doca_error_t dcore_mmap_descriptor(struct doca_mmap *mmap, const void **desc, size_t *len)
{
	return doca_mmap_export_pci(mmap, mmap->devs[0], desc, len);
}

void mmap_export_end(struct doca_mmap *mmap)
{
	dcore_offer_revoke(mmap->offer);
	mmap->offer = NULL;
	if (mmap->moved)
		move_back(mmap->export_inner, mmap->export_inner + mmap->export_inner_len,
			mmap->export_fd);
	mmap->moved = false;
	if (mmap->export_fd >= 0)
		close(mmap->export_fd);
	mmap->export_fd = -1;
}
