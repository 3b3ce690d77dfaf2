/* SPDX-License-Identifier: BSD-3-Clause */
/* view: services and connections for people and programs (ctl/messages.h has the shapes). */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/refuse.h"
#include "node/node_int.h"

static const char *param(const json_t *params, const char *name)
{
	return params ? json_string_value(json_object_get(params, name)) : NULL;
}

static const char *proto_text(uint8_t proto)
{
	switch (proto) {
	case IPPROTO_TCP:
		return "TCP";
	case IPPROTO_UDP:
		return "UDP";
	case IPPROTO_SCTP:
		return "SCTP";
	case IPPROTO_ICMP:
		return "ICMP";
	case IPPROTO_ICMPV6:
		return "ICMPv6";
	default:
		return "other";
	}
}

/* --- services: fronts of one service stand together in the model --- */

static json_t *endpoint_json(
	const struct node *node, const struct model *m, const struct backend *b, uint64_t *sum)
{
	const struct backend_count *c = balancer_count(node->balancer, b->slot);
	uint64_t total = c ? __atomic_load_n(&c->total, __ATOMIC_RELAXED) : 0;
	struct addr a = addr_wire(b->addr, b->ip6);
	char text[ADDR_TEXT_MAX];
	json_t *e = json_object();

	*sum += total;
	json_object_set_new(e, "address", json_string(addr_print(&a, text)));
	json_object_set_new(e, "port", json_integer(rte_be_to_cpu_16(b->port)));
	json_object_set_new(e, "node",
		b->pod == NONE ? json_null() : json_string(m->peers[m->pods[b->pod].peer].name));
	json_object_set_new(e, "ready", json_true());
	json_object_set_new(e, "connections", json_integer((json_int_t)total));
	json_object_set_new(
		e, "active", json_integer(c ? __atomic_load_n(&c->active, __ATOMIC_RELAXED) : 0));
	return e;
}

/* A slot is counted once, though several ports may lead to it. */
static bool listed(const struct model *m, uint32_t first_front, uint32_t front, uint32_t slot)
{
	for (uint32_t f = first_front; f < front; f++)
		for (uint32_t i = 0; i < m->fronts[f].count; i++)
			if (m->backends[m->fronts[f].first + i].slot == slot)
				return true;
	return false;
}

static void add_addresses(const struct model *m, const char *service, json_t *out)
{
	char key[1200];
	json_t *value;

	snprintf(key, sizeof(key), "service/%s", service);
	value = json_object_get(json_object_get(m->state, key), "addresses");
	json_object_set(out, "addresses", value ? value : json_null());
}

static void add_port(json_t *ports, const struct front *f)
{
	json_t *port;
	size_t i;

	json_array_foreach(ports, i, port)
		if (json_integer_value(json_object_get(port, "port")) ==
				rte_be_to_cpu_16(f->port) &&
			!strcmp(json_string_value(json_object_get(port, "protocol")),
				proto_text(f->proto)))
			return; /* the other family's */
	port = json_object();
	json_object_set_new(port, "name", *f->port_name ? json_string(f->port_name) : json_null());
	json_object_set_new(port, "protocol", json_string(proto_text(f->proto)));
	json_object_set_new(port, "port", json_integer(rte_be_to_cpu_16(f->port)));
	json_array_append_new(ports, port);
}

/* One service, whose fronts are [first, end). */
static json_t *service_json(
	const struct node *node, const struct model *m, uint32_t first, uint32_t end)
{
	const char *name = m->fronts[first].service, *slash = strchr(name, '/');
	json_t *s = json_object(), *ports = json_array(), *endpoints = json_array();
	uint64_t sum = 0;

	json_object_set_new(s, "namespace", json_stringn(name, slash ? (size_t)(slash - name) : 0));
	json_object_set_new(s, "name", json_string(slash ? slash + 1 : name));
	json_object_set_new(s, "type", json_string("ClusterIP"));
	add_addresses(m, name, s);
	for (uint32_t f = first; f < end; f++) {
		add_port(ports, &m->fronts[f]);
		for (uint32_t i = 0; i < m->fronts[f].count; i++) {
			const struct backend *b = &m->backends[m->fronts[f].first + i];

			if (!listed(m, first, f, b->slot))
				json_array_append_new(endpoints, endpoint_json(node, m, b, &sum));
		}
	}
	json_object_set_new(s, "ports", ports);
	json_object_set_new(s, "connections", json_integer((json_int_t)sum));
	json_object_set_new(s, "endpoints", endpoints);
	return s;
}

