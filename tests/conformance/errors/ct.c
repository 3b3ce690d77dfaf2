/* SPDX-License-Identifier: BSD-3-Clause */
/* ct: the configuration of connections, CT pipes, connections, the room they have, shared actions and forwards. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include <doca_flow_ct.h>

#include "said.h"

#define Q 2 /* the first CT queue: the rig has two of DOCA Flow */
#define ORIGIN DOCA_FLOW_CT_ENTRY_FLAGS_DIR_ORIGIN
#define ALLOC (ORIGIN | DOCA_FLOW_CT_ENTRY_FLAGS_ALLOC_ON_MISS)

static struct doca_flow_ct_cfg *cfg;

/* Room for one IPv4 connection, one of a zone, one shared action. */
static void begin_ct(void)
{
	struct doca_flow_meta zone = {.pkt_meta = UINT32_MAX};

	OK(doca_flow_ct_cfg_create(&cfg));
	OK(doca_flow_ct_cfg_set_queues(cfg, 2));
	OK(doca_flow_ct_cfg_set_flags(cfg, DOCA_FLOW_CT_FLAG_NO_COUNTER));
	OK(doca_flow_ct_cfg_set_connections(cfg, 3, 0, 0));
	OK(doca_flow_ct_cfg_set_user_actions(cfg, 1));
	OK(doca_flow_ct_cfg_set_max_connections_per_zone(cfg, 2));
	OK(doca_flow_ct_cfg_set_direction(cfg, false, false, &zone, NULL));
	OK(doca_flow_ct_init(cfg));
	OK(doca_flow_ct_cfg_destroy(cfg));
}

static void open_ct(void)
{
	rig_on_init = begin_ct;
	rig_open("vnf,hws", 2);
	rig_on_init = NULL;
}

static void close_ct(void)
{
	rig_close();
	doca_flow_ct_destroy();
}

/* Its one action writes IPv6 addresses. */
static struct doca_flow_pipe *ct_pipe(void)
{
	struct doca_flow_actions write6 = {.outer.l3_type = DOCA_FLOW_L3_TYPE_IP6}, *actions[] = {&write6};
	struct doca_flow_pipe_cfg *c = good_cfg("CT", DOCA_FLOW_PIPE_CT);
	struct doca_flow_fwd f = to_port();

	memset(write6.outer.ip6.dst_ip, 0xff, sizeof(write6.outer.ip6.dst_ip));
	OK(doca_flow_pipe_cfg_set_actions(c, actions, NULL, NULL, 1));
	return rig_pipe(c, &f, NULL);
}

static struct doca_flow_ct_match tcp(uint16_t sport, uint32_t zone)
{
	struct doca_flow_ct_match m = {.ipv4 = {.src_ip = 1, .dst_ip = 2, .l4_port = {sport, 80}, .metadata = zone, .next_proto = 6}};

	return m;
}

static struct doca_flow_pipe_entry *prepared(struct doca_flow_pipe *pipe, const struct doca_flow_ct_match *m)
{
	struct doca_flow_pipe_entry *e;

	OK(doca_flow_ct_entry_prepare(Q, pipe, ALLOC, m, 0, NULL, 0, &e, NULL));
	return e;
}

static doca_error_t add(struct doca_flow_pipe *pipe, uint32_t flags, const struct doca_flow_ct_match *m,
	const struct doca_flow_ct_actions *a, uint32_t fwd, struct doca_flow_pipe_entry *e)
{
	return doca_flow_ct_add_entry(Q, pipe, flags, m, NULL, a, NULL, fwd, 0, 0, NULL, e);
}

/* ---- groups ---- */

static void init_twice(void)
{
	struct doca_flow_ct_cfg *empty;

	OK(doca_flow_ct_cfg_create(&empty));
	said(doca_flow_ct_init(empty)); /* no connections */
	begin_ct();
	said(doca_flow_ct_init(empty));
	OK(doca_flow_ct_cfg_destroy(empty));
}

