/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * resolve_policy: NetworkPolicies for the pods of one node. Selectors become lists of pod names,
 * named ports become numbers: for ingress those of the pod that is protected (so one policy may
 * split into several, by what its pods call the port), for egress those of the peer (so one rule may
 * split into several, by what the peers call it).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/agent_int.h"

/* Work of one policy: every pod of the model has an ordinal, sets are arrays of flags. */
struct resolver {
	const struct agent_model *model;
	const struct policy *policy;
	const struct pod **pods;         /* the overlay pods */
	const struct labels **ns_labels; /* of each pod's namespace */
	size_t nr_pods;
	bool *chosen;  /* the present rule's peers */
	bool *grouped; /* targets already in a group */
};

static bool peer_selects(const struct resolver *r, const struct policy_peer *peer, size_t i)
{
	const struct pod *pod = r->pods[i];

	if (peer->namespaces.present ? !selector_matches(&peer->namespaces, r->ns_labels[i])
				     : strcmp(pod->o.ns, r->policy->o.ns) != 0)
		return false;
	return !peer->pods.present || selector_matches(&peer->pods, &pod->o.labels);
}

/* Which pods the rule's peers select; all of them when it names no peers. */
static void choose_peers(struct resolver *r, const struct policy_rule *rule)
{
	for (size_t i = 0; i < r->nr_pods; i++) {
		r->chosen[i] = !rule->nr_peers;
		for (size_t p = 0; p < rule->nr_peers && !r->chosen[i]; p++)
			r->chosen[i] =
				!rule->peers[p].is_block && peer_selects(r, &rule->peers[p], i);
	}
}

static json_t *pod_name(const struct pod *pod)
{
	char name[1024];

	snprintf(name, sizeof(name), "%s/%s", pod->o.ns, pod->o.name);
	return json_string(name);
}

static json_t *blocks_of(const struct policy_rule *rule)
{
	json_t *blocks = json_array();

	for (size_t i = 0; i < rule->nr_peers; i++) {
		const struct policy_peer *peer = &rule->peers[i];
		json_t *block, *except;

		if (!peer->is_block)
			continue;
		block = json_object();
		json_object_set_new(block, "cidr", json_prefix(&peer->block));
		except = json_array();
		for (size_t e = 0; e < peer->nr_except; e++)
			json_array_append_new(except, json_prefix(&peer->except[e]));
		if (peer->nr_except)
			json_object_set(block, "except", except);
		json_decref(except);
		json_array_append_new(blocks, block);
	}
	return blocks;
}

/* The peers of the whole rule. */
static void set_peers(struct resolver *r, const struct policy_rule *rule, json_t *out)
{
	json_t *peers, *pods;

	if (!rule->nr_peers)
		return;
	pods = json_array();
	for (size_t i = 0; i < r->nr_pods; i++)
		if (r->chosen[i])
			json_array_append_new(pods, pod_name(r->pods[i]));
	peers = json_object();
	json_object_set_new(peers, "pods", pods);
	json_object_set_new(peers, "blocks", blocks_of(rule));
	json_object_set_new(out, "peers", peers);
}

static json_t *port_value(uint8_t protocol, uint16_t first, uint16_t last)
{
	json_t *value = json_object();

	json_object_set_new(value, "protocol", json_string(protocol_name(protocol)));
	if (first) {
		json_object_set_new(value, "first", json_integer(first));
		json_object_set_new(value, "last", json_integer(last));
	}
	return value;
}

/* Ports by number, and those by name that `pod` (NULL: nobody) has. NULL: the rule had ports and
 * none of them exists, so it allows nothing. */
static json_t *ports_of(const struct policy_rule *rule, const struct pod *pod)
{
	json_t *ports = json_array();

	for (size_t i = 0; i < rule->nr_ports; i++) {
		const struct policy_port *p = &rule->ports[i];
		uint16_t number;

		if (!p->name) {
			json_array_append_new(ports, port_value(p->protocol, p->first, p->last));
			continue;
		}
		number = pod ? pod_named_port(pod, p->name, p->protocol) : 0;
		if (number)
			json_array_append_new(ports, port_value(p->protocol, number, number));
	}
	if (rule->nr_ports && !json_array_size(ports)) {
		json_decref(ports);
		return NULL;
	}
	return ports;
}

static void add_rule(
	struct resolver *r, const struct policy_rule *rule, const struct pod *named, json_t *rules)
{
	json_t *ports = ports_of(rule, named), *out;

	if (!ports)
		return;
	out = json_object();
	choose_peers(r, rule);
	set_peers(r, rule, out);
	if (json_array_size(ports))
		json_object_set(out, "ports", ports);
	json_decref(ports);
	json_array_append_new(rules, out);
}

/* --- egress: a named port is the peer's --- */

/* One rule for the chosen peers whose port of that name has the number of the pod at `first`. */
static void add_named_group(
	struct resolver *r, const struct policy_port *port, size_t first, json_t *rules)
{
	uint16_t number = pod_named_port(r->pods[first], port->name, port->protocol);
	json_t *pods = json_array(), *rule;

