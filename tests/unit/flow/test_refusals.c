/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * flow: what the room refuses although no DOCA program gets that far, because the door asks first (docs/flow/errors.md, its
 * second table). Each sentence once; the others of that table are said in test_pipe, test_exact, test_wild and test_alloc.
 */
#include "flow_test.h"

#include "../alloc_fail.h"
#include "flow/conn.h"
#include "flow/field.h"
#include "flow/pipe.h"
#include "packet/tunnel.h"

#define NO_FIELD 60000

static struct flow_ctx *ctx;

static int setup(void **state)
{
	ctx = make_ctx(1);
	return 0;
}

static int teardown(void **state)
{
	flow_ctx_destroy(ctx);
	return 0;
}

static void said(int err, int errnum, const char *sentence)
{
	assert_int_equal(err, -errnum);
	assert_string_equal(refusal(), sentence);
}

static struct flow_pipe_cfg pipe_of(enum flow_pipe_kind kind)
{
	return (struct flow_pipe_cfg){.name = "p", .kind = kind, .port = FLOW_PORT_NONE, .nr_entries = 16, .miss.kind = FLOW_FWD_DROP};
}

static void no_pipe(const struct flow_pipe_cfg *cfg, int errnum, const char *sentence)
{
	struct flow_pipe *pipe;

	said(flow_pipe_create(ctx, cfg, &pipe), errnum, sentence);
}

static struct flow_pipe *pipe_from(const struct flow_pipe_cfg *cfg)
{
	struct flow_pipe *pipe;

	assert_int_equal(flow_pipe_create(ctx, cfg, &pipe), 0);
	return pipe;
}

/* A pipe whose one template has `n` times this operation over 8 bytes of data. */
static void no_operation(struct flow_op op, unsigned n, int errnum, const char *sentence)
{
	static const uint8_t data[8], hole[8];
	struct flow_op ops[FLOW_OPS_MAX];
	struct flow_action_template t = {.nr_ops = n, .ops = ops, .data_len = 8, .data = data, .hole = hole};
	struct flow_pipe_cfg cfg = pipe_of(FLOW_PIPE_EXACT);

	for (unsigned i = 0; i < n; i++)
		ops[i] = op;
	cfg.nr_templates = 1;
	cfg.templates = &t;
	no_pipe(&cfg, errnum, sentence);
}

static void operations(void **state)
{
	char text[128];

	no_operation((struct flow_op){.code = FLOW_OP_PUSH_VLAN, .data = 6}, 1, EINVAL,
		"pipe 'p': an action's data [6, +4) lies outside the template's 8 bytes");
	no_operation((struct flow_op){.code = FLOW_OP_COPY, .field = NO_FIELD, .width = 8}, 1, EINVAL, "pipe 'p': no field number 60000");
	snprintf(text, sizeof(text), "pipe 'p': an encap of 0 bytes; 1 to %u", PKT_ENCAP_MAX);
	no_operation((struct flow_op){.code = FLOW_OP_ENCAP}, 1, EINVAL, text);
	snprintf(text, sizeof(text), "pipe 'p': operation %u is not an action of an entry", FLOW_OP_PORT);
	no_operation((struct flow_op){.code = FLOW_OP_PORT}, 1, ENOTSUP, text);
	snprintf(text, sizeof(text), "pipe 'p': %u actions in one entry; at most %u", FLOW_OPS_MAX - 7, FLOW_OPS_MAX - 8);
	no_operation((struct flow_op){.code = FLOW_OP_TTL_DEC}, FLOW_OPS_MAX - 7, EINVAL, text);
}

static void entries(void **state)
{
	struct flow_op ttl = {.code = FLOW_OP_TTL_DEC};
	struct flow_action_template t = {.nr_ops = 1, .ops = &ttl};
	struct flow_pipe_cfg cfg = pipe_of(FLOW_PIPE_WILD);
	struct flow_entry_spec spec = {.fwd.kind = FLOW_FWD_DROP, .template_index = 1};
	struct flow_entry *entry;
	struct flow_pipe *pipe;

	cfg.nr_templates = 1;
	cfg.templates = &t;
	pipe = pipe_from(&cfg);
	said(flow_entry_add(pipe, &spec, &entry), EINVAL, "pipe 'p': action 1 of 1");
	spec = (struct flow_entry_spec){.fwd.kind = FLOW_FWD_DROP, .cond = {.op = FLOW_COND_EQ, .field = NO_FIELD, .width = 8}};
	said(flow_entry_add(pipe, &spec, &entry), EINVAL, "pipe 'p': condition on 'no field', which cannot be matched");
	spec = (struct flow_entry_spec){.fwd.kind = FLOW_FWD_DROP};
	assert_int_equal(flow_entry_add(pipe, &spec, &entry), 0);
	said(flow_pipe_grow(pipe, 0), EBUSY, "pipe 'p': cannot shrink to 0 entries, it has 1");
	flow_pipe_destroy(pipe);
}

static void kinds(void **state)
{
	struct flow_pipe_cfg cfg = pipe_of(FLOW_PIPE_EXACT);

	cfg.miss = (struct flow_fwd){.kind = FLOW_FWD_PIPE};
	no_pipe(&cfg, EINVAL, "pipe 'p': forward to a pipe: no pipe given");
	cfg = pipe_of(FLOW_PIPE_LPM);
	cfg.lpm_field = NO_FIELD;
	no_pipe(&cfg, EINVAL, "pipe 'p': a longest-prefix pipe needs an address field, not number 60000");
	cfg = pipe_of(FLOW_PIPE_CT);
	no_pipe(&cfg, EINVAL, "pipe 'p': a connection pipe needs a connection table");
}

static void connections(void **state)
{
	struct conn_table_cfg table = {.capacity = 16, .nr_workers = 1, .timeouts = conn_timeouts_default};
	struct flow_pipe_cfg cfg = pipe_of(FLOW_PIPE_CT);
	struct flow_entry_spec spec = {.fwd.kind = FLOW_FWD_DROP};
	struct flow_entry *entry;
	struct flow_pipe *pipe;

	assert_int_equal(conn_table_create(ctx, &table, &cfg.conns), 0);
	pipe = pipe_from(&cfg);
	said(flow_entry_add(pipe, &spec, &entry), ENOTSUP,
		"pipe 'p': connections are added to the connection table, not as entries");
	flow_pipe_destroy(pipe);
	cfg.miss = (struct flow_fwd){.kind = FLOW_FWD_HOP};
	no_pipe(&cfg, EINVAL, "pipe 'p': a connection pipe's miss cannot go to a hop, list or hash pipe");
	conn_table_destroy(cfg.conns);
}

/* Until the call gets along without the n-th allocation, it says this. */
static void no_memory(int (*call)(void), const char *sentence)
{
	bool seen = false;

	for (unsigned n = 1;; n++) {
		int err;

		alloc_fail_at(n);
		err = call();
		if (!alloc_fail_stop())
			break;
		seen |= err == -ENOMEM && !strcmp(refusal(), sentence);
	}
	assert_true(seen);
}

static int set_default(void)
{
	static const struct flow_fwd drop = {.kind = FLOW_FWD_DROP};

	return flow_set_default(ctx, 3, FLOW_DOMAIN_DEFAULT, &drop);
}

static void memory(void **state)
{
	no_memory(set_default, "default of port 3: no memory");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(operations),
		cmocka_unit_test(entries),
		cmocka_unit_test(kinds),
		cmocka_unit_test(connections),
		cmocka_unit_test(memory),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
