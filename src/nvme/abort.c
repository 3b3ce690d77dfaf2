/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Abort (Base 5.1): takes back an event request, a command that a limit holds back, or one in a device that can
 * still be stopped (blk_cancel). The command ends once, in its own way; the Abort is answered after it, and bit 0
 * of its result says "not aborted". A half of a fused pair is never taken back, nor what still waits for its data.
 *
 * The command lives on its queue's reactor, perhaps not the admin queue's: the Abort goes there and comes back, and
 * keeps the controller (in scratch) meanwhile. step: what the device said, once it has.
 */
#include "nvme/nvme_int.h"

enum { ASKED, GIVEN_UP };

static bool abort_event_request(struct nvme_ctrl *c, uint16_t cid)
{
	for (unsigned i = 0; i < c->aer_count; i++) {
		struct nvme_request *aer = c->aer[i];

		if (aer->cmd.cid != cid)
			continue;
		c->aer[i] = c->aer[--c->aer_count];
		nvme_request_complete(aer, NVME_SC_ABORT_REQUESTED);
		return true;
	}
	return false;
}

/* --- the answer, on the admin queue's reactor --- */

static void come_back(struct reactor_msg *msg)
{
	struct nvme_request *req = container_of(msg, struct nvme_request, msg);
	struct nvme_ctrl *c = req->scratch;

	nvme_request_complete(req, 0);
	nvme_ctrl_put(c);
}

static void answer(struct nvme_request *req, bool aborted)
{
	req->cqe.result = !aborted;
	req->msg.run = come_back;
	reactor_send(req->queue->reactor, &req->msg);
}

/* --- on the command's reactor --- */

void nvme_abort_ended(struct nvme_request *victim, uint16_t status)
{
	struct nvme_request *req = victim->abort;

	victim->abort = req->peer = NULL;
	if (req->step == GIVEN_UP)
		answer(req, (status & 0x7ff) == NVME_SC_ABORT_REQUESTED);
}

static void asked(struct blk_io *io, int status)
{
	struct nvme_request *req = container_of(io, struct nvme_request, io), *victim = req->peer;

	if (!status && victim) {
		req->step = GIVEN_UP; /* nvme_abort_ended() follows */
		return;
	}
	if (victim)
		victim->abort = req->peer = NULL;
	answer(req, !status);
}

static bool in_device(const struct nvme_request *victim)
{
	return victim->submitted && victim->fuse == NVME_FUSE_NONE && !victim->abort;
}

static struct nvme_request *find(const struct nvme_request *req)
{
	const uint16_t sqid = (uint16_t)req->cmd.cdw10, cid = (uint16_t)(req->cmd.cdw10 >> 16);
	struct nvme_ctrl *c = req->scratch;
	struct nvme_request *victim;
	struct nvme_queue *q;

	pthread_mutex_lock(&c->lock);
	q = c->io[sqid];
	if (q && q->reactor != reactor_current()) /* it ended, and another came in its place elsewhere */
		q = NULL;
	pthread_mutex_unlock(&c->lock);
	victim = q ? q->ops->find(q, cid) : NULL;
	return victim && victim->stage == NVME_STAGE_EXECUTING && victim->nsc ? victim : NULL;
}

static void look(struct reactor_msg *msg)
{
	struct nvme_request *req = container_of(msg, struct nvme_request, msg);
	struct nvme_request *victim = find(req);

	if (!victim || !in_device(victim)) {
		answer(req, victim && nvme_qos_abort(victim));
		return;
	}
	victim->abort = req;
	req->peer = victim;
	req->step = ASKED;
	req->io.done = asked;
	blk_cancel(victim->nsc->blk, &victim->io, &req->io);
}

static bool go_there(struct nvme_request *req, struct nvme_ctrl *c, uint16_t sqid)
{
	struct nvme_queue *q = NULL;

	pthread_mutex_lock(&c->lock);
	if (sqid <= NVME_IO_QUEUES_MAX)
		q = c->io[sqid];
	if (q) {
		nvme_ctrl_get(c);
		req->scratch = c;
		req->msg.run = look;
		reactor_send(q->reactor, &req->msg);
	}
	pthread_mutex_unlock(&c->lock);
	return q;
}

void nvme_abort(struct nvme_request *req)
{
	struct nvme_ctrl *c = req->queue->ctrl;
	uint16_t sqid = (uint16_t)req->cmd.cdw10, cid = (uint16_t)(req->cmd.cdw10 >> 16);

	if (sqid && go_there(req, c, sqid))
		return;
	req->cqe.result = sqid || !abort_event_request(c, cid);
	nvme_request_complete(req, 0);
}
