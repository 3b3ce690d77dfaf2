/* SPDX-License-Identifier: BSD-3-Clause */
/* Insides of room ctl: lines, messages, leases. For its files and its tests only. */
#ifndef CTL_CTL_INT_H
#define CTL_CTL_INT_H

#include "ctl/ctl.h"

/* --- line.c: cutting a byte stream into lines --- */

struct line_in {
	char *data;
	size_t start, end, room; /* bytes start..end are unread */
	size_t scanned;          /* no newline before this */
	size_t max;              /* longest line */
};

/* Where to read to: at least one byte of room. NULL: -EFBIG (a line is too long) or -ENOMEM in *err. */
char *line_space(struct line_in *in, size_t *room, int *err);
void line_filled(struct line_in *in, size_t n);
/* The next whole line without its newline, NUL-terminated, valid until the next line_space(). Empty
 * lines and a final '\r' are skipped. */
char *line_next(struct line_in *in, size_t *len);
void line_free(struct line_in *in);

/* --- rpc.c: one JSON-RPC 2.0 message --- */

enum rpc_code { /* JSON-RPC 2.0, section 5.1 */
	RPC_PARSE_ERROR = -32700,
	RPC_INVALID_REQUEST = -32600,
	RPC_METHOD_NOT_FOUND = -32601,
	RPC_INVALID_PARAMS = -32602,
};

struct rpc_message {
	json_t *root;          /* owns all that follows */
	const char *method;    /* a request or notification; NULL: a response */
	const json_t *params;  /* NULL or an object */
	json_t *id;            /* NULL: a notification */
	json_t *result;        /* of a response, may be JSON null */
	const char *error;     /* of a failed response: its message */
	json_int_t error_code; /* 0 without an error */
};

/* 0, or an rpc_code with a refusal; m->id is set even then if it could be read. rpc_free() in any case. */
int rpc_parse(const char *text, size_t len, struct rpc_message *m);
void rpc_free(struct rpc_message *m);

/* malloc'ed lines with their newline, *len bytes; NULL when memory is short or the JSON is broken. */
char *rpc_request(json_int_t id, const char *method, const json_t *params, size_t *len);
char *rpc_notification(const char *method, const json_t *params, size_t *len);
char *rpc_result(const json_t *id, json_t *result, size_t *len);
char *rpc_error(const json_t *id, int code, const char *message, size_t *len);

/* --- lease.c: who owns a socket --- */

struct lease {
	int fd;
	char path[CTL_PATH_MAX + 8];
};

/* Take "<socket>.lease". -EADDRINUSE with a refusal that names the living owner's pid. */
int lease_take(const char *socket_path, struct lease *lease);
void lease_give_back(struct lease *lease);
/* The living owner's pid, 0 when there is none. */
int lease_owner(const char *socket_path);

/* --- http.c: as much HTTP/1.x as a scraper needs --- */

/* What to answer to the first `len` bytes of a request: 0 = more bytes are needed, else the status:
 * 200 (GET or HEAD of /metrics), 400, 404, 405, 431, 505. *head: a HEAD, so no body. */
int http_judge(const char *text, size_t len, bool *head);

/* "Not Found" for 404. Static storage. */
const char *http_status_text(int status);

#endif
