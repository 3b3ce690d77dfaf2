/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The burst path against itself taken apart. Two switches get the same rules, rule changes and packets; the
 * first by bursts, the second one packet at a time and the long way: an egress domain at a port nobody uses makes
 * flat forms, trains and runs stand aside (flow/flat.h), and programs and conn_rewrite() do the work. Every byte
 * that comes out, every counter and every drop must agree.
 *
 * SOFTDPU_SOAK=SECONDS goes on for so long; without it some tens of thousands of packets.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/refuse.h"
#include "base/rng.h"
#include "eswitch/eswitch.h"
#include "flow/pipe.h"
#include "packet/fixture.h"

#define DATA_BYTES 12 /* of the rewrite: address and port, each with its mask */
#define FLOWS 96
#define HOPS 6
#define ENTRIES_PORT 0 /* packets of this port meet the exact pipe, */
#define CONNS_PORT 1   /* of this one the connection table */
#define OUT_PORT 2
#define TUNNEL_PORT 3  /* here they come in VXLAN and meet the exact pipe without it, */
#define GUARD_PORT 4   /* here they meet the connection table if their Ethernet source is right */
#define PORTS 5
#define UNUSED_PORT 9
#define STEPS 3000

struct side {
	struct esw *esw;
	struct port *near[PORTS], *far[PORTS];
	struct flow_pipe *pipe, *ct, *tunnel, *guard;
	struct flow_entry *entry[FLOWS];
	struct flow_conn_table *conns;
	conn_ref conn[FLOWS];
	uint16_t hop[HOPS];
};

static struct side sides[2];
static struct rng rng;
static uint64_t now_ns, packets;

