/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * entry: add, update, remove, query, age. Entry slots come from chunks that belong to one pipe and, after it, to
 * the next: they are never given back to the system while the ctx lives, so that the generation word of a
 * slot can be read by a cached program long after the entry is gone.
 */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/refuse.h"
#include "flow/age.h"
#include "flow/pipe_int.h"

static unsigned my_shard(void)
{
	static unsigned threads;
	static __thread unsigned mine;

	if (!mine)
		mine = 1 + __atomic_fetch_add(&threads, 1, __ATOMIC_RELAXED) % ENTRY_SHARDS;
	return mine - 1;
}

static struct entry_chunk *take_chunk(struct flow_pipes *ps)
{
	struct entry_chunk *chunk;

	pthread_mutex_lock(&ps->chunk_lock);
	chunk = ps->spare_chunks;
	if (chunk)
		ps->spare_chunks = chunk->next;
	pthread_mutex_unlock(&ps->chunk_lock);
	return chunk ? chunk : calloc(1, sizeof(*chunk));
}

static void push_chunk(struct flow_pipe *pipe, struct entry_chunk *chunk)
{
	chunk->next = __atomic_load_n(&pipe->chunks, __ATOMIC_RELAXED);
	while (!__atomic_compare_exchange_n(&pipe->chunks, &chunk->next, chunk, false, __ATOMIC_RELEASE,
		__ATOMIC_RELAXED))
		;
}

static struct flow_entry *pop_free(struct entry_shard *shard)
{
	struct flow_entry *entry;

	rte_spinlock_lock(&shard->lock);
	entry = shard->free;
	if (entry)
		shard->free = entry->next_free;
	rte_spinlock_unlock(&shard->lock);
	return entry;
}

static void push_free(struct flow_pipe *pipe, struct flow_entry *first, struct flow_entry *last)
{
	struct entry_shard *shard = &pipe->shard[my_shard()];

	rte_spinlock_lock(&shard->lock);
	last->next_free = shard->free;
	shard->free = first;
	rte_spinlock_unlock(&shard->lock);
}

struct flow_entry *entry_alloc(struct flow_pipe *pipe)
{
	struct flow_entry *entry = pop_free(&pipe->shard[my_shard()]);
	struct entry_chunk *chunk;

	if (entry)
		return entry;
	chunk = take_chunk(pipe->ctx->pipes);
	if (!chunk)
		return NULL;
	for (unsigned i = 0; i < ENTRY_CHUNK; i++) {
		chunk->entry[i].pipe = pipe;
		chunk->entry[i].next_free = i + 1 < ENTRY_CHUNK ? &chunk->entry[i + 1] : NULL;
	}
	push_chunk(pipe, chunk);
	push_free(pipe, &chunk->entry[1], &chunk->entry[ENTRY_CHUNK - 1]);
	return &chunk->entry[0];
}

static void free_contents(struct flow_entry *entry)
{
	struct flow_ctx *ctx = entry->pipe->ctx;

	if (entry->counter)
		flow_counter_free(ctx, entry->counter);
	if (entry->age)
		flow_age_free(ctx, entry->age);
	free(entry->body);
	free(entry->extra);
	entry->body = NULL;
	entry->extra = NULL;
	entry->rule = NULL;
	entry->owner = NULL;
	entry->counter = entry->age = entry->age_s = entry->index = 0;
}

/* Nobody sees it any more. */
void entry_free(struct flow_entry *entry)
{
	free_contents(entry);
	__atomic_store_n(&entry->state, ENTRY_FREE, __ATOMIC_RELEASE);
	push_free(entry->pipe, entry, entry);
}

static void entry_free_retired(void *arg)
{
	struct flow_entry *entry = arg;
	struct flow_pipe *pipe = entry->pipe;

	entry_free(entry);
	__atomic_fetch_sub(&pipe->retiring, 1, __ATOMIC_RELEASE);
}

void entry_chunks_release(struct flow_pipe *pipe)
{
	struct flow_pipes *ps = pipe->ctx->pipes;
	struct entry_chunk *chunk, *next;

	for (chunk = pipe->chunks; chunk; chunk = next) {
		next = chunk->next;
		for (unsigned i = 0; i < ENTRY_CHUNK; i++) {
			if (chunk->entry[i].state != ENTRY_FREE)
				free_contents(&chunk->entry[i]);
			chunk->entry[i].state = ENTRY_FREE;
		}
		pthread_mutex_lock(&ps->chunk_lock);
		chunk->next = ps->spare_chunks;
		ps->spare_chunks = chunk;
		pthread_mutex_unlock(&ps->chunk_lock);
	}
	pipe->chunks = NULL;
}

