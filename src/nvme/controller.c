/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Controllers: one per host connection to a subsystem. The admin queue's reactor owns it; I/O queues
 * on other reactors hold references. It leaves its subsystem's list when the last reference goes.
 */
#include "nvme/nvme_int.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"

LOG_MODULE("nvme.controller");

struct nvme_ctrl *nvme_ctrl_find(struct nvme_subsystem *s, uint16_t cntlid)
{
	struct nvme_ctrl *c;

	list_for_each (c, &s->ctrls, node)
		if (c->cntlid == cntlid)
			return c;
	return NULL;
}

/* Next number after the last one given: a number comes back as late as possible, so a host that lags
 * behind never reaches somebody else's controller. */
static bool pick_cntlid(struct nvme_subsystem *s, uint16_t *cntlid)
{
	uint32_t span = (uint32_t)s->cntlid_max - s->cntlid_min + 1;

	for (uint32_t i = 0; i < span; i++) {
		uint16_t id = s->cntlid_next;

		s->cntlid_next = id == s->cntlid_max ? s->cntlid_min : (uint16_t)(id + 1);
		if (!nvme_ctrl_find(s, id)) {
			*cntlid = id;
			return true;
		}
	}
	return false;
}

void nvme_ctrl_set_visible(struct nvme_ctrl *c, uint32_t nsid, bool visible)
{
	uint64_t bit = 1ull << (nsid % 64);

	if (visible)
		__atomic_or_fetch(&c->visible[nsid / 64], bit, __ATOMIC_RELEASE);
	else
		__atomic_and_fetch(&c->visible[nsid / 64], ~bit, __ATOMIC_RELEASE);
}

static void kato_fire(struct reactor_timer *timer);

static void event_run(struct reactor_msg *msg)
{
	struct nvme_ctrl *c = container_of(msg, struct nvme_ctrl, event_msg);

	pthread_mutex_lock(&c->lock);
	c->has_msg = false;
	pthread_mutex_unlock(&c->lock);
	nvme_event_deliver(c);
	nvme_ctrl_put(c);
}

static void set_defaults(struct nvme_ctrl *c)
{
	c->feat_async = NVME_OAES_NS_ATTR | NVME_OAES_ANA | 0xff;
	if (c->subsys->discovery)
		c->feat_async = 0;
	c->feat_temp = 0x157; /* 343 K, the usual warning temperature */
	c->kato_timer.fire = kato_fire;
	c->event_msg.run = event_run;
}

static void look_at_namespaces(struct nvme_ctrl *c)
{
	struct nvme_subsystem *s = c->subsys;

	for (uint32_t i = 1; i <= s->max_namespaces; i++)
		if (s->ns[i] && nvme_ns_host_sees(s->ns[i], c->hostnqn))
			nvme_ctrl_set_visible(c, i, true);
}

int nvme_ctrl_create(struct nvme_subsystem *s, struct nvme_queue *q, const struct nvme_connect_data *data,
	uint32_t kato_ms, struct nvme_ctrl **out, uint16_t *status)
{
	struct nvme_target *t = s->target;
	struct nvme_ctrl *c;

	*status = NVME_SC_CONNECT_BUSY;
	if (t->ctrl_count >= NVME_CONTROLLERS_MAX) {
		log_warn("host %s refused: %d controllers exist, the limit", data->hostnqn, NVME_CONTROLLERS_MAX);
		return -ENOSPC;
	}
	c = calloc(1, sizeof(*c));
	if (!c)
		return -ENOMEM;
	if (!pick_cntlid(s, &c->cntlid)) {
		log_warn("host %s refused: %s has no free controller id", data->hostnqn, s->nqn);
		free(c);
		return -ENOSPC;
	}
	c->subsys = s;
	c->target = t;
	c->port = q->port;
	nvme_port_get(c->port);
	snprintf(c->hostnqn, sizeof(c->hostnqn), "%.*s", NVME_NQN_SIZE - 1, data->hostnqn);
	memcpy(c->hostid, data->hostid, sizeof(c->hostid));
	pthread_mutex_init(&c->lock, NULL);
	c->refs = 1;
	c->reactor = q->reactor;
	c->admin = q;
	c->secure = q->secure;
	set_defaults(c);
	look_at_namespaces(c);
	list_push_back(&s->ctrls, &c->node);
	t->ctrl_count++;
	nvme_ctrl_set_kato(c, kato_ms);
	*out = c;
	return 0;
}

