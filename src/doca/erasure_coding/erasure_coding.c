/* SPDX-License-Identifier: BSD-3-Clause */
/* libdoca_erasure_coding: matrices, and tasks that apply them to blocks. */
#include <doca_erasure_coding.h>

#include <stdlib.h>
#include <string.h>

#include "doca/common/common.h"
#include "engine/ec/ec.h"

#define MAX_BLOCK ((uint64_t)128 << 20)
#define MAX_LIST 4096u
#define BLOCK_MULTIPLE 64u

enum { GALOIS_MUL, CREATE, UPDATE, RECOVER, TYPES };

struct doca_ec_matrix {
	struct doca_ec *of;
	int kind;            /* CREATE, UPDATE, RECOVER */
	struct ec_code code; /* kept by CREATE: others derive from it */
	struct ec_tables tables;
};

struct ec_task { /* all four types */
	struct doca_task task;
	const struct doca_ec_matrix *matrix;
};

struct doca_ec {
	struct doca_ctx ctx;
	struct dcore_task_type types[TYPES];
	uint32_t matrices;
};

/* ---- matrices ---- */

static doca_error_t done(
	struct doca_ec *ec, struct doca_ec_matrix *m, int err, struct doca_ec_matrix **out)
{
	if (err) {
		ec_code_destroy(&m->code);
		free(m);
		return dcore_fail(dcore_errno_to_error(err), "erasure coding matrix: %s",
			err == -EINVAL ? "impossible counts or indexes (k + m <= 255, no repeats, "
					 "at most m missing)"
				       : strerror(-err));
	}
	m->of = ec;
	ec->matrices++;
	*out = m;
	return DOCA_SUCCESS;
}

static struct doca_ec_matrix *new_matrix(int kind)
{
	struct doca_ec_matrix *m = calloc(1, sizeof(*m));

	if (m)
		m->kind = kind;
	return m;
}

doca_error_t doca_ec_matrix_create(struct doca_ec *ec, enum doca_ec_matrix_type type,
	size_t data_block_count, size_t rdnc_block_count, struct doca_ec_matrix **matrix)
{
	struct doca_ec_matrix *m;
	int err = -EINVAL;

	DCORE_NOT_NULL(ec);
	DCORE_NOT_NULL(matrix);
	if (type != DOCA_EC_MATRIX_TYPE_CAUCHY && type != DOCA_EC_MATRIX_TYPE_VANDERMONDE)
		return dcore_fail(DOCA_ERROR_INVALID_VALUE, "erasure coding matrix: type %d", type);
	m = new_matrix(CREATE);
	if (!m)
		return DOCA_ERROR_NO_MEMORY;
	if (data_block_count <= EC_BLOCKS_MAX && rdnc_block_count <= EC_BLOCKS_MAX)
		err = ec_code_create(
			type == DOCA_EC_MATRIX_TYPE_CAUCHY ? EC_CAUCHY : EC_VANDERMONDE,
			(unsigned)data_block_count, (unsigned)rdnc_block_count, &m->code);
	if (!err)
		err = ec_tables_create(&m->code, &m->tables);
	return done(ec, m, err, matrix);
}

doca_error_t doca_ec_matrix_create_from_raw(struct doca_ec *ec, const uint8_t *data,
	size_t data_block_count, size_t rdnc_block_count, struct doca_ec_matrix **matrix)
{
	struct doca_ec_matrix *m;
	int err = -EINVAL;

	DCORE_NOT_NULL(ec);
	DCORE_NOT_NULL(data);
	DCORE_NOT_NULL(matrix);
	m = new_matrix(CREATE);
	if (!m)
		return DOCA_ERROR_NO_MEMORY;
	if (data_block_count <= EC_BLOCKS_MAX && rdnc_block_count <= EC_BLOCKS_MAX)
		err = ec_code_from_rows(
			data, (unsigned)data_block_count, (unsigned)rdnc_block_count, &m->code);
	if (!err)
		err = ec_tables_create(&m->code, &m->tables);
	return done(ec, m, err, matrix);
}

