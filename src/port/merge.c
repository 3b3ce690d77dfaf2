/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * merge: a run of TCP segments becomes one super-packet, for a far end that takes those (what Linux
 * calls GRO, and the reverse of what pkt_segment does). A pod behind a TAP then pays for its stack
 * once per run, not once per 1,400 bytes that came through the tunnel.
 *
 * Nobody may see a difference but the sizes. So only what the kernel's segmentation of the merged
 * packet would give back is merged: headers alike but for sequence number, IPv4 identification
 * (counting, or of no meaning because fragments are forbidden) and PSH on the last; equal lengths
 * but for a shorter last; and each checksum is looked at, since the merged packet has none to check.
 */
#include "port/port_int.h"

#include <netinet/in.h>
#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_tcp.h>
#include <string.h>

#define FRAME_BYTES_MAX 65535u /* of the IP packet */
#define FIRST_FLAGS RTE_TCP_ACK_FLAG
#define LAST_FLAGS (RTE_TCP_ACK_FLAG | RTE_TCP_PSH_FLAG)

/* A segment that may be part of a run. */
struct segment {
	const uint8_t *frame;
	uint16_t l4, headers, payload; /* bytes before TCP, of all headers, behind them */
	bool v6;
};

static const struct rte_tcp_hdr *tcp_of(const struct segment *s)
{
	return (const struct rte_tcp_hdr *)(s->frame + s->l4);
}

static bool ip4_is_plain(const struct rte_ipv4_hdr *ip, uint32_t bytes)
{
	return ip->version_ihl == RTE_IPV4_VHL_DEF && ip->next_proto_id == IPPROTO_TCP &&
	       !(ip->fragment_offset & htons(RTE_IPV4_HDR_MF_FLAG | RTE_IPV4_HDR_OFFSET_MASK)) &&
	       ntohs(ip->total_length) == bytes;
}

static bool ip6_is_plain(const struct rte_ipv6_hdr *ip, uint32_t bytes)
{
	return ip->proto == IPPROTO_TCP && ntohs(ip->payload_len) + sizeof(*ip) == bytes;
}

static bool read_headers(struct segment *s, const struct rte_mbuf *m)
{
	uint16_t type = ((const struct rte_ether_hdr *)s->frame)->ether_type;
	const void *ip = s->frame + RTE_ETHER_HDR_LEN;
	uint32_t bytes = m->pkt_len - RTE_ETHER_HDR_LEN;

	s->v6 = type == htons(RTE_ETHER_TYPE_IPV6);
	if (!s->v6 && type != htons(RTE_ETHER_TYPE_IPV4))
		return false;
	if (s->v6 ? !ip6_is_plain(ip, bytes) : !ip4_is_plain(ip, bytes))
		return false;
	s->l4 = RTE_ETHER_HDR_LEN +
		(s->v6 ? sizeof(struct rte_ipv6_hdr) : sizeof(struct rte_ipv4_hdr));
	s->headers = s->l4 + (tcp_of(s)->data_off >> 4) * 4;
	return s->headers >= s->l4 + sizeof(struct rte_tcp_hdr) && s->headers <= m->data_len &&
	       s->headers < m->pkt_len;
}

static bool segment_of(struct segment *s, const struct rte_mbuf *m)
{
	if (m->ol_flags & RTE_MBUF_F_TX_OFFLOAD_MASK ||
		m->data_len < RTE_ETHER_HDR_LEN + sizeof(struct rte_ipv6_hdr) +
				      sizeof(struct rte_tcp_hdr))
		return false;
	s->frame = rte_pktmbuf_mtod(m, const uint8_t *);
	if (!read_headers(s, m))
		return false;
	s->payload = m->pkt_len - s->headers;
	return true;
}

static bool checksums_are_right(const struct segment *s, const struct rte_mbuf *m)
{
	const void *ip = s->frame + RTE_ETHER_HDR_LEN;

	if (s->v6)
		return rte_ipv6_udptcp_cksum_mbuf_verify(m, ip, s->l4) == 0;
	return rte_ipv4_cksum(ip) == 0 && rte_ipv4_udptcp_cksum_mbuf_verify(m, ip, s->l4) == 0;
}

/* IPv4 but for its length, identification and checksum. */
static bool same_ip4(const struct rte_ipv4_hdr *a, const struct rte_ipv4_hdr *b, unsigned nth)
{
	bool counts = (uint16_t)(ntohs(a->packet_id) + nth) == ntohs(b->packet_id);

	return a->type_of_service == b->type_of_service &&
	       a->fragment_offset == b->fragment_offset && a->time_to_live == b->time_to_live &&
	       a->src_addr == b->src_addr && a->dst_addr == b->dst_addr &&
	       (counts || b->fragment_offset & htons(RTE_IPV4_HDR_DF_FLAG));
}

/* IPv6 but for its length. */
static bool same_ip6(const struct rte_ipv6_hdr *a, const struct rte_ipv6_hdr *b)
{
	return a->vtc_flow == b->vtc_flow && a->hop_limits == b->hop_limits &&
	       memcmp(a->src_addr, b->src_addr, 32) == 0;
}

