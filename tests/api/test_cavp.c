/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * NIST's vectors (Cryptographic Algorithm Validation Program) through the public API: SHA-1, SHA-256 and
 * SHA-512 short, long and Monte Carlo; AES-GCM encryption and decryption, forgeries among them. The response
 * files are those of Debian's python3-cryptography-vectors. Left out are what the libraries refuse by their
 * capabilities: IVs over 12 bytes and tags of other lengths than 12 and 16 bytes.
 */
#include "fixture.h"

#include <ctype.h>
#include <unistd.h>

#include <doca_aes_gcm.h>
#include <doca_sha.h>

#define VECTORS "/usr/lib/python3/dist-packages/cryptography_vectors/"
#define DST (1u << 20)
#define LINE_MAX_LEN 200000

static unsigned done, failed;

static void on_done(void *task, union doca_data a, union doca_data b)
{
	done++;
}

static void on_error(void *task, union doca_data a, union doca_data b)
{
	failed++;
}

#define CB(type) ((void (*)(struct type *, union doca_data, union doca_data))(void *)on_done)
#define ECB(type) ((void (*)(struct type *, union doca_data, union doca_data))(void *)on_error)

/* ---- response files ---- */

struct field {
	char name[16];
	char *value; /* into the line */
};

static char line[LINE_MAX_LEN];

static FILE *open_vectors(const char *name)
{
	char path[256];
	FILE *f;

	snprintf(path, sizeof(path), VECTORS "%s", name);
	f = fopen(path, "r");
	if (!f)
		fail_msg("%s: install python3-cryptography-vectors", path);
	return f;
}

/* The next "Name = value", "[Name = value]" or "FAIL" line. */
static bool next_field(FILE *f, struct field *field)
{
	while (fgets(line, sizeof(line), f)) {
		char *at = line + (*line == '['), *eq = strstr(at, " =");
		size_t n = eq ? (size_t)(eq - at) : strcspn(at, "\r\n");

		if (*at == '#' || !n || n >= sizeof(field->name))
			continue;
		memcpy(field->name, at, n);
		field->name[n] = '\0';
		field->value = eq ? eq + 2 + strspn(eq + 2, " ") : at + n;
		field->value[strcspn(field->value, "]\r\n")] = '\0';
		return true;
	}
	return false;
}

static size_t bytes_of(const char *hex, uint8_t *out, size_t room)
{
	size_t n = 0;

	for (; isxdigit((unsigned char)hex[0]) && isxdigit((unsigned char)hex[1]); hex += 2) {
		char pair[3] = {hex[0], hex[1], '\0'};

		assert_true(n < room);
		out[n++] = (uint8_t)strtoul(pair, NULL, 16);
	}
	return n;
}

static bool is(const struct field *f, const char *name)
{
	return !strcmp(f->name, name);
}

/* ---- SHA ---- */

static struct doca_sha *sha;

static void open_sha(struct fix *f)
{
	OK(doca_sha_create(f->dev, &sha));
	OK(doca_sha_task_hash_set_conf(sha, CB(doca_sha_task_hash), ECB(doca_sha_task_hash), 2));
	OK(doca_pe_connect_ctx(f->pe, doca_sha_as_ctx(sha)));
	OK(doca_ctx_start(doca_sha_as_ctx(sha)));
}

static void close_sha(void)
{
	OK(doca_ctx_stop(doca_sha_as_ctx(sha)));
	OK(doca_sha_destroy(sha));
}

/* The digest of the first `len` bytes of the memory. */
static size_t hash(struct fix *f, enum doca_sha_algorithm alg, size_t len, uint8_t *digest)
{
	struct doca_buf *src = fix_src(f, 0, len), *dst = fix_dst(f, DST, 64);
	struct doca_sha_task_hash *t;
	unsigned before = done;
	size_t n;

	OK(doca_sha_task_hash_alloc_init(sha, alg, src, dst, (union doca_data){0}, &t));
	OK(doca_task_submit(doca_sha_task_hash_as_task(t)));
	fix_until(f->pe, &done, before + 1);
	n = fix_len(dst);
	memcpy(digest, f->mem + DST, n);
	doca_task_free(doca_sha_task_hash_as_task(t));
	OK(doca_buf_dec_refcount(src, NULL));
	OK(doca_buf_dec_refcount(dst, NULL));
	return n;
}

