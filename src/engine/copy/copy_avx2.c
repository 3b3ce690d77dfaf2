/* SPDX-License-Identifier: BSD-3-Clause */
#include "engine/copy/copy_int.h"

#if defined(__x86_64__)
#include <immintrin.h>

#define AVX2 __attribute__((target("avx2")))

AVX2 static inline __m256i load(const uint8_t *p)
{
	return _mm256_loadu_si256((const __m256i_u *)(const void *)p);
}

AVX2 static inline void store(uint8_t *p, __m256i v)
{
	_mm256_storeu_si256((__m256i_u *)(void *)p, v);
}

/* The last 64 bytes are copied once more, or for the first time, whatever their alignment. */
AVX2 void copy_avx2(uint8_t *to, const uint8_t *from, size_t len)
{
	__m256i last0 = load(from + len - 64), last1 = load(from + len - 32);

	for (size_t at = 0; at + 64 <= len; at += 64) {
		__m256i a = load(from + at), b = load(from + at + 32);

		store(to + at, a);
		store(to + at + 32, b);
	}
	store(to + len - 64, last0);
	store(to + len - 32, last1);
}

AVX2 void copy_avx2_stream(uint8_t *to, const uint8_t *from, size_t len)
{
	size_t head = -(uintptr_t)to % 64, at;

	/* the first line up to an aligned one, and the end, through the cache */
	store(to, load(from));
	store(to + 32, load(from + 32));
	for (at = head; at + 64 <= len; at += 64) {
		__m256i a = load(from + at), b = load(from + at + 32);

		_mm256_stream_si256((__m256i *)(void *)(to + at), a);
		_mm256_stream_si256((__m256i *)(void *)(to + at + 32), b);
	}
	store(to + len - 64, load(from + len - 64));
	store(to + len - 32, load(from + len - 32));
	_mm_sfence(); /* who is told of the completion sees the bytes */
}

#else
#include <string.h>

void copy_avx2(uint8_t *to, const uint8_t *from, size_t len)
{
	memcpy(to, from, len);
}

void copy_avx2_stream(uint8_t *to, const uint8_t *from, size_t len)
{
	memcpy(to, from, len);
}
#endif
