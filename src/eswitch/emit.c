/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * emit: what becomes of a packet once its verdict is known. What the egress port cannot finish
 * (segmentation, checksums) is finished here; frames wait in the link's buffer for one port_tx per round.
 * A packet is counted `tx` of its ingress port when it enters the buffer and moved to a drop if the
 * port then does not take it, so the identity holds without touching packets a port already owns.
 */
#include "eswitch/eswitch_int.h"
#include "packet/segment.h"

static struct esw_tally nowhere[FLOW_WORKERS_MAX]; /* late packets of ports already gone */

struct esw_tally *esw_tally_of(struct esw_slot *s, uint16_t port)
{
	struct esw_link *l = port < ESW_PORTS_MAX ? s->link[port] : NULL;

	return likely(l != NULL) ? &l->tally : &nowhere[s->worker];
}

void esw_drop(struct esw_slot *s, struct rte_mbuf *m, uint16_t cause, enum drop_reason reason)
{
	for (unsigned c = 0; unlikely(s->capture_drop >> c); c++)
		if (s->capture_drop >> c & 1)
			esw_capture_put(s, c, m, cause, ESW_CAPTURE_DROP, reason);
	esw_tally_of(s, cause)->in.drops[reason]++;
	rte_pktmbuf_free(m);
}

/* Taken by port_tx but refused outside: the port freed them without telling which they were. */
static void charge_errors(struct esw_slot *s, struct esw_link *l, uint64_t errors, uint16_t sent)
{
	for (unsigned i = 0; i < errors && i < sent; i++) {
		struct esw_counts *in = &esw_tally_of(s, l->cause[i])->in;

		in->tx--;
		in->drops[DROP_PORT_TX_ERROR]++;
	}
	l->tally.out_packets -= errors;
}

static void flush_link(struct esw_slot *s, struct esw_link *l)
{
	struct port_counters *c = &l->port->txq[l->queue];
	uint64_t errors = c->errors;
	uint64_t bytes = c->bytes;
	uint16_t sent, n = l->n;

	l->n = 0;
	if (!n)
		return;
	sent = port_tx(l->port, l->queue, l->m, n);
	l->tally.out_packets += sent;
	l->tally.out_bytes += c->bytes - bytes;
	if (unlikely(c->errors != errors))
		charge_errors(s, l, c->errors - errors, sent);
	for (unsigned i = sent; unlikely(i < n); i++) {
		esw_tally_of(s, l->cause[i])->in.tx--;
		esw_drop(s, l->m[i], l->cause[i], port_tx_why(l->port, l->queue));
	}
}

void esw_flush(struct esw *esw, unsigned worker)
{
	struct esw_slot *s = esw->slot[worker];

	for (unsigned i = 0; i < s->nr_dirty; i++) {
		struct esw_link *l = s->link[s->dirty[i]];

		if (!l)
			continue;
		l->dirty = false;
		flush_link(s, l);
	}
	s->nr_dirty = 0;
}

static void put(struct esw_slot *s, struct esw_link *l, struct rte_mbuf *m, uint16_t cause)
{
	struct esw_counts *in = &esw_tally_of(s, cause)->in;

	if (unlikely(l->capture_tx))
		for (unsigned c = 0; c < ESW_CAPTURES_MAX; c++)
			if (l->capture_tx >> c & 1)
				esw_capture_put(s, c, m, l->port->id, ESW_CAPTURE_TX, DROP_NONE);
	in->tx++;
	in->tx_bytes += m->pkt_len;
	l->cause[l->n] = cause;
	l->m[l->n++] = m;
	if (!l->dirty) {
		l->dirty = true;
		s->dirty[s->nr_dirty++] = l->port->id;
	}
	if (unlikely(l->n == ESW_TX_BUFFER))
		flush_link(s, l);
}

/* Does the port finish what this packet's flags leave open? */
static bool port_segments(const struct port *port, const struct rte_mbuf *m, const struct pkt_parse *p)
{
	uint32_t cap;

	if (m->pkt_len > port->max_tso)
		return false;
	if (m->ol_flags & RTE_MBUF_F_TX_TUNNEL_MASK)
		cap = PORT_CAP_TX_TUNNEL_TSO;
	else if (m->ol_flags & RTE_MBUF_F_TX_UDP_SEG)
		cap = PORT_CAP_TX_USO;
	else
		cap = p->outer.l3_type == PKT_L3_IP6 ? PORT_CAP_TX_TSO6 : PORT_CAP_TX_TSO4;
	return port->caps & cap;
}

