/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A hostile RDMA peer. The input is a script: operation, length, bytes. The first byte says how it begins:
 *
 *   even   the victim waits at its listener; the peer comes and sends frames made of the input
 *   odd    the peer's connection details are bent by the input
 *
 * Besides not crashing, the victim must keep its promises: a receive that succeeds holds exactly the next
 * bytes the peer put into frames, every task ends once, and the connection ends when the peer's socket does.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <doca_buf.h>
#include <doca_buf_inventory.h>
#include <doca_ctx.h>
#include <doca_dev.h>
#include <doca_mmap.h>
#include <doca_pe.h>

#include "doca/rdma/rdma_int.h"

#define OK(call) assert((call) == DOCA_SUCCESS)
#define TASKS 32u
#define ROOM 16384u /* of the longest receive; the victim's memory holds one per task */
#define SENT_MAX 65536u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char dir[] = "/tmp/softdpu-fuzz-rdma-XXXXXX";
static struct doca_pe *pe;
static struct doca_dev *dev;
static struct doca_mmap *map;
static struct doca_buf_inventory *inv;
static uint8_t *memory; /* what receives write into, TASKS times ROOM, then ROOM to send from */

static struct {
	struct doca_rdma *rdma;
	struct doca_rdma_connection *conn;
	bool up, down;
	unsigned tasks; /* in flight */
	struct doca_buf *bufs[TASKS]; /* of receives, by place in memory; NULL: free */
	uint8_t sent[SENT_MAX]; /* bytes of the peer's frames, in order */
	size_t n_sent, n_received;
} victim;

/* ---- the victim ---- */

static void on_sent(struct doca_rdma_task_send *t, union doca_data u, union doca_data c)
{
	victim.tasks--;
	doca_task_free(doca_rdma_task_send_as_task(t));
	OK(doca_buf_dec_refcount(u.ptr, NULL));
}

static void on_received(struct doca_rdma_task_receive *t, union doca_data u, union doca_data c)
{
	size_t len = doca_rdma_task_receive_get_result_len(t);
	const uint8_t *got = memory + u.u64 * ROOM;

	if (doca_task_get_status(doca_rdma_task_receive_as_task(t)) == DOCA_SUCCESS) {
		assert(len <= victim.n_sent - victim.n_received);
		assert(!memcmp(got, victim.sent + victim.n_received, len));
		victim.n_received += len;
	}
	assert(victim.bufs[u.u64]); /* once */
	OK(doca_buf_dec_refcount(victim.bufs[u.u64], NULL));
	victim.bufs[u.u64] = NULL;
	victim.tasks--;
	doca_task_free(doca_rdma_task_receive_as_task(t));
}

static void on_up(struct doca_rdma_connection *conn, union doca_data u, union doca_data c)
{
	victim.up = true;
}

static void on_down(struct doca_rdma_connection *conn, union doca_data u, union doca_data c)
{
	assert(!victim.down);
	victim.down = true;
}

/* The victim looks at sockets by the clock: here, whenever it is asked to. */
static void progress(unsigned n)
{
	while (n--) {
		victim.conn->look_due = 0;
		doca_pe_progress(pe);
	}
}

static void post_receive(size_t room)
{
	struct doca_rdma_task_receive *t;
	unsigned i = 0;

	while (i < TASKS && victim.bufs[i])
		i++;
	if (i == TASKS)
		return;
	OK(doca_buf_inventory_buf_get_by_addr(inv, map, memory + i * ROOM, room, &victim.bufs[i]));
	OK(doca_rdma_task_receive_allocate_init(
		victim.rdma, victim.bufs[i], (union doca_data){.u64 = i}, &t));
	victim.tasks++;
	OK(doca_task_submit(doca_rdma_task_receive_as_task(t)));
}

