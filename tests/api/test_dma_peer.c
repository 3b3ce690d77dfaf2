/* SPDX-License-Identifier: BSD-3-Clause */
/* DMA into and out of another process, that stops or dies. */
#include "dma.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#define REMOTE_LEN (3 * 4096 + 777) /* ends inside a page */

struct exported {
	pid_t pid;
	int ready, quit; /* pipes */
	uint8_t desc[1024];
	size_t desc_len;
	uintptr_t addr;
};

/* The exporting process: fills memory with a pattern that begins inside a page, and waits. */
static void exporter(int out, int in, uint32_t permissions)
{
	uint8_t *mem = malloc(REMOTE_LEN + 8192),
		*base = (uint8_t *)(((uintptr_t)mem + 4095) & ~4095ul) + 100;
	struct doca_dev *dev = fix_open("b1:00.0");
	struct doca_mmap *mmap;
	const void *desc;
	size_t len;
	char c;

	for (size_t i = 0; i < REMOTE_LEN; i++)
		base[i] = (uint8_t)(i * 7);
	mmap = fix_map(dev, base, REMOTE_LEN, permissions);
	OK(doca_mmap_export_pci(mmap, dev, &desc, &len));
	if (write(out, &len, sizeof(len)) < 0 || write(out, desc, len) < 0 ||
		write(out, &base, sizeof(base)) < 0)
		_exit(1);
	while (read(in, &c, 1) == 1) {
		uint8_t sum = 0;

		if (c == 's') /* stop: the importer must notice */
			OK(doca_mmap_stop(mmap));
		for (size_t i = 0; i < REMOTE_LEN; i++)
			sum = (uint8_t)(sum + base[i]);
		if (write(out, &sum, 1) < 0)
			break;
	}
	_exit(0);
}

static struct exported start_exporter(uint32_t permissions)
{
	struct exported e = {.pid = 0};
	int out[2], in[2];

	assert_int_equal(pipe(out) | pipe(in), 0);
	e.pid = fork();
	if (!e.pid) {
		close(out[0]);
		close(in[1]);
		exporter(out[1], in[0], permissions);
	}
	close(out[1]);
	close(in[0]);
	e.ready = out[0];
	e.quit = in[1];
	assert_int_equal(read(e.ready, &e.desc_len, sizeof(e.desc_len)), sizeof(e.desc_len));
	assert_int_equal(read(e.ready, e.desc, e.desc_len), (int)e.desc_len);
	assert_int_equal(read(e.ready, &e.addr, sizeof(e.addr)), sizeof(e.addr));
	return e;
}

static uint8_t ask(struct exported *e, char what)
{
	uint8_t sum = 0;

	assert_int_equal(write(e->quit, &what, 1), 1);
	assert_int_equal(read(e->ready, &sum, 1), 1);
	return sum;
}

static void end_exporter(struct exported *e)
{
	close(e->quit);
	close(e->ready);
	assert_int_equal(waitpid(e->pid, NULL, 0), e->pid);
}

static void peers_memory_is_read_and_written(void **state)
{
	struct fix *f = *state;
	struct exported e = start_exporter(DOCA_ACCESS_FLAG_PCI_READ_WRITE);
	struct doca_buf *theirs, *ours;
	struct doca_mmap *remote;
	struct dma d;
	uint8_t sum = 0, imported;

	create(&d, f, 0);
	OK(doca_mmap_create_from_export(NULL, e.desc, e.desc_len, f->dev, &remote));
	OK(doca_mmap_is_imported(remote, &imported));
	assert_int_equal(imported, 1);
	OK(doca_buf_inventory_buf_get_by_data(f->inv, remote, (void *)e.addr, REMOTE_LEN, &theirs));
	ours = fix_dst(f, 0, REMOTE_LEN);
	submit(&d, theirs, ours, 0);
	fix_until(f->pe, &d.done, 1);
	for (size_t i = 0; i < REMOTE_LEN; i++)
		assert_int_equal(f->mem[i], (uint8_t)(i * 7));
	/* and back, changed */
	for (size_t i = 0; i < REMOTE_LEN; i++) {
		f->mem[i] ^= 0x5a;
		sum = (uint8_t)(sum + f->mem[i]);
	}
	OK(doca_buf_reset_data_len(theirs));
	submit(&d, ours, theirs, 0);
	fix_until(f->pe, &d.done, 2);
	assert_int_equal(ask(&e, '?'), sum);
	OK(doca_buf_dec_refcount(theirs, NULL));
	OK(doca_buf_dec_refcount(ours, NULL));
	OK(doca_mmap_destroy(remote));
	end_exporter(&e);
	destroy(&d);
}

