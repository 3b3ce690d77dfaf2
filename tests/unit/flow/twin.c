/* SPDX-License-Identifier: BSD-3-Clause */
#include "twin.h"

#include <stdlib.h>
#include <string.h>

#include "packet/edit.h"
#include "packet/fixture.h"

struct carrier {
	struct rte_mbuf *m;
	struct flow_pkt_meta meta;
	struct pkt_parse parse;
	struct flow_key key;
};

/* ---- checksums from scratch ---- */

static void put16(uint8_t *at, uint16_t v)
{
	at[0] = v >> 8;
	at[1] = v;
}

static uint16_t l4_sum(const uint8_t *ip, bool ip6, uint8_t proto, const uint8_t *l4, size_t len)
{
	uint8_t pseudo[40] = {0};
	size_t n;

	if (ip6) {
		memcpy(pseudo, ip + 8, 32);
		put16(pseudo + 34, len);
		pseudo[39] = proto;
		n = 40;
	} else {
		memcpy(pseudo, ip + 12, 8);
		pseudo[9] = proto;
		put16(pseudo + 10, len);
		n = 12;
	}
	return (uint16_t)~test_sum(l4, len, test_sum(pseudo, n, 0));
}

static void fix_level(struct rte_mbuf *m, const struct pkt_headers *h)
{
	uint8_t *b = rte_pktmbuf_mtod(m, uint8_t *), *ip = b + h->l3, *l4 = b + h->l4;
	bool ip6 = h->l3_type == PKT_L3_IP6;
	size_t len = h->l3_end - h->l4;

	if (h->l3_type == PKT_L3_IP4) {
		put16(ip + 10, 0);
		put16(ip + 10, (uint16_t)~test_sum(ip, 4 * (ip[0] & 15), 0));
	}
	if (h->l4_type == PKT_L4_TCP) {
		put16(l4 + 16, 0);
		put16(l4 + 16, l4_sum(ip, ip6, 6, l4, len));
	} else if (h->l4_type == PKT_L4_UDP && (l4[6] || l4[7])) {
		uint16_t sum;

		put16(l4 + 6, 0);
		sum = l4_sum(ip, ip6, 17, l4, len);
		put16(l4 + 6, sum ? sum : 0xffff);
	} else if (h->l4_type == PKT_L4_ICMP) {
		put16(l4 + 2, 0);
		put16(l4 + 2, (uint16_t)~test_sum(l4, len, 0));
	} else if (h->l4_type == PKT_L4_ICMP6) {
		put16(l4 + 2, 0);
		put16(l4 + 2, l4_sum(ip, true, 58, l4, len));
	}
}

static void fix_sums(struct carrier *c)
{
	if (c->parse.inner.l3_type != PKT_L3_NONE)
		fix_level(c->m, &c->parse.inner);
	fix_level(c->m, &c->parse.outer);
}

/* ---- fields where they lie ---- */

static uint8_t *find_in(uint8_t *b, const struct pkt_headers *h, unsigned header)
{
	bool l4 = h->l4_type == PKT_L4_TCP || h->l4_type == PKT_L4_UDP;

	switch (header) {
	case FLOW_HDR_ETH:
		return h->l2_type != PKT_L2_NONE ? b + h->l2 : NULL;
	case FLOW_HDR_VLAN0:
		return h->l2_type == PKT_L2_VLAN || h->l2_type == PKT_L2_QINQ ? b + h->l2 + 12 : NULL;
	case FLOW_HDR_IP4:
		return h->l3_type == PKT_L3_IP4 ? b + h->l3 : NULL;
	case FLOW_HDR_IP6:
		return h->l3_type == PKT_L3_IP6 ? b + h->l3 : NULL;
	case FLOW_HDR_TCP:
		return h->l4_type == PKT_L4_TCP ? b + h->l4 : NULL;
	case FLOW_HDR_UDP:
		return h->l4_type == PKT_L4_UDP ? b + h->l4 : NULL;
	case FLOW_HDR_L4:
		return l4 ? b + h->l4 : NULL;
	default:
		return NULL;
	}
}

