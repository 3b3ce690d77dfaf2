/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Simulation: hosts and a target on one virtual clock, the network and the medium misbehaving from a
 * seed. Every command ends exactly once, every block read is one that may be there, nothing leaks.
 */
#include "sim.h"

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

static const struct stream_faults clear, stalled = {.stalled = true};

static void start_all(struct world *w)
{
	for (unsigned l = 0; l < LANES; l++)
		lane_start(w, &w->lanes[l]);
}

/* A host that stops reading for a while loses nothing; one that stops for long is let go, and comes back. */
static void test_slow_reader(void **state)
{
	for (int longer = 0; longer < 2; longer++) {
		struct world w;

		world_open(&w, "mem:256K", rng_test_seed("nvmf-sim slow reader"), longer, 1);
		stream_pipe_faults(w.rig.target_end[2], &stalled);
		start_all(&w);
		rig_settle(&w.rig, longer ? 40 * NS_PER_SEC : NS_PER_SEC);
		assert_int_equal(w.completed, longer ? LANES : 0);
		assert_int_equal(w.failed, longer ? LANES : 0);
		if (!longer)
			stream_pipe_faults(w.rig.target_end[2], &clear);
		until_quiet(&w);
		churn(&w, 50);
		assert_int_equal(w.failed, longer ? LANES : 0);
		world_close(&w);
	}
}

static void submit_write(struct nvmf_host *h, struct nvmf_io *io, uint64_t slba, uint8_t *buf, unsigned *done)
{
	*io = (struct nvmf_io){.cmd.opcode = NVME_IO_WRITE, .buf = buf, .len = 16384, .dir = NVME_DIR_FROM_HOST,
		.done = rig_io_done, .arg = done};
	io->cmd.nsid = 1;
	io->cmd.rw.slba = slba;
	io->cmd.rw.nlb = 31;
	nvmf_host_submit(h, io);
}

static uint32_t large_buffers(const struct rig *r)
{
	struct reactor_stats stats;

	reactor_stats(r->reactor, &stats);
	return stats.buf_free[1] + stats.buf_free[2] + stats.buf_free[3];
}

/* R2T starvation: a host is asked for data and holds it back, with all the buffers there are promised to it.
 * Another waits until the target has had enough of the first, and not longer. */
static void test_r2t_starvation(void **state)
{
	static const uint32_t few[4] = {8, 4, 2, 1};
	static uint8_t buf[16384];
	struct stream_faults slow = {.seed = rng_test_seed("nvmf-sim R2T"), .chunk_max = 1200, .delay_ns = 50000};
	unsigned greedy_done = 0, done = 0;
	struct nvmf_host *greedy, *other;
	struct nvmf_io io[16], mine;
	struct nvmf_host_options o;
	struct rig r;

	rig_open(&r, "mem:1M", 1u << 20, few);
	o = rig_host_options(&r);
	o.io_queues = 1;
	o.io_timeout_ms = UINT32_MAX;
	greedy = rig_connect(&r, &o);
	stream_pipe_faults(r.host_end[2], &slow);
	for (unsigned i = 0; i < 16; i++)
		submit_write(greedy, &io[i], i * 32, buf, &greedy_done);
	for (int i = 0; i < 1000 && large_buffers(&r); i++)
		rig_step(&r, 20 * NS_PER_US);
	stream_pipe_faults(r.host_end[2], &stalled);
	assert_int_equal(large_buffers(&r), 0);
	assert_in_range(greedy_done, 0, 15);
	o.hostnqn = "nqn.2026-11.test:other";
	other = rig_connect(&r, &o);
	submit_write(other, &mine, 1024, buf, &done);
	rig_settle(&r, 20 * NS_PER_SEC);
	assert_int_equal(done, 0);
	rig_settle(&r, 15 * NS_PER_SEC);
	assert_int_equal(done, 1);
	assert_int_equal(mine.status, 0);
	assert_int_equal(greedy_done, 16);
	rig_leave(&r, greedy);
	rig_leave(&r, other);
	rig_close(&r);
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
		cmocka_unit_test(test_slow_reader),
		cmocka_unit_test(test_r2t_starvation),
		cmocka_unit_test(test_bad_medium),
		cmocka_unit_test(test_aborts),
		cmocka_unit_test(test_tls),
	};

	log_set_level(getenv("SIM_VERBOSE") ? LOG_DEBUG : LOG_ERROR);
	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests_name("nvmf-sim", tests, NULL, NULL);
}
