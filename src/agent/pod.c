/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pod: a Pod. Pods on the host's network share the node's address, finished ones (Succeeded,
 * Failed) gave theirs back, and new ones have none yet: none of these is an overlay pod.
 */
#include <string.h>

#include "agent/agent_int.h"
#include "base/refuse.h"

static int add_address(struct pod *pod, const struct yaml_node *at)
{
	struct addr a;
	int rc = yaml_as_addr(at, &a);

	if (rc < 0)
		return rc;
	for (size_t i = 0; i < pod->nr_addrs; i++)
		if (pod->addrs[i].family == a.family)
			return yaml_refuse(at, EINVAL,
				"value '%s' is a second address of its family", at->text);
	pod->addrs_at[pod->nr_addrs] = at;
	pod->addrs[pod->nr_addrs++] = a;
	return 0;
}

/* podIPs, or the older single podIP. */
static int read_addresses(struct pod *pod, const struct yaml_node *doc)
{
	const struct yaml_node *list = NULL, *single = yaml_get(doc, "status.podIP"), *ip;
	int rc = yaml_want_list(doc, "status.podIPs", &list);

	if (rc < 0)
		return rc;
	if (!list || !list->count)
		return single && single->kind == YAML_SCALAR && *single->text
			       ? add_address(pod, single)
			       : 0;
	yaml_each(entry, list) {
		if (!(ip = yaml_get(entry, "ip")))
			return yaml_refuse(entry, EINVAL, "'ip' is missing");
		if ((rc = add_address(pod, ip)) < 0)
			return rc;
	}
	return 0;
}

static int read_port(const struct yaml_node *at, struct container_port *port)
{
	uint64_t number;
	int rc;

	if ((rc = yaml_need_u64(at, "containerPort", 1, 65535, &number)) < 0 ||
		(rc = yaml_want_string(at, "name", &port->name)) < 0)
		return rc;
	port->port = (uint16_t)number;
	return read_protocol(at, &port->protocol);
}

static int read_container(struct pod *pod, const struct yaml_node *container)
{
	const struct yaml_node *list = NULL;
	int rc = yaml_want_list(container, "ports", &list);

	yaml_each(port, list)
		if (rc == 0)
			rc = read_port(port, &pod->ports[pod->nr_ports++]);
	return rc;
}

static int read_ports(struct agent_model *model, struct pod *pod, const struct yaml_node *doc)
{
	const struct yaml_node *containers = NULL, *list;
	unsigned n = 0;
	int rc = yaml_want_list(doc, "spec.containers", &containers);

	yaml_each(container, containers)
		n += (list = yaml_get(container, "ports")) ? list->count : 0;
	pod->ports = model_alloc(model, n * sizeof(*pod->ports));
	yaml_each(container, containers)
		if (rc == 0)
			rc = read_container(pod, container);
	return rc;
}

/* Ready unless the Ready condition says otherwise: hand-written manifests have no conditions. */
static int read_ready(struct pod *pod, const struct yaml_node *doc)
{
	const struct yaml_node *list = NULL;
	const char *type, *status;
	int rc = yaml_want_list(doc, "status.conditions", &list);

	pod->ready = true;
	yaml_each(condition, list) {
		type = status = "";
		if (rc < 0 || (rc = yaml_want_string(condition, "type", &type)) < 0 ||
			(rc = yaml_want_string(condition, "status", &status)) < 0)
			return rc;
		if (strcmp(type, "Ready") == 0)
			pod->ready = strcmp(status, "True") == 0;
	}
	return rc;
}

static int read_vf(struct pod *pod, const struct yaml_node *doc)
{
	pod->vf_at = annotation(doc, "softdpu.io/vf");
	if (!pod->vf_at)
		return 0;
	if (pod->vf_at->kind != YAML_SCALAR || strncmp(pod->vf_at->text, "pf", 2))
		return yaml_refuse(pod->vf_at, EINVAL,
			"value '%s' is not a representor; expected for example pf0vf3",
			pod->vf_at->text ? pod->vf_at->text : "");
	return yaml_as_string(pod->vf_at, &pod->vf);
}

int read_pod(struct agent_model *model, const struct yaml_node *doc)
{
	struct pod *pod = model_alloc(model, sizeof(*pod));
	const char *phase = "Running";
	bool host = false;
	int rc;

	if ((rc = read_meta(model, doc, KIND_POD, true, &pod->o)) < 0 ||
		(rc = yaml_want_string(doc, "spec.nodeName", &pod->node_name)) < 0 ||
		(rc = yaml_want_bool(doc, "spec.hostNetwork", &host)) < 0 ||
		(rc = yaml_want_string(doc, "status.phase", &phase)) < 0 ||
		(rc = read_ports(model, pod, doc)) < 0 || (rc = read_vf(pod, doc)) < 0 ||
		(rc = read_ready(pod, doc)) < 0)
		return rc;
	/* the addresses of host-network pods are the node's: several per family are theirs to have */
	if (!host && (rc = read_addresses(pod, doc)) < 0)
		return rc;
	pod->node_name_at = yaml_get(doc, "spec.nodeName");
	pod->overlay = !host && pod->nr_addrs && pod->node_name && strcmp(phase, "Succeeded") &&
		       strcmp(phase, "Failed");
	return model_add(model, &pod->o);
}

uint16_t pod_named_port(const struct pod *pod, const char *name, uint8_t protocol)
{
	for (size_t i = 0; i < pod->nr_ports; i++)
		if (pod->ports[i].name && pod->ports[i].protocol == protocol &&
			strcmp(pod->ports[i].name, name) == 0)
			return pod->ports[i].port;
	return 0;
}
