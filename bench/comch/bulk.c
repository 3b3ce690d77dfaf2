/* SPDX-License-Identifier: BSD-3-Clause */
/* Producer and consumer: 4 KiB from the host's memory into buffers the card has posted, one copy. */
#include "comch.h"

#include <doca_buf.h>
#include <doca_buf_inventory.h>
#include <doca_comch_consumer.h>
#include <doca_comch_producer.h>
#include <doca_mmap.h>

#define BULK_LEN 4096

static struct doca_mmap *mmap;
static struct doca_buf_inventory *inventory;
static struct doca_task *tasks[IN_FLIGHT];
static struct doca_buf *bufs[IN_FLIGHT];
static uint64_t completed, submitted;

static uint8_t *prepare_memory(uint32_t permissions)
{
	uint8_t *mem = aligned_alloc(2 << 20, 2 << 20);

	MUST(doca_mmap_create(&mmap));
	MUST(doca_mmap_set_memrange(mmap, mem, IN_FLIGHT * BULK_LEN));
	MUST(doca_mmap_set_permissions(mmap, permissions));
	MUST(doca_mmap_add_dev(mmap, end.dev));
	MUST(doca_mmap_start(mmap));
	MUST(doca_buf_inventory_create(IN_FLIGHT, &inventory));
	MUST(doca_buf_inventory_start(inventory));
	for (unsigned i = 0; i < IN_FLIGHT * BULK_LEN; i++)
		mem[i] = (uint8_t)i;
	return mem;
}

static void start(struct doca_ctx *ctx)
{
	enum doca_ctx_states state;
	doca_error_t result;

	MUST(doca_pe_connect_ctx(end.pe, ctx));
	result = doca_ctx_start(ctx);
	if (result != DOCA_ERROR_IN_PROGRESS)
		MUST(result);
	do {
		doca_pe_progress(end.pe);
		MUST(doca_ctx_get_state(ctx, &state));
	} while (state == DOCA_CTX_STATE_STARTING);
}

static void failed(void)
{
	fprintf(stderr, "a bulk task failed\n");
	exit(1);
}

/* ---- the card ---- */

static void on_filled(
	struct doca_comch_consumer_task_post_recv *task, union doca_data a, union doca_data b)
{
	static const char all_here[64];

	MUST(doca_buf_reset_data_len(doca_comch_consumer_task_post_recv_get_buf(task)));
	MUST(doca_task_submit(doca_comch_consumer_task_post_recv_as_task(task)));
	if (++completed % STREAM == 0)
		while (!send_msg(all_here, sizeof(all_here)))
			doca_pe_progress(end.pe);
}

/* When the host has left. */
static void on_flushed(
	struct doca_comch_consumer_task_post_recv *task, union doca_data a, union doca_data b)
{
	end.gone = true;
}

void bulk_consume(void)
{
	uint8_t *mem = prepare_memory(DOCA_ACCESS_FLAG_PCI_READ_WRITE);
	struct doca_comch_consumer_task_post_recv *task;
	struct doca_comch_consumer *consumer;

	MUST(doca_comch_consumer_create(end.conn, mmap, &consumer));
	MUST(doca_comch_consumer_task_post_recv_set_conf(
		consumer, on_filled, on_flushed, IN_FLIGHT));
	start(doca_comch_consumer_as_ctx(consumer));
	for (unsigned i = 0; i < IN_FLIGHT; i++) {
		MUST(doca_buf_inventory_buf_get_by_addr(
			inventory, mmap, mem + i * BULK_LEN, BULK_LEN, &bufs[i]));
		MUST(doca_comch_consumer_task_post_recv_alloc_init(consumer, bufs[i], &task));
		MUST(doca_task_submit(doca_comch_consumer_task_post_recv_as_task(task)));
	}
}

/* ---- the host ---- */

static void on_sent(
	struct doca_comch_producer_task_send *task, union doca_data a, union doca_data b)
{
	completed++;
}

static void on_send_failed(
	struct doca_comch_producer_task_send *task, union doca_data a, union doca_data b)
{
	failed();
}

static struct doca_comch_producer *make_producer(void)
{
	uint8_t *mem = prepare_memory(DOCA_ACCESS_FLAG_LOCAL_READ_WRITE);
	struct doca_comch_producer_task_send *task;
	struct doca_comch_producer *producer;

	MUST(doca_comch_producer_create(end.conn, &producer));
	MUST(doca_comch_producer_task_send_set_conf(producer, on_sent, on_send_failed, IN_FLIGHT));
	start(doca_comch_producer_as_ctx(producer));
	for (unsigned i = 0; i < IN_FLIGHT; i++) {
		MUST(doca_buf_inventory_buf_get_by_data(
			inventory, mmap, mem + i * BULK_LEN, BULK_LEN, &bufs[i]));
		MUST(doca_comch_producer_task_send_alloc_init(
			producer, bufs[i], NULL, 0, end.consumer, &task));
		tasks[i] = doca_comch_producer_task_send_as_task(task);
	}
	return producer;
}

static void drop_producer(struct doca_comch_producer *producer)
{
	for (unsigned i = 0; i < IN_FLIGHT; i++) {
		doca_task_free(tasks[i]);
		MUST(doca_buf_dec_refcount(bufs[i], NULL));
	}
	MUST(doca_ctx_stop(doca_comch_producer_as_ctx(producer)));
	MUST(doca_comch_producer_destroy(producer));
	MUST(doca_buf_inventory_destroy(inventory));
	MUST(doca_mmap_destroy(mmap));
}

/* Completions come in order: a task is free again when all but IN_FLIGHT - 1 of the later ones are unsent. */
static void send_next(void)
{
	doca_error_t result;

	while (submitted - completed == IN_FLIGHT)
		doca_pe_progress(end.pe);
	while ((result = doca_task_submit(tasks[submitted % IN_FLIGHT])) == DOCA_ERROR_AGAIN)
		doca_pe_progress(end.pe);
	MUST(result);
	submitted++;
}

double bulk_produce(void)
{
	uint64_t begin, told = end.received;
	struct doca_comch_producer *producer;
	double rate;

	while (!end.consumer)
		turn();
	producer = make_producer();
	begin = clock_now_ns();
	for (unsigned i = 0; i < STREAM; i++)
		send_next();
	while (end.received == told || completed < submitted)
		doca_pe_progress(end.pe);
	rate = (double)STREAM * BULK_LEN / (double)(clock_now_ns() - begin);
	drop_producer(producer);
	return rate;
}
