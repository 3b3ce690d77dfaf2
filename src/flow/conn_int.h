/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Insides of the connection table: what lies in the mapping, and the process's view of it.
 *
 * One mapping, everything by index or fixed offset:
 *
 *   header | v4: buckets, links, directions, cold | v6: the same | other workers' counts (v4, v6) | replaced rewrites
 *
 * A connection is a PAIR p >= 1 of its family's arena; its directions are the records 2p and 2p+1, next to
 * each other. What a hit reads and writes is in the direction's own line (IPv4: exactly one), the rest is
 * "cold". The bucket index (bucket.h) names directions.
 *
 * Who writes what in a direction: key, rewrite, gen: conn_add before it is published; packets, bytes: the home
 * worker; seen: any worker; state (direction 0): compare-and-swap by anyone; fast: follows state, a hint.
 */
#ifndef FLOW_CONN_INT_H
#define FLOW_CONN_INT_H

#include <string.h>

#include "base/base.h"
#include "flow/bucket.h"
#include "flow/conn.h"
#include "flow/flow_int.h"
#include "flow/hash.h"
#include "flow/pool.h"

#define CONN_MAGIC 0x6e6e6f63736f6674ull /* "tfosconn" */
#define CONN_VERSION 2u
#define CONN_TICK_SHIFT 20 /* seen: about a millisecond, wraps after 52 days, compared signed */

/* conn_common.state */
#define CONN_ST_MASK 0x0007u
#define CONN_ST_LIVE 0x0008u
#define CONN_ST_FIN0 0x0010u /* FIN seen from direction 0, 1 */
#define CONN_ST_FIN1 0x0020u
#define CONN_ST_LASTFIN 0x0040u /* the later FIN came from direction 1 */
#define CONN_ST_ACK0 0x0080u    /* picked up in mid-stream: an ACK seen from direction 0, 1 */
#define CONN_ST_ACK1 0x0100u

/* conn_common.fast */
#define CONN_FAST 1u    /* packets of this direction without SYN, FIN, RST change no state */
#define CONN_TIMEOUT 2u /* direction 0: cold.timeout_s overrides */

/* conn_common.rw_flags: FLOW_RW_* and where the rewrite lies. */
#define CONN_RW_REPLACED 0xc000u /* 0 = here; 1, 2 = the first or second replacement */
#define CONN_RW_SHIFT 14

/* The last 32 bytes of the first line of a direction, the same in both families. */
struct conn_common {
	uint64_t packets, bytes;
	uint32_t seen;
	uint16_t rw_flags, hop;
	uint8_t fast, home;
	uint16_t state; /* direction 0 of the pair only */
	uint16_t gen;   /* of the pair's use, in both directions */
	uint16_t spare;
};
_Static_assert(sizeof(struct conn_common) == 32, "half a line");

struct conn_dir4 {
	uint64_t key[2]; /* src | dst << 32, and the packed word below */
	uint32_t src, dst;
	uint16_t l3_delta, l4_delta; /* l4_addr_delta is l3_delta, or 0 for ICMP */
	uint16_t sport, dport;
	struct conn_common c;
};
_Static_assert(sizeof(struct conn_dir4) == 64, "IPv4: one line per direction");

struct conn_dir6 {
	uint64_t key[5]; /* src, dst, and the packed word */
	uint16_t l4_addr_delta, l4_delta;
	uint16_t sport, dport;
	uint8_t src[16], dst[16];
	uint8_t spare[16];
	struct conn_common c;
};
_Static_assert(sizeof(struct conn_dir6) == 128, "IPv6: two lines per direction");

struct conn_cold {
	uint64_t user;
	uint64_t created_ns;
	uint32_t owner;
	uint32_t timeout_s;
	uint16_t in_port[2];
	uint32_t spare[9];
};
_Static_assert(sizeof(struct conn_cold) == 64, "one line");

/* Replacements of a direction's rewrite (conn_set_rewrite): two, so that one may still be read. */
struct conn_replaced {
	struct flow_rewrite rw[2][2]; /* [direction][which] */
	uint64_t token
		[2]; /* of the direction's last replacement: grace period of the place before */
	uint64_t epoch[2]; /* which ctx the token is of */
};

