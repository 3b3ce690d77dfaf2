/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * action: an action template becomes ops with data, and a list of fillers that say which data an entry supplies. The
 * order is decap, pop, descriptors (they read what arrived), metadata, headers, tunnel, push, encap.
 */
#include <stdlib.h>
#include <string.h>

#include "doca/flow/flow_door.h"
#include "flow/field.h"

static doca_error_t too_many(const char *pipe)
{
	return dcore_fail(DOCA_ERROR_TOO_BIG, "pipe '%s': more than %u actions or %u bytes of them in one template", pipe,
		DOOR_OPS_MAX, DOOR_DATA_MAX);
}

static bool room(const struct door_template *t, unsigned data)
{
	return t->nr_ops < DOOR_OPS_MAX && t->nr_fillers < DOOR_FILLERS_MAX && t->data_len + data <= DOOR_DATA_MAX;
}

static uint8_t *add_op(struct door_template *t, struct flow_op op, unsigned data)
{
	uint8_t *at = t->data + t->data_len;

	op.data = t->data_len;
	memset(at, 0, data);
	t->op[t->nr_ops++] = op;
	t->data_len += data;
	return at;
}

static void add_filler(struct door_template *t, struct door_filler f)
{
	t->filler[t->nr_fillers++] = f;
	if (f.hole)
		memset(t->hole + f.data, 0xff, f.length);
}

/* A member's bytes as the field's. Same as in match.c, without the parser's enums. */
static void member_value(const struct door_field *f, const struct flow_field *ir, const uint8_t *from, uint8_t *out)
{
	unsigned n = MIN_OF((unsigned)f->size, (unsigned)ir->length);

	memset(out, 0, ir->length);
	if (f->conv == CONV_UP8)
		memcpy(out + 1, from, 3);
	else if (ir->bit_width && ir->length < 4)
		flow_field_bits_set(ir, out, 0, ir->bit_width, from[0]);
	else
		memcpy(out + (ir->length - n), from + (f->size - n), n);
}

static void whole_mask(const struct flow_field *ir, uint8_t *mask)
{
	memset(mask, 0, ir->length);
	if (ir->bit_width)
		flow_field_bits_set(ir, mask, 0, ir->bit_width, UINT64_MAX);
	else
		memset(mask, 0xff, ir->length);
}

static uint64_t member_number(const struct door_field *f, const struct flow_field *ir, const uint8_t *from)
{
	uint8_t bytes[32];

	member_value(f, ir, from, bytes);
	return flow_field_bits_get(ir, bytes, 0, MIN_OF(flow_field_bits(ir), 64u));
}

/* ---- descriptors ---- */

static const struct doca_flow_action_desc *desc_of(const struct door_action *a, unsigned ir)
{
	unsigned bit;

	for (unsigned i = 0; i < a->nr_descs; i++)
		if (a->desc[i].type != DOCA_FLOW_ACTION_AUTO && a->desc[i].field_op.dst.field_string &&
			door_find_field(a->desc[i].field_op.dst.field_string, a->desc[i].field_op.dst.bit_offset, &bit) == (int)ir)
			return &a->desc[i];
	return NULL;
}

/* The member of the actions structure that is this field, if it is meant. */
static const struct door_field *member_of(const struct door_action *a, unsigned ir)
{
	for (unsigned i = 0; i < door_nr_fields; i++) {
		const struct door_field *f = &door_fields[i];

		if (f->index[0] == ir && door_actions_part[f->part] != 0xffff && f->part != DOOR_INNER &&
			door_selected(f, &a->actions.outer, &a->actions.tun))
			return f;
	}
	/* the descriptor names the header; programs leave the selector out beside a value (upf_accel) */
	for (unsigned i = 0; i < door_nr_fields; i++) {
		const struct door_field *f = &door_fields[i];

		if (f->index[0] == ir && door_actions_part[f->part] != 0xffff && f->part != DOOR_INNER &&
			!door_all_zero((const uint8_t *)&a->actions + door_actions_part[f->part] + f->offset, f->size))
			return f;
	}
	return NULL;
}

static uint8_t width_of(const struct doca_flow_action_desc *d, unsigned ir)
{
	return d->field_op.width ? d->field_op.width : MIN_OF(flow_field_bits(flow_field_get(ir)), 64u);
}

