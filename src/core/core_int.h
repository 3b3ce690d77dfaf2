/* SPDX-License-Identifier: BSD-3-Clause */
/* Insides of room core: what its files share. Control thread only. */
#ifndef CORE_CORE_INT_H
#define CORE_CORE_INT_H

#include <jansson.h>
#include <pthread.h>

#include "base/base.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/refuse.h"
#include "core/core.h"
#include "ctl/ctl.h"
#include "ctl/messages.h"
#include "ctl/metrics.h"
#include "eswitch/eswitch.h"
#include "node/node.h"
#include "port/eal.h"
#include "port/port.h"

struct core_tap; /* capture.c: one running capture */

/* keeper.c: the thread that looks after the tables */
struct core_keeper {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	bool runs, stop;
};

struct core {
	struct card *card;
	struct card_lease *lease;
	const char *program;
	struct rte_mempool *pool;
	struct esw *esw;
	struct node *node;
	struct port *port[CARD_PORTS_MAX]; /* by port id; NULL = not open */
	struct ctl_server *ctl;
	struct metrics *metrics;
	struct core_tap *taps;
	int epoll, wake;
	bool quiet_ports, started;
	struct core_keeper keeper;
	uint64_t started_ns;
	/* insertions per second, from one look to the next */
	uint64_t rate_ns, rate_count;
	double rate;
};

/* bringup.c */
int core_port_open(struct core *core, const struct card_port *cp, uint16_t id);
void core_port_close(struct core *core, uint16_t id);
/* The card's port behind a port id, NULL for others. */
const struct card_port *core_card_port(const struct core *core, uint16_t id);
/* Id by name, "any" = FLOW_PORT_NONE when `any`; -ENOENT names the ports there are. */
int core_port_find(const struct core *core, const char *name, bool any, uint16_t *id);

/* keeper.c */
int core_keeper_start(struct core *core);
void core_keeper_stop(struct core *core); /* not running: nothing */

/* one per file: register its methods */
int core_status_methods(struct core *core);
int core_flows_methods(struct core *core);
int core_drops_methods(struct core *core);
int core_capture_methods(struct core *core);
int core_reload_methods(struct core *core);
int core_node_methods(struct core *core);
void core_export(struct metrics_out *out, void *core);

/* capture.c: move captured packets to their clients; called each round. True: more is waiting. */
bool core_capture_pump(struct core *core);
void core_capture_end_all(struct core *core);

/* flows.c: what every look at the flow table counts */
struct core_flow_totals {
	uint64_t flows, offloaded, software;
	uint64_t packets_offloaded, packets_software, misses;
	uint64_t insertions;
	double insertions_per_s;
};
void core_flow_totals(struct core *core, struct core_flow_totals *t);
uint64_t core_pipe_count(struct core *core);
uint64_t core_conn_count(struct core *core);

#endif
