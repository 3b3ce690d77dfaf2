/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The switch on in-memory pairs: what goes in at a far end comes out at another, is dropped with its
 * reason, or is the node's; and the sums always close.
 *
 *     far[i] <-- pair --> port i of the switch
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/hist.h"
#include "base/refuse.h"
#include "base/rng.h"
#include "eswitch/eswitch.h"
#include "flow/walk.h"
#include "packet/fixture.h"

#define PORTS 3
#define UDP "eth ip4:10.0.0.1>10.0.0.2 udp:%u>53 data:20"

struct rig {
	struct esw *esw;
	struct port *near[PORTS], *far[PORTS];
	/* what the node will say */
	enum esw_answer answer;
	struct esw_upcall last;
	unsigned calls, ticks;
	struct flow_conn_table *conns;
	conn_ref conn;
	uint16_t hop;
	struct rte_mbuf *held[64];
	unsigned nr_held;
};

static void upcall(void *arg, unsigned worker, struct esw_upcall *calls, unsigned n, uint64_t now_ns)
{
	struct rig *r = arg;

	for (unsigned i = 0; i < n; i++) {
		struct esw_upcall *c = &calls[i];

		r->calls++;
		r->last = *c;
		assert_int_equal(c->answer, ESW_ANSWER_DROP);
		c->answer = r->answer;
		c->reason = DROP_POLICY_EGRESS;
		c->out_port = 1;
		c->conns = r->conns;
		c->conn = r->conn;
		c->rewrite = (struct flow_rewrite){.hop = r->hop};
		if (c->answer == ESW_ANSWER_QUEUED)
			r->held[r->nr_held++] = c->pkt.m;
	}
}

static void tick(void *arg, unsigned worker, uint64_t now_ns)
{
	((struct rig *)arg)->ticks++;
}

static const struct esw_upcall_ops ops = {.upcall = upcall, .tick = tick};

static int up(void **state)
{
	struct rig *r = test_calloc(1, sizeof(*r));
	struct esw_cfg cfg = {.name = "test", .nr_workers = 1};

	test_eal_init();
	cfg.pool = test_pool();
	assert_int_equal(esw_create(&cfg, &r->esw), 0);
	for (unsigned i = 0; i < PORTS; i++) {
		char near[8], far[8];
		struct port_cfg a = {.id = (uint16_t)i, .mtu = 1500, .pool = test_pool()};
		struct port_cfg b = {.id = (uint16_t)(100 + i), .mtu = 1500, .pool = test_pool()};

		snprintf(near, sizeof(near), "near%u", i);
		snprintf(far, sizeof(far), "far%u", i);
		a.name = near;
		b.name = far;
		assert_int_equal(port_pair_open(&a, &b, 64, &r->near[i], &r->far[i]), 0);
		assert_int_equal(esw_port_add(r->esw, r->near[i]), 0);
	}
	esw_set_upcall(r->esw, &ops, r);
	*state = r;
	return 0;
}

static int down(void **state)
{
	struct rig *r = *state;

	assert_int_equal(esw_stats_check(r->esw), 0);
	conn_table_destroy(r->conns);
	esw_destroy(r->esw);
	for (unsigned i = 0; i < PORTS; i++) {
		port_close(r->near[i]);
		port_close(r->far[i]);
	}
	assert_int_equal(test_pool_in_use(), 0);
	test_free(r);
	return 0;
}

static void send_at(struct rig *r, unsigned port, struct rte_mbuf *m)
{
	assert_int_equal(port_tx(r->far[port], 0, &m, 1), 1);
}

static void poll_all(struct rig *r)
{
	for (unsigned i = 0; i < 4; i++)
		esw_poll(r->esw, 0, clock_now_ns());
}

/* How many frames came out at a far end; they are freed. The last one's length in *length. */
static unsigned drain(struct rig *r, unsigned port, uint32_t *length)
{
	struct rte_mbuf *m[64];
	unsigned total = 0;
	uint16_t n;

	while ((n = port_rx(r->far[port], 0, m, 64))) {
		for (unsigned i = 0; i < n; i++) {
			assert_null(test_bad_sum(m[i]));
			if (length)
				*length = m[i]->pkt_len;
			rte_pktmbuf_free(m[i]);
		}
		total += n;
	}
	return total;
}

