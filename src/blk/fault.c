/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fault: a layer that fails, delays, reorders and hangs I/Os of the device below, from a seed.
 *     fault:seed=7,error=0.01,delay_us=200:mem:64M
 * It is also the smallest example of a stacked layer: own channel over the inner channel, the inner
 * I/O embedded in a record of its own, limits taken from below.
 */
#include "blk/blk_int.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/refuse.h"

struct faulty {
	struct blk_dev dev;
	struct blk_dev *inner;
	uint64_t seed;
	pthread_mutex_t lock; /* guards fault */
	struct blk_fault fault;
};

struct faulty_channel {
	struct blk_channel ch;
	struct blk_channel *inner;
	uint64_t rng;
	struct record *spare;
	struct record *held; /* hanging; released by faulty_hang_poll */
	struct reactor_timer hang_timer;
};

struct record {
	struct blk_io io; /* the inner I/O */
	struct blk_io *outer;
	struct record *next;
	struct reactor_timer timer;
	int status;
};

static uint64_t draw(struct faulty_channel *f)
{
	uint64_t z = (f->rng += 0x9e3779b97f4a7c15ull);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	return z ^ (z >> 31);
}

static bool chance(struct faulty_channel *f, double p)
{
	return p > 0 && (double)(draw(f) >> 11) * 0x1p-53 < p;
}

static struct faulty_channel *faulty_of(struct record *rec)
{
	return (struct faulty_channel *)rec->outer->channel;
}

static struct blk_fault fault_now(struct faulty_channel *f)
{
	struct faulty *dev = (struct faulty *)f->ch.dev;
	struct blk_fault now;

	pthread_mutex_lock(&dev->lock);
	now = dev->fault;
	pthread_mutex_unlock(&dev->lock);
	return now;
}

static void finish(struct record *rec)
{
	struct faulty_channel *f = faulty_of(rec);
	struct blk_io *outer = rec->outer;
	int status = rec->status;

	rec->next = f->spare;
	f->spare = rec;
	blk_done(outer, status);
}

static void delay_over(struct reactor_timer *timer)
{
	finish(container_of(timer, struct record, timer));
}

static void hang_poll(struct reactor_timer *timer)
{
	struct faulty_channel *f = container_of(timer, struct faulty_channel, hang_timer);

	if (fault_now(f).hang) {
		reactor_timer_arm(f->ch.reactor, timer, reactor_now(f->ch.reactor) + NS_PER_MS);
		return;
	}
	while (f->held) {
		struct record *rec = f->held;

		f->held = rec->next;
		finish(rec);
	}
}

static void settle(struct record *rec, const struct blk_fault *now)
{
	struct faulty_channel *f = faulty_of(rec);
	struct reactor *r = f->ch.reactor;

	if (rec->status == -ECANCELED) { /* what was given up is not held back */
		finish(rec);
		return;
	}
	if (now->hang) {
		rec->next = f->held;
		f->held = rec;
		if (!f->hang_timer.slot)
			reactor_timer_arm(r, &f->hang_timer, reactor_now(r) + NS_PER_MS);
		return;
	}
	if (now->delay_ns) {
		rec->timer.fire = delay_over;
		reactor_timer_arm(r, &rec->timer, reactor_now(r) + draw(f) % now->delay_ns);
		return;
	}
	finish(rec);
}

static void inner_done(struct blk_io *io, int status)
{
	struct record *rec = container_of(io, struct record, io);
	struct blk_fault now = fault_now(faulty_of(rec));

	rec->status = status;
	settle(rec, &now);
}

static struct record *record_get(struct faulty_channel *f)
{
	struct record *rec = f->spare;

	if (!rec)
		return calloc(1, sizeof(*rec));
	f->spare = rec->next;
	memset(rec, 0, sizeof(*rec));
	return rec;
}

static void faulty_submit(struct blk_channel *ch, struct blk_io *io)
{
	struct faulty_channel *f = (struct faulty_channel *)ch;
	struct blk_fault now = fault_now(f);
	struct record *rec = record_get(f);

	if (!rec) {
		blk_done(io, -EAGAIN);
		return;
	}
	rec->outer = io;
	io->priv[0] = (uintptr_t)rec;
	if (now.fail_all || chance(f, now.error)) {
		rec->status = -(now.errnum ? now.errnum : EIO);
		settle(rec, &now);
		return;
	}
	if (io->op == BLK_FLUSH && chance(f, now.lost_flush)) {
		settle(rec, &now);
		return;
	}
	rec->io = (struct blk_io){.op = io->op, .flags = io->flags, .offset = io->offset,
		.length = io->length, .copy_from = io->copy_from, .iov = io->iov, .iovcnt = io->iovcnt,
		.done = inner_done};
	blk_submit(f->inner, &rec->io);
}

