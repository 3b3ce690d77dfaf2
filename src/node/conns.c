/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * conns: decisions become connections. Two tables of the same kind:
 *
 *   conns  the flow table: what is installed; hits never come here
 *   soft   what is only forwarded (DNS, ping, a first UDP packet, mid-stream TCP to a service): looked up
 *          here for every packet, so that answers are un-translated and pass the policy that let the
 *          question through; short-lived. An unknown UDP flow moves from here to `conns` with its
 *          second packet.
 *
 * Un-NAT is done here, on the client's node, by the connection's reply direction (docs/adr/0001).
 */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/refuse.h"
#include "node/node_int.h"

#define CAPACITY_DEFAULT (1u << 20)
#define SOFT_CAPACITY (1u << 16)
#define USER_LEARNS 1u /* conn_spec.user: install with the second packet */
#define EVICT_SCAN 64  /* connections looked at to make room for one */
#define EVICT_IDLE_NS (5ull * 1000000000ull)
#define TCP_SYN_ONLY 0x02
#define TCP_FLAGS_SYN_ACK_RST 0x16

static void override(uint32_t *timeout, uint32_t seconds)
{
	if (seconds)
		*timeout = seconds;
}

static struct conn_timeouts timeouts_of(const struct card_timeouts *given)
{
	struct conn_timeouts t = conn_timeouts_default;

	override(&t.s[CONN_NEW], given->tcp_new);
	override(&t.s[CONN_SYN_SENT], given->tcp_syn_sent);
	override(&t.s[CONN_SYN_RECV], given->tcp_syn_received);
	override(&t.s[CONN_ESTABLISHED], given->tcp_established);
	override(&t.s[CONN_FIN_WAIT], given->tcp_fin_wait);
	override(&t.s[CONN_CLOSING], given->tcp_closing);
	override(&t.s[CONN_CLOSED], given->tcp_closed);
	override(&t.udp_new_s, given->udp_unreplied);
	override(&t.udp_replied_s, given->udp);
	override(&t.icmp_s, given->icmp);
	return t;
}

int conns_attach(struct node *node)
{
	struct conn_table_cfg cfg = {
		.capacity = node->capacity ? node->capacity : CAPACITY_DEFAULT,
		.timeouts = timeouts_of(&node->card.timeouts),
		.nr_workers = node->nr_workers,
	};
	int rc = conn_table_create(node->flow, &cfg, &node->conns);

	if (rc < 0)
		return rc;
	node->capacity = cfg.capacity;
	cfg.capacity = SOFT_CAPACITY;
	for (int i = 0; i < CONN_STATES; i++)
		cfg.timeouts.s[i] = 30;
	cfg.timeouts.udp_new_s = cfg.timeouts.udp_replied_s = cfg.timeouts.icmp_s = 10;
	return conn_table_create(node->flow, &cfg, &node->soft);
}

void node_settle(struct node *node)
{
	if (node->conns)
		conn_table_settle(node->conns);
	if (node->soft)
		conn_table_settle(node->soft);
}

void conns_detach(struct node *node)
{
	conn_table_destroy(node->conns);
	conn_table_destroy(node->soft);
	node->conns = node->soft = NULL;
}

/* --- per-backend counts --- */

static void count(const struct node *node, uint32_t slot, int delta)
{
	struct backend_count *c = slot == NONE ? NULL : balancer_count(node->balancer, slot);

	if (!c)
		return;
	__atomic_fetch_add(&c->active, (uint32_t)delta, __ATOMIC_RELAXED);
	if (delta > 0)
		__atomic_fetch_add(&c->total, 1, __ATOMIC_RELAXED);
}

static void forget(struct node *node, struct flow_conn_table *table, const struct conn_info *info)
{
	conn_remove(table, info->ref);
	count(node, info->owner, -1);
}

/* --- from a decision to a record --- */

