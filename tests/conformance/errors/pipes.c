/* SPDX-License-Identifier: BSD-3-Clause */
/* pipes: their configurations, forwards and actions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "said.h"

void pipe_cfg(void **state)
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
	struct doca_flow_pipe_cfg *cfg = good_cfg("GROWING", DOCA_FLOW_PIPE_BASIC);
	struct doca_flow_match m = open_tuple();
	struct doca_flow_fwd f = to_port();
	struct doca_flow_pipe *pipe;

	OK(doca_flow_pipe_cfg_set_is_resizable(cfg, true));
	OK(doca_flow_pipe_cfg_set_excluded_queue(cfg, 1));
	pipe = rig_pipe(cfg, &f, NULL);
	said(doca_flow_pipe_basic_add_entry(1, pipe, &m, 0, NULL, NULL, NULL, 0, NULL, NULL));
	said(doca_flow_pipe_resize(pipe, 101, NULL, NULL));
	OK(doca_flow_pipe_resize(pipe, 50, NULL, NULL));
	said(doca_flow_pipe_resize(pipe, 50, NULL, NULL));
}

void pipes(void **state)
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

void actions(void **state)
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
