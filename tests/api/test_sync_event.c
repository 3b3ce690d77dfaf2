/* SPDX-License-Identifier: BSD-3-Clause */
/* Sync events: direct calls, tasks, and a peer process. */
#include "fixture.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <doca_sync_event.h>

static volatile unsigned done, failed;

#define CB(type, name, counter)                                                                 \
	static void name(                                                                       \
		struct doca_sync_event_task_##type *task, union doca_data u, union doca_data c) \
	{                                                                                       \
		counter++;                                                                      \
		doca_task_free(doca_sync_event_task_##type##_as_doca_task(task));               \
	}
CB(wait_eq, on_wait, done)
CB(wait_eq, on_wait_error, failed)
CB(notify_add, on_add, done)
CB(notify_add, on_add_error, failed)

static struct doca_sync_event *make(struct doca_dev *dev)
{
	struct doca_sync_event *se;

	OK(doca_sync_event_create(&se));
	FAILS(DOCA_ERROR_BAD_STATE, doca_sync_event_start(se));
	OK(doca_sync_event_add_publisher_location_cpu(se, dev));
	OK(doca_sync_event_add_subscriber_location_cpu(se, dev));
	return se;
}

static void values_are_set_and_added(void **state)
{
	struct fix *f = *state;
	struct doca_sync_event *se = make(f->dev);
	uint64_t value;

	FAILS(DOCA_ERROR_BAD_STATE, doca_sync_event_update_set(se, 1));
	OK(doca_sync_event_start(se));
	OK(doca_sync_event_get(se, &value));
	assert_int_equal(value, 0);
	OK(doca_sync_event_update_set(se, 40));
	OK(doca_sync_event_update_add(se, 2, &value));
	assert_int_equal(value, 40);
	OK(doca_sync_event_wait_eq(se, 42, UINT64_MAX));
	OK(doca_sync_event_wait_eq(se, 2, 0xf & 2));
	OK(doca_sync_event_wait_gt(se, 41, UINT64_MAX));
	OK(doca_sync_event_wait_neq_yield(se, 41, UINT64_MAX));
	OK(doca_sync_event_stop(se));
	OK(doca_sync_event_destroy(se));
}

static void *set_later(void *arg)
{
	usleep(30000);
	doca_sync_event_update_set(arg, 7);
	return NULL;
}

static void a_waiter_wakes(void **state)
{
	struct fix *f = *state;
	struct doca_sync_event *se = make(f->dev);
	pthread_t thread;

	OK(doca_sync_event_start(se));
	pthread_create(&thread, NULL, set_later, se);
	OK(doca_sync_event_wait_eq(se, 7, UINT64_MAX));
	pthread_join(thread, NULL);
	OK(doca_sync_event_destroy(se));
}

static struct doca_ctx *start_ctx(struct fix *f, struct doca_sync_event *se)
{
	struct doca_ctx *ctx = doca_sync_event_as_ctx(se);

	done = failed = 0;
	OK(doca_sync_event_task_wait_eq_set_conf(se, on_wait, on_wait_error, 8));
	OK(doca_sync_event_task_notify_add_set_conf(se, on_add, on_add_error, 8));
	OK(doca_pe_connect_ctx(f->pe, ctx));
	OK(doca_ctx_start(ctx));
	return ctx;
}

static void submit_wait(struct doca_sync_event *se, uint64_t value)
{
	struct doca_sync_event_task_wait_eq *task;
	union doca_data none = {0};

	OK(doca_sync_event_task_wait_eq_alloc_init(se, value, UINT64_MAX, none, &task));
	OK(doca_task_submit(doca_sync_event_task_wait_eq_as_doca_task(task)));
}

static void tasks_wait_and_notify(void **state)
{
	struct fix *f = *state;
	struct doca_sync_event *se = make(f->dev);
	struct doca_ctx *ctx = start_ctx(f, se);
	struct doca_sync_event_task_notify_add *add;
	union doca_data none = {0};
	uint64_t before = 99;

	submit_wait(se, 5);
	submit_wait(se, 6);
	for (int i = 0; i < 100; i++)
		assert_int_equal(doca_pe_progress(f->pe), 0);
	OK(doca_sync_event_task_notify_add_alloc_init(se, 5, &before, none, &add));
	OK(doca_task_submit(doca_sync_event_task_notify_add_as_doca_task(add)));
	fix_until(f->pe, &done, 2);
	assert_int_equal(before, 0);
	FAILS(DOCA_ERROR_IN_PROGRESS, doca_ctx_stop(ctx)); /* one wait is left */
	fix_until(f->pe, &failed, 1);
	while (doca_pe_progress(f->pe))
		;
	OK(doca_sync_event_destroy(se));
}

static void sleeping_engines_hear_updates(void **state)
{
	struct fix *f = *state;
	struct doca_sync_event *se = make(f->dev);
	struct doca_ctx *ctx = start_ctx(f, se);
	doca_event_handle_t handle;
	pthread_t thread;

	submit_wait(se, 7);
	assert_int_equal(doca_pe_progress(f->pe), 0);
	OK(doca_pe_get_notification_handle(f->pe, &handle));
	pthread_create(&thread, NULL, set_later, se);
	while (!done) {
		struct pollfd p = {.fd = handle, .events = POLLIN};

		OK(doca_pe_request_notification(f->pe));
		assert_int_equal(poll(&p, 1, 5000), 1);
		OK(doca_pe_clear_notification(f->pe, 0));
		while (doca_pe_progress(f->pe))
			;
	}
	pthread_join(thread, NULL);
	OK(doca_ctx_stop(ctx));
	OK(doca_sync_event_destroy(se));
}

/* The child imports, waits for 1, answers with 2, then waits for a 3 that never comes. */
static void child(int in)
{
	struct doca_sync_event *se;
	uint8_t desc[256];
	ssize_t n = read(in, desc, sizeof(desc));
	struct doca_dev *dev = fix_open("b1:00.0");

	OK(doca_sync_event_create_from_export(dev, desc, (size_t)n, &se));
	OK(doca_sync_event_start(se));
	OK(doca_sync_event_wait_eq(se, 1, UINT64_MAX));
	OK(doca_sync_event_update_add(se, 1, NULL));
	_exit(doca_sync_event_wait_eq(se, 3, UINT64_MAX) == DOCA_ERROR_CONNECTION_ABORTED ? 0 : 1);
}

static void a_peer_waits_and_answers(void **state)
{
	struct fix *f = *state;
	struct doca_sync_event *se;
	const uint8_t *desc;
	int pipes[2], status;
	size_t len;
	pid_t pid;

	assert_int_equal(pipe(pipes), 0);
	pid = fork();
	if (!pid)
		child(pipes[0]);
	OK(doca_sync_event_create(&se));
	OK(doca_sync_event_add_publisher_location_cpu(se, f->dev));
	OK(doca_sync_event_add_publisher_location_remote_pci(se));
	OK(doca_sync_event_add_subscriber_location_cpu(se, f->dev));
	FAILS(DOCA_ERROR_BAD_STATE, doca_sync_event_export_to_remote_pci(se, f->dev, &desc, &len));
	OK(doca_sync_event_start(se));
	OK(doca_sync_event_export_to_remote_pci(se, f->dev, &desc, &len));
	assert_int_equal(write(pipes[1], desc, len), (int)len);
	usleep(20000);
	OK(doca_sync_event_update_set(se, 1));
	OK(doca_sync_event_wait_eq(se, 2, UINT64_MAX));
	OK(doca_sync_event_stop(se)); /* revoked: the child's wait ends */
	waitpid(pid, &status, 0);
	assert_int_equal(status, 0);
	OK(doca_sync_event_destroy(se));
	close(pipes[0]);
	close(pipes[1]);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		fix_test(values_are_set_and_added),
		fix_test(a_waiter_wakes),
		fix_test(tasks_wait_and_notify),
		fix_test(sleeping_engines_hear_updates),
		fix_test(a_peer_waits_and_answers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
