/* SPDX-License-Identifier: BSD-3-Clause */
/* door: the library's life, its ports, and the one switch of the process. */
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "doca/flow/flow_door.h"

#include <rte_ethdev.h>

struct door door;

static struct flow_ctx *the_switch;
static uint16_t (*the_map)(uint16_t dpdk_port);
static int (*the_sender)(uint16_t manager, uint16_t id, bool on);

void flow_door_use(struct flow_ctx *ctx, uint16_t (*port_of)(uint16_t dpdk_port),
	int (*send)(uint16_t manager, uint16_t id, bool on))
{
	the_switch = ctx;
	the_map = port_of;
	the_sender = send;
}

struct flow_ctx *door_switch(void)
{
	return the_switch;
}

uint16_t door_port_number(uint16_t dpdk_port)
{
	return the_map ? the_map(dpdk_port) : dpdk_port;
}

/* ---- the library ---- */

static doca_error_t read_mode(const char *args)
{
	char copy[128], *save = NULL;
	bool known = false;

	snprintf(copy, sizeof(copy), "%s", args);
	for (char *word = strtok_r(copy, ",", &save); word; word = strtok_r(NULL, ",", &save)) {
		if (!strcmp(word, "vnf") || !strcmp(word, "switch")) {
			door.is_switch = word[0] == 's';
			known = true;
		} else if (!strcmp(word, "isolated")) {
			door.isolated = true;
		} else if (!strcmp(word, "expert")) {
			door.expert = true;
		} else if (strcmp(word, "hws") && strcmp(word, "cpds") && strcmp(word, "use_doca_eth") &&
			   strncmp(word, "hairpinq_num=", 13)) {
			return dcore_fail(DOCA_ERROR_INVALID_VALUE, "doca_flow_init: mode '%s' has the unknown word '%s'; known are vnf, switch, "
				"hws, isolated, expert, cpds, hairpinq_num=N, use_doca_eth", args, word);
		}
	}
	return known ? DOCA_SUCCESS
		     : dcore_fail(DOCA_ERROR_INVALID_VALUE, "doca_flow_init: mode '%s' is neither vnf nor switch", args);
}

doca_error_t doca_flow_init(struct doca_flow_cfg *cfg)
{
	doca_error_t err;

	DCORE_NOT_NULL(cfg);
	if (door.running)
		return dcore_fail(DOCA_ERROR_BAD_STATE, "doca_flow_init: it runs already");
	memset(&door, 0, sizeof(door));
	err = read_mode(cfg->mode);
	if (err != DOCA_SUCCESS)
		return err;
	door.queues = cfg->queues;
	door.depth = cfg->depth;
	door.entry_cb = cfg->entry_cb;
	door.tune_closed = cfg->tune_closed;
	door.pipe_cb = cfg->pipe_cb;
	door.defs = cfg->defs;
	door.rss = cfg->rss;
	memcpy(door.nr_shared, cfg->nr_shared, sizeof(door.nr_shared));
	door_fields_init();
	door.running = true;
	return DOCA_SUCCESS;
}

void doca_flow_destroy(void)
{
	if (!door.running)
		return;
	for (unsigned i = 0; i < DOOR_PORTS_MAX; i++)
		if (door.port[i])
			door_port_free(door.port[i]);
	pthread_mutex_lock(&door_tune_lock);
	memset(&door, 0, sizeof(door));
	pthread_mutex_unlock(&door_tune_lock);
}

/* ---- ports ---- */

static doca_error_t make_queues(struct doca_flow_port *port)
{
	for (unsigned i = 0; i < door.queues; i++) {
		port->queue[i].size = door.depth;
		port->queue[i].ring = calloc(door.depth, sizeof(struct door_completion));
		if (!port->queue[i].ring)
			return dcore_fail(DOCA_ERROR_NO_MEMORY, "doca_flow_port_start: no memory for queue %u", i);
	}
	return DOCA_SUCCESS;
}

