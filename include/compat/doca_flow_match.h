/* SPDX-License-Identifier: BSD-3-Clause */
/* doca_flow_match of the module `doca`: parser_meta.port_meta is the older name of port_id (up to DOCA 2.10). */
#ifndef DOCA_COMPAT_FLOW_MATCH_H_
#define DOCA_COMPAT_FLOW_MATCH_H_

#include <doca_flow_net.h>

#define doca_flow_parser_meta doca_flow_parser_meta_today
#define doca_flow_match doca_flow_match_today
#include_next <doca_flow_match.h>
#undef doca_flow_parser_meta
#undef doca_flow_match

struct doca_flow_parser_meta {
	union {
		uint16_t port_id;
		uint16_t port_meta;
	};
	doca_be16_t random;
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

struct doca_flow_match {
	uint32_t flags;
	struct doca_flow_meta meta;
	struct doca_flow_parser_meta parser_meta;
	struct doca_flow_header_format outer;
	struct doca_flow_tun tun;
	struct doca_flow_header_format inner;
};

#endif
