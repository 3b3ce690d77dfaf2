/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Namespaces: a device under a number. The I/O path finds one through the subsystem's slot array
 * without a lock. Removal: empty the slot, then visit every reactor; each closes its channel when its
 * own I/Os have ended, and the last one closes the device.
 */
#include "nvme/nvme_int.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/refuse.h"

LOG_MODULE("nvme.namespace");

struct drain {
	struct reactor_msg msg;
	struct nvme_namespace *ns;
	struct reactor *reactor;
};

static uint64_t fnv(uint64_t h, const void *p, size_t n)
{
	const uint8_t *b = p;

	while (n--)
		h = (h ^ *b++) * 0x100000001b3ull;
	return h;
}

/* Identifiers that stay the same over restarts, for a namespace that was given none. NGUID: the
 * IEEE registered-extended layout with a locally administered OUI; UUID: version 8 (custom). */
static void derive_ids(struct nvme_namespace *ns)
{
	uint64_t a = fnv(fnv(0xcbf29ce484222325ull, ns->subsys->nqn, strlen(ns->subsys->nqn)), &ns->nsid, 4);
	uint64_t b = fnv(a, "softdpu", 7);
	static const uint8_t zero[16];

	if (!memcmp(ns->nguid, zero, 16)) {
		memcpy(ns->nguid, &a, 8);
		memcpy(ns->nguid + 8, &b, 8);
		ns->nguid[8] = 0x02;
		ns->nguid[9] = 0x5d;
		ns->nguid[10] = 0x50;
	}
	if (!memcmp(ns->uuid, zero, 16)) {
		memcpy(ns->uuid, &b, 8);
		memcpy(ns->uuid + 8, &a, 8);
		ns->uuid[6] = (ns->uuid[6] & 0x0f) | 0x80;
		ns->uuid[8] = (ns->uuid[8] & 0x3f) | 0x80;
	}
}

static int pick_nsid(struct nvme_subsystem *s, uint32_t want, uint32_t *nsid)
{
	if (want > s->max_namespaces)
		return refuse(EINVAL, "namespace %u of %s: numbers go from 1 to %u", want, s->nqn,
			s->max_namespaces);
	if (want && s->ns[want])
		return refuse(EEXIST, "namespace %u of %s exists already", want, s->nqn);
	for (uint32_t i = 1; !want && i <= s->max_namespaces; i++)
		if (!s->ns[i])
			want = i;
	if (!want)
		return refuse(ENOSPC, "%s has all its %u namespaces already", s->nqn, s->max_namespaces);
	*nsid = want;
	return 0;
}

static int build(struct nvme_subsystem *s, const struct nvme_namespace_config *config,
	struct nvme_namespace **out)
{
	const struct blk_limits *limits = blk_limits(config->dev);
	struct nvme_namespace *ns = calloc(1, sizeof(*ns));

	if (!ns)
		return -ENOMEM;
	ns->subsys = s;
	ns->nsid = config->nsid;
	ns->dev = config->dev;
	ns->shift = (uint8_t)__builtin_ctz(limits->block_size);
	ns->blocks = limits->size >> ns->shift;
	ns->ana_group = config->ana_group ? config->ana_group : 1;
	ns->readonly = config->readonly || limits->readonly;
	ns->masked = config->masked;
	memcpy(ns->nguid, config->nguid, 16);
	memcpy(ns->eui64, config->eui64, 8);
	memcpy(ns->uuid, config->uuid, 16);
	derive_ids(ns);
	list_init(&ns->hosts);
	ns->fused_tail = &ns->fused_waiting;
	pthread_mutex_init(&ns->range_lock, NULL);
	pthread_mutex_init(&ns->qos.lock, NULL);
	ns->qos.iops = config->iops_limit;
	ns->qos.bytes = config->bytes_limit;
	nvme_resv_open(ns);
	*out = ns;
	return 0;
}

bool nvme_ns_host_sees(const struct nvme_namespace *ns, const char *hostnqn)
{
	return !ns->masked || nvme_host_listed(&ns->hosts, hostnqn);
}

/* Brings every controller's view up to date and tells those whose view changed. lock held */
static void refresh_views(struct nvme_namespace *ns, bool present)
{
	struct nvme_ctrl *c;

	list_for_each (c, &ns->subsys->ctrls, node) {
		bool before = nvme_ctrl_sees(c, ns->nsid);
		bool now = present && nvme_ns_host_sees(ns, c->hostnqn);

		if (before == now)
			continue;
		nvme_ctrl_set_visible(c, ns->nsid, now);
		nvme_event_ns_changed(c, ns->nsid);
	}
}

static void attributes_changed(struct nvme_namespace *ns)
{
	struct nvme_ctrl *c;

	list_for_each (c, &ns->subsys->ctrls, node)
		if (nvme_ctrl_sees(c, ns->nsid))
			nvme_event_ns_changed(c, ns->nsid);
}

int nvme_namespace_add(struct nvme_subsystem *s, const struct nvme_namespace_config *config,
	struct nvme_namespace **out)
{
	struct nvme_namespace_config c = *config;
	struct nvme_namespace *ns;
	int err = 0;

