/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * parse_slow: the parse that knows every header and says what is wrong. One function per header;
 * each asks reach() for its bytes before it looks at them, moves the cursor and names its
 * successor.
 */
#include "packet/packet_int.h"

#include "engine/checksum.h"

/* Where we are: bytes up to `end` belong to the enclosing datagram or frame. */
struct cursor {
	struct rte_mbuf *m;
	const uint8_t *b; /* first byte of the frame */
	uint32_t end;
	bool quoted; /* inside an ICMP error: the datagram may be cut off */
	bool split;  /* the packet has the bytes, but they could not be joined */
	bool lenient; /* keep headers whose lengths are wrong, and say so */
};

/* Are the bytes [0, upto) there, inside the limit, and contiguous now? */
static bool reach(struct cursor *c, uint32_t upto)
{
	if (upto > c->end || upto >= PKT_ABSENT)
		return false;
	if (likely(upto <= c->m->data_len))
		return true;
	if (pkt_pull(c->m, upto) < 0) {
		c->split = true;
		return false;
	}
	c->b = pkt_at(c->m, 0);
	return true;
}

static enum drop_reason lack(const struct cursor *c, enum drop_reason reason)
{
	return c->split ? DROP_HEADER_SPLIT : reason;
}

void pkt_headers_clear(struct pkt_headers *h)
{
	*h = (struct pkt_headers){.l2 = PKT_ABSENT,
		.l3 = PKT_ABSENT,
		.l4 = PKT_ABSENT,
		.payload = PKT_ABSENT,
		.ext = PKT_ABSENT};
}

/* ---- L4 ---- */

static enum drop_reason set_l4(
	struct cursor *c, struct pkt_headers *h, enum pkt_l4 type, uint32_t off, uint32_t len)
{
	if (!reach(c, off + len))
		return lack(c, DROP_L4_SHORT);
	h->l4_type = (uint8_t)type;
	h->l4 = (uint16_t)off;
	h->l4_len = (uint16_t)len;
	h->payload = (uint16_t)(off + len);
	return DROP_NONE;
}

static enum drop_reason parse_tcp(struct cursor *c, struct pkt_headers *h, uint32_t off)
{
	uint32_t len;

	if (c->quoted) /* eight bytes are guaranteed: the ports and the sequence number */
		return set_l4(c, h, PKT_L4_TCP, off, 8);
	if (!reach(c, off + PKT_TCP_LEN))
		return lack(c, DROP_L4_SHORT);
	len = (c->b[off + 12] >> 4) * 4u;
	if (len < PKT_TCP_LEN || off + len > c->end) {
		if (!c->lenient)
			return DROP_L4_BAD_LENGTH;
		h->flags |= PKT_BAD_L4;
		len = PKT_TCP_LEN;
	}
	return set_l4(c, h, PKT_L4_TCP, off, len);
}

/* A super-packet too long for its length fields has zero there, as Linux writes it. */
static bool is_super(const struct cursor *c)
{
	return c->m->ol_flags & (RTE_MBUF_F_TX_TCP_SEG | RTE_MBUF_F_TX_UDP_SEG);
}

static uint32_t udp_length(const struct cursor *c, const struct pkt_headers *h, uint32_t off)
{
	uint32_t len = pkt_be16(c->b + off + 4);

	return !len && is_super(c) ? h->l3_end - off : len;
}

static enum drop_reason parse_udp(struct cursor *c, struct pkt_headers *h, uint32_t off)
{
	enum drop_reason r = set_l4(c, h, PKT_L4_UDP, off, PKT_UDP_LEN);
	uint32_t len;

	if (r || c->quoted)
		return r;
	len = udp_length(c, h, off);
	/* The first fragment's length speaks of the whole datagram. */
	if (len < PKT_UDP_LEN || (!(h->flags & PKT_FRAG) && off + len > h->l3_end)) {
		if (!c->lenient)
			return DROP_L4_BAD_LENGTH;
		h->flags |= PKT_BAD_L4;
	}
	return DROP_NONE;
}

