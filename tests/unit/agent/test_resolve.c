/* SPDX-License-Identifier: BSD-3-Clause */
/* Selectors, defaults and named ports of Kubernetes, resolved for one node. */
#include "agent_test.h"

#define NODES                                                     \
	"apiVersion: v1\nkind: Node\nmetadata: {name: n1}\n---\n" \
	"apiVersion: v1\nkind: Node\nmetadata: {name: n2}\n---\n"
#define POD(ns, name, node, ip, labels, ports)                                             \
	"apiVersion: v1\nkind: Pod\nmetadata: {name: " name ", namespace: " ns             \
	", labels: {" labels "}}\nspec: {nodeName: " node ", containers: [{ports: [" ports \
	"]}]}\n"                                                                           \
	"status: {podIP: " ip "}\n---\n"
#define WEB "{name: http, containerPort: 8080}"
#define POLICY(name, spec)                                                              \
	"apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: " name \
	", namespace: a}\nspec: " spec "\n---\n"
#define CLUSTER                                                                                   \
	NODES POD("a", "w1", "n1", "10.0.1.1", "app: web, tier: x", WEB)                          \
		POD("a", "w2", "n1", "10.0.1.2", "app: web", "{name: http, containerPort: 9090}") \
			POD("a", "c1", "n2", "10.0.2.1", "app: client", "")                       \
				POD("b", "c2", "n2", "10.0.2.2", "app: client",                   \
					WEB) "apiVersion: v1\nkind: Namespace\nmetadata: {name: " \
					     "a, labels: {team: red}}\n---\n"                     \
					     "apiVersion: v1\nkind: Namespace\nmetadata: {name: " \
					     "b, labels: {team: blue}}\n---\n"

static void check_policy(const char *spec, const char *expected)
{
	char text[8192];
	json_t *s;

	snprintf(text, sizeof(text), CLUSTER POLICY("np", "%s"), spec);
	s = state_from_text(text, "n1");
	assert_value(s, "policy/a/np", expected);
	json_decref(s);
}

#define ALL_PODS "'pods': ['a/w1', 'a/w2']"

static void test_policy_defaults(void **unused)
{
	/* default deny */
	check_policy("{podSelector: {}}", "{" ALL_PODS ", 'ingress': []}");
	check_policy("{podSelector: {}, policyTypes: [Egress]}", "{" ALL_PODS ", 'egress': []}");
	check_policy("{podSelector: {}, policyTypes: [Ingress, Egress]}",
		"{" ALL_PODS ", 'ingress': [], 'egress': []}");
	/* egress rules imply the type */
	check_policy(
		"{podSelector: {}, egress: [{}]}", "{" ALL_PODS ", 'ingress': [], 'egress': [{}]}");
	/* ... unless types are given: then other rules mean nothing */
	check_policy("{podSelector: {}, policyTypes: [Ingress], egress: [{}], ingress: [{}]}",
		"{" ALL_PODS ", 'ingress': [{}]}");
	/* a port without a number is the whole protocol */
	check_policy("{podSelector: {}, ingress: [{ports: [{protocol: UDP}]}]}",
		"{" ALL_PODS ", 'ingress': [{'ports': [{'protocol': 'UDP'}]}]}");
}

#define FROM(peer) "{podSelector: {matchLabels: {tier: x}}, ingress: [{from: [" peer "]}]}"
#define ONLY(pods) "{'pods': ['a/w1'], 'ingress': [{'peers': {'pods': [" pods "], 'blocks': []}}]}"

static void test_policy_peers(void **unused)
{
	check_policy(FROM("{podSelector: {matchLabels: {app: client}}}"), ONLY("'a/c1'"));
	check_policy(FROM("{podSelector: {}}"), ONLY("'a/w1', 'a/w2', 'a/c1'"));
	check_policy(FROM("{namespaceSelector: {matchLabels: {team: blue}}}"), ONLY("'b/c2'"));
	check_policy(FROM("{namespaceSelector: {}}"), ONLY("'a/w1', 'a/w2', 'a/c1', 'b/c2'"));
	check_policy(FROM("{namespaceSelector: {}, podSelector: {matchLabels: {app: client}}}"),
		ONLY("'a/c1', 'b/c2'"));
	check_policy(FROM("{namespaceSelector: {matchLabels: {team: none}}}"), ONLY(""));
	check_policy(FROM("{podSelector: {matchExpressions: [{key: tier, operator: Exists}]}}"),
		ONLY("'a/w1'"));
	check_policy(FROM("{podSelector: {matchExpressions: [{key: tier, operator: DoesNotExist},"
			  " {key: app, operator: NotIn, values: [client, other]}]}}"),
		ONLY("'a/w2'"));
	check_policy(FROM("{podSelector: {matchLabels: {app: client}}},"
			  " {namespaceSelector: {matchLabels: {team: blue}}}"),
		ONLY("'a/c1', 'b/c2'"));
}

#define NP_PORT(n) "{'protocol': 'TCP', 'first': " n ", 'last': " n "}"

/* The protected pods call different numbers "http". */
static void test_named_ingress_port_splits_the_policy(void **unused)
{
	json_t *s = state_from_text(
		CLUSTER POLICY("np", "{podSelector: {}, ingress: [{ports: [{port: http}]}]}"),
		"n1");

	assert_value(s, "policy/a/np",
		"{'pods': ['a/w1'], 'ingress': [{'ports': [" NP_PORT("8080") "]}]}");
	assert_value(s, "policy/a/np#2",
		"{'pods': ['a/w2'], 'ingress': [{'ports': [" NP_PORT("9090") "]}]}");
	json_decref(s);
}

