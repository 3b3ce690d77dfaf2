/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * doca_bitfield: big-endian scalars and bit fields inside them.
 *
 * doca_be16_t and friends are ordinary integers whose bytes lie in network order; the name is the
 * reminder. All macros are usable in static initialisers.
 *
 *     #define ZONE DOCA_BE32_GENMASK(15, 0)
 *     meta |= DOCA_BE32_SET(ZONE, 7);
 *     uint32_t zone = DOCA_BE32_GET(meta, ZONE);
 */
#ifndef DOCA_BITFIELD_H_
#define DOCA_BITFIELD_H_

#include <stdint.h>

typedef uint16_t doca_be16_t;
typedef uint32_t doca_be32_t;
typedef uint64_t doca_be64_t;

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
#define DOCA_HTOBE16(x) ((doca_be16_t)(x))
#define DOCA_HTOBE32(x) ((doca_be32_t)(x))
#define DOCA_HTOBE64(x) ((doca_be64_t)(x))
#else
#define DOCA_HTOBE16(x) ((doca_be16_t)__builtin_bswap16((uint16_t)(x)))
#define DOCA_HTOBE32(x) ((doca_be32_t)__builtin_bswap32((uint32_t)(x)))
#define DOCA_HTOBE64(x) ((doca_be64_t)__builtin_bswap64((uint64_t)(x)))
#endif
#define DOCA_BETOH16(x) ((uint16_t)DOCA_HTOBE16(x))
#define DOCA_BETOH32(x) ((uint32_t)DOCA_HTOBE32(x))
#define DOCA_BETOH64(x) ((uint64_t)DOCA_HTOBE64(x))

/* Bits `high` down to `low` (host numbering, bit 0 is least significant), as a big-endian mask. */
#define DOCA_BE16_GENMASK(high, low) \
	DOCA_HTOBE16((uint16_t)((0xffffu >> (15 - (high))) & (0xffffu << (low))))
#define DOCA_BE32_GENMASK(high, low) \
	DOCA_HTOBE32((0xffffffffu >> (31 - (high))) & (0xffffffffu << (low)))

/* Lowest bit number of a big-endian mask; the mask is not zero. */
#define DOCA_BE32_SHIFT(field) (__builtin_ctz(DOCA_BETOH32(field)))
#define DOCA_BE16_SHIFT(field) (__builtin_ctz((unsigned int)DOCA_BETOH16(field)))

/* Host value of the field inside a big-endian word. */
#define DOCA_BE32_GET(word, field) (DOCA_BETOH32((word) & (field)) >> DOCA_BE32_SHIFT(field))
#define DOCA_BE16_GET(word, field) \
	((uint16_t)(DOCA_BETOH16((word) & (field)) >> DOCA_BE16_SHIFT(field)))

/* Big-endian word with only this field set to a host value; bits beyond the field are cut. */
#define DOCA_BE32_SET(field, value) \
	(DOCA_HTOBE32((uint32_t)(value) << DOCA_BE32_SHIFT(field)) & (field))
#define DOCA_BE16_SET(field, value) \
	((doca_be16_t)(DOCA_HTOBE16((uint16_t)((value) << DOCA_BE16_SHIFT(field))) & (field)))

#endif