static enum drop_reason parse_l4(
	struct cursor *c, struct pkt_headers *h, uint32_t off, uint8_t proto)
{
	bool v6 = h->l3_type == PKT_L3_IP6;

	h->l4_proto = proto;
	if (h->flags & PKT_FRAG_LATER)
		return DROP_NONE;
	if (proto == PKT_PROTO_TCP)
		return parse_tcp(c, h, off);
	if (proto == PKT_PROTO_UDP)
		return parse_udp(c, h, off);
	if (proto == (v6 ? PKT_PROTO_ICMP6 : PKT_PROTO_ICMP))
		return set_l4(c, h, v6 ? PKT_L4_ICMP6 : PKT_L4_ICMP, off, PKT_ICMP_LEN);
	if (proto == PKT_PROTO_SCTP)
		return set_l4(c, h, PKT_L4_SCTP, off, c->quoted ? 8 : PKT_SCTP_LEN);
	if (proto == PKT_PROTO_ESP)
		return set_l4(c, h, PKT_L4_ESP, off, PKT_ESP_LEN);
	if (v6 && proto == PKT_PROTO_NONE)
		return DROP_NONE;
	h->l4_type = PKT_L4_OTHER;
	h->l4 = (uint16_t)off;
	return DROP_NONE;
}

/* ---- IPv6 and extension headers ---- */

static bool is_extension(uint8_t proto)
{
	switch (proto) {
	case PKT_PROTO_HBH:
	case PKT_PROTO_ROUTING:
	case PKT_PROTO_FRAGMENT:
	case PKT_PROTO_AH:
	case PKT_PROTO_DSTOPT:
	case PKT_PROTO_MOBILITY:
	case PKT_PROTO_HIP:
	case PKT_PROTO_SHIM6:
		return true;
	default:
		return false;
	}
}

/* RFC 8200 sec. 4.2; AH counts in units of 4 bytes less 2 (RFC 4302 sec. 2.2). */
static uint32_t extension_length(uint8_t proto, const uint8_t *h)
{
	if (proto == PKT_PROTO_FRAGMENT)
		return 8;
	if (proto == PKT_PROTO_AH)
		return (h[1] + 2u) * 4;
	return (h[1] + 1u) * 8;
}

/* Offset and length of a fragment: all but the last are multiples of 8, none ends past 65,535. */
static enum drop_reason check_fragment(
	struct cursor *c, struct pkt_headers *h, uint32_t offset, bool more, uint32_t len)
{
	if (!offset && !more)
		return DROP_NONE; /* atomic (RFC 6946): a whole datagram */
	h->flags |= offset ? PKT_FRAG | PKT_FRAG_LATER : PKT_FRAG;
	if (c->quoted || c->lenient)
		return DROP_NONE;
	if ((more && len % 8) || offset + len > 65535)
		return DROP_FRAGMENT_BAD;
	return DROP_NONE;
}

static enum drop_reason parse_extension(
	struct cursor *c, struct pkt_headers *h, uint32_t *off, uint8_t *proto)
{
	const uint8_t *e;
	uint32_t len;
	enum drop_reason r = DROP_NONE;

	if (h->nr_ext++ == PKT_EXT_MAX)
		return DROP_IP6_EXT_TOO_MANY;
	if (*proto == PKT_PROTO_HBH && h->nr_ext > 1)
		return DROP_IP6_EXT_ORDER;
	if (!reach(c, *off + 8))
		return lack(c, DROP_IP6_EXT_SHORT);
	len = extension_length(*proto, c->b + *off);
	if (!reach(c, *off + len))
		return lack(c, DROP_IP6_EXT_SHORT);
	h->flags |= PKT_EXT_HEADERS;
	e = c->b + *off;
	if (*proto == PKT_PROTO_ROUTING && e[3])
		h->flags |= PKT_ROUTING;
	if (*proto == PKT_PROTO_FRAGMENT) {
		h->ext = (uint16_t)*off;
		r = check_fragment(c, h, pkt_be16(e + 2) & 0xfff8, e[3] & 1, h->l3_end - *off - 8);
	}
	*proto = e[0];
	*off += len;
	return r;
}

