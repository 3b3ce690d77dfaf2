/* SPDX-License-Identifier: BSD-3-Clause */
/* node.apply's values -> model: what is found in it, and what is refused with which sentence. */
#include "node_test.h"

static json_t *parse(const char *text)
{
	char copy[4096];
	json_error_t error;
	json_t *state;

	snprintf(copy, sizeof(copy), "%s", text);
	for (char *c = copy; *c; c++)
		if (*c == '\'')
			*c = '"';
	state = json_loads(copy, 0, &error);
	if (!state)
		fail_msg("%s at %d: %s", error.text, error.column, copy);
	return state;
}

#define NODES                                                            \
	"'node/n1': {'vteps': ['192.0.2.1'], 'cidrs': ['10.1.0.0/24']}," \
	"'node/n2': {'vteps': ['192.0.2.2'], 'cidrs': ['10.2.0.0/24', '10.2.9.0/28']}"
#define WITH(more) "{" NODES ", " more "}"

static const struct {
	const char *state, *sentence;
} bad[] = {
	{"{}", "node.apply: the state has no node 'n1', which is this one"},
	{"{'node/n1': {'vteps': ['1.2.3']}}",
		"node.apply: node n1: field 'vteps': value '1.2.3' is not an IP address"},
	{"{'node/n1': {'vni': 0}}",
		"node.apply: node n1: field 'vni': it is not a number from 1 to 16777215"},
	{"{'node/n1': {'cidrs': ['10/8']}}",
		"node.apply: node n1: field 'cidrs': value '10/8' is not an IP prefix"},
	{"{'node/n1': {'vteps': ['192.0.2.1']}, 'node/n2': {'vteps': ['192.0.2.1']}}",
		"node.apply: node n2: field 'vteps': value '192.0.2.1' already belongs to node n1"},
	{WITH("'pod/a/x': {'node': 'n3'}"),
		"node.apply: pod a/x: field 'node': value 'n3' is not a known node"},
	{WITH("'pod/a/x': {'node': 'n1', 'addresses': ['10.1.0.5'], 'vf': 'pf0vf0'},"
	      "'pod/a/y': {'node': 'n2', 'addresses': ['10.1.0.5']}"),
		"node.apply: pod a/y: field 'addresses': value '10.1.0.5' already belongs to a/x"},
	{WITH("'pod/a/x': {'node': 'n1', 'addresses': ['10.1.0.5', '10.1.0.6']}"),
		"node.apply: pod a/x: field 'addresses': value '10.1.0.6' is a second one of its "
		"family"},
	{WITH("'pod/a/x': {'node': 'n1', 'vf': 'eth0'}"),
		"node.apply: pod a/x: field 'vf': value 'eth0' is not a port of this switch"},
	{WITH("'pod/a/x': {'node': 'n1', 'vf': 'pf0vf0'}, 'pod/a/y': {'node': 'n1', 'vf': "
	      "'pf0vf0'}"),
		"node.apply: pod a/y: field 'vf': value 'pf0vf0' already belongs to pod a/x"},
	{WITH("'service/a/s': {'addresses': ['192.0.2.2']}"),
		"node.apply: service a/s: field 'addresses': value '192.0.2.2' already belongs to "
		"n2"},
	{WITH("'service/a/s': {'addresses': ['10.9.0.1'], 'algorithm': 'best'}"),
		"node.apply: service a/s: field 'algorithm': value 'best' is not known"},
	{WITH("'service/a/s': {'addresses': ['10.9.0.1'], 'ports': [{'protocol': 'TCP', 'port': "
	      "70000}]}"),
		"node.apply: service a/s: field 'port': value 70000 is not a port from 1 to 65535"},
	{WITH("'service/a/s': {'addresses': ['10.9.0.1'], 'ports': [{'protocol': 'TCP', 'port': 1},"
	      " {'protocol': 'TCP', 'port': 1}]}"),
		"node.apply: service a/s: field 'ports.port': value 1 is there twice"},
	{WITH("'service/a/s': {'addresses': ['10.9.0.1'], 'ports': [{'protocol': 'TCP', 'port': 1,"
	      " 'endpoints': [{'address': '10.1.0.5'}]}]}"),
		"node.apply: service a/s: field 'ports.endpoints.port': it is missing"},
	{WITH("'policy/a/p': {'ingress': [{'ports': [{'protocol': 'TCP', 'first': 9, 'last': "
	      "3}]}]}"),
		"node.apply: policy a/p: field 'ports': range 9-3 is reversed"},
	{WITH("'policy/a/p': {'ingress': [{'ports': [{'protocol': 'ICMP'}]}]}"),
		"node.apply: policy a/p: field 'protocol': value 'ICMP' is not TCP, UDP or SCTP"},
	{WITH("'policy/a/p': {'egress': [{'peers': {'blocks': [{'cidr': 'all'}]}}]}"),
		"node.apply: policy a/p: field 'peers.blocks.cidr': value 'all' is not an IP "
		"prefix"},
};

static void test_refusals(void **state)
{
	struct compile_env env = test_env_of("n1", *state);

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		json_t *s = parse(bad[i].state);
		struct model *m = NULL;

		refusal_clear();
		if (model_compile(&env, s, &m) >= 0)
			fail_msg("accepted: %s", bad[i].state);
		assert_string_equal(refusal(), bad[i].sentence);
		json_decref(s);
	}
}