static doca_error_t derive(struct doca_ec *ec, struct doca_ec_matrix *from, int kind,
	const uint32_t *indexes, size_t n, struct doca_ec_matrix **matrix)
{
	struct doca_ec_matrix *m;
	int err = -EINVAL;

	DCORE_NOT_NULL(ec);
	DCORE_NOT_NULL(from);
	DCORE_NOT_NULL(indexes);
	DCORE_NOT_NULL(matrix);
	if (from->kind != CREATE)
		return dcore_fail(DOCA_ERROR_INVALID_VALUE,
			"erasure coding matrix: this is no coding matrix");
	m = new_matrix(kind);
	if (!m)
		return DOCA_ERROR_NO_MEMORY;
	if (n <= EC_BLOCKS_MAX)
		err = kind == UPDATE
			      ? ec_tables_update(&from->code, indexes, (unsigned)n, &m->tables)
			      : ec_tables_recover(&from->code, indexes, (unsigned)n, &m->tables);
	return done(ec, m, err, matrix);
}

doca_error_t doca_ec_matrix_create_update(struct doca_ec *ec, struct doca_ec_matrix *coding_matrix,
	uint32_t update_indices[], size_t n_updates, struct doca_ec_matrix **matrix)
{
	return derive(ec, coding_matrix, UPDATE, update_indices, n_updates, matrix);
}

doca_error_t doca_ec_matrix_create_recover(struct doca_ec *ec, struct doca_ec_matrix *coding_matrix,
	uint32_t missing_indices[], size_t n_missing, struct doca_ec_matrix **matrix)
{
	return derive(ec, coding_matrix, RECOVER, missing_indices, n_missing, matrix);
}

doca_error_t doca_ec_matrix_destroy(struct doca_ec_matrix *matrix)
{
	if (!matrix)
		return DOCA_SUCCESS;
	if (matrix->of->ctx.inflight)
		return dcore_fail(DOCA_ERROR_IN_USE, "%s: %zu tasks are in flight", __func__,
			matrix->of->ctx.inflight);
	matrix->of->matrices--;
	ec_code_destroy(&matrix->code);
	ec_tables_destroy(&matrix->tables);
	free(matrix);
	return DOCA_SUCCESS;
}

/* ---- tasks ---- */

static doca_error_t refuse_lens(const struct ec_task *t, size_t len, size_t room)
{
	const struct ec_tables *tables = &t->matrix->tables;
	size_t block = len / tables->cols;
	const char *name = t->task.type->name;

	if (!block || len != block * tables->cols || block % BLOCK_MULTIPLE)
		return dcore_fail(DOCA_ERROR_INVALID_VALUE,
			"%s: %zu bytes are not %u blocks of a multiple of %u bytes", name, len,
			tables->cols, BLOCK_MULTIPLE);
	if (block > MAX_BLOCK)
		return dcore_fail(DOCA_ERROR_TOO_BIG, "%s: blocks of %zu bytes, at most %llu", name,
			block, (unsigned long long)MAX_BLOCK);
	return dcore_fail(DOCA_ERROR_FULL, "%s: room for %zu bytes, %u blocks of %zu come out",
		name, room, tables->rows, block);
}

/* A coding matrix recovers too, as it stands: where the one redundancy block is the xor of the data. */
static inline bool is_made_for(const struct doca_ec_matrix *m, int kind)
{
	return m->kind == kind || kind == GALOIS_MUL || (kind == RECOVER && m->kind == CREATE);
}

/* *block_len: bytes of one block, when all is well. */
static inline doca_error_t measure(
	const struct ec_task *t, size_t len, size_t room, size_t *block_len)
{
	int kind = (int)(t->task.type - t->task.ctx->types);
	const struct doca_ec_matrix *m = t->matrix;
	size_t block;

	if (unlikely(!m || !is_made_for(m, kind)))
		return dcore_fail(DOCA_ERROR_INVALID_VALUE, "%s: the matrix is not made for it",
			t->task.type->name);
	block = len / m->tables.cols;
	if (unlikely(!block || len != block * m->tables.cols || block % BLOCK_MULTIPLE ||
		     block > MAX_BLOCK || room < block * m->tables.rows))
		return refuse_lens(t, len, room);
	*block_len = block;
	return DOCA_SUCCESS;
}