uint16_t hop_of(const struct node *node, const struct target *t)
{
	const struct bound_port *p;

	switch (t->kind) {
	case TO_PORT:
		p = t->port < ESW_PORTS_MAX ? node->ports[t->port] : NULL;
		return p ? p->hop : FLOW_HOP_NONE;
	case TO_TUNNEL:
		return node->tunnels[t->tunnel].hop;
	case TO_HOST:
		p = node->host == FLOW_PORT_NONE ? NULL : node->ports[node->host];
		return p ? p->hop : FLOW_HOP_NONE;
	case TO_NOWHERE:
		break;
	}
	return FLOW_HOP_NONE;
}

static uint16_t port_of(const struct node *node, const struct target *t)
{
	return t->kind == TO_PORT ? t->port : t->kind == TO_TUNNEL ? node->uplink : node->host;
}

static void fill_rewrites(const struct node *node, const struct question *q,
	const struct decision *d, struct flow_rewrite rw[2])
{
	uint16_t common = q->ip6 ? FLOW_RW_IP6 : 0;

	rw[0] = (struct flow_rewrite){.flags = common, .hop = hop_of(node, &d->forward)};
	rw[1] = (struct flow_rewrite){.flags = common, .hop = hop_of(node, &d->reply)};
	if (q->proto == IPPROTO_TCP && d->forward.kind == TO_TUNNEL)
		rw[0].flags |= FLOW_RW_MSS;
	if (q->proto == IPPROTO_TCP && d->reply.kind == TO_TUNNEL)
		rw[1].flags |= FLOW_RW_MSS;
	if (d->dnat) {
		rw[0].flags |= FLOW_RW_DST_IP | FLOW_RW_DST_PORT;
		memcpy(rw[0].dst, d->dst, 16);
		rw[0].dport = d->dport;
		rw[1].flags |= FLOW_RW_SRC_IP | FLOW_RW_SRC_PORT;
		memcpy(rw[1].src, q->dst, 16);
		rw[1].sport = q->dport;
	}
	if (d->snat) {
		rw[0].flags |= FLOW_RW_SRC_IP;
		memcpy(rw[0].src, d->src, 16);
		rw[1].flags |= FLOW_RW_DST_IP;
		memcpy(rw[1].dst, q->src, 16);
	}
}

/* False: the packet has nothing to remember it by. */
static bool fill_spec(const struct node *node, const struct esw_upcall *call,
	const struct question *q, const struct decision *d, struct conn_spec *spec)
{
	struct conn_key *o = &spec->key[0], *r = &spec->key[1];

	memset(spec, 0, sizeof(*spec));
	if (!conn_key_from(call->pkt.key, false, 0, o))
		return false;
	fill_rewrites(node, q, d, spec->rewrite);
	*r = *o;
	memcpy(r->src, d->dnat ? d->dst : o->dst, 16);
	memcpy(r->dst, d->snat ? d->src : o->src, 16);
	r->sport = d->dnat ? d->dport : o->dport;
	r->dport = o->sport;
	spec->in_port[0] = call->port;
	spec->in_port[1] = port_of(node, &d->forward);
	spec->tcp_flags = q->tcp_flags;
	spec->owner = d->backend ? d->backend->slot : NONE;
	spec->user = d->learns ? USER_LEARNS : 0;
	return true;
}

/* --- room --- */

struct victim {
	struct conn_info info;
	uint64_t now_ns;
	bool found;
};

static uint64_t idle_ns(const struct conn_info *info, uint64_t now_ns)
{
	return now_ns > info->seen_ns ? now_ns - info->seen_ns : 0;
}

/* Closed ones first, then the one that said nothing for longest. */
static void consider(void *arg, const struct conn_info *info)
{
	struct victim *v = arg;
	bool closed = info->state == CONN_CLOSED || info->state == CONN_CLOSING;
	bool best_closed =
		v->found && (v->info.state == CONN_CLOSED || v->info.state == CONN_CLOSING);

	if (!closed && idle_ns(info, v->now_ns) < EVICT_IDLE_NS)
		return;
	if (v->found && (best_closed > closed ||
				(best_closed == closed &&
					idle_ns(info, v->now_ns) <= idle_ns(&v->info, v->now_ns))))
		return;
	v->info = *info;
	v->found = true;
}

