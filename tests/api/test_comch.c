/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Comch between real processes: the parent is the card (server), children are hosts (clients). The
 * last test kills the client at 200 seeded moments of a conversation.
 */
#include "fixture.h"

#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <doca_comch.h>
#include <doca_comch_consumer.h>
#include <doca_comch_producer.h>

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

static void on_sent(struct doca_comch_task_send *task, union doca_data a, union doca_data b)
{
	s.sent++;
	doca_task_free(doca_comch_task_send_as_task(task));
}

static void on_send_error(struct doca_comch_task_send *task, union doca_data a, union doca_data b)
{
	s.send_errors++;
	doca_task_free(doca_comch_task_send_as_task(task));
}

static doca_error_t server_send(struct doca_comch_connection *conn, const void *msg, uint32_t len)
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

static void on_msg(struct doca_comch_event_msg_recv *event, uint8_t *data, uint32_t len,
	struct doca_comch_connection *conn)
{
	assert_ptr_equal(doca_comch_server_get_server_ctx(conn), s.server);
	assert_null(doca_comch_client_get_client_ctx(conn));
	s.messages++;
	s.bytes += len;
	if (s.echo)
		server_send(conn, data, len);
}

static void on_connect(struct doca_comch_event_connection_status_changed *event,
	struct doca_comch_connection *conn, uint8_t ok)
{
	s.connects += ok;
	s.conn = conn;
}

static void on_disconnect(struct doca_comch_event_connection_status_changed *event,
	struct doca_comch_connection *conn, uint8_t ok)
{
	s.disconnects += ok;
	s.conn = NULL;
}

static void on_consumer(
	struct doca_comch_event_consumer *event, struct doca_comch_connection *conn, uint32_t id)
{
	s.consumers++;
	s.consumer_id = id;
}

static void on_gone(
	struct doca_comch_event_consumer *event, struct doca_comch_connection *conn, uint32_t id)
{
	s.gone++;
}

static struct doca_dev_rep *open_rep(struct doca_dev *dev, const char *name)
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

static void start_server(uint32_t max_msg, uint32_t queue)
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

static void stop_server(void)
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

static void c_sent(struct doca_comch_task_send *task, union doca_data a, union doca_data b)
{
	c.sent++;
	doca_task_free(doca_comch_task_send_as_task(task));
}

static void c_failed(struct doca_comch_task_send *task, union doca_data a, union doca_data b)
{
	c.failed++;
	doca_task_free(doca_comch_task_send_as_task(task));
}

static void c_msg(struct doca_comch_event_msg_recv *event, uint8_t *data, uint32_t len,
	struct doca_comch_connection *conn)
{
	c.messages++;
	c.last_len = len;
	memcpy(c.last, data, len);
}

static void c_consumer(
	struct doca_comch_event_consumer *event, struct doca_comch_connection *conn, uint32_t id)
{
	c.consumers++;
	c.consumer_id = id;
}

static doca_error_t c_send(const void *msg, uint32_t len)
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

static enum doca_ctx_states c_state(void)
{
	enum doca_ctx_states now;

	OK(doca_ctx_get_state(c.ctx, &now));
	return now;
}

static void connect_client(uint32_t max_msg, uint32_t queue)
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
		doca_pe_progress(c.pe);
	assert_int_equal(c_state(), DOCA_CTX_STATE_RUNNING);
	OK(doca_comch_client_get_connection(c.client, &c.conn));
}

static void close_client(void)
{
	doca_error_t result = doca_ctx_stop(c.ctx);

	while (result == DOCA_ERROR_IN_PROGRESS && c_state() != DOCA_CTX_STATE_IDLE)
		doca_pe_progress(c.pe);
	OK(doca_comch_client_destroy(c.client));
	OK(doca_pe_destroy(c.pe));
	OK(doca_dev_close(c.dev));
}

static pid_t child(void (*body)(void))
{
	pid_t pid = fork();

	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	in_child = true;
	body();
	_exit(0);
}

