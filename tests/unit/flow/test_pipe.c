/* SPDX-License-Identifier: BSD-3-Clause */
/* Pipes, entries, the walk and the cache, one behaviour per test. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "base/refuse.h"
#include "base/str.h"
#include "flow_world.h"
#include "packet/edit.h"
#include "packet/fixture.h"

static struct world w;

static int setup(void **state)
{
	world_open(&w);
	return 0;
}

static int teardown(void **state)
{
	world_close(&w);
	assert_int_equal(test_pool_in_use(), 0);
	return 0;
}

static const struct flow_fwd to_port1 = {.kind = FLOW_FWD_PORT, .port = 1};
static const struct flow_fwd to_port2 = {.kind = FLOW_FWD_PORT, .port = 2};

static struct flow_entry *add(struct flow_pipe *pipe, struct flow_entry_spec *spec)
{
	struct flow_entry *entry = NULL;
	int err = flow_entry_add(pipe, spec, &entry);

	if (err)
		fail_msg("%s", refusal());
	return entry;
}

static void send(const char *spec)
{
	world_clear(&w);
	world_send(&w, 0, test_packet(test_pool(), "%s", spec));
}

static void expect_port(uint16_t port)
{
	assert_int_equal(w.nr_out, 1);
	assert_int_equal(w.out[0].verdict.kind, FLOW_VERDICT_PORT);
	assert_int_equal(w.out[0].verdict.port, port);
	assert_null(test_bad_sum(w.out[0].m));
}

static void expect_drop(enum drop_reason reason)
{
	assert_int_equal(w.nr_out, 1);
	assert_int_equal(w.out[0].verdict.kind, FLOW_VERDICT_DROP);
	assert_int_equal(w.out[0].verdict.reason, reason);
}

/* The packet that came out is byte for byte what this spec builds. */
static void expect_bytes(unsigned i, const char *spec)
{
	uint8_t want[2048], got[2048];
	size_t n = test_bytes(want, sizeof(want), "%s", spec);

	assert_int_equal(test_copy_out(w.out[i].m, got, sizeof(got)), n);
	assert_memory_equal(got, want, n);
}

#define TCP_A "eth ip4:10.0.0.1>10.0.0.2 tcp:1000>80 data:20"

static struct flow_pipe_cfg root(enum flow_pipe_kind kind)
{
	return (struct flow_pipe_cfg){.name = "root", .kind = kind, .root = true, .port = FLOW_PORT_NONE, .nr_entries = 1024};
}

/* A root EXACT pipe on destination address and port. */
static struct flow_pipe_cfg by_dst(void)
{
	struct flow_pipe_cfg cfg = root(FLOW_PIPE_EXACT);

	world_match(&cfg.match, "outer.ipv4.dst_ip", "0.0.0.0");
	world_match(&cfg.match, "outer.tcp.dst_port", "0");
	cfg.entry_mask.hot.dport = 0xffff;
	memset(cfg.entry_mask.hot.dst, 0xff, 4);
	return cfg;
}

static struct flow_entry_spec dst(const char *ip, const char *port)
{
	struct flow_entry_spec spec = {.count = true};

	world_match(&spec.match, "outer.ipv4.dst_ip", ip);
	world_match(&spec.match, "outer.tcp.dst_port", port);
	return spec;
}

static void no_pipe_drops(void **state)
{
	struct flow_fwd up = {.kind = FLOW_FWD_UPCALL, .index = 7};

	send(TCP_A);
	expect_drop(DROP_NO_ROOT_PIPE);
	assert_int_equal(flow_set_default(w.ctx, 0, FLOW_DOMAIN_DEFAULT, &up), 0);
	send(TCP_A);
	assert_int_equal(w.out[0].verdict.kind, FLOW_VERDICT_UPCALL);
	assert_int_equal(w.out[0].verdict.index, 7);
	assert_int_equal(flow_set_default(w.ctx, 0, FLOW_DOMAIN_DEFAULT, NULL), 0);
	send(TCP_A);
	expect_drop(DROP_NO_ROOT_PIPE);
}

