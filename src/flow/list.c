/* SPDX-License-Identifier: BSD-3-Clause */
#include "flow/list.h"

#include <string.h>

#include "base/refuse.h"
#include "base/str.h"
#include "flow/age.h"
#include "flow/counter.h"
#include "flow/pipe_int.h"

#define FORWARDS_MAX 16 /* distinct ones that are told; a pipe to 1,000 ports says "..." */

/* Forwards seen so far, as texts in one growing string. */
struct forwards {
	const struct flow_pipes *ps;
	struct str text[FORWARDS_MAX + 1];
	const char *list[FORWARDS_MAX + 1];
	uint16_t to[FORWARDS_MAX + 1]; /* pipe ids, 0 = no pipe: names need not be unique */
	unsigned n;
	struct flow_count sum;
	bool counted; /* sum is of entries that count */
};

static uint16_t pipe_behind(const struct flow_pipes *ps, const struct pipe_fwd *fwd)
{
	bool named = fwd->kind == FLOW_FWD_PIPE || fwd->kind == FLOW_FWD_LIST || fwd->kind == FLOW_FWD_HASH;
	const struct flow_pipe *pipe = named ? pipe_by_fwd(ps, fwd) : NULL;

	return pipe ? pipe->id : 0;
}

static void add_forward(struct forwards *f, const struct pipe_fwd *fwd)
{
	uint16_t to = pipe_behind(f->ps, fwd);
	struct str one = {0};

	if (fwd->kind == FLOW_FWD_NONE || f->n > FORWARDS_MAX)
		return;
	dump_fwd(f->ps, fwd, &one);
	for (unsigned i = 0; i < f->n; i++) {
		if (f->to[i] != to || strcmp(str_text(&f->text[i]), str_text(&one)))
			continue;
		str_free(&one);
		return;
	}
	if (f->n == FORWARDS_MAX) {
		str_clear(&one);
		str_add(&one, "...");
		to = 0;
	}
	f->to[f->n] = to;
	f->text[f->n++] = one;
}

static void look_at_entry(void *arg, struct flow_entry *entry)
{
	const struct entry_body *body = __atomic_load_n(&entry->body, __ATOMIC_ACQUIRE);
	struct forwards *f = arg;
	struct flow_count count = {0};

	add_forward(f, &body->fwd);
	if (body->counter) {
		flow_counter_read(entry->pipe->ctx, body->counter, &count);
		f->counted = true;
	}
	f->sum.packets += count.packets;
}

static const char *type_name(enum flow_pipe_kind kind)
{
	static const char *const names[] = {
		[FLOW_PIPE_EXACT] = "basic", [FLOW_PIPE_WILD] = "control", [FLOW_PIPE_LPM] = "lpm", [FLOW_PIPE_ACL] = "acl",
		[FLOW_PIPE_LIST] = "ordered-list", [FLOW_PIPE_HASH] = "hash", [FLOW_PIPE_CT] = "ct"};

	return names[kind];
}

static uint64_t connections(const struct flow_pipe *pipe)
{
	struct conn_stats s;

	if (pipe->kind_id != FLOW_PIPE_CT || !pipe->ct.conns)
		return 0;
	conn_table_stats(pipe->ct.conns, &s);
	return s.live;
}

static void tell_pipe(struct flow_ctx *ctx, const struct flow_pipe *pipe,
	void (*fn)(void *arg, const struct flow_pipe_info *info), void *arg)
{
	struct forwards f = {.ps = ctx->pipes};
	struct flow_count missed = {0};
	struct flow_pipe_info info = {
		.id = pipe->id, .port = pipe->port, .name = pipe->name, .type = type_name(pipe->kind_id), .domain = pipe->domain,
		.root = pipe->root, .entries = flow_pipe_entries(pipe), .connections = connections(pipe),
		.capacity = pipe->capacity};
	struct str miss = {0};

	add_forward(&f, &pipe->fwd);
	entry_each(pipe, look_at_entry, &f);
	dump_fwd(ctx->pipes, pipe->miss, &miss);
	if (pipe->miss_counter)
		flow_counter_read(ctx, pipe->miss_counter, &missed);
	for (unsigned i = 0; i < f.n; i++)
		f.list[i] = str_text(&f.text[i]);
	info.nr_forwards = f.n;
	info.forwards = f.list;
	info.to = f.to;
	info.miss_to = pipe_behind(ctx->pipes, pipe->miss);
	info.counts_hits = f.counted;
	info.counts_misses = pipe->miss_counter != 0;
	info.hits = f.sum.packets;
	info.misses = missed.packets;
	info.miss = str_text(&miss);
	fn(arg, &info);
	for (unsigned i = 0; i < f.n; i++)
		str_free(&f.text[i]);
	str_free(&miss);
}