static void default_forward(struct rig *r, uint16_t port, enum flow_fwd_kind kind, uint16_t to)
{
	struct flow_fwd fwd = {.kind = kind, .port = to, .index = 7};

	assert_int_equal(flow_set_default(esw_flow(r->esw), port, FLOW_DOMAIN_DEFAULT, &fwd), 0);
}

static struct esw_counts counts_of(struct rig *r, uint16_t port)
{
	struct esw_counts c;

	esw_stats(r->esw, port, &c);
	return c;
}

static void forwards_by_default(void **state)
{
	struct rig *r = *state;
	uint64_t packets, bytes;

	default_forward(r, 0, FLOW_FWD_PORT, 1);
	for (unsigned i = 0; i < 40; i++)
		send_at(r, 0, test_packet(test_pool(), UDP, 1000 + i));
	poll_all(r);
	assert_int_equal(drain(r, 1, NULL), 40);
	assert_int_equal(counts_of(r, 0).rx, 40);
	assert_int_equal(counts_of(r, 0).tx, 40);
	esw_stats_egress(r->esw, 1, &packets, &bytes);
	assert_int_equal(packets, 40);
	assert_int_equal(bytes, counts_of(r, 0).rx_bytes);
}

static void without_root_pipe_drops(void **state)
{
	struct rig *r = *state;

	send_at(r, 2, test_packet(test_pool(), UDP, 1));
	poll_all(r);
	assert_int_equal(counts_of(r, 2).drops[DROP_NO_ROOT_PIPE], 1);
}

static void broken_frames_drop_by_name(void **state)
{
	struct rig *r = *state;
	uint8_t bytes[256];
	size_t len = test_bytes(bytes, sizeof(bytes), "eth ip4:10.0.0.1>10.0.0.2 udp:1>2 data:20");

	default_forward(r, 0, FLOW_FWD_PORT, 1);
	send_at(r, 0, test_mbuf(test_pool(), bytes, 10));
	bytes[14] = 0x43; /* IPv4 header length 12 */
	send_at(r, 0, test_mbuf(test_pool(), bytes, len));
	poll_all(r);
	assert_int_equal(counts_of(r, 0).drops[DROP_L2_SHORT], 1);
	assert_int_equal(counts_of(r, 0).drops[DROP_IP4_BAD_IHL], 1);
	assert_int_equal(drain(r, 1, NULL), 0);
}

static void the_nodes_answers(void **state)
{
	struct rig *r = *state;
	struct flow_hop hop = {.port = 2, .flags = FLOW_HOP_MACS, .mtu = 1500};

	r->hop = (uint16_t)flow_hop_add(esw_flow(r->esw), &hop);
	default_forward(r, 0, FLOW_FWD_UPCALL, 0);
	for (unsigned a = ESW_ANSWER_DROP; a <= ESW_ANSWER_QUEUED; a++) {
		if (a == ESW_ANSWER_CONN)
			continue;
		r->answer = a;
		send_at(r, 0, test_packet(test_pool(), UDP, a));
		poll_all(r);
	}
	assert_int_equal(r->calls, 5);
	assert_int_equal(r->last.why, ESW_WHY_MISS);
	assert_int_equal(r->last.cookie, 7);
	assert_int_equal(counts_of(r, 0).drops[DROP_POLICY_EGRESS], 1);
	assert_int_equal(counts_of(r, 0).consumed, 1);
	assert_int_equal(counts_of(r, 0).queued, 1);
	assert_int_equal(drain(r, 1, NULL), 1); /* SEND */
	assert_int_equal(drain(r, 2, NULL), 1); /* REWRITE to the hop */
	assert_int_equal(esw_stats_check(r->esw), 0);
	assert_int_equal(r->nr_held, 1);
	esw_requeue(r->esw, 0, r->held[0], NULL, r->hop);
	esw_flush(r->esw, 0);
	assert_int_equal(drain(r, 2, NULL), 1);
	assert_int_equal(counts_of(r, 0).queued, 0);
}

static void queued_packets_may_end(void **state)
{
	struct rig *r = *state;

	default_forward(r, 0, FLOW_FWD_UPCALL, 0);
	r->answer = ESW_ANSWER_QUEUED;
	send_at(r, 0, test_packet(test_pool(), UDP, 1));
	poll_all(r);
	esw_discard(r->esw, 0, r->held[0], DROP_NO_NEIGHBOUR);
	assert_int_equal(counts_of(r, 0).drops[DROP_NO_NEIGHBOUR], 1);
}

