/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A pair of in-memory ends: the network of tests and of the simulation. Bytes are delivered in pieces as
 * small as the faults ask for, each in memory of its own, so reading past it or after release is
 * seen by the sanitizer.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"
#include "base/rng.h"
#include "nvmf/stream.h"

#define WINDOW (256u << 10)

enum want { WANT_NOTHING, WANT_BYTES, WANT_INTO };

struct end {
	struct stream s;
	struct end *peer; /* NULL when it has closed */
	struct stream_faults faults; /* of what this end sends */
	uint64_t delivered;	     /* bytes of it that have arrived */
	struct rng rng;
	struct reactor_task pump;
	struct reactor_timer delay;
	bool closing, broken, delayed;
	/* receive */
	uint8_t *inbox;
	size_t inbox_len, inbox_cap;
	enum want want;
	size_t most;
	uint8_t *held;
	uint8_t *into;
	size_t into_len, into_done;
	/* send */
	const struct iovec *iov;
	int iov_cnt;
	size_t skip;
	bool sending;
};

static struct end *end_of(struct stream *s)
{
	return container_of(s, struct end, s);
}

static void wake(struct end *e)
{
	if (e)
		reactor_task_queue(e->s.reactor, &e->pump);
}

/* --- bytes --- */

static uint32_t window_of(const struct end *from)
{
	return from->faults.window ? from->faults.window : WINDOW;
}

static bool append(struct end *to, const uint8_t *p, size_t n)
{
	if (to->inbox_len + n > to->inbox_cap) {
		uint8_t *more = realloc(to->inbox, to->inbox_len + n);

		if (!more)
			return false;
		to->inbox = more;
		to->inbox_cap = to->inbox_len + n;
	}
	memcpy(to->inbox + to->inbox_len, p, n);
	to->inbox_len += n;
	return true;
}

static void consume(struct end *e, size_t n)
{
	e->inbox_len -= n;
	memmove(e->inbox, e->inbox + n, e->inbox_len);
	wake(e->peer); /* its send may go on */
}

static void break_both(struct end *e)
{
	e->broken = true;
	if (e->peer) {
		e->peer->broken = true;
		wake(e->peer);
	}
}

static void push(struct end *e)
{
	size_t before = e->peer->inbox_len;

	while (e->iov_cnt && e->peer && e->peer->inbox_len < window_of(e)) {
		size_t room = window_of(e) - e->peer->inbox_len;
		/* whole pieces, if that takes a little more than the window: a pipe is steady */
		size_t to = (e->skip + room + STREAM_STEADY - 1) / STREAM_STEADY * STREAM_STEADY;
		size_t n = MIN_OF(to, e->iov->iov_len) - e->skip;

		if (!append(e->peer, (const uint8_t *)e->iov->iov_base + e->skip, n)) {
			break_both(e);
			wake(e);
			return;
		}
		e->skip += n;
		if (e->skip == e->iov->iov_len) {
			e->skip = 0;
			e->iov++;
			e->iov_cnt--;
		}
	}
	if (e->peer->inbox_len != before) /* two full ends would wake each other for ever */
		wake(e->peer);
}

static void pump_send(struct end *e)
{
	int err = 0;

	if (!e->sending)
		return;
	if (e->broken || !e->peer)
		err = -EPIPE;
	else
		push(e);
	if (e->iov_cnt && !err)
		return;
	e->sending = false;
	e->s.user->sent(&e->s, err);
}

/* The faults of the sender decide how much arrives now, and whether it arrives well. */
static size_t piece(struct end *from, size_t have)
{
	size_t most = from->faults.chunk_max ? 1 + rng_below(&from->rng, from->faults.chunk_max) : have;

	if (from->faults.cut_after)
		most = MIN_OF(most, (size_t)(from->faults.cut_after - from->delivered));
	return MIN_OF(have, most);
}

static bool must_cut(struct end *from)
{
	if (from->faults.cut_after && from->delivered >= from->faults.cut_after)
		return true;
	return rng_unit(&from->rng) < from->faults.cut;
}

static void spoil(struct end *from, uint8_t *p, size_t n)
{
	if (rng_unit(&from->rng) < from->faults.corrupt)
		p[rng_below(&from->rng, n)] ^= (uint8_t)(1u << rng_below(&from->rng, 8));
}

static bool must_wait(struct end *e, struct end *from)
{
	if (!from->faults.delay_ns || e->delayed) {
		e->delayed = false;
		return false;
	}
	if (!e->delay.slot)
		reactor_timer_arm(e->s.reactor, &e->delay,
			reactor_now(e->s.reactor) + rng_below(&from->rng, from->faults.delay_ns));
	return true;
}

static void deliver_end(struct end *e, int err)
{
	enum want want = e->want;

	e->want = WANT_NOTHING;
	if (want == WANT_BYTES)
		e->s.user->received(&e->s, NULL, err);
	else
		e->s.user->filled(&e->s, err ? err : -ECONNRESET);
}

