/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * geneve: a parser names an option, class 0x0102 type 0x21 with two words; its second word and the VNI choose the entry. One entry
 * writes the word, one takes the tunnel off, and what comes without a tunnel goes into one with that option.
 */
#include "begin.h"

#define OPTION_WORDS 2

static struct doca_flow_parser *name_option(void)
{
	struct doca_flow_parser_geneve_opt_cfg option = {.match_on_class_mode = DOCA_FLOW_PARSER_GENEVE_OPT_MODE_FIXED,
		.option_class = DOCA_HTOBE16(0x0102), .option_type = 0x21, .option_len = OPTION_WORDS};
	struct doca_flow_parser *parser;

	option.data_mask[1] = UINT32_MAX;
	must(doca_flow_parser_geneve_opt_create(port[0], &option, 1, &parser));
	return parser;
}

static void set_option(struct doca_flow_tun *tun, doca_be32_t second_word)
{
	tun->type = DOCA_FLOW_TUN_GENEVE;
	tun->geneve_options[0].class_id = DOCA_HTOBE16(0x0102);
	tun->geneve_options[0].type = 0x21;
	tun->geneve_options[0].length = OPTION_WORDS;
	tun->geneve_options[2].data = second_word;
}

/* Entries by VNI and word; the first template writes the word, the second decapsulates. */
static struct doca_flow_pipe *make_options(void)
{
	struct doca_flow_match open = {0}, mask = {0};
	struct doca_flow_actions write = {0}, out = {.decap_type = DOCA_FLOW_RESOURCE_TYPE_NON_SHARED, .decap_cfg.is_l2 = true};
	struct doca_flow_actions *templates[] = {&write, &out};
	struct doca_flow_fwd across = to_port(1);
	struct doca_flow_pipe_cfg *cfg;

	set_option(&open.tun, UINT32_MAX);
	open.tun.geneve.vni = UINT32_MAX;
	mask.tun.type = DOCA_FLOW_TUN_GENEVE;
	mask.tun.geneve.vni = DOCA_HTOBE32(0xffffff00);
	mask.tun.geneve_options[0].class_id = UINT16_MAX;
	mask.tun.geneve_options[0].type = UINT8_MAX;
	mask.tun.geneve_options[2].data = UINT32_MAX;
	set_option(&write.tun, UINT32_MAX);
	cfg = basic_cfg("OPTIONS", false, &open, &mask);
	must(doca_flow_pipe_cfg_set_actions(cfg, templates, NULL, NULL, 2));
	return pipe_from(cfg, &across, &drop);
}

static void entry(struct doca_flow_pipe *pipe, uint32_t vni, uint32_t word, uint8_t template, const struct doca_flow_actions *actions)
{
	struct doca_flow_match match = {0};

	set_option(&match.tun, DOCA_HTOBE32(word));
	match.tun.geneve.vni = DOCA_HTOBE32(vni << 8);
	must(doca_flow_pipe_basic_add_entry(0, pipe, &match, template, actions, NULL, NULL, 0, NULL, NULL));
}

static struct doca_flow_actions into_geneve(void)
{
	struct doca_flow_actions a = {.encap_type = DOCA_FLOW_RESOURCE_TYPE_NON_SHARED, .encap_cfg.is_l2 = true};
	struct doca_flow_encap_action *e = &a.encap_cfg.encap;

	outer_ip4(&e->outer);
	e->outer.l4_type_ext = DOCA_FLOW_L4_TYPE_EXT_UDP;
	set_option(&e->tun, DOCA_HTOBE32(0xcafe));
	e->tun.geneve.ver_opt_len = 1 + OPTION_WORDS;
	e->tun.geneve.next_proto = DOCA_HTOBE16(DOCA_FLOW_ETHER_TYPE_TEB);
	e->tun.geneve.vni = DOCA_HTOBE32(42 << 8);
	return a;
}

int main(void)
{
	struct doca_flow_match geneve = {.tun.type = DOCA_FLOW_TUN_GENEVE}, tcp = {.parser_meta.outer_l4_type = DOCA_FLOW_L4_META_TCP};
	struct doca_flow_actions in = into_geneve(), write = {0};
	struct doca_flow_fwd across = to_port(1), next;
	struct doca_flow_pipe *options, *root;
	struct doca_flow_parser *parser;

	begin();
	parser = name_option();
	options = make_options();
	set_option(&write.tun, DOCA_HTOBE32(0xbeef));
	entry(options, 7, 5, 0, &write);
	entry(options, 8, 5, 1, NULL);
	next = to_pipe(options);
	root = control_pipe("ROOT", true);
	control(root, 0, &geneve, NULL, NULL, &next);
	control(root, 1, &tcp, NULL, &in, &across);
	wait_for_packets();
	end();
	must(doca_flow_parser_geneve_opt_destroy(parser));
	return 0;
}
