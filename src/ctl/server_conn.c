/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * server_conn: bytes of a connection. Input is cut into lines and worked through until output piles up; output goes
 * to the socket at once and is only buffered when that is full.
 */
#include "ctl/server_int.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/refuse.h"

#define READ_PER_ROUND (256u << 10) /* of one connection, so that one cannot starve the others */

/* --- output --- */

size_t conn_queued(const struct conn *c)
{
	return c->out_len - c->out_sent;
}

static void flush(struct conn *c)
{
	while (conn_queued(c) && !c->broken) {
		ssize_t n = send(
			c->fd, c->out + c->out_sent, conn_queued(c), MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n > 0)
			c->out_sent += (size_t)n;
		else if (errno == EAGAIN || errno == EWOULDBLOCK)
			return;
		else if (errno != EINTR)
			c->broken = true;
	}
	free(c->out);
	c->out = NULL;
	c->out_sent = c->out_len = c->out_room = 0;
}

static bool out_reserve(struct conn *c, size_t len)
{
	size_t room = c->out_room ? c->out_room : 4096;
	char *out;

	if (c->out_sent) {
		memmove(c->out, c->out + c->out_sent, conn_queued(c));
		c->out_len -= c->out_sent;
		c->out_sent = 0;
	}
	while (room - c->out_len < len)
		room *= 2;
	if (room == c->out_room)
		return true;
	out = realloc(c->out, room);
	if (!out)
		return false;
	c->out = out;
	c->out_room = room;
	return true;
}

void conn_queue(struct conn *c, char *line, size_t len)
{
	if (!line || c->broken) {
		c->broken = true;
		free(line);
		return;
	}
	if (!conn_queued(c)) {
		free(c->out);
		c->out = line;
		c->out_sent = 0;
		c->out_len = c->out_room = len;
		flush(c);
		return;
	}
	if (out_reserve(c, len)) {
		memcpy(c->out + c->out_len, line, len);
		c->out_len += len;
	} else {
		c->broken = true;
	}
	free(line);
}

void conn_send_error(struct conn *c, const json_t *id, int code, const char *message)
{
	size_t len = 0;
	char *line = rpc_error(id, code, message, &len);

	conn_queue(c, line, len);
}

/* --- its state --- */

static bool paused(const struct conn *c)
{
	return conn_queued(c) > CTL_OUTPUT_PAUSE || c->pending >= CTL_PENDING_MAX;
}

void conn_watch(struct conn *c)
{
	struct epoll_event e = {.data.ptr = c};

	if (!c->eof && !c->closing && !paused(c) && !c->waiting)
		e.events |= EPOLLIN;
	if (conn_queued(c))
		e.events |= EPOLLOUT;
	if (e.events == c->events)
		return;
	c->events = e.events;
	if (epoll_ctl(c->server->epoll_fd, EPOLL_CTL_MOD, c->fd, &e))
		c->broken = true;
}

static void count_input(struct conn *c)
{
	c->server->input_total += c->in.room - c->in_counted;
	c->in_counted = c->in.room;
}

void conn_free(struct conn *c)
{
	struct ctl_request *req, *tmp;
	struct list *l;

	while ((l = list_pop_front(&c->streams))) {
		struct ctl_stream *s = list_entry(l, struct ctl_stream, link);

		if (s->gone)
			s->gone(s->arg);
		free(s);
	}
	list_for_each_safe(req, tmp, &c->requests, link) {
		list_remove(&req->link);
		req->conn = NULL;
	}
	line_free(&c->in);
	count_input(c);
	list_remove(&c->link);
	c->server->n_conns--;
	close(c->fd);
	free(c->out);
	free(c);
}

bool conn_finished(const struct conn *c)
{
	if (c->broken)
		return true;
	if (conn_queued(c))
		return false;
	return c->closing || (c->eof && !c->pending && !c->waiting && list_is_empty(&c->streams));
}

void conn_new(struct ctl_server *server, int fd)
{
	struct conn *c = calloc(1, sizeof(*c));
	struct epoll_event e = {.events = EPOLLIN, .data.ptr = c};

	if (!c || epoll_ctl(server->epoll_fd, EPOLL_CTL_ADD, fd, &e)) {
		close(fd);
		free(c);
		return;
	}
	c->server = server;
	c->fd = fd;
	c->in.max = CTL_REQUEST_MAX;
	c->events = EPOLLIN;
	list_init(&c->requests);
	list_init(&c->streams);
	list_push_back(&server->conns, &c->link);
	server->n_conns++;
}

/* --- input --- */

/* Work through buffered lines until none is whole or backpressure stops it. */
static void run_lines(struct conn *c)
{
	char *line;
	size_t len;

	c->waiting = false;
	while (!c->closing && !c->broken) {
		if (paused(c)) {
			c->waiting = true;
			return;
		}
		line = line_next(&c->in, &len);
		if (!line)
			return;
		request_line(c, line, len);
	}
}

static void too_long(struct conn *c, int err)
{
	refuse(-err, "a request of more than %u bytes%s", CTL_REQUEST_MAX,
		err == -ENOMEM ? ", or no memory for it" : "");
	conn_send_error(c, NULL, RPC_INVALID_REQUEST, refusal());
	c->closing = true;
}

/* False when there is nothing more to read now. */
static bool read_once(struct conn *c, size_t *got)
{
	size_t room;
	ssize_t n;
	int err = 0;
	char *at = line_space(&c->in, &room, &err);

	count_input(c);
	if (!at || c->server->input_total > CTL_INPUT_TOTAL) {
		too_long(c, at ? -EFBIG : err);
		return false;
	}
	n = recv(c->fd, at, room, MSG_DONTWAIT);
	if (n > 0) {
		line_filled(&c->in, (size_t)n);
		*got += (size_t)n;
		return true;
	}
	if (!n)
		c->eof = true;
	else if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)
		c->broken = true;
	return false;
}

static void read_some(struct conn *c)
{
	size_t got = 0;

	while (got < READ_PER_ROUND && !paused(c) && !c->closing && !c->broken) {
		if (!read_once(c, &got))
			return;
		run_lines(c);
	}
}

void conn_process(struct conn *c, uint32_t events)
{
	if (events & EPOLLOUT)
		flush(c);
	if (events & EPOLLIN)
		read_some(c);
	/* the peer closed both ways: nobody will read what is queued */
	if (events & (EPOLLHUP | EPOLLERR) && (!(events & EPOLLIN) || c->eof))
		c->broken = true;
}

void conn_resume(struct conn *c)
{
	if (c->waiting && !paused(c))
		run_lines(c);
}
