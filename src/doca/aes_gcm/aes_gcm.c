/* SPDX-License-Identifier: BSD-3-Clause */
/* libdoca_aes_gcm: authenticated encryption as tasks. */
#include <doca_aes_gcm.h>

#include <stdlib.h>
#include <string.h>

#include "doca/common/common.h"
#include "engine/aes_gcm/aes_gcm.h"

#define MAX_BUF ((uint64_t)128 << 20)
#define MAX_LIST 4096u
#define MAX_IV 12u

struct doca_aes_gcm_key {
	struct doca_aes_gcm *of;
	struct aes_gcm_key *engine;
};

struct gcm_task { /* both types */
	struct doca_task task;
	struct doca_aes_gcm_key *key;
	uint8_t iv[MAX_IV];
	uint32_t iv_len, tag_len, aad_len;
};

struct doca_aes_gcm {
	struct doca_ctx ctx;
	struct dcore_task_type types[2]; /* encrypt, decrypt */
	uint32_t keys;
};

static doca_error_t refuse_task(const struct gcm_task *t, size_t len, size_t room, size_t least)
{
	if (t->tag_len != 12 && t->tag_len != 16)
		return dcore_fail(DOCA_ERROR_INVALID_VALUE, "AES-GCM: a tag of %u bytes; 12 or 16",
			t->tag_len);
	if (!t->iv_len)
		return dcore_fail(DOCA_ERROR_INVALID_VALUE,
			"AES-GCM: an IV of 1 to %u bytes is needed", MAX_IV);
	if (!t->key)
		return dcore_fail(DOCA_ERROR_INVALID_VALUE, "AES-GCM: the task has no key");
	if (len < least || len > MAX_BUF)
		return dcore_fail(len < least ? DOCA_ERROR_INVALID_VALUE : DOCA_ERROR_TOO_BIG,
			"AES-GCM: a source of %zu bytes; at least AAD and tag, %zu, at most %llu",
			len, least, (unsigned long long)MAX_BUF);
	return dcore_fail(DOCA_ERROR_INVALID_VALUE,
		"AES-GCM: the destination has room for %zu bytes, too few for %zu of source", room,
		len);
}

/* *out_len: bytes that come out of `len`. */
static inline doca_error_t measure(
	const struct gcm_task *t, size_t len, size_t room, bool decrypt, size_t *out_len)
{
	size_t least = t->aad_len + (decrypt ? t->tag_len : 0);

	*out_len = decrypt ? len - t->tag_len : len + t->tag_len;
	if (likely((t->tag_len == 16 || t->tag_len == 12) && t->iv_len && t->key && len >= least &&
		    len <= MAX_BUF && room >= *out_len))
		return DOCA_SUCCESS;
	return refuse_task(t, len, room, least);
}

static doca_error_t check(struct doca_task *task, bool decrypt)
{
	size_t out_len;

	return measure(container_of(task, struct gcm_task, task),
		dcore_buf_list_data_len(task->src), dcore_buf_list_tailroom(task->dst), decrypt,
		&out_len);
}

static doca_error_t check_encrypt(struct doca_task *task)
{
	return check(task, false);
}

static doca_error_t check_decrypt(struct doca_task *task)
{
	return check(task, true);
}

static doca_error_t encrypt(struct doca_task *task, const uint8_t *src, size_t len, uint8_t *dst,
	size_t room, size_t *written)
{
	const struct gcm_task *t = container_of(task, struct gcm_task, task);
	size_t aad = t->aad_len;
	doca_error_t result = measure(t, len, room, false, written);

	if (unlikely(result != DOCA_SUCCESS))
		return result;
	if (aad)
		memmove(dst, src, aad);
	aes_gcm_encrypt(t->key->engine, t->iv, t->iv_len, src, aad, src + aad, dst + aad, len - aad,
		dst + len, t->tag_len);
	return DOCA_SUCCESS;
}

