/* SPDX-License-Identifier: BSD-3-Clause */
/* vlan: push, pop and overwrite tags. No checksum covers the outer Ethernet header. */
#include "packet/edit.h"
#include "packet/packet_int.h"

static uint16_t shifted(uint16_t off, int n)
{
	return off == PKT_ABSENT ? off : (uint16_t)(off + n);
}

static void shift_headers(struct pkt_headers *h, int n)
{
	h->l2 = shifted(h->l2, n);
	h->l3 = shifted(h->l3, n);
	h->l4 = shifted(h->l4, n);
	h->payload = shifted(h->payload, n);
	h->ext = shifted(h->ext, n);
	h->l3_end = (uint32_t)((int64_t)h->l3_end + (h->l3 == PKT_ABSENT ? 0 : n));
}

void pkt_shift(struct pkt_parse *p, int n)
{
	uint16_t l2 = p->outer.l2;

	shift_headers(&p->outer, n);
	shift_headers(&p->inner, n);
	p->outer.l2 = l2; /* the frame begins where it begins */
	p->tun = shifted(p->tun, n);
	p->tun_end = shifted(p->tun_end, n);
	p->pkt_len = (uint32_t)((int64_t)p->pkt_len + n);
}

static void set_tags(struct pkt_parse *p, uint8_t l2_type)
{
	p->outer.l2_type = l2_type;
	p->shape = (p->shape & ~(3u << PKT_SHAPE_L2_SHIFT)) | (uint32_t)l2_type
								      << PKT_SHAPE_L2_SHIFT;
}

int pkt_vlan_push(struct rte_mbuf *m, struct pkt_parse *p, uint16_t tpid, uint16_t tci)
{
	uint8_t *b;

	if (p->outer.l2_type >= PKT_L2_QINQ || p->outer.l2_type < PKT_L2_ETH)
		return -DROP_EDIT_NO_ROOM;
	b = (uint8_t *)rte_pktmbuf_prepend(m, PKT_VLAN_LEN);
	if (!b)
		return -DROP_EDIT_NO_ROOM;
	memmove(b, b + PKT_VLAN_LEN, 12);
	pkt_put_be16(b + 12, tpid);
	pkt_put_be16(b + 14, tci);
	pkt_shift(p, (int)PKT_VLAN_LEN);
	set_tags(p, p->outer.l2_type + 1);
	return 0;
}

int pkt_vlan_pop(struct rte_mbuf *m, struct pkt_parse *p)
{
	uint8_t *b = pkt_at(m, 0);

	if (p->outer.l2_type < PKT_L2_VLAN)
		return -DROP_EDIT_NO_HEADER;
	memmove(b + PKT_VLAN_LEN, b, 12);
	rte_pktmbuf_adj(m, PKT_VLAN_LEN);
	pkt_shift(p, -(int)PKT_VLAN_LEN);
	set_tags(p, p->outer.l2_type - 1);
	/* a third tag was L3 to the parse; now it is a tag, with something behind it */
	return unlikely(p->outer.l3_type == PKT_L3_OTHER) ? pkt_parse(m, p) : 0;
}

int pkt_vlan_set(struct rte_mbuf *m, const struct pkt_parse *p, unsigned tag, uint16_t tci)
{
	if (tag + PKT_L2_VLAN > p->outer.l2_type)
		return -DROP_EDIT_NO_HEADER;
	pkt_put_be16(pkt_at(m, PKT_ETH_LEN + tag * PKT_VLAN_LEN), tci);
	return 0;
}
