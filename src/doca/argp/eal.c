/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The program's DPDK callback, called with the words EAL needs here (doca/common/eal_words.c).
 */
#include "doca/argp/argp_int.h"

doca_error_t argp_start_eal(int argc, char **argv)
{
	char **words;
	int n = dcore_eal_words(argc, argv, &words);

	return n < 0 ? dcore_from_errno(n, "DPDK's arguments") : argp.dpdk_cb(n, words);
}
