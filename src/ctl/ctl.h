/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Room ctl: how people and programs talk to a running switch. JSON-RPC 2.0 over a UNIX stream socket,
 * one JSON object per line ("newline-delimited JSON": a message never contains a raw newline).
 *
 * Where. <run>/<card>/softdpud.sock and <run>/<card>/agentd.sock, <run> being $SOFTDPU_RUN or
 * /run/softdpu. Any process that runs a switch shows up there: softdpud, a DOCA program, the DPDK
 * driver inside OVS. The socket is mode 0600, or 0660 with a group. Beside it lies <socket>.lease, locked
 * and holding the owner's pid: a second owner is refused with that pid, a socket left by a crash is
 * replaced.
 *
 * What. ctl/messages.h lists every method with its parameters and its result. Failures carry
 * code = -errno (JSON-RPC's own -32700..-32600 for messages that are no requests) and the refusal()
 * sentence as error.message. Batches (arrays of requests) are not taken.
 *
 * Server. It has no thread: it lives on the owner's main loop and does what is ready, never waiting.
 *
 *     ctl_server_create("/run/softdpu/node1/softdpud.sock", NULL, &server);
 *     ctl_register(server, CTL_SWITCH_PORTS, list_ports, sw);
 *     epoll_ctl(ep, EPOLL_CTL_ADD, ctl_server_fd(server), ...);      readable = something to do
 *     loop: ctl_server_process(server);
 *     ctl_server_destroy(server);
 *
 *     static int list_ports(struct ctl_request *req, const json_t *params, json_t **result, void *arg)
 *     {
 *             *result = json_pack("{s:[]}", "ports");                owned by ctl from here on
 *             return 0;                                              or: return refuse(EINVAL, "...")
 *     }
 *
 * A method that cannot answer at once returns CTL_LATER and calls ctl_reply() or ctl_fail() exactly
 * once, whenever it likes, even after the client left. A method that streams (capture) opens a stream,
 * answers, and then sends notifications until either side ends it.
 *
 * Client.
 *     ctl_connect(path, &client);
 *     ctl_call(client, CTL_SWITCH_PORTS, NULL, 5000, &result);       json_decref(result) afterwards
 *     ctl_next(client, 1000, &method, &params);                      the next notification of a stream
 *     ctl_disconnect(client);
 *
 * Bounds. Connections, request size, unanswered requests and queued output are limited below. Nobody who
 * does not read blocks the owner: his requests wait in his own socket while his output is above
 * CTL_OUTPUT_PAUSE, and notifications beyond CTL_STREAM_MAX are refused to the sender (-ENOBUFS), who
 * counts them as missed.
 *
 * Threads. A server and all its requests and streams belong to one thread. A client likewise; different
 * clients are independent.
 */
#ifndef CTL_CTL_H
#define CTL_CTL_H

#include <jansson.h>

#include "base/base.h"

#define CTL_CONNECTIONS_MAX 64
#define CTL_METHODS_MAX 128
#define CTL_REQUEST_MAX \
	(32u << 20) /* one line; node.apply carries the whole model of a large cluster */
#define CTL_INPUT_TOTAL (128u << 20) /* unfinished lines of all connections together */
#define CTL_REPLY_MAX \
	(64u << 20) /* a larger result is answered with -EFBIG: use limits and offsets */
#define CTL_OUTPUT_PAUSE (256u << 10) /* queued output above which no further request is read */
#define CTL_STREAM_MAX (4u << 20)     /* queued output above which notifications are refused */
#define CTL_PENDING_MAX 32            /* unanswered requests of one connection */

#define CTL_PATH_MAX 108 /* sockaddr_un.sun_path */

#define CTL_LATER 1 /* what a method returns when it answers later */

struct ctl_server;
struct ctl_request;
struct ctl_stream;
struct ctl_client;

/* params: an object or NULL, borrowed for the call. On 0 *result is ctl's (NULL means null). A negative
 * errno becomes the error, with refusal() as its message. CTL_LATER: `req` is the method's until it
 * calls ctl_reply() or ctl_fail(). */
typedef int (*ctl_method_fn)(
	struct ctl_request *req, const json_t *params, json_t **result, void *arg);

/* Listen on `path`; missing directories are made (0755). `group` may be NULL. -EADDRINUSE names the pid
 * of the living owner; -EINVAL for an unknown group or a path that is too long. */
int ctl_server_create(const char *path, const char *group, struct ctl_server **server);

/* Close all connections, tell all streams, remove socket and lease. Requests still unanswered may be
 * answered into the void before this, not after. */
void ctl_server_destroy(struct ctl_server *server);

/* An epoll descriptor for the owner's own epoll, poll or select. */
int ctl_server_fd(const struct ctl_server *server);

/* Do what can be done without waiting: accept, read, call methods, write. A bounded amount per call; the
 * descriptor stays readable while there is more. */
void ctl_server_process(struct ctl_server *server);

/* `method` is a constant of messages.h (static storage). -EEXIST, -ENOSPC. */
int ctl_register(struct ctl_server *server, const char *method, ctl_method_fn fn, void *arg);

/* Finish a CTL_LATER request. `result` becomes ctl's. `err` is negative; refusal() is the message. */
void ctl_reply(struct ctl_request *req, json_t *result);
void ctl_fail(struct ctl_request *req, int err);

/* Open a stream to the client that sent `req`, from inside a method. `gone` (may be NULL) is called when
 * the client left or the server ends; the stream is dead then and must not be used again. */
int ctl_stream_open(
	struct ctl_request *req, void (*gone)(void *arg), void *arg, struct ctl_stream **stream);

/* A number that is unique in this server, to be told to the client ("id" in params). */
unsigned ctl_stream_id(const struct ctl_stream *stream);

/* Send one notification. `params` becomes ctl's in every case. -ENOBUFS: the client reads too slowly,
 * this one is lost. */
int ctl_notify(struct ctl_stream *stream, const char *method, json_t *params);

/* End it from the server's side; `gone` is not called. */
void ctl_stream_close(struct ctl_stream *stream);

/* --- parameters of a request, with refusals that name method-independent "parameter 'x'" --- */

/* Absent or null leaves *out untouched. -EINVAL when it is there and wrong. params may be NULL. */
int ctl_want_u64(const json_t *params, const char *name, uint64_t min, uint64_t max, uint64_t *out);
int ctl_want_bool(const json_t *params, const char *name, bool *out);
int ctl_want_string(const json_t *params, const char *name, const char **out); /* borrowed */
int ctl_need_string(const json_t *params, const char *name, const char **out);
int ctl_need_u64(const json_t *params, const char *name, uint64_t min, uint64_t max, uint64_t *out);

/* --- client --- */

/* -ENOENT or -ECONNREFUSED: nobody is there; the sentence names the socket. -EACCES: whose it is. */
int ctl_connect(const char *path, struct ctl_client **client);
void ctl_disconnect(struct ctl_client *client);

/* Call and wait at most timeout_ms (-1: for ever). `params` becomes ctl's (NULL: none). 0 with *result
 * for the caller to json_decref(), or the server's negative errno with its sentence in refusal(),
 * -ETIMEDOUT, -ECONNRESET, -EPROTO. result may be NULL. Notifications that arrive meanwhile are kept. */
int ctl_call(struct ctl_client *client, const char *method, json_t *params, int timeout_ms,
	json_t **result);

/* The next notification: *method borrowed until the next call on this client, *params owned by the
 * caller. -ETIMEDOUT, -ECONNRESET. */
int ctl_next(struct ctl_client *client, int timeout_ms, const char **method, json_t **params);

/* For poll(). A notification may already be waiting inside: try ctl_next(client, 0, ...) first. */
int ctl_client_fd(const struct ctl_client *client);

/* --- places --- */

/* $SOFTDPU_RUN or /run/softdpu. Static storage. */
const char *ctl_run_dir(void);

/* <run>/<card>/<program>.sock. -EINVAL for a card name with '/' or an over-long result. */
int ctl_socket_path(const char *card, const char *program, char path[CTL_PATH_MAX]);

/* Names of the cards that have a living `program` ("softdpud"), sorted, for "which other cards are
 * running". *names is one malloc'ed block of pointers and texts: free() it. Returns how many. */
int ctl_running(const char *program, char ***names);

#endif
