/* SPDX-License-Identifier: BSD-3-Clause */
/* gtp: GTP-U by tunnel and QoS flow (PDU session container); user packets come out as IP and go in as IP. */
#include "begin.h"

static struct doca_flow_actions into_gtp(uint32_t teid, uint8_t qfi)
{
	struct doca_flow_actions a = {.encap_type = DOCA_FLOW_RESOURCE_TYPE_NON_SHARED};
	struct doca_flow_encap_action *e = &a.encap_cfg.encap;

	outer_ip4(&e->outer);
	e->outer.l4_type_ext = DOCA_FLOW_L4_TYPE_EXT_UDP;
	e->outer.udp.l4_port.dst_port = DOCA_HTOBE16(DOCA_FLOW_GTPU_DEFAULT_PORT);
	e->tun.type = DOCA_FLOW_TUN_GTPU;
	e->tun.gtp_teid = DOCA_HTOBE32(teid);
	e->tun.gtp_next_ext_hdr_type = qfi ? DOCA_FLOW_GTP_EXT_PSC : 0;
	e->tun.gtp_ext_psc_qfi = qfi;
	return a;
}

int main(void)
{
	struct doca_flow_match with_qfi = {.tun = {.type = DOCA_FLOW_TUN_GTPU}}, plain = with_qfi, user = {0}, other = {0};
	struct doca_flow_actions out = {.decap_type = DOCA_FLOW_RESOURCE_TYPE_NON_SHARED};
	struct doca_flow_actions in_qfi = into_gtp(0x1001, 5), in_plain = into_gtp(0x1002, 0);
	struct doca_flow_fwd across = to_port(1);
	struct doca_flow_pipe *root;

	begin();
	with_qfi.tun.gtp_teid = DOCA_HTOBE32(0x2001);
	with_qfi.tun.gtp_next_ext_hdr_type = DOCA_FLOW_GTP_EXT_PSC;
	with_qfi.tun.gtp_ext_psc_qfi = 7;
	plain.tun.gtp_teid = DOCA_HTOBE32(0x2002);
	user.outer.l3_type = other.outer.l3_type = DOCA_FLOW_L3_TYPE_IP4;
	user.outer.ip4.dst_ip = DOCA_HTOBE32(0x64400001);
	other.outer.ip4.dst_ip = DOCA_HTOBE32(0x64400002);
	memset(out.decap_cfg.eth.src_mac, 6, 6);
	memset(out.decap_cfg.eth.dst_mac, 8, 6);
	out.decap_cfg.eth.type = DOCA_HTOBE16(DOCA_FLOW_ETHER_TYPE_IPV4);
	root = control_pipe("ROOT", true);
	control(root, 0, &with_qfi, NULL, &out, &across);
	control(root, 0, &plain, NULL, &out, &across);
	control(root, 1, &user, NULL, &in_qfi, &across);
	control(root, 1, &other, NULL, &in_plain, &across);
	wait_for_packets();
	return end();
}
