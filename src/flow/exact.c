/* SPDX-License-Identifier: BSD-3-Clause */
/* exact: the table's life and its writers. Lookups are in exact_burst.h, the index in bucket.h. */
#include "flow/exact.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/refuse.h"
#include "base/rng.h"
#include "flow/exact_int.h"

#define CAPACITY_MAX (1u << 28)
#define DATA_MAX 4096u
#define RESERVE_FACTOR 16u
#define RESERVE_LEAST (1u << 16) /* address space only: small tables may grow far */

static uint64_t hash_of(const void *owner, uint32_t id)
{
	const struct flow_exact *t = owner;

	return exact_hash(t, (const uint64_t *)exact_record(t, id), t->nr_words);
}

static const void *record_of(const void *owner, uint32_t id)
{
	return exact_record(owner, id);
}

static bool equal(const void *owner, uint32_t id, const void *words)
{
	const struct flow_exact *t = owner;
	const uint64_t *record = (const uint64_t *)(const void *)exact_record(t, id), *key = words;
	uint64_t differ = 0;

	for (unsigned i = 0; i < t->nr_words; i++)
		differ |= record[i] ^ key[i];
	return !differ;
}

static uint32_t *live_word(const struct flow_exact *t, uint32_t index)
{
	return (uint32_t *)(exact_record(t, index) + t->live_at);
}

static void choose_words(struct flow_exact *t, const struct flow_key *mask)
{
	t->mask = *mask;
	for (unsigned i = 0; i < EXACT_HALVES; i++) {
		uint32_t bits;

		memcpy(&bits, mask->bytes + i * 4, 4);
		if (!bits)
			continue;
		t->half[t->nr_halves] = i;
		t->half_mask[t->nr_halves++] = bits;
		t->lines |= 1u << (i / (FLOW_KEY_LINE / 4));
	}
	t->nr_words = MAX_OF(1u, (t->nr_halves + 1) / 2); /* all keys are equal to an empty mask */
	if (!t->lines || (t->lines & (t->lines - 1)))
		return;
	t->one_line = true;
	t->line_at = (t->half[0] * 4) & ~(FLOW_KEY_LINE - 1);
	t->line_halves = (uint16_t)((1u << t->nr_halves) - 1);
	for (unsigned i = 0; i < t->nr_halves; i++)
		t->squeeze[i] = t->half[i] % (FLOW_KEY_LINE / 4);
}

/* Key, data, live word; the line is filled up before a second one is begun. */
static void lay_out_record(struct flow_exact *t, uint32_t data_len)
{
	t->layout.data_at = t->nr_words * 8;
	t->data_len = data_len;
	t->live_at = t->layout.data_at + ((data_len + 3) & ~3u);
	t->layout.stride = (t->live_at + 4 + 7) & ~7u;
	if (t->layout.stride > 32)
		t->layout.stride = (t->layout.stride + 63) & ~63u;
	else if (t->layout.stride > 16)
		t->layout.stride = 32;
}

static void reach(void *owner, uint32_t index)
{
	struct flow_exact *t = owner;
	uint32_t from, to, high = __atomic_load_n(&t->high, __ATOMIC_RELAXED);

	while (high < index && !__atomic_compare_exchange_n(&t->high, &high, index, true,
				       __ATOMIC_RELAXED, __ATOMIC_RELAXED))
		;
	if (flow_ahead_claim(&t->ahead, index, &from, &to))
		flow_region_populate(&t->region, t->at_records + (uint64_t)from * t->layout.stride,
			t->at_records + (uint64_t)to * t->layout.stride);
}

/* Records beyond the capacity, because removed ones wait for their grace period. */
static uint32_t records_for(uint32_t capacity)
{
	return capacity + capacity / 8 + 1024;
}

static int open_region(struct flow_exact *t, uint32_t reserved)
{
	uint32_t level_max = bkt_level_for(reserved), records = records_for(reserved);
	size_t at_links = bkt_bytes(level_max);

	t->at_records =
		(at_links + (size_t)(records + 1) * sizeof(uint32_t) + 4095) & ~(size_t)4095;
	if (flow_region_open(&t->region, t->at_records + (size_t)(records + 1) * t->layout.stride))
		return -ENOMEM;
	t->reserved = reserved;
	t->layout.records = t->region.base + t->at_records;
	bkt_init(&t->index, (struct bkt *)t->region.base, &t->state, level_max, &t->region);
	t->index.hash_of = hash_of;
	t->index.record_of = record_of;
	t->index.owner = t;
	return 0;
}

int flow_exact_create(
	struct flow_ctx *ctx, const struct flow_exact_cfg *cfg, struct flow_exact **table)
{
	struct flow_exact *t = NULL;
	uint32_t wanted = MIN_OF(MAX_OF((uint64_t)cfg->capacity * RESERVE_FACTOR, RESERVE_LEAST), CAPACITY_MAX);

