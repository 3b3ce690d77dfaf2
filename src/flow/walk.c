/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * walk: the slow path. The walk never touches the packet: it follows the pipes on a copy of the key,
 * emits the ops the entries ask for, and keeps for every bit of the key where it came from. What comes out is a
 * program and the mask of original bits it depends on; the packet then runs it like any cached one, so slow
 * and fast path cannot differ in what they do.
 */
#include "flow/walk_int.h"

#include <stdlib.h>
#include <string.h>

#include "base/refuse.h"
#include "base/str.h"

#define say(w, ...)                                                                                \
	do {                                                                                           \
		if (unlikely((w)->trace != NULL))                                                          \
			str_addf((w)->trace, __VA_ARGS__);                                                     \
	} while (0)

/* ---- emitting ---- */

static void depend(struct walk *w, const uint32_t *word, uint32_t value)
{
	if (w->nr_refs == WALK_REFS)
		w->uncacheable = true;
	else
		w->refs[w->nr_refs++] = (struct flow_ref){word, value};
}

static struct flow_op *emit(struct walk *w, struct flow_op op)
{
	assert(w->nr_ops < WALK_OPS);
	w->prog.ops[w->nr_ops] = op;
	return &w->prog.ops[w->nr_ops++];
}

static void drop(struct walk *w, enum drop_reason reason)
{
	say(w, "  drop: %s\n", drop_sentence(reason));
	emit(w, (struct flow_op){.code = FLOW_OP_DROP, .field = reason});
}

static uint32_t copy_data(struct walk *w, const uint8_t *data, uint32_t len)
{
	uint32_t at = RTE_ALIGN_CEIL(w->data_len, 16u);

	assert(at + len <= WALK_DATA);
	if (len)
		memcpy(w->data + at, data, len);
	w->data_len = at + len;
	return at;
}

static bool has_room(const struct walk *w, const struct flow_pipe *pipe)
{
	return w->nr_ops + pipe->max_ops + WALK_MARGIN <= FLOW_OPS_MAX &&
	       w->data_len + pipe->max_data + 64 <= WALK_DATA;
}

/* Monitors and actions of one entry. `follow`: the key follows too (not in forks). */
static void emit_body(struct walk *w, const struct entry_body *body, bool follow)
{
	uint32_t at = copy_data(w, body->data, body->data_len);

	if (body->counter)
		emit(w, (struct flow_op){.code = FLOW_OP_COUNT, .index = body->counter});
	if (body->age)
		emit(w, (struct flow_op){.code = FLOW_OP_TOUCH, .index = body->age});
	if (body->meter) {
		struct flow_op *op = emit(w, (struct flow_op){.code = FLOW_OP_METER, .index = body->meter});

		if (follow)
			walk_edit(w, op, NULL);
	}
	for (unsigned i = 0; i < body->nr_ops; i++) {
		struct flow_op *op = emit(w, body->ops[i]);

		op->data += at;
		if (follow)
			walk_edit(w, op, w->data);
		if (unlikely(w->trace != NULL)) {
			str_add(w->trace, "    ");
			dump_op(op, w->data, w->trace);
		}
	}
}

/* The terminal op of a forward that leaves the pipes. */
static void emit_exit(struct walk *w, const struct pipe_fwd *fwd)
{
	switch (fwd->kind) {
	case FLOW_FWD_PORT:
		emit(w, (struct flow_op){.code = FLOW_OP_PORT, .field = fwd->port, .width = w->domain});
		break;
	case FLOW_FWD_HOP:
		emit(w, (struct flow_op){.code = FLOW_OP_HOP, .field = fwd->port});
		break;
	case FLOW_FWD_QUEUE:
		emit(w, (struct flow_op){.code = FLOW_OP_QUEUE, .index = fwd->index});
		break;
	case FLOW_FWD_KERNEL:
		emit(w, (struct flow_op){.code = FLOW_OP_KERNEL});
		break;
	case FLOW_FWD_UPCALL:
		emit(w, (struct flow_op){.code = FLOW_OP_UPCALL, .index = fwd->index});
		break;
	case FLOW_FWD_DROP:
		drop(w, fwd->reason);
		return;
	default:
		drop(w, DROP_PIPE_MISS);
		return;
	}
	if (unlikely(w->trace != NULL)) {
		str_add(w->trace, "  ");
		dump_op(&w->prog.ops[w->nr_ops - 1], w->data, w->trace);
	}
}

/* ---- walking ---- */

static bool is_pipe(const struct pipe_fwd *fwd)
{
	return fwd->kind == FLOW_FWD_PIPE || fwd->kind == FLOW_FWD_LIST || fwd->kind == FLOW_FWD_HASH;
}

