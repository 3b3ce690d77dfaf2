/* SPDX-License-Identifier: BSD-3-Clause */
/* libdoca_sha: digests as tasks. Bursts of hash tasks go to the multi-buffer engine together. */
#include <doca_sha.h>

#include <stdlib.h>
#include <string.h>

#include "doca/common/common.h"
#include "engine/sha/sha.h"

#define BURST 32
#define MAX_SRC ((uint64_t)INT32_MAX)
#define MAX_LIST 4096u

struct doca_sha_task_hash {
	struct doca_task task;
	enum doca_sha_algorithm alg;
};

struct doca_sha_task_partial_hash {
	struct doca_task task;
	enum doca_sha_algorithm alg;
	bool begun, final;
	struct sha_stream stream;
};

struct doca_sha {
	struct doca_ctx ctx;
	struct dcore_task_type types[2]; /* hash, partial hash */
};

static enum sha_alg engine_alg(enum doca_sha_algorithm alg)
{
	return (enum sha_alg)(SHA_ALG_1 + alg);
}

static bool is_known(enum doca_sha_algorithm alg)
{
	return (unsigned)alg <= DOCA_SHA_ALGORITHM_SHA512;
}

static doca_error_t check(const struct doca_task *task, enum doca_sha_algorithm alg,
	const struct doca_buf *src, struct doca_buf *dst, bool digest)
{
	doca_error_t result = DOCA_SUCCESS;

	if (!is_known(alg))
		return dcore_fail(DOCA_ERROR_INVALID_VALUE, "SHA: algorithm %d", alg);
	for (const struct doca_buf *b = src; b && result == DOCA_SUCCESS; b = b->next)
		result = dcore_mmap_may(b->mmap, task->ctx->dev, false);
	if (result == DOCA_SUCCESS && digest) {
		result = dcore_mmap_may(dst->mmap, task->ctx->dev, true);
		if (result == DOCA_SUCCESS &&
			dcore_buf_list_tailroom(dst) < sha_digest_len(engine_alg(alg)))
			result = dcore_fail(DOCA_ERROR_INVALID_VALUE,
				"SHA: the destination has room for %zu bytes, the "
				"digest has %zu",
				dcore_buf_list_tailroom(dst), sha_digest_len(engine_alg(alg)));
	}
	if (result == DOCA_SUCCESS && dcore_buf_list_data_len(src) > MAX_SRC)
		result = dcore_fail(DOCA_ERROR_TOO_BIG, "SHA: %zu bytes, at most %llu",
			dcore_buf_list_data_len(src), (unsigned long long)MAX_SRC);
	return result;
}

static doca_error_t put_digest(
	struct doca_task *task, struct doca_buf *dst, const uint8_t *digest, size_t len)
{
	struct dcore_view view;
	doca_error_t result = dcore_view_dst(&view, dst, task->ctx, len);

	if (result == DOCA_SUCCESS) {
		memcpy(view.ptr, digest, len);
		result = dcore_view_commit(&view, len);
	}
	dcore_view_close(&view);
	return result;
}

/* ---- hash ---- */

static doca_error_t check_hash(struct doca_task *task)
{
	struct doca_sha_task_hash *t = container_of(task, struct doca_sha_task_hash, task);

	return check(task, t->alg, t->task.src, t->task.dst, true);
}

