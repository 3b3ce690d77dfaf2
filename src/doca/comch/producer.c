/* SPDX-License-Identifier: BSD-3-Clause */
/* Comch producers: one copy from the program's buffer into one the consumer posted. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "doca/comch/comch_int.h"

struct doca_comch_producer_task_send {
	struct doca_task task;
	const struct doca_buf *buf;
	uint8_t imm[IMM_MAX];
	uint32_t imm_len, consumer_id;
};

struct doca_comch_producer {
	struct doca_ctx ctx;
	struct dcore_task_type type;
	struct doca_comch_connection *conn;
	struct remote_consumer *last; /* the consumer sent to last: spares a search */
	uint32_t id;
	struct rare peer;
};

static struct doca_comch_producer *of(struct doca_ctx *ctx)
{
	return container_of(ctx, struct doca_comch_producer, ctx);
}

static struct remote_consumer *find(struct doca_comch_producer *p, uint32_t id)
{
	if (p->last && p->last->id == id && !p->last->gone)
		return p->last;
	if (p->last)
		comch_remote_put(p->last);
	p->last = comch_remote_get(p->conn, id);
	return p->last;
}

static int copy(const struct doca_buf *list, struct doca_mmap *to, uint8_t *at)
{
	for (; list; at += list->data_len, list = list->next) {
		const uint8_t *from = dcore_mmap_local(list->mmap, list->data, list->data_len);

		if (!from || dcore_mmap_write(to, at, from, list->data_len) < 0)
			return -EIO;
	}
	return 0;
}

/* The post at the front, checked against the consumer's map. */
static doca_error_t write_into(struct remote_consumer *r, const struct lane_post *post,
	const struct doca_comch_producer_task_send *t, size_t len)
{
	uint8_t *base;
	size_t size;

	if (len > post->len)
		return dcore_fail(DOCA_ERROR_INVALID_VALUE,
			"Comch producer: %zu bytes into a posted buffer of %llu", len,
			(unsigned long long)post->len);
	doca_mmap_get_memrange(r->mmap, (void **)&base, &size);
	if (post->addr < (uintptr_t)base || post->len > size ||
		post->addr - (uintptr_t)base > size - post->len)
		return DOCA_ERROR_UNEXPECTED;
	if (dcore_mmap_dead(r->mmap))
		return DOCA_ERROR_CONNECTION_RESET;
	return copy(t->buf, r->mmap, (uint8_t *)(uintptr_t)post->addr) < 0 ? DOCA_ERROR_IO_FAILED
									   : DOCA_SUCCESS;
}

/* With the consumer's lock held and `busy` set: it cannot close under us. */
static doca_error_t deliver(struct doca_comch_producer *p, struct remote_consumer *r,
	const struct doca_comch_producer_task_send *t)
{
	const struct ring_slot *slot = ring_front(&r->posts);
	struct ring_slot *answer;
	size_t len = t->buf ? dcore_buf_list_data_len(t->buf) : 0;
	struct lane_done *done;
	struct lane_post post;
	doca_error_t result;
	uint64_t one = 1;

	if (!slot)
		return r->posts.broken ? DOCA_ERROR_UNEXPECTED : DOCA_ERROR_AGAIN;
	post = *(const struct lane_post *)(const void *)slot->data;
	answer = ring_claim(&r->dones);
	if (!answer)
		return DOCA_ERROR_AGAIN;
	ring_fetch_next(&r->posts);
	ring_fetch_next_to_fill(&r->dones);
	result = len ? write_into(r, &post, t, len) : DOCA_SUCCESS;
	if (result != DOCA_SUCCESS)
		return result;
	ring_pop(&r->posts);
	done = (struct lane_done *)(void *)answer->data;
	*done = (struct lane_done){.cookie = post.cookie,
		.len = (uint32_t)len,
		.imm_len = t->imm_len,
		.producer = p->id};
	memcpy(done->imm, t->imm, t->imm_len);
	if (ring_push(&r->dones) && write(r->event, &one, sizeof(one)) < 0)
		return DOCA_SUCCESS; /* it is readable already */
	return DOCA_SUCCESS;
}

