/* SPDX-License-Identifier: BSD-3-Clause */
/* checksum, AVX2: 32-bit words summed in 64-bit lanes, four vectors in flight. */
#include "engine/checksum.h"
#include "engine/engine_int.h"

#if defined(__x86_64__)
#include <immintrin.h>

#define AVX2 __attribute__((target("avx2")))

AVX2 static inline __m256i add_words(__m256i acc, __m256i v)
{
	const __m256i low = _mm256_set1_epi64x(0xffffffff);

	return _mm256_add_epi64(
		acc, _mm256_add_epi64(_mm256_and_si256(v, low), _mm256_srli_epi64(v, 32)));
}

AVX2 static inline __m256i load(const uint8_t *p)
{
	return _mm256_loadu_si256((const __m256i *)(const void *)p);
}

AVX2 static inline uint64_t across(__m256i v)
{
	__m128i x = _mm_add_epi64(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));

	return (uint64_t)_mm_extract_epi64(x, 0) + (uint64_t)_mm_extract_epi64(x, 1);
}

AVX2 uint32_t checksum_bytes_avx2(const void *bytes, size_t len, uint32_t sum)
{
	const uint8_t *p = bytes;
	__m256i a = _mm256_setzero_si256(), b = a, c = a, d = a;

	for (; len >= 128; len -= 128, p += 128) {
		a = add_words(a, load(p));
		b = add_words(b, load(p + 32));
		c = add_words(c, load(p + 64));
		d = add_words(d, load(p + 96));
	}
	for (; len >= 32; len -= 32, p += 32)
		a = add_words(a, load(p));
	a = _mm256_add_epi64(_mm256_add_epi64(a, b), _mm256_add_epi64(c, d));
	return checksum_bytes_generic(p, len, checksum_add(sum, checksum_from64(across(a))));
}
#endif