void ct_cfg(void **state)
{
	struct doca_flow_meta zone = {.pkt_meta = 1, .u32 = {1}};

	OK(doca_flow_ct_cfg_create(&cfg));
	said(doca_flow_ct_cfg_set_flags(cfg, 1u << 30));
	said(doca_flow_ct_cfg_set_queues(cfg, 0));
	said(doca_flow_ct_cfg_set_ctrl_queues(cfg, 1000));
	said(doca_flow_ct_cfg_set_user_actions(cfg, UINT32_MAX));
	said(doca_flow_ct_cfg_set_dup_filter_size(cfg, UINT32_MAX));
	said(doca_flow_ct_cfg_set_connections(cfg, 0, 0, 0));
	said(doca_flow_ct_cfg_set_direction(cfg, false, false, &zone, NULL));
	said(doca_flow_ct_init(cfg));
	rig_open("vnf,hws", 1);
	said(doca_flow_ct_init(cfg));
	said(doca_flow_ct_entries_process(rig_port[0], Q, 0, 0, NULL));
	said(doca_flow_ct_fwd_register(rig_port[0], 0, &(struct doca_flow_fwd){0}, &(uint32_t){0}));
	refuse_cfg(good_cfg("CT", DOCA_FLOW_PIPE_CT), &(struct doca_flow_fwd){.type = DOCA_FLOW_FWD_DROP});
	rig_close();
	OK(doca_flow_ct_cfg_destroy(cfg));
	rig_on_init = init_twice;
	rig_open("vnf,hws", 1);
	rig_on_init = NULL;
	said(doca_flow_ct_entries_process(rig_port[0], 77, 0, 0, NULL));
	close_ct();
}

void ct_pipes(void **state)
{
	struct doca_flow_actions push = {.has_push = true}, *one[] = {&push}, keep = {0}, *many[40];
	struct doca_flow_match m = open_tuple();
	struct doca_flow_fwd f = to_port();
	struct doca_flow_pipe_cfg *c;
	struct doca_flow_pipe *pipe;

	open_ct();
	c = good_cfg("CT", DOCA_FLOW_PIPE_CT);
	OK(doca_flow_pipe_cfg_set_is_root(c, true));
	refuse_cfg(c, &f);
	c = good_cfg("CT", DOCA_FLOW_PIPE_CT);
	OK(doca_flow_pipe_cfg_set_match(c, &m, NULL));
	refuse_cfg(c, &f);
	refuse_cfg(good_cfg("CT", DOCA_FLOW_PIPE_CT), NULL);
	c = good_cfg("CT", DOCA_FLOW_PIPE_CT);
	OK(doca_flow_pipe_cfg_set_actions(c, one, NULL, NULL, 1));
	refuse_cfg(c, &f);
	c = good_cfg("CT", DOCA_FLOW_PIPE_CT);
	for (unsigned i = 0; i < 40; i++)
		many[i] = &keep;
	OK(doca_flow_pipe_cfg_set_actions(c, many, NULL, NULL, 40));
	refuse_cfg(c, &f);
	pipe = ct_pipe();
	said(doca_flow_ct_pipe_iterate(pipe, (doca_flow_ct_pipe_iterate_cb)(uintptr_t)64, NULL)); /* begun without ITERATOR */
	said(doca_flow_ct_pipe_iterate(NULL, NULL, NULL));
	said(doca_flow_ct_pipe_iterate(good_pipe("BASIC", DOCA_FLOW_PIPE_BASIC, false), NULL, NULL));
	close_ct();
}

