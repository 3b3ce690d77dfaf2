/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * softdpu-agentd, the program: it finds the switch, pushes everything, then only what changed; refuses
 * bad manifests and says why; and starts over when the switch restarts. The switch is a ctl server of
 * ours that keeps what it is sent.
 */
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent_test.h"
#include "base/clock.h"
#include "ctl/ctl.h"
#include "ctl/messages.h"

#define PATIENCE_NS (20 * NS_PER_SEC) /* the machine may be busy */

struct fixture {
	char dir[64], manifests[96], card[96], socket[128], agent[128];
	pid_t pid;
	struct ctl_server *server;
	json_t *state, *last; /* what the switch holds; params of the last apply */
	json_int_t instance, generation;
	unsigned applies;
	const char *refuse; /* what the switch says to every apply */
};

/* --- the switch --- */

static int on_state(struct ctl_request *req, const json_t *params, json_t **result, void *arg)
{
	struct fixture *f = arg;

	*result = json_pack("{s:s, s:I, s:I}", "node", "node1", "instance", f->instance,
		"generation", f->generation);
	return 0;
}

static int on_apply(struct ctl_request *req, const json_t *params, json_t **result, void *arg)
{
	json_int_t base = json_integer_value(json_object_get(params, "base_generation"));
	struct fixture *f = arg;
	char key[256];
	json_t *op;
	size_t i;

	f->applies++;
	json_decref(f->last);
	f->last = json_deep_copy(params);
	if (f->refuse)
		return refuse(EINVAL, "%s", f->refuse);
	if (json_integer_value(json_object_get(params, "instance")) != f->instance ||
		(base && base != f->generation))
		return refuse(ESTALE, "another state");
	if (!base)
		json_object_clear(f->state);
	json_array_foreach(json_object_get(params, "ops"), i, op) {
		snprintf(key, sizeof(key), "%s/%s", json_string_value(json_object_get(op, "kind")),
			json_string_value(json_object_get(op, "name")));
		if (json_object_get(op, "value"))
			json_object_set(f->state, key, json_object_get(op, "value"));
		else
			json_object_del(f->state, key);
	}
	f->generation = json_integer_value(json_object_get(params, "generation"));
	*result = json_object();
	return 0;
}

static void switch_up(struct fixture *f, json_int_t instance)
{
	f->instance = instance;
	f->generation = 0;
	json_object_clear(f->state);
	if (ctl_server_create(f->socket, NULL, &f->server) < 0 ||
		ctl_register(f->server, CTL_NODE_STATE, on_state, f) < 0 ||
		ctl_register(f->server, CTL_NODE_APPLY, on_apply, f) < 0)
		fail_msg("%s", refusal());
}

static void switch_down(struct fixture *f)
{
	ctl_server_destroy(f->server);
	f->server = NULL;
}

/* Serve the agent until the switch was sent `applies` transactions. */
static void serve(struct fixture *f, unsigned applies)
{
	uint64_t end = clock_now_ns() + PATIENCE_NS;

	while (f->applies < applies) {
		struct pollfd fd = {.fd = ctl_server_fd(f->server), .events = POLLIN};

		if (clock_now_ns() > end)
			fail_msg("the agent sent %u transactions, not %u", f->applies, applies);
		poll(&fd, 1, 100);
		ctl_server_process(f->server);
	}
	/* and let the answer leave */
	for (int i = 0; i < 5; i++) {
		ctl_server_process(f->server);
		usleep(1000);
	}
}

/* --- files and process --- */

