/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * doca_rdma: messages and one-sided copies between two connected ends.
 *
 * The two ends are contexts of one machine (two processes, or one): a reliable connection runs over shared
 * memory, one-sided reads and writes are copies out of and into memory that doca_mmap_export_rdma() gave away.
 * There is no wire and no verbs device behind it; connecting by an RDMA CM address is refused.
 *
 *     doca_rdma_create(dev, &rdma);                            on both sides
 *     doca_rdma_set_permissions(rdma, ...);
 *     doca_rdma_task_send_set_conf(rdma, on_sent, on_error, 16);
 *     doca_pe_connect_ctx(pe, doca_rdma_as_ctx(rdma));
 *     doca_ctx_start(doca_rdma_as_ctx(rdma));
 *     doca_rdma_export(rdma, &blob, &len, &conn);              the blobs are exchanged by other means
 *     doca_rdma_connect(rdma, other_blob, other_len, conn);
 *     doca_rdma_task_send_allocate_init(rdma, conn, buf, user_data, &task);
 *     doca_task_submit(doca_rdma_task_send_as_task(task));
 *
 * Order. What one side sends on a connection arrives in order, each message in the receive task posted first.
 * Tasks submitted before the other side has connected wait. A message waits, and all behind it, until a receive
 * is posted. A send completes when its bytes have left for the peer; a read or a write when they are in place.
 *
 * A message longer than the room of the receive it meets fails that receive and ends the connection, as on a
 * card; so does the end of the other process: tasks of the connection then fail with CONNECTION_RESET.
 * Receives belong to the context, not to a connection, and stay posted.
 *
 * Threads: a context, its connections and tasks belong to the thread of its progress engine.
 */
#ifndef DOCA_RDMA_H_
#define DOCA_RDMA_H_

#include "doca_bitfield.h"
#include "doca_dev.h"
#include "doca_error.h"
#include "doca_types.h"

