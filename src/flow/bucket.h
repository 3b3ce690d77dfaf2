/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bucket: the hash index under exact tables and the connection table. It maps a 64-bit hash to 32-bit
 * ids of records that live elsewhere; whoever uses it compares the record's key.
 *
 * A bucket is one cache line: ten 16-bit tags, ten ids, one head word. A key's HOME is the bucket the low
 * bits of its hash name, its tag the top 16 bits. When the home is full the key goes to a free slot of
 * one of the next BKT_REACH buckets; the home's head counts how many went and how far, and has a bit of a filter set
 * for each. A key never moves inside an array, so a reader that scans home and then, if its key's bit is set, as far as
 * the head says misses nothing; and one whose key is in no table hardly ever reads a second line.
 *
 * Slots. A writer claims a free slot by compare-and-swap on the id, then publishes the tag; readers look at tags
 * first. Removal clears the tag, then the id. A slot seen between is skipped: that reader is concurrent
 * with the insert or remove and may have either answer.
 *
 * Homes. All writers of keys with one home take the lock bit of its head for the operation: there duplicates
 * are found and refused. Writers of different homes never wait for each other.
 *
 * Growth. Arrays are LEVELS: level k has 2^k buckets and lies at base + 2^k, so the place of every array is
 * known without a pointer (relocatable). When the load passes 55% the next level is populated, from 65% on
 * each insert moves a few homes: under the home's lock its keys are entered in the next level, then the head
 * says MOVED and everyone goes on to the next level, then the old slots are cleared. When all homes have
 * moved `level` is advanced and the old array is released in steps. A reader that found nothing checks that
 * neither happened while it looked, else it looks again. Any number of writers move homes at the same time, so one
 * that sleeps in the middle stops nobody.
 *
 * Inside room flow. State is relocatable (struct bkt_state); struct bkt_index is the process's view.
 */
#ifndef FLOW_BUCKET_H
#define FLOW_BUCKET_H

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>

#include <rte_pause.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "base/base.h"
#include "flow/region.h"

#define BKT_SLOTS 10
#define BKT_REACH \
	60 /* how many buckets behind its home a key may lie; 15 are not always enough at 70% */
#define BKT_LEVEL_MIN 2
#define BKT_LEVEL_MAX 26
#define BKT_POPULATE_PERCENT 55
#define BKT_MOVE_PERCENT 65
#define BKT_MOVES 4                 /* homes moved per insert while growing */
#define BKT_STEP_BYTES (256u << 10) /* populated or released per step */

struct bkt {
	uint16_t tag[BKT_SLOTS]; /* 0 = free or in transition */
	uint32_t id[BKT_SLOTS];  /* 0 = free */
	uint32_t head;
};
_Static_assert(sizeof(struct bkt) == 64, "one line");

/* head: lock, moved, the farthest displaced key (6 bits), number of displaced keys (6 bits), and a filter of them. */
#define BKT_LOCK 1u
#define BKT_MOVED 2u
#define BKT_FAR_SHIFT 4
#define BKT_FAR_MASK 0x3f0u
#define BKT_AWAY 0x400u /* one displaced key */
#define BKT_AWAY_MASK 0xfc00u
#define BKT_FILTER_SHIFT 16
#define BKT_FILTER_FROM 44 /* the bit of a hash from which four choose its bit of the filter */

/* Relocatable. The first line is read by everybody, the second written by every insert. */
struct bkt_state {
	uint32_t level;     /* readers start here */
	uint32_t populated; /* steps of level + 1 that are ready */
	uint32_t released;  /* steps of level - 1 given back, plus 1; 0 = nothing to give back */
	uint32_t moved;     /* homes of `level` that have moved */
	uint64_t claim;     /* level << 32 | homes below are moved or being moved by somebody */
	uint64_t count __attribute__((aligned(64))); /* keys */
} __attribute__((aligned(64)));

struct bkt_index {
	struct bkt *base;
	struct bkt_state *state;
	const struct flow_region *region; /* base lies inside */
	uint32_t level_max;
	uint32_t busy;    /* one thread at a time populates and releases */
	uint32_t pressed; /* a key found no slot: grow whatever the load is */
	uint64_t (*hash_of)(const void *owner, uint32_t id);      /* of a record in the index */
	const void *(*record_of)(const void *owner, uint32_t id); /* where hash_of will read */
	const void *owner;
};

