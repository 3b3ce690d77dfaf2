/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Room packet: one packet at a time, no tables, no ports, no time.
 *
 * A packet is a DPDK mbuf chain (multi-segment everywhere). Everything starts with the parse: it
 * says which headers there are and where, in one cache line, and every other file of the room (and
 * the flow key, and the eswitch) works from these offsets instead of looking again.
 *
 *   packet.h   parse: struct pkt_parse                              every packet
 *   csum.h     checksums over mbuf chains, verify and finish
 *   edit.h     rewrite fields, VLAN, NAT, MSS; checksums stay right
 *   tunnel.h   encap from a template prepared once, decap
 *   segment.h  TSO/USO in software, partial checksums finished, IP fragments
 *   build.h    ARP, neighbour discovery, ICMP errors, TCP RST, echo reply
 *   format.h   a packet as one line or as a tree of lines
 *   pcap.h     packets into a capture file
 *
 * Model. A frame is Ethernet [VLAN [VLAN]] L3 L4 payload; behind a recognised tunnel there is one
 * inner frame (or inner IP datagram) of the same shape. Deeper tunnels are payload of the inner.
 * Offsets are bytes from the first byte of the frame; PKT_ABSENT says there is no such header.
 *
 *	struct pkt_parse p;
 *	if (pkt_parse(m, &p) < 0)
 *		return drop(m, p.drop);                  // named: DROP_IP4_BAD_IHL, ...
 *	if (p.outer.l3_type == PKT_L3_IP4)
 *		ip = pkt_at(m, p.outer.l3);              // struct rte_ipv4_hdr *, contiguous
 *
 * What the parse promises:
 *  - never reads outside the packet; each length field is checked against what is really there;
 *  - a lying or truncated *outer* header is a named drop. A bad tunnel or *inner* header is not:
 *the packet may just be passing through. Then inner is absent and inner_drop holds the reason,
 *    which whoever wants to decapsulate uses as the drop reason;
 *  - all headers it reports, outer.l2 up to the end of the last reported L4 header, are contiguous
 *    in the first segment (bytes are pulled up when they were not), so pkt_at() may be used;
 *  - the IPv4 header checksum is verified (unless the mbuf says the device did) and reported as
 *    PKT_BAD_IP_CSUM, not dropped: matching on it is a feature of DOCA Flow. L4 checksums are only
 *    looked at when somebody asks (csum.h).
 *
 * VLAN tags must be in the frame: ports do not strip them. mbuf l2_len/l3_len/... are not read;
 *they are written at egress only (csum.h, pkt_set_offload_lengths). A packet whose L4 checksum is
 *still to be done carries RTE_MBUF_F_TX_{TCP,UDP}_CKSUM and the pseudo-header sum in its checksum
 *field, a super-packet also RTE_MBUF_F_TX_{TCP,UDP}_SEG and tso_segsz, from receive to transmit.
 *
 * Threads: everything is a pure function of its arguments, except the tunnel port numbers, which
 * are set before traffic starts (pkt_set_tunnel_port).
 *
 * Limits: 2 VLAN tags (a third makes PKT_L3_OTHER), 8 IPv6 extension headers, 8 MPLS labels, one
 * tunnel level, headers within the first 65,535 bytes, IP datagrams up to 65,535 (IPv4) or 65,575
 * bytes (IPv6): no jumbograms (RFC 2675).
 */
#ifndef PACKET_PACKET_H
#define PACKET_PACKET_H

#include "base/base.h"
#include "base/drop.h"

#include <rte_mbuf.h>

enum pkt_l2 {
	PKT_L2_NONE, /* an inner IP datagram without Ethernet header */
	PKT_L2_ETH,
	PKT_L2_VLAN, /* one tag */
	PKT_L2_QINQ, /* two tags */
};

enum pkt_l3 {
	PKT_L3_NONE,
	PKT_L3_IP4,
	PKT_L3_IP6,
	PKT_L3_ARP, /* Ethernet/IPv4 ARP; others are OTHER */
	PKT_L3_OTHER,
};

