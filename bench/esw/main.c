/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bench-esw: the real path, one core, in-memory source and sink (a mempool alloc and a copy per packet, bulk
 * free), frames of 60 bytes unless said. One JSON line per case; mpps and cycles are of the thread's own CPU
 * time, cpu_share says how much of the wall it got. Hugepages are used when there are enough.
 *
 *   bench-esw [--case NAME] [--seconds S] [--flows N] [--steps N] [--list] [--acl]
 *
 *   wire-*            source and sink alone, no switch: what the rest is to be compared with
 *   forward-*         an exact 5-tuple entry per flow, port to port
 *   dnat-*            and a destination rewrite each, MACs and TTL like a router; imix, 1500: these sizes
 *   dnat-vxlan-*      and VXLAN encapsulation (IPv4 outer)
 *   decap-unnat-*     VXLAN decapsulation, then a source rewrite
 *   ct-nat-*          connections in the connection table, DNAT
 *   service-*         a node's Service with client affinity: guard, connections, DNAT to local pods
 *   chain             --steps pipes one behind the other, 1 to 8 (bench/plots.py)
 *   masks             --steps wildcard rules of as many masks, hardly a cache hit
 *   acl-10k-1m        10,000 rules with prefixes and port ranges, a million flows, hardly a cache hit
 */
#include <getopt.h>
#include <rte_cycles.h>
#include <rte_mempool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/cpu.h"
#include "port/eal.h"
#include "rig.h"

#define UDP {.proto = 17}
#define GATEWAY_MAC {2, 0x5d, 0x70, 0, 0, 1} /* the node's, towards pods */
#define SIZE(n) {.proto = 17, .size = (n)}

static const struct bench_case cases[] = {
	{"wire-1", up_wire, 1, UDP},
	{"wire-100k", up_wire, 100000, UDP},
	{"forward-1", up_forward, 1, UDP},
	{"forward-100k", up_forward, 100000, UDP},
	{"forward-1m", up_forward, 1000000, UDP},
	{"dnat-100k", up_dnat, 100000, UDP},
	{"dnat-vxlan-100k", up_dnat_vxlan, 100000, UDP},
	{"dnat-vxlan-100k-1500", up_dnat_vxlan, 100000, SIZE(1514)},
	{"dnat-vxlan-100k-imix", up_dnat_vxlan, 100000, {.proto = 17, .imix = true}},
	{"decap-unnat-100k", up_decap, 100000, {.proto = 17, .vni = VNI, .replies = true}},
	{"ct-nat-100k", up_conns, 100000, UDP},
	{"service-100k", up_service, 100000,
		{.proto = 17, .src = {10, 244, 1, 10}, .dst = {10, 96, 0, 100}, .src_mac = {2, 0, 0, 0, 0, 1}, .dst_mac = GATEWAY_MAC,
			.fan_out = true}},
	{"chain", up_chain, 1000, UDP},
	{"masks", up_masks, 1000000, {.proto = 17, .scatter = true}, .cache_entries = 1024},
	{"acl-10k-1m", up_acl, 1000000,
		{.proto = 17, .src = {10, 0, 0, 0}, .dst = {10, 255, 0, 0}, .scatter = true}, .cache_entries = 1024},
};

/* Time this thread really ran: what the path costs on a machine that is busy with other things. */
static uint64_t thread_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (uint64_t)ts.tv_sec * NS_PER_SEC + (uint64_t)ts.tv_nsec;
}

struct measured {
	uint64_t packets, cpu_ns, wall_ns;
	struct esw_counts before, after;
};

static void tell_loss(const struct rig *rig, const struct measured *m)
{
	fprintf(stderr, "esw: case %s lost packets: sent %lu of %lu\n", rig->what->name, m->after.tx - m->before.tx,
		m->packets);
	for (unsigned r = 0; r < DROP_REASON_COUNT; r++)
		if (m->after.drops[r] > m->before.drops[r])
			fprintf(stderr, "esw: %lu %s\n", m->after.drops[r] - m->before.drops[r], drop_name(r));
}

