/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Insides of doca/dpdk_bridge.
 *
 *   bridge.c    the public calls
 *   attach.c    the switch behind the ports: brought up with the first started one
 *   eal_init.c  libsoftdpu_eal
 */
#ifndef DOCA_DPDK_BRIDGE_INT_H
#define DOCA_DPDK_BRIDGE_INT_H

/* Become the driver's listener. Called when the library is loaded. */
void bridge_attach(void);

#endif
