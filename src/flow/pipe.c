/* SPDX-License-Identifier: BSD-3-Clause */
/* pipe: create, destroy, forwards, roots. The kinds have a file each, entries are in entry.c. */
#include "flow/pipe.h"

#include <stdlib.h>
#include <string.h>

#include "base/refuse.h"
#include "flow/pipe_int.h"

static const struct pipe_kind *const kinds[] = {
	[FLOW_PIPE_EXACT] = &pipe_exact,
	[FLOW_PIPE_WILD] = &pipe_wild,
	[FLOW_PIPE_LPM] = &pipe_lpm,
	[FLOW_PIPE_ACL] = &pipe_acl,
	[FLOW_PIPE_LIST] = &pipe_list,
	[FLOW_PIPE_HASH] = &pipe_hash,
	[FLOW_PIPE_CT] = &pipe_ct,
};

const char *pipe_kind_name(enum flow_pipe_kind kind)
{
	return kind < ARRAY_SIZE(kinds) ? kinds[kind]->name : "?";
}

uint64_t pipe_key_hash(const struct flow_key *key, const struct flow_key *mask)
{
	uint64_t h = 0;

	for (unsigned i = 0; i < FLOW_KEY_SIZE / 8; i++)
		if (mask->words[i])
			h = pipe_mix(h, key->words[i] & mask->words[i]);
	return h;
}

void pipe_looks_at(struct flow_pipe *pipe, const struct flow_key *mask)
{
	struct flow_pipes *ps = pipe->ctx->pipes;
	unsigned lines = 0;

	pipe_key_or(&pipe->looks, mask);
	pipe_key_or(&ps->looks, mask);
	for (unsigned i = 0; i < FLOW_KEY_SIZE / 8; i++)
		if (mask->words[i])
			lines |= 1u << (i * 8 / FLOW_KEY_LINE);
	if (mask->meta.l4_csum_ok | mask->meta.inner_l4_csum_ok)
		lines |= FLOW_KEY_CSUMS;
	if (mask->meta.l3_ok | mask->meta.l4_ok | mask->meta.inner_l3_ok | mask->meta.inner_l4_ok)
		lines |= FLOW_KEY_BROKEN;
	__atomic_fetch_or(&ps->lines, lines, __ATOMIC_RELEASE);
}

unsigned flow_key_lines(const struct flow_ctx *ctx)
{
	return __atomic_load_n(&ctx->pipes->lines, __ATOMIC_ACQUIRE) | 1u;
}

int pipe_fwd_resolve(const struct flow_fwd *fwd, struct pipe_fwd *out)
{
	*out = (struct pipe_fwd){.kind = fwd->kind, .port = fwd->port, .index = fwd->index};
	switch (fwd->kind) {
	case FLOW_FWD_DROP:
		out->reason = fwd->reason ? fwd->reason : DROP_PIPE_DROP;
		return 0;
	case FLOW_FWD_PIPE:
	case FLOW_FWD_LIST:
	case FLOW_FWD_HASH:
		if (!fwd->pipe)
			return refuse(EINVAL, "forward to a pipe: no pipe given");
		out->pipe = fwd->pipe->id;
		out->serial = fwd->pipe->serial;
		return 0;
	default:
		return 0;
	}
}

struct flow_pipe *pipe_by_fwd(const struct flow_pipes *ps, const struct pipe_fwd *fwd)
{
	struct flow_pipe *pipe = __atomic_load_n(&ps->pipe[fwd->pipe], __ATOMIC_ACQUIRE);

	return pipe && pipe->serial == fwd->serial ? pipe : NULL;
}

/* The key bits an op reads or writes must be built into the key, for the walk follows them there. */
static void looks_at_field(struct flow_pipe *pipe, unsigned index)
{
	const struct flow_field *f = flow_field_get(index);

	if (f && f->key_offset != 0xffff)
		__atomic_fetch_or(&pipe->ctx->pipes->lines, 1u << (f->key_offset / FLOW_KEY_LINE), __ATOMIC_RELEASE);
}