static doca_error_t lower_add(const char *pipe, const struct door_action *a, const struct doca_flow_action_desc *d, int dst,
	unsigned bit, struct door_template *t)
{
	const struct door_field *f = member_of(a, dst);
	const uint8_t *at;
	uint64_t by;

	if (!f)
		return dcore_fail(DOCA_ERROR_INVALID_VALUE, "pipe '%s': an addition to '%s' finds no value in the actions", pipe,
			d->field_op.dst.field_string);
	at = (const uint8_t *)&a->actions + door_actions_part[f->part] + f->offset;
	by = member_number(f, flow_field_get(dst), at);
	add_filler(t, (struct door_filler){.what = FILL_ADD, .field = f - door_fields, .ir = dst, .data = t->data_len, .length = 8,
			      .hole = door_all_ones(at, f->size)});
	memcpy(add_op(t, (struct flow_op){.code = FLOW_OP_ADD, .field = dst, .bit_offset = bit, .width = width_of(d, dst)}, 8), &by, 8);
	return DOCA_SUCCESS;
}

static doca_error_t lower_desc(const char *pipe, const struct door_action *a, const struct doca_flow_action_desc *d,
	struct door_template *t)
{
	unsigned to, from = 0;
	int dst, src = 0;
	struct flow_op op;

	if (d->type == DOCA_FLOW_ACTION_AUTO)
		return DOCA_SUCCESS;
	if (!d->field_op.dst.field_string)
		return dcore_fail(DOCA_ERROR_INVALID_VALUE, "pipe '%s': an action descriptor names no destination", pipe);
	if (!room(t, 8))
		return too_many(pipe);
	dst = door_find_field(d->field_op.dst.field_string, d->field_op.dst.bit_offset, &to);
	if (d->field_op.src.field_string)
		src = door_find_field(d->field_op.src.field_string, d->field_op.src.bit_offset, &from);
	if (dst < 0 || src < 0)
		return dcore_from_errno(-EINVAL, pipe);
	if (!src)
		return d->type == DOCA_FLOW_ACTION_ADD
			       ? lower_add(pipe, a, d, dst, to, t)
			       : dcore_fail(DOCA_ERROR_INVALID_VALUE, "pipe '%s': a copy to '%s' names no source", pipe,
					 d->field_op.dst.field_string);
	op = (struct flow_op){.code = d->type == DOCA_FLOW_ACTION_ADD ? FLOW_OP_ADD : FLOW_OP_COPY, .field = dst, .src_field = src,
		.bit_offset = to, .index = from, .width = width_of(d, dst)};
	add_op(t, op, 0);
	return DOCA_SUCCESS;
}

/* ---- members ---- */

static doca_error_t lower_member(const char *pipe, const struct door_action *a, const struct door_field *f, unsigned ir_index,
	const uint8_t *value, const uint8_t *mask, struct door_filler filler, struct door_template *t)
{
	const struct flow_field *ir = flow_field_get(ir_index);
	uint8_t *at;
	bool open;

	if (door_all_zero(mask ? mask : value, f->size) || desc_of(a, ir_index))
		return DOCA_SUCCESS;
	if (!ir->writable)
		return dcore_fail(DOCA_ERROR_NOT_SUPPORTED, "pipe '%s': field '%s' cannot be written", pipe, ir->name);
	if (!room(t, 2u * ir->length))
		return too_many(pipe);
	open = door_all_ones(value, f->size);
	filler.ir = ir_index;
	filler.data = t->data_len;
	filler.length = ir->length;
	filler.hole = open;
	add_filler(t, filler);
	at = add_op(t, (struct flow_op){.code = FLOW_OP_SET, .field = ir_index}, 2u * ir->length);
	member_value(f, ir, value, at);
	if (mask)
		member_value(f, ir, mask, at + ir->length);
	else
		whole_mask(ir, at + ir->length);
	return DOCA_SUCCESS;
}

/* The Ethernet header that an L3 decap puts on may be spelled as the headers' new values: its type is part of the decap then. */
static bool decap_has_type(const struct doca_flow_actions *a)
{
	return a->decap_type == DOCA_FLOW_RESOURCE_TYPE_NON_SHARED && !a->decap_cfg.is_l2 && !a->decap_cfg.eth.type;
}

