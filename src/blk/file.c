/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * file: a regular file or block device through the reactor's io_uring, O_DIRECT unless buffered=1.
 * Data in registered buffers goes without page pinning; data that is not aligned for O_DIRECT
 * (never that of our own transports) is bounced through the pool. Flush is fdatasync, FUA is
 * RWF_DSYNC, unmap punches a hole, write zeroes asks the file system and falls back to writing.
 *
 * Reads and writes that the device should not have yet wait here, in order: pace.h decides, or queue=N says how
 * many of a channel may be in it.
 *
 * What waits here can be given up, and what waits for a worker thread of the kernel (flush, unmap, zeroes).
 */
#include "blk/blk_int.h"

#include <assert.h>
#include <ctype.h>
#include <fcntl.h>
#include <limits.h>
#include <liburing.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/refuse.h"
#include "blk/pace.h"

LOG_MODULE("blk.file");

#define QUEUE_MAX 4096u

struct file {
	struct blk_dev dev;
	int fd;
	bool is_bdev;
	bool zero_range; /* cleared when the file system refuses it once; atomic */
	unsigned queue;	 /* most transfers of a channel in the device; 0 = pace.h finds out */
};

struct file_channel {
	struct blk_channel ch;
	unsigned busy, waiting; /* transfers in the device, and held */
	struct pace pace;
	struct blk_io *held, **held_tail;
};

/* What an I/O keeps in blk_io.priv while it is in the ring. */
struct file_io {
	uint64_t done;  /* bytes so far: the kernel may do less than asked */
	uint8_t *bounce;
	struct iovec rest;
};
_Static_assert(sizeof(struct file_io) <= sizeof(((struct blk_io *)0)->priv), "private space of an I/O");

static struct file *file_of(const struct blk_io *io)
{
	return (struct file *)io->channel->dev;
}

static struct file_channel *channel_of(const struct blk_io *io)
{
	return (struct file_channel *)io->channel;
}

static struct file_io *state_of(struct blk_io *io)
{
	return (struct file_io *)io->priv;
}

/* --- opening --- */

static bool flag_of(const struct blk_uri *uri, const char *key)
{
	const char *v = blk_uri_param(uri, key);

	return v && (!strcmp(v, "1") || !strcmp(v, "true") || !strcmp(v, "yes"));
}

static int bdev_size(int fd, uint64_t *size, uint32_t *sector)
{
	int s = 512;

	if (ioctl(fd, BLKGETSIZE64, size) || ioctl(fd, BLKSSZGET, &s))
		return -errno;
	*sector = (uint32_t)s;
	return 0;
}

static int measure(struct file *f, const char *path, uint64_t want, uint64_t *size, uint32_t *sector)
{
	struct stat st;
	int err;

	if (fstat(f->fd, &st))
		return refuse(errno, "%s: %s", path, strerror(errno));
	f->is_bdev = S_ISBLK(st.st_mode);
	if (f->is_bdev) {
		err = bdev_size(f->fd, size, sector);
		if (err)
			return refuse(-err, "%s: %s", path, strerror(-err));
		if (want > *size)
			return refuse(EINVAL, "%s has %llu bytes, not %llu", path, (unsigned long long)*size,
				(unsigned long long)want);
		*size = want ? want : *size;
		return 0;
	}
	if (!S_ISREG(st.st_mode))
		return refuse(EINVAL, "%s is neither a file nor a block device", path);
	if (want && want > (uint64_t)st.st_size) {
		if (ftruncate(f->fd, (off_t)want))
			return refuse(errno, "%s: cannot be extended to %llu bytes: %s", path,
				(unsigned long long)want, strerror(errno));
		st.st_size = (off_t)want;
	}
	*size = want ? want : (uint64_t)st.st_size;
	return 0;
}

static int open_path(const struct blk_uri *uri, uint64_t want, bool *direct)
{
	bool readonly = flag_of(uri, "readonly");
	int flags = (readonly ? O_RDONLY : O_RDWR | (want ? O_CREAT : 0)) | O_CLOEXEC;
	int fd = open(uri->body, flags | (*direct ? O_DIRECT : 0), 0600);

	if (fd < 0 && errno == EINVAL && *direct) {
		log_info("%s: the file system has no O_DIRECT, using its page cache", uri->body);
		*direct = false;
		fd = open(uri->body, flags, 0600);
	}
	return fd < 0 ? refuse(errno, "%s: %s", uri->body, strerror(errno)) : fd;
}

