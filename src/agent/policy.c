/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * policy: a NetworkPolicy (networking.k8s.io/v1). policyTypes left out mean Ingress, and Egress as
 * well if there are egress rules. An absent or empty `from`/`to` is everybody, an absent or empty
 * `ports` every port; an absent `ingress` under policyTypes Ingress denies everything.
 */
#include <string.h>

#include "agent/agent_int.h"
#include "base/refuse.h"

static int read_except(
	struct agent_model *model, const struct yaml_node *block, struct policy_peer *peer)
{
	const struct yaml_node *list = NULL;
	int rc = yaml_want_list(block, "except", &list);

	if (rc < 0 || !list)
		return rc;
	peer->except = model_alloc(model, list->count * sizeof(*peer->except));
	yaml_each(at, list) {
		struct prefix *p = &peer->except[peer->nr_except++];

		if ((rc = yaml_as_prefix(at, p)) < 0)
			return rc;
		*p = prefix_network(p);
		if (p->addr.family != peer->block.addr.family ||
			!prefix_contains_prefix(&peer->block, p))
			return yaml_refuse(
				at, EINVAL, "value '%s' is not inside the block's cidr", at->text);
	}
	return 0;
}

static int read_block(
	struct agent_model *model, const struct yaml_node *block, struct policy_peer *peer)
{
	int rc = yaml_need_prefix(block, "cidr", &peer->block);

	if (rc < 0)
		return rc;
	peer->is_block = true;
	peer->block = prefix_network(&peer->block);
	return read_except(model, block, peer);
}

static int read_peer(
	struct agent_model *model, const struct yaml_node *at, struct policy_peer *peer)
{
	const struct yaml_node *block = yaml_get(at, "ipBlock");
	int rc;

	if ((rc = read_selector(model, yaml_get(at, "podSelector"), &peer->pods)) < 0 ||
		(rc = read_selector(model, yaml_get(at, "namespaceSelector"), &peer->namespaces)) <
			0)
		return rc;
	if (block && block->kind != YAML_NULL) {
		if (peer->pods.present || peer->namespaces.present)
			return yaml_refuse(
				at, EINVAL, "a peer is either an ipBlock or selectors, not both");
		return read_block(model, block, peer);
	}
	if (!peer->pods.present && !peer->namespaces.present)
		return yaml_refuse(at, EINVAL,
			"a peer needs podSelector, namespaceSelector or ipBlock; to allow "
			"everybody "
			"leave the list of peers out");
	return 0;
}

static int read_port_range(const struct yaml_node *at, struct policy_port *port)
{
	uint64_t first, last;
	int rc = yaml_need_u64(at, "port", 1, 65535, &first);

	last = first;
	if (rc < 0 || (rc = yaml_want_u64(at, "endPort", 1, 65535, &last)) < 0)
		return rc;
	if (last < first)
		return yaml_refuse(yaml_key(at, "endPort"), EINVAL,
			"value '%u' is below port %u: the range is reversed", (unsigned)last,
			(unsigned)first);
	port->first = (uint16_t)first;
	port->last = (uint16_t)last;
	return 0;
}

static int read_port(const struct yaml_node *at, struct policy_port *port)
{
	const struct yaml_node *number = yaml_get(at, "port"), *end = yaml_get(at, "endPort");
	int rc = read_protocol(at, &port->protocol);

	port->last = 65535;
	if (rc < 0)
		return rc;
	if (!number || number->kind == YAML_NULL)
		return end && end->kind != YAML_NULL
			       ? yaml_refuse(end, EINVAL, "endPort needs a port that it ends")
			       : 0;
	if (number->kind == YAML_SCALAR && !number->quoted &&
		strspn(number->text, "-0123456789") == number->text_len)
		return read_port_range(at, port);
	if (end && end->kind != YAML_NULL)
		return yaml_refuse(end, EINVAL, "endPort does not go with a named port");
	return yaml_as_string(number, &port->name);
}

static int read_rule(struct agent_model *model, const struct yaml_node *at, const char *peers_field,
	struct policy_rule *rule)
{
	const struct yaml_node *peers = NULL, *ports = NULL;
	int rc;

	if ((rc = yaml_want_list(at, peers_field, &peers)) < 0 ||
		(rc = yaml_want_list(at, "ports", &ports)) < 0)
		return rc;
	rule->peers = model_alloc(model, (peers ? peers->count : 0) * sizeof(*rule->peers));
	rule->ports = model_alloc(model, (ports ? ports->count : 0) * sizeof(*rule->ports));
	yaml_each(peer, peers)
		if ((rc = read_peer(model, peer, &rule->peers[rule->nr_peers++])) < 0)
			return rc;
	yaml_each(port, ports)
		if ((rc = read_port(port, &rule->ports[rule->nr_ports++])) < 0)
			return rc;
	return 0;
}

static int read_side(struct agent_model *model, const struct yaml_node *doc, const char *field,
	const char *peers_field, struct policy_side *side)
{
	const struct yaml_node *list = NULL;
	int rc = yaml_want_list(doc, field, &list);

	if (rc < 0 || !list)
		return rc;
	side->rules = model_alloc(model, list->count * sizeof(*side->rules));
	yaml_each(at, list)
		if ((rc = read_rule(model, at, peers_field, &side->rules[side->nr_rules++])) < 0)
			return rc;
	return 0;
}

static int read_types(struct policy *policy, const struct yaml_node *doc)
{
	static const char *const types[] = {"Ingress", "Egress"};
	const struct yaml_node *list = NULL;
	unsigned type;
	int rc = yaml_want_list(doc, "spec.policyTypes", &list);

	if (rc < 0)
		return rc;
	if (!list || !list->count) {
		policy->ingress.isolates = true;
		policy->egress.isolates = policy->egress.nr_rules > 0;
	}
	yaml_each(at, list) {
		if ((rc = yaml_as_enum(at, types, ARRAY_SIZE(types), &type)) < 0)
			return rc;
		*(type ? &policy->egress.isolates : &policy->ingress.isolates) = true;
	}
	return 0;
}

int read_policy(struct agent_model *model, const struct yaml_node *doc)
{
	struct policy *policy = model_alloc(model, sizeof(*policy));
	int rc;

	if ((rc = read_meta(model, doc, KIND_POLICY, true, &policy->o)) < 0 ||
		(rc = read_selector(model, yaml_get(doc, "spec.podSelector"), &policy->pods)) < 0 ||
		(rc = read_side(model, doc, "spec.ingress", "from", &policy->ingress)) < 0 ||
		(rc = read_side(model, doc, "spec.egress", "to", &policy->egress)) < 0 ||
		(rc = read_types(policy, doc)) < 0)
		return rc;
	/* podSelector left out or {} is every pod of the namespace */
	policy->pods.present = true;
	return model_add(model, &policy->o);
}