static doca_error_t lower_part(const char *pipe, const struct door_action *a, enum door_part part, struct door_template *t)
{
	for (unsigned i = 0; i < door_nr_fields; i++) {
		const struct door_field *f = &door_fields[i];
		unsigned at = door_actions_part[part] + f->offset;
		doca_error_t err;

		if (f->part != part || !f->index[0] || !door_selected(f, &a->actions.outer, &a->actions.tun))
			continue;
		if (part == DOOR_OUTER && f->offset == offsetof(struct doca_flow_header_format, eth.type) && decap_has_type(&a->actions))
			continue;
		err = lower_member(pipe, a, f, f->index[0], (const uint8_t *)&a->actions + at,
			a->has_mask ? (const uint8_t *)&a->mask + at : NULL, (struct door_filler){.what = FILL_FIELD, .field = i}, t);
		if (err != DOCA_SUCCESS)
			return err;
	}
	return DOCA_SUCCESS;
}

static doca_error_t lower_options(const char *pipe, const struct door_action *a, struct door_template *t)
{
	const struct doca_flow_tun *mask = a->has_mask ? &a->mask.tun : NULL;
	struct door_option_words w;
	doca_error_t err = door_geneve_words(pipe, &a->actions.tun, mask, &w);

	for (unsigned i = 0; err == DOCA_SUCCESS && i < w.n; i++) {
		unsigned at = w.word[i].at;
		struct door_field f = {.size = 4};

		if (w.word[i].size == 4)
			err = lower_member(pipe, a, &f, w.word[i].field, (const uint8_t *)&a->actions.tun.geneve_options[at],
				mask ? (const uint8_t *)&mask->geneve_options[at] : NULL, (struct door_filler){.what = FILL_OPTION, .field = at}, t);
	}
	return err;
}

static doca_error_t lower_extras(const char *pipe, const struct door_action *a, struct door_template *t)
{
	for (unsigned i = 0; a->blob && i < door.defs->n; i++) {
		const struct door_extra *x = &door.defs->extra[i];
		struct door_field f = {.size = x->size};
		doca_error_t err;

		if (!x->action || flow_field_get(x->index)->header == FLOW_HDR_NONE)
			continue;
		err = lower_member(pipe, a, &f, x->index, a->blob + x->offset, a->mask_blob ? a->mask_blob + x->offset : NULL,
			(struct door_filler){.what = FILL_EXTRA, .field = i}, t);
		if (err != DOCA_SUCCESS)
			return err;
	}
	return DOCA_SUCCESS;
}

/* ---- headers in and out ---- */

static unsigned decap_eth(const struct doca_flow_resource_decap_cfg *cfg, uint8_t *out)
{
	bool vlan = cfg->l2_valid_headers & DOCA_FLOW_L2_VALID_HEADER_VLAN_0;

	memcpy(out, cfg->eth.dst_mac, 6);
	memcpy(out + 6, cfg->eth.src_mac, 6);
	memcpy(out + 12, &cfg->eth.type, 2);
	if (!vlan)
		return 14;
	memcpy(out + 16, &cfg->eth.type, 2);
	memcpy(out + 14, &cfg->eth_vlan[0].tci, 2);
	out[12] = 0x81;
	out[13] = 0;
	return 18;
}

static void lower_decap(const struct doca_flow_actions *a, struct door_template *t)
{
	uint8_t eth[18];
	unsigned n;

	if (a->decap_cfg.is_l2) {
		add_op(t, (struct flow_op){.code = FLOW_OP_DECAP}, 0);
		return;
	}
	n = decap_eth(&a->decap_cfg, eth);
	if (decap_has_type(a))
		memcpy(eth + n - 2, &a->outer.eth.type, 2);
	add_filler(t, (struct door_filler){.what = FILL_DECAP_ETH, .data = t->data_len, .length = n,
			      .hole = door_all_ones(eth, 6) || door_all_ones(eth + 6, 6)});
	memcpy(add_op(t, (struct flow_op){.code = FLOW_OP_DECAP, .index = n}, n), eth, n);
}

