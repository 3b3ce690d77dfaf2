/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Comch between real processes: the parent is the card, with a server that counts, children are hosts, with a
 * client that counts.
 */
#ifndef TESTS_API_COMCH_H
#define TESTS_API_COMCH_H

#include "fixture.h"

#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <doca_comch.h>

/* A failed assertion must end a child, not send it into the next test. */
static bool in_child;
#undef assert_int_equal
#define assert_int_equal(a, b)                                                                 \
	do {                                                                                   \
		uint64_t a_ = (uint64_t)(a), b_ = (uint64_t)(b);                               \
                                                                                               \
		if (in_child && a_ != b_) {                                                    \
			fprintf(stderr, "child: %s:%d: %s is %llu, not %llu\n", __FILE__,      \
				__LINE__, #a, (unsigned long long)a_, (unsigned long long)b_); \
			_exit(1);                                                              \
		}                                                                              \
		_assert_int_equal(a_, b_, __FILE__, __LINE__);                                 \
	} while (0)

static char run_dir[] = "/tmp/core-comch-XXXXXX";

/* ---- the server's side ---- */

struct server {
	struct doca_dev *dev;
	struct doca_dev_rep *rep;
	struct doca_pe *pe;
	struct doca_comch_server *server;
	struct doca_comch_connection *conn;
	volatile unsigned connects, disconnects, messages, sent, send_errors, consumers, gone;
	uint32_t consumer_id;
	uint64_t bytes;
	bool echo;
};

static struct server s;

static inline void on_sent(struct doca_comch_task_send *task, union doca_data a, union doca_data b)
{
	s.sent++;
	doca_task_free(doca_comch_task_send_as_task(task));
}

static inline void on_send_error(
	struct doca_comch_task_send *task, union doca_data a, union doca_data b)
{
	s.send_errors++;
	doca_task_free(doca_comch_task_send_as_task(task));
}

static inline doca_error_t server_send(
	struct doca_comch_connection *conn, const void *msg, uint32_t len)
{
	struct doca_comch_task_send *task;
	doca_error_t result =
		doca_comch_server_task_send_alloc_init(s.server, conn, msg, len, &task);

	if (result != DOCA_SUCCESS)
		return result;
	result = doca_task_submit(doca_comch_task_send_as_task(task));
	if (result != DOCA_SUCCESS)
		doca_task_free(doca_comch_task_send_as_task(task));
	return result;
}

static inline void on_msg(struct doca_comch_event_msg_recv *event, uint8_t *data, uint32_t len,
	struct doca_comch_connection *conn)
{
	assert_ptr_equal(doca_comch_server_get_server_ctx(conn), s.server);
	assert_null(doca_comch_client_get_client_ctx(conn));
	s.messages++;
	s.bytes += len;
	if (s.echo)
		server_send(conn, data, len);
}

static inline void on_connect(struct doca_comch_event_connection_status_changed *event,
	struct doca_comch_connection *conn, uint8_t ok)
{
	s.connects += ok;
	s.conn = conn;
}

static inline void on_disconnect(struct doca_comch_event_connection_status_changed *event,
	struct doca_comch_connection *conn, uint8_t ok)
{
	s.disconnects += ok;
	s.conn = NULL;
}

static inline void on_consumer(
	struct doca_comch_event_consumer *event, struct doca_comch_connection *conn, uint32_t id)
{
	s.consumers++;
	s.consumer_id = id;
}

static inline void on_gone(
	struct doca_comch_event_consumer *event, struct doca_comch_connection *conn, uint32_t id)
{
	s.gone++;
}

static inline struct doca_dev_rep *open_rep(struct doca_dev *dev, const char *name)
{
	struct doca_devinfo_rep **list;
	struct doca_dev_rep *rep = NULL;
	uint32_t n;

	OK(doca_devinfo_rep_create_list(dev, DOCA_DEVINFO_REP_FILTER_NET, &list, &n));
	for (uint32_t i = 0; i < n && !rep; i++) {
		char own[DOCA_DEVINFO_REP_IFACE_NAME_SIZE];

		OK(doca_devinfo_rep_get_iface_name(list[i], own, sizeof(own)));
		if (!strcmp(own, name))
			OK(doca_dev_rep_open(list[i], &rep));
	}
	OK(doca_devinfo_rep_destroy_list(list));
	assert_non_null(rep);
	return rep;
}

static inline void start_server(uint32_t max_msg, uint32_t queue)
{
	struct doca_ctx *ctx;

	memset(&s, 0, sizeof(s));
	s.dev = fix_open("03:00.0");
	s.rep = open_rep(s.dev, "pf0hpf");
	OK(doca_pe_create(&s.pe));
	OK(doca_comch_server_create(s.dev, s.rep, "test service/1", &s.server));
	ctx = doca_comch_server_as_ctx(s.server);
	FAILS(DOCA_ERROR_INVALID_VALUE, doca_comch_server_set_max_msg_size(s.server, 4081));
	OK(doca_comch_server_set_max_msg_size(s.server, max_msg));
	OK(doca_comch_server_set_recv_queue_size(s.server, queue));
	OK(doca_comch_server_task_send_set_conf(s.server, on_sent, on_send_error, 1024));
	OK(doca_comch_server_event_msg_recv_register(s.server, on_msg));
	OK(doca_comch_server_event_consumer_register(s.server, on_consumer, on_gone));
	OK(doca_comch_server_event_connection_status_changed_register(
		s.server, on_connect, on_disconnect));
	OK(doca_pe_connect_ctx(s.pe, ctx));
	OK(doca_ctx_start(ctx));
}

static inline void stop_server(void)
{
	OK(doca_ctx_stop(doca_comch_server_as_ctx(s.server)));
	OK(doca_comch_server_destroy(s.server));
	OK(doca_pe_destroy(s.pe));
	OK(doca_dev_rep_close(s.rep));
	OK(doca_dev_close(s.dev));
}

/* ---- the client's side, in a child ---- */

struct client {
	struct doca_dev *dev;
	struct doca_pe *pe;
	struct doca_comch_client *client;
	struct doca_ctx *ctx;
	struct doca_comch_connection *conn;
	volatile unsigned messages, sent, failed, consumers;
	uint32_t consumer_id;
	uint8_t last[4096];
	uint32_t last_len;
};

static struct client c;

static inline void c_sent(struct doca_comch_task_send *task, union doca_data a, union doca_data b)
{
	c.sent++;
	doca_task_free(doca_comch_task_send_as_task(task));
}

static inline void c_failed(struct doca_comch_task_send *task, union doca_data a, union doca_data b)
{
	c.failed++;
	doca_task_free(doca_comch_task_send_as_task(task));
}

static inline void c_msg(struct doca_comch_event_msg_recv *event, uint8_t *data, uint32_t len,
	struct doca_comch_connection *conn)
{
	c.messages++;
	c.last_len = len;
	memcpy(c.last, data, len);
}

static inline void c_consumer(
	struct doca_comch_event_consumer *event, struct doca_comch_connection *conn, uint32_t id)
{
	c.consumers++;
	c.consumer_id = id;
}

static inline doca_error_t c_send(const void *msg, uint32_t len)
{
	struct doca_comch_task_send *task;
	doca_error_t result =
		doca_comch_client_task_send_alloc_init(c.client, c.conn, msg, len, &task);

	if (result != DOCA_SUCCESS)
		return result;
	result = doca_task_submit(doca_comch_task_send_as_task(task));
	if (result != DOCA_SUCCESS)
		doca_task_free(doca_comch_task_send_as_task(task));
	return result;
}

static inline enum doca_ctx_states c_state(void)
{
	enum doca_ctx_states now;

	OK(doca_ctx_get_state(c.ctx, &now));
	return now;
}

static inline void connect_client(uint32_t max_msg, uint32_t queue)
{
	doca_error_t result;

	memset(&c, 0, sizeof(c));
	c.dev = fix_open("b1:00.0");
	OK(doca_pe_create(&c.pe));
	OK(doca_comch_client_create(c.dev, "test service/1", &c.client));
	c.ctx = doca_comch_client_as_ctx(c.client);
	OK(doca_comch_client_set_max_msg_size(c.client, max_msg));
	OK(doca_comch_client_set_recv_queue_size(c.client, queue));
	OK(doca_comch_client_task_send_set_conf(c.client, c_sent, c_failed, 1024));
	OK(doca_comch_client_event_msg_recv_register(c.client, c_msg));
	OK(doca_comch_client_event_consumer_register(c.client, c_consumer, c_consumer));
	OK(doca_pe_connect_ctx(c.pe, c.ctx));
	result = doca_ctx_start(c.ctx);
	for (int i = 0; i < 1000 && result == DOCA_ERROR_CONNECTION_ABORTED; i++) {
		usleep(1000); /* the server is not up yet */
		result = doca_ctx_start(c.ctx);
	}
	FAILS(DOCA_ERROR_IN_PROGRESS, result);
	while (c_state() == DOCA_CTX_STATE_STARTING)
		fix_turn(c.pe);
	assert_int_equal(c_state(), DOCA_CTX_STATE_RUNNING);
	OK(doca_comch_client_get_connection(c.client, &c.conn));
}

static inline void close_client(void)
{
	doca_error_t result = doca_ctx_stop(c.ctx);

	while (result == DOCA_ERROR_IN_PROGRESS && c_state() != DOCA_CTX_STATE_IDLE)
		fix_turn(c.pe);
	OK(doca_comch_client_destroy(c.client));
	OK(doca_pe_destroy(c.pe));
	OK(doca_dev_close(c.dev));
}

static inline pid_t child(void (*body)(void))
{
	pid_t pid = fork();

	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	in_child = true;
	body();
	_exit(0);
}

static inline void join(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static inline void until(const volatile unsigned *counter, unsigned n)
{
	time_t end = time(NULL) + 60;

	while (*counter < n) {
		fix_turn(s.pe);
		assert_true(time(NULL) < end);
	}
}

static inline int make_dir(void **state)
{
	return mkdtemp(run_dir) ? setenv("SOFTDPU_RUN_DIR", run_dir, 1) : -1;
}

static inline int remove_dir(void **state)
{
	char command[64];

	snprintf(command, sizeof(command), "rm -rf %s", run_dir);
	return system(command);
}

#endif
