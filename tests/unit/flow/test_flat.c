/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The flat form against its program: random packets, hops and programs, each run both ways. Bytes, flags,
 * verdicts and counters must agree, whether or not the packet is of the plain kind.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "base/refuse.h"
#include "base/rng.h"
#include "flow/counter.h"
#include "flow_world.h"
#include "packet/edit.h"
#include "packet/fixture.h"

#define ROUNDS 20000
#define HOPS 12
#define COUNTERS 4

static struct world w;
static struct rng rng;
static uint16_t hops[HOPS];
static uint32_t counters[COUNTERS];

static uint16_t random_hop(void)
{
	struct flow_hop hop = {.port = rng_below(&rng, 8),
		.mtu = rng_one_in(&rng, 3) ? 60 + rng_below(&rng, 60) : 1500};
	struct pkt_encap_config c = {.type = PKT_TUN_VXLAN,
		.vni = 7,
		.entropy = true,
		.ip6 = rng_one_in(&rng, 2),
		.src = {192, 168, 1, 1},
		.dst = {192, 168, 1, 2}};
	int index;

	hop.flags = rng_u32(&rng) & (FLOW_HOP_MACS | FLOW_HOP_TTL);
	rng_bytes(&rng, hop.dmac, 12);
	if (rng_one_in(&rng, 3)) {
		hop.flags |= FLOW_HOP_ENCAP;
		assert_int_equal(pkt_encap_init(&hop.encap, &c), 0);
	}
	if (rng_one_in(&rng, 6))
		hop.flags |= FLOW_HOP_HOLD;
	index = flow_hop_add(w.ctx, &hop);
	assert_true(index > 0);
	return index;
}

static int setup(void **state)
{
	world_open(&w);
	for (unsigned i = 0; i < HOPS; i++)
		hops[i] = random_hop();
	for (unsigned i = 0; i < COUNTERS; i++)
		counters[i] = flow_counter_new(w.ctx);
	return 0;
}

static int teardown(void **state)
{
	world_close(&w);
	assert_int_equal(test_pool_in_use(), 0);
	return 0;
}

static struct rte_mbuf *random_packet(void)
{
	static const char *const l4[] = {"tcp:1000>80 data:%u", "udp:1000>80 data:%u",
		"udp:1000>80,nosum data:%u", "icmp:8,0 data:%u",
		"udp:5>4789 vxlan:9 eth ip4:1.1.1.1>2.2.2.2 udp:7>8 data:%u"};
	unsigned ttl = rng_below(&rng, 5), which = rng_below(&rng, RTE_DIM(l4)),
		 more = rng_below(&rng, 100);
	bool six = rng_one_in(&rng, 3), tag = rng_one_in(&rng, 4);
	char spec[256], tail[128];
	struct rte_mbuf *m;

	if (six && which == 3)
		which = 0;
	if (rng_one_in(&rng, 20))
		return test_packet(test_pool(), "eth arp:op=1,s=10.0.0.1,t=10.0.0.2");
	snprintf(tail, sizeof(tail), l4[which], more);
	if (six)
		snprintf(spec, sizeof(spec), "eth %s ip6:fd00::%x>fd00::2,hl=%u %s",
			tag ? "vlan:5" : "", rng_u32(&rng) & 0xffff, ttl, tail);
	else
		snprintf(spec, sizeof(spec), "eth %s ip4:10.0.0.%u>10.0.1.2,ttl=%u%s %s",
			tag ? "vlan:5" : "", rng_u32(&rng) & 0xff, ttl,
			rng_one_in(&rng, 2)   ? ",df"
			: rng_one_in(&rng, 8) ? ",mf"
					      : "",
			tail);
	m = test_packet(test_pool(), "%s", spec);
	if (which < 2 && rng_one_in(&rng, 6))
		m->ol_flags |= (which ? RTE_MBUF_F_TX_UDP_CKSUM : RTE_MBUF_F_TX_TCP_CKSUM) |
			       (six ? RTE_MBUF_F_TX_IPV6 : RTE_MBUF_F_TX_IPV4);
	return m;
}

static struct flow_op random_terminal(void)
{
	switch (rng_below(&rng, 6)) {
	case 0:
		return (struct flow_op){.code = FLOW_OP_PORT, .field = rng_below(&rng, 8)};
	case 1:
		return (struct flow_op){.code = FLOW_OP_DROP, .field = DROP_PIPE_MISS};
	case 2:
		return (struct flow_op){.code = FLOW_OP_CT, .field = 3};
	case 3:
		return (struct flow_op){.code = FLOW_OP_QUEUE, .index = 2};
	default:
		return (struct flow_op){.code = FLOW_OP_HOP, .field = hops[rng_below(&rng, HOPS)]};
	}
}

/* What walk.c's fuse() makes for packets of this shape. */
static struct flow_rewrite random_rewrite(const struct flow_key *key, const struct pkt_parse *p)
{
	struct pkt_nat nat = {.set = 1 + rng_below(&rng, 15),
		.ip6 = p->outer.l3_type == PKT_L3_IP6,
		.sport = rng_u32(&rng),
		.dport = rng_u32(&rng)};
	struct flow_rewrite rw = {.sport = nat.sport, .dport = nat.dport};

