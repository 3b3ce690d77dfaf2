/* SPDX-License-Identifier: BSD-3-Clause */
/* DMA to what is not plain memory: files through io_uring, a GPU through (a stand-in for) the CUDA driver. */
#include "fixture.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <doca_dma.h>
#include <doca_sha.h>
#include <doca_softdpu.h>
#include <doca_softdpu_dma.h>

static unsigned done, failed;
static struct doca_dma *dma;

static void on_copy(struct doca_dma_task_memcpy *t, union doca_data a, union doca_data b)
{
	done++;
	doca_task_free(doca_dma_task_memcpy_as_task(t));
}

static void on_copy_error(struct doca_dma_task_memcpy *t, union doca_data a, union doca_data b)
{
	failed++;
	doca_task_free(doca_dma_task_memcpy_as_task(t));
}

static void on_file(struct doca_softdpu_dma_task_file *t, union doca_data a, union doca_data b)
{
	done++;
}

static void on_file_error(
	struct doca_softdpu_dma_task_file *t, union doca_data a, union doca_data b)
{
	failed++;
	doca_task_free(doca_softdpu_dma_task_file_as_task(t));
}

static void open_dma(struct fix *f, unsigned workers)
{
	done = failed = 0;
	OK(doca_dma_create(f->dev, &dma));
	OK(doca_dma_task_memcpy_set_conf(dma, on_copy, on_copy_error, 64));
	OK(doca_softdpu_dma_task_file_set_conf(dma, on_file, on_file_error, 64));
	OK(doca_softdpu_ctx_set_workers(doca_dma_as_ctx(dma), workers));
	OK(doca_pe_connect_ctx(f->pe, doca_dma_as_ctx(dma)));
	OK(doca_ctx_start(doca_dma_as_ctx(dma)));
}

static void close_dma(struct fix *f)
{
	enum doca_ctx_states state = DOCA_CTX_STATE_STOPPING;

	if (doca_ctx_stop(doca_dma_as_ctx(dma)) == DOCA_ERROR_IN_PROGRESS)
		while (state != DOCA_CTX_STATE_IDLE) {
			doca_pe_progress(f->pe);
			OK(doca_ctx_get_state(doca_dma_as_ctx(dma), &state));
		}
	OK(doca_dma_destroy(dma));
}

static void fill(uint8_t *p, size_t len, unsigned seed)
{
	for (size_t i = 0; i < len; i++)
		p[i] = (uint8_t)((i * 131 + seed * 7) >> 3);
}

/* ---- files ---- */

static bool have_io_uring(struct fix *f)
{
	return doca_softdpu_dma_cap_task_file_is_supported(doca_dev_as_devinfo(f->dev)) ==
	       DOCA_SUCCESS;
}

static int temporary(void)
{
	char name[] = "/tmp/softdpu-dma-XXXXXX";
	int fd = mkstemp(name);

	assert_true(fd >= 0);
	unlink(name);
	return fd;
}

static struct doca_task *write_task(const struct doca_buf *src, int fd, uint64_t offset)
{
	struct doca_softdpu_dma_task_file *t;

	OK(doca_softdpu_dma_task_file_write_alloc_init(
		dma, src, fd, offset, (union doca_data){0}, &t));
	return doca_softdpu_dma_task_file_as_task(t);
}

/* 16 pieces of one list, and back into a list cut elsewhere; the file ends before the room does. */
static void lists_go_to_files_and_back(void **state)
{
	struct fix *f = *state;
	int fd = temporary();
	struct doca_buf *src = fix_src(f, 0, 1000), *dst;
	struct doca_softdpu_dma_task_file *t;
	struct doca_task *task;
	uint8_t *plain = malloc(16000);

	if (!have_io_uring(f))
		return;
	open_dma(f, 0);
	fill(f->mem, 16000, 3);
	for (size_t i = 1; i < 16; i++)
		OK(doca_buf_chain_list(src, fix_src(f, i * 1000, 1000)));
	task = write_task(src, fd, 4097);
	OK(doca_task_submit(task));
	fix_until(f->pe, &done, 1);
	doca_task_free(task);
	assert_int_equal(pread(fd, plain, 16000, 4097), 16000);
	assert_memory_equal(plain, f->mem, 16000);

	dst = fix_dst(f, 1 << 20, 777);
	OK(doca_buf_chain_list(dst, fix_dst(f, (1 << 20) + 777, 100000)));
	OK(doca_softdpu_dma_task_file_read_alloc_init(
		dma, fd, 4097, dst, (union doca_data){0}, &t));
	OK(doca_task_submit(doca_softdpu_dma_task_file_as_task(t)));
	fix_until(f->pe, &done, 2);
	assert_int_equal(doca_softdpu_dma_task_file_get_len(t), 16000);
	doca_task_free(doca_softdpu_dma_task_file_as_task(t));
	assert_int_equal(fix_len(dst), 777);
	assert_memory_equal(f->mem + (1 << 20), f->mem, 16000);
	close_dma(f);
	OK(doca_buf_dec_refcount(src, NULL));
	OK(doca_buf_dec_refcount(dst, NULL));
	free(plain);
	close(fd);
}

