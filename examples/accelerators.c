/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * accelerators: hash a text, compress it, decompress that and compare: tasks of two contexts on one
 * progress engine, and a copy by DMA as the last.
 *
 * pkg-config: doca-common doca-sha doca-compress doca-dma
 * run:
 * expect: SHA-256 ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad
 * expect: inflated to what it was
 * expect: copied
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <doca_buf.h>
#include <doca_buf_inventory.h>
#include <doca_compress.h>
#include <doca_ctx.h>
#include <doca_dev.h>
#include <doca_dma.h>
#include <doca_error.h>
#include <doca_mmap.h>
#include <doca_pe.h>
#include <doca_sha.h>

#define ROOM 65536
#define CHECK(call)                                                                  \
	do {                                                                         \
		doca_error_t check_ = (call);                                        \
		if (check_ != DOCA_SUCCESS) {                                        \
			printf(#call ": %s\n", doca_error_get_descr(check_));        \
			exit(1);                                                     \
		}                                                                    \
	} while (0)

static char memory[4 * ROOM];
static char *const text = memory, *const packed = memory + ROOM, *const unpacked = memory + 2 * ROOM,
		   *const digest = memory + 3 * ROOM;
static struct doca_pe *pe;
static bool done;

static void on_task(struct doca_task *task)
{
	if (doca_task_get_status(task) != DOCA_SUCCESS) {
		printf("a task failed: %s\n", doca_error_get_descr(doca_task_get_status(task)));
		exit(1);
	}
	doca_task_free(task);
	done = true;
}

static void on_hash(struct doca_sha_task_hash *task, union doca_data user, union doca_data ctx)
{
	on_task(doca_sha_task_hash_as_task(task));
}

static void on_deflate(struct doca_compress_task_compress_deflate *task, union doca_data user, union doca_data ctx)
{
	printf("CRC-32 %08llx\n", (unsigned long long)doca_compress_task_compress_deflate_get_crc_cs(task));
	on_task(doca_compress_task_compress_deflate_as_task(task));
}

static void on_inflate(struct doca_compress_task_decompress_deflate *task, union doca_data user, union doca_data ctx)
{
	on_task(doca_compress_task_decompress_deflate_as_task(task));
}

static void on_copy(struct doca_dma_task_memcpy *task, union doca_data user, union doca_data ctx)
{
	on_task(doca_dma_task_memcpy_as_task(task));
}

static void run(struct doca_task *task)
{
	done = false;
	CHECK(doca_task_submit(task));
	while (!done)
		doca_pe_progress(pe);
}

static void start(struct doca_ctx *ctx)
{
	CHECK(doca_pe_connect_ctx(pe, ctx));
	CHECK(doca_ctx_start(ctx));
}

int main(void)
{
	static const union doca_data none;
	struct doca_devinfo **list;
	struct doca_dev *dev;
	struct doca_mmap *mmap;
	struct doca_buf_inventory *inventory;
	struct doca_buf *src, *to_packed, *to_unpacked, *to_digest;
	struct doca_sha *sha;
	struct doca_compress *compress;
	struct doca_dma *dma;
	struct doca_sha_task_hash *hash;
	struct doca_compress_task_compress_deflate *deflate;
	struct doca_compress_task_decompress_deflate *inflate;
	struct doca_dma_task_memcpy *copy;
	uint32_t n;
	size_t len;

	CHECK(doca_devinfo_create_list(&list, &n));
	for (uint32_t i = 0; i < n; i++)
		if (doca_sha_cap_task_hash_get_supported(list[i], DOCA_SHA_ALGORITHM_SHA256) == DOCA_SUCCESS) {
			CHECK(doca_dev_open(list[i], &dev));
			break;
		}
	CHECK(doca_devinfo_destroy_list(list));
	CHECK(doca_mmap_create(&mmap));
	CHECK(doca_mmap_add_dev(mmap, dev));
	CHECK(doca_mmap_set_memrange(mmap, memory, sizeof(memory)));
	CHECK(doca_mmap_set_permissions(mmap, DOCA_ACCESS_FLAG_LOCAL_READ_WRITE));
	CHECK(doca_mmap_start(mmap));
	CHECK(doca_buf_inventory_create(8, &inventory));
	CHECK(doca_buf_inventory_start(inventory));
	CHECK(doca_pe_create(&pe));

	CHECK(doca_sha_create(dev, &sha));
	CHECK(doca_sha_task_hash_set_conf(sha, on_hash, on_hash, 4));
	start(doca_sha_as_ctx(sha));
	CHECK(doca_compress_create(dev, &compress));
	CHECK(doca_compress_task_compress_deflate_set_conf(compress, on_deflate, on_deflate, 4));
	CHECK(doca_compress_task_decompress_deflate_set_conf(compress, on_inflate, on_inflate, 4));
	start(doca_compress_as_ctx(compress));
	CHECK(doca_dma_create(dev, &dma));
	CHECK(doca_dma_task_memcpy_set_conf(dma, on_copy, on_copy, 4));
	start(doca_dma_as_ctx(dma));

	strcpy(text, "abc");
	CHECK(doca_buf_inventory_buf_get_by_data(inventory, mmap, text, 3, &src));
	CHECK(doca_buf_inventory_buf_get_by_addr(inventory, mmap, digest, ROOM, &to_digest));
	CHECK(doca_buf_inventory_buf_get_by_addr(inventory, mmap, packed, ROOM, &to_packed));
	CHECK(doca_buf_inventory_buf_get_by_addr(inventory, mmap, unpacked, ROOM, &to_unpacked));
	CHECK(doca_sha_task_hash_alloc_init(sha, DOCA_SHA_ALGORITHM_SHA256, src, to_digest, none, &hash));
	run(doca_sha_task_hash_as_task(hash));
	CHECK(doca_buf_get_data_len(to_digest, &len));
	printf("SHA-256 ");
	for (size_t i = 0; i < len; i++)
		printf("%02x", (unsigned char)digest[i]);
	printf("\n");
	CHECK(doca_buf_dec_refcount(src, NULL));

	for (int i = 0; i < ROOM; i++)
		text[i] = "abcdefgh"[i * i % 7];
	CHECK(doca_buf_inventory_buf_get_by_data(inventory, mmap, text, ROOM, &src));
	CHECK(doca_compress_task_compress_deflate_alloc_init(compress, src, to_packed, none, &deflate));
	run(doca_compress_task_compress_deflate_as_task(deflate));
	CHECK(doca_buf_get_data_len(to_packed, &len));
	printf("%d bytes deflated to %zu\n", ROOM, len);
	CHECK(doca_compress_task_decompress_deflate_alloc_init(compress, to_packed, to_unpacked, none, &inflate));
	run(doca_compress_task_decompress_deflate_as_task(inflate));
	printf("inflated to %s\n", memcmp(text, unpacked, ROOM) ? "something else" : "what it was");

	CHECK(doca_buf_reset_data_len(to_unpacked));
	memset(unpacked, 0, ROOM);
	CHECK(doca_dma_task_memcpy_alloc_init(dma, src, to_unpacked, none, &copy));
	run(doca_dma_task_memcpy_as_task(copy));
	printf("%s\n", memcmp(text, unpacked, ROOM) ? "not the same" : "copied");

	CHECK(doca_ctx_stop(doca_dma_as_ctx(dma)));
	CHECK(doca_ctx_stop(doca_compress_as_ctx(compress)));
	CHECK(doca_ctx_stop(doca_sha_as_ctx(sha)));
	CHECK(doca_dma_destroy(dma));
	CHECK(doca_compress_destroy(compress));
	CHECK(doca_sha_destroy(sha));
	CHECK(doca_buf_dec_refcount(src, NULL));
	CHECK(doca_buf_dec_refcount(to_digest, NULL));
	CHECK(doca_buf_dec_refcount(to_packed, NULL));
	CHECK(doca_buf_dec_refcount(to_unpacked, NULL));
	CHECK(doca_buf_inventory_destroy(inventory));
	CHECK(doca_mmap_destroy(mmap));
	CHECK(doca_pe_destroy(pe));
	CHECK(doca_dev_close(dev));
	return 0;
}
