/* SPDX-License-Identifier: BSD-3-Clause */
/* Subsystems: who they are, who may see them, and their end. */
#include "nvme/nvme_int.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/refuse.h"

static struct nvme_subsystem *find(struct nvme_target *t, const char *nqn)
{
	struct nvme_subsystem *s;

	list_for_each (s, &t->subsystems, node)
		if (!strcmp(s->nqn, nqn))
			return s;
	return NULL;
}

/* A stable serial for a subsystem that was given none: hosts remember devices by it. */
static void derive_serial(struct nvme_subsystem *s)
{
	uint64_t h = 0xcbf29ce484222325ull;

	for (const char *p = s->nqn; *p; p++)
		h = (h ^ (uint8_t)*p) * 0x100000001b3ull;
	snprintf(s->serial, sizeof(s->serial), "SDPU%016llX", (unsigned long long)h);
}

static int set_names(struct nvme_subsystem *s, const struct nvme_subsystem_config *config)
{
	const char *model = config->model ? config->model : "softdpu";

	if (config->serial && strlen(config->serial) > 20)
		return refuse(EINVAL, "subsystem %s: serial '%s' is over 20 characters", config->nqn,
			config->serial);
	if (strlen(model) > 40)
		return refuse(EINVAL, "subsystem %s: model '%s' is over 40 characters", config->nqn, model);
	snprintf(s->nqn, sizeof(s->nqn), "%s", config->nqn);
	snprintf(s->model, sizeof(s->model), "%s", model);
	if (config->serial)
		snprintf(s->serial, sizeof(s->serial), "%s", config->serial);
	else
		derive_serial(s);
	return 0;
}

static int set_limits(struct nvme_subsystem *s, const struct nvme_subsystem_config *config)
{
	s->cntlid_min = config->cntlid_min ? config->cntlid_min : 1;
	s->cntlid_max = config->cntlid_max ? config->cntlid_max : 0xffef;
	s->max_namespaces = config->max_namespaces ? config->max_namespaces : NVME_NAMESPACES_MAX;
	if (s->cntlid_min > s->cntlid_max || s->cntlid_max > 0xffef)
		return refuse(EINVAL, "subsystem %s: controller ids %u to %u: expected a range inside 1 to 65519",
			config->nqn, s->cntlid_min, s->cntlid_max);
	if (s->max_namespaces > NVME_NAMESPACES_MAX)
		return refuse(EINVAL, "subsystem %s: max_namespaces %u is over the limit of %d", config->nqn,
			s->max_namespaces, NVME_NAMESPACES_MAX);
	s->cntlid_next = s->cntlid_min;
	return 0;
}

static int build(struct nvme_target *t, const struct nvme_subsystem_config *config,
	struct nvme_subsystem **out)
{
	struct nvme_subsystem *s = calloc(1, sizeof(*s));
	int err = -ENOMEM;

	if (!s)
		return err;
	err = set_names(s, config);
	if (!err)
		err = set_limits(s, config);
	if (!err && !(s->ns = calloc(s->max_namespaces + 1, sizeof(*s->ns))))
		err = -ENOMEM;
	if (err) {
		free(s);
		return err;
	}
	s->target = t;
	s->allow_any_host = config->allow_any_host;
	s->ports_chosen = config->hidden;
	list_init(&s->hosts);
	list_init(&s->ctrls);
	*out = s;
	return 0;
}

int nvme_subsystem_add(struct nvme_target *t, const struct nvme_subsystem_config *config,
	struct nvme_subsystem **out)
{
	int err = nvme_nqn_check(config->nqn);

	if (!err && !strcmp(config->nqn, NVME_DISCOVERY_NQN))
		err = refuse(EINVAL, "the discovery subsystem is always there");
	if (err)
		return err;
	pthread_mutex_lock(&t->lock);
	err = find(t, config->nqn) ? refuse(EEXIST, "subsystem %s exists already", config->nqn)
				   : build(t, config, out);
	if (!err) {
		list_push_back(&t->subsystems, &(*out)->node);
		nvme_generation_bump(t);
	}
	pthread_mutex_unlock(&t->lock);
	return err;
}