static uint32_t ip6_payload(const struct cursor *c, uint32_t off)
{
	uint32_t len = pkt_be16(c->b + off + 4);

	return !len && is_super(c) ? c->end - off - PKT_IP6_LEN : len;
}

/* An IP header that lies about its length: known, and nothing behind it. */
static enum drop_reason keep_l3(const struct cursor *c, struct pkt_headers *h, enum pkt_l3 type, uint32_t off)
{
	h->l3_type = (uint8_t)type;
	h->l3 = (uint16_t)off;
	h->l3_end = c->end;
	h->flags |= PKT_BAD_L3;
	return DROP_NONE;
}

static enum drop_reason parse_ip6(struct cursor *c, struct pkt_headers *h, uint32_t off)
{
	enum drop_reason r = DROP_NONE;
	uint8_t proto;

	if (!reach(c, off + PKT_IP6_LEN))
		return lack(c, DROP_IP6_SHORT);
	if (c->b[off] >> 4 != 6)
		return DROP_IP6_BAD_VERSION;
	h->l3_type = PKT_L3_IP6;
	h->l3 = (uint16_t)off;
	h->l3_end = off + PKT_IP6_LEN + ip6_payload(c, off);
	if (h->l3_end > c->end && !c->quoted)
		return c->lenient ? keep_l3(c, h, PKT_L3_IP6, off) : DROP_IP6_BAD_LENGTH;
	c->end = MIN_OF(c->end, h->l3_end);
	proto = c->b[off + 6];
	off += PKT_IP6_LEN;
	while (!r && !(h->flags & PKT_FRAG_LATER) && is_extension(proto))
		r = parse_extension(c, h, &off, &proto);
	return r ? r : parse_l4(c, h, off, proto);
}

/* ---- IPv4 ---- */

static bool ip4_csum_wrong(const struct cursor *c, uint32_t off, uint32_t len)
{
	uint64_t f = c->m->ol_flags;

	/* The device's word counts for the outer header only. */
	if (off <= PKT_ETH_LEN + 2 * PKT_VLAN_LEN &&
		f & (RTE_MBUF_F_RX_IP_CKSUM_GOOD | RTE_MBUF_F_TX_IP_CKSUM))
		return false;
	return checksum_fold(checksum_bytes(c->b + off, len, 0)) != 0xffff;
}

static enum drop_reason parse_ip4(struct cursor *c, struct pkt_headers *h, uint32_t off)
{
	uint32_t len, total, frag;
	enum drop_reason r;
	uint8_t proto;

	if (!reach(c, off + PKT_IP4_LEN))
		return lack(c, DROP_IP4_SHORT);
	if (c->b[off] >> 4 != 4)
		return DROP_IP4_BAD_VERSION;
	len = (c->b[off] & 15u) * 4;
	if (len < PKT_IP4_LEN || off + len > c->end)
		return DROP_IP4_BAD_IHL;
	if (!reach(c, off + len))
		return lack(c, DROP_IP4_SHORT);
	total = pkt_be16(c->b + off + 2);
	if (!total && is_super(c))
		total = c->end - off;
	if (total < len || (off + total > c->end && !c->quoted))
		return c->lenient ? keep_l3(c, h, PKT_L3_IP4, off) : DROP_IP4_BAD_LENGTH;
	h->l3_type = PKT_L3_IP4;
	h->l3 = (uint16_t)off;
	h->l3_end = off + total;
	c->end = MIN_OF(c->end, h->l3_end);
	h->flags |= len > PKT_IP4_LEN ? PKT_IP_OPTIONS : 0;
	h->flags |= ip4_csum_wrong(c, off, len) ? PKT_BAD_IP_CSUM : 0;
	frag = pkt_be16(c->b + off + 6);
	r = check_fragment(c, h, (frag & 0x1fff) * 8, frag & 0x2000, total - len);
	proto = c->b[off + 9];
	off += len;
	if (!r && proto == PKT_PROTO_AH && !(h->flags & PKT_FRAG_LATER))
		r = parse_extension(c, h, &off, &proto);
	return r ? r : parse_l4(c, h, off, proto);
}

