/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Room port: what a packet comes from and goes to.
 *
 * Model. A struct port is one attachment: an interface, a socket, a DPDK device, a memory ring. It
 * gives and takes bursts of rte_mbufs and says what it can finish by itself (caps). It never looks
 * past the Ethernet header, never segments, never drops by policy: what a port cannot take stays
 * with the caller, who accounts it.
 *
 *     struct port_cfg cfg = {.id = 3, .name = "pf0vf0", .mtu = 1450, .rx_queues = 1,
 *                            .tx_queues = workers, .pool = pool};
 *     if (port_open(&cfg, &card_port->attach, &port) < 0)
 *             log_err("%s", refusal());
 *     n = port_rx(port, 0, pkts, 32);
 *     ...
 *     sent = port_tx(port, worker, pkts, n);
 *     if (sent < n)
 *             drop(pkts + sent, n - sent, port_tx_why(port, worker));
 *     port_close(port);
 *
 * Bursts. port_rx returns 0..n packets, owned by the caller. Fewer than n means: drained, nothing
 * more now (a port that stopped for lack of mbufs says so by rx_nobuf and stays ready). port_tx
 * takes a prefix and returns its length; what it took it owns and frees, also what the other side
 * then refuses one by one (counted in tx_errors: DROP_PORT_TX_ERROR of the identity). The rest is
 * the caller's, with the reason in port_tx_why(): PORT_DOWN or PORT_TX_FULL.
 *
 * Offloads (board, DESIGN 5.9). Received packets whose checksum the sender left to the hardware
 * carry RTE_MBUF_F_TX_TCP_CKSUM or _UDP_CKSUM with RTE_MBUF_F_TX_IPV4/_IPV6 and a pseudo-header
 * sum in the field, and RTE_MBUF_F_RX_L4_CKSUM_NONE (right, but not in the data); super-packets
 * carry RTE_MBUF_F_TX_TCP_SEG or _UDP_SEG, tso_segsz, and are chains of up to PORT_CHAIN_MAX
 * segments. The flags speak of the innermost L4 header. Whoever transmits sets l2_len, l3_len,
 * l4_len (and outer_*) first: port_tx reads the offsets there. A flag without the matching
 * PORT_CAP_ is the caller's error (asserted): finish in software first.
 *
 * Kinds
 *   tap         our own TAP with IFF_VNET_HDR, moved into a namespace under the wanted name, MAC
 *               and MTU; disappears on close, and with the process
 *   packet      AF_PACKET with PACKET_VNET_HDR on an existing interface; keeps it promiscuous while
 *               open; VLAN tags are put back into the frame
 *   ethdev      any DPDK port: xdp, vhost_user, memif, pcap and dpdk attachments become one
 *   pair        two ports of one process joined by rings (port_pair_open, or attach to a name)
 *   mem         endless source (a mempool alloc and a copy of the headers per packet) and sink, for benches
 *   generator   mem with a rate and a count
 *   dgram       a UNIX datagram socket, one frame per datagram
 *   null
 *
 * Threads. A receive queue is polled by one thread at a time, a transmit queue likewise. Different
 * queues may be used at the same time; queues a kind does not really have are shared inside (TAP
 * and sockets: the kernel; rings: multi-producer; ethdev with fewer queues: a spinlock). open and
 * close are control path, one thread, no queue in use. Statistics may be read by anybody.
 *
 * Readiness. port->fd[queue] is a descriptor that becomes readable when there is something to
 * receive, or -1: that queue must be polled (at most port->poll_us apart when idle). A worker does
 * not look at these itself: struct port_set below does, with one epoll descriptor, so that 1,000
 * ports cost what the ready ones cost.
 *
 * What a thousand VFs cost (tests/unit/port/test_scale.c, 2.0 GHz, Linux 6.18): 0.9 KiB of this
 * process and about 90 KiB of kernel memory each; 17 ms to open and 18 ms to close one (the kernel
 * waits for RCU); all thousand idle 0.01% of a core; a frame from one of them is read in 5 to 10
 * us. A packet or dgram port holds PORT_MMSG_SLOTS (8) chains of mbufs per receive queue.
 *
 * Limits: PORT_QUEUES_MAX queues; frames up to PORT_FRAME_MAX bytes.
 */
