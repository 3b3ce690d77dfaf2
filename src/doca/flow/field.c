/* SPDX-License-Identifier: BSD-3-Clause */
/* field: DOCA's structures, member by member. */
#include <string.h>

#include "doca/flow/flow_door.h"
#include "flow/field.h"

#define M(part, type, member, sel, conv, name)                                                     \
	{part, sel, conv, sizeof(((type *)0)->member), offsetof(type, member), name, {0, 0}}
#define META(member, name) M(DOOR_META, struct doca_flow_meta, member, SEL_ALWAYS, CONV_WIRE, name)
#define PARSER(member, conv, name) M(DOOR_PARSER, struct doca_flow_parser_meta, member, SEL_ALWAYS, conv, name)
/* Twice: outer and inner. */
#define HEADER(member, sel, name)                                                                  \
	M(DOOR_OUTER, struct doca_flow_header_format, member, sel, CONV_WIRE, name),                   \
		M(DOOR_INNER, struct doca_flow_header_format, member, sel, CONV_WIRE, name)
#define TUN(member, sel, conv, name) M(DOOR_TUN, struct doca_flow_tun, member, sel, conv, name)

static struct door_field fields[] = {
	META(pkt_meta, "meta.pkt_meta"),
	META(mark, "meta.mark"),
	META(u32[0], "meta.data.0"),
	META(u32[1], "meta.data.1"),
	META(u32[2], "meta.data.2"),
	META(u32[3], "meta.data.3"),
	META(u32[4], "meta.data.4"),
	META(u32[5], "meta.data.5"),
	META(u32[6], "meta.data.6"),
	META(u32[7], "meta.data.7"),
	META(u32[8], "meta.data.8"),
	META(u32[9], "meta.data.9"),
	PARSER(port_id, CONV_PORT, "parser_meta.port_id"),
	PARSER(random, CONV_BE16HOST, "parser_meta.random.value"),
	PARSER(outer_l2_type, CONV_L2, "parser_meta.outer_l2_class"),
	PARSER(outer_l3_type, CONV_L3, "parser_meta.outer_l3_class"),
	PARSER(outer_l4_type, CONV_L4, "parser_meta.outer_l4_class"),
	PARSER(outer_ip_fragmented, CONV_ENUM8, "parser_meta.outer_ip_fragmented"),
	PARSER(outer_l3_ok, CONV_ENUM8, "parser_meta.outer_l3_ok"),
	PARSER(outer_ip4_checksum_ok, CONV_ENUM8, "parser_meta.outer_ip4_checksum_ok"),
	PARSER(outer_l4_ok, CONV_ENUM8, "parser_meta.outer_l4_ok"),
	PARSER(outer_l4_checksum_ok, CONV_ENUM8, "parser_meta.outer_l4_checksum_ok"),
	PARSER(inner_l2_type, CONV_L2, "parser_meta.inner_l2_class"),
	PARSER(inner_l3_type, CONV_L3, "parser_meta.inner_l3_class"),
	PARSER(inner_l4_type, CONV_L4, "parser_meta.inner_l4_class"),
	PARSER(inner_ip_fragmented, CONV_ENUM8, "parser_meta.inner_ip_fragmented"),
	PARSER(inner_l3_ok, CONV_ENUM8, "parser_meta.inner_l3_ok"),
	PARSER(inner_ip4_checksum_ok, CONV_ENUM8, "parser_meta.inner_ip4_checksum_ok"),
	PARSER(inner_l4_ok, CONV_ENUM8, "parser_meta.inner_l4_ok"),
	PARSER(inner_l4_checksum_ok, CONV_ENUM8, "parser_meta.inner_l4_checksum_ok"),
	PARSER(meter_color, CONV_ENUM8, "parser_meta.meter_color"),
	PARSER(ipsec_syndrome, CONV_ENUM8, "parser_meta.ipsec_syndrome"),
	PARSER(ipsec_ar_syndrome, CONV_ENUM8, "parser_meta.ipsec_ar_syndrome"),
	PARSER(psp_syndrome, CONV_ENUM8, "parser_meta.psp_syndrome"),
	HEADER(eth.dst_mac, SEL_ALWAYS, "eth.dst_mac"),
	HEADER(eth.src_mac, SEL_ALWAYS, "eth.src_mac"),
	HEADER(eth.type, SEL_ALWAYS, "eth.type"),
	HEADER(eth_vlan[0].tci, SEL_VLAN0, "eth_vlan0.tci"),
	HEADER(eth_vlan[1].tci, SEL_VLAN1, "eth_vlan1.tci"),
	HEADER(ip4.src_ip, SEL_IP4, "ipv4.src_ip"),
	HEADER(ip4.dst_ip, SEL_IP4, "ipv4.dst_ip"),
	HEADER(ip4.version_ihl, SEL_IP4, "ipv4.version_ihl"),
	HEADER(ip4.dscp_ecn, SEL_IP4, "ipv4.dscp_ecn"),
	HEADER(ip4.total_len, SEL_IP4, "ipv4.total_len"),
	HEADER(ip4.identification, SEL_IP4, "ipv4.identification"),
	HEADER(ip4.flags_fragment_offset, SEL_IP4, "ipv4.flags_fragment_offset"),
	HEADER(ip4.next_proto, SEL_IP4, "ipv4.next_proto"),
	HEADER(ip4.ttl, SEL_IP4, "ipv4.ttl"),
	HEADER(ip6.src_ip, SEL_IP6, "ipv6.src_ip"),
	HEADER(ip6.dst_ip, SEL_IP6, "ipv6.dst_ip"),
	HEADER(ip6.traffic_class, SEL_IP6, "ipv6.traffic_class"),
	HEADER(ip6.flow_label, SEL_IP6, "ipv6.flow_label"),
	HEADER(ip6.payload_len, SEL_IP6, "ipv6.payload_len"),
	HEADER(ip6.next_proto, SEL_IP6, "ipv6.next_proto"),
	HEADER(ip6.hop_limit, SEL_IP6, "ipv6.hop_limit"),
	HEADER(tcp.l4_port.src_port, SEL_TCP, "tcp.src_port"),
	HEADER(tcp.l4_port.dst_port, SEL_TCP, "tcp.dst_port"),
	HEADER(tcp.flags, SEL_TCP, "tcp.flags"),
	HEADER(tcp.data_offset, SEL_TCP, "tcp.data_offset"),
	HEADER(tcp.seq_num, SEL_TCP, "tcp.seq_num"),
	HEADER(tcp.ack_num, SEL_TCP, "tcp.ack_num"),
	HEADER(udp.l4_port.src_port, SEL_UDP, "udp.src_port"),
	HEADER(udp.l4_port.dst_port, SEL_UDP, "udp.dst_port"),
	HEADER(transport.src_port, SEL_TRANSPORT, "transport.src_port"),
	HEADER(transport.dst_port, SEL_TRANSPORT, "transport.dst_port"),
	HEADER(icmp.type, SEL_ICMP, "icmp4.type"),
	HEADER(icmp.code, SEL_ICMP, "icmp4.code"),
	HEADER(icmp.ident, SEL_ICMP, "icmp4.ident"),
	HEADER(icmp.type, SEL_ICMP6, "icmp6.type"),
	HEADER(icmp.code, SEL_ICMP6, "icmp6.code"),
	HEADER(icmp.ident, SEL_ICMP6, "icmp6.ident"),
	HEADER(roce_v2.udp.l4_port.src_port, SEL_ROCE, "udp.src_port"),
	HEADER(roce_v2.udp.l4_port.dst_port, SEL_ROCE, "udp.dst_port"),
	HEADER(roce_v2.bth.opcode, SEL_ROCE, "roce_v2.bth.opcode"),
	HEADER(roce_v2.bth.flags1, SEL_ROCE, "roce_v2.bth.flags1"),
	HEADER(roce_v2.bth.dest_qp, SEL_ROCE, "roce_v2.bth.dest_qp"),
	TUN(vxlan_tun_id, SEL_VXLAN, CONV_WIRE, "tunnel.vxlan.vni"),
	TUN(vxlan_tun_rsvd1, SEL_VXLAN, CONV_WIRE, "tunnel.vxlan.rsvd1"),
	TUN(vxlan_tun_id, SEL_VXLAN_GBP, CONV_WIRE, "tunnel.vxlan.vni"),
	TUN(vxlan_tun_rsvd1, SEL_VXLAN_GBP, CONV_WIRE, "tunnel.vxlan.rsvd1"),
	TUN(vxlan_gbp_group_policy_id, SEL_VXLAN_GBP, CONV_WIRE, "tunnel.vxlan_gbp.group_policy_id"),
	TUN(vxlan_tun_id, SEL_VXLAN_GPE, CONV_WIRE, "tunnel.vxlan_gpe.vni"),
	TUN(vxlan_tun_rsvd1, SEL_VXLAN_GPE, CONV_WIRE, "tunnel.vxlan_gpe.rsvd1"),
	TUN(vxlan_gpe_flags, SEL_VXLAN_GPE, CONV_WIRE, "tunnel.vxlan_gpe.flags"),
	TUN(vxlan_gpe_next_protocol, SEL_VXLAN_GPE, CONV_WIRE, "tunnel.vxlan_gpe.next_protocol"),
	TUN(gtp_teid, SEL_GTPU, CONV_WIRE, "tunnel.gtp.teid"),
	TUN(gtp_next_ext_hdr_type, SEL_GTPU, CONV_WIRE, "tunnel.gtp.next_ext_hdr_type"),
	TUN(gtp_ext_psc_qfi, SEL_GTPU, CONV_WIRE, "tunnel.gtp.psc_qfi"),
	TUN(protocol, SEL_GRE, CONV_WIRE, "tunnel.gre.protocol"),
	TUN(key_present, SEL_GRE, CONV_WIRE, "tunnel.gre.key_present"),
	TUN(gre_key, SEL_GRE_KEY, CONV_WIRE, "tunnel.gre.key"),
	TUN(protocol, SEL_NVGRE, CONV_WIRE, "tunnel.nvgre.protocol"),
	TUN(nvgre_vs_id, SEL_NVGRE, CONV_UP8, "tunnel.nvgre.nvgre_vs_id"),
	TUN(nvgre_flow_id, SEL_NVGRE, CONV_WIRE, "tunnel.nvgre.nvgre_flow_id"),
	TUN(esp_spi, SEL_ESP, CONV_WIRE, "tunnel.esp.spi"),
	TUN(esp_sn, SEL_ESP, CONV_WIRE, "tunnel.esp.sn"),
	TUN(mpls[0].label, SEL_MPLS, CONV_WIRE, "tunnel.mpls.0"),
	TUN(mpls[1].label, SEL_MPLS, CONV_WIRE, "tunnel.mpls.1"),
	TUN(mpls[2].label, SEL_MPLS, CONV_WIRE, "tunnel.mpls.2"),
	TUN(mpls[3].label, SEL_MPLS, CONV_WIRE, "tunnel.mpls.3"),
	TUN(mpls[4].label, SEL_MPLS, CONV_WIRE, "tunnel.mpls.4"),
	TUN(geneve.ver_opt_len, SEL_GENEVE, CONV_WIRE, "tunnel.geneve.ver_opt_len"),
	TUN(geneve.o_c, SEL_GENEVE, CONV_WIRE, "tunnel.geneve.o_c"),
	TUN(geneve.next_proto, SEL_GENEVE, CONV_WIRE, "tunnel.geneve.next_proto"),
	TUN(geneve.vni, SEL_GENEVE, CONV_UP8, "tunnel.geneve.vni"),
	TUN(psp.nexthdr, SEL_PSP, CONV_WIRE, "tunnel.psp.nexthdr"),
	TUN(psp.hdrextlen, SEL_PSP, CONV_WIRE, "tunnel.psp.hdrextlen"),
	TUN(psp.res_cryptofst, SEL_PSP, CONV_WIRE, "tunnel.psp.res_cryptofst"),
	TUN(psp.s_d_ver_v, SEL_PSP, CONV_WIRE, "tunnel.psp.s_d_ver_v"),
	TUN(psp.spi, SEL_PSP, CONV_WIRE, "tunnel.psp.spi"),
	TUN(psp.iv, SEL_PSP, CONV_WIRE, "tunnel.psp.iv"),
	TUN(psp.vc, SEL_PSP, CONV_WIRE, "tunnel.psp.vc"),
};
const struct door_field *door_fields = fields;
unsigned door_nr_fields = ARRAY_SIZE(fields);

