/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The decision on the founding document's example (F:2106-2395, F:2976-3144), from the manifests of the
 * demo: client 10.244.1.10 and web-1 on node1, web-2 on node2, web-3 and the intruder on node3, service
 * 10.96.0.100:80 -> 8080, IPv6 beside.
 */
#include "node_test.h"

enum { SYN = 0x02, SYN_ACK = 0x12, ACK = 0x10 };

struct fixture {
	struct balancer *balancer;
	struct selector selector;
	struct model *m;
	struct decider decider;
};

static const uint16_t long_lived[] = {RTE_BE16(4789), RTE_BE16(4420)};

static void use_node(struct fixture *f, const char *node)
{
	model_free(f->m);
	f->m = model_from_demo(node, f->balancer);
	f->decider = (struct decider){.model = f->m,
		.selector = &f->selector,
		.long_lived = long_lived,
		.nr_long_lived = 2};
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	f->balancer = balancer_create();
	f->selector = (struct selector){.balancer = f->balancer, .affinity = affinity_create(64)};
	rng_init(&f->selector.rng, 1);
	use_node(f, "node1");
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	model_free(f->m);
	affinity_destroy(f->selector.affinity);
	balancer_destroy(f->balancer);
	free(f);
	return 0;
}

struct packet {
	enum origin origin;
	const char *pod, *src, *dst;
	uint8_t proto;
	uint16_t sport, dport;
	uint8_t flags;
};

static struct decision ask(struct fixture *f, struct packet p)
{
	static struct wire src, dst;
	struct question q = {
		.origin = p.origin, .pod = NONE, .proto = p.proto, .tcp_flags = p.flags};
	struct decision d;

	src = wire(p.src);
	dst = wire(p.dst);
	q.ip6 = dst.ip6;
	q.src = src.b;
	q.dst = dst.b;
	q.sport = rte_cpu_to_be_16(p.sport);
	q.dport = rte_cpu_to_be_16(p.dport);
	if (p.pod)
		q.pod = pod_index(f->m, p.pod);
	decide(&f->decider, &q, &d);
	return d;
}

#define CLIENT FROM_POD, "default/client", "10.244.1.10"
#define CLIENT6 FROM_POD, "default/client", "fd00:10:244:1::a"

static uint32_t tunnel_to(const struct fixture *f, const char *node, int family)
{
	for (uint32_t i = 0; i < f->m->nr_peers; i++)
		if (!strcmp(f->m->peers[i].name, node))
			return f->m->peers[i].tunnel[family];
	return NONE;
}

/* Three new connections to the service visit the three backends: the local one by its port, the others
 * by their tunnels, the destination rewritten to pod and target port. */
static void golden(struct fixture *f, struct packet p, const char *const backends[3], int family)
{
	unsigned seen[3] = {0};
	struct wire w[3];

	for (int i = 0; i < 3; i++)
		w[i] = wire(backends[i]);
	for (int i = 0; i < 3; i++) {
		struct decision d = ask(f, p);
		int k = 0;

		assert_int_equal(d.verdict, VERDICT_INSTALL);
		assert_true(d.dnat);
		assert_false(d.snat);
		assert_int_equal(d.dport, RTE_BE16(8080));
		while (k < 3 && memcmp(d.dst, w[k].b, 16))
			k++;
		assert_int_not_equal(k, 3);
		seen[k]++;
		assert_string_equal(d.front->service, "default/web");
		assert_int_equal(d.reply.kind, TO_PORT);
		assert_int_equal(d.reply.port, 2); /* pf0vf0 */
		if (k == 0) {
			assert_int_equal(d.forward.kind, TO_PORT);
			assert_int_equal(d.forward.port, 3);
		} else {
			assert_int_equal(d.forward.kind, TO_TUNNEL);
			assert_int_equal(
				d.forward.tunnel, tunnel_to(f, k == 1 ? "node2" : "node3", family));
		}
	}
	for (int i = 0; i < 3; i++)
		assert_int_equal(seen[i], 1);
}

static void test_service_v4(void **state)
{
	static const char *const backends[] = {"10.244.1.5", "10.244.2.3", "10.244.3.8"};

	golden(*state, (struct packet){CLIENT, "10.96.0.100", IPPROTO_TCP, 54321, 80, SYN},
		backends, 0);
}

