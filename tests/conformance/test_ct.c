/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Connection tracking, managed by the program: own programs against libdoca_flow, packets in and packets expected; and random
 * operations on two queues against a list of what should be there.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>
#include <unistd.h>

#include <doca_flow_ct.h>

#include "base/refuse.h"
#include "base/rng.h"
#include "packet/fixture.h"
#include "rig.h"

#define Q 2 /* the first CT queue: the rig has two of DOCA Flow */
#define BOTH (DOCA_FLOW_CT_ENTRY_FLAGS_NO_WAIT | DOCA_FLOW_CT_ENTRY_FLAGS_DIR_ORIGIN | DOCA_FLOW_CT_ENTRY_FLAGS_DIR_REPLY)
#define IP(a, b, c, d) DOCA_HTOBE32((uint32_t)(a) << 24 | (b) << 16 | (c) << 8 | (d))

#define OUT "eth ip4:10.0.0.1>10.0.0.2 tcp:1000>80,fl=S data:20"
#define BACK "eth ip4:10.0.0.2>10.0.0.1 tcp:80>1000,fl=SA data:20"
#define OTHER "eth ip4:10.0.0.1>10.0.0.2 tcp:1001>80 data:20"

static struct doca_flow_ct_cfg *cfg;
static struct doca_flow_pipe *ct_pipe;
static unsigned finalized, walked;
static struct doca_flow_resource_query last_origin, last_reply;

/* ---- the program under test ---- */

static void on_init(void)
{
	OK(doca_flow_ct_init(cfg));
	OK(doca_flow_ct_cfg_destroy(cfg));
}

/* A configuration that the test may change before open_ct(). */
static void configure(void)
{
	OK(doca_flow_ct_cfg_create(&cfg));
	OK(doca_flow_ct_cfg_set_queues(cfg, 2));
	OK(doca_flow_ct_cfg_set_connections(cfg, 64, 64, 0));
	OK(doca_flow_ct_cfg_set_user_actions(cfg, 4));
	OK(doca_flow_ct_cfg_set_dup_filter_size(cfg, 8));
}

static struct doca_flow_fwd to_pipe(struct doca_flow_pipe *pipe)
{
	return (struct doca_flow_fwd){.type = DOCA_FLOW_FWD_PIPE, .next_pipe = pipe};
}

static struct doca_flow_fwd to_port(uint16_t id)
{
	return (struct doca_flow_fwd){.type = DOCA_FLOW_FWD_PORT, .port_id = id};
}

/* root -> CT -> hit; misses to the program's queue 0. */
static void open_with(const struct doca_flow_fwd *hit, struct doca_flow_actions **actions, struct doca_flow_actions **masks, unsigned n)
{
	static uint16_t queues[] = {0};
	struct doca_flow_fwd miss = {.type = DOCA_FLOW_FWD_RSS, .rss_type = DOCA_FLOW_RESOURCE_TYPE_NON_SHARED,
		.rss = {.queues_array = queues, .nr_queues = 1}};
	struct doca_flow_pipe_cfg *pipe = rig_pipe_cfg(rig_port[0], "CT", DOCA_FLOW_PIPE_CT, false);

	if (n)
		OK(doca_flow_pipe_cfg_set_actions(pipe, actions, masks, NULL, n));
	OK(doca_flow_pipe_cfg_set_miss_counter(pipe, true));
	ct_pipe = rig_pipe(pipe, hit, &miss);
}

static void open_root(void)
{
	struct doca_flow_pipe_cfg *pipe = rig_pipe_cfg(rig_port[0], "ROOT", DOCA_FLOW_PIPE_CONTROL, true);
	struct doca_flow_fwd fwd = to_pipe(ct_pipe);
	struct doca_flow_pipe *root = rig_pipe(pipe, NULL, NULL);
	struct doca_flow_match all = {0};

	OK(doca_flow_pipe_control_add_entry(0, root, &all, NULL, NULL, NULL, NULL, NULL, NULL, 1, &fwd, NULL, NULL));
	rig_process(rig_port[0], 1);
}

static void open_switch(void)
{
	finalized = walked = 0;
	rig_on_init = on_init;
	rig_open("vnf,hws", 3);
}

/* Everything as most tests want it: hits go out by port 1. */
static void open_ct(void)
{
	struct doca_flow_fwd hit = to_port(1);

	open_switch();
	open_with(&hit, NULL, NULL, 0);
	open_root();
	rig_callbacks = 0;
}

static void close_ct(void)
{
	doca_flow_pipe_destroy(ct_pipe);
	rig_close(); /* stops the ports and the library; CT after both does no harm */
	doca_flow_ct_destroy();
	rig_on_init = NULL;
}

static struct doca_flow_ct_match match4(uint32_t src, uint32_t dst, uint16_t sport, uint16_t dport, uint8_t proto)
{
	struct doca_flow_ct_match m = {0};

