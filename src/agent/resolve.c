/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * resolve: model -> the desired state of one node, in the form agent.h gives. Every pod and node of
 * the cluster is in it (any of them may be a peer), policies only as far as they select local pods.
 */
#include <stdio.h>
#include <string.h>

#include "agent/agent_int.h"
#include "base/refuse.h"

json_t *json_addr(const struct addr *a)
{
	char text[ADDR_TEXT_MAX];

	return json_string(addr_print(a, text));
}

json_t *json_prefix(const struct prefix *p)
{
	char text[PREFIX_TEXT_MAX];

	return json_string(prefix_print(p, text));
}

static json_t *json_addrs(const struct addr *v, size_t n)
{
	json_t *list = json_array();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(list, json_addr(&v[i]));
	return list;
}

static void state_add(json_t *state, const char *kind, const struct object *o, json_t *value)
{
	char key[1024];

	snprintf(key, sizeof(key), "%s/%s%s%s", kind, o->ns, *o->ns ? "/" : "", o->name);
	json_object_set_new(state, key, value);
}

static void resolve_nodes(const struct agent_model *model, json_t *state)
{
	const struct node *node;

	model_each(node, model, KIND_NODE) {
		json_t *value = json_object(), *cidrs = json_array();

		for (size_t i = 0; i < node->nr_cidrs; i++)
			json_array_append_new(cidrs, json_prefix(&node->cidrs[i]));
		json_object_set_new(value, "vteps", json_addrs(node->vteps, node->nr_vteps));
		json_object_set_new(value, "cidrs", cidrs);
		if (node->vni)
			json_object_set_new(value, "vni", json_integer(node->vni));
		state_add(state, "node", &node->o, value);
	}
}

static void resolve_pods(const struct agent_model *model, json_t *state)
{
	const struct pod *pod;

	model_each(pod, model, KIND_POD) {
		json_t *value;

		if (!pod->overlay)
			continue;
		value = json_object();
		json_object_set_new(value, "node", json_string(pod->node_name));
		json_object_set_new(value, "addresses", json_addrs(pod->addrs, pod->nr_addrs));
		if (pod->vf)
			json_object_set_new(value, "vf", json_string(pod->vf));
		state_add(state, "pod", &pod->o, value);
	}
}

int agent_resolve(const struct agent_model *model, const char *node, json_t **out)
{
	json_t *state;
	int rc;

	if (!model_find(model, KIND_NODE, "", node))
		return refuse(ENOENT, "the manifests have no Node '%s'", node);
	state = json_object();
	resolve_nodes(model, state);
	resolve_pods(model, state);
	if ((rc = resolve_services(model, node, state)) < 0 ||
		(rc = resolve_policies(model, node, state)) < 0) {
		json_decref(state);
		return rc;
	}
	*out = state;
	return 0;
}
