/* SPDX-License-Identifier: BSD-3-Clause */
/* A whole world on one virtual reactor: target, server, hosts over pipes. Shared by the room's tests. */
#ifndef TEST_NVMF_RIG_H
#define TEST_NVMF_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/refuse.h"
#include "base/rng.h"
#include "nvmf/host.h"
#include "nvmf/nvmf.h"
#include "nvmf/stream.h"

#define RIG_NQN "nqn.2026-11.test:rig"
#define RIG_HOST "nqn.2026-11.test:host"

struct rig {
	struct reactor *reactor;
	struct nvme_target *target;
	struct nvmf_server *server;
	struct nvme_port *port, *secure_port; /* rig_dial() uses the latter once rig_secure() made it */
	const char *psk;
	struct nvme_subsystem *subsys;
	struct nvme_namespace *ns;
	struct blk_dev *dev;
	struct stream_faults to_host, to_target;
	uint64_t streams;
	bool refuse_dials;
	struct stream *last_host_end, *host_end[16], *target_end[16]; /* newest; by number of dial */
	enum nvmf_host_state state;
	unsigned gone, lives;
	void (*network)(void); /* moves what is under way, for a network that is not of pipes */
	struct nvmf_listener *rdma;
};

static inline void rig_step(struct rig *r, uint64_t ns)
{
	reactor_advance(r->reactor, ns);
	if (r->network)
		r->network();
	reactor_run_once(r->reactor, 0);
}

/* Runs until quiet, moving the clock when nothing is left to do now. */
static inline void rig_settle(struct rig *r, uint64_t ns)
{
	for (uint64_t t = 0; t < ns; t += 100 * NS_PER_US)
		rig_step(r, 100 * NS_PER_US);
}

static const char *rig_state_dir; /* of targets opened from now on */

static inline void rig_open(struct rig *r, const char *uri, uint32_t held, const uint32_t buffers[4])
{
	struct reactor_options ro = {.virtual_time = true, .cpu = -1};

	memset(r, 0, sizeof(*r));
	if (buffers)
		memcpy(ro.buffers, buffers, sizeof(ro.buffers));
	else
		memcpy(ro.buffers, (uint32_t[]){64, 16, 8, 4}, sizeof(ro.buffers));
	assert_int_equal(reactor_create(&ro, &r->reactor), 0);
	assert_int_equal(nvme_target_create(&(struct nvme_target_options){.reactors = &r->reactor,
						    .reactor_count = 1, .queue_size = 64, .io_queues = 4,
						    .state_dir = rig_state_dir},
				 &r->target), 0);
	assert_int_equal(nvmf_server_create(&(struct nvmf_server_options){.target = r->target,
						    .held_bytes = held, .in_capsule_bytes = 4096},
				 &r->server), 0);
	assert_int_equal(nvme_port_add(r->target, &(struct nvme_port_config){.trtype = NVME_TRTYPE_TCP,
						      .traddr = "192.0.2.1", .trsvcid = "4420"},
				 &r->port), 0);
	assert_int_equal(nvme_subsystem_add(r->target, &(struct nvme_subsystem_config){.nqn = RIG_NQN,
							   .allow_any_host = true},
				 &r->subsys), 0);
	if (blk_open(uri, &r->dev))
		fail_msg("%s", refusal());
	assert_int_equal(nvme_namespace_add(r->subsys, &(struct nvme_namespace_config){.dev = blk_ref(r->dev)},
				 &r->ns), 0);
}

static inline int rig_dial(void *arg, uint16_t qid, struct stream **out)
{
	struct rig *r = arg;
	struct stream *host, *target;

	if (r->refuse_dials)
		return -ECONNREFUSED;
	assert_int_equal(stream_pipe(r->reactor, &host, &target), 0);
	r->to_host.seed = r->to_target.seed = ++r->streams;
	stream_pipe_faults(target, &r->to_host);
	stream_pipe_faults(host, &r->to_target);
	assert_int_equal(nvmf_attach(r->server, r->reactor, r->secure_port ? r->secure_port : r->port, target,
				 "192.0.2.1"), 0);
	r->last_host_end = r->host_end[r->streams % 16] = host;
	r->target_end[r->streams % 16] = target;
	*out = host;
	return 0;
}

static inline void rig_state(void *arg, struct nvmf_host *h, enum nvmf_host_state state, int err)
{
	struct rig *r = arg;

	r->state = state;
	r->gone += state == NVMF_HOST_GONE;
	r->lives += state == NVMF_HOST_LIVE;
}

static inline struct nvmf_host_options rig_host_options(struct rig *r)
{
	return (struct nvmf_host_options){.reactor = r->reactor, .traddr = "192.0.2.1", .trsvcid = "4420",
		.subnqn = RIG_NQN, .hostnqn = RIG_HOST, .dial = rig_dial, .dial_arg = r, .on_state = rig_state,
		.arg = r, .queue_size = 32, .psk = r->psk};
}

