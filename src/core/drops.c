/* SPDX-License-Identifier: BSD-3-Clause */
/* drops: where packets ended, by reason and ingress port, beside the sums that prove none is missing. */
#include "core/core_int.h"

static json_t *by_port(struct core *core, unsigned reason)
{
	json_t *ports = json_object();

	for (unsigned p = 0; p < ESW_PORTS_MAX; p++) {
		const struct port *port = esw_port(core->esw, (uint16_t)p);
		struct esw_counts c;

		if (!port)
			continue;
		esw_stats(core->esw, (uint16_t)p, &c);
		if (c.drops[reason])
			json_object_set_new(ports, port->name, json_integer((json_int_t)c.drops[reason]));
	}
	return ports;
}

static json_t *accounting(struct core *core, const struct esw_counts *c, uint64_t dropped)
{
	int err = esw_stats_check(core->esw);
	json_t *a = json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:b}", "received", (json_int_t)c->rx, "generated",
		(json_int_t)c->generated, "copies", (json_int_t)c->copies, "transmitted", (json_int_t)c->tx, "dropped",
		(json_int_t)dropped, "consumed", (json_int_t)c->consumed, "queued", (json_int_t)c->queued, "balanced", !err);

	if (err)
		json_object_set_new(a, "imbalance", json_string(refusal()));
	return a;
}

static int drops(struct ctl_request *req, const json_t *params, json_t **result, void *arg)
{
	struct core *core = arg;
	json_t *list = json_array();
	struct esw_counts c;
	uint64_t total = 0;

	esw_stats(core->esw, FLOW_PORT_NONE, &c);
	for (unsigned r = 1; r < DROP_REASON_COUNT; r++) {
		if (!c.drops[r])
			continue;
		total += c.drops[r];
		json_array_append_new(list, json_pack("{s:s, s:s, s:I, s:o}", "reason", drop_name(r), "sentence",
			drop_sentence(r), "packets", (json_int_t)c.drops[r], "ports", by_port(core, r)));
	}
	*result = json_pack("{s:o, s:I, s:o}", "drops", list, "total", (json_int_t)total, "accounting",
		accounting(core, &c, total));
	return 0;
}

int core_drops_methods(struct core *core)
{
	return ctl_register(core->ctl, CTL_SWITCH_DROPS, drops, core);
}