static bool make_room(
	struct node *node, unsigned worker, struct flow_conn_table *table, uint64_t now_ns)
{
	struct victim v = {.now_ns = now_ns};

	conn_walk(table, &node->workers[worker].evict_cursor, EVICT_SCAN, consider, &v);
	if (v.found)
		forget(node, table, &v.info);
	return v.found;
}

/* A key is taken: by an earlier packet of the same flow (FOLLOW it), by a dead connection whose tuple is
 * used again (it goes, AGAIN), or the answers would look like those of another connection (CLASH: the
 * client used one source port for two services that led to one backend). */
enum taken { FOLLOW, AGAIN, CLASH };

static enum taken taken(struct node *node, struct flow_conn_table *table,
	const struct conn_spec *spec, conn_ref *ref)
{
	struct conn_info info;
	bool clash = false;

	conn_lookup(table, &spec->key[0], ref, 1);
	if (*ref == CONN_NONE) {
		clash = true;
		conn_lookup(table, &spec->key[1], ref, 1);
	}
	if (*ref == CONN_NONE || conn_query(table, *ref, &info) < 0)
		return AGAIN;
	if (info.state == CONN_CLOSED) {
		forget(node, table, &info);
		return AGAIN;
	}
	return clash || conn_ref_dir(*ref) ? CLASH : FOLLOW;
}

/* The backend sees another source port, so that its answers are told apart. */
static void move_sport(struct node_worker *w, struct conn_spec *spec)
{
	uint16_t port = rte_cpu_to_be_16((uint16_t)rng_between(&w->selector.rng, 1024, 65535));

	spec->key[1].dport = port;
	spec->rewrite[0].flags |= FLOW_RW_SRC_PORT;
	spec->rewrite[0].sport = port;
	spec->rewrite[1].flags |= FLOW_RW_DST_PORT;
	spec->rewrite[1].dport = spec->key[0].sport;
}

static bool has_sport(const struct conn_key *k)
{
	return k->proto == IPPROTO_TCP || k->proto == IPPROTO_UDP;
}

/* A flow that is only forwarded may be installed later: its answers must not look like those of an installed
 * connection either, which would take them, and keep its place. */
static bool answers_taken(
	const struct node *node, const struct flow_conn_table *table, const struct conn_spec *spec)
{
	conn_ref ref;

	if (table != node->soft)
		return false;
	conn_lookup(node->conns, &spec->key[1], &ref, 1);
	return ref != CONN_NONE;
}

#define ADD_TRIES 16

/* 0 and *ref, -EEXIST, -ENOSPC. May change the spec's source port. */
static int add(struct node *node, unsigned worker, struct flow_conn_table *table,
	struct conn_spec *spec, uint64_t now_ns, conn_ref *ref)
{
	int rc = -EEXIST;

	for (int tries = 0; tries < ADD_TRIES; tries++) {
		if (unlikely(answers_taken(node, table, spec)) && has_sport(&spec->key[0])) {
			move_sport(&node->workers[worker], spec);
			continue;
		}
		rc = conn_add(table, worker, spec, now_ns, ref);
		if (rc == 0) {
			count(node, spec->owner, 1);
			return 0;
		}
		if (rc == -ENOSPC && !make_room(node, worker, table, now_ns))
			return rc;
		if (rc != -EEXIST)
			continue;
		switch (taken(node, table, spec, ref)) {
		case FOLLOW:
			return 0;
		case AGAIN:
			break;
		case CLASH:
			if (!has_sport(&spec->key[0]))
				return rc;
			move_sport(&node->workers[worker], spec);
			break;
		}
	}
	return rc;
}

/* --- carrying out --- */

static void follow(struct esw_upcall *call, struct flow_conn_table *table, conn_ref ref)
{
	call->answer = ESW_ANSWER_CONN;
	call->conns = table;
	call->conn = ref;
}

