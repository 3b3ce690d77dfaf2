/* SPDX-License-Identifier: BSD-3-Clause */
/* Server and client over a real socket in a directory of our own; the server runs in a second thread. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/refuse.h"
#include "ctl/ctl.h"
#include "ctl/ctl_int.h"
#include "ctl/messages.h"

static char dir[64], path[CTL_PATH_MAX];

static struct {
	struct ctl_server *server;
	pthread_t thread;
	atomic_bool stop;
	struct ctl_request *later; /* answered by the loop when `release` is set */
	atomic_bool release;
	atomic_int gone, missed;
	struct ctl_stream *stream;
	atomic_int to_send;
} s;

static int echo(struct ctl_request *req, const json_t *params, json_t **result, void *arg)
{
	*result = json_deep_copy(params);
	return 0;
}

static int busy(struct ctl_request *req, const json_t *params, json_t **result, void *arg)
{
	return refuse(EBUSY, "port 'p0': busy with %d things", 3);
}

static int silent_fail(struct ctl_request *req, const json_t *params, json_t **result, void *arg)
{
	return -ENOTSUP;
}

static int later(struct ctl_request *req, const json_t *params, json_t **result, void *arg)
{
	if (s.later) /* the next one came before the loop could answer */
		ctl_reply(s.later, json_string("at last"));
	s.later = req;
	return CTL_LATER;
}

static void gone(void *arg)
{
	atomic_fetch_add(&s.gone, 1);
	s.stream = NULL;
}

static int watch(struct ctl_request *req, const json_t *params, json_t **result, void *arg)
{
	uint64_t n = 0;
	int err = ctl_need_u64(params, "count", 1, 1000000, &n);

	if (!err)
		err = ctl_stream_open(req, gone, NULL, &s.stream);
	if (err)
		return err;
	atomic_store(&s.to_send, (int)n);
	*result = json_pack("{s:i}", "id", (int)ctl_stream_id(s.stream));
	return 0;
}

static int big(struct ctl_request *req, const json_t *params, json_t **result, void *arg)
{
	uint64_t n = 0;
	char *text;

	if (ctl_need_u64(params, "bytes", 1, 1u << 30, &n))
		return -EINVAL;
	text = malloc(n);
	memset(text, 'x', n);
	*result = json_stringn(text, n);
	free(text);
	return 0;
}

static void stream_some(void)
{
	while (s.stream && atomic_load(&s.to_send) > 0) {
		int n = atomic_fetch_sub(&s.to_send, 1);

		if (ctl_notify(s.stream, "test.tick",
			    json_pack("{s:i, s:s}", "n", n, "pad",
				    "012345678901234567890123456789012345678901234567890123456789"
				    "0")))
			atomic_fetch_add(&s.missed, 1);
		if (n == 1) {
			ctl_notify(s.stream, "test.end", NULL);
			ctl_stream_close(s.stream);
			s.stream = NULL;
		}
	}
}

static void *loop(void *arg)
{
	struct pollfd p = {.fd = ctl_server_fd(s.server), .events = POLLIN};

	while (!atomic_load(&s.stop)) {
		poll(&p, 1, 2);
		ctl_server_process(s.server);
		if (s.later && atomic_load(&s.release)) {
			ctl_reply(s.later, json_string("at last"));
			s.later = NULL;
		}
		stream_some();
	}
	return NULL;
}

static int start(void **state)
{
	memset(&s, 0, sizeof(s));
	assert_int_equal(ctl_server_create(path, NULL, &s.server), 0);
	assert_int_equal(ctl_register(s.server, "test.echo", echo, NULL), 0);
	assert_int_equal(ctl_register(s.server, "test.fail", busy, NULL), 0);
	assert_int_equal(ctl_register(s.server, "test.silent", silent_fail, NULL), 0);
	assert_int_equal(ctl_register(s.server, "test.later", later, NULL), 0);
	assert_int_equal(ctl_register(s.server, "test.watch", watch, NULL), 0);
	assert_int_equal(ctl_register(s.server, "test.big", big, NULL), 0);
	assert_int_equal(ctl_register(s.server, "test.big", big, NULL), -EEXIST);
	return pthread_create(&s.thread, NULL, loop, NULL);
}