static void test_service_v6(void **state)
{
	static const char *const backends[] = {
		"fd00:10:244:1::5", "fd00:10:244:2::3", "fd00:10:244:3::8"};

	golden(*state, (struct packet){CLIENT6, "fd00:10:96::100", IPPROTO_TCP, 54321, 80, SYN},
		backends, 1);
}

/* The other end: node2 gets the translated packet from the tunnel and answers into it. */
static void test_backend_node(void **state)
{
	struct fixture *f = *state;
	struct decision d;

	use_node(f, "node2");
	d = ask(f, (struct packet){FROM_TUNNEL, NULL, "10.244.1.10", "10.244.2.3", IPPROTO_TCP,
			   54321, 8080, SYN});
	assert_int_equal(d.verdict, VERDICT_INSTALL);
	assert_false(d.dnat);
	assert_int_equal(d.forward.kind, TO_PORT);
	assert_int_equal(d.forward.port, 2);
	assert_int_equal(d.reply.kind, TO_TUNNEL);
	assert_int_equal(d.reply.tunnel, tunnel_to(f, "node1", 0));
}

/* F:378-408 */
static void test_what_is_worth_installing(void **state)
{
	struct fixture *f = *state;
	static const struct {
		struct packet p;
		enum verdict verdict;
		bool learns;
	} cases[] = {
		{{CLIENT, "10.244.2.3", IPPROTO_TCP, 1000, 8080, SYN}, VERDICT_INSTALL, false},
		{{CLIENT, "10.244.2.3", IPPROTO_TCP, 1000, 8080, ACK}, VERDICT_FORWARD_ONCE, false},
		{{CLIENT, "10.244.2.3", IPPROTO_TCP, 1000, 8080, SYN_ACK}, VERDICT_FORWARD_ONCE,
			false},
		{{CLIENT, "10.96.0.100", IPPROTO_TCP, 1000, 80, ACK}, VERDICT_FORWARD, false},
		{{CLIENT, "10.244.2.53", IPPROTO_UDP, 1000, 4789, 0}, VERDICT_INSTALL, false},
		{{CLIENT, "10.244.2.53", IPPROTO_UDP, 1000, 4420, 0}, VERDICT_INSTALL, false},
		{{CLIENT, "10.244.2.53", IPPROTO_UDP, 1000, 5000, 0}, VERDICT_FORWARD, true},
		{{CLIENT, "10.244.2.53", IPPROTO_UDP, 1000, 53, 0}, VERDICT_FORWARD, false},
		{{CLIENT, "10.96.0.10", IPPROTO_UDP, 1000, 53, 0}, VERDICT_FORWARD, false},
		{{CLIENT, "10.96.0.10", IPPROTO_TCP, 1000, 53, SYN}, VERDICT_INSTALL, false},
		{{CLIENT, "10.244.2.53", IPPROTO_ICMP, 8 << 8, 77, 0}, VERDICT_FORWARD, false},
		{{CLIENT, "10.244.2.53", IPPROTO_ICMP, 0, 77, 0}, VERDICT_FORWARD_ONCE, false},
		{{CLIENT6, "fd00:10:244:2::53", IPPROTO_ICMPV6, 128 << 8, 77, 0}, VERDICT_FORWARD,
			false},
		{{CLIENT, "10.244.2.53", IPPROTO_ESP, 0, 0, 0}, VERDICT_FORWARD_ONCE, false},
		{{CLIENT, "10.244.1.1", IPPROTO_ICMP, 8 << 8, 1, 0}, VERDICT_ECHO, false},
		{{CLIENT, "169.254.1.1", IPPROTO_ICMP, 8 << 8, 1, 0}, VERDICT_ECHO, false},
		{{CLIENT, "192.168.1.101", IPPROTO_ICMP, 8 << 8, 1, 0}, VERDICT_ECHO, false},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct decision d = ask(f, cases[i].p);

		if (d.verdict != cases[i].verdict ||
			(d.verdict == VERDICT_FORWARD && d.learns != cases[i].learns))
			fail_msg("case %zu: verdict %d (%s), learns %d", i, d.verdict,
				drop_name(d.reason), d.learns);
	}
}

