/* SPDX-License-Identifier: BSD-3-Clause */
/* Reading manifests: a List as kubectl prints it, several documents, JSON, directories. */
#include <sys/stat.h>
#include <unistd.h>

#include "agent_test.h"

static void test_kubectl_list(void **unused)
{
	struct agent_model *model;
	struct agent_counts n;
	int rc = agent_model_load(
		source_path("tests/unit/agent/fixtures/cluster-list.yaml"), &model);

	if (rc < 0)
		fail_msg("%s", refusal());
	n = agent_model_counts(model);
	assert_int_equal(n.nodes, 2);
	assert_int_equal(n.pods, 5);
	assert_int_equal(n.services, 3);
	assert_int_equal(n.slices, 2);
	assert_int_equal(n.policies, 1);
	assert_int_equal(n.namespaces, 2);
	assert_int_equal(n.skipped, 1);
	agent_model_free(model);
}

static void test_kubectl_list_resolves(void **unused)
{
	json_t *s = state_from_path("tests/unit/agent/fixtures/cluster-list.yaml", "kind-worker");

	assert_value(s, "node/kind-control-plane",
		"{'vteps': ['172.18.0.3', 'fc00:f853:ccd:e793::3'], 'vni': 100,"
		" 'cidrs': ['10.244.0.0/24', 'fd00:10:244::/64']}");
	assert_value(s, "pod/shop/front-6d5f7c9b8d-x2x7q",
		"{'node': 'kind-worker', 'vf': 'pf0vf0',"
		" 'addresses': ['10.244.1.17', 'fd00:10:244:1::11']}");
	/* finished, host-network and pending pods, headless and ExternalName services are not there */
	assert_null(json_object_get(s, "pod/shop/migrate-7hq2p"));
	assert_null(json_object_get(s, "pod/kube-system/kube-proxy-8gk2c"));
	assert_null(json_object_get(s, "pod/shop/waiting"));
	assert_null(json_object_get(s, "service/shop/front-headless"));
	assert_null(json_object_get(s, "service/shop/elsewhere"));
	assert_value(s, "service/shop/front",
		"{'addresses': ['10.96.14.7', 'fd00:10:96::3a61'], 'algorithm': 'round-robin',"
		" 'affinity_s': 600, 'ports': ["
		" {'name': 'http', 'protocol': 'TCP', 'port': 80, 'endpoints': ["
		"   {'address': '10.244.1.17', 'port': 8080},"
		"   {'address': 'fd00:10:244:1::11', 'port': 8080}]},"
		" {'name': 'metrics', 'protocol': 'TCP', 'port': 9090, 'endpoints': ["
		"   {'address': '10.244.1.17', 'port': 9090}]}]}");
	assert_value(s, "policy/shop/front",
		"{'pods': ['shop/front-6d5f7c9b8d-x2x7q'],"
		" 'ingress': [{'peers': {'pods': ['default/shell'], 'blocks': []},"
		"   'ports': [{'protocol': 'TCP', 'first': 8080, 'last': 8080}]}],"
		" 'egress': [{'ports': [{'protocol': 'UDP', 'first': 53, 'last': 53}]},"
		"  {'peers': {'pods': [], 'blocks': [{'cidr': '192.0.2.0/24',"
		"     'except': ['192.0.2.128/25']}]},"
		"   'ports': [{'protocol': 'TCP', 'first': 32000, 'last': 32768}]}]}");
	json_decref(s);
}

/* The same objects as JSON (kubectl -o json) and as YAML are the same state. */
static void test_json_is_yaml(void **unused)
{
	json_t *yaml = state_from_text("apiVersion: v1\n"
				       "kind: Node\n"
				       "metadata: {name: a}\n"
				       "status:\n"
				       "  addresses:\n"
				       "  - {type: InternalIP, address: 192.0.2.1}\n",
		"a");
	json_t *json =
		state_from_text("{\"kind\": \"List\", \"apiVersion\": \"v1\", \"items\": "
				"[{\"apiVersion\": \"v1\",\n"
				" \"kind\": \"Node\", \"metadata\": {\"name\": \"a\"}, \"status\": "
				"{\"addresses\": [\n"
				"  {\"type\": \"InternalIP\", \"address\": \"192.0.2.1\"}]}}]}",
			"a");

	assert_true(json_equal(yaml, json));
	json_decref(yaml);
	json_decref(json);
}

static void write_file(const char *dir, const char *name, const char *text)
{
	char path[512];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

#define NODE(name) "apiVersion: v1\nkind: Node\nmetadata: {name: " name "}\n"

static void test_directory(void **unused)
{
	char dir[] = "/tmp/agent-load.XXXXXX", command[64];
	struct agent_model *model;

	assert_non_null(mkdtemp(dir));
	write_file(dir, "a.yaml", NODE("a") "---\n" NODE("b"));
	write_file(dir, "b.yml", NODE("c"));
	write_file(dir, "c.json",
		"{\"apiVersion\": \"v1\", \"kind\": \"Node\","
		" \"metadata\": {\"name\": \"d\"}}");
	write_file(dir, ".hidden.yaml", "not even yaml: [");
	write_file(dir, "notes.txt", "also not: [");
	write_file(dir, "a.yaml~", "a backup: [");
	assert_int_equal(agent_model_load(dir, &model), 0);
	assert_int_equal(agent_model_counts(model).nodes, 4);
	agent_model_free(model);
	snprintf(command, sizeof(command), "rm -r %s", dir);
	assert_int_equal(system(command), 0);
	assert_int_equal(agent_model_load(dir, &model), -ENOENT);
}

static void test_demo_loads(void **unused)
{
	json_t *s = state_from_path("daemons/demo/manifests", "node3");

	assert_value(s, "service/default/empty",
		"{'addresses': ['10.96.0.200', 'fd00:10:96::200'], 'algorithm': 'round-robin',"
		" 'affinity_s': 0, 'ports': [{'name': 'http', 'protocol': 'TCP', 'port': 80,"
		" 'endpoints': []}]}");
	assert_value(s, "policy/default/web-from-frontends",
		"{'pods': ['default/web-3'], 'ingress': [{'peers': {'pods': ['default/client',"
		" 'default/web-1', 'default/web-2', 'default/web-3'], 'blocks': []},"
		" 'ports': [{'protocol': 'TCP', 'first': 8080, 'last': 8080}]}]}");
	json_decref(s);
}

static void test_free_null(void **unused)
{
	agent_model_free(NULL);
	agent_session_destroy(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kubectl_list),
		cmocka_unit_test(test_kubectl_list_resolves),
		cmocka_unit_test(test_json_is_yaml),
		cmocka_unit_test(test_directory),
		cmocka_unit_test(test_demo_loads),
		cmocka_unit_test(test_free_null),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
