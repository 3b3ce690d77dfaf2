/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * conn: the connection table. One relocatable record per connection with BOTH directions: the key of
 * each direction, what each direction does to a packet (struct flow_rewrite: NAT, hop with encap), the
 * protocol state, zone, timestamps. It is the exact level of the flow cache: setting up a connection
 * invalidates nothing, a hit costs a bucket line and a direction line.
 *
 * Relocatable: no pointers inside; indexes and offsets only; versioned header; the table lives in one
 * mapping (memfd or a file under the run directory when `shared_name` is set) so a restarted or standby
 * switch can map it. Hops are named by index; the header records the hop generation for the importer.
 *
 * A packet of direction d matches dir[d].key as the packet arrives (before rewriting). With NAT the two keys are
 * not mirror images: dir[1].key is the mirror of the REWRITTEN dir[0] packet.
 *
 *   conn_lookup(table, keys, n, out)        batched, prefetching; out[i] = {conn index, direction} or none
 *   conn_update(...)                        state, timestamps and counters for a hit; says if the packet is invalid
 *   conn_add / conn_remove                  writers meet at a bucket; duplicates of either key are refused
 *   conn_age                                timers by `now`; returns batches of expired connections
 *
 * Both address families are served: an IPv4 direction (key 16 bytes + rewrite + counter) fits one line,
 * an IPv6 one two or three; families live in separate arenas of the same table, so 1M IPv4 connections do
 * not pay for IPv6. Zone and tenant are part of the key.
 *
 * States. TCP: SYN_SENT, SYN_RECV, ESTABLISHED, FIN_WAIT (one side closed), CLOSING, CLOSED (RST or both
 * FINs acknowledged). Sequence windows are not checked. UDP: NEW, REPLIED. ICMP echo: by identifier.
 * Related ICMP errors (embedded header belongs to a connection) are found by conn_lookup_related and are
 * rewritten like their connection, in reverse. Default timeouts: conn_timeouts_default (UDP 60 s,
 * established TCP 300 s per F and issue 2, configurable).
 *
 * Counters: per direction, kept by the home worker (the one that added it) in the record; other workers
 * count in their own side array; conn_query sums. Concurrency of state: packets of one connection may arrive
 * on two workers; state changes are compare-and-swap on one word.
 */
#ifndef FLOW_CONN_H
#define FLOW_CONN_H

#include <stdbool.h>

#include "flow/action.h"
#include "flow/key.h"
#include "flow/pipe.h"

struct flow_conn_table;

/* The key of one direction, before packing. Network order. */
struct conn_key {
	uint8_t src[16], dst[16]; /* IPv4 in the first four bytes, rest zero */
	uint16_t sport, dport;    /* ICMP echo: identifier in both, type folded by conn_key_from */
	uint8_t proto;
	uint8_t ip6;              /* 1 = IPv6 */
	uint16_t zone;            /* conntrack zone; the node uses the tenant's VNI index */
};

enum conn_state {
	CONN_NEW,          /* UDP/ICMP one way; TCP: not seen a SYN of */
	CONN_SYN_SENT,
	CONN_SYN_RECV,
	CONN_ESTABLISHED,  /* TCP handshake done, UDP/ICMP replied */
	CONN_FIN_WAIT,
	CONN_CLOSING,
	CONN_CLOSED,
	CONN_STATES,
};

struct conn_timeouts {
	uint32_t s[CONN_STATES]; /* TCP by state, seconds */
	uint32_t udp_new_s, udp_replied_s, icmp_s;
};
extern const struct conn_timeouts conn_timeouts_default;

struct conn_table_cfg {
	uint32_t capacity;          /* connections; the table grows up to it without stopping readers */
	const char *shared_name;    /* NULL = private memory */
	bool strict;                /* TCP window checks: refused (ENOTSUP), not there yet */
	struct conn_timeouts timeouts;
	unsigned nr_workers;
};

int conn_table_create(struct flow_ctx *ctx, const struct conn_table_cfg *cfg, struct flow_conn_table **table);
void conn_table_destroy(struct flow_conn_table *table);
/* The table has reached its size for now: huge pages, as flow_exact_settle. Control thread. */
void conn_table_settle(struct flow_conn_table *table);
/* Map a shared table of another process, for reading: lookup, rewrite, query, walk, stats. */
int conn_table_view(const char *shared_name, struct flow_conn_table **table);

/* A reference to one direction of one connection; 0 = none. Cheap to copy. Valid inside online/offline. */
typedef uint64_t conn_ref;
#define CONN_NONE 0ull
static inline unsigned conn_ref_dir(conn_ref ref)
{
	return ref & 1;
}

/* Build the lookup key from line 0 (outer) or line 1 (inner) of a flow key. False: nothing to track
 * (fragment without ports, protocol without state and not tracked as generic L3). */
