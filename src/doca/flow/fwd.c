/* SPDX-License-Identifier: BSD-3-Clause */
/* fwd: forwards, with what the pipe left to the entry. */
#include <string.h>

#include "doca/flow/flow_door.h"

struct doca_flow_target {
	enum doca_flow_target_type type;
};

doca_error_t doca_flow_get_target(enum doca_flow_target_type type, struct doca_flow_target **target)
{
	static struct doca_flow_target kernel = {DOCA_FLOW_TARGET_KERNEL};

	DCORE_NOT_NULL(target);
	if (type != DOCA_FLOW_TARGET_KERNEL)
		return dcore_fail(DOCA_ERROR_NOT_SUPPORTED, "doca_flow_get_target: no target %d; there is DOCA_FLOW_TARGET_KERNEL", type);
	*target = &kernel;
	return DOCA_SUCCESS;
}

static uint32_t rss_fields(uint32_t flags)
{
	uint32_t fields = 0;

	if (flags & (DOCA_FLOW_RSS_IPV4 | DOCA_FLOW_RSS_IPV6))
		fields |= FLOW_RSS_SRC | FLOW_RSS_DST;
	if (flags & (DOCA_FLOW_RSS_IPV4_SRC | DOCA_FLOW_RSS_IPV6_SRC))
		fields |= FLOW_RSS_SRC;
	if (flags & (DOCA_FLOW_RSS_IPV4_DST | DOCA_FLOW_RSS_IPV6_DST))
		fields |= FLOW_RSS_DST;
	if (flags & (DOCA_FLOW_RSS_TCP | DOCA_FLOW_RSS_UDP))
		fields |= FLOW_RSS_SPORT | FLOW_RSS_DPORT;
	if (flags & (DOCA_FLOW_RSS_TCP_SRC | DOCA_FLOW_RSS_UDP_SRC))
		fields |= FLOW_RSS_SPORT;
	if (flags & (DOCA_FLOW_RSS_TCP_DST | DOCA_FLOW_RSS_UDP_DST))
		fields |= FLOW_RSS_DPORT;
	if (flags & DOCA_FLOW_RSS_ESP)
		fields |= FLOW_RSS_SPI;
	return fields;
}

doca_error_t door_rss(const char *what, const struct doca_flow_resource_rss_cfg *rss, struct flow_qset *set)
{
	if (rss->nr_queues < 0 || rss->nr_queues > FLOW_QSET_QUEUES_MAX)
		return dcore_fail(DOCA_ERROR_INVALID_VALUE, "%s: %d RSS queues; 1 to %d", what, rss->nr_queues, FLOW_QSET_QUEUES_MAX);
	if (rss->nr_queues && !rss->queues_array)
		return dcore_fail(DOCA_ERROR_INVALID_VALUE, "%s: %d RSS queues, but no array of them", what, rss->nr_queues);
	if (rss->rss_hash_func > DOCA_FLOW_RSS_HASH_FUNCTION_SYMMETRIC_TOEPLITZ)
		return dcore_fail(DOCA_ERROR_INVALID_VALUE, "%s: no RSS hash function %d; there are TOEPLITZ and SYMMETRIC_TOEPLITZ", what,
			rss->rss_hash_func);
	set->nr_queues = rss->nr_queues;
	if (rss->nr_queues)
		memcpy(set->queue, rss->queues_array, rss->nr_queues * sizeof(uint16_t));
	set->fields = rss_fields(rss->outer_flags);
	if (!set->fields && rss->inner_flags)
		set->fields = rss_fields(rss->inner_flags) | FLOW_RSS_INNER;
	set->symmetric = rss->rss_hash_func == DOCA_FLOW_RSS_HASH_FUNCTION_SYMMETRIC_TOEPLITZ;
	return DOCA_SUCCESS;
}

static doca_error_t lower_rss(const struct doca_flow_port *port, const char *what, const struct doca_flow_resource_rss_cfg *rss,
	struct flow_fwd *out)
{
	struct flow_qset set = {.port = door.is_switch ? door_queue_port(port)->port : FLOW_PORT_NONE, .has_key = door.rss.has_key};
	doca_error_t err = door_rss(what, rss, &set);
	int index;

	if (err != DOCA_SUCCESS)
		return err;
	err = door_limit("rss_queues", set.nr_queues, what);
	if (err != DOCA_SUCCESS)
		return err;
	memcpy(set.key, door.rss.key, sizeof(set.key));
	index = flow_qset_add(door.ctx, &set);
	if (index < 0)
		return dcore_from_errno(index, what);
	*out = (struct flow_fwd){.kind = FLOW_FWD_QUEUE, .index = index};
	return DOCA_SUCCESS;
}

