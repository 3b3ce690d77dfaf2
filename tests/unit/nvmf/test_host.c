/* SPDX-License-Identifier: BSD-3-Clause */
/* What a host sees of a target: identify, logs, events, ANA, masking, fused, reservations, limits. */
#include "rig.h"

static void test_connect_and_rw(void **state)
{
	static uint8_t out[65536], in[65536];
	struct rig r;
	struct nvmf_host *h = rig_up(&r);
	const struct nvmf_ns *ns = nvmf_host_ns(h, 1);

	assert_non_null(ns);
	assert_int_equal(ns->blocks, 2048);
	memset(out, 0xa5, sizeof(out));
	assert_int_equal(rig_rw(&r, h, NVME_IO_WRITE, 8, 128, out), 0);
	assert_int_equal(rig_rw(&r, h, NVME_IO_READ, 8, 128, in), 0);
	assert_memory_equal(in, out, sizeof(in));
	assert_int_equal(rig_rw(&r, h, NVME_IO_COMPARE, 8, 128, out), 0);
	out[5]++;
	assert_int_equal(rig_rw(&r, h, NVME_IO_COMPARE, 8, 128, out), NVME_SC_COMPARE_FAILED);
	assert_int_equal(rig_rw(&r, h, NVME_IO_READ, 2047, 2, in), NVME_SC_LBA_RANGE);
	assert_int_equal(rig_rw(&r, h, NVME_IO_READ, UINT64_MAX, 2, in), NVME_SC_LBA_RANGE);
	assert_int_equal(rig_rw(&r, h, 0x77, 0, 1, in), NVME_SC_INVALID_OPCODE);
	rig_down(&r, h);
}

#define WIDE (128 * 512)

struct many {
	struct nvmf_io io[2];
	unsigned pending;
};

static void one_done(struct nvmf_io *io)
{
	assert_int_equal(io->status, 0);
	((struct many *)io->arg)->pending--;
}

static void begin(struct nvmf_host *h, struct many *m, unsigned i, uint8_t opcode, uint8_t *buf)
{
	m->io[i] = (struct nvmf_io){.cmd.opcode = opcode, .buf = buf, .len = WIDE, .done = one_done, .arg = m,
		.dir = opcode == NVME_IO_READ ? NVME_DIR_TO_HOST : NVME_DIR_FROM_HOST};
	m->io[i].cmd.nsid = 1;
	m->io[i].cmd.rw.nlb = WIDE / 512 - 1;
	m->pending++;
	nvmf_host_submit(h, &m->io[i]);
}

/* Reads are answered from the device's memory while writes change it: each block is of one write. */
static void test_reads_beside_writes(void **state)
{
	static uint8_t in[WIDE], out[WIDE];
	struct nvmf_host_options o;
	struct many m = {.pending = 0};
	struct nvmf_host *reader, *writer;
	unsigned mixed = 0;
	struct rig r;

	rig_open(&r, "mem:1M", 0, NULL);
	r.to_host.window = 3000;
	o = rig_host_options(&r);
	reader = rig_connect(&r, &o);
	r.to_host.window = 0;
	writer = rig_connect(&r, &o);
	for (unsigned round = 1; round < 100; round++) {
		memset(out, (int)round, sizeof(out));
		begin(reader, &m, 0, NVME_IO_READ, in);
		begin(writer, &m, 1, NVME_IO_WRITE, out);
		for (int i = 0; i < 10000 && m.pending; i++)
			rig_step(&r, 100 * NS_PER_US);
		assert_int_equal(m.pending, 0);
		for (unsigned b = 0; b < WIDE; b += 512)
			assert_memory_equal(in + b, in + b + 1, 511);
		mixed += in[0] != in[WIDE - 1];
	}
	assert_true(mixed > 0);
	rig_leave(&r, writer);
	rig_down(&r, reader);
}

static void add_counters(struct nvme_io_stats *sum, const struct nvme_io_stats *part)
{
	for (size_t i = 0; i < sizeof(*sum) / sizeof(uint64_t); i++)
		((uint64_t *)sum)[i] += ((const uint64_t *)part)[i];
}

