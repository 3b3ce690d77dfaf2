/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * mem, generator, null: frames out of memory, and a sink.
 *
 * `mem` is the source and sink of the benches (baselines.md): per packet one mempool alloc and one
 * copy of a template's headers, and a bulk free at the other end; what a bench measures above that is
 * the switch. Templates differ in ports and addresses, so N templates are N flows; all are valid
 * frames with right checksums. A longer frame's payload is what its buffer holds, zeros as a rule: it comes
 * into a card's memory without the processor's doing. `generator` copies whole frames and adds a rate and a
 * count, for tests and demos.
 */
#include "port/port_int.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <rte_cycles.h>
#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_prefetch.h>
#include <rte_tcp.h>
#include <rte_udp.h>
#include <rte_vxlan.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define POLL_US 200           /* an idle generator is asked this often */
#define FLOWS_PER_ADDR 60000u /* source ports before the next source address */

#define IMIX 12
#define IMIX_LONGEST 10
#define TUNNEL_BYTES 50 /* Ethernet, IPv4, UDP, VXLAN */
static const uint16_t imix_plain[IMIX] = {60, 60, 60, 590, 60, 60, 590, 60, 60, 590, 1514, 590};
static const uint16_t imix_tunnelled[IMIX] = {110, 110, 110, 640, 110, 110, 640, 110, 110, 640, 1564, 640};

struct cursor {
	uint32_t next; /* template */
	uint64_t due_tsc, left;
} __attribute__((aligned(64)));

struct mem {
	uint8_t *templates;
	const uint16_t *imix; /* lengths by turns, or NULL: all are `size` */
	uint32_t n, size;
	uint32_t stride; /* bytes of a template that are copied: the frame, or its headers */
	uint64_t tsc_per_packet_fp; /* cycles per packet << 16; 0 = no rate */
	bool counted;
	struct cursor cursor[PORT_QUEUES_MAX];
};

/* ---- burst path ---- */

/* The next burst's templates come near while this burst is worked on: a card's DMA would not make its
 * receiver wait for memory either. */
static void ask_for_next(const struct mem *mem, const struct cursor *at, uint16_t n)
{
	for (uint16_t i = 0; i < n && at->next + i < mem->n; i++)
		rte_prefetch0(mem->templates + (size_t)(at->next + i) * mem->stride);
}

/* A fresh mbuf as a driver makes it: the fields that say what was received. The rest of an mbuf in its pool is as
 * rte_mbuf_raw_alloc() promises. */
static inline void receive_into(struct rte_mbuf *m, const uint8_t *frame, uint32_t size, uint32_t copy)
{
	uint8_t *data = (uint8_t *)m->buf_addr + PORT_HEADROOM;

	m->data_off = PORT_HEADROOM;
	m->ol_flags = 0;
	m->packet_type = 0;
	m->data_len = m->pkt_len = size;
	m->vlan_tci = 0;
	for (uint32_t at = 0; at < copy; at += 64)
		memcpy(data + at, frame + at, 64);
}

static uint16_t produce(struct port *port, unsigned queue, struct rte_mbuf **pkts, uint16_t n)
{
	struct mem *mem = port->priv;
	struct cursor *at = &mem->cursor[queue];

	if (unlikely(rte_mempool_get_bulk(port->pool, (void **)pkts, n) < 0)) {
		port->rxq[queue].nobuf++;
		return 0;
	}
	for (uint16_t i = 0; i < n; i++) {
		uint32_t size = mem->imix ? mem->imix[at->next % IMIX] : mem->size;

		receive_into(pkts[i], mem->templates + (size_t)at->next * mem->stride, size, MIN_OF(mem->stride, size));
		if (++at->next == mem->n)
			at->next = 0;
	}
	ask_for_next(mem, at, n);
	return n;
}

static uint16_t mem_rx(struct port *port, unsigned queue, struct rte_mbuf **pkts, uint16_t n)
{
	return produce(port, queue, pkts, n);
}

/* Packets due by now; a generator that was not asked for long does not catch up more than a burst.
 */
static uint16_t due(const struct mem *mem, struct cursor *at, uint16_t n)
{
	uint64_t now = rte_rdtsc(), count;

	if (at->due_tsc == 0)
		at->due_tsc = now;
	if (now < at->due_tsc)
		return 0;
	count = ((now - at->due_tsc) << 16) / mem->tsc_per_packet_fp + 1;
	if (count > n) {
		count = n;
		at->due_tsc = MAX_OF(at->due_tsc, now - ((n * mem->tsc_per_packet_fp) >> 16));
	}
	return count;
}

