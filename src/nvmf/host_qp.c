/* SPDX-License-Identifier: BSD-3-Clause */
/* One queue of a host: commands to PDUs and back. Units queue during an iteration and leave in one send. */
#include <errno.h>
#include <stdlib.h>

#include "nvmf/digest.h"
#include "nvmf/host_int.h"

/* --- sending --- */

static void queue(struct qp *q, struct qp_unit *u)
{
	u->next = NULL;
	u->busy = true;
	*q->tx_tail = u;
	q->tx_tail = &u->next;
	if (!q->sending)
		reactor_task_queue(q->host->o.reactor, &q->flush_task);
}

static void send_ic(struct qp *q)
{
	q->ic = (struct pdu_ic){.ch = {.type = PDU_IC_REQ, .hlen = sizeof(q->ic), .plen = sizeof(q->ic)},
		.digest = (uint8_t)((q->host->o.hdgst ? PDU_USE_HDGST : 0) |
				    (q->host->o.ddgst ? PDU_USE_DDGST : 0))};
	q->ic_unit.kind = QP_IC;
	queue(q, &q->ic_unit);
}

static uint32_t pad_to(uint32_t head, uint32_t align)
{
	return (head + align - 1) / align * align;
}

/* The command capsule; small writes carry their data. */
static void send_cmd(struct qp *q, struct qp_slot *s)
{
	struct nvmf_io *io = s->io;
	struct pdu_cmd *p = &s->pdu;
	uint32_t head = (uint32_t)sizeof(*p) + (q->hdgst ? PDU_DIGEST : 0);
	bool inside = io->dir == NVME_DIR_FROM_HOST && io->len && io->len <= q->capsule;

	io->cmd.flags = (uint8_t)((io->cmd.flags & NVME_FUSE_MASK) | NVME_PSDT_SGL);
	io->cmd.cid = s->cid;
	p->ch = (struct pdu_common){.type = PDU_CMD, .hlen = sizeof(*p), .plen = head};
	p->cmd = io->cmd;
	s->has_capsule_data = inside;
	s->data_pad = 0;
	if (io->cmd.opcode != NVME_FABRICS || io->len) {
		p->cmd.sgl = (struct nvme_sgl){.addr = 0, .length = io->dir == NVME_DIR_NONE ? 0 : io->len,
			.type = inside ? NVME_SGL_DATA_BLOCK << 4 | NVME_SGL_OFFSET
				       : NVME_SGL_TRANSPORT_DATA_BLOCK << 4 | NVME_SGL_TRANSPORT};
	}
	if (inside) {
		p->ch.pdo = (uint8_t)pad_to(head, q->cpda);
		s->data_pad = (uint8_t)(p->ch.pdo - head);
		p->ch.plen = p->ch.pdo + io->len + (q->ddgst ? PDU_DIGEST : 0);
		if (q->ddgst) {
			uint32_t d = digest(io->buf, io->len);

			p->ch.flags |= PDU_DDGST;
			memcpy(s->digest, &d, sizeof(d));
		}
	}
	s->cmd_len = digest_seal(p, sizeof(*p), q->hdgst);
	s->cmd_unit.kind = QP_CMD;
	queue(q, &s->cmd_unit);
}

/* The next piece of what an R2T asked for. */
static void send_data(struct qp *q, struct qp_slot *s)
{
	struct pdu_data *d = (struct pdu_data *)s->data_head;
	uint32_t head = (uint32_t)sizeof(*d) + (q->hdgst ? PDU_DIGEST : 0), pdo = pad_to(head, q->cpda);

	s->piece = MIN_OF(s->r2t_left, q->max_h2c);
	memset(s->data_head, 0, pdo);
	*d = (struct pdu_data){.ch = {.type = PDU_H2C_DATA,
				      .flags = (uint8_t)((s->piece == s->r2t_left ? PDU_DATA_LAST : 0) |
							 (q->ddgst ? PDU_DDGST : 0)),
				      .hlen = sizeof(*d), .pdo = (uint8_t)pdo,
				      .plen = pdo + s->piece + (q->ddgst ? PDU_DIGEST : 0)},
		.cccid = s->cid, .ttag = s->ttag, .datao = s->r2t_offset, .datal = s->piece};
	digest_seal(d, sizeof(*d), q->hdgst);
	s->data_len = (uint8_t)pdo;
	if (q->ddgst) {
		uint32_t sum = digest((uint8_t *)s->io->buf + s->r2t_offset, s->piece);

		memcpy(s->digest, &sum, sizeof(sum));
	}
	s->data_unit.kind = QP_DATA;
	queue(q, &s->data_unit);
}

