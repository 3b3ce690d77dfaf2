/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bench-comch: messages between two processes. Round trip of 64 B, both ends polling or both asleep on the progress
 * engine's descriptor; throughput of 4 KiB from a producer into a consumer's buffers, and of the longest message. One
 * JSON line per case. Beside each, in the same run, a UNIX seqpacket socket doing the same (send/recv, or poll and
 * recv), and the floor: two processes that bounce two cache lines or wake each other with two eventfds, and memcpy.
 *
 *     {"bench":"comch","case":"rtt-poll","bytes":64,"ours":420,"socket":9000,"cache_lines":390,"unit":"ns",...}
 *
 * usage: bench-comch [poll | eventfd | bulk]
 */
#include "comch.h"

#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define POLL_MUST 500      /* ns */
#define EVENTFD_MUST 12000 /* ns */
#define BULK_MUST 4.0      /* GB/s */
#define ROUNDS 9

uint64_t trips[TRIPS];

static int by_size(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

uint64_t p50(void)
{
	qsort(trips, TRIPS, sizeof(*trips), by_size);
	return trips[TRIPS / 2];
}

static const char *verdict(bool reached)
{
	return reached ? "true" : "false";
}

static pid_t start_card(void)
{
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		card_run();
		_exit(0);
	}
	return pid;
}

/* ---- round trips ---- */

static uint64_t rtt(void)
{
	static const char msg[64];

	for (unsigned i = 0; i < TRIPS; i++) {
		uint64_t begin = clock_now_ns(), before = end.received;

		while (!send_msg(msg, sizeof(msg)))
			turn();
		while (end.received == before)
			turn();
		trips[i] = clock_now_ns() - begin;
	}
	return p50();
}

static double stream(void)
{
	static const char msg[LONGEST];
	uint64_t begin = clock_now_ns(), before = end.received;

	for (unsigned i = 0; i < STREAM; i++)
		while (!send_msg(msg, sizeof(msg)))
			turn();
	while (end.received == before)
		turn();
	return (double)STREAM * LONGEST / (double)(clock_now_ns() - begin);
}

static void print_rtt(const char *name, uint64_t ours, uint64_t socket, const char *floor,
	uint64_t least, uint64_t must)
{
	printf("{\"bench\":\"comch\",\"case\":\"rtt-%s\",\"bytes\":64,\"ours\":%llu,\"socket\":%"
	       "llu,"
	       "\"%s\":%llu,\"unit\":\"ns\",\"must\":%llu,\"reached\":%s}\n",
		name, (unsigned long long)ours, (unsigned long long)socket, floor,
		(unsigned long long)least, (unsigned long long)must, verdict(ours <= must));
}

static void bench_poll(void)
{
	int fd = floor_socket();
	uint64_t theirs = floor_socket_rtt(fd), least = floor_lines_rtt();
	double their_rate = floor_socket_stream(fd);
	pid_t card = start_card();

	close(fd);
	host_connect();
	print_rtt("poll", rtt(), theirs, "cache_lines", least, POLL_MUST);
	printf("{\"bench\":\"comch\",\"case\":\"stream\",\"bytes\":%d,\"ours\":%.2f,\"socket\":%."
	       "2f,"
	       "\"unit\":\"GB/s\"}\n",
		LONGEST, stream(), their_rate);
	host_leave();
	waitpid(card, NULL, 0);
}

static void bench_eventfd(void)
{
	uint64_t theirs, least;
	pid_t card;
	int fd;

	end.asleep = true;
	fd = floor_socket();
	theirs = floor_socket_rtt(fd);
	least = floor_eventfd_rtt();
	close(fd);
	card = start_card();
	host_connect();
	print_rtt("eventfd", rtt(), theirs, "eventfds", least, EVENTFD_MUST);
	end.asleep = false;
	host_leave();
	waitpid(card, NULL, 0);
}

/* ---- throughput ---- */

static int by_rate(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void bench_bulk(void)
{
	double rate[ROUNDS], copied[ROUNDS];

	for (int i = 0; i < ROUNDS; i++) {
		pid_t card;

		end = (struct end){.bulk = true};
		card = start_card();
		host_connect();
		rate[i] = bulk_produce();
		host_leave();
		waitpid(card, NULL, 0);
		copied[i] = floor_memcpy();
	}
	qsort(rate, ROUNDS, sizeof(*rate), by_rate);
	qsort(copied, ROUNDS, sizeof(*copied), by_rate);
	printf("{\"bench\":\"comch\",\"case\":\"bulk\",\"bytes\":4096,\"ours\":%.2f,\"memcpy\":%."
	       "2f,"
	       "\"unit\":\"GB/s\",\"must\":%.2f,\"reached\":%s}\n",
		rate[ROUNDS / 2], copied[ROUNDS / 2], BULK_MUST,
		verdict(rate[ROUNDS / 2] >= BULK_MUST));
}

/* run.sh pins to one processor; two processes that poll need one each. */
static void use_all_processors(void)
{
	cpu_set_t all;

	CPU_ZERO(&all);
	for (int i = 0; i < sysconf(_SC_NPROCESSORS_ONLN); i++)
		CPU_SET(i, &all);
	sched_setaffinity(0, sizeof(all), &all);
}

int main(int argc, char **argv)
{
	static char dir[] = "/tmp/softdpu-bench-XXXXXX";
	static const struct {
		const char *name;
		void (*run)(void);
	} benches[] = {{"poll", bench_poll}, {"eventfd", bench_eventfd}, {"bulk", bench_bulk}};

	if (!mkdtemp(dir))
		return 1;
	setenv("SOFTDPU_RUN_DIR", dir, 1);
	use_all_processors();
	for (size_t i = 0; i < sizeof(benches) / sizeof(benches[0]); i++)
		if (argc < 2 || !strcmp(argv[1], benches[i].name)) {
			end = (struct end){0};
			benches[i].run();
		}
	fflush(stdout);
	execlp("rm", "rm", "-rf", dir, NULL);
	return 1;
}
