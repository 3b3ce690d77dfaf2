/* SPDX-License-Identifier: BSD-3-Clause */
/* Erasure coding: every loss of every small shape, updates against coding anew. */
#include "accel.h"

#include <doca_erasure_coding.h>

#define BLOCK 192u

static struct doca_ec *make_ec(struct fix *f)
{
	struct doca_ec *ec;

	OK(doca_ec_create(f->dev, &ec));
#define ECONF(t) OK(doca_ec_task_##t##_set_conf(ec, CB(doca_ec_task_##t), ECB(doca_ec_task_##t), 4))
	ECONF(create);
	ECONF(recover);
	ECONF(update);
	start(f, doca_ec_as_ctx(ec));
	return ec;
}

/* All k + m blocks at `all`: data at the front, redundancy by a task. */
static void encode(struct fix *f, struct doca_ec *ec, struct doca_ec_matrix *matrix, unsigned k,
	unsigned m, size_t all)
{
	struct doca_buf *src = fix_src(f, all, k * BLOCK),
			*dst = fix_dst(f, all + k * BLOCK, m * BLOCK);
	struct doca_ec_task_create *task;
	union doca_data none = {0};

	OK(doca_ec_task_create_allocate_init(ec, matrix, src, dst, none, &task));
	OK(run(f, doca_ec_task_create_as_task(task)));
	assert_int_equal(fix_len(dst), m * BLOCK);
	OK(doca_buf_dec_refcount(src, NULL));
	OK(doca_buf_dec_refcount(dst, NULL));
}

static void recover(struct fix *f, struct doca_ec *ec, struct doca_ec_matrix *matrix, unsigned k,
	unsigned m, uint32_t lost)
{
	struct doca_ec_matrix *back;
	struct doca_ec_task_recover *task;
	struct doca_buf *src, *dst;
	union doca_data none = {0};
	uint32_t missing[16];
	size_t n = 0, have = 0;

	for (unsigned i = 0; i < k + m; i++) {
		if (lost & (1u << i))
			missing[n++] = i;
		else if (have < k)
			memcpy(f->mem + DST + have++ * BLOCK, f->mem + i * BLOCK, BLOCK);
	}
	OK(doca_ec_matrix_create_recover(ec, matrix, missing, n, &back));
	src = fix_src(f, DST, k * BLOCK);
	dst = fix_dst(f, BACK, n * BLOCK);
	OK(doca_ec_task_recover_allocate_init(ec, back, src, dst, none, &task));
	OK(run(f, doca_ec_task_recover_as_task(task)));
	for (size_t i = 0; i < n; i++)
		assert_memory_equal(f->mem + BACK + i * BLOCK, f->mem + missing[i] * BLOCK, BLOCK);
	OK(doca_ec_matrix_destroy(back));
	OK(doca_buf_dec_refcount(src, NULL));
	OK(doca_buf_dec_refcount(dst, NULL));
}

/* Every loss of up to m blocks, of every shape with k + m <= 14. */
static void every_loss_is_recovered(void **state)
{
	struct fix *f = *state;
	struct doca_ec *ec = make_ec(f);

	for (int type = DOCA_EC_MATRIX_TYPE_CAUCHY; type <= DOCA_EC_MATRIX_TYPE_VANDERMONDE; type++)
		for (unsigned k = 1; k <= 13; k++)
			for (unsigned m = 1; k + m <= 14; m++) {
				struct doca_ec_matrix *matrix;
				uint32_t all = 1u << (k + m);

				OK(doca_ec_matrix_create(
					ec, (enum doca_ec_matrix_type)type, k, m, &matrix));
				fill_random(f->mem, k * BLOCK);
				encode(f, ec, matrix, k, m, 0);
				for (uint32_t lost = 1; lost < all; lost++)
					if (__builtin_popcount(lost) <= (int)m)
						recover(f, ec, matrix, k, m, lost);
				OK(doca_ec_matrix_destroy(matrix));
			}
	OK(doca_ctx_stop(doca_ec_as_ctx(ec)));
	OK(doca_ec_destroy(ec));
}

