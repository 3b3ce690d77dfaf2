/* SPDX-License-Identifier: BSD-3-Clause */
/* cfg: configuration objects; they only remember, copies of everything they are given. */
#include <stdlib.h>
#include <string.h>

#include "doca/flow/flow_door.h"
#include "flow/field.h"

#define NEW(type, out)                                                                             \
	do {                                                                                           \
		DCORE_NOT_NULL(out);                                                                       \
		*(out) = calloc(1, sizeof(struct type));                                                   \
		if (!*(out))                                                                               \
			return dcore_fail(DOCA_ERROR_NO_MEMORY, "%s: no memory", __func__);                     \
	} while (0)

/* ---- the library's ---- */

doca_error_t doca_flow_cfg_create(struct doca_flow_cfg **cfg)
{
	NEW(doca_flow_cfg, cfg);
	(*cfg)->queues = 1;
	(*cfg)->depth = DOOR_QUEUE_DEPTH_DEFAULT;
	snprintf((*cfg)->mode, sizeof((*cfg)->mode), "vnf,hws");
	return DOCA_SUCCESS;
}

doca_error_t doca_flow_cfg_destroy(struct doca_flow_cfg *cfg)
{
	free(cfg);
	return DOCA_SUCCESS;
}

doca_error_t doca_flow_cfg_set_pipe_queues(struct doca_flow_cfg *cfg, uint16_t pipe_queues)
{
	DCORE_NOT_NULL(cfg);
	if (!pipe_queues || pipe_queues > DOOR_QUEUES_MAX)
		return dcore_fail(DOCA_ERROR_INVALID_VALUE, "doca_flow_cfg_set_pipe_queues: %u queues; 1 to %u", pipe_queues, DOOR_QUEUES_MAX);
	cfg->queues = pipe_queues;
	return DOCA_SUCCESS;
}

doca_error_t doca_flow_cfg_set_queue_depth(struct doca_flow_cfg *cfg, uint32_t queue_depth)
{
	DCORE_NOT_NULL(cfg);
	if (!queue_depth || queue_depth > 1u << 20)
		return dcore_fail(DOCA_ERROR_INVALID_VALUE, "doca_flow_cfg_set_queue_depth: %u; 1 to %u", queue_depth, 1u << 20);
	cfg->depth = queue_depth;
	return DOCA_SUCCESS;
}

doca_error_t doca_flow_cfg_set_mode_args(struct doca_flow_cfg *cfg, const char *mode_args)
{
	DCORE_NOT_NULL(cfg);
	DCORE_NOT_NULL(mode_args);
	if (strlen(mode_args) >= sizeof(cfg->mode))
		return dcore_fail(DOCA_ERROR_INVALID_VALUE, "doca_flow_cfg_set_mode_args: longer than %zu bytes", sizeof(cfg->mode) - 1);
	strcpy(cfg->mode, mode_args);
	return DOCA_SUCCESS;
}

doca_error_t doca_flow_cfg_set_nr_counters(struct doca_flow_cfg *cfg, uint32_t nr_counters)
{
	DCORE_NOT_NULL(cfg);
	return DOCA_SUCCESS; /* counters grow as needed */
}

doca_error_t doca_flow_cfg_set_nr_meters(struct doca_flow_cfg *cfg, uint32_t nr_meters)
{
	DCORE_NOT_NULL(cfg);
	return DOCA_SUCCESS;
}

doca_error_t doca_flow_cfg_set_nr_shared_resource(struct doca_flow_cfg *cfg, uint32_t nr_shared_resource,
	enum doca_flow_shared_resource_type type)
{
	DCORE_NOT_NULL(cfg);
	if (type >= DOCA_FLOW_SHARED_RESOURCE_MAX)
		return dcore_fail(DOCA_ERROR_INVALID_VALUE, "doca_flow_cfg_set_nr_shared_resource: no resource type %d", type);
	cfg->nr_shared[type] = nr_shared_resource;
	return DOCA_SUCCESS;
}

