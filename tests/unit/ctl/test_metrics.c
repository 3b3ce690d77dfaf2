/* SPDX-License-Identifier: BSD-3-Clause */
/* The page as text, and the server over loopback with a clock of our own. */
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/addr.h"
#include "base/refuse.h"
#include "ctl/ctl_int.h"
#include "ctl/metrics.h"

static struct hist h;
static char padding[4 << 20];

static void ports(struct metrics_out *out, void *arg)
{
	metrics_family(out, "softdpu_port_rx_packets_total", METRICS_COUNTER, "Packets received");
	metrics_count(out, 18446744073709551615ull, "port", "p0", NULL);
	metrics_count(out, 2, "port", "a\"b\\c\nd", "pod", "default/web-1", NULL);
	metrics_family(out, "softdpu_load", METRICS_GAUGE, "Share of time busy");
	metrics_value(out, 0.25, NULL);
	metrics_value(out, 1.0 / 0.0, "worker", "1", NULL);
}

static void latency(struct metrics_out *out, void *arg)
{
	metrics_family(
		out, "softdpu_first_packet_seconds", METRICS_HISTOGRAM, "First packet of a flow");
	metrics_histogram(out, &h, "node", "node1", NULL);
}

static void much(struct metrics_out *out, void *arg)
{
	metrics_family(out, "softdpu_big", METRICS_GAUGE, "Larger than any socket buffer");
	metrics_value(out, 1, "x", padding, NULL);
}

static struct metrics *m;

static int start(void **state)
{
	return metrics_create("127.0.0.1:0", &m);
}

static int stop(void **state)
{
	metrics_destroy(m);
	return 0;
}

static int dial(void)
{
	struct addr a;
	struct sockaddr_storage ss;
	socklen_t len;
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	addr_parse("127.0.0.1", &a);
	len = addr_to_sockaddr(&a, metrics_port(m), &ss);
	assert_int_equal(connect(fd, (struct sockaddr *)&ss, len), 0);
	return fd;
}

/* Send the request and read to the end; the server runs in between. Counts the bytes in *len. */
static char *fetch(const char *request, size_t *len)
{
	int fd = dial();
	size_t room = 16 << 20, n = 0;
	char *text = malloc(room);
	ssize_t got = -1;

	assert_int_equal(send(fd, request, strlen(request), 0), strlen(request));
	for (int i = 0; i < 100000 && got; i++) {
		metrics_process(m, 0);
		got = recv(fd, text + n, room - 1 - n, MSG_DONTWAIT);
		n += got > 0 ? (size_t)got : 0;
		if (got < 0)
			usleep(100);
	}
	assert_int_equal(got, 0);
	text[n] = '\0';
	close(fd);
	*len = n;
	return text;
}

static void the_page(void **state)
{
	char *page;

	hist_reset(&h);
	hist_record_n(&h, 1500, 3);
	hist_record(&h, 2000000);
	metrics_register(m, ports, NULL);
	metrics_register(m, latency, NULL);
	page = metrics_page(m);
	assert_non_null(
		strstr(page, "# HELP softdpu_port_rx_packets_total Packets received\n"
			     "# TYPE softdpu_port_rx_packets_total counter\n"
			     "softdpu_port_rx_packets_total{port=\"p0\"} 18446744073709551615\n"
			     "softdpu_port_rx_packets_total{port=\"a\\\"b\\\\c\\nd\",pod=\"default/"
			     "web-1\"} 2\n"));
	assert_non_null(strstr(page, "\nsoftdpu_load 0.25\nsoftdpu_load{worker=\"1\"} +Inf\n"));
	assert_non_null(strstr(page, "{node=\"node1\",le=\"1e-06\"} 0\n"));
	assert_non_null(strstr(page, "{node=\"node1\",le=\"2.5e-06\"} 3\n"));
	assert_non_null(strstr(page, "{node=\"node1\",le=\"0.0025\"} 4\n"));
	assert_non_null(strstr(page, "{node=\"node1\",le=\"+Inf\"} 4\n"));
	assert_non_null(strstr(page, "_seconds_sum{node=\"node1\"} 0.0020045"));
	assert_non_null(strstr(page, "_seconds_count{node=\"node1\"} 4\n"));
	free(page);
}

