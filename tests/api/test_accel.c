/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * SHA, AES-GCM, compress and erasure coding. Judges: published vectors (FIPS 180-4, the GCM paper's
 * test cases), and other implementations on random data: OpenSSL's EVP, zlib, liblz4's frame
 * writer.
 */
#include "fixture.h"

#include <lz4frame.h>
#include <openssl/evp.h>
#include <zlib.h>

#include <doca_aes_gcm.h>
#include <doca_compress.h>
#include <doca_erasure_coding.h>
#include <doca_sha.h>
#include <doca_softdpu.h>
#include <doca_softdpu_compress.h>

#define SRC 0
#define DST (1u << 20)
#define BACK (2u << 20)
#define ROOM (1u << 20)

static volatile unsigned done, failed;
static doca_error_t last;
static uint64_t seed = 88172645463325252ull;

static uint64_t rnd(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	return seed ^= seed << 17;
}

static void fill_random(uint8_t *p, size_t len)
{
	for (size_t i = 0; i < len; i++)
		p[i] = (uint8_t)rnd();
}

/* Text that compresses: words of a small vocabulary. */
static void fill_text(uint8_t *p, size_t len)
{
	for (size_t i = 0; i < len; i++)
		p[i] = (uint8_t) "the quick brown fox jumps over a lazy dog. "[(i * 7 + rnd() % 3) %
									       43];
}

static void on_done(void *task, union doca_data user, union doca_data ctx)
{
	done++;
}

static void on_error(void *task, union doca_data user, union doca_data ctx)
{
	failed++;
	last = doca_task_get_status(task);
}

#define CB(type) ((void (*)(struct type *, union doca_data, union doca_data))(void *)on_done)
#define ECB(type) ((void (*)(struct type *, union doca_data, union doca_data))(void *)on_error)

static void start(struct fix *f, struct doca_ctx *ctx)
{
	done = failed = 0;
	OK(doca_pe_connect_ctx(f->pe, ctx));
	OK(doca_ctx_start(ctx));
}

/* Submit, wait, free. The result of the task. */
static doca_error_t run(struct fix *f, struct doca_task *task)
{
	unsigned before = done + failed;
	doca_error_t result;

	OK(doca_task_submit(task));
	while (done + failed == before)
		doca_pe_progress(f->pe);
	result = doca_task_get_status(task);
	doca_task_free(task);
	return result;
}

/* ---- SHA ---- */

static struct doca_sha *make_sha(struct fix *f, unsigned workers)
{
	struct doca_sha *sha;

	OK(doca_sha_create(f->dev, &sha));
	OK(doca_sha_task_hash_set_conf(sha, CB(doca_sha_task_hash), ECB(doca_sha_task_hash), 6));
	OK(doca_sha_task_partial_hash_set_conf(
		sha, CB(doca_sha_task_partial_hash), ECB(doca_sha_task_partial_hash), 1));
	OK(doca_softdpu_ctx_set_workers(doca_sha_as_ctx(sha), workers));
	start(f, doca_sha_as_ctx(sha));
	return sha;
}

static void end_sha(struct doca_sha *sha)
{
	OK(doca_ctx_stop(doca_sha_as_ctx(sha)));
	OK(doca_sha_destroy(sha));
}

static void hash_one(
	struct fix *f, struct doca_sha *sha, enum doca_sha_algorithm alg, size_t len, uint8_t *out)
{
	struct doca_buf *src = fix_src(f, SRC, len), *dst = fix_dst(f, DST, 64);
	struct doca_sha_task_hash *task;
	union doca_data none = {0};

	OK(doca_sha_task_hash_alloc_init(sha, alg, src, dst, none, &task));
	OK(run(f, doca_sha_task_hash_as_task(task)));
	memcpy(out, f->mem + DST, fix_len(dst));
	OK(doca_buf_dec_refcount(src, NULL));
	OK(doca_buf_dec_refcount(dst, NULL));
}

static void hex(const uint8_t *p, size_t n, char *text)
{
	for (size_t i = 0; i < n; i++)
		sprintf(text + 2 * i, "%02x", p[i]);
}

