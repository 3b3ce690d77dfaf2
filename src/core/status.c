/* SPDX-License-Identifier: BSD-3-Clause */
/* status: what this process is, its ports, and the card behind them. */
#include <stdio.h>
#include <unistd.h>

#include "base/addr.h"
#include "base/cpu.h"
#include "core/core_int.h"



static json_t *count(uint64_t n)
{
	return json_integer((json_int_t)n);
}

static json_t *mac_json(const uint8_t mac[6])
{
	return json_sprintf("%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]);
}

static const char *link_name(struct port *port)
{
	return port_link_up(port) ? "up" : "down";
}

static json_t *worker_json(struct core *core, unsigned id)
{
	const struct card_worker *w = &core->card->worker;
	struct esw_counts c;
	const char *mode = "waiting";

	esw_stats(core->esw, FLOW_PORT_NONE, &c);
	if (w->mode == CARD_POLL)
		mode = "polling";
	else if (w->mode == CARD_INLINE)
		mode = "inline";
	else if (esw_worker_busy(core->esw, id) > 0.5)
		mode = "polling";
	return json_pack("{s:i, s:o, s:s, s:f, s:o}", "id", (int)id, "cpu", id < w->n_cpus ? json_integer(w->cpus[id]) : json_null(),
		"mode", mode, "busy", esw_worker_busy(core->esw, id), "packets", count(c.rx));
}

struct port_sums {
	uint64_t total, up;
};

static void sum_port(void *arg, struct port *port)
{
	struct port_sums *sums = arg;

	sums->total++;
	sums->up += port_link_up(port);
}

static void problem_of_port(void *arg, struct port *port)
{
	if (!port_link_up(port))
		json_array_append_new(arg, json_sprintf("port %s is down", port->name));
}

static json_t *problems(struct core *core)
{
	json_t *list = json_array();
	struct node_stats ns;

	esw_port_each(core->esw, problem_of_port, list);
	if (core->node) {
		node_stats(core->node, &ns);
		if (!ns.generation)
			json_array_append_new(list, json_string("no desired state yet: is softdpu-agentd running?"));
		if (ns.refused_full)
			json_array_append_new(list, json_sprintf("%lu connections were not installed: the table's limit of %lu was reached",
							    ns.refused_full, ns.capacity));
	}
	return list;
}

static json_t *node_json(struct core *core)
{
	struct node_stats ns;

	node_stats(core->node, &ns);
	return json_pack("{s:s, s:o, s:o, s:o, s:o, s:o, s:o}", "name", core->card->node.name, "generation", count(ns.generation),
		"applied_ns", count(ns.generation ? clock_now_ns() - ns.applied_ns : 0), "pods", count(ns.pods), "services",
		count(ns.services), "policies", count(ns.policies), "nodes", count(ns.nodes));
}

static int status(struct ctl_request *req, const json_t *params, json_t **result, void *arg)
{
	struct core *core = arg;
	const struct card *card = core->card;
	struct core_flow_totals flows;
	struct port_sums sums = {0};
	json_t *workers = json_array(), *r;
	char bdf[13];

	core_flow_totals(core, &flows);
	esw_port_each(core->esw, sum_port, &sums);
	for (unsigned w = 0; w < (card->worker.count ? card->worker.count : 1); w++)
		json_array_append_new(workers, worker_json(core, w));
	r = json_pack("{s:s, s:s, s:i, s:s, s:s, s:o, s:o, s:s, s:o, s:{s:o, s:o}, s:o, s:o, s:o, s:o}", "card", card->name,
		"program", core->program, "pid", (int)getpid(), "version", SOFTDPU_VERSION, "pci",
		card_bdf_format(&card->pfs[0].dpu, bdf), "profile", card->is_private ? json_null() : json_string(card->path),
		"uptime_ns", count(clock_now_ns() - core->started_ns), "cpu", cpu_level_name(), "workers", workers, "ports",
		"total", count(sums.total), "up", count(sums.up), "flows", count(flows.flows), "pipes",
		count(core_pipe_count(core)), "connections", count(core_conn_count(core)), "problems", problems(core));
	if (core->node)
		json_object_set_new(r, "node", node_json(core));
	*result = r;
	return 0;
}

static const char *kind_name(const struct card_port *cp)
{
	static const char *const names[] = {"uplink", "host", "vf", "sf"};

	return cp ? names[cp->role] : "other";
}

static json_t *offloads_json(const struct port *port)
{
	json_t *list = json_array();

	if (port->caps & (PORT_CAP_TX_TSO4 | PORT_CAP_TX_TSO6))
		json_array_append_new(list, json_string("tso"));
	if (port->caps & PORT_CAP_TX_USO)
		json_array_append_new(list, json_string("uso"));
	if (port->caps & PORT_CAP_TX_L4_CSUM)
		json_array_append_new(list, json_string("csum"));
	return list;
}

static uint64_t sum_drops(const struct esw_counts *c)
{
	uint64_t n = 0;

	for (unsigned r = 0; r < DROP_REASON_COUNT; r++)
		n += c->drops[r];
	return n;
}

static json_t *port_json(struct core *core, struct port *port)
{
	const struct card_port *cp = core_card_port(core, port->id);
	uint64_t tx_packets, tx_bytes;
	struct port_stats ps;
	struct esw_counts c;
	char where[96];
	json_t *j;

	port_stats(port, &ps);
	port_describe(port, where, sizeof(where));
	esw_stats(core->esw, port->id, &c);
	esw_stats_egress(core->esw, port->id, &tx_packets, &tx_bytes);
	j = json_pack("{s:i, s:s, s:s, s:s, s:s, s:i, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "id", port->id, "name", port->name,
		"kind", kind_name(cp), "attach", where, "link", link_name(port), "mtu", (int)port->mtu, "mac", mac_json(port->mac),
		"offloads", offloads_json(port), "rx_packets", count(c.rx), "rx_bytes", count(c.rx_bytes), "tx_packets",
		count(tx_packets), "tx_bytes", count(tx_bytes), "rx_drops", count(sum_drops(&c)), "tx_drops", count(ps.tx_errors));
	if (cp && cp->pod)
		json_object_set_new(j, "pod", json_string(cp->pod));
	return j;
}

static int ports(struct ctl_request *req, const json_t *params, json_t **result, void *arg)
{
	struct core *core = arg;
	const char *name = NULL;
	uint16_t only = FLOW_PORT_NONE;
	json_t *list;
	int err = ctl_want_string(params, "port", &name);

	if (!err && name)
		err = core_port_find(core, name, false, &only);
	if (err)
		return err;
	list = json_array();
	for (unsigned p = 0; p < ESW_PORTS_MAX; p++) {
		struct port *port = esw_port(core->esw, (uint16_t)p);

		if (port && (only == FLOW_PORT_NONE || only == p))
			json_array_append_new(list, port_json(core, port));
	}
	*result = json_pack("{s:o}", "ports", list);
	return 0;
}

static json_t *limits_json(const struct card_limits *limits)
{
	json_t *j = json_pack("{s:s}", "profile", limits->profile);

#define LIMIT_JSON(member, unit) json_object_set_new(j, #member, count(limits->member));
	CARD_LIMITS(LIMIT_JSON)
#undef LIMIT_JSON
	return j;
}

static json_t *representors_json(struct core *core, unsigned pf)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < core->card->n_ports; i++) {
		const struct card_port *cp = &core->card->ports[i];
		char bdf[13];
		json_t *j;

		if (cp->pf != pf || cp->role == CARD_UPLINK)
			continue;
		j = json_pack("{s:s, s:s, s:s, s:o}", "name", cp->name, "kind", kind_name(cp), "pci",
			card_bdf_format(&cp->bdf, bdf), "mac", mac_json(cp->mac));
		if (cp->pod)
			json_object_set_new(j, "pod", json_string(cp->pod));
		json_array_append_new(list, j);
	}
	return list;
}