static doca_error_t decrypt(struct doca_task *task, const uint8_t *src, size_t len, uint8_t *dst,
	size_t room, size_t *written)
{
	const struct gcm_task *t = container_of(task, struct gcm_task, task);
	size_t aad = t->aad_len;
	doca_error_t result = measure(t, len, room, true, written);

	if (unlikely(result != DOCA_SUCCESS))
		return result;
	if (aad)
		memmove(dst, src, aad);
	if (aes_gcm_decrypt(t->key->engine, t->iv, t->iv_len, src, aad, src + aad, dst + aad,
		    *written - aad, src + *written, t->tag_len))
		return DOCA_SUCCESS;
	return dcore_fail(DOCA_ERROR_AUTHENTICATION, "AES-GCM: the tag of %zu bytes is wrong",
		*written - aad);
}

/* ---- the library ---- */

static const struct dcore_ctx_ops ops = {.name = "AES-GCM", .may_have_workers = true};

doca_error_t doca_aes_gcm_create(struct doca_dev *dev, struct doca_aes_gcm **aes_gcm)
{
	DCORE_NOT_NULL(dev);
	DCORE_NOT_NULL(aes_gcm);
	*aes_gcm = calloc(1, sizeof(**aes_gcm));
	if (!*aes_gcm)
		return DOCA_ERROR_NO_MEMORY;
	(*aes_gcm)->types[0] = (struct dcore_task_type){.name = "AES-GCM encrypt",
		.size = sizeof(struct gcm_task),
		.convert = encrypt,
		.check = check_encrypt,
		.batch = 1};
	(*aes_gcm)->types[1] = (struct dcore_task_type){.name = "AES-GCM decrypt",
		.size = sizeof(struct gcm_task),
		.convert = decrypt,
		.check = check_decrypt,
		.batch = 1};
	dcore_ctx_init(&(*aes_gcm)->ctx, dev, &ops, (*aes_gcm)->types, 2);
	return DOCA_SUCCESS;
}

doca_error_t doca_aes_gcm_destroy(struct doca_aes_gcm *aes_gcm)
{
	doca_error_t result;

	if (!aes_gcm)
		return DOCA_SUCCESS;
	if (aes_gcm->keys)
		return dcore_fail(DOCA_ERROR_IN_USE, "%s: %u keys exist", __func__, aes_gcm->keys);
	result = dcore_ctx_fini(&aes_gcm->ctx);
	if (result == DOCA_SUCCESS)
		free(aes_gcm);
	return result;
}

struct doca_ctx *doca_aes_gcm_as_ctx(struct doca_aes_gcm *aes_gcm)
{
	return aes_gcm ? &aes_gcm->ctx : NULL;
}

doca_error_t doca_aes_gcm_key_create(struct doca_aes_gcm *aes_gcm, const void *raw_key,
	enum doca_aes_gcm_key_type raw_key_type, struct doca_aes_gcm_key **key)
{
	DCORE_NOT_NULL(aes_gcm);
	DCORE_NOT_NULL(raw_key);
	DCORE_NOT_NULL(key);
	if (raw_key_type != DOCA_AES_GCM_KEY_128 && raw_key_type != DOCA_AES_GCM_KEY_256)
		return dcore_fail(DOCA_ERROR_INVALID_VALUE, "AES-GCM: key type %d", raw_key_type);
	*key = calloc(1, sizeof(**key));
	if (*key)
		(*key)->engine =
			aes_gcm_key_create(raw_key, raw_key_type == DOCA_AES_GCM_KEY_128 ? 16 : 32);
	if (!*key || !(*key)->engine) {
		free(*key);
		return DOCA_ERROR_NO_MEMORY;
	}
	(*key)->of = aes_gcm;
	aes_gcm->keys++;
	return DOCA_SUCCESS;
}

doca_error_t doca_aes_gcm_key_destroy(struct doca_aes_gcm_key *key)
{
	if (!key)
		return DOCA_SUCCESS;
	if (key->of->ctx.inflight)
		return dcore_fail(DOCA_ERROR_IN_USE, "%s: %zu tasks are in flight", __func__,
			key->of->ctx.inflight);
	key->of->keys--;
	aes_gcm_key_destroy(key->engine);
	free(key);
	return DOCA_SUCCESS;
}

/* ---- tasks and capabilities ---- */

