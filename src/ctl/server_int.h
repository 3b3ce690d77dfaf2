/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The server's three files share this: server.c (its life, its rounds, its methods), server_conn.c (bytes of a
 * connection in and out) and server_request.c (what a line asks for, and streams).
 */
#ifndef CTL_SERVER_INT_H
#define CTL_SERVER_INT_H

#include "base/hmap.h"
#include "base/list.h"
#include "ctl/ctl_int.h"

struct method {
	struct hmap_node node;
	const char *name;
	ctl_method_fn fn;
	void *arg;
};

struct ctl_server {
	int epoll_fd, listen_fd, again_fd;
	char path[CTL_PATH_MAX];
	struct lease lease;
	struct hmap methods;
	struct list conns;
	unsigned n_conns, next_stream_id;
	size_t input_total;
	bool in_round; /* ctl_server_process() is on the stack and will look at everything again */
};

struct conn {
	struct list link;
	struct ctl_server *server;
	int fd;
	struct line_in in;
	size_t in_counted; /* its share of input_total */
	char *out;
	size_t out_sent, out_len, out_room;
	unsigned pending; /* unanswered requests */
	struct list requests, streams;
	uint32_t events; /* what epoll watches */
	bool eof;        /* the peer sends no more */
	bool closing;    /* close once the output is gone */
	bool broken;     /* close now */
	bool waiting;    /* a whole line may be buffered, held back by backpressure */
};

struct ctl_request {
	struct list link;
	struct conn *conn; /* NULL: the client left */
	json_t *id;        /* NULL: a notification, nobody wants an answer */
};

struct ctl_stream {
	struct list link;
	struct conn *conn;
	unsigned id;
	void (*gone)(void *arg);
	void *arg;
};

/* ---- server.c ---- */

/* Have process() called soon: something changed that no descriptor tells. */
void server_again(struct ctl_server *server);
struct method *server_find_method(const struct ctl_server *server, const char *name);

/* ---- server_conn.c ---- */

/* Take the descriptor. */
void conn_new(struct ctl_server *server, int fd);
void conn_free(struct conn *c);
/* What epoll said. */
void conn_process(struct conn *c, uint32_t events);
/* Lines held back by backpressure go on when there is room again. */
void conn_resume(struct conn *c);
/* Nothing is left to do for it. */
bool conn_finished(const struct conn *c);
/* Have epoll watch what the connection can do now. */
void conn_watch(struct conn *c);
/* Bytes that the socket did not take yet. */
size_t conn_queued(const struct conn *c);
/* Takes `line`; NULL (memory was short) breaks the connection. Tries the socket first, so an idle one holds no buffer. */
void conn_queue(struct conn *c, char *line, size_t len);
void conn_send_error(struct conn *c, const json_t *id, int code, const char *message);

/* ---- server_request.c ---- */

/* One whole line: a request is called, anything else told what it is. */
void request_line(struct conn *c, const char *line, size_t len);

#endif
