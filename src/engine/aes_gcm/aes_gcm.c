/* SPDX-License-Identifier: BSD-3-Clause */
#include "engine/aes_gcm/aes_gcm.h"

#include <intel-ipsec-mb.h>
#include <openssl/crypto.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"

struct aes_gcm_key {
	struct gcm_key_data expanded;
	aes_gcm_enc_dec_t encrypt, decrypt; /* with an IV of 12 bytes */
	bool is_256;
};

/* Only its table of functions is used, which no call changes: one for all threads. */
static IMB_MGR *mgr;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void make_manager(void)
{
	IMB_ARCH arch;

	mgr = alloc_mb_mgr(0);
	if (mgr)
		init_mb_mgr_auto(mgr, &arch);
}

struct aes_gcm_key *aes_gcm_key_create(const uint8_t *raw, size_t raw_len)
{
	struct aes_gcm_key *key = aligned_alloc(64, (sizeof(*key) + 63) & ~(size_t)63);

	pthread_once(&once, make_manager);
	if (!key || !mgr) {
		free(key);
		return NULL;
	}
	key->is_256 = raw_len == 32;
	key->encrypt = key->is_256 ? mgr->gcm256_enc : mgr->gcm128_enc;
	key->decrypt = key->is_256 ? mgr->gcm256_dec : mgr->gcm128_dec;
	if (key->is_256)
		IMB_AES256_GCM_PRE(mgr, raw, &key->expanded);
	else
		IMB_AES128_GCM_PRE(mgr, raw, &key->expanded);
	return key;
}

void aes_gcm_key_destroy(struct aes_gcm_key *key)
{
	if (key)
		OPENSSL_cleanse(key, sizeof(*key));
	free(key);
}

/* GCM's own IV is 12 bytes; another length is hashed into the counter block. */
static void begin(const struct aes_gcm_key *key, struct gcm_context_data *ctx, const uint8_t *iv,
	size_t iv_len, const uint8_t *aad, size_t aad_len)
{
	if (key->is_256)
		IMB_AES256_GCM_INIT_VAR_IV(mgr, &key->expanded, ctx, iv, iv_len, aad, aad_len);
	else
		IMB_AES128_GCM_INIT_VAR_IV(mgr, &key->expanded, ctx, iv, iv_len, aad, aad_len);
}

/* The long way, in three calls. */
static void encrypt_any_iv(const struct aes_gcm_key *key, struct gcm_context_data *ctx,
	const uint8_t *in, uint8_t *out, size_t len, uint8_t *tag, size_t tag_len)
{
	if (key->is_256) {
		IMB_AES256_GCM_ENC_UPDATE(mgr, &key->expanded, ctx, out, in, len);
		IMB_AES256_GCM_ENC_FINALIZE(mgr, &key->expanded, ctx, tag, tag_len);
	} else {
		IMB_AES128_GCM_ENC_UPDATE(mgr, &key->expanded, ctx, out, in, len);
		IMB_AES128_GCM_ENC_FINALIZE(mgr, &key->expanded, ctx, tag, tag_len);
	}
}

static void decrypt_any_iv(const struct aes_gcm_key *key, struct gcm_context_data *ctx,
	const uint8_t *in, uint8_t *out, size_t len, uint8_t *tag, size_t tag_len)
{
	if (key->is_256) {
		IMB_AES256_GCM_DEC_UPDATE(mgr, &key->expanded, ctx, out, in, len);
		IMB_AES256_GCM_DEC_FINALIZE(mgr, &key->expanded, ctx, tag, tag_len);
	} else {
		IMB_AES128_GCM_DEC_UPDATE(mgr, &key->expanded, ctx, out, in, len);
		IMB_AES128_GCM_DEC_FINALIZE(mgr, &key->expanded, ctx, tag, tag_len);
	}
}

void aes_gcm_encrypt(const struct aes_gcm_key *key, const uint8_t *iv, size_t iv_len,
	const uint8_t *aad, size_t aad_len, const uint8_t *in, uint8_t *out, size_t len,
	uint8_t *tag, size_t tag_len)
{
	struct gcm_context_data ctx;

	if (likely(iv_len == 12)) {
		key->encrypt(
			&key->expanded, &ctx, out, in, len, iv, aad, aad_len, tag, tag_len);
		return;
	}
	begin(key, &ctx, iv, iv_len, aad, aad_len);
	encrypt_any_iv(key, &ctx, in, out, len, tag, tag_len);
}

bool aes_gcm_decrypt(const struct aes_gcm_key *key, const uint8_t *iv, size_t iv_len,
	const uint8_t *aad, size_t aad_len, const uint8_t *in, uint8_t *out, size_t len,
	const uint8_t *tag, size_t tag_len)
{
	struct gcm_context_data ctx;
	uint8_t computed[16];

	if (likely(iv_len == 12)) {
		key->decrypt(&key->expanded, &ctx, out, in, len, iv, aad, aad_len, computed,
			tag_len);
	} else {
		begin(key, &ctx, iv, iv_len, aad, aad_len);
		decrypt_any_iv(key, &ctx, in, out, len, computed, tag_len);
	}
	if (CRYPTO_memcmp(computed, tag, tag_len) == 0)
		return true;
	OPENSSL_cleanse(out, len);
	return false;
}