static const enum doca_flow_resource resource_of[DOCA_FLOW_SHARED_RESOURCE_MAX] = {
	[DOCA_FLOW_SHARED_RESOURCE_METER] = DOCA_FLOW_RESOURCE_METER,
	[DOCA_FLOW_SHARED_RESOURCE_COUNTER] = DOCA_FLOW_RESOURCE_COUNTER,
	[DOCA_FLOW_SHARED_RESOURCE_RSS] = DOCA_FLOW_RESOURCE_RSS,
	[DOCA_FLOW_SHARED_RESOURCE_IPSEC_SA] = DOCA_FLOW_RESOURCE_IPSEC_SA,
	[DOCA_FLOW_SHARED_RESOURCE_PSP] = DOCA_FLOW_RESOURCE_PSP,
	[DOCA_FLOW_SHARED_RESOURCE_ENCAP] = DOCA_FLOW_RESOURCE_ENCAP,
	[DOCA_FLOW_SHARED_RESOURCE_DECAP] = DOCA_FLOW_RESOURCE_DECAP,
};

static doca_error_t make_shared(struct doca_flow_port *port, const struct doca_flow_port_cfg *cfg)
{
	for (unsigned t = 0; t < DOCA_FLOW_SHARED_RESOURCE_MAX; t++) {
		port->nr_shared[t] = MAX_OF(door.nr_shared[t], cfg->nr_resources[resource_of[t]]);
		port->shared[t] = calloc(port->nr_shared[t] + 1, sizeof(*port->shared[t]));
		if (!port->shared[t])
			return dcore_fail(DOCA_ERROR_NO_MEMORY, "doca_flow_port_start: no memory for shared resources");
	}
	return DOCA_SUCCESS;
}

/* Where unmatched packets of a port go: the application's queues, unless it wants none of them. */
static int set_default(struct doca_flow_port *port)
{
	struct flow_fwd fwd = {.kind = FLOW_FWD_QUEUE, .index = port->rss};

	if (port->kernel_miss)
		fwd = (struct flow_fwd){.kind = FLOW_FWD_KERNEL};
	else if (door.isolated || door.expert || port->state != DOCA_FLOW_PORT_OPERATION_STATE_ACTIVE)
		fwd = (struct flow_fwd){.kind = FLOW_FWD_NONE};
	return flow_set_default(door.ctx, port->port, FLOW_DOMAIN_DEFAULT, &fwd);
}

/* What a switch does for programs that do not ask for mode expert: the application sees where a packet came from, and sends
 * by any port through the manager's queues; what no egress pipe decides leaves by the port it was meant for. */
static int set_convenience(struct doca_flow_port *port, bool on)
{
	struct flow_fwd out = {.kind = FLOW_FWD_PORT, .port = port->port};
	int err;

	if (!door.is_switch || door.expert)
		return 0;
	flow_set_source(door.ctx, port->port, on ? port->id : -1);
	err = flow_set_default(door.ctx, port->port, FLOW_DOMAIN_EGRESS, on ? &out : NULL);
	if (!err && the_sender && port != port->manager)
		err = the_sender(port->manager->id, port->id, on);
	return err;
}

/* The queues of packets that no pipe decides: the port's configuration, or the library's; else all, by addresses and ports. */
static doca_error_t choose_rss(struct doca_flow_port *port, const struct flow_qset *own)
{
	const struct flow_qset *given = own->fields || own->nr_queues ? own : &door.rss;
	struct flow_qset set = *given;
	int index;

	if (!set.fields && !set.nr_queues && !door.rss.has_key)
		return DOCA_SUCCESS;
	if (!set.fields && !set.nr_queues)
		set.fields = FLOW_RSS_SRC | FLOW_RSS_DST | FLOW_RSS_SPORT | FLOW_RSS_DPORT;
	set.port = FLOW_PORT_NONE;
	set.has_key = door.rss.has_key;
	memcpy(set.key, door.rss.key, sizeof(set.key));
	index = flow_qset_add(door.ctx, &set);
	port->rss = index > 0 ? index : 0;
	return index < 0 ? dcore_from_errno(index, "doca_flow_port_start") : DOCA_SUCCESS;
}