static doca_error_t send_now(struct doca_task *task)
{
	struct doca_comch_producer_task_send *t =
		container_of(task, struct doca_comch_producer_task_send, task);
	struct doca_comch_producer *p = of(task->ctx);
	struct remote_consumer *r;
	doca_error_t result;

	if (comch_conn_dead(p->conn))
		return DOCA_ERROR_CONNECTION_RESET;
	r = find(p, t->consumer_id);
	if (!r)
		return dcore_fail(DOCA_ERROR_NOT_FOUND,
			"Comch producer: the peer has no consumer %u", t->consumer_id);
	for (const struct doca_buf *b = t->buf; b; b = b->next) {
		result = dcore_mmap_may(b->mmap, p->ctx.dev, false);
		if (result != DOCA_SUCCESS)
			return result;
	}
	pthread_mutex_lock(&r->lock);
	__atomic_store_n(&r->posts.shared->busy, 1, __ATOMIC_SEQ_CST);
	result = __atomic_load_n(&r->posts.shared->closed, __ATOMIC_SEQ_CST) ? DOCA_ERROR_NOT_FOUND
									     : deliver(p, r, t);
	__atomic_store_n(&r->posts.shared->busy, 0, __ATOMIC_SEQ_CST);
	pthread_mutex_unlock(&r->lock);
	return result;
}

static bool progress(struct doca_ctx *ctx)
{
	struct doca_comch_producer *p = of(ctx);

	if (ctx->state != DOCA_CTX_STATE_RUNNING || !rare_is_due(&p->peer) ||
		!comch_conn_dead(p->conn))
		return false;
	dcore_ctx_break(ctx);
	return true;
}

static void idle(struct doca_ctx *ctx)
{
	struct doca_comch_producer *p = of(ctx);

	if (p->last)
		comch_remote_put(p->last);
	p->last = NULL;
}

static const struct dcore_ctx_ops ops = {
	.name = "Comch producer", .progress = progress, .idle = idle};

doca_error_t doca_comch_producer_create(
	struct doca_comch_connection *comch_connection, struct doca_comch_producer **producer)
{
	struct doca_comch_producer *p;

	DCORE_NOT_NULL(comch_connection);
	DCORE_NOT_NULL(producer);
	if (comch_conn_dead(comch_connection))
		return dcore_fail(
			DOCA_ERROR_NOT_CONNECTED, "%s: the connection has ended", __func__);
	p = calloc(1, sizeof(*p));
	if (!p)
		return DOCA_ERROR_NO_MEMORY;
	p->type = (struct dcore_task_type){.name = "Comch producer send",
		.size = sizeof(struct doca_comch_producer_task_send),
		.now = send_now};
	p->conn = comch_connection;
	comch_conn_hold(comch_connection);
	pthread_mutex_lock(&comch_connection->lock);
	p->id = comch_connection->next_id++;
	pthread_mutex_unlock(&comch_connection->lock);
	dcore_ctx_init(&p->ctx, comch_connection->side->ctx.dev, &ops, &p->type, 1);
	*producer = p;
	return DOCA_SUCCESS;
}

doca_error_t doca_comch_producer_destroy(struct doca_comch_producer *producer)
{
	doca_error_t result = producer ? dcore_ctx_fini(&producer->ctx) : DOCA_SUCCESS;

	if (result == DOCA_SUCCESS && producer) {
		comch_conn_release(producer->conn);
		free(producer);
	}
	return result;
}

struct doca_ctx *doca_comch_producer_as_ctx(struct doca_comch_producer *producer)
{
	return producer ? &producer->ctx : NULL;
}

doca_error_t doca_comch_producer_get_id(const struct doca_comch_producer *producer, uint32_t *id)
{
	DCORE_NOT_NULL(producer);
	DCORE_NOT_NULL(id);
	*id = producer->id;
	return DOCA_SUCCESS;
}

