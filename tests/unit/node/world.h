/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * world: the demo's three nodes in one process, in virtual time. Each node has a switch, a node and
 * in-memory ports; the test is the underlay (it carries frames between the uplinks by MAC address) and
 * the pods (it writes and reads frames on their eth0).
 *
 *       client  web-1        web-2  coredns      web-3  intruder        pods: far ends of pair ports
 *       ─┴───────┴─          ─┴───────┴─         ─┴───────┴─
 *         node1                node2               node3
 *          p0 ───────────────── p0 ────────────────  p0                 underlay: world_run()
 */
#ifndef TEST_NODE_WORLD_H
#define TEST_NODE_WORLD_H

#include "node_test.h"
#include "packet/fixture.h"
#include "packet/packet.h"
#include "port/port.h"

#define NODES 3
#define INBOX 4096

enum who { CLIENT, WEB1, WEB2, COREDNS, WEB3, INTRUDER, WORLD_PODS };

struct inbox {
	struct rte_mbuf *m[INBOX];
	unsigned n;
};

struct world_pod {
	const char *name, *ip4, *ip6;
	unsigned node;
	uint8_t mac[6];
	struct port *near, *far;
	struct inbox in;
};

struct world_node {
	struct esw *esw;
	struct node *node;
	struct card_node card;
	struct port *near, *far; /* uplink */
	uint8_t mac[6];
	bool cut; /* the underlay does not reach it */
};

struct world {
	uint64_t now_ns;
	bool threaded; /* the switches run on their own threads, in real time */
	struct world_node nodes[NODES];
	struct world_pod pods[WORLD_PODS];
	struct inbox underlay; /* copies of what crossed it lately */
	json_t *manifests;     /* NULL: the demo's */
};

struct world *world_create(void);
void world_destroy(struct world *w);
/* Bring every node to these manifests (NULL: the demo's). */
void world_apply(struct world *w, const char *more);
/* The demo's manifests after a sed script. */
void world_apply_edited(struct world *w, const char *script);
/* Let everything settle at the present time; and let time pass, in ticks of 10 ms. */
void world_run(struct world *w);
void world_pass(struct world *w, uint64_t ns);
/* The switches' own threads instead of ours, and back. */
void world_start(struct world *w);
void world_stop(struct world *w);
/* A pod sends. `spec` as in fixture.h; MACs are the pod's and the gateway's. */
void world_send(struct world *w, enum who from, const char *spec, ...)
	__attribute__((format(printf, 3, 4)));
void world_send_mbuf(struct world *w, enum who from, struct rte_mbuf *m);
/* The pod's oldest frame, NULL when it got none; the caller frees it. */
struct rte_mbuf *world_take(struct world *w, enum who pod);
void world_drop_all(struct world *w);
uint64_t world_drops(struct world *w, unsigned node, enum drop_reason reason);
struct node_stats world_stats(struct world *w, unsigned node);
/* Nothing is lost: the accounting identity on every node. */
void world_check(struct world *w);

#endif