	*table = NULL;
	if (cfg->capacity < 1 || cfg->capacity > CAPACITY_MAX)
		return refuse(EINVAL, "exact table '%s': capacity %u is not 1..%u", cfg->name,
			cfg->capacity, CAPACITY_MAX);
	if (cfg->data_len > DATA_MAX)
		return refuse(EINVAL, "exact table '%s': data_len %u is over %u", cfg->name,
			cfg->data_len, DATA_MAX);
	if (posix_memalign((void **)&t, 64, sizeof(*t)))
		return refuse(ENOMEM, "exact table '%s': out of memory", cfg->name);
	memset(t, 0, sizeof(*t));
	choose_words(t, cfg->mask);
	lay_out_record(t, cfg->data_len);
	/* Address space for later growth if the system gives it, else what was asked for. */
	if (open_region(t, wanted) && open_region(t, cfg->capacity)) {
		free(t);
		return refuse(ENOMEM, "exact table '%s': cannot reserve memory for %u entries",
			cfg->name, cfg->capacity);
	}
	for (unsigned i = 0; i < t->nr_words; i++)
		t->seed[i] = rng_fresh_seed();
	t->capacity = cfg->capacity;
	t->high = 1;
	t->ahead.step = MAX_OF(1u, (64u << 10) / t->layout.stride);
	flow_pool_init(&t->pool, ctx, (uint32_t *)(t->region.base + bkt_bytes(t->index.level_max)),
		records_for(t->capacity), reach, t);
	exact_choose_steps(t);
	*table = t;
	return 0;
}

void flow_exact_destroy(struct flow_exact *table)
{
	if (!table)
		return;
	flow_pool_fini(&table->pool);
	flow_region_close(&table->region);
	free(table);
}

uint64_t flow_exact_lookup(
	const struct flow_exact *table, const struct flow_key *keys, uint64_t todo, uint32_t *index)
{
	return exact_find(table, keys, todo, index);
}

uint32_t flow_exact_find(const struct flow_exact *table, const struct flow_key *key)
{
	uint64_t words[EXACT_WORDS];

	exact_pack(table, key, words);
	return bkt_find(&table->index, exact_hash(table, words, table->nr_words),
		bkt_match_base, equal, words);
}

static bool reserve(struct flow_exact *t)
{
	uint32_t capacity = __atomic_load_n(&t->capacity, __ATOMIC_RELAXED);

	if (__atomic_fetch_add(&t->count, 1, __ATOMIC_RELAXED) < capacity)
		return true;
	__atomic_fetch_sub(&t->count, 1, __ATOMIC_RELAXED);
	return false;
}

static void fill(struct flow_exact *t, uint32_t index, const uint64_t *words, const void *data)
{
	uint8_t *record = exact_record(t, index);

	memcpy(record, words, t->nr_words * 8);
	if (data)
		memcpy(record + t->layout.data_at, data, t->data_len);
	else
		memset(record + t->layout.data_at, 0, t->data_len);
}

/* Under the lock of the key's home: refuse a duplicate, else make the record and enter it. */
static int insert_locked(struct flow_exact *t, struct bkt *home, uint32_t level, uint64_t hash,
	const uint64_t *words, const void *data, uint32_t *index)
{
	int err;

	*index = bkt_find_locked(&t->index, home, level, hash, equal, words);
	if (*index)
		return -EEXIST;
	if (!reserve(t))
		return -ENOSPC;
	*index = flow_pool_take(&t->pool);
	if (!*index) {
		__atomic_fetch_sub(&t->count, 1, __ATOMIC_RELAXED);
		return -ENOSPC;
	}
	fill(t, *index, words, data);
	__atomic_store_n(live_word(t, *index), 1, __ATOMIC_RELEASE);
	err = bkt_enter(&t->index, home, level, hash, *index);
	if (err) {
		__atomic_store_n(live_word(t, *index), 0, __ATOMIC_RELEASE);
		flow_pool_give_unused(&t->pool, *index);
		__atomic_fetch_sub(&t->count, 1, __ATOMIC_RELAXED);
		*index = 0;
	}
	return err;
}

static int insert_hashed(struct flow_exact *t, uint64_t hash, const uint64_t *words,
	const void *data, uint32_t *index)
{
	unsigned tries = 0;
	uint32_t level;
	int err;

	do {
		struct bkt *home = bkt_lock(&t->index, hash, &level);

		err = insert_locked(t, home, level, hash, words, data, index);
		bkt_unlock(home);
	} while (unlikely(err == -EAGAIN) && bkt_wait(&t->index, &tries));
	bkt_grow(&t->index);
	return err == -EAGAIN ? -ENOSPC : err;
}

