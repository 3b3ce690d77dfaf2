/* SPDX-License-Identifier: BSD-3-Clause */
#include "flow/key_int.h"

#include <pthread.h>
#include <string.h>

#include <rte_cycles.h>
#include <rte_prefetch.h>

#include "base/cpu.h"
#include "flow/custom.h"
#include "packet/csum.h"

static uint16_t inner_shape(uint32_t shape)
{
	return shape >> PKT_SHAPE_INNER_L2_SHIFT & 0x7ff;
}

static_assert(PKT_SHAPE_L3_SHIFT == FLOW_SHAPE_L3_SHIFT, "the same low bits");
static_assert(PKT_SHAPE_L4_SHIFT == FLOW_SHAPE_L4_SHIFT, "the same low bits");
static_assert(PKT_SHAPE_INNER_L3_SHIFT - PKT_SHAPE_INNER_L2_SHIFT == FLOW_SHAPE_L3_SHIFT, "inner");
static_assert(PKT_SHAPE_INNER_L4_SHIFT - PKT_SHAPE_INNER_L2_SHIFT == FLOW_SHAPE_L4_SHIFT, "inner");

/* The members lines 0 and 1 have in common. */
struct tuple {
	uint8_t *src, *dst;
	uint16_t *sport, *dport;
	uint8_t *proto, *ttl, *tos, *tcp_flags;
};

static inline void fill_l3(const struct rte_mbuf *m, const struct pkt_headers *h, struct tuple t)
{
	const uint8_t *ip = pkt_at(m, h->l3);

	if (h->l3_type == PKT_L3_IP4) {
		memcpy(t.src, ip + 12, 4);
		memcpy(t.dst, ip + 16, 4);
		*t.ttl = ip[8];
		*t.tos = ip[1];
	} else if (h->l3_type == PKT_L3_IP6) {
		memcpy(t.src, ip + 8, 16);
		memcpy(t.dst, ip + 24, 16);
		*t.ttl = ip[7];
		*t.tos = (uint8_t)(ip[0] << 4 | ip[1] >> 4);
	} else {
		return;
	}
	*t.proto = h->l4_proto;
}

static inline void fill_l4(const struct rte_mbuf *m, const struct pkt_headers *h, struct tuple t)
{
	const uint8_t *l4 = pkt_at(m, h->l4);

	switch (h->l4_type) {
	case PKT_L4_TCP:
		*t.tcp_flags = l4[13];
		/* fall through */
	case PKT_L4_UDP:
	case PKT_L4_SCTP:
		memcpy(t.sport, l4, 2);
		memcpy(t.dport, l4 + 2, 2);
		break;
	case PKT_L4_ICMP:
	case PKT_L4_ICMP6:
		memcpy(t.sport, l4, 2);
		memcpy(t.dport, l4 + 4, 2);
		break;
	default:
		break;
	}
}

/* The tunnel's identifier as a big-endian 32-bit number. */
static uint32_t tunnel_id(const struct rte_mbuf *m, const struct pkt_parse *p)
{
	const uint8_t *t = pkt_at(m, p->tun);
	uint32_t id = 0;

	switch (p->tun_type) {
	case PKT_TUN_VXLAN:
	case PKT_TUN_VXLAN_GPE:
	case PKT_TUN_GENEVE:
	case PKT_TUN_NVGRE:
		memcpy((uint8_t *)&id + 1, t + 4, 3);
		break;
	case PKT_TUN_GTPU:
	case PKT_TUN_PSP:
		memcpy(&id, t + 4, 4);
		break;
	case PKT_TUN_ESP:
		memcpy(&id, t, 4);
		break;
	case PKT_TUN_MPLS_UDP: /* the first label */
		id = rte_cpu_to_be_32((uint32_t)t[0] << 12 | t[1] << 4 | t[2] >> 4);
		break;
	case PKT_TUN_GRE: /* the key lies behind the checksum word when there is one (RFC 2890) */
		if (t[0] & 0x20)
			memcpy(&id, t + (t[0] & 0x80 ? 8 : 4), 4);
		break;
	default:
		break;
	}
	return id;
}

static inline void line_hot(const struct rte_mbuf *m, const struct pkt_parse *p,
	const struct flow_pkt_meta *meta, struct flow_key_hot *k)
{
	struct tuple t = {k->src, k->dst, &k->sport, &k->dport, &k->proto, &k->ttl, &k->tos,
		&k->tcp_flags};

	memset(k, 0, sizeof(*k));
	k->port = meta->port;
	k->domain = meta->domain;
	k->resume = meta->resume;
	k->pkt_meta = meta->pkt_meta;
	k->mark = meta->mark;
	k->shape = key_outer_shape(p->shape);
	k->ethertype = p->outer.ethertype;
	if (p->outer.l2_type >= PKT_L2_VLAN)
		memcpy(&k->vlan, (uint8_t *)pkt_at(m, p->outer.l2) + 14, 2);
	fill_l3(m, &p->outer, t);
	fill_l4(m, &p->outer, t);
	if (p->tun_type != PKT_TUN_NONE)
		k->vni = tunnel_id(m, p);
}

