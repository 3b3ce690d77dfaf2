/* SPDX-License-Identifier: BSD-3-Clause */
/* Connections: blobs, handshake, frames out and in, the end. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "doca/rdma/rdma_int.h"

#define BLOB_MAGIC "sdpurdma"
#define BLOB_VERSION 1u

/* ---- export ---- */

static doca_error_t make_blob(struct doca_rdma_connection *conn)
{
	struct rdma_blob *b = &conn->blob;
	char file[2 * TOKEN_LEN + 8] = "rdma-";
	int err;

	memcpy(b->magic, BLOB_MAGIC, sizeof(b->magic));
	b->version = BLOB_VERSION;
	b->permissions = conn->rdma->permissions;
	if (getrandom(b->token, TOKEN_LEN, 0) != TOKEN_LEN)
		return dcore_fail(DOCA_ERROR_OPERATING_SYSTEM, "RDMA export: random bytes: %m");
	for (unsigned i = 0; i < TOKEN_LEN; i++)
		snprintf(file + 5 + 2 * i, 3, "%02x", b->token[i]);
	err = dcore_rendezvous(b->path, sizeof(b->path), file);
	if (!err)
		err = wire_listen(b->path, &conn->rdma->opts, &conn->listener);
	return err ? dcore_from_errno(err, "RDMA export") : DOCA_SUCCESS;
}

doca_error_t doca_rdma_export(struct doca_rdma *rdma, const void **local_rdma_conn_details,
	size_t *local_rdma_conn_details_size, struct doca_rdma_connection **rdma_connection)
{
	struct doca_rdma_connection *conn;
	doca_error_t result;

	DCORE_NOT_NULL(rdma);
	DCORE_NOT_NULL(local_rdma_conn_details);
	DCORE_NOT_NULL(local_rdma_conn_details_size);
	DCORE_NOT_NULL(rdma_connection);
	if (rdma->ctx.state != DOCA_CTX_STATE_RUNNING)
		return dcore_fail(DOCA_ERROR_BAD_STATE, "%s: the context is not running", __func__);
	if (rdma->n_conns == rdma->max_conns)
		return dcore_fail(DOCA_ERROR_FULL,
			"%s: all %u connections exist (doca_rdma_set_max_num_connections)",
			__func__, rdma->max_conns);
	conn = calloc(1, sizeof(*conn));
	if (!conn)
		return DOCA_ERROR_NO_MEMORY;
	conn->rdma = rdma;
	conn->id = rdma->n_conns;
	dcore_fifo_init(&conn->out);
	result = make_blob(conn);
	if (result != DOCA_SUCCESS) {
		free(conn);
		return result;
	}
	list_push_back(&rdma->conns, &conn->link);
	rdma->n_conns++;
	*local_rdma_conn_details = &conn->blob;
	*local_rdma_conn_details_size = sizeof(conn->blob);
	*rdma_connection = conn;
	return DOCA_SUCCESS;
}

/* ---- connect ---- */

static const char *what_is_wrong(const struct rdma_blob *b, size_t len)
{
	if (len != sizeof(*b))
		return "it has another length";
	if (memcmp(b->magic, BLOB_MAGIC, sizeof(b->magic)))
		return "it does not begin as one";
	if (b->version != BLOB_VERSION)
		return "it is of another version";
	if (strnlen(b->path, sizeof(b->path)) == sizeof(b->path))
		return "its path does not end";
	return NULL;
}

static void drop_listener(struct doca_rdma_connection *conn)
{
	if (!conn->listener)
		return;
	if (conn->state == CONN_CONNECTING && !conn->wire)
		dcore_pe_remove_fd(conn->rdma->ctx.pe, wire_listener_fd(conn->listener));
	wire_listener_close(conn->listener);
	conn->listener = NULL;
}

