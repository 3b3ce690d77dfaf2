/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Own programs against libdoca_flow, one behaviour each, with packets in and packets expected per port, in the manner of the public packet
 * oracles: template matches, actions, tunnels, chains, lists, hashes, counters, refusals.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include <doca_flow_tune_server.h>

#include "base/refuse.h"
#include "ctl/ctl.h"
#include "ctl/messages.h"
#include "packet/fixture.h"
#include "rig.h"

#define IP(a, b, c, d) DOCA_HTOBE32((uint32_t)(a) << 24 | (b) << 16 | (c) << 8 | (d))

static struct doca_flow_fwd to_port(uint16_t id)
{
	return (struct doca_flow_fwd){.type = DOCA_FLOW_FWD_PORT, .port_id = id};
}

static struct doca_flow_fwd to_pipe(struct doca_flow_pipe *pipe)
{
	return (struct doca_flow_fwd){.type = DOCA_FLOW_FWD_PIPE, .next_pipe = pipe};
}

/* IPv4 and TCP, all four of the tuple open. */
static struct doca_flow_match tuple(void)
{
	struct doca_flow_match m = {0};

	m.parser_meta.outer_l3_type = DOCA_FLOW_L3_META_IPV4;
	m.outer.l3_type = DOCA_FLOW_L3_TYPE_IP4;
	m.outer.l4_type_ext = DOCA_FLOW_L4_TYPE_EXT_TCP;
	m.outer.ip4.src_ip = m.outer.ip4.dst_ip = UINT32_MAX;
	m.outer.tcp.l4_port.src_port = m.outer.tcp.l4_port.dst_port = UINT16_MAX;
	return m;
}

static struct doca_flow_match tuple_of(void)
{
	struct doca_flow_match m = {0};

	m.outer.ip4.src_ip = IP(1, 2, 3, 4);
	m.outer.ip4.dst_ip = IP(8, 8, 8, 8);
	m.outer.tcp.l4_port.src_port = DOCA_HTOBE16(1234);
	m.outer.tcp.l4_port.dst_port = DOCA_HTOBE16(80);
	return m;
}

#define HIT "eth ip4:1.2.3.4>8.8.8.8 tcp:1234>80 data:30"
#define OTHER "eth ip4:1.2.3.4>8.8.8.8 udp:1234>80 data:30"

static struct doca_flow_pipe_entry *add(struct doca_flow_pipe *pipe, struct doca_flow_match *m, struct doca_flow_actions *a,
	struct doca_flow_monitor *mon, struct doca_flow_fwd *fwd)
{
	struct doca_flow_pipe_entry *e;

	OK(doca_flow_pipe_basic_add_entry(0, pipe, m, 0, a, mon, fwd, DOCA_FLOW_ENTRY_FLAGS_NO_WAIT, NULL, &e));
	return e;
}

static void basic_forward_and_counter(void **state)
{
	struct doca_flow_match open = tuple(), m = tuple_of();
	struct doca_flow_monitor mon = {.counter_type = DOCA_FLOW_RESOURCE_TYPE_NON_SHARED};
	struct doca_flow_fwd fwd = to_port(1), drop = {.type = DOCA_FLOW_FWD_DROP};
	struct doca_flow_resource_query q;
	struct doca_flow_pipe_cfg *cfg;
	struct doca_flow_pipe *pipe;
	struct doca_flow_pipe_entry *e, *twice;

	rig_open("vnf,hws", 2);
	cfg = rig_pipe_cfg(rig_port[0], "FWD", DOCA_FLOW_PIPE_BASIC, true);
	OK(doca_flow_pipe_cfg_set_match(cfg, &open, NULL));
	OK(doca_flow_pipe_cfg_set_monitor(cfg, &mon));
	OK(doca_flow_pipe_cfg_set_miss_counter(cfg, true));
	pipe = rig_pipe(cfg, &fwd, &drop);
	e = add(pipe, &m, NULL, NULL, NULL);
	assert_int_equal(rig_callbacks, 0);
	rig_process(rig_port[0], 1);
	rig_send(0, HIT);
	rig_expect(1, HIT);
	rig_send(0, OTHER);
	rig_expect_nothing();
	OK(doca_flow_resource_query_entry(e, &q));
	assert_int_equal(q.counter.total_pkts, 1);
	assert_int_equal(q.counter.total_bytes, 84);
	OK(doca_flow_resource_query_pipe_miss(pipe, &q));
	assert_int_equal(q.counter.total_pkts, 1);
	assert_int_not_equal(doca_flow_pipe_basic_add_entry(0, pipe, &m, 0, NULL, NULL, NULL, 0, NULL, &twice), DOCA_SUCCESS);
	assert_non_null(strstr(refusal(), "FWD"));
	OK(doca_flow_pipe_remove_entry(0, 0, e));
	rig_process(rig_port[0], 1);
	rig_send(0, HIT);
	rig_expect_nothing();
	rig_close();
}

static void vnf_miss_goes_to_the_application(void **state)
{
	struct doca_flow_match open = tuple();
	struct doca_flow_fwd fwd = to_port(1);
	struct doca_flow_pipe_cfg *cfg;

	rig_open("vnf,hws", 2);
	cfg = rig_pipe_cfg(rig_port[0], "ROOT", DOCA_FLOW_PIPE_BASIC, true);
	OK(doca_flow_pipe_cfg_set_match(cfg, &open, NULL));
	rig_pipe(cfg, &fwd, NULL);
	rig_send(0, "eth arp:op=1,s=1.2.3.4,t=1.2.3.5");
	rig_expect_queue(0, "eth arp:op=1,s=1.2.3.4,t=1.2.3.5");
	rig_close();
	rig_open("vnf,hws,isolated", 2);
	rig_send(0, "eth arp:op=1,s=1.2.3.4,t=1.2.3.5");
	rig_expect_nothing();
	rig_close();
}

