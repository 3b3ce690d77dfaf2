/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * key: everything a rule can look at, in one fixed layout of six 64-byte lines.
 *
 *   line 0  HOT     where from (port, domain, resume), parse shape, metadata, outer addresses, ports, VNI
 *   line 1  INNER   the same 5-tuple of the inner headers behind a tunnel
 *   line 2  LINK    outer Ethernet and VLANs, the rest of the outer IP header, TCP/ICMP details
 *   line 3  META    scratch words, parser metadata (checksums ok, meter colour, random, hash, syndromes)
 *   line 4  TUNNEL  what tunnels carry: VXLAN, Geneve, GRE, GTP-U, ESP, MPLS, PSP, custom header bytes
 *   line 5  DEEP    inner Ethernet/VLAN/IP details, Geneve options, RoCE BTH
 *
 * A table states which lines its mask touches; the burst builds only lines some table of the switch
 * needs (flow_ctx keeps the union), so plain 5-tuple switching reads and hashes one line. Addresses: an
 * IPv4 address sits in the first four bytes, the rest is zero; the shape tells the families apart.
 * Header and metadata fields are in network byte order as on the wire; port, domain, resume, shape and
 * parser metadata in host order. Bits of headers a packet does not have are zero AND its shape differs, so
 * a mask over such bits always includes the shape bits that say the header is there (field.h does that).
 */
#ifndef FLOW_KEY_H
#define FLOW_KEY_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "flow/flow.h"
#include "packet/packet.h"

#define FLOW_KEY_LINE 64
#define FLOW_KEY_LINES 6
#define FLOW_KEY_SIZE (FLOW_KEY_LINE * FLOW_KEY_LINES)

/* Parse shape: what headers there are, packed so that "is TCP over IPv4" is a masked compare. */
enum {
	FLOW_SHAPE_L2 = 0x0003,      /* enum pkt_l2 */
	FLOW_SHAPE_L3 = 0x001c,      /* enum pkt_l3 << 2 */
	FLOW_SHAPE_L4 = 0x01e0,      /* enum pkt_l4 << 5 */
	FLOW_SHAPE_FRAG = 0x0200,    /* any fragment */
	FLOW_SHAPE_LATER = 0x0400,   /* a later fragment: no transport header */
	FLOW_SHAPE_TUN = 0xf000,     /* enum pkt_tun << 12, outer shape only */
};
#define FLOW_SHAPE_L3_SHIFT 2
#define FLOW_SHAPE_L4_SHIFT 5
#define FLOW_SHAPE_TUN_SHIFT 12

struct flow_key_hot {
	uint16_t port;    /* ingress port id, or the egress port id in the egress domains */
	uint8_t domain;   /* enum flow_domain */
	uint8_t tcp_flags; /* outer; low 8 bits */
	uint16_t resume;  /* pipe to go on with; 0 = the root of (port, domain) */
	uint16_t shape;   /* outer shape */
	uint32_t pkt_meta; /* DOCA pkt_meta / transmit metadata */
	uint32_t mark;    /* mark, and the connection zone of CT pipes */
	uint8_t src[16], dst[16];
	uint16_t sport, dport; /* TCP, UDP, SCTP; ICMP: type<<8|code and identifier */
	uint8_t proto;    /* final protocol number after extension headers */
	uint8_t ttl;
	uint8_t tos;      /* DSCP and ECN / traffic class */
	uint8_t pad;
	uint32_t vni;     /* VXLAN VNI, Geneve VNI, GTP TEID, GRE key, ESP SPI: the tunnel's identifier, as on the wire in its low bytes */
	uint16_t vlan;    /* outermost TCI, 0 if untagged */
	uint16_t ethertype; /* final ethertype, network order */
};

struct flow_key_inner {
	uint16_t shape;
	uint8_t proto, ttl;
	uint8_t src[16], dst[16];
	uint16_t sport, dport;
	uint8_t tos, tcp_flags;
	uint16_t vlan;
	uint16_t ethertype;
	uint8_t pad[2];
	uint64_t utc;               /* nobody's: the clock is read when an action copies it */
	uint8_t pad1[8];
};

struct flow_key_link {
	uint8_t dmac[6], smac[6];
	uint16_t vlan0, vlan1;      /* TCIs outermost first */
	uint16_t vlan0_tpid, vlan1_tpid;
	uint16_t type;              /* the Ethernet type field right behind the MACs/VLANs */
	uint8_t version_ihl;        /* IPv4 */
	uint8_t pad0;
	uint16_t total_len;         /* IPv4 total length / IPv6 payload length */
	uint16_t ip_id, frag_off;   /* IPv4 flags+offset */
	uint32_t flow_label;        /* IPv6 version+tc+label word, version masked out */
	uint32_t tcp_seq, tcp_ack;
	uint16_t tcp_window;
	uint8_t tcp_data_off;
	uint8_t icmp_type, icmp_code;
	uint8_t ip6_next;           /* the fixed header's next-header field */
	uint16_t icmp_id;
	uint16_t udp_len, l4_csum;
	uint16_t ip_csum;
	uint8_t pad1[6];
};

