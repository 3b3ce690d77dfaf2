/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * attach: the card behind a DOCA program's ports. When the program starts its first port, the card
 * comes to life in this process (room core: wire ports as the profile attaches them, switch, card
 * threads, control socket); with the last port stopped it goes. The card's port i is the switch's
 * port i; the program's side of it is switch port NET_SOFTDPU_PORT_BASE + i.
 *
 *     wire i  --- switch: pipes, or by default --->  program's receive queues of port i
 *     wire i  <-- switch: egress pipes, or by default ---  what the program transmits on port i
 *
 * Room core wants one control thread, so one is made here; what the program's threads want of it
 * (a port in, a port out) is called on it and waited for.
 */
#include "doca/common/common.h"

#include <errno.h>
#include <pthread.h>
#include <rte_mbuf.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "core/core.h"
#include "doca/dpdk_bridge/bridge_int.h"
#include "doca/flow/flow_door.h"
#include "eswitch/eswitch.h"
#include "flow/pipe.h"
#include "flow/qset.h"
#include "net_softdpu.h"

LOG_MODULE("dpdk_bridge.attach");

struct request {
	int (*fn)(struct net_softdpu_dev *dev);
	struct net_softdpu_dev *dev;
	int result;
	char why[512];
	bool done;
};

/* Under `lock`: everything but `core`, which is the control thread's, and `esw`, which is set while
 * it lives and read by the card threads that live inside. */
static struct {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	pthread_t thread;
	bool running, ending, up;
	int result; /* of core_create */
	char why[512];
	unsigned ports;
	struct request *request;
	struct core *core;
	struct esw *esw;
	struct flow_pipe *transmit[CARD_PORTS_MAX]; /* by card port */
} here = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

/* The switch's port behind an ethdev. */
static uint16_t wire_of(uint16_t ethdev)
{
	struct net_softdpu_dev *dev = net_softdpu_by_ethdev(ethdev);

	return dev ? card_port_index(net_softdpu_card(), net_softdpu_card_port(dev))
		   : FLOW_PORT_NONE;
}

/* What programs transmit on a switch's manager with the number of another port as metadata leaves by that port. */
static struct {
	pthread_mutex_t lock;
	struct {
		struct flow_pipe *pipe;
		struct flow_entry *entry;
	} to[DOOR_PORTS_MAX]; /* by DOCA's number of the other port */
} sent = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* ---- card threads: the end of an RSS forward ---- */

static bool deliver(
	const struct flow_qset *set, unsigned worker, uint16_t ingress, struct rte_mbuf *m)
{
	const struct card *card = core_card(here.core);
	uint16_t wire = set->port == FLOW_PORT_NONE ? ingress : set->port, peer, q;
	struct net_softdpu_dev *dev;

	if (wire >= NET_SOFTDPU_PORT_BASE)
		wire -= NET_SOFTDPU_PORT_BASE;
	dev = wire < card->n_ports ? net_softdpu_by_port(&card->ports[wire]) : NULL;
	if (!dev || !net_softdpu_port(dev))
		return false;
	q = flow_qset_pick(set, m, net_softdpu_rx_queues(dev));
	if (!net_softdpu_hairpin(dev, q, &peer))
		return net_softdpu_deliver(dev, q, &m, 1) == 1;
	peer = wire_of(peer);
	if (peer == FLOW_PORT_NONE)
		return false;
	esw_generate(here.esw, worker, m, ingress, peer);
	return true;
}

static unsigned to_queues(
	void *arg, unsigned worker, uint32_t index, uint16_t port, struct rte_mbuf **m, unsigned n)
{
	const struct flow_qset *set =
		index == ESW_QUEUE_KERNEL ? NULL : flow_qset_get(esw_flow(here.esw), index);
	unsigned i = 0;

	while (set && i < n && deliver(set, worker, port, m[i]))
		i++;
	return i;
}

/* ---- control thread ---- */

