/* SPDX-License-Identifier: BSD-3-Clause */
/* Comch servers. */
#include <stdlib.h>

#include "doca/comch/comch_int.h"

struct doca_comch_server {
	struct comch_side side;
	struct doca_dev_rep *rep;
	struct wire_listener *listener;
	unsigned n_conns;
	struct rare newcomers;
};

static struct doca_comch_server *of(struct doca_ctx *ctx)
{
	return container_of(
		container_of(ctx, struct comch_side, ctx), struct doca_comch_server, side);
}

static doca_error_t start(struct doca_ctx *ctx)
{
	struct doca_comch_server *server = of(ctx);
	int err = wire_listen(server->side.path, &server->side.opts, &server->listener);

	if (err)
		return dcore_from_errno(err, "Comch server");
	dcore_pe_add_fd(ctx->pe, wire_listener_fd(server->listener));
	return DOCA_SUCCESS;
}

static bool stop(struct doca_ctx *ctx)
{
	struct doca_comch_server *server = of(ctx);
	struct list *link;

	while ((link = list_front(&server->side.conns)))
		comch_conn_cut(list_entry(link, struct doca_comch_connection, link));
	server->n_conns = 0;
	dcore_pe_remove_fd(ctx->pe, wire_listener_fd(server->listener));
	wire_listener_close(server->listener);
	server->listener = NULL;
	return true;
}

static bool accept_one(struct doca_comch_server *server)
{
	struct doca_comch_connection *conn;
	struct wire_conn *wire;

	if (wire_accept(server->listener, &wire) < 0)
		return false;
	conn = server->n_conns < MAX_CLIENTS ? comch_conn_create(&server->side, wire) : NULL;
	if (!conn) {
		wire_close(wire);
		return false;
	}
	server->n_conns++;
	conn->announced = true;
	if (!server->side.on_connect)
		return false;
	server->side.on_connect(
		(struct doca_comch_event_connection_status_changed *)(void *)conn, conn, 1);
	return true;
}

/* The peer is gone: the program hears it once, then the connection is not to be used. */
static bool ended(struct doca_comch_server *server, struct doca_comch_connection *conn)
{
	doca_comch_event_connection_status_changed_cb_t cb = server->side.on_disconnect;

	comch_conn_hold(conn);
	server->n_conns--;
	comch_conn_cut(conn);
	if (cb)
		cb((struct doca_comch_event_connection_status_changed *)(void *)conn, conn, 1);
	comch_conn_release(conn);
	return cb;
}

/* Round robin over connections; the cursor survives callbacks because cutting a connection clears
 * it. */
static bool progress(struct doca_ctx *ctx)
{
	struct doca_comch_server *server = of(ctx);
	struct list *head = &server->side.conns;

	if (rare_is_due(&server->newcomers) && accept_one(server))
		return true;
	for (unsigned left = server->n_conns; left > 0; left--) {
		struct doca_comch_connection *conn = server->side.cursor_conn;
		struct list *next = conn ? conn->link.next : head->next;

		if (next == head)
			next = head->next;
		if (next == head)
			return false;
		conn = list_entry(next, struct doca_comch_connection, link);
		server->side.cursor_conn = conn;
		switch (comch_conn_look(conn)) {
		case LOOK_EVENT:
			return true;
		case LOOK_ENDED:
			if (ended(server, conn))
				return true;
			break;
		case LOOK_NOTHING:
			break;
		}
	}
	return false;
}

static bool arm(struct doca_ctx *ctx)
{
	struct doca_comch_server *server = of(ctx);
	struct doca_comch_connection *conn;
	bool work = false;

	server->newcomers.due = 0;
	list_for_each(conn, &server->side.conns, link)
		work |= comch_conn_arm(conn);
	return work;
}

static const struct dcore_ctx_ops ops = {
	.name = "Comch server", .start = start, .stop = stop, .progress = progress, .arm = arm};

doca_error_t doca_comch_server_create(struct doca_dev *dev, struct doca_dev_rep *repr,
	const char *name, struct doca_comch_server **comch_server)
{
	struct doca_comch_server *server;
	doca_error_t result;

	DCORE_NOT_NULL(dev);
	DCORE_NOT_NULL(repr);
	DCORE_NOT_NULL(name);
	DCORE_NOT_NULL(comch_server);
	if (dcore_dev_side(dev) != DCORE_DPU || dcore_rep_dev(repr) != dev)
		return dcore_fail(DOCA_ERROR_NOT_SUPPORTED,
			"Comch server: device %s %s; a server needs a function of the card and one "
			"of its representors",
			dcore_dev_port(dev)->name,
			dcore_dev_side(dev) == DCORE_DPU ? "is not the representor's"
							 : "is a host function");
	server = calloc(1, sizeof(*server));
	if (!server)
		return DOCA_ERROR_NO_MEMORY;
	server->side.is_server = true;
	server->rep = repr;
	comch_side_init(&server->side, dev, &ops);
	result = comch_make_path(&server->side, dcore_rep_port(repr), name, false);
	if (result != DOCA_SUCCESS) {
		dcore_ctx_fini(&server->side.ctx);
		free(server);
		return result;
	}
	*comch_server = server;
	return DOCA_SUCCESS;
}