static void deliver_bytes(struct end *e, struct end *from, size_t n)
{
	n = MIN_OF(n, e->most);
	e->held = malloc(n);
	if (!e->held) {
		break_both(e);
		deliver_end(e, -ECONNRESET);
		return;
	}
	from->delivered += n;
	memcpy(e->held, e->inbox, n);
	spoil(from, e->held, n);
	consume(e, n);
	e->want = WANT_NOTHING;
	e->s.user->received(&e->s, e->held, (ssize_t)n);
}

static void deliver_into(struct end *e, struct end *from, size_t n)
{
	n = MIN_OF(n, e->into_len - e->into_done);
	from->delivered += n;
	memcpy(e->into + e->into_done, e->inbox, n);
	spoil(from, e->into + e->into_done, n);
	consume(e, n);
	e->into_done += n;
	if (e->into_done < e->into_len) {
		wake(e);
		return;
	}
	e->want = WANT_NOTHING;
	e->s.user->filled(&e->s, (ssize_t)e->into_len);
}

static void pump_recv(struct end *e)
{
	struct end *from = e->peer;
	size_t n;

	if (e->want == WANT_NOTHING)
		return;
	if (e->broken) {
		deliver_end(e, -ECONNRESET);
		return;
	}
	if (!from || !e->inbox_len) {
		if (!from)
			deliver_end(e, 0);
		return;
	}
	if (from->faults.stalled || must_wait(e, from))
		return;
	if (must_cut(from)) {
		break_both(e);
		deliver_end(e, -ECONNRESET);
		return;
	}
	n = piece(from, e->inbox_len);
	if (e->want == WANT_BYTES)
		deliver_bytes(e, from, n);
	else
		deliver_into(e, from, n);
}

static void finish(struct end *e)
{
	if (e->peer) {
		e->peer->peer = NULL;
		wake(e->peer);
	}
	reactor_timer_cancel(e->s.reactor, &e->delay);
	e->s.user->closed(&e->s);
	free(e->held);
	free(e->inbox);
	free(e);
}

static void pump_run(struct reactor_task *task)
{
	struct end *e = container_of(task, struct end, pump);

	if (e->closing) {
		finish(e);
		return;
	}
	pump_send(e);
	if (!e->closing)
		pump_recv(e);
}

static void delay_over(struct reactor_timer *timer)
{
	struct end *e = container_of(timer, struct end, delay);

	e->delayed = true;
	wake(e);
}

/* --- calls --- */

static void pipe_recv(struct stream *s, size_t most)
{
	struct end *e = end_of(s);

	assert(e->want == WANT_NOTHING && !e->held);
	e->want = WANT_BYTES;
	e->most = most;
	wake(e);
}

static void pipe_release(struct stream *s)
{
	struct end *e = end_of(s);

	free(e->held);
	e->held = NULL;
}

static void pipe_recv_into(struct stream *s, void *to, size_t len)
{
	struct end *e = end_of(s);

	assert(e->want == WANT_NOTHING && !e->held);
	e->want = WANT_INTO;
	e->into = to;
	e->into_len = len;
	e->into_done = 0;
	wake(e);
}

static void pipe_send(struct stream *s, const struct iovec *iov, int cnt, bool steady)
{
	struct end *e = end_of(s);

	assert(!e->sending && cnt > 0);
	e->sending = true;
	e->iov = iov;
	e->iov_cnt = cnt;
	e->skip = 0;
	wake(e);
}

static void pipe_close(struct stream *s)
{
	struct end *e = end_of(s);

	e->closing = true;
	wake(e);
}

static const struct stream_ops pipe_ops = {
	.recv = pipe_recv,
	.release = pipe_release,
	.recv_into = pipe_recv_into,
	.send = pipe_send,
	.close = pipe_close,
};

static struct end *make(struct reactor *r)
{
	struct end *e = calloc(1, sizeof(*e));

	if (!e)
		return NULL;
	e->s = (struct stream){.is_steady = true, .ops = &pipe_ops, .reactor = r};
	e->pump.run = pump_run;
	e->delay.fire = delay_over;
	rng_init(&e->rng, 1);
	return e;
}

int stream_pipe(struct reactor *r, struct stream **end_a, struct stream **end_b)
{
	struct end *a = make(r), *b = make(r);

	if (!a || !b) {
		free(a);
		free(b);
		return -ENOMEM;
	}
	a->peer = b;
	b->peer = a;
	*end_a = &a->s;
	*end_b = &b->s;
	return 0;
}

void stream_pipe_faults(struct stream *s, const struct stream_faults *faults)
{
	struct end *e = end_of(s);

	e->faults = *faults;
	rng_init(&e->rng, faults->seed);
	wake(e->peer);
	wake(e);
}
