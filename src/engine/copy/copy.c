/* SPDX-License-Identifier: BSD-3-Clause */
#include "engine/copy/copy_int.h"

#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "base/cpu.h"

#define L3_GUESS (32l << 20)

static bool has_avx2;
static size_t stream_above = SIZE_MAX;

void copy_init(void)
{
	long l3 = sysconf(_SC_LEVEL3_CACHE_SIZE);

	stream_above = (size_t)(l3 > 0 ? l3 : L3_GUESS) / 4;
	has_avx2 = cpu_has(CPU_AVX2);
}

void copy_bytes(void *to, const void *from, size_t len)
{
	if (len < COPY_SHORT || !has_avx2)
		memcpy(to, from, len);
	else if (len <= stream_above)
		copy_avx2(to, from, len);
	else
		copy_avx2_stream(to, from, len);
}
