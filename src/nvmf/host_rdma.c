/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A host's queue over RDMA (NVMe/RDMA Transport 1.0): resolve, connect, then capsules by SEND and answers by
 * RECV, while the controller moves the data itself by RDMA READ and WRITE in the memory a command names.
 *
 * A command's buffer is registered when it is sent and not longer than until it is answered: a controller that
 * is late, or lies, cannot touch memory that went back to its owner. Both channels' descriptors are polled by
 * the reactor's ring. Nothing is sent inside a capsule.
 */
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <rdma/rdma_cma.h>
#include <stdlib.h>

#include "base/refuse.h"
#include "nvmf/host_int.h"
#include "nvmf/rdma_cm.h"

#define RESOLVE_MS 2000
#define READS_MAX 16u /* RDMA READs of the controller under way */

struct qp_rdma {
	struct qp *q;
	struct rdma_event_channel *events;
	struct rdma_cm_id *id;
	struct ibv_pd *pd;
	struct ibv_comp_channel *channel;
	struct ibv_cq *cq;
	struct ibv_mr *cmds_mr, *answers_mr, **data; /* data[i]: the buffer of slot i while it is in flight */
	struct nvme_cmd *cmds;
	struct nvme_cqe *answers;
	struct reactor_op cm_op, cq_op;
	struct reactor_task reap;
	bool cm_armed, cq_armed, closing, cancelled;
};

static struct reactor *reactor_of(const struct qp_rdma *r)
{
	return r->q->host->o.reactor;
}

/* --- posting --- */

static bool post_recv(struct qp_rdma *r, uint32_t i)
{
	struct ibv_sge sge = {(uintptr_t)&r->answers[i], sizeof(r->answers[i]), r->answers_mr->lkey};
	struct ibv_recv_wr wr = {.wr_id = (uint64_t)i << 1, .sg_list = &sge, .num_sge = 1}, *bad;

	return !ibv_post_recv(r->id->qp, &wr, &bad);
}

/* The memory a command names. false: it cannot be registered. */
static bool name_data(struct qp_rdma *r, const struct nvmf_io *io, struct nvme_cmd *cmd)
{
	int access = io->dir == NVME_DIR_TO_HOST ? IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_REMOTE_WRITE
						 : IBV_ACCESS_REMOTE_READ;
	struct ibv_mr *mr;

	memset(&cmd->sgl, 0, sizeof(cmd->sgl));
	cmd->sgl.type = NVME_SGL_KEYED_DATA_BLOCK << 4 | NVME_SGL_ADDRESS;
	if (io->dir == NVME_DIR_NONE || !io->len)
		return true;
	mr = ibv_reg_mr(r->pd, io->buf, io->len, access);
	if (!mr)
		return false;
	r->data[cmd->cid] = mr;
	cmd->sgl.keyed.addr = (uintptr_t)io->buf;
	cmd->sgl.keyed.length[0] = (uint8_t)io->len;
	cmd->sgl.keyed.length[1] = (uint8_t)(io->len >> 8);
	cmd->sgl.keyed.length[2] = (uint8_t)(io->len >> 16);
	memcpy(cmd->sgl.keyed.key, &mr->rkey, sizeof(cmd->sgl.keyed.key));
	return true;
}

static void forget_data(struct qp_rdma *r, uint16_t cid)
{
	if (r->data[cid])
		ibv_dereg_mr(r->data[cid]);
	r->data[cid] = NULL;
}

void host_rdma_send(struct qp *q, struct qp_slot *s)
{
	struct qp_rdma *r = q->rdma;
	struct nvme_cmd *cmd = &r->cmds[s->cid];
	struct ibv_sge sge = {(uintptr_t)cmd, sizeof(*cmd), r->cmds_mr->lkey};
	struct ibv_send_wr wr = {.wr_id = (uint64_t)s->cid << 1 | 1, .sg_list = &sge, .num_sge = 1, .opcode = IBV_WR_SEND,
		.send_flags = IBV_SEND_SIGNALED}, *bad;

	s->io->cmd.flags = (uint8_t)((s->io->cmd.flags & NVME_FUSE_MASK) | NVME_PSDT_SGL);
	s->io->cmd.cid = s->cid;
	*cmd = s->io->cmd;
	if (!name_data(r, s->io, cmd) || ibv_post_send(r->id->qp, &wr, &bad))
		host_qp_failed(q, "RDMA: the buffer cannot be registered or the command not sent");
	else
		s->cmd_unit.busy = true; /* until its send completes */
}

/* --- completions --- */

