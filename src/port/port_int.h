/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Insides of room port: what the kinds share. Only this room and its unit tests include it.
 *
 *   port.c     open, close, statistics: the only caller of the *_open below
 *   tap.c packet.c dgram.c pair.c mem.c ethdev.c    the kinds
 *   vnet.c     virtio_net_hdr <-> mbuf offload flags
 *   merge.c    a run of TCP segments as one super-packet
 *   chain.c    fresh mbufs as a scatter list for a frame of unknown size
 *   mmsg.c     bursts of recvmmsg / sendmmsg straight from and into mbuf chains
 *   netns.c    run something inside another network namespace
 *   link.c     the few rtnetlink messages
 *   set.c      the ready set
 *   eal.c      DPDK for our own processes
 *   pool.c     mbufs for receive
 */
#ifndef PORT_PORT_INT_H
#define PORT_PORT_INT_H

#include "base/base.h"
#include "base/refuse.h"
#include "port/port.h"

#include <linux/virtio_net.h>
#include <net/if.h>
#include <sys/socket.h>
#include <sys/uio.h>

/* Ethernet and two VLAN tags: what a frame may carry beyond the L3 MTU. */
#define PORT_L2_MAX 22
#define PORT_MTU_DEFAULT 1500

/* What a kind's open gets: the port with the common part filled in (name, id, mac, mtu, queues,
 * pool, fd = -1). It sets ops, kind, caps, priv, fd. On failure it has undone its own work. */
int port_tap_open(struct port *port, const struct card_attach *attach);
int port_packet_open(struct port *port, const struct card_attach *attach);
int port_dgram_open(struct port *port, const struct card_attach *attach);
int port_pair_join(struct port *port, const struct card_attach *attach);
int port_mem_open(struct port *port, const struct card_attach *attach);
int port_null_open(struct port *port, const struct card_attach *attach);
int port_ethdev_open(struct port *port, const struct card_attach *attach);

/* Whether DPDK devices may take mbufs of this pool (pool.c). */
bool port_pool_known_to_dpdk(const struct rte_mempool *pool);

/* The common part alone; port_close() undoes it. */
int port_new(const struct port_cfg *cfg, struct port **port);
void port_free(struct port *port);

/* ---- vnet.c ---- */

/* Both directions speak of the frame as it is in the mbuf, VLAN tags included. */

/* Set offload flags of a received frame; `vlan_bytes` were put back into it since the header was
 * made. 0, or -1: the header lies about the frame. A checksum nobody further down could locate is
 * finished here. */
int port_vnet_to_mbuf(const struct virtio_net_hdr *hdr, struct rte_mbuf *m, unsigned vlan_bytes);
/* A DPDK driver's way to say the same (RX_L4_CKSUM_NONE, RX_LRO with tso_segsz), as our flags. */
void port_vnet_from_rx(struct rte_mbuf *m);
void port_vnet_from_mbuf(const struct rte_mbuf *m, struct virtio_net_hdr *hdr);

/* ---- chain.c ---- */

/*
 * A chain of raw mbufs that the kernel writes a frame of unknown size into: seg[i] is behind
 * iov[i + 1]; iov[0] is for a virtio header, or empty. The first `missing` of the `need` segments
 * are not there. Segment 0 leaves PORT_HEADROOM, the others have none.
 */
struct port_chain {
	unsigned need, missing;
	struct rte_mbuf *seg[PORT_CHAIN_MAX];
	struct iovec iov[PORT_CHAIN_MAX + 1];
	struct virtio_net_hdr hdr;
};

/* How many segments of this pool a PORT_FRAME_MAX frame needs: 0 when more than PORT_CHAIN_MAX. */
unsigned port_chain_need(struct rte_mempool *pool);
void port_chain_init(struct port_chain *chain, unsigned need, bool vnet);
/* All segments there? Else take the missing ones from the pool. -ENOBUFS: it is empty. */
int port_chain_fill(struct port_chain *chain, struct rte_mempool *pool);
/* The frame of `len` > 0 bytes as an mbuf; its segments leave the chain. */
struct rte_mbuf *port_chain_take(struct port_chain *chain, uint32_t len);
void port_chain_drop(struct port_chain *chain, struct rte_mempool *pool);

/* ---- merge.c ---- */

#define PORT_MERGE_MAX 64     /* packets of a run */
#define PORT_MERGE_HEADERS 134 /* Ethernet, IPv6, TCP with all its options */

/* A run as one frame, ready for writev. Borrows the run's payload; its first packets stay as they are. */
struct port_merged {
	struct virtio_net_hdr vnet;
	uint8_t headers[PORT_MERGE_HEADERS];
	struct iovec iov[2 + 2 * PORT_MERGE_MAX];
};

/* How many of the packets are one run of TCP segments; 1 when the first stands alone. */
unsigned port_merge_run(struct rte_mbuf *const *pkts, unsigned n);
/* Such a run as iovecs; their number, 0 when it has too many mbufs. */
unsigned port_merge(struct port_merged *merged, struct rte_mbuf *const *pkts, unsigned run);

/* ---- mmsg.c ---- */

#define PORT_MMSG_SLOTS 32

struct port_mmsg; /* receive slots and a transmit scratch for one queue of one socket */

/* `slots` frames at most are received by one call; 0 for a queue that only sends. */
struct port_mmsg *port_mmsg_create(
	struct rte_mempool *pool, unsigned slots, bool vnet, bool auxdata);
/* Where its messages go, on a socket that is not connected; `to` is borrowed for its life. */
void port_mmsg_send_to(struct port_mmsg *q, struct sockaddr *to, unsigned len);
void port_mmsg_destroy(struct port_mmsg *q);
uint16_t port_mmsg_rx(
	struct port_mmsg *q, int fd, struct port_counters *c, struct rte_mbuf **pkts, uint16_t n);
uint16_t port_mmsg_tx(
	struct port_mmsg *q, int fd, struct port_counters *c, struct rte_mbuf **pkts, uint16_t n);

/* A frame the kernel refused: freed, counted, its bytes taken off what port_tx adds. */
static inline void port_tx_refused(struct port_counters *c, struct rte_mbuf *m)
{
	c->errors++;
	c->bytes -= m->pkt_len;
	rte_pktmbuf_free(m);
}

/* ---- netns.c ---- */

/* spec as in card/attach.h; NULL = our own. A descriptor, or -errno with a refusal. */
int port_netns_open(const char *spec);
/* Run fn(arg) inside the namespace on a thread of its own; its return value, or -errno. */
int port_netns_run(int nsfd, int (*fn)(void *arg), void *arg);

/* ---- link.c ---- */

struct port_link {
	int index;
	char name[IFNAMSIZ];
	uint32_t flags; /* IFF_UP ... */
	uint32_t mtu;
	uint8_t mac[6];
	bool carrier;
};

/* All in the calling thread's namespace. By name, or by index when name is NULL. -ENODEV quietly.
 */
int port_link_get(const char *name, int index, struct port_link *link);
/* Move to a namespace (nsfd -1: stay), rename, set MAC and MTU, bring up: one message, so a
 * watcher never sees it half made. -errno without a refusal. */
int port_link_place(int index, int nsfd, const char *name, const uint8_t mac[6], uint32_t mtu);

/* ---- eal.c ---- */

/* A thread of DPDK's still holds pointers into its memory: port_eal_stop() leaves it to the exit. */
void port_eal_keep_memory(void);

#endif
