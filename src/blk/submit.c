/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * From an I/O to what the backend can do: checks, then straight through, or a compound - the I/O cut
 * into steps of at most STEP bytes, run one after another through one buffer of the reactor's pool.
 * A compound is the way of oversized I/Os and of operations the backend lacks.
 */
#include "blk/blk_int.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"

#define STEP (128u << 10)
#define STEP_IOVS 256

enum stage {
	STAGE_MAIN,  /* the operation itself, cut to size; or the read of compare and copy */
	STAGE_WRITE, /* copy: the write of what was read; zero: the write of zeroes */
};

struct blk_compound {
	struct blk_compound *next;
	struct blk_io *parent;
	struct blk_io step;
	enum stage stage;
	uint64_t at; /* bytes of the parent finished */
	uint32_t len; /* of this step */
	uint8_t *buf;
	bool running, finished_inline;
	int inline_status;
	struct iovec one;
	struct iovec iov[STEP_IOVS];
	struct reactor_buf_waiter waiter;
};

static void step_next(struct blk_compound *c);

/* --- iovec helpers --- */

static void walk(const struct iovec *iov, int cnt, size_t skip, uint8_t *flat, size_t len, bool to_iov)
{
	for (int i = 0; i < cnt && len; i++) {
		size_t n;

		if (skip >= iov[i].iov_len) {
			skip -= iov[i].iov_len;
			continue;
		}
		n = MIN_OF(iov[i].iov_len - skip, len);
		if (to_iov)
			memcpy((uint8_t *)iov[i].iov_base + skip, flat, n);
		else
			memcpy(flat, (uint8_t *)iov[i].iov_base + skip, n);
		flat += n;
		len -= n;
		skip = 0;
	}
	assert(!len);
}

void blk_iov_from(const struct iovec *iov, int cnt, size_t skip, const void *src, size_t len)
{
	walk(iov, cnt, skip, (uint8_t *)(uintptr_t)src, len, true);
}

void blk_iov_to(const struct iovec *iov, int cnt, size_t skip, void *dst, size_t len)
{
	walk(iov, cnt, skip, dst, len, false);
}

void blk_iov_zero(const struct iovec *iov, int cnt)
{
	for (int i = 0; i < cnt; i++)
		memset(iov[i].iov_base, 0, iov[i].iov_len);
}

static int iov_cut(const struct iovec *iov, int cnt, size_t skip, size_t len, struct iovec *out)
{
	int n = 0;

	for (int i = 0; i < cnt && len && n < STEP_IOVS; i++) {
		size_t take;

		if (skip >= iov[i].iov_len) {
			skip -= iov[i].iov_len;
			continue;
		}
		take = MIN_OF(iov[i].iov_len - skip, len);
		out[n++] = (struct iovec){(uint8_t *)iov[i].iov_base + skip, take};
		len -= take;
		skip = 0;
	}
	return len ? -1 : n;
}

/* --- compounds --- */

static struct blk_compound *compound_get(struct blk_channel *ch)
{
	struct blk_compound *c = ch->spare;

	if (c)
		ch->spare = c->next;
	else
		c = malloc(sizeof(*c)); /* as many as were ever in flight at once; kept by the channel */
	return c;
}

static void compound_put(struct blk_compound *c)
{
	struct blk_channel *ch = c->parent->channel;

	if (c->buf)
		reactor_buf_put(ch->reactor, c->buf);
	c->next = ch->spare;
	ch->spare = c;
}

void blk_compound_drain(struct blk_channel *ch)
{
	while (ch->spare) {
		struct blk_compound *c = ch->spare;

		ch->spare = c->next;
		free(c);
	}
}

static bool has_op(const struct blk_channel *ch, enum blk_op op)
{
	return ch->dev->driver->submit[op] != NULL;
}

static void compound_end(struct blk_compound *c, int status)
{
	struct blk_io *parent = c->parent;

	compound_put(c);
	blk_done(parent, status);
}

static void step_done(struct blk_io *io, int status);

static void step_submit(struct blk_compound *c, enum blk_op op, uint64_t offset)
{
	struct blk_channel *ch = c->parent->channel;
	struct blk_io *s = &c->step;

	s->op = op;
	s->flags = c->parent->flags;
	s->offset = offset;
	s->length = c->len;
	s->done = step_done;
	s->channel = ch;
	ch->dev->driver->submit[op](ch, s);
}