static void held_hops_ask_the_node(void **state)
{
	struct rig *r = *state;
	struct flow_hop hop = {.port = 2, .flags = FLOW_HOP_HOLD, .mtu = 1500};
	int index = flow_hop_add(esw_flow(r->esw), &hop);

	assert_true(index > 0);
	default_forward(r, 0, FLOW_FWD_HOP, (uint16_t)index);
	send_at(r, 0, test_packet(test_pool(), UDP, 1));
	poll_all(r);
	assert_int_equal(r->calls, 1);
	assert_int_equal(r->last.why, ESW_WHY_HOP_HELD);
	assert_int_equal(r->last.hop, index);
}

/* What a hop held was rewritten before; its tunnel's source port is its flow's all the same. */
static void held_packets_keep_their_tunnel_port(void **state)
{
	struct rig *r = *state;
	struct flow_hop hop = {.port = 2, .flags = FLOW_HOP_HOLD | FLOW_HOP_ENCAP, .mtu = 1500};
	struct pkt_encap_config c = {.type = PKT_TUN_VXLAN, .entropy = true, .src = {192, 168, 1, 1}, .dst = {192, 168, 1, 2}};
	struct rte_mbuf *m = test_packet(test_pool(), UDP, 1), *got;
	struct flow_pkt_meta meta = {};
	struct pkt_parse parse;
	struct flow_key key;
	int index;

	assert_int_equal(pkt_encap_init(&hop.encap, &c), 0);
	index = flow_hop_add(esw_flow(r->esw), &hop);
	assert_true(index > 0);
	assert_int_equal(pkt_parse(m, &parse), 0);
	flow_key_build(&m, &parse, &meta, &key, 1, 1);
	default_forward(r, 0, FLOW_FWD_HOP, (uint16_t)index);
	r->answer = ESW_ANSWER_QUEUED;
	send_at(r, 0, m);
	poll_all(r);
	assert_int_equal(r->nr_held, 1);
	*(uint8_t *)pkt_at(r->held[0], parse.outer.l3 + 19u) ^= 0x55; /* as NAT would have */
	hop.flags = FLOW_HOP_ENCAP;
	assert_int_equal(flow_hop_replace(esw_flow(r->esw), (uint16_t)index, &hop), 0);
	esw_requeue(r->esw, 0, r->held[0], NULL, (uint16_t)index);
	esw_flush(r->esw, 0);
	assert_int_equal(port_rx(r->far[2], 0, &got, 1), 1);
	assert_int_equal(pkt_parse(got, &parse), 0);
	assert_int_equal(rte_be_to_cpu_16(*(uint16_t *)pkt_at(got, parse.outer.l4)), pkt_entropy_port(flow_key_entropy(&key)));
	rte_pktmbuf_free(got);
}

static void super_packets_are_cut(void **state)
{
	struct rig *r = *state;
	struct rte_mbuf *m = test_packet(test_pool(), "eth ip4:10.0.0.1>10.0.0.2 tcp:1000>80 data:4000");

	m->ol_flags |= RTE_MBUF_F_TX_TCP_SEG | RTE_MBUF_F_TX_TCP_CKSUM | RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IP_CKSUM;
	m->tso_segsz = 1448;
	default_forward(r, 0, FLOW_FWD_PORT, 1);
	/* the pair passes flags on, as a TAP would make them; the far end of port 1 has no TSO */
	esw_burst(r->esw, 0, 0, &m, 1, clock_now_ns());
	esw_flush(r->esw, 0);
	if (r->near[1]->caps & PORT_CAP_TX_TSO4) {
		assert_int_equal(counts_of(r, 0).copies, 0);
		struct rte_mbuf *got;

		assert_int_equal(port_rx(r->far[1], 0, &got, 1), 1);
		assert_int_equal(got->tso_segsz, 1448);
		rte_pktmbuf_free(got);
		return;
	}
	assert_int_equal(drain(r, 1, NULL), 3);
	assert_int_equal(counts_of(r, 0).copies, 2);
}