void nvme_ctrl_get(struct nvme_ctrl *c)
{
	__atomic_add_fetch(&c->refs, 1, __ATOMIC_RELAXED);
}

void nvme_ctrl_put(struct nvme_ctrl *c)
{
	struct nvme_subsystem *s = c->subsys;

	/* under the lock: who finds it in the list may take a reference, so zero and gone are one step */
	pthread_mutex_lock(&s->target->lock);
	if (__atomic_sub_fetch(&c->refs, 1, __ATOMIC_ACQ_REL)) {
		pthread_mutex_unlock(&s->target->lock);
		return;
	}
	list_remove(&c->node);
	s->target->ctrl_count--;
	nvme_subsystem_maybe_free(s);
	nvme_port_put(c->port);
	pthread_mutex_destroy(&c->lock);
	free(c);
}

/* --- disconnecting --- */

static void queue_kill_run(struct reactor_msg *msg)
{
	struct nvme_queue *q = container_of(msg, struct nvme_queue, kill_msg);

	__atomic_store_n(&q->kill_sent, false, __ATOMIC_RELEASE);
	q->ops->disconnect(q); /* also when it is closed already: it may wait for this to be freed */
}

/* c->lock held: the queue is attached, so its memory is there until kill_sent is false again */
static void queue_kill(struct nvme_queue *q)
{
	if (!q || q->kill_sent)
		return;
	__atomic_store_n(&q->kill_sent, true, __ATOMIC_RELEASE);
	q->kill_msg.run = queue_kill_run;
	reactor_send(q->reactor, &q->kill_msg);
}

void nvme_ctrl_kill(struct nvme_ctrl *c)
{
	pthread_mutex_lock(&c->lock);
	c->dying = true;
	queue_kill(c->admin);
	for (unsigned i = 1; i <= NVME_IO_QUEUES_MAX; i++)
		queue_kill(c->io[i]);
	pthread_mutex_unlock(&c->lock);
}

void nvme_ctrl_fatal(struct nvme_ctrl *c)
{
	c->csts |= NVME_CSTS_CFS;
	nvme_ctrl_kill(c);
}

void nvme_ctrl_queue_gone(struct nvme_ctrl *c, struct nvme_queue *q)
{
	bool admin = q->qid == 0;

	pthread_mutex_lock(&c->lock);
	if (admin) {
		c->admin = NULL;
		c->dying = true;
	} else if (c->io[q->qid] == q) {
		c->io[q->qid] = NULL;
		c->io_count--;
	}
	pthread_mutex_unlock(&c->lock);
	if (admin) {
		reactor_timer_cancel(c->reactor, &c->kato_timer);
		nvme_event_abort_all(c);
		nvme_ctrl_kill(c); /* a controller without its admin queue is over (Fabrics 1.1, 2.2) */
		if (!c->subsys->discovery)
			log_info("host %s left %s (controller %u)", c->hostnqn, c->subsys->nqn, c->cntlid);
	}
	nvme_ctrl_put(c);
}

/* --- keep alive (Base 3.9), traffic based --- */

static void kato_fire(struct reactor_timer *timer)
{
	struct nvme_ctrl *c = container_of(timer, struct nvme_ctrl, kato_timer);
	uint64_t now = reactor_now(c->reactor);
	uint64_t seen = __atomic_load_n(&c->last_seen, __ATOMIC_RELAXED);
	uint64_t due = seen + c->kato_ms * NS_PER_MS;

	if (due > now) {
		reactor_timer_arm(c->reactor, timer, due);
		return;
	}
	log_warn("host %s, controller %u of %s: keep alive expired after %u ms", c->hostnqn, c->cntlid,
		c->subsys->nqn, c->kato_ms);
	nvme_ctrl_fatal(c);
}

void nvme_ctrl_set_kato(struct nvme_ctrl *c, uint32_t ms)
{
	/* rounded up to the granularity we report (KAS: 1 s would be coarse; 100 ms units) */
	c->kato_ms = ms ? MAX_OF((ms + 99) / 100 * 100, (uint32_t)NVME_KATO_MIN_MS) : 0;
	__atomic_store_n(&c->last_seen, reactor_now(c->reactor), __ATOMIC_RELAXED);
	if (c->kato_ms)
		reactor_timer_arm(c->reactor, &c->kato_timer, reactor_now(c->reactor) + c->kato_ms * NS_PER_MS);
	else
		reactor_timer_cancel(c->reactor, &c->kato_timer);
}
