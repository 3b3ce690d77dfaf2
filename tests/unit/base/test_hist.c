/* SPDX-License-Identifier: BSD-3-Clause */
/* hist against all values kept and sorted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/hist.h"
#include "base/rng.h"

#define N 20000

static struct hist h, other;
static uint64_t values[N];

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static void buckets_tile_the_line(void **state)
{
	assert_int_equal(hist_bucket_low(0), 0);
	for (unsigned i = 0; i < HIST_BUCKETS; i++) {
		uint64_t low = hist_bucket_low(i), high = hist_bucket_high(i);

		assert_true(low <= high);
		assert_int_equal(hist_index(low), i);
		assert_int_equal(hist_index(high), i);
		if (i + 1 < HIST_BUCKETS)
			assert_true(hist_bucket_low(i + 1) == high + 1);
		assert_true(high - low <= low / 32);
	}
	assert_true(hist_bucket_high(HIST_BUCKETS - 1) == UINT64_MAX);
}

/* Exact rank on the sorted values; the histogram may be above by one part in 32, never below. */
static void check_quantile(double q, int n)
{
	double exact_rank = q * n;
	int rank = (int)exact_rank + (exact_rank > (int)exact_rank || exact_rank < 1);
	uint64_t truth = values[MIN_OF(rank, n) - 1], got = hist_quantile(&h, q);

	assert_true(got >= truth);
	assert_true(got - truth <= truth / 32);
}

static void quantiles(void **state)
{
	static const double qs[] = {0, 0.001, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99, 0.999, 0.9999, 1};
	double sum = 0;
	struct rng r;

	rng_init(&r, rng_test_seed("hist"));
	hist_reset(&h);
	for (int i = 0; i < N; i++) {
		values[i] = rng_u64(&r) >> rng_below(&r, 60) >> 4;
		hist_record(&h, values[i]);
	}
	qsort(values, N, sizeof(values[0]), by_value);
	for (size_t i = 0; i < ARRAY_SIZE(qs); i++)
		check_quantile(qs[i], N);
	assert_true(hist_min(&h) == values[0] && hist_max(&h) == values[N - 1]);
	assert_int_equal(hist_count(&h), N);
	hist_reset(&h);
	for (int i = 0; i < N; i++) {
		hist_record(&h, (uint64_t)i);
		sum += i;
	}
	assert_true(hist_mean(&h) == sum / N);
	assert_int_equal(hist_count_up_to(&h, 63), 64);
	assert_int_equal(hist_count_up_to(&h, UINT64_MAX), N);
}

static void empty_and_extremes(void **state)
{
	hist_reset(&h);
	assert_int_equal(hist_quantile(&h, 0.5), 0);
	assert_int_equal(hist_min(&h), 0);
	assert_true(hist_mean(&h) == 0);
	hist_record(&h, UINT64_MAX);
	assert_true(hist_quantile(&h, 0.5) == UINT64_MAX && hist_min(&h) == UINT64_MAX);
	hist_record(&h, 0);
	assert_true(hist_min(&h) == 0 && hist_quantile(&h, 0.5) == 0 &&
		    hist_quantile(&h, 2) == UINT64_MAX);
}

static void merge_and_subtract(void **state)
{
	struct hist *before = calloc(1, sizeof(*before));

	hist_reset(&h);
	hist_reset(&other);
	hist_record_n(&h, 100, 5);
	hist_record(&other, 7);
	hist_merge(before, &h);
	hist_merge(&h, &other);
	assert_int_equal(hist_count(&h), 6);
	assert_int_equal(hist_min(&h), 7);
	hist_subtract(&h, before);
	assert_int_equal(hist_count(&h), 1);
	assert_int_equal(hist_quantile(&h, 0.5), 7);
	free(before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(buckets_tile_the_line),
		cmocka_unit_test(quantiles),
		cmocka_unit_test(empty_and_extremes),
		cmocka_unit_test(merge_and_subtract),
	};

	return cmocka_run_group_tests_name("hist", tests, NULL, NULL);
}
