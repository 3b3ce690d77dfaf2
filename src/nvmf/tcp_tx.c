/* SPDX-License-Identifier: BSD-3-Clause */
/* Answers to bytes: units queue up during an iteration and leave in one send at its end. */
#include "nvmf/tcp.h"

#include <string.h>

#include "nvmf/digest.h"

static void queue(struct tcp_conn *c, struct tcp_unit *u)
{
	u->next = NULL;
	*c->tx_tail = u;
	c->tx_tail = &u->next;
	if (!c->sending)
		reactor_task_queue(c->q.reactor, &c->flush_task);
}

/* --- the connection's own PDUs --- */

void tcp_tx_ic_resp(struct tcp_conn *c)
{
	struct pdu_ic ic = {.ch = {.type = PDU_IC_RESP, .hlen = sizeof(ic), .plen = sizeof(ic)},
		.digest = (uint8_t)((c->hdgst ? PDU_USE_HDGST : 0) | (c->ddgst ? PDU_USE_DDGST : 0)),
		.max = TCP_MAX_H2C};

	memcpy(c->own_pdu, &ic, sizeof(ic));
	c->own_len = sizeof(ic);
	queue(c, &c->own);
}

void tcp_tx_term(struct tcp_conn *c, enum pdu_fes fes, uint32_t where)
{
	uint32_t data = MIN_OF(c->hdr_have, PDU_TERM_DATA_MAX);
	struct pdu_term t = {.ch = {.type = PDU_C2H_TERM, .hlen = sizeof(t), .plen = sizeof(t) + data},
		.fes = (uint16_t)fes, .fei = where};

	if (c->own_len && !c->ready) { /* the ICResp is still on its way: no PDU to say it with */
		tcp_conn_close(c);
		return;
	}
	for (struct tcp_unit *u = c->tx; u; u = u->next)
		if (u == &c->own) {
			tcp_conn_close(c);
			return;
		}
	for (struct tcp_unit *u = c->tx_busy; u; u = u->next)
		if (u == &c->own) {
			tcp_conn_close(c);
			return;
		}
	memcpy(c->own_pdu, &t, sizeof(t));
	memcpy(c->own_pdu + sizeof(t), c->hdr, data);
	c->own_len = sizeof(t) + data;
	queue(c, &c->own);
}

/* --- commands --- */

void tcp_tx_r2t(struct tcp_req *req)
{
	struct pdu_r2t *r = (struct pdu_r2t *)req->head;
	uint32_t digest_len = req->conn->hdgst ? PDU_DIGEST : 0;

	*r = (struct pdu_r2t){.ch = {.type = PDU_R2T, .hlen = sizeof(*r),
				      .plen = (uint32_t)sizeof(*r) + digest_len},
		.cccid = req->nvme.cmd.cid, .ttag = req->ttag, .r2to = 0, .r2tl = req->nvme.data_len};
	req->head_len = digest_seal(req->head, sizeof(*r), req->conn->hdgst);
	queue(req->conn, &req->r2t);
}

/* Header, digest and padding of the data; the data digest opens the tail. */
static void build_data(struct tcp_req *req, bool success)
{
	struct tcp_conn *c = req->conn;
	struct pdu_data *d = (struct pdu_data *)req->head;
	uint32_t len = req->nvme.data_len, head = (uint32_t)sizeof(*d) + (c->hdgst ? PDU_DIGEST : 0);
	uint32_t pdo = (head + c->align - 1) / c->align * c->align;

	memset(req->head, 0, pdo);
	*d = (struct pdu_data){.ch = {.type = PDU_C2H_DATA,
				      .flags = (uint8_t)(PDU_DATA_LAST | (success ? PDU_DATA_SUCCESS : 0) |
							 (c->ddgst ? PDU_DDGST : 0)),
				      .hlen = sizeof(*d), .pdo = (uint8_t)pdo,
				      .plen = pdo + len + (c->ddgst ? PDU_DIGEST : 0)},
		.cccid = req->nvme.cmd.cid, .datal = len};
	digest_seal(req->head, sizeof(*d), c->hdgst);
	req->head_len = (uint8_t)pdo;
	if (c->ddgst) {
		uint32_t sum = digest(req->nvme.data, len);

		memcpy(req->tail, &sum, sizeof(sum));
		req->tail_len = PDU_DIGEST;
	}
}

