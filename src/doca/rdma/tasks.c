/* SPDX-License-Identifier: BSD-3-Clause */
/* The six kinds of RDMA tasks. */
#include <string.h>

#include "doca/rdma/rdma_int.h"
#include "engine/copy/copy.h"

static struct rdma_task *of(struct doca_task *task)
{
	return container_of(task, struct rdma_task, task);
}

/* ---- what they do ---- */

static doca_error_t send_msg(struct doca_task *task)
{
	return rdma_conn_send(of(task)->conn, of(task));
}

static doca_error_t post(struct doca_task *task)
{
	dcore_fifo_push(&container_of(task->ctx, struct doca_rdma, ctx)->posted, task);
	return DOCA_ERROR_IN_PROGRESS;
}

/* May memory of the peer be read (written) on this connection? */
static doca_error_t check_peer(const struct rdma_task *t, uint32_t right)
{
	if (t->conn->state == CONN_EXPORTED || t->conn->state == CONN_DEAD)
		return dcore_fail(t->conn->state == CONN_DEAD ? DOCA_ERROR_CONNECTION_RESET
							      : DOCA_ERROR_NOT_CONNECTED,
			"%s: the connection %s", t->task.type->name,
			t->conn->state == CONN_DEAD ? "has ended" : "is not connected");
	if (!(t->conn->peer_permissions & right))
		return dcore_fail(DOCA_ERROR_NOT_PERMITTED,
			"%s: the peer's context allows 0x%x, 0x%x is needed "
			"(doca_rdma_set_permissions)",
			t->task.type->name, t->conn->peer_permissions, right);
	return DOCA_SUCCESS;
}

static doca_error_t copy(struct doca_task *task, const uint8_t *src, size_t len, uint8_t *dst,
	size_t room, size_t *written)
{
	if (!len || len > room)
		return dcore_fail(DOCA_ERROR_INVALID_VALUE, "%s: %zu bytes, room for %zu",
			task->type->name, len, room);
	copy_bytes(dst, src, len);
	*written = of(task)->total = len;
	return DOCA_SUCCESS;
}

static doca_error_t read_from(struct doca_task *task, const uint8_t *src, size_t len, uint8_t *dst,
	size_t room, size_t *written)
{
	doca_error_t result = check_peer(of(task), DOCA_ACCESS_FLAG_RDMA_READ);

	return result == DOCA_SUCCESS ? copy(task, src, len, dst, room, written) : result;
}

static doca_error_t write_to(struct doca_task *task, const uint8_t *src, size_t len, uint8_t *dst,
	size_t room, size_t *written)
{
	doca_error_t result = check_peer(of(task), DOCA_ACCESS_FLAG_RDMA_WRITE);

	return result == DOCA_SUCCESS ? copy(task, src, len, dst, room, written) : result;
}

/* The bytes first: who receives the word looks at them. */
static doca_error_t write_and_tell(struct doca_task *task)
{
	struct dcore_view src, dst = {.copy = NULL};
	doca_error_t result = dcore_view_src(&src, task->src, task->ctx);
	size_t written = 0;

	if (result == DOCA_SUCCESS)
		result = dcore_view_dst(&dst, task->dst, task->ctx, src.len);
	if (result == DOCA_SUCCESS)
		result = write_to(task, src.ptr, src.len, dst.ptr, dst.len, &written);
	if (result == DOCA_SUCCESS)
		result = dcore_view_commit(&dst, written);
	dcore_view_close(&src);
	dcore_view_close(&dst);
	return result == DOCA_SUCCESS ? send_msg(task) : result;
}

