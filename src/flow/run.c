/* SPDX-License-Identifier: BSD-3-Clause */
/* run: execute a composed program on a packet, and the fused rewrite on its own. */
#include <string.h>
#include <time.h>

#include <rte_flow.h>

#include "flow/age.h"
#include "flow/custom.h"
#include "flow/flat_apply.h"
#include "flow/meter.h"
#include "flow/pipe_int.h"
#include "packet/edit.h"
#include "packet/segment.h"
#include "packet/tunnel.h"

static inline struct flow_verdict drop(unsigned reason)
{
	return (struct flow_verdict){.kind = FLOW_VERDICT_DROP, .reason = reason};
}

/* ---- leaving ---- */

static bool is_own(const struct flow_pipes *ps, uint16_t port, const struct flow_pkt *pkt)
{
	uint64_t mac = __atomic_load_n(&ps->own_mac[port], __ATOMIC_RELAXED);

	return mac && pkt->parse->outer.l2_type != PKT_L2_NONE && !memcmp(pkt_at(pkt->m, pkt->parse->outer.l2), &mac, 6);
}

/* In by `port` as if from the wire: no metadata crosses it. */
static struct flow_verdict come_back(struct flow_pkt *pkt, uint16_t port)
{
	*pkt->meta = (struct flow_pkt_meta){.port = port};
	return (struct flow_verdict){.kind = FLOW_VERDICT_AGAIN};
}

/* Out by `port`: through the egress domains that port has, in their order. */
static struct flow_verdict leave(struct flow_ctx *ctx, struct flow_pkt *pkt, uint16_t port, unsigned domain)
{
	const struct flow_pipes *ps = ctx->pipes;
	enum flow_domain next;

	if (likely(!ps->nr_egress))
		return (struct flow_verdict){.kind = FLOW_VERDICT_PORT, .port = port};
	domain = MAX_OF(domain, (unsigned)pkt->meta->domain);
	next = domain < FLOW_DOMAIN_EGRESS ? FLOW_DOMAIN_EGRESS : domain + 1;
	for (; next < FLOW_DOMAIN_COUNT; next++) {
		if (!pipe_egress_root(ps, next, port, pkt->meta->port))
			continue;
		pkt->meta->domain = next;
		pkt->meta->port = port;
		return (struct flow_verdict){.kind = FLOW_VERDICT_AGAIN};
	}
	if (domain >= FLOW_DOMAIN_EGRESS && unlikely(is_own(ps, port, pkt)))
		return come_back(pkt, port);
	return (struct flow_verdict){.kind = FLOW_VERDICT_PORT, .port = port};
}

static uint32_t entropy(const struct flow_pkt *pkt)
{
	return pkt->key ? flat_entropy(pkt->key) : pkt->m->hash.rss;
}

uint32_t flow_key_entropy(const struct flow_key *key)
{
	return flat_entropy(key);
}

static bool may_fragment(const struct flow_pkt *pkt)
{
	return pkt->parse->outer.l3_type == PKT_L3_IP4 && !(*(uint8_t *)pkt_at(pkt->m, pkt->parse->outer.l3 + 6u) & 0x40);
}

static bool too_big(const struct flow_pkt *pkt, const struct flow_hop *hop)
{
	if (likely(!hop->mtu || pkt->m->pkt_len - pkt->parse->outer.l3 <= hop->mtu))
		return false;
	return pkt_wire_size(pkt->m, pkt->parse) > hop->mtu && !may_fragment(pkt);
}

static struct flow_verdict take_hop(struct flow_ctx *ctx, struct flow_pkt *pkt, const struct flow_hop *hop, uint16_t index)
{
	uint32_t hash;
	int err;

	if (unlikely(hop->flags & FLOW_HOP_HOLD)) {
		pkt->m->hash.rss = entropy(pkt); /* it is rewritten: later its key would tell another flow */
		return (struct flow_verdict){.kind = FLOW_VERDICT_UPCALL, .port = index, .index = FLOW_UPCALL_HELD};
	}
	if (hop->flags & FLOW_HOP_TTL) {
		err = pkt_ttl_dec(pkt->m, pkt->parse, PKT_OUTER);
		if (unlikely(err))
			return drop(-err);
	}
	if (hop->flags & FLOW_HOP_MACS)
		pkt_set_macs(pkt->m, (const struct rte_ether_addr *)hop->dmac, (const struct rte_ether_addr *)hop->smac);
	if (hop->flags & FLOW_HOP_ENCAP) {
		hash = entropy(pkt);
		err = pkt_encap(pkt->m, pkt->parse, &hop->encap, hash);
		if (unlikely(err))
			return drop(-err);
	}
	return leave(ctx, pkt, hop->port, FLOW_DOMAIN_DEFAULT);
}