static int stop(void **state)
{
	atomic_store(&s.stop, true);
	pthread_join(s.thread, NULL);
	if (s.later)
		ctl_reply(s.later, NULL);
	ctl_server_destroy(s.server);
	return 0;
}

static struct ctl_client *connected(void)
{
	struct ctl_client *c = NULL;

	assert_int_equal(ctl_connect(path, &c), 0);
	return c;
}

static int raw(void)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	strcpy(sun.sun_path, path);
	assert_int_equal(connect(fd, (struct sockaddr *)&sun, sizeof(sun)), 0);
	return fd;
}

static const char *answer_raw(int fd)
{
	static char line[4096];
	size_t n = 0;

	while (n < sizeof(line) - 1 && recv(fd, line + n, 1, 0) == 1 && line[n] != '\n')
		n++;
	line[n] = '\0';
	return line;
}

static const char *ask_raw(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
	return answer_raw(fd);
}

static void calls_come_back(void **state)
{
	struct ctl_client *c = connected();
	json_t *result = NULL;

	for (int i = 0; i < 100; i++) {
		assert_int_equal(
			ctl_call(c, "test.echo", json_pack("{s:i, s:s}", "n", i, "t", "a\nb\"é"),
				5000, &result),
			0);
		assert_int_equal(json_integer_value(json_object_get(result, "n")), i);
		assert_string_equal(json_string_value(json_object_get(result, "t")), "a\nb\"é");
		json_decref(result);
	}
	ctl_disconnect(c);
}

static void refusals_cross(void **state)
{
	struct ctl_client *c = connected();
	json_t *result = NULL;

	assert_int_equal(ctl_call(c, "test.fail", NULL, 5000, &result), -EBUSY);
	assert_string_equal(refusal(), "port 'p0': busy with 3 things");
	assert_int_equal(ctl_call(c, "test.silent", NULL, 5000, &result), -ENOTSUP);
	assert_non_null(strstr(refusal(), "test.silent"));
	assert_int_equal(ctl_call(c, "test.ecko", NULL, 5000, &result), -ENOSYS);
	assert_non_null(strstr(refusal(), "did you mean 'test.echo'"));
	assert_int_equal(
		ctl_call(c, "test.watch", json_pack("{s:s}", "count", "x"), 5000, NULL), -EINVAL);
	assert_non_null(strstr(refusal(), "parameter 'count'"));
	assert_int_equal(ctl_call(c, CTL_METHODS, NULL, 5000, &result), 0);
	assert_int_equal(json_array_size(json_object_get(result, "methods")), 7);
	json_decref(result);
	ctl_disconnect(c);
}

static void answers_may_come_later(void **state)
{
	struct ctl_client *a = connected(), *b = connected();
	json_t *result = NULL;

	atomic_store(&s.release, false);
	assert_int_equal(ctl_call(a, "test.later", NULL, 50, &result), -ETIMEDOUT);
	/* nobody else waits for it */
	assert_int_equal(ctl_call(b, "test.echo", NULL, 5000, &result), 0);
	json_decref(result);
	atomic_store(&s.release, true);
	/* the late answer is not taken for that of the next call */
	assert_int_equal(ctl_call(a, "test.echo", json_pack("{s:i}", "n", 7), 5000, &result), 0);
	assert_int_equal(json_integer_value(json_object_get(result, "n")), 7);
	json_decref(result);
	assert_int_equal(ctl_call(a, "test.later", NULL, 5000, &result), 0);
	assert_string_equal(json_string_value(result), "at last");
	json_decref(result);
	ctl_disconnect(a);
	ctl_disconnect(b);
}

static void a_client_may_leave_before_the_answer(void **state)
{
	struct ctl_client *a = connected(), *b;

	atomic_store(&s.release, false);
	ctl_call(a, "test.later", NULL, 20, NULL);
	ctl_disconnect(a);
	usleep(20000);
	atomic_store(&s.release, true);
	b = connected();
	assert_int_equal(ctl_call(b, "test.echo", NULL, 5000, NULL), 0);
	ctl_disconnect(b);
}

