/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/hist.h"

#include <string.h>

static uint64_t look(const uint64_t *counter)
{
	return __atomic_load_n(counter, __ATOMIC_RELAXED);
}

uint64_t hist_bucket_low(unsigned i)
{
	unsigned shift;

	if (i < 2u << HIST_SUB_BITS)
		return i;
	shift = (i >> HIST_SUB_BITS) - 1;
	return (uint64_t)(i - (shift << HIST_SUB_BITS)) << shift;
}

uint64_t hist_bucket_high(unsigned i)
{
	return i + 1 < HIST_BUCKETS ? hist_bucket_low(i + 1) - 1 : UINT64_MAX;
}

void hist_reset(struct hist *h)
{
	memset(h, 0, sizeof(*h));
}

void hist_merge(struct hist *into, const struct hist *from)
{
	into->count += look(&from->count);
	into->sum += look(&from->sum);
	into->min_inverted = MAX_OF(into->min_inverted, look(&from->min_inverted));
	into->max = MAX_OF(into->max, look(&from->max));
	for (unsigned i = 0; i < HIST_BUCKETS; i++)
		into->bucket[i] += look(&from->bucket[i]);
}

void hist_subtract(struct hist *into, const struct hist *earlier)
{
	into->count -= earlier->count;
	into->sum -= earlier->sum;
	for (unsigned i = 0; i < HIST_BUCKETS; i++)
		into->bucket[i] -= earlier->bucket[i];
}

/* Buckets may be ahead of `count` while somebody records, so the sum of buckets is the truth here. */
static uint64_t total(const struct hist *h)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < HIST_BUCKETS; i++)
		n += look(&h->bucket[i]);
	return n;
}

uint64_t hist_quantile(const struct hist *h, double q)
{
	uint64_t n = total(h), seen = 0, rank;

	if (!n)
		return 0;
	q = q < 0 ? 0 : q > 1 ? 1 : q;
	rank = (uint64_t)(q * (double)n);
	if ((double)rank < q * (double)n || rank == 0)
		rank++;
	rank = MIN_OF(rank, n);
	for (unsigned i = 0; i < HIST_BUCKETS; i++) {
		seen += look(&h->bucket[i]);
		if (seen >= rank)
			return MIN_OF(hist_bucket_high(i), hist_max(h));
	}
	return hist_max(h);
}

uint64_t hist_count(const struct hist *h)
{
	return look(&h->count);
}

uint64_t hist_min(const struct hist *h)
{
	return hist_count(h) ? ~look(&h->min_inverted) : 0;
}

uint64_t hist_max(const struct hist *h)
{
	return look(&h->max);
}

double hist_mean(const struct hist *h)
{
	uint64_t n = hist_count(h);

	return n ? (double)look(&h->sum) / (double)n : 0;
}

uint64_t hist_count_up_to(const struct hist *h, uint64_t value)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < HIST_BUCKETS && hist_bucket_high(i) <= value; i++)
		n += look(&h->bucket[i]);
	return n;
}
