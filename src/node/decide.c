/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * decide: the flow-miss decision (F:366-408), pure: model, selector and time come in, nothing else is
 * looked at. Order: whose packet, service (which address and port does it really go to), route,
 * policy on the real address and port, and then whether a flow is worth installing:
 *
 *   TCP SYN, UDP to a long-lived port           install
 *   other UDP                                   forward, install with the second packet
 *   DNS, ping                                   forward
 *   TCP without a connection (mid-stream)       forward
 *   denied, no route, nobody serves             drop, and refuse the sender where it would hang
 */
#include <string.h>

#include "node/node_int.h"

#define TCP_SYN 0x02
#define TCP_ACK 0x10
#define ICMP4_ECHO_REQUEST 8
#define ICMP6_ECHO_REQUEST 128
#define PORT_DNS RTE_BE16(53)

static void drop(struct decision *out, enum drop_reason reason)
{
	out->verdict = VERDICT_DROP;
	out->reason = reason;
}

static void refuse_sender(struct decision *out, enum drop_reason reason)
{
	out->verdict = VERDICT_REFUSE;
	out->reason = reason;
}

static bool is_icmp(const struct question *q)
{
	return q->proto == (q->ip6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP);
}

static bool is_echo_request(const struct question *q)
{
	return is_icmp(q) &&
	       q->sport ==
		       rte_cpu_to_be_16(
			       (uint16_t)((q->ip6 ? ICMP6_ECHO_REQUEST : ICMP4_ECHO_REQUEST) << 8));
}

/* --- routes --- */

static void route_to_peer(const struct model *m, uint32_t peer, bool ip6, struct target *t)
{
	const struct peer *p = &m->peers[peer];
	uint32_t tunnel = p->tunnel[ip6] != NONE ? p->tunnel[ip6] : p->tunnel[!ip6];

	if (p->local || tunnel == NONE)
		return;
	t->kind = TO_TUNNEL;
	t->tunnel = tunnel;
}

static void route_to_pod(const struct model *m, uint32_t index, bool ip6, struct target *t)
{
	const struct pod *pod = &m->pods[index];

	if (pod->peer != m->local) {
		route_to_peer(m, pod->peer, ip6, t);
	} else if (pod->port != FLOW_PORT_NONE) {
		t->kind = TO_PORT;
		t->port = pod->port;
	}
}

/* Where does an address live? A pod we do not know yet is on the node that has its block. */
static struct target route(
	const struct decider *d, const uint8_t addr[16], bool ip6, const struct addr_slot *known)
{
	struct target t = {.kind = TO_NOWHERE, .port = FLOW_PORT_NONE, .tunnel = NONE};
	uint32_t peer;

	if (known && known->kind == ADDR_POD) {
		route_to_pod(d->model, known->index, ip6, &t);
		return t;
	}
	if (!known && (peer = model_peer_of(d->model, addr, ip6)) != NONE)
		route_to_peer(d->model, peer, ip6, &t);
	else if ((!known || known->kind == ADDR_NODE) && d->has_host)
		t.kind = TO_HOST;
	return t;
}

/* --- who sends --- */

static bool is_addr(const struct addr *a, const uint8_t bytes[16])
{
	return !addr_is_none(a) && !memcmp(a->bytes, bytes, 16);
}

/* Where answers go. False: the source has no business coming from there. */
static bool check_source(const struct decider *d, const struct question *q,
	const struct addr_slot *src, struct decision *out)
{
	const struct model *m = d->model;
	bool local_pod = src && src->kind == ADDR_POD && m->pods[src->index].peer == m->local;

	switch (q->origin) {
	case FROM_POD:
		if (!is_addr(&m->pods[q->pod].addrs[q->ip6], q->src)) {
			drop(out, DROP_IP_SPOOFED);
			return false;
		}
		out->reply.kind = TO_PORT;
		out->reply.port = m->pods[q->pod].port;
		return true;
	case FROM_TUNNEL:
		if (local_pod || (src && src->kind != ADDR_POD)) {
			drop(out, DROP_IP_SPOOFED);
			return false;
		}
		out->reply = route(d, q->src, q->ip6, src);
		return out->reply.kind == TO_TUNNEL;
	case FROM_HOST:
		if (src && src->kind != ADDR_NODE) {
			drop(out, DROP_IP_SPOOFED);
			return false;
		}
		out->reply.kind = TO_HOST;
		return true;
	}
	return false;
}

/* --- services --- */

static bool has_ports(const struct question *q)
{
	return !q->no_ports &&
	       (q->proto == IPPROTO_TCP || q->proto == IPPROTO_UDP || q->proto == IPPROTO_SCTP);
}

/* The service's backend becomes the destination. False: refused. */
static bool translate(const struct decider *d, const struct question *q, struct decision *out)
{
	const struct front *f =
		has_ports(q) ? model_front(d->model, q->dst, q->ip6, q->proto, q->dport) : NULL;

	out->front = f;
	if (!f) {
		refuse_sender(out, DROP_NO_SERVICE_PORT);
		return false;
	}
	out->backend = select_backend(d->selector, d->model, f, q->src, q->now_ns);
	if (!out->backend) {
		refuse_sender(out, DROP_NO_ENDPOINTS);
		return false;
	}
	out->dnat = true;
	memcpy(out->dst, out->backend->addr, 16);
	out->dport = out->backend->port;
	return true;
}

