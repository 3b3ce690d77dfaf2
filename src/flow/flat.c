/* SPDX-License-Identifier: BSD-3-Clause */
/* flat: which programs have a flat form, and running a burst of them. */
#include "flow/flat.h"

#include "flow/age.h"
#include "flow/flat_apply.h"
#include "flow/pipe_int.h"

#define MORE_COUNTERS ARRAY_SIZE(((struct flow_flat *)NULL)->more)

/* A counter or the age, in the flat form's places. False: more than it has. */
static bool take_account(struct flow_flat *f, const struct flow_op *op)
{
	uint32_t *at = op->code == FLOW_OP_TOUCH ? &f->age : &f->counter;

	for (unsigned i = 0; op->code == FLOW_OP_COUNT && *at && i < MORE_COUNTERS; i++)
		at = &f->more[i];
	if (*at)
		return false;
	*at = op->index;
	return true;
}

static bool take_rewrite(struct flow_flat *f, const struct flow_rewrite *rw, bool narrow)
{
	unsigned len = rw->flags & FLOW_RW_IP6 ? 16 : 4;

	if (rw->flags & FLOW_RW_MSS || f->more[0] || (narrow && len > 4))
		return false;
	f->set = rw->flags;
	f->l3_delta = rw->l3_delta;
	f->l4_delta = rw->l4_delta;
	f->sport = rw->sport;
	f->dport = rw->dport;
	memcpy(f->addr, rw->src, len);
	memcpy(f->addr + len, rw->dst, len);
	return true;
}

static void take_exit(struct flow_flat *f, enum flow_flat_exit exit, uint16_t to)
{
	f->exit = exit;
	f->to = to;
}

static void take_terminal(struct flow_flat *f, const struct flow_op *op)
{
	switch (op->code) {
	case FLOW_OP_HOP:
		take_exit(f, FLOW_FLAT_HOP, op->field);
		break;
	case FLOW_OP_PORT:
		take_exit(f, FLOW_FLAT_PORT, op->field);
		break;
	case FLOW_OP_DROP: /* whoever looks at drops sees the packet as far as it came: rewritten ones are not flat, */
		if (!f->set)
			take_exit(f, FLOW_FLAT_DROP, op->field);
		break;
	case FLOW_OP_CT: /* and a connection is looked up by the rewritten tuple */
		if (!f->set)
			take_exit(f, FLOW_FLAT_CT, op->field);
		break;
	default:
		break;
	}
}

/* What came by a tunnel: the outer headers go, nothing takes their place, on to the next pipe. */
static bool ends_in_decap(const struct flow_op *ops, unsigned nr_ops)
{
	return nr_ops >= 2 && ops[nr_ops - 1].code == FLOW_OP_RESUME && ops[nr_ops - 2].code == FLOW_OP_DECAP &&
	       !ops[nr_ops - 2].index;
}

struct flow_flat flow_flat_make(
	const struct flow_op *ops, unsigned nr_ops, const struct flow_rewrite *fused, bool narrow)
{
	const struct flow_flat none = {.exit = FLOW_FLAT_NONE};
	bool decap = ends_in_decap(ops, nr_ops);
	struct flow_flat f = none;

	for (unsigned i = 0; i + 1 + decap < nr_ops; i++) {
		bool account = ops[i].code == FLOW_OP_COUNT || ops[i].code == FLOW_OP_TOUCH;
		bool rewrite =
			ops[i].code == FLOW_OP_REWRITE && fused && fused->hop == FLOW_HOP_NONE;

		if (account ? f.set || !take_account(&f, &ops[i])
			    : !rewrite || !take_rewrite(&f, fused, narrow))
			return none;
	}
	if (decap && !f.set)
		take_exit(&f, FLOW_FLAT_DECAP, ops[nr_ops - 1].field);
	else if (ops[nr_ops - 1].code == FLOW_OP_REWRITE && fused && take_rewrite(&f, fused, narrow))
		take_exit(&f, FLOW_FLAT_HOP, fused->hop);
	else
		take_terminal(&f, &ops[nr_ops - 1]);
	return f.exit ? f : none;
}

/* A train of packets of one flow: what it has still to add to its counters. */
static inline void pay(struct flow_ctx *ctx, unsigned worker, const struct flow_flat *f, uint64_t packets,
	uint64_t bytes, uint64_t now_ns)
{
	flow_counter_add(ctx, worker, f->counter, packets, bytes);
	for (unsigned i = 0; !(f->set & 15) && i < MORE_COUNTERS && f->more[i]; i++)
		flow_counter_add(ctx, worker, f->more[i], packets, bytes);
	if (f->age)
		flow_age_touch(ctx, f->age, now_ns);
}

/* The verdict of a packet whose outer headers went. */
static struct flow_verdict decapsulate(struct flow_pkt *pkt, uint16_t resume)
{
	int err = pkt_decap(pkt->m, pkt->parse, NULL, 0);

	if (unlikely(err))
		return (struct flow_verdict){.kind = FLOW_VERDICT_DROP, .reason = (uint8_t)-err};
	return (struct flow_verdict){
		.kind = FLOW_VERDICT_AGAIN, .reason = flat_again(pkt->parse), .index = resume};
}

/* The tuple, and out as it came. */
static bool rewrite_only(struct flow_pkt *pkt, const struct flow_flat *f)
{
	uint8_t *b = pkt_at(pkt->m, 0), *ip = b + pkt->parse->outer.l3;
	struct flat4 four = flat4_of(f);

	if (f->set & FLOW_RW_IP6)
		return flat_rewrite6(pkt, f, 0);
	if (!flat_rewrite4(pkt, b, ip, &four))
		return false;
	flat4_header(ip, four.l3_delta, 0, 0);
	return true;
}

