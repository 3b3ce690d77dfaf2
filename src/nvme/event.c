/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Asynchronous events (Base 5.2): told once, then masked until the host reads the log page that goes
 * with them. Posting is for any thread; answering the host happens on the controller's reactor.
 */
#include "nvme/nvme_int.h"

static uint32_t page_bit(uint8_t page)
{
	switch (page) {
	case NVME_LOG_CHANGED_NS:
		return 1 << 0;
	case NVME_LOG_ANA:
		return 1 << 1;
	case NVME_LOG_DISCOVERY:
		return 1 << 2;
	case NVME_LOG_RESERVATION:
		return 1 << 3;
	default:
		return 1 << 4;
	}
}

static bool queued(const struct nvme_ctrl *c, uint8_t page)
{
	for (unsigned i = 0; i < c->event_count; i++)
		if (c->events[i].page == page)
			return true;
	return false;
}

/* lock held */
static void wake(struct nvme_ctrl *c)
{
	if (c->has_msg || !c->admin)
		return;
	c->has_msg = true;
	nvme_ctrl_get(c);
	reactor_send(c->reactor, &c->event_msg);
}

void nvme_event_post(struct nvme_ctrl *c, struct nvme_event e, uint32_t enable_bit)
{
	pthread_mutex_lock(&c->lock);
	if ((!enable_bit || c->feat_async & enable_bit) && !(c->masked_pages & page_bit(e.page)) &&
		!queued(c, e.page) && c->event_count < ARRAY_SIZE(c->events)) {
		c->events[c->event_count++] = e;
		wake(c);
	}
	pthread_mutex_unlock(&c->lock);
}

void nvme_event_ns_changed(struct nvme_ctrl *c, uint32_t nsid)
{
	bool known = false;

	pthread_mutex_lock(&c->lock);
	for (unsigned i = 0; i < c->changed_count && i < NVME_CHANGED_NS_MAX; i++)
		known |= c->changed[i] == nsid;
	if (!known && c->changed_count < NVME_CHANGED_NS_MAX)
		c->changed[c->changed_count++] = nsid;
	else if (!known)
		c->changed_count = NVME_CHANGED_NS_MAX + 1;
	pthread_mutex_unlock(&c->lock);
	nvme_event_post(c,
		(struct nvme_event){NVME_AER_NOTICE, NVME_NOTICE_NS_CHANGED, NVME_LOG_CHANGED_NS},
		NVME_OAES_NS_ATTR);
}

void nvme_event_ana(struct nvme_ctrl *c)
{
	nvme_event_post(c, (struct nvme_event){NVME_AER_NOTICE, NVME_NOTICE_ANA, NVME_LOG_ANA},
		NVME_OAES_ANA);
}

void nvme_event_discovery(struct nvme_ctrl *c)
{
	nvme_event_post(c,
		(struct nvme_event){NVME_AER_NOTICE, NVME_NOTICE_DISCOVERY, NVME_LOG_DISCOVERY},
		NVME_OAES_DISCOVERY);
}

void nvme_event_reservation(struct nvme_ctrl *c, uint32_t nsid, uint8_t type)
{
	pthread_mutex_lock(&c->lock);
	if (c->resv_log_count < ARRAY_SIZE(c->resv_log))
		c->resv_log[c->resv_log_count++] =
			(struct nvme_resv_log){.count = ++c->resv_log_seq, .type = type, .nsid = nsid};
	else
		c->resv_log_seq++;
	pthread_mutex_unlock(&c->lock);
	nvme_event_post(c,
		(struct nvme_event){NVME_AER_IO_SPECIFIC, NVME_IOSPEC_RESERVATION, NVME_LOG_RESERVATION}, 0);
}

void nvme_event_page_read(struct nvme_ctrl *c, uint8_t page)
{
	pthread_mutex_lock(&c->lock);
	c->masked_pages &= ~page_bit(page);
	pthread_mutex_unlock(&c->lock);
}

static bool take(struct nvme_ctrl *c, struct nvme_event *e)
{
	bool any;

	pthread_mutex_lock(&c->lock);
	any = c->aer_count && c->event_count;
	if (any) {
		*e = c->events[0];
		memmove(&c->events[0], &c->events[1], --c->event_count * sizeof(*e));
		c->masked_pages |= page_bit(e->page);
	}
	pthread_mutex_unlock(&c->lock);
	return any;
}

void nvme_event_deliver(struct nvme_ctrl *c)
{
	struct nvme_event e;

	while (take(c, &e)) {
		struct nvme_request *req = c->aer[--c->aer_count];

		req->cqe.result = e.type | (uint32_t)e.info << 8 | (uint32_t)e.page << 16;
		nvme_request_complete(req, NVME_SC_SUCCESS);
	}
}

void nvme_event_aer(struct nvme_request *req)
{
	struct nvme_ctrl *c = req->queue->ctrl;

	if (c->aer_count == NVME_AER_MAX) {
		nvme_request_complete(req, NVME_SC_AER_LIMIT | NVME_SC_DNR);
		return;
	}
	c->aer[c->aer_count++] = req;
	nvme_event_deliver(c);
}

void nvme_event_abort_all(struct nvme_ctrl *c)
{
	while (c->aer_count)
		nvme_request_complete(c->aer[--c->aer_count], NVME_SC_ABORT_REQUESTED | NVME_SC_DNR);
}
