/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tap: a virtual function whose far end is an interface in somebody's network namespace. One
 * readv per packet, one writev per packet or run of TCP segments (merge.c), super-packets and
 * partial checksums as the kernel leaves them (IFF_VNET_HDR), frames straight into and out of mbuf
 * chains.
 *
 * The interface is made under a throw-away name in our namespace and then, with one message,
 * moved, named, addressed and brought up. It lives as long as our descriptor and its namespace.
 * (Made inside the namespace it would be there in 0.7 ms instead of 17, but our descriptor would
 * keep the namespace of a dead pod alive.)
 */
#include "port/port_int.h"

#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <rte_ether.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <unistd.h>

/* Linux 6.2 and later; Debian 12's headers are older than the kernels it may run on. */
#ifndef TUN_F_USO4
#define TUN_F_USO4 0x20
#define TUN_F_USO6 0x40
#endif

#define TAP_TX_SEGS 64 /* of one packet; more is linearised by nobody: refused and counted */

struct tap {
	unsigned n_fds;
	unsigned need; /* mbufs of a chain */
	bool gone;     /* the interface was removed under us (its namespace died) */
	char ifname[IFNAMSIZ];
	char netns[128];
	int fd[PORT_QUEUES_MAX];
};

/* ---- burst path ---- */

static uint16_t tap_rx(struct port *port, unsigned queue, struct rte_mbuf **pkts, uint16_t n)
{
	struct tap *tap = port->priv;
	struct port_counters *c = &port->rxq[queue];
	struct port_chain chain;
	uint16_t got = 0;

	port_chain_init(&chain, tap->need, true);
	while (got < n) {
		ssize_t len;

		if (port_chain_fill(&chain, port->pool) < 0) {
			c->nobuf++;
			break;
		}
		len = readv(tap->fd[queue], chain.iov, chain.need + 1);
		c->calls++;
		if (len < 0) {
			tap->gone |= errno == EBADFD;
			break;
		}
		if (len < (ssize_t)sizeof(chain.hdr) + RTE_ETHER_HDR_LEN) {
			c->errors++;
			continue;
		}
		pkts[got] = port_chain_take(&chain, len - sizeof(chain.hdr));
		if (port_vnet_to_mbuf(&chain.hdr, pkts[got], 0) == 0) {
			got++;
		} else {
			rte_pktmbuf_free(pkts[got]);
			c->errors++;
		}
	}
	port_chain_drop(&chain, port->pool);
	return got;
}

static ssize_t write_one(int fd, struct rte_mbuf *m)
{
	struct virtio_net_hdr hdr;
	struct iovec iov[TAP_TX_SEGS + 1];
	unsigned n = 0;

	if (m->nb_segs > TAP_TX_SEGS) {
		errno = EMSGSIZE;
		return -1;
	}
	port_vnet_from_mbuf(m, &hdr);
	iov[n++] = (struct iovec){&hdr, sizeof(hdr)};
	for (const struct rte_mbuf *seg = m; seg; seg = seg->next)
		iov[n++] = (struct iovec){rte_pktmbuf_mtod(seg, void *), seg->data_len};
	return writev(fd, iov, n);
}

/* True: stop here, the packet stays the caller's. */
static bool stops(struct tap *tap, struct port_counters *c, int err)
{
	switch (err) {
	case EIO: /* the interface is down */
		c->why = DROP_PORT_DOWN;
		return true;
	case EBADFD:
		tap->gone = true;
		c->why = DROP_PORT_DOWN;
		return true;
	case EAGAIN:
	case ENOBUFS:
	case ENOMEM:
		c->why = DROP_PORT_TX_FULL;
		return true;
	}
	return false;
}

