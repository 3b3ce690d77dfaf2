/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The differential test: random pipes, entries, updates, removals and packets go through the composed and
 * cached programs and through the naive twin; verdicts, every output byte, and every counter must agree.
 * SOFTDPU_SEED repeats a run; SOFTDPU_TWIN_WORLDS (default 40) says how many worlds of 800 steps.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/refuse.h"
#include "base/rng.h"
#include "base/str.h"
#include "flow_world.h"
#include "packet/fixture.h"
#include "twin.h"

#define STEPS 800
#define LEAVES 8

static struct rng rng;
static struct world w;
static struct twin twin;
static uint64_t seed;
static bool calm; /* few rule changes: more packets run from the cache */

/* Fields that pipes match and actions write, with small domains so that things meet. */
static const struct {
	const char *name;
	const char *value[4];
} fields[] = {
	{"outer.ipv4.src_ip", {"10.0.0.1", "10.0.0.2", "10.0.1.1", "10.1.0.1"}},
	{"outer.ipv4.dst_ip", {"10.0.0.1", "10.0.0.2", "10.0.1.1", "10.1.0.1"}},
	{"outer.ipv6.dst_ip", {"fd00::1", "fd00::2", "fd01::1", "fd00:0:1::1"}},
	{"outer.transport.src_port", {"2000", "2001", "80", "81"}},
	{"outer.transport.dst_port", {"2000", "2001", "80", "81"}},
	{"outer.tcp.dst_port", {"2000", "2001", "80", "81"}},
	{"outer.udp.src_port", {"2000", "2001", "80", "81"}},
	{"outer.ipv4.ttl", {"1", "2", "3", "64"}},
	{"outer.ipv6.hop_limit", {"1", "2", "3", "64"}},
	{"outer.ipv4.dscp_ecn", {"0", "4", "8", "12"}},
	{"outer.eth_vlan0.tci", {"5", "6", "7", "8"}},
	{"outer.eth.dst_mac", {"0x020000000002", "0x020000000003", "0x020000000004", "0x020000000005"}},
	{"outer.eth.src_mac", {"0x020000000001", "0x020000000002", "0x020000000003", "0x020000000004"}},
	{"meta.data.0", {"0", "1", "2", "3"}},
	{"meta.data.1", {"0", "1", "2", "3"}},
	{"meta.pkt_meta", {"0", "1", "2", "3"}},
	{"meta.mark", {"0", "1", "2", "3"}},
	{"inner.ipv4.src_ip", {"10.0.0.1", "10.0.0.2", "10.0.1.1", "10.1.0.1"}},
	{"tunnel.vxlan.vni", {"100", "101", "102", "103"}},
};

static unsigned pick(unsigned n)
{
	return rng_below(&rng, n);
}

static const char *some_value(unsigned field)
{
	return fields[field].value[pick(4)];
}

/* Would matching both ask for two shapes at once? */
static bool clashes(const struct flow_match *match, const char *name)
{
	const struct flow_field *f = flow_field_get(flow_field_find(name));
	bool inner = !strncmp(name, "inner.", 6);
	uint16_t mask = inner ? match->mask.inner.shape : match->mask.hot.shape;
	uint16_t value = inner ? match->value.inner.shape : match->value.hot.shape;

	return (value ^ f->shape) & mask & f->shape_mask;
}

static void match_some(struct flow_match *match, unsigned most)
{
	for (unsigned n = pick(most + 1); n; n--) {
		unsigned i = pick(RTE_DIM(fields));

		if (!clashes(match, fields[i].name))
			world_match(match, fields[i].name, some_value(i));
	}
}

/* ---- actions ---- */

static void add_op(struct world_template *t, const char *field, unsigned width, uint64_t by)
{
	memcpy(t->data + t->t.data_len, &by, 8);
	world_op(t, (struct flow_op){.code = FLOW_OP_ADD, .field = flow_field_find(field), .width = width, .data = t->t.data_len});
	t->t.data_len += 8;
}