static int check_data(const struct flow_pipe *pipe, const struct flow_action_template *t, const struct flow_op *op,
	unsigned len)
{
	if (op->data > t->data_len || len > t->data_len - op->data)
		return refuse(EINVAL, "pipe '%s': an action's data [%u, +%u) lies outside the template's %u bytes",
			pipe->name, op->data, len, t->data_len);
	return 0;
}

static int check_bits(const struct flow_pipe *pipe, unsigned index, unsigned offset, unsigned width)
{
	const struct flow_field *f = flow_field_get(index);

	if (!f)
		return refuse(EINVAL, "pipe '%s': no field number %u", pipe->name, index);
	if (!width || offset + width > flow_field_bits(f))
		return refuse(EINVAL, "pipe '%s': bits [%u, +%u) of field '%s', which has %u", pipe->name, offset, width,
			f->name, flow_field_bits(f));
	return 0;
}

static int check_written(const struct flow_pipe *pipe, unsigned index)
{
	const struct flow_field *f = flow_field_get(index);

	if (!f)
		return refuse(EINVAL, "pipe '%s': no field number %u", pipe->name, index);
	if (!f->writable)
		return refuse(EINVAL, "pipe '%s': field '%s' cannot be written", pipe->name, f->name);
	return 0;
}

static int check_op(struct flow_pipe *pipe, const struct flow_action_template *t, const struct flow_op *op)
{
	int err;

	switch (op->code) {
	case FLOW_OP_SET:
		err = check_written(pipe, op->field);
		looks_at_field(pipe, op->field);
		return err ? err : check_data(pipe, t, op, 2u * flow_field_get(op->field)->length);
	case FLOW_OP_ADD:
	case FLOW_OP_COPY:
		err = check_written(pipe, op->field);
		if (!err)
			err = check_bits(pipe, op->field, op->bit_offset, op->width);
		if (!err && op->code == FLOW_OP_ADD && op->width > 64)
			err = refuse(EINVAL, "pipe '%s': an addition over %u bits; at most 64", pipe->name, op->width);
		if (!err && (op->code == FLOW_OP_COPY || op->src_field))
			err = check_bits(pipe, op->src_field, op->index, op->width);
		looks_at_field(pipe, op->field);
		looks_at_field(pipe, op->src_field);
		if (!err && op->code == FLOW_OP_ADD && !op->src_field)
			err = check_data(pipe, t, op, 8);
		return err;
	case FLOW_OP_TTL_DEC:
	case FLOW_OP_POP_VLAN:
	case FLOW_OP_NAT64:
	case FLOW_OP_METER:
	case FLOW_OP_COUNT:
	case FLOW_OP_TOUCH:
		return 0;
	case FLOW_OP_PUSH_VLAN:
		return check_data(pipe, t, op, 4);
	case FLOW_OP_DECAP:
		return check_data(pipe, t, op, op->index);
	case FLOW_OP_ENCAP:
		if (!op->index || op->index > PKT_ENCAP_MAX)
			return refuse(EINVAL, "pipe '%s': an encap of %u bytes; 1 to %u", pipe->name, op->index, PKT_ENCAP_MAX);
		return check_data(pipe, t, op, op->index);
	default:
		return refuse(ENOTSUP, "pipe '%s': operation %u is not an action of an entry", pipe->name, op->code);
	}
}

