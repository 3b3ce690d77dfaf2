/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the tests of room port share: DPDK without hugepages, one pool whose emptiness at the end is
 * the leak check, namespaces of our own, and "needs root" as a skip. The tests see the room's
 * insides (port_int.h).
 */
#ifndef PORT_TEST_H
#define PORT_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <rte_mempool.h>

#include "port/eal.h"
#include "port/port_int.h"

#define POOL_SIZE 8191

static struct rte_mempool *pool;

static bool with_devices; /* of DPDK; set before start_dpdk */

static int start_dpdk(void **state)
{
	struct port_eal_cfg cfg = {.memory_mb = 64, .no_hugepages = true, .devices = with_devices};

	if (port_eal_start(&cfg) < 0 || port_eal_thread_enter() < 0 ||
		!(pool = port_pool_create("test", POOL_SIZE))) {
		print_error("%s\n", refusal());
		return -1;
	}
	return 0;
}

static int stop_dpdk(void **state)
{
	unsigned left = POOL_SIZE - rte_mempool_avail_count(pool);

	if (left)
		print_error("%u mbufs leaked\n", left);
	port_pool_destroy(pool);
	port_eal_thread_leave();
	port_eal_stop();
	return left ? -1 : 0;
}

static __attribute__((unused)) int sh(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static int sh(const char *fmt, ...)
{
	char cmd[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(cmd, sizeof(cmd), fmt, ap);
	va_end(ap);
	return WEXITSTATUS(system(cmd));
}

/* Namespaces "port<pid>a", "port<pid>b"; skip() when this machine does not let us make any. */
static char ns_a[32], ns_b[32];

static __attribute__((unused)) void need_namespaces(void)
{
	if (geteuid() != 0 || access("/dev/net/tun", R_OK | W_OK) < 0) {
		print_message("# SKIP needs root and /dev/net/tun\n");
		skip();
	}
	snprintf(ns_a, sizeof(ns_a), "port%da", (int)getpid());
	snprintf(ns_b, sizeof(ns_b), "port%db", (int)getpid());
	if (sh("ip netns add %s && ip netns add %s && ip -n %s link set lo up && ip -n %s link set "
	       "lo up",
		    ns_a, ns_b, ns_a, ns_b) != 0) {
		sh("ip netns del %s 2>/dev/null; ip netns del %s 2>/dev/null", ns_a, ns_b);
		print_message("# SKIP cannot make network namespaces here\n");
		skip();
	}
}

static __attribute__((unused)) int drop_namespaces(void **state)
{
	if (ns_a[0])
		sh("ip netns del %s 2>/dev/null; ip netns del %s 2>/dev/null", ns_a, ns_b);
	ns_a[0] = 0;
	return 0;
}

static __attribute__((unused)) struct port *open_port(
	const char *name, uint16_t id, const struct card_attach *attach)
{
	struct port_cfg cfg = {.name = name, .id = id, .pool = pool};
	struct port *port = NULL;

	if (port_open(&cfg, attach, &port) < 0)
		fail_msg("%s", refusal());
	return port;
}

static __attribute__((unused)) unsigned open_fds(void)
{
	char path[32];
	unsigned n = 0;

	for (int fd = 0; fd < 4096; fd++) {
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		n += access(path, F_OK) == 0;
	}
	return n;
}

#endif
