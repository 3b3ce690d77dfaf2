/* SPDX-License-Identifier: BSD-3-Clause */
/* pipe: DOCA pipes become pipes of room flow. */
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "doca/flow/ct_door.h"
#include "doca/flow/flow_door.h"
#include "flow/field.h"

static const enum flow_pipe_kind kinds[] = {
	[DOCA_FLOW_PIPE_BASIC] = FLOW_PIPE_EXACT, [DOCA_FLOW_PIPE_CONTROL] = FLOW_PIPE_WILD, [DOCA_FLOW_PIPE_LPM] = FLOW_PIPE_LPM,
	[DOCA_FLOW_PIPE_CT] = FLOW_PIPE_CT, [DOCA_FLOW_PIPE_ACL] = FLOW_PIPE_ACL, [DOCA_FLOW_PIPE_ORDERED_LIST] = FLOW_PIPE_LIST,
	[DOCA_FLOW_PIPE_HASH] = FLOW_PIPE_HASH,
};

/* Template i of the program, and from *next on those its entries pick from. */
static doca_error_t make_template(struct doca_flow_pipe *pipe, const struct doca_flow_pipe_cfg *cfg, unsigned i, unsigned *next)
{
	struct door_template *t = &pipe->templates[i];

	if (cfg->type == DOCA_FLOW_PIPE_ORDERED_LIST)
		return door_list_template(pipe, &cfg->lists[i], t);
	if (door_choice_open(&cfg->actions[i].actions))
		return door_choice_make(pipe, &cfg->actions[i], t, next);
	return door_template_make(pipe->port, pipe->name, &cfg->actions[i], t);
}

static doca_error_t make_templates(struct doca_flow_pipe *pipe, const struct doca_flow_pipe_cfg *cfg)
{
	bool list = cfg->type == DOCA_FLOW_PIPE_ORDERED_LIST;
	unsigned next = list ? cfg->nr_lists : cfg->nr_actions, all = next;
	doca_error_t err = list ? DOCA_SUCCESS : door_choice_count(cfg, &all);

	if (err != DOCA_SUCCESS)
		return err;
	pipe->templates = calloc(all + 1, sizeof(*pipe->templates));
	if (!pipe->templates)
		return dcore_fail(DOCA_ERROR_NO_MEMORY, "pipe '%s': no memory", pipe->name);
	pipe->nr_templates = next;
	pipe->all_templates = all;
	for (unsigned i = 0; i < pipe->nr_templates; i++) {
		err = make_template(pipe, cfg, i, &next);
		if (err != DOCA_SUCCESS)
			return err;
	}
	for (unsigned i = 0; i < all; i++) {
		pipe->templates[i].t.ops = pipe->templates[i].op;
		pipe->templates[i].t.data = pipe->templates[i].data;
		pipe->templates[i].t.hole = pipe->templates[i].hole;
	}
	return DOCA_SUCCESS;
}

/* The address of a longest-prefix pipe: the first one the template leaves open. */
static uint16_t find_lpm_field(const struct flow_key *entry_mask, const struct doca_flow_match *m)
{
	static const char *const names[] = {"outer.ipv4.dst_ip", "outer.ipv4.src_ip", "outer.ipv6.dst_ip", "outer.ipv6.src_ip",
		"inner.ipv4.dst_ip", "inner.ipv4.src_ip", "inner.ipv6.dst_ip", "inner.ipv6.src_ip"};

	for (unsigned i = 0; i < ARRAY_SIZE(names); i++) {
		const struct flow_field *f = flow_field_get(flow_field_find(names[i]));
		enum doca_flow_l3_type type = i < 4 ? m->outer.l3_type : m->inner.l3_type;

		if (type != (f->length == 4 ? DOCA_FLOW_L3_TYPE_IP4 : DOCA_FLOW_L3_TYPE_IP6))
			continue;
		if (!door_all_zero(entry_mask->bytes + f->key_offset, f->length))
			return flow_field_find(names[i]);
	}
	return 0;
}

