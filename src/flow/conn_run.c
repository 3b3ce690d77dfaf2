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
static inline bool take4(
	struct flow_ctx *ctx, const struct conn_dir4 *d, struct flow_pkt *pkt, struct flow_verdict *v)
{
	uint16_t flags = __atomic_load_n(&d->c.rw_flags, __ATOMIC_ACQUIRE);
	struct flat4 four = {.set = (uint8_t)flags, .to = __atomic_load_n(&d->c.hop, __ATOMIC_RELAXED),
		.l3_delta = d->l3_delta, .l4_delta = d->l4_delta};

	memcpy(&four.addr, &d->src, sizeof(four.addr));
	memcpy(&four.ports, &d->sport, sizeof(four.ports));
	return likely(is_whole(flags, four.to)) && flat_take_hop4(ctx, pkt, &four, v);
}
static_assert(offsetof(struct conn_dir4, dst) == offsetof(struct conn_dir4, src) + 4 &&
		      offsetof(struct conn_dir4, dport) == offsetof(struct conn_dir4, sport) + 2, "one load each");

static bool take6(struct flow_ctx *ctx, const struct conn_dir6 *d, struct flow_pkt *pkt, struct flow_verdict *v)
{
	uint16_t flags = __atomic_load_n(&d->c.rw_flags, __ATOMIC_ACQUIRE);
	struct flow_flat flat = {.set = (uint8_t)flags, .to = __atomic_load_n(&d->c.hop, __ATOMIC_RELAXED),
		.l4_delta = d->l4_delta, .sport = d->sport, .dport = d->dport};

	memcpy(flat.addr, d->src, 16);
	memcpy(flat.addr + 16, d->dst, 16);
	return is_whole(flags, flat.to) && flat_take_hop(ctx, pkt, &flat, v);
}

/* What all packets of a call have in common. */
struct tracking {
	struct flow_ctx *ctx;
	const struct flow_ct *ct;
	struct flow_pkt *pkts;
	const struct flow_key *keys;
	struct flow_verdict *verdicts;
	unsigned worker;
	uint64_t now_ns;
	bool egress; /* the program knows which domain is next */
};

/* The long way: any rewrite, or on to the hit pipe. */
static __attribute__((noinline)) struct flow_verdict rewrite(
	const struct tracking *t, const struct conn_family *f, uint32_t id, struct flow_pkt *pkt)
{
	struct flow_rewrite rw;

	conn_rewrite(t->ct->conns, conn_ref_make(f->words == 5, id, conn_common_at(f, id)->gen), &rw);
	if (t->ct->hit_resume && rw.hop == FLOW_HOP_NONE) {
		struct flow_verdict again = {.kind = FLOW_VERDICT_AGAIN, .index = t->ct->hit_resume};

		if (rw.flags)
			flow_apply(t->ctx, t->worker, pkt, &rw);
		return again;
	}
	return flow_apply(t->ctx, t->worker, pkt, &rw);
}

/* Packet i belongs to connection `id`. words: f's, a constant. */
static inline __attribute__((always_inline)) void follow(
	const struct tracking *t, const struct conn_family *f, uint32_t id, unsigned i, unsigned words)
{
	uint8_t *dir = f->dirs + ((uint64_t)id << (words == 2 ? 6 : 7));
	struct conn_common *c = words == 2 ? &((struct conn_dir4 *)(void *)dir)->c : &((struct conn_dir6 *)(void *)dir)->c;
	struct flow_pkt *pkt = &t->pkts[i];
	struct flow_verdict *v = &t->verdicts[i];
	unsigned reason =
		conn_update_at(t->ct->conns, f, id, c, t->worker, t->keys[i].hot.tcp_flags, pkt->m->pkt_len, 1, t->now_ns);

	if (unlikely(reason == CONN_REOPEN)) /* whoever decides misses replaces the closed record */
		*v = t->ct->miss;
	else if (unlikely(reason))
		*v = (struct flow_verdict){.kind = FLOW_VERDICT_DROP, .reason = (uint8_t)reason};
	else if (unlikely(t->egress || !(words == 2 ? take4(t->ctx, (const void *)dir, pkt, v)
						    : take6(t->ctx, (const void *)dir, pkt, v))))
		*v = rewrite(t, f, id, pkt);
}

/* One family's packets. Returns the hits. */
static inline __attribute__((always_inline)) uint64_t follow_all(
	const struct tracking *t, struct conn_batch *b, unsigned words)
{
	const struct flow_conn_table *conns = t->ct->conns;
	uint64_t hits = 0;

	for (unsigned at = 0; at < b->n + 2 * CONN_STEP; at += CONN_STEP) {
		conn_batch_step(conns, b, at);
		for (unsigned k = at - 2 * CONN_STEP; at >= 2 * CONN_STEP && k < MIN_OF(at - CONN_STEP, b->n); k++) {
			uint32_t id = conn_judge(conns, b, k, words);

			if (unlikely(!id))
				continue;
			follow(t, b->f, id, b->place[k], words);
			hits |= 1ull << b->place[k];
		}
	}
	return hits;
}

uint64_t flow_track_burst(struct flow_ctx *ctx, unsigned worker, const struct flow_ct *ct, struct flow_pkt *pkts,
	const struct flow_key *keys, uint64_t todo, uint64_t now_ns, struct flow_verdict *verdicts)
{
	const struct tracking t = {ctx, ct, pkts, keys, verdicts, worker, now_ns, ctx->pipes->nr_egress != 0};
	struct conn_batch batch[2];
	uint64_t hits = 0;

	conn_batches(ct->conns, keys, ct->zone, todo, batch);
	if (batch[0].n)
		hits |= follow_all(&t, &batch[0], 2);
	if (batch[1].n)
		hits |= follow_all(&t, &batch[1], 5);
	for (uint64_t misses = todo & ~hits; misses; misses &= misses - 1)
		verdicts[__builtin_ctzll(misses)] = ct->miss;
	return hits;
}
