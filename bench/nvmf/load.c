/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bench/nvmf/load: our initiator against any NVMe/TCP target; prints one JSON line.
 *
 *     load --addr 127.0.0.1 --port 4420 --nqn NQN --block 4096 --depth 128 --write 0 --seconds 5
 *
 * With --target-pid it also reports the target's CPU time per I/O, from /proc/PID/stat.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/base.h"
#include "base/refuse.h"
#include "base/rng.h"
#include "nvmf/perf.h"

static struct nvmf_perf_options o = {
	.host = {.traddr = "127.0.0.1", .trsvcid = "4420", .hostnqn = "nqn.2026-11.softdpu:bench"},
	.nsid = 1,
	.namespaces = 1,
	.block = 4096,
	.depth = 128,
	.seconds = 5,
	.warmup = 1,
	.spin_ns = 1000000000ull,
	.cpu = -1,
};
static int target_pid;
static const char *name = "nvmf";

/* User and system time of a process in seconds. */
static double cpu_seconds(int pid)
{
	unsigned long long user = 0, sys = 0;
	char path[64];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	f = fopen(path, "re");
	if (!f)
		return 0;
	if (fscanf(f, "%*d %*s %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu", &user, &sys) != 2)
		user = sys = 0;
	fclose(f);
	return (double)(user + sys) / (double)sysconf(_SC_CLK_TCK);
}

static void parse(int argc, char **argv)
{
	static const struct option longs[] = {{"addr", 1, NULL, 'a'}, {"port", 1, NULL, 'p'},
		{"nqn", 1, NULL, 'n'}, {"nsid", 1, NULL, 'i'}, {"namespaces", 1, NULL, 'N'},
		{"block", 1, NULL, 'b'}, {"depth", 1, NULL, 'd'}, {"write", 1, NULL, 'w'},
		{"connections", 1, NULL, 'c'}, {"seconds", 1, NULL, 's'}, {"warmup", 1, NULL, 'u'},
		{"sequential", 0, NULL, 'S'}, {"verify", 0, NULL, 'v'}, {"digests", 0, NULL, 'D'},
		{"cpu", 1, NULL, 'C'}, {"spin-us", 1, NULL, 'x'}, {"target-pid", 1, NULL, 't'},
		{"name", 1, NULL, 'm'}, {NULL, 0, NULL, 0}};
	int c;

	while ((c = getopt_long(argc, argv, "", longs, NULL)) >= 0)
		switch (c) {
		case 'a':
			o.host.traddr = optarg;
			break;
		case 'p':
			o.host.trsvcid = optarg;
			break;
		case 'n':
			o.host.subnqn = optarg;
			break;
		case 'i':
			o.nsid = (uint32_t)atoi(optarg);
			break;
		case 'N':
			o.namespaces = (uint32_t)atoi(optarg);
			break;
		case 'b':
			o.block = (uint32_t)atoi(optarg);
			break;
		case 'd':
			o.depth = (unsigned)atoi(optarg);
			break;
		case 'w':
			o.write_percent = (unsigned)atoi(optarg);
			break;
		case 'c':
			o.connections = (unsigned)atoi(optarg);
			break;
		case 's':
			o.seconds = atof(optarg);
			break;
		case 'u':
			o.warmup = atof(optarg);
			break;
		case 'S':
			o.sequential = true;
			break;
		case 'v':
			o.verify = true;
			break;
		case 'D':
			o.host.hdgst = o.host.ddgst = true;
			break;
		case 'C':
			o.cpu = atoi(optarg);
			break;
		case 'x':
			o.spin_ns = (uint64_t)atoll(optarg) * 1000;
			break;
		case 't':
			target_pid = atoi(optarg);
			break;
		case 'm':
			name = optarg;
			break;
		default:
			exit(2);
		}
	o.host.queue_size = (uint16_t)MIN_OF(o.depth + 1, 128u);
}

int main(int argc, char **argv)
{
	struct nvmf_perf_result r;
	double before, after;

	parse(argc, argv);
	if (!o.host.subnqn || !o.depth || !o.block) {
		fprintf(stderr, "usage: load --nqn NQN [--addr A --port P --block N --depth N --write PERCENT ...]\n");
		return 2;
	}
	o.seed = rng_fresh_seed();
	before = target_pid ? cpu_seconds(target_pid) : 0;
	if (nvmf_perf_run(&o, &r)) {
		fprintf(stderr, "%s\n", refusal());
		return 1;
	}
	after = target_pid ? cpu_seconds(target_pid) : 0;
	printf("{\"bench\": \"%s\", \"block\": %u, \"depth\": %u, \"connections\": %u, \"write_percent\": %u, "
	       "\"iops\": %.0f, \"mib_per_s\": %.1f, \"mean_us\": %.1f, \"p50_us\": %.1f, \"p99_us\": %.1f, "
	       "\"p999_us\": %.1f, \"errors\": %llu, \"mismatches\": %llu",
		name, o.block, o.depth, o.connections ? o.connections : 1, o.write_percent, r.iops,
		r.bytes_per_s / 1048576, (double)r.latency_mean_ns / 1e3, (double)r.p50_ns / 1e3,
		(double)r.p99_ns / 1e3, (double)r.p999_ns / 1e3, (unsigned long long)r.errors,
		(unsigned long long)r.mismatches);
	if (target_pid && r.ops) /* the warm-up's share of the time is taken off */
		printf(", \"target_cpu_us_per_io\": %.3f",
			(after - before) * 1e6 * (o.seconds / (o.seconds + o.warmup)) / (double)r.ops);
	printf("}\n");
	return r.errors || r.mismatches;
}