static void exact_hit_and_miss(void **state)
{
	struct flow_pipe_cfg cfg = by_dst();
	struct flow_entry_spec spec = dst("10.0.0.2", "80");
	struct flow_pipe *pipe;
	struct flow_entry *entry, *twice;
	struct flow_count count;

	cfg.fwd = to_port1;
	cfg.miss_counter = true;
	pipe = world_pipe(&w, &cfg);
	send(TCP_A);
	expect_drop(DROP_PIPE_MISS);
	entry = add(pipe, &spec);
	assert_int_equal(flow_entry_add(pipe, &spec, &twice), -EEXIST);
	assert_non_null(strstr(refusal(), "update it"));
	for (unsigned i = 0; i < 3; i++) {
		send(TCP_A);
		expect_port(1);
	}
	flow_entry_query(entry, &count);
	assert_int_equal(count.packets, 3);
	assert_int_equal(count.bytes, 3 * (14 + 20 + 20 + 20));
	assert_int_equal(flow_pipe_query_miss(pipe, &count), 0);
	assert_int_equal(count.packets, 1);
	assert_int_equal(flow_pipe_entries(pipe), 1);
}

static void second_packet_hits_the_cache(void **state)
{
	struct flow_pipe_cfg cfg = by_dst();
	struct flow_entry_spec spec = dst("10.0.0.2", "80");

	cfg.fwd = to_port1;
	add(world_pipe(&w, &cfg), &spec);
	send(TCP_A);
	assert_int_equal(w.walks, 1);
	send("eth ip4:10.9.9.9>10.0.0.2 tcp:7>80 data:20"); /* another source: nothing looked at it */
	assert_int_equal(w.walks, 1);
	assert_int_equal(w.hits, 1);
	send("eth ip4:10.0.0.1>10.0.0.2 tcp:7>81");
	assert_int_equal(w.walks, 2);
}

static void update_and_remove_are_seen(void **state)
{
	struct flow_pipe_cfg cfg = by_dst();
	struct flow_entry_spec spec = dst("10.0.0.2", "80");
	struct flow_entry *entry;

	spec.fwd = to_port1;
	entry = add(world_pipe(&w, &cfg), &spec);
	send(TCP_A);
	expect_port(1);
	spec.fwd = to_port2;
	assert_int_equal(flow_entry_update(entry, &spec), 0);
	send(TCP_A);
	expect_port(2);
	assert_int_equal(world_packets(entry), 2);
	flow_entry_remove(entry);
	send(TCP_A);
	expect_drop(DROP_PIPE_MISS);
}

static void unrelated_add_keeps_programs(void **state)
{
	struct flow_pipe_cfg cfg = by_dst();
	struct flow_entry_spec spec = dst("10.0.0.2", "80");
	struct flow_pipe *pipe;
	unsigned walks;

	cfg.fwd = to_port1;
	pipe = world_pipe(&w, &cfg);
	add(pipe, &spec);
	send(TCP_A);
	send("eth ip4:10.0.0.1>10.0.0.3 tcp:7>80"); /* a cached miss */
	walks = w.walks;
	spec = dst("10.0.0.4", "80");
	add(pipe, &spec);
	send(TCP_A);
	send("eth ip4:10.0.0.1>10.0.0.3 tcp:7>80");
	assert_int_equal(w.walks, walks);
	spec = dst("10.0.0.3", "80");
	add(pipe, &spec);
	send("eth ip4:10.0.0.1>10.0.0.3 tcp:7>80");
	expect_port(1);
	assert_int_equal(w.walks, walks + 1);
}

static void dnat_is_fused(void **state)
{
	struct flow_pipe_cfg cfg = by_dst();
	struct flow_entry_spec spec = dst("10.0.0.2", "80");
	struct world_template t = {};
	uint8_t data[64] = {0};
	struct str text = STR_INIT;
	struct rte_mbuf *m;
	struct pkt_parse parse;
	struct flow_key key;
	struct flow_pkt_meta meta = {0};
	struct flow_pkt pkt = {.parse = &parse, .key = &key, .meta = &meta};

	world_set(&t, "outer.ipv4.dst_ip", "0.0.0.0", true);
	world_set(&t, "outer.tcp.dst_port", "0", true);
	cfg.nr_templates = 1;
	cfg.templates = &t.t;
	cfg.fwd = to_port1;
	memcpy(data, (uint8_t[]){10, 244, 1, 5}, 4);
	memcpy(data + 8, (uint8_t[]){0x1f, 0x90}, 2);
	spec.data = data;
	add(world_pipe(&w, &cfg), &spec);
	for (unsigned i = 0; i < 2; i++) {
		send(TCP_A);
		expect_port(1);
		expect_bytes(0, "eth ip4:10.0.0.1>10.244.1.5 tcp:1000>8080 data:20");
	}
	pkt.m = m = test_packet(test_pool(), TCP_A);
	assert_int_equal(pkt_parse(m, &parse), 0);
	flow_key_build(&m, &parse, &meta, &key, 1, 1);
	flow_explain(w.ctx, &pkt, 0, &text);
	assert_non_null(strstr(str_text(&text), "fused rewrite"));
	assert_non_null(strstr(str_text(&text), "rewrite"));
	str_free(&text);
	rte_pktmbuf_free(m);
}