static const uint8_t padding[PDU_ALIGN_MAX];

static int add_cmd(struct qp *q, struct qp_slot *s, struct iovec *iov)
{
	int n = 0;

	iov[n++] = (struct iovec){&s->pdu, s->cmd_len};
	if (!s->has_capsule_data)
		return n;
	if (s->data_pad)
		iov[n++] = (struct iovec){(void *)(uintptr_t)padding, s->data_pad};
	iov[n++] = (struct iovec){s->io->buf, s->io->len};
	if (q->ddgst)
		iov[n++] = (struct iovec){s->digest, PDU_DIGEST};
	return n;
}

static int add_data(struct qp *q, struct qp_slot *s, struct iovec *iov)
{
	int n = 0;

	iov[n++] = (struct iovec){s->data_head, s->data_len};
	iov[n++] = (struct iovec){(uint8_t *)s->io->buf + s->r2t_offset, s->piece};
	if (q->ddgst)
		iov[n++] = (struct iovec){s->digest, PDU_DIGEST};
	return n;
}

static int add_unit(struct qp *q, struct qp_unit *u, struct iovec *iov)
{
	if (u->kind == QP_CMD)
		return add_cmd(q, container_of(u, struct qp_slot, cmd_unit), iov);
	if (u->kind == QP_DATA)
		return add_data(q, container_of(u, struct qp_slot, data_unit), iov);
	*iov = (struct iovec){&q->ic, sizeof(q->ic)};
	return 1;
}

static void flush(struct qp *q)
{
	struct qp_unit **tail = &q->tx_busy;
	int n = 0;

	while (q->tx && n + 4 <= QP_IOV) {
		struct qp_unit *u = q->tx;

		q->tx = u->next;
		n += add_unit(q, u, q->iov + n);
		u->next = NULL;
		*tail = u;
		tail = &u->next;
	}
	if (!q->tx)
		q->tx_tail = &q->tx;
	q->sending = true;
	stream_send(q->stream, q->iov, n);
}

static void flush_run(struct reactor_task *task)
{
	struct qp *q = container_of(task, struct qp, flush_task);

	if (q->tx && !q->sending && q->stream && !q->closing)
		flush(q);
}

static void finish(struct qp *q, struct qp_slot *s);

/* A unit has left; what waited for that goes on. */
static void unit_sent(struct qp *q, struct qp_unit *u)
{
	struct qp_slot *s;

	u->busy = false;
	if (u->kind == QP_IC)
		return;
	if (u->kind == QP_CMD) {
		s = container_of(u, struct qp_slot, cmd_unit);
	} else {
		s = container_of(u, struct qp_slot, data_unit);
		s->r2t_offset += s->piece;
		s->r2t_left -= s->piece;
		if (!s->r2t_left && s->next_len) {
			s->ttag = s->next_ttag;
			s->r2t_offset = s->next_offset;
			s->r2t_left = s->next_len;
			s->next_len = 0;
		}
		if (s->r2t_left && !s->done_waits)
			send_data(q, s);
	}
	if (s->done_waits && !s->cmd_unit.busy && !s->data_unit.busy)
		finish(q, s);
}

static void sent(struct stream *st, int err)
{
	struct qp *q = st->owner;

	q->sending = false;
	while (q->tx_busy) {
		struct qp_unit *u = q->tx_busy;

		q->tx_busy = u->next;
		unit_sent(q, u);
	}
	if (err)
		host_qp_failed(q, "the connection broke while sending");
	else if (q->tx && !q->closing)
		flush(q);
}

/* --- slots --- */

static void start(struct qp *q, struct nvmf_io *io)
{
	struct qp_slot *s = q->free;

	q->free = s->next;
	q->busy++;
	s->io = io;
	s->done_waits = false;
	s->r2t_left = s->next_len = 0;
	io->slot = s->cid;
	io->received = 0;
	if (q->rdma)
		host_rdma_send(q, s);
	else
		send_cmd(q, s);
}

void qp_submit(struct qp *q, struct nvmf_io *io)
{
	io->submitted = reactor_now(q->host->o.reactor);
	io->next = NULL;
	if (q->failed || q->closing || !q->up) {
		nvmf_io_finish(io, NVME_SC_HOST_PATH_ERROR);
		return;
	}
	if (!q->free) {
		*q->line_tail = io;
		q->line_tail = &io->next;
		return;
	}
	start(q, io);
}

