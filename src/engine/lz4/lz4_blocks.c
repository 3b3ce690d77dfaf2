/* SPDX-License-Identifier: BSD-3-Clause */
#include "engine/lz4/lz4_blocks.h"

#include <errno.h>
#include <lz4.h>
#include <string.h>
#include <xxhash.h>

#define STORED 0x80000000u
#define WINDOW 65536u

static uint32_t load32(const uint8_t *p)
{
	return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

uint32_t lz4_xxh32(const void *data, size_t len)
{
	return XXH32(data, len, 0);
}

int lz4_block_decompress(const uint8_t *src, size_t len, uint8_t *dst, size_t room, size_t *written)
{
	int n;

	if (len > INT32_MAX)
		return -EBADMSG;
	n = LZ4_decompress_safe((const char *)src, (char *)dst, (int)len,
		(int)(room > INT32_MAX ? INT32_MAX : room));
	if (n < 0)
		return -EBADMSG; /* liblz4 does not tell a full buffer from a broken block */
	*written = (size_t)n;
	return 0;
}

static int one_block(const uint8_t *src, uint32_t len, bool stored, uint8_t *dst, size_t at,
	size_t room, bool independent, size_t *written)
{
	size_t dict = at < WINDOW ? at : WINDOW;
	int n;

	if (stored) {
		if (len > room)
			return -ENOSPC;
		memcpy(dst + at, src, len);
		*written = len;
		return 0;
	}
	if (independent)
		return lz4_block_decompress(src, len, dst + at, room, written);
	n = LZ4_decompress_safe_usingDict((const char *)src, (char *)dst + at, (int)len,
		(int)(room > INT32_MAX ? INT32_MAX : room), (const char *)dst + at - dict,
		(int)dict);
	if (n < 0)
		return -EBADMSG;
	*written = (size_t)n;
	return 0;
}

int lz4_blocks_decompress(const uint8_t *src, size_t len, uint8_t *dst, size_t room,
	bool block_checksums, bool independent, size_t *written)
{
	const uint8_t *end = src + len;
	size_t at = 0, n;

	while (end - src >= 4) {
		uint32_t word = load32(src), size = word & ~STORED;
		int err;

		src += 4;
		if (!word)
			break;
		if (size > (size_t)(end - src) ||
			(block_checksums && (size_t)(end - src) - size < 4))
			return -EBADMSG;
		if (block_checksums && load32(src + size) != lz4_xxh32(src, size))
			return -EBADMSG;
		err = one_block(src, size, word & STORED, dst, at, room - at, independent, &n);
		if (err)
			return err;
		at += n;
		src += size + (block_checksums ? 4 : 0);
	}
	*written = at;
	return 0;
}
