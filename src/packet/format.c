/* SPDX-License-Identifier: BSD-3-Clause */
/* format: the one-line form and the hex dump. (format_tree.c: the tree) */
#include "packet/format.h"
#include "packet/format_int.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>

void text_add(struct text *t, const char *fmt, ...)
{
	size_t room = t->len < t->size ? t->size - t->len : 0;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(room ? t->buf + t->len : NULL, room, fmt, ap);
	va_end(ap);
	t->len += n > 0 ? (size_t)n : 0;
}

void text_mac(struct text *t, const uint8_t *mac)
{
	text_add(
		t, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]);
}

void text_ip(struct text *t, const uint8_t *ip, bool six)
{
	char s[INET6_ADDRSTRLEN];

	text_add(t, "%s", inet_ntop(six ? AF_INET6 : AF_INET, ip, s, sizeof(s)));
}

void flat_init(struct flat *f, const struct rte_mbuf *m)
{
	uint32_t n = MIN_OF(m->pkt_len, FLAT_MAX);
	const void *bytes = rte_pktmbuf_read(m, 0, n, f->b);

	if (bytes && bytes != f->b)
		memcpy(f->b, bytes, n);
	memset(&f->m, 0, sizeof(f->m));
	f->m.buf_addr = f->b;
	f->m.buf_len = (uint16_t)n; /* no tailroom: what lies beyond cannot be pulled */
	f->m.data_len = (uint16_t)n;
	f->m.pkt_len = m->pkt_len;
	f->m.nb_segs = 1;
	f->m.ol_flags = m->ol_flags & ~(RTE_MBUF_F_EXTERNAL | RTE_MBUF_F_INDIRECT);
	rte_mbuf_refcnt_set(&f->m, 1);
	pkt_parse(&f->m, &f->p);
}

/* ---- the line ---- */

static void line_eth(struct text *t, const struct flat *f, const struct pkt_headers *h)
{
	const uint8_t *b = f->b + h->l2;

	text_mac(t, b + 6);
	text_add(t, " > ");
	text_mac(t, b);
	for (unsigned i = 0; i + PKT_L2_VLAN <= h->l2_type; i++)
		text_add(t, " vlan %u", pkt_be16(b + PKT_ETH_LEN + i * PKT_VLAN_LEN) & 0xfff);
}

static void line_port(
	struct text *t, const struct flat *f, const struct pkt_headers *h, uint32_t at)
{
	if (h->l4_type == PKT_L4_TCP || h->l4_type == PKT_L4_UDP || h->l4_type == PKT_L4_SCTP)
		text_add(t, h->l3_type == PKT_L3_IP6 ? ".%u" : ":%u", pkt_be16(f->b + h->l4 + at));
}

static void line_ip(struct text *t, const struct flat *f, const struct pkt_headers *h)
{
	bool six = h->l3_type == PKT_L3_IP6;
	const uint8_t *ip = f->b + h->l3;

	text_ip(t, ip + (six ? 8 : 12), six);
	line_port(t, f, h, 0);
	text_add(t, " > ");
	text_ip(t, ip + (six ? 24 : 16), six);
	line_port(t, f, h, 2);
	if (h->flags & PKT_BAD_IP_CSUM)
		text_add(t, " [bad ip checksum]");
	if (h->flags & PKT_FRAG)
		text_add(t, h->flags & PKT_FRAG_LATER ? " later fragment" : " first fragment");
}

static void line_arp(struct text *t, const struct flat *f, const struct pkt_headers *h)
{
	const uint8_t *b = f->b + h->l3;

	if (pkt_be16(b + 6) == 1) {
		text_add(t, "arp who-has ");
		text_ip(t, b + 24, false);
		text_add(t, " tell ");
		text_ip(t, b + 14, false);
		return;
	}
	text_add(t, "arp %s ", pkt_be16(b + 6) == 2 ? "reply" : "op ?");
	text_ip(t, b + 14, false);
	text_add(t, " is-at ");
	text_mac(t, b + 8);
}

static void tcp_flags(struct text *t, uint8_t flags)
{
	static const char letters[] = "FSRPAUEC";

	for (unsigned i = 0; i < 8; i++)
		if (flags & 1u << i)
			text_add(t, "%c", letters[i]);
}

