/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * cpu: which instruction sets may be used. Shipped builds are for the plain x86-64 (or any other)
 * machine; faster variants are chosen at start:
 *
 *     if (cpu_has(CPU_AVX2)) sum = sum_avx2;
 *
 * SOFTDPU_CPU=generic|avx2|avx512 lowers what is reported, never raises it, so every variant can be
 * tested on one machine. "generic" means no feature at all, "avx2" everything without AVX-512 and the
 * wide (vector) AES and PCLMUL. Asked once per process; thread safe.
 */
#ifndef BASE_CPU_H
#define BASE_CPU_H

#include "base/base.h"

enum cpu_feature {
	CPU_SSE42 = 1 << 0, /* has the crc32 instruction */
	CPU_PCLMUL = 1 << 1,
	CPU_AES = 1 << 2,
	CPU_SHA = 1 << 3,
	CPU_AVX2 = 1 << 4,
	CPU_BMI2 = 1 << 5,
	CPU_GFNI = 1 << 6,
	CPU_AVX512 =
		1 << 7, /* F, BW, DQ and VL together: the set of every server core since 2017 */
	CPU_VAES = 1 << 8,
	CPU_VPCLMUL = 1 << 9,
	CPU_VBMI = 1 << 10, /* byte permutes of whole lines; ask together with CPU_AVX512 */
};

/* All bits of `features` may be used. */
bool cpu_has(uint32_t features);

/* The set as a whole. */
uint32_t cpu_features(void);

/* "generic", "avx2" or "avx512": the level in use, for benches and logs. Static storage. */
const char *cpu_level_name(void);

/* What SOFTDPU_CPU=text leaves of `features`; NULL leaves all. -EINVAL with a refusal for a level
 * nobody knows. Exposed for the test; programs set the variable. */
int cpu_lower(const char *text, uint32_t features, uint32_t *left);

#endif
