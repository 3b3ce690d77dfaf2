/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Random clusters with random NetworkPolicies: what agent and node make of the manifests must agree, for
 * every pair of pods and many ports, with a naive reading of Kubernetes' rules on the labels themselves.
 */
#include "base/str.h"
#include "node_test.h"

enum { PODS = 14, SPACES = 3, POLICIES = 6, RULES = 3, PEERS = 3, PORTS = 2 };

static const char *const spaces[SPACES] = {"red", "green", "blue"};
static const char *const values[] = {"a", "b", "c"};

struct t_selector {
	bool present, has_app, not_app, needs_tier;
	unsigned app;
};

struct t_peer {
	bool block;
	unsigned third; /* block 10.<third>.0.0/16 except 10.<third>.1.0/24 */
	struct t_selector pods, names;
};

struct t_port {
	uint8_t proto;
	bool named, any;
	uint16_t first, last;
};

struct t_rule {
	unsigned nr_peers, nr_ports;
	struct t_peer peers[PEERS];
	struct t_port ports[PORTS];
};

struct t_policy {
	unsigned space, nr_rules[2];
	bool isolates[2];
	struct t_selector pods;
	struct t_rule rules[2][RULES];
};

struct t_pod {
	unsigned space, app, node, named; /* named: what it calls "web", 0 = nothing */
	bool tier;
	uint8_t addr[16];
};

struct cluster {
	struct t_pod pods[PODS];
	struct t_policy policies[POLICIES];
	unsigned nr_policies;
};

/* --- make one --- */

static struct t_selector random_selector(struct rng *r, bool always)
{
	struct t_selector s = {.present = always || rng_one_in(r, 2)};

	s.has_app = rng_one_in(r, 2);
	s.not_app = rng_one_in(r, 4);
	s.needs_tier = rng_one_in(r, 4);
	s.app = (unsigned)rng_below(r, 3);
	return s;
}

static struct t_peer random_peer(struct rng *r)
{
	struct t_peer p = {.block = rng_one_in(r, 4), .third = (unsigned)rng_below(r, 2) + 1};

	p.names = random_selector(r, false);
	p.pods = random_selector(r, !p.names.present);
	return p;
}

static struct t_port random_port(struct rng *r)
{
	struct t_port p = {.proto = rng_one_in(r, 3) ? IPPROTO_UDP : IPPROTO_TCP};

	p.named = rng_one_in(r, 3);
	p.any = !p.named && rng_one_in(r, 4);
	p.first = (uint16_t)(78 + rng_below(r, 4));
	p.last = (uint16_t)(p.first + rng_below(r, 3));
	return p;
}

static void random_rule(struct rng *r, struct t_rule *rule)
{
	rule->nr_peers = (unsigned)rng_below(r, PEERS + 1);
	rule->nr_ports = (unsigned)rng_below(r, PORTS + 1);
	for (unsigned i = 0; i < rule->nr_peers; i++)
		rule->peers[i] = random_peer(r);
	for (unsigned i = 0; i < rule->nr_ports; i++)
		rule->ports[i] = random_port(r);
}

static void random_cluster(struct rng *r, struct cluster *c)
{
	memset(c, 0, sizeof(*c));
	for (unsigned i = 0; i < PODS; i++) {
		struct t_pod *p = &c->pods[i];

		p->space = (unsigned)rng_below(r, SPACES);
		p->app = (unsigned)rng_below(r, 3);
		p->node = (unsigned)rng_below(r, 2) + 1;
		p->tier = rng_one_in(r, 2);
		p->named = rng_one_in(r, 2) ? (unsigned)(79 + rng_below(r, 3)) : 0;
		p->addr[0] = 10;
		p->addr[1] = (uint8_t)p->node;
		p->addr[2] = (uint8_t)rng_below(r, 2);
		p->addr[3] = (uint8_t)(i + 2);
	}
	c->nr_policies = (unsigned)rng_below(r, POLICIES + 1);
	for (unsigned i = 0; i < c->nr_policies; i++) {
		struct t_policy *p = &c->policies[i];

		p->space = (unsigned)rng_below(r, SPACES);
		p->pods = random_selector(r, true);
		for (int d = 0; d < 2; d++) {
			p->isolates[d] = rng_below(r, 3) > 0;
			p->nr_rules[d] = (unsigned)rng_below(r, RULES + 1);
			for (unsigned k = 0; k < p->nr_rules[d]; k++)
				random_rule(r, &p->rules[d][k]);
		}
	}
}

/* --- write it down --- */

static void write_selector(struct str *s, const struct t_selector *sel)
{
	str_add(s, "{");
	if (sel->has_app)
		str_addf(s, "matchLabels: {app: %s}, ", values[sel->app]);
	str_add(s, "matchExpressions: [");
	if (sel->not_app)
		str_addf(s, "{key: app, operator: NotIn, values: [%s]}, ",
			values[(sel->app + 1) % 3]);
	if (sel->needs_tier)
		str_add(s, "{key: tier, operator: Exists}");
	str_add(s, "]}");
}

