/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ethdev: any DPDK device as a port: probed by devargs, configured with the offloads it offers,
 * removed on close. AF_XDP, vhost-user, memif and pcap attachments become devargs here.
 *
 * Devices with fewer transmit queues than there are workers share one under a spinlock. Received
 * packets have DPDK's headroom (128 bytes), not ours.
 */
#include "port/port_int.h"

#include <rte_alarm.h>
#include <rte_bus.h>
#include <rte_dev.h>
#include <rte_devargs.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_spinlock.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define RING_DEPTH 1024
#define POLL_US \
	1000 /* idle without receive interrupts: 0.4% of a core, up to 1 ms for the first frame */

#define TX_WANTED                                                                     \
	(RTE_ETH_TX_OFFLOAD_IPV4_CKSUM | RTE_ETH_TX_OFFLOAD_TCP_CKSUM |               \
		RTE_ETH_TX_OFFLOAD_UDP_CKSUM | RTE_ETH_TX_OFFLOAD_TCP_TSO |           \
		RTE_ETH_TX_OFFLOAD_MULTI_SEGS | RTE_ETH_TX_OFFLOAD_OUTER_IPV4_CKSUM | \
		RTE_ETH_TX_OFFLOAD_OUTER_UDP_CKSUM | RTE_ETH_TX_OFFLOAD_VXLAN_TNL_TSO)
#define RX_WANTED                                                       \
	(RTE_ETH_RX_OFFLOAD_IPV4_CKSUM | RTE_ETH_RX_OFFLOAD_TCP_CKSUM | \
		RTE_ETH_RX_OFFLOAD_UDP_CKSUM | RTE_ETH_RX_OFFLOAD_SCATTER)

struct txq {
	uint16_t queue; /* the device's */
	bool shared;
	rte_spinlock_t *lock;
};

struct ethdev {
	uint16_t id;
	bool probed; /* by us: remove it on close */
	bool started;
	bool interrupts;
	uint16_t n_tx;
	struct txq txq[PORT_QUEUES_MAX];
	rte_spinlock_t lock[PORT_QUEUES_MAX];
	char devargs[512];
};

/* ---- burst path ---- */

static bool is_partial(const struct rte_mbuf *m)
{
	return (m->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK) == RTE_MBUF_F_RX_L4_CKSUM_NONE ||
	       (m->ol_flags & RTE_MBUF_F_RX_LRO);
}

static uint16_t ethdev_rx(struct port *port, unsigned queue, struct rte_mbuf **pkts, uint16_t n)
{
	port->rxq[queue].calls++;
	n = rte_eth_rx_burst(port->ethdev, queue, pkts, n);
	for (uint16_t i = 0; i < n; i++)
		if (unlikely(is_partial(pkts[i])))
			port_vnet_from_rx(pkts[i]);
	return n;
}

/* Does a packet of the burst ask for anything? Then the driver has a say first. */
static bool any_offload(struct rte_mbuf **pkts, uint16_t n)
{
	uint64_t flags = 0;

	for (uint16_t i = 0; i < n; i++)
		flags |= pkts[i]->ol_flags;
	return flags & RTE_MBUF_F_TX_OFFLOAD_MASK;
}

static uint16_t send_some(struct port *port, struct txq *q, struct port_counters *c,
	struct rte_mbuf **pkts, uint16_t n)
{
	uint16_t ok = n;

	if (any_offload(pkts, n)) {
		ok = rte_eth_tx_prepare(port->ethdev, q->queue, pkts, n);
		if (ok == 0) {
			port_tx_refused(c, pkts[0]);
			return 1;
		}
	}
	c->calls++;
	return rte_eth_tx_burst(port->ethdev, q->queue, pkts, ok);
}

static enum drop_reason shortfall(const struct port *port)
{
	struct rte_eth_link link = {0};

	rte_eth_link_get_nowait(port->ethdev, &link);
	return link.link_status == RTE_ETH_LINK_UP ? DROP_PORT_TX_FULL : DROP_PORT_DOWN;
}

static uint16_t ethdev_tx(struct port *port, unsigned queue, struct rte_mbuf **pkts, uint16_t n)
{
	struct ethdev *dev = port->priv;
	struct txq *q = &dev->txq[queue];
	uint16_t sent = 0, now;

	if (q->shared)
		rte_spinlock_lock(q->lock);
	do {
		now = send_some(port, q, &port->txq[queue], pkts + sent, n - sent);
		sent += now;
	} while (now > 0 && sent < n);
	if (q->shared)
		rte_spinlock_unlock(q->lock);
	if (sent < n)
		port->txq[queue].why = shortfall(port);
	return sent;
}

