/* SPDX-License-Identifier: BSD-3-Clause */
/* What the node's tests share: models from manifests, and addresses in the 16-byte form. Sees the
 * insides of room node on purpose. */
#ifndef TEST_NODE_TEST_H
#define TEST_NODE_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/agent.h"
#include "base/refuse.h"
#include "node/node_int.h"

/* Ports as a card would have them: pf0vf<N> is port N + 2; no pod is bound by the card. */
static inline int test_port_of(void *arg, const char *vf, const char *pod)
{
	int n;

	if (!vf)
		return -2;
	return sscanf(vf, "pf0vf%d", &n) == 1 && n < 100 ? n + 2 : -1;
}

static inline struct compile_env test_env_of(const char *node, struct balancer *b)
{
	return (struct compile_env){.node = node, .balancer = b, .port_of = test_port_of};
}

/* Every peer gets tunnels as the node would give them: numbered 2 * peer + family. */
static inline void test_tunnels(struct model *m)
{
	for (uint32_t i = 0; i < m->nr_peers; i++)
		for (int f = 0; f < 2; f++)
			if (!m->peers[i].local && !addr_is_none(&m->peers[i].vtep[f]))
				m->peers[i].tunnel[f] = 2 * i + (uint32_t)f;
}

static inline struct model *test_compile(json_t *state, const char *node, struct balancer *b)
{
	struct compile_env env = test_env_of(node, b);
	struct model *m;

	if (model_compile(&env, state, &m) < 0)
		fail_msg("%s", refusal());
	json_decref(state);
	test_tunnels(m);
	return m;
}

static inline struct model *model_from_text(const char *text, const char *node, struct balancer *b)
{
	struct agent_model *am;
	json_t *state;

	if (agent_model_parse("test.yaml", text, strlen(text), &am) < 0 ||
		agent_resolve(am, node, &state) < 0)
		fail_msg("%s\n%s", refusal(), text);
	agent_model_free(am);
	return test_compile(state, node, b);
}

static inline struct model *model_from_demo(const char *node, struct balancer *b)
{
	struct agent_model *am;
	char path[4096];
	json_t *state;

	snprintf(path, sizeof(path), "%s/daemons/demo/manifests", getenv("SOFTDPU_SRC"));
	if (agent_model_load(path, &am) < 0 || agent_resolve(am, node, &state) < 0)
		fail_msg("%s", refusal());
	agent_model_free(am);
	return test_compile(state, node, b);
}

struct wire {
	uint8_t b[16];
	bool ip6;
};

static inline struct wire wire(const char *text)
{
	struct addr a;
	struct wire w;

	if (addr_parse(text, &a) < 0)
		fail_msg("%s", refusal());
	wire_addr(&a, w.b);
	w.ip6 = addr_is_v6(&a);
	return w;
}

static inline uint32_t pod_index(const struct model *m, const char *name)
{
	for (uint32_t i = 0; i < m->nr_pods; i++)
		if (!strcmp(m->pods[i].name, name))
			return i;
	fail_msg("no pod %s", name);
	return NONE;
}

#endif