	if (c.ana_group > NVME_ANA_GROUPS_MAX)
		return refuse(EINVAL, "namespace %u: ANA group %u: expected 1 to %d", c.nsid, c.ana_group,
			NVME_ANA_GROUPS_MAX);
	pthread_mutex_lock(&s->target->lock);
	err = pick_nsid(s, config->nsid, &c.nsid);
	if (!err)
		err = build(s, &c, &ns);
	if (!err) {
		__atomic_store_n(&s->ns[ns->nsid], ns, __ATOMIC_RELEASE);
		s->ns_count++;
		refresh_views(ns, true);
		*out = ns;
	}
	pthread_mutex_unlock(&s->target->lock);
	return err;
}

/* --- removal --- */

static void ns_free(struct nvme_namespace *ns)
{
	struct nvme_subsystem *s = ns->subsys;
	void (*removed)(void *) = ns->removed;
	void *arg = ns->removed_arg;

	nvme_resv_close(ns);
	blk_close(ns->dev);
	nvme_host_list_clear(&ns->hosts);
	pthread_mutex_destroy(&ns->range_lock);
	pthread_mutex_destroy(&ns->qos.lock);
	free(ns->drain_msgs);
	free(ns);
	if (removed)
		removed(arg);
	pthread_mutex_lock(&s->target->lock);
	s->ns_pending--;
	nvme_subsystem_maybe_free(s);
}

static void channel_close(struct nvme_namespace *ns, unsigned index)
{
	struct nvme_ns_channel *nsc = ns->channels[index];

	if (nsc) {
		nvme_qos_close(nsc);
		blk_channel_put(nsc->blk);
		free(nsc);
		ns->channels[index] = NULL;
	}
	if (!__atomic_sub_fetch(&ns->drain_left, 1, __ATOMIC_ACQ_REL))
		ns_free(ns);
}

void nvme_ns_channel_idle(struct nvme_ns_channel *nsc)
{
	channel_close(nsc->ns, reactor_index(nsc->reactor));
}

static void drain_run(struct reactor_msg *msg)
{
	struct drain *d = container_of(msg, struct drain, msg);
	unsigned index = reactor_index(d->reactor);
	struct nvme_ns_channel *nsc = d->ns->channels[index];

	if (nsc && nsc->inflight)
		nsc->draining = true; /* its last I/O closes it */
	else
		channel_close(d->ns, index);
}

void nvme_namespace_remove(struct nvme_namespace *ns, void (*done)(void *arg), void *arg)
{
	struct nvme_subsystem *s = ns->subsys;
	struct nvme_target *t = s->target;
	unsigned n = t->reactor_count;
	struct drain *drains = calloc(n, sizeof(*drains));

	if (!drains)
		abort(); /* a few hundred bytes on the control path; there is no half-removed state */
	pthread_mutex_lock(&t->lock);
	__atomic_store_n(&s->ns[ns->nsid], NULL, __ATOMIC_RELEASE);
	s->ns_count--;
	s->ns_pending++;
	refresh_views(ns, false);
	pthread_mutex_unlock(&t->lock);
	ns->removed = done;
	ns->removed_arg = arg;
	ns->drain_msgs = (struct reactor_msg *)drains;
	__atomic_store_n(&ns->drain_left, (int)n, __ATOMIC_RELEASE);
	for (unsigned i = 0; i < n; i++) {
		/* drains may be freed by the last message while we are here: nothing is read after send */
		drains[i] = (struct drain){.msg.run = drain_run, .ns = ns, .reactor = t->reactors[i]};
	}
	for (unsigned i = 0; i < n; i++) {
		struct reactor *r = t->reactors[i];

		reactor_send(r, &drains[i].msg);
	}
}

struct nvme_ns_channel *nvme_ns_channel(struct nvme_namespace *ns, struct reactor *r)
{
	struct nvme_ns_channel **slot = &ns->channels[reactor_index(r)], *nsc = *slot;

	if (likely(nsc != NULL))
		return nsc;
	nsc = calloc(1, sizeof(*nsc)); /* once per namespace and reactor */
	if (!nsc)
		return NULL;
	nsc->ns = ns;
	nsc->reactor = r;
	nsc->blk = blk_channel_get(ns->dev, r);
	if (!nsc->blk) {
		free(nsc);
		return NULL;
	}
	nvme_qos_open(nsc);
	*slot = nsc;
	return nsc;
}

/* --- live changes --- */

struct nvme_namespace *nvme_namespace_find(struct nvme_subsystem *s, uint32_t nsid)
{
	return nvme_ns_slot(s, nsid);
}

uint32_t nvme_namespace_id(const struct nvme_namespace *ns)
{
	return ns->nsid;
}

struct blk_dev *nvme_namespace_dev(const struct nvme_namespace *ns)
{
	return ns->dev;
}