/* ---- the fused rewrite ---- */

/* What the precomputed deltas are right for: pkt_nat_apply's assertion, as a question. */
static inline bool is_plain(const struct pkt_parse *p)
{
	return (p->outer.l4_type == PKT_L4_TCP || p->outer.l4_type == PKT_L4_UDP) && p->tun_type == PKT_TUN_NONE &&
	       !(p->outer.flags & (PKT_FRAG | PKT_FRAG_LATER));
}

static int translate(struct flow_pkt *pkt, const struct flow_rewrite *rw)
{
	struct pkt_nat nat = {
		.sport = rw->sport,
		.dport = rw->dport,
		.set = rw->flags & 15,
		.ip6 = !!(rw->flags & FLOW_RW_IP6),
		.ip_delta = rw->l3_delta,
		.addr_delta = rw->l4_addr_delta,
		.l4_delta = rw->l4_delta,
	};

	memcpy(nat.src, rw->src, sizeof(nat.src));
	memcpy(nat.dst, rw->dst, sizeof(nat.dst));
	if (unlikely(!is_plain(pkt->parse)))
		return pkt_nat(pkt->m, pkt->parse, PKT_OUTER, &nat);
	pkt_nat_apply(pkt->m, pkt->parse, &nat);
	return 0;
}

static_assert(FLOW_RW_SRC_IP == PKT_NAT_SRC && FLOW_RW_DST_IP == PKT_NAT_DST && FLOW_RW_SRC_PORT == PKT_NAT_SPORT &&
	      FLOW_RW_DST_PORT == PKT_NAT_DPORT, "the same four bits");

static void clamp_mss(struct flow_pkt *pkt, const struct flow_hop *hop)
{
	unsigned headers = pkt->parse->outer.l3_type == PKT_L3_IP6 ? 60 : 40;

	if (hop && hop->mtu > headers)
		pkt_mss_clamp(pkt->m, pkt->parse, PKT_OUTER, hop->mtu - headers);
}

struct flow_verdict flow_apply(struct flow_ctx *ctx, unsigned worker, struct flow_pkt *pkt, const struct flow_rewrite *rw)
{
	const struct flow_hop *hop = NULL;
	int err;

	if (rw->hop != FLOW_HOP_NONE) {
		hop = flow_hop_get(ctx, rw->hop);
		if (unlikely(!hop))
			return drop(DROP_PIPE_GONE);
		if (unlikely(too_big(pkt, hop)))
			return (struct flow_verdict){
				.kind = FLOW_VERDICT_UPCALL, .port = rw->hop, .index = FLOW_UPCALL_TOO_BIG};
	}
	if (rw->flags & 15) {
		err = translate(pkt, rw);
		if (unlikely(err))
			return drop(-err);
	}
	if (rw->flags & FLOW_RW_MSS)
		clamp_mss(pkt, hop);
	return hop ? take_hop(ctx, pkt, hop, rw->hop) : drop(DROP_NO_ROUTE);
}

/* ---- fields of the packet as it is now ---- */