static void lower_push(const struct doca_flow_actions *a, struct door_template *t)
{
	uint8_t tag[4];

	memcpy(tag, &a->push.vlan.eth_type, 2);
	memcpy(tag + 2, &a->push.vlan.vlan_hdr.tci, 2);
	add_filler(t, (struct door_filler){.what = FILL_VLAN, .data = t->data_len, .length = 4,
			      .hole = door_all_ones(tag, 2) || door_all_ones(tag + 2, 2)});
	memcpy(add_op(t, (struct flow_op){.code = FLOW_OP_PUSH_VLAN}, 4), tag, 4);
}

static doca_error_t lower_encap(const char *pipe, const struct doca_flow_actions *a, struct door_template *t)
{
	uint8_t bytes[512];
	int n = door_header_build(&a->encap_cfg.encap, bytes, sizeof(bytes));
	doca_error_t err;

	if (n < 0)
		return dcore_from_errno(n, pipe);
	err = door_limit("encap_bytes", n, pipe);
	if (err != DOCA_SUCCESS)
		return err;
	if (!room(t, n))
		return too_many(pipe);
	add_filler(t, (struct door_filler){.what = FILL_ENCAP, .data = t->data_len, .length = n,
			      .hole = door_header_open(&a->encap_cfg.encap)});
	memcpy(add_op(t, (struct flow_op){.code = FLOW_OP_ENCAP, .index = n, .width = a->encap_cfg.is_l2}, n), bytes, n);
	return DOCA_SUCCESS;
}

/* The configuration behind a shared id; pipes leave it to their entries (choice.c), an entry or a list does not. */
static doca_error_t shared_cfg(const struct doca_flow_port *port, const char *pipe, enum doca_flow_shared_resource_type type,
	const char *name, uint32_t id, struct doca_flow_shared_resource_cfg *cfg)
{
	const struct doca_flow_port *p = door_queue_port(port);

	if (id == UINT32_MAX)
		return dcore_fail(DOCA_ERROR_NOT_SUPPORTED, "pipe '%s': a list, and an entry with actions of its own, name the id of their shared %s", pipe, name);
	if (id >= p->nr_shared[type] || !p->shared[type][id].set)
		return dcore_fail(DOCA_ERROR_INVALID_VALUE, "pipe '%s': shared %s %u is not configured", pipe, name, id);
	*cfg = p->shared[type][id].cfg;
	return DOCA_SUCCESS;
}

/* Its values are the resource's; the entry supplies none. */
static void close_filler(struct door_template *t, struct door_filler *f)
{
	f->hole = false;
	memset(t->hole + f->data, 0, f->length);
}

static doca_error_t lower_shared_encap(const struct doca_flow_port *port, const char *pipe, const struct doca_flow_actions *a,
	struct door_template *t)
{
	struct doca_flow_actions own = *a;
	struct doca_flow_shared_resource_cfg cfg;
	doca_error_t err = shared_cfg(port, pipe, DOCA_FLOW_SHARED_RESOURCE_ENCAP, "encap", a->shared_encap_id, &cfg);

	if (err != DOCA_SUCCESS)
		return err;
	own.encap_cfg = cfg.encap_cfg;
	err = lower_encap(pipe, &own, t);
	if (err == DOCA_SUCCESS)
		close_filler(t, &t->filler[t->nr_fillers - 1]);
	return err;
}

static doca_error_t lower_shared_decap(const struct doca_flow_port *port, const char *pipe, const struct doca_flow_actions *a,
	struct door_template *t)
{
	struct doca_flow_actions own = *a;
	struct doca_flow_shared_resource_cfg cfg;
	doca_error_t err = shared_cfg(port, pipe, DOCA_FLOW_SHARED_RESOURCE_DECAP, "decap", a->shared_decap_id, &cfg);

	if (err != DOCA_SUCCESS)
		return err;
	own.decap_cfg = cfg.decap_cfg;
	lower_decap(&own, t);
	return DOCA_SUCCESS;
}

