/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * service: which backend a new connection gets.
 *
 *   round-robin        the next one; the position is shared by all workers and survives new models
 *   least-connections  the one with the fewest connections now, the first of equals in a rotating
 *                      order; beyond LEAST_EXACT backends the best of LEAST_SAMPLE drawn ones
 *   random             drawn
 *   source-hash        highest random weight of (client address, backend): a client keeps its backend
 *                      when others come and go (Thaler and Ravishankar, 1998)
 *
 * ClientIP affinity remembers who got what until its timeout; the first choice is by source hash, so
 * that two workers that both see a client for the first time agree. A backend whose node is dead is
 * passed over while another lives.
 */
#include <stdlib.h>
#include <string.h>

#include <rte_hash_crc.h>

#include "node/node_int.h"

#define LEAST_EXACT 64
#define LEAST_SAMPLE 16
#define AFFINITY_WAYS 4

/* --- affinity: sets of four entries, the one that expires first is replaced --- */

struct affinity_entry {
	uint8_t client[16];
	uint32_t turn; /* names the front across models */
	uint32_t slot; /* names the backend across models */
	uint64_t expires_ns;
};

struct affinity {
	uint32_t mask;
	struct affinity_entry entries[];
};

struct affinity *affinity_create(uint32_t entries)
{
	struct affinity *a;
	uint32_t n = AFFINITY_WAYS;

	while (n < entries)
		n *= 2;
	a = calloc(1, sizeof(*a) + n * sizeof(a->entries[0]));
	if (!a)
		abort();
	a->mask = n / AFFINITY_WAYS - 1;
	return a;
}

void affinity_destroy(struct affinity *a)
{
	free(a);
}

static uint32_t client_hash(const uint8_t client[16], uint32_t seed)
{
	uint64_t w[2];

	memcpy(w, client, 16);
	return rte_hash_crc_8byte(w[1], rte_hash_crc_8byte(w[0], seed));
}

/* The entry of this client and front, or the one to replace (then its slot is NONE). */
static struct affinity_entry *affinity_find(
	struct affinity *a, const uint8_t client[16], uint32_t turn, uint64_t now_ns)
{
	struct affinity_entry *set =
		&a->entries[(client_hash(client, turn) & a->mask) * AFFINITY_WAYS];
	struct affinity_entry *oldest = set;

	for (unsigned i = 0; i < AFFINITY_WAYS; i++) {
		if (set[i].expires_ns > now_ns && set[i].turn == turn &&
			!memcmp(set[i].client, client, 16))
			return &set[i];
		if (set[i].expires_ns < oldest->expires_ns)
			oldest = &set[i];
	}
	memcpy(oldest->client, client, 16);
	oldest->turn = turn;
	oldest->slot = NONE;
	return oldest;
}

/* --- the four ways --- */

static bool is_alive(const struct selector *s, const struct backend *b)
{
	return !s->alive || s->alive(s->arg, b);
}

/* The first living backend from `start` on; the one at `start` when all are dead. */
static const struct backend *living_from(
	const struct selector *s, const struct model *m, const struct front *f, uint32_t start)
{
	const struct backend *b = &m->backends[f->first];

	for (uint32_t i = 0; i < f->count; i++) {
		uint32_t at = start + i < f->count ? start + i : start + i - f->count;

		if (is_alive(s, &b[at]))
			return &b[at];
	}
	return &b[start];
}

static uint32_t active(const struct selector *s, const struct backend *b)
{
	const struct backend_count *c = balancer_count(s->balancer, b->slot);

	return c ? __atomic_load_n(&c->active, __ATOMIC_RELAXED) : 0;
}

static const struct backend *least_connections(
	struct selector *s, const struct model *m, const struct front *f)
{
	bool all = f->count <= LEAST_EXACT;
	uint32_t n = all ? f->count : LEAST_SAMPLE, best_active = UINT32_MAX;
	uint32_t start = balancer_next_turn(s->balancer, f->turn) % f->count;
	const struct backend *b = &m->backends[f->first], *best = NULL;

	for (uint32_t i = 0; i < n; i++) {
		uint32_t at = all ? (start + i) % f->count : (uint32_t)rng_below(&s->rng, f->count);
		uint32_t have = active(s, &b[at]);

		if (have < best_active && is_alive(s, &b[at])) {
			best = &b[at];
			best_active = have;
		}
	}
	return best ? best : &b[start];
}

static const struct backend *source_hash(const struct selector *s, const struct model *m,
	const struct front *f, const uint8_t src[16])
{
	const struct backend *best = NULL, *any = NULL;
	uint32_t weight, best_weight = 0, any_weight = 0;

	for (uint32_t i = 0; i < f->count; i++) {
		const struct backend *b = &m->backends[f->first + i];

		/* a second round: CRC alone is linear, its order would hardly depend on the client */
		weight = client_hash(src, b->hash) * 0x9e3779b1u;
		weight ^= weight >> 15;
		weight = weight * 0x85ebca6bu + 1;
		if (!any || weight > any_weight) {
			any = b;
			any_weight = weight;
		}
		if (is_alive(s, b) && (!best || weight > best_weight)) {
			best = b;
			best_weight = weight;
		}
	}
	return best ? best : any;
}

static const struct backend *backend_of_slot(
	const struct model *m, const struct front *f, uint32_t slot)
{
	for (uint32_t i = 0; i < f->count; i++)
		if (m->backends[f->first + i].slot == slot)
			return &m->backends[f->first + i];
	return NULL;
}

static const struct backend *by_affinity(struct selector *s, const struct model *m,
	const struct front *f, const uint8_t src[16], uint64_t now_ns)
{
	struct affinity_entry *e = affinity_find(s->affinity, src, f->turn, now_ns);
	const struct backend *b = e->slot != NONE ? backend_of_slot(m, f, e->slot) : NULL;

	if (!b || !is_alive(s, b))
		b = source_hash(s, m, f, src);
	e->slot = b->slot;
	e->expires_ns = now_ns + f->affinity_s * 1000000000ull;
	return b;
}

const struct backend *select_backend(struct selector *s, const struct model *m,
	const struct front *f, const uint8_t src[16], uint64_t now_ns)
{
	if (!f->count)
		return NULL;
	if (f->affinity_s)
		return by_affinity(s, m, f, src, now_ns);
	switch ((enum algorithm)f->algorithm) {
	case ALGO_ROUND_ROBIN:
		return living_from(s, m, f, balancer_next_turn(s->balancer, f->turn) % f->count);
	case ALGO_LEAST_CONNECTIONS:
		return least_connections(s, m, f);
	case ALGO_RANDOM:
		return living_from(s, m, f, (uint32_t)rng_below(&s->rng, f->count));
	case ALGO_SOURCE_HASH:
		return source_hash(s, m, f, src);
	}
	return NULL;
}
