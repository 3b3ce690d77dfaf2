/* SPDX-License-Identifier: BSD-3-Clause */
/* Comch clients. */
#include <stdlib.h>

#include "doca/comch/comch_int.h"

struct doca_comch_client {
	struct comch_side side;
	struct wire_conn *half; /* until the server welcomes us */
	struct doca_comch_connection *conn;
};

static struct doca_comch_client *of(struct doca_ctx *ctx)
{
	return container_of(
		container_of(ctx, struct comch_side, ctx), struct doca_comch_client, side);
}

static doca_error_t start(struct doca_ctx *ctx)
{
	struct doca_comch_client *client = of(ctx);
	int err = wire_connect(client->side.path, &client->side.opts, &client->half);

	if (err)
		return dcore_fail(DOCA_ERROR_CONNECTION_ABORTED, "Comch client: %s", refusal());
	dcore_pe_add_fd(ctx->pe, wire_socket_fd(client->half));
	return DOCA_ERROR_IN_PROGRESS;
}

static void drop_half(struct doca_comch_client *client)
{
	if (!client->half)
		return;
	dcore_pe_remove_fd(client->side.ctx.pe, wire_socket_fd(client->half));
	wire_close(client->half);
	client->half = NULL;
}

static bool stop(struct doca_ctx *ctx)
{
	struct doca_comch_client *client = of(ctx);

	drop_half(client);
	if (client->conn)
		comch_conn_cut(client->conn);
	client->conn = NULL;
	return true;
}

static bool finish_connecting(struct doca_comch_client *client)
{
	int err = wire_connected(client->half);

	if (err == -EAGAIN)
		return false;
	dcore_pe_remove_fd(client->side.ctx.pe, wire_socket_fd(client->half));
	if (!err)
		client->conn = comch_conn_create(&client->side, client->half);
	if (client->conn)
		client->half = NULL;
	else
		drop_half(client);
	dcore_ctx_running(&client->side.ctx, client->conn != NULL);
	return true;
}

static bool progress(struct doca_ctx *ctx)
{
	struct doca_comch_client *client = of(ctx);

	if (client->half)
		return finish_connecting(client);
	if (!client->conn)
		return false;
	switch (comch_conn_look(client->conn)) {
	case LOOK_EVENT:
		return true;
	case LOOK_ENDED:
		dcore_ctx_break(ctx);
		return true;
	default:
		return false;
	}
}

static bool arm(struct doca_ctx *ctx)
{
	struct doca_comch_client *client = of(ctx);

	return client->conn && comch_conn_arm(client->conn);
}

static const struct dcore_ctx_ops ops = {
	.name = "Comch client", .start = start, .stop = stop, .progress = progress, .arm = arm};

doca_error_t doca_comch_client_create(
	struct doca_dev *dev, const char *name, struct doca_comch_client **comch_client)
{
	struct doca_comch_client *client;
	doca_error_t result;

	DCORE_NOT_NULL(dev);
	DCORE_NOT_NULL(name);
	DCORE_NOT_NULL(comch_client);
	client = calloc(1, sizeof(*client));
	if (!client)
		return DOCA_ERROR_NO_MEMORY;
	comch_side_init(&client->side, dev, &ops);
	result = comch_make_path(&client->side, dcore_dev_port(dev), name, true);
	if (result != DOCA_SUCCESS) {
		dcore_ctx_fini(&client->side.ctx);
		free(client);
		return result;
	}
	*comch_client = client;
	return DOCA_SUCCESS;
}

doca_error_t doca_comch_client_destroy(struct doca_comch_client *comch_client)
{
	doca_error_t result = comch_client ? dcore_ctx_fini(&comch_client->side.ctx) : DOCA_SUCCESS;

	if (result == DOCA_SUCCESS)
		free(comch_client);
	return result;
}

struct doca_ctx *doca_comch_client_as_ctx(struct doca_comch_client *comch_client)
{
	return comch_client ? &comch_client->side.ctx : NULL;
}

doca_error_t doca_comch_client_set_max_msg_size(
	struct doca_comch_client *comch_client, uint32_t size)
{
	DCORE_NOT_NULL(comch_client);
	return comch_set_msg_size(&comch_client->side, size);
}

doca_error_t doca_comch_client_get_max_msg_size(
	const struct doca_comch_client *comch_client, uint32_t *size)
{
	DCORE_NOT_NULL(comch_client);
	DCORE_NOT_NULL(size);
	*size = comch_client->side.opts.max_msg;
	return DOCA_SUCCESS;
}

doca_error_t doca_comch_client_set_recv_queue_size(
	struct doca_comch_client *comch_client, uint32_t size)
{
	DCORE_NOT_NULL(comch_client);
	return comch_set_queue(&comch_client->side, size);
}

doca_error_t doca_comch_client_get_recv_queue_size(
	const struct doca_comch_client *comch_client, uint32_t *size)
{
	DCORE_NOT_NULL(comch_client);
	DCORE_NOT_NULL(size);
	*size = comch_client->side.opts.queue;
	return DOCA_SUCCESS;
}

doca_error_t doca_comch_client_task_send_set_conf(struct doca_comch_client *comch_client,
	doca_comch_task_send_completion_cb_t task_completion_cb,
	doca_comch_task_send_completion_cb_t task_error_cb, uint32_t num_send_tasks)
{
	DCORE_NOT_NULL(comch_client);
	return dcore_task_conf(&comch_client->side.ctx, &comch_client->side.send_type,
		(dcore_task_cb)task_completion_cb, (dcore_task_cb)task_error_cb, num_send_tasks);
}

doca_error_t doca_comch_client_task_send_alloc_init(struct doca_comch_client *comch_client,
	struct doca_comch_connection *peer, const void *msg, uint32_t len,
	struct doca_comch_task_send **task)
{
	DCORE_NOT_NULL(comch_client);
	return comch_task_alloc(&comch_client->side, peer, msg, len, task);
}

doca_error_t doca_comch_client_event_msg_recv_register(
	struct doca_comch_client *comch_client, doca_comch_event_msg_recv_cb_t recv_event_cb)
{
	DCORE_NOT_NULL(comch_client);
	comch_client->side.on_msg = recv_event_cb;
	return DOCA_SUCCESS;
}

doca_error_t doca_comch_client_event_consumer_register(struct doca_comch_client *comch_client,
	doca_comch_event_consumer_cb_t new_consumer_event_cb,
	doca_comch_event_consumer_cb_t expired_consumer_event_cb)
{
	DCORE_NOT_NULL(comch_client);
	comch_client->side.on_consumer = new_consumer_event_cb;
	comch_client->side.on_consumer_gone = expired_consumer_event_cb;
	return DOCA_SUCCESS;
}

doca_error_t doca_comch_client_get_connection(
	const struct doca_comch_client *comch_client, struct doca_comch_connection **connection)
{
	DCORE_NOT_NULL(comch_client);
	DCORE_NOT_NULL(connection);
	if (!comch_client->conn)
		return dcore_fail(
			DOCA_ERROR_NOT_CONNECTED, "%s: the client is not connected", __func__);
	*connection = comch_client->conn;
	return DOCA_SUCCESS;
}

struct doca_comch_client *doca_comch_client_get_client_ctx(
	const struct doca_comch_connection *connection)
{
	return connection && !connection->side->is_server
		       ? container_of(connection->side, struct doca_comch_client, side)
		       : NULL;
}
