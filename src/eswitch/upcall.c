/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * upcall: flow misses of a burst go to the node together, after every hit of the burst has left. What
 * the node answers is carried out here. An answer may itself lead to another upcall (a rewrite to a held
 * hop, a packet that does not fit): those make a second batch, and a third is refused.
 */
#include <string.h>

#include "eswitch/eswitch_int.h"

#define ESW_CALL_BATCHES 3

void esw_upcall_add(struct esw_slot *s, struct flow_pkt *pkt, enum esw_why why, uint32_t cookie, uint16_t hop,
	uint16_t mtu)
{
	struct esw_run *r = &s->run;
	unsigned i = r->nr_calls;
	struct esw_upcall *c = &r->call[i];

	if (unlikely(i == ESW_CALLS)) {
		esw_drop(s, pkt->m, pkt->m->port, DROP_UPCALL_FULL);
		return;
	}
	if (pkt->parse)
		r->call_parse[i] = *pkt->parse;
	else if (pkt_parse(pkt->m, &r->call_parse[i]) < 0) {
		esw_drop(s, pkt->m, pkt->m->port, r->call_parse[i].drop);
		return;
	}
	if (pkt->meta)
		r->call_meta[i] = *pkt->meta;
	else
		r->call_meta[i] = (struct flow_pkt_meta){.port = pkt->m->port};
	/* actions on the way here may have changed headers: the node sees the packet as it is */
	flow_key_build(&pkt->m, &r->call_parse[i], &r->call_meta[i], &r->call_key[i], 1, 3);
	*c = (struct esw_upcall){
		.pkt = {.m = pkt->m, .parse = &r->call_parse[i], .key = &r->call_key[i], .meta = &r->call_meta[i]},
		.why = why,
		.cookie = cookie,
		.port = pkt->m->port,
		.hop = hop,
		.mtu = mtu,
		.answer = ESW_ANSWER_DROP,
		.reason = DROP_NO_ROUTE,
		.out_port = FLOW_PORT_NONE,
	};
	r->nr_calls++;
}

static void settle_call(struct esw_slot *s, struct flow_pkt *pkt, uint16_t cause, struct flow_verdict v)
{
	uint16_t burst_port = s->run.port;

	s->run.port = cause;
	esw_settle(s, pkt, v);
	s->run.port = burst_port;
}

static void follow_conn(struct esw_slot *s, struct esw_upcall *c)
{
	struct flow_rewrite rw;
	unsigned reason = conn_update(c->conns, c->conn, s->worker, c->pkt.key->hot.tcp_flags, c->pkt.m->pkt_len, 1,
		s->run.now_ns);

	if (reason == CONN_REOPEN) /* the node has just said this is the connection: nothing to reopen */
		reason = DROP_CT_INVALID;
	if (reason) {
		esw_drop(s, c->pkt.m, c->port, reason);
		return;
	}
	conn_rewrite(c->conns, c->conn, &rw);
	settle_call(s, &c->pkt, c->port, flow_apply(s->esw->flow, s->worker, &c->pkt, &rw));
}

static void carry_out(struct esw_slot *s, struct esw_upcall *c)
{
	struct rte_mbuf *m = c->pkt.m;

	switch (c->answer) {
	case ESW_ANSWER_CONN:
		follow_conn(s, c);
		break;
	case ESW_ANSWER_REWRITE:
		settle_call(s, &c->pkt, c->port, flow_apply(s->esw->flow, s->worker, &c->pkt, &c->rewrite));
		break;
	case ESW_ANSWER_SEND:
		esw_emit(s, m, c->port, c->out_port);
		break;
	case ESW_ANSWER_CONSUMED:
		esw_tally_of(s, c->port)->in.consumed++;
		rte_pktmbuf_free(m);
		break;
	case ESW_ANSWER_QUEUED:
		esw_tally_of(s, c->port)->in.queued++;
		break;
	case ESW_ANSWER_DROP:
		esw_drop(s, m, c->port, c->reason);
		break;
	}
}

/* Ask the node about calls [from, to) and carry its answers out; may add calls after `to`. */
static void batch(struct esw_slot *s, unsigned from, unsigned to)
{
	struct esw *esw = s->esw;
	struct esw_run *r = &s->run;

	for (unsigned i = from; i < to; i++)
		esw_tally_of(s, r->call[i].port)->in.upcalls++;
	if (esw->ops.upcall)
		esw->ops.upcall(esw->ops_arg, s->worker, &r->call[from], to - from, r->now_ns);
	for (unsigned i = from; i < to; i++)
		carry_out(s, &r->call[i]);
}

void esw_upcall_run(struct esw_slot *s)
{
	struct esw_run *r = &s->run;
	unsigned done = 0;

	for (unsigned round = 0; done < r->nr_calls && round < ESW_CALL_BATCHES; round++) {
		unsigned to = r->nr_calls;

		batch(s, done, to);
		done = to;
	}
	for (; done < r->nr_calls; done++)
		esw_drop(s, r->call[done].pkt.m, r->call[done].port, DROP_NO_NEIGHBOUR);
	hist_record_n(s->first, (rte_rdtsc() - r->tsc) * 1000 / s->esw->tsc_per_us, r->nr_calls);
	r->nr_calls = 0;
}

void esw_generate(struct esw *esw, unsigned worker, struct rte_mbuf *m, uint16_t cause, uint16_t out_port)
{
	struct esw_slot *s = esw->slot[worker];

	m->port = cause;
	esw_tally_of(s, cause)->in.generated++;
	esw_emit(s, m, cause, out_port);
}

void esw_requeue(struct esw *esw, unsigned worker, struct rte_mbuf *m, const struct flow_rewrite *rewrite, uint16_t hop)
{
	struct esw_slot *s = esw->slot[worker];
	const struct flow_rewrite only_hop = {.hop = hop};
	struct flow_pkt_meta meta = {.port = m->port};
	struct pkt_parse parse;
	struct flow_key key;
	struct flow_pkt pkt = {.m = m, .parse = &parse, .meta = &meta};
	struct flow_verdict v;
	uint16_t cause = m->port;

	esw_tally_of(s, cause)->in.queued--;
	if (pkt_parse(m, &parse) < 0) {
		esw_drop(s, m, cause, parse.drop);
		return;
	}
	flow_key_build(&m, &parse, &meta, &key, 1, 1);
	if (rewrite) /* else a hop held it, rewritten; the hash of what it was is in the mbuf */
		pkt.key = &key;
	v = flow_apply(esw->flow, worker, &pkt, rewrite ? rewrite : &only_hop);
	pkt.key = &key;
	settle_call(s, &pkt, cause, v);
}

void esw_discard(struct esw *esw, unsigned worker, struct rte_mbuf *m, enum drop_reason reason)
{
	struct esw_slot *s = esw->slot[worker];
	uint16_t cause = m->port;

	esw_tally_of(s, cause)->in.queued--;
	esw_drop(s, m, cause, reason);
}
