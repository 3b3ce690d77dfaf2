/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ring: single-producer single-consumer ring of fixed slots in shared memory.
 *
 * Positions count up for ever; a slot is position modulo slots. The producer owns `head`, the
 * consumer `tail`; each keeps a private copy of the other's and reads the shared one only when that
 * runs out, so a ring in steady flow moves one cache line per message. Positions a peer wrote are
 * checked: more than `slots` apart is nonsense and marks the ring broken.
 */
#ifndef WIRE_RING_H
#define WIRE_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ring_shared {
	uint32_t head __attribute__((aligned(64)));
	uint32_t tail __attribute__((aligned(64)));
	uint32_t armed __attribute__((aligned(64))); /* the consumer sleeps, or will */
	uint32_t closed;                             /* the consumer takes no more */
	uint32_t busy; /* the producer is between reading `closed` and its last store */
	uint8_t slots[] __attribute__((aligned(64)));
};

struct ring_end {
	struct ring_shared *shared;
	uint32_t mine, theirs; /* own position; last seen of the other's */
	uint32_t n_slots, slot_size;
	bool broken;
};

static inline size_t ring_bytes(uint32_t n_slots, uint32_t slot_size)
{
	return sizeof(struct ring_shared) + (size_t)n_slots * slot_size;
}

static inline struct ring_end ring_end(void *memory, uint32_t n_slots, uint32_t slot_size)
{
	return (struct ring_end){
		.shared = (struct ring_shared *)memory, .n_slots = n_slots, .slot_size = slot_size};
}

static inline uint8_t *ring_slot(const struct ring_end *r, uint32_t position)
{
	return r->shared->slots + (size_t)(position & (r->n_slots - 1)) * r->slot_size;
}

/* Producer: the slot to fill, or NULL when full. ring_push() makes it visible. */
static inline uint8_t *ring_claim(struct ring_end *r)
{
	if (r->mine - r->theirs >= r->n_slots) {
		r->theirs = __atomic_load_n(&r->shared->tail, __ATOMIC_ACQUIRE);
		if (r->mine - r->theirs > r->n_slots)
			r->broken = true;
		if (r->mine - r->theirs >= r->n_slots)
			return NULL;
	}
	return ring_slot(r, r->mine);
}

/* True: the consumer is armed and must be woken. */
static inline bool ring_push(struct ring_end *r)
{
	r->mine++;
	__atomic_store_n(&r->shared->head, r->mine, __ATOMIC_SEQ_CST);
	return __atomic_load_n(&r->shared->armed, __ATOMIC_SEQ_CST) &&
	       __atomic_exchange_n(&r->shared->armed, 0, __ATOMIC_SEQ_CST);
}

/* Consumer: the oldest slot, or NULL when empty. ring_pop() gives it back. */
static inline uint8_t *ring_front(struct ring_end *r)
{
	if (r->mine == r->theirs) {
		r->theirs = __atomic_load_n(&r->shared->head, __ATOMIC_ACQUIRE);
		if (r->theirs - r->mine > r->n_slots) {
			r->broken = true;
			r->theirs = r->mine;
		}
		if (r->mine == r->theirs)
			return NULL;
	}
	return ring_slot(r, r->mine);
}

static inline void ring_pop(struct ring_end *r)
{
	r->mine++;
	__atomic_store_n(&r->shared->tail, r->mine, __ATOMIC_RELEASE);
}

/* Consumer, before it sleeps: true when there is something after all. */
static inline bool ring_arm(struct ring_end *r)
{
	__atomic_store_n(&r->shared->armed, 1, __ATOMIC_SEQ_CST);
	return __atomic_load_n(&r->shared->head, __ATOMIC_SEQ_CST) != r->mine;
}

#endif