/* As many packets as went (or failed) together, from the first. */
static ssize_t write_run(int fd, struct rte_mbuf **pkts, unsigned n, unsigned *run)
{
	struct port_merged merged;
	unsigned iovs;

	*run = port_merge_run(pkts, n);
	iovs = *run > 1 ? port_merge(&merged, pkts, *run) : 0;
	if (iovs > 0)
		return writev(fd, merged.iov, (int)iovs);
	*run = 1;
	return write_one(fd, pkts[0]);
}

static uint16_t tap_tx(struct port *port, unsigned queue, struct rte_mbuf **pkts, uint16_t n)
{
	struct tap *tap = port->priv;
	struct port_counters *c = &port->txq[queue];
	int fd = tap->fd[queue % tap->n_fds];
	unsigned done = 0, run;

	for (; done < n; done += run) {
		ssize_t len = write_run(fd, pkts + done, n - done, &run);

		c->calls++;
		if (len >= 0)
			rte_pktmbuf_free_bulk(pkts + done, run);
		else if (stops(tap, c, errno))
			break;
		else
			for (unsigned i = 0; i < run; i++)
				port_tx_refused(c, pkts[done + i]);
	}
	return (uint16_t)done;
}

/* ---- control path ---- */

static int flags_inside(void *arg)
{
	const struct ifreq *req = arg;
	struct port_link link;
	int err = port_link_get(req->ifr_name, 0, &link);

	return err < 0 ? err : (link.flags & IFF_UP) != 0;
}

/* Asks the namespace the interface is in now, under the name it has now: pods rename. */
static bool tap_link_up(struct port *port)
{
	struct tap *tap = port->priv;
	struct ifreq req = {0};
	int nsfd, up = 0;

	if (ioctl(tap->fd[0], TUNGETIFF, &req) < 0) {
		tap->gone = true;
		return false;
	}
	nsfd = ioctl(tap->fd[0], TUNGETDEVNETNS);
	if (nsfd < 0)
		return false;
	up = port_netns_run(nsfd, flags_inside, &req);
	close(nsfd);
	return up > 0;
}

static void tap_describe(const struct port *port, char *buf, size_t size)
{
	const struct tap *tap = port->priv;

	snprintf(buf, size, "%s%s%s%s", tap->netns, tap->netns[0] ? "/" : "", tap->ifname,
		tap->gone ? " (removed with its namespace)" : "");
}

static void tap_close(struct port *port)
{
	struct tap *tap = port->priv;

	for (unsigned q = 0; q < tap->n_fds; q++)
		close(tap->fd[q]);
	free(tap);
}

static const struct port_ops tap_ops = {
	.rx = tap_rx,
	.tx = tap_tx,
	.link_up = tap_link_up,
	.describe = tap_describe,
	.close = tap_close,
};

static int set_offloads(struct port *port, int fd)
{
	unsigned long offloads = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6;

	if (ioctl(fd, TUNSETOFFLOAD, offloads | TUN_F_USO4 | TUN_F_USO6) == 0)
		port->caps |= PORT_CAP_TX_USO;
	else if (ioctl(fd, TUNSETOFFLOAD, offloads) < 0)
		return refuse(errno, "/dev/net/tun: segmentation offload: %s", strerror(errno));
	return 0;
}

static int refuse_tun(int err, const char *what)
{
	if (err == EPERM || err == EACCES)
		return refuse(err, "%s: %s; a tap port needs CAP_NET_ADMIN", what, strerror(err));
	if (err == ENOENT)
		return refuse(err, "%s does not exist; load the kernel's tun module", what);
	return refuse(err, "%s: %s", what, strerror(err));
}

/* One descriptor of the device called req->ifr_name; "%d" makes the device. */
static int open_queue(struct port *port, struct tap *tap, struct ifreq *req)
{
	int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC), hdr_size;

	if (fd < 0)
		return refuse_tun(errno, "/dev/net/tun");
	tap->fd[tap->n_fds++] = fd;
	if (ioctl(fd, TUNSETIFF, req) < 0)
		return refuse_tun(errno, "making a tap interface");
	hdr_size = sizeof(struct virtio_net_hdr);
	if (ioctl(fd, TUNSETVNETHDRSZ, &hdr_size) < 0)
		return refuse_tun(errno, "/dev/net/tun: virtio header");
	return set_offloads(port, fd);
}

