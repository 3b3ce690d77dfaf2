/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * answer: what the node says itself. To pods it is the gateway: it answers ARP and neighbour discovery
 * for its own addresses and for every pod and service with one MAC address, so that a pod may have a
 * subnet (10.244.1.10/24, default via the block's first address) or none (/32, default via 169.254.1.1
 * or fe80::1 on-link): both work, and every packet comes to us. To the underlay it is the VTEP. Pings to
 * either are answered; what cannot be delivered is refused by RST or ICMP, within a budget.
 */
#include <string.h>

#include "node/node_int.h"

#define ERRORS_PER_REFILL 1000
#define REFILL_NS 100000000ull

/* --- getting an answer on its way --- */

static bool encapsulate(struct node *node, struct rte_mbuf *m, uint32_t tunnel)
{
	const struct flow_hop *hop = flow_hop_get(node->flow, node->tunnels[tunnel].hop);
	struct pkt_parse parse;

	if (!hop || hop->flags & FLOW_HOP_HOLD || pkt_parse(m, &parse) < 0)
		return false;
	pkt_set_macs(m, &node_gateway_mac, &node_gateway_mac);
	return pkt_encap(m, &parse, &hop->encap, parse.pkt_len) == 0;
}

static void send_made(struct node *node, unsigned worker, struct rte_mbuf *m, uint16_t cause,
	const struct target *back)
{
	uint16_t out = back->kind == TO_PORT   ? back->port
		       : back->kind == TO_HOST ? node->host
					       : node->uplink;

	if (back->kind == TO_NOWHERE ||
		(back->kind == TO_TUNNEL && !encapsulate(node, m, back->tunnel))) {
		rte_pktmbuf_free(m);
		return;
	}
	esw_generate(node->esw, worker, m, cause, out);
}

static bool within_budget(struct node *node, unsigned worker, uint64_t now_ns)
{
	struct error_budget *b = &node->workers[worker].budget;

	if (now_ns >= b->refill_ns) {
		b->refill_ns = now_ns + REFILL_NS;
		b->left = ERRORS_PER_REFILL;
	}
	if (!b->left)
		return false;
	b->left--;
	return true;
}

void answer_error(struct node *node, unsigned worker, struct rte_mbuf *m,
	const struct pkt_parse *parse, enum pkt_error error, uint32_t arg, uint16_t cause,
	const struct target *back, uint64_t now_ns)
{
	const struct model *model = __atomic_load_n(&node->model, __ATOMIC_ACQUIRE);
	bool ip6 = parse->outer.l3_type == PKT_L3_IP6;
	const void *src =
		error == PKT_ERROR_PORT_UNREACHABLE || !model ? NULL : model->gateway[ip6].bytes;
	struct rte_mbuf *made;

	if (!within_budget(node, worker, now_ns))
		return;
	made = pkt_make_error(esw_pool(node->esw), m, parse, error, arg, src);
	if (made)
		send_made(node, worker, made, cause, back);
}

static enum pkt_error error_of(enum drop_reason reason)
{
	switch (reason) {
	case DROP_NO_ENDPOINTS:
	case DROP_NO_SERVICE_PORT:
	case DROP_NOT_FOR_US:
		return PKT_ERROR_PORT_UNREACHABLE;
	default:
		return PKT_ERROR_HOST_UNREACHABLE;
	}
}

/* Drop, and tell the sender: nobody listens (RST, port unreachable) or nobody is there. */
void answer_refuse(struct node *node, unsigned worker, struct esw_upcall *call,
	enum drop_reason reason, const struct target *back, uint64_t now_ns)
{
	enum pkt_error error = error_of(reason);
	struct rte_mbuf *m = call->pkt.m, *made;

	call->answer = ESW_ANSWER_DROP;
	call->reason = reason;
	if (call->pkt.parse->outer.l4_type != PKT_L4_TCP || error != PKT_ERROR_PORT_UNREACHABLE) {
		answer_error(node, worker, m, call->pkt.parse, error, 0, call->port, back, now_ns);
		return;
	}
	if (!within_budget(node, worker, now_ns))
		return;
	made = pkt_make_rst(esw_pool(node->esw), m, call->pkt.parse);
	if (made)
		send_made(node, worker, made, call->port, back);
}