static uint16_t generator_rx(struct port *port, unsigned queue, struct rte_mbuf **pkts, uint16_t n)
{
	struct mem *mem = port->priv;
	struct cursor *at = &mem->cursor[queue];

	if (mem->tsc_per_packet_fp)
		n = due(mem, at, n);
	if (mem->counted)
		n = MIN_OF((uint64_t)n, at->left);
	if (n == 0)
		return 0;
	n = produce(port, queue, pkts, n);
	at->due_tsc += (n * mem->tsc_per_packet_fp) >> 16;
	at->left -= mem->counted ? n : 0;
	return n;
}

/* Plain mbufs of our own pool go back in one piece; everything else the long way. */
static uint16_t sink_tx(struct port *port, unsigned queue, struct rte_mbuf **pkts, uint16_t n)
{
	struct rte_mbuf *plain[PORT_BURST];
	unsigned held = 0;

	for (uint16_t i = 0; i < n; i++) {
		struct rte_mbuf *m = pkts[i];

		if (unlikely(m->nb_segs != 1 || m->pool != port->pool)) {
			rte_pktmbuf_free(m);
			continue;
		}
		m = rte_pktmbuf_prefree_seg(m);
		if (likely(m != NULL))
			plain[held++] = m;
		if (held == PORT_BURST) {
			rte_mempool_put_bulk(port->pool, (void **)plain, held);
			held = 0;
		}
	}
	if (held > 0)
		rte_mempool_put_bulk(port->pool, (void **)plain, held);
	return n;
}

static uint16_t null_rx(struct port *port, unsigned queue, struct rte_mbuf **pkts, uint16_t n)
{
	return 0;
}

/* ---- templates ---- */

/* Flow i of a source: what differs from flow 0. */
struct flow_of {
	uint32_t src_add, dst_add; /* to the address, as a number */
	uint16_t sport, dport;
	uint8_t proto;
	uint16_t size; /* of the frame, without a tunnel */
};

static uint64_t mix(uint64_t x) /* splitmix64's finalizer */
{
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ull;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebull;
	return x ^ (x >> 31);
}

static struct flow_of flow_of(const struct card_frames *f, uint32_t i)
{
	struct flow_of o = {.src_add = f->fan_out ? 0 : i / FLOWS_PER_ADDR,
		.dst_add = f->fan_out ? i / FLOWS_PER_ADDR : 0,
		.sport = f->sport + i % FLOWS_PER_ADDR,
		.dport = f->dport,
		.proto = f->proto ? f->proto : i & 1 ? IPPROTO_UDP : IPPROTO_TCP,
		.size = f->imix ? imix_plain[i % IMIX] : f->size};
	uint64_t h = mix(i + 1);

	if (f->scatter) {
		o.src_add = h & 0xffff;
		o.dst_add = h >> 16 & 0xffff;
		o.sport = h >> 32;
		o.dport = h >> 48;
	}
	if (f->replies) {
		uint16_t swap = o.sport;

		o.sport = o.dport;
		o.dport = swap;
	}
	return o;
}

static void add_to(uint8_t *be, unsigned len, uint32_t v)
{
	for (int i = (int)len - 1; i >= 0 && v; i--) {
		v += be[i];
		be[i] = (uint8_t)v;
		v >>= 8;
	}
}

static uint8_t *put_ip(uint8_t *p, const struct card_frames *f, const struct flow_of *o, uint32_t flow)
{
	unsigned l3 = f->family == 6 ? 40 : 20, width = f->family == 6 ? 16 : 4;
	uint16_t len = o->size - 14 - l3;
	uint8_t *src, *dst;

	if (f->family == 6) {
		struct rte_ipv6_hdr *ip = (struct rte_ipv6_hdr *)p;

		*ip = (struct rte_ipv6_hdr){.vtc_flow = htonl(6u << 28),
			.payload_len = htons(len),
			.proto = o->proto,
			.hop_limits = 64};
		src = ip->src_addr;
		dst = ip->dst_addr;
	} else {
		struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)p;

		*ip = (struct rte_ipv4_hdr){.version_ihl = 0x45,
			.total_length = htons(len + l3),
			.time_to_live = 64,
			.next_proto_id = o->proto,
			.packet_id = htons(flow)};
		src = (uint8_t *)&ip->src_addr;
		dst = (uint8_t *)&ip->dst_addr;
	}
	if (f->replies) {
		uint8_t *swap = src;

		src = dst;
		dst = swap;
	}
	memcpy(src, f->src, width);
	memcpy(dst, f->dst, width);
	add_to(src, width, o->src_add);
	add_to(dst, width, o->dst_add);
	return p + l3;
}

