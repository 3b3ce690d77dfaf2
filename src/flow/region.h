/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * region: a reserved address range that is filled with memory step by step. Tables reserve what their
 * capacity needs at most, so nothing ever moves, and pay only for the pages they use. Pages are
 * populated ahead of use in small steps (a page fault, or two megabytes of clearing, never hits a packet),
 * and parts that are done with are given back in small steps.
 *
 * Inside room flow. Threads: populate and release from one thread at a time per range of bytes.
 */
#ifndef FLOW_REGION_H
#define FLOW_REGION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct flow_region {
	uint8_t *base;
	size_t size;
	int fd; /* -1: private memory */
};

/* Private zeroed memory. 0 or -ENOMEM. */
int flow_region_open(struct flow_region *region, size_t size);
/* Over a file of that size (the caller's descriptor, kept by the region). 0 or -errno. */
int flow_region_map(struct flow_region *region, int fd, size_t size, bool writable);
void flow_region_close(struct flow_region *region);

/* Bring pages in. Best effort: a kernel that cannot does it at first touch. Never asks for huge pages: looking
 * for one may take milliseconds. */
void flow_region_populate(const struct flow_region *region, size_t from, size_t to);
/* Turn what lies in [from, to) into huge pages now, as far as the kernel can (MADV_COLLAPSE, Linux 6.1). Copies
 * two megabytes at a time, so it is for control threads, when a table has grown. Private memory only. */
void flow_region_collapse(const struct flow_region *region, size_t from, size_t to);
/* The same for an array that is used from its start up: `settled` is how far earlier calls came. */
void flow_region_settle(const struct flow_region *region, size_t start, size_t used, size_t *settled);
/* Give whole pages inside [from, to) back; they read as zero afterwards. False: the file system cannot. */
bool flow_region_release(const struct flow_region *region, size_t from, size_t to);

/* How far an array that is used from its start upwards has been populated; several threads may claim. */
struct flow_ahead {
	uint32_t ready; /* items below are populated */
	uint32_t step;  /* items per populate */
};

/* Item `upto` is about to be used. True: the caller populates items [*from, *to). */
static inline bool flow_ahead_claim(
	struct flow_ahead *ahead, uint32_t upto, uint32_t *from, uint32_t *to)
{
	*from = __atomic_load_n(&ahead->ready, __ATOMIC_RELAXED);
	do {
		if (upto < *from)
			return false;
		*to = upto + ahead->step;
	} while (!__atomic_compare_exchange_n(
		&ahead->ready, from, *to, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED));
	return true;
}

#endif
