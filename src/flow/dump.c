/* SPDX-License-Identifier: BSD-3-Clause */
/* dump: pipes, entries and programs as text for people. */
#include <arpa/inet.h>
#include <string.h>

#include "base/str.h"
#include "flow/acl.h"
#include "flow/pipe_int.h"

static const char *const op_names[FLOW_OP_CODES] = {
	[FLOW_OP_NONE] = "none", [FLOW_OP_SET] = "set", [FLOW_OP_ADD] = "add", [FLOW_OP_COPY] = "copy",
	[FLOW_OP_TTL_DEC] = "ttl-dec", [FLOW_OP_PUSH_VLAN] = "push-vlan", [FLOW_OP_POP_VLAN] = "pop-vlan",
	[FLOW_OP_DECAP] = "decap", [FLOW_OP_ENCAP] = "encap", [FLOW_OP_NAT64] = "nat64", [FLOW_OP_REWRITE] = "rewrite",
	[FLOW_OP_CRYPTO] = "crypto", [FLOW_OP_COUNT] = "count", [FLOW_OP_TOUCH] = "touch", [FLOW_OP_METER] = "meter",
	[FLOW_OP_CT] = "ct", [FLOW_OP_FORK] = "fork", [FLOW_OP_RESUME] = "resume", [FLOW_OP_PORT] = "port",
	[FLOW_OP_HOP] = "hop", [FLOW_OP_QUEUE] = "queue", [FLOW_OP_KERNEL] = "kernel", [FLOW_OP_UPCALL] = "upcall",
	[FLOW_OP_DROP] = "drop",
};
static const char *const domain_names[FLOW_DOMAIN_COUNT] = {"default", "secure-ingress", "egress", "secure-egress"};

static void add_hex(struct str *out, const uint8_t *bytes, unsigned n)
{
	str_add(out, "0x");
	for (unsigned i = 0; i < n; i++)
		str_addf(out, "%02x", bytes[i]);
}

/* A field's bytes as people write them: addresses, MACs, ports; hex for the rest. */
static void add_value(struct str *out, const struct flow_field *f, const uint8_t *bytes)
{
	char text[INET6_ADDRSTRLEN];

	if (f->length == 4 && strstr(f->name, "ipv4.") && strstr(f->name, "_ip"))
		str_add(out, inet_ntop(AF_INET, bytes, text, sizeof(text)));
	else if (f->length == 16 && strstr(f->name, "ipv6.") && strstr(f->name, "_ip"))
		str_add(out, inet_ntop(AF_INET6, bytes, text, sizeof(text)));
	else if (f->length == 6 && strstr(f->name, "_mac"))
		str_addf(out, "%02x:%02x:%02x:%02x:%02x:%02x", bytes[0], bytes[1], bytes[2], bytes[3], bytes[4], bytes[5]);
	else if (f->length == 2 && strstr(f->name, "_port"))
		str_addf(out, "%u", bytes[0] << 8 | bytes[1]);
	else
		add_hex(out, bytes, f->length);
}

/* What the shape bits say, by header names. */
static void add_shape(struct str *out, const char *prefix, uint16_t value, uint16_t mask)
{
	if (mask & FLOW_SHAPE_L2)
		str_addf(out, " %s%s", prefix, pkt_l2_name(value & FLOW_SHAPE_L2));
	if (mask & FLOW_SHAPE_L3)
		str_addf(out, " %s%s", prefix, pkt_l3_name((value & FLOW_SHAPE_L3) >> FLOW_SHAPE_L3_SHIFT));
	if (mask & FLOW_SHAPE_L4)
		str_addf(out, " %s%s", prefix, pkt_l4_name((value & FLOW_SHAPE_L4) >> FLOW_SHAPE_L4_SHIFT));
	if (mask & FLOW_SHAPE_FRAG)
		str_addf(out, " %s%s", prefix, value & FLOW_SHAPE_FRAG ? "fragment" : "whole");
	if (mask & FLOW_SHAPE_TUN)
		str_addf(out, " %s%s", prefix, value & FLOW_SHAPE_TUN ? pkt_tun_name(value >> FLOW_SHAPE_TUN_SHIFT) : "no-tunnel");
}

static bool all_set(const uint8_t *mask, unsigned n)
{
	while (n && mask[n - 1] == 0xff)
		n--;
	return !n;
}

static bool any_set(const uint8_t *mask, unsigned n)
{
	while (n && !mask[n - 1])
		n--;
	return n;
}

static const char *field_name(unsigned index)
{
	const struct flow_field *f = flow_field_get(index);

	return f ? f->name : "?";
}

static void dump_set(const struct flow_op *op, const uint8_t *data, struct str *out)
{
	const struct flow_field *f = flow_field_get(op->field);
	const uint8_t *value = data + op->data;

	str_addf(out, " %s = ", f->name);
	add_value(out, f, value);
	if (!all_set(value + f->length, f->length)) {
		str_add(out, " / ");
		add_hex(out, value + f->length, f->length);
	}
}