enum pkt_l4 {
	PKT_L4_NONE, /* no L3 that carries one, a later fragment, or IPv6 "no next header" */
	PKT_L4_TCP,
	PKT_L4_UDP,
	PKT_L4_ICMP,  /* over IPv4 */
	PKT_L4_ICMP6, /* over IPv6 */
	PKT_L4_SCTP,
	PKT_L4_ESP,
	PKT_L4_OTHER, /* l4 is the offset of its first byte, l4_proto says which; nothing was
			 checked */
};

enum pkt_tun {
	PKT_TUN_NONE,
	PKT_TUN_VXLAN,
	PKT_TUN_VXLAN_GPE,
	PKT_TUN_GENEVE,
	PKT_TUN_GRE,
	PKT_TUN_NVGRE, /* GRE carrying Ethernet, with a key and nothing else (RFC 7637) */
	PKT_TUN_GTPU,
	PKT_TUN_IPIP, /* IPv4 or IPv6 in IPv4 or IPv6: no tunnel header, tun == tun_end == inner.l3
		       */
	PKT_TUN_MPLS_UDP,
	PKT_TUN_PSP, /* the inner is encrypted: absent */
	PKT_TUN_ESP, /* the inner is encrypted: absent */
	PKT_TUN_COUNT,
};

#define PKT_ABSENT 0xffffu

/* pkt_headers.flags */
#define PKT_FRAG 0x01u        /* any fragment: offset != 0 or more fragments follow */
#define PKT_FRAG_LATER 0x02u  /* offset != 0: there is no L4 header here */
#define PKT_IP_OPTIONS 0x04u  /* IPv4 header longer than 20 bytes */
#define PKT_EXT_HEADERS 0x08u /* IPv6 extension headers (or an AH) between l3 and l4 */
#define PKT_BAD_IP_CSUM 0x10u /* IPv4 header checksum is wrong */
#define PKT_ROUTING                                                          \
	0x20u /* IPv6 routing header with segments left: the pseudo header's \
	       * destination is not the header's (RFC 8200 sec. 8.1) */

/* Only from pkt_parse_lenient: the header's lengths are wrong; nothing behind it is parsed. */
#define PKT_BAD_L3 0x40u
#define PKT_BAD_L4 0x80u

/* The headers of one frame. 24 bytes. */
struct pkt_headers {
	uint16_t l2, l3, l4; /* offsets of the headers' first bytes */
	uint16_t payload;    /* first byte after the L4 header; PKT_ABSENT without a known L4 */
	uint32_t l3_end;     /* first byte after the IP datagram (padding excluded); the end of the
			      * frame for other L3. May pass 65,535. */
	uint16_t ext;        /* IPv6 fragment header's offset, PKT_ABSENT without one */
	uint16_t ethertype;  /* of L3, after the tags, as on the wire (big-endian); for inner IP
			      * without Ethernet the ethertype its version implies */
	uint8_t l2_type, l3_type, l4_type; /* enum pkt_l2, pkt_l3, pkt_l4 */
	uint8_t l4_proto;                  /* IP protocol after all extension headers */
	uint8_t flags;                     /* PKT_FRAG ... */
	uint8_t nr_ext;                    /* extension headers between l3 and l4 */
	uint16_t l4_len;                   /* bytes of the L4 header: payload - l4; 0 if unknown */
};

/* One packet's parse; one cache line. Fields of an absent header are PKT_ABSENT / 0. */
struct pkt_parse {
	struct pkt_headers outer, inner;
	uint16_t tun;       /* first byte of the tunnel header (after UDP, the GRE header, ...) */
	uint16_t tun_end;   /* first byte of the inner frame or datagram */
	uint8_t tun_type;   /* enum pkt_tun */
	uint8_t drop;       /* enum drop_reason: the outer is unusable; nothing else is valid */
	uint8_t inner_drop; /* enum drop_reason: why tunnel or inner could not be parsed */
	uint8_t spare;
	uint32_t shape;   /* PKT_SHAPE_*: all types and flags in one comparable word */
	uint32_t pkt_len; /* rte_pktmbuf_pkt_len at the time of the parse */
} __attribute__((aligned(64)));