static int default_to(uint16_t from, uint16_t to)
{
	struct flow_fwd fwd = {.kind = FLOW_FWD_PORT, .port = to};

	return flow_set_default(esw_flow(here.esw), from, FLOW_DOMAIN_DEFAULT, &fwd);
}

/* What the program transmits has passed the card's ingress already: it must not meet a root of any port, but goes to the
 * egress domain of its wire. So its port has a root of its own. */
static int transmit_to(uint16_t program, uint16_t wire)
{
	struct flow_pipe_cfg cfg = {.name = "transmit", .kind = FLOW_PIPE_WILD, .root = true, .port = program, .nr_entries = 256,
		.miss = {.kind = FLOW_FWD_PORT, .port = wire}};

	return flow_pipe_create(esw_flow(here.esw), &cfg, &here.transmit[wire]);
}

/* Under sent.lock. */
static void stop_sending(unsigned id)
{
	if (sent.to[id].entry)
		flow_entry_remove(sent.to[id].entry);
	sent.to[id].entry = NULL;
}

static int start_sending(struct flow_pipe *pipe, uint16_t id)
{
	struct flow_entry_spec spec = {.fwd = {.kind = FLOW_FWD_PORT, .port = wire_of(id)}};

	spec.match.value.hot.pkt_meta = rte_cpu_to_be_32(id);
	spec.match.mask.hot.pkt_meta = UINT32_MAX;
	sent.to[id].pipe = pipe;
	return flow_entry_add(pipe, &spec, &sent.to[id].entry);
}

static int send_by_metadata(uint16_t manager, uint16_t id, bool on)
{
	uint16_t wire = wire_of(manager);
	int err = 0;

	pthread_mutex_lock(&sent.lock);
	stop_sending(id);
	if (on && wire < CARD_PORTS_MAX && here.transmit[wire])
		err = start_sending(here.transmit[wire], id);
	pthread_mutex_unlock(&sent.lock);
	return err;
}

static void end_transmit(uint16_t wire)
{
	pthread_mutex_lock(&sent.lock);
	for (unsigned id = 0; id < DOOR_PORTS_MAX; id++)
		if (sent.to[id].pipe == here.transmit[wire])
			stop_sending(id);
	flow_pipe_destroy(here.transmit[wire]);
	here.transmit[wire] = NULL;
	pthread_mutex_unlock(&sent.lock);
}

static int port_in(struct net_softdpu_dev *dev)
{
	uint16_t wire = wire_of(net_softdpu_ethdev(dev)), program = NET_SOFTDPU_PORT_BASE + wire;
	int err = esw_port_add(here.esw, net_softdpu_port(dev));

	flow_set_group(esw_flow(here.esw), program, FLOW_PORT_GROUP + net_softdpu_card_port(dev)->pf % FLOW_PORT_GROUPS);
	flow_set_program(esw_flow(here.esw), program, true);
	if (err == 0)
		err = transmit_to(program, wire);
	if (err == 0 && !net_softdpu_isolated(dev))
		err = default_to(wire, program);
	if (err < 0) {
		end_transmit(wire);
		esw_port_remove(here.esw, program);
	}
	return err;
}

static int port_out(struct net_softdpu_dev *dev)
{
	struct flow_fwd drop = {.kind = FLOW_FWD_DROP, .reason = DROP_PORT_DOWN};
	uint16_t wire = wire_of(net_softdpu_ethdev(dev));

	flow_set_default(esw_flow(here.esw), wire, FLOW_DOMAIN_DEFAULT, &drop);
	end_transmit(wire);
	esw_port_remove(here.esw, NET_SOFTDPU_PORT_BASE + wire);
	return 0;
}

static int bring_up(void)
{
	struct core_cfg cfg = {.program = program_invocation_short_name};
	int err = card_open(&cfg.card);

	if (err < 0)
		return err;
	err = core_create(&cfg, &here.core);
	if (err < 0) {
		card_destroy(cfg.card);
		return err;
	}
	here.esw = core_esw(here.core);
	esw_set_queue(here.esw, to_queues, NULL);
	err = core_start(here.core);
	if (err == 0)
		flow_door_use(esw_flow(here.esw), wire_of, send_by_metadata);
	else
		core_destroy(here.core);
	return err;
}