static void write_peer(struct str *s, const struct t_peer *p)
{
	if (p->block) {
		str_addf(s, "{ipBlock: {cidr: 10.%u.0.0/16, except: [10.%u.1.0/24]}}, ", p->third,
			p->third);
		return;
	}
	str_add(s, "{");
	if (p->pods.present) {
		str_add(s, "podSelector: ");
		write_selector(s, &p->pods);
	}
	if (p->names.present) {
		str_addf(s, "%snamespaceSelector: ", p->pods.present ? ", " : "");
		write_selector(s, &p->names);
	}
	str_add(s, "}, ");
}

static void write_port(struct str *s, const struct t_port *p)
{
	str_addf(s, "{protocol: %s", p->proto == IPPROTO_TCP ? "TCP" : "UDP");
	if (p->named)
		str_add(s, ", port: web");
	else if (!p->any)
		str_addf(s, ", port: %u, endPort: %u", p->first, p->last);
	str_add(s, "}, ");
}

static void write_rule(struct str *s, const struct t_rule *rule, const char *who)
{
	str_addf(s, "  - {%s: [", who);
	for (unsigned i = 0; i < rule->nr_peers; i++)
		write_peer(s, &rule->peers[i]);
	str_add(s, "], ports: [");
	for (unsigned i = 0; i < rule->nr_ports; i++)
		write_port(s, &rule->ports[i]);
	str_add(s, "]}\n");
}

static void write_policy(struct str *s, const struct t_policy *p, unsigned i)
{
	static const char *const sides[2][2] = {{"ingress", "from"}, {"egress", "to"}};

	str_addf(s,
		"---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\n"
		"metadata: {name: np%u, namespace: %s}\nspec:\n  podSelector: ",
		i, spaces[p->space]);
	write_selector(s, &p->pods);
	str_addf(s, "\n  policyTypes: [%s%s]\n",
		p->isolates[0] || !p->isolates[1] ? "Ingress, " : "",
		p->isolates[1] ? "Egress" : "");
	for (int d = 0; d < 2; d++) {
		str_addf(s, "  %s:%s\n", sides[d][0], p->nr_rules[d] ? "" : " []");
		for (unsigned k = 0; k < p->nr_rules[d]; k++)
			write_rule(s, &p->rules[d][k], sides[d][1]);
	}
}

static void write_cluster(struct str *s, const struct cluster *c)
{
	for (unsigned i = 1; i <= 2; i++)
		str_addf(s, "---\napiVersion: v1\nkind: Node\nmetadata: {name: n%u}\n", i);
	/* namespaces have the same kinds of labels as pods: the first's app is a, ... and blue has a tier */
	for (unsigned i = 0; i < SPACES; i++)
		str_addf(s,
			"---\napiVersion: v1\nkind: Namespace\nmetadata: {name: %s, labels: {app: "
			"%s%s}}\n",
			spaces[i], values[i], i == 2 ? ", tier: x" : "");
	for (unsigned i = 0; i < PODS; i++) {
		const struct t_pod *p = &c->pods[i];

		str_addf(s,
			"---\napiVersion: v1\nkind: Pod\nmetadata: {name: p%u, namespace: %s, "
			"labels: {app: %s%s}}\n"
			"spec: {nodeName: n%u, containers: [{ports: [",
			i, spaces[p->space], values[p->app], p->tier ? ", tier: y" : "", p->node);
		if (p->named)
			str_addf(s,
				"{name: web, containerPort: %u}, {name: web, containerPort: %u, "
				"protocol: UDP}",
				p->named, p->named);
		str_addf(s, "]}]}\nstatus: {podIP: 10.%u.%u.%u}\n", p->addr[1], p->addr[2],
			p->addr[3]);
	}
	for (unsigned i = 0; i < c->nr_policies; i++)
		write_policy(s, &c->policies[i], i);
}

/* --- the naive reading --- */

static bool selects(const struct t_selector *s, unsigned app, bool tier)
{
	return !(s->has_app && app != s->app) && !(s->not_app && app == (s->app + 1) % 3) &&
	       !(s->needs_tier && !tier);
}

static bool naive_peer(
	const struct cluster *c, const struct t_policy *policy, const struct t_peer *p, unsigned i)
{
	const struct t_pod *pod = &c->pods[i];

	if (p->block)
		return pod->addr[1] == p->third && pod->addr[2] != 1;
	if (p->names.present ? !selects(&p->names, pod->space, pod->space == 2)
			     : pod->space != policy->space)
		return false;
	return !p->pods.present || selects(&p->pods, pod->app, pod->tier);
}

/* `server`: the pod whose port it is: the protected one for ingress, the peer for egress. By a block no
 * pod is named, so a named port means nothing there. */
static bool naive_port(
	const struct t_port *p, const struct t_pod *server, uint8_t proto, uint16_t port)
{
	if (p->proto != proto)
		return false;
	if (p->named)
		return server && server->named == port && port;
	return p->any || (port >= p->first && port <= p->last);
}