/* The pipe a forward names, or NULL after dropping: its number now belongs to nobody or another. */
static struct flow_pipe *target(struct walk *w, const struct pipe_fwd *fwd)
{
	uint32_t gen = pipe_gen_read(&w->ps->pipe_gen[fwd->pipe]);
	struct flow_pipe *pipe = pipe_by_fwd(w->ps, fwd);

	depend(w, &w->ps->pipe_gen[fwd->pipe], gen);
	if (!pipe)
		drop(w, DROP_PIPE_GONE);
	return pipe;
}

/* The body of an entry, with the reference that tells when it changes. NULL: it is being removed. */
static const struct entry_body *body_of(struct walk *w, const struct flow_entry *entry)
{
	uint32_t gen = pipe_gen_read(&entry->gen);

	if (__atomic_load_n(&entry->state, __ATOMIC_ACQUIRE) != ENTRY_LIVE)
		w->uncacheable = true;
	depend(w, &entry->gen, gen);
	return __atomic_load_n(&entry->body, __ATOMIC_ACQUIRE);
}

/* Where an entry or a miss leads: the next pipe, or NULL at the end. */
static struct flow_pipe *follow(struct walk *w, const struct pipe_fwd *fwd);

/* An ordered list: its element acts, then its forward leads on. */
static struct flow_pipe *take_list(struct walk *w, const struct flow_pipe *list, uint32_t index)
{
	const struct entry_body *body;
	struct flow_entry *entry = NULL;

	if (index < list->nr_slots)
		entry = __atomic_load_n(&list->slots[index], __ATOMIC_ACQUIRE);
	if (!entry) {
		say(w, "list '%s' index %u: no entry\n", list->name, index);
		return follow(w, list->miss);
	}
	say(w, "list '%s' index %u\n", list->name, index);
	body = body_of(w, entry);
	emit_body(w, body, true);
	return follow(w, &body->fwd);
}

static struct flow_pipe *follow(struct walk *w, const struct pipe_fwd *fwd)
{
	struct flow_pipe *pipe;

	if (!is_pipe(fwd)) {
		emit_exit(w, fwd);
		return NULL;
	}
	pipe = target(w, fwd);
	if (!pipe)
		return NULL;
	if (fwd->kind != FLOW_FWD_LIST)
		return pipe;
	if (++w->walked > FLOW_WALK_MAX || !has_room(w, pipe)) {
		drop(w, DROP_PIPE_LOOP);
		return NULL;
	}
	return take_list(w, pipe, fwd->index);
}

/* The branch of one copy: an entry's actions and its exit; a pipe is looked up afresh. */
static void emit_fork(struct walk *w, const struct entry_body *body)
{
	emit_body(w, body, false);
	if (is_pipe(&body->fwd)) {
		if (body->fwd.kind == FLOW_FWD_LIST)
			drop(w, DROP_PIPE_LOOP);
		else if (target(w, &body->fwd))
			emit(w, (struct flow_op){.code = FLOW_OP_RESUME, .field = body->fwd.pipe});
	} else {
		emit_exit(w, &body->fwd);
	}
}

static unsigned live_slots(const struct flow_pipe *pipe, struct flow_entry **out, unsigned max)
{
	unsigned n = 0;

	for (unsigned i = 0; i < pipe->nr_slots && n < max; i++) {
		out[n] = __atomic_load_n(&pipe->slots[i], __ATOMIC_ACQUIRE);
		n += out[n] != NULL;
	}
	return n;
}

/* A flood: one fork per entry but the last, which takes the packet itself. Ends the main line. */
static bool flood(struct walk *w, struct flow_pipe *pipe)
{
	struct flow_entry *entry[256];
	unsigned n = live_slots(pipe, entry, ARRAY_SIZE(entry)), first = w->nr_ops;
	unsigned room = (WALK_OPS - w->nr_ops) / (pipe->max_ops + WALK_MARGIN);

	say(w, "flood '%s': %u copies\n", pipe->name, n);
	if (!n)
		return false;
	if (n > room || (uint64_t)n * (pipe->max_data + 16) > WALK_DATA - w->data_len) {
		drop(w, DROP_EDIT_NO_ROOM);
		return true;
	}
	for (unsigned i = 0; i + 1 < n; i++)
		emit(w, (struct flow_op){.code = FLOW_OP_FORK});
	emit_fork(w, body_of(w, entry[n - 1]));
	for (unsigned i = 0; i + 1 < n; i++) {
		w->prog.ops[first + i].index = w->nr_ops;
		emit_fork(w, body_of(w, entry[i]));
	}
	return true;
}

