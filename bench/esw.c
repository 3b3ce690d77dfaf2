/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * esw: the real path, one core, in-memory source and sink (a mempool alloc and a 64-byte copy per packet,
 * bulk free), 60-byte frames. One JSON line per case; mpps and cycles are of the thread's own CPU time,
 * cpu_share says how much of the wall it got.
 *
 *   esw [--case NAME] [--seconds S] [--flows N]
 *
 *   wire-*          source and sink alone, no switch: what the rest is to be compared with
 *   forward-1       one flow, port to port, an exact 5-tuple entry
 *   forward-100k    100,000 exact 5-tuple entries
 *   dnat-100k       and a destination rewrite each
 *   dnat-vxlan-100k and VXLAN encapsulation (IPv4 outer)
 *   ct-nat-100k     100,000 connections in the connection table, DNAT
 */
#include <getopt.h>
#include <rte_cycles.h>
#include <rte_mempool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/cpu.h"
#include "base/refuse.h"
#include "eswitch/eswitch.h"
#include "flow/pipe.h"
#include "port/eal.h"

#define SRC 0
#define DST 1
#define VNI 100

enum act { WIRE, FORWARD, DNAT, DNAT_VXLAN, CT_NAT };

static const struct bench_case {
	const char *name;
	enum act act;
	uint32_t flows;
} cases[] = {
	{"wire-1", WIRE, 1},
	{"wire-100k", WIRE, 100000},
	{"forward-1", FORWARD, 1},
	{"forward-100k", FORWARD, 100000},
	{"forward-1m", FORWARD, 1000000},
	{"dnat-100k", DNAT, 100000},
	{"dnat-vxlan-100k", DNAT_VXLAN, 100000},
	{"ct-nat-100k", CT_NAT, 100000},
};

struct rig {
	struct rte_mempool *pool;
	struct esw *esw;
	struct port *src, *dst;
	struct flow_conn_table *conns;
	uint16_t hop;
	bool wire; /* no switch between source and sink */
};

static void must(int err, const char *what)
{
	if (err >= 0)
		return;
	fprintf(stderr, "esw: %s: %s (%s)\n", what, refusal(), strerror(-err));
	exit(1);
}

static uint16_t make_hop(struct rig *rig, bool encap)
{
	struct flow_hop hop = {.port = DST, .flags = FLOW_HOP_MACS | FLOW_HOP_TTL, .mtu = 1500,
		.dmac = {2, 0, 0, 0, 0, 2}, .smac = {2, 0, 0, 0, 0, 1}};
	struct pkt_encap_config c = {.type = PKT_TUN_VXLAN, .vni = VNI, .entropy = true, .src = {192, 168, 1, 101},
		.dst = {192, 168, 1, 102}, .dst_mac = {{2, 0, 0, 0, 1, 2}}, .src_mac = {{2, 0, 0, 0, 1, 1}}};
	int index;

	if (encap) {
		hop.flags |= FLOW_HOP_ENCAP;
		must(pkt_encap_init(&hop.encap, &c), "encap");
	}
	index = flow_hop_add(esw_flow(rig->esw), &hop);
	must(index, "hop");
	return (uint16_t)index;
}

/* The frames port `mem` makes: flow i has its own source port and, beyond 60,000, source address. The key is
 * read off real packets, so the bench cannot disagree with the source about what flow i is. */
static void learn(struct rig *rig, uint32_t flows, void (*fn)(struct rig *, const struct flow_key *, uint32_t))
{
	struct rte_mbuf *m[ESW_BURST];
	struct pkt_parse parse[ESW_BURST];
	struct flow_pkt_meta meta[ESW_BURST];
	static struct flow_key key[ESW_BURST];

	for (uint32_t i = 0; i < flows;) {
		unsigned n = port_rx(rig->src, 0, m, (uint16_t)MIN_OF(flows - i, (uint32_t)ESW_BURST));

		memset(meta, 0, sizeof(meta));
		pkt_parse_burst(m, parse, n);
		flow_key_build(m, parse, meta, key, n, 1);
		for (unsigned k = 0; k < n; k++)
			fn(rig, &key[k], i + k);
		rte_pktmbuf_free_bulk(m, n);
		i += n;
	}
}

static void add_conn(struct rig *rig, const struct flow_key *key, uint32_t i)
{
	struct conn_spec spec = {.in_port = {SRC, DST}, .tcp_flags = 0x02};
	conn_ref ref;
	int err;

	if (!conn_key_from(key, false, 0, &spec.key[0]))
		must(refuse(EINVAL, "flow %u has no connection key", i), "conn");
	spec.key[1] = spec.key[0];
	memcpy(spec.key[1].dst, spec.key[0].src, 16);
	spec.key[1].dport = spec.key[0].sport;
	memcpy(spec.key[1].src, (uint8_t[16]){10, 244, 2, (uint8_t)(3 + i % 3)}, 16);
	spec.key[1].sport = rte_cpu_to_be_16(8080);
	spec.rewrite[0].flags = FLOW_RW_DST_IP | FLOW_RW_DST_PORT;
	spec.rewrite[0].hop = spec.rewrite[1].hop = rig->hop;
	memcpy(spec.rewrite[0].dst, spec.key[1].src, 16);
	spec.rewrite[0].dport = spec.key[1].sport;
	spec.rewrite[1].flags = FLOW_RW_SRC_IP | FLOW_RW_SRC_PORT;
	memcpy(spec.rewrite[1].src, spec.key[0].dst, 16);
	spec.rewrite[1].sport = spec.key[0].dport;
	err = conn_add(rig->conns, 0, &spec, clock_now_ns(), &ref);
	must(err, "connection");
}

