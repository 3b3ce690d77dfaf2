/* SPDX-License-Identifier: BSD-3-Clause */
/* Block devices against a byte array: random operations, every backend, composed operations included. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/refuse.h"
#include "base/rng.h"
#include "blk/blk.h"

#define SIZE (2u << 20)
#define SPAN (256u << 10)

static struct reactor *reactor;
static struct rng rng;
static bool virtual_time;

static void open_reactor(bool is_virtual)
{
	struct reactor_options o = {.cpu = -1, .virtual_time = is_virtual, .buffers = {64, 16, 8, 2}};

	virtual_time = is_virtual;
	if (reactor_create(&o, &reactor))
		fail_msg("%s", refusal());
	reactor_run_once(reactor, 0);
}

static void note(struct blk_io *io, int status)
{
	*(int *)io->iov[15].iov_base = status; /* the caller's slot for the answer */
}

/* Submit and wait. Pieces of the data go in up to eight vector elements. */
static int run(struct blk_channel *ch, struct blk_io *io, uint8_t *data)
{
	struct iovec iov[16];
	uint64_t left = io->length;
	int status = 1, n = 0;

	while (data && left) {
		uint64_t piece = n == 7 ? left : (rng_below(&rng, left / 512) + 1) * 512;

		iov[n++] = (struct iovec){data, piece};
		data += piece;
		left -= piece;
	}
	iov[15].iov_base = &status;
	io->iov = iov;
	io->iovcnt = n;
	io->done = note;
	blk_submit(ch, io);
	for (int i = 0; i < 100000 && status == 1; i++) {
		if (virtual_time)
			reactor_advance(reactor, 10 * NS_PER_US);
		reactor_run_once(reactor, NS_PER_MS);
	}
	return status;
}

static uint8_t *model;

static void random_operation(struct blk_channel *ch, uint8_t *buf, bool unmap_zeroes)
{
	struct blk_io io = {.op = (enum blk_op)rng_below(&rng, BLK_OP_COUNT)};

	io.length = (rng_below(&rng, SPAN / 512) + 1) * 512;
	io.offset = rng_below(&rng, (SIZE - io.length) / 512 + 1) * 512;
	io.copy_from = rng_below(&rng, (SIZE - io.length) / 512 + 1) * 512;
	io.flags = rng_one_in(&rng, 4) ? BLK_FUA : 0;
	switch (io.op) {
	case BLK_READ:
		assert_int_equal(run(ch, &io, buf), 0);
		assert_memory_equal(buf, model + io.offset, io.length);
		break;
	case BLK_WRITE:
		rng_bytes(&rng, buf, io.length);
		assert_int_equal(run(ch, &io, buf), 0);
		memcpy(model + io.offset, buf, io.length);
		break;
	case BLK_COMPARE:
		memcpy(buf, model + io.offset, io.length);
		if (rng_one_in(&rng, 2)) {
			buf[rng_below(&rng, io.length)] ^= 1;
			assert_int_equal(run(ch, &io, buf), -EILSEQ);
		} else {
			assert_int_equal(run(ch, &io, buf), 0);
		}
		break;
	case BLK_ZERO:
		assert_int_equal(run(ch, &io, NULL), 0);
		memset(model + io.offset, 0, io.length);
		break;
	case BLK_UNMAP:
		if (!unmap_zeroes)
			break;
		assert_int_equal(run(ch, &io, NULL), 0);
		memset(model + io.offset, 0, io.length);
		break;
	case BLK_COPY: { /* overlapping copies have no defined order of blocks: keep them apart */
		uint64_t gap = io.offset > io.copy_from ? io.offset - io.copy_from : io.copy_from - io.offset;

		if (gap < io.length)
			break;
		assert_int_equal(run(ch, &io, NULL), 0);
		memcpy(model + io.offset, model + io.copy_from, io.length);
		break;
	}
	default:
		assert_int_equal(run(ch, &io, NULL), 0);
	}
}

static void against_model(const char *uri, bool is_virtual, int rounds)
{
	struct blk_dev *dev;
	struct blk_channel *ch;
	uint8_t *buf = aligned_alloc(4096, SPAN + 4096);
	struct reactor_stats stats;

	rng_init(&rng, rng_test_seed(uri));
	open_reactor(is_virtual);
	if (blk_open(uri, &dev))
		fail_msg("%s", refusal());
	assert_int_equal(blk_limits(dev)->size, SIZE);
	ch = blk_channel_get(dev, reactor);
	model = calloc(1, SIZE);
	for (int i = 0; i < rounds; i++) /* misaligned every third time: O_DIRECT needs a bounce then */
		random_operation(ch, buf + (i % 3 ? 0 : 64), blk_limits(dev)->unmap_zeroes);
	blk_channel_put(ch);
	blk_close(dev);
	reactor_stats(reactor, &stats);
	for (int c = 0; c < REACTOR_BUF_CLASSES; c++)
		assert_int_equal(stats.buf_free[c], stats.buf_total[c]);
	reactor_destroy(reactor);
	free(model);
	free(buf);
}