static void too_big_is_the_nodes_or_fragments(void **state)
{
	struct rig *r = *state;

	default_forward(r, 0, FLOW_FWD_PORT, 1);
	r->answer = ESW_ANSWER_DROP;
	send_at(r, 0, test_packet(test_pool(), "eth ip4:10.0.0.1>10.0.0.2,df udp:1>2 data:1600"));
	poll_all(r);
	assert_int_equal(r->calls, 1);
	assert_int_equal(r->last.why, ESW_WHY_TOO_BIG);
	assert_int_equal(r->last.mtu, 1500);
	send_at(r, 0, test_packet(test_pool(), "eth ip4:10.0.0.1>10.0.0.2 udp:1>2 data:1600"));
	poll_all(r);
	assert_int_equal(drain(r, 1, NULL), 2);
	assert_int_equal(counts_of(r, 0).copies, 1);
}

static void full_and_gone_ports(void **state)
{
	struct rig *r = *state;

	default_forward(r, 0, FLOW_FWD_PORT, 1);
	for (unsigned i = 0; i < 3; i++) { /* the pair holds 64, nobody reads */
		for (unsigned k = 0; k < 32; k++)
			send_at(r, 0, test_packet(test_pool(), UDP, k));
		poll_all(r);
	}
	assert_true(counts_of(r, 0).drops[DROP_PORT_TX_FULL] >= 32);
	assert_int_equal(counts_of(r, 0).drops[DROP_PORT_TX_FULL] + drain(r, 1, NULL), 96);
	assert_ptr_equal(esw_port_remove(r->esw, 1), r->near[1]);
	assert_null(esw_port_remove(r->esw, 1));
	send_at(r, 0, test_packet(test_pool(), UDP, 1));
	poll_all(r);
	assert_int_equal(counts_of(r, 0).drops[DROP_PORT_DOWN], 1);
	assert_int_equal(esw_port_add(r->esw, r->near[1]), 0);
	assert_int_equal(esw_port_add(r->esw, r->near[1]), -EEXIST);
	assert_non_null(strstr(refusal(), "near1"));
}

static void connections_run_from_the_table(void **state)
{
	struct rig *r = *state;
	struct conn_table_cfg cc = {.capacity = 1024, .timeouts = conn_timeouts_default, .nr_workers = 1};
	struct flow_pipe_cfg pc = {.name = "ct", .kind = FLOW_PIPE_CT, .root = true, .port = 0, .miss = {.kind = FLOW_FWD_UPCALL}};
	struct flow_hop hop = {.port = 1, .flags = FLOW_HOP_MACS | FLOW_HOP_TTL, .mtu = 1500};
	struct conn_spec spec = {.in_port = {0, 1}};
	struct flow_pipe *pipe;
	struct esw_upcall *c = &r->last;

	assert_int_equal(conn_table_create(esw_flow(r->esw), &cc, &r->conns), 0);
	pc.conns = r->conns;
	assert_int_equal(flow_pipe_create(esw_flow(r->esw), &pc, &pipe), 0);
	r->answer = ESW_ANSWER_DROP;
	send_at(r, 0, test_packet(test_pool(), UDP, 4000));
	poll_all(r);
	assert_int_equal(r->calls, 1);
	assert_int_equal(c->why, ESW_WHY_MISS);
	r->hop = (uint16_t)flow_hop_add(esw_flow(r->esw), &hop);
	memcpy(spec.key[0].src, (uint8_t[]){10, 0, 0, 1}, 4);
	memcpy(spec.key[0].dst, (uint8_t[]){10, 0, 0, 2}, 4);
	spec.key[0].sport = rte_cpu_to_be_16(4000);
	spec.key[0].dport = rte_cpu_to_be_16(53);
	spec.key[0].proto = 17;
	spec.key[1] = (struct conn_key){.proto = 17, .sport = spec.key[0].dport, .dport = spec.key[0].sport};
	memcpy(spec.key[1].src, (uint8_t[]){10, 0, 0, 9}, 4); /* DNAT to .9 */
	memcpy(spec.key[1].dst, spec.key[0].src, 4);
	spec.rewrite[0].flags = FLOW_RW_DST_IP;
	memcpy(spec.rewrite[0].dst, spec.key[1].src, 4);
	spec.rewrite[0].hop = spec.rewrite[1].hop = r->hop;
	spec.rewrite[1].flags = FLOW_RW_SRC_IP;
	memcpy(spec.rewrite[1].src, spec.key[0].dst, 4);
	assert_int_equal(conn_add(r->conns, 0, &spec, clock_now_ns(), &r->conn), 0);
	r->answer = ESW_ANSWER_CONN;
	for (unsigned i = 0; i < 33; i++)
		send_at(r, 0, test_packet(test_pool(), UDP, 4000));
	poll_all(r);
	assert_int_equal(r->calls, 1);
	assert_int_equal(counts_of(r, 0).conn_hits, 33);
	assert_int_equal(drain(r, 1, NULL), 33); /* every checksum is right: drain looks */
	flow_pipe_destroy(pipe);
}