static unsigned outer_header(const struct pkt_headers *h, unsigned header)
{
	switch (header) {
	case FLOW_HDR_ETH:
		return h->l2_type != PKT_L2_NONE ? h->l2 : PKT_ABSENT;
	case FLOW_HDR_VLAN0:
		return h->l2_type >= PKT_L2_VLAN ? h->l2 + 12u : PKT_ABSENT;
	case FLOW_HDR_VLAN1:
		return h->l2_type == PKT_L2_QINQ ? h->l2 + 16u : PKT_ABSENT;
	case FLOW_HDR_IP4:
		return h->l3_type == PKT_L3_IP4 ? h->l3 : PKT_ABSENT;
	case FLOW_HDR_IP6:
		return h->l3_type == PKT_L3_IP6 ? h->l3 : PKT_ABSENT;
	case FLOW_HDR_TCP:
		return h->l4_type == PKT_L4_TCP ? h->l4 : PKT_ABSENT;
	case FLOW_HDR_UDP:
		return h->l4_type == PKT_L4_UDP ? h->l4 : PKT_ABSENT;
	case FLOW_HDR_SCTP:
		return h->l4_type == PKT_L4_SCTP ? h->l4 : PKT_ABSENT;
	case FLOW_HDR_ICMP:
		return h->l4_type == PKT_L4_ICMP || h->l4_type == PKT_L4_ICMP6 ? h->l4 : PKT_ABSENT;
	case FLOW_HDR_L4:
		return h->l4_type == PKT_L4_TCP || h->l4_type == PKT_L4_UDP ? h->l4 : PKT_ABSENT;
	default:
		return PKT_ABSENT;
	}
}

static unsigned inner_as_outer(unsigned header)
{
	switch (header) {
	case FLOW_HDR_INNER_ETH:
		return FLOW_HDR_ETH;
	case FLOW_HDR_INNER_VLAN0:
		return FLOW_HDR_VLAN0;
	case FLOW_HDR_INNER_IP4:
		return FLOW_HDR_IP4;
	case FLOW_HDR_INNER_IP6:
		return FLOW_HDR_IP6;
	case FLOW_HDR_INNER_TCP:
		return FLOW_HDR_TCP;
	case FLOW_HDR_INNER_UDP:
		return FLOW_HDR_UDP;
	case FLOW_HDR_INNER_ICMP:
		return FLOW_HDR_ICMP;
	default:
		return FLOW_HDR_L4;
	}
}

/* VXLAN and VXLAN-GPE are one header as well: a VXLAN field fits a GPE packet. */
static bool fits_tunnel(const struct flow_field *f, unsigned type)
{
	unsigned wanted = f->shape >> FLOW_SHAPE_TUN_SHIFT;

	if (type == PKT_TUN_NONE)
		return false;
	return (type << FLOW_SHAPE_TUN_SHIFT & f->shape_mask) == f->shape ||
	       (wanted == PKT_TUN_VXLAN && type == PKT_TUN_VXLAN_GPE);
}

/* Offset of the field's first byte in the frame, PKT_ABSENT when the packet has no such header. */
static unsigned locate(const struct flow_pkt *pkt, const struct flow_field *f)
{
	const struct pkt_parse *p = pkt->parse;
	unsigned at;

	if (f->header == FLOW_HDR_CUSTOM) {
		at = flow_custom_locate(pkt->m, p, f->header_offset);
		return at == PKT_ABSENT || at + f->length > rte_pktmbuf_data_len(pkt->m) ? PKT_ABSENT : at;
	}
	if (f->header == FLOW_HDR_TUNNEL)
		at = fits_tunnel(f, p->tun_type) ? p->tun : PKT_ABSENT;
	else if (flow_field_is_inner(f))
		at = p->inner.l3_type == PKT_L3_NONE && p->inner.l2_type == PKT_L2_NONE
			     ? PKT_ABSENT
			     : outer_header(&p->inner, inner_as_outer(f->header));
	else
		at = outer_header(&p->outer, f->header);
	if (at == PKT_ABSENT || at + f->header_offset + f->length > rte_pktmbuf_data_len(pkt->m))
		return PKT_ABSENT;
	return at + f->header_offset;
}

/* Where writable metadata lives. NULL for what only the parser writes. */
static uint8_t *meta_bytes(struct flow_pkt_meta *meta, const struct flow_field *f)
{
	if (f->header != FLOW_HDR_NONE || !f->writable)
		return NULL;
	if (f->key_offset == offsetof(struct flow_key, hot.pkt_meta))
		return (uint8_t *)&meta->pkt_meta;
	if (f->key_offset == offsetof(struct flow_key, hot.mark))
		return (uint8_t *)&meta->mark;
	if (f->key_offset >= offsetof(struct flow_key, meta.scratch) &&
		f->key_offset < offsetof(struct flow_key, meta.scratch) + sizeof(meta->scratch))
		return (uint8_t *)meta->scratch + (f->key_offset - offsetof(struct flow_key, meta.scratch));
	return NULL;
}