/* The first port of a function manages its switch; in mode vnf every port is alone. */
static void join_switch(struct doca_flow_port *port)
{
	struct rte_ether_addr mac;

	port->group = port->dev ? dcore_dev_port(port->dev)->pf % FLOW_PORT_GROUPS : 0;
	if (!door.manager[port->group])
		door.manager[port->group] = port;
	port->manager = door.is_switch ? door.manager[port->group] : port;
	flow_set_group(door.ctx, port->port, FLOW_PORT_GROUP + port->group);
	if (!door.is_switch && rte_eth_dev_is_valid_port(port->id) && rte_eth_macaddr_get(port->id, &mac) == 0)
		flow_set_own_mac(door.ctx, port->port, mac.addr_bytes);
}

/* Where its packets go that no pipe decides, and whose it is; door_port_free() takes all of that back. */
static doca_error_t enter(struct doca_flow_port *port)
{
	int err;

	door.port[port->id] = port;
	join_switch(port);
	err = set_default(port);
	if (!err)
		err = set_convenience(port, true);
	return err ? dcore_from_errno(err, "doca_flow_port_start") : DOCA_SUCCESS;
}

/* The manager's place goes to the next port of its function. */
static void leave_switch(struct doca_flow_port *port)
{
	struct doca_flow_port *next = NULL;

	for (unsigned i = 0; i < DOOR_PORTS_MAX; i++) {
		struct doca_flow_port *other = door.port[i];

		if (!other || other == port || other->group != port->group)
			continue;
		next = next ? next : other;
		if (other->manager == port)
			other->manager = next;
	}
	if (door.manager[port->group] == port)
		door.manager[port->group] = next;
	flow_set_own_mac(door.ctx, port->port, NULL);
}

doca_error_t doca_flow_port_start(struct doca_flow_port_cfg *cfg, struct doca_flow_port **out)
{
	struct doca_flow_port *port;
	doca_error_t err;

	DCORE_NOT_NULL(cfg);
	DCORE_NOT_NULL(out);
	if (!door.running)
		return dcore_fail(DOCA_ERROR_BAD_STATE, "doca_flow_port_start: doca_flow_init comes first");
	if (!cfg->has_port_id)
		return dcore_fail(DOCA_ERROR_INVALID_VALUE, "doca_flow_port_start: the configuration has no port id");
	if (door.port[cfg->port_id])
		return dcore_fail(DOCA_ERROR_ALREADY_EXIST, "doca_flow_port_start: port %u runs already", cfg->port_id);
	if (cfg->rep && !door.is_switch)
		return dcore_fail(DOCA_ERROR_INVALID_VALUE, "doca_flow_port_start: port %u is a representor, which mode vnf has not", cfg->port_id);
	door.ctx = door_switch();
	if (!door.ctx)
		return dcore_fail(DOCA_ERROR_BAD_STATE, "doca_flow_port_start: no switch runs in this process; start the DPDK port %u "
			"(doca_dpdk_port_probe, rte_eth_dev_start) first", cfg->port_id);
	port = calloc(1, sizeof(*port));
	if (!port)
		return dcore_fail(DOCA_ERROR_NO_MEMORY, "doca_flow_port_start: no memory");
	port->id = cfg->port_id;
	port->port = door_port_number(cfg->port_id);
	port->dev = cfg->dev;
	port->state = cfg->state;
	port->priv = calloc(1, cfg->priv_size + 1u);
	err = port->priv ? make_queues(port) : dcore_fail(DOCA_ERROR_NO_MEMORY, "doca_flow_port_start: no memory");
	if (err == DOCA_SUCCESS)
		err = make_shared(port, cfg);
	if (err == DOCA_SUCCESS)
		err = choose_rss(port, &cfg->rss);
	if (err == DOCA_SUCCESS)
		err = enter(port);
	if (err != DOCA_SUCCESS) {
		door_port_free(port);
		return err;
	}
	*out = port;
	return DOCA_SUCCESS;
}

