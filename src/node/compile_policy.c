/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * compile_policy: the policies that select a local pod, as one list of rules per direction. Pods that
 * are selected by the same policies share their lists. A set of pods is one bit per pod; equal sets
 * are not searched for, a set belongs to the rule that names it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/refuse.h"
#include "node/node_int.h"

/* A policy's own rules, compiled once; sides point at copies of them. */
struct compiled {
	const json_t *value;
	bool isolates[2];
	uint32_t first[2], count[2]; /* of scratch rules */
};

struct policies {
	struct compiled *v;
	uint32_t n;
	struct rule *rules; /* scratch */
	uint32_t nr_rules, cap_rules;
	uint32_t *selected; /* policies of the pod at hand */
	uint32_t *keys;     /* policy lists of the sides made so far, one after another */
	uint32_t nr_keys, cap_keys;
	struct {
		uint32_t first, count, dir;
	} * side_keys;
	uint32_t nr_side_keys, cap_side_keys;
};

static int compile_range(struct compiler *c, const json_t *port)
{
	struct port_range *r = NEW(c->m->ranges, c->m->nr_ranges, c->cap_ranges);
	int rc;

	if ((rc = want_proto(c, port, &r->proto)) < 0)
		return rc;
	r->last = 65535;
	if (!json_object_get(port, "first"))
		return 0;
	if ((rc = want_port(c, port, "first", &r->first)) < 0)
		return rc;
	r->last = r->first;
	if ((rc = want_port(c, port, "last", &r->last)) < 0)
		return rc;
	if (r->last < r->first)
		return compile_refuse(c, "ports", "range %u-%u is reversed", r->first, r->last);
	return 0;
}

static int compile_block(struct compiler *c, const json_t *value)
{
	struct block *b = NEW(c->m->blocks, c->m->nr_blocks, c->cap_blocks);
	const json_t *list = json_object_get(value, "except"), *item;
	size_t i;
	int rc;

	if ((rc = want_prefix(c, json_object_get(value, "cidr"), "peers.blocks.cidr", &b->cidr)) <
		0)
		return rc;
	b->first_except = c->m->nr_excepts;
	b->nr_except = (uint32_t)json_array_size(list);
	json_array_foreach((json_t *)(uintptr_t)list, i, item) {
		uint32_t at = GROW(c->m->excepts, c->m->nr_excepts, c->cap_excepts);

		if ((rc = want_prefix(c, item, "peers.blocks.except", &c->m->excepts[at])) < 0)
			return rc;
	}
	return 0;
}

static uint32_t new_pod_set(struct compiler *c)
{
	struct model *m = c->m;
	size_t bytes = (size_t)m->pod_words * sizeof(*m->pod_sets);

	if (m->nr_pod_sets == c->cap_sets) {
		c->cap_sets = c->cap_sets ? c->cap_sets * 2 : 8;
		m->pod_sets = realloc(m->pod_sets, c->cap_sets * bytes);
		if (!m->pod_sets)
			abort();
	}
	memset(&m->pod_sets[(size_t)m->nr_pod_sets * m->pod_words], 0, bytes);
	return m->nr_pod_sets++;
}

static void compile_pod_set(struct compiler *c, struct rule *r, const json_t *pods)
{
	json_t *item;
	uint64_t *set;
	size_t i;

	r->pods = NONE;
	if (!json_array_size(pods))
		return;
	r->pods = new_pod_set(c);
	set = &c->m->pod_sets[(size_t)r->pods * c->m->pod_words];
	json_array_foreach((json_t *)(uintptr_t)pods, i, item) {
		uint32_t pod = compile_pod_index(
			c, json_string_value(item) ? json_string_value(item) : "");

		/* a name without a pod selects nothing: the pod went, the policy's update is on its way */
		if (pod != NONE)
			set[pod / 64] |= 1ull << (pod % 64);
	}
}

static int compile_rule(struct compiler *c, const json_t *value, struct rule *r)
{
	const json_t *peers = json_object_get(value, "peers"),
		     *ports = json_object_get(value, "ports");
	json_t *item;
	size_t i;
	int rc;

	r->anybody = !peers;
	r->first_port = c->m->nr_ranges;
	r->nr_ports = (uint32_t)json_array_size(ports);
	r->first_block = c->m->nr_blocks;
	r->nr_blocks = (uint32_t)json_array_size(json_object_get(peers, "blocks"));
	compile_pod_set(c, r, json_object_get(peers, "pods"));
	json_array_foreach((json_t *)(uintptr_t)ports, i, item)
		if ((rc = compile_range(c, item)) < 0)
			return rc;
	json_array_foreach(json_object_get(peers, "blocks"), i, item)
		if ((rc = compile_block(c, item)) < 0)
			return rc;
	return 0;
}

static int compile_policy(
	struct compiler *c, struct policies *p, struct compiled *out, const json_t *value)
{
	static const char *const fields[] = {[INGRESS] = "ingress", [EGRESS] = "egress"};
	json_t *item;
	size_t i;
	int rc;

