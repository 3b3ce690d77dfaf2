/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rig: the switch under test between a source and a sink, and what every case of bench-esw needs to set up.
 *
 *   rig.c      ports, hops, learning the source's flows, running
 *   pipes.c    cases of exact tables: forward, NAT, encapsulation, decapsulation
 *   acl.c      wildcard rules
 *   conns.c    connections, and a Service of a node
 *   main.c     the cases, measuring, the JSON lines
 */
#ifndef BENCH_ESW_RIG_H
#define BENCH_ESW_RIG_H

#include "eswitch/eswitch.h"
#include "flow/pipe.h"

#define SRC 0
#define DST 1
#define SINKS_MAX 4 /* DST and those behind it */
#define PIPES_MAX 8
#define VNI 100

struct node;

struct rig {
	const struct bench_case *what;
	uint32_t flows, steps; /* steps: what the growth cases grow by */
	struct rte_mempool *pool;
	struct esw *esw;
	struct port *src, *sink[SINKS_MAX];
	unsigned n_sinks;
	struct flow_pipe *pipe[PIPES_MAX];
	struct flow_conn_table *conns;
	struct node *node;
	uint16_t hop;
	bool wire; /* no switch between source and sink */
};

struct bench_case {
	const char *name;
	void (*up)(struct rig *rig);
	uint32_t flows;
	struct card_frames frames; /* of the source; flows comes from above */
	uint32_t cache_entries;    /* 0: room for every flow twice */
};

/* A refusal ends the program. */
void must(int err, const char *what);

void rig_up(struct rig *rig, const struct bench_case *what, uint32_t flows, uint32_t steps);
void rig_down(struct rig *rig);
/* Until `packets` went through and, when ns is not 0, so much time has passed. Returns the packets. */
uint64_t rig_run(struct rig *rig, uint64_t packets, uint64_t ns);

/* A hop to DST that rewrites MACs and TTL like a router; with `encap` into VXLAN as well. */
uint16_t rig_hop(struct rig *rig, bool encap);
void rig_add_sink(struct rig *rig, uint16_t id, const char *name, const uint8_t mac[6]);
/* Each flow of the source once, as the switch sees it: the key is read off real packets, so the bench cannot
 * disagree with the source about what flow i is. Tunnelled ones are seen decapsulated. */
void rig_learn(struct rig *rig, void (*fn)(struct rig *, const struct flow_key *, uint32_t i));

/* pipes.c, acl.c, conns.c: the `up` of cases */
void up_wire(struct rig *rig);
void up_forward(struct rig *rig);
void up_dnat(struct rig *rig);
void up_dnat_vxlan(struct rig *rig);
void up_decap(struct rig *rig);
void up_chain(struct rig *rig);
void up_acl(struct rig *rig);
void up_masks(struct rig *rig);
void up_conns(struct rig *rig);
void up_service(struct rig *rig);
void print_acl_openflow(void);

#endif
