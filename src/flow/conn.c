/* SPDX-License-Identifier: BSD-3-Clause */
/* conn: the table's life, adding and removing connections, looking at them. Layout: conn_int.h. */
#include <assert.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/refuse.h"
#include "base/rng.h"
#include "flow/conn_int.h"

#define CAPACITY_MAX (1u << 27)
#define ADD_BATCH 32

/* Pairs beyond the capacity, because a removed one waits for its grace period. */
static uint32_t pairs_for(uint32_t capacity)
{
	return capacity + capacity / 8 + 2048;
}

static uint64_t put(uint64_t *at, uint64_t bytes)
{
	uint64_t here = *at;

	*at = (here + bytes + 4095) & ~4095ull;
	return here;
}

static void lay_out(struct conn_family_header *fh, uint32_t capacity, unsigned nr_workers,
	unsigned shift, uint64_t *at)
{
	uint64_t pairs = pairs_for(capacity) + 1;

	fh->pairs = pairs - 1;
	fh->at_buckets = put(at, bkt_bytes(bkt_level_for(2ull * capacity)));
	fh->at_links = put(at, pairs * sizeof(uint32_t));
	fh->at_dirs = put(at, (pairs * 2) << shift);
	fh->at_cold = put(at, pairs * sizeof(struct conn_cold));
	fh->at_replaced = put(at, pairs * sizeof(struct conn_replaced));
	fh->at_other = put(at, pairs * 2 * nr_workers * sizeof(struct conn_other));
}

static void header_for(const struct conn_table_cfg *cfg, struct conn_header *h)
{
	uint64_t at = (sizeof(*h) + 4095) & ~4095ull;

	memset(h, 0, sizeof(*h));
	h->magic = CONN_MAGIC;
	h->version = CONN_VERSION;
	h->capacity = cfg->capacity;
	h->nr_workers = cfg->nr_workers;
	for (unsigned i = 0; i < 2; i++)
		lay_out(&h->family[i], cfg->capacity, cfg->nr_workers, i ? 7 : 6, &at);
	h->bytes = at;
}

static uint64_t hash_of(const void *owner, uint32_t id)
{
	const struct conn_family *f = owner;
	const uint64_t *key = conn_dir_key(f, id);

	return f->words == 2 ? conn_hash4(&f->table->h->seed, key)
			     : conn_hash6(&f->table->h->seed, key);
}

static const void *record_of(const void *owner, uint32_t id)
{
	return conn_dir_key(owner, id);
}

static bool equal(const void *owner, uint32_t id, const void *key)
{
	return memcmp(conn_dir_key(owner, id), key,
		       ((const struct conn_family *)owner)->words * 8) == 0;
}

static void reach(void *owner, uint32_t pair)
{
	struct conn_family *f = owner;
	struct conn_family_header *fh = &f->table->h->family[f->words == 5];
	const struct flow_region *r = &f->table->region;
	uint32_t from, to, high = __atomic_load_n(&fh->high, __ATOMIC_RELAXED);

	while (high < pair && !__atomic_compare_exchange_n(&fh->high, &high, pair, true,
				      __ATOMIC_RELAXED, __ATOMIC_RELAXED))
		;
	if (!flow_ahead_claim(&f->ahead, pair, &from, &to))
		return;
	to = MIN_OF(to, f->pairs);
	flow_region_populate(r, fh->at_dirs + ((uint64_t)from * 2 << f->shift),
		fh->at_dirs + ((uint64_t)to * 2 << f->shift));
	flow_region_populate(r, fh->at_cold + from * sizeof(struct conn_cold),
		fh->at_cold + to * sizeof(struct conn_cold));
}

static void family_init(struct flow_conn_table *t, unsigned ip6)
{
	struct conn_family *f = &t->family[ip6];
	struct conn_family_header *fh = &t->h->family[ip6];
	uint8_t *base = t->region.base;

	f->table = t;
	f->shift = ip6 ? 7 : 6;
	f->words = ip6 ? 5 : 2;
	f->dirs = base + fh->at_dirs;
	f->cold = (struct conn_cold *)(base + fh->at_cold);
	f->replaced = (struct conn_replaced *)(base + fh->at_replaced);
	f->other = (struct conn_other *)(base + fh->at_other);
	f->pairs = fh->pairs;
	f->ahead.step = ip6 ? 512 : 1024;
	bkt_init(&f->index, (struct bkt *)(base + fh->at_buckets), &fh->index,
		bkt_level_for(2ull * t->h->capacity), &t->region);
	f->index.hash_of = hash_of;
	f->index.record_of = record_of;
	f->index.owner = f;
	if (t->ctx)
		flow_pool_init(
			&f->pool, t->ctx, (uint32_t *)(base + fh->at_links), f->pairs, reach, f);
}