static int copy_template(struct flow_pipe *pipe, const struct flow_action_template *from, struct pipe_template *to)
{
	uint32_t data;

	to->nr_ops = from->nr_ops;
	to->data_len = from->data_len;
	to->ops = malloc((from->nr_ops + 1) * sizeof(*to->ops));
	to->data = malloc(from->data_len + 1);
	to->hole = calloc(1, from->data_len + 1);
	if (!to->ops || !to->data || !to->hole)
		return refuse(ENOMEM, "pipe '%s': no memory for its actions", pipe->name);
	if (from->nr_ops)
		memcpy(to->ops, from->ops, from->nr_ops * sizeof(*to->ops));
	if (from->data_len)
		memcpy(to->data, from->data, from->data_len);
	if (from->data_len && from->hole)
		memcpy(to->hole, from->hole, from->data_len);
	for (unsigned i = 0; i < from->nr_ops; i++) {
		int err = check_op(pipe, from, &from->ops[i]);

		if (err)
			return err;
		to->encaps += from->ops[i].code == FLOW_OP_ENCAP;
	}
	data = RTE_ALIGN_CEIL(from->data_len, 8u) + to->encaps * sizeof(struct pkt_encap);
	pipe->max_data = MAX_OF(pipe->max_data, data);
	pipe->max_ops = MAX_OF(pipe->max_ops, from->nr_ops);
	return 0;
}

static int copy_templates(struct flow_pipe *pipe, const struct flow_pipe_cfg *cfg)
{
	pipe->nr_templates = cfg->nr_templates;
	pipe->templates = calloc(cfg->nr_templates + 1, sizeof(*pipe->templates));
	if (!pipe->templates)
		return refuse(ENOMEM, "pipe '%s': no memory for its actions", pipe->name);
	for (unsigned i = 0; i < cfg->nr_templates; i++) {
		int err = copy_template(pipe, &cfg->templates[i], &pipe->templates[i]);

		if (err)
			return err;
	}
	if (pipe->max_ops + 8 > FLOW_OPS_MAX)
		return refuse(EINVAL, "pipe '%s': %u actions in one entry; at most %u", pipe->name, pipe->max_ops,
			FLOW_OPS_MAX - 8);
	return 0;
}

/* A free id, never 0. */
static int take_id(struct flow_pipes *ps, struct flow_pipe *pipe)
{
	for (unsigned tried = 0; tried < PIPES_MAX; tried++) {
		uint16_t id = ps->next_id++ % PIPES_MAX;

		if (id && !ps->pipe[id]) {
			pipe->id = id;
			pipe->serial = ++ps->serial;
			return 0;
		}
	}
	return refuse(ENOSPC, "pipe '%s': all %u pipe numbers are in use", pipe->name, PIPES_MAX - 1);
}

static int check_root(const struct flow_pipes *ps, const struct flow_pipe_cfg *cfg, const char *name)
{
	const struct flow_pipe *present;

	if (!cfg->root)
		return 0;
	if (!ps->root[cfg->domain][cfg->port])
		return 0;
	present = ps->pipe[ps->root[cfg->domain][cfg->port]];
	return refuse(EEXIST, "pipe '%s': port %u has the root pipe '%s' in this domain already", name, cfg->port,
		present->name);
}

static void free_pipe(void *arg)
{
	struct flow_pipe *pipe = arg;

	if (pipe->serial) /* it was published once */
		__atomic_fetch_sub(&pipe->ctx->pipes->nr_pipes, 1, __ATOMIC_RELAXED);
	if (pipe->kind->destroy)
		pipe->kind->destroy(pipe);
	entry_chunks_release(pipe);
	for (unsigned i = 0; pipe->templates && i < pipe->nr_templates; i++) {
		free(pipe->templates[i].ops);
		free(pipe->templates[i].data);
		free(pipe->templates[i].hole);
	}
	if (pipe->miss_counter)
		flow_counter_free(pipe->ctx, pipe->miss_counter);
	pthread_mutex_destroy(&pipe->slots_lock);
	free(pipe->templates);
	free(pipe->miss);
	free(pipe->slots);
	free(pipe->name);
	free(pipe);
}

/* Callbacks of the epoch may run on several threads at once: the slots of removed entries come first. */
static void free_pipe_retired(void *arg)
{
	struct flow_pipe *pipe = arg;

	if (__atomic_load_n(&pipe->retiring, __ATOMIC_ACQUIRE))
		flow_retire(pipe->ctx, free_pipe_retired, pipe);
	else
		free_pipe(pipe);
}