static bool wanted(const char *service, const char *ns, const char *name)
{
	const char *slash = strchr(service, '/');
	size_t len = slash ? (size_t)(slash - service) : 0;

	if (ns && (strlen(ns) != len || strncmp(ns, service, len)))
		return false;
	return !name || !strcmp(name, slash ? slash + 1 : service);
}

int node_services_json(struct node *node, const json_t *params, json_t **result)
{
	const char *ns = param(params, "namespace"), *name = param(params, "name");
	const struct model *m = node->model;
	json_t *list = json_array();
	uint32_t end;

	for (uint32_t f = 0; m && f < m->nr_fronts; f = end) {
		for (end = f; end < m->nr_fronts && m->fronts[end].service == m->fronts[f].service;
			end++)
			;
		if (wanted(m->fronts[f].service, ns, name))
			json_array_append_new(list, service_json(node, m, f, end));
	}
	*result = json_pack("{s:o}", "services", list);
	return 0;
}

/* --- connections --- */

struct listing {
	const struct node *node;
	const char *service;
	json_t *list;
	json_int_t limit, offset, total;
	uint64_t now_ns;
	bool offloaded;
};

static json_t *end_json(const uint8_t addr[16], uint16_t port, const struct conn_key *k)
{
	struct addr a = addr_wire(addr, k->ip6);
	char text[ADDR_PORT_TEXT_MAX];

	if (k->proto == IPPROTO_ICMP || k->proto == IPPROTO_ICMPV6)
		return json_string(addr_print(&a, text));
	return json_string(addr_port_print(&a, rte_be_to_cpu_16(port), text));
}

static json_int_t since(uint64_t now_ns, uint64_t then_ns)
{
	return now_ns > then_ns ? (json_int_t)(now_ns - then_ns) : 0;
}

static json_t *connection_json(
	const struct listing *l, const struct conn_info *info, const char *service)
{
	const struct conn_key *o = &info->key[0], *r = &info->key[1];
	json_t *c = json_object();

	json_object_set_new(c, "protocol", json_string(proto_text(o->proto)));
	json_object_set_new(c, "source", end_json(o->src, o->sport, o));
	json_object_set_new(c, "destination", end_json(o->dst, o->dport, o));
	if (memcmp(o->dst, r->src, 16) || o->dport != r->sport)
		json_object_set_new(c, "backend", end_json(r->src, r->sport, r));
	if (service)
		json_object_set_new(c, "service", json_string(service));
	json_object_set_new(c, "state", json_string(conn_state_name(info->state)));
	json_object_set_new(c, "packets", json_integer((json_int_t)info->count[0].packets));
	json_object_set_new(c, "bytes", json_integer((json_int_t)info->count[0].bytes));
	json_object_set_new(c, "reply_packets", json_integer((json_int_t)info->count[1].packets));
	json_object_set_new(c, "reply_bytes", json_integer((json_int_t)info->count[1].bytes));
	json_object_set_new(c, "age_ns", json_integer(since(l->now_ns, info->created_ns)));
	json_object_set_new(c, "idle_ns", json_integer(since(l->now_ns, info->seen_ns)));
	json_object_set_new(c, "offloaded", json_boolean(l->offloaded));
	return c;
}

static void list_connection(void *arg, const struct conn_info *info)
{
	struct listing *l = arg;
	const char *service =
		info->owner == NONE ? NULL : balancer_service(l->node->balancer, info->owner);

	if (l->service && (!service || strcmp(service, l->service)))
		return;
	l->total++;
	if (l->total > l->offset && l->total <= l->offset + l->limit)
		json_array_append_new(l->list, connection_json(l, info, service));
}

static json_int_t number(const json_t *params, const char *name, json_int_t otherwise)
{
	const json_t *v = params ? json_object_get(params, name) : NULL;

	return json_is_integer(v) && json_integer_value(v) >= 0 ? json_integer_value(v) : otherwise;
}

int node_connections_json(struct node *node, const json_t *params, json_t **result)
{
	struct flow_conn_table *tables[] = {node->conns, node->soft};
	struct listing l = {
		.node = node,
		.service = param(params, "service"),
		.list = json_array(),
		.limit = number(params, "limit", 1000),
		.offset = number(params, "offset", 0),
		.now_ns = clock_now_ns(),
	};

	for (size_t i = 0; i < ARRAY_SIZE(tables); i++) {
		uint64_t cursor = 0;

		l.offloaded = i == 0;
		while (tables[i] && conn_walk(tables[i], &cursor, 1024, list_connection, &l) &&
			cursor)
			;
	}
	*result = json_pack("{s:I, s:o}", "total", l.total, "connections", l.list);
	return 0;
}