static doca_error_t yes(const struct doca_devinfo *devinfo)
{
	DCORE_NOT_NULL(devinfo);
	return DOCA_SUCCESS;
}

static doca_error_t number(const struct doca_devinfo *devinfo, uint32_t *out, uint32_t value)
{
	DCORE_NOT_NULL(devinfo);
	DCORE_NOT_NULL(out);
	*out = value;
	return DOCA_SUCCESS;
}

static doca_error_t set_iv(struct gcm_task *t, const uint8_t *iv, uint32_t iv_length)
{
	t->iv_len = 0;
	if (!iv || !iv_length || iv_length > MAX_IV)
		return dcore_fail(DOCA_ERROR_INVALID_VALUE, "AES-GCM: an IV of %u bytes; 1 to %u",
			iv_length, MAX_IV);
	memcpy(t->iv, iv, iv_length);
	t->iv_len = iv_length;
	return DOCA_SUCCESS;
}

static doca_error_t alloc(struct doca_aes_gcm *aes_gcm, int type, const struct doca_buf *src,
	struct doca_buf *dst, struct doca_aes_gcm_key *key, const uint8_t *iv, uint32_t iv_length,
	uint32_t tag_size, uint32_t aad_size, union doca_data user_data, struct gcm_task **task)
{
	doca_error_t result;

	DCORE_NOT_NULL(aes_gcm);
	DCORE_NOT_NULL(src);
	DCORE_NOT_NULL(dst);
	DCORE_NOT_NULL(key);
	DCORE_NOT_NULL(task);
	*task = dcore_task_alloc(&aes_gcm->types[type], user_data, &result);
	if (!*task)
		return result;
	(*task)->task.src = src;
	(*task)->task.dst = dst;
	(*task)->key = key;
	(*task)->tag_len = tag_size;
	(*task)->aad_len = aad_size;
	result = set_iv(*task, iv, iv_length);
	if (result != DOCA_SUCCESS)
		doca_task_free(&(*task)->task);
	return result;
}