static void dump_arith(const struct flow_op *op, const uint8_t *data, struct str *out)
{
	uint64_t by;

	str_addf(out, " %s[%u+%u]", field_name(op->field), op->bit_offset, op->width);
	if (op->src_field) {
		str_addf(out, " %s %s[%u]", op->code == FLOW_OP_ADD ? "+=" : "=", field_name(op->src_field), op->index);
		return;
	}
	memcpy(&by, data + op->data, 8);
	str_addf(out, " += %lu", (unsigned long)by);
}

void dump_op(const struct flow_op *op, const uint8_t *data, struct str *out)
{
	str_add(out, op->code < FLOW_OP_CODES ? op_names[op->code] : "?");
	switch (op->code) {
	case FLOW_OP_SET:
		dump_set(op, data, out);
		break;
	case FLOW_OP_ADD:
	case FLOW_OP_COPY:
		dump_arith(op, data, out);
		break;
	case FLOW_OP_PUSH_VLAN:
		str_add_char(out, ' ');
		add_hex(out, data + op->data, 4);
		break;
	case FLOW_OP_DECAP:
		if (op->index)
			str_addf(out, " to a new header of %u bytes", op->index);
		break;
	case FLOW_OP_ENCAP:
		str_addf(out, " %u bytes", data[op->data + offsetof(struct pkt_encap, len)]);
		break;
	case FLOW_OP_COUNT:
	case FLOW_OP_TOUCH:
	case FLOW_OP_METER:
	case FLOW_OP_QUEUE:
	case FLOW_OP_UPCALL:
	case FLOW_OP_FORK:
		str_addf(out, " %u", op->index);
		break;
	case FLOW_OP_PORT:
	case FLOW_OP_HOP:
	case FLOW_OP_RESUME:
	case FLOW_OP_CT:
		str_addf(out, " %u", op->field);
		break;
	case FLOW_OP_DROP:
		str_addf(out, " %s", drop_name((enum drop_reason)op->field));
		break;
	default:
		break;
	}
	str_add_char(out, '\n');
}

static void dump_pipe_target(const struct flow_pipes *ps, const struct pipe_fwd *fwd, struct str *out)
{
	const struct flow_pipe *pipe = pipe_by_fwd(ps, fwd);

	str_addf(out, " '%s'", pipe ? pipe->name : "(gone)");
	if (fwd->kind == FLOW_FWD_LIST)
		str_addf(out, " index %u", fwd->index);
}

void dump_fwd(const struct flow_pipes *ps, const struct pipe_fwd *fwd, struct str *out)
{
	static const char *const names[] = {"none", "port", "hop", "pipe", "drop", "queue", "kernel", "upcall", "list", "hash"};

	str_add(out, names[fwd->kind]);
	switch (fwd->kind) {
	case FLOW_FWD_PORT:
	case FLOW_FWD_HOP:
		str_addf(out, " %u", fwd->port);
		break;
	case FLOW_FWD_QUEUE:
	case FLOW_FWD_UPCALL:
		str_addf(out, " %u", fwd->index);
		break;
	case FLOW_FWD_DROP:
		str_addf(out, " %s", drop_name((enum drop_reason)fwd->reason));
		break;
	case FLOW_FWD_PIPE:
	case FLOW_FWD_LIST:
	case FLOW_FWD_HASH:
		dump_pipe_target(ps, fwd, out);
		break;
	default:
		break;
	}
}

/* Whole bytes of the key, in packets of the shape that `value` names. */
static bool can_name(const struct flow_field *f, const struct flow_key *value)
{
	uint16_t shape = strncmp(f->name, "inner.", 6) ? value->hot.shape : value->inner.shape;

	return f->key_offset != 0xffff && !f->bit_width && (shape & f->shape_mask) == f->shape;
}

/* Fields of a match by name, each byte of the mask shown once. */
void dump_match(const struct flow_key *value, const struct flow_key *mask, struct str *out)
{
	struct flow_key left = *mask;

	for (unsigned i = 1; i < flow_field_count(); i++) {
		const struct flow_field *f = flow_field_get(i);
		uint8_t *m = left.bytes + f->key_offset;

		if (!can_name(f, value) || !any_set(m, f->length))
			continue;
		str_addf(out, " %s=", f->name);
		add_value(out, f, value->bytes + f->key_offset);
		if (!all_set(m, f->length)) {
			str_add_char(out, '/');
			add_hex(out, m, f->length);
		}
		memset(m, 0, f->length);
	}
	if (mask->hot.shape)
		add_shape(out, "", value->hot.shape, mask->hot.shape);
	if (mask->inner.shape)
		add_shape(out, "inner.", value->inner.shape, mask->inner.shape);
}

struct dump {
	const struct flow_pipes *ps;
	struct str *out;
	unsigned n;
	uint32_t only; /* this entry's number, 0 = all */
	bool found;
};

