/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Fused compare-and-write (NVM Command Set 3.2.3.1). The halves arrive one after the other on a queue,
 * their data in any order; when both are here the pair runs as one: compare, then write. One pair at a
 * time runs per namespace, and ordinary writes wait while one does, so no write slips between the two
 * steps. Reads and writes that were in a backend already when the pair began count as before it.
 */
#include "nvme/nvme_int.h"

static struct nvme_request *first_of(struct nvme_request *req)
{
	return req->fuse == NVME_FUSE_ONE ? req : req->peer;
}

/* A first half is alone until the next command of the queue; anything but its second breaks it. */
uint16_t nvme_fused_init(struct nvme_request *req)
{
	struct nvme_queue *q = req->queue;
	struct nvme_request *first = q->fuse_first;
	uint8_t fuse = req->cmd.flags & NVME_FUSE_MASK;

	q->fuse_first = NULL;
	if (first && fuse != NVME_FUSE_SECOND) {
		first->fuse = NVME_FUSE_BROKEN;
		if (first->stage == NVME_STAGE_EXECUTING)
			nvme_request_complete(first, NVME_SC_FUSED_MISSING | NVME_SC_DNR);
		first = NULL;
	}
	if (!fuse)
		return 0;
	if (fuse == NVME_FUSE_FIRST) {
		if (!q->qid || req->cmd.opcode != NVME_IO_COMPARE)
			return NVME_SC_INVALID_FIELD | NVME_SC_DNR;
		req->fuse = NVME_FUSE_ONE;
		q->fuse_first = req;
		return 0;
	}
	if (!first)
		return NVME_SC_FUSED_MISSING | NVME_SC_DNR;
	req->fuse = NVME_FUSE_TWO;
	req->peer = first;
	first->peer = req;
	if (req->cmd.opcode != NVME_IO_WRITE || req->cmd.nsid != first->cmd.nsid ||
		req->cmd.rw.slba != first->cmd.rw.slba || req->cmd.rw.nlb != first->cmd.rw.nlb)
		return NVME_SC_INVALID_FIELD | NVME_SC_DNR; /* completing it breaks the first too */
	return 0;
}

/* --- one at a time --- */

static void start_pair(struct nvme_request *first);

static bool enter(struct nvme_request *req)
{
	struct nvme_namespace *ns = req->ns;
	bool mine;

	pthread_mutex_lock(&ns->range_lock);
	mine = !ns->fused_holder && !ns->fused_waiting;
	if (mine) {
		ns->fused_holder = req;
		__atomic_store_n(&ns->fused_active, 1, __ATOMIC_RELEASE);
	} else {
		req->next = NULL;
		*ns->fused_tail = req;
		ns->fused_tail = &req->next;
	}
	pthread_mutex_unlock(&ns->range_lock);
	return mine;
}

static void resume_write(struct reactor_msg *msg)
{
	struct nvme_request *req = container_of(msg, struct nvme_request, msg);

	nvme_io_submit(req);
}

static void resume_pair(struct reactor_msg *msg)
{
	start_pair(container_of(msg, struct nvme_request, msg));
}

/* Wakes the writes at the head of the line and then one pair; they may live on other reactors. */
static void leave(struct nvme_namespace *ns)
{
	struct nvme_request *req;

	pthread_mutex_lock(&ns->range_lock);
	ns->fused_holder = NULL;
	while ((req = ns->fused_waiting) && !ns->fused_holder) {
		ns->fused_waiting = req->next;
		if (!ns->fused_waiting)
			ns->fused_tail = &ns->fused_waiting;
		if (req->fuse == NVME_FUSE_ONE)
			ns->fused_holder = req;
		req->msg.run = req->fuse == NVME_FUSE_ONE ? resume_pair : resume_write;
		reactor_send(req->queue->reactor, &req->msg);
	}
	__atomic_store_n(&ns->fused_active, ns->fused_holder || ns->fused_waiting, __ATOMIC_RELEASE);
	pthread_mutex_unlock(&ns->range_lock);
}

bool nvme_fused_hold_write(struct nvme_request *req)
{
	struct nvme_namespace *ns = req->ns;
	bool held;

	if (likely(!__atomic_load_n(&ns->fused_active, __ATOMIC_ACQUIRE)))
		return false;
	pthread_mutex_lock(&ns->range_lock);
	held = ns->fused_holder || ns->fused_waiting;
	if (held) {
		req->next = NULL;
		*ns->fused_tail = req;
		ns->fused_tail = &req->next;
	}
	pthread_mutex_unlock(&ns->range_lock);
	return held;
}

/* --- the pair --- */

static void end_pair(struct nvme_request *first, uint16_t one, uint16_t two)
{
	struct nvme_request *second = first->peer;

	leave(first->ns);
	first->fuse = second->fuse = NVME_FUSE_NONE;
	first->peer = second->peer = NULL;
	nvme_request_complete(first, one);
	nvme_request_complete(second, two);
}

static void written(struct blk_io *io, int err)
{
	struct nvme_request *second = container_of(io, struct nvme_request, io);

	end_pair(second->peer, 0, nvme_status_of_errno(err, BLK_WRITE));
}

static void describe(struct nvme_request *req, void (*done)(struct blk_io *, int))
{
	req->iov = (struct iovec){req->data, req->data_len};
	req->io.offset = req->cmd.rw.slba << req->ns->shift;
	req->io.length = req->data_len;
	req->io.iov = &req->iov;
	req->io.iovcnt = 1;
	req->io.done = done;
}

static void compared(struct blk_io *io, int err)
{
	struct nvme_request *first = container_of(io, struct nvme_request, io);
	struct nvme_request *second = first->peer;

	if (err) {
		end_pair(first, nvme_status_of_errno(err, BLK_COMPARE), NVME_SC_FUSED_FAIL | NVME_SC_DNR);
		return;
	}
	describe(second, written);
	blk_submit(second->nsc->blk, &second->io);
}

static void start_pair(struct nvme_request *first)
{
	describe(first, compared);
	blk_submit(first->nsc->blk, &first->io);
}

void nvme_fused_execute(struct nvme_request *req)
{
	struct nvme_request *first;

	if (req->fuse == NVME_FUSE_BROKEN) {
		nvme_request_complete(req,
			(req->peer ? NVME_SC_FUSED_FAIL : NVME_SC_FUSED_MISSING) | NVME_SC_DNR);
		return;
	}
	first = first_of(req);
	if (!req->peer || first->stage != NVME_STAGE_EXECUTING || first->peer->stage != NVME_STAGE_EXECUTING)
		return; /* the other half's data is still on its way */
	if (enter(first))
		start_pair(first);
}

/* A half ends without the pair having run: by a status of init, a digest error, a closed queue. */
void nvme_fused_break(struct nvme_request *req)
{
	struct nvme_request *peer = req->peer;
	struct nvme_queue *q = req->queue;

	if (q->fuse_first == req)
		q->fuse_first = NULL;
	req->fuse = NVME_FUSE_NONE;
	req->peer = NULL;
	if (!peer)
		return;
	peer->fuse = NVME_FUSE_BROKEN;
	peer->peer = peer; /* says: broken by a partner, not by a missing one */
	if (peer->stage == NVME_STAGE_EXECUTING) {
		peer->fuse = NVME_FUSE_NONE;
		peer->peer = NULL;
		nvme_request_complete(peer, NVME_SC_FUSED_FAIL | NVME_SC_DNR);
	}
}
