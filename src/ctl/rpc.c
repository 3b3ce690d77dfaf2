/* SPDX-License-Identifier: BSD-3-Clause */
/* JSON-RPC 2.0 messages (jsonrpc.org/specification). Relies on jansson for JSON itself. */
#include "ctl/ctl_int.h"

#include <stdlib.h>
#include <string.h>

#include "base/refuse.h"

static int no(int code, const char *what)
{
	refuse(EPROTO, "%s", what);
	return code;
}

static int parse_id(struct rpc_message *m)
{
	json_t *id = json_object_get(m->root, "id");

	if (id && !json_is_string(id) && !json_is_number(id) && !json_is_null(id))
		return no(RPC_INVALID_REQUEST, "'id' is not a string or a number");
	m->id = id;
	return 0;
}

static int parse_request(struct rpc_message *m, const json_t *method)
{
	const json_t *params = json_object_get(m->root, "params");

	if (!json_is_string(method))
		return no(RPC_INVALID_REQUEST, "'method' is not a string");
	if (params && !json_is_object(params) && !json_is_null(params))
		return no(RPC_INVALID_PARAMS,
			"'params' is not an object: parameters have names here");
	m->method = json_string_value(method);
	m->params = json_is_object(params) ? params : NULL;
	return 0;
}

static int parse_response(struct rpc_message *m)
{
	const json_t *error = json_object_get(m->root, "error"), *message;

	m->result = json_object_get(m->root, "result");
	if (!m->id || !m->result == !error)
		return no(RPC_INVALID_REQUEST, "neither a request (no 'method') nor a response");
	if (!error)
		return 0;
	message = json_object_get(error, "message");
	m->error_code = json_integer_value(json_object_get(error, "code"));
	if (!m->error_code || !json_is_string(message))
		return no(RPC_INVALID_REQUEST, "'error' has no code or no message");
	m->error = json_string_value(message);
	return 0;
}

int rpc_parse(const char *text, size_t len, struct rpc_message *m)
{
	const char *version;
	const json_t *method;
	json_error_t bad;

	memset(m, 0, sizeof(*m));
	m->root = json_loadb(text, len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &bad);
	if (!m->root) {
		refuse(EPROTO, "not JSON: column %d: %s", bad.column, bad.text);
		return RPC_PARSE_ERROR;
	}
	if (json_is_array(m->root))
		return no(RPC_INVALID_REQUEST, "batches are not taken: send one request per line");
	if (!json_is_object(m->root))
		return no(RPC_INVALID_REQUEST, "not a JSON object");
	if (parse_id(m))
		return RPC_INVALID_REQUEST;
	version = json_string_value(json_object_get(m->root, "jsonrpc"));
	if (!version || strcmp(version, "2.0"))
		return no(RPC_INVALID_REQUEST, "'jsonrpc' is not \"2.0\"");
	method = json_object_get(m->root, "method");
	return method ? parse_request(m, method) : parse_response(m);
}

void rpc_free(struct rpc_message *m)
{
	json_decref(m->root);
	memset(m, 0, sizeof(*m));
}

/* Takes `object`. jansson escapes control characters, so the text has no newline but ours. */
static char *to_line(json_t *object, size_t *len)
{
	size_t n = object ? json_dumpb(object, NULL, 0, JSON_COMPACT) : 0;
	char *line = n ? malloc(n + 2) : NULL;

	if (line) {
		json_dumpb(object, line, n, JSON_COMPACT);
		line[n] = '\n';
		line[n + 1] = '\0';
		*len = n + 1;
	}
	json_decref(object);
	return line;
}

char *rpc_request(json_int_t id, const char *method, const json_t *params, size_t *len)
{
	return to_line(json_pack("{s:s, s:I, s:s, s:O*}", "jsonrpc", "2.0", "id", id, "method",
			       method, "params", params),
		len);
}

char *rpc_notification(const char *method, const json_t *params, size_t *len)
{
	return to_line(
		json_pack("{s:s, s:s, s:O*}", "jsonrpc", "2.0", "method", method, "params", params),
		len);
}

char *rpc_result(const json_t *id, json_t *result, size_t *len)
{
	return to_line(
		json_pack("{s:s, s:O?, s:O?}", "jsonrpc", "2.0", "id", id, "result", result), len);
}

/* A sentence may quote bytes of a stranger; JSON takes UTF-8 only. */
static json_t *safe_string(const char *text)
{
	json_t *s = json_string(text);
	char *copy;

	if (s)
		return s;
	copy = strdup(text);
	if (!copy)
		return NULL;
	for (char *p = copy; *p; p++)
		if ((unsigned char)*p >= 0x80)
			*p = '?';
	s = json_string(copy);
	free(copy);
	return s;
}

char *rpc_error(const json_t *id, int code, const char *message, size_t *len)
{
	return to_line(json_pack("{s:s, s:O?, s:{s:i, s:o}}", "jsonrpc", "2.0", "id", id, "error",
			       "code", code, "message", safe_string(message)),
		len);
}
