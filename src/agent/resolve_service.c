/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * resolve_service: services and their endpoints. A service's EndpointSlices are the truth; a service
 * with a selector and no slice at all (hand-written manifests) gets its endpoints from the pods.
 * Ready endpoints serve; when there are none, those that terminate but still serve do (as kube-proxy
 * does), so a rolling restart is not an outage.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/agent_int.h"
#include "base/hmap.h"

/* The slices of each service, found by its name once. */
struct slice_ref {
	struct hmap_node by_service;
	const struct slice *slice;
};

struct slices {
	struct hmap by_service;
	struct slice_ref *v;
};

static uint64_t service_hash(const char *ns, const char *name)
{
	return hmap_hash_str(name) ^ hmap_hash_u64(hmap_hash_str(ns));
}

static void slices_index(const struct agent_model *model, struct slices *slices)
{
	const struct slice *slice;
	size_t n = 0;

	*slices = (struct slices){.v = calloc(model->count[KIND_SLICE] + 1, sizeof(*slices->v))};
	if (!slices->v)
		abort();
	model_each(slice, model, KIND_SLICE) {
		struct slice_ref *ref = &slices->v[n];

		if (!slice->service)
			continue;
		n++;
		ref->slice = slice;
		hmap_insert(&slices->by_service, &ref->by_service,
			service_hash(slice->o.ns, slice->service));
	}
}

static bool slice_of(const struct slice *slice, const struct service *svc)
{
	return strcmp(slice->service, svc->o.name) == 0 && strcmp(slice->o.ns, svc->o.ns) == 0;
}

/* An endpoint may be in two slices while it moves from one to the other: it counts once. */
static void add_endpoint(json_t *list, const struct addr *a, uint16_t port)
{
	char text[ADDR_TEXT_MAX];
	json_t *e;
	size_t i;

	addr_print(a, text);
	json_array_foreach(list, i, e)
		if (json_integer_value(json_object_get(e, "port")) == port &&
			!strcmp(json_string_value(json_object_get(e, "address")), text))
			return;
	e = json_object();
	json_object_set_new(e, "address", json_string(text));
	json_object_set_new(e, "port", json_integer(port));
	json_array_append_new(list, e);
}

/* `node`: only endpoints there; NULL: all of them. */
static bool is_at(const char *node, const char *where)
{
	return !node || (where && strcmp(node, where) == 0);
}

static void add_slice(json_t *list, const struct slice *slice, const struct service_port *port,
	const char *node, bool last_resort)
{
	uint16_t number = 0;

	for (size_t i = 0; i < slice->nr_ports; i++)
		if (slice->ports[i].protocol == port->protocol &&
			strcmp(slice->ports[i].name, port->name) == 0)
			number = slice->ports[i].port;
	for (size_t i = 0; i < slice->nr_endpoints && number; i++) {
		const struct slice_endpoint *e = &slice->endpoints[i];

		if (!is_at(node, e->node_name))
			continue;
		if (last_resort ? e->serving && e->terminating && !e->ready : e->ready)
			add_endpoint(list, &e->addr, number);
	}
}

/* Slices come in the order of their names, so that two dumps of one cluster resolve to equal states. */
static int slice_compare(const void *a, const void *b)
{
	return strcmp((*(const struct slice *const *)a)->o.name,
		(*(const struct slice *const *)b)->o.name);
}

static size_t slices_of(
	const struct slices *all, const struct service *svc, const struct slice ***out)
{
	uint64_t hash = service_hash(svc->o.ns, svc->o.name);
	const struct slice_ref *ref;
	size_t n = 0;

	*out = NULL;
	hmap_for_each_hash(ref, &all->by_service, hash, by_service)
		n += slice_of(ref->slice, svc);
	if (!n)
		return 0;
	*out = calloc(n, sizeof(**out));
	if (!*out)
		abort();
	n = 0;
	hmap_for_each_hash(ref, &all->by_service, hash, by_service)
		if (slice_of(ref->slice, svc))
			(*out)[n++] = ref->slice;
	qsort(*out, n, sizeof(**out), slice_compare);
	return n;
}

static void add_selected(const struct agent_model *model, json_t *list, const struct service *svc,
	const struct service_port *port, const char *node)
{
	const struct pod *pod;

	model_each(pod, model, KIND_POD) {
		uint16_t number = port->target;

		if (!pod->overlay || !pod->ready || !is_at(node, pod->node_name) ||
			strcmp(pod->o.ns, svc->o.ns) ||
			!selector_matches(&svc->selector, &pod->o.labels))
			continue;
		if (port->target_name)
			number = pod_named_port(pod, port->target_name, port->protocol);
		for (size_t i = 0; i < pod->nr_addrs && number; i++)
			add_endpoint(list, &pod->addrs[i], number);
	}
}

static json_t *endpoints_of(const struct agent_model *model, const struct slice **slices,
	size_t nr_slices, const struct service *svc, const struct service_port *port,
	const char *node)
{
	json_t *list = json_array();

	if (!nr_slices && svc->selector.present)
		add_selected(model, list, svc, port, node);
	for (int last_resort = 0; last_resort < 2 && !json_array_size(list); last_resort++)
		for (size_t i = 0; i < nr_slices; i++)
			add_slice(list, slices[i], port, node, last_resort);
	return list;
}

static json_t *service_value(const struct agent_model *model, const struct slices *all,
	const struct service *svc, const char *node)
{
	json_t *value = json_object(), *addrs = json_array(), *ports = json_array(), *port;
	const struct slice **slices;
	size_t n = slices_of(all, svc, &slices);

	for (size_t i = 0; i < svc->nr_addrs; i++)
		json_array_append_new(addrs, json_addr(&svc->addrs[i]));
	for (size_t i = 0; i < svc->nr_ports; i++) {
		const struct service_port *p = &svc->ports[i];

		port = json_object();
		if (*p->name)
			json_object_set_new(port, "name", json_string(p->name));
		json_object_set_new(port, "protocol", json_string(protocol_name(p->protocol)));
		json_object_set_new(port, "port", json_integer(p->port));
		json_object_set_new(port, "endpoints",
			endpoints_of(model, slices, n, svc, p, svc->local_only ? node : NULL));
		json_array_append_new(ports, port);
	}
	free(slices);
	json_object_set_new(value, "addresses", addrs);
	json_object_set_new(value, "algorithm", json_string(svc->algorithm));
	json_object_set_new(value, "affinity_s", json_integer(svc->affinity_s));
	json_object_set_new(value, "ports", ports);
	return value;
}

int resolve_services(const struct agent_model *model, const char *node, json_t *state)
{
	const struct service *svc;
	struct slices slices;
	char key[1024];

	slices_index(model, &slices);
	model_each(svc, model, KIND_SERVICE) {
		if (!svc->nr_addrs)
			continue;
		snprintf(key, sizeof(key), "service/%s/%s", svc->o.ns, svc->o.name);
		json_object_set_new(state, key, service_value(model, &slices, svc, node));
	}
	hmap_destroy(&slices.by_service);
	free(slices.v);
	return 0;
}
