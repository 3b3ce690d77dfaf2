/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Pre-shared keys of NVMe/TCP over TLS 1.3 (TCP transport 1.0, 3.6.1): from the configured key's text to what
 * the handshake needs.
 *
 *     configured PSK  NVMeTLSkey-1:<hash>:...:
 *     retained PSK    HKDF of it with the host's NQN; hash 00: the configured one itself
 *     identity        "NVMe0R<hash> HOSTNQN SUBNQN", or version 1: "NVMe1R<hash> HOSTNQN SUBNQN DIGEST"
 *     TLS PSK         HKDF of the retained one with the identity (0) or hash and digest (1)
 *
 * The hash is 01 SHA-256 or 02 SHA-384, and with it the cipher suite: TLS_AES_128_GCM_SHA256 or
 * TLS_AES_256_GCM_SHA384. A key with hash 00 uses the one of its length. Pure functions, any thread.
 */
#ifndef NVME_TLS_PSK_H
#define NVME_TLS_PSK_H

#include <stdint.h>
#include <stddef.h>

#include "nvme/spec.h"

#define TLS_PSK_IDENTITY_MAX 600u
#define TLS_PSK_BYTES_MAX 48u

enum { TLS_PSK_SHA256 = 1, TLS_PSK_SHA384 = 2 };

struct tls_psk {
	char identity[TLS_PSK_IDENTITY_MAX];
	uint8_t bytes[TLS_PSK_BYTES_MAX];
	size_t len;
	uint8_t hash;
};

struct tls_psk_name { /* an identity taken apart */
	uint8_t version, hash;
	char hostnqn[NVME_NQN_SIZE], subnqn[NVME_NQN_SIZE];
};

/* Is it a configured PSK? 0/-EINVAL with a refusal. */
int tls_psk_check(const char *text);
/* version 0 or 1; -1 = 0, and 1 where the names are too long for 0. -EINVAL, -EIO with a refusal. Wipe it after. */
int tls_psk_derive(const char *text, const char *hostnqn, const char *subnqn, int version, struct tls_psk *out);
/* What a peer offers, untrusted: len bytes without an end. -EINVAL. */
int tls_psk_split(const void *identity, size_t len, struct tls_psk_name *out);

#endif
