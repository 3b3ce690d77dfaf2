/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rig: the switch under test between a source and a sink, and what every case of bench-esw needs to set up.
 *
 *   rig.c      ports, hops, learning the source's flows, running
 *   check.c    whether delivered packets are, byte for byte, what the case promises
 *   pipes.c    cases of exact tables: forward, NAT, encapsulation, decapsulation
 *   acl.c      wildcard rules
 *   conns.c    connections, and a Service of a node
 *   measure.c  a case from cold to its JSON line
 *   main.c     the cases
 */
#ifndef BENCH_ESW_RIG_H
#define BENCH_ESW_RIG_H

#include "eswitch/eswitch.h"
#include "flow/pipe.h"
#include "shape.h"

#define SRC 0
#define DST 1
#define SINKS_MAX 4 /* DST and those behind it */
#define PIPES_MAX 8
#define WORKERS_MAX 8
#define FRAME_MAX 2048
#define VNI 100
#define MIX_SERVICE_PORT 4420
#define MIX_TIMEOUT_S 2
#define MIX_STEP_NS 4000 /* a fifth of the packets begin a flow: 100,000 of them in MIX_TIMEOUT_S */

extern const uint8_t rig_mac_router[6], rig_mac_dst[6];

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
	unsigned workers;
	struct shape shape[WORKERS_MAX]; /* of the source, by worker */
	uint64_t now_ns;                 /* virtual time, where the case has one */
	uint64_t taken;                  /* packets from the source's first queue: the next is of flow taken % flows */
	/* Set: called with what a sink is given, before it frees that. One worker only. */
	void (*watch)(struct rig *rig, unsigned sink, struct rte_mbuf **m, uint16_t n);
};

struct frame {
	uint8_t bytes[FRAME_MAX];
	unsigned len;
	unsigned outer; /* bytes of a tunnel's headers in front, of which some are free: see check.c */
};

struct bench_case {
	const char *name;
	void (*up)(struct rig *rig);
	uint32_t flows;
	struct card_frames frames; /* of the source; flows comes from above */
	uint32_t cache_entries;    /* 0: room for every flow twice */
	/* What was sent becomes what `sink` must get, made the slow and simple way. NULL: the same bytes. */
	void (*want)(struct rig *rig, uint32_t flow, unsigned sink, struct frame *f);
	void (*tally)(struct rig *rig, bool after); /* around the checked packets: counters agree as well */
	uint32_t fresh;            /* percent of packets that begin a flow */
	uint64_t step_ns;          /* virtual time per packet; 0: the clock */
};

/* A refusal ends the program. */
void must(int err, const char *what);

/* pool, flows, steps and workers are set. */
void rig_up(struct rig *rig, const struct bench_case *what);
void rig_down(struct rig *rig);
/* A worker's thread: until `packets` went through and, when ns is not 0, so much time has passed. Returns the packets. */
uint64_t rig_run(struct rig *rig, unsigned worker, uint64_t packets, uint64_t ns);
/* At most n packets of the source, shaped. */
uint16_t rig_take(struct rig *rig, unsigned worker, struct rte_mbuf **m, uint16_t n);

/* A hop to DST that rewrites MACs and TTL like a router; with `encap` into VXLAN as well. */
uint16_t rig_hop(struct rig *rig, bool encap);
void rig_add_sink(struct rig *rig, uint16_t id, const char *name, const uint8_t mac[6]);
/* Each flow of the source once, as the switch sees it: the key is read off real packets, so the bench cannot
 * disagree with the source about what flow i is. Tunnelled ones are seen decapsulated. */
void rig_learn(struct rig *rig, void (*fn)(struct rig *, const struct flow_key *, uint32_t i));

/* measure.c: a case from cold to its JSON line. rate: packets arrive by the clock, 0 = as fast as they are asked for. */
void measure(struct rig *rig, const struct bench_case *what, double seconds, double rate);

/* check.c: some thousand packets through the switch; the first wrong one ends the program. */
void rig_check(struct rig *rig);
/* For `want`: as a router sends it on (TTL, MACs); with an IPv4 address and port instead (dst: of the destination);
 * a VXLAN tunnel around, or none any more. Checksums are computed anew from all bytes, at the end. */
void frame_route(struct frame *f, const uint8_t dmac[6], const uint8_t smac[6]);
void frame_nat(struct frame *f, bool dst, const uint8_t ip[4], uint16_t port);
void frame_encap(struct frame *f);
void frame_decap(struct frame *f);

/* pipes.c, acl.c, conns.c: the `up` of cases, and what they want */
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
void up_mix(struct rig *rig);
void want_dnat(struct rig *rig, uint32_t flow, unsigned sink, struct frame *f);
void want_dnat_vxlan(struct rig *rig, uint32_t flow, unsigned sink, struct frame *f);
void want_unnat(struct rig *rig, uint32_t flow, unsigned sink, struct frame *f);
void want_backend(struct rig *rig, uint32_t flow, unsigned sink, struct frame *f);
void want_rule(struct rig *rig, uint32_t flow, unsigned sink, struct frame *f);
void tally_rules(struct rig *rig, bool after);
void print_acl_openflow(void);

#endif