static struct flow_pipe *the_pipe;
static enum act the_act;

static void add_entry(struct rig *rig, const struct flow_key *key, uint32_t i)
{
	struct flow_entry_spec spec = {.count = true, .fwd = {.kind = FLOW_FWD_HOP, .port = rig->hop}};
	struct flow_entry *entry;
	uint8_t data[8];

	spec.match.value = *key;
	if (the_act != FORWARD) {
		memcpy(data, (uint8_t[4]){10, 244, 2, (uint8_t)(3 + i % 3)}, 4);
		memcpy(data + 4, (uint8_t[2]){8080 >> 8, 8080 & 255}, 2);
		spec.data = data;
	}
	must(flow_entry_add(the_pipe, &spec, &entry), "entry");
}

static void five_tuple(struct flow_key *mask)
{
	memset(mask->hot.src, 0xff, 16);
	memset(mask->hot.dst, 0xff, 16);
	mask->hot.sport = mask->hot.dport = 0xffff;
	mask->hot.proto = 0xff;
	mask->hot.shape = FLOW_SHAPE_L3 | FLOW_SHAPE_L4;
}

static void make_pipe(struct rig *rig, const struct bench_case *bc, uint32_t flows)
{
	int dst_ip = flow_field_find("outer.ipv4.dst_ip"), dst_port = flow_field_find("outer.udp.dst_port");
	static uint8_t data[12], hole[12];
	struct flow_op ops[2];
	struct flow_action_template t = {.nr_ops = 2, .ops = ops, .data_len = sizeof(data), .data = data, .hole = hole};
	struct flow_pipe_cfg cfg = {.name = "bench", .kind = FLOW_PIPE_EXACT, .root = true, .port = SRC, .nr_entries = flows,
		.miss = {.kind = FLOW_FWD_DROP}, .entry_counters = true};

	five_tuple(&cfg.match.mask);
	cfg.entry_mask = cfg.match.mask;
	must(dst_ip, "field");
	must(dst_port, "field");
	if (bc->act != FORWARD) {
		/* per op: value, then mask; entries fill the values */
		ops[0] = (struct flow_op){.code = FLOW_OP_SET, .width = 32, .field = (uint16_t)dst_ip, .data = 0};
		ops[1] = (struct flow_op){.code = FLOW_OP_SET, .width = 16, .field = (uint16_t)dst_port, .data = 8};
		memset(data + 4, 0xff, 4);
		memset(data + 10, 0xff, 2);
		memset(hole, 0xff, 4);
		memset(hole + 8, 0xff, 2);
		cfg.nr_templates = 1;
		cfg.templates = &t;
	}
	must(flow_pipe_create(esw_flow(rig->esw), &cfg, &the_pipe), "pipe");
	the_act = bc->act;
	learn(rig, flows, add_entry);
}

static void make_ct(struct rig *rig, uint32_t flows)
{
	struct conn_table_cfg cc = {.capacity = flows + 1024, .timeouts = conn_timeouts_default, .nr_workers = 1};
	struct flow_pipe_cfg cfg = {.name = "ct", .kind = FLOW_PIPE_CT, .root = true, .port = SRC,
		.miss = {.kind = FLOW_FWD_DROP}};

	must(conn_table_create(esw_flow(rig->esw), &cc, &rig->conns), "connection table");
	cfg.conns = rig->conns;
	must(flow_pipe_create(esw_flow(rig->esw), &cfg, &the_pipe), "pipe");
	learn(rig, flows, add_conn);
}

static void open_port(struct rig *rig, const char *name, uint16_t id, const struct card_attach *attach, struct port **port)
{
	struct port_cfg cfg = {.id = id, .name = name, .mtu = 1500, .pool = rig->pool};

	must(port_open(&cfg, attach, port), name);
	must(esw_port_add(rig->esw, *port), name);
}

static void rig_up(struct rig *rig, const struct bench_case *bc, uint32_t flows)
{
	struct card_attach mem = {.kind = CARD_ATTACH_MEM,
		.frames = {.flows = flows, .size = 60, .proto = 17}};
	struct card_attach sink = {.kind = CARD_ATTACH_MEM, .frames = {.flows = 1, .size = 60}};
	struct esw_cfg cfg = {.name = "bench", .nr_workers = 1, .pool = rig->pool, .cache_entries = flows * 2 + 1024};

	must(esw_create(&cfg, &rig->esw), "switch");
	open_port(rig, "src", SRC, &mem, &rig->src);
	open_port(rig, "dst", DST, &sink, &rig->dst);
	rig->hop = make_hop(rig, bc->act == DNAT_VXLAN);
	rig->wire = bc->act == WIRE;
	if (bc->act == CT_NAT)
		make_ct(rig, flows);
	else if (!rig->wire)
		make_pipe(rig, bc, flows);
}

