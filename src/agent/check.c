/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * check: what only shows when all manifests are read: addresses that belong to two objects, pods on
 * nodes that are not there, two pods on one virtual function, tunnel endpoints given twice.
 */
#include <stdlib.h>
#include <string.h>

#include "agent/agent_int.h"
#include "base/refuse.h"

struct claim {
	struct hmap_node by_addr;
	struct addr addr;
	const struct object *owner;
	const struct yaml_node *at;
};

struct claims {
	struct hmap by_addr;
	struct claim *v;
	size_t n;
};

static int refuse_for(int rc, const struct object *o)
{
	return refuse_more(rc, "%s %s%s%s", kind_name(o->kind), o->ns, *o->ns ? "/" : "", o->name);
}

static int claim_addr(struct claims *claims, const struct addr *a, const struct object *owner,
	const struct yaml_node *at)
{
	uint64_t hash = hmap_hash_bytes(a, sizeof(*a));
	char text[ADDR_TEXT_MAX];
	struct claim *c;

	hmap_for_each_hash(c, &claims->by_addr, hash, by_addr)
		if (addr_equal(&c->addr, a))
			return refuse_for(
				yaml_refuse(at, EINVAL,
					"value '%s' already belongs to %s %s%s%s (%s:%d)",
					addr_print(a, text), kind_name(c->owner->kind),
					c->owner->ns, *c->owner->ns ? "/" : "", c->owner->name,
					yaml_file_name(c->at->file), c->at->line),
				owner);
	c = &claims->v[claims->n++];
	*c = (struct claim){.addr = *a, .owner = owner, .at = at};
	hmap_insert(&claims->by_addr, &c->by_addr, hash);
	return 0;
}

/* Node, service and pod addresses share one space: the decision looks an address up once. */
static int claim_all(const struct agent_model *model, struct claims *claims)
{
	const struct node *node;
	const struct service *svc;
	const struct pod *pod;
	int rc = 0;

	model_each(node, model, KIND_NODE)
		for (size_t i = 0; i < node->nr_vteps && rc == 0; i++)
			rc = claim_addr(claims, &node->vteps[i], &node->o, node->vteps_at[i]);
	model_each(svc, model, KIND_SERVICE)
		for (size_t i = 0; i < svc->nr_addrs && rc == 0; i++)
			rc = claim_addr(claims, &svc->addrs[i], &svc->o, svc->addrs_at[i]);
	model_each(pod, model, KIND_POD)
		for (size_t i = 0; i < pod->nr_addrs && pod->overlay && rc == 0; i++)
			rc = claim_addr(claims, &pod->addrs[i], &pod->o, pod->addrs_at[i]);
	return rc;
}

static int check_addresses(const struct agent_model *model)
{
	struct claims claims = {0};
	size_t max =
		2 * (model->count[KIND_NODE] + model->count[KIND_SERVICE] + model->count[KIND_POD]);
	int rc;

	claims.v = calloc(max + 1, sizeof(*claims.v));
	if (!claims.v)
		abort();
	rc = claim_all(model, &claims);
	hmap_destroy(&claims.by_addr);
	free(claims.v);
	return rc;
}

static int check_overlap(const struct node *a, const struct node *b)
{
	char text[PREFIX_TEXT_MAX];

	for (size_t i = 0; i < a->nr_cidrs; i++)
		for (size_t j = 0; j < b->nr_cidrs; j++)
			if (prefix_overlaps(&a->cidrs[i], &b->cidrs[j]))
				return refuse_for(
					yaml_refuse(b->cidrs_at[j], EINVAL,
						"value '%s' overlaps with %s of Node %s (%s:%d)",
						b->cidrs_at[j]->text,
						prefix_print(&a->cidrs[i], text), a->o.name,
						yaml_file_name(a->cidrs_at[i]->file),
						a->cidrs_at[i]->line),
					&b->o);
	return 0;
}

struct cidr_ref {
	const struct prefix *prefix;
	const struct node *node;
};

static int cidr_compare(const void *a, const void *b)
{
	const struct cidr_ref *x = a, *y = b;
	int d = addr_compare(&x->prefix->addr, &y->prefix->addr);

	return d ? d : (int)x->prefix->len - (int)y->prefix->len;
}

/* Networks are nested or apart, so in sorted order each is inside the last outermost one or behind it. */
static int check_cidrs(const struct agent_model *model)
{
	const struct node *node;
	struct cidr_ref *v, *outer;
	size_t n = 0;
	int rc = 0;

	model_each(node, model, KIND_NODE)
		n += node->nr_cidrs;
	outer = v = calloc(n + 1, sizeof(*v));
	if (!v)
		abort();
	n = 0;
	model_each(node, model, KIND_NODE)
		for (size_t i = 0; i < node->nr_cidrs; i++)
			v[n++] = (struct cidr_ref){&node->cidrs[i], node};
	qsort(v, n, sizeof(*v), cidr_compare);
	for (size_t i = 1; i < n && rc == 0; i++) {
		if (!prefix_overlaps(outer->prefix, v[i].prefix))
			outer = &v[i];
		else if (outer->node != v[i].node)
			rc = check_overlap(outer->node, v[i].node);
	}
	free(v);
	return rc;
}

static int check_node_names(const struct agent_model *model)
{
	const struct pod *pod;

	model_each(pod, model, KIND_POD)
		if (pod->overlay && !model_find(model, KIND_NODE, "", pod->node_name))
			return refuse_for(
				yaml_refuse(pod->node_name_at, EINVAL,
					"value '%s' is not the name of a Node in these manifests",
					pod->node_name),
				&pod->o);
	return 0;
}

struct vf_claim {
	struct hmap_node by_vf;
	const struct pod *pod;
};

static int claim_vf(struct hmap *map, struct vf_claim *claim, const struct pod *pod)
{
	uint64_t hash = hmap_hash_str(pod->node_name) ^ hmap_hash_u64(hmap_hash_str(pod->vf));
	const struct vf_claim *c;

	hmap_for_each_hash(c, map, hash, by_vf)
		if (!strcmp(c->pod->vf, pod->vf) && !strcmp(c->pod->node_name, pod->node_name))
			return refuse_for(
				yaml_refuse(pod->vf_at, EINVAL,
					"value '%s' on node '%s' already belongs to Pod %s/%s "
					"(%s:%d)",
					pod->vf, pod->node_name, c->pod->o.ns, c->pod->o.name,
					yaml_file_name(c->pod->vf_at->file), c->pod->vf_at->line),
				&pod->o);
	claim->pod = pod;
	hmap_insert(map, &claim->by_vf, hash);
	return 0;
}

static int check_vfs(const struct agent_model *model)
{
	struct vf_claim *v = calloc(model->count[KIND_POD] + 1, sizeof(*v));
	struct hmap map = HMAP_INIT;
	const struct pod *pod;
	size_t n = 0;
	int rc = 0;

	if (!v)
		abort();
	model_each(pod, model, KIND_POD)
		if (pod->overlay && pod->vf && rc == 0)
			rc = claim_vf(&map, &v[n++], pod);
	hmap_destroy(&map);
	free(v);
	return rc;
}

int model_check(const struct agent_model *model)
{
	int rc;

	if ((rc = check_addresses(model)) < 0 || (rc = check_cidrs(model)) < 0 ||
		(rc = check_node_names(model)) < 0)
		return rc;
	return check_vfs(model);
}
