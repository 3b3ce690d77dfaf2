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
#include "flow/hash.h"
#include "flow/pipe_int.h"
#include "flow/walk.h"
#include "packet/csum.h"
#include "packet/tunnel.h"

static inline uint16_t flat_get16(const void *p)
{
	uint16_t v;

	memcpy(&v, p, 2);
	return v;
}

static inline uint64_t flat_get64(const void *p)
{
	uint64_t v;

	memcpy(&v, p, 8);
	return v;
}

static inline void flat_put16(void *p, uint16_t v)
{
	memcpy(p, &v, 2);
}

/* An IPv4 rewrite in registers: addresses and ports as they lie in a packet, each pair in one word. */
struct flat4 {
	uint64_t addr;
	uint32_t ports;
	uint16_t l3_delta, l4_delta;
	uint16_t to;
	uint8_t set;
};

static inline struct flat4 flat4_of(const struct flow_flat *f)
{
	struct flat4 r = {.l3_delta = f->l3_delta, .l4_delta = f->l4_delta, .to = f->to, .set = f->set};

	memcpy(&r.addr, f->addr, sizeof(r.addr));
	memcpy(&r.ports, &f->sport, sizeof(r.ports));
	return r;
}
static_assert(offsetof(struct flow_flat, dport) == offsetof(struct flow_flat, sport) + 2, "one load");

/* Which bytes of the two words FLOW_RW_SRC_IP ... FLOW_RW_DST_PORT mean. */
static const struct {
	uint64_t addr;
	uint32_t ports;
} flat4_masks[16] = {
#define FLAT4_MASK(set)                                                                                           \
	[set] = {((set)&FLOW_RW_SRC_IP ? RTE_BE64(0xffffffff00000000ull) : 0) |                                       \
			((set)&FLOW_RW_DST_IP ? RTE_BE64(0x00000000ffffffffull) : 0),                                         \
		((set)&FLOW_RW_SRC_PORT ? RTE_BE32(0xffff0000u) : 0) | ((set)&FLOW_RW_DST_PORT ? RTE_BE32(0x0000ffffu) : 0)}
	FLAT4_MASK(0), FLAT4_MASK(1), FLAT4_MASK(2), FLAT4_MASK(3), FLAT4_MASK(4), FLAT4_MASK(5), FLAT4_MASK(6), FLAT4_MASK(7),
	FLAT4_MASK(8), FLAT4_MASK(9), FLAT4_MASK(10), FLAT4_MASK(11), FLAT4_MASK(12), FLAT4_MASK(13), FLAT4_MASK(14),
	FLAT4_MASK(15)};
#undef FLAT4_MASK

static inline void flat4_tuple(uint8_t *ip, uint8_t *l4, bool udp, const struct flat4 *f)
{
	uint64_t addr, addr_mask = flat4_masks[f->set & 15].addr;
	uint32_t ports, port_mask = flat4_masks[f->set & 15].ports;
	uint8_t *field = l4 + (udp ? 6 : 16);
	uint16_t sum = flat_get16(field);

	memcpy(&addr, ip + 12, sizeof(addr));
	memcpy(&ports, l4, sizeof(ports));
	addr = (addr & ~addr_mask) | (f->addr & addr_mask);
	ports = (ports & ~port_mask) | (f->ports & port_mask);
	memcpy(ip + 12, &addr, sizeof(addr));
	memcpy(l4, &ports, sizeof(ports));
	flat_put16(field, udp ? checksum_apply_udp(sum, f->l4_delta) : checksum_apply(sum, f->l4_delta));
}

/* The TTL, which is the first byte of a 16-bit word, less `less`, and the header's checksum, by what that and the
 * addresses add to the sum. */
static inline void flat4_header(uint8_t *ip, uint16_t l3_delta, uint16_t ttl_delta, unsigned less)
{
	flat_put16(ip + 8, flat_get16(ip + 8) - (less * RTE_BE16(0x0100)));
	flat_put16(ip + 10, checksum_finish((uint32_t)(uint16_t)~flat_get16(ip + 10) + ttl_delta + l3_delta));
}

static inline void flat6_addresses(uint8_t *ip, const struct flow_flat *f)
{
	if (f->set & FLOW_RW_SRC_IP)
		memcpy(ip + 8, flow_flat_src(f), 16);
	if (f->set & FLOW_RW_DST_IP)
		memcpy(ip + 24, flow_flat_dst(f), 16);
}

static inline void flat6_ports(uint8_t *l4, bool udp, const struct flow_flat *f)
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

/* Prepared deltas are right for whole TCP and UDP packets in no tunnel, whose checksum is there. */
#define FLAT_SHAPE(l3, l4) ((uint32_t)(l3) << PKT_SHAPE_L3_SHIFT | (uint32_t)(l4) << PKT_SHAPE_L4_SHIFT)
#define FLAT_SHAPE_BITS \
	(FLAT_SHAPE(7, 15) | PKT_SHAPE_FRAG | PKT_SHAPE_FRAG_LATER | (uint32_t)15 << PKT_SHAPE_TUN_SHIFT)

static inline bool flat_is_plain(const struct flow_pkt *pkt, unsigned l3_type, bool *udp)
{
	uint32_t shape = pkt->parse->shape & FLAT_SHAPE_BITS;

	*udp = shape == FLAT_SHAPE(l3_type, PKT_L4_UDP);
	return (*udp || shape == FLAT_SHAPE(l3_type, PKT_L4_TCP)) && !(pkt->m->ol_flags & PKT_PARTIAL_FLAGS);
}