void flow_exact_expect(const struct flow_exact *table, const struct flow_key *key)
{
	uint64_t words[EXACT_WORDS];

	exact_pack(table, key, words);
	__builtin_prefetch(bkt_home(&table->index, bkt_level(&table->index), exact_hash(table, words, table->nr_words)), 1);
}

int flow_exact_insert(
	struct flow_exact *table, const struct flow_key *key, const void *data, uint32_t *index)
{
	uint64_t words[EXACT_WORDS];

	exact_pack(table, key, words);
	return insert_hashed(
		table, exact_hash(table, words, table->nr_words), words, data, index);
}

void flow_exact_insert_burst(struct flow_exact *table, const struct flow_key *keys,
	const void *const *data, uint32_t *index, int *results, unsigned n)
{
	enum { AHEAD = 16 };
	uint64_t words[AHEAD][EXACT_WORDS], hash[AHEAD];

	for (unsigned done = 0; done < n; done += AHEAD) {
		unsigned m = MIN_OF(n - done, (unsigned)AHEAD);
		uint32_t level = bkt_level(&table->index);

		for (unsigned i = 0; i < m; i++) {
			exact_pack(table, &keys[done + i], words[i]);
			hash[i] = exact_hash(table, words[i], table->nr_words);
			__builtin_prefetch(bkt_home(&table->index, level, hash[i]), 1);
		}
		for (unsigned i = 0; i < m; i++)
			results[done + i] = insert_hashed(table, hash[i], words[i],
				data ? data[done + i] : NULL, &index[done + i]);
	}
}

int flow_exact_remove(struct flow_exact *table, uint32_t index)
{
	uint64_t hash;
	uint32_t level;
	struct bkt *home;

	assert(index && index < __atomic_load_n(&table->high, __ATOMIC_RELAXED));
	if (!__atomic_exchange_n(live_word(table, index), 0, __ATOMIC_ACQ_REL))
		return -ENOENT;
	hash = hash_of(table, index);
	home = bkt_lock(&table->index, hash, &level);
	if (bkt_leave(&table->index, home, level, hash, index))
		assert(!"a live record is in the index");
	bkt_unlock(home);
	__atomic_fetch_sub(&table->count, 1, __ATOMIC_RELAXED);
	flow_pool_give(&table->pool, index);
	return 0;
}

void flow_exact_key(const struct flow_exact *table, uint32_t index, struct flow_key *key)
{
	const uint8_t *packed = exact_record(table, index);

	memset(key, 0, sizeof(*key));
	for (unsigned i = 0; i < table->nr_halves; i++)
		memcpy(key->bytes + table->half[i] * 4, packed + i * 4, 4);
}

const struct flow_key *flow_exact_mask(const struct flow_exact *table)
{
	return &table->mask;
}

unsigned flow_exact_lines(const struct flow_exact *table)
{
	return table->lines;
}

uint32_t flow_exact_indexes(const struct flow_exact *table)
{
	return records_for(__atomic_load_n(&table->capacity, __ATOMIC_RELAXED)) + 1;
}

uint32_t flow_exact_count(const struct flow_exact *table)
{
	return __atomic_load_n(&table->count, __ATOMIC_RELAXED);
}

uint32_t flow_exact_next(const struct flow_exact *table, uint32_t index)
{
	uint32_t high = __atomic_load_n(&table->high, __ATOMIC_ACQUIRE);

	while (++index < high)
		if (__atomic_load_n(live_word(table, index), __ATOMIC_ACQUIRE))
			return index;
	return 0;
}

int flow_exact_resize(struct flow_exact *table, uint32_t capacity)
{
	if (capacity < 1 || capacity > table->reserved)
		return refuse(EINVAL,
			"exact table: capacity %u is not 1..%u (what was reserved at creation)",
			capacity, table->reserved);
	if (capacity < flow_exact_count(table))
		return refuse(EBUSY, "exact table: capacity %u is below the %u entries it holds",
			capacity, flow_exact_count(table));
	__atomic_store_n(&table->capacity, capacity, __ATOMIC_RELAXED);
	if (records_for(capacity) > table->pool.limit)
		__atomic_store_n(&table->pool.limit, records_for(capacity), __ATOMIC_RELAXED);
	return 0;
}

void flow_exact_settle(struct flow_exact *table)
{
	uint32_t level = bkt_level(&table->index), high = __atomic_load_n(&table->high, __ATOMIC_RELAXED);
	uint64_t buckets = sizeof(struct bkt) << level;

	if (level != table->settled_level)
		flow_region_collapse(&table->region, buckets, 2 * buckets);
	table->settled_level = level;
	flow_region_settle(&table->region, table->at_records, (size_t)high * table->layout.stride, &table->settled);
}

uint64_t flow_exact_memory(const struct flow_exact *table)
{
	return sizeof(*table) + (sizeof(struct bkt) << table->state.level) +
	       (uint64_t)table->high * (table->layout.stride + sizeof(uint32_t));
}
