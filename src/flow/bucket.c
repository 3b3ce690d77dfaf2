/* SPDX-License-Identifier: BSD-3-Clause */
/* bucket: the writers' half, see bucket.h. */
#include "flow/bucket.h"

#include <assert.h>
#include <sched.h>

void bkt_init(struct bkt_index *x, struct bkt *base, struct bkt_state *state, uint32_t level_max,
	const struct flow_region *region)
{
	*x = (struct bkt_index){
		.base = base, .state = state, .level_max = level_max, .region = region};
	if (!state->level) {
		state->level = BKT_LEVEL_MIN;
		state->claim = (uint64_t)BKT_LEVEL_MIN << 32;
	}
}

static bool try_lock_line(struct bkt *b)
{
	uint32_t head = __atomic_load_n(&b->head, __ATOMIC_RELAXED);

	return !(head & BKT_LOCK) && __atomic_compare_exchange_n(&b->head, &head, head | BKT_LOCK,
					     false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}

static void lock_line(struct bkt *b)
{
	while (!try_lock_line(b))
		rte_pause();
}

/* The bucket where writers of `hash` meet now, locked; NULL if it was locked and `wait` is false. */
static struct bkt *lock_home(const struct bkt_index *x, uint64_t hash, uint32_t *level, bool wait)
{
	for (;;) {
		for (*level = bkt_level(x); *level <= x->level_max; (*level)++) {
			struct bkt *b = bkt_home(x, *level, hash);

			if (bkt_head(b) & BKT_MOVED)
				continue;
			if (wait)
				lock_line(b);
			else if (!try_lock_line(b))
				return NULL;
			/* A released level reads as zero, not as moved: only `level` tells. */
			if (!(bkt_head(b) & BKT_MOVED) && bkt_level(x) <= *level)
				return b;
			bkt_unlock(b);
		}
	}
}

struct bkt *bkt_lock(const struct bkt_index *x, uint64_t hash, uint32_t *level)
{
	return lock_home(x, hash, level, true);
}

/* Wait for one, try the other, and begin with the other when that fails: no order, no deadlock. */
void bkt_lock_two(
	const struct bkt_index *x, const uint64_t hash[2], struct bkt *home[2], uint32_t level[2])
{
	for (int first = 0;; first = !first) {
		struct bkt *b = lock_home(x, hash[first], &level[first], true);

		/* Nobody moves a locked home, so equal low bits mean this very bucket. */
		if (((hash[0] ^ hash[1]) & (((uint64_t)1 << level[first]) - 1)) == 0) {
			home[0] = b;
			home[1] = NULL;
			level[!first] = level[first];
			return;
		}
		home[first] = b;
		home[!first] = lock_home(x, hash[!first], &level[!first], false);
		if (home[!first])
			return;
		bkt_unlock(b);
		rte_pause();
	}
}

uint32_t bkt_find_locked(const struct bkt_index *x, const struct bkt *home, uint32_t level,
	uint64_t hash, bkt_equal equal, const void *key)
{
	uint32_t far = bkt_far(bkt_head(home), hash), id;
	uint16_t tag = bkt_tag(hash);

	id = bkt_scan(home, tag, bkt_match_base, equal, x->owner, key);
	for (unsigned d = 1; !id && d <= far; d++)
		id = bkt_scan(bkt_at(x, level, hash + d), tag, bkt_match_base, equal, x->owner, key);
	return id;
}

static bool claim_slot(struct bkt *b, uint16_t tag, uint32_t id)
{
	for (uint32_t m = bkt_match_base(b, 0); m; m &= m - 1) {
		unsigned i = __builtin_ctz(m);
		uint32_t none = 0;

		if (bkt_id(b, i) || !__atomic_compare_exchange_n(&b->id[i], &none, id, false,
					    __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
			continue;
		__atomic_store_n(&b->tag[i], tag, __ATOMIC_RELEASE);
		return true;
	}
	return false;
}

/* `home` is locked by the caller or reachable by nobody else. The head is raised before a displaced key
 * becomes visible. */
static int place(
	const struct bkt_index *x, struct bkt *home, uint32_t level, uint64_t hash, uint32_t id)
{
	uint16_t tag = bkt_tag(hash);
	uint32_t head;

	if (claim_slot(home, tag, id))
		return 0;
	if ((bkt_head(home) & BKT_AWAY_MASK) == BKT_AWAY_MASK)
		return -ENOSPC;
	for (unsigned d = 1; d <= BKT_REACH; d++) {
		if (!claim_slot(bkt_at(x, level, hash + d), tag, id))
			continue;
		head = (bkt_head(home) + BKT_AWAY) | bkt_filter(hash);
		if (d > (head & BKT_FAR_MASK) >> BKT_FAR_SHIFT)
			head = (head & ~BKT_FAR_MASK) | d << BKT_FAR_SHIFT;
		__atomic_store_n(&home->head, head, __ATOMIC_RELEASE);
		return 0;
	}
	return -ENOSPC;
}

int bkt_enter(struct bkt_index *x, struct bkt *home, uint32_t level, uint64_t hash, uint32_t id)
{
	int err = place(x, home, level, hash, id);

	if (err && bkt_level(x) < x->level_max) {
		bkt_set(&x->pressed, 1);
		return -EAGAIN;
	}
	if (err)
		return err;
	__atomic_fetch_add(&x->state->count, 1, __ATOMIC_RELAXED);
	return 0;
}

static bool clear_slot(struct bkt *b, uint16_t tag, uint32_t id)
{
	for (uint32_t m = bkt_match_base(b, tag); m; m &= m - 1) {
		unsigned i = __builtin_ctz(m);

		if (bkt_id(b, i) != id)
			continue;
		__atomic_store_n(&b->tag[i], 0, __ATOMIC_RELAXED);
		__atomic_store_n(&b->id[i], 0, __ATOMIC_RELEASE);
		return true;
	}
	return false;
}

/* One displaced key less; with the last one the home is as if none ever went. */
static void came_home(struct bkt *home)
{
	uint32_t head = bkt_head(home) - BKT_AWAY;

	if (!(head & BKT_AWAY_MASK))
		head &= BKT_LOCK | BKT_MOVED;
	__atomic_store_n(&home->head, head, __ATOMIC_RELEASE);
}

static int take_out(
	const struct bkt_index *x, struct bkt *home, uint32_t level, uint64_t hash, uint32_t id)
{
	uint32_t far = (bkt_head(home) & BKT_FAR_MASK) >> BKT_FAR_SHIFT;

	for (unsigned d = 0; d <= far; d++) {
		if (!clear_slot(bkt_at(x, level, hash + d), bkt_tag(hash), id))
			continue;
		if (d)
			came_home(home);
		return 0;
	}
	return -ENOENT;
}

int bkt_leave(struct bkt_index *x, struct bkt *home, uint32_t level, uint64_t hash, uint32_t id)
{
	int err = take_out(x, home, level, hash, id);

	if (!err)
		__atomic_fetch_sub(&x->state->count, 1, __ATOMIC_RELAXED);
	return err;
}

/* Slots of one home, bucket by bucket: bit i of mine[d] is slot i of the bucket d behind it. */
struct homes_slots {
	uint16_t mine[BKT_REACH + 1];
	uint32_t far;
};

static void find_slots(const struct bkt_index *x, uint32_t level, uint64_t h, struct homes_slots *s)
{
	uint64_t mask = ((uint64_t)1 << level) - 1;

	for (unsigned d = 0; d <= s->far; d++) {
		const struct bkt *b = bkt_at(x, level, h + d);

		s->mine[d] = 0;
		for (unsigned i = 0; i < BKT_SLOTS; i++) {
			uint32_t id = bkt_id(b, i);
			uint64_t hash = id ? x->hash_of(x->owner, id) : 0;

			/* Foreign slots change under us; ours cannot, their home is locked. */
			if (id && (hash & mask) == h &&
				bkt_tag(hash) == __atomic_load_n(&b->tag[i], __ATOMIC_ACQUIRE) &&
				bkt_id(b, i) == id)
				s->mine[d] |= 1u << i;
		}
		/* A small array wraps around within the reach: each slot once. */
		if (d >= mask)
			s->far = d;
	}
}

/* Enter all keys of the home into the next level. False: one found no slot there, none is left behind. */
static bool enter_next(struct bkt_index *x, uint32_t level, uint64_t h, const struct homes_slots *s)
{
	uint32_t done[(BKT_REACH + 1) * BKT_SLOTS], n = 0;

	for (unsigned d = 0; d <= s->far; d++) {
		const struct bkt *b = bkt_at(x, level, h + d);

		for (uint32_t m = s->mine[d]; m; m &= m - 1) {
			uint32_t id = b->id[__builtin_ctz(m)];
			uint64_t hash = x->hash_of(x->owner, id);

			done[n++] = id;
			if (!place(x, bkt_home(x, level + 1, hash), level + 1, hash, id))
				continue;
			while (--n) {
				hash = x->hash_of(x->owner, done[n - 1]);
				take_out(x, bkt_home(x, level + 1, hash), level + 1, hash,
					done[n - 1]);
			}
			return false;
		}
	}
	return true;
}

static void clear_slots(
	const struct bkt_index *x, uint32_t level, uint64_t h, const struct homes_slots *s)
{
	for (unsigned d = 0; d <= s->far; d++) {
		struct bkt *b = bkt_at(x, level, h + d);

		for (uint32_t m = s->mine[d]; m; m &= m - 1) {
			__atomic_store_n(&b->tag[__builtin_ctz(m)], 0, __ATOMIC_RELAXED);
			__atomic_store_n(&b->id[__builtin_ctz(m)], 0, __ATOMIC_RELEASE);
		}
	}
}

static bool move_home(struct bkt_index *x, uint32_t level, uint64_t h)
{
	struct bkt *home = bkt_at(x, level, h);
	struct homes_slots s;

	lock_line(home);
	s.far = (bkt_head(home) & BKT_FAR_MASK) >> BKT_FAR_SHIFT;
	find_slots(x, level, h, &s);
	if (!enter_next(x, level, h, &s)) {
		bkt_unlock(home);
		return false;
	}
	__atomic_store_n(&home->head, BKT_MOVED, __ATOMIC_RELEASE);
	clear_slots(x, level, h, &s);
	return true;
}

static size_t offset_of_level(const struct bkt_index *x, uint32_t level)
{
	return (uint8_t *)&x->base[(uint64_t)1 << level] - x->region->base;
}

#define RELEASE_BYTES ((size_t)BKT_STEP_BYTES * 4)

static void release_step(struct bkt_index *x)
{
	struct bkt_state *s = x->state;
	uint32_t old = bkt_level(x) - 1, step = bkt_get(&s->released);
	size_t bytes = sizeof(struct bkt) << old, at = offset_of_level(x, old),
	       from = (step - 1) * RELEASE_BYTES;

	/* Small levels share pages with their neighbours; the region keeps those. */
	if (from < bytes)
		flow_region_release(x->region, at + from, at + MIN_OF(bytes, from + RELEASE_BYTES));
	bkt_set(&s->released, from + RELEASE_BYTES >= bytes ? 0 : step + 1);
}

static void populate_step(struct bkt_index *x)
{
	struct bkt_state *s = x->state;
	uint32_t level = bkt_level(x) + 1, step = bkt_get(&s->populated);
	size_t bytes = sizeof(struct bkt) << level, at = offset_of_level(x, level),
	       from = (size_t)step * BKT_STEP_BYTES;

	if (from >= bytes)
		return;
	flow_region_populate(x->region, at + from, at + MIN_OF(bytes, from + BKT_STEP_BYTES));
	bkt_set(&s->populated, step + 1);
}

/* The next homes nobody moves yet; how many. */
static uint32_t claim_homes(struct bkt_state *s, uint32_t *level, uint32_t *first)
{
	uint64_t claim = __atomic_load_n(&s->claim, __ATOMIC_ACQUIRE), next;
	uint32_t n;

	do {
		*level = claim >> 32;
		*first = (uint32_t)claim;
		n = MIN_OF(((uint32_t)1 << *level) - *first, (uint32_t)BKT_MOVES);
		next = claim + n;
	} while (n && !__atomic_compare_exchange_n(
			      &s->claim, &claim, next, true, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE));
	return n;
}

/* What the mover after the next will read and write: the bucket and the two of the next level its keys go to, and
 * the records of the bucket before it. */
static void prefetch_homes(const struct bkt_index *x, uint32_t level, uint32_t first)
{
	for (uint32_t i = 0; i < BKT_MOVES; i++) {
		const struct bkt *b = bkt_at(x, level, first + BKT_MOVES + i);

		__builtin_prefetch(bkt_at(x, level, first + 3 * BKT_MOVES + i));
		__builtin_prefetch(bkt_at(x, level + 1, first + 2 * BKT_MOVES + i), 1);
		__builtin_prefetch(bkt_at(x, level + 1, first + 2 * BKT_MOVES + i + ((uint64_t)1 << level)), 1);
		for (unsigned slot = 0; slot < BKT_SLOTS; slot++)
			if (bkt_id(b, slot))
				__builtin_prefetch(x->record_of(x->owner, bkt_id(b, slot)));
	}
}

/* A home that finds no room in the next level stays, and so does the level: only an adversary who knows
 * the seed gets there, and then inserts end in -ENOSPC. */
static void move_step(struct bkt_index *x)
{
	struct bkt_state *s = x->state;
	uint32_t level, first, n = claim_homes(s, &level, &first), moved = 0;

	if (n)
		prefetch_homes(x, level, first);
	for (uint32_t i = 0; i < n; i++)
		moved += move_home(x, level, first + i);
	if (!n || __atomic_add_fetch(&s->moved, moved, __ATOMIC_ACQ_REL) < (uint32_t)1 << level)
		return;
	bkt_set(&s->moved, 0);
	bkt_set(&s->populated, 0);
	bkt_set(&s->released, 1);
	bkt_set(&x->pressed, 0);
	__atomic_store_n(&s->level, level + 1, __ATOMIC_RELEASE);
	__atomic_store_n(&s->claim, (uint64_t)(level + 1) << 32, __ATOMIC_RELEASE);
}

void bkt_grow_step(struct bkt_index *x)
{
	struct bkt_state *s = x->state;
	uint64_t load = __atomic_load_n(&s->count, __ATOMIC_RELAXED) * 100,
		 slots = (uint64_t)BKT_SLOTS << bkt_level(x);
	bool more = bkt_level(x) < x->level_max;

	if (more && ((uint32_t)__atomic_load_n(&s->claim, __ATOMIC_RELAXED) ||
			    load > slots * BKT_MOVE_PERCENT || bkt_get(&x->pressed)))
		move_step(x);
	if (__atomic_exchange_n(&x->busy, 1, __ATOMIC_ACQUIRE))
		return;
	if (bkt_get(&s->released))
		release_step(x);
	else if (more && bkt_level(x) < x->level_max)
		populate_step(x);
	__atomic_store_n(&x->busy, 0, __ATOMIC_RELEASE);
}

#define WAITS_MAX 10000

bool bkt_wait(struct bkt_index *x, unsigned *tries)
{
	if (++*tries > WAITS_MAX)
		return false;
	bkt_grow_step(x);
	sched_yield();
	return true;
}