void rdma_types_init(struct dcore_task_type *types)
{
	copy_init();
	types[SEND] = (struct dcore_task_type){.name = "RDMA send", .now = send_msg};
	types[SEND_IMM] = (struct dcore_task_type){.name = "RDMA send with immediate", .now = send_msg};
	types[RECEIVE] = (struct dcore_task_type){.name = "RDMA receive", .now = post};
	types[READ] =
		(struct dcore_task_type){.name = "RDMA read", .convert = read_from, .batch = 1};
	types[WRITE] =
		(struct dcore_task_type){.name = "RDMA write", .convert = write_to, .batch = 1};
	types[WRITE_IMM] = (struct dcore_task_type){
		.name = "RDMA write with immediate", .now = write_and_tell};
	for (int i = 0; i < TYPES; i++)
		types[i].size = sizeof(struct rdma_task);
}

/* ---- the calls ---- */

static doca_error_t alloc(struct doca_rdma *rdma, int type, struct doca_rdma_connection *conn,
	const struct doca_buf *src, struct doca_buf *dst, union doca_data user_data, void *task)
{
	struct rdma_task *t;
	doca_error_t result;

	DCORE_NOT_NULL(rdma);
	DCORE_NOT_NULL(task);
	if (type != RECEIVE) {
		DCORE_NOT_NULL(conn);
		if (conn->rdma != rdma)
			return dcore_fail(DOCA_ERROR_INVALID_VALUE,
				"%s: the connection is another context's", rdma->types[type].name);
	}
	if (type == READ || type == WRITE || type == WRITE_IMM) {
		DCORE_NOT_NULL(src);
		DCORE_NOT_NULL(dst);
	}
	t = dcore_task_alloc(&rdma->types[type], user_data, &result);
	if (!t)
		return result;
	t->task.src = src;
	t->task.dst = dst;
	t->conn = conn;
	t->opcode = type == SEND_IMM    ? DOCA_RDMA_OPCODE_RECV_SEND_WITH_IMM
		    : type == WRITE_IMM ? DOCA_RDMA_OPCODE_RECV_WRITE_WITH_IMM
					: DOCA_RDMA_OPCODE_RECV_SEND;
	t->imm = 0;
	t->total = 0;
	t->open = false;
	*(struct rdma_task **)task = t;
	return DOCA_SUCCESS;
}

#define ANY(task) ((struct rdma_task *)(void *)(task))
#define CONST_ANY(task) ((const struct rdma_task *)(const void *)(task))

#define TASK(name, type)                                                                          \
	doca_error_t doca_rdma_cap_task_##name##_is_supported(const struct doca_devinfo *devinfo) \
	{                                                                                         \
		DCORE_NOT_NULL(devinfo);                                                          \
		return DOCA_SUCCESS;                                                              \
	}                                                                                         \
	doca_error_t doca_rdma_task_##name##_set_conf(struct doca_rdma *rdma,                     \
		doca_rdma_task_##name##_completion_cb_t successful_task_completion_cb,            \
		doca_rdma_task_##name##_completion_cb_t error_task_completion_cb,                 \
		uint32_t num_tasks)                                                               \
	{                                                                                         \
		DCORE_NOT_NULL(rdma);                                                             \
		return dcore_task_conf(&rdma->ctx, &rdma->types[type],                            \
			(dcore_task_cb)successful_task_completion_cb,                             \
			(dcore_task_cb)error_task_completion_cb, num_tasks);                      \
	}                                                                                         \
	struct doca_task *doca_rdma_task_##name##_as_task(struct doca_rdma_task_##name *task)     \
	{                                                                                         \
		return &ANY(task)->task;                                                          \
	}

TASK(send, SEND)
TASK(send_imm, SEND_IMM)
TASK(receive, RECEIVE)
TASK(read, READ)
TASK(write, WRITE)
TASK(write_imm, WRITE_IMM)

doca_error_t doca_rdma_task_send_allocate_init(struct doca_rdma *rdma,
	struct doca_rdma_connection *rdma_connection, const struct doca_buf *src_buf,
	union doca_data user_data, struct doca_rdma_task_send **task)
{
	return alloc(rdma, SEND, rdma_connection, src_buf, NULL, user_data, task);
}