static doca_error_t check(struct doca_task *task)
{
	size_t block;

	return measure(container_of(task, struct ec_task, task), dcore_buf_list_data_len(task->src),
		dcore_buf_list_tailroom(task->dst), &block);
}

static doca_error_t apply(struct doca_task *task, const uint8_t *src, size_t len, uint8_t *dst,
	size_t room, size_t *written)
{
	const struct ec_task *t = container_of(task, struct ec_task, task);
	uint8_t *in[3 * EC_BLOCKS_MAX], *out[EC_BLOCKS_MAX];
	size_t block = 0;
	doca_error_t result = measure(t, len, room, &block);

	if (unlikely(result != DOCA_SUCCESS))
		return result;
	for (unsigned i = 0; i < t->matrix->tables.cols; i++)
		in[i] = (uint8_t *)src + i * block;
	for (unsigned i = 0; i < t->matrix->tables.rows; i++)
		out[i] = dst + i * block;
	ec_apply(&t->matrix->tables, block, in, out);
	*written = block * t->matrix->tables.rows;
	return DOCA_SUCCESS;
}

/* Every block is a stream of its own to the processor's prefetchers. */
static void soon(const struct doca_task *task)
{
	const struct ec_task *t = container_of(task, struct ec_task, task);
	size_t block = t->matrix ? t->task.src->data_len / t->matrix->tables.cols : 0;
	const uint8_t *to = t->task.dst->data + t->task.dst->data_len;

	for (unsigned i = 0; block && i < t->matrix->tables.cols; i++) {
		__builtin_prefetch(t->task.src->data + i * block);
		__builtin_prefetch(t->task.src->data + i * block + 64);
	}
	for (unsigned i = 0; block && i < t->matrix->tables.rows; i++)
		__builtin_prefetch(to + i * block, 1);
}

/* ---- the library ---- */

static const struct dcore_ctx_ops ops = {.name = "erasure coding", .may_have_workers = true};

doca_error_t doca_ec_create(struct doca_dev *dev, struct doca_ec **ec)
{
	static const char *const names[TYPES] = {
		"EC galois mul", "EC create", "EC update", "EC recover"};

	DCORE_NOT_NULL(dev);
	DCORE_NOT_NULL(ec);
	*ec = calloc(1, sizeof(**ec));
	if (!*ec)
		return DOCA_ERROR_NO_MEMORY;
	for (int i = 0; i < TYPES; i++)
		(*ec)->types[i] = (struct dcore_task_type){.name = names[i],
			.size = sizeof(struct ec_task),
			.convert = apply,
			.check = check,
			.batch = 1,
			.soon = soon};
	dcore_ctx_init(&(*ec)->ctx, dev, &ops, (*ec)->types, TYPES);
	return DOCA_SUCCESS;
}

doca_error_t doca_ec_destroy(struct doca_ec *ec)
{
	doca_error_t result;

	if (!ec)
		return DOCA_SUCCESS;
	if (ec->matrices)
		return dcore_fail(
			DOCA_ERROR_IN_USE, "%s: %u matrices exist", __func__, ec->matrices);
	result = dcore_ctx_fini(&ec->ctx);
	if (result == DOCA_SUCCESS)
		free(ec);
	return result;
}

struct doca_ctx *doca_ec_as_ctx(struct doca_ec *ec)
{
	return ec ? &ec->ctx : NULL;
}

doca_error_t doca_ec_cap_get_max_block_size(
	const struct doca_devinfo *devinfo, uint64_t *max_block_size)
{
	DCORE_NOT_NULL(devinfo);
	DCORE_NOT_NULL(max_block_size);
	*max_block_size = MAX_BLOCK;
	return DOCA_SUCCESS;
}

doca_error_t doca_ec_cap_get_max_buf_list_len(
	const struct doca_devinfo *devinfo, uint32_t *max_buf_list_len)
{
	DCORE_NOT_NULL(devinfo);
	DCORE_NOT_NULL(max_buf_list_len);
	*max_buf_list_len = MAX_LIST;
	return DOCA_SUCCESS;
}

