/* SPDX-License-Identifier: BSD-3-Clause */
#include "flow/field.h"

#include <stddef.h>
#include <string.h>

#include "base/base.h"
#include "base/refuse.h"
#include "flow/custom_int.h"
#include "flow/key.h"
#include "flow/pipe.h"

#define NOT_IN_KEY 0xffffu
#define AT(line, member) ((uint16_t)offsetof(struct flow_key, line.member))

/* Shape bits, spelled once. */
#define S3(l3) (uint16_t)((l3) << FLOW_SHAPE_L3_SHIFT)
#define S4(l4) (uint16_t)((l4) << FLOW_SHAPE_L4_SHIFT)
#define ST(tun) (uint16_t)((tun) << FLOW_SHAPE_TUN_SHIFT)
#define ANY 0, 0
#define IP4 FLOW_SHAPE_L3, S3(PKT_L3_IP4)
#define IP6 FLOW_SHAPE_L3, S3(PKT_L3_IP6)
#define TCP FLOW_SHAPE_L4, S4(PKT_L4_TCP)
#define UDP FLOW_SHAPE_L4, S4(PKT_L4_UDP)
#define ICMP FLOW_SHAPE_L4, S4(PKT_L4_ICMP)
#define ICMP6 FLOW_SHAPE_L4, S4(PKT_L4_ICMP6)
#define SCTP FLOW_SHAPE_L4, S4(PKT_L4_SCTP)
#define TUN(t) FLOW_SHAPE_TUN, ST(PKT_TUN_##t)
/* GRE and NVGRE are one header read in two ways: either name fits either packet. */
#define ANY_GRE (uint16_t)(FLOW_SHAPE_TUN & ~(1u << FLOW_SHAPE_TUN_SHIFT)), ST(PKT_TUN_GRE)
static_assert(!(PKT_TUN_GRE & 1) && PKT_TUN_NVGRE == PKT_TUN_GRE + 1, "one masked compare for both");
#define RO false
#define RW true

