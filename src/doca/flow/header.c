/* SPDX-License-Identifier: BSD-3-Clause */
/* header: the bytes an encapsulation pushes, from DOCA's structures. Lengths and checksums are the packet room's. */
#include <string.h>

#include "doca/flow/flow_door.h"

struct out {
	uint8_t *at;
	unsigned n, size;
};

static uint8_t *take(struct out *o, unsigned len)
{
	uint8_t *at = o->at + o->n;

	assert(o->n + len <= o->size);
	memset(at, 0, len);
	o->n += len;
	return at;
}

static void put16(uint8_t *at, uint16_t v)
{
	at[0] = v >> 8;
	at[1] = v;
}

static void put_eth(struct out *o, const struct doca_flow_header_format *h)
{
	uint16_t l3 = h->l3_type == DOCA_FLOW_L3_TYPE_IP6 ? DOCA_FLOW_ETHER_TYPE_IPV6 : DOCA_FLOW_ETHER_TYPE_IPV4;
	uint8_t *at = take(o, 14);
	bool vlan = h->l2_valid_headers & DOCA_FLOW_L2_VALID_HEADER_VLAN_0;

	memcpy(at, h->eth.dst_mac, 6);
	memcpy(at + 6, h->eth.src_mac, 6);
	if (h->l3_type == DOCA_FLOW_L3_TYPE_NONE && h->eth.type)
		l3 = rte_be_to_cpu_16(h->eth.type);
	put16(at + 12, vlan ? DOCA_FLOW_ETHER_TYPE_VLAN : l3);
	if (vlan) {
		at = take(o, 4);
		memcpy(at, &h->eth_vlan[0].tci, 2);
		put16(at + 2, l3);
	}
}

static uint8_t next_proto(const struct doca_flow_encap_action *e)
{
	switch (e->tun.type) {
	case DOCA_FLOW_TUN_GRE:
		return DOCA_FLOW_PROTO_GRE;
	case DOCA_FLOW_TUN_ESP:
		return DOCA_FLOW_PROTO_ESP;
	case DOCA_FLOW_TUN_IP_IN_IP:
		return e->outer.l3_type == DOCA_FLOW_L3_TYPE_IP6 ? e->outer.ip6.next_proto : e->outer.ip4.next_proto;
	default:
		return DOCA_FLOW_PROTO_UDP;
	}
}

static void put_ip4(struct out *o, const struct doca_flow_encap_action *e)
{
	const struct doca_flow_header_ip4 *ip = &e->outer.ip4;
	uint8_t *at = take(o, 20);

	at[0] = 0x45;
	at[1] = ip->dscp_ecn;
	memcpy(at + 4, &ip->identification, 2);
	memcpy(at + 6, &ip->flags_fragment_offset, 2);
	at[8] = ip->ttl ? ip->ttl : 64;
	at[9] = next_proto(e) ? next_proto(e) : DOCA_FLOW_PROTO_IPV4;
	memcpy(at + 12, &ip->src_ip, 4);
	memcpy(at + 16, &ip->dst_ip, 4);
}

static void put_ip6(struct out *o, const struct doca_flow_encap_action *e)
{
	const struct doca_flow_header_ip6 *ip = &e->outer.ip6;
	uint32_t word = rte_be_to_cpu_32(ip->flow_label) & 0xfffff;
	uint8_t *at = take(o, 40);

	word = rte_cpu_to_be_32(6u << 28 | (uint32_t)ip->traffic_class << 20 | word);
	memcpy(at, &word, 4);
	at[6] = next_proto(e) ? next_proto(e) : DOCA_FLOW_PROTO_IPV4;
	at[7] = ip->hop_limit ? ip->hop_limit : 64;
	memcpy(at + 8, ip->src_ip, 16);
	memcpy(at + 24, ip->dst_ip, 16);
}

static uint16_t default_port(const struct doca_flow_tun *t)
{
	switch (t->type) {
	case DOCA_FLOW_TUN_VXLAN:
		return t->vxlan_type == DOCA_FLOW_TUN_EXT_VXLAN_GPE ? DOCA_FLOW_VXLAN_GPE_DEFAULT_PORT : DOCA_FLOW_VXLAN_DEFAULT_PORT;
	case DOCA_FLOW_TUN_GENEVE:
		return DOCA_FLOW_GENEVE_DEFAULT_PORT;
	case DOCA_FLOW_TUN_GTPU:
		return DOCA_FLOW_GTPU_DEFAULT_PORT;
	case DOCA_FLOW_TUN_MPLS_O_UDP:
		return DOCA_FLOW_MPLS_DEFAULT_PORT;
	default:
		return DOCA_FLOW_PSP_DEFAULT_PORT;
	}
}