static uint8_t *find_field(struct carrier *c, const struct flow_field *f)
{
	uint8_t *b = rte_pktmbuf_mtod(c->m, uint8_t *), *at = NULL;

	if (!strcmp(f->name, "meta.pkt_meta"))
		return (uint8_t *)&c->meta.pkt_meta;
	if (!strcmp(f->name, "meta.mark"))
		return (uint8_t *)&c->meta.mark;
	if (!strncmp(f->name, "meta.data.", 10))
		return (uint8_t *)&c->meta.scratch[atoi(f->name + 10)];
	if (!strncmp(f->name, "tunnel.", 7))
		at = c->parse.tun_type == f->shape >> FLOW_SHAPE_TUN_SHIFT ? b + c->parse.tun : NULL;
	else if (!strncmp(f->name, "inner.ipv4", 10))
		at = find_in(b, &c->parse.inner, FLOW_HDR_IP4);
	else
		at = find_in(b, &c->parse.outer, f->header);
	return at ? at + f->header_offset : NULL;
}

static unsigned set_field(struct carrier *c, const struct flow_op *op, const uint8_t *data)
{
	const struct flow_field *f = flow_field_get(op->field);
	uint8_t *at = find_field(c, f);

	if (!at)
		return DROP_EDIT_NO_HEADER;
	for (unsigned i = 0; i < f->length; i++) {
		uint8_t mask = data[op->data + f->length + i];

		at[i] = (at[i] & ~mask) | (data[op->data + i] & mask);
	}
	fix_sums(c);
	return 0;
}

static bool get_bit(const struct flow_field *f, const uint8_t *bytes, unsigned bit)
{
	bit += f->bit_shift;
	return bytes[f->length - 1 - bit / 8] >> (bit % 8) & 1;
}

static void set_bit(const struct flow_field *f, uint8_t *bytes, unsigned bit, bool on)
{
	bit += f->bit_shift;
	bytes[f->length - 1 - bit / 8] &= ~(1u << bit % 8);
	bytes[f->length - 1 - bit / 8] |= (unsigned)on << bit % 8;
}

static unsigned copy_field(struct carrier *c, const struct flow_op *op)
{
	const struct flow_field *to = flow_field_get(op->field), *from = flow_field_get(op->src_field);
	uint8_t *src = find_field(c, from), *dst = find_field(c, to), saved[32];

	if (!src || !dst)
		return DROP_EDIT_NO_HEADER;
	memcpy(saved, src, from->length);
	for (unsigned i = 0; i < op->width; i++)
		set_bit(to, dst, op->bit_offset + i, get_bit(from, saved, op->index + i));
	fix_sums(c);
	return 0;
}

static unsigned add_field(struct carrier *c, const struct flow_op *op, const uint8_t *data)
{
	const struct flow_field *f = flow_field_get(op->field);
	uint8_t *at = find_field(c, f);
	unsigned carry = 0;
	uint64_t by;

	memcpy(&by, data + op->data, 8);
	if (!at)
		return DROP_EDIT_NO_HEADER;
	for (unsigned i = 0; i < op->width; i++) {
		unsigned sum = get_bit(f, at, op->bit_offset + i) + (by >> i & 1) + carry;

		set_bit(f, at, op->bit_offset + i, sum & 1);
		carry = sum >> 1;
	}
	fix_sums(c);
	return 0;
}

static unsigned ttl_dec(struct carrier *c)
{
	uint8_t *b = rte_pktmbuf_mtod(c->m, uint8_t *), *at;

	if (c->parse.outer.l3_type == PKT_L3_IP4)
		at = b + c->parse.outer.l3 + 8;
	else if (c->parse.outer.l3_type == PKT_L3_IP6)
		at = b + c->parse.outer.l3 + 7;
	else
		return DROP_EDIT_NO_HEADER;
	if (*at <= 1)
		return DROP_TTL_EXPIRED;
	--*at;
	fix_sums(c);
	return 0;
}

static unsigned push_vlan(struct carrier *c, const uint8_t *tag)
{
	uint8_t *b;

	if (c->parse.outer.l2_type == PKT_L2_QINQ)
		return DROP_EDIT_NO_ROOM;
	b = (uint8_t *)rte_pktmbuf_prepend(c->m, 4);
	if (!b)
		return DROP_EDIT_NO_ROOM;
	memmove(b, b + 4, 12);
	memcpy(b + 12, tag, 4);
	return 0;
}

