/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * mem, generator, null: frames out of memory, and a sink.
 *
 * `mem` is the source and sink of the benches (baselines.md): per packet one mempool alloc and one
 * copy of a template, and a bulk free at the other end; what a bench measures above that is the
 * switch. Templates differ in ports and addresses, so N templates are N flows; all are valid
 * frames with right checksums. `generator` adds a rate and a count, for tests and demos.
 */
#include "port/port_int.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <rte_cycles.h>
#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_memcpy.h>
#include <rte_prefetch.h>
#include <rte_tcp.h>
#include <rte_udp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define POLL_US 200           /* an idle generator is asked this often */
#define FLOWS_PER_ADDR 60000u /* source ports before the next source address */

struct cursor {
	uint32_t next; /* template */
	uint64_t due_tsc, left;
} __attribute__((aligned(64)));

struct mem {
	uint8_t *templates;
	uint32_t n, size, stride;
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

static uint16_t produce(struct port *port, unsigned queue, struct rte_mbuf **pkts, uint16_t n)
{
	struct mem *mem = port->priv;
	struct cursor *at = &mem->cursor[queue];

	if (unlikely(rte_pktmbuf_alloc_bulk(port->pool, pkts, n) < 0)) {
		port->rxq[queue].nobuf++;
		return 0;
	}
	for (uint16_t i = 0; i < n; i++) {
		struct rte_mbuf *m = pkts[i];

		m->data_off = PORT_HEADROOM;
		m->data_len = m->pkt_len = mem->size;
		rte_memcpy((char *)m->buf_addr + PORT_HEADROOM,
			mem->templates + (size_t)at->next * mem->stride, mem->stride);
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

static void add_to(uint8_t *be, unsigned len, uint32_t v)
{
	for (int i = (int)len - 1; i >= 0 && v; i--) {
		v += be[i];
		be[i] = (uint8_t)v;
		v >>= 8;
	}
}

static uint8_t *put_ip(uint8_t *p, const struct card_frames *f, uint32_t flow, uint8_t proto)
{
	unsigned l3 = f->family == 6 ? 40 : 20;
	uint16_t len = f->size - 14 - l3;
	uint8_t *src;

	if (f->family == 6) {
		struct rte_ipv6_hdr *ip = (struct rte_ipv6_hdr *)p;

		*ip = (struct rte_ipv6_hdr){.vtc_flow = htonl(6u << 28),
			.payload_len = htons(len),
			.proto = proto,
			.hop_limits = 64};
		memcpy(ip->dst_addr, f->dst, 16);
		memcpy(src = ip->src_addr, f->src, 16);
	} else {
		struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)p;

		*ip = (struct rte_ipv4_hdr){.version_ihl = 0x45,
			.total_length = htons(len + l3),
			.time_to_live = 64,
			.next_proto_id = proto,
			.packet_id = htons(flow)};
		memcpy(&ip->dst_addr, f->dst, 4);
		memcpy(&ip->src_addr, f->src, 4);
		src = (uint8_t *)&ip->src_addr;
	}
	add_to(src, f->family == 6 ? 16 : 4, flow / FLOWS_PER_ADDR);
	return p + l3;
}

static void put_l4(uint8_t *p, const struct card_frames *f, uint32_t flow, uint8_t proto)
{
	uint16_t sport = htons(f->sport + flow % FLOWS_PER_ADDR);
	uint16_t len = f->size - 14 - (f->family == 6 ? 40 : 20);

	if (proto == IPPROTO_UDP)
		*(struct rte_udp_hdr *)p = (struct rte_udp_hdr){
			.src_port = sport, .dst_port = htons(f->dport), .dgram_len = htons(len)};
	else
		*(struct rte_tcp_hdr *)p = (struct rte_tcp_hdr){.src_port = sport,
			.dst_port = htons(f->dport),
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

static void put_frame(uint8_t *p, const struct card_frames *f, uint32_t flow)
{
	uint8_t proto = f->proto ? f->proto : flow & 1 ? IPPROTO_UDP : IPPROTO_TCP;
	struct rte_ether_hdr *eth = (struct rte_ether_hdr *)p;
	uint8_t *l3 = p + sizeof(*eth), *l4;

	memcpy(&eth->dst_addr, f->dst_mac, 6);
	memcpy(&eth->src_addr, f->src_mac, 6);
	eth->ether_type = htons(f->family == 6 ? RTE_ETHER_TYPE_IPV6 : RTE_ETHER_TYPE_IPV4);
	l4 = put_ip(l3, f, flow, proto);
	put_l4(l4, f, flow, proto);
	checksums(l3, l4, f, proto);
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

static int make_templates(struct port *port, struct mem *mem, const struct card_frames *given)
{
	struct card_frames f = with_defaults(port, given);
	uint32_t room = rte_pktmbuf_data_room_size(port->pool) - PORT_HEADROOM;

	mem->n = f.flows;
	mem->size = f.size;
	mem->stride = RTE_ALIGN_CEIL(f.size, 64);
	if (mem->stride > room)
		return refuse(E2BIG, "frames of %u bytes: the pool's mbufs hold %u", f.size, room);
	mem->templates = aligned_alloc(64, (size_t)mem->n * mem->stride);
	if (!mem->templates)
		return refuse(ENOMEM, "no memory for %u frames of %u bytes", mem->n, mem->stride);
	memset(mem->templates, 0, (size_t)mem->n * mem->stride);
	for (uint32_t i = 0; i < mem->n; i++)
		put_frame(mem->templates + (size_t)i * mem->stride, &f, i);
	for (unsigned q = 0; q < port->rx_queues; q++) {
		mem->cursor[q].next = (uint64_t)mem->n * q / port->rx_queues;
		mem->cursor[q].left = f.count / port->rx_queues + (q < f.count % port->rx_queues);
	}
	mem->counted = f.count > 0;
	if (f.rate)
		mem->tsc_per_packet_fp =
			MAX_OF((rte_get_tsc_hz() << 16) / f.rate, 1) * port->rx_queues;
	return 0;
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
	err = make_templates(port, mem, &attach->frames);
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
