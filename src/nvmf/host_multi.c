/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Several paths to one subsystem. A command goes to the best usable path: optimized before
 * non-optimized, then by policy. When its path dies, or answers with an ANA or path status, it goes to
 * another; with none usable it waits in line until one comes up or no_path_ms have passed.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/refuse.h"
#include "nvmf/host_int.h"

#define PATHS_MAX 32

struct path {
	struct nvmf_multi *multi;
	struct nvmf_host *host;
	void (*on_state)(void *arg, struct nvmf_host *h, enum nvmf_host_state state, int err);
	void (*on_event)(void *arg, struct nvmf_host *h, enum nvmf_host_event event);
	void *arg;
	uint64_t latency; /* smoothed, ns */
};

struct nvmf_multi {
	struct reactor *reactor;
	enum nvmf_policy policy;
	uint64_t no_path_ns;
	struct path *paths[PATHS_MAX];
	unsigned count, turn;
	struct nvmf_io *line, **line_tail; /* wait for a path */
	struct reactor_timer timer;
	struct reactor_task kick;
	bool destroying;
	void (*done)(void *arg);
	void *done_arg;
};

void nvmf_io_finish(struct nvmf_io *io, uint16_t status)
{
	io->status = status;
	if (io->path_done)
		io->path_done(io);
	else
		io->done(io);
}

/* --- choosing --- */

static int rank(const struct path *p, uint32_t nsid)
{
	const struct nvmf_ns *ns;

	if (nvmf_host_state(p->host) != NVMF_HOST_LIVE)
		return 0;
	ns = nvmf_host_ns(p->host, nsid);
	if (!ns)
		return 0;
	return ns->ana == NVME_ANA_OPTIMIZED ? 2 : ns->ana == NVME_ANA_NON_OPTIMIZED ? 1 : 0;
}

static uint64_t cost(const struct nvmf_multi *m, const struct path *p)
{
	unsigned depth = nvmf_host_inflight(p->host);

	return m->policy == NVMF_LATENCY ? (p->latency + 1) * (depth + 1) : depth;
}

static struct path *choose(struct nvmf_multi *m, uint32_t nsid)
{
	struct path *best = NULL;
	int best_rank = 0;

	for (unsigned i = 0; i < m->count; i++) {
		struct path *p = m->paths[(m->turn + i) % m->count];
		int r = rank(p, nsid);

		if (!r || r < best_rank)
			continue;
		if (r > best_rank || (m->policy != NVMF_ROUND_ROBIN && cost(m, p) < cost(m, best))) {
			best = p;
			best_rank = r;
		}
	}
	if (best && m->policy == NVMF_ROUND_ROBIN)
		while (m->paths[m->turn++ % m->count] != best)
			;
	return best;
}

/* --- commands --- */

static void path_done(struct nvmf_io *io);

static void stand_in_line(struct nvmf_multi *m, struct nvmf_io *io)
{
	io->next = NULL;
	*m->line_tail = io;
	m->line_tail = &io->next;
	if (!m->timer.slot)
		reactor_timer_arm(m->reactor, &m->timer, reactor_now(m->reactor) + 100 * NS_PER_MS);
}

static void send(struct nvmf_multi *m, struct nvmf_io *io)
{
	struct path *p = m->destroying ? NULL : choose(m, io->cmd.nsid);

	if (!p) {
		stand_in_line(m, io);
		return;
	}
	io->path = p;
	io->path_done = path_done;
	nvmf_host_submit(p->host, io);
}

static bool is_path_trouble(uint16_t status)
{
	uint16_t code = status & 0x7ff;

	return code == NVME_SC_HOST_PATH_ERROR || (code >> 8) == 3 || code == NVME_SC_ABORT_SQ_DELETED;
}

static void note_latency(struct path *p, const struct nvmf_io *io)
{
	uint64_t took = reactor_now(p->multi->reactor) - io->submitted;

	p->latency = p->latency ? (p->latency * 15 + took) / 16 : took;
}

