/* SPDX-License-Identifier: BSD-3-Clause */
/* The card's clocks, which are the machine's. */
#include <doca_clock.h>

#include <stdlib.h>
#include <x86intrin.h>

#include "base/clock.h"
#include "doca/common/common.h"

struct doca_clock {
	struct doca_dev *dev;
};

static doca_error_t supported(const struct doca_devinfo *devinfo, bool yes)
{
	DCORE_NOT_NULL(devinfo);
	return yes ? DOCA_SUCCESS : DOCA_ERROR_NOT_SUPPORTED;
}

doca_error_t doca_clock_cap_nic_free_running_is_supported(const struct doca_devinfo *devinfo)
{
	return supported(devinfo, true);
}

doca_error_t doca_clock_cap_nic_real_time_is_supported(const struct doca_devinfo *devinfo)
{
	return supported(devinfo, true);
}

doca_error_t doca_clock_cap_nic_dpa_timer_is_supported(const struct doca_devinfo *devinfo)
{
	return supported(devinfo, false);
}

doca_error_t doca_clock_create(struct doca_dev *dev, struct doca_clock **clock)
{
	DCORE_NOT_NULL(dev);
	DCORE_NOT_NULL(clock);
	*clock = calloc(1, sizeof(**clock));
	if (!*clock)
		return DOCA_ERROR_NO_MEMORY;
	(*clock)->dev = dev;
	dcore_dev_hold(dev);
	return DOCA_SUCCESS;
}

doca_error_t doca_clock_destroy(struct doca_clock *clock)
{
	if (clock)
		dcore_dev_release(clock->dev);
	free(clock);
	return DOCA_SUCCESS;
}

static doca_error_t read_clock(uint64_t id, union doca_clock_timespec_t *out)
{
	clockid_t source;

	switch (id) {
	case DOCA_CLOCK_HOST_COUNTER_CYCLES:
		out->counter = __rdtsc();
		return DOCA_SUCCESS;
	case DOCA_CLOCK_NIC_FREE_RUNNING:
	case DOCA_CLOCK_HOST_MONOTONIC_RAW:
		source = CLOCK_MONOTONIC_RAW;
		break;
	case DOCA_CLOCK_NIC_REAL_TIME:
	case DOCA_CLOCK_HOST_REAL_TIME:
		source = CLOCK_REALTIME;
		break;
	case DOCA_CLOCK_HOST_MONOTONIC:
		source = CLOCK_MONOTONIC;
		break;
	case DOCA_CLOCK_NIC_DPA_TIMER:
		return dcore_fail(
			DOCA_ERROR_NOT_SUPPORTED, "clock: there is no data path accelerator");
	default:
		return dcore_fail(DOCA_ERROR_INVALID_VALUE, "clock: 0x%llx names no clock",
			(unsigned long long)id);
	}
	clock_gettime(source, &out->ts);
	return DOCA_SUCCESS;
}

doca_error_t doca_clock_get_timestamp(
	const struct doca_clock *clock, uint64_t clock_id, union doca_clock_timespec_t *timestamp)
{
	DCORE_NOT_NULL(clock);
	DCORE_NOT_NULL(timestamp);
	return read_clock(clock_id, timestamp);
}

static bool is_nic(uint64_t id)
{
	return id == DOCA_CLOCK_NIC_FREE_RUNNING || id == DOCA_CLOCK_NIC_REAL_TIME ||
	       id == DOCA_CLOCK_NIC_DPA_TIMER;
}

/* In the unit of the clock: nanoseconds or cycles. */
static uint64_t flat(uint64_t id, const union doca_clock_timespec_t *t)
{
	return id == DOCA_CLOCK_HOST_COUNTER_CYCLES
		       ? t->counter
		       : (uint64_t)t->ts.tv_sec * NS_PER_SEC + (uint64_t)t->ts.tv_nsec;
}

static void unflat(uint64_t id, uint64_t value, union doca_clock_timespec_t *t)
{
	if (id == DOCA_CLOCK_HOST_COUNTER_CYCLES)
		t->counter = value;
	else
		t->ts = (struct timespec){.tv_sec = (time_t)(value / NS_PER_SEC),
			.tv_nsec = (long)(value % NS_PER_SEC)};
}

/* The primary clock is read before and after the other; the closest pair of a few tries counts. */
doca_error_t doca_clock_get_crosstimestamp(const struct doca_clock *clock,
	uint64_t primary_clock_id, uint64_t nic_clock_id,
	union doca_clock_timespec_t *primary_timestamp, union doca_clock_timespec_t *nic_timestamp,
	uint64_t *accuracy)
{
	uint64_t best = UINT64_MAX;

	DCORE_NOT_NULL(clock);
	DCORE_NOT_NULL(primary_timestamp);
	DCORE_NOT_NULL(nic_timestamp);
	DCORE_NOT_NULL(accuracy);
	if (!is_nic(nic_clock_id))
		return dcore_fail(DOCA_ERROR_INVALID_VALUE,
			"%s: the second clock must be the card's", __func__);
	for (int i = 0; i < 5; i++) {
		union doca_clock_timespec_t before, nic, after;
		doca_error_t result = read_clock(primary_clock_id, &before);
		uint64_t width;

		if (result == DOCA_SUCCESS)
			result = read_clock(nic_clock_id, &nic);
		if (result == DOCA_SUCCESS)
			result = read_clock(primary_clock_id, &after);
		if (result != DOCA_SUCCESS)
			return result;
		width = flat(primary_clock_id, &after) - flat(primary_clock_id, &before);
		if (width >= best)
			continue;
		best = width;
		unflat(primary_clock_id, flat(primary_clock_id, &before) + width / 2,
			primary_timestamp);
		*nic_timestamp = nic;
	}
	*accuracy = best / 2 + 1;
	return DOCA_SUCCESS;
}
