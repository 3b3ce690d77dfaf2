/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Limits of a namespace: two token buckets (I/Os and bytes) that hold a tenth of a second, shared by
 * all reactors under a lock that only limited namespaces take. A command without a token waits in its
 * reactor's line and is tried again by a timer, in order.
 */
#include "nvme/nvme_int.h"

#define BURST_S 0.1
#define RETRY_NS (1 * NS_PER_MS)

static void refill(struct nvme_qos *q, uint64_t now)
{
	double s = now > q->refilled ? (double)(now - q->refilled) / 1e9 : 0;

	q->refilled = MAX_OF(now, q->refilled);
	q->io_tokens = MIN_OF(q->io_tokens + s * (double)q->iops, MAX_OF((double)q->iops * BURST_S, 1.0));
	q->byte_tokens = MIN_OF(q->byte_tokens + s * (double)q->bytes, (double)q->bytes * BURST_S);
}

/* Bytes may go into debt once, so an I/O larger than the bucket still passes, at the right rate. */
static bool take(struct nvme_qos *q, uint64_t now, uint64_t bytes)
{
	bool ok;

	pthread_mutex_lock(&q->lock);
	refill(q, now);
	ok = (!q->iops || q->io_tokens >= 1) && (!q->bytes || !bytes || q->byte_tokens > 0);
	if (ok && q->iops)
		q->io_tokens -= 1;
	if (ok && q->bytes)
		q->byte_tokens -= (double)bytes;
	pthread_mutex_unlock(&q->lock);
	return ok;
}

static bool is_limited(const struct nvme_qos *q)
{
	return __atomic_load_n(&q->iops, __ATOMIC_RELAXED) | __atomic_load_n(&q->bytes, __ATOMIC_RELAXED);
}

static void retry(struct reactor_timer *timer)
{
	struct nvme_ns_channel *nsc = container_of(timer, struct nvme_ns_channel, throttle_timer);
	struct nvme_qos *q = &nsc->ns->qos;

	while (nsc->throttled) {
		struct nvme_request *req = nsc->throttled;

		if (is_limited(q) && !take(q, reactor_now(nsc->reactor), req->io.length)) {
			reactor_timer_arm(nsc->reactor, timer, reactor_now(nsc->reactor) + RETRY_NS);
			return;
		}
		nsc->throttled = req->next;
		if (!nsc->throttled) {
			nsc->throttled_tail = &nsc->throttled;
			nvme_io_submit(req); /* may end the channel: do not look at it again */
			return;
		}
		nvme_io_submit(req);
	}
}

bool nvme_qos_admit(struct nvme_request *req, uint64_t bytes)
{
	struct nvme_ns_channel *nsc = req->nsc;
	struct nvme_qos *q = &nsc->ns->qos;

	if (likely(!is_limited(q) && !nsc->throttled))
		return true;
	if (!nsc->throttled && take(q, reactor_now(nsc->reactor), bytes))
		return true;
	req->next = NULL;
	*nsc->throttled_tail = req;
	nsc->throttled_tail = &req->next;
	nsc->stats.throttled++;
	req->queue->stats.throttled++;
	if (!nsc->throttle_timer.slot)
		reactor_timer_arm(nsc->reactor, &nsc->throttle_timer, reactor_now(nsc->reactor) + RETRY_NS);
	return false;
}

bool nvme_qos_abort(struct nvme_request *req)
{
	struct nvme_ns_channel *nsc = req->nsc;

	for (struct nvme_request **at = &nsc->throttled; *at; at = &(*at)->next) {
		if (*at != req)
			continue;
		*at = req->next;
		if (!*at)
			nsc->throttled_tail = at;
		nvme_request_complete(req, NVME_SC_ABORT_REQUESTED);
		return true;
	}
	return false;
}

void nvme_qos_open(struct nvme_ns_channel *nsc)
{
	nsc->throttled_tail = &nsc->throttled;
	nsc->throttle_timer.fire = retry;
}

void nvme_qos_close(struct nvme_ns_channel *nsc)
{
	assert(!nsc->throttled);
	reactor_timer_cancel(nsc->reactor, &nsc->throttle_timer);
}