static bool naive_rule(const struct cluster *c, const struct t_policy *policy,
	const struct t_rule *rule, int dir, unsigned self, unsigned other, uint8_t proto,
	uint16_t port)
{
	for (unsigned i = 0; i < MAX_OF(rule->nr_peers, 1u); i++) {
		bool block = rule->nr_peers && rule->peers[i].block;
		const struct t_pod *server = dir == INGRESS ? &c->pods[self]
					     : block        ? NULL
							    : &c->pods[other];

		if (rule->nr_peers && !naive_peer(c, policy, &rule->peers[i], other))
			continue;
		if (!rule->nr_ports)
			return true;
		for (unsigned k = 0; k < rule->nr_ports; k++)
			if (naive_port(&rule->ports[k], server, proto, port))
				return true;
	}
	return false;
}

static bool naive_allows(const struct cluster *c, int dir, unsigned self, unsigned other,
	uint8_t proto, uint16_t port)
{
	bool isolated = false;

	for (unsigned i = 0; i < c->nr_policies; i++) {
		const struct t_policy *p = &c->policies[i];
		bool type = dir == INGRESS ? p->isolates[0] || !p->isolates[1] : p->isolates[1];

		if (!type || p->space != c->pods[self].space ||
			!selects(&p->pods, c->pods[self].app, c->pods[self].tier))
			continue;
		isolated = true;
		for (unsigned k = 0; k < p->nr_rules[dir]; k++)
			if (naive_rule(c, p, &p->rules[dir][k], dir, self, other, proto, port))
				return true;
	}
	return !isolated;
}

/* --- compare --- */

static unsigned index_in(const struct model *m, const struct cluster *c, unsigned i)
{
	char name[32];

	snprintf(name, sizeof(name), "%s/p%u", spaces[c->pods[i].space], i);
	return pod_index(m, name);
}

static void compare(const struct cluster *c, const struct model *m, const char *text, unsigned self,
	unsigned other)
{
	uint32_t pod = index_in(m, c, self);
	struct policy_peer peer = {index_in(m, c, other), c->pods[other].addr, false};

	for (int dir = INGRESS; dir <= EGRESS; dir++)
		for (uint16_t port = 77; port < 85; port++)
			for (int tcp = 0; tcp < 2; tcp++) {
				uint8_t proto = tcp ? IPPROTO_TCP : IPPROTO_UDP;
				bool want = naive_allows(c, dir, self, other, proto, port);

				if (policy_allows(m, m->pods[pod].side[dir], &peer, proto,
					    rte_cpu_to_be_16(port)) != want)
					fail_msg("%s of p%u with p%u, %s %u: should be %s\n%s",
						dir ? "egress" : "ingress", self, other,
						tcp ? "tcp" : "udp", port,
						want ? "allowed" : "denied", text);
			}
}

static void test_random_clusters(void **state)
{
	struct balancer *b = balancer_create();
	struct str text = STR_INIT;
	struct cluster c;
	struct rng rng;

	rng_init(&rng, rng_test_seed("node-policy"));
	for (int round = 0; round < 150; round++) {
		struct model *m;

		random_cluster(&rng, &c);
		str_clear(&text);
		write_cluster(&text, &c);
		m = model_from_text(str_text(&text), "n1", b);
		for (unsigned self = 0; self < PODS; self++)
			for (unsigned other = 0; other < PODS && c.pods[self].node == 1; other++)
				compare(&c, m, str_text(&text), self, other);
		model_free(m);
	}
	str_free(&text);
	balancer_destroy(b);
}

/* Addresses outside the cluster meet only blocks and rules for everybody. */
static void test_strangers(void **state)
{
	static const char text[] =
		"apiVersion: v1\nkind: Node\nmetadata: {name: n1}\n---\n"
		"apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {nodeName: n1}\nstatus: "
		"{podIP: 10.0.0.5}\n---\n"
		"apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: np}\n"
		"spec: {ingress: [{from: [{ipBlock: {cidr: 192.0.2.0/24, except: "
		"[192.0.2.128/25]}},"
		" {ipBlock: {cidr: 'fd00::/16'}}]}]}\n";
	struct balancer *b = balancer_create();
	struct model *m = model_from_text(text, "n1", b);
	static const struct {
		const char *from;
		bool allowed;
	} cases[] = {{"192.0.2.1", true}, {"192.0.2.127", true}, {"192.0.2.128", false},
		{"192.0.3.1", false}, {"fd00::1", true}, {"fd01::1", false}};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct wire w = wire(cases[i].from);
		struct policy_peer peer = {NONE, w.b, w.ip6};

		assert_int_equal(policy_allows(m, m->pods[0].side[INGRESS], &peer, IPPROTO_TCP,
					 RTE_BE16(80)),
			cases[i].allowed);
		assert_true(policy_allows(
			m, m->pods[0].side[EGRESS], &peer, IPPROTO_TCP, RTE_BE16(80)));
	}
	model_free(m);
	balancer_destroy(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random_clusters),
		cmocka_unit_test(test_strangers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
