/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * reactor: one thread, one wait (DESIGN 5.13). Sockets, files, eventfds and timers of a core meet in
 * one io_uring; busy it is polled, quiet it is waited on, and it changes between the two by itself.
 * It lives in room blk because the file backend completes on it; room nvmf drives sockets on it.
 *
 * Model. An iteration (reactor_run_once) is: completions -> messages -> timers -> tasks -> submit.
 *   op     what an io_uring completion calls back; embedded in the caller's object
 *   msg    how another thread reaches this one; push is lock free, the run is on the owner thread
 *   timer  fires once at an absolute reactor time; arm again from inside fire() for a period
 *   task   "once more before this iteration submits": how a burst of responses becomes one sendmsg
 *   buffer data memory from fixed pools of this reactor, aligned to 4 KiB, registered with the ring
 *
 * Threads. The thread of the first reactor_run_once() (or the one reactor_start() makes) is the
 * owner. Everything but reactor_send(), reactor_stop() and reactor_stats() is called by the owner,
 * or by anybody before the first run. Nothing here takes a lock; owners talk by msg.
 *
 * Sleeping. After `spin_ns` without work the owner waits in the kernel until a completion, a message
 * or the next timer; spin_ns 0 never polls, REACTOR_ALWAYS_POLL never sleeps. Idle costs nothing.
 *
 * Memory. Pools are sized at creation and never grow: reactor_buf_get() returns NULL when the class
 * and all larger ones are empty, and the caller waits with reactor_buf_wait().
 *
 * Virtual reactors (.virtual_time) have no ring and no thread: tests step them and warp their clock.
 *
 *     static void hello(struct reactor_msg *m) { ... runs on r's thread ... }
 *     struct reactor *r;
 *     reactor_create(&(struct reactor_options){.cpu = -1, .spin_ns = 50000}, &r);
 *     reactor_start(r);
 *     msg.run = hello; reactor_send(r, &msg);
 *     reactor_stop(r); reactor_destroy(r);
 */
#ifndef BLK_REACTOR_H
#define BLK_REACTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct io_uring;
struct io_uring_sqe;
struct reactor;

#define REACTORS_MAX 64              /* reactors alive in a process; their index is below this */
#define REACTOR_ALWAYS_POLL UINT64_MAX
#define REACTOR_BUF_CLASSES 4
#define REACTOR_BUF_MAX (1u << 20) /* the largest buffer: one command's data is always contiguous */

struct reactor_options {
	int cpu;              /* pin the thread of reactor_start() here; -1 = anywhere */
	uint64_t spin_ns;     /* poll this long after the last work, then sleep */
	uint32_t ring_entries; /* 0 = 1024 */
	uint32_t buffers[REACTOR_BUF_CLASSES]; /* of 4 KiB, 16 KiB, 128 KiB, 1 MiB; all 0 = the default */
	bool virtual_time;    /* no ring, no sleeping, the clock moves by reactor_advance() only */
	const char *name;     /* thread name, "reactor" if NULL */
};

struct reactor_op {
	void (*done)(struct reactor_op *op, int res, uint32_t cqe_flags);
};

struct reactor_msg {
	void (*run)(struct reactor_msg *msg);
	struct reactor_msg *next; /* owned by the reactor from send to run */
};

struct reactor_task {
	void (*run)(struct reactor_task *task);
	struct reactor_task *next;
	bool queued;
};

struct reactor_timer {
	void (*fire)(struct reactor_timer *timer);
	uint64_t at;
	uint32_t slot; /* 1 + place in the heap; 0 = not armed */
};

/* A waiter for a buffer; the pool calls ready() once when one was given back. FIFO. */
struct reactor_buf_waiter {
	void (*ready)(struct reactor_buf_waiter *w);
	struct reactor_buf_waiter *next, *prev;
	bool waiting;
};

struct reactor_stats {
	uint64_t iterations, completions, messages, sleeps, submits;
	uint64_t busy_ns;      /* time outside the kernel's wait with work done */
	uint64_t buf_failures; /* reactor_buf_get() that returned NULL */
	uint32_t buf_total[REACTOR_BUF_CLASSES], buf_free[REACTOR_BUF_CLASSES];
	uint64_t buf_bytes; /* the arena: all the data memory this reactor will ever use */
};

/* 0, -ENOSYS/-EPERM when the kernel refuses io_uring, -ENOMEM, -ENOSPC beyond REACTORS_MAX. */
int reactor_create(const struct reactor_options *options, struct reactor **out);

/* Stops its thread if it has one. No op, timer or buffer may be outstanding. NULL is a no-op. */
void reactor_destroy(struct reactor *r);

/* A thread that runs it until reactor_stop(). -EBUSY if it has one. */
int reactor_start(struct reactor *r);

/* Any thread. Returns when the thread of reactor_start() has ended. */
void reactor_stop(struct reactor *r);

/* One iteration on the caller's thread; sleeps up to max_wait_ns when quiet longer than spin_ns.
 * Returns the number of things done (0 = quiet). */
int reactor_run_once(struct reactor *r, uint64_t max_wait_ns);

/* Small and unique while it lives: an index for per-reactor arrays. */
unsigned reactor_index(const struct reactor *r);

/* The reactor whose iteration this thread is in, NULL outside. */
struct reactor *reactor_current(void);

/* Nanoseconds at the start of this iteration. */
uint64_t reactor_now(const struct reactor *r);

/* Virtual reactors only: move the clock; timers fire in the next run. */
void reactor_advance(struct reactor *r, uint64_t ns);

/* A submission entry bound to op; prepare it with liburing, it leaves with this iteration. Never
 * NULL: a full queue is submitted on the spot. op may be NULL for "I do not care". */
struct io_uring_sqe *reactor_sqe(struct reactor *r, struct reactor_op *op);

/* op is done once when fd can be read, or with -ECANCELED after reactor_unwatch(). Virtual reactors do it too. */
void reactor_watch(struct reactor *r, struct reactor_op *op, int fd);
void reactor_unwatch(struct reactor *r, struct reactor_op *op);

/* What was prepared may go to the kernel now: called after each disk I/O, it submits the first of an
 * iteration and then every fourth, so that a device begins while the rest of a burst is still parsed. */
void reactor_nudge(struct reactor *r);

/* The ring, for registrations of the owner thread (provided buffers, files). NULL when virtual. */
struct io_uring *reactor_ring(struct reactor *r);

/* Any thread. The msg belongs to the reactor until it has run. */
void reactor_send(struct reactor *r, struct reactor_msg *msg);

/* Run on r and return when it has; runs directly when called by the owner, and steps r when it has
 * no thread of its own (caller's loop). Never from inside another reactor's iteration. */
void reactor_call(struct reactor *r, void (*fn)(void *arg), void *arg);

/* For somebody who waits for r to get something done: one iteration here when r has no thread of its
 * own, else a pause of a millisecond. Never from r's own iteration. */
void reactor_help(struct reactor *r);

void reactor_task_queue(struct reactor *r, struct reactor_task *task);
void reactor_timer_arm(struct reactor *r, struct reactor_timer *timer, uint64_t at_ns);
void reactor_timer_cancel(struct reactor *r, struct reactor_timer *timer);

/* A buffer of at least len bytes (0 < len <= REACTOR_BUF_MAX), 4 KiB aligned, or NULL. Not zeroed. */
void *reactor_buf_get(struct reactor *r, size_t len);
void reactor_buf_put(struct reactor *r, void *buf);
/* How much the buffer really holds: the size of its class. */
size_t reactor_buf_size(const struct reactor *r, const void *buf);
void reactor_buf_wait(struct reactor *r, struct reactor_buf_waiter *w);
void reactor_buf_wait_cancel(struct reactor *r, struct reactor_buf_waiter *w);
/* Index of the registered buffer that holds [p, p + len), or -1. */
int reactor_buf_registered(const struct reactor *r, const void *p, size_t len);

/* All buffers lie in here: what a transport registers with its device. */
void reactor_buf_arena(const struct reactor *r, void **start, size_t *bytes);

void reactor_stats(const struct reactor *r, struct reactor_stats *out);

#endif