const uint16_t door_match_part[DOOR_PARTS] = {
	[DOOR_META] = offsetof(struct doca_flow_match, meta),
	[DOOR_PARSER] = offsetof(struct doca_flow_match, parser_meta),
	[DOOR_OUTER] = offsetof(struct doca_flow_match, outer),
	[DOOR_TUN] = offsetof(struct doca_flow_match, tun),
	[DOOR_INNER] = offsetof(struct doca_flow_match, inner),
};
const uint16_t door_actions_part[DOOR_PARTS] = {
	[DOOR_META] = offsetof(struct doca_flow_actions, meta),
	[DOOR_PARSER] = 0xffff,
	[DOOR_OUTER] = offsetof(struct doca_flow_actions, outer),
	[DOOR_TUN] = offsetof(struct doca_flow_actions, tun),
	[DOOR_INNER] = 0xffff,
};

static uint16_t find(const char *prefix, const char *name)
{
	char full[64];
	int index;

	snprintf(full, sizeof(full), "%s%s", prefix, name);
	index = flow_field_find(full);
	return index > 0 ? index : 0;
}

/* Once: members without an inner twin look for the nearest name, which takes its time. */
void door_fields_init(void)
{
	static bool done;

	if (done)
		return;
	done = true;
	for (unsigned i = 0; i < ARRAY_SIZE(fields); i++) {
		bool header = fields[i].part == DOOR_OUTER || fields[i].part == DOOR_INNER;

		fields[i].index[0] = find(header ? "outer." : "", fields[i].name);
		fields[i].index[1] = find(header ? "inner." : "", fields[i].name);
	}
	refusal_clear(); /* some members have no inner twin: that is no refusal */
}