static int open_queues(struct port *port, struct tap *tap, unsigned queues)
{
	struct ifreq req = {.ifr_name = "softdpu%d"};
	int err = 0;

	req.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | (queues > 1 ? IFF_MULTI_QUEUE : 0);
	for (unsigned q = 0; q < queues && err == 0; q++)
		err = open_queue(port, tap, &req);
	if (err == 0)
		snprintf(tap->ifname, sizeof(tap->ifname), "%s", req.ifr_name);
	return err;
}

static void choose_mac(struct port *port)
{
	static const uint8_t none[6];

	if (memcmp(port->mac, none, 6) != 0)
		return;
	if (getrandom(port->mac, 6, 0) != 6)
		port->mac[5] = (uint8_t)getpid();
	port->mac[0] = (port->mac[0] & 0xfe) | 0x02;
}

static int place(struct port *port, struct tap *tap, const struct card_attach *attach)
{
	const char *ns = attach->netns ? attach->netns : "(own)";
	int nsfd = -1, index = (int)if_nametoindex(tap->ifname), err;

	if (index == 0)
		return refuse(errno, "tap interface %s vanished: %s", tap->ifname, strerror(errno));
	if (attach->netns && (nsfd = port_netns_open(attach->netns)) < 0)
		return nsfd;
	err = port_link_place(index, nsfd, attach->ifname, port->mac, port->mtu);
	if (nsfd >= 0)
		close(nsfd);
	if (err == -EEXIST)
		return refuse(EEXIST,
			"interface '%s' exists already in namespace '%s'; remove it or name "
			"another",
			attach->ifname, ns);
	if (err < 0)
		return refuse(-err, "placing interface '%s' (mtu %u) in namespace '%s': %s",
			attach->ifname, port->mtu, ns, strerror(-err));
	snprintf(tap->ifname, sizeof(tap->ifname), "%s", attach->ifname);
	snprintf(tap->netns, sizeof(tap->netns), "%s", attach->netns ? attach->netns : "");
	return 0;
}

int port_tap_open(struct port *port, const struct card_attach *attach)
{
	struct tap *tap;
	int err;

	if (!attach->ifname || strlen(attach->ifname) >= IFNAMSIZ)
		return refuse(
			EINVAL, "a tap needs an interface name of 1 to %d bytes", IFNAMSIZ - 1);
	if (port_chain_need(port->pool) == 0)
		return refuse(EINVAL,
			"mbufs of pool %s are too small: %d of them do not hold 64 KiB",
			port->pool->name, PORT_CHAIN_MAX);
	tap = calloc(1, sizeof(*tap));
	if (!tap)
		return refuse(ENOMEM, "no memory for a tap");
	tap->need = port_chain_need(port->pool);
	port->priv = tap;
	port->ops = &tap_ops;
	port->kind = PORT_TAP;
	port->rx_queues = MIN_OF(MAX_OF(attach->queues, 1), port->rx_queues);
	port->caps = PORT_CAP_TX_L4_CSUM | PORT_CAP_TX_TSO4 | PORT_CAP_TX_TSO6 |
		     PORT_CAP_TX_CHAINS | PORT_CAP_TX_INDIRECT | PORT_CAP_RX_PARTIAL |
		     PORT_CAP_TX_SYNC;
	port->max_tso = 65535;
	choose_mac(port);
	err = open_queues(port, tap, port->rx_queues);
	if (err == 0)
		err = place(port, tap, attach);
	if (err < 0) {
		tap_close(port);
		return err;
	}
	memcpy(port->fd, tap->fd, tap->n_fds * sizeof(int));
	return 0;
}