static int check_cfg(const struct conn_table_cfg *cfg)
{
	if (cfg->capacity < 1 || cfg->capacity > CAPACITY_MAX)
		return refuse(EINVAL, "connection table: capacity %u is not 1..%u", cfg->capacity,
			CAPACITY_MAX);
	if (cfg->strict)
		return refuse(ENOTSUP, "connection table: strict: sequence windows are not "
				       "checked; leave it false");
	if (cfg->nr_workers < 1 || cfg->nr_workers > FLOW_WORKERS_MAX)
		return refuse(EINVAL, "connection table: nr_workers %u is not 1..%u",
			cfg->nr_workers, FLOW_WORKERS_MAX);
	return 0;
}

/* The header of an existing file. 1: there is one of the same shape; 0: the file is new or empty. */
static int peek(int fd, const char *name, struct conn_header *found, const struct conn_header *want)
{
	ssize_t got = pread(fd, found, sizeof(*found), 0);

	if (got < 0)
		return refuse(errno, "connection table '%s': %s", name, strerror(errno));
	if (got == 0)
		return 0;
	if (got < (ssize_t)sizeof(*found) || found->magic != CONN_MAGIC)
		return refuse(
			EINVAL, "connection table '%s': the file is not a connection table", name);
	if (found->version != CONN_VERSION)
		return refuse(EINVAL, "connection table '%s': version %u, this program has %u",
			name, found->version, CONN_VERSION);
	if (want && (found->bytes != want->bytes || found->capacity != want->capacity ||
			    found->nr_workers != want->nr_workers))
		return refuse(EINVAL,
			"connection table '%s': made for %u connections and %u workers, not %u and "
			"%u",
			name, found->capacity, found->nr_workers, want->capacity, want->nr_workers);
	return 1;
}

static int open_shared(struct flow_conn_table *t, const char *name, const struct conn_header *want)
{
	struct conn_header found;
	int fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600), present, err;

	if (fd < 0)
		return refuse(errno, "connection table '%s': %s", name, strerror(errno));
	present = peek(fd, name, &found, want);
	err = present < 0 ? present : 0;
	if (!err && !present && ftruncate(fd, want->bytes))
		err = refuse(errno, "connection table '%s': cannot size it to %lu bytes: %s", name,
			want->bytes, strerror(errno));
	if (!err && flow_region_map(&t->region, fd, want->bytes, true))
		err = refuse(
			ENOMEM, "connection table '%s': cannot map %lu bytes", name, want->bytes);
	if (err) {
		close(fd);
		return err;
	}
	return present;
}

static void new_seed(struct flow_seed *seed)
{
	for (unsigned i = 0; i < 4; i++)
		seed->s[i] = rng_fresh_seed() | 1;
}

static void index_again(struct conn_family *f, uint32_t id)
{
	uint64_t hash = hash_of(f, id);
	uint32_t level;
	struct bkt *home = bkt_lock(&f->index, hash, &level);

	if (!bkt_find_locked(&f->index, home, level, hash, equal, conn_dir_key(f, id)))
		bkt_enter(&f->index, home, level, hash, id);
	bkt_unlock(home);
	bkt_grow(&f->index);
}

/* A table that another process left: whatever its writers held is void, the live records are the truth. The
 * index is built anew and everything else is free. */
static void adopt(struct flow_conn_table *t)
{
	t->h->live = 0;
	for (unsigned ip6 = 0; ip6 < 2; ip6++) {
		struct conn_family *f = &t->family[ip6];
		struct conn_family_header *fh = &t->h->family[ip6];
		uint32_t high = MIN_OF(fh->high, f->pairs + 1);

		if (!flow_region_release(&t->region, fh->at_buckets, fh->at_links))
			memset(f->index.base, 0,
				MIN_OF(bkt_bytes(fh->index.level + 1),
					fh->at_links - fh->at_buckets));
		fh->index = (struct bkt_state){
			.level = BKT_LEVEL_MIN, .claim = (uint64_t)BKT_LEVEL_MIN << 32};
		flow_pool_start_at(&f->pool, MAX_OF(high, 1u));
		for (uint32_t pair = 1; pair < high; pair++) {
			if (!(conn_common_at(f, pair * 2)->state & CONN_ST_LIVE)) {
				flow_pool_give_unused(&f->pool, pair);
				continue;
			}
			t->h->live++;
			index_again(f, pair * 2);
			index_again(f, pair * 2 + 1);
		}
	}
	t->stats.adopted = t->h->live;
}

