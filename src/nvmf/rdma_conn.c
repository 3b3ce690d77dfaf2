/* SPDX-License-Identifier: BSD-3-Clause */
/* One queue pair of the RDMA target. */
#include "nvmf/rdma.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"

LOG_MODULE("nvmf.rdma");

enum { WR_RECV = 0, WR_ANSWER = 1, WR_READ = 2, WR_MASK = 3 }; /* low bits of wr_id */

static void run(struct rdma_req *req);
static void reap_later(struct rdma_conn *c);

/* --- posting --- */

static bool post_recv(struct rdma_conn *c, struct rdma_recv *recv)
{
	struct ibv_sge sge[2] = {{(uintptr_t)recv->cmd, sizeof(*recv->cmd), c->slots_mr->lkey},
		{(uintptr_t)recv->data, RDMA_IN_CAPSULE, c->slots_mr->lkey}};
	struct ibv_recv_wr wr = {.wr_id = (uintptr_t)recv | WR_RECV, .sg_list = sge, .num_sge = 2}, *bad;

	if (c->closing || ibv_post_recv(c->id->qp, &wr, &bad))
		return false;
	c->posted_recvs++;
	return true;
}

static bool post_send(struct rdma_conn *c, struct ibv_send_wr *wr)
{
	struct ibv_send_wr *bad;

	if (c->closing || ibv_post_send(c->id->qp, wr, &bad)) {
		rdma_conn_close(c);
		return false;
	}
	c->posted_sends++; /* signaled ones: the last of each chain */
	return true;
}

static void req_put(struct rdma_req *req)
{
	struct rdma_conn *c = req->conn;

	if (req->buf)
		reactor_buf_put(c->q.reactor, req->buf);
	req->buf = NULL;
	req->state = RDMA_FREE;
	req->next = c->free;
	c->free = req;
	c->busy--;
}

/* --- answers --- */

static bool sends_data(const struct rdma_req *req)
{
	return req->nvme.dir == NVME_DIR_TO_HOST && !req->nvme.status && req->nvme.data_len;
}

static void answer(struct rdma_req *req)
{
	struct rdma_conn *c = req->conn;
	struct nvme_cqe *cqe = &c->answers[req - c->reqs];
	struct ibv_sge data = {(uintptr_t)req->buf, req->nvme.data_len, c->dev->arena->lkey};
	struct ibv_sge text = {(uintptr_t)cqe, sizeof(*cqe), c->answers_mr->lkey};
	struct ibv_send_wr send = {.wr_id = (uintptr_t)req | WR_ANSWER, .sg_list = &text, .num_sge = 1,
		.opcode = req->invalidate ? IBV_WR_SEND_WITH_INV : IBV_WR_SEND, .send_flags = IBV_SEND_SIGNALED};
	struct ibv_send_wr write = {.sg_list = &data, .num_sge = 1, .opcode = IBV_WR_RDMA_WRITE, .next = &send,
		.wr.rdma = {.remote_addr = req->remote_addr, .rkey = req->remote_key}};

	*cqe = req->nvme.cqe;
	if (req->invalidate)
		send.invalidate_rkey = req->remote_key;
	req->state = RDMA_ANSWERING;
	if (!post_send(c, sends_data(req) ? &write : &send))
		req_put(req);
}

void rdma_conn_complete(struct nvme_request *nreq)
{
	struct rdma_req *req = container_of(nreq, struct rdma_req, nvme);
	struct rdma_conn *c = req->conn;

	if (c->closing) {
		req_put(req);
		reap_later(c);
		return;
	}
	if (!post_recv(c, req->recv)) {
		req_put(req);
		rdma_conn_close(c);
		return;
	}
	req->recv = NULL;
	answer(req);
}

struct nvme_request *rdma_conn_find(struct nvme_queue *q, uint16_t cid)
{
	struct rdma_conn *c = container_of(q, struct rdma_conn, q);

	for (unsigned i = 0; i < c->req_count; i++)
		if (c->reqs[i].state == RDMA_EXECUTING && c->reqs[i].nvme.cmd.cid == cid)
			return &c->reqs[i].nvme;
	return NULL;
}

/* --- commands --- */

static void execute(struct rdma_req *req)
{
	req->state = RDMA_EXECUTING;
	nvme_request_execute(&req->nvme);
}

