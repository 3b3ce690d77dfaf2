/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Hosts under load on a virtual clock, whatever is between them and the target. Every command ends exactly once,
 * every block read is one that may be there, nothing leaks. Shared by the simulations.
 */
#ifndef TEST_NVMF_SIM_H
#define TEST_NVMF_SIM_H

#include "rig.h"

#define BLOCKS 512u
#define LANES 16u /* commands at a time; lane i owns the blocks i * 32 .. i * 32 + 31, so none overlap */
#define LANE_BLOCKS (BLOCKS / LANES)

struct lane {
	struct world *w;
	struct nvmf_io io;
	unsigned index;
	bool busy, writes;
	uint64_t at;
	uint32_t count, stamp;
	uint8_t buf[LANE_BLOCKS * 512];
};

#define ABORTS 3u

struct aborting {
	struct world *w;
	struct nvmf_io io;
	bool busy;
};

static void (*world_network)(void); /* of an RDMA network */
static bool with_tls, with_aborts, with_rdma; /* what follows runs over TLS; with Aborts of
							  what is in flight; over RDMA */

struct world {
	struct rig rig;
	struct rng rng;
	struct nvmf_host *host;
	struct lane lanes[LANES];
	struct aborting aborts[ABORTS];
	uint64_t aborted; /* commands that ended so */
	/* what a block may hold: the last acknowledged stamp, and those of writes that were never answered */
	uint32_t sure[BLOCKS];
	uint32_t maybe[BLOCKS][8], maybes[BLOCKS];
	uint32_t stamp;
	uint64_t submitted, completed, failed;
};

static inline void fill(uint8_t *p, uint64_t block, uint32_t stamp)
{
	uint32_t *w = (uint32_t *)p;

	for (int i = 0; i < 128; i++)
		w[i] = stamp ? stamp * 2654435761u + (uint32_t)block * 97u + (uint32_t)i : 0;
}

static inline bool holds(const uint8_t *p, uint64_t block, uint32_t stamp)
{
	uint8_t want[512];

	fill(want, block, stamp);
	return !memcmp(p, want, 512);
}

static inline void check_block(struct world *w, const uint8_t *p, uint64_t block)
{
	if (holds(p, block, w->sure[block]))
		return;
	for (uint32_t i = 0; i < w->maybes[block]; i++)
		if (holds(p, block, w->maybe[block][i]))
			return;
	fail_msg("block %u holds what was never written to it", (unsigned)block);
}

static inline void lane_done(struct nvmf_io *io)
{
	struct lane *l = io->arg;
	struct world *w = l->w;

	assert_true(l->busy);
	l->busy = false;
	w->completed++;
	w->failed += io->status != 0;
	w->aborted += (io->status & 0x7ff) == NVME_SC_ABORT_REQUESTED;
	for (uint32_t i = 0; i < l->count; i++) {
		uint64_t b = l->at + i;

		if (!l->writes) {
			if (!io->status)
				check_block(w, l->buf + i * 512, b);
		} else if (!io->status) {
			w->sure[b] = l->stamp;
			w->maybes[b] = 0;
		} else if (w->maybes[b] < 8) {
			w->maybe[b][w->maybes[b]++] = l->stamp;
		}
	}
}

static inline bool lane_is_clear(const struct world *w, const struct lane *l)
{
	for (uint32_t i = 0; i < l->count; i++)
		if (w->maybes[l->at + i] >= 7)
			return false;
	return true;
}

static inline void lane_start(struct world *w, struct lane *l)
{
	l->count = (uint32_t)rng_between(&w->rng, 1, LANE_BLOCKS);
	l->at = l->index * LANE_BLOCKS + rng_below(&w->rng, LANE_BLOCKS - l->count + 1);
	l->writes = rng_one_in(&w->rng, 2) && lane_is_clear(w, l);
	l->stamp = ++w->stamp;
	for (uint32_t i = 0; i < l->count && l->writes; i++)
		fill(l->buf + i * 512, l->at + i, l->stamp);
	l->io = (struct nvmf_io){.cmd.opcode = l->writes ? NVME_IO_WRITE : NVME_IO_READ, .buf = l->buf,
		.len = l->count * 512, .dir = l->writes ? NVME_DIR_FROM_HOST : NVME_DIR_TO_HOST,
		.done = lane_done, .arg = l};
	l->io.cmd.nsid = 1;
	l->io.cmd.rw.slba = l->at;
	l->io.cmd.rw.nlb = (uint16_t)(l->count - 1);
	l->busy = true;
	w->submitted++;
	nvmf_host_submit(w->host, &l->io);
}

