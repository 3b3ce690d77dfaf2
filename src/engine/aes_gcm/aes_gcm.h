/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * aes_gcm: AES-GCM (NIST SP 800-38D) over intel-ipsec-mb, which picks VAES, AES-NI or plain code by
 * the processor. An expanded key is immutable and may be used by any number of threads.
 */
#ifndef ENGINE_AES_GCM_AES_GCM_H
#define ENGINE_AES_GCM_AES_GCM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct aes_gcm_key;

/* raw_len is 16 or 32. NULL without memory. */
struct aes_gcm_key *aes_gcm_key_create(const uint8_t *raw, size_t raw_len);
/* The key material is wiped. */
void aes_gcm_key_destroy(struct aes_gcm_key *key);

/* in and out may be the same or not overlap. tag_len 1..16, iv_len 1..UINT32_MAX. */
void aes_gcm_encrypt(const struct aes_gcm_key *key, const uint8_t *iv, size_t iv_len,
	const uint8_t *aad, size_t aad_len, const uint8_t *in, uint8_t *out, size_t len,
	uint8_t *tag, size_t tag_len);
/* False: the tag is wrong; `out` was cleared. */
bool aes_gcm_decrypt(const struct aes_gcm_key *key, const uint8_t *iv, size_t iv_len,
	const uint8_t *aad, size_t aad_len, const uint8_t *in, uint8_t *out, size_t len,
	const uint8_t *tag, size_t tag_len);

#endif
