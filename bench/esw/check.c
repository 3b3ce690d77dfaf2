/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * check: is what the sinks get what the case promises? After a measurement some thousand packets go through the same
 * switch; each that arrives is compared, byte for byte, with what the case's `want` makes of the packet that was
 * sent, by plain stores and checksums computed from nothing. Sent and delivered are matched by the IPv4
 * identification, which the source numbers its flows with and nothing rewrites.
 *
 * Free in an outer header: identification, UDP source port (from 49152 on) and, following these, the IPv4 checksum,
 * which must be right.
 */
#include "rig.h"

#include <netinet/in.h>
#include <rte_ip.h>
#include <rte_udp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

#define BURSTS 64
#define ETH 14
#define TUNNEL 50
#define ENTROPY_FIRST 49152

static struct {
	struct frame sent[ESW_BURST];
	uint32_t flow[ESW_BURST];
	bool came[ESW_BURST];
	unsigned n, arrived;
} now;

/* ---- frames, byte by byte ---- */

static struct rte_ipv4_hdr *ip_of(struct frame *f)
{
	return (struct rte_ipv4_hdr *)(f->bytes + f->outer + ETH);
}

static void recompute(struct rte_ipv4_hdr *ip)
{
	struct rte_udp_hdr *udp = (struct rte_udp_hdr *)(ip + 1);

	ip->hdr_checksum = 0;
	ip->hdr_checksum = rte_ipv4_cksum(ip);
	if (ip->next_proto_id != IPPROTO_UDP || !udp->dgram_cksum)
		return;
	udp->dgram_cksum = 0;
	udp->dgram_cksum = rte_ipv4_udptcp_cksum(ip, udp);
}

void frame_route(struct frame *f, const uint8_t dmac[6], const uint8_t smac[6])
{
	memcpy(f->bytes + f->outer, dmac, 6);
	memcpy(f->bytes + f->outer + 6, smac, 6);
	ip_of(f)->time_to_live--;
	recompute(ip_of(f));
}

void frame_nat(struct frame *f, bool dst, const uint8_t ip[4], uint16_t port)
{
	struct rte_ipv4_hdr *h = ip_of(f);
	struct rte_udp_hdr *udp = (struct rte_udp_hdr *)(h + 1);

	memcpy(dst ? &h->dst_addr : &h->src_addr, ip, 4);
	*(dst ? &udp->dst_port : &udp->src_port) = htons(port);
	recompute(h);
}

/* RFC 7348 around it, between the tunnel's ends of rig_hop(). */
void frame_encap(struct frame *f)
{
	struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)(f->bytes + ETH);
	struct rte_udp_hdr *udp = (struct rte_udp_hdr *)(ip + 1);
	uint32_t *vxlan = (uint32_t *)(udp + 1);

	memmove(f->bytes + TUNNEL, f->bytes, f->len);
	memcpy(f->bytes, (const uint8_t[ETH]){2, 0, 0, 0, 1, 2, 2, 0, 0, 0, 1, 1, 8, 0}, ETH);
	*ip = (struct rte_ipv4_hdr){.version_ihl = 0x45, .total_length = htons((uint16_t)(f->len + TUNNEL - ETH)),
		.fragment_offset = htons(RTE_IPV4_HDR_DF_FLAG), .time_to_live = 64, .next_proto_id = IPPROTO_UDP,
		.src_addr = htonl(0xc0a80165), .dst_addr = htonl(0xc0a80166)};
	*udp = (struct rte_udp_hdr){.dst_port = htons(4789), .dgram_len = htons((uint16_t)(f->len + TUNNEL - ETH - 20))};
	vxlan[0] = htonl(0x08000000);
	vxlan[1] = htonl(VNI << 8);
	f->len += TUNNEL;
	f->outer = TUNNEL;
}

void frame_decap(struct frame *f)
{
	f->len -= TUNNEL;
	memmove(f->bytes, f->bytes + TUNNEL, f->len);
}

/* ---- comparing ---- */

static void show(const char *what, const uint8_t *b, unsigned len)
{
	fprintf(stderr, "esw: %s:", what);
	for (unsigned i = 0; i < MIN_OF(len, 128u); i++)
		fprintf(stderr, "%s%02x", i % 2 ? "" : " ", b[i]);
	fprintf(stderr, "\n");
}

static void wrong(const struct rig *rig, unsigned sink, const char *why, const struct frame *want, const uint8_t *got, unsigned len)
{
	fprintf(stderr, "esw: case %s, sink %u: %s\n", rig->what->name, sink, why);
	if (want)
		show("wanted", want->bytes, want->len);
	show("got   ", got, len);
	exit(1);
}

