/* SPDX-License-Identifier: BSD-3-Clause */
/* match: DOCA match structures into keys. */
#include <assert.h>
#include <string.h>

#include "doca/flow/flow_door.h"
#include "flow/field.h"

/* The IR field's bytes for a member's value; `out` has the field's length. */
static void convert(const struct door_field *f, const struct flow_field *ir, const uint8_t *from, uint8_t *out)
{
	unsigned n = MIN_OF((unsigned)f->size, (unsigned)ir->length);
	uint64_t number = 0;
	uint16_t v16;
	uint32_t v32;

	memset(out, 0, ir->length);
	switch (f->conv) {
	case CONV_UP8:
		memcpy(out + 1, from, 3);
		return;
	case CONV_PORT:
		memcpy(&v16, from, 2);
		v16 = door_port_number(v16);
		memcpy(out, &v16, 2);
		return;
	case CONV_BE16HOST:
		memcpy(&v16, from, 2);
		v16 = rte_be_to_cpu_16(v16);
		memcpy(out, &v16, 2);
		return;
	case CONV_L2:
	case CONV_L3:
	case CONV_L4:
		memcpy(&v32, from, 4);
		out[0] = v32;
		return;
	case CONV_ENUM8:
		number = from[0];
		break;
	default:
		if (ir->bit_width && ir->length < 4)
			number = from[0]; /* narrow members hold the plain number */
		else {
			memcpy(out + (ir->length - n), from + (f->size - n), n);
			return;
		}
	}
	flow_field_bits_set(ir, out, 0, flow_field_bits(ir), number);
}

/* The mask bytes a member's mask asks for. Enums and flags are compared whole or not at all. */
static void convert_mask(const struct door_field *f, const struct flow_field *ir, const uint8_t *from, uint8_t *out)
{
	uint8_t whole[32] = {0};

	if (!ir->bit_width)
		memset(whole, 0xff, ir->length);
	else
		flow_field_bits_set(ir, whole, 0, ir->bit_width, UINT64_MAX);
	if (f->conv >= CONV_L2 || f->conv == CONV_PORT) {
		memcpy(out, whole, ir->length);
		return;
	}
	convert(f, ir, from, out);
	for (unsigned i = 0; i < ir->length; i++)
		out[i] &= whole[i];
}

static bool is_inner(const struct door_field *f)
{
	return f->part == DOOR_INNER;
}

static const struct flow_field *ir_of(const struct door_field *f)
{
	return flow_field_get(f->index[is_inner(f)]);
}

/* "IPv4" and friends as constants are shape bits, which line 0 has; the classes are for the rest. */
static bool as_shape(const struct door_field *f, const uint8_t *value, struct flow_match *key)
{
	bool inner = strstr(f->name, "inner") != NULL;
	uint16_t *shape = inner ? &key->value.inner.shape : &key->value.hot.shape;
	uint16_t *mask = inner ? &key->mask.inner.shape : &key->mask.hot.shape;
	static const uint8_t l4[] = {0, PKT_L4_TCP, PKT_L4_UDP, 0, PKT_L4_ESP};
	uint32_t v;

	memcpy(&v, value, 4);
	if (f->conv == CONV_L3 && (v == DOCA_FLOW_L3_META_IPV4 || v == DOCA_FLOW_L3_META_IPV6)) {
		*shape |= (v == DOCA_FLOW_L3_META_IPV4 ? PKT_L3_IP4 : PKT_L3_IP6) << FLOW_SHAPE_L3_SHIFT;
		*mask |= FLOW_SHAPE_L3;
		return true;
	}
	if (f->conv == CONV_L4 && v < ARRAY_SIZE(l4) && l4[v]) {
		*shape |= l4[v] << FLOW_SHAPE_L4_SHIFT;
		*mask |= FLOW_SHAPE_L4;
		return true;
	}
	return false;
}

static void imply_shape(const struct door_field *f, const struct flow_field *ir, struct flow_match *key)
{
	bool inner = is_inner(f);

	*(inner ? &key->value.inner.shape : &key->value.hot.shape) |= ir->shape;
	*(inner ? &key->mask.inner.shape : &key->mask.hot.shape) |= ir->shape_mask;
}

static void put_constant(const struct door_field *f, const uint8_t *value, const uint8_t *mask, struct flow_match *key)
{
	const struct flow_field *ir = ir_of(f);
	uint8_t v[32], m[32];

	if ((f->conv == CONV_L3 || f->conv == CONV_L4) && as_shape(f, value, key))
		return;
	convert(f, ir, value, v);
	convert_mask(f, ir, mask, m);
	for (unsigned i = 0; i < ir->length; i++) {
		key->value.bytes[ir->key_offset + i] |= v[i] & m[i];
		key->mask.bytes[ir->key_offset + i] |= m[i];
	}
	imply_shape(f, ir, key);
}

