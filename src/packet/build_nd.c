/* SPDX-License-Identifier: BSD-3-Clause */
/* build_nd: neighbour discovery, RFC 4861 (sections in the comments are its). */
#include "packet/build_int.h"

#define ND_MAX 1500u  /* nobody sends larger ones, and RFC 6980 forbids to fragment them */
#define ND_FIXED 24u  /* NS and NA up to the options */
#define LLADDR_LEN 8u /* option with an Ethernet address */
#define OPT_SOURCE_LLADDR 1
#define OPT_TARGET_LLADDR 2

/* ---- received ---- */

static uint32_t fixed_length(uint8_t type)
{
	return type == PKT_ND_RS ? 8 : type == PKT_ND_RA ? 16 : ND_FIXED;
}

static bool parse_options(const uint8_t *b, uint32_t at, uint32_t end, struct pkt_nd *nd)
{
	uint8_t wanted = nd->type == PKT_ND_NA ? OPT_TARGET_LLADDR : OPT_SOURCE_LLADDR;

	for (; at < end; at += b[at + 1] * 8u) {
		if (at + 2 > end || b[at + 1] == 0 || at + b[at + 1] * 8u > end)
			return false;
		if (b[at] == wanted && b[at + 1] == 1) {
			memcpy(&nd->lladdr, b + at + 2, 6);
			nd->has_lladdr = true;
		}
	}
	return true;
}

static bool is_solicited_node(const uint8_t *ip)
{
	static const uint8_t prefix[13] = {0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff};

	return !memcmp(ip, prefix, sizeof(prefix));
}

/* 6.1.1, 6.1.2, 7.1.1, 7.1.2: what depends on the kind of message. */
static bool kind_allows(const struct pkt_nd *nd)
{
	bool unspecified = pkt_is_zero(nd->src, 16);

	switch (nd->type) {
	case PKT_ND_RS:
		return !unspecified || !nd->has_lladdr;
	case PKT_ND_RA:
		return nd->src[0] == 0xfe && (nd->src[1] & 0xc0) == 0x80;
	case PKT_ND_NS:
		return !pkt_is_multicast6(nd->target) &&
		       (!unspecified || (is_solicited_node(nd->dst) && !nd->has_lladdr));
	default:
		return !pkt_is_multicast6(nd->target) &&
		       (!pkt_is_multicast6(nd->dst) || !nd->solicited);
	}
}

int pkt_nd_get(const struct rte_mbuf *m, const struct pkt_parse *p, struct pkt_nd *nd)
{
	const uint8_t *ip = pkt_at(m, p->outer.l3), *b = pkt_at(m, p->outer.l4);
	uint32_t len = p->outer.l3_end - p->outer.l4;
	uint8_t copy[ND_MAX];

	memset(nd, 0, sizeof(*nd));
	if (p->outer.l4_type != PKT_L4_ICMP6 || b[0] < PKT_ND_RS || b[0] > PKT_ND_NA)
		return -DROP_EDIT_NO_HEADER;
	nd->type = b[0];
	if (ip[7] != 255 || b[1] != 0 || p->outer.ext != PKT_ABSENT || len > ND_MAX ||
		len < fixed_length(nd->type) || !pkt_l4_csum_ok(m, p, PKT_OUTER))
		return -DROP_ND_BAD;
	b = rte_pktmbuf_read(m, p->outer.l4, len, copy);
	memcpy(nd->src, ip + 8, 16);
	memcpy(nd->dst, ip + 24, 16);
	nd->dad = nd->type == PKT_ND_NS && pkt_is_zero(nd->src, 16);
	if (nd->type >= PKT_ND_NS)
		memcpy(nd->target, b + 8, 16);
	if (nd->type == PKT_ND_NA) {
		nd->router = b[4] & 0x80;
		nd->solicited = b[4] & 0x40;
		nd->override = b[4] & 0x20;
	}
	if (!parse_options(b, fixed_length(nd->type), len, nd) || !kind_allows(nd))
		return -DROP_ND_BAD;
	return 0;
}

/* ---- sent ---- */

static const uint8_t all_nodes[16] = {0xff, 2, [15] = 1};

