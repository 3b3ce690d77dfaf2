/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * doca_comch: messages between a host function and the card, by service name.
 *
 * A card program creates a server for one representor and a name; a host program creates a client
 * with the name. Both are contexts. A client's start returns IN_PROGRESS and ends in running inside
 * doca_pe_progress(), or in CONNECTION_ABORTED at once when nobody serves the name. Messages arrive
 * in order, each whole, through the receive event.
 *
 * Sending is a task; when the peer's receive queue is full, doca_task_submit() returns AGAIN and
 * the task is the program's to submit again. When the peer goes, a server hears the disconnection
 * event, a client stops by itself; sends then fail with CONNECTION_RESET. Messages that had arrived
 * are delivered first.
 *
 * Bulk data goes through doca_comch_producer.h and doca_comch_consumer.h over the same connection.
 * Here both sides are processes of one machine: setup over a UNIX socket, messages through shared
 * memory. One thread per context. F:3927-3963.
 */
#ifndef DOCA_COMCH_H_
#define DOCA_COMCH_H_

#include "doca_dev.h"
#include "doca_error.h"
#include "doca_types.h"

#ifdef __cplusplus
extern "C" {
#endif

struct doca_ctx;
struct doca_task;
struct doca_comch_client;
struct doca_comch_connection;
struct doca_comch_event_connection_status_changed;
struct doca_comch_event_consumer;
struct doca_comch_event_msg_recv;
struct doca_comch_server;
struct doca_comch_task_send;

typedef void (*doca_comch_task_send_completion_cb_t)(struct doca_comch_task_send *task,
	union doca_data task_user_data, union doca_data ctx_user_data);

/* recv_buffer is valid during the callback only. */
typedef void (*doca_comch_event_msg_recv_cb_t)(struct doca_comch_event_msg_recv *event,
	uint8_t *recv_buffer, uint32_t msg_len, struct doca_comch_connection *comch_connection);

typedef void (*doca_comch_event_connection_status_changed_cb_t)(
	struct doca_comch_event_connection_status_changed *event,
	struct doca_comch_connection *comch_connection, uint8_t change_successful);

/* A consumer of the peer appeared, or went; its id is what producers send to. */
typedef void (*doca_comch_event_consumer_cb_t)(struct doca_comch_event_consumer *event,
	struct doca_comch_connection *comch_connection, uint32_t id);

/* SUCCESS or NOT_SUPPORTED: servers live on the card's functions, clients on the host's (and, for
 * programs that name the same address on both sides, also on the card's, where they stand for its
 * host PF). */
doca_error_t doca_comch_cap_server_is_supported(const struct doca_devinfo *devinfo);
doca_error_t doca_comch_cap_client_is_supported(const struct doca_devinfo *devinfo);
doca_error_t doca_comch_cap_get_max_name_len(
	const struct doca_devinfo *devinfo, uint32_t *max_name_len);
doca_error_t doca_comch_cap_get_max_msg_size(
	const struct doca_devinfo *devinfo, uint32_t *max_msg_size);
doca_error_t doca_comch_cap_get_max_recv_queue_size(
	const struct doca_devinfo *devinfo, uint32_t *max_recv_queue_size);
doca_error_t doca_comch_cap_get_max_send_tasks(
	const struct doca_devinfo *devinfo, uint32_t *max_send_tasks);
doca_error_t doca_comch_cap_get_max_clients(
	const struct doca_devinfo *devinfo, uint32_t *num_clients);

/* ---- server ---- */

/* `repr` says which host function may connect. The name is at most 119 bytes. */
doca_error_t doca_comch_server_create(struct doca_dev *dev, struct doca_dev_rep *repr,
	const char *name, struct doca_comch_server **comch_server);
doca_error_t doca_comch_server_destroy(struct doca_comch_server *comch_server);
struct doca_ctx *doca_comch_server_as_ctx(struct doca_comch_server *comch_server);

/* While idle. Both default to the maximum message size and 64 messages; a connection uses the
 * smaller of both sides' message sizes. */
doca_error_t doca_comch_server_set_max_msg_size(
	struct doca_comch_server *comch_server, uint32_t size);
doca_error_t doca_comch_server_get_max_msg_size(
	const struct doca_comch_server *comch_server, uint32_t *size);
doca_error_t doca_comch_server_set_recv_queue_size(
	struct doca_comch_server *comch_server, uint32_t size);
doca_error_t doca_comch_server_get_recv_queue_size(
	const struct doca_comch_server *comch_server, uint32_t *size);

doca_error_t doca_comch_server_task_send_set_conf(struct doca_comch_server *comch_server,
	doca_comch_task_send_completion_cb_t task_completion_cb,
	doca_comch_task_send_completion_cb_t task_error_cb, uint32_t num_send_tasks);
/* The message is read when the task is submitted. TOO_BIG, NOT_CONNECTED. */
doca_error_t doca_comch_server_task_send_alloc_init(struct doca_comch_server *comch_server,
	struct doca_comch_connection *peer, const void *msg, uint32_t len,
	struct doca_comch_task_send **task);
doca_error_t doca_comch_server_event_msg_recv_register(
	struct doca_comch_server *comch_server, doca_comch_event_msg_recv_cb_t recv_event_cb);
doca_error_t doca_comch_server_event_consumer_register(struct doca_comch_server *comch_server,
	doca_comch_event_consumer_cb_t new_consumer_event_cb,
	doca_comch_event_consumer_cb_t expired_consumer_event_cb);
doca_error_t doca_comch_server_event_connection_status_changed_register(
	struct doca_comch_server *comch_server,
	doca_comch_event_connection_status_changed_cb_t connect_event_cb,
	doca_comch_event_connection_status_changed_cb_t disconnect_event_cb);
/* Ends one connection; no disconnection event follows. The connection may not be used afterwards.
 */
doca_error_t doca_comch_server_disconnect(
	struct doca_comch_server *comch_server, struct doca_comch_connection *connection);
/* NULL for a client's connection. */
struct doca_comch_server *doca_comch_server_get_server_ctx(
	const struct doca_comch_connection *connection);

/* ---- client ---- */

doca_error_t doca_comch_client_create(
	struct doca_dev *dev, const char *name, struct doca_comch_client **comch_client);
doca_error_t doca_comch_client_destroy(struct doca_comch_client *comch_client);
struct doca_ctx *doca_comch_client_as_ctx(struct doca_comch_client *comch_client);

/* While idle. Both default to the maximum message size and 64 messages; a connection uses the
 * smaller of both sides' message sizes. */
doca_error_t doca_comch_client_set_max_msg_size(
	struct doca_comch_client *comch_client, uint32_t size);
doca_error_t doca_comch_client_get_max_msg_size(
	const struct doca_comch_client *comch_client, uint32_t *size);
doca_error_t doca_comch_client_set_recv_queue_size(
	struct doca_comch_client *comch_client, uint32_t size);
doca_error_t doca_comch_client_get_recv_queue_size(
	const struct doca_comch_client *comch_client, uint32_t *size);

doca_error_t doca_comch_client_task_send_set_conf(struct doca_comch_client *comch_client,
	doca_comch_task_send_completion_cb_t task_completion_cb,
	doca_comch_task_send_completion_cb_t task_error_cb, uint32_t num_send_tasks);
/* The message is read when the task is submitted. TOO_BIG, NOT_CONNECTED. */
doca_error_t doca_comch_client_task_send_alloc_init(struct doca_comch_client *comch_client,
	struct doca_comch_connection *peer, const void *msg, uint32_t len,
	struct doca_comch_task_send **task);
doca_error_t doca_comch_client_event_msg_recv_register(
	struct doca_comch_client *comch_client, doca_comch_event_msg_recv_cb_t recv_event_cb);
doca_error_t doca_comch_client_event_consumer_register(struct doca_comch_client *comch_client,
	doca_comch_event_consumer_cb_t new_consumer_event_cb,
	doca_comch_event_consumer_cb_t expired_consumer_event_cb);
/* NOT_CONNECTED until the context runs. */
doca_error_t doca_comch_client_get_connection(
	const struct doca_comch_client *comch_client, struct doca_comch_connection **connection);
/* NULL for a server's connection. */
struct doca_comch_client *doca_comch_client_get_client_ctx(
	const struct doca_comch_connection *connection);

struct doca_task *doca_comch_task_send_as_task(struct doca_comch_task_send *task);

/* ---- connections ---- */

doca_error_t doca_comch_connection_set_user_data(
	struct doca_comch_connection *connection, union doca_data user_data);
union doca_data doca_comch_connection_get_user_data(const struct doca_comch_connection *connection);

#ifdef __cplusplus
}
#endif
#endif
