/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * comch: messages between two processes. Round trip of 64 B, both ends polling or both asleep on the progress
 * engine's descriptor, and one-way throughput of the longest message. One JSON line per case. Beside each, in the same
 * run, a UNIX seqpacket socket doing the same (send/recv, or epoll and recv), and the floor: two processes that
 * bounce two cache lines, or wake each other with two eventfds.
 *
 *     {"bench":"comch","case":"rtt-poll","bytes":64,"ours":420,"socket":9000,"unit":"ns"}
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <signal.h>
#include <unistd.h>

#include <doca_comch.h>
#include <doca_ctx.h>
#include <doca_dev.h>
#include <doca_pe.h>

#include "base/clock.h"

#define TRIPS 20000
#define LONGEST 4080
#define STREAM 400000
#define IN_FLIGHT 256
#define MUST(call)                                                                    \
	do {                                                                          \
		doca_error_t r_ = (call);                                             \
		if (r_ != DOCA_SUCCESS) {                                             \
			fprintf(stderr, "%s: %s\n", #call, doca_error_get_descr(r_)); \
			exit(1);                                                      \
		}                                                                     \
	} while (0)

static struct doca_pe *pe;
static struct doca_comch_server *server;
static struct doca_comch_client *client;
static struct doca_comch_connection *conn;
static bool is_card, asleep, gone;
static uint64_t received, sent;
static uint64_t trips[TRIPS];

static void sent_one(struct doca_comch_task_send *task, union doca_data a, union doca_data b)
{
	sent++;
	doca_task_free(doca_comch_task_send_as_task(task));
}

static void send_failed(struct doca_comch_task_send *task, union doca_data a, union doca_data b)
{
	gone = true;
	doca_task_free(doca_comch_task_send_as_task(task));
}

static bool send_msg(const void *msg, uint32_t len)
{
	struct doca_comch_task_send *task;
	doca_error_t result =
		is_card ? doca_comch_server_task_send_alloc_init(server, conn, msg, len, &task)
			: doca_comch_client_task_send_alloc_init(client, conn, msg, len, &task);

	if (result == DOCA_ERROR_NO_MEMORY)
		return false;
	MUST(result);
	result = doca_task_submit(doca_comch_task_send_as_task(task));
	if (result == DOCA_SUCCESS)
		return true;
	doca_task_free(doca_comch_task_send_as_task(task));
	if (result != DOCA_ERROR_AGAIN)
		MUST(result);
	return false;
}

static void on_msg(struct doca_comch_event_msg_recv *event, uint8_t *data, uint32_t len,
	struct doca_comch_connection *from)
{
	received++;
	if (is_card && (len < LONGEST || received % STREAM == 0)) /* a stream is answered once */
		while (!send_msg(data, 64))
			doca_pe_progress(pe);
}

static void on_connect(struct doca_comch_event_connection_status_changed *e,
	struct doca_comch_connection *c, uint8_t ok)
{
	conn = c;
}

static void on_disconnect(struct doca_comch_event_connection_status_changed *e,
	struct doca_comch_connection *c, uint8_t ok)
{
	gone = true;
}

static void turn(void)
{
	doca_event_handle_t fd;

	if (doca_pe_progress(pe) || !asleep)
		return;
	MUST(doca_pe_get_notification_handle(pe, &fd));
	MUST(doca_pe_request_notification(pe));
	poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, 1000);
	MUST(doca_pe_clear_notification(pe, fd));
}

static struct doca_dev *open_dev(const char *pci)
{
	struct doca_devinfo **list;
	struct doca_dev *dev = NULL;
	uint32_t n;
	uint8_t equal;

	MUST(doca_devinfo_create_list(&list, &n));
	for (uint32_t i = 0; i < n && !dev; i++)
		if (doca_devinfo_is_equal_pci_addr(list[i], pci, &equal) == DOCA_SUCCESS && equal)
			MUST(doca_dev_open(list[i], &dev));
	return dev;
}

