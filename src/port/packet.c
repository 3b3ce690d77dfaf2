/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * packet: an interface that exists already (a veth of the underlay, a NIC without a DPDK driver),
 * through AF_PACKET with PACKET_VNET_HDR. Frames the host itself sends there are not seen
 * (PACKET_IGNORE_OUTGOING); frames for the host still reach it, so give the interface no address.
 *
 * recvmmsg and sendmmsg rather than TPACKET rings: a ring slot would have to hold a 64 KiB
 * super-packet, and a frame would be copied twice (into the ring, out of it).
 */
#include "port/port_int.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Debian 12's headers have all of these; a receive buffer for a burst of super-packets. */
#define SOCKET_BYTES (8 << 20)

struct packet {
	unsigned n_fds;
	int index;
	int nsfd;
	char ifname[IFNAMSIZ];
	char netns[128];
	int fd[PORT_QUEUES_MAX];
	struct port_mmsg *rx[PORT_QUEUES_MAX];
	struct port_mmsg *tx[PORT_QUEUES_MAX];
};

/* ---- burst path ---- */

static uint16_t packet_rx(struct port *port, unsigned queue, struct rte_mbuf **pkts, uint16_t n)
{
	struct packet *p = port->priv;

	return port_mmsg_rx(p->rx[queue], p->fd[queue], &port->rxq[queue], pkts, n);
}

static uint16_t packet_tx(struct port *port, unsigned queue, struct rte_mbuf **pkts, uint16_t n)
{
	struct packet *p = port->priv;

	return port_mmsg_tx(p->tx[queue], p->fd[queue % p->n_fds], &port->txq[queue], pkts, n);
}

/* ---- control path ---- */

static int flags_inside(void *arg)
{
	const struct packet *p = arg;
	struct port_link link;
	int err = port_link_get(NULL, p->index, &link);

	return err < 0 ? err : (link.flags & IFF_UP) && link.carrier;
}

static bool packet_link_up(struct port *port)
{
	struct packet *p = port->priv;

	return port_netns_run(p->nsfd, flags_inside, p) > 0;
}

static void packet_describe(const struct port *port, char *buf, size_t size)
{
	const struct packet *p = port->priv;

	snprintf(buf, size, "%s%s%s", p->netns, p->netns[0] ? "/" : "", p->ifname);
}

static void packet_close(struct port *port)
{
	struct packet *p = port->priv;

	for (unsigned q = 0; q < PORT_QUEUES_MAX; q++) {
		port_mmsg_destroy(p->rx[q]);
		port_mmsg_destroy(p->tx[q]);
	}
	for (unsigned q = 0; q < p->n_fds; q++)
		close(p->fd[q]);
	if (p->nsfd >= 0)
		close(p->nsfd);
	free(p);
}

static const struct port_ops packet_ops = {
	.rx = packet_rx,
	.tx = packet_tx,
	.link_up = packet_link_up,
	.describe = packet_describe,
	.close = packet_close,
};

static int set_options(const struct packet *p, int fd)
{
	struct packet_mreq promisc = {.mr_ifindex = p->index, .mr_type = PACKET_MR_PROMISC};
	int one = 1, bytes = SOCKET_BYTES;

	if (setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, &one, sizeof(one)) < 0 ||
		setsockopt(fd, SOL_PACKET, PACKET_AUXDATA, &one, sizeof(one)) < 0 ||
		setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof(one)) < 0 ||
		setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &promisc, sizeof(promisc)) < 0)
		return refuse(errno, "AF_PACKET socket on %s: %s", p->ifname, strerror(errno));
	/* larger buffers are welcome, not needed */
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)) < 0)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
	if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof(bytes)) < 0)
		setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
	return 0;
}

/* All queues of one port in one fanout group, a flow always to the same queue. */
static int join_fanout(const struct packet *p, int fd)
{
	int group = (p->fd[0] & 0xffff) | PACKET_FANOUT_HASH << 16;

	if (setsockopt(fd, SOL_PACKET, PACKET_FANOUT, &group, sizeof(group)) < 0)
		return refuse(errno, "AF_PACKET fanout on %s: %s", p->ifname, strerror(errno));
	return 0;
}

