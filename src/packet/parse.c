/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * parse: the fast path. Ethernet, at most one VLAN tag, IPv4 without options or IPv6 without
 * extension headers, TCP or UDP, no fragment, no tunnel port, headers in the first segment: nearly
 * every packet. Within that shape nothing branches on the packet: family and protocol choose
 * constants and a template of the result, so that mixed traffic costs no mispredictions; all that
 * could be wrong is gathered into two branches that are never taken. Everything else, and
 * everything suspicious, goes to parse_slow.c, which says what is wrong.
 *
 * The words are read and written as little-endian numbers; a big-endian machine takes the slow
 * path.
 */
#include "packet/packet_int.h"
#include "packet/parse_int.h"

#include "base/cpu.h"

#include <rte_prefetch.h>

#if defined(__SSE4_1__)
#include <smmintrin.h>
#endif

#define SHAPE(l2, l3, l4)                                                              \
	((uint32_t)(l2) << PKT_SHAPE_L2_SHIFT | (uint32_t)(l3) << PKT_SHAPE_L3_SHIFT | \
		(uint32_t)(l4) << PKT_SHAPE_L4_SHIFT)

#define ABSENT_HEADERS                                                                       \
	{                                                                                    \
		.l2 = PKT_ABSENT, .l3 = PKT_ABSENT, .l4 = PKT_ABSENT, .payload = PKT_ABSENT, \
		.ext = PKT_ABSENT                                                            \
	}

#define TEMPLATE(tag, v6, tcp)                                                                     \
	{                                                                                          \
		.p = {.outer = {.l3 = PKT_ETH_LEN + (tag)*PKT_VLAN_LEN,                            \
			      .l4 = PKT_ETH_LEN + (tag)*PKT_VLAN_LEN +                             \
				    ((v6) ? PKT_IP6_LEN : PKT_IP4_LEN),                            \
			      .ext = PKT_ABSENT,                                                   \
			      .ethertype = (v6) ? BE16(PKT_ET_IP6) : BE16(PKT_ET_IP4),             \
			      .l2_type = (tag) ? PKT_L2_VLAN : PKT_L2_ETH,                         \
			      .l3_type = (v6) ? PKT_L3_IP6 : PKT_L3_IP4,                           \
			      .l4_type = (tcp) ? PKT_L4_TCP : PKT_L4_UDP,                          \
			      .l4_proto = (tcp) ? PKT_PROTO_TCP : PKT_PROTO_UDP},                  \
			.inner = ABSENT_HEADERS,                                                   \
			.tun = PKT_ABSENT,                                                         \
			.tun_end = PKT_ABSENT,                                                     \
			.shape = SHAPE((tag) ? PKT_L2_VLAN : PKT_L2_ETH,                           \
				(v6) ? PKT_L3_IP6 : PKT_L3_IP4, (tcp) ? PKT_L4_TCP : PKT_L4_UDP) } \
	}

/* [VLAN][IPv6][TCP] */
const union pkt_template pkt_templates[2][2][2] = {
	{{TEMPLATE(0, 0, 0), TEMPLATE(0, 0, 1)}, {TEMPLATE(0, 1, 0), TEMPLATE(0, 1, 1)}},
	{{TEMPLATE(1, 0, 0), TEMPLATE(1, 0, 1)}, {TEMPLATE(1, 1, 0), TEMPLATE(1, 1, 1)}},
};

static inline uint64_t get64(const void *p)
{
	uint64_t v;

	memcpy(&v, p, 8);
	return v;
}

static inline bool is_tunnel_port(uint16_t port)
{
#if defined(__SSE4_1__)
	__m128i same = _mm_cmpeq_epi16(_mm_set1_epi16((short)port),
		_mm_load_si128((const __m128i *)(const void *)&pkt_tunnel_ports));

	return !_mm_testz_si128(same, same);
#else
	bool found = false;

	for (unsigned i = 0; i < PKT_TUNNEL_PORTS; i++)
		found |= pkt_tunnel_ports.port[i] == port;
	return found;
#endif
}