int nvme_discovery_create(struct nvme_target *t)
{
	struct nvme_subsystem_config config = {.nqn = NVME_DISCOVERY_NQN, .allow_any_host = true,
		.max_namespaces = 1};

	if (build(t, &config, &t->discovery))
		return -ENOMEM;
	t->discovery->discovery = true;
	list_init(&t->discovery->node);
	return 0;
}

void nvme_subsystem_maybe_free(struct nvme_subsystem *s)
{
	struct nvme_target *t = s->target;
	bool gone = s->removing && !s->ns_count && !s->ns_pending && list_is_empty(&s->ctrls);

	if (gone)
		s->removing = false; /* only one caller sees it true */
	pthread_mutex_unlock(&t->lock);
	if (!gone)
		return;
	if (s->removed)
		s->removed(s->removed_arg);
	nvme_host_list_clear(&s->hosts);
	free(s->ns);
	free(s);
}

void nvme_subsystem_remove(struct nvme_subsystem *s, void (*done)(void *arg), void *arg)
{
	struct nvme_target *t = s->target;
	struct nvme_ctrl *c;

	pthread_mutex_lock(&t->lock);
	list_remove(&s->node);
	s->removed = done;
	s->removed_arg = arg;
	s->ns_pending++; /* holds it until the namespaces have been told */
	s->removing = true;
	list_for_each (c, &s->ctrls, node)
		nvme_ctrl_kill(c);
	nvme_generation_bump(t);
	pthread_mutex_unlock(&t->lock);
	for (uint32_t i = 1; i <= s->max_namespaces; i++)
		if (s->ns[i])
			nvme_namespace_remove(s->ns[i], NULL, NULL);
	pthread_mutex_lock(&t->lock);
	s->ns_pending--;
	nvme_subsystem_maybe_free(s);
}

struct nvme_subsystem *nvme_subsystem_find(struct nvme_target *t, const char *nqn)
{
	struct nvme_subsystem *s;

	pthread_mutex_lock(&t->lock);
	s = find(t, nqn);
	pthread_mutex_unlock(&t->lock);
	return s;
}

const char *nvme_subsystem_nqn(const struct nvme_subsystem *s)
{
	return s->nqn;
}

struct nvme_target *nvme_subsystem_target(const struct nvme_subsystem *s)
{
	return s->target;
}

/* --- who may see it --- */

bool nvme_subsystem_host_allowed(const struct nvme_subsystem *s, const char *nqn)
{
	return s->allow_any_host || nvme_host_listed(&s->hosts, nqn);
}

bool nvme_subsystem_on_port(const struct nvme_subsystem *s, const struct nvme_port *p)
{
	return !s->ports_chosen || (p && s->ports >> p->bit & 1);
}

/* Hosts that lost their right are disconnected; those that gained one hear from discovery. */
static void allowance_changed(struct nvme_subsystem *s)
{
	struct nvme_ctrl *c;

	list_for_each (c, &s->ctrls, node)
		if (!nvme_subsystem_host_allowed(s, c->hostnqn) || !nvme_subsystem_on_port(s, c->port))
			nvme_ctrl_kill(c);
	nvme_generation_bump(s->target);
}

int nvme_subsystem_allow_any(struct nvme_subsystem *s, bool any)
{
	pthread_mutex_lock(&s->target->lock);
	s->allow_any_host = any;
	allowance_changed(s);
	pthread_mutex_unlock(&s->target->lock);
	return 0;
}

int nvme_subsystem_host_add(struct nvme_subsystem *s, const char *hostnqn)
{
	int err;

	pthread_mutex_lock(&s->target->lock);
	err = nvme_host_list_add(&s->hosts, hostnqn);
	if (!err)
		nvme_generation_bump(s->target);
	pthread_mutex_unlock(&s->target->lock);
	return err;
}

int nvme_subsystem_host_remove(struct nvme_subsystem *s, const char *hostnqn)
{
	int err;

	pthread_mutex_lock(&s->target->lock);
	err = nvme_host_list_remove(&s->hosts, hostnqn);
	if (!err)
		allowance_changed(s);
	pthread_mutex_unlock(&s->target->lock);
	return err;
}

