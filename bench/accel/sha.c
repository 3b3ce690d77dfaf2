/* SPDX-License-Identifier: BSD-3-Clause */
/* SHA-256: 32 tasks in flight against OpenSSL one text at a time, and against intel-ipsec-mb given 32 jobs. */
#include "rig.h"

#include <string.h>

#include <intel-ipsec-mb.h>
#include <openssl/evp.h>

#include <doca_sha.h>

static IMB_MGR *mb;

static bool with_openssl(struct rig_request *r)
{
	unsigned n;

	if (!EVP_Digest(r->src, r->len, r->dst, &n, EVP_sha256(), NULL))
		return false;
	r->out = n;
	return true;
}

/* Flushed after each 32nd text, as a program would that has 32. */
static bool with_ipsec_mb(struct rig_request *r)
{
	IMB_JOB *j = IMB_GET_NEXT_JOB(mb);

	memset(j, 0, sizeof(*j));
	j->cipher_mode = IMB_CIPHER_NULL;
	j->cipher_direction = IMB_DIR_ENCRYPT;
	j->chain_order = IMB_ORDER_HASH_CIPHER;
	j->hash_alg = IMB_AUTH_SHA_256;
	j->src = r->src;
	j->msg_len_to_hash_in_bytes = r->len;
	j->auth_tag_output = r->dst;
	j->auth_tag_output_len_in_bytes = 32;
	IMB_SUBMIT_JOB_NOCHECK(mb);
	while (IMB_GET_COMPLETED_JOB(mb))
		;
	if (r == &rig.requests[rig.n - 1])
		while (IMB_FLUSH_JOB(mb))
			;
	r->out = 32;
	return true;
}

void bench_sha(size_t len)
{
	struct doca_sha_task_hash *t;
	struct doca_sha *sha;
	IMB_ARCH arch;

	if (!rig_wants("sha256"))
		return;
	rig_bufs(DEPTH, len, 64);
	MUST(doca_sha_create(rig.dev, &sha));
	MUST(doca_sha_task_hash_set_conf(
		sha, DONE(doca_sha_task_hash), FAILED(doca_sha_task_hash), 5));
	rig_start(doca_sha_as_ctx(sha), 0);
	for (unsigned i = 0; i < rig.n; i++) {
		union doca_data user = {.u64 = i};

		MUST(doca_sha_task_hash_alloc_init(
			sha, DOCA_SHA_ALGORITHM_SHA256, rig.srcs[i], rig.dsts[i], user, &t));
		rig.tasks[i] = doca_sha_task_hash_as_task(t);
	}
	mb = alloc_mb_mgr(0);
	init_mb_mgr_auto(mb, &arch);
	rig_report("sha256-vs-ipsec-mb", len, with_ipsec_mb, 0.97);
	rig_report("sha256-vs-openssl", len, with_openssl, 1.5);
	free_mb_mgr(mb);
	rig_stop(doca_sha_as_ctx(sha));
	MUST(doca_sha_destroy(sha));
}
