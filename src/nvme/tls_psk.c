/* SPDX-License-Identifier: BSD-3-Clause */
#include "nvme/tls_psk.h"

#include <errno.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/kdf.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/refuse.h"
#include "nvme/secret.h"

#define PREFIX "NVMeTLSkey-1"
#define CONTEXT_MAX 255u /* HKDF-Expand-Label (RFC 8446, 7.1) */

static const EVP_MD *digest_of(uint8_t hash)
{
	return hash == TLS_PSK_SHA384 ? EVP_sha384() : EVP_sha256();
}

static size_t digest_len(uint8_t hash)
{
	return hash == TLS_PSK_SHA384 ? 48 : 32;
}

/* --- HKDF --- */

/* HKDF-Extract without salt, then HKDF-Expand with `info` (RFC 5869). */
static int hkdf(uint8_t hash, const uint8_t *ikm, size_t ikm_len, const uint8_t *info, size_t info_len, uint8_t *out,
	size_t out_len)
{
	EVP_PKEY_CTX *c = EVP_PKEY_CTX_new_id(EVP_PKEY_HKDF, NULL);
	bool ok = c && EVP_PKEY_derive_init(c) > 0 && EVP_PKEY_CTX_set_hkdf_md(c, digest_of(hash)) > 0 &&
		  EVP_PKEY_CTX_set1_hkdf_key(c, ikm, (int)ikm_len) > 0 &&
		  EVP_PKEY_CTX_add1_hkdf_info(c, info, (int)info_len) > 0 && EVP_PKEY_derive(c, out, &out_len) > 0;

	EVP_PKEY_CTX_free(c);
	return ok ? 0 : refuse(EIO, "OpenSSL derives no key (HKDF)");
}

/* The info of HKDF-Expand-Label: length, "tls13 " label, context. */
static int expand_label(uint8_t hash, const uint8_t *ikm, size_t ikm_len, const char *label, const char *context,
	uint8_t *out, size_t out_len)
{
	uint8_t info[2 + 1 + 6 + 12 + 1 + CONTEXT_MAX];
	size_t label_len = strlen(label), context_len = strlen(context), at = 0;

	if (context_len > CONTEXT_MAX)
		return refuse(EINVAL, "the NQNs are too long for a TLS identity of version 0: %zu bytes, at most %u",
			context_len, CONTEXT_MAX);
	info[at++] = (uint8_t)(out_len >> 8);
	info[at++] = (uint8_t)out_len;
	info[at++] = (uint8_t)(6 + label_len);
	memcpy(info + at, "tls13 ", 6);
	memcpy(info + at + 6, label, label_len);
	at += 6 + label_len;
	info[at++] = (uint8_t)context_len;
	memcpy(info + at, context, context_len);
	return hkdf(hash, ikm, ikm_len, info, at + context_len, out, out_len);
}

/* --- from text to key --- */

static int parse(const char *text, struct secret *key)
{
	int err = secret_parse(text, PREFIX, key);

	if (!err && (key->len > TLS_PSK_BYTES_MAX || key->hash > TLS_PSK_SHA384))
		err = refuse(EINVAL, "a " PREFIX " key: expected 32 or 48 bytes and hash 00, 01 or 02");
	return err;
}

int tls_psk_check(const char *text)
{
	struct secret key;
	int err = parse(text, &key);

	secret_wipe(&key, sizeof(key));
	return err;
}

static int retain(struct secret *key, const char *hostnqn)
{
	uint8_t out[TLS_PSK_BYTES_MAX];
	int err;

	if (!key->hash)
		return 0;
	err = expand_label(key->hash, key->bytes, key->len, "HostNQN", hostnqn, out, key->len);
	if (!err)
		memcpy(key->bytes, out, key->len);
	secret_wipe(out, sizeof(out));
	return err;
}

