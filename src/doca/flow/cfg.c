/* SPDX-License-Identifier: BSD-3-Clause */
/* cfg: configuration objects; they only remember, copies of everything they are given. */
#include <stdlib.h>
#include <string.h>

#include "doca/flow/flow_door.h"
#include "doca/flow/setters.h"
#include "flow/field.h"

/* ---- the library's ---- */

doca_error_t doca_flow_cfg_create(struct doca_flow_cfg **cfg)
{
	NEW(cfg);
	(*cfg)->queues = 1;
	(*cfg)->depth = DOOR_QUEUE_DEPTH_DEFAULT;
	snprintf((*cfg)->mode, sizeof((*cfg)->mode), "vnf,hws");
	return DOCA_SUCCESS;
}

PLAIN_DESTROY(doca_flow_cfg)
WITHIN(doca_flow_cfg_set_pipe_queues, struct doca_flow_cfg, uint16_t, queues, 1, DOOR_QUEUES_MAX)
WITHIN(doca_flow_cfg_set_queue_depth, struct doca_flow_cfg, uint32_t, depth, 1, 1u << 20)

doca_error_t doca_flow_cfg_set_mode_args(struct doca_flow_cfg *cfg, const char *mode_args)
{
	DCORE_NOT_NULL(cfg);
	DCORE_NOT_NULL(mode_args);
	if (strlen(mode_args) >= sizeof(cfg->mode))
		return dcore_fail(DOCA_ERROR_INVALID_VALUE, "doca_flow_cfg_set_mode_args: longer than %zu bytes", sizeof(cfg->mode) - 1);
	strcpy(cfg->mode, mode_args);
	return DOCA_SUCCESS;
}


/* Counters and meters grow as needed, as far as the card goes. */
doca_error_t doca_flow_cfg_set_nr_counters(struct doca_flow_cfg *cfg, uint32_t nr_counters)
{
	DCORE_NOT_NULL(cfg);
	return door_limit("counters", nr_counters, __func__);
}