static void sum_queue(void *arg, const struct nvme_queue_info *info)
{
	assert_string_equal(info->hostnqn, RIG_HOST);
	assert_string_equal(info->subnqn, RIG_NQN);
	assert_in_range(info->qid, 1, 4);
	add_counters(arg, &info->stats);
}

static void sum_namespace(void *arg, const struct nvme_namespace_info *info)
{
	add_counters(arg, &info->stats);
}

/* What is counted per namespace and per queue is the same in sum. */
static void test_counters(void **state)
{
	struct nvme_io_stats by_ns = {.reads = 0}, by_queue = {.reads = 0};
	static uint8_t buf[8192];
	struct rig r;
	struct nvmf_host *h = rig_up(&r);

	for (int i = 0; i < 10; i++) {
		assert_int_equal(rig_rw(&r, h, NVME_IO_WRITE, 8, 16, buf), 0);
		assert_int_equal(rig_rw(&r, h, NVME_IO_READ, 8, i < 5 ? 1 : 16, buf), 0);
	}
	assert_int_equal(rig_rw(&r, h, NVME_IO_COMPARE, 8, 16, buf), 0);
	nvme_each_namespace(r.subsys, sum_namespace, &by_ns, false);
	nvme_each_queue(r.target, sum_queue, &by_queue);
	assert_memory_equal(&by_ns, &by_queue, sizeof(by_ns));
	assert_int_equal(by_queue.reads, 10);
	assert_int_equal(by_queue.writes, 10);
	assert_int_equal(by_queue.others, 1);
	assert_int_equal(by_queue.read_bytes, 5 * 512 + 5 * 8192);
	rig_down(&r, h);
}

static uint16_t simple(struct rig *r, struct nvmf_host *h, uint8_t opcode, uint32_t nsid, uint64_t slba, uint32_t blocks,
	uint16_t control)
{
	struct nvmf_io io = {.cmd.opcode = opcode};

	io.cmd.nsid = nsid;
	io.cmd.rw.slba = slba;
	io.cmd.rw.nlb = (uint16_t)(blocks - 1);
	io.cmd.rw.control = control;
	return rig_do(r, h, false, &io);
}

static void test_zero_unmap_copy_verify(void **state)
{
	static uint8_t out[8192], in[8192], zero[8192];
	struct nvme_dsm_range ranges[2] = {{.nlb = 4, .slba = 0}, {.nlb = 4, .slba = 8}};
	struct nvme_copy_range copy[2] = {{.slba = 0, .nlb = 3}, {.slba = 12, .nlb = 3}};
	struct rig r;
	struct nvmf_host *h = rig_up(&r);
	struct nvmf_io io;

	for (size_t i = 0; i < sizeof(out); i++)
		out[i] = (uint8_t)(i / 512 + 1);
	assert_int_equal(rig_rw(&r, h, NVME_IO_WRITE, 0, 16, out), 0);
	/* copy blocks 0-3 and 12-15 to 100 */
	io = (struct nvmf_io){.cmd.opcode = NVME_IO_COPY, .buf = copy, .len = sizeof(copy), .dir = NVME_DIR_FROM_HOST};
	io.cmd.nsid = 1;
	io.cmd.rw.slba = 100;
	io.cmd.cdw12 = 1;
	assert_int_equal(rig_do(&r, h, false, &io), 0);
	assert_int_equal(rig_rw(&r, h, NVME_IO_READ, 100, 8, in), 0);
	assert_memory_equal(in, out, 2048);
	assert_memory_equal(in + 2048, out + 12 * 512, 2048);
	/* deallocate 0-3 and 8-11: the memory backend says deallocated blocks read as zero */
	io = (struct nvmf_io){.cmd.opcode = NVME_IO_DSM, .buf = ranges, .len = sizeof(ranges), .dir = NVME_DIR_FROM_HOST};
	io.cmd.nsid = 1;
	io.cmd.cdw10 = 1;
	io.cmd.cdw11 = NVME_DSM_DEALLOCATE;
	assert_int_equal(rig_do(&r, h, false, &io), 0);
	assert_int_equal(rig_rw(&r, h, NVME_IO_READ, 0, 16, in), 0);
	assert_memory_equal(in, zero, 2048);
	assert_memory_equal(in + 2048, out + 2048, 2048);
	assert_memory_equal(in + 4096, zero, 2048);
	ranges[1].slba = 2046;
	assert_int_equal(rig_do(&r, h, false, &io), NVME_SC_LBA_RANGE);
	assert_int_equal(simple(&r, h, NVME_IO_WRITE_ZEROES, 1, 4, 4, NVME_RW_DEAC), 0);
	assert_int_equal(rig_rw(&r, h, NVME_IO_READ, 4, 4, in), 0);
	assert_memory_equal(in, zero, 2048);
	assert_int_equal(simple(&r, h, NVME_IO_VERIFY, 1, 0, 2048, 0), 0);
	assert_int_equal(simple(&r, h, NVME_IO_VERIFY, 1, 1, 2048, 0), NVME_SC_LBA_RANGE);
	assert_int_equal(simple(&r, h, NVME_IO_FLUSH, 1, 0, 1, 0), 0);
	assert_int_equal(simple(&r, h, NVME_IO_FLUSH, NVME_NSID_ALL, 0, 1, 0), NVME_SC_INVALID_NS);
	rig_down(&r, h);
}

