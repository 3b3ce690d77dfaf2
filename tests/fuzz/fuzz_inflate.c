/* SPDX-License-Identifier: BSD-3-Clause */
/* Compressed bytes: as a raw deflate stream, as the blocks of an LZ4 frame (all four kinds), as one block. */
#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "engine/deflate/deflate.h"
#include "engine/lz4/lz4_blocks.h"

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
	for (int i = 0; i < 4; i++)
		if (lz4_blocks_decompress(data, size, out, room, i & 1, i & 2, &written) == 0)
			assert(written <= room);
	if (lz4_block_decompress(data, size, out, room, &written) == 0)
		assert(written <= room);
	free(out);
	return 0;
}
