/* SPDX-License-Identifier: BSD-3-Clause */
/* WILD: mask and priority per entry, and at most one comparison. ACL (pipe_acl.c) shares most of it. */
#include <stdlib.h>
#include <string.h>

#include "base/refuse.h"
#include "flow/pipe_int.h"

static int wild_create(struct flow_pipe *pipe, const struct flow_pipe_cfg *cfg)
{
	return flow_wild_create(pipe->ctx, pipe->name, MAX_OF(cfg->nr_entries, 1u), &pipe->wild);
}

static void wild_destroy(struct flow_pipe *pipe)
{
	if (pipe->wild)
		flow_wild_destroy(pipe->wild);
}

static int check_side(const struct flow_pipe *pipe, unsigned index, unsigned offset, unsigned width)
{
	const struct flow_field *f = flow_field_get(index);

	if (!f || f->key_offset == 0xffff)
		return refuse(EINVAL, "pipe '%s': condition on '%s', which cannot be matched", pipe->name, f ? f->name : "no field");
	if (!width || width > 64 || offset + width > flow_field_bits(f))
		return refuse(EINVAL, "pipe '%s': condition on bits [%u, +%u) of '%s', which has %u (at most 64 at once)",
			pipe->name, offset, width, f->name, flow_field_bits(f));
	return 0;
}

static void look_at(struct flow_key *looks, unsigned index)
{
	const struct flow_field *f = flow_field_get(index);

	memset(looks->bytes + f->key_offset, 0xff, f->length);
	if (f->shape_mask)
		*(strncmp(f->name, "inner.", 6) ? &looks->hot.shape : &looks->inner.shape) |= f->shape_mask;
}

static bool present(const struct flow_field *f, const struct flow_key *key)
{
	uint16_t shape = strncmp(f->name, "inner.", 6) ? key->hot.shape : key->inner.shape;

	return (shape & f->shape_mask) == f->shape;
}

bool condition_holds(const struct flow_condition *c, const struct flow_key *key)
{
	const struct flow_field *f = flow_field_get(c->field), *g = c->against_field ? flow_field_get(c->other_field) : NULL;
	uint64_t a, b = c->value;

	if (!present(f, key) || (g && !present(g, key)))
		return false;
	a = flow_field_bits_get(f, key->bytes + f->key_offset, c->bit_offset, c->width);
	if (g)
		b = flow_field_bits_get(g, key->bytes + g->key_offset, c->other_bit_offset, c->width);
	switch (c->op) {
	case FLOW_COND_EQ:
		return a == b;
	case FLOW_COND_NE:
		return a != b;
	case FLOW_COND_LT:
		return a < b;
	case FLOW_COND_LE:
		return a <= b;
	case FLOW_COND_GT:
		return a > b;
	case FLOW_COND_GE:
		return a >= b;
	default:
		return true;
	}
}

static bool check_condition(const void *owner, const struct flow_key *key)
{
	return condition_holds(&((const struct flow_entry *)owner)->extra->cond, key);
}

static int take_condition(struct flow_pipe *pipe, struct flow_entry *entry, const struct flow_condition *cond)
{
	int err = check_side(pipe, cond->field, cond->bit_offset, cond->width);

	if (!err && cond->against_field)
		err = check_side(pipe, cond->other_field, cond->other_bit_offset, cond->width);
	if (err)
		return err;
	entry->extra->cond = *cond;
	look_at(&entry->extra->looks, cond->field);
	if (cond->against_field)
		look_at(&entry->extra->looks, cond->other_field);
	return 0;
}

static int wild_add(struct flow_pipe *pipe, struct flow_entry *entry, const struct flow_entry_spec *spec)
{
	bool conditional = spec->cond.op != FLOW_COND_NONE;
	struct flow_wild_rule_cfg cfg;
	int err = 0;

	entry->extra = calloc(1, sizeof(*entry->extra));
	if (!entry->extra)
		return refuse(ENOMEM, "pipe '%s': no memory for an entry", pipe->name);
	entry->extra->priority = spec->priority;
	for (unsigned i = 0; i < FLOW_KEY_SIZE / 8; i++) {
		/* the pipe's constants belong to every entry */
		entry->extra->match.mask.words[i] = spec->match.mask.words[i] | pipe->match.mask.words[i];
		entry->extra->match.value.words[i] = (pipe->match.value.words[i] & ~spec->match.mask.words[i]) |
						     (spec->match.value.words[i] & spec->match.mask.words[i]);
	}
	if (conditional)
		err = take_condition(pipe, entry, &spec->cond);
	if (err)
		return err;
	cfg = (struct flow_wild_rule_cfg){
		.match = &entry->extra->match,
		.priority = spec->priority,
		.owner = entry,
		.check = conditional ? check_condition : NULL,
		.looks = conditional ? &entry->extra->looks : NULL,
	};
	pipe_looks_at(pipe, &entry->extra->match.mask);
	pipe_looks_at(pipe, &entry->extra->looks);
	err = flow_wild_insert(pipe->wild, &cfg, &entry->rule);
	if (err == -EEXIST)
		return refuse(EEXIST, "pipe '%s': an entry with this match and priority %u exists", pipe->name, spec->priority);
	return err ? refuse(-err, "pipe '%s': no room for the entry", pipe->name) : 0;
}

static void wild_remove(struct flow_pipe *pipe, struct flow_entry *entry)
{
	flow_wild_remove(pipe->wild, entry->rule);
}

static struct flow_entry *wild_find(const struct flow_pipe *pipe, const struct flow_key *key, struct flow_key *looked)
{
	const struct flow_wild_rule *rule = flow_wild_lookup(pipe->wild, key, looked);

	return rule ? rule->owner : NULL;
}

static int wild_resize(struct flow_pipe *pipe, uint32_t nr_entries)
{
	int err = flow_wild_resize(pipe->wild, nr_entries);

	return err ? refuse_more(err, "pipe '%s': cannot be resized to %u entries", pipe->name, nr_entries) : 0;
}

static void wild_settle(struct flow_pipe *pipe)
{
	flow_wild_settle(pipe->wild);
}

const struct pipe_kind pipe_wild = {
	.name = "wild",
	.create = wild_create,
	.destroy = wild_destroy,
	.add = wild_add,
	.remove = wild_remove,
	.find = wild_find,
	.resize = wild_resize,
	.settle = wild_settle,
};