static void forward_once(const struct node *node, struct esw_upcall *call, const struct question *q,
	const struct decision *d)
{
	call->rewrite = (struct flow_rewrite){
		.flags = q->ip6 ? FLOW_RW_IP6 : 0, .hop = hop_of(node, &d->forward)};
	call->answer = ESW_ANSWER_REWRITE;
}

static void remember(struct node *node, unsigned worker, struct esw_upcall *call,
	struct conn_spec *spec, uint64_t now_ns)
{
	conn_ref ref;
	int rc = add(node, worker, node->soft, spec, now_ns, &ref);

	if (rc == 0)
		follow(call, node->soft, ref);
	else
		call->reason = rc == -ENOSPC ? DROP_CT_FULL : DROP_CT_INVALID;
}

void conns_follow(struct node *node, unsigned worker, struct esw_upcall *call,
	const struct question *q, const struct decision *d)
{
	struct node_worker *w = &node->workers[worker];
	struct conn_spec spec;

	if (hop_of(node, &d->forward) == FLOW_HOP_NONE) {
		call->reason = DROP_NO_POD;
		w->decided_drop++;
		return;
	}
	if (d->verdict == VERDICT_FORWARD_ONCE || !fill_spec(node, call, q, d, &spec)) {
		forward_once(node, call, q, d);
		w->decided_forward++;
		return;
	}
	if (d->verdict == VERDICT_INSTALL) {
		w->spec_calls[w->nr_specs] = call;
		w->specs[w->nr_specs++] = spec;
		return;
	}
	remember(node, worker, call, &spec, q->now_ns);
	w->decided_forward++;
}

static void installed(
	struct node_worker *w, const struct node *node, struct esw_upcall *call, conn_ref ref)
{
	follow(call, node->conns, ref);
	w->decided_install++;
	w->insertions++;
}

/* What the burst did not take at once: keys that are taken, a table that is full. */
static void install_again(struct node *node, unsigned worker, struct esw_upcall *call,
	struct conn_spec *spec, uint64_t now_ns)
{
	struct node_worker *w = &node->workers[worker];
	conn_ref ref;
	int rc = add(node, worker, node->conns, spec, now_ns, &ref);

	if (rc == 0) {
		installed(w, node, call, ref);
	} else if (rc == -EEXIST) {
		call->reason = DROP_CT_INVALID;
	} else {
		w->refused_full++; /* the table is full: forward only (F:385) */
		w->decided_forward++;
		remember(node, worker, call, spec, now_ns);
	}
}

/* Install what a batch of decisions collected: together, so that the table's cache misses overlap. */
void conns_commit(struct node *node, unsigned worker, uint64_t now_ns)
{
	struct node_worker *w = &node->workers[worker];
	conn_ref refs[ESW_BURST];
	int results[ESW_BURST];

	if (!w->nr_specs)
		return;
	conn_add_burst(node->conns, worker, w->specs, now_ns, refs, results, w->nr_specs);
	for (unsigned i = 0; i < w->nr_specs; i++) {
		if (likely(results[i] == 0)) {
			count(node, w->specs[i].owner, 1);
			installed(w, node, w->spec_calls[i], refs[i]);
		} else {
			install_again(node, worker, w->spec_calls[i], &w->specs[i], now_ns);
		}
	}
	w->nr_specs = 0;
}

static bool promote(struct node *node, unsigned worker, const struct conn_info *info,
	uint64_t now_ns, conn_ref *ref)
{
	struct conn_spec spec = {.owner = info->owner};

	memcpy(spec.key, info->key, sizeof(spec.key));
	memcpy(spec.rewrite, info->rewrite, sizeof(spec.rewrite));
	memcpy(spec.in_port, info->in_port, sizeof(spec.in_port));
	if (conn_add(node->conns, worker, &spec, now_ns, ref) < 0)
		return false;
	conn_remove(node->soft, info->ref);
	return true;
}

