/* SPDX-License-Identifier: BSD-3-Clause */
/* bringup: from a profile to a running switch, and back. Each step undoes itself when a later one fails. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "core/core_int.h"

LOG_MODULE("core.bringup");

#define MBUFS_BASE 16384u /* bursts, held packets, generated ones */
#define MBUFS_PER_PORT 16u /* an idle VF holds none; a 64 KiB super-packet takes 33 while it is here */
#define MBUF_MB_PER_K 3u   /* 1,024 mbufs of 2 KiB data and their headers, MiB */
#define MEMORY_MB_BASE 128u /* rings, tables and the allocator's own fragmentation */

static unsigned mbufs_wanted(const struct card *card)
{
	return MBUFS_BASE + MBUFS_PER_PORT * card->n_ports;
}

/* "0000:af:00.0,..." or "pci:...": a real NIC, for which the EAL must scan its bus. */
static bool is_pci(const char *devargs)
{
	struct card_bdf bdf;
	char address[16];
	bool yes;

	snprintf(address, sizeof(address), "%.*s", (int)strcspn(devargs, ","), devargs);
	yes = !strncmp(devargs, "pci:", 4) || card_bdf_parse(address, &bdf) == 0;
	refusal_clear();
	return yes;
}

static void note_devices(const struct card *card, struct port_eal_cfg *cfg)
{
	for (unsigned i = 0; i < card->n_ports; i++) {
		const struct card_attach *a = &card->ports[i].attach;

		if (a->kind != CARD_ATTACH_DPDK)
			continue;
		cfg->devices = true;
		cfg->pci = cfg->pci || (a->devargs && is_pci(a->devargs));
	}
}

static int memory_up(struct core *core)
{
	const struct card *card = core->card;
	unsigned n = mbufs_wanted(card);
	struct port_eal_cfg cfg = {
		.memory_mb = card->worker.memory_mb ? card->worker.memory_mb : MEMORY_MB_BASE + n / 1024 * MBUF_MB_PER_K};
	int err;

	note_devices(card, &cfg);
	err = port_eal_start(&cfg);
	if (err)
		return refuse_more(err, "card '%s'", card->name);
	core->pool = port_pool_create(card->name, n);
	return core->pool ? 0 : refuse_more(-ENOMEM, "card '%s'", card->name);
}

static int switch_up(struct core *core)
{
	struct esw_cfg cfg = {
		.name = core->card->name,
		.nr_workers = core->card->worker.count ? core->card->worker.count : 1,
		.pool = core->pool,
	};

	return esw_create(&cfg, &core->esw);
}

static enum node_port_role role_of(const struct card_port *cp)
{
	switch (cp->role) {
	case CARD_UPLINK:
		return NODE_PORT_UPLINK;
	case CARD_HPF:
		return NODE_PORT_HOST;
	default:
		return NODE_PORT_VF;
	}
}

static int bind_to_node(struct core *core, const struct card_port *cp, const struct port *port)
{
	struct node_port np = {
		.id = port->id,
		.name = cp->name,
		.role = role_of(cp),
		.pod = cp->pod,
		.mtu = (uint16_t)port->mtu,
		.spoof_check = cp->spoof_check,
	};

	memcpy(np.mac, port->mac, sizeof(np.mac));
	return core->node ? node_bind_port(core->node, &np) : 0;
}

int core_port_open(struct core *core, const struct card_port *cp, uint16_t id)
{
	unsigned workers = core->card->worker.count ? core->card->worker.count : 1;
	struct port_cfg cfg = {
		.id = id, .name = cp->name, .mtu = cp->mtu, .rx_queues = 1, .tx_queues = (uint16_t)workers, .pool = core->pool};
	struct port *port;
	int err;

	memcpy(cfg.mac, cp->mac, sizeof(cfg.mac));
	err = port_open(&cfg, &cp->attach, &port);
	if (err)
		return refuse_more(err, "%s:%d: port %s", core->card->path, cp->line, cp->name);
	err = esw_port_add(core->esw, port);
	if (err)
		goto close_port;
	err = bind_to_node(core, cp, port);
	if (err)
		goto remove_port;
	core->port[id] = port;
	return 0;

remove_port:
	esw_port_remove(core->esw, id);
close_port:
	port_close(port);
	return err;
}

void core_port_close(struct core *core, uint16_t id)
{
	if (!core->port[id])
		return;
	if (core->node)
		node_unbind_port(core->node, id);
	esw_port_remove(core->esw, id);
	port_close(core->port[id]);
	core->port[id] = NULL;
}

static int ports_up(struct core *core)
{
	for (unsigned i = 0; !core->quiet_ports && i < core->card->n_ports; i++) {
		int err = core_port_open(core, &core->card->ports[i], (uint16_t)i);

		if (err)
			return err;
	}
	return 0;
}

static int node_up(struct core *core)
{
	struct node_cfg cfg = {.card = &core->card->node, .capacity = (uint32_t)core->card->limits.connections,
		.nr_workers = core->card->worker.count ? core->card->worker.count : 1};
	int err;

	if (!core->card->node.name[0])
		return 0;
	err = node_create(&cfg, &core->node);
	return err ? err : node_attach(core->node, core->esw);
}

static int watch(struct core *core, int fd)
{
	struct epoll_event ev = {.events = EPOLLIN, .data.fd = fd};

	return epoll_ctl(core->epoll, EPOLL_CTL_ADD, fd, &ev) < 0 ? refuse(errno, "epoll: %s", strerror(errno)) : 0;
}