/* The tasks of one algorithm among the burst, together. */
static void run_alg(struct doca_task **tasks, unsigned n, enum doca_sha_algorithm alg)
{
	struct dcore_view views[BURST];
	struct sha_job jobs[BURST], *job[BURST];
	struct doca_sha_task_hash *of[BURST];
	unsigned m = 0;

	for (unsigned i = 0; i < n; i++) {
		struct doca_sha_task_hash *t =
			container_of(tasks[i], struct doca_sha_task_hash, task);

		if (t->alg != alg || t->task.status != DOCA_ERROR_IN_PROGRESS)
			continue;
		t->task.status = dcore_view_src(&views[m], t->task.src, t->task.ctx);
		if (t->task.status != DOCA_SUCCESS) {
			dcore_view_close(&views[m]);
			continue;
		}
		jobs[m].src = views[m].ptr;
		jobs[m].len = views[m].len;
		of[m] = t;
		job[m] = &jobs[m];
		m++;
	}
	sha_hash_many(engine_alg(alg), job, m);
	for (unsigned i = 0; i < m; i++) {
		of[i]->task.status = put_digest(&of[i]->task, of[i]->task.dst, jobs[i].digest,
			sha_digest_len(engine_alg(alg)));
		dcore_view_close(&views[i]);
	}
}

/* All that check() asks, of buffers of ordinary memory: without a look at their maps. */
static inline bool is_plain(const struct doca_sha_task_hash *t)
{
	const struct doca_buf *src = t->task.src, *dst = t->task.dst;

	return is_known(t->alg) && !src->next && !dst->next &&
	       (src->readers & dst->writers & t->task.ctx->dev_bit) && src->data_len <= MAX_SRC &&
	       dcore_buf_tailroom(dst) >= sha_digest_len(engine_alg(t->alg));
}

static void run_hash(struct doca_task **tasks, unsigned n)
{
	bool wanted[DOCA_SHA_ALGORITHM_SHA512 + 1] = {false};

	for (unsigned i = 0; i < n; i++) {
		struct doca_sha_task_hash *t =
			container_of(tasks[i], struct doca_sha_task_hash, task);
		doca_error_t result = likely(is_plain(t)) ? DOCA_SUCCESS : check_hash(tasks[i]);

		if (result == DOCA_SUCCESS)
			wanted[t->alg] = true;
		else
			tasks[i]->status = result;
	}
	for (int alg = 0; alg <= DOCA_SHA_ALGORITHM_SHA512; alg++)
		if (wanted[alg])
			run_alg(tasks, n, (enum doca_sha_algorithm)alg);
}

/* ---- partial hash ---- */

static doca_error_t check_partial(struct doca_task *task)
{
	struct doca_sha_task_partial_hash *t =
		container_of(task, struct doca_sha_task_partial_hash, task);
	doca_error_t result = check(task, t->alg, t->task.src, t->task.dst, t->final);

	if (result == DOCA_SUCCESS && !t->final &&
		dcore_buf_list_data_len(t->task.src) % sha_block_len(engine_alg(t->alg)))
		return dcore_fail(DOCA_ERROR_INVALID_VALUE,
			"SHA: a piece of %zu bytes that is not the last; pieces are multiples of "
			"%zu",
			dcore_buf_list_data_len(t->task.src), sha_block_len(engine_alg(t->alg)));
	return result;
}

static doca_error_t run_piece(struct doca_sha_task_partial_hash *t)
{
	uint8_t digest[SHA_DIGEST_MAX];
	struct dcore_view view;
	doca_error_t result = check_partial(&t->task);

	if (result != DOCA_SUCCESS)
		return result;
	result = dcore_view_src(&view, t->task.src, t->task.ctx);
	if (result == DOCA_SUCCESS) {
		if (!t->begun)
			sha_begin(&t->stream, engine_alg(t->alg));
		t->begun = true;
		sha_add(&t->stream, view.ptr, view.len);
	}
	dcore_view_close(&view);
	if (result != DOCA_SUCCESS || !t->final)
		return result;
	sha_end(&t->stream, digest);
	t->begun = t->final = false; /* the task may hash another text */
	return put_digest(&t->task, t->task.dst, digest, sha_digest_len(engine_alg(t->alg)));
}

static void run_partial(struct doca_task **tasks, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		tasks[i]->status =
			run_piece(container_of(tasks[i], struct doca_sha_task_partial_hash, task));
}

/* ---- the library ---- */

static const struct dcore_ctx_ops ops = {.name = "SHA", .may_have_workers = true};

