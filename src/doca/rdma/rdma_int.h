/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Insides of doca/rdma.
 *
 *   rdma.c   the context: properties, one step of progress, stopping
 *   conn.c   connections: blobs, handshake, frames out and in, the end
 *   tasks.c  the six kinds of tasks
 *
 * A connection is a wire (wire/wire.h) between two contexts. Both export a listener's path; the one with the
 * smaller token accepts, the other connects. Messages cross as frames of at most one ring slot.
 */
#ifndef DOCA_RDMA_RDMA_INT_H
#define DOCA_RDMA_RDMA_INT_H

#include <doca_rdma.h>

#include "base/clock.h"
#include "doca/common/common.h"
#include "wire/wire.h"

#define CONNECTIONS_MAX 64u
#define TOKEN_LEN 16
#define PATH_LEN 108
#define LOOK_EVERY_NS (50 * NS_PER_US) /* at a socket: a system call */

enum { SEND, SEND_IMM, RECEIVE, READ, WRITE, WRITE_IMM, TYPES };

/* What doca_rdma_export() gives. Bytes of this struct, checked on connect. */
struct rdma_blob {
	char magic[8];
	uint32_t version;
	uint32_t permissions; /* what the exporter's context lets a peer do */
	uint8_t token[TOKEN_LEN];
	char path[PATH_LEN];
};

struct frame {
	uint32_t opcode; /* enum doca_rdma_opcode */
	uint32_t imm;
	uint64_t total; /* bytes of the message; frames follow each other until they are there */
};
#define FRAME_ROOM (WIRE_MSG_MAX - sizeof(struct frame))

struct rdma_task { /* all kinds */
	struct doca_task task;
	struct doca_rdma_connection *conn; /* receives: where it came from */
	struct dcore_view view;            /* of the source, or of a receive's destination */
	size_t moved;                      /* bytes of it sent or received */
	uint64_t total;                    /* of a receive */
	uint32_t opcode, imm;
	bool open;
};

enum conn_state { CONN_EXPORTED, CONN_CONNECTING, CONN_UP, CONN_DEAD };

struct doca_rdma_connection {
	struct list link; /* in rdma->conns */
	struct doca_rdma *rdma;
	enum conn_state state;
	uint32_t id;
	struct rdma_blob blob;
	uint32_t peer_permissions;
	struct wire_listener *listener; /* until it is up */
	struct wire_conn *wire;
	uint64_t look_due;         /* at listener or socket */
	struct dcore_fifo out;     /* sends that wait for the peer */
	struct rdma_task *arrival; /* a receive that has part of its message */
	union doca_data user_data;
};

struct doca_rdma {
	struct doca_ctx ctx;
	struct dcore_task_type types[TYPES];
	uint32_t permissions;
	uint16_t max_conns;
	struct wire_opts opts;
	struct list conns;
	uint32_t n_conns;
	struct dcore_fifo posted; /* receives */
	doca_rdma_connection_established_cb_t on_established;
	doca_rdma_connection_disconnection_cb_t on_disconnect;
};

/* One look at a connection. True: a callback of the program ran. */
bool rdma_conn_look(struct doca_rdma_connection *conn);
/* The program is going to sleep. True: there is work now. */
bool rdma_conn_arm(struct doca_rdma_connection *conn);
/* All that waits on the connection fails. */
void rdma_conn_flush(struct doca_rdma_connection *conn, doca_error_t status);
void rdma_conn_free(struct doca_rdma_connection *conn);

/* A send, now or, IN_PROGRESS, when those before it have left. */
doca_error_t rdma_conn_send(struct doca_rdma_connection *conn, struct rdma_task *t);

void rdma_types_init(struct dcore_task_type *types);

#endif