static void rewrite_and_ttl(void **state)
{
	struct doca_flow_match open = {0}, m = {0};
	struct doca_flow_actions a = {0}, mine = {0}, *actions[] = {&a};
	struct doca_flow_action_desc ttl = {.type = DOCA_FLOW_ACTION_ADD,
		.field_op = {.dst = {.field_string = "outer.ipv4.ttl"}, .width = 8}};
	struct doca_flow_action_descs descs = {.nb_action_desc = 1, .desc_array = &ttl}, *desc_list[] = {&descs};
	struct doca_flow_fwd fwd = to_port(1);
	struct doca_flow_pipe_cfg *cfg;

	rig_open("vnf,hws", 2);
	open.parser_meta.outer_l3_type = DOCA_FLOW_L3_META_IPV4;
	open.outer.l3_type = DOCA_FLOW_L3_TYPE_IP4;
	open.outer.ip4.dst_ip = UINT32_MAX;
	a.outer.l2_valid_headers = DOCA_FLOW_L2_VALID_HEADER_VLAN_0;
	a.outer.eth_vlan[0].tci = DOCA_HTOBE16(0xabc);
	a.outer.l3_type = DOCA_FLOW_L3_TYPE_IP4;
	a.outer.ip4.ttl = UINT8_MAX;
	memset(a.outer.eth.src_mac, 0xff, 6);
	cfg = rig_pipe_cfg(rig_port[0], "MODIFY", DOCA_FLOW_PIPE_BASIC, true);
	OK(doca_flow_pipe_cfg_set_match(cfg, &open, NULL));
	OK(doca_flow_pipe_cfg_set_actions(cfg, actions, NULL, desc_list, 1));
	m.outer.ip4.dst_ip = IP(8, 8, 8, 8);
	memcpy(mine.outer.eth.src_mac, (uint8_t[]){2, 0, 0, 0, 0, 9}, 6);
	add(rig_pipe(cfg, &fwd, NULL), &m, &mine, NULL, NULL);
	rig_process(rig_port[0], 1);
	for (int i = 0; i < 2; i++) {
		rig_send(0, "eth vlan:123 ip4:1.2.3.4>8.8.8.8,ttl=64 tcp:1>2 data:9");
		rig_expect(1, "eth:s=9 vlan:0xabc ip4:1.2.3.4>8.8.8.8,ttl=63 tcp:1>2 data:9");
	}
	rig_close();
}

static void copy_and_add_to_meta(void **state)
{
	struct doca_flow_match open = tuple(), m = tuple_of(), meta = {0}, meta_mask = {0};
	struct doca_flow_action_desc d[2] = {
		{.type = DOCA_FLOW_ACTION_COPY, .field_op = {.src = {.field_string = "outer.ipv4.src_ip"},
							.dst = {"meta.data", offsetof(struct doca_flow_meta, u32[0]) * 8}, .width = 32}},
		{.type = DOCA_FLOW_ACTION_ADD, .field_op = {.src = {.field_string = "outer.ipv4.src_ip"},
						       .dst = {"meta.data", offsetof(struct doca_flow_meta, u32[0]) * 8}, .width = 32}}};
	struct doca_flow_action_descs descs = {2, d}, *desc_list[] = {&descs};
	struct doca_flow_actions a = {0}, *actions[] = {&a};
	struct doca_flow_fwd fwd = to_port(1), next;
	struct doca_flow_pipe_cfg *cfg;
	struct doca_flow_pipe *last;

	rig_open("vnf,hws", 2);
	meta_mask.meta.u32[0] = UINT32_MAX;
	cfg = rig_pipe_cfg(rig_port[0], "MATCH_META", DOCA_FLOW_PIPE_BASIC, false);
	OK(doca_flow_pipe_cfg_set_match(cfg, &meta, &meta_mask));
	last = rig_pipe(cfg, &fwd, NULL);
	meta.meta.u32[0] = DOCA_HTOBE32(0x02040608);
	add(last, &meta, NULL, NULL, NULL);
	cfg = rig_pipe_cfg(rig_port[0], "ADD_TO_META", DOCA_FLOW_PIPE_BASIC, true);
	OK(doca_flow_pipe_cfg_set_match(cfg, &open, NULL));
	OK(doca_flow_pipe_cfg_set_actions(cfg, actions, NULL, desc_list, 1));
	next = to_pipe(last);
	add(rig_pipe(cfg, &next, NULL), &m, NULL, NULL, NULL);
	rig_process(rig_port[0], 2);
	for (int i = 0; i < 2; i++) {
		rig_send(0, HIT);
		rig_expect(1, HIT);
	}
	rig_close();
}

