/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/cpu.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/refuse.h"

#define WIDE (CPU_AVX512 | CPU_VAES | CPU_VPCLMUL | CPU_VBMI)

LOG_MODULE("base.cpu");

static uint32_t found;
static pthread_once_t once = PTHREAD_ONCE_INIT;

#if defined(__x86_64__)
#include <cpuid.h>

/* Leaf 7 bits that the compiler's own probe does not name; only with AVX state saved by the kernel. */
static uint32_t probe_leaf7(void)
{
	unsigned a, b, c, d;
	uint32_t f = 0;

	if (!__get_cpuid_count(7, 0, &a, &b, &c, &d))
		return 0;
	f |= b & 1u << 29 ? CPU_SHA : 0;
	f |= c & 1u << 8 ? CPU_GFNI : 0;
	if (__builtin_cpu_supports("avx2")) {
		f |= c & 1u << 9 ? CPU_VAES : 0;
		f |= c & 1u << 10 ? CPU_VPCLMUL : 0;
	}
	return f;
}

static uint32_t probe(void)
{
	uint32_t f;

	__builtin_cpu_init();
	f = probe_leaf7();
	f |= __builtin_cpu_supports("sse4.2") ? CPU_SSE42 : 0;
	f |= __builtin_cpu_supports("pclmul") ? CPU_PCLMUL : 0;
	f |= __builtin_cpu_supports("aes") ? CPU_AES : 0;
	f |= __builtin_cpu_supports("avx2") ? CPU_AVX2 : 0;
	f |= __builtin_cpu_supports("bmi2") ? CPU_BMI2 : 0;
	if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
		__builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
		f |= CPU_AVX512;
	f |= __builtin_cpu_supports("avx512vbmi") ? CPU_VBMI : 0;
	return f;
}
#else
static uint32_t probe(void)
{
	return 0;
}
#endif

int cpu_lower(const char *text, uint32_t features, uint32_t *left)
{
	if (!text || !*text || !strcmp(text, "avx512"))
		*left = features;
	else if (!strcmp(text, "avx2"))
		*left = features & ~(uint32_t)WIDE;
	else if (!strcmp(text, "generic"))
		*left = 0;
	else
		return refuse(EINVAL, "SOFTDPU_CPU=%s: expected generic, avx2 or avx512", text);
	return 0;
}

static void ask(void)
{
	uint32_t all = probe();

	if (cpu_lower(getenv("SOFTDPU_CPU"), all, &found)) {
		log_warn("%s; using what the processor has", refusal());
		found = all;
	}
}

uint32_t cpu_features(void)
{
	pthread_once(&once, ask);
	return found;
}

bool cpu_has(uint32_t features)
{
	return (cpu_features() & features) == features;
}

const char *cpu_level_name(void)
{
	if (cpu_has(CPU_AVX512))
		return "avx512";
	return cpu_has(CPU_AVX2) ? "avx2" : "generic";
}