/* What a worker that is not the connection's home counted in a direction. The generation is in the upper 16
 * bits of `packets`: counts of an earlier connection in the same record are worth nothing. */
struct conn_other {
	uint64_t packets, bytes;
};
#define CONN_OTHER_GEN_SHIFT 48

struct conn_family_header {
	struct bkt_state index;
	uint32_t high;  /* pairs below may have been used */
	uint32_t pairs; /* limit */
	uint64_t at_buckets, at_links, at_dirs, at_cold, at_replaced, at_other;
};

struct conn_header {
	uint64_t magic;
	uint32_t version, nr_workers;
	uint32_t capacity, live;
	uint64_t bytes;
	uint64_t hop_generation; /* for importers: hops of another generation mean nothing */
	struct flow_seed seed;
	struct conn_family_header family[2];
};

struct conn_family {
	uint8_t *dirs;
	unsigned shift; /* log2 of a direction's bytes */
	unsigned words; /* of a key */
	struct conn_cold *cold;
	struct conn_replaced *replaced;
	struct conn_other *other; /* [worker][direction] */
	uint32_t pairs;
	struct bkt_index index;
	struct flow_pool pool;
	struct flow_ahead ahead;
	struct flow_conn_table *table;
};

#define CONN_BATCH 64 /* keys of one look-up at most */
#define CONN_STEP 8   /* that take a step of it together */

/* A look-up of many keys of one family, see conn_find.c. */
struct conn_batch {
	const struct conn_family *f;
	unsigned n;
	uint8_t place[CONN_BATCH];             /* the caller's: which packet */
	uint64_t words[CONN_BATCH * 5];        /* keys as stored, f->words each */
	uint64_t hash[CONN_BATCH];
	uint32_t id[CONN_BATCH];               /* found, 0 = none */
	const struct bkt *homes;               /* the index as the look-up began with it */
	uint64_t home_mask;
	uint32_t level;
};

/* What has variants. */
struct conn_steps {
	/* Tags of keys [from, to), and ask for the record: b->id is who may be it. */
	void (*match)(struct conn_batch *b, unsigned from, unsigned to);
	/* The id of key i (0 = none) when that was not. */
	uint32_t (*find)(const struct conn_batch *b, unsigned i);
};

struct flow_conn_table {
	struct conn_header *h;
	struct conn_family family[2];
	const struct conn_steps *steps; /* of the CPU's variant, by family */
	struct flow_ctx *ctx;
	struct flow_region region;
	struct conn_table_cfg cfg;
	uint64_t age_cursor;
	uint64_t
		epoch; /* names this process's grace periods among those that had the table before */
	pthread_mutex_t replace_lock;
	struct {
		uint64_t adopted, removed, aged, full, duplicate;
	} stats __attribute__((aligned(64)));
};

static inline uint32_t conn_tick(uint64_t now_ns)
{
	return now_ns >> CONN_TICK_SHIFT;
}

/* References: direction, family, pair, generation. */
static inline conn_ref conn_ref_make(unsigned ip6, uint32_t id, uint16_t gen)
{
	return (uint64_t)gen << 34 | (uint64_t)(id >> 1) << 2 | ip6 << 1 | (id & 1);
}
static inline unsigned conn_ref_ip6(conn_ref ref)
{
	return ref >> 1 & 1;
}
static inline uint32_t conn_ref_pair(conn_ref ref)
{
	return ref >> 2;
}
static inline uint32_t conn_ref_id(conn_ref ref)
{
	return conn_ref_pair(ref) << 1 | conn_ref_dir(ref);
}
static inline uint16_t conn_ref_gen(conn_ref ref)
{
	return ref >> 34;
}

static inline const struct conn_family *conn_family_of(
	const struct flow_conn_table *t, conn_ref ref)
{
	return &t->family[conn_ref_ip6(ref)];
}
static inline uint64_t *conn_dir_key(const struct conn_family *f, uint32_t id)
{
	return (uint64_t *)(f->dirs + ((uint64_t)id << f->shift));
}
static inline struct conn_common *conn_common_at(const struct conn_family *f, uint32_t id)
{
	return (struct conn_common *)(f->dirs + ((uint64_t)(id + 1) << f->shift)) - 1;
}

