/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Room node: what to do with a packet no table knows. The flow-miss decision of the founding document
 * (F:378-408): policy -> service -> route -> install | forward only | drop; and what a node needs around
 * it: neighbours, idle aging, capacity, answers to clients of services nobody serves.
 *
 *     node_create(&cfg, &node);
 *     node_attach(node, esw);                     pipes and upcall; then ports come and go
 *     node_bind_port(node, &port);                a VF is a pod's eth0, p0 the underlay, hpf the host
 *     node_apply(node, params, &result);          the desired state, validated whole, then swapped
 *     ... workers call the decision through esw_upcall_ops ...
 *     node_detach(node); node_destroy(node);
 *
 *   model.c compile*.c   the desired state (ctl/messages.h, node.apply) compiled into one flat, immutable
 *                        struct model; look-ups
 *   balancer.c service.c which backend a new connection gets; counts that outlive models
 *   policy.c             may traffic pass one side of a pod
 *   decide.c             THE decision: pure, time passed in
 *   upcall.c             batches of misses: where from, remembered or new, decide
 *   conns.c              decisions become connections: installed, or only remembered; room, aging, ICMP errors
 *   answer.c             ARP, neighbour discovery, echo, RST and ICMP errors that the node sends itself
 *   neigh.c tunnel.c     next hops of the underlay and what hangs on them
 *   ports.c              pipes in front of the connection table; who is behind which port
 *   apply.c view.c       node.apply, node.state; services and connections for people
 *
 * What becomes of a miss. TCP SYN and UDP to 4789 or 4420: installed, both directions in one record. Other
 * UDP: forwarded, and installed with its second packet. DNS (port 53) and ping: forwarded. TCP without a
 * connection: forwarded. Denied: dropped with its reason. Nobody serves, no such port, no route, dead
 * node: dropped, and the sender is told by RST or ICMP at once, within a budget of 10,000 a second and
 * worker. Flows that are only forwarded are remembered for some seconds (64 Ki of them), so that answers
 * are un-translated and pass the policy that let the question through. Un-NAT is done on the client's
 * node: docs/adr/0001. When the flow table is full, closed and long-silent connections make room; if there
 * are none, new flows are only forwarded (refused_full counts them), and when that memory is full too they
 * drop ct-full.
 *
 * Policies are judged on pod addresses and the backend's port: egress on the source's node, ingress on the
 * destination's, both for traffic that stays on the node. A new desired state is applied to connections
 * that exist: what is now denied, or whose pod is gone, ends; a pod that moved takes its connections along;
 * a backend that only left its service keeps them.
 *
 * A pod's eth0 is the VF. Two configurations work (docs/man/softdpu-agentd.8): an address with the node's
 * prefix and its first address as gateway, or a /32 (/128) with 169.254.1.1 (fe80::1) as gateway. The node
 * answers ARP and ND for every address it can route to, with one MAC address (node_gateway_mac). What a pod
 * may send is checked for every packet by the flow table: its VF's MAC and its own addresses.
 *
 * Threads: create, attach, bind, apply, the JSON views: control thread. The decision and the tick run on the
 * workers and never wait: they read one immutable model through a pointer; apply builds the next, swaps, and
 * retires the old one through the flow epoch. The one lock (neighbours) is taken per ARP packet, per packet
 * that waits for a neighbour, and per tick.
 *
 * Limits: later IP fragments carry no ports, so they cannot be translated: datagrams to a service must fit
 * the MTU. One overlay network per node (its VNI). 16,384 tunnels and as many neighbours. A packet whose
 * TTL expires is dropped without an ICMP message.
 */
#ifndef NODE_NODE_H
#define NODE_NODE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "card/card.h"
#include "eswitch/eswitch.h"

struct node;

struct node_cfg {
	const struct card_node *card; /* name, VTEPs, VNI, gateways, pod CIDRs, timeouts; copied */
	uint32_t capacity;            /* connections; 0 = default (1M) */
	unsigned nr_workers;
};

enum node_port_role { NODE_PORT_UPLINK, NODE_PORT_HOST, NODE_PORT_VF };

struct node_port {
	uint16_t id, mtu;
	const char *name;
	enum node_port_role role;
	uint8_t mac[6];
	const char *pod; /* "namespace/name" from the profile or NULL */
	bool spoof_check;
};

/* 0 or -errno with a refusal. */
int node_create(const struct node_cfg *cfg, struct node **node);
void node_destroy(struct node *node); /* NULL is fine; detaches first */
int node_attach(struct node *node, struct esw *esw);
void node_detach(struct node *node);
/* Huge pages for what the connection tables have grown to (flow_settle). A control thread, attached. */
void node_settle(struct node *node);
int node_bind_port(struct node *node, const struct node_port *port);
void node_unbind_port(struct node *node, uint16_t id);

/* node.apply of ctl/messages.h. Refused whole: the running state stays. */
int node_apply(struct node *node, const json_t *params, json_t **result);
/* node.state: {node, instance, generation}. The instance is another one after every start. */
int node_state_json(struct node *node, const json_t *params, json_t **result);

/* node.services and node.connections of ctl/messages.h: params borrowed (may be NULL), *result the caller's. */
int node_services_json(struct node *node, const json_t *params, json_t **result);
int node_connections_json(struct node *node, const json_t *params, json_t **result);

struct node_stats {
	uint64_t generation; /* of the last apply, 0 = none yet */
	uint64_t applied_ns; /* CLOCK_MONOTONIC of it */
	uint64_t pods, services, policies, nodes;
	uint64_t decided_install, decided_forward, decided_drop;
	uint64_t connections, capacity, refused_full;
	uint64_t
		flows; /* known to the node: connections installed and flows only forwarded, lately */
	uint64_t flows_software; /* of these: forwarded only, in the last second */
	uint64_t insertions;     /* connections ever installed */
};
void node_stats(struct node *node, struct node_stats *stats);

/* The connection table, for switch.flows; borrowed. */
struct flow_conn_table *node_conns(struct node *node);

#endif
