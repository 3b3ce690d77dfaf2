/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Each failure in its turn, not at random: the connection dies after every byte of bringing a controller up and
 * of its first commands, in both directions, on both queues; every allocation fails once. Each time the host
 * comes back by itself, reads what it wrote, and nothing is left behind.
 */
#include "../alloc_fail.h"
#include "rig.h"

#define EVERY_BYTE 330u /* all of ICReq, Connect's head, ICResp and the first answers */
#define FAR 12000u

static struct {
	struct rig rig;
	uint16_t qid; /* whose connection dies */
	bool to_host, done;
	uint64_t after;
} cut;

static int dial_cut(void *arg, uint16_t qid, struct stream **out)
{
	struct stream_faults none = {.seed = 1}, faults = {.seed = 1, .cut_after = cut.after};
	bool now = !cut.done && qid == cut.qid;

	cut.done |= now;
	cut.rig.to_host = now && cut.to_host ? faults : none;
	cut.rig.to_target = now && !cut.to_host ? faults : none;
	return rig_dial(&cut.rig, qid, out);
}

static struct nvmf_host *start_host(struct rig *r, int (*dial)(void *, uint16_t, struct stream **))
{
	struct nvmf_host_options o = rig_host_options(r);
	struct nvmf_host *h;

	o.dial = dial;
	o.reconnect_ms = 1;
	o.ctrl_loss_ms = UINT32_MAX;
	assert_int_equal(nvmf_host_create(&o, &h), 0);
	return h;
}

static void until_live(struct rig *r, struct nvmf_host *h)
{
	for (int i = 0; i < 400000 && nvmf_host_state(h) != NVMF_HOST_LIVE; i++)
		rig_step(r, 100 * NS_PER_US);
	assert_int_equal(nvmf_host_state(h), NVMF_HOST_LIVE);
}

/* Some I/O that may fail on the way, then some that may not. */
static void use(struct rig *r, struct nvmf_host *h, uint8_t stamp)
{
	static uint8_t out[32 * 512], in[32 * 512];

	memset(out, stamp, sizeof(out));
	rig_rw(r, h, NVME_IO_WRITE, 0, 32, out); /* by R2T */
	rig_rw(r, h, NVME_IO_WRITE, 40, 2, out); /* in the capsule */
	rig_rw(r, h, NVME_IO_READ, 0, 32, in);
	until_live(r, h);
	assert_int_equal(rig_rw(r, h, NVME_IO_WRITE, 0, 32, out), 0);
	assert_int_equal(rig_rw(r, h, NVME_IO_READ, 0, 32, in), 0);
	assert_memory_equal(in, out, sizeof(in));
}

static void one_cut(uint16_t qid, bool to_host, uint64_t after)
{
	struct nvmf_host *h;

	cut.qid = qid;
	cut.to_host = to_host;
	cut.after = after;
	cut.done = false;
	rig_open(&cut.rig, "mem:64K", 0, NULL);
	h = start_host(&cut.rig, dial_cut);
	nvmf_host_start(h);
	until_live(&cut.rig, h);
	use(&cut.rig, h, (uint8_t)after);
	assert_true(cut.done);
	rig_leave(&cut.rig, h);
	rig_close(&cut.rig);
}

static void cut_everywhere(uint16_t qid, bool to_host)
{
	for (uint64_t n = 1; n < FAR; n += n < EVERY_BYTE ? 1 : 97)
		one_cut(qid, to_host, n);
}

static void test_cut_admin_to_target(void **state)
{
	cut_everywhere(0, false);
}

static void test_cut_admin_to_host(void **state)
{
	cut_everywhere(0, true);
}

static void test_cut_io_to_target(void **state)
{
	cut_everywhere(1, false);
}

static void test_cut_io_to_host(void **state)
{
	cut_everywhere(1, true);
}

/* Dialing may fail here, and so may the target's half of it: then the host finds its connection closed. */
static int dial_or_fail(void *arg, uint16_t qid, struct stream **out)
{
	struct rig *r = arg;
	struct stream *target;
	int err = stream_pipe(r->reactor, out, &target);

	if (!err)
		nvmf_attach(r->server, r->reactor, r->port, target, "192.0.2.1");
	return err;
}

static bool one_allocation(unsigned n)
{
	static uint8_t in[32 * 512];
	struct reactor_timer timer = {.slot = 0};
	struct rig r;
	struct nvmf_host *h;
	bool failed;

	rig_open(&r, "mem:64K", 0, NULL);
	h = start_host(&r, dial_or_fail);
	reactor_timer_arm(r.reactor, &timer, UINT64_MAX); /* its heap may not fail, and so is there before */
	reactor_timer_cancel(r.reactor, &timer);
	alloc_fail_at(n);
	nvmf_host_start(h);
	for (int i = 0; i < 2000 && nvmf_host_state(h) != NVMF_HOST_LIVE; i++)
		rig_step(&r, 100 * NS_PER_US);
	if (nvmf_host_state(h) == NVMF_HOST_LIVE)
		rig_rw(&r, h, NVME_IO_READ, 0, 32, in);
	failed = alloc_fail_stop();
	until_live(&r, h);
	use(&r, h, (uint8_t)n);
	rig_leave(&r, h);
	rig_close(&r);
	return failed;
}

static void test_every_allocation(void **state)
{
	unsigned n = 1;

	while (one_allocation(n))
		n++;
	assert_true(n > 10); /* it did count something */
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cut_admin_to_target),
		cmocka_unit_test(test_cut_admin_to_host),
		cmocka_unit_test(test_cut_io_to_target),
		cmocka_unit_test(test_cut_io_to_host),
		cmocka_unit_test(test_every_allocation),
	};

	log_set_level(getenv("SIM_VERBOSE") ? LOG_DEBUG : LOG_DISABLE);
	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests_name("nvmf-faults", tests, NULL, NULL);
}
