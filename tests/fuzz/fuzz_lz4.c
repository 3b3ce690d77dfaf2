/* SPDX-License-Identifier: BSD-3-Clause */
/* LZ4 bytes: as the blocks of a frame (with and without checksums, linked and not), and as one block. */
#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "engine/lz4/lz4_blocks.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Whatever the bytes are, the same ones give the same result, and nothing beyond `written` counts. */
static void twice(const uint8_t *data, size_t size, uint8_t *out, size_t room, unsigned kind)
{
	size_t first = 0, second = 0;
	int err = lz4_blocks_decompress(data, size, out, room, kind & 1, kind & 2, &first);
	uint32_t sum = err ? 0 : lz4_xxh32(out, first);

	assert(err || first <= room);
	memset(out, 0xa5, room);
	assert(lz4_blocks_decompress(data, size, out, room, kind & 1, kind & 2, &second) == err);
	assert(err || (first == second && lz4_xxh32(out, second) == sum));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t room = size % 5 ? 65536 : size, written = 0; /* roomy, and too small at times */
	uint8_t *out = malloc(room ? room : 1);

	if (!out)
		return 0;
	for (unsigned kind = 0; kind < 4; kind++)
		twice(data, size, out, room, kind);
	if (lz4_block_decompress(data, size, out, room, &written) == 0)
		assert(written <= room);
	free(out);
	return 0;
}
