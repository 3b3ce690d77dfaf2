/* SPDX-License-Identifier: BSD-3-Clause */
/* switch: life of a switch, its ports and its threads. */
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/refuse.h"
#include "eswitch/eswitch_int.h"

static void slot_destroy(struct esw_slot *s)
{
	if (!s)
		return;
	port_set_destroy(s->set);
	for (unsigned p = 0; p < ESW_PORTS_MAX; p++)
		free(s->link[p]);
	free(s->first);
	free(s->later);
	free(s);
}

static int slot_create(struct esw *esw, unsigned worker, struct esw_slot **out)
{
	struct esw_slot *s = NULL;

	if (posix_memalign((void **)&s, 64, sizeof(*s)))
		return refuse(ENOMEM, "switch '%s': no memory for worker %u", esw->name, worker);
	memset(s, 0, sizeof(*s));
	s->esw = esw;
	s->worker = worker;
	s->first = calloc(1, sizeof(*s->first));
	s->later = calloc(1, sizeof(*s->later));
	for (unsigned i = 0; i < ESW_BURST; i++)
		s->run.pkt[i] = (struct flow_pkt){
			.parse = &s->run.parse[i], .key = &s->run.key[i], .meta = &s->run.meta[i]};
	s->run.forks = (struct flow_forks){.max = ESW_BURST, .m = s->run.fork_m, .meta = s->run.fork_meta,
		.verdict = s->run.fork_verdict};
	if (!s->first || !s->later || port_set_create(&s->set) < 0) {
		slot_destroy(s);
		return refuse(ENOMEM, "switch '%s': no memory for worker %u", esw->name, worker);
	}
	*out = s;
	return 0;
}

int esw_create(const struct esw_cfg *cfg, struct esw **out)
{
	struct flow_ctx_cfg flow_cfg = {.nr_workers = cfg->nr_workers, .cache_entries = cfg->cache_entries, .socket_id = -1};
	struct esw *esw;
	int err;

	if (!cfg->nr_workers || cfg->nr_workers > FLOW_WORKERS_MAX)
		return refuse(EINVAL, "switch '%s': %u workers, must be 1 to %u", cfg->name, cfg->nr_workers, FLOW_WORKERS_MAX);
	esw = calloc(1, sizeof(*esw));
	if (!esw)
		return refuse(ENOMEM, "switch '%s': no memory", cfg->name);
	snprintf(esw->name, sizeof(esw->name), "%s", cfg->name ? cfg->name : "switch");
	esw->pool = cfg->pool;
	esw->nr_workers = cfg->nr_workers;
	esw->idle_spins = cfg->idle_spins ? cfg->idle_spins : ESW_IDLE_SPINS;
	esw->tsc_per_us = MAX_OF(rte_get_tsc_hz() / 1000000, 1);
	pthread_mutex_init(&esw->control, NULL);
	esw->baseline = calloc(ESW_PORTS_MAX, sizeof(*esw->baseline));
	err = esw->baseline ? flow_ctx_create(&flow_cfg, &esw->flow) : refuse(ENOMEM, "switch '%s': no memory", esw->name);
	for (unsigned w = 0; !err && w < esw->nr_workers; w++)
		err = slot_create(esw, w, &esw->slot[w]);
	if (err) {
		esw_destroy(esw);
		return err;
	}
	*out = esw;
	return 0;
}

void esw_destroy(struct esw *esw)
{
	if (!esw)
		return;
	esw_stop(esw);
	esw_capture_detach_all(esw);
	for (unsigned p = 0; p < ESW_PORTS_MAX; p++)
		if (esw->port[p])
			esw_port_remove(esw, p);
	for (unsigned w = 0; w < esw->nr_workers; w++)
		slot_destroy(esw->slot[w]);
	flow_ctx_destroy(esw->flow);
	pthread_mutex_destroy(&esw->control);
	free(esw->baseline);
	free(esw);
}

struct flow_ctx *esw_flow(struct esw *esw)
{
	return esw->flow;
}

struct rte_mempool *esw_pool(struct esw *esw)
{
	return esw->pool;
}

void esw_paused(struct esw *esw, void (*fn)(void *arg), void *arg)
{
	pthread_mutex_lock(&esw->control);
	atomic_store(&esw->pause, true);
	for (unsigned w = 0; w < esw->nr_workers; w++) {
		struct esw_slot *s = esw->slot[w];

		while (atomic_load(&s->inside)) {
			port_set_wake(s->set);
			sched_yield();
		}
	}
	fn(arg);
	atomic_store(&esw->pause, false);
	pthread_mutex_unlock(&esw->control);
}

struct port_change {
	struct esw *esw;
	struct port *port;
	uint16_t id;
	struct esw_link *link[FLOW_WORKERS_MAX];
	int err;
};

/* The poller of queue q of port p: ports with one queue are spread over the workers. */
static unsigned poller_of(const struct esw *esw, const struct port *port, unsigned queue)
{
	return (port->rx_queues > 1 ? queue : port->id) % esw->nr_workers;
}

