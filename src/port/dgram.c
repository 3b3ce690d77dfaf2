/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * dgram: frames as UNIX datagrams, one each. The port for tests and users without privileges: any
 * program that can send a datagram is the far end. Frames larger than the socket buffer are refused
 * by the kernel and counted.
 */
#include "port/port_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define SOCKET_BYTES (4 << 20)
#define DGRAM_SLOTS 8 /* Linux queues 10 datagrams by default (net.unix.max_dgram_qlen) */

struct dgram {
	int fd;
	bool bound;
	struct sockaddr_un own, peer;
	struct port_mmsg *rx;
	struct port_mmsg *tx[PORT_QUEUES_MAX];
};

static uint16_t dgram_rx(struct port *port, unsigned queue, struct rte_mbuf **pkts, uint16_t n)
{
	struct dgram *d = port->priv;

	return port_mmsg_rx(d->rx, d->fd, &port->rxq[queue], pkts, n);
}

static uint16_t dgram_tx(struct port *port, unsigned queue, struct rte_mbuf **pkts, uint16_t n)
{
	struct dgram *d = port->priv;
	struct port_counters *c = &port->txq[queue];

	if (!d->peer.sun_path[0]) {
		c->why = DROP_PORT_DOWN;
		return 0;
	}
	return port_mmsg_tx(d->tx[queue], d->fd, c, pkts, n);
}

/* Is somebody bound to the peer's path? Asked with a socket of its own: ours stays unconnected, or
 * a peer that restarts could not reach us (a connected UNIX socket takes nothing from others). */
static bool dgram_link_up(struct port *port)
{
	const struct dgram *d = port->priv;
	int fd = d->peer.sun_path[0] ? socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0) : -1;
	bool up = fd >= 0 && connect(fd, (const struct sockaddr *)&d->peer, sizeof(d->peer)) == 0;

	if (fd >= 0)
		close(fd);
	return up;
}

static void dgram_describe(const struct port *port, char *buf, size_t size)
{
	const struct dgram *d = port->priv;

	snprintf(buf, size, "%s to %s", d->own.sun_path,
		d->peer.sun_path[0] ? d->peer.sun_path : "nobody");
}

static void dgram_close(struct port *port)
{
	struct dgram *d = port->priv;

	port_mmsg_destroy(d->rx);
	for (unsigned q = 0; q < PORT_QUEUES_MAX; q++)
		port_mmsg_destroy(d->tx[q]);
	if (d->fd >= 0)
		close(d->fd);
	if (d->bound)
		unlink(d->own.sun_path);
	free(d);
}

static const struct port_ops dgram_ops = {
	.rx = dgram_rx,
	.tx = dgram_tx,
	.link_up = dgram_link_up,
	.describe = dgram_describe,
	.close = dgram_close,
};

static int set_path(struct sockaddr_un *sun, const char *path)
{
	sun->sun_family = AF_UNIX;
	if (!path)
		return 0;
	if (!path[0] || strlen(path) >= sizeof(sun->sun_path))
		return refuse(EINVAL, "socket '%s': a path has 1 to %zu bytes", path,
			sizeof(sun->sun_path) - 1);
	strcpy(sun->sun_path, path);
	return 0;
}

/* A socket file that nobody listens to is a crash's leftover; a live one, or a file, is refused. */
static int remove_stale(const struct dgram *d)
{
	struct stat st;
	int fd, err;

	if (stat(d->own.sun_path, &st) < 0)
		return 0;
	if (!S_ISSOCK(st.st_mode))
		return refuse(EEXIST, "%s exists and is not a socket", d->own.sun_path);
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return refuse(errno, "UNIX socket: %s", strerror(errno));
	err = connect(fd, (const struct sockaddr *)&d->own, sizeof(d->own)) < 0 ? errno : 0;
	close(fd);
	if (err != ECONNREFUSED)
		return refuse(
			EADDRINUSE, "socket %s is in use by another process", d->own.sun_path);
	unlink(d->own.sun_path);
	return 0;
}

static int open_socket(struct dgram *d)
{
	int bytes = SOCKET_BYTES, err = remove_stale(d);

	if (err < 0)
		return err;
	d->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (d->fd < 0)
		return refuse(errno, "UNIX socket: %s", strerror(errno));
	setsockopt(d->fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
	if (bind(d->fd, (const struct sockaddr *)&d->own, sizeof(d->own)) < 0)
		return refuse(errno, "socket %s: %s", d->own.sun_path, strerror(errno));
	d->bound = true;
	return 0;
}

static int make_queues(struct port *port, struct dgram *d)
{
	if (!(d->rx = port_mmsg_create(port->pool, DGRAM_SLOTS, false, false)))
		return -ENOMEM;
	for (unsigned q = 0; q < port->tx_queues; q++) {
		if (!(d->tx[q] = port_mmsg_create(port->pool, 0, false, false)))
			return -ENOMEM;
		port_mmsg_send_to(d->tx[q], (struct sockaddr *)&d->peer, sizeof(d->peer));
	}
	return 0;
}

int port_dgram_open(struct port *port, const struct card_attach *attach)
{
	struct dgram *d = calloc(1, sizeof(*d));
	int err;

	if (!d)
		return refuse(ENOMEM, "no memory for a datagram port");
	d->fd = -1;
	port->priv = d;
	port->ops = &dgram_ops;
	port->kind = PORT_DGRAM;
	port->rx_queues = 1;
	port->caps = PORT_CAP_TX_CHAINS | PORT_CAP_TX_INDIRECT | PORT_CAP_TX_SYNC;
	if (!attach->path)
		err = refuse(EINVAL, "a datagram port needs a socket path");
	else
		err = set_path(&d->own, attach->path);
	if (err == 0)
		err = set_path(&d->peer, attach->peer);
	if (err == 0)
		err = make_queues(port, d);
	if (err == 0)
		err = open_socket(d);
	if (err < 0) {
		dgram_close(port);
		return err;
	}
	port->fd[0] = d->fd;
	return 0;
}
