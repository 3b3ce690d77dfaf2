/* SPDX-License-Identifier: BSD-3-Clause */
/* Insides of room packet: what its files share with each other and with their unit tests. */
#ifndef PACKET_PACKET_INT_H
#define PACKET_PACKET_INT_H

#include "packet/packet.h"

#include <string.h>

#include <rte_byteorder.h>

#define PKT_ETH_LEN 14u
#define PKT_VLAN_LEN 4u
#define PKT_IP4_LEN 20u
#define PKT_IP6_LEN 40u
#define PKT_UDP_LEN 8u
#define PKT_TCP_LEN 20u
#define PKT_ICMP_LEN 8u
#define PKT_SCTP_LEN 12u
#define PKT_ESP_LEN 8u
#define PKT_ARP_LEN 28u
#define PKT_VXLAN_LEN 8u

#define PKT_EXT_MAX 8u  /* IPv6 extension headers; RFC 8504 lets a node choose, Linux has 8 */
#define PKT_MPLS_MAX 8u /* labels */
#define PKT_GTP_EXT_MAX 8u

#define PKT_ET_IP4 0x0800u
#define PKT_ET_ARP 0x0806u
#define PKT_ET_TEB 0x6558u /* transparent Ethernet bridging */
#define PKT_ET_VLAN 0x8100u
#define PKT_ET_QINQ 0x88a8u
#define PKT_ET_QINQ_OLD 0x9100u
#define PKT_ET_IP6 0x86ddu

#define PKT_PROTO_HBH 0u
#define PKT_PROTO_ICMP 1u
#define PKT_PROTO_IP4 4u
#define PKT_PROTO_TCP 6u
#define PKT_PROTO_UDP 17u
#define PKT_PROTO_IP6 41u
#define PKT_PROTO_ROUTING 43u
#define PKT_PROTO_FRAGMENT 44u
#define PKT_PROTO_GRE 47u
#define PKT_PROTO_ESP 50u
#define PKT_PROTO_AH 51u
#define PKT_PROTO_ICMP6 58u
#define PKT_PROTO_NONE 59u
#define PKT_PROTO_DSTOPT 60u
#define PKT_PROTO_SCTP 132u
#define PKT_PROTO_MOBILITY 135u
#define PKT_PROTO_HIP 139u
#define PKT_PROTO_SHIM6 140u

#define PKT_TCP_FIN 0x01u
#define PKT_TCP_SYN 0x02u
#define PKT_TCP_RST 0x04u
#define PKT_TCP_PSH 0x08u
#define PKT_TCP_ACK 0x10u
#define PKT_TCP_CWR 0x80u

/* Unaligned loads and stores; "be" gives and takes host order. */
static inline uint16_t pkt_get16(const void *p)
{
	uint16_t v;

	memcpy(&v, p, 2);
	return v;
}

static inline uint32_t pkt_get32(const void *p)
{
	uint32_t v;

	memcpy(&v, p, 4);
	return v;
}

static inline uint16_t pkt_be16(const void *p)
{
	return rte_be_to_cpu_16(pkt_get16(p));
}

static inline uint32_t pkt_be32(const void *p)
{
	return rte_be_to_cpu_32(pkt_get32(p));
}

static inline void pkt_put16(void *p, uint16_t v)
{
	memcpy(p, &v, 2);
}

static inline void pkt_put32(void *p, uint32_t v)
{
	memcpy(p, &v, 4);
}

static inline void pkt_put_be16(void *p, uint16_t v)
{
	pkt_put16(p, rte_cpu_to_be_16(v));
}

static inline void pkt_put_be32(void *p, uint32_t v)
{
	pkt_put32(p, rte_cpu_to_be_32(v));
}

/* UDP destination ports of tunnels, wire order, 0 = none; index = position, types beside. */
#define PKT_TUNNEL_PORTS 8
typedef uint16_t pkt_port_vector __attribute__((vector_size(16)));

struct pkt_tunnel_ports {
	union {
		pkt_port_vector vector;
		uint16_t port[PKT_TUNNEL_PORTS];
	};
	uint8_t tun[PKT_TUNNEL_PORTS];
};
extern struct pkt_tunnel_ports pkt_tunnel_ports;

/* The parse that knows everything; pkt_parse() tries the common shapes first. */
int pkt_parse_slow(struct rte_mbuf *m, struct pkt_parse *p);

/* One frame or datagram at off, which ends before end: used for quoted packets too. `quoted`
 * accepts a datagram cut off after 8 bytes of L4. Returns an enum drop_reason. */
enum drop_reason pkt_parse_ip(
	struct rte_mbuf *m, struct pkt_headers *h, uint32_t off, uint32_t end, bool quoted);

/* Move all offsets by n bytes (a header was put in front, or taken away). */
void pkt_shift(struct pkt_parse *p, int n);

/* Cut n bytes off the end, over segments (rte_pktmbuf_trim stays within the last one). */
bool pkt_trim(struct rte_mbuf *m, uint32_t n);

/* All fields absent. */
void pkt_headers_clear(struct pkt_headers *h);

#endif
