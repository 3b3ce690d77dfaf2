/* SPDX-License-Identifier: BSD-3-Clause */
/* extra: label stacks, entropy, and what waits for the crypto engine. */
#include <stdlib.h>
#include <string.h>

#include "doca/flow/flow_door.h"

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

/* CRC-16 with the polynomial 0x100b, most significant bit first, from zero. */
static uint16_t entropy_crc(const uint8_t *bytes, unsigned n)
{
	uint16_t crc = 0;

	for (unsigned i = 0; i < n; i++) {
		crc ^= (uint16_t)(bytes[i] << 8);
		for (unsigned bit = 0; bit < 8; bit++)
			crc = (uint16_t)(crc << 1) ^ (crc & 0x8000 ? 0x100b : 0);
	}
	return crc;
}

/* The port a ConnectX writes, in its range for RoCE: what rte_flow_calc_encap_hash of DPDK's mlx5 driver computes, over the
 * destination, the source (IPv4 right-aligned), the protocol and the ports, destination first. */
doca_error_t doca_flow_port_calc_entropy(struct doca_flow_port *port, struct doca_flow_entropy_format *header, uint16_t *entropy)
{
	bool ip6 = header && header->l3_type == DOCA_FLOW_L3_TYPE_IP6;
	uint8_t bytes[37] = {0};

	DCORE_NOT_NULL(port);
	DCORE_NOT_NULL(header);
	DCORE_NOT_NULL(entropy);
	memcpy(bytes + (ip6 ? 0 : 12), ip6 ? (void *)header->ip6.dst_ip : (void *)&header->ip4.dst_ip, ip6 ? 16 : 4);
	memcpy(bytes + 16 + (ip6 ? 0 : 12), ip6 ? (void *)header->ip6.src_ip : (void *)&header->ip4.src_ip, ip6 ? 16 : 4);
	bytes[32] = ip6 ? header->ip6.next_proto : header->ip4.next_proto;
	if (header->is_transport) {
		memcpy(bytes + 33, &header->transport.dst_port, 2);
		memcpy(bytes + 35, &header->transport.src_port, 2);
	}
	*entropy = rte_cpu_to_be_16(0xc000 | entropy_crc(bytes, sizeof(bytes)));
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
