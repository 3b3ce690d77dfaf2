/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * eal: see eal.h. The option list is what virtual-pci.md and issue 2 established on DPDK 22.11.
 */
#include "port/eal.h"

#include "base/base.h"
#include "base/log.h"
#include "base/refuse.h"
#include "port/port_int.h"

#include <pthread.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_lcore.h>
#include <rte_log.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

LOG_MODULE("port.eal");

#define MEMORY_MB 256
#define ARGS_MAX 32

static bool ours, hugepages, devices, keep_memory;

struct args {
	int n;
	char *v[ARGS_MAX + 1];
	char text[ARGS_MAX][96];
	int result;
};

static void add(struct args *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void add(struct args *a, const char *fmt, ...)
{
	va_list ap;

	if (a->n >= ARGS_MAX)
		return;
	va_start(ap, fmt);
	vsnprintf(a->text[a->n], sizeof(a->text[0]), fmt, ap);
	va_end(ap);
	a->v[a->n] = a->text[a->n];
	a->n++;
}

/* Free 2 MiB pages, in MiB; 0 when the kernel has none. */
static uint64_t free_hugepages_mb(void)
{
	FILE *f = fopen("/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages", "re");
	unsigned long long pages = 0;

	if (!f)
		return 0;
	if (fscanf(f, "%llu", &pages) != 1)
		pages = 0;
	fclose(f);
	return pages * 2;
}

/* One lcore that may float over every CPU this process may use. */
static void add_lcore(struct args *a)
{
	cpu_set_t set;
	char list[64] = "";
	size_t at = 0;

	if (sched_getaffinity(0, sizeof(set), &set) < 0)
		return;
	for (unsigned cpu = 0; cpu < CPU_SETSIZE && at < sizeof(list) - 8; cpu++)
		if (CPU_ISSET(cpu, &set))
			at += snprintf(list + at, sizeof(list) - at, "%s%u", at ? "," : "", cpu);
	add(a, "--lcores=0@(%s)", list);
}

static void make_args(struct args *a, const struct port_eal_cfg *cfg)
{
	uint32_t mb = cfg->memory_mb ? cfg->memory_mb : MEMORY_MB;

	hugepages = !cfg->no_hugepages && free_hugepages_mb() >= mb;
	add(a, "softdpu");
	add_lcore(a);
	if (hugepages) {
		add(a, "--in-memory");
	} else {
		add(a, "--no-huge");
		add(a, "--no-shconf");
	}
	add(a, "--no-telemetry");
	if (!cfg->pci) {
		add(a, "--no-pci");
		add(a, "--iova-mode=va");
	}
	add(a, "-m");
	add(a, "%u", mb);
	if (cfg->prefix)
		add(a, "--file-prefix=%s", cfg->prefix);
	else
		add(a, "--file-prefix=softdpu%d", (int)getpid());
	add(a, "--log-level=*:warning");
	for (const char *const *x = cfg->extra; x && *x; x++)
		add(a, "%s", *x);
}

static void *init(void *arg)
{
	struct args *a = arg;

	a->result = rte_eal_init(a->n, a->v);
	if (a->result < 0)
		a->result = -rte_errno;
	return NULL;
}

bool port_eal_running(void)
{
	return ours || rte_lcore_count() > 0;
}

bool port_eal_hugepages(void)
{
	return hugepages || (port_eal_running() && !ours && rte_eal_has_hugepages());
}

bool port_eal_devices(void)
{
	return devices;
}

int port_eal_start(const struct port_eal_cfg *cfg)
{
	struct args args = {0};
	pthread_t thread;
	int err;

	devices = devices || cfg->devices;
	if (port_eal_running())
		return 0;
	make_args(&args, cfg);
	err = pthread_create(&thread, NULL, init, &args);
	if (err)
		return refuse(err, "no thread to start DPDK on: %s", strerror(err));
	pthread_join(thread, NULL);
	if (args.result == -EALREADY)
		return 0;
	if (args.result < 0)
		return refuse(-args.result, "DPDK's EAL did not start: %s (%u MiB of memory, %s)",
			rte_strerror(-args.result), cfg->memory_mb ? cfg->memory_mb : MEMORY_MB,
			hugepages ? "hugepages" : "no hugepages");
	ours = true;
	log_debug("EAL: %s", hugepages ? "hugepages" : "no hugepages");
	return 0;
}

void port_eal_keep_memory(void)
{
	keep_memory = true;
}

void port_eal_stop(void)
{
	if (!ours)
		return;
	if (!keep_memory)
		rte_eal_cleanup();
	ours = false;
}

int port_eal_thread_enter(void)
{
	if (rte_lcore_id() != LCORE_ID_ANY)
		return 0;
	if (rte_thread_register() < 0)
		return refuse(rte_errno, "no DPDK lcore slot for another thread (%d in all): %s",
			RTE_MAX_LCORE, rte_strerror(rte_errno));
	return 0;
}

void port_eal_thread_leave(void)
{
	rte_thread_unregister();
}
