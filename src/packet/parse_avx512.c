/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * parse, AVX-512: the plain parse of parse.c for eight packets at once, one per 64-bit lane. What
 * is not a plain untagged frame, or looks wrong in any way (a bad header checksum included), goes
 * through pkt_parse() by itself. Lanes are loaded one by one: on most machines a gather is slower
 * than eight loads.
 *
 * No byte outside a packet is read: lanes of short packets, and L4 loads of lanes that failed, read
 * a dummy instead.
 */
#include "packet/parse_int.h"

#if defined(__x86_64__)
#include <immintrin.h>

#define AVX512 __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,bmi2")))
#define LANES 8u

static const uint8_t dummy[64] __attribute__((aligned(64)));

AVX512 static inline __m128i load2(const uint8_t *a, const uint8_t *b)
{
	__m128d low = _mm_castsi128_pd(_mm_loadl_epi64((const __m128i *)(const void *)a));

	return _mm_castpd_si128(_mm_loadh_pd(low, (const double *)(const void *)b));
}

AVX512 static inline __m256i load4(const uint8_t *const at[4], uint32_t off)
{
	return _mm256_inserti128_si256(_mm256_castsi128_si256(load2(at[0] + off, at[1] + off)),
		load2(at[2] + off, at[3] + off), 1);
}

/* 64 bits from each of eight addresses. */
AVX512 static inline __m512i load8(const uint8_t *const at[LANES], uint32_t off)
{
	return _mm512_inserti64x4(_mm512_castsi256_si512(load4(at, off)), load4(at + 4, off), 1);
}

AVX512 static inline __m512i all(uint64_t v)
{
	return _mm512_set1_epi64((long long)v);
}

/* six where the lane is IPv6, else four */
AVX512 static inline __m512i pick(__mmask8 six, uint64_t four, uint64_t if_six)
{
	return _mm512_mask_blend_epi64(six, all(four), all(if_six));
}

/* A 16-bit big-endian field of each lane, at byte 4 or 6. */
AVX512 static inline __m512i be16_at(__m512i v, __m512i bit)
{
	const __m512i swap = _mm512_broadcast_i32x4(
		_mm_set_epi64x((long long)0x8080808080800809ull, (long long)0x8080808080800001ull));

	return _mm512_shuffle_epi8(_mm512_srlv_epi64(v, bit), swap);
}

/* Lanes whose 16-bit field at bit 16 is VXLAN's port. */
AVX512 static inline __mmask8 vxlan_port(__m512i ports)
{
	return _mm512_cmpeq_epi64_mask(_mm512_and_si512(ports, all(0xffff0000)),
		all((uint64_t)pkt_tunnel_ports.port[0] << 16));
}

/* Lanes whose 16-bit field at bit 16 is one of the tunnel ports. */
AVX512 static inline __mmask8 tunnel_ports(__m512i ports)
{
	uint64_t a, b;
	__m512i port = _mm512_shuffle_epi8(ports,
		_mm512_broadcast_i32x4(_mm_set_epi64x(0x0b0a0b0a0b0a0b0all, 0x0302030203020302ll)));
	__m512i differ;
	__mmask32 found;

	memcpy(&a, &pkt_tunnel_ports.port[0], 8);
	memcpy(&b, &pkt_tunnel_ports.port[4], 8);
	differ = _mm512_min_epu16(_mm512_xor_si512(port, all(a)), _mm512_xor_si512(port, all(b)));
	found = _mm512_testn_epi16_mask(differ, differ);
	if (likely(!found))
		return 0;
	return _mm512_test_epi64_mask(_mm512_movm_epi16(found), all(~0ull));
}

/* As ip4_csum_wrong() in parse.c. */
AVX512 static inline __mmask8 csum_wrong(__m512i a, __m512i b, __m512i c)
{
	__m512i s = _mm512_add_epi64(_mm512_srli_epi64(a, 16), _mm512_srli_epi64(c, 16));

	s = _mm512_add_epi64(s, b);
	s = _mm512_mask_add_epi64(s, _mm512_cmplt_epu64_mask(s, b), s, all(1));
	return _mm512_cmpgt_epu64_mask(
		_mm512_mullo_epi64(s, all(0xfffefffefffeffffull)), all(0x0001000100010001ull));
}

/* Eight packets on their way; the fields of struct pkt_parse that vary. Lanes not `ok` to begin with read a dummy. */
struct eight {
	__m512i a, b; /* words at the ethertype and 8 bytes on */
	__m512i data, data_len, pkt_len;
	__m512i l4, l3_end, least, l4_len;
	__m512i udp_end;       /* UDP lanes: where the header says the datagram ends */
	__mmask8 six, tcp, ok; /* ok: plain, tunnels not among them */
	__mmask8 tunnel;       /* plain but for their port, which is a tunnel's; */
	__mmask8 vxlan;        /* VXLAN's */
};