static void test_refusals(void **state)
{
	struct fixture *f = *state;
	static const struct {
		const char *node;
		struct packet p;
		enum verdict verdict;
		enum drop_reason reason;
	} cases[] = {
		/* nobody serves; no such port; ping to a service */
		{"node1", {CLIENT, "10.96.0.200", IPPROTO_TCP, 1, 80, SYN}, VERDICT_REFUSE,
			DROP_NO_ENDPOINTS},
		{"node1", {CLIENT6, "fd00:10:96::200", IPPROTO_TCP, 1, 80, SYN}, VERDICT_REFUSE,
			DROP_NO_ENDPOINTS},
		{"node1", {CLIENT, "10.96.0.100", IPPROTO_TCP, 1, 81, SYN}, VERDICT_REFUSE,
			DROP_NO_SERVICE_PORT},
		{"node1", {CLIENT, "10.96.0.100", IPPROTO_UDP, 1, 80, 0}, VERDICT_REFUSE,
			DROP_NO_SERVICE_PORT},
		{"node1", {CLIENT, "10.96.0.100", IPPROTO_ICMP, 8 << 8, 1, 0}, VERDICT_REFUSE,
			DROP_NO_SERVICE_PORT},
		/* nowhere: outside the cluster, an unknown pod of ours, the gateway's TCP */
		{"node1", {CLIENT, "198.51.100.1", IPPROTO_TCP, 1, 80, SYN}, VERDICT_REFUSE,
			DROP_NO_ROUTE},
		{"node1", {CLIENT, "10.244.1.99", IPPROTO_TCP, 1, 80, SYN}, VERDICT_REFUSE,
			DROP_NO_ROUTE},
		{"node1", {CLIENT, "10.244.1.1", IPPROTO_TCP, 1, 80, SYN}, VERDICT_REFUSE,
			DROP_NOT_FOR_US},
		/* somebody else's address */
		{"node1",
			{FROM_POD, "default/client", "10.244.1.11", "10.244.2.3", IPPROTO_TCP, 1,
				80, SYN},
			VERDICT_DROP, DROP_IP_SPOOFED},
		{"node1",
			{FROM_POD, "default/client", "fd00::7", "fd00:10:244:2::3", IPPROTO_TCP, 1,
				80, SYN},
			VERDICT_DROP, DROP_IP_SPOOFED},
		{"node2",
			{FROM_TUNNEL, NULL, "10.244.2.53", "10.244.2.3", IPPROTO_TCP, 1, 8080, SYN},
			VERDICT_DROP, DROP_IP_SPOOFED},
		{"node2",
			{FROM_TUNNEL, NULL, "10.96.0.100", "10.244.2.3", IPPROTO_TCP, 1, 8080, SYN},
			VERDICT_DROP, DROP_IP_SPOOFED},
		{"node2",
			{FROM_TUNNEL, NULL, "198.51.100.1", "10.244.2.3", IPPROTO_TCP, 1, 8080,
				SYN},
			VERDICT_DROP, DROP_NO_ROUTE},
		/* no transit: what came by a tunnel does not leave by one */
		{"node2",
			{FROM_TUNNEL, NULL, "10.244.1.10", "10.244.3.8", IPPROTO_TCP, 1, 8080, SYN},
			VERDICT_REFUSE, DROP_NO_ROUTE},
		/* policies: on the destination's node for remote traffic, on ours for local */
		{"node2",
			{FROM_TUNNEL, NULL, "10.244.3.66", "10.244.2.3", IPPROTO_TCP, 1, 8080, SYN},
			VERDICT_DROP, DROP_POLICY_INGRESS},
		{"node2",
			{FROM_TUNNEL, NULL, "fd00:10:244:3::66", "fd00:10:244:2::3", IPPROTO_TCP, 1,
				8080, SYN},
			VERDICT_DROP, DROP_POLICY_INGRESS},
		{"node2", {FROM_TUNNEL, NULL, "10.244.1.10", "10.244.2.3", IPPROTO_TCP, 1, 22, SYN},
			VERDICT_DROP, DROP_POLICY_INGRESS},
		{"node3",
			{FROM_POD, "default/intruder", "10.244.3.66", "10.244.3.8", IPPROTO_TCP, 1,
				8080, SYN},
			VERDICT_DROP, DROP_POLICY_INGRESS},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct decision d;

		use_node(f, cases[i].node);
		d = ask(f, cases[i].p);
		if (d.verdict != cases[i].verdict || d.reason != cases[i].reason)
			fail_msg("case %zu: verdict %d, reason %s", i, d.verdict,
				drop_name(d.reason));
	}
}

