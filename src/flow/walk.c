/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * walk: the slow path. The walk never touches the packet: it follows the pipes on a copy of the key,
 * emits the ops the entries ask for, and keeps for every bit of the key where it came from. What comes out is a
 * program and the mask of original bits it depends on; the packet then runs it like any cached one, so slow
 * and fast path cannot differ in what they do.
 */
#include "flow/walk.h"

#include <stdlib.h>
#include <string.h>

#include "base/refuse.h"
#include "base/str.h"
#include "flow/pipe_int.h"
#include "packet/edit.h"

#define WALK_OPS 2048   /* ops of one program with all its forks */
#define WALK_DATA 65536 /* bytes of op data */
#define WALK_REFS (2 * FLOW_WALK_MAX + 2 + 4096)
#define WALK_DEPS 16
#define WALK_MARGIN 8   /* ops a pipe may add beside its entry's actions */

struct walk {
	struct flow_ctx *ctx;
	struct flow_pipes *ps;
	struct str *trace;            /* explain: what happened; else NULL */
	struct flow_key orig, key, mask;
	/* Provenance. A bit of the key is constant (konst), not known (unknown), or a function of the original:
	 * of its byte from[b], or of all bits of deps[dep[b] - 1]. */
	uint16_t from[FLOW_KEY_SIZE];
	uint8_t konst[FLOW_KEY_SIZE], unknown[FLOW_KEY_SIZE], dep[FLOW_KEY_SIZE];
	struct flow_key deps[WALK_DEPS];
	unsigned nr_deps;
	bool edited;                  /* provenance is not the identity any more */
	bool blurred;                 /* some bits are unknown */
	bool moved;                   /* headers moved: the next pipe needs a new parse */
	bool uncacheable, missed;
	unsigned walked;
	uint8_t domain;               /* of the last pipe: a chain may lead from ingress into an egress pipe */
	struct flow_ref refs[WALK_REFS];
	unsigned nr_refs;
	uint64_t changes, adds;
	unsigned nr_ops, data_len;
	bool fused;
	struct flow_rewrite rewrite;
	struct {
		struct flow_program head;
		struct flow_op ops[WALK_OPS];
	} prog;                       /* what is composed; runs from here when it cannot be cached */
	uint8_t data[WALK_DATA] __attribute__((aligned(16)));
};

#define say(w, ...)                                                                                \
	do {                                                                                           \
		if (unlikely((w)->trace != NULL))                                                          \
			str_addf((w)->trace, __VA_ARGS__);                                                     \
	} while (0)

/* ---- provenance ---- */

static void look_byte(struct walk *w, unsigned b, uint8_t bits)
{
	bits &= ~w->konst[b];
	if (!bits)
		return;
	if (w->dep[b])
		pipe_key_or(&w->mask, &w->deps[w->dep[b] - 1]);
	else
		w->mask.bytes[w->from[b]] |= bits;
}

/* The result depends on these bits of the present key. */
static void look(struct walk *w, const struct flow_key *bits)
{
	if (!w->edited) {
		pipe_key_or(&w->mask, bits);
		return;
	}
	for (unsigned i = 0; i < FLOW_KEY_SIZE / 8; i++)
		if (bits->words[i])
			for (unsigned b = 8 * i; b < 8 * i + 8; b++)
				look_byte(w, b, bits->bytes[b]);
}

static bool knows(const struct walk *w, const struct flow_key *bits)
{
	if (w->blurred)
		for (unsigned b = 0; b < FLOW_KEY_SIZE; b++)
			if (bits->bytes[b] & w->unknown[b])
				return false;
	return true;
}

static void blur(struct walk *w, unsigned at, unsigned len)
{
	memset(w->unknown + at, 0xff, len);
	w->blurred = w->edited = true;
}