static void read_data(struct rdma_req *req)
{
	struct rdma_conn *c = req->conn;
	struct ibv_sge sge = {(uintptr_t)req->buf, req->nvme.data_len, c->dev->arena->lkey};
	struct ibv_send_wr wr = {.wr_id = (uintptr_t)req | WR_READ, .sg_list = &sge, .num_sge = 1,
		.opcode = IBV_WR_RDMA_READ, .send_flags = IBV_SEND_SIGNALED,
		.wr.rdma = {.remote_addr = req->remote_addr, .rkey = req->remote_key}};

	req->state = RDMA_READING;
	if (!post_send(c, &wr)) {
		req->state = RDMA_EXECUTING;
		nvme_request_complete(&req->nvme, NVME_SC_DATA_TRANSFER_ERROR);
	}
}

static bool get_buffer(struct rdma_req *req)
{
	req->buf = reactor_buf_get(req->conn->q.reactor, req->nvme.data_len);
	req->nvme.data = req->buf;
	if (!req->buf)
		reactor_buf_wait(req->conn->q.reactor, &req->conn->waiter);
	return req->buf;
}

static void run_want(struct rdma_conn *c)
{
	while (c->want && !c->closing) {
		struct rdma_req *req = c->want;

		if (!get_buffer(req))
			return;
		c->want = req->next;
		if (!c->want)
			c->want_tail = &c->want;
		run(req);
	}
}

static void buffer_ready(struct reactor_buf_waiter *w)
{
	run_want(container_of(w, struct rdma_conn, waiter));
}

/* With its buffer there. */
static void run(struct rdma_req *req)
{
	if (req->nvme.dir == NVME_DIR_FROM_HOST)
		read_data(req);
	else
		execute(req);
}

/* Where the data is: 0, or the status of an SGL we cannot follow. */
static uint16_t parse_sgl(struct rdma_req *req, bool *inside)
{
	const struct nvme_sgl *sgl = &req->nvme.cmd.sgl;
	uint8_t kind = sgl->type >> 4, sub = sgl->type & 0xf;

	*inside = false;
	if (req->nvme.dir == NVME_DIR_NONE || !req->nvme.data_len)
		return 0;
	if (kind == NVME_SGL_KEYED_DATA_BLOCK && (sub == NVME_SGL_ADDRESS || sub == NVME_SGL_INVALIDATE)) {
		req->remote_addr = sgl->keyed.addr;
		memcpy(&req->remote_key, sgl->keyed.key, sizeof(req->remote_key));
		req->invalidate = sub == NVME_SGL_INVALIDATE;
		return 0;
	}
	if (kind != NVME_SGL_DATA_BLOCK || sub != NVME_SGL_OFFSET || req->nvme.dir != NVME_DIR_FROM_HOST)
		return NVME_SC_SGL_INVALID_TYPE | NVME_SC_DNR;
	if (sgl->addr || sgl->length > RDMA_IN_CAPSULE || req->recv->bytes < sizeof(struct nvme_cmd) + sgl->length)
		return NVME_SC_SGL_INVALID_OFFSET | NVME_SC_DNR;
	*inside = true;
	return 0;
}

static void start(struct rdma_conn *c, struct rdma_recv *recv)
{
	struct rdma_req *req = c->free;
	uint16_t status;
	bool inside = false;

	c->free = req->next;
	c->busy++;
	req->recv = recv;
	req->buf = NULL;
	req->invalidate = false;
	req->state = RDMA_EXECUTING;
	req->nvme.cmd = *recv->cmd;
	status = nvme_request_init(&req->nvme);
	if (!status)
		status = parse_sgl(req, &inside);
	if (status) {
		nvme_request_complete(&req->nvme, status);
	} else if (inside) {
		req->nvme.data = recv->data;
		execute(req);
	} else if (req->nvme.dir == NVME_DIR_NONE || !req->nvme.data_len) {
		execute(req);
	} else if (c->want || !get_buffer(req)) {
		req->state = RDMA_WANT_BUFFER;
		req->next = NULL;
		*c->want_tail = req;
		c->want_tail = &req->next;
	} else {
		run(req);
	}
}

static void arrived(struct rdma_conn *c, struct rdma_recv *recv, uint32_t bytes)
{
	recv->bytes = bytes;
	recv->next = NULL;
	if (bytes < sizeof(struct nvme_cmd) || !c->free) {
		/* a host that sends more than its queue holds, or no command at all */
		log_warn("%s: a capsule of %u bytes that no host may send; closing", c->q.local_addr, bytes);
		rdma_conn_close(c);
		return;
	}
	start(c, recv);
}

/* --- completions --- */

