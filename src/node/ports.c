/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ports: the pipes in front of the connection table, and who is behind which port.
 *
 *   VF      guard pipe: the pod's MAC and addresses -> connections; all else -> node (ARP, ND, forgery)
 *   host    connections
 *   uplink  known VTEP, own VTEP, own VNI -> decap -> connections; all else -> node
 *
 * So what a pod may send is checked for every packet by the flow table, not only for the first.
 */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/refuse.h"
#include "node/node_int.h"

LOG_MODULE("node.ports");

#define SHAPE_L3_TUN (FLOW_SHAPE_L3 | FLOW_SHAPE_TUN)

static struct flow_fwd upcall(enum cookie cookie)
{
	return (struct flow_fwd){.kind = FLOW_FWD_UPCALL, .index = cookie};
}

/* --- pipes everybody shares --- */

static int conn_pipe(
	struct node *node, const char *name, enum cookie cookie, struct flow_pipe **pipe)
{
	struct flow_pipe_cfg cfg = {
		.name = name,
		.kind = FLOW_PIPE_CT,
		.port = FLOW_PORT_NONE,
		.conns = node->conns,
		.miss = upcall(cookie),
	};

	return flow_pipe_create(node->flow, &cfg, pipe);
}

int ports_attach(struct node *node)
{
	int rc = conn_pipe(node, "node.connections", COOKIE_CONN, &node->conn_pipe);

	return rc < 0 ? rc : conn_pipe(node, "node.from-tunnel", COOKIE_TUNNEL, &node->tunnel_pipe);
}

static int uplink_pipe(struct node *node, uint16_t port)
{
	static const struct flow_op decap = {.code = FLOW_OP_DECAP};
	const struct flow_action_template template = {.nr_ops = 1, .ops = &decap};
	struct flow_pipe_cfg cfg = {
		.name = "node.uplink",
		.kind = FLOW_PIPE_EXACT,
		.root = true,
		.port = port,
		.nr_entries = TUNNELS_MAX,
		.nr_templates = 1,
		.templates = &template,
		.miss = upcall(COOKIE_UPLINK),
		.entry_counters = true,
	};
	struct flow_key_hot *mask = &cfg.match.mask.hot;

	mask->shape = SHAPE_L3_TUN;
	memset(mask->src, 0xff, 16);
	memset(mask->dst, 0xff, 16);
	mask->vni = UINT32_MAX;
	cfg.entry_mask = cfg.match.mask;
	return flow_pipe_create(node->flow, &cfg, &node->uplink_pipe);
}

static int guard_pipe(struct node *node, struct bound_port *p)
{
	char name[64];
	struct flow_pipe_cfg cfg = {
		.name = name,
		.kind = FLOW_PIPE_EXACT,
		.root = true,
		.port = p->id,
		.nr_entries = 4,
		.fwd = {.kind = FLOW_FWD_PIPE, .pipe = node->conn_pipe},
		.miss = upcall(COOKIE_SPOOF),
	};

	snprintf(name, sizeof(name), "node.guard.%s", p->name);
	cfg.match.mask.hot.shape = FLOW_SHAPE_L3;
	memset(cfg.match.mask.hot.src, 0xff, 16);
	memset(cfg.match.mask.link.smac, 0xff, 6);
	cfg.entry_mask = cfg.match.mask;
	return flow_pipe_create(node->flow, &cfg, &p->guard);
}

/* --- guards of pods --- */

static void unguard(struct bound_port *p)
{
	for (int f = 0; f < 2; f++) {
		if (p->entry[f])
			flow_entry_remove(p->entry[f]);
		p->entry[f] = NULL;
	}
}

static int guard_pod(struct bound_port *p, const struct pod *pod)
{
	int rc = 0;

	for (int f = 0; f < 2 && rc == 0; f++) {
		struct flow_entry_spec spec = {0};

		if (addr_is_none(&pod->addrs[f]))
			continue;
		spec.match.value.hot.shape =
			(uint16_t)((f ? PKT_L3_IP6 : PKT_L3_IP4) << FLOW_SHAPE_L3_SHIFT);
		memcpy(spec.match.value.hot.src, pod->addrs[f].bytes, 16);
		memcpy(spec.match.value.link.smac, p->mac, 6);
		rc = flow_entry_add(p->guard, &spec, &p->entry[f]);
	}
	return rc;
}

static bool same_pod(const struct model *a, uint32_t pod_a, const struct model *b, uint32_t pod_b)
{
	if (!a || pod_a == NONE || pod_b == NONE)
		return false;
	return !memcmp(a->pods[pod_a].addrs, b->pods[pod_b].addrs, sizeof(a->pods[pod_a].addrs));
}

int ports_guard(struct node *node, const struct model *m)
{
	int rc = 0;

	for (unsigned id = 0; id < ESW_PORTS_MAX && rc == 0; id++) {
		struct bound_port *p = node->ports[id];
		uint32_t pod = m->pod_by_port[id];

		if (!p || !p->guard)
			continue;
		if (p->entry[0] || p->entry[1]) {
			if (same_pod(node->model, node->model ? node->model->pod_by_port[id] : NONE,
				    m, pod))
				continue;
			unguard(p);
		}
		if (pod != NONE)
			rc = guard_pod(p, &m->pods[pod]);
	}
	return rc;
}

/* compile_env's answer: the port the manifests name, which must be there and not be another pod's by the
 * profile; or the one the profile gives to the pod. When a port left, its pod is one without a port. */
