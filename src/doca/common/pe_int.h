/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Insides of progress engine, contexts and workers.
 *
 *   pe.c        its contexts; sleeping and waking
 *   ctx.c       states, stopping
 *   task.c      pools of tasks, submission
 *   progress.c  one step: which context, which task, its work, its callback
 *   workers.c   threads that run tasks of one context
 */
#ifndef DOCA_COMMON_PE_INT_H
#define DOCA_COMMON_PE_INT_H

#include "doca/common/common.h"

struct doca_pe {
	struct list ctxs;
	struct list *cursor; /* link of the context to look at next, or the list's head */
	unsigned n_ctxs;
	int event_fd, epoll_fd;
	uint32_t armed;        /* somebody sleeps, or will; written by any thread */
	uint64_t asleep_since; /* clock_now_ns() of the last request */
	bool brisk;            /* the last sleep was short */
	unsigned no_spin;      /* requests left that sleep at once, because spinning was in vain */
	unsigned doubt; /* how many those were at first; 0: the last spinning was not in vain */
};

static inline void task_give_back(struct doca_task *task)
{
	task->state = DCORE_TASK_FREE;
	task->next = task->type->free;
	task->type->free = task;
}

/* The step of a context that stops. True: a callback ran, the context may be gone. */
bool ctx_step_stopping(struct doca_ctx *ctx);
/* Something to do right now? For a program that is about to sleep. */
bool ctx_has_work(struct doca_ctx *ctx);
/* Take the first finished task and call its callback. */
bool task_deliver(struct doca_ctx *ctx);
/* Perform tasks of one type; each gets its status. Any thread. */
void task_run(struct doca_task **tasks, unsigned n);
/* type->convert for lists, and for memory that is not where its addresses say. */
doca_error_t task_convert_lists(struct doca_task *task);
/* All that is submitted and not run comes back as flushed. */
void task_flush(struct doca_ctx *ctx);

int workers_start(struct doca_ctx *ctx);
void workers_stop(struct doca_ctx *ctx);
void workers_push(struct dcore_workers *w, struct doca_task *task);
/* Finished tasks to ctx->done, unstarted ones too when `flush`. True if there are any. */
bool workers_reap(struct doca_ctx *ctx, bool flush);
bool workers_have_results(const struct dcore_workers *w);
unsigned workers_default(void);

#define TASKS_MAX (1u << 20) /* of one type; a slab of this many is a gigabyte at most */
#define BATCH_MAX 64         /* tasks one run() gets */

#endif