static void put_udp(struct out *o, const struct doca_flow_encap_action *e)
{
	const struct doca_flow_header_l4_port *p =
		e->outer.l4_type_ext == DOCA_FLOW_L4_TYPE_EXT_TRANSPORT ? &e->outer.transport : &e->outer.udp.l4_port;
	uint8_t *at = take(o, 8);

	memcpy(at, &p->src_port, 2);
	put16(at + 2, p->dst_port ? rte_be_to_cpu_16(p->dst_port) : default_port(&e->tun));
}

static void put_vxlan(struct out *o, const struct doca_flow_tun *t)
{
	uint8_t *at = take(o, 8);

	at[0] = 0x08;
	if (t->vxlan_type == DOCA_FLOW_TUN_EXT_VXLAN_GPE) {
		at[0] = t->vxlan_gpe_flags ? t->vxlan_gpe_flags : 0x0c; /* I and P */
		at[3] = t->vxlan_gpe_next_protocol;
	} else if (t->vxlan_type == DOCA_FLOW_TUN_EXT_VXLAN_GBP) {
		at[0] = 0x88; /* G and I */
		memcpy(at + 2, &t->vxlan_gbp_group_policy_id, 2);
	}
	memcpy(at + 4, (const uint8_t *)&t->vxlan_tun_id + 1, 3);
	at[7] = t->vxlan_tun_rsvd1;
}

static void put_geneve(struct out *o, const struct doca_flow_tun *t)
{
	unsigned words = MIN_OF(t->geneve.ver_opt_len & 0x3f, DOCA_FLOW_GENEVE_OPT_LEN_MAX);
	uint8_t *at = take(o, 8);

	at[0] = t->geneve.ver_opt_len;
	at[1] = t->geneve.o_c;
	memcpy(at + 2, &t->geneve.next_proto, 2);
	memcpy(at + 4, &t->geneve.vni, 3);
	if (words && o->n + 4 * words <= o->size)
		memcpy(take(o, 4 * words), t->geneve_options, 4 * words);
}

static void put_gre(struct out *o, const struct doca_flow_encap_action *e)
{
	const struct doca_flow_tun *t = &e->tun;
	bool nvgre = t->gre_type == DOCA_FLOW_TUN_EXT_GRE_NVGRE;
	uint8_t *at = take(o, 4);
	uint16_t protocol = rte_be_to_cpu_16(t->protocol);

	at[0] = nvgre || t->key_present ? 0x20 : 0;
	put16(at + 2, protocol ? protocol : DOCA_FLOW_ETHER_TYPE_TEB);
	if (nvgre) {
		at = take(o, 4);
		memcpy(at, &t->nvgre_vs_id, 3);
		at[3] = t->nvgre_flow_id;
	} else if (t->key_present) {
		memcpy(take(o, 4), &t->gre_key, 4);
	}
}

/* G-PDU (3GPP TS 29.281); with a PDU session container when the next extension header says so. */
static void put_gtp(struct out *o, const struct doca_flow_tun *t)
{
	uint8_t *at = take(o, 8);

	at[0] = t->gtp_next_ext_hdr_type ? 0x34 : 0x30;
	at[1] = 0xff;
	memcpy(at + 4, &t->gtp_teid, 4);
	if (!t->gtp_next_ext_hdr_type)
		return;
	at = take(o, 8);
	at[3] = t->gtp_next_ext_hdr_type;
	at[4] = 1; /* the container: one word */
	at[6] = t->gtp_ext_psc_qfi & 0x3f;
}

static void put_mpls(struct out *o, const struct doca_flow_tun *t)
{
	for (unsigned i = 0; i < DOCA_FLOW_MPLS_LABELS_MAX; i++) {
		bool open = t->mpls[i].label == UINT32_MAX; /* the entry's: no bottom of the stack yet */

		memcpy(take(o, 4), &t->mpls[i].label, 4);
		if ((!open && ((const uint8_t *)&t->mpls[i].label)[2] & 1) || i + 1 == DOCA_FLOW_MPLS_LABELS_MAX || !t->mpls[i + 1].label)
			break;
	}
}