static void vxlan_encap_and_decap(void **state)
{
	struct doca_flow_match open = tuple(), m = tuple_of(), vxlan = {0}, vni = {0};
	struct doca_flow_actions a = {0}, mine = {0}, decap = {0}, *actions[] = {&a}, *decaps[] = {&decap};
	struct doca_flow_fwd fwd = to_port(1), back = to_port(0);
	struct doca_flow_pipe_cfg *cfg;

	rig_open("vnf,hws", 2);
	a.encap_type = DOCA_FLOW_RESOURCE_TYPE_NON_SHARED;
	a.encap_cfg.is_l2 = true;
	memset(a.encap_cfg.encap.outer.eth.src_mac, 0xff, 6);
	memset(a.encap_cfg.encap.outer.eth.dst_mac, 0xff, 6);
	a.encap_cfg.encap.outer.l3_type = DOCA_FLOW_L3_TYPE_IP4;
	a.encap_cfg.encap.outer.ip4.src_ip = a.encap_cfg.encap.outer.ip4.dst_ip = UINT32_MAX;
	a.encap_cfg.encap.outer.ip4.ttl = UINT8_MAX;
	a.encap_cfg.encap.outer.ip4.flags_fragment_offset = DOCA_HTOBE16(DOCA_FLOW_IP4_FLAG_DONT_FRAGMENT);
	a.encap_cfg.encap.outer.l4_type_ext = DOCA_FLOW_L4_TYPE_EXT_UDP;
	a.encap_cfg.encap.outer.udp.l4_port.dst_port = DOCA_HTOBE16(DOCA_FLOW_VXLAN_DEFAULT_PORT);
	a.encap_cfg.encap.tun.type = DOCA_FLOW_TUN_VXLAN;
	a.encap_cfg.encap.tun.vxlan_tun_id = UINT32_MAX;
	a.outer.l4_type_ext = DOCA_FLOW_L4_TYPE_EXT_TCP;
	a.outer.tcp.l4_port.src_port = UINT16_MAX;
	mine = a;
	memcpy(mine.encap_cfg.encap.outer.eth.src_mac, (uint8_t[]){2, 0, 0, 0, 0, 7}, 6);
	memcpy(mine.encap_cfg.encap.outer.eth.dst_mac, (uint8_t[]){2, 0, 0, 0, 0, 8}, 6);
	mine.encap_cfg.encap.outer.ip4.src_ip = IP(11, 21, 31, 41);
	mine.encap_cfg.encap.outer.ip4.dst_ip = IP(81, 81, 81, 81);
	mine.encap_cfg.encap.outer.ip4.ttl = 17;
	mine.encap_cfg.encap.tun.vxlan_tun_id = DOCA_HTOBE32(0xadadad);
	mine.outer.tcp.l4_port.src_port = DOCA_HTOBE16(1235);
	cfg = rig_pipe_cfg(rig_port[0], "ENCAP", DOCA_FLOW_PIPE_BASIC, true);
	OK(doca_flow_pipe_cfg_set_match(cfg, &open, NULL));
	OK(doca_flow_pipe_cfg_set_actions(cfg, actions, NULL, NULL, 1));
	add(rig_pipe(cfg, &fwd, NULL), &m, &mine, NULL, NULL);
	rig_process(rig_port[0], 1);

	vxlan.tun.type = DOCA_FLOW_TUN_VXLAN;
	vxlan.tun.vxlan_tun_id = UINT32_MAX;
	decap.decap_type = DOCA_FLOW_RESOURCE_TYPE_NON_SHARED;
	decap.decap_cfg.is_l2 = true;
	cfg = rig_pipe_cfg(rig_port[1], "DECAP", DOCA_FLOW_PIPE_BASIC, true);
	OK(doca_flow_pipe_cfg_set_match(cfg, &vxlan, NULL));
	OK(doca_flow_pipe_cfg_set_actions(cfg, decaps, NULL, NULL, 1));
	vni.tun.vxlan_tun_id = DOCA_HTOBE32(0xadadad);
	add(rig_pipe(cfg, &back, NULL), &vni, NULL, NULL, NULL);
	rig_process(rig_port[1], 1);
	for (int i = 0; i < 2; i++) {
		rig_send(0, HIT);
		rig_expect(1, "eth:s=7,d=8 ip4:11.21.31.41>81.81.81.81,ttl=17,df udp:0>4789,nosum vxlan:0xadadad eth ip4:1.2.3.4>8.8.8.8 tcp:1235>80 data:30");
		rig_send(1, "eth ip4:9.9.9.9>9.9.9.8 udp:5>4789 vxlan:0xadadad " HIT);
		rig_expect(0, HIT);
	}
	rig_close();
}

static void lpm_behind_a_root(void **state)
{
	struct doca_flow_match open = {0}, m = {0}, mask = {0};
	struct doca_flow_fwd one = to_port(1), two = to_port(2), next, drop = {.type = DOCA_FLOW_FWD_DROP};
	struct doca_flow_pipe_cfg *cfg;
	struct doca_flow_pipe *lpm;

	rig_open("vnf,hws", 3);
	open.outer.l3_type = DOCA_FLOW_L3_TYPE_IP4;
	open.outer.ip4.dst_ip = UINT32_MAX;
	cfg = rig_pipe_cfg(rig_port[0], "LPM", DOCA_FLOW_PIPE_LPM, false);
	OK(doca_flow_pipe_cfg_set_match(cfg, &open, NULL));
	lpm = rig_pipe(cfg, NULL, &drop);
	m.outer.ip4.dst_ip = IP(10, 0, 0, 0);
	mask.outer.ip4.dst_ip = IP(255, 0, 0, 0);
	OK(doca_flow_pipe_lpm_add_entry(0, lpm, &m, &mask, 0, NULL, NULL, &one, 0, NULL, NULL));
	m.outer.ip4.dst_ip = IP(10, 1, 0, 0);
	mask.outer.ip4.dst_ip = IP(255, 255, 0, 0);
	OK(doca_flow_pipe_lpm_add_entry(0, lpm, &m, &mask, 0, NULL, NULL, &two, 0, NULL, NULL));
	next = to_pipe(lpm);
	memset(&open, 0, sizeof(open));
	cfg = rig_pipe_cfg(rig_port[0], "ROOT", DOCA_FLOW_PIPE_BASIC, true);
	OK(doca_flow_pipe_cfg_set_match(cfg, &open, NULL));
	add(rig_pipe(cfg, &next, NULL), &open, NULL, NULL, NULL);
	rig_process(rig_port[0], 3);
	rig_send(0, "eth ip4:1.2.3.4>10.1.2.3 udp:1>2");
	rig_expect(2, "eth ip4:1.2.3.4>10.1.2.3 udp:1>2");
	rig_send(0, "eth ip4:1.2.3.4>10.2.2.3 udp:1>2");
	rig_expect(1, "eth ip4:1.2.3.4>10.2.2.3 udp:1>2");
	rig_send(0, "eth ip4:1.2.3.4>11.2.2.3 udp:1>2");
	rig_expect_nothing();
	rig_close();
}