doca_error_t doca_sha_create(struct doca_dev *dev, struct doca_sha **sha)
{
	DCORE_NOT_NULL(dev);
	DCORE_NOT_NULL(sha);
	*sha = calloc(1, sizeof(**sha));
	if (!*sha)
		return DOCA_ERROR_NO_MEMORY;
	(*sha)->types[0] = (struct dcore_task_type){.name = "SHA hash",
		.size = sizeof(struct doca_sha_task_hash),
		.run = run_hash,
		.check = check_hash,
		.batch = BURST};
	(*sha)->types[1] = (struct dcore_task_type){.name = "SHA partial hash",
		.size = sizeof(struct doca_sha_task_partial_hash),
		.run = run_partial,
		.check = check_partial,
		.batch = 1};
	dcore_ctx_init(&(*sha)->ctx, dev, &ops, (*sha)->types, 2);
	return DOCA_SUCCESS;
}

doca_error_t doca_sha_destroy(struct doca_sha *sha)
{
	doca_error_t result = sha ? dcore_ctx_fini(&sha->ctx) : DOCA_SUCCESS;

	if (result == DOCA_SUCCESS)
		free(sha);
	return result;
}

struct doca_ctx *doca_sha_as_ctx(struct doca_sha *sha)
{
	return sha ? &sha->ctx : NULL;
}

/* ---- capabilities ---- */

doca_error_t doca_sha_cap_task_hash_get_supported(
	const struct doca_devinfo *devinfo, enum doca_sha_algorithm algorithm)
{
	DCORE_NOT_NULL(devinfo);
	return is_known(algorithm) ? DOCA_SUCCESS : DOCA_ERROR_NOT_SUPPORTED;
}

doca_error_t doca_sha_cap_task_partial_hash_get_supported(
	const struct doca_devinfo *devinfo, enum doca_sha_algorithm algorithm)
{
	return doca_sha_cap_task_hash_get_supported(devinfo, algorithm);
}

doca_error_t doca_sha_cap_get_max_src_buf_size(
	const struct doca_devinfo *devinfo, uint64_t *max_size)
{
	DCORE_NOT_NULL(devinfo);
	DCORE_NOT_NULL(max_size);
	*max_size = MAX_SRC;
	return DOCA_SUCCESS;
}

doca_error_t doca_sha_cap_get_max_list_num_elem(
	const struct doca_devinfo *devinfo, uint32_t *max_num)
{
	DCORE_NOT_NULL(devinfo);
	DCORE_NOT_NULL(max_num);
	*max_num = MAX_LIST;
	return DOCA_SUCCESS;
}

static doca_error_t of_algorithm(const struct doca_devinfo *devinfo, enum doca_sha_algorithm alg,
	uint32_t *out, size_t (*what)(enum sha_alg))
{
	DCORE_NOT_NULL(devinfo);
	DCORE_NOT_NULL(out);
	if (!is_known(alg))
		return dcore_fail(DOCA_ERROR_INVALID_VALUE, "SHA: algorithm %d", alg);
	*out = (uint32_t)what(engine_alg(alg));
	return DOCA_SUCCESS;
}

doca_error_t doca_sha_cap_get_min_dst_buf_size(
	const struct doca_devinfo *devinfo, enum doca_sha_algorithm algorithm, uint32_t *min_size)
{
	return of_algorithm(devinfo, algorithm, min_size, sha_digest_len);
}

doca_error_t doca_sha_cap_get_partial_hash_block_size(
	const struct doca_devinfo *devinfo, enum doca_sha_algorithm algorithm, uint32_t *block_size)
{
	return of_algorithm(devinfo, algorithm, block_size, sha_block_len);
}

/* ---- tasks ---- */

static doca_error_t not_in_flight(const struct doca_task *task)
{
	return task->state == DCORE_TASK_INFLIGHT
		       ? dcore_fail(DOCA_ERROR_BAD_STATE, "%s: the task is in flight",
				 task->type->name)
		       : DOCA_SUCCESS;
}