#ifdef __cplusplus
extern "C" {
#endif

struct doca_buf;
struct doca_ctx;
struct doca_rdma;
struct doca_rdma_addr;
struct doca_rdma_connection;
struct doca_rdma_task_read;
struct doca_rdma_task_receive;
struct doca_rdma_task_send;
struct doca_rdma_task_send_imm;
struct doca_rdma_task_write;
struct doca_rdma_task_write_imm;
struct doca_task;

#define DOCA_GID_BYTE_LENGTH 16
#define IB_DEVICE_NAME_MAX 64 /* as in the kernel's rdma/ib_user_verbs.h; programs expect it here */

enum doca_rdma_transport_type {
	DOCA_RDMA_TRANSPORT_TYPE_RC = 0, /* reliable connection */
	DOCA_RDMA_TRANSPORT_TYPE_DC = 1, /* refused */
};

enum doca_rdma_addr_type {
	DOCA_RDMA_ADDR_TYPE_IPv4 = 0,
	DOCA_RDMA_ADDR_TYPE_IPv6 = 1,
	DOCA_RDMA_ADDR_TYPE_GID = 2,
};

/* What a receive was completed by. */
enum doca_rdma_opcode {
	DOCA_RDMA_OPCODE_RECV_SEND = 0,
	DOCA_RDMA_OPCODE_RECV_SEND_WITH_IMM = 1,
	DOCA_RDMA_OPCODE_RECV_WRITE_WITH_IMM = 2,
};

/* ---- the context ---- */

doca_error_t doca_rdma_create(struct doca_dev *dev, struct doca_rdma **rdma);
/* IN_USE, BAD_STATE unless idle. NULL is fine. */
doca_error_t doca_rdma_destroy(struct doca_rdma *rdma);
struct doca_ctx *doca_rdma_as_ctx(struct doca_rdma *rdma);

/* Before start. Bits of enum doca_access_flag: what connections of this context may do to our memory. */
doca_error_t doca_rdma_set_permissions(struct doca_rdma *rdma, uint32_t permissions);
doca_error_t doca_rdma_set_transport_type(
	struct doca_rdma *rdma, enum doca_rdma_transport_type transport_type);
/* At most 64; 1 unless set. */
doca_error_t doca_rdma_set_max_num_connections(
	struct doca_rdma *rdma, uint16_t max_num_connections);
/* Messages of 4 KiB on the way to us per connection; 64 unless set, at most 8192. */
doca_error_t doca_rdma_set_recv_queue_size(struct doca_rdma *rdma, uint32_t recv_queue_size);
/* Taken, without effect: tasks are what is configured per type; there is no GID and no GRH. */
doca_error_t doca_rdma_set_send_queue_size(struct doca_rdma *rdma, uint32_t send_queue_size);
doca_error_t doca_rdma_set_gid_index(struct doca_rdma *rdma, uint32_t gid_index);
doca_error_t doca_rdma_set_grh_enabled(struct doca_rdma *rdma, uint8_t grh_enabled);

/* ---- connections ---- */

/* Called from progress. `established`: both sides have connected; `disconnect`: the other side is gone, the
 * connection stays allocated until the context stops. The others are of RDMA CM and never called. */
typedef void (*doca_rdma_connection_request_cb_t)(
	struct doca_rdma_connection *rdma_connection, union doca_data ctx_user_data);
typedef void (*doca_rdma_connection_established_cb_t)(struct doca_rdma_connection *rdma_connection,
	union doca_data connection_user_data, union doca_data ctx_user_data);
typedef void (*doca_rdma_connection_failure_cb_t)(struct doca_rdma_connection *rdma_connection,
	union doca_data connection_user_data, union doca_data ctx_user_data);
typedef void (*doca_rdma_connection_disconnection_cb_t)(
	struct doca_rdma_connection *rdma_connection, union doca_data connection_user_data,
	union doca_data ctx_user_data);
doca_error_t doca_rdma_set_connection_state_callbacks(struct doca_rdma *rdma,
	doca_rdma_connection_request_cb_t request_cb,
	doca_rdma_connection_established_cb_t established_cb,
	doca_rdma_connection_failure_cb_t failure_cb,
	doca_rdma_connection_disconnection_cb_t disconnect_cb);

/* A new connection, and the blob the other side connects with. Both live until the context stops. The context
 * is running. FULL: doca_rdma_set_max_num_connections(). */
doca_error_t doca_rdma_export(struct doca_rdma *rdma, const void **local_rdma_conn_details,
	size_t *local_rdma_conn_details_size, struct doca_rdma_connection **rdma_connection);
/* Both sides call it, in any order, with what the other exported. SUCCESS: under way. */
doca_error_t doca_rdma_connect(struct doca_rdma *rdma, const void *remote_rdma_conn_details,
	size_t remote_rdma_conn_details_size, struct doca_rdma_connection *rdma_connection);
/* The peer hears it; tasks of the connection that wait fail. */
doca_error_t doca_rdma_connection_disconnect(struct doca_rdma_connection *rdma_connection);
doca_error_t doca_rdma_connection_set_user_data(
	struct doca_rdma_connection *rdma_connection, union doca_data connection_user_data);
/* Number of the connection in its context, from 0. */
doca_error_t doca_rdma_connection_get_id(
	const struct doca_rdma_connection *rdma_connection, uint32_t *connection_id);

/* RDMA CM: NOT_SUPPORTED, each of them. */
doca_error_t doca_rdma_addr_create(enum doca_rdma_addr_type addr_type, const char *address,
	uint16_t port, struct doca_rdma_addr **addr);
doca_error_t doca_rdma_addr_destroy(struct doca_rdma_addr *addr);
doca_error_t doca_rdma_connect_to_addr(
	struct doca_rdma *rdma, struct doca_rdma_addr *addr, union doca_data connection_user_data);
doca_error_t doca_rdma_connection_accept(
	struct doca_rdma_connection *rdma_connection, void *private_data, uint8_t private_data_len);
doca_error_t doca_rdma_start_listen_to_port(struct doca_rdma *rdma, uint16_t port);
doca_error_t doca_rdma_stop_listen_to_port(struct doca_rdma *rdma, uint16_t port);

/* ---- send: the data of a list of buffers, as one message ---- */

typedef void (*doca_rdma_task_send_completion_cb_t)(struct doca_rdma_task_send *task,
	union doca_data task_user_data, union doca_data ctx_user_data);
doca_error_t doca_rdma_cap_task_send_is_supported(const struct doca_devinfo *devinfo);
doca_error_t doca_rdma_task_send_set_conf(struct doca_rdma *rdma,
	doca_rdma_task_send_completion_cb_t successful_task_completion_cb,
	doca_rdma_task_send_completion_cb_t error_task_completion_cb, uint32_t num_tasks);
/* src may be NULL: an empty message. The buffers stay the program's and must live until the callback. */
doca_error_t doca_rdma_task_send_allocate_init(struct doca_rdma *rdma,
	struct doca_rdma_connection *rdma_connection, const struct doca_buf *src_buf,
	union doca_data user_data, struct doca_rdma_task_send **task);
struct doca_task *doca_rdma_task_send_as_task(struct doca_rdma_task_send *task);
const struct doca_buf *doca_rdma_task_send_get_src_buf(const struct doca_rdma_task_send *task);

/* With 32 bits that the receive reports as they are. */
typedef void (*doca_rdma_task_send_imm_completion_cb_t)(struct doca_rdma_task_send_imm *task,
	union doca_data task_user_data, union doca_data ctx_user_data);
doca_error_t doca_rdma_cap_task_send_imm_is_supported(const struct doca_devinfo *devinfo);
doca_error_t doca_rdma_task_send_imm_set_conf(struct doca_rdma *rdma,
	doca_rdma_task_send_imm_completion_cb_t successful_task_completion_cb,
	doca_rdma_task_send_imm_completion_cb_t error_task_completion_cb, uint32_t num_tasks);
doca_error_t doca_rdma_task_send_imm_allocate_init(struct doca_rdma *rdma,
	struct doca_rdma_connection *rdma_connection, const struct doca_buf *src_buf,
	doca_be32_t immediate_data, union doca_data user_data,
	struct doca_rdma_task_send_imm **task);
struct doca_task *doca_rdma_task_send_imm_as_task(struct doca_rdma_task_send_imm *task);
const struct doca_buf *doca_rdma_task_send_imm_get_src_buf(
	const struct doca_rdma_task_send_imm *task);

/* ---- receive: one message, behind the data of a list of buffers ---- */

typedef void (*doca_rdma_task_receive_completion_cb_t)(struct doca_rdma_task_receive *task,
	union doca_data task_user_data, union doca_data ctx_user_data);
doca_error_t doca_rdma_cap_task_receive_is_supported(const struct doca_devinfo *devinfo);
doca_error_t doca_rdma_task_receive_set_conf(struct doca_rdma *rdma,
	doca_rdma_task_receive_completion_cb_t successful_task_completion_cb,
	doca_rdma_task_receive_completion_cb_t error_task_completion_cb, uint32_t num_tasks);
/* Lists are as long as they are: taken, without effect. */
doca_error_t doca_rdma_task_receive_set_dst_buf_list_len(
	struct doca_rdma *rdma, uint32_t dst_buf_list_len);
/* dst may be NULL for messages without data. */
doca_error_t doca_rdma_task_receive_allocate_init(struct doca_rdma *rdma, struct doca_buf *dst_buf,
	union doca_data user_data, struct doca_rdma_task_receive **task);
struct doca_task *doca_rdma_task_receive_as_task(struct doca_rdma_task_receive *task);
struct doca_buf *doca_rdma_task_receive_get_dst_buf(const struct doca_rdma_task_receive *task);
/* Of a completed task: */
uint32_t doca_rdma_task_receive_get_result_len(const struct doca_rdma_task_receive *task);
enum doca_rdma_opcode doca_rdma_task_receive_get_result_opcode(
	const struct doca_rdma_task_receive *task);
doca_be32_t doca_rdma_task_receive_get_result_immediate_data(
	const struct doca_rdma_task_receive *task);
const struct doca_rdma_connection *doca_rdma_task_receive_get_result_rdma_connection(
	const struct doca_rdma_task_receive *task);

/* ---- read and write: the data of src to the free space of dst, as DMA does ---- */

/* read: src is the peer's; write: dst is. NOT_PERMITTED: the exporter did not give the right, or neither. */
typedef void (*doca_rdma_task_read_completion_cb_t)(struct doca_rdma_task_read *task,
	union doca_data task_user_data, union doca_data ctx_user_data);
doca_error_t doca_rdma_cap_task_read_is_supported(const struct doca_devinfo *devinfo);
doca_error_t doca_rdma_task_read_set_conf(struct doca_rdma *rdma,
	doca_rdma_task_read_completion_cb_t successful_task_completion_cb,
	doca_rdma_task_read_completion_cb_t error_task_completion_cb, uint32_t num_tasks);
doca_error_t doca_rdma_task_read_allocate_init(struct doca_rdma *rdma,
	struct doca_rdma_connection *rdma_connection, const struct doca_buf *src_buf,
	struct doca_buf *dst_buf, union doca_data user_data, struct doca_rdma_task_read **task);
struct doca_task *doca_rdma_task_read_as_task(struct doca_rdma_task_read *task);
uint32_t doca_rdma_task_read_get_result_len(const struct doca_rdma_task_read *task);

typedef void (*doca_rdma_task_write_completion_cb_t)(struct doca_rdma_task_write *task,
	union doca_data task_user_data, union doca_data ctx_user_data);
doca_error_t doca_rdma_cap_task_write_is_supported(const struct doca_devinfo *devinfo);
doca_error_t doca_rdma_task_write_set_conf(struct doca_rdma *rdma,
	doca_rdma_task_write_completion_cb_t successful_task_completion_cb,
	doca_rdma_task_write_completion_cb_t error_task_completion_cb, uint32_t num_tasks);
doca_error_t doca_rdma_task_write_allocate_init(struct doca_rdma *rdma,
	struct doca_rdma_connection *rdma_connection, const struct doca_buf *src_buf,
	struct doca_buf *dst_buf, union doca_data user_data, struct doca_rdma_task_write **task);
struct doca_task *doca_rdma_task_write_as_task(struct doca_rdma_task_write *task);

/* And then a receive of the peer completes, with these 32 bits and no data. */
typedef void (*doca_rdma_task_write_imm_completion_cb_t)(struct doca_rdma_task_write_imm *task,
	union doca_data task_user_data, union doca_data ctx_user_data);
doca_error_t doca_rdma_cap_task_write_imm_is_supported(const struct doca_devinfo *devinfo);
doca_error_t doca_rdma_task_write_imm_set_conf(struct doca_rdma *rdma,
	doca_rdma_task_write_imm_completion_cb_t successful_task_completion_cb,
	doca_rdma_task_write_imm_completion_cb_t error_task_completion_cb, uint32_t num_tasks);
doca_error_t doca_rdma_task_write_imm_allocate_init(struct doca_rdma *rdma,
	struct doca_rdma_connection *rdma_connection, const struct doca_buf *src_buf,
	struct doca_buf *dst_buf, doca_be32_t immediate_data, union doca_data user_data,
	struct doca_rdma_task_write_imm **task);
struct doca_task *doca_rdma_task_write_imm_as_task(struct doca_rdma_task_write_imm *task);

#ifdef __cplusplus
}
#endif
#endif
