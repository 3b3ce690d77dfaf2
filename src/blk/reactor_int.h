/* SPDX-License-Identifier: BSD-3-Clause */
/* reactor insides, shared by reactor.c, timer.c, watch.c and buffer.c. */
#ifndef BLK_REACTOR_INT_H
#define BLK_REACTOR_INT_H

#include <assert.h>
#include <liburing.h>
#include <pthread.h>
#include <stdio.h>

#include "base/base.h"
#include "blk/reactor.h"

/* Free buffers of one size, a LIFO of indices so the warmest goes out first. */
struct buffer_class {
	uint8_t *base;
	uint32_t count, free;
	uint32_t *stack;
};

struct watch { /* of a virtual reactor */
	struct reactor_op *op; /* NULL: free */
	int fd;
	bool cancelled;
};

struct reactor {
	struct reactor_options options;
	char name[16];
	unsigned index;

	/* owner thread */
	struct io_uring ring;
	uint64_t now, last_work;
	bool unsubmitted, running, defer_taskrun, event_armed;
	unsigned nudges; /* of this iteration */
	struct reactor_op event_op;
	struct reactor_task *tasks, **tasks_tail;
	struct reactor_timer **heap;
	uint32_t heap_len, heap_cap;
	struct reactor_stats stats;
	struct watch *watches;
	uint32_t watch_cap;

	/* buffers */
	uint8_t *arena;
	size_t arena_bytes;
	struct buffer_class classes[REACTOR_BUF_CLASSES];
	struct reactor_buf_waiter *wait_head, *wait_tail;
	struct reactor_task wait_task;
	bool registered;

	/* any thread */
	struct reactor_msg *inbox __attribute__((aligned(64)));
	bool sleeping;
	int event_fd;

	/* control thread */
	pthread_t thread;
	bool has_thread, stopping;
	struct reactor_msg stop_msg;
};

int reactor_pool_open(struct reactor *r);
void reactor_pool_register(struct reactor *r);
void reactor_pool_close(struct reactor *r);
void reactor_pool_stats(const struct reactor *r, struct reactor_stats *out);

/* Earliest timer, UINT64_MAX when none. */
uint64_t reactor_timer_next(const struct reactor *r);
/* Of a virtual reactor: what can be read or was cancelled; returns how many. */
int reactor_watches_run(struct reactor *r);
/* Fire what is due at r->now; returns how many. */
int reactor_timers_run(struct reactor *r);

#endif