static void control_priorities_and_condition(void **state)
{
	struct doca_flow_match udp = {0}, none = {0};
	struct doca_flow_match_condition ttl = {.operation = DOCA_FLOW_COMPARE_LT,
		.field_op = {.a = {"outer.ipv4.ttl", 0}, .width = 8}};
	struct doca_flow_match limit = {0};
	struct doca_flow_fwd one = to_port(1), two = to_port(2), drop = {.type = DOCA_FLOW_FWD_DROP};
	struct doca_flow_pipe *pipe;

	rig_open("vnf,hws", 3);
	pipe = rig_pipe(rig_pipe_cfg(rig_port[0], "CONTROL", DOCA_FLOW_PIPE_CONTROL, true), NULL, NULL);
	udp.parser_meta.outer_l4_type = DOCA_FLOW_L4_META_UDP;
	OK(doca_flow_pipe_control_add_entry(0, pipe, &none, NULL, NULL, NULL, NULL, NULL, NULL, 5, &one, NULL, NULL));
	OK(doca_flow_pipe_control_add_entry(0, pipe, &udp, NULL, NULL, NULL, NULL, NULL, NULL, 2, &two, NULL, NULL));
	limit.outer.l3_type = DOCA_FLOW_L3_TYPE_IP4;
	limit.outer.ip4.ttl = 5;
	OK(doca_flow_pipe_control_add_entry(0, pipe, &limit, NULL, &ttl, NULL, NULL, NULL, NULL, 0, &drop, NULL, NULL));
	rig_process(rig_port[0], 3);
	rig_send(0, HIT);
	rig_expect(1, HIT);
	rig_send(0, OTHER);
	rig_expect(2, OTHER);
	rig_send(0, "eth ip4:1.2.3.4>8.8.8.8,ttl=4 udp:1>2");
	rig_expect_nothing();
	rig_send(0, "eth ip4:1.2.3.4>8.8.8.8,ttl=5 udp:1>2");
	rig_expect(2, "eth ip4:1.2.3.4>8.8.8.8,ttl=5 udp:1>2");
	rig_close();
}

static void control_entry_with_actions(void **state)
{
	struct doca_flow_match none = {0};
	struct doca_flow_actions a = {0};
	struct doca_flow_fwd one = to_port(1);
	struct doca_flow_pipe *pipe;

	rig_open("vnf,hws", 2);
	pipe = rig_pipe(rig_pipe_cfg(rig_port[0], "CONTROL", DOCA_FLOW_PIPE_CONTROL, true), NULL, NULL);
	a.outer.l3_type = DOCA_FLOW_L3_TYPE_IP4;
	a.outer.ip4.dst_ip = IP(7, 7, 7, 7);
	OK(doca_flow_pipe_control_add_entry(0, pipe, &none, NULL, NULL, &a, NULL, NULL, NULL, 5, &one, NULL, NULL));
	rig_process(rig_port[0], 1);
	rig_send(0, HIT);
	rig_expect(1, "eth ip4:1.2.3.4>7.7.7.7 tcp:1234>80 data:30");
	rig_close();
}

static void acl_range(void **state)
{
	struct doca_flow_match open = {0}, m = {0}, mask = {0};
	struct doca_flow_fwd fwd = to_port(1), drop = {.type = DOCA_FLOW_FWD_DROP}, next;
	struct doca_flow_pipe_cfg *cfg;
	struct doca_flow_pipe *acl;

	rig_open("vnf,hws", 2);
	open.outer.l3_type = DOCA_FLOW_L3_TYPE_IP4;
	open.outer.l4_type_ext = DOCA_FLOW_L4_TYPE_EXT_TCP;
	open.outer.ip4.src_ip = open.outer.ip4.dst_ip = UINT32_MAX;
	open.outer.tcp.l4_port.src_port = open.outer.tcp.l4_port.dst_port = UINT16_MAX;
	cfg = rig_pipe_cfg(rig_port[0], "ACL", DOCA_FLOW_PIPE_ACL, false);
	OK(doca_flow_pipe_cfg_set_match(cfg, &open, NULL));
	acl = rig_pipe(cfg, NULL, &drop);
	m.outer.l3_type = DOCA_FLOW_L3_TYPE_IP4;
	m.outer.l4_type_ext = DOCA_FLOW_L4_TYPE_EXT_TCP;
	m.outer.ip4.dst_ip = IP(8, 8, 8, 8);
	mask.outer.ip4.dst_ip = UINT32_MAX;
	m.outer.tcp.l4_port.dst_port = DOCA_HTOBE16(70); /* shares few bits with the other end */
	mask.outer.tcp.l4_port.dst_port = DOCA_HTOBE16(90);
	OK(doca_flow_pipe_acl_add_entry(0, acl, &m, &mask, 0, NULL, 10, &fwd, 0, NULL, NULL));
	next = to_pipe(acl);
	memset(&open, 0, sizeof(open));
	cfg = rig_pipe_cfg(rig_port[0], "ROOT", DOCA_FLOW_PIPE_BASIC, true);
	OK(doca_flow_pipe_cfg_set_match(cfg, &open, NULL));
	add(rig_pipe(cfg, &next, NULL), &open, NULL, NULL, NULL);
	rig_process(rig_port[0], 2);
	rig_send(0, HIT);
	rig_expect(1, HIT);
	rig_send(0, "eth ip4:1.2.3.4>8.8.8.8 tcp:1234>91");
	rig_expect_nothing();
	rig_send(0, "eth ip4:1.2.3.4>8.8.8.8 tcp:1234>69");
	rig_expect_nothing();
	rig_send(0, OTHER);
	rig_expect_nothing();
	rig_close();
}