static int queue_of(const struct blk_uri *uri, unsigned *queue)
{
	const char *text = blk_uri_param(uri, "queue");
	char *end;
	unsigned long n;

	*queue = 0;
	if (!text)
		return 0;
	n = strtoul(text, &end, 10);
	if (!isdigit((unsigned char)*text) || *end || !n || n > QUEUE_MAX)
		return refuse(EINVAL, "queue '%s': expected a number from 1 to %u", text, QUEUE_MAX);
	*queue = (unsigned)n;
	return 0;
}

static int file_open(struct blk_dev *dev, const struct blk_uri *uri)
{
	struct file *f = (struct file *)dev;
	bool direct = !flag_of(uri, "buffered");
	uint32_t block = 512, sector = 512;
	uint64_t want = 0, size = 0;
	int err = blk_uri_geometry(uri, &block, &want);

	err = err ? err : queue_of(uri, &f->queue);
	if (err)
		return err;
	f->fd = open_path(uri, want, &direct);
	if (f->fd < 0)
		return f->fd;
	if (!direct && !f->queue)
		f->queue = QUEUE_MAX; /* the page cache answers what it has at once: nothing to learn from that */
	err = measure(f, uri->body, want, &size, &sector);
	if (!err && block < sector) {
		if (blk_uri_param(uri, "block"))
			err = refuse(EINVAL, "block size %u is below the device's sector of %u", block, sector);
		block = sector;
	}
	size -= size % block;
	if (!err && !size)
		err = refuse(EINVAL, "%s is empty; give ?size=", uri->body);
	if (err) {
		close(f->fd);
		return err;
	}
	f->zero_range = true;
	dev->limits = (struct blk_limits){.block_size = block, .optimal_bytes = 4096,
		.max_bytes = 1u << 30, .atomic_bytes = block, .buffer_align = direct ? sector : 1,
		.size = size, .volatile_cache = true, .unmap_zeroes = !f->is_bdev,
		.readonly = flag_of(uri, "readonly"), .thin = !f->is_bdev};
	return 0;
}

static void file_close(struct blk_dev *dev)
{
	close(((struct file *)dev)->fd);
}

static int file_resize(struct blk_dev *dev, uint64_t size)
{
	struct file *f = (struct file *)dev;
	uint64_t now = 0;
	uint32_t sector;

	if (!f->is_bdev) {
		if (ftruncate(f->fd, (off_t)size))
			return refuse(errno, "%s: %s", dev->uri, strerror(errno));
		return 0;
	}
	if (bdev_size(f->fd, &now, &sector) || size > now)
		return refuse(ENOSPC, "%s: the device has %llu bytes", dev->uri, (unsigned long long)now);
	return 0;
}

/* --- I/O --- */

static int file_channel_open(struct blk_channel *ch)
{
	struct file_channel *fc = (struct file_channel *)ch;

	fc->held_tail = &fc->held;
	pace_init(&fc->pace, ((struct file *)ch->dev)->queue);
	return 0;
}

static void transfer(struct blk_io *io);

static void enter(struct file_channel *fc, struct blk_io *io)
{
	if (pace_admits(&fc->pace, fc->busy)) {
		fc->busy++;
		transfer(io);
	} else {
		fc->waiting++;
		io->next = NULL;
		*fc->held_tail = io;
		fc->held_tail = &io->next;
	}
}

/* One is through: the next goes before anybody is told, the device shall not wait for them. */
static void leave(struct file_channel *fc)
{
	pace_done(&fc->pace, reactor_now(fc->ch.reactor), fc->busy, fc->busy + fc->waiting);
	fc->busy--;
	while (fc->held && pace_admits(&fc->pace, fc->busy)) {
		struct blk_io *io = fc->held;

		fc->held = io->next;
		if (!fc->held)
			fc->held_tail = &fc->held;
		fc->waiting--;
		enter(fc, io);
	}
}

static void transfer_end(struct blk_io *io, int status)
{
	struct file_io *s = state_of(io);

	leave(channel_of(io));
	if (s->bounce) {
		if (!status && io->op == BLK_READ)
			blk_iov_from(io->iov, io->iovcnt, 0, s->bounce, io->length);
		reactor_buf_put(io->channel->reactor, s->bounce);
	}
	blk_done(io, status);
}

