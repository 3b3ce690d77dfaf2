/* SPDX-License-Identifier: BSD-3-Clause */
/* ipip: IP in IP, all four of them: outer and inner IPv4 and IPv6, taken off under a new Ethernet header and put on. */
#include "begin.h"

static void take_off(struct doca_flow_pipe *root, enum doca_flow_l3_meta outer, enum doca_flow_l3_meta inner, uint16_t type)
{
	struct doca_flow_match m = {.parser_meta = {.outer_l3_type = outer, .inner_l3_type = inner}, .tun.type = DOCA_FLOW_TUN_IP_IN_IP};
	struct doca_flow_actions a = {.decap_type = DOCA_FLOW_RESOURCE_TYPE_NON_SHARED};
	struct doca_flow_fwd across = to_port(1);

	memset(a.decap_cfg.eth.src_mac, 6, 6);
	memset(a.decap_cfg.eth.dst_mac, 8, 6);
	a.decap_cfg.eth.type = DOCA_HTOBE16(type);
	control(root, 0, &m, NULL, &a, &across);
}

/* Packets of `family` to `dst_port`. */
static void put_on(struct doca_flow_pipe *root, enum doca_flow_l3_meta family, bool ip6_outside, uint16_t dst_port)
{
	struct doca_flow_match m = {.parser_meta = {.outer_l3_type = family}, .outer.l4_type_ext = DOCA_FLOW_L4_TYPE_EXT_UDP};
	struct doca_flow_actions a = {.encap_type = DOCA_FLOW_RESOURCE_TYPE_NON_SHARED};
	struct doca_flow_header_format *outer = &a.encap_cfg.encap.outer;
	uint8_t proto = family == DOCA_FLOW_L3_META_IPV6 ? DOCA_FLOW_PROTO_IPV6 : DOCA_FLOW_PROTO_IPV4;
	struct doca_flow_fwd across = to_port(1);

	m.outer.udp.l4_port.dst_port = DOCA_HTOBE16(dst_port);
	memset(outer->eth.src_mac, 2, 6);
	memset(outer->eth.dst_mac, 4, 6);
	a.encap_cfg.encap.tun.type = DOCA_FLOW_TUN_IP_IN_IP;
	if (ip6_outside) {
		outer->l3_type = DOCA_FLOW_L3_TYPE_IP6;
		outer->ip6.src_ip[0] = outer->ip6.dst_ip[0] = DOCA_HTOBE32(0xfd000000);
		outer->ip6.dst_ip[3] = DOCA_HTOBE32(1);
		outer->ip6.next_proto = proto;
		outer->ip6.hop_limit = 17;
	} else {
		outer->l3_type = DOCA_FLOW_L3_TYPE_IP4;
		outer->ip4.src_ip = DOCA_HTOBE32(0x0a000001);
		outer->ip4.dst_ip = DOCA_HTOBE32(0x0a000002);
		outer->ip4.next_proto = proto;
		outer->ip4.ttl = 17;
	}
	control(root, 1, &m, NULL, &a, &across);
}

int main(void)
{
	struct doca_flow_pipe *root;

	begin();
	root = control_pipe("ROOT", true);
	for (enum doca_flow_l3_meta outer = DOCA_FLOW_L3_META_IPV4; outer <= DOCA_FLOW_L3_META_IPV6; outer++) {
		take_off(root, outer, DOCA_FLOW_L3_META_IPV4, DOCA_FLOW_ETHER_TYPE_IPV4);
		take_off(root, outer, DOCA_FLOW_L3_META_IPV6, DOCA_FLOW_ETHER_TYPE_IPV6);
		put_on(root, outer, false, 4);
		put_on(root, outer, true, 6);
	}
	wait_for_packets();
	return end();
}