doca_error_t doca_comch_producer_task_send_set_conf(struct doca_comch_producer *producer,
	doca_comch_producer_task_send_completion_cb_t task_completion_cb,
	doca_comch_producer_task_send_completion_cb_t task_error_cb, uint32_t num_send_tasks)
{
	DCORE_NOT_NULL(producer);
	return dcore_task_conf(&producer->ctx, &producer->type, (dcore_task_cb)task_completion_cb,
		(dcore_task_cb)task_error_cb, num_send_tasks);
}

doca_error_t doca_comch_producer_task_send_set_imm_data(
	struct doca_comch_producer_task_send *task, const uint8_t *imm_data, uint32_t imm_data_len)
{
	DCORE_NOT_NULL(task);
	if (imm_data_len > IMM_MAX || (imm_data_len && !imm_data))
		return dcore_fail(DOCA_ERROR_INVALID_VALUE,
			"Comch producer: %u bytes of immediate data, at most %u", imm_data_len,
			IMM_MAX);
	task->imm_len = imm_data_len;
	if (imm_data_len)
		memcpy(task->imm, imm_data, imm_data_len);
	return DOCA_SUCCESS;
}

doca_error_t doca_comch_producer_task_send_alloc_init(struct doca_comch_producer *producer,
	const struct doca_buf *buf, uint8_t *imm_data, uint32_t imm_data_len, uint32_t consumer_id,
	struct doca_comch_producer_task_send **task)
{
	doca_error_t result;

	DCORE_NOT_NULL(producer);
	DCORE_NOT_NULL(task);
	if (!buf && !imm_data_len)
		return dcore_fail(DOCA_ERROR_INVALID_VALUE,
			"Comch producer: neither a buffer nor immediate data");
	*task = dcore_task_alloc(&producer->type, (union doca_data){.u64 = 0}, &result);
	if (!*task)
		return result;
	(*task)->buf = buf;
	(*task)->consumer_id = consumer_id;
	result = doca_comch_producer_task_send_set_imm_data(*task, imm_data, imm_data_len);
	if (result != DOCA_SUCCESS)
		doca_task_free(&(*task)->task);
	return result;
}

struct doca_task *doca_comch_producer_task_send_as_task(struct doca_comch_producer_task_send *task)
{
	return &task->task;
}

void doca_comch_producer_task_send_set_buf(
	struct doca_comch_producer_task_send *task, const struct doca_buf *buf)
{
	task->buf = buf;
}

const struct doca_buf *doca_comch_producer_task_send_get_buf(
	const struct doca_comch_producer_task_send *task)
{
	return task->buf;
}

void doca_comch_producer_task_send_set_consumer_id(
	struct doca_comch_producer_task_send *task, uint32_t consumer_id)
{
	task->consumer_id = consumer_id;
}

uint32_t doca_comch_producer_task_send_get_consumer_id(
	const struct doca_comch_producer_task_send *task)
{
	return task->consumer_id;
}

/* ---- capabilities ---- */

static doca_error_t number(const struct doca_devinfo *devinfo, uint32_t *out, uint32_t value)
{
	DCORE_NOT_NULL(devinfo);
	DCORE_NOT_NULL(out);
	*out = value;
	return DOCA_SUCCESS;
}

doca_error_t doca_comch_producer_cap_is_supported(const struct doca_devinfo *devinfo)
{
	DCORE_NOT_NULL(devinfo);
	return DOCA_SUCCESS;
}

doca_error_t doca_comch_producer_cap_get_max_num_tasks(
	const struct doca_devinfo *devinfo, uint32_t *max_num)
{
	return number(devinfo, max_num, POST_SLOTS);
}

doca_error_t doca_comch_producer_cap_get_max_buf_size(
	const struct doca_devinfo *devinfo, uint32_t *max_size)
{
	return number(devinfo, max_size, BULK_MAX);
}

doca_error_t doca_comch_producer_cap_get_max_buf_list_len(
	const struct doca_devinfo *devinfo, uint32_t *max_len)
{
	return number(devinfo, max_len, 4096);
}