int conn_table_create(
	struct flow_ctx *ctx, const struct conn_table_cfg *cfg, struct flow_conn_table **table)
{
	struct flow_conn_table *t = NULL;
	struct conn_header want;
	int present = 0, err = check_cfg(cfg);

	*table = NULL;
	if (err)
		return err;
	if (posix_memalign((void **)&t, 64, sizeof(*t)))
		return refuse(ENOMEM, "connection table: out of memory");
	memset(t, 0, sizeof(*t));
	t->ctx = ctx;
	t->cfg = *cfg;
	header_for(cfg, &want);
	if (cfg->shared_name)
		present = open_shared(t, cfg->shared_name, &want);
	else if (flow_region_open(&t->region, want.bytes))
		present = refuse(ENOMEM, "connection table: cannot reserve %lu bytes", want.bytes);
	if (present < 0) {
		free(t);
		return present;
	}
	t->cfg.shared_name = NULL;
	t->epoch = rng_fresh_seed();
	pthread_mutex_init(&t->replace_lock, NULL);
	t->h = (struct conn_header *)t->region.base;
	if (!present) {
		new_seed(&want.seed);
		*t->h = want;
	}
	for (unsigned i = 0; i < 2; i++)
		family_init(t, i);
	if (present)
		adopt(t);
	conn_choose_variant(t);
	*table = t;
	return 0;
}

int conn_table_view(const char *shared_name, struct flow_conn_table **table)
{
	struct flow_conn_table *t;
	struct conn_header found;
	int fd = open(shared_name, O_RDONLY | O_CLOEXEC), err;

	*table = NULL;
	if (fd < 0)
		return refuse(errno, "connection table '%s': %s", shared_name, strerror(errno));
	err = peek(fd, shared_name, &found, NULL);
	if (err <= 0) {
		close(fd);
		return err ? err
			   : refuse(EINVAL, "connection table '%s': the file is empty",
				     shared_name);
	}
	if (posix_memalign((void **)&t, 64, sizeof(*t))) {
		close(fd);
		return refuse(ENOMEM, "connection table: out of memory");
	}
	memset(t, 0, sizeof(*t));
	if (flow_region_map(&t->region, fd, found.bytes, false)) {
		close(fd);
		free(t);
		return refuse(ENOMEM, "connection table '%s': cannot map %lu bytes", shared_name,
			found.bytes);
	}
	t->h = (struct conn_header *)t->region.base;
	t->cfg = (struct conn_table_cfg){.capacity = found.capacity,
		.nr_workers = found.nr_workers,
		.timeouts = conn_timeouts_default};
	for (unsigned i = 0; i < 2; i++)
		family_init(t, i);
	conn_choose_variant(t);
	*table = t;
	return 0;
}

void conn_table_settle(struct flow_conn_table *table)
{
	for (unsigned i = 0; i < 2; i++) {
		const struct conn_family_header *fh = &table->h->family[i];
		uint64_t buckets = sizeof(struct bkt) << bkt_level(&table->family[i].index);
		uint64_t dirs = (uint64_t)__atomic_load_n(&fh->high, __ATOMIC_RELAXED) * 2
				<< table->family[i].shift;

		flow_region_collapse(
			&table->region, fh->at_buckets + buckets, fh->at_buckets + 2 * buckets);
		flow_region_collapse(&table->region, fh->at_dirs, fh->at_dirs + dirs);
	}
}

void conn_table_destroy(struct flow_conn_table *table)
{
	if (!table)
		return;
	for (unsigned i = 0; i < 2 && table->ctx; i++)
		flow_pool_fini(&table->family[i].pool);
	flow_region_close(&table->region);
	free(table);
}