static void report(const struct rig *rig, const struct measured *m)
{
	double packets = (double)m->packets, cpu = (double)m->cpu_ns;

	printf("{\"bench\": \"esw\", \"case\": \"%s\", \"flows\": %u, \"steps\": %u, \"mpps\": %.2f, \"cpu_share\": %.2f, "
	       "\"cycles_per_packet\": %.1f, \"delivered\": %.4f, \"cache_hits\": %.4f, \"cpu\": \"%s\", "
	       "\"hugepages\": %s}\n",
		rig->what->name, rig->flows, rig->steps, packets * 1e3 / cpu, cpu / (double)m->wall_ns,
		cpu * (double)rte_get_tsc_hz() / 1e9 / packets, (double)(m->after.tx - m->before.tx) / packets,
		(double)(m->after.cache_hits - m->before.cache_hits) / packets, cpu_level_name(),
		port_eal_hugepages() ? "true" : "false");
	fflush(stdout);
	if (!rig->wire && m->after.tx - m->before.tx != m->packets) {
		tell_loss(rig, m);
		exit(1);
	}
}

struct options {
	const char *only;
	double seconds;
	uint32_t flows, steps;
};

static void run_case(struct rig *rig, const struct bench_case *what, uint32_t flows, const struct options *o)
{
	struct measured m;

	rig_up(rig, what, flows, o->steps);
	/* the cache fills; where it is kept small there is nothing to fill */
	rig_run(rig, what->cache_entries ? 100000 : 4ull * flows + 100000, 0);
	flow_settle(esw_flow(rig->esw));        /* as a card's keeper does every second */
	if (rig->conns)
		conn_table_settle(rig->conns);
	esw_stats(rig->esw, FLOW_PORT_NONE, &m.before);
	m.wall_ns = clock_now_ns();
	m.cpu_ns = thread_ns();
	m.packets = rig_run(rig, 0, (uint64_t)(o->seconds * 1e9));
	m.cpu_ns = thread_ns() - m.cpu_ns;
	m.wall_ns = clock_now_ns() - m.wall_ns;
	esw_stats(rig->esw, FLOW_PORT_NONE, &m.after);
	report(rig, &m);
	must(esw_stats_check(rig->esw), "accounting");
	rig_down(rig);
}

static void list(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		puts(cases[i].name);
}

/* -1: go on, else the exit status. */
static int parse(int argc, char **argv, struct options *o)
{
	static const struct option longs[] = {{"case", required_argument, NULL, 'c'},
		{"seconds", required_argument, NULL, 's'}, {"flows", required_argument, NULL, 'f'},
		{"steps", required_argument, NULL, 'n'}, {"list", no_argument, NULL, 'l'}, {"acl", no_argument, NULL, 'a'}, {"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0}};
	int c;

	while ((c = getopt_long(argc, argv, "c:s:f:n:lah", longs, NULL)) != -1)
		switch (c) {
		case 'c':
			o->only = optarg;
			break;
		case 's':
			o->seconds = atof(optarg);
			break;
		case 'f':
			o->flows = (uint32_t)strtoul(optarg, NULL, 10);
			break;
		case 'n':
			o->steps = (uint32_t)strtoul(optarg, NULL, 10);
			break;
		case 'l':
			list();
			return 0;
		case 'a':
			print_acl_openflow();
			return 0;
		default:
			printf("usage: bench-esw [--case NAME] [--seconds S] [--flows N] [--steps N] [--list] [--acl]\n");
			return c == 'h' ? 0 : 2;
		}
	return -1;
}

int main(int argc, char **argv)
{
	struct port_eal_cfg eal = {.prefix = "bench-esw", .memory_mb = 512};
	struct options o = {.seconds = 1.0, .steps = 1};
	struct rte_mempool *pool;
	struct rig rig;
	int status = parse(argc, argv, &o);

	if (status >= 0)
		return status;
	must(port_eal_start(&eal), "EAL");
	must(port_eal_thread_enter(), "thread");
	pool = port_pool_create("bench", 65536);
	must(pool ? 0 : -ENOMEM, "pool");
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		rig.pool = pool;
		if (!o.only || !strcmp(o.only, cases[i].name))
			run_case(&rig, &cases[i], o.flows ? o.flows : cases[i].flows, &o);
	}
	port_pool_destroy(pool);
	port_eal_thread_leave();
	port_eal_stop();
	return 0;
}