void door_port_free(struct doca_flow_port *port)
{
	while (port->pipes)
		door_pipe_free(port->pipes);
	if (door.port[port->id] == port) {
		flow_set_default(door.ctx, port->port, FLOW_DOMAIN_DEFAULT, NULL);
		set_convenience(port, false);
		leave_switch(port);
		pthread_mutex_lock(&door_tune_lock);
		door.port[port->id] = NULL;
		pthread_mutex_unlock(&door_tune_lock);
	}
	for (unsigned i = 0; i < DOOR_PORTS_MAX; i++)
		if (door.port[i] && door.port[i]->pair == port)
			door.port[i]->pair = NULL;
	door_geneve_port_gone(port);
	door_shared_free(port);
	for (unsigned i = 0; i < DOOR_QUEUES_MAX; i++)
		free(port->queue[i].ring);
	free(port->priv);
	free(port);
}

doca_error_t doca_flow_port_stop(struct doca_flow_port *port)
{
	if (port)
		door_port_free(port);
	return DOCA_SUCCESS;
}

doca_error_t doca_flow_port_pair(struct doca_flow_port *port, struct doca_flow_port *pair_port)
{
	DCORE_NOT_NULL(port);
	DCORE_NOT_NULL(pair_port);
	port->pair = pair_port;
	return DOCA_SUCCESS;
}

struct doca_flow_port *doca_flow_port_switch_get(const struct doca_flow_port *port)
{
	for (unsigned i = 0; !port && i < FLOW_PORT_GROUPS; i++)
		port = door.manager[i];
	return port ? port->manager : NULL;
}

uint8_t *doca_flow_port_priv_data(struct doca_flow_port *port)
{
	return port ? port->priv : NULL;
}

uint16_t doca_flow_port_get_port_id(const struct doca_flow_port *port)
{
	return port ? port->id : UINT16_MAX;
}

doca_error_t doca_flow_port_operation_state_modify(struct doca_flow_port *port, enum doca_flow_port_operation_state state)
{
	enum doca_flow_port_operation_state before;
	doca_error_t err;

	DCORE_NOT_NULL(port);
	before = port->state;
	port->state = state;
	err = dcore_from_errno(set_default(port), __func__);
	if (err != DOCA_SUCCESS)
		port->state = before;
	return err;
}

doca_error_t doca_flow_port_update_default_miss(struct doca_flow_port *port, uint32_t miss_bits, bool enable)
{
	bool before;
	doca_error_t err;

	DCORE_NOT_NULL(port);
	before = port->kernel_miss;
	if (miss_bits & ~(uint32_t)DOCA_FLOW_PORT_DEFAULT_MISS_KERNEL)
		return dcore_fail(DOCA_ERROR_INVALID_VALUE, "doca_flow_port_update_default_miss: unknown bits %#x", miss_bits);
	if (miss_bits & DOCA_FLOW_PORT_DEFAULT_MISS_KERNEL)
		port->kernel_miss = enable;
	err = dcore_from_errno(set_default(port), __func__);
	if (err != DOCA_SUCCESS)
		port->kernel_miss = before;
	return err;
}

void doca_flow_port_pipes_flush(struct doca_flow_port *port)
{
	while (port && port->pipes)
		door_pipe_free(port->pipes);
}

void doca_flow_port_pipes_dump(struct doca_flow_port *port, FILE *f)
{
	struct str text = STR_INIT;

	if (!port || !f)
		return;
	flow_dump(door.ctx, &text);
	fputs(str_text(&text), f);
	str_free(&text);
}

doca_error_t doca_flow_port_crypto_ipsec_update_sn(struct doca_flow_port *port, uint32_t crypto_id, uint64_t sn)
{
	return dcore_fail(DOCA_ERROR_NOT_SUPPORTED, "doca_flow_port_crypto_ipsec_update_sn: crypto is not there yet");
}