static void copy_op(struct world_template *t, const char *to, unsigned to_bit, const char *from, unsigned from_bit, unsigned width)
{
	world_op(t, (struct flow_op){.code = FLOW_OP_COPY, .field = flow_field_find(to), .src_field = flow_field_find(from),
			.bit_offset = to_bit, .index = from_bit, .width = width});
}

static void encap_op(struct world_template *t)
{
	size_t n = test_bytes(t->data + t->t.data_len, 128, "eth:s=9,d=8 ip4:1.0.0.1>1.0.0.%u,df udp:0>4789,nosum vxlan:%u",
		1 + pick(3), 100 + pick(4));

	world_op(t, (struct flow_op){.code = FLOW_OP_ENCAP, .index = n, .width = 1, .data = t->t.data_len});
	t->t.data_len += n;
}

static void random_op(struct world_template *t)
{
	unsigned i;

	switch (pick(16)) {
	case 0:
		add_op(t, "outer.ipv4.ttl", 8, 255);
		break;
	case 1:
		add_op(t, "meta.data.0", 32, pick(4));
		break;
	case 2:
		add_op(t, "meta.data.1", 4, 15);
		break;
	case 3:
		copy_op(t, "meta.data.0", 0, "outer.ipv4.src_ip", 0, 32);
		break;
	case 4:
		copy_op(t, "meta.data.1", 0, "outer.ipv4.ttl", 1, 5);
		break;
	case 5:
		copy_op(t, "outer.eth.dst_mac", 0, "outer.eth.src_mac", 0, 48);
		break;
	case 6:
		copy_op(t, "outer.transport.src_port", 0, "outer.transport.dst_port", 0, 16);
		break;
	case 7:
		memcpy(t->data + t->t.data_len, (uint8_t[]){0x81, 0, 0, 5 + pick(4)}, 4);
		world_op(t, (struct flow_op){.code = FLOW_OP_PUSH_VLAN, .data = t->t.data_len});
		t->t.data_len += 4;
		break;
	case 8:
		world_op(t, (struct flow_op){.code = FLOW_OP_POP_VLAN});
		break;
	case 9:
		world_op(t, (struct flow_op){.code = FLOW_OP_DECAP});
		break;
	case 10:
		encap_op(t);
		break;
	case 11:
		world_op(t, (struct flow_op){.code = FLOW_OP_TTL_DEC});
		break;
	default:
		i = pick(RTE_DIM(fields));
		world_set(t, fields[i].name, some_value(i), pick(2));
	}
}

static struct world_template templates[TWIN_PIPES][3];
static struct flow_action_template template_list[TWIN_PIPES][3];

static void random_templates(unsigned pipe, struct flow_pipe_cfg *cfg)
{
	cfg->nr_templates = 1 + pick(3);
	cfg->templates = template_list[pipe];
	for (unsigned i = 0; i < cfg->nr_templates; i++) {
		memset(&templates[pipe][i], 0, sizeof(templates[pipe][i]));
		for (unsigned n = pick(4); n; n--)
			random_op(&templates[pipe][i]);
		template_list[pipe][i] = templates[pipe][i].t;
	}
}

/* ---- pipes: those with a higher number may be forwarded to ---- */

static struct flow_fwd random_fwd(unsigned from)
{
	unsigned to = from + 1 + pick(TWIN_PIPES - from);

	switch (pick(8)) {
	case 0:
		return (struct flow_fwd){.kind = FLOW_FWD_DROP};
	case 1:
		return (struct flow_fwd){.kind = FLOW_FWD_QUEUE, .index = pick(4)};
	case 2:
		return (struct flow_fwd){.kind = FLOW_FWD_UPCALL, .index = pick(4)};
	case 3:
		return (struct flow_fwd){.kind = FLOW_FWD_PORT, .port = pick(4)};
	default:
		break;
	}
	if (to >= TWIN_PIPES || !twin.pipe[to].live)
		return (struct flow_fwd){.kind = FLOW_FWD_PORT, .port = pick(4)};
	if (twin.pipe[to].cfg.kind == FLOW_PIPE_LIST)
		return (struct flow_fwd){.kind = FLOW_FWD_LIST, .pipe = twin.pipe[to].real, .index = pick(LEAVES)};
	return (struct flow_fwd){
		.kind = twin.pipe[to].cfg.kind == FLOW_PIPE_HASH ? FLOW_FWD_HASH : FLOW_FWD_PIPE, .pipe = twin.pipe[to].real};
}