void ct_entries(void **state)
{
	struct doca_flow_ct_match m = tcp(1, 0), icmp = m;
	struct doca_flow_resource_query query;
	struct doca_flow_pipe *pipe;
	struct doca_flow_pipe_entry *e;

	open_ct();
	pipe = ct_pipe();
	icmp.ipv4.next_proto = 1;
	said(doca_flow_ct_entry_prepare(0, pipe, ALLOC, &m, 0, NULL, 0, &e, NULL));
	said(add(pipe, ORIGIN, &m, NULL, 0, NULL));
	said(add(pipe, 0, &m, NULL, 0, prepared(pipe, &m)));
	said(add(pipe, ORIGIN, NULL, NULL, 0, prepared(pipe, &m)));
	said(add(pipe, ORIGIN | DOCA_FLOW_CT_ENTRY_FLAGS_COUNTER_ORIGIN, &m, NULL, 0, prepared(pipe, &m)));
	said(add(pipe, ORIGIN, &icmp, NULL, 0, prepared(pipe, &icmp)));
	said(add(pipe, ORIGIN | DOCA_FLOW_CT_ENTRY_FLAGS_IPV6_ORIGIN, &(struct doca_flow_ct_match){.ipv6.next_proto = 6}, NULL, 0, prepared(pipe, &m)));
	e = prepared(pipe, &m);
	said(doca_flow_ct_query_entry(Q, pipe, 0, e, &query, NULL, NULL));
	said(doca_flow_ct_update_entry(Q, pipe, ORIGIN, e, NULL, NULL, 0, 0, 0));
	said(doca_flow_ct_rm_entry(Q + 1, pipe, 0, e));
	OK(add(pipe, ORIGIN, &m, NULL, 0, e));
	said(add(pipe, ORIGIN, &m, NULL, 0, prepared(pipe, &m))); /* the key is there */
	said(doca_flow_ct_update_entry(Q, pipe, DOCA_FLOW_CT_ENTRY_FLAGS_DIR_REPLY, e, NULL, NULL, 0, 0, 0));
	said(doca_flow_pipe_remove_entry(0, 0, e));
	said(doca_flow_resource_query_entry(e, &query));
	OK(doca_flow_ct_rm_entry(Q, pipe, 0, e));
	close_ct();
}

void ct_room(void **state)
{
	struct doca_flow_ct_match m;
	struct doca_flow_pipe *pipe;

	open_ct();
	pipe = ct_pipe();
	for (unsigned i = 0; i < 2; i++) {
		m = tcp(i, 7);
		OK(add(pipe, ORIGIN, &m, NULL, 0, prepared(pipe, &m)));
	}
	m = tcp(9, 7);
	said(add(pipe, ORIGIN, &m, NULL, 0, prepared(pipe, &m)));
	m = tcp(3, 8);
	OK(add(pipe, ORIGIN, &m, NULL, 0, prepared(pipe, &m)));
	m = tcp(4, 8);
	said(add(pipe, ORIGIN, &m, NULL, 0, prepared(pipe, &m)));
	close_ct();
}

void ct_handles(void **state)
{
	struct doca_flow_ct_actions a[2] = {{.resource_type = DOCA_FLOW_RESOURCE_TYPE_NON_SHARED}}, shared = {.resource_type = DOCA_FLOW_RESOURCE_TYPE_SHARED};
	struct doca_flow_ct_match m = tcp(1, 0);
	struct doca_flow_fwd many[300] = {0}, to = {.type = DOCA_FLOW_FWD_PIPE};
	struct doca_flow_pipe *pipe;
	uint32_t handle[300];

	open_ct();
	pipe = ct_pipe();
	shared.action_handle = 1;
	said(add(pipe, ORIGIN, &m, &shared, 0, prepared(pipe, &m)));
	said(add(pipe, ORIGIN, &m, a, 0, prepared(pipe, &m))); /* the template is IPv6's */
	said(add(pipe, ORIGIN, &m, NULL, 5, prepared(pipe, &m)));
	said(doca_flow_ct_actions_add_shared(Q, pipe, a, 2, handle));
	a[0].data.action_idx = 9;
	said(doca_flow_ct_actions_add_shared(Q, pipe, a, 1, handle));
	said(doca_flow_ct_fwd_register(rig_port[0], 300, many, handle));
	said(doca_flow_ct_fwd_register(rig_port[0], 1, many, handle));
	to.next_pipe = good_pipe("GONE", DOCA_FLOW_PIPE_BASIC, false);
	OK(doca_flow_ct_fwd_register(rig_port[0], 1, &to, handle));
	doca_flow_pipe_destroy(to.next_pipe);
	said(add(pipe, ORIGIN, &m, NULL, handle[0], prepared(pipe, &m)));
	close_ct();
}