/* 64 in flight, the program asleep on its handle. */
static void sleepers_hear_of_files(void **state)
{
	struct fix *f = *state;
	struct doca_task *tasks[64];
	struct doca_buf *bufs[64];
	doca_event_handle_t handle;
	int fd = temporary();
	uint8_t *plain = malloc(64 * 4096);

	if (!have_io_uring(f))
		return;
	open_dma(f, 0);
	fill(f->mem, 64 * 4096, 9);
	OK(doca_pe_get_notification_handle(f->pe, &handle));
	for (unsigned i = 0; i < 64; i++) {
		bufs[i] = fix_src(f, i * 4096, 4096);
		tasks[i] = write_task(bufs[i], fd, i * 4096);
		OK(doca_task_submit(tasks[i]));
	}
	while (done < 64) {
		struct pollfd p = {.fd = handle, .events = POLLIN};

		if (doca_pe_progress(f->pe))
			continue;
		OK(doca_pe_request_notification(f->pe));
		assert_int_equal(poll(&p, 1, 5000), 1);
		OK(doca_pe_clear_notification(f->pe, handle));
	}
	assert_int_equal(pread(fd, plain, 64 * 4096, 0), 64 * 4096);
	assert_memory_equal(plain, f->mem, 64 * 4096);
	for (unsigned i = 0; i < 64; i++) {
		doca_task_free(tasks[i]);
		OK(doca_buf_dec_refcount(bufs[i], NULL));
	}
	close_dma(f);
	free(plain);
	close(fd);
}

/* A device that is full; and a stop with tasks in flight: each comes back exactly once. */
static void files_fail_clearly(void **state)
{
	struct fix *f = *state;
	struct doca_buf *src = fix_src(f, 0, 4096);
	enum doca_ctx_states ctx_state = DOCA_CTX_STATE_RUNNING;
	int full = open("/dev/full", O_WRONLY);

	if (!have_io_uring(f))
		return;
	open_dma(f, 0);
	OK(doca_task_submit(write_task(src, full, 0)));
	fix_until(f->pe, &failed, 1);
	assert_non_null(strstr(doca_softdpu_last_refusal(), strerror(ENOSPC)));
	while (ctx_state != DOCA_CTX_STATE_IDLE) {
		doca_pe_progress(f->pe);
		OK(doca_ctx_get_state(doca_dma_as_ctx(dma), &ctx_state));
	}
	OK(doca_dma_destroy(dma));
	close(full);

	open_dma(f, 0);
	full = temporary();
	for (int i = 0; i < 20; i++)
		OK(doca_task_submit(write_task(src, full, (uint64_t)i * 4096)));
	FAILS(DOCA_ERROR_IN_PROGRESS, doca_ctx_stop(doca_dma_as_ctx(dma)));
	while (done + failed < 20)
		doca_pe_progress(f->pe);
	close_dma(f);
	OK(doca_buf_dec_refcount(src, NULL));
	close(full);
}

/* ---- GPU ---- */

static void *driver;

static void without_a_driver_it_is_not_supported(void **state)
{
	struct fix *f = *state;

	if (driver || dlopen("libcuda.so.1", RTLD_NOW))
		return; /* this machine has one */
	FAILS(DOCA_ERROR_NOT_SUPPORTED,
		doca_softdpu_cap_gpu_memory_is_supported(doca_dev_as_devinfo(f->dev)));
	assert_non_null(strstr(doca_softdpu_last_refusal(), "libcuda.so.1"));
}

