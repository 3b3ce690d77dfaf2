/* SPDX-License-Identifier: BSD-3-Clause */
/* shared: resources that entries share; labels, parsers, crypto; custom headers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include <doca_flow_custom_header_graph.h>
#include <doca_flow_tune_server.h>

#include "said.h"

void shared(void **state)
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

static struct doca_flow_pipe_cfg *choosing_cfg(struct doca_flow_port *port, struct doca_flow_actions *a)
{
	struct doca_flow_pipe_cfg *cfg = rig_pipe_cfg(port, "CHOOSING", DOCA_FLOW_PIPE_BASIC, false);
	struct doca_flow_match m = open_tuple();

	OK(doca_flow_pipe_cfg_set_match(cfg, &m, NULL));
	OK(doca_flow_pipe_cfg_set_actions(cfg, &a, NULL, NULL, 1));
	return cfg;
}

/* Port 1 anew, with so many shared encaps that a template of each is too many. */
static void too_many_choices(struct doca_flow_actions *a)
{
	struct doca_flow_port_cfg *port_cfg;
	struct doca_flow_fwd f = to_port();

	OK(doca_flow_port_stop(rig_port[1]));
	OK(doca_flow_port_cfg_create(&port_cfg));
	OK(doca_flow_port_cfg_set_port_id(port_cfg, 1));
	OK(doca_flow_port_cfg_set_nr_resources(port_cfg, DOCA_FLOW_RESOURCE_ENCAP, 70000));
	OK(doca_flow_port_start(port_cfg, &rig_port[1]));
	OK(doca_flow_port_cfg_destroy(port_cfg));
	refuse_cfg(choosing_cfg(rig_port[1], a), &f);
}

void choosing(void **state)
{
	struct doca_flow_actions a = {.encap_type = DOCA_FLOW_RESOURCE_TYPE_SHARED, .shared_encap_id = UINT32_MAX};
	struct doca_flow_match m = open_tuple();
	struct doca_flow_fwd f = to_port();
	struct doca_flow_pipe *pipe;

	rig_open("vnf,hws", 2);
	pipe = rig_pipe(choosing_cfg(rig_port[0], &a), &f, NULL);
	said(doca_flow_pipe_basic_add_entry(0, pipe, &m, 0, NULL, NULL, NULL, 0, NULL, NULL));
	a.shared_encap_id = 1;
	said(doca_flow_pipe_basic_add_entry(0, pipe, &m, 0, &a, NULL, NULL, 0, NULL, NULL));
	a.shared_encap_id = 999;
	said(doca_flow_pipe_basic_add_entry(0, pipe, &m, 0, &a, NULL, NULL, 0, NULL, NULL));
	a.shared_encap_id = UINT32_MAX;
	pipe = good_pipe("STEERING", DOCA_FLOW_PIPE_CONTROL, true);
	said(doca_flow_pipe_control_add_entry(0, pipe, NULL, NULL, NULL, &a, NULL, NULL, NULL, 0, &f, NULL, NULL));
	too_many_choices(&a);
	rig_close();
}

void two_counters(void **state)
{
	struct doca_flow_monitor count = {.counter_type = DOCA_FLOW_RESOURCE_TYPE_SHARED};
	struct doca_flow_ordered_list_element e[2] = {
		{.type = DOCA_FLOW_ORDERED_LIST_ELEMENT_MONITOR, .monitor = &count}, {.type = DOCA_FLOW_ORDERED_LIST_ELEMENT_MONITOR, .monitor = &count}};
	struct doca_flow_ordered_list list = {.size = 2, .elements = e}, *lists[] = {&list};
	struct doca_flow_pipe_cfg *cfg;
	struct doca_flow_fwd f = to_port();

	rig_open("vnf,hws", 2);
	cfg = rig_pipe_cfg(rig_port[0], "LIST", DOCA_FLOW_PIPE_ORDERED_LIST, false);
	OK(doca_flow_pipe_cfg_set_ordered_lists(cfg, lists, 1));
	refuse_cfg(cfg, &f);
	rig_close();
}

/* ---- labels, parsers, crypto ---- */

static void refuse_options(const char *name, const struct doca_flow_match *m)
{
	struct doca_flow_pipe_cfg *cfg = rig_pipe_cfg(rig_port[0], name, DOCA_FLOW_PIPE_BASIC, false);
	struct doca_flow_fwd f = to_port();

	OK(doca_flow_pipe_cfg_set_match(cfg, m, NULL));
	refuse_cfg(cfg, &f);
}

static void options_of_geneve(void)
{
	struct doca_flow_parser_geneve_opt_cfg o[17] = {0};
	struct doca_flow_match m = {.tun.type = DOCA_FLOW_TUN_GENEVE};
	struct doca_flow_parser *parser;

	o[0].option_len = 99;
	said(doca_flow_parser_geneve_opt_create(rig_port[0], o, 1, &parser));
	for (unsigned i = 0; i < 17; i++)
		o[i] = (struct doca_flow_parser_geneve_opt_cfg){.option_type = i + 1, .option_len = 2};
	said(doca_flow_parser_geneve_opt_create(rig_port[0], o, 17, &parser));
	OK(doca_flow_parser_geneve_opt_create(rig_port[0], o, 1, &parser));
	said(doca_flow_parser_geneve_opt_create(rig_port[0], o, 1, &parser));
	m.tun.geneve_options[0].type = 200;
	refuse_options("NO_PARSER", &m);
	m.tun.geneve_options[0].type = 1;
	m.tun.geneve_options[0].length = 2;
	m.tun.geneve_options[1].data = UINT32_MAX;
	refuse_options("NO_WORD", &m);
	OK(doca_flow_parser_geneve_opt_destroy(parser));
}

void extras(void **state)
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

/* ---- custom headers ---- */

void custom_headers(void **state)
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