static void send_back(size_t len)
{
	struct doca_rdma_task_send *t;
	struct doca_buf *buf;

	OK(doca_buf_inventory_buf_get_by_data(inv, map, memory + TASKS * ROOM, len, &buf));
	if (doca_rdma_task_send_allocate_init(
		    victim.rdma, victim.conn, buf, (union doca_data){.ptr = buf}, &t) != DOCA_SUCCESS) {
		OK(doca_buf_dec_refcount(buf, NULL));
		return;
	}
	victim.tasks++;
	if (doca_task_submit(doca_rdma_task_send_as_task(t)) != DOCA_SUCCESS)
		on_sent(t, (union doca_data){.ptr = buf}, (union doca_data){.u64 = 0});
}

static void open_victim(const void **blob, size_t *len)
{
	struct doca_ctx *ctx;

	memset(&victim, 0, sizeof(victim));
	OK(doca_rdma_create(dev, &victim.rdma));
	ctx = doca_rdma_as_ctx(victim.rdma);
	OK(doca_rdma_task_send_set_conf(victim.rdma, on_sent, on_sent, TASKS));
	OK(doca_rdma_task_receive_set_conf(victim.rdma, on_received, on_received, TASKS));
	OK(doca_rdma_set_connection_state_callbacks(victim.rdma, NULL, on_up, NULL, on_down));
	OK(doca_pe_connect_ctx(pe, ctx));
	OK(doca_ctx_start(ctx));
	OK(doca_rdma_export(victim.rdma, blob, len, &victim.conn));
}

static void close_victim(void)
{
	struct doca_ctx *ctx = doca_rdma_as_ctx(victim.rdma);
	enum doca_ctx_states state;

	doca_ctx_stop(ctx);
	do {
		doca_pe_progress(pe);
		OK(doca_ctx_get_state(ctx, &state));
	} while (state != DOCA_CTX_STATE_IDLE);
	assert(!victim.tasks);
	OK(doca_rdma_destroy(victim.rdma));
}

/* ---- the peer ---- */

static void push(struct wire_conn *peer, const void *slot, size_t len)
{
	if (wire_send(peer, slot, (uint32_t)len) || len <= sizeof(struct frame))
		return;
	len -= sizeof(struct frame);
	len = MIN_OF(len, SENT_MAX - victim.n_sent);
	memcpy(victim.sent + victim.n_sent, (const uint8_t *)slot + sizeof(struct frame), len);
	victim.n_sent += len;
}

/* A message of the length the input gives, cut into frames of at most what it says. */
static void good_message(struct wire_conn *peer, const uint8_t *at, size_t n)
{
	uint8_t slot[WIRE_MSG_MAX];
	struct frame f = {.opcode = n > 4 ? at[4] % 4 : 0};
	size_t most, left;

	if (n < 4)
		return;
	left = f.total = (at[0] | at[1] << 8) % ROOM;
	most = 1 + (at[2] | at[3] << 8) % FRAME_ROOM;
	memcpy(slot, &f, sizeof(f));
	memset(slot + sizeof(f), at[n - 1], FRAME_ROOM);
	if (left + victim.n_sent > SENT_MAX)
		return;
	do {
		size_t len = MIN_OF(left, most);

		slot[sizeof(f)]++; /* frames differ */
		push(peer, slot, sizeof(f) + len);
		left -= len;
	} while (left);
}

static void raw_frame(struct wire_conn *peer, const uint8_t *at, size_t n)
{
	if (victim.n_sent + n <= SENT_MAX)
		push(peer, at, n);
}

static void listen_to_it(struct wire_conn *peer)
{
	uint8_t *data;
	uint32_t len;

	while (wire_recv(peer, &data, &len))
		wire_recv_done(peer);
}

static void act(struct wire_conn *peer, uint8_t op, const uint8_t *at, size_t n)
{
	switch (op % 7) {
	case 0:
		post_receive(n > 1 ? 1 + (at[0] | at[1] << 8) % ROOM : ROOM);
		break;
	case 1:
		raw_frame(peer, at, n);
		break;
	case 2:
		good_message(peer, at, n);
		break;
	case 3:
		send_back(n > 1 ? 1 + (at[0] | at[1] << 8) % ROOM : 1);
		break;
	case 4:
		wire_control_send(peer, at, n, NULL, 0);
		break;
	case 5:
		listen_to_it(peer);
		break;
	default:
		progress(1 + n);
	}
}

