/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * memory: every call that allocates, with its first, second, ... allocation failing until none does: each time it is refused or
 * done without, and what it holds can be taken down.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include <doca_flow_ct.h>
#include <doca_flow_custom_header_graph.h>
#include <doca_flow_tune_server.h>

#include "alloc.h"
#include "said.h"

/* The call, without memory and at last with it; `undo` after each success. */
#define EACH(call, undo)                                                                           \
	for (unsigned n = 1, more = 1; more; n++) {                                                    \
		doca_error_t err;                                                                          \
		alloc_fail(n);                                                                             \
		err = call;                                                                                \
		more = alloc_failed();                                                                     \
		if (err != DOCA_SUCCESS)                                                                   \
			said(err);                                                                             \
		else {                                                                                     \
			undo;                                                                                  \
		}                                                                                          \
		assert_true(more || err == DOCA_SUCCESS);                                                  \
	}

static void objects(void)
{
	struct doca_flow_cfg *cfg;
	struct doca_flow_port_cfg *port;
	struct doca_flow_ct_cfg *ct;
	struct doca_flow_tune_cfg *tune;
	struct doca_flow_tune_server_cfg *server;
	struct doca_flow_custom_header *header;
	struct doca_flow_custom_header_sampler *sampler;
	struct doca_flow_custom_header_graph *graph;

	EACH(doca_flow_cfg_create(&cfg), doca_flow_cfg_destroy(cfg));
	EACH(doca_flow_port_cfg_create(&port), doca_flow_port_cfg_destroy(port));
	EACH(doca_flow_ct_cfg_create(&ct), doca_flow_ct_cfg_destroy(ct));
	EACH(doca_flow_tune_cfg_create(&tune), doca_flow_tune_cfg_destroy(tune));
	EACH(doca_flow_tune_server_cfg_create(&server), doca_flow_tune_server_cfg_destroy(server));
	EACH(doca_flow_custom_header_graph_create(&graph), doca_flow_custom_header_graph_destroy(graph));
	OK(doca_flow_custom_header_create(&header));
	EACH(doca_flow_custom_header_sampler_create(header, &sampler), doca_flow_custom_header_sampler_destroy(sampler));
	OK(doca_flow_custom_header_destroy(header));
}

static void ports_again(void)
{
	struct doca_flow_port_cfg *cfg;

	OK(doca_flow_port_stop(rig_port[1]));
	OK(doca_flow_port_cfg_create(&cfg));
	OK(doca_flow_port_cfg_set_port_id(cfg, 1));
	EACH(doca_flow_port_start(cfg, &rig_port[1]), doca_flow_port_stop(rig_port[1]));
	OK(doca_flow_port_start(cfg, &rig_port[1]));
	OK(doca_flow_port_cfg_destroy(cfg));
}

/* Definitions make copies of matches and actions longer; a list and queues are copied as well. */
static void copies(void)
{
	static struct { struct doca_flow_match m; uint8_t reach[64]; } match, mask;
	static struct { struct doca_flow_actions a; uint8_t reach[64]; } action, action_mask;
	struct doca_flow_actions *actions[] = {&action.a}, *masks[] = {&action_mask.a};
	struct doca_flow_ordered_list_element e = {.actions = &action.a};
	struct doca_flow_ordered_list list = {.size = 1, .elements = &e}, *lists[] = {&list};
	struct doca_flow_pipe_cfg *cfg;

	EACH(doca_flow_pipe_cfg_create(&cfg, rig_port[0]), doca_flow_pipe_cfg_destroy(cfg));
	OK(doca_flow_pipe_cfg_create(&cfg, rig_port[0]));
	EACH(doca_flow_pipe_cfg_set_match(cfg, &match.m, &mask.m), );
	EACH(doca_flow_pipe_cfg_set_actions(cfg, actions, masks, NULL, 1), );
	EACH(doca_flow_pipe_cfg_set_ordered_lists(cfg, lists, 1), );
	OK(doca_flow_pipe_cfg_destroy(cfg));
}

/* ---- pipes of every kind, and an entry in each ---- */

static struct doca_flow_monitor monitor = {.counter_type = DOCA_FLOW_RESOURCE_TYPE_NON_SHARED, .aging_enabled = true, .aging_sec = 9,
	.meter_type = DOCA_FLOW_RESOURCE_TYPE_NON_SHARED, .non_shared_meter = {.cir = 1000, .cbs = 1000}};

