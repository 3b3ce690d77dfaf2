/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * hist: a log-linear histogram of 64-bit values (nanoseconds, bytes, anything). Each power of two is
 * cut into 32 equal buckets, so a quantile is off by at most 1/32 (3.2%); values below 64 are exact.
 *
 * One thread records (two adds and a store, no branches but min and max); any thread may read while it
 * does and sees a count that is at most a few records old. Per-worker histograms are summed with
 * hist_merge(). 15 KiB each: allocate them, do not put them on a worker's stack. A zeroed histogram
 * is an empty one.
 */
#ifndef BASE_HIST_H
#define BASE_HIST_H

#include "base/base.h"

#define HIST_SUB_BITS 5
#define HIST_BUCKETS ((64 - HIST_SUB_BITS + 1) << HIST_SUB_BITS)

struct hist {
	uint64_t count;
	uint64_t sum;          /* wraps; hist_mean() is meaningless after 2^64 */
	uint64_t min_inverted; /* ~min, so that zero means "none yet" */
	uint64_t max;
	uint64_t bucket[HIST_BUCKETS];
};

static inline unsigned hist_index(uint64_t value)
{
	unsigned shift;

	if (value < 1ull << (HIST_SUB_BITS + 1))
		return (unsigned)value;
	shift = 63 - HIST_SUB_BITS - (unsigned)__builtin_clzll(value);
	return (shift << HIST_SUB_BITS) + (unsigned)(value >> shift);
}

static inline void hist_bump(uint64_t *counter, uint64_t by)
{
	__atomic_store_n(
		counter, __atomic_load_n(counter, __ATOMIC_RELAXED) + by, __ATOMIC_RELAXED);
}

static inline void hist_record_n(struct hist *h, uint64_t value, uint64_t times)
{
	hist_bump(&h->bucket[hist_index(value)], times);
	hist_bump(&h->sum, value * times);
	if (~value > h->min_inverted)
		__atomic_store_n(&h->min_inverted, ~value, __ATOMIC_RELAXED);
	if (value > h->max)
		__atomic_store_n(&h->max, value, __ATOMIC_RELAXED);
	hist_bump(&h->count, times);
}

static inline void hist_record(struct hist *h, uint64_t value)
{
	hist_record_n(h, value, 1);
}

/* The recording thread only, or when it rests. */
void hist_reset(struct hist *h);

/* into += from. `from` may be recording; `into` is the caller's. */
void hist_merge(struct hist *into, const struct hist *from);

/* into -= earlier, for "since the last look". min and max stay those of the whole. */
void hist_subtract(struct hist *into, const struct hist *earlier);

/* The smallest value v such that a share q (0..1) of the records is <= v: the upper end of the bucket
 * it falls in, never above the true maximum. 0 when empty. */
uint64_t hist_quantile(const struct hist *h, double q);

uint64_t hist_count(const struct hist *h);
uint64_t hist_min(const struct hist *h); /* 0 when empty */
uint64_t hist_max(const struct hist *h);
double hist_mean(const struct hist *h);

/* How many records are certainly <= value (whole buckets only): Prometheus' cumulative buckets. */
uint64_t hist_count_up_to(const struct hist *h, uint64_t value);

/* Smallest and largest value of bucket i. */
uint64_t hist_bucket_low(unsigned i);
uint64_t hist_bucket_high(unsigned i);

#endif
