/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * dpdk/: net_softdpu, the DPDK driver of the virtual card (librte_net_softdpu.so).
 *
 * A DPDK program names a PCI address; this driver makes that address exist and gives the program
 * ordinary ethdevs there: one for the function's uplink, one per representor it asks for.
 *
 *   sysfs.c    the made-up PCI devices
 *   probe.c    PCI probe and remove, device arguments, representors, the list of devices
 *   eth.c      the ethdev operations that only remember or answer
 *   queue.c    receive and transmit queues, and the switch's side of them
 *   hairpin.c  hairpin queues
 *   abi.h      everything that differs between DPDK releases
 *
 * How the address exists. DPDK's PCI bus reads a directory (SYSFS_PCI_DEVICES, by default sysfs).
 * net_softdpu_setup() makes one under the card's run directory with links to the machine's real
 * devices and a few small files per function of the card, and points the variable there. All
 * spellings (`-a 0000:03:00.0`, `03:00.0`, `pci:...`, representor lists, hotplug) are then DPDK's
 * own; this driver is an ordinary rte_pci_driver. It must be called before rte_eal_init, or at
 * least before the device is probed. Loaded as a plugin (`-d librte_net_softdpu.so`, OVS) the
 * library does so by itself when SOFTDPU_CARD names a profile; without it the library touches
 * nothing.
 *
 *     net_softdpu_setup(NULL);                            the card of SOFTDPU_CARD, or the default
 * one net_softdpu_listen(&ops, arg); rte_eal_init("-a", "0000:03:00.0,representor=vf[0-1]", ...);
 *       or rte_dev_probe("0000:03:00.0,representor=pf0vf0")     again and again: adds representors
 *     rte_eth_dev_configure, queues, start               -> ops.started(dev): add
 * net_softdpu_port(dev) rte_eth_rx_burst / tx_burst                           to the switch
 *     rte_eth_dev_stop                                   -> ops.stopping(dev): take it out again
 *
 * The two sides of a device. The program has an ethdev with its queues. The switch has, from start
 * to stop, a struct port: receiving from it gives what the program transmits (all its queues, in
 * turn), transmitting to it puts packets into the program's receive queues (by RSS hash where the
 * packet carries one, else queue 0). net_softdpu_deliver() puts packets into one given queue: the
 * end of a pipe's RSS forward. mbufs are handed over, never copied.
 *
 * Offloads towards the program: it sees what a NIC would give, so partial checksums are finished
 * and super-packets cut on delivery. From the program: IPv4 checksums are filled at transmit, TCP
 * and UDP checksums and TSO stay partial in the room port's sense (port/port.h).
 *
 * Threads: ethdev control operations from one thread at a time (DPDK's rule). net_softdpu_port's
 * receive side: one thread. Its transmit side and net_softdpu_deliver: any number of threads. A
 * sleeping worker is woken by the port's descriptor (port_set does it).
 *
 * Limits: NET_SOFTDPU_QUEUES queues per direction. No DPDK multi-process (a secondary is refused
 * with a sentence). The card is one per process.
 */
#ifndef NET_SOFTDPU_H
#define NET_SOFTDPU_H

#include <stdbool.h>
#include <stdint.h>

#include "card/card.h"
#include "port/port.h"

struct rte_flow_ops;
struct net_softdpu_dev;

#define NET_SOFTDPU_QUEUES 128
/* Id of the switch's port for a program's device: the card port's index above this. */
#define NET_SOFTDPU_PORT_BASE 2048

/*
 * Make the card's functions visible to DPDK. card NULL: card_open(), kept for the life of the
 * process; else borrowed for it. 0; -EBUSY: the process has another card already; or what making
 * the directory says.
 */
int net_softdpu_setup(const struct card *card);
/* The card, NULL before setup. Borrowed. */
const struct card *net_softdpu_card(void);

struct net_softdpu_ops {
	/* The device has its queues; net_softdpu_port(dev) is there. An error fails the start. */
	int (*started)(void *arg, struct net_softdpu_dev *dev);
	/* Nobody may touch the port or deliver after this returns. */
	void (*stopping)(void *arg, struct net_softdpu_dev *dev);
	/* Inline mode: run the switch; called in each receive burst before the queue is read. NULL:
	 * somebody else's threads run it. */
	void (*poll)(void *arg, struct net_softdpu_dev *dev, unsigned queue);
	/* What rte_flow calls. NULL, or returning NULL: flow isolation only, rules are refused. */
	const struct rte_flow_ops *(*flow_ops)(void *arg, struct net_softdpu_dev *dev);
	/* Link of the wire behind the device; NULL: up while started. */
	bool (*link_up)(void *arg, struct net_softdpu_dev *dev);
};

/* One listener; before devices start. NULL ops: none (the port is there all the same). */
void net_softdpu_listen(const struct net_softdpu_ops *ops, void *arg);

/* ---- devices ---- */

/* Devices there are, in order of probe; NULL starts. Control thread. */
struct net_softdpu_dev *net_softdpu_next(const struct net_softdpu_dev *after);
/* NULL: that ethdev is not ours, or there is none. */
struct net_softdpu_dev *net_softdpu_by_ethdev(uint16_t ethdev);
struct net_softdpu_dev *net_softdpu_by_port(const struct card_port *port);

uint16_t net_softdpu_ethdev(const struct net_softdpu_dev *dev);
const struct card_port *net_softdpu_card_port(const struct net_softdpu_dev *dev);
bool net_softdpu_is_representor(const struct net_softdpu_dev *dev);
/* rte_flow_isolate() was asked: the program wants only what its rules deliver. */
bool net_softdpu_isolated(const struct net_softdpu_dev *dev);
/* Devices of one card function share it. */
uint16_t net_softdpu_switch_domain(const struct net_softdpu_dev *dev);
uint16_t net_softdpu_rx_queues(const struct net_softdpu_dev *dev);

/* The switch's side; NULL unless started. Borrowed, valid until `stopping` returns. */
struct port *net_softdpu_port(struct net_softdpu_dev *dev);

/* Packets into one receive queue. Takes a prefix and returns its length; the rest stays the
 * caller's (the queue is full, not there, or a hairpin queue). */
uint16_t net_softdpu_deliver(
	struct net_softdpu_dev *dev, unsigned queue, struct rte_mbuf **pkts, uint16_t n);

/* Give back what the program has not received and what it sent but the switch has not taken. The switch's side is out. */
void net_softdpu_drain(struct net_softdpu_dev *dev);

/* Is this receive queue one end of a hairpin? Then packets forwarded to it leave by *peer. */
bool net_softdpu_hairpin(const struct net_softdpu_dev *dev, unsigned queue, uint16_t *peer_ethdev);

#endif