/* A packet of a flow that is only forwarded. False: the flow is over, decide anew. */
bool conns_soft_hit(
	struct node *node, unsigned worker, struct esw_upcall *call, conn_ref ref, uint64_t now_ns)
{
	struct node_worker *w = &node->workers[worker];
	uint8_t flags = call->pkt.key->hot.tcp_flags;
	struct conn_info info;
	conn_ref installed;

	if (conn_query(node->soft, ref, &info) < 0)
		return false;
	if (call->pkt.key->hot.proto == IPPROTO_TCP &&
		(flags & TCP_FLAGS_SYN_ACK_RST) == TCP_SYN_ONLY) {
		forget(node, node->soft, &info);
		return false;
	}
	if (info.user & USER_LEARNS && promote(node, worker, &info, now_ns, &installed)) {
		follow(call, node->conns, installed | conn_ref_dir(ref));
		w->decided_install++;
		w->insertions++;
		return true;
	}
	follow(call, node->soft, ref);
	w->decided_forward++;
	return true;
}

/* --- ICMP errors about connections --- */

/* What the other side was told to be, in the quoted packet: the mirror of the direction's rewrite. */
static void mirror_nat(const struct flow_rewrite *rw, struct pkt_nat *nat)
{
	*nat = (struct pkt_nat){.ip6 = (rw->flags & FLOW_RW_IP6) != 0};
	if (rw->flags & FLOW_RW_SRC_IP) {
		nat->set |= PKT_NAT_DST;
		memcpy(nat->dst, rw->src, 16);
	}
	if (rw->flags & FLOW_RW_SRC_PORT) {
		nat->set |= PKT_NAT_DPORT;
		nat->dport = rw->sport;
	}
	if (rw->flags & FLOW_RW_DST_IP) {
		nat->set |= PKT_NAT_SRC;
		memcpy(nat->src, rw->dst, 16);
	}
	if (rw->flags & FLOW_RW_DST_PORT) {
		nat->set |= PKT_NAT_SPORT;
		nat->sport = rw->dport;
	}
}

/* The error itself: from the end that was translated, it gets that end's public address. */
static int nat_error(
	struct esw_upcall *call, const struct flow_rewrite *rw, const struct conn_key *key)
{
	struct pkt_nat outer = {.ip6 = (rw->flags & FLOW_RW_IP6) != 0};

	if (rw->flags & FLOW_RW_SRC_IP && !memcmp(call->pkt.key->hot.src, key->src, 16)) {
		outer.set |= PKT_NAT_SRC;
		memcpy(outer.src, rw->src, 16);
	}
	if (rw->flags & FLOW_RW_DST_IP) {
		outer.set |= PKT_NAT_DST;
		memcpy(outer.dst, rw->dst, 16);
	}
	return outer.set ? pkt_nat(call->pkt.m, call->pkt.parse, PKT_OUTER, &outer) : 0;
}

/* True: the packet is an error about a connection and goes its way back. */
bool conns_related(struct node *node, struct esw_upcall *call)
{
	struct flow_conn_table *tables[] = {node->conns, node->soft};
	struct pkt_headers quoted;
	struct conn_info info;
	struct pkt_nat nat;
	conn_ref ref = CONN_NONE;
	unsigned back;

	for (size_t i = 0; i < ARRAY_SIZE(tables) && ref == CONN_NONE; i++) {
		ref = conn_lookup_related(tables[i], call->pkt.m, call->pkt.parse, 0);
		if (ref != CONN_NONE && conn_query(tables[i], ref, &info) < 0)
			ref = CONN_NONE;
	}
	if (ref == CONN_NONE)
		return false;
	back = !conn_ref_dir(ref);
	mirror_nat(&info.rewrite[back], &nat);
	if (nat.set && (pkt_parse_embedded(call->pkt.m, call->pkt.parse, &quoted) < 0 ||
			       pkt_nat_embedded(call->pkt.m, call->pkt.parse, &quoted, &nat) < 0))
		return false;
	if (nat_error(call, &info.rewrite[back], &info.key[back]) < 0)
		return false;
	call->rewrite = (struct flow_rewrite){
		.flags = info.rewrite[back].flags & FLOW_RW_IP6, .hop = info.rewrite[back].hop};
	call->answer = ESW_ANSWER_REWRITE;
	return true;
}

