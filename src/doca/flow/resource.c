/* SPDX-License-Identifier: BSD-3-Clause */
/* resource: shared counters, meters, RSS; monitors; queries. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "doca/flow/flow_door.h"
#include "doca/flow/setters.h"
#include "flow/counter.h"

static void lower_meter(const struct doca_flow_resource_meter_cfg *from, struct flow_meter_cfg *to)
{
	*to = (struct flow_meter_cfg){.packets = from->limit_type == DOCA_FLOW_METER_LIMIT_TYPE_PACKETS,
		.color_aware = from->color_mode == DOCA_FLOW_METER_COLOR_MODE_AWARE, .cir = from->cir, .cbs = from->cbs};
	switch (from->alg) {
	case DOCA_FLOW_METER_ALGORITHM_TYPE_RFC2698:
		to->kind = FLOW_METER_TRTCM;
		to->eir = from->rfc2698.pir;
		to->ebs = from->rfc2698.pbs;
		break;
	case DOCA_FLOW_METER_ALGORITHM_TYPE_RFC4115:
		to->kind = FLOW_METER_DTRTCM;
		to->eir = from->rfc4115.eir;
		to->ebs = from->rfc4115.ebs;
		break;
	default:
		to->kind = FLOW_METER_SRTCM;
		to->ebs = from->rfc2697.ebs;
	}
}

static const char *const type_names[] = {"meter", "counter", "RSS", "IPsec SA", "PSP", "encap", "decap"};

static doca_error_t check_id(const struct doca_flow_port *port, enum doca_flow_shared_resource_type type, uint32_t id)
{
	if (type >= DOCA_FLOW_SHARED_RESOURCE_MAX)
		return dcore_fail(DOCA_ERROR_INVALID_VALUE, "shared resource: no type %d", type);
	if (id >= port->nr_shared[type])
		return dcore_fail(DOCA_ERROR_INVALID_VALUE, "port %u: shared %s %u of %u reserved", port->id, type_names[type], id,
			port->nr_shared[type]);
	return DOCA_SUCCESS;
}

static doca_error_t make_shared_meter(const struct doca_flow_shared_resource_cfg *cfg, uint32_t *value)
{
	doca_error_t err = door_within("shared meter", "alg", cfg->meter_cfg.alg, 0, DOCA_FLOW_METER_ALGORITHM_TYPE_RFC4115);
	struct flow_meter_cfg meter;
	int index;

	if (err != DOCA_SUCCESS)
		return err;
	lower_meter(&cfg->meter_cfg, &meter);
	index = *value ? flow_meter_set(door.ctx, *value, &meter, clock_now_ns()) : flow_meter_new(door.ctx, &meter, clock_now_ns());
	if (index < 0)
		return dcore_from_errno(index, "shared meter");
	*value = *value ? *value : (uint32_t)index;
	return DOCA_SUCCESS;
}

static doca_error_t make_shared_rss(const struct doca_flow_port *port, const struct doca_flow_shared_resource_cfg *cfg,
	uint32_t *value)
{
	struct doca_flow_fwd fwd = {.type = DOCA_FLOW_FWD_RSS, .rss_type = DOCA_FLOW_RESOURCE_TYPE_NON_SHARED, .rss = cfg->rss_cfg};
	struct flow_fwd out;
	doca_error_t err = door_fwd(port, "shared RSS", &fwd, NULL, &out);

	*value = out.index;
	return err;
}

doca_error_t doca_flow_port_shared_resource_set_cfg(struct doca_flow_port *port, enum doca_flow_shared_resource_type type,
	uint32_t id, const struct doca_flow_shared_resource_cfg *cfg)
{
	uint32_t *value;
	doca_error_t err;

	DCORE_NOT_NULL(port);
	err = check_id(port, type, id);
	if (err != DOCA_SUCCESS)
		return err;
	value = &port->shared[type][id].value;
	if (cfg)
		port->shared[type][id].cfg = *cfg;
	switch (type) {
	case DOCA_FLOW_SHARED_RESOURCE_COUNTER:
		if (!*value)
			*value = flow_counter_new(door.ctx);
		err = *value ? DOCA_SUCCESS : dcore_fail(DOCA_ERROR_FULL, "shared counter %u: no counter left", id);
		break;
	case DOCA_FLOW_SHARED_RESOURCE_METER:
		DCORE_NOT_NULL(cfg);
		err = make_shared_meter(cfg, value);
		break;
	case DOCA_FLOW_SHARED_RESOURCE_RSS:
		DCORE_NOT_NULL(cfg);
		err = make_shared_rss(port, cfg, value);
		break;
	case DOCA_FLOW_SHARED_RESOURCE_ENCAP:
	case DOCA_FLOW_SHARED_RESOURCE_DECAP:
		DCORE_NOT_NULL(cfg);
		break;
	default:
		err = dcore_fail(DOCA_ERROR_NOT_SUPPORTED, "shared %s: crypto is not there yet", type_names[type]);
	}
	port->shared[type][id].set = err == DOCA_SUCCESS;
	return err;
}

doca_error_t doca_flow_port_shared_resource_get(struct doca_flow_port *port, enum doca_flow_shared_resource_type type, uint32_t *id)
{
	DCORE_NOT_NULL(port);
	DCORE_NOT_NULL(id);
	if (type >= DOCA_FLOW_SHARED_RESOURCE_MAX)
		return dcore_fail(DOCA_ERROR_INVALID_VALUE, "shared resource: no type %d", type);
	for (uint32_t i = 0; i < port->nr_shared[type]; i++)
		if (!port->shared[type][i].index) {
			port->shared[type][i].index = 1;
			*id = i;
			return DOCA_SUCCESS;
		}
	return dcore_fail(DOCA_ERROR_FULL, "port %u: all %u shared %ss are in use", port->id, port->nr_shared[type], type_names[type]);
}

doca_error_t doca_flow_port_shared_resource_put(struct doca_flow_port *port, enum doca_flow_shared_resource_type type, uint32_t id)
{
	doca_error_t err;

	DCORE_NOT_NULL(port);
	err = check_id(port, type, id);
	if (err == DOCA_SUCCESS)
		port->shared[type][id].index = 0;
	return err;
}

void door_shared_free(struct doca_flow_port *port)
{
	for (unsigned t = 0; t < DOCA_FLOW_SHARED_RESOURCE_MAX; t++) {
		for (uint32_t i = 0; port->shared[t] && i < port->nr_shared[t]; i++) {
			uint32_t value = port->shared[t][i].value;

			if (value && t == DOCA_FLOW_SHARED_RESOURCE_COUNTER)
				flow_counter_free(door.ctx, value);
			if (value && t == DOCA_FLOW_SHARED_RESOURCE_METER)
				flow_meter_free(door.ctx, value);
		}
		free(port->shared[t]);
	}
}

/* ---- monitors ---- */