void entry_each(const struct flow_pipe *pipe, void (*fn)(void *arg, struct flow_entry *entry), void *arg)
{
	struct entry_chunk *chunk = __atomic_load_n(&pipe->chunks, __ATOMIC_ACQUIRE);

	for (; chunk; chunk = chunk->next)
		for (unsigned i = 0; i < ENTRY_CHUNK; i++)
			if (__atomic_load_n(&chunk->entry[i].state, __ATOMIC_ACQUIRE) == ENTRY_LIVE)
				fn(arg, &chunk->entry[i]);
}

/* The ENCAP ops of a body get their prepared headers behind the template's data. */
static int prepare_encaps(struct flow_pipe *pipe, struct entry_body *body, uint8_t *data, uint32_t at)
{
	for (unsigned i = 0; i < body->nr_ops; i++) {
		struct flow_op *op = &body->ops[i];
		int err;

		if (op->code != FLOW_OP_ENCAP)
			continue;
		err = pkt_encap_init_raw((struct pkt_encap *)(void *)(data + at), data + op->data, op->index, op->width);
		if (err)
			return refuse_more(err, "pipe '%s'", pipe->name);
		op->data = at;
		op->index = sizeof(struct pkt_encap);
		at += sizeof(struct pkt_encap);
	}
	return 0;
}

static struct entry_body *body_alloc(const struct pipe_template *t, uint8_t **data, uint32_t *encaps_at)
{
	uint32_t ops = t ? t->nr_ops : 0, head = RTE_ALIGN_CEIL(sizeof(struct entry_body) + ops * sizeof(struct flow_op), 16);
	uint32_t len = t ? RTE_ALIGN_CEIL(t->data_len, 16u) + t->encaps * sizeof(struct pkt_encap) : 0;
	struct entry_body *body = malloc(head + len); /* as aligned as op data must be: 16 */

	if (!body)
		return NULL;
	memset(body, 0, sizeof(*body));
	*data = (uint8_t *)body + head;
	*encaps_at = t ? RTE_ALIGN_CEIL(t->data_len, 16u) : 0;
	body->data = *data;
	body->data_len = len;
	body->nr_ops = ops;
	return body;
}

static void fill_holes(const struct pipe_template *t, const uint8_t *from, uint8_t *data)
{
	for (uint32_t i = 0; i < t->data_len; i++)
		data[i] = from ? (t->data[i] & ~t->hole[i]) | (from[i] & t->hole[i]) : t->data[i];
}

/* DROP forwards of the kinds that have no match-all default. */
static int body_fwd(struct flow_pipe *pipe, const struct flow_entry_spec *spec, struct pipe_fwd *fwd)
{
	int err = pipe_fwd_resolve(&spec->fwd, fwd);

	if (err)
		return refuse_more(err, "pipe '%s': entry", pipe->name);
	if (fwd->kind == FLOW_FWD_NONE)
		*fwd = pipe->fwd;
	if (fwd->kind == FLOW_FWD_NONE)
		return refuse(EINVAL, "pipe '%s': neither the entry nor the pipe says where packets go", pipe->name);
	return 0;
}

int entry_body_make(struct flow_pipe *pipe, const struct flow_entry_spec *spec, const struct flow_entry *entry,
	struct entry_body **out)
{
	const struct pipe_template *t = NULL;
	struct entry_body *body;
	uint32_t encaps_at;
	uint8_t *data;
	int err;

	if (pipe->nr_templates && spec->template_index >= pipe->nr_templates)
		return refuse(EINVAL, "pipe '%s': action %u of %u", pipe->name, spec->template_index, pipe->nr_templates);
	if (pipe->nr_templates)
		t = &pipe->templates[spec->template_index];
	body = body_alloc(t, &data, &encaps_at);
	if (!body)
		return refuse(ENOMEM, "pipe '%s': no memory for an entry", pipe->name);
	if (t) {
		memcpy(body->ops, t->ops, t->nr_ops * sizeof(*t->ops));
		fill_holes(t, spec->data, data);
	}
	body->template_index = spec->template_index;
	body->counter = spec->counter ? spec->counter - 1 : entry->counter;
	body->age = spec->age ? spec->age - 1 : entry->age;
	body->meter = spec->meter ? spec->meter - 1 : 0;
	err = body_fwd(pipe, spec, &body->fwd);
	if (!err)
		err = prepare_encaps(pipe, body, data, encaps_at);
	if (err)
		free(body);
	else
		*out = body;
	return err;
}

