/* SPDX-License-Identifier: BSD-3-Clause */
/* room: what room flow refuses behind the door: kinds of pipes, tables that are full, meters, custom headers; the tune server. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include <doca_flow_ct.h>
#include <doca_flow_custom_header_graph.h>
#include <doca_flow_tune_server.h>

#include "alloc.h"
#include "flow/age.h"
#include "flow/counter.h"
#include "said.h"

/* ---- pipes ---- */

static void refuse_descriptor(enum doca_flow_action_type type, const char *src, const char *dst, uint32_t bit, uint32_t width)
{
	struct doca_flow_action_desc d = {.type = type, .field_op = {.src = {src, 0}, .dst = {dst, bit}, .width = width}};
	struct doca_flow_action_descs descs = {1, &d}, *list[] = {&descs};
	struct doca_flow_actions a = {0}, *actions[] = {&a};
	struct doca_flow_pipe_cfg *cfg = good_cfg("ACTIONS", DOCA_FLOW_PIPE_BASIC);
	struct doca_flow_fwd f = to_port();

	OK(doca_flow_pipe_cfg_set_actions(cfg, actions, NULL, list, 1));
	refuse_cfg(cfg, &f);
}

static struct doca_flow_actions encap(void)
{
	struct doca_flow_actions a = {.encap_type = DOCA_FLOW_RESOURCE_TYPE_NON_SHARED};

	a.encap_cfg.encap.outer.l3_type = DOCA_FLOW_L3_TYPE_IP6;
	a.encap_cfg.encap.tun.type = DOCA_FLOW_TUN_VXLAN;
	return a;
}

/* An ordered list of `n` encapsulations in one entry. */
static void refuse_list(unsigned n)
{
	struct doca_flow_actions a = encap();
	struct doca_flow_ordered_list_element e[64] = {0};
	struct doca_flow_ordered_list list = {.size = n, .elements = e}, *lists[] = {&list};
	struct doca_flow_pipe_cfg *cfg = good_cfg("LIST", DOCA_FLOW_PIPE_ORDERED_LIST);
	struct doca_flow_fwd f = to_port();

	for (unsigned i = 0; i < n; i++)
		e[i].actions = &a;
	OK(doca_flow_pipe_cfg_set_ordered_lists(cfg, lists, 1));
	refuse_cfg(cfg, &f);
}

static void refuse_hash(uint32_t nr_entries, uint32_t algorithm)
{
	struct doca_flow_pipe_cfg *cfg = good_cfg("HASH", DOCA_FLOW_PIPE_HASH);
	struct doca_flow_fwd f = to_port();

	OK(doca_flow_pipe_cfg_set_nr_entries(cfg, nr_entries));
	OK(doca_flow_pipe_cfg_set_hash_map_algorithm(cfg, algorithm));
	refuse_cfg(cfg, &f);
}

void kinds_of_pipes(void **state)
{
	struct doca_flow_resource_query query;
	struct doca_flow_fwd f = to_port();
	struct doca_flow_pipe_cfg *cfg;

	rig_open("vnf,hws", 2);
	refuse_hash(3, DOCA_FLOW_PIPE_HASH_MAP_ALGORITHM_HASH);
	refuse_hash(512, DOCA_FLOW_PIPE_HASH_MAP_ALGORITHM_FLOODING);
	cfg = good_cfg("HUGE", DOCA_FLOW_PIPE_BASIC);
	OK(doca_flow_pipe_cfg_set_nr_entries(cfg, UINT32_MAX));
	refuse_cfg(cfg, &f);
	cfg = good_cfg("FIRST", DOCA_FLOW_PIPE_BASIC);
	OK(doca_flow_pipe_cfg_set_is_root(cfg, true));
	rig_pipe(cfg, &f, NULL);
	cfg = good_cfg("SECOND", DOCA_FLOW_PIPE_BASIC);
	OK(doca_flow_pipe_cfg_set_is_root(cfg, true));
	refuse_cfg(cfg, &f);
	said(doca_flow_resource_query_pipe_miss(good_pipe("MISSES", DOCA_FLOW_PIPE_BASIC, false), &query));
	refuse_descriptor(DOCA_FLOW_ACTION_COPY, "outer.ipv4.ttl", "outer.ipv4.src_ip", 4, 32);
	refuse_descriptor(DOCA_FLOW_ACTION_ADD, "outer.ipv6.src_ip", "outer.ipv6.dst_ip", 0, 100);
	refuse_list(60);
	rig_close();
}

