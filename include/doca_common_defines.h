/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * doca_common_defines: values shared by several libraries (batch sizes of events and tasks).
 *
 * The enumerators are logarithms, so 1 << DOCA_EVENT_BATCH_EVENTS_NUMBER_64 is 64.
 */
#ifndef DOCA_COMMON_DEFINES_H_
#define DOCA_COMMON_DEFINES_H_

#ifdef __cplusplus
extern "C" {
#endif

/* How many events one batch callback may carry. */
enum doca_event_batch_events_number {
	DOCA_EVENT_BATCH_EVENTS_NUMBER_1 = 0,
	DOCA_EVENT_BATCH_EVENTS_NUMBER_2,
	DOCA_EVENT_BATCH_EVENTS_NUMBER_4,
	DOCA_EVENT_BATCH_EVENTS_NUMBER_8,
	DOCA_EVENT_BATCH_EVENTS_NUMBER_16,
	DOCA_EVENT_BATCH_EVENTS_NUMBER_32,
	DOCA_EVENT_BATCH_EVENTS_NUMBER_64,
	DOCA_EVENT_BATCH_EVENTS_NUMBER_128,
};

/* How many tasks one task batch may hold. */
enum doca_task_batch_max_tasks_number {
	DOCA_TASK_BATCH_MAX_TASKS_NUMBER_1 = 0,
	DOCA_TASK_BATCH_MAX_TASKS_NUMBER_2,
	DOCA_TASK_BATCH_MAX_TASKS_NUMBER_4,
	DOCA_TASK_BATCH_MAX_TASKS_NUMBER_8,
	DOCA_TASK_BATCH_MAX_TASKS_NUMBER_16,
	DOCA_TASK_BATCH_MAX_TASKS_NUMBER_32,
	DOCA_TASK_BATCH_MAX_TASKS_NUMBER_64,
	DOCA_TASK_BATCH_MAX_TASKS_NUMBER_128,
};

#ifdef __cplusplus
}
#endif
#endif
