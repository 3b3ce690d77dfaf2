/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * node: a Node (and a Namespace, which is only a name and labels). A node's internal addresses are
 * its tunnel endpoints, one per family; its podCIDRs say whose an address is before its Pod is known.
 */
#include <string.h>

#include "agent/agent_int.h"
#include "base/refuse.h"

#define VNI_MAX 0xffffffu

static int read_vtep(struct node *node, const struct yaml_node *entry)
{
	const char *type;
	struct addr a;
	int rc;

	if ((rc = yaml_need_string(entry, "type", &type)) < 0 || strcmp(type, "InternalIP"))
		return rc;
	if ((rc = yaml_need_addr(entry, "address", &a)) < 0)
		return rc;
	for (size_t i = 0; i < node->nr_vteps; i++)
		if (node->vteps[i].family == a.family)
			return 0; /* Kubernetes lists the preferred one first */
	node->vteps_at[node->nr_vteps] = yaml_key(entry, "address");
	node->vteps[node->nr_vteps++] = a;
	return 0;
}

static int read_vteps(struct node *node, const struct yaml_node *doc)
{
	const struct yaml_node *list = NULL;
	int rc = yaml_want_list(doc, "status.addresses", &list);

	yaml_each(entry, list)
		if (rc == 0)
			rc = read_vtep(node, entry);
	return rc;
}

/* podCIDRs, or the older single podCIDR. */
static int read_cidrs(struct agent_model *model, struct node *node, const struct yaml_node *doc)
{
	const struct yaml_node *list = NULL, *single = yaml_get(doc, "spec.podCIDR");
	int rc = yaml_want_list(doc, "spec.podCIDRs", &list);
	unsigned n = list ? list->count : single && single->kind != YAML_NULL;

	if (rc < 0 || !n)
		return rc;
	node->cidrs = model_alloc(model, n * sizeof(*node->cidrs));
	node->cidrs_at = model_alloc(model, n * sizeof(*node->cidrs_at));
	for (const struct yaml_node *at = list ? list->first : single; at && node->nr_cidrs < n;
		at = at->next) {
		if ((rc = yaml_as_prefix(at, &node->cidrs[node->nr_cidrs])) < 0)
			return rc;
		node->cidrs[node->nr_cidrs] = prefix_network(&node->cidrs[node->nr_cidrs]);
		node->cidrs_at[node->nr_cidrs++] = at;
	}
	return 0;
}

static int read_vni(struct node *node, const struct yaml_node *doc)
{
	const struct yaml_node *at = annotation(doc, "softdpu.io/vni");
	uint64_t vni = 0;
	int rc = at ? yaml_as_u64(at, 1, VNI_MAX, &vni) : 0;

	node->vni = (uint32_t)vni;
	return rc;
}

int read_node(struct agent_model *model, const struct yaml_node *doc)
{
	struct node *node = model_alloc(model, sizeof(*node));
	int rc;

	if ((rc = read_meta(model, doc, KIND_NODE, false, &node->o)) < 0 ||
		(rc = read_vteps(node, doc)) < 0 || (rc = read_cidrs(model, node, doc)) < 0 ||
		(rc = read_vni(node, doc)) < 0)
		return rc;
	return model_add(model, &node->o);
}

int read_namespace(struct agent_model *model, const struct yaml_node *doc)
{
	struct object *o = model_alloc(model, sizeof(*o));
	int rc = read_meta(model, doc, KIND_NAMESPACE, false, o);

	return rc < 0 ? rc : model_add(model, o);
}
