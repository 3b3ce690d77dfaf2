/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * upcall: what the switch does not know comes here, a batch per burst. First by why it came and where
 * from; IP packets are looked up among the flows that are only forwarded, and what is left is decided.
 */
#include <string.h>

#include "node/node_int.h"

/* UDP ports whose flows are worth installing at once: VXLAN in pods, NVMe-oF (F:375-401). */
static const uint16_t long_lived[] = {RTE_BE16(4789), RTE_BE16(4420)};

struct batch {
	struct node *node;
	const struct model *model;
	unsigned worker;
	uint64_t now_ns;
};

static bool backend_alive(void *arg, const struct backend *b)
{
	const struct node *node = arg;
	const struct model *m = __atomic_load_n(&node->model, __ATOMIC_ACQUIRE);
	const struct peer *peer;

	if (!m || b->pod == NONE || b->pod >= m->nr_pods)
		return true;
	peer = &m->peers[m->pods[b->pod].peer];
	if (peer->tunnel[b->ip6] != NONE)
		return tunnel_alive(node, peer->tunnel[b->ip6]);
	return peer->tunnel[!b->ip6] == NONE || tunnel_alive(node, peer->tunnel[!b->ip6]);
}

void question_from(const struct esw_upcall *call, enum origin origin, uint32_t pod, uint64_t now_ns,
	struct question *q)
{
	const struct flow_key_hot *key = &call->pkt.key->hot;

	*q = (struct question){
		.origin = origin,
		.pod = pod,
		.ip6 = call->pkt.parse->outer.l3_type == PKT_L3_IP6,
		.proto = key->proto,
		.tcp_flags = key->tcp_flags,
		.src = key->src,
		.dst = key->dst,
		.sport = key->sport,
		.dport = key->dport,
		.no_ports = (call->pkt.parse->outer.flags & PKT_FRAG_LATER) != 0,
		.now_ns = now_ns,
	};
}

static bool is_icmp_error(const struct esw_upcall *call)
{
	const struct pkt_headers *h = &call->pkt.parse->outer;
	uint8_t type = (uint8_t)(rte_be_to_cpu_16(call->pkt.key->hot.sport) >> 8);

	if (h->l4_type == PKT_L4_ICMP)
		return type == 3 || type == 4 || type == 5 || type == 11 || type == 12;
	return h->l4_type == PKT_L4_ICMP6 && type < 128;
}

static void decide_call(
	const struct batch *b, struct esw_upcall *call, enum origin origin, uint32_t pod)
{
	struct node_worker *w = &b->node->workers[b->worker];
	struct decider decider = {
		.model = b->model,
		.selector = &w->selector,
		.has_host = __atomic_load_n(&b->node->host_speaks, __ATOMIC_RELAXED),
		.long_lived = long_lived,
		.nr_long_lived = ARRAY_SIZE(long_lived),
	};
	struct decision d;
	struct question q;

	question_from(call, origin, pod, b->now_ns, &q);
	if (is_icmp_error(call) && conns_related(b->node, call)) {
		w->decided_forward++;
		return;
	}
	decide(&decider, &q, &d);
	switch (d.verdict) {
	case VERDICT_INSTALL:
	case VERDICT_FORWARD:
	case VERDICT_FORWARD_ONCE:
		conns_follow(b->node, b->worker, call, &q, &d);
		break;
	case VERDICT_DROP:
		call->reason = d.reason;
		w->decided_drop++;
		break;
	case VERDICT_REFUSE:
		answer_refuse(b->node, b->worker, call, d.reason, &d.reply, b->now_ns);
		w->decided_drop++;
		break;
	case VERDICT_ECHO:
		answer_echo(b->node, b->worker, call, &d.reply);
		break;
	}
}

/* --- by where it came from --- */

static bool is_ip(const struct esw_upcall *call)
{
	return call->pkt.parse->outer.l3_type == PKT_L3_IP4 ||
	       call->pkt.parse->outer.l3_type == PKT_L3_IP6;
}

/* A frame no pod of ours may send: why. */
static enum drop_reason forgery(
	const struct bound_port *p, uint32_t pod, const struct esw_upcall *call)
{
	const uint8_t *smac = (const uint8_t *)pkt_at(call->pkt.m, call->pkt.parse->outer.l2) + 6;

	if (p->spoof_check && memcmp(smac, p->mac, 6))
		return DROP_MAC_SPOOFED;
	return pod == NONE ? DROP_NO_POD : DROP_IP_SPOOFED;
}

static void from_pod(const struct batch *b, struct esw_upcall *call, const struct bound_port *p)
{
	const uint8_t *dmac = pkt_at(call->pkt.m, call->pkt.parse->outer.l2);
	uint32_t pod = b->model->pod_by_port[call->port];

	if (call->pkt.parse->outer.l3_type == PKT_L3_ARP)
		answer_arp(b->node, b->model, p, call);
	else if (!is_ip(call))
		call->reason = DROP_UNSUPPORTED_L3;
	else if (is_nd(call))
		answer_nd(b->node, b->model, b->worker, call);
	else if (dmac[0] & 1)
		call->reason = DROP_MULTICAST;
	else if (call->cookie == COOKIE_SPOOF || pod == NONE)
		call->reason = forgery(p, pod, call);
	else if (memcmp(dmac, &node_gateway_mac, 6))
		call->reason = DROP_NOT_FOR_US;
	else
		decide_call(b, call, FROM_POD, pod);
}