static struct pipe_fwd *copy_fwd(const struct pipe_fwd *fwd)
{
	struct pipe_fwd *copy = malloc(sizeof(*copy));

	if (copy)
		*copy = *fwd;
	return copy;
}

static int make_forwards(struct flow_pipe *pipe, const struct flow_pipe_cfg *cfg)
{
	struct pipe_fwd miss;
	int err = pipe_fwd_resolve(&cfg->fwd, &pipe->fwd);

	if (!err)
		err = pipe_fwd_resolve(&cfg->miss, &miss);
	if (err)
		return refuse_more(err, "pipe '%s'", pipe->name);
	pipe->miss = copy_fwd(&miss);
	if (!pipe->miss)
		return refuse(ENOMEM, "pipe '%s': no memory", pipe->name);
	if (cfg->miss_counter) {
		pipe->miss_counter = flow_counter_new(pipe->ctx);
		if (!pipe->miss_counter)
			return refuse(ENOSPC, "pipe '%s': no counter left for its misses", pipe->name);
	}
	return 0;
}

static int fill_pipe(struct flow_pipe *pipe, const struct flow_pipe_cfg *cfg)
{
	int err;

	pipe->kind_id = cfg->kind;
	pipe->domain = cfg->domain;
	pipe->port = cfg->port;
	pipe->root = cfg->root;
	pipe->entry_counters = cfg->entry_counters;
	pipe->capacity = cfg->nr_entries;
	pipe->match = cfg->match;
	pipe->entry_mask = cfg->entry_mask;
	pthread_mutex_init(&pipe->slots_lock, NULL);
	for (unsigned i = 0; i < FLOW_KEY_SIZE / 8; i++) {
		pipe->match.mask.words[i] |= pipe->entry_mask.words[i];
		pipe->match.value.words[i] &= pipe->match.mask.words[i];
	}
	pipe->name = strndup(cfg->name ? cfg->name : "", PIPE_NAME_MAX);
	if (!pipe->name)
		return refuse(ENOMEM, "pipe: no memory");
	err = copy_templates(pipe, cfg);
	if (!err)
		err = make_forwards(pipe, cfg);
	if (!err)
		err = pipe->kind->create(pipe, cfg);
	return err;
}

static void publish(struct flow_pipes *ps, struct flow_pipe *pipe)
{
	pipe_looks_at(pipe, &pipe->match.mask);
	__atomic_fetch_add(&ps->nr_pipes, 1, __ATOMIC_RELAXED);
	__atomic_store_n(&ps->pipe[pipe->id], pipe, __ATOMIC_RELEASE);
	if (pipe->root) {
		__atomic_store_n(&ps->root[pipe->domain][pipe->port], pipe->id, __ATOMIC_RELEASE);
		ps->nr_egress += pipe->domain >= FLOW_DOMAIN_EGRESS;
		pipe_gen_bump(ps, &ps->roots_gen);
	}
}

int flow_pipe_create(struct flow_ctx *ctx, const struct flow_pipe_cfg *cfg, struct flow_pipe **out)
{
	struct flow_pipes *ps = ctx->pipes;
	struct flow_pipe *pipe;
	int err;

	assert(cfg->kind < ARRAY_SIZE(kinds) && cfg->domain < FLOW_DOMAIN_COUNT);
	pipe = calloc(1, sizeof(*pipe));
	if (!pipe)
		return refuse(ENOMEM, "pipe '%s': no memory", cfg->name ? cfg->name : "");
	pipe->ctx = ctx;
	pipe->kind = kinds[cfg->kind];
	err = fill_pipe(pipe, cfg);
	pthread_mutex_lock(&ps->lock);
	if (!err)
		err = check_root(ps, cfg, pipe->name);
	if (!err)
		err = take_id(ps, pipe);
	if (!err)
		publish(ps, pipe);
	pthread_mutex_unlock(&ps->lock);
	if (err) {
		free_pipe(pipe);
		return err;
	}
	*out = pipe;
	return 0;
}