static void path_done(struct nvmf_io *io)
{
	struct nvmf_multi *m = io->multi;

	if (is_path_trouble(io->status)) {
		/* not from inside the path's own teardown: every command would find it half dead */
		io->retries++;
		stand_in_line(m, io);
		reactor_task_queue(m->reactor, &m->kick);
		return;
	}
	note_latency(io->path, io);
	io->path_done = NULL;
	io->done(io);
}

static void try_line(struct nvmf_multi *m)
{
	struct nvmf_io *line = m->line, *io;
	uint64_t now = reactor_now(m->reactor);

	m->line = NULL;
	m->line_tail = &m->line;
	while ((io = line)) {
		line = io->next;
		if (m->destroying || (m->no_path_ns != UINT64_MAX && now - io->submitted > m->no_path_ns &&
					     !choose(m, io->cmd.nsid))) {
			io->status = m->destroying ? NVME_SC_HOST_ABORTED : NVME_SC_HOST_PATH_ERROR;
			io->path_done = NULL;
			io->done(io);
			continue;
		}
		send(m, io);
	}
}

static void kick_run(struct reactor_task *task)
{
	try_line(container_of(task, struct nvmf_multi, kick));
}

static void timer_fire(struct reactor_timer *timer)
{
	try_line(container_of(timer, struct nvmf_multi, timer));
}

void nvmf_multi_submit(struct nvmf_multi *m, struct nvmf_io *io)
{
	io->multi = m;
	io->retries = 0;
	io->submitted = reactor_now(m->reactor);
	io->path_done = path_done;
	send(m, io);
}

/* --- paths --- */

static void end(struct nvmf_multi *m)
{
	void (*done)(void *) = m->done;
	void *arg = m->done_arg;

	try_line(m);
	reactor_timer_cancel(m->reactor, &m->timer);
	if (m->kick.queued)
		return; /* kick_run() must not meet freed memory: see end_later() */
	free(m);
	if (done)
		done(arg);
}

static void end_later(struct reactor_task *task)
{
	end(container_of(task, struct nvmf_multi, kick));
}

static void drop_path(struct path *p)
{
	struct nvmf_multi *m = p->multi;
	unsigned i = 0;

	while (m->paths[i] != p)
		i++;
	m->paths[i] = m->paths[--m->count];
	free(p);
	if (m->destroying && !m->count) {
		m->kick.run = end_later;
		reactor_task_queue(m->reactor, &m->kick);
	}
}

static void state_changed(void *arg, struct nvmf_host *h, enum nvmf_host_state state, int err)
{
	struct path *p = arg;
	struct nvmf_multi *m = p->multi;

	if (p->on_state)
		p->on_state(p->arg, h, state, err);
	if (state == NVMF_HOST_LIVE)
		reactor_task_queue(m->reactor, &m->kick);
	if (state == NVMF_HOST_GONE)
		drop_path(p);
}

static void event_came(void *arg, struct nvmf_host *h, enum nvmf_host_event event)
{
	struct path *p = arg;

	reactor_task_queue(p->multi->reactor, &p->multi->kick);
	if (p->on_event)
		p->on_event(p->arg, h, event);
}

int nvmf_multi_create(struct reactor *r, enum nvmf_policy policy, uint32_t no_path_ms, struct nvmf_multi **out)
{
	struct nvmf_multi *m = calloc(1, sizeof(*m));

	if (!m)
		return -ENOMEM;
	m->reactor = r;
	m->policy = policy;
	m->no_path_ns = no_path_ms == UINT32_MAX ? UINT64_MAX : no_path_ms * NS_PER_MS;
	m->line_tail = &m->line;
	m->timer.fire = timer_fire;
	m->kick.run = kick_run;
	*out = m;
	return 0;
}

