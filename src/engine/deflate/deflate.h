/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * deflate: raw deflate (RFC 1951) and its two checksums. Levels 0 to 3 are ISA-L's, several times
 * faster than zlib; 4 to 12 libdeflate's, tighter. Decompression is libdeflate's, the fastest
 * measured (design/baselines.md). Thread safe: state is kept per thread.
 */
#ifndef ENGINE_DEFLATE_DEFLATE_H
#define ENGINE_DEFLATE_DEFLATE_H

#include <stddef.h>
#include <stdint.h>

#define DEFLATE_LEVEL_MAX 12

/* Compress all of src. 0 and *written; -ENOSPC: dst is too small; -ENOMEM. */
int deflate_compress(
	unsigned level, const void *src, size_t len, void *dst, size_t room, size_t *written);
/* Decompress one stream; what follows it in src is ignored. -EBADMSG: broken; -ENOSPC; -ENOMEM. */
int deflate_decompress(const void *src, size_t len, void *dst, size_t room, size_t *written);

uint32_t deflate_crc32(const void *data, size_t len);
uint32_t deflate_adler32(const void *data, size_t len);

#endif