static doca_error_t alloc(struct doca_ec *ec, int type, const struct doca_ec_matrix *matrix,
	const struct doca_buf *src, struct doca_buf *dst, union doca_data user_data,
	struct ec_task **task)
{
	doca_error_t result;

	DCORE_NOT_NULL(ec);
	DCORE_NOT_NULL(matrix);
	DCORE_NOT_NULL(src);
	DCORE_NOT_NULL(dst);
	DCORE_NOT_NULL(task);
	*task = dcore_task_alloc(&ec->types[type], user_data, &result);
	if (*task) {
		(*task)->matrix = matrix;
		(*task)->task.src = src;
		(*task)->task.dst = dst;
	}
	return result;
}

#define ANY(task) ((struct ec_task *)(void *)(task))
#define CONST_ANY(task) ((const struct ec_task *)(const void *)(task))
#define TASK(name, index, source, destination)                                                  \
	doca_error_t doca_ec_cap_task_##name##_is_supported(const struct doca_devinfo *devinfo) \
	{                                                                                       \
		DCORE_NOT_NULL(devinfo);                                                        \
		return DOCA_SUCCESS;                                                            \
	}                                                                                       \
	doca_error_t doca_ec_task_##name##_set_conf(struct doca_ec *ec,                         \
		doca_ec_task_##name##_completion_cb_t task_completion_cb,                       \
		doca_ec_task_##name##_completion_cb_t task_error_cb, uint32_t num_tasks)        \
	{                                                                                       \
		DCORE_NOT_NULL(ec);                                                             \
		return dcore_task_conf(&ec->ctx, &ec->types[index],                             \
			(dcore_task_cb)task_completion_cb, (dcore_task_cb)task_error_cb,        \
			num_tasks);                                                             \
	}                                                                                       \
	struct doca_task *doca_ec_task_##name##_as_task(struct doca_ec_task_##name *task)       \
	{                                                                                       \
		return &ANY(task)->task;                                                        \
	}                                                                                       \
	doca_error_t doca_ec_task_##name##_allocate_init(struct doca_ec *ec,                    \
		const struct doca_ec_matrix *matrix, const struct doca_buf *source,             \
		struct doca_buf *destination, union doca_data user_data,                        \
		struct doca_ec_task_##name **task)                                              \
	{                                                                                       \
		return alloc(ec, index, matrix, source, destination, user_data,                 \
			(struct ec_task **)(void *)task);                                       \
	}                                                                                       \
	void doca_ec_task_##name##_set_##source(                                                \
		struct doca_ec_task_##name *task, const struct doca_buf *source)                \
	{                                                                                       \
		ANY(task)->task.src = source;                                                   \
	}                                                                                       \
	const struct doca_buf *doca_ec_task_##name##_get_##source(                              \
		const struct doca_ec_task_##name *task)                                         \
	{                                                                                       \
		return CONST_ANY(task)->task.src;                                               \
	}                                                                                       \
	void doca_ec_task_##name##_set_##destination(                                           \
		struct doca_ec_task_##name *task, struct doca_buf *destination)                 \
	{                                                                                       \
		ANY(task)->task.dst = destination;                                              \
	}                                                                                       \
	struct doca_buf *doca_ec_task_##name##_get_##destination(                               \
		const struct doca_ec_task_##name *task)                                         \
	{                                                                                       \
		return CONST_ANY(task)->task.dst;                                               \
	}                                                                                       \
	void doca_ec_task_##name##_set_matrix(                                                  \
		struct doca_ec_task_##name *task, const struct doca_ec_matrix *matrix)          \
	{                                                                                       \
		ANY(task)->matrix = matrix;                                                     \
	}                                                                                       \
	const struct doca_ec_matrix *doca_ec_task_##name##_get_matrix(                          \
		const struct doca_ec_task_##name *task)                                         \
	{                                                                                       \
		return CONST_ANY(task)->matrix;                                                 \
	}

TASK(galois_mul, GALOIS_MUL, src, dst)
TASK(create, CREATE, original_data_blocks, rdnc_blocks)
TASK(update, UPDATE, original_updated_and_rdnc_blocks, updated_rdnc_blocks)
TASK(recover, RECOVER, available_blocks, recovered_data)
