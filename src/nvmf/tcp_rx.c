/* SPDX-License-Identifier: BSD-3-Clause */
/* Bytes to commands: a parser that can stop after any byte, and stop for want of a slot or buffer. */
#include "nvmf/tcp.h"

#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "nvme/tls_psk.h"
#include "nvmf/digest.h"
#include "nvmf/stream_tls.h"

LOG_MODULE("nvmf.tcp");

/* --- checking a header --- */

static uint32_t header_digest_bytes(const struct tcp_conn *c, uint8_t type)
{
	return c->hdgst && type != PDU_IC_REQ && type != PDU_H2C_TERM ? PDU_DIGEST : 0;
}

static bool check_type(struct tcp_conn *c, const struct pdu_common *ch)
{
	static const uint8_t lengths[] = {[PDU_IC_REQ] = sizeof(struct pdu_ic),
		[PDU_H2C_TERM] = sizeof(struct pdu_term),
		[PDU_CMD] = sizeof(struct pdu_cmd),
		[PDU_H2C_DATA] = sizeof(struct pdu_data)};

	if (ch->type >= sizeof(lengths) || !lengths[ch->type]) {
		tcp_conn_fail(c, PDU_FES_HEADER_FIELD, 0, "a PDU type no host sends");
		return false;
	}
	if (c->ready == (ch->type == PDU_IC_REQ) && ch->type != PDU_H2C_TERM) {
		tcp_conn_fail(c, PDU_FES_SEQUENCE, 0, c->ready ? "a second ICReq" : "no ICReq first");
		return false;
	}
	if (ch->hlen != lengths[ch->type]) {
		tcp_conn_fail(c, PDU_FES_HEADER_FIELD, 2, "a wrong header length");
		return false;
	}
	return true;
}

/* Most bytes of data a PDU of this kind may have. */
static uint32_t data_max(const struct tcp_conn *c, uint8_t type)
{
	switch (type) {
	case PDU_CMD:
		/* fabrics commands may carry 8 KiB on any queue */
		return MAX_OF(c->group->server->options.in_capsule_bytes, TCP_ADMIN_CAPSULE);
	case PDU_H2C_DATA:
		return TCP_MAX_H2C;
	case PDU_H2C_TERM:
		return PDU_TERM_DATA_MAX;
	default:
		return 0;
	}
}

/* Sets hdr_need to where the data begins and rx_left to the data's length. */
static bool check_lengths(struct tcp_conn *c, const struct pdu_common *ch)
{
	uint32_t head = ch->hlen + header_digest_bytes(c, ch->type);
	uint32_t digest = ch->flags & PDU_DDGST ? PDU_DIGEST : 0;

	if (header_digest_bytes(c, ch->type) && !(ch->flags & PDU_HDGST)) {
		tcp_conn_fail(c, PDU_FES_HEADER_FIELD, 1, "no header digest though it was agreed");
		return false;
	}
	if (ch->plen < head || ch->plen > head + PDU_ALIGN_MAX + data_max(c, ch->type) + PDU_DIGEST) {
		tcp_conn_fail(c, PDU_FES_HEADER_FIELD, 4, "an impossible PDU length");
		return false;
	}
	c->hdr_need = head;
	c->rx_left = 0;
	if (ch->plen == head)
		return true;
	if (ch->type != PDU_H2C_TERM && (ch->pdo < head || ch->plen < ch->pdo + digest)) {
		tcp_conn_fail(c, PDU_FES_HEADER_FIELD, 3, "a wrong data offset");
		return false;
	}
	if (ch->type != PDU_H2C_TERM)
		c->hdr_need = ch->pdo;
	c->rx_left = ch->plen - c->hdr_need - digest;
	if (c->rx_left > data_max(c, ch->type) || (!c->ddgst) != (!digest)) {
		tcp_conn_fail(c, PDU_FES_HEADER_FIELD, 4, "too much data, or a data digest that was not agreed");
		return false;
	}
	return true;
}

