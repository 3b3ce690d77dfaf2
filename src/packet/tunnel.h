/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tunnel: put a packet into a tunnel and take it out.
 *
 * Encap. A template of up to 128 bytes (Ethernet [VLAN] IP [UDP] tunnel header) is prepared once
 *per tunnel; per packet it is copied in front and only lengths, the UDP source port (flow entropy),
 * DSCP/ECN and the IPv4 header checksum (incremental from the template's) are patched. Outer IPv4
 *has id 0 and DF set unless the template says otherwise.
 *
 *	struct pkt_encap_config c = {.type = PKT_TUN_VXLAN, .vni = 100, .ttl = 64, .entropy = true,
 *...}; struct pkt_encap e; pkt_encap_init(&e, &c);                    // control path; refuses what
 *cannot be drop = -pkt_encap(m, &p, &e, hash);        // burst path; p describes the new packet
 *
 * A packet whose L4 checksum is still to be done, or a super-packet, stays that way: after encap
 *its flags speak of the inner headers (RTE_MBUF_F_TX_TUNNEL_*), and if the outer UDP wants a
 *checksum RTE_MBUF_F_TX_OUTER_UDP_CKSUM says so. Lengths in the outer headers are those of the
 *super-packet; segment.h (or a device) writes the real ones.
 *
 * Decap removes everything in front of the inner frame. An inner IP datagram without Ethernet gets
 *the header given by the caller.
 *
 * A packet that already is in a tunnel can be encapsulated once more: then the parse afterwards
 *sees the new tunnel and, as its inner, the old outer.
 */
#ifndef PACKET_TUNNEL_H
#define PACKET_TUNNEL_H

#include "packet/csum.h"

#include <rte_ether.h>

#define PKT_ENCAP_MAX 128

/* RFC 6040 and RFC 2983: what the outer DSCP/ECN byte takes from the inner. */
enum pkt_tos_copy {
	PKT_TOS_FIXED,    /* the template's byte, ECN zero ("compatibility mode") */
	PKT_TOS_COPY_ECN, /* the template's DSCP, the inner's ECN ("normal mode", RFC 6040) */
	PKT_TOS_COPY,     /* both from the inner */
};

struct pkt_encap_config {
	enum pkt_tun type; /* VXLAN, VXLAN_GPE, GENEVE, GRE, NVGRE, GTPU, IPIP, MPLS_UDP */
	struct rte_ether_addr dst_mac, src_mac;
	uint16_t vlan_tci; /* with has_vlan */
	bool has_vlan;
	bool ip6;                 /* family of the outer addresses */
	uint8_t src[16], dst[16]; /* wire order */
	uint8_t ttl;              /* 0 = 64 */
	uint8_t tos;
	enum pkt_tos_copy tos_copy;
	uint32_t flow_label; /* IPv6; 0 with entropy: derived per flow (RFC 6438) */
	bool udp_csum;       /* compute the outer UDP checksum (else 0, RFC 6935) */
	bool entropy; /* UDP source port from the flow's hash, 49152..65535 (RFC 7348 sec. 5) */
	bool ip4_fragment; /* leave DF clear */
	uint16_t sport;    /* host order, without entropy */
	uint16_t dport;    /* host order; 0 = the tunnel's own (pkt_tunnel_port) */
	uint32_t vni;      /* VNI, VSID, GRE key, TEID or MPLS label */
	bool has_key;      /* GRE: vni is the key; MPLS: unused */
	bool inner_l2; /* GRE, GENEVE, GPE, MPLS: carry the Ethernet frame; VXLAN and NVGRE always,
			* GTP-U and IP-in-IP never */
	const uint8_t *options; /* Geneve TLVs, GTP-U extension (PSC: 4 bytes and length unit rules
				 * are checked); NULL without */
	uint8_t options_len;
};

/* Prepared template. Read-only in the burst path, shared by threads. */
struct pkt_encap {
	uint8_t bytes[PKT_ENCAP_MAX];
	struct pkt_headers outer; /* what the parse says of the template; l3_end is not known */
	uint32_t shape;           /* PKT_SHAPE_* of the outer and the tunnel */
	uint8_t len;              /* bytes to put in front */
	uint8_t l3;               /* offset of the IP header; 0 = none, nothing is patched */
	uint8_t l4;               /* offset after the IP header: UDP, GRE, or == len for IP-in-IP */
	uint8_t tun;              /* offset of the tunnel header */
	uint8_t tun_type;         /* enum pkt_tun; NONE if the bytes are no tunnel we know */
	bool ip6, has_udp, udp_csum, entropy, label_entropy;
	bool inner_l2;     /* keep the inner Ethernet header */
	bool simple;       /* L2 in UDP without a checksum: per packet only lengths, the source port and */
	bool fixed_ip;     /* unless this, DSCP, ECN and flow label are made from the inner headers */
	uint8_t tos_copy;  /* enum pkt_tos_copy */
	uint8_t proto_off; /* where the inner's type goes when it depends on the packet; 0 = nowhere
			    */
	uint16_t ip_csum;  /* sum of the IPv4 header with total length 0, not inverted */
};

/* 0; -EINVAL with refuse() for impossible configurations. */
int pkt_encap_init(struct pkt_encap *e, const struct pkt_encap_config *c);

/*
 * From raw header bytes (rte_flow RAW_ENCAP, DOCA templates): offsets are found by parsing them; a
 * UDP checksum field that is not zero asks for udp_csum; lengths and the IPv4 checksum in the bytes
 * are ignored, everything else (also id, DF, UDP source port) is kept. inner_l2 as above. -EINVAL
 * with refuse() when the bytes are no such headers. A template without IP (a plain Ethernet or MPLS
 * push) is accepted: nothing is patched then.
 */
int pkt_encap_init_raw(struct pkt_encap *e, const void *bytes, size_t len, bool inner_l2);

/* Put it in front. entropy: any hash of the inner flow. 0; -DROP_EDIT_NO_ROOM (headroom, or the
 * outer datagram would pass 65,535 bytes), -DROP_EDIT_NO_HEADER (an L3 tunnel and no IP packet). */
int pkt_encap(struct rte_mbuf *m, struct pkt_parse *p, const struct pkt_encap *e, uint32_t entropy);

/* The same for a packet that leaves now: what it looks like afterwards nobody asks any more, so p is not kept. */
int pkt_encap_last(
	struct rte_mbuf *m, struct pkt_parse *p, const struct pkt_encap *e, uint32_t entropy);

/* The UDP source port pkt_encap writes for this hash (host order). */
static inline uint16_t pkt_entropy_port(uint32_t hash)
{
	return 0xc000u | ((hash ^ (hash >> 16)) & 0x3fffu);
}

/*
 * Take it out. eth/eth_len: the Ethernet (and VLAN) header for an inner without one; its ethertype
 * is written by this function; may be NULL for L2 tunnels. The congestion mark of the outer moves
 * to the inner (RFC 6040 sec. 4.2). 0; the inner's own drop reason if it could not be parsed;
 * -DROP_EDIT_NO_HEADER if there is no tunnel; -DROP_TUNNEL_ECN (congestion experienced, but the
 * inner transport cannot be told: must be dropped).
 */
int pkt_decap(struct rte_mbuf *m, struct pkt_parse *p, const void *eth, unsigned eth_len);

#endif
