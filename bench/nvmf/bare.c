/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bench/nvmf/bare: what the kernel's TCP alone lets through at the shape of a benchmark; prints one JSON line.
 *
 * Two processes over loopback, each polling on a processor of its own. One asks `depth` times with a capsule's
 * bytes, the other answers each with a header and a block from somewhere in its memory, and is asked again. Nothing
 * is parsed, looked up or stored: targets and initiators are hardly faster than that, whoever wrote them.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/args.h"
#include "base/base.h"
#include "base/clock.h"
#include "base/rng.h"
#include "nvmf/pdu.h"

#define ASK ((ssize_t)sizeof(struct pdu_cmd))
#define DEPTH_MAX 128u

static uint64_t block = 131072, depth = 32, span_mib = 512, send_cpu = 0, receive_cpu = 1;
static double seconds = 1, warmup = 0.2;

static const struct args_option options[] = {
	{0, "block", "BYTES", "per answer (131072)", .number = {&block, 512, 1u << 20}},
	{0, "depth", "N", "asked for at once (32)", .number = {&depth, 1, DEPTH_MAX}},
	{0, "span", "MIB", "of memory the blocks are taken from (512)", .number = {&span_mib, 1, 65536}},
	{0, "send-cpu", "N", "of the side that sends blocks (0)", .number = {&send_cpu, 0, 1023}},
	{0, "receive-cpu", "N", "of the side that takes them (1)", .number = {&receive_cpu, 0, 1023}},
	{0, "seconds", "S", "measured (1)", .real = {&seconds, 0.001, 1e6}},
	{0, "warmup", "S", "not measured (0.2)", .real = {&warmup, 0, 1e6}},
};

static const struct args_usage usage = {"nvmf-bare",
	"What the kernel's TCP alone lets through at the shape of a benchmark; prints one JSON line.", "", options,
	ARRAY_SIZE(options), NULL};

static void pin(uint64_t cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	sched_setaffinity(0, sizeof(set), &set);
}

static uint8_t *memory(size_t bytes)
{
	uint8_t *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED) {
		perror("nvmf-bare: memory");
		exit(1);
	}
	madvise(p, bytes, MADV_HUGEPAGE);
	memset(p, 0x5a, bytes);
	return p;
}

/* Moves all of iov, polling; false when the other side has gone. */
static bool move(int fd, struct iovec *iov, int cnt, ssize_t (*call)(int fd, struct msghdr *msg))
{
	while (cnt) {
		struct msghdr msg = {.msg_iov = iov, .msg_iovlen = (size_t)cnt};
		ssize_t n = call(fd, &msg);

		if (!n || (n < 0 && errno != EAGAIN))
			return false;
		for (n = MAX_OF(n, (ssize_t)0); cnt && n >= (ssize_t)iov->iov_len; iov++, cnt--)
			n -= (ssize_t)iov->iov_len;
		if (cnt)
			*iov = (struct iovec){(uint8_t *)iov->iov_base + n, iov->iov_len - (size_t)n};
	}
	return true;
}

static ssize_t push(int fd, struct msghdr *msg)
{
	return sendmsg(fd, msg, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static ssize_t pull(int fd, struct msghdr *msg)
{
	return recvmsg(fd, msg, MSG_DONTWAIT);
}

static void answer(int fd)
{
	static uint8_t asked[DEPTH_MAX * sizeof(struct pdu_cmd)], head[sizeof(struct pdu_data)];
	uint8_t *bytes = memory(span_mib << 20);
	struct iovec iov[2 * DEPTH_MAX];
	ssize_t have = 0;
	struct rng rng;

	rng_init(&rng, rng_fresh_seed());
	if (send(fd, "", 1, MSG_NOSIGNAL) != 1) /* all touched: begin */
		return;
	for (;;) {
		ssize_t n = recv(fd, asked + have, sizeof(asked) - (size_t)have, MSG_DONTWAIT);
		int cnt = 0;

		if (!n || (n < 0 && errno != EAGAIN))
			return;
		for (have += MAX_OF(n, (ssize_t)0); have >= ASK; have -= ASK) {
			uint64_t at = rng_below(&rng, (span_mib << 20) / block) * block;

			iov[cnt++] = (struct iovec){head, sizeof(head)};
			iov[cnt++] = (struct iovec){bytes + at, block};
		}
		if (cnt && !move(fd, iov, cnt, push))
			return;
	}
}

/* Returns blocks per second. */
static double ask(int fd)
{
	static uint8_t capsules[DEPTH_MAX * sizeof(struct pdu_cmd)], head[sizeof(struct pdu_data)];
	uint8_t *bytes = memory(depth * block);
	uint64_t blocks = 0, due = depth, from, until, now;

	if (recv(fd, head, 1, 0) != 1)
		return 0;
	from = clock_now_ns() + (uint64_t)(warmup * 1e9);
	until = from + (uint64_t)(seconds * 1e9);
	for (unsigned next = 0; (now = clock_now_ns()) < until; next = (next + 1) % depth) {
		struct iovec iov[2] = {{head, sizeof(head)}, {bytes + next * block, block}};

		if (due >= (depth + 3) / 4) { /* asked in small groups, as answers come in groups */
			if (!move(fd, &(struct iovec){capsules, due * sizeof(struct pdu_cmd)}, 1, push))
				return 0;
			due = 0;
		}
		if (!move(fd, iov, 2, pull))
			return 0;
		due++;
		blocks += now >= from;
	}
	return (double)blocks / seconds;
}

static void connect_pair(int fd[2])
{
	struct sockaddr_in addr = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int l = socket(AF_INET, SOCK_STREAM, 0), one = 1;
	socklen_t len = sizeof(addr);

	fd[1] = socket(AF_INET, SOCK_STREAM, 0);
	if (bind(l, (struct sockaddr *)&addr, len) || listen(l, 1) || getsockname(l, (struct sockaddr *)&addr, &len) ||
		connect(fd[1], (struct sockaddr *)&addr, len) || (fd[0] = accept(l, NULL, NULL)) < 0) {
		perror("nvmf-bare: sockets");
		exit(1);
	}
	close(l);
	for (int i = 0; i < 2; i++)
		setsockopt(fd[i], IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
}

int main(int argc, char **argv)
{
	int status = args_parse(argc, argv, &usage), fd[2];
	double rate;
	pid_t child;

	if (status >= 0)
		return status;
	connect_pair(fd);
	child = fork();
	if (!child) {
		close(fd[1]);
		pin(send_cpu);
		answer(fd[0]);
		_exit(0);
	}
	close(fd[0]);
	pin(receive_cpu);
	rate = ask(fd[1]);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	printf("{\"bench\": \"nvmf-bare\", \"block\": %u, \"depth\": %u, \"iops\": %.0f, \"mib_per_s\": %.1f}\n", (unsigned)block,
		(unsigned)depth, rate, rate * (double)block / 1048576);
	return 0;
}
