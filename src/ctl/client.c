/* SPDX-License-Identifier: BSD-3-Clause */
/* The client: one blocking connection with a deadline on each wait. */
#include "ctl/ctl_int.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/list.h"
#include "base/refuse.h"

#define KEPT_MAX 65536u /* notifications that came while a call waited */

struct kept {
	struct list link;
	struct rpc_message msg;
};

struct ctl_client {
	int fd;
	char path[CTL_PATH_MAX];
	struct line_in in;
	json_int_t next_id;
	struct list kept;
	unsigned n_kept;
	struct rpc_message last; /* what ctl_next() lent */
};

static int cannot_connect(const char *path)
{
	int e = errno;

	switch (e) {
	case ENOENT:
	case ECONNREFUSED:
		return refuse(e, "nobody listens on %s", path);
	case EACCES:
	case EPERM:
		return refuse(
			EACCES, "%s is not yours to open: use root, or a user in its group", path);
	case EAGAIN:
		return refuse(EBUSY, "%s is busy: too many are waiting to connect", path);
	default:
		return refuse(e, "%s: cannot connect: %s", path, strerror(e));
	}
}

int ctl_connect(const char *path, struct ctl_client **out)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	struct ctl_client *c;
	int fd;

	if (strlen(path) >= CTL_PATH_MAX)
		return refuse(
			EINVAL, "%s is over the %d bytes of a socket path", path, CTL_PATH_MAX - 1);
	strcpy(sun.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&sun, sizeof(sun))) {
		int err = cannot_connect(path);

		if (fd >= 0)
			close(fd);
		return err;
	}
	c = calloc(1, sizeof(*c));
	if (!c) {
		close(fd);
		return refuse(ENOMEM, "%s: no memory for a connection", path);
	}
	c->fd = fd;
	c->in.max = CTL_REPLY_MAX + 4096;
	strcpy(c->path, path);
	list_init(&c->kept);
	*out = c;
	return 0;
}

void ctl_disconnect(struct ctl_client *c)
{
	struct list *l;

	if (!c)
		return;
	while ((l = list_pop_front(&c->kept))) {
		struct kept *k = list_entry(l, struct kept, link);

		rpc_free(&k->msg);
		free(k);
	}
	rpc_free(&c->last);
	line_free(&c->in);
	close(c->fd);
	free(c);
}

int ctl_client_fd(const struct ctl_client *c)
{
	return c->fd;
}

/* deadline 0 = never. */
static int wait_for(struct ctl_client *c, short events, uint64_t deadline)
{
	struct pollfd p = {.fd = c->fd, .events = events};

	for (;;) {
		uint64_t now = clock_now_ns();
		int ms = -1, n;

		if (deadline)
			ms = now >= deadline ? 0
					     : (int)((deadline - now + NS_PER_MS - 1) / NS_PER_MS);
		n = poll(&p, 1, ms);
		if (n > 0)
			return 0;
		if (!n)
			return refuse(ETIMEDOUT, "%s did not answer in time", c->path);
		if (errno != EINTR)
			return refuse(errno, "%s: poll: %s", c->path, strerror(errno));
	}
}

static int lost(struct ctl_client *c)
{
	return refuse(ECONNRESET, "%s closed the connection", c->path);
}

static int send_all(struct ctl_client *c, const char *line, size_t len, uint64_t deadline)
{
	while (len) {
		ssize_t n = send(c->fd, line, len, MSG_NOSIGNAL);
		int err = 0;

		if (n > 0) {
			line += n;
			len -= (size_t)n;
		} else if (errno == EAGAIN) {
			err = wait_for(c, POLLOUT, deadline);
		} else if (errno != EINTR) {
			err = lost(c);
		}
		if (err)
			return err;
	}
	return 0;
}

