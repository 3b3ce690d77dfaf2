/* SPDX-License-Identifier: BSD-3-Clause */
#include "flow/region.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif

#define HUGE_BYTES ((size_t)2 << 20)

static size_t page_bytes(void)
{
	static size_t bytes;

	if (!bytes)
		bytes = sysconf(_SC_PAGESIZE);
	return bytes;
}

int flow_region_open(struct flow_region *region, size_t size)
{
	void *base = mmap(NULL, size, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (base == MAP_FAILED)
		return -ENOMEM;
	*region = (struct flow_region){.base = base, .size = size, .fd = -1};
	return 0;
}

int flow_region_map(struct flow_region *region, int fd, size_t size, bool writable)
{
	void *base = mmap(NULL, size, PROT_READ | (writable ? PROT_WRITE : 0),
		MAP_SHARED | MAP_NORESERVE, fd, 0);

	if (base == MAP_FAILED)
		return -errno;
	*region = (struct flow_region){.base = base, .size = size, .fd = fd};
	return 0;
}

void flow_region_close(struct flow_region *region)
{
	if (!region->base)
		return;
	munmap(region->base, region->size);
	if (region->fd >= 0)
		close(region->fd);
	*region = (struct flow_region){.fd = -1};
}

void flow_region_populate(const struct flow_region *region, size_t from, size_t to)
{
	size_t page = page_bytes();

	from &= ~(page - 1);
	to = (to + page - 1) & ~(page - 1);
	if (to > region->size)
		to = region->size;
	if (from >= to)
		return;
	madvise(region->base + from, to - from, MADV_POPULATE_WRITE);
}

void flow_region_collapse(const struct flow_region *region, size_t from, size_t to)
{
	uintptr_t base = (uintptr_t)region->base, at = (base + from) & ~(HUGE_BYTES - 1);

	if (region->fd >= 0)
		return;
	/* Whole huge pages inside the range only. */
	if (at < base + from)
		at += HUGE_BYTES;
	for (; at + HUGE_BYTES <= base + to; at += HUGE_BYTES)
		madvise((void *)at, HUGE_BYTES, MADV_COLLAPSE);
}

void flow_region_settle(const struct flow_region *region, size_t start, size_t used, size_t *settled)
{
	if (used < *settled + HUGE_BYTES) /* nothing new that fills a page */
		return;
	flow_region_collapse(region, start + *settled, start + used);
	*settled = used - HUGE_BYTES; /* the page that `used` lies in is not whole yet */
}

bool flow_region_release(const struct flow_region *region, size_t from, size_t to)
{
	size_t page = page_bytes();

	from = (from + page - 1) & ~(page - 1);
	to &= ~(page - 1);
	return from >= to || madvise(region->base + from, to - from,
				     region->fd < 0 ? MADV_DONTNEED : MADV_REMOVE) == 0;
}