static void transferred(struct reactor_op *op, int res, uint32_t flags)
{
	struct blk_io *io = container_of(op, struct blk_io, rop);
	struct file_io *s = state_of(io);

	if (res == -EINTR || res == -EAGAIN)
		res = 0;
	else if (res == 0 && io->op == BLK_READ)
		res = -EIO; /* the file ends before the size we promised: it was cut behind our back */
	if (res < 0) {
		transfer_end(io, res);
		return;
	}
	s->done += (uint64_t)res;
	if (s->done < io->length)
		transfer(io);
	else
		transfer_end(io, 0);
}

static void prep(struct io_uring_sqe *sqe, int fd, bool write, const struct iovec *iov, int cnt,
	uint64_t offset, int registered)
{
	unsigned len = (unsigned)iov->iov_len;

	if (cnt > 1 && write)
		io_uring_prep_writev(sqe, fd, iov, (unsigned)cnt, offset);
	else if (cnt > 1)
		io_uring_prep_readv(sqe, fd, iov, (unsigned)cnt, offset);
	else if (registered >= 0 && write)
		io_uring_prep_write_fixed(sqe, fd, iov->iov_base, len, offset, registered);
	else if (registered >= 0)
		io_uring_prep_read_fixed(sqe, fd, iov->iov_base, len, offset, registered);
	else if (write)
		io_uring_prep_write(sqe, fd, iov->iov_base, len, offset);
	else
		io_uring_prep_read(sqe, fd, iov->iov_base, len, offset);
}

/* Finds the vector's rest after s->done bytes; a rest inside the vector goes one element at a time. */
static const struct iovec *rest_of(struct blk_io *io, int *cnt)
{
	struct file_io *s = state_of(io);
	uint64_t skip = s->done;
	int i = 0;

	*cnt = 1;
	if (s->bounce) {
		s->rest = (struct iovec){s->bounce + skip, io->length - skip};
		return &s->rest;
	}
	if (!skip) {
		*cnt = io->iovcnt;
		return io->iov;
	}
	while (skip >= io->iov[i].iov_len)
		skip -= io->iov[i++].iov_len;
	s->rest = (struct iovec){(uint8_t *)io->iov[i].iov_base + skip, io->iov[i].iov_len - skip};
	return &s->rest;
}

static void transfer(struct blk_io *io)
{
	struct reactor *r = io->channel->reactor;
	struct file_io *s = state_of(io);
	int cnt, registered;
	const struct iovec *iov = rest_of(io, &cnt);
	struct io_uring_sqe *sqe = reactor_sqe(r, &io->rop);

	registered = cnt == 1 ? reactor_buf_registered(r, iov->iov_base, iov->iov_len) : -1;
	io->rop.done = transferred;
	prep(sqe, file_of(io)->fd, io->op == BLK_WRITE, iov, cnt, io->offset + s->done, registered);
	if (io->op == BLK_WRITE && (io->flags & BLK_FUA))
		sqe->rw_flags = RWF_DSYNC;
	reactor_nudge(r);
}

static bool is_aligned(const struct blk_io *io)
{
	uintptr_t mask = io->channel->dev->limits.buffer_align - 1;

	for (int i = 0; i < io->iovcnt; i++)
		if (((uintptr_t)io->iov[i].iov_base | io->iov[i].iov_len) & mask)
			return false;
	return true;
}

static void file_transfer(struct blk_channel *ch, struct blk_io *io)
{
	struct file_io *s = state_of(io);

	memset(s, 0, sizeof(*s));
	if (unlikely(!is_aligned(io) || io->iovcnt > 1024)) {
		s->bounce = io->length <= REACTOR_BUF_MAX ? reactor_buf_get(ch->reactor, io->length) : NULL;
		if (!s->bounce) {
			blk_done(io, io->length <= REACTOR_BUF_MAX ? -EAGAIN : -EINVAL);
			return;
		}
		if (io->op == BLK_WRITE)
			blk_iov_to(io->iov, io->iovcnt, 0, s->bounce, io->length);
	}
	enter(channel_of(io), io);
}

/* Of what a worker does in one step: only being given up interrupts it. */
static int outcome(int res)
{
	return res == -EINTR ? -ECANCELED : MIN_OF(res, 0);
}

static void simple_done(struct reactor_op *op, int res, uint32_t flags)
{
	struct blk_io *io = container_of(op, struct blk_io, rop);

	blk_done(io, outcome(res));
}

static void file_flush(struct blk_channel *ch, struct blk_io *io)
{
	io->rop.done = simple_done;
	io_uring_prep_fsync(reactor_sqe(ch->reactor, &io->rop), file_of(io)->fd, IORING_FSYNC_DATASYNC);
}

