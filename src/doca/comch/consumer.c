/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Comch consumers. A lane of two rings is shared with the peer: posted buffers go out, what was
 * written into which comes back. The buffers' memory is exported, so the peer writes into it
 * directly.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "doca/comch/comch_int.h"

struct doca_comch_consumer_task_post_recv {
	struct doca_task task;
	struct doca_buf *buf;
	uint32_t cookie;
	struct lane_done got;
};

struct doca_comch_consumer {
	struct doca_ctx ctx;
	struct dcore_task_type type;
	struct doca_comch_connection *conn;
	struct doca_mmap *mmap;
	uint32_t id, imm_len;
	int mem_fd, event;
	void *map;
	struct ring_end posts, dones;
	struct doca_comch_consumer_task_post_recv *posted[POST_SLOTS]; /* by cookie */
	uint32_t next_cookie, n_posted;
	struct rare peer;
};

static struct doca_comch_consumer *of(struct doca_ctx *ctx)
{
	return container_of(ctx, struct doca_comch_consumer, ctx);
}

/* ---- posting ---- */

/* Cookies are slots of `posted`; at most POST_SLOTS are out, so a free one is found soon. */
static uint32_t free_cookie(struct doca_comch_consumer *c)
{
	while (c->posted[c->next_cookie % POST_SLOTS])
		c->next_cookie++;
	return c->next_cookie++ % POST_SLOTS;
}

static doca_error_t post_now(struct doca_task *task)
{
	struct doca_comch_consumer_task_post_recv *t =
		container_of(task, struct doca_comch_consumer_task_post_recv, task);
	struct doca_comch_consumer *c = of(task->ctx);
	uint8_t *end = t->buf->data + t->buf->data_len;
	struct ring_slot *slot;

	if (comch_conn_dead(c->conn))
		return DOCA_ERROR_CONNECTION_RESET;
	if (t->buf->mmap != c->mmap || t->buf->next)
		return dcore_fail(DOCA_ERROR_INVALID_VALUE, "Comch consumer: the buffer is %s",
			t->buf->next ? "a list" : "not of the memory map given at create");
	if (c->n_posted == POST_SLOTS)
		return DOCA_ERROR_AGAIN;
	slot = ring_claim(&c->posts);
	if (!slot)
		return DOCA_ERROR_AGAIN;
	t->cookie = free_cookie(c);
	c->posted[t->cookie] = t;
	c->n_posted++;
	*(struct lane_post *)(void *)slot->data = (struct lane_post){.addr = (uintptr_t)end,
		.len = (uint64_t)(t->buf->head + t->buf->len - end),
		.cookie = t->cookie};
	ring_push_quietly(&c->posts); /* producers poll */
	return DOCA_ERROR_IN_PROGRESS;
}

static void finish(struct doca_comch_consumer *c, struct doca_comch_consumer_task_post_recv *t,
	doca_error_t status)
{
	c->posted[t->cookie] = NULL;
	c->n_posted--;
	dcore_task_done(&t->task, status);
}

/* What the peer says it wrote; believed only as far as it is possible. */
static bool take_done(struct doca_comch_consumer *c)
{
	const struct ring_slot *slot = ring_front(&c->dones);
	struct doca_comch_consumer_task_post_recv *t;
	struct lane_done done;

	if (!slot)
		return false;
	done = *(const struct lane_done *)(const void *)slot->data;
	ring_pop(&c->dones);
	t = done.cookie < POST_SLOTS ? c->posted[done.cookie] : NULL;
	if (!t)
		return true;
	if (done.imm_len > IMM_MAX || done.len > (size_t)(t->buf->head + t->buf->len -
							  (t->buf->data + t->buf->data_len))) {
		finish(c, t, DOCA_ERROR_UNEXPECTED);
		return true;
	}
	t->got = done;
	t->buf->data_len += done.len;
	finish(c, t, DOCA_SUCCESS);
	return true;
}

