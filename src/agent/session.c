/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * session: what one switch acknowledged, and how to bring it to a new state. The switch names its
 * life by an instance number and each state by a generation; a difference is only good on top of
 * exactly the pair it was made from, anything else is answered -ESTALE and sent again in full. A
 * full transaction keeps the switch's connections: it compares by itself.
 */
#include <stdlib.h>
#include <string.h>

#include "agent/agent.h"
#include "base/base.h"
#include "base/refuse.h"

struct agent_session {
	char *node;
	struct agent_link link;
	json_t *acked;       /* NULL: nothing is known to be there */
	bool asked;          /* instance and generation were learned over this connection */
	json_int_t instance; /* of the switch that acknowledged */
	json_int_t generation;
	struct agent_push last;
};

int agent_session_create(
	const char *node, const struct agent_link *link, struct agent_session **session)
{
	struct agent_session *s = calloc(1, sizeof(*s));

	if (!s || !(s->node = strdup(node))) {
		free(s);
		return refuse(ENOMEM, "agent session: out of memory");
	}
	s->link = *link;
	*session = s;
	return 0;
}

void agent_session_destroy(struct agent_session *s)
{
	if (!s)
		return;
	json_decref(s->acked);
	free(s->node);
	free(s);
}

void agent_session_disconnected(struct agent_session *s)
{
	s->asked = false;
}

struct agent_push agent_session_last(const struct agent_session *s)
{
	return s->last;
}

static void session_forget(struct agent_session *s)
{
	json_decref(s->acked);
	s->acked = NULL;
}

/* Learn which life of the switch we talk to, and forget what another life acknowledged. */
static int session_ask(struct agent_session *s)
{
	json_t *result = NULL;
	json_int_t instance, generation;
	int rc = s->link.call(s->link.arg, "node.state", NULL, &result);

	if (rc < 0)
		return rc;
	rc = json_unpack(result, "{s:I, s:I}", "instance", &instance, "generation", &generation);
	json_decref(result);
	if (rc < 0)
		return refuse(EPROTO, "node.state: the answer lacks instance or generation");
	if (instance != s->instance || generation != s->generation)
		session_forget(s);
	s->instance = instance;
	s->generation = generation;
	s->asked = true;
	return 0;
}

static void count_ops(struct agent_push *push, const json_t *ops)
{
	size_t i;
	json_t *op;

	json_array_foreach(ops, i, op) {
		if (strcmp(json_string_value(json_object_get(op, "op")), "upsert") == 0)
			push->upserts++;
		else
			push->deletes++;
	}
}

static int session_send(struct agent_session *s, json_t *state)
{
	json_t *ops = agent_diff(s->acked, state), *params, *result = NULL;
	struct agent_push push = {.full = !s->acked, .generation = (uint64_t)s->generation};
	int rc;

	if (s->acked && json_array_size(ops) == 0) {
		json_decref(ops);
		s->last = push;
		return 0;
	}
	count_ops(&push, ops);
	params = json_pack("{s:s, s:I, s:I, s:I, s:o}", "node", s->node, "instance", s->instance,
		"base_generation", s->acked ? s->generation : (json_int_t)0, "generation",
		s->generation + 1, "ops", ops);
	rc = s->link.call(s->link.arg, "node.apply", params, &result);
	json_decref(params);
	json_decref(result);
	if (rc < 0)
		return rc;
	s->generation++;
	push.generation = (uint64_t)s->generation;
	session_forget(s);
	s->acked = json_incref(state);
	s->last = push;
	return 0;
}

int agent_session_push(struct agent_session *s, json_t *state)
{
	int rc = s->asked ? 0 : session_ask(s);

	if (rc == 0)
		rc = session_send(s, state);
	if (rc != -ESTALE)
		return rc;
	session_forget(s);
	rc = session_ask(s);
	return rc < 0 ? rc : session_send(s, state);
}
