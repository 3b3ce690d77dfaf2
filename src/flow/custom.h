/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * custom: headers that only the program knows. A header follows UDP with a certain destination port; a sampler is some bytes
 * of it, at an offset of the header or of an option of a certain type in it. Each sampler is a field ("custom.N.data", and
 * "custom.N.valid": the packet has those bytes) that can be matched and written like any other.
 *
 *	int h = flow_custom_header_add(&(struct flow_custom_header){.udp_port = 4500, .fixed = 12});
 *	int s = flow_custom_sampler_add(&(struct flow_custom_sampler){.header = h, .offset = 4, .length = 8});
 *	flow_custom_enable(true);                        // from now on packets are looked into
 *
 * The table belongs to the process: fields do. It may grow at any time, from one thread; what is added stays until
 * flow_custom_clear(), which nobody may be using then. Bytes are copied into key line TUNNEL (key.h), 30 in all.
 */
#ifndef FLOW_CUSTOM_H
#define FLOW_CUSTOM_H

#include <stdbool.h>
#include <stdint.h>

#include "packet/packet.h"

#define FLOW_CUSTOM_HEADERS_MAX 8
#define FLOW_CUSTOM_SAMPLERS_MAX 16
#define FLOW_CUSTOM_BYTES 30

/* A number in the header that says how long something is: bytes = fixed + value * multiplier. */
struct flow_custom_length {
	uint32_t fixed;              /* bytes */
	uint32_t offset, width;      /* bits of the number; width 0 = there is none */
	uint32_t multiplier;
};

struct flow_custom_header {
	uint16_t udp_port;           /* destination, host order */
	struct flow_custom_length length;
	bool has_options;
	uint32_t options;            /* bytes from the header's start to its first option */
	struct flow_custom_length option;
	uint32_t type_offset, type_width; /* bits from the option's start */
};

struct flow_custom_sampler {
	unsigned header;             /* of flow_custom_header_add */
	uint32_t offset, length;     /* bytes; length 1 to 8 */
	bool in_option;              /* offset counts from the option of this type */
	uint32_t type;
	uint32_t type_mask;          /* bits of the type that are compared; 0: all */
};

/* The header's number; -EEXIST (the port has one), -ENOSPC, with a refusal. */
int flow_custom_header_add(const struct flow_custom_header *header);
/* The sampler's number; -EINVAL, -ENOSPC with a refusal. */
int flow_custom_sampler_add(const struct flow_custom_sampler *sampler);
/* Indices of its fields (field.h). */
unsigned flow_custom_data_field(unsigned sampler);
unsigned flow_custom_valid_field(unsigned sampler);
void flow_custom_enable(bool on);
void flow_custom_clear(void);

/* Copy what samplers find into custom[32] of the key, which is zero before. */
void flow_custom_extract(const struct rte_mbuf *m, const struct pkt_parse *p, uint8_t *custom);
/* Offset in the frame of a sampler's first byte, PKT_ABSENT when the packet has it not. */
unsigned flow_custom_locate(const struct rte_mbuf *m, const struct pkt_parse *p, unsigned sampler);

#endif
