/* SPDX-License-Identifier: BSD-3-Clause */
/* Insides of the fast parse: what its variants share. */
#ifndef PACKET_PARSE_INT_H
#define PACKET_PARSE_INT_H

#include "packet/packet_int.h"

#define BE16(v) ((uint16_t)RTE_STATIC_BSWAP16(v)) /* as read from the wire, on little endian */

/* The eight words of a struct pkt_parse whose payload, l3_end, l4_len, flags and pkt_len are zero.
 */
union pkt_template {
	struct pkt_parse p;
	uint64_t w[8];
};

/* Where the variable fields are in those words. */
#define PAYLOAD_SHIFT 48  /* w[0] */
#define FLAGS_SHIFT 32    /* w[2] */
#define L4_LEN_SHIFT 48   /* w[2] */
#define TUN_END_SHIFT 16  /* w[6]; tun below it */
#define TUN_TYPE_SHIFT 32 /* w[6] */
#define PKT_LEN_SHIFT 32  /* w[7]; shape below it */
_Static_assert(
	offsetof(struct pkt_headers, payload) == 6 && offsetof(struct pkt_headers, l3_end) == 8 &&
		offsetof(struct pkt_headers, flags) == 20 &&
		offsetof(struct pkt_headers, l4_len) == 22 &&
		offsetof(struct pkt_parse, inner) == 24 && offsetof(struct pkt_parse, tun) == 48 &&
		offsetof(struct pkt_parse, tun_end) == 50 &&
		offsetof(struct pkt_parse, tun_type) == 52 &&
		offsetof(struct pkt_parse, shape) == 56 &&
		offsetof(struct pkt_parse, pkt_len) == 60,
	"the shifts above");

/* [VLAN][IPv6][TCP] */
extern const union pkt_template pkt_templates[2][2][2];

/* The outer headers, `at` bytes, have been cut off m: what was the inner is parsed already. False (and p as it was):
 * it is not plain, or may be a tunnel itself; parse anew. */
bool pkt_parse_take_inner(const struct rte_mbuf *m, struct pkt_parse *p, uint32_t at);

typedef void (*pkt_parse_burst_fn)(struct rte_mbuf **m, struct pkt_parse *p, unsigned n);
void pkt_parse_burst_generic(struct rte_mbuf **m, struct pkt_parse *p, unsigned n);
void pkt_parse_burst_avx512(struct rte_mbuf **m, struct pkt_parse *p, unsigned n);

/* NULL when this machine lacks it. */
pkt_parse_burst_fn pkt_parse_burst_variant(bool avx512);

#endif