static void line_l4(struct text *t, const struct flat *f, const struct pkt_headers *h)
{
	const uint8_t *b = f->b + (h->l4 == PKT_ABSENT ? 0 : h->l4);

	switch (h->l4_type) {
	case PKT_L4_TCP:
		text_add(t, " tcp ");
		tcp_flags(t, b[13]);
		text_add(t, " seq %u", pkt_be32(b + 4));
		if (b[13] & PKT_TCP_ACK)
			text_add(t, " ack %u", pkt_be32(b + 8));
		text_add(t, " win %u len %u", pkt_be16(b + 14), h->l3_end - h->payload);
		break;
	case PKT_L4_ICMP:
	case PKT_L4_ICMP6:
		text_add(t, " %s type %u code %u", pkt_l4_name(h->l4_type), b[0], b[1]);
		break;
	case PKT_L4_ESP:
		text_add(t, " esp spi 0x%x", pkt_be32(b));
		break;
	case PKT_L4_UDP:
	case PKT_L4_SCTP:
		text_add(t, " %s len %u", pkt_l4_name(h->l4_type), h->l3_end - h->payload);
		break;
	default:
		text_add(t, " proto %u", h->l4_proto);
		break;
	}
}

static void line_headers(struct text *t, const struct flat *f, const struct pkt_headers *h)
{
	if (h->l2_type)
		line_eth(t, f, h);
	if (h->l2_type && h->l3_type)
		text_add(t, " ");
	switch (h->l3_type) {
	case PKT_L3_IP4:
	case PKT_L3_IP6:
		line_ip(t, f, h);
		line_l4(t, f, h);
		break;
	case PKT_L3_ARP:
		line_arp(t, f, h);
		break;
	case PKT_L3_OTHER:
		text_add(t, "ethertype 0x%04x", rte_be_to_cpu_16(h->ethertype));
		break;
	default:
		break;
	}
}

static void line_tunnel(struct text *t, const struct flat *f)
{
	const uint8_t *b = f->b + (f->p.tun == PKT_ABSENT ? 0 : f->p.tun);

	text_add(t, " | %s", pkt_tun_name(f->p.tun_type));
	switch (f->p.tun_type) {
	case PKT_TUN_VXLAN:
	case PKT_TUN_VXLAN_GPE:
	case PKT_TUN_GENEVE:
	case PKT_TUN_NVGRE:
		text_add(t, " %u", pkt_be32(b + 4) >> 8);
		break;
	case PKT_TUN_GTPU:
		text_add(t, " teid %u", pkt_be32(b + 4));
		break;
	case PKT_TUN_MPLS_UDP:
		text_add(t, " label %u", pkt_be32(b) >> 12);
		break;
	default:
		break;
	}
	if (f->p.inner_drop)
		text_add(t, " [%s]", drop_name(f->p.inner_drop));
	text_add(t, " | ");
}

size_t pkt_format_line(const struct rte_mbuf *m, char *buf, size_t size)
{
	struct text t = {.buf = buf, .size = size};
	struct flat f;

	if (size)
		buf[0] = 0;
	flat_init(&f, m);
	line_headers(&t, &f, &f.p.outer);
	if (f.p.drop)
		text_add(&t, "%s[%s] length %u", t.len ? " " : "", drop_name(f.p.drop), m->pkt_len);
	if (f.p.tun_type && !f.p.drop) {
		line_tunnel(&t, &f);
		line_headers(&t, &f, &f.p.inner);
	}
	return t.len;
}

/* ---- hex ---- */

static void hex_row(struct text *t, const uint8_t *b, uint32_t off, uint32_t n)
{
	text_add(t, "%04x ", off);
	for (uint32_t i = 0; i < 16; i++)
		if (i < n)
			text_add(t, " %02x", b[i]);
		else
			text_add(t, "   ");
	text_add(t, "  ");
	for (uint32_t i = 0; i < n; i++)
		text_add(t, "%c", isprint(b[i]) ? b[i] : '.');
	text_add(t, "\n");
}

size_t pkt_format_hex(const struct rte_mbuf *m, uint32_t limit, char *buf, size_t size)
{
	struct text t = {.buf = buf, .size = size};
	uint32_t end = MIN_OF(m->pkt_len, limit);
	uint8_t row[16];

	if (size)
		buf[0] = 0;
	for (uint32_t off = 0; off < end; off += 16) {
		uint32_t n = MIN_OF(16u, end - off);
		const uint8_t *b = rte_pktmbuf_read(m, off, n, row);

		hex_row(&t, b, off, n);
	}
	return t.len;
}
