/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Insides of pipes, walk and cache; only this room and its tests include it.
 *
 * Generations. What a cached program depends on is a list of 32-bit generation words and the values they had
 * when it was composed (struct flow_ref). Words live as long as the ctx, so a stale reference reads a word
 * that moved on, never freed memory: one per pipe id, one per entry slot (slots are type-stable, entry.c),
 * and a hashed array for misses. Writers change the object, then its word, then one of two ctx-wide
 * counters: `adds` when only cached misses can be wrong, `changes` otherwise. A reader compares these first
 * (two loads per hit) and the words only when a counter moved.
 */
#ifndef FLOW_PIPE_INT_H
#define FLOW_PIPE_INT_H

#include <pthread.h>
#include <rte_spinlock.h>

#include "base/base.h"
#include "flow/exact.h"
#include "flow/flow_int.h"
#include "flow/walk.h"
#include "flow/wild.h"

#define PIPES_MAX 65536u
#define MISS_WORDS 65536u
#define ENTRY_CHUNK 64u
#define ENTRY_SHARDS 8u
#define PIPE_NAME_MAX 128u

/* A forward with names instead of pointers: the pipe may be gone when a packet comes. */
struct pipe_fwd {
	uint8_t kind, reason;
	uint16_t port;
	uint32_t index;
	uint16_t pipe;
	uint32_t serial;
};

/* What an entry does. Immutable; an update replaces the whole. One allocation. */
struct entry_body {
	struct pipe_fwd fwd;
	uint32_t counter, age, meter;
	uint16_t template_index, nr_ops;
	uint32_t data_len;
	const uint8_t *data;
	struct flow_op ops[];
};

enum entry_state { ENTRY_FREE, ENTRY_LIVE, ENTRY_DEAD };

struct flow_entry {
	struct flow_pipe *pipe;
	struct entry_body *body;    /* atomic */
	uint32_t gen;               /* generation word; never reset */
	uint32_t state;             /* enum entry_state, atomic */
	void *owner;
	uint32_t index;             /* EXACT: record; HASH, LIST, LPM: slot */
	uint32_t counter, age;      /* own ones, 0 = none; freed with the entry */
	uint32_t age_s;
	const struct flow_wild_rule *rule; /* WILD, ACL */
	struct entry_extra *extra;  /* what is needed to remove or check, malloc'ed; NULL when nothing is */
	struct flow_entry *next_free;
	uint32_t number;            /* in the order of adding, for people */
};

/* LPM: the prefix. WILD: the condition and the bits it looks at. */
struct entry_extra {
	uint8_t prefix[16];
	unsigned prefix_len;
	struct flow_condition cond;
	struct flow_key looks;
	uint32_t priority;
	struct flow_match match;
};

struct entry_chunk {
	struct entry_chunk *next;
	struct flow_entry entry[ENTRY_CHUNK];
};

struct entry_shard {
	rte_spinlock_t lock;
	struct flow_entry *free;
} __rte_cache_aligned;

struct walk;
struct pipe_kind {
	const char *name;
	int (*create)(struct flow_pipe *pipe, const struct flow_pipe_cfg *cfg);
	void (*destroy)(struct flow_pipe *pipe);
	/* May be NULL. An entry like that is about to be added: what add() will read comes near. */
	void (*expect)(const struct flow_pipe *pipe, const struct flow_entry_spec *spec);
	/* Publish the entry to readers. 0, -EEXIST, -ENOSPC, -EINVAL, -ENOMEM with a refusal. */
	int (*add)(struct flow_pipe *pipe, struct flow_entry *entry, const struct flow_entry_spec *spec);
	/* Hide it; its memory stays for the grace period. */
	void (*remove)(struct flow_pipe *pipe, struct flow_entry *entry);
	/* The entry for this key or NULL; ORs the bits it looked at into `looked`. */
	struct flow_entry *(*find)(const struct flow_pipe *pipe, const struct flow_key *key, struct flow_key *looked);
	int (*resize)(struct flow_pipe *pipe, uint32_t nr_entries);
	/* May be NULL. Now and then, from a thread that may take its time. */
	void (*settle)(struct flow_pipe *pipe);
	/* Only misses of exactly this key can change by an add: hashed miss words are used. */
	bool leaf;
};
extern const struct pipe_kind pipe_exact, pipe_wild, pipe_lpm, pipe_acl, pipe_list, pipe_hash, pipe_ct;

struct pipe_template {
	uint16_t nr_ops;
	uint32_t data_len;
	uint32_t encaps;            /* ENCAP ops: each becomes a struct pkt_encap in the entry's data */
	struct flow_op *ops;
	uint8_t *data, *hole;
};

