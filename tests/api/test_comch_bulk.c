/* SPDX-License-Identifier: BSD-3-Clause */
/* Comch producers and consumers; clients that are killed at 200 seeded moments of a conversation. */
#include "comch.h"

#include <signal.h>

#include <doca_comch_consumer.h>
#include <doca_comch_producer.h>

#define BULK_BUFS 16
#define BULK_LEN 20000
#define BULK_ROUNDS 400

static volatile unsigned received, recv_failed, bulk_sent, bulk_failed;
static uint8_t *bulk_mem;
static struct doca_comch_consumer *consumer;

static uint8_t pattern(unsigned message, size_t i)
{
	return (uint8_t)(message * 131 + i * 7);
}

static void on_bulk(
	struct doca_comch_consumer_task_post_recv *task, union doca_data a, union doca_data b)
{
	struct doca_buf *buf = doca_comch_consumer_task_post_recv_get_buf(task);
	uint32_t number;
	uint8_t *data;
	size_t len;

	OK(doca_buf_get_data(buf, (void **)&data));
	OK(doca_buf_get_data_len(buf, &len));
	assert_int_equal(doca_comch_consumer_task_post_recv_get_imm_data_len(task), 4);
	memcpy(&number, doca_comch_consumer_task_post_recv_get_imm_data(task), 4);
	assert_int_equal(number, received);
	assert_int_equal(len, 1 + number * 977 % BULK_LEN);
	for (size_t i = 0; i < len; i++)
		assert_int_equal(data[i], pattern(number, i));
	received++;
	OK(doca_buf_reset_data_len(buf));
	if (received + BULK_BUFS <= BULK_ROUNDS)
		OK(doca_task_submit(doca_comch_consumer_task_post_recv_as_task(task)));
	else {
		OK(doca_buf_dec_refcount(buf, NULL));
		doca_task_free(doca_comch_consumer_task_post_recv_as_task(task));
	}
}

static void on_bulk_error(
	struct doca_comch_consumer_task_post_recv *task, union doca_data a, union doca_data b)
{
	recv_failed++;
	OK(doca_buf_dec_refcount(doca_comch_consumer_task_post_recv_get_buf(task), NULL));
	doca_task_free(doca_comch_consumer_task_post_recv_as_task(task));
}

/* A consumer on an engine of its own, as programs have it; control progresses beside it. */
static void consume(struct doca_comch_connection *conn, struct doca_dev *dev,
	struct doca_pe *control, volatile unsigned *counter, unsigned goal)
{
	struct doca_mmap *mmap;
	struct doca_buf_inventory *inv;
	struct doca_pe *pe;
	struct doca_ctx *ctx;
	enum doca_ctx_states now = DOCA_CTX_STATE_STARTING;
	doca_error_t result;
	uint32_t id;

