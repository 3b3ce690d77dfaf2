/* SPDX-License-Identifier: BSD-3-Clause */
#include "engine/ec/ec.h"

#include <errno.h>
#include <isa-l/erasure_code.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* ISA-L counts bytes in an int; pieces also keep all blocks of a piece in the cache. */
#define PIECE (1u << 20)

int ec_code_from_rows(const uint8_t *rows, unsigned k, unsigned m, struct ec_code *code)
{
	if (!k || !m || k + m > EC_BLOCKS_MAX)
		return -EINVAL;
	*code = (struct ec_code){.k = k, .m = m, .rows = malloc(k * m)};
	if (!code->rows)
		return -ENOMEM;
	memcpy(code->rows, rows, k * m);
	return 0;
}

void ec_code_destroy(struct ec_code *code)
{
	free(code->rows);
	code->rows = NULL;
}

static void times(const uint8_t *row, const uint8_t *matrix, unsigned k, uint8_t *out);

/* Dividing a column by a constant keeps any k rows of the code independent; no coefficient of one is zero. */
static void make_first_row_ones(unsigned k, unsigned m, uint8_t *rows)
{
	for (unsigned j = 0; j < k; j++) {
		uint8_t by = gf_inv(rows[j]);

		for (unsigned i = 0; i < m; i++)
			rows[i * k + j] = gf_mul(rows[i * k + j], by);
	}
}

/*
 * Redundancy rows of a Vandermonde code. Row i of V is 1, i, i^2, ...: any k rows of it are
 * independent, as the points differ. V times the inverse of its first k rows keeps that and makes
 * those the identity; ISA-L's own generator puts powers under an identity instead, which fails for
 * many shapes. Columns are scaled so that the first redundancy block is the xor of the data: programs with one
 * such block recover with the coding matrix itself.
 */
static int vandermonde_rows(unsigned k, unsigned m, uint8_t *rows)
{
	uint8_t *v = malloc((k + m) * k), *top = malloc(k * k), *inverse = malloc(k * k);
	int err = v && top && inverse ? 0 : -ENOMEM;

	for (unsigned i = 0; !err && i < k + m; i++)
		for (unsigned j = 0, power = 1; j < k;
			j++, power = gf_mul((uint8_t)power, (uint8_t)i))
			v[i * k + j] = (uint8_t)power;
	if (!err) {
		memcpy(top, v, k * k); /* gf_invert_matrix destroys its input */
		err = gf_invert_matrix(top, inverse, (int)k) ? -EINVAL : 0;
	}
	for (unsigned i = 0; !err && i < m; i++)
		times(v + (k + i) * k, inverse, k, rows + i * k);
	if (!err)
		make_first_row_ones(k, m, rows);
	free(v);
	free(top);
	free(inverse);
	return err;
}

static int cauchy_rows(unsigned k, unsigned m, uint8_t *rows)
{
	uint8_t *full = malloc((k + m) * k);

	if (!full)
		return -ENOMEM;
	gf_gen_cauchy1_matrix(full, (int)(k + m), (int)k);
	memcpy(rows, full + k * k, k * m);
	free(full);
	return 0;
}

int ec_code_create(enum ec_kind kind, unsigned k, unsigned m, struct ec_code *code)
{
	uint8_t *rows;
	int err;

	if (!k || !m || k + m > EC_BLOCKS_MAX)
		return -EINVAL;
	rows = malloc(k * m);
	if (!rows)
		return -ENOMEM;
	err = kind == EC_CAUCHY ? cauchy_rows(k, m, rows) : vandermonde_rows(k, m, rows);
	if (!err)
		err = ec_code_from_rows(rows, k, m, code);
	free(rows);
	return err;
}

/* ---- tables ---- */

static int expand(struct ec_tables *t, unsigned rows, unsigned cols, uint8_t *coeff)
{
	*t = (struct ec_tables){.rows = rows, .cols = cols, .coeff = coeff};
	t->tables = coeff ? malloc(32u * rows * cols) : NULL;
	if (!t->tables) {
		free(coeff);
		t->coeff = NULL;
		return -ENOMEM;
	}
	ec_init_tables((int)cols, (int)rows, coeff, t->tables);
	return 0;
}

void ec_tables_destroy(struct ec_tables *t)
{
	free(t->coeff);
	free(t->tables);
	t->coeff = t->tables = NULL;
}

int ec_tables_create(const struct ec_code *code, struct ec_tables *t)
{
	uint8_t *coeff = malloc(code->k * code->m);

	if (coeff)
		memcpy(coeff, code->rows, code->k * code->m);
	return expand(t, code->m, code->k, coeff);
}

