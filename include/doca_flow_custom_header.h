/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * doca_flow_custom_header: headers that only the program knows, described so that pipes can match and write them. A header
 * has a length, maybe options, and samplers: up to eight bytes at an offset. A graph says what the header follows
 * (doca_flow_custom_header_graph.h). Each sampler gives field strings for doca_flow_definitions_add_field.
 *
 *	doca_flow_custom_header_create(&header);
 *	doca_flow_custom_header_length_field_set_fixed_length(header, 96);      bits
 *	doca_flow_custom_header_sampler_create(header, &sampler);
 *	doca_flow_custom_header_sampler_set_offset(sampler, 32);
 *	doca_flow_custom_header_sampler_set_length(sampler, 64);
 *	... arcs ...
 *	doca_flow_custom_header_graph_bind(graph, dev);                         now it is fixed
 *	doca_flow_custom_header_sampler_get_match_definition(sampler, &string);
 *
 * All before doca_flow_init, from one thread. Offsets and lengths are in bits; those of samplers and of headers are whole
 * bytes. The process has 8 headers, 16 samplers and 30 sampled bytes. Objects are destroyed after the graph is unbound.
 * Errors: INVALID_VALUE, NOT_SUPPORTED, FULL, BAD_STATE for a change of a bound header; each with a sentence.
 */
#ifndef DOCA_FLOW_CUSTOM_HEADER_H_
#define DOCA_FLOW_CUSTOM_HEADER_H_

#include "doca_dev.h"
#include "doca_error.h"

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct doca_flow_custom_header;
struct doca_flow_custom_header_sampler;

enum doca_flow_custom_header_sampler_tunnel_mode {
	DOCA_FLOW_CUSTOM_HEADER_SAMPLER_TUNNEL_MODE_OUTER = 0, /* the header in the outer packet */
};

doca_error_t doca_flow_custom_header_create(struct doca_flow_custom_header **header);
doca_error_t doca_flow_custom_header_destroy(struct doca_flow_custom_header *header);

/* Length of the header: fixed + value of the length field * multiplier (bytes per unit). */
doca_error_t doca_flow_custom_header_length_field_set_fixed_length(struct doca_flow_custom_header *header, uint32_t bits);
doca_error_t doca_flow_custom_header_length_field_set_offset(struct doca_flow_custom_header *header, uint32_t bits);
doca_error_t doca_flow_custom_header_length_field_set_length(struct doca_flow_custom_header *header, uint32_t bits);
doca_error_t doca_flow_custom_header_length_field_set_multiplier(struct doca_flow_custom_header *header, uint32_t bytes);

/* Options: where the first begins in the header; within an option its type, and its length as above. */
doca_error_t doca_flow_custom_header_tlv_options_set_offset(struct doca_flow_custom_header *header, uint32_t bits);
doca_error_t doca_flow_custom_header_tlv_options_set_fixed_length(struct doca_flow_custom_header *header, uint32_t bits);
doca_error_t doca_flow_custom_header_tlv_options_type_set_offset(struct doca_flow_custom_header *header, uint32_t bits);
doca_error_t doca_flow_custom_header_tlv_options_type_set_length(struct doca_flow_custom_header *header, uint32_t bits);
doca_error_t doca_flow_custom_header_tlv_options_length_set_offset(struct doca_flow_custom_header *header, uint32_t bits);
doca_error_t doca_flow_custom_header_tlv_options_length_set_length(struct doca_flow_custom_header *header, uint32_t bits);
doca_error_t doca_flow_custom_header_tlv_options_length_set_multiplier(struct doca_flow_custom_header *header, uint32_t bytes);

doca_error_t doca_flow_custom_header_sampler_create(struct doca_flow_custom_header *header,
	struct doca_flow_custom_header_sampler **sampler);
doca_error_t doca_flow_custom_header_sampler_destroy(struct doca_flow_custom_header_sampler *sampler);
doca_error_t doca_flow_custom_header_sampler_set_offset(struct doca_flow_custom_header_sampler *sampler, uint32_t bits);
doca_error_t doca_flow_custom_header_sampler_set_length(struct doca_flow_custom_header_sampler *sampler, uint32_t bits);
doca_error_t doca_flow_custom_header_sampler_set_tunnel_mode(struct doca_flow_custom_header_sampler *sampler,
	enum doca_flow_custom_header_sampler_tunnel_mode mode);
/* The offset counts from the option of this type. */
doca_error_t doca_flow_custom_header_sampler_enable_is_options(struct doca_flow_custom_header_sampler *sampler, uint32_t type);

/* Field strings, the sampler's memory: "match.packet...", one byte that is 1 when the packet has the sampled bytes,
 * "actions.packet...". After the graph is bound. */
doca_error_t doca_flow_custom_header_sampler_get_match_definition(struct doca_flow_custom_header_sampler *sampler, const char **string);
doca_error_t doca_flow_custom_header_sampler_get_valid_bit_definition(struct doca_flow_custom_header_sampler *sampler,
	const char **string);
doca_error_t doca_flow_custom_header_sampler_get_action_definition(struct doca_flow_custom_header_sampler *sampler, const char **string);

#ifdef __cplusplus
}
#endif
#endif