static void put_changeable(const struct door_field *f, const uint8_t *mask, struct flow_match *key, struct flow_key *entry_mask)
{
	const struct flow_field *ir = ir_of(f);
	uint8_t m[32];

	convert_mask(f, ir, mask, m);
	for (unsigned i = 0; i < ir->length; i++) {
		key->mask.bytes[ir->key_offset + i] |= m[i];
		entry_mask->bytes[ir->key_offset + i] |= m[i];
	}
	imply_shape(f, ir, key);
}

/* A flag in a byte: 1 under a mask of 1 says "set", not "as the entry says". */
static bool is_flag(const struct door_field *f)
{
	return f->conv == CONV_ENUM8 || ir_of(f)->bit_width == 1;
}

/* Is the member all ones? Of an enum that stands for a byte, the byte. */
static bool is_open(const struct door_field *f, const uint8_t *value)
{
	return door_all_ones(value, f->conv == CONV_ENUM8 ? 1 : f->size);
}

/* Is the member all ones under the mask? */
static bool open_under(const struct door_field *f, const uint8_t *value, const uint8_t *mask)
{
	if (is_flag(f) || f->conv >= CONV_L2) /* an enum may be its own mask (ip_frag) */
		return is_open(f, value);
	for (unsigned i = 0; i < f->size; i++)
		if ((value[i] & mask[i]) != mask[i])
			return false;
	return true;
}

