/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * vnet: what the kernel says about a frame in a struct virtio_net_hdr (virtio 1.2, 5.1.6) as mbuf
 * offload flags, and back.
 *
 * The flags name a TCP or UDP header, the kernel names a byte offset. They agree for the first
 * transport header of a frame. A partial checksum further in (the sender runs a tunnel of its own,
 * IPv6 extension headers) is finished here, where the offset is still known; a super-packet inside
 * a tunnel keeps its flags with RTE_MBUF_F_TX_TUNNEL_* so that nobody takes them for the outer
 * header's.
 */
#include "port/port_int.h"

#include <netinet/in.h>
#include <rte_ether.h>
#include <rte_ip.h>
#include <string.h>

#ifndef VIRTIO_NET_HDR_GSO_UDP_L4
#define VIRTIO_NET_HDR_GSO_UDP_L4 5
#endif

#define TCP_CSUM_AT 16
#define UDP_CSUM_AT 6

struct spot {
	uint16_t l3, l4; /* byte offsets; l4 0: not IP, or not reached */
	uint8_t proto;
	bool v6;
};

static const void *at(const struct rte_mbuf *m, uint32_t off, uint32_t len)
{
	return off + len <= m->data_len ? rte_pktmbuf_mtod_offset(m, const void *, off) : NULL;
}

static struct spot locate(const struct rte_mbuf *m)
{
	struct spot s = {.l3 = 14};
	const uint16_t *type = at(m, 12, 2);
	const struct rte_ipv4_hdr *ip4;
	const struct rte_ipv6_hdr *ip6;

	while (type &&
		(*type == htons(RTE_ETHER_TYPE_VLAN) || *type == htons(RTE_ETHER_TYPE_QINQ)) &&
		s.l3 < PORT_L2_MAX) {
		s.l3 += 4;
		type = at(m, s.l3 - 2, 2);
	}
	if (type && *type == htons(RTE_ETHER_TYPE_IPV4) && (ip4 = at(m, s.l3, sizeof(*ip4)))) {
		s.l4 = s.l3 + rte_ipv4_hdr_len(ip4);
		s.proto = ip4->next_proto_id;
	} else if (type && *type == htons(RTE_ETHER_TYPE_IPV6) &&
		   (ip6 = at(m, s.l3, sizeof(*ip6)))) {
		s.l4 = s.l3 + sizeof(*ip6);
		s.proto = ip6->proto;
		s.v6 = true;
	}
	return s;
}

/* RFC 1071 over everything from `start`; the field holds the pseudo-header sum and so adds it. */
static int finish(struct rte_mbuf *m, uint32_t start, uint32_t offset)
{
	uint16_t sum, *field = (uint16_t *)(uintptr_t)at(m, start + offset, 2);

	if (!field || start >= m->pkt_len ||
		rte_raw_cksum_mbuf(m, start, m->pkt_len - start, &sum) < 0)
		return -1;
	sum = ~sum;
	*field = sum == 0 && offset == UDP_CSUM_AT ? 0xffff : sum;
	return 0;
}

/* GSO without a partial checksum (a NIC that merges): give the field the pseudo-header sum. */
static int make_partial(struct rte_mbuf *m, const struct spot *s, uint32_t offset)
{
	uint16_t *field = (uint16_t *)(uintptr_t)at(m, s->l4 + offset, 2);
	const void *ip = at(m, s->l3, s->v6 ? 40 : 20);

	if (!field || !ip)
		return -1;
	*field = s->v6 ? rte_ipv6_phdr_cksum(ip, 0) : rte_ipv4_phdr_cksum(ip, 0);
	return 0;
}

static int gso_to_mbuf(const struct virtio_net_hdr *hdr, struct rte_mbuf *m, uint32_t start)
{
	unsigned type = hdr->gso_type & ~VIRTIO_NET_HDR_GSO_ECN;
	bool udp = type == VIRTIO_NET_HDR_GSO_UDP_L4, v6 = type == VIRTIO_NET_HDR_GSO_TCPV6;
	struct spot s = locate(m);
	bool partial = hdr->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM;
	bool first = !partial || start == s.l4 ||
		     (s.v6 && s.proto != IPPROTO_UDP && s.proto != IPPROTO_GRE &&
			     s.proto != IPPROTO_IPIP && s.proto != IPPROTO_IPV6);

	if ((!udp && !v6 && type != VIRTIO_NET_HDR_GSO_TCPV4) || hdr->gso_size == 0 || s.l4 == 0)
		return -1;
	if (!partial && make_partial(m, &s, udp ? UDP_CSUM_AT : TCP_CSUM_AT) < 0)
		return -1;
	if (udp)
		v6 = s.v6;
	m->tso_segsz = hdr->gso_size;
	m->ol_flags |= RTE_MBUF_F_RX_L4_CKSUM_NONE |
		       (v6 ? RTE_MBUF_F_TX_IPV6 : RTE_MBUF_F_TX_IPV4) |
		       (udp ? RTE_MBUF_F_TX_UDP_SEG | RTE_MBUF_F_TX_UDP_CKSUM
			    : RTE_MBUF_F_TX_TCP_SEG | RTE_MBUF_F_TX_TCP_CKSUM);
	if (!first)
		m->ol_flags |= s.proto == IPPROTO_GRE ? RTE_MBUF_F_TX_TUNNEL_GRE
						      : RTE_MBUF_F_TX_TUNNEL_VXLAN;
	return 0;
}

