/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * choice: action templates that leave the id of a shared encap or decap to the entry (all ones).
 *
 * Headers of another length or type are another program, so every id that is configured when the pipe is made gets a template
 * of its own behind those of the program, and an entry picks one by the ids it names.
 */
#include <stdlib.h>

#include "doca/flow/flow_door.h"

#define TEMPLATES_MAX UINT16_MAX

static bool open_encap(const struct doca_flow_actions *a)
{
	return a->encap_type == DOCA_FLOW_RESOURCE_TYPE_SHARED && a->shared_encap_id == UINT32_MAX;
}

static bool open_decap(const struct doca_flow_actions *a)
{
	return a->decap_type == DOCA_FLOW_RESOURCE_TYPE_SHARED && a->shared_decap_id == UINT32_MAX;
}

static uint32_t reserved(const struct doca_flow_port *port, enum doca_flow_shared_resource_type type)
{
	return door_queue_port(port)->nr_shared[type];
}

/* Encaps times decaps: how many pairs of ids an entry of this template may name; 0 = it leaves none open. */
static uint64_t pairs(const struct doca_flow_port *port, const struct doca_flow_actions *a)
{
	uint64_t encaps = open_encap(a) ? reserved(port, DOCA_FLOW_SHARED_RESOURCE_ENCAP) : 1;
	uint64_t decaps = open_decap(a) ? reserved(port, DOCA_FLOW_SHARED_RESOURCE_DECAP) : 1;

	return open_encap(a) || open_decap(a) ? encaps * decaps : 0;
}

doca_error_t door_choice_count(const struct doca_flow_pipe_cfg *cfg, unsigned *nr_templates)
{
	uint64_t n = cfg->nr_actions;

	for (unsigned i = 0; i < cfg->nr_actions; i++)
		n += pairs(cfg->port, &cfg->actions[i].actions);
	if (n > TEMPLATES_MAX)
		return dcore_fail(DOCA_ERROR_TOO_BIG, "pipe '%s': entries choose among shared encaps and decaps, which makes %lu templates; at most %d",
			cfg->name, n, TEMPLATES_MAX);
	*nr_templates = n;
	return DOCA_SUCCESS;
}

static bool is_set(const struct doca_flow_port *port, enum doca_flow_shared_resource_type type, uint32_t id)
{
	return id < reserved(port, type) && door_queue_port(port)->shared[type][id].set;
}

/* What an entry of this template would mean that names pair number `pair`; false: an id of it is not configured. */
static bool choose(const struct doca_flow_port *port, const struct doca_flow_actions *a, uint32_t pair, struct doca_flow_actions *out)
{
	uint32_t decaps = open_decap(a) ? reserved(port, DOCA_FLOW_SHARED_RESOURCE_DECAP) : 1;

	*out = *a;
	if (open_encap(a))
		out->shared_encap_id = pair / decaps;
	if (open_decap(a))
		out->shared_decap_id = pair % decaps;
	return (!open_encap(a) || is_set(port, DOCA_FLOW_SHARED_RESOURCE_ENCAP, out->shared_encap_id)) &&
	       (!open_decap(a) || is_set(port, DOCA_FLOW_SHARED_RESOURCE_DECAP, out->shared_decap_id));
}

doca_error_t door_choice_make(struct doca_flow_pipe *pipe, const struct door_action *action, struct door_template *t, unsigned *next)
{
	uint32_t n = pairs(pipe->port, &action->actions);
	struct door_action one = *action;

	t->actions = action->actions;
	t->choices = *next;
	*next += n;
	for (uint32_t i = 0; i < n; i++) {
		struct door_template *chosen = &pipe->templates[t->choices + i];
		doca_error_t err;

		chosen->chosen = choose(pipe->port, &action->actions, i, &one.actions);
		err = chosen->chosen ? door_template_make(pipe->port, pipe->name, &one, chosen) : DOCA_SUCCESS;
		if (err != DOCA_SUCCESS)
			return err;
	}
	return DOCA_SUCCESS;
}

bool door_choice_open(const struct doca_flow_actions *a)
{
	return open_encap(a) || open_decap(a);
}

/* An id out of the template's range, or NULL actions, ends in the refusal below as well. */
static uint32_t pair_named(const struct doca_flow_port *port, const struct door_template *t, const struct doca_flow_actions *a)
{
	uint32_t decaps = open_decap(&t->actions) ? reserved(port, DOCA_FLOW_SHARED_RESOURCE_DECAP) : 1;
	uint32_t encap = open_encap(&t->actions) ? a->shared_encap_id : 0, decap = open_decap(&t->actions) ? a->shared_decap_id : 0;

	if (decap >= decaps || (open_encap(&t->actions) && encap >= reserved(port, DOCA_FLOW_SHARED_RESOURCE_ENCAP)))
		return UINT32_MAX;
	return encap * decaps + decap;
}

doca_error_t door_choice_pick(const struct doca_flow_pipe *pipe, const struct doca_flow_actions *actions, const struct door_template **t)
{
	uint32_t pair = actions ? pair_named(pipe->port, *t, actions) : UINT32_MAX;
	const struct door_template *chosen = pair == UINT32_MAX ? NULL : &pipe->templates[(*t)->choices + pair];
	bool encap = open_encap(&(*t)->actions);

	if (!actions)
		return dcore_fail(DOCA_ERROR_INVALID_VALUE, "pipe '%s': an entry of it names the shared encap or decap in its actions; it has none",
			pipe->name);
	if (!chosen || !chosen->chosen)
		return dcore_fail(DOCA_ERROR_INVALID_VALUE, "pipe '%s': shared %s %u was not configured when the pipe was made", pipe->name,
			encap ? "encap" : "decap", encap ? actions->shared_encap_id : actions->shared_decap_id);
	*t = chosen;
	return DOCA_SUCCESS;
}