/* Row of block `index` in the whole matrix: a unit vector for data. */
static void block_row(const struct ec_code *code, unsigned index, uint8_t *row)
{
	if (index >= code->k) {
		memcpy(row, code->rows + (index - code->k) * code->k, code->k);
		return;
	}
	memset(row, 0, code->k);
	row[index] = 1;
}

/* Marks the missing; -EINVAL for an index out of range or twice. */
static int mark(const uint32_t *missing, unsigned n, unsigned limit, bool *is_missing)
{
	memset(is_missing, 0, limit * sizeof(*is_missing));
	for (unsigned i = 0; i < n; i++) {
		if (missing[i] >= limit || is_missing[missing[i]])
			return -EINVAL;
		is_missing[missing[i]] = true;
	}
	return 0;
}

/* Inverse of the matrix of the first k present blocks. */
static int invert_present(const struct ec_code *code, const bool *is_missing, uint8_t *inverse)
{
	uint8_t *present = malloc(code->k * code->k);
	unsigned n = 0;
	int err = 0;

	if (!present)
		return -ENOMEM;
	for (unsigned i = 0; n < code->k && i < code->k + code->m; i++)
		if (!is_missing[i])
			block_row(code, i, present + n++ * code->k);
	if (n < code->k || gf_invert_matrix(present, inverse, (int)code->k))
		err = -EINVAL;
	free(present);
	return err;
}

/* out (1 x k) = row (1 x k) * matrix (k x k) */
static void times(const uint8_t *row, const uint8_t *matrix, unsigned k, uint8_t *out)
{
	for (unsigned c = 0; c < k; c++) {
		uint8_t sum = 0;

		for (unsigned i = 0; i < k; i++)
			sum ^= gf_mul(row[i], matrix[i * k + c]);
		out[c] = sum;
	}
}

int ec_tables_recover(
	const struct ec_code *code, const uint32_t *missing, unsigned n, struct ec_tables *t)
{
	bool is_missing[EC_BLOCKS_MAX];
	uint8_t row[EC_BLOCKS_MAX], *inverse, *coeff;
	int err;

	if (!n || n > code->m || mark(missing, n, code->k + code->m, is_missing) < 0)
		return -EINVAL;
	inverse = malloc(code->k * code->k);
	coeff = malloc(n * code->k);
	err = inverse && coeff ? invert_present(code, is_missing, inverse) : -ENOMEM;
	if (!err)
		for (unsigned i = 0; i < n; i++) {
			block_row(code, missing[i], row);
			times(row, inverse, code->k, coeff + i * code->k);
		}
	free(inverse);
	if (!err)
		return expand(t, n, code->k, coeff);
	free(coeff);
	return err;
}

/* new redundancy = old redundancy + coefficient * (old data + new data); + is xor. */
int ec_tables_update(
	const struct ec_code *code, const uint32_t *changed, unsigned n, struct ec_tables *t)
{
	bool seen[EC_BLOCKS_MAX];
	unsigned cols = 2 * n + code->m;
	uint8_t *coeff;

	if (!n || mark(changed, n, code->k, seen) < 0)
		return -EINVAL;
	coeff = calloc(code->m, cols);
	for (unsigned r = 0; coeff && r < code->m; r++) {
		for (unsigned i = 0; i < n; i++) {
			uint8_t c = code->rows[r * code->k + changed[i]];

			coeff[r * cols + i] = coeff[r * cols + n + i] = c;
		}
		coeff[r * cols + 2 * n + r] = 1;
	}
	return expand(t, code->m, cols, coeff);
}

void ec_apply(const struct ec_tables *t, size_t len, uint8_t *const *in, uint8_t *const *out)
{
	uint8_t *from[2 * EC_BLOCKS_MAX + EC_BLOCKS_MAX], *to[EC_BLOCKS_MAX];

	if (len <= PIECE) {
		ec_encode_data((int)len, (int)t->cols, (int)t->rows, t->tables, (uint8_t **)in,
			(uint8_t **)out);
		return;
	}
	for (size_t at = 0; at < len; at += PIECE) {
		size_t n = len - at < PIECE ? len - at : PIECE;

		for (unsigned i = 0; i < t->cols; i++)
			from[i] = in[i] + at;
		for (unsigned i = 0; i < t->rows; i++)
			to[i] = out[i] + at;
		ec_encode_data((int)n, (int)t->cols, (int)t->rows, t->tables, from, to);
	}
}
