/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * doca_clock: clocks of card and host, and pairs of them read together.
 *
 * The card's clocks are made from the host's: free running = CLOCK_MONOTONIC_RAW, real time =
 * CLOCK_TAI less the leap offset (UTC). There is no DPA timer: NOT_SUPPORTED.
 */
#ifndef DOCA_CLOCK_H_
#define DOCA_CLOCK_H_

#include <time.h>

#include "doca_dev.h"
#include "doca_error.h"

#ifdef __cplusplus
extern "C" {
#endif

struct doca_clock;

#define DOCA_CLOCK_NIC_FREE_RUNNING (1ull << 0)
#define DOCA_CLOCK_NIC_REAL_TIME (1ull << 1)
#define DOCA_CLOCK_NIC_DPA_TIMER (1ull << 2)
#define DOCA_CLOCK_HOST_COUNTER_CYCLES (1ull << 3)
#define DOCA_CLOCK_HOST_REAL_TIME (1ull << 4)
#define DOCA_CLOCK_HOST_MONOTONIC (1ull << 5)
#define DOCA_CLOCK_HOST_MONOTONIC_RAW (1ull << 6)

/* Cycles for HOST_COUNTER_CYCLES, else seconds and nanoseconds. */
union doca_clock_timespec_t {
	uint64_t counter;
	struct timespec ts;
};

doca_error_t doca_clock_cap_nic_free_running_is_supported(const struct doca_devinfo *devinfo);
doca_error_t doca_clock_cap_nic_real_time_is_supported(const struct doca_devinfo *devinfo);
doca_error_t doca_clock_cap_nic_dpa_timer_is_supported(const struct doca_devinfo *devinfo);

doca_error_t doca_clock_create(struct doca_dev *dev, struct doca_clock **clock);
doca_error_t doca_clock_destroy(struct doca_clock *clock);

/* clock_id is one of the constants above. Any thread. */
doca_error_t doca_clock_get_timestamp(
	const struct doca_clock *clock, uint64_t clock_id, union doca_clock_timespec_t *timestamp);

/* Two clocks at the same instant; the instant is known to +- accuracy, in the unit of the primary
 * clock. */
doca_error_t doca_clock_get_crosstimestamp(const struct doca_clock *clock,
	uint64_t primary_clock_id, uint64_t nic_clock_id,
	union doca_clock_timespec_t *primary_timestamp, union doca_clock_timespec_t *nic_timestamp,
	uint64_t *accuracy);

#ifdef __cplusplus
}
#endif
#endif