	out->value = value;
	for (int dir = INGRESS; dir <= EGRESS; dir++) {
		const json_t *list = json_object_get(value, fields[dir]);

		out->isolates[dir] = list != NULL;
		out->first[dir] = p->nr_rules;
		json_array_foreach((json_t *)(uintptr_t)list, i, item) {
			struct rule r = {0};

			if ((rc = compile_rule(c, item, &r)) < 0)
				return rc;
			*NEW(p->rules, p->nr_rules, p->cap_rules) = r;
			out->count[dir]++;
		}
	}
	return 0;
}

/* --- sides --- */

static uint32_t find_side(const struct policies *p, int dir, uint32_t n)
{
	for (uint32_t i = 0; i < p->nr_side_keys; i++)
		if (p->side_keys[i].dir == (uint32_t)dir && p->side_keys[i].count == n &&
			!memcmp(&p->keys[p->side_keys[i].first], p->selected, n * sizeof(uint32_t)))
			return i;
	return NONE;
}

/* The side made of the rules of the selected policies: an old one, or a new one. */
static uint32_t side_of(struct compiler *c, struct policies *p, int dir, uint32_t n)
{
	uint32_t index = find_side(p, dir, n);
	struct side *side;

	if (!n || index != NONE)
		return n ? index : NONE;
	index = GROW(p->side_keys, p->nr_side_keys, p->cap_side_keys);
	p->side_keys[index].first = p->nr_keys;
	p->side_keys[index].count = n;
	p->side_keys[index].dir = (uint32_t)dir;
	GROW(c->m->sides, c->m->nr_sides, c->cap_sides);
	side = &c->m->sides[index];
	side->first_rule = c->m->nr_rules;
	for (uint32_t i = 0; i < n; i++) {
		const struct compiled *policy = &p->v[p->selected[i]];

		*NEW(p->keys, p->nr_keys, p->cap_keys) = p->selected[i];
		for (uint32_t r = 0; r < policy->count[dir]; r++)
			*NEW(c->m->rules, c->m->nr_rules, c->cap_rules) =
				p->rules[policy->first[dir] + r];
	}
	side->nr_rules = c->m->nr_rules - side->first_rule;
	return index;
}

/* (pod, policy) pairs, so that each pod finds its policies together. */
struct pair {
	uint32_t pod, policy;
};

static int pair_compare(const void *a, const void *b)
{
	const struct pair *x = a, *y = b;

	return x->pod != y->pod ? (x->pod < y->pod ? -1 : 1)
				: (x->policy > y->policy) - (x->policy < y->policy);
}

static uint32_t list_pairs(const struct compiler *c, const struct policies *p, struct pair **out)
{
	struct pair *v = NULL;
	uint32_t n = 0, cap = 0;
	json_t *item;
	size_t i;

	for (uint32_t policy = 0; policy < p->n; policy++)
		json_array_foreach(json_object_get(p->v[policy].value, "pods"), i, item) {
			const char *name = json_string_value(item);
			uint32_t pod = name ? compile_pod_index(c, name) : NONE;

			if (pod != NONE && c->m->pods[pod].peer == c->m->local)
				*NEW(v, n, cap) = (struct pair){pod, policy};
		}
	if (n)
		qsort(v, n, sizeof(*v), pair_compare);
	*out = v;
	return n;
}

static void assign_sides(struct compiler *c, struct policies *p)
{
	struct pair *v;
	uint32_t n = list_pairs(c, p, &v), end;

	for (uint32_t i = 0; i < n; i = end) {
		for (end = i; end < n && v[end].pod == v[i].pod; end++)
			;
		for (int dir = INGRESS; dir <= EGRESS; dir++) {
			uint32_t selected = 0;

			for (uint32_t k = i; k < end; k++)
				if (p->v[v[k].policy].isolates[dir])
					p->selected[selected++] = v[k].policy;
			c->m->pods[v[i].pod].side[dir] = side_of(c, p, dir, selected);
		}
	}
	free(v);
}

static int compile_each(struct compiler *c, struct policies *p)
{
	char object[1100];
	const char *key;
	json_t *value;
	int rc;

	json_object_foreach(c->m->state, key, value) {
		if (strncmp(key, "policy/", 7))
			continue;
		snprintf(object, sizeof(object), "policy %s", key + 7);
		c->object = object;
		if ((rc = compile_policy(c, p, &p->v[p->n++], value)) < 0)
			return rc;
	}
	return 0;
}

int compile_policies(struct compiler *c)
{
	size_t max = json_object_size(c->m->state) + 1;
	struct policies p = {
		.v = calloc(max, sizeof(*p.v)), .selected = calloc(max, sizeof(*p.selected))};
	int rc;

	if (!p.v || !p.selected)
		abort();
	c->m->pod_words = (c->m->nr_pods + 63) / 64 + 1;
	rc = compile_each(c, &p);
	c->m->nr_policies = p.n;
	if (rc == 0)
		assign_sides(c, &p);
	free(p.v);
	free(p.selected);
	free(p.rules);
	free(p.keys);
	free(p.side_keys);
	return rc;
}
