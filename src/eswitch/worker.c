/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * worker: the card thread. Under load it goes round the ready ports; after some empty rounds it sleeps
 * on their descriptors until something comes or the next tick is due, so an idle switch costs a
 * hundred wake-ups a second. A pause is a handshake: control raises `pause` and waits until no slot is inside.
 */
#include <sched.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"
#include "eswitch/eswitch_int.h"
#include "port/eal.h"

LOG_MODULE("eswitch.worker");

#define READY_MAX 64

/* Enter the slot unless control wants a pause. */
static bool enter(struct esw_slot *s)
{
	atomic_store(&s->inside, true);
	if (likely(!atomic_load(&s->esw->pause)))
		return true;
	atomic_store(&s->inside, false);
	return false;
}

static void leave(struct esw_slot *s)
{
	atomic_store_explicit(&s->inside, false, memory_order_release);
}

static unsigned drain(struct esw_slot *s, struct port_ref *ref, uint64_t now_ns)
{
	struct rte_mbuf *m[ESW_BURST];
	uint16_t n = port_rx(ref->port, ref->queue, m, ESW_BURST);

	port_set_got(s->set, ref, n, ESW_BURST);
	esw_burst(s->esw, s->worker, ref->port->id, m, n, now_ns);
	return n;
}

static void weigh(struct esw_slot *s)
{
	uint64_t tsc = rte_rdtsc(), passed = tsc - s->tick_tsc;
	float share = passed ? (float)s->busy_tsc / (float)passed : 0;

	s->busy += 0.1f * (MIN_OF(share, 1.0f) - s->busy);
	s->busy_tsc = 0;
	s->tick_tsc = tsc;
}

double esw_worker_busy(const struct esw *esw, unsigned worker)
{
	return worker < esw->nr_workers ? (double)esw->slot[worker]->busy : 0;
}

static void tick(struct esw_slot *s, uint64_t now_ns)
{
	struct esw *esw = s->esw;

	weigh(s);
	s->next_tick_ns = now_ns + ESW_TICK_NS;
	s->run.now_ns = now_ns;
	s->run.tsc = rte_rdtsc();
	flow_reader_online(esw->flow, s->worker);
	if (esw->ops.tick)
		esw->ops.tick(esw->ops_arg, s->worker, now_ns);
	if (s->run.nr_calls)
		esw_upcall_run(s);
	flow_reader_offline(esw->flow, s->worker);
	esw_flush(esw, s->worker);
}

static unsigned round_of(struct esw_slot *s, uint64_t now_ns, uint64_t timeout_us)
{
	struct port_ref *ready[READY_MAX];
	unsigned n = port_set_wait(s->set, timeout_us, ready, READY_MAX), got = 0;
	uint64_t tsc = rte_rdtsc();

	if (timeout_us)
		now_ns = clock_now_ns();
	for (unsigned i = 0; i < n; i++)
		got += drain(s, ready[i], now_ns);
	esw_flush(s->esw, s->worker);
	if (got)
		s->busy_tsc += rte_rdtsc() - tsc;
	if (now_ns >= s->next_tick_ns)
		tick(s, now_ns);
	return got;
}

unsigned esw_poll(struct esw *esw, unsigned worker, uint64_t now_ns)
{
	struct esw_slot *s = esw->slot[worker];
	unsigned got;

	if (!enter(s))
		return 0;
	got = round_of(s, now_ns, 0);
	leave(s);
	return got;
}

static uint64_t sleep_us(const struct esw_slot *s, uint64_t now_ns)
{
	return s->next_tick_ns > now_ns ? (s->next_tick_ns - now_ns) / NS_PER_US + 1 : 1;
}

void *esw_worker_main(void *arg)
{
	struct esw_slot *s = arg;
	struct esw *esw = s->esw;
	char name[16];
	unsigned idle = 0;

	snprintf(name, sizeof(name), "esw%u", s->worker);
	pthread_setname_np(pthread_self(), name);
	if (port_eal_thread_enter() < 0)
		log_warn("worker %u runs without a buffer cache of its own", s->worker);
	while (!atomic_load_explicit(&esw->stop, memory_order_relaxed)) {
		uint64_t now_ns = clock_now_ns();
		bool asleep = idle >= esw->idle_spins;

		if (!enter(s)) {
			sched_yield();
			continue;
		}
		s->sleeps += asleep;
		idle = round_of(s, now_ns, asleep ? sleep_us(s, now_ns) : 0) ? 0 : idle + 1;
		leave(s);
	}
	port_eal_thread_leave();
	return NULL;
}