/* RFC 2464 sec. 7. */
static void multicast_mac(uint8_t mac[6], const uint8_t *ip)
{
	mac[0] = mac[1] = 0x33;
	memcpy(mac + 2, ip + 12, 4);
}

/* IPv6 header, message and one link-layer address option (mac NULL: none) behind an L2 header of l2
 * bytes that is there already. */
static void put_nd(struct rte_mbuf *m, uint32_t l2, uint8_t type, const void *src, const void *dst,
	uint8_t flags, const void *target, const struct rte_ether_addr *mac)
{
	uint32_t len = ND_FIXED + (mac ? LLADDR_LEN : 0);
	uint8_t *ip = pkt_at(m, l2), *b = ip + PKT_IP6_LEN;

	pkt_put_ip6(ip, src, dst, PKT_PROTO_ICMP6, PKT_IP6_LEN + len, 255);
	b[0] = type;
	b[4] = flags;
	memcpy(b + 8, target, 16);
	if (mac) {
		b[ND_FIXED] = type == PKT_ND_NA ? OPT_TARGET_LLADDR : OPT_SOURCE_LLADDR;
		b[ND_FIXED + 1] = 1;
		memcpy(b + ND_FIXED + 2, mac, 6);
	}
	pkt_put_l4_csum(ip, b, len, PKT_PROTO_ICMP6, 2);
}

struct rte_mbuf *pkt_make_ns(struct rte_mempool *pool, const struct rte_ether_addr *src_mac,
	const void *src_ip6, const void *target_ip6, int tci)
{
	bool dad = pkt_is_zero(src_ip6, 16);
	uint32_t l2 = pkt_eth_size(tci);
	struct rte_mbuf *m = pkt_new(pool, l2 + PKT_IP6_LEN + ND_FIXED + (dad ? 0 : LLADDR_LEN));
	uint8_t group[16] = {0xff, 2, [11] = 1, [12] = 0xff}, mac[6];

	if (!m)
		return NULL;
	memcpy(group + 13, (const uint8_t *)target_ip6 + 13, 3);
	multicast_mac(mac, group);
	pkt_put_eth(pkt_at(m, 0), mac, src_mac, tci, PKT_ET_IP6);
	put_nd(m, l2, PKT_ND_NS, src_ip6, group, 0, target_ip6, dad ? NULL : src_mac);
	return m;
}

struct rte_mbuf *pkt_make_na(struct rte_mempool *pool, const struct rte_mbuf *m,
	const struct pkt_parse *p, const struct pkt_nd *nd, const struct rte_ether_addr *mac,
	bool router)
{
	struct rte_mbuf *na = pkt_new(pool, p->outer.l3 + PKT_IP6_LEN + ND_FIXED + LLADDR_LEN);
	uint8_t flags = (uint8_t)((router ? 0x80 : 0) | (nd->dad ? 0 : 0x40) | 0x20), *b;

	if (!na)
		return NULL;
	b = pkt_at(na, 0);
	pkt_put_eth_back(b, m, p);
	memcpy(b + 6, mac, 6);
	if (nd->dad) /* 7.2.4: the asker has no address yet */
		multicast_mac(b, all_nodes);
	else if (nd->has_lladdr)
		memcpy(b, &nd->lladdr, 6);
	put_nd(na, p->outer.l3, PKT_ND_NA, nd->target, nd->dad ? all_nodes : nd->src, flags,
		nd->target, mac);
	return na;
}

struct rte_mbuf *pkt_make_na_announce(
	struct rte_mempool *pool, const struct rte_ether_addr *mac, const void *ip6, int tci)
{
	uint32_t l2 = pkt_eth_size(tci);
	struct rte_mbuf *m = pkt_new(pool, l2 + PKT_IP6_LEN + ND_FIXED + LLADDR_LEN);
	uint8_t to[6];

	if (!m)
		return NULL;
	multicast_mac(to, all_nodes);
	pkt_put_eth(pkt_at(m, 0), to, mac, tci, PKT_ET_IP6);
	put_nd(m, l2, PKT_ND_NA, ip6, all_nodes, 0x20, ip6, mac);
	return m;
}