static void join(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void until(const volatile unsigned *counter, unsigned n)
{
	time_t end = time(NULL) + 20;

	while (*counter < n) {
		doca_pe_progress(s.pe);
		assert_true(time(NULL) < end);
	}
}

/* ---- tests ---- */

static void echo_body(void)
{
	uint8_t msg[4080];

	connect_client(4080, 16);
	for (unsigned i = 1; i <= 500; i++) {
		uint32_t len = 1 + i * 7919 % 4080;

		memset(msg, (int)i, len);
		while (c_send(msg, len) == DOCA_ERROR_AGAIN)
			doca_pe_progress(c.pe);
		fix_until(c.pe, &c.messages, i);
		assert_int_equal(c.last_len, len);
		assert_memory_equal(c.last, msg, len);
	}
	FAILS(DOCA_ERROR_TOO_BIG, c_send(msg, 4081));
	close_client();
}

static void messages_come_back_whole(void **state)
{
	pid_t pid;

	start_server(4080, 16);
	s.echo = true;
	pid = child(echo_body);
	until(&s.disconnects, 1);
	join(pid);
	assert_int_equal(s.connects, 1);
	assert_int_equal(s.messages, 500);
	stop_server();
}

static void flood_body(void)
{
	unsigned again = 0;

	connect_client(64, 8);
	for (unsigned i = 0; i < 2000;) {
		doca_error_t result = c_send(&i, sizeof(i));

		if (result == DOCA_ERROR_AGAIN) {
			again++;
		} else {
			OK(result);
			i++;
		}
		doca_pe_progress(c.pe);
	}
	assert_true(again > 0);
	FAILS(DOCA_ERROR_TOO_BIG, c_send(c.last, 65)); /* the smaller of both sides */
	fix_until(c.pe, &c.sent, 2000);
	close_client();
}

static void a_full_queue_says_again_and_loses_nothing(void **state)
{
	pid_t pid;

	start_server(4080, 8);
	pid = child(flood_body);
	until(&s.connects, 1);
	usleep(50000); /* let it fill */
	until(&s.disconnects, 1);
	join(pid);
	assert_int_equal(s.messages, 2000);
	stop_server();
}

static void many_clients_at_once(void **state)
{
	pid_t pids[10];

	start_server(4080, 16);
	s.echo = true;
	for (int i = 0; i < 10; i++)
		pids[i] = child(echo_body);
	until(&s.disconnects, 10);
	for (int i = 0; i < 10; i++)
		join(pids[i]);
	assert_int_equal(s.connects, 10);
	assert_int_equal(s.messages, 5000);
	stop_server();
}

static void dropped_body(void)
{
	connect_client(64, 8);
	while (c_state() != DOCA_CTX_STATE_IDLE)
		doca_pe_progress(c.pe);
	assert_int_equal(c.messages, 1); /* what was sent before the end arrives */
	close_client();
}

static void a_server_drops_a_client(void **state)
{
	pid_t pid;

	start_server(4080, 16);
	pid = child(dropped_body);
	until(&s.connects, 1);
	OK(server_send(s.conn, "bye", 3));
	OK(doca_comch_server_disconnect(s.server, s.conn));
	join(pid);
	until(&s.sent, 1);
	assert_int_equal(s.disconnects, 0);
	stop_server();
}

static void stay_a_while(void)
{
	connect_client(64, 4);
	fix_until(c.pe, &c.messages, 1);
	close_client();
}

/* A program may progress once in a while only: what waits at the sockets is seen each time. */
static void seldom_progress_is_enough(void **state)
{
	unsigned calls = 0;
	pid_t pid;

	start_server(64, 4);
	doca_pe_progress(s.pe); /* nobody is there yet */
	pid = child(stay_a_while);
	for (; !s.connects && calls < 20; calls++) {
		usleep(100000);
		doca_pe_progress(s.pe);
	}
	assert_int_equal(s.connects, 1);
	OK(server_send(s.conn, "x", 1));
	for (calls = 0; !s.disconnects && calls < 20; calls++) {
		usleep(100000);
		doca_pe_progress(s.pe);
	}
	assert_int_equal(s.disconnects, 1);
	join(pid);
	stop_server();
}

static void nobody_serves(void **state)
{
	struct doca_dev *dev = fix_open("b1:00.0"), *dpu = fix_open("03:00.0");
	struct doca_comch_client *client;
	struct doca_comch_server *server;
	struct doca_dev_rep *rep = open_rep(dpu, "pf0hpf");
	struct doca_pe *pe;

	OK(doca_pe_create(&pe));
	OK(doca_comch_client_create(dev, "no such service", &client));
	OK(doca_pe_connect_ctx(pe, doca_comch_client_as_ctx(client)));
	FAILS(DOCA_ERROR_CONNECTION_ABORTED, doca_ctx_start(doca_comch_client_as_ctx(client)));
	OK(doca_comch_client_destroy(client));
	FAILS(DOCA_ERROR_NOT_SUPPORTED, doca_comch_server_create(dev, rep, "x", &server));
	FAILS(DOCA_ERROR_INVALID_VALUE, doca_comch_server_create(dpu, rep, "", &server));
	OK(doca_pe_destroy(pe));
	OK(doca_dev_rep_close(rep));
	OK(doca_dev_close(dev));
	OK(doca_dev_close(dpu));
}

static void one_server_per_name(void **state)
{
	struct doca_comch_server *second;
	struct doca_pe *pe;

	start_server(64, 8);
	OK(doca_pe_create(&pe));
	OK(doca_comch_server_create(s.dev, s.rep, "test service/1", &second));
	OK(doca_pe_connect_ctx(pe, doca_comch_server_as_ctx(second)));
	FAILS(DOCA_ERROR_IN_USE, doca_ctx_start(doca_comch_server_as_ctx(second)));
	OK(doca_comch_server_destroy(second));
	OK(doca_pe_destroy(pe));
	stop_server();
}

static void sleeping_body(void)
{
	connect_client(64, 8);
	for (int i = 0; i < 20; i++) {
		usleep(3000);
		OK(c_send("wake", 4));
		fix_until(c.pe, &c.messages, (unsigned)i + 1);
	}
	close_client();
}

static void a_sleeping_server_is_woken(void **state)
{
	doca_event_handle_t handle;
	pid_t pid;

	start_server(4080, 16);
	s.echo = true;
	OK(doca_pe_get_notification_handle(s.pe, &handle));
	pid = child(sleeping_body);
	while (!s.disconnects) {
		struct pollfd p = {.fd = handle, .events = POLLIN};

		OK(doca_pe_request_notification(s.pe));
		assert_int_equal(poll(&p, 1, 10000), 1);
		OK(doca_pe_clear_notification(s.pe, 0));
		while (doca_pe_progress(s.pe))
			;
	}
	join(pid);
	assert_int_equal(s.messages, 20);
	stop_server();
}

/* ---- bulk ---- */

#define BULK_BUFS 16
#define BULK_LEN 20000
#define BULK_ROUNDS 400

static volatile unsigned received, recv_failed, bulk_sent, bulk_failed;
static uint8_t *bulk_mem;
static struct doca_comch_consumer *consumer;

static uint8_t pattern(unsigned message, size_t i)
{
	return (uint8_t)(message * 131 + i * 7);
}

static void on_bulk(
	struct doca_comch_consumer_task_post_recv *task, union doca_data a, union doca_data b)
{
	struct doca_buf *buf = doca_comch_consumer_task_post_recv_get_buf(task);
	uint32_t number;
	uint8_t *data;
	size_t len;

	OK(doca_buf_get_data(buf, (void **)&data));
	OK(doca_buf_get_data_len(buf, &len));
	assert_int_equal(doca_comch_consumer_task_post_recv_get_imm_data_len(task), 4);
	memcpy(&number, doca_comch_consumer_task_post_recv_get_imm_data(task), 4);
	assert_int_equal(number, received);
	assert_int_equal(len, 1 + number * 977 % BULK_LEN);
	for (size_t i = 0; i < len; i++)
		assert_int_equal(data[i], pattern(number, i));
	received++;
	OK(doca_buf_reset_data_len(buf));
	if (received + BULK_BUFS <= BULK_ROUNDS)
		OK(doca_task_submit(doca_comch_consumer_task_post_recv_as_task(task)));
	else {
		OK(doca_buf_dec_refcount(buf, NULL));
		doca_task_free(doca_comch_consumer_task_post_recv_as_task(task));
	}
}

static void on_bulk_error(
	struct doca_comch_consumer_task_post_recv *task, union doca_data a, union doca_data b)
{
	recv_failed++;
	OK(doca_buf_dec_refcount(doca_comch_consumer_task_post_recv_get_buf(task), NULL));
	doca_task_free(doca_comch_consumer_task_post_recv_as_task(task));
}

/* A consumer on an engine of its own, as programs have it; control progresses beside it. */
static void consume(struct doca_comch_connection *conn, struct doca_dev *dev,
	struct doca_pe *control, volatile unsigned *counter, unsigned goal)
{
	struct doca_mmap *mmap;
	struct doca_buf_inventory *inv;
	struct doca_pe *pe;
	struct doca_ctx *ctx;
	enum doca_ctx_states now = DOCA_CTX_STATE_STARTING;
	doca_error_t result;
	uint32_t id;

	bulk_mem = aligned_alloc(4096, 512 * 1024);
	received = recv_failed = 0;
	OK(doca_pe_create(&pe));
	mmap = fix_map(dev, bulk_mem + 100, BULK_BUFS * BULK_LEN, DOCA_ACCESS_FLAG_PCI_READ_WRITE);
	OK(doca_buf_inventory_create(BULK_BUFS, &inv));
	OK(doca_buf_inventory_start(inv));
	OK(doca_comch_consumer_create(conn, mmap, &consumer));
	OK(doca_comch_consumer_get_id(consumer, &id));
	ctx = doca_comch_consumer_as_ctx(consumer);
	OK(doca_comch_consumer_task_post_recv_set_conf(
		consumer, on_bulk, on_bulk_error, BULK_BUFS));
	OK(doca_pe_connect_ctx(pe, ctx));
	result = doca_ctx_start(ctx);
	if (result ==
		DOCA_ERROR_CONNECTION_RESET) /* the peer died before: only clients_die gets here */
		now = DOCA_CTX_STATE_IDLE;
	else
		FAILS(DOCA_ERROR_IN_PROGRESS, result);
	while (now == DOCA_CTX_STATE_STARTING) {
		doca_pe_progress(pe);
		OK(doca_ctx_get_state(ctx, &now));
	}
	for (int i = 0; i < BULK_BUFS && result != DOCA_ERROR_CONNECTION_RESET; i++) {
		struct doca_comch_consumer_task_post_recv *task;
		struct doca_buf *buf;

		OK(doca_buf_inventory_buf_get_by_addr(
			inv, mmap, bulk_mem + 100 + i * BULK_LEN, BULK_LEN, &buf));
		OK(doca_comch_consumer_task_post_recv_alloc_init(consumer, buf, &task));
		OK(doca_task_submit(doca_comch_consumer_task_post_recv_as_task(task)));
	}
	while (*counter < goal) {
		doca_pe_progress(pe);
		doca_pe_progress(control);
	}
	if (doca_ctx_stop(ctx) == DOCA_ERROR_IN_PROGRESS)
		do {
			doca_pe_progress(pe);
			OK(doca_ctx_get_state(ctx, &now));
		} while (now != DOCA_CTX_STATE_IDLE);
	OK(doca_comch_consumer_destroy(consumer));
	OK(doca_buf_inventory_destroy(inv));
	OK(doca_mmap_destroy(mmap));
	OK(doca_pe_destroy(pe));
	free(bulk_mem);
}

static void p_sent(struct doca_comch_producer_task_send *task, union doca_data a, union doca_data b)
{
	bulk_sent++;
	doca_task_free(doca_comch_producer_task_send_as_task(task));
}

static void p_failed(
	struct doca_comch_producer_task_send *task, union doca_data a, union doca_data b)
{
	bulk_failed++;
	doca_task_free(doca_comch_producer_task_send_as_task(task));
}

static void producer_body(void)
{
	static uint8_t mem[BULK_LEN];
	struct doca_comch_producer *producer;
	struct doca_comch_producer_task_send *task;
	struct doca_buf_inventory *inv;
	struct doca_mmap *mmap;
	struct doca_buf *buf;
	struct doca_pe *pe;
	unsigned again = 0;

	connect_client(64, 8);
	fix_until(c.pe, &c.consumers, 1);
	OK(doca_pe_create(&pe));
	mmap = fix_map(c.dev, mem, sizeof(mem), DOCA_ACCESS_FLAG_LOCAL_READ_WRITE);
	OK(doca_buf_inventory_create(2, &inv));
	OK(doca_buf_inventory_start(inv));
	OK(doca_comch_producer_create(c.conn, &producer));
	OK(doca_comch_producer_task_send_set_conf(producer, p_sent, p_failed, 64));
	OK(doca_pe_connect_ctx(pe, doca_comch_producer_as_ctx(producer)));
	OK(doca_ctx_start(doca_comch_producer_as_ctx(producer)));
	for (uint32_t n = 0; n < BULK_ROUNDS; n++) {
		size_t len = 1 + n * 977 % BULK_LEN;
		doca_error_t result;

		for (size_t i = 0; i < len; i++)
			mem[i] = pattern(n, i);
		OK(doca_buf_inventory_buf_get_by_data(inv, mmap, mem, len, &buf));
		OK(doca_comch_producer_task_send_alloc_init(
			producer, buf, (uint8_t *)&n, 4, c.consumer_id, &task));
		while ((result = doca_task_submit(doca_comch_producer_task_send_as_task(task))) ==
			DOCA_ERROR_AGAIN) {
			again++;
			doca_pe_progress(c.pe);
		}
		OK(result);
		fix_until(pe, &bulk_sent, n + 1);
		OK(doca_buf_dec_refcount(buf, NULL));
	}
	OK(doca_comch_producer_task_send_alloc_init(
		producer, NULL, (uint8_t *)"x", 1, c.consumer_id + 1, &task));
	OK(doca_task_submit(doca_comch_producer_task_send_as_task(task)));
	fix_until(pe, &bulk_failed, 1); /* no such consumer */
	OK(doca_ctx_stop(doca_comch_producer_as_ctx(producer)));
	OK(doca_comch_producer_destroy(producer));
	OK(doca_buf_inventory_destroy(inv));
	OK(doca_mmap_destroy(mmap));
	OK(doca_pe_destroy(pe));
	close_client();
}

static void bulk_goes_into_posted_buffers(void **state)
{
	pid_t pid;

	start_server(4080, 16);
	pid = child(producer_body);
	until(&s.connects, 1);
	consume(s.conn, s.dev, s.pe, &received, BULK_ROUNDS);
	assert_int_equal(received, BULK_ROUNDS);
	until(&s.disconnects, 1);
	join(pid);
	stop_server();
}

/* ---- a peer that dies ---- */

static void talk_for_ever(void)
{
	static uint8_t mem[BULK_LEN];
	struct doca_comch_producer *producer;
	struct doca_comch_producer_task_send *task;
	struct doca_buf_inventory *inv;
	struct doca_mmap *mmap;
	struct doca_buf *buf;
	uint32_t n = 0;

	connect_client(4080, 8);
	mmap = fix_map(c.dev, mem, sizeof(mem), DOCA_ACCESS_FLAG_LOCAL_READ_WRITE);
	OK(doca_buf_inventory_create(2, &inv));
	OK(doca_buf_inventory_start(inv));
	OK(doca_comch_producer_create(c.conn, &producer));
	OK(doca_comch_producer_task_send_set_conf(producer, p_sent, p_failed, 64));
	OK(doca_pe_connect_ctx(c.pe, doca_comch_producer_as_ctx(producer)));
	OK(doca_ctx_start(doca_comch_producer_as_ctx(producer)));
	OK(doca_buf_inventory_buf_get_by_data(inv, mmap, mem, 1, &buf));
	for (;;) {
		c_send(mem, 1000);
		doca_pe_progress(c.pe);
		if (!c.consumers || n >= BULK_ROUNDS - BULK_BUFS)
			continue;
		for (size_t i = 0; i < 1 + n * 977 % BULK_LEN; i++)
			mem[i] = pattern(n, i);
		OK(doca_buf_set_data(buf, mem, 0));
		OK(doca_buf_inventory_buf_reuse_by_data(buf, mem, 1 + n * 977 % BULK_LEN));
		OK(doca_comch_producer_task_send_alloc_init(
			producer, buf, (uint8_t *)&n, 4, c.consumer_id, &task));
		if (doca_task_submit(doca_comch_producer_task_send_as_task(task)) == DOCA_SUCCESS)
			n++;
		else
			doca_task_free(doca_comch_producer_task_send_as_task(task));
	}
}

/* Killed at a seeded moment; the server must hear the end, its consumer must stop, nothing may
 * hang. */
static void clients_die_at_any_point(void **state)
{
	unsigned seed = getenv("COMCH_SEED") ? (unsigned)atoi(getenv("COMCH_SEED")) : 4711;
	int rounds = getenv("COMCH_ROUNDS") ? atoi(getenv("COMCH_ROUNDS")) : 200;

	print_message("# seed %u, %d rounds\n", seed, rounds);
	start_server(4080, 16);
	s.echo = true;
	for (int i = 0; i < rounds; i++) {
		unsigned before = s.disconnects, connects = s.connects;
		unsigned delay_us = rand_r(&seed) % 3000;
		bool bulk = rand_r(&seed) % 2;
		pid_t pid = child(talk_for_ever), killer;

		until(&s.connects, connects + 1);
		killer = fork();
		if (!killer) {
			usleep(delay_us);
			kill(pid, SIGKILL);
			_exit(0);
		}
		if (bulk && s.conn)
			consume(s.conn, s.dev, s.pe, &s.disconnects, before + 1);
		until(&s.disconnects, before + 1);
		waitpid(pid, NULL, 0);
		join(killer);
	}
	stop_server();
}

static int make_dir(void **state)
{
	return mkdtemp(run_dir) ? setenv("SOFTDPU_RUN_DIR", run_dir, 1) : -1;
}

static int remove_dir(void **state)
{
	char command[64];

	snprintf(command, sizeof(command), "rm -rf %s", run_dir);
	return system(command);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(messages_come_back_whole),
		cmocka_unit_test(a_full_queue_says_again_and_loses_nothing),
		cmocka_unit_test(many_clients_at_once),
		cmocka_unit_test(a_server_drops_a_client),
		cmocka_unit_test(seldom_progress_is_enough),
		cmocka_unit_test(nobody_serves),
		cmocka_unit_test(one_server_per_name),
		cmocka_unit_test(a_sleeping_server_is_woken),
		cmocka_unit_test(bulk_goes_into_posted_buffers),
		cmocka_unit_test(clients_die_at_any_point),
	};

	cmocka_set_test_filter(getenv("TEST_FILTER"));
	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