static const uint8_t ones[32] = {
	0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

static void template_member(const struct door_field *f, const uint8_t *value, const uint8_t *mask, struct flow_match *key,
	struct flow_key *entry_mask)
{
	if (!mask) {
		if (door_all_zero(value, f->size))
			return;
		if (is_open(f, value))
			put_changeable(f, ones, key, entry_mask);
		else
			put_constant(f, value, ones, key);
		return;
	}
	if (door_all_zero(mask, f->size))
		return;
	/* programs give metadata a mask and leave the template's value zero: the entry says */
	if (open_under(f, value, mask) || (f->part == DOOR_META && door_all_zero(value, f->size)))
		put_changeable(f, mask, key, entry_mask);
	else
		put_constant(f, value, mask, key);
}

static const struct doca_flow_header_format *header_of(const struct door_field *f, const struct doca_flow_match *m)
{
	return f->part == DOOR_INNER ? &m->inner : &m->outer;
}

/* A selector may stand in the value or only in the mask. */
static bool meant(const struct door_field *f, const struct doca_flow_match *value, const struct doca_flow_match *mask)
{
	if (!f->index[is_inner(f)])
		return false;
	return door_selected(f, header_of(f, value), &value->tun) ||
	       (mask && f->sel != SEL_ALWAYS && door_selected(f, header_of(f, mask), &mask->tun));
}

/* A tunnel named without any member of it: the packet must at least be one. */
static void imply_tunnel(const struct doca_flow_tun *t, struct flow_match *key)
{
	static const uint8_t types[] = {[DOCA_FLOW_TUN_GTPU] = PKT_TUN_GTPU, [DOCA_FLOW_TUN_ESP] = PKT_TUN_ESP,
		[DOCA_FLOW_TUN_MPLS_O_UDP] = PKT_TUN_MPLS_UDP, [DOCA_FLOW_TUN_GENEVE] = PKT_TUN_GENEVE,
		[DOCA_FLOW_TUN_PSP] = PKT_TUN_PSP, [DOCA_FLOW_TUN_IP_IN_IP] = PKT_TUN_IPIP};
	unsigned type = t->type < ARRAY_SIZE(types) ? types[t->type] : 0;

	if (t->type == DOCA_FLOW_TUN_VXLAN)
		type = t->vxlan_type == DOCA_FLOW_TUN_EXT_VXLAN_GPE ? PKT_TUN_VXLAN_GPE : PKT_TUN_VXLAN;
	if (t->type == DOCA_FLOW_TUN_GRE)
		type = PKT_TUN_GRE;
	if (!type)
		return;
	key->value.hot.shape |= type << FLOW_SHAPE_TUN_SHIFT;
	/* GRE or NVGRE: one header, read in two ways (field.c) */
	key->mask.hot.shape |= type == PKT_TUN_GRE ? FLOW_SHAPE_TUN & ~(1u << FLOW_SHAPE_TUN_SHIFT) : FLOW_SHAPE_TUN;
}

static void put_extras(const uint8_t *value, const uint8_t *mask, struct flow_match *key, struct flow_key *entry_mask)
{
	for (unsigned i = 0; door.defs && i < door.defs->n; i++) {
		const struct door_extra *x = &door.defs->extra[i];
		const struct flow_field *ir = flow_field_get(x->index);
		struct door_field f = {.part = DOOR_META + 1, .size = x->size, .index = {x->index, x->index}, .name = ir->name};

		if (x->match && ir->key_offset != 0xffff)
			template_member(&f, value + x->offset, mask ? mask + x->offset : NULL, key, entry_mask);
	}
}

/* The mask says which fields matter, whatever the values: what is exact beside a prefix, what is hashed. */
static bool masks_name_fields(enum doca_flow_pipe_type type)
{
	return type == DOCA_FLOW_PIPE_LPM || type == DOCA_FLOW_PIPE_HASH;
}

/* Which members an entry's match is read from: those meant, as the pipe chose, that have a bit of the entry mask. */
void door_match_open(struct doca_flow_pipe *pipe)
{
	const struct doca_flow_match *mask = pipe->has_match_mask ? &pipe->match_mask : NULL;

	static_assert(ARRAY_SIZE(pipe->open) == UINT8_MAX, "numbers of fields are bytes");
	assert(door_nr_fields < UINT8_MAX);
	for (unsigned i = 0; i < door_nr_fields; i++) {
		const struct door_field *f = &door_fields[i];
		const struct flow_field *ir = ir_of(f);

		if (meant(f, &pipe->match, mask) && !door_all_zero(pipe->entry_mask.bytes + ir->key_offset, ir->length))
			pipe->open[pipe->nr_open++] = (uint8_t)i;
	}
	door_geneve_words(pipe->name, &pipe->match.tun, mask ? &mask->tun : NULL, &pipe->options); /* the template had them too */
}

/* The ethertype inside a GRE mask is the tunnel's kind, like the type beside it: entries do not repeat it. */
static bool mask_is_kind(const struct door_field *f, const uint8_t *mask)
{
	return f->part == DOOR_TUN && f->offset == offsetof(struct doca_flow_tun, protocol) && (f->sel == SEL_GRE || f->sel == SEL_NVGRE) &&
	       !door_all_zero(mask, f->size) && !door_all_ones(mask, f->size);
}

static void named_member(const struct door_field *f, const uint8_t *value, const uint8_t *mask, struct flow_match *key,
	struct flow_key *entry_mask)
{
	if (mask && mask_is_kind(f, mask))
		put_constant(f, mask, ones, key);
	else if (mask && !door_all_zero(mask, f->size))
		put_changeable(f, mask, key, entry_mask);
	else
		template_member(f, value, NULL, key, entry_mask);
}

static struct door_field option_field(const struct door_option_word *w)
{
	return (struct door_field){.part = DOOR_TUN, .size = w->size ? w->size : 1, .index = {w->field, w->field}, .name = "tunnel.geneve option"};
}

static const uint8_t *option_bytes(const struct doca_flow_tun *t, const struct door_option_word *w)
{
	return w->size ? (const uint8_t *)&t->geneve_options[w->at] : ones; /* the valid bit: set */
}

static doca_error_t template_options(const struct doca_flow_pipe_cfg *cfg, struct flow_match *key, struct flow_key *entry_mask)
{
	const struct doca_flow_tun *mask = cfg->has_match_mask ? &cfg->match_mask.tun : NULL;
	struct door_option_words w;
	doca_error_t err = door_geneve_words(cfg->name, &cfg->match.tun, mask, &w);

	for (unsigned i = 0; err == DOCA_SUCCESS && i < w.n; i++) {
		struct door_field f = option_field(&w.word[i]);

		if (w.word[i].size)
			template_member(&f, option_bytes(&cfg->match.tun, &w.word[i]), mask ? option_bytes(mask, &w.word[i]) : NULL, key, entry_mask);
		else
			put_constant(&f, ones, ones, key);
	}
	return err;
}

static doca_error_t own_options(const struct doca_flow_match *match, const struct doca_flow_match *mask, struct flow_match *out)
{
	struct door_option_words w;
	doca_error_t err = door_geneve_words("entry", &match->tun, mask ? &mask->tun : NULL, &w);

	for (unsigned i = 0; err == DOCA_SUCCESS && i < w.n; i++) {
		struct door_field f = option_field(&w.word[i]);

		put_constant(&f, option_bytes(&match->tun, &w.word[i]), mask ? option_bytes(&mask->tun, &w.word[i]) : ones, out);
	}
	return err;
}

doca_error_t door_match_template(const struct doca_flow_pipe_cfg *cfg, struct flow_match *key, struct flow_key *entry_mask)
{
	const struct doca_flow_match *value = &cfg->match, *mask = cfg->has_match_mask ? &cfg->match_mask : NULL;

	memset(key, 0, sizeof(*key));
	memset(entry_mask, 0, sizeof(*entry_mask));
	if (!cfg->has_match)
		return DOCA_SUCCESS;
	for (unsigned i = 0; i < door_nr_fields; i++) {
		const struct door_field *f = &door_fields[i];
		uint16_t at = door_match_part[f->part] + f->offset;

		if (!meant(f, value, mask))
			continue;
		if (masks_name_fields(cfg->type))
			named_member(f, (const uint8_t *)value + at, mask ? (const uint8_t *)mask + at : NULL, key, entry_mask);
		else
			template_member(f, (const uint8_t *)value + at, mask ? (const uint8_t *)mask + at : NULL, key, entry_mask);
	}
	imply_tunnel(&value->tun, key);
	if (cfg->match_blob)
		put_extras(cfg->match_blob, cfg->mask_blob, key, entry_mask);
	return template_options(cfg, key, entry_mask);
}

/* Registered fields of an entry's own match. Its structure is the program's larger one when there are any. */
static void put_own_extras(const uint8_t *value, const uint8_t *mask, struct flow_match *out)
{
	for (unsigned i = 0; door.defs && i < door.defs->n; i++) {
		const struct door_extra *x = &door.defs->extra[i];
		const struct flow_field *ir = flow_field_get(x->index);
		struct door_field f = {.part = DOOR_META + 1, .size = x->size, .index = {x->index, x->index}, .name = ir->name};
		const uint8_t *m = mask ? mask + x->offset : value + x->offset;

		if (x->match && ir->key_offset != 0xffff && !door_all_zero(m, x->size))
			put_constant(&f, value + x->offset, mask ? m : ones, out);
	}
}

static void put_entry(const struct door_field *f, const struct doca_flow_pipe *pipe, const uint8_t *from, struct flow_key *value)
{
	const struct flow_field *ir = ir_of(f);
	uint8_t v[32];

	convert(f, ir, from, v);
	for (unsigned i = 0; i < ir->length; i++)
		value->bytes[ir->key_offset + i] |= v[i] & pipe->entry_mask.bytes[ir->key_offset + i];
}

void door_match_entry(const struct doca_flow_pipe *pipe, const struct doca_flow_match *match, struct flow_key *value)
{
	if (!match)
		return;
	for (unsigned i = 0; i < pipe->nr_open; i++) {
		const struct door_field *f = &door_fields[pipe->open[i]];

		put_entry(f, pipe, (const uint8_t *)match + door_match_part[f->part] + f->offset, value);
	}
	for (unsigned i = 0; i < pipe->options.n; i++) {
		struct door_field f = option_field(&pipe->options.word[i]);

		if (pipe->options.word[i].size)
			put_entry(&f, pipe, option_bytes(&match->tun, &pipe->options.word[i]), value);
	}
	for (unsigned i = 0; door.defs && i < door.defs->n; i++) {
		const struct door_extra *x = &door.defs->extra[i];
		const struct flow_field *ir = flow_field_get(x->index);
		struct door_field f = {.part = DOOR_META + 1, .size = x->size, .index = {x->index, x->index}, .name = ir->name};

		if (x->match && ir->key_offset != 0xffff)
			put_entry(&f, pipe, (const uint8_t *)match + x->offset, value);
	}
}

doca_error_t door_match_own(const struct doca_flow_match *match, const struct doca_flow_match *mask, struct flow_match *out)
{
	if (!match)
		return DOCA_SUCCESS;
	for (unsigned i = 0; i < door_nr_fields; i++) {
		const struct door_field *f = &door_fields[i];
		const uint8_t *v = (const uint8_t *)match + door_match_part[f->part] + f->offset;
		const uint8_t *m = mask ? (const uint8_t *)mask + door_match_part[f->part] + f->offset : NULL;

		if (!meant(f, match, mask) || door_all_zero(m ? m : v, f->size))
			continue;
		put_constant(f, v, m ? m : ones, out);
	}
	imply_tunnel(&match->tun, out);
	put_own_extras((const uint8_t *)match, (const uint8_t *)mask, out);
	return own_options(match, mask, out);
}