/* Bytes [to, +len) are now what [from, +len) are. */
static void carry(struct walk *w, unsigned to, unsigned from, unsigned len)
{
	w->edited = true;
	memmove(w->key.bytes + to, w->key.bytes + from, len);
	memmove(w->from + to, w->from + from, len * sizeof(w->from[0]));
	memmove(w->konst + to, w->konst + from, len);
	memmove(w->unknown + to, w->unknown + from, len);
	memmove(w->dep + to, w->dep + from, len);
}

static void set_constant(struct walk *w, unsigned at, const uint8_t *value, const uint8_t *mask, unsigned len)
{
	w->edited = true;
	for (unsigned i = 0; i < len; i++) {
		w->key.bytes[at + i] = (w->key.bytes[at + i] & ~mask[i]) | (value[i] & mask[i]);
		w->konst[at + i] |= mask[i];
		w->unknown[at + i] &= ~mask[i];
	}
}

/* OR what byte b depends on, under bits, into dep. */
static void depends(const struct walk *w, unsigned b, uint8_t bits, struct flow_key *dep)
{
	bits &= ~w->konst[b];
	if (!bits)
		return;
	if (w->dep[b])
		pipe_key_or(dep, &w->deps[w->dep[b] - 1]);
	else
		dep->bytes[w->from[b]] |= bits;
}

/* Bytes [at, +len) became a function of `dep`. When there are too many such functions the bits are
 * looked at here and now, which is right but caches less. */
static void becomes(struct walk *w, unsigned at, unsigned len, const struct flow_key *dep)
{
	unsigned number = 0;

	w->edited = true;
	if (w->nr_deps < WALK_DEPS) {
		w->deps[w->nr_deps++] = *dep;
		number = w->nr_deps;
	} else {
		pipe_key_or(&w->mask, dep);
	}
	for (unsigned b = at; b < at + len; b++) {
		w->dep[b] = number;
		w->konst[b] = number ? 0 : 0xff;
		w->unknown[b] = 0;
	}
}

static void field_mask(const struct flow_field *f, unsigned offset, unsigned width, uint8_t *mask)
{
	memset(mask, 0, f->length);
	for (unsigned done = 0; done < width; done += MIN_OF(width - done, 64u))
		flow_field_bits_set(f, mask, offset + done, MIN_OF(width - done, 64u), UINT64_MAX);
}

static void field_depends(const struct walk *w, const struct flow_field *f, unsigned offset, unsigned width,
	struct flow_key *dep)
{
	uint8_t mask[32];

	field_mask(f, offset, width, mask);
	for (unsigned i = 0; i < f->length; i++)
		depends(w, f->key_offset + i, mask[i], dep);
}

static bool field_known(const struct walk *w, const struct flow_field *f)
{
	for (unsigned i = 0; i < f->length; i++)
		if (w->unknown[f->key_offset + i])
			return false;
	return true;
}

/* ---- what an edit does to the key ---- */

#define OFF(member) ((unsigned)offsetof(struct flow_key, member))

static unsigned shape_l4(const struct flow_key *key)
{
	return (key->hot.shape & FLOW_SHAPE_L4) >> FLOW_SHAPE_L4_SHIFT;
}

static bool is_tunnel_port(uint16_t port)
{
	for (unsigned t = PKT_TUN_NONE + 1; t < PKT_TUN_COUNT; t++)
		if (pkt_tunnel_port((enum pkt_tun)t) && pkt_tunnel_port((enum pkt_tun)t) == port)
			return true;
	return false;
}

/* May this edit make the parser see other headers than before? Then the next pipe gets a new parse. */
static bool parses_anew(const struct walk *w, const struct flow_field *f)
{
	bool ports = f->key_offset == OFF(hot.sport) || f->key_offset == OFF(hot.dport);

	if (ports && shape_l4(&w->key) == PKT_L4_UDP)
		return w->key.hot.shape & FLOW_SHAPE_TUN || is_tunnel_port(rte_be_to_cpu_16(w->key.hot.dport)) ||
		       is_tunnel_port(rte_be_to_cpu_16(w->key.hot.sport));
	return f->key_offset == OFF(link.frag_off) ||
	       (f->header == FLOW_HDR_TUNNEL && f->key_offset != OFF(hot.vni));
}