static void test_mem(void **state)
{
	against_model("mem:2M", true, 800);
	against_model("mem:2M", false, 300);
}

static void test_fault_layer_passes_through(void **state)
{
	against_model("fault:delay_us=30:mem:2M", true, 400);
}

static char path[64], uri[160];

static void test_file(void **state)
{
	snprintf(uri, sizeof(uri), "file:%s?size=2M", path);
	against_model(uri, false, 250);
	unlink(path);
	snprintf(uri, sizeof(uri), "file:%s?size=2M&buffered=1", path);
	against_model(uri, false, 250);
	unlink(path);
}

#define FLEET 24

static unsigned landed;
static int fleet_status[FLEET];
static struct blk_io fleet[FLEET];

static void land(struct blk_io *io, int st)
{
	assert_int_equal(fleet_status[io - fleet], 1); /* exactly once */
	fleet_status[io - fleet] = st;
	landed++;
}

/* All at once, then until all are back. */
static void fly(struct blk_channel *ch, enum blk_op op, struct iovec *iov)
{
	landed = 0;
	for (unsigned i = 0; i < FLEET; i++) {
		fleet[i] = (struct blk_io){.op = op, .offset = i * 4096, .length = 4096, .iov = &iov[i], .iovcnt = 1,
			.done = land};
		fleet_status[i] = 1;
		blk_submit(ch, &fleet[i]);
	}
	for (int i = 0; i < 100000 && landed < FLEET; i++)
		reactor_run_once(reactor, NS_PER_MS);
	assert_int_equal(landed, FLEET);
	for (unsigned i = 0; i < FLEET; i++)
		assert_int_equal(fleet_status[i], 0);
}

/* More at once than the device may have: the rest waits its turn. */
static void test_file_queue(void **state)
{
	uint8_t *buf = aligned_alloc(4096, FLEET * 4096);
	struct blk_channel *ch;
	struct blk_dev *dev;
	struct iovec iov[FLEET];

	open_reactor(false);
	snprintf(uri, sizeof(uri), "file:%s?size=1M&queue=3", path);
	assert_int_equal(blk_open(uri, &dev), 0);
	ch = blk_channel_get(dev, reactor);
	for (unsigned i = 0; i < FLEET; i++) {
		iov[i] = (struct iovec){buf + i * 4096, 4096};
		memset(iov[i].iov_base, (int)i + 1, 4096);
	}
	fly(ch, BLK_WRITE, iov);
	memset(buf, 0, FLEET * 4096);
	fly(ch, BLK_READ, iov);
	for (unsigned i = 0; i < FLEET; i++)
		assert_int_equal(buf[i * 4096 + 17], i + 1);
	blk_channel_put(ch);
	blk_close(dev);
	reactor_destroy(reactor);
	unlink(path);
	free(buf);
}

/* --- giving up --- */

#define CROWD 48u

static struct crowd {
	struct blk_channel *ch;
	struct blk_io io[CROWD], cancel[CROWD];
	struct iovec iov[CROWD];
	int status[CROWD], asked[CROWD]; /* 1: under way; 2: not asked */
	unsigned busy, given_up;
} crowd;

static void crowd_done(struct blk_io *io, int st)
{
	size_t i = (size_t)(io - crowd.io);

	assert_int_equal(crowd.status[i], 1); /* exactly once */
	crowd.status[i] = st;
	crowd.busy--;
}

static void crowd_asked(struct blk_io *io, int st)
{
	size_t i = (size_t)(io - crowd.cancel);

	assert_int_equal(crowd.asked[i], 1);
	assert_true(st == 0 || st == -EALREADY);
	crowd.asked[i] = st;
	crowd.busy--;
}

static void crowd_ask(size_t i)
{
	crowd.asked[i] = 1;
	crowd.cancel[i] = (struct blk_io){.done = crowd_asked};
	crowd.busy++;
	blk_cancel(crowd.ch, &crowd.io[i], &crowd.cancel[i]);
}

static void crowd_submit(size_t i, enum blk_op op, uint8_t *buf, uint32_t len)
{
	crowd.iov[i] = (struct iovec){buf, len};
	crowd.io[i] = (struct blk_io){.op = op, .offset = i * len, .copy_from = (CROWD - 1 - i) * len, .length = len,
		.iov = &crowd.iov[i], .iovcnt = 1, .done = crowd_done};
	crowd.status[i] = 1;
	crowd.asked[i] = 2;
	crowd.busy++;
	blk_submit(crowd.ch, &crowd.io[i]);
}