static void put_l4(uint8_t *p, const struct card_frames *f, const struct flow_of *o)
{
	uint16_t len = o->size - 14 - (f->family == 6 ? 40 : 20);

	if (o->proto == IPPROTO_UDP)
		*(struct rte_udp_hdr *)p = (struct rte_udp_hdr){.src_port = htons(o->sport),
			.dst_port = htons(o->dport),
			.dgram_len = htons(len)};
	else
		*(struct rte_tcp_hdr *)p = (struct rte_tcp_hdr){.src_port = htons(o->sport),
			.dst_port = htons(o->dport),
			.data_off = 5 << 4,
			.tcp_flags = RTE_TCP_ACK_FLAG,
			.rx_win = htons(65535),
			.sent_seq = htonl(1),
			.recv_ack = htonl(1)};
}

static void checksums(uint8_t *l3, uint8_t *l4, const struct card_frames *f, uint8_t proto)
{
	uint16_t sum;

	if (f->family == 6) {
		sum = rte_ipv6_udptcp_cksum((struct rte_ipv6_hdr *)l3, l4);
	} else {
		struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)l3;

		ip->hdr_checksum = rte_ipv4_cksum(ip);
		sum = rte_ipv4_udptcp_cksum(ip, l4);
	}
	if (proto == IPPROTO_UDP)
		((struct rte_udp_hdr *)l4)->dgram_cksum = sum;
	else
		((struct rte_tcp_hdr *)l4)->cksum = sum;
}

static uint8_t *put_eth(uint8_t *p, const struct card_frames *f, uint8_t family)
{
	struct rte_ether_hdr *eth = (struct rte_ether_hdr *)p;

	memcpy(&eth->dst_addr, f->dst_mac, 6);
	memcpy(&eth->src_addr, f->src_mac, 6);
	eth->ether_type = htons(family == 6 ? RTE_ETHER_TYPE_IPV6 : RTE_ETHER_TYPE_IPV4);
	return p + sizeof(*eth);
}

/* RFC 7348, over IPv4, the UDP checksum zero as it allows; as one node of the demo sends to another. */
static uint8_t *put_tunnel(uint8_t *p, const struct card_frames *f, const struct flow_of *o, uint32_t flow)
{
	uint16_t udp_len = sizeof(struct rte_udp_hdr) + 8 + o->size;
	struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)put_eth(p, f, 4);
	struct rte_udp_hdr *udp = (struct rte_udp_hdr *)(ip + 1);
	uint32_t *vxlan = (uint32_t *)(udp + 1);

	*ip = (struct rte_ipv4_hdr){.version_ihl = 0x45,
		.total_length = htons(sizeof(*ip) + udp_len),
		.time_to_live = 64,
		.next_proto_id = IPPROTO_UDP,
		.src_addr = htonl(0xc0a80166),
		.dst_addr = htonl(0xc0a80165)};
	ip->hdr_checksum = rte_ipv4_cksum(ip);
	*udp = (struct rte_udp_hdr){.src_port = htons(0xc000 | (mix(flow) & 0x3fff)),
		.dst_port = htons(RTE_VXLAN_DEFAULT_PORT),
		.dgram_len = htons(udp_len)};
	vxlan[0] = htonl(0x08000000);
	vxlan[1] = htonl(f->vni << 8);
	return (uint8_t *)(vxlan + 2);
}

static void put_frame(uint8_t *p, const struct card_frames *f, uint32_t flow)
{
	struct flow_of o = flow_of(f, flow);
	uint8_t *l3, *l4;

	if (f->vni)
		p = put_tunnel(p, f, &o, flow);
	l3 = put_eth(p, f, f->family);
	l4 = put_ip(l3, f, &o, flow);
	put_l4(l4, f, &o);
	checksums(l3, l4, f, o.proto);
}

/* What a literal attach in a test or bench leaves out; the card's loader gives all of it. */
static struct card_frames with_defaults(const struct port *port, const struct card_frames *given)
{
	static const uint8_t none[16], src[4] = {10, 0, 0, 1}, dst[4] = {10, 255, 0, 1};
	struct card_frames f = *given;
	uint32_t least;

	f.family = f.family ? f.family : 4;
	least = f.family == 6 ? 74 : 60;
	f.flows = MAX_OF(f.flows, 1);
	f.size = MAX_OF(f.size, least);
	f.sport = f.sport ? f.sport : 1024;
	f.dport = f.dport ? f.dport : 80;
	if (f.family == 4 && memcmp(f.src, none, 4) == 0)
		memcpy(f.src, src, 4);
	if (f.family == 4 && memcmp(f.dst, none, 4) == 0)
		memcpy(f.dst, dst, 4);
	if (memcmp(f.src_mac, none, 6) == 0)
		memcpy(f.src_mac, port->mac, 6);
	return f;
}