static void partial_checksum_takes_addresses_only(void **state)
{
	struct flow_pipe_cfg cfg = by_dst();
	struct flow_entry_spec spec = dst("10.0.0.2", "80");
	struct world_template t = {};
	struct rte_mbuf *m = test_packet(test_pool(), TCP_A), *out;
	struct pkt_parse p;

	world_set(&t, "outer.ipv4.dst_ip", "10.244.1.5", false);
	world_set(&t, "outer.tcp.dst_port", "8080", false);
	cfg.nr_templates = 1;
	cfg.templates = &t.t;
	cfg.fwd = to_port1;
	add(world_pipe(&w, &cfg), &spec);
	assert_int_equal(pkt_parse(m, &p), 0);
	m->ol_flags |= RTE_MBUF_F_TX_TCP_CKSUM;
	*pkt_l4_csum_field(m, &p.outer) = rte_cpu_to_be_16(test_sum(NULL, 0, 0)); /* replaced just below */
	{
		uint32_t sum = pkt_pseudo_sum(m, &p.outer, 40);

		sum = (sum & 0xffff) + (sum >> 16);
		*pkt_l4_csum_field(m, &p.outer) = (uint16_t)(sum + (sum >> 16));
	}
	world_clear(&w);
	world_send(&w, 0, m);
	out = w.out[0].m;
	assert_int_equal(pkt_parse(out, &p), 0);
	pkt_csum_finish(out, &p);
	expect_bytes(0, "eth ip4:10.0.0.1>10.244.1.5 tcp:1000>8080 data:20");
}

static void chain_matches_what_was_written(void **state)
{
	struct flow_pipe_cfg first = by_dst(), second = root(FLOW_PIPE_EXACT);
	struct flow_entry_spec spec = dst("10.0.0.2", "80"), meta = {.count = true};
	struct world_template t = {};
	struct flow_pipe *last;

	second.root = false;
	second.name = "second";
	world_match(&second.match, "meta.data.1", "0");
	memset(&second.entry_mask.meta.scratch[1], 0xff, 4);
	second.fwd = to_port2;
	last = world_pipe(&w, &second);
	world_match(&meta.match, "meta.data.1", "77");
	add(last, &meta);
	world_set(&t, "meta.data.1", "77", false);
	first.nr_templates = 1;
	first.templates = &t.t;
	first.fwd = (struct flow_fwd){.kind = FLOW_FWD_PIPE, .pipe = last};
	add(world_pipe(&w, &first), &spec);
	for (unsigned i = 0; i < 2; i++) {
		send(TCP_A);
		expect_port(2);
	}
	assert_int_equal(w.walks, 1);
}

static void ttl_add_is_followed_not_pinned(void **state)
{
	struct flow_pipe_cfg first = by_dst(), second = root(FLOW_PIPE_WILD);
	struct flow_entry_spec spec = dst("10.0.0.2", "80"), e = {.fwd = to_port2, .count = true};
	struct world_template t = {};
	struct flow_pipe *last;
	int ttl = flow_field_find("outer.ipv4.ttl");
	uint64_t minus_one = 255;

	second.root = false;
	second.name = "second";
	last = world_pipe(&w, &second);
	world_match(&e.match, "outer.ipv4.ttl", "9");
	add(last, &e);
	memcpy(t.data, &minus_one, 8);
	t.t.data_len = 8;
	world_op(&t, (struct flow_op){.code = FLOW_OP_ADD, .field = ttl, .width = 8});
	first.nr_templates = 1;
	first.templates = &t.t;
	first.fwd = (struct flow_fwd){.kind = FLOW_FWD_PIPE, .pipe = last};
	add(world_pipe(&w, &first), &spec);
	send("eth ip4:10.0.0.1>10.0.0.2,ttl=10 tcp:1>80");
	expect_port(2);
	expect_bytes(0, "eth ip4:10.0.0.1>10.0.0.2,ttl=9 tcp:1>80");
	send("eth ip4:10.0.0.1>10.0.0.2,ttl=11 tcp:1>80");
	expect_drop(DROP_PIPE_MISS);
	send("eth ip4:10.0.0.1>10.0.0.2,ttl=10 tcp:1>80");
	expect_port(2);
}