static void captures(void **state)
{
	struct rig *r = *state;
	const struct esw_captured *c;
	struct esw_capture *cap, *drops;
	unsigned rx = 0, tx = 0, dropped = 0;

	default_forward(r, 0, FLOW_FWD_PORT, 1);
	assert_int_equal(esw_capture_start(r->esw, 77, ESW_CAPTURE_RX, 64, 8, &cap), -ENOENT);
	assert_int_equal(esw_capture_start(r->esw, FLOW_PORT_NONE, ESW_CAPTURE_RX | ESW_CAPTURE_TX, 64, 8, &cap), 0);
	assert_int_equal(esw_capture_start(r->esw, FLOW_PORT_NONE, ESW_CAPTURE_DROP, 2000, 8, &drops), 0);
	for (unsigned i = 0; i < 6; i++)
		send_at(r, i == 5 ? 2 : 0, test_packet(test_pool(), "eth ip4:10.0.0.1>10.0.0.2 udp:1>2 data:100"));
	poll_all(r);
	while ((c = esw_capture_next(cap))) {
		assert_int_equal(c->captured, 64);
		assert_int_equal(c->length, 142);
		rx += c->where == ESW_CAPTURE_RX;
		tx += c->where == ESW_CAPTURE_TX;
	}
	assert_int_equal(rx + tx, 8);
	assert_int_equal(esw_capture_lost(cap), 3);
	while ((c = esw_capture_next(drops))) {
		assert_int_equal(c->reason, DROP_NO_ROOT_PIPE);
		assert_int_equal(c->captured, 142);
		dropped++;
	}
	assert_int_equal(dropped, 1);
	esw_capture_stop(cap);
	esw_capture_stop(drops);
	assert_int_equal(drain(r, 1, NULL), 5);
}

static unsigned paused;
static void while_paused(void *arg)
{
	paused++;
}

/* A thread that gets little of the machine still has seen everything after a while. */
static bool seen_enough(struct rig *r, unsigned sent, uint64_t start_ns)
{
	uint64_t passed = clock_now_ns() - start_ns;

	return passed > NS_PER_SEC / 4 &&
	       ((sent > 100 && paused > 0 && __atomic_load_n(&r->ticks, __ATOMIC_RELAXED) > 5) || passed > 20 * NS_PER_SEC);
}

static void threads_pause_and_stop(void **state)
{
	struct rig *r = *state;
	unsigned got = 0, sent = 0;
	uint64_t start = clock_now_ns();

	default_forward(r, 0, FLOW_FWD_PORT, 1);
	assert_int_equal(esw_start(r->esw), 0);
	while (!seen_enough(r, sent, start)) {
		struct rte_mbuf *m = sent - got < 32 ? test_packet(test_pool(), UDP, sent & 0xff) : NULL;

		if (m && port_tx(r->far[0], 0, &m, 1) == 1)
			sent++;
		else
			rte_pktmbuf_free(m);
		got += drain(r, 1, NULL);
		if (sent % 100 == 0)
			esw_paused(r->esw, while_paused, NULL);
	}
	while (got < sent && clock_now_ns() - start < 30 * NS_PER_SEC)
		got += drain(r, 1, NULL);
	esw_stop(r->esw);
	got += drain(r, 1, NULL);
	assert_int_equal(got, sent);
	assert_true(sent > 100);
	assert_true(paused > 0);
	assert_true(r->ticks > 5);
}