/* One place under the capacity, or false. */
static bool reserve(struct flow_conn_table *t)
{
	if (__atomic_fetch_add(&t->h->live, 1, __ATOMIC_RELAXED) < t->h->capacity)
		return true;
	__atomic_fetch_sub(&t->h->live, 1, __ATOMIC_RELAXED);
	__atomic_fetch_add(&t->stats.full, 1, __ATOMIC_RELAXED);
	return false;
}

static void fill_direction(struct conn_family *f, uint32_t id, const struct conn_spec *spec,
	unsigned worker, uint16_t gen, uint64_t now_ns)
{
	struct conn_common *c = conn_common_at(f, id);

	conn_pack(&spec->key[id & 1], conn_dir_key(f, id));
	conn_fill_rewrite(f, id, &spec->rewrite[id & 1]);
	c->packets = 0;
	c->bytes = 0;
	c->seen = conn_tick(now_ns);
	c->fast = id & 1 || !spec->timeout_s ? 0 : CONN_TIMEOUT;
	c->home = worker;
	c->gen = gen;
	c->state = 0;
}

static void fill_pair(struct conn_family *f, uint32_t pair, const struct conn_spec *spec,
	unsigned worker, uint64_t now_ns)
{
	uint16_t gen = conn_common_at(f, pair * 2)->gen + 1;

	fill_direction(f, pair * 2, spec, worker, gen, now_ns);
	fill_direction(f, pair * 2 + 1, spec, worker, gen, now_ns);
	f->cold[pair] = (struct conn_cold){.user = spec->user,
		.created_ns = now_ns,
		.owner = spec->owner,
		.timeout_s = spec->timeout_s,
		.in_port = {spec->in_port[0], spec->in_port[1]}};
	__atomic_store_n(&conn_common_at(f, pair * 2)->state,
		CONN_ST_LIVE | conn_first_state(spec->key[0].proto, spec->tcp_flags),
		__ATOMIC_RELEASE);
}

/* Both directions enter under both locks: nobody sees half a connection, and two adders of one key meet. */
static int enter_both(struct conn_family *f, uint32_t id, const uint64_t hash[2], bool one_key)
{
	struct bkt_index *x = &f->index;
	struct bkt *home[2];
	uint32_t level[2];
	int err = 0;

	bkt_lock_two(x, hash, home, level);
	for (unsigned d = 0; d < 2; d++)
		if (bkt_find_locked(x, home[d] ? home[d] : home[0], level[d], hash[d], equal,
			    conn_dir_key(f, id + d)))
			err = -EEXIST;
	if (!err)
		err = bkt_enter(x, home[0], level[0], hash[0], id);
	if (!err && !one_key) {
		err = bkt_enter(x, home[1] ? home[1] : home[0], level[1], hash[1], id + 1);
		if (err)
			bkt_leave(x, home[0], level[0], hash[0], id);
	}
	if (home[1])
		bkt_unlock(home[1]);
	bkt_unlock(home[0]);
	return err;
}

static int add_filled(struct flow_conn_table *t, struct conn_family *f, uint32_t pair,
	const struct conn_spec *spec, conn_ref *ref)
{
	uint32_t id = pair * 2;
	uint64_t hash[2] = {hash_of(f, id), hash_of(f, id + 1)};
	/* A packet to oneself mirrors to its own key: then there is one direction only. */
	bool one_key = equal(f, id, conn_dir_key(f, id + 1));
	unsigned tries = 0;
	int err;

	do
		err = enter_both(f, id, hash, one_key);
	while (unlikely(err == -EAGAIN) && bkt_wait(&f->index, &tries));
	if (err == -EAGAIN)
		err = -ENOSPC;
	if (err) {
		__atomic_store_n(&conn_common_at(f, id)->state, 0, __ATOMIC_RELEASE);
		flow_pool_give_unused(&f->pool, pair);
		__atomic_fetch_sub(&t->h->live, 1, __ATOMIC_RELAXED);
		__atomic_fetch_add(
			err == -EEXIST ? &t->stats.duplicate : &t->stats.full, 1, __ATOMIC_RELAXED);
		return err;
	}
	*ref = conn_ref_make(spec->key[0].ip6, id, conn_common_at(f, id)->gen);
	bkt_grow(&f->index);
	return 0;
}