static void streams_stream_and_end(void **state)
{
	struct ctl_client *c = connected();
	const char *method;
	json_t *params, *result;

	assert_int_equal(
		ctl_call(c, "test.watch", json_pack("{s:i}", "count", 1000), 5000, &result), 0);
	json_decref(result);
	for (int n = 1000; n > 0; n--) {
		assert_int_equal(ctl_next(c, 5000, &method, &params), 0);
		assert_string_equal(method, "test.tick");
		assert_int_equal(json_integer_value(json_object_get(params, "n")), n);
		json_decref(params);
		/* calls in the middle do not disturb it */
		if (n % 100 == 0)
			assert_int_equal(ctl_call(c, "test.echo", NULL, 5000, NULL), 0);
	}
	assert_int_equal(ctl_next(c, 5000, &method, &params), 0);
	assert_string_equal(method, "test.end");
	assert_int_equal(ctl_next(c, 20, &method, &params), -ETIMEDOUT);
	ctl_disconnect(c);
	assert_int_equal(atomic_load(&s.gone), 0);
}

static void a_reader_that_sleeps_misses_but_blocks_nobody(void **state)
{
	struct ctl_client *slow = connected(), *other = connected();
	uint64_t begin = clock_now_ns();

	assert_int_equal(
		ctl_call(slow, "test.watch", json_pack("{s:i}", "count", 60000), 5000, NULL), 0);
	while (atomic_load(&s.to_send) > 0) {
		assert_true(clock_now_ns() - begin < 30 * NS_PER_SEC);
		assert_int_equal(ctl_call(other, "test.echo", NULL, 10000, NULL), 0);
	}
	assert_true(atomic_load(&s.missed) > 0);
	ctl_disconnect(slow);
	ctl_disconnect(other);
}

static void a_stream_learns_that_its_reader_left(void **state)
{
	struct ctl_client *c = connected();

	atomic_store(&s.to_send, 0);
	assert_int_equal(ctl_call(c, "test.watch", json_pack("{s:i}", "count", 5), 5000, NULL), 0);
	atomic_store(&s.to_send, 0);
	ctl_disconnect(c);
	for (int i = 0; i < 500 && !atomic_load(&s.gone) && s.stream; i++)
		usleep(2000);
	/* either the five ticks were all sent before the write above, or gone() was called */
	assert_true(atomic_load(&s.gone) == 1 || !s.stream);
}

static void nonsense_is_answered(void **state)
{
	static const struct {
		const char *line, *part;
	} cases[] = {
		{"hello\n", "-32700"},
		{"{\"jsonrpc\":\"2.0\"}\n", "-32600"},
		{"[{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"test.echo\"}]\n", "batches"},
		{"{\"jsonrpc\":\"1.0\",\"id\":1,\"method\":\"test.echo\"}\n", "2.0"},
		{"{\"jsonrpc\":\"2.0\",\"id\":{},\"method\":\"test.echo\"}\n", "'id'"},
		{"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":5}\n", "'method'"},
		{"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"test.echo\",\"params\":[1]}\n",
			"-32602"},
		{"{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":5}\n", "-32600"},
		{"{\"a\":1,\"a\":2}\n", "-32700"},
		{"\n\n\r\n{\"jsonrpc\":\"2.0\",\"id\":\"x\",\"method\":\"test.echo\"}\r\n",
			"\"id\":\"x\""},
	};
	int fd = raw();

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_non_null(strstr(ask_raw(fd, cases[i].line), cases[i].part));
	/* notifications are executed and not answered: the next line is the echo's */
	assert_non_null(
		strstr(ask_raw(fd, "{\"jsonrpc\":\"2.0\",\"method\":\"test.fail\"}\n"
				   "{\"jsonrpc\":\"2.0\",\"id\":9,\"method\":\"test.echo\"}\n"),
			"\"id\":9"));
	close(fd);
}

static void a_request_may_come_in_bytes(void **state)
{
	static const char text[] = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"test.echo\"}";
	int fd = raw();

	for (size_t i = 0; i < sizeof(text) - 1; i++)
		assert_int_equal(send(fd, text + i, 1, 0), 1);
	assert_non_null(strstr(ask_raw(fd, "\n"), "result"));
	/* a half-closed client still gets its answer */
	assert_int_equal(send(fd, text, sizeof(text) - 1, 0), sizeof(text) - 1);
	assert_int_equal(send(fd, "\n", 1, 0), 1);
	shutdown(fd, SHUT_WR);
	assert_non_null(strstr(answer_raw(fd), "result"));
	close(fd);
}