#ifndef PORT_PORT_H
#define PORT_PORT_H

#include "base/drop.h"
#include "card/attach.h"

#include <rte_branch_prediction.h>
#include <rte_mbuf.h>

#include <stdbool.h>
#include <stdint.h>

#define PORT_NAME_MAX 32
#define PORT_QUEUES_MAX 16
#define PORT_BURST 64
#define PORT_HEADROOM 192 /* what our own kinds leave in front of a frame: room for tunnels */
#define PORT_CHAIN_MAX 40 /* segments of a received chain: 64 KiB in the smallest mbufs we make */
#define PORT_FRAME_MAX 65550 /* a 65,535-byte IP packet, Ethernet and one VLAN tag, rounded up */

/* What port_tx finishes by itself. The innermost-L4 ones apply to packets that are not tunnelled;
 * with a tunnel around them the TUNNEL ones are needed. */
#define PORT_CAP_TX_IP4_CSUM (1u << 0) /* outermost IPv4 header checksum */
#define PORT_CAP_TX_L4_CSUM (1u << 1)  /* TCP and UDP partial checksums, IPv4 and IPv6 */
#define PORT_CAP_TX_TSO4 (1u << 2)     /* RTE_MBUF_F_TX_TCP_SEG over IPv4 */
#define PORT_CAP_TX_TSO6 (1u << 3)
#define PORT_CAP_TX_USO (1u << 4) /* RTE_MBUF_F_TX_UDP_SEG */
#define PORT_CAP_TX_TUNNEL_CSUM \
	(1u << 5) /* inner partial checksum of a VXLAN, Geneve or GRE packet */
#define PORT_CAP_TX_TUNNEL_TSO \
	(1u << 6)                      /* segmentation of the inner TCP, outer headers repeated \
					*/
#define PORT_CAP_TX_CHAINS (1u << 7)   /* multi-segment mbufs; without it: linearise first */
#define PORT_CAP_TX_INDIRECT (1u << 8) /* clones, external buffers, refcnt > 1 */
#define PORT_CAP_RX_PARTIAL (1u << 9)  /* may deliver partial checksums and super-packets */
#define PORT_CAP_TX_SYNC (1u << 10)    /* a taken packet's mbuf is free again on return */
#define PORT_CAP_RX_METADATA (1u << 11) /* a program transmits here: rte_flow's dynamic metadata field counts */

enum port_kind {
	PORT_NULL,
	PORT_TAP,
	PORT_PACKET,
	PORT_ETHDEV,
	PORT_PAIR,
	PORT_MEM,
	PORT_GENERATOR,
	PORT_DGRAM,
	PORT_CUSTOM, /* made by port_wrap(): its driver lives outside this room */
	PORT_KINDS,
};

/* One queue's counters, written by its poller only, on lines of their own. Bytes without FCS. */
struct port_counters {
	uint64_t packets;
	uint64_t bytes;
	uint64_t errors; /* rx: frames the port threw away as broken; tx: taken, then refused
			    outside */
	uint64_t nobuf;  /* rx: frames (or rounds, where the frame is kept) lost to an empty mbuf
			    pool */
	uint64_t calls;  /* rx or tx operations on the outside: system calls, device bursts */
	enum drop_reason why; /* tx: of the last shortfall */
} __attribute__((aligned(64)));

struct port;

struct port_ops {
	uint16_t (*rx)(struct port *port, unsigned queue, struct rte_mbuf **pkts, uint16_t n);
	uint16_t (*tx)(struct port *port, unsigned queue, struct rte_mbuf **pkts, uint16_t n);
	/* Before a worker sleeps on fd[queue]: ask for a wake-up. True: something is there already,
	 * do not sleep. NULL: the descriptor is always live. */
	bool (*arm)(struct port *port, unsigned queue);
	bool (*link_up)(struct port *port); /* NULL: always */
	/* Extra facts for `softdpu ports`: "netns client, eth0, tso". NULL: nothing to add. */
	void (*describe)(const struct port *port, char *buf, size_t size);
	void (*close)(struct port *port); /* frees what open made, not the struct port itself */
};