AVX512 static inline void read_l3(struct eight *e, const uint8_t *const data[LANES])
{
	__mmask8 four, udp;
	__m512i proto, need;

	e->a = load8(data, PKT_ETH_LEN - 2);
	e->b = load8(data, PKT_ETH_LEN + 6);
	four = _mm512_cmpeq_epi64_mask(
		_mm512_and_si512(e->a, all(0xffffff)), all(BE16(PKT_ET_IP4) | 0x45u << 16));
	e->six = _mm512_cmpeq_epi64_mask(
		_mm512_and_si512(e->a, all(0xf0ffff)), all(BE16(PKT_ET_IP6) | 0x60u << 16));
	proto = _mm512_rorv_epi64(
		_mm512_and_si512(e->b, pick(e->six, 0xff00ff3f, 0xff)), pick(e->six, 24, 0));
	e->tcp = _mm512_cmpeq_epi64_mask(proto, all(PKT_PROTO_TCP));
	udp = _mm512_cmpeq_epi64_mask(proto, all(PKT_PROTO_UDP));
	e->l4 = pick(e->six, PKT_ETH_LEN + PKT_IP4_LEN, PKT_ETH_LEN + PKT_IP6_LEN);
	e->l3_end = _mm512_add_epi64(be16_at(e->a, pick(e->six, 32, 48)),
		pick(e->six, PKT_ETH_LEN, PKT_ETH_LEN + PKT_IP6_LEN));
	e->least = pick(e->tcp, PKT_UDP_LEN, PKT_TCP_LEN);
	need = _mm512_add_epi64(e->l4, e->least);
	e->ok &= (__mmask8)((four | e->six) & (e->tcp | udp));
	e->ok &= _mm512_cmple_epu64_mask(need, _mm512_min_epu64(e->data_len, e->l3_end));
	e->ok &= _mm512_cmple_epu64_mask(e->l3_end, e->pkt_len);
}

/* What headers at fixed places read: both L4 words of IPv4 are within. */
#define FIXED_BYTES (PKT_ETH_LEN + PKT_IP4_LEN + 16)

/* The word at l4 (UDP) or l4 + 8 (TCP): UDP's length and TCP's data offset are both in its bytes 4 and 5. */
AVX512 static inline __m512i l4_words(const struct eight *e)
{
	const uint8_t *at[LANES];
	__m512i data = _mm512_add_epi64(e->data, e->l4);

	data = _mm512_mask_add_epi64(data, e->tcp, data, all(8));
	_mm512_storeu_si512(
		at, _mm512_mask_blend_epi64(e->ok, all((uint64_t)(uintptr_t)dummy), data));
	return load8(at, 0);
}

/* The same for IPv4 at places that do not wait for what the L3 header says. All lanes have FIXED_BYTES. */
AVX512 static inline __m512i l4_words_ip4(const struct eight *e, const uint8_t *const data[LANES])
{
	return _mm512_mask_blend_epi64(
		e->tcp, load8(data, PKT_ETH_LEN + PKT_IP4_LEN), load8(data, PKT_ETH_LEN + PKT_IP4_LEN + 8));
}

AVX512 static inline void read_l4(struct eight *e, __m512i w)
{
	__m512i said, limit;

	e->l4_len = _mm512_mask_and_epi64(
		all(PKT_UDP_LEN), e->tcp, _mm512_srli_epi64(w, 34), all(0x3c));
	said = _mm512_mask_blend_epi64(e->tcp, be16_at(w, all(32)), e->l4_len);
	limit = _mm512_mask_min_epu64(e->l3_end, e->tcp, e->l3_end, e->data_len);
	e->ok &= _mm512_cmple_epu64_mask(_mm512_add_epi64(e->l4, said), limit);
	e->ok &= _mm512_cmpge_epu64_mask(said, e->least);
	e->udp_end = _mm512_add_epi64(e->l4, said);
	e->tunnel = (__mmask8)(e->ok & tunnel_ports(w) & ~e->tcp);
	e->ok &= (__mmask8)~e->tunnel;
	e->vxlan = likely(!e->tunnel) ? 0 : e->tunnel & vxlan_port(w);
}

/* One of four words by class: IPv4 UDP, IPv4 TCP, IPv6 UDP, IPv6 TCP. */
AVX512 static inline __m512i by_class(const struct eight *e, unsigned word)
{
	const union pkt_template(*t)[2] = pkt_templates[0];

	return _mm512_mask_blend_epi64(e->six,
		_mm512_mask_blend_epi64(e->tcp, all(t[0][0].w[word]), all(t[0][1].w[word])),
		_mm512_mask_blend_epi64(e->tcp, all(t[1][0].w[word]), all(t[1][1].w[word])));
}