	m.ipv4.src_ip = src;
	m.ipv4.dst_ip = dst;
	m.ipv4.l4_port.src_port = DOCA_HTOBE16(sport);
	m.ipv4.l4_port.dst_port = DOCA_HTOBE16(dport);
	m.ipv4.next_proto = proto;
	return m;
}

static struct doca_flow_ct_match match6(uint16_t src, uint16_t dst, uint16_t sport, uint16_t dport)
{
	struct doca_flow_ct_match m = {0};

	m.ipv6.src_ip[0] = m.ipv6.dst_ip[0] = DOCA_HTOBE32(0xfd000000);
	m.ipv6.src_ip[3] = DOCA_HTOBE32(src);
	m.ipv6.dst_ip[3] = DOCA_HTOBE32(dst);
	m.ipv6.l4_port.src_port = DOCA_HTOBE16(sport);
	m.ipv6.l4_port.dst_port = DOCA_HTOBE16(dport);
	m.ipv6.next_proto = DOCA_FLOW_PROTO_UDP;
	return m;
}

static struct doca_flow_ct_match origin(void)
{
	return match4(IP(10, 0, 0, 1), IP(10, 0, 0, 2), 1000, 80, DOCA_FLOW_PROTO_TCP);
}

static struct doca_flow_ct_match reply(void)
{
	return match4(IP(10, 0, 0, 2), IP(10, 0, 0, 1), 80, 1000, DOCA_FLOW_PROTO_TCP);
}

struct want {
	uint16_t queue;
	uint32_t flags, fwd[2], timeout_s;
	struct doca_flow_ct_actions *actions[2];
	void *ctx;
};

static doca_error_t try_add(const struct want *w, struct doca_flow_ct_match *o, struct doca_flow_ct_match *r, struct doca_flow_pipe_entry **e)
{
	bool found;

	OK(doca_flow_ct_entry_prepare(w->queue, ct_pipe, DOCA_FLOW_CT_ENTRY_FLAGS_ALLOC_ON_MISS, o, 11, r, 22, e, &found));
	assert_false(found);
	return doca_flow_ct_add_entry(w->queue, ct_pipe, w->flags, o, r, w->actions[0], w->actions[1], w->fwd[0], w->fwd[1], w->timeout_s,
		w->ctx, *e);
}

static struct doca_flow_pipe_entry *add(const struct want *w)
{
	struct doca_flow_ct_match o = origin(), r = reply();
	struct doca_flow_pipe_entry *e;

	OK(try_add(w, &o, &r, &e));
	return e;
}

static struct doca_flow_pipe_entry *add_plain(void)
{
	return add(&(struct want){.queue = Q, .flags = BOTH});
}

static void process(void)
{
	OK(doca_flow_ct_entries_process(rig_port[0], Q, 0, 0, NULL));
}

static void expect_pass(const char *spec)
{
	rig_send(0, spec);
	rig_expect(1, spec);
}

static void expect_miss(const char *spec)
{
	rig_send(0, spec);
	rig_expect_queue(0, spec);
}

/* ---- behaviours ---- */

static void both_directions_and_callbacks(void **state)
{
	struct doca_flow_resource_query q;
	struct doca_flow_pipe_entry *e;
	uint32_t room;

	configure();
	open_ct();
	expect_miss(OUT);
	e = add_plain();
	assert_int_equal(rig_callbacks, 0);
	assert_int_equal(doca_flow_pipe_entry_get_status(e), DOCA_FLOW_ENTRY_STATUS_IN_PROCESS);
	OK(doca_flow_ct_entries_process(rig_port[0], Q, 0, 0, &room));
	assert_int_equal(rig_callbacks, 1);
	assert_true(room > 0);
	assert_int_equal(doca_flow_pipe_entry_get_status(e), DOCA_FLOW_ENTRY_STATUS_SUCCESS);
	expect_pass(OUT);
	expect_pass(BACK);
	expect_pass("eth ip4:10.0.0.1>10.0.0.2 tcp:1000>80,fl=R data:20"); /* the library keeps no TCP state */
	expect_pass("eth ip4:10.0.0.1>10.0.0.2 tcp:1000>80,fl= data:20");
	expect_miss(OTHER);
	expect_miss("eth ip4:10.0.0.1>10.0.0.2 udp:1000>80 data:20");
	OK(doca_flow_resource_query_pipe_miss(ct_pipe, &q));
	assert_int_equal(q.counter.total_pkts, 3);
	OK(doca_flow_ct_rm_entry(Q, ct_pipe, BOTH, e));
	expect_miss(OUT);
	expect_miss(BACK);
	process();
	assert_int_equal(rig_callbacks, 2);
	close_ct();
}

static void one_direction(void **state)
{
	struct doca_flow_ct_match o = origin();
	struct doca_flow_pipe_entry *e;

	configure();
	open_ct();
	OK(try_add(&(struct want){.queue = Q, .flags = DOCA_FLOW_CT_ENTRY_FLAGS_DIR_ORIGIN}, &o, NULL, &e));
	expect_pass(OUT);
	expect_miss(BACK);
	close_ct();
}

