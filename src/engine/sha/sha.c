/* SPDX-License-Identifier: BSD-3-Clause */
#define OPENSSL_SUPPRESS_DEPRECATED /* the streaming structs, which live inside tasks */
#include "engine/sha/sha.h"

#include <intel-ipsec-mb.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define MB_LEN_SURE 65534u      /* what intel-ipsec-mb promises */
#define MB_LEN_MAX (256u << 10) /* what is tried beyond: a burst of 32 shall not take 10 ms */
#define MB_WORTH 4 /* texts below which the multi-buffer code is slower than SHA instructions */

size_t sha_digest_len(enum sha_alg alg)
{
	static const uint8_t lens[SHA_ALGS] = {20, 32, 64};

	return lens[alg];
}

size_t sha_block_len(enum sha_alg alg)
{
	return alg == SHA_ALG_512 ? 128 : 64;
}

void sha_begin(struct sha_stream *s, enum sha_alg alg)
{
	s->alg = alg;
	if (alg == SHA_ALG_1)
		SHA1_Init(&s->sha1);
	else if (alg == SHA_ALG_256)
		SHA256_Init(&s->sha256);
	else
		SHA512_Init(&s->sha512);
}

void sha_add(struct sha_stream *s, const void *src, size_t len)
{
	if (s->alg == SHA_ALG_1)
		SHA1_Update(&s->sha1, src, len);
	else if (s->alg == SHA_ALG_256)
		SHA256_Update(&s->sha256, src, len);
	else
		SHA512_Update(&s->sha512, src, len);
}

void sha_end(struct sha_stream *s, uint8_t *digest)
{
	if (s->alg == SHA_ALG_1)
		SHA1_Final(digest, &s->sha1);
	else if (s->alg == SHA_ALG_256)
		SHA256_Final(digest, &s->sha256);
	else
		SHA512_Final(digest, &s->sha512);
}

void sha_hash(enum sha_alg alg, const void *src, size_t len, uint8_t *digest)
{
	struct sha_stream s;

	sha_begin(&s, alg);
	sha_add(&s, src, len);
	sha_end(&s, digest);
}

/* ---- many at once ---- */

static pthread_key_t key;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static __thread IMB_MGR *manager;

static void free_manager(void *mgr)
{
	free_mb_mgr(mgr);
}

static void make_key(void)
{
	pthread_key_create(&key, free_manager);
}

static IMB_MGR *own_manager(void)
{
	IMB_ARCH arch;

	if (manager)
		return manager;
	pthread_once(&once, make_key);
	manager = alloc_mb_mgr(0);
	if (!manager)
		return NULL;
	init_mb_mgr_auto(manager, &arch);
	pthread_setspecific(key, manager);
	return manager;
}

static void submit(IMB_MGR *mgr, enum sha_alg alg, struct sha_job *job, unsigned *left)
{
	static const IMB_HASH_ALG algs[SHA_ALGS] = {
		IMB_AUTH_SHA_1, IMB_AUTH_SHA_256, IMB_AUTH_SHA_512};
	IMB_JOB *j = IMB_GET_NEXT_JOB(mgr);

	memset(j, 0, sizeof(*j));
	j->cipher_mode = IMB_CIPHER_NULL;
	j->cipher_direction = IMB_DIR_ENCRYPT;
	j->chain_order = IMB_ORDER_HASH_CIPHER;
	j->hash_alg = algs[alg];
	j->src = job->src;
	j->msg_len_to_hash_in_bytes = job->len;
	j->auth_tag_output = job->digest;
	j->auth_tag_output_len_in_bytes = sha_digest_len(alg);
	*left -= IMB_SUBMIT_JOB_NOCHECK(mgr) != NULL;
	while (IMB_GET_COMPLETED_JOB(mgr))
		(*left)--;
}

/* Versions of the library differ in how far they go beyond their promise (1.3 hashes SHA-1 and SHA-256 of any
 * length, SHA-512 not): one text of the greatest length tells, once per process. */
static bool hashes_long_texts(IMB_MGR *mgr, enum sha_alg alg)
{
	uint8_t expected[SHA_DIGEST_MAX], *text = calloc(1, MB_LEN_MAX);
	struct sha_job job = {.src = text, .len = MB_LEN_MAX};
	unsigned left = 1;
	bool same;

	if (!text)
		return false;
	submit(mgr, alg, &job, &left);
	while (left && IMB_FLUSH_JOB(mgr))
		left--;
	sha_hash(alg, text, MB_LEN_MAX, expected);
	same = !left && memcmp(job.digest, expected, sha_digest_len(alg)) == 0;
	free(text);
	return same;
}

static size_t longest(IMB_MGR *mgr, enum sha_alg alg)
{
	static size_t known[SHA_ALGS]; /* 0: not yet asked; any thread may answer, always alike */
	size_t len = __atomic_load_n(&known[alg], __ATOMIC_RELAXED);

	if (!len) {
		len = hashes_long_texts(mgr, alg) ? MB_LEN_MAX : MB_LEN_SURE;
		__atomic_store_n(&known[alg], len, __ATOMIC_RELAXED);
	}
	return len;
}

void sha_hash_many(enum sha_alg alg, struct sha_job **jobs, unsigned n)
{
	IMB_MGR *mgr = n >= MB_WORTH ? own_manager() : NULL;
	size_t max = mgr ? longest(mgr, alg) : 0;
	unsigned left = 0;

	for (unsigned i = 0; i < n; i++) {
		if (!jobs[i]->len || jobs[i]->len > max) {
			sha_hash(alg, jobs[i]->src, jobs[i]->len, jobs[i]->digest);
			continue;
		}
		left++;
		submit(mgr, alg, jobs[i], &left);
	}
	while (left && IMB_FLUSH_JOB(mgr))
		left--;
}