/* The victim takes what frames are there, then sees the socket's end. */
static void expect_end(struct wire_conn *peer)
{
	wire_close(peer);
	for (int i = 0; i < 1000 && !victim.down; i++) {
		post_receive(ROOM); /* a frame without a receive keeps it waiting */
		progress(1);
	}
	assert(victim.down);
}

static void against_listener(const struct rdma_blob *blob, const uint8_t *data, size_t size)
{
	static const struct wire_opts opts = {.max_msg = WIRE_MSG_MAX, .queue = 16};
	struct rdma_blob mine = {.magic = "sdpurdma", .version = 1, .path = "/"};
	struct wire_conn *peer;

	memset(mine.token, 0xff, sizeof(mine.token)); /* the greater one goes to the other */
	OK(doca_rdma_connect(victim.rdma, &mine, sizeof(mine), victim.conn));
	assert(wire_connect(blob->path, &opts, &peer) == 0);
	while (!victim.up)
		progress(1);
	assert(wire_connected(peer) == 0);
	for (size_t at = 0; at + 2 <= size;) {
		size_t n = MIN_OF((size_t)data[at + 1], size - at - 2);

		act(peer, data[at], data + at + 2, n);
		at += 2 + n;
	}
	progress(4);
	expect_end(peer);
}

static void with_bent_details(const struct rdma_blob *blob, const uint8_t *data, size_t size)
{
	static const struct wire_opts opts = {.max_msg = WIRE_MSG_MAX, .queue = 4};
	struct rdma_blob bent = *blob;
	struct wire_listener *listener;
	struct wire_conn *peer = NULL;

	snprintf(bent.path, sizeof(bent.path), "%.80s/peer", dir);
	memset(bent.token, 0, sizeof(bent.token));
	assert(wire_listen(bent.path, &opts, &listener) == 0);
	for (size_t i = 0; i < size && i < sizeof(bent); i++)
		((uint8_t *)&bent)[i] ^= data[i];
	if (doca_rdma_connect(victim.rdma, &bent, size > sizeof(bent) ? size : sizeof(bent), victim.conn) ==
		DOCA_SUCCESS) {
		wire_accept(listener, &peer);
		progress(4);
		post_receive(ROOM);
		send_back(100);
		progress(4);
	}
	wire_close(peer ? peer : NULL);
	wire_listener_close(listener);
	progress(4);
}

/* ---- once ---- */

static void clean_up(void)
{
	char command[64];

	snprintf(command, sizeof(command), "rm -rf %s", dir);
	if (system(command))
		perror(dir);
}

static void open_all(void)
{
	struct doca_devinfo **list;
	uint32_t n;

	setenv("DOCA_LOG_LEVEL", "10", 1); /* refusals would be most of the time */
	if (!mkdtemp(dir))
		abort();
	setenv("SOFTDPU_RUN_DIR", dir, 1);
	memory = calloc(TASKS + 1, ROOM);
	assert(memory);
	OK(doca_devinfo_create_list(&list, &n));
	OK(doca_dev_open(list[0], &dev));
	OK(doca_devinfo_destroy_list(list));
	OK(doca_pe_create(&pe));
	OK(doca_mmap_create(&map));
	OK(doca_mmap_set_memrange(map, memory, (TASKS + 1) * ROOM));
	OK(doca_mmap_set_permissions(map, DOCA_ACCESS_FLAG_LOCAL_READ_WRITE));
	OK(doca_mmap_add_dev(map, dev));
	OK(doca_mmap_start(map));
	OK(doca_buf_inventory_create(2 * TASKS + 8, &inv));
	OK(doca_buf_inventory_start(inv));
	atexit(clean_up);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const void *blob;
	size_t len;

	if (!pe)
		open_all();
	if (!size)
		return 0;
	open_victim(&blob, &len);
	if (data[0] % 2)
		with_bent_details(blob, data + 1, size - 1);
	else
		against_listener(blob, data + 1, size - 1);
	close_victim();
	return 0;
}
