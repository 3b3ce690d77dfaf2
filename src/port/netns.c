/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * netns: descriptors of network namespaces, and running a function inside one. A thread that
 * called setns() is not to be reused, so each run has a thread of its own; what the function opens
 * (sockets, interfaces) stays in that namespace after the thread is gone.
 */
#include "port/port_int.h"

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int spec_path(const char *spec, char *path, size_t size)
{
	int n;

	if (!spec)
		n = snprintf(path, size, "/proc/thread-self/ns/net");
	else if (strncmp(spec, "pid:", 4) == 0)
		n = snprintf(path, size, "/proc/%s/ns/net", spec + 4);
	else if (strchr(spec, '/'))
		n = snprintf(path, size, "%s", spec);
	else
		n = snprintf(path, size, "/run/netns/%s", spec);
	return n < 0 || (size_t)n >= size ? -ENAMETOOLONG : 0;
}

int port_netns_open(const char *spec)
{
	char path[256];
	int fd;

	if (spec_path(spec, path, sizeof(path)) < 0)
		return refuse(ENAMETOOLONG, "network namespace '%s': the name is too long", spec);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0)
		return fd;
	if (errno == ENOENT)
		return refuse(ENOENT,
			"network namespace '%s' does not exist (%s); make it first: "
			"ip netns add NAME",
			spec ? spec : "(own)", path);
	return refuse(errno, "network namespace '%s' (%s): %s", spec ? spec : "(own)", path,
		strerror(errno));
}

struct run {
	int nsfd;
	int (*fn)(void *arg);
	void *arg;
	int err;
	char why[256]; /* refusals are per thread: carried back by hand */
};

static void *run_inside(void *arg)
{
	struct run *run = arg;

	if (setns(run->nsfd, CLONE_NEWNET) < 0)
		run->err = refuse(errno, "cannot enter the network namespace: %s%s",
			strerror(errno), errno == EPERM ? " (needs CAP_SYS_ADMIN)" : "");
	else
		run->err = run->fn(run->arg);
	snprintf(run->why, sizeof(run->why), "%s", refusal());
	return NULL;
}

int port_netns_run(int nsfd, int (*fn)(void *arg), void *arg)
{
	struct run run = {.nsfd = nsfd, .fn = fn, .arg = arg};
	pthread_t thread;
	int err = pthread_create(&thread, NULL, run_inside, &run);

	if (err)
		return refuse(err, "no thread to enter a network namespace: %s", strerror(err));
	pthread_join(thread, NULL);
	if (run.err < 0 && run.why[0])
		return refuse(-run.err, "%s", run.why);
	return run.err;
}