/* Some bytes of headers stand in the key twice, and checksums follow every edit. */
static void settle_aliases(struct walk *w, const struct flow_field *f)
{
	unsigned at = f->key_offset;
	bool icmp = shape_l4(&w->key) == PKT_L4_ICMP || shape_l4(&w->key) == PKT_L4_ICMP6;

	if (f->header == FLOW_HDR_NONE)
		return;
	w->moved |= parses_anew(w, f);
	if (at == OFF(hot.vlan))
		carry(w, OFF(link.vlan0), OFF(hot.vlan), 2);
	else if (at == OFF(inner.vlan))
		carry(w, OFF(deep.vlan0), OFF(inner.vlan), 2);
	else if (at == OFF(link.icmp_type) && icmp)
		carry(w, OFF(hot.sport), OFF(link.icmp_type), 1);
	else if (at == OFF(link.icmp_code) && icmp)
		carry(w, OFF(hot.sport) + 1, OFF(link.icmp_code), 1);
	else if (at == OFF(link.icmp_id) && icmp)
		carry(w, OFF(hot.dport), OFF(link.icmp_id), 2);
	else if (f->header == FLOW_HDR_INNER_ICMP)
		blur(w, OFF(inner.sport), 4);
	else if (f->header == FLOW_HDR_TUNNEL)
		blur(w, at == OFF(hot.vni) ? OFF(tunnel.raw) : OFF(hot.vni), at == OFF(hot.vni) ? 32 : 4);
	blur(w, OFF(link.l4_csum), 2);
	blur(w, OFF(link.ip_csum), 2);
}

static void edit_set(struct walk *w, const struct flow_op *op, const uint8_t *data)
{
	const struct flow_field *f = flow_field_get(op->field);

	set_constant(w, f->key_offset, data + op->data, data + op->data + f->length, f->length);
	settle_aliases(w, f);
}

/* Both sides whole bytes, the same way round: provenance moves along. */
static bool copy_is_bytes(const struct flow_op *op, const struct flow_field *to, const struct flow_field *from)
{
	return !((op->bit_offset + to->bit_shift) & 7) && !((op->index + from->bit_shift) & 7) && !(op->width & 7) &&
	       to->host == from->host;
}

static unsigned byte_at(const struct flow_field *f, unsigned bit, unsigned width)
{
	return f->key_offset + (f->host ? bit / 8 : f->length - (bit + width) / 8);
}

static void edit_copy(struct walk *w, const struct flow_op *op)
{
	const struct flow_field *to = flow_field_get(op->field), *from = flow_field_get(op->src_field);
	struct flow_key dep = {};

	if (!field_known(w, from) || from->key_offset == OFF(inner.utc)) {
		blur(w, to->key_offset, to->length);
	} else if (copy_is_bytes(op, to, from)) {
		carry(w, byte_at(to, op->bit_offset + to->bit_shift, op->width),
			byte_at(from, op->index + from->bit_shift, op->width), op->width / 8);
	} else {
		field_depends(w, from, op->index, op->width, &dep);
		field_depends(w, to, 0, flow_field_bits(to), &dep);
		for (unsigned done = 0; done < op->width; done += MIN_OF(op->width - done, 64u)) {
			unsigned n = MIN_OF(op->width - done, 64u);

			flow_field_bits_set(to, w->key.bytes + to->key_offset, op->bit_offset + done, n,
				flow_field_bits_get(from, w->key.bytes + from->key_offset, op->index + done, n));
		}
		becomes(w, to->key_offset, to->length, &dep);
	}
	settle_aliases(w, to);
}