static void sha_vectors(void **state)
{
	static const struct {
		enum doca_sha_algorithm alg;
		size_t bytes;
		const char *abc;
	} v[] = {
		{DOCA_SHA_ALGORITHM_SHA1, 20, "a9993e364706816aba3e25717850c26c9cd0d89d"},
		{DOCA_SHA_ALGORITHM_SHA256, 32,
			"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
		{DOCA_SHA_ALGORITHM_SHA512, 64,
			"ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
			"2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"},
	};
	struct fix *f = *state;
	struct doca_sha *sha = make_sha(f, 0);
	uint8_t digest[64];
	char text[129];
	uint32_t n;

	memcpy(f->mem, "abc", 3);
	for (int i = 0; i < 3; i++) {
		hash_one(f, sha, v[i].alg, 3, digest);
		hex(digest, v[i].bytes, text);
		assert_string_equal(text, v[i].abc);
		OK(doca_sha_cap_get_min_dst_buf_size(doca_dev_as_devinfo(f->dev), v[i].alg, &n));
		assert_int_equal(n, v[i].bytes);
	}
	memset(f->mem, 'a', 1000000);
	hash_one(f, sha, DOCA_SHA_ALGORITHM_SHA256, 1000000, digest);
	hex(digest, 32, text);
	assert_string_equal(
		text, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
	end_sha(sha);
}

/* 32 texts of unlike lengths at once, of all algorithms, against EVP; in progress and on workers.
 */
static void sha_many_at_once(void **state)
{
	struct fix *f = *state;
	const EVP_MD *md[3] = {EVP_sha1(), EVP_sha256(), EVP_sha512()};

	for (unsigned workers = 0; workers < 3; workers += 2) {
		struct doca_sha *sha = make_sha(f, workers);

		for (int round = 0; round < 20; round++) {
			struct doca_sha_task_hash *tasks[32];
			struct doca_buf *src[32], *dst[32];
			union doca_data none = {0};
			unsigned before = done;

			fill_random(f->mem, 32 * 32768);
			for (int i = 0; i < 32; i++) {
				size_t len = round < 10 ? rnd() % 300 : rnd() % 32768;

				src[i] = fix_src(f, (size_t)i * 32768, len ? len : 1);
				dst[i] = fix_dst(f, DST + (size_t)i * 64, 64);
				OK(doca_sha_task_hash_alloc_init(sha,
					(enum doca_sha_algorithm)(rnd() % 3), src[i], dst[i], none,
					&tasks[i]));
				OK(doca_task_submit(doca_sha_task_hash_as_task(tasks[i])));
			}
			fix_until(f->pe, &done, before + 32);
			for (int i = 0; i < 32; i++) {
				uint8_t want[64];
				unsigned n;

				EVP_Digest(f->mem + i * 32768, fix_len(src[i]), want, &n,
					md[doca_sha_task_hash_get_algorithm(tasks[i])], NULL);
				assert_int_equal(fix_len(dst[i]), n);
				assert_memory_equal(f->mem + DST + i * 64, want, n);
				doca_task_free(doca_sha_task_hash_as_task(tasks[i]));
				OK(doca_buf_dec_refcount(src[i], NULL));
				OK(doca_buf_dec_refcount(dst[i], NULL));
			}
		}
		end_sha(sha);
	}
}

/* About and beyond the 64 KiB that the multi-buffer engine promises. */
static void sha_long_texts_at_once(void **state)
{
	static const size_t lens[8] = {65533, 65534, 65535, 65536, 65537, 131072, 262144, 262145};
	struct fix *f = *state;
	struct doca_sha *sha = make_sha(f, 0);
	const EVP_MD *md[3] = {EVP_sha1(), EVP_sha256(), EVP_sha512()};

	fill_random(f->mem, 512 * 1024);
	for (int alg = 0; alg < 3; alg++) {
		struct doca_sha_task_hash *tasks[8];
		struct doca_buf *src[8], *dst[8];
		unsigned before = done, n;
		uint8_t want[64];

		for (int i = 0; i < 8; i++) {
			src[i] = fix_src(f, (size_t)i * 1000, lens[i]);
			dst[i] = fix_dst(f, DST + (size_t)i * 64, 64);
			OK(doca_sha_task_hash_alloc_init(sha, (enum doca_sha_algorithm)alg, src[i],
				dst[i], (union doca_data){0}, &tasks[i]));
			OK(doca_task_submit(doca_sha_task_hash_as_task(tasks[i])));
		}
		fix_until(f->pe, &done, before + 8);
		for (int i = 0; i < 8; i++) {
			EVP_Digest(f->mem + i * 1000, lens[i], want, &n, md[alg], NULL);
			assert_memory_equal(f->mem + DST + i * 64, want, n);
			doca_task_free(doca_sha_task_hash_as_task(tasks[i]));
			OK(doca_buf_dec_refcount(src[i], NULL));
			OK(doca_buf_dec_refcount(dst[i], NULL));
		}
	}
	end_sha(sha);
}

static void sha_in_pieces(void **state)
{
	struct fix *f = *state;
	struct doca_sha *sha = make_sha(f, 0);
	struct doca_buf *src = fix_src(f, SRC, 640), *dst = fix_dst(f, DST, 64);
	struct doca_sha_task_partial_hash *task;
	union doca_data none = {0};
	uint8_t want[64];
	unsigned n;

	fill_random(f->mem, 4096);
	OK(doca_sha_task_partial_hash_alloc_init(
		sha, DOCA_SHA_ALGORITHM_SHA256, src, dst, none, &task));
	OK(doca_buf_set_data(src, f->mem, 100));
	FAILS(DOCA_ERROR_INVALID_VALUE,
		doca_task_try_submit(doca_sha_task_partial_hash_as_task(task)));
	for (int i = 0; i < 5; i++) {
		size_t at = (size_t)i * 128;

		OK(doca_buf_set_data(src, f->mem + at, i < 4 ? 128 : 77));
		if (i == 4)
			OK(doca_sha_task_partial_hash_set_is_final_buf(task));
		OK(doca_task_submit(doca_sha_task_partial_hash_as_task(task)));
		fix_until(f->pe, &done, (unsigned)i + 1);
	}
	EVP_Digest(f->mem, 4 * 128 + 77, want, &n, EVP_sha256(), NULL);
	assert_memory_equal(f->mem + DST, want, 32);
	doca_task_free(doca_sha_task_partial_hash_as_task(task));
	OK(doca_buf_dec_refcount(src, NULL));
	OK(doca_buf_dec_refcount(dst, NULL));
	end_sha(sha);
}

/* ---- AES-GCM ---- */

static struct doca_aes_gcm *make_gcm(struct fix *f)
{
	struct doca_aes_gcm *gcm;

	OK(doca_aes_gcm_create(f->dev, &gcm));
	OK(doca_aes_gcm_task_encrypt_set_conf(
		gcm, CB(doca_aes_gcm_task_encrypt), ECB(doca_aes_gcm_task_encrypt), 32));
	OK(doca_aes_gcm_task_decrypt_set_conf(
		gcm, CB(doca_aes_gcm_task_decrypt), ECB(doca_aes_gcm_task_decrypt), 32));
	start(f, doca_aes_gcm_as_ctx(gcm));
	return gcm;
}

static void evp_encrypt(const uint8_t *key, int bits, const uint8_t *iv, int iv_len,
	const uint8_t *aad, int aad_len, const uint8_t *in, int len, uint8_t *out, uint8_t *tag,
	int tag_len)
{
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	int n;

	EVP_EncryptInit_ex(
		c, bits == 128 ? EVP_aes_128_gcm() : EVP_aes_256_gcm(), NULL, NULL, NULL);
	EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_IVLEN, iv_len, NULL);
	EVP_EncryptInit_ex(c, NULL, NULL, key, iv);
	if (aad_len)
		EVP_EncryptUpdate(c, NULL, &n, aad, aad_len);
	if (len)
		EVP_EncryptUpdate(c, out, &n, in, len);
	EVP_EncryptFinal_ex(c, out, &n);
	EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_GET_TAG, tag_len, tag);
	EVP_CIPHER_CTX_free(c);
}