	bulk_mem = aligned_alloc(4096, 512 * 1024);
	memset(bulk_mem, 0, 512 * 1024); /* the other process fills it, which valgrind does not see */
	received = recv_failed = 0;
	OK(doca_pe_create(&pe));
	mmap = fix_map(dev, bulk_mem + 100, BULK_BUFS * BULK_LEN, DOCA_ACCESS_FLAG_PCI_READ_WRITE);
	OK(doca_buf_inventory_create(BULK_BUFS, &inv));
	OK(doca_buf_inventory_start(inv));
	OK(doca_comch_consumer_create(conn, mmap, &consumer));
	OK(doca_comch_consumer_get_id(consumer, &id));
	ctx = doca_comch_consumer_as_ctx(consumer);
	OK(doca_comch_consumer_task_post_recv_set_conf(
		consumer, on_bulk, on_bulk_error, BULK_BUFS));
	OK(doca_pe_connect_ctx(pe, ctx));
	result = doca_ctx_start(ctx);
	if (result ==
		DOCA_ERROR_CONNECTION_RESET) /* the peer died before: only clients_die gets here */
		now = DOCA_CTX_STATE_IDLE;
	else
		FAILS(DOCA_ERROR_IN_PROGRESS, result);
	while (now == DOCA_CTX_STATE_STARTING) {
		fix_turn(pe);
		OK(doca_ctx_get_state(ctx, &now));
	}
	for (int i = 0; i < BULK_BUFS && result != DOCA_ERROR_CONNECTION_RESET; i++) {
		struct doca_comch_consumer_task_post_recv *task;
		struct doca_buf *buf;

		OK(doca_buf_inventory_buf_get_by_addr(
			inv, mmap, bulk_mem + 100 + i * BULK_LEN, BULK_LEN, &buf));
		OK(doca_comch_consumer_task_post_recv_alloc_init(consumer, buf, &task));
		OK(doca_task_submit(doca_comch_consumer_task_post_recv_as_task(task)));
	}
	while (*counter < goal) {
		fix_turn(pe);
		doca_pe_progress(control);
	}
	if (doca_ctx_stop(ctx) == DOCA_ERROR_IN_PROGRESS)
		do {
			fix_turn(pe);
			OK(doca_ctx_get_state(ctx, &now));
		} while (now != DOCA_CTX_STATE_IDLE);
	OK(doca_comch_consumer_destroy(consumer));
	OK(doca_buf_inventory_destroy(inv));
	OK(doca_mmap_destroy(mmap));
	OK(doca_pe_destroy(pe));
	free(bulk_mem);
}

static void p_sent(struct doca_comch_producer_task_send *task, union doca_data a, union doca_data b)
{
	bulk_sent++;
	doca_task_free(doca_comch_producer_task_send_as_task(task));
}

static void p_failed(
	struct doca_comch_producer_task_send *task, union doca_data a, union doca_data b)
{
	bulk_failed++;
	doca_task_free(doca_comch_producer_task_send_as_task(task));
}

static void producer_body(void)
{
	static uint8_t mem[BULK_LEN];
	struct doca_comch_producer *producer;
	struct doca_comch_producer_task_send *task;
	struct doca_buf_inventory *inv;
	struct doca_mmap *mmap;
	struct doca_buf *buf;
	struct doca_pe *pe;
	unsigned again = 0;

	connect_client(64, 8);
	fix_until(c.pe, &c.consumers, 1);
	OK(doca_pe_create(&pe));
	mmap = fix_map(c.dev, mem, sizeof(mem), DOCA_ACCESS_FLAG_LOCAL_READ_WRITE);
	OK(doca_buf_inventory_create(2, &inv));
	OK(doca_buf_inventory_start(inv));
	OK(doca_comch_producer_create(c.conn, &producer));
	OK(doca_comch_producer_task_send_set_conf(producer, p_sent, p_failed, 64));
	OK(doca_pe_connect_ctx(pe, doca_comch_producer_as_ctx(producer)));
	OK(doca_ctx_start(doca_comch_producer_as_ctx(producer)));
	for (uint32_t n = 0; n < BULK_ROUNDS; n++) {
		size_t len = 1 + n * 977 % BULK_LEN;
		doca_error_t result;

		for (size_t i = 0; i < len; i++)
			mem[i] = pattern(n, i);
		OK(doca_buf_inventory_buf_get_by_data(inv, mmap, mem, len, &buf));
		OK(doca_comch_producer_task_send_alloc_init(
			producer, buf, (uint8_t *)&n, 4, c.consumer_id, &task));
		while ((result = doca_task_submit(doca_comch_producer_task_send_as_task(task))) ==
			DOCA_ERROR_AGAIN) {
			again++;
			fix_turn(c.pe);
		}
		OK(result);
		fix_until(pe, &bulk_sent, n + 1);
		OK(doca_buf_dec_refcount(buf, NULL));
	}
	OK(doca_comch_producer_task_send_alloc_init(
		producer, NULL, (uint8_t *)"x", 1, c.consumer_id + 1, &task));
	OK(doca_task_submit(doca_comch_producer_task_send_as_task(task)));
	fix_until(pe, &bulk_failed, 1); /* no such consumer */
	OK(doca_ctx_stop(doca_comch_producer_as_ctx(producer)));
	OK(doca_comch_producer_destroy(producer));
	OK(doca_buf_inventory_destroy(inv));
	OK(doca_mmap_destroy(mmap));
	OK(doca_pe_destroy(pe));
	close_client();
}