static void edit_add(struct walk *w, const struct flow_op *op, const uint8_t *data)
{
	const struct flow_field *f = flow_field_get(op->field), *g = op->src_field ? flow_field_get(op->src_field) : NULL;
	uint8_t *at = w->key.bytes + f->key_offset;
	struct flow_key dep = {};
	uint64_t by;

	if (!field_known(w, f) || (g && !field_known(w, g))) {
		blur(w, f->key_offset, f->length);
		settle_aliases(w, f);
		return;
	}
	field_depends(w, f, 0, flow_field_bits(f), &dep);
	if (g) {
		field_depends(w, g, op->index, op->width, &dep);
		by = flow_field_bits_get(g, w->key.bytes + g->key_offset, op->index, op->width);
	} else {
		memcpy(&by, data + op->data, 8);
	}
	flow_field_bits_set(f, at, op->bit_offset, op->width,
		flow_field_bits_get(f, at, op->bit_offset, op->width) + by);
	becomes(w, f->key_offset, f->length, &dep);
	settle_aliases(w, f);
}

static void edit_ttl(struct walk *w)
{
	struct flow_key dep = {};

	depends(w, OFF(hot.ttl), 0xff, &dep);
	w->key.hot.ttl--;
	becomes(w, OFF(hot.ttl), 1, &dep);
	blur(w, OFF(link.ip_csum), 2);
}