static void next_in_line(struct qp *q)
{
	while (q->line && q->free && !q->failed) {
		struct nvmf_io *io = q->line;

		q->line = io->next;
		if (!q->line)
			q->line_tail = &q->line;
		start(q, io);
	}
}

/* The buffer goes back to the caller, so nothing of the command may still be on its way out: the host
 * gets the answer to a command whose bytes the kernel has, but whose send we have not yet seen end. */
static void finish(struct qp *q, struct qp_slot *s)
{
	struct nvmf_io *io = s->io;

	if (s->cmd_unit.busy || s->data_unit.busy) {
		s->done_waits = true;
		return;
	}
	s->io = NULL;
	s->done_waits = false;
	s->next = q->free;
	q->free = s;
	q->busy--;
	next_in_line(q);
	nvmf_io_finish(io, io->cqe.status >> 1);
}

static struct qp_slot *find(struct qp *q, uint16_t cid)
{
	struct qp_slot *s = cid < q->size ? &q->slots[cid] : NULL;

	return s && s->io && !s->done_waits ? s : NULL;
}

void qp_abort(struct qp *q, uint16_t status)
{
	struct nvmf_io *line = q->line;

	q->tx = q->tx_busy = NULL;
	q->tx_tail = &q->tx;
	q->sending = false;
	q->line = NULL;
	q->line_tail = &q->line;
	for (uint16_t i = 0; i < q->size; i++) {
		struct qp_slot *s = &q->slots[i];

		s->cmd_unit.busy = s->data_unit.busy = false;
		if (!s->io)
			continue;
		s->io->cqe = (struct nvme_cqe){.status = (uint16_t)(status << 1)};
		finish(q, s);
	}
	while (line) {
		struct nvmf_io *io = line;

		line = io->next;
		nvmf_io_finish(io, status);
	}
}

/* Asynchronous event requests have no deadline (UINT64_MAX). */
bool qp_overdue(const struct qp *q, uint64_t now)
{
	for (uint16_t i = 0; i < q->size; i++)
		if (q->slots[i].io && q->slots[i].io->deadline < now)
			return true;
	return false;
}

/* --- receiving --- */

static void broken(struct qp *q, const char *why)
{
	host_qp_failed(q, why);
}

static bool check_header(struct qp *q)
{
	static const uint8_t lengths[] = {[PDU_IC_RESP] = sizeof(struct pdu_ic),
		[PDU_C2H_TERM] = sizeof(struct pdu_term), [PDU_RSP] = sizeof(struct pdu_rsp),
		[PDU_C2H_DATA] = sizeof(struct pdu_data), [PDU_R2T] = sizeof(struct pdu_r2t)};
	const struct pdu_common *ch = (const struct pdu_common *)q->hdr;
	uint32_t head;

	if (ch->type >= sizeof(lengths) || !lengths[ch->type] || ch->hlen != lengths[ch->type] ||
		(!q->up && ch->type != PDU_IC_RESP && ch->type != PDU_C2H_TERM)) {
		broken(q, "a PDU that no controller may send here");
		return false;
	}
	head = ch->hlen + (q->up && q->hdgst && ch->type != PDU_C2H_TERM ? PDU_DIGEST : 0);
	if (ch->plen < head || (ch->type == PDU_C2H_DATA && (ch->pdo < head || ch->pdo > ch->plen))) {
		broken(q, "impossible lengths in a PDU");
		return false;
	}
	q->hdr_need = ch->type == PDU_C2H_DATA ? ch->pdo : head;
	return true;
}

static bool check_digest(struct qp *q)
{
	const struct pdu_common *ch = (const struct pdu_common *)q->hdr;
	uint32_t got;

	if (!q->up || !q->hdgst || ch->type == PDU_C2H_TERM)
		return true;
	memcpy(&got, q->hdr + ch->hlen, sizeof(got));
	if (got == digest(q->hdr, ch->hlen))
		return true;
	broken(q, "a wrong header digest from the controller");
	return false;
}

static void next_pdu(struct qp *q)
{
	q->rx = QP_RX_HEADER;
	q->hdr_have = 0;
	q->hdr_need = sizeof(struct pdu_common);
	q->rx_slot = NULL;
}