void too_many_pipes(void **state)
{
	struct doca_flow_fwd f = to_port();
	struct doca_flow_pipe_cfg *cfg;
	struct doca_flow_pipe *pipe;
	doca_error_t err = DOCA_SUCCESS;

	rig_open("vnf,hws", 2);
	cfg = good_cfg("ONE OF MANY", DOCA_FLOW_PIPE_ORDERED_LIST);
	for (unsigned i = 0; i < 1u << 17 && err == DOCA_SUCCESS; i++)
		err = doca_flow_pipe_create(cfg, &f, NULL, &pipe);
	said(err);
	OK(doca_flow_pipe_cfg_destroy(cfg));
	rig_close();
}

static struct doca_flow_pipe *resizable(enum doca_flow_pipe_type type)
{
	struct doca_flow_pipe_cfg *cfg = good_cfg("GROWS", type);
	struct doca_flow_fwd f = to_port();

	OK(doca_flow_pipe_cfg_set_is_resizable(cfg, true));
	return rig_pipe(cfg, &f, NULL);
}

void resizing(void **state)
{
	struct doca_flow_pipe *pipe;
	doca_error_t err = DOCA_SUCCESS;

	rig_open("vnf,hws", 2);
	said(doca_flow_pipe_resize(resizable(DOCA_FLOW_PIPE_HASH), 50, NULL, NULL));
	pipe = resizable(DOCA_FLOW_PIPE_BASIC);
	for (unsigned i = 0; i < 40 && err == DOCA_SUCCESS; i++) {
		err = doca_flow_pipe_resize(pipe, 50, NULL, NULL);
		for (uint16_t queue = 0; queue < 2; queue++)
			OK(doca_flow_entries_process(rig_port[0], queue, 0, 0));
	}
	said(err);
	rig_close();
}

/* ---- entries ---- */

static void full_list(void)
{
	struct doca_flow_ordered_list_element e = {0};
	struct doca_flow_actions a = {0};
	struct doca_flow_ordered_list list = {.size = 1, .elements = &e}, *lists[] = {&list};
	struct doca_flow_pipe_cfg *cfg = good_cfg("LIST", DOCA_FLOW_PIPE_ORDERED_LIST);
	struct doca_flow_fwd f = to_port();
	struct doca_flow_pipe *pipe;

	e.actions = &a;
	OK(doca_flow_pipe_cfg_set_ordered_lists(cfg, lists, 1));
	pipe = rig_pipe(cfg, &f, NULL);
	said(doca_flow_pipe_ordered_list_add_entry(0, pipe, 9, &list, NULL, 0, NULL, NULL));
	OK(doca_flow_pipe_ordered_list_add_entry(0, pipe, 1, &list, NULL, 0, NULL, NULL));
	said(doca_flow_pipe_ordered_list_add_entry(0, pipe, 1, &list, NULL, 0, NULL, NULL));
}

void entries_without_a_way(void **state)
{
	struct doca_flow_match m = open_tuple(), mask = open_tuple();
	struct doca_flow_match_condition wide = {.field_op = {.a = {"outer.ipv4.ttl", 0}, .b = {NULL, 0}, .width = 32}};
	struct doca_flow_fwd f = to_port();
	struct doca_flow_pipe *pipe;

	rig_open("vnf,hws", 2);
	said(add_basic(0, good_pipe("NOWHERE", DOCA_FLOW_PIPE_BASIC, true), 1, 0, NULL, NULL));
	pipe = good_pipe("PREFIX", DOCA_FLOW_PIPE_LPM, false);
	mask.outer.ip4.dst_ip = DOCA_HTOBE32(0xff00ff00);
	said(doca_flow_pipe_lpm_add_entry(0, pipe, &m, &mask, 0, NULL, NULL, NULL, 0, NULL, NULL));
	pipe = good_pipe("STEERING", DOCA_FLOW_PIPE_CONTROL, true);
	said(doca_flow_pipe_control_add_entry(0, pipe, &m, NULL, &wide, NULL, NULL, NULL, NULL, 0, &f, NULL, NULL));
	full_list();
	rig_close();
}

void full_rules(void **state)
{
	struct doca_flow_match m = {.outer = {.l3_type = DOCA_FLOW_L3_TYPE_IP4, .ip4.dst_ip = 5}}, mask = open_tuple();
	struct doca_flow_fwd f = to_port();
	struct doca_flow_pipe *pipe;

	rig_open("vnf,hws", 2);
	pipe = good_pipe("STEERING", DOCA_FLOW_PIPE_CONTROL, true);
	OK(doca_flow_pipe_control_add_entry(0, pipe, &m, &mask, NULL, NULL, NULL, NULL, NULL, 0, &f, NULL, NULL));
	said(doca_flow_pipe_control_add_entry(0, pipe, &m, &mask, NULL, NULL, NULL, NULL, NULL, 0, &f, NULL, NULL));
	pipe = good_pipe("RULES", DOCA_FLOW_PIPE_ACL, false);
	OK(doca_flow_pipe_acl_add_entry(0, pipe, &m, &mask, 0, NULL, 5, NULL, 0, NULL, NULL));
	said(doca_flow_pipe_acl_add_entry(0, pipe, &m, &mask, 0, NULL, 5, NULL, 0, NULL, NULL));
	rig_close();
}