doca_error_t doca_flow_cfg_set_resource_mode(struct doca_flow_cfg *cfg, enum doca_flow_resource_mode mode)
{
	DCORE_NOT_NULL(cfg);
	return DOCA_SUCCESS;
}

doca_error_t doca_flow_cfg_set_rss_key(struct doca_flow_cfg *cfg, const uint8_t *rss_key, uint32_t rss_key_len)
{
	DCORE_NOT_NULL(cfg);
	DCORE_NOT_NULL(rss_key);
	if (rss_key_len != FLOW_RSS_KEY_LEN)
		return dcore_fail(DOCA_ERROR_INVALID_VALUE, "doca_flow_cfg_set_rss_key: a key of %u bytes; it has %d", rss_key_len, FLOW_RSS_KEY_LEN);
	memcpy(cfg->rss.key, rss_key, FLOW_RSS_KEY_LEN);
	cfg->rss.has_key = true;
	return DOCA_SUCCESS;
}

doca_error_t doca_flow_cfg_set_default_rss(struct doca_flow_cfg *cfg, const struct doca_flow_resource_rss_cfg *rss)
{
	DCORE_NOT_NULL(cfg);
	DCORE_NOT_NULL(rss);
	return door_rss("doca_flow_cfg_set_default_rss", rss, &cfg->rss);
}

doca_error_t doca_flow_cfg_set_cb_entry_process(struct doca_flow_cfg *cfg, doca_flow_entry_process_cb cb)
{
	DCORE_NOT_NULL(cfg);
	cfg->entry_cb = cb;
	return DOCA_SUCCESS;
}

doca_error_t doca_flow_cfg_set_cb_pipe_process(struct doca_flow_cfg *cfg, doca_flow_pipe_process_cb cb)
{
	DCORE_NOT_NULL(cfg);
	cfg->pipe_cb = cb;
	return DOCA_SUCCESS;
}

doca_error_t doca_flow_cfg_set_definitions(struct doca_flow_cfg *cfg, const struct doca_flow_definitions *defs)
{
	DCORE_NOT_NULL(cfg);
	cfg->defs = defs;
	return DOCA_SUCCESS;
}

/* ---- definitions ---- */

struct doca_flow_definitions_cfg {
	int nothing;
};

doca_error_t doca_flow_definitions_cfg_create(struct doca_flow_definitions_cfg **cfg)
{
	NEW(doca_flow_definitions_cfg, cfg);
	return DOCA_SUCCESS;
}

doca_error_t doca_flow_definitions_cfg_destroy(struct doca_flow_definitions_cfg *cfg)
{
	free(cfg);
	return DOCA_SUCCESS;
}

doca_error_t doca_flow_definitions_create(const struct doca_flow_definitions_cfg *cfg, struct doca_flow_definitions **defs)
{
	NEW(doca_flow_definitions, defs);
	return DOCA_SUCCESS;
}

doca_error_t doca_flow_definitions_destroy(struct doca_flow_definitions *defs)
{
	if (defs && door.running && door.defs == defs)
		return dcore_fail(DOCA_ERROR_IN_USE, "doca_flow_definitions_destroy: DOCA Flow still runs with them");
	free(defs);
	return DOCA_SUCCESS;
}

doca_error_t doca_flow_definitions_add_field(struct doca_flow_definitions *defs, const char *opcode, uint32_t offset, uint16_t size)
{
	bool action, match;
	int index;

	DCORE_NOT_NULL(defs);
	DCORE_NOT_NULL(opcode);
	action = !strncmp(opcode, "actions.", 8);
	match = !strncmp(opcode, "match.", 6);
	index = flow_field_find(opcode);
	if (index < 0)
		return dcore_from_errno(index, "doca_flow_definitions_add_field");
	if (defs->n == ARRAY_SIZE(defs->extra))
		return dcore_fail(DOCA_ERROR_TOO_BIG, "doca_flow_definitions_add_field: more than %zu fields", ARRAY_SIZE(defs->extra));
	if (size != flow_field_get(index)->length)
		return dcore_fail(DOCA_ERROR_INVALID_VALUE, "doca_flow_definitions_add_field: '%s' has %u bytes, not %u", opcode,
			flow_field_get(index)->length, size);
	defs->extra[defs->n++] = (struct door_extra){
		.match = match || !action, .action = action || !match, .index = index, .offset = offset, .size = size};
	return DOCA_SUCCESS;
}