static int give_counter(struct flow_pipe *pipe, struct flow_entry *entry, const struct flow_entry_spec *spec)
{
	if (entry->counter || spec->counter || !(spec->count || pipe->entry_counters))
		return 0;
	entry->counter = flow_counter_new(pipe->ctx);
	return entry->counter ? 0 : refuse(ENOSPC, "pipe '%s': no counter left for an entry", pipe->name);
}

static int give_age(struct flow_pipe *pipe, struct flow_entry *entry, const struct flow_entry_spec *spec)
{
	entry->age_s = spec->age_s;
	if (entry->age || spec->age || !spec->age_s)
		return 0;
	entry->age = flow_age_new(pipe->ctx, clock_now_ns());
	return entry->age ? 0 : refuse(ENOSPC, "pipe '%s': no age slot left for an entry", pipe->name);
}

/* Readers may have cached that nothing matched here, or (unless the table is exact) that something worse did. */
static void added(struct flow_pipe *pipe, const struct flow_entry_spec *spec)
{
	struct flow_pipes *ps = pipe->ctx->pipes;

	if (pipe->kind->leaf) {
		struct flow_key key = pipe_entry_key(pipe, spec);

		__atomic_fetch_add(pipe_miss_word(ps, pipe, &key), 1, __ATOMIC_RELEASE);
		__atomic_fetch_add(&ps->adds, 1, __ATOMIC_RELEASE);
	} else {
		pipe_gen_bump(ps, &ps->pipe_gen[pipe->id]);
	}
}

static int reserve(struct flow_pipe *pipe)
{
	if (__atomic_add_fetch(&pipe->nr_entries, 1, __ATOMIC_RELAXED) <= pipe->capacity)
		return 0;
	__atomic_fetch_sub(&pipe->nr_entries, 1, __ATOMIC_RELAXED);
	return refuse(ENOSPC, "pipe '%s' is full: %u entries", pipe->name, pipe->capacity);
}

void flow_entry_expect(const struct flow_pipe *pipe, const struct flow_entry_spec *spec)
{
	if (pipe->kind->expect)
		pipe->kind->expect(pipe, spec);
}

int flow_entry_add(struct flow_pipe *pipe, const struct flow_entry_spec *spec, struct flow_entry **out)
{
	struct flow_entry *entry;
	int err = reserve(pipe);

	if (err)
		return err;
	entry = entry_alloc(pipe);
	if (!entry) {
		err = refuse(ENOMEM, "pipe '%s': no memory for an entry", pipe->name);
		goto unreserve;
	}
	entry->owner = spec->owner;
	entry->number = __atomic_add_fetch(&pipe->numbers, 1, __ATOMIC_RELAXED);
	err = give_counter(pipe, entry, spec);
	if (!err)
		err = give_age(pipe, entry, spec);
	if (!err)
		err = entry_body_make(pipe, spec, entry, &entry->body);
	if (err)
		goto give_back;
	__atomic_store_n(&entry->state, ENTRY_LIVE, __ATOMIC_RELEASE);
	err = pipe->kind->add(pipe, entry, spec);
	if (err)
		goto give_back;
	added(pipe, spec);
	*out = entry;
	return 0;

give_back:
	entry_free(entry);
unreserve:
	__atomic_fetch_sub(&pipe->nr_entries, 1, __ATOMIC_RELAXED);
	return err;
}

int flow_entry_update(struct flow_entry *entry, const struct flow_entry_spec *spec)
{
	struct flow_pipe *pipe = entry->pipe;
	struct entry_body *fresh, *old;
	int err = give_counter(pipe, entry, spec);

	if (!err)
		err = give_age(pipe, entry, spec);
	if (!err)
		err = entry_body_make(pipe, spec, entry, &fresh);
	if (err)
		return err;
	old = __atomic_exchange_n(&entry->body, fresh, __ATOMIC_ACQ_REL);
	pipe_gen_bump(pipe->ctx->pipes, &entry->gen);
	flow_retire(pipe->ctx, free, old);
	return 0;
}