static void completion(struct qp_rdma *r, const struct ibv_wc *wc)
{
	uint32_t i = (uint32_t)(wc->wr_id >> 1);
	struct nvme_cqe cqe;

	if (wc->status != IBV_WC_SUCCESS) {
		host_qp_failed(r->q, ibv_wc_status_str(wc->status));
		return;
	}
	if (wc->wr_id & 1) {
		qp_cmd_sent(r->q, (uint16_t)i);
		return;
	}
	cqe = r->answers[i];
	if (wc->byte_len != sizeof(cqe) || !post_recv(r, i)) {
		host_qp_failed(r->q, "RDMA: an answer that is none");
		return;
	}
	if (cqe.cid < r->q->size)
		forget_data(r, cqe.cid);
	qp_answered(r->q, &cqe);
}

static void arm_cq(struct qp_rdma *r)
{
	reactor_watch(reactor_of(r), &r->cq_op, r->channel->fd);
	r->cq_armed = true;
}

static void cq_ready(struct reactor_op *op, int res, uint32_t flags)
{
	struct qp_rdma *r = container_of(op, struct qp_rdma, cq_op);
	struct ibv_wc wc[16];
	struct ibv_cq *cq;
	void *arg;
	int n;

	r->cq_armed = false;
	while (!ibv_get_cq_event(r->channel, &cq, &arg))
		ibv_ack_cq_events(cq, 1);
	if (ibv_req_notify_cq(r->cq, 0)) /* before polling: what comes in between is an event again */
		host_qp_failed(r->q, "RDMA: no completion events");
	while (!r->closing && (n = ibv_poll_cq(r->cq, 16, wc)) > 0)
		for (int i = 0; i < n && !r->closing; i++)
			completion(r, &wc[i]);
	if (r->closing)
		reactor_task_queue(reactor_of(r), &r->reap);
	else
		arm_cq(r);
}

/* --- connecting --- */

static bool make_memory(struct qp_rdma *r)
{
	uint16_t n = r->q->size;

	r->cmds = calloc(n, sizeof(*r->cmds));
	r->answers = calloc(n, sizeof(*r->answers));
	r->data = calloc(n, sizeof(struct ibv_mr *));
	r->pd = ibv_alloc_pd(r->id->verbs);
	if (!r->cmds || !r->answers || !r->data || !r->pd)
		return false;
	r->cmds_mr = ibv_reg_mr(r->pd, r->cmds, n * sizeof(*r->cmds), 0);
	r->answers_mr = ibv_reg_mr(r->pd, r->answers, n * sizeof(*r->answers), IBV_ACCESS_LOCAL_WRITE);
	return r->cmds_mr && r->answers_mr;
}

static bool make_queue_pair(struct qp_rdma *r)
{
	uint32_t n = r->q->size;
	struct ibv_qp_init_attr attr = {.qp_type = IBV_QPT_RC,
		.cap = {.max_send_wr = n + 1, .max_recv_wr = n + 1, .max_send_sge = 1, .max_recv_sge = 1}};

	r->channel = ibv_create_comp_channel(r->id->verbs);
	if (!r->channel || fcntl(r->channel->fd, F_SETFL, O_NONBLOCK))
		return false;
	r->cq = ibv_create_cq(r->id->verbs, (int)(2 * n + 2), NULL, r->channel, 0);
	if (!r->cq || ibv_req_notify_cq(r->cq, 0))
		return false;
	attr.send_cq = attr.recv_cq = r->cq;
	if (rdma_create_qp(r->id, r->pd, &attr))
		return false;
	for (uint32_t i = 0; i < n; i++)
		if (!post_recv(r, i))
			return false;
	arm_cq(r);
	return true;
}

static void connect_queue(struct qp_rdma *r)
{
	struct rdma_cm_request request = {.qid = r->q->qid, .hrqsize = r->q->size, .hsqsize = (uint16_t)(r->q->size - 1),
		.cntlid = r->q->qid ? r->q->host->cntlid : NVME_CNTLID_DYNAMIC};
	struct rdma_conn_param p = {.private_data = &request, .private_data_len = sizeof(request), .retry_count = 7,
		.rnr_retry_count = 7};
	struct ibv_device_attr device;

	if (!make_memory(r) || !make_queue_pair(r) || ibv_query_device(r->id->verbs, &device)) {
		host_qp_failed(r->q, "RDMA: no queue pair, or memory that cannot be registered (RLIMIT_MEMLOCK?)");
		return;
	}
	p.responder_resources = (uint8_t)MIN_OF(READS_MAX, (unsigned)device.max_qp_rd_atom);
	p.initiator_depth = p.responder_resources;
	if (rdma_connect(r->id, &p))
		host_qp_failed(r->q, "RDMA: the connection cannot be asked for");
}