/* ---- ports ---- */

doca_error_t doca_flow_port_cfg_create(struct doca_flow_port_cfg **cfg)
{
	NEW(doca_flow_port_cfg, cfg);
	return DOCA_SUCCESS;
}

doca_error_t doca_flow_port_cfg_destroy(struct doca_flow_port_cfg *cfg)
{
	free(cfg);
	return DOCA_SUCCESS;
}

doca_error_t doca_flow_port_cfg_set_port_id(struct doca_flow_port_cfg *cfg, uint16_t port_id)
{
	DCORE_NOT_NULL(cfg);
	if (port_id >= DOOR_PORTS_MAX)
		return dcore_fail(DOCA_ERROR_INVALID_VALUE, "doca_flow_port_cfg_set_port_id: %u; 0 to %u", port_id, DOOR_PORTS_MAX - 1);
	cfg->port_id = port_id;
	cfg->has_port_id = true;
	return DOCA_SUCCESS;
}

doca_error_t doca_flow_port_cfg_set_dev(struct doca_flow_port_cfg *cfg, struct doca_dev *dev)
{
	DCORE_NOT_NULL(cfg);
	cfg->dev = dev;
	return DOCA_SUCCESS;
}

doca_error_t doca_flow_port_cfg_set_dev_rep(struct doca_flow_port_cfg *cfg, struct doca_dev_rep *dev_rep)
{
	DCORE_NOT_NULL(cfg);
	cfg->rep = dev_rep;
	return DOCA_SUCCESS;
}

doca_error_t doca_flow_port_cfg_set_actions_mem_size(struct doca_flow_port_cfg *cfg, uint32_t size)
{
	DCORE_NOT_NULL(cfg);
	return DOCA_SUCCESS;
}

doca_error_t doca_flow_port_cfg_set_devargs(struct doca_flow_port_cfg *cfg, const char *devargs)
{
	DCORE_NOT_NULL(cfg);
	return DOCA_SUCCESS;
}

doca_error_t doca_flow_port_cfg_set_priv_data_size(struct doca_flow_port_cfg *cfg, uint16_t size)
{
	DCORE_NOT_NULL(cfg);
	cfg->priv_size = size;
	return DOCA_SUCCESS;
}

doca_error_t doca_flow_port_cfg_set_nr_resources(struct doca_flow_port_cfg *cfg, enum doca_flow_resource type, uint32_t nr)
{
	DCORE_NOT_NULL(cfg);
	if (type >= DOCA_FLOW_RESOURCE_MAX)
		return dcore_fail(DOCA_ERROR_INVALID_VALUE, "doca_flow_port_cfg_set_nr_resources: no resource %d", type);
	cfg->nr_resources[type] = nr;
	return DOCA_SUCCESS;
}

doca_error_t doca_flow_port_cfg_set_operation_state(struct doca_flow_port_cfg *cfg, enum doca_flow_port_operation_state state)
{
	DCORE_NOT_NULL(cfg);
	cfg->state = state;
	return DOCA_SUCCESS;
}

doca_error_t doca_flow_port_cfg_set_ipsec_sn_offload_disable(struct doca_flow_port_cfg *cfg)
{
	DCORE_NOT_NULL(cfg);
	return DOCA_SUCCESS;
}

doca_error_t doca_flow_port_cfg_set_service_threads_cycle(struct doca_flow_port_cfg *cfg, uint32_t cycle_ms)
{
	DCORE_NOT_NULL(cfg);
	return DOCA_SUCCESS;
}

doca_error_t doca_flow_port_cfg_set_rss_cfg(struct doca_flow_port_cfg *cfg, const struct doca_flow_resource_rss_cfg *rss)
{
	DCORE_NOT_NULL(cfg);
	DCORE_NOT_NULL(rss);
	return door_rss("doca_flow_port_cfg_set_rss_cfg", rss, &cfg->rss);
}

