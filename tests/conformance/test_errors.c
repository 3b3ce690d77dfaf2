/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Every refusal of libdoca_flow, provoked: the error and its sentence, one a line (ERROR<TAB>sentence). devtools/flow_errors.py
 * compares them with the sources and with docs/flow/errors.md, so neither can drift. Connection tracking has its own tests.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include <doca_flow_custom_header_graph.h>
#include <doca_flow_tune_server.h>
#include <doca_softdpu.h>

#include "rig.h"

#include "base/base.h"
#include "packet/fixture.h"

static void said(doca_error_t err)
{
	if (err == DOCA_SUCCESS)
		fail_msg("a call that must be refused was not; before it: %s", doca_softdpu_last_refusal());
	printf("%s\t%s\n", doca_error_get_name(err), doca_softdpu_last_refusal());
}

/* A pipe on port 0 that nothing is wrong with. */
static struct doca_flow_match open_tuple(void)
{
	struct doca_flow_match m = {.outer.l3_type = DOCA_FLOW_L3_TYPE_IP4, .outer.ip4.dst_ip = UINT32_MAX};

	return m;
}

static struct doca_flow_fwd to_port(void)
{
	struct doca_flow_fwd f = {.type = DOCA_FLOW_FWD_PORT, .port_id = 1};

	return f;
}

static struct doca_flow_pipe *good_pipe(const char *name, enum doca_flow_pipe_type type, bool open_fwd)
{
	struct doca_flow_pipe_cfg *cfg = rig_pipe_cfg(rig_port[0], name, type, false);
	struct doca_flow_match m = open_tuple();
	struct doca_flow_fwd f = to_port();

	OK(doca_flow_pipe_cfg_set_match(cfg, &m, type == DOCA_FLOW_PIPE_HASH ? &m : NULL));
	OK(doca_flow_pipe_cfg_set_nr_entries(cfg, 2));
	return rig_pipe(cfg, open_fwd ? NULL : &f, NULL);
}

/* ---- configuration objects ---- */