/* All are back; who was promised to be given up was, and only who was asked. */
static void crowd_settle(void)
{
	for (int i = 0; i < 100000 && crowd.busy; i++) {
		if (virtual_time)
			reactor_advance(reactor, 10 * NS_PER_US);
		reactor_run_once(reactor, NS_PER_MS);
	}
	assert_int_equal(crowd.busy, 0);
	for (size_t i = 0; i < CROWD; i++) {
		assert_true(crowd.asked[i] != 0 || crowd.status[i] == -ECANCELED);
		assert_true(crowd.asked[i] != 2 || crowd.status[i] != -ECANCELED);
		assert_true(crowd.status[i] == 0 || crowd.status[i] == -ECANCELED || crowd.status[i] == -EILSEQ ||
			    crowd.status[i] == -EAGAIN); /* no bounce buffer now */
		crowd.given_up += crowd.asked[i] == 0;
	}
}

/* Rounds of everything at once, every third asked to be given up, at once or a little later. */
static void give_up_at_random(const char *what, bool is_virtual, int rounds)
{
	uint8_t *buf = aligned_alloc(4096, CROWD * 8192 + 4096);
	struct reactor_stats stats;
	struct blk_dev *dev;

	rng_init(&rng, rng_test_seed(what));
	open_reactor(is_virtual);
	if (blk_open(what, &dev))
		fail_msg("%s", refusal());
	crowd.ch = blk_channel_get(dev, reactor);
	crowd.given_up = 0;
	memset(buf, 1, CROWD * 8192 + 4096);
	for (int round = 0; round < rounds; round++) {
		size_t skew = round % 2 ? 64 : 0; /* misaligned: through bounce buffers */

		for (size_t i = 0; i < CROWD; i++)
			crowd_submit(i, (enum blk_op)rng_below(&rng, BLK_OP_COUNT), buf + i * 8192 + skew, 8192);
		if (rng_one_in(&rng, 2))
			reactor_run_once(reactor, 0);
		for (size_t i = 0; i < CROWD; i++)
			if (rng_one_in(&rng, 3) && crowd.status[i] == 1)
				crowd_ask(i);
		crowd_settle();
	}
	assert_true(crowd.given_up > (unsigned)rounds);
	printf("# %u given up of %u\n", crowd.given_up, (unsigned)rounds * CROWD);
	blk_channel_put(crowd.ch);
	blk_close(dev);
	reactor_stats(reactor, &stats);
	for (int c = 0; c < REACTOR_BUF_CLASSES; c++)
		assert_int_equal(stats.buf_free[c], stats.buf_total[c]);
	reactor_destroy(reactor);
	free(buf);
}

static void test_cancel(void **state)
{
	give_up_at_random("fault:seed=2,delay_us=50:mem:2M", true, 200);
	snprintf(uri, sizeof(uri), "file:%s?size=2M&queue=4", path);
	give_up_at_random(uri, false, 60);
	snprintf(uri, sizeof(uri), "fault:seed=3,delay_us=100:file:%s?size=2M&queue=2", path);
	give_up_at_random(uri, false, 60);
	unlink(path);
}

/* A hanging device lets go, and what waits for a pool buffer does. */
static void test_cancel_what_waits(void **state)
{
	static uint8_t buf[8192];
	struct blk_dev *dev;
	void *taken[128];
	unsigned n = 0;

	open_reactor(true);
	assert_int_equal(blk_open("fault:seed=1:null:2M", &dev), 0);
	crowd.ch = blk_channel_get(dev, reactor);
	blk_fault_set(dev, &(struct blk_fault){.hang = true});
	for (size_t i = 0; i < CROWD; i++)
		crowd_submit(i, BLK_READ, buf, 8192);
	for (size_t i = CROWD; i-- > 0;)
		crowd_ask(i);
	assert_int_equal(crowd.busy, 0);
	crowd_settle();
	blk_channel_put(crowd.ch);
	blk_close(dev);
	reactor_destroy(reactor);

	open_reactor(false);
	snprintf(uri, sizeof(uri), "file:%s?size=2M", path);
	assert_int_equal(blk_open(uri, &dev), 0);
	crowd.ch = blk_channel_get(dev, reactor);
	while ((taken[n] = reactor_buf_get(reactor, 1)))
		n++;
	for (size_t i = 0; i < CROWD; i++)
		crowd_submit(i, BLK_COPY, NULL, 8192);
	for (size_t i = 0; i < CROWD; i += 2)
		crowd_ask(i);
	assert_int_equal(crowd.busy, CROWD / 2);
	while (n)
		reactor_buf_put(reactor, taken[--n]);
	crowd_settle();
	blk_channel_put(crowd.ch);
	blk_close(dev);
	reactor_destroy(reactor);
	unlink(path);
}

