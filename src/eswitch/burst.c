/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * THE path. A burst is looked up and run in rounds: most packets need one, a packet whose program
 * ended in RESUME (or whose connection continues in a hit pipe) comes round again with a resume point.
 */
#include <assert.h>
#include <rte_byteorder.h>
#include <rte_flow.h>
#include <string.h>

#include "eswitch/eswitch_int.h"

static void take(struct esw_slot *s, uint16_t port, struct rte_mbuf **m, unsigned n, uint64_t now_ns)
{
	struct esw_run *r = &s->run;
	struct esw_tally *t = esw_tally_of(s, port);
	uint64_t bytes = 0;

	r->tsc = rte_rdtsc();
	r->now_ns = now_ns;
	r->port = port;
	r->forks.n = r->forks.lost = 0;
	for (unsigned i = 0; i < n; i++) {
		m[i]->port = port;
		bytes += m[i]->pkt_len;
	}
	t->in.rx += n;
	t->in.rx_bytes += bytes;
	t->in.bursts++;
	s->bursts++;
}

static void capture_rx(struct esw_slot *s, uint16_t port, struct rte_mbuf **m, unsigned n)
{
	struct esw_link *l = s->link[port];

	for (unsigned c = 0; c < ESW_CAPTURES_MAX; c++)
		for (unsigned i = 0; l->capture_rx >> c & 1 && i < n; i++)
			esw_capture_put(s, c, m[i], port, ESW_CAPTURE_RX, DROP_NONE);
}

/* What a program set beside the packets it transmits (or what it received with them) is their metadata. */
static void take_metadata(struct esw_run *r)
{
	for (unsigned i = 0; i < r->n; i++)
		if (r->m[i]->ol_flags & RTE_MBUF_DYNFLAG_TX_METADATA)
			r->meta[i].pkt_meta = rte_cpu_to_be_32(rte_flow_dynf_metadata_get(r->m[i]));
}

/* Can the packet go on? One whose lengths are wrong can where pipes look at that (parser_meta's ok bits). */
static inline bool usable(struct esw_slot *s, struct rte_mbuf *m, struct pkt_parse *p)
{
	if (unlikely(p->drop | p->inner_drop) && flow_key_lines(s->esw->flow) & FLOW_KEY_BROKEN)
		pkt_parse_lenient(m, p);
	return likely(!p->drop);
}

/* Parse; what cannot be parsed drops here, the rest stands dense in r->m. */
static void parse(struct esw_slot *s, struct rte_mbuf **m, unsigned n)
{
	struct esw_run *r = &s->run;
	unsigned kept = 0;

	pkt_parse_burst(m, r->parse, n);
	for (unsigned i = 0; i < n; i++) {
		if (unlikely(!usable(s, m[i], &r->parse[i]))) {
			esw_drop(s, m[i], r->port, r->parse[i].drop);
			continue;
		}
		if (unlikely(kept != i))
			r->parse[kept] = r->parse[i];
		r->m[kept] = r->pkt[kept].m = m[i];
		r->meta[kept] = (struct flow_pkt_meta){.port = r->port};
		kept++;
	}
	r->n = kept;
	if (unlikely(s->link[r->port]->port->caps & PORT_CAP_RX_METADATA))
		take_metadata(r);
}

static void look_up(struct esw_slot *s)
{
	struct esw_run *r = &s->run;
	struct flow_ctx *flow = s->esw->flow;
	struct esw_tally *t = esw_tally_of(s, r->port);
	unsigned lines = flow_key_lines(flow);
	uint64_t all = r->n >= 64 ? UINT64_MAX : (1ull << r->n) - 1, hits;

	flow_key_build(r->m, r->parse, r->meta, r->key, r->n, lines);
	hits = flow_cache_lookup(flow, s->worker, r->key, lines, r->hit, r->n);
	flow_run_burst(flow, s->worker, r->pkt, r->hit, hits, r->now_ns, &r->forks, r->verdict);
	for (uint64_t misses = all & ~hits; misses; misses &= misses - 1) {
		unsigned i = __builtin_ctzll(misses);

		r->verdict[i] = flow_walk(flow, s->worker, &r->pkt[i], r->now_ns, &r->forks);
	}
	t->in.cache_hits += __builtin_popcountll(hits);
	t->in.cache_misses += __builtin_popcountll(all & ~hits);
}

/* Connections of one CT pipe, all packets of the burst that stand at it at once. */
static void track(struct esw_slot *s, uint32_t pipe, uint64_t mask)
{
	struct esw_run *r = &s->run;
	struct flow_ctx *flow = s->esw->flow;
	const struct flow_ct *ct = flow_ct_get(flow, pipe);
	struct esw_tally *t = esw_tally_of(s, r->port);
	uint64_t hits;

	if (unlikely(!ct)) {
		for (; mask; mask &= mask - 1)
			r->verdict[__builtin_ctzll(mask)] =
				(struct flow_verdict){.kind = FLOW_VERDICT_DROP, .reason = DROP_PIPE_GONE};
		return;
	}
	hits = flow_track_burst(flow, s->worker, ct, r->pkt, r->key, mask, r->now_ns, r->verdict);
	t->in.conn_hits += __builtin_popcountll(hits);
	t->in.conn_misses += __builtin_popcountll(mask & ~hits);
}

