/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Memory runs short at each allocation in turn, ours and jansson's, while a server in this very thread
 * answers a raw client: the one request may fail or its connection end, the server goes on.
 */
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../alloc_fail.h"

#include "base/refuse.h"
#include "ctl/ctl.h"
#include "ctl/messages.h"
#include "ctl/metrics.h"

static char path[CTL_PATH_MAX];
static struct ctl_stream *stream;

static void gone(void *arg)
{
	stream = NULL;
}

static int work(struct ctl_request *req, const json_t *params, json_t **result, void *arg)
{
	int err = stream ? 0 : ctl_stream_open(req, gone, NULL, &stream);

	*result = json_pack("{s:i}", "n", 5);
	return err;
}

static int dial(void)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

	strcpy(sun.sun_path, path);
	assert_int_equal(connect(fd, (struct sockaddr *)&sun, sizeof(sun)), 0);
	return fd;
}

/* One client's life. True if it got its answer. */
static bool talk(struct ctl_server *server)
{
	static const char request[] =
		"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"test.work\",\"params\":{\"a\":[1,2]}}\n"
		"{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"test.wrok\"}\nnonsense\n";
	char answer[4096];
	ssize_t n;
	int fd = dial();

	ctl_server_process(server);
	if (send(fd, request, sizeof(request) - 1, MSG_NOSIGNAL) > 0)
		ctl_server_process(server);
	if (stream)
		ctl_notify(stream, "test.note", json_pack("{s:s}", "text", "abc"));
	ctl_server_process(server);
	n = recv(fd, answer, sizeof(answer) - 1, 0);
	answer[n > 0 ? n : 0] = '\0';
	close(fd);
	ctl_server_process(server);
	return strstr(answer, "\"n\":5") && strstr(answer, "did you mean") &&
	       strstr(answer, "-32700") && strstr(answer, "test.note");
}

static void a_server_survives(void **state)
{
	struct ctl_server *server;
	unsigned n;

	assert_int_equal(ctl_server_create(path, NULL, &server), 0);
	assert_int_equal(ctl_register(server, "test.work", work, NULL), 0);
	for (n = 1;; n++) {
		bool good, hit;

		alloc_fail_at(n);
		good = talk(server);
		hit = alloc_fail_stop();
		assert_true(good || hit);
		assert_true(talk(server));
		assert_null(stream);
		if (!hit)
			break;
	}
	assert_true(n > 20);
	ctl_server_destroy(server);
}

static void creation_cleans_up(void **state)
{
	struct ctl_server *server;
	struct metrics *m;
	unsigned n;

	for (n = 1;; n++) {
		int err;

		alloc_fail_at(n);
		err = ctl_server_create(path, NULL, &server);
		if (!alloc_fail_stop())
			break;
		/* a method map that cannot grow is still a map */
		if (!err)
			ctl_server_destroy(server);
		assert_true(!err || err == -ENOMEM);
		assert_int_equal(access(path, F_OK), -1);
	}
	ctl_server_destroy(server);
	alloc_fail_at(1);
	assert_int_equal(metrics_create("127.0.0.1:0", &m), -ENOMEM);
	assert_true(alloc_fail_stop());
}

static void clients_refuse(void **state)
{
	struct ctl_server *server;
	struct ctl_client *client;

	assert_int_equal(ctl_server_create(path, NULL, &server), 0);
	alloc_fail_at(1);
	assert_int_equal(ctl_connect(path, &client), -ENOMEM);
	assert_true(alloc_fail_stop());
	assert_int_equal(ctl_connect(path, &client), 0);
	alloc_fail_at(1);
	assert_int_equal(ctl_call(client, CTL_METHODS, NULL, 10, NULL), -ENOMEM);
	assert_true(alloc_fail_stop());
	ctl_disconnect(client);
	ctl_server_destroy(server);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_server_survives),
		cmocka_unit_test(creation_cleans_up),
		cmocka_unit_test(clients_refuse),
	};
	char dir[] = "/tmp/softdpu-alloc-XXXXXX";
	int rc;

	if (!mkdtemp(dir))
		return 1;
	snprintf(path, sizeof(path), "%s/s.sock", dir);
	json_set_alloc_funcs(alloc_fail_malloc, free);
	rc = cmocka_run_group_tests_name("ctl-alloc", tests, NULL, NULL);
	rmdir(dir);
	return rc;
}
