/* SPDX-License-Identifier: BSD-3-Clause */
/* Comch: messages, queues, many clients, who may serve, sleeping. */
#include "comch.h"

#include <poll.h>

static void echo_body(void)
{
	uint8_t msg[4080];

	connect_client(4080, 16);
	for (unsigned i = 1; i <= 500; i++) {
		uint32_t len = 1 + i * 7919 % 4080;

		memset(msg, (int)i, len);
		while (c_send(msg, len) == DOCA_ERROR_AGAIN)
			fix_turn(c.pe);
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
		fix_turn(c.pe);
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
		fix_turn(c.pe);
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
	};

	cmocka_set_test_filter(getenv("TEST_FILTER"));
	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