static int csum_to_mbuf(const struct virtio_net_hdr *hdr, struct rte_mbuf *m, uint32_t start)
{
	struct spot s = locate(m);
	bool tcp = s.proto == IPPROTO_TCP && hdr->csum_offset == TCP_CSUM_AT;
	bool udp = s.proto == IPPROTO_UDP && hdr->csum_offset == UDP_CSUM_AT;

	if (start != s.l4 || !(tcp || udp))
		return finish(m, start, hdr->csum_offset);
	m->ol_flags |= RTE_MBUF_F_RX_L4_CKSUM_NONE |
		       (s.v6 ? RTE_MBUF_F_TX_IPV6 : RTE_MBUF_F_TX_IPV4) |
		       (tcp ? RTE_MBUF_F_TX_TCP_CKSUM : RTE_MBUF_F_TX_UDP_CKSUM);
	return 0;
}

void port_vnet_from_rx(struct rte_mbuf *m)
{
	struct spot s = locate(m);
	bool tcp = s.proto == IPPROTO_TCP, lro = m->ol_flags & RTE_MBUF_F_RX_LRO;
	bool none = (m->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK) == RTE_MBUF_F_RX_L4_CKSUM_NONE;

	if (s.l4 == 0 || !(tcp || s.proto == IPPROTO_UDP) || (lro && m->tso_segsz == 0))
		return;
	if (!none && make_partial(m, &s, tcp ? TCP_CSUM_AT : UDP_CSUM_AT) < 0)
		return;
	m->ol_flags |= RTE_MBUF_F_RX_L4_CKSUM_NONE |
		       (s.v6 ? RTE_MBUF_F_TX_IPV6 : RTE_MBUF_F_TX_IPV4) |
		       (tcp ? RTE_MBUF_F_TX_TCP_CKSUM : RTE_MBUF_F_TX_UDP_CKSUM);
	if (lro)
		m->ol_flags |= tcp ? RTE_MBUF_F_TX_TCP_SEG : RTE_MBUF_F_TX_UDP_SEG;
}

int port_vnet_to_mbuf(const struct virtio_net_hdr *hdr, struct rte_mbuf *m, unsigned vlan_bytes)
{
	uint32_t start = (uint32_t)hdr->csum_start + vlan_bytes;

	if ((hdr->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) && start + hdr->csum_offset + 2 > m->pkt_len)
		return -1;
	if (hdr->gso_type != VIRTIO_NET_HDR_GSO_NONE)
		return gso_to_mbuf(hdr, m, start);
	if (hdr->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM)
		return csum_to_mbuf(hdr, m, start);
	if (hdr->flags & VIRTIO_NET_HDR_F_DATA_VALID)
		m->ol_flags |= RTE_MBUF_F_RX_L4_CKSUM_GOOD;
	return 0;
}

void port_vnet_from_mbuf(const struct rte_mbuf *m, struct virtio_net_hdr *hdr)
{
	const uint64_t seg = RTE_MBUF_F_TX_TCP_SEG | RTE_MBUF_F_TX_UDP_SEG;
	bool udp = m->ol_flags & RTE_MBUF_F_TX_UDP_SEG ||
		   (m->ol_flags & RTE_MBUF_F_TX_L4_MASK) == RTE_MBUF_F_TX_UDP_CKSUM;
	unsigned start = m->l2_len + m->l3_len;

	memset(hdr, 0, sizeof(*hdr));
	if (!(m->ol_flags & (RTE_MBUF_F_TX_L4_MASK | seg))) {
		if ((m->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK) == RTE_MBUF_F_RX_L4_CKSUM_GOOD)
			hdr->flags = VIRTIO_NET_HDR_F_DATA_VALID;
		return;
	}
	if (m->ol_flags & RTE_MBUF_F_TX_TUNNEL_MASK)
		start += m->outer_l2_len + m->outer_l3_len;
	hdr->flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
	hdr->csum_start = start;
	hdr->csum_offset = udp ? UDP_CSUM_AT : TCP_CSUM_AT;
	if (!(m->ol_flags & seg))
		return;
	hdr->hdr_len = start + m->l4_len;
	hdr->gso_size = m->tso_segsz;
	hdr->gso_type = udp                                ? VIRTIO_NET_HDR_GSO_UDP_L4
			: m->ol_flags & RTE_MBUF_F_TX_IPV6 ? VIRTIO_NET_HDR_GSO_TCPV6
							   : VIRTIO_NET_HDR_GSO_TCPV4;
}