static struct doca_mmap *gpu_map(struct fix *f, size_t len, uint8_t **addr)
{
	int (*alloc)(uintptr_t * addr, size_t len) =
		(int (*)(uintptr_t *, size_t))dlsym(driver, "cuMemAlloc_v2");
	uintptr_t at;

	assert_int_equal(alloc(&at, len), 0);
	*addr = (uint8_t *)at;
	return fix_map(f->dev, *addr, len, DOCA_ACCESS_FLAG_PCI_READ_WRITE);
}

static void copy(struct fix *f, struct doca_buf *src, struct doca_buf *dst)
{
	struct doca_dma_task_memcpy *t;
	unsigned before = done;

	OK(doca_dma_task_memcpy_alloc_init(dma, src, dst, (union doca_data){0}, &t));
	OK(doca_task_submit(doca_dma_task_memcpy_as_task(t)));
	fix_until(f->pe, &done, before + 1);
	OK(doca_buf_dec_refcount(src, NULL));
	OK(doca_buf_dec_refcount(dst, NULL));
}

static struct doca_buf *gpu_buf(
	struct fix *f, struct doca_mmap *map, uint8_t *at, size_t len, bool full)
{
	struct doca_buf *buf;

	OK(doca_buf_inventory_buf_get_by_args(f->inv, map, at, len, at, full ? len : 0, &buf));
	return buf;
}

/* Host to device, device to another allocation, back; in progress and on workers. */
static void gpu_memory_is_copied(void **state)
{
	struct fix *f = *state;
	struct doca_mmap *one, *two;
	uint8_t *a, *b;
	unsigned *copies = dlsym(driver, "fake_cuda_copies");

	one = gpu_map(f, 1 << 20, &a);
	two = gpu_map(f, 1 << 20, &b);
	for (unsigned workers = 0; workers < 2; workers++) {
		unsigned before = *copies;

		open_dma(f, workers);
		fill(f->mem, 300000, 5 + workers);
		memset(f->mem + (2 << 20), 0, 300000);
		copy(f, fix_src(f, 0, 300000), gpu_buf(f, one, a + 100, 300000, false));
		copy(f, gpu_buf(f, one, a + 100, 300000, true),
			gpu_buf(f, two, b + 7, 300000, false));
		assert_int_equal(
			*copies, before + 2); /* the second went from device to device at once */
		copy(f, gpu_buf(f, two, b + 7, 300000, true), fix_dst(f, 2 << 20, 300000));
		assert_memory_equal(f->mem, f->mem + (2 << 20), 300000);
		close_dma(f);
	}
	OK(doca_mmap_destroy(one));
	OK(doca_mmap_destroy(two));
}

static void gpu_ranges_keep_their_limits(void **state)
{
	struct fix *f = *state;
	struct doca_mmap *map, *beyond;
	const void *desc;
	size_t len;
	uint8_t *a;

	map = gpu_map(f, 8192, &a);
	FAILS(DOCA_ERROR_NOT_SUPPORTED, doca_mmap_export_pci(map, f->dev, &desc, &len));
	OK(doca_mmap_create(&beyond));
	OK(doca_mmap_set_memrange(beyond, a + 4096, 8192));
	OK(doca_mmap_add_dev(beyond, f->dev));
	FAILS(DOCA_ERROR_INVALID_VALUE, doca_mmap_start(beyond));
	OK(doca_mmap_destroy(beyond));
	OK(doca_mmap_destroy(map));
	OK(doca_softdpu_cap_gpu_memory_is_supported(doca_dev_as_devinfo(f->dev)));
}

static int load_driver(void **state)
{
	driver = dlopen(getenv("FAKE_CUDA"), RTLD_NOW | RTLD_GLOBAL);
	return driver ? fix_setup(state) : -1;
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		fix_test(lists_go_to_files_and_back),
		fix_test(sleepers_hear_of_files),
		fix_test(files_fail_clearly),
		fix_test(without_a_driver_it_is_not_supported),
		cmocka_unit_test_setup_teardown(gpu_memory_is_copied, load_driver, fix_teardown),
		cmocka_unit_test_setup_teardown(
			gpu_ranges_keep_their_limits, load_driver, fix_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