/* Fields above the line are read by everybody after port_open and never change. */
struct port {
	const struct port_ops *ops;
	enum port_kind kind;
	uint16_t id;
	uint16_t rx_queues, tx_queues;
	uint32_t caps;
	uint32_t mtu;     /* L3 bytes a frame to the outside may carry, without super-packets */
	uint32_t max_tso; /* bytes of the largest super-packet taken; 0 without TSO */
	uint32_t poll_us; /* fd -1: the longest an idle worker should leave it alone; else 0 */
	uint16_t ethdev;  /* DPDK port id, or UINT16_MAX */
	uint8_t mac[6];
	char name[PORT_NAME_MAX];
	int fd[PORT_QUEUES_MAX];
	struct rte_mempool *pool;
	void *priv; /* the kind's own */
	/* ---- written while running ---- */
	bool admin_up; /* port_set_up(); down: rx gives nothing, tx takes nothing */
	struct port_counters *rxq, *txq; /* rx_queues and tx_queues of them */
};

struct port_cfg {
	uint16_t id;
	const char *name;         /* for messages; copied */
	uint8_t mac[6];           /* all zero: the kind's own, or random */
	uint32_t mtu;             /* 0: 1500, or what the existing interface has */
	uint16_t rx_queues;       /* 0: 1. A kind with fewer opens fewer: see port->rx_queues */
	uint16_t tx_queues;       /* 0: 1. Always granted */
	struct rte_mempool *pool; /* mbufs received come from here (port_pool_create) */
};

/*
 * Open what `attach` describes. 0 and *port, or -errno with a sentence (the interface, the
 * namespace, what to do); nothing is left behind then: no descriptor, no link, no file.
 * -EEXIST: the tap's name is taken in its namespace. -ENOENT: no such namespace, interface, or
 * pair port. -EPERM: needs CAP_NET_ADMIN or CAP_NET_RAW. -ENOTSUP: no such DPDK driver here.
 */
int port_open(const struct port_cfg *cfg, const struct card_attach *attach, struct port **port);

/* Gives everything back. Packets still inside (rings, device queues) are freed. NULL is fine. */
void port_close(struct port *port);

/* Two ports that are each other's far end; rings of `depth` (power of two, 0 = 1024) per direction.
 * An attach of kind pair instead joins the open pair port named attach->peer, or waits for it. */
int port_pair_open(const struct port_cfg *a, const struct port_cfg *b, unsigned depth,
	struct port **port_a, struct port **port_b);

/* A port whose driver lives elsewhere (the DPDK driver, a door). The caller sets caps, max_tso, fd
 * and poll_us before anybody uses it; ops->close frees priv. -EINVAL, -ENOMEM with a refusal. */
int port_wrap(
	const struct port_cfg *cfg, const struct port_ops *ops, void *priv, struct port **port);

const char *port_kind_name(enum port_kind kind);

/* ---- burst path ---- */

static inline uint64_t port_burst_bytes(struct rte_mbuf **pkts, uint16_t n)
{
	uint64_t bytes = 0;

	for (uint16_t i = 0; i < n; i++)
		bytes += pkts[i]->pkt_len;
	return bytes;
}

static inline uint16_t port_rx(
	struct port *port, unsigned queue, struct rte_mbuf **pkts, uint16_t n)
{
	struct port_counters *c = &port->rxq[queue];

	if (unlikely(!port->admin_up))
		return 0;
	n = port->ops->rx(port, queue, pkts, n);
	c->packets += n;
	c->bytes += port_burst_bytes(pkts, n);
	return n;
}