/* A packet that was already rewritten gets back what its sender wrote, so that an error about it means
 * something to him. */
void conns_restore(struct node *node, struct rte_mbuf *m, struct pkt_parse *parse)
{
	struct flow_conn_table *tables[] = {node->conns, node->soft};
	struct flow_pkt_meta meta = {.port = m->port};
	struct conn_key key, mirror;
	struct flow_key flow_key;
	struct conn_info info;
	struct pkt_nat nat;
	conn_ref ref;

	flow_key_build(&m, parse, &meta, &flow_key, 1, 1);
	if (!conn_key_from(&flow_key, false, 0, &key))
		return;
	mirror = key;
	memcpy(mirror.src, key.dst, 16);
	memcpy(mirror.dst, key.src, 16);
	mirror.sport = key.dport;
	mirror.dport = key.sport;
	for (size_t i = 0; i < ARRAY_SIZE(tables); i++) {
		conn_lookup(tables[i], &mirror, &ref, 1);
		if (ref == CONN_NONE || conn_query(tables[i], ref, &info) < 0)
			continue;
		mirror_nat(&info.rewrite[conn_ref_dir(ref)], &nat);
		if (nat.set)
			pkt_nat(m, parse, PKT_OUTER, &nat);
		return;
	}
}

/* --- a new model --- */

struct revalidation {
	struct node *node;
	const struct model *model;
	struct flow_conn_table *table;
	conn_ref *misfits;
	uint32_t nr_misfits, cap_misfits;
};

/* Where the packets of one direction go by the new model: to the end that sends the other direction. */
static uint16_t hop_by_model(const struct revalidation *r, const struct conn_key *other)
{
	const struct model *m = r->model;
	const struct addr_slot *known = model_addr(m, other->src, other->ip6);
	struct target t = {.kind = TO_NOWHERE};
	uint32_t peer, tunnel;

	if (known && known->kind == ADDR_POD && m->pods[known->index].peer == m->local) {
		if (m->pods[known->index].port == FLOW_PORT_NONE)
			return FLOW_HOP_NONE;
		t = (struct target){.kind = TO_PORT, .port = m->pods[known->index].port};
		return hop_of(r->node, &t);
	}
	if (known && known->kind != ADDR_POD)
		return FLOW_HOP_NONE;
	peer = known ? m->pods[known->index].peer : model_peer_of(m, other->src, other->ip6);
	if (peer == NONE || peer == m->local)
		return FLOW_HOP_NONE;
	tunnel = m->peers[peer].tunnel[other->ip6] != NONE ? m->peers[peer].tunnel[other->ip6]
							   : m->peers[peer].tunnel[!other->ip6];
	if (tunnel == NONE)
		return FLOW_HOP_NONE;
	t = (struct target){.kind = TO_TUNNEL, .tunnel = tunnel};
	return hop_of(r->node, &t);
}

static bool still_allowed(const struct model *m, const struct conn_info *info)
{
	const struct conn_key *o = &info->key[0], *r = &info->key[1];
	const struct addr_slot *src = model_addr(m, o->src, o->ip6),
			       *dst = model_addr(m, r->src, r->ip6);
	uint32_t src_pod = src && src->kind == ADDR_POD ? src->index : NONE;
	uint32_t dst_pod = dst && dst->kind == ADDR_POD ? dst->index : NONE;
	struct policy_peer to = {dst_pod, r->src, r->ip6}, from = {src_pod, o->src, o->ip6};

	/* a pod reaches itself, and a node its pods, whatever the policies say */
	if ((src_pod != NONE && src_pod == dst_pod) || (src && src->kind == ADDR_NODE))
		return true;
	if (src_pod != NONE && m->pods[src_pod].peer == m->local &&
		!policy_allows(m, m->pods[src_pod].side[EGRESS], &to, o->proto, r->sport))
		return false;
	return dst_pod == NONE || m->pods[dst_pod].peer != m->local ||
	       policy_allows(m, m->pods[dst_pod].side[INGRESS], &from, o->proto, r->sport);
}