static bool port_checksums(const struct port *port, const struct rte_mbuf *m)
{
	uint32_t cap = m->ol_flags & RTE_MBUF_F_TX_TUNNEL_MASK ? PORT_CAP_TX_TUNNEL_CSUM : PORT_CAP_TX_L4_CSUM;

	return port->caps & cap;
}

/* One frame that needs nothing but maybe a contiguous buffer. */
static void put_plain(struct esw_slot *s, struct esw_link *l, struct rte_mbuf *m, uint16_t cause)
{
	if (unlikely(m->nb_segs > 1 && !(l->port->caps & PORT_CAP_TX_CHAINS) && rte_pktmbuf_linearize(m) < 0))
		esw_drop(s, m, cause, DROP_NO_BUFFER);
	else
		put(s, l, m, cause);
}

static void too_big(struct esw_slot *s, struct rte_mbuf *m, const struct pkt_parse *p, uint16_t cause,
	uint16_t mtu)
{
	struct flow_pkt pkt = {.m = m, .parse = (struct pkt_parse *)p};

	m->port = cause;
	esw_upcall_add(s, &pkt, ESW_WHY_TOO_BIG, 0, 0, mtu);
}

static void put_segments(struct esw_slot *s, struct esw_link *l, struct rte_mbuf *m, const struct pkt_parse *p,
	uint16_t cause, bool fragments)
{
	struct pkt_segments seg;
	struct rte_mbuf *one;
	int n, made = 0;

	n = fragments ? pkt_fragment_start(&seg, m, p, (uint16_t)l->port->mtu, 0) : pkt_segment_start(&seg, m, p);
	if (n < 0) {
		esw_drop(s, m, cause, (enum drop_reason)-n);
		return;
	}
	while ((one = fragments ? pkt_fragment_next(&seg, s->esw->pool) : pkt_segment_next(&seg, s->esw->pool))) {
		made++;
		put_plain(s, l, one, cause);
	}
	if (made < n) { /* the pool ran dry: the rest of the super-packet is one drop */
		esw_tally_of(s, cause)->in.copies += made;
		esw_drop(s, m, cause, DROP_NO_BUFFER);
		return;
	}
	esw_tally_of(s, cause)->in.copies += made - 1;
	rte_pktmbuf_free(m);
}

/* The rare frames: offloads left open, or larger than the port's plain frame. */
static void finish(struct esw_slot *s, struct esw_link *l, struct rte_mbuf *m, uint16_t cause)
{
	struct pkt_parse p;

	if (pkt_parse(m, &p) < 0) {
		esw_drop(s, m, cause, p.drop);
		return;
	}
	if (pkt_wire_size(m, &p) > l->port->mtu) {
		if (p.outer.l3_type == PKT_L3_IP4 && !pkt_is_super(m) &&
			!(*(uint8_t *)pkt_at(m, p.outer.l3 + 6) & 0x40)) {
			pkt_csum_finish(m, &p);
			put_segments(s, l, m, &p, cause, true);
		} else {
			too_big(s, m, &p, cause, (uint16_t)l->port->mtu);
		}
		return;
	}
	if (pkt_is_super(m)) {
		if (port_segments(l->port, m, &p)) {
			pkt_set_offload_lengths(m, &p);
			put_plain(s, l, m, cause);
		} else {
			put_segments(s, l, m, &p, cause, false);
		}
		return;
	}
	if (m->ol_flags & PKT_PARTIAL_FLAGS && port_checksums(l->port, m))
		pkt_set_offload_lengths(m, &p);
	else
		pkt_csum_finish(m, &p);
	put_plain(s, l, m, cause);
}

void esw_emit(struct esw_slot *s, struct rte_mbuf *m, uint16_t cause, uint16_t out_port)
{
	struct esw_link *l = out_port < ESW_PORTS_MAX ? s->link[out_port] : NULL;

	if (unlikely(!l)) {
		esw_drop(s, m, cause, DROP_PORT_DOWN);
		return;
	}
	if (likely(!(m->ol_flags & (PKT_PARTIAL_FLAGS | RTE_MBUF_F_TX_OUTER_UDP_CKSUM)) &&
		    m->pkt_len <= l->frame_max))
		put_plain(s, l, m, cause);
	else
		finish(s, l, m, cause);
}

