/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The control protocol: a byte stream cut into lines, each a JSON-RPC message. The first byte says in
 * pieces of which size the stream arrives. What parses as a request must survive being written and
 * parsed again.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/refuse.h"
#include "ctl/ctl_int.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void again(const struct rpc_message *m)
{
	struct rpc_message copy;
	size_t len;
	char *line = m->id ? rpc_request(7, m->method, m->params, &len)
			   : rpc_notification(m->method, m->params, &len);

	if (!line) /* a NUL inside a name cannot be written with this API */
		return;
	assert(line[len - 1] == '\n' && !memchr(line, '\n', len - 1));
	assert(!rpc_parse(line, len - 1, &copy));
	assert(!strcmp(copy.method, m->method) && !copy.id == !m->id);
	rpc_free(&copy);
	free(line);
}

static void on_line(const char *text, size_t len)
{
	struct rpc_message m;
	uint64_t n = 5;
	const char *name;
	bool b;

	refusal_clear();
	if (rpc_parse(text, len, &m)) {
		assert(*refusal());
	} else if (m.method) {
		ctl_want_u64(m.params, "limit", 1, 1000, &n);
		ctl_want_bool(m.params, "reset", &b);
		ctl_need_string(m.params, "port", &name);
		again(&m);
	}
	rpc_free(&m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct line_in in = {.max = 4096};
	size_t piece = size ? data[0] + 1u : 1, room, len;
	char *line, *at;
	int err;

	for (size_t i = 1; i < size; i += len) {
		at = line_space(&in, &room, &err);
		if (!at)
			break;
		len = MIN_OF(MIN_OF(piece, room), size - i);
		memcpy(at, data + i, len);
		line_filled(&in, len);
		for (size_t n; (line = line_next(&in, &n));) {
			assert(n <= 4097 && strlen(line) <= n);
			on_line(line, n);
		}
	}
	line_free(&in);
	return 0;
}
