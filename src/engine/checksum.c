/* SPDX-License-Identifier: BSD-3-Clause */
/* checksum: the generic variant is the definition; the choice among variants is made here. */
#include "engine/checksum.h"
#include "engine/engine_int.h"

#include "base/cpu.h"

/* Up to 7 bytes, zero padded: the pad does not change the sum. */
static uint64_t tail(const uint8_t *p, size_t len)
{
	uint64_t v = 0;

	memcpy(&v, p, len);
	return v;
}

uint32_t checksum_bytes_generic(const void *bytes, size_t len, uint32_t sum)
{
	const uint8_t *p = bytes;
	uint64_t s = sum, v;

	/* 32-bit words into 64 bits: no carry is lost below 16 GiB. */
	for (; len >= 8; len -= 8, p += 8) {
		memcpy(&v, p, 8);
		s += (v & 0xffffffff) + (v >> 32);
	}
	v = tail(p, len);
	s += (v & 0xffffffff) + (v >> 32);
	return checksum_from64(s);
}

checksum_fn checksum_variant(enum checksum_variant v)
{
	switch (v) {
	case CHECKSUM_GENERIC:
		return checksum_bytes_generic;
#if defined(__x86_64__)
	case CHECKSUM_AVX2:
		return cpu_has(CPU_AVX2) ? checksum_bytes_avx2 : NULL;
	case CHECKSUM_AVX512:
		return cpu_has(CPU_AVX512) ? checksum_bytes_avx512 : NULL;
#endif
	default:
		return NULL;
	}
}

static uint32_t choose(const void *bytes, size_t len, uint32_t sum);

/* Written once by whoever comes first; every writer writes the same value. */
static checksum_fn best = choose;

static uint32_t choose(const void *bytes, size_t len, uint32_t sum)
{
	checksum_fn fn = NULL;

	for (int v = CHECKSUM_VARIANTS - 1; !fn; v--)
		fn = checksum_variant((enum checksum_variant)v);
	__atomic_store_n(&best, fn, __ATOMIC_RELAXED);
	return fn(bytes, len, sum);
}

uint32_t checksum_bytes(const void *bytes, size_t len, uint32_t sum)
{
	if (len < 64) /* headers: the wide variants would only be tail */
		return checksum_bytes_generic(bytes, len, sum);
	return __atomic_load_n(&best, __ATOMIC_RELAXED)(bytes, len, sum);
}
