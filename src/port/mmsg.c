/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * mmsg: a burst per system call on datagram-like sockets (AF_PACKET, UNIX), straight from and into
 * mbuf chains. Receive slots keep their chains filled between calls: up to PORT_MMSG_SLOTS chains
 * of mbufs per queue are the price, and a burst pays only for what it used.
 */
#include "port/port_int.h"

#include <arpa/inet.h>
#include <assert.h>
#include <linux/if_packet.h>
#include <rte_ether.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define TX_IOVS (PORT_MMSG_SLOTS * (PORT_CHAIN_MAX + 1))

struct port_mmsg {
	struct rte_mempool *pool;
	unsigned slots;
	bool vnet, auxdata;
	struct port_chain slot[PORT_MMSG_SLOTS];
	struct mmsghdr rx[PORT_MMSG_SLOTS];
	char control[PORT_MMSG_SLOTS][CMSG_SPACE(sizeof(struct tpacket_auxdata))];
	struct mmsghdr tx[PORT_MMSG_SLOTS];
	struct virtio_net_hdr tx_hdr[PORT_MMSG_SLOTS];
	struct iovec tx_iov[TX_IOVS];
};

struct port_mmsg *port_mmsg_create(
	struct rte_mempool *pool, unsigned slots, bool vnet, bool auxdata)
{
	unsigned need = port_chain_need(pool);
	struct port_mmsg *q;

	if (need == 0) {
		refuse(EINVAL, "mbufs of pool %s are too small: %d of them do not hold 64 KiB",
			pool->name, PORT_CHAIN_MAX);
		return NULL;
	}
	q = calloc(1, sizeof(*q));
	if (!q) {
		refuse(ENOMEM, "no memory for a socket queue");
		return NULL;
	}
	assert(slots <= PORT_MMSG_SLOTS);
	q->pool = pool;
	q->slots = slots;
	q->vnet = vnet;
	q->auxdata = auxdata;
	for (unsigned i = 0; i < PORT_MMSG_SLOTS; i++) {
		struct port_chain *chain = &q->slot[i];

		port_chain_init(chain, need, vnet);
		q->rx[i].msg_hdr.msg_iov = chain->iov + !vnet;
		q->rx[i].msg_hdr.msg_iovlen = need + vnet;
	}
	return q;
}

void port_mmsg_send_to(struct port_mmsg *q, struct sockaddr *to, unsigned len)
{
	for (unsigned i = 0; i < PORT_MMSG_SLOTS; i++) {
		q->tx[i].msg_hdr.msg_name = to;
		q->tx[i].msg_hdr.msg_namelen = len;
	}
}

void port_mmsg_destroy(struct port_mmsg *q)
{
	if (!q)
		return;
	for (unsigned i = 0; i < PORT_MMSG_SLOTS; i++)
		port_chain_drop(&q->slot[i], q->pool);
	free(q);
}

/* ---- receive ---- */

/* Slots ready to receive, from the first; at most n. */
static unsigned fill(struct port_mmsg *q, unsigned n)
{
	unsigned i;

	for (i = 0; i < n && port_chain_fill(&q->slot[i], q->pool) == 0; i++) {
		struct msghdr *msg = &q->rx[i].msg_hdr;

		msg->msg_control = q->auxdata ? q->control[i] : NULL;
		msg->msg_controllen = q->auxdata ? sizeof(q->control[i]) : 0;
		msg->msg_flags = 0;
	}
	return i;
}

/* The kernel takes the outermost VLAN tag out of the frame; put it back. Bytes added. */
static unsigned restore_vlan(struct msghdr *msg, struct rte_mbuf *m)
{
	const struct tpacket_auxdata *aux = NULL;
	struct rte_vlan_hdr *vlan;
	char *start;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c))
		if (c->cmsg_level == SOL_PACKET && c->cmsg_type == PACKET_AUXDATA)
			aux = (const struct tpacket_auxdata *)CMSG_DATA(c);
	if (!aux || !(aux->tp_status & TP_STATUS_VLAN_VALID))
		return 0;
	start = rte_pktmbuf_prepend(m, sizeof(*vlan));
	memmove(start, start + sizeof(*vlan), 2 * RTE_ETHER_ADDR_LEN);
	/* start + 12: TPID, TCI, then the frame's own type */
	vlan = (struct rte_vlan_hdr *)(start + 2 * RTE_ETHER_ADDR_LEN);
	vlan->vlan_tci = htons(aux->tp_status & TP_STATUS_VLAN_TPID_VALID ? aux->tp_vlan_tpid
									  : RTE_ETHER_TYPE_VLAN);
	vlan->eth_proto = htons(aux->tp_vlan_tci);
	return sizeof(*vlan);
}