/* A name no protected pod has allows nothing: the rule goes, the isolation stays. */
static void test_unknown_named_port(void **unused)
{
	check_policy("{podSelector: {}, ingress: [{ports: [{port: nope}]}]}",
		"{" ALL_PODS ", 'ingress': []}");
	check_policy("{podSelector: {}, ingress: [{ports: [{port: nope}, {port: 1, endPort: 9}]}]}",
		"{" ALL_PODS
		", 'ingress': [{'ports': [{'protocol': 'TCP', 'first': 1, 'last': 9}]}]}");
}

/* For egress the peers call the port; one rule per number. */
static void test_named_egress_port(void **unused)
{
	check_policy(
		"{podSelector: {matchLabels: {tier: x}}, policyTypes: [Egress],"
		" egress: [{to: [{namespaceSelector: {}}], ports: [{port: http}, {port: 53}]}]}",
		"{'pods': ['a/w1'], 'egress': ["
		"{'peers': {'pods': ['a/w1', 'a/w2', 'a/c1', 'b/c2'], 'blocks': []},"
		" 'ports': [" NP_PORT(
			"53") "]},"
			      "{'peers': {'pods': ['a/w1', 'b/c2'], 'blocks': []}, 'ports': "
			      "[" NP_PORT("8080") "]},"
						  "{'peers': {'pods': ['a/w2'], 'blocks': []}, "
						  "'ports': [" NP_PORT("9090") "]}]}");
}

static void test_only_local_pods_are_protected(void **unused)
{
	json_t *s = state_from_text(
		CLUSTER POLICY("np", "{podSelector: {matchLabels: {app: web}}}"), "n2");

	assert_null(json_object_get(s, "policy/a/np"));
	assert_non_null(json_object_get(s, "pod/a/w1"));
	json_decref(s);
}

#define SERVICE(spec) \
	"apiVersion: v1\nkind: Service\nmetadata: {name: s, namespace: a}\nspec: " spec "\n---\n"
#define SLICE(name, ready)                                                              \
	"apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {name: " name  \
	", namespace: a, labels: {kubernetes.io/service-name: s}}\naddressType: IPv4\n" \
	"ports: [{port: 8080}]\nendpoints: [" ready "]\n---\n"

static void check_service(const char *text, const char *endpoints)
{
	char expected[2048];
	json_t *s = state_from_text(text, "n1");

	snprintf(expected, sizeof(expected),
		"{'addresses': ['10.96.0.1'], 'algorithm': 'round-robin', 'affinity_s': 0,"
		" 'ports': [{'protocol': 'TCP', 'port': 80, 'endpoints': [%s]}]}",
		endpoints);
	assert_value(s, "service/a/s", expected);
	json_decref(s);
}

#define SPEC "{clusterIP: 10.96.0.1, ports: [{port: 80, targetPort: 8080}]}"
#define EP(ip, conditions) "{addresses: [" ip "], conditions: {" conditions "}}"
#define E(ip, port) "{'address': '" ip "', 'port': " port "}"

static void test_endpoints_from_slices(void **unused)
{
	check_service(CLUSTER SERVICE(SPEC) SLICE("y", EP("10.0.1.2", "ready: true"))
			      SLICE("x", EP("10.0.1.1", "") "," EP("10.0.2.1", "ready: false")),
		E("10.0.1.1", "8080") "," E("10.0.1.2", "8080"));
	/* terminating endpoints serve when there is nobody else */
	check_service(CLUSTER SERVICE(SPEC) SLICE("x",
			      EP("10.0.1.1", "ready: false, serving: true, terminating: true")),
		E("10.0.1.1", "8080"));
	/* slices exist and are empty: nobody serves */
	check_service(CLUSTER SERVICE("{clusterIP: 10.96.0.1, selector: {app: web},"
				      " ports: [{port: 80}]}") SLICE("x", ""),
		"");
}

/* internalTrafficPolicy: Local keeps a service's traffic on the client's node. */
static void test_local_endpoints(void **unused)
{
	check_service(
		CLUSTER SERVICE(
			"{clusterIP: 10.96.0.1, internalTrafficPolicy: Local, ports: [{port: 80}]}")
			SLICE("x", "{addresses: [10.0.1.1], nodeName: n1}, {addresses: [10.0.2.1], "
				   "nodeName: n2},"
				   "{addresses: [10.0.9.9]}"),
		E("10.0.1.1", "8080"));
	check_service(CLUSTER SERVICE("{clusterIP: 10.96.0.1, internalTrafficPolicy: Local, "
				      "selector: {app: client},"
				      " ports: [{port: 80}]}"),
		"");
}

static void test_endpoints_from_selector(void **unused)
{
	check_service(CLUSTER SERVICE("{clusterIP: 10.96.0.1, selector: {app: web},"
				      " ports: [{port: 80, targetPort: http}]}"),
		E("10.0.1.1", "8080") "," E("10.0.1.2", "9090"));
	check_service(CLUSTER SERVICE("{clusterIP: 10.96.0.1, selector: {app: client},"
				      " ports: [{port: 80}]}"),
		E("10.0.2.1", "80"));
	check_service(CLUSTER SERVICE("{clusterIP: 10.96.0.1, ports: [{port: 80}]}"), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_policy_defaults),
		cmocka_unit_test(test_policy_peers),
		cmocka_unit_test(test_named_ingress_port_splits_the_policy),
		cmocka_unit_test(test_unknown_named_port),
		cmocka_unit_test(test_named_egress_port),
		cmocka_unit_test(test_only_local_pods_are_protected),
		cmocka_unit_test(test_endpoints_from_slices),
		cmocka_unit_test(test_local_endpoints),
		cmocka_unit_test(test_endpoints_from_selector),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