static unsigned pop_vlan(struct carrier *c)
{
	uint8_t *b = rte_pktmbuf_mtod(c->m, uint8_t *);

	if (c->parse.outer.l2_type != PKT_L2_VLAN && c->parse.outer.l2_type != PKT_L2_QINQ)
		return DROP_EDIT_NO_HEADER;
	memmove(b + 4, b, 12);
	rte_pktmbuf_adj(c->m, 4);
	return 0;
}

static unsigned decap(struct carrier *c)
{
	if (c->parse.tun_type == PKT_TUN_NONE)
		return DROP_EDIT_NO_HEADER;
	rte_pktmbuf_adj(c->m, c->parse.tun_end);
	return 0;
}

/* Ethernet 14, IPv4 20, UDP 8, VXLAN 8, as test_twin.c builds them. */
static unsigned encap(struct carrier *c, const uint8_t *header, unsigned len)
{
	uint8_t *b = (uint8_t *)rte_pktmbuf_prepend(c->m, len);

	if (!b)
		return DROP_EDIT_NO_ROOM;
	memcpy(b, header, len);
	put16(b + 14 + 2, c->m->pkt_len - 14);
	put16(b + 34 + 4, c->m->pkt_len - 34);
	put16(b + 34 + 6, 0);
	put16(b + 14 + 10, 0);
	put16(b + 14 + 10, (uint16_t)~test_sum(b + 14, 20, 0));
	return 0;
}

static void look(struct carrier *c)
{
	pkt_parse(c->m, &c->parse);
	flow_key_build(&c->m, &c->parse, &c->meta, &c->key, 1, 0x7f);
}

static unsigned act(struct carrier *c, const struct flow_op *op, const uint8_t *data)
{
	switch (op->code) {
	case FLOW_OP_SET:
		return set_field(c, op, data);
	case FLOW_OP_ADD:
		return add_field(c, op, data);
	case FLOW_OP_COPY:
		return copy_field(c, op);
	case FLOW_OP_TTL_DEC:
		return ttl_dec(c);
	case FLOW_OP_PUSH_VLAN:
		return push_vlan(c, data + op->data);
	case FLOW_OP_POP_VLAN:
		return pop_vlan(c);
	case FLOW_OP_DECAP:
		return decap(c);
	case FLOW_OP_ENCAP:
		return encap(c, data + op->data, op->index);
	default:
		abort();
	}
}

/* ---- tables ---- */

static bool agrees(const struct flow_key *key, const struct flow_key *value, const struct flow_key *mask)
{
	for (unsigned i = 0; i < FLOW_KEY_SIZE; i++)
		if ((key->bytes[i] ^ value->bytes[i]) & mask->bytes[i])
			return false;
	return true;
}

static unsigned ones(const uint8_t *bytes, unsigned n)
{
	unsigned bits = 0;

	for (unsigned i = 0; i < n; i++)
		bits += __builtin_popcount(bytes[i]);
	return bits;
}

static bool in_range(const struct flow_key *key, const struct flow_match *range)
{
	unsigned v = rte_be_to_cpu_16(key->hot.dport), low = rte_be_to_cpu_16(range->value.hot.dport),
		 high = rte_be_to_cpu_16(range->mask.hot.dport);

	return (!low && !high) || (v >= low && v <= high);
}

static bool compares(const struct flow_condition *cond, const struct flow_key *key)
{
	const struct flow_field *f;
	uint64_t a = 0;

	if (cond->op == FLOW_COND_NONE)
		return true;
	f = flow_field_get(cond->field);
	if ((key->hot.shape & f->shape_mask) != f->shape)
		return false;
	for (unsigned i = 0; i < cond->width; i++)
		a |= (uint64_t)get_bit(f, key->bytes + f->key_offset, cond->bit_offset + i) << i;
	switch (cond->op) {
	case FLOW_COND_EQ:
		return a == cond->value;
	case FLOW_COND_NE:
		return a != cond->value;
	case FLOW_COND_LT:
		return a < cond->value;
	case FLOW_COND_LE:
		return a <= cond->value;
	case FLOW_COND_GT:
		return a > cond->value;
	default:
		return a >= cond->value;
	}
}