static void ip6_and_mixed(void **state)
{
	struct doca_flow_ct_match o6 = match6(1, 2, 5, 6), r6 = match6(2, 1, 6, 5), o = match6(3, 4, 7, 8);
	struct doca_flow_ct_match r = match4(IP(10, 0, 0, 9), IP(10, 0, 0, 8), 8, 7, DOCA_FLOW_PROTO_UDP);
	const uint32_t v6 = DOCA_FLOW_CT_ENTRY_FLAGS_IPV6_ORIGIN;
	struct doca_flow_pipe_entry *e;

	configure();
	open_ct();
	OK(try_add(&(struct want){.queue = Q, .flags = BOTH | v6 | DOCA_FLOW_CT_ENTRY_FLAGS_IPV6_REPLY}, &o6, &r6, &e));
	OK(try_add(&(struct want){.queue = Q, .flags = BOTH | v6}, &o, &r, &e));
	expect_pass("eth ip6:fd00::1>fd00::2 udp:5>6 data:20");
	expect_pass("eth ip6:fd00::2>fd00::1 udp:6>5 data:20");
	expect_pass("eth ip6:fd00::3>fd00::4 udp:7>8 data:20");
	expect_pass("eth ip4:10.0.0.9>10.0.0.8 udp:8>7 data:20");
	expect_miss("eth ip6:fd00::4>fd00::3 udp:8>7 data:20");
	close_ct();
}

/* Origin: to another address and port; reply: back again. Checksums of the expected frames are the fixture's own. */
static void nat(void **state)
{
	struct doca_flow_actions none = {0}, a = {0}, *list[] = {&none, &a};
	struct doca_flow_ct_actions o = {.resource_type = DOCA_FLOW_RESOURCE_TYPE_NON_SHARED}, r = o;
	struct doca_flow_ct_match mo = origin(), mr = match4(IP(192, 168, 0, 9), IP(10, 0, 0, 1), 8080, 1000, DOCA_FLOW_PROTO_TCP);
	struct doca_flow_fwd hit = to_port(1);
	struct doca_flow_pipe_entry *e;

	configure();
	open_switch();
	a.outer.l3_type = DOCA_FLOW_L3_TYPE_IP4;
	a.outer.ip4.src_ip = a.outer.ip4.dst_ip = UINT32_MAX;
	a.outer.l4_type_ext = DOCA_FLOW_L4_TYPE_EXT_TRANSPORT;
	a.outer.transport.src_port = a.outer.transport.dst_port = UINT16_MAX;
	open_with(&hit, list, NULL, 2);
	open_root();
	o.data.action_idx = r.data.action_idx = 1;
	o.data.ip4.src_ip = IP(10, 0, 0, 1);
	o.data.ip4.dst_ip = IP(192, 168, 0, 9);
	o.data.l4_port.src_port = DOCA_HTOBE16(1000);
	o.data.l4_port.dst_port = DOCA_HTOBE16(8080);
	r.data.ip4.src_ip = IP(10, 0, 0, 2);
	r.data.ip4.dst_ip = IP(10, 0, 0, 1);
	r.data.l4_port.src_port = DOCA_HTOBE16(80);
	r.data.l4_port.dst_port = DOCA_HTOBE16(1000);
	OK(try_add(&(struct want){.queue = Q, .flags = BOTH, .actions = {&o, &r}}, &mo, &mr, &e));
	rig_send(0, OUT);
	rig_expect(1, "eth ip4:10.0.0.1>192.168.0.9 tcp:1000>8080,fl=S data:20");
	rig_send(0, "eth ip4:192.168.0.9>10.0.0.1 tcp:8080>1000,fl=SA data:20");
	rig_expect(1, BACK);
	o.data.ip4.dst_ip = IP(192, 168, 0, 10);
	OK(doca_flow_ct_update_entry(Q, ct_pipe, DOCA_FLOW_CT_ENTRY_FLAGS_DIR_ORIGIN, e, &o, NULL, 0, 0, 0));
	rig_send(0, OUT);
	rig_expect(1, "eth ip4:10.0.0.1>192.168.0.10 tcp:1000>8080,fl=S data:20");
	o.data.action_idx = 2;
	assert_int_equal(doca_flow_ct_update_entry(Q, ct_pipe, BOTH, e, &o, NULL, 0, 0, 0), DOCA_ERROR_INVALID_VALUE);
	close_ct();
}

/* Behind the CT pipe: metadata 7 leads out by port 2, everything else by port 1. */
static struct doca_flow_fwd by_metadata(void)
{
	struct doca_flow_pipe_cfg *pipe = rig_pipe_cfg(rig_port[0], "BY META", DOCA_FLOW_PIPE_BASIC, false);
	struct doca_flow_match m = {.meta.pkt_meta = UINT32_MAX};
	struct doca_flow_fwd two = to_port(2), one = to_port(1);
	struct doca_flow_pipe *made;

