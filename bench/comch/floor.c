/* SPDX-License-Identifier: BSD-3-Clause */
/* What the machine itself needs, and what a socket does with it. */
#include "comch.h"

#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- two cache lines: what the machine itself needs to say something and hear an answer ---- */

uint64_t floor_lines_rtt(void)
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
	for (uint32_t i = 1; i <= TRIPS; i++) {
		uint64_t begin = clock_now_ns();

		__atomic_store_n(ask, i, __ATOMIC_RELEASE);
		while (__atomic_load_n(answer, __ATOMIC_ACQUIRE) != i)
			;
		trips[i - 1] = clock_now_ns() - begin;
	}
	kill(peer, SIGKILL);
	waitpid(peer, NULL, 0);
	munmap(ask, 8192);
	return p50();
}

/* ---- two eventfds: what the machine itself needs to wake a process and be woken ---- */

static void await_count(int fd)
{
	uint64_t count;

	poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, 1000);
	if (read(fd, &count, sizeof(count)) < 0)
		exit(1);
}

uint64_t floor_eventfd_rtt(void)
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
	for (unsigned i = 0; i < TRIPS; i++) {
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
	return p50();
}

/* ---- the socket ---- */

static void await(int fd)
{
	if (end.asleep)
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

uint64_t floor_socket_rtt(int fd)
{
	char msg[64] = {0};

	for (unsigned i = 0; i < TRIPS; i++) {
		uint64_t begin = clock_now_ns();

		send(fd, msg, sizeof(msg), MSG_NOSIGNAL);
		take(fd, msg, sizeof(msg));
		trips[i] = clock_now_ns() - begin;
	}
	return p50();
}

double floor_socket_stream(int fd)
{
	static char msg[LONGEST];
	uint64_t begin = clock_now_ns();

	for (unsigned i = 0; i < STREAM; i++)
		send(fd, msg, sizeof(msg), MSG_NOSIGNAL);
	take(fd, msg, sizeof(msg));
	return (double)STREAM * LONGEST / (double)(clock_now_ns() - begin);
}

/* The peer of the descriptor that comes back echoes, until that is closed. */
int floor_socket(void)
{
	int sv[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, sv))
		exit(1);
	if (fork() == 0) {
		close(sv[0]);
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		socket_peer(sv[1]);
		_exit(0);
	}
	close(sv[1]);
	return sv[0];
}

/* ---- memory ---- */

double floor_memcpy(void)
{
	static uint8_t from[IN_FLIGHT][4096];
	uint8_t(*to)[4096] =
		mmap(NULL, sizeof(from), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	uint64_t begin = clock_now_ns();

	if (to == MAP_FAILED)
		return 0;
	for (unsigned i = 0; i < STREAM; i++) {
		memcpy(to[i % IN_FLIGHT], from[i % IN_FLIGHT], 4096);
		__asm__ volatile("" ::: "memory");
	}
	munmap(to, sizeof(from));
	return (double)STREAM * 4096 / (double)(clock_now_ns() - begin);
}
