/* SPDX-License-Identifier: BSD-3-Clause */
/* What the tests of room flow share: the includes cmocka wants, and a context. */
#ifndef FLOW_TEST_H
#define FLOW_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/base.h"
#include "base/clock.h"
#include "base/refuse.h"
#include "base/rng.h"
#include "flow/flow.h"

static inline struct flow_ctx *make_ctx(unsigned nr_workers)
{
	struct flow_ctx_cfg cfg = {.nr_workers = nr_workers, .socket_id = -1};
	struct flow_ctx *ctx;

	assert_int_equal(flow_ctx_create(&cfg, &ctx), 0);
	return ctx;
}

#endif
