/* SPDX-License-Identifier: BSD-3-Clause */
/* mem: a device in anonymous memory. Pages come with the first write and go with unmap. */
#include "blk/blk_int.h"

#include <assert.h>
#include <string.h>
#include <sys/mman.h>

#include "base/refuse.h"

struct mem {
	struct blk_dev dev;
	uint8_t *bytes;
	uint64_t reserved; /* address space; resize moves limits.size inside it */
};

#define GROWTH 4 /* address space is free: leave room to grow to four times the first size */

static struct mem *mem_of(struct blk_channel *ch)
{
	return (struct mem *)ch->dev;
}

static int mem_open(struct blk_dev *dev, const struct blk_uri *uri)
{
	struct mem *m = (struct mem *)dev;
	uint32_t block = 512;
	uint64_t size = 0;
	int err = blk_size_parse(uri->body, &size);

	if (!err)
		err = blk_uri_geometry(uri, &block, &size);
	if (err)
		return err;
	if (!size || size % block)
		return refuse(EINVAL, "size %llu is not a multiple of the block size %u",
			(unsigned long long)size, block);
	m->reserved = size * GROWTH;
	m->bytes = mmap(NULL, m->reserved, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (m->bytes == MAP_FAILED)
		return refuse(ENOMEM, "no address space for %llu bytes", (unsigned long long)m->reserved);
	madvise(m->bytes, m->reserved, MADV_HUGEPAGE);
	dev->limits = (struct blk_limits){.block_size = block, .optimal_bytes = 4096,
		.max_bytes = 1u << 30, .atomic_bytes = block, .buffer_align = 1, .size = size,
		.unmap_zeroes = true, .thin = true};
	return 0;
}

static void mem_close(struct blk_dev *dev)
{
	struct mem *m = (struct mem *)dev;

	munmap(m->bytes, m->reserved);
}

static int mem_resize(struct blk_dev *dev, uint64_t size)
{
	struct mem *m = (struct mem *)dev;

	if (size > m->reserved)
		return refuse(ENOSPC, "%s: grows to %llu bytes at most", dev->uri,
			(unsigned long long)m->reserved);
	if (size < dev->limits.size) /* what comes back by growing again must be zero */
		madvise(m->bytes + (size + 4095) / 4096 * 4096,
			dev->limits.size - size, MADV_DONTNEED);
	return 0;
}

static const void *mem_view(struct blk_channel *ch, uint64_t offset)
{
	return mem_of(ch)->bytes + offset;
}

static void mem_read(struct blk_channel *ch, struct blk_io *io)
{
	blk_iov_from(io->iov, io->iovcnt, 0, mem_of(ch)->bytes + io->offset, io->length);
	blk_done(io, 0);
}

static void mem_write(struct blk_channel *ch, struct blk_io *io)
{
	blk_iov_to(io->iov, io->iovcnt, 0, mem_of(ch)->bytes + io->offset, io->length);
	blk_done(io, 0);
}

static void mem_flush(struct blk_channel *ch, struct blk_io *io)
{
	blk_done(io, 0);
}

/* Whole pages are given back to the kernel, the ragged ends are cleared. */
static void mem_zero(struct blk_channel *ch, struct blk_io *io)
{
	uint8_t *base = mem_of(ch)->bytes;
	uint64_t end = io->offset + io->length;
	uint64_t first = (io->offset + 4095) & ~4095ull, last = end & ~4095ull;

	if (last < first + 65536) {
		memset(base + io->offset, 0, io->length);
	} else {
		memset(base + io->offset, 0, first - io->offset);
		madvise(base + first, last - first, MADV_DONTNEED);
		memset(base + last, 0, end - last);
	}
	blk_done(io, 0);
}

static void mem_compare(struct blk_channel *ch, struct blk_io *io)
{
	const uint8_t *p = mem_of(ch)->bytes + io->offset;
	int status = 0;

	for (int i = 0; i < io->iovcnt && !status; i++) {
		if (memcmp(p, io->iov[i].iov_base, io->iov[i].iov_len))
			status = -EILSEQ;
		p += io->iov[i].iov_len;
	}
	/* a difference is an answer, not a fault of the medium: do not count it */
	io->done(io, status);
}

static void mem_copy(struct blk_channel *ch, struct blk_io *io)
{
	uint8_t *base = mem_of(ch)->bytes;

	memmove(base + io->offset, base + io->copy_from, io->length);
	blk_done(io, 0);
}

const struct blk_driver blk_mem = {
	.scheme = "mem",
	.dev_size = sizeof(struct mem),
	.channel_size = sizeof(struct blk_channel),
	.open = mem_open,
	.close = mem_close,
	.resize = mem_resize,
	.view = mem_view,
	.submit = {
		[BLK_READ] = mem_read,
		[BLK_WRITE] = mem_write,
		[BLK_FLUSH] = mem_flush,
		[BLK_UNMAP] = mem_zero,
		[BLK_ZERO] = mem_zero,
		[BLK_COMPARE] = mem_compare,
		[BLK_COPY] = mem_copy,
	},
};
