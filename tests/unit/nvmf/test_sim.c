/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Simulation: hosts and a target on one virtual clock, the network and the medium misbehaving from a
 * seed. Every command ends exactly once, every block read is one that may be there, nothing leaks.
 */
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

static bool with_tls, with_aborts; /* what follows runs over TLS; with Aborts of what is in flight */

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

static void fill(uint8_t *p, uint64_t block, uint32_t stamp)
{
	uint32_t *w = (uint32_t *)p;

	for (int i = 0; i < 128; i++)
		w[i] = stamp ? stamp * 2654435761u + (uint32_t)block * 97u + (uint32_t)i : 0;
}

static bool holds(const uint8_t *p, uint64_t block, uint32_t stamp)
{
	uint8_t want[512];

	fill(want, block, stamp);
	return !memcmp(p, want, 512);
}

static void check_block(struct world *w, const uint8_t *p, uint64_t block)
{
	if (holds(p, block, w->sure[block]))
		return;
	for (uint32_t i = 0; i < w->maybes[block]; i++)
		if (holds(p, block, w->maybe[block][i]))
			return;
	fail_msg("block %u holds what was never written to it", (unsigned)block);
}

static void lane_done(struct nvmf_io *io)
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

static bool lane_is_clear(const struct world *w, const struct lane *l)
{
	for (uint32_t i = 0; i < l->count; i++)
		if (w->maybes[l->at + i] >= 7)
			return false;
	return true;
}

static void lane_start(struct world *w, struct lane *l)
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

static void abort_done(struct nvmf_io *io)
{
	struct aborting *a = io->arg;

	assert_true(a->busy);
	a->busy = false;
}

/* Aborts what a lane has in flight, on either queue: the identifier is right, or another command's. */
static void abort_some(struct world *w)
{
	const struct lane *l = &w->lanes[rng_below(&w->rng, LANES)];
	struct aborting *a = &w->aborts[rng_below(&w->rng, ABORTS)];

	if (!l->busy || a->busy)
		return;
	*a = (struct aborting){.w = w, .io = {.cmd.opcode = NVME_ADMIN_ABORT, .done = abort_done, .arg = a}, .busy = true};
	a->io.cmd.cdw10 = (uint32_t)l->io.cmd.cid << 16 | (uint32_t)rng_between(&w->rng, 1, 2);
	nvmf_host_admin(w->host, &a->io);
}

static bool any_busy(const struct world *w)
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
static void until_quiet(struct world *w)
{
	for (int i = 0; i < 200000 && (any_busy(w) || nvmf_host_state(w->host) != NVMF_HOST_LIVE); i++)
		rig_step(&w->rig, 50 * NS_PER_US);
	assert_false(any_busy(w));
	rig_settle(&w->rig, 5 * NS_PER_MS);
}

static void world_open(struct world *w, const char *uri, uint64_t seed, bool digests, uint16_t queues)
{
	static const uint32_t few[4] = {8, 4, 2, 1};
	struct nvmf_host_options o;

	memset(w, 0, sizeof(*w));
	rng_init(&w->rng, seed);
	rig_open(&w->rig, uri, 1u << 20, few);
	if (with_tls)
		rig_secure(&w->rig, "NVMeTLSkey-1:01:VRLbtnN9AQb2WXW3c9+wEf/DRLz0QuLdbYvEhwtdWwNf9LrZ:");
	o = rig_host_options(&w->rig);
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

static void world_close(struct world *w)
{
	memset(&w->rig.to_host, 0, sizeof(w->rig.to_host));
	memset(&w->rig.to_target, 0, sizeof(w->rig.to_target));
	rig_leave(&w->rig, w->host);
	rig_settle(&w->rig, 10 * NS_PER_MS);
	assert_int_equal(w->submitted, w->completed);
	rig_close(&w->rig);
}

static void churn(struct world *w, unsigned rounds)
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

static void test_every_split(void **state)
{
	struct world w;

	/* PDUs cut at every byte: chunks of 1 to 1, 2, 3, 7, 25, 73 bytes */
	static const uint32_t chunks[] = {1, 2, 3, 7, 25, 73, 4096};

	for (size_t i = 0; i < sizeof(chunks) / sizeof(chunks[0]); i++) {
		world_open(&w, "mem:256K", rng_test_seed("nvmf-sim split"), i % 2, 1 + i % 2);
		w.rig.to_host.chunk_max = w.rig.to_target.chunk_max = chunks[i];
		stream_pipe_faults(w.rig.last_host_end, &w.rig.to_target);
		churn(&w, 60);
		assert_int_equal(w.failed, 0);
		world_close(&w);
	}
}

static void run_storm(const char *uri, struct stream_faults faults, bool digests, unsigned rounds)
{
	uint64_t seed = rng_test_seed("nvmf-sim storm");
	struct world w;

	world_open(&w, uri, seed, digests, 2);
	faults.seed = seed;
	w.rig.to_host = w.rig.to_target = faults;
	/* the live connection is clean; force a first reconnect so that all later ones have the faults */
	stream_pipe_faults(w.rig.last_host_end, &(struct stream_faults){.cut = 1, .seed = seed});
	churn(&w, rounds);
	assert_true(w.completed > rounds / 4);
	assert_true(!with_aborts || w.aborted > rounds / 100);
	world_close(&w);
}

static void test_disconnects(void **state)
{
	run_storm("mem:256K", (struct stream_faults){.chunk_max = 2000, .cut = 0.002}, false, 1500);
}

static void test_corruption(void **state)
{
	run_storm("mem:256K", (struct stream_faults){.chunk_max = 3000, .corrupt = 0.002}, true, 1500);
}

static void test_slow_network_small_window(void **state)
{
	run_storm("mem:256K", (struct stream_faults){.chunk_max = 5000, .window = 3000, .delay_ns = 20000}, false,
		200);
}

static void test_bad_medium(void **state)
{
	run_storm("fault:seed=5,error=0.05,delay_us=300:mem:256K",
		(struct stream_faults){.chunk_max = 9000, .cut = 0.0005}, true, 1500);
}

static void test_aborts(void **state)
{
	with_aborts = true;
	run_storm("fault:seed=9,delay_us=500:mem:256K", (struct stream_faults){.chunk_max = 9000}, false, 1500);
	run_storm("fault:seed=6,error=0.02,delay_us=400:mem:256K",
		(struct stream_faults){.chunk_max = 9000, .cut = 0.0005}, true, 1500);
	with_aborts = false;
}

static void test_tls(void **state)
{
	with_tls = true;
	run_storm("mem:256K", (struct stream_faults){.chunk_max = 3000, .corrupt = 0.0005, .cut = 0.0005}, false, 600);
	run_storm("fault:seed=5,error=0.05,delay_us=300:mem:256K",
		(struct stream_faults){.chunk_max = 20000, .window = 9000}, true, 300);
	with_tls = false;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_split),
		cmocka_unit_test(test_disconnects),
		cmocka_unit_test(test_corruption),
		cmocka_unit_test(test_slow_network_small_window),
		cmocka_unit_test(test_bad_medium),
		cmocka_unit_test(test_aborts),
		cmocka_unit_test(test_tls),
	};

	log_set_level(getenv("SIM_VERBOSE") ? LOG_DEBUG : LOG_ERROR);
	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests_name("nvmf-sim", tests, NULL, NULL);
}
