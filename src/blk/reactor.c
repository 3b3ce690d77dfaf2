/* SPDX-License-Identifier: BSD-3-Clause */
/* The reactor's loop; timers and buffers have files of their own. */
#include "blk/reactor_int.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/refuse.h"

LOG_MODULE("blk.reactor");

#define CQE_BATCH 64
#define RESTS 16 /* pauses between two looks at the clock, under a microsecond */
#define NUDGE_EVERY 4 /* a system call costs a tenth of what four I/Os cost the kernel */

static pthread_mutex_t index_lock = PTHREAD_MUTEX_INITIALIZER;
static struct reactor *by_index[REACTORS_MAX]; /* index_lock */
static _Thread_local struct reactor *current;

static int take_index(struct reactor *r)
{
	int err = -ENOSPC;

	pthread_mutex_lock(&index_lock);
	for (unsigned i = 0; i < REACTORS_MAX && err; i++) {
		if (by_index[i])
			continue;
		by_index[i] = r;
		r->index = i;
		err = 0;
	}
	pthread_mutex_unlock(&index_lock);
	return err ? refuse(ENOSPC, "reactor: %d reactors exist already, the limit", REACTORS_MAX) : 0;
}

static void drop_index(struct reactor *r)
{
	pthread_mutex_lock(&index_lock);
	by_index[r->index] = NULL;
	pthread_mutex_unlock(&index_lock);
}

static int ring_open(struct reactor *r, unsigned entries)
{
	/* Disabled until the owner's first iteration: whoever enables it becomes the single issuer. */
	struct io_uring_params p = {
		.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN |
			 IORING_SETUP_TASKRUN_FLAG | IORING_SETUP_R_DISABLED | IORING_SETUP_CQSIZE,
		.cq_entries = entries * 8,
	};
	int err = io_uring_queue_init_params(entries, &r->ring, &p);

	if (err == -EINVAL) { /* before Linux 6.1 */
		p = (struct io_uring_params){.flags = IORING_SETUP_R_DISABLED | IORING_SETUP_CQSIZE,
			.cq_entries = entries * 8};
		err = io_uring_queue_init_params(entries, &r->ring, &p);
	} else {
		r->defer_taskrun = true;
	}
	if (err)
		return refuse(-err, "reactor: io_uring is not to be had: %s (sysctl kernel.io_uring_disabled?)",
			strerror(-err));
	return 0;
}

int reactor_create(const struct reactor_options *options, struct reactor **out)
{
	struct reactor *r = calloc(1, sizeof(*r));
	int err = -ENOMEM;

	if (!r)
		return refuse(ENOMEM, "reactor: no memory");
	r->options = *options;
	r->event_fd = -1;
	r->tasks_tail = &r->tasks;
	snprintf(r->name, sizeof(r->name), "%s", options->name ? options->name : "reactor");
	r->options.name = r->name;
	r->now = options->virtual_time ? NS_PER_SEC : clock_now_ns();
	r->last_work = r->now;
	err = take_index(r);
	if (err)
		goto free_reactor;
	err = reactor_pool_open(r);
	if (err)
		goto drop;
	if (!options->virtual_time) {
		r->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		err = r->event_fd < 0 ? -errno
				      : ring_open(r, options->ring_entries ? options->ring_entries : 1024);
		if (err)
			goto close_pool;
		reactor_pool_register(r);
	}
	*out = r;
	return 0;
close_pool:
	if (r->event_fd >= 0)
		close(r->event_fd);
	reactor_pool_close(r);
drop:
	drop_index(r);
free_reactor:
	free(r);
	return err;
}

void reactor_destroy(struct reactor *r)
{
	if (!r)
		return;
	reactor_stop(r);
	if (!r->options.virtual_time) {
		io_uring_queue_exit(&r->ring);
		close(r->event_fd);
	}
	reactor_pool_close(r);
	drop_index(r);
	free(r->heap);
	free(r->watches);
	free(r);
}

unsigned reactor_index(const struct reactor *r)
{
	return r->index;
}

struct reactor *reactor_current(void)
{
	return current;
}

uint64_t reactor_now(const struct reactor *r)
{
	return r->now;
}

void reactor_advance(struct reactor *r, uint64_t ns)
{
	assert(r->options.virtual_time);
	r->now += ns;
}

struct io_uring *reactor_ring(struct reactor *r)
{
	return r->options.virtual_time ? NULL : &r->ring;
}

struct io_uring_sqe *reactor_sqe(struct reactor *r, struct reactor_op *op)
{
	struct io_uring_sqe *sqe;

	assert(!r->options.virtual_time);
	while (!(sqe = io_uring_get_sqe(&r->ring))) {
		r->stats.submits++;
		io_uring_submit(&r->ring);
	}
	r->unsubmitted = true;
	/* prepare functions do not touch user_data */
	sqe->user_data = (uint64_t)(uintptr_t)op;
	return sqe;
}