static bool ethdev_arm(struct port *port, unsigned queue)
{
	if (rte_eth_dev_rx_intr_enable(port->ethdev, queue) < 0)
		return true;
	return rte_eth_rx_queue_count(port->ethdev, queue) > 0;
}

/* ---- control path ---- */

static bool ethdev_link_up(struct port *port)
{
	struct rte_eth_link link = {0};

	rte_eth_link_get_nowait(port->ethdev, &link);
	return link.link_status == RTE_ETH_LINK_UP;
}

static void ethdev_describe(const struct port *port, char *buf, size_t size)
{
	const struct ethdev *dev = port->priv;

	snprintf(buf, size, "%s", dev->devargs);
}

static void stop_and_close(const struct ethdev *dev)
{
	if (dev->started)
		rte_eth_dev_stop(dev->id);
	rte_eth_dev_close(dev->id);
}

struct closing {
	const struct ethdev *dev;
	sem_t done;
};

static void close_in_interrupt_thread(void *arg)
{
	struct closing *c = arg;

	stop_and_close(c->dev);
	sem_post(&c->done);
}

/* DPDK 22.11's memif tears its channel down on stop, and also in EAL's interrupt thread when the peer
 * hangs up: two peers closing at once free the same regions twice. One thread for both ends the race.
 * It also leaves its listener among the thread's sources, in EAL's memory: that memory must stay.
 */
static void close_memif(const struct ethdev *dev)
{
	struct closing c = {.dev = dev};

	port_eal_keep_memory();
	sem_init(&c.done, 0, 0);
	if (rte_eal_alarm_set(1, close_in_interrupt_thread, &c) < 0)
		stop_and_close(dev);
	else
		while (sem_wait(&c.done) < 0) /* a signal */
			;
	sem_destroy(&c.done);
}

static void ethdev_close(struct port *port)
{
	struct ethdev *dev = port->priv;
	struct rte_eth_dev_info info;

	if (dev->id != UINT16_MAX && rte_eth_dev_info_get(dev->id, &info) == 0) {
		if (strcmp(info.driver_name, "net_memif") == 0)
			close_memif(dev);
		else
			stop_and_close(dev);
		if (dev->probed && info.device)
			rte_dev_remove(info.device);
	}
	free(dev);
}

static const struct port_ops polled_ops = {
	.rx = ethdev_rx,
	.tx = ethdev_tx,
	.link_up = ethdev_link_up,
	.describe = ethdev_describe,
	.close = ethdev_close,
};

static const struct port_ops interrupt_ops = {
	.rx = ethdev_rx,
	.tx = ethdev_tx,
	.arm = ethdev_arm,
	.link_up = ethdev_link_up,
	.describe = ethdev_describe,
	.close = ethdev_close,
};

/* ---- devargs ---- */

/* A name no other vdev of this process has. */
static unsigned fresh(void)
{
	static _Atomic unsigned next;

	return atomic_fetch_add(&next, 1);
}

static int pcap_args(char *buf, size_t size, const struct card_attach *a)
{
	if (!a->path && !a->peer)
		return -1;
	return snprintf(buf, size, "net_pcap_sdpu%u%s%s%s%s", fresh(), a->path ? ",rx_pcap=" : "",
		a->path ? a->path : "", a->peer ? ",tx_pcap=" : "", a->peer ? a->peer : "");
}

static int make_devargs(char *buf, size_t size, const struct card_attach *a)
{
	unsigned queues = MAX_OF(a->queues, 1);
	int n = -1;

	if (a->kind == CARD_ATTACH_DPDK && a->devargs)
		n = snprintf(buf, size, "%s", a->devargs);
	else if (a->kind == CARD_ATTACH_XDP && a->ifname)
		n = snprintf(buf, size, "net_af_xdp_sdpu%u,iface=%s,queue_count=%u", fresh(),
			a->ifname, queues);
	else if (a->kind == CARD_ATTACH_VHOST_USER && a->path)
		n = snprintf(buf, size, "net_vhost_sdpu%u,iface=%s,queues=%u,client=%d,tso=1",
			fresh(), a->path, queues, !a->server);
	else if (a->kind == CARD_ATTACH_MEMIF && a->path)
		n = snprintf(buf, size, "net_memif_sdpu%u,role=%s,socket=%s,socket-abstract=no",
			fresh(), a->server ? "server" : "client", a->path);
	else if (a->kind == CARD_ATTACH_PCAP)
		n = pcap_args(buf, size, a);
	if (n < 0)
		return refuse(EINVAL, "a %s port needs %s", card_attach_name(a->kind),
			a->kind == CARD_ATTACH_XDP    ? "ifname"
			: a->kind == CARD_ATTACH_DPDK ? "devargs"
						      : "path");
	if (a->kind != CARD_ATTACH_DPDK && a->devargs && (size_t)n < size)
		n += snprintf(buf + n, size - n, ",%s", a->devargs);
	return (size_t)n < size
		       ? 0
		       : refuse(ENAMETOOLONG, "devargs are longer than %zu bytes", size - 1);
}