static void updates_equal_encoding_anew(void **state)
{
	struct fix *f = *state;
	struct doca_ec *ec = make_ec(f);
	enum { K = 6, M = 3 };
	struct doca_ec_matrix *matrix, *update;
	uint32_t changed[2] = {4, 1};
	struct doca_ec_task_update *task;
	struct doca_buf *src, *dst;
	union doca_data none = {0};

	OK(doca_ec_matrix_create(ec, DOCA_EC_MATRIX_TYPE_CAUCHY, K, M, &matrix));
	fill_random(f->mem, K * BLOCK);
	encode(f, ec, matrix, K, M, 0);
	/* old 4, old 1, new 4, new 1, old redundancy */
	for (int i = 0; i < 2; i++)
		memcpy(f->mem + DST + i * BLOCK, f->mem + changed[i] * BLOCK, BLOCK);
	for (int i = 0; i < 2; i++) {
		fill_random(f->mem + changed[i] * BLOCK, BLOCK);
		memcpy(f->mem + DST + (2 + i) * BLOCK, f->mem + changed[i] * BLOCK, BLOCK);
	}
	memcpy(f->mem + DST + 4 * BLOCK, f->mem + K * BLOCK, M * BLOCK);
	OK(doca_ec_matrix_create_update(ec, matrix, changed, 2, &update));
	src = fix_src(f, DST, (4 + M) * BLOCK);
	dst = fix_dst(f, BACK, M * BLOCK);
	OK(doca_ec_task_update_allocate_init(ec, update, src, dst, none, &task));
	OK(run(f, doca_ec_task_update_as_task(task)));
	encode(f, ec, matrix, K, M, 0);
	assert_memory_equal(f->mem + BACK, f->mem + K * BLOCK, M * BLOCK);
	OK(doca_buf_dec_refcount(src, NULL));
	OK(doca_buf_dec_refcount(dst, NULL));
	OK(doca_ec_matrix_destroy(update));
	FAILS(DOCA_ERROR_INVALID_VALUE,
		doca_ec_matrix_create(ec, DOCA_EC_MATRIX_TYPE_CAUCHY, 200, 56, &update));
	changed[1] = 4; /* twice */
	FAILS(DOCA_ERROR_INVALID_VALUE,
		doca_ec_matrix_create_recover(ec, matrix, changed, 2, &update));
	FAILS(DOCA_ERROR_IN_USE, doca_ec_destroy(ec));
	OK(doca_ec_matrix_destroy(matrix));
	OK(doca_ctx_stop(doca_ec_as_ctx(ec)));
	OK(doca_ec_destroy(ec));
}

/* Of one redundancy block: as programs take it that recover with the coding matrix itself. */
static void one_redundancy_block_is_the_xor(void **state)
{
	struct fix *f = *state;
	struct doca_ec *ec = make_ec(f);
	struct doca_ec_task_recover *task;
	struct doca_ec_matrix *matrix;
	struct doca_buf *src, *dst;

	OK(doca_ec_matrix_create(ec, DOCA_EC_MATRIX_TYPE_VANDERMONDE, 2, 1, &matrix));
	fill_random(f->mem, 2 * BLOCK);
	encode(f, ec, matrix, 2, 1, 0);
	for (unsigned i = 0; i < BLOCK; i++)
		assert_int_equal(f->mem[2 * BLOCK + i], f->mem[i] ^ f->mem[BLOCK + i]);
	src = fix_src(
		f, BLOCK, 2 * BLOCK); /* the second block and the redundancy: the first is lost */
	dst = fix_dst(f, BACK, BLOCK);
	OK(doca_ec_task_recover_allocate_init(
		ec, matrix, src, dst, (union doca_data){.u64 = 0}, &task));
	OK(run(f, doca_ec_task_recover_as_task(task)));
	assert_memory_equal(f->mem, f->mem + BACK, BLOCK);
	OK(doca_buf_dec_refcount(src, NULL));
	OK(doca_buf_dec_refcount(dst, NULL));
	OK(doca_ec_matrix_destroy(matrix));
	OK(doca_ctx_stop(doca_ec_as_ctx(ec)));
	OK(doca_ec_destroy(ec));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		fix_test(every_loss_is_recovered),
		fix_test(updates_equal_encoding_anew),
		fix_test(one_redundancy_block_is_the_xor),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