/* An echo request for one of our addresses. */
void answer_echo(
	struct node *node, unsigned worker, struct esw_upcall *call, const struct target *back)
{
	struct rte_mbuf *m = call->pkt.m;

	if (pkt_echo_reply(m, call->pkt.parse) < 0) {
		call->reason = DROP_NOT_FOR_US;
		return;
	}
	call->answer = ESW_ANSWER_SEND;
	call->out_port = call->port;
	if (back->kind == TO_TUNNEL && !encapsulate(node, m, back->tunnel)) {
		call->answer = ESW_ANSWER_DROP;
		call->reason = DROP_NO_NEIGHBOUR;
	}
}

/* --- ARP and ND from pods and the host --- */

/* Do we speak for this address? Not for the asker's own: that would be a duplicate to him. */
static bool speaks_for(const struct node *node, const struct model *m,
	const struct esw_upcall *call, const uint8_t target[16], bool ip6)
{
	const struct addr_slot *known = model_addr(m, target, ip6);
	uint32_t self = m->pod_by_port[call->port];

	if (known)
		return known->kind != ADDR_POD || known->index != self;
	return model_peer_of(m, target, ip6) != NONE;
}

void answer_arp(const struct node *node, const struct model *m, const struct bound_port *p,
	struct esw_upcall *call)
{
	uint8_t target[16] = {0};
	struct pkt_arp arp;

	call->reason = DROP_NOT_FOR_US;
	if (pkt_arp_get(call->pkt.m, call->pkt.parse, &arp) < 0)
		return;
	if (p->spoof_check && memcmp(&arp.sender_mac, p->mac, 6)) {
		call->reason = DROP_MAC_SPOOFED;
		return;
	}
	call->answer = ESW_ANSWER_CONSUMED;
	memcpy(target, arp.target_ip, 4);
	/* a probe (RFC 5227) asks whether somebody else has the address: nobody has */
	if (arp.op != 1 || !memcmp(arp.sender_ip, "\0\0\0\0", 4) ||
		!speaks_for(node, m, call, target, false))
		return;
	if (pkt_arp_reply(call->pkt.m, call->pkt.parse, &node_gateway_mac) == 0) {
		call->answer = ESW_ANSWER_SEND;
		call->out_port = call->port;
	}
}

bool is_nd(const struct esw_upcall *call)
{
	uint8_t type = (uint8_t)(rte_be_to_cpu_16(call->pkt.key->hot.sport) >> 8);

	return call->pkt.parse->outer.l4_type == PKT_L4_ICMP6 && type >= PKT_ND_RS &&
	       type <= PKT_ND_NA + 1;
}

void answer_nd(struct node *node, const struct model *m, unsigned worker, struct esw_upcall *call)
{
	struct rte_mbuf *na;
	struct pkt_nd nd;
	int rc = pkt_nd_get(call->pkt.m, call->pkt.parse, &nd);

	if (rc < 0) {
		call->reason =
			rc == -DROP_EDIT_NO_HEADER ? DROP_NOT_FOR_US : (enum drop_reason) - rc;
		return;
	}
	call->answer = ESW_ANSWER_CONSUMED;
	if (nd.type != PKT_ND_NS || nd.dad || !speaks_for(node, m, call, nd.target, true))
		return;
	na = pkt_make_na(
		esw_pool(node->esw), call->pkt.m, call->pkt.parse, &nd, &node_gateway_mac, true);
	if (na)
		esw_generate(node->esw, worker, na, call->port, call->port);
}

/* --- the underlay --- */

static bool is_own(const struct prefix *vtep, const void *bytes)
{
	return !addr_is_none(&vtep->addr) &&
	       !memcmp(vtep->addr.bytes, bytes, addr_is_v6(&vtep->addr) ? 16 : 4);
}

static void uplink_arp(struct node *node, const struct bound_port *p, unsigned worker,
	struct esw_upcall *call, uint64_t now_ns)
{
	struct rte_ether_addr mac;
	struct pkt_arp arp;
	struct addr sender;