static void line_inner(
	const struct rte_mbuf *m, const struct pkt_parse *p, struct flow_key_inner *k)
{
	struct tuple t = {k->src, k->dst, &k->sport, &k->dport, &k->proto, &k->ttl, &k->tos,
		&k->tcp_flags};

	memset(k, 0, sizeof(*k));
	k->shape = inner_shape(p->shape);
	k->ethertype = p->inner.ethertype;
	if (p->inner.l2_type >= PKT_L2_VLAN)
		memcpy(&k->vlan, (uint8_t *)pkt_at(m, p->inner.l2) + 14, 2);
	fill_l3(m, &p->inner, t);
	fill_l4(m, &p->inner, t);
}

static void link_ip(const struct rte_mbuf *m, const struct pkt_headers *h, struct flow_key_link *k)
{
	const uint8_t *ip = pkt_at(m, h->l3);

	if (h->l3_type == PKT_L3_IP4) {
		k->version_ihl = ip[0];
		memcpy(&k->total_len, ip + 2, 2);
		memcpy(&k->ip_id, ip + 4, 2);
		memcpy(&k->frag_off, ip + 6, 2);
		memcpy(&k->ip_csum, ip + 10, 2);
	} else if (h->l3_type == PKT_L3_IP6) {
		memcpy(&k->flow_label, ip, 4);
		k->flow_label &= rte_cpu_to_be_32(0x000fffff);
		memcpy(&k->total_len, ip + 4, 2);
		k->ip6_next = ip[6];
	}
}

static void link_l4(const struct rte_mbuf *m, const struct pkt_headers *h, struct flow_key_link *k)
{
	const uint8_t *l4 = pkt_at(m, h->l4);

	switch (h->l4_type) {
	case PKT_L4_TCP:
		memcpy(&k->tcp_seq, l4 + 4, 4);
		memcpy(&k->tcp_ack, l4 + 8, 4);
		k->tcp_data_off = l4[12];
		memcpy(&k->tcp_window, l4 + 14, 2);
		memcpy(&k->l4_csum, l4 + 16, 2);
		break;
	case PKT_L4_UDP:
		memcpy(&k->udp_len, l4 + 4, 2);
		memcpy(&k->l4_csum, l4 + 6, 2);
		break;
	case PKT_L4_ICMP:
	case PKT_L4_ICMP6:
		k->icmp_type = l4[0];
		k->icmp_code = l4[1];
		memcpy(&k->l4_csum, l4 + 2, 2);
		memcpy(&k->icmp_id, l4 + 4, 2);
		break;
	default:
		break;
	}
}

static void line_link(const struct rte_mbuf *m, const struct pkt_parse *p, struct flow_key_link *k)
{
	const uint8_t *eth = pkt_at(m, p->outer.l2);

	memset(k, 0, sizeof(*k));
	if (p->outer.l2_type != PKT_L2_NONE) {
		memcpy(k->dmac, eth, 12);
		memcpy(&k->type, eth + 12, 2);
	}
	if (p->outer.l2_type >= PKT_L2_VLAN) {
		memcpy(&k->vlan0_tpid, eth + 12, 2);
		memcpy(&k->vlan0, eth + 14, 2);
		memcpy(&k->type, eth + 16, 2);
	}
	if (p->outer.l2_type == PKT_L2_QINQ) {
		memcpy(&k->vlan1_tpid, eth + 16, 2);
		memcpy(&k->vlan1, eth + 18, 2);
		memcpy(&k->type, eth + 20, 2);
	}
	link_ip(m, &p->outer, k);
	link_l4(m, &p->outer, k);
}

static uint64_t split_mix(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15ull;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	return z ^ (z >> 31);
}

/* 16 uniform bits per packet. Per thread, so that nobody shares a line for it. */
static uint16_t draw(void)
{
	static __thread uint64_t state;

	if (!state)
		state = rte_rdtsc() ^ (uintptr_t)&state;
	return split_mix(&state) >> 17;
}

static bool l4_known(const struct pkt_headers *h)
{
	return h->l4_type != PKT_L4_NONE && h->l4_type != PKT_L4_OTHER;
}

static bool ip_known(const struct pkt_headers *h)
{
	return h->l3_type == PKT_L3_IP4 || h->l3_type == PKT_L3_IP6;
}

