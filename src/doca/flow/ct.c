/* SPDX-License-Identifier: BSD-3-Clause */
/* ct: the shapes of doca_flow_ct, each call a refusal. The configuration object exists so that a program comes as far as init. */
#include <doca_flow_ct.h>

#include <stdlib.h>

#include "doca/flow/flow_door.h"

struct doca_flow_ct_cfg {
	uint32_t flags;
};

#define NO_CT return dcore_fail(DOCA_ERROR_NOT_SUPPORTED, "%s: DOCA Flow CT is not there yet; the switch's own connection table is (softdpu connections)", __func__)

doca_error_t doca_flow_ct_cap_is_dev_supported(const struct doca_devinfo *dev_info)
{
	NO_CT;
}

doca_error_t doca_flow_ct_cfg_create(struct doca_flow_ct_cfg **cfg)
{
	DCORE_NOT_NULL(cfg);
	*cfg = calloc(1, sizeof(**cfg));
	return *cfg ? DOCA_SUCCESS : dcore_fail(DOCA_ERROR_NO_MEMORY, "doca_flow_ct_cfg_create: no memory");
}

doca_error_t doca_flow_ct_cfg_destroy(struct doca_flow_ct_cfg *cfg)
{
	free(cfg);
	return DOCA_SUCCESS;
}

#define SETTER(name, ...)                                                                          \
	doca_error_t doca_flow_ct_cfg_set_##name(struct doca_flow_ct_cfg *cfg, __VA_ARGS__)            \
	{                                                                                              \
		DCORE_NOT_NULL(cfg);                                                                       \
		return DOCA_SUCCESS; /* doca_flow_ct_init refuses the whole */                             \
	}
SETTER(flags, uint32_t flags)
SETTER(queues, uint32_t nb_queues)
SETTER(ctrl_queues, uint32_t nb_ctrl_queues)
SETTER(user_actions, uint32_t nb_user_actions)
SETTER(aging_core, uint32_t core)
SETTER(entry_finalize_cb, doca_flow_ct_entry_finalize_cb cb)
SETTER(connections, uint32_t nb_ipv4, uint32_t nb_ipv6, uint32_t nb_ipv4_6)
SETTER(counter_asymmetric, uint32_t nb_counters)
SETTER(dup_filter_size, uint32_t size)
SETTER(max_connections_per_zone, uint32_t nb_connections)
SETTER(direction, bool is_reply, bool match_inner, struct doca_flow_meta *zone_match_mask, struct doca_flow_ct_meta *meta_modify_mask)

doca_error_t doca_flow_ct_init(const struct doca_flow_ct_cfg *cfg)
{
	NO_CT;
}

void doca_flow_ct_destroy(void)
{
}

doca_error_t doca_flow_ct_entry_prepare(uint16_t queue, struct doca_flow_pipe *pipe, uint32_t flags,
	const struct doca_flow_ct_match *match_origin, uint32_t hash_origin, const struct doca_flow_ct_match *match_reply,
	uint32_t hash_reply, struct doca_flow_pipe_entry **entry, bool *conn_found)
{
	NO_CT;
}

doca_error_t doca_flow_ct_add_entry(uint16_t queue, struct doca_flow_pipe *pipe, uint32_t flags,
	const struct doca_flow_ct_match *match_origin, const struct doca_flow_ct_match *match_reply,
	const struct doca_flow_ct_actions *actions_origin, const struct doca_flow_ct_actions *actions_reply,
	uint32_t fwd_handle_origin, uint32_t fwd_handle_reply, uint32_t timeout_s, void *usr_ctx, struct doca_flow_pipe_entry *entry)
{
	NO_CT;
}

doca_error_t doca_flow_ct_update_entry(uint16_t queue, struct doca_flow_pipe *pipe, uint32_t flags, struct doca_flow_pipe_entry *entry,
	const struct doca_flow_ct_actions *actions_origin, const struct doca_flow_ct_actions *actions_reply,
	uint32_t fwd_handle_origin, uint32_t fwd_handle_reply, uint32_t timeout_s)
{
	NO_CT;
}

doca_error_t doca_flow_ct_rm_entry(uint16_t queue, struct doca_flow_pipe *pipe, uint32_t flags, struct doca_flow_pipe_entry *entry)
{
	NO_CT;
}

doca_error_t doca_flow_ct_get_entry(uint16_t queue, struct doca_flow_pipe *pipe, uint32_t flags, struct doca_flow_pipe_entry *entry,
	struct doca_flow_ct_match *match_origin, struct doca_flow_ct_match *match_reply, uint64_t *entry_flags, uint32_t *hash_origin,
	uint32_t *hash_reply)
{
	NO_CT;
}

doca_error_t doca_flow_ct_query_entry(uint16_t queue, struct doca_flow_pipe *pipe, uint32_t flags, struct doca_flow_pipe_entry *entry,
	struct doca_flow_resource_query *query_origin, struct doca_flow_resource_query *query_reply, uint64_t *last_hit_s)
{
	NO_CT;
}

doca_error_t doca_flow_ct_entries_process(struct doca_flow_port *port, uint16_t queue, uint32_t min_room, uint32_t max_processed,
	uint32_t *room)
{
	NO_CT;
}

doca_error_t doca_flow_ct_pipe_iterate(struct doca_flow_pipe *pipe, doca_flow_ct_pipe_iterate_cb cb, void *user_ctx)
{
	NO_CT;
}

doca_error_t doca_flow_ct_actions_add_shared(uint16_t queue, struct doca_flow_pipe *pipe, const struct doca_flow_ct_actions actions[],
	uint32_t nb_actions, uint32_t actions_handles[])
{
	NO_CT;
}

doca_error_t doca_flow_ct_actions_rm_shared(uint16_t queue, struct doca_flow_pipe *pipe, uint32_t actions_handles[], uint32_t nb_handles)
{
	NO_CT;
}