static uint16_t find_device(const char *name)
{
	struct rte_eth_dev_info info;
	uint16_t id;

	RTE_ETH_FOREACH_DEV(id)
	if (rte_eth_dev_info_get(id, &info) == 0 && info.device &&
		strcmp(rte_dev_name(info.device), name) == 0)
		return id;
	return UINT16_MAX;
}

static int probe(void *arg)
{
	struct ethdev *dev = arg;
	struct rte_devargs da = {0};
	int err = rte_devargs_parse(&da, dev->devargs);

	if (err < 0)
		return refuse(
			ENOTSUP, "no DPDK bus or driver takes the devargs '%s'", dev->devargs);
	if (find_device(da.name) != UINT16_MAX) {
		err = refuse(EEXIST, "DPDK device '%s' is in use already", da.name);
		goto free_args;
	}
	err = rte_dev_probe(dev->devargs);
	if (err < 0) {
		err = refuse(-err, "DPDK device '%s': probe failed: %s", dev->devargs,
			rte_strerror(-err));
		goto free_args;
	}
	dev->id = find_device(da.name);
	dev->probed = true;
	if (dev->id == UINT16_MAX)
		err = refuse(
			ENODEV, "DPDK device '%s' came up without a network port", dev->devargs);
free_args:
	rte_devargs_reset(&da);
	return err;
}

/* AF_XDP sockets belong to the namespace they are made in. */
static int probe_in(struct ethdev *dev, const struct card_attach *attach)
{
	int nsfd, err;

	if (!attach->netns)
		return probe(dev);
	nsfd = port_netns_open(attach->netns);
	if (nsfd < 0)
		return nsfd;
	err = port_netns_run(nsfd, probe, dev);
	close(nsfd);
	return err;
}

/* ---- configure ---- */

static void set_caps(struct port *port, uint64_t tx)
{
	const uint64_t l4 = RTE_ETH_TX_OFFLOAD_TCP_CKSUM | RTE_ETH_TX_OFFLOAD_UDP_CKSUM;
	const uint64_t tunnel =
		RTE_ETH_TX_OFFLOAD_VXLAN_TNL_TSO | RTE_ETH_TX_OFFLOAD_OUTER_IPV4_CKSUM;

	port->caps = PORT_CAP_TX_INDIRECT | PORT_CAP_RX_PARTIAL;
	if (tx & RTE_ETH_TX_OFFLOAD_MULTI_SEGS)
		port->caps |= PORT_CAP_TX_CHAINS;
	if (tx & RTE_ETH_TX_OFFLOAD_IPV4_CKSUM)
		port->caps |= PORT_CAP_TX_IP4_CSUM;
	if ((tx & l4) != l4)
		return;
	port->caps |= PORT_CAP_TX_L4_CSUM;
	if (!(tx & RTE_ETH_TX_OFFLOAD_TCP_TSO) || !(tx & RTE_ETH_TX_OFFLOAD_MULTI_SEGS))
		return;
	port->caps |= PORT_CAP_TX_TSO4 | PORT_CAP_TX_TSO6;
	port->max_tso = 65535;
	if ((tx & tunnel) == tunnel)
		port->caps |= PORT_CAP_TX_TUNNEL_CSUM | PORT_CAP_TX_TUNNEL_TSO;
}

static int dev_error(const struct ethdev *dev, const char *what, int err)
{
	return refuse(-err, "DPDK device '%s': %s: %s", dev->devargs, what, rte_strerror(-err));
}

static int configure(struct port *port, struct ethdev *dev, const struct card_attach *attach)
{
	struct rte_eth_conf conf = {0};
	struct rte_eth_dev_info info;
	int err = rte_eth_dev_info_get(dev->id, &info);

	if (err < 0)
		return dev_error(dev, "device info", err);
	port->rx_queues =
		MIN_OF(MIN_OF(MAX_OF(attach->queues, 1), port->rx_queues), info.max_rx_queues);
	dev->n_tx = MIN_OF(port->tx_queues, info.max_tx_queues);
	if (attach->kind == CARD_ATTACH_VHOST_USER || attach->kind == CARD_ATTACH_XDP)
		dev->n_tx = MIN_OF(dev->n_tx, MAX_OF(attach->queues, 1)); /* queue pairs */
	if (port->rx_queues == 0 || dev->n_tx == 0)
		return refuse(ENOTSUP, "DPDK device '%s' has no queues", dev->devargs);
	conf.txmode.offloads = info.tx_offload_capa & TX_WANTED;
	conf.rxmode.offloads = info.rx_offload_capa & RX_WANTED;
	conf.rxmode.mtu = MIN_OF(port->mtu, (uint32_t)info.max_mtu);
	set_caps(port, conf.txmode.offloads);
	err = rte_eth_dev_configure(dev->id, port->rx_queues, dev->n_tx, &conf);
	return err < 0 ? dev_error(dev, "configure", err) : 0;
}

