/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * port: every allocation and system call of an open is made to fail, one after another (linker
 * wraps). Whatever fails, open refuses with a sentence and leaves nothing: no descriptor, no
 * interface, no file, no mbuf.
 */
#include "port_test.h"

#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

/* Calls until the one that fails; 0 = none does. `hit`: it did. */
static unsigned countdown;
static bool hit;

static bool fails(int err)
{
	if (countdown == 0 || --countdown > 0)
		return false;
	hit = true;
	errno = err;
	return true;
}

#define WRAP(ret, name, err_value, err, params, args)               \
	ret __real_##name params;                                   \
	ret __wrap_##name params;                                   \
	ret __wrap_##name params                                    \
	{                                                           \
		return fails(err) ? err_value : __real_##name args; \
	}

WRAP(void *, calloc, NULL, ENOMEM, (size_t n, size_t size), (n, size))
WRAP(void *, realloc, NULL, ENOMEM, (void *p, size_t size), (p, size))
WRAP(void *, aligned_alloc, NULL, ENOMEM, (size_t align, size_t size), (align, size))
WRAP(int, socket, -1, EMFILE, (int family, int type, int proto), (family, type, proto))
WRAP(int, bind, -1, EADDRINUSE, (int fd, const struct sockaddr *sa, socklen_t len), (fd, sa, len))
WRAP(int, setsockopt, -1, EINVAL, (int fd, int level, int name, const void *v, socklen_t len),
	(fd, level, name, v, len))
WRAP(int, ioctl, -1, EBUSY, (int fd, unsigned long req, void *arg), (fd, req, arg))
WRAP(int, open64, -1, EMFILE, (const char *path, int flags, int mode), (path, flags, mode))
WRAP(int, eventfd, -1, EMFILE, (unsigned v, int flags), (v, flags))
WRAP(int, epoll_create1, -1, EMFILE, (int flags), (flags))
WRAP(int, epoll_ctl, -1, ENOSPC, (int ep, int op, int fd, struct epoll_event *ev), (ep, op, fd, ev))
WRAP(int, setns, -1, EPERM, (int fd, int type), (fd, type))
WRAP(struct mnl_socket *, mnl_socket_open2, NULL, EMFILE, (int bus, int flags), (bus, flags))

int __real_pthread_create(pthread_t *t, const pthread_attr_t *a, void *(*fn)(void *), void *arg);
int __wrap_pthread_create(pthread_t *t, const pthread_attr_t *a, void *(*fn)(void *), void *arg);
int __wrap_pthread_create(pthread_t *t, const pthread_attr_t *a, void *(*fn)(void *), void *arg)
{
	return fails(EAGAIN) ? EAGAIN : __real_pthread_create(t, a, fn, arg);
}

/* Opens with the first, second, ... call failing, until none is left to fail. */
static void fail_each(const struct card_attach *attach, unsigned least)
{
	struct port_cfg cfg = {.name = "x", .pool = pool, .rx_queues = 2, .tx_queues = 2};
	unsigned fds = open_fds(), refused = 0;

	for (unsigned k = 1;; k++) {
		struct port *port = NULL;
		int err;

		refusal_clear();
		countdown = k;
		hit = false;
		err = port_open(&cfg, attach, &port);
		countdown = 0;
		if (err == 0) {
			port_close(port);
			if (!hit)
				break;
			continue; /* the call that failed was not needed */
		}
		refused++;
		assert_true(hit);
		assert_true(refusal()[0] != 0);
		assert_int_equal(rte_mempool_avail_count(pool), POOL_SIZE);
		assert_int_equal(open_fds(), fds);
	}
	print_message("# %s: %u failures, each refused\n", card_attach_name(attach->kind), refused);
	assert_true(refused >= least);
	assert_int_equal(open_fds(), fds);
}

static void test_memory_kinds(void **state)
{
	struct card_attach pair = {.kind = CARD_ATTACH_PAIR, .peer = "y"};
	struct card_attach mem = {.kind = CARD_ATTACH_MEM};
	struct card_attach none = {.kind = CARD_ATTACH_NULL};

	fail_each(&none, 3);
	fail_each(&mem, 5);
	fail_each(&pair, 8);
}

static void test_dgram(void **state)
{
	char dir[] = "/tmp/softdpu-fail-XXXXXX", path[64];
	struct card_attach dgram = {.kind = CARD_ATTACH_DGRAM, .path = path};

	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/sock", dir);
	fail_each(&dgram, 7);
	assert_int_equal(sh("rmdir %s", dir), 0); /* no socket file was left */
}

static void test_tap(void **state)
{
	struct card_attach tap = {
		.kind = CARD_ATTACH_TAP, .netns = ns_a, .ifname = "eth0", .queues = 2};

	need_namespaces();
	fail_each(&tap, 10);
	assert_int_equal(sh("ip -o link | grep -q softdpu"), 1);
	assert_int_equal(sh("ip -n %s -o link | grep -q 'softdpu\\|eth0'", ns_a), 1);
}

static void test_packet(void **state)
{
	struct card_attach packet = {
		.kind = CARD_ATTACH_PACKET, .netns = ns_a, .ifname = "v0", .queues = 2};

	need_namespaces();
	assert_int_equal(sh("ip -n %s link add v0 type veth peer name v1", ns_a), 0);
	fail_each(&packet, 15);
	/* not left promiscuous */
	assert_int_equal(sh("ip -n %s -d link show v0 | grep -q 'promiscuity 0'", ns_a), 0);
}

static void test_pair_open_and_set(void **state)
{
	struct port_cfg a = {.name = "a", .pool = pool}, b = {.name = "b", .pool = pool};
	unsigned fds = open_fds();

	for (unsigned k = 1;; k++) {
		struct port *pa = NULL, *pb = NULL;
		struct port_set *set = NULL;

		countdown = k;
		hit = false;
		if (port_pair_open(&a, &b, 0, &pa, &pb) == 0) {
			if (port_set_create(&set) == 0)
				port_set_add(set, pa, 0);
			port_set_destroy(set);
			port_close(pa);
			port_close(pb);
		}
		countdown = 0;
		assert_int_equal(open_fds(), fds);
		if (!hit)
			break;
		assert_true(k < 40);
	}
}

#define ROOT_TEST(f) cmocka_unit_test_teardown(f, drop_namespaces)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_memory_kinds),
		cmocka_unit_test(test_dgram),
		cmocka_unit_test(test_pair_open_and_set),
		ROOT_TEST(test_tap),
		ROOT_TEST(test_packet),
	};

	return cmocka_run_group_tests(tests, start_dpdk, stop_dpdk);
}