static void handle(struct qp_rdma *r, const struct rdma_cm_event *ev)
{
	switch (ev->event) {
	case RDMA_CM_EVENT_ADDR_RESOLVED:
		if (rdma_resolve_route(r->id, RESOLVE_MS))
			host_qp_failed(r->q, "RDMA: no route");
		break;
	case RDMA_CM_EVENT_ROUTE_RESOLVED:
		connect_queue(r);
		break;
	case RDMA_CM_EVENT_ESTABLISHED:
		r->q->up = true;
		host_qp_up(r->q);
		break;
	case RDMA_CM_EVENT_TIMEWAIT_EXIT:
		break;
	default: /* unreachable, rejected, disconnected, the device is gone */
		host_qp_failed(r->q, rdma_event_str(ev->event));
	}
}

static void arm_cm(struct qp_rdma *r)
{
	reactor_watch(reactor_of(r), &r->cm_op, r->events->fd);
	r->cm_armed = true;
}

static void cm_ready(struct reactor_op *op, int res, uint32_t flags)
{
	struct qp_rdma *r = container_of(op, struct qp_rdma, cm_op);
	struct rdma_cm_event *ev;

	r->cm_armed = false;
	while (!r->closing && !rdma_get_cm_event(r->events, &ev)) {
		handle(r, ev);
		rdma_ack_cm_event(ev);
	}
	if (r->closing)
		reactor_task_queue(reactor_of(r), &r->reap);
	else
		arm_cm(r);
}

/* --- the end --- */

/* Without the queue pair nobody reaches our memory any more. */
static void destroy(struct qp_rdma *r)
{
	if (r->id && r->id->qp)
		rdma_destroy_qp(r->id);
	for (uint16_t i = 0; r->data && i < r->q->size; i++)
		forget_data(r, i);
	if (r->cmds_mr)
		ibv_dereg_mr(r->cmds_mr);
	if (r->answers_mr)
		ibv_dereg_mr(r->answers_mr);
	if (r->cq)
		ibv_destroy_cq(r->cq);
	if (r->channel)
		ibv_destroy_comp_channel(r->channel);
	if (r->pd)
		ibv_dealloc_pd(r->pd);
	if (r->id)
		rdma_destroy_id(r->id);
	if (r->events)
		rdma_destroy_event_channel(r->events);
	free(r->cmds);
	free(r->answers);
	free(r->data);
	free(r);
}

static void reap_run(struct reactor_task *task)
{
	struct qp_rdma *r = container_of(task, struct qp_rdma, reap);
	struct qp *q = r->q;

	if (r->cm_armed && !r->cancelled)
		reactor_unwatch(reactor_of(r), &r->cm_op);
	if (r->cq_armed && !r->cancelled)
		reactor_unwatch(reactor_of(r), &r->cq_op);
	r->cancelled = true;
	if (r->cm_armed || r->cq_armed)
		return; /* their ends bring us back */
	destroy(r);
	q->rdma = NULL;
	host_qp_closed(q);
}

void host_rdma_close(struct qp *q)
{
	struct qp_rdma *r = q->rdma;

	r->closing = true;
	if (q->up)
		rdma_disconnect(r->id);
	reactor_task_queue(reactor_of(r), &r->reap);
}

/* --- the beginning --- */

static int resolve(struct qp_rdma *r)
{
	struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV}, *ai;
	const struct nvmf_host *h = r->q->host;
	int err;

	r->events = rdma_create_event_channel();
	if (!r->events || fcntl(r->events->fd, F_SETFL, O_NONBLOCK) ||
		rdma_create_id(r->events, &r->id, r, RDMA_PS_TCP))
		return refuse(errno ? errno : ENODEV, "no RDMA connection manager: %s (modprobe rdma_ucm?)",
			strerror(errno));
	if (getaddrinfo(h->traddr, h->trsvcid, &hints, &ai))
		return refuse(EINVAL, "'%s' port '%s': a numeric address and port are needed", h->traddr, h->trsvcid);
	err = rdma_resolve_addr(r->id, NULL, ai->ai_addr, RESOLVE_MS) ? errno : 0;
	freeaddrinfo(ai);
	return err ? refuse(err, "RDMA to %s: %s (is there an RDMA device on the way?)", h->traddr, strerror(err)) : 0;
}

void host_rdma_dial(struct nvmf_host *h, struct qp *q)
{
	struct qp_rdma *r = calloc(1, sizeof(*r));

	if (!r) {
		host_fail(h, true, "no memory for an RDMA queue");
		return;
	}
	r->q = q;
	r->cm_op.done = cm_ready;
	r->cq_op.done = cq_ready;
	r->reap.run = reap_run;
	if (resolve(r)) {
		destroy(r);
		host_fail(h, true, "%s", refusal());
		return;
	}
	q->rdma = r;
	h->open_streams++;
	arm_cm(r);
}
