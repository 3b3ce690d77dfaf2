/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * acl: 10,000 rules in the manner of ClassBench's access control lists: pairs of prefixes of mixed lengths,
 * a protocol, and a destination port that is exact, a well-known range or any; the first that matches counts.
 * The traffic (frames.scatter) lies in the same two /16, so that most flows meet some rule; nearly every
 * packet is a flow of its own and the cache is kept small: what is measured is the search.
 */
#include "rig.h"

#include <stdio.h>
#include <string.h>

#include "base/refuse.h"
#include "base/rng.h"

#define RULES 10000
#define SEED 7

struct rule {
	uint32_t src, dst; /* host order */
	unsigned src_len, dst_len;
	uint16_t low, high; /* destination port */
	uint8_t proto;
	struct flow_entry *entry;
	uint64_t counted, expected; /* while packets are checked */
};

static struct rule rules[RULES];

/* Lengths as in ClassBench's acl1 seed, roughly: long source, longer destination. */
static unsigned length(struct rng *r, bool dst)
{
	static const uint8_t src[8] = {16, 20, 22, 24, 24, 28, 32, 32}, to[8] = {20, 24, 24, 27, 28, 30, 32, 32};

	return dst ? to[rng_below(r, 8)] : src[rng_below(r, 8)];
}

static struct rule make_rule(struct rng *r)
{
	static const uint16_t ranges[4][2] = {{0, 1023}, {1024, 65535}, {5000, 5999}, {32768, 65535}};
	struct rule rule = {.src_len = length(r, false), .dst_len = length(r, true), .low = 0, .high = 65535, .proto = 17};
	uint64_t kind = rng_below(r, 4);

	rule.src = (10u << 24 | (uint32_t)rng_below(r, 65536)) & ~0u << (32 - rule.src_len);
	rule.dst = (10u << 24 | 255u << 16 | (uint32_t)rng_below(r, 65536)) & ~0u << (32 - rule.dst_len);
	if (kind == 0) {
		rule.low = rule.high = (uint16_t)rng_below(r, 65536);
	} else if (kind == 1) {
		unsigned i = rng_below(r, 4);

		rule.low = ranges[i][0];
		rule.high = ranges[i][1];
	}
	return rule;
}

static void set_prefix(uint8_t *value, uint8_t *mask, uint32_t address, unsigned len)
{
	uint32_t be = rte_cpu_to_be_32(address), m = rte_cpu_to_be_32(~0u << (32 - len));

	memcpy(value, &be, 4);
	memcpy(mask, &m, 4);
}

static void add_rule(struct rig *rig, struct rule *rule, uint32_t priority)
{
	struct flow_entry_spec spec = {.priority = priority, .count = true, .fwd = {.kind = FLOW_FWD_PORT, .port = DST}};
	struct flow_key_hot *value = &spec.match.value.hot, *mask = &spec.match.mask.hot;

	value->shape = PKT_L3_IP4 << FLOW_SHAPE_L3_SHIFT;
	mask->shape = FLOW_SHAPE_L3;
	value->proto = rule->proto;
	mask->proto = 0xff;
	set_prefix(value->src, mask->src, rule->src, rule->src_len);
	set_prefix(value->dst, mask->dst, rule->dst, rule->dst_len);
	if (rule->low == rule->high) {
		value->dport = rte_cpu_to_be_16(rule->low);
		mask->dport = 0xffff;
	} else if (rule->low || rule->high != 65535) {
		spec.range.value.hot.dport = rte_cpu_to_be_16(rule->low);
		spec.range.mask.hot.dport = rte_cpu_to_be_16(rule->high);
	}
	must(flow_entry_add(rig->pipe[0], &spec, &rule->entry), "rule");
}

void up_acl(struct rig *rig)
{
	struct flow_pipe_cfg cfg = {.name = "acl",
		.kind = FLOW_PIPE_ACL,
		.root = true,
		.port = SRC,
		.nr_entries = RULES,
		.miss = {.kind = FLOW_FWD_PORT, .port = DST},
		.entry_counters = true};
	struct rng r;

	rng_init(&r, SEED);
	must(flow_pipe_create(esw_flow(rig->esw), &cfg, &rig->pipe[0]), "pipe");
	for (uint32_t i = 0; i < RULES; i++) {
		rules[i] = make_rule(&r);
		add_rule(rig, &rules[i], i);
	}
}