doca_error_t doca_comch_server_destroy(struct doca_comch_server *comch_server)
{
	doca_error_t result = comch_server ? dcore_ctx_fini(&comch_server->side.ctx) : DOCA_SUCCESS;

	if (result == DOCA_SUCCESS)
		free(comch_server);
	return result;
}

struct doca_ctx *doca_comch_server_as_ctx(struct doca_comch_server *comch_server)
{
	return comch_server ? &comch_server->side.ctx : NULL;
}

doca_error_t doca_comch_server_set_max_msg_size(
	struct doca_comch_server *comch_server, uint32_t size)
{
	DCORE_NOT_NULL(comch_server);
	return comch_set_msg_size(&comch_server->side, size);
}

doca_error_t doca_comch_server_get_max_msg_size(
	const struct doca_comch_server *comch_server, uint32_t *size)
{
	DCORE_NOT_NULL(comch_server);
	DCORE_NOT_NULL(size);
	*size = comch_server->side.opts.max_msg;
	return DOCA_SUCCESS;
}

doca_error_t doca_comch_server_set_recv_queue_size(
	struct doca_comch_server *comch_server, uint32_t size)
{
	DCORE_NOT_NULL(comch_server);
	return comch_set_queue(&comch_server->side, size);
}

doca_error_t doca_comch_server_get_recv_queue_size(
	const struct doca_comch_server *comch_server, uint32_t *size)
{
	DCORE_NOT_NULL(comch_server);
	DCORE_NOT_NULL(size);
	*size = comch_server->side.opts.queue;
	return DOCA_SUCCESS;
}

doca_error_t doca_comch_server_task_send_set_conf(struct doca_comch_server *comch_server,
	doca_comch_task_send_completion_cb_t task_completion_cb,
	doca_comch_task_send_completion_cb_t task_error_cb, uint32_t num_send_tasks)
{
	DCORE_NOT_NULL(comch_server);
	return dcore_task_conf(&comch_server->side.ctx, &comch_server->side.send_type,
		(dcore_task_cb)task_completion_cb, (dcore_task_cb)task_error_cb, num_send_tasks);
}

doca_error_t doca_comch_server_task_send_alloc_init(struct doca_comch_server *comch_server,
	struct doca_comch_connection *peer, const void *msg, uint32_t len,
	struct doca_comch_task_send **task)
{
	DCORE_NOT_NULL(comch_server);
	return comch_task_alloc(&comch_server->side, peer, msg, len, task);
}

doca_error_t doca_comch_server_event_msg_recv_register(
	struct doca_comch_server *comch_server, doca_comch_event_msg_recv_cb_t recv_event_cb)
{
	DCORE_NOT_NULL(comch_server);
	comch_server->side.on_msg = recv_event_cb;
	return DOCA_SUCCESS;
}

doca_error_t doca_comch_server_event_consumer_register(struct doca_comch_server *comch_server,
	doca_comch_event_consumer_cb_t new_consumer_event_cb,
	doca_comch_event_consumer_cb_t expired_consumer_event_cb)
{
	DCORE_NOT_NULL(comch_server);
	comch_server->side.on_consumer = new_consumer_event_cb;
	comch_server->side.on_consumer_gone = expired_consumer_event_cb;
	return DOCA_SUCCESS;
}

doca_error_t doca_comch_server_event_connection_status_changed_register(
	struct doca_comch_server *comch_server,
	doca_comch_event_connection_status_changed_cb_t connect_event_cb,
	doca_comch_event_connection_status_changed_cb_t disconnect_event_cb)
{
	DCORE_NOT_NULL(comch_server);
	comch_server->side.on_connect = connect_event_cb;
	comch_server->side.on_disconnect = disconnect_event_cb;
	return DOCA_SUCCESS;
}

doca_error_t doca_comch_server_disconnect(
	struct doca_comch_server *comch_server, struct doca_comch_connection *connection)
{
	DCORE_NOT_NULL(comch_server);
	DCORE_NOT_NULL(connection);
	if (connection->side != &comch_server->side || comch_conn_dead(connection))
		return dcore_fail(DOCA_ERROR_NOT_CONNECTED,
			"%s: the connection has ended or is another's", __func__);
	comch_server->n_conns--;
	comch_conn_cut(connection);
	return DOCA_SUCCESS;
}

struct doca_comch_server *doca_comch_server_get_server_ctx(
	const struct doca_comch_connection *connection)
{
	return connection && connection->side->is_server
		       ? container_of(connection->side, struct doca_comch_server, side)
		       : NULL;
}
