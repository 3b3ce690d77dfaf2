/* SPDX-License-Identifier: BSD-3-Clause */
/* SHA against the vectors of FIPS 180-4 and OpenSSL on random texts. */
#include "accel.h"

#include <openssl/evp.h>

#include <doca_sha.h>
#include <doca_softdpu.h>

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

int main(void)
{
	static const struct CMUnitTest tests[] = {
		fix_test(sha_vectors),
		fix_test(sha_many_at_once),
		fix_test(sha_long_texts_at_once),
		fix_test(sha_in_pieces),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