static const char *name_at(uint16_t offset, const struct flow_key *value)
{
	for (unsigned i = 1; i < flow_field_count(); i++)
		if (flow_field_get(i)->key_offset == offset && can_name(flow_field_get(i), value))
			return flow_field_get(i)->name;
	return "?";
}

static void dump_ranges(const struct flow_entry *entry, struct str *out)
{
	const struct flow_acl_range *r;
	unsigned n = flow_acl_ranges(entry->rule, &r);

	for (; n--; r++)
		str_addf(out, " %s=%lu..%lu", name_at(r->offset, &entry->extra->match.value), r->low, r->high);
}

static void dump_condition(const struct flow_condition *c, struct str *out)
{
	static const char *const signs[] = {"", "==", "!=", "<", "<=", ">", ">="};

	str_addf(out, " if %s", field_name(c->field));
	if (c->bit_offset)
		str_addf(out, "[%u+%u]", c->bit_offset, c->width);
	str_addf(out, " %s ", signs[c->op]);
	if (c->against_field)
		str_add(out, field_name(c->other_field));
	else
		str_addf(out, "%lu", c->value);
}

void dump_entry_match(const struct flow_entry *entry, struct str *out)
{
	const struct flow_pipe *pipe = entry->pipe;
	struct flow_key key = {};

	if (pipe->exact && entry->index) {
		flow_exact_key(pipe->exact, entry->index, &key);
		dump_match(&key, &pipe->entry_mask, out);
	} else if (entry->extra) {
		str_addf(out, " priority %u", entry->extra->priority);
		dump_match(&entry->extra->match.value, &entry->extra->match.mask, out);
		if (pipe->kind_id == FLOW_PIPE_ACL)
			dump_ranges(entry, out);
		if (entry->extra->cond.op != FLOW_COND_NONE)
			dump_condition(&entry->extra->cond, out);
	} else {
		str_addf(out, " index %u", entry->index);
	}
}

static void dump_entry(void *arg, struct flow_entry *entry)
{
	struct dump *d = arg;
	const struct entry_body *body = __atomic_load_n(&entry->body, __ATOMIC_ACQUIRE);
	struct flow_count count;
	unsigned n = d->n++;

	if (d->only && entry->number != d->only)
		return;
	d->found = true;
	str_addf(d->out, "  entry %u:", n);
	dump_entry_match(entry, d->out);
	str_add(d->out, " -> ");
	dump_fwd(d->ps, &body->fwd, d->out);
	if (body->counter) {
		flow_counter_read(entry->pipe->ctx, body->counter, &count);
		str_addf(d->out, " packets %lu bytes %lu", (unsigned long)count.packets, (unsigned long)count.bytes);
	}
	str_add_char(d->out, '\n');
	for (unsigned i = 0; i < body->nr_ops; i++) {
		str_add(d->out, "    ");
		dump_op(&body->ops[i], body->data, d->out);
	}
}

static void dump_head(struct flow_ctx *ctx, const struct flow_pipe *pipe, struct str *out)
{
	struct flow_count count;

	str_addf(out, "pipe %u '%s' %s domain %s port ", pipe->id, pipe->name, pipe->kind->name, domain_names[pipe->domain]);
	if (pipe->port == FLOW_PORT_NONE)
		str_add(out, "any");
	else if (pipe->port >= FLOW_PORT_GROUP)
		str_addf(out, "of switch %u", pipe->port - FLOW_PORT_GROUP);
	else
		str_addf(out, "%u", pipe->port);
	str_addf(out, "%s entries %u/%u", pipe->root ? " root" : "", flow_pipe_entries(pipe), pipe->capacity);
	str_add(out, " fwd ");
	dump_fwd(ctx->pipes, &pipe->fwd, out);
	str_add(out, " miss ");
	dump_fwd(ctx->pipes, pipe->miss, out);
	if (pipe->miss_counter) {
		flow_counter_read(ctx, pipe->miss_counter, &count);
		str_addf(out, " missed %lu", (unsigned long)count.packets);
	}
	str_add(out, "\n  match:");
	dump_match(&pipe->match.value, &pipe->match.mask, out);
	str_add_char(out, '\n');
}

bool dump_pipe(struct flow_ctx *ctx, const struct flow_pipe *pipe, uint32_t only, struct str *out)
{
	struct dump d = {.ps = ctx->pipes, .out = out, .only = only};

	dump_head(ctx, pipe, out);
	entry_each(pipe, dump_entry, &d);
	return d.found || !only;
}

void flow_dump(struct flow_ctx *ctx, struct str *out)
{
	struct flow_pipes *ps = ctx->pipes;

	pthread_mutex_lock(&ps->lock); /* no pipe goes away under us */
	for (unsigned i = 0; i < PIPES_MAX; i++)
		if (ps->pipe[i])
			dump_pipe(ctx, ps->pipe[i], 0, out);
	pthread_mutex_unlock(&ps->lock);
}
