/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * libdoca_compat_flow: configurations that are structures become today's objects, one setter a member. What a structure can
 * say and no setter takes is refused here; all else is the library's to refuse.
 */
#include <doca_flow.h>

#include <stdlib.h>

#ifdef COMPAT_WITH_BRIDGE
#include <doca_dpdk.h>
#endif

#include "doca/common/common.h"

/* The older faces of these structures lie in memory as today's do: pointers to them pass through unchanged. */
#define SAME_PLACE(older, member, today_member)                                                                \
	_Static_assert(offsetof(struct older, member) == offsetof(struct older##_today, today_member), #older "." #member)
SAME_PLACE(doca_flow_fwd, rss_outer_flags, rss.outer_flags);
SAME_PLACE(doca_flow_fwd, rss_inner_flags, rss.inner_flags);
SAME_PLACE(doca_flow_fwd, rss_queues, rss.queues_array);
SAME_PLACE(doca_flow_fwd, num_of_queues, rss.nr_queues);
SAME_PLACE(doca_flow_fwd, hash_pipe.algorithm, hash_pipe.algorithm);
SAME_PLACE(doca_flow_fwd, ordered_list_pipe.idx, ordered_list_pipe.idx);
SAME_PLACE(doca_flow_parser_meta, port_meta, port_id);
SAME_PLACE(doca_flow_parser_meta, outer_ip_fragmented, outer_ip_fragmented);
SAME_PLACE(doca_flow_parser_meta, inner_l4_type, inner_l4_type);
SAME_PLACE(doca_flow_parser_meta, psp_syndrome, psp_syndrome);
SAME_PLACE(doca_flow_header_ip6, dst_ip, dst_ip);
SAME_PLACE(doca_flow_header_ip6, flow_label, flow_label);
SAME_PLACE(doca_flow_header_ip6, hop_limit, hop_limit);
SAME_PLACE(doca_flow_match, parser_meta, parser_meta);
SAME_PLACE(doca_flow_match, inner, inner);
_Static_assert(sizeof(struct doca_flow_fwd) == sizeof(struct doca_flow_fwd_today), "doca_flow_fwd");
_Static_assert(sizeof(struct doca_flow_header_ip6) == sizeof(struct doca_flow_header_ip6_today), "doca_flow_header_ip6");
_Static_assert(sizeof(struct doca_flow_match) == sizeof(struct doca_flow_match_today), "doca_flow_match");

/* The next setter, unless an earlier one failed. */
#define THEN(err, call) ((err) == DOCA_SUCCESS ? (call) : (err))

/* ---- the library ---- */

static doca_error_t mode_of(const struct doca_flow_cfg *cfg, const char **args)
{
	static const char *const args_of[] = {NULL, "vnf,hws", "switch,hws"};

	if ((unsigned)cfg->mode >= ARRAY_SIZE(args_of))
		return dcore_fail(DOCA_ERROR_INVALID_VALUE, "doca_flow_init: mode %d; there are DOCA_FLOW_MODE_VNF and _SWITCH", cfg->mode);
	if (cfg->mode && cfg->mode_args)
		return dcore_fail(DOCA_ERROR_INVALID_VALUE, "doca_flow_init: mode %d and mode_args '%s'; one of them says it", cfg->mode,
			cfg->mode_args);
	*args = cfg->mode_args ? cfg->mode_args : args_of[cfg->mode];
	return DOCA_SUCCESS;
}

static doca_error_t fill_library(const struct doca_flow_cfg *cfg, struct doca_flow_cfg_today *today)
{
	const char *args = NULL;
	doca_error_t err = mode_of(cfg, &args);

	if (args)
		err = THEN(err, doca_flow_cfg_set_mode_args(today, args));
	if (cfg->pipe_queues)
		err = THEN(err, doca_flow_cfg_set_pipe_queues(today, cfg->pipe_queues));
	if (cfg->queue_depth)
		err = THEN(err, doca_flow_cfg_set_queue_depth(today, cfg->queue_depth));
	err = THEN(err, doca_flow_cfg_set_nr_counters(today, cfg->resource.nb_counters));
	err = THEN(err, doca_flow_cfg_set_nr_meters(today, cfg->resource.nb_meters));
	for (unsigned t = 0; t < DOCA_FLOW_SHARED_RESOURCE_MAX; t++)
		err = THEN(err, doca_flow_cfg_set_nr_shared_resource(today, cfg->nr_shared_resources[t], t));
	return THEN(err, doca_flow_cfg_set_cb_entry_process(today, cfg->cb));
}

doca_error_t doca_compat_flow_init(const struct doca_flow_cfg *cfg)
{
	struct doca_flow_cfg_today *today;
	doca_error_t err;

	DCORE_NOT_NULL(cfg);
	err = doca_flow_cfg_create(&today);
	if (err != DOCA_SUCCESS)
		return err;
	err = fill_library(cfg, today);
	err = THEN(err, (doca_flow_init)(today));
	doca_flow_cfg_destroy(today);
	return err;
}

struct doca_flow_ctx {
	char nothing;
};

doca_error_t doca_compat_flow_init_ctx(const struct doca_flow_cfg *cfg, struct doca_flow_ctx **ctx)
{
	static struct doca_flow_ctx the_library;
	doca_error_t err;

	DCORE_NOT_NULL(ctx);
	err = doca_compat_flow_init(cfg);
	*ctx = err == DOCA_SUCCESS ? &the_library : NULL;
	return err;
}

/* ---- ports ---- */

/* devargs used to carry the port id as text, beside or instead of port_id. */
static doca_error_t port_id_of(const struct doca_flow_port_cfg *cfg, uint16_t *id, const char **devargs)
{
	char *end = NULL;
	unsigned long number;

	*id = cfg->port_id;
	*devargs = cfg->devargs;
	if (!cfg->devargs || !*cfg->devargs)
		return DOCA_SUCCESS;
	number = strtoul(cfg->devargs, &end, 10);
	if (*end)
		return DOCA_SUCCESS;
	if (number > UINT16_MAX || (cfg->port_id && cfg->port_id != number))
		return dcore_fail(DOCA_ERROR_INVALID_VALUE, "doca_flow_port_start: port_id %u, but devargs name port '%s'", cfg->port_id,
			cfg->devargs);
	*id = number;
	*devargs = NULL;
	return DOCA_SUCCESS;
}

/*
 * Programs of that age name the card to EAL and no device to the port: it is the DPDK port's. That libdoca_dpdk_bridge is called
 * here is also what loads it before EAL looks for the card.
 */
static doca_error_t device_of(const struct doca_flow_port_cfg *cfg, uint16_t id, struct doca_dev **dev)
{
	*dev = cfg->dev;
#ifdef COMPAT_WITH_BRIDGE
	if (!*dev)
		return doca_dpdk_port_as_dev(id, dev);
#endif
	return DOCA_SUCCESS;
}

static doca_error_t fill_port(const struct doca_flow_port_cfg *cfg, struct doca_flow_port_cfg_today *today)
{
	struct doca_dev *dev = NULL;
	const char *devargs;
	uint16_t id;
	doca_error_t err = port_id_of(cfg, &id, &devargs);

	err = THEN(err, device_of(cfg, id, &dev));
	err = THEN(err, doca_flow_port_cfg_set_port_id(today, id));
	if (devargs)
		err = THEN(err, doca_flow_port_cfg_set_devargs(today, devargs));
	err = THEN(err, doca_flow_port_cfg_set_dev(today, dev));
	return THEN(err, doca_flow_port_cfg_set_priv_data_size(today, cfg->priv_data_size));
}

doca_error_t doca_compat_flow_port_start(const struct doca_flow_port_cfg *cfg, struct doca_flow_port **port)
{
	struct doca_flow_port_cfg_today *today;
	doca_error_t err;

	DCORE_NOT_NULL(cfg);
	if (cfg->type != DOCA_FLOW_PORT_DPDK_BY_ID)
		return dcore_fail(DOCA_ERROR_NOT_SUPPORTED, "doca_flow_port_start: port type %d; ports are DOCA_FLOW_PORT_DPDK_BY_ID (%d)",
			cfg->type, DOCA_FLOW_PORT_DPDK_BY_ID);
	err = doca_flow_port_cfg_create(&today);
	if (err != DOCA_SUCCESS)
		return err;
	err = fill_port(cfg, today);
	err = THEN(err, (doca_flow_port_start)(today, port));
	doca_flow_port_cfg_destroy(today);
	return err;
}

/* ---- pipes ---- */

static doca_error_t fill_actions(const struct doca_flow_pipe_cfg *cfg, struct doca_flow_pipe_cfg_today *today)
{
	const void *actions = cfg->actions, *masks = cfg->actions_masks, *descs = cfg->action_descs;

	if (!actions && !masks && !descs)
		return DOCA_SUCCESS;
	if (cfg->attr.nb_actions)
		return doca_flow_pipe_cfg_set_actions(today, actions, masks, descs, cfg->attr.nb_actions);
	/* the document's form: one structure, not an array of pointers to them */
	return doca_flow_pipe_cfg_set_actions(today, actions ? (void *)&actions : NULL, masks ? (void *)&masks : NULL,
		descs ? (void *)&descs : NULL, 1);
}

static doca_error_t fill_attributes(const struct doca_flow_pipe_attr *attr, struct doca_flow_pipe_cfg_today *today)
{
	doca_error_t err = DOCA_SUCCESS;

	if (attr->name)
		err = doca_flow_pipe_cfg_set_name(today, attr->name);
	err = THEN(err, doca_flow_pipe_cfg_set_type(today, attr->type));
	err = THEN(err, doca_flow_pipe_cfg_set_domain(today, attr->domain));
	err = THEN(err, doca_flow_pipe_cfg_set_is_root(today, attr->is_root));
	if (attr->nb_flows)
		err = THEN(err, doca_flow_pipe_cfg_set_nr_entries(today, attr->nb_flows));
	return err;
}

static doca_error_t fill_pipe(const struct doca_flow_pipe_cfg *cfg, struct doca_flow_pipe_cfg_today *today)
{
	doca_error_t err = fill_attributes(&cfg->attr, today);

	if (cfg->match || cfg->match_mask)
		err = THEN(err, doca_flow_pipe_cfg_set_match(today, cfg->match, cfg->match_mask));
	err = THEN(err, fill_actions(cfg, today));
	if (cfg->monitor)
		err = THEN(err, doca_flow_pipe_cfg_set_monitor(today, cfg->monitor));
	if (cfg->attr.nb_ordered_lists || cfg->ordered_lists)
		err = THEN(err, doca_flow_pipe_cfg_set_ordered_lists(today, cfg->ordered_lists, cfg->attr.nb_ordered_lists));
	return err;
}

doca_error_t doca_compat_flow_pipe_create(const struct doca_flow_pipe_cfg *cfg, const struct doca_flow_fwd *fwd,
	const struct doca_flow_fwd *fwd_miss, struct doca_flow_pipe **pipe)
{
	struct doca_flow_pipe_cfg_today *today;
	doca_error_t err;

	DCORE_NOT_NULL(cfg);
	if (!cfg->port)
		return dcore_fail(DOCA_ERROR_INVALID_VALUE, "doca_flow_pipe_create: pipe '%s': port is NULL; a started port is needed",
			cfg->attr.name ? cfg->attr.name : "");
	err = doca_flow_pipe_cfg_create(&today, cfg->port);
	if (err != DOCA_SUCCESS)
		return err;
	err = fill_pipe(cfg, today);
	err = THEN(err, (doca_flow_pipe_create)(today, fwd, fwd_miss, pipe));
	doca_flow_pipe_cfg_destroy(today);
	return err;
}

/* ---- entries ---- */

doca_error_t doca_compat_flow_pipe_add_entry(uint16_t pipe_queue, struct doca_flow_pipe *pipe, const struct doca_flow_match *match,
	const struct doca_flow_actions *actions, const struct doca_flow_monitor *monitor, const struct doca_flow_fwd *fwd,
	uint32_t flags, void *usr_ctx, struct doca_flow_pipe_entry **entry)
{
	return doca_flow_pipe_basic_add_entry(pipe_queue, pipe, match, actions ? actions->action_idx : 0, actions, monitor, fwd, flags,
		usr_ctx, entry);
}

doca_error_t doca_flow_query_entry(struct doca_flow_pipe_entry *entry, struct doca_flow_query *query)
{
	struct doca_flow_resource_query today;
	doca_error_t err;

	DCORE_NOT_NULL(query);
	err = doca_flow_resource_query_entry(entry, &today);
	if (err == DOCA_SUCCESS)
		*query = (struct doca_flow_query){today.counter.total_bytes, today.counter.total_pkts};
	return err;
}