static bool entry_matches(const struct twin_pipe *p, const struct twin_entry *e, const struct flow_key *key)
{
	const struct flow_field *lpm = flow_field_get(p->cfg.lpm_field);

	if (!agrees(key, &p->cfg.match.value, &p->cfg.match.mask) && p->cfg.kind != FLOW_PIPE_EXACT)
		return false;
	switch (p->cfg.kind) {
	case FLOW_PIPE_EXACT:
		for (unsigned i = 0; i < FLOW_KEY_SIZE; i++) {
			uint8_t em = p->cfg.entry_mask.bytes[i], cm = p->cfg.match.mask.bytes[i] & ~em;

			if ((key->bytes[i] ^ e->spec.match.value.bytes[i]) & em || (key->bytes[i] ^ p->cfg.match.value.bytes[i]) & cm)
				return false;
		}
		return true;
	case FLOW_PIPE_LPM:
		return (key->hot.shape & lpm->shape_mask) == lpm->shape && agrees(key, &e->spec.match.value, &e->spec.match.mask);
	case FLOW_PIPE_ACL:
		return agrees(key, &e->spec.match.value, &e->spec.match.mask) && in_range(key, &e->spec.range);
	default:
		return agrees(key, &e->spec.match.value, &e->spec.match.mask) && compares(&e->spec.cond, key);
	}
}

/* Does a beat b? */
static bool beats(const struct twin_pipe *p, const struct twin_entry *a, const struct twin_entry *b)
{
	const struct flow_field *f = flow_field_get(p->cfg.lpm_field);

	if (p->cfg.kind == FLOW_PIPE_LPM)
		return ones(a->spec.match.mask.bytes + f->key_offset, f->length) >
		       ones(b->spec.match.mask.bytes + f->key_offset, f->length);
	if (a->spec.priority != b->spec.priority)
		return a->spec.priority < b->spec.priority;
	return a->order < b->order;
}

static struct twin_entry *by_index(struct twin_pipe *p, uint32_t index)
{
	for (unsigned i = 0; i < TWIN_ENTRIES; i++)
		if (p->entry[i].live && p->entry[i].spec.index == index)
			return &p->entry[i];
	return NULL;
}

static struct twin_entry *find(struct twin_pipe *p, const struct flow_key *key)
{
	struct twin_entry *best = NULL;

	if (p->cfg.kind == FLOW_PIPE_HASH)
		return by_index(p, flow_pipe_hash(p->real, key));
	if (p->cfg.kind == FLOW_PIPE_LIST)
		return NULL;
	for (unsigned i = 0; i < TWIN_ENTRIES; i++) {
		struct twin_entry *e = &p->entry[i];

		if (e->live && entry_matches(p, e, key) && (!best || beats(p, e, best)))
			best = e;
	}
	return best;
}

/* ---- the walk ---- */

static void put(struct twin *t, struct carrier *c, struct twin_out out)
{
	if (t->nr_out == TWIN_OUT)
		abort();
	out.len = c->m->pkt_len;
	out.bytes = malloc(out.len);
	memcpy(out.bytes, rte_pktmbuf_mtod(c->m, uint8_t *), out.len);
	t->out[t->nr_out++] = out;
	rte_pktmbuf_free(c->m);
	free(c);
}

static void walk(struct twin *t, struct carrier *c, struct twin_pipe *p, unsigned depth);

static struct twin_pipe *pipe_of(struct twin *t, const struct flow_pipe *real)
{
	for (unsigned i = 0; i < TWIN_PIPES; i++)
		if (t->pipe[i].live && t->pipe[i].real == real)
			return &t->pipe[i];
	return NULL;
}

static void hit(struct twin *t, struct carrier *c, struct twin_pipe *p, struct twin_entry *e, unsigned depth);