static void attach(void *arg)
{
	struct port_change *c = arg;
	struct esw *esw = c->esw;

	for (unsigned q = 0; q < c->port->rx_queues && !c->err; q++)
		c->err = port_set_add(esw->slot[poller_of(esw, c->port, q)]->set, c->port, q);
	if (c->err) {
		for (unsigned w = 0; w < esw->nr_workers; w++)
			port_set_remove(esw->slot[w]->set, c->port);
		return;
	}
	for (unsigned w = 0; w < esw->nr_workers; w++)
		esw->slot[w]->link[c->id] = c->link[w];
	esw->port[c->id] = c->port;
	memset(&esw->baseline[c->id], 0, sizeof(esw->baseline[c->id]));
}

int esw_port_add(struct esw *esw, struct port *port)
{
	struct port_change c = {.esw = esw, .port = port, .id = port->id};

	if (port->id >= ESW_PORTS_MAX)
		return refuse(ERANGE, "port '%s': id %u, the limit is %u", port->name, port->id, ESW_PORTS_MAX - 1);
	if (esw->port[port->id])
		return refuse(EEXIST, "port '%s': id %u is taken by port '%s'", port->name, port->id, esw->port[port->id]->name);
	for (unsigned w = 0; w < esw->nr_workers && !c.err; w++) {
		struct esw_link *l = calloc(1, sizeof(*l));

		c.link[w] = l;
		if (!l) {
			c.err = refuse(ENOMEM, "port '%s': no memory for its counters", port->name);
			break;
		}
		l->port = port;
		l->queue = w % port->tx_queues;
		l->frame_max = port->mtu + 14; /* tags are looked at by finish() */
	}
	if (!c.err)
		esw_paused(esw, attach, &c);
	for (unsigned w = 0; c.err && w < esw->nr_workers; w++)
		free(c.link[w]);
	return c.err;
}

static void detach(void *arg)
{
	struct port_change *c = arg;
	struct esw *esw = c->esw;
	struct esw_tally sum;

	esw_tally_port(esw, c->id, &sum);
	esw_tally_add(&esw->gone, &sum);
	c->port = esw->port[c->id];
	esw->port[c->id] = NULL;
	for (unsigned w = 0; w < esw->nr_workers; w++) {
		struct esw_slot *s = esw->slot[w];

		esw_flush(esw, w);
		c->link[w] = s->link[c->id];
		s->link[c->id] = NULL;
		port_set_remove(s->set, c->port);
	}
}

struct port *esw_port_remove(struct esw *esw, uint16_t id)
{
	struct port_change c = {.esw = esw, .id = id};

	if (id >= ESW_PORTS_MAX || !esw->port[id])
		return NULL;
	esw_paused(esw, detach, &c);
	for (unsigned w = 0; w < esw->nr_workers; w++)
		free(c.link[w]);
	return c.port;
}

struct port *esw_port(struct esw *esw, uint16_t id)
{
	return id < ESW_PORTS_MAX ? esw->port[id] : NULL;
}

void esw_port_each(struct esw *esw, void (*fn)(void *arg, struct port *port), void *arg)
{
	for (unsigned p = 0; p < ESW_PORTS_MAX; p++)
		if (esw->port[p])
			fn(arg, esw->port[p]);
}

struct ops_change {
	struct esw *esw;
	struct esw_upcall_ops ops;
	void *arg;
};

static void set_ops(void *arg)
{
	struct ops_change *c = arg;

	c->esw->ops = c->ops;
	c->esw->ops_arg = c->arg;
}

void esw_set_upcall(struct esw *esw, const struct esw_upcall_ops *ops, void *arg)
{
	struct ops_change c = {.esw = esw, .arg = arg};

	if (ops)
		c.ops = *ops;
	esw_paused(esw, set_ops, &c);
}

struct queue_change {
	struct esw *esw;
	esw_queue_fn fn;
	void *arg;
};

static void set_queue(void *arg)
{
	struct queue_change *c = arg;

	c->esw->queue = c->fn;
	c->esw->queue_arg = c->arg;
}

void esw_set_queue(struct esw *esw, esw_queue_fn fn, void *arg)
{
	struct queue_change c = {.esw = esw, .fn = fn, .arg = arg};

	esw_paused(esw, set_queue, &c);
}

int esw_start(struct esw *esw)
{
	atomic_store(&esw->stop, false);
	for (unsigned w = 0; w < esw->nr_workers; w++) {
		struct esw_slot *s = esw->slot[w];
		int err;

		if (s->threaded)
			continue;
		err = pthread_create(&s->thread, NULL, esw_worker_main, s);
		if (err) {
			esw_stop(esw);
			return refuse(err, "switch '%s': cannot start worker %u: %s", esw->name, w, strerror(err));
		}
		s->threaded = true;
	}
	return 0;
}

void esw_stop(struct esw *esw)
{
	atomic_store(&esw->stop, true);
	for (unsigned w = 0; w < esw->nr_workers; w++) {
		struct esw_slot *s = esw->slot[w];

		if (!s || !s->threaded)
			continue;
		port_set_wake(s->set);
		pthread_join(s->thread, NULL);
		s->threaded = false;
	}
}