/* ---- meters and receive queues ---- */

static void refuse_meter(struct doca_flow_resource_meter_cfg meter)
{
	struct doca_flow_shared_resource_cfg cfg = {.meter_cfg = meter};

	said(doca_flow_port_shared_resource_set_cfg(rig_port[0], DOCA_FLOW_SHARED_RESOURCE_METER, 0, &cfg));
}

/* Each entry has a meter of its own. */
static void use_up_meters(void)
{
	struct doca_flow_monitor m = {.meter_type = DOCA_FLOW_RESOURCE_TYPE_NON_SHARED, .non_shared_meter = {.cir = 1000, .cbs = 1000}};
	struct doca_flow_pipe_cfg *cfg = good_cfg("METERED", DOCA_FLOW_PIPE_BASIC);
	struct doca_flow_fwd f = to_port();
	struct doca_flow_pipe *pipe;
	doca_error_t err = DOCA_SUCCESS;

	OK(doca_flow_pipe_cfg_set_nr_entries(cfg, 1 << 17));
	OK(doca_flow_pipe_cfg_set_monitor(cfg, &m));
	pipe = rig_pipe(cfg, &f, NULL);
	for (unsigned i = 1; i < 1u << 17 && err == DOCA_SUCCESS; i++) {
		err = add_basic(0, pipe, i, 0, NULL, NULL);
		OK(doca_flow_entries_process(rig_port[0], 0, 0, 0));
	}
	said(err);
}

void meters(void **state)
{
	struct doca_flow_fwd rss = {.type = DOCA_FLOW_FWD_RSS, .rss.nr_queues = 2};
	uint16_t queues[2] = {0, 0};
	struct doca_flow_pipe *pipe;
	doca_error_t err = DOCA_SUCCESS;

	rig_open("vnf,hws", 2);
	refuse_meter((struct doca_flow_resource_meter_cfg){.alg = (enum doca_flow_meter_algorithm_type)9, .cir = 1, .cbs = 1});
	refuse_meter((struct doca_flow_resource_meter_cfg){.cbs = 1});
	refuse_meter((struct doca_flow_resource_meter_cfg){.alg = DOCA_FLOW_METER_ALGORITHM_TYPE_RFC2698, .cir = 5, .cbs = 1});
	refuse_meter((struct doca_flow_resource_meter_cfg){.cir = 1ull << 50, .cbs = 1});
	pipe = good_pipe("QUEUES", DOCA_FLOW_PIPE_BASIC, false);
	rss.rss.queues_array = queues;
	for (unsigned i = 0; i < 1u << 17 && err == DOCA_SUCCESS; i++) {
		queues[0] = i % 256;
		queues[1] = i / 256 % 256;
		rss.rss.outer_flags = 1u << i / 65536;
		err = doca_flow_pipe_update_miss(pipe, &rss);
	}
	said(err);
	use_up_meters();
	rig_close();
}

/* ---- counters and age slots: the switch has sixteen million of each, taken here behind the program's back ---- */

static doca_error_t add_monitored(enum doca_flow_resource_type counter, bool aging)
{
	struct doca_flow_monitor m = {.counter_type = counter, .aging_enabled = aging, .aging_sec = 5};
	struct doca_flow_pipe_cfg *cfg = good_cfg("MONITORED", DOCA_FLOW_PIPE_BASIC);
	struct doca_flow_fwd f = to_port();

	OK(doca_flow_pipe_cfg_set_monitor(cfg, &m));
	return add_basic(0, rig_pipe(cfg, &f, NULL), 1, 0, NULL, NULL);
}

static doca_error_t add_connection(struct doca_flow_pipe *pipe, uint32_t flags)
{
	struct doca_flow_ct_match m = {.ipv4 = {.src_ip = 1, .next_proto = 6}};
	struct doca_flow_pipe_entry *e;

	OK(doca_flow_ct_entry_prepare(2, pipe, DOCA_FLOW_CT_ENTRY_FLAGS_ALLOC_ON_MISS, &m, 0, NULL, 0, &e, NULL));
	return doca_flow_ct_add_entry(2, pipe, flags | DOCA_FLOW_CT_ENTRY_FLAGS_DIR_ORIGIN, &m, NULL, NULL, NULL, 0, 0, 0, NULL, e);
}

static void begin_ct(void)
{
	struct doca_flow_ct_cfg *cfg;

	OK(doca_flow_ct_cfg_create(&cfg));
	OK(doca_flow_ct_cfg_set_connections(cfg, 8, 0, 0));
	OK(doca_flow_ct_init(cfg));
	OK(doca_flow_ct_cfg_destroy(cfg));
}