/* --- events --- */

static unsigned events[3];

static void on_event(void *arg, struct nvmf_host *h, enum nvmf_host_event event)
{
	events[event]++;
}

static void test_namespace_events(void **state)
{
	struct rig r;
	struct nvmf_host_options o;
	struct nvmf_host *h;
	struct nvme_namespace *second;
	struct blk_dev *dev;
	bool removed = false;

	rig_open(&r, "mem:1M", 0, NULL);
	o = rig_host_options(&r);
	o.on_event = on_event;
	memset(events, 0, sizeof(events));
	h = rig_connect(&r, &o);
	assert_int_equal(blk_open("mem:2M?block=4096", &dev), 0);
	assert_int_equal(nvme_namespace_add(r.subsys, &(struct nvme_namespace_config){.dev = dev}, &second), 0);
	rig_settle(&r, 10 * NS_PER_MS);
	assert_int_equal(events[NVMF_EVENT_NAMESPACES], 1);
	assert_int_equal(nvmf_host_ns(h, 2)->block_size, 4096);
	assert_int_equal(nvme_namespace_resize(second, 4 << 20), 0);
	rig_settle(&r, 10 * NS_PER_MS);
	assert_int_equal(events[NVMF_EVENT_NAMESPACES], 2);
	assert_int_equal(nvmf_host_ns(h, 2)->blocks, 1024);
	assert_int_equal(nvme_port_ana_set(r.port, 1, NVME_ANA_INACCESSIBLE_STATE), 0);
	rig_settle(&r, 10 * NS_PER_MS);
	assert_int_equal(nvmf_host_ns(h, 1)->ana, NVME_ANA_INACCESSIBLE_STATE);
	assert_int_equal(simple(&r, h, NVME_IO_FLUSH, 1, 0, 1, 0), NVME_SC_ANA_INACCESSIBLE);
	assert_int_equal(nvme_port_ana_set(r.port, 1, NVME_ANA_NON_OPTIMIZED), 0);
	rig_settle(&r, 10 * NS_PER_MS);
	assert_int_equal(nvmf_host_ns(h, 1)->ana, NVME_ANA_NON_OPTIMIZED);
	assert_int_equal(simple(&r, h, NVME_IO_FLUSH, 1, 0, 1, 0), 0);
	nvme_namespace_remove(second, rig_flag, &removed);
	rig_settle(&r, 10 * NS_PER_MS);
	assert_true(removed);
	assert_null(nvmf_host_ns(h, 2));
	assert_int_equal(simple(&r, h, NVME_IO_FLUSH, 2, 0, 1, 0), NVME_SC_INVALID_NS);
	rig_down(&r, h);
}