static bool check_digest(struct tcp_conn *c, const struct pdu_common *ch)
{
	uint32_t want, got;

	if (!header_digest_bytes(c, ch->type))
		return true;
	memcpy(&got, c->hdr + ch->hlen, sizeof(got));
	want = digest(c->hdr, ch->hlen);
	if (want == got)
		return true;
	c->group->stats.digest_errors++;
	tcp_conn_fail(c, PDU_FES_HEADER_DIGEST, got, "a wrong header digest");
	return false;
}

/* --- moving on --- */

static void next_pdu(struct tcp_conn *c)
{
	c->rx = TCP_RX_HEADER;
	c->rx_req = NULL;
	c->hdr_have = 0;
	c->hdr_need = sizeof(struct pdu_common);
}

static void skip_data(struct tcp_conn *c)
{
	const struct pdu_common *ch = (const struct pdu_common *)c->hdr;

	if (c->rx_left && ch->flags & PDU_DDGST)
		c->rx_left += PDU_DIGEST;
	if (c->rx_left)
		c->rx = TCP_RX_SKIP;
	else
		next_pdu(c);
}

static void start_data(struct tcp_conn *c, struct tcp_req *req)
{
	c->rx = TCP_RX_DATA;
	c->rx_req = req;
	c->rx_digest = DIGEST_START;
	c->hdr_have = 0;
}

static void execute(struct tcp_req *req)
{
	req->state = TCP_EXECUTING;
	nvme_request_execute(&req->nvme);
}

/* --- ICReq --- */

/* Whose key opened the channel; Connect must name the same. */
static void note_channel(struct tcp_conn *c)
{
	const char *identity = stream_tls_identity(c->stream);
	struct tls_psk_name name;

	if (!identity || tls_psk_split(identity, strlen(identity), &name))
		return;
	c->q.secure = true;
	memcpy(c->q.psk_hostnqn, name.hostnqn, sizeof(name.hostnqn));
	memcpy(c->q.psk_subnqn, name.subnqn, sizeof(name.subnqn));
}

static void handle_ic_req(struct tcp_conn *c)
{
	const struct pdu_ic *ic = (const struct pdu_ic *)c->hdr;

	if (ic->pfv) {
		tcp_conn_fail(c, PDU_FES_UNSUPPORTED, 8, "an unknown PDU format version");
		return;
	}
	if (ic->pda > 31) {
		tcp_conn_fail(c, PDU_FES_UNSUPPORTED, 10, "a data alignment beyond 31");
		return;
	}
	c->hdgst = ic->digest & PDU_USE_HDGST;
	c->ddgst = ic->digest & PDU_USE_DDGST;
	c->align = (uint8_t)((ic->pda + 1) * 4);
	c->ready = true;
	/* a digest says what was sent, so what is sent must not change under it */
	c->lends = c->stream->is_steady && !c->ddgst;
	note_channel(c);
	tcp_tx_ic_resp(c);
	next_pdu(c);
}

/* --- commands --- */

enum where { WHERE_NOWHERE, WHERE_CAPSULE, WHERE_HOST, WHERE_BAD };

/* Where the data of a command is, by its SGL (TCP transport 3.3.2). */
static enum where data_where(const struct nvme_cmd *cmd, uint32_t in_capsule)
{
	const struct nvme_sgl *sgl = &cmd->sgl;

	if (sgl->type == (NVME_SGL_DATA_BLOCK << 4 | NVME_SGL_OFFSET))
		return sgl->addr || sgl->length != in_capsule ? WHERE_BAD : WHERE_CAPSULE;
	if (sgl->type == (NVME_SGL_TRANSPORT_DATA_BLOCK << 4 | NVME_SGL_TRANSPORT))
		return WHERE_HOST;
	return WHERE_BAD;
}