/* ---- pipes ---- */

doca_error_t doca_flow_pipe_cfg_create(struct doca_flow_pipe_cfg **cfg, struct doca_flow_port *port)
{
	DCORE_NOT_NULL(port);
	NEW(doca_flow_pipe_cfg, cfg);
	(*cfg)->port = port;
	(*cfg)->nr_entries = DOOR_PIPE_ENTRIES_DEFAULT;
	return DOCA_SUCCESS;
}

static void free_actions(struct doca_flow_pipe_cfg *cfg)
{
	for (unsigned i = 0; i < cfg->nr_actions; i++)
		door_action_free(&cfg->actions[i]);
	free(cfg->actions);
	cfg->actions = NULL;
	cfg->nr_actions = 0;
}

static void free_lists(struct doca_flow_pipe_cfg *cfg)
{
	for (unsigned i = 0; i < cfg->nr_lists; i++) {
		for (unsigned e = 0; cfg->lists[i].action && e < cfg->lists[i].size; e++)
			door_action_free(&cfg->lists[i].action[e]);
		free(cfg->lists[i].action);
		free(cfg->lists[i].monitor);
		free(cfg->lists[i].type);
	}
	free(cfg->lists);
	cfg->lists = NULL;
	cfg->nr_lists = 0;
}

doca_error_t doca_flow_pipe_cfg_destroy(struct doca_flow_pipe_cfg *cfg)
{
	if (!cfg)
		return DOCA_SUCCESS;
	free_actions(cfg);
	free_lists(cfg);
	free(cfg->match_blob);
	free(cfg->mask_blob);
	free(cfg);
	return DOCA_SUCCESS;
}

static size_t match_blob_size(void)
{
	size_t size = 0;

	for (unsigned i = 0; door.defs && i < door.defs->n; i++)
		if (door.defs->extra[i].match)
			size = MAX_OF(size, (size_t)door.defs->extra[i].offset + door.defs->extra[i].size);
	return size;
}

static uint8_t *copy_blob(const void *from)
{
	size_t size = match_blob_size();
	uint8_t *copy = size ? malloc(size) : NULL;

	if (copy)
		memcpy(copy, from, size);
	return copy;
}

doca_error_t doca_flow_pipe_cfg_set_match(struct doca_flow_pipe_cfg *cfg, const struct doca_flow_match *match,
	const struct doca_flow_match *match_mask)
{
	DCORE_NOT_NULL(cfg);
	cfg->has_match = match || match_mask;
	cfg->has_match_mask = match_mask != NULL;
	free(cfg->match_blob);
	free(cfg->mask_blob);
	cfg->match_blob = cfg->mask_blob = NULL;
	if (match) {
		cfg->match = *match;
		cfg->match_blob = copy_blob(match);
	}
	if (match_mask) {
		cfg->match_mask = *match_mask;
		cfg->mask_blob = copy_blob(match_mask);
	}
	return DOCA_SUCCESS;
}

doca_error_t doca_flow_pipe_cfg_set_actions(struct doca_flow_pipe_cfg *cfg, struct doca_flow_actions *const *actions,
	struct doca_flow_actions *const *actions_masks, struct doca_flow_action_descs *const *action_descs, size_t nr_actions)
{
	DCORE_NOT_NULL(cfg);
	if (nr_actions > 256)
		return dcore_fail(DOCA_ERROR_INVALID_VALUE, "doca_flow_pipe_cfg_set_actions: %zu templates; at most 256", nr_actions);
	free_actions(cfg);
	cfg->actions = calloc(nr_actions ? nr_actions : 1, sizeof(*cfg->actions));
	if (!cfg->actions)
		return dcore_fail(DOCA_ERROR_NO_MEMORY, "doca_flow_pipe_cfg_set_actions: no memory");
	cfg->nr_actions = nr_actions;
	for (size_t i = 0; i < nr_actions; i++) {
		doca_error_t err = door_action_copy(&cfg->actions[i], actions ? actions[i] : NULL, actions_masks ? actions_masks[i] : NULL,
			action_descs ? action_descs[i] : NULL);

		if (err != DOCA_SUCCESS)
			return err;
	}
	return DOCA_SUCCESS;
}

