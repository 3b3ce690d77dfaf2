/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * port: a thousand VFs on one node. What each costs in memory, what all cost a sleeping worker, and
 * that one of them is served as quickly as if it were alone. The figures are printed; the limits
 * are generous, for machines that do other things too.
 */
#include "port_test.h"

#include <fcntl.h>
#include <net/if.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <linux/if_packet.h>
#include <time.h>

#define VFS 1000

static double cpu_seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

static long field(const char *path, const char *key)
{
	char line[256];
	long kb = 0;
	FILE *f = fopen(path, "r");

	while (f && fgets(line, sizeof(line), f))
		if (strncmp(line, key, strlen(key)) == 0)
			kb = atol(line + strlen(key));
	if (f)
		fclose(f);
	return kb;
}

static long rss_kb(void)
{
	return field("/proc/self/status", "VmRSS:");
}

/* Everybody's kernel memory: noisy, but a thousand interfaces stand out. */
static long kernel_kb(void)
{
	return field("/proc/meminfo", "Slab:") + field("/proc/meminfo", "Percpu:") +
	       field("/proc/meminfo", "VmallocUsed:");
}

static void open_all(struct port **port, struct port_set *set)
{
	char ifname[16];
	struct card_attach attach = {.kind = CARD_ATTACH_TAP, .netns = ns_a, .ifname = ifname};
	struct port_cfg cfg = {.name = "vf", .pool = pool};

	for (unsigned i = 0; i < VFS; i++) {
		snprintf(ifname, sizeof(ifname), "vf%u", i);
		cfg.id = i;
		if (port_open(&cfg, &attach, &port[i]) < 0)
			fail_msg("%u: %s", i, refusal());
		assert_int_equal(port_set_add(set, port[i], 0), 0);
	}
}

/* One round of a worker that is idle between rounds. Frames seen. */
static unsigned serve(struct port_set *set, uint64_t timeout_us)
{
	struct port_ref *ready[64];
	struct rte_mbuf *m[PORT_BURST];
	unsigned n = port_set_wait(set, timeout_us, ready, 64), frames = 0;

	for (unsigned i = 0; i < n; i++) {
		uint16_t got = port_rx(ready[i]->port, ready[i]->queue, m, PORT_BURST);

		port_set_got(set, ready[i], got, PORT_BURST);
		rte_pktmbuf_free_bulk(m, got);
		frames += got;
	}
	return frames;
}

/* Their stacks announce themselves (MLD, router solicitation) for a while after they came up. */
static void settle(struct port_set *set)
{
	double end = now() + 1;

	while (now() < end)
		serve(set, 10000);
}

static double idle_share(struct port_set *set)
{
	double cpu = cpu_seconds(), start = now();

	while (now() < start + 2)
		serve(set, 1000000);
	return (cpu_seconds() - cpu) / (now() - start);
}

#define SENDERS 100

/* A socket in the namespace, and where some of the thousand are. */
static int socket_inside(void *arg)
{
	int *index = arg;
	char ifname[16];

	for (unsigned i = 0; i < SENDERS; i++) {
		snprintf(ifname, sizeof(ifname), "vf%u", i * (VFS / SENDERS));
		index[i] = (int)if_nametoindex(ifname);
	}
	return socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
}

/* Microseconds to see one frame that one of the thousand sends, mean of many. */
static double service_us(struct port_set *set)
{
	int index[SENDERS], nsfd = port_netns_open(ns_a),
			    fd = port_netns_run(nsfd, socket_inside, index);
	uint8_t frame[60] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 1, 0x88, 0xb5};
	struct sockaddr_ll ll = {.sll_family = AF_PACKET};
	double total = 0;

	assert_true(fd >= 0);
	for (unsigned i = 0; i < SENDERS; i++) {
		double start = now();

		ll.sll_ifindex = index[i];
		assert_int_equal(
			sendto(fd, frame, sizeof(frame), 0, (struct sockaddr *)&ll, sizeof(ll)),
			60);
		while (serve(set, 1000000) == 0)
			assert_true(now() - start < 1);
		total += now() - start;
	}
	close(fd);
	close(nsfd);
	return total / SENDERS * 1e6;
}

static void test_thousand_vfs(void **state)
{
	static struct port *port[VFS];
	struct rlimit files = {4096, 4096};
	struct port_set *set;
	long rss, kernel;
	double start, share, us;

	need_namespaces();
	setrlimit(RLIMIT_NOFILE, &files);
	assert_int_equal(
		sh("ip netns exec %s sysctl -q -w net.ipv6.conf.default.disable_ipv6=1", ns_a), 0);
	assert_int_equal(port_set_create(&set), 0);
	rss = rss_kb();
	kernel = kernel_kb();
	start = now();
	open_all(port, set);
	print_message("# %u VFs opened in %.2f s; process %.1f KiB, kernel about %.0f KiB each\n",
		VFS, now() - start, (double)(rss_kb() - rss) / VFS,
		(double)(kernel_kb() - kernel) / VFS);
	settle(set);
	share = idle_share(set);
	us = service_us(set);
	print_message("# idle with %u VFs: %.3f%% of a core; a frame from one of them is read "
		      "after %.0f us\n",
		VFS, share * 100, us);
	assert_true(share < 0.01);
	assert_true(us < 2000);
	assert_true(rss_kb() - rss < 16 * VFS);
	start = now();
	for (unsigned i = 0; i < VFS; i++) {
		assert_int_equal(port_set_remove(set, port[i]), 0);
		port_close(port[i]);
	}
	print_message("# closed in %.2f s\n", now() - start);
	assert_int_equal(sh("ip -n %s -o link | grep -q vf", ns_a), 1);
	port_set_destroy(set);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_thousand_vfs, drop_namespaces),
	};

	return cmocka_run_group_tests(tests, start_dpdk, stop_dpdk);
}