static doca_error_t lower_shared_rss(const struct doca_flow_port *port, const char *what, uint32_t id, struct flow_fwd *out)
{
	const struct doca_flow_port *p = door_queue_port(port);

	if (id >= p->nr_shared[DOCA_FLOW_SHARED_RESOURCE_RSS] || !p->shared[DOCA_FLOW_SHARED_RESOURCE_RSS][id].set)
		return dcore_fail(DOCA_ERROR_INVALID_VALUE, "%s: shared RSS %u is not configured", what, id);
	*out = (struct flow_fwd){.kind = FLOW_FWD_QUEUE, .index = p->shared[DOCA_FLOW_SHARED_RESOURCE_RSS][id].value};
	return DOCA_SUCCESS;
}

static doca_error_t need_pipe(const char *what, const struct doca_flow_pipe *pipe, enum flow_fwd_kind kind, uint32_t index,
	struct flow_fwd *out)
{
	if (!pipe)
		return dcore_fail(DOCA_ERROR_INVALID_VALUE, "%s: forward to a pipe names none", what);
	*out = (struct flow_fwd){.kind = kind, .pipe = pipe->real, .index = index};
	return DOCA_SUCCESS;
}

static doca_error_t lower_port(const char *what, uint16_t id, struct flow_fwd *out)
{
	if (id == UINT16_MAX)
		return dcore_fail(DOCA_ERROR_INVALID_VALUE, "%s: the pipe leaves the port to the entry, which gives none", what);
	*out = (struct flow_fwd){.kind = FLOW_FWD_PORT, .port = door_port_number(id)};
	return DOCA_SUCCESS;
}

/* What the pipe left open and the entry did not name: the queues of an RSS forward. */
static struct doca_flow_resource_rss_cfg merge_rss(const struct doca_flow_fwd *fwd, const struct doca_flow_fwd *template)
{
	struct doca_flow_resource_rss_cfg rss = fwd->rss;

	if (template && template->type == DOCA_FLOW_FWD_RSS) {
		if (!rss.outer_flags && !rss.inner_flags) {
			rss.outer_flags = template->rss.outer_flags;
			rss.inner_flags = template->rss.inner_flags;
		}
		if (!rss.nr_queues && template->rss.nr_queues > 0) {
			rss.nr_queues = template->rss.nr_queues;
			rss.queues_array = template->rss.queues_array;
		}
	}
	return rss;
}

doca_error_t door_fwd(const struct doca_flow_port *port, const char *what, const struct doca_flow_fwd *fwd,
	const struct doca_flow_fwd *template, struct flow_fwd *out)
{
	struct doca_flow_resource_rss_cfg rss;

	*out = (struct flow_fwd){.kind = FLOW_FWD_NONE};
	if (!fwd)
		return DOCA_SUCCESS;
	switch (fwd->type) {
	case DOCA_FLOW_FWD_NONE:
	case DOCA_FLOW_FWD_CHANGEABLE:
		return DOCA_SUCCESS;
	case DOCA_FLOW_FWD_RSS:
		if (fwd->rss_type == DOCA_FLOW_RESOURCE_TYPE_SHARED)
			return lower_shared_rss(port, what, fwd->shared_rss_id, out);
		rss = merge_rss(fwd, template);
		return lower_rss(port, what, &rss, out);
	case DOCA_FLOW_FWD_PORT:
		return lower_port(what, fwd->port_id, out);
	case DOCA_FLOW_FWD_PIPE:
		if (fwd->next_pipe && fwd->next_pipe->type == DOCA_FLOW_PIPE_HASH)
			return need_pipe(what, fwd->next_pipe, FLOW_FWD_HASH, 0, out);
		return need_pipe(what, fwd->next_pipe, FLOW_FWD_PIPE, 0, out);
	case DOCA_FLOW_FWD_DROP:
		*out = (struct flow_fwd){.kind = FLOW_FWD_DROP};
		return DOCA_SUCCESS;
	case DOCA_FLOW_FWD_TARGET:
		*out = (struct flow_fwd){.kind = FLOW_FWD_KERNEL};
		return DOCA_SUCCESS;
	case DOCA_FLOW_FWD_ORDERED_LIST_PIPE:
		return need_pipe(what, fwd->ordered_list_pipe.pipe, FLOW_FWD_LIST, fwd->ordered_list_pipe.idx, out);
	case DOCA_FLOW_FWD_HASH_PIPE:
		return need_pipe(what, fwd->hash_pipe.pipe, FLOW_FWD_HASH, 0, out);
	default:
		return dcore_fail(DOCA_ERROR_INVALID_VALUE, "%s: forward type %d does not exist", what, fwd->type);
	}
}