doca_error_t doca_rdma_connect(struct doca_rdma *rdma, const void *remote_rdma_conn_details,
	size_t remote_rdma_conn_details_size, struct doca_rdma_connection *rdma_connection)
{
	struct doca_rdma_connection *conn = rdma_connection;
	struct rdma_blob theirs;
	const char *wrong;
	int err, order;

	DCORE_NOT_NULL(rdma);
	DCORE_NOT_NULL(remote_rdma_conn_details);
	DCORE_NOT_NULL(rdma_connection);
	memset(&theirs, 0, sizeof(theirs));
	memcpy(&theirs, remote_rdma_conn_details,
		MIN_OF(remote_rdma_conn_details_size, sizeof(theirs)));
	wrong = what_is_wrong(&theirs, remote_rdma_conn_details_size);
	order = memcmp(conn->blob.token, theirs.token, TOKEN_LEN);
	if (!wrong && !order)
		wrong = "it is the connection's own";
	if (wrong)
		return dcore_fail(DOCA_ERROR_INVALID_VALUE,
			"%s: this is no peer's connection blob: %s", __func__, wrong);
	if (conn->rdma != rdma || conn->state != CONN_EXPORTED)
		return dcore_fail(DOCA_ERROR_BAD_STATE, "%s: the connection is %s", __func__,
			conn->rdma != rdma ? "another context's" : "connected, or was");
	conn->peer_permissions = theirs.permissions;
	if (order < 0) { /* they come to us */
		dcore_pe_add_fd(rdma->ctx.pe, wire_listener_fd(conn->listener));
		conn->state = CONN_CONNECTING;
		return DOCA_SUCCESS;
	}
	err = wire_connect(theirs.path, &rdma->opts, &conn->wire);
	if (err)
		return dcore_fail(DOCA_ERROR_CONNECTION_ABORTED, "%s: %s", __func__, refusal());
	drop_listener(conn);
	dcore_pe_add_fd(rdma->ctx.pe, wire_socket_fd(conn->wire));
	conn->state = CONN_CONNECTING;
	return DOCA_SUCCESS;
}

static bool end(struct doca_rdma_connection *conn)
{
	struct doca_rdma *rdma = conn->rdma;

	conn->state = CONN_DEAD;
	rdma_conn_flush(conn, DOCA_ERROR_CONNECTION_RESET);
	if (!rdma->on_disconnect)
		return false;
	rdma->on_disconnect(conn, conn->user_data, rdma->ctx.user_data);
	return true;
}

static bool shake_hands(struct doca_rdma_connection *conn)
{
	struct doca_rdma *rdma = conn->rdma;
	struct wire_conn *wire = conn->wire;
	int err = wire ? wire_connected(wire) : wire_accept(conn->listener, &wire);

	if (err == -EAGAIN)
		return false;
	if (err)
		return end(conn);
	if (conn->wire) {
		dcore_pe_add_fd(rdma->ctx.pe, wire_event_fd(wire));
	} else {
		drop_listener(conn);
		conn->wire = wire;
		dcore_pe_add_fd(rdma->ctx.pe, wire_socket_fd(wire));
		dcore_pe_add_fd(rdma->ctx.pe, wire_event_fd(wire));
	}
	conn->state = CONN_UP;
	if (!rdma->on_established)
		return false;
	rdma->on_established(conn, conn->user_data, rdma->ctx.user_data);
	return true;
}

/* ---- frames out ---- */

static doca_error_t open_source(struct rdma_task *t)
{
	doca_error_t result = DOCA_SUCCESS;

	if (t->open)
		return DOCA_SUCCESS;
	t->moved = 0;
	t->view = (struct dcore_view){.copy = NULL};
	if (t->task.src && t->opcode != DOCA_RDMA_OPCODE_RECV_WRITE_WITH_IMM)
		result = dcore_view_src(&t->view, t->task.src, t->task.ctx);
	t->open = result == DOCA_SUCCESS;
	return result;
}

static void close_view(struct rdma_task *t)
{
	if (t->open)
		dcore_view_close(&t->view);
	t->open = false;
}