/* A pair for the connection, its lines on their way. */
static int prepare(struct flow_conn_table *t, const struct conn_spec *spec, uint32_t *pair)
{
	struct conn_family *f = &t->family[!!spec->key[0].ip6];

	if (spec->key[0].ip6 != spec->key[1].ip6)
		return -EINVAL;
	if (!reserve(t))
		return -ENOSPC;
	*pair = flow_pool_take(&f->pool);
	if (!*pair) {
		__atomic_fetch_sub(&t->h->live, 1, __ATOMIC_RELAXED);
		__atomic_fetch_add(&t->stats.full, 1, __ATOMIC_RELAXED);
		return -ENOSPC;
	}
	__builtin_prefetch(conn_common_at(f, *pair * 2), 1);
	__builtin_prefetch(conn_common_at(f, *pair * 2 + 1), 1);
	__builtin_prefetch(&f->cold[*pair], 1);
	return 0;
}

static void prefetch_homes(
	const struct conn_family *f, const struct flow_seed *seed, const struct conn_spec *spec)
{
	uint32_t level = bkt_level(&f->index);
	uint64_t words[5];

	for (unsigned d = 0; d < 2; d++) {
		conn_pack(&spec->key[d], words);
		__builtin_prefetch(
			bkt_home(&f->index, level,
				f->words == 2 ? conn_hash4(seed, words) : conn_hash6(seed, words)),
			1);
	}
}

static void add_batch(struct flow_conn_table *t, unsigned worker, const struct conn_spec *specs,
	uint64_t now_ns, conn_ref *refs, int *results, unsigned n)
{
	uint32_t pair[ADD_BATCH];

	for (unsigned i = 0; i < n; i++) {
		refs[i] = CONN_NONE;
		results[i] = prepare(t, &specs[i], &pair[i]);
		if (!results[i])
			prefetch_homes(&t->family[!!specs[i].key[0].ip6], &t->h->seed, &specs[i]);
	}
	for (unsigned i = 0; i < n; i++)
		if (!results[i])
			fill_pair(&t->family[!!specs[i].key[0].ip6], pair[i], &specs[i], worker,
				now_ns);
	for (unsigned i = 0; i < n; i++)
		if (!results[i])
			results[i] = add_filled(
				t, &t->family[!!specs[i].key[0].ip6], pair[i], &specs[i], &refs[i]);
}

int conn_add(struct flow_conn_table *table, unsigned worker, const struct conn_spec *spec,
	uint64_t now_ns, conn_ref *ref)
{
	int result;

	add_batch(table, worker, spec, now_ns, ref, &result, 1);
	return result;
}

void conn_add_burst(struct flow_conn_table *table, unsigned worker, const struct conn_spec *specs,
	uint64_t now_ns, conn_ref *refs, int *results, unsigned n)
{
	for (unsigned done = 0; done < n; done += ADD_BATCH)
		add_batch(table, worker, specs + done, now_ns, refs + done, results + done,
			MIN_OF(n - done, ADD_BATCH));
}

static void leave(struct conn_family *f, uint32_t id)
{
	uint64_t hash = hash_of(f, id);
	uint32_t level;
	struct bkt *home = bkt_lock(&f->index, hash, &level);

	(void)bkt_leave(&f->index, home, level, hash,
		id); /* the second of a one-key connection is not there */
	bkt_unlock(home);
}

bool conn_take_out(struct flow_conn_table *t, conn_ref ref)
{
	struct conn_family *f = &t->family[conn_ref_ip6(ref)];
	uint32_t pair = conn_ref_pair(ref);
	struct conn_common *c = conn_common_at(f, pair * 2);
	uint16_t word = __atomic_load_n(&c->state, __ATOMIC_ACQUIRE);

	do {
		if (!pair || pair > f->pairs || c->gen != conn_ref_gen(ref) ||
			!(word & CONN_ST_LIVE))
			return false;
	} while (!__atomic_compare_exchange_n(
		&c->state, &word, word & ~CONN_ST_LIVE, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE));
	leave(f, pair * 2);
	leave(f, pair * 2 + 1);
	__atomic_fetch_sub(&t->h->live, 1, __ATOMIC_RELAXED);
	flow_pool_give(&f->pool, pair);
	return true;
}

void conn_remove(struct flow_conn_table *table, conn_ref ref)
{
	if (ref != CONN_NONE && conn_take_out(table, ref))
		__atomic_fetch_add(&table->stats.removed, 1, __ATOMIC_RELAXED);
}