/* The tuple of an IPv4 packet. False: not plain, untouched. */
static inline __attribute__((always_inline)) bool flat_rewrite4(
	const struct flow_pkt *pkt, uint8_t *b, uint8_t *ip, const struct flat4 *f)
{
	bool udp;

	if (unlikely((f->set & FLOW_RW_IP6) || !flat_is_plain(pkt, PKT_L3_IP4, &udp)))
		return false;
	flat4_tuple(ip, b + pkt->parse->outer.l4, udp, f);
	return true;
}

/* The tuple of an IPv6 packet, and a hop limit less `less` (0 or 1; the caller has seen that it may). False: not plain,
 * untouched. */
static inline bool flat_rewrite6(struct flow_pkt *pkt, const struct flow_flat *f, unsigned less)
{
	const struct pkt_headers *h = &pkt->parse->outer;
	uint8_t *b = pkt_at(pkt->m, 0);
	bool udp;

	if (f->set & 15) {
		if (unlikely(!(f->set & FLOW_RW_IP6) || (h->flags & PKT_ROUTING) || !flat_is_plain(pkt, PKT_L3_IP6, &udp)))
			return false;
		flat6_addresses(b + h->l3, f);
		flat6_ports(b + h->l4, udp, f);
	}
	b[h->l3 + 7] -= less;
	return true;
}

/* May this packet, whose TTL is that, go by this hop, with nothing to say to the sender? */
static inline bool flat_may_go(const struct flow_pkt *pkt, const struct flow_hop *hop, uint8_t ttl)
{
	return hop && pkt->m->pkt_len - pkt->parse->outer.l3 <= hop->plain.most && ttl >= hop->plain.ttl_least;
}

/* A hash of the flow for the outer UDP source port; the same for every packet of a flow. */
static inline uint32_t flat_entropy(const struct flow_key *key)
{
	const struct flow_key_hot *k = &key->hot;
	uint64_t last = flat_get64(&k->sport), h; /* ports and protocol; not TTL, not TOS */

	last = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? last & 0xffffffffff : last >> 24;
	h = flow_fold(flat_get64(k->src) ^ 0x2d358dccaa6c78a5ull, flat_get64(k->dst) ^ 0x8bb84b93962eacc9ull);
	h = flow_fold(h ^ flat_get64(k->src + 8) ^ last, flat_get64(k->dst + 8) ^ 0x9e3779b97f4a7c15ull);
	return (uint32_t)(h ^ h >> 32);
}

/* Out by a hop: addresses, tunnel. `b`: the packet's first byte. */
static inline __attribute__((always_inline)) void flat_leave(
	struct flow_pkt *pkt, uint8_t *b, const struct flow_hop *hop, struct flow_verdict *v)
{
	unsigned flags = hop->flags;
	int err;

	if (flags & FLOW_HOP_MACS)
		memcpy(b, hop->dmac, 12);
	*v = (struct flow_verdict){.kind = FLOW_VERDICT_PORT, .port = hop->port};
	if (!(flags & FLOW_HOP_ENCAP))
		return;
	err = pkt_encap_last(pkt->m, pkt->parse, &hop->encap, hop->encap.entropy ? flat_entropy(pkt->key) : 0);
	if (unlikely(err))
		*v = (struct flow_verdict){.kind = FLOW_VERDICT_DROP, .reason = (uint8_t)-err};
}

/* Rewrite an IPv4 packet and leave by hop f->to. False: not plain; the packet is untouched. */
static inline __attribute__((always_inline)) bool flat_take_hop4(
	struct flow_ctx *ctx, struct flow_pkt *pkt, const struct flat4 *f, struct flow_verdict *v)
{
	const struct flow_hop *hop = hop_at(ctx, f->to);
	uint8_t *b = pkt_at(pkt->m, 0), *ip = b + pkt->parse->outer.l3;
	bool tuple = f->set & 15;

	if (unlikely(!flat_may_go(pkt, hop, ip[8])) || (tuple && unlikely(!flat_rewrite4(pkt, b, ip, f))))
		return false;
	flat4_header(ip, tuple ? f->l3_delta : 0, hop->plain.ttl_delta, hop->plain.ttl_less);
	flat_leave(pkt, b, hop, v);
	return true;
}

/* The same for IPv6. */
static inline bool flat_take_hop6(
	struct flow_ctx *ctx, struct flow_pkt *pkt, const struct flow_flat *f, struct flow_verdict *v)
{
	const struct flow_hop *hop = hop_at(ctx, f->to);
	uint8_t *b = pkt_at(pkt->m, 0);

	if (!flat_may_go(pkt, hop, b[pkt->parse->outer.l3 + 7u]) ||
		!flat_rewrite6(pkt, f, hop->plain.ttl_less))
		return false;
	flat_leave(pkt, b, hop, v);
	return true;
}

/* The same for any packet. */
static inline __attribute__((always_inline)) bool flat_take_hop(struct flow_ctx *ctx,
	struct flow_pkt *pkt, const struct flow_flat *f, struct flow_verdict *v)
{
	unsigned l3_type = pkt->parse->outer.l3_type;

	if (likely(l3_type == PKT_L3_IP4)) {
		struct flat4 four = flat4_of(f);

		return flat_take_hop4(ctx, pkt, &four, v);
	}
	return l3_type == PKT_L3_IP6 && flat_take_hop6(ctx, pkt, f, v);
}

static_assert(offsetof(struct flow_hop, smac) == offsetof(struct flow_hop, dmac) + 6,
	"both addresses in one copy");

#endif