int nvme_namespace_resize(struct nvme_namespace *ns, uint64_t bytes)
{
	uint64_t blocks = bytes >> ns->shift, before = ns->blocks;
	int err;

	if (blocks < before) /* shrinking: hosts are refused first, then the medium goes */
		__atomic_store_n(&ns->blocks, blocks, __ATOMIC_RELEASE);
	err = blk_resize(ns->dev, bytes); /* a cluster may take its time: nobody else waits for it */
	pthread_mutex_lock(&ns->subsys->target->lock);
	__atomic_store_n(&ns->blocks, err ? before : blocks, __ATOMIC_RELEASE);
	if (!err)
		attributes_changed(ns);
	pthread_mutex_unlock(&ns->subsys->target->lock);
	return err;
}

int nvme_namespace_set_ana_group(struct nvme_namespace *ns, uint32_t group)
{
	struct nvme_ctrl *c;

	if (!group || group > NVME_ANA_GROUPS_MAX)
		return refuse(EINVAL, "ANA group %u: expected 1 to %d", group, NVME_ANA_GROUPS_MAX);
	pthread_mutex_lock(&ns->subsys->target->lock);
	__atomic_store_n(&ns->ana_group, group, __ATOMIC_RELEASE);
	ns->subsys->target->ana_change++;
	attributes_changed(ns);
	list_for_each (c, &ns->subsys->ctrls, node)
		nvme_event_ana(c);
	pthread_mutex_unlock(&ns->subsys->target->lock);
	return 0;
}

int nvme_namespace_set_readonly(struct nvme_namespace *ns, bool readonly)
{
	if (!readonly && blk_limits(ns->dev)->readonly)
		return refuse(EROFS, "namespace %u: its device %s is read-only", ns->nsid, blk_uri(ns->dev));
	pthread_mutex_lock(&ns->subsys->target->lock);
	__atomic_store_n(&ns->readonly, readonly, __ATOMIC_RELEASE);
	attributes_changed(ns);
	pthread_mutex_unlock(&ns->subsys->target->lock);
	return 0;
}

int nvme_namespace_set_qos(struct nvme_namespace *ns, uint64_t iops, uint64_t bytes)
{
	pthread_mutex_lock(&ns->qos.lock);
	__atomic_store_n(&ns->qos.iops, iops, __ATOMIC_RELAXED);
	__atomic_store_n(&ns->qos.bytes, bytes, __ATOMIC_RELAXED);
	pthread_mutex_unlock(&ns->qos.lock);
	return 0;
}

int nvme_namespace_host_add(struct nvme_namespace *ns, const char *hostnqn)
{
	int err;

	pthread_mutex_lock(&ns->subsys->target->lock);
	err = nvme_host_list_add(&ns->hosts, hostnqn);
	if (!err && !ns->masked)
		log_info("namespace %u of %s is not masked: every host sees it", ns->nsid, ns->subsys->nqn);
	refresh_views(ns, true);
	pthread_mutex_unlock(&ns->subsys->target->lock);
	return err;
}

int nvme_namespace_host_remove(struct nvme_namespace *ns, const char *hostnqn)
{
	int err;

	pthread_mutex_lock(&ns->subsys->target->lock);
	err = nvme_host_list_remove(&ns->hosts, hostnqn);
	refresh_views(ns, true);
	pthread_mutex_unlock(&ns->subsys->target->lock);
	return err;
}

/* --- looking in --- */

void nvme_io_stats_add(struct nvme_io_stats *sum, const struct nvme_io_stats *part)
{
	uint64_t *to = (uint64_t *)sum;
	const uint64_t *from = (const uint64_t *)part;

	for (size_t i = 0; i < sizeof(*sum) / sizeof(uint64_t); i++)
		to[i] += __atomic_load_n(&from[i], __ATOMIC_RELAXED);
}

static void tell(struct nvme_namespace *ns, void (*fn)(void *, const struct nvme_namespace_info *), void *arg)
{
	struct nvme_namespace_info info = {.nsid = ns->nsid, .block_size = 1u << ns->shift,
		.ana_group = ns->ana_group, .size = ns->blocks << ns->shift, .readonly = ns->readonly,
		.masked = ns->masked, .iops_limit = ns->qos.iops, .bytes_limit = ns->qos.bytes,
		.uri = blk_uri(ns->dev)};

	memcpy(info.nguid, ns->nguid, 16);
	memcpy(info.eui64, ns->eui64, 8);
	memcpy(info.uuid, ns->uuid, 16);
	/* channels go only after the slot was emptied under the lock we hold */
	for (unsigned i = 0; i < REACTORS_MAX; i++) {
		struct nvme_ns_channel *nsc = __atomic_load_n(&ns->channels[i], __ATOMIC_ACQUIRE);

		if (nsc)
			nvme_io_stats_add(&info.stats, &nsc->stats);
	}
	fn(arg, &info);
}

void nvme_each_namespace(struct nvme_subsystem *s,
	void (*fn)(void *arg, const struct nvme_namespace_info *info), void *arg, bool locked)
{
	if (!locked)
		pthread_mutex_lock(&s->target->lock);
	for (uint32_t i = 1; i <= s->max_namespaces; i++)
		if (s->ns[i])
			tell(s->ns[i], fn, arg);
	if (!locked)
		pthread_mutex_unlock(&s->target->lock);
}