_Static_assert(sizeof(struct pkt_headers) == 24, "two of them and the tunnel fit a line");
_Static_assert(sizeof(struct pkt_parse) == 64, "one cache line");

/* Layout of pkt_parse.shape. Equal shapes: the same header types at both levels (not the same
 * offsets: option lengths differ). The flow key and the flow cache use it. */
#define PKT_SHAPE_L2_SHIFT 0
#define PKT_SHAPE_L3_SHIFT 2
#define PKT_SHAPE_L4_SHIFT 5
#define PKT_SHAPE_FRAG (1u << 9)
#define PKT_SHAPE_FRAG_LATER (1u << 10)
#define PKT_SHAPE_TUN_SHIFT 11
#define PKT_SHAPE_INNER_L2_SHIFT 15
#define PKT_SHAPE_INNER_L3_SHIFT 17
#define PKT_SHAPE_INNER_L4_SHIFT 20
#define PKT_SHAPE_INNER_FRAG (1u << 24)
#define PKT_SHAPE_INNER_FRAG_LATER (1u << 25)
#define PKT_SHAPE_BAD_IP_CSUM (1u << 26)
#define PKT_SHAPE_INNER_BAD_IP_CSUM (1u << 27)

/* Recompute p->shape after changing types or flags by hand (edit.h and tunnel.h do it themselves).
 */
uint32_t pkt_shape(const struct pkt_parse *p);

/*
 * Parse one packet. Returns 0, or -drop (and p->drop = drop) when the outer headers are unusable.
 * May move bytes from later segments into the first one; never changes packet bytes. When that is
 * impossible (the first segment's buffer is shared or full) the drop is DROP_HEADER_SPLIT.
 */
int pkt_parse(struct rte_mbuf *m, struct pkt_parse *p);

/* As pkt_parse, for those who steer broken packets instead of dropping them: wrong lengths and impossible fragments are
 * no reason to drop, but set PKT_BAD_L3, PKT_BAD_L4. Never for packets that leave by a stack of ours. */
int pkt_parse_lenient(struct rte_mbuf *m, struct pkt_parse *p);

/* The same for a burst; p[i].drop tells which failed. Eight at a time where the machine has AVX-512.
 * The first cache line of each packet is best on its way already. */
void pkt_parse_burst(struct rte_mbuf **m, struct pkt_parse *p, unsigned n);

/*
 * Change the UDP port by which a tunnel is recognised (host order; 0 = never). Defaults: VXLAN
 * 4789, GPE 4790, Geneve 6081, GTP-U 2152, MPLS 6635, PSP 1000. Before traffic starts. -EINVAL for
 * a tunnel that has no UDP port, -EEXIST if another tunnel has the port.
 */
int pkt_set_tunnel_port(enum pkt_tun tun, uint16_t port);
uint16_t pkt_tunnel_port(enum pkt_tun tun);

/*
 * Make the first n bytes of the packet contiguous in the first segment. 0, -DROP_HEADER_SPLIT.
 * The data pointer may move.
 */
int pkt_pull(struct rte_mbuf *m, uint32_t n);

/* Address of a byte of the first segment; off comes from a parse. */
static inline void *pkt_at(const struct rte_mbuf *m, uint32_t off)
{
	return (uint8_t *)m->buf_addr + m->data_off + off;
}

/* Names for people: "eth", "vlan", "ip4", "tcp", "vxlan"; static storage. */
const char *pkt_l2_name(enum pkt_l2 t);
const char *pkt_l3_name(enum pkt_l3 t);
const char *pkt_l4_name(enum pkt_l4 t);
const char *pkt_tun_name(enum pkt_tun t);

#endif