/* Garbage, real packets and every answer in seeded disorder: the sums close and nothing leaks. */
static void random_traffic_adds_up(void **state)
{
	struct rig *r = *state;
	uint64_t seed = rng_test_seed("eswitch");
	struct flow_hop hop = {.port = 2, .flags = FLOW_HOP_TTL, .mtu = 600};
	struct rng rng;
	uint8_t bytes[2000];

	rng_init(&rng, seed);
	r->hop = (uint16_t)flow_hop_add(esw_flow(r->esw), &hop);
	default_forward(r, 0, FLOW_FWD_UPCALL, 0);
	default_forward(r, 1, FLOW_FWD_PORT, 0);
	for (unsigned i = 0; i < 3000; i++) {
		size_t len = test_bytes(bytes, sizeof(bytes), rng_below(&rng, 2) ? "eth ip4:1.0.0.1>1.0.0.2%s udp:1>2 data:%u"
										  : "eth ip4:1.0.0.1>1.0.0.2%s tcp:1>2 data:%u",
			rng_below(&rng, 2) ? ",df" : "", (unsigned)rng_below(&rng, 1500));

		if (rng_below(&rng, 4) == 0)
			bytes[rng_below(&rng, 60)] = (uint8_t)rng_below(&rng, 256);
		if (rng_below(&rng, 8) == 0)
			len = 1 + rng_below(&rng, len);
		r->answer = (enum esw_answer)rng_below(&rng, ESW_ANSWER_QUEUED + 1);
		if (r->answer == ESW_ANSWER_CONN || r->nr_held == 64)
			r->answer = ESW_ANSWER_DROP;
		send_at(r, (unsigned)rng_below(&rng, 2), test_mbuf(test_pool(), bytes, len));
		poll_all(r);
		for (unsigned p = 0; p < PORTS; p++) {
			struct rte_mbuf *m[64];
			uint16_t n = port_rx(r->far[p], 0, m, 64);

			rte_pktmbuf_free_bulk(m, n);
		}
		while (r->nr_held && rng_below(&rng, 2)) {
			struct rte_mbuf *m = r->held[--r->nr_held];

			if (rng_below(&rng, 2))
				esw_requeue(r->esw, 0, m, NULL, r->hop);
			else
				esw_discard(r->esw, 0, m, DROP_NO_NEIGHBOUR);
		}
		r->answer = ESW_ANSWER_DROP;
		usleep(rng_below(&rng, 100) ? 0 : 11000); /* a tick is due: what requeueing asked is answered */
		send_at(r, 1, test_packet(test_pool(), UDP, i));
		poll_all(r);
		if (esw_stats_check(r->esw))
			fail_msg("seed %lu, step %u: %s", seed, i, refusal());
	}
	while (r->nr_held)
		esw_discard(r->esw, 0, r->held[--r->nr_held], DROP_NO_NEIGHBOUR);
	esw_flush(r->esw, 0);
	for (unsigned p = 0; p < PORTS; p++) {
		struct rte_mbuf *m[64];

		rte_pktmbuf_free_bulk(m, port_rx(r->far[p], 0, m, 64));
	}
}

static void counters_restart_from_a_baseline(void **state)
{
	struct rig *r = *state;

	default_forward(r, 0, FLOW_FWD_PORT, 1);
	send_at(r, 0, test_packet(test_pool(), UDP, 1));
	poll_all(r);
	esw_stats_reset(r->esw);
	assert_int_equal(counts_of(r, FLOW_PORT_NONE).rx, 0);
	send_at(r, 0, test_packet(test_pool(), UDP, 1));
	poll_all(r);
	assert_int_equal(counts_of(r, FLOW_PORT_NONE).rx, 1);
	assert_int_equal(drain(r, 1, NULL), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(forwards_by_default, up, down),
		cmocka_unit_test_setup_teardown(without_root_pipe_drops, up, down),
		cmocka_unit_test_setup_teardown(broken_frames_drop_by_name, up, down),
		cmocka_unit_test_setup_teardown(the_nodes_answers, up, down),
		cmocka_unit_test_setup_teardown(queued_packets_may_end, up, down),
		cmocka_unit_test_setup_teardown(held_hops_ask_the_node, up, down),
		cmocka_unit_test_setup_teardown(held_packets_keep_their_tunnel_port, up, down),
		cmocka_unit_test_setup_teardown(super_packets_are_cut, up, down),
		cmocka_unit_test_setup_teardown(too_big_is_the_nodes_or_fragments, up, down),
		cmocka_unit_test_setup_teardown(full_and_gone_ports, up, down),
		cmocka_unit_test_setup_teardown(connections_run_from_the_table, up, down),
		cmocka_unit_test_setup_teardown(captures, up, down),
		cmocka_unit_test_setup_teardown(threads_pause_and_stop, up, down),
		cmocka_unit_test_setup_teardown(random_traffic_adds_up, up, down),
		cmocka_unit_test_setup_teardown(counters_restart_from_a_baseline, up, down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