static doca_error_t shared_value(struct doca_flow_port *port, enum doca_flow_shared_resource_type type, uint32_t id, uint32_t *value)
{
	struct doca_flow_port *p = door_queue_port(port);
	doca_error_t err = check_id(p, type, id);

	if (err != DOCA_SUCCESS)
		return err;
	if (!p->shared[type][id].set)
		return dcore_fail(DOCA_ERROR_INVALID_VALUE, "port %u: shared %s %u is not configured", p->id, type_names[type], id);
	*value = p->shared[type][id].value + 1;
	return DOCA_SUCCESS;
}

static doca_error_t own_meter(const struct doca_flow_monitor *m, struct flow_entry_spec *spec, uint32_t *meter)
{
	struct flow_meter_cfg cfg = {.kind = FLOW_METER_SRTCM, .cir = m->non_shared_meter.cir, .cbs = m->non_shared_meter.cbs,
		.packets = m->non_shared_meter.limit_type == DOCA_FLOW_METER_LIMIT_TYPE_PACKETS};
	int index = flow_meter_new(door.ctx, &cfg, clock_now_ns());

	if (index < 0)
		return dcore_from_errno(index, "meter");
	*meter = index;
	spec->meter = index + 1;
	return DOCA_SUCCESS;
}

static doca_error_t counter_of(struct doca_flow_port *port, const struct doca_flow_monitor *t, const struct doca_flow_monitor *m,
	struct flow_entry_spec *spec)
{
	uint32_t id = t->shared_counter.shared_counter_id;

