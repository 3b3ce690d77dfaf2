/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bucket_simd: bkt_match() of bucket.h with vectors. Included only by files that are compiled for the
 * instruction set in their name. The wide load races with 16-bit stores of writers by design: each tag is
 * seen old or new, and either answer is right for a concurrent reader.
 */
#ifndef FLOW_BUCKET_SIMD_H
#define FLOW_BUCKET_SIMD_H

#include <immintrin.h>

#include "flow/bucket.h"

#define BKT_SLOT_BITS ((1u << BKT_SLOTS) - 1)

#ifdef __AVX512BW__
static inline __attribute__((no_sanitize("thread"))) uint32_t bkt_match_avx512(
	const struct bkt *b, uint16_t tag)
{
	__m256i tags = _mm256_load_si256((const __m256i *)(const void *)b);
	uint32_t m =
		_mm256_mask_cmpeq_epi16_mask(BKT_SLOT_BITS, tags, _mm256_set1_epi16((short)tag));

	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	return m;
}
#endif

#ifdef __AVX2__
static inline __attribute__((no_sanitize("thread"))) uint32_t bkt_match_avx2(
	const struct bkt *b, uint16_t tag)
{
	__m128i want = _mm_set1_epi16((short)tag);
	__m128i lo = _mm_cmpeq_epi16(_mm_load_si128((const __m128i *)b->tag), want);
	__m128i hi = _mm_cmpeq_epi16(_mm_load_si128((const __m128i *)b->tag + 1), want);
	uint32_t m = _mm_movemask_epi8(_mm_packs_epi16(lo, hi)) & BKT_SLOT_BITS;

	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	return m;
}
#endif

#endif