static void flooding(void **state)
{
	struct doca_flow_match none = {0};
	struct doca_flow_fwd next, to;
	struct doca_flow_pipe_cfg *cfg;
	struct doca_flow_pipe *hash;

	rig_open("switch,hws", 3);
	cfg = rig_pipe_cfg(rig_port[0], "FLOOD", DOCA_FLOW_PIPE_HASH, false);
	OK(doca_flow_pipe_cfg_set_nr_entries(cfg, 2));
	OK(doca_flow_pipe_cfg_set_hash_map_algorithm(cfg, DOCA_FLOW_PIPE_HASH_MAP_ALGORITHM_FLOODING));
	to = to_port(UINT16_MAX);
	hash = rig_pipe(cfg, &to, NULL);
	for (uint16_t i = 0; i < 2; i++) {
		to = to_port(1 + i);
		OK(doca_flow_pipe_hash_add_entry(0, hash, i, 0, NULL, NULL, &to, 0, NULL, NULL));
	}
	next = (struct doca_flow_fwd){.type = DOCA_FLOW_FWD_HASH_PIPE, .hash_pipe = {.pipe = hash, .algorithm = DOCA_FLOW_PIPE_HASH_MAP_ALGORITHM_FLOODING}};
	cfg = rig_pipe_cfg(rig_port[0], "ROOT", DOCA_FLOW_PIPE_BASIC, true);
	OK(doca_flow_pipe_cfg_set_match(cfg, &none, NULL));
	add(rig_pipe(cfg, &next, NULL), &none, NULL, NULL, NULL);
	rig_process(doca_flow_port_switch_get(rig_port[1]), 3);
	rig_send(0, HIT);
	rig_expect(1, HIT);
	rig_expect(2, HIT);
	rig_expect_nothing();
	rig_close();
}

static void ordered_list(void **state)
{
	struct doca_flow_match open = tuple(), m = tuple_of();
	struct doca_flow_actions a = {0}, mine = {0};
	struct doca_flow_monitor mon = {.counter_type = DOCA_FLOW_RESOURCE_TYPE_NON_SHARED};
	struct doca_flow_ordered_list_element e[2] = {
		{.type = DOCA_FLOW_ORDERED_LIST_ELEMENT_ACTIONS, .actions = &a}, {.type = DOCA_FLOW_ORDERED_LIST_ELEMENT_MONITOR, .monitor = &mon}};
	struct doca_flow_ordered_list list = {.idx = 0, .size = 2, .elements = e}, *lists[] = {&list};
	struct doca_flow_fwd fwd = to_port(1), next = {.type = DOCA_FLOW_FWD_ORDERED_LIST_PIPE};
	struct doca_flow_resource_query q;
	struct doca_flow_pipe_cfg *cfg;
	struct doca_flow_pipe *pipe;
	struct doca_flow_pipe_entry *entry;

	rig_open("vnf,hws", 2);
	a.outer.l3_type = DOCA_FLOW_L3_TYPE_IP4;
	a.outer.ip4.src_ip = UINT32_MAX;
	cfg = rig_pipe_cfg(rig_port[0], "LIST", DOCA_FLOW_PIPE_ORDERED_LIST, false);
	OK(doca_flow_pipe_cfg_set_ordered_lists(cfg, lists, 1));
	pipe = rig_pipe(cfg, &fwd, NULL);
	mine.outer.ip4.src_ip = IP(5, 5, 5, 5);
	e[0].actions = &mine;
	OK(doca_flow_pipe_ordered_list_add_entry(0, pipe, 3, &list, NULL, 0, NULL, &entry));
	next.ordered_list_pipe.pipe = pipe;
	next.ordered_list_pipe.idx = 3;
	cfg = rig_pipe_cfg(rig_port[0], "ROOT", DOCA_FLOW_PIPE_BASIC, true);
	OK(doca_flow_pipe_cfg_set_match(cfg, &open, NULL));
	add(rig_pipe(cfg, &next, NULL), &m, NULL, NULL, NULL);
	rig_process(rig_port[0], 2);
	rig_send(0, HIT);
	rig_expect(1, "eth ip4:5.5.5.5>8.8.8.8 tcp:1234>80 data:30");
	OK(doca_flow_resource_query_entry(entry, &q));
	assert_int_equal(q.counter.total_pkts, 1);
	rig_close();
}

