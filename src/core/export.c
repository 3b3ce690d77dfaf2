/* SPDX-License-Identifier: BSD-3-Clause */
/* export: the switch as Prometheus text. */
#include <stdlib.h>

#include "base/hist.h"
#include "core/core_int.h"

static void port_family(struct metrics_out *out, struct core *core, const char *name, const char *help, size_t offset)
{
	metrics_family(out, name, METRICS_COUNTER, help);
	for (unsigned p = 0; p < ESW_PORTS_MAX; p++) {
		const struct port *port = esw_port(core->esw, (uint16_t)p);
		struct esw_counts c;

		if (!port)
			continue;
		esw_stats(core->esw, (uint16_t)p, &c);
		metrics_count(out, *(uint64_t *)((char *)&c + offset), "port", port->name, NULL);
	}
}

static void egress_family(struct metrics_out *out, struct core *core, const char *name, const char *help, bool bytes)
{
	metrics_family(out, name, METRICS_COUNTER, help);
	for (unsigned p = 0; p < ESW_PORTS_MAX; p++) {
		const struct port *port = esw_port(core->esw, (uint16_t)p);
		uint64_t n_packets, n_bytes;

		if (!port)
			continue;
		esw_stats_egress(core->esw, (uint16_t)p, &n_packets, &n_bytes);
		metrics_count(out, bytes ? n_bytes : n_packets, "port", port->name, NULL);
	}
}

static void drops_family(struct metrics_out *out, struct core *core)
{
	metrics_family(out, "softdpu_drops_total", METRICS_COUNTER, "Packets dropped, by ingress port and reason");
	for (unsigned p = 0; p < ESW_PORTS_MAX; p++) {
		const struct port *port = esw_port(core->esw, (uint16_t)p);
		struct esw_counts c;

		if (!port)
			continue;
		esw_stats(core->esw, (uint16_t)p, &c);
		for (unsigned r = 1; r < DROP_REASON_COUNT; r++)
			if (c.drops[r])
				metrics_count(out, c.drops[r], "port", port->name, "reason", drop_name(r), NULL);
	}
}

static void flow_families(struct metrics_out *out, struct core *core)
{
	struct core_flow_totals t;

	core_flow_totals(core, &t);
	metrics_family(out, "softdpu_flows", METRICS_GAUGE, "Flows by where they run");
	metrics_count(out, t.offloaded, "path", "table", NULL);
	metrics_count(out, t.software, "path", "software", NULL);
	metrics_family(out, "softdpu_packets_total", METRICS_COUNTER, "Packets by who decided them");
	metrics_count(out, t.packets_offloaded, "path", "table", NULL);
	metrics_count(out, t.packets_software, "path", "software", NULL);
	metrics_family(out, "softdpu_flow_insertions_total", METRICS_COUNTER, "Flows installed");
	metrics_count(out, t.insertions, NULL);
}

static void latency_family(struct metrics_out *out, struct core *core)
{
	struct hist *first = calloc(2, sizeof(*first));

	if (!first)
		return;
	esw_latency(core->esw, &first[0], &first[1]);
	metrics_family(out, "softdpu_packet_seconds", METRICS_HISTOGRAM, "From receive to the transmit buffer");
	metrics_histogram(out, &first[0], "path", "software", NULL);
	metrics_histogram(out, &first[1], "path", "table", NULL);
	free(first);
}

void core_export(struct metrics_out *out, void *arg)
{
	struct core *core = arg;

	port_family(out, core, "softdpu_port_rx_packets_total", "Packets received by the port", offsetof(struct esw_counts, rx));
	port_family(out, core, "softdpu_port_rx_bytes_total", "Bytes received by the port", offsetof(struct esw_counts, rx_bytes));
	egress_family(out, core, "softdpu_port_tx_packets_total", "Packets sent by the port", false);
	egress_family(out, core, "softdpu_port_tx_bytes_total", "Bytes sent by the port", true);
	port_family(out, core, "softdpu_upcalls_total", "Packets handed to the flow-miss decision",
		offsetof(struct esw_counts, upcalls));
	drops_family(out, core);
	flow_families(out, core);
	latency_family(out, core);
}
