/* SPDX-License-Identifier: BSD-3-Clause */
#include "flow/bucket_simd.h"
#include "flow/exact_burst.h"

/* Masks of one key line (all five-tuples are): mask the line and squeeze its words together in a register. The
 * store writes a whole line; what is beyond the key is overwritten by the next key or never read. */
static INLINE void pack_line(
	const struct flow_exact *t, const struct flow_key *key, uint64_t *words, unsigned nr)
{
	if (likely(t->one_line)) {
		__m512i line = _mm512_loadu_si512(key->bytes + t->line_at);
		__m512i kept =
			_mm512_and_si512(line, _mm512_loadu_si512(t->mask.bytes + t->line_at));

		_mm512_store_si512(words, _mm512_maskz_compress_epi32(t->line_halves, kept));
		return;
	}
	exact_pack_words(t, key, words, nr);
}

static INLINE uint64_t hash_line(const struct flow_exact *t, const uint64_t *words, unsigned nr)
{
	uint64_t seeded[8] __attribute__((aligned(64)));

	_mm512_store_si512(seeded, _mm512_xor_si512(_mm512_load_si512(words), _mm512_load_si512(t->seed)));
	return exact_hash_seeded(t, seeded, nr);
}

/* Up to eight words at once. The record may be shorter than a line: what is beyond the key is not loaded. */
static INLINE __attribute__((no_sanitize("thread"))) bool same_line(
	const uint8_t *record, const uint64_t *words, unsigned nr)
{
	__mmask8 key = (__mmask8)((1u << nr) - 1);
	__m512i k = _mm512_maskz_loadu_epi64(key, record);

	return !_mm512_mask_cmpneq_epi64_mask(key, k, _mm512_load_si512(words));
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

EXACT_FIND_VARIANT(avx512, bkt_match_avx512, pack_line, hash_line, same_line, repeat_line)