static void answered(struct rdma_conn *c, struct rdma_req *req, bool ok)
{
	req_put(req);
	if (!ok)
		rdma_conn_close(c);
	else
		run_want(c);
}

static void read_done(struct rdma_req *req, bool ok)
{
	struct rdma_conn *c = req->conn;

	if (ok && !c->closing) {
		execute(req);
		return;
	}
	rdma_conn_close(c);
	req->state = RDMA_EXECUTING;
	nvme_request_complete(&req->nvme, NVME_SC_DATA_TRANSFER_ERROR);
}

static void completion(struct rdma_conn *c, const struct ibv_wc *wc)
{
	void *what = (void *)(uintptr_t)(wc->wr_id & ~(uint64_t)WR_MASK);
	bool ok = wc->status == IBV_WC_SUCCESS;

	if (!wc->wr_id) /* an unsignaled write that was flushed: its answer is flushed as well */
		return;
	switch (wc->wr_id & WR_MASK) {
	case WR_RECV:
		c->posted_recvs--;
		if (ok && !c->closing)
			arrived(c, what, wc->byte_len);
		else if (!ok)
			rdma_conn_close(c);
		break;
	case WR_ANSWER:
		c->posted_sends--;
		answered(c, what, ok);
		break;
	default:
		c->posted_sends--;
		read_done(what, ok);
	}
}

static void poll_cq(struct rdma_conn *c)
{
	struct ibv_wc wc[16];
	int n;

	while ((n = ibv_poll_cq(c->cq, 16, wc)) > 0)
		for (int i = 0; i < n; i++)
			completion(c, &wc[i]);
}

static void arm(struct rdma_conn *c)
{
	reactor_watch(c->q.reactor, &c->poll_op, c->channel->fd);
	c->armed = true;
}

static void channel_ready(struct reactor_op *op, int res, uint32_t flags)
{
	struct rdma_conn *c = container_of(op, struct rdma_conn, poll_op);
	struct ibv_cq *cq;
	void *arg;

	c->armed = false;
	while (!ibv_get_cq_event(c->channel, &cq, &arg))
		ibv_ack_cq_events(cq, 1);
	if (ibv_req_notify_cq(c->cq, 0)) /* before polling: what comes in between is an event again */
		rdma_conn_close(c);
	poll_cq(c);
	if (!c->cancelled)
		arm(c);
	if (c->closing)
		reap_later(c);
}

/* --- end --- */

void rdma_conn_close(struct rdma_conn *c)
{
	struct ibv_qp_attr err = {.qp_state = IBV_QPS_ERR};

	if (c->closing)
		return;
	c->closing = true;
	reactor_buf_wait_cancel(c->q.reactor, &c->waiter);
	rdma_disconnect(c->id);
	ibv_modify_qp(c->id->qp, &err, IBV_QP_STATE); /* everything posted comes back flushed */
	reap_later(c);
}

void rdma_conn_disconnect(struct nvme_queue *q)
{
	struct rdma_conn *c = container_of(q, struct rdma_conn, q);

	rdma_conn_close(c);
	reap_later(c);
}

static void abort_waiting(struct rdma_conn *c)
{
	while (c->want) {
		struct rdma_req *req = c->want;

		c->want = req->next;
		nvme_request_complete(&req->nvme, NVME_SC_ABORT_REQUESTED | NVME_SC_DNR);
	}
}

static void conn_free(struct rdma_conn *c)
{
	struct rdma_listener *l = c->listener;

	list_remove(&c->node);
	l->count--;
	if (c->id && c->id->qp)
		rdma_destroy_qp(c->id);
	if (c->cq)
		ibv_destroy_cq(c->cq);
	if (c->channel)
		ibv_destroy_comp_channel(c->channel);
	if (c->slots_mr)
		ibv_dereg_mr(c->slots_mr);
	if (c->answers_mr)
		ibv_dereg_mr(c->answers_mr);
	if (c->id)
		rdma_destroy_id(c->id);
	free(c->memory);
	free(c->recvs);
	free(c->reqs);
	free(c->answers);
	free(c);
}

static void reap_run(struct reactor_task *task)
{
	struct rdma_conn *c = container_of(task, struct rdma_conn, reap);

	if (!c->q.closed) {
		abort_waiting(c);
		nvme_queue_close(&c->q);
	}
	poll_cq(c);
	if (c->posted_recvs || c->posted_sends || c->busy || !nvme_queue_idle(&c->q) || c->reap.queued)
		return;
	if (c->armed) {
		if (!c->cancelled)
			reactor_unwatch(c->q.reactor, &c->poll_op);
		c->cancelled = true;
		return; /* channel_ready() brings us back */
	}
	conn_free(c);
}