static doca_error_t add(struct doca_flow_pipe *pipe, enum doca_flow_pipe_type type, struct doca_flow_pipe_entry **e)
{
	struct doca_flow_match m = {.outer = {.l3_type = DOCA_FLOW_L3_TYPE_IP4, .ip4.dst_ip = 5}}, mask = open_tuple();
	struct doca_flow_actions a = {.outer = {.l3_type = DOCA_FLOW_L3_TYPE_IP4, .ip4.src_ip = 7}};
	struct doca_flow_ordered_list_element element = {.actions = &a};
	struct doca_flow_ordered_list list = {.size = 1, .elements = &element};
	struct doca_flow_fwd f = to_port();

	switch (type) {
	case DOCA_FLOW_PIPE_CONTROL:
		return doca_flow_pipe_control_add_entry(0, pipe, &m, &mask, NULL, &a, NULL, NULL, &monitor, 0, &f, NULL, e);
	case DOCA_FLOW_PIPE_LPM:
		return doca_flow_pipe_lpm_add_entry(0, pipe, &m, &mask, 0, &a, &monitor, NULL, 0, NULL, e);
	case DOCA_FLOW_PIPE_ACL:
		return doca_flow_pipe_acl_add_entry(0, pipe, &m, &mask, 0, &a, 5, NULL, 0, NULL, e);
	case DOCA_FLOW_PIPE_HASH:
		return doca_flow_pipe_hash_add_entry(0, pipe, 1, 0, &a, &monitor, NULL, 0, NULL, e);
	case DOCA_FLOW_PIPE_ORDERED_LIST:
		return doca_flow_pipe_ordered_list_add_entry(0, pipe, 1, &list, NULL, 0, NULL, e);
	default:
		return doca_flow_pipe_basic_add_entry(0, pipe, &m, 0, &a, &monitor, NULL, 0, NULL, e);
	}
}

static void take_out(struct doca_flow_pipe_entry *e)
{
	OK(doca_flow_pipe_remove_entry(0, 0, e));
	OK(doca_flow_entries_process(rig_port[0], 0, 0, 0));
}

static struct doca_flow_pipe_cfg *full_cfg(enum doca_flow_pipe_type type)
{
	struct doca_flow_actions a = {.outer = {.l3_type = DOCA_FLOW_L3_TYPE_IP4, .ip4.src_ip = UINT32_MAX}}, *actions[] = {&a};
	struct doca_flow_ordered_list_element e = {.actions = &a};
	struct doca_flow_ordered_list list = {.size = 1, .elements = &e}, *lists[] = {&list};
	struct doca_flow_pipe_cfg *cfg = good_cfg("KINDS", type);

	if (type != DOCA_FLOW_PIPE_CONTROL && type != DOCA_FLOW_PIPE_ORDERED_LIST)
		OK(doca_flow_pipe_cfg_set_actions(cfg, actions, NULL, NULL, 1));
	if (type == DOCA_FLOW_PIPE_ORDERED_LIST)
		OK(doca_flow_pipe_cfg_set_ordered_lists(cfg, lists, 1));
	OK(doca_flow_pipe_cfg_set_miss_counter(cfg, true));
	if (type != DOCA_FLOW_PIPE_CONTROL)
		OK(doca_flow_pipe_cfg_set_monitor(cfg, &monitor));
	return cfg;
}

static void kind(enum doca_flow_pipe_type type)
{
	static uint16_t queues[] = {0, 1};
	struct doca_flow_fwd f = to_port(), rss = {.type = DOCA_FLOW_FWD_RSS, .rss = {.nr_queues = 2, .queues_array = queues, .outer_flags = type + 1}};
	struct doca_flow_pipe_cfg *cfg = full_cfg(type);
	const struct doca_flow_fwd *fwd = type == DOCA_FLOW_PIPE_CONTROL ? NULL : type == DOCA_FLOW_PIPE_BASIC ? &rss : &f;
	struct doca_flow_pipe *pipe;
	struct doca_flow_pipe_entry *e;

	EACH(doca_flow_pipe_create(cfg, fwd, NULL, &pipe), doca_flow_pipe_destroy(pipe));
	if (type == DOCA_FLOW_PIPE_BASIC) {
		alloc_no_maps(true); /* a table asks for much, then for little */
		said(doca_flow_pipe_create(cfg, fwd, NULL, &pipe));
		alloc_no_maps(false);
	}
	OK(doca_flow_pipe_create(cfg, fwd, NULL, &pipe));
	OK(doca_flow_pipe_cfg_destroy(cfg));
	EACH(add(pipe, type, &e), take_out(e));
	if (type == DOCA_FLOW_PIPE_BASIC) {
		OK(add(pipe, type, &e));
		EACH(doca_flow_pipe_basic_update_entry(0, pipe, 0, NULL, NULL, &f, 0, e), );
		rss.rss.outer_flags = 1u << 12;
		EACH(doca_flow_pipe_update_miss(pipe, &rss), );
	}
	doca_flow_pipe_destroy(pipe);
}

/* ---- the rest ---- */