static void expect_dump(const char *part)
{
	struct str text = STR_INIT;

	flow_dump(w.ctx, &text);
	if (!strstr(str_text(&text), part))
		fail_msg("'%s' is not in\n%s", part, str_text(&text));
	str_free(&text);
}

static void wild_priority_and_condition(void **state)
{
	struct flow_pipe_cfg cfg = root(FLOW_PIPE_WILD);
	struct flow_entry_spec any = {.priority = 9, .fwd = to_port1}, tcp = {.priority = 5, .fwd = to_port2},
			       low = {.priority = 1, .fwd = {.kind = FLOW_FWD_DROP, .reason = DROP_PIPE_DROP}};
	struct flow_pipe *pipe = world_pipe(&w, &cfg);

	add(pipe, &any);
	send(TCP_A);
	expect_port(1);
	world_match(&tcp.match, "outer.tcp.dst_port", "80");
	add(pipe, &tcp);
	send(TCP_A);
	expect_port(2);
	low.cond = (struct flow_condition){.op = FLOW_COND_LT, .field = flow_field_find("outer.ipv4.ttl"), .width = 8, .value = 5};
	add(pipe, &low);
	send(TCP_A);
	expect_port(2);
	send("eth ip4:10.0.0.1>10.0.0.2,ttl=4 tcp:1000>80 data:20");
	expect_drop(DROP_PIPE_DROP);
	send("eth ip4:10.0.0.1>10.0.0.2,ttl=5 udp:1000>80 data:20");
	expect_port(1);
	expect_dump("priority 5 outer.transport.dst_port=80 tcp");
	expect_dump("priority 1 if outer.ipv4.ttl < 5");
}

static void longest_prefix_wins(void **state)
{
	struct flow_pipe_cfg cfg = root(FLOW_PIPE_LPM);
	struct flow_entry_spec spec = {.fwd = to_port1}, longer = {.fwd = to_port2}, bad = {.fwd = to_port2};
	struct flow_pipe *pipe;
	struct flow_entry *entry;

	cfg.lpm_field = flow_field_find("outer.ipv4.dst_ip");
	pipe = world_pipe(&w, &cfg);
	memcpy(spec.match.value.hot.dst, (uint8_t[]){10, 0, 0, 0}, 4);
	memset(spec.match.mask.hot.dst, 0xff, 1);
	add(pipe, &spec);
	memcpy(longer.match.value.hot.dst, (uint8_t[]){10, 0, 0, 0}, 4);
	memset(longer.match.mask.hot.dst, 0xff, 3);
	entry = add(pipe, &longer);
	send(TCP_A);
	expect_port(2);
	send("eth ip4:10.0.0.1>10.7.0.2 tcp:1>80");
	expect_port(1);
	send("eth ip4:10.0.0.1>11.0.0.2 tcp:1>80");
	expect_drop(DROP_PIPE_MISS);
	flow_entry_remove(entry);
	send(TCP_A);
	expect_port(1);
	bad.match.mask.hot.dst[1] = 0xff;
	assert_int_equal(flow_entry_add(pipe, &bad, &entry), -EINVAL);
	assert_non_null(strstr(refusal(), "prefix"));
}

static void acl_ranges(void **state)
{
	struct flow_pipe_cfg cfg = root(FLOW_PIPE_ACL);
	struct flow_entry_spec spec = {.fwd = to_port1, .priority = 3}, all = {.fwd = to_port2, .priority = 7};
	struct flow_pipe *pipe = world_pipe(&w, &cfg);

	spec.range.value.hot.dport = rte_cpu_to_be_16(50);
	spec.range.mask.hot.dport = rte_cpu_to_be_16(90);
	add(pipe, &spec);
	add(pipe, &all);
	send(TCP_A);
	expect_port(1);
	send("eth ip4:10.0.0.1>10.0.0.2 tcp:1>91");
	expect_port(2);
	send("eth ip4:10.0.0.1>10.0.0.2 tcp:1>90");
	expect_port(1);
	send("eth ip4:10.0.0.1>10.0.0.2 tcp:1>49");
	expect_port(2);
	expect_dump("dst_port=50..90");
}