#define must(call)                                                             \
	do {                                                                       \
		int must_err = (call);                                                 \
		if (must_err < 0)                                                      \
			fail_msg("%s: %d (%s)", #call, must_err, refusal());               \
	} while (0)

static void open_ports(struct side *s, unsigned which)
{
	for (unsigned i = 0; i < PORTS; i++) {
		char near[16], far[16];
		struct port_cfg a = {.id = (uint16_t)i, .name = near, .mtu = 1500, .pool = test_pool()};
		struct port_cfg b = {.id = (uint16_t)(100 + i), .name = far, .mtu = 1500, .pool = test_pool()};

		snprintf(near, sizeof(near), "near%u-%u", which, i);
		snprintf(far, sizeof(far), "far%u-%u", which, i);
		must(port_pair_open(&a, &b, 256, &s->near[i], &s->far[i]));
		must(esw_port_add(s->esw, s->near[i]));
	}
}

/* Both sides get the same hops: the caller sets the generator back in between. */
static void make_hops(struct side *s)
{
	for (unsigned i = 0; i < HOPS; i++) {
		struct flow_hop hop = {.port = OUT_PORT, .mtu = i == 5 ? 70 : 1500};
		struct pkt_encap_config c = {.type = PKT_TUN_VXLAN, .vni = i, .entropy = true, .ip6 = i == 3,
			.src = {192, 168, 1, 1}, .dst = {192, 168, 1, 2}};
		int index;

		hop.flags = rng_u32(&rng) & (FLOW_HOP_MACS | FLOW_HOP_TTL);
		rng_bytes(&rng, hop.dmac, 12);
		if (i >= 3) {
			hop.flags |= FLOW_HOP_ENCAP;
			must(pkt_encap_init(&hop.encap, &c));
		}
		index = flow_hop_add(esw_flow(s->esw), &hop);
		must(index);
		s->hop[i] = (uint16_t)index;
	}
}

static void make_pipe(struct side *s)
{
	static uint8_t data[DATA_BYTES], hole[DATA_BYTES];
	struct flow_op ops[2] = {{.code = FLOW_OP_SET, .width = 32}, {.code = FLOW_OP_SET, .width = 16, .data = 8}};
	struct flow_action_template t[2] = {{.nr_ops = 2, .ops = ops, .data_len = DATA_BYTES, .data = data, .hole = hole}};
	struct flow_pipe_cfg cfg = {.name = "entries", .kind = FLOW_PIPE_EXACT, .root = true, .port = ENTRIES_PORT,
		.nr_entries = FLOWS, .miss = {.kind = FLOW_FWD_DROP}, .entry_counters = true, .templates = t, .nr_templates = 2};

	ops[0].field = (uint16_t)flow_field_find("outer.ipv4.dst_ip");
	ops[1].field = (uint16_t)flow_field_find("outer.udp.dst_port");
	memset(data + 4, 0xff, 4);
	memset(data + 10, 0xff, 2);
	memset(hole, 0xff, 4);
	memset(hole + 8, 0xff, 2);
	memset(cfg.match.mask.hot.src, 0xff, 16);
	memset(cfg.match.mask.hot.dst, 0xff, 16);
	cfg.match.mask.hot.sport = cfg.match.mask.hot.dport = 0xffff;
	cfg.match.mask.hot.proto = 0xff;
	cfg.match.mask.hot.shape = FLOW_SHAPE_L3 | FLOW_SHAPE_L4;
	cfg.entry_mask = cfg.match.mask;
	must(flow_pipe_create(esw_flow(s->esw), &cfg, &s->pipe));
}

static void make_ct(struct side *s)
{
	struct conn_table_cfg cc = {.capacity = 4 * FLOWS, .timeouts = conn_timeouts_default, .nr_workers = 1};
	struct flow_pipe_cfg cfg = {.name = "ct", .kind = FLOW_PIPE_CT, .root = true, .port = CONNS_PORT,
		.miss = {.kind = FLOW_FWD_PORT, .port = OUT_PORT}};

	must(conn_table_create(esw_flow(s->esw), &cc, &s->conns));
	cfg.conns = s->conns;
	must(flow_pipe_create(esw_flow(s->esw), &cfg, &s->ct));
}

/* As a node's uplink: what comes in the right tunnel loses it and goes on. */
static void make_tunnel(struct side *s)
{
	static const struct flow_op decap = {.code = FLOW_OP_DECAP};
	struct flow_action_template t = {.nr_ops = 1, .ops = &decap};
	struct flow_pipe_cfg cfg = {.name = "tunnel", .kind = FLOW_PIPE_EXACT, .root = true, .port = TUNNEL_PORT,
		.nr_entries = 4, .nr_templates = 1, .templates = &t, .miss = {.kind = FLOW_FWD_DROP}, .entry_counters = true};
	struct flow_entry_spec spec = {.count = true, .fwd = {.kind = FLOW_FWD_PIPE, .pipe = s->pipe}};
	struct flow_key_hot *key = &spec.match.value.hot;
	struct flow_entry *entry;

	cfg.match.mask.hot.shape = FLOW_SHAPE_L3 | FLOW_SHAPE_TUN;
	cfg.match.mask.hot.vni = UINT32_MAX;
	cfg.entry_mask = cfg.match.mask;
	must(flow_pipe_create(esw_flow(s->esw), &cfg, &s->tunnel));
	key->vni = rte_cpu_to_be_32(7);
	for (unsigned l3 = PKT_L3_IP4; l3 <= PKT_L3_IP6; l3++) {
		key->shape = (uint16_t)(l3 << FLOW_SHAPE_L3_SHIFT | PKT_TUN_VXLAN << FLOW_SHAPE_TUN_SHIFT);
		must(flow_entry_add(s->tunnel, &spec, &entry));
	}
}

/* As a node's pods: the first look-up is the same for all, and looks at another line of the key as well. */
static void make_guard(struct side *s)
{
	struct flow_pipe_cfg cfg = {.name = "guard", .kind = FLOW_PIPE_EXACT, .root = true, .port = GUARD_PORT,
		.nr_entries = 4, .miss = {.kind = FLOW_FWD_DROP}, .fwd = {.kind = FLOW_FWD_PIPE, .pipe = s->ct}};
	struct flow_entry_spec spec = {.count = true};
	struct rte_mbuf *m = test_packet(test_pool(), "eth ip4:10.0.0.1>10.0.0.2 udp:1>2");
	struct flow_entry *entry;

	memset(cfg.match.mask.link.smac, 0xff, 6);
	cfg.entry_mask = cfg.match.mask;
	must(flow_pipe_create(esw_flow(s->esw), &cfg, &s->guard));
	memcpy(spec.match.value.link.smac, pkt_at(m, 6), 6);
	must(flow_entry_add(s->guard, &spec, &entry));
	rte_pktmbuf_free(m);
}

static void take_the_long_way(struct side *s)
{
	struct flow_pipe_cfg cfg = {.name = "egress", .kind = FLOW_PIPE_EXACT, .root = true, .port = UNUSED_PORT,
		.domain = FLOW_DOMAIN_EGRESS, .nr_entries = 1, .miss = {.kind = FLOW_FWD_DROP}};
	struct flow_pipe *pipe;

	must(flow_pipe_create(esw_flow(s->esw), &cfg, &pipe));
}

static int up(void **state)
{
	uint64_t seed = rng_test_seed("bursts");

	for (unsigned i = 0; i < 2; i++) {
		struct esw_cfg cfg = {.name = "test", .nr_workers = 1, .pool = test_pool(), .cache_entries = 256};

		memset(&sides[i], 0, sizeof(sides[i]));
		rng_init(&rng, seed);
		must(esw_create(&cfg, &sides[i].esw));
		open_ports(&sides[i], i);
		make_hops(&sides[i]);
		make_pipe(&sides[i]);
		make_ct(&sides[i]);
		make_tunnel(&sides[i]);
		make_guard(&sides[i]);
	}
	take_the_long_way(&sides[1]);
	now_ns = 1000000000;
	return 0;
}

static int down(void **state)
{
	for (unsigned i = 0; i < 2; i++) {
		must(esw_stats_check(sides[i].esw));
		flow_pipe_destroy(sides[i].guard);
		flow_pipe_destroy(sides[i].tunnel);
		flow_pipe_destroy(sides[i].ct);
		conn_table_destroy(sides[i].conns);
		esw_destroy(sides[i].esw);
		for (unsigned p = 0; p < PORTS; p++) {
			port_close(sides[i].near[p]);
			port_close(sides[i].far[p]);
		}
	}
	assert_int_equal(test_pool_in_use(), 0);
	return 0;
}

/* A packet of flow f: every third IPv6, every second TCP; TTL sometimes at its end, sometimes large or a fragment.
 * `before`: what stands before its own headers. */
static struct rte_mbuf *packet_behind(const char *before, unsigned f)
{
	unsigned ttl = rng_one_in(&rng, 8) ? 1 + rng_below(&rng, 2) : 64, more = rng_one_in(&rng, 10) ? 900 : rng_below(&rng, 60);
	const char *flags = rng_one_in(&rng, 40) ? "F" : rng_one_in(&rng, 40) ? "R" : "A";
	char l4[64];

	if (f & 1)
		snprintf(l4, sizeof(l4), "tcp:%u>80,fl=%s data:%u", 1000 + f, flags, more);
	else
		snprintf(l4, sizeof(l4), "udp:%u>80%s data:%u", 1000 + f, rng_one_in(&rng, 8) ? ",nosum" : "", more);
	if (f % 3 == 0)
		return test_packet(test_pool(), "%s eth ip6:fd00::%x>fd00::2,hl=%u %s", before, f + 16, ttl, l4);
	return test_packet(test_pool(), "%s eth %s ip4:10.0.0.%u>10.0.1.2,ttl=%u%s %s", before, f % 5 ? "" : "vlan:7", f + 1, ttl,
		rng_one_in(&rng, 30) ? ",mf" : rng_one_in(&rng, 2) ? ",df" : "", l4);
}

static struct rte_mbuf *packet_of(unsigned f)
{
	return packet_behind("", f);
}

static struct rte_mbuf *packet_in_tunnel(unsigned f)
{
	static const char *const tunnels[] = {"eth ip4 udp:%u>4789,nosum vxlan:7", "eth ip6 udp:%u>4789 vxlan:7"};
	char before[64];

	snprintf(before, sizeof(before), tunnels[rng_one_in(&rng, 4)], 9 + (unsigned)rng_below(&rng, 3));
	if (rng_one_in(&rng, 30))
		snprintf(before, sizeof(before), "eth vlan:4 ip4 udp:9>4789 vxlan:%u", 7 + (unsigned)rng_below(&rng, 2));
	return packet_behind(before, f);
}

/* Some frames of a guarded port have another's source. */
static struct rte_mbuf *packet_guarded(unsigned f)
{
	struct rte_mbuf *m = packet_of(f);

	if (rng_one_in(&rng, 30))
		*(uint8_t *)pkt_at(m, 8) ^= 1;
	return m;
}

static struct rte_mbuf *packet_for(uint16_t port, unsigned f)
{
	return port == TUNNEL_PORT ? packet_in_tunnel(f) : port == GUARD_PORT ? packet_guarded(f) : packet_of(f);
}

static void key_of(unsigned f, struct flow_key *key)
{
	struct rte_mbuf *m;
	struct pkt_parse parse;
	struct flow_pkt_meta meta = {};

	do {
		m = packet_of(f);
		if (pkt_parse(m, &parse) < 0) {
			rte_pktmbuf_free(m);
			key->hot.shape = FLOW_SHAPE_FRAG;
			continue;
		}
		memset(key, 0, sizeof(*key));
		flow_key_build(&m, &parse, &meta, key, 1, 1);
		rte_pktmbuf_free(m);
	} while (key->hot.shape & FLOW_SHAPE_FRAG);
}

/* Entry f appears, changes or goes, on both sides alike. Every second flow is rewritten. */
static void change_entry(unsigned f)
{
	struct flow_entry_spec spec = {.count = true, .fwd = {.kind = FLOW_FWD_HOP}};
	unsigned hop = rng_below(&rng, HOPS);
	bool remove = sides[0].entry[f] && rng_one_in(&rng, 2);
	uint8_t bytes[DATA_BYTES];

	key_of(f, &spec.match.value);
	rng_bytes(&rng, bytes, sizeof(bytes));
	spec.data = bytes;
	spec.template_index = f % 3 == 0 || f & 1; /* the rewrite is UDP's over IPv4 */
	if (rng_one_in(&rng, 4))
		spec.fwd = (struct flow_fwd){.kind = FLOW_FWD_PORT, .port = OUT_PORT};
	for (unsigned i = 0; i < 2; i++) {
		struct side *s = &sides[i];

		if (spec.fwd.kind == FLOW_FWD_HOP)
			spec.fwd.port = s->hop[hop];
		if (remove) {
			flow_entry_remove(s->entry[f]);
			s->entry[f] = NULL;
		} else if (s->entry[f]) {
			must(flow_entry_update(s->entry[f], &spec));
		} else {
			must(flow_entry_add(s->pipe, &spec, &s->entry[f]));
		}
	}
}

static void change_conn(unsigned f)
{
	struct conn_spec spec = {.in_port = {CONNS_PORT, OUT_PORT}, .tcp_flags = 0x10};
	unsigned hop = rng_below(&rng, HOPS);
	struct flow_key key;

	key_of(f, &key);
	assert_true(conn_key_from(&key, false, 0, &spec.key[0]));
	spec.key[1] = spec.key[0];
	memcpy(spec.key[1].dst, spec.key[0].src, 16);
	memcpy(spec.key[1].src, spec.key[0].dst, 16);
	spec.key[1].sport = spec.key[0].dport;
	spec.key[1].dport = spec.key[0].sport;
	spec.rewrite[0].flags = rng_below(&rng, 16);
	rng_bytes(&rng, spec.rewrite[0].src, 32);
	spec.rewrite[0].sport = rng_u32(&rng);
	spec.rewrite[0].dport = rng_u32(&rng);
	for (unsigned i = 0; i < 2; i++) {
		struct side *s = &sides[i];

		spec.rewrite[0].hop = spec.rewrite[1].hop = s->hop[hop];
		if (s->conn[f]) {
			conn_remove(s->conns, s->conn[f]);
			s->conn[f] = CONN_NONE;
		} else {
			must(conn_add(s->conns, 0, &spec, now_ns, &s->conn[f]));
		}
	}
}

static struct rte_mbuf *twin_of(const struct rte_mbuf *m)
{
	static uint8_t bytes[TEST_PACKET_MAX];
	size_t len = test_copy_out(m, bytes, sizeof(bytes));

	return test_mbuf(test_pool(), bytes, len);
}

static void send_burst(void)
{
	static const uint16_t from[] = {ENTRIES_PORT, CONNS_PORT, TUNNEL_PORT, GUARD_PORT};
	uint16_t port = from[rng_below(&rng, RTE_DIM(from))];
	unsigned n = 1 + rng_below(&rng, ESW_BURST), f = rng_below(&rng, FLOWS);
	struct rte_mbuf *m[ESW_BURST], *one;

	for (unsigned i = 0; i < n; i++) {
		if (rng_one_in(&rng, 2)) /* else the train goes on */
			f = rng_below(&rng, FLOWS);
		m[i] = packet_for(port, f);
		one = twin_of(m[i]);
		esw_burst(sides[1].esw, 0, port, &one, 1, now_ns);
	}
	packets += n;
	esw_burst(sides[0].esw, 0, port, m, n, now_ns);
	for (unsigned i = 0; i < 2; i++)
		esw_flush(sides[i].esw, 0);
}

static void compare_packets(void)
{
	static uint8_t bytes[2][TEST_PACKET_MAX];
	struct rte_mbuf *m[2];

	for (;;) {
		uint16_t n = port_rx(sides[0].far[OUT_PORT], 0, &m[0], 1);
		size_t len[2];

		assert_int_equal(port_rx(sides[1].far[OUT_PORT], 0, &m[1], 1), n);
		if (!n)
			return;
		for (unsigned i = 0; i < 2; i++) {
			len[i] = test_copy_out(m[i], bytes[i], sizeof(bytes[i]));
			rte_pktmbuf_free(m[i]);
		}
		assert_int_equal(len[0], len[1]);
		assert_memory_equal(bytes[0], bytes[1], len[0]);
	}
}

static void compare_counts(void)
{
	struct esw_counts c[2];
	struct flow_count e[2];

	for (uint16_t port = 0; port < PORTS; port++) {
		for (unsigned i = 0; i < 2; i++)
			esw_stats(sides[i].esw, port, &c[i]);
		assert_int_equal(c[0].rx, c[1].rx);
		assert_int_equal(c[0].tx, c[1].tx);
		assert_int_equal(c[0].tx_bytes, c[1].tx_bytes);
		assert_int_equal(c[0].conn_hits, c[1].conn_hits);
		assert_memory_equal(c[0].drops, c[1].drops, sizeof(c[0].drops));
	}
	for (unsigned f = 0; f < FLOWS; f++) {
		if (!sides[0].entry[f])
			continue;
		for (unsigned i = 0; i < 2; i++)
			flow_entry_query(sides[i].entry[f], &e[i]);
		assert_int_equal(e[0].packets, e[1].packets);
		assert_int_equal(e[0].bytes, e[1].bytes);
	}
}

static void bursts_and_single_packets_agree(void **state)
{
	const char *soak = getenv("SOFTDPU_SOAK");
	time_t end = time(NULL) + (soak ? atoi(soak) : 0);

	for (unsigned step = 0; step < STEPS || time(NULL) < end; step++) {
		now_ns += rng_below(&rng, 2000000);
		if (rng_one_in(&rng, 3))
			change_entry(rng_below(&rng, FLOWS));
		if (rng_one_in(&rng, 3))
			change_conn(rng_below(&rng, FLOWS));
		send_burst();
		compare_packets();
		if (step % 64 == 0)
			compare_counts();
	}
	compare_counts();
	for (uint16_t port = 0; port < PORTS; port++) {
		struct esw_counts c;

		esw_stats(sides[0].esw, port, &c);
		assert_true(port == OUT_PORT || c.tx > c.rx / 10);
	}
	fprintf(stderr, "# %lu packets\n", (unsigned long)packets);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(bursts_and_single_packets_agree, up, down),
	};

	test_eal_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