/* A port of the target's that a host of these options reaches over RDMA; the caller has a network for it. */
static inline void rig_over_rdma(struct rig *r, struct nvmf_host_options *o)
{
	struct nvme_port_config c = {.trtype = NVME_TRTYPE_RDMA, .traddr = "192.0.2.1", .trsvcid = "4420"};

	assert_int_equal(nvmf_listen(r->server, &c, &r->rdma), 0);
	o->trtype = NVME_TRTYPE_RDMA;
}

/* From now on RIG_HOST has a PSK, and connections are TLS. */
static inline void rig_secure(struct rig *r, const char *psk)
{
	struct nvme_port_config c = {.trtype = NVME_TRTYPE_TCP, .traddr = "192.0.2.1", .trsvcid = "4421", .secure = true};

	assert_int_equal(nvme_host_set(r->target, &(struct nvme_host_config){.nqn = RIG_HOST, .psk = psk}), 0);
	assert_int_equal(nvme_port_add(r->target, &c, &r->secure_port), 0);
	r->psk = psk;
}

static inline struct nvmf_host *rig_connect(struct rig *r, const struct nvmf_host_options *o)
{
	struct nvmf_host *h;

	assert_int_equal(nvmf_host_create(o, &h), 0);
	nvmf_host_start(h);
	for (int i = 0; i < 20000 && nvmf_host_state(h) == NVMF_HOST_CONNECTING; i++)
		rig_step(r, 100 * NS_PER_US);
	return h;
}

static inline void rig_leave(struct rig *r, struct nvmf_host *h)
{
	unsigned gone = r->gone;

	nvmf_host_destroy(h);
	for (int i = 0; i < 20000 && r->gone == gone; i++)
		rig_step(r, 100 * NS_PER_US);
	assert_int_equal(r->gone, gone + 1);
}

static inline void rig_flag(void *arg)
{
	*(bool *)arg = true;
}

/* Everything must come back: controllers, connections, buffers. */
static inline void rig_close(struct rig *r)
{
	struct reactor_stats stats;
	bool removed = false;

	nvmf_server_destroy(r->server);
	assert_int_equal(nvme_target_controllers(r->target), 0);
	nvme_subsystem_remove(r->subsys, rig_flag, &removed);
	for (int i = 0; i < 1000 && !removed; i++)
		rig_step(r, NS_PER_MS);
	assert_true(removed);
	nvme_port_remove(r->port);
	if (r->secure_port)
		nvme_port_remove(r->secure_port);
	nvme_target_destroy(r->target);
	reactor_stats(r->reactor, &stats);
	for (int i = 0; i < REACTOR_BUF_CLASSES; i++)
		assert_int_equal(stats.buf_free[i], stats.buf_total[i]);
	blk_close(r->dev);
	reactor_destroy(r->reactor);
}

/* One command, waited for. */
static inline void rig_io_done(struct nvmf_io *io)
{
	(*(unsigned *)io->arg)++;
}

static inline uint16_t rig_do(struct rig *r, struct nvmf_host *h, bool admin, struct nvmf_io *io)
{
	unsigned done = 0;

	io->done = rig_io_done;
	io->arg = &done;
	io->path_done = NULL;
	if (admin)
		nvmf_host_admin(h, io);
	else
		nvmf_host_submit(h, io);
	for (int i = 0; i < 50000 && !done; i++)
		rig_step(r, 100 * NS_PER_US);
	assert_int_equal(done, 1);
	return io->status & 0x7ff;
}

static inline uint16_t rig_rw(struct rig *r, struct nvmf_host *h, uint8_t opcode, uint64_t slba, uint32_t blocks,
	void *buf)
{
	struct nvmf_io io = {.cmd.opcode = opcode, .buf = buf, .len = blocks * 512,
		.dir = opcode == NVME_IO_READ ? NVME_DIR_TO_HOST : NVME_DIR_FROM_HOST};

	io.cmd.nsid = 1;
	io.cmd.rw.slba = slba;
	io.cmd.rw.nlb = (uint16_t)(blocks - 1);
	return rig_do(r, h, false, &io);
}

/* A rig over memory with a live host. */
static inline struct nvmf_host *rig_up(struct rig *r)
{
	struct nvmf_host_options o;
	struct nvmf_host *h;

	rig_open(r, "mem:1M", 0, NULL);
	o = rig_host_options(r);
	h = rig_connect(r, &o);
	if (nvmf_host_state(h) != NVMF_HOST_LIVE)
		fail_msg("%s", nvmf_host_trouble(h));
	return h;
}

static inline void rig_down(struct rig *r, struct nvmf_host *h)
{
	rig_leave(r, h);
	rig_close(r);
}

/* A fused compare-and-write of block 3. */
static inline void rig_fused_pair(struct nvmf_io io[2], uint8_t *compare, uint8_t *write, unsigned *done)
{
	for (int i = 0; i < 2; i++) {
		io[i] = (struct nvmf_io){.cmd.opcode = i ? NVME_IO_WRITE : NVME_IO_COMPARE,
			.cmd.flags = i ? NVME_FUSE_SECOND : NVME_FUSE_FIRST, .buf = i ? write : compare, .len = 512,
			.dir = NVME_DIR_FROM_HOST, .done = rig_io_done, .arg = done};
		io[i].cmd.nsid = 1;
		io[i].cmd.rw.slba = 3;
	}
}

#endif
