/* SPDX-License-Identifier: BSD-3-Clause */
/* ct_cfg: the configuration object of DOCA Flow CT, and the library's life. */
#include <stdlib.h>
#include <string.h>

#include "doca/flow/ct_door.h"
#include "doca/flow/setters.h"

#define KNOWN_FLAGS                                                                                            \
	(DOCA_FLOW_CT_FLAG_STATS | DOCA_FLOW_CT_FLAG_NO_AGING | DOCA_FLOW_CT_FLAG_MANAGED |                        \
		DOCA_FLOW_CT_FLAG_ASYMMETRIC_TUNNEL | DOCA_FLOW_CT_FLAG_NO_COUNTER | DOCA_FLOW_CT_FLAG_ORIGIN_WIRE |   \
		DOCA_FLOW_CT_FLAG_REPLY_WIRE | DOCA_FLOW_CT_FLAG_ITERATOR)

struct ct_library ct;

doca_error_t doca_flow_ct_cap_is_dev_supported(const struct doca_devinfo *dev_info)
{
	DCORE_NOT_NULL(dev_info);
	return DOCA_SUCCESS;
}

doca_error_t doca_flow_ct_cfg_create(struct doca_flow_ct_cfg **cfg)
{
	NEW(cfg);
	(*cfg)->queues = 1;
	return DOCA_SUCCESS;
}

PLAIN_DESTROY(doca_flow_ct_cfg)

doca_error_t doca_flow_ct_cfg_set_flags(struct doca_flow_ct_cfg *cfg, uint32_t flags)
{
	DCORE_NOT_NULL(cfg);
	if (flags & ~(uint32_t)KNOWN_FLAGS)
		return dcore_fail(DOCA_ERROR_INVALID_VALUE, "doca_flow_ct_cfg_set_flags: unknown bits %#x", flags & ~(uint32_t)KNOWN_FLAGS);
	cfg->flags = flags;
	return DOCA_SUCCESS;
}

WITHIN(doca_flow_ct_cfg_set_queues, struct doca_flow_ct_cfg, uint32_t, queues, 1, DOOR_QUEUES_MAX)
WITHIN(doca_flow_ct_cfg_set_ctrl_queues, struct doca_flow_ct_cfg, uint32_t, ctrl_queues, 0, DOOR_QUEUES_MAX)
WITHIN(doca_flow_ct_cfg_set_user_actions, struct doca_flow_ct_cfg, uint32_t, user_actions, 0, CT_USER_ACTIONS_MAX)
IDLE(doca_flow_ct_cfg_set_aging_core, struct doca_flow_ct_cfg, uint32_t) /* no thread of ours: who calls doca_flow_aging_handle ages */
KEPT(doca_flow_ct_cfg_set_entry_finalize_cb, struct doca_flow_ct_cfg, doca_flow_ct_entry_finalize_cb, finalize)

doca_error_t doca_flow_ct_cfg_set_connections(struct doca_flow_ct_cfg *cfg, uint32_t nb_ipv4, uint32_t nb_ipv6, uint32_t nb_ipv4_6)
{
	uint64_t all = (uint64_t)nb_ipv4 + nb_ipv6 + nb_ipv4_6;
	doca_error_t err;

	DCORE_NOT_NULL(cfg);
	err = door_within(__func__, "connections", all, 1, INT32_MAX / 4);
	if (err == DOCA_SUCCESS)
		err = door_limit("connections", all, __func__);
	if (err != DOCA_SUCCESS)
		return err;
	cfg->connections[CT_IP4] = nb_ipv4;
	cfg->connections[CT_IP6] = nb_ipv6;
	cfg->mixed = nb_ipv4_6;
	return DOCA_SUCCESS;
}

IDLE(doca_flow_ct_cfg_set_counter_asymmetric, struct doca_flow_ct_cfg, uint32_t) /* the switch has a pool: as many as connections ask for */
WITHIN(doca_flow_ct_cfg_set_dup_filter_size, struct doca_flow_ct_cfg, uint32_t, dup_size, 0, CT_DUP_FILTER_MAX)
KEPT(doca_flow_ct_cfg_set_max_connections_per_zone, struct doca_flow_ct_cfg, uint32_t, zone_max)

/* The one metadata word with zone bits. */
static doca_error_t find_zone(const struct doca_flow_meta *mask, struct ct_direction *dir)
{
	unsigned words = 0;

	dir->zone_at = 0;
	dir->zone_mask = 0;
	if (mask->pkt_meta) {
		words++;
		dir->zone_at = offsetof(struct flow_key, hot.pkt_meta);
		dir->zone_mask = mask->pkt_meta;
	}
	for (unsigned i = 0; i < DOCA_FLOW_META_SCRATCH_PAD_MAX; i++)
		if (mask->u32[i]) {
			words++;
			dir->zone_at = offsetof(struct flow_key, meta.scratch) + i * sizeof(uint32_t);
			dir->zone_mask = mask->u32[i];
		}
	if (words > 1 || mask->mark)
		return dcore_fail(DOCA_ERROR_NOT_SUPPORTED, "doca_flow_ct_cfg_set_direction: the zone lies in one word of the metadata, "
			"pkt_meta or one of u32[]; the mask names %s", mask->mark ? "the mark" : "several");
	return DOCA_SUCCESS;
}

doca_error_t doca_flow_ct_cfg_set_direction(struct doca_flow_ct_cfg *cfg, bool is_reply, bool match_inner,
	struct doca_flow_meta *zone_match_mask, struct doca_flow_ct_meta *meta_modify_mask)
{
	struct ct_direction dir = {.inner = match_inner};
	doca_error_t err = DOCA_SUCCESS;

	DCORE_NOT_NULL(cfg);
	if (zone_match_mask)
		err = find_zone(zone_match_mask, &dir);
	if (err != DOCA_SUCCESS)
		return err;
	if (meta_modify_mask)
		dir.modify = *meta_modify_mask;
	cfg->dir[is_reply ? CT_REPLY : CT_ORIGIN] = dir;
	return DOCA_SUCCESS;
}

doca_error_t doca_flow_ct_init(const struct doca_flow_ct_cfg *cfg)
{
	DCORE_NOT_NULL(cfg);
	if (!door.running)
		return dcore_fail(DOCA_ERROR_BAD_STATE, "doca_flow_ct_init: doca_flow_init comes first");
	if (ct.running)
		return dcore_fail(DOCA_ERROR_BAD_STATE, "doca_flow_ct_init: it runs already");
	for (unsigned i = 0; i < DOOR_PORTS_MAX; i++)
		if (door.port[i])
			return dcore_fail(DOCA_ERROR_BAD_STATE, "doca_flow_ct_init: port %u is started; CT comes before all ports", i);
	if (!cfg->connections[CT_IP4] && !cfg->connections[CT_IP6] && !cfg->mixed)
		return dcore_fail(DOCA_ERROR_INVALID_VALUE, "doca_flow_ct_init: no connections; doca_flow_ct_cfg_set_connections says how many");
	ct.cfg = *cfg;
	ct.running = true;
	return DOCA_SUCCESS;
}

void doca_flow_ct_destroy(void)
{
	while (ct.pipes)
		doca_flow_pipe_destroy(ct.pipes->door);
	memset(&ct, 0, sizeof(ct));
}