static void shape_exact(struct flow_pipe_cfg *cfg)
{
	struct flow_match constants = {};

	match_some(&cfg->match, 3);
	cfg->entry_mask = cfg->match.mask;
	cfg->entry_mask.hot.shape = cfg->entry_mask.inner.shape = 0;
	if (pick(2))
		match_some(&constants, 1);
	for (unsigned i = 0; i < FLOW_KEY_SIZE; i++) {
		if (i >= offsetof(struct flow_key, hot.shape) && i < offsetof(struct flow_key, hot.shape) + 2)
			continue;
		cfg->match.mask.bytes[i] |= constants.mask.bytes[i];
		cfg->match.value.bytes[i] = (cfg->match.value.bytes[i] & ~constants.mask.bytes[i]) | constants.value.bytes[i];
		cfg->entry_mask.bytes[i] &= ~constants.mask.bytes[i];
	}
}

static enum flow_pipe_kind random_kind(unsigned i)
{
	static const enum flow_pipe_kind kinds[] = {FLOW_PIPE_EXACT, FLOW_PIPE_EXACT, FLOW_PIPE_WILD, FLOW_PIPE_LPM,
		FLOW_PIPE_ACL, FLOW_PIPE_HASH, FLOW_PIPE_LIST};

	return kinds[pick(i ? RTE_DIM(kinds) : 5)];
}

static void make_pipe(unsigned i)
{
	struct twin_pipe *p = &twin.pipe[i];
	struct flow_pipe_cfg *cfg = &p->cfg;

	memset(cfg, 0, sizeof(*cfg));
	cfg->name = "twin";
	cfg->kind = random_kind(i);
	cfg->root = !i;
	cfg->port = FLOW_PORT_NONE;
	cfg->nr_entries = cfg->kind >= FLOW_PIPE_LIST ? LEAVES : TWIN_ENTRIES;
	cfg->entry_counters = true;
	cfg->miss_counter = true;
	cfg->fwd = pick(2) ? random_fwd(i) : (struct flow_fwd){.kind = FLOW_FWD_NONE};
	cfg->miss = random_fwd(i);
	if (cfg->kind == FLOW_PIPE_EXACT)
		shape_exact(cfg);
	if (cfg->kind == FLOW_PIPE_LPM)
		cfg->lpm_field = flow_field_find(pick(3) ? "outer.ipv4.dst_ip" : "outer.ipv6.dst_ip");
	if (cfg->kind == FLOW_PIPE_HASH) {
		cfg->hash_flood = pick(2);
		cfg->hash_algorithm = pick(2) ? FLOW_HASH_CRC32 : FLOW_HASH_IDENTITY;
		match_some(&cfg->match, 3);
		memset(&cfg->match.value, 0, sizeof(cfg->match.value));
		if (cfg->hash_flood) /* floods multiply: only at the end of the chain */
			cfg->fwd = (struct flow_fwd){.kind = FLOW_FWD_PORT, .port = 3};
	}
	random_templates(i, cfg);
	if (flow_pipe_create(w.ctx, cfg, &p->real))
		fail_msg("seed %lu: %s", (unsigned long)seed, refusal());
	p->entry = calloc(TWIN_ENTRIES, sizeof(*p->entry));
	p->missed = 0;
	p->live = true;
}

static char nobody; /* stands for a destroyed pipe, whose memory may become another pipe */

static void forget_target(struct flow_fwd *fwd, const struct flow_pipe *gone)
{
	if (fwd->pipe == gone)
		fwd->pipe = (struct flow_pipe *)&nobody;
}