static void from_host(const struct batch *b, struct esw_upcall *call, const struct bound_port *p)
{
	const uint8_t *dmac = pkt_at(call->pkt.m, call->pkt.parse->outer.l2);

	if (call->pkt.parse->outer.l3_type == PKT_L3_ARP)
		answer_arp(b->node, b->model, p, call);
	else if (!is_ip(call))
		call->reason = DROP_UNSUPPORTED_L3;
	else if (is_nd(call))
		answer_nd(b->node, b->model, b->worker, call);
	else if (dmac[0] & 1)
		call->reason = DROP_MULTICAST;
	else {
		__atomic_store_n(&b->node->host_speaks, true, __ATOMIC_RELAXED);
		decide_call(b, call, FROM_HOST, NONE);
	}
}

static void by_origin(const struct batch *b, struct esw_upcall *call)
{
	const struct bound_port *p =
		call->port < ESW_PORTS_MAX
			? __atomic_load_n(&b->node->ports[call->port], __ATOMIC_ACQUIRE)
			: NULL;

	if (!p)
		call->reason = DROP_NO_POD;
	else if (p->role == NODE_PORT_UPLINK && call->cookie != COOKIE_TUNNEL)
		answer_uplink(b->node, b->model, p, b->worker, call, b->now_ns);
	else if (!b->model)
		call->reason = DROP_NO_POD;
	else if (p->role == NODE_PORT_UPLINK && is_ip(call))
		decide_call(b, call, FROM_TUNNEL, NONE);
	else if (p->role == NODE_PORT_HOST)
		from_host(b, call, p);
	else if (p->role == NODE_PORT_VF)
		from_pod(b, call, p);
	else
		call->reason = DROP_UNSUPPORTED_L3;
}

/* --- the batch --- */

static void too_big(const struct batch *b, struct esw_upcall *call)
{
	const struct target back = {.kind = TO_PORT, .port = call->port};

	call->answer = ESW_ANSWER_DROP;
	call->reason = DROP_MTU_EXCEEDED;
	if (call->port == b->node->uplink)
		return; /* the tunnel's far end keeps to the same MTU: nobody to tell */
	conns_restore(b->node, call->pkt.m, call->pkt.parse);
	answer_error(b->node, b->worker, call->pkt.m, call->pkt.parse, PKT_ERROR_TOO_BIG, call->mtu,
		call->port, &back, b->now_ns);
}

/* Which calls belong to flows that are only forwarded; refs[i] of those. */
static void look_up_soft(
	const struct batch *b, struct esw_upcall *calls, conn_ref *refs, unsigned n)
{
	struct conn_key keys[ESW_BURST];
	unsigned at[ESW_BURST], nr = 0;
	conn_ref found[ESW_BURST];

	for (unsigned i = 0; i < n; i++) {
		refs[i] = CONN_NONE;
		if (calls[i].why == ESW_WHY_MISS && calls[i].cookie <= COOKIE_TUNNEL &&
			is_ip(&calls[i]) && conn_key_from(calls[i].pkt.key, false, 0, &keys[nr]))
			at[nr++] = i;
	}
	if (nr)
		conn_lookup(b->node->soft, keys, found, nr);
	for (unsigned k = 0; k < nr; k++)
		refs[at[k]] = found[k];
}

static void serve(const struct batch *b, struct esw_upcall *call, conn_ref ref)
{
	call->answer = ESW_ANSWER_DROP;
	call->reason = DROP_NO_ROUTE;
	switch (call->why) {
	case ESW_WHY_HOP_HELD:
		neigh_hold(b->node, b->worker, call, b->now_ns);
		break;
	case ESW_WHY_TOO_BIG:
		too_big(b, call);
		break;
	case ESW_WHY_MISS:
		if (ref == CONN_NONE || !conns_soft_hit(b->node, b->worker, call, ref, b->now_ns))
			by_origin(b, call);
		break;
	}
}

static void upcall(
	void *arg, unsigned worker, struct esw_upcall *calls, unsigned n, uint64_t now_ns)
{
	struct node *node = arg;
	struct batch b = {node, __atomic_load_n(&node->model, __ATOMIC_ACQUIRE), worker, now_ns};
	conn_ref refs[ESW_BURST];

	for (unsigned from = 0; from < n; from += ESW_BURST) {
		unsigned nr = MIN_OF(n - from, (unsigned)ESW_BURST);

		look_up_soft(&b, &calls[from], refs, nr);
		for (unsigned i = 0; i < nr; i++)
			serve(&b, &calls[from + i], refs[i]);
		conns_commit(node, worker, now_ns);
	}
}

static void tick(void *arg, unsigned worker, uint64_t now_ns)
{
	struct node *node = arg;

	/* timers are one worker's; whoever ticks first after him finds nothing due */
	if (worker != 0)
		return;
	if (__atomic_exchange_n(&node->announce, false, __ATOMIC_ACQ_REL))
		neigh_announce(node, worker);
	neigh_tick(node, worker, now_ns);
	conns_age(node, now_ns);
}

const struct esw_upcall_ops node_upcall_ops = {.upcall = upcall, .tick = tick};

void selector_prepare(struct node *node, struct node_worker *w, uint64_t seed)
{
	w->selector.balancer = node->balancer;
	w->selector.alive = backend_alive;
	w->selector.arg = node;
	rng_init(&w->selector.rng, seed);
}
