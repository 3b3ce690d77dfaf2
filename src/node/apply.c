/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * apply: node.apply and node.state. A transaction is a difference to the state the sender believes we
 * have (or, with base_generation 0, everything). It is put together, compiled and wired beside the
 * running model, which workers read until the swap and which stays if anything is refused.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/refuse.h"
#include "node/node_int.h"

LOG_MODULE("node.apply");

static void model_retire(void *model)
{
	model_free(model);
}

/* Workers see the new model from their next batch on; connections that no longer fit it go. */
static int swap_in(struct node *node, struct model *m, bool revalidate)
{
	struct model *old = (struct model *)(uintptr_t)node->model;
	int rc;

	if ((rc = tunnels_for(node, m)) < 0 || (rc = ports_guard(node, m)) < 0) {
		if (old && (tunnels_for(node, old) < 0 || ports_guard(node, old) < 0))
			log_err("the old state could not be restored: %s", refusal());
		model_free(m);
		return rc;
	}
	__atomic_store_n(&node->model, m, __ATOMIC_RELEASE);
	if (revalidate)
		conns_revalidate(node, m);
	if (old)
		flow_retire(node->flow, model_retire, old);
	return 0;
}

static int compile(struct node *node, json_t *state, bool revalidate)
{
	struct compile_env env = {
		.node = node->card.name,
		.card = &node->card,
		.balancer = node->balancer,
		.port_of = port_of_pod,
		.arg = node,
	};
	struct model *m;
	int rc = model_compile(&env, state, &m);

	return rc < 0 ? rc : swap_in(node, m, revalidate);
}

/* The ports changed under the same desired state. */
int node_recompile(struct node *node)
{
	int rc;

	if (!node->state)
		return 0;
	node->lenient = true;
	rc = compile(node, node->state, true);
	node->lenient = false;
	return rc;
}

/* --- the transaction --- */

static int apply_op(json_t *state, const json_t *op, size_t i)
{
	const char *what = json_string_value(json_object_get(op, "op"));
	const char *kind = json_string_value(json_object_get(op, "kind"));
	const char *name = json_string_value(json_object_get(op, "name"));
	json_t *value = json_object_get(op, "value");
	char key[1200];

	if (!what || !kind || !name || !*name)
		return refuse(EINVAL, "node.apply: ops[%zu]: op, kind or name is missing", i);
	if (strcmp(kind, "node") && strcmp(kind, "pod") && strcmp(kind, "service") &&
		strcmp(kind, "policy"))
		return refuse(EINVAL,
			"node.apply: ops[%zu]: kind '%s' is not node, pod, service or policy", i,
			kind);
	if (snprintf(key, sizeof(key), "%s/%s", kind, name) >= (int)sizeof(key))
		return refuse(EINVAL, "node.apply: ops[%zu]: the name is too long", i);
	if (!strcmp(what, "delete")) {
		json_object_del(state, key);
		return 0;
	}
	if (strcmp(what, "upsert") || !json_is_object(value))
		return refuse(EINVAL,
			"node.apply: ops[%zu]: op '%s' is not delete or upsert with a value", i,
			what);
	return json_object_set(state, key, value) < 0 ? refuse(ENOMEM, "node.apply: out of memory")
						      : 0;
}

/* Services alone do not concern connections that exist: a million of them need not be looked at. */
static bool only_services(const json_t *ops)
{
	const char *kind;
	json_t *op;
	size_t i;

	json_array_foreach((json_t *)(uintptr_t)ops, i, op) {
		kind = json_string_value(json_object_get(op, "kind"));
		if (!kind || strcmp(kind, "service"))
			return false;
	}
	return true;
}

static int check_base(
	const struct node *node, const json_t *params, json_int_t *generation, bool *full)
{
	const char *name;
	json_int_t instance = 0, base = 0;
	json_error_t error;

	*generation = 0;
	if (json_unpack_ex((json_t *)(uintptr_t)params, &error, 0, "{s:s, s?I, s?I, s?I}", "node",
		    &name, "instance", &instance, "base_generation", &base, "generation",
		    generation) < 0)
		return refuse(EINVAL, "node.apply: %s", error.text);
	if (strcmp(name, node->card.name))
		return refuse(EINVAL, "node.apply: field 'node': value '%s' is not this node, '%s'",
			name, node->card.name);
	if (instance && (uint64_t)instance != node->instance)
		return refuse(ESTALE, "node.apply: this switch started anew, send everything");
	*full = !base;
	if (base && (uint64_t)base != node->generation)
		return refuse(ESTALE,
			"node.apply: base_generation is %lld, but the state here is %llu",
			(long long)base, (unsigned long long)node->generation);
	return 0;
}

int node_apply(struct node *node, const json_t *params, json_t **result)
{
	const json_t *ops = json_object_get(params, "ops");
	json_int_t generation;
	json_t *state, *op;
	bool full, revalidate;
	size_t i;
	int rc;

	if (!node->esw)
		return refuse(ENODEV, "node.apply: node '%s' is not attached to a switch",
			node->card.name);
	if ((rc = check_base(node, params, &generation, &full)) < 0)
		return rc;
	if (!json_is_array(ops))
		return refuse(EINVAL, "node.apply: field 'ops' is not a list");
	revalidate = full || !only_services(ops);
	state = full || !node->state ? json_object() : json_copy(node->state);
	json_array_foreach((json_t *)(uintptr_t)ops, i, op)
		if (rc == 0)
			rc = apply_op(state, op, i);
	if (rc == 0)
		rc = compile(node, state, revalidate);
	if (rc < 0) {
		json_decref(state);
		return rc;
	}
	json_decref(node->state);
	node->state = state;
	node->generation = generation > 0 ? (uint64_t)generation : node->generation + 1;
	node->applied_ns = clock_now_ns();
	*result = json_pack("{s:I, s:I}", "generation", (json_int_t)node->generation, "operations",
		(json_int_t)json_array_size(ops));
	return 0;
}

int node_state_json(struct node *node, const json_t *params, json_t **result)
{
	*result = json_pack("{s:s, s:I, s:I}", "node", node->card.name, "instance",
		(json_int_t)node->instance, "generation", (json_int_t)node->generation);
	return 0;
}