doca_error_t doca_flow_pipe_cfg_set_monitor(struct doca_flow_pipe_cfg *cfg, const struct doca_flow_monitor *monitor)
{
	DCORE_NOT_NULL(cfg);
	DCORE_NOT_NULL(monitor);
	cfg->monitor = *monitor;
	cfg->has_monitor = true;
	return DOCA_SUCCESS;
}

static doca_error_t copy_element(struct door_list *to, unsigned i, const struct doca_flow_ordered_list_element *e)
{
	to->type[i] = e->type;
	switch (e->type) {
	case DOCA_FLOW_ORDERED_LIST_ELEMENT_ACTIONS:
		return door_action_copy(&to->action[i], e->actions, e->actions_mask, e->action_descs);
	case DOCA_FLOW_ORDERED_LIST_ELEMENT_ACTION_DESCS:
		return door_action_copy(&to->action[i], NULL, NULL, e->action_descs);
	case DOCA_FLOW_ORDERED_LIST_ELEMENT_MONITOR:
		if (!e->monitor)
			break;
		to->monitor[i] = *e->monitor;
		return DOCA_SUCCESS;
	case DOCA_FLOW_ORDERED_LIST_ELEMENT_NAT64:
		if (!e->nat64 || (e->nat64->original_l3_type != DOCA_FLOW_L3_TYPE_IP4 && e->nat64->original_l3_type != DOCA_FLOW_L3_TYPE_IP6))
			break;
		to->action[i].nat64 = e->nat64->original_l3_type;
		return DOCA_SUCCESS;
	case DOCA_FLOW_ORDERED_LIST_ELEMENT_CRYPTO:
		return dcore_fail(DOCA_ERROR_NOT_SUPPORTED, "ordered list %u: element %u is crypto, which is not there yet", to->idx, i);
	}
	return dcore_fail(DOCA_ERROR_INVALID_VALUE, "ordered list %u: element %u of type %d says nothing; a monitor needs its structure, NAT64 "
		"the family it translates, and there are types 0 to %d", to->idx, i, e->type, DOCA_FLOW_ORDERED_LIST_ELEMENT_NAT64);
}

static doca_error_t copy_list(struct door_list *to, const struct doca_flow_ordered_list *from)
{
	to->idx = from->idx;
	to->size = from->size;
	to->type = calloc(from->size + 1, sizeof(*to->type));
	to->action = calloc(from->size + 1, sizeof(*to->action));
	to->monitor = calloc(from->size + 1, sizeof(*to->monitor));
	if (!to->type || !to->action || !to->monitor)
		return dcore_fail(DOCA_ERROR_NO_MEMORY, "doca_flow_pipe_cfg_set_ordered_lists: no memory");
	for (unsigned i = 0; i < from->size; i++) {
		doca_error_t err = copy_element(to, i, &from->elements[i]);

		if (err != DOCA_SUCCESS)
			return err;
	}
	return DOCA_SUCCESS;
}

doca_error_t doca_flow_pipe_cfg_set_ordered_lists(struct doca_flow_pipe_cfg *cfg,
	struct doca_flow_ordered_list *const *ordered_lists, size_t nr_ordered_lists)
{
	DCORE_NOT_NULL(cfg);
	DCORE_NOT_NULL(ordered_lists);
	free_lists(cfg);
	cfg->lists = calloc(nr_ordered_lists + 1, sizeof(*cfg->lists));
	if (!cfg->lists)
		return dcore_fail(DOCA_ERROR_NO_MEMORY, "doca_flow_pipe_cfg_set_ordered_lists: no memory");
	cfg->nr_lists = nr_ordered_lists;
	for (size_t i = 0; i < nr_ordered_lists; i++) {
		doca_error_t err = copy_list(&cfg->lists[i], ordered_lists[i]);

		if (err != DOCA_SUCCESS)
			return err;
	}
	return DOCA_SUCCESS;
}