static bool unhold(struct faulty_channel *f, const struct record *rec)
{
	for (struct record **at = &f->held; *at; at = &(*at)->next) {
		if (*at != rec)
			continue;
		*at = rec->next;
		return true;
	}
	return false;
}

/* Held back or hanging: here. Else it is the device's below, and so is the request. */
static void faulty_cancel(struct blk_channel *ch, struct blk_io *victim, struct blk_io *cancel)
{
	struct faulty_channel *f = (struct faulty_channel *)ch;
	struct record *rec = (struct record *)(uintptr_t)victim->priv[0];

	if (!rec->timer.slot && !unhold(f, rec)) {
		blk_cancel(f->inner, &rec->io, cancel);
		return;
	}
	if (rec->timer.slot)
		reactor_timer_cancel(ch->reactor, &rec->timer);
	rec->status = -ECANCELED;
	finish(rec);
	cancel->done(cancel, 0);
}

static int faulty_channel_open(struct blk_channel *ch)
{
	struct faulty_channel *f = (struct faulty_channel *)ch;
	struct faulty *dev = (struct faulty *)ch->dev;

	f->inner = blk_channel_get(dev->inner, ch->reactor);
	f->rng = dev->seed + reactor_index(ch->reactor);
	f->hang_timer.fire = hang_poll;
	return f->inner ? 0 : -ENOMEM;
}

static void faulty_channel_close(struct blk_channel *ch)
{
	struct faulty_channel *f = (struct faulty_channel *)ch;

	assert(!f->held);
	while (f->spare) {
		struct record *rec = f->spare;

		f->spare = rec->next;
		free(rec);
	}
	blk_channel_put(f->inner);
}

static int parse_word(struct faulty *dev, char *word)
{
	char *value = strchr(word, '='), *end;
	double n;

	if (!value)
		return refuse(EINVAL, "fault: '%s': expected key=value", word);
	*value++ = '\0';
	n = strtod(value, &end);
	if (end == value || *end || n < 0)
		return refuse(EINVAL, "fault: %s=%s: expected a number", word, value);
	if (!strcmp(word, "seed"))
		dev->seed = (uint64_t)n;
	else if (!strcmp(word, "error"))
		dev->fault.error = n;
	else if (!strcmp(word, "lost_flush"))
		dev->fault.lost_flush = n;
	else if (!strcmp(word, "delay_us"))
		dev->fault.delay_ns = (uint64_t)(n * NS_PER_US);
	else
		return refuse(EINVAL, "fault: no key '%s': expected seed, error, lost_flush or delay_us", word);
	return 0;
}

static int faulty_open(struct blk_dev *dev, const struct blk_uri *uri)
{
	struct faulty *f = (struct faulty *)dev;
	char words[256], *save = NULL;
	const char *inner = strchr(uri->body, ':');
	int err = 0;

	if (!inner || (size_t)(inner - uri->body) >= sizeof(words))
		return refuse(EINVAL, "fault: expected fault:key=value,...:URI");
	memcpy(words, uri->body, (size_t)(inner - uri->body));
	words[inner - uri->body] = '\0';
	f->seed = 1;
	for (char *w = strtok_r(words, ",", &save); w && !err; w = strtok_r(NULL, ",", &save))
		err = parse_word(f, w);
	if (!err)
		err = blk_open(inner + 1, &f->inner);
	if (err)
		return err;
	pthread_mutex_init(&f->lock, NULL);
	dev->limits = f->inner->limits;
	return 0;
}

static void faulty_close(struct blk_dev *dev)
{
	struct faulty *f = (struct faulty *)dev;

	blk_close(f->inner);
	pthread_mutex_destroy(&f->lock);
}

static int faulty_resize(struct blk_dev *dev, uint64_t size)
{
	return blk_resize(((struct faulty *)dev)->inner, size);
}

int blk_fault_set(struct blk_dev *dev, const struct blk_fault *fault)
{
	struct faulty *f = (struct faulty *)dev;

	if (dev->driver != &blk_faulty)
		return refuse(EINVAL, "%s is not a fault: device", dev->uri);
	pthread_mutex_lock(&f->lock);
	f->fault = *fault;
	pthread_mutex_unlock(&f->lock);
	return 0;
}

const struct blk_driver blk_faulty = {
	.scheme = "fault",
	.dev_size = sizeof(struct faulty),
	.channel_size = sizeof(struct faulty_channel),
	.open = faulty_open,
	.close = faulty_close,
	.resize = faulty_resize,
	.channel_open = faulty_channel_open,
	.channel_close = faulty_channel_close,
	.submit = {faulty_submit, faulty_submit, faulty_submit, faulty_submit, faulty_submit,
		faulty_submit, faulty_submit},
	.cancel = faulty_cancel,
};
