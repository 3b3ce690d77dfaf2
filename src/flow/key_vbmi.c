/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * key, AVX-512 VBMI: lines 0 and 2 of a plain packet are its first bytes in another order, so a byte permute makes
 * each in one instruction. Plain is: untagged Ethernet, IPv4 without options or IPv6 without extension headers, TCP
 * or UDP, no fragment, in VXLAN or not. Everything else goes through key.c, which is the definition.
 *
 * Only bytes of headers that the parse has found are loaded.
 */
#include <immintrin.h>
#include <string.h>

#include "flow/key_int.h"

#define IP4 14u /* where the headers of plain packets begin */
#define IP6 14u
#define L4_OF_IP4 34u
#define L4_OF_IP6 54u
#define HOT(member) ((uint8_t)offsetof(struct flow_key_hot, member))
#define LINK(member) ((uint8_t)offsetof(struct flow_key_link, member))

/* `len` bytes of the key's line at `to` are those of the frame at `from`. */
struct move {
	uint8_t to, from, len;
};

static const struct move hot4[] = {{HOT(src), IP4 + 12, 4}, {HOT(dst), IP4 + 16, 4}, {HOT(sport), L4_OF_IP4, 2},
	{HOT(dport), L4_OF_IP4 + 2, 2}, {HOT(proto), IP4 + 9, 1}, {HOT(ttl), IP4 + 8, 1}, {HOT(tos), IP4 + 1, 1},
	{HOT(ethertype), 12, 2}};
/* the traffic class straddles two bytes, and is put in by itself */
static const struct move hot6[] = {{HOT(src), IP6 + 8, 16}, {HOT(dst), IP6 + 24, 16}, {HOT(sport), L4_OF_IP6, 2},
	{HOT(dport), L4_OF_IP6 + 2, 2}, {HOT(proto), IP6 + 6, 1}, {HOT(ttl), IP6 + 7, 1}, {HOT(ethertype), 12, 2}};
static const struct move flags4[] = {{HOT(tcp_flags), L4_OF_IP4 + 13, 1}};
static const struct move flags6[] = {{HOT(tcp_flags), L4_OF_IP6 + 13, 1}};
static const struct move vni4[] = {{HOT(vni) + 1, L4_OF_IP4 + 12, 3}};
static const struct move vni6[] = {{HOT(vni) + 1, L4_OF_IP6 + 12, 3}};

/* Line 2, of IPv4: with IPv6 it reaches beyond what one load has. */
static const struct move link4[] = {{LINK(dmac), 0, 12}, {LINK(type), 12, 2}, {LINK(version_ihl), IP4, 1},
	{LINK(total_len), IP4 + 2, 2}, {LINK(ip_id), IP4 + 4, 2}, {LINK(frag_off), IP4 + 6, 2}, {LINK(ip_csum), IP4 + 10, 2}};
static const struct move link_udp[] = {{LINK(udp_len), L4_OF_IP4 + 4, 2}, {LINK(l4_csum), L4_OF_IP4 + 6, 2}};
static const struct move link_tcp[] = {{LINK(tcp_seq), L4_OF_IP4 + 4, 4}, {LINK(tcp_ack), L4_OF_IP4 + 8, 4},
	{LINK(tcp_data_off), L4_OF_IP4 + 12, 1}, {LINK(tcp_window), L4_OF_IP4 + 14, 2}, {LINK(l4_csum), L4_OF_IP4 + 16, 2}};

/* A line from the 64 bytes at `at`. */
struct order {
	uint8_t from[FLOW_KEY_LINE] __attribute__((aligned(64)));
	uint64_t keep; /* which bytes of the line come from the packet */
	uint64_t load; /* which of the 64 are asked for */
};

struct class {
	struct order hot, link;
	uint8_t head[16] __attribute__((aligned(16))); /* of line 0: the shape, else zeros */
	uint32_t shape;   /* KEY_OUTER_BITS */
	uint32_t offsets; /* l3 | l4 << 16 */
	uint32_t at;      /* of the load in the frame */
	bool has_link;
};

/* Those bits of a packet's shape that tell one class from another: IPv6, TCP, VXLAN; they index `classes`. */
#define CLASS_BITS ((uint32_t)PKT_L3_IP6 << PKT_SHAPE_L3_SHIFT | (uint32_t)PKT_L4_TCP << PKT_SHAPE_L4_SHIFT | \
	(uint32_t)PKT_TUN_VXLAN << PKT_SHAPE_TUN_SHIFT)
static_assert(PKT_L3_IP6 == 2 && PKT_L3_IP4 == 1 && PKT_L4_TCP == 1 && PKT_L4_UDP == 2 && PKT_TUN_VXLAN == 1,
	"one bit tells each pair apart");

/* Shape 0 is no packet's. Written once, before the first use. */
static struct class classes[8];

static void arrange(struct order *o, uint32_t at, const struct move *moves, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		for (unsigned k = 0; k < moves[i].len; k++) {
			uint8_t from = (uint8_t)(moves[i].from + k - at);

			o->from[moves[i].to + k] = from;
			o->keep |= 1ull << (moves[i].to + k);
			o->load |= 1ull << from;
		}
}

