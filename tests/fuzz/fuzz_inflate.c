/* SPDX-License-Identifier: BSD-3-Clause */
/* A raw deflate stream. What it inflates to, deflated at some level, inflates to the same again. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "engine/deflate/deflate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t room = size % 5 ? 65536 : size, written; /* roomy, and too small at times */
	uint8_t *out = malloc(room ? room : 1);

	if (!out)
		return 0;
	written = 0;
	if (deflate_decompress(data, size, out, room, &written) == 0) {
		uint8_t *again = malloc(2 * written + 1024), *back = malloc(written + 1);
		size_t packed, n;

		if (again && back && deflate_compress(size % 13, out, written, again, 2 * written + 1024, &packed) == 0) {
			assert(deflate_decompress(again, packed, back, written, &n) == 0);
			assert(n == written && memcmp(back, out, n) == 0);
		}
		free(again);
		free(back);
	}
	free(out);
	return 0;
}