/* Ethernet, IP and TCP, in whole cache lines; a tunnel in front of them. */
static uint32_t header_bytes(const struct card_frames *f)
{
	return RTE_ALIGN_CEIL((f->vni ? TUNNEL_BYTES : 0) + (f->family == 6 ? 74 : 54), 64);
}

static int fill_templates(struct mem *mem, const struct card_frames *f, uint32_t frame_max)
{
	uint8_t *frame = malloc(frame_max);

	mem->templates = aligned_alloc(64, (size_t)mem->n * mem->stride);
	if (!mem->templates || !frame) {
		free(frame);
		return refuse(ENOMEM, "no memory for %u frames of %u bytes", mem->n, mem->stride);
	}
	for (uint32_t i = 0; i < mem->n; i++) {
		memset(frame, 0, frame_max);
		put_frame(frame, f, i);
		memcpy(mem->templates + (size_t)i * mem->stride, frame, mem->stride);
	}
	free(frame);
	return 0;
}

static void aim_cursors(struct port *port, struct mem *mem, const struct card_frames *f)
{
	for (unsigned q = 0; q < port->rx_queues; q++) {
		mem->cursor[q].next = (uint64_t)mem->n * q / port->rx_queues;
		mem->cursor[q].left = f->count / port->rx_queues + (q < f->count % port->rx_queues);
	}
	mem->counted = f->count > 0;
	if (f->rate)
		mem->tsc_per_packet_fp =
			MAX_OF((rte_get_tsc_hz() << 16) / f->rate, 1) * port->rx_queues;
}

static int make_templates(struct port *port, struct mem *mem, const struct card_frames *given, bool whole)
{
	struct card_frames f = with_defaults(port, given);
	uint32_t room = rte_pktmbuf_data_room_size(port->pool) - PORT_HEADROOM, longest;
	int err;

	mem->n = f.flows;
	mem->size = f.size + (f.vni ? TUNNEL_BYTES : 0);
	mem->imix = !f.imix ? NULL : f.vni ? imix_tunnelled : imix_plain;
	longest = RTE_ALIGN_CEIL(mem->imix ? mem->imix[IMIX_LONGEST] : mem->size, 64);
	if (longest > room)
		return refuse(E2BIG, "frames of %u bytes: the pool's mbufs hold %u", longest, room);
	mem->stride = whole ? longest : MIN_OF(longest, header_bytes(&f));
	err = fill_templates(mem, &f, longest);
	if (!err)
		aim_cursors(port, mem, &f);
	return err;
}

/* ---- control path ---- */

static void mem_describe(const struct port *port, char *buf, size_t size)
{
	const struct mem *mem = port->priv;

	snprintf(buf, size, "%u flows of %u bytes", mem->n, mem->size);
}

static void mem_close(struct port *port)
{
	struct mem *mem = port->priv;

	free(mem->templates);
	free(mem);
}

static const struct port_ops mem_ops = {
	.rx = mem_rx, .tx = sink_tx, .describe = mem_describe, .close = mem_close};
static const struct port_ops generator_ops = {
	.rx = generator_rx, .tx = sink_tx, .describe = mem_describe, .close = mem_close};
static const struct port_ops null_ops = {.rx = null_rx, .tx = sink_tx};

#define SINK_CAPS                                                                           \
	(PORT_CAP_TX_IP4_CSUM | PORT_CAP_TX_L4_CSUM | PORT_CAP_TX_TSO4 | PORT_CAP_TX_TSO6 | \
		PORT_CAP_TX_USO | PORT_CAP_TX_TUNNEL_CSUM | PORT_CAP_TX_TUNNEL_TSO |        \
		PORT_CAP_TX_CHAINS | PORT_CAP_TX_INDIRECT | PORT_CAP_TX_SYNC)

int port_mem_open(struct port *port, const struct card_attach *attach)
{
	bool generator = attach->kind == CARD_ATTACH_GENERATOR;
	struct mem *mem = aligned_alloc(64, sizeof(*mem));
	int err;

	if (!mem)
		return refuse(ENOMEM, "no memory for a %s port", card_attach_name(attach->kind));
	memset(mem, 0, sizeof(*mem));
	port->priv = mem;
	port->ops = generator ? &generator_ops : &mem_ops;
	port->kind = generator ? PORT_GENERATOR : PORT_MEM;
	port->poll_us = generator ? POLL_US : 1;
	port->caps = SINK_CAPS;
	port->max_tso = 65535;
	err = make_templates(port, mem, &attach->frames, generator);
	if (err < 0)
		mem_close(port);
	return err;
}

int port_null_open(struct port *port, const struct card_attach *attach)
{
	port->ops = &null_ops;
	port->kind = PORT_NULL;
	port->rx_queues = 1;
	port->poll_us = UINT32_MAX;
	port->caps = SINK_CAPS;
	port->max_tso = 65535;
	return 0;
}
