/* SPDX-License-Identifier: BSD-3-Clause */
#include "engine/aes_gcm/aes_gcm.h"

#include <intel-ipsec-mb.h>
#include <openssl/crypto.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct aes_gcm_key {
	struct gcm_key_data expanded;
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

void aes_gcm_encrypt(const struct aes_gcm_key *key, const uint8_t *iv, size_t iv_len,
	const uint8_t *aad, size_t aad_len, const uint8_t *in, uint8_t *out, size_t len,
	uint8_t *tag, size_t tag_len)
{
	const struct gcm_key_data *k = &key->expanded;
	struct gcm_context_data ctx;

	if (iv_len == 12 && key->is_256) {
		IMB_AES256_GCM_ENC(mgr, k, &ctx, out, in, len, iv, aad, aad_len, tag, tag_len);
	} else if (iv_len == 12) {
		IMB_AES128_GCM_ENC(mgr, k, &ctx, out, in, len, iv, aad, aad_len, tag, tag_len);
	} else {
		begin(key, &ctx, iv, iv_len, aad, aad_len);
		if (key->is_256) {
			IMB_AES256_GCM_ENC_UPDATE(mgr, k, &ctx, out, in, len);
			IMB_AES256_GCM_ENC_FINALIZE(mgr, k, &ctx, tag, tag_len);
		} else {
			IMB_AES128_GCM_ENC_UPDATE(mgr, k, &ctx, out, in, len);
			IMB_AES128_GCM_ENC_FINALIZE(mgr, k, &ctx, tag, tag_len);
		}
	}
}

static void decrypt(const struct aes_gcm_key *key, const uint8_t *iv, size_t iv_len,
	const uint8_t *aad, size_t aad_len, const uint8_t *in, uint8_t *out, size_t len,
	uint8_t *tag, size_t tag_len)
{
	const struct gcm_key_data *k = &key->expanded;
	struct gcm_context_data ctx;

	if (iv_len == 12 && key->is_256) {
		IMB_AES256_GCM_DEC(mgr, k, &ctx, out, in, len, iv, aad, aad_len, tag, tag_len);
	} else if (iv_len == 12) {
		IMB_AES128_GCM_DEC(mgr, k, &ctx, out, in, len, iv, aad, aad_len, tag, tag_len);
	} else {
		begin(key, &ctx, iv, iv_len, aad, aad_len);
		if (key->is_256) {
			IMB_AES256_GCM_DEC_UPDATE(mgr, k, &ctx, out, in, len);
			IMB_AES256_GCM_DEC_FINALIZE(mgr, k, &ctx, tag, tag_len);
		} else {
			IMB_AES128_GCM_DEC_UPDATE(mgr, k, &ctx, out, in, len);
			IMB_AES128_GCM_DEC_FINALIZE(mgr, k, &ctx, tag, tag_len);
		}
	}
}

bool aes_gcm_decrypt(const struct aes_gcm_key *key, const uint8_t *iv, size_t iv_len,
	const uint8_t *aad, size_t aad_len, const uint8_t *in, uint8_t *out, size_t len,
	const uint8_t *tag, size_t tag_len)
{
	uint8_t computed[16];

	decrypt(key, iv, iv_len, aad, aad_len, in, out, len, computed, tag_len);
	if (CRYPTO_memcmp(computed, tag, tag_len) == 0)
		return true;
	OPENSSL_cleanse(out, len);
	return false;
}