static uint16_t check_sgl(const struct tcp_req *req, uint32_t in_capsule)
{
	enum where where = data_where(&req->nvme.cmd, in_capsule);

	if (req->nvme.dir == NVME_DIR_NONE)
		return 0;
	if (where == WHERE_BAD || (where == WHERE_CAPSULE && req->nvme.dir != NVME_DIR_FROM_HOST))
		return NVME_SC_SGL_INVALID_TYPE | NVME_SC_DNR;
	return 0;
}

static void push(struct tcp_req ***tail, struct tcp_req *req)
{
	req->next = NULL;
	**tail = req;
	*tail = &req->next;
}

static struct tcp_req *pop(struct tcp_req **head, struct tcp_req ***tail)
{
	struct tcp_req *req = *head;

	*head = req->next;
	if (!*head)
		*tail = head;
	return req;
}

/* With its buffer there: a read runs, a write asks for its data. */
static void go(struct tcp_req *req)
{
	if (req->nvme.dir == NVME_DIR_FROM_HOST) {
		req->state = TCP_RECEIVING;
		tcp_tx_r2t(req);
	} else {
		execute(req);
	}
}

/* In order: who came first gets the first buffer. */
static void take_buffer(struct tcp_req *req)
{
	struct tcp_conn *c = req->conn;

	if (c->want || !tcp_buf_get(req)) {
		req->state = TCP_WANT_BUFFER;
		push(&c->want_tail, req);
	} else {
		go(req);
	}
}

static bool may_ask(const struct tcp_conn *c, const struct tcp_req *req)
{
	return !c->solicited || c->solicited + req->nvme.data_len <= TCP_SOLICIT_BYTES;
}

static void ask(struct tcp_req *req)
{
	req->conn->solicited += req->nvme.data_len;
	take_buffer(req);
}

void tcp_rx_want(struct tcp_conn *c)
{
	while (c->want && !c->closing && tcp_buf_get(c->want))
		go(pop(&c->want, &c->want_tail));
	while (c->ask && !c->closing && may_ask(c, c->ask))
		ask(pop(&c->ask, &c->ask_tail));
}

static void start_host_data(struct tcp_req *req)
{
	struct tcp_conn *c = req->conn;

	if (!req->nvme.data_len || req->nvme.lent) {
		execute(req);
	} else if (req->nvme.dir != NVME_DIR_FROM_HOST) {
		take_buffer(req);
	} else if (!c->ask && may_ask(c, req)) {
		ask(req);
	} else {
		req->state = TCP_WANT_WINDOW;
		push(&c->ask_tail, req);
	}
}

static void start_capsule_data(struct tcp_conn *c)
{
	if (!tcp_capsule_buf_get(c->rx_req)) {
		c->rx = TCP_RX_BUFFER;
		return;
	}
	start_data(c, c->rx_req);
}

static void handle_cmd(struct tcp_conn *c)
{
	const struct pdu_cmd *pdu = (const struct pdu_cmd *)c->hdr;
	struct tcp_req *req = tcp_slot_get(c);
	uint16_t status;

	if (unlikely(!req)) {
		c->rx = TCP_RX_HANDLE; /* tcp_slot_put() brings us back */
		return;
	}
	req->state = TCP_RECEIVING;
	memcpy(&req->nvme.cmd, &pdu->cmd, sizeof(req->nvme.cmd));
	c->q.borrows = c->lends && (c->busy > 1 || pdu->cmd.sgl.length > TCP_LEND_ALWAYS);
	status = nvme_request_init(&req->nvme);
	if (likely(!status))
		status = check_sgl(req, c->rx_left);
	if (unlikely(status)) {
		req->state = TCP_EXECUTING;
		skip_data(c);
		nvme_request_complete(&req->nvme, status);
		return;
	}
	if (req->nvme.dir == NVME_DIR_FROM_HOST && c->rx_left) {
		c->large = false;
		req->in_capsule = true;
		c->rx_req = req;
		start_capsule_data(c);
		return;
	}
	skip_data(c);
	if (req->nvme.dir != NVME_DIR_FROM_HOST)
		c->large = false; /* the large writes are over */
	if (req->nvme.dir == NVME_DIR_NONE)
		execute(req);
	else
		start_host_data(req);
}