/* The traffic class straddles two bytes of the IPv6 header: the packet room has it by name. */
static bool is_traffic_class(const struct flow_field *f)
{
	return f->header == FLOW_HDR_NONE && f->key_offset == offsetof(struct flow_key, hot.tos);
}

static unsigned read_class(const struct flow_pkt *pkt, uint8_t *out)
{
	int tos = pkt->parse->outer.l3_type == PKT_L3_IP6 ? pkt_get_tos(pkt->m, &pkt->parse->outer) : -1;

	if (tos < 0)
		return DROP_EDIT_NO_HEADER;
	*out = tos;
	return 0;
}

static void read_clock(uint8_t *out)
{
	struct timespec now;
	uint64_t value;

	clock_gettime(CLOCK_REALTIME, &now);
	value = (uint64_t)now.tv_sec << 32 | (uint64_t)now.tv_nsec;
	memcpy(out, &value, sizeof(value));
}

static unsigned read_parsed(const struct flow_pkt *pkt, const struct flow_field *f, uint8_t *out)
{
	struct flow_key key;
	unsigned line = f->key_offset / FLOW_KEY_LINE;

	if (f->key_offset == offsetof(struct flow_key, inner.utc)) {
		read_clock(out);
		return 0;
	}

	flow_key_build(&pkt->m, pkt->parse, pkt->meta, &key, 1, 1u << line | FLOW_KEY_CSUMS);
	if (f->key_offset == offsetof(struct flow_key, meta.random) && pkt->key)
		key.meta.random = pkt->key->meta.random;
	memcpy(out, key.bytes + f->key_offset, f->length);
	return 0;
}

/* The field's bytes now. 0 or a drop reason. */
static unsigned read_field(const struct flow_pkt *pkt, const struct flow_field *f, uint8_t *out)
{
	const uint8_t *meta = meta_bytes(pkt->meta, f);
	unsigned at;

	if (meta) {
		memcpy(out, meta, f->length);
		return 0;
	}
	if (is_traffic_class(f))
		return read_class(pkt, out);
	if (f->header == FLOW_HDR_NONE)
		return read_parsed(pkt, f, out);
	at = locate(pkt, f);
	if (at == PKT_ABSENT)
		return DROP_EDIT_NO_HEADER;
	memcpy(out, pkt_at(pkt->m, at), f->length);
	return 0;
}

static unsigned write_field(struct flow_pkt *pkt, const struct flow_field *f, const uint8_t *bytes)
{
	uint8_t *meta = meta_bytes(pkt->meta, f);
	unsigned at;
	int err;

	if (meta) {
		memcpy(meta, bytes, f->length);
		return 0;
	}
	if (is_traffic_class(f))
		return -pkt_set_tos(pkt->m, pkt->parse, PKT_OUTER, bytes[0], 0xff);
	at = locate(pkt, f);
	if (at == PKT_ABSENT)
		return DROP_EDIT_NO_HEADER;
	err = pkt_rewrite(pkt->m, pkt->parse, at, bytes, f->length);
	return err < 0 ? -err : 0;
}

static unsigned run_set(struct flow_pkt *pkt, const struct flow_op *op, const uint8_t *data)
{
	const struct flow_field *f = flow_field_get(op->field);
	const uint8_t *value = data + op->data, *mask = value + f->length;
	uint8_t bytes[32];
	unsigned reason = read_field(pkt, f, bytes);

	if (reason)
		return reason;
	for (unsigned i = 0; i < f->length; i++)
		bytes[i] = (bytes[i] & ~mask[i]) | (value[i] & mask[i]);
	return write_field(pkt, f, bytes);
}

static unsigned run_copy(struct flow_pkt *pkt, const struct flow_op *op)
{
	const struct flow_field *to = flow_field_get(op->field), *from = flow_field_get(op->src_field);
	uint8_t src[32], dst[32];
	unsigned reason = read_field(pkt, from, src);

	if (!reason)
		reason = read_field(pkt, to, dst);
	if (reason)
		return reason;
	for (unsigned done = 0; done < op->width; done += 64) {
		unsigned n = MIN_OF(op->width - done, 64u);

		flow_field_bits_set(to, dst, op->bit_offset + done, n, flow_field_bits_get(from, src, op->index + done, n));
	}
	return write_field(pkt, to, dst);
}

