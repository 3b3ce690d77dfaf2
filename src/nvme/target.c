/* SPDX-License-Identifier: BSD-3-Clause */
/* The target: ports and referrals. */
#include "nvme/nvme_int.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/refuse.h"

static const struct {
	const char *name;
	enum nvme_ana_state state;
} ana_names[] = {
	{"optimized", NVME_ANA_OPTIMIZED},
	{"non-optimized", NVME_ANA_NON_OPTIMIZED},
	{"inaccessible", NVME_ANA_INACCESSIBLE_STATE},
	{"persistent-loss", NVME_ANA_PERSISTENT_LOSS_STATE},
	{"change", NVME_ANA_CHANGE},
};

const char *nvme_ana_state_name(enum nvme_ana_state state)
{
	for (size_t i = 0; i < ARRAY_SIZE(ana_names); i++)
		if (ana_names[i].state == state)
			return ana_names[i].name;
	return NULL;
}

int nvme_ana_state_parse(const char *text, enum nvme_ana_state *out)
{
	for (size_t i = 0; i < ARRAY_SIZE(ana_names); i++) {
		if (strcmp(ana_names[i].name, text))
			continue;
		*out = ana_names[i].state;
		return 0;
	}
	return refuse(EINVAL, "ANA state '%s': expected optimized, non-optimized, inaccessible, "
			      "persistent-loss or change",
		text);
}

int nvme_nqn_check(const char *nqn)
{
	size_t len = strlen(nqn);

	if (len < 6 || len > NVME_NQN_MAX || strncmp(nqn, "nqn.", 4))
		return refuse(EINVAL, "NQN '%.80s': expected nqn.<...>, 6 to %d characters", nqn, NVME_NQN_MAX);
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)nqn[i] <= ' ' || nqn[i] == '"' || nqn[i] == '\\' || nqn[i] == 0x7f)
			return refuse(EINVAL, "NQN '%.80s': character %zu is not allowed", nqn, i + 1);
	return 0;
}

/* --- target --- */

int nvme_target_create(const struct nvme_target_options *options, struct nvme_target **out)
{
	struct nvme_target *t = calloc(1, sizeof(*t));

	if (!t)
		return -ENOMEM;
	assert(options->reactor_count && options->reactor_count <= REACTORS_MAX);
	pthread_mutex_init(&t->lock, NULL);
	list_init(&t->ports);
	list_init(&t->subsystems);
	list_init(&t->hosts);
	list_init(&t->referrals);
	t->generation = 1;
	t->reactor_count = options->reactor_count;
	for (unsigned i = 0; i < t->reactor_count; i++) {
		t->reactors[i] = options->reactors[i];
		t->by_index[reactor_index(t->reactors[i])] = t->reactors[i];
	}
	t->io_queues = options->io_queues ? MIN_OF(options->io_queues, (uint32_t)NVME_IO_QUEUES_MAX)
					  : NVME_IO_QUEUES_MAX;
	t->queue_size = options->queue_size ? MIN_OF(options->queue_size, (uint32_t)NVME_QUEUE_SIZE_MAX) : 128;
	t->max_data = NVME_MAX_DATA;
	t->state_dir = options->state_dir ? strdup(options->state_dir) : NULL;
	if (nvme_discovery_create(t)) {
		nvme_target_destroy(t);
		return -ENOMEM;
	}
	*out = t;
	return 0;
}

int nvme_target_set_limits(struct nvme_target *t, uint32_t queue_size, uint32_t max_data)
{
	if (queue_size && (queue_size < 2 || queue_size > NVME_QUEUE_SIZE_MAX))
		return refuse(EINVAL, "queue depth %u: expected 2 to %d", queue_size, NVME_QUEUE_SIZE_MAX);
	if (max_data && (max_data < NVME_PAGE || max_data > NVME_MAX_DATA || max_data & (max_data - 1)))
		return refuse(EINVAL, "%u bytes per command: expected a power of two from 4096 to %d", max_data,
			NVME_MAX_DATA);
	pthread_mutex_lock(&t->lock);
	t->queue_size = queue_size ? queue_size : t->queue_size;
	t->max_data = max_data ? max_data : t->max_data;
	pthread_mutex_unlock(&t->lock);
	return 0;
}

static void referral_free(struct nvme_referral *r)
{
	list_remove(&r->node);
	nvme_port_config_free(&r->config);
	free(r);
}

