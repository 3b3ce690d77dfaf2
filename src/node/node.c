/* SPDX-License-Identifier: BSD-3-Clause */
/* node: the object's life, and its figures. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/refuse.h"
#include "node/node_int.h"

#define AFFINITY_ENTRIES 65536u /* clients remembered per worker */

static void workers_up(struct node *node)
{
	uint64_t seed = rng_fresh_seed();

	for (unsigned i = 0; i < node->nr_workers; i++) {
		selector_prepare(node, &node->workers[i], seed + i);
		node->workers[i].selector.affinity = affinity_create(AFFINITY_ENTRIES);
	}
}

int node_create(const struct node_cfg *cfg, struct node **out)
{
	struct node *node;

	if (!cfg->card->name[0])
		return refuse(EINVAL, "node: the card profile names no node (node.name)");
	if (!cfg->nr_workers || cfg->nr_workers > FLOW_WORKERS_MAX)
		return refuse(EINVAL, "node '%s': %u workers, but 1 to %u are possible",
			cfg->card->name, cfg->nr_workers, FLOW_WORKERS_MAX);
	node = aligned_alloc(64, (sizeof(*node) + 63) & ~(size_t)63);
	if (!node)
		return refuse(ENOMEM, "node '%s': out of memory", cfg->card->name);
	memset(node, 0, sizeof(*node));
	node->card = *cfg->card;
	node->card.metrics = NULL; /* borrowed, and not ours */
	node->capacity = cfg->capacity;
	node->nr_workers = cfg->nr_workers;
	node->uplink = node->host = FLOW_PORT_NONE;
	node->instance = rng_fresh_seed() >> 12; /* a JSON number keeps 53 bits */
	rte_spinlock_init(&node->neigh_lock);
	node->balancer = balancer_create();
	node->neighs = calloc(NEIGHS_MAX, sizeof(*node->neighs));
	node->tunnels = calloc(TUNNELS_MAX, sizeof(*node->tunnels));
	workers_up(node);
	if (!node->neighs || !node->tunnels) {
		node_destroy(node);
		return refuse(ENOMEM, "node '%s': out of memory", cfg->card->name);
	}
	*out = node;
	return 0;
}

void node_destroy(struct node *node)
{
	if (!node)
		return;
	node_detach(node);
	for (unsigned i = 0; i < node->nr_workers; i++)
		affinity_destroy(node->workers[i].selector.affinity);
	balancer_destroy(node->balancer);
	json_decref(node->state);
	free(node->neighs);
	free(node->tunnels);
	free(node);
}

int node_attach(struct node *node, struct esw *esw)
{
	int rc;

	if (node->esw)
		return refuse(EBUSY, "node '%s' is attached already", node->card.name);
	node->esw = esw;
	node->flow = esw_flow(esw);
	if ((rc = conns_attach(node)) < 0 || (rc = ports_attach(node)) < 0) {
		node_detach(node);
		return rc;
	}
	esw_set_upcall(esw, &node_upcall_ops, node);
	return 0;
}

static void flush_held(void *arg)
{
	neigh_flush(arg, 0);
}

void node_detach(struct node *node)
{
	struct model *m = (struct model *)(uintptr_t)node->model;

	if (!node->esw)
		return;
	esw_set_upcall(node->esw, NULL, NULL);
	esw_paused(node->esw, flush_held, node);
	json_decref(node->state);
	node->state = NULL;
	ports_detach(node);
	tunnels_detach(node);
	node->model = NULL;
	flow_retire(node->flow, NULL, NULL);
	model_free(m); /* no worker calls us any more */
	conns_detach(node);
	node->esw = NULL;
	node->flow = NULL;
}

struct flow_conn_table *node_conns(struct node *node)
{
	return node->conns;
}

/* Flows forwarded in software and seen within the last second: counted at most once a second. */
struct recent {
	uint64_t now_ns, n;
};

static void count_recent(void *arg, const struct conn_info *info)
{
	struct recent *r = arg;

	r->n += r->now_ns < info->seen_ns + NS_PER_SEC;
}

static uint64_t software_flows(struct node *node)
{
	struct recent r = {.now_ns = clock_now_ns()};
	uint64_t cursor = 0;

	if (!node->soft)
		return 0;
	while (conn_walk(node->soft, &cursor, 1024, count_recent, &r) && cursor)
		;
	return r.n;
}

void node_stats(struct node *node, struct node_stats *stats)
{
	const struct model *m = node->model;
	struct conn_stats conns = {0};

	*stats = (struct node_stats){.generation = node->generation,
		.applied_ns = node->applied_ns,
		.capacity = node->capacity};
	if (m) {
		stats->pods = m->nr_pods;
		stats->services = m->nr_services;
		stats->policies = m->nr_policies;
		stats->nodes = m->nr_peers;
	}
	for (unsigned i = 0; i < node->nr_workers; i++) {
		const struct node_worker *w = &node->workers[i];

		stats->decided_install += w->decided_install;
		stats->decided_forward += w->decided_forward;
		stats->decided_drop += w->decided_drop;
		stats->refused_full += w->refused_full;
		stats->insertions += w->insertions;
	}
	if (node->conns)
		conn_table_stats(node->conns, &conns);
	stats->connections = conns.live;
	stats->flows_software = software_flows(node);
	stats->flows = stats->connections + stats->flows_software;
}
