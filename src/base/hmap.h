/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * hmap: intrusive chained hash map for control paths (the burst path has its own tables, room flow).
 *
 *     struct service { struct hmap_node node; char name[64]; ... };
 *     struct hmap services = HMAP_INIT;
 *
 *     hmap_insert(&services, &s->node, hmap_hash_str(s->name));
 *     hmap_for_each_hash (s, &services, hmap_hash_str(name), node)
 *             if (!strcmp(s->name, name))
 *                     return s;
 *
 * The map knows hashes, never keys: the caller compares. Equal keys are not refused; look before you
 * insert. It doubles when it holds more elements than buckets; when memory is short it stays small and
 * gets slower, so insertion cannot fail. Hashes are SipHash-1-3 with a seed drawn once per process, so
 * names and addresses sent by strangers cannot be chosen to collide; do not store or send a hash.
 * No locks: one owner thread at a time.
 */
#ifndef BASE_HMAP_H
#define BASE_HMAP_H

#include "base/base.h"

struct hmap_node {
	struct hmap_node *next;
	uint64_t hash;
};

struct hmap {
	struct hmap_node **buckets; /* NULL = the one inside */
	struct hmap_node *one;
	size_t mask;
	size_t count;
};

#define HMAP_INIT               \
	{                       \
		.buckets = NULL \
	}

void hmap_init(struct hmap *map);

/* Frees the buckets, not the elements: free those first (hmap_for_each_safe). Reusable afterwards. */
void hmap_destroy(struct hmap *map);

static inline size_t hmap_count(const struct hmap *map)
{
	return map->count;
}

static inline bool hmap_is_empty(const struct hmap *map)
{
	return !map->count;
}

void hmap_insert(struct hmap *map, struct hmap_node *node, uint64_t hash);

/* `node` must be in the map. */
void hmap_remove(struct hmap *map, struct hmap_node *node);

/* Make room for n elements at once (before a bulk load). */
void hmap_reserve(struct hmap *map, size_t n);

/* Walking: all elements in no particular order, or those of one hash. NULL at the end. */
struct hmap_node *hmap_first(const struct hmap *map);
struct hmap_node *hmap_next(const struct hmap *map, const struct hmap_node *node);
struct hmap_node *hmap_first_hash(const struct hmap *map, uint64_t hash);
struct hmap_node *hmap_next_hash(const struct hmap_node *node);

uint64_t hmap_hash_bytes(const void *bytes, size_t len);
uint64_t hmap_hash_str(const char *text);
uint64_t hmap_hash_u64(uint64_t value);

/* For tests that must be repeatable: fix the seed before the first hash is taken. */
void hmap_seed(uint64_t seed0, uint64_t seed1);

/* The element around a node, NULL for NULL. */
#define hmap_entry(ptr, type, member)                                         \
	({                                                                    \
		struct hmap_node *hmap_n_ = (ptr);                            \
		hmap_n_ ? container_of(hmap_n_, type, member) : (type *)NULL; \
	})

/* The body must not insert; hmap_for_each_safe allows removing `pos`. */
#define hmap_for_each(pos, map, member)                                              \
	for ((pos) = hmap_entry(hmap_first(map), __typeof__(*(pos)), member); (pos); \
		(pos) = hmap_entry(hmap_next(map, &(pos)->member), __typeof__(*(pos)), member))

#define hmap_for_each_safe(pos, tmp, map, member)                                                \
	for ((pos) = hmap_entry(hmap_first(map), __typeof__(*(pos)), member);                    \
		(pos) &&                                                                         \
		((tmp) = hmap_entry(hmap_next(map, &(pos)->member), __typeof__(*(pos)), member), \
		true);                                                                           \
		(pos) = (tmp))

#define hmap_for_each_hash(pos, map, hash, member)                                              \
	for ((pos) = hmap_entry(hmap_first_hash(map, hash), __typeof__(*(pos)), member); (pos); \
		(pos) = hmap_entry(hmap_next_hash(&(pos)->member), __typeof__(*(pos)), member))

#endif