/* A cluster is the system suite's (tests/system/nvmf/rbd.sh): SOFTDPU_RBD=rbd:pool/image-of-2M?conf=... */
static void test_rbd(void **state)
{
	const char *image = getenv("SOFTDPU_RBD");
	struct blk_dev *dev;

	if (!image) {
		assert_true(blk_open("rbd:noimage", &dev) < 0);
		assert_true(blk_open("rbd:pool/image?conf=/nonexistent/ceph.conf", &dev) < 0);
		assert_non_null(strstr(refusal(), "rbd:pool/image"));
		return;
	}
	against_model(image, false, 600);
}

static void test_limits(void **state)
{
	struct blk_dev *dev;
	struct blk_channel *ch;
	static uint8_t buf[8192];
	struct blk_io io;

	open_reactor(true);
	assert_int_equal(blk_open("mem:64K?block=4096", &dev), 0);
	ch = blk_channel_get(dev, reactor);
	io = (struct blk_io){.op = BLK_READ, .offset = 65536 - 4096, .length = 8192};
	assert_int_equal(run(ch, &io, buf), -ERANGE);
	io = (struct blk_io){.op = BLK_READ, .offset = 0, .length = 512};
	assert_int_equal(run(ch, &io, buf), -EINVAL);
	io = (struct blk_io){.op = BLK_READ, .offset = UINT64_MAX - 4095, .length = 8192};
	assert_int_equal(run(ch, &io, buf), -ERANGE);
	assert_int_equal(blk_resize(dev, 32768), 0);
	io = (struct blk_io){.op = BLK_READ, .offset = 32768, .length = 4096};
	assert_int_equal(run(ch, &io, buf), -ERANGE);
	assert_int_equal(blk_resize(dev, 1000), -EINVAL);
	blk_channel_put(ch);
	blk_close(dev);
	reactor_destroy(reactor);
}

static void test_uris(void **state)
{
	static const char *const bad[] = {"mem:", "mem:12x", "mem:1M?block=513", "mem:1M?block", "nothing:1M",
		"fault:mem", "fault:error=x:mem:1M", "/nonexistent/file", "mem:1000?block=512",
		"file:/tmp/x?queue=0", "file:/tmp/x?queue=many"};
	struct blk_dev *dev;
	uint64_t n;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		refusal_clear();
		assert_true(blk_open(bad[i], &dev) < 0);
		assert_non_null(strstr(refusal(), bad[i]));
	}
	assert_int_equal(blk_size_parse("1.5G", &n), 0);
	assert_int_equal(n, 3ull << 29);
	assert_int_equal(blk_size_parse("4096", &n), 0);
	assert_int_equal(n, 4096);
}

static void test_faults(void **state)
{
	struct blk_dev *dev;
	struct blk_channel *ch;
	static uint8_t buf[512];
	struct blk_io io;
	int failed = 0;

	rng_init(&rng, 1);
	open_reactor(true);
	assert_int_equal(blk_open("fault:seed=3,error=0.3:mem:1M", &dev), 0);
	ch = blk_channel_get(dev, reactor);
	for (int i = 0; i < 1000; i++) {
		io = (struct blk_io){.op = BLK_READ, .length = 512};
		failed += run(ch, &io, buf) == -EIO;
	}
	assert_in_range(failed, 230, 370);
	blk_fault_set(dev, &(struct blk_fault){.fail_all = true, .errnum = ENOSPC});
	io = (struct blk_io){.op = BLK_WRITE, .length = 512};
	assert_int_equal(run(ch, &io, buf), -ENOSPC);
	blk_fault_set(dev, &(struct blk_fault){.errnum = 0});
	io = (struct blk_io){.op = BLK_WRITE, .length = 512};
	assert_int_equal(run(ch, &io, buf), 0);
	blk_channel_put(ch);
	blk_close(dev);
	reactor_destroy(reactor);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mem),
		cmocka_unit_test(test_fault_layer_passes_through),
		cmocka_unit_test(test_file),
		cmocka_unit_test(test_file_queue),
		cmocka_unit_test(test_cancel),
		cmocka_unit_test(test_cancel_what_waits),
		cmocka_unit_test(test_rbd),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_uris),
		cmocka_unit_test(test_faults),
	};
	int rc;

	snprintf(path, sizeof(path), "/var/tmp/softdpu-blk.%d", getpid());
	rc = cmocka_run_group_tests_name("blk", tests, NULL, NULL);
	unlink(path);
	return rc;
}