static void gcm_agrees_with_openssl_and_refuses_forgery(void **state)
{
	struct fix *f = *state;
	struct doca_aes_gcm *gcm = make_gcm(f);

	for (int round = 0; round < 300; round++) {
		size_t aad = rnd() % 3 ? rnd() % 64 : 0, len = rnd() % (round < 250 ? 600 : 70000),
		       tag = rnd() % 2 ? 16 : 12;
		uint32_t iv_len = rnd() % 4 ? 12 : 1 + rnd() % 12;
		int bits = rnd() % 2 ? 128 : 256;
		struct doca_aes_gcm_task_encrypt *enc;
		struct doca_aes_gcm_task_decrypt *dec;
		struct doca_aes_gcm_key *key;
		struct doca_buf *src, *mid, *back;
		uint8_t raw[32], iv[12], *want = malloc(len + 16);
		union doca_data none = {0};

		fill_random(raw, 32);
		fill_random(iv, 12);
		fill_random(f->mem, aad + len);
		src = fix_src(f, SRC, aad + len ? aad + len : 1);
		OK(doca_buf_set_data_len(src, aad + len));
		mid = fix_dst(f, DST, aad + len + tag);
		back = fix_dst(f, BACK, aad + len + 1);
		OK(doca_aes_gcm_key_create(
			gcm, raw, bits == 128 ? DOCA_AES_GCM_KEY_128 : DOCA_AES_GCM_KEY_256, &key));
		OK(doca_aes_gcm_task_encrypt_alloc_init(
			gcm, src, mid, key, iv, iv_len, (uint32_t)tag, (uint32_t)aad, none, &enc));
		OK(run(f, doca_aes_gcm_task_encrypt_as_task(enc)));
		evp_encrypt(raw, bits, iv, (int)iv_len, f->mem, (int)aad, f->mem + aad, (int)len,
			want, want + len, (int)tag);
		assert_int_equal(fix_len(mid), aad + len + tag);
		assert_memory_equal(f->mem + DST, f->mem, aad);
		assert_memory_equal(f->mem + DST + aad, want, len + tag);
		if (round % 3 == 0) /* one bit anywhere */
			f->mem[DST + rnd() % (aad + len + tag)] ^= (uint8_t)(1u << (rnd() % 8));
		OK(doca_aes_gcm_task_decrypt_alloc_init(
			gcm, mid, back, key, iv, iv_len, (uint32_t)tag, (uint32_t)aad, none, &dec));
		if (round % 3 == 0) {
			FAILS(DOCA_ERROR_AUTHENTICATION,
				run(f, doca_aes_gcm_task_decrypt_as_task(dec)));
			assert_int_equal(fix_len(back), 0);
		} else {
			OK(run(f, doca_aes_gcm_task_decrypt_as_task(dec)));
			assert_int_equal(fix_len(back), aad + len);
			assert_memory_equal(f->mem, f->mem + BACK, aad + len);
		}
		OK(doca_aes_gcm_key_destroy(key));
		OK(doca_buf_dec_refcount(src, NULL));
		OK(doca_buf_dec_refcount(mid, NULL));
		OK(doca_buf_dec_refcount(back, NULL));
		free(want);
	}
	OK(doca_ctx_stop(doca_aes_gcm_as_ctx(gcm)));
	OK(doca_aes_gcm_destroy(gcm));
}