/* The digest of version 1: which key it is, without saying it. */
static int key_digest(const struct secret *retained, uint8_t hash, const char *hostnqn, const char *subnqn, char base64[72])
{
	char text[2 * NVME_NQN_SIZE + 24];
	uint8_t sum[EVP_MAX_MD_SIZE];
	unsigned n = 0;
	int len = snprintf(text, sizeof(text), "%s %s NVMe-over-Fabrics", hostnqn, subnqn);

	if (!HMAC(digest_of(hash), retained->bytes, (int)retained->len, (const uint8_t *)text, (size_t)len, sum, &n))
		return refuse(EIO, "OpenSSL makes no digest (HMAC)");
	EVP_EncodeBlock((uint8_t *)base64, sum, (int)n);
	return 0;
}

static int derive(const struct secret *retained, const char *hostnqn, const char *subnqn, int version, struct tls_psk *out)
{
	char context[TLS_PSK_IDENTITY_MAX], base64[72] = "";
	int err = version ? key_digest(retained, out->hash, hostnqn, subnqn, base64) : 0;

	if (err)
		return err;
	snprintf(out->identity, sizeof(out->identity), "NVMe%dR%02d %s %s%s%s", version, out->hash, hostnqn, subnqn,
		version ? " " : "", base64);
	if (version)
		snprintf(context, sizeof(context), "%02d %s", out->hash, base64);
	else
		snprintf(context, sizeof(context), "%s", out->identity);
	return expand_label(out->hash, retained->bytes, retained->len, "nvme-tls-psk", context, out->bytes, out->len);
}

int tls_psk_derive(const char *text, const char *hostnqn, const char *subnqn, int version, struct tls_psk *out)
{
	struct secret key;
	int err = parse(text, &key);

	if (!err && (strlen(hostnqn) >= NVME_NQN_SIZE || strlen(subnqn) >= NVME_NQN_SIZE))
		err = refuse(EINVAL, "an NQN of more than %d bytes", NVME_NQN_SIZE - 1);
	if (version < 0)
		version = strlen("NVMe0R01 ") + strlen(hostnqn) + 1 + strlen(subnqn) > CONTEXT_MAX;
	if (!err) {
		out->hash = key.hash ? key.hash : key.len == 48 ? TLS_PSK_SHA384 : TLS_PSK_SHA256;
		out->len = digest_len(out->hash);
		err = retain(&key, hostnqn);
	}
	if (!err)
		err = derive(&key, hostnqn, subnqn, version, out);
	secret_wipe(&key, sizeof(key));
	return err;
}

/* --- from the wire --- */

static bool take_word(const char **at, const char *end, char *out, size_t size)
{
	size_t n = 0;

	while (*at < end && **at != ' ')
		(*at)++, n++;
	if (!n || n >= size)
		return false;
	memcpy(out, *at - n, n);
	out[n] = '\0';
	*at += *at < end;
	return true;
}

int tls_psk_split(const void *identity, size_t len, struct tls_psk_name *out)
{
	const char *at = identity, *end = at + len;
	char head[9], digest[72];

	if (len >= TLS_PSK_IDENTITY_MAX || memchr(identity, 0, len) || !take_word(&at, end, head, sizeof(head)))
		return -EINVAL;
	if (strlen(head) != 8 || memcmp(head, "NVMe", 4) || head[4] < '0' || head[4] > '1' || head[5] != 'R' ||
		head[6] != '0' || head[7] < '1' || head[7] > '2')
		return -EINVAL;
	out->version = (uint8_t)(head[4] - '0');
	out->hash = (uint8_t)(head[7] - '0');
	if (!take_word(&at, end, out->hostnqn, sizeof(out->hostnqn)) ||
		!take_word(&at, end, out->subnqn, sizeof(out->subnqn)))
		return -EINVAL;
	if (out->version && !take_word(&at, end, digest, sizeof(digest)))
		return -EINVAL;
	return at == end ? 0 : -EINVAL;
}
