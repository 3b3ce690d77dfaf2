/* SPDX-License-Identifier: BSD-3-Clause */
/* AES-256-GCM: 32 tasks in flight against intel-ipsec-mb and OpenSSL called directly. */
#include "rig.h"

#include <intel-ipsec-mb.h>
#include <openssl/evp.h>

#include <doca_aes_gcm.h>

#define TAG_ROOM 64 /* behind each text: the tag, and the next text on a cache line of its own */

static const uint8_t raw_key[32] = {1, 2, 3}, iv[12] = {4, 5};
static EVP_CIPHER_CTX *evp;
static IMB_MGR *mb;
static struct gcm_key_data *mb_key;

static bool with_openssl(struct rig_request *r)
{
	int n;

	EVP_EncryptInit_ex(evp, NULL, NULL, NULL, iv);
	EVP_EncryptUpdate(evp, r->dst, &n, r->src, (int)r->len);
	EVP_EncryptFinal_ex(evp, r->dst + n, &n);
	r->out = r->len + 16;
	return EVP_CIPHER_CTX_ctrl(evp, EVP_CTRL_AEAD_GET_TAG, 16, r->dst + r->len);
}

static bool with_ipsec_mb(struct rig_request *r)
{
	struct gcm_context_data ctx;

	if (r->room < r->len + 16)
		return false;
	IMB_AES256_GCM_ENC(
		mb, mb_key, &ctx, r->dst, r->src, r->len, iv, NULL, 0, r->dst + r->len, 16);
	r->out = r->len + 16;
	return true;
}

struct doca_aes_gcm *gcm_start(size_t len, unsigned workers, struct doca_aes_gcm_key **key)
{
	struct doca_aes_gcm_task_encrypt *t;
	struct doca_aes_gcm *gcm;

	rig_bufs(DEPTH, len, len + TAG_ROOM);
	MUST(doca_aes_gcm_create(rig.dev, &gcm));
	MUST(doca_aes_gcm_task_encrypt_set_conf(
		gcm, DONE(doca_aes_gcm_task_encrypt), FAILED(doca_aes_gcm_task_encrypt), DEPTH));
	rig_start(doca_aes_gcm_as_ctx(gcm), workers);
	MUST(doca_aes_gcm_key_create(gcm, raw_key, DOCA_AES_GCM_KEY_256, key));
	for (unsigned i = 0; i < rig.n; i++) {
		union doca_data user = {.u64 = i};

		MUST(doca_aes_gcm_task_encrypt_alloc_init(
			gcm, rig.srcs[i], rig.dsts[i], *key, iv, 12, 16, 0, user, &t));
		rig.tasks[i] = doca_aes_gcm_task_encrypt_as_task(t);
	}
	return gcm;
}

void gcm_stop(struct doca_aes_gcm *gcm, struct doca_aes_gcm_key *key)
{
	rig_stop(doca_aes_gcm_as_ctx(gcm));
	MUST(doca_aes_gcm_key_destroy(key));
	MUST(doca_aes_gcm_destroy(gcm));
}

void bench_gcm(size_t len)
{
	struct doca_aes_gcm_key *key;
	struct doca_aes_gcm *gcm;
	IMB_ARCH arch;

	if (!rig_wants("aes-gcm"))
		return;
	evp = EVP_CIPHER_CTX_new();
	EVP_EncryptInit_ex(evp, EVP_aes_256_gcm(), NULL, raw_key, iv);
	mb = alloc_mb_mgr(0);
	init_mb_mgr_auto(mb, &arch);
	mb_key = aligned_alloc(64, (sizeof(*mb_key) + 63) & ~(size_t)63);
	IMB_AES256_GCM_PRE(mb, raw_key, mb_key);
	gcm = gcm_start(len, 0, &key);
	rig_report("aes-gcm-256-vs-ipsec-mb", len, with_ipsec_mb, 0.97);
	rig_report("aes-gcm-256-vs-openssl", len, with_openssl, 1.5);
	gcm_stop(gcm, key);
	EVP_CIPHER_CTX_free(evp);
	free_mb_mgr(mb);
	free(mb_key);
}
