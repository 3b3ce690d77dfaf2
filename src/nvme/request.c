/* SPDX-License-Identifier: BSD-3-Clause */
/* Requests and queues: init chooses, execute runs, complete ends - once. */
#include "nvme/nvme_int.h"

void nvme_queue_init(struct nvme_queue *q)
{
	q->ctrl = NULL;
	q->qid = 0;
	q->sqhd = 0;
	q->size = 32; /* until Connect says */
	q->no_sqfc = q->authenticated = q->closed = false;
	q->inflight = 0;
	q->fuse_first = NULL;
	q->auth = NULL;
	q->kill_sent = false;
	memset(&q->stats, 0, sizeof(q->stats));
	nvme_port_get(q->port);
}

void nvme_queue_close(struct nvme_queue *q)
{
	struct nvme_ctrl *c = q->ctrl;

	if (q->closed)
		return;
	q->closed = true;
	if (q->fuse_first) {
		struct nvme_request *half = q->fuse_first;

		q->fuse_first = NULL;
		if (half->stage == NVME_STAGE_EXECUTING)
			nvme_request_complete(half, NVME_SC_FUSED_MISSING | NVME_SC_DNR);
	}
	nvme_auth_free(q);
	if (c)
		nvme_ctrl_queue_gone(c, q);
	q->ctrl = NULL;
	nvme_port_put(q->port);
	q->port = NULL;
}

bool nvme_queue_idle(const struct nvme_queue *q)
{
	return q->closed && !q->inflight && !__atomic_load_n(&q->kill_sent, __ATOMIC_ACQUIRE);
}

/* Data length the host's SGL promises. */
static uint32_t sgl_length(const struct nvme_cmd *cmd)
{
	const struct nvme_sgl *sgl = &cmd->sgl;

	if (sgl->type >> 4 == NVME_SGL_KEYED_DATA_BLOCK)
		return sgl->keyed.length[0] | (uint32_t)sgl->keyed.length[1] << 8 |
		       (uint32_t)sgl->keyed.length[2] << 16;
	return sgl->length;
}

static uint16_t check_flags(const struct nvme_request *req)
{
	uint8_t psdt = req->cmd.flags & NVME_PSDT_MASK;

	/* Fabrics 1.1, 2.3: SGLs always; metadata pointers never */
	if (psdt != NVME_PSDT_SGL && psdt != NVME_PSDT_SGL_SEG)
		return NVME_SC_INVALID_FIELD | NVME_SC_DNR;
	if ((req->cmd.flags & NVME_FUSE_MASK) == NVME_FUSE_MASK)
		return NVME_SC_INVALID_FIELD | NVME_SC_DNR;
	return 0;
}

static uint16_t choose(struct nvme_request *req)
{
	struct nvme_queue *q = req->queue;

	if (unlikely(!q->ctrl))
		return nvme_connect_init(req);
	if (req->cmd.opcode == NVME_FABRICS)
		return nvme_fabrics_init(req);
	if (unlikely(!q->authenticated))
		return NVME_SC_AUTH_REQUIRED | NVME_SC_DNR;
	if (q->qid)
		return nvme_io_init(req);
	if (q->ctrl->subsys->discovery)
		return nvme_discovery_init(req);
	return nvme_admin_init(req);
}

uint16_t nvme_request_init(struct nvme_request *req)
{
	struct nvme_queue *q = req->queue;
	uint16_t status;

	assert(req->stage == NVME_STAGE_IDLE && !q->closed);
	req->stage = NVME_STAGE_READY;
	req->execute = NULL;
	req->data_len = 0;
	req->dir = NVME_DIR_NONE;
	req->data = NULL;
	req->lent = false;
	req->ns = NULL;
	req->nsc = NULL;
	req->peer = req->abort = NULL;
	req->submitted = false;
	req->fuse = NVME_FUSE_NONE;
	req->active = 0;
	req->status = 0;
	req->step = req->steps = 0;
	req->scratch = NULL;
	req->started = q->reactor ? reactor_now(q->reactor) : 0;
	memset(&req->cqe, 0, sizeof(req->cqe));
	q->inflight++;
	if (q->ctrl)
		__atomic_store_n(&q->ctrl->last_seen, req->started, __ATOMIC_RELAXED);
	status = check_flags(req);
	if (!status)
		status = choose(req);
	if (!status && (req->cmd.flags & NVME_FUSE_MASK || q->fuse_first))
		status = nvme_fused_init(req);
	if (!status && req->dir != NVME_DIR_NONE && req->data_len != sgl_length(&req->cmd))
		status = NVME_SC_SGL_INVALID_DATA_LENGTH | NVME_SC_DNR;
	return status;
}

void nvme_request_execute(struct nvme_request *req)
{
	assert(req->stage == NVME_STAGE_READY && req->execute);
	req->stage = NVME_STAGE_EXECUTING;
	if (unlikely(req->fuse != NVME_FUSE_NONE))
		nvme_fused_execute(req);
	else
		req->execute(req);
}

static void leave_namespace(struct nvme_request *req)
{
	struct nvme_ns_channel *nsc = req->nsc;

	req->nsc = NULL;
	if (!--nsc->inflight && unlikely(nsc->draining))
		nvme_ns_channel_idle(nsc);
}

void nvme_request_complete(struct nvme_request *req, uint16_t status)
{
	struct nvme_queue *q = req->queue;

	assert(req->stage != NVME_STAGE_IDLE && q->inflight);
	if (unlikely(req->abort))
		nvme_abort_ended(req, status);
	if (unlikely(status && q->ctrl))
		nvme_error_log(req, status);
	if (unlikely(req->fuse != NVME_FUSE_NONE))
		nvme_fused_break(req);
	if (req->nsc)
		leave_namespace(req);
	if (!q->no_sqfc)
		q->sqhd = (uint16_t)(q->sqhd + 1 == q->size ? 0 : q->sqhd + 1);
	req->cqe.sqhd = req->cqe.sqhd ? req->cqe.sqhd : (q->no_sqfc ? 0 : q->sqhd);
	req->cqe.sqid = q->qid;
	req->cqe.cid = req->cmd.cid;
	req->cqe.status = (uint16_t)(status << 1);
	req->status = status;
	req->stage = NVME_STAGE_IDLE;
	q->inflight--;
	q->ops->complete(req);
}