/* AGAIN: the ring is full, the rest later. */
static doca_error_t push_frames(struct doca_rdma_connection *conn, struct rdma_task *t)
{
	struct frame f = {.opcode = t->opcode, .imm = t->imm};
	uint8_t slot[WIRE_MSG_MAX];
	doca_error_t result = open_source(t);

	if (result != DOCA_SUCCESS)
		return result;
	f.total = t->view.len;
	memcpy(slot, &f, sizeof(f));
	do {
		size_t n = MIN_OF(t->view.len - t->moved, FRAME_ROOM);

		if (n)
			memcpy(slot + sizeof(f), t->view.ptr + t->moved, n);
		if (wire_send(conn->wire, slot, (uint32_t)(sizeof(f) + n)) < 0)
			return DOCA_ERROR_AGAIN;
		t->moved += n;
	} while (t->moved < t->view.len);
	close_view(t);
	return DOCA_SUCCESS;
}

doca_error_t rdma_conn_send(struct doca_rdma_connection *conn, struct rdma_task *t)
{
	doca_error_t result = DOCA_ERROR_AGAIN;

	if (conn->state == CONN_DEAD)
		return dcore_fail(
			DOCA_ERROR_CONNECTION_RESET, "%s: the peer is gone", t->task.type->name);
	if (conn->state == CONN_UP && !conn->out.head)
		result = push_frames(conn, t);
	if (result != DOCA_ERROR_AGAIN)
		return result;
	dcore_fifo_push(&conn->out, &t->task);
	return DOCA_ERROR_IN_PROGRESS;
}

static void push_waiting(struct doca_rdma_connection *conn)
{
	while (conn->out.head) {
		struct doca_task *task = conn->out.head;
		doca_error_t result = push_frames(conn, container_of(task, struct rdma_task, task));

		if (result == DOCA_ERROR_AGAIN)
			return;
		dcore_fifo_pop(&conn->out);
		dcore_task_done(task, result);
	}
}

/* ---- frames in ---- */

/* A message begins: the receive posted first takes it. NULL: none, or there is no room. */
static struct rdma_task *take_posted(struct doca_rdma_connection *conn, const struct frame *f)
{
	struct doca_task *task = conn->rdma->posted.head;
	struct rdma_task *t = container_of(task, struct rdma_task, task);
	doca_error_t result = DOCA_SUCCESS;

	t->conn = conn;
	t->opcode = f->opcode;
	t->imm = f->imm;
	t->total = f->total;
	t->moved = 0;
	t->view = (struct dcore_view){.copy = NULL};
	if (f->total && t->task.dst)
		result = dcore_view_dst(&t->view, t->task.dst, t->task.ctx, f->total);
	if (result == DOCA_SUCCESS && t->view.len < f->total)
		result = dcore_fail(DOCA_ERROR_IO_FAILED,
			"RDMA receive: a message of %llu bytes, room for %zu",
			(unsigned long long)f->total, t->view.len);
	dcore_fifo_pop(&conn->rdma->posted);
	t->open = true;
	if (result == DOCA_SUCCESS)
		return t;
	close_view(t);
	dcore_task_done(task, result);
	return NULL;
}

static void finish_receive(struct rdma_task *t)
{
	doca_error_t result = t->total ? dcore_view_commit(&t->view, t->total) : DOCA_SUCCESS;

	close_view(t);
	dcore_task_done(&t->task, result);
}

/* One frame. False: nothing to do, or the peer talks nonsense (then *sane is false). */
static bool take_frame(struct doca_rdma_connection *conn, bool *sane)
{
	struct frame f;
	uint8_t *data;
	uint32_t len;
	size_t n;

	if (!conn->arrival && !conn->rdma->posted.head)
		return false;
	if (!wire_recv(conn->wire, &data, &len))
		return false;
	n = len - sizeof(f);
	*sane = len >= sizeof(f);
	if (*sane)
		memcpy(&f, data, sizeof(f));
	*sane = *sane && f.opcode <= DOCA_RDMA_OPCODE_RECV_WRITE_WITH_IMM && n <= f.total;
	if (*sane && !conn->arrival)
		*sane = (conn->arrival = take_posted(conn, &f)) != NULL;
	*sane = *sane && n <= conn->arrival->total - conn->arrival->moved &&
		(n || !conn->arrival->total);
	if (!*sane)
		return false;
	if (n)
		memcpy(conn->arrival->view.ptr + conn->arrival->moved, data + sizeof(f), n);
	conn->arrival->moved += n;
	wire_recv_done(conn->wire);
	return true;
}