static void list_by_index(void **state)
{
	struct flow_pipe_cfg list = root(FLOW_PIPE_LIST), cfg = by_dst();
	struct flow_entry_spec element = {.index = 3, .count = true}, spec = dst("10.0.0.2", "80");
	struct world_template t = {};
	struct flow_entry *e;

	list.root = false;
	list.nr_entries = 4;
	list.fwd = to_port2;
	world_set(&t, "outer.ipv4.ttl", "33", false);
	list.nr_templates = 1;
	list.templates = &t.t;
	spec.fwd = (struct flow_fwd){.kind = FLOW_FWD_LIST, .index = 3, .pipe = world_pipe(&w, &list)};
	add(world_pipe(&w, &cfg), &spec);
	send(TCP_A);
	expect_drop(DROP_PIPE_MISS);
	e = add(spec.fwd.pipe, &element);
	for (unsigned i = 0; i < 2; i++) {
		send(TCP_A);
		expect_port(2);
		expect_bytes(0, "eth ip4:10.0.0.1>10.0.0.2,ttl=33 tcp:1000>80 data:20");
	}
	assert_int_equal(world_packets(e), 2);
}

static void hash_selects_the_same_again(void **state)
{
	struct flow_pipe_cfg hash = root(FLOW_PIPE_HASH);
	unsigned seen[4] = {0};
	struct flow_pipe *pipe;

	hash.nr_entries = 4;
	world_match(&hash.match, "outer.ipv4.src_ip", "0.0.0.0");
	hash.match.mask.hot.shape = 0;
	hash.match.value.hot.shape = 0;
	pipe = world_pipe(&w, &hash);
	for (unsigned i = 0; i < 4; i++) {
		struct flow_entry_spec spec = {.index = i, .fwd = {.kind = FLOW_FWD_PORT, .port = 10 + i}};

		add(pipe, &spec);
	}
	for (unsigned i = 0; i < 64; i++) {
		uint16_t port;

		world_clear(&w);
		world_send(&w, 0, test_packet(test_pool(), "eth ip4:10.0.0.%u>10.0.0.2 tcp:1>80", i));
		port = w.out[0].verdict.port;
		seen[port - 10]++;
		world_clear(&w);
		world_send(&w, 0, test_packet(test_pool(), "eth ip4:10.0.0.%u>10.0.0.9 tcp:5>80", i));
		assert_int_equal(w.out[0].verdict.port, port);
	}
	for (unsigned i = 0; i < 4; i++)
		assert_in_range(seen[i], 6, 32);
}

static void flood_copies_to_all(void **state)
{
	struct flow_pipe_cfg hash = root(FLOW_PIPE_HASH), next = root(FLOW_PIPE_EXACT);
	struct world_template t = {};
	struct flow_pipe *pipe;
	struct flow_entry *e[4], *last;
	struct flow_entry_spec spec = {.count = true, .fwd = to_port2}, match_all = {.count = true};

	next.root = false;
	next.name = "next";
	next.fwd = (struct flow_fwd){.kind = FLOW_FWD_PORT, .port = 99};
	hash.nr_entries = 4;
	hash.hash_flood = 1;
	world_set(&t, "outer.ipv4.ttl", "33", true);
	hash.nr_templates = 1;
	hash.templates = &t.t;
	pipe = world_pipe(&w, &hash);
	for (unsigned i = 0; i < 3; i++) {
		uint8_t data[2] = {40 + i, 0xff};

		spec.index = i;
		spec.fwd = (struct flow_fwd){.kind = FLOW_FWD_PORT, .port = 10 + i};
		spec.data = data;
		e[i] = add(pipe, &spec);
	}
	spec.index = 3;
	spec.data = NULL;
	spec.fwd = (struct flow_fwd){.kind = FLOW_FWD_PIPE, .pipe = world_pipe(&w, &next)};
	last = add(spec.fwd.pipe, &match_all);
	e[3] = add(pipe, &spec);
	for (unsigned round = 1; round <= 2; round++) {
		unsigned ports = 0;

		send(TCP_A);
		assert_int_equal(w.nr_out, 4);
		for (unsigned i = 0; i < 4; i++) {
			assert_int_equal(w.out[i].verdict.kind, FLOW_VERDICT_PORT);
			assert_null(test_bad_sum(w.out[i].m));
			if (w.out[i].verdict.port == 11)
				expect_bytes(i, "eth ip4:10.0.0.1>10.0.0.2,ttl=41 tcp:1000>80 data:20");
			ports |= 1u << (w.out[i].verdict.port == 99 ? 3 : w.out[i].verdict.port - 10);
		}
		assert_int_equal(ports, 15);
		for (unsigned i = 0; i < 4; i++)
			assert_int_equal(world_packets(e[i]), round);
		assert_int_equal(world_packets(last), round);
	}
}

