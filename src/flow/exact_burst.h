/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * exact_burst: the steps of the batched search (exact_find.c), one body for all variants. The number of words is a
 * constant in the common cases, so packing, hashing and comparing unroll. A step is a function of its own: each has
 * the registers to itself.
 */
#ifndef FLOW_EXACT_BURST_H
#define FLOW_EXACT_BURST_H

#include <rte_prefetch.h>

#include "flow/exact_int.h"

#define INLINE inline __attribute__((always_inline))

/* Packed keys stand a line apart when they fit one: a vector variant stores and loads them whole. */
static INLINE unsigned exact_slot(unsigned nr)
{
	return nr <= 8 ? 8 : nr;
}

static INLINE bool exact_same(const uint8_t *record, const uint64_t *words, unsigned nr)
{
	const uint64_t *k = (const uint64_t *)(const void *)record;
	uint64_t diff = 0;

#pragma GCC unroll 8
	for (unsigned i = 0; i < nr; i++)
		diff |= k[i] ^ words[i];
	return diff == 0;
}

static bool exact_equal(const void *owner, uint32_t id, const void *key)
{
	const struct flow_exact *t = owner;

	return exact_same(exact_record(t, id), key, t->nr_words);
}

typedef bool (*exact_comparer)(const uint8_t *record, const uint64_t *words, unsigned nr);

static INLINE void exact_stage_words(
	struct exact_search *s, const struct flow_key *keys, unsigned from, unsigned to, unsigned nr)
{
	for (unsigned i = from; i < to; i++) {
		uint64_t *words = &s->words[i * exact_slot(nr)], hash;

		exact_pack(s->t, &keys[s->place[i]], words);
		hash = exact_hash(s->t, words, nr);
		s->hash[i] = hash;
		s->tag[i] = bkt_tag(hash);
		s->elsewhere[i] = bkt_elsewhere(hash);
		s->home[i] = &s->homes[hash & s->home_mask];
		rte_prefetch0(s->home[i]);
	}
}

static INLINE bool exact_repeat_words(const struct flow_exact *t, const struct flow_key *a, const struct flow_key *b)
{
	uint32_t differ = 0;

	for (unsigned i = 0; i < t->nr_halves; i++) {
		uint32_t x, y;

		memcpy(&x, a->bytes + t->half[i] * 4, 4);
		memcpy(&y, b->bytes + t->half[i] * 4, 4);
		differ |= (x ^ y) & t->half_mask[i];
	}
	return !differ;
}

static INLINE void exact_match(struct exact_search *s, unsigned from, unsigned to, bkt_matcher match)
{
	const uint8_t *records = s->t->layout.records;
	uint64_t stride = s->t->layout.stride;
	unsigned first = s->nr_candidates, n = first;

	for (unsigned i = from; i < to; i++) {
		uint32_t slots = match(s->home[i], s->tag[i]);

		s->candidate[n] = (uint8_t)i;
		s->slots[n] = (uint16_t)slots;
		n += (slots | (bkt_head(s->home[i]) & s->elsewhere[i])) != 0;
	}
	for (unsigned k = first; k < n; k++) {
		uint32_t id = s->slots[k] ? bkt_id(s->home[s->candidate[k]], __builtin_ctz(s->slots[k])) : 0;
		const uint8_t *record = records + id * stride;

		s->id[k] = id;
		rte_prefetch0(record);
		if (stride > 64)
			rte_prefetch0(record + 64);
	}
	s->nr_candidates = n;
}

static INLINE uint64_t exact_judge(struct exact_search *s, unsigned from, unsigned to, uint32_t *index, unsigned nr,
	bkt_matcher match, exact_comparer same)
{
	const uint8_t *records = s->t->layout.records;
	uint64_t stride = s->t->layout.stride, hits = 0;

	for (unsigned k = from; k < to; k++) {
		unsigned i = s->candidate[k];
		const uint64_t *words = &s->words[i * exact_slot(nr)];
		uint32_t id = s->id[k];

		if (unlikely(!id || !same(records + id * stride, words, nr)))
			id = bkt_find(&s->t->index, s->hash[i], match, exact_equal, words);
		if (unlikely(!id))
			continue;
		index[s->place[i]] = id;
		hits |= (uint64_t)1 << s->place[i];
	}
	return hits;
}

#define EXACT_STEPS_OF(isa, nr_name, nr, matcher, stager, same)                                                  \
	static void stage_##isa##_##nr_name(                                                                     \
		struct exact_search *s, const struct flow_key *keys, unsigned from, unsigned to)                 \
	{                                                                                                        \
		stager(s, keys, from, to, nr);                                                                   \
	}                                                                                                        \
	static uint64_t judge_##isa##_##nr_name(                                                                 \
		struct exact_search *s, unsigned from, unsigned to, uint32_t *index)                             \
	{                                                                                                        \
		return exact_judge(s, from, to, index, nr, matcher, same);                                       \
	}

#define EXACT_STEPS(isa, nr_name) \
	{stage_##isa##_##nr_name, match_##isa, judge_##isa##_##nr_name, repeat_##isa}

/* matcher, stager and same are of the instruction set; a key of more than eight words goes word by word. */
#define EXACT_VARIANT(isa, matcher, stager, same, repeat)                                                        \
	static void match_##isa(struct exact_search *s, unsigned from, unsigned to)                              \
	{                                                                                                        \
		exact_match(s, from, to, matcher);                                                               \
	}                                                                                                        \
	static bool repeat_##isa(const struct flow_exact *t, const struct flow_key *a, const struct flow_key *b) \
	{                                                                                                        \
		return repeat(t, a, b);                                                                          \
	}                                                                                                        \
	EXACT_STEPS_OF(isa, any, s->t->nr_words, matcher, exact_stage_words, exact_same)                         \
	EXACT_STEPS_OF(isa, 3, 3, matcher, stager, same)                                                         \
	EXACT_STEPS_OF(isa, 4, 4, matcher, stager, same)                                                         \
	EXACT_STEPS_OF(isa, 5, 5, matcher, stager, same)                                                         \
	EXACT_STEPS_OF(isa, 6, 6, matcher, stager, same)                                                         \
	EXACT_STEPS_OF(isa, 8, 8, matcher, stager, same)                                                         \
	const struct exact_steps exact_steps_##isa[EXACT_STEPS_NR] = {EXACT_STEPS(isa, any),                     \
		[3] = EXACT_STEPS(isa, 3), [4] = EXACT_STEPS(isa, 4), [5] = EXACT_STEPS(isa, 5),                 \
		[6] = EXACT_STEPS(isa, 6), [8] = EXACT_STEPS(isa, 8)};

#endif
