/* SPDX-License-Identifier: BSD-3-Clause */
/* RDMA: two ends in one process, a peer that is killed, memory that goes on to a third process. */
#include "fixture.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <doca_rdma.h>

#define TASKS 64
#define PERMISSIONS                                                       \
	(DOCA_ACCESS_FLAG_LOCAL_READ_WRITE | DOCA_ACCESS_FLAG_RDMA_READ | \
		DOCA_ACCESS_FLAG_RDMA_WRITE)

struct side {
	struct doca_pe *pe;
	struct doca_rdma *rdma;
	struct doca_ctx *ctx;
	struct doca_rdma_connection *conn;
	const void *blob;
	size_t blob_len;
	volatile unsigned sent, received, moved, failed, up, down;
	doca_error_t last;
	uint32_t len, imm;
	enum doca_rdma_opcode opcode;
};

static void on_sent(struct doca_rdma_task_send *t, union doca_data u, union doca_data c)
{
	((struct side *)c.ptr)->sent++;
	doca_task_free(doca_rdma_task_send_as_task(t));
}

static void on_sent_imm(struct doca_rdma_task_send_imm *t, union doca_data u, union doca_data c)
{
	((struct side *)c.ptr)->sent++;
	doca_task_free(doca_rdma_task_send_imm_as_task(t));
}

static void on_received(struct doca_rdma_task_receive *t, union doca_data u, union doca_data c)
{
	struct side *s = c.ptr;

	s->received++;
	s->len = doca_rdma_task_receive_get_result_len(t);
	s->imm = doca_rdma_task_receive_get_result_immediate_data(t);
	s->opcode = doca_rdma_task_receive_get_result_opcode(t);
	assert_ptr_equal(doca_rdma_task_receive_get_result_rdma_connection(t), s->conn);
	doca_task_free(doca_rdma_task_receive_as_task(t));
}

static void failed(struct side *s, struct doca_task *task)
{
	s->failed++;
	s->last = doca_task_get_status(task);
	doca_task_free(task);
}

static void send_failed(struct doca_rdma_task_send *t, union doca_data u, union doca_data c)
{
	failed(c.ptr, doca_rdma_task_send_as_task(t));
}

static void send_imm_failed(struct doca_rdma_task_send_imm *t, union doca_data u, union doca_data c)
{
	failed(c.ptr, doca_rdma_task_send_imm_as_task(t));
}

static void receive_failed(struct doca_rdma_task_receive *t, union doca_data u, union doca_data c)
{
	failed(c.ptr, doca_rdma_task_receive_as_task(t));
}