/* A namespace that goes under load waits for its last I/O. */
static void test_remove_under_load(void **state)
{
	struct nvme_namespace *second;
	struct nvmf_io io[8];
	static uint8_t buf[8][4096];
	struct rig r;
	struct nvmf_host *h = rig_up(&r);
	struct blk_dev *dev;
	unsigned done = 0;
	bool removed = false;

	assert_int_equal(blk_open("fault:delay_us=5000:mem:1M", &dev), 0);
	assert_int_equal(nvme_namespace_add(r.subsys, &(struct nvme_namespace_config){.dev = dev}, &second), 0);
	rig_settle(&r, 10 * NS_PER_MS);
	for (int i = 0; i < 8; i++) {
		io[i] = (struct nvmf_io){.cmd.opcode = NVME_IO_READ, .buf = buf[i], .len = 4096, .dir = NVME_DIR_TO_HOST,
			.done = rig_io_done, .arg = &done};
		io[i].cmd.nsid = 2;
		io[i].cmd.rw.nlb = 7;
		nvmf_host_submit(h, &io[i]);
	}
	rig_step(&r, 1);
	rig_step(&r, 1);
	nvme_namespace_remove(second, rig_flag, &removed);
	rig_step(&r, 1);
	assert_false(removed);
	rig_settle(&r, 20 * NS_PER_MS);
	assert_true(removed);
	assert_int_equal(done, 8);
	for (int i = 0; i < 8; i++)
		assert_int_equal(io[i].status, 0);
	rig_down(&r, h);
}

static void test_masking_and_hosts(void **state)
{
	struct nvme_namespace *second;
	struct rig r;
	struct nvmf_host *h = rig_up(&r), *stranger;
	struct nvmf_host_options o = rig_host_options(&r);
	struct blk_dev *dev;

	assert_int_equal(blk_open("mem:1M", &dev), 0);
	assert_int_equal(nvme_namespace_add(r.subsys,
				 &(struct nvme_namespace_config){.dev = dev, .nsid = 7, .masked = true}, &second), 0);
	rig_settle(&r, 5 * NS_PER_MS);
	assert_null(nvmf_host_ns(h, 7));
	assert_int_equal(simple(&r, h, NVME_IO_FLUSH, 7, 0, 1, 0), NVME_SC_INVALID_NS);
	assert_int_equal(nvme_namespace_host_add(second, RIG_HOST), 0);
	rig_settle(&r, 5 * NS_PER_MS);
	assert_non_null(nvmf_host_ns(h, 7));
	assert_int_equal(nvme_namespace_host_remove(second, RIG_HOST), 0);
	rig_settle(&r, 5 * NS_PER_MS);
	assert_null(nvmf_host_ns(h, 7));
	/* an allow-list: the connected host loses its right and is put out, a stranger is refused */
	nvme_subsystem_host_add(r.subsys, "nqn.2026-11.test:other");
	nvme_subsystem_allow_any(r.subsys, false);
	rig_settle(&r, 5 * NS_PER_MS);
	assert_int_not_equal(nvmf_host_state(h), NVMF_HOST_LIVE);
	o.hostnqn = "nqn.2026-11.test:stranger";
	stranger = rig_connect(&r, &o);
	assert_int_equal(nvmf_host_state(stranger), NVMF_HOST_FAILED);
	assert_non_null(strstr(nvmf_host_trouble(stranger), "not allowed"));
	rig_leave(&r, stranger);
	o.hostnqn = "nqn.2026-11.test:other";
	stranger = rig_connect(&r, &o);
	assert_int_equal(nvmf_host_state(stranger), NVMF_HOST_LIVE);
	rig_leave(&r, stranger);
	rig_down(&r, h);
}

/* --- fused --- */

