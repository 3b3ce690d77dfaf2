/* SPDX-License-Identifier: BSD-3-Clause */
/* tunnel_template: header templates made once, from a configuration or from raw bytes. */
#include "packet/tunnel.h"
#include "packet/packet_int.h"

#include "base/refuse.h"
#include "engine/checksum.h"

/* ---- what the bytes are ---- */

static bool is_vlan(uint16_t ethertype)
{
	return ethertype == PKT_ET_VLAN || ethertype == PKT_ET_QINQ || ethertype == PKT_ET_QINQ_OLD;
}

/* Ethernet and tags. Returns the ethertype, 0 if the bytes end too early. */
static uint16_t find_l2(struct pkt_encap *e)
{
	uint32_t off = PKT_ETH_LEN;
	uint16_t ethertype;

	if (e->len < off)
		return 0;
	e->outer.l2_type = PKT_L2_ETH;
	while (is_vlan(ethertype = pkt_be16(e->bytes + off - 2)) &&
		e->outer.l2_type < PKT_L2_QINQ) {
		off += PKT_VLAN_LEN;
		if (e->len < off)
			return 0;
		e->outer.l2_type++;
	}
	e->l3 = (uint8_t)off;
	e->outer.l2 = 0;
	e->outer.l3 = (uint16_t)off;
	e->outer.ethertype = rte_cpu_to_be_16(ethertype);
	return ethertype;
}

static int find_ip(struct pkt_encap *e, uint16_t ethertype)
{
	const uint8_t *ip = e->bytes + e->l3;
	uint32_t room = e->len - e->l3, len = PKT_IP6_LEN;

	e->ip6 = ethertype == PKT_ET_IP6;
	if (room < (e->ip6 ? PKT_IP6_LEN : PKT_IP4_LEN))
		return refuse(EINVAL, "encap template: it ends inside its IP header");
	if (ip[0] >> 4 != (e->ip6 ? 6 : 4))
		return refuse(EINVAL, "encap template: IP version %u does not fit ethertype 0x%04x",
			ip[0] >> 4, ethertype);
	if (!e->ip6) {
		len = (ip[0] & 15u) * 4;
		if (len < PKT_IP4_LEN || len > room)
			return refuse(EINVAL, "encap template: IPv4 header length %u", len);
	}
	e->outer.l3_type = e->ip6 ? PKT_L3_IP6 : PKT_L3_IP4;
	e->outer.flags = len > PKT_IP4_LEN && !e->ip6 ? PKT_IP_OPTIONS : 0;
	e->outer.l4_proto = e->ip6 ? ip[6] : ip[9];
	e->l4 = (uint8_t)(e->l3 + len);
	e->outer.l4 = e->l4;
	e->tun = e->l4;
	return 0;
}

static enum pkt_tun udp_tunnel(uint16_t dport)
{
	for (unsigned i = 0; dport && i < PKT_TUNNEL_PORTS; i++)
		if (pkt_tunnel_ports.port[i] == dport)
			return (enum pkt_tun)pkt_tunnel_ports.tun[i];
	return PKT_TUN_NONE;
}

static int find_tunnel(struct pkt_encap *e)
{
	uint32_t room = e->len - e->l4;

	e->outer.l4_type = PKT_L4_OTHER;
	if (e->outer.l4_proto == PKT_PROTO_UDP) {
		if (room < PKT_UDP_LEN)
			return refuse(EINVAL, "encap template: it ends inside its UDP header");
		e->has_udp = true;
		e->udp_csum = pkt_get16(e->bytes + e->l4 + 6) != 0;
		e->tun_type = (uint8_t)udp_tunnel(pkt_get16(e->bytes + e->l4 + 2));
		e->tun = (uint8_t)(e->l4 + PKT_UDP_LEN);
		e->outer.l4_type = PKT_L4_UDP;
		e->outer.l4_len = PKT_UDP_LEN;
		e->outer.payload = e->tun;
	} else if (e->outer.l4_proto == PKT_PROTO_GRE) {
		e->tun_type = PKT_TUN_GRE;
	} else if (room == 0) {
		e->tun_type = PKT_TUN_IPIP;
	}
	return 0;
}