void nvme_target_destroy(struct nvme_target *t)
{
	if (!t)
		return;
	assert(!t->ctrl_count);
	while (!list_is_empty(&t->ports))
		nvme_port_remove(list_entry(t->ports.next, struct nvme_port, node));
	while (!list_is_empty(&t->subsystems)) /* with namespaces gone this ends at once */
		nvme_subsystem_remove(list_entry(t->subsystems.next, struct nvme_subsystem, node), NULL, NULL);
	while (!list_is_empty(&t->hosts))
		nvme_host_free(list_entry(t->hosts.next, struct nvme_host, node));
	while (!list_is_empty(&t->referrals))
		referral_free(list_entry(t->referrals.next, struct nvme_referral, node));
	if (t->discovery)
		free(t->discovery->ns);
	free(t->discovery);
	free(t->state_dir);
	pthread_mutex_destroy(&t->lock);
	free(t);
}

unsigned nvme_target_reactors(const struct nvme_target *t, struct reactor *const **out)
{
	*out = t->reactors;
	return t->reactor_count;
}

unsigned nvme_target_controllers(struct nvme_target *t)
{
	unsigned n;

	pthread_mutex_lock(&t->lock);
	n = t->ctrl_count;
	pthread_mutex_unlock(&t->lock);
	return n;
}

uint64_t nvme_target_generation(struct nvme_target *t)
{
	uint64_t n;

	pthread_mutex_lock(&t->lock);
	n = t->generation;
	pthread_mutex_unlock(&t->lock);
	return n;
}

void nvme_generation_bump(struct nvme_target *t)
{
	struct nvme_ctrl *c;

	t->generation++;
	if (!t->discovery)
		return;
	list_for_each (c, &t->discovery->ctrls, node)
		nvme_event_discovery(c);
}

/* --- ports --- */

static char *copy(const char *text)
{
	return text ? strdup(text) : NULL;
}

int nvme_port_config_copy(struct nvme_port_config *to, const struct nvme_port_config *from)
{
	*to = *from;
	to->traddr = copy(from->traddr ? from->traddr : "");
	to->trsvcid = copy(from->trsvcid ? from->trsvcid : "");
	to->advertise_traddr = copy(from->advertise_traddr);
	to->advertise_trsvcid = copy(from->advertise_trsvcid);
	return to->traddr && to->trsvcid ? 0 : -ENOMEM;
}

void nvme_port_config_free(struct nvme_port_config *c)
{
	free((char *)(uintptr_t)c->traddr);
	free((char *)(uintptr_t)c->trsvcid);
	free((char *)(uintptr_t)c->advertise_traddr);
	free((char *)(uintptr_t)c->advertise_trsvcid);
}

static struct nvme_port *port_by_id(struct nvme_target *t, uint16_t id)
{
	struct nvme_port *p;

	list_for_each (p, &t->ports, node)
		if (p->config.id == id)
			return p;
	return NULL;
}

static int port_check(struct nvme_target *t, const struct nvme_port_config *config)
{
	struct nvme_port *p;

	if (config->id && port_by_id(t, config->id))
		return refuse(EEXIST, "port %u exists already", config->id);
	if (t->ports_used == UINT64_MAX)
		return refuse(ENOSPC, "64 ports exist already, the limit");
	if (strlen(config->traddr) >= 256 || strlen(config->trsvcid) >= 32)
		return refuse(EINVAL, "port address '%.40s' is too long for the discovery log", config->traddr);
	list_for_each (p, &t->ports, node)
		if (p->config.trtype == config->trtype && !strcmp(p->config.traddr, config->traddr) &&
			!strcmp(p->config.trsvcid, config->trsvcid))
			return refuse(EEXIST, "port %u has address %s:%s already", p->config.id,
				config->traddr, config->trsvcid);
	return 0;
}

static uint16_t port_free_id(struct nvme_target *t)
{
	uint16_t id = 1;

	while (port_by_id(t, id))
		id++;
	return id;
}

int nvme_port_add(struct nvme_target *t, const struct nvme_port_config *config, struct nvme_port **out)
{
	struct nvme_port *p = calloc(1, sizeof(*p));
	int err;

	if (!p)
		return -ENOMEM;
	pthread_mutex_lock(&t->lock);
	err = port_check(t, config);
	if (!err)
		err = nvme_port_config_copy(&p->config, config);
	if (err) {
		pthread_mutex_unlock(&t->lock);
		free(p);
		return err;
	}
	if (!p->config.id)
		p->config.id = port_free_id(t);
	p->target = t;
	p->refs = 1;
	p->bit = (unsigned)__builtin_ctzll(~t->ports_used);
	t->ports_used |= 1ull << p->bit;
	memset(p->ana, NVME_ANA_OPTIMIZED, sizeof(p->ana));
	list_push_back(&t->ports, &p->node);
	nvme_generation_bump(t);
	pthread_mutex_unlock(&t->lock);
	*out = p;
	return 0;
}

