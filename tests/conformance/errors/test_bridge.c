/* SPDX-License-Identifier: BSD-3-Clause */
/* What the DPDK bridge refuses: the same lines as test_errors. Runs itself once more with a card that cannot be read. */
#include <dlfcn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <doca_dev.h>
#include <doca_dpdk.h>
#include <doca_softdpu.h>
#include <rte_dev.h>
#include <rte_eal.h>

static bool nothing_comes_up;

/* Before DPDK's own: a bus that takes a device and makes no port of it. */
int rte_dev_probe(const char *devargs)
{
	int (*real)(const char *) = (int (*)(const char *))dlsym(RTLD_NEXT, "rte_dev_probe");

	return nothing_comes_up ? 0 : real(devargs);
}

static void must(int good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "%s: %s\n", what, doca_softdpu_last_refusal());
	exit(1);
}

static void said(doca_error_t err)
{
	must(err != DOCA_SUCCESS, "a call that must be refused was not; before it");
	printf("%s\t%s\n", doca_error_get_name(err), doca_softdpu_last_refusal());
	fflush(stdout);
}

/* The device at a PCI address as it is written from either side. */
static struct doca_dev *device(const char *bdf)
{
	struct doca_devinfo **list;
	struct doca_dev *dev = NULL;
	uint8_t equal;
	uint32_t n;

	must(doca_devinfo_create_list(&list, &n) == DOCA_SUCCESS, "devices");
	for (uint32_t i = 0; i < n && !dev; i++)
		if (doca_devinfo_is_equal_pci_addr(list[i], bdf, &equal) == DOCA_SUCCESS && equal)
			must(doca_dev_open(list[i], &dev) == DOCA_SUCCESS, "open");
	must(doca_devinfo_destroy_list(list) == DOCA_SUCCESS, "list");
	must(dev != NULL, bdf);
	return dev;
}

static struct doca_dev_rep *first_representor(struct doca_dev *dev)
{
	struct doca_devinfo_rep **list;
	struct doca_dev_rep *rep;
	uint32_t n;

	must(doca_devinfo_rep_create_list(dev, DOCA_DEVINFO_REP_FILTER_NET, &list, &n) == DOCA_SUCCESS && n > 0, "representors");
	must(doca_dev_rep_open(list[0], &rep) == DOCA_SUCCESS, "representor");
	must(doca_devinfo_rep_destroy_list(list) == DOCA_SUCCESS, "list");
	return rep;
}

static void unreadable_card(char **argv)
{
	pid_t child = fork();
	int status;

	if (child == 0) {
		setenv("SOFTDPU_CARD", "/nowhere/card.yaml", 1);
		execl("/proc/self/exe", argv[0], "child", NULL);
		_exit(1);
	}
	must(waitpid(child, &status, 0) == child && status == 0, "the child");
}

int main(int argc, char **argv)
{
	char *eal[] = {argv[0], "-l", "0", "-a", "pci:00:00.0", NULL};
	struct doca_dev *dev, *other;
	struct doca_dev_rep *reps[1] = {NULL};
	char longer[2000];

	if (argc > 1) {
		said(doca_dpdk_port_probe((struct doca_dev *)(uintptr_t)64, NULL)); /* refused before it is looked at */
		return 0;
	}
	unreadable_card(argv);
	dev = device("0000:03:00.0");
	other = device("0000:03:00.1");
	said(doca_dpdk_port_probe(dev, NULL));
	must(rte_eal_init(5, eal) >= 0, "EAL");
	memset(longer, 'x', sizeof(longer));
	longer[sizeof(longer) - 1] = 0;
	said(doca_dpdk_port_probe(dev, longer));
	said(doca_dpdk_port_probe(dev, "representor=nonsense"));
	nothing_comes_up = true;
	said(doca_dpdk_port_probe(dev, NULL));
	nothing_comes_up = false;
	must(doca_dpdk_port_probe(dev, NULL) == DOCA_SUCCESS, "probe");
	said(doca_dpdk_port_probe(device("0000:b1:00.0"), NULL)); /* the same card, seen from the host */
	said(doca_dpdk_port_probe_with_representors(dev, NULL, reps, 1));
	reps[0] = first_representor(dev);
	said(doca_dpdk_port_probe_with_representors(other, NULL, reps, 1));
	said(doca_dpdk_port_as_dev(UINT16_MAX, &other));
	said(doca_dpdk_port_as_dev(20, &other));
	must(doca_dev_rep_close(reps[0]) == DOCA_SUCCESS, "representor");
	return 0;
}