static unsigned messages(struct fix *f, const char *name, enum doca_sha_algorithm alg)
{
	FILE *file = open_vectors(name);
	struct field field;
	uint8_t want[64], got[64];
	size_t len = 0;
	unsigned n = 0;

	while (next_field(file, &field)) {
		if (is(&field, "Len"))
			len = strtoul(field.value, NULL, 10) / 8;
		if (is(&field, "Msg"))
			assert_true(bytes_of(field.value, f->mem, DST) >= len);
		if (!is(&field, "MD"))
			continue;
		bytes_of(field.value, want, sizeof(want));
		assert_memory_equal(got, want, hash(f, alg, len, got));
		n++;
	}
	fclose(file);
	return n;
}

/* SHAVS 6.4: a thousand digests, each of the three before it, make one of the hundred told. */
static unsigned monte(struct fix *f, const char *name, enum doca_sha_algorithm alg)
{
	FILE *file = open_vectors(name);
	struct field field;
	uint8_t seed[64], want[64], md[64];
	size_t len = 0;
	unsigned n = 0;

	while (next_field(file, &field)) {
		if (is(&field, "Seed"))
			len = bytes_of(field.value, seed, sizeof(seed));
		if (!is(&field, "MD"))
			continue;
		for (int i = 0; i < 3; i++)
			memcpy(f->mem + (size_t)i * len, seed, len);
		for (int i = 0; i < 1000; i++) {
			hash(f, alg, 3 * len, md);
			memmove(f->mem, f->mem + len, 2 * len);
			memcpy(f->mem + 2 * len, md, len);
		}
		memcpy(seed, md, len);
		bytes_of(field.value, want, sizeof(want));
		assert_memory_equal(md, want, len);
		n++;
	}
	fclose(file);
	return n;
}

static void sha_vectors(void **state)
{
	struct fix *f = *state;
	unsigned n = 0;

	open_sha(f);
	n += messages(f, "hashes/SHA1/SHA1ShortMsg.rsp", DOCA_SHA_ALGORITHM_SHA1);
	n += messages(f, "hashes/SHA1/SHA1LongMsg.rsp", DOCA_SHA_ALGORITHM_SHA1);
	n += messages(f, "hashes/SHA2/SHA256ShortMsg.rsp", DOCA_SHA_ALGORITHM_SHA256);
	n += messages(f, "hashes/SHA2/SHA256LongMsg.rsp", DOCA_SHA_ALGORITHM_SHA256);
	n += messages(f, "hashes/SHA2/SHA512ShortMsg.rsp", DOCA_SHA_ALGORITHM_SHA512);
	n += messages(f, "hashes/SHA2/SHA512LongMsg.rsp", DOCA_SHA_ALGORITHM_SHA512);
	n += monte(f, "hashes/SHA1/SHA1Monte.rsp", DOCA_SHA_ALGORITHM_SHA1);
	n += monte(f, "hashes/SHA2/SHA256Monte.rsp", DOCA_SHA_ALGORITHM_SHA256);
	n += monte(f, "hashes/SHA2/SHA512Monte.rsp", DOCA_SHA_ALGORITHM_SHA512);
	print_message("# %u vectors\n", n);
	assert_true(n > 700);
	close_sha();
}

/* ---- AES-GCM ---- */

struct vector {
	uint8_t key[32], iv[128], aad[128], tag[16], pt[128], ct[128];
	size_t key_len, iv_len, aad_len, tag_len, pt_len, ct_len;
	bool forged;
};

static struct doca_aes_gcm *gcm;

static void open_gcm(struct fix *f)
{
	OK(doca_aes_gcm_create(f->dev, &gcm));
	OK(doca_aes_gcm_task_encrypt_set_conf(
		gcm, CB(doca_aes_gcm_task_encrypt), ECB(doca_aes_gcm_task_encrypt), 1));
	OK(doca_aes_gcm_task_decrypt_set_conf(
		gcm, CB(doca_aes_gcm_task_decrypt), ECB(doca_aes_gcm_task_decrypt), 1));
	OK(doca_pe_connect_ctx(f->pe, doca_aes_gcm_as_ctx(gcm)));
	OK(doca_ctx_start(doca_aes_gcm_as_ctx(gcm)));
}

static bool is_offered(const struct vector *v)
{
	return (v->key_len == 16 || v->key_len == 32) && v->iv_len <= 12 &&
	       (v->tag_len == 12 || v->tag_len == 16);
}

static bool run(struct fix *f, struct doca_task *task)
{
	unsigned before = failed, sum = done + failed;

	OK(doca_task_submit(task));
	while (done + failed == sum)
		doca_pe_progress(f->pe);
	doca_task_free(task);
	return failed == before;
}

