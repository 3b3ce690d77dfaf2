/* SPDX-License-Identifier: BSD-3-Clause */
/* Compress against programs everybody has: gzip and Python's zlib in both directions, the lz4 tool as writer. */
#include "fixture.h"

#include <sys/wait.h>
#include <unistd.h>

#include <doca_compress.h>
#include <doca_softdpu_compress.h>

#define TEXT_MAX (1u << 20)
#define PACKED (1u << 20)
#define BACK (2u << 20)

static unsigned done;
static struct doca_compress *compress;
static uint8_t from_peer[2 * TEXT_MAX];

static void on_done(void *task, union doca_data a, union doca_data b)
{
	done++;
}

static void on_error(void *task, union doca_data a, union doca_data b)
{
	fail_msg("a task failed");
}

#define CB(type) ((void (*)(struct type *, union doca_data, union doca_data))(void *)on_done)
#define ECB(type) ((void (*)(struct type *, union doca_data, union doca_data))(void *)on_error)
#define CONF(t)                               \
	OK(doca_compress_task_##t##_set_conf( \
		compress, CB(doca_compress_task_##t), ECB(doca_compress_task_##t), 1))

static void open_compress(struct fix *f, uint32_t level)
{
	OK(doca_compress_create(f->dev, &compress));
	OK(doca_softdpu_compress_set_level(compress, level));
	CONF(compress_deflate);
	CONF(decompress_deflate);
	CONF(decompress_lz4_stream);
	OK(doca_pe_connect_ctx(f->pe, doca_compress_as_ctx(compress)));
	OK(doca_ctx_start(doca_compress_as_ctx(compress)));
}

static void close_compress(void)
{
	OK(doca_ctx_stop(doca_compress_as_ctx(compress)));
	OK(doca_compress_destroy(compress));
}

/* `command` run over `in`; what it printed is in from_peer. */
static size_t peer(const char *command, const uint8_t *in, size_t len)
{
	char path[] = "/tmp/softdpu-cli-XXXXXX", whole[256];
	int fd = mkstemp(path);
	size_t n;
	FILE *p;

	assert_int_equal(write(fd, in, len), len);
	snprintf(whole, sizeof(whole), "%s < %s", command, path);
	p = popen(whole, "r");
	n = fread(from_peer, 1, sizeof(from_peer), p);
	assert_int_equal(pclose(p), 0);
	close(fd);
	unlink(path);
	return n;
}

static void fill(struct fix *f, size_t len, unsigned seed)
{
	for (size_t i = 0; i < len; i++)
		f->mem[i] = (uint8_t)(i % 97 < 80 ? "the quick brown fox "[(i + seed) % 20]
						  : rand_r(&seed));
}

static void put32(uint8_t *at, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		at[i] = (uint8_t)(v >> (8 * i));
}

static uint32_t get32(const uint8_t *at)
{
	return at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

/* Deflate the first `len` bytes to `at`; its length and both checksums. */
static size_t deflate_to(struct fix *f, size_t len, size_t at, uint32_t *crc, uint32_t *adler)
{
	struct doca_buf *src = fix_src(f, 0, len), *dst = fix_dst(f, at, TEXT_MAX);
	struct doca_compress_task_compress_deflate *t;
	unsigned before = done;
	size_t n;

	OK(doca_compress_task_compress_deflate_alloc_init(
		compress, src, dst, (union doca_data){0}, &t));
	OK(doca_task_submit(doca_compress_task_compress_deflate_as_task(t)));
	fix_until(f->pe, &done, before + 1);
	*crc = doca_compress_task_compress_deflate_get_crc_cs(t);
	*adler = doca_compress_task_compress_deflate_get_adler_cs(t);
	n = fix_len(dst);
	doca_task_free(doca_compress_task_compress_deflate_as_task(t));
	OK(doca_buf_dec_refcount(src, NULL));
	OK(doca_buf_dec_refcount(dst, NULL));
	return n;
}

static void inflate_from(
	struct fix *f, const uint8_t *raw, size_t len, size_t want, uint32_t *crc, uint32_t *adler)
{
	struct doca_buf *src = fix_src(f, PACKED, len), *dst = fix_dst(f, BACK, TEXT_MAX);
	struct doca_compress_task_decompress_deflate *t;
	unsigned before = done;

	memcpy(f->mem + PACKED, raw, len);
	OK(doca_compress_task_decompress_deflate_alloc_init(
		compress, src, dst, (union doca_data){0}, &t));
	OK(doca_task_submit(doca_compress_task_decompress_deflate_as_task(t)));
	fix_until(f->pe, &done, before + 1);
	*crc = doca_compress_task_decompress_deflate_get_crc_cs(t);
	*adler = doca_compress_task_decompress_deflate_get_adler_cs(t);
	assert_int_equal(fix_len(dst), want);
	assert_memory_equal(f->mem + BACK, f->mem, want);
	doca_task_free(doca_compress_task_decompress_deflate_as_task(t));
	OK(doca_buf_dec_refcount(src, NULL));
	OK(doca_buf_dec_refcount(dst, NULL));
}

/* RFC 1952: ten bytes, deflate, CRC-32, length. */
static void gzip_and_back(void **state)
{
	static const uint8_t head[10] = {0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255};
	static const size_t lens[] = {1, 1000, 65537, 700000};
	static const uint32_t levels[] = {0, 1, 3, 6, 12};
	struct fix *f = *state;
	uint32_t crc, adler;

	for (size_t l = 0; l < 5; l++) {
		open_compress(f, levels[l]);
		for (size_t i = 0; i < 4; i++) {
			size_t len = lens[i], n;

			fill(f, len, (unsigned)(i + 10 * l));
			memcpy(f->mem + PACKED, head, sizeof(head));
			n = sizeof(head) + deflate_to(f, len, PACKED + sizeof(head), &crc, &adler);
			put32(f->mem + PACKED + n, crc);
			put32(f->mem + PACKED + n + 4, (uint32_t)len);
			assert_int_equal(peer("gzip -dc", f->mem + PACKED, n + 8), len);
			assert_memory_equal(from_peer, f->mem, len);

			n = peer(l % 2 ? "gzip -nc9" : "gzip -nc1", f->mem, len);
			inflate_from(f, from_peer + 10, n - 18, len, &crc, &adler);
			assert_int_equal(crc, get32(from_peer + n - 8));
		}
		close_compress();
	}
}

/* RFC 1950: two bytes, deflate, Adler-32 with its high byte first. */
static void zlib_and_back(void **state)
{
	struct fix *f = *state;
	uint32_t crc, adler;
	size_t n, len = 123457;

	open_compress(f, 1);
	fill(f, len, 77);
	n = 2 + deflate_to(f, len, PACKED + 2, &crc, &adler);
	f->mem[PACKED] = 0x78;
	f->mem[PACKED + 1] = 0x01;
	put32(f->mem + PACKED + n, __builtin_bswap32(adler));
	n = peer("python3 -c 'import sys,zlib;b=sys.stdin.buffer.read();"
		 "sys.stdout.buffer.write(zlib.decompress(b))'",
		f->mem + PACKED, n + 4);
	assert_int_equal(n, len);
	assert_memory_equal(from_peer, f->mem, len);

	n = peer("python3 -c 'import sys,zlib;b=sys.stdin.buffer.read();"
		 "sys.stdout.buffer.write(zlib.compress(b,9))'",
		f->mem, len);
	inflate_from(f, from_peer + 2, n - 6, len, &crc, &adler);
	assert_int_equal(adler, __builtin_bswap32(get32(from_peer + n - 4)));
	close_compress();
}

/* What the lz4 tool writes: the frame's header says which blocks follow. */
static void lz4_frames(void **state)
{
	static const char *const commands[] = {
		"lz4 -1c", "lz4 -9c -BD -B4", "lz4 -1c -BX --content-size", "lz4 -12c -BD -BX"};
	struct fix *f = *state;
	size_t len = 300001;

	open_compress(f, 1);
	fill(f, len, 5);
	for (size_t i = 0; i < 4; i++) {
		struct doca_compress_task_decompress_lz4_stream *t;
		size_t n = peer(commands[i], f->mem, len), head;
		uint8_t flags = from_peer[4];
		struct doca_buf *src, *dst;
		unsigned before = done;

		assert_int_equal(get32(from_peer), 0x184d2204);
		head = 7 + (flags & 8 ? 8 : 0);
		memcpy(f->mem + PACKED, from_peer + head, n - head);
		src = fix_src(f, PACKED, n - head - (flags & 4 ? 4 : 0));
		dst = fix_dst(f, BACK, TEXT_MAX);
		OK(doca_compress_task_decompress_lz4_stream_alloc_init(compress, !!(flags & 16),
			!!(flags & 32), src, dst, (union doca_data){0}, &t));
		OK(doca_task_submit(doca_compress_task_decompress_lz4_stream_as_task(t)));
		fix_until(f->pe, &done, before + 1);
		assert_int_equal(fix_len(dst), len);
		assert_memory_equal(f->mem + BACK, f->mem, len);
		doca_task_free(doca_compress_task_decompress_lz4_stream_as_task(t));
		OK(doca_buf_dec_refcount(src, NULL));
		OK(doca_buf_dec_refcount(dst, NULL));
	}
	close_compress();
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		fix_test(gzip_and_back),
		fix_test(zlib_and_back),
		fix_test(lz4_frames),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
