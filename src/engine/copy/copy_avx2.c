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

AVX2 static inline void copy_64(uint8_t *to, const uint8_t *from)
{
	__m256i a = load(from), b = load(from + 32);

	store(to, a);
	store(to + 32, b);
}

/* Four lines a turn: the processor foresees the end of 16 turns (4 KiB), not of 64. The last 64 bytes, whatever their
 * alignment, are those the loops leave and perhaps some they copied. */
AVX2 void copy_avx2(uint8_t *to, const uint8_t *from, size_t len)
{
	const uint8_t *last_from = from + len - 64;
	uint8_t *last_to = to + len - 64;

	for (; last_from - from >= 256; from += 256, to += 256) {
		copy_64(to, from);
		copy_64(to + 64, from + 64);
		copy_64(to + 128, from + 128);
		copy_64(to + 192, from + 192);
	}
	for (; from < last_from; from += 64, to += 64)
		copy_64(to, from);
	copy_64(last_to, last_from);
}

AVX2 void copy_avx2_stream(uint8_t *to, const uint8_t *from, size_t len)
{
	size_t head = -(uintptr_t)to % 64, at;

	/* the first line up to an aligned one, and the end, through the cache */
	copy_64(to, from);
	for (at = head; at + 64 <= len; at += 64) {
		__m256i a = load(from + at), b = load(from + at + 32);

		_mm256_stream_si256((__m256i *)(void *)(to + at), a);
		_mm256_stream_si256((__m256i *)(void *)(to + at + 32), b);
	}
	copy_64(to + len - 64, from + len - 64);
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