#define SETTER(name, what, type, member)                          \
	doca_error_t doca_sha_task_##name##_set_##what(           \
		struct doca_sha_task_##name *task, type value)    \
	{                                                         \
		doca_error_t result = not_in_flight(&task->task); \
                                                                  \
		if (result == DOCA_SUCCESS)                       \
			task->member = value;                     \
		return result;                                    \
	}

#define TASK(name, index)                                                                        \
	doca_error_t doca_sha_task_##name##_set_conf(struct doca_sha *sha,                       \
		doca_sha_task_##name##_completion_cb_t task_completion_cb,                       \
		doca_sha_task_##name##_completion_cb_t task_error_cb, uint8_t log_num_tasks)     \
	{                                                                                        \
		DCORE_NOT_NULL(sha);                                                             \
		if (log_num_tasks > 20)                                                          \
			return dcore_fail(                                                       \
				DOCA_ERROR_INVALID_VALUE, "SHA: 2^%u tasks", log_num_tasks);     \
		return dcore_task_conf(&sha->ctx, &sha->types[index],                            \
			(dcore_task_cb)task_completion_cb, (dcore_task_cb)task_error_cb,         \
			1u << log_num_tasks);                                                    \
	}                                                                                        \
	struct doca_task *doca_sha_task_##name##_as_task(struct doca_sha_task_##name *task)      \
	{                                                                                        \
		return &task->task;                                                              \
	}                                                                                        \
	doca_error_t doca_sha_task_##name##_alloc_init(struct doca_sha *sha,                     \
		enum doca_sha_algorithm algorithm, const struct doca_buf *src_buff,              \
		struct doca_buf *dst_buff, union doca_data user_data,                            \
		struct doca_sha_task_##name **task)                                              \
	{                                                                                        \
		doca_error_t result;                                                             \
		DCORE_NOT_NULL(sha);                                                             \
		DCORE_NOT_NULL(src_buff);                                                        \
		DCORE_NOT_NULL(dst_buff);                                                        \
		DCORE_NOT_NULL(task);                                                            \
		*task = dcore_task_alloc(&sha->types[index], user_data, &result);                \
		if (*task) {                                                                     \
			init_##name(*task);                                                      \
			(*task)->alg = algorithm;                                                \
			(*task)->task.src = src_buff;                                            \
			(*task)->task.dst = dst_buff;                                            \
		}                                                                                \
		return result;                                                                   \
	}                                                                                        \
	const struct doca_buf *doca_sha_task_##name##_get_src(                                   \
		const struct doca_sha_task_##name *task)                                         \
	{                                                                                        \
		return task->task.src;                                                           \
	}                                                                                        \
	struct doca_buf *doca_sha_task_##name##_get_dst(const struct doca_sha_task_##name *task) \
	{                                                                                        \
		return task->task.dst;                                                           \
	}                                                                                        \
	enum doca_sha_algorithm doca_sha_task_##name##_get_algorithm(                            \
		const struct doca_sha_task_##name *task)                                         \
	{                                                                                        \
		return task->alg;                                                                \
	}                                                                                        \
	SETTER(name, src, const struct doca_buf *, task.src)                                     \
	SETTER(name, dst, struct doca_buf *, task.dst)                                           \
	SETTER(name, algorithm, enum doca_sha_algorithm, alg)

static void init_hash(struct doca_sha_task_hash *task)
{
}

static void init_partial_hash(struct doca_sha_task_partial_hash *task)
{
	task->begun = task->final = false;
}

TASK(hash, 0)
TASK(partial_hash, 1)

doca_error_t doca_sha_task_partial_hash_set_is_final_buf(struct doca_sha_task_partial_hash *task)
{
	doca_error_t result = not_in_flight(&task->task);

	if (result == DOCA_SUCCESS)
		task->final = true;
	return result;
}

uint8_t doca_sha_task_partial_hash_get_is_final_buf(const struct doca_sha_task_partial_hash *task)
{
	return task->final;
}
