/* SPDX-License-Identifier: BSD-3-Clause */
#include "nvme/dhchap.h"

#include <errno.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/dh.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"
#include "base/refuse.h"

struct dhchap_dh {
	EVP_PKEY *key;
	char group[12];
};

static const EVP_MD *digest_of(uint8_t hash)
{
	switch (hash) {
	case DHCHAP_SHA256:
		return EVP_sha256();
	case DHCHAP_SHA384:
		return EVP_sha384();
	case DHCHAP_SHA512:
		return EVP_sha512();
	default:
		return NULL;
	}
}

size_t dhchap_hash_len(uint8_t hash)
{
	const EVP_MD *md = digest_of(hash);

	return md ? (size_t)EVP_MD_size(md) : 0;
}

int dhchap_key_parse(const char *text, struct secret *key)
{
	return secret_parse(text, "DHHC-1", key);
}

static int hmac(uint8_t hash, const void *key, size_t key_len, const uint8_t *text, size_t len, uint8_t *out)
{
	unsigned n = 0;

	return HMAC(digest_of(hash), key, (int)key_len, text, len, out, &n) ? 0 : -EIO;
}

/* Base 8.13.5.7: the secret is bound to the NQN it belongs to. */
static int transform(const struct secret *key, const char *nqn, uint8_t out[DHCHAP_HASH_MAX], size_t *len)
{
	char text[300];
	int n;

	if (!key->hash) {
		memcpy(out, key->bytes, key->len);
		*len = key->len;
		return 0;
	}
	n = snprintf(text, sizeof(text), "%sNVMe-over-Fabrics", nqn);
	*len = dhchap_hash_len(key->hash);
	return hmac(key->hash, key->bytes, key->len, (const uint8_t *)text, (size_t)n, out);
}

int dhchap_response(const struct secret *key, const char *key_nqn, uint8_t hash, const uint8_t *challenge,
	uint32_t seq, uint16_t tid, const char *role, const char *first_nqn, const char *second_nqn, uint8_t *out)
{
	uint8_t secret[DHCHAP_HASH_MAX], text[DHCHAP_HASH_MAX + 20 + 2 * 256];
	size_t hl = dhchap_hash_len(hash), secret_len, at = 0;
	int err = transform(key, key_nqn, secret, &secret_len);

	if (err)
		return err;
	memcpy(text, challenge, hl);
	at = hl;
	memcpy(text + at, &seq, 4);
	memcpy(text + at + 4, &tid, 2);
	text[at + 6] = 0; /* SC_C: no secure channel concatenation */
	at += 7;
	at += (size_t)snprintf((char *)text + at, sizeof(text) - at, "%s%.223s", role, first_nqn);
	text[at++] = 0;
	at += (size_t)snprintf((char *)text + at, sizeof(text) - at, "%.223s", second_nqn);
	err = hmac(hash, secret, secret_len, text, at, out);
	OPENSSL_cleanse(secret, sizeof(secret));
	return err;
}

int dhchap_augment(uint8_t hash, const uint8_t *secret, size_t len, const uint8_t *challenge, uint8_t *out)
{
	uint8_t session[DHCHAP_HASH_MAX];
	size_t hl = dhchap_hash_len(hash);

	if (!EVP_Digest(secret, len, session, NULL, digest_of(hash), NULL))
		return -EIO;
	return hmac(hash, session, hl, challenge, hl, out);
}

/* --- Diffie-Hellman --- */

struct dhchap_dh *dhchap_dh_new(uint8_t group)
{
	static const char *const names[] = {NULL, "ffdhe2048", "ffdhe3072", "ffdhe4096", "ffdhe6144", "ffdhe8192"};
	struct dhchap_dh *dh;
	OSSL_PARAM params[2];
	EVP_PKEY_CTX *ctx;

	if (!group || group >= ARRAY_SIZE(names) || !(dh = calloc(1, sizeof(*dh))))
		return NULL;
	snprintf(dh->group, sizeof(dh->group), "%s", names[group]);
	params[0] = OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, dh->group, 0);
	params[1] = OSSL_PARAM_construct_end();
	ctx = EVP_PKEY_CTX_new_from_name(NULL, "DH", NULL);
	if (!ctx || EVP_PKEY_keygen_init(ctx) <= 0 || EVP_PKEY_CTX_set_params(ctx, params) <= 0 ||
		EVP_PKEY_generate(ctx, &dh->key) <= 0) {
		free(dh);
		dh = NULL;
	}
	EVP_PKEY_CTX_free(ctx);
	return dh;
}

void dhchap_dh_free(struct dhchap_dh *dh)
{
	if (!dh)
		return;
	EVP_PKEY_free(dh->key);
	free(dh);
}

size_t dhchap_dh_public(const struct dhchap_dh *dh, uint8_t out[DHCHAP_DH_MAX])
{
	size_t size = (size_t)EVP_PKEY_get_size(dh->key);
	BIGNUM *pub = NULL;
	int n = -1;

	if (EVP_PKEY_get_bn_param(dh->key, OSSL_PKEY_PARAM_PUB_KEY, &pub) && size <= DHCHAP_DH_MAX)
		n = BN_bn2binpad(pub, out, (int)size);
	BN_free(pub);
	return n > 0 ? (size_t)n : 0;
}

static EVP_PKEY *peer_key(const struct dhchap_dh *dh, const uint8_t *peer, size_t len)
{
	EVP_PKEY *key = EVP_PKEY_new();

	if (key && EVP_PKEY_copy_parameters(key, dh->key) > 0 && EVP_PKEY_set1_encoded_public_key(key, peer, len) > 0)
		return key;
	EVP_PKEY_free(key);
	return NULL;
}

int dhchap_dh_secret(const struct dhchap_dh *dh, const uint8_t *peer, size_t len, uint8_t out[DHCHAP_DH_MAX],
	size_t *out_len)
{
	EVP_PKEY *key = peer_key(dh, peer, len);
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(dh->key, NULL);
	bool ok = key && ctx && EVP_PKEY_derive_init(ctx) > 0 && EVP_PKEY_CTX_set_dh_pad(ctx, 1) > 0 &&
		  EVP_PKEY_derive_set_peer(ctx, key) > 0; /* refuses values outside the group */

	*out_len = DHCHAP_DH_MAX;
	ok = ok && EVP_PKEY_derive(ctx, out, out_len) > 0;
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(key);
	return ok ? 0 : -EINVAL;
}

void dhchap_random(uint8_t *out, size_t len)
{
	if (RAND_bytes(out, (int)len) != 1)
		abort(); /* no randomness, no authentication */
}

bool dhchap_same(const uint8_t *a, const uint8_t *b, size_t len)
{
	return !CRYPTO_memcmp(a, b, len);
}
