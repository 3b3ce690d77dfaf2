/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Life and death of a target's connection. The order of its end: stop the stream; when the stream has
 * let go of every buffer, end the commands that only waited for bytes and leave the controller; when
 * the backends have let go of the rest, free it.
 */
#include "nvmf/tcp.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/refuse.h"
#include "nvme/tls_psk.h"
#include "nvmf/stream_tls.h"

LOG_MODULE("nvmf.tcp");

#define TICK_NS NS_PER_SEC

/* --- slots --- */

static bool grow(struct tcp_conn *c)
{
	uint32_t block = c->slots / TCP_SLOT_BLOCK;
	struct tcp_req *reqs;

	/* answers on their way out occupy slots that the host counts as free: allow as many again */
	if (c->slots >= 2u * c->q.size || block >= TCP_SLOT_BLOCKS)
		return false;
	reqs = calloc(TCP_SLOT_BLOCK, sizeof(*reqs));
	if (!reqs)
		return false;
	c->blocks[block] = reqs;
	for (uint32_t i = TCP_SLOT_BLOCK; i-- > 0;) {
		reqs[i].conn = c;
		reqs[i].nvme.queue = &c->q;
		reqs[i].ttag = (uint16_t)(c->slots + i);
		reqs[i].r2t.kind = TCP_UNIT_R2T;
		reqs[i].rsp.kind = TCP_UNIT_RSP;
		reqs[i].next = c->free;
		c->free = &reqs[i];
	}
	c->slots += TCP_SLOT_BLOCK;
	return true;
}

struct tcp_req *tcp_slot_get(struct tcp_conn *c)
{
	struct tcp_req *req;

	if (unlikely(!c->free) && !grow(c))
		return NULL;
	req = c->free;
	c->free = req->next;
	c->busy++;
	req->buf = NULL;
	req->received = 0;
	req->in_capsule = false;
	return req;
}

struct tcp_req *tcp_slot_find(struct tcp_conn *c, uint16_t ttag)
{
	return ttag < c->slots ? &c->blocks[ttag / TCP_SLOT_BLOCK][ttag % TCP_SLOT_BLOCK] : NULL;
}

static void buf_put(struct tcp_conn *c, uint8_t *buf)
{
	if (unlikely(buf == c->spare)) {
		c->spare_busy = false;
		return;
	}
	c->held -= (uint32_t)reactor_buf_size(c->q.reactor, buf);
	reactor_buf_put(c->q.reactor, buf);
}

void tcp_slot_put(struct tcp_req *req)
{
	struct tcp_conn *c = req->conn;

	assert(req->state != TCP_FREE);
	nvme_request_return(&req->nvme);
	if (req->buf)
		buf_put(c, req->buf);
	req->buf = NULL;
	req->state = TCP_FREE;
	req->next = c->free;
	c->free = req;
	c->busy--;
	if (unlikely(c->want || c->rx == TCP_RX_HANDLE || c->rx == TCP_RX_BUFFER))
		reactor_task_queue(c->q.reactor, &c->resume_task);
}

bool tcp_buf_get(struct tcp_req *req)
{
	struct tcp_conn *c = req->conn;
	uint32_t len = req->nvme.data_len;

	if (unlikely(c->held && c->held + len > c->group->server->options.held_bytes)) {
		c->group->stats.waits++;
		return false; /* its own answers give buffers back, and tcp_slot_put() says so */
	}
	req->buf = reactor_buf_get(c->q.reactor, len);
	if (unlikely(!req->buf)) {
		c->group->stats.waits++;
		reactor_buf_wait(c->q.reactor, &c->waiter);
		return false;
	}
	c->held += (uint32_t)reactor_buf_size(c->q.reactor, req->buf);
	req->nvme.data = req->buf;
	return true;
}

bool tcp_capsule_buf_get(struct tcp_req *req)
{
	struct tcp_conn *c = req->conn;

	if (likely(tcp_buf_get(req)))
		return true;
	if (c->spare_busy)
		return false; /* the command in it is complete and runs: it ends without us reading on */
	if (!c->spare)
		c->spare = aligned_alloc(NVME_PAGE, TCP_IN_CAPSULE_MAX);
	if (!c->spare)
		return false;
	c->spare_busy = true;
	req->nvme.data = req->buf = c->spare;
	return true;
}

