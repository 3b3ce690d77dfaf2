/* SPDX-License-Identifier: BSD-3-Clause */
/* Insides of keys: what the variants of flow_key_build() share. key.c is the definition. */
#ifndef FLOW_KEY_INT_H
#define FLOW_KEY_INT_H

#include "flow/key.h"

typedef void (*key_build_fn)(struct rte_mbuf *const *m, const struct pkt_parse *parse,
	const struct flow_pkt_meta *meta, struct flow_key *keys, unsigned n, unsigned lines);
void key_build_generic(struct rte_mbuf *const *m, const struct pkt_parse *parse,
	const struct flow_pkt_meta *meta, struct flow_key *keys, unsigned n, unsigned lines);
void key_build_vbmi(struct rte_mbuf *const *m, const struct pkt_parse *parse,
	const struct flow_pkt_meta *meta, struct flow_key *keys, unsigned n, unsigned lines);
/* Before the first key_build_vbmi(). */
void key_vbmi_prepare(void);

/* NULL when this machine lacks it. */
key_build_fn key_build_variant(bool vbmi);

/* One key without line 0. */
void key_other_lines(const struct rte_mbuf *m, const struct pkt_parse *p, const struct flow_pkt_meta *meta,
	struct flow_key *key, unsigned lines);

/* pkt_parse.shape -> the 16 bits of the key: the tunnel type moves up, the inner half is cut off. */
static inline uint16_t key_outer_shape(uint32_t shape)
{
	return (shape & 0x7ff) | ((shape >> PKT_SHAPE_TUN_SHIFT & 15) << FLOW_SHAPE_TUN_SHIFT);
}

/* The bits of pkt_parse.shape that key_outer_shape() keeps. */
#define KEY_OUTER_BITS (0x7ffu | 15u << PKT_SHAPE_TUN_SHIFT)

#endif
