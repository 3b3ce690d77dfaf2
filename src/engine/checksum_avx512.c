/* SPDX-License-Identifier: BSD-3-Clause */
/* checksum, AVX-512: as AVX2 with twice the width; the tail is a masked load. */
#include "engine/checksum.h"
#include "engine/engine_int.h"

#if defined(__x86_64__)
#include <immintrin.h>

#define AVX512 __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,bmi2")))

AVX512 static inline __m512i add_words(__m512i acc, __m512i v)
{
	const __m512i low = _mm512_set1_epi64(0xffffffff);

	return _mm512_add_epi64(
		acc, _mm512_add_epi64(_mm512_and_si512(v, low), _mm512_srli_epi64(v, 32)));
}

AVX512 uint32_t checksum_bytes_avx512(const void *bytes, size_t len, uint32_t sum)
{
	const uint8_t *p = bytes;
	__m512i a = _mm512_setzero_si512(), b = a;
	uint64_t s;

	for (; len >= 128; len -= 128, p += 128) {
		a = add_words(a, _mm512_loadu_si512(p));
		b = add_words(b, _mm512_loadu_si512(p + 64));
	}
	if (len >= 64) {
		a = add_words(a, _mm512_loadu_si512(p));
		p += 64;
		len -= 64;
	}
	/* Bytes outside the mask are not touched, not even for a fault. */
	b = add_words(b, _mm512_maskz_loadu_epi8(_bzhi_u64(~0ull, (unsigned)len), p));
	s = (uint64_t)_mm512_reduce_add_epi64(_mm512_add_epi64(a, b));
	return checksum_add(sum, checksum_from64(s));
}
#endif
