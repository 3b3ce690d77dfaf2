/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * libsoftdpu_eal: rte_eal_init in front of DPDK's own, for programs that call it themselves with
 * arguments made for a machine with hugepages and a card. It hands DPDK the arguments that this
 * machine needs (dcore_eal_words) and answers as if the program's own had been taken.
 *
 * It must be linked by the program before librte_eal (doca-dpdk-bridge.pc does so) and has no
 * version node: only an unversioned symbol can stand for one that has a version in its own library.
 */
#include "doca/common/common.h"

#include <dlfcn.h>
#include <rte_eal.h>
#include <stdio.h>
#include <string.h>

/* What rte_eal_init returns: the index of "--", or of the last argument; the program's name is put
 * there, so that argv + result is an argv again. */
static int consumed(int argc, char **argv)
{
	int i = 1;

	while (i < argc && strcmp(argv[i], "--") != 0)
		i++;
	i = MIN_OF(i, argc - 1);
	if (i > 0)
		argv[i] = argv[0];
	return MAX_OF(i, 0);
}

int rte_eal_init(int argc, char **argv)
{
	int (*real)(int, char **);
	char **words;
	int n = dcore_eal_words(argc, argv, &words);

	*(void **)&real = dlsym(RTLD_NEXT, "rte_eal_init");
	if (!real || n < 0) {
		fprintf(stderr, "softdpu: %s\n",
			real ? refusal()
			     : "DPDK's rte_eal_init is not there: libsoftdpu_eal "
			       "must be linked before librte_eal, and DPDK as shared libraries");
		return -1;
	}
	return real(n, words) < 0 ? -1 : consumed(argc, argv);
}
