/* SPDX-License-Identifier: BSD-3-Clause */
#include "nvmf/perf.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/base.h"
#include "base/clock.h"
#include "base/refuse.h"
#include "base/rng.h"
#include "nvmf/stream.h"

struct load;

struct job {
	struct nvmf_io io;
	struct conn *conn;
	uint64_t started, offset;
	bool write;
};

struct conn {
	struct load *load;
	struct nvmf_host *host;
	struct job *jobs;
	uint8_t *data;
};

struct load {
	const struct nvmf_perf_options *o;
	struct reactor *reactor;
	struct conn *conns;
	unsigned count, live, failed, gone, inflight;
	struct rng rng;
	struct hist *hist;
	uint64_t next, blocks, from, until;
	uint32_t block_size, turn;
	bool stopping;
	struct nvmf_perf_result r;
};

static void stamp(struct job *j, uint32_t len)
{
	for (uint32_t i = 0; i < len; i += 512) {
		uint64_t mark[2] = {j->offset + i, (uint64_t)j->io.cmd.nsid * 0x9e3779b97f4a7c15ull};

		memcpy((uint8_t *)j->io.buf + i, mark, sizeof(mark));
	}
}

static bool check(const struct job *j, uint32_t len)
{
	for (uint32_t i = 0; i < len; i += 512) {
		uint64_t want[2] = {j->offset + i, (uint64_t)j->io.cmd.nsid * 0x9e3779b97f4a7c15ull};
		static const uint64_t never[2];
		const uint8_t *p = (const uint8_t *)j->io.buf + i;

		if (memcmp(p, want, sizeof(want)) && memcmp(p, never, sizeof(never)))
			return false;
	}
	return true;
}

static uint64_t pick(struct load *l)
{
	return l->o->sequential ? l->next++ % l->blocks : rng_below(&l->rng, l->blocks);
}

static void submit(struct job *j)
{
	struct load *l = j->conn->load;
	const struct nvmf_perf_options *o = l->o;

	j->offset = pick(l) * o->block;
	j->write = o->write_percent && rng_below(&l->rng, 100) < o->write_percent;
	j->io.cmd.opcode = j->write ? NVME_IO_WRITE : NVME_IO_READ;
	j->io.cmd.nsid = o->nsid + (o->namespaces > 1 ? l->turn++ % o->namespaces : 0);
	j->io.cmd.rw.slba = j->offset / l->block_size;
	j->io.cmd.rw.nlb = (uint16_t)(o->block / l->block_size - 1);
	j->io.dir = j->write ? NVME_DIR_FROM_HOST : NVME_DIR_TO_HOST;
	if (j->write && o->verify)
		stamp(j, o->block);
	j->started = clock_now_ns();
	l->inflight++;
	nvmf_host_submit(j->conn->host, &j->io);
}

static void account(struct job *j, uint64_t now)
{
	struct load *l = j->conn->load;

	if (j->io.status) {
		l->r.errors++;
		return;
	}
	if (!j->write && l->o->verify && !check(j, l->o->block))
		l->r.mismatches++;
	if (now < l->from || now > l->until)
		return;
	l->r.ops++;
	l->r.bytes += l->o->block;
	hist_record(l->hist, now - j->started);
}

static void finished(struct nvmf_io *io)
{
	struct job *j = container_of(io, struct job, io);
	struct load *l = j->conn->load;

	l->inflight--;
	account(j, clock_now_ns());
	if (!l->stopping && !io->status)
		submit(j);
}

static int find_namespace(struct load *l, struct nvmf_host *h)
{
	const struct nvmf_ns *ns = nvmf_host_ns(h, l->o->nsid);
	uint64_t bytes;

	if (!ns)
		return refuse(ENOENT, "%s has no namespace %u for this host", l->o->host.subnqn, l->o->nsid);
	l->block_size = ns->block_size;
	bytes = ns->blocks * ns->block_size;
	if (l->o->span)
		bytes = MIN_OF(bytes, l->o->span);
	l->blocks = bytes / l->o->block;
	if (l->o->block % ns->block_size || !l->blocks || l->o->block > nvmf_host_max_data(h))
		return refuse(EINVAL, "commands of %u bytes do not fit a namespace of %llu bytes, blocks of %u and "
				      "at most %u bytes per command",
			l->o->block, (unsigned long long)bytes, ns->block_size, nvmf_host_max_data(h));
	return 0;
}

static void state_changed(void *arg, struct nvmf_host *h, enum nvmf_host_state state, int err)
{
	struct conn *c = arg;

	c->load->live += state == NVMF_HOST_LIVE;
	c->load->failed += state == NVMF_HOST_FAILED;
	c->load->gone += state == NVMF_HOST_GONE;
}

