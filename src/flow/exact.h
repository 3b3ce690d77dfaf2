/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * exact: the exact-match table below EXACT pipes, the levels of the flow cache and the tuples of wild.h.
 *
 * Model. A table has a mask over struct flow_key; two packets are the same to it when their keys are equal
 * under the mask. An entry is a RECORD, named by a 32-bit index that stays the same for the entry's life:
 * the masked key words, packed, and behind them `data_len` bytes that belong to the caller. Up to 64 bytes
 * together they are one cache line, so a hit touches two lines: the bucket (tags and indexes) and the record.
 *
 *	struct flow_exact_cfg cfg = {.name = "dnat", .mask = &mask, .data_len = 8, .capacity = 1 << 20};
 *	flow_exact_create(ctx, &cfg, &table);
 *	flow_exact_insert(table, &key, &data, &index);       // any thread
 *	hits = flow_exact_lookup(table, keys, todo, index);  // readers, online; index[i] valid where hits has bit i
 *	struct mine *m = flow_exact_data(table, index[3]);
 *	flow_exact_remove(table, index);                     // any thread; the index is reused after the grace period
 *
 * Threads. Readers never wait and never write. Writers of keys with different home buckets do not meet; two
 * writers of one bucket meet at its lock bit for some tens of nanoseconds, and there a duplicate is refused. The
 * data is written before the record is published; whoever changes it later does so with atomic stores.
 *
 * Growth. The bucket array doubles while readers and writers go on: each insert moves a few buckets, a moved
 * bucket says so and the reader follows it. Memory comes from one reserved address range, so records never
 * move; pages are populated ahead in small steps, and old bucket arrays are given back in small steps.
 *
 * Limits: 2^28 records, keys of 1 to 48 words (bits under the mask packed by 8-byte words).
 */
#ifndef FLOW_EXACT_H
#define FLOW_EXACT_H

#include "flow/key.h"

struct flow_exact;

/* Where records lie: a table begins with it, for flow_exact_data. */
struct flow_exact_layout {
	uint8_t *records;
	uint32_t stride, data_at;
};

struct flow_exact_cfg {
	const char *name; /* for refusals; borrowed during create only */
	const struct flow_key
		*mask;     /* which bits make the key; all zero is legal: one entry at most */
	uint32_t data_len; /* bytes of the caller in each record, 8-byte aligned, 0..4096 */
	uint32_t capacity; /* most entries, 1..2^28 */
};

/* 0, -EINVAL, -ENOMEM with a refusal. Control thread. */
int flow_exact_create(
	struct flow_ctx *ctx, const struct flow_exact_cfg *cfg, struct flow_exact **table);
/* No reader or writer may be inside; retire the table through flow_retire when readers may be. */
void flow_exact_destroy(struct flow_exact *table);

/* Look up keys[i] for each bit i of `todo`. Returns the hits; index[i] is written for these only. Needs
 * only the key lines the mask touches. Online readers; other threads may call it when nobody removes. */
uint64_t flow_exact_lookup(const struct flow_exact *table, const struct flow_key *keys,
	uint64_t todo, uint32_t *index);
/* One key; 0 = none. */
uint32_t flow_exact_find(const struct flow_exact *table, const struct flow_key *key);

/* The key is about to be inserted: its bucket comes near meanwhile. */
void flow_exact_expect(const struct flow_exact *table, const struct flow_key *key);
/* Insert under key & mask with data_len bytes of `data` (NULL = zeros). 0 and *index (> 0); -EEXIST and
 * *index of the present entry; -ENOSPC at capacity; -ENOMEM. Any thread. No refusal text: callers on the
 * burst path use it too. */
int flow_exact_insert(
	struct flow_exact *table, const struct flow_key *key, const void *data, uint32_t *index);
/* The same for n keys, prefetching; results[i] as above, data[i] may be NULL as a whole. */
void flow_exact_insert_burst(struct flow_exact *table, const struct flow_key *keys,
	const void *const *data, uint32_t *index, int *results, unsigned n);
/* Remove by index. The record and its data stay readable until the grace period has passed. -ENOENT if it
 * was removed already (two removers: one wins). Any thread. */
int flow_exact_remove(struct flow_exact *table, uint32_t index);

/* The caller's bytes of a record; valid for readers online at lookup, and for owners of the entry. */
static inline void *flow_exact_data(const struct flow_exact *table, uint32_t index)
{
	const struct flow_exact_layout *l = (const struct flow_exact_layout *)(const void *)table;

	return l->records + (uint64_t)index * l->stride + l->data_at;
}
/* Rebuild the (masked) key of a record: for dumps. */
void flow_exact_key(const struct flow_exact *table, uint32_t index, struct flow_key *key);
const struct flow_key *flow_exact_mask(const struct flow_exact *table);
/* Lines of the key the mask touches: bit i = line i. */
unsigned flow_exact_lines(const struct flow_exact *table);

/* All indexes are below this, as long as it is not resized: for arrays beside the table. */
uint32_t flow_exact_indexes(const struct flow_exact *table);
uint32_t flow_exact_count(const struct flow_exact *table);
/* The next live record after `index` (0 = from the start), 0 at the end: for dumps and aging. */
uint32_t flow_exact_next(const struct flow_exact *table, uint32_t index);
/* Raise or lower the limit; -EBUSY when more entries live, -EINVAL beyond what was reserved (16 times the first, at least 65536). */
int flow_exact_resize(struct flow_exact *table, uint32_t capacity);
/* The table has reached its size for now: put what it uses on huge pages. Control thread; may take
 * milliseconds per ten megabytes, in which readers may meet short page faults. */
void flow_exact_settle(struct flow_exact *table);
uint64_t flow_exact_memory(const struct flow_exact *table);

#endif