static void test_fused(void **state)
{
	uint8_t zero[512] = {0}, one[512], two[512], in[512];
	struct rig r;
	struct nvmf_host *h = rig_up(&r);
	struct nvmf_io io[2];
	unsigned done = 0;

	memset(one, 1, sizeof(one));
	memset(two, 2, sizeof(two));
	rig_fused_pair(io, zero, one, &done);
	nvmf_host_submit(h, &io[0]);
	nvmf_host_submit(h, &io[1]);
	rig_settle(&r, 2 * NS_PER_MS);
	assert_int_equal(done, 2);
	assert_int_equal(io[0].status | io[1].status, 0);
	/* now it holds ones: comparing with zero must write nothing */
	rig_fused_pair(io, zero, two, &done);
	nvmf_host_submit(h, &io[0]);
	nvmf_host_submit(h, &io[1]);
	rig_settle(&r, 2 * NS_PER_MS);
	assert_int_equal(done, 4);
	assert_int_equal(io[0].status & 0x7ff, NVME_SC_COMPARE_FAILED);
	assert_int_equal(io[1].status & 0x7ff, NVME_SC_FUSED_FAIL);
	assert_int_equal(rig_rw(&r, h, NVME_IO_READ, 3, 1, in), 0);
	assert_memory_equal(in, one, 512);
	/* halves alone */
	rig_fused_pair(io, one, two, &done);
	nvmf_host_submit(h, &io[1]);
	rig_settle(&r, 2 * NS_PER_MS);
	assert_int_equal(io[1].status & 0x7ff, NVME_SC_FUSED_MISSING);
	nvmf_host_submit(h, &io[0]);
	rig_settle(&r, 2 * NS_PER_MS);
	assert_int_equal(done, 5);
	assert_int_equal(simple(&r, h, NVME_IO_FLUSH, 1, 0, 1, 0), 0);
	assert_int_equal(done, 6);
	assert_int_equal(io[0].status & 0x7ff, NVME_SC_FUSED_MISSING);
	assert_int_equal(rig_rw(&r, h, NVME_IO_READ, 3, 1, in), 0);
	assert_memory_equal(in, one, 512);
	rig_down(&r, h);
}

/* --- reservations --- */

static uint16_t resv(struct rig *r, struct nvmf_host *h, uint8_t opcode, uint32_t cdw10, uint64_t crkey, uint64_t nrkey)
{
	struct nvme_resv_keys keys = {.crkey = crkey, .nrkey = nrkey};
	struct nvmf_io io = {.cmd.opcode = opcode, .buf = &keys, .len = opcode == NVME_IO_RESV_RELEASE ? 8 : 16,
		.dir = NVME_DIR_FROM_HOST};

	io.cmd.nsid = 1;
	io.cmd.cdw10 = cdw10;
	return rig_do(r, h, false, &io);
}