static doca_error_t lower(const struct doca_flow_port *port, const char *pipe, const struct door_action *a, struct door_template *t)
{
	const struct doca_flow_actions *v = &a->actions;
	doca_error_t err = DOCA_SUCCESS;

	if (v->has_crypto_encap || v->crypto.action_type != DOCA_FLOW_CRYPTO_ACTION_NONE)
		return dcore_fail(DOCA_ERROR_NOT_SUPPORTED, "pipe '%s': crypto actions are not there yet", pipe);
	if (!room(t, 64))
		return too_many(pipe);
	if (a->nat64)
		add_op(t, (struct flow_op){.code = FLOW_OP_NAT64, .width = a->nat64 == DOCA_FLOW_L3_TYPE_IP6 ? PKT_L3_IP6 : PKT_L3_IP4}, 0);
	if (v->decap_type == DOCA_FLOW_RESOURCE_TYPE_SHARED)
		err = lower_shared_decap(port, pipe, v, t);
	else if (v->decap_type != DOCA_FLOW_RESOURCE_TYPE_NONE)
		lower_decap(v, t);
	if (v->pop_vlan)
		add_op(t, (struct flow_op){.code = FLOW_OP_POP_VLAN}, 0);
	for (unsigned i = 0; i < a->nr_descs && err == DOCA_SUCCESS; i++)
		err = lower_desc(pipe, a, &a->desc[i], t);
	if (err == DOCA_SUCCESS)
		err = lower_part(pipe, a, DOOR_META, t);
	if (err == DOCA_SUCCESS)
		err = lower_part(pipe, a, DOOR_OUTER, t);
	if (err == DOCA_SUCCESS)
		err = lower_part(pipe, a, DOOR_TUN, t);
	if (err == DOCA_SUCCESS)
		err = lower_options(pipe, a, t);
	if (err == DOCA_SUCCESS)
		err = lower_extras(pipe, a, t);
	if (err == DOCA_SUCCESS && v->has_push)
		lower_push(v, t);
	if (err == DOCA_SUCCESS && v->encap_type == DOCA_FLOW_RESOURCE_TYPE_SHARED)
		err = lower_shared_encap(port, pipe, v, t);
	else if (err == DOCA_SUCCESS && v->encap_type != DOCA_FLOW_RESOURCE_TYPE_NONE)
		err = lower_encap(pipe, v, t);
	return err;
}

static void refresh(struct door_template *t)
{
	t->t = (struct flow_action_template){.nr_ops = t->nr_ops, .ops = t->op, .data_len = t->data_len, .data = t->data, .hole = t->hole};
}

/* The values that entries are laid over. Several elements of a list add up: what an earlier one encapsulates or pushes stays. */
static void keep(struct door_template *t, const struct doca_flow_actions *a)
{
	struct doca_flow_actions before = t->actions;

	t->actions = *a;
	if (!a->has_push)
		t->actions.push = before.push;
	if (a->encap_type == DOCA_FLOW_RESOURCE_TYPE_NONE)
		t->actions.encap_cfg = before.encap_cfg;
}

doca_error_t door_template_make(const struct doca_flow_port *port, const char *pipe, const struct door_action *action,
	struct door_template *t)
{
	doca_error_t err = lower(port, pipe, action, t);

	keep(t, &action->actions);
	refresh(t);
	return err;
}

static doca_error_t fill_encap(const struct door_template *t, const struct door_filler *f, const struct doca_flow_actions *a,
	uint8_t *data)
{
	struct doca_flow_encap_action merged;
	uint8_t bytes[512];
	int n;

	door_header_merge(&merged, &t->actions.encap_cfg.encap, &a->encap_cfg.encap);
	n = door_header_build(&merged, bytes, sizeof(bytes));
	if (n != f->length)
		return n < 0 ? dcore_from_errno(n, "entry")
			     : dcore_fail(DOCA_ERROR_INVALID_VALUE, "entry: %d bytes of headers, the pipe's template has %u", n, f->length);
	memcpy(data, bytes, n);
	return DOCA_SUCCESS;
}

static void fill_vlan(const struct door_template *t, const struct doca_flow_actions *a, uint8_t *data)
{
	if (t->actions.push.vlan.eth_type == UINT16_MAX)
		memcpy(data, &a->push.vlan.eth_type, 2);
	if (t->actions.push.vlan.vlan_hdr.tci == UINT16_MAX)
		memcpy(data + 2, &a->push.vlan.vlan_hdr.tci, 2);
}