static void remove_one(void *arg, struct flow_entry *entry)
{
	flow_entry_remove(entry);
}

void flow_pipe_destroy(struct flow_pipe *pipe)
{
	struct flow_pipes *ps;

	if (!pipe)
		return;
	ps = pipe->ctx->pipes;
	pthread_mutex_lock(&ps->lock);
	pipe->dying = true;
	if (pipe->root) {
		__atomic_store_n(&ps->root[pipe->domain][pipe->port], 0, __ATOMIC_RELEASE);
		ps->nr_egress -= pipe->domain >= FLOW_DOMAIN_EGRESS;
		pipe_gen_bump(ps, &ps->roots_gen);
	}
	__atomic_store_n(&ps->pipe[pipe->id], NULL, __ATOMIC_RELEASE);
	pipe_gen_bump(ps, &ps->pipe_gen[pipe->id]);
	pthread_mutex_unlock(&ps->lock);
	entry_each(pipe, remove_one, NULL);
	flow_retire(pipe->ctx, free_pipe_retired, pipe);
}

int flow_pipe_set_miss(struct flow_pipe *pipe, const struct flow_fwd *miss)
{
	struct pipe_fwd fwd, *fresh, *old;
	int err = pipe_fwd_resolve(miss, &fwd);

	if (err)
		return refuse_more(err, "pipe '%s'", pipe->name);
	fresh = copy_fwd(&fwd);
	if (!fresh)
		return refuse(ENOMEM, "pipe '%s': no memory", pipe->name);
	old = __atomic_exchange_n(&pipe->miss, fresh, __ATOMIC_ACQ_REL);
	pipe_gen_bump(pipe->ctx->pipes, &pipe->ctx->pipes->pipe_gen[pipe->id]);
	flow_retire(pipe->ctx, free, old);
	return 0;
}

int flow_pipe_grow(struct flow_pipe *pipe, uint32_t nr_entries)
{
	int err;

	if (!pipe->kind->resize)
		return refuse(ENOTSUP, "pipe '%s': a pipe of kind %s cannot be resized", pipe->name, pipe->kind->name);
	if (nr_entries < flow_pipe_entries(pipe))
		return refuse(EBUSY, "pipe '%s': cannot shrink to %u entries, it has %u", pipe->name, nr_entries,
			flow_pipe_entries(pipe));
	err = pipe->kind->resize(pipe, nr_entries);
	if (!err)
		pipe->capacity = nr_entries;
	return err;
}

uint32_t flow_pipe_entries(const struct flow_pipe *pipe)
{
	return __atomic_load_n(&pipe->nr_entries, __ATOMIC_RELAXED);
}

int flow_pipe_query_miss(const struct flow_pipe *pipe, struct flow_count *count)
{
	if (!pipe->miss_counter)
		return refuse(ENOENT, "pipe '%s': its misses are not counted", pipe->name);
	flow_counter_read(pipe->ctx, pipe->miss_counter, count);
	return 0;
}

uint16_t flow_pipe_id(const struct flow_pipe *pipe)
{
	return pipe->id;
}

const char *flow_pipe_name(const struct flow_pipe *pipe)
{
	return pipe->name;
}

int flow_set_default(struct flow_ctx *ctx, uint16_t port, enum flow_domain domain, const struct flow_fwd *fwd)
{
	struct flow_pipes *ps = ctx->pipes;
	struct pipe_fwd resolved, *fresh = NULL, *old;
	int err;

	assert(domain < FLOW_DOMAIN_COUNT);
	if (fwd && fwd->kind != FLOW_FWD_NONE) {
		err = pipe_fwd_resolve(fwd, &resolved);
		if (err)
			return refuse_more(err, "default of port %u", port);
		fresh = copy_fwd(&resolved);
		if (!fresh)
			return refuse(ENOMEM, "default of port %u: no memory", port);
	}
	old = __atomic_exchange_n(&ps->fallback[domain][port], fresh, __ATOMIC_ACQ_REL);
	pipe_gen_bump(ps, &ps->roots_gen);
	if (old)
		flow_retire(ctx, free, old);
	return 0;
}

