/* SPDX-License-Identifier: BSD-3-Clause */
/* libdoca_rdma, the context: properties, one step of progress, stopping. */
#include <stdlib.h>

#include "doca/rdma/rdma_int.h"

#define DEFAULT_QUEUE 64u

static struct doca_rdma *of(struct doca_ctx *ctx)
{
	return container_of(ctx, struct doca_rdma, ctx);
}

/* ---- the context ---- */

static bool stop(struct doca_ctx *ctx)
{
	struct doca_rdma *rdma = of(ctx);
	struct doca_rdma_connection *conn;
	struct doca_task *task;

	list_for_each(conn, &rdma->conns, link)
		rdma_conn_flush(conn, DOCA_ERROR_SHUTDOWN);
	while ((task = dcore_fifo_pop(&rdma->posted)))
		dcore_task_done(task, DOCA_ERROR_SHUTDOWN);
	return true;
}

static void idle(struct doca_ctx *ctx)
{
	struct doca_rdma *rdma = of(ctx);
	struct doca_rdma_connection *conn, *tmp;

	list_for_each_safe(conn, tmp, &rdma->conns, link)
		rdma_conn_free(conn);
	rdma->n_conns = 0;
}

static bool progress(struct doca_ctx *ctx)
{
	struct doca_rdma_connection *conn;

	if (ctx->state != DOCA_CTX_STATE_RUNNING)
		return false;
	list_for_each(conn, &of(ctx)->conns, link)
		if (rdma_conn_look(conn))
			return true; /* the program may have stopped the context */
	return false;
}

static bool arm(struct doca_ctx *ctx)
{
	struct doca_rdma_connection *conn;
	bool work = false;

	list_for_each(conn, &of(ctx)->conns, link)
		work |= rdma_conn_arm(conn);
	return work;
}

static const struct dcore_ctx_ops ops = {
	.name = "RDMA", .stop = stop, .idle = idle, .progress = progress, .arm = arm};

doca_error_t doca_rdma_create(struct doca_dev *dev, struct doca_rdma **rdma)
{
	struct doca_rdma *r;

	DCORE_NOT_NULL(dev);
	DCORE_NOT_NULL(rdma);
	r = calloc(1, sizeof(*r));
	if (!r)
		return DOCA_ERROR_NO_MEMORY;
	r->opts = (struct wire_opts){.max_msg = WIRE_MSG_MAX, .queue = DEFAULT_QUEUE};
	r->max_conns = 1;
	r->permissions = DOCA_ACCESS_FLAG_LOCAL_READ_WRITE;
	list_init(&r->conns);
	dcore_fifo_init(&r->posted);
	rdma_types_init(r->types);
	dcore_ctx_init(&r->ctx, dev, &ops, r->types, TYPES);
	*rdma = r;
	return DOCA_SUCCESS;
}

doca_error_t doca_rdma_destroy(struct doca_rdma *rdma)
{
	doca_error_t result = rdma ? dcore_ctx_fini(&rdma->ctx) : DOCA_SUCCESS;

	if (result == DOCA_SUCCESS)
		free(rdma);
	return result;
}

struct doca_ctx *doca_rdma_as_ctx(struct doca_rdma *rdma)
{
	return rdma ? &rdma->ctx : NULL;
}

/* ---- properties ---- */

static doca_error_t may_change(const struct doca_rdma *rdma, const char *call)
{
	DCORE_NOT_NULL(rdma);
	if (!dcore_ctx_is_idle(&rdma->ctx))
		return dcore_fail(DOCA_ERROR_BAD_STATE, "%s: the context is not idle", call);
	return DOCA_SUCCESS;
}

doca_error_t doca_rdma_set_permissions(struct doca_rdma *rdma, uint32_t permissions)
{
	doca_error_t result = may_change(rdma, __func__);

	if (result == DOCA_SUCCESS)
		rdma->permissions = permissions;
	return result;
}

