/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * exact_find: the batched search. A key goes through three steps:
 *
 *   stage   pack, hash, ask for the bucket
 *   match   tags; a key without a match whose bucket says that nothing of it lies elsewhere is not in the table. The
 *           others are CANDIDATES: ask for the record
 *   judge   compare; what does not end well here goes through bkt_find
 *
 * EXACT_GROUP keys take a step together, and between two steps of a group lie EXACT_LAG steps of others: what was asked
 * for arrives under them, and never much more is asked for at once than the first cache can wait for.
 */
#include "flow/exact.h"

#include "base/cpu.h"
#include "flow/exact_int.h"

#define EXACT_GROUP 16u
#define EXACT_LAG 2u
#define EXACT_GROUPS (EXACT_CHUNK / EXACT_GROUP)

void exact_choose_steps(struct flow_exact *t)
{
	const struct exact_steps *steps = exact_steps_generic;

#ifdef __x86_64__
	if (cpu_has(CPU_AVX512 | CPU_BMI2))
		steps = exact_steps_avx512;
	else if (cpu_has(CPU_AVX2 | CPU_BMI2))
		steps = exact_steps_avx2;
#endif
	t->steps = t->nr_words < EXACT_STEPS_NR && steps[t->nr_words].stage ? &steps[t->nr_words] : &steps[0];
}

/* Packets of a flow come in trains: are all of todo one key? */
static bool is_train(const struct flow_exact *t, const struct flow_key *keys, uint64_t todo)
{
	const struct flow_key *first = &keys[__builtin_ctzll(todo)];

	if (!t->steps->repeat(t, first, &keys[63 - __builtin_clzll(todo)]))
		return false;
	for (todo &= todo - 1; todo; todo &= todo - 1)
		if (!t->steps->repeat(t, first, &keys[__builtin_ctzll(todo)]))
			return false;
	return true;
}

/* What is found for the first key holds for all of todo. */
static uint64_t find_train(const struct flow_exact *t, const struct flow_key *keys, uint64_t todo, uint32_t *index)
{
	uint32_t id = flow_exact_find(t, &keys[__builtin_ctzll(todo)]);

	if (!id)
		return 0;
	for (uint64_t left = todo; left; left &= left - 1)
		index[__builtin_ctzll(left)] = id;
	return todo;
}

/* The table has gone to its next level meanwhile: what was not found may be there. */
static uint64_t find_again(const struct flow_exact *t, const struct flow_key *keys, uint64_t todo, uint32_t *index)
{
	uint64_t hits = 0;

	for (; todo; todo &= todo - 1) {
		unsigned place = __builtin_ctzll(todo);
		uint32_t id = flow_exact_find(t, &keys[place]);

		if (!id)
			continue;
		index[place] = id;
		hits |= (uint64_t)1 << place;
	}
	return hits;
}

/* Where the keys lie; how many. */
static unsigned list_places(struct exact_search *s, uint64_t todo)
{
	static const uint8_t in_a_row[EXACT_CHUNK] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20,
		21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47, 48,
		49, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 62, 63};
	unsigned n = 0;

	if (!(todo & (todo + 1))) {
		n = __builtin_popcountll(todo);
		memcpy(s->place, in_a_row, EXACT_CHUNK);
	} else {
		for (; todo; todo &= todo - 1)
			s->place[n++] = (uint8_t)__builtin_ctzll(todo);
	}
	memset(&s->place[n], s->place[n - 1], EXACT_ABREAST);
	return n;
}

/* All steps of n keys: returns the hits. */
static uint64_t take_steps(struct exact_search *s, const struct flow_key *keys, unsigned n, uint32_t *index)
{
	const struct exact_steps *steps = s->t->steps;
	unsigned groups = (n + EXACT_GROUP - 1) / EXACT_GROUP, upto[EXACT_GROUPS], judged = 0; /* candidates */
	uint64_t hits = 0;

	for (unsigned g = 0; g < groups + 2 * EXACT_LAG; g++) {
		unsigned matching = g - EXACT_LAG, judging = g - 2 * EXACT_LAG;

		if (g < groups)
			steps->stage(s, keys, g * EXACT_GROUP, MIN_OF((g + 1) * EXACT_GROUP, n));
		if (matching < groups) {
			steps->match(s, matching * EXACT_GROUP, MIN_OF((matching + 1) * EXACT_GROUP, n));
			upto[matching] = s->nr_candidates;
		}
		if (judging < groups) {
			hits |= steps->judge(s, judged, upto[judging], index);
			judged = upto[judging];
		}
	}
	return hits;
}

uint64_t exact_find(const struct flow_exact *t, const struct flow_key *keys, uint64_t todo, uint32_t *index)
{
	uint32_t level = bkt_level(&t->index);
	struct exact_search s;
	uint64_t hits;

	if (!todo)
		return 0;
	if (is_train(t, keys, todo))
		return find_train(t, keys, todo, index);
	s.t = t;
	s.homes = bkt_at(&t->index, level, 0);
	s.home_mask = ((uint64_t)1 << level) - 1;
	s.nr_candidates = 0;
	hits = take_steps(&s, keys, list_places(&s, todo), index);
	if (unlikely(bkt_level(&t->index) != level))
		hits |= find_again(t, keys, todo & ~hits, index);
	return hits;
}
