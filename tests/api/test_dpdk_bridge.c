/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * libdoca_dpdk_bridge as a DOCA program uses it: EAL with the arguments of a machine that has
 * hugepages and 64 cores, devices opened by PCI address, ports probed in order, packets.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>
#include <doca_dev.h>
#include <doca_dpdk.h>
#include <doca_error.h>
#include <rte_eal.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>

static struct doca_dev *dev;
static struct doca_dev_rep *rep[2];

static void open_device(const char *bdf)
{
	struct doca_devinfo **list;
	uint32_t n;
	uint8_t equal;

	assert_int_equal(doca_devinfo_create_list(&list, &n), DOCA_SUCCESS);
	for (uint32_t i = 0; i < n && !dev; i++)
		if (doca_devinfo_is_equal_pci_addr(list[i], bdf, &equal) == DOCA_SUCCESS && equal)
			assert_int_equal(doca_dev_open(list[i], &dev), DOCA_SUCCESS);
	assert_non_null(dev);
	assert_int_equal(doca_devinfo_destroy_list(list), DOCA_SUCCESS);
}

static void open_representors(void)
{
	struct doca_devinfo_rep **list;
	unsigned found = 0;
	uint32_t n;

	assert_int_equal(doca_devinfo_rep_create_list(dev, DOCA_DEVINFO_REP_FILTER_NET, &list, &n),
		DOCA_SUCCESS);
	for (uint32_t i = 0; i < n; i++) {
		char name[DOCA_DEVINFO_REP_IFACE_NAME_SIZE];

		assert_int_equal(
			doca_devinfo_rep_get_iface_name(list[i], name, sizeof(name)), DOCA_SUCCESS);
		if (!strcmp(name, "pf0vf2") || !strcmp(name, "pf0hpf"))
			assert_int_equal(doca_dev_rep_open(list[i], &rep[found++]), DOCA_SUCCESS);
	}
	assert_int_equal(found, 2);
	assert_int_equal(doca_devinfo_rep_destroy_list(list), DOCA_SUCCESS);
}

static void test_before_eal(void **state)
{
	open_device("0000:03:00.0");
	open_representors();
	assert_int_equal(doca_dpdk_port_probe(dev, ""), DOCA_ERROR_BAD_STATE);
	assert_int_equal(doca_dpdk_port_probe(NULL, ""), DOCA_ERROR_INVALID_VALUE);
}

/* What a program brings; libsoftdpu_eal makes it work here, and argc arithmetic still holds. */
static void test_eal_arguments_of_a_bigger_machine(void **state)
{
	char *argv[] = {"prog", "-l", "0-63", "--in-memory", "--socket-mem", "1024", "-a",
		"pci:00:00.0", "--log-level=*:error", "--", "-x", "y", NULL};
	int n = rte_eal_init(12, argv);

	assert_int_equal(n, 9);
	assert_string_equal(argv[n], "prog");
	assert_string_equal(argv[n + 1], "-x");
	assert_int_equal(rte_eth_dev_count_avail(), 0);
}

static void test_ports_in_order(void **state)
{
	struct doca_dev *found = NULL;
	uint16_t before = rte_eth_dev_count_avail();

	assert_int_equal(
		doca_dpdk_port_probe_with_representors(dev, "dv_flow_en=2,dv_xmeta_en=4", rep, 2),
		DOCA_SUCCESS);
	assert_int_equal(rte_eth_dev_count_avail(), before + 3);
	for (uint16_t p = 0; p < 3; p++) {
		assert_int_equal(doca_dpdk_port_as_dev(p, &found), DOCA_SUCCESS);
		assert_ptr_equal(found, dev);
	}
	assert_int_equal(doca_dpdk_port_as_dev(3, &found), DOCA_ERROR_NOT_FOUND);
	assert_int_equal(doca_dpdk_port_as_dev(60000, &found), DOCA_ERROR_INVALID_VALUE);
	assert_int_equal(doca_dpdk_port_probe(dev, NULL), DOCA_SUCCESS); /* again: nothing new */
	assert_int_equal(rte_eth_dev_count_avail(), before + 3);
	assert_int_not_equal(doca_dpdk_port_probe(dev, "representor=vf99"), DOCA_SUCCESS);
}

static struct rte_mempool *pool;

static void start_port(uint16_t port)
{
	struct rte_eth_conf conf = {0};

	assert_int_equal(rte_eth_dev_configure(port, 1, 1, &conf), 0);
	assert_int_equal(rte_eth_rx_queue_setup(port, 0, 256, 0, NULL, pool), 0);
	assert_int_equal(rte_eth_tx_queue_setup(port, 0, 256, 0, NULL), 0);
	assert_int_equal(rte_eth_dev_start(port), 0);
}

