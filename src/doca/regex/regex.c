/* SPDX-License-Identifier: BSD-3-Clause */
/* libdoca_regex: searches as tasks over the Hyperscan engine. */
#include <doca_regex.h>
#include <doca_softdpu_regex.h>

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "doca/common/common.h"
#include "engine/regex/regex.h"

#define DEFAULT_MATCHES 255u
#define DEFAULT_POOL 16384u
#define MAX_JOB ((uint64_t)UINT32_MAX)
#define GROUPS 4u

struct doca_regex_mempool {
	pthread_mutex_t lock; /* workers of one context share the pool */
	void *free;
	uint8_t *slab;
};

struct doca_regex_task_search {
	struct doca_task task;
	const struct doca_buf *buf;
	uint16_t groups[GROUPS];
	unsigned n_groups;
	struct doca_regex_search_result *result;
	struct doca_softdpu_regex_stream *stream; /* this buffer is a piece of it */
	bool is_last;
};

struct doca_softdpu_regex_stream {
	struct doca_regex *of;
	struct regex_stream *engine;
	uint64_t at; /* bytes since its beginning */
};

struct doca_regex {
	struct doca_ctx ctx;
	struct dcore_task_type type;
	struct regex_rules *rules;
	struct doca_regex_mempool *pool;
	uint32_t max_matches, pool_size;
};

/* ---- pools ---- */

doca_error_t doca_regex_mempool_create(
	size_t elem_size, size_t nb_elems, struct doca_regex_mempool **pool)
{
	size_t stride = (MAX_OF(elem_size, sizeof(void *)) + 15) & ~(size_t)15;
	struct doca_regex_mempool *p;

	DCORE_NOT_NULL(pool);
	p = calloc(1, sizeof(*p));
	if (p)
		p->slab = calloc(nb_elems ? nb_elems : 1, stride);
	if (!p || !p->slab) {
		free(p);
		return DOCA_ERROR_NO_MEMORY;
	}
	pthread_mutex_init(&p->lock, NULL);
	for (size_t i = nb_elems; i-- > 0;)
		doca_regex_mempool_put_obj(p, p->slab + i * stride);
	*pool = p;
	return DOCA_SUCCESS;
}

void doca_regex_mempool_destroy(struct doca_regex_mempool *pool)
{
	if (!pool)
		return;
	pthread_mutex_destroy(&pool->lock);
	free(pool->slab);
	free(pool);
}

void *doca_regex_mempool_get_obj(struct doca_regex_mempool *pool)
{
	void *obj;

	pthread_mutex_lock(&pool->lock);
	obj = pool->free;
	if (obj)
		memcpy(&pool->free, obj, sizeof(void *));
	pthread_mutex_unlock(&pool->lock);
	return obj;
}

void doca_regex_mempool_put_obj(struct doca_regex_mempool *pool, void *obj)
{
	pthread_mutex_lock(&pool->lock);
	memcpy(obj, &pool->free, sizeof(void *));
	pool->free = obj;
	pthread_mutex_unlock(&pool->lock);
}

void doca_regex_search_result_release(struct doca_regex_search_result *result)
{
	for (struct doca_regex_match *m = result->matches, *next; m; m = next) {
		next = m->next;
		doca_regex_mempool_put_obj(result->matches_mempool, m);
	}
	result->matches = NULL;
	result->num_matches = 0;
}

/* ---- searching ---- */

struct found {
	struct doca_regex *regex;
	struct doca_regex_search_result *result;
	struct doca_regex_match **tail;
};

static int on_match(void *arg, uint32_t id, uint64_t start, uint64_t length)
{
	struct found *f = arg;
	struct doca_regex_match *m = NULL;

	f->result->detected_matches++;
	if (f->result->num_matches < f->regex->max_matches)
		m = doca_regex_mempool_get_obj(f->regex->pool);
	if (!m) {
		f->result->status_flags |= DOCA_REGEX_STATUS_MAX_MATCH;
		return 0; /* go on counting */
	}
	*m = (struct doca_regex_match){
		.match_start = (uint32_t)start, .rule_id = id, .length = (uint32_t)length};
	*f->tail = m;
	f->tail = &m->next;
	f->result->num_matches++;
	return 0;
}

static doca_error_t scan_piece(
	struct doca_regex_task_search *t, const struct dcore_view *view, struct found *f)
{
	struct doca_softdpu_regex_stream *stream = t->stream;
	int err;

	if (view->len > MAX_JOB - stream->at)
		return dcore_fail(DOCA_ERROR_TOO_BIG,
			"RegEx: a piece of %zu bytes after %llu of the stream", view->len,
			(unsigned long long)stream->at);
	err = regex_stream_scan(stream->engine, t->groups, t->n_groups, view->ptr, view->len,
		t->is_last, on_match, f);
	stream->at = t->is_last ? 0 : stream->at + view->len;
	return err ? DOCA_ERROR_IO_FAILED : DOCA_SUCCESS;
}