/* Frames up to the end of one message. False: the connection is of no more use. */
static bool receive(struct doca_rdma_connection *conn)
{
	bool sane = true;

	while (take_frame(conn, &sane)) {
		struct rdma_task *t = conn->arrival;

		if (t->moved < t->total)
			continue;
		conn->arrival = NULL;
		finish_receive(t);
		break;
	}
	return sane && !wire_is_broken(conn->wire);
}

/* ---- one look ---- */

static bool peer_is_gone(struct doca_rdma_connection *conn)
{
	unsigned n_fds = 0;
	uint8_t byte;

	return wire_control(conn->wire, &byte, sizeof(byte), NULL, &n_fds) < 0;
}

static bool is_due(struct doca_rdma_connection *conn)
{
	uint64_t now = clock_now_ns();

	if (now < conn->look_due)
		return false;
	conn->look_due = now + LOOK_EVERY_NS;
	return true;
}

bool rdma_conn_look(struct doca_rdma_connection *conn)
{
	struct dcore_fifo *done = &conn->rdma->ctx.done;

	if (conn->state == CONN_CONNECTING)
		return is_due(conn) && shake_hands(conn);
	if (conn->state != CONN_UP)
		return false;
	push_waiting(conn);
	if (!receive(conn))
		return end(conn);
	/* what the peer sent before it went is received first */
	if (done->head || !is_due(conn) || !peer_is_gone(conn))
		return false;
	return !receive(conn) || !done->head ? end(conn) : false;
}

bool rdma_conn_arm(struct doca_rdma_connection *conn)
{
	conn->look_due = 0; /* it may be the socket that wakes us */
	if (conn->state != CONN_UP)
		return false;
	wire_event_clear(conn->wire);
	/* a peer that takes frames does not tell: who has a backlog polls */
	return (wire_arm(conn->wire) && (conn->arrival || conn->rdma->posted.head)) ||
	       conn->out.head;
}

/* ---- the end ---- */

void rdma_conn_flush(struct doca_rdma_connection *conn, doca_error_t status)
{
	struct doca_task *task;

	while ((task = dcore_fifo_pop(&conn->out))) {
		close_view(container_of(task, struct rdma_task, task));
		dcore_task_done(task, status);
	}
	if (!conn->arrival)
		return;
	close_view(conn->arrival);
	dcore_task_done(&conn->arrival->task, status);
	conn->arrival = NULL;
}

void rdma_conn_free(struct doca_rdma_connection *conn)
{
	drop_listener(conn);
	if (conn->wire) {
		dcore_pe_remove_fd(conn->rdma->ctx.pe, wire_socket_fd(conn->wire));
		if (wire_event_fd(conn->wire) >= 0)
			dcore_pe_remove_fd(conn->rdma->ctx.pe, wire_event_fd(conn->wire));
		wire_close(conn->wire);
	}
	list_remove(&conn->link);
	free(conn);
}

doca_error_t doca_rdma_connection_disconnect(struct doca_rdma_connection *rdma_connection)
{
	DCORE_NOT_NULL(rdma_connection);
	if (rdma_connection->wire)
		wire_shutdown(rdma_connection->wire);
	drop_listener(rdma_connection);
	rdma_connection->state = CONN_DEAD;
	rdma_conn_flush(rdma_connection, DOCA_ERROR_CONNECTION_ABORTED);
	return DOCA_SUCCESS;
}

doca_error_t doca_rdma_connection_set_user_data(
	struct doca_rdma_connection *rdma_connection, union doca_data connection_user_data)
{
	DCORE_NOT_NULL(rdma_connection);
	rdma_connection->user_data = connection_user_data;
	return DOCA_SUCCESS;
}

doca_error_t doca_rdma_connection_get_id(
	const struct doca_rdma_connection *rdma_connection, uint32_t *connection_id)
{
	DCORE_NOT_NULL(rdma_connection);
	DCORE_NOT_NULL(connection_id);
	*connection_id = rdma_connection->id;
	return DOCA_SUCCESS;
}
