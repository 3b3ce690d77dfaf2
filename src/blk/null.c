/* SPDX-License-Identifier: BSD-3-Clause */
/* null: the device to copy when writing a backend, and the one to measure the path above it with.
 * Reads are zeroes, not yesterday's buffer: a pool buffer may hold another host's data. */
#include "blk/blk_int.h"

#include "base/refuse.h"

static int null_open(struct blk_dev *dev, const struct blk_uri *uri)
{
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
	dev->limits = (struct blk_limits){.block_size = block, .optimal_bytes = 4096,
		.max_bytes = 1u << 30, .atomic_bytes = block, .buffer_align = 1, .size = size,
		.unmap_zeroes = true, .thin = true};
	return 0;
}

static void null_close(struct blk_dev *dev)
{
}

static int null_resize(struct blk_dev *dev, uint64_t size)
{
	return 0;
}

static void null_read(struct blk_channel *ch, struct blk_io *io)
{
	blk_iov_zero(io->iov, io->iovcnt);
	blk_done(io, 0);
}

static void null_accept(struct blk_channel *ch, struct blk_io *io)
{
	blk_done(io, 0);
}

const struct blk_driver blk_null = {
	.scheme = "null",
	.dev_size = sizeof(struct blk_dev),
	.channel_size = sizeof(struct blk_channel),
	.open = null_open,
	.close = null_close,
	.resize = null_resize,
	.submit = {
		[BLK_READ] = null_read,
		[BLK_WRITE] = null_accept,
		[BLK_FLUSH] = null_accept,
		[BLK_UNMAP] = null_accept,
		[BLK_ZERO] = null_accept,
		[BLK_COPY] = null_accept,
	},
};