/* A plain field: whole bytes at an offset of a header. */
#define F(text, key, len, hdr, off, write, ...)                                                    \
	{text, key, len, FLOW_HDR_##hdr, off, 0, 0, write, false, __VA_ARGS__}
/* Some bits of those bytes. */
#define B(text, key, len, hdr, off, shift, width, write, ...)                                      \
	{text, key, len, FLOW_HDR_##hdr, off, shift, width, write, false, __VA_ARGS__}
/* Parser metadata: host order, in no header. */
#define P(text, key, len, shift, width)                                                            \
	{text, key, len, FLOW_HDR_NONE, 0, shift, width, false, true, ANY}

#define RAW(n) (uint16_t)(offsetof(struct flow_key, tunnel.raw) + (n))
#define OPT(n) (uint16_t)(offsetof(struct flow_key, deep.options) + (n))
#define SCRATCH(n) (uint16_t)(offsetof(struct flow_key, meta.scratch) + 4 * (n))

/* Order: metadata, outer by header, inner by header, tunnels. Index 0 is nobody. */
static const struct flow_field fields[] = {
	{NULL},
	/* metadata that travels with the packet */
	F("meta.pkt_meta", AT(hot, pkt_meta), 4, NONE, 0, RW, ANY),
	F("meta.mark", AT(hot, mark), 4, NONE, 0, RW, ANY),
	F("meta.data.0", SCRATCH(0), 4, NONE, 0, RW, ANY),
	F("meta.data.1", SCRATCH(1), 4, NONE, 0, RW, ANY),
	F("meta.data.2", SCRATCH(2), 4, NONE, 0, RW, ANY),
	F("meta.data.3", SCRATCH(3), 4, NONE, 0, RW, ANY),
	F("meta.data.4", SCRATCH(4), 4, NONE, 0, RW, ANY),
	F("meta.data.5", SCRATCH(5), 4, NONE, 0, RW, ANY),
	F("meta.data.6", SCRATCH(6), 4, NONE, 0, RW, ANY),
	F("meta.data.7", SCRATCH(7), 4, NONE, 0, RW, ANY),
	F("meta.data.8", SCRATCH(8), 4, NONE, 0, RW, ANY),
	F("meta.data.9", SCRATCH(9), 4, NONE, 0, RW, ANY),
	/* what the parser found */
	P("parser_meta.port_id", AT(hot, port), 2, 0, 0),
	P("parser_meta.outer_l2_type", AT(hot, shape), 2, 0, 2),
	P("parser_meta.outer_l3_type", AT(hot, shape), 2, FLOW_SHAPE_L3_SHIFT, 3),
	P("parser_meta.outer_l4_type", AT(hot, shape), 2, FLOW_SHAPE_L4_SHIFT, 4),
	P("parser_meta.outer_ip_fragmented", AT(hot, shape), 2, 9, 1),
	P("parser_meta.outer_tunnel_type", AT(hot, shape), 2, FLOW_SHAPE_TUN_SHIFT, 4),
	P("parser_meta.inner_l2_type", AT(inner, shape), 2, 0, 2),
	P("parser_meta.inner_l3_type", AT(inner, shape), 2, FLOW_SHAPE_L3_SHIFT, 3),
	P("parser_meta.inner_l4_type", AT(inner, shape), 2, FLOW_SHAPE_L4_SHIFT, 4),
	P("parser_meta.inner_ip_fragmented", AT(inner, shape), 2, 9, 1),
	P("parser_meta.outer_l2_class", AT(meta, l2_class), 1, 0, 0),
	P("parser_meta.outer_l3_class", AT(meta, l3_class), 1, 0, 0),
	P("parser_meta.outer_l4_class", AT(meta, l4_class), 1, 0, 0),
	P("parser_meta.inner_l2_class", AT(meta, inner_l2_class), 1, 0, 0),
	P("parser_meta.inner_l3_class", AT(meta, inner_l3_class), 1, 0, 0),
	P("parser_meta.inner_l4_class", AT(meta, inner_l4_class), 1, 0, 0),
	P("parser_meta.outer_l3_ok", AT(meta, l3_ok), 1, 0, 0),
	P("parser_meta.outer_ip4_checksum_ok", AT(meta, ip4_csum_ok), 1, 0, 0),
	P("parser_meta.outer_l4_ok", AT(meta, l4_ok), 1, 0, 0),
	P("parser_meta.outer_l4_checksum_ok", AT(meta, l4_csum_ok), 1, 0, 0),
	P("parser_meta.inner_l3_ok", AT(meta, inner_l3_ok), 1, 0, 0),
	P("parser_meta.inner_ip4_checksum_ok", AT(meta, inner_ip4_csum_ok), 1, 0, 0),
	P("parser_meta.inner_l4_ok", AT(meta, inner_l4_ok), 1, 0, 0),
	P("parser_meta.inner_l4_checksum_ok", AT(meta, inner_l4_csum_ok), 1, 0, 0),
	P("parser_meta.random.value", AT(meta, random), 2, 0, 0),
	/* the clock, when it is read: seconds above, nanoseconds below. Only to copy from */
	P("parser_meta.utc.time", AT(inner, utc), 8, 0, 0),
	P("parser_meta.hash.result", AT(meta, hash_result), 2, 0, 0),
	P("parser_meta.meter_color", AT(meta, meter_color), 1, 0, 0),
	P("parser_meta.ipsec_syndrome", AT(meta, ipsec_syndrome), 1, 0, 0),
	P("parser_meta.ipsec_ar_syndrome", AT(meta, ipsec_ar_syndrome), 1, 0, 0),
	P("parser_meta.psp_syndrome", AT(meta, psp_syndrome), 1, 0, 0),
	/* outer link */
	F("outer.eth.dst_mac", AT(link, dmac), 6, ETH, 0, RW, ANY),
	F("outer.eth.src_mac", AT(link, smac), 6, ETH, 6, RW, ANY),
	F("outer.eth.type", AT(hot, ethertype), 2, NONE, 0, RO, ANY),
	F("outer.eth_vlan0.tci", AT(hot, vlan), 2, VLAN0, 2, RW, ANY),
	F("outer.eth_vlan1.tci", AT(link, vlan1), 2, VLAN1, 2, RW, ANY),
	/* outer IPv4 */
	F("outer.ipv4.src_ip", AT(hot, src), 4, IP4, 12, RW, IP4),
	F("outer.ipv4.dst_ip", AT(hot, dst), 4, IP4, 16, RW, IP4),
	F("outer.ipv4.next_proto", AT(hot, proto), 1, IP4, 9, RO, IP4),
	F("outer.ipv4.ttl", AT(hot, ttl), 1, IP4, 8, RW, IP4),
	F("outer.ipv4.dscp_ecn", AT(hot, tos), 1, IP4, 1, RW, IP4),
	B("outer.ipv4.dscp", AT(hot, tos), 1, IP4, 1, 2, 6, RW, IP4),
	B("outer.ipv4.ecn", AT(hot, tos), 1, IP4, 1, 0, 2, RW, IP4),
	F("outer.ipv4.version_ihl", AT(link, version_ihl), 1, IP4, 0, RO, IP4),
	F("outer.ipv4.total_len", AT(link, total_len), 2, IP4, 2, RO, IP4),
	F("outer.ipv4.identification", AT(link, ip_id), 2, IP4, 4, RW, IP4),
	F("outer.ipv4.flags_fragment_offset", AT(link, frag_off), 2, IP4, 6, RW, IP4),
	F("outer.ipv4.checksum", AT(link, ip_csum), 2, IP4, 10, RO, IP4),
	/* outer IPv6 */
	F("outer.ipv6.src_ip", AT(hot, src), 16, IP6, 8, RW, IP6),
	F("outer.ipv6.dst_ip", AT(hot, dst), 16, IP6, 24, RW, IP6),
	F("outer.ipv6.next_proto", AT(hot, proto), 1, NONE, 0, RO, IP6),
	F("outer.ipv6.next_header", AT(link, ip6_next), 1, IP6, 6, RO, IP6),
	F("outer.ipv6.hop_limit", AT(hot, ttl), 1, IP6, 7, RW, IP6),
	B("outer.ipv6.traffic_class", AT(hot, tos), 1, NONE, 0, 0, 8, RW, IP6),
	B("outer.ipv6.flow_label", AT(link, flow_label), 4, IP6, 0, 0, 20, RW, IP6),
	F("outer.ipv6.payload_len", AT(link, total_len), 2, IP6, 4, RO, IP6),
	/* outer transport; the plain one does not ask which */
	F("outer.transport.src_port", AT(hot, sport), 2, L4, 0, RW, ANY),
	F("outer.transport.dst_port", AT(hot, dport), 2, L4, 2, RW, ANY),
	F("outer.tcp.src_port", AT(hot, sport), 2, TCP, 0, RW, TCP),
	F("outer.tcp.dst_port", AT(hot, dport), 2, TCP, 2, RW, TCP),
	F("outer.tcp.seq_num", AT(link, tcp_seq), 4, TCP, 4, RW, TCP),
	F("outer.tcp.ack_num", AT(link, tcp_ack), 4, TCP, 8, RW, TCP),
	B("outer.tcp.data_offset", AT(link, tcp_data_off), 1, TCP, 12, 4, 4, RO, TCP),
	F("outer.tcp.flags", AT(hot, tcp_flags), 1, TCP, 13, RW, TCP),
	F("outer.tcp.window", AT(link, tcp_window), 2, TCP, 14, RW, TCP),
	F("outer.tcp.checksum", AT(link, l4_csum), 2, TCP, 16, RO, TCP),
	F("outer.udp.src_port", AT(hot, sport), 2, UDP, 0, RW, UDP),
	F("outer.udp.dst_port", AT(hot, dport), 2, UDP, 2, RW, UDP),
	F("outer.udp.length", AT(link, udp_len), 2, UDP, 4, RO, UDP),
	F("outer.udp.checksum", AT(link, l4_csum), 2, UDP, 6, RO, UDP),
	F("outer.sctp.src_port", AT(hot, sport), 2, SCTP, 0, RO, SCTP),
	F("outer.sctp.dst_port", AT(hot, dport), 2, SCTP, 2, RO, SCTP),
	F("outer.icmp4.type", AT(link, icmp_type), 1, ICMP, 0, RW, ICMP),
	F("outer.icmp4.code", AT(link, icmp_code), 1, ICMP, 1, RW, ICMP),
	F("outer.icmp4.ident", AT(link, icmp_id), 2, ICMP, 4, RW, ICMP),
	F("outer.icmp6.type", AT(link, icmp_type), 1, ICMP, 0, RW, ICMP6),
	F("outer.icmp6.code", AT(link, icmp_code), 1, ICMP, 1, RW, ICMP6),
	F("outer.icmp6.ident", AT(link, icmp_id), 2, ICMP, 4, RW, ICMP6),
	F("outer.roce_v2.bth", OPT(0), 12, NONE, 0, RO, UDP),
	F("outer.roce_v2.bth.opcode", OPT(0), 1, NONE, 0, RO, UDP),
	F("outer.roce_v2.bth.flags1", OPT(8), 1, NONE, 0, RO, UDP),
	F("outer.roce_v2.bth.dest_qp", OPT(5), 3, NONE, 0, RO, UDP),
	/* inner link */
	F("inner.eth.dst_mac", AT(deep, dmac), 6, INNER_ETH, 0, RW, ANY),
	F("inner.eth.src_mac", AT(deep, smac), 6, INNER_ETH, 6, RW, ANY),
	F("inner.eth.type", AT(inner, ethertype), 2, INNER_ETH, 12, RO, ANY),
	F("inner.eth_vlan0.tci", AT(inner, vlan), 2, INNER_VLAN0, 2, RW, ANY),
	F("inner.eth_vlan1.tci", AT(deep, vlan1), 2, INNER_ETH, 18, RO, ANY),
	/* inner IP */
	F("inner.ipv4.src_ip", AT(inner, src), 4, INNER_IP4, 12, RW, IP4),
	F("inner.ipv4.dst_ip", AT(inner, dst), 4, INNER_IP4, 16, RW, IP4),
	F("inner.ipv4.next_proto", AT(inner, proto), 1, INNER_IP4, 9, RO, IP4),
	F("inner.ipv4.ttl", AT(inner, ttl), 1, INNER_IP4, 8, RW, IP4),
	F("inner.ipv4.dscp_ecn", AT(inner, tos), 1, INNER_IP4, 1, RW, IP4),
	F("inner.ipv4.total_len", AT(deep, total_len), 2, INNER_IP4, 2, RO, IP4),
	F("inner.ipv4.flags_fragment_offset", AT(deep, frag_off), 2, INNER_IP4, 6, RO, IP4),
	F("inner.ipv6.src_ip", AT(inner, src), 16, INNER_IP6, 8, RW, IP6),
	F("inner.ipv6.dst_ip", AT(inner, dst), 16, INNER_IP6, 24, RW, IP6),
	F("inner.ipv6.next_proto", AT(inner, proto), 1, INNER_IP6, 6, RO, IP6),
	F("inner.ipv6.hop_limit", AT(inner, ttl), 1, INNER_IP6, 7, RW, IP6),
	B("inner.ipv6.flow_label", AT(deep, flow_label), 4, INNER_IP6, 0, 0, 20, RW, IP6),
	F("inner.ipv6.payload_len", AT(deep, total_len), 2, INNER_IP6, 4, RO, IP6),
	/* inner transport */
	F("inner.transport.src_port", AT(inner, sport), 2, INNER_L4, 0, RW, ANY),
	F("inner.transport.dst_port", AT(inner, dport), 2, INNER_L4, 2, RW, ANY),
	F("inner.tcp.src_port", AT(inner, sport), 2, INNER_TCP, 0, RW, TCP),
	F("inner.tcp.dst_port", AT(inner, dport), 2, INNER_TCP, 2, RW, TCP),
	F("inner.tcp.flags", AT(inner, tcp_flags), 1, INNER_TCP, 13, RW, TCP),
	F("inner.udp.src_port", AT(inner, sport), 2, INNER_UDP, 0, RW, UDP),
	F("inner.udp.dst_port", AT(inner, dport), 2, INNER_UDP, 2, RW, UDP),
	F("inner.icmp4.type", AT(deep, icmp_type), 1, INNER_ICMP, 0, RW, ICMP),
	F("inner.icmp4.code", AT(deep, icmp_code), 1, INNER_ICMP, 1, RW, ICMP),
	F("inner.icmp4.ident", AT(deep, icmp_id), 2, INNER_ICMP, 4, RW, ICMP),
	F("inner.icmp6.type", AT(deep, icmp_type), 1, INNER_ICMP, 0, RW, ICMP6),
	F("inner.icmp6.code", AT(deep, icmp_code), 1, INNER_ICMP, 1, RW, ICMP6),
	/* tunnels */
	B("tunnel.vxlan.vni", AT(hot, vni), 4, TUNNEL, 3, 0, 24, RW, TUN(VXLAN)),
	F("tunnel.vxlan.flags", RAW(0), 1, TUNNEL, 0, RW, TUN(VXLAN)),
	F("tunnel.vxlan.rsvd1", RAW(7), 1, TUNNEL, 7, RW, TUN(VXLAN)),
	F("tunnel.vxlan_gbp.group_policy_id", RAW(2), 2, TUNNEL, 2, RW, TUN(VXLAN)),
	B("tunnel.vxlan_gpe.vni", AT(hot, vni), 4, TUNNEL, 3, 0, 24, RW, TUN(VXLAN_GPE)),
	F("tunnel.vxlan_gpe.flags", RAW(0), 1, TUNNEL, 0, RW, TUN(VXLAN_GPE)),
	F("tunnel.vxlan_gpe.next_protocol", RAW(3), 1, TUNNEL, 3, RW, TUN(VXLAN_GPE)),
	F("tunnel.vxlan_gpe.rsvd1", RAW(7), 1, TUNNEL, 7, RW, TUN(VXLAN_GPE)),
	B("tunnel.geneve.vni", AT(hot, vni), 4, TUNNEL, 3, 0, 24, RW, TUN(GENEVE)),
	F("tunnel.geneve.ver_opt_len", RAW(0), 1, TUNNEL, 0, RO, TUN(GENEVE)),
	F("tunnel.geneve.o_c", RAW(1), 1, TUNNEL, 1, RW, TUN(GENEVE)),
	F("tunnel.geneve.next_proto", RAW(2), 2, TUNNEL, 2, RW, TUN(GENEVE)),
	F("tunnel.geneve.options", OPT(0), 32, NONE, 0, RO, TUN(GENEVE)),
	F("tunnel.gre.key", RAW(4), 4, TUNNEL, 4, RW, ANY_GRE),
	F("tunnel.gre.protocol", RAW(2), 2, TUNNEL, 2, RW, ANY_GRE),
	B("tunnel.gre.key_present", RAW(0), 1, TUNNEL, 0, 5, 1, RO, ANY_GRE),
	B("tunnel.nvgre.nvgre_vs_id", RAW(3), 4, TUNNEL, 3, 0, 24, RW, ANY_GRE),
	F("tunnel.nvgre.nvgre_flow_id", RAW(7), 1, TUNNEL, 7, RW, ANY_GRE),
	F("tunnel.nvgre.protocol", RAW(2), 2, TUNNEL, 2, RW, ANY_GRE),
	F("tunnel.gtp.teid", AT(hot, vni), 4, TUNNEL, 4, RW, TUN(GTPU)),
	F("tunnel.gtp.flags", RAW(0), 1, TUNNEL, 0, RO, TUN(GTPU)),
	F("tunnel.gtp.msg_type", RAW(1), 1, TUNNEL, 1, RW, TUN(GTPU)),
	F("tunnel.gtp.next_ext_hdr_type", RAW(11), 1, TUNNEL, 11, RO, TUN(GTPU)),
	B("tunnel.gtp.psc_qfi", RAW(14), 1, TUNNEL, 14, 0, 6, RW, TUN(GTPU)),
	F("tunnel.esp.spi", AT(hot, vni), 4, TUNNEL, 0, RW, TUN(ESP)),
	F("tunnel.esp.sn", RAW(4), 4, TUNNEL, 4, RW, TUN(ESP)),
	F("tunnel.mpls.0", RAW(0), 4, TUNNEL, 0, RW, TUN(MPLS_UDP)),
	F("tunnel.mpls.1", RAW(4), 4, TUNNEL, 4, RW, TUN(MPLS_UDP)),
	F("tunnel.mpls.2", RAW(8), 4, TUNNEL, 8, RW, TUN(MPLS_UDP)),
	F("tunnel.mpls.3", RAW(12), 4, TUNNEL, 12, RW, TUN(MPLS_UDP)),
	F("tunnel.mpls.4", RAW(16), 4, TUNNEL, 16, RW, TUN(MPLS_UDP)),
	B("tunnel.mpls.0.label", RAW(0), 4, TUNNEL, 0, 12, 20, RW, TUN(MPLS_UDP)),
	B("tunnel.mpls.1.label", RAW(4), 4, TUNNEL, 4, 12, 20, RW, TUN(MPLS_UDP)),
	B("tunnel.mpls.2.label", RAW(8), 4, TUNNEL, 8, 12, 20, RW, TUN(MPLS_UDP)),
	F("tunnel.psp.nexthdr", RAW(0), 1, TUNNEL, 0, RW, TUN(PSP)),
	F("tunnel.psp.hdrextlen", RAW(1), 1, TUNNEL, 1, RW, TUN(PSP)),
	F("tunnel.psp.res_cryptofst", RAW(2), 1, TUNNEL, 2, RW, TUN(PSP)),
	F("tunnel.psp.s_d_ver_v", RAW(3), 1, TUNNEL, 3, RW, TUN(PSP)),
	F("tunnel.psp.spi", RAW(4), 4, TUNNEL, 4, RW, TUN(PSP)),
	F("tunnel.psp.iv", RAW(8), 8, TUNNEL, 8, RW, TUN(PSP)),
	F("tunnel.psp.vc", RAW(16), 8, TUNNEL, 16, RW, TUN(PSP)),
	F("tunnel.psp.dw0", RAW(0), 4, TUNNEL, 0, RW, TUN(PSP)),
	F("tunnel.psp.dw1", RAW(4), 4, TUNNEL, 4, RW, TUN(PSP)),
	F("tunnel.psp.dw2", RAW(8), 4, TUNNEL, 8, RW, TUN(PSP)),
	F("tunnel.psp.dw3", RAW(12), 4, TUNNEL, 12, RW, TUN(PSP)),
	F("tunnel.psp.dw4", RAW(16), 4, TUNNEL, 16, RW, TUN(PSP)),
	F("tunnel.psp.dw5", RAW(20), 4, TUNNEL, 20, RW, TUN(PSP)),
	F("tunnel.psp.dw6", RAW(24), 4, TUNNEL, 24, RW, TUN(PSP)),
	F("tunnel.psp.dw7", RAW(28), 4, TUNNEL, 28, RW, TUN(PSP)),
	F("tunnel.psp.dw8", OPT(0), 4, TUNNEL, 32, RW, TUN(PSP)),
	F("tunnel.psp.dw9", OPT(4), 4, TUNNEL, 36, RW, TUN(PSP)),
};

static const char *skip_prefix(const char *name)
{
	static const char *const prefixes[] = {"actions.packet.", "match.packet."};

	for (unsigned i = 0; i < ARRAY_SIZE(prefixes); i++)
		if (!strncmp(name, prefixes[i], strlen(prefixes[i])))
			return name + strlen(prefixes[i]);
	return name;
}

/* Levenshtein distance, for "did you mean"; names are short and this is the error path. */
static unsigned distance(const char *a, const char *b)
{
	unsigned row[64], la = strlen(a), lb = strlen(b);

	if (la >= ARRAY_SIZE(row) || lb >= ARRAY_SIZE(row))
		return UINT32_MAX;
	for (unsigned j = 0; j <= lb; j++)
		row[j] = j;
	for (unsigned i = 1; i <= la; i++) {
		unsigned diagonal = row[0];

		row[0] = i;
		for (unsigned j = 1; j <= lb; j++) {
			unsigned up = row[j], change = diagonal + (a[i - 1] != b[j - 1]);

			diagonal = up;
			row[j] = MIN_OF(change, MIN_OF(up, row[j - 1]) + 1);
		}
	}
	return row[lb];
}

static const char *nearest(const char *name)
{
	const char *best = fields[1].name;
	unsigned least = UINT32_MAX;

	for (unsigned i = 1; i < ARRAY_SIZE(fields); i++) {
		unsigned d = distance(name, fields[i].name);

		if (d < least) {
			least = d;
			best = fields[i].name;
		}
	}
	return best;
}

int flow_field_find(const char *name)
{
	const char *plain = skip_prefix(name);

	for (unsigned i = 1; i < ARRAY_SIZE(fields); i++)
		if (!strcmp(plain, fields[i].name))
			return i;
	for (unsigned i = 0; i < custom_fields(); i++)
		if (!strcmp(plain, custom_field(i)->name))
			return custom_field_base() + i;
	return refuse(ENOENT, "no field '%s'; the nearest is '%s'", name, nearest(plain));
}

const struct flow_field *flow_field_get(unsigned index)
{
	if (index >= ARRAY_SIZE(fields))
		return custom_field(index - ARRAY_SIZE(fields));
	return index ? &fields[index] : NULL;
}

unsigned custom_field_base(void)
{
	return ARRAY_SIZE(fields);
}

unsigned flow_field_count(void)
{
	return ARRAY_SIZE(fields) + custom_fields();
}

/* Byte i of the field counted from its least significant one. */
static uint8_t *significant(const struct flow_field *f, uint8_t *bytes, unsigned i)
{
	return &bytes[f->host ? i : f->length - 1u - i];
}

uint64_t flow_field_bits_get(
	const struct flow_field *f, const uint8_t *bytes, unsigned bit_offset, unsigned width)
{
	unsigned from = f->bit_shift + bit_offset;
	uint64_t value = 0;

	assert(width <= 64 && from + width <= 8u * f->length);
	for (unsigned done = 0; done < width;) {
		unsigned bit = (from + done) & 7, take = MIN_OF(8 - bit, width - done);
		uint8_t byte = *significant(f, (uint8_t *)bytes, (from + done) / 8);

		value |= (uint64_t)((byte >> bit) & ((1u << take) - 1)) << done;
		done += take;
	}
	return value;
}

void flow_field_bits_set(const struct flow_field *f, uint8_t *bytes, unsigned bit_offset,
	unsigned width, uint64_t value)
{
	unsigned from = f->bit_shift + bit_offset;

	assert(width <= 64 && from + width <= 8u * f->length);
	for (unsigned done = 0; done < width;) {
		unsigned bit = (from + done) & 7, take = MIN_OF(8 - bit, width - done);
		uint8_t *byte = significant(f, bytes, (from + done) / 8);
		uint8_t mask = ((1u << take) - 1) << bit;

		*byte = (*byte & ~mask) | (((value >> done) << bit) & mask);
		done += take;
	}
}

void flow_field_match(struct flow_match *match, unsigned index, const void *value)
{
	const struct flow_field *f = flow_field_get(index);
	uint8_t *v, *m;
	uint16_t *shape, *shape_mask;

	assert(f && f->key_offset != NOT_IN_KEY);
	v = match->value.bytes + f->key_offset;
	m = match->mask.bytes + f->key_offset;
	memcpy(v, value, f->length);
	if (!f->bit_width)
		memset(m, 0xff, f->length);
	else
		flow_field_bits_set(f, m, 0, f->bit_width, UINT64_MAX);
	shape = strncmp(f->name, "inner.", 6) ? &match->value.hot.shape : &match->value.inner.shape;
	shape_mask = strncmp(f->name, "inner.", 6) ? &match->mask.hot.shape : &match->mask.inner.shape;
	*shape |= f->shape;
	*shape_mask |= f->shape_mask;
}