static void test_reservations(void **state)
{
	uint8_t buf[512], report[4096] = {0};
	struct rig r;
	struct nvmf_host *a = rig_up(&r), *b;
	struct nvmf_host_options o = rig_host_options(&r);
	struct nvmf_io io;

	o.hostnqn = "nqn.2026-11.test:second";
	b = rig_connect(&r, &o);
	assert_int_equal(resv(&r, a, NVME_IO_RESV_ACQUIRE, 1 << 8, 5, 0), NVME_SC_RESERVATION_CONFLICT);
	assert_int_equal(resv(&r, a, NVME_IO_RESV_REGISTER, 0, 0, 0xaa), 0);
	assert_int_equal(resv(&r, b, NVME_IO_RESV_REGISTER, 0, 0, 0xbb), 0);
	/* write exclusive: others read, do not write */
	assert_int_equal(resv(&r, a, NVME_IO_RESV_ACQUIRE, NVME_RESV_WRITE_EXCLUSIVE << 8, 0xaa, 0), 0);
	assert_int_equal(rig_rw(&r, b, NVME_IO_READ, 0, 1, buf), 0);
	assert_int_equal(rig_rw(&r, b, NVME_IO_WRITE, 0, 1, buf), NVME_SC_RESERVATION_CONFLICT);
	assert_int_equal(rig_rw(&r, a, NVME_IO_WRITE, 0, 1, buf), 0);
	assert_int_equal(resv(&r, b, NVME_IO_RESV_ACQUIRE, NVME_RESV_EXCLUSIVE_ACCESS << 8, 0xbb, 0),
		NVME_SC_RESERVATION_CONFLICT);
	io = (struct nvmf_io){.cmd.opcode = NVME_IO_RESV_REPORT, .buf = report, .len = sizeof(report),
		.dir = NVME_DIR_TO_HOST};
	io.cmd.nsid = 1;
	io.cmd.cdw10 = sizeof(report) / 4 - 1;
	io.cmd.cdw11 = 1;
	assert_int_equal(rig_do(&r, a, false, &io), 0);
	assert_int_equal(((struct nvme_resv_status *)report)->regctl, 2);
	assert_int_equal(((struct nvme_resv_status *)report)->rtype, NVME_RESV_WRITE_EXCLUSIVE);
	/* b preempts a */
	assert_int_equal(resv(&r, b, NVME_IO_RESV_ACQUIRE, 1 | NVME_RESV_EXCLUSIVE_ACCESS << 8, 0xbb, 0xaa), 0);
	assert_int_equal(rig_rw(&r, a, NVME_IO_READ, 0, 1, buf), NVME_SC_RESERVATION_CONFLICT);
	assert_int_equal(rig_rw(&r, b, NVME_IO_WRITE, 0, 1, buf), 0);
	assert_int_equal(resv(&r, a, NVME_IO_RESV_RELEASE, NVME_RESV_EXCLUSIVE_ACCESS << 8, 0xaa, 0),
		NVME_SC_RESERVATION_CONFLICT);
	assert_int_equal(resv(&r, b, NVME_IO_RESV_RELEASE, NVME_RESV_EXCLUSIVE_ACCESS << 8, 0xbb, 0), 0);
	assert_int_equal(rig_rw(&r, a, NVME_IO_WRITE, 0, 1, buf), 0);
	rig_leave(&r, b);
	rig_down(&r, a);
}

/* Registrants and the holder come back with the target, and may or may not write as before. */
static void test_reservations_persist(void **state)
{
	char dir[] = "/tmp/softdpu-resv.XXXXXX", cmd[64];
	struct nvmf_host_options o;
	struct nvmf_host *a, *b;
	uint8_t buf[512] = {0};
	struct rig r;

	rig_state_dir = mkdtemp(dir);
	assert_non_null(rig_state_dir);
	a = rig_up(&r);
	assert_int_equal(resv(&r, a, NVME_IO_RESV_REGISTER, 3u << 30, 0, 0xaa), 0);
	assert_int_equal(resv(&r, a, NVME_IO_RESV_ACQUIRE, NVME_RESV_WRITE_EXCLUSIVE << 8, 0xaa, 0), 0);
	rig_down(&r, a);
	for (int round = 0; round < 2; round++) {
		a = rig_up(&r);
		o = rig_host_options(&r);
		o.hostnqn = "nqn.2026-11.test:second";
		b = rig_connect(&r, &o);
		assert_int_equal(rig_rw(&r, b, NVME_IO_READ, 0, 1, buf), 0);
		assert_int_equal(rig_rw(&r, b, NVME_IO_WRITE, 0, 1, buf), NVME_SC_RESERVATION_CONFLICT);
		assert_int_equal(rig_rw(&r, a, NVME_IO_WRITE, 0, 1, buf), 0);
		rig_leave(&r, b);
		rig_down(&r, a);
	}
	/* released, unregistered, persistence off: nothing comes back */
	a = rig_up(&r);
	assert_int_equal(resv(&r, a, NVME_IO_RESV_RELEASE, NVME_RESV_WRITE_EXCLUSIVE << 8, 0xaa, 0), 0);
	assert_int_equal(resv(&r, a, NVME_IO_RESV_REGISTER, 1 | 2u << 30, 0xaa, 0), 0);
	rig_down(&r, a);
	a = rig_up(&r);
	assert_int_equal(resv(&r, a, NVME_IO_RESV_ACQUIRE, NVME_RESV_WRITE_EXCLUSIVE << 8, 0xaa, 0),
		NVME_SC_RESERVATION_CONFLICT);
	rig_down(&r, a);
	rig_state_dir = NULL;
	/* without a place to keep it, persistence is refused, not forgotten */
	a = rig_up(&r);
	assert_int_equal(resv(&r, a, NVME_IO_RESV_REGISTER, 3u << 30, 0, 0xaa), NVME_SC_INVALID_FIELD);
	rig_down(&r, a);
	snprintf(cmd, sizeof(cmd), "rm -r %s", dir);
	assert_int_equal(system(cmd), 0);
}