/* --- data of writes --- */

static void handle_data(struct tcp_conn *c)
{
	const struct pdu_data *pdu = (const struct pdu_data *)c->hdr;
	struct tcp_req *req = tcp_slot_find(c, pdu->ttag);

	if (!req || req->state != TCP_RECEIVING || req->in_capsule || !req->buf ||
		req->nvme.cmd.cid != pdu->cccid) {
		tcp_conn_fail(c, PDU_FES_HEADER_FIELD, 10, "data for a command that did not ask for it");
		return;
	}
	if (pdu->datal != c->rx_left || pdu->datao != req->received ||
		pdu->datal > req->nvme.data_len - req->received) {
		tcp_conn_fail(c, PDU_FES_OUT_OF_RANGE, 12, "data outside what was asked for");
		return;
	}
	if ((pdu->ch.flags & PDU_DATA_LAST) && req->received + pdu->datal != req->nvme.data_len) {
		tcp_conn_fail(c, PDU_FES_HEADER_FIELD, 1, "the last data PDU comes too early");
		return;
	}
	c->large = pdu->datal >= STREAM_LARGE;
	if (c->rx_left)
		start_data(c, req);
	else
		next_pdu(c);
}

/* What a write was asked for is here: another may be asked. */
static void solicited_end(struct tcp_req *req)
{
	if (req->in_capsule)
		return;
	req->conn->solicited -= req->nvme.data_len;
	if (req->conn->ask)
		tcp_rx_want(req->conn);
}

static void pdu_end(struct tcp_conn *c)
{
	struct tcp_req *req = c->rx_req;
	uint32_t got;
	bool bad = false;

	if (c->ddgst) {
		memcpy(&got, c->digest, sizeof(got));
		bad = got != digest_end(c->rx_digest);
	}
	next_pdu(c);
	if (unlikely(bad)) { /* not fatal (7.4.6.2): the command fails, the connection lives */
		c->group->stats.digest_errors++;
		solicited_end(req);
		req->state = TCP_EXECUTING;
		nvme_request_complete(&req->nvme, NVME_SC_TRANSIENT_TRANSPORT);
		return;
	}
	if (req->received != req->nvme.data_len)
		return;
	solicited_end(req);
	execute(req);
}

static void data_came(struct tcp_conn *c, const uint8_t *p, uint32_t n)
{
	if (c->ddgst)
		c->rx_digest = digest_feed(c->rx_digest, p, n);
	c->rx_req->received += n;
	c->rx_left -= n;
	if (c->rx_left)
		return;
	if (c->ddgst)
		c->rx = TCP_RX_DIGEST;
	else
		pdu_end(c);
}

/* --- the machine --- */

static void handle(struct tcp_conn *c)
{
	const struct pdu_common *ch = (const struct pdu_common *)c->hdr;

	switch (ch->type) {
	case PDU_CMD:
		handle_cmd(c);
		break;
	case PDU_H2C_DATA:
		handle_data(c);
		break;
	case PDU_IC_REQ:
		handle_ic_req(c);
		break;
	default: /* a termination request: the host has said why, there is no answer (3.5.1) */
		tcp_conn_close(c);
	}
}

static void header_bytes(struct tcp_conn *c)
{
	const struct pdu_common *ch = (const struct pdu_common *)c->hdr;
	uint32_t n = (uint32_t)MIN_OF(c->in_len, (size_t)(c->hdr_need - c->hdr_have));

	memcpy(c->hdr + c->hdr_have, c->in, n);
	c->hdr_have += n;
	c->in += n;
	c->in_len -= n;
	if (c->hdr_have < c->hdr_need)
		return;
	if (c->hdr_have == sizeof(*ch)) {
		if (check_type(c, ch))
			check_lengths(c, ch);
		return;
	}
	if (check_digest(c, ch))
		handle(c);
}

