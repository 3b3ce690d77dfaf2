/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Room blk: block devices, and layers over them with the same interface.
 *
 * Model. A device (blk_dev) is opened from a URI and counted by references. A reactor that wants to
 * do I/O takes a channel (blk_channel), one per (device, reactor). An I/O (blk_io) is memory of the
 * submitter: blk_submit() takes it, done() gives it back, exactly once, on the reactor that
 * submitted - possibly before blk_submit() returns. Offsets and lengths are bytes, multiples of the
 * device's block_size.
 *
 *     mem:512M[?block=512]            zeroed anonymous memory
 *     null:1T                         reads zeroes, forgets writes
 *     file:/path[?size=1G&block=4096&buffered=1&readonly=1&queue=N]   file or block device by io_uring, O_DIRECT
 *     /path, /dev/x                   the same
 *     rbd:POOL/IMAGE[?conf=F&id=U&namespace=N&snapshot=S&block=512]   a Ceph image (rbd.c)
 *     fault:seed=1,error=0.01,delay_us=100,...:URI   a layer that fails, delays and reorders (fault.c)
 *
 * Ordering. I/Os in flight have no order among each other, overlapping ones included: the submitter
 * waits for what must come first. BLK_FLUSH makes durable every write COMPLETED before the flush was
 * submitted, no other. A write with BLK_FUA is durable when it completes. A device without volatile
 * cache (limits.volatile_cache false) completes flush at once. Layers keep these rules.
 *
 * Atomicity. One block is never torn by concurrent access or power loss where the backend promises
 * it (limits.atomic_bytes); larger I/Os may be, and layers may split them at any block.
 *
 * Splitting. blk_submit() splits what exceeds limits.max_bytes, so callers need not; nothing merges:
 * a file's neighbours are merged by the kernel, a remote's by its client.
 *
 * Optional operations (unmap, zero, compare, copy) that a backend lacks are composed here from reads
 * and writes through buffers of the reactor's pool, so every device does all of them. Unmapped
 * blocks read as zero exactly when limits.unmap_zeroes.
 *
 * Errors are 0 or -errno in done(): -EIO (medium), -ENOSPC (thin backend full), -EILSEQ (compare
 * found a difference), -EROFS, -ERANGE (beyond the end, resized below us), -EINVAL (misaligned),
 * -EAGAIN (no memory now, try again), -ETIMEDOUT, -ECANCELED (given up by blk_cancel()).
 *
 * Threads. blk_open/close/resize: one control thread. Channel calls: the channel's reactor. The
 * device is closed when its last reference and channel are gone.
 */
#ifndef BLK_BLK_H
#define BLK_BLK_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#include "blk/reactor.h"

struct blk_dev;
struct blk_channel;
struct blk_io;

enum blk_op {
	BLK_READ,
	BLK_WRITE,
	BLK_FLUSH,
	BLK_UNMAP,
	BLK_ZERO,
	BLK_COMPARE, /* iov against the medium; -EILSEQ when they differ */
	BLK_COPY,    /* [copy_from, +length) to [offset, +length) inside the device */
	BLK_OP_COUNT,
};

enum blk_flag {
	BLK_FUA = 1 << 0,     /* write, zero, copy: durable at completion */
	BLK_MAY_UNMAP = 1 << 1, /* zero: releasing the space is welcome */
};

struct blk_io {
	enum blk_op op;
	uint32_t flags;
	uint64_t offset, length;
	uint64_t copy_from;
	const struct iovec *iov; /* valid until done; sums up to length for read, write, compare */
	int iovcnt;
	void (*done)(struct blk_io *io, int status);

	/* below: the room's, and then the backend's, while the I/O is in flight */
	struct blk_channel *channel;
	struct blk_compound *compound; /* it is cut into steps; else NULL */
	struct blk_io *next;
	struct reactor_op rop;
	uint64_t priv[8];
};

struct blk_limits {
	uint32_t block_size;    /* 512 or 4096 */
	uint32_t optimal_bytes; /* preferred I/O size and alignment, >= block_size */
	uint32_t max_bytes;     /* the largest I/O the backend takes itself */
	uint32_t atomic_bytes;  /* never torn, >= block_size */
	uint32_t buffer_align;  /* data pointers must be multiples of this, or they are bounced */
	uint64_t size;          /* bytes */
	bool volatile_cache, unmap_zeroes, readonly, thin;
};

struct blk_stats {
	uint64_t ops[BLK_OP_COUNT], bytes[BLK_OP_COUNT], errors;
};

/* Open by URI; the reference is the caller's. -ENOENT, -EINVAL, ... with a refusal. */
int blk_open(const char *uri, struct blk_dev **out);
struct blk_dev *blk_ref(struct blk_dev *dev);
void blk_close(struct blk_dev *dev);

const char *blk_uri(const struct blk_dev *dev);
const struct blk_limits *blk_limits(const struct blk_dev *dev);

/* Grow or shrink; the medium follows where it can (a file is extended). -EOPNOTSUPP, -ENOSPC. */
int blk_resize(struct blk_dev *dev, uint64_t size);

/* On the reactor's thread. One per (device, reactor); counted, so get twice means put twice. */
struct blk_channel *blk_channel_get(struct blk_dev *dev, struct reactor *r);
void blk_channel_put(struct blk_channel *ch);
struct reactor *blk_channel_reactor(const struct blk_channel *ch);
struct blk_dev *blk_channel_dev(const struct blk_channel *ch);
const struct blk_stats *blk_channel_stats(const struct blk_channel *ch);

/* On the channel's reactor. Fill op .. done first. The iov must outlive the I/O. */
void blk_submit(struct blk_channel *ch, struct blk_io *io);

/* Asks that `victim`, submitted on this channel and not done yet, be given up. `cancel` is memory of the caller
 * like any I/O; only its done() is filled. That comes once: 0 when the victim ends with -ECANCELED (just before or
 * soon after; what it has done to the medium stays), -EALREADY when it had begun or was over: it ends by itself, and
 * may still find that it was not wanted (-ECANCELED).
 * What cannot be stopped: a transfer that is in a device, anything in a Ceph cluster. */
void blk_cancel(struct blk_channel *ch, struct blk_io *victim, struct blk_io *cancel);

/* Where the bytes [offset, +length) of a device in memory lie, for a read that need not be copied; NULL: read them.
 * Counted as a read. They change under later writes, and stay there while the caller holds the device (blk_ref). */
const void *blk_view(struct blk_channel *ch, uint64_t offset, uint64_t length);
bool blk_has_view(const struct blk_dev *dev);

/* "512M", "1GiB", "4096", "1T" -> bytes. -EINVAL with a refusal. */
int blk_size_parse(const char *text, uint64_t *bytes);

/* Fault layer (fault.c), for tests that steer it while it runs; dev must be a fault: device. */
struct blk_fault {
	double error;        /* probability that an I/O fails with -EIO */
	double lost_flush;   /* a flush that completes without reaching the medium */
	uint64_t delay_ns;   /* completion is held back 0..delay_ns at random */
	bool fail_all, hang; /* every I/O fails / none completes until cleared */
	int errnum;          /* what a failed I/O gets; 0 = EIO */
};
int blk_fault_set(struct blk_dev *dev, const struct blk_fault *fault);

#endif
