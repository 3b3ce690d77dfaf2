/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * node.apply's desired state: any JSON -> model, and then every look-up and every policy of it. The agent
 * is not trusted to send sense. Sees the insides of room node.
 */
#include <assert.h>

#include "base/refuse.h"
#include "node/node_int.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int port_of(void *arg, const char *vf, const char *pod)
{
	return vf ? (vf[0] == 'p' ? vf[1] : -1) : -2;
}

static void decide_all(const struct model *m, struct balancer *b)
{
	struct selector selector = {.balancer = b, .affinity = affinity_create(16)};
	struct decider d = {.model = m, .selector = &selector};

	rng_init(&selector.rng, 1);
	for (uint32_t i = 0; i <= m->addr_mask && i < 64; i++)
		for (uint32_t k = 0; k <= m->addr_mask && k < 64; k++) {
			struct question q = {.origin = (enum origin)(i % 3),
				.proto = IPPROTO_TCP,
				.tcp_flags = 2};
			struct decision out;

			q.ip6 = m->addr_slots[k].ip6;
			q.src = m->addr_slots[i].addr;
			q.dst = m->addr_slots[k].addr;
			q.dport = m->nr_fronts ? m->fronts[k % m->nr_fronts].port : 80;
			if (q.origin == FROM_POD && !m->nr_pods)
				continue;
			q.pod = q.origin == FROM_POD ? i % m->nr_pods : NONE;
			decide(&d, &q, &out);
			assert(out.verdict == VERDICT_DROP || out.verdict == VERDICT_REFUSE ||
				out.verdict == VERDICT_ECHO || out.forward.kind != TO_NOWHERE);
		}
	affinity_destroy(selector.affinity);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	json_t *state = json_loadb((const char *)data, size, JSON_REJECT_DUPLICATES, NULL);
	struct balancer *b;
	struct model *m;

	if (!json_is_object(state)) {
		json_decref(state);
		return 0;
	}
	b = balancer_create();
	if (model_compile(&(struct compile_env){.node = "n1", .balancer = b, .port_of = port_of},
		    state, &m) == 0) {
		decide_all(m, b);
		model_free(m);
	} else {
		assert(*refusal());
	}
	balancer_destroy(b);
	json_decref(state);
	return 0;
}