/* --- formats --- */

static void test_formats(void **state)
{
	static const uint32_t sizes[] = {512, 4096};
	static uint8_t out[8192], in[8192];
	struct nvmf_host_options o;
	const struct nvmf_ns *ns;
	struct nvmf_host *h;
	struct nvmf_io io;
	char uri[32];
	struct rig r;

	for (int i = 0; i < 2; i++) {
		snprintf(uri, sizeof(uri), "mem:1M?block=%u", sizes[i]);
		rig_open(&r, uri, 0, NULL);
		o = rig_host_options(&r);
		h = rig_connect(&r, &o);
		ns = nvmf_host_ns(h, 1);
		assert_int_equal(ns->block_size, sizes[i]);
		assert_int_equal(ns->blocks * ns->block_size, 1u << 20);
		memset(out, 0x11 + i, sizeof(out));
		io = (struct nvmf_io){.cmd.opcode = NVME_IO_WRITE, .buf = out, .len = 2 * sizes[i], .dir = NVME_DIR_FROM_HOST};
		io.cmd.nsid = 1;
		io.cmd.rw.slba = ns->blocks - 2;
		io.cmd.rw.nlb = 1;
		assert_int_equal(rig_do(&r, h, false, &io), 0);
		io.cmd.rw.slba++;
		assert_int_equal(rig_do(&r, h, false, &io), NVME_SC_LBA_RANGE);
		io.cmd.rw.slba--;
		io.cmd.opcode = NVME_IO_READ;
		io.buf = in;
		io.dir = NVME_DIR_TO_HOST;
		assert_int_equal(rig_do(&r, h, false, &io), 0);
		assert_memory_equal(in, out, 2 * sizes[i]);
		rig_leave(&r, h);
		rig_close(&r);
	}
}

/* --- limits --- */

static void test_qos(void **state)
{
	struct rig r;
	struct nvmf_host *h = rig_up(&r);
	uint8_t buf[512];
	uint64_t before;

	assert_int_equal(nvme_namespace_set_qos(r.ns, 100, 0), 0);
	for (int i = 0; i < 20; i++) /* the bucket's tenth of a second, and then some */
		rig_rw(&r, h, NVME_IO_READ, 0, 1, buf);
	before = reactor_now(r.reactor);
	for (int i = 0; i < 50; i++)
		assert_int_equal(rig_rw(&r, h, NVME_IO_READ, 0, 1, buf), 0);
	assert_in_range(reactor_now(r.reactor) - before, 450 * NS_PER_MS, 600 * NS_PER_MS);
	nvme_namespace_set_qos(r.ns, 0, 0);
	before = reactor_now(r.reactor);
	for (int i = 0; i < 50; i++)
		rig_rw(&r, h, NVME_IO_READ, 0, 1, buf);
	assert_in_range(reactor_now(r.reactor) - before, 0, 100 * NS_PER_MS);
	rig_down(&r, h);
}

