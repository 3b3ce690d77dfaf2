/* SPDX-License-Identifier: BSD-3-Clause */
/* Insides of the driver: what its files share. */
#ifndef NET_SOFTDPU_INT_H
#define NET_SOFTDPU_INT_H

#include <stdatomic.h>

#include <rte_ring.h>

#include "abi.h"
#include "net_softdpu.h"

#include "base/base.h"
#include "base/refuse.h"

/* Not registered with the PCI-SIG: these devices exist in this process only. */
#define SOFTDPU_PCI_VENDOR 0x5d70
#define SOFTDPU_PCI_DEVICE 0x0001

struct hairpin {
	bool on;
	uint16_t peer_port, peer_queue;
};

/* One per ethdev queue and direction. The ring's other end is the switch. */
struct queue {
	struct net_softdpu_dev *dev;
	uint16_t index;
	struct rte_ring *ring; /* NULL: hairpin */
	struct rte_mempool *pool;
	struct hairpin hairpin;
	struct queue *next; /* none: freed by the ethdev layer */
	/* written by the program's poller */
	uint64_t packets, bytes;
	/* written by whoever delivers */
	_Atomic uint64_t missed;
} __attribute__((aligned(64)));

/* dev_private of an ethdev; rte_malloc'ed. */
struct net_softdpu_dev {
	struct rte_eth_dev *eth;
	const struct card_port *card_port;
	uint16_t ethdev;
	uint16_t domain;
	bool representor;
	bool started, link_down, isolated;
	uint32_t next_txq; /* where the switch's round robin goes on */
	struct port *port; /* from start to stop */
	int efd;           /* the switch sleeps on it */
	_Atomic bool armed;
	struct net_softdpu_dev *next;
	struct queue *rxq[NET_SOFTDPU_QUEUES], *txq[NET_SOFTDPU_QUEUES];
	uint16_t n_rxq, n_txq;  /* at start */
	uint64_t stamp_flag;    /* RTE_ETH_RX_OFFLOAD_TIMESTAMP: the mbuf flag; 0 = no timestamps */
	int stamp_offset;       /* of the dynamic field */
	uint64_t stats_base[5]; /* ipackets, opackets, ibytes, obytes, imissed at the last reset */
};

/* The listener; never NULL pointers inside `net_ops` calls: check the member. */
extern struct net_softdpu_ops softdpu_ops;
extern void *softdpu_arg;

extern const struct eth_dev_ops softdpu_eth_ops; /* eth.c */

/* queue.c */
int softdpu_rx_queue_setup(struct rte_eth_dev *eth, uint16_t q, uint16_t n_desc, unsigned numa,
	const struct rte_eth_rxconf *conf, struct rte_mempool *pool);
int softdpu_tx_queue_setup(struct rte_eth_dev *eth, uint16_t q, uint16_t n_desc, unsigned numa,
	const struct rte_eth_txconf *conf);
void softdpu_rx_queue_release(struct rte_eth_dev *eth, uint16_t q);
void softdpu_tx_queue_release(struct rte_eth_dev *eth, uint16_t q);
struct queue *softdpu_queue_create(struct net_softdpu_dev *dev, uint16_t index, unsigned depth);
uint16_t softdpu_rx_burst(void *rxq, struct rte_mbuf **pkts, uint16_t n);
uint16_t softdpu_tx_burst(void *txq, struct rte_mbuf **pkts, uint16_t n);
/* The switch's port over the device's queues. */
int softdpu_port_create(struct net_softdpu_dev *dev);
void softdpu_port_destroy(struct net_softdpu_dev *dev);

/* hairpin.c */
int softdpu_hairpin_cap_get(struct rte_eth_dev *eth, struct rte_eth_hairpin_cap *cap);
int softdpu_rx_hairpin_setup(struct rte_eth_dev *eth, uint16_t q, uint16_t n_desc,
	const struct rte_eth_hairpin_conf *conf);
int softdpu_tx_hairpin_setup(struct rte_eth_dev *eth, uint16_t q, uint16_t n_desc,
	const struct rte_eth_hairpin_conf *conf);
int softdpu_hairpin_bind(struct rte_eth_dev *eth, uint16_t rx_port);
int softdpu_hairpin_unbind(struct rte_eth_dev *eth, uint16_t rx_port);
int softdpu_hairpin_peers(struct rte_eth_dev *eth, uint16_t *peers, size_t len, uint32_t direction);

/* probe.c */
void softdpu_forget(struct net_softdpu_dev *dev);
int softdpu_representor_info(struct rte_eth_dev *eth, struct rte_eth_representor_info *info);

/* The smaller one; a limit of 0 is none. */
static inline uint16_t softdpu_within(uint64_t limit, uint16_t ours)
{
	return limit && limit < ours ? limit : ours;
}

static inline struct net_softdpu_dev *softdpu_dev(const struct rte_eth_dev *eth)
{
	return eth->data->dev_private;
}

#endif
