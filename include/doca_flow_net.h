/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * doca_flow_net: names of protocol numbers and well-known ports that flow programs write, host byte
 * order, and the layouts of the headers that have no better home.
 */
#ifndef DOCA_FLOW_NET_H_
#define DOCA_FLOW_NET_H_

#include "doca_types.h"

#include <netinet/in.h> /* programs rely on IPPROTO_ from here */

#ifdef __cplusplus
extern "C" {
#endif

/* Anonymous structures are C11 but an extension in C++. */
#if defined(__GNUC__) || defined(__clang__)
#define DOCA_FLOW_ANON __extension__
#else
#define DOCA_FLOW_ANON
#endif

#define DOCA_FLOW_ETHER_ADDR_LEN (6)

/* Ethernet types */
#define DOCA_FLOW_ETHER_TYPE_IPV4 (0x0800)
#define DOCA_FLOW_ETHER_TYPE_IPV6 (0x86dd)
#define DOCA_FLOW_ETHER_TYPE_ARP (0x0806)
#define DOCA_FLOW_ETHER_TYPE_VLAN (0x8100)
#define DOCA_FLOW_ETHER_TYPE_QINQ (0x88a8)
#define DOCA_FLOW_ETHER_TYPE_TEB (0x6558)
#define DOCA_FLOW_ETHER_TYPE_MPLS (0x8847)

/* IP protocols */
#define DOCA_FLOW_PROTO_ICMP (1)
#define DOCA_FLOW_PROTO_IPV4 (4)
#define DOCA_FLOW_PROTO_TCP (6)
#define DOCA_FLOW_PROTO_UDP (17)
#define DOCA_FLOW_PROTO_IPV6 (41)
#define DOCA_FLOW_PROTO_GRE (47)
#define DOCA_FLOW_PROTO_ESP (50)
#define DOCA_FLOW_PROTO_ICMP6 (58)

/* UDP ports */
#define DOCA_FLOW_VXLAN_DEFAULT_PORT (4789)
#define DOCA_FLOW_VXLAN_GPE_DEFAULT_PORT (4790)
#define DOCA_FLOW_GENEVE_DEFAULT_PORT (6081)
#define DOCA_FLOW_GTPU_DEFAULT_PORT (2152)
#define DOCA_FLOW_MPLS_DEFAULT_PORT (6635)
#define DOCA_FLOW_PSP_DEFAULT_PORT (1000)
#define DOCA_FLOW_ROCEV2_DEFAULT_PORT (4791)

/* VXLAN-GPE next protocol (draft-ietf-nvo3-vxlan-gpe) */
#define DOCA_FLOW_VXLAN_GPE_TYPE_IPV4 (1)
#define DOCA_FLOW_VXLAN_GPE_TYPE_IPV6 (2)
#define DOCA_FLOW_VXLAN_GPE_TYPE_ETH (3)

/* GTP-U extension header type of the PDU session container (3GPP TS 29.281) */
#define DOCA_FLOW_GTP_EXT_PSC (0x85)

/* IPv4 flags as they stand in flags_fragment_offset, host byte order */
#define DOCA_FLOW_IP4_FLAG_DONT_FRAGMENT (0x4000)
#define DOCA_FLOW_IP4_FLAG_MORE_FRAGMENTS (0x2000)

/* TCP flags */
#define DOCA_FLOW_MATCH_TCP_FLAG_FIN (1 << 0)
#define DOCA_FLOW_MATCH_TCP_FLAG_SYN (1 << 1)
#define DOCA_FLOW_MATCH_TCP_FLAG_RST (1 << 2)
#define DOCA_FLOW_MATCH_TCP_FLAG_PSH (1 << 3)
#define DOCA_FLOW_MATCH_TCP_FLAG_ACK (1 << 4)
#define DOCA_FLOW_MATCH_TCP_FLAG_URG (1 << 5)
#define DOCA_FLOW_MATCH_TCP_FLAG_ECE (1 << 6)
#define DOCA_FLOW_MATCH_TCP_FLAG_CWR (1 << 7)

/* Decryption id that means: the SA is found by the packet (PSP). */
#define DOCA_FLOW_PSP_DECRYPTION_ID (0xffffffff)

#define DOCA_FLOW_IB_BTH_DST_QP_LEN (3)

enum doca_flow_l3_type {
	DOCA_FLOW_L3_TYPE_NONE = 0,
	DOCA_FLOW_L3_TYPE_IP4,
	DOCA_FLOW_L3_TYPE_IP6,
};

enum doca_flow_l4_type_ext {
	DOCA_FLOW_L4_TYPE_EXT_NONE = 0,
	DOCA_FLOW_L4_TYPE_EXT_TCP,
	DOCA_FLOW_L4_TYPE_EXT_UDP,
	DOCA_FLOW_L4_TYPE_EXT_ICMP,
	DOCA_FLOW_L4_TYPE_EXT_ICMP6,
	DOCA_FLOW_L4_TYPE_EXT_TRANSPORT, /* ports of TCP or UDP, whichever is there */
	DOCA_FLOW_L4_TYPE_EXT_ROCE_V2,
};

enum doca_flow_tun_type {
	DOCA_FLOW_TUN_NONE = 0,
	DOCA_FLOW_TUN_VXLAN,
	DOCA_FLOW_TUN_GTPU,
	DOCA_FLOW_TUN_GRE,
	DOCA_FLOW_TUN_ESP,
	DOCA_FLOW_TUN_MPLS_O_UDP,
	DOCA_FLOW_TUN_GENEVE,
	DOCA_FLOW_TUN_PSP,
	DOCA_FLOW_TUN_IP_IN_IP,
};

enum doca_flow_tun_ext_vxlan_type {
	DOCA_FLOW_TUN_EXT_VXLAN_STANDARD = 0,
	DOCA_FLOW_TUN_EXT_VXLAN_GPE,
	DOCA_FLOW_TUN_EXT_VXLAN_GBP,
};

enum doca_flow_tun_ext_gre_type {
	DOCA_FLOW_TUN_EXT_GRE_STANDARD = 0,
	DOCA_FLOW_TUN_EXT_GRE_NVGRE,
};

/* An address of either family. */
struct doca_flow_ip_addr {
	enum doca_flow_l3_type type;
	union {
		doca_be32_t ipv4_addr;
		doca_be32_t ipv6_addr[4];
	};
};

#define DOCA_FLOW_VLAN_MAX (2)
#define DOCA_FLOW_MPLS_LABELS_MAX (5)
#define DOCA_FLOW_GENEVE_OPT_LEN_MAX (63) /* 4-byte words of all options together (RFC 8926) */
#define DOCA_FLOW_GENEVE_DATA_OPTION_LEN_MAX (31)

/* One MPLS label stack entry as on the wire; doca_flow_mpls_label_encode builds it. */
struct doca_flow_header_mpls {
	doca_be32_t label;
};

/* One 4-byte word of the Geneve options: the start of an option or a word of its data. */
union doca_flow_geneve_option {
	DOCA_FLOW_ANON struct {
		doca_be16_t class_id;
		uint8_t type;
		uint8_t length; /* of the data, in 4-byte words */
	};
	doca_be32_t data;
};

struct doca_flow_header_geneve {
	uint8_t ver_opt_len; /* options' length in 4-byte words */
	uint8_t o_c;
	doca_be16_t next_proto; /* ethertype of what follows */
	doca_be32_t vni;        /* in the upper 24 bits, as on the wire */
};

struct doca_flow_header_psp {
	uint8_t nexthdr;
	uint8_t hdrextlen;
	uint8_t res_cryptofst;
	uint8_t s_d_ver_v;
	doca_be32_t spi;
	doca_be64_t iv;
	doca_be64_t vc;
};

struct doca_flow_header_eth {
	uint8_t src_mac[DOCA_FLOW_ETHER_ADDR_LEN];
	uint8_t dst_mac[DOCA_FLOW_ETHER_ADDR_LEN];
	doca_be16_t type;
};

struct doca_flow_header_eth_vlan {
	doca_be16_t tci;
};

struct doca_flow_header_ip4 {
	doca_be32_t src_ip;
	doca_be32_t dst_ip;
	uint8_t version_ihl;
	uint8_t dscp_ecn;
	doca_be16_t total_len;
	doca_be16_t identification;
	doca_be16_t flags_fragment_offset;
	uint8_t next_proto;
	uint8_t ttl;
};

struct doca_flow_header_ip6 {
	doca_be32_t src_ip[4];
	doca_be32_t dst_ip[4];
	uint8_t traffic_class;
	doca_be32_t flow_label; /* low 20 bits */
	doca_be16_t payload_len;
	uint8_t next_proto;
	uint8_t hop_limit;
};

struct doca_flow_header_icmp {
	uint8_t type;
	uint8_t code;
	doca_be16_t ident;
};

struct doca_flow_header_l4_port {
	doca_be16_t src_port;
	doca_be16_t dst_port;
};

struct doca_flow_header_udp {
	struct doca_flow_header_l4_port l4_port;
};

struct doca_flow_header_tcp {
	struct doca_flow_header_l4_port l4_port;
	uint8_t flags;       /* DOCA_FLOW_MATCH_TCP_FLAG_ */
	uint8_t data_offset; /* 4-byte words */
	doca_be32_t seq_num;
	doca_be32_t ack_num;
};

struct doca_flow_header_ib_bth {
	uint8_t opcode;
	uint8_t flags1;
	uint8_t dest_qp[DOCA_FLOW_IB_BTH_DST_QP_LEN];
};

struct doca_flow_header_roce_v2 {
	struct doca_flow_header_udp udp;
	struct doca_flow_header_ib_bth bth;
};

#ifdef __cplusplus
}
#endif
#endif