static void test_keep_alive_expires(void **state)
{
	struct rig r;
	struct nvmf_host *h = rig_up(&r);
	unsigned lives = r.lives;

	/* the network swallows everything: the target must let go of the host by itself, and the host of
	 * the target; then they find each other again */
	r.to_target.stalled = true;
	stream_pipe_faults(r.host_end[1], &r.to_target); /* the admin queue */
	stream_pipe_faults(r.host_end[2], &r.to_target);
	r.refuse_dials = true;
	rig_settle(&r, 8 * NS_PER_SEC);
	assert_int_not_equal(nvmf_host_state(h), NVMF_HOST_LIVE);
	assert_int_equal(nvme_target_controllers(r.target), 0);
	r.to_target.stalled = false;
	r.refuse_dials = false;
	rig_settle(&r, 12 * NS_PER_SEC);
	assert_int_equal(nvmf_host_state(h), NVMF_HOST_LIVE);
	assert_int_equal(r.lives, lives + 1);
	rig_down(&r, h);
}

/* --- discovery --- */

static void test_discovery(void **state)
{
	static uint8_t page[8192];
	struct nvme_discovery_log *log = (struct nvme_discovery_log *)page;
	struct rig r;
	struct nvmf_host *h;
	struct nvmf_host_options o;
	struct nvme_subsystem *hidden;
	struct nvmf_io io;

	rig_open(&r, "mem:1M", 0, NULL);
	nvme_referral_add(r.target, &(struct nvme_port_config){.trtype = NVME_TRTYPE_TCP, .traddr = "192.0.2.9",
					    .trsvcid = "8009"});
	assert_int_equal(nvme_subsystem_add(r.target, &(struct nvme_subsystem_config){.nqn = RIG_NQN "-hidden"}, &hidden),
		0);
	o = rig_host_options(&r);
	o.subnqn = NULL;
	o.on_event = on_event;
	memset(events, 0, sizeof(events));
	h = rig_connect(&r, &o);
	assert_int_equal(nvmf_host_state(h), NVMF_HOST_LIVE);
	io = (struct nvmf_io){.cmd.opcode = NVME_ADMIN_GET_LOG_PAGE, .buf = page, .len = 4096, .dir = NVME_DIR_TO_HOST};
	io.cmd.cdw10 = NVME_LOG_DISCOVERY | (4096 / 4 - 1) << 16;
	assert_int_equal(rig_do(&r, h, true, &io), 0);
	assert_int_equal(log->numrec, 2);
	assert_string_equal(log->entries[0].subnqn, RIG_NQN);
	assert_string_equal(log->entries[0].traddr, "192.0.2.1");
	assert_int_equal(log->entries[1].subtype, NVME_SUBTYPE_REFERRAL);
	/* being allowed is a change of what this host may see: an event, and a third entry */
	nvme_subsystem_host_add(hidden, RIG_HOST);
	rig_settle(&r, 2 * NS_PER_MS);
	assert_int_equal(events[NVMF_EVENT_DISCOVERY], 1);
	assert_int_equal(rig_do(&r, h, true, &io), 0);
	assert_int_equal(log->numrec, 3);
	rig_leave(&r, h);
	nvme_subsystem_remove(hidden, NULL, NULL);
	rig_close(&r);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_connect_and_rw),
		cmocka_unit_test(test_counters),
		cmocka_unit_test(test_reads_beside_writes),
		cmocka_unit_test(test_zero_unmap_copy_verify),
		cmocka_unit_test(test_namespace_events),
		cmocka_unit_test(test_remove_under_load),
		cmocka_unit_test(test_masking_and_hosts),
		cmocka_unit_test(test_fused),
		cmocka_unit_test(test_reservations),
		cmocka_unit_test(test_reservations_persist),
		cmocka_unit_test(test_formats),
		cmocka_unit_test(test_qos),
		cmocka_unit_test(test_keep_alive_expires),
		cmocka_unit_test(test_discovery),
	};

	log_set_level(getenv("SIM_VERBOSE") ? LOG_DEBUG : LOG_ERROR);
	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests_name("nvmf-host", tests, NULL, NULL);
}