	OK(doca_flow_pipe_cfg_set_match(pipe, &m, NULL));
	made = rig_pipe(pipe, &two, &one);
	m.meta.pkt_meta = DOCA_HTOBE32(7);
	OK(doca_flow_pipe_basic_add_entry(0, made, &m, 0, NULL, NULL, NULL, 0, NULL, NULL));
	rig_process(rig_port[0], 1);
	return to_pipe(made);
}

static void shared_metadata(void **state)
{
	struct doca_flow_meta no_zone = {0};
	struct doca_flow_ct_meta modify = {.flow.pkt_meta = UINT32_MAX};
	struct doca_flow_ct_actions seven = {.data.meta.flow.pkt_meta = DOCA_HTOBE32(7)}, by_handle = {0};
	struct doca_flow_fwd hit;
	uint32_t handle[5];

	configure();
	OK(doca_flow_ct_cfg_set_direction(cfg, false, false, &no_zone, &modify));
	OK(doca_flow_ct_cfg_set_direction(cfg, true, false, &no_zone, &modify));
	open_switch();
	hit = by_metadata();
	open_with(&hit, NULL, NULL, 0);
	open_root();
	OK(doca_flow_ct_actions_add_shared(Q, ct_pipe, &seven, 1, handle));
	by_handle.resource_type = DOCA_FLOW_RESOURCE_TYPE_SHARED;
	by_handle.action_handle = handle[0];
	add(&(struct want){.queue = Q, .flags = BOTH, .actions = {&by_handle, NULL}});
	OK(doca_flow_ct_actions_rm_shared(Q, ct_pipe, handle, 1));
	rig_send(0, OUT);
	rig_expect(2, OUT);
	expect_pass(BACK);
	assert_int_equal(doca_flow_ct_actions_rm_shared(Q, ct_pipe, handle, 1), DOCA_ERROR_NOT_FOUND);
	for (unsigned i = 0; i < 4; i++)
		OK(doca_flow_ct_actions_add_shared(Q, ct_pipe, &seven, 1, &handle[i]));
	assert_int_equal(doca_flow_ct_actions_add_shared(Q, ct_pipe, &seven, 1, &handle[4]), DOCA_ERROR_FULL);
	close_ct();
}

/* The root writes the DSCP's zone into u32[1]; one 5-tuple is a connection in zone 1 only. */
static void zones(void **state)
{
	struct doca_flow_meta zone = {.u32[1] = DOCA_HTOBE32(0xffff)};
	struct doca_flow_ct_meta modify = {0};
	struct doca_flow_match m = {.outer.l3_type = DOCA_FLOW_L3_TYPE_IP4};
	struct doca_flow_actions a = {0};
	struct doca_flow_ct_match o = origin(), r = reply();
	struct doca_flow_fwd hit = to_port(1), fwd;
	struct doca_flow_pipe_entry *e;
	struct doca_flow_pipe *root;

	configure();
	OK(doca_flow_ct_cfg_set_direction(cfg, false, false, &zone, &modify));
	OK(doca_flow_ct_cfg_set_direction(cfg, true, false, &zone, &modify));
	OK(doca_flow_ct_cfg_set_max_connections_per_zone(cfg, 2));
	open_switch();
	open_with(&hit, NULL, NULL, 0);
	root = rig_pipe(rig_pipe_cfg(rig_port[0], "ROOT", DOCA_FLOW_PIPE_CONTROL, true), NULL, NULL);
	fwd = to_pipe(ct_pipe);
	for (unsigned i = 1; i <= 2; i++) {
		m.outer.ip4.dscp_ecn = i << 2;
		a.meta.u32[1] = DOCA_HTOBE32(i);
		OK(doca_flow_pipe_control_add_entry(0, root, &m, NULL, NULL, &a, NULL, NULL, NULL, 1, &fwd, NULL, NULL));
	}
	rig_process(rig_port[0], 2);
	o.ipv4.metadata = r.ipv4.metadata = DOCA_HTOBE32(1);
	OK(try_add(&(struct want){.queue = Q, .flags = BOTH}, &o, &r, &e));
	expect_pass("eth ip4:10.0.0.1>10.0.0.2,tos=4 tcp:1000>80 data:20");
	expect_pass("eth ip4:10.0.0.2>10.0.0.1,tos=4 tcp:80>1000 data:20");
	expect_miss("eth ip4:10.0.0.1>10.0.0.2,tos=8 tcp:1000>80 data:20");
	o.ipv4.l4_port.src_port = r.ipv4.l4_port.dst_port = DOCA_HTOBE16(7);
	OK(try_add(&(struct want){.queue = Q, .flags = BOTH}, &o, &r, &e));
	o.ipv4.l4_port.src_port = r.ipv4.l4_port.dst_port = DOCA_HTOBE16(8);
	assert_int_equal(try_add(&(struct want){.queue = Q, .flags = BOTH}, &o, &r, &e), DOCA_ERROR_FULL);
	assert_non_null(strstr(refusal(), "zone"));
	o.ipv4.metadata = r.ipv4.metadata = DOCA_HTOBE32(2);
	OK(try_add(&(struct want){.queue = Q, .flags = BOTH}, &o, &r, &e));
	expect_pass("eth ip4:10.0.0.1>10.0.0.2,tos=8 tcp:8>80 data:20");
	close_ct();
}