/* Words 2k and 2k+1 of eight results, interleaved: 16 bytes per packet. */
AVX512 static inline void store_pairs(struct pkt_parse *p, unsigned word, __m512i lo, __m512i hi)
{
	__m512i even = _mm512_unpacklo_epi64(lo, hi), odd = _mm512_unpackhi_epi64(lo, hi);
	uint8_t *at = (uint8_t *)p + word * 8;

#define PUT(i, v, part)   \
	_mm_storeu_si128( \
		(__m128i *)(void *)(at + (i) * sizeof(*p)), _mm512_extracti64x2_epi64(v, part))
	PUT(0, even, 0);
	PUT(1, odd, 0);
	PUT(2, even, 1);
	PUT(3, odd, 1);
	PUT(4, even, 2);
	PUT(5, odd, 2);
	PUT(6, even, 3);
	PUT(7, odd, 3);
#undef PUT
}

AVX512 static inline void write_all(const struct eight *e, struct pkt_parse *p)
{
	const union pkt_template *t = &pkt_templates[0][0][0];
	__m512i payload = _mm512_slli_epi64(_mm512_add_epi64(e->l4, e->l4_len), PAYLOAD_SHIFT);

	store_pairs(p, 0, _mm512_or_si512(by_class(e, 0), payload),
		_mm512_or_si512(by_class(e, 1), e->l3_end));
	store_pairs(p, 2,
		_mm512_or_si512(by_class(e, 2), _mm512_slli_epi64(e->l4_len, L4_LEN_SHIFT)),
		all(t->w[3]));
#pragma GCC unroll 8
	for (unsigned i = 0; i < LANES; i++)
		_mm_storeu_si128((__m128i *)(void *)((uint8_t *)(p + i) + 32),
			_mm_loadu_si128((const __m128i *)(const void *)&t->w[4]));
	store_pairs(p, 6, all(t->w[6]),
		_mm512_or_si512(by_class(e, 7), _mm512_slli_epi64(e->pkt_len, PKT_LEN_SHIFT)));
}

/* Words of the outer with VXLAN, of the inner shifted by what lies before it, as write_inner() in parse.c. */
AVX512 static inline void write_tunnelled(
	const struct eight *o, const struct eight *i, __m512i at, struct pkt_parse *p)
{
	__m512i payload = _mm512_slli_epi64(_mm512_add_epi64(o->l4, all(PKT_UDP_LEN)), PAYLOAD_SHIFT);
	__m512i inner_payload =
		_mm512_slli_epi64(_mm512_add_epi64(at, _mm512_add_epi64(i->l4, i->l4_len)), PAYLOAD_SHIFT);
	__m512i shift = _mm512_mullo_epi64(at, all(0x000100010001ull));
	__m512i shape = _mm512_or_si512(by_class(o, 7),
		_mm512_slli_epi64(_mm512_and_si512(by_class(i, 7), all(0xffffffff)), PKT_SHAPE_INNER_L2_SHIFT));

	store_pairs(p, 0, _mm512_or_si512(by_class(o, 0), payload), _mm512_or_si512(by_class(o, 1), o->l3_end));
	store_pairs(p, 2, _mm512_or_si512(by_class(o, 2), all((uint64_t)PKT_UDP_LEN << L4_LEN_SHIFT)),
		_mm512_or_si512(_mm512_add_epi64(by_class(i, 0), shift), inner_payload));
	store_pairs(p, 4, _mm512_or_si512(by_class(i, 1), _mm512_add_epi64(i->l3_end, at)),
		_mm512_or_si512(by_class(i, 2), _mm512_slli_epi64(i->l4_len, L4_LEN_SHIFT)));
	store_pairs(p, 6,
		_mm512_or_si512(_mm512_or_si512(_mm512_sub_epi64(at, all(PKT_VXLAN_LEN)), all((uint64_t)PKT_TUN_VXLAN << TUN_TYPE_SHIFT)),
			_mm512_slli_epi64(at, TUN_END_SHIFT)),
		_mm512_or_si512(_mm512_or_si512(shape, all((uint64_t)PKT_TUN_VXLAN << PKT_SHAPE_TUN_SHIFT)),
			_mm512_slli_epi64(o->pkt_len, PKT_LEN_SHIFT)));
}

/* Data addresses (of the dummy where there is too little), lengths, and who vouches for checksums. Addresses are made
 * one by one: a vector's would have to come out of it again before the first load. */
