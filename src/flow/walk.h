/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * walk: the two executors. flow_run() runs a composed program (fast path, many packets);
 * flow_walk() walks pipes for one packet that missed the cache, composing as it goes (slow path).
 *
 * Provenance. The walk keeps, for every byte of the key, which byte of the ORIGINAL key it came from, or
 * CONST. Matching a byte un-wildcards its origin; SET makes it CONST; COPY copies provenance; ADD
 * un-wildcards the origin and makes it CONST; decap moves inner provenance to outer; encap makes outer CONST.
 * What cannot be derived (meter colour, connection state, what lies behind a header that was pushed or
 * removed) ends the composed program with RESUME at the next pipe. `random` is drawn when the key is built, so
 * a program that depends on it is cached once per value of the bits it looked at.
 *
 * The verdict tells the eswitch what to do with the packet; flow never sends.
 */
#ifndef FLOW_WALK_H
#define FLOW_WALK_H

#include "flow/action.h"
#include "flow/conn.h"
#include "flow/flat.h"
#include "flow/hop.h"
#include "flow/key.h"
#include "flow/pipe.h"

enum flow_verdict_kind {
	FLOW_VERDICT_PORT,   /* send by `port` */
	FLOW_VERDICT_QUEUE,  /* deliver to queue set `index` */
	FLOW_VERDICT_KERNEL, /* hand to the netdev of the ingress port */
	FLOW_VERDICT_UPCALL, /* flow miss, cookie `index` */
	FLOW_VERDICT_DROP,   /* `reason` */
	FLOW_VERDICT_CT,     /* look up conn (batched by the caller) as flow_ct_get(ctx, index) says; line 0 of pkt->key
			      * describes the packet as it is now */
	FLOW_VERDICT_AGAIN,  /* re-parse (unless reason is FLOW_AGAIN_PARSED) and look up again with meta.resume = index;
			      * meta.domain and meta.port are set */
	FLOW_VERDICT_HELD,   /* suspended (crypto) */
};

/* Cookies of UPCALL verdicts the hop itself makes; `port` is the hop's index then. */
#define FLOW_UPCALL_HELD 0xffffffffu    /* FLOW_HOP_HOLD: rewritten except for what the hop would do */
#define FLOW_UPCALL_TOO_BIG 0xfffffffeu /* larger than the hop's MTU and may not be fragmented; untouched */

/* AGAIN's reason: the parse is what a new one would say. */
#define FLOW_AGAIN_PARSED 1

struct flow_verdict {
	uint8_t kind;
	uint8_t reason; /* DROP: why; AGAIN: FLOW_AGAIN_PARSED or 0 */
	uint16_t port;
	uint32_t index;
};

/* A packet in the burst. The arrays of a burst are struct-of-arrays in eswitch; this is one of them. */
struct flow_pkt {
	struct rte_mbuf *m;
	struct pkt_parse *parse;      /* kept in step with edits */
	struct flow_key *key;
	struct flow_pkt_meta *meta;
};

/* Forks made while running: copies with their own verdicts (AGAIN too), appended by the executors. */
struct flow_forks {
	unsigned n, max;
	unsigned lost;               /* copies that could not be made: no buffer, or more than max */
	struct flow_pkt_meta *meta;
	struct rte_mbuf **m;
	struct flow_verdict *verdict;
};

/* Apply one fused rewrite (NAT, then hop: TTL, MACs, encap). Verdict PORT or DROP, or UPCALL for a held hop. */
struct flow_verdict flow_apply(struct flow_ctx *ctx, unsigned worker, struct flow_pkt *pkt, const struct flow_rewrite *rw);

/* The hash from which an encapsulation makes its outer UDP source port (pkt_entropy_port), of line 0's addresses, ports and
 * protocol: the same for every packet of a flow. */
uint32_t flow_key_entropy(const struct flow_key *key);

/* Run a composed program from op `at` (0 = start). */
struct flow_verdict flow_run(struct flow_ctx *ctx, unsigned worker, struct flow_pkt *pkt, const struct flow_program *prog,
	unsigned at, uint64_t now_ns, struct flow_forks *forks);

/* The slow path for one packet; fills the cache unless what it met cannot be cached. */
struct flow_verdict flow_walk(struct flow_ctx *ctx, unsigned worker, struct flow_pkt *pkt, uint64_t now_ns,
	struct flow_forks *forks);

/* Same walk on a copy, nothing counted, nothing cached; appends a tree of what happened, for
 * `softdpu explain` and traces. */
struct str;
void flow_explain(struct flow_ctx *ctx, const struct flow_pkt *pkt, uint64_t now_ns, struct str *out);

/* What to do at FLOW_VERDICT_CT. Borrowed; NULL when the pipe is gone. A hit whose rewrite names a hop is
 * done after flow_apply(); otherwise it goes round again at `hit_resume`. A miss gets the verdict `miss`. */
struct flow_ct {
	struct flow_conn_table *conns;
	uint16_t zone;
	uint16_t hit_resume;         /* pipe id, 0 = none */
	struct flow_verdict miss;
};
const struct flow_ct *flow_ct_get(const struct flow_ctx *ctx, uint32_t pipe);
/* That, for all packets of a burst (the bits of todo) that stand at one CT pipe: verdicts[i] becomes what
 * the connection or the miss says, AGAIN with index = hit_resume included; pkts[i].key is &keys[i]. Returns the hits.
 * Online readers. */
uint64_t flow_track_burst(struct flow_ctx *ctx, unsigned worker, const struct flow_ct *ct, struct flow_pkt *pkts,
	const struct flow_key *keys, uint64_t todo, uint64_t now_ns, struct flow_verdict *verdicts);

/* Key lines that any pipe looks at. */
unsigned flow_key_lines(const struct flow_ctx *ctx);

/* What the cache has for a key. */
struct flow_hit {
	const struct flow_flat *flat;              /* exit NONE: only the program says it */
	const struct flow_program *const *prog;    /* atomic; *prog is NULL when it was forgotten meanwhile */
};

/* Cache: n (<= 64) lookups. Returns the hits; hits[i] is written for these only. `lines`: those the caller
 * has built (programs cached under bits of other lines are not found). Online readers; borrowed until offline. */
uint64_t flow_cache_lookup(struct flow_ctx *ctx, unsigned worker, const struct flow_key *keys, unsigned lines,
	struct flow_hit *hits, unsigned n);
/* Run the hits of a burst: for each bit i of todo verdicts[i] becomes what flow_run(*hits[i].prog) would give. */
void flow_run_burst(struct flow_ctx *ctx, unsigned worker, struct flow_pkt *pkts, const struct flow_hit *hits,
	uint64_t todo, uint64_t now_ns, struct flow_forks *forks, struct flow_verdict *verdicts);

struct flow_cache_stats {
	uint64_t programs, masks, inserted, evicted, stale, rejected;
};
void flow_cache_query(const struct flow_ctx *ctx, struct flow_cache_stats *stats);

#endif