static void inner_reply(void **state)
{
	struct doca_flow_meta no_zone = {0};
	struct doca_flow_ct_meta modify = {0};

	configure();
	OK(doca_flow_ct_cfg_set_flags(cfg, DOCA_FLOW_CT_FLAG_ASYMMETRIC_TUNNEL));
	OK(doca_flow_ct_cfg_set_direction(cfg, true, true, &no_zone, &modify));
	open_ct();
	add_plain();
	expect_pass(OUT);
	expect_miss(BACK);
	expect_pass("eth ip4:9.9.9.9>8.8.8.8 udp:1>4789 vxlan:77 " BACK);
	expect_miss("eth ip4:9.9.9.9>8.8.8.8 udp:1>4789 vxlan:77 " OTHER);
	close_ct();
}

static void own_forward(void **state)
{
	struct doca_flow_fwd two = to_port(2);
	struct doca_flow_pipe_entry *e;
	uint32_t handle;

	configure();
	open_ct();
	OK(doca_flow_ct_fwd_register(rig_port[0], 1, &two, &handle));
	e = add(&(struct want){.queue = Q, .flags = BOTH, .fwd = {handle, 0}});
	rig_send(0, OUT);
	rig_expect(2, OUT);
	expect_pass(BACK);
	assert_int_equal(doca_flow_ct_update_entry(Q, ct_pipe, BOTH, e, NULL, NULL, handle + 1, 0, 0), DOCA_ERROR_INVALID_VALUE);
	close_ct();
}

static void duplicates(void **state)
{
	const uint32_t flags = DOCA_FLOW_CT_ENTRY_FLAGS_ALLOC_ON_MISS | DOCA_FLOW_CT_ENTRY_FLAGS_DUP_FILTER_ORIGIN;
	struct doca_flow_ct_match o = origin(), r = reply();
	struct doca_flow_pipe_entry *e, *same, *first;
	bool found;

	configure();
	open_ct();
	OK(doca_flow_ct_entry_prepare(Q, ct_pipe, flags, &o, 1, &r, 2, &first, &found));
	assert_false(found);
	OK(doca_flow_ct_entry_prepare(Q, ct_pipe, flags, &o, 1, &r, 2, &same, &found));
	assert_true(found);
	assert_ptr_equal(first, same);
	OK(doca_flow_ct_add_entry(Q, ct_pipe, BOTH | DOCA_FLOW_CT_ENTRY_FLAGS_DUP_FILTER_ORIGIN, &o, &r, NULL, NULL, 0, 0, 0, NULL, first));
	OK(doca_flow_ct_entry_prepare(Q, ct_pipe, flags, &o, 1, &r, 2, &same, &found));
	assert_true(found);
	/* the other queue has its own filter, but the key is taken */
	assert_int_equal(try_add(&(struct want){.queue = Q + 1, .flags = BOTH}, &o, &r, &e), DOCA_ERROR_ALREADY_EXIST);
	for (unsigned i = 1; i <= 8; i++) { /* eight younger ones: forgotten */
		o.ipv4.l4_port.src_port = DOCA_HTOBE16(i);
		OK(doca_flow_ct_entry_prepare(Q, ct_pipe, flags, &o, 1, &r, 2, &same, &found));
		assert_false(found);
	}
	o = origin();
	OK(doca_flow_ct_entry_prepare(Q, ct_pipe, DOCA_FLOW_CT_ENTRY_FLAGS_DUP_FILTER_ORIGIN, &o, 1, &r, 2, &same, &found));
	assert_false(found);
	assert_null(same); /* without ALLOC_ON_MISS only a look */
	close_ct();
}