static int set_up_queues(struct port *port, struct ethdev *dev)
{
	uint16_t n_rx = RING_DEPTH, n_tx = RING_DEPTH;
	int err = rte_eth_dev_adjust_nb_rx_tx_desc(dev->id, &n_rx, &n_tx), numa;

	if (err < 0)
		return dev_error(dev, "descriptors", err);
	numa = rte_eth_dev_socket_id(dev->id);
	for (uint16_t q = 0; q < port->rx_queues && err == 0; q++)
		err = rte_eth_rx_queue_setup(dev->id, q, n_rx, numa, NULL, port->pool);
	for (uint16_t q = 0; q < dev->n_tx && err == 0; q++)
		err = rte_eth_tx_queue_setup(dev->id, q, n_tx, numa, NULL);
	for (uint16_t q = 0; q < port->tx_queues; q++)
		dev->txq[q] = (struct txq){
			q % dev->n_tx, dev->n_tx < port->tx_queues, &dev->lock[q % dev->n_tx]};
	return err < 0 ? dev_error(dev, "queues", err) : 0;
}

/* Virtual devices have no interrupts worth asking for, and say so loudly when asked. */
static bool on_pci(const struct ethdev *dev)
{
	struct rte_eth_dev_info info;

	return rte_eth_dev_info_get(dev->id, &info) == 0 && info.device &&
	       strcmp(rte_bus_name(rte_dev_bus(info.device)), "pci") == 0;
}

/* Descriptors for receive interrupts where the driver has them. */
static void find_interrupts(struct port *port, struct ethdev *dev)
{
	dev->interrupts = on_pci(dev);
	for (uint16_t q = 0; q < port->rx_queues && dev->interrupts; q++) {
		port->fd[q] = rte_eth_dev_rx_intr_ctl_q_get_fd(dev->id, q);
		if (port->fd[q] < 0 || rte_eth_rx_queue_count(dev->id, q) < 0 ||
			rte_eth_dev_rx_intr_enable(dev->id, q) < 0)
			dev->interrupts = false;
	}
	if (dev->interrupts)
		return;
	for (uint16_t q = 0; q < port->rx_queues; q++)
		port->fd[q] = -1;
	port->poll_us = POLL_US;
}

static int start(struct port *port, struct ethdev *dev)
{
	struct rte_ether_addr mac;
	uint16_t mtu;
	int err = rte_eth_dev_start(dev->id);

	if (err < 0)
		return dev_error(dev, "start", err);
	dev->started = true;
	rte_eth_promiscuous_enable(
		dev->id); /* pcap and memif have no such thing; nothing is lost */
	if (rte_eth_macaddr_get(dev->id, &mac) == 0)
		memcpy(port->mac, &mac, sizeof(port->mac));
	if (rte_eth_dev_get_mtu(dev->id, &mtu) == 0)
		port->mtu = mtu;
	find_interrupts(port, dev);
	return 0;
}

int port_ethdev_open(struct port *port, const struct card_attach *attach)
{
	struct ethdev *dev = calloc(1, sizeof(*dev));
	int err;

	if (!dev)
		return refuse(ENOMEM, "no memory for a DPDK port");
	dev->id = UINT16_MAX;
	port->priv = dev;
	port->kind = PORT_ETHDEV;
	err = make_devargs(dev->devargs, sizeof(dev->devargs), attach);
	if (err == 0 && attach->kind == CARD_ATTACH_DPDK && !port_pool_known_to_dpdk(port->pool))
		err = refuse(ENOTSUP,
			"DPDK device '%s': the packet buffers were laid out without DPDK devices in the card; "
			"list it there and start again",
			dev->devargs);
	if (err == 0)
		err = probe_in(dev, attach);
	if (err == 0)
		err = configure(port, dev, attach);
	if (err == 0)
		err = set_up_queues(port, dev);
	if (err == 0)
		err = start(port, dev);
	if (err < 0) {
		ethdev_close(port);
		return err;
	}
	port->ethdev = dev->id;
	port->ops = dev->interrupts ? &interrupt_ops : &polled_ops;
	return 0;
}