static int connect_all(struct load *l)
{
	uint64_t give_up = clock_now_ns() + 10 * NS_PER_SEC;

	for (unsigned i = 0; i < l->count; i++) {
		struct nvmf_host_options ho = l->o->host;
		struct conn *c = &l->conns[i];
		int err;

		c->load = l;
		ho.reactor = l->reactor;
		ho.io_queues = 1;
		ho.on_state = state_changed;
		ho.arg = c;
		ho.ctrl_loss_ms = 5000;
		err = nvmf_host_create(&ho, &c->host);
		if (err)
			return err;
		nvmf_host_start(c->host);
	}
	while (l->live < l->count && !l->failed && clock_now_ns() < give_up)
		reactor_run_once(l->reactor, 100 * NS_PER_MS);
	for (unsigned i = 0; i < l->count && l->live < l->count; i++)
		if (nvmf_host_state(l->conns[i].host) != NVMF_HOST_LIVE)
			return refuse(ECONNREFUSED, "%s: %s", nvmf_host_address(l->conns[i].host),
				nvmf_host_trouble(l->conns[i].host));
	return find_namespace(l, l->conns[0].host);
}

#define HUGE_PAGE (2u << 20)

/* Much of it on huge pages where there are some: a copy through the socket misses the TLB on each small one. */
static uint8_t *make_data(size_t bytes)
{
	size_t align = bytes < HUGE_PAGE ? 4096 : HUGE_PAGE;
	uint8_t *p = aligned_alloc(align, (bytes + align - 1) / align * align);

	if (!p)
		return NULL;
	if (align == HUGE_PAGE)
		madvise(p, bytes, MADV_HUGEPAGE);
	memset(p, 0x5a, bytes);
	return p;
}

static int make_jobs(struct load *l)
{
	const struct nvmf_perf_options *o = l->o;

	for (unsigned i = 0; i < l->count; i++) {
		struct conn *c = &l->conns[i];

		c->jobs = calloc(o->depth, sizeof(*c->jobs));
		c->data = make_data((size_t)o->depth * o->block);
		if (!c->jobs || !c->data)
			return refuse(ENOMEM, "no memory for %u commands of %u bytes", o->depth, o->block);
		for (unsigned d = 0; d < o->depth; d++) {
			c->jobs[d].conn = c;
			c->jobs[d].io = (struct nvmf_io){.buf = c->data + (size_t)d * o->block,
				.len = o->block, .done = finished};
		}
	}
	return 0;
}

static void run(struct load *l)
{
	uint64_t start = clock_now_ns();

	l->from = start + (uint64_t)(l->o->warmup * 1e9);
	l->until = l->from + (uint64_t)(l->o->seconds * 1e9);
	for (unsigned i = 0; i < l->count; i++)
		for (unsigned d = 0; d < l->o->depth; d++)
			submit(&l->conns[i].jobs[d]);
	while (clock_now_ns() < l->until && l->inflight)
		reactor_run_once(l->reactor, 100 * NS_PER_MS);
	l->stopping = true;
	while (l->inflight)
		reactor_run_once(l->reactor, 100 * NS_PER_MS);
}

static void leave(struct load *l)
{
	unsigned made = 0;

	for (unsigned i = 0; i < l->count; i++) {
		made += l->conns[i].host != NULL;
		nvmf_host_destroy(l->conns[i].host);
	}
	while (l->gone < made)
		reactor_run_once(l->reactor, 100 * NS_PER_MS);
	for (unsigned i = 0; i < l->count; i++) {
		free(l->conns[i].jobs);
		free(l->conns[i].data);
	}
}

static void summarize(struct load *l, struct nvmf_perf_result *out)
{
	*out = l->r;
	out->seconds = l->o->seconds;
	out->iops = (double)l->r.ops / l->o->seconds;
	out->bytes_per_s = (double)l->r.bytes / l->o->seconds;
	out->latency_mean_ns = (uint64_t)hist_mean(l->hist);
	out->p50_ns = hist_quantile(l->hist, 0.5);
	out->p99_ns = hist_quantile(l->hist, 0.99);
	out->p999_ns = hist_quantile(l->hist, 0.999);
	out->max_ns = hist_max(l->hist);
}

static void pin(int cpu)
{
	cpu_set_t set;

	if (cpu < 0)
		return;
	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	sched_setaffinity(0, sizeof(set), &set);
}

int nvmf_perf_run(const struct nvmf_perf_options *options, struct nvmf_perf_result *out)
{
	static const uint32_t few[REACTOR_BUF_CLASSES] = {16, 4, 1, 1};
	struct reactor_options ro = {.cpu = -1, .spin_ns = options->spin_ns, .name = "perf"};
	struct load l = {.o = options, .count = options->connections ? options->connections : 1};
	int err;

	memcpy(ro.buffers, few, sizeof(few));
	pin(options->cpu);
	err = reactor_create(&ro, &l.reactor);
	if (err)
		return err;
	rng_init(&l.rng, options->seed);
	l.conns = calloc(l.count, sizeof(*l.conns));
	l.hist = calloc(1, sizeof(*l.hist));
	err = l.conns && l.hist ? connect_all(&l) : -ENOMEM;
	if (!err)
		err = make_jobs(&l);
	if (!err) {
		run(&l);
		summarize(&l, out);
	}
	leave(&l);
	stream_pool_drop(l.reactor);
	reactor_destroy(l.reactor);
	free(l.conns);
	free(l.hist);
	return err;
}