static unsigned run_add(struct flow_pkt *pkt, const struct flow_op *op, const uint8_t *data)
{
	const struct flow_field *f = flow_field_get(op->field), *g = op->src_field ? flow_field_get(op->src_field) : NULL;
	uint8_t bytes[32], other[32];
	unsigned reason = read_field(pkt, f, bytes);
	uint64_t by;

	if (!reason && g)
		reason = read_field(pkt, g, other);
	if (reason)
		return reason;
	if (g)
		by = flow_field_bits_get(g, other, op->index, op->width);
	else
		memcpy(&by, data + op->data, 8);
	flow_field_bits_set(
		f, bytes, op->bit_offset, op->width, flow_field_bits_get(f, bytes, op->bit_offset, op->width) + by);
	return write_field(pkt, f, bytes);
}

static unsigned run_push_vlan(struct flow_pkt *pkt, const uint8_t *data)
{
	return -pkt_vlan_push(pkt->m, pkt->parse, data[0] << 8 | data[1], data[2] << 8 | data[3]);
}

/* One edit. 0 or a drop reason. */
static unsigned run_edit(struct flow_pkt *pkt, const struct flow_op *op, const uint8_t *data)
{
	switch (op->code) {
	case FLOW_OP_SET:
		return run_set(pkt, op, data);
	case FLOW_OP_ADD:
		return run_add(pkt, op, data);
	case FLOW_OP_COPY:
		return run_copy(pkt, op);
	case FLOW_OP_TTL_DEC:
		return -pkt_ttl_dec(pkt->m, pkt->parse, PKT_OUTER);
	case FLOW_OP_PUSH_VLAN:
		return run_push_vlan(pkt, data + op->data);
	case FLOW_OP_POP_VLAN:
		return -pkt_vlan_pop(pkt->m, pkt->parse);
	case FLOW_OP_DECAP:
		return -pkt_decap(pkt->m, pkt->parse, op->index ? data + op->data : NULL, op->index);
	case FLOW_OP_NAT64:
		return pkt->parse->outer.l3_type == op->width ? -pkt_nat64(pkt->m, pkt->parse) : DROP_EDIT_NO_HEADER;
	case FLOW_OP_ENCAP:
		return -pkt_encap(pkt->m, pkt->parse, (const struct pkt_encap *)(const void *)(data + op->data), entropy(pkt));
	default:
		return DROP_EDIT_NO_HEADER;
	}
}

/* ---- forks ---- */

static void run_fork(struct flow_ctx *ctx, unsigned worker, const struct flow_pkt *pkt, const struct flow_program *prog,
	unsigned at, uint64_t now_ns, struct flow_forks *forks)
{
	struct flow_pkt_meta meta = *pkt->meta;
	struct pkt_parse parse = *pkt->parse;
	struct flow_key key;
	struct flow_pkt copy = {.parse = &parse, .key = &key, .meta = &meta};
	unsigned n;

	if (forks && forks->n < forks->max)
		copy.m = pkt_fork(pkt->m, pkt->parse, pkt->m->pool);
	if (!copy.m) {
		if (forks)
			forks->lost++;
		return;
	}
	key.hot = pkt->key->hot;
	key.meta.random = pkt->key->meta.random;
	n = forks->n++;
	forks->m[n] = copy.m;
	forks->verdict[n] = flow_run(ctx, worker, &copy, prog, at, now_ns, forks);
	forks->m[n] = copy.m;
	forks->meta[n] = meta;
}

/* ---- the loop ---- */

static void count(struct flow_ctx *ctx, unsigned worker, const struct flow_pkt *pkt, uint32_t index)
{
	flow_counter_add(ctx, worker, index, 1, pkt->m->pkt_len);
}

static void colour(struct flow_ctx *ctx, struct flow_pkt *pkt, uint32_t meter, uint64_t now_ns)
{
	pkt->meta->meter_color =
		flow_meter_run(ctx, meter, pkt->m->pkt_len, (enum flow_color)pkt->meta->meter_color, now_ns);
}