/* Follow one op on the key. */
static void edit(struct walk *w, const struct flow_op *op, const uint8_t *data)
{
	switch (op->code) {
	case FLOW_OP_SET:
		edit_set(w, op, data);
		break;
	case FLOW_OP_COPY:
		edit_copy(w, op);
		break;
	case FLOW_OP_ADD:
		edit_add(w, op, data);
		break;
	case FLOW_OP_TTL_DEC:
		edit_ttl(w);
		break;
	case FLOW_OP_METER:
		blur(w, OFF(meta.meter_color), 1);
		break;
	case FLOW_OP_PUSH_VLAN:
	case FLOW_OP_POP_VLAN:
	case FLOW_OP_DECAP:
	case FLOW_OP_ENCAP:
	case FLOW_OP_NAT64:
	case FLOW_OP_CRYPTO:
		w->moved = true;
		break;
	default:
		break;
	}
}

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
			edit(w, op, NULL);
	}
	for (unsigned i = 0; i < body->nr_ops; i++) {
		struct flow_op *op = emit(w, body->ops[i]);

		op->data += at;
		if (follow)
			edit(w, op, w->data);
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

	if (w->moved || !knows(w, &pipe->looks) || !has_room(w, pipe)) {
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
	look(w, &looked);
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

/* ---- fusing ---- */

static unsigned rewrite_flag(const struct flow_field *f)
{
	switch (f->key_offset) {
	case offsetof(struct flow_key, hot.src):
		return FLOW_RW_SRC_IP;
	case offsetof(struct flow_key, hot.dst):
		return FLOW_RW_DST_IP;
	case offsetof(struct flow_key, hot.sport):
		return FLOW_RW_SRC_PORT;
	case offsetof(struct flow_key, hot.dport):
		return FLOW_RW_DST_PORT;
	default:
		return 0;
	}
}

static bool all_ones(const uint8_t *bytes, unsigned n)
{
	while (n && *bytes == 0xff) {
		bytes++;
		n--;
	}
	return !n;
}

/* May this SET be part of the fused rewrite: a whole address or port whose old value the key pins? */
static unsigned fusible_set(const struct walk *w, const struct flow_op *op)
{
	const struct flow_field *f = flow_field_get(op->field);
	unsigned flag = f->header == FLOW_HDR_NONE ? 0 : rewrite_flag(f);
	uint16_t shape = w->orig.hot.shape;

	if (!flag || (shape & f->shape_mask) != f->shape)
		return 0;
	if (!all_ones(w->data + op->data + f->length, f->length) || !all_ones(w->mask.bytes + f->key_offset, f->length))
		return 0;
	return flag;
}

static void fuse_value(struct walk *w, const struct flow_op *op, unsigned flag)
{
	const uint8_t *value = w->data + op->data;
	unsigned length = flow_field_get(op->field)->length;

	w->rewrite.flags |= flag;
	if (flag == FLOW_RW_SRC_IP)
		memcpy(w->rewrite.src, value, length);
	else if (flag == FLOW_RW_DST_IP)
		memcpy(w->rewrite.dst, value, length);
	else if (flag == FLOW_RW_SRC_PORT)
		memcpy(&w->rewrite.sport, value, 2);
	else
		memcpy(&w->rewrite.dport, value, 2);
}

/* Plain TCP or UDP over IP, no fragment, no tunnel: what a precomputed delta is right for. */
static bool shape_fuses(const struct flow_key *key)
{
	unsigned l3 = (key->hot.shape & FLOW_SHAPE_L3) >> FLOW_SHAPE_L3_SHIFT, l4 = shape_l4(key);

	return (l3 == PKT_L3_IP4 || l3 == PKT_L3_IP6) && (l4 == PKT_L4_TCP || l4 == PKT_L4_UDP) &&
	       !(key->hot.shape & (FLOW_SHAPE_FRAG | FLOW_SHAPE_LATER | FLOW_SHAPE_TUN));
}

static bool only_accounts(unsigned code)
{
	return code == FLOW_OP_COUNT || code == FLOW_OP_TOUCH || code == FLOW_OP_METER;
}

static void fuse_deltas(struct walk *w)
{
	struct pkt_nat nat = {.set = w->rewrite.flags & 15, .ip6 = !!(w->rewrite.flags & FLOW_RW_IP6),
		.sport = w->rewrite.sport, .dport = w->rewrite.dport};

	memcpy(nat.src, w->rewrite.src, 16);
	memcpy(nat.dst, w->rewrite.dst, 16);
	pkt_nat_prepare(&nat, w->orig.hot.src, w->orig.hot.dst, w->orig.hot.sport, w->orig.hot.dport);
	w->rewrite.l3_delta = nat.ip_delta;
	w->rewrite.l4_addr_delta = nat.addr_delta;
	w->rewrite.l4_delta = nat.l4_delta;
}

/* Replace the SETs of a program that does nothing but count, rewrite the tuple and leave. */
static void fuse(struct walk *w)
{
	struct flow_op *ops = w->prog.ops, terminal = ops[w->nr_ops - 1];
	unsigned kept = 0, sets = 0;

	w->fused = false;
	if (!shape_fuses(&w->orig) || w->moved)
		return;
	for (unsigned i = 0; i + 1 < w->nr_ops; i++) {
		if (ops[i].code == FLOW_OP_SET && fusible_set(w, &ops[i]))
			sets++;
		else if (!only_accounts(ops[i].code))
			return;
	}
	if (!sets)
		return;
	w->rewrite = (struct flow_rewrite){.hop = FLOW_HOP_NONE};
	if ((w->orig.hot.shape & FLOW_SHAPE_L3) >> FLOW_SHAPE_L3_SHIFT == PKT_L3_IP6)
		w->rewrite.flags = FLOW_RW_IP6;
	for (unsigned i = 0; i + 1 < w->nr_ops; i++) {
		if (ops[i].code == FLOW_OP_SET)
			fuse_value(w, &ops[i], fusible_set(w, &ops[i]));
		else
			ops[kept++] = ops[i];
	}
	fuse_deltas(w);
	ops[kept++] = (struct flow_op){.code = FLOW_OP_REWRITE};
	if (terminal.code == FLOW_OP_HOP)
		w->rewrite.hop = terminal.field;
	else
		ops[kept++] = terminal;
	w->nr_ops = kept;
	w->fused = true;
	w->data_len = 0;
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

	fuse(w);
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
	fuse(w);
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
