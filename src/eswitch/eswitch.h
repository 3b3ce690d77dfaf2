/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Room eswitch: ports + flow = a switch.
 *
 *   struct esw                    one live switch: ports, a flow_ctx, workers, counters
 *   esw_burst()     burst.c       THE path: parse -> key -> cache | walk -> run -> emit. Everything a packet
 *                                 meets is called from that one file, in the order it happens
 *   emit.c                        verdict -> port: segmentation and checksums the egress cannot do, MTU, tx buffers
 *   upcall.c                      flow miss -> the node, and what the node answers
 *   worker.c                      the card thread: polls under load, sleeps on file descriptors when idle
 *   switch.c                      create, ports in and out while running, destroy in any order
 *   stats.c                       counters per worker, summed on read; the accounting identity
 *   capture.c                     copies for `softdpu capture` and pcap-on-drop
 *
 * Life. esw_create -> esw_port_add (any time) -> esw_set_upcall -> esw_start -> ... -> esw_stop -> esw_destroy.
 * Ports handed in stay the caller's: after esw_port_remove returns no worker touches the port.
 *
 * Threads. A worker (poller slot) is one of: the switch's own thread (esw_start), or the caller of
 * esw_poll() (inline mode: a driver's rx_burst, a test, a bench). A slot is used by one thread at a time.
 * Control calls (ports, upcall, capture) come from any one thread and meet the workers at a pause between
 * two bursts; rules and connections do not pause anybody (room flow). Nothing reachable from esw_burst
 * allocates, locks, logs or calls the system, except what a port driver does.
 *
 * Accounting (DESIGN 5.7). m->port is the ingress port id from rx to the end. For every ingress port, and
 * so for the switch, when nothing is in flight:
 *
 *     rx + generated + copies == tx + sum(drops) + consumed + queued
 *
 * generated: packets the node made (attributed to the port whose packet caused them); copies: forks and the
 * extra segments of a TSO super-packet; consumed: packets that ended here on purpose (answered ARP, ...);
 * queued: held for a neighbour. esw_stats_check() verifies it.
 */
#ifndef ESWITCH_ESWITCH_H
#define ESWITCH_ESWITCH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/drop.h"
#include "flow/walk.h"
#include "port/port.h"

#define ESW_BURST 64         /* packets per burst: 32 left 5 to 10% on the table at 100K flows */
#define ESW_PORTS_MAX 4096
#define ESW_NAME_MAX 32

struct esw;

struct esw_cfg {
	const char *name;            /* of the card; copied */
	unsigned nr_workers;         /* poller slots, 1..FLOW_WORKERS_MAX */
	struct rte_mempool *pool;    /* for copies and generated packets; borrowed, outlives the switch */
	uint32_t cache_entries;      /* 0 = default */
	unsigned idle_spins;         /* empty polls before a worker sleeps; 0 = default */
};

int esw_create(const struct esw_cfg *cfg, struct esw **esw);
/* Stops the workers, forgets the ports (without closing them), frees tables. NULL is fine. */
void esw_destroy(struct esw *esw);

/* The match-action side of this switch, for whoever installs pipes and connections. Borrowed. */
struct flow_ctx *esw_flow(struct esw *esw);
struct rte_mempool *esw_pool(struct esw *esw);

/* Attach a port; its id is port_id(port) and must be free (< ESW_PORTS_MAX). -EEXIST, -ERANGE with a refusal. */
int esw_port_add(struct esw *esw, struct port *port);
/* Detach; packets already decided for it drop PORT_DOWN. Returns the port, the caller's again; NULL if unknown. */
struct port *esw_port_remove(struct esw *esw, uint16_t id);
/* Borrowed; NULL if none. Control thread. */
struct port *esw_port(struct esw *esw, uint16_t id);
/* Calls fn for each attached port in id order. Control thread. */
void esw_port_each(struct esw *esw, void (*fn)(void *arg, struct port *port), void *arg);

/*
 * Upcalls: a pipe or default forward says UPCALL, a hop is held, a packet is too big for its way out. The
 * switch hands the node what missed, a batch per burst, on the worker's thread. The node sets `answer` of each:
 */
enum esw_why {
	ESW_WHY_MISS,       /* flow miss */
	ESW_WHY_HOP_HELD,   /* the hop `hop` has FLOW_HOP_HOLD: its neighbour is unresolved; packet already rewritten up to the hop */
	ESW_WHY_TOO_BIG,    /* larger than `mtu` and may not be fragmented: answer with ICMP too big */
};

enum esw_answer {
	ESW_ANSWER_DROP,     /* `reason`; also the state before the node looks: reason NO_ROUTE */
	ESW_ANSWER_CONN,     /* a connection was installed (or found): `conn`; counted and rewritten as a hit */
	ESW_ANSWER_REWRITE,  /* forward only: apply `rewrite` (with its hop) once */
	ESW_ANSWER_SEND,     /* send m as it is now by `port` (e.g. turned into an answer in place: m was edited, parse is stale) */
	ESW_ANSWER_CONSUMED, /* the packet ended here on purpose; the switch frees it */
	ESW_ANSWER_QUEUED,   /* the node keeps m (counted queued); it comes back by esw_requeue or esw_discard */
};

struct esw_upcall {
	struct flow_pkt pkt;        /* m, parse, key (line 0 filled), meta; borrowed for the call */
	enum esw_why why;
	uint32_t cookie;            /* flow_fwd.index of the UPCALL */
	uint16_t port;              /* ingress */
	uint16_t hop, mtu;          /* HOP_HELD, TOO_BIG */
	uint64_t zone;
	enum esw_answer answer;
	enum drop_reason reason;
	uint16_t out_port;          /* SEND */
	conn_ref conn;              /* CONN */
	struct flow_conn_table *conns; /* CONN: which table */
	struct flow_rewrite rewrite;   /* REWRITE */
};

struct esw_upcall_ops {
	/* A batch of up to ESW_BURST; worker thread; must not block, allocate or log per packet. */
	void (*upcall)(void *arg, unsigned worker, struct esw_upcall *calls, unsigned n, uint64_t now_ns);
	/* Every ~10 ms on each worker, also when idle: timers, aging, held packets. May be NULL. */
	void (*tick)(void *arg, unsigned worker, uint64_t now_ns);
};
/* ops NULL: misses drop NO_ROUTE. Pauses the workers. */
void esw_set_upcall(struct esw *esw, const struct esw_upcall_ops *ops, void *arg);

/* The next three: from upcall or tick on the worker's thread (an upcall they cause is settled before these
 * return, or with the next burst). Send a packet the node made (ownership moves) by `out_port`; `cause` is the
 * ingress port it is attributed to. Offload flags allowed. */
void esw_generate(struct esw *esw, unsigned worker, struct rte_mbuf *m, uint16_t cause, uint16_t out_port);
/* A queued packet goes on: same rewrite rules as REWRITE (rewrite NULL: hop only, the packet is already rewritten). */
void esw_requeue(struct esw *esw, unsigned worker, struct rte_mbuf *m, const struct flow_rewrite *rewrite, uint16_t hop);
/* A queued packet ends: counted as a drop. */
void esw_discard(struct esw *esw, unsigned worker, struct rte_mbuf *m, enum drop_reason reason);

/* Start / stop the switch's own worker threads. Stop drains what was received. */
int esw_start(struct esw *esw);
void esw_stop(struct esw *esw);

/* Inline: one round over the ready ports of this slot; returns packets received. Used instead of esw_start. */
unsigned esw_poll(struct esw *esw, unsigned worker, uint64_t now_ns);

/* THE path, for packets already received on `port`: takes all n (<= ESW_BURST) and leaves them in tx buffers, queues or
 * the free list. The caller is online-free: the burst enters and leaves the reader epoch itself. esw_flush() sends. */
void esw_burst(struct esw *esw, unsigned worker, uint16_t port, struct rte_mbuf **m, unsigned n, uint64_t now_ns);
void esw_flush(struct esw *esw, unsigned worker);

/* Run fn once while all workers stand between two bursts. Control thread. */
void esw_paused(struct esw *esw, void (*fn)(void *arg), void *arg);

/* Receive queue sets (RSS to an application): the consumer is called on the worker with packets it then owns;
 * returns how many it took, the rest drop QUEUE_FULL. */
#define ESW_QUEUE_KERNEL 0xffffffffu /* index: the Linux netdev behind the ingress port (DOCA's TARGET KERNEL) */
typedef unsigned (*esw_queue_fn)(void *arg, unsigned worker, uint32_t index, uint16_t port, struct rte_mbuf **m, unsigned n);
void esw_set_queue(struct esw *esw, esw_queue_fn fn, void *arg);

struct esw_counts {
	uint64_t rx, rx_bytes, generated, copies, tx, tx_bytes, consumed, queued;
	uint64_t drops[DROP_REASON_COUNT];
	uint64_t upcalls;       /* packets handed to the node */
	uint64_t cache_hits, cache_misses, conn_hits, conn_misses;
	uint64_t bursts, sleeps;
};
/* Sum over workers, less the baseline of the last reset. `port` FLOW_PORT_NONE: the whole switch. By ingress port. */
void esw_stats(struct esw *esw, uint16_t port, struct esw_counts *counts);
/* Egress side of one port: packets and bytes that left by it. */
void esw_stats_egress(struct esw *esw, uint16_t port, uint64_t *packets, uint64_t *bytes);
void esw_stats_reset(struct esw *esw);
/* 0 when the identity holds for every port and the whole, else -EPROTO with a refusal that shows the sums. */
int esw_stats_check(struct esw *esw);

/* Share of the last moments (0..1) this worker moved packets rather than looked for or waited for them. */
double esw_worker_busy(const struct esw *esw, unsigned worker);

/* How long a packet took from receive to transmit buffer, ns: decided by the node (first packets) and by tables. */
struct hist;
void esw_latency(struct esw *esw, struct hist *first, struct hist *later);

/* Capture: copies of packets entering (ESW_CAPTURE_RX) or leaving (TX) a port, or dropped (port FLOW_PORT_NONE = any).
 * Up to 8 at a time. The ring holds `slots` packets of at most snaplen bytes; when full, packets are counted lost. */
enum { ESW_CAPTURE_RX = 1, ESW_CAPTURE_TX = 2, ESW_CAPTURE_DROP = 4 };
struct esw_capture;
struct esw_captured {
	uint64_t wall_ns;           /* CLOCK_REALTIME */
	uint16_t port;
	uint8_t where;              /* one ESW_CAPTURE_ bit */
	uint8_t reason;             /* enum drop_reason when dropped */
	uint32_t length, captured;
	uint8_t bytes[];
};
int esw_capture_start(struct esw *esw, uint16_t port, unsigned where, unsigned snaplen, unsigned slots, struct esw_capture **cap);
/* Next packet or NULL; borrowed until the next call. Any one thread. */
const struct esw_captured *esw_capture_next(struct esw_capture *cap);
uint64_t esw_capture_lost(const struct esw_capture *cap);
void esw_capture_stop(struct esw_capture *cap);

#endif
