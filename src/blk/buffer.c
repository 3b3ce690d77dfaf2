/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Data buffers of a reactor: four classes carved from one arena, which is registered with the ring so
 * that file I/O needs no page pinning per command. A buffer's class follows from its address.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/log.h"
#include "base/refuse.h"
#include "blk/reactor_int.h"

LOG_MODULE("blk.buffer");

static const uint32_t class_bytes[REACTOR_BUF_CLASSES] = {4096, 16384, 131072, REACTOR_BUF_MAX};
static const uint32_t class_default[REACTOR_BUF_CLASSES] = {4096, 256, 128, 8};

static void waiters_run(struct reactor_task *task);

static int carve(struct reactor *r, int c, uint8_t *base)
{
	struct buffer_class *k = &r->classes[c];

	k->base = base;
	k->free = k->count;
	k->stack = calloc(k->count ? k->count : 1, sizeof(*k->stack));
	if (!k->stack)
		return -ENOMEM;
	for (uint32_t i = 0; i < k->count; i++)
		k->stack[i] = k->count - 1 - i;
	return 0;
}

int reactor_pool_open(struct reactor *r)
{
	const uint32_t *counts = class_default;
	uint8_t *base;

	for (int c = 0; c < REACTOR_BUF_CLASSES; c++)
		if (r->options.buffers[c])
			counts = r->options.buffers;
	for (int c = 0; c < REACTOR_BUF_CLASSES; c++) {
		r->classes[c].count = counts[c];
		r->arena_bytes += (size_t)counts[c] * class_bytes[c];
	}
	r->arena = mmap(NULL, r->arena_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (r->arena == MAP_FAILED)
		return refuse(ENOMEM, "reactor: no memory for %zu bytes of data buffers", r->arena_bytes);
	madvise(r->arena, r->arena_bytes, MADV_HUGEPAGE); /* before it is touched; fewer TLB misses per copy */
	base = r->arena;
	for (int c = 0; c < REACTOR_BUF_CLASSES; c++) {
		if (carve(r, c, base)) {
			reactor_pool_close(r);
			return refuse(ENOMEM, "reactor: no memory for the buffer lists");
		}
		base += (size_t)r->classes[c].count * class_bytes[c];
	}
	r->wait_task.run = waiters_run;
	return 0;
}

void reactor_pool_register(struct reactor *r)
{
	struct iovec iov = {.iov_base = r->arena, .iov_len = r->arena_bytes};
	int err = io_uring_register_buffers(&r->ring, &iov, 1);

	r->registered = !err;
	if (err) /* RLIMIT_MEMLOCK of an unprivileged user; file I/O then pins per command */
		log_debug("%s: buffers are not registered: %s", r->name, strerror(-err));
}

void reactor_pool_close(struct reactor *r)
{
	for (int c = 0; c < REACTOR_BUF_CLASSES; c++) {
		free(r->classes[c].stack);
		r->classes[c].stack = NULL;
	}
	if (r->arena)
		munmap(r->arena, r->arena_bytes);
	r->arena = NULL;
}

void reactor_pool_stats(const struct reactor *r, struct reactor_stats *out)
{
	for (int c = 0; c < REACTOR_BUF_CLASSES; c++) {
		out->buf_total[c] = r->classes[c].count;
		out->buf_free[c] = r->classes[c].free;
	}
	out->buf_bytes = r->arena_bytes;
}

void *reactor_buf_get(struct reactor *r, size_t len)
{
	assert(len && len <= REACTOR_BUF_MAX);
	for (int c = 0; c < REACTOR_BUF_CLASSES; c++) {
		struct buffer_class *k = &r->classes[c];

		if (class_bytes[c] >= len && k->free)
			return k->base + (size_t)k->stack[--k->free] * class_bytes[c];
	}
	r->stats.buf_failures++;
	return NULL;
}

static int class_of(const struct reactor *r, const void *buf)
{
	const uint8_t *p = buf;
	int c = REACTOR_BUF_CLASSES - 1;

	assert(p >= r->arena && p < r->arena + r->arena_bytes);
	while (p < r->classes[c].base)
		c--;
	return c;
}

size_t reactor_buf_size(const struct reactor *r, const void *buf)
{
	return class_bytes[class_of(r, buf)];
}

void reactor_buf_put(struct reactor *r, void *buf)
{
	int c = class_of(r, buf);
	struct buffer_class *k = &r->classes[c];
	size_t offset = (size_t)((uint8_t *)buf - k->base);

	assert(offset % class_bytes[c] == 0 && k->free < k->count);
	k->stack[k->free++] = (uint32_t)(offset / class_bytes[c]);
	if (unlikely(r->wait_head != NULL))
		reactor_task_queue(r, &r->wait_task);
}

void reactor_buf_wait(struct reactor *r, struct reactor_buf_waiter *w)
{
	if (w->waiting)
		return;
	w->waiting = true;
	w->next = NULL;
	w->prev = r->wait_tail;
	if (r->wait_tail)
		r->wait_tail->next = w;
	else
		r->wait_head = w;
	r->wait_tail = w;
}

void reactor_buf_wait_cancel(struct reactor *r, struct reactor_buf_waiter *w)
{
	if (!w->waiting)
		return;
	w->waiting = false;
	if (w->prev)
		w->prev->next = w->next;
	else
		r->wait_head = w->next;
	if (w->next)
		w->next->prev = w->prev;
	else
		r->wait_tail = w->prev;
}

/* Everybody who waits gets one try, oldest first; who is still unlucky waits again at the end of the
 * new line, in the same order. */
static void waiters_run(struct reactor_task *task)
{
	struct reactor *r = container_of(task, struct reactor, wait_task);
	struct reactor_buf_waiter *w;
	unsigned tries = 0;

	for (w = r->wait_head; w; w = w->next)
		tries++;
	while (tries-- && (w = r->wait_head)) {
		reactor_buf_wait_cancel(r, w);
		w->ready(w);
	}
}

int reactor_buf_registered(const struct reactor *r, const void *p, size_t len)
{
	const uint8_t *b = p;

	return r->registered && b >= r->arena && b + len <= r->arena + r->arena_bytes ? 0 : -1;
}

void reactor_buf_arena(const struct reactor *r, void **start, size_t *bytes)
{
	*start = r->arena;
	*bytes = r->arena_bytes;
}
