/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Worker threads of one context. Tasks go out through a locked queue and come back through a
 * lock-free stack; the thread of the progress engine is the only one that takes from the stack.
 */
#include <doca_softdpu.h>

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "doca/common/pe_int.h"

/* Tasks a worker takes and gives back at once, if there are more than enough: each time may wake the program,
 * and with 64 KiB of AES-GCM (8 us) single wakes cost two workers a quarter of their speed. */
#define WORKER_BURST 8u

struct dcore_workers {
	struct doca_ctx *ctx;
	pthread_mutex_t lock; /* guards queue, queued, sleeping, quit, shared and its counts */
	pthread_cond_t cond;
	struct dcore_fifo queue;
	unsigned queued, sleeping;
	bool quit;
	struct doca_task *shared; /* taken from the queue, done in pieces by several */
	unsigned pieces, given, unfinished;
	struct doca_task *results; /* newest first; any worker pushes */
	unsigned n;
	pthread_t threads[];
};

unsigned workers_default(void)
{
	const char *text = getenv("SOFTDPU_WORKERS");
	unsigned long n = text ? strtoul(text, NULL, 10) : 0;

	return (unsigned)MIN_OF(n, DOCA_SOFTDPU_WORKERS_MAX);
}

static bool has_piece(const struct dcore_workers *w)
{
	return w->shared && w->given < w->pieces;
}

/* The first task may be one that several shall do. One at a time: the next waits in the queue or is one's alone. */
static void share_first(struct dcore_workers *w)
{
	struct doca_task *task = w->queue.head;
	unsigned n = !w->shared && task && task->type->pieces ? task->type->pieces(task) : 1;

	if (n < 2)
		return;
	w->shared = dcore_fifo_pop(&w->queue);
	w->queued--;
	w->pieces = w->unfinished = n;
	w->given = 0;
	pthread_cond_broadcast(&w->cond);
}

/* A piece of the shared task (*of pieces; burst[0] is it), or a fair share of the queue, so that the last burst
 * does not leave the others idle. Waits; 0 = quit. */
static unsigned take(
	struct dcore_workers *w, struct doca_task **burst, unsigned *index, unsigned *of)
{
	unsigned n = 0, max;

	pthread_mutex_lock(&w->lock);
	while (!w->queue.head && !has_piece(w) && !w->quit) {
		w->sleeping++;
		pthread_cond_wait(&w->cond, &w->lock);
		w->sleeping--;
	}
	share_first(w);
	*of = 1;
	if (has_piece(w)) {
		*index = w->given++;
		*of = w->pieces;
		burst[0] = w->shared;
		pthread_mutex_unlock(&w->lock);
		return 1;
	}
	max = w->queue.head ? MIN_OF(MAX_OF(w->queue.head->type->batch, WORKER_BURST), BATCH_MAX)
			    : 0;
	max = MIN_OF(max, MAX_OF(w->queued / w->n, 1u));
	while (n < max && w->queue.head && (!n || w->queue.head->type == burst[0]->type))
		burst[n++] = dcore_fifo_pop(&w->queue);
	w->queued -= n;
	pthread_mutex_unlock(&w->lock);
	return n;
}

/* True: that was the last piece. */
static bool do_piece(struct dcore_workers *w, struct doca_task *task, unsigned index, unsigned of)
{
	bool last;

	task->type->piece(task, index, of);
	pthread_mutex_lock(&w->lock);
	last = --w->unfinished == 0;
	if (last)
		w->shared = NULL;
	pthread_mutex_unlock(&w->lock);
	if (last)
		task->type->joined(task);
	return last;
}

static void give_back(struct dcore_workers *w, struct doca_task **burst, unsigned n)
{
	struct doca_task *top = __atomic_load_n(&w->results, __ATOMIC_RELAXED);

	for (unsigned i = 1; i < n; i++)
		burst[i]->next = burst[i - 1];
	do
		burst[0]->next = top;
	while (!__atomic_compare_exchange_n(
		&w->results, &top, burst[n - 1], false, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED));
	dcore_pe_wake(w->ctx->pe);
}

static bool nth_of(const cpu_set_t *set, unsigned n, cpu_set_t *one)
{
	CPU_ZERO(one);
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET(cpu, set) && n-- == 0) {
			CPU_SET(cpu, one);
			return true;
		}
	return false;
}

