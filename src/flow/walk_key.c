/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * walk_key: provenance. For every bit of the key: is it as it came, a constant, a function of original bits, or not known?
 * walk.h says what follows from it.
 */
#include <string.h>

#include "flow/walk_int.h"

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

void walk_look(struct walk *w, const struct flow_key *bits)
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

bool walk_knows(const struct walk *w, const struct flow_key *bits)
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

	if (ports && walk_l4(&w->key) == PKT_L4_UDP)
		return w->key.hot.shape & FLOW_SHAPE_TUN || is_tunnel_port(rte_be_to_cpu_16(w->key.hot.dport)) ||
		       is_tunnel_port(rte_be_to_cpu_16(w->key.hot.sport));
	return f->key_offset == OFF(link.frag_off) ||
	       (f->header == FLOW_HDR_TUNNEL && f->key_offset != OFF(hot.vni));
}

/* Some bytes of headers stand in the key twice, and checksums follow every edit. */
static void settle_aliases(struct walk *w, const struct flow_field *f)
{
	unsigned at = f->key_offset;
	bool icmp = walk_l4(&w->key) == PKT_L4_ICMP || walk_l4(&w->key) == PKT_L4_ICMP6;

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

void walk_edit(struct walk *w, const struct flow_op *op, const uint8_t *data)
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