static void decap_resumes_on_the_inner(void **state)
{
	struct flow_pipe_cfg first = root(FLOW_PIPE_EXACT), second = by_dst();
	struct flow_entry_spec vni = {.count = true}, inner = dst("10.0.0.2", "80");
	struct world_template t = {};

	second.root = false;
	second.name = "inner";
	second.fwd = to_port2;
	world_match(&first.match, "tunnel.vxlan.vni", "0");
	flow_field_bits_set(flow_field_get(flow_field_find("tunnel.vxlan.vni")), (uint8_t *)&first.entry_mask.hot.vni, 0, 24, 0xffffff);
	world_op(&t, (struct flow_op){.code = FLOW_OP_DECAP});
	first.nr_templates = 1;
	first.templates = &t.t;
	first.fwd = (struct flow_fwd){.kind = FLOW_FWD_PIPE, .pipe = world_pipe(&w, &second)};
	world_match(&vni.match, "tunnel.vxlan.vni", "100");
	add(world_pipe(&w, &first), &vni);
	add(first.fwd.pipe, &inner);
	for (unsigned i = 0; i < 2; i++) {
		send("eth ip4:1.0.0.1>1.0.0.2 udp:5000>4789 vxlan:100 " TCP_A);
		expect_port(2);
		expect_bytes(0, TCP_A);
	}
	assert_int_equal(w.walks, 2);
	assert_int_equal(w.hits, 2);
	send("eth ip4:1.0.0.1>1.0.0.2 udp:5000>4789 vxlan:101 " TCP_A);
	expect_drop(DROP_PIPE_MISS);
}

static void encap_per_entry(void **state)
{
	struct flow_pipe_cfg cfg = by_dst();
	struct flow_entry_spec spec = dst("10.0.0.2", "80");
	struct world_template t = {};
	uint8_t header[128], data[128] = {0};
	size_t n = test_bytes(header, sizeof(header), "eth ip4:1.0.0.1>0.0.0.0,df udp:0>4789,nosum vxlan:0");

	memcpy(t.data, header, n);
	memset(t.hole + 30, 0xff, 4);     /* destination */
	memset(t.hole + n - 4, 0xff, 3);  /* VNI */
	t.t.data_len = n;
	world_op(&t, (struct flow_op){.code = FLOW_OP_ENCAP, .index = n, .width = 1});
	cfg.nr_templates = 1;
	cfg.templates = &t.t;
	cfg.fwd = to_port1;
	memcpy(data + 30, (uint8_t[]){1, 0, 0, 2}, 4);
	memcpy(data + n - 4, (uint8_t[]){0, 0, 100}, 3);
	spec.data = data;
	add(world_pipe(&w, &cfg), &spec);
	for (unsigned i = 0; i < 2; i++) {
		send(TCP_A);
		expect_port(1);
		expect_bytes(0, "eth ip4:1.0.0.1>1.0.0.2,df udp:0>4789,nosum vxlan:100 " TCP_A);
	}
}

static void hop_sends(void **state)
{
	struct flow_pipe_cfg cfg = by_dst();
	struct flow_entry_spec spec = dst("10.0.0.2", "80");
	struct flow_hop hop = {.port = 5, .flags = FLOW_HOP_MACS | FLOW_HOP_TTL, .dmac = {2, 0, 0, 0, 0, 9}, .smac = {2, 0, 0, 0, 0, 8}};
	int index = flow_hop_add(w.ctx, &hop);

	assert_true(index > 0);
	cfg.fwd = (struct flow_fwd){.kind = FLOW_FWD_HOP, .port = index};
	add(world_pipe(&w, &cfg), &spec);
	for (unsigned i = 0; i < 2; i++) {
		send(TCP_A);
		expect_port(5);
		expect_bytes(0, "eth:s=8,d=9 ip4:10.0.0.1>10.0.0.2,ttl=63 tcp:1000>80 data:20");
	}
	send("eth ip4:10.0.0.1>10.0.0.2,ttl=1 tcp:1000>80 data:20");
	expect_drop(DROP_TTL_EXPIRED);
	hop.flags |= FLOW_HOP_HOLD;
	assert_int_equal(flow_hop_replace(w.ctx, index, &hop), 0);
	send(TCP_A);
	assert_int_equal(w.out[0].verdict.kind, FLOW_VERDICT_UPCALL);
	assert_int_equal(w.out[0].verdict.index, FLOW_UPCALL_HELD);
	assert_int_equal(w.out[0].verdict.port, index);
}

