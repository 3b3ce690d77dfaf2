/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * queue: rings between the program's queues and the switch, and the struct port the switch has of
 * a device. What is done to a packet on its way is at the bottom: the program is given what a NIC
 * would give, the switch what room port promises.
 */
#include "net_softdpu_int.h"

#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <rte_ip.h>
#include <rte_malloc.h>
#include <rte_mbuf_dyn.h>
#include <rte_tcp.h>

#include "base/clock.h"
#include "packet/csum.h"
#include "packet/segment.h"

/* ---- program to switch ---- */

/* What room port wants: IPv4 checksums filled; the pseudo-header sum of TSO with the length, which
 * DPDK leaves out (rte_ethdev: TCP_SEG) and the kernel counts in. */
static void from_program(struct rte_mbuf *m)
{
	struct rte_ipv4_hdr *ip = rte_pktmbuf_mtod_offset(m, struct rte_ipv4_hdr *, m->l2_len);
	struct rte_tcp_hdr *tcp;

	if (m->ol_flags & RTE_MBUF_F_TX_IP_CKSUM) {
		ip->hdr_checksum = 0;
		ip->hdr_checksum = rte_ipv4_cksum(ip);
		m->ol_flags &= ~RTE_MBUF_F_TX_IP_CKSUM;
	}
	if (m->ol_flags & RTE_MBUF_F_TX_TCP_SEG) {
		m->ol_flags |= RTE_MBUF_F_TX_TCP_CKSUM;
		tcp = (struct rte_tcp_hdr *)((char *)ip + m->l3_len);
		tcp->cksum = m->ol_flags & RTE_MBUF_F_TX_IPV6
				     ? rte_ipv6_phdr_cksum((const struct rte_ipv6_hdr *)ip, 0)
				     : rte_ipv4_phdr_cksum(ip, 0);
	}
}

static void wake(struct net_softdpu_dev *dev)
{
	atomic_thread_fence(memory_order_seq_cst); /* the ring, then the flag: see arm() */
	if (unlikely(atomic_load_explicit(&dev->armed, memory_order_relaxed)) &&
		atomic_exchange(&dev->armed, false))
		eventfd_write(dev->efd, 1);
}

uint16_t softdpu_tx_burst(void *txq, struct rte_mbuf **pkts, uint16_t n)
{
	struct queue *q = txq;
	uint64_t bytes = 0;
	uint16_t room, sent;

	/* packets are changed before they are enqueued, so enqueue all that are changed */
	room = RTE_MIN(n, rte_ring_free_count(q->ring));
	for (uint16_t i = 0; i < room; i++) {
		if (pkts[i]->ol_flags & (RTE_MBUF_F_TX_IP_CKSUM | RTE_MBUF_F_TX_TCP_SEG))
			from_program(pkts[i]);
		bytes += pkts[i]->pkt_len;
	}
	sent = rte_ring_sp_enqueue_burst(q->ring, (void **)pkts, room, NULL);
	q->packets += sent;
	q->bytes += bytes;
	if (sent > 0)
		wake(q->dev);
	return sent;
}

static uint16_t port_side_rx(struct port *port, unsigned queue, struct rte_mbuf **pkts, uint16_t n)
{
	struct net_softdpu_dev *dev = port->priv;
	uint16_t got = 0;

	for (unsigned i = 0; i < dev->n_txq && got < n; i++) {
		struct queue *q = dev->txq[dev->next_txq];

		if (q->ring)
			got += rte_ring_sc_dequeue_burst(
				q->ring, (void **)(pkts + got), n - got, NULL);
		if (got < n && ++dev->next_txq == dev->n_txq)
			dev->next_txq = 0;
	}
	return got;
}

static bool anything(const struct net_softdpu_dev *dev)
{
	for (unsigned i = 0; i < dev->n_txq; i++)
		if (dev->txq[i]->ring && !rte_ring_empty(dev->txq[i]->ring))
			return true;
	return false;
}

static bool arm(struct port *port, unsigned queue)
{
	struct net_softdpu_dev *dev = port->priv;

	atomic_store_explicit(&dev->armed, true, memory_order_relaxed);
	atomic_thread_fence(memory_order_seq_cst); /* the flag, then the rings: see wake() */
	if (!anything(dev))
		return false;
	atomic_store(&dev->armed, false);
	return true;
}

/* ---- switch to program ---- */

