/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Insides of the initiator: host.c is a host's life, host_dial.c makes streams, host_up.c brings a controller
 * up, host_rdma.c does both and the sending over RDMA, host_keep.c keeps it, host_auth.c authenticates, host_scan.c reads namespaces and ANA states, host_qp.c
 * is one queue's PDUs, host_multi.c chooses among paths.
 */
#ifndef NVMF_HOST_INT_H
#define NVMF_HOST_INT_H

#include <assert.h>
#include <string.h>

#include "base/base.h"
#include "base/clock.h"
#include "base/list.h"
#include "nvmf/host.h"
#include "nvmf/pdu.h"
#include "nvmf/stream.h"

#define QP_IOV 256
#define QP_DIRECT_MIN 8192u
#define HOST_QUEUES_MAX 16
#define HOST_AERS 2
#define HOST_TICK_NS (250 * NS_PER_MS)
#define HOST_BRING_UP_NS (10 * NS_PER_SEC)

struct qp_unit {
	struct qp_unit *next;
	enum { QP_IC, QP_CMD, QP_DATA } kind;
	bool busy;
};

struct qp_slot { /* a command identifier */
	struct nvmf_io *io;
	struct qp_slot *next;
	struct qp_unit cmd_unit, data_unit;
	uint16_t cid;
	bool done_waits; /* answered while its data unit is still being sent */
	/* R2T in work, and one that came while the former was still being sent */
	uint16_t ttag, next_ttag;
	uint32_t r2t_offset, r2t_left, next_offset, next_len, piece;
	uint8_t cmd_len, data_len, data_pad, in_capsule_digest;
	struct pdu_cmd pdu; /* followed in memory by its digest */
	uint8_t pdu_digest[PDU_DIGEST];
	uint8_t data_head[PDU_ALIGN_MAX + PDU_DIGEST];
	uint8_t digest[PDU_DIGEST];
	bool has_capsule_data;
};

enum qp_rx { QP_RX_HEADER, QP_RX_DATA, QP_RX_DIGEST };

struct qp_rdma;

struct qp {
	struct nvmf_host *host;
	uint16_t qid, size;
	struct stream *stream; /* TCP: there from dialing to closed */
	struct qp_rdma *rdma;  /* or this */
	bool up, failed, closing; /* ICResp came; broken; stream_close() was called */
	bool hdgst, ddgst;
	uint32_t cpda, max_h2c, capsule; /* data that fits in a capsule */
	struct qp_slot *slots, *free;
	unsigned busy;
	struct nvmf_io *line, **line_tail; /* wait for a slot */
	/* receive */
	enum qp_rx rx;
	const uint8_t *in;
	size_t in_len;
	uint8_t hdr[256];
	uint32_t hdr_have, hdr_need, rx_left, rx_digest;
	struct qp_slot *rx_slot;
	bool rx_running, large; /* the last data PDU was a large one */
	/* send */
	struct qp_unit *tx, **tx_tail, *tx_busy;
	bool sending;
	struct reactor_task flush_task;
	struct qp_unit ic_unit;
	struct pdu_ic ic;
	struct iovec iov[QP_IOV];
};

enum host_phase {
	PHASE_IDLE,
	PHASE_ADMIN_DIAL,
	PHASE_ADMIN_CONNECT,
	PHASE_READ_CAP,
	PHASE_ENABLE,
	PHASE_WAIT_READY,
	PHASE_IDENTIFY,
	PHASE_QUEUES,
	PHASE_IO_DIAL,
	PHASE_IO_CONNECT,
	PHASE_SCAN,
	PHASE_LIVE,
	PHASE_CLOSING,
	PHASE_PAUSE,
	PHASE_FAILED,
};

struct nvmf_host {
	struct nvmf_host_options o;
	char *traddr, *trsvcid, *subnqn, *hostnqn, *dhchap_key, *dhchap_ctrl_key, *psk;
	struct host_auth *auth; /* the exchange in progress */
	unsigned auth_count;
	char address[80];
	uint8_t hostid[16];
	enum nvmf_host_state state;
	enum host_phase phase;
	char trouble[256];
	bool started, destroying, rescan, rescan_ana;
	uint16_t cntlid;
	uint64_t cap;