	rng_bytes(&rng, nat.src, 16);
	rng_bytes(&rng, nat.dst, 16);
	memcpy(rw.src, nat.src, 16);
	memcpy(rw.dst, nat.dst, 16);
	pkt_nat_prepare(&nat, key->hot.src, key->hot.dst, key->hot.sport, key->hot.dport);
	rw.flags = nat.set | (nat.ip6 ? FLOW_RW_IP6 : 0);
	rw.l3_delta = nat.ip_delta;
	rw.l4_addr_delta = nat.addr_delta;
	rw.l4_delta = nat.l4_delta;
	return rw;
}

static struct {
	struct flow_program head;
	struct flow_op ops[8];
} program;

static void random_program(const struct flow_key *key, const struct pkt_parse *p)
{
	struct flow_op terminal = random_terminal(), *op = program.ops;
	bool fuses = (p->outer.l4_type == PKT_L4_TCP || p->outer.l4_type == PKT_L4_UDP) &&
		     !(p->outer.flags & PKT_FRAG) && p->tun_type == PKT_TUN_NONE;

	memset(&program, 0, sizeof(program));
	for (unsigned n = rng_below(&rng, 4); n; n--)
		*op++ = (struct flow_op){
			.code = FLOW_OP_COUNT, .index = counters[rng_below(&rng, COUNTERS)]};
	if (fuses && rng_one_in(&rng, 2)) {
		program.head.fused = random_rewrite(key, p);
		program.head.fused_flags = FLOW_PROGRAM_FUSED;
		*op++ = (struct flow_op){.code = FLOW_OP_REWRITE};
	}
	if (!program.head.fused_flags && p->tun_type != PKT_TUN_NONE && rng_one_in(&rng, 2)) {
		*op++ = (struct flow_op){.code = FLOW_OP_DECAP};
		terminal = (struct flow_op){.code = FLOW_OP_RESUME, .field = 5};
	}
	if (program.head.fused_flags && terminal.code == FLOW_OP_HOP)
		program.head.fused.hop = terminal.field;
	else
		*op++ = terminal;
	program.head.nr_ops = op - program.ops;
}

struct outcome {
	struct flow_verdict verdict;
	struct flow_count count[COUNTERS];
	uint64_t ol_flags;
	size_t len;
	uint8_t bytes[512];
};

/* One way: the burst's with a flat form, or the program's. */
static void take(const uint8_t *bytes, size_t len, uint64_t ol_flags, const struct flow_hit *hit,
	struct outcome *out)
{
	struct rte_mbuf *m = test_mbuf(test_pool(), bytes, len);
	struct flow_pkt_meta meta = {};
	struct pkt_parse parse;
	struct flow_key key;
	struct flow_pkt pkt = {.m = m, .parse = &parse, .key = &key, .meta = &meta};

	memset(out, 0, sizeof(*out));
	m->ol_flags = ol_flags;
	assert_int_equal(pkt_parse(m, &parse), 0);
	flow_key_build(&m, &parse, &meta, &key, 1, 1);
	if (hit)
		flow_run_burst(w.ctx, 0, &pkt, hit, 1, w.now_ns, NULL, &out->verdict);
	else
		out->verdict = flow_run(w.ctx, 0, &pkt, &program.head, 0, w.now_ns, NULL);
	for (unsigned i = 0; i < COUNTERS; i++)
		flow_counter_reset(w.ctx, counters[i], &out->count[i]);
	out->ol_flags = m->ol_flags;
	out->len = test_copy_out(m, out->bytes, sizeof(out->bytes));
	rte_pktmbuf_free(m);
}

static void flat_form_and_program_agree(void **state)
{
	unsigned flats = 0;

	rng_init(&rng, rng_test_seed("flat"));
	for (unsigned round = 0; round < ROUNDS; round++) {
		struct rte_mbuf *m = random_packet();
		const struct flow_program *prog = &program.head;
		struct flow_flat form;
		struct flow_hit hit = {.flat = &form, .prog = &prog};
		struct flow_pkt_meta meta = {};
		struct outcome flat, run;
		struct pkt_parse parse;
		struct flow_key key;
		uint8_t bytes[512];
		size_t len = test_copy_out(m, bytes, sizeof(bytes));

		if (pkt_parse(m, &parse) < 0) { /* drops before any flow is asked */
			rte_pktmbuf_free(m);
			continue;
		}
		flow_key_build(&m, &parse, &meta, &key, 1, 1);
		random_program(&key, &parse);
		form = flow_flat_make(program.ops, program.head.nr_ops,
			program.head.fused_flags ? &program.head.fused : NULL, rng_one_in(&rng, 4));
		flats += form.exit != FLOW_FLAT_NONE;
		take(bytes, len, m->ol_flags, NULL, &run);
		take(bytes, len, m->ol_flags, &hit, &flat);
		if (memcmp(&run, &flat, sizeof(run)))
			fail_msg("round %u: exit %u, %u ops: verdict %u/%u, length %zu/%zu", round,
				form.exit, program.head.nr_ops, run.verdict.kind, flat.verdict.kind,
				run.len, flat.len);
		rte_pktmbuf_free(m);
	}
	assert_true(flats > ROUNDS / 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(flat_form_and_program_agree, setup, teardown),
	};

	test_eal_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
