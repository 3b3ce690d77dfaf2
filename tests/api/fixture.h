/* SPDX-License-Identifier: BSD-3-Clause */
/* What every API test needs: cmocka, a device, a progress engine, memory with a map and an
 * inventory. */
#ifndef TESTS_API_FIXTURE_H
#define TESTS_API_FIXTURE_H

#include <dirent.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <doca_buf.h>
#include <doca_buf_inventory.h>
#include <doca_ctx.h>
#include <doca_dev.h>
#include <doca_error.h>
#include <doca_mmap.h>
#include <doca_pe.h>

#define OK(call) assert_int_equal((call), DOCA_SUCCESS)
#define FAILS(error, call) assert_int_equal((call), (error))

#define FIX_LEN (4u << 20)

struct fix {
	struct doca_dev *dev;
	struct doca_pe *pe;
	struct doca_mmap *mmap;
	struct doca_buf_inventory *inv;
	uint8_t *mem;
};

static inline struct doca_dev *fix_open(const char *pci)
{
	struct doca_devinfo **list;
	struct doca_dev *dev = NULL;
	uint32_t n;
	uint8_t equal;

	OK(doca_devinfo_create_list(&list, &n));
	for (uint32_t i = 0; i < n && !dev; i++) {
		OK(doca_devinfo_is_equal_pci_addr(list[i], pci, &equal));
		if (equal)
			OK(doca_dev_open(list[i], &dev));
	}
	OK(doca_devinfo_destroy_list(list));
	assert_non_null(dev);
	return dev;
}

static inline struct doca_mmap *fix_map(
	struct doca_dev *dev, void *mem, size_t len, uint32_t permissions)
{
	struct doca_mmap *mmap;

	OK(doca_mmap_create(&mmap));
	OK(doca_mmap_set_memrange(mmap, mem, len));
	OK(doca_mmap_set_permissions(mmap, permissions));
	OK(doca_mmap_add_dev(mmap, dev));
	OK(doca_mmap_start(mmap));
	return mmap;
}

static inline int fix_setup(void **state)
{
	struct fix *f = calloc(1, sizeof(*f));

	f->dev = fix_open("03:00.0");
	f->mem = aligned_alloc(4096, FIX_LEN);
	memset(f->mem, 0, FIX_LEN);
	OK(doca_pe_create(&f->pe));
	f->mmap = fix_map(f->dev, f->mem, FIX_LEN, DOCA_ACCESS_FLAG_LOCAL_READ_WRITE);
	OK(doca_buf_inventory_create(1024, &f->inv));
	OK(doca_buf_inventory_start(f->inv));
	*state = f;
	return 0;
}

static inline int fix_teardown(void **state)
{
	struct fix *f = *state;

	OK(doca_pe_destroy(f->pe));
	OK(doca_buf_inventory_stop(f->inv));
	OK(doca_buf_inventory_destroy(f->inv));
	OK(doca_mmap_stop(f->mmap));
	OK(doca_mmap_destroy(f->mmap));
	OK(doca_dev_close(f->dev));
	free(f->mem);
	free(f);
	return 0;
}

static inline struct doca_buf *fix_src(struct fix *f, size_t at, size_t len)
{
	struct doca_buf *buf;

	OK(doca_buf_inventory_buf_get_by_data(f->inv, f->mmap, f->mem + at, len, &buf));
	return buf;
}

static inline struct doca_buf *fix_dst(struct fix *f, size_t at, size_t len)
{
	struct doca_buf *buf;

	OK(doca_buf_inventory_buf_get_by_addr(f->inv, f->mmap, f->mem + at, len, &buf));
	return buf;
}

static inline size_t fix_len(const struct doca_buf *buf)
{
	size_t n;

	OK(doca_buf_get_data_len(buf, &n));
	return n;
}

/* One step. Where nothing happened the processor goes to another process, perhaps the peer: machines that run
 * tests have few and much to do. */
static inline void fix_turn(struct doca_pe *pe)
{
	if (!doca_pe_progress(pe))
		sched_yield();
}

/* Progress until *count reaches n. */
static inline void fix_until(struct doca_pe *pe, const volatile unsigned *count, unsigned n)
{
	for (uint64_t turns = 0; *count < n; turns++) {
		fix_turn(pe);
		assert_true(turns < 2000000000ull);
	}
}

/* What this process has open and mapped of others', to see that nothing is left of a peer. */
static inline unsigned fix_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned n = 0;

	assert_non_null(dir);
	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

static inline unsigned fix_shared_maps(void)
{
	FILE *f = fopen("/proc/self/maps", "r");
	unsigned n = 0;
	char line[512];

	assert_non_null(f);
	while (fgets(line, sizeof(line), f))
		n += strstr(line, " rw-s ") || strstr(line, " r--s ");
	fclose(f);
	return n;
}

/* A peer dies at 200 seeded moments; one(f, delay) is one of them. Nothing of any may stay open or mapped. */
static inline void fix_deaths(
	struct fix *f, unsigned seed, unsigned within_us, void (*one)(struct fix *f, unsigned delay_us))
{
	unsigned fds = 0, shared = 0;

	if (getenv("SOFTDPU_SEED"))
		seed = (unsigned)atoi(getenv("SOFTDPU_SEED"));
	print_message("# seed %u\n", seed);
	for (int i = 0; i < 200; i++) {
		one(f, (unsigned)rand_r(&seed) % within_us);
		if (i == 20) { /* whatever is made once is there */
			fds = fix_fds();
			shared = fix_shared_maps();
		}
	}
	assert_int_equal(fix_fds(), fds);
	assert_int_equal(fix_shared_maps(), shared);
}

#define fix_test(f) cmocka_unit_test_setup_teardown(f, fix_setup, fix_teardown)

#endif