static void an_endless_line_is_cut_off(void **state)
{
	static char block[1 << 16];
	struct ctl_client *c;
	size_t sent = 0;
	int fd = raw();

	memset(block, 'x', sizeof(block));
	while (sent <= 2 * (size_t)CTL_REQUEST_MAX) {
		ssize_t n = send(fd, block, sizeof(block), MSG_NOSIGNAL);

		if (n < 0)
			break;
		sent += (size_t)n;
	}
	assert_true(sent <= 2 * (size_t)CTL_REQUEST_MAX);
	close(fd);
	c = connected();
	assert_int_equal(ctl_call(c, "test.echo", NULL, 5000, NULL), 0);
	ctl_disconnect(c);
}

static void large_answers_arrive_and_too_large_ones_are_refused(void **state)
{
	struct ctl_client *c = connected();
	json_t *result;

	assert_int_equal(
		ctl_call(c, "test.big", json_pack("{s:i}", "bytes", 20 << 20), 20000, &result), 0);
	assert_int_equal(json_string_length(result), 20 << 20);
	json_decref(result);
	assert_int_equal(ctl_call(c, "test.big", json_pack("{s:i}", "bytes", (64 << 20) + 1), 20000,
				 &result),
		-EFBIG);
	ctl_disconnect(c);
}

static void one_that_only_asks_is_held_back(void **state)
{
	static const char text[] = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"test.big\","
				   "\"params\":{\"bytes\":100000}}\n";
	struct ctl_client *c = connected();
	int fd = raw(), n = 0;
	ssize_t got;
	static char sink[1 << 16];
	size_t bytes = 0;

	/* 2000 requests for 200 MB in all, not reading: the server must stop reading, not collect */
	fcntl(fd, F_SETFL, O_NONBLOCK);
	while (n < 2000 &&
		send(fd, text, sizeof(text) - 1, MSG_NOSIGNAL) == (ssize_t)sizeof(text) - 1)
		n++;
	assert_int_equal(ctl_call(c, "test.echo", NULL, 5000, NULL), 0);
	fcntl(fd, F_SETFL, 0);
	/* and when it reads, every whole request is answered */
	shutdown(fd, SHUT_WR);
	while ((got = recv(fd, sink, sizeof(sink), 0)) > 0)
		for (ssize_t i = 0; i < got; i++)
			bytes += sink[i] == '\n';
	assert_int_equal(bytes, n);
	close(fd);
	ctl_disconnect(c);
}

static void too_many_connections_are_told(void **state)
{
	struct ctl_client *c[CTL_CONNECTIONS_MAX + 1], *extra;

	for (int i = 0; i < CTL_CONNECTIONS_MAX; i++) {
		c[i] = connected();
		assert_int_equal(ctl_call(c[i], "test.echo", NULL, 5000, NULL), 0);
	}
	extra = connected();
	assert_int_equal(ctl_call(extra, "test.echo", NULL, 5000, NULL), -EMFILE);
	assert_non_null(strstr(refusal(), "64 connections"));
	ctl_disconnect(extra);
	for (int i = 0; i < CTL_CONNECTIONS_MAX; i++)
		ctl_disconnect(c[i]);
	for (int i = 0; i < 200; i++) {
		extra = connected();
		if (!ctl_call(extra, "test.echo", NULL, 5000, NULL))
			break;
		ctl_disconnect(extra);
		usleep(2000);
		extra = NULL;
	}
	assert_non_null(extra);
	ctl_disconnect(extra);
}

/* --- without the running server --- */