static void build_rsp(struct tcp_req *req)
{
	struct pdu_rsp *r = (struct pdu_rsp *)(req->tail + req->tail_len);
	uint32_t digest_len = req->conn->hdgst ? PDU_DIGEST : 0;

	r->ch = (struct pdu_common){.type = PDU_RSP, .hlen = sizeof(*r),
		.plen = (uint32_t)sizeof(*r) + digest_len};
	r->cqe = req->nvme.cqe;
	req->tail_len = (uint8_t)(req->tail_len + digest_seal(r, sizeof(*r), req->conn->hdgst));
}

void tcp_tx_answer(struct tcp_req *req)
{
	bool data = req->nvme.dir == NVME_DIR_TO_HOST && !req->nvme.status && req->nvme.data_len;
	/* the host makes the completion itself when there is nothing in it (TP8000, 3.6.2.6) */
	bool success = data && req->conn->q.no_sqfc && !req->nvme.cqe.result64;

	req->state = TCP_ANSWERING;
	req->head_len = 0;
	req->tail_len = 0;
	req->has_rsp = data;
	if (data)
		build_data(req, success);
	if (!success)
		build_rsp(req);
	queue(req->conn, &req->rsp);
}

/* --- sending --- */

static int add_rsp(struct tcp_req *req, struct iovec *iov)
{
	int n = 0;

	if (req->has_rsp) {
		iov[n++] = (struct iovec){req->head, req->head_len};
		iov[n++] = (struct iovec){req->nvme.data, req->nvme.data_len};
	}
	if (req->tail_len)
		iov[n++] = (struct iovec){req->tail, req->tail_len};
	return n;
}

static int add_unit(struct tcp_conn *c, struct tcp_unit *u, struct iovec *iov)
{
	struct tcp_req *req;

	switch (u->kind) {
	case TCP_UNIT_CONN:
		*iov = (struct iovec){c->own_pdu, c->own_len};
		return 1;
	case TCP_UNIT_R2T:
		req = container_of(u, struct tcp_req, r2t);
		*iov = (struct iovec){req->head, req->head_len};
		return 1;
	default:
		return add_rsp(container_of(u, struct tcp_req, rsp), iov);
	}
}

static bool is_lent(struct tcp_unit *u)
{
	return u->kind == TCP_UNIT_RSP && container_of(u, struct tcp_req, rsp)->nvme.lender;
}

static void flush(struct tcp_conn *c)
{
	struct tcp_unit **tail = &c->tx_busy;
	bool lent = false;
	size_t bytes = 0;
	int n = 0;

	while (c->tx && n + 3 <= TCP_IOV && bytes < TCP_SEND_BYTES) {
		struct tcp_unit *u = c->tx;
		int more = add_unit(c, u, c->iov + n);

		lent |= is_lent(u);
		c->tx = u->next;
		while (more--)
			bytes += c->iov[n++].iov_len;
		u->next = NULL;
		*tail = u;
		tail = &u->next;
	}
	if (!c->tx)
		c->tx_tail = &c->tx;
	c->sending = true;
	if (lent)
		stream_send_steady(c->stream, c->iov, n);
	else
		stream_send(c->stream, c->iov, n);
}

void tcp_tx_flush(struct reactor_task *task)
{
	struct tcp_conn *c = container_of(task, struct tcp_conn, flush_task);

	if (c->tx && !c->sending && !c->closing)
		flush(c);
	if (c->stream_gone)
		tcp_conn_try_free(c);
}

static void release(struct tcp_unit *u)
{
	if (u->kind == TCP_UNIT_RSP)
		tcp_slot_put(container_of(u, struct tcp_req, rsp));
}

static void release_all(struct tcp_unit **list)
{
	struct tcp_unit *u;

	while ((u = *list)) {
		*list = u->next;
		release(u);
	}
}

void tcp_tx_sent(struct stream *s, int err)
{
	struct tcp_conn *c = s->owner;

	c->sending = false;
	c->progress = reactor_now(c->q.reactor);
	release_all(&c->tx_busy);
	if (err || (c->ending && !c->tx)) {
		tcp_conn_close(c);
		return;
	}
	if (c->tx)
		flush(c);
}

void tcp_tx_drop(struct tcp_conn *c)
{
	c->sending = false;
	release_all(&c->tx_busy);
	release_all(&c->tx);
	c->tx_tail = &c->tx;
}