void flow_pipe_each(struct flow_ctx *ctx, void (*fn)(void *arg, const struct flow_pipe_info *info), void *arg)
{
	struct flow_pipes *ps = ctx->pipes;

	pthread_mutex_lock(&ps->lock); /* no pipe goes away under us */
	for (unsigned i = 0; i < PIPES_MAX; i++)
		if (ps->pipe[i])
			tell_pipe(ctx, ps->pipe[i], fn, arg);
	pthread_mutex_unlock(&ps->lock);
}

struct entry_list {
	struct flow_ctx *ctx;
	uint64_t now_ns;
	void (*fn)(void *arg, const struct flow_entry_info *info);
	void *arg;
	uint64_t cached;
};

/* A program as one line: its ops parted by semicolons. */
static void ops_text(const struct flow_op *ops, unsigned n, const uint8_t *data, struct str *out)
{
	for (unsigned i = 0; i < n; i++) {
		size_t before = str_len(out);

		dump_op(&ops[i], data, out);
		if (str_len(out) > before && str_text(out)[str_len(out) - 1] == '\n')
			str_cut(out, str_len(out) - 1);
		str_add(out, "; ");
	}
}

static void tell_entry(void *arg, struct flow_entry *entry)
{
	const struct entry_body *body = __atomic_load_n(&entry->body, __ATOMIC_ACQUIRE);
	struct entry_list *l = arg;
	struct str match = {0}, actions = {0};
	struct flow_entry_info info = {
		.id = (uint64_t)entry->pipe->id << 32 | entry->number, .pipe = entry->pipe->name, .port = entry->pipe->port};

	dump_entry_match(entry, &match);
	ops_text(body->ops, body->nr_ops, body->data, &actions);
	dump_fwd(l->ctx->pipes, body->fwd.kind == FLOW_FWD_NONE ? &entry->pipe->fwd : &body->fwd, &actions);
	info.counts = body->counter != 0;
	info.ages = body->age != 0;
	if (body->counter)
		flow_counter_read(l->ctx, body->counter, &info.count);
	if (body->age)
		info.idle_ns = flow_age_idle_ns(l->ctx, body->age, l->now_ns);
	info.match = str_text(&match) + (*str_text(&match) == ' ');
	info.actions = str_text(&actions);
	l->fn(l->arg, &info);
	str_free(&match);
	str_free(&actions);
}

static void tell_cached(void *arg, const struct flow_key *key, const struct flow_key *mask, const struct flow_program *prog)
{
	struct entry_list *l = arg;
	struct str match = {0}, actions = {0};
	struct flow_entry_info info = {.id = ++l->cached, .port = mask->hot.port ? key->hot.port : FLOW_PORT_NONE};

	dump_match(key, mask, &match);
	ops_text(prog->ops, prog->nr_ops, prog->data, &actions);
	if (str_len(&actions) > 2)
		str_cut(&actions, str_len(&actions) - 2);
	info.match = str_text(&match) + (*str_text(&match) == ' ');
	info.actions = str_text(&actions);
	l->fn(l->arg, &info);
	str_free(&match);
	str_free(&actions);
}

void flow_entry_each(struct flow_ctx *ctx, uint64_t now_ns, void (*fn)(void *arg, const struct flow_entry_info *info), void *arg)
{
	struct entry_list l = {.ctx = ctx, .now_ns = now_ns, .fn = fn, .arg = arg};
	struct flow_pipes *ps = ctx->pipes;

	pthread_mutex_lock(&ps->lock);
	for (unsigned i = 0; i < PIPES_MAX; i++)
		if (ps->pipe[i])
			entry_each(ps->pipe[i], tell_entry, &l);
	cache_each(ctx, tell_cached, &l);
	pthread_mutex_unlock(&ps->lock);
}

int flow_explain_pipe(struct flow_ctx *ctx, const char *name, uint64_t entry, struct str *out)
{
	struct flow_pipes *ps = ctx->pipes;
	const struct flow_pipe *found = NULL;

	pthread_mutex_lock(&ps->lock);
	if (entry)
		found = entry >> 32 < PIPES_MAX ? ps->pipe[entry >> 32] : NULL;
	for (unsigned i = 0; !entry && i < PIPES_MAX && !found; i++)
		if (ps->pipe[i] && !strcmp(ps->pipe[i]->name, name))
			found = ps->pipe[i];
	if (found && !dump_pipe(ctx, found, (uint32_t)entry, out))
		found = NULL;
	pthread_mutex_unlock(&ps->lock);
	if (found)
		return 0;
	return entry ? refuse(ENOENT, "no pipe has entry %lu", (unsigned long)entry) : refuse(ENOENT, "no pipe is called '%s'", name);
}