/* Each worker begins on another of the processors it may use, and stays free to be moved. Left to itself the scheduler
 * starts them beside the thread that makes them; where others compute too, it takes seconds to part them again: two
 * workers were then as fast as one. */
static void begin_apart(void)
{
	static unsigned started;
	unsigned nth = __atomic_fetch_add(&started, 1, __ATOMIC_RELAXED);
	cpu_set_t mine, one;

	if (sched_getaffinity(0, sizeof(mine), &mine) == 0 &&
		nth_of(&mine, nth % (unsigned)CPU_COUNT(&mine), &one) &&
		sched_setaffinity(0, sizeof(one), &one) == 0)
		sched_setaffinity(0, sizeof(mine), &mine);
}

static void *work(void *arg)
{
	struct doca_task *burst[BATCH_MAX];
	struct dcore_workers *w = arg;
	unsigned n, index, of;

	begin_apart();
	while ((n = take(w, burst, &index, &of))) {
		if (of == 1)
			task_run(burst, n);
		else if (!do_piece(w, burst[0], index, of))
			continue;
		give_back(w, burst, n);
	}
	return NULL;
}

int workers_start(struct doca_ctx *ctx)
{
	struct dcore_workers *w = calloc(1, sizeof(*w) + ctx->n_workers * sizeof(w->threads[0]));

	if (!w)
		return refuse(ENOMEM, "no memory for %u workers", ctx->n_workers);
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->cond, NULL);
	dcore_fifo_init(&w->queue);
	w->ctx = ctx;
	ctx->workers = w;
	pthread_mutex_lock(&w->lock);
	for (; w->n < ctx->n_workers; w->n++) {
		int err = pthread_create(&w->threads[w->n], NULL, work, w);

		if (err) {
			pthread_mutex_unlock(&w->lock);
			workers_stop(ctx);
			return refuse(err, "worker thread %u: %s", w->n, strerror(err));
		}
	}
	pthread_mutex_unlock(&w->lock);
	return 0;
}

void workers_stop(struct doca_ctx *ctx)
{
	struct dcore_workers *w = ctx->workers;

	if (!w)
		return;
	pthread_mutex_lock(&w->lock);
	w->quit = true;
	pthread_cond_broadcast(&w->cond);
	pthread_mutex_unlock(&w->lock);
	for (unsigned i = 0; i < w->n; i++)
		pthread_join(w->threads[i], NULL);
	pthread_mutex_destroy(&w->lock);
	pthread_cond_destroy(&w->cond);
	free(w);
	ctx->workers = NULL;
}

void workers_push(struct dcore_workers *w, struct doca_task *task)
{
	pthread_mutex_lock(&w->lock);
	dcore_fifo_push(&w->queue, task);
	w->queued++;
	if (w->sleeping)
		pthread_cond_signal(&w->cond);
	pthread_mutex_unlock(&w->lock);
}

bool workers_have_results(const struct dcore_workers *w)
{
	return __atomic_load_n(&w->results, __ATOMIC_SEQ_CST);
}

static void drop_queue(struct doca_ctx *ctx)
{
	struct dcore_workers *w = ctx->workers;
	struct doca_task *task;

	pthread_mutex_lock(&w->lock);
	while ((task = dcore_fifo_pop(&w->queue))) {
		task->status = DOCA_ERROR_SHUTDOWN;
		dcore_fifo_push(&ctx->done, task);
	}
	w->queued = 0;
	pthread_mutex_unlock(&w->lock);
}

bool workers_reap(struct doca_ctx *ctx, bool flush)
{
	struct doca_task *in_order = NULL, *next;
	struct doca_task *task =
		workers_have_results(ctx->workers)
			? __atomic_exchange_n(&ctx->workers->results, NULL, __ATOMIC_ACQUIRE)
			: NULL;

	for (; task; task = next) {
		next = task->next;
		task->next = in_order;
		in_order = task;
	}
	for (; in_order; in_order = next) {
		next = in_order->next;
		dcore_fifo_push(&ctx->done, in_order);
	}
	if (flush)
		drop_queue(ctx);
	return ctx->done.head;
}
