/* SPDX-License-Identifier: BSD-3-Clause */
#define OPENSSL_SUPPRESS_DEPRECATED /* the streaming structs, which live inside tasks */
#include "engine/sha/sha.h"

#include <intel-ipsec-mb.h>
#include <pthread.h>
#include <string.h>

#define MB_LEN_MAX 65535u /* intel-ipsec-mb counts the blocks of a text in 16 bits */
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

void sha_hash_many(enum sha_alg alg, struct sha_job **jobs, unsigned n)
{
	IMB_MGR *mgr = n >= MB_WORTH ? own_manager() : NULL;
	unsigned left = 0;

	for (unsigned i = 0; i < n; i++) {
		if (!mgr || jobs[i]->len > MB_LEN_MAX || !jobs[i]->len) {
			sha_hash(alg, jobs[i]->src, jobs[i]->len, jobs[i]->digest);
			continue;
		}
		left++;
		submit(mgr, alg, jobs[i], &left);
	}
	while (left && IMB_FLUSH_JOB(mgr))
		left--;
}