int port_of_pod(void *arg, const char *vf, const char *pod)
{
	const struct node *node = arg;

	for (unsigned id = 0; id < ESW_PORTS_MAX; id++) {
		const struct bound_port *p = node->ports[id];

		if (!p || p->role != NODE_PORT_VF)
			continue;
		if (vf ? strcmp(p->name, vf) : strcmp(p->pod, pod))
			continue;
		if (p->pod[0] && strcmp(p->pod, pod))
			return refuse(
				EEXIST, "value '%s' is pod %s's in the card profile", vf, p->pod);
		return (int)id;
	}
	return vf && !node->lenient ? -1 : -2;
}

/* --- binding --- */

static int local_hop(struct node *node, struct bound_port *p)
{
	struct flow_hop hop = {.port = p->id, .flags = FLOW_HOP_MACS | FLOW_HOP_TTL, .mtu = p->mtu};
	int rc;

	memcpy(hop.dmac, p->mac, 6);
	memcpy(hop.smac, &node_gateway_mac, 6);
	rc = flow_hop_add(node->flow, &hop);
	if (rc < 0)
		return rc;
	p->hop = (uint16_t)rc;
	return 0;
}

static int default_to_connections(struct node *node, uint16_t id, const struct flow_pipe *pipe)
{
	struct flow_fwd fwd = {.kind = pipe ? FLOW_FWD_PIPE : FLOW_FWD_DROP,
		.reason = DROP_NO_POD,
		.pipe = (struct flow_pipe *)(uintptr_t)pipe};

	return flow_set_default(node->flow, id, FLOW_DOMAIN_DEFAULT, &fwd);
}

static int wire(struct node *node, struct bound_port *p)
{
	int rc;

	switch (p->role) {
	case NODE_PORT_UPLINK:
		if (node->uplink != FLOW_PORT_NONE)
			return 0; /* a second uplink is the same underlay's spare: not used yet */
		if ((rc = uplink_pipe(node, p->id)) < 0)
			return rc;
		node->uplink = p->id;
		__atomic_store_n(&node->announce, true, __ATOMIC_RELEASE);
		return tunnels_refresh(node);
	case NODE_PORT_HOST:
		if ((rc = local_hop(node, p)) < 0)
			return rc;
		node->host = p->id;
		return default_to_connections(node, p->id, node->conn_pipe);
	case NODE_PORT_VF:
		if ((rc = local_hop(node, p)) < 0)
			return rc;
		return p->spoof_check ? guard_pipe(node, p)
				      : default_to_connections(node, p->id, node->conn_pipe);
	}
	return 0;
}

static void unwire(struct node *node, struct bound_port *p)
{
	unguard(p);
	flow_pipe_destroy(p->guard);
	if (p->role == NODE_PORT_UPLINK && node->uplink == p->id) {
		for (uint32_t i = 0; i < node->nr_tunnels; i++)
			node->tunnels[i].entry = NULL; /* they go with their pipe */
		flow_pipe_destroy(node->uplink_pipe);
		node->uplink_pipe = NULL;
		node->uplink = FLOW_PORT_NONE;
	}
	if (p->role == NODE_PORT_HOST) {
		node->host = FLOW_PORT_NONE;
		node->host_speaks = false;
	}
	if (p->role == NODE_PORT_HOST || (p->role == NODE_PORT_VF && !p->spoof_check))
		default_to_connections(node, p->id, NULL);
	if (p->hop)
		flow_hop_remove(node->flow, p->hop);
}

int node_bind_port(struct node *node, const struct node_port *port)
{
	struct bound_port *p;
	int rc;

	if (!node->esw)
		return refuse(ENODEV, "node '%s': port %s: attach to a switch first",
			node->card.name, port->name);
	if (port->id >= ESW_PORTS_MAX || node->ports[port->id])
		return refuse(EEXIST, "node '%s': port %s: id %u is taken or beyond the limit",
			node->card.name, port->name, port->id);
	p = calloc(1, sizeof(*p));
	if (!p)
		return refuse(
			ENOMEM, "node '%s': port %s: out of memory", node->card.name, port->name);
	p->id = port->id;
	p->mtu = port->mtu;
	p->role = port->role;
	p->spoof_check = port->spoof_check;
	memcpy(p->mac, port->mac, 6);
	snprintf(p->name, sizeof(p->name), "%s", port->name);
	snprintf(p->pod, sizeof(p->pod), "%s", port->pod ? port->pod : "");
	__atomic_store_n(&node->ports[p->id], p, __ATOMIC_RELEASE);
	rc = wire(node, p);
	if (rc < 0) {
		__atomic_store_n(&node->ports[p->id], NULL, __ATOMIC_RELEASE);
		unwire(node, p);
		flow_retire(node->flow, free, p);
		return rc;
	}
	rc = node_recompile(node);
	if (rc < 0)
		log_warn("port %s: %s", p->name, refusal());
	return 0;
}

void node_unbind_port(struct node *node, uint16_t id)
{
	struct bound_port *p = id < ESW_PORTS_MAX ? node->ports[id] : NULL;

	if (!p)
		return;
	__atomic_store_n(&node->ports[id], NULL, __ATOMIC_RELEASE);
	/* the pods behind it have no port any more; connections to them go */
	if (node_recompile(node) < 0)
		log_warn("port %s is gone: %s", p->name, refusal());
	unwire(node, p);
	flow_retire(node->flow, free, p);
}

void ports_detach(struct node *node)
{
	for (unsigned id = 0; id < ESW_PORTS_MAX; id++)
		if (node->ports[id])
			node_unbind_port(node, (uint16_t)id);
	flow_pipe_destroy(node->conn_pipe);
	flow_pipe_destroy(node->tunnel_pipe);
	node->conn_pipe = node->tunnel_pipe = NULL;
}