/* The wire of p0: a datagram socket, bound where the card's port looks for its peer. */
static int wire(const char *file, struct sockaddr_un *card_end)
{
	struct sockaddr_un own = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
	struct timeval patience = {.tv_sec = 5};

	snprintf(own.sun_path, sizeof(own.sun_path), "%s/%s.far", getenv("BRIDGE_DIR"), file);
	*card_end = (struct sockaddr_un){.sun_family = AF_UNIX};
	snprintf(card_end->sun_path, sizeof(card_end->sun_path), "%s/%s", getenv("BRIDGE_DIR"),
		file);
	unlink(own.sun_path);
	assert_int_equal(bind(fd, (struct sockaddr *)&own, sizeof(own)), 0);
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)), 0);
	return fd;
}

static void exchange(uint16_t port, const char *file)
{
	uint8_t frame[60] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x88, 0xb5}, back[128] = {0};
	struct sockaddr_un card_end;
	struct rte_mbuf *m = NULL;
	int fd = wire(file, &card_end);

	frame[20] = (uint8_t)(port + 1);
	assert_int_equal(
		sendto(fd, frame, 60, 0, (struct sockaddr *)&card_end, sizeof(card_end)), 60);
	for (unsigned i = 0; i < 5000 && rte_eth_rx_burst(port, 0, &m, 1) == 0; i++)
		usleep(1000);
	assert_non_null(m);
	assert_int_equal(m->port, port);
	assert_memory_equal(rte_pktmbuf_mtod(m, void *), frame, 60);
	*rte_pktmbuf_mtod_offset(m, uint8_t *, 21) = 77;
	assert_int_equal(rte_eth_tx_burst(port, 0, &m, 1), 1);
	assert_int_equal(recv(fd, back, sizeof(back), 0), 60);
	assert_int_equal(back[20], port + 1);
	assert_int_equal(back[21], 77);
	close(fd);
}

/* Without any pipe a port is a wire: what comes goes to the program, what it sends goes out. */
static void test_packets_between_wire_and_program(void **state)
{
	pool = rte_pktmbuf_pool_create("p", 1023, 0, 0, 2048 + 128, SOCKET_ID_ANY);
	assert_non_null(pool);
	start_port(0);
	start_port(2);
	exchange(0, "p0");
	exchange(2, "vf2");
	assert_int_equal(rte_eth_dev_stop(2), 0);
	exchange(0, "p0"); /* the other one goes on */
}

/* The card dies with the last stopped port and is born again with the next started one. */
static void test_stop_and_start_again(void **state)
{
	assert_int_equal(rte_eth_dev_stop(0), 0);
	assert_int_equal(rte_eth_dev_start(0), 0);
	exchange(0, "p0");
	assert_int_equal(rte_eth_dev_stop(0), 0);
	assert_int_equal(rte_mempool_avail_count(pool), 1023);
	assert_int_equal(rte_eth_dev_close(0), 0);
	rte_mempool_free(pool);
}

static void test_after_eal(void **state)
{
	struct doca_dev *found = NULL;

	assert_int_equal(rte_eal_cleanup(), 0);
	assert_int_equal(doca_dpdk_port_as_dev(1, &found), DOCA_SUCCESS);
	assert_ptr_equal(found, dev);
	assert_int_equal(doca_dev_rep_close(rep[0]), DOCA_SUCCESS);
	assert_int_equal(doca_dev_rep_close(rep[1]), DOCA_SUCCESS);
	assert_int_equal(doca_dev_close(dev), DOCA_SUCCESS);
}

/* The libraries read SOFTDPU_CARD when they are loaded: write the profile, then start again. */
static void start_again_with_a_card(char **argv)
{
	char dir[] = "/tmp/softdpu-bridge-XXXXXX", path[64];
	FILE *f;

	if (!mkdtemp(dir))
		exit(1);
	snprintf(path, sizeof(path), "%s/card.yaml", dir);
	f = fopen(path, "w");
	if (!f)
		exit(1);
	fprintf(f,
		"name: bt\nrun_dir: %s\nports:\n  p0: {dgram: {path: %s/p0, peer: %s/p0.far}}\n  "
		"pf0hpf: \n"
		"  pf0vf2: {spoof_check: false, dgram: {path: %s/vf2, peer: %s/vf2.far}}\n",
		dir, dir, dir, dir, dir);
	fclose(f);
	setenv("SOFTDPU_CARD", path, 1);
	setenv("BRIDGE_DIR", dir, 1);
	execv("/proc/self/exe", argv);
	exit(1);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_before_eal),
		cmocka_unit_test(test_eal_arguments_of_a_bigger_machine),
		cmocka_unit_test(test_ports_in_order),
		cmocka_unit_test(test_packets_between_wire_and_program),
		cmocka_unit_test(test_stop_and_start_again),
		cmocka_unit_test(test_after_eal),
	};

	char cmd[64];
	int failed;

	if (!getenv("BRIDGE_DIR"))
		start_again_with_a_card(argv);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	snprintf(cmd, sizeof(cmd), "rm -rf %s", getenv("BRIDGE_DIR"));
	return failed || system(cmd);
}