static void resume(struct tcp_conn *c)
{
	if (c->closing)
		return;
	tcp_rx_want(c);
	tcp_rx_resume(c);
}

static void buffer_ready(struct reactor_buf_waiter *w)
{
	resume(container_of(w, struct tcp_conn, waiter));
}

static void resume_run(struct reactor_task *task)
{
	struct tcp_conn *c = container_of(task, struct tcp_conn, resume_task);

	resume(c);
	if (c->stream_gone)
		tcp_conn_try_free(c);
}

/* --- the room nvme's calls --- */

void tcp_complete(struct nvme_request *nreq)
{
	struct tcp_req *req = container_of(nreq, struct tcp_req, nvme);
	struct tcp_conn *c = req->conn;

	if (unlikely(c->closing)) {
		tcp_slot_put(req);
		if (c->stream_gone)
			tcp_conn_try_free(c);
		return;
	}
	tcp_tx_answer(req);
}

void tcp_disconnect(struct nvme_queue *q)
{
	struct tcp_conn *c = container_of(q, struct tcp_conn, q);

	if (c->stream_gone) {
		tcp_conn_try_free(c);
		return;
	}
	c->ending = true; /* answers queued already go out first */
	if (!c->tx && !c->sending)
		tcp_conn_close(c);
}

struct nvme_request *tcp_find(struct nvme_queue *q, uint16_t cid)
{
	struct tcp_conn *c = container_of(q, struct tcp_conn, q);

	for (uint32_t i = 0; i < c->slots; i++) {
		struct tcp_req *req = tcp_slot_find(c, (uint16_t)i);

		if (req->state == TCP_EXECUTING && req->nvme.cmd.cid == cid)
			return &req->nvme;
	}
	return NULL;
}

/* --- birth --- */

static void closed(struct stream *s);

const struct stream_user tcp_stream_user = {
	.received = tcp_rx_received,
	.filled = tcp_rx_filled,
	.sent = tcp_tx_sent,
	.closed = closed,
};

/* OpenSSL asks which key the client's identity stands for. */
static int find_psk(void *arg, const uint8_t *identity, size_t len, struct tls_psk *out)
{
	int err = nvme_host_psk(arg, identity, len, out);

	if (err)
		log_warn("TLS: %s", refusal());
	return err;
}

int nvmf_attach(struct nvmf_server *s, struct reactor *r, struct nvme_port *port, struct stream *stream,
	const char *local)
{
	struct tcp_conn *c = calloc(1, sizeof(*c));
	struct tcp_group *g = s->groups;

	int err = 0;

	while (g->reactor != r)
		g++;
	if (!c)
		stream_abandon(stream);
	else if (nvme_port_config(port)->secure)
		err = stream_tls_server(stream, find_psk, s->options.target, &stream);
	if (!c || err) {
		free(c);
		return c ? err : -ENOMEM;
	}
	c->group = g;
	c->stream = stream;
	stream->user = &tcp_stream_user;
	stream->owner = c;
	c->q = (struct nvme_queue){.ops = &s->ops, .reactor = r, .target = s->options.target, .port = port};
	snprintf(c->q.local_addr, sizeof(c->q.local_addr), "%s", local);
	nvme_queue_init(&c->q);
	c->born = c->progress = reactor_now(r);
	c->align = 4;
	c->hdr_need = sizeof(struct pdu_common);
	c->want_tail = &c->want;
	c->ask_tail = &c->ask;
	c->tx_tail = &c->tx;
	c->waiter.ready = buffer_ready;
	c->resume_task.run = resume_run;
	c->flush_task.run = tcp_tx_flush;
	c->own.kind = TCP_UNIT_CONN;
	if (list_is_empty(&g->conns))
		reactor_timer_arm(r, &g->timer, reactor_now(r) + TICK_NS);
	list_push_back(&g->conns, &c->node);
	__atomic_add_fetch(&g->connections, 1, __ATOMIC_RELAXED);
	g->stats.accepted++;
	stream_recv(stream, STREAM_ALL);
	return 0;
}