static void drop_pipe(unsigned i)
{
	const struct flow_pipe *gone = twin.pipe[i].real;

	for (unsigned n = 0; n < TWIN_PIPES; n++) {
		struct twin_pipe *p = &twin.pipe[n];

		if (!p->live)
			continue;
		forget_target(&p->cfg.fwd, gone);
		forget_target(&p->cfg.miss, gone);
		for (unsigned k = 0; k < TWIN_ENTRIES; k++)
			forget_target(&p->entry[k].spec.fwd, gone);
	}
	flow_pipe_destroy(twin.pipe[i].real);
	free(twin.pipe[i].entry);
	memset(&twin.pipe[i], 0, sizeof(twin.pipe[i]));
}

/* ---- entries ---- */

static void random_prefix(const struct flow_pipe_cfg *cfg, struct flow_entry_spec *spec)
{
	const struct flow_field *f = flow_field_get(cfg->lpm_field);
	const char *name = f->length == 4 ? "outer.ipv4.dst_ip" : "outer.ipv6.dst_ip";
	struct flow_match m = {};
	unsigned bits = pick(8 * f->length + 1);

	world_match(&m, name, some_value(f->length == 4 ? 1 : 2));
	for (unsigned i = 0; i < bits; i++)
		spec->match.mask.bytes[f->key_offset + i / 8] |= 0x80 >> i % 8;
	for (unsigned i = 0; i < f->length; i++)
		spec->match.value.bytes[f->key_offset + i] =
			m.value.bytes[f->key_offset + i] & spec->match.mask.bytes[f->key_offset + i];
}

static void random_condition(struct flow_condition *cond)
{
	*cond = (struct flow_condition){.op = 1 + pick(6), .field = flow_field_find(pick(2) ? "outer.ipv4.ttl" : "meta.data.0"),
		.bit_offset = pick(2), .width = 1 + pick(7), .value = pick(4)};
}

static void random_actions(struct twin_pipe *p, unsigned number, struct flow_entry_spec *spec, uint8_t *data)
{
	const struct flow_action_template *t;
	unsigned leaf_fwd = p->cfg.kind == FLOW_PIPE_HASH && p->cfg.hash_flood;

	spec->template_index = pick(p->cfg.nr_templates);
	spec->fwd = p->cfg.fwd.kind && pick(2) ? (struct flow_fwd){.kind = FLOW_FWD_NONE} : random_fwd(leaf_fwd ? TWIN_PIPES - 1 : number);
	t = &p->cfg.templates[spec->template_index];
	if (t->data_len)
		memcpy(data, t->data, t->data_len);
	/* holes: values of the same domain, from another template field of the same kind */
	for (unsigned i = 0; i < t->nr_ops; i++) {
		const struct flow_field *f = flow_field_get(t->ops[i].field);

		if (t->ops[i].code != FLOW_OP_SET || !t->hole[t->ops[i].data])
			continue;
		for (unsigned k = 0; k < RTE_DIM(fields); k++)
			if (!strcmp(fields[k].name, f->name)) {
				struct flow_match m = {};

				world_match(&m, f->name, some_value(k));
				memcpy(data + t->ops[i].data, m.value.bytes + f->key_offset, f->length);
			}
	}
	spec->data = data;
}

static struct twin_entry *free_entry(struct twin_pipe *p)
{
	for (unsigned i = 0; i < TWIN_ENTRIES; i++)
		if (!p->entry[i].live)
			return &p->entry[i];
	return NULL;
}

static bool twin_has(const struct twin_pipe *p, const struct flow_entry_spec *s)
{
	for (unsigned i = 0; i < TWIN_ENTRIES; i++) {
		const struct twin_entry *e = &p->entry[i];
		bool same = true;

		if (!e->live)
			continue;
		switch (p->cfg.kind) {
		case FLOW_PIPE_LIST:
		case FLOW_PIPE_HASH:
			same = e->spec.index == s->index;
			break;
		case FLOW_PIPE_EXACT:
			for (unsigned b = 0; b < FLOW_KEY_SIZE; b++)
				same &= !((e->spec.match.value.bytes[b] ^ s->match.value.bytes[b]) & p->cfg.entry_mask.bytes[b]);
			break;
		case FLOW_PIPE_ACL:
			/* rules with ranges may repeat; keep the test clear of that corner */
			same = e->spec.priority == s->priority && !memcmp(&e->spec.match, &s->match, sizeof(s->match));
			break;
		default:
			same = e->spec.priority == s->priority && !memcmp(&e->spec.match, &s->match, sizeof(s->match)) &&
			       e->spec.cond.op == FLOW_COND_NONE && s->cond.op == FLOW_COND_NONE;
		}
		if (same)
			return true;
	}
	return false;
}

