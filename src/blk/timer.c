/* SPDX-License-Identifier: BSD-3-Clause */
/* Timers of a reactor: a binary heap by due time; each timer knows its slot, so cancel is O(log n). */
#include <stdlib.h>

#include "blk/reactor_int.h"

static void place(struct reactor *r, uint32_t i, struct reactor_timer *t)
{
	r->heap[i] = t;
	t->slot = i + 1;
}

static void sift_up(struct reactor *r, uint32_t i)
{
	struct reactor_timer *t = r->heap[i];

	while (i && r->heap[(i - 1) / 2]->at > t->at) {
		place(r, i, r->heap[(i - 1) / 2]);
		i = (i - 1) / 2;
	}
	place(r, i, t);
}

static void sift_down(struct reactor *r, uint32_t i)
{
	struct reactor_timer *t = r->heap[i];

	for (;;) {
		uint32_t kid = 2 * i + 1;

		if (kid >= r->heap_len)
			break;
		if (kid + 1 < r->heap_len && r->heap[kid + 1]->at < r->heap[kid]->at)
			kid++;
		if (r->heap[kid]->at >= t->at)
			break;
		place(r, i, r->heap[kid]);
		i = kid;
	}
	place(r, i, t);
}

/* Timers live in objects made outside the I/O path (connections, controllers), and each holds at
 * most one slot, so the heap grows when such an object is armed the first time, not per I/O. */
static void grow(struct reactor *r)
{
	uint32_t cap = r->heap_cap ? r->heap_cap * 2 : 64;
	struct reactor_timer **heap = realloc(r->heap, cap * sizeof(*heap));

	if (!heap)
		abort(); /* 8 bytes per object; the object itself could be allocated a moment ago */
	r->heap = heap;
	r->heap_cap = cap;
}

void reactor_timer_arm(struct reactor *r, struct reactor_timer *timer, uint64_t at_ns)
{
	reactor_timer_cancel(r, timer);
	if (r->heap_len == r->heap_cap)
		grow(r);
	timer->at = at_ns;
	place(r, r->heap_len++, timer);
	sift_up(r, r->heap_len - 1);
}

void reactor_timer_cancel(struct reactor *r, struct reactor_timer *timer)
{
	uint32_t i = timer->slot - 1;
	struct reactor_timer *last;

	if (!timer->slot)
		return;
	assert(i < r->heap_len && r->heap[i] == timer);
	timer->slot = 0;
	last = r->heap[--r->heap_len];
	if (last == timer)
		return;
	place(r, i, last);
	sift_up(r, i);
	sift_down(r, last->slot - 1);
}

uint64_t reactor_timer_next(const struct reactor *r)
{
	return r->heap_len ? r->heap[0]->at : UINT64_MAX;
}

int reactor_timers_run(struct reactor *r)
{
	uint32_t limit = r->heap_len; /* one that re-arms itself in the past does not hold the loop */
	int n = 0;

	while (limit-- && r->heap_len && r->heap[0]->at <= r->now) {
		struct reactor_timer *t = r->heap[0];

		reactor_timer_cancel(r, t);
		t->fire(t);
		n++;
	}
	return n;
}
