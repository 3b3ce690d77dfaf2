/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * eal: DPDK brought up for a process that is not a DPDK program: our daemons, benches and tests.
 *
 * DPDK's EAL wants hugepages, root, a run directory and the calling thread's affinity. A daemon
 * that moves a few gigabits between TAPs needs none of these, so port_eal_start() runs rte_eal_init
 * on a helper thread (its affinity is what the EAL then shrinks, not the caller's) with no
 * hugepages unless the machine has enough free ones, no shared configuration files, no telemetry
 * socket and no PCI scan unless the card names a PCI device.
 *
 * A DOCA or DPDK program starts its own EAL: then port_eal_running() is true, port_eal_start() is a
 * no-op, and pools come from the program's memory.
 *
 * Order: start, register worker threads, pools, ports ... close ports, free pools, stop. The EAL
 * can be started once in the life of a process (DPDK's rule).
 */
#ifndef PORT_EAL_H
#define PORT_EAL_H

#include <stdbool.h>
#include <stdint.h>

struct rte_mempool;

struct port_eal_cfg {
	const char *prefix;       /* of files; NULL = "softdpu" and the pid */
	uint32_t memory_mb;       /* 0 = 256 */
	bool no_hugepages;        /* do not even look */
	bool pci;                 /* scan the PCI bus (a card attaches a real device) */
	bool devices;             /* DPDK devices get attached: pools then are EAL's own memory, see pool.c */
	const char *const *extra; /* NULL-terminated further EAL arguments, or NULL */
};

/* 0 when the EAL runs afterwards, -errno with a sentence. Any thread, once at a time. */
int port_eal_start(const struct port_eal_cfg *cfg);
bool port_eal_running(void);
/* Whether the EAL's memory is reserved hugepages. Without them pools lie in transparent ones (pool.c). */
bool port_eal_hugepages(void);
/* Whether DPDK devices were announced (cfg->devices). */
bool port_eal_devices(void);
/* rte_eal_cleanup when we started it; else a no-op. */
void port_eal_stop(void);

/*
 * A thread that touches pools on the burst path registers first (a mempool cache of its own;
 * without one each alloc takes the shared ring). 0, or -errno when all lcore slots are taken.
 */
int port_eal_thread_enter(void);
void port_eal_thread_leave(void);

/*
 * mbufs for receive: PORT_HEADROOM and 2 KiB of data each. `n` counts what may be in flight at
 * once: bursts, queues of attached devices and programs, packets waiting for a neighbour.
 * NULL with a refusal naming the memory it would take.
 */
struct rte_mempool *port_pool_create(const char *name, unsigned n);
void port_pool_destroy(struct rte_mempool *pool);

#endif
