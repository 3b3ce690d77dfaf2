/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ec: erasure codes over GF(2^8), polynomial 0x11d, on ISA-L.
 *
 * A code is an n x k matrix whose first k rows are the identity: row i times the k data blocks is
 * block i. Everything else - redundancy, recovery, updates - is a smaller matrix of coefficients
 * derived from it (rows x cols), expanded to ISA-L's tables once and applied to blocks with
 * ec_apply(). Tables are immutable: any thread.
 */
#ifndef ENGINE_EC_EC_H
#define ENGINE_EC_EC_H

#include <stddef.h>
#include <stdint.h>

#define EC_BLOCKS_MAX 255 /* data and redundancy together: nonzero elements of the field */

enum ec_kind { EC_CAUCHY, EC_VANDERMONDE };

struct ec_code {
	unsigned k, m;
	uint8_t *rows; /* m x k: the redundancy rows */
};

struct ec_tables {
	unsigned rows, cols;
	uint8_t *coeff;  /* rows x cols */
	uint8_t *tables; /* 32 bytes per coefficient */
};

/* Both kinds recover any m losses. 0; -EINVAL: k or m is 0 or they are too many; -ENOMEM. */
int ec_code_create(enum ec_kind kind, unsigned k, unsigned m, struct ec_code *code);
int ec_code_from_rows(const uint8_t *rows, unsigned k, unsigned m, struct ec_code *code);
void ec_code_destroy(struct ec_code *code);

/* The m redundancy rows. */
int ec_tables_create(const struct ec_code *code, struct ec_tables *t);
/* Missing blocks from the first k present ones in index order; `missing` is sorted or not, no
 * repeats. */
int ec_tables_recover(
	const struct ec_code *code, const uint32_t *missing, unsigned n, struct ec_tables *t);
/* cols = n old + n new + m old redundancy blocks. */
int ec_tables_update(
	const struct ec_code *code, const uint32_t *changed, unsigned n, struct ec_tables *t);
void ec_tables_destroy(struct ec_tables *t);

/* out[r] = sum over c of coeff[r][c] * in[c], `len` bytes each. */
void ec_apply(const struct ec_tables *t, size_t len, uint8_t *const *in, uint8_t *const *out);

#endif