/* Test case 4 of the GCM paper (also in SP 800-38D's set). */
static void gcm_vector(void **state)
{
	static const uint8_t raw[16] = {0xfe, 0xff, 0xe9, 0x92, 0x86, 0x65, 0x73, 0x1c, 0x6d, 0x6a,
		0x8f, 0x94, 0x67, 0x30, 0x83, 0x08};
	static const uint8_t iv[12] = {
		0xca, 0xfe, 0xba, 0xbe, 0xfa, 0xce, 0xdb, 0xad, 0xde, 0xca, 0xf8, 0x88};
	static const char plain[] = "feedfacedeadbeeffeedfacedeadbeefabaddad2"
				    "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a"
				    "721c3c0c95956809532fcf0e2449a6b525"
				    "b16aedf5aa0de657ba637b39";
	static const char cipher[] = "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca"
				     "12e21d514b25466931c7d8f6a5aac84aa05"
				     "1ba30b396a0aac973d58e091"
				     "5bc94fbc3221a5db94fae95ae7121a47";
	struct fix *f = *state;
	struct doca_aes_gcm *gcm = make_gcm(f);
	struct doca_buf *src = fix_src(f, SRC, 80), *dst = fix_dst(f, DST, 96);
	struct doca_aes_gcm_task_encrypt *task;
	struct doca_aes_gcm_key *key;
	union doca_data none = {0};
	char text[256];

	for (int i = 0; i < 80; i++) {
		unsigned byte;

		sscanf(plain + 2 * i, "%2x", &byte);
		f->mem[i] = (uint8_t)byte;
	}
	OK(doca_aes_gcm_key_create(gcm, raw, DOCA_AES_GCM_KEY_128, &key));
	OK(doca_aes_gcm_task_encrypt_alloc_init(gcm, src, dst, key, iv, 12, 16, 20, none, &task));
	OK(run(f, doca_aes_gcm_task_encrypt_as_task(task)));
	hex(f->mem + DST + 20, 76, text);
	assert_string_equal(text, cipher);
	FAILS(DOCA_ERROR_IN_USE, doca_aes_gcm_destroy(gcm));
	OK(doca_aes_gcm_key_destroy(key));
	OK(doca_buf_dec_refcount(src, NULL));
	OK(doca_buf_dec_refcount(dst, NULL));
	OK(doca_ctx_stop(doca_aes_gcm_as_ctx(gcm)));
	OK(doca_aes_gcm_destroy(gcm));
}