static doca_error_t check_cfg(const struct doca_flow_pipe_cfg *cfg, const struct doca_flow_fwd *fwd)
{
	if (cfg->root && (cfg->type == DOCA_FLOW_PIPE_LPM || cfg->type == DOCA_FLOW_PIPE_ACL || cfg->type == DOCA_FLOW_PIPE_ORDERED_LIST))
		return dcore_fail(DOCA_ERROR_NOT_SUPPORTED, "pipe '%s': a pipe of this type cannot be root; BASIC and CONTROL can", cfg->name);
	if (cfg->type == DOCA_FLOW_PIPE_CONTROL && fwd && fwd->type != DOCA_FLOW_FWD_NONE && fwd->type != DOCA_FLOW_FWD_CHANGEABLE)
		return dcore_fail(DOCA_ERROR_INVALID_VALUE, "pipe '%s': a CONTROL pipe has no forward of its own; each entry gives one", cfg->name);
	return door_limit_pipe(cfg);
}

static bool is_open_fwd(const struct doca_flow_fwd *fwd)
{
	if (!fwd)
		return true;
	switch (fwd->type) {
	case DOCA_FLOW_FWD_NONE:
	case DOCA_FLOW_FWD_CHANGEABLE:
		return true;
	case DOCA_FLOW_FWD_PORT:
		return fwd->port_id == UINT16_MAX;
	case DOCA_FLOW_FWD_PIPE:
		return !fwd->next_pipe;
	case DOCA_FLOW_FWD_ORDERED_LIST_PIPE:
		return fwd->ordered_list_pipe.idx == UINT32_MAX;
	case DOCA_FLOW_FWD_RSS:
		return fwd->rss_type != DOCA_FLOW_RESOURCE_TYPE_SHARED && (fwd->rss.nr_queues < 0 || (uint32_t)fwd->rss.nr_queues == UINT32_MAX);
	default:
		return false;
	}
}

static doca_error_t keep_fwd(struct doca_flow_pipe *pipe, const struct doca_flow_fwd *fwd)
{
	bool own = fwd->type == DOCA_FLOW_FWD_RSS && fwd->rss_type != DOCA_FLOW_RESOURCE_TYPE_SHARED;
	int n = own && fwd->rss.queues_array ? fwd->rss.nr_queues : 0;

	pipe->fwd = *fwd;
	if (n <= 0 || n > FLOW_QSET_QUEUES_MAX) {
		if (own)
			pipe->fwd.rss.queues_array = NULL;
		return DOCA_SUCCESS;
	}
	pipe->fwd_queues = malloc(n * sizeof(uint16_t));
	if (!pipe->fwd_queues)
		return dcore_fail(DOCA_ERROR_NO_MEMORY, "pipe '%s': no memory", pipe->name);
	memcpy(pipe->fwd_queues, fwd->rss.queues_array, n * sizeof(uint16_t));
	pipe->fwd.rss.queues_array = pipe->fwd_queues;
	return DOCA_SUCCESS;
}

static doca_error_t lower_forwards(struct doca_flow_pipe *pipe, const struct doca_flow_fwd *fwd, const struct doca_flow_fwd *miss,
	struct flow_pipe_cfg *cfg)
{
	char what[DOOR_NAME_MAX + 32];
	doca_error_t err = DOCA_SUCCESS;

	snprintf(what, sizeof(what), "pipe '%s'", pipe->name);
	pipe->has_fwd = fwd != NULL;
	if (fwd)
		err = keep_fwd(pipe, fwd);
	if (err != DOCA_SUCCESS)
		return err;
	if (!is_open_fwd(fwd))
		err = door_fwd(pipe->port, what, fwd, NULL, &cfg->fwd);
	/* what no egress pipe asks for leaves as it is (simple_fwd_vnf transmits so); in mode switch its manager decides */
	if (cfg->root && cfg->domain >= FLOW_DOMAIN_EGRESS && !door.is_switch)
		cfg->miss = (struct flow_fwd){.kind = FLOW_FWD_PORT, .port = cfg->port};
	if (err == DOCA_SUCCESS && miss)
		err = door_fwd(pipe->port, what, miss, NULL, &cfg->miss);
	return err;
}

static void lower_hash(const struct doca_flow_pipe_cfg *from, struct flow_pipe_cfg *cfg)
{
	cfg->hash_flood = !!(from->hash_flags & DOCA_FLOW_PIPE_HASH_MAP_ALGORITHM_FLOODING);
	if (from->hash_flags & DOCA_FLOW_PIPE_HASH_MAP_ALGORITHM_RANDOM)
		cfg->hash_algorithm = FLOW_HASH_RANDOM;
	if (from->hash_flags & DOCA_FLOW_PIPE_HASH_MAP_ALGORITHM_IDENTITY)
		cfg->hash_algorithm = FLOW_HASH_IDENTITY;
	/* what is hashed, not compared: the shape is not part of it */
	memset(&cfg->match.value, 0, sizeof(cfg->match.value));
	cfg->match.mask.hot.shape = cfg->match.mask.inner.shape = 0;
	memset(&cfg->entry_mask, 0, sizeof(cfg->entry_mask));
}