static void served_over_http(void **state)
{
	size_t len, body;
	char *text, *at, *page;

	memset(padding, 'y', sizeof(padding) - 1);
	metrics_register(m, ports, NULL);
	metrics_register(m, much, NULL);
	page = metrics_page(m);
	text = fetch("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n", &len);
	assert_memory_equal(text, "HTTP/1.1 200 OK\r\n", 17);
	at = strstr(text, "Content-Length: ");
	body = strtoul(at + 16, NULL, 10);
	assert_int_equal(body, strlen(page));
	assert_string_equal(text + len - body, page);
	free(text);
	text = fetch("HEAD /metrics HTTP/1.1\r\n\r\n", &len);
	assert_memory_equal(text, "HTTP/1.1 200 OK\r\n", 17);
	assert_memory_equal(text + len - 4, "\r\n\r\n", 4);
	free(text);
	text = fetch("GET / HTTP/1.1\r\n\r\n", &len);
	assert_non_null(strstr(text, "404 Not Found: the page here is GET /metrics"));
	free(text);
	text = fetch("DELETE /metrics HTTP/1.1\r\n\r\n", &len);
	assert_non_null(strstr(text, "Allow: GET, HEAD"));
	free(text);
	free(page);
}

static void judged(void **state)
{
	static const struct {
		const char *text;
		int status;
	} cases[] = {
		{"", 0},
		{"GET /metrics HTTP/1.1", 0},
		{"GET /metrics HTTP/1.1\r\nHost: x\r\n", 0},
		{"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n", 200},
		{"GET /metrics?a=b HTTP/1.0\n\n", 200},
		{"GET /metricsx HTTP/1.1\r\n\r\n", 404},
		{"GET metrics HTTP/1.1\r\n\r\n", 400},
		{"GET  /metrics HTTP/1.1\r\n\r\n", 400},
		{"GET /metrics\r\n\r\n", 400},
		{"GET /metrics HTTP/1.1 \r\n\r\n", 400},
		{"GET /metrics HTTP/2.0\r\n\r\n", 505},
		{"get /metrics HTTP/1.1\r\n\r\n", 405},
		{"\r\n\r\n", 400},
		{" \n\n", 400},
	};
	static char endless[METRICS_REQUEST_MAX];
	bool head;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		int status = http_judge(cases[i].text, strlen(cases[i].text), &head);

		if (status != cases[i].status)
			fail_msg("'%s': %d, not %d", cases[i].text, status, cases[i].status);
	}
	memset(endless, 'a', sizeof(endless));
	assert_int_equal(http_judge(endless, sizeof(endless) - 1, &head), 0);
	assert_int_equal(http_judge(endless, sizeof(endless), &head), 431);
}

static bool is_closed(int fd)
{
	char c;

	return recv(fd, &c, 1, MSG_DONTWAIT) == 0;
}

static void the_silent_are_thrown_out(void **state)
{
	int quiet = dial(), late;

	metrics_process(m, 1000);
	metrics_process(m, 1000 + METRICS_TIMEOUT_NS - 1);
	assert_false(is_closed(quiet));
	late = dial();
	metrics_process(m, 1000 + METRICS_TIMEOUT_NS - 1);
	metrics_process(m, 1000 + METRICS_TIMEOUT_NS);
	usleep(1000);
	assert_true(is_closed(quiet));
	assert_false(is_closed(late));
	close(quiet);
	close(late);
}

static void too_many_are_closed(void **state)
{
	int fds[METRICS_CONNECTIONS_MAX + 1];

	for (int i = 0; i <= METRICS_CONNECTIONS_MAX; i++) {
		fds[i] = dial();
		for (int k = 0; k < 10; k++)
			metrics_process(m, 0);
	}
	usleep(1000);
	for (int i = 0; i <= METRICS_CONNECTIONS_MAX; i++) {
		assert_int_equal(is_closed(fds[i]), i == METRICS_CONNECTIONS_MAX);
		close(fds[i]);
	}
}

static void bad_listeners(void **state)
{
	struct metrics *other;
	char text[40];

	assert_int_equal(metrics_create("localhost:80", &other), -EINVAL);
	snprintf(text, sizeof(text), "127.0.0.1:%u", metrics_port(m));
	assert_int_equal(metrics_create(text, &other), -EADDRINUSE);
	assert_non_null(strstr(refusal(), text));
	metrics_destroy(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_page, start, stop),
		cmocka_unit_test_setup_teardown(served_over_http, start, stop),
		cmocka_unit_test(judged),
		cmocka_unit_test_setup_teardown(the_silent_are_thrown_out, start, stop),
		cmocka_unit_test_setup_teardown(too_many_are_closed, start, stop),
		cmocka_unit_test_setup_teardown(bad_listeners, start, stop),
	};

	return cmocka_run_group_tests_name("metrics", tests, NULL, NULL);
}