static void add_entry(unsigned number)
{
	struct twin_pipe *p = &twin.pipe[number];
	struct flow_entry_spec spec = {};
	struct twin_entry *e = free_entry(p);
	bool twice;
	int err;

	if (!e)
		return;
	spec.index = pick(LEAVES);
	if (p->cfg.kind == FLOW_PIPE_WILD || p->cfg.kind == FLOW_PIPE_ACL)
		spec.priority = pick(4);
	if (p->cfg.kind == FLOW_PIPE_LPM)
		random_prefix(&p->cfg, &spec);
	else if (p->cfg.kind == FLOW_PIPE_EXACT)
		for (unsigned i = 0; i < RTE_DIM(fields); i++) {
			struct flow_match m = {};

			world_match(&m, fields[i].name, some_value(i));
			m.value.hot.shape = m.value.inner.shape = 0;
			for (unsigned b = 0; b < FLOW_KEY_SIZE; b++)
				if (m.value.bytes[b] && p->cfg.entry_mask.bytes[b])
					spec.match.value.bytes[b] = m.value.bytes[b];
		}
	else if (p->cfg.kind < FLOW_PIPE_LIST)
		match_some(&spec.match, 3);
	if (p->cfg.kind == FLOW_PIPE_WILD && !pick(3))
		random_condition(&spec.cond);
	if (p->cfg.kind == FLOW_PIPE_ACL && pick(2) && !spec.match.mask.hot.dport) {
		spec.range.value.hot.dport = rte_cpu_to_be_16(1 + pick(100));
		spec.range.mask.hot.dport = rte_cpu_to_be_16(rte_be_to_cpu_16(spec.range.value.hot.dport) + pick(1000));
	}
	random_actions(p, number, &spec, e->data);
	twice = twin_has(p, &spec);
	if (twice && p->cfg.kind == FLOW_PIPE_ACL)
		return;
	err = flow_entry_add(p->real, &spec, &e->real);
	if (twice) {
		assert_true(err == -EEXIST || (err == -ENOSPC && flow_pipe_entries(p->real) == p->cfg.nr_entries));
		return;
	}
	if (err)
		fail_msg("seed %lu: %s", (unsigned long)seed, refusal());
	e->spec = spec;
	e->live = true;
	e->packets = e->bytes = 0;
	e->order = ++twin.order;
}

static struct twin_entry *some_entry(struct twin_pipe *p)
{
	unsigned start = pick(TWIN_ENTRIES);

	for (unsigned i = 0; i < TWIN_ENTRIES; i++)
		if (p->entry[(start + i) % TWIN_ENTRIES].live)
			return &p->entry[(start + i) % TWIN_ENTRIES];
	return NULL;
}

static void check_entry(const struct twin_entry *e)
{
	struct flow_count count;

	flow_entry_query(e->real, &count);
	if (count.packets != e->packets || count.bytes != e->bytes)
		fail_msg("seed %lu: entry counted %lu/%lu, twin %lu/%lu", (unsigned long)seed, (unsigned long)count.packets,
			(unsigned long)count.bytes, (unsigned long)e->packets, (unsigned long)e->bytes);
}

static void update_entry(unsigned number)
{
	struct twin_pipe *p = &twin.pipe[number];
	struct twin_entry *e = some_entry(p);

	if (!e)
		return;
	random_actions(p, number, &e->spec, e->data);
	assert_int_equal(flow_entry_update(e->real, &e->spec), 0);
}

static void remove_entry(unsigned number)
{
	struct twin_entry *e = some_entry(&twin.pipe[number]);

	if (!e)
		return;
	check_entry(e);
	flow_entry_remove(e->real);
	e->live = false;
}

/* ---- packets ---- */

