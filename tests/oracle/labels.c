/* SPDX-License-Identifier: BSD-3-Clause */
/* labels: MPLS over UDP by its label stack, out and in; ESP by its SPI and PSP by its header, as they are (no key is known). */
#include "begin.h"

static void out_of_mpls(struct doca_flow_pipe *root)
{
	struct doca_flow_match m = {.tun.type = DOCA_FLOW_TUN_MPLS_O_UDP}, labels = m;
	struct doca_flow_actions a = {.decap_type = DOCA_FLOW_RESOURCE_TYPE_NON_SHARED};
	struct doca_flow_fwd across = to_port(1);

	must(doca_flow_mpls_label_encode(100, 0, 0, false, &m.tun.mpls[0]));
	must(doca_flow_mpls_label_encode(200, 0, 0, true, &m.tun.mpls[1]));
	labels.tun.mpls[0].label = labels.tun.mpls[1].label = DOCA_HTOBE32(0xfffff100); /* label and bottom of stack */
	memset(a.decap_cfg.eth.src_mac, 6, 6);
	memset(a.decap_cfg.eth.dst_mac, 8, 6);
	a.decap_cfg.eth.type = DOCA_HTOBE16(DOCA_FLOW_ETHER_TYPE_IPV4);
	control(root, 0, &m, &labels, &a, &across);
}

static void into_mpls(struct doca_flow_pipe *root)
{
	struct doca_flow_match tcp = {.parser_meta.outer_l4_type = DOCA_FLOW_L4_META_TCP};
	struct doca_flow_actions a = {.encap_type = DOCA_FLOW_RESOURCE_TYPE_NON_SHARED};
	struct doca_flow_encap_action *e = &a.encap_cfg.encap;
	struct doca_flow_fwd across = to_port(1);

	outer_ip4(&e->outer);
	e->outer.l4_type_ext = DOCA_FLOW_L4_TYPE_EXT_UDP;
	e->outer.udp.l4_port.src_port = DOCA_HTOBE16(49152);
	e->outer.udp.l4_port.dst_port = DOCA_HTOBE16(DOCA_FLOW_MPLS_DEFAULT_PORT);
	e->tun.type = DOCA_FLOW_TUN_MPLS_O_UDP;
	must(doca_flow_mpls_label_encode(300, 5, 63, false, &e->tun.mpls[0]));
	must(doca_flow_mpls_label_encode(400, 0, 62, true, &e->tun.mpls[1]));
	control(root, 1, &tcp, NULL, &a, &across);
}

int main(void)
{
	struct doca_flow_match esp = {.tun = {.type = DOCA_FLOW_TUN_ESP}}, psp = {.tun = {.type = DOCA_FLOW_TUN_PSP}};
	struct doca_flow_fwd across = to_port(1), back = to_port(0);
	struct doca_flow_pipe *root;

	begin();
	esp.tun.esp_spi = DOCA_HTOBE32(0xabc);
	psp.tun.psp.spi = DOCA_HTOBE32(0x10001);
	psp.tun.psp.nexthdr = DOCA_FLOW_PROTO_IPV4;
	root = control_pipe("ROOT", true);
	out_of_mpls(root);
	into_mpls(root);
	control(root, 0, &esp, NULL, NULL, &across);
	control(root, 0, &psp, NULL, NULL, &back);
	wait_for_packets();
	return end();
}