/* A pod that reached itself: its own address as source would be dropped by its kernel. */
static void hairpin(const struct decider *d, const struct question *q, struct decision *out)
{
	if (!out->dnat || memcmp(out->dst, q->src, 16))
		return;
	out->snat = true;
	memcpy(out->src, d->model->gateway[q->ip6].bytes, 16);
}

/* --- policy --- */

static bool side_allows(const struct decider *d, const struct question *q, uint32_t side,
	const struct policy_peer *peer, const struct decision *out)
{
	return q->no_ports ? policy_allows_fragment(d->model, side, peer, q->proto)
			   : policy_allows(d->model, side, peer, q->proto, out->dport);
}

static bool check_policy(const struct decider *d, const struct question *q,
	const struct addr_slot *src, const struct addr_slot *dst, struct decision *out)
{
	const struct model *m = d->model;
	uint32_t src_pod = src && src->kind == ADDR_POD ? src->index : NONE;
	uint32_t dst_pod = dst && dst->kind == ADDR_POD ? dst->index : NONE;
	struct policy_peer to = {dst_pod, out->dst, q->ip6}, from = {src_pod, q->src, q->ip6};

	if (out->snat)
		return true; /* a pod can always reach itself */
	if (q->origin == FROM_POD && !side_allows(d, q, m->pods[q->pod].side[EGRESS], &to, out)) {
		drop(out, DROP_POLICY_EGRESS);
		return false;
	}
	/* a node reaches its own pods whatever the policies say (kubelet's probes) */
	if (q->origin == FROM_HOST && src)
		return true;
	if (dst_pod != NONE && m->pods[dst_pod].peer == m->local &&
		!side_allows(d, q, m->pods[dst_pod].side[INGRESS], &from, out)) {
		drop(out, DROP_POLICY_INGRESS);
		return false;
	}
	return true;
}

/* --- what to do with it --- */

static bool is_long_lived(const struct decider *d, uint16_t port)
{
	for (unsigned i = 0; i < d->nr_long_lived; i++)
		if (d->long_lived[i] == port)
			return true;
	return false;
}

static void judge(const struct decider *d, const struct question *q, struct decision *out)
{
	bool syn = (q->tcp_flags & (TCP_SYN | TCP_ACK)) == TCP_SYN;

	out->verdict = VERDICT_FORWARD;
	if (q->no_ports)
		out->verdict = VERDICT_FORWARD_ONCE;
	else if (q->proto == IPPROTO_TCP)
		out->verdict = syn         ? VERDICT_INSTALL
			       : out->dnat ? VERDICT_FORWARD
					   : VERDICT_FORWARD_ONCE;
	else if (q->proto == IPPROTO_UDP || q->proto == IPPROTO_SCTP) {
		if (is_long_lived(d, q->dport) || is_long_lived(d, out->dport))
			out->verdict = VERDICT_INSTALL;
		else
			out->learns = q->dport != PORT_DNS && out->dport != PORT_DNS;
	} else if (!is_echo_request(q))
		out->verdict = VERDICT_FORWARD_ONCE;
}

/* The node's own addresses: answer a ping, refuse the rest. */
static void to_ourselves(const struct question *q, struct decision *out)
{
	if (is_echo_request(q))
		out->verdict = VERDICT_ECHO;
	else if (has_ports(q))
		refuse_sender(out, DROP_NOT_FOR_US);
	else
		drop(out, DROP_NOT_FOR_US);
}

static bool is_ours(const struct decider *d, const struct addr_slot *dst)
{
	return dst &&
	       (dst->kind == ADDR_GATEWAY ||
		       (dst->kind == ADDR_NODE && dst->index == d->model->local && !d->has_host));
}

void decide(const struct decider *d, const struct question *q, struct decision *out)
{
	const struct addr_slot *src = model_addr(d->model, q->src, q->ip6);
	const struct addr_slot *dst = model_addr(d->model, q->dst, q->ip6);

	memset(out, 0, sizeof(*out));
	memcpy(out->dst, q->dst, 16);
	out->dport = q->dport;
	drop(out, DROP_NO_ROUTE);
	if (!check_source(d, q, src, out))
		return;
	if (is_ours(d, dst)) {
		to_ourselves(q, out);
		return;
	}
	if (dst && dst->kind == ADDR_SERVICE && q->origin != FROM_TUNNEL) {
		if (!translate(d, q, out))
			return;
		dst = model_addr(d->model, out->dst, q->ip6);
		hairpin(d, q, out);
	}
	out->forward = route(d, out->dst, q->ip6, dst);
	if (!check_policy(d, q, src, dst, out))
		return;
	if (out->forward.kind == TO_NOWHERE ||
		(q->origin == FROM_TUNNEL && out->forward.kind == TO_TUNNEL)) {
		bool bound = dst && dst->kind == ADDR_POD &&
			     d->model->pods[dst->index].peer == d->model->local;

		refuse_sender(out, bound ? DROP_NO_POD : DROP_NO_ROUTE);
		return;
	}
	judge(d, q, out);
}