/* Bytes of all levels up to the one that holds `keys`. */
static inline uint32_t bkt_level_for(uint64_t keys)
{
	uint32_t level = BKT_LEVEL_MIN;

	while (level < BKT_LEVEL_MAX &&
		((uint64_t)BKT_SLOTS << level) * BKT_MOVE_PERCENT / 100 < keys)
		level++;
	return level;
}

static inline uint64_t bkt_bytes(uint32_t level_max)
{
	return sizeof(struct bkt) << (level_max + 1);
}

static inline uint16_t bkt_tag(uint64_t hash)
{
	uint16_t tag = hash >> 48;

	return tag ? tag : 1;
}

/* The bit of the filter for a displaced key of this hash; from bits that are neither of the tag nor of the place. */
static inline uint32_t bkt_filter(uint64_t hash)
{
	return (1u << BKT_FILTER_SHIFT) << (hash >> BKT_FILTER_FROM & 15);
}

static inline struct bkt *bkt_at(const struct bkt_index *x, uint32_t level, uint64_t home)
{
	return &x->base[((uint64_t)1 << level) + (home & (((uint64_t)1 << level) - 1))];
}

static inline struct bkt *bkt_home(const struct bkt_index *x, uint32_t level, uint64_t hash)
{
	return bkt_at(x, level, hash);
}

static inline uint32_t bkt_level(const struct bkt_index *x)
{
	return __atomic_load_n(&x->state->level, __ATOMIC_ACQUIRE);
}

static inline uint32_t bkt_head(const struct bkt *b)
{
	return __atomic_load_n(&b->head, __ATOMIC_ACQUIRE);
}

/* What the head of its home says when a key that is not there may be elsewhere: displaced, or in the next level. */
static inline uint32_t bkt_elsewhere(uint64_t hash)
{
	return BKT_MOVED | bkt_filter(hash);
}

/* How far behind its home a key of this hash may lie. */
static inline uint32_t bkt_far(uint32_t head, uint64_t hash)
{
	return head & bkt_filter(hash) ? (head & BKT_FAR_MASK) >> BKT_FAR_SHIFT : 0;
}

/* Fields of the state that are hints to others or guarded by `busy`. */
static inline uint32_t bkt_get(const uint32_t *field)
{
	return __atomic_load_n(field, __ATOMIC_RELAXED);
}

static inline void bkt_set(uint32_t *field, uint32_t value)
{
	__atomic_store_n(field, value, __ATOMIC_RELAXED);
}

static inline uint32_t bkt_id(const struct bkt *b, unsigned slot)
{
	return __atomic_load_n(&b->id[slot], __ATOMIC_ACQUIRE);
}

/* The definition of a tag match; bucket_simd.h has the vector forms. Bit i: slot i has the tag. */
static inline uint32_t bkt_match(const struct bkt *b, uint16_t tag)
{
	uint32_t match = 0;

	for (unsigned i = 0; i < BKT_SLOTS; i++)
		match |= (uint32_t)(__atomic_load_n(&b->tag[i], __ATOMIC_RELAXED) == tag) << i;
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	return match;
}

/* As the plain machine can: SSE2 is part of x86-64. For one key at a time, and for writers. */
#ifdef __SSE2__
static inline __attribute__((no_sanitize("thread"))) uint32_t bkt_match_base(
	const struct bkt *b, uint16_t tag)
{
	__m128i want = _mm_set1_epi16((short)tag);
	__m128i lo = _mm_cmpeq_epi16(_mm_load_si128((const __m128i *)b->tag), want);
	__m128i hi = _mm_cmpeq_epi16(_mm_load_si128((const __m128i *)b->tag + 1), want);
	uint32_t m = _mm_movemask_epi8(_mm_packs_epi16(lo, hi)) & ((1u << BKT_SLOTS) - 1);

	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	return m;
}
#else
#define bkt_match_base bkt_match
#endif

