/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * sha: SHA-1, SHA-256, SHA-512 (FIPS 180-4). One text at a time over OpenSSL; many at once over the
 * multi-buffer code of intel-ipsec-mb, which hashes up to 16 texts in the lanes of one register.
 * Thread safe; each thread that calls sha_hash_many() gets a manager of its own.
 */
#ifndef ENGINE_SHA_SHA_H
#define ENGINE_SHA_SHA_H

#include <stddef.h>
#include <stdint.h>

#include <openssl/sha.h>

enum sha_alg { SHA_ALG_1, SHA_ALG_256, SHA_ALG_512, SHA_ALGS };

#define SHA_DIGEST_MAX 64

size_t sha_digest_len(enum sha_alg alg);
size_t sha_block_len(enum sha_alg alg);

struct sha_job {
	const uint8_t *src;
	size_t len;
	uint8_t digest[SHA_DIGEST_MAX];
};

void sha_hash(enum sha_alg alg, const void *src, size_t len, uint8_t *digest);
void sha_hash_many(enum sha_alg alg, struct sha_job **jobs, unsigned n);

struct sha_stream {
	enum sha_alg alg;
	union {
		SHA_CTX sha1;
		SHA256_CTX sha256;
		SHA512_CTX sha512;
	};
};

void sha_begin(struct sha_stream *s, enum sha_alg alg);
void sha_add(struct sha_stream *s, const void *src, size_t len);
void sha_end(struct sha_stream *s, uint8_t *digest);

#endif