static void handle_ic(struct qp *q)
{
	const struct pdu_ic *ic = (const struct pdu_ic *)q->hdr;

	uint8_t asked = q->ic.digest;

	/* a digest we asked for and do not get would be lost protection, silently */
	if (q->up || ic->pfv || ic->pda > 31 || ic->max < 4096 || (ic->digest & asked) != asked) {
		broken(q, "an ICResp we cannot live with");
		return;
	}
	q->hdgst = ic->digest & PDU_USE_HDGST;
	q->ddgst = ic->digest & PDU_USE_DDGST;
	q->cpda = (ic->pda + 1u) * 4;
	q->max_h2c = ic->max;
	q->up = true;
	next_pdu(q);
	host_qp_up(q);
}

void qp_answered(struct qp *q, const struct nvme_cqe *cqe)
{
	struct qp_slot *s = find(q, cqe->cid);

	if (!s) {
		broken(q, "an answer to a command that is not there");
		return;
	}
	if (s->io->dir != NVME_DIR_TO_HOST)
		q->large = false;
	s->io->cqe = *cqe;
	finish(q, s);
}

void qp_cmd_sent(struct qp *q, uint16_t cid)
{
	unit_sent(q, &q->slots[cid].cmd_unit);
}

static void handle_rsp(struct qp *q)
{
	struct nvme_cqe cqe = ((const struct pdu_rsp *)q->hdr)->cqe;

	next_pdu(q);
	qp_answered(q, &cqe);
}

static void handle_r2t(struct qp *q)
{
	const struct pdu_r2t *r = (const struct pdu_r2t *)q->hdr;
	struct qp_slot *s = find(q, r->cccid);

	if (!s || s->io->dir != NVME_DIR_FROM_HOST || !r->r2tl || r->r2to > s->io->len ||
		r->r2tl > s->io->len - r->r2to || s->next_len) {
		broken(q, "an R2T for data that is not there");
		return;
	}
	if (s->data_unit.busy || s->r2t_left) {
		s->next_ttag = r->ttag;
		s->next_offset = r->r2to;
		s->next_len = r->r2tl;
	} else {
		s->ttag = r->ttag;
		s->r2t_offset = r->r2to;
		s->r2t_left = r->r2tl;
		send_data(q, s);
	}
	next_pdu(q);
}

static void handle_data(struct qp *q)
{
	const struct pdu_data *d = (const struct pdu_data *)q->hdr;
	struct qp_slot *s = find(q, d->cccid);
	uint32_t digest_len = q->ddgst ? PDU_DIGEST : 0;

	if (!s || s->io->dir != NVME_DIR_TO_HOST || d->datao != s->io->received ||
		d->datal > s->io->len - s->io->received ||
		d->ch.plen != d->ch.pdo + d->datal + digest_len || !d->datal) {
		broken(q, "data for a command that did not ask for it");
		return;
	}
	q->large = d->datal >= STREAM_LARGE;
	q->rx = QP_RX_DATA;
	q->rx_slot = s;
	q->rx_left = d->datal;
	q->rx_digest = DIGEST_START;
}

static void data_end(struct qp *q)
{
	const struct pdu_data *d = (const struct pdu_data *)q->hdr;
	struct qp_slot *s = q->rx_slot;
	bool success = d->ch.flags & PDU_DATA_SUCCESS;

	next_pdu(q);
	if (!success)
		return;
	s->io->cqe = (struct nvme_cqe){.cid = s->cid};
	finish(q, s);
}

static void data_came(struct qp *q, const uint8_t *p, uint32_t n)
{
	if (q->ddgst)
		q->rx_digest = digest_feed(q->rx_digest, p, n);
	q->rx_slot->io->received += n;
	q->rx_left -= n;
	if (q->rx_left)
		return;
	if (!q->ddgst) {
		data_end(q);
		return;
	}
	q->rx = QP_RX_DIGEST;
	q->rx_left = PDU_DIGEST;
}

static void handle(struct qp *q)
{
	switch (((const struct pdu_common *)q->hdr)->type) {
	case PDU_IC_RESP:
		handle_ic(q);
		break;
	case PDU_RSP:
		handle_rsp(q);
		break;
	case PDU_R2T:
		handle_r2t(q);
		break;
	case PDU_C2H_DATA:
		handle_data(q);
		break;
	default:
		broken(q, "the controller ended the connection with a termination request");
	}
}

static uint32_t take(struct qp *q, uint8_t *to, uint32_t want)
{
	uint32_t n = (uint32_t)MIN_OF(q->in_len, (size_t)want);

	memcpy(to, q->in, n);
	q->in += n;
	q->in_len -= n;
	return n;
}

