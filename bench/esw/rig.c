/* SPDX-License-Identifier: BSD-3-Clause */
#include "rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/refuse.h"
#include "node/node.h"
#include "packet/packet.h"

#define MTU 1600 /* room for the tunnel around 1500 */

const uint8_t rig_mac_router[6] = {2, 0, 0, 0, 0, 1}, rig_mac_dst[6] = {2, 0, 0, 0, 0, 2};

void must(int err, const char *what)
{
	if (err >= 0)
		return;
	fprintf(stderr, "esw: %s: %s (%s)\n", what, refusal(), strerror(-err));
	exit(1);
}

/* ---- ports and hops ---- */

static struct port *open_port(struct rig *rig, uint16_t id, const char *name, const uint8_t mac[6],
	const struct card_frames *frames)
{
	struct card_attach attach = {.kind = CARD_ATTACH_MEM, .frames = *frames};
	struct port_cfg cfg = {.id = id, .name = name, .mtu = MTU, .pool = rig->pool};
	struct port *port;

	cfg.rx_queues = cfg.tx_queues = (uint16_t)rig->workers;
	memcpy(cfg.mac, mac, 6);
	must(port_open(&cfg, &attach, &port), name);
	must(esw_port_add(rig->esw, port), name);
	return port;
}

/* A sink is port `mem` that gives nothing, with somebody who may look on. */
static struct rig *watched;
static const struct port_ops *sink_ops;

static uint16_t watched_tx(struct port *port, unsigned queue, struct rte_mbuf **m, uint16_t n)
{
	if (unlikely(watched->watch != NULL))
		for (unsigned i = 0; i < watched->n_sinks; i++)
			if (watched->sink[i] == port)
				watched->watch(watched, i, m, n);
	return sink_ops->tx(port, queue, m, n);
}

static uint16_t nothing_rx(struct port *port, unsigned queue, struct rte_mbuf **m, uint16_t n)
{
	return 0;
}

void rig_add_sink(struct rig *rig, uint16_t id, const char *name, const uint8_t mac[6])
{
	static struct port_ops ops;
	const struct card_frames unused = {.flows = 1};
	struct port *port = open_port(rig, id, name, mac, &unused);

	if (port->ops != &ops)
		sink_ops = port->ops;
	ops = *sink_ops;
	ops.rx = nothing_rx;
	ops.tx = watched_tx;
	port->ops = &ops;
	watched = rig;
	rig->sink[rig->n_sinks++] = port;
}

uint16_t rig_hop(struct rig *rig, bool encap)
{
	struct flow_hop hop = {.port = DST, .flags = FLOW_HOP_MACS | FLOW_HOP_TTL, .mtu = MTU};
	struct pkt_encap_config c = {.type = PKT_TUN_VXLAN,
		.vni = VNI,
		.entropy = true,
		.src = {192, 168, 1, 101},
		.dst = {192, 168, 1, 102},
		.dst_mac = {{2, 0, 0, 0, 1, 2}},
		.src_mac = {{2, 0, 0, 0, 1, 1}}};
	int index;

	memcpy(hop.dmac, rig_mac_dst, 6);
	memcpy(hop.smac, rig_mac_router, 6);
	if (encap) {
		hop.flags |= FLOW_HOP_ENCAP;
		must(pkt_encap_init(&hop.encap, &c), "encap");
	}
	index = flow_hop_add(esw_flow(rig->esw), &hop);
	must(index, "hop");
	return (uint16_t)index;
}

/* ---- up and down ---- */

void rig_up(struct rig *rig, const struct bench_case *what)
{
	struct esw_cfg cfg = {.name = "bench",
		.nr_workers = rig->workers,
		.pool = rig->pool,
		.cache_entries = what->cache_entries ? what->cache_entries : rig->flows * 2 + 1024};
	struct card_frames frames = what->frames;

	rig->what = what;
	rig->now_ns = NS_PER_SEC;
	frames.flows = rig->flows;
	must(esw_create(&cfg, &rig->esw), "switch");
	rig->src = open_port(rig, SRC, "src", rig_mac_router, &frames);
	what->up(rig);
	if (!rig->n_sinks)
		rig_add_sink(rig, DST, "dst", rig_mac_dst);
	for (unsigned w = 0; w < rig->workers; w++)
		rig->shape[w].fresh = what->fresh;
}

void rig_down(struct rig *rig)
{
	for (unsigned i = 0; i < ARRAY_SIZE(rig->pipe); i++)
		flow_pipe_destroy(rig->pipe[i]);
	node_destroy(rig->node);
	conn_table_destroy(rig->conns);
	esw_destroy(rig->esw);
	port_close(rig->src);
	for (unsigned i = 0; i < rig->n_sinks; i++)
		port_close(rig->sink[i]);
}

void rig_learn(struct rig *rig, void (*fn)(struct rig *, const struct flow_key *, uint32_t))
{
	struct rte_mbuf *m[ESW_BURST];
	struct pkt_parse parse[ESW_BURST];
	struct flow_pkt_meta meta[ESW_BURST];
	static struct flow_key key[ESW_BURST];

	for (uint32_t i = 0; i < rig->flows;) {
		unsigned n = port_rx(rig->src, 0, m, (uint16_t)MIN_OF(rig->flows - i, (uint32_t)ESW_BURST));

		memset(meta, 0, sizeof(meta));
		for (unsigned k = 0; rig->what->frames.vni && k < n; k++)
			rte_pktmbuf_adj(m[k], 50);
		pkt_parse_burst(m, parse, n);
		flow_key_build(m, parse, meta, key, n, 1);
		for (unsigned k = 0; k < n; k++)
			fn(rig, &key[k], i + k);
		rte_pktmbuf_free_bulk(m, n);
		i += n;
	}
}

/* ---- running ---- */

/* The switch's own tick, which would also receive: not from a source that is down. */
static void tick(struct rig *rig, unsigned worker, uint64_t now)
{
	port_set_up(rig->src, false);
	esw_poll(rig->esw, worker, now);
	port_set_up(rig->src, true);
}

uint16_t rig_take(struct rig *rig, unsigned worker, struct rte_mbuf **m, uint16_t n)
{
	n = shape_rx(&rig->shape[worker], rig->src, worker, m, n);
	if (!worker)
		rig->taken += n;
	return n;
}

/* What a worker does, less the wait. */
static uint16_t one_burst(struct rig *rig, unsigned worker, uint64_t now)
{
	struct rte_mbuf *m[ESW_BURST];
	uint16_t n = rig_take(rig, worker, m, ESW_BURST);

	if (rig->wire) {
		port_tx(rig->sink[0], worker, m, n);
		return n;
	}
	esw_burst(rig->esw, worker, SRC, m, n, now);
	esw_flush(rig->esw, worker);
	return n;
}

uint64_t rig_run(struct rig *rig, unsigned worker, uint64_t packets, uint64_t ns)
{
	uint64_t start = clock_now_ns(), real = start, step = rig->what->step_ns, done = 0;

	while (done < packets || (ns && real - start < ns)) {
		real = clock_now_ns();
		for (unsigned k = 0; k < 64; k++) {
			uint16_t n = one_burst(rig, worker, step ? rig->now_ns : real);

			done += n;
			if (step)
				rig->now_ns += n * step;
		}
		if (rig->workers == 1 && !rig->wire)
			tick(rig, worker, step ? rig->now_ns : real);
	}
	return done;
}
