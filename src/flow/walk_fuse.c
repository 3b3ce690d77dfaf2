/* SPDX-License-Identifier: BSD-3-Clause */
/* walk_fuse: the rewrite of addresses and ports that most programs are, with its checksum deltas. */
#include <string.h>

#include "flow/walk_int.h"
#include "packet/edit.h"

static unsigned rewrite_flag(const struct flow_field *f)
{
	switch (f->key_offset) {
	case offsetof(struct flow_key, hot.src):
		return FLOW_RW_SRC_IP;
	case offsetof(struct flow_key, hot.dst):
		return FLOW_RW_DST_IP;
	case offsetof(struct flow_key, hot.sport):
		return FLOW_RW_SRC_PORT;
	case offsetof(struct flow_key, hot.dport):
		return FLOW_RW_DST_PORT;
	default:
		return 0;
	}
}

static bool all_ones(const uint8_t *bytes, unsigned n)
{
	while (n && *bytes == 0xff) {
		bytes++;
		n--;
	}
	return !n;
}

/* May this SET be part of the fused rewrite: a whole address or port whose old value the key pins? */
static unsigned fusible_set(const struct walk *w, const struct flow_op *op)
{
	const struct flow_field *f = flow_field_get(op->field);
	unsigned flag = f->header == FLOW_HDR_NONE ? 0 : rewrite_flag(f);
	uint16_t shape = w->orig.hot.shape;

	if (!flag || (shape & f->shape_mask) != f->shape)
		return 0;
	if (!all_ones(w->data + op->data + f->length, f->length) || !all_ones(w->mask.bytes + f->key_offset, f->length))
		return 0;
	return flag;
}

static void fuse_value(struct walk *w, const struct flow_op *op, unsigned flag)
{
	const uint8_t *value = w->data + op->data;
	unsigned length = flow_field_get(op->field)->length;

	w->rewrite.flags |= flag;
	if (flag == FLOW_RW_SRC_IP)
		memcpy(w->rewrite.src, value, length);
	else if (flag == FLOW_RW_DST_IP)
		memcpy(w->rewrite.dst, value, length);
	else if (flag == FLOW_RW_SRC_PORT)
		memcpy(&w->rewrite.sport, value, 2);
	else
		memcpy(&w->rewrite.dport, value, 2);
}

/* Plain TCP or UDP over IP, no fragment, no tunnel: what a precomputed delta is right for. */
static bool shape_fuses(const struct flow_key *key)
{
	unsigned l3 = (key->hot.shape & FLOW_SHAPE_L3) >> FLOW_SHAPE_L3_SHIFT, l4 = walk_l4(key);

	return (l3 == PKT_L3_IP4 || l3 == PKT_L3_IP6) && (l4 == PKT_L4_TCP || l4 == PKT_L4_UDP) &&
	       !(key->hot.shape & (FLOW_SHAPE_FRAG | FLOW_SHAPE_LATER | FLOW_SHAPE_TUN));
}

static bool only_accounts(unsigned code)
{
	return code == FLOW_OP_COUNT || code == FLOW_OP_TOUCH || code == FLOW_OP_METER;
}

static void fuse_deltas(struct walk *w)
{
	struct pkt_nat nat = {.set = w->rewrite.flags & 15, .ip6 = !!(w->rewrite.flags & FLOW_RW_IP6),
		.sport = w->rewrite.sport, .dport = w->rewrite.dport};

	memcpy(nat.src, w->rewrite.src, 16);
	memcpy(nat.dst, w->rewrite.dst, 16);
	pkt_nat_prepare(&nat, w->orig.hot.src, w->orig.hot.dst, w->orig.hot.sport, w->orig.hot.dport);
	w->rewrite.l3_delta = nat.ip_delta;
	w->rewrite.l4_addr_delta = nat.addr_delta;
	w->rewrite.l4_delta = nat.l4_delta;
}

void walk_fuse(struct walk *w)
{
	struct flow_op *ops = w->prog.ops, terminal = ops[w->nr_ops - 1];
	unsigned kept = 0, sets = 0;

	w->fused = false;
	if (!shape_fuses(&w->orig) || w->moved)
		return;
	for (unsigned i = 0; i + 1 < w->nr_ops; i++) {
		if (ops[i].code == FLOW_OP_SET && fusible_set(w, &ops[i]))
			sets++;
		else if (!only_accounts(ops[i].code))
			return;
	}
	if (!sets)
		return;
	w->rewrite = (struct flow_rewrite){.hop = FLOW_HOP_NONE};
	if ((w->orig.hot.shape & FLOW_SHAPE_L3) >> FLOW_SHAPE_L3_SHIFT == PKT_L3_IP6)
		w->rewrite.flags = FLOW_RW_IP6;
	for (unsigned i = 0; i + 1 < w->nr_ops; i++) {
		if (ops[i].code == FLOW_OP_SET)
			fuse_value(w, &ops[i], fusible_set(w, &ops[i]));
		else
			ops[kept++] = ops[i];
	}
	fuse_deltas(w);
	ops[kept++] = (struct flow_op){.code = FLOW_OP_REWRITE};
	if (terminal.code == FLOW_OP_HOP)
		w->rewrite.hop = terminal.field;
	else
		ops[kept++] = terminal;
	w->nr_ops = kept;
	w->fused = true;
	w->data_len = 0;
}
