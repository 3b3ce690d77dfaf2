/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * diff: two desired states -> the operations between them. A state is a JSON object from
 * "kind/name" to a value, so equality is json_equal() and nothing here knows what a value means.
 */
#include <string.h>

#include "agent/agent.h"
#include "base/base.h"

/* The order in which the receiver can resolve names: policies name pods, pods name nodes. */
static const char *const kinds[] = {"node", "pod", "service", "policy"};

static bool key_is(const char *key, const char *kind)
{
	size_t len = strlen(kind);

	return strncmp(key, kind, len) == 0 && key[len] == '/';
}

static json_t *op_new(const char *op, const char *kind, const char *key)
{
	return json_pack("{s:s, s:s, s:s}", "op", op, "kind", kind, "name", key + strlen(kind) + 1);
}

static void diff_deletes(json_t *ops, const char *kind, const json_t *from, const json_t *to)
{
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)(uintptr_t)from, key, value)
		if (key_is(key, kind) && !json_object_get(to, key))
			json_array_append_new(ops, op_new("delete", kind, key));
}

static void diff_upserts(json_t *ops, const char *kind, const json_t *from, const json_t *to)
{
	const char *key;
	json_t *value, *op;

	json_object_foreach((json_t *)(uintptr_t)to, key, value) {
		if (!key_is(key, kind))
			continue;
		if (from && json_equal(json_object_get(from, key), value))
			continue;
		op = op_new("upsert", kind, key);
		json_object_set(op, "value", value);
		json_array_append_new(ops, op);
	}
}

json_t *agent_diff(const json_t *from, const json_t *to)
{
	json_t *ops = json_array();

	for (size_t i = ARRAY_SIZE(kinds); i-- > 0 && from;)
		diff_deletes(ops, kinds[i], from, to);
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		diff_upserts(ops, kinds[i], from, to);
	return ops;
}