doca_error_t doca_flow_pipe_cfg_set_name(struct doca_flow_pipe_cfg *cfg, const char *name)
{
	DCORE_NOT_NULL(cfg);
	DCORE_NOT_NULL(name);
	snprintf(cfg->name, sizeof(cfg->name), "%s", name);
	return DOCA_SUCCESS;
}

doca_error_t doca_flow_pipe_cfg_set_label(struct doca_flow_pipe_cfg *cfg, const char *label)
{
	DCORE_NOT_NULL(cfg);
	return DOCA_SUCCESS;
}

doca_error_t doca_flow_pipe_cfg_set_type(struct doca_flow_pipe_cfg *cfg, enum doca_flow_pipe_type type)
{
	DCORE_NOT_NULL(cfg);
	if (type > DOCA_FLOW_PIPE_HASH)
		return dcore_fail(DOCA_ERROR_INVALID_VALUE, "doca_flow_pipe_cfg_set_type: no pipe type %d", type);
	cfg->type = type;
	return DOCA_SUCCESS;
}

doca_error_t doca_flow_pipe_cfg_set_domain(struct doca_flow_pipe_cfg *cfg, enum doca_flow_pipe_domain domain)
{
	DCORE_NOT_NULL(cfg);
	if (domain > DOCA_FLOW_PIPE_DOMAIN_SECURE_EGRESS)
		return dcore_fail(DOCA_ERROR_INVALID_VALUE, "doca_flow_pipe_cfg_set_domain: no domain %d", domain);
	cfg->domain = domain;
	return DOCA_SUCCESS;
}

doca_error_t doca_flow_pipe_cfg_set_is_root(struct doca_flow_pipe_cfg *cfg, bool is_root)
{
	DCORE_NOT_NULL(cfg);
	cfg->root = is_root;
	return DOCA_SUCCESS;
}

doca_error_t doca_flow_pipe_cfg_set_nr_entries(struct doca_flow_pipe_cfg *cfg, uint32_t nr_entries)
{
	DCORE_NOT_NULL(cfg);
	if (!nr_entries)
		return dcore_fail(DOCA_ERROR_INVALID_VALUE, "doca_flow_pipe_cfg_set_nr_entries: 0 entries");
	cfg->nr_entries = nr_entries;
	return DOCA_SUCCESS;
}

doca_error_t doca_flow_pipe_cfg_set_is_resizable(struct doca_flow_pipe_cfg *cfg, bool is_resizable)
{
	DCORE_NOT_NULL(cfg);
	cfg->resizable = is_resizable;
	return DOCA_SUCCESS;
}

doca_error_t doca_flow_pipe_cfg_set_congestion_level_threshold(struct doca_flow_pipe_cfg *cfg, uint8_t percent)
{
	DCORE_NOT_NULL(cfg);
	if (percent > 100)
		return dcore_fail(DOCA_ERROR_INVALID_VALUE, "doca_flow_pipe_cfg_set_congestion_level_threshold: %u percent; 0 to 100", percent);
	cfg->congestion = percent;
	return DOCA_SUCCESS;
}

doca_error_t doca_flow_pipe_cfg_set_excluded_queue(struct doca_flow_pipe_cfg *cfg, uint16_t pipe_queue)
{
	DCORE_NOT_NULL(cfg);
	return DOCA_SUCCESS;
}

doca_error_t doca_flow_pipe_cfg_set_miss_counter(struct doca_flow_pipe_cfg *cfg, bool enable)
{
	DCORE_NOT_NULL(cfg);
	cfg->miss_counter = enable;
	return DOCA_SUCCESS;
}

doca_error_t doca_flow_pipe_cfg_set_hash_map_algorithm(struct doca_flow_pipe_cfg *cfg, uint32_t algorithm_flags)
{
	DCORE_NOT_NULL(cfg);
	cfg->hash_flags = algorithm_flags;
	return DOCA_SUCCESS;
}

doca_error_t doca_flow_pipe_cfg_set_user_ctx(struct doca_flow_pipe_cfg *cfg, void *user_ctx)
{
	DCORE_NOT_NULL(cfg);
	cfg->user_ctx = user_ctx;
	return DOCA_SUCCESS;
}