static void track_all(struct esw_slot *s)
{
	struct esw_run *r = &s->run;
	bool others;

	do {
		uint64_t mask = 0;
		uint32_t pipe = 0;

		others = false;
		for (unsigned i = 0; i < r->n; i++) {
			if (r->verdict[i].kind != FLOW_VERDICT_CT)
				continue;
			if (!mask)
				pipe = r->verdict[i].index;
			if (likely(r->verdict[i].index == pipe))
				mask |= 1ull << i;
			else
				others = true;
		}
		if (mask)
			track(s, pipe, mask);
	} while (unlikely(others));
}

/* How many packets from `from` on have the verdict of the first. */
static unsigned run_length(const struct esw_run *r, unsigned from)
{
	unsigned n = 1;

	while (from + n < r->n && !memcmp(&r->verdict[from], &r->verdict[from + n], sizeof(r->verdict[0])))
		n++;
	return n;
}

/* Packet i goes round again: it moves down to `kept`. */
static void keep(struct esw_run *r, unsigned i, unsigned kept)
{
	r->meta[i].resume = r->verdict[i].index;
	r->parsed[kept] = r->verdict[i].reason == FLOW_AGAIN_PARSED;
	if (kept == i)
		return;
	if (r->parsed[kept])
		r->parse[kept] = r->parse[i];
	r->meta[kept] = r->meta[i];
	r->m[kept] = r->pkt[kept].m = r->m[i];
}

/* Settle what has its final verdict; keep the packets that go round again, dense. */
static void settle(struct esw_slot *s)
{
	struct esw_run *r = &s->run;
	unsigned kept = 0;

	for (unsigned i = 0, n; i < r->n; i += n) {
		struct flow_verdict v = r->verdict[i];

		n = 1;
		if (likely(v.kind == FLOW_VERDICT_PORT)) {
			n = run_length(r, i);
			esw_emit_run(s, &r->m[i], n, r->port, v.port);
		} else if (v.kind == FLOW_VERDICT_AGAIN) {
			keep(r, i, kept++);
		} else {
			esw_settle(s, &r->pkt[i], v);
		}
	}
	r->n = kept;
}

/* Headers moved: the next round looks at the packets as they are now. */
static void parse_again(struct esw_slot *s)
{
	struct esw_run *r = &s->run;
	unsigned kept = 0;

	for (unsigned i = 0; i < r->n; i++) {
		if (r->parsed[i]) {
			if (unlikely(kept != i))
				r->parse[kept] = r->parse[i];
		} else {
			pkt_parse(r->m[i], &r->parse[kept]);
		}
		if (unlikely(!usable(s, r->m[i], &r->parse[kept]))) {
			esw_drop(s, r->m[i], r->port, r->parse[kept].drop);
			continue;
		}
		if (likely(kept == i)) {
			kept++;
			continue;
		}
		r->meta[kept] = r->meta[i];
		r->m[kept] = r->pkt[kept].m = r->m[i];
		kept++;
	}
	r->n = kept;
}

/* Copies made on the way: those with a verdict leave, the others are the next packets to look up. */
static void settle_forks(struct esw_slot *s)
{
	struct esw_run *r = &s->run;
	struct esw_tally *t = esw_tally_of(s, r->port);

	t->in.copies += r->forks.n + r->forks.lost;
	t->in.drops[DROP_NO_BUFFER] += r->forks.lost;
	for (unsigned i = 0; i < r->forks.n; i++) {
		struct flow_pkt copy = {.m = r->fork_m[i], .meta = &r->fork_meta[i]};

		if (r->fork_verdict[i].kind != FLOW_VERDICT_AGAIN) {
			esw_settle(s, &copy, r->fork_verdict[i]);
			continue;
		}
		r->meta[r->n] = r->fork_meta[i];
		r->meta[r->n].resume = (uint16_t)r->fork_verdict[i].index;
		r->m[r->n] = r->pkt[r->n].m = r->fork_m[i];
		r->parsed[r->n] = false;
		r->n++;
	}
	r->forks.n = r->forks.lost = 0;
}

static void rounds(struct esw_slot *s)
{
	struct esw_run *r = &s->run;

	for (unsigned round = 0; r->n; round++) {
		if (unlikely(round)) {
			parse_again(s);
			if (round == ESW_ROUNDS_MAX)
				break;
		}
		look_up(s);
		track_all(s);
		settle(s);
		if (unlikely(!r->n && (r->forks.n || r->forks.lost)))
			settle_forks(s);
	}
	for (unsigned i = 0; i < r->n; i++)
		esw_drop(s, r->m[i], r->port, DROP_PIPE_LOOP);
}

void esw_burst(struct esw *esw, unsigned worker, uint16_t port, struct rte_mbuf **m, unsigned n, uint64_t now_ns)
{
	struct esw_slot *s = esw->slot[worker];
	struct esw_run *r = &s->run;

	if (!n)
		return;
	assert(n <= ESW_BURST);
	take(s, port, m, n, now_ns);
	if (unlikely(s->link[port] && s->link[port]->capture_rx))
		capture_rx(s, port, m, n);
	flow_reader_online(esw->flow, worker);
	parse(s, m, n);
	rounds(s);
	if (r->nr_calls)
		esw_upcall_run(s);
	else
		hist_record_n(s->later, (rte_rdtsc() - r->tsc) * 1000 / esw->tsc_per_us, n);
	flow_reader_offline(esw->flow, worker);
}
