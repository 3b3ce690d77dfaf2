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
