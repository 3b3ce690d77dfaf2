/* SPDX-License-Identifier: BSD-3-Clause */
/* The progress engine: its contexts, and one descriptor to sleep on. */
#include "doca/common/pe_int.h"

#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"

#define SPIN_NS (50 * NS_PER_US)   /* before falling asleep, where that pays */
#define BRISK_NS (100 * NS_PER_US) /* a sleep shorter than this says it does */
#define NO_SPIN_MIN 8 /* sleeps without, after one in vain; twice as many after the next */
#define NO_SPIN_MAX 1024

doca_error_t doca_pe_create(struct doca_pe **pe)
{
	struct doca_pe *p;

	DCORE_NOT_NULL(pe);
	p = calloc(1, sizeof(*p));
	if (!p)
		return DOCA_ERROR_NO_MEMORY;
	list_init(&p->ctxs);
	p->cursor = &p->ctxs;
	p->event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	p->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (p->event_fd < 0 || p->epoll_fd < 0 || dcore_pe_add_fd(p, p->event_fd) < 0) {
		doca_error_t result = dcore_fail(DOCA_ERROR_OPERATING_SYSTEM, "%s: %m", __func__);

		doca_pe_destroy(p);
		return result;
	}
	*pe = p;
	return DOCA_SUCCESS;
}

doca_error_t doca_pe_destroy(struct doca_pe *pe)
{
	if (!pe)
		return DOCA_SUCCESS;
	if (pe->n_ctxs)
		return dcore_fail(DOCA_ERROR_IN_USE,
			"%s: %u contexts are connected, the first is a %s", __func__, pe->n_ctxs,
			list_entry(list_front(&pe->ctxs), struct doca_ctx, pe_link)->ops->name);
	if (pe->event_fd >= 0)
		close(pe->event_fd);
	if (pe->epoll_fd >= 0)
		close(pe->epoll_fd);
	free(pe);
	return DOCA_SUCCESS;
}

doca_error_t doca_pe_connect_ctx(struct doca_pe *pe, struct doca_ctx *ctx)
{
	DCORE_NOT_NULL(pe);
	DCORE_NOT_NULL(ctx);
	if (ctx->pe || ctx->state != DOCA_CTX_STATE_IDLE)
		return dcore_fail(DOCA_ERROR_BAD_STATE, "%s: the %s context is %s", __func__,
			ctx->ops->name, ctx->pe ? "connected already" : "not idle");
	ctx->pe = pe;
	list_push_back(&pe->ctxs, &ctx->pe_link);
	pe->n_ctxs++;
	return DOCA_SUCCESS;
}

doca_error_t doca_pe_get_num_inflight_tasks(const struct doca_pe *pe, size_t *num_inflight_tasks)
{
	struct doca_ctx *ctx;

	DCORE_NOT_NULL(pe);
	DCORE_NOT_NULL(num_inflight_tasks);
	*num_inflight_tasks = 0;
	list_for_each(ctx, &pe->ctxs, pe_link)
		*num_inflight_tasks += ctx->inflight;
	return DOCA_SUCCESS;
}

/* ---- sleeping ---- */

doca_error_t doca_pe_get_notification_handle(const struct doca_pe *pe, doca_event_handle_t *handle)
{
	DCORE_NOT_NULL(pe);
	DCORE_NOT_NULL(handle);
	*handle = pe->epoll_fd;
	return DOCA_SUCCESS;
}

static void ring(struct doca_pe *pe)
{
	uint64_t one = 1;

	if (write(pe->event_fd, &one, sizeof(one)) < 0)
		return; /* EAGAIN: it is readable already */
}

void dcore_pe_wake(struct doca_pe *pe)
{
	if (pe && __atomic_load_n(&pe->armed, __ATOMIC_SEQ_CST))
		ring(pe);
}

static bool any_work(struct doca_pe *pe)
{
	struct doca_ctx *ctx;
	bool work = false;

	list_for_each(ctx, &pe->ctxs, pe_link)
		work |= ctx_has_work(ctx);
	return work;
}

/*
 * Between two that answer each other, falling asleep and being woken is most of the time: 6 us on a busy machine,
 * 40 us where an idle processor is a guest's. Who slept for a short time only is likely to do so again. But where
 * both share a processor, who spins keeps the other from answering: then not for a while, and longer each time.
 */
static bool work_comes_soon(struct doca_pe *pe)
{
	uint64_t until;

	if (!pe->brisk || pe->no_spin) {
		pe->no_spin -= pe->no_spin > 0;
		return false;
	}
	until = clock_now_ns() + SPIN_NS;
	while (clock_now_ns() < until)
		if (any_work(pe)) {
			pe->doubt = 0;
			return true;
		}
	pe->doubt = pe->doubt ? MIN_OF(2 * pe->doubt, NO_SPIN_MAX) : NO_SPIN_MIN;
	pe->no_spin = pe->doubt;
	return false;
}

doca_error_t doca_pe_request_notification(struct doca_pe *pe)
{
	DCORE_NOT_NULL(pe);
	__atomic_store_n(&pe->armed, 1, __ATOMIC_SEQ_CST);
	pe->asleep_since = clock_now_ns();
	if (any_work(pe) || work_comes_soon(pe))
		ring(pe);
	return DOCA_SUCCESS;
}

doca_error_t doca_pe_clear_notification(struct doca_pe *pe, doca_event_handle_t handle)
{
	uint64_t count;

	DCORE_NOT_NULL(pe);
	__atomic_store_n(&pe->armed, 0, __ATOMIC_SEQ_CST);
	pe->brisk = clock_now_ns() - pe->asleep_since < BRISK_NS;
	if (read(pe->event_fd, &count, sizeof(count)) < 0 && errno != EAGAIN)
		return dcore_fail(DOCA_ERROR_OPERATING_SYSTEM, "%s: %m", __func__);
	return DOCA_SUCCESS;
}

doca_error_t doca_pe_set_event_mode(struct doca_pe *pe, enum doca_pe_event_mode event_mode)
{
	DCORE_NOT_NULL(pe);
	if (event_mode != DOCA_PE_EVENT_MODE_PROGRESS_SELECTIVE &&
		event_mode != DOCA_PE_EVENT_MODE_PROGRESS_ALL)
		return dcore_fail(DOCA_ERROR_INVALID_VALUE, "%s: mode %d", __func__, event_mode);
	return DOCA_SUCCESS; /* looking at all contexts costs the same: both modes are one */
}

int dcore_pe_add_fd(struct doca_pe *pe, int fd)
{
	struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};

	return epoll_ctl(pe->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

void dcore_pe_remove_fd(struct doca_pe *pe, int fd)
{
	epoll_ctl(pe->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
}