static const uint8_t least[PKT_TUN_COUNT] = {[PKT_TUN_VXLAN] = 8,
	[PKT_TUN_VXLAN_GPE] = 8,
	[PKT_TUN_GENEVE] = 8,
	[PKT_TUN_GRE] = 4,
	[PKT_TUN_GTPU] = 8,
	[PKT_TUN_MPLS_UDP] = 4,
	[PKT_TUN_PSP] = 16};

/* Where the type of an inner datagram has to be written. */
static int find_proto(struct pkt_encap *e)
{
	const uint8_t *t = e->bytes + e->tun;

	if (e->len < e->tun + least[e->tun_type])
		return refuse(EINVAL, "encap template: it ends inside its %s header",
			pkt_tun_name(e->tun_type));
	if (e->tun_type == PKT_TUN_GRE && t[0] & 0x80)
		return refuse(
			ENOTSUP, "encap template: GRE with a checksum; leave the C bit clear");
	if (e->tun_type == PKT_TUN_GRE && pkt_be16(t) == 0x2000 && pkt_be16(t + 2) == PKT_ET_TEB)
		e->tun_type = PKT_TUN_NVGRE;
	if (e->inner_l2)
		return 0;
	switch (e->tun_type) {
	case PKT_TUN_GRE:
	case PKT_TUN_GENEVE:
		e->proto_off = (uint8_t)(e->tun + 2);
		break;
	case PKT_TUN_VXLAN_GPE:
		e->proto_off = (uint8_t)(e->tun + 3);
		break;
	case PKT_TUN_IPIP:
		e->proto_off = (uint8_t)(e->l3 + (e->ip6 ? 6 : 9));
		break;
	default:
		break;
	}
	return 0;
}

/* Lengths and checksum zero in the template: the burst path adds to them. */
static void clear_variable(struct pkt_encap *e)
{
	uint8_t *ip = e->bytes + e->l3;

	if (e->has_udp) {
		pkt_put16(e->bytes + e->l4 + 4, 0);
		pkt_put16(e->bytes + e->l4 + 6, 0);
	}
	if (e->ip6) {
		pkt_put16(ip + 4, 0);
		return;
	}
	pkt_put16(ip + 2, 0);
	pkt_put16(ip + 10, 0);
	e->ip_csum = checksum_fold(checksum_bytes(ip, (ip[0] & 15u) * 4, 0));
}

/* How much pkt_encap_last() has to do. */
static void find_effort(struct pkt_encap *e)
{
	e->simple = e->inner_l2 && e->has_udp && !e->udp_csum && !e->proto_off && e->tun_type != PKT_TUN_GTPU &&
		    e->tun_type != PKT_TUN_NONE;
	e->fixed_ip = e->tos_copy == PKT_TOS_FIXED && !e->label_entropy;
}

static uint32_t shape_of_template(const struct pkt_encap *e)
{
	struct pkt_parse p = {.outer = e->outer, .tun_type = e->tun_type};

	return pkt_shape(&p);
}

int pkt_encap_init_raw(struct pkt_encap *e, const void *bytes, size_t len, bool inner_l2)
{
	uint16_t ethertype;
	int r;

	memset(e, 0, sizeof(*e));
	pkt_headers_clear(&e->outer);
	if (len > PKT_ENCAP_MAX)
		return refuse(EINVAL, "encap template: %zu bytes are over the limit of %d", len,
			PKT_ENCAP_MAX);
	memcpy(e->bytes, bytes, len);
	e->len = (uint8_t)len;
	e->inner_l2 = inner_l2;
	ethertype = find_l2(e);
	if (!ethertype)
		return refuse(EINVAL, "encap template: %zu bytes are no Ethernet header", len);
	/* no IP, or Ethernet alone in front of the inner's own IP header */
	if ((ethertype != PKT_ET_IP4 && ethertype != PKT_ET_IP6) || e->l3 == e->len) {
		e->l3 = 0;
		return 0;
	}
	if ((r = find_ip(e, ethertype)) || (r = find_tunnel(e)))
		return r;
	if (e->tun_type && (r = find_proto(e)))
		return r;
	clear_variable(e);
	e->shape = shape_of_template(e);
	find_effort(e);
	return 0;
}

/* ---- from a configuration ---- */

struct writer {
	uint8_t b[512];
	uint32_t len;
};

