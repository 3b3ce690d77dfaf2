/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bench/nvmf/load: our initiator against any NVMe/TCP target; prints one JSON line.
 *
 *     load --addr 127.0.0.1 --port 4420 --nqn NQN --block 4096 --depth 128 --write 0 --seconds 5
 *
 * With --target-pid it also reports the target's CPU time per I/O, from /proc/PID/stat.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/args.h"
#include "base/base.h"
#include "base/clock.h"
#include "base/refuse.h"
#include "base/rng.h"
#include "nvmf/perf.h"

#define NO_CPU UINT64_MAX

static const char *addr = "127.0.0.1", *port = "4420", *nqn, *name = "nvmf";
static uint64_t nsid = 1, namespaces = 1, block = 4096, depth = 128, write_percent, connections = 1,
		cpu = NO_CPU, spin_us = 1000000, target_pid;
static double seconds = 5, warmup = 1;
static bool sequential, verify, digests;

static const struct args_option options[] = {
	{0, "addr", "ADDRESS", "of the target (127.0.0.1)", .text = &addr},
	{0, "port", "PORT", "of the target (4420)", .text = &port},
	{0, "nqn", "NQN", "the subsystem", .text = &nqn},
	{0, "nsid", "N", "first namespace (1)", .number = {&nsid, 1, NVME_NSID_ALL - 1}},
	{0, "namespaces", "N", "so many in turn (1)", .number = {&namespaces, 1, 4096}},
	{0, "block", "BYTES", "per command (4096)", .number = {&block, 512, REACTOR_BUF_MAX}},
	{0, "depth", "N", "commands in flight per connection (128)", .number = {&depth, 1, 1024}},
	{0, "write", "PERCENT", "share of writes (0)", .number = {&write_percent, 0, 100}},
	{0, "connections", "N", "with one I/O queue each (1)", .number = {&connections, 1, 1024}},
	{0, "seconds", "S", "measured (5)", .real = {&seconds, 0.001, 1e6}},
	{0, "warmup", "S", "not measured (1)", .real = {&warmup, 0, 1e6}},
	{0, "sequential", NULL, "one block after the other", .flag = &sequential},
	{0, "verify", NULL, "mark what is written, check what is read", .flag = &verify},
	{0, "digests", NULL, "header and data digests", .flag = &digests},
	{0, "cpu", "N", "pin the initiator", .number = {&cpu, 0, 1023}},
	{0, "spin-us", "US", "the initiator polls this long before it sleeps (1000000)",
		.number = {&spin_us, 0, UINT32_MAX}},
	{0, "target-pid", "PID", "report this process's CPU time per I/O",
		.number = {&target_pid, 1, INT32_MAX}},
	{0, "name", "NAME", "of the row (nvmf)", .text = &name},
};

static const struct args_usage usage = {"nvmf-load",
	"Our initiator against any NVMe/TCP target; prints one JSON line.", "", options,
	ARRAY_SIZE(options), NULL};

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
	if (fscanf(f, "%*d %*s %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu", &user,
		    &sys) != 2)
		user = sys = 0;
	fclose(f);
	return (double)(user + sys) / (double)sysconf(_SC_CLK_TCK);
}

static struct nvmf_perf_options load(void)
{
	return (struct nvmf_perf_options){
		.host = {.traddr = addr,
			.trsvcid = port,
			.subnqn = nqn,
			.hostnqn = "nqn.2026-11.softdpu:bench",
			.hdgst = digests,
			.ddgst = digests,
			.queue_size = (uint16_t)MIN_OF(depth + 1, (uint64_t)128)},
		.connections = (unsigned)connections,
		.nsid = (uint32_t)nsid,
		.namespaces = (uint32_t)namespaces,
		.block = (uint32_t)block,
		.depth = (unsigned)depth,
		.write_percent = (unsigned)write_percent,
		.sequential = sequential,
		.verify = verify,
		.seconds = seconds,
		.warmup = warmup,
		.spin_ns = spin_us * NS_PER_US,
		.cpu = cpu == NO_CPU ? -1 : (int)cpu,
		.seed = rng_fresh_seed(),
	};
}

int main(int argc, char **argv)
{
	int status = args_parse(argc, argv, &usage);
	struct nvmf_perf_options o;
	struct nvmf_perf_result r;
	double before, after;

	if (status >= 0)
		return status;
	if (!nqn)
		return args_wrong(&usage);
	o = load();
	before = target_pid ? cpu_seconds((int)target_pid) : 0;
	if (nvmf_perf_run(&o, &r)) {
		fprintf(stderr, "%s\n", refusal());
		return 1;
	}
	after = target_pid ? cpu_seconds((int)target_pid) : 0;
	printf("{\"bench\": \"%s\", \"block\": %u, \"depth\": %u, \"connections\": %u, "
	       "\"write_percent\": %u, "
	       "\"iops\": %.0f, \"mib_per_s\": %.1f, \"mean_us\": %.1f, \"p50_us\": %.1f, "
	       "\"p99_us\": %.1f, "
	       "\"p999_us\": %.1f, \"errors\": %llu, \"mismatches\": %llu",
		name, o.block, o.depth, o.connections, o.write_percent, r.iops,
		r.bytes_per_s / 1048576, (double)r.latency_mean_ns / 1e3, (double)r.p50_ns / 1e3,
		(double)r.p99_ns / 1e3, (double)r.p999_ns / 1e3, (unsigned long long)r.errors,
		(unsigned long long)r.mismatches);
	if (target_pid && r.ops) /* the warm-up's share of the time is taken off */
		printf(", \"target_cpu_us_per_io\": %.3f",
			(after - before) * 1e6 * (o.seconds / (o.seconds + o.warmup)) /
				(double)r.ops);
	printf("}\n");
	return r.errors || r.mismatches;
}
