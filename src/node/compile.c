/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * compile: the desired state as JSON (src/agent/agent.h describes it) -> one flat, immutable model.
 * Whoever pushes is not trusted to be right: every field is checked, a refusal names object, field
 * and value, and nothing outside the new model changes. Order: nodes, pods, services, policies; each
 * may name what came before.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/refuse.h"
#include "node/node_int.h"

#define VNI_MAX 0xffffffu

struct pod_name {
	struct hmap_node by_name;
	uint32_t index;
};

/* --- refusing and reading --- */

int compile_refuse(const struct compiler *c, const char *field, const char *fmt, ...)
{
	char what[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	return refuse(EINVAL, "node.apply: %s: field '%s': %s", c->object, field, what);
}

int want_addr(const struct compiler *c, const json_t *value, const char *field, struct addr *a)
{
	const char *text = json_string_value(value);

	if (!text || addr_parse(text, a) < 0)
		return compile_refuse(
			c, field, "value '%s' is not an IP address", text ? text : "?");
	return 0;
}

int want_prefix(const struct compiler *c, const json_t *value, const char *field, struct prefix *p)
{
	const char *text = json_string_value(value);

	if (!text || prefix_parse(text, p) < 0)
		return compile_refuse(
			c, field, "value '%s' is not an IP prefix", text ? text : "?");
	*p = prefix_network(p);
	return 0;
}

/* Host order; absent leaves *port untouched. */
int want_port(const struct compiler *c, const json_t *map, const char *field, uint16_t *port)
{
	const json_t *value = json_object_get(map, field);
	json_int_t n = json_integer_value(value);

	if (!value)
		return 0;
	if (!json_is_integer(value) || n < 1 || n > 65535)
		return compile_refuse(
			c, field, "value %lld is not a port from 1 to 65535", (long long)n);
	*port = (uint16_t)n;
	return 0;
}

int want_proto(const struct compiler *c, const json_t *map, uint8_t *proto)
{
	const char *text = json_string_value(json_object_get(map, "protocol"));

	if (text && !strcmp(text, "TCP"))
		*proto = IPPROTO_TCP;
	else if (text && !strcmp(text, "UDP"))
		*proto = IPPROTO_UDP;
	else if (text && !strcmp(text, "SCTP"))
		*proto = IPPROTO_SCTP;
	else
		return compile_refuse(
			c, "protocol", "value '%s' is not TCP, UDP or SCTP", text ? text : "");
	return 0;
}

uint32_t grow_array(void **array, uint32_t *n, uint32_t *cap, size_t size)
{
	if (*n == *cap) {
		*cap = *cap ? *cap * 2 : 8;
		*array = realloc(*array, *cap * size);
		if (!*array)
			abort();
	}
	memset((char *)*array + *n * size, 0, size);
	return (*n)++;
}

static void *zeroed(size_t n, size_t size)
{
	void *p = calloc(n ? n : 1, size);

	if (!p)
		abort();
	return p;
}

/* --- nodes --- */

static void set_vtep(struct peer *peer, const struct addr *a)
{
	peer->vtep[addr_is_v6(a)] = *a;
}

static void vtep_from_card(struct peer *peer, const struct prefix *vtep)
{
	if (!addr_is_none(&vtep->addr))
		set_vtep(peer, &vtep->addr);
}

static int compile_cidrs(struct compiler *c, const json_t *value, uint32_t index, uint32_t *cap)
{
	const json_t *cidrs = json_object_get(value, "cidrs"), *cidr;
	size_t i;
	int rc;

	json_array_foreach((json_t *)(uintptr_t)cidrs, i, cidr) {
		struct cidr *slot;
		uint32_t at = GROW(c->m->cidrs, c->m->nr_cidrs, *cap);

		slot = &c->m->cidrs[at];
		slot->peer = index;
		if ((rc = want_prefix(c, cidr, "cidrs", &slot->prefix)) < 0)
			return rc;
	}
	return 0;
}

static int compile_node(struct compiler *c, const char *name, const json_t *value, uint32_t *cap)
{
	const struct card_node *card = c->env->card;
	struct peer *peer = &c->m->peers[c->m->nr_peers];
	const json_t *vni = json_object_get(value, "vni"), *list = json_object_get(value, "vteps"),
		     *vtep;
	struct addr a;
	size_t i;
	int rc;

	*peer = (struct peer){.name = name, .tunnel = {NONE, NONE}, .vni = card ? card->vni : 0};
	peer->local = !strcmp(name, c->env->node);
	json_array_foreach((json_t *)(uintptr_t)list, i, vtep) {
		if ((rc = want_addr(c, vtep, "vteps", &a)) < 0)
			return rc;
		set_vtep(peer, &a);
	}
	if (vni && (!json_is_integer(vni) || json_integer_value(vni) < 1 ||
			   json_integer_value(vni) > VNI_MAX))
		return compile_refuse(c, "vni", "it is not a number from 1 to %u", VNI_MAX);
	if (vni && peer->local && card && card->vni &&
		card->vni != (uint32_t)json_integer_value(vni))
		return compile_refuse(c, "vni", "value %lld contradicts the card profile's vni: %u",
			(long long)json_integer_value(vni), card->vni);
	if (vni)
		peer->vni = (uint32_t)json_integer_value(vni);
	if (peer->local && card &&
		!(addr_is_none(&card->vtep4.addr) && addr_is_none(&card->vtep6.addr))) {
		/* the wire is the card's, whatever the cluster believes */
		memset(peer->vtep, 0, sizeof(peer->vtep));
		vtep_from_card(peer, &card->vtep4);
		vtep_from_card(peer, &card->vtep6);
	}
	if (peer->local)
		c->m->local = c->m->nr_peers;
	return compile_cidrs(c, value, c->m->nr_peers++, cap);
}

static int cidr_longest_first(const void *a, const void *b)
{
	return (int)((const struct cidr *)b)->prefix.len -
	       (int)((const struct cidr *)a)->prefix.len;
}

/* --- walking the state by kind --- */

static const char *name_of(const char *key, const char *kind)
{
	size_t n = strlen(kind);

	return !strncmp(key, kind, n) && key[n] == '/' && key[n + 1] ? key + n + 1 : NULL;
}

static uint32_t count_kind(const struct compiler *c, const char *kind)
{
	const char *key;
	json_t *value;
	uint32_t n = 0;

	json_object_foreach(c->m->state, key, value)
		n += name_of(key, kind) != NULL;
	return n;
}

static int compile_nodes(struct compiler *c)
{
	char object[1100];
	const char *key, *name;
	uint32_t cap = 0;
	json_t *value;
	int rc;

	c->m->peers = zeroed(count_kind(c, "node"), sizeof(*c->m->peers));
	c->m->local = NONE;
	json_object_foreach(c->m->state, key, value) {
		if (!(name = name_of(key, "node")))
			continue;
		snprintf(object, sizeof(object), "node %s", name);
		c->object = object;
		if ((rc = compile_node(c, name, value, &cap)) < 0)
			return rc;
	}
	if (c->m->local == NONE)
		return refuse(EINVAL, "node.apply: the state has no node '%s', which is this one",
			c->env->node);
	if (c->m->nr_cidrs)
		qsort(c->m->cidrs, c->m->nr_cidrs, sizeof(*c->m->cidrs), cidr_longest_first);
	return 0;
}

/* --- pods --- */

uint32_t compile_pod_index(const struct compiler *c, const char *name)
{
	const struct pod_name *n;

	hmap_for_each_hash(n, &c->pod_names, hmap_hash_str(name), by_name)
		if (!strcmp(c->m->pods[n->index].name, name))
			return n->index;
	return NONE;
}

static uint32_t peer_index(const struct compiler *c, const char *name)
{
	for (uint32_t i = 0; name && i < c->m->nr_peers; i++)
		if (!strcmp(c->m->peers[i].name, name))
			return i;
	return NONE;
}

static int compile_vf(struct compiler *c, struct pod *pod, const json_t *value, uint32_t index)
{
	const char *vf = json_string_value(json_object_get(value, "vf"));
	int port = c->env->port_of(c->env->arg, vf, pod->name);

	if (port == -1)
		return compile_refuse(
			c, "vf", "value '%s' is not a port of this switch", vf ? vf : "");
	if (port == -EEXIST)
		return refuse_more(-EINVAL, "node.apply: %s: field 'vf'", c->object);
	if (port < 0)
		return 0; /* nobody says which: the pod gets no traffic yet, drop reason no-pod */
	if (c->m->pod_by_port[port] != NONE)
		return compile_refuse(c, "vf", "value '%s' already belongs to pod %s",
			vf ? vf : "?", c->m->pods[c->m->pod_by_port[port]].name);
	pod->port = (uint16_t)port;
	c->m->pod_by_port[port] = index;
	return 0;
}

static int compile_pod_addrs(
	struct compiler *c, struct pod *pod, const json_t *value, uint32_t index)
{
	const json_t *list = json_object_get(value, "addresses"), *item;
	const struct addr_slot *old;
	char text[ADDR_TEXT_MAX];
	struct addr a;
	size_t i;
	int rc;

	json_array_foreach((json_t *)(uintptr_t)list, i, item) {
		if ((rc = want_addr(c, item, "addresses", &a)) < 0)
			return rc;
		old = model_addr(c->m, a.bytes, addr_is_v6(&a));
		if (old)
			return compile_refuse(c, "addresses", "value '%s' already belongs to %s",
				addr_print(&a, text),
				old->kind == ADDR_POD ? c->m->pods[old->index].name : "a node");
		if (!addr_is_none(&pod->addrs[addr_is_v6(&a)]))
			return compile_refuse(c, "addresses",
				"value '%s' is a second one of its family", addr_print(&a, text));
		pod->addrs[addr_is_v6(&a)] = a;
		model_add_addr(c->m, &a, ADDR_POD, index);
	}
	return 0;
}

static int compile_pod(struct compiler *c, const char *name, const json_t *value)
{
	const char *node = json_string_value(json_object_get(value, "node"));
	uint32_t index = c->m->nr_pods++;
	struct pod *pod = &c->m->pods[index];
	struct pod_name *n = &c->pod_name_nodes[index];
	int rc;

	*pod = (struct pod){.name = name, .side = {NONE, NONE}, .port = FLOW_PORT_NONE};
	pod->peer = peer_index(c, node);
	if (pod->peer == NONE)
		return compile_refuse(
			c, "node", "value '%s' is not a known node", node ? node : "");
	n->index = index;
	hmap_insert(&c->pod_names, &n->by_name, hmap_hash_str(name));
	if ((rc = compile_pod_addrs(c, pod, value, index)) < 0)
		return rc;
	return pod->peer == c->m->local ? compile_vf(c, pod, value, index) : 0;
}

static int compile_pods(struct compiler *c)
{
	uint32_t n = count_kind(c, "pod");
	const char *key, *name;
	char object[1100];
	json_t *value;
	int rc;

	c->m->pods = zeroed(n, sizeof(*c->m->pods));
	c->pod_name_nodes = zeroed(n, sizeof(*c->pod_name_nodes));
	hmap_reserve(&c->pod_names, n);
	json_object_foreach(c->m->state, key, value) {
		if (!(name = name_of(key, "pod")))
			continue;
		snprintf(object, sizeof(object), "pod %s", name);
		c->object = object;
		if ((rc = compile_pod(c, name, value)) < 0)
			return rc;
	}
	return 0;
}

/* --- the address table --- */

static void size_addrs(struct model *m, uint32_t wanted)
{
	uint32_t size = 16;

	while (size < wanted * 2)
		size *= 2;
	m->addr_mask = size - 1;
	m->addr_slots = zeroed(size, sizeof(*m->addr_slots));
}

/* 169.254.1.1 and fe80::1 for pods with /32 addresses, the first address of each of our blocks for pods
 * that believe in a subnet: both kinds of eth0 configuration find their gateway. */
static void add_gateways(struct model *m)
{
	static const char *const link_local[] = {"169.254.1.1", "fe80::1"};
	struct addr a;

	for (size_t i = 0; i < ARRAY_SIZE(link_local); i++)
		if (addr_parse(link_local[i], &a) == 0) {
			model_add_addr(m, &a, ADDR_GATEWAY, 0);
			m->gateway[i] = a;
		}
	for (uint32_t i = 0; i < m->nr_cidrs; i++) {
		if (m->cidrs[i].peer != m->local)
			continue;
		a = m->cidrs[i].prefix.addr;
		a.bytes[addr_is_v6(&a) ? 15 : 3] |= 1;
		if (model_addr(m, a.bytes, addr_is_v6(&a)))
			continue;
		model_add_addr(m, &a, ADDR_GATEWAY, 0);
		m->gateway[addr_is_v6(&a)] = a;
	}
}

static int add_node_addrs(struct compiler *c)
{
	char text[ADDR_TEXT_MAX];
	const struct addr_slot *old;

	for (uint32_t i = 0; i < c->m->nr_peers; i++) {
		const struct peer *peer = &c->m->peers[i];

		for (int f = 0; f < 2; f++) {
			if (addr_is_none(&peer->vtep[f]))
				continue;
			old = model_addr(c->m, peer->vtep[f].bytes, f);
			if (old)
				return refuse(EINVAL,
					"node.apply: node %s: field 'vteps': value '%s' already "
					"belongs to node %s",
					peer->name, addr_print(&peer->vtep[f], text),
					c->m->peers[old->index].name);
			model_add_addr(c->m, &peer->vtep[f], ADDR_NODE, i);
		}
	}
	return 0;
}

static int compile_all(struct compiler *c)
{
	int rc;

	size_addrs(c->m,
		2 * (count_kind(c, "node") + count_kind(c, "pod") + count_kind(c, "service")) + 16);
	if ((rc = compile_nodes(c)) < 0 || (rc = add_node_addrs(c)) < 0 ||
		(rc = compile_pods(c)) < 0 || (rc = compile_services(c)) < 0 ||
		(rc = compile_policies(c)) < 0)
		return rc;
	add_gateways(c->m);
	return 0;
}

int model_compile(const struct compile_env *env, json_t *state, struct model **model)
{
	struct compiler c = {.env = env, .m = zeroed(1, sizeof(struct model))};
	int rc;

	c.m->state = json_incref(state);
	c.m->pod_by_port = malloc(ESW_PORTS_MAX * sizeof(*c.m->pod_by_port));
	if (!c.m->pod_by_port)
		abort();
	for (unsigned i = 0; i < ESW_PORTS_MAX; i++)
		c.m->pod_by_port[i] = NONE;
	hmap_init(&c.pod_names);
	rc = compile_all(&c);
	hmap_destroy(&c.pod_names);
	free(c.pod_name_nodes);
	if (rc < 0) {
		model_free(c.m);
		return rc;
	}
	*model = c.m;
	return 0;
}