static void use_buffer(struct blk_compound *c)
{
	c->one = (struct iovec){c->buf, c->len};
	c->step.iov = &c->one;
	c->step.iovcnt = 1;
}

static int compare_step(struct blk_compound *c)
{
	uint8_t theirs[512];

	for (uint32_t i = 0; i < c->len; i += sizeof(theirs)) {
		uint32_t n = MIN_OF(c->len - i, (uint32_t)sizeof(theirs));

		blk_iov_to(c->parent->iov, c->parent->iovcnt, c->at + i, theirs, n);
		if (memcmp(theirs, c->buf + i, n))
			return -EILSEQ;
	}
	return 0;
}

static void step_finish(struct blk_compound *c, int status)
{
	const struct blk_io *p = c->parent;

	if (!status && p->op == BLK_COMPARE && !has_op(p->channel, BLK_COMPARE))
		status = compare_step(c);
	if (status) {
		compound_end(c, status);
		return;
	}
	if (p->op == BLK_COPY && c->stage == STAGE_MAIN && !has_op(p->channel, BLK_COPY)) {
		c->stage = STAGE_WRITE;
	} else {
		c->stage = STAGE_MAIN;
		c->at += c->len;
	}
	step_next(c);
}

/* Backends may complete inside submit; a loop instead of recursion keeps the stack flat. */
static void step_done(struct blk_io *io, int status)
{
	struct blk_compound *c = container_of(io, struct blk_compound, step);

	if (c->running) {
		c->finished_inline = true;
		c->inline_status = status;
		return;
	}
	step_finish(c, status);
}

/* The longest step from here whose vector fits and stays on block boundaries. */
static int cut_data(struct blk_compound *c)
{
	const struct blk_io *p = c->parent;
	uint32_t block = p->channel->dev->limits.block_size;
	int n;

	while ((n = iov_cut(p->iov, p->iovcnt, c->at, c->len, c->iov)) < 0 && c->len > block)
		c->len = MAX_OF(block, c->len / 2 / block * block);
	c->step.iov = c->iov;
	c->step.iovcnt = n;
	return n < 0 ? -EINVAL : 0;
}

static void step_start(struct blk_compound *c)
{
	const struct blk_io *p = c->parent;
	bool native = has_op(p->channel, p->op);

	switch (p->op) {
	case BLK_COMPARE:
		if (!native) {
			use_buffer(c);
			step_submit(c, BLK_READ, p->offset + c->at);
			return;
		}
		break;
	case BLK_COPY:
		if (!native) {
			use_buffer(c);
			if (c->stage == STAGE_MAIN)
				step_submit(c, BLK_READ, p->copy_from + c->at);
			else
				step_submit(c, BLK_WRITE, p->offset + c->at);
			return;
		}
		c->step.copy_from = p->copy_from + c->at;
		break;
	case BLK_ZERO:
		if (!native) {
			use_buffer(c);
			step_submit(c, BLK_WRITE, p->offset + c->at);
			return;
		}
		break;
	default:
		break;
	}
	if ((p->op == BLK_READ || p->op == BLK_WRITE || p->op == BLK_COMPARE) && cut_data(c)) {
		step_done(&c->step, -EINVAL);
		return;
	}
	step_submit(c, p->op, p->offset + c->at);
}

static uint32_t step_limit(const struct blk_compound *c)
{
	uint32_t max = c->parent->channel->dev->limits.max_bytes;

	return c->buf ? MIN_OF(max, STEP) : max;
}

static void step_next(struct blk_compound *c)
{
	while (c->at < c->parent->length) {
		if (c->stage == STAGE_MAIN)
			c->len = (uint32_t)MIN_OF(c->parent->length - c->at, (uint64_t)step_limit(c));
		c->running = true;
		c->finished_inline = false;
		step_start(c);
		c->running = false;
		if (!c->finished_inline)
			return;
		if (c->inline_status || c->parent->op == BLK_COMPARE || c->parent->op == BLK_COPY) {
			/* these decide something between steps; one level of recursion per step at most */
			step_finish(c, c->inline_status);
			return;
		}
		c->at += c->len;
	}
	compound_end(c, 0);
}

static bool needs_buffer(const struct blk_io *io)
{
	return (io->op == BLK_COMPARE || io->op == BLK_COPY || io->op == BLK_ZERO) &&
	       !has_op(io->channel, io->op);
}