static void bulk_goes_into_posted_buffers(void **state)
{
	pid_t pid;

	start_server(4080, 16);
	pid = child(producer_body);
	until(&s.connects, 1);
	consume(s.conn, s.dev, s.pe, &received, BULK_ROUNDS);
	assert_int_equal(received, BULK_ROUNDS);
	until(&s.disconnects, 1);
	join(pid);
	stop_server();
}

/* ---- a peer that dies ---- */

static void talk_for_ever(void)
{
	static uint8_t mem[BULK_LEN];
	struct doca_comch_producer *producer;
	struct doca_comch_producer_task_send *task;
	struct doca_buf_inventory *inv;
	struct doca_mmap *mmap;
	struct doca_buf *buf;
	uint32_t n = 0;

	connect_client(4080, 8);
	mmap = fix_map(c.dev, mem, sizeof(mem), DOCA_ACCESS_FLAG_LOCAL_READ_WRITE);
	OK(doca_buf_inventory_create(2, &inv));
	OK(doca_buf_inventory_start(inv));
	OK(doca_comch_producer_create(c.conn, &producer));
	OK(doca_comch_producer_task_send_set_conf(producer, p_sent, p_failed, 64));
	OK(doca_pe_connect_ctx(c.pe, doca_comch_producer_as_ctx(producer)));
	OK(doca_ctx_start(doca_comch_producer_as_ctx(producer)));
	OK(doca_buf_inventory_buf_get_by_data(inv, mmap, mem, 1, &buf));
	for (;;) {
		c_send(mem, 1000);
		fix_turn(c.pe);
		if (!c.consumers || n >= BULK_ROUNDS - BULK_BUFS)
			continue;
		for (size_t i = 0; i < 1 + n * 977 % BULK_LEN; i++)
			mem[i] = pattern(n, i);
		OK(doca_buf_set_data(buf, mem, 0));
		OK(doca_buf_inventory_buf_reuse_by_data(buf, mem, 1 + n * 977 % BULK_LEN));
		OK(doca_comch_producer_task_send_alloc_init(
			producer, buf, (uint8_t *)&n, 4, c.consumer_id, &task));
		if (doca_task_submit(doca_comch_producer_task_send_as_task(task)) == DOCA_SUCCESS)
			n++;
		else
			doca_task_free(doca_comch_producer_task_send_as_task(task));
	}
}

/* Killed at a seeded moment; the server must hear the end, its consumer must stop, nothing may
 * hang. */
static void clients_die_at_any_point(void **state)
{
	unsigned seed = getenv("COMCH_SEED") ? (unsigned)atoi(getenv("COMCH_SEED")) : 4711;
	int rounds = getenv("COMCH_ROUNDS") ? atoi(getenv("COMCH_ROUNDS")) : 200;

	print_message("# seed %u, %d rounds\n", seed, rounds);
	start_server(4080, 16);
	s.echo = true;
	for (int i = 0; i < rounds; i++) {
		unsigned before = s.disconnects, connects = s.connects;
		unsigned delay_us = rand_r(&seed) % 3000;
		bool bulk = rand_r(&seed) % 2;
		pid_t pid = child(talk_for_ever), killer;

		until(&s.connects, connects + 1);
		killer = fork();
		if (!killer) {
			usleep(delay_us);
			kill(pid, SIGKILL);
			_exit(0);
		}
		if (bulk && s.conn)
			consume(s.conn, s.dev, s.pe, &s.disconnects, before + 1);
		until(&s.disconnects, before + 1);
		waitpid(pid, NULL, 0);
		join(killer);
	}
	stop_server();
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(bulk_goes_into_posted_buffers),
		cmocka_unit_test(clients_die_at_any_point),
	};

	cmocka_set_test_filter(getenv("TEST_FILTER"));
	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
