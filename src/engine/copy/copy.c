/* SPDX-License-Identifier: BSD-3-Clause */
#include "engine/copy/copy_int.h"

#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "base/cpu.h"

#define L3_GUESS (32l << 20)

/* Lengths from COPY_SHORT on that copy_avx2() takes; none before copy_init(), nor without AVX2. One comparison is
 * all that a copy of 64 bytes can afford. */
static size_t n_ordinary;
static bool has_avx2;

void copy_init(void)
{
	long l3 = sysconf(_SC_LEVEL3_CACHE_SIZE);

	has_avx2 = cpu_has(CPU_AVX2);
	n_ordinary = has_avx2 ? (size_t)(l3 > 0 ? l3 : L3_GUESS) / 4 - COPY_SHORT + 1 : 0;
}

void copy_bytes(void *to, const void *from, size_t len)
{
	if (len - COPY_SHORT < n_ordinary) /* a shorter one wraps around */
		copy_avx2(to, from, len);
	else if (has_avx2 && len > COPY_SHORT)
		copy_avx2_stream(to, from, len);
	else
		memcpy(to, from, len);
}
