/* SPDX-License-Identifier: BSD-3-Clause */
#include "engine/deflate/deflate.h"

#include <errno.h>
#include <isa-l/igzip_lib.h>
#include <libdeflate.h>
#include <pthread.h>
#include <stdlib.h>

#define ISAL_LEVEL_MAX 3

/* What one thread needs; made when first used, freed with the thread. */
struct state {
	struct libdeflate_compressor *compressor;
	unsigned level; /* of the compressor */
	struct libdeflate_decompressor *decompressor;
	struct isal_zstream stream;
	uint8_t level_buf[ISAL_DEF_LVL3_LARGE];
};

static pthread_key_t key;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static __thread struct state *state;

static void free_state(void *arg)
{
	struct state *s = arg;

	if (s->compressor)
		libdeflate_free_compressor(s->compressor);
	if (s->decompressor)
		libdeflate_free_decompressor(s->decompressor);
	free(s);
}

static void make_key(void)
{
	pthread_key_create(&key, free_state);
}

static struct state *own_state(void)
{
	if (!state) {
		pthread_once(&once, make_key);
		state = calloc(1, sizeof(*state));
		pthread_setspecific(key, state);
	}
	return state;
}

static int with_isal(struct state *s, unsigned level, const void *src, size_t len, void *dst,
	size_t room, size_t *written)
{
	static const uint32_t sizes[] = {ISAL_DEF_LVL0_DEFAULT, ISAL_DEF_LVL1_DEFAULT,
		ISAL_DEF_LVL2_DEFAULT, ISAL_DEF_LVL3_DEFAULT};

	isal_deflate_stateless_init(&s->stream);
	s->stream.level = level;
	s->stream.level_buf = level ? s->level_buf : NULL;
	s->stream.level_buf_size = sizes[level];
	s->stream.next_in = (uint8_t *)src;
	s->stream.avail_in = (uint32_t)len;
	s->stream.next_out = dst;
	s->stream.avail_out = (uint32_t)room;
	s->stream.end_of_stream = 1;
	s->stream.flush = NO_FLUSH;
	if (isal_deflate_stateless(&s->stream) != COMP_OK)
		return -ENOSPC;
	*written = s->stream.total_out;
	return 0;
}

static int with_libdeflate(struct state *s, unsigned level, const void *src, size_t len, void *dst,
	size_t room, size_t *written)
{
	if (s->compressor && s->level != level) {
		libdeflate_free_compressor(s->compressor);
		s->compressor = NULL;
	}
	if (!s->compressor)
		s->compressor = libdeflate_alloc_compressor((int)level);
	if (!s->compressor)
		return -ENOMEM;
	s->level = level;
	*written = libdeflate_deflate_compress(s->compressor, src, len, dst, room);
	return *written ? 0 : -ENOSPC;
}

int deflate_compress(
	unsigned level, const void *src, size_t len, void *dst, size_t room, size_t *written)
{
	struct state *s = own_state();

	if (!s)
		return -ENOMEM;
	if (level <= ISAL_LEVEL_MAX && len <= UINT32_MAX && room <= UINT32_MAX)
		return with_isal(s, level, src, len, dst, room, written);
	return with_libdeflate(s, level > ISAL_LEVEL_MAX ? level : 1, src, len, dst, room, written);
}

int deflate_decompress(const void *src, size_t len, void *dst, size_t room, size_t *written)
{
	struct state *s = own_state();
	size_t used;

	if (s && !s->decompressor)
		s->decompressor = libdeflate_alloc_decompressor();
	if (!s || !s->decompressor)
		return -ENOMEM;
	switch (libdeflate_deflate_decompress_ex(
		s->decompressor, src, len, dst, room, &used, written)) {
	case LIBDEFLATE_SUCCESS:
		return 0;
	case LIBDEFLATE_INSUFFICIENT_SPACE:
		return -ENOSPC;
	default:
		return -EBADMSG;
	}
}

uint32_t deflate_crc32(const void *data, size_t len)
{
	return libdeflate_crc32(0, data, len);
}

uint32_t deflate_adler32(const void *data, size_t len)
{
	return libdeflate_adler32(1, data, len);
}
