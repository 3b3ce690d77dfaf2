/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The server: one epoll descriptor over the listening socket, its connections and an eventfd that says
 * "buffered lines may go on". Connections are only freed by reap(), at the end of a round, so a method
 * may do anything to any of them.
 *
 * Relies on line.c and rpc.c for the messages, lease.c for the right to the path.
 */
#include "ctl/ctl_int.h"

#include <assert.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/hmap.h"
#include "base/list.h"
#include "base/log.h"
#include "base/refuse.h"
#include "base/yaml.h"
#include "ctl/messages.h"

LOG_MODULE("ctl.server");

#define EVENTS_PER_ROUND 64
#define READ_PER_ROUND (256u << 10) /* of one connection, so that one cannot starve the others */
#define ACCEPTS_PER_ROUND 16

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

/* Have process() called soon: something changed that no descriptor tells. */
static void again(struct ctl_server *server)
{
	if (!server->in_round)
		eventfd_write(server->again_fd, 1);
}

/* --- output --- */

static size_t queued(const struct conn *c)
{
	return c->out_len - c->out_sent;
}

static void flush(struct conn *c)
{
	while (queued(c) && !c->broken) {
		ssize_t n =
			send(c->fd, c->out + c->out_sent, queued(c), MSG_DONTWAIT | MSG_NOSIGNAL);

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
		memmove(c->out, c->out + c->out_sent, queued(c));
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

/* Takes `line`. Tries the socket first, so an idle connection holds no buffer. */
static void queue_line(struct conn *c, char *line, size_t len)
{
	if (!line || c->broken) {
		c->broken = true;
		free(line);
		return;
	}
	if (!queued(c)) {
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

static void send_error(struct conn *c, const json_t *id, int code, const char *message)
{
	size_t len = 0;
	char *line = rpc_error(id, code, message, &len);

	queue_line(c, line, len);
}

static void send_result(struct conn *c, const json_t *id, json_t *result)
{
	size_t len = 0;
	char *line = rpc_result(id, result, &len);

	if (line && len <= CTL_REPLY_MAX) {
		queue_line(c, line, len);
		return;
	}
	free(line);
	refuse(EFBIG, "the answer is larger than %u bytes; ask for less at a time (limit, offset)",
		CTL_REPLY_MAX);
	send_error(c, id, -EFBIG, refusal());
}

/* --- connections --- */

static bool paused(const struct conn *c)
{
	return queued(c) > CTL_OUTPUT_PAUSE || c->pending >= CTL_PENDING_MAX;
}

static void watch(struct conn *c)
{
	struct epoll_event e = {.data.ptr = c};

	if (!c->eof && !c->closing && !paused(c) && !c->waiting)
		e.events |= EPOLLIN;
	if (queued(c))
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

static void conn_free(struct conn *c)
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

static bool finished(const struct conn *c)
{
	if (c->broken)
		return true;
	if (queued(c))
		return false;
	return c->closing || (c->eof && !c->pending && !c->waiting && list_is_empty(&c->streams));
}

static void reap(struct ctl_server *server)
{
	struct conn *c, *tmp;

	list_for_each_safe(c, tmp, &server->conns, link) {
		if (finished(c))
			conn_free(c);
		else
			watch(c);
	}
}

static void turn_away(int fd)
{
	char *line;
	size_t len;

	refuse(EMFILE, "more than %u connections", CTL_CONNECTIONS_MAX);
	line = rpc_error(NULL, -EMFILE, refusal(), &len);
	if (line && send(fd, line, len, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		log_debug("cannot even say no: %s", strerror(errno));
	free(line);
	close(fd);
}

static void conn_new(struct ctl_server *server, int fd)
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

static void accept_some(struct ctl_server *server)
{
	for (int i = 0; i < ACCEPTS_PER_ROUND; i++) {
		int fd = accept4(server->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (fd < 0)
			return;
		if (server->n_conns >= CTL_CONNECTIONS_MAX)
			turn_away(fd);
		else
			conn_new(server, fd);
	}
}

/* --- requests --- */

static struct method *find_method(const struct ctl_server *server, const char *name)
{
	struct method *m;

	hmap_for_each_hash(m, &server->methods, hmap_hash_str(name), node)
		if (!strcmp(m->name, name))
			return m;
	return NULL;
}

static void unknown_method(struct ctl_server *server, struct conn *c, const struct rpc_message *msg)
{
	const char *names[CTL_METHODS_MAX], *near;
	struct method *m;
	unsigned n = 0;

	hmap_for_each(m, &server->methods, node)
		names[n++] = m->name;
	near = yaml_nearest(msg->method, names, n);
	if (near)
		refuse(ENOSYS, "no method '%.64s' here; did you mean '%s'?", msg->method, near);
	else
		refuse(ENOSYS, "no method '%.64s' here; %s lists them", msg->method, CTL_METHODS);
	if (msg->id)
		send_error(c, msg->id, RPC_METHOD_NOT_FOUND, refusal());
}

static void answer(struct ctl_request *req, int err, json_t *result)
{
	struct conn *c = req->conn;

	if (c) {
		list_remove(&req->link);
		c->pending--;
		if (req->id && err)
			send_error(c, req->id, err, refusal());
		else if (req->id)
			send_result(c, req->id, result);
		/* lines may have waited for this answer */
		again(c->server);
	}
	json_decref(result);
	json_decref(req->id);
	free(req);
}

void ctl_reply(struct ctl_request *req, json_t *result)
{
	answer(req, 0, result);
}

void ctl_fail(struct ctl_request *req, int err)
{
	assert(err < 0);
	answer(req, err, NULL);
}

static void call_method(struct conn *c, struct method *m, const struct rpc_message *msg)
{
	struct ctl_request *req = calloc(1, sizeof(*req));
	json_t *result = NULL;
	int rc;

	if (!req) {
		c->broken = true;
		return;
	}
	req->conn = c;
	req->id = json_incref(msg->id);
	list_push_back(&c->requests, &req->link);
	c->pending++;
	refusal_clear();
	rc = m->fn(req, msg->params, &result, m->arg);
	assert(rc <= 0 || rc == CTL_LATER);
	if (rc < 0 && !*refusal())
		refuse(-rc, "%s failed: %s", m->name, strerror(-rc));
	if (rc != CTL_LATER)
		answer(req, rc, result);
}

static void on_line(struct conn *c, const char *line, size_t len)
{
	struct rpc_message msg;
	struct method *m;
	int code = rpc_parse(line, len, &msg);

	if (!code && !msg.method)
		code = RPC_INVALID_REQUEST,
		refuse(EPROTO, "a response, where requests are expected");
	if (code)
		send_error(c, msg.id, code, refusal());
	else if (!(m = find_method(c->server, msg.method)))
		unknown_method(c->server, c, &msg);
	else
		call_method(c, m, &msg);
	rpc_free(&msg);
}

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
		on_line(c, line, len);
	}
}

static void too_long(struct conn *c, int err)
{
	refuse(-err, "a request of more than %u bytes%s", CTL_REQUEST_MAX,
		err == -ENOMEM ? ", or no memory for it" : "");
	send_error(c, NULL, RPC_INVALID_REQUEST, refusal());
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

static void on_conn(struct conn *c, uint32_t events)
{
	if (events & EPOLLOUT)
		flush(c);
	if (events & EPOLLIN)
		read_some(c);
	/* the peer closed both ways: nobody will read what is queued */
	if (events & (EPOLLHUP | EPOLLERR) && (!(events & EPOLLIN) || c->eof))
		c->broken = true;
}

static void resume(struct ctl_server *server)
{
	struct conn *c;

	list_for_each(c, &server->conns, link) {
		if (c->waiting && !paused(c))
			run_lines(c);
	}
}

void ctl_server_process(struct ctl_server *server)
{
	struct epoll_event events[EVENTS_PER_ROUND];
	int n = epoll_wait(server->epoll_fd, events, EVENTS_PER_ROUND, 0);
	eventfd_t ignored;

	server->in_round = true;
	for (int i = 0; i < n; i++) {
		if (events[i].data.ptr == &server->listen_fd)
			accept_some(server);
		else if (events[i].data.ptr == &server->again_fd)
			eventfd_read(server->again_fd, &ignored);
		else
			on_conn(events[i].data.ptr, events[i].events);
	}
	resume(server);
	reap(server);
	server->in_round = false;
}

/* --- methods --- */

int ctl_register(struct ctl_server *server, const char *method, ctl_method_fn fn, void *arg)
{
	struct method *m;

	if (find_method(server, method))
		return refuse(EEXIST, "method '%s' is registered twice", method);
	if (hmap_count(&server->methods) == CTL_METHODS_MAX)
		return refuse(ENOSPC, "method '%s': more than %u methods", method, CTL_METHODS_MAX);
	m = calloc(1, sizeof(*m));
	if (!m)
		return refuse(ENOMEM, "method '%s': no memory", method);
	m->name = method;
	m->fn = fn;
	m->arg = arg;
	hmap_insert(&server->methods, &m->node, hmap_hash_str(method));
	return 0;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int list_methods(struct ctl_request *req, const json_t *params, json_t **result, void *arg)
{
	struct ctl_server *server = arg;
	const char *names[CTL_METHODS_MAX];
	json_t *list = json_array();
	struct method *m;
	size_t n = 0;

	hmap_for_each(m, &server->methods, node)
		names[n++] = m->name;
	qsort(names, n, sizeof(names[0]), by_name);
	for (size_t i = 0; i < n; i++)
		json_array_append_new(list, json_string(names[i]));
	*result = json_pack("{s:o}", "methods", list);
	return 0;
}

/* --- streams --- */

int ctl_stream_open(
	struct ctl_request *req, void (*gone)(void *arg), void *arg, struct ctl_stream **stream)
{
	struct ctl_stream *s;

	if (!req->conn)
		return refuse(ECONNRESET, "the client left before its stream began");
	s = calloc(1, sizeof(*s));
	if (!s)
		return refuse(ENOMEM, "no memory for a stream");
	s->conn = req->conn;
	s->id = ++req->conn->server->next_stream_id;
	s->gone = gone;
	s->arg = arg;
	list_push_back(&s->conn->streams, &s->link);
	*stream = s;
	return 0;
}

unsigned ctl_stream_id(const struct ctl_stream *stream)
{
	return stream->id;
}

int ctl_notify(struct ctl_stream *stream, const char *method, json_t *params)
{
	struct conn *c = stream->conn;
	size_t len = 0;
	char *line;

	if (queued(c) > CTL_STREAM_MAX || c->broken) {
		json_decref(params);
		return -ENOBUFS;
	}
	line = rpc_notification(method, params, &len);
	json_decref(params);
	if (!line)
		return refuse(ENOMEM, "%s: no memory, or text that is not UTF-8", method);
	queue_line(c, line, len);
	/* whatever is queued or broken now is process()'s to see */
	if (queued(c) || c->broken)
		again(c->server);
	return 0;
}

void ctl_stream_close(struct ctl_stream *stream)
{
	if (!stream)
		return;
	list_remove(&stream->link);
	if (stream->conn->eof)
		again(stream->conn->server);
	free(stream);
}

/* --- life --- */

static int make_directories(const char *path)
{
	char dir[CTL_PATH_MAX];

	snprintf(dir, sizeof(dir), "%s", path);
	for (char *p = strchr(dir + 1, '/'); p; p = strchr(p + 1, '/')) {
		*p = '\0';
		if (mkdir(dir, 0755) && errno != EEXIST)
			return refuse(
				errno, "cannot make the directory %s: %s", dir, strerror(errno));
		*p = '/';
	}
	return 0;
}

static int find_group(const char *name, gid_t *gid)
{
	char buf[4096];
	struct group entry, *found = NULL;

	getgrnam_r(name, &entry, buf, sizeof(buf), &found);
	if (!found)
		return refuse(EINVAL, "group '%s' does not exist", name);
	*gid = found->gr_gid;
	return 0;
}

/* The mode is set before bind, so that no moment exists in which others may connect. */
static int listen_on(struct ctl_server *server, const char *group)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), err;
	gid_t gid = 0;

	if (fd < 0)
		return refuse(errno, "%s: cannot make a socket: %s", server->path, strerror(errno));
	server->listen_fd = fd;
	err = group ? find_group(group, &gid) : 0;
	if (err)
		return err;
	memcpy(sun.sun_path, server->path, strlen(server->path));
	unlink(server->path); /* the lease is ours, so this is a dead owner's */
	if (fchmod(fd, 0600) || bind(fd, (struct sockaddr *)&sun, sizeof(sun)) ||
		(group && (chown(server->path, (uid_t)-1, gid) || chmod(server->path, 0660))) ||
		listen(fd, CTL_CONNECTIONS_MAX))
		return refuse(errno, "%s: cannot listen: %s", server->path, strerror(errno));
	return 0;
}

static int add_fd(struct ctl_server *server, int *fd)
{
	struct epoll_event e = {.events = EPOLLIN, .data.ptr = fd};

	if (epoll_ctl(server->epoll_fd, EPOLL_CTL_ADD, *fd, &e))
		return refuse(errno, "%s: epoll: %s", server->path, strerror(errno));
	return 0;
}

static int start(struct ctl_server *server, const char *group)
{
	int err = make_directories(server->path);

	if (!err)
		err = lease_take(server->path, &server->lease);
	if (!err)
		err = listen_on(server, group);
	if (err)
		return err;
	server->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	server->again_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (server->epoll_fd < 0 || server->again_fd < 0)
		return refuse(errno, "%s: epoll or eventfd: %s", server->path, strerror(errno));
	err = add_fd(server, &server->listen_fd);
	if (!err)
		err = add_fd(server, &server->again_fd);
	return err ? err : ctl_register(server, CTL_METHODS, list_methods, server);
}

int ctl_server_create(const char *path, const char *group, struct ctl_server **out)
{
	struct ctl_server *server;
	int err;

	if (strlen(path) >= CTL_PATH_MAX)
		return refuse(
			EINVAL, "%s is over the %d bytes of a socket path", path, CTL_PATH_MAX - 1);
	server = calloc(1, sizeof(*server));
	if (!server)
		return refuse(ENOMEM, "%s: no memory", path);
	strcpy(server->path, path);
	server->epoll_fd = server->listen_fd = server->again_fd = server->lease.fd = -1;
	list_init(&server->conns);
	err = start(server, group);
	if (err) {
		ctl_server_destroy(server);
		return err;
	}
	*out = server;
	return 0;
}

static void close_fd(int fd)
{
	if (fd >= 0)
		close(fd);
}

void ctl_server_destroy(struct ctl_server *server)
{
	struct method *m, *next;
	struct conn *c, *tmp;

	if (!server)
		return;
	list_for_each_safe(c, tmp, &server->conns, link)
		conn_free(c);
	hmap_for_each_safe(m, next, &server->methods, node) {
		hmap_remove(&server->methods, &m->node);
		free(m);
	}
	hmap_destroy(&server->methods);
	if (server->lease.fd >= 0) {
		unlink(server->path);
		lease_give_back(&server->lease);
	}
	close_fd(server->listen_fd);
	close_fd(server->again_fd);
	close_fd(server->epoll_fd);
	free(server);
}

int ctl_server_fd(const struct ctl_server *server)
{
	return server->epoll_fd;
}