static bool l4_selected(enum door_sel sel, enum doca_flow_l4_type_ext type)
{
	switch (sel) {
	case SEL_TCP:
		return type == DOCA_FLOW_L4_TYPE_EXT_TCP;
	case SEL_UDP:
		return type == DOCA_FLOW_L4_TYPE_EXT_UDP;
	case SEL_TRANSPORT:
		return type == DOCA_FLOW_L4_TYPE_EXT_TRANSPORT;
	case SEL_ICMP:
		return type == DOCA_FLOW_L4_TYPE_EXT_ICMP;
	case SEL_ICMP6:
		return type == DOCA_FLOW_L4_TYPE_EXT_ICMP6;
	default:
		return type == DOCA_FLOW_L4_TYPE_EXT_ROCE_V2;
	}
}

static bool tun_selected(enum door_sel sel, const struct doca_flow_tun *t)
{
	switch (sel) {
	case SEL_VXLAN:
		return t->type == DOCA_FLOW_TUN_VXLAN && t->vxlan_type == DOCA_FLOW_TUN_EXT_VXLAN_STANDARD;
	case SEL_VXLAN_GPE:
		return t->type == DOCA_FLOW_TUN_VXLAN && t->vxlan_type == DOCA_FLOW_TUN_EXT_VXLAN_GPE;
	case SEL_VXLAN_GBP:
		return t->type == DOCA_FLOW_TUN_VXLAN && t->vxlan_type == DOCA_FLOW_TUN_EXT_VXLAN_GBP;
	case SEL_GTPU:
		return t->type == DOCA_FLOW_TUN_GTPU;
	case SEL_GRE:
		return t->type == DOCA_FLOW_TUN_GRE && t->gre_type == DOCA_FLOW_TUN_EXT_GRE_STANDARD;
	case SEL_GRE_KEY:
		return t->type == DOCA_FLOW_TUN_GRE && t->gre_type == DOCA_FLOW_TUN_EXT_GRE_STANDARD && t->key_present;
	case SEL_NVGRE:
		return t->type == DOCA_FLOW_TUN_GRE && t->gre_type == DOCA_FLOW_TUN_EXT_GRE_NVGRE;
	case SEL_ESP:
		return t->type == DOCA_FLOW_TUN_ESP;
	case SEL_MPLS:
		return t->type == DOCA_FLOW_TUN_MPLS_O_UDP;
	case SEL_GENEVE:
		return t->type == DOCA_FLOW_TUN_GENEVE;
	default:
		return t->type == DOCA_FLOW_TUN_PSP;
	}
}