int nvmf_multi_add(struct nvmf_multi *m, const struct nvmf_host_options *options)
{
	struct nvmf_host_options o = *options;
	struct path *p;
	int err;

	if (m->count == PATHS_MAX)
		return refuse(ENOSPC, "%d paths exist already, the limit", PATHS_MAX);
	p = calloc(1, sizeof(*p));
	if (!p)
		return -ENOMEM;
	*p = (struct path){.multi = m, .on_state = o.on_state, .on_event = o.on_event, .arg = o.arg};
	o.reactor = m->reactor;
	o.on_state = state_changed;
	o.on_event = event_came;
	o.arg = p;
	err = nvmf_host_create(&o, &p->host);
	if (err) {
		free(p);
		return err;
	}
	m->paths[m->count++] = p;
	nvmf_host_start(p->host);
	return 0;
}

void nvmf_multi_remove(struct nvmf_multi *m, struct nvmf_host *path)
{
	nvmf_host_destroy(path);
}

void nvmf_multi_destroy(struct nvmf_multi *m, void (*done)(void *arg), void *arg)
{
	if (!m || m->destroying)
		return;
	m->destroying = true;
	m->done = done;
	m->done_arg = arg;
	for (unsigned i = m->count; i-- > 0;)
		nvmf_host_destroy(m->paths[i]->host);
	if (!m->count) {
		m->kick.run = end_later;
		reactor_task_queue(m->reactor, &m->kick);
	}
}

unsigned nvmf_multi_live(const struct nvmf_multi *m)
{
	unsigned n = 0;

	for (unsigned i = 0; i < m->count; i++)
		n += nvmf_host_state(m->paths[i]->host) == NVMF_HOST_LIVE;
	return n;
}

struct nvmf_host *nvmf_multi_path(const struct nvmf_multi *m, unsigned i)
{
	return i < m->count ? m->paths[i]->host : NULL;
}

/* --- words --- */

const char *nvmf_status_text(uint16_t status)
{
	static const struct {
		uint16_t code;
		const char *text;
	} texts[] = {
		{NVME_SC_SUCCESS, "success"},
		{NVME_SC_INVALID_OPCODE, "invalid opcode"},
		{NVME_SC_INVALID_FIELD, "invalid field in command"},
		{NVME_SC_TRANSIENT_TRANSPORT, "transient transport error"},
		{NVME_SC_ABORT_REQUESTED, "aborted"},
		{NVME_SC_INVALID_NS, "invalid namespace"},
		{NVME_SC_SEQUENCE, "command sequence error"},
		{NVME_SC_NS_WRITE_PROTECTED, "namespace is write protected"},
		{NVME_SC_NS_NOT_READY, "namespace not ready"},
		{NVME_SC_LBA_RANGE, "LBA out of range"},
		{NVME_SC_CAPACITY_EXCEEDED, "capacity exceeded"},
		{NVME_SC_RESERVATION_CONFLICT, "reservation conflict"},
		{NVME_SC_CONNECT_INVALID_PARAM, "connect: invalid parameters (is the subsystem NQN right?)"},
		{NVME_SC_CONNECT_INVALID_HOST, "connect: this host is not allowed"},
		{NVME_SC_CONNECT_BUSY, "connect: controller busy"},
		{NVME_SC_AUTH_REQUIRED, "authentication required"},
		{NVME_SC_WRITE_FAULT, "write fault"},
		{NVME_SC_UNRECOVERED_READ, "unrecovered read error"},
		{NVME_SC_COMPARE_FAILED, "compare failure"},
		{NVME_SC_INTERNAL, "internal error"},
		{NVME_SC_ANA_INACCESSIBLE, "ANA inaccessible"},
		{NVME_SC_ANA_PERSISTENT_LOSS, "ANA persistent loss"},
		{NVME_SC_ANA_TRANSITION, "ANA transition"},
		{NVME_SC_HOST_PATH_ERROR, "the path was lost"},
		{NVME_SC_HOST_ABORTED, "aborted by the host"},
	};
	static _Thread_local char text[80];
	const char *name = "status";

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		if (texts[i].code == (status & 0x7ff))
			name = texts[i].text;
	snprintf(text, sizeof(text), "%s (%#x%s)", name, status & 0x7ff, status & NVME_SC_DNR ? ", DNR" : "");
	return text;
}
