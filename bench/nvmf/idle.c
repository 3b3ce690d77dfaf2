/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bench/nvmf/idle: N hosts connect to a target and do nothing but keep alive; prints the share of a core
 * the target uses meanwhile, as one JSON line.    nvmf-idle PORT NQN HOSTS SECONDS TARGET-PID
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/refuse.h"
#include "nvmf/host.h"

static unsigned live;

static void state_changed(void *arg, struct nvmf_host *h, enum nvmf_host_state state, int err)
{
	live += state == NVMF_HOST_LIVE;
}

static double cpu_seconds(int pid)
{
	unsigned long long user = 0, sys = 0;
	char path[64];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	f = fopen(path, "re");
	if (!f || fscanf(f, "%*d %*s %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu", &user, &sys) != 2)
		user = sys = 0;
	if (f)
		fclose(f);
	return (double)(user + sys) / (double)sysconf(_SC_CLK_TCK);
}

static void run_until(struct reactor *r, uint64_t until)
{
	while (clock_now_ns() < until)
		reactor_run_once(r, 100 * NS_PER_MS);
}

int main(int argc, char **argv)
{
	struct reactor_options ro = {.cpu = -1, .buffers = {16, 4, 1, 1}, .name = "idle"};
	unsigned hosts = argc == 6 ? (unsigned)atoi(argv[3]) : 0;
	double seconds = hosts ? atof(argv[4]) : 0, before, after;
	struct nvmf_host_options o = {.traddr = "127.0.0.1", .on_state = state_changed, .queue_size = 32};
	struct reactor *r;

	if (!hosts) {
		fprintf(stderr, "usage: nvmf-idle PORT NQN HOSTS SECONDS TARGET-PID\n");
		return 2;
	}
	if (reactor_create(&ro, &r)) {
		fprintf(stderr, "%s\n", refusal());
		return 1;
	}
	o.reactor = r;
	o.trsvcid = argv[1];
	o.subnqn = argv[2];
	for (unsigned i = 0; i < hosts; i++) {
		struct nvmf_host *h;
		char nqn[64];

		snprintf(nqn, sizeof(nqn), "nqn.2026-11.softdpu:idle-%u", i);
		o.hostnqn = nqn;
		if (nvmf_host_create(&o, &h))
			return 1;
		nvmf_host_start(h);
	}
	for (uint64_t end = clock_now_ns() + 120 * NS_PER_SEC; live < hosts && clock_now_ns() < end;)
		reactor_run_once(r, 100 * NS_PER_MS);
	run_until(r, clock_now_ns() + NS_PER_SEC);
	before = cpu_seconds(atoi(argv[5]));
	run_until(r, clock_now_ns() + (uint64_t)(seconds * 1e9));
	after = cpu_seconds(atoi(argv[5]));
	printf("{\"bench\": \"nvmf-idle\", \"hosts\": %u, \"seconds\": %.0f, \"target_core_percent\": %.3f}\n", live,
		seconds, 100 * (after - before) / seconds);
	return live != hosts; /* the process ends; the target sees the connections go */
}