void flow_entry_remove(struct flow_entry *entry)
{
	uint32_t live = ENTRY_LIVE;
	struct flow_pipe *pipe;

	if (!entry)
		return;
	pipe = entry->pipe;
	if (!__atomic_compare_exchange_n(&entry->state, &live, ENTRY_DEAD, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
		return;
	pipe->kind->remove(pipe, entry);
	pipe_gen_bump(pipe->ctx->pipes, &entry->gen);
	if (!pipe->kind->leaf) /* a walk under way may have seen neither this entry nor what it hid */
		pipe_gen_bump(pipe->ctx->pipes, &pipe->ctx->pipes->pipe_gen[pipe->id]);
	__atomic_fetch_sub(&pipe->nr_entries, 1, __ATOMIC_RELAXED);
	__atomic_fetch_add(&pipe->retiring, 1, __ATOMIC_RELAXED);
	flow_retire(pipe->ctx, entry_free_retired, entry);
}

void flow_entry_query(const struct flow_entry *entry, struct flow_count *count)
{
	const struct entry_body *body = __atomic_load_n(&entry->body, __ATOMIC_ACQUIRE);

	*count = (struct flow_count){0};
	if (body->counter)
		flow_counter_read(entry->pipe->ctx, body->counter, count);
}

void *flow_entry_owner(const struct flow_entry *entry)
{
	return entry->owner;
}

/* One chunk's idle entries. */
static unsigned scan_chunk(struct flow_ctx *ctx, struct entry_chunk *chunk, uint64_t now_ns, unsigned max,
	void (*fn)(void *arg, struct flow_entry *entry), void *arg)
{
	unsigned found = 0;

	for (unsigned i = 0; i < ENTRY_CHUNK && found < max; i++) {
		struct flow_entry *e = &chunk->entry[i];

		if (__atomic_load_n(&e->state, __ATOMIC_ACQUIRE) != ENTRY_LIVE || !e->age || !e->age_s)
			continue;
		if (flow_age_idle_ns(ctx, e->age, now_ns) <= e->age_s * (uint64_t)NS_PER_SEC)
			continue;
		fn(arg, e);
		found++;
	}
	return found;
}

/* The cursor is (pipe id, chunk number): chunks are only pushed in front, so counting from the end is stable. */
static unsigned chunk_count(const struct flow_pipe *pipe)
{
	unsigned n = 0;

	for (const struct entry_chunk *c = __atomic_load_n(&pipe->chunks, __ATOMIC_ACQUIRE); c; c = c->next)
		n++;
	return n;
}

static struct entry_chunk *chunk_from_end(const struct flow_pipe *pipe, unsigned number)
{
	unsigned n = chunk_count(pipe);
	struct entry_chunk *c = __atomic_load_n(&pipe->chunks, __ATOMIC_ACQUIRE);

	if (number >= n)
		return NULL;
	for (unsigned skip = n - 1 - number; skip; skip--)
		c = c->next;
	return c;
}

#define AGE_CYCLE_OVER UINT64_MAX

int flow_age_scan(struct flow_ctx *ctx, uint64_t now_ns, unsigned max,
	void (*fn)(void *arg, struct flow_entry *entry), void *arg)
{
	struct flow_pipes *ps = ctx->pipes;
	unsigned found = 0;

	if (ps->age_cursor == AGE_CYCLE_OVER) {
		ps->age_cursor = 0;
		return -1;
	}
	while (found < max) {
		unsigned id = ps->age_cursor >> 32, number = (uint32_t)ps->age_cursor;
		struct flow_pipe *pipe;
		struct entry_chunk *chunk;

		if (id >= PIPES_MAX) {
			ps->age_cursor = found ? AGE_CYCLE_OVER : 0; /* the next call says so */
			return found ? (int)found : -1;
		}
		pipe = __atomic_load_n(&ps->pipe[id], __ATOMIC_ACQUIRE);
		chunk = pipe ? chunk_from_end(pipe, number) : NULL;
		if (!chunk) {
			ps->age_cursor = (uint64_t)(id + 1) << 32;
			continue;
		}
		found += scan_chunk(ctx, chunk, now_ns, max - found, fn, arg);
		if (found < max)
			ps->age_cursor++;
	}
	return found;
}
