/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bench-esw: the real path, one core, in-memory source and sink (a mempool alloc and a copy of the headers per
 * packet, bulk free), frames of 60 bytes unless said. One JSON line per case; mpps and cycles are of the thread's own CPU
 * time, cpu_share says how much of the wall it got. Hugepages are used when there are enough.
 *
 *   bench-esw [--case NAME] [--seconds S] [--flows N] [--steps N] [--workers N] [--rate PPS] [--list] [--acl]
 *
 * --workers: so many cores, from core 0 on, share the switch. --rate: packets arrive by the clock (UDP cases); the
 * line tells latency. After each measurement some thousand packets are compared with what the case promises, byte
 * for byte (check.c).
 *
 *   wire-*            source and sink alone, no switch: what the rest is to be compared with
 *   forward-*         an exact 5-tuple entry per flow, port to port
 *   dnat-*            and a destination rewrite each, MACs and TTL like a router; imix, 1500: these sizes
 *   dnat-vxlan-*      and VXLAN encapsulation (IPv4 outer)
 *   decap-unnat-*     VXLAN decapsulation, then a source rewrite
 *   ct-nat-*          connections in the connection table, DNAT
 *   service-*         a node's Service with client affinity: guard, connections, DNAT to local pods
 *   mix-100k          a node's Services: 80% of the packets on 100,000 connections, 20% begin one; aging keeps up
 *   chain             --steps pipes one behind the other, 1 to 8 (bench/plots.py)
 *   masks             --steps wildcard rules of as many masks, hardly a cache hit
 *   acl-10k-1m        10,000 rules with prefixes and port ranges, a million flows, hardly a cache hit
 */
#include <getopt.h>
#include <rte_mempool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/refuse.h"
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
	{"dnat-100k", up_dnat, 100000, UDP, .want = want_dnat},
	{"dnat-vxlan-100k", up_dnat_vxlan, 100000, UDP, .want = want_dnat_vxlan},
	{"dnat-vxlan-100k-1500", up_dnat_vxlan, 100000, SIZE(1514), .want = want_dnat_vxlan},
	{"dnat-vxlan-100k-imix", up_dnat_vxlan, 100000, {.proto = 17, .imix = true}, .want = want_dnat_vxlan},
	{"decap-unnat-100k", up_decap, 100000, {.proto = 17, .vni = VNI, .replies = true}, .want = want_unnat},
	{"ct-nat-100k", up_conns, 100000, UDP, .want = want_dnat},
	{"service-100k", up_service, 100000,
		{.proto = 17, .src = {10, 244, 1, 10}, .dst = {10, 96, 0, 100}, .src_mac = {2, 0, 0, 0, 0, 1}, .dst_mac = GATEWAY_MAC,
			.fan_out = true},
		.want = want_backend},
	{"mix-100k", up_mix, 100000,
		{.proto = 17, .src = {10, 244, 1, 10}, .dst = {10, 96, 0, 100}, .dport = MIX_SERVICE_PORT, .src_mac = {2, 0, 0, 0, 0, 1},
			.dst_mac = GATEWAY_MAC, .fan_out = true},
		.want = want_backend, .fresh = 20, .step_ns = MIX_STEP_NS},
	{"chain", up_chain, 1000, UDP},
	{"masks", up_masks, 1000000, {.proto = 17, .scatter = true}, .cache_entries = 1024},
	{"acl-10k-1m", up_acl, 1000000,
		{.proto = 17, .src = {10, 0, 0, 0}, .dst = {10, 255, 0, 0}, .scatter = true}, .cache_entries = 1024,
		.want = want_rule, .tally = tally_rules},
};

struct options {
	const char *only;
	double seconds, rate;
	uint32_t flows, steps;
	unsigned workers;
};

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
		{"steps", required_argument, NULL, 'n'}, {"workers", required_argument, NULL, 'w'},
		{"rate", required_argument, NULL, 'r'}, {"list", no_argument, NULL, 'l'}, {"acl", no_argument, NULL, 'a'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0}};
	int c;

	while ((c = getopt_long(argc, argv, "c:s:f:n:w:r:lah", longs, NULL)) != -1)
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
		case 'w':
			o->workers = (unsigned)strtoul(optarg, NULL, 10);
			break;
		case 'r':
			o->rate = atof(optarg);
			break;
		case 'l':
			list();
			return 0;
		case 'a':
			print_acl_openflow();
			return 0;
		default:
			printf("usage: bench-esw [--case NAME] [--seconds S] [--flows N] [--steps N] [--workers N] [--rate PPS] [--list] [--acl]\n");
			return c == 'h' ? 0 : 2;
		}
	return -1;
}

static void run_case(struct rte_mempool *pool, const struct bench_case *what, const struct options *o)
{
	static struct rig rig;

	rig = (struct rig){.pool = pool, .flows = o->flows ? o->flows : what->flows, .steps = o->steps, .workers = o->workers};
	measure(&rig, what, o->seconds, o->rate);
}

int main(int argc, char **argv)
{
	struct port_eal_cfg eal = {.prefix = "bench-esw", .memory_mb = 512};
	struct options o = {.seconds = 1.0, .steps = 1, .workers = 1};
	struct rte_mempool *pool;
	int status = parse(argc, argv, &o);

	if (status >= 0)
		return status;
	if (!o.workers || o.workers > WORKERS_MAX)
		must(refuse(EINVAL, "%u workers; 1 to %d", o.workers, WORKERS_MAX), "--workers");
	must(port_eal_start(&eal), "EAL");
	must(port_eal_thread_enter(), "thread");
	pool = port_pool_create("bench", 65536);
	must(pool ? 0 : -ENOMEM, "pool");
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		if (!o.only || !strcmp(o.only, cases[i].name))
			run_case(pool, &cases[i], &o);
	port_pool_destroy(pool);
	port_eal_thread_leave();
	port_eal_stop();
	return 0;
}