	if (pkt_arp_get(call->pkt.m, call->pkt.parse, &arp) < 0)
		return;
	call->reason = DROP_MULTICAST;
	sender = addr_from_v4(arp.sender_ip);
	/* asked or announced (a node that is back says so), it is news about a neighbour we know */
	if (is_own(&node->card.vtep4, arp.target_ip) || !memcmp(arp.target_ip, arp.sender_ip, 4))
		neigh_heard(node, worker, &sender, arp.sender_mac.addr_bytes, now_ns);
	if (!is_own(&node->card.vtep4, arp.target_ip))
		return;
	call->answer = ESW_ANSWER_CONSUMED;
	memcpy(&mac, p->mac, 6);
	if (arp.op == 1 && pkt_arp_reply(call->pkt.m, call->pkt.parse, &mac) == 0) {
		call->answer = ESW_ANSWER_SEND;
		call->out_port = call->port;
	}
}

static void uplink_nd(struct node *node, const struct bound_port *p, unsigned worker,
	struct esw_upcall *call, uint64_t now_ns)
{
	struct rte_ether_addr mac;
	struct rte_mbuf *na;
	struct pkt_nd nd;
	struct addr who;
	int rc = pkt_nd_get(call->pkt.m, call->pkt.parse, &nd);

	if (rc < 0) {
		call->reason =
			rc == -DROP_EDIT_NO_HEADER ? DROP_NOT_FOR_US : (enum drop_reason) - rc;
		return;
	}
	call->reason = DROP_MULTICAST;
	if (nd.type == PKT_ND_NA ? nd.solicited && !is_own(&node->card.vtep6, nd.dst)
				 : !is_own(&node->card.vtep6, nd.target))
		return;
	call->answer = ESW_ANSWER_CONSUMED;
	who = addr_from_v6(nd.type == PKT_ND_NA ? nd.target : nd.src);
	if (nd.has_lladdr && !nd.dad)
		neigh_heard(node, worker, &who, nd.lladdr.addr_bytes, now_ns);
	memcpy(&mac, p->mac, 6);
	if (nd.type != PKT_ND_NS)
		return;
	na = pkt_make_na(esw_pool(node->esw), call->pkt.m, call->pkt.parse, &nd, &mac, false);
	if (na)
		esw_generate(node->esw, worker, na, call->port, call->port);
}

static enum drop_reason stray_tunnel(
	const struct node *node, const struct model *m, const struct esw_upcall *call)
{
	if (m && call->pkt.key->hot.vni != rte_cpu_to_be_32(m->peers[m->local].vni))
		return DROP_UNKNOWN_VNI;
	return DROP_UNKNOWN_VTEP;
}

/* What came by the uplink and was not a tunnel packet for us. */
void answer_uplink(struct node *node, const struct model *m, const struct bound_port *port,
	unsigned worker, struct esw_upcall *call, uint64_t now_ns)
{
	static const struct target same_way = {.kind = TO_PORT};
	const struct pkt_parse *p = call->pkt.parse;
	const uint8_t *dmac = pkt_at(call->pkt.m, p->outer.l2);
	bool ip6 = p->outer.l3_type == PKT_L3_IP6;

	call->reason = dmac[0] & 1 ? DROP_MULTICAST : DROP_NOT_FOR_US;
	if (p->outer.l3_type == PKT_L3_ARP)
		uplink_arp(node, port, worker, call, now_ns);
	else if (is_nd(call))
		uplink_nd(node, port, worker, call, now_ns);
	else if (!(ip6 || p->outer.l3_type == PKT_L3_IP4))
		call->reason = DROP_UNSUPPORTED_L3;
	else if (!is_own(ip6 ? &node->card.vtep6 : &node->card.vtep4, call->pkt.key->hot.dst))
		return;
	else if (p->tun_type == PKT_TUN_VXLAN)
		call->reason = stray_tunnel(node, m, call);
	else if (p->outer.l4_type == PKT_L4_ICMP || p->outer.l4_type == PKT_L4_ICMP6)
		answer_echo(node, worker, call, &same_way);
}