/* Source and destination hold the AAD first, as the library has it. */
static void check(struct fix *f, const struct vector *v, bool decrypt)
{
	size_t in_len = v->aad_len + (decrypt ? v->ct_len + v->tag_len : v->pt_len);
	struct doca_aes_gcm_task_encrypt *enc;
	struct doca_aes_gcm_task_decrypt *dec;
	struct doca_buf *src, *dst = fix_dst(f, DST, 512);
	struct doca_aes_gcm_key *key;
	uint8_t *at = f->mem + v->aad_len, *out = f->mem + DST + v->aad_len;
	union doca_data none = {0};
	uint32_t iv = (uint32_t)v->iv_len, tag = (uint32_t)v->tag_len, aad = (uint32_t)v->aad_len;

	memcpy(f->mem, v->aad, v->aad_len);
	memcpy(at, decrypt ? v->ct : v->pt, decrypt ? v->ct_len : v->pt_len);
	memcpy(at + v->ct_len, v->tag, decrypt ? v->tag_len : 0);
	src = fix_src(f, 0, 512);
	OK(doca_buf_set_data_len(src, in_len));
	OK(doca_aes_gcm_key_create(
		gcm, v->key, v->key_len == 16 ? DOCA_AES_GCM_KEY_128 : DOCA_AES_GCM_KEY_256, &key));
	if (decrypt) {
		OK(doca_aes_gcm_task_decrypt_alloc_init(
			gcm, src, dst, key, v->iv, iv, tag, aad, none, &dec));
		assert_int_equal(run(f, doca_aes_gcm_task_decrypt_as_task(dec)), !v->forged);
		if (!v->forged)
			assert_memory_equal(out, v->pt, v->pt_len);
	} else {
		OK(doca_aes_gcm_task_encrypt_alloc_init(
			gcm, src, dst, key, v->iv, iv, tag, aad, none, &enc));
		assert_true(run(f, doca_aes_gcm_task_encrypt_as_task(enc)));
		assert_memory_equal(out, v->ct, v->ct_len);
		assert_memory_equal(out + v->ct_len, v->tag, v->tag_len);
	}
	OK(doca_aes_gcm_key_destroy(key));
	OK(doca_buf_dec_refcount(src, NULL));
	OK(doca_buf_dec_refcount(dst, NULL));
}

/* A vector ends where the next begins, or the file. */
static void end_vector(
	struct fix *f, struct vector *v, bool decrypt, unsigned *n, unsigned *left_out)
{
	if (v->key_len && is_offered(v)) {
		check(f, v, decrypt);
		(*n)++;
	} else if (v->key_len) {
		(*left_out)++;
	}
	memset(v, 0, sizeof(*v));
}

static void gcm_file(struct fix *f, const char *name, bool decrypt)
{
	FILE *file = open_vectors(name);
	unsigned n = 0, left_out = 0;
	struct field field;
	struct vector v = {.key_len = 0};

	while (next_field(file, &field)) {
		if (is(&field, "Count") || is(&field, "Keylen"))
			end_vector(f, &v, decrypt, &n, &left_out);
		else if (is(&field, "Key"))
			v.key_len = bytes_of(field.value, v.key, sizeof(v.key));
		else if (is(&field, "IV"))
			v.iv_len = bytes_of(field.value, v.iv, sizeof(v.iv));
		else if (is(&field, "AAD"))
			v.aad_len = bytes_of(field.value, v.aad, sizeof(v.aad));
		else if (is(&field, "Tag"))
			v.tag_len = bytes_of(field.value, v.tag, sizeof(v.tag));
		else if (is(&field, "PT"))
			v.pt_len = bytes_of(field.value, v.pt, sizeof(v.pt));
		else if (is(&field, "CT"))
			v.ct_len = bytes_of(field.value, v.ct, sizeof(v.ct));
		else if (is(&field, "FAIL"))
			v.forged = true;
	}
	end_vector(f, &v, decrypt, &n, &left_out);
	fclose(file);
	print_message("# %s: %u vectors, %u beyond the capabilities\n", name, n, left_out);
	assert_true(n > 1000);
}

static void gcm_vectors(void **state)
{
	struct fix *f = *state;

	open_gcm(f);
	gcm_file(f, "ciphers/AES/GCM/gcmEncryptExtIV128.rsp", false);
	gcm_file(f, "ciphers/AES/GCM/gcmEncryptExtIV256.rsp", false);
	gcm_file(f, "ciphers/AES/GCM/gcmDecrypt128.rsp", true);
	gcm_file(f, "ciphers/AES/GCM/gcmDecrypt256.rsp", true);
	OK(doca_ctx_stop(doca_aes_gcm_as_ctx(gcm)));
	OK(doca_aes_gcm_destroy(gcm));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		fix_test(sha_vectors),
		fix_test(gcm_vectors),
	};

	if (access(VECTORS, R_OK)) {
		printf("1..0 # SKIP python3-cryptography-vectors is not installed\n");
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