static void the_socket_is_private_and_the_owner_alone(void **state)
{
	struct ctl_server *a, *b;
	struct stat st;
	char expected[160], **names;

	assert_int_equal(ctl_server_create(path, NULL, &a), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(lease_owner(path), getpid());
	assert_int_equal(ctl_running("softdpud", &names), 1);
	assert_string_equal(names[0], "node1");
	free(names);
	assert_int_equal(ctl_server_create(path, NULL, &b), -EADDRINUSE);
	snprintf(expected, sizeof(expected), "%s is owned by the running process %d", path,
		(int)getpid());
	assert_string_equal(refusal(), expected);
	ctl_server_destroy(a);
	assert_int_equal(access(path, F_OK), -1);
	assert_int_equal(ctl_running("softdpud", &names), 0);
	free(names);
	assert_int_equal(ctl_server_create(path, "no-such-group", &b), -EINVAL);
	if (getuid() == 0) {
		assert_int_equal(ctl_server_create(path, "daemon", &b), 0);
		assert_int_equal(stat(path, &st), 0);
		assert_int_equal(st.st_mode & 0777, 0660);
		ctl_server_destroy(b);
	}
}

static void a_dead_owners_socket_is_replaced(void **state)
{
	struct ctl_server *a;
	struct ctl_client *c;
	int status;
	pid_t pid = fork();

	if (!pid) { /* dies without cleaning up */
		if (ctl_server_create(path, NULL, &a))
			_exit(1);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(access(path, F_OK), 0);
	assert_int_equal(lease_owner(path), 0);
	assert_int_equal(ctl_connect(path, &c), -ECONNREFUSED);
	assert_non_null(strstr(refusal(), path));
	assert_int_equal(ctl_server_create(path, NULL, &a), 0);
	ctl_server_destroy(a);
	assert_int_equal(ctl_connect(path, &c), -ENOENT);
}

static void paths_are_checked(void **state)
{
	char out[CTL_PATH_MAX];
	char longer[200];

	assert_int_equal(ctl_socket_path("node1", "softdpud", out), 0);
	assert_string_equal(out, path);
	assert_int_equal(ctl_socket_path("../etc", "softdpud", out), -EINVAL);
	assert_int_equal(ctl_socket_path("..", "softdpud", out), -EINVAL);
	memset(longer, 'a', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	assert_int_equal(ctl_socket_path(longer, "softdpud", out), -ENAMETOOLONG);
}

int main(void)
{
	const struct CMUnitTest running[] = {
		cmocka_unit_test_setup_teardown(calls_come_back, start, stop),
		cmocka_unit_test_setup_teardown(refusals_cross, start, stop),
		cmocka_unit_test_setup_teardown(answers_may_come_later, start, stop),
		cmocka_unit_test_setup_teardown(a_client_may_leave_before_the_answer, start, stop),
		cmocka_unit_test_setup_teardown(streams_stream_and_end, start, stop),
		cmocka_unit_test_setup_teardown(
			a_reader_that_sleeps_misses_but_blocks_nobody, start, stop),
		cmocka_unit_test_setup_teardown(a_stream_learns_that_its_reader_left, start, stop),
		cmocka_unit_test_setup_teardown(nonsense_is_answered, start, stop),
		cmocka_unit_test_setup_teardown(a_request_may_come_in_bytes, start, stop),
		cmocka_unit_test_setup_teardown(an_endless_line_is_cut_off, start, stop),
		cmocka_unit_test_setup_teardown(
			large_answers_arrive_and_too_large_ones_are_refused, start, stop),
		cmocka_unit_test_setup_teardown(one_that_only_asks_is_held_back, start, stop),
		cmocka_unit_test_setup_teardown(too_many_connections_are_told, start, stop),
		cmocka_unit_test(the_socket_is_private_and_the_owner_alone),
		cmocka_unit_test(a_dead_owners_socket_is_replaced),
		cmocka_unit_test(paths_are_checked),
	};
	char card[CTL_PATH_MAX];
	int rc;

	strcpy(dir, "/tmp/softdpu-ctl-XXXXXX");
	if (!mkdtemp(dir) || setenv("SOFTDPU_RUN", dir, 1) ||
		ctl_socket_path("node1", "softdpud", path))
		return 1;
	rc = cmocka_run_group_tests_name("ctl", running, NULL, NULL);
	unlink(path);
	snprintf(card, sizeof(card), "%s/node1", dir);
	rmdir(card);
	rmdir(dir);
	return rc;
}
