/* SPDX-License-Identifier: BSD-3-Clause */
/* The number of a sync event. Every update bumps `seq` of its control page, which sleepers futex-wait on. */
#include "doca/common/sync_event_int.h"

#include <limits.h>
#include <linux/futex.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/clock.h"

#define SPIN_NS 20000 /* waiting that ends sooner costs no system call */
#define SLEEP_MS 20   /* and a peer's death is noticed this late */

/* ---- the number ---- */

static uint64_t *where(const struct doca_sync_event *event)
{
	return event->addr ? event->addr : &event->control->value;
}

uint64_t event_load(const struct doca_sync_event *event)
{
	return __atomic_load_n(where(event), __ATOMIC_ACQUIRE);
}

void dcore_control_changed(struct dcore_control *control)
{
	__atomic_add_fetch(&control->seq, 1, __ATOMIC_SEQ_CST);
	if (__atomic_load_n(&control->waiters, __ATOMIC_SEQ_CST))
		syscall(SYS_futex, &control->seq, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

void event_set(struct doca_sync_event *event, uint64_t value)
{
	__atomic_store_n(where(event), value, __ATOMIC_RELEASE);
	dcore_control_changed(event->control);
}

uint64_t event_add(struct doca_sync_event *event, uint64_t value)
{
	uint64_t before = __atomic_fetch_add(where(event), value, __ATOMIC_ACQ_REL);

	dcore_control_changed(event->control);
	return before;
}

void event_sleep_on(struct dcore_control *control, uint32_t seen)
{
	struct timespec ts = {.tv_nsec = SLEEP_MS * NS_PER_MS};

	__atomic_add_fetch(&control->waiters, 1, __ATOMIC_SEQ_CST);
	syscall(SYS_futex, &control->seq, FUTEX_WAIT, seen, &ts, NULL, 0);
	__atomic_sub_fetch(&control->waiters, 1, __ATOMIC_SEQ_CST);
}

bool event_is_dead(const struct doca_sync_event *event)
{
	return event->peer && dcore_peer_dead(event->peer);
}

/* ---- direct calls ---- */

static doca_error_t usable(const struct doca_sync_event *event, const char *call)
{
	if (!event || !event->control)
		return dcore_fail(DOCA_ERROR_BAD_STATE, "%s: the sync event is not started", call);
	return event_is_dead(event) ? DOCA_ERROR_CONNECTION_ABORTED : DOCA_SUCCESS;
}

doca_error_t doca_sync_event_get(struct doca_sync_event *event, uint64_t *value)
{
	doca_error_t result = usable(event, __func__);

	DCORE_NOT_NULL(value);
	if (result == DOCA_SUCCESS)
		*value = event_load(event);
	return result;
}

doca_error_t doca_sync_event_update_add(
	struct doca_sync_event *event, uint64_t value, uint64_t *fetched)
{
	doca_error_t result = usable(event, __func__);
	uint64_t before;

	if (result != DOCA_SUCCESS)
		return result;
	before = event_add(event, value);
	if (fetched)
		*fetched = before;
	return DOCA_SUCCESS;
}

doca_error_t doca_sync_event_update_set(struct doca_sync_event *event, uint64_t value)
{
	doca_error_t result = usable(event, __func__);

	if (result == DOCA_SUCCESS)
		event_set(event, value);
	return result;
}

enum condition { GREATER, EQUAL, NOT_EQUAL };

static bool holds(enum condition condition, uint64_t now, uint64_t value)
{
	return condition == GREATER ? now > value
	       : condition == EQUAL ? now == value
				    : now != value;
}

static doca_error_t wait_for(struct doca_sync_event *event, enum condition condition,
	uint64_t value, uint64_t mask, bool yield, const char *call)
{
	doca_error_t result = usable(event, call);
	uint64_t until = clock_now_ns() + SPIN_NS;

	while (result == DOCA_SUCCESS) {
		uint32_t seen = __atomic_load_n(&event->control->seq, __ATOMIC_SEQ_CST);

		if (holds(condition, event_load(event) & mask, value))
			return DOCA_SUCCESS;
		if (event_is_dead(event))
			result = DOCA_ERROR_CONNECTION_ABORTED;
		else if (clock_now_ns() > until)
			event_sleep_on(event->control, seen);
		else if (yield)
			sched_yield();
		else
			__builtin_ia32_pause();
	}
	return result;
}

#define WAIT(name, condition, yield)                                             \
	doca_error_t doca_sync_event_wait_##name(                                \
		struct doca_sync_event *event, uint64_t value, uint64_t mask)    \
	{                                                                        \
		return wait_for(event, condition, value, mask, yield, __func__); \
	}
WAIT(gt, GREATER, false)
WAIT(eq, EQUAL, false)
WAIT(neq, NOT_EQUAL, false)
WAIT(gt_yield, GREATER, true)
WAIT(eq_yield, EQUAL, true)
WAIT(neq_yield, NOT_EQUAL, true)