/* Counts what left: taken packets less those refused outside (the kind adds these to errors and
 * subtracts their bytes itself). */
static inline uint16_t port_tx(
	struct port *port, unsigned queue, struct rte_mbuf **pkts, uint16_t n)
{
	struct port_counters *c = &port->txq[queue];
	uint64_t errors = c->errors, bytes;
	uint16_t sent;

	if (unlikely(!port->admin_up)) {
		c->why = DROP_PORT_DOWN;
		return 0;
	}
	bytes = port_burst_bytes(pkts, n);
	sent = port->ops->tx(port, queue, pkts, n);
	if (unlikely(sent < n))
		bytes -= port_burst_bytes(pkts + sent, n - sent);
	c->packets += sent - (c->errors - errors);
	c->bytes += bytes;
	return sent;
}

/* Why the last port_tx on this queue took fewer than it was given. */
static inline enum drop_reason port_tx_why(const struct port *port, unsigned queue)
{
	return port->txq[queue].why;
}

/* ---- control path ---- */

/* Administrative state; ports open up. */
void port_set_up(struct port *port, bool up);
/* Administratively up and the far end is there (TAP: the pod's interface is up; vhost: connected).
 */
bool port_link_up(struct port *port);

struct port_stats {
	uint64_t rx_packets, rx_bytes, rx_errors, rx_nobuf, rx_calls;
	uint64_t tx_packets, tx_bytes, tx_errors, tx_calls;
};

/* Sum over queues. Each figure is monotonic; they are read one after another, not as one instant.
 */
void port_stats(const struct port *port, struct port_stats *stats);
/* "tap client/eth0, tso csum" for people; always terminated. */
void port_describe(const struct port *port, char *buf, size_t size);

/* ---- the ready set ---- */

/*
 * struct port_set: the receive queues one worker polls. Three sorts of members, kept apart inside:
 * hot ones (something came lately: polled every round), quiet ones (their descriptor is watched,
 * edge triggered, no cost until it fires), and pollees (no descriptor: polled every round).
 *
 *     for (;;) {
 *             n = port_set_wait(set, idle ? 1000000 : 0, ready, 64);
 *             for (i = 0; i < n; i++) {
 *                     got = port_rx(ready[i]->port, ready[i]->queue, pkts, PORT_BURST);
 *                     port_set_got(set, ready[i], got, PORT_BURST);    a short burst: quiet again
 *                     ...
 *             }
 *     }
 *
 * port_set_wait(timeout 0) costs one system call when any member has a descriptor and at most
 * every PORT_SET_CHECK-th call while others are hot; it sleeps only when timeout_us is above 0 and
 * nobody is hot, after arming every member, and never longer than the pollees' poll_us.
 * One thread owns a set (create, add, wait, remove); only port_set_wake() is for others.
 */
#define PORT_SET_CHECK 8

struct port_ref {
	struct port *port;
	uint16_t queue;
	bool hot;
	uint32_t index; /* the set's own */
};

struct port_set;

int port_set_create(struct port_set **set);
void port_set_destroy(struct port_set *set); /* members stay open */
int port_set_add(struct port_set *set, struct port *port, unsigned queue);
/* Takes the port's queues out; pending references to them die. -ENOENT when it has none here. */
int port_set_remove(struct port_set *set, struct port *port);
/* Members that may have packets, at most n, fair between calls. 0: timeout, wake-up or signal. */
unsigned port_set_wait(
	struct port_set *set, uint64_t timeout_us, struct port_ref **ready, unsigned n);
/* What the poll of a ready member gave: fewer than asked makes it quiet. */
void port_set_got(struct port_set *set, struct port_ref *ref, uint16_t got, uint16_t asked);
/* End another thread's present or next sleep in port_set_wait. Async-signal and thread safe. */
void port_set_wake(struct port_set *set);
/* Also wake when this descriptor is readable (control sockets, timers); not reported in `ready`. */
int port_set_watch(struct port_set *set, int fd);
unsigned port_set_count(const struct port_set *set);

#endif