/* ---- the same, looked for from the front: every rule has counted what it was the first to match ---- */

static bool matches(const struct rule *rule, uint32_t src, uint32_t dst, uint16_t dport)
{
	return !((src ^ rule->src) >> (32 - rule->src_len)) && !((dst ^ rule->dst) >> (32 - rule->dst_len)) &&
	       dport >= rule->low && dport <= rule->high;
}

void want_rule(struct rig *rig, uint32_t flow, unsigned sink, struct frame *f)
{
	uint32_t src, dst;
	uint16_t dport;

	memcpy(&src, f->bytes + 26, 4);
	memcpy(&dst, f->bytes + 30, 4);
	memcpy(&dport, f->bytes + 36, 2);
	for (uint32_t i = 0; i < RULES; i++)
		if (matches(&rules[i], rte_be_to_cpu_32(src), rte_be_to_cpu_32(dst), rte_be_to_cpu_16(dport))) {
			rules[i].expected++;
			return;
		}
}

void tally_rules(struct rig *rig, bool after)
{
	for (uint32_t i = 0; i < RULES; i++) {
		struct flow_count count;

		flow_entry_query(rules[i].entry, &count);
		if (after && count.packets - rules[i].counted != rules[i].expected)
			must(refuse(EPROTO, "rule %u counted %lu packets of %lu", i, count.packets - rules[i].counted,
				     rules[i].expected), "classification");
		rules[i].counted = count.packets;
		rules[i].expected = 0;
	}
}

/* ---- as many masks as steps: rules nobody matches, each with prefix lengths of its own ---- */

#define LENGTHS 24 /* 9 to 32, of either address; and then so many of the port's bits */

static void add_mask(struct rig *rig, uint32_t i)
{
	struct flow_entry_spec spec = {.priority = i, .fwd = {.kind = FLOW_FWD_DROP}};
	struct flow_key_hot *value = &spec.match.value.hot, *mask = &spec.match.mask.hot;
	struct flow_entry *entry;

	set_prefix(value->src, mask->src, 11u << 24, 9 + i % LENGTHS);
	set_prefix(value->dst, mask->dst, 11u << 24, 9 + i / LENGTHS % LENGTHS);
	mask->sport = rte_cpu_to_be_16((uint16_t)(0xffff << (16 - i / (LENGTHS * LENGTHS))));
	must(flow_entry_add(rig->pipe[0], &spec, &entry), "rule");
}

void up_masks(struct rig *rig)
{
	struct flow_pipe_cfg cfg = {.name = "masks",
		.kind = FLOW_PIPE_WILD,
		.root = true,
		.port = SRC,
		.nr_entries = rig->steps,
		.miss = {.kind = FLOW_FWD_PORT, .port = DST}};

	must(flow_pipe_create(esw_flow(rig->esw), &cfg, &rig->pipe[0]), "pipe");
	for (uint32_t i = 0; i < rig->steps; i++)
		add_mask(rig, i);
}

/* ---- the same rules for Open vSwitch ---- */

/* A range is several masked ports there. */
static void print_ports(const struct rule *rule, const char *head, uint32_t priority)
{
	uint32_t at = rule->low;

	while (at <= rule->high) {
		uint32_t size = at ? at & -at : 65536;

		while (at + size - 1 > rule->high)
			size /= 2;
		printf("priority=%u,%s", priority, head);
		if (size < 65536)
			printf(",tp_dst=0x%x/0x%x", at, 0xffff & ~(size - 1));
		printf(",actions=output:dst\n");
		at += size;
	}
}

void print_acl_openflow(void)
{
	struct rng r;

	rng_init(&r, SEED);
	for (uint32_t i = 0; i < RULES; i++) {
		struct rule rule = make_rule(&r);
		char head[128];

		snprintf(head, sizeof(head), "udp,in_port=src,nw_src=%u.%u.%u.%u/%u,nw_dst=%u.%u.%u.%u/%u", rule.src >> 24,
			rule.src >> 16 & 255, rule.src >> 8 & 255, rule.src & 255, rule.src_len, rule.dst >> 24,
			rule.dst >> 16 & 255, rule.dst >> 8 & 255, rule.dst & 255, rule.dst_len);
		print_ports(&rule, head, 65000 - i);
	}
	printf("priority=1,in_port=src,actions=output:dst\n");
}
