/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * flat_apply: a flat form on a plain packet, straight-line. Shared by the flow cache (flat.c) and by connections
 * (conn_run.c). "Plain" is asked first and before anything is written: what is not plain goes the long way
 * (run.c), which defines what all of this means.
 *
 * Inside room flow.
 */
#ifndef FLOW_FLAT_APPLY_H
#define FLOW_FLAT_APPLY_H

#include <string.h>

#include "engine/checksum.h"
#include "flow/flat.h"
#include "flow/pipe_int.h"
#include "flow/walk.h"
#include "packet/csum.h"
#include "packet/tunnel.h"

/* What one less in the TTL adds to the sum of an IPv4 header: TTL is the first byte of its 16-bit word. */
#define FLAT_TTL_ONE RTE_BE16(0x0100)
#define FLAT_TTL_DELTA ((uint16_t)~FLAT_TTL_ONE)

static inline uint16_t flat_get16(const void *p)
{
	uint16_t v;

	memcpy(&v, p, 2);
	return v;
}

static inline void flat_put16(void *p, uint16_t v)
{
	memcpy(p, &v, 2);
}

/* Addresses and the header checksum; `delta`: what else changed under that checksum. */
static inline void flat_rewrite4(uint8_t *ip, const struct flow_flat *f, uint32_t delta)
{
	if (f->set & FLOW_RW_SRC_IP)
		memcpy(ip + 12, flow_flat_src(f), 4);
	if (f->set & FLOW_RW_DST_IP)
		memcpy(ip + 16, flow_flat_dst(f), 4);
	flat_put16(ip + 10,
		checksum_finish((uint32_t)(uint16_t)~flat_get16(ip + 10) + delta + f->l3_delta));
}

static inline void flat_rewrite6(uint8_t *ip, const struct flow_flat *f)
{
	if (f->set & FLOW_RW_SRC_IP)
		memcpy(ip + 8, flow_flat_src(f), 16);
	if (f->set & FLOW_RW_DST_IP)
		memcpy(ip + 24, flow_flat_dst(f), 16);
}

static inline void flat_rewrite_l4(uint8_t *l4, bool udp, const struct flow_flat *f)
{
	uint8_t *field = l4 + (udp ? 6 : 16);
	uint16_t old = flat_get16(field);

	if (f->set & FLOW_RW_SRC_PORT)
		flat_put16(l4, f->sport);
	if (f->set & FLOW_RW_DST_PORT)
		flat_put16(l4 + 2, f->dport);
	flat_put16(field,
		udp ? checksum_apply_udp(old, f->l4_delta) : checksum_apply(old, f->l4_delta));
}

/* AGAIN's reason for a packet whose parse was just made. One with something wrong inside is parsed anew: how depends on
 * what the pipes ask for. */
static inline uint8_t flat_again(const struct pkt_parse *p)
{
	return p->drop | p->inner_drop ? 0 : FLOW_AGAIN_PARSED;
}

/* May the tuple of this packet be rewritten with the prepared deltas? */
static inline bool flat_is_plain(const struct flow_pkt *pkt, const struct flow_flat *f)
{
	const struct pkt_parse *p = pkt->parse;

	return (p->outer.l4_type == PKT_L4_TCP || p->outer.l4_type == PKT_L4_UDP) &&
	       p->tun_type == PKT_TUN_NONE && !(p->outer.flags & (PKT_FRAG | PKT_ROUTING)) &&
	       !(pkt->m->ol_flags & PKT_PARTIAL_FLAGS) &&
	       p->outer.l3_type == (f->set & FLOW_RW_IP6 ? PKT_L3_IP6 : PKT_L3_IP4);
}

/* The tuple, and a TTL less `less` (0 or 1; the caller has seen that it may). False: not plain, untouched. */
static inline __attribute__((always_inline)) bool flat_rewrite(
	struct flow_pkt *pkt, const struct flow_flat *f, unsigned less)
{
	const struct pkt_headers *h = &pkt->parse->outer;
	uint8_t *b = pkt_at(pkt->m, 0), *ip = b + h->l3;

	if ((f->set & 15) && unlikely(!flat_is_plain(pkt, f)))
		return false;
	if (likely(h->l3_type == PKT_L3_IP4)) {
		flat_put16(ip + 8, flat_get16(ip + 8) - less * FLAT_TTL_ONE);
		flat_rewrite4(ip, f, less * FLAT_TTL_DELTA);
	} else {
		ip[7] -= less;
		flat_rewrite6(ip, f);
	}
	if (f->set & 15)
		flat_rewrite_l4(b + h->l4, h->l4_type == PKT_L4_UDP, f);
	return true;
}

/* May this packet go by this hop, with nothing to say to the sender? */
static inline bool flat_may_go(const struct flow_pkt *pkt, const struct flow_hop *hop)
{
	const struct pkt_headers *h = &pkt->parse->outer;
	const uint8_t *ip = pkt_at(pkt->m, h->l3);
	bool six = h->l3_type == PKT_L3_IP6;

	if (!six && h->l3_type != PKT_L3_IP4)
		return false;
	return hop && !(hop->flags & FLOW_HOP_HOLD) &&
	       (!hop->mtu || pkt->m->pkt_len - h->l3 <= hop->mtu) &&
	       (!(hop->flags & FLOW_HOP_TTL) || ip[six ? 7 : 8] > 1);
}

/* A hash of the flow for the outer UDP source port; the same for every packet of a flow. */
static inline uint32_t flat_entropy(const struct flow_key *key)
{
	uint64_t w[5], h = 0;

	memcpy(w, key->hot.src, sizeof(w));
	w[4] &= 0xffffffffffull; /* ports and protocol; not TTL, not TOS */
	if (__BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__)
		w[4] >>= 24;
	for (unsigned i = 0; i < 5; i++)
		h = pipe_mix(h, w[i]);
	return h ^ h >> 32;
}

/* Rewrite and leave by hop f->to. False: not plain; the packet is untouched. */
static inline __attribute__((always_inline)) bool flat_take_hop(struct flow_ctx *ctx,
	struct flow_pkt *pkt, const struct flow_flat *f, struct flow_verdict *v)
{
	const struct flow_hop *hop = hop_at(ctx, f->to);
	int err;

	if (unlikely(!flat_may_go(pkt, hop)) ||
		unlikely(!flat_rewrite(pkt, f, !!(hop->flags & FLOW_HOP_TTL))))
		return false;
	if (hop->flags & FLOW_HOP_MACS)
		memcpy(pkt_at(pkt->m, 0), hop->dmac, 12);
	*v = (struct flow_verdict){.kind = FLOW_VERDICT_PORT, .port = hop->port};
	if (!(hop->flags & FLOW_HOP_ENCAP))
		return true;
	err = pkt_encap_last(pkt->m, pkt->parse, &hop->encap, flat_entropy(pkt->key));
	if (unlikely(err))
		*v = (struct flow_verdict){.kind = FLOW_VERDICT_DROP, .reason = (uint8_t)-err};
	return true;
}

static_assert(offsetof(struct flow_hop, smac) == offsetof(struct flow_hop, dmac) + 6,
	"both addresses in one copy");

#endif