enum fit { FITS, MOVES, ENDS };

/* Does a connection still fit the model? hops[] are where its directions go now. */
static enum fit fit_of(const struct revalidation *r, const struct conn_info *info, uint16_t hops[2])
{
	/* a host port that is just being unbound is in `host` still, but no port any more */
	const struct bound_port *host_port =
		r->node->host == FLOW_PORT_NONE ? NULL : r->node->ports[r->node->host];
	uint16_t host = host_port ? host_port->hop : FLOW_HOP_NONE;
	enum fit fit = FITS;

	if (!still_allowed(r->model, info))
		return ENDS;
	for (unsigned dir = 0; dir < 2; dir++) {
		hops[dir] = info->rewrite[dir].hop;
		if ((host != FLOW_HOP_NONE && hops[dir] == host) ||
			info->rewrite[1].flags &
				FLOW_RW_DST_IP) /* a hairpin's gateway is no pod's */
			continue;
		hops[dir] = hop_by_model(r, &info->key[!dir]);
		if (hops[dir] == FLOW_HOP_NONE)
			return ENDS;
		if (hops[dir] != info->rewrite[dir].hop)
			fit = MOVES;
	}
	return fit;
}

/* Walked beside the workers: only notes what does not fit. */
static void note(void *arg, const struct conn_info *info)
{
	struct revalidation *r = arg;
	uint16_t hops[2];

	if (fit_of(r, info, hops) != FITS)
		*NEW(r->misfits, r->nr_misfits, r->cap_misfits) = info->ref;
}

/* With the workers at rest, so that a reference still is the connection that was looked at. */
static void settle(void *arg)
{
	struct revalidation *r = arg;

	for (uint32_t i = 0; i < r->nr_misfits; i++) {
		struct conn_info info;
		uint16_t hops[2];
		enum fit fit;

		if (conn_query(r->table, r->misfits[i], &info) < 0)
			continue;
		fit = fit_of(r, &info, hops);
		if (fit == ENDS)
			forget(r->node, r->table, &info);
		for (unsigned dir = 0; dir < 2 && fit == MOVES; dir++) {
			struct flow_rewrite rw = info.rewrite[dir];

			rw.hop = hops[dir];
			conn_set_rewrite(r->table, (info.ref & ~1ull) | dir, &rw);
		}
	}
}

/* Control thread: connections whose ends are gone or whose policy changed go; those whose end moved
 * follow it. A backend that only left its service keeps its connections. */
void conns_revalidate(struct node *node, const struct model *m)
{
	struct flow_conn_table *tables[] = {node->conns, node->soft};

	for (size_t i = 0; i < ARRAY_SIZE(tables); i++) {
		struct revalidation r = {.node = node, .model = m, .table = tables[i]};
		uint64_t cursor = 0;

		if (!tables[i])
			continue;
		while (conn_walk(tables[i], &cursor, 1024, note, &r) && cursor)
			;
		if (r.nr_misfits)
			esw_paused(node->esw, settle, &r);
		free(r.misfits);
	}
}

/* --- time --- */

static void aged(void *arg, const struct conn_info *info)
{
	count(arg, info->owner, -1);
}

#define TICKS_PER_CYCLE 256 /* every connection is looked at once in about 2.6 s */

void conns_age(struct node *node, uint64_t now_ns)
{
	conn_age(node->conns, now_ns, node->capacity / TICKS_PER_CYCLE + 1024, aged, node);
	conn_age(node->soft, now_ns, SOFT_CAPACITY / TICKS_PER_CYCLE + 1024, aged, node);
}
