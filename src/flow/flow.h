/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Room flow: match and act. It knows packets, keys, tables and programs; a port is only a number
 * to it, and time only an argument.
 *
 *   key.h      what may be matched: one fixed layout of 64-byte lines, filled from parse results
 *   field.h    the name of every byte range of the key, where it lies in a packet, whether it can be written
 *   action.h   what may be done: the instruction set, and the fused rewrite most flows compile to
 *   hop.h      adjacencies: egress port + link-layer addresses + encap template, shared by many flows
 *   pipe.h     THE intermediate representation: pipes and entries. DOCA pipes, rte_flow rules and the
 *              node's own steering all lower to it
 *   exact.h    the exact-match table below EXACT pipes and the cache: tags + index per bucket line
 *   wild.h     tuple-space search with priorities below WILD, ACL (acl.h: ranges) and LPM pipes (a tuple per length)
 *   cache.h    the flow cache: composed programs of the pipes a flow walked, under the bits it looked at
 *   walk.h     the slow path: walk pipes for one packet, act on it, compose the program, fill the cache
 *   conn.h     connections: both directions in one record, TCP/UDP/ICMP state, NAT; the exact level of the cache
 *   custom.h   headers that only the program knows
 *   meter.h, age.h, counter.h
 *
 * Two ways through a packet's life here (eswitch/burst.c is the caller and owns the order):
 *
 *   fast   key -> cache_lookup (many packets at once) -> run the composed program: fused rewrite or ops;
 *          a CT opcode looks up conn (many packets at once) and continues at its hit or miss branch;
 *          a RESUME opcode re-parses, re-keys with a resume point, and looks up again
 *   slow   cache miss -> flow_walk(): pipe by pipe; what each pipe looked at is collected as a mask over
 *          the ORIGINAL key (provenance per byte, walk.h), what each entry did is appended to the
 *          program; the result is one cache entry. Entries keep their own counters: the program holds
 *          a COUNT op for each entry and each pipe miss it passed.
 *
 * Writers and readers. One struct flow_ctx per switch. Readers are pollers (struct flow_reader, one per
 * poller slot) and never wait. Writers may be any thread; two writers on one exact table meet at a
 * bucket only. Memory a reader may still see is retired through the ctx's epoch (RCU, librte_rcu):
 * readers are online only inside esw_burst, so a program that stops polling blocks nobody.
 *
 * Validity. Each pipe has a generation. A cache entry remembers the sum of generations it was composed
 * from, lazily compared on hit; adding a leaf entry does not raise the generation, it only kills cached
 * MISSES of that pipe which it would match; update and remove mark the entry, which its cached users see.
 *
 * Limits: FLOW_WALK_MAX pipes per walk, FLOW_OPS_MAX ops per composed program, 65535 ports and pipes.
 */
#ifndef FLOW_FLOW_H
#define FLOW_FLOW_H

#include <stdint.h>

#define FLOW_WALK_MAX 64   /* pipes one packet may pass before PIPE_LOOP */
#define FLOW_OPS_MAX 96    /* ops of one composed program; a longer walk ends in RESUME */
#define FLOW_WORKERS_MAX 16 /* poller slots; per-worker counters are laid out for this many */

/* Ports are numbers here. */
#define FLOW_PORT_NONE 0xffffu
/* Ports of one switch share its root pipes: a group's number stands where a port's does. */
#define FLOW_PORT_GROUP 0xff00u
#define FLOW_PORT_GROUPS 16

enum flow_domain {
	FLOW_DOMAIN_DEFAULT,        /* ingress */
	FLOW_DOMAIN_SECURE_INGRESS, /* after decrypt */
	FLOW_DOMAIN_EGRESS,         /* last stage before the wire */
	FLOW_DOMAIN_SECURE_EGRESS,  /* encrypt */
	FLOW_DOMAIN_COUNT,
};

struct flow_ctx_cfg {
	unsigned nr_workers;        /* poller slots, 1..FLOW_WORKERS_MAX */
	uint32_t nr_counters;       /* entry counters to reserve; 0 = grow as needed */
	uint32_t cache_entries;     /* cap of cached composed programs; 0 = 1M */
	int socket_id;              /* NUMA node or -1 */
};

struct flow_ctx; /* pipes, cache, counters, hops, epochs of one switch */

/* 0 or -errno with a refusal. The caller owns *ctx; destroy(NULL) is fine. No reader may be online. */
int flow_ctx_create(const struct flow_ctx_cfg *cfg, struct flow_ctx **ctx);
void flow_ctx_destroy(struct flow_ctx *ctx);

/* Reader side of a poller slot: online before the first lookup of a burst, offline after the last.
 * Cheap (one fence); nothing retired before online() is freed until offline(). */
void flow_reader_online(struct flow_ctx *ctx, unsigned worker);
void flow_reader_offline(struct flow_ctx *ctx, unsigned worker);

/*
 * Put what the context's tables have grown to on huge pages (DESIGN: huge pages when there are). The burst path
 * only ever asks for small ones, because clearing two megabytes in a packet's way would be seen; so a control
 * thread calls this now and then. Cheap when nothing has grown; else milliseconds per ten megabytes, in which
 * workers may meet short page faults. Connection tables: conn_table_settle().
 */
void flow_settle(struct flow_ctx *ctx);

/* Free `ptr` by fn(ptr) once every reader that might see it has gone offline. Writers only; may be
 * called with NULL fn and ptr to just reap. Never blocks. */
void flow_retire(struct flow_ctx *ctx, void (*fn)(void *ptr), void *ptr);

#endif
