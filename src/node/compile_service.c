/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * compile_service: services of the desired state -> fronts (address, protocol, port) with their
 * backends. An address family has its own fronts: an IPv6 client gets IPv6 backends.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_hash_crc.h>

#include "base/refuse.h"
#include "node/node_int.h"

static int add_backend(struct compiler *c, struct front *f, const char *service, const json_t *e)
{
	const struct addr_slot *known;
	struct backend *b;
	struct addr a;
	uint16_t port = 0;
	int rc;

	if ((rc = want_addr(c, json_object_get(e, "address"), "ports.endpoints.address", &a)) < 0 ||
		(rc = want_port(c, e, "port", &port)) < 0)
		return rc;
	if (!port)
		return compile_refuse(c, "ports.endpoints.port", "it is missing");
	if (addr_is_v6(&a) != f->ip6)
		return 0;
	b = NEW(c->m->backends, c->m->nr_backends, c->cap_backends);
	f->count++;
	wire_addr(&a, b->addr);
	b->port = rte_cpu_to_be_16(port);
	b->ip6 = f->ip6;
	known = model_addr(c->m, b->addr, b->ip6);
	b->pod = known && known->kind == ADDR_POD ? known->index : NONE;
	b->slot = balancer_slot(c->env->balancer, service, &a, b->port);
	b->hash = rte_hash_crc(b->addr, 16, b->port);
	return 0;
}

static int add_backends(
	struct compiler *c, struct front *f, const char *service, const json_t *list)
{
	json_t *e;
	size_t i;
	int rc;

	f->first = c->m->nr_backends;
	json_array_foreach((json_t *)(uintptr_t)list, i, e)
		if ((rc = add_backend(c, f, service, e)) < 0)
			return rc;
	return 0;
}

static int read_front(const struct compiler *c, const json_t *port, struct front *f)
{
	const char *name = json_string_value(json_object_get(port, "name"));
	uint16_t number = 0;
	int rc;

	if ((rc = want_proto(c, port, &f->proto)) < 0 ||
		(rc = want_port(c, port, "port", &number)) < 0)
		return rc;
	if (!number)
		return compile_refuse(c, "ports.port", "it is missing");
	f->port = rte_cpu_to_be_16(number);
	f->port_name = name ? name : "";
	return 0;
}

static int add_front(struct compiler *c, const struct front *like, const struct addr *a,
	const json_t *port, uint32_t *cap)
{
	char name[1200], text[ADDR_PORT_TEXT_MAX];
	struct front f = *like;
	int rc;

	wire_addr(a, f.addr);
	f.ip6 = addr_is_v6(a);
	if ((rc = read_front(c, port, &f)) < 0)
		return rc;
	for (uint32_t i = c->m->nr_fronts; i-- > 0 && c->m->fronts[i].service == f.service;)
		if (c->m->fronts[i].port == f.port && c->m->fronts[i].proto == f.proto &&
			c->m->fronts[i].ip6 == f.ip6)
			return compile_refuse(c, "ports.port", "value %u is there twice",
				rte_be_to_cpu_16(f.port));
	snprintf(name, sizeof(name), "%s %u %s", f.service, f.proto,
		addr_port_print(a, rte_be_to_cpu_16(f.port), text));
	f.turn = balancer_turn(c->env->balancer, name);
	if ((rc = add_backends(c, &f, f.service, json_object_get(port, "endpoints"))) < 0)
		return rc;
	*NEW(c->m->fronts, c->m->nr_fronts, *cap) = f;
	return 0;
}

static int read_algorithm(const struct compiler *c, const json_t *value, struct front *f)
{
	static const char *const names[] = {
		"round-robin", "least-connections", "random", "source-hash"};
	const char *text = json_string_value(json_object_get(value, "algorithm"));
	json_int_t affinity = json_integer_value(json_object_get(value, "affinity_s"));

	if (affinity < 0 || affinity > 86400)
		return compile_refuse(
			c, "affinity_s", "value %lld is not from 0 to 86400", (long long)affinity);
	f->affinity_s = (uint32_t)affinity;
	for (size_t i = 0; text && i < ARRAY_SIZE(names); i++)
		if (!strcmp(names[i], text)) {
			f->algorithm = (uint8_t)i;
			return 0;
		}
	return text ? compile_refuse(c, "algorithm", "value '%s' is not known", text) : 0;
}

static int claim_address(struct compiler *c, const struct addr *a)
{
	const struct addr_slot *old = model_addr(c->m, a->bytes, addr_is_v6(a));
	char text[ADDR_TEXT_MAX];

	if (old)
		return compile_refuse(c, "addresses", "value '%s' already belongs to %s",
			addr_print(a, text),
			old->kind == ADDR_POD    ? c->m->pods[old->index].name
			: old->kind == ADDR_NODE ? c->m->peers[old->index].name
						 : "another service");
	model_add_addr(c->m, a, ADDR_SERVICE, 0);
	return 0;
}

static int compile_service(struct compiler *c, const char *name, const json_t *value, uint32_t *cap)
{
	const json_t *addrs = json_object_get(value, "addresses"),
		     *ports = json_object_get(value, "ports");
	struct front f = {.service = name};
	json_t *item, *port;
	struct addr a;
	size_t i, j;
	int rc;

	if ((rc = read_algorithm(c, value, &f)) < 0)
		return rc;
	json_array_foreach((json_t *)(uintptr_t)addrs, i, item) {
		if ((rc = want_addr(c, item, "addresses", &a)) < 0 ||
			(rc = claim_address(c, &a)) < 0)
			return rc;
		json_array_foreach((json_t *)(uintptr_t)ports, j, port)
			if ((rc = add_front(c, &f, &a, port, cap)) < 0)
				return rc;
	}
	return 0;
}

int compile_services(struct compiler *c)
{
	char object[1100];
	const char *key;
	uint32_t cap = 0;
	json_t *value;
	int rc;

	json_object_foreach(c->m->state, key, value) {
		if (strncmp(key, "service/", 8))
			continue;
		snprintf(object, sizeof(object), "service %s", key + 8);
		c->object = object;
		c->m->nr_services++;
		if ((rc = compile_service(c, key + 8, value, &cap)) < 0)
			return rc;
	}
	model_index_fronts(c->m);
	return 0;
}