	if (t->counter_type == DOCA_FLOW_RESOURCE_TYPE_NON_SHARED)
		spec->count = true;
	if (t->counter_type != DOCA_FLOW_RESOURCE_TYPE_SHARED)
		return DOCA_SUCCESS;
	if (m && (id == UINT32_MAX || m->counter_type == DOCA_FLOW_RESOURCE_TYPE_SHARED))
		id = m->shared_counter.shared_counter_id;
	return shared_value(port, DOCA_FLOW_SHARED_RESOURCE_COUNTER, id, &spec->counter);
}

static doca_error_t meter_of(struct doca_flow_port *port, const struct doca_flow_monitor *t, const struct doca_flow_monitor *m,
	struct flow_entry_spec *spec, uint32_t *meter)
{
	uint32_t id = t->shared_meter.shared_meter_id;

	if (t->meter_type == DOCA_FLOW_RESOURCE_TYPE_NON_SHARED)
		return own_meter(m && m->meter_type == DOCA_FLOW_RESOURCE_TYPE_NON_SHARED && m->non_shared_meter.cir ? m : t, spec, meter);
	if (t->meter_type != DOCA_FLOW_RESOURCE_TYPE_SHARED)
		return DOCA_SUCCESS;
	if (m && (id == UINT32_MAX || m->meter_type == DOCA_FLOW_RESOURCE_TYPE_SHARED))
		id = m->shared_meter.shared_meter_id;
	return shared_value(port, DOCA_FLOW_SHARED_RESOURCE_METER, id, &spec->meter);
}

doca_error_t door_monitor(struct doca_flow_port *port, const struct doca_flow_monitor *template,
	const struct doca_flow_monitor *monitor, struct flow_entry_spec *spec, uint32_t *own)
{
	const struct doca_flow_monitor *t = template ? template : monitor;
	doca_error_t err;

	if (!t)
		return DOCA_SUCCESS;
	err = counter_of(port, t, monitor, spec);
	if (err == DOCA_SUCCESS)
		err = meter_of(port, t, monitor, spec, own);
	spec->age_s = t->aging_sec == UINT32_MAX || (monitor && monitor->aging_sec) ? (monitor ? monitor->aging_sec : 0) : t->aging_sec;
	return err;
}

/* ---- queries ---- */

doca_error_t doca_flow_resource_query_entry(struct doca_flow_pipe_entry *entry, struct doca_flow_resource_query *query)
{
	struct flow_count count;

	DCORE_NOT_NULL(entry);
	DCORE_NOT_NULL(query);
	if (entry->pipe->ct)
		return dcore_fail(DOCA_ERROR_INVALID_VALUE, "doca_flow_resource_query_entry: pipe '%s' has connections; doca_flow_ct_query_entry asks them",
			entry->pipe->name);
	flow_entry_query(entry->real, &count);
	query->counter.total_pkts = count.packets;
	query->counter.total_bytes = count.bytes;
	return DOCA_SUCCESS;
}

doca_error_t doca_flow_resource_query_pipe_miss(struct doca_flow_pipe *pipe, struct doca_flow_resource_query *query)
{
	struct flow_count count;
	int rc;

	DCORE_NOT_NULL(pipe);
	DCORE_NOT_NULL(query);
	rc = flow_pipe_query_miss(door_miss_pipe(pipe), &count);
	if (rc)
		return dcore_from_errno(rc, "doca_flow_resource_query_pipe_miss");
	query->counter.total_pkts = count.packets;
	query->counter.total_bytes = count.bytes;
	return DOCA_SUCCESS;
}

doca_error_t doca_flow_port_shared_resources_query(struct doca_flow_port *port, enum doca_flow_shared_resource_type type,
	uint32_t *ids, struct doca_flow_resource_query *queries, uint32_t nr)
{
	DCORE_NOT_NULL(port);
	DCORE_NOT_NULL(ids);
	DCORE_NOT_NULL(queries);
	if (type != DOCA_FLOW_SHARED_RESOURCE_COUNTER)
		return dcore_fail(DOCA_ERROR_NOT_SUPPORTED, "shared query: only counters can be asked");
	for (uint32_t i = 0; i < nr; i++) {
		struct flow_count count;
		uint32_t value;
		doca_error_t err = shared_value(port, type, ids[i], &value);

		if (err != DOCA_SUCCESS)
			return err;
		flow_counter_read(door.ctx, value - 1, &count);
		queries[i].counter.total_pkts = count.packets;
		queries[i].counter.total_bytes = count.bytes;
	}
	return DOCA_SUCCESS;
}
