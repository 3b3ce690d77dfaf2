/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Insides of the eswitch. One struct esw_slot per poller: everything a burst writes is in its slot, so
 * workers share nothing they write but the flow tables. A slot is used by one thread at a time; who may
 * touch it else is said at each member.
 */
#ifndef ESWITCH_ESWITCH_INT_H
#define ESWITCH_ESWITCH_INT_H

#include <pthread.h>
#include <rte_cycles.h>
#include <rte_ring.h>
#include <stdatomic.h>

#include "base/base.h"
#include "base/hist.h"
#include "eswitch/eswitch.h"

#define ESW_TX_BUFFER 64           /* frames waiting for one port_tx; flushed at the end of each round */
#define ESW_TICK_NS (10 * 1000000ull) /* esw_upcall_ops.tick and the longest sleep of an idle worker */
#define ESW_IDLE_SPINS 64          /* empty rounds before a worker sleeps */
#define ESW_ROUNDS_MAX 16          /* look-ups of one packet: resume points, hit pipes */
#define ESW_CAPTURES_MAX 8
#define ESW_CALLS (2 * ESW_BURST)  /* upcalls of one burst: its packets and as many forks */

/* Counters of one ingress port on one slot. */
struct esw_tally {
	struct esw_counts in;
	uint64_t out_packets, out_bytes;
};

/* One port as one slot sees it. Written by the slot's thread; attached and detached under pause. */
struct esw_link {
	struct port *port;
	uint32_t frame_max;        /* bytes of the largest plain frame: MTU + Ethernet + two tags */
	uint8_t capture_rx, capture_tx; /* bit i: capture i wants it */
	bool dirty;                /* in slot->dirty */
	uint16_t n;                /* frames in the buffer */
	uint16_t queue;            /* the port's transmit queue of this slot */
	struct rte_mbuf *m[ESW_TX_BUFFER];
	uint16_t cause[ESW_TX_BUFFER]; /* ingress port each is accounted to */
	struct esw_tally tally;
};

/* The burst in work: structure of arrays, index = packet. */
struct esw_run {
	unsigned n;
	uint16_t port;
	uint64_t now_ns, tsc;
	struct rte_mbuf *m[ESW_BURST];
	struct flow_pkt pkt[ESW_BURST];       /* points into the arrays below */
	struct flow_verdict verdict[ESW_BURST];
	struct flow_hit hit[ESW_BURST];
	struct flow_pkt_meta meta[ESW_BURST];
	struct pkt_parse parse[ESW_BURST];
	bool parsed[ESW_BURST]; /* of packets that go round again: parse is right */
	struct flow_key key[ESW_BURST];
	/* calls keep copies: a packet that goes round again reuses the arrays above */
	unsigned nr_calls;
	struct esw_upcall call[ESW_CALLS];
	struct pkt_parse call_parse[ESW_CALLS];
	struct flow_key call_key[ESW_CALLS];
	struct flow_pkt_meta call_meta[ESW_CALLS];
	struct flow_forks forks;
	struct rte_mbuf *fork_m[ESW_BURST];
	struct flow_pkt_meta fork_meta[ESW_BURST];
	struct flow_verdict fork_verdict[ESW_BURST];
};

struct esw_slot {
	unsigned worker;
	struct esw *esw;
	struct esw_link *link[ESW_PORTS_MAX]; /* NULL = no such port */
	uint16_t dirty[ESW_PORTS_MAX];        /* ports with frames to flush */
	unsigned nr_dirty;
	uint8_t capture_drop;
	struct port_set *set;
	uint64_t next_tick_ns;
	uint64_t bursts, sleeps;
	uint64_t busy_tsc, tick_tsc; /* TSC spent in rounds that moved packets since the tick at tick_tsc */
	float busy;                  /* smoothed share, for esw_worker_busy */
	struct hist *first, *later;
	struct esw_run run;
	/* pause handshake */
	atomic_bool inside;
	/* own thread */
	pthread_t thread;
	bool threaded;
};

struct esw {
	char name[ESW_NAME_MAX];
	struct flow_ctx *flow;
	struct rte_mempool *pool;
	unsigned nr_workers, idle_spins;
	uint64_t tsc_per_us;
	struct port *port[ESW_PORTS_MAX];
	struct esw_upcall_ops ops;          /* changed under pause */
	void *ops_arg;
	esw_queue_fn queue;
	void *queue_arg;
	struct esw_capture *capture[ESW_CAPTURES_MAX]; /* changed under pause */
	atomic_bool pause, stop;
	pthread_mutex_t control;            /* one control call at a time */
	struct esw_tally *baseline;         /* per port, of the last reset */
	struct esw_tally gone;              /* what removed ports had counted */
	struct esw_slot *slot[FLOW_WORKERS_MAX];
};

/* burst.c / emit.c / upcall.c: worker thread */
void esw_settle(struct esw_slot *s, struct flow_pkt *pkt, struct flow_verdict v);
void esw_emit(struct esw_slot *s, struct rte_mbuf *m, uint16_t cause, uint16_t out_port);
/* The same for n packets that leave one after another by the same port. */
void esw_emit_run(struct esw_slot *s, struct rte_mbuf *const *m, unsigned n, uint16_t cause, uint16_t out_port);
void esw_drop(struct esw_slot *s, struct rte_mbuf *m, uint16_t cause, enum drop_reason reason);
void esw_upcall_run(struct esw_slot *s);
void esw_upcall_add(struct esw_slot *s, struct flow_pkt *pkt, enum esw_why why, uint32_t cookie, uint16_t hop, uint16_t mtu);
/* The tally packets from `port` are counted in; a detached port's late packets go to a spare. */
struct esw_tally *esw_tally_of(struct esw_slot *s, uint16_t port);

/* capture.c: worker thread */
void esw_capture_put(struct esw_slot *s, unsigned which, struct rte_mbuf *m, uint16_t port, unsigned where, enum drop_reason reason);

/* stats.c: control thread */
void esw_tally_port(struct esw *esw, uint16_t port, struct esw_tally *sum);
void esw_tally_add(struct esw_tally *sum, const struct esw_tally *t);

/* worker.c, capture.c */
void *esw_worker_main(void *slot);
void esw_capture_detach_all(struct esw *esw);

#endif