	struct qp *admin, *io[HOST_QUEUES_MAX];
	unsigned io_count, io_up;
	unsigned open_streams;
	int dial_fd;
	struct reactor_op dial_op;
	uint8_t dial_addr[128];
	bool dialing, dial_cancelled;
	struct qp *dial_qp;

	struct nvmf_io step; /* the bring-up's command */
	bool step_busy;
	uint8_t *page;	     /* 4 KiB for its data */
	struct nvmf_io keep_alive, aer[HOST_AERS];
	bool keep_alive_busy, aer_busy[HOST_AERS];

	struct nvme_id_ctrl identity;
	struct nvmf_ns *ns, *ns_new;
	unsigned ns_count, ns_new_count, ns_cap, scan_at;
	uint32_t scan_list[1024];
	unsigned scan_len;

	struct reactor_timer tick, pause, keep;
	struct reactor_task gone_task;
	uint32_t pause_ms;
	uint64_t lost_at, phase_since;
};

/* host_qp.c */
struct qp *qp_create(struct nvmf_host *h, uint16_t qid, uint16_t size);
void qp_destroy(struct qp *q);
void qp_open(struct qp *q, struct stream *stream); /* sends ICReq; host_qp_up() when answered */
void qp_submit(struct qp *q, struct nvmf_io *io);
void qp_close(struct qp *q);			   /* host_qp_closed() follows */
/* Ends everything in flight and in line. */
void qp_abort(struct qp *q, uint16_t status);
/* What comes of a command over RDMA: its capsule has left, and its answer. */
void qp_cmd_sent(struct qp *q, uint16_t cid);
void qp_answered(struct qp *q, const struct nvme_cqe *cqe);
bool qp_overdue(const struct qp *q, uint64_t now);

static inline uint64_t host_now(const struct nvmf_host *h)
{
	return reactor_now(h->o.reactor);
}

/* host.c */
void host_qp_failed(struct qp *q, const char *why);
void host_qp_closed(struct qp *q);
void host_set_state(struct nvmf_host *h, enum nvmf_host_state state, int err);
void host_set_phase(struct nvmf_host *h, enum host_phase phase);
void host_free_queues(struct nvmf_host *h);
/* The last stream has closed, or there was none. */
void host_all_closed(struct nvmf_host *h);
/* Ends the connection; retry: and begins again after a pause. */
void host_fail(struct nvmf_host *h, bool retry, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* host_dial.c: a stream for q, then qp_open(); a failure is host_fail() */
void host_dial(struct nvmf_host *h, struct qp *q);

/* host_rdma.c: the same over RDMA */
void host_rdma_dial(struct nvmf_host *h, struct qp *q);
void host_rdma_send(struct qp *q, struct qp_slot *s);
void host_rdma_close(struct qp *q); /* host_qp_closed() follows */

/* host_up.c */
void host_begin(struct nvmf_host *h);
void host_qp_up(struct qp *q); /* ICResp came */
void host_scanned(struct nvmf_host *h);
void host_step(struct nvmf_host *h, uint8_t opcode, enum nvme_dir dir, uint32_t len,
	void (*done)(struct nvmf_io *io));
void host_step_on(struct qp *q, uint8_t opcode, enum nvme_dir dir, uint32_t len,
	void (*done)(struct nvmf_io *io));

/* host_keep.c */
void host_arm_aers(struct nvmf_host *h);
void host_tick_fire(struct reactor_timer *timer);
void host_pause_fire(struct reactor_timer *timer);
void host_keep_fire(struct reactor_timer *timer);

/* host_auth.c: one exchange on q, then done(); a failure is host_fail() */
void host_auth(struct qp *q, void (*done)(struct nvmf_host *h));

/* host_scan.c: read all namespaces (and ANA), then host_scanned() */
void host_scan(struct nvmf_host *h);

/* host_multi.c */
void nvmf_io_finish(struct nvmf_io *io, uint16_t status);

#endif
