/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * clock: monotonic nanoseconds. Rooms with timers take `now_ns` as an argument and are warped by
 * tests; only daemons, doors and worker loops call clock_now_ns().
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>
#include <time.h>

#define NS_PER_US 1000ull
#define NS_PER_MS 1000000ull
#define NS_PER_SEC 1000000000ull

static inline uint64_t clock_now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * NS_PER_SEC + (uint64_t)ts.tv_nsec;
}

#endif
