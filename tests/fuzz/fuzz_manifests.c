/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Kubernetes manifests: read and resolve for every node. What the
 * agent accepts must resolve; equal states must have no difference; and a difference, applied, must give
 * the state it was made for. Sees the insides of room agent, to know the nodes' names.
 */
#include <assert.h>
#include <string.h>

#include "agent/agent_int.h"
#include "base/refuse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void apply(json_t *state, const json_t *ops)
{
	char key[2048];
	json_t *op;
	size_t i;

	json_array_foreach((json_t *)(uintptr_t)ops, i, op) {
		snprintf(key, sizeof(key), "%s/%s", json_string_value(json_object_get(op, "kind")),
			json_string_value(json_object_get(op, "name")));
		if (!strcmp(json_string_value(json_object_get(op, "op")), "delete"))
			json_object_del(state, key);
		else
			json_object_set(state, key, json_object_get(op, "value"));
	}
}

/* `before` becomes `after` by the difference between them. */
static void check_diff(const json_t *before, const json_t *after)
{
	json_t *ops = agent_diff(before, after),
	       *got = before ? json_copy((json_t *)(uintptr_t)before) : json_object();

	apply(got, ops);
	assert(json_equal(got, after));
	json_decref(ops);
	ops = agent_diff(got, after);
	assert(json_array_size(ops) == 0);
	json_decref(ops);
	json_decref(got);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct agent_model *model;
	json_t *before = NULL, *state;
	const struct object *node;
	int n = 0;

	if (agent_model_parse("fuzz.yaml", (const char *)data, size, &model) < 0) {
		assert(*refusal());
		return 0;
	}
	for (node = model->first[KIND_NODE]; node && n < 4; node = node->next, n++) {
		/* names beyond the key's room are cut alike everywhere, but then they are no test */
		if (size > 1000 && strlen(node->name) > 200)
			continue;
		assert(agent_resolve(model, node->name, &state) == 0);
		check_diff(before, state);
		json_decref(before);
		before = state;
	}
	json_decref(before);
	agent_model_free(model);
	return 0;
}
