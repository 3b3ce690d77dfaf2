/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * abi: what differs between DPDK releases, all of it. Tested: 22.11. Known of later ones: 23.11
 * keeps these signatures; since 24.07 rte_eth_devargs_parse() takes and returns several
 * controllers' worth of arguments.
 */
#ifndef NET_SOFTDPU_ABI_H
#define NET_SOFTDPU_ABI_H

#include <bus_pci_driver.h>
#include <ethdev_driver.h>
#include <ethdev_pci.h>
#include <rte_version.h>

#if RTE_VERSION < RTE_VERSION_NUM(22, 11, 0, 0)
#error "net_softdpu needs DPDK 22.11 or later"
#endif

static inline int abi_devargs_parse(const char *args, struct rte_eth_devargs *out)
{
#if RTE_VERSION >= RTE_VERSION_NUM(24, 7, 0, 0)
	int n = rte_eth_devargs_parse(args, out, 1);

	return n < 0 ? n : 0;
#else
	return rte_eth_devargs_parse(args, out);
#endif
}

#endif