/*
 * 1 if the header checksum is wrong. a and b are the words of struct family, c the word 6 bytes
 * after b: bytes -2..19 of the header. The one's complement sum is right if it is a multiple of
 * 0xffff (it is never zero, byte 0 being 0x45); 2^64 is 1 modulo 0xffff, so 64-bit words can be
 * summed as they are, carry added, and s * 0xffff^-1 (mod 2^64) is small exactly for the multiples.
 */
static inline uint64_t ip4_csum_wrong(uint64_t a, uint64_t b, uint64_t c)
{
	const uint64_t inverse = 0xfffefffefffeffffull, most = 0x0001000100010001ull;
	uint64_t s = (a >> 16) + (c >> 16);

	s += b;
	s += s < b;
	return s * inverse > most;
}

static inline void write_plain(struct pkt_parse *p, const union pkt_template *t, uint32_t l4,
	uint32_t l4_len, uint32_t l3_end, uint64_t bad, uint32_t pkt_len)
{
	uint64_t *w = (uint64_t *)(void *)p;

	w[0] = t->w[0] | (uint64_t)(l4 + l4_len) << PAYLOAD_SHIFT;
	w[1] = t->w[1] | l3_end;
	w[2] = t->w[2] | (uint64_t)l4_len << L4_LEN_SHIFT | bad * PKT_BAD_IP_CSUM << FLAGS_SHIFT;
	w[3] = t->w[3];
	w[4] = t->w[4];
	w[5] = t->w[5];
	w[6] = t->w[6];
	w[7] = t->w[7] | bad * PKT_SHAPE_BAD_IP_CSUM | (uint64_t)pkt_len << PKT_LEN_SHIFT;
}

/* Ethertype, version and IPv4 header length of a plain header, in the word at the ethertype. */
static inline uint32_t is_plain_ip4(uint64_t a)
{
	return ((uint32_t)a & 0xffffff) == (BE16(PKT_ET_IP4) | 0x45u << 16);
}

static inline uint32_t is_plain_ip6(uint64_t a)
{
	return ((uint32_t)a & 0xf0ffff) == (BE16(PKT_ET_IP6) | 0x60u << 16);
}

/* The protocol from the word 6 bytes into the header; for IPv4 with the fragment bits above it, so
 * that a fragment has none that is known. */
static inline uint64_t plain_proto(uint64_t b, uint64_t mask6)
{
	uint64_t four = (b & 0xff000000) >> 24 | (b & 0xff3f) << 8;

	return four ^ ((four ^ (b & 0xff)) & mask6);
}

/* What plain headers say; all of it lies inside the packet. */
struct plain {
	uint32_t l4, l4_len, l3_end;
	uint32_t udp_end; /* l3_end for TCP */
	uint32_t v6, tcp; /* 0 or 1 */
	uint64_t bad;     /* IPv4 header checksum: 1 if wrong */
};

