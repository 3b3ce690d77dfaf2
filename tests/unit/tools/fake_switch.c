/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A switch and an agent that say what a file says, for the tests of the tools. The file is a JSON object
 * {method: result or {"refuse": "sentence"}}; switch.capture streams the packets it holds. Runs until its
 * standard input ends. usage: fake_switch CARD ANSWERS.json
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/refuse.h"
#include "ctl/ctl.h"
#include "ctl/messages.h"

static json_t *answers;
static struct ctl_stream *stream;
static uint64_t to_send;
static bool ends;

static json_t *dumped(const json_t *params)
{
	char *text = json_dumps(params, JSON_SORT_KEYS);
	json_t *string = json_string(text ? text : "null");

	free(text);
	return string;
}

static int answer(struct ctl_request *req, const json_t *params, json_t **result, void *arg)
{
	const json_t *a = json_object_get(answers, arg), *no = json_object_get(a, "refuse");
	const json_t *echo = json_object_get(a, "echo");

	if (no)
		return refuse(EINVAL, "%s", json_string_value(no));
	*result = echo ? json_pack("{s:o}", json_string_value(echo), dumped(params))
		       : json_deep_copy(a);
	return 0;
}

static void gone(void *arg)
{
	stream = NULL;
}

static int capture(struct ctl_request *req, const json_t *params, json_t **result, void *arg)
{
	const char *port;
	int err = ctl_need_string(params, "port", &port);

	if (!err && strcmp(port, "any") && strcmp(port, "p0"))
		err = refuse(ENOENT, "no port '%s'; there are p0, pf0hpf", port);
	to_send = 0;
	if (!err)
		err = ctl_want_u64(params, "count", 0, UINT32_MAX, &to_send);
	if (!err)
		err = ctl_stream_open(req, gone, NULL, &stream);
	if (err)
		return err;
	ends = to_send;
	if (!to_send)
		to_send = json_array_size(json_object_get(answers, CTL_SWITCH_CAPTURE));
	*result = json_pack("{s:i, s:i}", "id", (int)ctl_stream_id(stream), "snaplen", 65535);
	return 0;
}

static int capture_stop(struct ctl_request *req, const json_t *params, json_t **result, void *arg)
{
	*result = json_pack("{s:i, s:i}", "packets", 0, "missed", 2);
	ctl_stream_close(stream);
	stream = NULL;
	return 0;
}

/* All packets at once; the end only if a count was asked for. */
static void stream_all(void)
{
	const json_t *packets = json_object_get(answers, CTL_SWITCH_CAPTURE);

	for (uint64_t i = 0; stream && i < to_send; i++) {
		json_t *p = json_deep_copy(json_array_get(packets, i % json_array_size(packets)));

		json_object_set_new(p, "id", json_integer(ctl_stream_id(stream)));
		ctl_notify(stream, CTL_SWITCH_PACKET, p);
	}
	if (stream && ends)
		ctl_notify(stream, CTL_SWITCH_CAPTURE_END,
			json_pack("{s:i, s:I, s:i, s:s}", "id", (int)ctl_stream_id(stream),
				"packets", (json_int_t)to_send, "missed", 0, "why",
				"the count was reached"));
	to_send = 0;
}

static struct ctl_server *open_server(const char *card, const char *program)
{
	struct ctl_server *server;
	char path[CTL_PATH_MAX];

	if (ctl_socket_path(card, program, path) || ctl_server_create(path, NULL, &server)) {
		fprintf(stderr, "%s\n", refusal());
		exit(1);
	}
	return server;
}

int main(int argc, char **argv)
{
	struct ctl_server *daemon = open_server(argv[1], "softdpud"),
			  *agent = open_server(argv[1], "agentd");
	struct pollfd p[3] = {{.fd = 0, .events = POLLIN},
		{.fd = ctl_server_fd(daemon), .events = POLLIN},
		{.fd = ctl_server_fd(agent), .events = POLLIN}};
	const char *method;
	json_t *value;

	answers = json_load_file(argv[2], 0, NULL);
	if (argc != 3 || !answers)
		return 1;
	json_object_foreach(answers, method, value)
		if (strcmp(method, CTL_SWITCH_CAPTURE))
			ctl_register(strncmp(method, "agent.", 6) ? daemon : agent, method, answer,
				(void *)method);
	ctl_register(daemon, CTL_SWITCH_CAPTURE, capture, NULL);
	ctl_register(daemon, CTL_SWITCH_CAPTURE_STOP, capture_stop, NULL);
	puts("ready");
	fflush(stdout);
	while (poll(p, 3, -1) >= 0 && !p[0].revents) {
		ctl_server_process(daemon);
		ctl_server_process(agent);
		if (stream && to_send)
			stream_all();
	}
	ctl_server_destroy(daemon);
	ctl_server_destroy(agent);
	json_decref(answers);
	return 0;
}