static void read_only_exports_stay_so(void **state)
{
	struct fix *f = *state;
	struct exported e = start_exporter(DOCA_ACCESS_FLAG_PCI_READ_ONLY);
	struct doca_dma_task_memcpy *task;
	struct doca_buf *theirs, *ours;
	struct doca_mmap *remote, *none;
	union doca_data data = {0};
	struct dma d;

	create(&d, f, 0);
	OK(doca_mmap_create_from_export(NULL, e.desc, e.desc_len, f->dev, &remote));
	OK(doca_buf_inventory_buf_get_by_addr(f->inv, remote, (void *)e.addr, REMOTE_LEN, &theirs));
	ours = fix_src(f, 0, 100);
	OK(doca_dma_task_memcpy_alloc_init(d.dma, ours, theirs, data, &task));
	FAILS(DOCA_ERROR_NOT_PERMITTED, doca_task_try_submit(doca_dma_task_memcpy_as_task(task)));
	doca_task_free(doca_dma_task_memcpy_as_task(task));
	OK(doca_buf_dec_refcount(theirs, NULL));
	OK(doca_buf_dec_refcount(ours, NULL));
	/* what is no descriptor */
	FAILS(DOCA_ERROR_INVALID_VALUE,
		doca_mmap_create_from_export(NULL, e.desc, e.desc_len - 1, f->dev, &none));
	e.desc[20] ^= 1; /* pid */
	assert_int_not_equal(doca_mmap_create_from_export(NULL, e.desc, e.desc_len, f->dev, &none),
		DOCA_SUCCESS);
	e.desc[20] ^= 1;
	e.desc[44] ^= 1; /* token */
	FAILS(DOCA_ERROR_NOT_FOUND,
		doca_mmap_create_from_export(NULL, e.desc, e.desc_len, f->dev, &none));
	e.desc[0] ^= 1;
	FAILS(DOCA_ERROR_INVALID_VALUE,
		doca_mmap_create_from_export(NULL, e.desc, e.desc_len, f->dev, &none));
	OK(doca_mmap_destroy(remote));
	end_exporter(&e);
	destroy(&d);
}

static void dead_or_stopped_exporters_are_noticed(void **state)
{
	struct fix *f = *state;

	for (int killed = 0; killed < 2; killed++) {
		struct exported e = start_exporter(DOCA_ACCESS_FLAG_PCI_READ_WRITE);
		struct doca_buf *theirs, *ours;
		struct doca_mmap *remote;
		struct dma d;

		create(&d, f, 0);
		OK(doca_mmap_create_from_export(NULL, e.desc, e.desc_len, f->dev, &remote));
		OK(doca_buf_inventory_buf_get_by_data(
			f->inv, remote, (void *)(e.addr + 4096), 64, &theirs));
		ours = fix_dst(f, 0, 64);
		if (killed) {
			kill(e.pid, SIGKILL);
			waitpid(e.pid, NULL, 0);
			usleep(50000); /* the watcher thread's turn */
		} else {
			ask(&e, 's');
		}
		submit(&d, theirs, ours, 0);
		fix_until(f->pe, &d.failed, 1);
		assert_int_equal(d.last, DOCA_ERROR_IO_FAILED);
		OK(doca_buf_dec_refcount(theirs, NULL));
		OK(doca_buf_dec_refcount(ours, NULL));
		OK(doca_mmap_destroy(remote));
		if (killed) {
			close(e.quit);
			close(e.ready);
		} else {
			end_exporter(&e);
		}
		destroy(&d);
	}
}

/* ---- killed at any moment ---- */

static void kill_after(pid_t pid, unsigned delay_us, pid_t *killer)
{
	*killer = fork();
	if (*killer)
		return;
	usleep(delay_us);
	kill(pid, SIGKILL);
	_exit(0);
}

/* Copies from the exporter until its end is seen. What a copy that succeeded brought is the exporter's, all of it. */
static void copy_until_it_dies(struct fix *f, struct dma *d, struct doca_buf *theirs, struct doca_buf *ours)
{
	while (!d->failed) {
		unsigned ended = d->done + d->failed;

		memset(f->mem, 0xee, REMOTE_LEN);
		OK(doca_buf_reset_data_len(ours));
		submit(d, theirs, ours, 0);
		for (uint64_t turns = 0; d->done + d->failed == ended; turns++) {
			fix_turn(f->pe);
			assert_true(turns < 2000000000ull);
		}
		for (size_t i = 0; !d->failed && i < REMOTE_LEN; i++)
			if (f->mem[i] != (uint8_t)(i * 7))
				fail_msg("byte %zu is not the exporter's", i);
	}
	assert_int_equal(d->last, DOCA_ERROR_IO_FAILED);
}

static void one_death(struct fix *f, unsigned delay_us)
{
	struct exported e = start_exporter(DOCA_ACCESS_FLAG_PCI_READ_WRITE);
	struct doca_buf *theirs, *ours;
	struct doca_mmap *remote;
	struct dma d;
	pid_t killer;

	create(&d, f, 0);
	kill_after(e.pid, delay_us, &killer);
	/* the import itself may find it dead */
	if (doca_mmap_create_from_export(NULL, e.desc, e.desc_len, f->dev, &remote) == DOCA_SUCCESS) {
		OK(doca_buf_inventory_buf_get_by_data(f->inv, remote, (void *)e.addr, REMOTE_LEN, &theirs));
		ours = fix_dst(f, 0, REMOTE_LEN);
		copy_until_it_dies(f, &d, theirs, ours);
		OK(doca_buf_dec_refcount(theirs, NULL));
		OK(doca_buf_dec_refcount(ours, NULL));
		OK(doca_mmap_destroy(remote));
	}
	assert_int_equal(waitpid(killer, NULL, 0), killer);
	end_exporter(&e);
	destroy(&d);
}

static void exporters_die_at_any_point(void **state)
{
	fix_deaths(*state, 4712, 3000, one_death);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		fix_test(peers_memory_is_read_and_written),
		fix_test(read_only_exports_stay_so),
		fix_test(dead_or_stopped_exporters_are_noticed),
		fix_test(exporters_die_at_any_point),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