/* What is free in the outer header is taken from what came. False: that is not as it may be. */
static bool take_free(struct frame *want, const uint8_t *got)
{
	struct rte_ipv4_hdr *w = (struct rte_ipv4_hdr *)(want->bytes + ETH);
	const struct rte_ipv4_hdr *g = (const struct rte_ipv4_hdr *)(got + ETH);
	const struct rte_udp_hdr *udp = (const struct rte_udp_hdr *)(g + 1);

	w->packet_id = g->packet_id;
	w->hdr_checksum = 0;
	w->hdr_checksum = rte_ipv4_cksum(w);
	((struct rte_udp_hdr *)(w + 1))->src_port = udp->src_port;
	return ntohs(udp->src_port) >= ENTROPY_FIRST;
}

/* The flow's number as the source wrote it, of the innermost packet. */
static uint16_t number_of(const uint8_t *frame)
{
	const struct rte_ipv4_hdr *ip = (const struct rte_ipv4_hdr *)(frame + ETH);
	const struct rte_udp_hdr *udp = (const struct rte_udp_hdr *)(ip + 1);

	/* a flow's own port may be 4789: only what has the header's I flag is a tunnel */
	if (ip->next_proto_id == IPPROTO_UDP && udp->dst_port == htons(4789) && *(const uint8_t *)(udp + 1) == 0x08)
		ip = (const struct rte_ipv4_hdr *)(frame + TUNNEL + ETH);
	return ip->packet_id;
}

static unsigned find_sent(const uint8_t *got)
{
	unsigned i = 0;

	while (i < now.n && (now.came[i] || number_of(now.sent[i].bytes) != number_of(got)))
		i++;
	return i;
}

static void compare(struct rig *rig, unsigned sink, const uint8_t *got, unsigned len)
{
	unsigned i = find_sent(got);
	struct frame want;

	if (i == now.n)
		wrong(rig, sink, "nobody sent this, or it came twice", NULL, got, len);
	want = now.sent[i];
	if (rig->what->want)
		rig->what->want(rig, now.flow[i], sink, &want);
	if (want.outer && !take_free(&want, got))
		wrong(rig, sink, "outer UDP source port below 49152", &want, got, len);
	if (want.len != len || memcmp(want.bytes, got, len))
		wrong(rig, sink, "not the bytes promised", &want, got, len);
	now.came[i] = true;
	now.arrived++;
}

static void look_on(struct rig *rig, unsigned sink, struct rte_mbuf **m, uint16_t n)
{
	uint8_t buf[FRAME_MAX];

	for (uint16_t i = 0; i < n; i++)
		compare(rig, sink, rte_pktmbuf_read(m[i], 0, m[i]->pkt_len, buf), m[i]->pkt_len);
}

/* ---- a burst ---- */

static void remember(const struct rig *rig, struct rte_mbuf **m, unsigned n)
{
	now.n = n;
	now.arrived = 0;
	for (unsigned i = 0; i < n; i++) {
		now.sent[i].len = m[i]->pkt_len;
		now.sent[i].outer = 0;
		now.came[i] = false;
		now.flow[i] = (uint32_t)((rig->taken - n + i) % rig->flows);
		memcpy(now.sent[i].bytes, rte_pktmbuf_mtod(m[i], void *), m[i]->pkt_len);
	}
}

static void check_burst(struct rig *rig)
{
	struct rte_mbuf *m[ESW_BURST];
	unsigned n = rig_take(rig, 0, m, ESW_BURST);

	remember(rig, m, n);
	rig->now_ns += n * rig->what->step_ns;
	esw_burst(rig->esw, 0, SRC, m, n, rig->what->step_ns ? rig->now_ns : clock_now_ns());
	esw_flush(rig->esw, 0);
	if (now.arrived == n)
		return;
	fprintf(stderr, "esw: case %s: %u of %u packets arrived\n", rig->what->name, now.arrived, n);
	exit(1);
}

void rig_check(struct rig *rig)
{
	unsigned bursts = MIN_OF((unsigned)BURSTS, MAX_OF(1u, rig->flows));

	if (rig->what->tally)
		rig->what->tally(rig, false);
	rig->watch = look_on;
	for (unsigned i = 0; i < bursts; i++)
		check_burst(rig);
	rig->watch = NULL;
	if (rig->what->tally)
		rig->what->tally(rig, true);
}