/* ---- compress ---- */

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

/* ---- erasure coding ---- */

#define BLOCK 192u

static struct doca_ec *make_ec(struct fix *f)
{
	struct doca_ec *ec;

	OK(doca_ec_create(f->dev, &ec));
#define ECONF(t) OK(doca_ec_task_##t##_set_conf(ec, CB(doca_ec_task_##t), ECB(doca_ec_task_##t), 4))
	ECONF(create);
	ECONF(recover);
	ECONF(update);
	start(f, doca_ec_as_ctx(ec));
	return ec;
}

/* All k + m blocks at `all`: data at the front, redundancy by a task. */
static void encode(struct fix *f, struct doca_ec *ec, struct doca_ec_matrix *matrix, unsigned k,
	unsigned m, size_t all)
{
	struct doca_buf *src = fix_src(f, all, k * BLOCK),
			*dst = fix_dst(f, all + k * BLOCK, m * BLOCK);
	struct doca_ec_task_create *task;
	union doca_data none = {0};

	OK(doca_ec_task_create_allocate_init(ec, matrix, src, dst, none, &task));
	OK(run(f, doca_ec_task_create_as_task(task)));
	assert_int_equal(fix_len(dst), m * BLOCK);
	OK(doca_buf_dec_refcount(src, NULL));
	OK(doca_buf_dec_refcount(dst, NULL));
}

static void recover(struct fix *f, struct doca_ec *ec, struct doca_ec_matrix *matrix, unsigned k,
	unsigned m, uint32_t lost)
{
	struct doca_ec_matrix *back;
	struct doca_ec_task_recover *task;
	struct doca_buf *src, *dst;
	union doca_data none = {0};
	uint32_t missing[16];
	size_t n = 0, have = 0;

	for (unsigned i = 0; i < k + m; i++) {
		if (lost & (1u << i))
			missing[n++] = i;
		else if (have < k)
			memcpy(f->mem + DST + have++ * BLOCK, f->mem + i * BLOCK, BLOCK);
	}
	OK(doca_ec_matrix_create_recover(ec, matrix, missing, n, &back));
	src = fix_src(f, DST, k * BLOCK);
	dst = fix_dst(f, BACK, n * BLOCK);
	OK(doca_ec_task_recover_allocate_init(ec, back, src, dst, none, &task));
	OK(run(f, doca_ec_task_recover_as_task(task)));
	for (size_t i = 0; i < n; i++)
		assert_memory_equal(f->mem + BACK + i * BLOCK, f->mem + missing[i] * BLOCK, BLOCK);
	OK(doca_ec_matrix_destroy(back));
	OK(doca_buf_dec_refcount(src, NULL));
	OK(doca_buf_dec_refcount(dst, NULL));
}

/* Every loss of up to m blocks: exhaustive for k + m <= 9, 60 random ones of each shape up to 14.
 */
