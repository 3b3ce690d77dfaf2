/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * protected_blocks: encrypt a text with AES-GCM, spread it over four blocks with two of redundancy, lose two,
 * recover them and decrypt. Blocks of one task lie behind each other in one buffer.
 *
 * pkg-config: doca-common doca-aes-gcm doca-erasure-coding
 * run:
 * expect: blocks 0 and 2 are lost
 * expect: read again: attack at dawn
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <doca_aes_gcm.h>
#include <doca_buf.h>
#include <doca_buf_inventory.h>
#include <doca_ctx.h>
#include <doca_dev.h>
#include <doca_erasure_coding.h>
#include <doca_error.h>
#include <doca_mmap.h>
#include <doca_pe.h>

#define BLOCK 64
#define DATA 4
#define REDUNDANCY 2
#define TAG 16
#define CHECK(call)                                                           \
	do {                                                                  \
		doca_error_t check_ = (call);                                 \
		if (check_ != DOCA_SUCCESS) {                                 \
			printf(#call ": %s\n", doca_error_get_descr(check_)); \
			exit(1);                                              \
		}                                                             \
	} while (0)

static char plain[DATA * BLOCK - TAG] = "attack at dawn", again[DATA * BLOCK];
static char memory[64 * BLOCK];
static char *const blocks = memory, *const present = memory + 16 * BLOCK,
		   *const recovered = memory + 32 * BLOCK, *const text = memory + 48 * BLOCK;
static struct doca_pe *pe;
static struct doca_mmap *mmap;
static struct doca_buf_inventory *inventory;
static bool done;

static void on_task(void *task, union doca_data user, union doca_data ctx)
{
	if (doca_task_get_status(user.ptr ? *(struct doca_task **)user.ptr : NULL) !=
		DOCA_SUCCESS) {
		printf("a task failed\n");
		exit(1);
	}
	done = true;
}

#define CB(type) ((void (*)(struct type *, union doca_data, union doca_data))(void *)on_task)

static struct doca_task *current;
static const union doca_data which = {.ptr = &current};

static void run(struct doca_task *task)
{
	current = task;
	done = false;
	CHECK(doca_task_submit(task));
	while (!done)
		doca_pe_progress(pe);
	doca_task_free(task);
}

static struct doca_buf *source(char *at, size_t len)
{
	struct doca_buf *buf;

	CHECK(doca_buf_inventory_buf_get_by_data(inventory, mmap, at, len, &buf));
	return buf;
}

static struct doca_buf *room(char *at, size_t len)
{
	struct doca_buf *buf;

	CHECK(doca_buf_inventory_buf_get_by_addr(inventory, mmap, at, len, &buf));
	return buf;
}

static void start(struct doca_ctx *ctx)
{
	CHECK(doca_pe_connect_ctx(pe, ctx));
	CHECK(doca_ctx_start(ctx));
}

static void open_memory(struct doca_dev *dev)
{
	CHECK(doca_mmap_create(&mmap));
	CHECK(doca_mmap_add_dev(mmap, dev));
	CHECK(doca_mmap_set_memrange(mmap, memory, sizeof(memory)));
	CHECK(doca_mmap_start(mmap));
	CHECK(doca_buf_inventory_create(16, &inventory));
	CHECK(doca_buf_inventory_start(inventory));
	CHECK(doca_pe_create(&pe));
}

int main(void)
{
	static const uint8_t raw_key[32] = "thirty-two bytes, kept a secret", iv[12] = "once only";
	uint32_t lost[] = {0, 2}, n;
	struct doca_aes_gcm_task_encrypt *encrypt;
	struct doca_aes_gcm_task_decrypt *decrypt;
	struct doca_ec_matrix *coding, *recovery;
	struct doca_ec_task_create *create;
	struct doca_ec_task_recover *recover;
	struct doca_aes_gcm_key *key;
	struct doca_devinfo **list;
	struct doca_aes_gcm *gcm;
	struct doca_dev *dev;
	struct doca_ec *ec;

	CHECK(doca_devinfo_create_list(&list, &n));
	CHECK(doca_dev_open(list[0], &dev));
	CHECK(doca_devinfo_destroy_list(list));
	open_memory(dev);
	CHECK(doca_aes_gcm_create(dev, &gcm));
	CHECK(doca_aes_gcm_task_encrypt_set_conf(
		gcm, CB(doca_aes_gcm_task_encrypt), CB(doca_aes_gcm_task_encrypt), 1));
	CHECK(doca_aes_gcm_task_decrypt_set_conf(
		gcm, CB(doca_aes_gcm_task_decrypt), CB(doca_aes_gcm_task_decrypt), 1));
	start(doca_aes_gcm_as_ctx(gcm));
	CHECK(doca_aes_gcm_key_create(gcm, raw_key, DOCA_AES_GCM_KEY_256, &key));
	CHECK(doca_ec_create(dev, &ec));
	CHECK(doca_ec_task_create_set_conf(
		ec, CB(doca_ec_task_create), CB(doca_ec_task_create), 1));
	CHECK(doca_ec_task_recover_set_conf(
		ec, CB(doca_ec_task_recover), CB(doca_ec_task_recover), 1));
	start(doca_ec_as_ctx(ec));
	CHECK(doca_ec_matrix_create(ec, DOCA_EC_MATRIX_TYPE_CAUCHY, DATA, REDUNDANCY, &coding));
	CHECK(doca_ec_matrix_create_recover(ec, coding, lost, 2, &recovery));

	memcpy(text, plain, sizeof(plain));
	CHECK(doca_aes_gcm_task_encrypt_alloc_init(gcm, source(text, sizeof(plain)),
		room(blocks, DATA * BLOCK), key, iv, sizeof(iv), TAG, 0, which, &encrypt));
	run(doca_aes_gcm_task_encrypt_as_task(encrypt));
	CHECK(doca_ec_task_create_allocate_init(ec, coding, source(blocks, DATA * BLOCK),
		room(blocks + DATA * BLOCK, REDUNDANCY * BLOCK), which, &create));
	run(doca_ec_task_create_as_task(create));

	printf("blocks 0 and 2 are lost\n");
	memcpy(present, blocks + BLOCK, BLOCK);                 /* 1 */
	memcpy(present + BLOCK, blocks + 3 * BLOCK, 3 * BLOCK); /* 3, and the redundancy */
	CHECK(doca_ec_task_recover_allocate_init(ec, recovery, source(present, DATA * BLOCK),
		room(recovered, 2 * BLOCK), which, &recover));
	run(doca_ec_task_recover_as_task(recover));

	memcpy(again, recovered, BLOCK);
	memcpy(again + BLOCK, present, BLOCK);
	memcpy(again + 2 * BLOCK, recovered + BLOCK, BLOCK);
	memcpy(again + 3 * BLOCK, present + BLOCK, BLOCK);
	memcpy(text, again, sizeof(again));
	CHECK(doca_aes_gcm_task_decrypt_alloc_init(gcm, source(text, DATA * BLOCK),
		room(recovered, DATA * BLOCK), key, iv, sizeof(iv), TAG, 0, which, &decrypt));
	run(doca_aes_gcm_task_decrypt_as_task(decrypt));
	printf("read again: %.14s\n", recovered);
	return strcmp(recovered, plain) ? 1 : 0;
}