static void library_cfg(void **state)
{
	struct doca_flow_cfg *cfg;
	char longer[200];
	uint8_t key[8] = {0};
	uint16_t queues[1] = {0};
	struct doca_flow_resource_rss_cfg rss = {.nr_queues = 1000, .queues_array = queues};

	memset(longer, 'v', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = 0;
	said(doca_flow_cfg_create(NULL));
	OK(doca_flow_cfg_create(&cfg));
	said(doca_flow_cfg_set_pipe_queues(cfg, 0));
	said(doca_flow_cfg_set_queue_depth(cfg, 0));
	said(doca_flow_cfg_set_mode_args(cfg, longer));
	said(doca_flow_cfg_set_nr_shared_resource(cfg, 1, DOCA_FLOW_SHARED_RESOURCE_MAX));
	said(doca_flow_cfg_set_rss_key(cfg, key, sizeof(key)));
	said(doca_flow_cfg_set_default_rss(cfg, &rss));
	rss = (struct doca_flow_resource_rss_cfg){.nr_queues = 1};
	said(doca_flow_cfg_set_default_rss(cfg, &rss));
	rss.queues_array = queues;
	rss.rss_hash_func = (enum doca_flow_rss_hash_function)7;
	said(doca_flow_cfg_set_default_rss(cfg, &rss));
	OK(doca_flow_cfg_set_mode_args(cfg, "vnf,fast"));
	said(doca_flow_init(cfg));
	OK(doca_flow_cfg_set_mode_args(cfg, "hws"));
	said(doca_flow_init(cfg));
	OK(doca_flow_cfg_destroy(cfg));
}

static void port_cfg(void **state)
{
	struct doca_flow_port_cfg *cfg;
	struct doca_flow_port *port;

	OK(doca_flow_port_cfg_create(&cfg));
	said(doca_flow_port_cfg_set_port_id(cfg, 999));
	said(doca_flow_port_cfg_set_nr_resources(cfg, DOCA_FLOW_RESOURCE_MAX, 1));
	said(doca_flow_port_start(cfg, &port));
	OK(doca_flow_port_cfg_destroy(cfg));
}

static void ports(void **state)
{
	struct doca_flow_port_cfg *cfg;
	struct doca_flow_port *port;
	struct doca_flow_cfg *again;

	rig_open("vnf,hws", 2);
	OK(doca_flow_cfg_create(&again));
	said(doca_flow_init(again));
	OK(doca_flow_cfg_destroy(again));
	OK(doca_flow_port_cfg_create(&cfg));
	said(doca_flow_port_start(cfg, &port));
	OK(doca_flow_port_cfg_set_port_id(cfg, 0));
	said(doca_flow_port_start(cfg, &port));
	OK(doca_flow_port_cfg_set_port_id(cfg, 5));
	OK(doca_flow_port_cfg_set_dev_rep(cfg, (struct doca_dev_rep *)(uintptr_t)64));
	said(doca_flow_port_start(cfg, &port));
	OK(doca_flow_port_cfg_destroy(cfg));
	said(doca_flow_port_update_default_miss(rig_port[0], 0x80, true));
	said(doca_flow_port_crypto_ipsec_update_sn(rig_port[0], 0, 0));
	said(doca_flow_entries_process(rig_port[0], 77, 0, 0));
	rig_close();
}

static void no_switch(void **state)
{
	struct doca_flow_port_cfg *cfg;
	struct doca_flow_port *port;
	struct doca_flow_cfg *lib;

	OK(doca_flow_cfg_create(&lib));
	OK(doca_flow_init(lib));
	OK(doca_flow_cfg_destroy(lib));
	OK(doca_flow_port_cfg_create(&cfg));
	OK(doca_flow_port_cfg_set_port_id(cfg, 0));
	said(doca_flow_port_start(cfg, &port));
	OK(doca_flow_port_cfg_destroy(cfg));
	doca_flow_destroy();
}

static void definitions(void **state)
{
	struct doca_flow_definitions_cfg *cfg;
	struct doca_flow_definitions *defs;
	doca_error_t err = DOCA_SUCCESS;

	OK(doca_flow_definitions_cfg_create(&cfg));
	OK(doca_flow_definitions_create(cfg, &defs));
	OK(doca_flow_definitions_cfg_destroy(cfg));
	said(doca_flow_definitions_add_field(defs, "match.packet.outer.ipv4.src_jp", 0, 4));
	said(doca_flow_definitions_add_field(defs, "match.packet.outer.ipv4.src_ip", 0, 8));
	rig_open_with("vnf,hws", 1, defs);
	said(doca_flow_definitions_destroy(defs));
	rig_close();
	for (unsigned i = 0; err == DOCA_SUCCESS && i < 300; i++)
		err = doca_flow_definitions_add_field(defs, "actions.packet.meta.mark", 0, 4);
	said(err);
	OK(doca_flow_definitions_destroy(defs));
}

/* ---- pipes ---- */

static void pipe_cfg(void **state)
{
	struct doca_flow_action_desc array[20] = {0};
	struct doca_flow_action_descs many = {.nb_action_desc = 20, .desc_array = array}, *descs[] = {&many};
	struct doca_flow_actions a = {0}, *actions[] = {&a};
	struct doca_flow_ordered_list_element e = {.type = DOCA_FLOW_ORDERED_LIST_ELEMENT_CRYPTO};
	struct doca_flow_ordered_list list = {.size = 1, .elements = &e}, *lists[] = {&list};
	struct doca_flow_pipe_cfg *cfg;

	rig_open("vnf,hws", 2);
	cfg = rig_pipe_cfg(rig_port[0], "CFG", DOCA_FLOW_PIPE_BASIC, false);
	said(doca_flow_pipe_cfg_set_actions(cfg, actions, NULL, NULL, 1000));
	said(doca_flow_pipe_cfg_set_actions(cfg, actions, NULL, descs, 1));
	said(doca_flow_pipe_cfg_set_ordered_lists(cfg, lists, 1));
	e.type = DOCA_FLOW_ORDERED_LIST_ELEMENT_NAT64;
	said(doca_flow_pipe_cfg_set_ordered_lists(cfg, lists, 1));
	said(doca_flow_pipe_cfg_set_type(cfg, (enum doca_flow_pipe_type)55));
	said(doca_flow_pipe_cfg_set_domain(cfg, (enum doca_flow_pipe_domain)55));
	said(doca_flow_pipe_cfg_set_nr_entries(cfg, 0));
	said(doca_flow_pipe_cfg_set_congestion_level_threshold(cfg, 101));
	said(doca_flow_pipe_cfg_set_excluded_queue(cfg, 9));
	OK(doca_flow_pipe_cfg_destroy(cfg));
	rig_close();
}

static void refuse_pipe(const char *name, enum doca_flow_pipe_type type, bool root, const struct doca_flow_match *m,
	const struct doca_flow_fwd *f)
{
	struct doca_flow_pipe_cfg *cfg = rig_pipe_cfg(rig_port[0], name, type, root);
	struct doca_flow_pipe *pipe;

	OK(doca_flow_pipe_cfg_set_match(cfg, m, NULL));
	said(doca_flow_pipe_create(cfg, f, NULL, &pipe));
	OK(doca_flow_pipe_cfg_destroy(cfg));
}

static void refuse_fwd(struct doca_flow_fwd f)
{
	struct doca_flow_match m = open_tuple();

	refuse_pipe("FORWARD", DOCA_FLOW_PIPE_BASIC, false, &m, &f);
}

static void growing_pipe(void)
{
	struct doca_flow_pipe_cfg *cfg = rig_pipe_cfg(rig_port[0], "GROWING", DOCA_FLOW_PIPE_BASIC, false);
	struct doca_flow_match m = open_tuple();
	struct doca_flow_fwd f = to_port();
	struct doca_flow_pipe *pipe;

	OK(doca_flow_pipe_cfg_set_match(cfg, &m, NULL));
	OK(doca_flow_pipe_cfg_set_is_resizable(cfg, true));
	OK(doca_flow_pipe_cfg_set_excluded_queue(cfg, 1));
	pipe = rig_pipe(cfg, &f, NULL);
	said(doca_flow_pipe_basic_add_entry(1, pipe, &m, 0, NULL, NULL, NULL, 0, NULL, NULL));
	said(doca_flow_pipe_resize(pipe, 101, NULL, NULL));
	OK(doca_flow_pipe_resize(pipe, 50, NULL, NULL));
	said(doca_flow_pipe_resize(pipe, 50, NULL, NULL));
}

static void pipes(void **state)
{
	struct doca_flow_match m = open_tuple(), none = {0};
	struct doca_flow_fwd f = to_port();
	struct doca_flow_target *target;
	struct doca_flow_pipe *basic;
	uint32_t hash;

	rig_open("vnf,hws", 2);
	refuse_pipe("ROOT", DOCA_FLOW_PIPE_LPM, true, &m, &f);
	refuse_pipe("CONTROL", DOCA_FLOW_PIPE_CONTROL, false, &m, &f);
	refuse_pipe("PREFIX", DOCA_FLOW_PIPE_LPM, false, &none, &f);
	refuse_fwd((struct doca_flow_fwd){.type = DOCA_FLOW_FWD_RSS, .rss_type = DOCA_FLOW_RESOURCE_TYPE_SHARED, .shared_rss_id = 3});
	refuse_fwd((struct doca_flow_fwd){.type = DOCA_FLOW_FWD_HASH_PIPE});
	refuse_fwd((struct doca_flow_fwd){.type = (enum doca_flow_fwd_type)99});
	said(doca_flow_get_target((enum doca_flow_target_type)9, &target));
	basic = good_pipe("BASIC", DOCA_FLOW_PIPE_BASIC, false);
	said(doca_flow_pipe_resize(basic, 50, NULL, NULL));
	said(doca_flow_pipe_calc_hash(basic, &m, &hash));
	growing_pipe();
	f.port_id = UINT16_MAX;
	said(doca_flow_pipe_update_miss(basic, &f));
	rig_close();
}

static void refuse_actions(struct doca_flow_actions a, struct doca_flow_action_descs *d)
{
	struct doca_flow_pipe_cfg *cfg = rig_pipe_cfg(rig_port[0], "ACTIONS", DOCA_FLOW_PIPE_BASIC, false);
	struct doca_flow_actions *actions[] = {&a};
	struct doca_flow_action_descs *descs[] = {d};
	struct doca_flow_match m = open_tuple();
	struct doca_flow_fwd f = to_port();
	struct doca_flow_pipe *pipe;

	OK(doca_flow_pipe_cfg_set_match(cfg, &m, NULL));
	OK(doca_flow_pipe_cfg_set_actions(cfg, actions, NULL, d ? descs : NULL, 1));
	said(doca_flow_pipe_create(cfg, &f, NULL, &pipe));
	OK(doca_flow_pipe_cfg_destroy(cfg));
}

static void refuse_desc(enum doca_flow_action_type type, const char *src, const char *dst)
{
	struct doca_flow_action_desc d = {.type = type, .field_op = {.src = {src, 0}, .dst = {dst, 0}, .width = 8}};
	struct doca_flow_action_descs descs = {1, &d};

	refuse_actions((struct doca_flow_actions){0}, &descs);
}

static void actions(void **state)
{
	struct doca_flow_actions a = {0};

	rig_open("vnf,hws", 2);
	refuse_desc(DOCA_FLOW_ACTION_ADD, NULL, "outer.tcp.window");
	refuse_desc(DOCA_FLOW_ACTION_COPY, "meta.pkt_meta", NULL);
	refuse_desc(DOCA_FLOW_ACTION_COPY, NULL, "meta.pkt_meta");
	a.outer.l3_type = DOCA_FLOW_L3_TYPE_IP4;
	a.outer.ip4.total_len = 5;
	refuse_actions(a, NULL);
	a = (struct doca_flow_actions){.decap_type = DOCA_FLOW_RESOURCE_TYPE_SHARED, .shared_decap_id = 3};
	refuse_actions(a, NULL);
	a = (struct doca_flow_actions){.crypto.action_type = DOCA_FLOW_CRYPTO_ACTION_ENCRYPT};
	refuse_actions(a, NULL);
	rig_close();
}

/* ---- entries ---- */

static doca_error_t add_basic(uint16_t queue, struct doca_flow_pipe *pipe, uint32_t ip, uint8_t action, const struct doca_flow_fwd *f,
	struct doca_flow_pipe_entry **entry)
{
	struct doca_flow_match m = open_tuple();

	m.outer.ip4.dst_ip = ip;
	return doca_flow_pipe_basic_add_entry(queue, pipe, &m, action, NULL, NULL, f, 0, NULL, entry);
}

static struct doca_flow_pipe *pipe_with_actions(struct doca_flow_actions *a)
{
	struct doca_flow_pipe_cfg *cfg = rig_pipe_cfg(rig_port[0], "TEMPLATE", DOCA_FLOW_PIPE_BASIC, false);
	struct doca_flow_actions *list[] = {a};
	struct doca_flow_match m = open_tuple();
	struct doca_flow_fwd f = to_port();

	OK(doca_flow_pipe_cfg_set_match(cfg, &m, NULL));
	OK(doca_flow_pipe_cfg_set_actions(cfg, list, NULL, NULL, 1));
	return rig_pipe(cfg, &f, NULL);
}

static void entries_of_basic(void **state)
{
	struct doca_flow_pipe *pipe, *other;
	struct doca_flow_pipe_entry *e, *doomed;
	struct doca_flow_actions a = {.encap_type = DOCA_FLOW_RESOURCE_TYPE_NON_SHARED};
	struct doca_flow_match m = open_tuple();
	struct doca_flow_fwd f = to_port();

	rig_open("vnf,hws", 2);
	pipe = good_pipe("ENTRIES", DOCA_FLOW_PIPE_BASIC, false);
	other = good_pipe("OTHER", DOCA_FLOW_PIPE_BASIC, true);
	said(add_basic(9, pipe, 1, 0, NULL, NULL));
	said(add_basic(0, NULL, 1, 0, NULL, NULL));
	said(doca_flow_pipe_hash_add_entry(0, pipe, 0, 0, NULL, NULL, NULL, 0, NULL, NULL));
	OK(add_basic(0, pipe, 1, 0, NULL, &e));
	said(add_basic(0, pipe, 1, 0, NULL, NULL));
	said(doca_flow_pipe_basic_update_entry(0, other, 0, NULL, NULL, NULL, 0, e));
	OK(add_basic(0, pipe, 2, 0, NULL, &doomed));
	for (unsigned i = 3; i < 4096; i++)
		if (add_basic(0, pipe, i, 0, NULL, NULL) == DOCA_ERROR_FULL) {
			said(DOCA_ERROR_FULL);
			break;
		}
	OK(doca_flow_pipe_remove_entry(0, 0, doomed));
	said(doca_flow_pipe_remove_entry(0, 0, doomed));
	f.port_id = UINT16_MAX;
	said(add_basic(0, other, 1, 0, &f, NULL));
	a.encap_cfg.encap.outer.l3_type = DOCA_FLOW_L3_TYPE_IP4;
	a.encap_cfg.encap.outer.ip4.dst_ip = UINT32_MAX;
	a.encap_cfg.encap.tun.type = DOCA_FLOW_TUN_MPLS_O_UDP;
	a.encap_cfg.encap.tun.mpls[0].label = a.encap_cfg.encap.tun.mpls[1].label = UINT32_MAX;
	pipe = pipe_with_actions(&a);
	said(doca_flow_pipe_basic_add_entry(0, pipe, &m, 4, &a, NULL, NULL, 0, NULL, NULL));
	memset(a.encap_cfg.encap.tun.mpls, 0, sizeof(a.encap_cfg.encap.tun.mpls));
	said(doca_flow_pipe_basic_add_entry(0, pipe, &m, 0, &a, NULL, NULL, 0, NULL, NULL));
	rig_close();
}

static void entries_of_others(void **state)
{
	struct doca_flow_pipe *acl, *control;
	struct doca_flow_match m = open_tuple();
	struct doca_flow_match_condition c = {.operation = (enum doca_flow_compare_op)40};
	struct doca_flow_fwd f = to_port();

	rig_open("vnf,hws", 2);
	acl = good_pipe("RULES", DOCA_FLOW_PIPE_ACL, false);
	said(doca_flow_pipe_acl_add_entry(0, acl, &m, &m, 0, NULL, 5000, NULL, 0, NULL, NULL));
	control = good_pipe("STEERING", DOCA_FLOW_PIPE_CONTROL, true);
	said(doca_flow_pipe_control_add_entry(0, control, &m, NULL, NULL, NULL, NULL, NULL, NULL, 9, &f, NULL, NULL));
	said(doca_flow_pipe_control_add_entry(0, control, &m, NULL, NULL, NULL, NULL, NULL, NULL, 0, NULL, NULL, NULL));
	said(doca_flow_pipe_control_add_entry(0, control, &m, NULL, &c, NULL, NULL, NULL, NULL, 0, &f, NULL, NULL));
	rig_close();
}

/* ---- shared resources ---- */

static void shared(void **state)
{
	struct doca_flow_shared_resource_cfg cfg = {0};
	struct doca_flow_resource_query query;
	struct doca_flow_port_cfg *port_cfg;
	struct doca_flow_port *port;
	uint32_t id = 0;

	rig_open("vnf,hws", 2);
	said(doca_flow_port_shared_resource_set_cfg(rig_port[0], DOCA_FLOW_SHARED_RESOURCE_MAX, 0, &cfg));
	said(doca_flow_port_shared_resource_set_cfg(rig_port[0], DOCA_FLOW_SHARED_RESOURCE_COUNTER, 999, &cfg));
	said(doca_flow_port_shared_resource_get(rig_port[0], DOCA_FLOW_SHARED_RESOURCE_MAX, &id));
	said(doca_flow_port_shared_resource_get(rig_port[0], DOCA_FLOW_SHARED_RESOURCE_PSP, &id));
	said(doca_flow_port_shared_resources_query(rig_port[0], DOCA_FLOW_SHARED_RESOURCE_RSS, &id, &query, 1));
	said(doca_flow_port_shared_resources_query(rig_port[0], DOCA_FLOW_SHARED_RESOURCE_COUNTER, &id, &query, 1));
	OK(doca_flow_port_stop(rig_port[1]));
	OK(doca_flow_port_cfg_create(&port_cfg));
	OK(doca_flow_port_cfg_set_port_id(port_cfg, 1));
	OK(doca_flow_port_cfg_set_nr_resources(port_cfg, DOCA_FLOW_RESOURCE_PSP, 1));
	OK(doca_flow_port_start(port_cfg, &port));
	OK(doca_flow_port_cfg_destroy(port_cfg));
	said(doca_flow_port_shared_resource_set_cfg(port, DOCA_FLOW_SHARED_RESOURCE_PSP, 0, &cfg));
	rig_port[1] = port;
	rig_close();
}

/* ---- the rest ---- */

static void options_of_geneve(void)
{
	struct doca_flow_parser_geneve_opt_cfg o[17] = {0};
	struct doca_flow_match m = {.tun.type = DOCA_FLOW_TUN_GENEVE};
	struct doca_flow_fwd f = to_port();
	struct doca_flow_parser *parser;

	o[0].option_len = 99;
	said(doca_flow_parser_geneve_opt_create(rig_port[0], o, 1, &parser));
	for (unsigned i = 0; i < 17; i++)
		o[i] = (struct doca_flow_parser_geneve_opt_cfg){.option_type = i + 1, .option_len = 2};
	said(doca_flow_parser_geneve_opt_create(rig_port[0], o, 17, &parser));
	OK(doca_flow_parser_geneve_opt_create(rig_port[0], o, 1, &parser));
	said(doca_flow_parser_geneve_opt_create(rig_port[0], o, 1, &parser));
	m.tun.geneve_options[0].type = 200;
	refuse_pipe("NO_PARSER", DOCA_FLOW_PIPE_BASIC, false, &m, &f);
	m.tun.geneve_options[0].type = 1;
	m.tun.geneve_options[0].length = 2;
	m.tun.geneve_options[1].data = UINT32_MAX;
	refuse_pipe("NO_WORD", DOCA_FLOW_PIPE_BASIC, false, &m, &f);
	OK(doca_flow_parser_geneve_opt_destroy(parser));
}

static void extras(void **state)
{
	struct doca_flow_header_mpls label;
	struct doca_flow_parser_geneve_opt_cfg options[1] = {0};
	struct doca_flow_parser *parser;
	struct doca_flow_tune_cfg *tune;

	OK(doca_flow_tune_cfg_create(&tune));
	said(doca_flow_tune_cfg_set_profile(tune, (enum doca_flow_tune_profile)77));
	OK(doca_flow_tune_cfg_destroy(tune));
	said(doca_flow_mpls_label_encode(0x100000, 0, 0, false, &label));
	said(doca_flow_crypto_psp_master_key_rotate(NULL));
	rig_open("vnf,hws", 1);
	said(doca_flow_parser_geneve_opt_create(rig_port[0], options, 0, &parser));
	options_of_geneve();
	rig_close();
}

static void custom_headers(void **state)
{
	struct doca_dev *dev = (struct doca_dev *)(uintptr_t)64; /* only that there is one matters */
	struct doca_flow_custom_header *h;
	struct doca_flow_custom_header_sampler *s, *more;
	struct doca_flow_custom_header_graph *g, *g2;
	struct doca_flow_custom_header_graph_arc *arc, *arc2;
	const char *text;

	OK(doca_flow_custom_header_create(&h));
	said(doca_flow_custom_header_length_field_set_fixed_length(h, 12));
	said(doca_flow_custom_header_length_field_set_fixed_length(h, 1 << 20));
	said(doca_flow_custom_header_length_field_set_length(h, 33));
	OK(doca_flow_custom_header_sampler_create(h, &s));
	said(doca_flow_custom_header_destroy(h));
	said(doca_flow_custom_header_sampler_set_length(s, 0));
	OK(doca_flow_custom_header_sampler_set_length(s, 32));
	said(doca_flow_custom_header_sampler_set_tunnel_mode(s, (enum doca_flow_custom_header_sampler_tunnel_mode)5));
	said(doca_flow_custom_header_sampler_get_match_definition(s, &text));
	OK(doca_flow_custom_header_graph_create(&g));
	OK(doca_flow_custom_header_graph_create(&g2));
	OK(doca_flow_custom_header_graph_arc_create(g, &arc));
	said(doca_flow_custom_header_graph_destroy(g));
	said(doca_flow_custom_header_graph_bind(g, dev));
	said(doca_flow_custom_header_graph_arc_set_src(arc, DOCA_FLOW_CUSTOM_HEADER_GRAPH_NODE_FLEX, 1, h));
	said(doca_flow_custom_header_graph_arc_set_src(arc, DOCA_FLOW_CUSTOM_HEADER_GRAPH_NODE_UDP, 0, NULL));
	said(doca_flow_custom_header_graph_arc_set_dst(arc, DOCA_FLOW_CUSTOM_HEADER_GRAPH_NODE_FLEX, NULL));
	OK(doca_flow_custom_header_graph_arc_set_src(arc, DOCA_FLOW_CUSTOM_HEADER_GRAPH_NODE_UDP, 4500, NULL));
	OK(doca_flow_custom_header_graph_arc_set_dst(arc, DOCA_FLOW_CUSTOM_HEADER_GRAPH_NODE_FLEX, h));
	OK(doca_flow_custom_header_graph_bind(g, dev));
	said(doca_flow_custom_header_graph_bind(g2, dev));
	said(doca_flow_custom_header_graph_destroy(g));
	said(doca_flow_custom_header_destroy(h));
	said(doca_flow_custom_header_sampler_create(h, &more));
	said(doca_flow_custom_header_sampler_destroy(s));
	said(doca_flow_custom_header_sampler_set_offset(s, 8));
	said(doca_flow_custom_header_graph_arc_create(g, &arc2));
	said(doca_flow_custom_header_graph_arc_destroy(arc));
	said(doca_flow_custom_header_graph_arc_set_src(arc, DOCA_FLOW_CUSTOM_HEADER_GRAPH_NODE_UDP, 1, NULL));
	said(doca_flow_custom_header_graph_arc_set_dst(arc, DOCA_FLOW_CUSTOM_HEADER_GRAPH_NODE_FLEX, h));
	rig_open("vnf,hws", 1);
	said(doca_flow_custom_header_graph_bind(g, dev));
	said(doca_flow_custom_header_graph_unbind(g));
	rig_close();
	OK(doca_flow_custom_header_graph_unbind(g));
	OK(doca_flow_custom_header_graph_arc_destroy(arc));
	OK(doca_flow_custom_header_sampler_destroy(s));
	OK(doca_flow_custom_header_destroy(h));
	OK(doca_flow_custom_header_graph_destroy(g));
	OK(doca_flow_custom_header_graph_destroy(g2));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(library_cfg), cmocka_unit_test(port_cfg), cmocka_unit_test(ports), cmocka_unit_test(no_switch),
		cmocka_unit_test(definitions), cmocka_unit_test(pipe_cfg), cmocka_unit_test(pipes), cmocka_unit_test(actions),
		cmocka_unit_test(entries_of_basic), cmocka_unit_test(entries_of_others), cmocka_unit_test(shared), cmocka_unit_test(extras),
		cmocka_unit_test(custom_headers),
	};

	test_eal_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