static void vlan_push_pop(void **state)
{
	struct flow_pipe_cfg cfg = by_dst();
	struct flow_entry_spec spec = dst("10.0.0.2", "80"), pop = dst("10.0.0.2", "81");
	struct world_template t[2] = {};
	struct flow_action_template both[2];
	struct flow_pipe *pipe;

	memcpy(t[0].data, (uint8_t[]){0x81, 0x00, 0x00, 0x07}, 4);
	t[0].t.data_len = 4;
	world_op(&t[0], (struct flow_op){.code = FLOW_OP_PUSH_VLAN});
	world_op(&t[1], (struct flow_op){.code = FLOW_OP_POP_VLAN});
	both[0] = t[0].t;
	both[1] = t[1].t;
	cfg.nr_templates = 2;
	cfg.templates = both;
	cfg.fwd = to_port1;
	pipe = world_pipe(&w, &cfg);
	add(pipe, &spec);
	pop.template_index = 1;
	add(pipe, &pop);
	for (unsigned i = 0; i < 2; i++) {
		send(TCP_A);
		expect_bytes(0, "eth vlan:7 ip4:10.0.0.1>10.0.0.2 tcp:1000>80 data:20");
		send("eth vlan:9 ip4:10.0.0.1>10.0.0.2 tcp:1000>81");
		expect_bytes(0, "eth ip4:10.0.0.1>10.0.0.2 tcp:1000>81");
	}
	send("eth ip4:10.0.0.1>10.0.0.2 tcp:1000>81");
	expect_drop(DROP_EDIT_NO_HEADER);
}

static void egress_domain(void **state)
{
	struct flow_pipe_cfg cfg = by_dst(), out = root(FLOW_PIPE_EXACT);
	struct flow_entry_spec spec = dst("10.0.0.2", "80"), all = {.count = true};
	struct world_template t = {};

	cfg.fwd = to_port1;
	add(world_pipe(&w, &cfg), &spec);
	send(TCP_A);
	expect_port(1);
	world_set(&t, "outer.ipv4.ttl", "7", false);
	out.name = "out";
	out.domain = FLOW_DOMAIN_EGRESS;
	out.port = 1;
	out.nr_templates = 1;
	out.templates = &t.t;
	out.fwd = to_port1;
	add(world_pipe(&w, &out), &all);
	for (unsigned i = 0; i < 2; i++) {
		send(TCP_A);
		expect_port(1);
		expect_bytes(0, "eth ip4:10.0.0.1>10.0.0.2,ttl=7 tcp:1000>80 data:20");
	}
}

/* The wires of a group are one switch: only what a program transmits passes the group's egress pipes by itself. */
static void egress_of_a_group_is_for_programs(void **state)
{
	struct flow_pipe_cfg cfg = by_dst(), out = root(FLOW_PIPE_EXACT);
	struct flow_entry_spec spec = dst("10.0.0.2", "80"), all = {.count = true};
	struct world_template t = {};

	flow_set_group(w.ctx, 0, FLOW_PORT_GROUP);
	flow_set_group(w.ctx, 1, FLOW_PORT_GROUP);
	cfg.fwd = to_port1;
	cfg.port = FLOW_PORT_GROUP;
	add(world_pipe(&w, &cfg), &spec);
	world_set(&t, "outer.ipv4.ttl", "7", false);
	out.name = "out";
	out.domain = FLOW_DOMAIN_EGRESS;
	out.port = FLOW_PORT_GROUP;
	out.nr_templates = 1;
	out.templates = &t.t;
	out.fwd = to_port1;
	add(world_pipe(&w, &out), &all);
	send(TCP_A);
	expect_port(1);
	expect_bytes(0, TCP_A);
	flow_set_program(w.ctx, 0, true);
	send(TCP_A);
	expect_port(1);
	expect_bytes(0, "eth ip4:10.0.0.1>10.0.0.2,ttl=7 tcp:1000>80 data:20");
}