static void room(void **state)
{
	struct doca_flow_ct_match o = origin(), r = reply();
	struct doca_flow_pipe_entry *e, *kept = NULL;
	doca_error_t err = DOCA_SUCCESS;
	unsigned n = 0;

	configure();
	OK(doca_flow_ct_cfg_set_connections(cfg, 10, 0, 0));
	open_ct();
	for (; err == DOCA_SUCCESS; n++) {
		o.ipv4.l4_port.src_port = r.ipv4.l4_port.dst_port = n;
		err = try_add(&(struct want){.queue = Q, .flags = BOTH}, &o, &r, &e);
		if (err == DOCA_SUCCESS)
			kept = e;
	}
	assert_int_equal(err, DOCA_ERROR_FULL);
	assert_int_equal(n - 1, 10);
	OK(doca_flow_ct_rm_entry(Q, ct_pipe, 0, kept));
	OK(try_add(&(struct want){.queue = Q, .flags = BOTH}, &o, &r, &e));
	o = match6(1, 2, 3, 4);
	assert_int_equal(try_add(&(struct want){.queue = Q, .flags = DOCA_FLOW_CT_ENTRY_FLAGS_DIR_ORIGIN | DOCA_FLOW_CT_ENTRY_FLAGS_IPV6_ORIGIN},
				 &o, NULL, &e), DOCA_ERROR_FULL);
	close_ct();
}

static void queue_depth(void **state)
{
	struct doca_flow_pipe_entry *e;
	doca_error_t err;
	uint32_t left, max = 0;

	configure();
	open_ct();
	OK(doca_flow_ct_entries_process(rig_port[0], Q, 0, 0, &max));
	e = add_plain();
	while ((err = doca_flow_ct_update_entry(Q, ct_pipe, 0, e, NULL, NULL, 0, 0, 0)) == DOCA_SUCCESS)
		;
	assert_int_equal(err, DOCA_ERROR_AGAIN);
	OK(doca_flow_ct_entries_process(rig_port[0], Q, 0, 3, &left));
	assert_int_equal(left, 3);
	OK(doca_flow_ct_entries_process(rig_port[0], Q, 10, 1, &left)); /* the room asked for goes before the limit */
	assert_int_equal(left, 10);
	process();
	assert_int_equal(rig_callbacks, max);
	close_ct();
}

static void on_finalize(struct doca_flow_pipe *pipe, void *entry, uint16_t queue, void *ctx)
{
	uint64_t last;

	assert_ptr_equal(ctx, &finalized);
	OK(doca_flow_ct_query_entry(queue, pipe, 0, entry, &last_origin, &last_reply, &last));
	finalized++;
}

static void aging_and_finalize(void **state)
{
	const uint32_t counters = DOCA_FLOW_CT_ENTRY_FLAGS_COUNTER_ORIGIN | DOCA_FLOW_CT_ENTRY_FLAGS_COUNTER_REPLY |
				  DOCA_FLOW_CT_ENTRY_FLAGS_ENTRY_FINALIZE;
	struct doca_flow_pipe_entry *e;

	configure();
	OK(doca_flow_ct_cfg_set_entry_finalize_cb(cfg, on_finalize));
	open_ct();
	e = add(&(struct want){.queue = Q, .flags = BOTH | counters, .timeout_s = 1, .ctx = &finalized});
	process();
	assert_int_equal(doca_flow_aging_handle(rig_port[0], Q, 0, 0), -1);
	usleep(700 * 1000);
	expect_pass(BACK); /* either direction keeps it alive */
	expect_pass(OUT);
	expect_pass(OUT);
	usleep(700 * 1000);
	assert_int_equal(doca_flow_aging_handle(rig_port[0], Q, 0, 0), -1);
	usleep(500 * 1000);
	assert_int_equal(doca_flow_aging_handle(rig_port[0], Q, 0, 0), 1);
	assert_int_equal(rig_aged, 1);
	assert_int_equal(doca_flow_aging_handle(rig_port[0], Q, 0, 0), -1); /* told once */
	expect_pass(OUT);
	OK(doca_flow_ct_rm_entry(Q, ct_pipe, 0, e));
	assert_int_equal(finalized, 0);
	process();
	assert_int_equal(finalized, 1);
	assert_int_equal(last_origin.counter.total_pkts, 3);
	assert_int_equal(last_reply.counter.total_pkts, 1);
	assert_int_equal(last_reply.counter.total_bytes, 74);
	close_ct();
}

static void shared_counter(void **state)
{
	const uint32_t flags = BOTH | DOCA_FLOW_CT_ENTRY_FLAGS_COUNTER_ORIGIN | DOCA_FLOW_CT_ENTRY_FLAGS_COUNTER_REPLY |
			       DOCA_FLOW_CT_ENTRY_FLAGS_COUNTER_SHARED;
	struct doca_flow_resource_query o, r;
	struct doca_flow_pipe_entry *e;
	uint64_t entry_flags, last;
	uint32_t ho, hr;

	configure();
	open_ct();
	e = add(&(struct want){.queue = Q, .flags = flags});
	expect_pass(OUT);
	expect_pass(BACK);
	expect_pass(BACK);
	OK(doca_flow_ct_query_entry(Q, ct_pipe, 0, e, &o, &r, &last));
	assert_int_equal(o.counter.total_pkts, 3);
	assert_int_equal(r.counter.total_pkts, 3);
	assert_true((uint64_t)time(NULL) - last <= 2);
	OK(doca_flow_ct_get_entry(Q, ct_pipe, 0, e, NULL, NULL, &entry_flags, &ho, &hr));
	assert_int_equal(entry_flags, flags & ~DOCA_FLOW_CT_ENTRY_FLAGS_NO_WAIT);
	assert_int_equal(ho, 11);
	assert_int_equal(hr, 22);
	close_ct();
}