static int read_line(struct ctl_client *c, uint64_t deadline, char **line, size_t *len)
{
	while (!(*line = line_next(&c->in, len))) {
		size_t room;
		int err = 0;
		char *at = line_space(&c->in, &room, &err);
		ssize_t n;

		if (!at)
			return refuse(
				-err, "%s sent more than %u bytes at once", c->path, CTL_REPLY_MAX);
		n = recv(c->fd, at, room, 0);
		if (n > 0)
			line_filled(&c->in, (size_t)n);
		else if (!n || (errno != EAGAIN && errno != EINTR))
			return lost(c);
		else if (errno == EAGAIN)
			err = wait_for(c, POLLIN, deadline);
		if (err)
			return err;
	}
	return 0;
}

static int read_message(struct ctl_client *c, uint64_t deadline, struct rpc_message *m)
{
	char *line;
	size_t len;
	int err = read_line(c, deadline, &line, &len);

	if (err)
		return err;
	if (rpc_parse(line, len, m)) {
		rpc_free(m);
		return refuse_more(-EPROTO, "%s sent a broken message", c->path);
	}
	return 0;
}

static int keep(struct ctl_client *c, struct rpc_message *m)
{
	struct kept *k = c->n_kept < KEPT_MAX ? malloc(sizeof(*k)) : NULL;

	if (!k) {
		rpc_free(m);
		return refuse(ENOBUFS, "%s: more than %u notifications before an answer", c->path,
			KEPT_MAX);
	}
	k->msg = *m;
	list_push_back(&c->kept, &k->link);
	c->n_kept++;
	return 0;
}

static int from_code(json_int_t code)
{
	if (code == RPC_METHOD_NOT_FOUND)
		return -ENOSYS;
	if (code == RPC_INVALID_PARAMS)
		return -EINVAL;
	return code < 0 && code > -4096 ? (int)code : -EPROTO;
}

/* The answer to call `id`, or an error that belongs to no call (the server turned us away). */
static bool is_answer(const struct rpc_message *m, json_int_t id)
{
	if (m->method)
		return false;
	return json_integer_value(m->id) == id || (m->error && json_is_null(m->id));
}

static int take_answer(struct ctl_client *c, struct rpc_message *m, json_t **result)
{
	int err = 0;

	if (m->error)
		err = refuse(-from_code(m->error_code), "%s", m->error);
	else if (result)
		*result = json_incref(m->result);
	rpc_free(m);
	return err;
}

static uint64_t deadline_of(int timeout_ms)
{
	return timeout_ms < 0 ? 0 : clock_now_ns() + (uint64_t)timeout_ms * NS_PER_MS;
}

int ctl_call(
	struct ctl_client *c, const char *method, json_t *params, int timeout_ms, json_t **result)
{
	uint64_t deadline = deadline_of(timeout_ms);
	json_int_t id = ++c->next_id;
	size_t len = 0;
	char *line = rpc_request(id, method, params, &len);
	struct rpc_message m;
	int err;

	json_decref(params);
	if (!line)
		return refuse(ENOMEM, "%s: no memory, or text that is not UTF-8", method);
	err = send_all(c, line, len, deadline);
	free(line);
	/* a server that turned us away has closed, but its reason may still lie in the socket */
	if (err && err != -ECONNRESET)
		return err;
	for (;;) {
		err = read_message(c, deadline, &m);
		if (err)
			return err;
		if (is_answer(&m, id))
			return take_answer(c, &m, result);
		if (!m.method)
			rpc_free(&m); /* a late answer to a call that timed out */
		else if ((err = keep(c, &m)))
			return err;
	}
}

static int next_message(struct ctl_client *c, uint64_t deadline, struct rpc_message *m)
{
	struct list *l = list_pop_front(&c->kept);
	struct kept *k;
	int err;

	if (l) {
		k = list_entry(l, struct kept, link);
		*m = k->msg;
		free(k);
		c->n_kept--;
		return 0;
	}
	while (!(err = read_message(c, deadline, m)) && !m->method)
		rpc_free(m);
	return err;
}

int ctl_next(struct ctl_client *c, int timeout_ms, const char **method, json_t **params)
{
	int err;

	rpc_free(&c->last);
	err = next_message(c, deadline_of(timeout_ms), &c->last);
	if (err)
		return err;
	*method = c->last.method;
	*params = json_incref((json_t *)c->last.params);
	return 0;
}
