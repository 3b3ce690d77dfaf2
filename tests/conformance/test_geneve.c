/* SPDX-License-Identifier: BSD-3-Clause */
/* Geneve options: matched and written by the words that a parser names, wherever the option stands. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include <doca_softdpu.h>

#include "rig.h"

#include "packet/fixture.h"

/* The fixture's option: class 0x102, type 0x21; `word` is the last word of its data. */
#define CLASS DOCA_HTOBE16(0x0102)
#define TYPE 0x21
#define FRAME(options) "eth ip4:1.2.3.4>8.8.8.8 udp:7>6081,csum=0 geneve:9" options " eth ip4:10.0.0.1>10.0.0.2 udp:1>2"

static struct doca_flow_parser *parser_of(struct doca_flow_port *port, unsigned mode, unsigned words)
{
	struct doca_flow_parser_geneve_opt_cfg o = {.match_on_class_mode = (enum doca_flow_parser_geneve_opt_mode)mode,
		.option_class = CLASS, .option_type = TYPE, .option_len = words};
	struct doca_flow_parser *parser;

	o.data_mask[words - 1] = UINT32_MAX;
	OK(doca_flow_parser_geneve_opt_create(port, &o, 1, &parser));
	return parser;
}

static void option(struct doca_flow_tun *t, unsigned words, uint32_t last)
{
	t->type = DOCA_FLOW_TUN_GENEVE;
	t->geneve_options[0].class_id = CLASS;
	t->geneve_options[0].type = TYPE;
	t->geneve_options[0].length = words;
	t->geneve_options[words].data = last;
}

static struct doca_flow_pipe *by_option(struct doca_flow_actions *a, unsigned words)
{
	struct doca_flow_pipe_cfg *cfg = rig_pipe_cfg(rig_port[0], "OPTION", DOCA_FLOW_PIPE_BASIC, true);
	struct doca_flow_match m = {0}, mask = {0};
	struct doca_flow_fwd fwd = {.type = DOCA_FLOW_FWD_PORT, .port_id = 1}, drop = {.type = DOCA_FLOW_FWD_DROP};

	option(&m.tun, words, UINT32_MAX);
	option(&mask.tun, 0, 0);
	mask.tun.geneve_options[0].class_id = UINT16_MAX;
	mask.tun.geneve_options[0].type = UINT8_MAX;
	mask.tun.geneve_options[words].data = UINT32_MAX;
	OK(doca_flow_pipe_cfg_set_match(cfg, &m, &mask));
	if (a)
		OK(doca_flow_pipe_cfg_set_actions(cfg, &a, NULL, NULL, 1));
	return rig_pipe(cfg, &fwd, &drop);
}

static void add(struct doca_flow_pipe *pipe, unsigned words, uint32_t value, struct doca_flow_actions *a)
{
	struct doca_flow_match m = {0};

	m.tun.geneve_options[words].data = DOCA_HTOBE32(value);
	OK(doca_flow_pipe_basic_add_entry(0, pipe, &m, 0, a, NULL, NULL, DOCA_FLOW_ENTRY_FLAGS_NO_WAIT, NULL, NULL));
	rig_process(rig_port[0], 1);
}

static void a_word_is_matched(void **state)
{
	struct doca_flow_parser *parser;

	rig_open("vnf,hws", 2);
	parser = parser_of(rig_port[0], DOCA_FLOW_PARSER_GENEVE_OPT_MODE_FIXED, 3);
	add(by_option(NULL, 3), 3, 0xabcdef, NULL);
	rig_send(0, FRAME(",opt=16,word=0xabcdef"));
	rig_expect(1, FRAME(",opt=16,word=0xabcdef"));
	rig_send(0, FRAME(",opt=16,word=0xabcdee"));
	rig_send(0, FRAME(",opt=8,word=0xabcdef")); /* one word: the third is not there */
	rig_send(0, FRAME(""));
	rig_expect_nothing();
	rig_close();
	OK(doca_flow_parser_geneve_opt_destroy(parser));
}

static void a_word_is_written(void **state)
{
	struct doca_flow_actions template = {0}, mine = {0};
	struct doca_flow_parser *parser;

	rig_open("vnf,hws", 2);
	parser = parser_of(rig_port[0], DOCA_FLOW_PARSER_GENEVE_OPT_MODE_IGNORE, 2);
	option(&template.tun, 2, UINT32_MAX);
	mine.tun.geneve_options[2].data = DOCA_HTOBE32(77);
	add(by_option(&template, 2), 2, 5, &mine);
	rig_send(0, FRAME(",opt=12,word=5"));
	rig_expect(1, FRAME(",opt=12,word=77"));
	rig_close();
	OK(doca_flow_parser_geneve_opt_destroy(parser));
}

/* Ports share samplers; they go with the last parser, so another program run names others. */
static void parsers_come_and_go(void **state)
{
	for (unsigned round = 0; round < 40; round++) {
		struct doca_flow_parser *a, *b;

		rig_open("vnf,hws", 2);
		a = parser_of(rig_port[0], DOCA_FLOW_PARSER_GENEVE_OPT_MODE_MATCHABLE, 1 + round % 3);
		b = parser_of(rig_port[1], DOCA_FLOW_PARSER_GENEVE_OPT_MODE_MATCHABLE, 1 + round % 3);
		OK(doca_flow_parser_geneve_opt_destroy(a));
		if (round % 2)
			OK(doca_flow_parser_geneve_opt_destroy(b));
		rig_close();
		if (round % 2 == 0)
			OK(doca_flow_parser_geneve_opt_destroy(b)); /* its port is gone */
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(a_word_is_matched), cmocka_unit_test(a_word_is_written),
		cmocka_unit_test(parsers_come_and_go)};

	test_eal_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