bool door_selected(const struct door_field *f, const struct doca_flow_header_format *header, const struct doca_flow_tun *tun)
{
	switch (f->sel) {
	case SEL_ALWAYS:
		return true;
	case SEL_IP4:
		return header->l3_type == DOCA_FLOW_L3_TYPE_IP4;
	case SEL_IP6:
		return header->l3_type == DOCA_FLOW_L3_TYPE_IP6;
	case SEL_VLAN0:
		return header->l2_valid_headers & DOCA_FLOW_L2_VALID_HEADER_VLAN_0;
	case SEL_VLAN1:
		return header->l2_valid_headers & DOCA_FLOW_L2_VALID_HEADER_VLAN_1;
	default:
		return f->sel < SEL_VXLAN ? l4_selected(f->sel, header->l4_type_ext) : tun_selected(f->sel, tun);
	}
}

/* "meta.data" counts its bits from the start of struct doca_flow_meta: word 0 is pkt_meta, word n is u32[n - 1]. */
static int find_meta_data(uint32_t bit_offset, unsigned *bit)
{
	unsigned word = bit_offset / 32;
	char name[32];

	*bit = bit_offset % 32;
	if (!word)
		return flow_field_find("meta.pkt_meta");
	if (word > DOCA_FLOW_META_SCRATCH_PAD_MAX)
		return refuse(EINVAL, "field 'meta.data': bit %u is behind the last word of %u", bit_offset,
			32 * (DOCA_FLOW_META_SCRATCH_PAD_MAX + 1));
	snprintf(name, sizeof(name), "meta.data.%u", word - 1);
	return flow_field_find(name);
}

int door_find_field(const char *name, uint32_t bit_offset, unsigned *bit)
{
	static const char *const prefixes[] = {"actions.packet.", "match.packet.", ""};

	for (unsigned i = 0; i < ARRAY_SIZE(prefixes); i++)
		if (!strncmp(name, prefixes[i], strlen(prefixes[i])) && !strcmp(name + strlen(prefixes[i]), "meta.data"))
			return find_meta_data(bit_offset, bit);
	*bit = bit_offset;
	return flow_field_find(name);
}