doca_error_t doca_flow_cfg_set_nr_meters(struct doca_flow_cfg *cfg, uint32_t nr_meters)
{
	DCORE_NOT_NULL(cfg);
	return door_limit("meters", nr_meters, __func__);
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

IDLE(doca_flow_cfg_set_resource_mode, struct doca_flow_cfg, enum doca_flow_resource_mode) /* both add up */

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

KEPT(doca_flow_cfg_set_cb_entry_process, struct doca_flow_cfg, doca_flow_entry_process_cb, entry_cb)
KEPT(doca_flow_cfg_set_cb_pipe_process, struct doca_flow_cfg, doca_flow_pipe_process_cb, pipe_cb)
KEPT(doca_flow_cfg_set_definitions, struct doca_flow_cfg, const struct doca_flow_definitions *, defs)

/* ---- definitions ---- */

struct doca_flow_definitions_cfg {
	int nothing;
};

PLAIN_OBJECT(doca_flow_definitions_cfg)

doca_error_t doca_flow_definitions_create(const struct doca_flow_definitions_cfg *cfg, struct doca_flow_definitions **defs)
{
	NEW(defs);
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

PLAIN_OBJECT(doca_flow_port_cfg)

doca_error_t doca_flow_port_cfg_set_port_id(struct doca_flow_port_cfg *cfg, uint16_t port_id)
{
	DCORE_NOT_NULL(cfg);
	if (port_id >= DOOR_PORTS_MAX)
		return dcore_fail(DOCA_ERROR_INVALID_VALUE, "doca_flow_port_cfg_set_port_id: %u; 0 to %u", port_id, DOOR_PORTS_MAX - 1);
	cfg->port_id = port_id;
	cfg->has_port_id = true;
	return DOCA_SUCCESS;
}

KEPT(doca_flow_port_cfg_set_dev, struct doca_flow_port_cfg, struct doca_dev *, dev)
KEPT(doca_flow_port_cfg_set_dev_rep, struct doca_flow_port_cfg, struct doca_dev_rep *, rep)
IDLE(doca_flow_port_cfg_set_actions_mem_size, struct doca_flow_port_cfg, uint32_t) /* the heap's */
IDLE(doca_flow_port_cfg_set_devargs, struct doca_flow_port_cfg, const char *) /* the probe had them */
KEPT(doca_flow_port_cfg_set_priv_data_size, struct doca_flow_port_cfg, uint16_t, priv_size)

doca_error_t doca_flow_port_cfg_set_nr_resources(struct doca_flow_port_cfg *cfg, enum doca_flow_resource type, uint32_t nr)
{
	DCORE_NOT_NULL(cfg);
	if (type >= DOCA_FLOW_RESOURCE_MAX)
		return dcore_fail(DOCA_ERROR_INVALID_VALUE, "doca_flow_port_cfg_set_nr_resources: no resource %d", type);
	if (type == DOCA_FLOW_RESOURCE_COUNTER || type == DOCA_FLOW_RESOURCE_METER) {
		doca_error_t err = door_limit(type == DOCA_FLOW_RESOURCE_METER ? "meters" : "counters", nr, __func__);

		if (err != DOCA_SUCCESS)
			return err;
	}
	cfg->nr_resources[type] = nr;
	return DOCA_SUCCESS;
}

KEPT(doca_flow_port_cfg_set_operation_state, struct doca_flow_port_cfg, enum doca_flow_port_operation_state, state)

doca_error_t doca_flow_port_cfg_set_ipsec_sn_offload_disable(struct doca_flow_port_cfg *cfg)
{
	DCORE_NOT_NULL(cfg);
	return DOCA_SUCCESS;
}

IDLE(doca_flow_port_cfg_set_service_threads_cycle, struct doca_flow_port_cfg, uint32_t) /* there are none */

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
	NEW(cfg);
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

/* A copy as large as the definitions reach; without any, NULL serves. */
static doca_error_t copy_blob(const void *from, uint8_t **copy)
{
	size_t size = match_blob_size();

	*copy = NULL;
	if (!size)
		return DOCA_SUCCESS;
	*copy = malloc(size);
	if (!*copy)
		return dcore_fail(DOCA_ERROR_NO_MEMORY, "doca_flow_pipe_cfg_set_match: no memory for %zu bytes of definitions", size);
	memcpy(*copy, from, size);
	return DOCA_SUCCESS;
}

doca_error_t doca_flow_pipe_cfg_set_match(struct doca_flow_pipe_cfg *cfg, const struct doca_flow_match *match,
	const struct doca_flow_match *match_mask)
{
	doca_error_t err = DOCA_SUCCESS;

	DCORE_NOT_NULL(cfg);
	cfg->has_match = match || match_mask;
	cfg->has_match_mask = match_mask != NULL;
	free(cfg->match_blob);
	free(cfg->mask_blob);
	cfg->match_blob = cfg->mask_blob = NULL;
	if (match) {
		cfg->match = *match;
		err = copy_blob(match, &cfg->match_blob);
	}
	if (match_mask && err == DOCA_SUCCESS) {
		cfg->match_mask = *match_mask;
		err = copy_blob(match_mask, &cfg->mask_blob);
	}
	return err;
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
	to->type = calloc(from->size + 1ul, sizeof(*to->type));
	to->action = calloc(from->size + 1ul, sizeof(*to->action));
	to->monitor = calloc(from->size + 1ul, sizeof(*to->monitor));
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

IDLE(doca_flow_pipe_cfg_set_label, struct doca_flow_pipe_cfg, const char *) /* the name is shown */
WITHIN(doca_flow_pipe_cfg_set_type, struct doca_flow_pipe_cfg, enum doca_flow_pipe_type, type, 0, DOCA_FLOW_PIPE_HASH)
WITHIN(doca_flow_pipe_cfg_set_domain, struct doca_flow_pipe_cfg, enum doca_flow_pipe_domain, domain, 0,
	DOCA_FLOW_PIPE_DOMAIN_SECURE_EGRESS)
KEPT(doca_flow_pipe_cfg_set_is_root, struct doca_flow_pipe_cfg, bool, root)
WITHIN(doca_flow_pipe_cfg_set_nr_entries, struct doca_flow_pipe_cfg, uint32_t, nr_entries, 1, UINT32_MAX)
KEPT(doca_flow_pipe_cfg_set_is_resizable, struct doca_flow_pipe_cfg, bool, resizable)
WITHIN(doca_flow_pipe_cfg_set_congestion_level_threshold, struct doca_flow_pipe_cfg, uint8_t, congestion, 0, 100)
KEPT(doca_flow_pipe_cfg_set_miss_counter, struct doca_flow_pipe_cfg, bool, miss_counter)
KEPT(doca_flow_pipe_cfg_set_hash_map_algorithm, struct doca_flow_pipe_cfg, uint32_t, hash_flags)
KEPT(doca_flow_pipe_cfg_set_user_ctx, struct doca_flow_pipe_cfg, void *, user_ctx)

doca_error_t doca_flow_pipe_cfg_set_excluded_queue(struct doca_flow_pipe_cfg *cfg, uint16_t pipe_queue)
{
	DCORE_NOT_NULL(cfg);
	if (pipe_queue >= door.queues)
		return dcore_fail(DOCA_ERROR_INVALID_VALUE, "doca_flow_pipe_cfg_set_excluded_queue: queue %u of %u", pipe_queue, door.queues);
	cfg->excluded[pipe_queue / 64] |= 1ull << pipe_queue % 64;
	return DOCA_SUCCESS;
}
