/* SPDX-License-Identifier: BSD-3-Clause */
/* Deflate and LZ4 in both directions, with zlib and liblz4's frame writer at the other end. */
#include "accel.h"

#include <lz4frame.h>
#include <zlib.h>

#include <doca_compress.h>
#include <doca_softdpu_compress.h>

static struct doca_compress *make_compress(struct fix *f, uint32_t level)
{
	struct doca_compress *c;

	OK(doca_compress_create(f->dev, &c));
	OK(doca_softdpu_compress_set_level(c, level));
#define CONF(t)                               \
	OK(doca_compress_task_##t##_set_conf( \
		c, CB(doca_compress_task_##t), ECB(doca_compress_task_##t), 4))
	CONF(compress_deflate);
	CONF(decompress_deflate);
	CONF(decompress_lz4_stream);
	CONF(decompress_lz4_block);
	start(f, doca_compress_as_ctx(c));
	return c;
}

static void end_compress(struct doca_compress *c)
{
	OK(doca_ctx_stop(doca_compress_as_ctx(c)));
	OK(doca_compress_destroy(c));
}

static size_t zlib_inflate(const uint8_t *in, size_t len, uint8_t *out, size_t room)
{
	z_stream z = {.next_in = (uint8_t *)in,
		.avail_in = (unsigned)len,
		.next_out = out,
		.avail_out = (unsigned)room};

	assert_int_equal(inflateInit2(&z, -15), Z_OK);
	assert_int_equal(inflate(&z, Z_FINISH), Z_STREAM_END);
	inflateEnd(&z);
	return z.total_out;
}

static size_t zlib_deflate(const uint8_t *in, size_t len, uint8_t *out, size_t room, int level)
{
	z_stream z = {.next_in = (uint8_t *)in,
		.avail_in = (unsigned)len,
		.next_out = out,
		.avail_out = (unsigned)room};

	assert_int_equal(deflateInit2(&z, level, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY), Z_OK);
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	deflateEnd(&z);
	return z.total_out;
}

static void zlib_reads_what_we_write(void **state)
{
	struct fix *f = *state;

	for (uint32_t level = 0; level <= 12; level++) {
		struct doca_compress *c = make_compress(f, level);

		for (int round = 0; round < 10; round++) {
			size_t len = 1 + rnd() % (round < 8 ? 5000 : 300000);
			struct doca_compress_task_compress_deflate *task;
			struct doca_buf *src = fix_src(f, SRC, len), *dst = fix_dst(f, DST, ROOM);
			union doca_data none = {0};

			if (round % 2)
				fill_random(f->mem, len);
			else
				fill_text(f->mem, len);
			OK(doca_compress_task_compress_deflate_alloc_init(
				c, src, dst, none, &task));
			OK(doca_task_submit(doca_compress_task_compress_deflate_as_task(task)));
			done = 0;
			fix_until(f->pe, &done, 1);
			assert_int_equal(doca_compress_task_compress_deflate_get_crc_cs(task),
				crc32(0, f->mem, (unsigned)len));
			assert_int_equal(doca_compress_task_compress_deflate_get_adler_cs(task),
				adler32(1, f->mem, (unsigned)len));
			doca_task_free(doca_compress_task_compress_deflate_as_task(task));
			assert_int_equal(
				zlib_inflate(f->mem + DST, fix_len(dst), f->mem + BACK, ROOM), len);
			assert_memory_equal(f->mem, f->mem + BACK, len);
			OK(doca_buf_dec_refcount(src, NULL));
			OK(doca_buf_dec_refcount(dst, NULL));
		}
		end_compress(c);
	}
}

static doca_error_t inflate_task(
	struct fix *f, struct doca_compress *c, size_t len, size_t room, size_t *out)
{
	struct doca_compress_task_decompress_deflate *task;
	struct doca_buf *src = fix_src(f, DST, len), *dst = fix_dst(f, BACK, room);
	union doca_data none = {0};
	doca_error_t result;

	OK(doca_compress_task_decompress_deflate_alloc_init(c, src, dst, none, &task));
	result = run(f, doca_compress_task_decompress_deflate_as_task(task));
	*out = fix_len(dst);
	OK(doca_buf_dec_refcount(src, NULL));
	OK(doca_buf_dec_refcount(dst, NULL));
	return result;
}

static void we_read_what_zlib_writes(void **state)
{
	struct fix *f = *state;
	struct doca_compress *c = make_compress(f, 1);
	size_t n, len, packed;

	for (int round = 0; round < 40; round++) {
		len = 1 + rnd() % 100000;
		fill_text(f->mem, len);
		packed = zlib_deflate(f->mem, len, f->mem + DST, ROOM, round % 10);
		OK(inflate_task(f, c, packed, ROOM, &n));
		assert_int_equal(n, len);
		assert_memory_equal(f->mem, f->mem + BACK, len);
		if (len > 1)
			FAILS(DOCA_ERROR_FULL, inflate_task(f, c, packed, len - 1, &n));
	}
	/* what is broken is refused, never a crash: cut streams, random bytes */
	for (int round = 0; round < 300; round++) {
		fill_random(f->mem + DST, 200);
		inflate_task(f, c, 1 + rnd() % 200, 4096, &n);
	}
	len = 5000;
	fill_text(f->mem, len);
	packed = zlib_deflate(f->mem, len, f->mem + DST, ROOM, 6);
	assert_int_not_equal(inflate_task(f, c, packed - 4, ROOM, &n), DOCA_SUCCESS);
	end_compress(c);
}

static void lz4_frames_of_every_kind(void **state)
{
	struct fix *f = *state;
	struct doca_compress *c = make_compress(f, 1);

	for (int round = 0; round < 60; round++) {
		size_t len = 1 + rnd() % 400000, frame, header;
		LZ4F_preferences_t prefs = {
			.frameInfo = {.blockSizeID = LZ4F_max64KB,
				.blockMode = round % 2 ? LZ4F_blockIndependent : LZ4F_blockLinked,
				.contentChecksumFlag = LZ4F_contentChecksumEnabled,
				.blockChecksumFlag = round % 3 ? LZ4F_noBlockChecksum
							       : LZ4F_blockChecksumEnabled}};
		struct doca_compress_task_decompress_lz4_stream *task;
		struct doca_buf *src, *dst;
		union doca_data none = {0};
		uint32_t stored;

		if (round % 5)
			fill_text(f->mem, len);
		else
			fill_random(f->mem, len);
		frame = LZ4F_compressFrame(f->mem + DST, ROOM, f->mem, len, &prefs);
		assert_false(LZ4F_isError(frame));
		header = LZ4F_headerSize(f->mem + DST, frame);
		memcpy(&stored, f->mem + DST + frame - 4, 4);
		src = fix_src(f, DST + header, frame - header - 8);
		dst = fix_dst(f, BACK, ROOM);
		if (round % 7 == 6) { /* a broken block checksum or block */
			f->mem[DST + header + 4 + rnd() % (frame - header - 12)] ^= 0x10;
		}
		OK(doca_compress_task_decompress_lz4_stream_alloc_init(
			c, round % 3 == 0, round % 2, src, dst, none, &task));
		done = failed = 0;
		OK(doca_task_submit(doca_compress_task_decompress_lz4_stream_as_task(task)));
		while (!done && !failed)
			doca_pe_progress(f->pe);
		if (round % 7 != 6) {
			assert_int_equal(done, 1);
			assert_int_equal(fix_len(dst), len);
			assert_memory_equal(f->mem, f->mem + BACK, len);
			assert_int_equal(doca_compress_task_decompress_lz4_stream_get_xxh_cs(task),
				htobe32(stored));
			assert_int_equal(doca_compress_task_decompress_lz4_stream_get_crc_cs(task),
				crc32(0, f->mem, (unsigned)len));
		} else if (round % 3 == 0) {
			assert_int_equal(failed, 1);
		}
		doca_task_free(doca_compress_task_decompress_lz4_stream_as_task(task));
		OK(doca_buf_dec_refcount(src, NULL));
		OK(doca_buf_dec_refcount(dst, NULL));
	}
	end_compress(c);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		fix_test(zlib_reads_what_we_write),
		fix_test(we_read_what_zlib_writes),
		fix_test(lz4_frames_of_every_kind),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