static void shared_counter_and_update(void **state)
{
	struct doca_flow_match open = tuple(), m = tuple_of();
	struct doca_flow_monitor mon = {.counter_type = DOCA_FLOW_RESOURCE_TYPE_SHARED, .shared_counter = {UINT32_MAX}}, mine = mon;
	struct doca_flow_fwd fwd = {.type = DOCA_FLOW_FWD_CHANGEABLE}, one = to_port(1), back = to_port(0);
	struct doca_flow_shared_resource_cfg none = {0};
	struct doca_flow_resource_query q;
	struct doca_flow_pipe_cfg *cfg;
	struct doca_flow_pipe *pipe;
	struct doca_flow_pipe_entry *e;
	uint32_t id = 3;

	rig_open("vnf,hws", 2);
	OK(doca_flow_port_shared_resource_set_cfg(rig_port[0], DOCA_FLOW_SHARED_RESOURCE_COUNTER, id, &none));
	cfg = rig_pipe_cfg(rig_port[0], "SHARED", DOCA_FLOW_PIPE_BASIC, true);
	OK(doca_flow_pipe_cfg_set_match(cfg, &open, NULL));
	OK(doca_flow_pipe_cfg_set_monitor(cfg, &mon));
	pipe = rig_pipe(cfg, &fwd, NULL);
	mine.shared_counter.shared_counter_id = 9; /* reserved but not configured */
	assert_int_equal(doca_flow_pipe_basic_add_entry(0, pipe, &m, 0, NULL, &mine, &one, 0, NULL, &e), DOCA_ERROR_INVALID_VALUE);
	assert_non_null(strstr(refusal(), "not configured"));
	mine.shared_counter.shared_counter_id = id;
	e = add(pipe, &m, NULL, &mine, &one);
	rig_process(rig_port[0], 1);
	rig_send(0, HIT);
	rig_expect(1, HIT);
	OK(doca_flow_pipe_basic_update_entry(0, pipe, 0, NULL, &mine, &back, 0, e));
	rig_process(rig_port[0], 1);
	rig_send(0, HIT);
	rig_expect(0, HIT);
	OK(doca_flow_port_shared_resources_query(rig_port[0], DOCA_FLOW_SHARED_RESOURCE_COUNTER, &id, &q, 1));
	assert_int_equal(q.counter.total_pkts, 2);
	rig_close();
}

static void outer_gre(struct doca_flow_encap_action *e, uint8_t last, uint32_t key)
{
	memcpy(e->outer.eth.dst_mac, (uint8_t[]){2, 0, 0, 0, 0, 2}, 6);
	memcpy(e->outer.eth.src_mac, (uint8_t[]){2, 0, 0, 0, 0, 1}, 6);
	e->outer.l3_type = DOCA_FLOW_L3_TYPE_IP4;
	e->outer.ip4.src_ip = IP(9, 0, 0, 1);
	e->outer.ip4.dst_ip = IP(9, 0, 0, last);
	e->outer.ip4.flags_fragment_offset = DOCA_HTOBE16(DOCA_FLOW_IP4_FLAG_DONT_FRAGMENT);
	e->tun.type = DOCA_FLOW_TUN_GRE;
	e->tun.protocol = DOCA_HTOBE16(DOCA_FLOW_ETHER_TYPE_TEB);
	e->tun.key_present = true;
	e->tun.gre_key = DOCA_HTOBE32(key);
}

/* An id is the port's own: port 1 means another encapsulation by the same number. */
static void shared_encap(void **state)
{
	struct doca_flow_shared_resource_cfg shared[2] = {0};
	struct doca_flow_match open = tuple(), m = tuple_of();
	struct doca_flow_actions a = {0}, *actions[] = {&a};
	struct doca_flow_fwd fwd = to_port(1);
	struct doca_flow_pipe_cfg *cfg;
	struct doca_flow_pipe *pipe;

	rig_open("vnf,hws", 2);
	for (unsigned i = 0; i < 2; i++) {
		shared[i].encap_cfg.is_l2 = true;
		outer_gre(&shared[i].encap_cfg.encap, 2 + i, 5 + i);
	}
	a.encap_type = DOCA_FLOW_RESOURCE_TYPE_SHARED;
	a.shared_encap_id = 1;
	OK(doca_flow_port_shared_resource_set_cfg(rig_port[1], DOCA_FLOW_SHARED_RESOURCE_ENCAP, 1, &shared[1]));
	cfg = rig_pipe_cfg(rig_port[0], "SHARED_ENCAP", DOCA_FLOW_PIPE_BASIC, true);
	OK(doca_flow_pipe_cfg_set_match(cfg, &open, NULL));
	OK(doca_flow_pipe_cfg_set_actions(cfg, actions, NULL, NULL, 1));
	assert_int_equal(doca_flow_pipe_create(cfg, &fwd, NULL, &pipe), DOCA_ERROR_INVALID_VALUE);
	assert_non_null(strstr(refusal(), "shared encap 1 is not configured"));
	OK(doca_flow_port_shared_resource_set_cfg(rig_port[0], DOCA_FLOW_SHARED_RESOURCE_ENCAP, 1, &shared[0]));
	add(rig_pipe(cfg, &fwd, NULL), &m, NULL, NULL, NULL);
	rig_process(rig_port[0], 1);
	rig_send(0, HIT);
	rig_expect(1, "eth ip4:9.0.0.1>9.0.0.2,df gre:key=5 " HIT);
	rig_close();
}

static unsigned resized, relocated;

static void on_pipe(struct doca_flow_pipe *pipe, enum doca_flow_pipe_status status, enum doca_flow_pipe_op op, void *user_ctx)
{
	resized += op == DOCA_FLOW_PIPE_OP_RESIZED;
}

static doca_error_t relocate(void *pipe_ctx, uint16_t queue, void *entry_ctx, void **new_ctx)
{
	relocated++;
	*new_ctx = (char *)entry_ctx + 1;
	return DOCA_SUCCESS;
}