int nvme_subsystem_port_add(struct nvme_subsystem *s, const struct nvme_port *p)
{
	pthread_mutex_lock(&s->target->lock);
	s->ports_chosen = true;
	s->ports |= 1ull << p->bit;
	allowance_changed(s);
	pthread_mutex_unlock(&s->target->lock);
	return 0;
}

int nvme_subsystem_port_remove(struct nvme_subsystem *s, const struct nvme_port *p)
{
	int err = 0;

	pthread_mutex_lock(&s->target->lock);
	if (!s->ports_chosen || !(s->ports >> p->bit & 1))
		err = refuse(ENOENT, "subsystem %s was not put on port %u", s->nqn, p->config.id);
	s->ports &= ~(1ull << p->bit);
	allowance_changed(s);
	pthread_mutex_unlock(&s->target->lock);
	return err;
}

/* --- looking in --- */

void nvme_each_subsystem(struct nvme_target *t,
	void (*fn)(void *arg, struct nvme_subsystem *s, const struct nvme_subsystem_info *info), void *arg)
{
	struct nvme_subsystem *s;

	pthread_mutex_lock(&t->lock);
	list_for_each (s, &t->subsystems, node) {
		struct nvme_subsystem_info info = {.nqn = s->nqn, .serial = s->serial, .model = s->model,
			.cntlid_min = s->cntlid_min, .cntlid_max = s->cntlid_max,
			.max_namespaces = s->max_namespaces, .namespaces = s->ns_count,
			.controllers = (uint32_t)list_size(&s->ctrls), .allow_any_host = s->allow_any_host};

		fn(arg, s, &info);
	}
	pthread_mutex_unlock(&t->lock);
}

static void tell_ctrls(struct nvme_subsystem *s, void (*fn)(void *, const struct nvme_ctrl_info *), void *arg)
{
	struct nvme_ctrl *c;

	list_for_each (c, &s->ctrls, node) {
		struct nvme_ctrl_info info = {.cntlid = c->cntlid, .io_queues = (uint16_t)c->io_count,
			.port_id = c->port ? c->port->config.id : 0, .kato_ms = c->kato_ms,
			.discovery = s->discovery, .authenticated = c->authenticated, .secure = c->secure,
			.hostnqn = c->hostnqn, .subnqn = s->nqn};

		memcpy(info.hostid, c->hostid, sizeof(info.hostid));
		fn(arg, &info);
	}
}

void nvme_each_ctrl(struct nvme_target *t, void (*fn)(void *arg, const struct nvme_ctrl_info *info), void *arg)
{
	struct nvme_subsystem *s;

	pthread_mutex_lock(&t->lock);
	list_for_each (s, &t->subsystems, node)
		tell_ctrls(s, fn, arg);
	tell_ctrls(t->discovery, fn, arg);
	pthread_mutex_unlock(&t->lock);
}

/* A queue is in its controller's list until it is closed, under the controller's lock. */
static void tell_queues(struct nvme_ctrl *c, void (*fn)(void *, const struct nvme_queue_info *), void *arg)
{
	pthread_mutex_lock(&c->lock);
	for (uint16_t qid = 1; qid <= NVME_IO_QUEUES_MAX; qid++) {
		struct nvme_queue_info info = {.cntlid = c->cntlid, .qid = qid, .hostnqn = c->hostnqn, .subnqn = c->subsys->nqn};

		if (!c->io[qid])
			continue;
		nvme_io_stats_add(&info.stats, &c->io[qid]->stats);
		fn(arg, &info);
	}
	pthread_mutex_unlock(&c->lock);
}

void nvme_each_queue(struct nvme_target *t, void (*fn)(void *arg, const struct nvme_queue_info *info), void *arg)
{
	struct nvme_subsystem *s;
	struct nvme_ctrl *c;

	pthread_mutex_lock(&t->lock);
	list_for_each (s, &t->subsystems, node)
		list_for_each (c, &s->ctrls, node)
			tell_queues(c, fn, arg);
	pthread_mutex_unlock(&t->lock);
}