static json_t *function_json(struct core *core, unsigned pf)
{
	const struct card *card = core->card;
	char name[16], dpu[13], host[13];
	const struct card_port *cp;
	struct port *port;

	snprintf(name, sizeof(name), "p%u", pf);
	cp = card_port_by_name(card, name);
	port = cp ? core->port[card_port_index(card, cp)] : NULL;
	return json_pack("{s:s, s:s, s:s, s:s, s:o, s:i, s:s, s:o}", "pci", card_bdf_format(&card->pfs[pf].dpu, dpu), "host_pci",
		card_bdf_format(&card->pfs[pf].host, host), "kind", "pf", "name", name, "mac",
		cp ? mac_json(cp->mac) : json_null(), "mtu", cp ? (int)cp->mtu : 0, "link", port ? link_name(port) : "down",
		"representors", representors_json(core, pf));
}

static int query(struct ctl_request *req, const json_t *params, json_t **result, void *arg)
{
	struct core *core = arg;
	json_t *functions = json_array();

	for (unsigned pf = 0; pf < core->card->n_pfs; pf++)
		json_array_append_new(functions, function_json(core, pf));
	*result = json_pack("{s:s, s:s, s:o, s:o, s:o, s:{s:b}}", "name", core->card->name, "version", SOFTDPU_VERSION, "profile",
		core->card->is_private ? json_null() : json_string(core->card->path), "limits",
		limits_json(&core->card->limits), "functions", functions, "libraries", "flow", 1);
	return 0;
}

int core_status_methods(struct core *core)
{
	int err = ctl_register(core->ctl, CTL_SWITCH_STATUS, status, core);

	if (!err)
		err = ctl_register(core->ctl, CTL_SWITCH_PORTS, ports, core);
	return err ? err : ctl_register(core->ctl, CTL_CARD_QUERY, query, core);
}
