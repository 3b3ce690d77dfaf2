/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ring: single-producer single-consumer ring of fixed slots in shared memory.
 *
 * Positions count up for ever; a slot is position modulo slots. Each slot begins with the number of the
 * message it holds, position + 1, written last: the consumer looks at the slot itself, so a message that
 * fits one cache line moves one cache line. The consumer's `tail` gives slots back; the producer keeps a
 * copy and reads the shared one only when that runs out. Numbers a peer wrote are checked: a tail more than
 * `slots` away, or a slot that holds neither this message nor the one of the lap before, is nonsense and
 * marks the ring broken.
 *
 * Who makes the memory calls ring_format() once; it is zero before.
 */
#ifndef WIRE_RING_H
#define WIRE_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ring_slot {
	uint32_t number; /* of the message: position + 1 */
	uint32_t len;    /* for the user of the ring */
	uint8_t data[] __attribute__((aligned(8)));
};

#define RING_SLOT_HEAD sizeof(struct ring_slot)

struct ring_shared {
	uint32_t tail __attribute__((aligned(64)));
	uint32_t armed __attribute__((aligned(64))); /* the consumer sleeps, or will */
	uint32_t closed;                             /* the consumer takes no more */
	uint32_t busy; /* the producer is between reading `closed` and its last store */
	uint8_t slots[] __attribute__((aligned(64)));
};

struct ring_end {
	struct ring_shared *shared;
	uint32_t mine, theirs; /* own position; the producer's last sight of the tail */
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

static inline struct ring_slot *ring_at(const struct ring_end *r, uint32_t position)
{
	return (struct ring_slot *)(void *)(r->shared->slots +
					    (size_t)(position & (r->n_slots - 1)) * r->slot_size);
}

static inline void ring_format(struct ring_end *r)
{
	for (uint32_t i = 0; i < r->n_slots; i++)
		ring_at(r, i)->number = i + 1 - r->n_slots;
}

/* Producer: the slot to fill, or NULL when full. ring_push() or ring_push_quietly() makes it visible. */
static inline struct ring_slot *ring_claim(struct ring_end *r)
{
	if (r->mine - r->theirs >= r->n_slots) {
		r->theirs = __atomic_load_n(&r->shared->tail, __ATOMIC_ACQUIRE);
		if (r->mine - r->theirs > r->n_slots)
			r->broken = true;
		if (r->mine - r->theirs >= r->n_slots)
			return NULL;
	}
	return ring_at(r, r->mine);
}

/* What comes after the present slot is fetched while that is dealt with: a line last written by the other processor is
 * 100 to 250 ns away. */
static inline void ring_fetch_next(const struct ring_end *r)
{
	__builtin_prefetch(ring_at(r, r->mine + 1));
}

static inline void ring_fetch_next_to_fill(const struct ring_end *r)
{
	__builtin_prefetch(ring_at(r, r->mine + 1), 1);
}

/* For a consumer that never sleeps. */
static inline void ring_push_quietly(struct ring_end *r)
{
	struct ring_slot *slot = ring_at(r, r->mine++);

	__atomic_store_n(&slot->number, r->mine, __ATOMIC_RELEASE);
}

/* True: the consumer is armed and must be woken. */
static inline bool ring_push(struct ring_end *r)
{
	struct ring_slot *slot = ring_at(r, r->mine++);

	__atomic_store_n(&slot->number, r->mine, __ATOMIC_SEQ_CST);
	return __atomic_load_n(&r->shared->armed, __ATOMIC_SEQ_CST) &&
	       __atomic_exchange_n(&r->shared->armed, 0, __ATOMIC_SEQ_CST);
}

/* Consumer: the oldest slot, or NULL when empty. ring_pop() gives it back. */
static inline struct ring_slot *ring_front(struct ring_end *r)
{
	struct ring_slot *slot = ring_at(r, r->mine);
	uint32_t number = __atomic_load_n(&slot->number, __ATOMIC_ACQUIRE);

	if (number == r->mine + 1)
		return slot;
	if (number != r->mine + 1 - r->n_slots)
		r->broken = true;
	return NULL;
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
	return __atomic_load_n(&ring_at(r, r->mine)->number, __ATOMIC_SEQ_CST) == r->mine + 1;
}

#endif
