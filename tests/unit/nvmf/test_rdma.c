/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Simulation over RDMA: the target's and the initiator's queue pairs on a network from a seed (fake_rdma.h), which
 * checks what a card would. Storms; then each failure in its turn: every work request and every step of connecting,
 * every verb, every allocation. Each time the host comes back by itself and everything is given back.
 */
#include "../alloc_fail.h"
#include "fake_rdma.h"
#include "sim.h"

static void storm(const char *uri, struct fake_rdma_faults faults, unsigned rounds)
{
	static const struct fake_rdma_faults none;
	struct world w;

	faults.seed = rng_test_seed("nvmf-rdma storm");
	with_rdma = true;
	fake_rdma_begin(&none);
	world_network = fake_rdma_step;
	world_open(&w, uri, faults.seed, false, 2);
	fake_rdma_begin(&faults);
	churn(&w, rounds);
	assert_true(w.completed > rounds / 4);
	assert_true(faults.cut || w.failed == 0);
	fake_rdma_begin(&none);
	world_close(&w);
	assert_int_equal(fake_rdma_alive(), 0);
}

static void test_any_order(void **state)
{
	storm("mem:256K", (struct fake_rdma_faults){.most = 0}, 400);
	storm("mem:256K", (struct fake_rdma_faults){.most = 1}, 400);
	storm("fault:seed=2,delay_us=300:mem:256K", (struct fake_rdma_faults){.most = 3}, 800);
	assert_int_equal(fake_rdma_violations(), 0);
}

static void test_disconnects(void **state)
{
	storm("mem:256K", (struct fake_rdma_faults){.most = 4, .cut = 0.002, .refuse = 0.01}, 1500);
	storm("fault:seed=4,error=0.02,delay_us=400:mem:256K",
		(struct fake_rdma_faults){.most = 4, .cut = 0.001, .refuse = 0.03}, 1500);
}

static void test_aborts(void **state)
{
	with_aborts = true;
	storm("fault:seed=5,delay_us=400:mem:256K", (struct fake_rdma_faults){.most = 6, .cut = 0.0005}, 1000);
	with_aborts = false;
}

/* --- one failure at a time --- */

struct one {
	struct rig rig;
	struct nvmf_host *host;
};

static void one_open(struct one *t)
{
	static const struct fake_rdma_faults none;
	struct nvmf_host_options o;

	fake_rdma_begin(&none);
	rig_open(&t->rig, "mem:64K", 0, NULL);
	t->rig.network = fake_rdma_step;
	o = rig_host_options(&t->rig);
	rig_over_rdma(&t->rig, &o);
	o.reconnect_ms = 1;
	o.io_queues = 1;
	o.ctrl_loss_ms = UINT32_MAX;
	assert_int_equal(nvmf_host_create(&o, &t->host), 0);
}

static void until_live(struct one *t)
{
	for (int i = 0; i < 400000 && nvmf_host_state(t->host) != NVMF_HOST_LIVE; i++)
		rig_step(&t->rig, 100 * NS_PER_US);
	if (nvmf_host_state(t->host) != NVMF_HOST_LIVE)
		fail_msg("the host does not come back: %s", nvmf_host_trouble(t->host));
}

/* Some I/O that may fail on the way. */
static void try_it(struct one *t, uint8_t stamp)
{
	static uint8_t out[32 * 512], in[32 * 512];

	memset(out, stamp, sizeof(out));
	rig_rw(&t->rig, t->host, NVME_IO_WRITE, 0, 32, out);
	rig_rw(&t->rig, t->host, NVME_IO_READ, 0, 32, in);
}

/* After the failure all works again, and all is given back. */
static void one_close(struct one *t, uint8_t stamp)
{
	static const struct fake_rdma_faults none;
	static uint8_t out[32 * 512], in[32 * 512];

	fake_rdma_begin(&none);
	rig_settle(&t->rig, 5 * NS_PER_MS); /* the failure may still be on its way to the host */
	until_live(t);
	memset(out, stamp, sizeof(out));
	assert_int_equal(rig_rw(&t->rig, t->host, NVME_IO_WRITE, 0, 32, out), 0);
	assert_int_equal(rig_rw(&t->rig, t->host, NVME_IO_READ, 0, 32, in), 0);
	assert_memory_equal(in, out, sizeof(in));
	rig_leave(&t->rig, t->host);
	rig_close(&t->rig);
	assert_int_equal(fake_rdma_alive(), 0);
}

static bool one_failure(struct fake_rdma_faults faults)
{
	struct one t;
	bool hit;

	one_open(&t);
	fake_rdma_begin(&faults);
	if (getenv("SIM_VERBOSE"))
		printf("# move %u, call %u\n", (unsigned)faults.cut_after, (unsigned)faults.fail_call);
	nvmf_host_start(t.host);
	until_live(&t);
	try_it(&t, (uint8_t)faults.cut_after);
	hit = fake_rdma_hit();
	one_close(&t, 0x5a);
	return hit;
}

static void test_every_move(void **state)
{
	uint64_t n = 1;

	while (one_failure((struct fake_rdma_faults){.seed = n, .most = 3, .cut_after = n}))
		n++;
	assert_true(n > 40);
	printf("# %u moves\n", (unsigned)n - 1);
}

static void test_every_verb(void **state)
{
	uint64_t n = 1;

	while (one_failure((struct fake_rdma_faults){.seed = n, .fail_call = n}))
		n++;
	assert_true(n > 100);
	printf("# %u calls\n", (unsigned)n - 1);
}

static bool one_allocation(unsigned n)
{
	struct reactor_timer timer = {.slot = 0};
	struct one t;
	bool failed;

	one_open(&t);
	reactor_timer_arm(t.rig.reactor, &timer, UINT64_MAX); /* its heap may not fail, and so is there before */
	reactor_timer_cancel(t.rig.reactor, &timer);
	alloc_fail_at(n);
	nvmf_host_start(t.host);
	for (int i = 0; i < 2000 && nvmf_host_state(t.host) != NVMF_HOST_LIVE; i++)
		rig_step(&t.rig, 100 * NS_PER_US);
	if (nvmf_host_state(t.host) == NVMF_HOST_LIVE)
		try_it(&t, (uint8_t)n);
	failed = alloc_fail_stop();
	one_close(&t, 0xa5);
	return failed;
}

static void test_every_allocation(void **state)
{
	unsigned n = 1;

	while (one_allocation(n))
		n++;
	assert_true(n > 10);
	printf("# %u allocations\n", n - 1);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_any_order),
		cmocka_unit_test(test_disconnects),
		cmocka_unit_test(test_aborts),
		cmocka_unit_test(test_every_move),
		cmocka_unit_test(test_every_verb),
		cmocka_unit_test(test_every_allocation),
	};

	log_set_level(getenv("SIM_VERBOSE") ? LOG_DEBUG : LOG_DISABLE);
	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests_name("nvmf-rdma", tests, NULL, NULL);
}