static void file_unmap(struct blk_channel *ch, struct blk_io *io)
{
	io->rop.done = simple_done;
	io_uring_prep_fallocate(reactor_sqe(ch->reactor, &io->rop), file_of(io)->fd,
		FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, io->offset, io->length);
}

/* Zeroes that neither the file system nor the device can make are written, 1 MiB at a time. */
static uint8_t zeroes[REACTOR_BUF_MAX] __attribute__((aligned(4096)));

static void zeroes_write(struct blk_io *io);

static void zeroes_written(struct reactor_op *op, int res, uint32_t flags)
{
	struct blk_io *io = container_of(op, struct blk_io, rop);
	struct file_io *s = state_of(io);

	if (res < 0 && res != -EINTR && res != -EAGAIN) {
		blk_done(io, res);
		return;
	}
	s->done += res > 0 ? (uint64_t)res : 0;
	if (s->done < io->length)
		zeroes_write(io);
	else
		blk_done(io, 0);
}

static void zeroes_write(struct blk_io *io)
{
	struct file_io *s = state_of(io);
	unsigned n = (unsigned)MIN_OF(io->length - s->done, (uint64_t)sizeof(zeroes));
	struct io_uring_sqe *sqe = reactor_sqe(io->channel->reactor, &io->rop);

	io->rop.done = zeroes_written;
	io_uring_prep_write(sqe, file_of(io)->fd, zeroes, n, io->offset + s->done);
	if (io->flags & BLK_FUA)
		sqe->rw_flags = RWF_DSYNC;
}

static void zero_synced(struct reactor_op *op, int res, uint32_t flags)
{
	struct blk_io *io = container_of(op, struct blk_io, rop);
	struct file *f = file_of(io);

	if (res == -EOPNOTSUPP) {
		__atomic_store_n(&f->zero_range, false, __ATOMIC_RELAXED);
		zeroes_write(io);
	} else if (res < 0) {
		blk_done(io, outcome(res));
	} else if (io->flags & BLK_FUA) {
		file_flush(io->channel, io);
	} else {
		blk_done(io, 0);
	}
}

static void file_zero(struct blk_channel *ch, struct blk_io *io)
{
	struct file *f = file_of(io);
	int mode = io->flags & BLK_MAY_UNMAP && !f->is_bdev ? FALLOC_FL_PUNCH_HOLE : FALLOC_FL_ZERO_RANGE;

	memset(state_of(io), 0, sizeof(struct file_io));
	if (!__atomic_load_n(&f->zero_range, __ATOMIC_RELAXED)) {
		zeroes_write(io);
		return;
	}
	io->rop.done = zero_synced;
	io_uring_prep_fallocate(reactor_sqe(ch->reactor, &io->rop), f->fd, mode | FALLOC_FL_KEEP_SIZE,
		io->offset, io->length);
}

/* --- giving up --- */

static bool unhold(struct file_channel *fc, const struct blk_io *io)
{
	for (struct blk_io **at = &fc->held; *at; at = &(*at)->next) {
		if (*at != io)
			continue;
		*at = io->next;
		if (!*at)
			fc->held_tail = at;
		fc->waiting--;
		return true;
	}
	return false;
}

/* 0 is said of what had not begun. A worker that had is interrupted, and may go on or not. */
static void asked(struct reactor_op *op, int res, uint32_t flags)
{
	struct blk_io *cancel = container_of(op, struct blk_io, rop);

	cancel->done(cancel, res == 0 ? 0 : -EALREADY);
}

static void file_cancel(struct blk_channel *ch, struct blk_io *victim, struct blk_io *cancel)
{
	if (!unhold((struct file_channel *)ch, victim)) {
		cancel->rop.done = asked;
		io_uring_prep_cancel(reactor_sqe(ch->reactor, &cancel->rop), &victim->rop, 0);
		return;
	}
	if (state_of(victim)->bounce)
		reactor_buf_put(ch->reactor, state_of(victim)->bounce);
	blk_done(victim, -ECANCELED);
	cancel->done(cancel, 0);
}

const struct blk_driver blk_file = {
	.scheme = "file",
	.dev_size = sizeof(struct file),
	.channel_size = sizeof(struct file_channel),
	.open = file_open,
	.close = file_close,
	.resize = file_resize,
	.channel_open = file_channel_open,
	.submit = {
		[BLK_READ] = file_transfer,
		[BLK_WRITE] = file_transfer,
		[BLK_FLUSH] = file_flush,
		[BLK_UNMAP] = file_unmap,
		[BLK_ZERO] = file_zero,
	},
	.cancel = file_cancel,
};
