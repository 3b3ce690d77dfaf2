/* SPDX-License-Identifier: BSD-3-Clause */
/* A DMA context whose callbacks note what happened. */
#ifndef TESTS_API_DMA_H
#define TESTS_API_DMA_H

#include "fixture.h"

#include <doca_dma.h>
#include <doca_softdpu.h>

struct dma {
	struct fix *f;
	struct doca_dma *dma;
	struct doca_ctx *ctx;
	volatile unsigned done, failed;
	doca_error_t last;
	uint64_t order[256];
	unsigned transitions[4][4];
};

static inline void on_done(
	struct doca_dma_task_memcpy *task, union doca_data user, union doca_data ctx_user)
{
	struct dma *d = ctx_user.ptr;

	if (d->done < 256)
		d->order[d->done] = user.u64;
	d->done++;
	doca_task_free(doca_dma_task_memcpy_as_task(task));
}

static inline void on_error(
	struct doca_dma_task_memcpy *task, union doca_data user, union doca_data ctx_user)
{
	struct dma *d = ctx_user.ptr;

	d->failed++;
	if (d->last == DOCA_SUCCESS)
		d->last = doca_task_get_status(doca_dma_task_memcpy_as_task(task));
	doca_task_free(doca_dma_task_memcpy_as_task(task));
}

static inline void on_state(const union doca_data user, struct doca_ctx *ctx,
	enum doca_ctx_states from, enum doca_ctx_states to)
{
	((struct dma *)user.ptr)->transitions[from][to]++;
}

static inline void create(struct dma *d, struct fix *f, unsigned workers)
{
	union doca_data user = {.ptr = d};

	memset(d, 0, sizeof(*d));
	d->f = f;
	OK(doca_dma_create(f->dev, &d->dma));
	d->ctx = doca_dma_as_ctx(d->dma);
	OK(doca_dma_task_memcpy_set_conf(d->dma, on_done, on_error, 256));
	OK(doca_ctx_set_user_data(d->ctx, user));
	OK(doca_ctx_set_state_changed_cb(d->ctx, on_state));
	OK(doca_softdpu_ctx_set_workers(d->ctx, workers));
	FAILS(DOCA_ERROR_BAD_STATE, doca_ctx_start(d->ctx)); /* no progress engine */
	OK(doca_pe_connect_ctx(f->pe, d->ctx));
	OK(doca_ctx_start(d->ctx));
}

static inline void destroy(struct dma *d)
{
	enum doca_ctx_states state;
	doca_error_t result = doca_ctx_stop(d->ctx);

	while (result == DOCA_ERROR_IN_PROGRESS) {
		doca_pe_progress(d->f->pe);
		OK(doca_ctx_get_state(d->ctx, &state));
		if (state == DOCA_CTX_STATE_IDLE)
			break;
	}
	OK(doca_dma_destroy(d->dma));
}

static inline void submit(struct dma *d, struct doca_buf *src, struct doca_buf *dst, uint64_t id)
{
	struct doca_dma_task_memcpy *task;
	union doca_data user = {.u64 = id};

	OK(doca_dma_task_memcpy_alloc_init(d->dma, src, dst, user, &task));
	OK(doca_task_submit(doca_dma_task_memcpy_as_task(task)));
}

static inline void fill(struct fix *f, size_t at, size_t len, unsigned seed)
{
	for (size_t i = 0; i < len; i++)
		f->mem[at + i] = (uint8_t)((i * 31 + seed) >> 2);
}

#endif