#define ARRANGE(order, at, moves) arrange(order, at, moves, ARRAY_SIZE(moves))

static void make_class(bool six, bool tcp, bool vxlan)
{
	struct class *c = &classes[(unsigned)six | (unsigned)tcp << 1 | (unsigned)vxlan << 2];
	uint16_t outer;

	c->at = six ? 12 : 0; /* the ethertype too */
	c->offsets = IP4 | (six ? L4_OF_IP6 : L4_OF_IP4) << 16;
	c->shape = (uint32_t)PKT_L2_ETH | (uint32_t)(six ? PKT_L3_IP6 : PKT_L3_IP4) << PKT_SHAPE_L3_SHIFT |
		   (uint32_t)(tcp ? PKT_L4_TCP : PKT_L4_UDP) << PKT_SHAPE_L4_SHIFT |
		   (uint32_t)(vxlan ? PKT_TUN_VXLAN : PKT_TUN_NONE) << PKT_SHAPE_TUN_SHIFT;
	outer = key_outer_shape(c->shape);
	memcpy(&c->head[HOT(shape)], &outer, sizeof(outer));
	if (six)
		ARRANGE(&c->hot, c->at, hot6);
	else
		ARRANGE(&c->hot, c->at, hot4);
	if (tcp)
		arrange(&c->hot, c->at, six ? flags6 : flags4, 1);
	if (vxlan)
		arrange(&c->hot, c->at, six ? vni6 : vni4, 1);
	c->has_link = !six;
	ARRANGE(&c->link, 0, link4);
	if (tcp)
		ARRANGE(&c->link, 0, link_tcp);
	else
		ARRANGE(&c->link, 0, link_udp);
}

void key_vbmi_prepare(void)
{
	for (unsigned i = 0; i < 8; i++)
		if ((i & 3) != 3)
			make_class(i >> 2, i >> 1 & 1, i & 1);
}

static inline const struct class *class_of(const struct pkt_parse *p)
{
	const struct class *c = &classes[_pext_u32(p->shape, CLASS_BITS)];
	uint32_t offsets;

	memcpy(&offsets, &p->outer.l3, sizeof(offsets));
	return (p->shape & KEY_OUTER_BITS) == c->shape && offsets == c->offsets ? c : NULL;
}
static_assert(offsetof(struct pkt_headers, l4) == offsetof(struct pkt_headers, l3) + 2, "both offsets in one load");

static inline void permute(void *line, const struct order *o, const uint8_t *bytes, __m512i others)
{
	__m512i load = _mm512_maskz_loadu_epi8(o->load, bytes);

	_mm512_storeu_si512(line, _mm512_mask_permutexvar_epi8(others, o->keep, _mm512_load_si512(o->from), load));
}

/* The first sixteen bytes of line 0, as far as they do not come from the packet's: those of the metadata, and the shape. */
static inline __m128i head(const struct class *c, const struct flow_pkt_meta *meta)
{
	const __m128i from_meta = _mm_set_epi64x(-1, 0x0000ffff00ffffffll);

	return _mm_or_si128(_mm_and_si128(_mm_loadu_si128((const __m128i *)(const void *)meta), from_meta),
		_mm_load_si128((const __m128i *)(const void *)c->head));
}
static_assert(HOT(tcp_flags) == 3 && HOT(resume) == 4 && HOT(shape) == 6 && HOT(pkt_meta) == 8, "the mask above");

static inline void line_hot(const struct class *c, const uint8_t *data, const struct flow_pkt_meta *meta, struct flow_key_hot *k)
{
	__m512i others = _mm512_zextsi128_si512(head(c, meta));

	if (c->at) {
		uint8_t tos = (uint8_t)(data[IP6] << 4 | data[IP6 + 1] >> 4);

		others = _mm512_mask_set1_epi8(others, 1ull << HOT(tos), (char)tos);
	}
	permute(k, &c->hot, data + c->at, others);
}

/* The lines behind the first. */
static void more_lines(const struct class *c, const struct rte_mbuf *m, const struct pkt_parse *p,
	const struct flow_pkt_meta *meta, struct flow_key *key, unsigned lines)
{
	if (lines & 1u << 2 && c->has_link) {
		permute(&key->link, &c->link, pkt_at(m, 0), _mm512_setzero_si512());
		lines &= ~(1u << 2);
	}
	if (lines)
		key_other_lines(m, p, meta, key, lines);
}

void key_build_vbmi(struct rte_mbuf *const *m, const struct pkt_parse *parse, const struct flow_pkt_meta *meta,
	struct flow_key *keys, unsigned n, unsigned lines)
{
	unsigned more = lines & ~1u;

	for (unsigned i = 0; i < n; i++) {
		const struct class *c = class_of(&parse[i]);

		if (unlikely(!c)) {
			key_build_generic(&m[i], &parse[i], &meta[i], &keys[i], 1, lines);
			continue;
		}
		line_hot(c, pkt_at(m[i], 0), &meta[i], &keys[i].hot);
		if (more)
			more_lines(c, m[i], &parse[i], &meta[i], &keys[i], more);
	}
}
