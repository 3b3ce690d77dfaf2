/* SPDX-License-Identifier: BSD-3-Clause */
/* conn_query: looking at connections from control threads: one, all, the expired ones, the sums. */
#include "base/clock.h"
#include "base/refuse.h"
#include "flow/conn_int.h"

/* What all workers counted in a direction. */
static struct flow_count count_of(
	const struct flow_conn_table *t, const struct conn_family *f, uint32_t id, uint16_t gen)
{
	const struct conn_common *c = conn_common_at(f, id);
	struct flow_count sum = {__atomic_load_n(&c->packets, __ATOMIC_RELAXED),
		__atomic_load_n(&c->bytes, __ATOMIC_RELAXED)};

	for (unsigned w = 0; w < t->h->nr_workers; w++) {
		const struct conn_other *o = &f->other[(uint64_t)w * (f->pairs + 1) * 2 + id];
		uint64_t packets;

		if (w == c->home)
			continue;
		packets = __atomic_load_n(&o->packets, __ATOMIC_RELAXED);
		if (packets >> CONN_OTHER_GEN_SHIFT != gen || !packets)
			continue;
		sum.packets += packets & (((uint64_t)1 << CONN_OTHER_GEN_SHIFT) - 1);
		sum.bytes += __atomic_load_n(&o->bytes, __ATOMIC_RELAXED);
	}
	return sum;
}

/* The later of the two directions' last packets, as ticks. */
static uint32_t seen_of(const struct conn_family *f, uint32_t pair)
{
	uint32_t a = __atomic_load_n(&conn_common_at(f, pair * 2)->seen, __ATOMIC_RELAXED);
	uint32_t b = __atomic_load_n(&conn_common_at(f, pair * 2 + 1)->seen, __ATOMIC_RELAXED);

	return (int32_t)(a - b) > 0 ? a : b;
}

/* Ticks are 32 bits; the creation time says which wrap they are of. Never after the packet. */
static uint64_t seen_ns(uint64_t created_ns, uint32_t seen)
{
	int64_t ticks = (int32_t)(seen - conn_tick(created_ns));

	return ticks > 0 ? ((created_ns >> CONN_TICK_SHIFT) + ticks) << CONN_TICK_SHIFT
			 : created_ns;
}

static uint32_t timeout_of(
	const struct flow_conn_table *t, const struct conn_family *f, uint32_t pair, uint16_t word)
{
	if (conn_common_at(f, pair * 2)->fast & CONN_TIMEOUT)
		return f->cold[pair].timeout_s;
	return conn_timeout(&t->cfg.timeouts,
		conn_word_proto(conn_dir_key(f, pair * 2)[f->words - 1]), word & CONN_ST_MASK);
}

static void describe(const struct flow_conn_table *t, const struct conn_family *f, uint32_t pair,
	uint16_t word, uint16_t gen, struct conn_info *info)
{
	const struct conn_cold *cold = &f->cold[pair];

	memset(info, 0, sizeof(*info));
	info->ref = conn_ref_make(f->words == 5, pair * 2, gen);
	for (unsigned d = 0; d < 2; d++) {
		conn_unpack(f, conn_dir_key(f, pair * 2 + d), &info->key[d]);
		conn_rewrite(t, info->ref | d, &info->rewrite[d]);
		info->count[d] = count_of(t, f, pair * 2 + d, gen);
		info->in_port[d] = cold->in_port[d];
	}
	info->state = word & CONN_ST_MASK;
	info->owner = cold->owner;
	info->user = cold->user;
	info->created_ns = cold->created_ns;
	info->seen_ns = seen_ns(cold->created_ns, seen_of(f, pair));
	info->expires_ns = info->seen_ns + timeout_of(t, f, pair, word) * (uint64_t)NS_PER_S;
}

/* False when the pair holds no connection, or another one by the time it was read. */
static bool read_pair(const struct flow_conn_table *t, const struct conn_family *f, uint32_t pair,
	struct conn_info *info)
{
	const struct conn_common *c = conn_common_at(f, pair * 2);
	uint16_t word = __atomic_load_n(&c->state, __ATOMIC_ACQUIRE), gen = c->gen;

	if (!(word & CONN_ST_LIVE))
		return false;
	describe(t, f, pair, word, gen, info);
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	return (__atomic_load_n(&c->state, __ATOMIC_ACQUIRE) & CONN_ST_LIVE) && c->gen == gen;
}

int conn_query(const struct flow_conn_table *table, conn_ref ref, struct conn_info *info)
{
	const struct conn_family *f = conn_family_of(table, ref);
	uint32_t pair = conn_ref_pair(ref);

	if (!pair || pair > f->pairs || !read_pair(table, f, pair, info) ||
		conn_ref_gen(info->ref) != conn_ref_gen(ref))
		return refuse(ENOENT, "connection %#lx: it is gone", ref);
	return 0;
}

/* Cursors: the next pair, family in bit 32. */
#define CURSOR_IP6 ((uint64_t)1 << 32)
#define CURSOR_END (CURSOR_IP6 | UINT32_MAX) /* only the caller has not heard of it yet */

static uint32_t high_of(const struct flow_conn_table *t, unsigned ip6)
{
	return __atomic_load_n(&t->h->family[ip6].high, __ATOMIC_RELAXED);
}

