/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * measure: one case from cold to its JSON line. Rates are of the workers' own CPU time: what the path costs on a
 * machine that is busy with other things. With a rate given, packets arrive by the clock instead and what is told
 * is how long they took.
 */
#include <pthread.h>
#include <rte_cycles.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/cpu.h"
#include "node/node.h"
#include "port/eal.h"
#include "rig.h"

#define SETTLE_NS (100 * 1000 * 1000ull) /* a paced run before its latencies count */

struct job {
	struct rig *rig;
	unsigned worker;
	uint64_t ns;
	pthread_barrier_t *start;
	uint64_t packets, cpu_ns, wall_ns; /* what came out */
};

struct measured {
	uint64_t packets;
	double mpps, cycles, cpu_share;
	struct esw_counts before, after;
	struct hist latency;
};

static uint64_t thread_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (uint64_t)ts.tv_sec * NS_PER_SEC + (uint64_t)ts.tv_nsec;
}

static void timed_run(struct job *j)
{
	j->wall_ns = clock_now_ns();
	j->cpu_ns = thread_ns();
	j->packets = rig_run(j->rig, j->worker, 0, j->ns);
	j->cpu_ns = thread_ns() - j->cpu_ns;
	j->wall_ns = clock_now_ns() - j->wall_ns;
}

/* ---- workers ---- */

static void pin(unsigned cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (pthread_setaffinity_np(pthread_self(), sizeof(set), &set))
		must(-EINVAL, "a core for each worker");
}

static void *work(void *arg)
{
	struct job *j = arg;

	pin(j->worker);
	must(port_eal_thread_enter(), "thread");
	pthread_barrier_wait(j->start);
	timed_run(j);
	port_eal_thread_leave();
	return NULL;
}

/* Each worker on the core of its number; this thread is the first. */
static void run_workers(struct rig *rig, struct job *jobs)
{
	pthread_barrier_t start;
	pthread_t thread[WORKERS_MAX];

	pthread_barrier_init(&start, NULL, rig->workers);
	for (unsigned w = 1; w < rig->workers; w++) {
		jobs[w].start = &start;
		if (pthread_create(&thread[w], NULL, work, &jobs[w]))
			must(-EAGAIN, "worker");
	}
	pin(0);
	pthread_barrier_wait(&start);
	timed_run(&jobs[0]);
	for (unsigned w = 1; w < rig->workers; w++)
		pthread_join(thread[w], NULL);
	pthread_barrier_destroy(&start);
}

static void run_all(struct rig *rig, double seconds, struct measured *m)
{
	struct job jobs[WORKERS_MAX];

	for (unsigned w = 0; w < rig->workers; w++)
		jobs[w] = (struct job){.rig = rig, .worker = w, .ns = (uint64_t)(seconds * 1e9)};
	if (rig->workers > 1)
		run_workers(rig, jobs);
	else
		timed_run(&jobs[0]);
	for (unsigned w = 0; w < rig->workers; w++) {
		m->packets += jobs[w].packets;
		m->mpps += (double)jobs[w].packets * 1e3 / (double)jobs[w].cpu_ns;
		m->cpu_share += (double)jobs[w].cpu_ns / (double)jobs[w].wall_ns / rig->workers;
	}
	m->cycles = (double)rte_get_tsc_hz() / 1e6 / m->mpps * rig->workers;
}

/* ---- latency ---- */

static struct hist *latencies;

static void note(struct rig *rig, unsigned sink, struct rte_mbuf **m, uint16_t n)
{
	shape_latency(latencies, m, n);
}

/* Packets by the clock of shape.h: Mpps are those that arrived. */
static void run_paced(struct rig *rig, double rate, double seconds, struct measured *m)
{
	struct job j = {.rig = rig, .ns = (uint64_t)(seconds * 1e9)};

	latencies = &m->latency;
	rig->shape[0].rate = rate;
	rig_run(rig, 0, 0, SETTLE_NS);
	esw_stats(rig->esw, FLOW_PORT_NONE, &m->before);
	rig->shape[0].lost = 0;
	rig->watch = note;
	timed_run(&j);
	rig->watch = NULL;
	m->packets = j.packets;
	m->mpps = (double)j.packets * 1e3 / (double)j.cpu_ns;
	m->cpu_share = (double)j.cpu_ns / (double)j.wall_ns;
	m->cycles = (double)rte_get_tsc_hz() / 1e6 / m->mpps;
}

/* ---- telling ---- */

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
	double packets = (double)m->packets;

	printf("{\"bench\": \"esw\", \"case\": \"%s\", \"flows\": %u, \"steps\": %u, \"workers\": %u, \"mpps\": %.2f, "
	       "\"cpu_share\": %.2f, \"cycles_per_packet\": %.1f, \"delivered\": %.4f, \"cache_hits\": %.4f, ",
		rig->what->name, rig->flows, rig->steps, rig->workers, m->mpps, m->cpu_share, m->cycles,
		(double)(m->after.tx - m->before.tx) / packets,
		(double)(m->after.cache_hits - m->before.cache_hits) / packets);
	if (rig->shape[0].rate > 0)
		printf("\"p50_ns\": %lu, \"p99_ns\": %lu, \"p999_ns\": %lu, \"lost\": %lu, ", hist_quantile(&m->latency, 0.5),
			hist_quantile(&m->latency, 0.99), hist_quantile(&m->latency, 0.999), rig->shape[0].lost);
	printf("\"cpu\": \"%s\", \"hugepages\": %s}\n", cpu_level_name(), port_eal_hugepages() ? "true" : "false");
	fflush(stdout);
	if (!rig->wire && m->after.tx - m->before.tx != m->packets) {
		tell_loss(rig, m);
		exit(1);
	}
}

void measure(struct rig *rig, const struct bench_case *what, double seconds, double rate)
{
	static struct measured m;

	memset(&m, 0, sizeof(m));
	rig_up(rig, what);
	flow_settle(esw_flow(rig->esw)); /* rules have stood for a second */
	/* the cache fills; where it is kept small there is nothing to fill */
	rig_run(rig, 0, what->cache_entries ? 100000 : 4ull * rig->flows + 100000, 0);
	flow_settle(esw_flow(rig->esw)); /* as a card's keeper does every second */
	if (rig->conns)
		conn_table_settle(rig->conns);
	if (rig->node)
		node_settle(rig->node);
	esw_stats(rig->esw, FLOW_PORT_NONE, &m.before);
	if (rate > 0)
		run_paced(rig, rate, seconds, &m);
	else
		run_all(rig, seconds, &m);
	esw_stats(rig->esw, FLOW_PORT_NONE, &m.after);
	report(rig, &m);
	rig->shape[0].rate = 0;
	if (!rig->wire)
		rig_check(rig);
	must(esw_stats_check(rig->esw), "accounting");
	rig_down(rig);
}
