/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * field: every byte range of the key that has a name. One table (field.c) says for each field: its
 * DOCA-style name ("outer.ipv4.src_ip", F / doca-flow-semantics.md sec. 6), offset and length in the key, the
 * header it lives in and where, whether it may be written, which checksums a write touches, and the shape
 * bits that must be matched for the field to exist.
 */
#ifndef FLOW_FIELD_H
#define FLOW_FIELD_H

#include <stdbool.h>
#include <stdint.h>

/* The header a field is read from and written to. */
enum flow_header {
	FLOW_HDR_NONE,   /* metadata: lives in struct flow_pkt_meta */
	FLOW_HDR_ETH, FLOW_HDR_VLAN0, FLOW_HDR_VLAN1, FLOW_HDR_IP4, FLOW_HDR_IP6, FLOW_HDR_TCP, FLOW_HDR_UDP,
	FLOW_HDR_ICMP, FLOW_HDR_SCTP,
	FLOW_HDR_L4,     /* TCP, UDP or SCTP, whichever is there: their ports lie in the same place */
	FLOW_HDR_TUNNEL, /* from the first byte of the tunnel header */
	FLOW_HDR_CUSTOM, /* a sampler of custom.h, number header_offset */
	FLOW_HDR_INNER_ETH, FLOW_HDR_INNER_VLAN0, FLOW_HDR_INNER_IP4, FLOW_HDR_INNER_IP6, FLOW_HDR_INNER_TCP,
	FLOW_HDR_INNER_UDP, FLOW_HDR_INNER_ICMP, FLOW_HDR_INNER_L4,
};

struct flow_field {
	const char *name;
	uint16_t key_offset;      /* bytes into struct flow_key; 0xffff = not in the key (write only) */
	uint8_t length;           /* bytes, 1..32 */
	uint8_t header;           /* enum flow_header */
	uint8_t header_offset;    /* bytes into the header */
	uint8_t bit_shift;        /* sub-byte fields: position of the lowest bit within the bytes */
	uint8_t bit_width;        /* 0 = 8 * length */
	bool writable;
	bool host;                /* host byte order in the key (parser metadata); others are as on the wire */
	uint16_t shape_mask, shape; /* shape bits that say the field exists: of hot.shape, or of inner.shape
				     * for fields whose name begins with "inner." */
};

static inline bool flow_field_is_inner(const struct flow_field *f)
{
	return f->header >= FLOW_HDR_INNER_ETH;
}

/* Bits of the field: 8 * length unless it is narrower. */
static inline unsigned flow_field_bits(const struct flow_field *f)
{
	return f->bit_width ? f->bit_width : 8u * f->length;
}

/* Index in the table, or -ENOENT with a refusal that names the nearest field. Accepts the prefixes
 * "actions.packet." and "match.packet.". Index 0 is never a field. */
int flow_field_find(const char *name);
/* NULL when out of range. */
const struct flow_field *flow_field_get(unsigned index);
unsigned flow_field_count(void);

/* OR the field (all its bits) and the shape bits that say it exists into a match: `value` big-endian, as
 * many bytes as the field has. For the few who build matches by name (doors, tests, node). */
struct flow_match;
void flow_field_match(struct flow_match *match, unsigned index, const void *value);

/* A small number in a field: bits [bit_offset, bit_offset + width) counted from the field's least
 * significant bit, width <= 64. Works on the field's own bytes, big-endian or host as the field says. */
uint64_t flow_field_bits_get(const struct flow_field *f, const uint8_t *bytes, unsigned bit_offset, unsigned width);
void flow_field_bits_set(const struct flow_field *f, uint8_t *bytes, unsigned bit_offset, unsigned width,
	uint64_t value);

#endif