/* Old entries are told of queue by queue; the queue that the pipe excludes is not waited for. */
static void a_pipe_grows(void **state)
{
	struct doca_flow_match open = tuple(), m = tuple_of();
	struct doca_flow_fwd fwd = to_port(1);
	struct doca_flow_pipe_cfg *cfg;
	struct doca_flow_pipe *pipe;

	resized = relocated = 0;
	rig_queues = 3;
	rig_on_pipe = on_pipe;
	rig_open("vnf,hws", 2);
	rig_queues = 0;
	rig_on_pipe = NULL;
	cfg = rig_pipe_cfg(rig_port[0], "GROWS", DOCA_FLOW_PIPE_BASIC, true);
	OK(doca_flow_pipe_cfg_set_match(cfg, &open, NULL));
	OK(doca_flow_pipe_cfg_set_nr_entries(cfg, 1));
	OK(doca_flow_pipe_cfg_set_is_resizable(cfg, true));
	OK(doca_flow_pipe_cfg_set_excluded_queue(cfg, 1));
	pipe = rig_pipe(cfg, &fwd, NULL);
	add(pipe, &m, NULL, NULL, NULL);
	OK(doca_flow_pipe_resize(pipe, 100, NULL, relocate));
	OK(doca_flow_entries_process(rig_port[0], 2, 0, 0));
	assert_int_equal(resized, 0);
	OK(doca_flow_entries_process(rig_port[0], 0, 0, 0));
	assert_int_equal(resized, 1);
	assert_int_equal(relocated, 1);
	m.outer.ip4.src_ip = IP(4, 3, 2, 1);
	add(pipe, &m, NULL, NULL, NULL);
	rig_send(0, HIT);
	rig_expect(1, HIT);
	rig_close();
}

/* Completions of CONTROL pipes come beside those that the program asks for. */
static void control_entries_are_not_counted(void **state)
{
	struct doca_flow_match open = tuple(), m = tuple_of();
	struct doca_flow_fwd fwd = to_port(1);
	struct doca_flow_pipe_cfg *cfg;
	struct doca_flow_pipe *control, *basic;

	rig_open("vnf,hws", 2);
	control = rig_pipe(rig_pipe_cfg(rig_port[0], "CONTROL", DOCA_FLOW_PIPE_CONTROL, true), NULL, NULL);
	cfg = rig_pipe_cfg(rig_port[0], "BASIC", DOCA_FLOW_PIPE_BASIC, false);
	OK(doca_flow_pipe_cfg_set_match(cfg, &open, NULL));
	basic = rig_pipe(cfg, &fwd, NULL);
	OK(doca_flow_pipe_control_add_entry(0, control, &m, NULL, NULL, NULL, NULL, NULL, NULL, 0, &fwd, NULL, NULL));
	add(basic, &m, NULL, NULL, NULL);
	OK(doca_flow_entries_process(rig_port[0], 0, 0, 1));
	assert_int_equal(rig_callbacks, 2);
	rig_close();
}

/* The value was computed apart, with the published table of the polynomial. */
static void entropy_of_a_flow(void **state)
{
	struct doca_flow_entropy_format h = {.l3_type = DOCA_FLOW_L3_TYPE_IP4, .ip4 = {.src_ip = IP(8, 8, 8, 8), .dst_ip = IP(7, 7, 7, 7),
		.next_proto = DOCA_FLOW_PROTO_UDP}, .is_transport = true, .transport = {DOCA_HTOBE16(1234), DOCA_HTOBE16(5678)}};
	uint16_t entropy;

	rig_open("vnf,hws", 1);
	OK(doca_flow_port_calc_entropy(rig_port[0], &h, &entropy));
	assert_int_equal(DOCA_BETOH16(entropy), 0xdb9e);
	rig_close();
}

static void queue_depth_says_again(void **state)
{
	struct doca_flow_match open = tuple(), m = tuple_of();
	struct doca_flow_fwd fwd = to_port(1);
	struct doca_flow_pipe_cfg *cfg;
	struct doca_flow_pipe *pipe;
	doca_error_t err = DOCA_SUCCESS;
	unsigned n;

	rig_open("vnf,hws", 2);
	cfg = rig_pipe_cfg(rig_port[0], "FULL", DOCA_FLOW_PIPE_BASIC, true);
	OK(doca_flow_pipe_cfg_set_match(cfg, &open, NULL));
	pipe = rig_pipe(cfg, &fwd, NULL);
	for (n = 0; n < 2000 && err == DOCA_SUCCESS; n++) {
		m.outer.tcp.l4_port.src_port = n + 1;
		err = doca_flow_pipe_basic_add_entry(0, pipe, &m, 0, NULL, NULL, NULL, 0, NULL, NULL);
	}
	assert_int_equal(err, DOCA_ERROR_AGAIN);
	assert_int_equal(n - 1, 1024);
	rig_process(rig_port[0], 1024);
	rig_close();
}

static void refusals_name_what_is_wrong(void **state)
{
	struct doca_flow_match open = tuple();
	struct doca_flow_action_desc d = {.type = DOCA_FLOW_ACTION_COPY, .field_op = {.src = {.field_string = "outer.ipv4.src_jp"},
					  .dst = {.field_string = "meta.data"}, .width = 32}};
	struct doca_flow_action_descs descs = {1, &d}, *desc_list[] = {&descs};
	struct doca_flow_actions a = {0}, *actions[] = {&a};
	struct doca_flow_fwd fwd = to_port(1);
	struct doca_flow_pipe_cfg *cfg;
	struct doca_flow_pipe *pipe;
	struct doca_flow_cfg *again;

	rig_open("vnf,hws", 2);
	OK(doca_flow_cfg_create(&again));
	assert_int_equal(doca_flow_init(again), DOCA_ERROR_BAD_STATE);
	OK(doca_flow_cfg_destroy(again));
	cfg = rig_pipe_cfg(rig_port[0], "TYPO", DOCA_FLOW_PIPE_BASIC, true);
	OK(doca_flow_pipe_cfg_set_match(cfg, &open, NULL));
	OK(doca_flow_pipe_cfg_set_actions(cfg, actions, NULL, desc_list, 1));
	assert_int_not_equal(doca_flow_pipe_create(cfg, &fwd, NULL, &pipe), DOCA_SUCCESS);
	assert_non_null(strstr(refusal(), "outer.ipv4.src_ip"));
	OK(doca_flow_pipe_cfg_destroy(cfg));
	cfg = rig_pipe_cfg(rig_port[0], "TRACK", DOCA_FLOW_PIPE_CT, false);
	assert_int_equal(doca_flow_pipe_create(cfg, &fwd, NULL, &pipe), DOCA_ERROR_BAD_STATE);
	OK(doca_flow_pipe_cfg_destroy(cfg));
	rig_close();
}