struct flow_pipe {
	struct flow_ctx *ctx;
	const struct pipe_kind *kind;
	enum flow_pipe_kind kind_id;
	char *name;
	uint16_t id, port;
	uint32_t serial;
	enum flow_domain domain;
	bool root, entry_counters, dying;
	uint32_t capacity, nr_entries; /* nr_entries atomic */
	uint32_t numbers;              /* entries ever added, atomic */
	uint32_t retiring;             /* atomic: removed entries whose slots still come back */
	struct flow_match match;       /* value already masked */
	struct flow_key entry_mask;
	struct flow_key looks;         /* OR of everything any entry looked at; only grows, atomic words */
	unsigned nr_templates;
	struct pipe_template *templates;
	uint32_t max_ops, max_data;    /* of one entry's body */
	struct pipe_fwd fwd;
	struct pipe_fwd *miss;         /* atomic; replaced as a whole */
	uint32_t miss_counter;
	struct entry_chunk *chunks;    /* pushed atomically, iterated by anyone */
	struct entry_shard shard[ENTRY_SHARDS];
	/* by kind */
	struct flow_exact *exact;
	struct flow_wild *wild;
	uint16_t lpm_offset;
	uint8_t lpm_length;
	struct flow_entry **slots;     /* LIST, HASH, LPM: by index, atomic */
	uint32_t nr_slots;
	pthread_mutex_t slots_lock;
	bool flood;
	enum flow_hash_algorithm hash;
	struct flow_ct ct;
};

struct flow_ref {
	const uint32_t *word;
	uint32_t value;
};

struct flow_cache;
#define OWN_MAC (1ull << 48) /* little endian: above the address */
struct flow_pipes {
	struct flow_ctx *ctx;
	uint64_t changes, adds;        /* atomic */
	struct flow_pipe *pipe[PIPES_MAX]; /* by id, atomic */
	uint32_t pipe_gen[PIPES_MAX];
	uint32_t miss_gen[MISS_WORDS];
	uint32_t roots_gen;
	uint32_t serial;
	uint32_t next_id;
	uint32_t nr_pipes;             /* atomic: created and not yet freed */
	uint32_t nr_egress;            /* roots in the egress domains */
	uint16_t root[FLOW_DOMAIN_COUNT][PIPES_MAX]; /* by port or group, FLOW_PORT_NONE = any; 0 = none */
	uint16_t group[PIPES_MAX];     /* by port; 0 = none */
	bool program[PIPES_MAX];       /* by port: what comes in is transmitted by a program */
	uint32_t source[PIPES_MAX];    /* by port: what an application sees of it, plus one; 0 = nothing */
	uint64_t own_mac[PIPES_MAX];   /* by port, atomic: OWN_MAC over the six bytes; 0 = frames for it leave like others */
	struct pipe_fwd *fallback[FLOW_DOMAIN_COUNT][PIPES_MAX];
	struct flow_key looks;         /* what any pipe looks at */
	unsigned lines;
	pthread_mutex_t lock;          /* pipes: create, destroy, roots */
	pthread_mutex_t chunk_lock;
	struct entry_chunk *spare_chunks;
	uint64_t age_cursor;
	struct flow_qset *qset[4096];  /* FLOW_QSETS_MAX; by index, [0] unused */
	uint32_t nr_qsets;
	struct flow_cache *cache;
	struct walk *walk[FLOW_WORKERS_MAX];
};

/* The root that packets of a port meet: its own, its group's, anybody's. 0 = none. */
static inline uint16_t pipe_root(const struct flow_pipes *ps, unsigned domain, uint16_t port)
{
	uint16_t id = ps->root[domain][port];

	if (!id && ps->group[port])
		id = ps->root[domain][ps->group[port]];
	return id ? id : ps->root[domain][FLOW_PORT_NONE];
}

/* The egress root that a packet meets on its way out by `port`. The wires of a group are one switch: what goes from one to
 * another does not pass the group's egress pipes, unless a pipe names them; what a program transmits does. */
static inline uint16_t pipe_egress_root(const struct flow_pipes *ps, unsigned domain, uint16_t port, uint16_t came_by)
{
	uint16_t own = ps->root[domain][port];

	if (!own && ps->group[port] && !ps->program[came_by])
		return ps->root[domain][FLOW_PORT_NONE];
	return own ? own : pipe_root(ps, domain, port);
}

static inline uint64_t pipe_mix(uint64_t h, uint64_t word)
{
	__uint128_t p = (__uint128_t)(h ^ word ^ 0x2d358dccaa6c78a5ull) * 0x8bb84b93962eacc9ull;

	return (uint64_t)p ^ (uint64_t)(p >> 64);
}

/* Hash of key & mask, over the words the mask touches. */
uint64_t pipe_key_hash(const struct flow_key *key, const struct flow_key *mask);
/* The generation word of this key's miss. */
static inline uint32_t *pipe_miss_word(struct flow_pipes *ps, const struct flow_pipe *pipe, const struct flow_key *key)
{
	uint64_t h = pipe->kind->leaf ? pipe_key_hash(key, &pipe->match.mask) : 0;

	return &ps->miss_gen[(h ^ pipe->id * 0x9e3779b1u) % MISS_WORDS];
}

