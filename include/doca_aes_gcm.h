/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * doca_aes_gcm: AES-GCM with 128 and 256 bit keys as tasks (NIST SP 800-38D).
 *
 * Layout of buffers:
 *     encrypt   source  AAD | plaintext            destination  AAD | ciphertext | tag
 *     decrypt   source  AAD | ciphertext | tag     destination  AAD | plaintext
 * aad_size bytes at the front are authenticated and copied, not encrypted. tag_size is 12 or 16
 * bytes, the IV 1 to 12 bytes (12 is GCM's own; it is copied at alloc_init). Never use an IV twice
 * with one key.
 *
 * A wrong tag completes with DOCA_ERROR_AUTHENTICATION and leaves the destination's data as it was;
 * its memory behind the data is cleared. Other task errors: INVALID_VALUE, NOT_PERMITTED, TOO_BIG.
 */
#ifndef DOCA_AES_GCM_H_
#define DOCA_AES_GCM_H_

#include "doca_dev.h"
#include "doca_error.h"
#include "doca_types.h"

#ifdef __cplusplus
extern "C" {
#endif

struct doca_buf;
struct doca_ctx;
struct doca_task;

struct doca_aes_gcm;
struct doca_aes_gcm_key;
struct doca_aes_gcm_task_encrypt;
struct doca_aes_gcm_task_decrypt;

enum doca_aes_gcm_key_type {
	DOCA_AES_GCM_KEY_128 = 1,
	DOCA_AES_GCM_KEY_256 = 2,
};

doca_error_t doca_aes_gcm_cap_task_encrypt_is_supported(const struct doca_devinfo *devinfo);
doca_error_t doca_aes_gcm_cap_task_encrypt_is_key_type_supported(
	const struct doca_devinfo *devinfo, enum doca_aes_gcm_key_type key_type);
doca_error_t doca_aes_gcm_cap_task_encrypt_is_tag_96_supported(const struct doca_devinfo *devinfo);
doca_error_t doca_aes_gcm_cap_task_encrypt_is_tag_128_supported(const struct doca_devinfo *devinfo);
doca_error_t doca_aes_gcm_cap_task_encrypt_get_max_iv_len(
	const struct doca_devinfo *devinfo, uint32_t *max_iv_len);
doca_error_t doca_aes_gcm_cap_task_encrypt_get_max_buf_size(
	const struct doca_devinfo *devinfo, uint64_t *max_buf_size);
doca_error_t doca_aes_gcm_cap_task_encrypt_get_max_list_buf_num_elem(
	const struct doca_devinfo *devinfo, uint32_t *max_list_buf_num_elem);

doca_error_t doca_aes_gcm_cap_task_decrypt_is_supported(const struct doca_devinfo *devinfo);
doca_error_t doca_aes_gcm_cap_task_decrypt_is_key_type_supported(
	const struct doca_devinfo *devinfo, enum doca_aes_gcm_key_type key_type);
doca_error_t doca_aes_gcm_cap_task_decrypt_is_tag_96_supported(const struct doca_devinfo *devinfo);
doca_error_t doca_aes_gcm_cap_task_decrypt_is_tag_128_supported(const struct doca_devinfo *devinfo);
doca_error_t doca_aes_gcm_cap_task_decrypt_get_max_iv_len(
	const struct doca_devinfo *devinfo, uint32_t *max_iv_len);
doca_error_t doca_aes_gcm_cap_task_decrypt_get_max_buf_size(
	const struct doca_devinfo *devinfo, uint64_t *max_buf_size);
doca_error_t doca_aes_gcm_cap_task_decrypt_get_max_list_buf_num_elem(
	const struct doca_devinfo *devinfo, uint32_t *max_list_buf_num_elem);

doca_error_t doca_aes_gcm_create(struct doca_dev *dev, struct doca_aes_gcm **aes_gcm);
doca_error_t doca_aes_gcm_destroy(struct doca_aes_gcm *aes_gcm);
struct doca_ctx *doca_aes_gcm_as_ctx(struct doca_aes_gcm *aes_gcm);

/* raw_key: 16 or 32 bytes by type, copied. A key belongs to its instance; IN_USE while tasks hold
 * it. */
doca_error_t doca_aes_gcm_key_create(struct doca_aes_gcm *aes_gcm, const void *raw_key,
	enum doca_aes_gcm_key_type raw_key_type, struct doca_aes_gcm_key **key);
doca_error_t doca_aes_gcm_key_destroy(struct doca_aes_gcm_key *key);

/* num_tasks tasks may be allocated. Before start. */
typedef void (*doca_aes_gcm_task_encrypt_completion_cb_t)(struct doca_aes_gcm_task_encrypt *task,
	union doca_data task_user_data, union doca_data ctx_user_data);
doca_error_t doca_aes_gcm_task_encrypt_set_conf(struct doca_aes_gcm *aes_gcm,
	doca_aes_gcm_task_encrypt_completion_cb_t task_completion_cb,
	doca_aes_gcm_task_encrypt_completion_cb_t task_error_cb, uint32_t num_tasks);
struct doca_task *doca_aes_gcm_task_encrypt_as_task(struct doca_aes_gcm_task_encrypt *task);
doca_error_t doca_aes_gcm_task_encrypt_alloc_init(struct doca_aes_gcm *aes_gcm,
	const struct doca_buf *src_buff, struct doca_buf *dst_buff, struct doca_aes_gcm_key *key,
	const uint8_t *iv, uint32_t iv_length, uint32_t tag_size, uint32_t aad_size,
	union doca_data user_data, struct doca_aes_gcm_task_encrypt **task);
void doca_aes_gcm_task_encrypt_set_src(
	struct doca_aes_gcm_task_encrypt *task, const struct doca_buf *src_buff);
const struct doca_buf *doca_aes_gcm_task_encrypt_get_src(
	const struct doca_aes_gcm_task_encrypt *task);
void doca_aes_gcm_task_encrypt_set_dst(
	struct doca_aes_gcm_task_encrypt *task, struct doca_buf *dst_buff);
struct doca_buf *doca_aes_gcm_task_encrypt_get_dst(const struct doca_aes_gcm_task_encrypt *task);
void doca_aes_gcm_task_encrypt_set_key(
	struct doca_aes_gcm_task_encrypt *task, struct doca_aes_gcm_key *key);
void doca_aes_gcm_task_encrypt_set_iv(
	struct doca_aes_gcm_task_encrypt *task, const uint8_t *iv, uint32_t iv_length);
void doca_aes_gcm_task_encrypt_set_tag_size(
	struct doca_aes_gcm_task_encrypt *task, uint32_t tag_size);
void doca_aes_gcm_task_encrypt_set_aad_size(
	struct doca_aes_gcm_task_encrypt *task, uint32_t aad_size);

/* num_tasks tasks may be allocated. Before start. */
typedef void (*doca_aes_gcm_task_decrypt_completion_cb_t)(struct doca_aes_gcm_task_decrypt *task,
	union doca_data task_user_data, union doca_data ctx_user_data);
doca_error_t doca_aes_gcm_task_decrypt_set_conf(struct doca_aes_gcm *aes_gcm,
	doca_aes_gcm_task_decrypt_completion_cb_t task_completion_cb,
	doca_aes_gcm_task_decrypt_completion_cb_t task_error_cb, uint32_t num_tasks);
struct doca_task *doca_aes_gcm_task_decrypt_as_task(struct doca_aes_gcm_task_decrypt *task);
doca_error_t doca_aes_gcm_task_decrypt_alloc_init(struct doca_aes_gcm *aes_gcm,
	const struct doca_buf *src_buff, struct doca_buf *dst_buff, struct doca_aes_gcm_key *key,
	const uint8_t *iv, uint32_t iv_length, uint32_t tag_size, uint32_t aad_size,
	union doca_data user_data, struct doca_aes_gcm_task_decrypt **task);
void doca_aes_gcm_task_decrypt_set_src(
	struct doca_aes_gcm_task_decrypt *task, const struct doca_buf *src_buff);
const struct doca_buf *doca_aes_gcm_task_decrypt_get_src(
	const struct doca_aes_gcm_task_decrypt *task);
void doca_aes_gcm_task_decrypt_set_dst(
	struct doca_aes_gcm_task_decrypt *task, struct doca_buf *dst_buff);
struct doca_buf *doca_aes_gcm_task_decrypt_get_dst(const struct doca_aes_gcm_task_decrypt *task);
void doca_aes_gcm_task_decrypt_set_key(
	struct doca_aes_gcm_task_decrypt *task, struct doca_aes_gcm_key *key);
void doca_aes_gcm_task_decrypt_set_iv(
	struct doca_aes_gcm_task_decrypt *task, const uint8_t *iv, uint32_t iv_length);
void doca_aes_gcm_task_decrypt_set_tag_size(
	struct doca_aes_gcm_task_decrypt *task, uint32_t tag_size);
void doca_aes_gcm_task_decrypt_set_aad_size(
	struct doca_aes_gcm_task_decrypt *task, uint32_t aad_size);

#ifdef __cplusplus
}
#endif
#endif