static struct flow_pipe *miss(struct walk *w, struct flow_pipe *pipe)
{
	const struct pipe_fwd *fwd = __atomic_load_n(&pipe->miss, __ATOMIC_ACQUIRE), *fallback;

	say(w, "  miss\n");
	w->missed = true;
	if (pipe->miss_counter)
		emit(w, (struct flow_op){.code = FLOW_OP_COUNT, .index = pipe->miss_counter});
	if (fwd->kind == FLOW_FWD_NONE && pipe->root) {
		fallback = w->ps->fallback[w->key.hot.domain][w->key.hot.port];
		if (!fallback)
			fallback = w->ps->fallback[w->key.hot.domain][FLOW_PORT_NONE];
		if (fallback)
			return follow(w, fallback);
	}
	return follow(w, fwd);
}

/* One pipe. Returns the next, or NULL when the program has its end. */
static struct flow_pipe *step(struct walk *w, struct flow_pipe *pipe)
{
	struct flow_key looked = {};
	const struct entry_body *body;
	struct flow_entry *entry;
	uint32_t *word, gen;

	if (w->moved || !walk_knows(w, &pipe->looks) || !has_room(w, pipe)) {
		say(w, "resume at '%s'\n", pipe->name);
		emit(w, (struct flow_op){.code = FLOW_OP_RESUME, .field = pipe->id});
		return NULL;
	}
	if (++w->walked > FLOW_WALK_MAX) {
		drop(w, DROP_PIPE_LOOP);
		return NULL;
	}
	w->domain = pipe->domain;
	if (pipe->kind_id == FLOW_PIPE_CT) {
		say(w, "ct '%s': connection lookup\n", pipe->name);
		emit(w, (struct flow_op){.code = FLOW_OP_CT, .field = pipe->id});
		return NULL;
	}
	if (pipe->kind_id == FLOW_PIPE_HASH && pipe->flood)
		return flood(w, pipe) ? NULL : miss(w, pipe);
	word = pipe_miss_word(w->ps, pipe, &w->key);
	gen = pipe_gen_read(word);
	entry = pipe->kind->find(pipe, &w->key, &looked);
	walk_look(w, &looked);
	say(w, "%s '%s'\n", pipe->kind->name, pipe->name);
	if (!entry) {
		depend(w, word, gen);
		return miss(w, pipe);
	}
	say(w, "  hit\n");
	body = body_of(w, entry);
	emit_body(w, body, true);
	return follow(w, &body->fwd);
}

static struct flow_pipe *root_of(struct walk *w)
{
	const struct flow_key_hot *k = &w->key.hot;
	uint16_t id = pipe_root(w->ps, k->domain, k->port);

	if (!id && k->domain == FLOW_DOMAIN_DEFAULT)
		id = pipe_root(w->ps, FLOW_DOMAIN_SECURE_INGRESS, k->port);
	if (!id)
		return NULL;
	depend(w, &w->ps->pipe_gen[id], pipe_gen_read(&w->ps->pipe_gen[id]));
	return __atomic_load_n(&w->ps->pipe[id], __ATOMIC_ACQUIRE);
}

static struct flow_pipe *resumed(struct walk *w)
{
	uint16_t id = w->key.hot.resume;
	uint32_t gen = pipe_gen_read(&w->ps->pipe_gen[id]);
	struct flow_pipe *pipe = __atomic_load_n(&w->ps->pipe[id], __ATOMIC_ACQUIRE);

	depend(w, &w->ps->pipe_gen[id], gen);
	if (!pipe)
		drop(w, DROP_PIPE_GONE);
	return pipe;
}

static struct flow_pipe *first_pipe(struct walk *w)
{
	const struct pipe_fwd *fallback;
	struct flow_pipe *pipe;

	if (w->key.hot.resume)
		return resumed(w);
	depend(w, &w->ps->roots_gen, pipe_gen_read(&w->ps->roots_gen));
	pipe = root_of(w);
	if (pipe)
		return pipe;
	fallback = w->ps->fallback[w->key.hot.domain][w->key.hot.port];
	if (!fallback)
		fallback = w->ps->fallback[w->key.hot.domain][FLOW_PORT_NONE];
	if (fallback)
		return follow(w, fallback);
	drop(w, DROP_NO_ROOT_PIPE);
	return NULL;
}

static void compose(struct walk *w)
{
	struct flow_pipe *pipe = first_pipe(w);

	while (pipe)
		pipe = step(w, pipe);
}

/* ---- in and out ---- */