static void resize_done(void)
{
	for (uint16_t queue = 0; queue < 2; queue++)
		OK(doca_flow_entries_process(rig_port[0], queue, 0, 0));
}

static void growing(void)
{
	struct doca_flow_pipe_cfg *cfg = good_cfg("GROWS", DOCA_FLOW_PIPE_BASIC);
	struct doca_flow_fwd f = to_port();
	struct doca_flow_pipe *pipe;

	OK(doca_flow_pipe_cfg_set_is_resizable(cfg, true));
	pipe = rig_pipe(cfg, &f, NULL);
	OK(add_basic(0, pipe, 1, 0, NULL, NULL));
	EACH(doca_flow_pipe_resize(pipe, 50, NULL, NULL), resize_done());
}

static void parsers(void)
{
	struct doca_flow_parser_geneve_opt_cfg option = {.option_len = 1};
	struct doca_flow_shared_resource_cfg meter = {.meter_cfg = {.cir = 5, .cbs = 5}};
	struct doca_flow_parser *parser;

	EACH(doca_flow_parser_geneve_opt_create(rig_port[0], &option, 1, &parser), doca_flow_parser_geneve_opt_destroy(parser));
	EACH(doca_flow_port_shared_resource_set_cfg(rig_port[0], DOCA_FLOW_SHARED_RESOURCE_METER, 3, &meter), );
}

static void begin_ct(void)
{
	struct doca_flow_ct_cfg *cfg;

	OK(doca_flow_ct_cfg_create(&cfg));
	OK(doca_flow_ct_cfg_set_connections(cfg, 8, 8, 0));
	OK(doca_flow_ct_cfg_set_dup_filter_size(cfg, 8));
	OK(doca_flow_ct_init(cfg));
	OK(doca_flow_ct_cfg_destroy(cfg));
}

static void connections(void)
{
	struct doca_flow_ct_match m = {.ipv4 = {.src_ip = 1, .dst_ip = 2, .next_proto = 6}};
	struct doca_flow_fwd f = to_port();
	struct doca_flow_pipe_cfg *cfg = good_cfg("CT", DOCA_FLOW_PIPE_CT);
	struct doca_flow_pipe *pipe;
	struct doca_flow_pipe_entry *e;

	EACH(doca_flow_pipe_create(cfg, &f, NULL, &pipe), doca_flow_pipe_destroy(pipe));
	OK(doca_flow_pipe_create(cfg, &f, NULL, &pipe));
	OK(doca_flow_pipe_cfg_destroy(cfg));
	EACH(doca_flow_ct_entry_prepare(2, pipe, DOCA_FLOW_CT_ENTRY_FLAGS_ALLOC_ON_MISS, &m, 0, NULL, 0, &e, NULL),
		OK(doca_flow_ct_rm_entry(2, pipe, 0, e)));
	for (unsigned n = 1, more = 1; more; n++) {
		doca_error_t err;

		m.ipv4.src_ip = n;
		OK(doca_flow_ct_entry_prepare(2, pipe, DOCA_FLOW_CT_ENTRY_FLAGS_ALLOC_ON_MISS, &m, 0, NULL, 0, &e, NULL));
		alloc_fail(n);
		err = doca_flow_ct_add_entry(2, pipe, DOCA_FLOW_CT_ENTRY_FLAGS_DIR_ORIGIN, &m, NULL, NULL, NULL, 0, 0, 0, NULL, e);
		more = alloc_failed();
		if (err != DOCA_SUCCESS)
			said(err);
		else if (more) /* done without: out again */
			OK(doca_flow_ct_rm_entry(2, pipe, 0, e));
		OK(doca_flow_ct_entries_process(rig_port[0], 2, 0, 0, NULL));
	}
}

void no_memory(void **state)
{
	struct doca_flow_definitions *defs;

	if (!alloc_can_fail)
		skip();
	objects();
	OK(doca_flow_definitions_create(NULL, &defs));
	OK(doca_flow_definitions_add_field(defs, "match.packet.outer.ipv4.src_ip", sizeof(struct doca_flow_match), 4));
	OK(doca_flow_definitions_add_field(defs, "actions.packet.meta.mark", sizeof(struct doca_flow_actions), 4));
	rig_open_with("vnf,hws", 2, defs);
	ports_again();
	copies();
	rig_close();
	OK(doca_flow_definitions_destroy(defs));
	rig_on_init = begin_ct;
	rig_open("vnf,hws", 2);
	rig_on_init = NULL;
	for (unsigned type = DOCA_FLOW_PIPE_BASIC; type <= DOCA_FLOW_PIPE_HASH; type++)
		if (type != DOCA_FLOW_PIPE_CT)
			kind((enum doca_flow_pipe_type)type);
	parsers();
	growing();
	connections();
	rig_close();
	doca_flow_ct_destroy();
}
