/* SPDX-License-Identifier: BSD-3-Clause */
/* What the tests of the accelerators share: places in the fixture's memory, data, callbacks that count. */
#ifndef TESTS_API_ACCEL_H
#define TESTS_API_ACCEL_H

#include "fixture.h"

#define SRC 0
#define DST (1u << 20)
#define BACK (2u << 20)
#define ROOM (1u << 20)

static volatile unsigned done, failed;
static doca_error_t last;
static uint64_t seed = 88172645463325252ull;

static inline uint64_t rnd(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	return seed ^= seed << 17;
}

static inline void fill_random(uint8_t *p, size_t len)
{
	for (size_t i = 0; i < len; i++)
		p[i] = (uint8_t)rnd();
}

/* Text that compresses: words of a small vocabulary. */
static inline void fill_text(uint8_t *p, size_t len)
{
	for (size_t i = 0; i < len; i++)
		p[i] = (uint8_t) "the quick brown fox jumps over a lazy dog. "[(i * 7 + rnd() % 3) %
									       43];
}

static inline void on_done(void *task, union doca_data user, union doca_data ctx)
{
	done++;
}

static inline void on_error(void *task, union doca_data user, union doca_data ctx)
{
	failed++;
	last = doca_task_get_status(task);
}

#define CB(type) ((void (*)(struct type *, union doca_data, union doca_data))(void *)on_done)
#define ECB(type) ((void (*)(struct type *, union doca_data, union doca_data))(void *)on_error)

static inline void start(struct fix *f, struct doca_ctx *ctx)
{
	done = failed = 0;
	OK(doca_pe_connect_ctx(f->pe, ctx));
	OK(doca_ctx_start(ctx));
}

/* Submit, wait, free. The result of the task. */
static inline doca_error_t run(struct fix *f, struct doca_task *task)
{
	unsigned before = done + failed;
	doca_error_t result;

	OK(doca_task_submit(task));
	while (done + failed == before)
		doca_pe_progress(f->pe);
	result = doca_task_get_status(task);
	doca_task_free(task);
	return result;
}

static inline void hex(const uint8_t *p, size_t n, char *text)
{
	for (size_t i = 0; i < n; i++)
		sprintf(text + 2 * i, "%02x", p[i]);
}

#endif
