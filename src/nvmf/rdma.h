/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Insides of the RDMA target (NVMe/RDMA Transport Specification 1.0): rdma_listen.c talks to the
 * connection manager, rdma_conn.c is one queue pair. All connections of a listener live on one reactor,
 * whose io_uring polls the descriptors of the event channel and of each completion channel.
 *
 * A command comes in a receive slot (64 bytes, and a page for in-capsule data); a request context takes it
 * through: RDMA READ of the host's data for writes, RDMA WRITE and SEND for answers. The slot is posted
 * again before the answer leaves, so the host never finds the queue without a receive.
 */
#ifndef NVMF_RDMA_H
#define NVMF_RDMA_H

#include <assert.h>
#include <rdma/rdma_cma.h>

#include "base/base.h"
#include "base/clock.h"
#include "base/list.h"
#include "nvmf/nvmf.h"

#define RDMA_IN_CAPSULE 4096u
#define RDMA_DEVICES_MAX 8
#define RDMA_CONNECTIONS_MAX 1024u

struct rdma_conn;

struct rdma_recv { /* what a command arrives in */
	struct nvme_cmd *cmd;
	uint8_t *data;
	struct rdma_recv *next; /* waits for a request context */
	uint32_t bytes;
};

enum rdma_req_state { RDMA_FREE, RDMA_WANT_BUFFER, RDMA_READING, RDMA_EXECUTING, RDMA_ANSWERING };

struct rdma_req {
	struct nvme_request nvme;
	struct rdma_conn *conn;
	struct rdma_req *next;
	struct rdma_recv *recv;
	uint8_t *buf; /* pool buffer; NULL when the data came in the capsule */
	uint8_t state;
	uint64_t remote_addr;
	uint32_t remote_key;
	bool invalidate;
};

struct rdma_dev {
	struct ibv_context *ctx;
	struct ibv_pd *pd;
	struct ibv_mr *arena;
};

struct rdma_listener {
	struct nvmf_server *server;
	struct nvme_target *target;
	struct nvme_port *port;
	struct reactor *reactor;
	struct rdma_event_channel *events;
	struct rdma_cm_id *id;
	struct nvme_transport_ops ops;
	struct rdma_dev devs[RDMA_DEVICES_MAX];
	struct reactor_op poll_op;
	struct reactor_timer tick;
	struct list conns;
	unsigned count;
	bool armed, closing;
};

struct rdma_conn {
	struct nvme_queue q;
	struct list node;
	struct rdma_listener *listener;
	struct rdma_dev *dev;
	struct rdma_cm_id *id;
	struct ibv_comp_channel *channel;
	struct ibv_cq *cq;
	struct ibv_mr *slots_mr, *answers_mr;
	uint8_t *memory;
	struct rdma_recv *recvs;
	struct rdma_req *reqs, *free;
	struct nvme_cqe *answers; /* one per request context */
	struct rdma_req *want, **want_tail;
	struct reactor_buf_waiter waiter;
	struct reactor_op poll_op;
	struct reactor_task reap;
	unsigned depth, req_count, posted_recvs, posted_sends, busy;
	uint64_t born;
	bool armed, closing, cancelled;
};

int rdma_listener_open(struct nvmf_server *s, struct nvme_target *target, struct reactor *r,
	const struct nvme_port_config *config, struct rdma_listener **out);
void rdma_listener_close(struct rdma_listener *l);

/* rdma_conn.c */
struct rdma_conn *rdma_conn_create(struct rdma_listener *l, struct rdma_dev *dev, struct rdma_cm_id *id,
	unsigned depth);
void rdma_conn_close(struct rdma_conn *c);
void rdma_conn_complete(struct nvme_request *req);
void rdma_conn_disconnect(struct nvme_queue *q);
struct nvme_request *rdma_conn_find(struct nvme_queue *q, uint16_t cid);

#endif
