/* SPDX-License-Identifier: BSD-3-Clause */
/* format_tree: one line per header with its offset and fields, indented by depth. */
#include "packet/csum.h"
#include "packet/format.h"
#include "packet/format_int.h"

struct tree {
	struct text t;
	const struct flat *f;
	const struct rte_mbuf *m; /* the packet itself, for checksums over the payload */
	unsigned depth;
};

static void begin(struct tree *w, const char *name, uint32_t off)
{
	text_add(&w->t, "%*s%-8s@%-4u ", (int)(w->depth * 2), "", name, off);
}

static void end(struct tree *w)
{
	text_add(&w->t, "\n");
	w->depth++;
}

static void tree_eth(struct tree *w, const struct pkt_headers *h)
{
	const uint8_t *b = w->f->b + h->l2;

	begin(w, "eth", h->l2);
	text_mac(&w->t, b + 6);
	text_add(&w->t, " > ");
	text_mac(&w->t, b);
	text_add(&w->t, " type 0x%04x", pkt_be16(b + 12));
	end(w);
	for (unsigned i = 0; i + PKT_L2_VLAN <= h->l2_type; i++) {
		uint32_t off = PKT_ETH_LEN + i * PKT_VLAN_LEN;
		uint16_t tci = pkt_be16(b + off);

		begin(w, "vlan", h->l2 + off);
		text_add(&w->t, "id %u pcp %u%s type 0x%04x", tci & 0xfff, tci >> 13,
			tci & 0x1000 ? " dei" : "", pkt_be16(b + off + 2));
		end(w);
	}
}

static void tree_ip4(struct tree *w, const struct pkt_headers *h)
{
	const uint8_t *ip = w->f->b + h->l3;
	uint16_t frag = pkt_be16(ip + 6);

	begin(w, "ip4", h->l3);
	text_ip(&w->t, ip + 12, false);
	text_add(&w->t, " > ");
	text_ip(&w->t, ip + 16, false);
	text_add(&w->t, " proto %u ttl %u tos 0x%02x id %u len %u", ip[9], ip[8], ip[1],
		pkt_be16(ip + 4), pkt_be16(ip + 2));
	if (frag & 0x4000)
		text_add(&w->t, " df");
	if (frag & 0x2000)
		text_add(&w->t, " mf");
	if (frag & 0x1fff)
		text_add(&w->t, " offset %u", (frag & 0x1fffu) * 8);
	if (h->flags & PKT_IP_OPTIONS)
		text_add(&w->t, " options %u bytes", (ip[0] & 15u) * 4 - PKT_IP4_LEN);
	text_add(&w->t, " checksum 0x%04x %s", pkt_be16(ip + 10),
		h->flags & PKT_BAD_IP_CSUM ? "WRONG" : "ok");
	end(w);
}

static void tree_extensions(struct tree *w, const struct pkt_headers *h)
{
	static const char *const names[256] = {[PKT_PROTO_HBH] = "hop-by-hop",
		[PKT_PROTO_ROUTING] = "routing",
		[PKT_PROTO_FRAGMENT] = "fragment",
		[PKT_PROTO_AH] = "ah",
		[PKT_PROTO_DSTOPT] = "dst-opts",
		[PKT_PROTO_MOBILITY] = "mobility",
		[PKT_PROTO_HIP] = "hip",
		[PKT_PROTO_SHIM6] = "shim6"};
	const uint8_t *b = w->f->b;
	uint8_t proto = b[h->l3 + 6u];
	uint32_t off = h->l3 + PKT_IP6_LEN;

	for (unsigned i = 0; i < h->nr_ext && names[proto]; i++) {
		uint32_t len = proto == PKT_PROTO_FRAGMENT ? 8
			       : proto == PKT_PROTO_AH     ? (b[off + 1] + 2u) * 4
							   : (b[off + 1] + 1u) * 8;

		begin(w, names[proto], off);
		text_add(&w->t, "%u bytes", len);
		if (proto == PKT_PROTO_FRAGMENT)
			text_add(&w->t, " offset %u%s id 0x%08x", pkt_be16(b + off + 2) & 0xfff8u,
				b[off + 3] & 1 ? " more" : "", pkt_be32(b + off + 4));
		if (proto == PKT_PROTO_ROUTING)
			text_add(&w->t, " type %u left %u", b[off + 2], b[off + 3]);
		proto = b[off];
		off += len;
		end(w);
	}
}

static void tree_ip6(struct tree *w, const struct pkt_headers *h)
{
	const uint8_t *ip = w->f->b + h->l3;
	uint32_t word = pkt_be32(ip);

	begin(w, "ip6", h->l3);
	text_ip(&w->t, ip + 8, true);
	text_add(&w->t, " > ");
	text_ip(&w->t, ip + 24, true);
	text_add(&w->t, " next %u hops %u class 0x%02x label 0x%05x payload %u", ip[6], ip[7],
		(word >> 20) & 0xff, word & 0xfffff, pkt_be16(ip + 4));
	end(w);
	tree_extensions(w, h);
}

static void tree_arp(struct tree *w, const struct pkt_headers *h)
{
	const uint8_t *b = w->f->b + h->l3;

	begin(w, "arp", h->l3);
	text_add(&w->t, "op %u sender ", pkt_be16(b + 6));
	text_ip(&w->t, b + 14, false);
	text_add(&w->t, " ");
	text_mac(&w->t, b + 8);
	text_add(&w->t, " target ");
	text_ip(&w->t, b + 24, false);
	text_add(&w->t, " ");
	text_mac(&w->t, b + 18);
	end(w);
}