static void on_walk(uint16_t queue, struct doca_flow_pipe *pipe, struct doca_flow_pipe_entry *entry, void *ctx)
{
	struct doca_flow_ct_match o;
	uint64_t *seen = ctx;

	OK(doca_flow_ct_get_entry(queue, pipe, 0, entry, &o, NULL, NULL, NULL, NULL));
	assert_int_equal(*seen >> o.ipv4.l4_port.src_port & 1, 0);
	*seen |= 1ull << o.ipv4.l4_port.src_port;
	if (walked++ == 3) /* one that is removed while the iteration runs does no harm */
		OK(doca_flow_ct_rm_entry(queue, pipe, 0, entry));
}

static void iterator(void **state)
{
	struct doca_flow_ct_match o = origin(), r = reply();
	struct doca_flow_pipe_entry *e;
	uint64_t seen = 0;

	configure();
	OK(doca_flow_ct_cfg_set_flags(cfg, DOCA_FLOW_CT_FLAG_ITERATOR));
	open_ct();
	for (unsigned i = 0; i < 20; i++) {
		o.ipv4.l4_port.src_port = r.ipv4.l4_port.dst_port = i;
		OK(try_add(&(struct want){.queue = Q + i % 2, .flags = BOTH}, &o, &r, &e));
	}
	OK(doca_flow_ct_entries_process(rig_port[0], Q, 0, 0, NULL));
	OK(doca_flow_ct_pipe_iterate(ct_pipe, on_walk, &seen));
	OK(doca_flow_ct_entries_process(rig_port[0], Q, 0, 4, NULL));
	assert_int_equal(walked, 4);
	OK(doca_flow_ct_entries_process(rig_port[0], Q, 0, 0, NULL));
	assert_int_equal(walked, 10);
	OK(doca_flow_ct_entries_process(rig_port[0], Q + 1, 0, 0, NULL));
	assert_int_equal(walked, 20);
	assert_int_equal(seen, (1 << 20) - 1);
	close_ct();
}

static void refusals(void **state)
{
	struct doca_flow_ct_match o = origin(), r = reply(), icmp = match4(1, 2, 3, 4, 1);
	struct doca_flow_pipe_entry *e;
	struct doca_flow_pipe_cfg *pipe;
	struct doca_flow_pipe *never;
	struct doca_flow_fwd fwd = to_port(1);
	struct doca_flow_meta two = {.pkt_meta = 1, .u32[0] = 1};
	struct doca_flow_ct_meta modify = {0};
	struct doca_flow_ct_cfg *again;

	configure();
	assert_int_equal(doca_flow_ct_init(cfg), DOCA_ERROR_BAD_STATE); /* before doca_flow_init */
	assert_int_equal(doca_flow_ct_cfg_set_flags(cfg, 1u << 30), DOCA_ERROR_INVALID_VALUE);
	assert_int_equal(doca_flow_ct_cfg_set_direction(cfg, false, false, &two, &modify), DOCA_ERROR_NOT_SUPPORTED);
	assert_int_equal(doca_flow_ct_cfg_set_connections(cfg, 0, 0, 0), DOCA_ERROR_INVALID_VALUE);
	OK(doca_flow_ct_cfg_set_flags(cfg, DOCA_FLOW_CT_FLAG_NO_COUNTER));
	open_ct();
	OK(doca_flow_ct_cfg_create(&again));
	assert_int_equal(doca_flow_ct_init(again), DOCA_ERROR_BAD_STATE);
	OK(doca_flow_ct_cfg_destroy(again));
	pipe = rig_pipe_cfg(rig_port[0], "ROOT CT", DOCA_FLOW_PIPE_CT, true);
	assert_int_equal(doca_flow_pipe_create(pipe, &fwd, NULL, &never), DOCA_ERROR_NOT_SUPPORTED);
	assert_int_equal(doca_flow_pipe_cfg_set_is_root(pipe, false), DOCA_SUCCESS);
	assert_int_equal(doca_flow_pipe_create(pipe, NULL, NULL, &never), DOCA_ERROR_INVALID_VALUE);
	OK(doca_flow_pipe_cfg_destroy(pipe));
	assert_int_equal(try_add(&(struct want){.queue = Q, .flags = BOTH}, &icmp, &r, &e), DOCA_ERROR_NOT_SUPPORTED);
	assert_int_equal(try_add(&(struct want){.queue = Q, .flags = 0}, &o, &r, &e), DOCA_ERROR_INVALID_VALUE);
	assert_int_equal(try_add(&(struct want){.queue = Q, .flags = BOTH}, &o, NULL, &e), DOCA_ERROR_INVALID_VALUE);
	assert_int_equal(try_add(&(struct want){.queue = Q, .flags = BOTH | DOCA_FLOW_CT_ENTRY_FLAGS_COUNTER_REPLY}, &o, &r, &e),
		DOCA_ERROR_INVALID_VALUE);
	assert_int_equal(doca_flow_ct_pipe_iterate(ct_pipe, on_walk, NULL), DOCA_ERROR_BAD_STATE);
	assert_int_equal(doca_flow_ct_entries_process(rig_port[0], 0, 0, 0, NULL), DOCA_ERROR_INVALID_VALUE);
	e = add_plain();
	assert_int_equal(doca_flow_ct_rm_entry(Q + 1, ct_pipe, 0, e), DOCA_ERROR_INVALID_VALUE);
	assert_int_equal(doca_flow_ct_rm_entry(0, ct_pipe, 0, e), DOCA_ERROR_INVALID_VALUE);
	assert_int_equal(doca_flow_pipe_remove_entry(0, 0, e), DOCA_ERROR_INVALID_VALUE);
	assert_int_equal(doca_flow_ct_add_entry(Q, ct_pipe, BOTH, &o, &r, NULL, NULL, 0, 0, 0, NULL, e), DOCA_ERROR_BAD_STATE);
	OK(doca_flow_ct_rm_entry(Q, ct_pipe, 0, e));
	assert_int_equal(doca_flow_ct_rm_entry(Q, ct_pipe, 0, e), DOCA_ERROR_BAD_STATE);
	close_ct();
}