/* Protocol 0 until bound: nothing is received from other interfaces meanwhile. */
static int open_socket(struct packet *p, bool fanout)
{
	struct sockaddr_ll ll = {
		.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL), .sll_ifindex = p->index};
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), err;

	if (fd < 0)
		return refuse(errno, "AF_PACKET socket: %s%s", strerror(errno),
			errno == EPERM ? "; a packet port needs CAP_NET_RAW" : "");
	p->fd[p->n_fds++] = fd;
	err = set_options(p, fd);
	if (err < 0)
		return err;
	if (bind(fd, (struct sockaddr *)&ll, sizeof(ll)) < 0)
		return refuse(errno, "AF_PACKET socket on %s: %s", p->ifname, strerror(errno));
	return fanout ? join_fanout(p, fd) : 0;
}

struct opening {
	struct port *port;
	struct packet *p;
};

static int open_inside(void *arg)
{
	struct opening *o = arg;
	struct packet *p = o->p;
	struct port *port = o->port;
	struct port_link link;
	int err = port_link_get(p->ifname, 0, &link);

	if (err < 0)
		return refuse(err == -ENODEV ? ENOENT : -err,
			"interface '%s' does not exist in namespace "
			"'%s'",
			p->ifname, p->netns[0] ? p->netns : "(own)");
	p->index = link.index;
	port->mtu = link.mtu;
	memcpy(port->mac, link.mac, sizeof(port->mac));
	for (unsigned q = 0; q < port->rx_queues && err >= 0; q++)
		err = open_socket(p, port->rx_queues > 1);
	return err;
}

static int make_queues(struct port *port, struct packet *p)
{
	for (unsigned q = 0; q < port->rx_queues; q++)
		if (!(p->rx[q] = port_mmsg_create(port->pool, PORT_MMSG_SLOTS, true, true)))
			return -ENOMEM;
	for (unsigned q = 0; q < port->tx_queues; q++)
		if (!(p->tx[q] = port_mmsg_create(port->pool, 0, true, false)))
			return -ENOMEM;
	return 0;
}

int port_packet_open(struct port *port, const struct card_attach *attach)
{
	struct packet *p;
	struct opening o = {.port = port};
	int err;

	if (!attach->ifname || strlen(attach->ifname) >= IFNAMSIZ)
		return refuse(EINVAL, "a packet port needs an interface name of 1 to %d bytes",
			IFNAMSIZ - 1);
	o.p = p = calloc(1, sizeof(*p));
	if (!p)
		return refuse(ENOMEM, "no memory for a packet port");
	snprintf(p->ifname, sizeof(p->ifname), "%s", attach->ifname);
	snprintf(p->netns, sizeof(p->netns), "%s", attach->netns ? attach->netns : "");
	port->priv = p;
	port->ops = &packet_ops;
	port->kind = PORT_PACKET;
	port->rx_queues = MIN_OF(MAX_OF(attach->queues, 1), port->rx_queues);
	port->caps = PORT_CAP_TX_L4_CSUM | PORT_CAP_TX_TSO4 | PORT_CAP_TX_TSO6 | PORT_CAP_TX_USO |
		     PORT_CAP_TX_CHAINS | PORT_CAP_TX_INDIRECT | PORT_CAP_RX_PARTIAL |
		     PORT_CAP_TX_SYNC;
	port->max_tso = 65535;
	err = p->nsfd = port_netns_open(attach->netns);
	if (err >= 0)
		err = make_queues(port, p);
	if (err >= 0)
		err = port_netns_run(p->nsfd, open_inside, &o);
	if (err < 0) {
		packet_close(port);
		return err;
	}
	memcpy(port->fd, p->fd, p->n_fds * sizeof(int));
	return 0;
}