void used_up(void **state)
{
	struct doca_flow_shared_resource_cfg shared = {0};
	struct doca_flow_fwd f = to_port();
	struct doca_flow_pipe_cfg *cfg;
	struct doca_flow_pipe *ct;

	if (!alloc_can_fail)
		skip(); /* sanitizers triple the half gigabyte */
	rig_on_init = begin_ct;
	rig_open("vnf,hws", 2);
	rig_on_init = NULL;
	ct = rig_pipe(good_cfg("CT", DOCA_FLOW_PIPE_CT), &f, NULL);
	while (flow_counter_new(rig_flow()))
		;
	said(add_monitored(DOCA_FLOW_RESOURCE_TYPE_NON_SHARED, false));
	said(doca_flow_port_shared_resource_set_cfg(rig_port[0], DOCA_FLOW_SHARED_RESOURCE_COUNTER, 1, &shared));
	said(add_connection(ct, DOCA_FLOW_CT_ENTRY_FLAGS_COUNTER_ORIGIN));
	cfg = good_cfg("MISSES", DOCA_FLOW_PIPE_BASIC);
	OK(doca_flow_pipe_cfg_set_miss_counter(cfg, true));
	refuse_cfg(cfg, &f);
	while (flow_age_new(rig_flow(), 0))
		;
	said(add_monitored(DOCA_FLOW_RESOURCE_TYPE_NONE, true));
	said(add_connection(ct, 0));
	rig_close();
	doca_flow_ct_destroy();
}

/* ---- custom headers ---- */

#define DEVICE ((struct doca_dev *)(uintptr_t)64) /* only that there is one matters */

/* `arcs` headers, behind the UDP ports from `port` on, `step` apart, each with `samplers` samplers of `bits`. */
static void refuse_graph(unsigned arcs, unsigned port, unsigned step, unsigned samplers, uint32_t bits, bool in_options)
{
	struct doca_flow_custom_header *h[40];
	struct doca_flow_custom_header_sampler *s[40][40];
	struct doca_flow_custom_header_graph *g;
	struct doca_flow_custom_header_graph_arc *arc[40];

	OK(doca_flow_custom_header_graph_create(&g));
	for (unsigned i = 0; i < arcs; i++) {
		OK(doca_flow_custom_header_create(&h[i]));
		OK(doca_flow_custom_header_length_field_set_fixed_length(h[i], 64));
		for (unsigned k = 0; k < samplers; k++) {
			OK(doca_flow_custom_header_sampler_create(h[i], &s[i][k]));
			if (bits)
				OK(doca_flow_custom_header_sampler_set_length(s[i][k], bits));
			if (in_options)
				OK(doca_flow_custom_header_sampler_enable_is_options(s[i][k], 1));
		}
		OK(doca_flow_custom_header_graph_arc_create(g, &arc[i]));
		OK(doca_flow_custom_header_graph_arc_set_src(arc[i], DOCA_FLOW_CUSTOM_HEADER_GRAPH_NODE_UDP, port + i * step, NULL));
		OK(doca_flow_custom_header_graph_arc_set_dst(arc[i], DOCA_FLOW_CUSTOM_HEADER_GRAPH_NODE_FLEX, h[i]));
	}
	said(doca_flow_custom_header_graph_bind(g, DEVICE));
	for (unsigned i = 0; i < arcs; i++) {
		OK(doca_flow_custom_header_graph_arc_destroy(arc[i]));
		for (unsigned k = 0; k < samplers; k++)
			OK(doca_flow_custom_header_sampler_destroy(s[i][k]));
		OK(doca_flow_custom_header_destroy(h[i]));
	}
	OK(doca_flow_custom_header_graph_destroy(g));
}

void more_custom_headers(void **state)
{
	refuse_graph(2, 4500, 0, 1, 32, false);
	refuse_graph(30, 4500, 1, 0, 0, false);
	refuse_graph(1, 4500, 1, 1, 0, false);
	refuse_graph(1, 4500, 1, 1, 32, true);
	refuse_graph(1, 4500, 1, 40, 64, false);
}

/* ---- the tune server ---- */

void tune_servers(void **state)
{
	struct doca_flow_tune_server_cfg *cfg;

	setenv("SOFTDPU_TUNE_SOCKET", "/tmp/softdpu-errors-tune.sock", 1);
	OK(doca_flow_tune_server_cfg_create(&cfg));
	said(doca_flow_tune_server_init(cfg));
	rig_open("vnf,hws", 1);
	OK(doca_flow_tune_server_init(cfg));
	said(doca_flow_tune_server_init(cfg));
	doca_flow_tune_server_destroy();
	rig_close();
	OK(doca_flow_tune_server_cfg_destroy(cfg));
}