static void check_addr(const struct model *m, const char *text, enum addr_kind kind, uint32_t index)
{
	struct wire w = wire(text);
	const struct addr_slot *s = model_addr(m, w.b, w.ip6);

	if (kind == ADDR_UNKNOWN) {
		assert_null(s);
		return;
	}
	assert_non_null(s);
	assert_int_equal(s->kind, kind);
	assert_int_equal(s->index, index);
}

static void test_addresses(void **state)
{
	struct model *m =
		test_compile(parse(WITH("'pod/a/x': {'node': 'n1', 'addresses': ['10.1.0.5', "
					"'fd00::5'], 'vf': 'pf0vf3'},"
					"'pod/a/y': {'node': 'n2', 'addresses': ['10.2.0.5']},"
					"'service/a/s': {'addresses': ['10.9.0.1']}")),
			"n1", *state);
	struct wire w;

	check_addr(m, "10.1.0.5", ADDR_POD, pod_index(m, "a/x"));
	check_addr(m, "fd00::5", ADDR_POD, pod_index(m, "a/x"));
	check_addr(m, "10.2.0.5", ADDR_POD, pod_index(m, "a/y"));
	check_addr(m, "10.9.0.1", ADDR_SERVICE, 0);
	check_addr(m, "192.0.2.2", ADDR_NODE, 1);
	check_addr(m, "10.1.0.1", ADDR_GATEWAY, 0);
	check_addr(m, "169.254.1.1", ADDR_GATEWAY, 0);
	check_addr(m, "fe80::1", ADDR_GATEWAY, 0);
	check_addr(m, "10.2.0.1", ADDR_UNKNOWN, 0);
	check_addr(m, "10.1.0.6", ADDR_UNKNOWN, 0);
	/* the IPv6 address with an IPv4 one's bytes is somebody else */
	w = wire("10.1.0.5");
	assert_null(model_addr(m, w.b, true));
	w = wire("10.2.9.3");
	assert_int_equal(model_peer_of(m, w.b, false), 1);
	w = wire("10.3.0.1");
	assert_int_equal(model_peer_of(m, w.b, false), NONE);
	assert_int_equal(m->pod_by_port[5], pod_index(m, "a/x"));
	assert_int_equal(m->pods[pod_index(m, "a/y")].port, FLOW_PORT_NONE);
	model_free(m);
}

/* Many objects: every one is found again, nothing else is. */
static void test_many(void **state)
{
	json_t *s = parse("{" NODES "}");
	struct model *m;
	struct addr a;
	char key[64], text[64];

	for (int i = 0; i < 3000; i++) {
		snprintf(key, sizeof(key), "pod/a/p%d", i);
		snprintf(text, sizeof(text), "10.2.%d.%d", i / 250, i % 250 + 1);
		json_object_set_new(
			s, key, json_pack("{s:s, s:[s]}", "node", "n2", "addresses", text));
		snprintf(key, sizeof(key), "service/a/s%d", i);
		snprintf(text, sizeof(text), "10.9.%d.%d", i / 250, i % 250 + 1);
		json_object_set_new(s, key,
			json_pack("{s:[s], s:[{s:s, s:i}, {s:s, s:i}]}", "addresses", text, "ports",
				"protocol", "TCP", "port", 80 + i, "protocol", "UDP", "port",
				80 + i));
	}
	m = test_compile(s, "n1", *state);
	assert_int_equal(m->nr_pods, 3000);
	assert_int_equal(m->nr_fronts, 6000);
	for (int i = 0; i < 3000; i++) {
		const struct front *f;

		snprintf(text, sizeof(text), "10.9.%d.%d", i / 250, i % 250 + 1);
		addr_parse(text, &a);
		f = model_front(
			m, a.bytes, false, IPPROTO_TCP, rte_cpu_to_be_16((uint16_t)(80 + i)));
		assert_non_null(f);
		assert_memory_equal(f->addr, a.bytes, 16);
		assert_int_equal(f->proto, IPPROTO_TCP);
		assert_null(model_front(
			m, a.bytes, false, IPPROTO_TCP, rte_cpu_to_be_16((uint16_t)(81 + i))));
		assert_null(model_front(
			m, a.bytes, false, IPPROTO_SCTP, rte_cpu_to_be_16((uint16_t)(80 + i))));
	}
	model_free(m);
}

/* Counters outlive models: the same backend keeps its slot. */
static void test_slots_survive(void **state)
{
	static const char text[] =
		WITH("'service/a/s': {'addresses': ['10.9.0.1'], 'ports': [{'protocol': 'TCP',"
		     " 'port': 1, 'endpoints': [{'address': '10.1.0.5', 'port': 80}]}]}");
	struct model *m1 = test_compile(parse(text), "n1", *state),
		     *m2 = test_compile(parse(text), "n1", *state);

	assert_int_equal(m1->backends[0].slot, m2->backends[0].slot);
	assert_string_equal(balancer_service(*state, m1->backends[0].slot), "a/s");
	model_free(m1);
	model_free(m2);
}

static int setup(void **state)
{
	*state = balancer_create();
	return 0;
}

static int teardown(void **state)
{
	balancer_destroy(*state);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_slots_survive),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
