/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * conn_run: the packets of a burst that stand at one CT pipe. Eight at a time are followed while the next sixteen are
 * looked up; a hit is counted in its line and rewritten from the same line by the flat form (flat_apply.h) when packet, connection and hop are
 * plain, else by conn_rewrite() and flow_apply(), which define what it means.
 */
#include "flow/conn_int.h"
#include "flow/flat_apply.h"
#include "flow/walk.h"

/* Does the direction's own line say all there is to do? */
static inline bool is_whole(uint16_t flags, uint16_t hop)
{
	return !(flags & (CONN_RW_REPLACED | FLOW_RW_MSS)) && hop != FLOW_HOP_NONE;
}

/* The plain kind of each family, from its line. False: not plain, the packet is untouched. */
static inline bool take4(struct flow_ctx *ctx, const struct conn_family *f, uint32_t id, struct flow_pkt *pkt,
	struct flow_verdict *v)
{
	const struct conn_dir4 *d = (const struct conn_dir4 *)conn_dir_key(f, id);
	uint16_t flags = __atomic_load_n(&d->c.rw_flags, __ATOMIC_ACQUIRE);
	struct flat4 four = {.set = (uint8_t)flags, .to = __atomic_load_n(&d->c.hop, __ATOMIC_RELAXED),
		.l3_delta = d->l3_delta, .l4_delta = d->l4_delta};

	memcpy(&four.addr, &d->src, sizeof(four.addr));
	memcpy(&four.ports, &d->sport, sizeof(four.ports));
	return likely(is_whole(flags, four.to)) && flat_take_hop4(ctx, pkt, &four, v);
}
static_assert(offsetof(struct conn_dir4, dst) == offsetof(struct conn_dir4, src) + 4 &&
		      offsetof(struct conn_dir4, dport) == offsetof(struct conn_dir4, sport) + 2, "one load each");

static bool take6(struct flow_ctx *ctx, const struct conn_family *f, uint32_t id, struct flow_pkt *pkt,
	struct flow_verdict *v)
{
	const struct conn_dir6 *d = (const struct conn_dir6 *)conn_dir_key(f, id);
	uint16_t flags = __atomic_load_n(&d->c.rw_flags, __ATOMIC_ACQUIRE);
	struct flow_flat flat = {.set = (uint8_t)flags, .to = __atomic_load_n(&d->c.hop, __ATOMIC_RELAXED),
		.l4_delta = d->l4_delta, .sport = d->sport, .dport = d->dport};

	memcpy(flat.addr, d->src, 16);
	memcpy(flat.addr + 16, d->dst, 16);
	return is_whole(flags, flat.to) && flat_take_hop(ctx, pkt, &flat, v);
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

/* What all packets of a call have in common. */
struct tracking {
	struct flow_ctx *ctx;
	const struct flow_ct *ct;
	unsigned worker;
	uint64_t now_ns;
	bool egress; /* the program knows which domain is next */
};

static inline struct flow_verdict follow(
	const struct tracking *t, const struct conn_family *f, uint32_t id, struct flow_pkt *pkt, conn_ref *ref)
{
	bool ip6 = f->words == 5;
	unsigned reason;
	struct flow_verdict v;

	*ref = conn_ref_make(ip6, id, conn_common_at(f, id)->gen);
	reason = conn_update_at(
		t->ct->conns, f, id, t->worker, pkt->key->hot.tcp_flags, pkt->m->pkt_len, 1, t->now_ns);
	if (unlikely(reason == CONN_REOPEN)) /* whoever decides misses replaces the closed record */
		return t->ct->miss;
	if (unlikely(reason))
		return (struct flow_verdict){.kind = FLOW_VERDICT_DROP, .reason = (uint8_t)reason};
	if (likely(!t->egress && (ip6 ? take6(t->ctx, f, id, pkt, &v) : take4(t->ctx, f, id, pkt, &v))))
		return v;
	return rewrite(t->ctx, t->worker, t->ct, pkt, *ref);
}

/* One family's packets. Returns the hits. */
static uint64_t follow_all(const struct tracking *t, struct conn_batch *b, struct flow_pkt *pkts, conn_ref *refs,
	struct flow_verdict *verdicts)
{
	uint64_t hits = 0;

	for (unsigned at = 0; b->n && at < b->n + 2 * CONN_STEP; at += CONN_STEP) {
		conn_batch_step(t->ct->conns, b, at);
		for (unsigned k = at - 2 * CONN_STEP; at >= 2 * CONN_STEP && k < MIN_OF(at - CONN_STEP, b->n); k++) {
			unsigned i = b->place[k];

			if (unlikely(!b->id[k]))
				continue;
			verdicts[i] = follow(t, b->f, b->id[k], &pkts[i], &refs[i]);
			hits |= 1ull << i;
		}
	}
	return hits;
}

uint64_t flow_track_burst(struct flow_ctx *ctx, unsigned worker, const struct flow_ct *ct,
	struct flow_pkt *pkts, const struct flow_key *keys, uint64_t todo, unsigned n,
	uint64_t now_ns, conn_ref *refs, struct flow_verdict *verdicts)
{
	const struct tracking t = {ctx, ct, worker, now_ns, ctx->pipes->nr_egress != 0};
	struct conn_batch batch[2];
	uint64_t hits;

	conn_batches(ct->conns, keys, ct->zone, todo, batch);
	hits = follow_all(&t, &batch[0], pkts, refs, verdicts);
	hits |= follow_all(&t, &batch[1], pkts, refs, verdicts);
	for (uint64_t misses = todo & ~hits; misses; misses &= misses - 1) {
		unsigned i = __builtin_ctzll(misses);

		refs[i] = CONN_NONE;
		verdicts[i] = ct->miss;
	}
	return hits;
}