static void compound_begin(struct blk_compound *c)
{
	struct blk_channel *ch = c->parent->channel;

	if (needs_buffer(c->parent)) {
		c->buf = reactor_buf_get(ch->reactor, MIN_OF(c->parent->length, (uint64_t)STEP));
		if (!c->buf) {
			reactor_buf_wait(ch->reactor, &c->waiter);
			return;
		}
		if (c->parent->op == BLK_ZERO)
			memset(c->buf, 0, MIN_OF(c->parent->length, (uint64_t)STEP));
	}
	step_next(c);
}

static void buffer_ready(struct reactor_buf_waiter *w)
{
	compound_begin(container_of(w, struct blk_compound, waiter));
}

static void compound_start(struct blk_channel *ch, struct blk_io *io)
{
	struct blk_compound *c = compound_get(ch);

	if (!c) {
		blk_done(io, -EAGAIN);
		return;
	}
	io->compound = c;
	c->parent = io;
	c->stage = STAGE_MAIN;
	c->at = 0;
	c->buf = NULL;
	c->running = false;
	c->waiter = (struct reactor_buf_waiter){.ready = buffer_ready};
	compound_begin(c);
}

/* --- the door --- */

static int check(const struct blk_dev *dev, const struct blk_io *io)
{
	uint64_t size = __atomic_load_n(&dev->limits.size, __ATOMIC_ACQUIRE);
	uint32_t mask = dev->limits.block_size - 1;

	if (io->op == BLK_FLUSH)
		return 0;
	if ((io->offset | io->length) & mask)
		return -EINVAL;
	if (io->length > size || io->offset > size - io->length)
		return -ERANGE;
	if (io->op == BLK_COPY && ((io->copy_from & mask) || io->copy_from > size - io->length))
		return -ERANGE;
	if (dev->limits.readonly && io->op != BLK_READ && io->op != BLK_COMPARE)
		return -EROFS;
	return 0;
}

bool blk_has_view(const struct blk_dev *dev)
{
	return dev->driver->view != NULL;
}

const void *blk_view(struct blk_channel *ch, uint64_t offset, uint64_t length)
{
	const struct blk_io io = {.op = BLK_READ, .offset = offset, .length = length};

	if (!blk_has_view(ch->dev) || check(ch->dev, &io))
		return NULL;
	ch->stats.ops[BLK_READ]++;
	ch->stats.bytes[BLK_READ] += length;
	return ch->dev->driver->view(ch, offset);
}

void blk_submit(struct blk_channel *ch, struct blk_io *io)
{
	const struct blk_dev *dev = ch->dev;
	int err = check(dev, io);

	io->channel = ch;
	io->compound = NULL;
	ch->stats.ops[io->op]++;
	ch->stats.bytes[io->op] += io->length;
	if (unlikely(err)) {
		blk_done(io, err);
		return;
	}
	if (unlikely(!io->length && io->op != BLK_FLUSH)) {
		blk_done(io, 0);
		return;
	}
	if (likely(io->length <= dev->limits.max_bytes && dev->driver->submit[io->op])) {
		dev->driver->submit[io->op](ch, io);
		return;
	}
	if (io->op == BLK_UNMAP && !dev->driver->submit[BLK_UNMAP]) {
		blk_done(io, 0); /* advice; nobody may rely on what unmapped blocks hold here */
		return;
	}
	compound_start(ch, io);
}

/* --- giving up --- */

static void cancel_step(struct blk_channel *ch, struct blk_io *victim, struct blk_io *cancel)
{
	if (ch->dev->driver->cancel)
		ch->dev->driver->cancel(ch, victim, cancel);
	else
		cancel->done(cancel, -EALREADY);
}

/* A compound waits for a buffer, or for a step; a step given up ends all of it. */
static void cancel_compound(struct blk_compound *c, struct blk_io *cancel)
{
	struct blk_channel *ch = c->parent->channel;

	if (!c->waiter.waiting) {
		cancel_step(ch, &c->step, cancel);
		return;
	}
	reactor_buf_wait_cancel(ch->reactor, &c->waiter);
	compound_end(c, -ECANCELED);
	cancel->done(cancel, 0);
}

void blk_cancel(struct blk_channel *ch, struct blk_io *victim, struct blk_io *cancel)
{
	assert(victim->channel == ch);
	cancel->channel = ch;
	if (victim->compound)
		cancel_compound(victim->compound, cancel);
	else
		cancel_step(ch, victim, cancel);
}
