/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * doca_flow_crypto: IPsec and PSP inside pipes. The shapes are here so that programs compile; a pipe
 * that asks for a crypto action is refused with DOCA_ERROR_NOT_SUPPORTED until the crypto engine lands.
 */
#ifndef DOCA_FLOW_CRYPTO_H_
#define DOCA_FLOW_CRYPTO_H_

#include "doca_error.h"
#include "doca_types.h"

#ifdef __cplusplus
extern "C" {
#endif

#define DOCA_FLOW_CRYPTO_KEY_LEN_MAX (8)
#define DOCA_FLOW_CRYPTO_ENCAP_DATA_MAX (128)
#define DOCA_FLOW_CRYPTO_REFORMAT_LEN_MAX DOCA_FLOW_CRYPTO_ENCAP_DATA_MAX

enum doca_flow_crypto_action_type {
	DOCA_FLOW_CRYPTO_ACTION_NONE = 0,
	DOCA_FLOW_CRYPTO_ACTION_ENCRYPT,
	DOCA_FLOW_CRYPTO_ACTION_DECRYPT,
};

enum doca_flow_crypto_reformat_type {
	DOCA_FLOW_CRYPTO_REFORMAT_NONE = 0,
	DOCA_FLOW_CRYPTO_REFORMAT_ENCAP,
	DOCA_FLOW_CRYPTO_REFORMAT_DECAP,
};

enum doca_flow_crypto_resource_type {
	DOCA_FLOW_CRYPTO_RESOURCE_NONE = 0,
	DOCA_FLOW_CRYPTO_RESOURCE_IPSEC_SA,
	DOCA_FLOW_CRYPTO_RESOURCE_PSP,
};

enum doca_flow_crypto_header_type {
	DOCA_FLOW_CRYPTO_HEADER_NONE = 0,
	DOCA_FLOW_CRYPTO_HEADER_ESP_TUNNEL,
	DOCA_FLOW_CRYPTO_HEADER_ESP_OVER_IPV4,
	DOCA_FLOW_CRYPTO_HEADER_ESP_OVER_IPV6,
	DOCA_FLOW_CRYPTO_HEADER_UDP_ESP_OVER_IPV4,
	DOCA_FLOW_CRYPTO_HEADER_UDP_ESP_OVER_IPV6,
	DOCA_FLOW_CRYPTO_HEADER_PSP_TUNNEL,
	DOCA_FLOW_CRYPTO_HEADER_PSP_OVER_IPV4,
	DOCA_FLOW_CRYPTO_HEADER_PSP_OVER_IPV6,
	DOCA_FLOW_CRYPTO_HEADER_NON_ESP_MARKER,
};

enum doca_flow_crypto_key_type {
	DOCA_FLOW_CRYPTO_KEY_128 = 0,
	DOCA_FLOW_CRYPTO_KEY_256,
};

enum doca_flow_crypto_icv_len {
	DOCA_FLOW_CRYPTO_ICV_LENGTH_8 = 0,
	DOCA_FLOW_CRYPTO_ICV_LENGTH_12,
	DOCA_FLOW_CRYPTO_ICV_LENGTH_16,
};

enum doca_flow_crypto_replay_win_size {
	DOCA_FLOW_CRYPTO_REPLAY_WIN_SIZE_32 = 0,
	DOCA_FLOW_CRYPTO_REPLAY_WIN_SIZE_64,
	DOCA_FLOW_CRYPTO_REPLAY_WIN_SIZE_128,
	DOCA_FLOW_CRYPTO_REPLAY_WIN_SIZE_256,
};

enum doca_flow_crypto_sn_offload_type {
	DOCA_FLOW_CRYPTO_SN_OFFLOAD_INC = 0, /* encrypt: number the packets */
	DOCA_FLOW_CRYPTO_SN_OFFLOAD_AR,      /* decrypt: anti-replay */
};

/* Values of parser_meta.ipsec_syndrome and psp_syndrome. */
enum doca_flow_crypto_syndrome {
	DOCA_FLOW_CRYPTO_SYNDROME_OK = 0,
	DOCA_FLOW_CRYPTO_SYNDROME_ICV_FAIL = 1,
	DOCA_FLOW_CRYPTO_SYNDROME_BAD_TRAILER = 2,
};

/* The header to insert or remove around the payload. */
struct doca_flow_crypto_encap_action {
	enum doca_flow_crypto_reformat_type action_type;
	enum doca_flow_crypto_header_type net_type;
	uint16_t icv_size;  /* bytes */
	uint16_t data_size; /* bytes of encap_data used */
	uint8_t encap_data[DOCA_FLOW_CRYPTO_ENCAP_DATA_MAX];
};

struct doca_flow_crypto_action {
	enum doca_flow_crypto_action_type action_type;
	enum doca_flow_crypto_resource_type resource_type;
	struct {
		bool sn_en; /* keep sequence numbers */
	} ipsec_sa;
	uint32_t crypto_id; /* shared resource */
};

/* Element of an ordered list. */
struct doca_flow_crypto {
	bool has_crypto_encap;
	struct doca_flow_crypto_encap_action crypto_encap;
	struct doca_flow_crypto_action crypto;
};

struct doca_flow_crypto_key_cfg {
	enum doca_flow_crypto_key_type key_type;
	uint32_t *key; /* 4 or 8 words; borrowed for the call */
};

struct doca_flow_port;
struct doca_flow_crypto_psp_spi_key_bulk;

/* All of these: NOT_SUPPORTED until the crypto engine lands. */
doca_error_t doca_flow_crypto_ipsec_resource_handle(struct doca_flow_port *port, uint64_t quota_time, uint32_t max_processed_resources);
doca_error_t doca_flow_crypto_psp_master_key_rotate(struct doca_flow_port *port);
doca_error_t doca_flow_crypto_psp_spi_key_bulk_alloc(struct doca_flow_port *port,
	enum doca_flow_crypto_key_type key_type, uint32_t nr_spi_keys,
	struct doca_flow_crypto_psp_spi_key_bulk **spi_key_bulk);
doca_error_t doca_flow_crypto_psp_spi_key_bulk_free(struct doca_flow_crypto_psp_spi_key_bulk *spi_key_bulk);
doca_error_t doca_flow_crypto_psp_spi_key_bulk_generate(struct doca_flow_crypto_psp_spi_key_bulk *spi_key_bulk);
doca_error_t doca_flow_crypto_psp_spi_key_bulk_get(struct doca_flow_crypto_psp_spi_key_bulk *spi_key_bulk,
	uint32_t spi_key_idx, uint32_t *spi, uint32_t *key);

#ifdef __cplusplus
}
#endif
#endif
