/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * meta: names, labels, annotations and label selectors: what the kinds have in common. The matching
 * rules are Kubernetes' (meta/v1 LabelSelector): all requirements must hold; NotIn and DoesNotExist
 * hold for an absent key.
 */
#include <netinet/in.h>
#include <string.h>

#include "agent/agent_int.h"
#include "base/refuse.h"

int read_labels(struct agent_model *model, const struct yaml_node *map, struct labels *out)
{
	struct label *v;
	int rc;

	*out = (struct labels){0};
	if (!map || map->kind == YAML_NULL)
		return 0;
	if ((rc = yaml_as_map(map, &map)) < 0)
		return rc;
	v = model_alloc(model, map->count * sizeof(*v));
	yaml_each(child, map) {
		v[out->n].key = child->key;
		v[out->n].value = "";
		if (child->kind != YAML_NULL && (rc = yaml_as_string(child, &v[out->n].value)) < 0)
			return rc;
		out->n++;
	}
	out->v = v;
	return 0;
}

int read_meta(struct agent_model *model, const struct yaml_node *doc, enum object_kind kind,
	bool namespaced, struct object *o)
{
	int rc;

	o->kind = kind;
	o->at = doc;
	o->ns = namespaced ? "default" : "";
	if ((rc = yaml_need_string(doc, "metadata.name", &o->name)) < 0)
		return rc;
	if (strchr(o->name, '/') || !*o->name)
		return yaml_refuse(yaml_get(doc, "metadata.name"), EINVAL,
			"value '%s' is not an object name: it is empty or has a '/'", o->name);
	if (namespaced && (rc = yaml_want_string(doc, "metadata.namespace", &o->ns)) < 0)
		return rc;
	if (namespaced && (strchr(o->ns, '/') || !*o->ns))
		return yaml_refuse(yaml_get(doc, "metadata.namespace"), EINVAL,
			"value '%s' is not a namespace: it is empty or has a '/'", o->ns);
	return read_labels(model, yaml_get(doc, "metadata.labels"), &o->labels);
}

const struct yaml_node *annotation(const struct yaml_node *doc, const char *key)
{
	return yaml_key(yaml_get(doc, "metadata.annotations"), key);
}

static const struct {
	const char *name;
	uint8_t protocol;
} protocols[] = {{"TCP", IPPROTO_TCP}, {"UDP", IPPROTO_UDP}, {"SCTP", IPPROTO_SCTP}};

/* `protocol:` of a port of any kind; TCP when absent. */
int read_protocol(const struct yaml_node *map, uint8_t *protocol)
{
	static const char *const names[] = {"TCP", "UDP", "SCTP"};
	unsigned i = 0;
	int rc = yaml_want_enum(map, "protocol", names, ARRAY_SIZE(names), &i);

	*protocol = protocols[i].protocol;
	return rc;
}

const char *protocol_name(uint8_t protocol)
{
	for (size_t i = 0; i < ARRAY_SIZE(protocols); i++)
		if (protocols[i].protocol == protocol)
			return protocols[i].name;
	return "?";
}

/* --- selectors --- */

static int read_values(struct agent_model *model, const struct yaml_node *node, struct expr *e)
{
	const struct yaml_node *list = NULL, *at;
	bool wants = e->op == EXPR_IN || e->op == EXPR_NOT_IN;
	int rc = yaml_want_list(node, "values", &list);

	if (rc < 0)
		return rc;
	at = list ? list : node;
	if (wants && (!list || !list->count))
		return yaml_refuse(at, EINVAL, "operators In and NotIn need at least one value");
	if (!wants && list && list->count)
		return yaml_refuse(at, EINVAL, "operators Exists and DoesNotExist take no values");
	e->values = model_alloc(model, (list ? list->count : 0) * sizeof(*e->values));
	yaml_each(child, list)
		if ((rc = yaml_as_string(child, &e->values[e->nr_values++])) < 0)
			return rc;
	return 0;
}

static int read_expr(struct agent_model *model, const struct yaml_node *node, struct expr *e)
{
	static const char *const ops[] = {"In", "NotIn", "Exists", "DoesNotExist"};
	unsigned op;
	int rc;

	if ((rc = yaml_need_string(node, "key", &e->key)) < 0 ||
		(rc = yaml_need_enum(node, "operator", ops, ARRAY_SIZE(ops), &op)) < 0)
		return rc;
	e->op = (enum expr_op)op;
	return read_values(model, node, e);
}

/* `node` is a LabelSelector, or NULL when the field is absent. */
int read_selector(struct agent_model *model, const struct yaml_node *node, struct selector *out)
{
	const struct yaml_node *list = NULL;
	struct expr *exprs;
	int rc;

	*out = (struct selector){.present = node && node->kind != YAML_NULL};
	if (!out->present)
		return 0;
	if ((rc = yaml_as_map(node, &node)) < 0 ||
		(rc = read_labels(model, yaml_key(node, "matchLabels"), &out->match)) < 0 ||
		(rc = yaml_want_list(node, "matchExpressions", &list)) < 0 || !list)
		return rc;
	out->exprs = exprs = model_alloc(model, list->count * sizeof(*exprs));
	yaml_each(child, list)
		if ((rc = read_expr(model, child, &exprs[out->nr_exprs++])) < 0)
			return rc;
	return 0;
}

static const char *label_value(const struct labels *labels, const char *key)
{
	for (size_t i = 0; i < labels->n; i++)
		if (strcmp(labels->v[i].key, key) == 0)
			return labels->v[i].value;
	return NULL;
}

static bool expr_holds(const struct expr *e, const struct labels *labels)
{
	const char *value = label_value(labels, e->key);
	bool in = false;

	for (size_t i = 0; i < e->nr_values && value && !in; i++)
		in = strcmp(e->values[i], value) == 0;
	switch (e->op) {
	case EXPR_IN:
		return in;
	case EXPR_NOT_IN:
		return !in;
	case EXPR_EXISTS:
		return value;
	case EXPR_DOES_NOT_EXIST:
		return !value;
	}
	return false;
}

bool selector_matches(const struct selector *s, const struct labels *labels)
{
	if (!s->present)
		return false;
	for (size_t i = 0; i < s->match.n; i++) {
		const char *value = label_value(labels, s->match.v[i].key);

		if (!value || strcmp(value, s->match.v[i].value))
			return false;
	}
	for (size_t i = 0; i < s->nr_exprs; i++)
		if (!expr_holds(&s->exprs[i], labels))
			return false;
	return true;
}
