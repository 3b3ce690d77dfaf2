/* SPDX-License-Identifier: BSD-3-Clause */
/* Insides of the TCP target: a connection, its command slots, and who does what in which file:
 * server.c accepts, tcp_conn.c is life and death, tcp_rx.c bytes to commands, tcp_tx.c answers to bytes. */
#ifndef NVMF_TCP_H
#define NVMF_TCP_H

#include <assert.h>
#include <pthread.h>

#include "base/base.h"
#include "base/clock.h"
#include "base/list.h"
#include "nvmf/nvmf.h"
#include "nvmf/pdu.h"
#include "nvmf/stream.h"

#define TCP_ADMIN_CAPSULE 8192u /* data an admin or fabrics capsule may carry (TCP transport 3.3.2) */
#define TCP_IN_CAPSULE_MAX 65536u
#define TCP_MAX_H2C (1u << 20) /* MAXH2CDATA: a whole command in one PDU */
#define TCP_SLOT_BLOCK 32u
#define TCP_SLOT_BLOCKS ((NVME_QUEUE_SIZE_MAX + TCP_SLOT_BLOCK) / TCP_SLOT_BLOCK)
#define TCP_IOV 256 /* of one send: 128 reads */
#define TCP_SEND_BYTES (4u << 20) /* about so much per send, so that progress is seen in between */
#define TCP_SOLICIT_BYTES (1u << 20) /* R2Ts outstanding: more would only lie in socket buffers, cold */
/* A copy of so little is cheaper than a system call of its own, if no other answer will share that. */
#define TCP_LEND_ALWAYS 16384u
#define TCP_DIRECT_MIN 8192u /* that much left of a transfer is received straight into its buffer */

enum tcp_req_state {
	TCP_FREE,
	TCP_WANT_WINDOW,  /* in conn->ask: a write not yet asked for its data */
	TCP_WANT_BUFFER,  /* in conn->want */
	TCP_RECEIVING,	  /* in-capsule data, or R2T was sent */
	TCP_EXECUTING,
	TCP_ANSWERING,	  /* in conn->tx or being sent */
};

struct tcp_unit { /* something to send */
	struct tcp_unit *next;
	enum { TCP_UNIT_CONN, TCP_UNIT_R2T, TCP_UNIT_RSP } kind;
};

struct tcp_req {
	struct nvme_request nvme;
	struct tcp_conn *conn;
	struct tcp_req *next; /* free list, ask list or want list */
	uint16_t ttag;
	uint8_t state;
	bool in_capsule, has_rsp;
	uint32_t received;
	uint8_t *buf;
	struct tcp_unit r2t, rsp;
	uint8_t head_len, tail_len;
	uint8_t head[PDU_ALIGN_MAX]; /* R2T, or the C2HData header with digest and padding */
	uint8_t tail[PDU_DIGEST + sizeof(struct pdu_rsp) + PDU_DIGEST]; /* data digest, response */
};
_Static_assert(sizeof(struct tcp_req) <= NVMF_ENTRY_BYTES, "NVMF_ENTRY_BYTES is stated to users");

enum tcp_rx {
	TCP_RX_HEADER,
	TCP_RX_HANDLE, /* the header is whole; handling it may have to wait for a slot */
	TCP_RX_BUFFER, /* in-capsule data waits for a buffer */
	TCP_RX_DATA,
	TCP_RX_DIGEST,
	TCP_RX_SKIP,
};

struct tcp_group { /* a server's connections on one reactor */
	struct nvmf_server *server;
	struct reactor *reactor;
	struct list conns;
	struct reactor_timer timer;
	struct reactor_msg close_msg;
	struct nvmf_server_stats stats;
	uint32_t connections; /* atomic: written here, read by accept */
};

struct tcp_conn {
	struct nvme_queue q;
	struct list node; /* group->conns */
	struct tcp_group *group;
	struct stream *stream;
	bool ready, closing, stream_gone, ending; /* ICReq seen; going; bytes over; a termination is being sent */
	bool hdgst, ddgst;
	bool lends; /* answers of what is in memory may be sent from there */
	uint8_t align; /* of C2H data: (HPDA + 1) * 4 */
	uint64_t born, progress; /* last byte in or out */