/* ---- L3 and L2 ---- */

static enum drop_reason parse_arp(struct cursor *c, struct pkt_headers *h, uint32_t off)
{
	if (!reach(c, off + 8))
		return lack(c, DROP_ARP_SHORT);
	h->l3_type = PKT_L3_OTHER;
	h->l3 = (uint16_t)off;
	/* Ethernet and IPv4 by hardware type, protocol type and both lengths */
	if (pkt_be16(c->b + off) != 1 || pkt_be16(c->b + off + 2) != PKT_ET_IP4 ||
		c->b[off + 4] != 6 || c->b[off + 5] != 4)
		return DROP_NONE;
	if (!reach(c, off + PKT_ARP_LEN))
		return lack(c, DROP_ARP_SHORT);
	h->l3_type = PKT_L3_ARP;
	return DROP_NONE;
}

static enum drop_reason parse_l3(
	struct cursor *c, struct pkt_headers *h, uint32_t off, uint16_t ethertype)
{
	h->ethertype = rte_cpu_to_be_16(ethertype);
	h->l3_end = c->end;
	switch (ethertype) {
	case PKT_ET_IP4:
		return parse_ip4(c, h, off);
	case PKT_ET_IP6:
		return parse_ip6(c, h, off);
	case PKT_ET_ARP:
		return parse_arp(c, h, off);
	default:
		h->l3_type = PKT_L3_OTHER;
		h->l3 = (uint16_t)off;
		return DROP_NONE;
	}
}

static bool is_vlan(uint16_t ethertype)
{
	return ethertype == PKT_ET_VLAN || ethertype == PKT_ET_QINQ || ethertype == PKT_ET_QINQ_OLD;
}

static enum drop_reason parse_eth(struct cursor *c, struct pkt_headers *h, uint32_t off)
{
	uint16_t ethertype;

	if (!reach(c, off + PKT_ETH_LEN))
		return lack(c, DROP_L2_SHORT);
	h->l2 = (uint16_t)off;
	h->l2_type = PKT_L2_ETH;
	off += PKT_ETH_LEN;
	ethertype = pkt_be16(c->b + off - 2);
	while (is_vlan(ethertype) && h->l2_type < PKT_L2_QINQ) {
		if (!reach(c, off + PKT_VLAN_LEN))
			return lack(c, DROP_L2_SHORT);
		h->l2_type++;
		off += PKT_VLAN_LEN;
		ethertype = pkt_be16(c->b + off - 2);
	}
	return parse_l3(c, h, off, ethertype);
}

/* A datagram whose version says which. */
static enum drop_reason parse_bare_ip(struct cursor *c, struct pkt_headers *h, uint32_t off)
{
	if (!reach(c, off + 1))
		return lack(c, DROP_TUNNEL_SHORT);
	switch (c->b[off] >> 4) {
	case 4:
		return parse_l3(c, h, off, PKT_ET_IP4);
	case 6:
		return parse_l3(c, h, off, PKT_ET_IP6);
	default:
		return DROP_TUNNEL_BAD_FLAGS;
	}
}

enum drop_reason pkt_parse_ip(
	struct rte_mbuf *m, struct pkt_headers *h, uint32_t off, uint32_t end, bool quoted)
{
	struct cursor c = {.m = m, .b = pkt_at(m, 0), .end = end, .quoted = quoted};

	pkt_headers_clear(h);
	return parse_bare_ip(&c, h, off);
}

/* ---- tunnels ----
 * Each function gets the offset of the tunnel header, whose fixed part is there, and returns where
 * and what the inner is. `inner` is an ethertype, 0 for "an IP datagram by its version", or
 * NOTHING.
 */