/* The pair the cursor stands on, and one step on. NULL at the end (cursor back at 0). */
static const struct conn_family *step(
	const struct flow_conn_table *t, uint64_t *cursor, uint32_t *pair)
{
	unsigned ip6 = *cursor >= CURSOR_IP6;

	*pair = MAX_OF((uint32_t)*cursor, 1u);
	if (*pair >= high_of(t, ip6)) {
		*cursor = ip6 ? 0 : CURSOR_IP6;
		*pair = 0;
		return ip6 ? NULL : &t->family[1];
	}
	*cursor = (ip6 ? CURSOR_IP6 : 0) | (*pair + 1);
	return &t->family[ip6];
}

unsigned conn_walk(const struct flow_conn_table *table, uint64_t *cursor, unsigned max,
	void (*fn)(void *arg, const struct conn_info *info), void *arg)
{
	struct conn_info info;
	unsigned visited = 0;

	while (visited < max) {
		uint32_t pair;
		const struct conn_family *f = step(table, cursor, &pair);

		if (!f) {
			*cursor = visited ? CURSOR_END : 0;
			break;
		}
		if (!pair || !read_pair(table, f, pair, &info))
			continue;
		fn(arg, &info);
		visited++;
	}
	return visited;
}

/* Has the pair been idle for longer than it may? Reads the two lines of the pair. */
static bool expired(
	const struct flow_conn_table *t, const struct conn_family *f, uint32_t pair, uint32_t now)
{
	uint16_t word = __atomic_load_n(&conn_common_at(f, pair * 2)->state, __ATOMIC_ACQUIRE);
	uint64_t limit;

	if (!(word & CONN_ST_LIVE))
		return false;
	limit = timeout_of(t, f, pair, word) * (uint64_t)NS_PER_S >> CONN_TICK_SHIFT;
	return (int64_t)(int32_t)(now - seen_of(f, pair)) > (int64_t)limit;
}

#define AGE_BATCH 16

/* Pairs to remove. Their records were just read, their home buckets are asked for when they are put here: a removal
 * would else wait for two lines of memory. */
struct idle {
	unsigned n;
	conn_ref ref[AGE_BATCH];
};

static void put_idle(struct idle *idle, const struct conn_family *f, uint32_t pair)
{
	uint32_t level = bkt_level(&f->index);

	for (uint32_t id = pair * 2; id <= pair * 2 + 1; id++)
		__builtin_prefetch(bkt_home(&f->index, level, f->index.hash_of(f->index.owner, id)), 1);
	idle->ref[idle->n++] = conn_ref_make(f->words == 5, pair * 2, conn_common_at(f, pair * 2)->gen);
}

static unsigned remove_idle(struct flow_conn_table *table, struct idle *idle,
	void (*fn)(void *arg, const struct conn_info *info), void *arg)
{
	struct conn_info info;
	unsigned removed = 0;

	for (unsigned i = 0; i < idle->n; i++) {
		conn_ref ref = idle->ref[i];

		if (fn && (!read_pair(table, conn_family_of(table, ref), conn_ref_pair(ref), &info) || info.ref != ref))
			continue;
		if (!conn_take_out(table, ref))
			continue;
		removed++;
		if (fn)
			fn(arg, &info);
	}
	idle->n = 0;
	return removed;
}

unsigned conn_age(struct flow_conn_table *table, uint64_t now_ns, unsigned max,
	void (*fn)(void *arg, const struct conn_info *info), void *arg)
{
	uint32_t now = conn_tick(now_ns);
	struct idle idle = {};
	unsigned removed = 0;

	for (unsigned i = 0; i < max; i++) {
		uint32_t pair;
		const struct conn_family *f = step(table, &table->age_cursor, &pair);

		if (!f)
			break;
		if (pair && expired(table, f, pair, now))
			put_idle(&idle, f, pair);
		if (idle.n == AGE_BATCH)
			removed += remove_idle(table, &idle, fn, arg);
	}
	removed += remove_idle(table, &idle, fn, arg);
	__atomic_fetch_add(&table->stats.aged, removed, __ATOMIC_RELAXED);
	return removed;
}

static uint64_t memory_of(const struct flow_conn_table *t, unsigned ip6)
{
	const struct conn_family *f = &t->family[ip6];
	const struct conn_family_header *fh = &t->h->family[ip6];

	return (sizeof(struct bkt) << fh->index.level) +
	       (uint64_t)fh->high *
		       ((2u << f->shift) + sizeof(struct conn_cold) + sizeof(uint32_t));
}

void conn_table_stats(const struct flow_conn_table *table, struct conn_stats *stats)
{
	memset(stats, 0, sizeof(*stats));
	stats->live = __atomic_load_n(&table->h->live, __ATOMIC_RELAXED);
	stats->removed = __atomic_load_n(&table->stats.removed, __ATOMIC_RELAXED);
	stats->aged = __atomic_load_n(&table->stats.aged, __ATOMIC_RELAXED);
	stats->added = stats->live + stats->removed + stats->aged - table->stats.adopted;
	stats->full = __atomic_load_n(&table->stats.full, __ATOMIC_RELAXED);
	stats->duplicate = __atomic_load_n(&table->stats.duplicate, __ATOMIC_RELAXED);
	for (unsigned ip6 = 0; ip6 < 2; ip6++) {
		stats->memory_bytes += memory_of(table, ip6);
		for (uint32_t pair = 1; pair < high_of(table, ip6); pair++) {
			uint16_t word = __atomic_load_n(
				&conn_common_at(&table->family[ip6], pair * 2)->state,
				__ATOMIC_RELAXED);

			if (word & CONN_ST_LIVE)
				stats->by_state[word & CONN_ST_MASK]++;
		}
	}
}