	/* receive */
	enum tcp_rx rx;
	const uint8_t *in;
	size_t in_len;
	uint8_t hdr[256];
	uint32_t hdr_have, hdr_need;
	struct tcp_req *rx_req;
	uint32_t rx_left;
	uint32_t rx_digest;
	uint8_t digest[PDU_DIGEST];
	bool rx_running, large; /* the last data PDU was a large one */

	/* slots */
	struct tcp_req *blocks[TCP_SLOT_BLOCKS];
	uint32_t slots, busy;
	struct tcp_req *free;
	struct tcp_req *want, **want_tail; /* for a buffer */
	struct tcp_req *ask, **ask_tail;   /* for solicited to fall */
	uint32_t solicited;		   /* bytes of R2Ts not yet received */
	struct reactor_buf_waiter waiter;
	struct reactor_task resume_task;
	uint32_t held;
	uint8_t *spare; /* for one capsule when the pool is empty, see tcp_capsule_buf_get() */
	bool spare_busy;

	/* send */
	struct tcp_unit *tx, **tx_tail;
	struct tcp_unit *tx_busy;
	bool sending;
	struct reactor_task flush_task;
	struct tcp_unit own; /* ICResp or termination */
	uint8_t own_pdu[sizeof(struct pdu_term) + PDU_TERM_DATA_MAX];
	uint32_t own_len;
	struct iovec iov[TCP_IOV];
};
_Static_assert(sizeof(struct tcp_conn) <= NVMF_CONNECTION_BYTES, "NVMF_CONNECTION_BYTES is stated to users");

struct nvmf_server {
	struct nvmf_server_options options;
	struct nvme_transport_ops ops;
	struct tcp_group *groups;
	unsigned group_count, next_group;
	struct list listeners;
	uint64_t refused; /* atomic */
};

/* tcp_conn.c */
extern const struct stream_user tcp_stream_user;
void tcp_conn_close(struct tcp_conn *c);
void tcp_conn_try_free(struct tcp_conn *c);
/* A termination request about the header in c->hdr, then the end. */
void tcp_conn_fail(struct tcp_conn *c, enum pdu_fes fes, uint32_t where, const char *what);
struct tcp_req *tcp_slot_get(struct tcp_conn *c);
struct tcp_req *tcp_slot_find(struct tcp_conn *c, uint16_t ttag);
void tcp_slot_put(struct tcp_req *req);
/* true: req->buf is there. false: none now, and resume_task will run when it is worth another try */
bool tcp_buf_get(struct tcp_req *req);
/* The same for data inside a capsule. That must never wait for buffers which are promised to R2Ts: their
 * data is behind this capsule in the stream. So a connection has one buffer of its own to fall back on. */
bool tcp_capsule_buf_get(struct tcp_req *req);
void tcp_complete(struct nvme_request *req);
void tcp_disconnect(struct nvme_queue *q);
struct nvme_request *tcp_find(struct nvme_queue *q, uint16_t cid);
void tcp_group_tick(struct reactor_timer *timer);

/* tcp_rx.c */
void tcp_rx_received(struct stream *s, const uint8_t *data, ssize_t n);
void tcp_rx_filled(struct stream *s, ssize_t n);
void tcp_rx_resume(struct tcp_conn *c);
void tcp_rx_want(struct tcp_conn *c); /* try the commands that wait for their turn or for buffers */

/* tcp_tx.c */
void tcp_tx_ic_resp(struct tcp_conn *c);
void tcp_tx_term(struct tcp_conn *c, enum pdu_fes fes, uint32_t where);
void tcp_tx_r2t(struct tcp_req *req);
void tcp_tx_answer(struct tcp_req *req);
void tcp_tx_sent(struct stream *s, int err);
void tcp_tx_drop(struct tcp_conn *c);
void tcp_tx_flush(struct reactor_task *task);

#endif
