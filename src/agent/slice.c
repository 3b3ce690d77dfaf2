/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * slice: an EndpointSlice: some of the endpoints of one service, of one address family. Conditions
 * left out mean "ready" (discovery.k8s.io/v1: nil is to be taken as true for ready and serving).
 */
#include <string.h>

#include "agent/agent_int.h"
#include "base/refuse.h"

static int read_ports(struct agent_model *model, struct slice *slice, const struct yaml_node *doc)
{
	const struct yaml_node *list = NULL;
	struct slice_port *port;
	uint64_t number;
	int rc = yaml_want_list(doc, "ports", &list);

	if (rc < 0 || !list)
		return rc;
	slice->ports = model_alloc(model, list->count * sizeof(*slice->ports));
	yaml_each(at, list) {
		port = &slice->ports[slice->nr_ports++];
		port->name = "";
		number = 0;
		if ((rc = yaml_want_string(at, "name", &port->name)) < 0 ||
			(rc = yaml_want_u64(at, "port", 1, 65535, &number)) < 0 ||
			(rc = read_protocol(at, &port->protocol)) < 0)
			return rc;
		port->port = (uint16_t)number;
	}
	return 0;
}

/* An endpoint's addresses are fungible; like kube-proxy we use the first. */
static int read_endpoint(const struct yaml_node *at, int family, struct slice_endpoint *e)
{
	const struct yaml_node *list;
	int rc;

	e->ready = e->serving = true;
	if ((rc = yaml_need_list(at, "addresses", &list)) < 0)
		return rc;
	if (!list->count)
		return yaml_refuse(list, EINVAL, "an endpoint needs an address");
	if ((rc = yaml_as_addr(list->first, &e->addr)) < 0)
		return rc;
	if (e->addr.family != (uint32_t)family)
		return yaml_refuse(list->first, EINVAL,
			"value '%s' is not of the slice's addressType", list->first->text);
	if ((rc = yaml_want_string(at, "nodeName", &e->node_name)) < 0)
		return rc;
	if ((rc = yaml_want_bool(at, "conditions.ready", &e->ready)) < 0 ||
		(rc = yaml_want_bool(at, "conditions.serving", &e->serving)) < 0)
		return rc;
	return yaml_want_bool(at, "conditions.terminating", &e->terminating);
}

static int read_endpoints(
	struct agent_model *model, struct slice *slice, int family, const struct yaml_node *doc)
{
	const struct yaml_node *list = NULL;
	int rc = yaml_want_list(doc, "endpoints", &list);

	if (rc < 0 || !list)
		return rc;
	slice->endpoints = model_alloc(model, list->count * sizeof(*slice->endpoints));
	yaml_each(at, list)
		if ((rc = read_endpoint(at, family, &slice->endpoints[slice->nr_endpoints++])) < 0)
			return rc;
	return 0;
}

int read_slice(struct agent_model *model, const struct yaml_node *doc)
{
	static const char *const types[] = {"IPv4", "IPv6", "FQDN"};
	struct slice *slice = model_alloc(model, sizeof(*slice));
	const struct yaml_node *service;
	unsigned type;
	int rc;

	if ((rc = read_meta(model, doc, KIND_SLICE, true, &slice->o)) < 0 ||
		(rc = yaml_need_enum(doc, "addressType", types, ARRAY_SIZE(types), &type)) < 0)
		return rc;
	service = yaml_key(yaml_get(doc, "metadata.labels"), "kubernetes.io/service-name");
	if (service && (rc = yaml_as_string(service, &slice->service)) < 0)
		return rc;
	if (type == 2)
		return model_add(model, &slice->o); /* names are not routed */
	if ((rc = read_ports(model, slice, doc)) < 0 ||
		(rc = read_endpoints(model, slice, type ? AF_INET6 : AF_INET, doc)) < 0)
		return rc;
	return model_add(model, &slice->o);
}