/* What an entry of one mask matches: the pipe's constants and its own bits. */
static inline struct flow_key pipe_entry_key(const struct flow_pipe *pipe, const struct flow_entry_spec *spec)
{
	struct flow_key key;

	for (unsigned i = 0; i < FLOW_KEY_SIZE / 8; i++)
		key.words[i] = (pipe->match.value.words[i] & ~pipe->entry_mask.words[i]) |
			       (spec->match.value.words[i] & pipe->entry_mask.words[i]);
	return key;
}

static inline uint32_t pipe_gen_read(const uint32_t *word)
{
	return __atomic_load_n(word, __ATOMIC_ACQUIRE);
}

/* After a change: first the word, then the ctx-wide counter. */
static inline void pipe_gen_bump(struct flow_pipes *ps, uint32_t *word)
{
	__atomic_fetch_add(word, 1, __ATOMIC_RELEASE);
	__atomic_fetch_add(&ps->changes, 1, __ATOMIC_RELEASE);
}

static inline void pipe_key_or(struct flow_key *to, const struct flow_key *from)
{
	for (unsigned i = 0; i < FLOW_KEY_SIZE / 8; i++)
		if (from->words[i] & ~to->words[i])
			__atomic_fetch_or(&to->words[i], from->words[i], __ATOMIC_RELAXED);
}

/* Do key and value agree under mask? */
static inline bool pipe_key_agrees(const struct flow_key *key, const struct flow_key *value, const struct flow_key *mask)
{
	uint64_t differ = 0;

	for (unsigned i = 0; i < FLOW_KEY_SIZE / 8; i++)
		differ |= (key->words[i] ^ value->words[i]) & mask->words[i];
	return !differ;
}

/* The pipe looks at these bits from now on. */
void pipe_looks_at(struct flow_pipe *pipe, const struct flow_key *mask);

/* entry.c */
struct flow_entry *entry_alloc(struct flow_pipe *pipe);
void entry_free(struct flow_entry *entry);
int entry_body_make(struct flow_pipe *pipe, const struct flow_entry_spec *spec, const struct flow_entry *entry,
	struct entry_body **body);
/* Give the chunks of a dead pipe back; bodies and extras are freed. */
void entry_chunks_release(struct flow_pipe *pipe);
/* Calls fn for each live entry. */
void entry_each(const struct flow_pipe *pipe, void (*fn)(void *arg, struct flow_entry *entry), void *arg);
bool condition_holds(const struct flow_condition *cond, const struct flow_key *key);

/* pipe.c */
int pipe_fwd_resolve(const struct flow_fwd *fwd, struct pipe_fwd *out);
struct flow_pipe *pipe_by_fwd(const struct flow_pipes *ps, const struct pipe_fwd *fwd);

/* walk.c, cache.c */
int walk_init(struct flow_ctx *ctx);
void walk_fini(struct flow_ctx *ctx);
int cache_init(struct flow_ctx *ctx);
void cache_fini(struct flow_ctx *ctx);
/* Publish a composed program under orig & mask. NULL when it could not be cached. `adds_matter`: a miss is part of it. */
struct cache_offer {
	const struct flow_key *key, *mask;
	const struct flow_ref *refs;
	unsigned nr_refs;
	uint64_t changes, adds;
	bool adds_matter;
	const struct flow_op *ops;
	unsigned nr_ops;
	const uint8_t *data;
	unsigned data_len;
	const struct flow_rewrite *fused; /* NULL = none */
};
const struct flow_program *cache_put(struct flow_ctx *ctx, const struct cache_offer *offer);

/* cache.c: huge pages for its levels. */
void cache_settle(struct flow_ctx *ctx);

/* cache.c: each cached program under its key, for lists. No entry is evicted under fn. */
void cache_each(struct flow_ctx *ctx,
	void (*fn)(void *arg, const struct flow_key *key, const struct flow_key *mask, const struct flow_program *prog), void *arg);

/* dump.c */
void dump_match(const struct flow_key *value, const struct flow_key *mask, struct str *out);
void dump_entry_match(const struct flow_entry *entry, struct str *out);
/* The pipe with its entries, or with the one whose number is `only`; false: there is no such entry. */
bool dump_pipe(struct flow_ctx *ctx, const struct flow_pipe *pipe, uint32_t only, struct str *out);

/* Names for dumps. */
const char *pipe_kind_name(enum flow_pipe_kind kind);
struct str;
void dump_op(const struct flow_op *op, const uint8_t *data, struct str *out);
void dump_fwd(const struct flow_pipes *ps, const struct pipe_fwd *fwd, struct str *out);

#endif
