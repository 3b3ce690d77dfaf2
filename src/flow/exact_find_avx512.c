/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Masks of one key line (all five-tuples are): the line is masked and its words squeezed together in a register, and
 * eight keys are hashed abreast.
 */
#include "flow/bucket_simd.h"
#include "flow/exact_burst.h"

/* What packing and hashing a line need of the table. */
struct line {
	__m512i mask, squeeze, seed;
	__mmask16 halves;
	unsigned at;
};

static INLINE struct line line_of(const struct flow_exact *t)
{
	return (struct line){.mask = _mm512_loadu_si512(t->mask.bytes + t->line_at), .squeeze = _mm512_load_si512(t->squeeze),
		.seed = _mm512_load_si512(t->seed), .halves = t->line_halves, .at = t->line_at};
}

/* Words behind the key's are zero. The store writes half a line or a whole one. */
static INLINE __m512i pack_line(const struct line *l, const struct flow_key *key, uint64_t *words, unsigned nr)
{
	__m512i kept = _mm512_and_si512(_mm512_loadu_si512(key->bytes + l->at), l->mask);
	__m512i packed = _mm512_maskz_permutexvar_epi32(l->halves, l->squeeze, kept);

	if (nr <= 4)
		_mm256_store_si256((__m256i *)(void *)words, _mm512_castsi512_si256(packed));
	else
		_mm512_store_si512(words, packed);
	return packed;
}

/* The products of exact_hash; four sums of them when there are more words. */
static INLINE __m256i products(const struct line *l, __m512i packed, unsigned nr)
{
	__m512i seeded = _mm512_add_epi32(packed, l->seed), all;
	__m256i low = _mm512_castsi512_si256(seeded);

	if (nr <= 4)
		return _mm256_mul_epu32(low, _mm256_srli_epi64(low, 32));
	all = _mm512_mul_epu32(seeded, _mm512_srli_epi64(seeded, 32));
	return _mm256_add_epi64(_mm512_castsi512_si256(all), _mm512_extracti64x4_epi64(all, 1));
}

/* Two keys in a register: [a, b]. */
static INLINE __m512i beside(__m256i a, __m256i b)
{
	return _mm512_inserti64x4(_mm512_castsi256_si512(a), b, 1);
}

/* 128-bit lanes: half the sums of the four keys, the other half, of the keys in this order: a0 b0, a0 b0, a1 b1, a1 b1. */
static INLINE __m512i add_pairs(__m512i a, __m512i b)
{
	return _mm512_add_epi64(_mm512_unpacklo_epi64(a, b), _mm512_unpackhi_epi64(a, b));
}

/* exact_hash's sums of eight keys. */
static INLINE __m512i sum_products(const __m256i p[EXACT_ABREAST])
{
	__m512i low = add_pairs(beside(p[0], p[2]), beside(p[1], p[3]));
	__m512i high = add_pairs(beside(p[4], p[6]), beside(p[5], p[7]));

	return _mm512_add_epi64(_mm512_shuffle_i64x2(low, high, 0x88), _mm512_shuffle_i64x2(low, high, 0xdd));
}

static INLINE __m512i mix(__m512i sum)
{
	__m512i x = _mm512_xor_si512(sum, _mm512_srli_epi64(sum, 32));

	x = _mm512_mullo_epi64(x, _mm512_set1_epi64((long long)EXACT_MIX));
	return _mm512_xor_si512(x, _mm512_srli_epi64(x, 32));
}

/* What bucket.h makes of a hash, of eight. */
static INLINE void store_hashes(struct exact_search *s, unsigned i, __m512i hash)
{
	__m512i home = _mm512_slli_epi64(_mm512_and_si512(hash, _mm512_set1_epi64((long long)s->home_mask)), 6);
	__m512i tag = _mm512_max_epu64(_mm512_srli_epi64(hash, 48), _mm512_set1_epi64(1));
	__m512i bit = _mm512_and_si512(_mm512_srli_epi64(hash, BKT_FILTER_FROM), _mm512_set1_epi64(15));
	__m512i filter = _mm512_sllv_epi64(_mm512_set1_epi64(1 << BKT_FILTER_SHIFT), bit);

	_mm512_store_si512(&s->hash[i], hash);
	_mm512_store_si512(&s->home[i], _mm512_add_epi64(home, _mm512_set1_epi64((long long)(uintptr_t)s->homes)));
	_mm_store_si128((__m128i *)(void *)&s->tag[i], _mm512_cvtepi64_epi16(tag));
	_mm256_store_si256((__m256i *)(void *)&s->elsewhere[i],
		_mm512_cvtepi64_epi32(_mm512_or_si512(filter, _mm512_set1_epi64(BKT_MOVED))));
}

/* Homes are asked for at the end: a word of a line that was just stored as a whole has to wait for the store. */
static INLINE void stage_line(
	struct exact_search *s, const struct flow_key *keys, unsigned from, unsigned to, unsigned nr)
{
	struct line l;

	if (unlikely(!s->t->one_line)) {
		exact_stage_words(s, keys, from, to, nr);
		return;
	}
	l = line_of(s->t);
	for (unsigned i = from; i < to; i += EXACT_ABREAST) {
		__m256i p[EXACT_ABREAST];

#pragma GCC unroll 8
		for (unsigned k = 0; k < EXACT_ABREAST; k++)
			p[k] = products(&l, pack_line(&l, &keys[s->place[i + k]], &s->words[(i + k) * 8], nr), nr);
		store_hashes(s, i, mix(sum_products(p)));
	}
	for (unsigned i = from; i < to; i++)
		rte_prefetch0(s->home[i]);
}

/* The record may be shorter than a line: what is beyond the key is not loaded. */
static INLINE __attribute__((no_sanitize("thread"))) bool same_line(
	const uint8_t *record, const uint64_t *words, unsigned nr)
{
	__mmask8 key = (__mmask8)((1u << nr) - 1);

	if (nr <= 4)
		return !_mm256_mask_cmpneq_epi64_mask(key, _mm256_maskz_loadu_epi64(key, record),
			_mm256_load_si256((const __m256i *)(const void *)words));
	return !_mm512_mask_cmpneq_epi64_mask(key, _mm512_maskz_loadu_epi64(key, record), _mm512_load_si512(words));
}

static INLINE bool differ_in_line(const struct flow_exact *t, const struct flow_key *a, const struct flow_key *b, unsigned at)
{
	__m512i differ = _mm512_xor_si512(_mm512_loadu_si512(a->bytes + at), _mm512_loadu_si512(b->bytes + at));

	return _mm512_test_epi64_mask(differ, _mm512_loadu_si512(t->mask.bytes + at));
}

static INLINE bool repeat_line(const struct flow_exact *t, const struct flow_key *a, const struct flow_key *b)
{
	bool differ = false;

	if (likely(t->one_line))
		return !differ_in_line(t, a, b, t->line_at);
	for (unsigned lines = t->lines; lines; lines &= lines - 1)
		differ |= differ_in_line(t, a, b, __builtin_ctz(lines) * FLOW_KEY_LINE);
	return !differ;
}

EXACT_VARIANT(avx512, bkt_match_avx512, stage_line, same_line, repeat_line)