struct flow_key_meta {
	uint32_t scratch[10];       /* DOCA meta.u32[] */
	uint16_t random;            /* drawn per packet, when the key is built */
	uint16_t hash_result;
	uint8_t meter_color;        /* 0 green, 1 yellow, 2 red */
	uint8_t l3_ok, ip4_csum_ok, l4_ok, l4_csum_ok;
	uint8_t ipsec_syndrome, ipsec_ar_syndrome, psp_syndrome;
	uint8_t inner_l3_ok, inner_ip4_csum_ok, inner_l4_ok, inner_l4_csum_ok;
	/* the shape once more, in the classes programs know: L2 0..2 = VLAN tags; L3 0 none of these, 1 IPv4, 2 IPv6;
	 * L4 0 none of these, 1 TCP, 2 UDP, 3 ICMP or ICMPv6, 4 ESP */
	uint8_t l2_class, l3_class, l4_class;
	uint8_t inner_l2_class, inner_l3_class, inner_l4_class;
	uint8_t pad[2];
};

struct flow_key_tunnel {
	uint8_t raw[32];            /* tunnel header from its first byte: VXLAN/GPE/GBP 8, Geneve 8 + first options,
				     * GRE up to 16, GTP-U 8..16, ESP 8, MPLS label stack, PSP 32 */
	uint8_t custom[32];         /* samplers of custom headers: 30 bytes, then a valid bit for each (custom.h) */
};

struct flow_key_deep {
	uint8_t dmac[6], smac[6];
	uint16_t vlan0, vlan1;
	uint16_t total_len;
	uint16_t frag_off;
	uint32_t flow_label;
	uint8_t icmp_type, icmp_code;
	uint16_t icmp_id;
	uint8_t options[32];        /* Geneve options the parser was told to extract / RoCE BTH 12 / PSP from byte 32 */
	uint8_t pad[4];
};

struct flow_key {
	union {
		struct {
			struct flow_key_hot hot;
			struct flow_key_inner inner;
			struct flow_key_link link;
			struct flow_key_meta meta;
			struct flow_key_tunnel tunnel;
			struct flow_key_deep deep;
		};
		uint8_t bytes[FLOW_KEY_SIZE];
		uint64_t words[FLOW_KEY_SIZE / 8];
	};
} __attribute__((aligned(FLOW_KEY_LINE)));

static_assert(sizeof(struct flow_key_hot) == FLOW_KEY_LINE, "one line");
static_assert(sizeof(struct flow_key_inner) == FLOW_KEY_LINE, "one line");
static_assert(sizeof(struct flow_key_link) == FLOW_KEY_LINE, "one line");
static_assert(sizeof(struct flow_key_meta) == FLOW_KEY_LINE, "one line");
static_assert(sizeof(struct flow_key_tunnel) == FLOW_KEY_LINE, "one line");
static_assert(sizeof(struct flow_key_deep) == FLOW_KEY_LINE, "one line");
static_assert(sizeof(struct flow_key) == FLOW_KEY_SIZE, "six lines");

/* Metadata that travels with a packet between lookups and is not in any header. Kept beside the mbuf in
 * the burst (not in mbuf fields), copied by forks. Begins as line 0 of a key does, which is filled by one load. */
struct flow_pkt_meta {
	uint16_t port;
	uint8_t domain, pad0;       /* pads: where a key has what comes from the packet; nobody's */
	uint16_t resume, pad1;
	uint32_t pkt_meta, mark;    /* network order, as in the key */
	uint32_t scratch[10];
	uint16_t hash_result;
	uint8_t meter_color;
	uint8_t pad2[5];
};
static_assert(sizeof(struct flow_pkt_meta) == FLOW_KEY_LINE, "cleared by whole vectors");
static_assert(offsetof(struct flow_pkt_meta, mark) == offsetof(struct flow_key_hot, mark), "the same beginning");

/* In `lines`: somebody looks at l4_csum_ok or inner_l4_csum_ok. Without it line 3 has them as 1 where there is a
 * checksum, because summing every packet is dear. */
#define FLOW_KEY_CSUMS (1u << FLOW_KEY_LINES)

/* In `lines`: somebody looks at l3_ok, l4_ok or their inner twins: packets with wrong lengths are for the pipes to judge. */
#define FLOW_KEY_BROKEN (1u << (FLOW_KEY_LINES + 1))

/* Fill the lines whose bit is set in `lines` (bit i = line i) of n keys from packets and their parse
 * results; line 0 is always filled. No reads beyond the parsed headers. */
void flow_key_build(struct rte_mbuf *const *m, const struct pkt_parse *parse,
	const struct flow_pkt_meta *meta, struct flow_key *keys, unsigned n, unsigned lines);

#endif
