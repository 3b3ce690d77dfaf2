/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * doca_flow_match: what a packet is asked: its headers, what the parser found in it, what earlier pipes noted on it; and
 * comparisons for CONTROL entries. Part of doca_flow.h, whose essay says how a value and a mask are read.
 */
#ifndef DOCA_FLOW_MATCH_H_
#define DOCA_FLOW_MATCH_H_

#include "doca_flow_net.h"
#include "doca_flow_types.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- what packets carry beside their bytes ---- */

struct doca_flow_meta {
	uint32_t pkt_meta;                            /* big-endian; survives a change of domain, reaches the application */
	uint32_t u32[DOCA_FLOW_META_SCRATCH_PAD_MAX]; /* big-endian scratch */
	uint32_t mark;                                /* big-endian */
};

enum doca_flow_l2_meta {
	DOCA_FLOW_L2_META_NO_VLAN = 0,
	DOCA_FLOW_L2_META_SINGLE_VLAN,
	DOCA_FLOW_L2_META_MULTI_VLAN,
};

enum doca_flow_l3_meta {
	DOCA_FLOW_L3_META_NONE = 0,
	DOCA_FLOW_L3_META_IPV4,
	DOCA_FLOW_L3_META_IPV6,
};

enum doca_flow_l4_meta {
	DOCA_FLOW_L4_META_NONE = 0,
	DOCA_FLOW_L4_META_TCP,
	DOCA_FLOW_L4_META_UDP,
	DOCA_FLOW_L4_META_ICMP,
	DOCA_FLOW_L4_META_ESP,
};

enum doca_flow_meter_color {
	DOCA_FLOW_METER_COLOR_GREEN = 0,
	DOCA_FLOW_METER_COLOR_YELLOW,
	DOCA_FLOW_METER_COLOR_RED,
};

/* What the parser found. Host byte order, except random (big-endian). */
struct doca_flow_parser_meta {
	uint16_t port_id;
	doca_be16_t random; /* 16 uniform bits per packet */
	enum doca_flow_l2_meta outer_l2_type;
	enum doca_flow_l3_meta outer_l3_type;
	enum doca_flow_l4_meta outer_l4_type;
	uint8_t outer_ip_fragmented;
	uint8_t outer_l3_ok;
	uint8_t outer_ip4_checksum_ok;
	uint8_t outer_l4_ok;
	uint8_t outer_l4_checksum_ok;
	enum doca_flow_l2_meta inner_l2_type;
	enum doca_flow_l3_meta inner_l3_type;
	enum doca_flow_l4_meta inner_l4_type;
	uint8_t inner_ip_fragmented;
	uint8_t inner_l3_ok;
	uint8_t inner_ip4_checksum_ok;
	uint8_t inner_l4_ok;
	uint8_t inner_l4_checksum_ok;
	enum doca_flow_meter_color meter_color;
	uint8_t ipsec_syndrome;
	uint8_t ipsec_ar_syndrome;
	uint8_t psp_syndrome;
};

/* ---- headers ---- */

enum doca_flow_l2_valid_header {
	DOCA_FLOW_L2_VALID_HEADER_VLAN_0 = (1 << 0), /* eth_vlan[0] is meant */
	DOCA_FLOW_L2_VALID_HEADER_VLAN_1 = (1 << 1),
};

struct doca_flow_header_format {
	struct doca_flow_header_eth eth;
	uint16_t l2_valid_headers; /* DOCA_FLOW_L2_VALID_HEADER_ */
	struct doca_flow_header_eth_vlan eth_vlan[DOCA_FLOW_VLAN_MAX];
	enum doca_flow_l3_type l3_type;
	union {
		struct doca_flow_header_ip4 ip4;
		struct doca_flow_header_ip6 ip6;
	};
	enum doca_flow_l4_type_ext l4_type_ext;
	union {
		struct doca_flow_header_icmp icmp;
		struct doca_flow_header_udp udp;
		struct doca_flow_header_tcp tcp;
		struct doca_flow_header_l4_port transport;
		struct doca_flow_header_roce_v2 roce_v2;
	};
};

struct doca_flow_tun {
	enum doca_flow_tun_type type;
	union {
		DOCA_FLOW_ANON struct {
			enum doca_flow_tun_ext_vxlan_type vxlan_type;
			doca_be32_t vxlan_tun_id; /* VNI in the low 24 bits */
			uint8_t vxlan_tun_rsvd1;
			uint8_t vxlan_gpe_flags;
			uint8_t vxlan_gpe_next_protocol;
			doca_be16_t vxlan_gbp_group_policy_id;
		};
		DOCA_FLOW_ANON struct {
			enum doca_flow_tun_ext_gre_type gre_type;
			doca_be16_t protocol; /* ethertype of what follows */
			bool key_present;
			doca_be32_t gre_key;
			doca_be32_t nvgre_vs_id; /* upper 24 bits */
			uint8_t nvgre_flow_id;
		};
		DOCA_FLOW_ANON struct {
			doca_be32_t gtp_teid;
			uint8_t gtp_next_ext_hdr_type;
			uint8_t gtp_ext_psc_qfi; /* 6 bits */
		};
		DOCA_FLOW_ANON struct {
			doca_be32_t esp_spi;
			doca_be32_t esp_sn;
		};
		struct doca_flow_header_mpls mpls[DOCA_FLOW_MPLS_LABELS_MAX];
		DOCA_FLOW_ANON struct {
			struct doca_flow_header_geneve geneve;
			union doca_flow_geneve_option geneve_options[DOCA_FLOW_GENEVE_OPT_LEN_MAX];
		};
		struct doca_flow_header_psp psp;
	};
};

struct doca_flow_match {
	uint32_t flags;
	struct doca_flow_meta meta;
	struct doca_flow_parser_meta parser_meta;
	struct doca_flow_header_format outer;
	struct doca_flow_tun tun;
	struct doca_flow_header_format inner;
};

/* ---- conditions of CONTROL entries ---- */

struct doca_flow_desc_field {
	const char *field_string; /* "outer.ipv4.ttl"; NULL: none */
	uint32_t bit_offset;      /* from the field's least significant bit; "meta.data": from the start of struct doca_flow_meta */
};

enum doca_flow_compare_op {
	DOCA_FLOW_COMPARE_EQ = 0,
	DOCA_FLOW_COMPARE_NE,
	DOCA_FLOW_COMPARE_LT,
	DOCA_FLOW_COMPARE_LE,
	DOCA_FLOW_COMPARE_GT,
	DOCA_FLOW_COMPARE_GE,
};

/* a OP b; b's value stands in the match when b names no field. */
struct doca_flow_match_condition {
	enum doca_flow_compare_op operation;
	struct {
		struct doca_flow_desc_field a;
		struct doca_flow_desc_field b;
		uint32_t width; /* bits */
	} field_op;
};

#ifdef __cplusplus
}
#endif
#endif
