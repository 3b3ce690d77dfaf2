/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * lz4_blocks: the blocks of an LZ4 frame (LZ4 frame format 1.6.2) and single raw blocks, over
 * liblz4. Thread safe, no state.
 */
#ifndef ENGINE_LZ4_LZ4_BLOCKS_H
#define ENGINE_LZ4_LZ4_BLOCKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A run of blocks: 32-bit little-endian length (high bit: stored), data, optional XXH32 of the
 * data. Ends with src, or with an end mark (length 0). Dependent blocks refer to up to 64 KiB of
 * output before them. 0 and *written; -EBADMSG: broken, or a block checksum is wrong; -ENOSPC.
 */
int lz4_blocks_decompress(const uint8_t *src, size_t len, uint8_t *dst, size_t room,
	bool block_checksums, bool independent, size_t *written);
/* One raw block. */
int lz4_block_decompress(
	const uint8_t *src, size_t len, uint8_t *dst, size_t room, size_t *written);

uint32_t lz4_xxh32(const void *data, size_t len);

#endif