static doca_error_t fill_one(const struct door_template *t, const struct door_filler *f, const struct doca_flow_actions *a,
	uint8_t *data)
{
	const struct door_field *m = &door_fields[f->field];
	const struct flow_field *ir = flow_field_get(f->ir);
	struct door_field extra;
	const uint8_t *from;
	uint64_t by;

	switch (f->what) {
	case FILL_FIELD:
		member_value(m, ir, (const uint8_t *)a + door_actions_part[m->part] + m->offset, data);
		return DOCA_SUCCESS;
	case FILL_OPTION:
		extra = (struct door_field){.size = 4};
		member_value(&extra, ir, (const uint8_t *)&a->tun.geneve_options[f->field], data);
		return DOCA_SUCCESS;
	case FILL_EXTRA:
		extra = (struct door_field){.size = door.defs->extra[f->field].size};
		member_value(&extra, ir, (const uint8_t *)a + door.defs->extra[f->field].offset, data);
		return DOCA_SUCCESS;
	case FILL_ADD: /* zero: nothing given, the template's all ones stand (minus one) */
		from = (const uint8_t *)a + door_actions_part[m->part] + m->offset;
		by = member_number(m, ir, from);
		if (by)
			memcpy(data, &by, 8);
		return DOCA_SUCCESS;
	case FILL_VLAN:
		fill_vlan(t, a, data);
		return DOCA_SUCCESS;
	case FILL_DECAP_ETH:
		decap_eth(&a->decap_cfg, data);
		return DOCA_SUCCESS;
	default:
		return fill_encap(t, f, a, data);
	}
}

doca_error_t door_template_fill_element(const struct door_template *t, unsigned element, const struct doca_flow_actions *actions,
	uint8_t *data)
{
	for (unsigned i = 0; actions && i < t->nr_fillers; i++) {
		doca_error_t err;

		if (!t->filler[i].hole || t->filler[i].element != element)
			continue;
		err = fill_one(t, &t->filler[i], actions, data + t->filler[i].data);
		if (err != DOCA_SUCCESS)
			return err;
	}
	return DOCA_SUCCESS;
}

doca_error_t door_template_fill(const struct door_template *t, const struct doca_flow_actions *actions, uint8_t *data)
{
	memcpy(data, t->data, t->data_len);
	return door_template_fill_element(t, 0, actions, data);
}

/* ---- keeping copies of what the program gave ---- */

static size_t blob_size(void)
{
	size_t size = 0;

	for (unsigned i = 0; door.defs && i < door.defs->n; i++)
		if (door.defs->extra[i].action)
			size = MAX_OF(size, (size_t)door.defs->extra[i].offset + door.defs->extra[i].size);
	return size;
}

static void copy_string(char *to, const char **field)
{
	if (!*field)
		return;
	snprintf(to, 64, "%s", *field);
	*field = to;
}

doca_error_t door_action_copy(struct door_action *to, const struct doca_flow_actions *actions,
	const struct doca_flow_actions *mask, const struct doca_flow_action_descs *descs)
{
	size_t blob = blob_size();

	if (actions)
		to->actions = *actions;
	to->has_mask = mask != NULL;
	if (mask)
		to->mask = *mask;
	if (actions && blob) {
		to->blob = malloc(blob);
		to->mask_blob = mask ? malloc(blob) : NULL;
		if (!to->blob || (mask && !to->mask_blob))
			return dcore_fail(DOCA_ERROR_NO_MEMORY, "actions: no memory for %zu bytes of definitions", blob);
		memcpy(to->blob, actions, blob);
		if (mask)
			memcpy(to->mask_blob, mask, blob);
	}
	if (!descs)
		return DOCA_SUCCESS;
	if (descs->nb_action_desc > ARRAY_SIZE(to->desc))
		return dcore_fail(DOCA_ERROR_INVALID_VALUE, "%u action descriptors; at most %zu", descs->nb_action_desc, ARRAY_SIZE(to->desc));
	to->nr_descs = descs->nb_action_desc;
	for (unsigned i = 0; i < to->nr_descs; i++) {
		to->desc[i] = descs->desc_array[i];
		copy_string(to->strings[i][0], &to->desc[i].field_op.src.field_string);
		copy_string(to->strings[i][1], &to->desc[i].field_op.dst.field_string);
	}
	return DOCA_SUCCESS;
}

void door_action_free(struct door_action *action)
{
	free(action->blob);
	free(action->mask_blob);
}