	for (size_t i = first; i < r->nr_pods; i++) {
		if (!r->chosen[i] ||
			pod_named_port(r->pods[i], port->name, port->protocol) != number)
			continue;
		json_array_append_new(pods, pod_name(r->pods[i]));
		r->chosen[i] = false;
	}
	rule = json_pack("{s:{s:o, s:[]}, s:[o]}", "peers", "pods", pods, "blocks", "ports",
		port_value(port->protocol, number, number));
	json_array_append_new(rules, rule);
}

static void add_named_peers(struct resolver *r, const struct policy_rule *rule, json_t *rules)
{
	for (size_t p = 0; p < rule->nr_ports; p++) {
		const struct policy_port *port = &rule->ports[p];

		if (!port->name)
			continue;
		choose_peers(r, rule);
		for (size_t i = 0; i < r->nr_pods; i++)
			if (r->chosen[i] && pod_named_port(r->pods[i], port->name, port->protocol))
				add_named_group(r, port, i, rules);
	}
}

/* --- policies --- */

static bool same_names(const struct policy *policy, const struct pod *a, const struct pod *b)
{
	for (size_t i = 0; i < policy->ingress.nr_rules; i++)
		for (size_t p = 0; p < policy->ingress.rules[i].nr_ports; p++) {
			const struct policy_port *port = &policy->ingress.rules[i].ports[p];

			if (port->name && pod_named_port(a, port->name, port->protocol) !=
						  pod_named_port(b, port->name, port->protocol))
				return false;
		}
	return true;
}

static bool is_target(const struct resolver *r, const char *node, size_t i)
{
	const struct pod *pod = r->pods[i];

	return strcmp(pod->node_name, node) == 0 && strcmp(pod->o.ns, r->policy->o.ns) == 0 &&
	       selector_matches(&r->policy->pods, &pod->o.labels);
}

static json_t *group_value(struct resolver *r, const char *node, size_t first)
{
	const struct policy *policy = r->policy;
	json_t *value = json_object(), *pods = json_array(), *rules;

	for (size_t i = first; i < r->nr_pods; i++) {
		if (r->grouped[i] || !is_target(r, node, i) ||
			!same_names(policy, r->pods[first], r->pods[i]))
			continue;
		r->grouped[i] = true;
		json_array_append_new(pods, pod_name(r->pods[i]));
	}
	json_object_set_new(value, "pods", pods);
	if (policy->ingress.isolates) {
		json_object_set_new(value, "ingress", rules = json_array());
		for (size_t i = 0; i < policy->ingress.nr_rules; i++)
			add_rule(r, &policy->ingress.rules[i], r->pods[first], rules);
	}
	if (policy->egress.isolates) {
		json_object_set_new(value, "egress", rules = json_array());
		for (size_t i = 0; i < policy->egress.nr_rules; i++) {
			add_rule(r, &policy->egress.rules[i], NULL, rules);
			add_named_peers(r, &policy->egress.rules[i], rules);
		}
	}
	return value;
}

static void resolve_policy(struct resolver *r, const char *node, json_t *state)
{
	char key[1100];
	unsigned group = 0;

	memset(r->grouped, 0, r->nr_pods * sizeof(*r->grouped));
	for (size_t i = 0; i < r->nr_pods; i++) {
		if (r->grouped[i] || !is_target(r, node, i))
			continue;
		snprintf(key, sizeof(key), "policy/%s/%s", r->policy->o.ns, r->policy->o.name);
		if (group++)
			snprintf(key + strlen(key), sizeof(key) - strlen(key), "#%u", group);
		json_object_set_new(state, key, group_value(r, node, i));
	}
}

/* What a namespace we have no object for still has: the label Kubernetes gives each. */
struct implied {
	struct labels labels;
	struct label label;
};

static struct implied *namespace_labels(struct resolver *r)
{
	struct implied *v = calloc(r->nr_pods + 1, sizeof(*v));

	if (!v)
		abort();
	for (size_t i = 0; i < r->nr_pods; i++) {
		const char *ns = r->pods[i]->o.ns;
		const struct object *o = model_find(r->model, KIND_NAMESPACE, "", ns);

		v[i].label = (struct label){"kubernetes.io/metadata.name", ns};
		v[i].labels = (struct labels){&v[i].label, 1};
		r->ns_labels[i] = o ? &o->labels : &v[i].labels;
	}
	return v;
}

int resolve_policies(const struct agent_model *model, const char *node, json_t *state)
{
	size_t max = model->count[KIND_POD] + 1;
	struct resolver r = {.model = model};
	const struct pod *pod;
	struct implied *implied;

	r.pods = calloc(max, sizeof(*r.pods));
	r.ns_labels = calloc(max, sizeof(*r.ns_labels));
	r.chosen = calloc(max, sizeof(*r.chosen));
	r.grouped = calloc(max, sizeof(*r.grouped));
	if (!r.pods || !r.ns_labels || !r.chosen || !r.grouped)
		abort();
	model_each(pod, model, KIND_POD)
		if (pod->overlay)
			r.pods[r.nr_pods++] = pod;
	implied = namespace_labels(&r);
	model_each(r.policy, model, KIND_POLICY)
		resolve_policy(&r, node, state);
	free(implied);
	free(r.grouped);
	free(r.chosen);
	free(r.ns_labels);
	free(r.pods);
	return 0;
}
