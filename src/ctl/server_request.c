/* SPDX-License-Identifier: BSD-3-Clause */
/* server_request: what a line asks for: a method is called, answered now or later; streams send notifications. */
#include "ctl/server_int.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/refuse.h"
#include "base/yaml.h"
#include "ctl/messages.h"

static void send_result(struct conn *c, const json_t *id, json_t *result)
{
	size_t len = 0;
	char *line = rpc_result(id, result, &len);

	if (line && len <= CTL_REPLY_MAX) {
		conn_queue(c, line, len);
		return;
	}
	free(line);
	refuse(EFBIG, "the answer is larger than %u bytes; ask for less at a time (limit, offset)",
		CTL_REPLY_MAX);
	conn_send_error(c, id, -EFBIG, refusal());
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
		conn_send_error(c, msg->id, RPC_METHOD_NOT_FOUND, refusal());
}

static void answer(struct ctl_request *req, int err, json_t *result)
{
	struct conn *c = req->conn;

	if (c) {
		list_remove(&req->link);
		c->pending--;
		if (req->id && err)
			conn_send_error(c, req->id, err, refusal());
		else if (req->id)
			send_result(c, req->id, result);
		/* lines may have waited for this answer */
		server_again(c->server);
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

void request_line(struct conn *c, const char *line, size_t len)
{
	struct rpc_message msg;
	struct method *m;
	int code = rpc_parse(line, len, &msg);

	if (!code && !msg.method)
		code = RPC_INVALID_REQUEST,
		refuse(EPROTO, "a response, where requests are expected");
	if (code)
		conn_send_error(c, msg.id, code, refusal());
	else if (!(m = server_find_method(c->server, msg.method)))
		unknown_method(c->server, c, &msg);
	else
		call_method(c, m, &msg);
	rpc_free(&msg);
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

	if (conn_queued(c) > CTL_STREAM_MAX || c->broken) {
		json_decref(params);
		return -ENOBUFS;
	}
	line = rpc_notification(method, params, &len);
	json_decref(params);
	if (!line)
		return refuse(ENOMEM, "%s: no memory, or text that is not UTF-8", method);
	conn_queue(c, line, len);
	/* whatever is queued or broken now is process()'s to see */
	if (conn_queued(c) || c->broken)
		server_again(c->server);
	return 0;
}

void ctl_stream_close(struct ctl_stream *stream)
{
	if (!stream)
		return;
	list_remove(&stream->link);
	if (stream->conn->eof)
		server_again(stream->conn->server);
	free(stream);
}
