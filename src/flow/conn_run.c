/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * conn_run: the packets of a burst that stand at one CT pipe. All are looked up at once; a hit is counted in its
 * line and rewritten from the same line by the flat form (flat_apply.h) when packet, connection and hop are
 * plain, else by conn_rewrite() and flow_apply(), which define what it means.
 */
#include "flow/conn_int.h"
#include "flow/flat_apply.h"
#include "flow/walk.h"

/* What a direction's own line says, as a flat form. False: it says more, or something else does. */
static inline bool flat_of(const struct conn_family *f, uint32_t id, struct flow_flat *flat)
{
	const struct conn_common *c = conn_common_at(f, id);
	uint16_t flags = __atomic_load_n(&c->rw_flags, __ATOMIC_ACQUIRE);

	flat->set = flags;
	flat->to = __atomic_load_n(&c->hop, __ATOMIC_RELAXED);
	if (f->words == 2) {
		const struct conn_dir4 *d = (const struct conn_dir4 *)conn_dir_key(f, id);

		memcpy(flat->addr, &d->src, 4);
		memcpy(flat->addr + 4, &d->dst, 4);
		flat->l3_delta = d->l3_delta;
		flat->l4_delta = d->l4_delta;
		flat->sport = d->sport;
		flat->dport = d->dport;
	} else {
		const struct conn_dir6 *d = (const struct conn_dir6 *)conn_dir_key(f, id);

		memcpy(flat->addr, d->src, 16);
		memcpy(flat->addr + 16, d->dst, 16);
		flat->l3_delta = 0;
		flat->l4_delta = d->l4_delta;
		flat->sport = d->sport;
		flat->dport = d->dport;
	}
	return !(flags & (CONN_RW_REPLACED | FLOW_RW_MSS)) && flat->to != FLOW_HOP_NONE;
}

/* The long way: any rewrite, or on to the hit pipe. */
static struct flow_verdict rewrite(struct flow_ctx *ctx, unsigned worker, const struct flow_ct *ct,
	struct flow_pkt *pkt, conn_ref ref)
{
	struct flow_rewrite rw;

	conn_rewrite(ct->conns, ref, &rw);
	if (ct->hit_resume && rw.hop == FLOW_HOP_NONE) {
		struct flow_verdict again = {.kind = FLOW_VERDICT_AGAIN, .index = ct->hit_resume};

		if (rw.flags)
			flow_apply(ctx, worker, pkt, &rw);
		return again;
	}
	return flow_apply(ctx, worker, pkt, &rw);
}

static inline struct flow_verdict follow(struct flow_ctx *ctx, unsigned worker,
	const struct flow_ct *ct, struct flow_pkt *pkt, conn_ref ref, uint64_t now_ns)
{
	unsigned reason = conn_update(
		ct->conns, ref, worker, pkt->key->hot.tcp_flags, pkt->m->pkt_len, 1, now_ns);
	struct flow_verdict v;
	struct flow_flat flat;

	if (unlikely(reason == CONN_REOPEN)) /* whoever decides misses replaces the closed record */
		return ct->miss;
	if (unlikely(reason))
		return (struct flow_verdict){.kind = FLOW_VERDICT_DROP, .reason = reason};
	if (likely(!ctx->pipes->nr_egress &&
		    flat_of(conn_family_of(ct->conns, ref), conn_ref_id(ref), &flat) &&
		    flat_take_hop(ctx, pkt, &flat, &v)))
		return v;
	return rewrite(ctx, worker, ct, pkt, ref);
}

uint64_t flow_track_burst(struct flow_ctx *ctx, unsigned worker, const struct flow_ct *ct,
	struct flow_pkt *pkts, const struct flow_key *keys, uint64_t todo, unsigned n,
	uint64_t now_ns, conn_ref *refs, struct flow_verdict *verdicts)
{
	uint64_t hits = 0;

	conn_lookup_keys(ct->conns, keys, ct->zone, todo, refs, n);
	for (; todo; todo &= todo - 1) {
		unsigned i = __builtin_ctzll(todo);

		if (likely(refs[i] != CONN_NONE)) {
			verdicts[i] = follow(ctx, worker, ct, &pkts[i], refs[i], now_ns);
			hits |= 1ull << i;
		} else {
			verdicts[i] = ct->miss;
		}
	}
	return hits;
}
