/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/ring.h"

#include <stdlib.h>
#include <string.h>

#include "base/refuse.h"

#define CAPACITY_MAX (1u << 30)

static unsigned round_up(unsigned n)
{
	unsigned p = 1;

	while (p < n)
		p *= 2;
	return p;
}

/* Zeroed and aligned to a cache line; NULL with a refusal. */
static void *create(size_t head, size_t slot, unsigned capacity)
{
	size_t bytes;
	void *r;

	if (!capacity || capacity > CAPACITY_MAX) {
		refuse(EINVAL, "ring: capacity %u is not in 1..%u", capacity, CAPACITY_MAX);
		return NULL;
	}
	bytes = head + slot * round_up(capacity);
	bytes = (bytes + RING_CACHE_LINE - 1) / RING_CACHE_LINE * RING_CACHE_LINE;
	r = aligned_alloc(RING_CACHE_LINE, bytes);
	if (!r) {
		refuse(ENOMEM, "ring: no memory for %zu bytes (capacity %u)", bytes, capacity);
		return NULL;
	}
	return memset(r, 0, bytes);
}

struct ring_spsc *ring_spsc_create(unsigned capacity)
{
	struct ring_spsc *r = create(sizeof(*r), sizeof(r->slots[0]), capacity);

	if (r)
		r->mask = round_up(capacity) - 1;
	return r;
}

void ring_spsc_destroy(struct ring_spsc *r)
{
	free(r);
}

struct ring_mpmc *ring_mpmc_create(unsigned capacity)
{
	struct ring_mpmc *r;

	/* with one slot "full" and "empty" would carry the same ticket */
	if (capacity == 1)
		capacity = 2;
	r = create(sizeof(*r), sizeof(r->slots[0]), capacity);
	if (!r)
		return NULL;
	r->mask = round_up(capacity) - 1;
	for (size_t i = 0; i <= r->mask; i++)
		atomic_init(&r->slots[i].ticket, i);
	return r;
}

void ring_mpmc_destroy(struct ring_mpmc *r)
{
	free(r);
}