/* The headers from the L3 header at l3 on. data_len: contiguous bytes; end: where the frame ends. */
static inline __attribute__((always_inline)) bool plain_headers(
	const uint8_t *data, uint32_t l3, uint32_t data_len, uint32_t end, struct plain *h)
{
	const uint8_t *ip = data + l3;
	uint32_t least, limit, said, word, udp, mask6, maskt;
	uint64_t a, b, proto;

	if (unlikely(data_len < l3 + PKT_IP4_LEN + PKT_UDP_LEN) ||
		RTE_BYTE_ORDER != RTE_LITTLE_ENDIAN)
		return false;
	a = get64(ip - 2);
	b = get64(ip + 6);
	h->v6 = is_plain_ip6(a);
	mask6 = -h->v6;
	proto = plain_proto(b, (uint64_t) - (int64_t)h->v6);
	h->tcp = proto == PKT_PROTO_TCP;
	udp = proto == PKT_PROTO_UDP;
	maskt = -h->tcp;
	h->l4 = l3 + PKT_IP4_LEN + (mask6 & (PKT_IP6_LEN - PKT_IP4_LEN));
	least = PKT_UDP_LEN + (maskt & (PKT_TCP_LEN - PKT_UDP_LEN));
	h->l3_end = l3 + (mask6 & PKT_IP6_LEN) + rte_bswap16((uint16_t)(a >> (32 + (mask6 & 16))));
	limit = RTE_MIN(data_len, h->l3_end);
	if (unlikely(!((is_plain_ip4(a) | h->v6) & (h->tcp | udp)) ||
		     (int32_t)((limit - h->l4 - least) | (end - h->l3_end)) < 0))
		return false;

	/* TCP: data offset in the high nibble of byte 12. UDP: length in bytes 4 and 5. */
	word = pkt_get16(data + h->l4 + 4 + (maskt & 8));
	h->l4_len = (maskt & (word & 0xf0) >> 2) | (~maskt & PKT_UDP_LEN);
	said = (maskt & h->l4_len) | (~maskt & rte_bswap16((uint16_t)word));
	limit -= ~maskt & (limit - h->l3_end); /* a UDP payload may lie in later segments */
	h->udp_end = h->l4 + said;
	h->bad = (h->v6 ^ 1) & ip4_csum_wrong(a, b, get64(ip + 12));
	return likely((int32_t)((limit - h->l4 - said) | (said - least)) >= 0);
}

/* Does the mbuf vouch for the outer IPv4 header checksum? */
static inline uint64_t vouched(const struct rte_mbuf *m)
{
	return !!(m->ol_flags & (RTE_MBUF_F_RX_IP_CKSUM_GOOD | RTE_MBUF_F_TX_IP_CKSUM));
}

static inline __attribute__((always_inline)) bool parse_plain(
	const struct rte_mbuf *m, struct pkt_parse *p, const uint32_t tag)
{
	const uint8_t *data = pkt_at(m, 0);
	struct plain h;

	if (unlikely(!plain_headers(
			     data, PKT_ETH_LEN + tag * PKT_VLAN_LEN, m->data_len, m->pkt_len, &h) ||
		     (!h.tcp & is_tunnel_port(pkt_get16(data + h.l4 + 2)))))
		return false;
	write_plain(p, &pkt_templates[tag][h.v6][h.tcp], h.l4, h.l4_len, h.l3_end,
		h.bad & ~vouched(m), m->pkt_len);
	return true;
}

/* The words of the inner are those of an outer, its offsets shifted. */
static inline void write_inner(
	struct pkt_parse *p, const struct plain *h, uint32_t at, uint32_t tun)
{
	const union pkt_template *t = &pkt_templates[0][h->v6][h->tcp];
	uint64_t *w = (uint64_t *)(void *)p;

	w[3] = (t->w[0] + at * 0x000100010001ull) | (uint64_t)(h->l4 + h->l4_len) << PAYLOAD_SHIFT;
	w[4] = t->w[1] | h->l3_end;
	w[5] = t->w[2] | (uint64_t)h->l4_len << L4_LEN_SHIFT;
	w[6] = tun | (uint64_t)at << TUN_END_SHIFT | (uint64_t)PKT_TUN_VXLAN << TUN_TYPE_SHIFT;
	w[7] |= (uint32_t)t->w[7] << PKT_SHAPE_INNER_L2_SHIFT | (uint32_t)PKT_TUN_VXLAN
									<< PKT_SHAPE_TUN_SHIFT;
}