static doca_error_t scan(
	struct doca_regex_task_search *t, const struct dcore_view *view, struct found *f)
{
	if (t->stream)
		return scan_piece(t, view, f);
	if (view->len > MAX_JOB)
		return DOCA_ERROR_TOO_BIG;
	return regex_scan(
		       f->regex->rules, t->groups, t->n_groups, view->ptr, view->len, on_match, f)
		       ? DOCA_ERROR_IO_FAILED
		       : DOCA_SUCCESS;
}

static doca_error_t search(struct doca_regex_task_search *t)
{
	struct doca_regex *regex = container_of(t->task.ctx, struct doca_regex, ctx);
	struct found f = {.regex = regex, .result = t->result, .tail = &t->result->matches};
	struct dcore_view view;
	doca_error_t result = dcore_view_src(&view, t->buf, t->task.ctx);

	*t->result = (struct doca_regex_search_result){.matches_mempool = regex->pool};
	if (result == DOCA_SUCCESS)
		result = scan(t, &view, &f);
	dcore_view_close(&view);
	if (result != DOCA_SUCCESS)
		t->result->status_flags |= DOCA_REGEX_STATUS_SEARCH_FAILED;
	return result;
}

static void run(struct doca_task **tasks, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		tasks[i]->status =
			search(container_of(tasks[i], struct doca_regex_task_search, task));
}

/* ---- the library ---- */

static doca_error_t start(struct doca_ctx *ctx)
{
	struct doca_regex *regex = container_of(ctx, struct doca_regex, ctx);

	if (!regex->rules)
		return dcore_fail(DOCA_ERROR_BAD_STATE, "RegEx: set rules before start");
	if (regex->pool)
		return DOCA_SUCCESS;
	return doca_regex_mempool_create(
		sizeof(struct doca_regex_match), regex->pool_size, &regex->pool);
}

static const struct dcore_ctx_ops ops = {.name = "RegEx", .start = start, .may_have_workers = true};

doca_error_t doca_regex_is_supported(const struct doca_devinfo *devinfo)
{
	DCORE_NOT_NULL(devinfo);
	return DOCA_SUCCESS;
}

doca_error_t doca_regex_get_maximum_job_size(
	const struct doca_devinfo *devinfo, uint64_t *max_job_len)
{
	DCORE_NOT_NULL(devinfo);
	DCORE_NOT_NULL(max_job_len);
	*max_job_len = MAX_JOB;
	return DOCA_SUCCESS;
}

doca_error_t doca_regex_create_on_dev(struct doca_dev *dev, struct doca_regex **regex)
{
	DCORE_NOT_NULL(dev);
	DCORE_NOT_NULL(regex);
	*regex = calloc(1, sizeof(**regex));
	if (!*regex)
		return DOCA_ERROR_NO_MEMORY;
	(*regex)->type = (struct dcore_task_type){.name = "RegEx search",
		.size = sizeof(struct doca_regex_task_search),
		.run = run,
		.batch = 4};
	(*regex)->max_matches = DEFAULT_MATCHES;
	(*regex)->pool_size = DEFAULT_POOL;
	dcore_ctx_init(&(*regex)->ctx, dev, &ops, &(*regex)->type, 1);
	return DOCA_SUCCESS;
}

doca_error_t doca_regex_destroy(struct doca_regex *regex)
{
	doca_error_t result = regex ? dcore_ctx_fini(&regex->ctx) : DOCA_SUCCESS;

	if (result != DOCA_SUCCESS || !regex)
		return result;
	regex_destroy(regex->rules);
	doca_regex_mempool_destroy(regex->pool);
	free(regex);
	return DOCA_SUCCESS;
}

struct doca_ctx *doca_regex_as_ctx(struct doca_regex *regex)
{
	return regex ? &regex->ctx : NULL;
}

static doca_error_t must_be_idle(const struct doca_regex *regex)
{
	DCORE_NOT_NULL(regex);
	return dcore_ctx_is_idle(&regex->ctx)
		       ? DOCA_SUCCESS
		       : dcore_fail(DOCA_ERROR_BAD_STATE, "RegEx: the context is not idle");
}

doca_error_t doca_regex_set_hardware_compiled_rules(
	struct doca_regex *regex, const void *rules_data, size_t rules_data_len)
{
	doca_error_t result = must_be_idle(regex);
	struct regex_rules *rules;
	char err[256] = "";
	int ret;

	DCORE_NOT_NULL(rules_data);
	if (result != DOCA_SUCCESS)
		return result;
	ret = regex_compile(rules_data, rules_data_len, &rules, err, sizeof(err));
	if (ret)
		return dcore_fail(
			dcore_errno_to_error(ret), "RegEx rules: %s", *err ? err : "no memory");
	regex_destroy(regex->rules);
	regex->rules = rules;
	return DOCA_SUCCESS;
}

