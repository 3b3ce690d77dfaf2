/* SPDX-License-Identifier: BSD-3-Clause */
/* What a host can take back: event requests, what a limit holds, what is in a device. */
#include "rig.h"

static void test_abort(void **state)
{
	struct nvmf_io aer, io;
	struct rig r;
	struct nvmf_host *h = rig_up(&r);
	unsigned done = 0;

	aer = (struct nvmf_io){.cmd.opcode = NVME_ADMIN_ASYNC_EVENT, .done = rig_io_done, .arg = &done};
	nvmf_host_admin(h, &aer);
	rig_settle(&r, NS_PER_MS);
	assert_int_equal(done, 0);
	io = (struct nvmf_io){.cmd.opcode = NVME_ADMIN_ABORT};
	io.cmd.cdw10 = (uint32_t)aer.cmd.cid << 16;
	assert_int_equal(rig_do(&r, h, true, &io), 0);
	assert_int_equal(io.cqe.result & 1, 0);
	rig_settle(&r, NS_PER_MS);
	assert_int_equal(done, 1);
	assert_int_equal(aer.status & 0x7ff, NVME_SC_ABORT_REQUESTED);
	/* again, and a command there never was: not aborted, and no error */
	assert_int_equal(rig_do(&r, h, true, &io), 0);
	assert_int_equal(io.cqe.result & 1, 1);
	io.cmd.cdw10 = 1 | 77u << 16;
	assert_int_equal(rig_do(&r, h, true, &io), 0);
	assert_int_equal(io.cqe.result & 1, 1);
	rig_down(&r, h);
}

/* A limit holds the last of many back: that one can be aborted, and the others come through. */
static void test_abort_throttled(void **state)
{
	static uint8_t buf[16][512];
	struct nvmf_io reads[16], io;
	struct rig r;
	struct nvmf_host *h = rig_up(&r);
	unsigned done = 0;

	assert_int_equal(nvme_namespace_set_qos(r.ns, 20, 0), 0);
	for (int i = 0; i < 16; i++) {
		reads[i] = (struct nvmf_io){.cmd.opcode = NVME_IO_READ, .buf = buf[i], .len = 512, .dir = NVME_DIR_TO_HOST,
			.done = rig_io_done, .arg = &done};
		reads[i].cmd.nsid = 1;
		nvmf_host_submit(h, &reads[i]);
	}
	rig_settle(&r, NS_PER_MS);
	assert_in_range(done, 0, 15);
	io = (struct nvmf_io){.cmd.opcode = NVME_ADMIN_ABORT};
	io.cmd.cdw10 = 1 | (uint32_t)reads[15].cmd.cid << 16;
	assert_int_equal(rig_do(&r, h, true, &io), 0);
	assert_int_equal(io.cqe.result & 1, 0);
	rig_settle(&r, NS_PER_MS);
	assert_int_equal(reads[15].status & 0x7ff, NVME_SC_ABORT_REQUESTED);
	assert_int_equal(rig_do(&r, h, true, &io), 0);
	assert_int_equal(io.cqe.result & 1, 1);
	rig_settle(&r, 2 * NS_PER_SEC);
	assert_int_equal(done, 16);
	for (int i = 0; i < 15; i++)
		assert_int_equal(reads[i].status, 0);
	rig_down(&r, h);
}

static uint16_t abort_cid(struct rig *r, struct nvmf_host *h, uint16_t cid)
{
	struct nvmf_io io = {.cmd.opcode = NVME_ADMIN_ABORT};

	io.cmd.cdw10 = 1 | (uint32_t)cid << 16;
	assert_int_equal(rig_do(r, h, true, &io), 0);
	return io.cqe.result & 1;
}

/* A device that hangs: what is in it is given up at once, and ends once; a fused pair is not. */
static void test_abort_in_device(void **state)
{
	static const uint8_t opcodes[] = {NVME_IO_READ, NVME_IO_WRITE, NVME_IO_COMPARE, NVME_IO_WRITE_ZEROES,
		NVME_IO_VERIFY};
	static uint8_t buf[ARRAY_SIZE(opcodes) + 2][4096];
	struct nvmf_io io[ARRAY_SIZE(opcodes)], pair[2];
	struct nvmf_host_options o;
	struct nvmf_host *h;
	unsigned done = 0;
	struct rig r;

	rig_open(&r, "fault:seed=1:mem:1M", 0, NULL);
	blk_fault_set(r.dev, &(struct blk_fault){.hang = true});
	o = rig_host_options(&r);
	o.io_timeout_ms = UINT32_MAX;
	h = rig_connect(&r, &o);
	for (size_t i = 0; i < ARRAY_SIZE(opcodes); i++) {
		bool data = i < 3;

		io[i] = (struct nvmf_io){.cmd.opcode = opcodes[i], .buf = data ? buf[i] : NULL, .len = data ? 4096 : 0,
			.dir = !data ? NVME_DIR_NONE : i ? NVME_DIR_FROM_HOST : NVME_DIR_TO_HOST, .done = rig_io_done,
			.arg = &done};
		io[i].cmd.nsid = 1;
		io[i].cmd.rw.nlb = 7;
		nvmf_host_submit(h, &io[i]);
	}
	rig_fused_pair(pair, buf[5], buf[6], &done);
	nvmf_host_submit(h, &pair[0]);
	nvmf_host_submit(h, &pair[1]);
	rig_settle(&r, 20 * NS_PER_MS);
	assert_int_equal(done, 0);
	assert_int_equal(abort_cid(&r, h, pair[0].cmd.cid), 1);
	assert_int_equal(abort_cid(&r, h, pair[1].cmd.cid), 1);
	for (size_t i = 0; i < ARRAY_SIZE(opcodes); i++) {
		assert_int_equal(abort_cid(&r, h, io[i].cmd.cid), 0);
		assert_int_equal(done, i + 1); /* before the Abort is answered */
		assert_int_equal(io[i].status & 0x7ff, NVME_SC_ABORT_REQUESTED);
	}
	blk_fault_set(r.dev, &(struct blk_fault){.hang = false});
	rig_settle(&r, 20 * NS_PER_MS);
	assert_int_equal(done, ARRAY_SIZE(opcodes) + 2);
	assert_int_equal(pair[0].status | pair[1].status, 0);
	assert_int_equal(rig_rw(&r, h, NVME_IO_WRITE, 0, 8, buf[0]), 0);
	rig_down(&r, h);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_abort),
		cmocka_unit_test(test_abort_throttled),
		cmocka_unit_test(test_abort_in_device),
	};

	log_set_level(getenv("SIM_VERBOSE") ? LOG_DEBUG : LOG_ERROR);
	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests_name("nvmf-abort", tests, NULL, NULL);
}