uint16_t softdpu_rx_burst(void *rxq, struct rte_mbuf **pkts, uint16_t n)
{
	struct queue *q = rxq;
	uint16_t got;

	if (softdpu_ops.poll)
		softdpu_ops.poll(softdpu_arg, q->dev, q->index);
	got = rte_ring_sc_dequeue_burst(q->ring, (void **)pkts, n, NULL);
	q->packets += got;
	for (uint16_t i = 0; i < got; i++) {
		q->bytes += pkts[i]->pkt_len;
		pkts[i]->port = q->dev->ethdev;
	}
	return got;
}

/* When the card had it, in nanoseconds of the real-time clock, as a card with that clock writes it. */
static void stamp(const struct net_softdpu_dev *dev, struct rte_mbuf **pkts, uint16_t n)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	for (uint16_t i = 0; i < n; i++) {
		*RTE_MBUF_DYNFIELD(pkts[i], dev->stamp_offset, rte_mbuf_timestamp_t *) =
			(uint64_t)now.tv_sec * NS_PER_SEC + (uint64_t)now.tv_nsec;
		pkts[i]->ol_flags |= dev->stamp_flag;
	}
}

static uint16_t put(struct queue *q, struct rte_mbuf **pkts, uint16_t n)
{
	if (unlikely(q->dev->stamp_flag))
		stamp(q->dev, pkts, n);
	return rte_ring_mp_enqueue_burst(q->ring, (void **)pkts, n, NULL);
}

/* The pieces of a super-packet. True: all are in the queue and m is gone. */
static bool put_super(struct queue *q, struct rte_mbuf *m, const struct pkt_parse *p)
{
	struct rte_mbuf *piece[128];
	struct pkt_segments s;
	int n = pkt_segment_start(&s, m, p), made = 0;

	if (n < 1 || n > (int)ARRAY_SIZE(piece))
		return false;
	while (made < n && (piece[made] = pkt_segment_next(&s, q->pool)))
		made++;
	if (made == n &&
		rte_ring_mp_enqueue_bulk(q->ring, (void **)piece, n, NULL) == (unsigned)n) {
		rte_pktmbuf_free(m);
		return true;
	}
	rte_pktmbuf_free_bulk(piece, made);
	return false;
}

/* One packet that still has something to be done. */
static bool put_partial(struct queue *q, struct rte_mbuf *m)
{
	struct pkt_parse p;

	if (pkt_parse(m, &p) < 0)
		return put(q, &m, 1) == 1; /* not ours to judge */
	if (pkt_is_super(m))
		return put_super(q, m, &p);
	pkt_csum_finish(m, &p);
	return put(q, &m, 1) == 1;
}

static uint16_t deliver(struct queue *q, struct rte_mbuf **pkts, uint16_t n)
{
	uint16_t done = 0;

	while (done < n) {
		uint16_t plain = 0, taken;

		while (done + plain < n && !(pkts[done + plain]->ol_flags & PKT_PARTIAL_FLAGS))
			plain++;
		taken = plain ? put(q, pkts + done, plain) : put_partial(q, pkts[done]);
		done += taken;
		if (taken < RTE_MAX(plain, 1))
			break;
	}
	if (done < n)
		atomic_fetch_add_explicit(&q->missed, n - done, memory_order_relaxed);
	return done;
}

uint16_t net_softdpu_deliver(
	struct net_softdpu_dev *dev, unsigned queue, struct rte_mbuf **pkts, uint16_t n)
{
	if (unlikely(queue >= dev->n_rxq || !dev->rxq[queue]->ring))
		return 0;
	return deliver(dev->rxq[queue], pkts, n);
}

/* Without a queue chosen by a rule: by the hash the packet carries, else the first. */
static struct queue *choose(const struct net_softdpu_dev *dev, const struct rte_mbuf *m)
{
	uint32_t hash = m->ol_flags & RTE_MBUF_F_RX_RSS_HASH ? m->hash.rss : 0;
	struct queue *q = dev->rxq[hash % dev->n_rxq];

	return q->ring ? q : dev->rxq[0];
}

static uint16_t port_side_tx(struct port *port, unsigned queue, struct rte_mbuf **pkts, uint16_t n)
{
	struct net_softdpu_dev *dev = port->priv;
	uint16_t done = 0;

	while (done < n) {
		struct queue *q = choose(dev, pkts[done]);
		uint16_t run = 1, taken;

		while (done + run < n && choose(dev, pkts[done + run]) == q)
			run++;
		taken = q->ring ? deliver(q, pkts + done, run) : 0;
		done += taken;
		if (taken < run) {
			port->txq[queue].why = DROP_QUEUE_FULL;
			break;
		}
	}
	return done;
}

static void describe(const struct port *port, char *buf, size_t size)
{
	const struct net_softdpu_dev *dev = port->priv;

	snprintf(buf, size, "program's ethdev %u (%s), %u rx and %u tx queues", dev->ethdev,
		dev->eth->data->name, dev->n_rxq, dev->n_txq);
}

