/* SPDX-License-Identifier: BSD-3-Clause */
/* AES-GCM against a test case of the GCM paper and OpenSSL on random texts; forgeries. */
#include "accel.h"

#include <openssl/evp.h>

#include <doca_aes_gcm.h>

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

int main(void)
{
	static const struct CMUnitTest tests[] = {
		fix_test(gcm_vector),
		fix_test(gcm_agrees_with_openssl_and_refuses_forgery),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
