/* SPDX-License-Identifier: BSD-3-Clause */
/* shared: resources that entries share, and the small calls of a port. */
#include <string.h>

#include "flow_api.h"

/* ---- shared resources ---- */

static void draw_shared(enum doca_flow_shared_resource_type type, struct doca_flow_shared_resource_cfg *shared)
{
	memset(shared, 0, sizeof(*shared));
	switch (type) {
	case DOCA_FLOW_SHARED_RESOURCE_RSS:
		draw_rss(&shared->rss_cfg);
		break;
	case DOCA_FLOW_SHARED_RESOURCE_METER:
		shared->meter_cfg.alg = (enum doca_flow_meter_algorithm_type)small(4);
		shared->meter_cfg.color_mode = (enum doca_flow_meter_color_mode)small(3);
		shared->meter_cfg.limit_type = (enum doca_flow_meter_limit_type)small(3);
		shared->meter_cfg.cir = word();
		shared->meter_cfg.cbs = word();
		shared->meter_cfg.rfc2698.pir = word();
		shared->meter_cfg.rfc2698.pbs = word();
		break;
	case DOCA_FLOW_SHARED_RESOURCE_ENCAP:
		scatter(&shared->encap_cfg, sizeof(shared->encap_cfg));
		draw_encap(&shared->encap_cfg);
		break;
	case DOCA_FLOW_SHARED_RESOURCE_DECAP:
		scatter(&shared->decap_cfg, sizeof(shared->decap_cfg));
		shared->decap_cfg.is_l2 = coin();
		break;
	default:
		break;
	}
}

void shared_use(void)
{
	static struct doca_flow_shared_resource_cfg shared;
	struct doca_flow_resource_query query[4];
	enum doca_flow_shared_resource_type type = (enum doca_flow_shared_resource_type)small(9);
	uint32_t ids[4] = {small(8), small(8), small(8), small(8)}, id;
	struct doca_flow_port *p = port[byte() % PORTS];

	draw_shared(type, &shared);
	switch (byte() % 4) {
	case 0:
		doca_flow_port_shared_resource_get(p, type, &id);
		break;
	case 1:
		doca_flow_port_shared_resource_put(p, type, ids[0]);
		break;
	case 2:
		doca_flow_port_shared_resources_query(p, type, ids, query, byte() % 5);
		break;
	default:
		doca_flow_port_shared_resource_set_cfg(p, type, ids[0], byte() % 8 ? &shared : NULL);
	}
}

/* ---- Geneve options, labels, entropy, what is refused ---- */

static void use_parser(struct doca_flow_port *p)
{
	struct doca_flow_parser_geneve_opt_cfg options[3];
	struct doca_flow_parser *parser = NULL;

	scatter(options, sizeof(options));
	for (unsigned i = 0; i < ARRAY_SIZE(options); i++) {
		options[i].match_on_class_mode = (enum doca_flow_parser_geneve_opt_mode)small(4);
		options[i].option_len = small(40);
	}
	if (doca_flow_parser_geneve_opt_create(p, options, byte() % 4, &parser) == DOCA_SUCCESS)
		doca_flow_parser_geneve_opt_destroy(parser);
}

static void use_labels(void)
{
	struct doca_flow_header_mpls label = {word()};
	uint8_t class, ttl;
	uint32_t value;
	bool bottom;

	doca_flow_mpls_label_encode(word(), byte(), byte(), coin(), coin() ? &label : NULL);
	doca_flow_mpls_label_decode(&label, &value, &class, &ttl, &bottom);
}

static void use_entropy(struct doca_flow_port *p)
{
	struct doca_flow_entropy_format header;
	uint16_t entropy;

	scatter(&header, sizeof(header));
	header.l3_type = (enum doca_flow_l3_type)small(4);
	header.is_transport = coin();
	doca_flow_port_calc_entropy(p, &header, &entropy);
}

void extras_use(void)
{
	struct doca_flow_port *p = port[byte() % PORTS];

	switch (byte() % 5) {
	case 0:
		use_parser(p);
		break;
	case 1:
		use_labels();
		break;
	case 2:
		use_entropy(p);
		break;
	case 3:
		doca_flow_crypto_psp_master_key_rotate(p);
		doca_flow_crypto_ipsec_resource_handle(p, byte(), byte());
		break;
	default:
		doca_flow_port_crypto_ipsec_update_sn(p, word(), word());
	}
}