static void destroyed_pipe_is_gone(void **state)
{
	struct flow_pipe_cfg cfg = by_dst(), second = root(FLOW_PIPE_EXACT);
	struct flow_entry_spec spec = dst("10.0.0.2", "80"), all = {.count = true};
	struct flow_pipe *last;

	second.root = false;
	second.fwd = to_port2;
	last = world_pipe(&w, &second);
	add(last, &all);
	cfg.fwd = (struct flow_fwd){.kind = FLOW_FWD_PIPE, .pipe = last};
	add(world_pipe(&w, &cfg), &spec);
	send(TCP_A);
	expect_port(2);
	flow_pipe_destroy(last);
	send(TCP_A);
	expect_drop(DROP_PIPE_GONE);
}

static void idle_entries_are_found(void **state)
{
	struct flow_pipe_cfg cfg = by_dst();
	struct flow_entry_spec spec = dst("10.0.0.2", "80");
	struct flow_pipe *pipe;
	struct flow_entry *entry;

	cfg.fwd = to_port1;
	pipe = world_pipe(&w, &cfg);
	spec.age_s = 5;
	entry = add(pipe, &spec);
	(void)entry;
	assert_int_equal(flow_pipe_entries(pipe), 1);
}

static void bad_pipes_are_refused(void **state)
{
	struct flow_pipe_cfg cfg = by_dst(), hash = root(FLOW_PIPE_HASH), again = by_dst();
	struct world_template t = {};
	struct flow_pipe *pipe;
	struct flow_entry_spec spec = dst("10.0.0.2", "80");
	struct flow_entry *entry;

	hash.nr_entries = 3;
	assert_int_equal(flow_pipe_create(w.ctx, &hash, &pipe), -EINVAL);
	assert_non_null(strstr(refusal(), "power of two"));
	world_op(&t, (struct flow_op){.code = FLOW_OP_SET, .field = flow_field_find("outer.ipv4.total_len")});
	t.t.data_len = 4;
	cfg.nr_templates = 1;
	cfg.templates = &t.t;
	assert_int_equal(flow_pipe_create(w.ctx, &cfg, &pipe), -EINVAL);
	assert_non_null(strstr(refusal(), "outer.ipv4.total_len"));
	pipe = world_pipe(&w, &again);
	assert_int_equal(flow_entry_add(pipe, &spec, &entry), -EINVAL);
	assert_non_null(strstr(refusal(), "where packets go"));
	assert_int_equal(flow_pipe_create(w.ctx, &again, &pipe), -EEXIST);
	assert_non_null(strstr(refusal(), "root"));
	assert_int_equal(flow_field_find("outer.ipv4.dst_jp"), -ENOENT);
	assert_non_null(strstr(refusal(), "outer.ipv4.dst_ip"));
}

static void dump_shows_pipes(void **state)
{
	struct flow_pipe_cfg cfg = by_dst();
	struct flow_entry_spec spec = dst("10.0.0.2", "80");

	cfg.fwd = to_port1;
	add(world_pipe(&w, &cfg), &spec);
	send(TCP_A);
	expect_dump("outer.ipv4.dst_ip=10.0.0.2");
	expect_dump("packets 1 bytes 74");
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(no_pipe_drops), T(exact_hit_and_miss), T(second_packet_hits_the_cache), T(update_and_remove_are_seen),
		T(unrelated_add_keeps_programs), T(dnat_is_fused), T(partial_checksum_takes_addresses_only),
		T(chain_matches_what_was_written), T(ttl_add_is_followed_not_pinned), T(wild_priority_and_condition),
		T(longest_prefix_wins), T(acl_ranges), T(list_by_index), T(hash_selects_the_same_again),
		T(flood_copies_to_all), T(decap_resumes_on_the_inner), T(encap_per_entry), T(hop_sends), T(vlan_push_pop),
		T(egress_domain), T(egress_of_a_group_is_for_programs), T(destroyed_pipe_is_gone), T(idle_entries_are_found), T(bad_pipes_are_refused),
		T(dump_shows_pipes),
	};

	test_eal_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