/* Programs differ by where the packet came from and what it is made of, whatever the pipes look at. */
static void mask_always(struct walk *w)
{
	w->mask.hot.port = UINT16_MAX;
	w->mask.hot.domain = UINT8_MAX;
	w->mask.hot.resume = UINT16_MAX;
	w->mask.hot.shape = UINT16_MAX;
}

static void begin(struct walk *w, const struct flow_pkt *pkt)
{
	unsigned lines = flow_key_lines(w->ctx);

	w->changes = __atomic_load_n(&w->ps->changes, __ATOMIC_ACQUIRE);
	w->adds = __atomic_load_n(&w->ps->adds, __ATOMIC_ACQUIRE);
	memset(&w->orig, 0, sizeof(w->orig));
	flow_key_build(&pkt->m, pkt->parse, pkt->meta, &w->orig, 1, lines);
	if (lines & 1u << 3 && pkt->key)
		w->orig.meta.random = pkt->key->meta.random; /* one draw per packet */
	w->key = w->orig;
	memset(&w->mask, 0, sizeof(w->mask));
	for (unsigned b = 0; b < FLOW_KEY_SIZE; b++)
		w->from[b] = b;
	memset(w->konst, 0, sizeof(w->konst));
	memset(w->unknown, 0, sizeof(w->unknown));
	memset(w->dep, 0, sizeof(w->dep));
	w->nr_deps = w->nr_refs = w->nr_ops = w->data_len = w->walked = 0;
	w->domain = 0;
	w->edited = w->blurred = w->moved = w->uncacheable = w->missed = false;
	mask_always(w);
}

static const struct flow_program *finish(struct walk *w)
{
	const struct flow_program *cached;
	struct cache_offer offer;

	walk_fuse(w);
	w->prog.head = (struct flow_program){.nr_ops = w->nr_ops, .fused_flags = w->fused ? FLOW_PROGRAM_FUSED : 0,
		.data_len = w->data_len, .fused = w->rewrite, .data = w->data};
	if (w->uncacheable)
		return &w->prog.head;
	offer = (struct cache_offer){
		.key = &w->orig, .mask = &w->mask, .refs = w->refs, .nr_refs = w->nr_refs, .changes = w->changes,
		.adds = w->adds, .adds_matter = w->missed, .ops = w->prog.ops, .nr_ops = w->nr_ops, .data = w->data,
		.data_len = w->data_len, .fused = w->fused ? &w->rewrite : NULL,
	};
	cached = cache_put(w->ctx, &offer);
	return cached ? cached : &w->prog.head;
}

struct flow_verdict flow_walk(struct flow_ctx *ctx, unsigned worker, struct flow_pkt *pkt, uint64_t now_ns,
	struct flow_forks *forks)
{
	struct walk *w = ctx->pipes->walk[worker];

	begin(w, pkt);
	compose(w);
	return flow_run(ctx, worker, pkt, finish(w), 0, now_ns, forks);
}

static struct walk *walk_new(struct flow_ctx *ctx)
{
	struct walk *w = aligned_alloc(64, RTE_ALIGN_CEIL(sizeof(*w), 64));

	if (w) {
		memset(w, 0, sizeof(*w));
		w->ctx = ctx;
		w->ps = ctx->pipes;
	}
	return w;
}

void flow_explain(struct flow_ctx *ctx, const struct flow_pkt *pkt, uint64_t now_ns, struct str *out)
{
	struct walk *w = walk_new(ctx);

	if (!w) {
		str_add(out, "no memory\n");
		return;
	}
	w->trace = out;
	begin(w, pkt);
	compose(w);
	walk_fuse(w);
	str_addf(out, "program: %u ops%s, %u generations, %s\n", w->nr_ops, w->fused ? ", fused rewrite" : "", w->nr_refs,
		w->uncacheable ? "not cached" : "cached");
	for (unsigned i = 0; i < w->nr_ops; i++) {
		str_addf(out, "  %2u ", i);
		dump_op(&w->prog.ops[i], w->data, out);
	}
	free(w);
}

int walk_init(struct flow_ctx *ctx)
{
	for (unsigned i = 0; i < ctx->cfg.nr_workers; i++) {
		ctx->pipes->walk[i] = walk_new(ctx);
		if (!ctx->pipes->walk[i])
			return refuse(ENOMEM, "flow: no memory for worker %u", i);
	}
	return 0;
}

void walk_fini(struct flow_ctx *ctx)
{
	for (unsigned i = 0; i < FLOW_WORKERS_MAX; i++)
		free(ctx->pipes->walk[i]);
}
