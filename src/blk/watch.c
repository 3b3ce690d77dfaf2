/* SPDX-License-Identifier: BSD-3-Clause */
/* Descriptors that are not read by the ring: the ring polls them, and a virtual reactor asks each in every run. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>

#include "blk/reactor_int.h"

static struct watch *free_watch(struct reactor *r)
{
	uint32_t cap = r->watch_cap;
	struct watch *more;

	for (uint32_t i = 0; i < cap; i++)
		if (!r->watches[i].op)
			return &r->watches[i];
	more = realloc(r->watches, (cap + 16) * sizeof(*more));
	if (!more)
		abort(); /* only tests come here */
	for (uint32_t i = cap; i < cap + 16; i++)
		more[i] = (struct watch){.op = NULL};
	r->watches = more;
	r->watch_cap = cap + 16;
	return &more[cap];
}

void reactor_watch(struct reactor *r, struct reactor_op *op, int fd)
{
	if (r->options.virtual_time)
		*free_watch(r) = (struct watch){.op = op, .fd = fd};
	else
		io_uring_prep_poll_add(reactor_sqe(r, op), fd, POLLIN);
}

void reactor_unwatch(struct reactor *r, struct reactor_op *op)
{
	if (!r->options.virtual_time)
		io_uring_prep_cancel(reactor_sqe(r, NULL), op, 0);
	for (uint32_t i = 0; i < r->watch_cap; i++)
		if (r->watches[i].op == op)
			r->watches[i].cancelled = true;
}

int reactor_watches_run(struct reactor *r)
{
	int n = 0;

	for (uint32_t i = 0; i < r->watch_cap; i++) {
		struct watch w = r->watches[i];
		struct pollfd p = {.fd = w.fd, .events = POLLIN};

		if (!w.op || (!w.cancelled && poll(&p, 1, 0) <= 0))
			continue;
		r->watches[i].op = NULL; /* done() may watch again */
		w.op->done(w.op, w.cancelled ? -ECANCELED : p.revents, 0);
		n++;
	}
	return n;
}