#define NOTHING 0xffffu

struct tunnel {
	uint32_t end; /* first byte after the tunnel header */
	uint16_t inner;
	uint8_t type; /* enum pkt_tun; may be refined */
	enum drop_reason drop;
};

static void tunnel_vxlan(struct cursor *c, struct tunnel *t, uint32_t off)
{
	t->end = off + PKT_VXLAN_LEN;
	t->inner = PKT_ET_TEB;
	if (!(c->b[off] & 0x08)) /* RFC 7348 sec. 5: the I flag must be set */
		t->drop = DROP_TUNNEL_BAD_FLAGS;
}

static void tunnel_gpe(struct cursor *c, struct tunnel *t, uint32_t off)
{
	static const uint16_t next[] = {NOTHING, PKT_ET_IP4, PKT_ET_IP6, PKT_ET_TEB};
	uint8_t flags = c->b[off], proto = c->b[off + 3];

	t->end = off + PKT_VXLAN_LEN;
	if (!(flags & 0x08) || flags & 0x30) /* I flag; version 0 */
		t->drop = DROP_TUNNEL_BAD_FLAGS;
	if (!(flags & 0x04)) /* no next-protocol field: Ethernet, as plain VXLAN */
		t->inner = PKT_ET_TEB;
	else
		t->inner = proto < ARRAY_SIZE(next) ? next[proto] : NOTHING;
}

static void tunnel_geneve(struct cursor *c, struct tunnel *t, uint32_t off)
{
	t->end = off + 8 + (c->b[off] & 0x3fu) * 4;
	t->inner = pkt_be16(c->b + off + 2);
	if (c->b[off] >> 6) /* RFC 8926 sec. 3.4: version 0 */
		t->drop = DROP_TUNNEL_BAD_FLAGS;
}

static void gtpu_extensions(struct cursor *c, struct tunnel *t, uint8_t next)
{
	for (unsigned i = 0; next; i++) {
		uint32_t len;

		if (i == PKT_GTP_EXT_MAX || !reach(c, t->end + 4)) {
			t->drop = lack(c, DROP_TUNNEL_SHORT);
			return;
		}
		len = c->b[t->end] * 4u;
		if (!len || !reach(c, t->end + len)) {
			t->drop = lack(c, DROP_TUNNEL_SHORT);
			return;
		}
		t->end += len;
		next = c->b[t->end - 1];
	}
}

/* 3GPP TS 29.281 sec. 5.1 and 5.2. */
static void tunnel_gtpu(struct cursor *c, struct tunnel *t, uint32_t off)
{
	uint8_t flags = c->b[off], type = c->b[off + 1];
	uint32_t len = pkt_be16(c->b + off + 2);

	t->end = off + 8;
	if ((flags & 0xf0) != 0x30) { /* version 1, GTP and not GTP' */
		t->drop = DROP_TUNNEL_BAD_FLAGS;
		return;
	}
	if (t->end + len > c->end) {
		t->drop = DROP_TUNNEL_SHORT;
		return;
	}
	c->end = t->end + len;
	t->inner = type == 255 ? 0 : NOTHING; /* only a G-PDU carries a packet */
	if (!(flags & 0x07))
		return;
	if (!reach(c, t->end + 4)) {
		t->drop = lack(c, DROP_TUNNEL_SHORT);
		return;
	}
	t->end += 4;
	if (flags & 0x04)
		gtpu_extensions(c, t, c->b[t->end - 1]);
}

/* RFC 7510: label stack, then IP by its version. */
static void tunnel_mpls(struct cursor *c, struct tunnel *t, uint32_t off)
{
	t->end = off;
	for (unsigned i = 0; i < PKT_MPLS_MAX; i++) {
		if (!reach(c, t->end + 4))
			break;
		t->end += 4;
		if (c->b[t->end - 2] & 1) /* bottom of stack */
			return;
	}
	t->drop = lack(c, DROP_TUNNEL_SHORT);
}