static int methods_up(struct core *core)
{
	int (*const sets[])(struct core *) = {core_status_methods, core_flows_methods, core_drops_methods,
		core_capture_methods, core_reload_methods, core_node_methods};

	for (size_t i = 0; i < ARRAY_SIZE(sets); i++) {
		int err = sets[i](core);

		if (err)
			return err;
	}
	return 0;
}

static int metrics_up(struct core *core)
{
	int err;

	if (!core->card->node.metrics)
		return 0;
	err = metrics_create(core->card->node.metrics, &core->metrics);
	if (!err)
		err = metrics_register(core->metrics, core_export, core);
	return err ? err : watch(core, metrics_fd(core->metrics));
}

static int control_up(struct core *core, const char *group)
{
	char path[CTL_PATH_MAX];
	int err;

	/* one name for every program, so the tools find any switch; status tells which program it is */
	err = card_run_path(core->card, "softdpud.sock", path, sizeof(path));
	if (!err)
		err = ctl_server_create(path, group, &core->ctl);
	if (!err)
		err = watch(core, ctl_server_fd(core->ctl));
	if (!err)
		err = methods_up(core);
	if (!err)
		err = metrics_up(core);
	if (!err)
		log_info("card '%s': control socket %s", core->card->name, path);
	return err;
}

static int loop_up(struct core *core)
{
	core->epoll = epoll_create1(EPOLL_CLOEXEC);
	core->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (core->epoll < 0 || core->wake < 0)
		return refuse(errno, "card '%s': %s", core->card->name, strerror(errno));
	return watch(core, core->wake);
}

int core_create(const struct core_cfg *cfg, struct core **out)
{
	struct core *core = calloc(1, sizeof(*core));
	int err;

	if (!core)
		return refuse(ENOMEM, "card '%s': no memory", cfg->card->name);
	core->card = cfg->card;
	core->program = cfg->program ? cfg->program : "softdpu";
	core->quiet_ports = cfg->quiet_ports;
	core->epoll = core->wake = -1;
	core->started_ns = clock_now_ns();
	err = card_lease_take(core->card, &core->lease);
	if (!err)
		err = loop_up(core);
	if (!err)
		err = memory_up(core);
	if (!err)
		err = switch_up(core);
	if (!err)
		err = node_up(core);
	if (!err)
		err = ports_up(core);
	if (!err && !cfg->no_ctl)
		err = control_up(core, cfg->group);
	if (err) {
		core->card = NULL; /* still the caller's */
		core_destroy(core);
		return err;
	}
	*out = core;
	return 0;
}

void core_destroy(struct core *core)
{
	if (!core)
		return;
	core_stop(core);
	core_capture_end_all(core);
	ctl_server_destroy(core->ctl);
	metrics_destroy(core->metrics);
	for (unsigned i = 0; i < CARD_PORTS_MAX; i++)
		core_port_close(core, (uint16_t)i);
	if (core->node)
		node_detach(core->node);
	node_destroy(core->node);
	esw_destroy(core->esw);
	port_pool_destroy(core->pool);
	if (core->wake >= 0)
		close(core->wake);
	if (core->epoll >= 0)
		close(core->epoll);
	card_lease_release(core->lease);
	card_destroy(core->card);
	free(core);
}

int core_start(struct core *core)
{
	int err = esw_start(core->esw);

	if (!err)
		err = core_keeper_start(core);
	if (err)
		esw_stop(core->esw);
	core->started = !err;
	return err;
}

void core_stop(struct core *core)
{
	core_keeper_stop(core);
	if (core->esw)
		esw_stop(core->esw);
	core->started = false;
}

void core_wake(struct core *core)
{
	uint64_t one = 1;

	if (write(core->wake, &one, sizeof(one)) < 0)
		return; /* the counter is full: it will wake anyway */
}

void core_process(struct core *core, int timeout_ms)
{
	struct epoll_event ev[4];
	uint64_t drained;

	if (core_capture_pump(core))
		timeout_ms = 0;
	else if (core->taps)
		timeout_ms = MIN_OF((unsigned)timeout_ms, 10u);
	if (epoll_wait(core->epoll, ev, ARRAY_SIZE(ev), timeout_ms) <= 0)
		return;
	if (read(core->wake, &drained, sizeof(drained)) < 0)
		drained = 0;
	if (core->ctl)
		ctl_server_process(core->ctl);
	if (core->metrics)
		metrics_process(core->metrics, clock_now_ns());
}

const struct card_port *core_card_port(const struct core *core, uint16_t id)
{
	return id < core->card->n_ports && core->port[id] ? &core->card->ports[id] : NULL;
}

int core_port_find(const struct core *core, const char *name, bool any, uint16_t *id)
{
	char list[256] = "";
	size_t used = 0;

	if (any && !strcmp(name, "any")) {
		*id = FLOW_PORT_NONE;
		return 0;
	}
	for (unsigned i = 0; i < ESW_PORTS_MAX; i++) {
		const struct port *port = esw_port(core->esw, (uint16_t)i);

		if (!port)
			continue;
		if (!strcmp(port->name, name)) {
			*id = port->id;
			return 0;
		}
		if (used < sizeof(list) - PORT_NAME_MAX - 4)
			used += (size_t)snprintf(list + used, sizeof(list) - used, "%s%s", used ? ", " : "", port->name);
	}
	return refuse(ENOENT, "port '%s': no such port; there are: %s", name, list);
}

struct esw *core_esw(struct core *core)
{
	return core->esw;
}

struct node *core_node(struct core *core)
{
	return core->node;
}

const struct card *core_card(const struct core *core)
{
	return core->card;
}