void nvme_port_get(struct nvme_port *p)
{
	if (p)
		__atomic_add_fetch(&p->refs, 1, __ATOMIC_RELAXED);
}

void nvme_port_put(struct nvme_port *p)
{
	if (!p || __atomic_sub_fetch(&p->refs, 1, __ATOMIC_ACQ_REL))
		return;
	nvme_port_config_free(&p->config);
	free(p);
}

static void kill_on_port(struct nvme_subsystem *s, const struct nvme_port *p)
{
	struct nvme_ctrl *c;

	list_for_each (c, &s->ctrls, node)
		if (c->port == p)
			nvme_ctrl_kill(c);
}

void nvme_port_remove(struct nvme_port *p)
{
	struct nvme_target *t;
	struct nvme_subsystem *s;

	if (!p)
		return;
	t = p->target;
	pthread_mutex_lock(&t->lock);
	list_remove(&p->node);
	t->ports_used &= ~(1ull << p->bit);
	list_for_each (s, &t->subsystems, node) {
		kill_on_port(s, p);
		s->ports &= ~(1ull << p->bit);
	}
	if (t->discovery)
		kill_on_port(t->discovery, p);
	nvme_generation_bump(t);
	pthread_mutex_unlock(&t->lock);
	nvme_port_put(p);
}

uint16_t nvme_port_id(const struct nvme_port *p)
{
	return p->config.id;
}

const struct nvme_port_config *nvme_port_config(const struct nvme_port *p)
{
	return &p->config;
}

struct nvme_port *nvme_port_find(struct nvme_target *t, uint16_t id)
{
	struct nvme_port *p;

	pthread_mutex_lock(&t->lock);
	p = port_by_id(t, id);
	pthread_mutex_unlock(&t->lock);
	return p;
}

int nvme_port_ana_set(struct nvme_port *p, uint32_t group, enum nvme_ana_state state)
{
	struct nvme_target *t = p->target;
	struct nvme_subsystem *s;
	struct nvme_ctrl *c;

	if (!group || group > NVME_ANA_GROUPS_MAX)
		return refuse(EINVAL, "ANA group %u: expected 1 to %d", group, NVME_ANA_GROUPS_MAX);
	if (!nvme_ana_state_name(state))
		return refuse(EINVAL, "ANA state %d does not exist", state);
	pthread_mutex_lock(&t->lock);
	if (p->ana[group] != state) {
		__atomic_store_n(&p->ana[group], (uint8_t)state, __ATOMIC_RELEASE);
		t->ana_change++;
		list_for_each (s, &t->subsystems, node)
			list_for_each (c, &s->ctrls, node)
				if (c->port == p)
					nvme_event_ana(c);
	}
	pthread_mutex_unlock(&t->lock);
	return 0;
}

enum nvme_ana_state nvme_port_ana(const struct nvme_port *p, uint32_t group)
{
	return group && group <= NVME_ANA_GROUPS_MAX
		? (enum nvme_ana_state)__atomic_load_n(&p->ana[group], __ATOMIC_ACQUIRE)
		: NVME_ANA_INACCESSIBLE_STATE;
}

/* --- referrals --- */

static struct nvme_referral *referral_find(struct nvme_target *t, const char *traddr, const char *trsvcid)
{
	struct nvme_referral *r;

	list_for_each (r, &t->referrals, node)
		if (!strcmp(r->config.traddr, traddr) && !strcmp(r->config.trsvcid, trsvcid))
			return r;
	return NULL;
}

int nvme_referral_add(struct nvme_target *t, const struct nvme_port_config *where)
{
	struct nvme_referral *r = calloc(1, sizeof(*r)), *old;

	if (!r || nvme_port_config_copy(&r->config, where)) {
		free(r);
		return -ENOMEM;
	}
	pthread_mutex_lock(&t->lock);
	old = referral_find(t, r->config.traddr, r->config.trsvcid);
	if (old)
		referral_free(old);
	list_push_back(&t->referrals, &r->node);
	nvme_generation_bump(t);
	pthread_mutex_unlock(&t->lock);
	return 0;
}

int nvme_referral_remove(struct nvme_target *t, const char *traddr, const char *trsvcid)
{
	struct nvme_referral *r;

	pthread_mutex_lock(&t->lock);
	r = referral_find(t, traddr, trsvcid);
	if (r) {
		referral_free(r);
		nvme_generation_bump(t);
	}
	pthread_mutex_unlock(&t->lock);
	return r ? 0 : refuse(ENOENT, "no referral to %s:%s", traddr, trsvcid);
}