/* One packet that does not leave as it came, by a hop for the most part. False: it is not plain, nothing was done, the
 * program knows better. */
static inline __attribute__((always_inline)) bool run_one(struct flow_ctx *ctx,
	struct flow_pkt *pkt, const struct flow_flat *f, struct flow_verdict *v)
{
	if (likely(f->exit == FLOW_FLAT_HOP))
		return flat_take_hop(ctx, pkt, f, v);
	if (f->exit == FLOW_FLAT_DECAP) {
		*v = decapsulate(pkt, f->to);
		return true;
	}
	*v = (struct flow_verdict){.kind = FLOW_VERDICT_PORT, .port = f->to};
	return f->exit == FLOW_FLAT_PORT && rewrite_only(pkt, f);
}

/* The verdict of a flat form that leaves the packet alone. False: it does not. */
static inline bool is_fixed(const struct flow_flat *f, struct flow_verdict *v)
{
	switch (f->exit) {
	case FLOW_FLAT_PORT:
		*v = (struct flow_verdict){.kind = FLOW_VERDICT_PORT, .port = f->to};
		return !f->set;
	case FLOW_FLAT_CT:
		*v = (struct flow_verdict){.kind = FLOW_VERDICT_CT, .index = f->to};
		return true;
	case FLOW_FLAT_DROP:
		*v = (struct flow_verdict){.kind = FLOW_VERDICT_DROP, .reason = (uint8_t)f->to};
		return true;
	default:
		return false;
	}
}

/* The long way; a program that was forgotten since the look-up is walked anew. */
static struct flow_verdict run_program(struct flow_ctx *ctx, unsigned worker, struct flow_pkt *pkt,
	const struct flow_hit *hit, uint64_t now_ns, struct flow_forks *forks)
{
	const struct flow_program *prog = __atomic_load_n(hit->prog, __ATOMIC_ACQUIRE);

	if (unlikely(!prog))
		return flow_walk(ctx, worker, pkt, now_ns, forks);
	return flow_run(ctx, worker, pkt, prog, 0, now_ns, forks);
}

static void run_programs(struct flow_ctx *ctx, unsigned worker, struct flow_pkt *pkts, const struct flow_hit *hits,
	uint64_t todo, uint64_t now_ns, struct flow_forks *forks, struct flow_verdict *verdicts)
{
	for (; todo; todo &= todo - 1) {
		unsigned i = __builtin_ctzll(todo);

		verdicts[i] = run_program(ctx, worker, &pkts[i], &hits[i], now_ns, forks);
	}
}

/* The first packets of todo that are of flow f and all get verdict v. Returns the others. */
static uint64_t run_fixed(struct flow_ctx *ctx, unsigned worker, const struct flow_pkt *pkts, const struct flow_hit *hits,
	uint64_t todo, uint64_t now_ns, struct flow_verdict v, struct flow_verdict *verdicts)
{
	const struct flow_flat *f = hits[__builtin_ctzll(todo)].flat;
	uint64_t packets = 0, bytes = 0;
	unsigned i;

	for (; todo && hits[i = __builtin_ctzll(todo)].flat == f; todo &= todo - 1) {
		verdicts[i] = v;
		bytes += pkts[i].m->pkt_len;
		packets++;
	}
	pay(ctx, worker, f, packets, bytes, now_ns);
	return todo;
}

/* What a flow has still to add to its counters: packets of it come one behind the other. */
struct train {
	const struct flow_flat *f;
	uint64_t packets, bytes;
};

static inline void count(struct flow_ctx *ctx, unsigned worker, struct train *t, const struct flow_flat *f, uint32_t bytes,
	uint64_t now_ns)
{
	if (t->f != f) {
		if (t->packets)
			pay(ctx, worker, t->f, t->packets, t->bytes, now_ns);
		*t = (struct train){.f = f};
	}
	t->packets++;
	t->bytes += bytes;
}

void flow_run_burst(struct flow_ctx *ctx, unsigned worker, struct flow_pkt *pkts,
	const struct flow_hit *hits, uint64_t todo, uint64_t now_ns, struct flow_forks *forks,
	struct flow_verdict *verdicts)
{
	struct flow_verdict verdict;
	struct train t = {};

	if (unlikely(ctx->pipes->nr_egress)) { /* only the program knows which domain is next */
		run_programs(ctx, worker, pkts, hits, todo, now_ns, forks, verdicts);
		return;
	}
	while (todo) {
		unsigned i = __builtin_ctzll(todo);
		const struct flow_flat *f = hits[i].flat;
		uint32_t size = pkts[i].m->pkt_len;

		if (f->exit != FLOW_FLAT_HOP && is_fixed(f, &verdict)) {
			todo = run_fixed(ctx, worker, pkts, hits, todo, now_ns, verdict, verdicts);
			continue;
		}
		todo &= todo - 1;
		if (likely(run_one(ctx, &pkts[i], f, &verdicts[i])))
			count(ctx, worker, &t, f, size, now_ns);
		else
			verdicts[i] = run_program(ctx, worker, &pkts[i], &hits[i], now_ns, forks);
	}
	if (t.packets)
		pay(ctx, worker, t.f, t.packets, t.bytes, now_ns);
}
