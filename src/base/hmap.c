/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/hmap.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/clock.h"

static uint64_t seed[2];
static pthread_once_t seed_once = PTHREAD_ONCE_INIT;
static bool seed_fixed;

static struct hmap_node **bucket(const struct hmap *map, uint64_t hash)
{
	struct hmap *m = (struct hmap *)map;

	return m->buckets ? &m->buckets[hash & m->mask] : &m->one;
}

static struct hmap_node *first_from(const struct hmap *map, size_t i)
{
	if (!map->buckets)
		return i == 0 ? map->one : NULL;
	for (; i <= map->mask; i++)
		if (map->buckets[i])
			return map->buckets[i];
	return NULL;
}

static void resize(struct hmap *map, size_t n_buckets)
{
	struct hmap_node **fresh = calloc(n_buckets, sizeof(*fresh));
	struct hmap bigger = {.buckets = fresh, .mask = n_buckets - 1, .count = map->count};
	struct hmap_node *node, *next;

	if (!fresh)
		return;
	for (size_t i = 0; i <= map->mask; i++) {
		for (node = map->buckets ? map->buckets[i] : map->one; node; node = next) {
			struct hmap_node **head = bucket(&bigger, node->hash);

			next = node->next;
			node->next = *head;
			*head = node;
		}
	}
	free(map->buckets);
	*map = bigger;
}

void hmap_init(struct hmap *map)
{
	memset(map, 0, sizeof(*map));
}

void hmap_destroy(struct hmap *map)
{
	if (!map)
		return;
	free(map->buckets);
	hmap_init(map);
}

void hmap_reserve(struct hmap *map, size_t n)
{
	size_t buckets = map->mask + 1;

	while (buckets < n && buckets <= SIZE_MAX / 2 / sizeof(void *))
		buckets *= 2;
	if (buckets > map->mask + 1)
		resize(map, buckets);
}

void hmap_insert(struct hmap *map, struct hmap_node *node, uint64_t hash)
{
	struct hmap_node **head;

	if (map->count > map->mask)
		resize(map, (map->mask + 1) * 2);
	head = bucket(map, hash);
	node->hash = hash;
	node->next = *head;
	*head = node;
	map->count++;
}

void hmap_remove(struct hmap *map, struct hmap_node *node)
{
	struct hmap_node **at = bucket(map, node->hash);

	while (*at && *at != node)
		at = &(*at)->next;
	assert(*at == node);
	*at = node->next;
	node->next = NULL;
	map->count--;
}

struct hmap_node *hmap_first(const struct hmap *map)
{
	return first_from(map, 0);
}

struct hmap_node *hmap_next(const struct hmap *map, const struct hmap_node *node)
{
	return node->next ? node->next : first_from(map, (node->hash & map->mask) + 1);
}

static struct hmap_node *skip_to(struct hmap_node *node, uint64_t hash)
{
	while (node && node->hash != hash)
		node = node->next;
	return node;
}

struct hmap_node *hmap_first_hash(const struct hmap *map, uint64_t hash)
{
	return skip_to(*bucket(map, hash), hash);
}

struct hmap_node *hmap_next_hash(const struct hmap_node *node)
{
	return skip_to(node->next, node->hash);
}

/* --- SipHash-1-3 (Aumasson and Bernstein, "SipHash: a fast short-input PRF", 2012) --- */

static void draw_seed(void)
{
	if (seed_fixed || getrandom(seed, sizeof(seed), GRND_NONBLOCK) == sizeof(seed))
		return;
	/* early boot: guessable, still different per process */
	seed[0] = clock_now_ns();
	seed[1] = (uintptr_t)&seed_once;
}

void hmap_seed(uint64_t seed0, uint64_t seed1)
{
	seed[0] = seed0;
	seed[1] = seed1;
	seed_fixed = true;
}

static uint64_t rotl(uint64_t x, int n)
{
	return x << n | x >> (64 - n);
}

static void sip_round(uint64_t v[4])
{
	v[0] += v[1];
	v[2] += v[3];
	v[1] = rotl(v[1], 13) ^ v[0];
	v[3] = rotl(v[3], 16) ^ v[2];
	v[0] = rotl(v[0], 32);
	v[2] += v[1];
	v[0] += v[3];
	v[1] = rotl(v[1], 17) ^ v[2];
	v[3] = rotl(v[3], 21) ^ v[0];
	v[2] = rotl(v[2], 32);
}

static void sip_word(uint64_t v[4], uint64_t word)
{
	v[3] ^= word;
	sip_round(v);
	v[0] ^= word;
}

uint64_t hmap_hash_bytes(const void *bytes, size_t len)
{
	uint64_t v[4], word = 0;
	const uint8_t *p = bytes;

	pthread_once(&seed_once, draw_seed);
	v[0] = seed[0] ^ 0x736f6d6570736575ull;
	v[1] = seed[1] ^ 0x646f72616e646f6dull;
	v[2] = seed[0] ^ 0x6c7967656e657261ull;
	v[3] = seed[1] ^ 0x7465646279746573ull;
	for (size_t left = len; left >= 8; left -= 8, p += 8) {
		memcpy(&word, p, 8);
		sip_word(v, word);
	}
	word = 0;
	if (len % 8)
		memcpy(&word, p, len % 8);
	sip_word(v, word | (uint64_t)len << 56);
	v[2] ^= 0xff;
	for (int i = 0; i < 3; i++)
		sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

uint64_t hmap_hash_str(const char *text)
{
	return hmap_hash_bytes(text, strlen(text));
}

uint64_t hmap_hash_u64(uint64_t value)
{
	return hmap_hash_bytes(&value, sizeof(value));
}