void flow_set_group(struct flow_ctx *ctx, uint16_t port, uint16_t group)
{
	struct flow_pipes *ps = ctx->pipes;

	ps->group[port] = group == FLOW_PORT_NONE ? 0 : group;
	pipe_gen_bump(ps, &ps->roots_gen);
}

void flow_set_program(struct flow_ctx *ctx, uint16_t port, bool program)
{
	ctx->pipes->program[port] = program;
}

void flow_set_source(struct flow_ctx *ctx, uint16_t port, int32_t source)
{
	ctx->pipes->source[port] = (uint32_t)(source + 1);
}

void flow_set_own_mac(struct flow_ctx *ctx, uint16_t port, const uint8_t mac[6])
{
	uint64_t word = mac ? OWN_MAC : 0;

	if (mac)
		memcpy(&word, mac, 6);
	__atomic_store_n(&ctx->pipes->own_mac[port], word, __ATOMIC_RELAXED);
}

const struct flow_ct *flow_ct_get(const struct flow_ctx *ctx, uint32_t id)
{
	const struct flow_pipe *pipe = id < PIPES_MAX ? __atomic_load_n(&ctx->pipes->pipe[id], __ATOMIC_ACQUIRE) : NULL;

	return pipe && pipe->kind_id == FLOW_PIPE_CT ? &pipe->ct : NULL;
}

int flow_pipes_init(struct flow_ctx *ctx)
{
	struct flow_pipes *ps = calloc(1, sizeof(*ps));
	int err;

	if (!ps)
		return refuse(ENOMEM, "flow: no memory for pipes");
	ctx->pipes = ps;
	ps->ctx = ctx;
	ps->lines = 1;
	ps->next_id = 1;
	ps->nr_qsets = 1;
	pthread_mutex_init(&ps->lock, NULL);
	pthread_mutex_init(&ps->chunk_lock, NULL);
	err = walk_init(ctx);
	if (!err)
		err = cache_init(ctx);
	if (err)
		flow_pipes_fini(ctx);
	return err;
}

/* The lock keeps pipes from going; no packet ever waits for it. */
void flow_pipes_settle(struct flow_ctx *ctx)
{
	struct flow_pipes *ps = ctx->pipes;

	pthread_mutex_lock(&ps->lock);
	for (unsigned i = 0; i < PIPES_MAX; i++)
		if (ps->pipe[i] && ps->pipe[i]->kind->settle)
			ps->pipe[i]->kind->settle(ps->pipe[i]);
	pthread_mutex_unlock(&ps->lock);
	cache_settle(ctx);
}

/* No reader is online and what was retired has been freed. */
void flow_pipes_fini(struct flow_ctx *ctx)
{
	struct flow_pipes *ps = ctx->pipes;

	if (!ps)
		return;
	cache_fini(ctx);
	walk_fini(ctx);
	for (unsigned i = 0; i < PIPES_MAX; i++)
		if (ps->pipe[i])
			flow_pipe_destroy(ps->pipe[i]);
	for (unsigned i = 0; ps->nr_pipes && i < PIPES_MAX; i++) /* no reader is online: what was retired goes now */
		flow_retire(ctx, NULL, NULL);
	for (unsigned d = 0; d < FLOW_DOMAIN_COUNT; d++)
		for (unsigned p = 0; p < PIPES_MAX; p++)
			free(ps->fallback[d][p]);
	while (ps->spare_chunks) {
		struct entry_chunk *next = ps->spare_chunks->next;

		free(ps->spare_chunks);
		ps->spare_chunks = next;
	}
	for (unsigned i = 1; i < ps->nr_qsets; i++)
		free(ps->qset[i]);
	pthread_mutex_destroy(&ps->lock);
	pthread_mutex_destroy(&ps->chunk_lock);
	free(ps);
	ctx->pipes = NULL;
}
