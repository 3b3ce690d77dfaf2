/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * doca_flow_actions: what is done to a packet. Part of doca_flow.h.
 */
#ifndef DOCA_FLOW_ACTIONS_H_
#define DOCA_FLOW_ACTIONS_H_

#include "doca_flow_crypto.h"
#include "doca_flow_match.h"

#ifdef __cplusplus
extern "C" {
#endif

struct doca_flow_encap_action {
	struct doca_flow_header_format outer;
	struct doca_flow_tun tun;
};

struct doca_flow_resource_encap_cfg {
	bool is_l2; /* keep the packet's Ethernet header inside the tunnel */
	struct doca_flow_encap_action encap;
};

struct doca_flow_resource_decap_cfg {
	bool is_l2; /* the tunnel carried Ethernet; else `eth` becomes the new header */
	struct doca_flow_header_eth eth;
	uint16_t l2_valid_headers;
	struct doca_flow_header_eth_vlan eth_vlan[DOCA_FLOW_VLAN_MAX];
};

enum doca_flow_push_action_type {
	DOCA_FLOW_PUSH_ACTION_VLAN = 0,
};

struct doca_flow_push_action {
	enum doca_flow_push_action_type type;
	union {
		struct {
			doca_be16_t eth_type;
			struct doca_flow_header_eth_vlan vlan_hdr;
		} vlan;
	};
};

struct doca_flow_nat64_action {
	enum doca_flow_l3_type original_l3_type;
};

struct doca_flow_actions {
	uint8_t action_idx;
	uint32_t flags;
	enum doca_flow_resource_type decap_type;
	union {
		struct doca_flow_resource_decap_cfg decap_cfg;
		uint32_t shared_decap_id;
	};
	bool pop_vlan;
	struct doca_flow_meta meta;
	struct doca_flow_parser_meta parser_meta;
	struct doca_flow_header_format outer;
	struct doca_flow_tun tun;
	enum doca_flow_resource_type encap_type;
	union {
		struct doca_flow_resource_encap_cfg encap_cfg;
		uint32_t shared_encap_id;
	};
	bool has_push;
	struct doca_flow_push_action push;
	bool has_crypto_encap;
	struct doca_flow_crypto_encap_action crypto_encap;
	struct doca_flow_crypto_action crypto;
};

enum doca_flow_action_type {
	DOCA_FLOW_ACTION_AUTO = 0, /* as the field's value says */
	DOCA_FLOW_ACTION_ADD,      /* dst += src, or += the value given in the actions */
	DOCA_FLOW_ACTION_COPY,     /* dst = src */
};

struct doca_flow_action_desc {
	enum doca_flow_action_type type;
	struct {
		struct doca_flow_desc_field src;
		struct doca_flow_desc_field dst;
		uint32_t width; /* bits */
	} field_op;
};

struct doca_flow_action_descs {
	uint8_t nb_action_desc;
	struct doca_flow_action_desc *desc_array;
};

#ifdef __cplusplus
}
#endif
#endif