bool conn_key_from(const struct flow_key *key, bool inner, uint16_t zone, struct conn_key *out);

/* n lookups with prefetching; out[i] = ref or CONN_NONE. Readers, online. */
void conn_lookup(const struct flow_conn_table *table, const struct conn_key *keys, conn_ref *out, unsigned n);
/* The burst's form: straight from line 0 of n <= 64 flow keys; mask bit i set = look at key i, and
 * out[i] is written for these only. */
void conn_lookup_keys(const struct flow_conn_table *table, const struct flow_key *keys, uint16_t zone,
	uint64_t mask, conn_ref *out, unsigned n);

/* What a hit means for the packet. `tcp_flags` 0 for others; bytes = L2 frame length without FCS. Updates
 * state, last-seen and counters of the direction. Returns 0, or an enum drop_reason (CT_INVALID), or
 * CONN_REOPEN: a SYN on a closed connection. The packet is a miss then; whoever decides misses removes the
 * closed record before adding the new one. */
#define CONN_REOPEN 0x100u
unsigned conn_update(struct flow_conn_table *table, conn_ref ref, unsigned worker, uint8_t tcp_flags,
	uint32_t bytes, uint32_t packets, uint64_t now_ns);

/* What a direction does to a packet, expanded from its compact form in the line that conn_lookup has just
 * brought in. For a reader online since the lookup. */
void conn_rewrite(const struct flow_conn_table *table, conn_ref ref, struct flow_rewrite *rewrite);

struct conn_spec {
	struct conn_key key[2];           /* origin, reply (as each direction arrives) */
	struct flow_rewrite rewrite[2];   /* deltas are filled by conn_add from keys and addresses */
	uint16_t in_port[2];              /* expected ingress ports for display; FLOW_PORT_NONE unknown */
	uint8_t tcp_flags;                /* of the first packet */
	uint32_t owner;                   /* node: backend index, for least-connections; returned on removal */
	uint64_t user;                    /* node / CT door handle */
	uint32_t timeout_s;               /* 0 = by state */
};

/* -EEXIST either key is present; -ENOSPC at capacity; -ENOMEM. Any writer thread. */
int conn_add(struct flow_conn_table *table, unsigned worker, const struct conn_spec *spec, uint64_t now_ns, conn_ref *ref);
/* Add many: results[i] = 0 or -errno. Prefetches; the fast set-up path. */
void conn_add_burst(struct flow_conn_table *table, unsigned worker, const struct conn_spec *specs, uint64_t now_ns,
	conn_ref *refs, int *results, unsigned n);
void conn_remove(struct flow_conn_table *table, conn_ref ref);
/* Replace what a direction does (update of NAT or hop). Packets see the old or the new, never a mix. Any thread.
 * -ENOENT; -EBUSY: replaced twice while one reader was in its burst, try again after it. */
int conn_set_rewrite(struct flow_conn_table *table, conn_ref ref, const struct flow_rewrite *rewrite);

/* The connection an ICMP/ICMPv6 error is about: looks at the embedded header (and may pull it into the first
 * segment). CONN_NONE if none; the direction is that of the EMBEDDED packet. The error itself travels the other way:
 * it takes the rewrite of direction !conn_ref_dir(ref), the quoted header its mirror (pkt_nat_embedded). */
conn_ref conn_lookup_related(const struct flow_conn_table *table, struct rte_mbuf *m, const struct pkt_parse *parse,
	uint16_t zone);

struct conn_info {
	conn_ref ref;
	struct conn_key key[2];
	struct flow_rewrite rewrite[2];
	struct flow_count count[2];
	enum conn_state state;
	uint16_t in_port[2];
	uint32_t owner;
	uint64_t user;
	uint64_t created_ns, seen_ns, expires_ns;
};
int conn_query(const struct flow_conn_table *table, conn_ref ref, struct conn_info *info);

/* Walk the table from *cursor (0 = start) and call fn for at most max live connections; returns the number
 * visited, 0 at the end (cursor back at 0). For dumps and policy re-evaluation. Any thread, online as reader. */
unsigned conn_walk(const struct flow_conn_table *table, uint64_t *cursor, unsigned max,
	void (*fn)(void *arg, const struct conn_info *info), void *arg);

/* Remove connections whose timeout has passed, scanning at most max slots from where the last call ended;
 * fn (may be NULL) sees each one after removal. Returns how many were removed. */
unsigned conn_age(struct flow_conn_table *table, uint64_t now_ns, unsigned max,
	void (*fn)(void *arg, const struct conn_info *info), void *arg);

struct conn_stats {
	uint64_t live, added, removed, aged, full, duplicate;
	uint64_t by_state[CONN_STATES];
	uint64_t memory_bytes;
};
void conn_table_stats(const struct flow_conn_table *table, struct conn_stats *stats);
const char *conn_state_name(enum conn_state state);

#endif