/* Frames that need nothing: no offload left open, one segment, no larger than the port's plain frame. */
static bool all_plain(const struct esw_link *l, struct rte_mbuf *const *m, unsigned n)
{
	uint64_t flags = 0;
	uint32_t longest = 0, segs = 0;

	for (unsigned i = 0; i < n; i++) {
		flags |= m[i]->ol_flags;
		longest = MAX_OF(longest, m[i]->pkt_len);
		segs |= m[i]->nb_segs;
	}
	return !(flags & (PKT_PARTIAL_FLAGS | RTE_MBUF_F_TX_OUTER_UDP_CKSUM)) && longest <= l->frame_max && segs == 1 &&
	       !l->capture_tx;
}

/* put() for many; there is room. */
static void put_run(struct esw_slot *s, struct esw_link *l, struct rte_mbuf *const *m, unsigned n, uint16_t cause)
{
	struct esw_counts *in = &esw_tally_of(s, cause)->in;
	uint64_t bytes = 0;

	for (unsigned i = 0; i < n; i++) {
		bytes += m[i]->pkt_len;
		l->m[l->n + i] = m[i];
		l->cause[l->n + i] = cause;
	}
	in->tx += n;
	in->tx_bytes += bytes;
	l->n += n;
	if (!l->dirty) {
		l->dirty = true;
		s->dirty[s->nr_dirty++] = l->port->id;
	}
	if (unlikely(l->n == ESW_TX_BUFFER))
		flush_link(s, l);
}

void esw_emit_run(struct esw_slot *s, struct rte_mbuf *const *m, unsigned n, uint16_t cause, uint16_t out_port)
{
	struct esw_link *l = out_port < ESW_PORTS_MAX ? s->link[out_port] : NULL;

	if (unlikely(!l || !all_plain(l, m, n))) {
		for (unsigned i = 0; i < n; i++)
			esw_emit(s, m[i], cause, out_port);
		return;
	}
	while (n) {
		unsigned room = MIN_OF(n, (unsigned)(ESW_TX_BUFFER - l->n));

		put_run(s, l, m, room, cause);
		m += room;
		n -= room;
	}
}

static void deliver(struct esw_slot *s, struct rte_mbuf *m, uint16_t cause, uint32_t index)
{
	struct esw *esw = s->esw;

	if (!esw->queue || !esw->queue(esw->queue_arg, s->worker, index, cause, &m, 1)) {
		esw_drop(s, m, cause, DROP_QUEUE_FULL);
		return;
	}
	esw_tally_of(s, cause)->in.consumed++;
}

static void call(struct esw_slot *s, struct flow_pkt *pkt, struct flow_verdict v)
{
	if (v.index == FLOW_UPCALL_HELD)
		esw_upcall_add(s, pkt, ESW_WHY_HOP_HELD, 0, v.port, 0);
	else if (v.index == FLOW_UPCALL_TOO_BIG)
		esw_upcall_add(s, pkt, ESW_WHY_TOO_BIG, 0, v.port, flow_hop_get(s->esw->flow, v.port)->mtu);
	else
		esw_upcall_add(s, pkt, ESW_WHY_MISS, v.index, 0, 0);
}

void esw_settle(struct esw_slot *s, struct flow_pkt *pkt, struct flow_verdict v)
{
	struct rte_mbuf *m = pkt->m;
	uint16_t cause = s->run.port;

	switch (v.kind) {
	case FLOW_VERDICT_PORT:
		esw_emit(s, m, cause, v.port);
		break;
	case FLOW_VERDICT_QUEUE:
		deliver(s, m, cause, v.index);
		break;
	case FLOW_VERDICT_KERNEL:
		deliver(s, m, cause, ESW_QUEUE_KERNEL);
		break;
	case FLOW_VERDICT_UPCALL:
		call(s, pkt, v);
		break;
	case FLOW_VERDICT_HELD:
		esw_tally_of(s, cause)->in.queued++;
		break;
	case FLOW_VERDICT_DROP:
		esw_drop(s, m, cause, v.reason);
		break;
	default: /* AGAIN and CT are the rounds' business; a fork that asks for them walked too far */
		esw_drop(s, m, cause, DROP_PIPE_LOOP);
	}
}