static int card(void)
{
	struct doca_dev *dev = open_dev("03:00.0");
	struct doca_devinfo_rep **list;
	struct doca_dev_rep *rep = NULL;
	uint32_t n;
	uint8_t equal;

	MUST(doca_devinfo_rep_create_list(dev, DOCA_DEVINFO_REP_FILTER_NET, &list, &n));
	for (uint32_t i = 0; i < n && !rep; i++)
		if (doca_devinfo_rep_is_equal_pci_addr(list[i], "b1:00.0", &equal) ==
				DOCA_SUCCESS &&
			equal)
			MUST(doca_dev_rep_open(list[i], &rep));
	is_card = true;
	MUST(doca_pe_create(&pe));
	MUST(doca_comch_server_create(dev, rep, "bench", &server));
	MUST(doca_comch_server_set_max_msg_size(server, LONGEST));
	MUST(doca_comch_server_set_recv_queue_size(server, IN_FLIGHT));
	MUST(doca_comch_server_task_send_set_conf(server, sent_one, send_failed, IN_FLIGHT));
	MUST(doca_comch_server_event_msg_recv_register(server, on_msg));
	MUST(doca_comch_server_event_connection_status_changed_register(
		server, on_connect, on_disconnect));
	MUST(doca_pe_connect_ctx(pe, doca_comch_server_as_ctx(server)));
	MUST(doca_ctx_start(doca_comch_server_as_ctx(server)));
	while (!gone)
		turn();
	return 0;
}

static void connect_host(struct doca_dev *dev)
{
	enum doca_ctx_states state = DOCA_CTX_STATE_IDLE;

	for (int tries = 0; state != DOCA_CTX_STATE_RUNNING && tries < 500; tries++) {
		MUST(doca_pe_create(&pe));
		MUST(doca_comch_client_create(dev, "bench", &client));
		MUST(doca_comch_client_set_max_msg_size(client, LONGEST));
		MUST(doca_comch_client_set_recv_queue_size(client, IN_FLIGHT));
		MUST(doca_comch_client_task_send_set_conf(
			client, sent_one, send_failed, IN_FLIGHT));
		MUST(doca_comch_client_event_msg_recv_register(client, on_msg));
		MUST(doca_pe_connect_ctx(pe, doca_comch_client_as_ctx(client)));
		doca_error_t result = doca_ctx_start(doca_comch_client_as_ctx(client));
		do {
			doca_pe_progress(pe);
			MUST(doca_ctx_get_state(doca_comch_client_as_ctx(client), &state));
		} while (state == DOCA_CTX_STATE_STARTING && result == DOCA_ERROR_IN_PROGRESS);
		if (state == DOCA_CTX_STATE_RUNNING)
			break;
		MUST(doca_comch_client_destroy(client)); /* the card's end is not there yet */
		MUST(doca_pe_destroy(pe));
		usleep(10000);
	}
	MUST(doca_comch_client_get_connection(client, &conn));
}

static int by_size(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static uint64_t p50(unsigned n)
{
	qsort(trips, n, sizeof(*trips), by_size);
	return trips[n / 2];
}

static uint64_t rtt(unsigned n)
{
	static const char msg[64];

	for (unsigned i = 0; i < n; i++) {
		uint64_t begin = clock_now_ns(), before = received;

		while (!send_msg(msg, sizeof(msg)))
			turn();
		while (received == before)
			turn();
		trips[i] = clock_now_ns() - begin;
	}
	return p50(n);
}

static double stream(void)
{
	static const char msg[LONGEST];
	uint64_t begin, before = received;

	begin = clock_now_ns();
	for (unsigned i = 0; i < STREAM; i++)
		while (!send_msg(msg, sizeof(msg)))
			turn();
	while (received == before)
		turn();
	return (double)STREAM * LONGEST / (double)(clock_now_ns() - begin);
}

/* ---- two cache lines: what the machine itself needs to say something and hear an answer ---- */

static uint64_t line_rtt(unsigned n)
{
	uint32_t *ask = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	uint32_t *answer = ask + 1024;
	pid_t peer;

	if (ask == MAP_FAILED)
		return 0;
	peer = fork();
	if (peer == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (uint32_t i = 1;; i++) {
			while (__atomic_load_n(ask, __ATOMIC_ACQUIRE) != i)
				;
			__atomic_store_n(answer, i, __ATOMIC_RELEASE);
		}
	}
	for (uint32_t i = 1; i <= n; i++) {
		uint64_t begin = clock_now_ns();

		__atomic_store_n(ask, i, __ATOMIC_RELEASE);
		while (__atomic_load_n(answer, __ATOMIC_ACQUIRE) != i)
			;
		trips[i - 1] = clock_now_ns() - begin;
	}
	kill(peer, SIGKILL);
	waitpid(peer, NULL, 0);
	munmap(ask, 8192);
	return p50(n);
}

/* ---- two eventfds: what the machine itself needs to wake a process and be woken ---- */

static void await_count(int fd)
{
	uint64_t count;

	poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, 1000);
	if (read(fd, &count, sizeof(count)) < 0)
		exit(1);
}

