/* SPDX-License-Identifier: BSD-3-Clause */
/* The difference between two states, and a session with a switch that forgets, restarts and fails. */
#include "agent_test.h"

/* A switch as the session sees it: applies ops to a state of its own. */
struct fake_switch {
	json_t *state;
	json_int_t instance, generation;
	unsigned applies, asks;
	int fail; /* the next apply's error */
};

static void fake_apply_ops(struct fake_switch *sw, const json_t *ops)
{
	size_t i;
	json_t *op;
	char key[256];

	json_array_foreach(ops, i, op) {
		const char *kind = json_string_value(json_object_get(op, "kind"));

		snprintf(key, sizeof(key), "%s/%s", kind,
			json_string_value(json_object_get(op, "name")));
		if (strcmp(json_string_value(json_object_get(op, "op")), "delete") == 0)
			assert_int_equal(json_object_del(sw->state, key), 0);
		else
			json_object_set(sw->state, key, json_object_get(op, "value"));
	}
}

static int fake_call(void *arg, const char *method, const json_t *params, json_t **result)
{
	struct fake_switch *sw = arg;
	json_int_t base, generation, instance;
	int fail = sw->fail;

	sw->fail = 0;
	if (strcmp(method, "node.state") == 0) {
		sw->asks++;
		*result = json_pack(
			"{s:I, s:I}", "instance", sw->instance, "generation", sw->generation);
		return 0;
	}
	assert_string_equal(method, "node.apply");
	sw->applies++;
	if (fail)
		return refuse(-fail, "told to fail");
	assert_int_equal(
		json_unpack((json_t *)(uintptr_t)params, "{s:I, s:I, s:I}", "base_generation",
			&base, "generation", &generation, "instance", &instance),
		0);
	if (instance != sw->instance || (base && base != sw->generation))
		return refuse(ESTALE, "another state");
	if (!base)
		json_object_clear(sw->state);
	assert_int_equal(generation, sw->generation + 1);
	fake_apply_ops(sw, json_object_get(params, "ops"));
	sw->generation = generation;
	*result = json_object();
	return 0;
}

static json_t *cluster(const char *pod2)
{
	json_t *s = json_pack("{s:{s:[s]}, s:{s:s}, s:{s:s}}", "node/n1", "vteps", "192.0.2.1",
		"pod/default/a", "node", "n1", "service/default/s", "algorithm", "random");

	if (pod2)
		json_object_set_new(s, pod2, json_pack("{s:s}", "node", "n1"));
	return s;
}

struct fixture {
	struct fake_switch sw;
	struct agent_session *session;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct agent_link link = {fake_call, &f->sw};

	f->sw.state = json_object();
	f->sw.instance = 77;
	*state = f;
	return agent_session_create("n1", &link, &f->session);
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	agent_session_destroy(f->session);
	json_decref(f->sw.state);
	free(f);
	return 0;
}

static void push(struct fixture *f, json_t *state)
{
	if (agent_session_push(f->session, state) < 0)
		fail_msg("%s", refusal());
	assert_true(json_equal(f->sw.state, state));
	json_decref(state);
}

static void test_first_push_is_full(void **state)
{
	struct fixture *f = *state;

	push(f, cluster(NULL));
	assert_true(agent_session_last(f->session).full);
	assert_int_equal(agent_session_last(f->session).upserts, 3);
	assert_int_equal(f->sw.asks, 1);
}

static void test_only_the_difference(void **state)
{
	struct fixture *f = *state;

	push(f, cluster("pod/default/b"));
	push(f, cluster("pod/default/c"));
	assert_false(agent_session_last(f->session).full);
	assert_int_equal(agent_session_last(f->session).upserts, 1);
	assert_int_equal(agent_session_last(f->session).deletes, 1);
	push(f, cluster("pod/default/c"));
	assert_int_equal(f->sw.applies, 2);
}

static void test_restarted_switch_gets_all(void **state)
{
	struct fixture *f = *state;

	push(f, cluster(NULL));
	json_object_clear(f->sw.state);
	f->sw.instance = 78;
	f->sw.generation = 0;
	agent_session_disconnected(f->session);
	push(f, cluster(NULL));
	assert_true(agent_session_last(f->session).full);
}

/* A restart nobody noticed: same generation, other life. */
static void test_stale_is_sent_again(void **state)
{
	struct fixture *f = *state;

	push(f, cluster(NULL));
	json_object_clear(f->sw.state);
	f->sw.instance = 79;
	push(f, cluster("pod/default/b"));
	assert_true(agent_session_last(f->session).full);
	assert_int_equal(agent_session_last(f->session).upserts, 4);
}

static void test_reconnect_to_the_same_life_sends_nothing(void **state)
{
	struct fixture *f = *state;

	push(f, cluster(NULL));
	agent_session_disconnected(f->session);
	push(f, cluster(NULL));
	assert_int_equal(f->sw.applies, 1);
	assert_int_equal(f->sw.asks, 2);
}

static void test_a_refused_push_changes_nothing(void **state)
{
	struct fixture *f = *state;
	json_t *next = cluster("pod/default/b");

	push(f, cluster(NULL));
	f->sw.fail = -EINVAL;
	assert_int_equal(agent_session_push(f->session, next), -EINVAL);
	push(f, next);
	assert_int_equal(agent_session_last(f->session).upserts, 1);
}

static void test_diff_order(void **state)
{
	json_t *from = cluster("pod/default/b"), *to = json_object(), *ops;
	static const char *const order[] = {"service", "pod", "pod", "node"};

	ops = agent_diff(from, to);
	assert_int_equal(json_array_size(ops), 4);
	for (size_t i = 0; i < 4; i++)
		assert_string_equal(
			json_string_value(json_object_get(json_array_get(ops, i), "kind")),
			order[i]);
	json_decref(ops);
	ops = agent_diff(NULL, from);
	assert_string_equal(
		json_string_value(json_object_get(json_array_get(ops, 0), "kind")), "node");
	json_decref(ops);
	json_decref(from);
	json_decref(to);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_first_push_is_full, setup, teardown),
		cmocka_unit_test_setup_teardown(test_only_the_difference, setup, teardown),
		cmocka_unit_test_setup_teardown(test_restarted_switch_gets_all, setup, teardown),
		cmocka_unit_test_setup_teardown(test_stale_is_sent_again, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_reconnect_to_the_same_life_sends_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_a_refused_push_changes_nothing, setup, teardown),
		cmocka_unit_test(test_diff_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