static void take_down(void)
{
	flow_door_use(NULL, NULL, NULL);
	core_stop(here.core);
	core_destroy(here.core);
	here.core = NULL;
	here.esw = NULL;
}

/* One request, if there is one. True: go on. */
static bool serve(void)
{
	struct request *r;
	bool go_on;

	pthread_mutex_lock(&here.lock);
	r = here.request;
	here.request = NULL;
	go_on = !here.ending || r;
	pthread_mutex_unlock(&here.lock);
	if (!r)
		return go_on;
	r->result = r->fn(r->dev);
	snprintf(r->why, sizeof(r->why), "%s", r->result < 0 ? refusal() : "");
	pthread_mutex_lock(&here.lock);
	r->done = true;
	pthread_cond_broadcast(&here.changed);
	pthread_mutex_unlock(&here.lock);
	return go_on;
}

static void *control(void *arg)
{
	int err = bring_up();

	pthread_mutex_lock(&here.lock);
	here.result = err;
	snprintf(here.why, sizeof(here.why), "%s", err < 0 ? refusal() : "");
	here.up = true;
	pthread_cond_broadcast(&here.changed);
	pthread_mutex_unlock(&here.lock);
	if (err < 0)
		return NULL;
	while (serve())
		core_process(here.core, 1000);
	take_down();
	return NULL;
}

/* ---- the program's threads ---- */

/* Under lock. The program's signals stay the program's. */
static int start_control(void)
{
	sigset_t all, before;
	int err;

	here.up = here.ending = false;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	err = pthread_create(&here.thread, NULL, control, NULL);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (err)
		return refuse(err, "no thread for the card: %s", strerror(err));
	while (!here.up)
		pthread_cond_wait(&here.changed, &here.lock);
	if (here.result < 0) {
		pthread_join(here.thread, NULL);
		return refuse(-here.result, "%s", here.why);
	}
	here.running = true;
	return 0;
}

/* Under lock. */
static void end_control(void)
{
	here.ending = true;
	core_wake(here.core);
	pthread_mutex_unlock(&here.lock);
	pthread_join(here.thread, NULL);
	pthread_mutex_lock(&here.lock);
	here.running = false;
}

/* Under lock; given up while waiting. */
static int call(int (*fn)(struct net_softdpu_dev *), struct net_softdpu_dev *dev)
{
	struct request r = {.fn = fn, .dev = dev};

	here.request = &r;
	core_wake(here.core);
	while (!r.done)
		pthread_cond_wait(&here.changed, &here.lock);
	return r.result < 0 ? refuse(-r.result, "%s", r.why) : r.result;
}

static int on_started(void *arg, struct net_softdpu_dev *dev)
{
	int err = 0;

	pthread_mutex_lock(&here.lock);
	if (!here.running)
		err = start_control();
	if (err == 0) {
		err = call(port_in, dev);
		if (err == 0)
			here.ports++;
		else if (here.ports == 0)
			end_control();
	}
	pthread_mutex_unlock(&here.lock);
	if (err < 0)
		log_err("port %s: the card did not come up: %s", net_softdpu_card_port(dev)->name,
			refusal());
	return err;
}

static void on_stopping(void *arg, struct net_softdpu_dev *dev)
{
	pthread_mutex_lock(&here.lock);
	call(port_out, dev);
	net_softdpu_drain(dev); /* its buffers are the card's, which may go now */
	if (--here.ports == 0)
		end_control();
	pthread_mutex_unlock(&here.lock);
}

void bridge_attach(void)
{
	static const struct net_softdpu_ops ops = {.started = on_started, .stopping = on_stopping};

	net_softdpu_listen(&ops, NULL);
}