static void put_psp(struct out *o, const struct doca_flow_tun *t)
{
	uint8_t *at = take(o, 16 + (t->psp.s_d_ver_v & 1 ? 8 : 0));

	at[0] = t->psp.nexthdr;
	at[1] = t->psp.hdrextlen;
	at[2] = t->psp.res_cryptofst;
	at[3] = t->psp.s_d_ver_v;
	memcpy(at + 4, &t->psp.spi, 4);
	memcpy(at + 8, &t->psp.iv, 8);
}

static void put_tunnel(struct out *o, const struct doca_flow_encap_action *e)
{
	switch (e->tun.type) {
	case DOCA_FLOW_TUN_VXLAN:
		put_vxlan(o, &e->tun);
		break;
	case DOCA_FLOW_TUN_GENEVE:
		put_geneve(o, &e->tun);
		break;
	case DOCA_FLOW_TUN_GRE:
		put_gre(o, e);
		break;
	case DOCA_FLOW_TUN_GTPU:
		put_gtp(o, &e->tun);
		break;
	case DOCA_FLOW_TUN_MPLS_O_UDP:
		put_mpls(o, &e->tun);
		break;
	case DOCA_FLOW_TUN_PSP:
		put_psp(o, &e->tun);
		break;
	default:
		break;
	}
}

int door_header_build(const struct doca_flow_encap_action *encap, uint8_t *bytes, unsigned size)
{
	struct out o = {.at = bytes, .size = size};

	put_eth(&o, &encap->outer);
	if (encap->outer.l3_type == DOCA_FLOW_L3_TYPE_IP4)
		put_ip4(&o, encap);
	else if (encap->outer.l3_type == DOCA_FLOW_L3_TYPE_IP6)
		put_ip6(&o, encap);
	else
		return o.n;
	if (encap->tun.type == DOCA_FLOW_TUN_ESP)
		return refuse(ENOTSUP, "encap: ESP needs the crypto engine");
	if (next_proto(encap) == DOCA_FLOW_PROTO_UDP)
		put_udp(&o, encap);
	put_tunnel(&o, encap);
	if (o.n > PKT_ENCAP_MAX)
		return refuse(EINVAL, "encap: %u bytes of headers; at most %u", o.n, PKT_ENCAP_MAX);
	return o.n;
}

static const uint8_t *member(const struct doca_flow_encap_action *e, const struct door_field *f)
{
	return f->part == DOOR_OUTER ? (const uint8_t *)&e->outer + f->offset
	       : f->part == DOOR_TUN ? (const uint8_t *)&e->tun + f->offset
				     : NULL;
}

bool door_header_open(const struct doca_flow_encap_action *encap)
{
	for (unsigned i = 0; i < door_nr_fields; i++) {
		const uint8_t *at = member(encap, &door_fields[i]);

		if (at && door_selected(&door_fields[i], &encap->outer, &encap->tun) && door_all_ones(at, door_fields[i].size))
			return true;
	}
	for (unsigned i = 0; encap->tun.type == DOCA_FLOW_TUN_GENEVE && i < (encap->tun.geneve.ver_opt_len & 0x3fu); i++)
		if (encap->tun.geneve_options[i].data == UINT32_MAX)
			return true;
	return false;
}

void door_header_merge(struct doca_flow_encap_action *to, const struct doca_flow_encap_action *template,
	const struct doca_flow_encap_action *entry)
{
	*to = *template;
	for (unsigned i = 0; i < door_nr_fields; i++) {
		const struct door_field *f = &door_fields[i];
		const uint8_t *at = member(template, f);

		if (at && door_selected(f, &template->outer, &template->tun) && door_all_ones(at, f->size))
			memcpy((uint8_t *)member(to, f), member(entry, f), f->size);
	}
	for (unsigned i = 0; to->tun.type == DOCA_FLOW_TUN_GENEVE && i < (template->tun.geneve.ver_opt_len & 0x3fu); i++)
		if (template->tun.geneve_options[i].data == UINT32_MAX)
			to->tun.geneve_options[i] = entry->tun.geneve_options[i];
}