static void rig_down(struct rig *rig)
{
	flow_pipe_destroy(the_pipe);
	the_pipe = NULL;
	conn_table_destroy(rig->conns);
	rig->conns = NULL;
	esw_port_remove(rig->esw, SRC);
	esw_port_remove(rig->esw, DST);
	port_close(rig->src);
	port_close(rig->dst);
	esw_destroy(rig->esw);
}

/* What the worker does, less the wait: receive from the source, the burst, flush. */
static uint64_t run_for(struct rig *rig, uint64_t packets_wanted, uint64_t ns)
{
	uint64_t start = clock_now_ns(), now = start, packets = 0;
	struct rte_mbuf *m[ESW_BURST];

	while (packets < packets_wanted || (ns && now - start < ns)) {
		now = clock_now_ns();
		for (unsigned k = 0; k < 64; k++) {
			uint16_t n = port_rx(rig->src, 0, m, ESW_BURST);

			packets += n;
			if (rig->wire) {
				port_tx(rig->dst, 0, m, n);
				continue;
			}
			esw_burst(rig->esw, 0, SRC, m, n, now);
			esw_flush(rig->esw, 0);
		}
	}
	return packets;
}

/* Time this thread really ran: what the path costs on a machine that is busy with other things. */
static uint64_t thread_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (uint64_t)ts.tv_sec * NS_PER_SEC + (uint64_t)ts.tv_nsec;
}

static void run_case(struct rig *rig, const struct bench_case *bc, uint32_t flows, double seconds)
{
	struct esw_counts before, after;
	uint64_t packets, ns, cpu_ns;
	double mpps;

	rig_up(rig, bc, flows);
	run_for(rig, 4ull * flows + 100000, 0); /* the cache fills */
	flow_settle(esw_flow(rig->esw)); /* as a card's keeper does every second */
	if (rig->conns)
		conn_table_settle(rig->conns);
	esw_stats(rig->esw, FLOW_PORT_NONE, &before);
	ns = clock_now_ns();
	cpu_ns = thread_ns();
	packets = run_for(rig, 0, (uint64_t)(seconds * 1e9));
	cpu_ns = thread_ns() - cpu_ns;
	ns = clock_now_ns() - ns;
	esw_stats(rig->esw, FLOW_PORT_NONE, &after);
	mpps = (double)packets * 1e3 / (double)cpu_ns;
	printf("{\"bench\": \"esw\", \"case\": \"%s\", \"flows\": %u, \"mpps\": %.2f, \"cpu_share\": %.2f, \"cycles_per_packet\": %.1f, \"delivered\": %.4f, "
	       "\"cache_hits\": %.4f, \"cpu\": \"%s\", \"hugepages\": %s}\n",
		bc->name, flows, mpps, (double)cpu_ns / (double)ns, (double)cpu_ns * (double)rte_get_tsc_hz() / 1e9 / (double)packets, (double)(after.tx - before.tx) / (double)packets,
		(double)(after.cache_hits - before.cache_hits) / (double)packets, cpu_level_name(),
		port_eal_hugepages() ? "true" : "false");
	fflush(stdout);
	if (!rig->wire && after.tx - before.tx != packets) {
		fprintf(stderr, "esw: case %s lost packets: sent %lu of %lu\n", bc->name, after.tx - before.tx, packets);
		exit(1);
	}
	must(esw_stats_check(rig->esw), "accounting");
	rig_down(rig);
}

int main(int argc, char **argv)
{
	static const struct option longs[] = {{"case", required_argument, NULL, 'c'}, {"seconds", required_argument, NULL, 's'},
		{"flows", required_argument, NULL, 'f'}, {"help", no_argument, NULL, 'h'}, {NULL, 0, NULL, 0}};
	struct port_eal_cfg eal = {.prefix = "bench-esw", .memory_mb = 512};
	const char *only = NULL;
	double seconds = 1.0;
	uint32_t flows = 0;
	struct rig rig = {0};
	int c;

	while ((c = getopt_long(argc, argv, "c:s:f:h", longs, NULL)) != -1) {
		if (c == 'c')
			only = optarg;
		else if (c == 's')
			seconds = atof(optarg);
		else if (c == 'f')
			flows = (uint32_t)strtoul(optarg, NULL, 10);
		else {
			printf("usage: esw [--case NAME] [--seconds S] [--flows N]\n");
			return c == 'h' ? 0 : 2;
		}
	}
	must(port_eal_start(&eal), "EAL");
	must(port_eal_thread_enter(), "thread");
	rig.pool = port_pool_create("bench", 65536);
	if (!rig.pool)
		must(-ENOMEM, "pool");
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		if (!only || !strcmp(only, cases[i].name))
			run_case(&rig, &cases[i], flows ? flows : cases[i].flows, seconds);
	port_pool_destroy(rig.pool);
	port_eal_thread_leave();
	port_eal_stop();
	return 0;
}