const struct doca_buf *doca_rdma_task_send_get_src_buf(const struct doca_rdma_task_send *task)
{
	return CONST_ANY(task)->task.src;
}

doca_error_t doca_rdma_task_send_imm_allocate_init(struct doca_rdma *rdma,
	struct doca_rdma_connection *rdma_connection, const struct doca_buf *src_buf,
	doca_be32_t immediate_data, union doca_data user_data,
	struct doca_rdma_task_send_imm **task)
{
	doca_error_t result =
		alloc(rdma, SEND_IMM, rdma_connection, src_buf, NULL, user_data, task);

	if (result == DOCA_SUCCESS)
		ANY(*task)->imm = immediate_data;
	return result;
}

const struct doca_buf *doca_rdma_task_send_imm_get_src_buf(
	const struct doca_rdma_task_send_imm *task)
{
	return CONST_ANY(task)->task.src;
}

doca_error_t doca_rdma_task_receive_allocate_init(struct doca_rdma *rdma, struct doca_buf *dst_buf,
	union doca_data user_data, struct doca_rdma_task_receive **task)
{
	return alloc(rdma, RECEIVE, NULL, NULL, dst_buf, user_data, task);
}

doca_error_t doca_rdma_task_receive_set_dst_buf_list_len(
	struct doca_rdma *rdma, uint32_t dst_buf_list_len)
{
	DCORE_NOT_NULL(rdma);
	return DOCA_SUCCESS;
}

struct doca_buf *doca_rdma_task_receive_get_dst_buf(const struct doca_rdma_task_receive *task)
{
	return CONST_ANY(task)->task.dst;
}

uint32_t doca_rdma_task_receive_get_result_len(const struct doca_rdma_task_receive *task)
{
	return (uint32_t)CONST_ANY(task)->total;
}

enum doca_rdma_opcode doca_rdma_task_receive_get_result_opcode(
	const struct doca_rdma_task_receive *task)
{
	return (enum doca_rdma_opcode)CONST_ANY(task)->opcode;
}

doca_be32_t doca_rdma_task_receive_get_result_immediate_data(
	const struct doca_rdma_task_receive *task)
{
	return CONST_ANY(task)->imm;
}

const struct doca_rdma_connection *doca_rdma_task_receive_get_result_rdma_connection(
	const struct doca_rdma_task_receive *task)
{
	return CONST_ANY(task)->conn;
}

doca_error_t doca_rdma_task_read_allocate_init(struct doca_rdma *rdma,
	struct doca_rdma_connection *rdma_connection, const struct doca_buf *src_buf,
	struct doca_buf *dst_buf, union doca_data user_data, struct doca_rdma_task_read **task)
{
	return alloc(rdma, READ, rdma_connection, src_buf, dst_buf, user_data, task);
}

uint32_t doca_rdma_task_read_get_result_len(const struct doca_rdma_task_read *task)
{
	return (uint32_t)CONST_ANY(task)->total;
}

doca_error_t doca_rdma_task_write_allocate_init(struct doca_rdma *rdma,
	struct doca_rdma_connection *rdma_connection, const struct doca_buf *src_buf,
	struct doca_buf *dst_buf, union doca_data user_data, struct doca_rdma_task_write **task)
{
	return alloc(rdma, WRITE, rdma_connection, src_buf, dst_buf, user_data, task);
}

doca_error_t doca_rdma_task_write_imm_allocate_init(struct doca_rdma *rdma,
	struct doca_rdma_connection *rdma_connection, const struct doca_buf *src_buf,
	struct doca_buf *dst_buf, doca_be32_t immediate_data, union doca_data user_data,
	struct doca_rdma_task_write_imm **task)
{
	doca_error_t result =
		alloc(rdma, WRITE_IMM, rdma_connection, src_buf, dst_buf, user_data, task);

	if (result == DOCA_SUCCESS)
		ANY(*task)->imm = immediate_data;
	return result;
}