static void every_loss_is_recovered(void **state)
{
	struct fix *f = *state;
	struct doca_ec *ec = make_ec(f);

	for (int type = DOCA_EC_MATRIX_TYPE_CAUCHY; type <= DOCA_EC_MATRIX_TYPE_VANDERMONDE; type++)
		for (unsigned k = 1; k <= 13; k++)
			for (unsigned m = 1; k + m <= 14; m++) {
				struct doca_ec_matrix *matrix;
				uint32_t all = 1u << (k + m);

				OK(doca_ec_matrix_create(
					ec, (enum doca_ec_matrix_type)type, k, m, &matrix));
				fill_random(f->mem, k * BLOCK);
				encode(f, ec, matrix, k, m, 0);
				for (uint32_t lost = 1; k + m <= 9 && lost < all; lost++)
					if (__builtin_popcount(lost) <= (int)m)
						recover(f, ec, matrix, k, m, lost);
				for (int i = 0; k + m > 9 && i < 60; i++) {
					uint32_t lost = 1 + (uint32_t)(rnd() % (all - 1));

					while (__builtin_popcount(lost) > (int)m)
						lost &= lost - 1;
					recover(f, ec, matrix, k, m, lost);
				}
				OK(doca_ec_matrix_destroy(matrix));
			}
	OK(doca_ctx_stop(doca_ec_as_ctx(ec)));
	OK(doca_ec_destroy(ec));
}

static void updates_equal_encoding_anew(void **state)
{
	struct fix *f = *state;
	struct doca_ec *ec = make_ec(f);
	enum { K = 6, M = 3 };
	struct doca_ec_matrix *matrix, *update;
	uint32_t changed[2] = {4, 1};
	struct doca_ec_task_update *task;
	struct doca_buf *src, *dst;
	union doca_data none = {0};

	OK(doca_ec_matrix_create(ec, DOCA_EC_MATRIX_TYPE_CAUCHY, K, M, &matrix));
	fill_random(f->mem, K * BLOCK);
	encode(f, ec, matrix, K, M, 0);
	/* old 4, old 1, new 4, new 1, old redundancy */
	for (int i = 0; i < 2; i++)
		memcpy(f->mem + DST + i * BLOCK, f->mem + changed[i] * BLOCK, BLOCK);
	for (int i = 0; i < 2; i++) {
		fill_random(f->mem + changed[i] * BLOCK, BLOCK);
		memcpy(f->mem + DST + (2 + i) * BLOCK, f->mem + changed[i] * BLOCK, BLOCK);
	}
	memcpy(f->mem + DST + 4 * BLOCK, f->mem + K * BLOCK, M * BLOCK);
	OK(doca_ec_matrix_create_update(ec, matrix, changed, 2, &update));
	src = fix_src(f, DST, (4 + M) * BLOCK);
	dst = fix_dst(f, BACK, M * BLOCK);
	OK(doca_ec_task_update_allocate_init(ec, update, src, dst, none, &task));
	OK(run(f, doca_ec_task_update_as_task(task)));
	encode(f, ec, matrix, K, M, 0);
	assert_memory_equal(f->mem + BACK, f->mem + K * BLOCK, M * BLOCK);
	OK(doca_buf_dec_refcount(src, NULL));
	OK(doca_buf_dec_refcount(dst, NULL));
	OK(doca_ec_matrix_destroy(update));
	FAILS(DOCA_ERROR_INVALID_VALUE,
		doca_ec_matrix_create(ec, DOCA_EC_MATRIX_TYPE_CAUCHY, 200, 56, &update));
	changed[1] = 4; /* twice */
	FAILS(DOCA_ERROR_INVALID_VALUE,
		doca_ec_matrix_create_recover(ec, matrix, changed, 2, &update));
	FAILS(DOCA_ERROR_IN_USE, doca_ec_destroy(ec));
	OK(doca_ec_matrix_destroy(matrix));
	OK(doca_ctx_stop(doca_ec_as_ctx(ec)));
	OK(doca_ec_destroy(ec));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		fix_test(sha_vectors),
		fix_test(sha_many_at_once),
		fix_test(sha_long_texts_at_once),
		fix_test(sha_in_pieces),
		fix_test(gcm_vector),
		fix_test(gcm_agrees_with_openssl_and_refuses_forgery),
		fix_test(zlib_reads_what_we_write),
		fix_test(we_read_what_zlib_writes),
		fix_test(lz4_frames_of_every_kind),
		fix_test(every_loss_is_recovered),
		fix_test(updates_equal_encoding_anew),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
