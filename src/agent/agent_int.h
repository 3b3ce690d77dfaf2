/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Insides of room agent: the cluster as read from manifests. Every string is borrowed from the YAML
 * trees, which the model keeps; every array comes from the model's arena and dies with it.
 */
#ifndef AGENT_AGENT_INT_H
#define AGENT_AGENT_INT_H

#include <stdarg.h>

#include "agent/agent.h"
#include "base/addr.h"
#include "base/base.h"
#include "base/hmap.h"
#include "base/yaml.h"

enum object_kind {
	KIND_NODE,
	KIND_POD,
	KIND_SERVICE,
	KIND_SLICE,
	KIND_POLICY,
	KIND_NAMESPACE,
	KIND_COUNT,
};

struct label {
	const char *key, *value;
};

struct labels {
	const struct label *v;
	size_t n;
};

enum expr_op {
	EXPR_IN,
	EXPR_NOT_IN,
	EXPR_EXISTS,
	EXPR_DOES_NOT_EXIST,
};

struct expr {
	const char *key;
	enum expr_op op;
	const char **values;
	size_t nr_values;
};

/* Absent selects nothing by itself; present and empty selects everything (Kubernetes' rule). */
struct selector {
	bool present;
	struct labels match;
	const struct expr *exprs;
	size_t nr_exprs;
};

/* What every object has. The first member of each kind's struct. */
struct object {
	enum object_kind kind;
	const char *ns; /* "" for kinds outside namespaces */
	const char *name;
	struct labels labels;
	const struct yaml_node *at; /* where it is written */
	struct hmap_node by_name;
	struct object *next; /* of its kind, in the order read */
};

struct node {
	struct object o;
	struct addr vteps[2]; /* IPv4 first when both */
	size_t nr_vteps;
	const struct yaml_node *vteps_at[2];
	uint32_t vni; /* 0: the card profile's */
	struct prefix *cidrs;
	const struct yaml_node **cidrs_at;
	size_t nr_cidrs;
};

struct container_port {
	const char *name; /* NULL: unnamed */
	uint8_t protocol;
	uint16_t port;
};

struct pod {
	struct object o;
	const char *node_name; /* NULL: not scheduled */
	const struct yaml_node *node_name_at;
	struct addr addrs[2];
	const struct yaml_node *addrs_at[2];
	size_t nr_addrs;
	const char *vf; /* NULL: no annotation */
	const struct yaml_node *vf_at;
	bool overlay; /* has an address of its own: not on the host's network, not finished */
	bool ready;
	struct container_port *ports;
	size_t nr_ports;
};

struct service_port {
	const char *name; /* "" when there is only one */
	uint8_t protocol;
	uint16_t port;
	uint16_t target;         /* 0: by name */
	const char *target_name; /* NULL: by number */
};

struct service {
	struct object o;
	struct addr addrs[2];
	const struct yaml_node *addrs_at[2];
	size_t nr_addrs; /* 0: headless, ExternalName or not yet allocated: not ours to balance */
	const char *algorithm;
	uint32_t affinity_s; /* 0: none */
	bool local_only;     /* internalTrafficPolicy: Local: endpoints of the client's node */
	struct selector selector;
	struct service_port *ports;
	size_t nr_ports;
};

struct slice_port {
	const char *name;
	uint8_t protocol;
	uint16_t port; /* 0: unspecified, matches nothing here */
};

struct slice_endpoint {
	struct addr addr;
	const char *node_name; /* NULL: not said */
	bool ready, serving, terminating;
};

struct slice {
	struct object o;
	const char *service; /* NULL: belongs to none */
	struct slice_port *ports;
	size_t nr_ports;
	struct slice_endpoint *endpoints;
	size_t nr_endpoints;
};

struct policy_peer {
	bool is_block;
	struct prefix block;
	struct prefix *except;
	size_t nr_except;
	struct selector pods, namespaces;
};

struct policy_port {
	uint8_t protocol;
	const char *name;     /* NULL: by number or any */
	uint16_t first, last; /* 0..65535: the whole protocol */
};

struct policy_rule {
	struct policy_peer *peers;
	size_t nr_peers; /* 0: anybody */
	struct policy_port *ports;
	size_t nr_ports; /* 0: every port */
};

struct policy_side {
	bool isolates;
	struct policy_rule *rules;
	size_t nr_rules;
};

struct policy {
	struct object o;
	struct selector pods;
	struct policy_side ingress, egress;
};

struct arena_chunk;

struct agent_model {
	struct object *first[KIND_COUNT], **tail[KIND_COUNT];
	size_t count[KIND_COUNT];
	size_t skipped; /* documents of kinds we do not know */
	struct hmap by_name;
	struct yaml_file **files; /* trees the strings live in */
	size_t nr_files;
	struct arena_chunk *arena;
};

/* model.c */
void *model_alloc(struct agent_model *model, size_t size);       /* zeroed; never NULL (aborts) */
int model_add(struct agent_model *model, struct object *object); /* -EINVAL: the name is taken */
struct object *model_find(
	const struct agent_model *model, enum object_kind kind, const char *ns, const char *name);
const char *kind_name(enum object_kind kind);

#define model_each(pos, model, kind_)                                       \
	for ((pos) = (__typeof__(pos))(void *)(model)->first[kind_]; (pos); \
		(pos) = (__typeof__(pos))(void *)(pos)->o.next)

/* meta.c: what every object has, and selectors. 0, or -EINVAL with a refusal. */
int read_meta(struct agent_model *model, const struct yaml_node *doc, enum object_kind kind,
	bool namespaced, struct object *o);
int read_labels(struct agent_model *model, const struct yaml_node *map, struct labels *out);
int read_selector(struct agent_model *model, const struct yaml_node *node, struct selector *out);
const struct yaml_node *annotation(const struct yaml_node *doc, const char *key);
int read_protocol(const struct yaml_node *map, uint8_t *protocol);
bool selector_matches(const struct selector *selector, const struct labels *labels);
const char *protocol_name(uint8_t protocol);

/* One file per kind: from a document to an object of the model. */
int read_node(struct agent_model *model, const struct yaml_node *doc);
int read_pod(struct agent_model *model, const struct yaml_node *doc);
int read_service(struct agent_model *model, const struct yaml_node *doc);
int read_slice(struct agent_model *model, const struct yaml_node *doc);
int read_policy(struct agent_model *model, const struct yaml_node *doc);
int read_namespace(struct agent_model *model, const struct yaml_node *doc);

/* resolve_service.c, resolve_policy.c: add their part of one node's desired state. */
int resolve_services(const struct agent_model *model, const char *node, json_t *state);
int resolve_policies(const struct agent_model *model, const char *node, json_t *state);
json_t *json_addr(const struct addr *a);
json_t *json_prefix(const struct prefix *p);

/* The container port `name` of the protocol, 0 if the pod has none. */
uint16_t pod_named_port(const struct pod *pod, const char *name, uint8_t protocol);

/* check.c: what only shows across objects. */
int model_check(const struct agent_model *model);

#endif