static void reap_later(struct rdma_conn *c)
{
	reactor_task_queue(c->q.reactor, &c->reap);
}

/* --- birth --- */

static bool make_memory(struct rdma_conn *c)
{
	size_t data = (size_t)c->depth * RDMA_IN_CAPSULE, cmds = (size_t)c->depth * sizeof(struct nvme_cmd);

	cmds = (cmds + 4095) / 4096 * 4096;
	c->memory = aligned_alloc(4096, data + cmds);
	c->recvs = calloc(c->depth, sizeof(*c->recvs));
	c->reqs = calloc(c->req_count, sizeof(*c->reqs));
	c->answers = calloc(c->req_count, sizeof(*c->answers));
	if (!c->memory || !c->recvs || !c->reqs || !c->answers)
		return false;
	c->slots_mr = ibv_reg_mr(c->dev->pd, c->memory, data + cmds, IBV_ACCESS_LOCAL_WRITE);
	c->answers_mr = ibv_reg_mr(c->dev->pd, c->answers, c->req_count * sizeof(*c->answers), IBV_ACCESS_LOCAL_WRITE);
	for (unsigned i = 0; i < c->depth; i++) {
		c->recvs[i].data = c->memory + (size_t)i * RDMA_IN_CAPSULE;
		c->recvs[i].cmd = (struct nvme_cmd *)(c->memory + data) + i;
	}
	for (unsigned i = c->req_count; i-- > 0;) {
		c->reqs[i].conn = c;
		c->reqs[i].nvme.queue = &c->q;
		c->reqs[i].next = c->free;
		c->free = &c->reqs[i];
	}
	return c->slots_mr && c->answers_mr;
}

static bool make_queue_pair(struct rdma_conn *c)
{
	struct ibv_qp_init_attr attr = {.qp_type = IBV_QPT_RC,
		.cap = {.max_send_wr = 2 * c->req_count + 1, .max_recv_wr = c->depth + 1, .max_send_sge = 1,
			.max_recv_sge = 2}};

	c->channel = ibv_create_comp_channel(c->id->verbs);
	if (!c->channel || fcntl(c->channel->fd, F_SETFL, O_NONBLOCK))
		return false;
	c->cq = ibv_create_cq(c->id->verbs, (int)(c->depth + 3 * c->req_count), c, c->channel, 0);
	if (!c->cq || ibv_req_notify_cq(c->cq, 0))
		return false;
	attr.send_cq = attr.recv_cq = c->cq;
	return !rdma_create_qp(c->id, c->dev->pd, &attr);
}

static void note_address(struct rdma_conn *c)
{
	const struct sockaddr *sa = rdma_get_local_addr(c->id);
	const void *bytes = sa->sa_family == AF_INET6 ? (const void *)&((const struct sockaddr_in6 *)sa)->sin6_addr
						      : (const void *)&((const struct sockaddr_in *)sa)->sin_addr;

	inet_ntop(sa->sa_family, bytes, c->q.local_addr, sizeof(c->q.local_addr));
}

struct rdma_conn *rdma_conn_create(struct rdma_listener *l, struct rdma_dev *dev, struct rdma_cm_id *id,
	unsigned depth)
{
	struct rdma_conn *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->listener = l;
	c->dev = dev;
	c->id = id;
	c->depth = depth;
	c->req_count = 2 * depth; /* answers on their way out are not the host's any more */
	c->want_tail = &c->want;
	c->waiter.ready = buffer_ready;
	c->poll_op.done = channel_ready;
	c->reap.run = reap_run;
	c->born = reactor_now(l->reactor);
	c->q = (struct nvme_queue){.ops = &l->ops, .reactor = l->reactor, .target = l->target, .port = l->port};
	note_address(c);
	list_push_back(&l->conns, &c->node);
	l->count++;
	if (!make_memory(c) || !make_queue_pair(c)) {
		c->id = NULL; /* the caller's to reject and destroy */
		if (id->qp)
			rdma_destroy_qp(id);
		conn_free(c);
		return NULL;
	}
	nvme_queue_init(&c->q);
	for (unsigned i = 0; i < depth; i++) /* one less would only be slower: the host waits for those that are */
		post_recv(c, &c->recvs[i]);
	id->context = c;
	arm(c);
	return c;
}