static void data_bytes(struct tcp_conn *c)
{
	uint32_t n = (uint32_t)MIN_OF(c->in_len, (size_t)c->rx_left);
	const uint8_t *p = c->in;

	memcpy(c->rx_req->buf + c->rx_req->received, p, n);
	c->in += n;
	c->in_len -= n;
	data_came(c, p, n);
}

static void digest_bytes(struct tcp_conn *c)
{
	uint32_t n = (uint32_t)MIN_OF(c->in_len, (size_t)(PDU_DIGEST - c->hdr_have));

	memcpy(c->digest + c->hdr_have, c->in, n);
	c->hdr_have += n;
	c->in += n;
	c->in_len -= n;
	if (c->hdr_have == PDU_DIGEST)
		pdu_end(c);
}

static void skip_bytes(struct tcp_conn *c)
{
	uint32_t n = (uint32_t)MIN_OF(c->in_len, (size_t)c->rx_left);

	c->in += n;
	c->in_len -= n;
	c->rx_left -= n;
	if (!c->rx_left)
		next_pdu(c);
}

static void run(struct tcp_conn *c)
{
	while (c->in_len && !c->ending && !c->closing) {
		switch (c->rx) {
		case TCP_RX_HEADER:
			header_bytes(c);
			break;
		case TCP_RX_DATA:
			data_bytes(c);
			break;
		case TCP_RX_DIGEST:
			digest_bytes(c);
			break;
		case TCP_RX_SKIP:
			skip_bytes(c);
			break;
		case TCP_RX_HANDLE:
		case TCP_RX_BUFFER:
			return;
		}
	}
}

static void ask_for_more(struct tcp_conn *c)
{
	if (c->rx == TCP_RX_HANDLE || c->rx == TCP_RX_BUFFER || c->ending)
		return;
	if (c->rx == TCP_RX_DATA && c->rx_left >= TCP_DIRECT_MIN)
		stream_recv_into(c->stream, c->rx_req->buf + c->rx_req->received, c->rx_left);
	else
		stream_recv(c->stream, c->large ? STREAM_SMALL : STREAM_ALL);
}

/* Handling a PDU may close the connection or free slots that resume us: one level only. */
static void go_on(struct tcp_conn *c)
{
	c->rx_running = true;
	run(c);
	c->rx_running = false;
	if (c->closing) {
		if (c->stream_gone)
			tcp_conn_try_free(c);
		return;
	}
	if (c->in_len && !c->ending)
		return; /* waits for a slot or a buffer, with the bytes in hand */
	if (c->in) {
		c->in = NULL;
		stream_release(c->stream);
	}
	ask_for_more(c);
}

void tcp_rx_received(struct stream *s, const uint8_t *data, ssize_t n)
{
	struct tcp_conn *c = s->owner;

	if (n <= 0) {
		if (n == -EKEYREJECTED)
			log_warn("%s: the TLS handshake failed; closing the connection", c->q.local_addr);
		tcp_conn_close(c);
		return;
	}
	c->progress = reactor_now(c->q.reactor);
	c->in = data;
	c->in_len = (size_t)n;
	go_on(c);
}

void tcp_rx_filled(struct stream *s, ssize_t n)
{
	struct tcp_conn *c = s->owner;

	if (n <= 0) {
		tcp_conn_close(c);
		return;
	}
	c->progress = reactor_now(c->q.reactor);
	c->rx_running = true;
	data_came(c, c->rx_req->buf + c->rx_req->received, (uint32_t)n);
	c->rx_running = false;
	go_on(c);
}

void tcp_rx_resume(struct tcp_conn *c)
{
	if (c->rx_running || c->closing || c->ending)
		return;
	if (c->rx == TCP_RX_HANDLE) {
		c->rx = TCP_RX_HEADER;
		handle(c);
	} else if (c->rx == TCP_RX_BUFFER) {
		start_capsule_data(c);
	} else {
		return;
	}
	if (c->rx != TCP_RX_HANDLE && c->rx != TCP_RX_BUFFER)
		go_on(c);
}