#define GCM(task) ((struct gcm_task *)(void *)(task))
#define TASK(name, index)                                                                      \
	doca_error_t doca_aes_gcm_cap_task_##name##_is_supported(                              \
		const struct doca_devinfo *devinfo)                                            \
	{                                                                                      \
		return yes(devinfo);                                                           \
	}                                                                                      \
	doca_error_t doca_aes_gcm_cap_task_##name##_is_key_type_supported(                     \
		const struct doca_devinfo *devinfo, enum doca_aes_gcm_key_type key_type)       \
	{                                                                                      \
		DCORE_NOT_NULL(devinfo);                                                       \
		return key_type == DOCA_AES_GCM_KEY_128 || key_type == DOCA_AES_GCM_KEY_256    \
			       ? DOCA_SUCCESS                                                  \
			       : DOCA_ERROR_NOT_SUPPORTED;                                     \
	}                                                                                      \
	doca_error_t doca_aes_gcm_cap_task_##name##_is_tag_96_supported(                       \
		const struct doca_devinfo *devinfo)                                            \
	{                                                                                      \
		return yes(devinfo);                                                           \
	}                                                                                      \
	doca_error_t doca_aes_gcm_cap_task_##name##_is_tag_128_supported(                      \
		const struct doca_devinfo *devinfo)                                            \
	{                                                                                      \
		return yes(devinfo);                                                           \
	}                                                                                      \
	doca_error_t doca_aes_gcm_cap_task_##name##_get_max_iv_len(                            \
		const struct doca_devinfo *devinfo, uint32_t *max_iv_len)                      \
	{                                                                                      \
		return number(devinfo, max_iv_len, MAX_IV);                                    \
	}                                                                                      \
	doca_error_t doca_aes_gcm_cap_task_##name##_get_max_buf_size(                          \
		const struct doca_devinfo *devinfo, uint64_t *max_buf_size)                    \
	{                                                                                      \
		DCORE_NOT_NULL(devinfo);                                                       \
		DCORE_NOT_NULL(max_buf_size);                                                  \
		*max_buf_size = MAX_BUF;                                                       \
		return DOCA_SUCCESS;                                                           \
	}                                                                                      \
	doca_error_t doca_aes_gcm_cap_task_##name##_get_max_list_buf_num_elem(                 \
		const struct doca_devinfo *devinfo, uint32_t *max_list_buf_num_elem)           \
	{                                                                                      \
		return number(devinfo, max_list_buf_num_elem, MAX_LIST);                       \
	}                                                                                      \
	doca_error_t doca_aes_gcm_task_##name##_set_conf(struct doca_aes_gcm *aes_gcm,         \
		doca_aes_gcm_task_##name##_completion_cb_t task_completion_cb,                 \
		doca_aes_gcm_task_##name##_completion_cb_t task_error_cb, uint32_t num_tasks)  \
	{                                                                                      \
		DCORE_NOT_NULL(aes_gcm);                                                       \
		return dcore_task_conf(&aes_gcm->ctx, &aes_gcm->types[index],                  \
			(dcore_task_cb)task_completion_cb, (dcore_task_cb)task_error_cb,       \
			num_tasks);                                                            \
	}                                                                                      \
	struct doca_task *doca_aes_gcm_task_##name##_as_task(                                  \
		struct doca_aes_gcm_task_##name *task)                                         \
	{                                                                                      \
		return &GCM(task)->task;                                                       \
	}                                                                                      \
	doca_error_t doca_aes_gcm_task_##name##_alloc_init(struct doca_aes_gcm *aes_gcm,       \
		const struct doca_buf *src_buff, struct doca_buf *dst_buff,                    \
		struct doca_aes_gcm_key *key, const uint8_t *iv, uint32_t iv_length,           \
		uint32_t tag_size, uint32_t aad_size, union doca_data user_data,               \
		struct doca_aes_gcm_task_##name **task)                                        \
	{                                                                                      \
		return alloc(aes_gcm, index, src_buff, dst_buff, key, iv, iv_length, tag_size, \
			aad_size, user_data, (struct gcm_task **)(void *)task);                \
	}                                                                                      \
	void doca_aes_gcm_task_##name##_set_src(                                               \
		struct doca_aes_gcm_task_##name *task, const struct doca_buf *src_buff)        \
	{                                                                                      \
		GCM(task)->task.src = src_buff;                                                \
	}                                                                                      \
	const struct doca_buf *doca_aes_gcm_task_##name##_get_src(                             \
		const struct doca_aes_gcm_task_##name *task)                                   \
	{                                                                                      \
		return ((const struct gcm_task *)(const void *)task)->task.src;                \
	}                                                                                      \
	void doca_aes_gcm_task_##name##_set_dst(                                               \
		struct doca_aes_gcm_task_##name *task, struct doca_buf *dst_buff)              \
	{                                                                                      \
		GCM(task)->task.dst = dst_buff;                                                \
	}                                                                                      \
	struct doca_buf *doca_aes_gcm_task_##name##_get_dst(                                   \
		const struct doca_aes_gcm_task_##name *task)                                   \
	{                                                                                      \
		return ((const struct gcm_task *)(const void *)task)->task.dst;                \
	}                                                                                      \
	void doca_aes_gcm_task_##name##_set_key(                                               \
		struct doca_aes_gcm_task_##name *task, struct doca_aes_gcm_key *key)           \
	{                                                                                      \
		GCM(task)->key = key;                                                          \
	}                                                                                      \
	void doca_aes_gcm_task_##name##_set_iv(                                                \
		struct doca_aes_gcm_task_##name *task, const uint8_t *iv, uint32_t iv_length)  \
	{                                                                                      \
		set_iv(GCM(task), iv, iv_length);                                              \
	}                                                                                      \
	void doca_aes_gcm_task_##name##_set_tag_size(                                          \
		struct doca_aes_gcm_task_##name *task, uint32_t tag_size)                      \
	{                                                                                      \
		GCM(task)->tag_len = tag_size;                                                 \
	}                                                                                      \
	void doca_aes_gcm_task_##name##_set_aad_size(                                          \
		struct doca_aes_gcm_task_##name *task, uint32_t aad_size)                      \
	{                                                                                      \
		GCM(task)->aad_len = aad_size;                                                 \
	}

TASK(encrypt, 0)
TASK(decrypt, 1)
