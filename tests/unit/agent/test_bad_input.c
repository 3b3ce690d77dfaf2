/* SPDX-License-Identifier: BSD-3-Clause */
/* Each wrong manifest is refused whole, with exactly the sentence a person needs. */
#include "agent_test.h"

#define NODE "apiVersion: v1\nkind: Node\nmetadata: {name: n1}\n"
#define NODES                                                                  \
	NODE "status: {addresses: [{type: InternalIP, address: 192.0.2.1}]}\n" \
	     "---\napiVersion: v1\nkind: Node\nmetadata: {name: n2}\n"         \
	     "status: {addresses: [{type: InternalIP, address: 192.0.2.2}]}\n---\n"
#define POD(name, ip)                                                                   \
	"apiVersion: v1\nkind: Pod\nmetadata: {name: " name "}\nspec: {nodeName: n1}\n" \
	"status: {podIPs: [{ip: '" ip "'}]}\n---\n"
#define SERVICE(spec) "apiVersion: v1\nkind: Service\nmetadata: {name: s}\nspec: " spec "\n"
#define POLICY(spec)                                                                    \
	"apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: np}\n" \
	"spec:\n" spec "\n"
#define SLICE(body) \
	"apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {name: sl}\n" body "\n"

static const struct {
	const char *text, *sentence;
} cases[] = {
	/* not manifests at all */
	{"a: [1, 2\nb: 3\n", NULL},
	{"just a text\n",
		"m.yaml:1: value 'just a text' is not a map; expected 'key: value' lines"},
	{"kind: Pod\nmetadata: {name: p}\n",
		"not a Kubernetes object: m.yaml:1: field 'apiVersion' is missing"},
	{"apiVersion: v1\nkind: Pod\nmetadata: {}\n",
		"Pod ?: m.yaml:1: field 'metadata.name' is missing"},
	{"apiVersion: v1\nkind: Pod\nmetadata: {name: a/b}\n",
		"Pod a/b: m.yaml:3: field 'metadata.name': value 'a/b' is not an object name: it "
		"is "
		"empty or has a '/'"},
	/* nodes */
	{NODE "---\n" NODE,
		"Node n1: m.yaml:7: field 'metadata.name': value 'n1' is the name of another Node, "
		"at m.yaml:1"},
	{NODE "spec: {podCIDRs: [10.1.0.0/40]}\n",
		"Node n1: m.yaml:4: field 'spec.podCIDRs[0]': value '10.1.0.0/40' is not an IP "
		"prefix; expected for example 10.244.1.0/24 or fd00:1::/64"},
	{NODE "status:\n  addresses:\n  - type: InternalIP\n    address: 192.0.2.300\n",
		"Node n1: m.yaml:7: field 'status.addresses[0].address': value '192.0.2.300' is "
		"not "
		"an IP address; expected for example 10.244.1.5 or fd00::5"},
	{"apiVersion: v1\nkind: Node\nmetadata:\n  name: n1\n  annotations:\n"
	 "    softdpu.io/vni: \"16777216\"\n",
		"Node n1: m.yaml:6: field 'metadata.annotations.softdpu.io/vni': value '16777216' "
		"is "
		"not in range; expected a number from 1 to 16777215"},
	{"apiVersion: v1\nkind: Node\nmetadata:\n  name: n1\n  annotations:\n"
	 "    softdpu.io/vni: \"100\"\n    softdpu.io/vni: \"200\"\n",
		"m.yaml:7: column 5: key 'softdpu.io/vni' is here twice, first in line 6"},
	{NODES "apiVersion: v1\nkind: Node\nmetadata: {name: n3}\n"
	       "status: {addresses: [{type: InternalIP, address: 192.0.2.2}]}\n",
		"Node n3: m.yaml:14: field 'status.addresses[0].address': value '192.0.2.2' "
		"already "
		"belongs to Node n2 (m.yaml:9)"},
	{NODE "spec: {podCIDRs: [10.1.0.0/16]}\n---\napiVersion: v1\nkind: Node\n"
	      "metadata: {name: n2}\nspec:\n  podCIDRs:\n  - 10.1.2.0/24\n",
		"Node n2: m.yaml:11: field 'spec.podCIDRs[0]': value '10.1.2.0/24' overlaps with "
		"10.1.0.0/16 of Node n1 (m.yaml:4)"},
	/* pods */
	{NODES POD("a", "10.244.1.5") POD("b", "10.244.1.5"),
		"Pod default/b: m.yaml:21: field 'status.podIPs[0].ip': value '10.244.1.5' already "
		"belongs to Pod default/a (m.yaml:15)"},
	{NODES POD("a", "10.244.1.5") POD("a", "10.244.1.6"),
		"Pod a: m.yaml:19: field 'metadata.name': value 'a' is the name of another Pod, at "
		"m.yaml:11"},
	{NODES POD("a", "fd00::zz"),
		"Pod a: m.yaml:15: field 'status.podIPs[0].ip': value 'fd00::zz' is not an IP "
		"address; expected for example 10.244.1.5 or fd00::5"},
	{NODES "apiVersion: v1\nkind: Pod\nmetadata: {name: a, namespace: x}\n"
	       "status: {podIPs: [{ip: 10.0.0.1}, {ip: 10.0.0.2}]}\n",
		"Pod x/a: m.yaml:14: field 'status.podIPs[1].ip': value '10.0.0.2' is a second "
		"address of its family"},
	{"apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec:\n  nodeName: n9\n"
	 "status: {podIP: 10.0.0.1}\n",
		"Pod default/a: m.yaml:5: field 'spec.nodeName': value 'n9' is not the name of a "
		"Node in these manifests"},
	{"apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec:\n  containers:\n"
	 "  - ports: [{containerPort: 70000}]\n",
		"Pod a: m.yaml:6: field 'spec.containers[0].ports[0].containerPort': value '70000' "
		"is not in range; expected a number from 1 to 65535"},
	{"apiVersion: v1\nkind: Pod\nmetadata:\n  name: a\n  annotations: {softdpu.io/vf: eth1}\n",
		"Pod a: m.yaml:5: field 'metadata.annotations.softdpu.io/vf': value 'eth1' is not "
		"a "
		"representor; expected for example pf0vf3"},
	{NODES "apiVersion: v1\nkind: Pod\nmetadata: {name: a, annotations: {softdpu.io/vf: "
	       "pf0vf1}}\n"
	       "spec: {nodeName: n1}\nstatus: {podIP: 10.0.0.1}\n---\n"
	       "apiVersion: v1\nkind: Pod\nmetadata: {name: b, annotations: {softdpu.io/vf: "
	       "pf0vf1}}\n"
	       "spec: {nodeName: n1}\nstatus: {podIP: 10.0.0.2}\n",
		"Pod default/b: m.yaml:19: field 'metadata.annotations.softdpu.io/vf': value "
		"'pf0vf1' on node 'n1' already belongs to Pod default/a (m.yaml:13)"},
	/* services */
	{NODES POD("a", "10.244.1.5") SERVICE("{clusterIP: 10.244.1.5}"),
		"Pod default/a: m.yaml:15: field 'status.podIPs[0].ip': value '10.244.1.5' already "
		"belongs to Service default/s (m.yaml:20)"},
	{SERVICE("{clusterIP: ten}"),
		"Service s: m.yaml:4: field 'spec.clusterIP': value 'ten' is not an IP address; "
		"expected for example 10.244.1.5 or fd00::5"},
	{SERVICE("{ports: [{port: 0}]}"),
		"Service s: m.yaml:4: field 'spec.ports[0].port': value '0' is not in range; "
		"expected a number from 1 to 65535"},
	{SERVICE("{ports: [{port: 80}, {name: b, port: 80}]}"),
		"Service s: m.yaml:4: field 'spec.ports[1].port': value '80' is a second TCP port "
		"of "
		"that number"},
	{SERVICE("{ports: [{port: 80, protocol: TPC}]}"),
		"Service s: m.yaml:4: field 'spec.ports[0].protocol': value 'TPC' is not a known "
		"word; expected TCP, UDP or SCTP; did you mean 'TCP'?"},
	{SERVICE("{ports: [{port: 80, targetPort: 65536}]}"),
		"Service s: m.yaml:4: field 'spec.ports[0].targetPort': value '65536' is not in "
		"range; expected a number from 1 to 65535"},
	{"apiVersion: v1\nkind: Service\nmetadata:\n  name: s\n  annotations:\n"
	 "    softdpu.io/algorithm: roundrobin\n",
		"Service s: m.yaml:6: field 'metadata.annotations.softdpu.io/algorithm': value "
		"'roundrobin' is not a known word; expected round-robin, least-connections, random "
		"or source-hash; did you mean 'round-robin'?"},
	{SERVICE("{sessionAffinity: ClientIP, sessionAffinityConfig: "
		 "{clientIP: {timeoutSeconds: 0}}}"),
		"Service s: m.yaml:4: field 'spec.sessionAffinityConfig.clientIP.timeoutSeconds': "
		"value '0' is not in range; expected a number from 1 to 86400"},
	/* slices */
	{SLICE("addressType: IPv5"), "EndpointSlice sl: m.yaml:4: field 'addressType': value "
				     "'IPv5' is not a known word; "
				     "expected IPv4, IPv6 or FQDN; did you mean 'IPv4'?"},
	{SLICE("addressType: IPv4\nendpoints: [{addresses: ['fd00::1']}]"),
		"EndpointSlice sl: m.yaml:5: field 'endpoints[0].addresses[0]': value 'fd00::1' is "
		"not of the slice's addressType"},
	{SLICE("addressType: IPv4\nendpoints: [{addresses: []}]"),
		"EndpointSlice sl: m.yaml:5: field 'endpoints[0].addresses': an endpoint needs an "
		"address"},
	/* policies */
	{POLICY("  ingress:\n  - ports:\n    - port: 90\n      endPort: 80"),
		"NetworkPolicy np: m.yaml:8: field 'spec.ingress[0].ports[0].endPort': value '80' "
		"is "
		"below port 90: the range is reversed"},
	{POLICY("  ingress:\n  - ports:\n    - port: http\n      endPort: 80"),
		"NetworkPolicy np: m.yaml:8: field 'spec.ingress[0].ports[0].endPort': endPort "
		"does "
		"not go with a named port"},
	{POLICY("  egress:\n  - to:\n    - ipBlock: {cidr: 10.0.0.0/8, except: [11.0.0.0/16]}"),
		"NetworkPolicy np: m.yaml:7: field 'spec.egress[0].to[0].ipBlock.except[0]': value "
		"'11.0.0.0/16' is not inside the block's cidr"},
	{POLICY("  ingress:\n  - from:\n    - {}"),
		"NetworkPolicy np: m.yaml:7: field 'spec.ingress[0].from[0]': a peer needs "
		"podSelector, namespaceSelector or ipBlock; to allow everybody leave the list of "
		"peers out"},
	{POLICY("  ingress:\n  - from:\n    - {ipBlock: {cidr: 10.0.0.0/8}, podSelector: {}}"),
		"NetworkPolicy np: m.yaml:7: field 'spec.ingress[0].from[0]': a peer is either an "
		"ipBlock or selectors, not both"},
	{POLICY("  podSelector:\n    matchExpressions:\n    - {key: a, operator: In}"),
		"NetworkPolicy np: m.yaml:7: field 'spec.podSelector.matchExpressions[0]': "
		"operators "
		"In and NotIn need at least one value"},
	{POLICY("  podSelector:\n    matchExpressions:\n    - {key: a, operator: in, values: [b]}"),
		"NetworkPolicy np: m.yaml:7: field "
		"'spec.podSelector.matchExpressions[0].operator': "
		"value 'in' is not a known word; expected In, NotIn, Exists or DoesNotExist; did "
		"you "
		"mean 'In'?"},
	{POLICY("  policyTypes: [Both]"), "NetworkPolicy np: m.yaml:5: field "
					  "'spec.policyTypes[0]': value 'Both' is not a known "
					  "word; expected Ingress or Egress"},
};

static void test_sentences(void **unused)
{
	unsigned wrong = 0;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct agent_model *model = NULL;

		refusal_clear();
		if (agent_model_parse("m.yaml", cases[i].text, strlen(cases[i].text), &model) >= 0)
			fail_msg("case %zu was accepted: %s", i, cases[i].text);
		assert_null(model);
		if (cases[i].sentence && strcmp(refusal(), cases[i].sentence)) {
			print_error("case %zu says\n  %s\nnot\n  %s\n", i, refusal(),
				cases[i].sentence);
			wrong++;
		}
		if (!cases[i].sentence)
			assert_non_null(strstr(refusal(), "m.yaml:"));
	}
	assert_int_equal(wrong, 0);
}

static void test_unknown_node(void **unused)
{
	struct agent_model *model;
	json_t *state;

	assert_int_equal(agent_model_parse("m.yaml", NODE, strlen(NODE), &model), 0);
	assert_int_equal(agent_resolve(model, "n7", &state), -ENOENT);
	assert_string_equal(refusal(), "the manifests have no Node 'n7'");
	agent_model_free(model);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sentences),
		cmocka_unit_test(test_unknown_node),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
