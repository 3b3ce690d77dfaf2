/* SPDX-License-Identifier: BSD-3-Clause */
/* Every refusal of libdoca_flow, provoked: said.h says how. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include <doca_softdpu.h>

#include "base/base.h"
#include "packet/fixture.h"
#include "said.h"

static unsigned accepted;

void said_at(doca_error_t err, const char *file, int line)
{
	if (err != DOCA_SUCCESS) {
		printf("%s\t%s\n", doca_error_get_name(err), doca_softdpu_last_refusal());
		return;
	}
	accepted++;
	print_error("%s:%d: a call that must be refused was not\n", file, line);
}

struct doca_flow_match open_tuple(void)
{
	struct doca_flow_match m = {.outer.l3_type = DOCA_FLOW_L3_TYPE_IP4, .outer.ip4.dst_ip = UINT32_MAX};

	return m;
}

struct doca_flow_fwd to_port(void)
{
	struct doca_flow_fwd f = {.type = DOCA_FLOW_FWD_PORT, .port_id = 1};

	return f;
}

struct doca_flow_pipe_cfg *good_cfg(const char *name, enum doca_flow_pipe_type type)
{
	struct doca_flow_pipe_cfg *cfg = rig_pipe_cfg(rig_port[0], name, type, false);
	struct doca_flow_match m = open_tuple();

	if (type != DOCA_FLOW_PIPE_ORDERED_LIST && type != DOCA_FLOW_PIPE_CT)
		OK(doca_flow_pipe_cfg_set_match(cfg, &m, type == DOCA_FLOW_PIPE_HASH ? &m : NULL));
	OK(doca_flow_pipe_cfg_set_nr_entries(cfg, 2));
	return cfg;
}

struct doca_flow_pipe *good_pipe(const char *name, enum doca_flow_pipe_type type, bool open_fwd)
{
	struct doca_flow_fwd f = to_port();

	return rig_pipe(good_cfg(name, type), open_fwd ? NULL : &f, NULL);
}

doca_error_t add_basic(uint16_t queue, struct doca_flow_pipe *pipe, uint32_t ip, uint8_t action, const struct doca_flow_fwd *f,
	struct doca_flow_pipe_entry **entry)
{
	struct doca_flow_match m = open_tuple();

	m.outer.ip4.dst_ip = ip;
	return doca_flow_pipe_basic_add_entry(queue, pipe, &m, action, NULL, NULL, f, 0, NULL, entry);
}

void refuse_cfg(struct doca_flow_pipe_cfg *cfg, const struct doca_flow_fwd *f)
{
	struct doca_flow_pipe *pipe;

	said(doca_flow_pipe_create(cfg, f, NULL, &pipe));
	OK(doca_flow_pipe_cfg_destroy(cfg));
}

int main(void)
{
#define TEST(name) cmocka_unit_test(name),
	const struct CMUnitTest tests[] = {TESTS(TEST)};

	test_eal_init();
	return cmocka_run_group_tests(tests, NULL, NULL) || accepted;
}