/* RFC 2784, 2890, 7637. */
static void tunnel_gre(struct cursor *c, struct tunnel *t, uint32_t off)
{
	uint16_t flags = pkt_be16(c->b + off);

	t->end = off + 4 + 4 * (!!(flags & 0x8000) + !!(flags & 0x2000) + !!(flags & 0x1000));
	t->inner = pkt_be16(c->b + off + 2);
	if (flags == 0x2000 && t->inner == PKT_ET_TEB)
		t->type = PKT_TUN_NVGRE;
	if (flags & 0x4c07) /* source routing, reserved bits a receiver must not ignore, version */
		t->drop = DROP_TUNNEL_BAD_FLAGS;
}

static void tunnel_header(struct cursor *c, struct tunnel *t, uint32_t off)
{
	switch (t->type) {
	case PKT_TUN_VXLAN:
		tunnel_vxlan(c, t, off);
		break;
	case PKT_TUN_VXLAN_GPE:
		tunnel_gpe(c, t, off);
		break;
	case PKT_TUN_GENEVE:
		tunnel_geneve(c, t, off);
		break;
	case PKT_TUN_GTPU:
		tunnel_gtpu(c, t, off);
		break;
	case PKT_TUN_MPLS_UDP:
		tunnel_mpls(c, t, off);
		break;
	case PKT_TUN_GRE:
		tunnel_gre(c, t, off);
		break;
	case PKT_TUN_PSP:
		t->end = off + MAX_OF(16u, 8 + 8u * c->b[off + 1]); /* in units of 8 bytes, less the first */
		t->inner = NOTHING;
		break;
	case PKT_TUN_ESP:
		t->end = off + PKT_ESP_LEN;
		t->inner = NOTHING;
		break;
	default: /* IP in IP: no header */
		t->end = off;
		break;
	}
}

/* Bytes of each tunnel header that are always there. */
static const uint8_t fixed_length[PKT_TUN_COUNT] = {[PKT_TUN_VXLAN] = 8,
	[PKT_TUN_VXLAN_GPE] = 8,
	[PKT_TUN_GENEVE] = 8,
	[PKT_TUN_GRE] = 4,
	[PKT_TUN_GTPU] = 8,
	[PKT_TUN_IPIP] = 1,
	[PKT_TUN_MPLS_UDP] = 4,
	[PKT_TUN_PSP] = 16,
	[PKT_TUN_ESP] = 8};

/* Which tunnel the outer L4 announces, and where its header is. */
static enum pkt_tun announced(const struct cursor *c, const struct pkt_headers *h, uint32_t *off)
{
	uint16_t port;

	*off = h->l4;
	if (h->flags & PKT_FRAG) /* a part of an inner packet is no packet */
		return PKT_TUN_NONE;
	if (h->l4_type == PKT_L4_ESP)
		return PKT_TUN_ESP;
	if (h->l4_type == PKT_L4_OTHER)
		return h->l4_proto == PKT_PROTO_GRE ? PKT_TUN_GRE
		       : h->l4_proto == PKT_PROTO_IP4 || h->l4_proto == PKT_PROTO_IP6
			       ? PKT_TUN_IPIP
			       : PKT_TUN_NONE;
	if (h->l4_type != PKT_L4_UDP)
		return PKT_TUN_NONE;
	*off = h->payload;
	port = pkt_get16(c->b + h->l4 + 2);
	for (unsigned i = 0; port && i < PKT_TUNNEL_PORTS; i++)
		if (pkt_tunnel_ports.port[i] == port)
			return (enum pkt_tun)pkt_tunnel_ports.tun[i];
	return PKT_TUN_NONE;
}

static enum drop_reason parse_inner(struct cursor *c, struct pkt_headers *h, const struct tunnel *t)
{
	if (t->inner == PKT_ET_TEB)
		return parse_eth(c, h, t->end);
	if (t->inner == 0)
		return parse_bare_ip(c, h, t->end);
	return parse_l3(c, h, t->end, t->inner);
}