void reactor_nudge(struct reactor *r)
{
	if (r->nudges++ % NUDGE_EVERY)
		return;
	r->unsubmitted = false;
	r->stats.submits++;
	io_uring_submit(&r->ring);
}

/* --- messages --- */

void reactor_send(struct reactor *r, struct reactor_msg *msg)
{
	struct reactor_msg *head = __atomic_load_n(&r->inbox, __ATOMIC_RELAXED);

	do {
		msg->next = head;
	} while (!__atomic_compare_exchange_n(&r->inbox, &head, msg, true, __ATOMIC_SEQ_CST,
		__ATOMIC_RELAXED));
	if (__atomic_load_n(&r->sleeping, __ATOMIC_SEQ_CST) && r->event_fd >= 0) {
		uint64_t one = 1;
		ssize_t n = write(r->event_fd, &one, sizeof(one));

		(void)n; /* full means it is readable already */
	}
}

/* The inbox is a stack; turn it round so messages run in the order they were sent. */
static int run_messages(struct reactor *r)
{
	struct reactor_msg *stack, *fifo = NULL;
	int n = 0;

	if (!__atomic_load_n(&r->inbox, __ATOMIC_RELAXED))
		return 0;
	stack = __atomic_exchange_n(&r->inbox, NULL, __ATOMIC_ACQ_REL);
	while (stack) {
		struct reactor_msg *next = stack->next;

		stack->next = fifo;
		fifo = stack;
		stack = next;
	}
	while (fifo) {
		struct reactor_msg *msg = fifo;

		fifo = msg->next; /* run() may free it */
		msg->run(msg);
		n++;
	}
	r->stats.messages += n;
	return n;
}

struct call {
	struct reactor_msg msg;
	void (*fn)(void *);
	void *arg;
	pthread_mutex_t lock;
	pthread_cond_t done;
	bool finished;
};

static void call_run(struct reactor_msg *msg)
{
	struct call *c = container_of(msg, struct call, msg);

	c->fn(c->arg);
	pthread_mutex_lock(&c->lock);
	c->finished = true;
	pthread_cond_signal(&c->done);
	pthread_mutex_unlock(&c->lock);
}

void reactor_call(struct reactor *r, void (*fn)(void *arg), void *arg)
{
	struct call c = {.msg.run = call_run, .fn = fn, .arg = arg, .lock = PTHREAD_MUTEX_INITIALIZER,
		.done = PTHREAD_COND_INITIALIZER};

	if (current == r || !r->has_thread) {
		struct reactor *outer = current;

		current = r;
		fn(arg);
		current = outer;
		return;
	}
	reactor_send(r, &c.msg);
	pthread_mutex_lock(&c.lock);
	while (!c.finished)
		pthread_cond_wait(&c.done, &c.lock);
	pthread_mutex_unlock(&c.lock);
}

void reactor_help(struct reactor *r)
{
	assert(current != r);
	if (r->has_thread)
		usleep(1000);
	else
		reactor_run_once(r, NS_PER_MS);
}

/* --- the loop --- */

void reactor_task_queue(struct reactor *r, struct reactor_task *task)
{
	if (task->queued)
		return;
	task->queued = true;
	task->next = NULL;
	*r->tasks_tail = task;
	r->tasks_tail = &task->next;
}

static int run_tasks(struct reactor *r)
{
	int n = 0;

	while (r->tasks) {
		struct reactor_task *task = r->tasks;

		r->tasks = task->next;
		if (!r->tasks)
			r->tasks_tail = &r->tasks;
		task->queued = false;
		task->run(task);
		n++;
	}
	return n;
}

static void event_fired(struct reactor_op *op, int res, uint32_t flags)
{
	struct reactor *r = container_of(op, struct reactor, event_op);
	uint64_t count;
	ssize_t n = read(r->event_fd, &count, sizeof(count)); /* or the next poll fires at once, for ever */

	(void)n;
	r->event_armed = false;
}

/* The eventfd is read through the ring, so a message ends the one wait like any completion. */
static void event_arm(struct reactor *r)
{
	if (r->event_armed)
		return;
	r->event_op.done = event_fired;
	io_uring_prep_poll_add(reactor_sqe(r, &r->event_op), r->event_fd, POLLIN);
	r->event_armed = true;
}

static int run_completions(struct reactor *r)
{
	struct io_uring_cqe *cqes[CQE_BATCH];
	unsigned n = io_uring_peek_batch_cqe(&r->ring, cqes, CQE_BATCH);

	for (unsigned i = 0; i < n; i++) {
		struct reactor_op *op = (void *)(uintptr_t)cqes[i]->user_data;
		int res = cqes[i]->res;
		uint32_t flags = cqes[i]->flags;

		if (op)
			op->done(op, res, flags);
	}
	io_uring_cq_advance(&r->ring, n);
	r->stats.completions += n;
	return (int)n;
}

