/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ring: bounded queues of pointers between threads, lock-free, no system calls.
 *
 *   ring_spsc   one producer thread, one consumer thread; bursts; two cache lines of traffic a burst
 *   ring_mpmc   any number of producers and consumers (so also the MPSC of worker -> control thread)
 *
 * Capacities are rounded up to a power of two. Nobody waits: push takes what fits and says how many,
 * pop gives what is there. What is pushed happens-before its pop returns it. NULL may be queued in a
 * ring_spsc burst, but not in a ring_mpmc, whose pop says "empty" with NULL. The ring never owns what
 * the pointers point at: drain it before destroying it.
 */
#ifndef BASE_RING_H
#define BASE_RING_H

#include <stdatomic.h>

#include "base/base.h"

#define RING_CACHE_LINE 64

struct ring_spsc {
	/* written by the producer */
	_Alignas(RING_CACHE_LINE) atomic_uint tail;
	unsigned head_seen; /* the producer's last look at head */
	/* written by the consumer */
	_Alignas(RING_CACHE_LINE) atomic_uint head;
	unsigned tail_seen;
	/* constant */
	_Alignas(RING_CACHE_LINE) unsigned mask;
	void *slots[];
};

/* NULL with a refusal when capacity is 0, above 2^30, or memory is short. */
struct ring_spsc *ring_spsc_create(unsigned capacity);
void ring_spsc_destroy(struct ring_spsc *r);

/* Producer only. Takes the first k of n pointers, returns k. */
static inline unsigned ring_spsc_push_burst(struct ring_spsc *r, void *const *items, unsigned n)
{
	unsigned tail = atomic_load_explicit(&r->tail, memory_order_relaxed);
	unsigned room = r->mask + 1 - (tail - r->head_seen);

	if (room < n) {
		r->head_seen = atomic_load_explicit(&r->head, memory_order_acquire);
		room = r->mask + 1 - (tail - r->head_seen);
		n = MIN_OF(n, room);
	}
	for (unsigned i = 0; i < n; i++)
		r->slots[(tail + i) & r->mask] = items[i];
	atomic_store_explicit(&r->tail, tail + n, memory_order_release);
	return n;
}

/* Consumer only. Fills up to n pointers, returns how many. */
static inline unsigned ring_spsc_pop_burst(struct ring_spsc *r, void **items, unsigned n)
{
	unsigned head = atomic_load_explicit(&r->head, memory_order_relaxed);
	unsigned have = r->tail_seen - head;

	if (have < n) {
		r->tail_seen = atomic_load_explicit(&r->tail, memory_order_acquire);
		have = r->tail_seen - head;
		n = MIN_OF(n, have);
	}
	for (unsigned i = 0; i < n; i++)
		items[i] = r->slots[(head + i) & r->mask];
	atomic_store_explicit(&r->head, head + n, memory_order_release);
	return n;
}

static inline bool ring_spsc_push(struct ring_spsc *r, void *item)
{
	return ring_spsc_push_burst(r, &item, 1) == 1;
}

/* NULL when empty. */
static inline void *ring_spsc_pop(struct ring_spsc *r)
{
	void *item = NULL;

	ring_spsc_pop_burst(r, &item, 1);
	return item;
}

/* Any thread; exact only when both sides rest. */
static inline unsigned ring_spsc_count(const struct ring_spsc *r)
{
	unsigned head = atomic_load_explicit(&r->head, memory_order_acquire);

	return atomic_load_explicit(&r->tail, memory_order_acquire) - head;
}

static inline unsigned ring_spsc_capacity(const struct ring_spsc *r)
{
	return r->mask + 1;
}

/* Each slot carries the ticket number for which it is ready (D. Vyukov's bounded queue). */
struct ring_slot {
	atomic_size_t ticket;
	void *item;
};

struct ring_mpmc {
	_Alignas(RING_CACHE_LINE) atomic_size_t tail;
	_Alignas(RING_CACHE_LINE) atomic_size_t head;
	_Alignas(RING_CACHE_LINE) size_t mask;
	struct ring_slot slots[];
};

struct ring_mpmc *ring_mpmc_create(unsigned capacity);
void ring_mpmc_destroy(struct ring_mpmc *r);

/* Any thread. False when full. `item` is not NULL. */
static inline bool ring_mpmc_push(struct ring_mpmc *r, void *item)
{
	size_t pos = atomic_load_explicit(&r->tail, memory_order_relaxed);

	for (;;) {
		struct ring_slot *s = &r->slots[pos & r->mask];
		size_t ticket = atomic_load_explicit(&s->ticket, memory_order_acquire);

		if (ticket == pos) {
			if (atomic_compare_exchange_weak_explicit(&r->tail, &pos, pos + 1,
				    memory_order_relaxed, memory_order_relaxed)) {
				s->item = item;
				atomic_store_explicit(&s->ticket, pos + 1, memory_order_release);
				return true;
			}
		} else if ((intptr_t)(ticket - pos) < 0) {
			return false;
		} else {
			pos = atomic_load_explicit(&r->tail, memory_order_relaxed);
		}
	}
}

/* Any thread. NULL when empty (or when the next item's producer is still inside push). */
static inline void *ring_mpmc_pop(struct ring_mpmc *r)
{
	size_t pos = atomic_load_explicit(&r->head, memory_order_relaxed);

	for (;;) {
		struct ring_slot *s = &r->slots[pos & r->mask];
		size_t ticket = atomic_load_explicit(&s->ticket, memory_order_acquire);

		if (ticket == pos + 1) {
			if (atomic_compare_exchange_weak_explicit(&r->head, &pos, pos + 1,
				    memory_order_relaxed, memory_order_relaxed)) {
				void *item = s->item;

				atomic_store_explicit(
					&s->ticket, pos + r->mask + 1, memory_order_release);
				return item;
			}
		} else if ((intptr_t)(ticket - (pos + 1)) < 0) {
			return NULL;
		} else {
			pos = atomic_load_explicit(&r->head, memory_order_relaxed);
		}
	}
}

static inline size_t ring_mpmc_capacity(const struct ring_mpmc *r)
{
	return r->mask + 1;
}

#endif