/* An idle entry is told once, and a scan ends though the program leaves it in place. */
static void aging_tells_once(void **state)
{
	struct doca_flow_match open = tuple(), m = tuple_of();
	struct doca_flow_monitor mon = {.aging_sec = 1};
	struct doca_flow_fwd fwd = to_port(1);
	struct doca_flow_pipe_cfg *cfg;
	struct doca_flow_pipe *pipe;

	rig_open("vnf,hws", 2);
	cfg = rig_pipe_cfg(rig_port[0], "AGING", DOCA_FLOW_PIPE_BASIC, true);
	OK(doca_flow_pipe_cfg_set_match(cfg, &open, NULL));
	OK(doca_flow_pipe_cfg_set_monitor(cfg, &mon));
	pipe = rig_pipe(cfg, &fwd, NULL);
	add(pipe, &m, NULL, &mon, NULL);
	rig_process(rig_port[0], 1);
	assert_int_equal(doca_flow_aging_handle(rig_port[0], 0, 0, 0), -1);
	usleep(1200 * 1000);
	assert_int_equal(doca_flow_aging_handle(rig_port[0], 0, 0, 0), 1);
	assert_int_equal(rig_aged, 1);
	assert_int_equal(doca_flow_aging_handle(rig_port[0], 0, 0, 0), -1);
	rig_close();
}

static json_t *ask(struct ctl_client *client, const char *method, json_t *params)
{
	json_t *result = NULL;

	assert_int_equal(ctl_call(client, method, params, 5000, &result), 0);
	return result;
}

static void tune_server_answers(void **state)
{
	struct doca_flow_match open = tuple();
	struct doca_flow_fwd fwd = to_port(1);
	struct doca_flow_tune_server_cfg *tune;
	struct doca_flow_pipe_cfg *cfg;
	struct ctl_client *client;
	char path[64];
	json_t *answer;

	snprintf(path, sizeof(path), "/tmp/softdpu-tune.%d", getpid());
	setenv("SOFTDPU_TUNE_SOCKET", path, 1);
	OK(doca_flow_tune_server_cfg_create(&tune));
	assert_int_equal(doca_flow_tune_server_init(tune), DOCA_ERROR_BAD_STATE);
	rig_open("vnf,hws", 2);
	OK(doca_flow_tune_server_init(tune));
	assert_int_equal(doca_flow_tune_server_init(tune), DOCA_ERROR_BAD_STATE);
	OK(doca_flow_tune_server_cfg_destroy(tune));
	cfg = rig_pipe_cfg(rig_port[0], "SEEN", DOCA_FLOW_PIPE_BASIC, true);
	OK(doca_flow_pipe_cfg_set_match(cfg, &open, NULL));
	rig_pipe(cfg, &fwd, NULL);
	assert_int_equal(ctl_connect(path, &client), 0);
	answer = ask(client, CTL_FLOW_PORTS, NULL);
	assert_int_equal(json_array_size(json_object_get(answer, "ports")), 2);
	json_decref(answer);
	answer = ask(client, CTL_FLOW_PIPES, NULL);
	assert_string_equal(json_string_value(json_object_get(json_array_get(json_object_get(answer, "pipes"), 0), "name")), "SEEN");
	json_decref(answer);
	answer = ask(client, CTL_FLOW_DUMP, json_pack("{s:s}", "pipe", "SEEN"));
	assert_non_null(strstr(json_string_value(json_object_get(answer, "text")), "outer.ipv4.dst_ip"));
	json_decref(answer);
	assert_int_equal(ctl_call(client, CTL_FLOW_DUMP, json_pack("{s:s}", "pipe", "UNSEEN"), 5000, NULL), -ENOENT);
	ctl_disconnect(client);
	doca_flow_tune_server_destroy();
	assert_int_not_equal(access(path, F_OK), 0);
	rig_close();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(basic_forward_and_counter), cmocka_unit_test(vnf_miss_goes_to_the_application),
		cmocka_unit_test(rewrite_and_ttl), cmocka_unit_test(copy_and_add_to_meta), cmocka_unit_test(vxlan_encap_and_decap),
		cmocka_unit_test(lpm_behind_a_root), cmocka_unit_test(control_priorities_and_condition),
		cmocka_unit_test(control_entry_with_actions), cmocka_unit_test(acl_range), cmocka_unit_test(flooding),
		cmocka_unit_test(ordered_list), cmocka_unit_test(shared_counter_and_update), cmocka_unit_test(shared_encap), cmocka_unit_test(a_pipe_grows),
		cmocka_unit_test(control_entries_are_not_counted), cmocka_unit_test(entropy_of_a_flow), cmocka_unit_test(queue_depth_says_again),
		cmocka_unit_test(refusals_name_what_is_wrong), cmocka_unit_test(aging_tells_once), cmocka_unit_test(tune_server_answers),
	};

	test_eal_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