/* A pod that reaches itself through the service comes back from the gateway's address. */
static void test_hairpin(void **state)
{
	struct fixture *f = *state;
	struct wire gateway = wire("10.244.1.1");
	unsigned times = 0;

	for (int i = 0; i < 3; i++) {
		struct decision d = ask(f, (struct packet){FROM_POD, "default/web-1", "10.244.1.5",
						   "10.96.0.100", IPPROTO_TCP, 1000, 80, SYN});

		assert_int_equal(d.verdict, VERDICT_INSTALL);
		if (!d.snat)
			continue;
		times++;
		assert_memory_equal(d.src, gateway.b, 16);
		assert_int_equal(d.forward.port, 3);
		assert_int_equal(d.reply.port, 3);
	}
	assert_int_equal(times, 1);
}

/* A pod whose Pod object has not come yet is on the node that has its block. */
static void test_unknown_pod_of_another_node(void **state)
{
	struct fixture *f = *state;
	struct decision d =
		ask(f, (struct packet){CLIENT, "10.244.3.200", IPPROTO_TCP, 1, 80, SYN});

	assert_int_equal(d.verdict, VERDICT_INSTALL);
	assert_int_equal(d.forward.tunnel, tunnel_to(f, "node3", 0));
}

static void test_host(void **state)
{
	struct fixture *f = *state;
	struct decision d;

	f->decider.has_host = true;
	d = ask(f, (struct packet){CLIENT, "198.51.100.1", IPPROTO_TCP, 1, 80, SYN});
	assert_int_equal(d.forward.kind, TO_HOST);
	d = ask(f, (struct packet){FROM_HOST, NULL, "198.51.100.1", "10.244.1.10", IPPROTO_TCP, 80,
			   99, SYN});
	assert_int_equal(d.verdict, VERDICT_INSTALL);
	assert_int_equal(d.reply.kind, TO_HOST);
	/* strangers obey policies; the node itself does not have to */
	d = ask(f, (struct packet){FROM_HOST, NULL, "198.51.100.1", "10.244.1.5", IPPROTO_TCP, 80,
			   8080, SYN});
	assert_int_equal(d.reason, DROP_POLICY_INGRESS);
	d = ask(f, (struct packet){FROM_HOST, NULL, "192.168.1.101", "10.244.1.5", IPPROTO_TCP, 80,
			   8080, SYN});
	assert_int_equal(d.verdict, VERDICT_INSTALL);
	d = ask(f, (struct packet){
			   FROM_HOST, NULL, "10.244.1.5", "10.244.1.10", IPPROTO_TCP, 80, 80, SYN});
	assert_int_equal(d.reason, DROP_IP_SPOOFED);
}

/* A later fragment has no ports: it passes where some port would. */
static void test_fragments(void **state)
{
	struct fixture *f = *state;
	struct wire client = wire("10.244.1.10"), web = wire("10.244.2.3"),
		    intruder = wire("10.244.3.66");
	struct question q = {
		.origin = FROM_TUNNEL, .pod = NONE, .proto = IPPROTO_TCP, .no_ports = true};
	struct decision d;

	use_node(f, "node2");
	q.src = client.b;
	q.dst = web.b;
	decide(&f->decider, &q, &d);
	assert_int_equal(d.verdict, VERDICT_FORWARD_ONCE);
	q.src = intruder.b;
	decide(&f->decider, &q, &d);
	assert_int_equal(d.reason, DROP_POLICY_INGRESS);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_service_v4),
		T(test_service_v6),
		T(test_backend_node),
		T(test_what_is_worth_installing),
		T(test_refusals),
		T(test_hairpin),
		T(test_unknown_pod_of_another_node),
		T(test_host),
		T(test_fragments),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
