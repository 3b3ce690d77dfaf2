/* SPDX-License-Identifier: BSD-3-Clause */
/* pipes: configurations built up call by call, and the pipes that come of them. */
#include <string.h>

#include "doca/flow/flow_door.h"
#include "flow_api.h"

struct doca_flow_pipe *pipe_of[PIPES];

static struct doca_flow_pipe_cfg *cfg;

/* ---- handles ---- */

struct doca_flow_pipe *some_pipe(void)
{
	return pipe_of[byte() % PIPES];
}

void pipes_keep(struct doca_flow_pipe *pipe)
{
	for (unsigned i = 0; i < PIPES; i++)
		if (!pipe_of[i]) {
			pipe_of[i] = pipe;
			return;
		}
	doca_flow_pipe_destroy(pipe);
}

void pipes_forget(const struct doca_flow_pipe *pipe)
{
	for (unsigned i = 0; i < PIPES; i++)
		if (pipe_of[i] == pipe)
			pipe_of[i] = NULL;
	entries_forget_of(pipe);
	ct_forget_of(pipe);
}

void pipes_forget_of(const struct doca_flow_port *owner)
{
	for (unsigned i = 0; i < PIPES; i++)
		if (pipe_of[i] && pipe_of[i]->port == owner)
			pipes_forget(pipe_of[i]);
}

void pipes_forget_cfg(void)
{
	doca_flow_pipe_cfg_destroy(cfg);
	cfg = NULL;
}

/* ---- configurations ---- */

static void set_lists(void)
{
	static union big_actions a, mask;
	static struct doca_flow_monitor monitor;
	struct doca_flow_nat64_action nat64 = {(enum doca_flow_l3_type)small(4)};
	struct doca_flow_action_desc array[2];
	struct doca_flow_action_descs descs = {0};
	struct doca_flow_ordered_list_element e[3] = {0};
	struct doca_flow_ordered_list list = {.idx = small(3), .size = byte() % 4, .elements = e}, *lists[] = {&list};

	for (unsigned i = 0; i < ARRAY_SIZE(e); i++) {
		e[i].type = (enum doca_flow_ordered_list_element_type)small(6);
		e[i].actions = draw_actions(&a);
		e[i].actions_mask = coin() ? draw_actions(&mask) : NULL;
		e[i].action_descs = draw_descs(&descs, array, ARRAY_SIZE(array));
		e[i].monitor = draw_monitor(&monitor);
		e[i].nat64 = coin() ? &nat64 : NULL;
	}
	doca_flow_pipe_cfg_set_ordered_lists(cfg, lists, 1);
}

static void set_actions(void)
{
	static union big_actions a, mask;
	struct doca_flow_action_desc array[4];
	struct doca_flow_action_descs descs = {0}, *descs_array[1];
	struct doca_flow_actions *actions[] = {draw_actions(&a)}, *masks[] = {coin() ? draw_actions(&mask) : NULL};

	descs_array[0] = draw_descs(&descs, array, ARRAY_SIZE(array));
	doca_flow_pipe_cfg_set_actions(cfg, coin() ? actions : NULL, coin() ? masks : NULL, coin() ? descs_array : NULL, byte() % 2);
}

void pipes_configure(void)
{
	static union big_match match, mask;
	static struct doca_flow_monitor monitor;

	if (!cfg)
		doca_flow_pipe_cfg_create(&cfg, port[byte() % PORTS]);
	switch (byte() % 12) {
	case 0:
		doca_flow_pipe_cfg_set_match(cfg, draw_match(&match), coin() ? draw_match(&mask) : NULL);
		break;
	case 1:
		set_actions();
		break;
	case 2:
		doca_flow_pipe_cfg_set_monitor(cfg, draw_monitor(&monitor));
		break;
	case 3:
		set_lists();
		break;
	case 4:
		doca_flow_pipe_cfg_set_type(cfg, (enum doca_flow_pipe_type)small(8));
		break;
	case 5:
		doca_flow_pipe_cfg_set_domain(cfg, (enum doca_flow_pipe_domain)small(5));
		break;
	case 6:
		doca_flow_pipe_cfg_set_is_root(cfg, coin());
		break;
	case 7:
		doca_flow_pipe_cfg_set_nr_entries(cfg, small(64));
		break;
	case 8:
		doca_flow_pipe_cfg_set_hash_map_algorithm(cfg, small(32));
		break;
	case 9:
		doca_flow_pipe_cfg_set_name(cfg, field());
		doca_flow_pipe_cfg_set_label(cfg, field());
		doca_flow_pipe_cfg_set_user_ctx(cfg, coin() ? pipe_of : NULL);
		break;
	case 10:
		doca_flow_pipe_cfg_set_is_resizable(cfg, coin());
		doca_flow_pipe_cfg_set_congestion_level_threshold(cfg, byte());
		doca_flow_pipe_cfg_set_miss_counter(cfg, coin());
		doca_flow_pipe_cfg_set_excluded_queue(cfg, small(4));
		break;
	default:
		pipes_forget_cfg();
	}
}

void pipes_create(void)
{
	struct doca_flow_fwd fwd, miss;
	unsigned slot = byte() % PIPES;
	struct doca_flow_pipe *fresh = NULL;

	if (pipe_of[slot])
		return;
	if (doca_flow_pipe_create(cfg, draw_fwd(&fwd), draw_fwd(&miss), &fresh) == DOCA_SUCCESS)
		pipe_of[slot] = fresh;
	if (coin()) {
		pipes_forget_cfg();
	}
}

/* ---- pipes that are there ---- */

static doca_error_t on_resize(void *pipe_user_ctx, uint32_t nr_entries)
{
	return nr_entries % 7 ? DOCA_SUCCESS : DOCA_ERROR_NO_MEMORY;
}

static doca_error_t on_relocate(void *pipe_user_ctx, uint16_t pipe_queue, void *entry_user_ctx, void **new_entry_user_ctx)
{
	*new_entry_user_ctx = entry_user_ctx;
	return DOCA_SUCCESS;
}

void pipes_use(void)
{
	static union big_match match;
	struct doca_flow_resource_query query;
	struct doca_flow_pipe *p = some_pipe();
	struct doca_flow_fwd miss;
	uint32_t hash;

	switch (byte() % 8) {
	case 0:
		doca_flow_pipe_update_miss(p, draw_fwd(&miss));
		break;
	case 1:
		doca_flow_pipe_resize(p, byte(), coin() ? on_resize : NULL, coin() ? on_relocate : NULL);
		break;
	case 2:
		doca_flow_pipe_calc_hash(p, draw_match(&match), &hash);
		break;
	case 3:
		doca_flow_resource_query_pipe_miss(p, &query);
		break;
	default:
		if (p)
			pipes_forget(p);
		doca_flow_pipe_destroy(p);
	}
}