/* ---- context ---- */

static doca_error_t tell_peer(struct doca_comch_consumer *c, enum control_kind kind)
{
	struct control_msg m = {.kind = kind, .id = c->id};
	int fds[2] = {c->mem_fd, c->event};
	const void *desc;
	size_t len;

	if (kind == CONSUMER_NEW) {
		doca_error_t result = dcore_mmap_descriptor(c->mmap, &desc, &len);

		if (result != DOCA_SUCCESS)
			return result;
		m.desc_len = (uint32_t)len;
		memcpy(m.desc, desc, MIN_OF(len, sizeof(m.desc)));
	}
	return wire_control_send(c->conn->wire, &m, sizeof(m), fds, kind == CONSUMER_NEW ? 2 : 0) ==
			       0
		       ? DOCA_SUCCESS
		       : DOCA_ERROR_CONNECTION_RESET;
}

static doca_error_t make_lane(struct doca_comch_consumer *c)
{
	c->mem_fd = memfd_create("softdpu-lane", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	c->event = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (c->mem_fd < 0 || c->event < 0 || ftruncate(c->mem_fd, (off_t)LANE_BYTES) < 0)
		return dcore_fail(DOCA_ERROR_OPERATING_SYSTEM, "Comch consumer: %m");
	c->map = mmap(NULL, LANE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, c->mem_fd, 0);
	if (c->map == MAP_FAILED) {
		c->map = NULL;
		return dcore_fail(DOCA_ERROR_OPERATING_SYSTEM, "Comch consumer: %m");
	}
	c->posts = ring_end(c->map, POST_SLOTS, LANE_SLOT);
	c->dones = ring_end(
		(uint8_t *)c->map + ring_bytes(POST_SLOTS, LANE_SLOT), POST_SLOTS, LANE_SLOT);
	ring_format(&c->posts);
	ring_format(&c->dones);
	return DOCA_SUCCESS;
}

static void drop_lane(struct doca_comch_consumer *c)
{
	if (c->map)
		munmap(c->map, LANE_BYTES);
	if (c->mem_fd >= 0)
		close(c->mem_fd);
	if (c->event >= 0)
		close(c->event);
	c->map = NULL;
	c->mem_fd = c->event = -1;
}

static doca_error_t start(struct doca_ctx *ctx)
{
	struct doca_comch_consumer *c = of(ctx);
	doca_error_t result = make_lane(c);

	if (result == DOCA_SUCCESS)
		result = tell_peer(c, CONSUMER_NEW);
	if (result != DOCA_SUCCESS) {
		drop_lane(c);
		return result;
	}
	dcore_pe_add_fd(ctx->pe, c->event);
	return DOCA_ERROR_IN_PROGRESS;
}

/* No producer may be inside a copy into memory the program is about to free. */
static void shut_out_producers(struct doca_comch_consumer *c)
{
	__atomic_store_n(&c->posts.shared->closed, 1, __ATOMIC_SEQ_CST);
	while (__atomic_load_n(&c->posts.shared->busy, __ATOMIC_SEQ_CST) &&
		!comch_conn_dead(c->conn)) {
		unsigned none = 0;
		char byte;

		/* a peer that died inside its copy leaves `busy` set: the socket tells */
		if (wire_control(c->conn->wire, &byte, 0, NULL, &none) == -ECONNRESET)
			break;
		usleep(10);
	}
}

static bool stop(struct doca_ctx *ctx)
{
	struct doca_comch_consumer *c = of(ctx);

	dcore_pe_remove_fd(ctx->pe, c->event);
	shut_out_producers(c);
	while (take_done(c))
		;
	for (uint32_t i = 0; i < POST_SLOTS && c->n_posted; i++)
		if (c->posted[i])
			finish(c, c->posted[i], DOCA_ERROR_SHUTDOWN);
	if (!comch_conn_dead(c->conn))
		tell_peer(c, CONSUMER_GONE);
	return true;
}

static void idle(struct doca_ctx *ctx)
{
	drop_lane(of(ctx));
}

static bool progress(struct doca_ctx *ctx)
{
	struct doca_comch_consumer *c = of(ctx);

	if (ctx->state == DOCA_CTX_STATE_STARTING) {
		dcore_ctx_running(ctx, !comch_conn_dead(c->conn));
		return true;
	}
	if (ctx->state != DOCA_CTX_STATE_RUNNING || take_done(c))
		return false;
	if (rare_is_due(&c->peer) && (comch_conn_dead(c->conn) || c->dones.broken)) {
		dcore_ctx_break(ctx);
		return true;
	}
	return false;
}

static bool arm(struct doca_ctx *ctx)
{
	struct doca_comch_consumer *c = of(ctx);
	uint64_t count;

	if (ctx->state != DOCA_CTX_STATE_RUNNING || comch_conn_dead(c->conn))
		return true;
	c->peer.due = 0;
	if (read(c->event, &count, sizeof(count)) < 0 && errno != EAGAIN)
		return true;
	return ring_arm(&c->dones);
}

static const struct dcore_ctx_ops ops = {.name = "Comch consumer",
	.start = start,
	.stop = stop,
	.idle = idle,
	.progress = progress,
	.arm = arm};

doca_error_t doca_comch_consumer_create(struct doca_comch_connection *comch_connection,
	struct doca_mmap *buf_mmap, struct doca_comch_consumer **consumer)
{
	struct doca_comch_consumer *c;

	DCORE_NOT_NULL(comch_connection);
	DCORE_NOT_NULL(buf_mmap);
	DCORE_NOT_NULL(consumer);
	if (comch_conn_dead(comch_connection))
		return dcore_fail(
			DOCA_ERROR_NOT_CONNECTED, "%s: the connection has ended", __func__);
	c = calloc(1, sizeof(*c));
	if (!c)
		return DOCA_ERROR_NO_MEMORY;
	c->type = (struct dcore_task_type){.name = "Comch post receive",
		.size = sizeof(struct doca_comch_consumer_task_post_recv),
		.now = post_now};
	c->conn = comch_connection;
	c->mmap = buf_mmap;
	c->mem_fd = c->event = -1;
	comch_conn_hold(comch_connection);
	pthread_mutex_lock(&comch_connection->lock);
	c->id = comch_connection->next_id++;
	pthread_mutex_unlock(&comch_connection->lock);
	dcore_ctx_init(&c->ctx, comch_connection->side->ctx.dev, &ops, &c->type, 1);
	*consumer = c;
	return DOCA_SUCCESS;
}

doca_error_t doca_comch_consumer_destroy(struct doca_comch_consumer *consumer)
{
	doca_error_t result = consumer ? dcore_ctx_fini(&consumer->ctx) : DOCA_SUCCESS;

	if (result == DOCA_SUCCESS && consumer) {
		comch_conn_release(consumer->conn);
		free(consumer);
	}
	return result;
}

struct doca_ctx *doca_comch_consumer_as_ctx(struct doca_comch_consumer *consumer)
{
	return consumer ? &consumer->ctx : NULL;
}

doca_error_t doca_comch_consumer_get_id(const struct doca_comch_consumer *consumer, uint32_t *id)
{
	DCORE_NOT_NULL(consumer);
	DCORE_NOT_NULL(id);
	*id = consumer->id;
	return DOCA_SUCCESS;
}

doca_error_t doca_comch_consumer_set_imm_data_len(
	struct doca_comch_consumer *consumer, uint32_t imm_data_len)
{
	DCORE_NOT_NULL(consumer);
	if (imm_data_len > IMM_MAX)
		return dcore_fail(DOCA_ERROR_INVALID_VALUE, "%s: %u bytes, at most %u", __func__,
			imm_data_len, IMM_MAX);
	consumer->imm_len = imm_data_len;
	return DOCA_SUCCESS;
}

doca_error_t doca_comch_consumer_task_post_recv_set_conf(struct doca_comch_consumer *consumer,
	doca_comch_consumer_task_post_recv_completion_cb_t task_completion_cb,
	doca_comch_consumer_task_post_recv_completion_cb_t task_error_cb,
	uint32_t num_post_recv_tasks)
{
	DCORE_NOT_NULL(consumer);
	if (num_post_recv_tasks > POST_SLOTS)
		return dcore_fail(DOCA_ERROR_INVALID_VALUE, "Comch consumer: %u tasks, at most %u",
			num_post_recv_tasks, POST_SLOTS);
	return dcore_task_conf(&consumer->ctx, &consumer->type, (dcore_task_cb)task_completion_cb,
		(dcore_task_cb)task_error_cb, num_post_recv_tasks);
}

doca_error_t doca_comch_consumer_task_post_recv_alloc_init(struct doca_comch_consumer *consumer,
	struct doca_buf *buf, struct doca_comch_consumer_task_post_recv **task)
{
	doca_error_t result;

	DCORE_NOT_NULL(consumer);
	DCORE_NOT_NULL(buf);
	DCORE_NOT_NULL(task);
	*task = dcore_task_alloc(&consumer->type, (union doca_data){.u64 = 0}, &result);
	if (*task) {
		(*task)->buf = buf;
		memset(&(*task)->got, 0, sizeof((*task)->got));
	}
	return result;
}

struct doca_task *doca_comch_consumer_task_post_recv_as_task(
	struct doca_comch_consumer_task_post_recv *task)
{
	return &task->task;
}

void doca_comch_consumer_task_post_recv_set_buf(
	struct doca_comch_consumer_task_post_recv *task, struct doca_buf *buf)
{
	task->buf = buf;
}

struct doca_buf *doca_comch_consumer_task_post_recv_get_buf(
	const struct doca_comch_consumer_task_post_recv *task)
{
	return task->buf;
}

const uint8_t *doca_comch_consumer_task_post_recv_get_imm_data(
	const struct doca_comch_consumer_task_post_recv *task)
{
	return task->got.imm;
}

uint32_t doca_comch_consumer_task_post_recv_get_imm_data_len(
	const struct doca_comch_consumer_task_post_recv *task)
{
	return task->got.imm_len;
}

uint32_t doca_comch_consumer_task_post_recv_get_producer_id(
	const struct doca_comch_consumer_task_post_recv *task)
{
	return task->got.producer;
}

/* ---- capabilities ---- */

static doca_error_t number(const struct doca_devinfo *devinfo, uint32_t *out, uint32_t value)
{
	DCORE_NOT_NULL(devinfo);
	DCORE_NOT_NULL(out);
	*out = value;
	return DOCA_SUCCESS;
}

doca_error_t doca_comch_consumer_cap_is_supported(const struct doca_devinfo *devinfo)
{
	DCORE_NOT_NULL(devinfo);
	return DOCA_SUCCESS;
}

doca_error_t doca_comch_consumer_cap_get_max_num_tasks(
	const struct doca_devinfo *devinfo, uint32_t *max_num)
{
	return number(devinfo, max_num, POST_SLOTS);
}

doca_error_t doca_comch_consumer_cap_get_max_buf_size(
	const struct doca_devinfo *devinfo, uint32_t *max_size)
{
	return number(devinfo, max_size, BULK_MAX);
}

doca_error_t doca_comch_consumer_cap_get_max_buf_list_len(
	const struct doca_devinfo *devinfo, uint32_t *max_len)
{
	return number(devinfo, max_len, 1);
}

doca_error_t doca_comch_consumer_cap_get_max_imm_data_len(
	const struct doca_devinfo *devinfo, uint32_t *max_len)
{
	return number(devinfo, max_len, IMM_MAX);
}
