/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * checksum: the Internet checksum (RFC 1071), whole and incremental (RFC 1624).
 *
 * A "sum" is a uint32_t holding a one's-complement sum of 16-bit words in memory order, not
 *inverted and not folded: sums of pieces are joined with checksum_add() in any order, and the
 *result of checksum_finish() is stored into the packet as it is, on any byte order (RFC 1071 sec. 2
 *B).
 *
 *	sum = checksum_pseudo4(&ip->src, &ip->dst, IPPROTO_TCP, len);
 *	tcp->csum = 0;
 *	tcp->csum = checksum_finish(checksum_bytes(tcp, len, sum));
 *
 * A piece that starts at an odd offset of the whole is joined with checksum_swap() around it.
 *
 * Incremental. A "delta" is what a change adds to the sum: ~old + new, folded to 16 bits; deltas of
 * several changes join with checksum_add too. checksum_apply(csum, delta) is RFC 1624 eqn. 3,
 * HC' = ~(~HC + ~m + m'), which never produces the wrong zero that RFC 1141 does.
 *
 * checksum_bytes picks the fastest variant (generic, AVX2, AVX-512) once; all give equal folded
 *sums. Pure functions, any thread.
 */
#ifndef ENGINE_CHECKSUM_H
#define ENGINE_CHECKSUM_H

#include "base/base.h"

#include <string.h>

/* a + b with the carry brought round. */
static inline uint32_t checksum_add(uint32_t a, uint32_t b)
{
	uint32_t s = a + b;

	return s + (s < a);
}

/* To 16 bits. 0 only if every word was 0. */
static inline uint16_t checksum_fold(uint32_t sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)(sum + (sum >> 16));
}

/* To 16 bits and inverted: the value a checksum field holds. */
static inline uint16_t checksum_finish(uint32_t sum)
{
	return (uint16_t)~checksum_fold(sum);
}

/* The sum of a piece as it counts when it starts at an odd offset. */
static inline uint32_t checksum_swap(uint32_t sum)
{
	return __builtin_bswap16(checksum_fold(sum));
}

static inline uint32_t checksum_from64(uint64_t v)
{
	return checksum_add((uint32_t)v, (uint32_t)(v >> 32));
}

/* Sum of len bytes, added to `sum` (0 to begin with). */
uint32_t checksum_bytes(const void *bytes, size_t len, uint32_t sum);

/* The variants, for tests and benches; NULL when this machine lacks it. */
typedef uint32_t (*checksum_fn)(const void *bytes, size_t len, uint32_t sum);
enum checksum_variant {
	CHECKSUM_GENERIC,
	CHECKSUM_AVX2,
	CHECKSUM_AVX512,
	CHECKSUM_VARIANTS,
};
checksum_fn checksum_variant(enum checksum_variant v);

/* Sum of an IPv4 header without options, 20 bytes; 0xffff folded if its checksum is right. */
static inline uint32_t checksum_ip4_20(const void *header)
{
	uint64_t a, b, s;
	uint32_t c;

	memcpy(&a, header, 8);
	memcpy(&b, (const uint8_t *)header + 8, 8);
	memcpy(&c, (const uint8_t *)header + 16, 4);
	s = (a & 0xffffffff) + (a >> 32) + (b & 0xffffffff) + (b >> 32) + c;
	return checksum_from64(s);
}

/* A 32-bit number as it lies in a packet. */
static inline uint32_t checksum_be32(uint32_t v)
{
	return __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? __builtin_bswap32(v) : v;
}

/* Pseudo headers: RFC 793 (src, dst: 4 bytes) and RFC 8200 sec. 8.1 (16 bytes). len is the length
 * of the L4 header and payload in host order. */
static inline uint32_t checksum_pseudo4(
	const void *src, const void *dst, uint8_t proto, uint32_t len)
{
	uint32_t s, d;

	memcpy(&s, src, 4);
	memcpy(&d, dst, 4);
	return checksum_from64((uint64_t)s + d + checksum_be32(proto) + checksum_be32(len));
}

static inline uint32_t checksum_128(const void *bytes)
{
	uint32_t w[4];

	memcpy(w, bytes, 16);
	return checksum_from64((uint64_t)w[0] + w[1] + w[2] + w[3]);
}

static inline uint32_t checksum_pseudo6(
	const void *src, const void *dst, uint8_t proto, uint32_t len)
{
	return checksum_from64((uint64_t)checksum_128(src) + checksum_128(dst) +
			       checksum_be32(proto) + checksum_be32(len));
}

/* What a change adds; old and new as they lie in memory. */
static inline uint16_t checksum_delta16(uint16_t old, uint16_t new)
{
	return checksum_fold((uint32_t)(uint16_t)~old + new);
}

static inline uint16_t checksum_delta32(uint32_t old, uint32_t new)
{
	return checksum_fold(checksum_add(~old, new));
}

static inline uint16_t checksum_delta128(const void *old, const void *new)
{
	return checksum_fold((uint32_t)(uint16_t)~checksum_fold(checksum_128(old)) +
			     checksum_fold(checksum_128(new)));
}

/* Any even number of bytes at an even offset. */
static inline uint16_t checksum_delta_bytes(const void *old, const void *new, size_t len)
{
	return checksum_fold((uint32_t)(uint16_t)~checksum_fold(checksum_bytes(old, len, 0)) +
			     checksum_fold(checksum_bytes(new, len, 0)));
}

/* The sum of two 16-bit sums: one carry comes round at most. */
static inline uint16_t checksum_join(uint16_t a, uint16_t b)
{
	uint32_t s = (uint32_t)a + b;

	return (uint16_t)(s + (s >> 16));
}

/* The checksum field after a change. */
static inline uint16_t checksum_apply(uint16_t csum, uint16_t delta)
{
	return (uint16_t)~checksum_join((uint16_t)~csum, delta);
}

/* The same for a UDP checksum: zero ("none") stays zero, and never becomes zero (RFC 768). */
static inline uint16_t checksum_apply_udp(uint16_t csum, uint16_t delta)
{
	uint16_t c = checksum_apply(csum, delta);

	return csum == 0 ? 0 : c == 0 ? 0xffff : c;
}

/* The same for a field that holds a pseudo-header sum (not inverted). */
static inline uint16_t checksum_apply_partial(uint16_t sum, uint16_t delta)
{
	return checksum_join(sum, delta);
}

#endif