static uint8_t *add(struct writer *w, uint32_t n)
{
	uint8_t *p = w->b + w->len;

	w->len += n;
	return p;
}

static bool over_udp(enum pkt_tun t)
{
	return t == PKT_TUN_VXLAN || t == PKT_TUN_VXLAN_GPE || t == PKT_TUN_GENEVE ||
	       t == PKT_TUN_GTPU || t == PKT_TUN_MPLS_UDP;
}

static bool carries_l2(const struct pkt_encap_config *c)
{
	if (c->type == PKT_TUN_VXLAN || c->type == PKT_TUN_NVGRE)
		return true;
	return c->inner_l2 && c->type != PKT_TUN_GTPU && c->type != PKT_TUN_IPIP;
}

static void add_l2(struct writer *w, const struct pkt_encap_config *c)
{
	uint8_t *p = add(w, PKT_ETH_LEN);

	memcpy(p, &c->dst_mac, 6);
	memcpy(p + 6, &c->src_mac, 6);
	if (c->has_vlan) {
		pkt_put_be16(p + 12, PKT_ET_VLAN);
		pkt_put_be16(add(w, PKT_VLAN_LEN), c->vlan_tci);
	}
	pkt_put_be16(w->b + w->len - 2, c->ip6 ? PKT_ET_IP6 : PKT_ET_IP4);
}

static void add_ip(struct writer *w, const struct pkt_encap_config *c)
{
	uint8_t proto = over_udp(c->type)         ? PKT_PROTO_UDP
			: c->type == PKT_TUN_IPIP ? PKT_PROTO_IP4
						  : PKT_PROTO_GRE;
	uint8_t ttl = c->ttl ? c->ttl : 64, *p = add(w, c->ip6 ? PKT_IP6_LEN : PKT_IP4_LEN);

	if (c->ip6) {
		pkt_put_be32(p, 6u << 28 | (uint32_t)c->tos << 20 | (c->flow_label & 0xfffff));
		p[6] = proto;
		p[7] = ttl;
		memcpy(p + 8, c->src, 16);
		memcpy(p + 24, c->dst, 16);
		return;
	}
	p[0] = 0x45;
	p[1] = c->tos;
	pkt_put_be16(p + 6, c->ip4_fragment ? 0 : 0x4000);
	p[8] = ttl;
	p[9] = proto;
	memcpy(p + 12, c->src, 4);
	memcpy(p + 16, c->dst, 4);
}

static void add_udp(struct writer *w, const struct pkt_encap_config *c)
{
	uint8_t *p = add(w, PKT_UDP_LEN);

	pkt_put_be16(p, c->sport);
	pkt_put_be16(p + 2, c->dport ? c->dport : pkt_tunnel_port(c->type));
	pkt_put16(p + 6, c->udp_csum ? 0xffff : 0);
}

static void add_geneve(struct writer *w, const struct pkt_encap_config *c)
{
	uint8_t *p = add(w, 8 + c->options_len);

	p[0] = (uint8_t)(c->options_len / 4);
	if (c->inner_l2)
		pkt_put_be16(p + 2, PKT_ET_TEB);
	pkt_put_be32(p + 4, c->vni << 8);
	if (c->options)
		memcpy(p + 8, c->options, c->options_len);
	/* RFC 8926 sec. 3.4: the C bit says that an option is critical */
	for (uint32_t at = 0; at + 4 <= c->options_len; at += 4u + (c->options[at + 3] & 0x1fu) * 4)
		if (c->options[at + 2] & 0x80)
			p[1] |= 0x40;
}

static void add_gtpu(struct writer *w, const struct pkt_encap_config *c)
{
	uint8_t *p = add(w, 8);

	p[0] = c->options ? 0x34 : 0x30;
	p[1] = 255;
	pkt_put_be32(p + 4, c->vni);
	if (!c->options)
		return;
	add(w, 4)[3] = 0x85; /* PDU session container */
	memcpy(add(w, c->options_len), c->options, c->options_len);
}

static void add_gre(struct writer *w, const struct pkt_encap_config *c)
{
	bool key = c->has_key || c->type == PKT_TUN_NVGRE;
	uint8_t *p = add(w, key ? 8 : 4);

	p[0] = key ? 0x20 : 0;
	if (carries_l2(c))
		pkt_put_be16(p + 2, PKT_ET_TEB);
	if (key)
		pkt_put_be32(p + 4, c->type == PKT_TUN_NVGRE ? c->vni << 8 : c->vni);
}

