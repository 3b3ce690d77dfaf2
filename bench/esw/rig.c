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

static const uint8_t mac_router[6] = {2, 0, 0, 0, 0, 1}, mac_dst[6] = {2, 0, 0, 0, 0, 2};

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

	memcpy(cfg.mac, mac, 6);
	must(port_open(&cfg, &attach, &port), name);
	must(esw_port_add(rig->esw, port), name);
	return port;
}

void rig_add_sink(struct rig *rig, uint16_t id, const char *name, const uint8_t mac[6])
{
	const struct card_frames unused = {.flows = 1};

	rig->sink[rig->n_sinks++] = open_port(rig, id, name, mac, &unused);
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

	memcpy(hop.dmac, mac_dst, 6);
	memcpy(hop.smac, mac_router, 6);
	if (encap) {
		hop.flags |= FLOW_HOP_ENCAP;
		must(pkt_encap_init(&hop.encap, &c), "encap");
	}
	index = flow_hop_add(esw_flow(rig->esw), &hop);
	must(index, "hop");
	return (uint16_t)index;
}

/* ---- up and down ---- */

void rig_up(struct rig *rig, const struct bench_case *what, uint32_t flows, uint32_t steps)
{
	struct esw_cfg cfg = {.name = "bench",
		.nr_workers = 1,
		.pool = rig->pool,
		.cache_entries = what->cache_entries ? what->cache_entries : flows * 2 + 1024};
	struct card_frames frames = what->frames;

	*rig = (struct rig){.what = what, .flows = flows, .steps = steps, .pool = rig->pool};
	frames.flows = flows;
	must(esw_create(&cfg, &rig->esw), "switch");
	rig->src = open_port(rig, SRC, "src", mac_router, &frames);
	what->up(rig);
	if (!rig->n_sinks)
		rig_add_sink(rig, DST, "dst", mac_dst);
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

uint64_t rig_run(struct rig *rig, uint64_t packets, uint64_t ns)
{
	uint64_t start = clock_now_ns(), now = start, done = 0;
	struct rte_mbuf *m[ESW_BURST];

	while (done < packets || (ns && now - start < ns)) {
		now = clock_now_ns();
		for (unsigned k = 0; k < 64; k++) { /* what a worker does, less the wait */
			uint16_t n = port_rx(rig->src, 0, m, ESW_BURST);

			done += n;
			if (rig->wire) {
				port_tx(rig->sink[0], 0, m, n);
				continue;
			}
			esw_burst(rig->esw, 0, SRC, m, n, now);
			esw_flush(rig->esw, 0);
		}
	}
	return done;
}
