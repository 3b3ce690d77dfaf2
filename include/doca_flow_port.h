/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * doca_flow_port: ports of the switch, what belongs to a port, and the parser options it has. Part of doca_flow.h.
 */
#ifndef DOCA_FLOW_PORT_H_
#define DOCA_FLOW_PORT_H_

#include "doca_dev.h"
#include "doca_flow_net.h"
#include "doca_flow_resource.h"

#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- ports ---- */

enum doca_flow_port_operation_state {
	DOCA_FLOW_PORT_OPERATION_STATE_ACTIVE = 0,
	DOCA_FLOW_PORT_OPERATION_STATE_ACTIVE_READY_TO_SWAP,
	DOCA_FLOW_PORT_OPERATION_STATE_STANDBY,
	DOCA_FLOW_PORT_OPERATION_STATE_UNCONNECTED,
};

doca_error_t doca_flow_port_cfg_create(struct doca_flow_port_cfg **cfg);
doca_error_t doca_flow_port_cfg_destroy(struct doca_flow_port_cfg *cfg);
doca_error_t doca_flow_port_cfg_set_port_id(struct doca_flow_port_cfg *cfg, uint16_t port_id);
doca_error_t doca_flow_port_cfg_set_dev(struct doca_flow_port_cfg *cfg, struct doca_dev *dev);
doca_error_t doca_flow_port_cfg_set_dev_rep(struct doca_flow_port_cfg *cfg, struct doca_dev_rep *dev_rep);
doca_error_t doca_flow_port_cfg_set_actions_mem_size(struct doca_flow_port_cfg *cfg, uint32_t size);
doca_error_t doca_flow_port_cfg_set_devargs(struct doca_flow_port_cfg *cfg, const char *devargs);
doca_error_t doca_flow_port_cfg_set_priv_data_size(struct doca_flow_port_cfg *cfg, uint16_t size);
doca_error_t doca_flow_port_cfg_set_nr_resources(struct doca_flow_port_cfg *cfg, enum doca_flow_resource type, uint32_t nr);
doca_error_t doca_flow_port_cfg_set_operation_state(struct doca_flow_port_cfg *cfg, enum doca_flow_port_operation_state state);
doca_error_t doca_flow_port_cfg_set_ipsec_sn_offload_disable(struct doca_flow_port_cfg *cfg);
doca_error_t doca_flow_port_cfg_set_service_threads_cycle(struct doca_flow_port_cfg *cfg, uint32_t cycle_ms);
doca_error_t doca_flow_port_cfg_set_rss_cfg(struct doca_flow_port_cfg *cfg, const struct doca_flow_resource_rss_cfg *rss);

doca_error_t doca_flow_port_start(struct doca_flow_port_cfg *cfg, struct doca_flow_port **port);
/* Destroys its pipes. */
doca_error_t doca_flow_port_stop(struct doca_flow_port *port);
/* vnf: what misses nothing decides goes out by the other. Both directions are paired by two calls. */
doca_error_t doca_flow_port_pair(struct doca_flow_port *port, struct doca_flow_port *pair_port);
/* The switch manager of a port's card; NULL: of the first. */
struct doca_flow_port *doca_flow_port_switch_get(const struct doca_flow_port *port);
uint8_t *doca_flow_port_priv_data(struct doca_flow_port *port);
uint16_t doca_flow_port_get_port_id(const struct doca_flow_port *port);
doca_error_t doca_flow_port_operation_state_modify(struct doca_flow_port *port, enum doca_flow_port_operation_state state);
/* Where packets go that the root does not match: DOCA_FLOW_PORT_DEFAULT_MISS_ bits, on or off. */
doca_error_t doca_flow_port_update_default_miss(struct doca_flow_port *port, uint32_t miss_bits, bool enable);
void doca_flow_port_pipes_flush(struct doca_flow_port *port);
void doca_flow_port_pipes_dump(struct doca_flow_port *port, FILE *f);
doca_error_t doca_flow_port_crypto_ipsec_update_sn(struct doca_flow_port *port, uint32_t crypto_id, uint64_t sn);

doca_error_t doca_flow_port_shared_resource_set_cfg(struct doca_flow_port *port, enum doca_flow_shared_resource_type type,
	uint32_t id, const struct doca_flow_shared_resource_cfg *cfg);
/* A free id of the type. */
doca_error_t doca_flow_port_shared_resource_get(struct doca_flow_port *port, enum doca_flow_shared_resource_type type, uint32_t *id);
doca_error_t doca_flow_port_shared_resource_put(struct doca_flow_port *port, enum doca_flow_shared_resource_type type, uint32_t id);
doca_error_t doca_flow_port_shared_resources_query(struct doca_flow_port *port, enum doca_flow_shared_resource_type type,
	uint32_t *ids, struct doca_flow_resource_query *queries, uint32_t nr);

/* ---- entropy ---- */

struct doca_flow_entropy_format {
	enum doca_flow_l3_type l3_type;
	union {
		struct doca_flow_header_ip4 ip4;
		struct doca_flow_header_ip6 ip6;
	};
	bool is_transport;
	struct doca_flow_header_l4_port transport;
};

/* The UDP source port (big-endian) by which a card spreads this flow in a tunnel. */
doca_error_t doca_flow_port_calc_entropy(struct doca_flow_port *port, struct doca_flow_entropy_format *header, uint16_t *entropy);

/* ---- Geneve options ---- */

enum doca_flow_parser_geneve_opt_mode {
	DOCA_FLOW_PARSER_GENEVE_OPT_MODE_IGNORE = 0,
	DOCA_FLOW_PARSER_GENEVE_OPT_MODE_FIXED,
	DOCA_FLOW_PARSER_GENEVE_OPT_MODE_MATCHABLE,
};

struct doca_flow_parser_geneve_opt_cfg {
	enum doca_flow_parser_geneve_opt_mode match_on_class_mode;
	doca_be16_t option_class;
	uint8_t option_type;
	uint8_t option_len; /* data, 4-byte words */
	doca_be32_t data_mask[DOCA_FLOW_GENEVE_DATA_OPTION_LEN_MAX];
};

doca_error_t doca_flow_parser_geneve_opt_create(struct doca_flow_port *port,
	const struct doca_flow_parser_geneve_opt_cfg tlv_list[], uint8_t nr_options, struct doca_flow_parser **parser);
doca_error_t doca_flow_parser_geneve_opt_destroy(struct doca_flow_parser *parser);

/* Build one label stack entry (RFC 3032). */
doca_error_t doca_flow_mpls_label_encode(uint32_t label, uint8_t traffic_class, uint8_t ttl, bool bottom_of_stack,
	struct doca_flow_header_mpls *mpls);
doca_error_t doca_flow_mpls_label_decode(const struct doca_flow_header_mpls *mpls, uint32_t *label, uint8_t *traffic_class,
	uint8_t *ttl, bool *bottom_of_stack);

#ifdef __cplusplus
}
#endif
#endif