#define MOVER(kind)                                                                    \
	static void on_##kind(                                                         \
		struct doca_rdma_task_##kind *t, union doca_data u, union doca_data c) \
	{                                                                              \
		((struct side *)c.ptr)->moved++;                                       \
		doca_task_free(doca_rdma_task_##kind##_as_task(t));                    \
	}                                                                              \
	static void kind##_failed(                                                     \
		struct doca_rdma_task_##kind *t, union doca_data u, union doca_data c) \
	{                                                                              \
		failed(c.ptr, doca_rdma_task_##kind##_as_task(t));                     \
	}
MOVER(read)
MOVER(write)
MOVER(write_imm)

static void on_up(struct doca_rdma_connection *conn, union doca_data u, union doca_data c)
{
	((struct side *)c.ptr)->up++;
}

static void on_down(struct doca_rdma_connection *conn, union doca_data u, union doca_data c)
{
	((struct side *)c.ptr)->down++;
}

static void open_side(struct side *s, struct fix *f, uint32_t permissions)
{
	union doca_data user = {.ptr = s};

	memset(s, 0, sizeof(*s));
	s->pe = f->pe;
	OK(doca_rdma_create(f->dev, &s->rdma));
	s->ctx = doca_rdma_as_ctx(s->rdma);
	OK(doca_rdma_set_permissions(s->rdma, permissions));
	FAILS(DOCA_ERROR_NOT_SUPPORTED,
		doca_rdma_set_transport_type(s->rdma, DOCA_RDMA_TRANSPORT_TYPE_DC));
	OK(doca_rdma_task_send_set_conf(s->rdma, on_sent, send_failed, TASKS));
	OK(doca_rdma_task_send_imm_set_conf(s->rdma, on_sent_imm, send_imm_failed, TASKS));
	OK(doca_rdma_task_receive_set_conf(s->rdma, on_received, receive_failed, TASKS));
	OK(doca_rdma_task_read_set_conf(s->rdma, on_read, read_failed, TASKS));
	OK(doca_rdma_task_write_set_conf(s->rdma, on_write, write_failed, TASKS));
	OK(doca_rdma_task_write_imm_set_conf(s->rdma, on_write_imm, write_imm_failed, TASKS));
	OK(doca_rdma_set_connection_state_callbacks(s->rdma, NULL, on_up, NULL, on_down));
	OK(doca_ctx_set_user_data(s->ctx, user));
	OK(doca_pe_connect_ctx(f->pe, s->ctx));
	OK(doca_ctx_start(s->ctx));
	OK(doca_rdma_export(s->rdma, &s->blob, &s->blob_len, &s->conn));
}

static void close_side(struct side *s)
{
	enum doca_ctx_states state;

	if (doca_ctx_stop(s->ctx) == DOCA_ERROR_IN_PROGRESS)
		do {
			doca_pe_progress(s->pe);
			OK(doca_ctx_get_state(s->ctx, &state));
		} while (state != DOCA_CTX_STATE_IDLE);
	OK(doca_rdma_destroy(s->rdma));
}

static void connect_both(struct fix *f, struct side *a, struct side *b)
{
	OK(doca_rdma_connect(a->rdma, b->blob, b->blob_len, a->conn));
	OK(doca_rdma_connect(b->rdma, a->blob, a->blob_len, b->conn));
	fix_until(f->pe, &a->up, 1);
	fix_until(f->pe, &b->up, 1);
}

static void send_buf(struct side *s, struct doca_buf *buf)
{
	struct doca_rdma_task_send *t;

	OK(doca_rdma_task_send_allocate_init(
		s->rdma, s->conn, buf, (union doca_data){.u64 = 0}, &t));
	OK(doca_task_submit(doca_rdma_task_send_as_task(t)));
}

static void post_buf(struct side *s, struct doca_buf *buf)
{
	struct doca_rdma_task_receive *t;

	OK(doca_rdma_task_receive_allocate_init(s->rdma, buf, (union doca_data){.u64 = 0}, &t));
	OK(doca_task_submit(doca_rdma_task_receive_as_task(t)));
}

static void fill(struct fix *f, size_t at, size_t len, unsigned seed)
{
	for (size_t i = 0; i < len; i++)
		f->mem[at + i] = (uint8_t)((i * 131 + seed) >> 3);
}

/* Lengths around the frame, and much longer; sent before anybody has connected. */
static void messages_arrive_whole_and_in_order(void **state)
{
	static const size_t lens[] = {1, 64, 4063, 4064, 4065, 8128, 8129, 500000, 0, 3};
	enum { N = sizeof(lens) / sizeof(lens[0]) };
	struct doca_buf *src[N], *dst[N];
	struct fix *f = *state;
	struct side a, b;

	open_side(&a, f, PERMISSIONS);
	open_side(&b, f, PERMISSIONS);
	fill(f, 0, 1 << 20, 5);
	for (unsigned i = 0; i < N; i++) {
		src[i] = fix_src(f, i * 1000, lens[i]);
		dst[i] = fix_dst(f, (2 << 20) + (i < 8 ? i * 10000 : 1000000 + i * 100), 600000);
		send_buf(&a, src[i]);
	}
	connect_both(f, &a, &b);
	for (unsigned i = 0; i < N; i++) {
		assert_int_equal(b.received, i);
		post_buf(&b, dst[i]);
		fix_until(f->pe, &b.received, i + 1);
		assert_int_equal(b.len, lens[i]);
		assert_int_equal(b.opcode, DOCA_RDMA_OPCODE_RECV_SEND);
		assert_int_equal(fix_len(dst[i]), lens[i]);
		if (i != 7) /* which overlaps what came before it */
			assert_memory_equal(f->mem + i * 1000,
				f->mem + (2 << 20) + (i < 8 ? i * 10000 : 1000000 + i * 100),
				lens[i]);
	}
	fix_until(f->pe, &a.sent, N);
	for (unsigned i = 0; i < N; i++) {
		OK(doca_buf_dec_refcount(src[i], NULL));
		OK(doca_buf_dec_refcount(dst[i], NULL));
	}
	close_side(&a);
	close_side(&b);
}

static void lists_and_immediates(void **state)
{
	struct fix *f = *state;
	struct doca_buf *src = fix_src(f, 0, 5000), *dst = fix_dst(f, 1 << 20, 4000);
	struct doca_rdma_task_send_imm *t;
	struct side a, b;

	OK(doca_buf_chain_list(src, fix_src(f, 9000, 3000)));
	OK(doca_buf_chain_list(dst, fix_dst(f, (1 << 20) + 8192, 6000)));
	open_side(&a, f, PERMISSIONS);
	open_side(&b, f, PERMISSIONS);
	connect_both(f, &a, &b);
	fill(f, 0, 12000, 9);
	post_buf(&a, dst);
	OK(doca_rdma_task_send_imm_allocate_init(
		b.rdma, b.conn, src, 0xabcd, (union doca_data){.u64 = 0}, &t));
	OK(doca_task_submit(doca_rdma_task_send_imm_as_task(t)));
	fix_until(f->pe, &a.received, 1);
	assert_int_equal(a.imm, 0xabcd);
	assert_int_equal(a.opcode, DOCA_RDMA_OPCODE_RECV_SEND_WITH_IMM);
	assert_int_equal(a.len, 8000);
	assert_memory_equal(f->mem, f->mem + (1 << 20), 4000);
	assert_memory_equal(f->mem + 4000, f->mem + (1 << 20) + 8192, 1000);
	assert_memory_equal(f->mem + 9000, f->mem + (1 << 20) + 9192, 3000);
	fix_until(f->pe, &b.sent, 1);
	OK(doca_buf_dec_refcount(src, NULL));
	OK(doca_buf_dec_refcount(dst, NULL));
	close_side(&a);
	close_side(&b);
}

static void a_message_too_long_ends_the_connection(void **state)
{
	struct fix *f = *state;
	struct doca_buf *src = fix_src(f, 0, 5000), *dst = fix_dst(f, 1 << 20, 4999);
	struct side a, b;

	open_side(&a, f, PERMISSIONS);
	open_side(&b, f, PERMISSIONS);
	connect_both(f, &a, &b);
	post_buf(&b, dst);
	send_buf(&a, src);
	fix_until(f->pe, &b.down, 1);
	fix_until(f->pe, &b.failed, 1);
	assert_int_equal(b.last, DOCA_ERROR_IO_FAILED);
	assert_int_equal(b.received, 0);
	OK(doca_buf_dec_refcount(src, NULL));
	OK(doca_buf_dec_refcount(dst, NULL));
	close_side(&a);
	close_side(&b);
}

static void what_is_refused(void **state)
{
	struct fix *f = *state;
	struct doca_rdma_connection *second;
	struct doca_rdma_addr *addr;
	struct side a, b;
	uint8_t bad[256];
	const void *blob;
	size_t len;

	open_side(&a, f, PERMISSIONS);
	open_side(&b, f, PERMISSIONS);
	FAILS(DOCA_ERROR_FULL, doca_rdma_export(a.rdma, &blob, &len, &second));
	FAILS(DOCA_ERROR_INVALID_VALUE, doca_rdma_connect(a.rdma, a.blob, a.blob_len, a.conn));
	FAILS(DOCA_ERROR_INVALID_VALUE, doca_rdma_connect(a.rdma, b.blob, b.blob_len - 1, a.conn));
	memcpy(bad, b.blob, b.blob_len);
	bad[8] ^= 1; /* its version */
	FAILS(DOCA_ERROR_INVALID_VALUE, doca_rdma_connect(a.rdma, bad, b.blob_len, a.conn));
	FAILS(DOCA_ERROR_BAD_STATE, doca_rdma_connect(a.rdma, a.blob, a.blob_len, b.conn));
	FAILS(DOCA_ERROR_BAD_STATE, doca_rdma_set_permissions(a.rdma, 0));
	FAILS(DOCA_ERROR_NOT_SUPPORTED,
		doca_rdma_addr_create(DOCA_RDMA_ADDR_TYPE_IPv4, "127.0.0.1", 1, &addr));
	FAILS(DOCA_ERROR_NOT_SUPPORTED, doca_rdma_start_listen_to_port(a.rdma, 1));
	connect_both(f, &a, &b);
	FAILS(DOCA_ERROR_BAD_STATE, doca_rdma_connect(a.rdma, b.blob, b.blob_len, a.conn));
	close_side(&a);
	close_side(&b);
}

/* ---- memory of another process ---- */

struct shown { /* by the owner of the memory */
	uint8_t desc[1024], blob[256];
	size_t desc_len, blob_len;
	uint64_t addr;
};

static void hand_over(int fd, const void *bytes, size_t len)
{
	assert_int_equal(write(fd, bytes, len), len);
}

static void take_over(int fd, void *bytes, size_t len)
{
	assert_int_equal(read(fd, bytes, len), len);
}

/* The other process: exports memory full of 7, connects, and serves until it is killed. */
static void own_memory(int out, int in, uint32_t permissions)
{
	struct shown mine = {0}, theirs;
	struct doca_mmap *mmap;
	struct fix *f;
	struct side s;
	const void *desc;
	void *state;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	fix_setup(&state);
	f = state;
	memset(f->mem, 7, FIX_LEN);
	mmap = fix_map(f->dev, f->mem, FIX_LEN, PERMISSIONS | DOCA_ACCESS_FLAG_PCI_READ_WRITE);
	OK(doca_mmap_export_rdma(mmap, f->dev, &desc, &mine.desc_len));
	memcpy(mine.desc, desc, mine.desc_len);
	mine.addr = (uintptr_t)f->mem;
	open_side(&s, f, permissions);
	memcpy(mine.blob, s.blob, s.blob_len);
	mine.blob_len = s.blob_len;
	post_buf(&s, NULL);
	hand_over(out, &mine, sizeof(mine));
	take_over(in, &theirs, sizeof(theirs));
	OK(doca_rdma_connect(s.rdma, theirs.blob, theirs.blob_len, s.conn));
	fix_until(s.pe, &s.received, 1);
	/* the word came after the bytes */
	if (s.opcode == DOCA_RDMA_OPCODE_RECV_WRITE_WITH_IMM && s.imm == 99 && f->mem[12345] == 1)
		hand_over(out, "y", 1);
	for (;;)
		pause();
}

struct far {
	struct side s;
	pid_t pid;
	int from, to;
	struct doca_mmap *mmap;
	uint64_t addr;
};

static void open_far(struct far *far, struct fix *f, uint32_t permissions)
{
	int out[2], in[2];
	struct shown mine = {0}, theirs;

	assert_int_equal(pipe(out), 0);
	assert_int_equal(pipe(in), 0);
	far->pid = fork();
	if (far->pid == 0) {
		own_memory(out[1], in[0], permissions);
		_exit(1);
	}
	far->from = out[0];
	far->to = in[1];
	close(out[1]);
	close(in[0]);
	take_over(far->from, &theirs, sizeof(theirs));
	OK(doca_mmap_create_from_export(NULL, theirs.desc, theirs.desc_len, f->dev, &far->mmap));
	far->addr = theirs.addr;
	open_side(&far->s, f, PERMISSIONS);
	memcpy(mine.blob, far->s.blob, far->s.blob_len);
	mine.blob_len = far->s.blob_len;
	hand_over(far->to, &mine, sizeof(mine));
	OK(doca_rdma_connect(far->s.rdma, theirs.blob, theirs.blob_len, far->s.conn));
	fix_until(f->pe, &far->s.up, 1);
}

static void close_far(struct far *far)
{
	kill(far->pid, SIGKILL);
	waitpid(far->pid, NULL, 0);
	close_side(&far->s);
	OK(doca_mmap_destroy(far->mmap));
	close(far->from);
	close(far->to);
}

static struct doca_buf *far_buf(struct far *far, struct fix *f, size_t at, size_t len, bool data)
{
	uint8_t *addr = (uint8_t *)(uintptr_t)far->addr + at;
	struct doca_buf *buf;

	OK(doca_buf_inventory_buf_get_by_args(
		f->inv, far->mmap, addr, len, addr, data ? len : 0, &buf));
	return buf;
}

static void read_it(struct far *far, struct doca_buf *src, struct doca_buf *dst)
{
	struct doca_rdma_task_read *t;

	OK(doca_rdma_task_read_allocate_init(
		far->s.rdma, far->s.conn, src, dst, (union doca_data){.u64 = 0}, &t));
	OK(doca_task_submit(doca_rdma_task_read_as_task(t)));
}

static void reads_writes_and_the_word_after(void **state)
{
	struct fix *f = *state;
	struct doca_rdma_task_write_imm *t;
	struct doca_buf *src, *dst, *local;
	struct far far;
	char answer = 0;

	open_far(&far, f, PERMISSIONS);
	src = far_buf(&far, f, 10000, 5000, true);
	local = fix_dst(f, 0, 5000);
	read_it(&far, src, local);
	fix_until(f->pe, &far.s.moved, 1);
	for (unsigned i = 0; i < 5000; i++)
		assert_int_equal(f->mem[i], 7);
	memset(f->mem, 1, 5000);
	dst = far_buf(&far, f, 10000, 5000, false);
	OK(doca_rdma_task_write_imm_allocate_init(
		far.s.rdma, far.s.conn, local, dst, 99, (union doca_data){.u64 = 0}, &t));
	OK(doca_task_submit(doca_rdma_task_write_imm_as_task(t)));
	fix_until(f->pe, &far.s.moved, 2);
	take_over(far.from, &answer, 1);
	assert_int_equal(answer, 'y');
	OK(doca_buf_dec_refcount(src, NULL));
	OK(doca_buf_dec_refcount(dst, NULL));
	OK(doca_buf_dec_refcount(local, NULL));
	close_far(&far);
}

static void rights_are_the_peers_to_give(void **state)
{
	struct fix *f = *state;
	struct doca_buf *src, *local = fix_dst(f, 0, 100);
	struct far far;

	open_far(&far, f, DOCA_ACCESS_FLAG_LOCAL_READ_WRITE | DOCA_ACCESS_FLAG_RDMA_WRITE);
	src = far_buf(&far, f, 0, 100, true);
	read_it(&far, src, local);
	fix_until(f->pe, &far.s.failed, 1);
	assert_int_equal(far.s.last, DOCA_ERROR_NOT_PERMITTED);
	OK(doca_buf_dec_refcount(src, NULL));
	OK(doca_buf_dec_refcount(local, NULL));
	close_far(&far);
}

static void a_killed_peer_is_noticed(void **state)
{
	struct fix *f = *state;
	struct doca_buf *src, *local = fix_dst(f, 0, 100), *msg;
	struct far far;

	open_far(&far, f, PERMISSIONS);
	src = far_buf(&far, f, 0, 100, true);
	kill(far.pid, SIGKILL);
	waitpid(far.pid, NULL, 0);
	fix_until(f->pe, &far.s.down, 1);
	read_it(&far, src, local);
	fix_until(f->pe, &far.s.failed, 1);
	assert_int_not_equal(far.s.last, DOCA_SUCCESS);
	msg = fix_src(f, 200, 100);
	send_buf(&far.s, msg);
	fix_until(f->pe, &far.s.failed, 2);
	assert_int_equal(far.s.last, DOCA_ERROR_CONNECTION_RESET);
	assert_int_equal(far.s.received + far.s.sent + far.s.moved, 0);
	OK(doca_buf_dec_refcount(src, NULL));
	OK(doca_buf_dec_refcount(local, NULL));
	OK(doca_buf_dec_refcount(msg, NULL));
	close_far(&far);
}

/* One peer killed at a moment of a conversation: every task ends, once; what was read is the peer's. */
static void one_death(struct fix *f, unsigned delay_us)
{
	struct doca_buf *src, *local = fix_dst(f, 0, 5000);
	unsigned ended, submitted = 0;
	struct far far;
	pid_t killer;

	open_far(&far, f, PERMISSIONS);
	src = far_buf(&far, f, 10000, 5000, true);
	killer = fork();
	if (!killer) {
		usleep(delay_us);
		kill(far.pid, SIGKILL);
		_exit(0);
	}
	while (!far.s.down) {
		memset(f->mem, 1, 5000);
		OK(doca_buf_reset_data_len(local));
		ended = far.s.moved + far.s.failed;
		read_it(&far, src, local);
		submitted++;
		while (far.s.moved + far.s.failed == ended)
			fix_turn(f->pe);
		for (unsigned i = 0; !far.s.failed && i < 5000; i++)
			assert_int_equal(f->mem[i], 7);
		fix_turn(f->pe);
	}
	assert_int_equal(far.s.moved + far.s.failed, submitted);
	assert_int_equal(far.s.down, 1);
	assert_int_equal(waitpid(killer, NULL, 0), killer);
	OK(doca_buf_dec_refcount(src, NULL));
	OK(doca_buf_dec_refcount(local, NULL));
	close_far(&far);
}

static void peers_die_at_any_point(void **state)
{
	fix_deaths(*state, 4713, 2000, one_death);
}

/* A program between: it has the memory from its host and shows it to the storage behind it. */
static void imported_memory_goes_on(void **state)
{
	struct fix *f = *state;
	struct doca_mmap *third;
	struct doca_buf *buf, *local = fix_dst(f, 0, 100);
	const void *desc;
	size_t len;
	struct far far;

	open_far(&far, f, PERMISSIONS);
	FAILS(DOCA_ERROR_BAD_STATE, doca_mmap_export_pci(far.mmap, f->dev, &desc, &len));
	OK(doca_mmap_export_rdma(far.mmap, f->dev, &desc, &len));
	OK(doca_mmap_create_from_export(NULL, desc, len, f->dev, &third));
	OK(doca_buf_inventory_buf_get_by_data(
		f->inv, third, (void *)(uintptr_t)far.addr, 100, &buf));
	read_it(&far, buf, local);
	fix_until(f->pe, &far.s.moved, 1);
	assert_int_equal(f->mem[50], 7);
	OK(doca_buf_dec_refcount(buf, NULL));
	OK(doca_buf_dec_refcount(local, NULL));
	OK(doca_mmap_destroy(third));
	close_far(&far);
}

int main(void)
{
	const struct CMUnitTest tests[] = {fix_test(messages_arrive_whole_and_in_order),
		fix_test(lists_and_immediates), fix_test(a_message_too_long_ends_the_connection),
		fix_test(what_is_refused), fix_test(reads_writes_and_the_word_after),
		fix_test(rights_are_the_peers_to_give), fix_test(a_killed_peer_is_noticed),
		fix_test(peers_die_at_any_point), fix_test(imported_memory_goes_on)};
	char dir[] = "/tmp/softdpu-rdma-XXXXXX", cmd[64];
	int failed_tests;

	if (!mkdtemp(dir))
		return 1;
	setenv("SOFTDPU_RUN_DIR", dir, 1);
	failed_tests = cmocka_run_group_tests(tests, NULL, NULL);
	snprintf(cmd, sizeof(cmd), "rm -rf %s", dir);
	return system(cmd) ? 1 : failed_tests;
}