static void write_file(const char *dir, const char *name, const char *text)
{
	char path[256], temporary[256];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	snprintf(temporary, sizeof(temporary), "%s/.%s", dir, name);
	file = fopen(temporary, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
	assert_int_equal(rename(temporary, path), 0);
}

#define NODE "apiVersion: v1\nkind: Node\nmetadata: {name: node1}\n"
#define POD(name, ip)                                                                           \
	"---\napiVersion: v1\nkind: Pod\nmetadata: {name: " name "}\nspec: {nodeName: node1}\n" \
	"status: {podIP: " ip "}\n"

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	char card[512];

	f->state = json_object();
	strcpy(f->dir, "/tmp/agentd.XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->manifests, sizeof(f->manifests), "%s/manifests", f->dir);
	snprintf(f->card, sizeof(f->card), "%s/card.yaml", f->dir);
	snprintf(f->socket, sizeof(f->socket), "%s/run/node1/softdpud.sock", f->dir);
	snprintf(f->agent, sizeof(f->agent), "%s/run/node1/agentd.sock", f->dir);
	snprintf(card, sizeof(card),
		"name: node1\nports: {p0: {null: {}}}\nnode: {name: node1, vni: 100}\nrun_dir: "
		"%s/run\n",
		f->dir);
	assert_int_equal(mkdir(f->manifests, 0755), 0);
	write_file(f->dir, "card.yaml", card);
	write_file(f->manifests, "a.yaml", NODE POD("x", "10.0.0.1"));
	*state = f;
	return 0;
}

static void agent_up(struct fixture *f)
{
	char program[512];

	snprintf(program, sizeof(program), "%s/daemons/softdpu-agentd", getenv("SOFTDPU_BUILD"));
	f->pid = fork();
	assert_int_not_equal(f->pid, -1);
	if (f->pid == 0) {
		execl(program, program, "-c", f->card, "-m", f->manifests, NULL);
		_exit(127);
	}
}

static void agent_down(struct fixture *f)
{
	int status;

	kill(f->pid, SIGTERM);
	assert_int_equal(waitpid(f->pid, &status, 0), f->pid);
	f->pid = 0;
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	char command[128];

	if (f->pid)
		agent_down(f);
	switch_down(f);
	snprintf(command, sizeof(command), "rm -r %s", f->dir);
	assert_int_equal(system(command), 0);
	json_decref(f->state);
	json_decref(f->last);
	free(f);
	return 0;
}

/* agent.reload, asked by a child so that we can play the switch meanwhile. Exit status 0: it was fine, and
 * `said` is the result as text; else the refusal. */
static bool ask_reload(struct fixture *f, unsigned applies, char said[1024])
{
	struct ctl_client *client;
	json_t *result = NULL;
	int fds[2], status;
	ssize_t n;
	pid_t pid;

	assert_int_equal(pipe(fds), 0);
	pid = fork();
	if (pid == 0) {
		int rc = ctl_connect(f->agent, &client);
		char *text;

		if (rc == 0)
			rc = ctl_call(client, CTL_AGENT_RELOAD, NULL, 10000, &result);
		text = rc == 0 ? json_dumps(result, JSON_SORT_KEYS) : strdup(refusal());
		if (write(fds[1], text, strlen(text)) < 0)
			_exit(2);
		_exit(rc == 0 ? 0 : 1);
	}
	close(fds[1]);
	serve(f, applies);
	n = read(fds[0], said, 1023);
	said[n > 0 ? n : 0] = 0;
	close(fds[0]);
	waitpid(pid, &status, 0);
	return WEXITSTATUS(status) == 0;
}

/* --- tests --- */

static void test_everything_then_differences(void **state)
{
	struct fixture *f = *state;

	switch_up(f, 11);
	agent_up(f);
	serve(f, 1);
	assert_non_null(json_object_get(f->state, "pod/default/x"));
	write_file(f->manifests, "b.yaml", POD("y", "10.0.0.2"));
	serve(f, 2);
	assert_int_equal(json_array_size(json_object_get(f->last, "ops")), 1);
	assert_non_null(json_object_get(f->state, "pod/default/y"));
	/* nothing that is not a manifest, and no refused one, reaches the switch */
	write_file(f->manifests, "notes.txt", "hello");
	write_file(f->manifests, "c.yaml", POD("z", "10.0.0.300"));
	usleep(400000);
	write_file(f->manifests, "c.yaml", POD("z", "10.0.0.3"));
	serve(f, 3);
	assert_non_null(json_object_get(f->state, "pod/default/z"));
	assert_int_equal(json_array_size(json_object_get(f->last, "ops")), 1);
}

static void test_the_switch_restarts(void **state)
{
	struct fixture *f = *state;

	switch_up(f, 21);
	agent_up(f);
	serve(f, 1);
	switch_down(f);
	usleep(300000);
	switch_up(f, 22);
	serve(f, 2);
	assert_int_equal(json_integer_value(json_object_get(f->last, "base_generation")), 0);
	assert_non_null(json_object_get(f->state, "pod/default/x"));
}

static void test_the_agent_is_first(void **state)
{
	struct fixture *f = *state;

	agent_up(f);
	usleep(300000);
	switch_up(f, 31);
	serve(f, 1);
	assert_non_null(json_object_get(f->state, "node/node1"));
}

static void test_reload(void **state)
{
	struct fixture *f = *state;
	char said[1024], path[160];

	switch_up(f, 41);
	agent_up(f);
	serve(f, 1);
	snprintf(path, sizeof(path), "%s/a.yaml", f->manifests);
	kill(f->pid, SIGSTOP); /* the watcher would be faster */
	write_file(f->manifests, "a.yaml", NODE POD("x", "10.0.0.9") POD("w", "10.0.0.8"));
	kill(f->pid, SIGCONT);
	assert_true(ask_reload(f, 2, said));
	assert_non_null(strstr(said, "\"objects\": 3"));
	write_file(f->manifests, "bad.yaml", POD("v", "10.0.0.8"));
	assert_false(ask_reload(f, 2, said));
	assert_non_null(strstr(said, "bad.yaml:6: field 'status.podIP': value '10.0.0.8' already "
				     "belongs to Pod default/w"));
	assert_non_null(json_object_get(f->state, "pod/default/w"));
	assert_null(json_object_get(f->state, "pod/default/v"));
}

/* The switch knows no files; the agent says where the field is written. */
static void test_a_refusal_of_the_switch_names_the_place(void **state)
{
	struct fixture *f = *state;
	char said[1024];

	switch_up(f, 51);
	agent_up(f);
	serve(f, 1);
	f->refuse = "node.apply: pod default/u: field 'vf': value 'pf0vf9' is not a port of this "
		    "switch";
	write_file(f->manifests, "u.yaml",
		"apiVersion: v1\nkind: Pod\nmetadata:\n  name: u\n  annotations:\n"
		"    softdpu.io/vf: pf0vf9\nspec: {nodeName: node1}\nstatus: {podIP: 10.0.0.7}\n");
	serve(f, 2);
	assert_false(ask_reload(f, 3, said));
	assert_non_null(strstr(said,
		"/manifests/u.yaml:6: node.apply: pod default/u: field 'vf': value 'pf0vf9'"));
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_everything_then_differences),
		T(test_the_switch_restarts),
		T(test_the_agent_is_first),
		T(test_reload),
		T(test_a_refusal_of_the_switch_names_the_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