static void header_bytes(struct qp *q)
{
	q->hdr_have += take(q, q->hdr + q->hdr_have, q->hdr_need - q->hdr_have);
	if (q->hdr_have < q->hdr_need)
		return;
	if (q->hdr_have == sizeof(struct pdu_common)) {
		check_header(q);
		return;
	}
	if (check_digest(q))
		handle(q);
}

static void digest_bytes(struct qp *q)
{
	uint8_t *to = q->rx_slot->digest + PDU_DIGEST - q->rx_left;
	uint32_t got;

	q->rx_left -= take(q, to, q->rx_left);
	if (q->rx_left)
		return;
	memcpy(&got, q->rx_slot->digest, sizeof(got));
	if (got != digest_end(q->rx_digest))
		broken(q, "a wrong data digest from the controller");
	else
		data_end(q);
}

static void run(struct qp *q)
{
	while (q->in_len && !q->failed && !q->closing) {
		if (q->rx == QP_RX_HEADER) {
			header_bytes(q);
		} else if (q->rx == QP_RX_DATA) {
			uint8_t *to = (uint8_t *)q->rx_slot->io->buf + q->rx_slot->io->received;

			data_came(q, to, take(q, to, q->rx_left));
		} else {
			digest_bytes(q);
		}
	}
}

static void go_on(struct qp *q)
{
	q->rx_running = true;
	run(q);
	q->rx_running = false;
	if (q->failed || q->closing)
		return;
	if (q->in) {
		q->in = NULL;
		stream_release(q->stream);
	}
	if (q->rx == QP_RX_DATA && q->rx_left >= QP_DIRECT_MIN)
		stream_recv_into(q->stream,
			(uint8_t *)q->rx_slot->io->buf + q->rx_slot->io->received, q->rx_left);
	else
		stream_recv(q->stream, q->large ? STREAM_SMALL : STREAM_ALL);
}

static void received(struct stream *st, const uint8_t *data, ssize_t n)
{
	struct qp *q = st->owner;

	if (n <= 0) {
		broken(q, n == -EKEYREJECTED ? "the TLS handshake failed: does the target have this key for this host?"
			  : n ? "the connection broke" : "the controller closed the connection");
		return;
	}
	q->in = data;
	q->in_len = (size_t)n;
	go_on(q);
}

static void filled(struct stream *st, ssize_t n)
{
	struct qp *q = st->owner;

	if (n <= 0) {
		broken(q, "the connection broke");
		return;
	}
	q->in_len = 0;
	data_came(q, (uint8_t *)q->rx_slot->io->buf + q->rx_slot->io->received, (uint32_t)n);
	go_on(q);
}

/* --- life --- */

static void stream_closed(struct stream *st)
{
	struct qp *q = st->owner;

	q->stream = NULL;
	host_qp_closed(q);
}

static const struct stream_user user = {
	.received = received,
	.filled = filled,
	.sent = sent,
	.closed = stream_closed,
};

struct qp *qp_create(struct nvmf_host *h, uint16_t qid, uint16_t size)
{
	struct qp *q = calloc(1, sizeof(*q));

	if (q)
		q->slots = calloc(size, sizeof(*q->slots));
	if (!q || !q->slots) {
		free(q);
		return NULL;
	}
	q->host = h;
	q->qid = qid;
	q->size = size;
	q->cpda = 4;
	q->tx_tail = &q->tx;
	q->line_tail = &q->line;
	q->flush_task.run = flush_run;
	q->capsule = 8192; /* for the fabrics commands of any queue; I/O as Identify says */
	/* SQ flow control is off, so all entries may be in use */
	for (uint16_t i = size; i-- > 0;) {
		q->slots[i].cid = i;
		q->slots[i].next = q->free;
		q->free = &q->slots[i];
	}
	next_pdu(q);
	return q;
}

void qp_open(struct qp *q, struct stream *stream)
{
	q->stream = stream;
	stream->user = &user;
	stream->owner = q;
	stream_recv(stream, STREAM_ALL);
	send_ic(q);
}

void qp_close(struct qp *q)
{
	q->closing = true;
	if (q->rdma)
		host_rdma_close(q);
	else
		stream_close(q->stream);
}

void qp_destroy(struct qp *q)
{
	if (!q)
		return;
	assert(!q->stream && !q->rdma && !q->busy && !q->flush_task.queued);
	free(q->slots);
	free(q);
}