static uint8_t l3_class(const struct pkt_headers *h)
{
	return h->l3_type == PKT_L3_IP4 ? 1 : h->l3_type == PKT_L3_IP6 ? 2 : 0;
}

static uint8_t l4_class(const struct pkt_headers *h)
{
	static const uint8_t classes[] = {[PKT_L4_TCP] = 1, [PKT_L4_UDP] = 2, [PKT_L4_ICMP] = 3, [PKT_L4_ICMP6] = 3,
		[PKT_L4_ESP] = 4, [PKT_L4_OTHER] = 0};

	return classes[h->l4_type];
}

static uint8_t l2_class(const struct pkt_headers *h)
{
	return h->l2_type > PKT_L2_ETH ? h->l2_type - PKT_L2_ETH : 0;
}

/* Cards take UDP without a checksum as right, over IPv6 too. */
static bool no_udp_csum(const struct rte_mbuf *m, const struct pkt_headers *h)
{
	const uint8_t *udp = pkt_at(m, h->l4);

	return h->l4_type == PKT_L4_UDP && !udp[6] && !udp[7];
}

static void line_meta(const struct rte_mbuf *m, const struct pkt_parse *p,
	const struct flow_pkt_meta *meta, struct flow_key_meta *k, bool csums)
{
	memset(k, 0, sizeof(*k));
	memcpy(k->scratch, meta->scratch, sizeof(k->scratch));
	k->random = draw();
	k->hash_result = meta->hash_result;
	k->meter_color = meta->meter_color;
	k->l3_ok = ip_known(&p->outer) && !(p->outer.flags & PKT_BAD_L3);
	k->ip4_csum_ok = p->outer.l3_type == PKT_L3_IP4 && !(p->outer.flags & (PKT_BAD_IP_CSUM | PKT_BAD_L3));
	k->l4_ok = l4_known(&p->outer) && !(p->outer.flags & PKT_BAD_L4);
	k->l4_csum_ok = k->l4_ok && (!csums || pkt_l4_csum_ok(m, p, PKT_OUTER));
	k->inner_l3_ok = ip_known(&p->inner) && !(p->inner.flags & PKT_BAD_L3);
	k->inner_ip4_csum_ok = p->inner.l3_type == PKT_L3_IP4 && !(p->inner.flags & (PKT_BAD_IP_CSUM | PKT_BAD_L3));
	k->inner_l4_ok = l4_known(&p->inner) && !(p->inner.flags & PKT_BAD_L4);
	k->inner_l4_csum_ok = k->inner_l4_ok && (!csums || no_udp_csum(m, &p->inner) || pkt_l4_csum_ok(m, p, PKT_INNER));
	k->l2_class = l2_class(&p->outer);
	k->l3_class = l3_class(&p->outer);
	k->l4_class = l4_class(&p->outer);
	k->inner_l2_class = l2_class(&p->inner);
	k->inner_l3_class = l3_class(&p->inner);
	k->inner_l4_class = l4_class(&p->inner);
}

/* How many contiguous bytes the first segment has from `off` on, at most max. */
static unsigned there(const struct rte_mbuf *m, unsigned off, unsigned max)
{
	unsigned len = rte_pktmbuf_data_len(m);

	return off >= len ? 0 : MIN_OF(len - off, max);
}

static void line_tunnel(
	const struct rte_mbuf *m, const struct pkt_parse *p, struct flow_key_tunnel *k)
{
	memset(k, 0, sizeof(*k));
	flow_custom_extract(m, p, k->custom);
	if (p->tun_type == PKT_TUN_NONE || p->tun_type == PKT_TUN_IPIP)
		return;
	memcpy(k->raw, pkt_at(m, p->tun), there(m, p->tun, sizeof(k->raw)));
}

static void deep_l2(const struct rte_mbuf *m, const struct pkt_parse *p, struct flow_key_deep *k)
{
	const uint8_t *eth = pkt_at(m, p->inner.l2);

	if (p->inner.l2_type == PKT_L2_NONE || p->inner.l2 == PKT_ABSENT)
		return;
	memcpy(k->dmac, eth, 12);
	if (p->inner.l2_type >= PKT_L2_VLAN)
		memcpy(&k->vlan0, eth + 14, 2);
	if (p->inner.l2_type == PKT_L2_QINQ)
		memcpy(&k->vlan1, eth + 18, 2);
}