/* ---- random operations ---- */

#define TUPLES 48
static struct {
	struct doca_flow_pipe_entry *entry;
	uint16_t queue;
} there[TUPLES];

static void random_op(struct rng *rng)
{
	unsigned i = rng_below(rng, TUPLES);
	struct doca_flow_ct_match o = match4(IP(10, 0, 0, 1), IP(10, 0, 0, 2), i, 80, DOCA_FLOW_PROTO_UDP);
	struct doca_flow_ct_match r = match4(IP(10, 0, 0, 2), IP(10, 0, 0, 1), 80, i, DOCA_FLOW_PROTO_UDP);
	uint16_t queue = Q + rng_below(rng, 2);
	struct doca_flow_pipe_entry *e;
	doca_error_t err;

	if (there[i].entry && rng_one_in(rng, 2)) {
		OK(doca_flow_ct_rm_entry(there[i].queue, ct_pipe, 0, there[i].entry));
		there[i].entry = NULL;
	} else {
		err = try_add(&(struct want){.queue = queue, .flags = BOTH}, &o, &r, &e);
		assert_int_equal(err, there[i].entry ? DOCA_ERROR_ALREADY_EXIST : DOCA_SUCCESS);
		if (err == DOCA_SUCCESS) {
			there[i].entry = e;
			there[i].queue = queue;
		}
	}
	if (rng_one_in(rng, 4))
		OK(doca_flow_ct_entries_process(rig_port[0], queue, rng_below(rng, 20), rng_below(rng, 5), NULL));
}

static void random_packet(struct rng *rng)
{
	unsigned i = rng_below(rng, TUPLES);
	char spec[128];

	if (rng_one_in(rng, 2))
		snprintf(spec, sizeof(spec), "eth ip4:10.0.0.1>10.0.0.2 udp:%u>80 data:20", i);
	else
		snprintf(spec, sizeof(spec), "eth ip4:10.0.0.2>10.0.0.1 udp:80>%u data:20", i);
	if (there[i].entry)
		expect_pass(spec);
	else
		expect_miss(spec);
}

static void random_against_a_list(void **state)
{
	struct rng rng;

	rng_init(&rng, rng_test_seed("conformance-ct"));
	memset(there, 0, sizeof(there));
	configure();
	open_ct();
	for (unsigned i = 0; i < 20000; i++) {
		if (rng_one_in(&rng, 2))
			random_op(&rng);
		else
			random_packet(&rng);
		for (uint16_t q = Q; i % 64 == 0 && q < Q + 2; q++)
			OK(doca_flow_ct_entries_process(rig_port[0], q, 0, 0, NULL));
	}
	close_ct();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_directions_and_callbacks), cmocka_unit_test(one_direction), cmocka_unit_test(ip6_and_mixed),
		cmocka_unit_test(nat), cmocka_unit_test(shared_metadata), cmocka_unit_test(zones), cmocka_unit_test(inner_reply),
		cmocka_unit_test(own_forward), cmocka_unit_test(duplicates), cmocka_unit_test(room), cmocka_unit_test(queue_depth),
		cmocka_unit_test(aging_and_finalize), cmocka_unit_test(shared_counter), cmocka_unit_test(iterator), cmocka_unit_test(refusals),
		cmocka_unit_test(random_against_a_list),
	};

	test_eal_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