/* --- death --- */

void tcp_conn_close(struct tcp_conn *c)
{
	if (c->closing)
		return;
	c->closing = true;
	reactor_buf_wait_cancel(c->q.reactor, &c->waiter);
	stream_close(c->stream);
}

void tcp_conn_fail(struct tcp_conn *c, enum pdu_fes fes, uint32_t where, const char *what)
{
	if (c->ending || c->closing)
		return;
	c->group->stats.protocol_errors++;
	log_warn("%s: %s; PDU type %#x, header byte %u; closing the connection",
		c->q.local_addr[0] ? c->q.local_addr : "connection", what, c->hdr[0], where);
	c->ending = true;
	tcp_tx_term(c, fes, where);
}

static void abort_waiting(struct tcp_conn *c)
{
	for (uint32_t i = 0; i < c->slots; i++) {
		struct tcp_req *req = tcp_slot_find(c, (uint16_t)i);

		if (req->state == TCP_WANT_WINDOW || req->state == TCP_WANT_BUFFER || req->state == TCP_RECEIVING)
			nvme_request_complete(&req->nvme, NVME_SC_ABORT_REQUESTED | NVME_SC_DNR);
	}
}

static void closed(struct stream *s)
{
	struct tcp_conn *c = s->owner;

	c->closing = true;
	c->want = c->ask = NULL;
	tcp_tx_drop(c);
	abort_waiting(c);
	nvme_queue_close(&c->q);
	c->stream_gone = true;
	tcp_conn_try_free(c);
}

void tcp_conn_try_free(struct tcp_conn *c)
{
	struct tcp_group *g = c->group;

	if (c->busy || !nvme_queue_idle(&c->q) || c->rx_running)
		return;
	if (c->resume_task.queued || c->flush_task.queued)
		return; /* both tasks end by calling us again when the stream is gone */
	reactor_buf_wait_cancel(c->q.reactor, &c->waiter);
	list_remove(&c->node);
	if (list_is_empty(&g->conns))
		reactor_timer_cancel(g->reactor, &g->timer);
	g->stats.closed++;
	__atomic_sub_fetch(&g->connections, 1, __ATOMIC_RELEASE);
	for (uint32_t i = 0; i < TCP_SLOT_BLOCKS && c->blocks[i]; i++)
		free(c->blocks[i]);
	free(c->spare);
	free(c);
}

/* --- the clock --- */

static const char *overdue(const struct tcp_conn *c, uint64_t now)
{
	const struct nvmf_server_options *o = &c->group->server->options;
	bool middle = c->sending || c->rx != TCP_RX_HEADER || c->hdr_have;

	for (uint32_t i = 0; !middle && i < c->slots; i++)
		middle = c->blocks[i / TCP_SLOT_BLOCK][i % TCP_SLOT_BLOCK].state == TCP_RECEIVING;
	if (!c->q.ctrl && now - c->born > o->hello_ms * NS_PER_MS)
		return "no Connect";
	if (c->ending && now - c->progress > 2 * NS_PER_SEC)
		return "no end";
	if (middle && now - c->progress > o->stall_ms * NS_PER_MS)
		return "no progress in the middle of a transfer";
	return NULL;
}

void tcp_group_tick(struct reactor_timer *timer)
{
	struct tcp_group *g = container_of(timer, struct tcp_group, timer);
	uint64_t now = reactor_now(g->reactor);
	struct tcp_conn *c, *next;

	reactor_timer_arm(g->reactor, timer, now + TICK_NS);
	list_for_each_safe (c, next, &g->conns, node) {
		const char *why = c->closing ? NULL : overdue(c, now);

		if (!why)
			continue;
		g->stats.timeouts++;
		log_warn("%s: %s; closing the connection", c->q.local_addr, why);
		tcp_conn_close(c);
	}
}