static void follow(struct twin *t, struct carrier *c, const struct flow_fwd *fwd, unsigned depth)
{
	struct twin_pipe *next;
	struct twin_entry *e;

	switch (fwd->kind) {
	case FLOW_FWD_PORT:
		put(t, c, (struct twin_out){.kind = FLOW_VERDICT_PORT, .port = fwd->port});
		return;
	case FLOW_FWD_QUEUE:
		put(t, c, (struct twin_out){.kind = FLOW_VERDICT_QUEUE, .index = fwd->index});
		return;
	case FLOW_FWD_UPCALL:
		put(t, c, (struct twin_out){.kind = FLOW_VERDICT_UPCALL, .index = fwd->index});
		return;
	case FLOW_FWD_DROP:
		put(t, c, (struct twin_out){.kind = FLOW_VERDICT_DROP, .reason = fwd->reason ? fwd->reason : DROP_PIPE_DROP});
		return;
	case FLOW_FWD_NONE:
		put(t, c, (struct twin_out){.kind = FLOW_VERDICT_DROP, .reason = DROP_PIPE_MISS});
		return;
	default:
		break;
	}
	next = pipe_of(t, fwd->pipe);
	if (!next) {
		put(t, c, (struct twin_out){.kind = FLOW_VERDICT_DROP, .reason = DROP_PIPE_GONE});
		return;
	}
	if (fwd->kind != FLOW_FWD_LIST) {
		walk(t, c, next, depth + 1);
		return;
	}
	e = by_index(next, fwd->index);
	if (e)
		hit(t, c, next, e, depth + 1);
	else
		follow(t, c, &next->cfg.miss, depth + 1);
}

static void hit(struct twin *t, struct carrier *c, struct twin_pipe *p, struct twin_entry *e, unsigned depth)
{
	const struct flow_action_template *a = p->cfg.nr_templates ? &p->cfg.templates[e->spec.template_index] : NULL;
	uint8_t data[512];

	e->packets++;
	e->bytes += c->m->pkt_len;
	for (unsigned i = 0; a && i < a->data_len; i++)
		data[i] = (a->data[i] & ~a->hole[i]) | (e->data[i] & a->hole[i]);
	look(c);
	for (unsigned i = 0; a && i < a->nr_ops; i++) {
		unsigned reason = act(c, &a->ops[i], data);

		if (reason) {
			put(t, c, (struct twin_out){.kind = FLOW_VERDICT_DROP, .reason = reason});
			return;
		}
		if (a->ops[i].code >= FLOW_OP_PUSH_VLAN) /* headers moved: the rest of the entry sees new ones */
			look(c);
	}
	follow(t, c, e->spec.fwd.kind ? &e->spec.fwd : &p->cfg.fwd, depth);
}

static struct carrier *duplicate(const struct carrier *c)
{
	struct carrier *copy = malloc(sizeof(*copy));

	*copy = *c;
	copy->m = rte_pktmbuf_copy(c->m, c->m->pool, 0, UINT32_MAX);
	return copy;
}

static void walk(struct twin *t, struct carrier *c, struct twin_pipe *p, unsigned depth)
{
	struct twin_entry *e, *last = NULL;

	look(c);
	if (p->cfg.kind == FLOW_PIPE_HASH && p->cfg.hash_flood) {
		for (unsigned i = 0; i < p->cfg.nr_entries; i++) {
			e = by_index(p, i);
			if (e && last)
				hit(t, duplicate(c), p, last, depth);
			last = e ? e : last;
		}
		e = last;
	} else {
		e = find(p, &c->key);
	}
	if (e) {
		hit(t, c, p, e, depth);
	} else {
		p->missed++;
		follow(t, c, &p->cfg.miss, depth);
	}
}

void twin_send(struct twin *t, uint16_t port, struct rte_mbuf *m)
{
	struct carrier *c = calloc(1, sizeof(*c));

	c->m = m;
	c->meta.port = port;
	if (pkt_parse(m, &c->parse) < 0)
		put(t, c, (struct twin_out){.kind = FLOW_VERDICT_DROP, .reason = c->parse.drop});
	else
		walk(t, c, &t->pipe[t->root], 0);
}

void twin_clear(struct twin *t)
{
	for (unsigned i = 0; i < t->nr_out; i++)
		free(t->out[i].bytes);
	t->nr_out = 0;
}
