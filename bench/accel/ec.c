/* SPDX-License-Identifier: BSD-3-Clause */
/* Erasure coding, redundancy of 4+2 and 10+4, against ISA-L. */
#include "rig.h"

#include <isa-l/erasure_code.h>

#include <doca_erasure_coding.h>

static unsigned k, m;
static size_t block;
static uint8_t tables[32 * 10 * 4];

static bool with_isal(struct rig_request *r)
{
	uint8_t *in[16], *out[8];

	for (unsigned b = 0; b < k; b++)
		in[b] = (uint8_t *)r->src + b * block;
	for (unsigned b = 0; b < m; b++)
		out[b] = r->dst + b * block;
	ec_encode_data((int)block, (int)k, (int)m, tables, in, out);
	r->out = m * block;
	return true;
}

static void encode(unsigned data, unsigned redundancy)
{
	struct doca_ec_task_create *t;
	struct doca_ec_matrix *matrix;
	struct doca_ec *ec;
	uint8_t full[14 * 10];
	char name[32];

	k = data;
	m = redundancy;
	gf_gen_cauchy1_matrix(full, (int)(k + m), (int)k);
	ec_init_tables((int)k, (int)m, full + k * k, tables);
	rig_bufs(DEPTH, k * block, m * block);
	MUST(doca_ec_create(rig.dev, &ec));
	MUST(doca_ec_task_create_set_conf(
		ec, DONE(doca_ec_task_create), FAILED(doca_ec_task_create), DEPTH));
	rig_start(doca_ec_as_ctx(ec), 0);
	MUST(doca_ec_matrix_create(ec, DOCA_EC_MATRIX_TYPE_CAUCHY, k, m, &matrix));
	for (unsigned i = 0; i < rig.n; i++) {
		union doca_data user = {.u64 = i};

		MUST(doca_ec_task_create_allocate_init(
			ec, matrix, rig.srcs[i], rig.dsts[i], user, &t));
		rig.tasks[i] = doca_ec_task_create_as_task(t);
	}
	snprintf(name, sizeof(name), "ec-%u+%u-block-%zu", k, m, block);
	rig_report(name, k * block, with_isal, 0.97);
	rig_stop(doca_ec_as_ctx(ec));
	MUST(doca_ec_matrix_destroy(matrix));
	MUST(doca_ec_destroy(ec));
}

void bench_ec(size_t block_len)
{
	block = block_len;
	if (!rig_wants("ec"))
		return;
	encode(4, 2);
	encode(10, 4);
}