/* The id whose record `equal` accepts, or 0. Scans home, displaced keys, and levels being grown into. */
typedef bool (*bkt_equal)(const void *owner, uint32_t id, const void *key);
typedef uint32_t (*bkt_matcher)(const struct bkt *b, uint16_t tag);

static inline __attribute__((always_inline)) uint32_t bkt_scan(const struct bkt *b, uint16_t tag,
	bkt_matcher match, bkt_equal equal, const void *owner, const void *key)
{
	for (uint32_t m = match(b, tag); m; m &= m - 1) {
		uint32_t id = bkt_id(b, __builtin_ctz(m));

		/* A writer's thread is not an online reader: the id must still stand there after the compare. */
		if (id && equal(owner, id, key) && bkt_id(b, __builtin_ctz(m)) == id)
			return id;
	}
	return 0;
}

static inline __attribute__((always_inline)) uint32_t bkt_find(const struct bkt_index *x,
	uint64_t hash, bkt_matcher match, bkt_equal equal, const void *key)
{
	uint16_t tag = bkt_tag(hash);
	uint32_t start, level, id;

again:
	start = bkt_level(x);
	for (level = start; level <= x->level_max; level++) {
		const struct bkt *b = bkt_home(x, level, hash);
		uint32_t head = bkt_head(b), far = bkt_far(head, hash);

		if (head & BKT_MOVED)
			continue;
		id = bkt_scan(b, tag, match, equal, x->owner, key);
		for (unsigned d = 1; !id && d <= far; d++)
			id = bkt_scan(bkt_at(x, level, hash + d), tag, match, equal, x->owner, key);
		if (id)
			return id;
		if (unlikely(bkt_head(b) & BKT_MOVED))
			goto again;
		break;
	}
	if (unlikely(bkt_level(x) != start))
		goto again;
	return 0;
}

/* Zeroed memory at base; `state` zeroed or adopted. The caller sets hash_of, record_of and owner. */
void bkt_init(struct bkt_index *x, struct bkt *base, struct bkt_state *state, uint32_t level_max,
	const struct flow_region *region);

/* Take the lock of the home of `hash`, wherever it lies now. */
struct bkt *bkt_lock(const struct bkt_index *x, uint64_t hash, uint32_t *level);
/* Two homes without deadlock; when they are the same bucket, home[1] is NULL. */
void bkt_lock_two(
	const struct bkt_index *x, const uint64_t hash[2], struct bkt *home[2], uint32_t level[2]);
static inline void bkt_unlock(struct bkt *home)
{
	__atomic_fetch_and(&home->head, ~BKT_LOCK, __ATOMIC_RELEASE);
}

/* Under the lock of the home: find, enter (-ENOSPC: no slot within reach, -EAGAIN: there will be one when the
 * growth that is under way has gone on: unlock, bkt_wait, lock again), take out (-ENOENT). */
uint32_t bkt_find_locked(const struct bkt_index *x, const struct bkt *home, uint32_t level,
	uint64_t hash, bkt_equal equal, const void *key);
int bkt_enter(struct bkt_index *x, struct bkt *home, uint32_t level, uint64_t hash, uint32_t id);
int bkt_leave(struct bkt_index *x, struct bkt *home, uint32_t level, uint64_t hash, uint32_t id);

/* After -EAGAIN, without locks: helps growing and gives way to a mover that was descheduled. False when it has
 * been asked too often (*tries counts from 0): then the table is full. */
bool bkt_wait(struct bkt_index *x, unsigned *tries);

/* Called once per insert, without locks: grows a little when it is time. */
void bkt_grow_step(struct bkt_index *x);
static inline void bkt_grow(struct bkt_index *x)
{
	const struct bkt_state *s = x->state;
	uint32_t level = bkt_get(&s->level);
	uint64_t full = (uint64_t)BKT_SLOTS * BKT_POPULATE_PERCENT << level;

	if (unlikely(bkt_get(&s->released) ||
		     (level < x->level_max &&
			     (__atomic_load_n(&s->count, __ATOMIC_RELAXED) * 100 > full ||
				     (uint32_t)__atomic_load_n(&s->claim, __ATOMIC_RELAXED)))))
		bkt_grow_step(x);
}

#endif