static inline void abort_done(struct nvmf_io *io)
{
	struct aborting *a = io->arg;

	assert_true(a->busy);
	a->busy = false;
}

/* Aborts what a lane has in flight, on either queue: the identifier is right, or another command's. */
static inline void abort_some(struct world *w)
{
	const struct lane *l = &w->lanes[rng_below(&w->rng, LANES)];
	struct aborting *a = &w->aborts[rng_below(&w->rng, ABORTS)];

	if (!l->busy || a->busy)
		return;
	*a = (struct aborting){.w = w, .io = {.cmd.opcode = NVME_ADMIN_ABORT, .done = abort_done, .arg = a}, .busy = true};
	a->io.cmd.cdw10 = (uint32_t)l->io.cmd.cid << 16 | (uint32_t)rng_between(&w->rng, 1, 2);
	nvmf_host_admin(w->host, &a->io);
}

static inline bool any_busy(const struct world *w)
{
	for (unsigned i = 0; i < ABORTS; i++)
		if (w->aborts[i].busy)
			return true;
	for (unsigned i = 0; i < LANES; i++)
		if (w->lanes[i].busy)
			return true;
	return false;
}

/* A write of a lost connection may still be in the medium's queue: let it land before going on. */
static inline void until_quiet(struct world *w)
{
	for (int i = 0; i < 200000 && (any_busy(w) || nvmf_host_state(w->host) != NVMF_HOST_LIVE); i++)
		rig_step(&w->rig, 50 * NS_PER_US);
	assert_false(any_busy(w));
	rig_settle(&w->rig, 5 * NS_PER_MS);
}

static inline void world_open(struct world *w, const char *uri, uint64_t seed, bool digests, uint16_t queues)
{
	static const uint32_t few[4] = {8, 4, 2, 1};
	struct nvmf_host_options o;

	memset(w, 0, sizeof(*w));
	rng_init(&w->rng, seed);
	rig_open(&w->rig, uri, 1u << 20, few);
	if (with_tls)
		rig_secure(&w->rig, "NVMeTLSkey-1:01:VRLbtnN9AQb2WXW3c9+wEf/DRLz0QuLdbYvEhwtdWwNf9LrZ:");
	o = rig_host_options(&w->rig);
	if (with_rdma)
		rig_over_rdma(&w->rig, &o);
	w->rig.network = with_rdma ? world_network : NULL;
	o.hdgst = o.ddgst = digests;
	o.io_queues = queues;
	o.reconnect_ms = 1;
	o.io_timeout_ms = 2000;
	o.ctrl_loss_ms = UINT32_MAX;
	w->host = rig_connect(&w->rig, &o);
	assert_int_equal(w->rig.state, NVMF_HOST_LIVE);
	for (unsigned i = 0; i < LANES; i++)
		w->lanes[i] = (struct lane){.w = w, .index = i};
}

static inline void world_close(struct world *w)
{
	memset(&w->rig.to_host, 0, sizeof(w->rig.to_host));
	memset(&w->rig.to_target, 0, sizeof(w->rig.to_target));
	rig_leave(&w->rig, w->host);
	rig_settle(&w->rig, 10 * NS_PER_MS);
	assert_int_equal(w->submitted, w->completed);
	rig_close(&w->rig);
}

static inline void churn(struct world *w, unsigned rounds)
{
	for (unsigned i = 0; i < rounds; i++) {
		uint64_t lives = w->rig.lives;

		for (unsigned l = 0; l < LANES; l++)
			if (!w->lanes[l].busy && rng_one_in(&w->rng, 3) &&
				nvmf_host_state(w->host) == NVMF_HOST_LIVE)
				lane_start(w, &w->lanes[l]);
		if (with_aborts && rng_one_in(&w->rng, 3) && nvmf_host_state(w->host) == NVMF_HOST_LIVE)
			abort_some(w);
		rig_step(&w->rig, rng_below(&w->rng, 200 * NS_PER_US));
		if (w->rig.lives != lives || nvmf_host_state(w->host) != NVMF_HOST_LIVE)
			until_quiet(w);
	}
	until_quiet(w);
}

#endif
