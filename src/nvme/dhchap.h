/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * DH-HMAC-CHAP (Base 8.13.5): the messages on the wire and the cryptography both ends share. Keys come as
 * DHHC-1:<hash>:<base64 of key and CRC-32>: texts; OpenSSL does the hashing and Diffie-Hellman (RFC 7919).
 */
#ifndef NVME_DHCHAP_H
#define NVME_DHCHAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "nvme/secret.h"

#define DHCHAP_HASH_MAX 64u
#define DHCHAP_DH_MAX 1024u	/* ffdhe8192 */
#define DHCHAP_SECP 0xe9	/* of AUTH_Send and AUTH_Receive; SPSP0 and SPSP1 are 1 */
#define DHCHAP_MESSAGE_MAX (16u + 2 * DHCHAP_HASH_MAX + DHCHAP_DH_MAX)

enum { DHCHAP_SHA256 = 1, DHCHAP_SHA384 = 2, DHCHAP_SHA512 = 3 };
enum { /* auth_type << 8 | auth_id */
	AUTH_NEGOTIATE = 0x0000,
	AUTH_CHALLENGE = 0x0101,
	AUTH_REPLY = 0x0102,
	AUTH_SUCCESS1 = 0x0103,
	AUTH_SUCCESS2 = 0x0104,
	AUTH_FAILURE1 = 0x00f0,
	AUTH_FAILURE2 = 0x00f1,
};
enum { /* explanation of a failure; its reason code is always 1, authentication failed */
	AUTH_FAILED = 1,
	AUTH_NO_PROTOCOL = 2,
	AUTH_NO_SECURE_CHANNEL = 3,
	AUTH_NO_HASH = 4,
	AUTH_NO_GROUP = 5,
	AUTH_BAD_PAYLOAD = 6,
	AUTH_BAD_MESSAGE = 7,
};

struct auth_head {
	uint8_t type, id;
	uint16_t rsvd, tid;
} __attribute__((packed));
struct auth_negotiate {
	struct auth_head h;
	uint8_t sc_c, napd;
	struct {
		uint8_t authid, rsvd, halen, dhlen;
		uint8_t hashes[30], groups[30];
	} __attribute__((packed)) protocol[];
} __attribute__((packed));
struct auth_challenge {
	struct auth_head h;
	uint8_t hl, rsvd, hash, group;
	uint16_t dhvlen;
	uint32_t seq;
	uint8_t value[]; /* hl bytes, then dhvlen bytes */
} __attribute__((packed));
struct auth_reply {
	struct auth_head h;
	uint8_t hl, rsvd, cvalid, rsvd2;
	uint16_t dhvlen;
	uint32_t seq;
	uint8_t value[]; /* response, challenge of the controller, DH value */
} __attribute__((packed));
struct auth_success1 {
	struct auth_head h;
	uint8_t hl, rsvd, rvalid, rsvd2[7];
	uint8_t value[];
} __attribute__((packed));
struct auth_success2 {
	struct auth_head h;
	uint8_t rsvd[10];
} __attribute__((packed));
struct auth_failure {
	struct auth_head h;
	uint8_t reason, explanation;
} __attribute__((packed));
_Static_assert(sizeof(struct auth_challenge) == 16 && sizeof(struct auth_reply) == 16 &&
		sizeof(struct auth_success1) == 16 && sizeof(struct auth_success2) == 16 &&
		sizeof(struct auth_failure) == 8, "wire sizes");

struct dhchap_dh; /* our half of a Diffie-Hellman exchange */

static inline uint16_t auth_kind(const struct auth_head *h)
{
	return (uint16_t)(h->type << 8 | h->id);
}

/* -EINVAL with a refusal. */
int dhchap_key_parse(const char *text, struct secret *key);
/* 0 for an unknown hash. */
size_t dhchap_hash_len(uint8_t hash);
/* One response: HMAC over challenge, numbers, role and names, with the transformed key. key_nqn is the NQN
 * the key belongs to. role: "HostHost" (from the host, names host then subsystem) or "Controller". */
int dhchap_response(const struct secret *key, const char *key_nqn, uint8_t hash, const uint8_t *challenge,
	uint32_t seq, uint16_t tid, const char *role, const char *first_nqn, const char *second_nqn, uint8_t *out);
/* Mixes the session key into a challenge. */
int dhchap_augment(uint8_t hash, const uint8_t *secret, size_t len, const uint8_t *challenge, uint8_t *out);
/* group 1..5. NULL when OpenSSL will not. */
struct dhchap_dh *dhchap_dh_new(uint8_t group);
void dhchap_dh_free(struct dhchap_dh *dh);
size_t dhchap_dh_public(const struct dhchap_dh *dh, uint8_t out[DHCHAP_DH_MAX]);
/* The shared secret with the peer's public value, 0/-errno. */
int dhchap_dh_secret(const struct dhchap_dh *dh, const uint8_t *peer, size_t len, uint8_t out[DHCHAP_DH_MAX],
	size_t *out_len);
void dhchap_random(uint8_t *out, size_t len);
/* In constant time. */
bool dhchap_same(const uint8_t *a, const uint8_t *b, size_t len);

#endif
