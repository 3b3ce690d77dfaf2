/* SPDX-License-Identifier: BSD-3-Clause */
/* extra: label stacks, entropy, the Geneve option parser, and what waits for the crypto engine. */
#include <stdlib.h>
#include <string.h>

#include "doca/flow/flow_door.h"
#include "packet/tunnel.h"

doca_error_t doca_flow_mpls_label_encode(uint32_t label, uint8_t traffic_class, uint8_t ttl, bool bottom_of_stack,
	struct doca_flow_header_mpls *mpls)
{
	DCORE_NOT_NULL(mpls);
	if (label > 0xfffff || traffic_class > 7)
		return dcore_fail(DOCA_ERROR_INVALID_VALUE, "doca_flow_mpls_label_encode: label %#x has 20 bits, class %u has 3", label, traffic_class);
	mpls->label = rte_cpu_to_be_32(label << 12 | traffic_class << 9 | (unsigned)bottom_of_stack << 8 | ttl);
	return DOCA_SUCCESS;
}

doca_error_t doca_flow_mpls_label_decode(const struct doca_flow_header_mpls *mpls, uint32_t *label, uint8_t *traffic_class,
	uint8_t *ttl, bool *bottom_of_stack)
{
	uint32_t word;

	DCORE_NOT_NULL(mpls);
	word = rte_be_to_cpu_32(mpls->label);
	if (label)
		*label = word >> 12;
	if (traffic_class)
		*traffic_class = word >> 9 & 7;
	if (ttl)
		*ttl = word;
	if (bottom_of_stack)
		*bottom_of_stack = word >> 8 & 1;
	return DOCA_SUCCESS;
}

doca_error_t doca_flow_port_calc_entropy(struct doca_flow_port *port, struct doca_flow_entropy_format *header, uint16_t *entropy)
{
	bool ip6 = header && header->l3_type == DOCA_FLOW_L3_TYPE_IP6;
	struct flow_key key = {};

	DCORE_NOT_NULL(port);
	DCORE_NOT_NULL(header);
	DCORE_NOT_NULL(entropy);
	memcpy(key.hot.src, ip6 ? (void *)header->ip6.src_ip : (void *)&header->ip4.src_ip, ip6 ? 16 : 4);
	memcpy(key.hot.dst, ip6 ? (void *)header->ip6.dst_ip : (void *)&header->ip4.dst_ip, ip6 ? 16 : 4);
	key.hot.proto = ip6 ? header->ip6.next_proto : header->ip4.next_proto;
	if (header->is_transport) {
		key.hot.sport = header->transport.src_port;
		key.hot.dport = header->transport.dst_port;
	}
	*entropy = pkt_entropy_port(flow_key_entropy(&key));
	return DOCA_SUCCESS;
}

struct doca_flow_parser {
	unsigned n;
	struct doca_flow_parser_geneve_opt_cfg option[DOCA_FLOW_GENEVE_DATA_OPTION_LEN_MAX];
};

doca_error_t doca_flow_parser_geneve_opt_create(struct doca_flow_port *port,
	const struct doca_flow_parser_geneve_opt_cfg tlv_list[], uint8_t nr_options, struct doca_flow_parser **parser)
{
	DCORE_NOT_NULL(port);
	DCORE_NOT_NULL(tlv_list);
	DCORE_NOT_NULL(parser);
	if (!nr_options || nr_options > ARRAY_SIZE((*parser)->option))
		return dcore_fail(DOCA_ERROR_INVALID_VALUE, "doca_flow_parser_geneve_opt_create: %u options; 1 to %zu", nr_options,
			ARRAY_SIZE((*parser)->option));
	*parser = calloc(1, sizeof(**parser));
	if (!*parser)
		return dcore_fail(DOCA_ERROR_NO_MEMORY, "doca_flow_parser_geneve_opt_create: no memory");
	(*parser)->n = nr_options;
	memcpy((*parser)->option, tlv_list, nr_options * sizeof(*tlv_list));
	return DOCA_SUCCESS;
}

doca_error_t doca_flow_parser_geneve_opt_destroy(struct doca_flow_parser *parser)
{
	free(parser);
	return DOCA_SUCCESS;
}

/* ---- crypto ---- */

#define NO_CRYPTO return dcore_fail(DOCA_ERROR_NOT_SUPPORTED, "%s: crypto is not there yet", __func__)

doca_error_t doca_flow_crypto_ipsec_resource_handle(struct doca_flow_port *port, uint64_t quota_time, uint32_t max_processed_resources)
{
	NO_CRYPTO;
}

doca_error_t doca_flow_crypto_psp_master_key_rotate(struct doca_flow_port *port)
{
	NO_CRYPTO;
}

doca_error_t doca_flow_crypto_psp_spi_key_bulk_alloc(struct doca_flow_port *port, enum doca_flow_crypto_key_type key_type,
	uint32_t nr_spi_keys, struct doca_flow_crypto_psp_spi_key_bulk **spi_key_bulk)
{
	NO_CRYPTO;
}

doca_error_t doca_flow_crypto_psp_spi_key_bulk_free(struct doca_flow_crypto_psp_spi_key_bulk *spi_key_bulk)
{
	NO_CRYPTO;
}

doca_error_t doca_flow_crypto_psp_spi_key_bulk_generate(struct doca_flow_crypto_psp_spi_key_bulk *spi_key_bulk)
{
	NO_CRYPTO;
}

doca_error_t doca_flow_crypto_psp_spi_key_bulk_get(struct doca_flow_crypto_psp_spi_key_bulk *spi_key_bulk, uint32_t spi_key_idx,
	uint32_t *spi, uint32_t *key)
{
	NO_CRYPTO;
}