static uint64_t eventfd_rtt(unsigned n)
{
	int ask = eventfd(0, 0), answer = eventfd(0, 0);
	uint64_t one = 1;
	pid_t peer = fork();

	if (peer == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;) {
			await_count(ask);
			if (write(answer, &one, sizeof(one)) < 0)
				_exit(1);
		}
	}
	for (unsigned i = 0; i < n; i++) {
		uint64_t begin = clock_now_ns();

		if (write(ask, &one, sizeof(one)) < 0)
			exit(1);
		await_count(answer);
		trips[i] = clock_now_ns() - begin;
	}
	kill(peer, SIGKILL);
	waitpid(peer, NULL, 0);
	close(ask);
	close(answer);
	return p50(n);
}

/* ---- the socket ---- */

static void await(int fd)
{
	if (asleep)
		poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, 1000);
}

static ssize_t take(int fd, void *msg, size_t len)
{
	ssize_t got;

	while ((got = recv(fd, msg, len, MSG_DONTWAIT)) < 0)
		await(fd);
	return got;
}

static void socket_peer(int fd)
{
	char msg[LONGEST];
	uint64_t streamed = 0;
	ssize_t got;

	while ((got = take(fd, msg, sizeof(msg))) > 0)
		if (got < LONGEST || ++streamed % STREAM == 0)
			send(fd, msg, 64, MSG_NOSIGNAL);
}

static uint64_t socket_rtt(int fd, unsigned n)
{
	char msg[64] = {0};

	for (unsigned i = 0; i < n; i++) {
		uint64_t begin = clock_now_ns();

		send(fd, msg, sizeof(msg), MSG_NOSIGNAL);
		take(fd, msg, sizeof(msg));
		trips[i] = clock_now_ns() - begin;
	}
	return p50(n);
}

static double socket_stream(int fd)
{
	static char msg[LONGEST];
	uint64_t begin = clock_now_ns();

	for (unsigned i = 0; i < STREAM; i++)
		send(fd, msg, sizeof(msg), MSG_NOSIGNAL);
	take(fd, msg, sizeof(msg));
	return (double)STREAM * LONGEST / (double)(clock_now_ns() - begin);
}

int main(void)
{
	static char dir[] = "/tmp/softdpu-bench-XXXXXX";

	if (!mkdtemp(dir))
		return 1;
	setenv("SOFTDPU_RUN_DIR", dir, 1);
	for (int sleepy = 0; sleepy < 2; sleepy++) {
		int sv[2];
		pid_t peer, sock;

		asleep = sleepy;
		fflush(stdout);
		if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, sv))
			return 1;
		sock = fork();
		if (sock == 0) {
			close(sv[0]);
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			socket_peer(sv[1]);
			_exit(0);
		}
		close(sv[1]);
		uint64_t theirs = socket_rtt(sv[0], TRIPS);
		uint64_t floor = asleep ? eventfd_rtt(TRIPS) : line_rtt(TRIPS);
		double their_rate = asleep ? 0 : socket_stream(sv[0]);
		close(sv[0]);
		waitpid(sock, NULL, 0);

		peer = fork();
		if (peer == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			_exit(card());
		}
		struct doca_dev *dev = open_dev("b1:00.0");
		connect_host(dev);
		uint64_t ours = rtt(TRIPS);
		printf("{\"bench\":\"comch\",\"case\":\"rtt-%s\",\"bytes\":64,\"ours\":%llu,"
		       "\"socket\":%llu,"
		       "\"%s\":%llu,\"unit\":\"ns\",\"must\":%u,\"reached\":%s}\n",
			asleep ? "eventfd" : "poll", (unsigned long long)ours,
			(unsigned long long)theirs, asleep ? "eventfds" : "cache_lines",
			(unsigned long long)floor, asleep ? 12000 : 500,
			ours <= (asleep ? 12000 : 500) ? "true" : "false");
		if (!asleep)
			printf("{\"bench\":\"comch\",\"case\":\"stream\",\"bytes\":%d,\"ours\":%."
			       "2f,\"socket\":%.2f,\"unit\":\"GB/s\"}\n",
				LONGEST, stream(), their_rate);
		asleep = false;
		doca_ctx_stop(doca_comch_client_as_ctx(client));
		for (enum doca_ctx_states st = DOCA_CTX_STATE_STOPPING;
			st != DOCA_CTX_STATE_IDLE;) {
			doca_pe_progress(pe);
			MUST(doca_ctx_get_state(doca_comch_client_as_ctx(client), &st));
		}
		waitpid(peer, NULL, 0);
		MUST(doca_comch_client_destroy(client));
		MUST(doca_pe_destroy(pe));
		MUST(doca_dev_close(dev));
	}
	fflush(stdout);
	execlp("rm", "rm", "-rf", dir, NULL);
	return 1;
}