static doca_error_t lower(struct doca_flow_pipe *pipe, const struct doca_flow_pipe_cfg *from, struct flow_pipe_cfg *cfg)
{
	*cfg = (struct flow_pipe_cfg){
		.name = pipe->name, .kind = kinds[from->type], .domain = (enum flow_domain)from->domain, .root = from->root,
		.port = door.is_switch ? FLOW_PORT_GROUP + pipe->port->group : pipe->port->port, .nr_entries = from->nr_entries,
		.miss_counter = from->miss_counter, .match = pipe->key, .entry_mask = pipe->entry_mask,
	};
	if (from->type == DOCA_FLOW_PIPE_CONTROL) /* its entries bring their own match */
		memset(&cfg->entry_mask, 0, sizeof(cfg->entry_mask));
	if (from->type == DOCA_FLOW_PIPE_ACL || from->type == DOCA_FLOW_PIPE_CONTROL)
		for (unsigned i = 0; i < FLOW_KEY_SIZE / 8; i++)
			cfg->match.mask.words[i] &= ~pipe->entry_mask.words[i];
	if (from->type == DOCA_FLOW_PIPE_ACL)
		memset(&cfg->entry_mask, 0, sizeof(cfg->entry_mask));
	if (from->type == DOCA_FLOW_PIPE_HASH)
		lower_hash(from, cfg);
	if (from->type == DOCA_FLOW_PIPE_LPM) {
		cfg->lpm_field = pipe->lpm_field = find_lpm_field(&pipe->entry_mask, &from->match);
		if (!cfg->lpm_field)
			return dcore_fail(DOCA_ERROR_INVALID_VALUE, "pipe '%s': a longest-prefix pipe leaves one address open (all ones)", pipe->name);
	}
	return DOCA_SUCCESS;
}

static doca_error_t make_real(struct doca_flow_pipe *pipe, const struct doca_flow_pipe_cfg *cfg, const struct doca_flow_fwd *fwd,
	const struct doca_flow_fwd *fwd_miss)
{
	struct flow_action_template *templates = calloc(pipe->all_templates + 1, sizeof(*templates));
	struct flow_pipe_cfg real;
	doca_error_t err = templates ? lower(pipe, cfg, &real) : dcore_fail(DOCA_ERROR_NO_MEMORY, "pipe '%s': no memory", pipe->name);
	int rc;

	if (err == DOCA_SUCCESS)
		err = lower_forwards(pipe, fwd, fwd_miss, &real);
	if (err == DOCA_SUCCESS && cfg->type == DOCA_FLOW_PIPE_CT) {
		err = door_ct_pipe_make(pipe, cfg, &real.fwd, &real.miss);
	} else if (err == DOCA_SUCCESS) {
		for (unsigned i = 0; i < pipe->all_templates; i++)
			templates[i] = pipe->templates[i].t;
		real.nr_templates = pipe->all_templates;
		real.templates = templates;
		rc = flow_pipe_create(door.ctx, &real, &pipe->real);
		if (rc)
			err = dcore_from_errno(rc, "doca_flow_pipe_create");
	}
	free(templates);
	return err;
}

static doca_error_t fill(struct doca_flow_pipe *pipe, const struct doca_flow_pipe_cfg *cfg)
{
	doca_error_t err;

	pipe->port = cfg->port;
	pipe->type = cfg->type;
	pipe->nr_entries = cfg->nr_entries;
	pipe->congestion = cfg->congestion;
	pipe->resizable = cfg->resizable;
	memcpy(pipe->excluded, cfg->excluded, sizeof(pipe->excluded));
	pipe->user_ctx = cfg->user_ctx;
	pipe->match = cfg->match;
	pipe->match_mask = cfg->match_mask;
	pipe->has_match_mask = cfg->has_match_mask;
	pipe->monitor = cfg->monitor;
	pipe->has_monitor = cfg->has_monitor;
	snprintf(pipe->name, sizeof(pipe->name), "%s", cfg->name);
	pipe->entries = calloc(door.queues, sizeof(*pipe->entries));
	if (!pipe->entries)
		return dcore_fail(DOCA_ERROR_NO_MEMORY, "pipe '%s': no memory", cfg->name);
	for (unsigned i = 0; i < door.queues; i++)
		pthread_spin_init(&pipe->entries[i].lock, PTHREAD_PROCESS_PRIVATE);
	err = door_match_template(cfg, &pipe->key, &pipe->entry_mask);
	if (err != DOCA_SUCCESS)
		return err;
	door_match_open(pipe);
	return make_templates(pipe, cfg);
}

