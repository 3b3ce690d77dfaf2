/* SPDX-License-Identifier: BSD-3-Clause */
/* entries: of every kind of pipe. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "said.h"

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

void entries_of_basic(void **state)
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

void entries_of_others(void **state)
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