static struct rte_mbuf *random_packet(void)
{
	static const char *const ip4[] = {"10.0.0.1", "10.0.0.2", "10.0.1.1", "10.1.0.1"};
	static const char *const ip6[] = {"fd00::1", "fd00::2", "fd01::1", "fd00:0:1::1"};
	static const unsigned ports[] = {2000, 2001, 80, 81}, ttls[] = {1, 2, 3, 64};
	static const char *const l4[] = {"tcp", "udp"};
	char vlan[16] = "", tunnel[96] = "", l3[96], spec[512], transport[64];

	if (!pick(3))
		snprintf(vlan, sizeof(vlan), "vlan:%u ", 5 + pick(4));
	if (!pick(4))
		snprintf(tunnel, sizeof(tunnel), "eth ip4:%s>%s,ttl=%u udp:%u>4789%s vxlan:%u ", ip4[pick(4)], ip4[pick(4)], ttls[pick(4)],
			ports[pick(4)], pick(2) ? "" : ",nosum", 100 + pick(4));
	if (pick(3))
		snprintf(l3, sizeof(l3), "ip4:%s>%s,ttl=%u,tos=%u%s", ip4[pick(4)], ip4[pick(4)], ttls[pick(4)], 4 * pick(4),
			pick(9) ? "" : ",opt=4");
	else
		snprintf(l3, sizeof(l3), "ip6:%s>%s,hl=%u", ip6[pick(4)], ip6[pick(4)], ttls[pick(4)]);
	snprintf(transport, sizeof(transport), "%s:%u>%u", l4[pick(2)], ports[pick(4)], ports[pick(4)]);
	if (!pick(8))
		snprintf(transport, sizeof(transport), strstr(l3, "ip4") ? "icmp:8,0,id=7" : "icmp6:128,0,id=7");
	if (!pick(20))
		snprintf(spec, sizeof(spec), "eth %sarp:op=1,s=10.0.0.1,t=10.0.0.2", vlan);
	else
		snprintf(spec, sizeof(spec), "%seth:s=%u,d=%u %s%s %s data:%u", tunnel, 1 + pick(4), 2 + pick(4), vlan, l3, transport, pick(40));
	return test_packet(test_pool(), "%s", spec);
}

static int compare_out(const void *a, const void *b)
{
	const struct twin_out *x = a, *y = b;

	if (x->kind != y->kind)
		return x->kind - y->kind;
	if (x->port != y->port)
		return x->port - y->port;
	if (x->index != y->index)
		return x->index < y->index ? -1 : 1;
	if (x->reason != y->reason)
		return x->reason - y->reason;
	if (x->len != y->len)
		return x->len < y->len ? -1 : 1;
	return memcmp(x->bytes, y->bytes, x->len);
}

static void take_out(struct twin_out *out)
{
	for (unsigned i = 0; i < w.nr_out; i++) {
		struct flow_verdict v = w.out[i].verdict;

		memset(&out[i], 0, sizeof(out[i]));
		out[i].kind = v.kind;
		out[i].reason = v.kind == FLOW_VERDICT_DROP ? v.reason : 0;
		out[i].port = v.kind == FLOW_VERDICT_PORT ? v.port : 0;
		out[i].index = v.kind == FLOW_VERDICT_QUEUE || v.kind == FLOW_VERDICT_UPCALL ? v.index : 0;
		out[i].bytes = malloc(w.out[i].m->pkt_len);
		out[i].len = test_copy_out(w.out[i].m, out[i].bytes, w.out[i].m->pkt_len);
	}
	qsort(out, w.nr_out, sizeof(*out), compare_out);
}

static void show(const char *who, const struct twin_out *o, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		fprintf(stderr, "%s: verdict %u port %u index %u reason %s:", who, o[i].kind, o[i].port, o[i].index,
			drop_name((enum drop_reason)o[i].reason));
		for (size_t b = 0; b < o[i].len; b++)
			fprintf(stderr, "%s%02x", b % 2 ? "" : " ", o[i].bytes[b]);
		fprintf(stderr, "\n");
	}
}