/* The last word of a key; ports and zone as they come (network order). */
static inline uint64_t conn_pack_word(uint16_t sport, uint16_t dport, uint8_t proto, uint16_t zone)
{
	return sport | (uint64_t)dport << 16 | (uint64_t)proto << 32 | (uint64_t)zone << 48;
}
static inline uint8_t conn_word_proto(uint64_t word)
{
	return word >> 32;
}

static inline uint64_t conn_hash4(const struct flow_seed *seed, const uint64_t *key)
{
	return flow_hash2(seed, key[0], key[1]);
}
static inline uint64_t conn_hash6(const struct flow_seed *seed, const uint64_t *key)
{
	return flow_hash_words(seed, key, 5);
}

/* Variants, one file each, [family]; conn_find_generic.c is the definition. */
extern const struct conn_steps conn_steps_generic[2], conn_steps_avx2[2], conn_steps_avx512[2];

/* conn_find.c */
void conn_pack(const struct conn_key *key, uint64_t *words);
void conn_unpack(const struct conn_family *f, const uint64_t *words, struct conn_key *key);
void conn_choose_variant(struct flow_conn_table *t);
/* Those of the keys in `mask` that can be a connection, each in its family's batch. */
void conn_batches(const struct flow_conn_table *t, const struct flow_key *keys, uint16_t zone, uint64_t mask,
	struct conn_batch b[2]);
/* Take the batch's next steps; `at` goes from 0 to n + 2 * CONN_STEP by CONN_STEP. After the call the keys
 * [at - 2 * CONN_STEP, at - CONN_STEP) can be judged. What the caller does with these hides the others' memory. */
void conn_batch_step(const struct flow_conn_table *t, struct conn_batch *b, unsigned at);

/* The connection of key i, 0 = none. words: b->f's, a constant. */
static inline __attribute__((always_inline)) uint32_t conn_judge(
	const struct flow_conn_table *t, const struct conn_batch *b, unsigned i, unsigned words)
{
	const uint64_t *record = (const uint64_t *)(const void *)(b->f->dirs + ((uint64_t)b->id[i] << (words == 2 ? 6 : 7)));
	const uint64_t *key = &b->words[i * words];
	uint64_t differ = !b->id[i];

	for (unsigned k = 0; k < words; k++)
		differ |= record[k] ^ key[k];
	return likely(!differ) ? b->id[i] : t->steps[words == 5].find(b, i);
}

/* conn_rewrite.c: fill a direction that nobody sees yet. */
void conn_fill_rewrite(struct conn_family *f, uint32_t id, const struct flow_rewrite *rw);

/* conn_track.c: conn_update() for packets that change the state or came by another worker than the connection's. */
unsigned conn_update_slowly(const struct flow_conn_table *t, const struct conn_family *f, uint32_t id, unsigned worker,
	uint8_t tcp_flags, uint32_t bytes, uint32_t packets, uint64_t now_ns);

#define CONN_TCP_EVENTS 0x07 /* FIN, SYN, RST */

/* conn_update() by record; c is conn_common_at(f, id). */
static inline unsigned conn_update_at(const struct flow_conn_table *t, const struct conn_family *f, uint32_t id,
	struct conn_common *c, unsigned worker, uint8_t tcp_flags, uint32_t bytes, uint32_t packets, uint64_t now_ns)
{
	if (unlikely(!(__atomic_load_n(&c->fast, __ATOMIC_RELAXED) & CONN_FAST) || (tcp_flags & CONN_TCP_EVENTS) ||
		     c->home != worker))
		return conn_update_slowly(t, f, id, worker, tcp_flags, bytes, packets, now_ns);
	__atomic_store_n(&c->seen, conn_tick(now_ns), __ATOMIC_RELAXED);
	__atomic_store_n(&c->packets, c->packets + packets, __ATOMIC_RELAXED);
	__atomic_store_n(&c->bytes, c->bytes + bytes, __ATOMIC_RELAXED);
	return 0;
}

/* conn_track.c: the state of a new connection, and timeouts in seconds. */
enum conn_state conn_first_state(uint8_t proto, uint8_t tcp_flags);
uint32_t conn_timeout(const struct conn_timeouts *to, uint8_t proto, enum conn_state state);

/* conn.c: remove if still this use of the pair; true for the caller that did. */
bool conn_take_out(struct flow_conn_table *t, conn_ref ref);

#endif
