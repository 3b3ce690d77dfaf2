/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Change under load: the three switches run on their own threads while pods send and the desired state,
 * the ports and the policies change under them, at random. Nothing crashes, nothing is read after it was
 * freed (the sanitizer run), and in the end every packet is accounted for and the service works.
 */
#include "world.h"

#include "base/clock.h"

#define ROUNDS 150

static const char *const edits[] = {
	"", /* the demo as it is */
	"/^- addresses: .10.244.3.8/,/name: web-3/d",
	"s/role: frontend/role: nobody/",
	"/^  name: web-2/,/phase/{s/nodeName: node2/nodeName: node3/;/softdpu.io/d}",
	"s/10.96.0.100/10.96.0.101/",
	"s/round-robin/least-connections/; s/fd00:10:244:2::53/fd00:10:244:2::54/",
};

static void send_something(struct world *w, struct rng *rng)
{
	static const char *const specs[] = {
		"eth ip4:10.244.1.10>10.96.0.100 tcp:%u>80,fl=S",
		"eth ip4:10.244.1.10>10.96.0.100 tcp:%u>80,fl=A data:200",
		"eth ip4:10.244.1.10>10.96.0.100 tcp:%u>80,fl=R",
		"eth ip6:fd00:10:244:1::a>fd00:10:96::100 tcp:%u>80,fl=S",
		"eth ip6:fd00:10:244:1::a>fd00:10:96::100 tcp:%u>80,fl=FA",
		"eth ip4:10.244.1.10>10.96.0.10 udp:%u>53 data:30",
		"eth ip4:10.244.1.10>10.244.2.53 udp:%u>9999 data:30",
		"eth ip4:10.244.1.10>10.244.3.8 icmp:8,0,id=%u,seq=1 data:30",
		"eth ip4:10.244.1.10>10.244.9.9 tcp:%u>80,fl=S",
	};

	for (unsigned i = 0; i < 40; i++) {
		struct rte_mbuf *m =
			test_packet(test_pool(), specs[rng_below(rng, ARRAY_SIZE(specs))],
				(unsigned)rng_between(rng, 1000, 1063));
		uint8_t *eth = rte_pktmbuf_mtod(m, uint8_t *);

		memcpy(eth, &node_gateway_mac, 6);
		memcpy(eth + 6, w->pods[CLIENT].mac, 6);
		if (!port_tx(w->pods[CLIENT].far, 0, &m, 1))
			rte_pktmbuf_free(m);
	}
	world_run(w);
	world_drop_all(w);
}

static void replug(struct world *w, enum who who)
{
	struct world_pod *p = &w->pods[who];
	struct world_node *n = &w->nodes[p->node];
	struct node_port np = {.id = p->near->id,
		.mtu = 1430,
		.name = p->near->name,
		.spoof_check = true,
		.role = NODE_PORT_VF};

	memcpy(np.mac, p->mac, 6);
	node_unbind_port(n->node, p->near->id);
	esw_port_remove(n->esw, p->near->id);
	if (esw_port_add(n->esw, p->near) < 0 || node_bind_port(n->node, &np) < 0)
		fail_msg("%s", refusal());
}

static void test_churn(void **state)
{
	struct world *w = world_create();
	uint64_t end = clock_now_ns() + 20 * NS_PER_SEC; /* a slow machine does fewer rounds */
	unsigned round, answered = 0;
	struct rte_mbuf *m;
	struct rng rng;

	rng_init(&rng, rng_test_seed("node-churn"));
	world_start(w);
	for (round = 0; round < ROUNDS && clock_now_ns() < end; round++) {
		send_something(w, &rng);
		if (rng_one_in(&rng, 3))
			world_apply_edited(w, edits[rng_below(&rng, ARRAY_SIZE(edits))]);
		if (rng_one_in(&rng, 5))
			replug(w, rng_one_in(&rng, 2) ? WEB1 : WEB3);
	}
	world_apply(w, NULL);
	world_stop(w);
	world_drop_all(w);
	world_check(w);
	for (unsigned i = 0; i < 9; i++) {
		static const enum who servers[] = {WEB1, WEB2, WEB3};

		world_send(w, CLIENT, "eth ip4:10.244.1.10>10.96.0.100 tcp:%u>80,fl=S", 40000 + i);
		world_pass(w, 300000000ull);
		for (unsigned k = 0; k < ARRAY_SIZE(servers); k++)
			while ((m = world_take(w, servers[k]))) {
				answered++;
				rte_pktmbuf_free(m);
			}
	}
	assert_int_equal(answered, 9);
	assert_true(round > 10);
	world_check(w);
	world_destroy(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_churn)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