static const char *csum_verdict(const struct tree *w, const struct pkt_headers *h)
{
	enum pkt_level level = h == &w->f->p.inner ? PKT_INNER : PKT_OUTER;

	if (pkt_partial(w->m, level))
		return "to be done";
	if (h->flags & PKT_FRAG)
		return "of a fragment";
	/* the verdict needs the headers where the parse of the copy found them */
	if (w->f->p.drop || w->m->data_len < h->payload)
		return "not looked at";
	return pkt_l4_csum_ok(w->m, &w->f->p, level) ? "ok" : "WRONG";
}

static void tree_tcp(struct tree *w, const struct pkt_headers *h)
{
	static const char *const names[] = {"fin", "syn", "rst", "psh", "ack", "urg", "ece", "cwr"};
	const uint8_t *b = w->f->b + h->l4;

	begin(w, "tcp", h->l4);
	text_add(&w->t, "%u > %u", pkt_be16(b), pkt_be16(b + 2));
	for (unsigned i = 0; i < ARRAY_SIZE(names); i++)
		if (b[13] & 1u << i)
			text_add(&w->t, " %s", names[i]);
	text_add(
		&w->t, " seq %u ack %u win %u", pkt_be32(b + 4), pkt_be32(b + 8), pkt_be16(b + 14));
	if (h->l4_len > PKT_TCP_LEN)
		text_add(&w->t, " options %u bytes", h->l4_len - PKT_TCP_LEN);
	text_add(&w->t, " checksum 0x%04x %s", pkt_be16(b + 16), csum_verdict(w, h));
	end(w);
}

static void tree_l4(struct tree *w, const struct pkt_headers *h)
{
	const uint8_t *b = w->f->b + (h->l4 == PKT_ABSENT ? 0 : h->l4);

	switch (h->l4_type) {
	case PKT_L4_NONE:
		return;
	case PKT_L4_TCP:
		tree_tcp(w, h);
		return;
	case PKT_L4_OTHER:
		begin(w, "proto", h->l4);
		text_add(&w->t, "%u", h->l4_proto);
		break;
	case PKT_L4_ESP:
		begin(w, "esp", h->l4);
		text_add(&w->t, "spi 0x%08x seq %u", pkt_be32(b), pkt_be32(b + 4));
		break;
	case PKT_L4_ICMP:
	case PKT_L4_ICMP6:
		begin(w, pkt_l4_name(h->l4_type), h->l4);
		text_add(&w->t, "type %u code %u checksum 0x%04x %s", b[0], b[1], pkt_be16(b + 2),
			csum_verdict(w, h));
		break;
	default:
		begin(w, pkt_l4_name(h->l4_type), h->l4);
		text_add(&w->t, "%u > %u", pkt_be16(b), pkt_be16(b + 2));
		if (h->l4_type == PKT_L4_UDP)
			text_add(&w->t, " len %u checksum 0x%04x %s", pkt_be16(b + 4),
				pkt_be16(b + 6), csum_verdict(w, h));
		break;
	}
	end(w);
}

static void tree_headers(struct tree *w, const struct pkt_headers *h)
{
	if (h->l2_type)
		tree_eth(w, h);
	switch (h->l3_type) {
	case PKT_L3_IP4:
		tree_ip4(w, h);
		break;
	case PKT_L3_IP6:
		tree_ip6(w, h);
		break;
	case PKT_L3_ARP:
		tree_arp(w, h);
		return;
	default:
		return;
	}
	tree_l4(w, h);
}

static void tree_tunnel(struct tree *w)
{
	const struct pkt_parse *p = &w->f->p;

	begin(w, pkt_tun_name(p->tun_type), p->tun);
	if (p->tun_end != PKT_ABSENT && p->tun_end >= p->tun + 8u)
		text_add(&w->t, "0x%08x%08x, %u bytes", pkt_be32(w->f->b + p->tun),
			pkt_be32(w->f->b + p->tun + 4), p->tun_end - p->tun);
	if (p->inner_drop)
		text_add(&w->t, " %s: %s", drop_name(p->inner_drop), drop_sentence(p->inner_drop));
	end(w);
}

static void tree_payload(struct tree *w, const struct pkt_parse *p)
{
	const struct pkt_headers *h = p->inner.l3_type ? &p->inner : &p->outer;

	if (h->payload != PKT_ABSENT && h->payload < h->l3_end) {
		begin(w, "payload", h->payload);
		text_add(&w->t, "%u bytes", h->l3_end - h->payload);
		end(w);
	}
	if (p->outer.l3_end < w->m->pkt_len) {
		w->depth = 0;
		begin(w, "padding", p->outer.l3_end);
		text_add(&w->t, "%u bytes", w->m->pkt_len - p->outer.l3_end);
		end(w);
	}
}

size_t pkt_format_tree(const struct rte_mbuf *m, char *buf, size_t size)
{
	struct flat f;
	struct tree w = {.t = {.buf = buf, .size = size}, .f = &f, .m = m};

	if (size)
		buf[0] = 0;
	flat_init(&f, m);
	text_add(&w.t, "packet  %u bytes, %u segment%s%s\n", m->pkt_len, m->nb_segs,
		m->nb_segs == 1 ? "" : "s",
		m->ol_flags & (RTE_MBUF_F_TX_TCP_SEG | RTE_MBUF_F_TX_UDP_SEG) ? ", to be segmented"
									      : "");
	tree_headers(&w, &f.p.outer);
	if (f.p.drop) {
		w.depth = 0;
		text_add(&w.t, "dropped %s: %s\n", drop_name(f.p.drop), drop_sentence(f.p.drop));
		return w.t.len;
	}
	if (f.p.tun_type)
		tree_tunnel(&w);
	if (f.p.inner.l3_type)
		tree_headers(&w, &f.p.inner);
	tree_payload(&w, &f.p);
	return w.t.len;
}