doca_error_t doca_regex_set_max_matches(struct doca_regex *regex, uint32_t max_matches)
{
	doca_error_t result = must_be_idle(regex);

	if (result == DOCA_SUCCESS)
		regex->max_matches = max_matches;
	return result;
}

doca_error_t doca_regex_set_workq_matches_memory_pool_size(
	struct doca_regex *regex, uint32_t pool_size)
{
	doca_error_t result = must_be_idle(regex);

	if (result == DOCA_SUCCESS && regex->pool)
		return dcore_fail(
			DOCA_ERROR_BAD_STATE, "RegEx: the pool exists since the first start");
	if (result == DOCA_SUCCESS)
		regex->pool_size = pool_size;
	return result;
}

doca_error_t doca_regex_set_huge_job_emulation_overlap_size(
	struct doca_regex *regex, uint16_t overlap_size)
{
	return must_be_idle(regex);
}

doca_error_t doca_regex_task_search_set_conf(struct doca_regex *regex,
	doca_regex_task_search_completion_cb_t task_completion_cb,
	doca_regex_task_search_completion_cb_t task_error_cb, uint32_t num_tasks)
{
	DCORE_NOT_NULL(regex);
	return dcore_task_conf(&regex->ctx, &regex->type, (dcore_task_cb)task_completion_cb,
		(dcore_task_cb)task_error_cb, num_tasks);
}

doca_error_t doca_regex_task_search_alloc_init(struct doca_regex *regex,
	const struct doca_buf *buffer, const uint16_t *rule_group_ids,
	struct doca_regex_search_result *result, union doca_data user_data,
	struct doca_regex_task_search **task)
{
	doca_error_t status;

	DCORE_NOT_NULL(regex);
	DCORE_NOT_NULL(buffer);
	DCORE_NOT_NULL(result);
	DCORE_NOT_NULL(task);
	*task = dcore_task_alloc(&regex->type, user_data, &status);
	if (!*task)
		return status;
	(*task)->buf = buffer;
	(*task)->result = result;
	(*task)->n_groups = 0;
	(*task)->stream = NULL;
	for (unsigned i = 0; rule_group_ids && i < GROUPS; i++)
		if (rule_group_ids[i])
			(*task)->groups[(*task)->n_groups++] = rule_group_ids[i];
	return DOCA_SUCCESS;
}

struct doca_task *doca_regex_task_search_as_task(struct doca_regex_task_search *task)
{
	return &task->task;
}

struct doca_regex_search_result *doca_regex_task_search_get_result(
	const struct doca_regex_task_search *task)
{
	return task->result;
}

/* ---- streams ---- */

doca_error_t doca_softdpu_regex_stream_open(
	struct doca_regex *regex, struct doca_softdpu_regex_stream **stream)
{
	struct doca_softdpu_regex_stream *s;
	char why[256] = "no memory";
	int err;

	DCORE_NOT_NULL(regex);
	DCORE_NOT_NULL(stream);
	if (regex->ctx.state != DOCA_CTX_STATE_RUNNING || regex->ctx.n_workers > 1)
		return dcore_fail(DOCA_ERROR_BAD_STATE, "%s: the context %s", __func__,
			regex->ctx.n_workers > 1
				? "has several workers; pieces are scanned in order by one"
				: "is not running");
	s = calloc(1, sizeof(*s));
	if (!s)
		return DOCA_ERROR_NO_MEMORY;
	s->of = regex;
	err = regex_stream_open(regex->rules, &s->engine, why, sizeof(why));
	if (err) {
		free(s);
		return dcore_fail(dcore_errno_to_error(err), "%s: %s", __func__, why);
	}
	*stream = s;
	return DOCA_SUCCESS;
}

doca_error_t doca_softdpu_regex_stream_close(struct doca_softdpu_regex_stream *stream)
{
	if (!stream)
		return DOCA_SUCCESS;
	if (stream->of->ctx.inflight)
		return dcore_fail(DOCA_ERROR_IN_USE, "%s: %zu tasks are in flight", __func__,
			stream->of->ctx.inflight);
	regex_stream_close(stream->engine);
	free(stream);
	return DOCA_SUCCESS;
}

doca_error_t doca_softdpu_regex_task_search_set_stream(struct doca_regex_task_search *task,
	struct doca_softdpu_regex_stream *stream, uint8_t is_last)
{
	DCORE_NOT_NULL(task);
	if (stream && &stream->of->ctx != task->task.ctx)
		return dcore_fail(
			DOCA_ERROR_INVALID_VALUE, "%s: the stream is another context's", __func__);
	task->stream = stream;
	task->is_last = is_last;
	return DOCA_SUCCESS;
}