static void add_tunnel(struct writer *w, const struct pkt_encap_config *c)
{
	uint8_t *p;

	switch (c->type) {
	case PKT_TUN_VXLAN:
	case PKT_TUN_VXLAN_GPE:
		p = add(w, PKT_VXLAN_LEN);
		p[0] = c->type == PKT_TUN_VXLAN ? 0x08 : 0x0c;
		p[3] = c->type == PKT_TUN_VXLAN_GPE && c->inner_l2 ? 3 : 0;
		pkt_put_be32(p + 4, c->vni << 8);
		break;
	case PKT_TUN_GENEVE:
		add_geneve(w, c);
		break;
	case PKT_TUN_GTPU:
		add_gtpu(w, c);
		break;
	case PKT_TUN_MPLS_UDP:
		pkt_put_be32(add(w, 4), c->vni << 12 | 0x100 | (c->ttl ? c->ttl : 64));
		break;
	case PKT_TUN_GRE:
	case PKT_TUN_NVGRE:
		add_gre(w, c);
		break;
	default:
		break;
	}
}

static int check_id(const struct pkt_encap_config *c)
{
	uint32_t bits = c->type == PKT_TUN_GRE || c->type == PKT_TUN_GTPU ? 32
			: c->type == PKT_TUN_MPLS_UDP                     ? 20
									  : 24;

	if (bits < 32 && c->vni >> bits)
		return refuse(EINVAL, "%s encap: id %u needs more than %u bits",
			pkt_tun_name(c->type), c->vni, bits);
	return 0;
}

static int check_options(const struct pkt_encap_config *c)
{
	uint32_t at = 0;

	if (!c->options_len)
		return 0;
	if (!c->options || c->options_len % 4 ||
		(c->type != PKT_TUN_GENEVE && c->type != PKT_TUN_GTPU))
		return refuse(EINVAL,
			"%s encap: %u bytes of options; Geneve and GTP-U take multiples of 4",
			pkt_tun_name(c->type), c->options_len);
	if (c->type == PKT_TUN_GTPU)
		return c->options[0] * 4u == c->options_len && !c->options[c->options_len - 1]
			       ? 0
			       : refuse(EINVAL,
					 "gtpu encap: the extension's length byte says %u, it has "
					 "%u bytes, "
					 "and it must be the last",
					 c->options[0] * 4u, c->options_len);
	while (at + 4 <= c->options_len)
		at += 4u + (c->options[at + 3] & 0x1fu) * 4;
	return at == c->options_len
		       ? 0
		       : refuse(EINVAL, "geneve encap: the options' lengths add up to %u, not %u",
				 at, c->options_len);
}

int pkt_encap_init(struct pkt_encap *e, const struct pkt_encap_config *c)
{
	struct writer w = {.len = 0};
	int r;

	if (!over_udp(c->type) && c->type != PKT_TUN_GRE && c->type != PKT_TUN_NVGRE &&
		c->type != PKT_TUN_IPIP)
		return refuse(ENOTSUP, "no encap into '%s'", pkt_tun_name(c->type));
	if ((r = check_id(c)) || (r = check_options(c)))
		return r;
	if (c->type == PKT_TUN_MPLS_UDP && c->inner_l2)
		return refuse(ENOTSUP, "mpls-udp encap: carries IP only");
	add_l2(&w, c);
	add_ip(&w, c);
	if (over_udp(c->type))
		add_udp(&w, c);
	add_tunnel(&w, c);
	r = pkt_encap_init_raw(e, w.b, w.len, carries_l2(c));
	if (r)
		return r;
	/* with a destination port of one's own the bytes do not tell what they are */
	e->tun_type = (uint8_t)c->type;
	e->outer.l4_type = over_udp(c->type) ? PKT_L4_UDP : PKT_L4_OTHER;
	if ((r = find_proto(e)))
		return r;
	e->shape = shape_of_template(e);
	e->tos_copy = (uint8_t)c->tos_copy;
	e->entropy = c->entropy && e->has_udp;
	e->label_entropy = c->entropy && c->ip6 && !c->flow_label;
	find_effort(e);
	return 0;
}