AVX512 static inline __mmask8 read_mbufs(
	struct eight *e, struct rte_mbuf *const *m, const uint8_t *data[LANES])
{
	const uint64_t vouched = RTE_MBUF_F_RX_IP_CKSUM_GOOD | RTE_MBUF_F_TX_IP_CKSUM;
	const uint8_t *const *mbuf = (const uint8_t *const *)(const void *)m;
	__m512i lengths = load8(mbuf, offsetof(struct rte_mbuf, pkt_len));
	unsigned small;

#pragma GCC unroll 8
	for (unsigned k = 0; k < LANES; k++)
		data[k] = pkt_at(m[k], 0);
	e->pkt_len = _mm512_and_si512(lengths, all(0xffffffff));
	e->data_len = _mm512_and_si512(_mm512_srli_epi64(lengths, 32), all(0xffff));
	small = _mm512_cmplt_epu64_mask(e->data_len, all(FIXED_BYTES));
	for (unsigned left = small; unlikely(left); left &= left - 1)
		data[__builtin_ctz(left)] = dummy;
	e->ok = (__mmask8)~small;
	return _mm512_test_epi64_mask(
		load8(mbuf, offsetof(struct rte_mbuf, ol_flags)), all(vouched));
}
_Static_assert(offsetof(struct rte_mbuf, data_len) == offsetof(struct rte_mbuf, pkt_len) + 4,
	"read_mbufs takes both with one load");

/* Eight plain frames in VXLAN in plain UDP, as parse_vxlan() in parse.c. */
AVX512 static __attribute__((noinline)) unsigned parse8_vxlan(const struct eight *o, struct pkt_parse *p)
{
	const __m512i least = all(PKT_ETH_LEN + PKT_IP4_LEN + PKT_UDP_LEN);
	__m512i at = _mm512_add_epi64(o->l4, all(PKT_UDP_LEN + PKT_VXLAN_LEN)), flags;
	__mmask8 there = o->vxlan & _mm512_cmple_epu64_mask(_mm512_add_epi64(at, least), o->data_len), wrong;
	const uint8_t *data[LANES];
	struct eight i;

	i.data_len = _mm512_sub_epi64(o->data_len, at);
	i.pkt_len = _mm512_maskz_sub_epi64(_mm512_cmple_epu64_mask(at, o->udp_end), o->udp_end, at);
	i.data = _mm512_mask_blend_epi64(
		there, all((uint64_t)(uintptr_t)dummy + PKT_VXLAN_LEN), _mm512_add_epi64(o->data, at));
	_mm512_storeu_si512(data, _mm512_sub_epi64(i.data, all(PKT_VXLAN_LEN)));
	flags = load8(data, 0);
	_mm512_storeu_si512(data, i.data);
	i.ok = there;
	read_l3(&i, data);
	wrong = csum_wrong(i.a, i.b, load8(data, PKT_ETH_LEN + 12));
	i.ok &= (__mmask8)(~(wrong & ~i.six) & _mm512_test_epi64_mask(flags, all(0x08)));
	read_l4(&i, l4_words(&i));
	i.ok |= i.tunnel;
	write_tunnelled(o, &i, at, p);
	return i.ok;
}

/* Returns the lanes that were plain; their results are written, the others' are not valid.
 * Everything stays in registers: working stage by stage over four times eight packets was slower
 * for its spills. */
AVX512 static inline __attribute__((always_inline)) unsigned parse8(
	struct rte_mbuf *const *m, struct pkt_parse *p)
{
	const uint8_t *data[LANES];
	struct eight e;
	__mmask8 vouched = read_mbufs(&e, m, data), wrong;

	read_l3(&e, data);
	wrong = csum_wrong(e.a, e.b, load8(data, PKT_ETH_LEN + 12));
	e.ok &= (__mmask8) ~(wrong & ~e.six & ~vouched);
	e.data = _mm512_loadu_si512(data);
	read_l4(&e, e.six ? l4_words(&e) : l4_words_ip4(&e, data));
	if (unlikely(e.vxlan && !e.ok))
		return parse8_vxlan(&e, p);
	write_all(&e, p);
	return e.ok;
}

/* The other lanes, one by one. */
static void parse_rest(struct rte_mbuf **m, struct pkt_parse *p, unsigned lanes)
{
	for (; lanes; lanes &= lanes - 1) {
		unsigned k = (unsigned)__builtin_ctz(lanes);

		pkt_parse(m[k], &p[k]);
	}
}

AVX512 void pkt_parse_burst_avx512(struct rte_mbuf **m, struct pkt_parse *p, unsigned n)
{
	unsigned others = 0, lanes;

	/* tagged or tunnelled traffic comes in bursts: then eight at once is a waste */
	for (; n >= LANES && others <= LANES; m += LANES, p += LANES, n -= LANES) {
		lanes = (uint8_t)~parse8(m, p);
		if (unlikely(lanes)) {
			parse_rest(m, p, lanes);
			others += (unsigned)__builtin_popcount(lanes);
		}
	}
	pkt_parse_burst_generic(m, p, n);
}
#endif