static struct rte_mbuf *receive(struct port_mmsg *q, unsigned i)
{
	struct mmsghdr *msg = &q->rx[i];
	unsigned hdr = q->vnet ? sizeof(struct virtio_net_hdr) : 0, vlan;
	struct rte_mbuf *m;

	if ((msg->msg_hdr.msg_flags & MSG_TRUNC) || msg->msg_len < hdr + RTE_ETHER_HDR_LEN)
		return NULL;
	m = port_chain_take(&q->slot[i], msg->msg_len - hdr);
	vlan = q->auxdata ? restore_vlan(&msg->msg_hdr, m) : 0;
	if (q->vnet && port_vnet_to_mbuf(&q->slot[i].hdr, m, vlan) < 0) {
		rte_pktmbuf_free(m);
		return NULL;
	}
	return m;
}

/* One system call into at most n slots. `*last`: no reason to call again. */
static uint16_t receive_some(struct port_mmsg *q, int fd, struct port_counters *c,
	struct rte_mbuf **pkts, unsigned n, bool *last)
{
	unsigned ready = fill(q, MIN_OF(n, q->slots));
	uint16_t got = 0;
	int r;

	*last = ready == 0;
	if (ready == 0) {
		c->nobuf++;
		return 0;
	}
	r = recvmmsg(fd, q->rx, ready, MSG_DONTWAIT, NULL);
	c->calls++;
	*last = r < (int)ready;
	for (int i = 0; i < r; i++) {
		struct rte_mbuf *m = receive(q, i);

		if (m)
			pkts[got++] = m;
		else
			c->errors++;
	}
	return got;
}

uint16_t port_mmsg_rx(
	struct port_mmsg *q, int fd, struct port_counters *c, struct rte_mbuf **pkts, uint16_t n)
{
	uint16_t got = 0;
	bool last = false;

	while (got < n && !last)
		got += receive_some(q, fd, c, pkts + got, n - got, &last);
	return got;
}

/* ---- transmit ---- */

/* Messages for as many packets as fit; at least one unless it alone is too long (0). */
static unsigned prepare(struct port_mmsg *q, struct rte_mbuf **pkts, unsigned n)
{
	unsigned iovs = 0, i;

	for (i = 0; i < n && i < PORT_MMSG_SLOTS; i++) {
		struct iovec *iov = &q->tx_iov[iovs];

		if (iovs + pkts[i]->nb_segs + 1u > TX_IOVS)
			break;
		q->tx[i].msg_hdr.msg_iov = iov;
		if (q->vnet) {
			port_vnet_from_mbuf(pkts[i], &q->tx_hdr[i]);
			*iov++ = (struct iovec){&q->tx_hdr[i], sizeof(q->tx_hdr[i])};
		}
		for (const struct rte_mbuf *seg = pkts[i]; seg; seg = seg->next)
			*iov++ = (struct iovec){rte_pktmbuf_mtod(seg, void *), seg->data_len};
		q->tx[i].msg_hdr.msg_iovlen = iov - q->tx[i].msg_hdr.msg_iov;
		iovs = iov - q->tx_iov;
	}
	return i;
}

static bool stops(struct port_counters *c, int err)
{
	switch (err) {
	case EAGAIN:
	case ENOBUFS:
	case ENOMEM:
	case EINTR:
		c->why = DROP_PORT_TX_FULL;
		return true;
	case ENETDOWN:
	case ENXIO:
	case ENODEV:
	case ENOENT: /* a UNIX peer that is not there, or not any more */
	case ENOTCONN:
	case ECONNREFUSED:
	case ECONNRESET:
	case EPIPE:
		c->why = DROP_PORT_DOWN;
		return true;
	}
	return false;
}

uint16_t port_mmsg_tx(
	struct port_mmsg *q, int fd, struct port_counters *c, struct rte_mbuf **pkts, uint16_t n)
{
	uint16_t done = 0;

	while (done < n) {
		unsigned batch = prepare(q, pkts + done, n - done);
		int sent = batch ? sendmmsg(fd, q->tx, batch, MSG_DONTWAIT) : -1;

		if (batch == 0)
			errno = EMSGSIZE;
		c->calls++;
		if (sent < 0 && stops(c, errno))
			break;
		if (sent < 0)
			port_tx_refused(c, pkts[done++]);
		for (; sent > 0; sent--)
			rte_pktmbuf_free(pkts[done++]);
	}
	return done;
}