doca_error_t doca_rdma_set_transport_type(
	struct doca_rdma *rdma, enum doca_rdma_transport_type transport_type)
{
	if (transport_type != DOCA_RDMA_TRANSPORT_TYPE_RC)
		return dcore_fail(DOCA_ERROR_NOT_SUPPORTED,
			"%s: type %d; softdpu has reliable connections only", __func__,
			transport_type);
	return may_change(rdma, __func__);
}

doca_error_t doca_rdma_set_max_num_connections(struct doca_rdma *rdma, uint16_t max_num_connections)
{
	doca_error_t result = may_change(rdma, __func__);

	if (result != DOCA_SUCCESS)
		return result;
	if (!max_num_connections || max_num_connections > CONNECTIONS_MAX)
		return dcore_fail(DOCA_ERROR_INVALID_VALUE, "%s: %u connections; 1 to %u", __func__,
			max_num_connections, CONNECTIONS_MAX);
	rdma->max_conns = max_num_connections;
	return DOCA_SUCCESS;
}

doca_error_t doca_rdma_set_recv_queue_size(struct doca_rdma *rdma, uint32_t recv_queue_size)
{
	doca_error_t result = may_change(rdma, __func__);

	if (result != DOCA_SUCCESS)
		return result;
	if (!recv_queue_size || recv_queue_size > WIRE_QUEUE_MAX)
		return dcore_fail(DOCA_ERROR_INVALID_VALUE, "%s: %u messages; 1 to %u", __func__,
			recv_queue_size, WIRE_QUEUE_MAX);
	rdma->opts.queue = recv_queue_size;
	return DOCA_SUCCESS;
}

doca_error_t doca_rdma_set_send_queue_size(struct doca_rdma *rdma, uint32_t send_queue_size)
{
	return may_change(rdma, __func__);
}

doca_error_t doca_rdma_set_gid_index(struct doca_rdma *rdma, uint32_t gid_index)
{
	return may_change(rdma, __func__);
}

doca_error_t doca_rdma_set_grh_enabled(struct doca_rdma *rdma, uint8_t grh_enabled)
{
	return may_change(rdma, __func__);
}

doca_error_t doca_rdma_set_connection_state_callbacks(struct doca_rdma *rdma,
	doca_rdma_connection_request_cb_t request_cb,
	doca_rdma_connection_established_cb_t established_cb,
	doca_rdma_connection_failure_cb_t failure_cb,
	doca_rdma_connection_disconnection_cb_t disconnect_cb)
{
	doca_error_t result = may_change(rdma, __func__);

	if (result != DOCA_SUCCESS)
		return result;
	rdma->on_established = established_cb;
	rdma->on_disconnect = disconnect_cb;
	return DOCA_SUCCESS;
}

/* ---- RDMA CM ---- */

static doca_error_t no_cm(const char *call)
{
	return dcore_fail(DOCA_ERROR_NOT_SUPPORTED,
		"%s: softdpu connects with doca_rdma_export() and doca_rdma_connect(), not by "
		"addresses",
		call);
}

doca_error_t doca_rdma_addr_create(enum doca_rdma_addr_type addr_type, const char *address,
	uint16_t port, struct doca_rdma_addr **addr)
{
	return no_cm(__func__);
}

doca_error_t doca_rdma_addr_destroy(struct doca_rdma_addr *addr)
{
	return addr ? no_cm(__func__) : DOCA_SUCCESS;
}

doca_error_t doca_rdma_connect_to_addr(
	struct doca_rdma *rdma, struct doca_rdma_addr *addr, union doca_data connection_user_data)
{
	return no_cm(__func__);
}

doca_error_t doca_rdma_connection_accept(
	struct doca_rdma_connection *rdma_connection, void *private_data, uint8_t private_data_len)
{
	return no_cm(__func__);
}

doca_error_t doca_rdma_start_listen_to_port(struct doca_rdma *rdma, uint16_t port)
{
	return no_cm(__func__);
}

doca_error_t doca_rdma_stop_listen_to_port(struct doca_rdma *rdma, uint16_t port)
{
	return no_cm(__func__);
}