static bool kernel_has_work(const struct reactor *r)
{
	unsigned flags = __atomic_load_n(r->ring.sq.kflags, __ATOMIC_RELAXED);

	return flags & (IORING_SQ_TASKRUN | IORING_SQ_CQ_OVERFLOW);
}

/* Polling, not working: what shares the core with us gets most of it. Whatever comes ends it at once. */
static void rest(struct reactor *r)
{
	for (int i = 0; i < RESTS && !kernel_has_work(r) && !io_uring_cq_ready(&r->ring) &&
			!__atomic_load_n(&r->inbox, __ATOMIC_RELAXED); i++)
		__builtin_ia32_pause();
}

static void submit_busy(struct reactor *r)
{
	if (r->unsubmitted) {
		r->unsubmitted = false;
		r->stats.submits++;
		io_uring_submit_and_get_events(&r->ring);
	} else if (kernel_has_work(r)) {
		io_uring_get_events(&r->ring);
	} else {
		rest(r);
	}
}

static void submit_and_sleep(struct reactor *r, uint64_t max_wait)
{
	uint64_t next = reactor_timer_next(r), wait = max_wait;
	struct __kernel_timespec ts;
	struct io_uring_cqe *cqe;

	if (next != UINT64_MAX)
		wait = next <= r->now ? 0 : MIN_OF(wait, next - r->now);
	event_arm(r);
	__atomic_store_n(&r->sleeping, true, __ATOMIC_SEQ_CST);
	if (__atomic_load_n(&r->inbox, __ATOMIC_SEQ_CST))
		wait = 0;
	r->unsubmitted = false;
	r->stats.sleeps++;
	ts.tv_sec = (long long)(wait / NS_PER_SEC);
	ts.tv_nsec = (long long)(wait % NS_PER_SEC);
	io_uring_submit_and_wait_timeout(&r->ring, &cqe, 1, &ts, NULL);
	__atomic_store_n(&r->sleeping, false, __ATOMIC_SEQ_CST);
}

static void first_run(struct reactor *r)
{
	r->running = true;
	if (r->options.virtual_time)
		return;
	/* liburing 2.3 forgot to export io_uring_enable_rings() */
	syscall(__NR_io_uring_register, r->ring.ring_fd, IORING_REGISTER_ENABLE_RINGS, NULL, 0);
}

static int iterate(struct reactor *r)
{
	int n;

	r->nudges = 0;
	n = r->options.virtual_time ? reactor_watches_run(r) : run_completions(r);
	n += run_messages(r);
	n += reactor_timers_run(r);
	n += run_tasks(r);
	r->stats.iterations++;
	return n;
}

int reactor_run_once(struct reactor *r, uint64_t max_wait_ns)
{
	struct reactor *outer = current;
	uint64_t start;
	int n;

	current = r;
	if (unlikely(!r->running))
		first_run(r);
	if (r->options.virtual_time) {
		n = iterate(r);
		current = outer;
		return n;
	}
	start = r->now = clock_now_ns();
	n = iterate(r);
	if (n)
		r->last_work = r->now;
	if (n || r->now - r->last_work < r->options.spin_ns || !max_wait_ns)
		submit_busy(r);
	else
		submit_and_sleep(r, max_wait_ns);
	if (n)
		r->stats.busy_ns += clock_now_ns() - start;
	current = outer;
	return n;
}

static void *thread_main(void *arg)
{
	struct reactor *r = arg;

	pthread_setname_np(pthread_self(), r->name);
	if (r->options.cpu >= 0) {
		cpu_set_t set;

		CPU_ZERO(&set);
		CPU_SET(r->options.cpu, &set);
		if (pthread_setaffinity_np(pthread_self(), sizeof(set), &set))
			log_warn("%s: cannot be pinned to CPU %d", r->name, r->options.cpu);
	}
	while (!__atomic_load_n(&r->stopping, __ATOMIC_RELAXED))
		reactor_run_once(r, 10 * NS_PER_SEC);
	return NULL;
}

int reactor_start(struct reactor *r)
{
	int err;

	if (r->has_thread)
		return refuse(EBUSY, "reactor '%s' has a thread already", r->name);
	r->stopping = false;
	r->has_thread = true;
	err = pthread_create(&r->thread, NULL, thread_main, r);
	if (err) {
		r->has_thread = false;
		return refuse(err, "reactor '%s': no thread: %s", r->name, strerror(err));
	}
	return 0;
}

static void stop_run(struct reactor_msg *msg)
{
	struct reactor *r = container_of(msg, struct reactor, stop_msg);

	__atomic_store_n(&r->stopping, true, __ATOMIC_RELAXED);
}

void reactor_stop(struct reactor *r)
{
	if (!r->has_thread)
		return;
	r->stop_msg.run = stop_run;
	reactor_send(r, &r->stop_msg);
	pthread_join(r->thread, NULL);
	r->has_thread = false;
}

void reactor_stats(const struct reactor *r, struct reactor_stats *out)
{
	*out = r->stats;
	reactor_pool_stats(r, out);
}
