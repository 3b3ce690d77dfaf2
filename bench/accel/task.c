/* SPDX-License-Identifier: BSD-3-Clause */
/* The cost of a task that does nothing: submit to completion, polling. */
#include "rig.h"

#include <unistd.h>

#include <doca_sync_event.h>

#include "base/clock.h"

#define ROUNDS 9
#define TRIPS 200000
#define TICKS_MAX 4096

/* Ticks of one task alone, half of them shorter. */
static double p50_ticks(void)
{
	static uint32_t count[TICKS_MAX];
	uint64_t half = 0;
	unsigned p50 = 0;

	for (unsigned i = 0; i < TRIPS; i++) {
		uint64_t begin = __builtin_ia32_rdtsc(), ticks;

		MUST(doca_task_submit(rig.tasks[0]));
		while (!doca_pe_progress(rig.pe))
			;
		ticks = __builtin_ia32_rdtsc() - begin;
		count[ticks < TICKS_MAX ? ticks : TICKS_MAX - 1]++;
	}
	while (half < TRIPS / 2)
		half += count[p50++];
	return p50;
}

static double ticks_per_ns(void)
{
	uint64_t t = clock_now_ns(), c = __builtin_ia32_rdtsc();

	usleep(20000);
	return (double)(__builtin_ia32_rdtsc() - c) / (double)(clock_now_ns() - t);
}

void bench_task(void)
{
	struct doca_sync_event_task_notify_set *t;
	struct doca_sync_event *event;
	double rate[ROUNDS], mtasks, p50;

	if (!rig_wants("task"))
		return;
	rig_bufs(DEPTH, 64, 0);
	MUST(doca_sync_event_create(&event));
	MUST(doca_sync_event_add_publisher_location_cpu(event, rig.dev));
	MUST(doca_sync_event_add_subscriber_location_cpu(event, rig.dev));
	MUST(doca_sync_event_task_notify_set_set_conf(event, DONE(doca_sync_event_task_notify_set),
		FAILED(doca_sync_event_task_notify_set), DEPTH));
	MUST(doca_pe_connect_ctx(rig.pe, doca_sync_event_as_ctx(event)));
	MUST(doca_ctx_start(doca_sync_event_as_ctx(event)));
	for (unsigned i = 0; i < rig.n; i++) {
		union doca_data user = {.u64 = i};

		MUST(doca_sync_event_task_notify_set_alloc_init(event, i, user, &t));
		rig.tasks[i] = doca_sync_event_task_notify_set_as_doca_task(t);
	}
	for (int i = 0; i < ROUNDS; i++)
		rate[i] = rig_tasks(false) / 1e6;
	/* rig_tasks() leaves the callbacks quiet: a completed task is not submitted again */
	mtasks = median(rate, ROUNDS);
	p50 = p50_ticks() / ticks_per_ns();
	printf("{\"bench\":\"accel\",\"case\":\"task\",\"mtasks_per_s\":%.2f,\"p50_ns\":%.1f,"
	       "\"must\":\"10 and 150\",\"reached\":%s}\n",
		mtasks, p50, rig_verdict(mtasks >= 10 && p50 < 150));
	fflush(stdout);
	rig_stop(doca_sync_event_as_ctx(event));
	MUST(doca_sync_event_destroy(event));
}