static void free_memory(struct doca_flow_pipe *pipe)
{
	free(pipe->templates);
	free(pipe->fwd_queues);
	free(pipe->entries);
	free(pipe);
}

doca_error_t doca_flow_pipe_create(const struct doca_flow_pipe_cfg *cfg, const struct doca_flow_fwd *fwd,
	const struct doca_flow_fwd *fwd_miss, struct doca_flow_pipe **out)
{
	struct doca_flow_pipe *pipe;
	doca_error_t err;

	DCORE_NOT_NULL(cfg);
	DCORE_NOT_NULL(out);
	err = check_cfg(cfg, fwd);
	if (err != DOCA_SUCCESS)
		return err;
	pipe = calloc(1, sizeof(*pipe));
	if (!pipe)
		return dcore_fail(DOCA_ERROR_NO_MEMORY, "pipe '%s': no memory", cfg->name);
	err = fill(pipe, cfg);
	if (err == DOCA_SUCCESS)
		err = make_real(pipe, cfg, fwd, fwd_miss);
	if (err != DOCA_SUCCESS) {
		free_memory(pipe);
		return err;
	}
	pipe->next = pipe->port->pipes;
	pipe->port->pipes = pipe;
	pipe->port->nr_pipes++;
	*out = pipe;
	return DOCA_SUCCESS;
}

void door_pipe_free(struct doca_flow_pipe *pipe)
{
	struct doca_flow_pipe **at = &pipe->port->pipes;

	while (*at && *at != pipe)
		at = &(*at)->next;
	if (*at) {
		*at = pipe->next;
		pipe->port->nr_pipes--;
	}
	door_resize_forget(pipe);
	door_ct_forget_pipe(pipe->real);
	door_entries_drop(pipe);
	if (pipe->ct)
		door_ct_pipe_free(pipe->ct);
	else
		flow_pipe_destroy(pipe->real);
	free_memory(pipe);
}

struct flow_pipe *door_miss_pipe(const struct doca_flow_pipe *pipe)
{
	return pipe->ct ? pipe->ct->last : pipe->real;
}

void doca_flow_pipe_destroy(struct doca_flow_pipe *pipe)
{
	if (pipe)
		door_pipe_free(pipe);
}

doca_error_t doca_flow_pipe_update_miss(struct doca_flow_pipe *pipe, const struct doca_flow_fwd *fwd_miss)
{
	struct flow_fwd miss;
	doca_error_t err;
	int rc;

	DCORE_NOT_NULL(pipe);
	DCORE_NOT_NULL(fwd_miss);
	err = door_fwd(pipe->port, pipe->name, fwd_miss, NULL, &miss);
	if (err != DOCA_SUCCESS)
		return err;
	rc = flow_pipe_set_miss(door_miss_pipe(pipe), &miss);
	return rc ? dcore_from_errno(rc, "doca_flow_pipe_update_miss") : DOCA_SUCCESS;
}

void doca_flow_pipe_dump(struct doca_flow_pipe *pipe, FILE *f)
{
	if (pipe && f)
		doca_flow_port_pipes_dump(pipe->port, f);
}

doca_error_t doca_flow_pipe_calc_hash(struct doca_flow_pipe *pipe, const struct doca_flow_match *match, uint32_t *hash)
{
	struct flow_key key = {};

	DCORE_NOT_NULL(pipe);
	DCORE_NOT_NULL(match);
	DCORE_NOT_NULL(hash);
	if (pipe->type != DOCA_FLOW_PIPE_HASH)
		return dcore_fail(DOCA_ERROR_INVALID_VALUE, "pipe '%s': no hash pipe", pipe->name);
	door_match_entry(pipe, match, &key);
	*hash = flow_pipe_hash(pipe->real, &key);
	return DOCA_SUCCESS;
}