static void parse_tunnel(struct cursor *c, struct pkt_parse *p)
{
	struct tunnel t = {.inner = 0};
	uint32_t off;

	t.type = (uint8_t)announced(c, &p->outer, &off);
	if (!t.type || p->outer.flags & PKT_BAD_L4)
		return;
	c->end = p->outer.l3_end;
	if (p->outer.l4_type == PKT_L4_UDP)
		c->end = p->outer.l4 + udp_length(c, &p->outer, p->outer.l4);
	if (!reach(c, off + fixed_length[t.type])) {
		p->inner_drop = (uint8_t)lack(c, DROP_TUNNEL_SHORT);
		return;
	}
	tunnel_header(c, &t, off);
	if (!t.drop && !reach(c, t.end))
		t.drop = lack(c, DROP_TUNNEL_SHORT);
	p->tun_type = t.type;
	p->tun = (uint16_t)off;
	p->inner_drop = (uint8_t)t.drop;
	if (t.drop)
		return;
	p->tun_end = (uint16_t)t.end;
	if (t.inner == NOTHING)
		return;
	p->inner_drop = (uint8_t)parse_inner(c, &p->inner, &t);
	if (p->inner_drop)
		pkt_headers_clear(&p->inner);
}

/* ---- the whole ---- */

static uint32_t shape_of(const struct pkt_headers *h)
{
	return (uint32_t)h->l2_type << PKT_SHAPE_L2_SHIFT |
	       (uint32_t)h->l3_type << PKT_SHAPE_L3_SHIFT |
	       (uint32_t)h->l4_type << PKT_SHAPE_L4_SHIFT |
	       (h->flags & PKT_FRAG ? PKT_SHAPE_FRAG : 0) |
	       (h->flags & PKT_FRAG_LATER ? PKT_SHAPE_FRAG_LATER : 0);
}

_Static_assert(PKT_SHAPE_INNER_L3_SHIFT - PKT_SHAPE_L3_SHIFT == PKT_SHAPE_INNER_L2_SHIFT &&
		       PKT_SHAPE_INNER_L4_SHIFT - PKT_SHAPE_L4_SHIFT == PKT_SHAPE_INNER_L2_SHIFT &&
		       PKT_SHAPE_FRAG << PKT_SHAPE_INNER_L2_SHIFT == PKT_SHAPE_INNER_FRAG,
	"the inner's bits are the outer's, shifted");

uint32_t pkt_shape(const struct pkt_parse *p)
{
	return shape_of(&p->outer) | shape_of(&p->inner) << PKT_SHAPE_INNER_L2_SHIFT |
	       (uint32_t)p->tun_type << PKT_SHAPE_TUN_SHIFT |
	       (p->outer.flags & PKT_BAD_IP_CSUM ? PKT_SHAPE_BAD_IP_CSUM : 0) |
	       (p->inner.flags & PKT_BAD_IP_CSUM ? PKT_SHAPE_INNER_BAD_IP_CSUM : 0);
}

static int parse_whole(struct rte_mbuf *m, struct pkt_parse *p, bool lenient)
{
	struct cursor c = {.m = m, .b = pkt_at(m, 0), .end = m->pkt_len, .lenient = lenient};

	*p = (struct pkt_parse){.tun = PKT_ABSENT, .tun_end = PKT_ABSENT, .pkt_len = m->pkt_len};
	pkt_headers_clear(&p->outer);
	pkt_headers_clear(&p->inner);
	p->drop = (uint8_t)parse_eth(&c, &p->outer, 0);
	if (p->drop)
		return -(int)p->drop;
	parse_tunnel(&c, p);
	p->shape = pkt_shape(p);
	return 0;
}

int pkt_parse_slow(struct rte_mbuf *m, struct pkt_parse *p)
{
	return parse_whole(m, p, false);
}

int pkt_parse_lenient(struct rte_mbuf *m, struct pkt_parse *p)
{
	return parse_whole(m, p, true);
}