/* A plain frame in VXLAN in plain UDP: what a node gets from the others. */
static bool parse_vxlan(const struct rte_mbuf *m, struct pkt_parse *p, uint32_t tag)
{
	const uint8_t *data = pkt_at(m, 0);
	struct plain outer, inner;
	uint32_t tun, at;

	if (!plain_headers(
		    data, PKT_ETH_LEN + tag * PKT_VLAN_LEN, m->data_len, m->pkt_len, &outer) ||
		outer.tcp || pkt_get16(data + outer.l4 + 2) != pkt_tunnel_ports.port[0])
		return false;
	tun = outer.l4 + PKT_UDP_LEN;
	at = tun + PKT_VXLAN_LEN;
	if (!plain_headers(data, at + PKT_ETH_LEN, m->data_len, outer.udp_end, &inner) ||
		inner.bad || !(data[tun] & 0x08))
		return false;
	write_plain(p, &pkt_templates[tag][outer.v6][0], outer.l4, PKT_UDP_LEN, outer.l3_end,
		outer.bad & ~vouched(m), m->pkt_len);
	write_inner(p, &inner, at, tun);
	return true;
}

/* Not the plainest: one tag, VXLAN, or anything. */
static __attribute__((noinline)) int parse_other(struct rte_mbuf *m, struct pkt_parse *p)
{
	uint32_t tag = m->data_len >= PKT_ETH_LEN && pkt_get16(pkt_at(m, 12)) == BE16(PKT_ET_VLAN);

	if ((tag && parse_plain(m, p, 1)) || parse_vxlan(m, p, tag))
		return 0;
	return pkt_parse_slow(m, p);
}

int pkt_parse(struct rte_mbuf *m, struct pkt_parse *p)
{
	return likely(parse_plain(m, p, 0)) ? 0 : parse_other(m, p);
}

void pkt_parse_burst_generic(struct rte_mbuf **m, struct pkt_parse *p, unsigned n)
{
	const unsigned ahead = 8; /* 8 to 16 is enough (design/packet-path-limits.md) */

	for (unsigned i = 0; i < n && i < ahead; i++)
		rte_prefetch0(pkt_at(m[i], 0));
	for (unsigned i = 0; i < n; i++) {
		rte_prefetch0(pkt_at(m[RTE_MIN(i + ahead, n - 1)], 0));
		if (unlikely(!parse_plain(m[i], &p[i], 0)))
			parse_other(m[i], &p[i]);
	}
}

bool pkt_parse_take_inner(const struct rte_mbuf *m, struct pkt_parse *p, uint32_t at)
{
	const struct pkt_headers *h = &p->inner;
	bool v6 = h->l3_type == PKT_L3_IP6, tcp = h->l4_type == PKT_L4_TCP;

	if (h->l2_type != PKT_L2_ETH || (!v6 && h->l3_type != PKT_L3_IP4) || (!tcp && h->l4_type != PKT_L4_UDP) ||
		h->flags || h->nr_ext || p->inner_drop || RTE_BYTE_ORDER != RTE_LITTLE_ENDIAN ||
		(!tcp && is_tunnel_port(pkt_get16((uint8_t *)pkt_at(m, h->l4 - at) + 2))))
		return false;
	write_plain(p, &pkt_templates[0][v6][tcp], h->l4 - at, h->l4_len, h->l3_end - at, 0, m->pkt_len);
	return true;
}

/* ---- the choice ---- */

pkt_parse_burst_fn pkt_parse_burst_variant(bool avx512)
{
#if defined(__x86_64__)
	if (avx512)
		return cpu_has(CPU_AVX512) ? pkt_parse_burst_avx512 : NULL;
#endif
	return avx512 ? NULL : pkt_parse_burst_generic;
}

static void choose(struct rte_mbuf **m, struct pkt_parse *p, unsigned n);

/* Written once by whoever comes first; every writer writes the same value. */
static pkt_parse_burst_fn best = choose;

static void choose(struct rte_mbuf **m, struct pkt_parse *p, unsigned n)
{
	pkt_parse_burst_fn fn = pkt_parse_burst_variant(true);

	if (!fn)
		fn = pkt_parse_burst_generic;
	__atomic_store_n(&best, fn, __ATOMIC_RELAXED);
	fn(m, p, n);
}

void pkt_parse_burst(struct rte_mbuf **m, struct pkt_parse *p, unsigned n)
{
	__atomic_load_n(&best, __ATOMIC_RELAXED)(m, p, n);
}