static void explain(struct rte_mbuf *m)
{
	struct str text = STR_INIT;
	struct pkt_parse parse;
	struct flow_pkt_meta meta = {0};
	struct flow_key key = {};
	struct flow_pkt pkt = {.m = m, .parse = &parse, .key = &key, .meta = &meta};

	pkt_parse(m, &parse);
	flow_explain(w.ctx, &pkt, w.now_ns, &text);
	fprintf(stderr, "%s", str_text(&text));
	str_free(&text);
}

static void send_packet(void)
{
	static struct twin_out mine[WORLD_OUT];
	struct rte_mbuf *m = random_packet();
	struct rte_mbuf *again = rte_pktmbuf_copy(m, test_pool(), 0, UINT32_MAX), *keep = rte_pktmbuf_copy(m, test_pool(), 0, UINT32_MAX);
	uint16_t port = pick(3);
	bool differ;

	twin_send(&twin, port, m);
	qsort(twin.out, twin.nr_out, sizeof(twin.out[0]), compare_out);
	world_send(&w, port, again);
	take_out(mine);
	differ = w.nr_out != twin.nr_out;
	for (unsigned i = 0; i < w.nr_out && !differ; i++)
		differ = compare_out(&mine[i], &twin.out[i]);
	if (differ) {
		explain(keep);
		show("composed", mine, w.nr_out);
		show("twin    ", twin.out, twin.nr_out);
		fail_msg("seed %lu: composed programs and twin differ", (unsigned long)seed);
	}
	for (unsigned i = 0; i < w.nr_out; i++)
		free(mine[i].bytes);
	rte_pktmbuf_free(keep);
	world_clear(&w);
	twin_clear(&twin);
}

static void check_counters(void)
{
	for (unsigned i = 0; i < TWIN_PIPES; i++) {
		struct twin_pipe *p = &twin.pipe[i];
		struct flow_count count;

		if (!p->live)
			continue;
		for (unsigned k = 0; k < TWIN_ENTRIES; k++)
			if (p->entry[k].live)
				check_entry(&p->entry[k]);
		assert_int_equal(flow_pipe_query_miss(p->real, &count), 0);
		if (p->cfg.kind != FLOW_PIPE_LIST)
			assert_int_equal(count.packets, p->missed);
	}
}

static void step(void)
{
	unsigned what = pick(100), number = pick(TWIN_PIPES);
	struct twin_pipe *p = &twin.pipe[number];

	if (what < 65 || (calm && pick(8))) {
		send_packet();
	} else if (!p->live) {
		make_pipe(number);
	} else if (what < 85) {
		add_entry(number);
	} else if (what < 91) {
		update_entry(number);
	} else if (what < 97) {
		remove_entry(number);
	} else if (what < 99) {
		p->cfg.miss = random_fwd(number);
		assert_int_equal(flow_pipe_set_miss(p->real, &p->cfg.miss), 0);
	} else if (number) {
		drop_pipe(number);
	}
}

static void one_world(void)
{
	calm = pick(2);
	world_open(&w);
	memset(&twin, 0, sizeof(twin));
	for (int i = TWIN_PIPES - 1; i >= 0; i--)
		if (!i || pick(4))
			make_pipe(i);
	for (unsigned i = 0; i < STEPS; i++)
		step();
	check_counters();
	for (unsigned i = 0; i < TWIN_PIPES; i++)
		if (twin.pipe[i].live)
			drop_pipe(i);
	world_close(&w);
	assert_int_equal(test_pool_in_use(), 0);
}

static void worlds(void **state)
{
	const char *n = getenv("SOFTDPU_TWIN_WORLDS");
	unsigned hits = 0, walks = 0, rounds = 0, flats = 0;

	seed = rng_test_seed("flow-twin");
	for (unsigned i = 0; i < (n ? strtoul(n, NULL, 0) : 40); i++, seed++) {
		rng_init(&rng, seed);
		one_world();
		hits += w.hits;
		flats += w.flats;
		walks += w.walks;
		rounds += w.rounds;
	}
	fprintf(stderr, "# %u look-ups, %u from the cache (%u flat), %u walks\n", rounds, hits, flats, walks);
	assert_true(hits > walks / 4);
	assert_true(flats > hits / 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(worlds)};

	test_eal_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