static void deep_ip(const struct rte_mbuf *m, const struct pkt_headers *h, struct flow_key_deep *k)
{
	const uint8_t *ip = pkt_at(m, h->l3), *l4 = pkt_at(m, h->l4);

	if (h->l3_type == PKT_L3_IP4) {
		memcpy(&k->total_len, ip + 2, 2);
		memcpy(&k->frag_off, ip + 6, 2);
	} else if (h->l3_type == PKT_L3_IP6) {
		memcpy(&k->flow_label, ip, 4);
		k->flow_label &= rte_cpu_to_be_32(0x000fffff);
		memcpy(&k->total_len, ip + 4, 2);
	}
	if (h->l4_type == PKT_L4_ICMP || h->l4_type == PKT_L4_ICMP6) {
		k->icmp_type = l4[0];
		k->icmp_code = l4[1];
		memcpy(&k->icmp_id, l4 + 4, 2);
	}
}

#define ROCE_PORT 4791 /* RoCEv2, IBTA annex A17 */

static void deep_options(
	const struct rte_mbuf *m, const struct pkt_parse *p, struct flow_key_deep *k)
{
	unsigned options = p->tun_end - p->tun - 8u;

	if (p->tun_type == PKT_TUN_PSP && p->tun_end > p->tun + 32u)
		memcpy(k->options, pkt_at(m, p->tun + 32u),
			there(m, p->tun + 32u, MIN_OF(p->tun_end - p->tun - 32u, sizeof(k->options))));
	else if (p->tun_type == PKT_TUN_GENEVE)
		memcpy(k->options, pkt_at(m, p->tun + 8u),
			there(m, p->tun + 8u, MIN_OF(options, sizeof(k->options))));
	else if (p->outer.l4_type == PKT_L4_UDP && p->tun_type == PKT_TUN_NONE) {
		uint16_t dport;

		memcpy(&dport, (uint8_t *)pkt_at(m, p->outer.l4) + 2, 2);
		if (dport == rte_cpu_to_be_16(ROCE_PORT))
			memcpy(k->options, pkt_at(m, p->outer.payload), there(m, p->outer.payload, 12));
	}
}

static void line_deep(const struct rte_mbuf *m, const struct pkt_parse *p, struct flow_key_deep *k)
{
	memset(k, 0, sizeof(*k));
	deep_l2(m, p, k);
	deep_ip(m, &p->inner, k);
	deep_options(m, p, k);
}

void key_other_lines(const struct rte_mbuf *m, const struct pkt_parse *p, const struct flow_pkt_meta *meta,
	struct flow_key *key, unsigned lines)
{
	if (lines & 1u << 1)
		line_inner(m, p, &key->inner);
	if (lines & 1u << 2)
		line_link(m, p, &key->link);
	if (lines & 1u << 3)
		line_meta(m, p, meta, &key->meta, lines & FLOW_KEY_CSUMS);
	if (lines & 1u << 4)
		line_tunnel(m, p, &key->tunnel);
	if (lines & 1u << 5)
		line_deep(m, p, &key->deep);
}

void key_build_generic(struct rte_mbuf *const *m, const struct pkt_parse *parse,
	const struct flow_pkt_meta *meta, struct flow_key *keys, unsigned n, unsigned lines)
{
	for (unsigned i = 0; i < n; i++)
		line_hot(m[i], &parse[i], &meta[i], &keys[i].hot);
	if (lines & ~1u)
		for (unsigned i = 0; i < n; i++)
			key_other_lines(m[i], &parse[i], &meta[i], &keys[i], lines);
}

/* ---- the choice ---- */

static pthread_once_t prepared = PTHREAD_ONCE_INIT;

key_build_fn key_build_variant(bool vbmi)
{
#if defined(__x86_64__)
	if (vbmi && cpu_has(CPU_AVX512 | CPU_VBMI)) {
		pthread_once(&prepared, key_vbmi_prepare);
		return key_build_vbmi;
	}
#endif
	return vbmi ? NULL : key_build_generic;
}

static void choose(struct rte_mbuf *const *m, const struct pkt_parse *parse,
	const struct flow_pkt_meta *meta, struct flow_key *keys, unsigned n, unsigned lines);

/* Written once by whoever comes first; every writer writes the same value. */
static key_build_fn best = choose;

static void choose(struct rte_mbuf *const *m, const struct pkt_parse *parse,
	const struct flow_pkt_meta *meta, struct flow_key *keys, unsigned n, unsigned lines)
{
	key_build_fn fn = key_build_variant(true);

	if (!fn)
		fn = key_build_generic;
	__atomic_store_n(&best, fn, __ATOMIC_RELEASE);
	fn(m, parse, meta, keys, n, lines);
}

void flow_key_build(struct rte_mbuf *const *m, const struct pkt_parse *parse,
	const struct flow_pkt_meta *meta, struct flow_key *keys, unsigned n, unsigned lines)
{
	__atomic_load_n(&best, __ATOMIC_ACQUIRE)(m, parse, meta, keys, n, lines);
}