/* An application sees mark and metadata where a NIC's driver puts them. */
static void show_metadata(const struct flow_pipes *ps, struct flow_pkt *pkt)
{
	uint32_t source = ps->source[pkt->meta->port];

	pkt->m->hash.fdir.hi = rte_be_to_cpu_32(pkt->meta->mark); /* zero too: programs read it unasked */
	if (source && !pkt->meta->mark)
		pkt->m->hash.fdir.hi = source - 1;
	if (source || pkt->meta->mark)
		pkt->m->ol_flags |= RTE_MBUF_F_RX_FDIR | RTE_MBUF_F_RX_FDIR_ID;
	if (rte_flow_dynf_metadata_avail()) {
		rte_flow_dynf_metadata_set(pkt->m, rte_be_to_cpu_32(pkt->meta->pkt_meta));
		pkt->m->ol_flags |= RTE_MBUF_DYNFLAG_RX_METADATA;
	}
}

static struct flow_verdict run_exit(struct flow_ctx *ctx, unsigned worker, struct flow_pkt *pkt, const struct flow_op *op,
	bool edited)
{
	const struct flow_rewrite only_hop = {.hop = op->field};

	switch (op->code) {
	case FLOW_OP_PORT:
		return leave(ctx, pkt, op->field, op->width);
	case FLOW_OP_HOP:
		return flow_apply(ctx, worker, pkt, &only_hop);
	case FLOW_OP_QUEUE:
		show_metadata(ctx->pipes, pkt);
		return (struct flow_verdict){.kind = FLOW_VERDICT_QUEUE, .index = op->index};
	case FLOW_OP_KERNEL:
		return (struct flow_verdict){.kind = FLOW_VERDICT_KERNEL};
	case FLOW_OP_UPCALL:
		return (struct flow_verdict){.kind = FLOW_VERDICT_UPCALL, .index = op->index};
	case FLOW_OP_RESUME:
		return (struct flow_verdict){.kind = FLOW_VERDICT_AGAIN,
			.reason = edited && op[-1].code == FLOW_OP_DECAP ? flat_again(pkt->parse) : 0,
			.index = op->field};
	case FLOW_OP_CT:
		if (edited)
			flow_key_build(&pkt->m, pkt->parse, pkt->meta, pkt->key, 1, 1);
		return (struct flow_verdict){.kind = FLOW_VERDICT_CT, .index = op->field};
	default:
		return drop(op->field);
	}
}

struct flow_verdict flow_run(struct flow_ctx *ctx, unsigned worker, struct flow_pkt *pkt, const struct flow_program *prog,
	unsigned at, uint64_t now_ns, struct flow_forks *forks)
{
	struct flow_verdict v;
	bool edited = false;
	unsigned reason;

	for (const struct flow_op *op = &prog->ops[at];; op++) {
		switch (op->code) {
		case FLOW_OP_COUNT:
			count(ctx, worker, pkt, op->index);
			continue;
		case FLOW_OP_TOUCH:
			flow_age_touch(ctx, op->index, now_ns);
			continue;
		case FLOW_OP_METER:
			colour(ctx, pkt, op->index, now_ns);
			continue;
		case FLOW_OP_FORK:
			run_fork(ctx, worker, pkt, prog, op->index, now_ns, forks);
			continue;
		case FLOW_OP_REWRITE:
			v = flow_apply(ctx, worker, pkt, &prog->fused);
			if (prog->fused.hop != FLOW_HOP_NONE || (v.kind == FLOW_VERDICT_DROP && v.reason != DROP_NO_ROUTE))
				return v;
			edited = true;
			continue;
		case FLOW_OP_SET:
		case FLOW_OP_ADD:
		case FLOW_OP_COPY:
		case FLOW_OP_TTL_DEC:
		case FLOW_OP_PUSH_VLAN:
		case FLOW_OP_POP_VLAN:
		case FLOW_OP_DECAP:
		case FLOW_OP_ENCAP:
		case FLOW_OP_NAT64:
			reason = run_edit(pkt, op, prog->data);
			if (unlikely(reason))
				return drop(reason);
			edited = true;
			continue;
		default:
			return run_exit(ctx, worker, pkt, op, edited);
		}
	}
}
