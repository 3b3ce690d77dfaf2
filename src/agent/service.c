/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * service: a Service. Only ClusterIP addresses are balanced here (NodePort and LoadBalancer services
 * have one too); headless services are name lookups and ExternalName ones aliases: both have none.
 */
#include <string.h>

#include "agent/agent_int.h"
#include "base/refuse.h"

#define AFFINITY_DEFAULT_S 10800 /* Kubernetes' default: three hours */
#define AFFINITY_MAX_S 86400     /* and its limit */

static int add_cluster_ip(struct service *svc, const struct yaml_node *at)
{
	struct addr a;
	int rc;

	if (at->kind == YAML_NULL ||
		(at->kind == YAML_SCALAR && (!*at->text || !strcmp(at->text, "None"))))
		return 0;
	if ((rc = yaml_as_addr(at, &a)) < 0)
		return rc;
	for (size_t i = 0; i < svc->nr_addrs; i++)
		if (svc->addrs[i].family == a.family)
			return yaml_refuse(at, EINVAL,
				"value '%s' is a second address of its family", at->text);
	svc->addrs_at[svc->nr_addrs] = at;
	svc->addrs[svc->nr_addrs++] = a;
	return 0;
}

static int read_cluster_ips(struct service *svc, const struct yaml_node *doc)
{
	const struct yaml_node *list = NULL, *single = yaml_get(doc, "spec.clusterIP");
	int rc = yaml_want_list(doc, "spec.clusterIPs", &list);

	if (rc == 0 && (!list || !list->count) && single)
		return add_cluster_ip(svc, single);
	yaml_each(at, list)
		if (rc == 0)
			rc = add_cluster_ip(svc, at);
	return rc;
}

/* A number, or the name of a container port. The service's own number when absent. */
static int read_target(const struct yaml_node *at, struct service_port *port)
{
	const struct yaml_node *target = yaml_key(at, "targetPort");
	uint64_t number = port->port;
	const char *text;
	int rc;

	if (!target || target->kind == YAML_NULL) {
		port->target = port->port;
		return 0;
	}
	if ((rc = yaml_as_string(target, &text)) < 0)
		return rc;
	if (!target->quoted && strspn(text, "-0123456789") == strlen(text)) {
		rc = yaml_as_u64(target, 1, 65535, &number);
		port->target = (uint16_t)number;
		return rc;
	}
	port->target_name = text;
	return 0;
}

static int read_port(
	const struct service *svc, const struct yaml_node *at, struct service_port *port)
{
	uint64_t number;
	int rc;

	port->name = "";
	if ((rc = yaml_need_u64(at, "port", 1, 65535, &number)) < 0 ||
		(rc = yaml_want_string(at, "name", &port->name)) < 0 ||
		(rc = read_protocol(at, &port->protocol)) < 0)
		return rc;
	port->port = (uint16_t)number;
	for (size_t i = 0; i < svc->nr_ports; i++)
		if (svc->ports[i].port == port->port && svc->ports[i].protocol == port->protocol)
			return yaml_refuse(yaml_key(at, "port"), EINVAL,
				"value '%u' is a second %s port of that number", port->port,
				protocol_name(port->protocol));
	return read_target(at, port);
}

static int read_ports(struct agent_model *model, struct service *svc, const struct yaml_node *doc)
{
	const struct yaml_node *list = NULL;
	int rc = yaml_want_list(doc, "spec.ports", &list);

	if (rc < 0 || !list)
		return rc;
	svc->ports = model_alloc(model, list->count * sizeof(*svc->ports));
	yaml_each(at, list) {
		if ((rc = read_port(svc, at, &svc->ports[svc->nr_ports])) < 0)
			return rc;
		svc->nr_ports++;
	}
	return 0;
}

static int read_balancing(struct service *svc, const struct yaml_node *doc)
{
	static const char *const algorithms[] = {
		"round-robin", "least-connections", "random", "source-hash"};
	static const char *const affinities[] = {"None", "ClientIP"};
	const struct yaml_node *at = annotation(doc, "softdpu.io/algorithm");
	static const char *const scopes[] = {"Cluster", "Local"};
	unsigned algorithm = 0, affinity = 0, scope = 0;
	uint64_t seconds = AFFINITY_DEFAULT_S;
	int rc = 0;

	if (at)
		rc = yaml_as_enum(at, algorithms, ARRAY_SIZE(algorithms), &algorithm);
	if (rc < 0 ||
		(rc = yaml_want_enum(doc, "spec.sessionAffinity", affinities,
			 ARRAY_SIZE(affinities), &affinity)) < 0 ||
		(rc = yaml_want_u64(doc, "spec.sessionAffinityConfig.clientIP.timeoutSeconds", 1,
			 AFFINITY_MAX_S, &seconds)) < 0 ||
		(rc = yaml_want_enum(doc, "spec.internalTrafficPolicy", scopes, ARRAY_SIZE(scopes),
			 &scope)) < 0)
		return rc;
	svc->local_only = scope == 1;
	svc->algorithm = algorithms[algorithm];
	svc->affinity_s = affinity ? (uint32_t)seconds : 0;
	return 0;
}

/* A Service's selector is a plain map of labels; none means its endpoints are managed by hand. */
static int read_pod_selector(
	struct agent_model *model, struct service *svc, const struct yaml_node *doc)
{
	const struct yaml_node *map = yaml_get(doc, "spec.selector");

	svc->selector.present = map && map->kind == YAML_MAP && map->count;
	return read_labels(model, map, &svc->selector.match);
}

int read_service(struct agent_model *model, const struct yaml_node *doc)
{
	struct service *svc = model_alloc(model, sizeof(*svc));
	const char *type = "ClusterIP";
	int rc;

	if ((rc = read_meta(model, doc, KIND_SERVICE, true, &svc->o)) < 0 ||
		(rc = yaml_want_string(doc, "spec.type", &type)) < 0 ||
		(rc = read_ports(model, svc, doc)) < 0 || (rc = read_balancing(svc, doc)) < 0 ||
		(rc = read_pod_selector(model, svc, doc)) < 0)
		return rc;
	if (strcmp(type, "ExternalName") && (rc = read_cluster_ips(svc, doc)) < 0)
		return rc;
	return model_add(model, &svc->o);
}