static const struct port_ops port_side_ops = {
	.rx = port_side_rx,
	.tx = port_side_tx,
	.arm = arm,
	.describe = describe,
};

int softdpu_port_create(struct net_softdpu_dev *dev)
{
	struct port_cfg cfg = {.name = dev->card_port->name,
		.mtu = dev->eth->data->mtu,
		.rx_queues = 1,
		.tx_queues = PORT_QUEUES_MAX,
		.pool = dev->rxq[0]->pool};
	int err;

	for (unsigned i = 1; i < dev->n_rxq && !cfg.pool; i++)
		cfg.pool = dev->rxq[i]->pool;
	cfg.id = NET_SOFTDPU_PORT_BASE + card_port_index(net_softdpu_card(), dev->card_port);
	memcpy(cfg.mac, dev->card_port->mac, sizeof(cfg.mac));
	if (dev->efd < 0)
		dev->efd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (dev->efd < 0)
		return refuse(errno, "eventfd: %s", strerror(errno));
	err = port_wrap(&cfg, &port_side_ops, dev, &dev->port);
	if (err < 0)
		return err;
	dev->port->fd[0] = dev->efd;
	dev->port->ethdev = dev->ethdev;
	dev->port->caps = PORT_CAP_TX_CHAINS | PORT_CAP_TX_INDIRECT | PORT_CAP_RX_PARTIAL | PORT_CAP_RX_METADATA;
	return 0;
}

static void drain(struct queue *q)
{
	struct rte_mbuf *m;

	while (q && q->ring && rte_ring_dequeue(q->ring, (void **)&m) == 0)
		rte_pktmbuf_free(m);
}

void net_softdpu_drain(struct net_softdpu_dev *dev)
{
	for (unsigned i = 0; i < dev->n_rxq; i++)
		drain(dev->rxq[i]);
	for (unsigned i = 0; i < dev->n_txq; i++)
		drain(dev->txq[i]);
}

void softdpu_port_destroy(struct net_softdpu_dev *dev)
{
	port_close(dev->port);
	dev->port = NULL;
	net_softdpu_drain(dev);
}

/* ---- set-up ---- */

struct queue *softdpu_queue_create(struct net_softdpu_dev *dev, uint16_t index, unsigned depth)
{
	struct queue *q = rte_zmalloc(NULL, sizeof(*q), RTE_CACHE_LINE_SIZE);
	unsigned size = rte_align32pow2(depth + 1);

	if (!q)
		return NULL;
	q->dev = dev;
	q->index = index;
	if (depth == 0)
		return q;
	q->ring = rte_zmalloc(NULL, rte_ring_get_memsize(size), RTE_CACHE_LINE_SIZE);
	if (!q->ring) {
		rte_free(q);
		return NULL;
	}
	rte_ring_init(q->ring, "net_softdpu", size, 0);
	return q;
}

static void destroy(struct queue **q)
{
	if (!*q)
		return;
	drain(*q);
	rte_free((*q)->ring);
	rte_free(*q);
	*q = NULL;
}

void softdpu_rx_queue_release(struct rte_eth_dev *eth, uint16_t q)
{
	destroy(&softdpu_dev(eth)->rxq[q]);
	eth->data->rx_queues[q] = NULL;
}

void softdpu_tx_queue_release(struct rte_eth_dev *eth, uint16_t q)
{
	destroy(&softdpu_dev(eth)->txq[q]);
	eth->data->tx_queues[q] = NULL;
}

int softdpu_rx_queue_setup(struct rte_eth_dev *eth, uint16_t q, uint16_t n_desc, unsigned numa,
	const struct rte_eth_rxconf *conf, struct rte_mempool *pool)
{
	struct net_softdpu_dev *dev = softdpu_dev(eth);

	destroy(&dev->rxq[q]);
	dev->rxq[q] = softdpu_queue_create(dev, q, n_desc);
	if (!dev->rxq[q])
		return -ENOMEM;
	dev->rxq[q]->pool = pool;
	eth->data->rx_queues[q] = dev->rxq[q];
	return 0;
}

int softdpu_tx_queue_setup(struct rte_eth_dev *eth, uint16_t q, uint16_t n_desc, unsigned numa,
	const struct rte_eth_txconf *conf)
{
	struct net_softdpu_dev *dev = softdpu_dev(eth);

	destroy(&dev->txq[q]);
	dev->txq[q] = softdpu_queue_create(dev, q, n_desc);
	if (!dev->txq[q])
		return -ENOMEM;
	eth->data->tx_queues[q] = dev->txq[q];
	return 0;
}