/* Is `b`, number `nth` behind `a`, what a's segmentation would have sent there? */
static bool continues(const struct segment *a, const struct segment *b, unsigned nth)
{
	const struct rte_tcp_hdr *s = tcp_of(a), *t = tcp_of(b);
	const void *ip_a = a->frame + RTE_ETHER_HDR_LEN, *ip_b = b->frame + RTE_ETHER_HDR_LEN;

	return a->v6 == b->v6 && a->headers == b->headers && b->payload <= a->payload &&
	       memcmp(a->frame, b->frame, RTE_ETHER_HDR_LEN) == 0 && s->src_port == t->src_port &&
	       s->dst_port == t->dst_port && s->recv_ack == t->recv_ack && s->rx_win == t->rx_win &&
	       ntohl(s->sent_seq) + nth * a->payload == ntohl(t->sent_seq) &&
	       s->tcp_urp == t->tcp_urp && s->data_off == t->data_off &&
	       (t->tcp_flags | RTE_TCP_PSH_FLAG) == LAST_FLAGS &&
	       memcmp(s + 1, t + 1, a->headers - a->l4 - sizeof(*s)) == 0 &&
	       (a->v6 ? same_ip6(ip_a, ip_b) : same_ip4(ip_a, ip_b, nth));
}

unsigned port_merge_run(struct rte_mbuf *const *pkts, unsigned n)
{
	struct segment first, next;
	uint32_t bytes;
	unsigned run;

	n = MIN_OF(n, PORT_MERGE_MAX);
	if (n < 2 || !segment_of(&first, pkts[0]) || tcp_of(&first)->tcp_flags != FIRST_FLAGS)
		return 1;
	bytes = pkts[0]->pkt_len - RTE_ETHER_HDR_LEN;
	for (run = 1; run < n; run++) {
		if (!segment_of(&next, pkts[run]) || !continues(&first, &next, run) ||
			bytes + next.payload > FRAME_BYTES_MAX ||
			!checksums_are_right(&next, pkts[run]))
			break;
		if (run == 1 && !checksums_are_right(&first, pkts[0]))
			break;
		bytes += next.payload;
		if (next.payload < first.payload || tcp_of(&next)->tcp_flags != FIRST_FLAGS)
			return run + 1;
	}
	return run;
}

/* The first frame's headers for all of the run's payload, with the pseudo-header sum for a checksum. */
static void lengthen(
	struct port_merged *merged, const struct segment *first, uint32_t payload, uint8_t flags)
{
	void *ip = merged->headers + RTE_ETHER_HDR_LEN;
	struct rte_tcp_hdr *tcp = (struct rte_tcp_hdr *)(merged->headers + first->l4);
	uint16_t l4_bytes = first->headers - first->l4 + payload;

	tcp->tcp_flags = flags;
	if (first->v6) {
		struct rte_ipv6_hdr *ip6 = ip;

		ip6->payload_len = htons(l4_bytes);
		tcp->cksum = rte_ipv6_phdr_cksum(ip6, 0);
	} else {
		struct rte_ipv4_hdr *ip4 = ip;

		ip4->total_length = htons(sizeof(*ip4) + l4_bytes);
		ip4->hdr_checksum = 0;
		ip4->hdr_checksum = rte_ipv4_cksum(ip4);
		tcp->cksum = rte_ipv4_phdr_cksum(ip4, 0);
	}
}

/* Payload of `m` behind `skip` bytes of headers. */
static unsigned gather(struct iovec *iov, const struct rte_mbuf *m, unsigned skip)
{
	unsigned n = 0;

	for (; m; m = m->next, skip = 0)
		if (m->data_len > skip)
			iov[n++] = (struct iovec){
				rte_pktmbuf_mtod_offset(m, void *, skip), m->data_len - skip};
	return n;
}

unsigned port_merge(struct port_merged *merged, struct rte_mbuf *const *pkts, unsigned run)
{
	struct segment first = {0}, last = {0};
	uint32_t payload = 0;
	unsigned n = 2;

	segment_of(&first, pkts[0]);
	segment_of(&last, pkts[run - 1]);
	memcpy(merged->headers, first.frame, first.headers);
	for (unsigned i = 0; i < run; i++) {
		if (n + pkts[i]->nb_segs > ARRAY_SIZE(merged->iov))
			return 0;
		n += gather(merged->iov + n, pkts[i], first.headers);
		payload += pkts[i]->pkt_len - first.headers;
	}
	lengthen(merged, &first, payload, tcp_of(&last)->tcp_flags);
	merged->vnet = (struct virtio_net_hdr){
		.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
		.gso_type = first.v6 ? VIRTIO_NET_HDR_GSO_TCPV6 : VIRTIO_NET_HDR_GSO_TCPV4,
		.hdr_len = first.headers,
		.gso_size = first.payload,
		.csum_start = first.l4,
		.csum_offset = offsetof(struct rte_tcp_hdr, cksum),
	};
	merged->iov[0] = (struct iovec){&merged->vnet, sizeof(merged->vnet)};
	merged->iov[1] = (struct iovec){merged->headers, first.headers};
	return n;
}
