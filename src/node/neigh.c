/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * neigh: the underlay's next hops. A tunnel's hop is held (FLOW_HOP_HOLD) until its neighbour is
 * resolved; meanwhile packets come here and wait in a bounded queue. A resolved neighbour is asked
 * again from time to time; one that does not answer is dead: its hops are held again, and every packet
 * for it is refused at once with "host unreachable", so clients do not hang. A dead one is asked once
 * a second whether it is back. RFC 4861 sec. 7.3 is the model, with shorter times: the underlay is a
 * data centre's.
 */
#include <string.h>

#include "base/log.h"
#include "node/node_int.h"

LOG_MODULE("node.neigh");

#define MS 1000000ull
#define RETRY_NS (200 * MS)    /* between questions */
#define TRIES 3                /* unanswered questions until dead */
#define CONFIRM_NS (1000 * MS) /* a resolved neighbour is asked again after this long ... */
#define CONFIRM_EACH_NS MS     /* ... and this for each of them, so that many do not mean a storm */
#define REVIVE_NS (1000 * MS)  /* a dead one likewise */

static bool same_link(const struct node *node, const struct addr *a)
{
	const struct prefix *p = addr_is_v6(a) ? &node->card.vtep6 : &node->card.vtep4;

	return addr_is_none(&p->addr) || prefix_contains(p, a);
}

static uint32_t lookup(const struct node *node, const struct addr *a)
{
	for (uint32_t i = 0; i < node->nr_neighs; i++)
		if (addr_equal(&node->neighs[i].addr, a))
			return i;
	return NONE;
}

/* The neighbour by which `a` is reached: itself, or the underlay's gateway. */
uint32_t neigh_find(struct node *node, const struct addr *a, bool create)
{
	const struct addr *gateway = addr_is_v6(a) ? &node->card.gateway6 : &node->card.gateway4;
	const struct addr *next = same_link(node, a) || addr_is_none(gateway) ? a : gateway;
	uint32_t i;

	rte_spinlock_lock(&node->neigh_lock);
	i = lookup(node, next);
	if (i == NONE && create && node->nr_neighs < NEIGHS_MAX) {
		i = node->nr_neighs;
		node->neighs[i] = (struct neigh){.addr = *next};
		__atomic_store_n(&node->nr_neighs, i + 1, __ATOMIC_RELEASE);
	}
	rte_spinlock_unlock(&node->neigh_lock);
	return i;
}

/* --- asking --- */

static const struct prefix *own_vtep(const struct node *node, const struct addr *a)
{
	return addr_is_v6(a) ? &node->card.vtep6 : &node->card.vtep4;
}

static void ask(struct node *node, unsigned worker, const struct neigh *n)
{
	const struct bound_port *uplink =
		node->uplink == FLOW_PORT_NONE ? NULL : node->ports[node->uplink];
	const struct prefix *own = own_vtep(node, &n->addr);
	struct rte_mempool *pool = esw_pool(node->esw);
	struct rte_ether_addr mac;
	struct rte_mbuf *m;

	if (!uplink || addr_is_none(&own->addr))
		return;
	memcpy(&mac, uplink->mac, 6);
	m = addr_is_v6(&n->addr)
		    ? pkt_make_ns(pool, &mac, own->addr.bytes, n->addr.bytes, -1)
		    : pkt_make_arp_request(pool, &mac, own->addr.bytes, n->addr.bytes, -1);
	if (m)
		esw_generate(node->esw, worker, m, node->uplink, node->uplink);
}

/* --- hops follow their neighbour --- */

static void set_hops(struct node *node, uint32_t index, bool hold)
{
	const struct neigh *n = &node->neighs[index];
	uint32_t nr = __atomic_load_n(&node->nr_tunnels, __ATOMIC_ACQUIRE);

	for (uint32_t i = 0; i < nr; i++) {
		struct tunnel *t = &node->tunnels[i];
		const struct flow_hop *old;
		struct flow_hop hop;

		if (t->neigh != index || !t->hop || !(old = flow_hop_get(node->flow, t->hop)))
			continue;
		hop = *old;
		hop.flags = hold ? hop.flags | FLOW_HOP_HOLD : hop.flags & ~FLOW_HOP_HOLD;
		if (!hold)
			memcpy(hop.encap.bytes, n->mac, 6);
		flow_hop_replace(node->flow, t->hop, &hop);
	}
}

static void release(struct node *node, unsigned worker, struct neigh *n)
{
	unsigned nr = n->nr_held;

	n->nr_held = 0;
	for (unsigned i = 0; i < nr; i++)
		esw_requeue(node->esw, worker, n->held[i].m, NULL, n->held[i].hop);
}

/* The neighbour said its MAC address: packets go. */
void neigh_heard(struct node *node, unsigned worker, const struct addr *a, const uint8_t mac[6],
	uint64_t now_ns)
{
	char text[ADDR_TEXT_MAX];
	enum neigh_state before;
	struct neigh *n;
	uint32_t i;

	rte_spinlock_lock(&node->neigh_lock);
	i = lookup(node, a);
	if (i != NONE) {
		n = &node->neighs[i];
		before = n->state;
		n->tries = 0;
		n->next_ns = now_ns + CONFIRM_NS + node->nr_neighs * CONFIRM_EACH_NS;
		n->state = NEIGH_REACHABLE;
		if ((before != NEIGH_REACHABLE && before != NEIGH_PROBE) ||
			memcmp(n->mac, mac, 6)) {
			memcpy(n->mac, mac, 6);
			set_hops(node, i, false);
			release(node, worker, n);
			if (before == NEIGH_DEAD)
				log_info("neighbour %s is back", addr_print(a, text));
		}
	}
	rte_spinlock_unlock(&node->neigh_lock);
}

/* --- packets that found their hop held --- */

static void refuse_held(struct node *node, unsigned worker, struct rte_mbuf *m, uint64_t now_ns)
{
	const struct target back = {.kind = TO_PORT, .port = m->port};
	struct pkt_parse parse;

	/* only pods of this node are told: what came by a tunnel is the other node's */
	if (m->port == node->uplink || pkt_parse(m, &parse) < 0)
		return;
	conns_restore(node, m, &parse);
	answer_error(
		node, worker, m, &parse, PKT_ERROR_HOST_UNREACHABLE, 0, m->port, &back, now_ns);
}

static struct neigh *neigh_of_hop(struct node *node, uint16_t hop)
{
	uint32_t nr = __atomic_load_n(&node->nr_tunnels, __ATOMIC_ACQUIRE);

	for (uint32_t i = 0; i < nr; i++)
		if (node->tunnels[i].hop == hop)
			return &node->neighs[node->tunnels[i].neigh];
	return NULL;
}

static void hold(struct node *node, unsigned worker, struct neigh *n, struct esw_upcall *call,
	uint64_t now_ns)
{
	if (n->state == NEIGH_NEW) {
		n->state = NEIGH_INCOMPLETE;
		n->tries = 1;
		n->next_ns = now_ns + RETRY_NS;
		ask(node, worker, n);
	}
	if (n->nr_held == NEIGH_HELD) {
		call->reason = DROP_NEIGHBOUR_QUEUE_FULL;
		return;
	}
	n->held[n->nr_held++] = (struct held){call->pkt.m, call->hop};
	call->answer = ESW_ANSWER_QUEUED;
}

void neigh_hold(struct node *node, unsigned worker, struct esw_upcall *call, uint64_t now_ns)
{
	struct neigh *n = neigh_of_hop(node, call->hop);

	call->answer = ESW_ANSWER_DROP;
	call->reason = DROP_NO_NEIGHBOUR;
	if (!n)
		return;
	rte_spinlock_lock(&node->neigh_lock);
	if (n->state == NEIGH_DEAD)
		refuse_held(node, worker, call->pkt.m, now_ns);
	else
		hold(node, worker, n, call, now_ns);
	rte_spinlock_unlock(&node->neigh_lock);
}

/* --- time --- */

static void die(struct node *node, unsigned worker, uint32_t index, uint64_t now_ns)
{
	struct neigh *n = &node->neighs[index];
	char text[ADDR_TEXT_MAX];

	log_warn("neighbour %s does not answer: packets for nodes behind it are refused",
		addr_print(&n->addr, text));
	n->state = NEIGH_DEAD;
	n->tries = 0;
	n->next_ns = now_ns + REVIVE_NS;
	set_hops(node, index, true);
	for (unsigned i = 0; i < n->nr_held; i++) {
		refuse_held(node, worker, n->held[i].m, now_ns);
		esw_discard(node->esw, worker, n->held[i].m, DROP_NO_NEIGHBOUR);
	}
	n->nr_held = 0;
}

static void timer(struct node *node, unsigned worker, uint32_t index, uint64_t now_ns)
{
	struct neigh *n = &node->neighs[index];

	switch (n->state) {
	case NEIGH_NEW:
		return;
	case NEIGH_REACHABLE:
		n->state = NEIGH_PROBE;
		n->tries = 0;
		break;
	case NEIGH_INCOMPLETE:
	case NEIGH_PROBE:
		if (n->tries == TRIES) {
			die(node, worker, index, now_ns);
			return;
		}
		break;
	case NEIGH_DEAD:
		break;
	}
	n->tries++;
	n->next_ns = now_ns + (n->state == NEIGH_DEAD ? REVIVE_NS : RETRY_NS);
	ask(node, worker, n);
}

void neigh_tick(struct node *node, unsigned worker, uint64_t now_ns)
{
	uint32_t nr = __atomic_load_n(&node->nr_neighs, __ATOMIC_ACQUIRE);

	if (!nr || !rte_spinlock_trylock(&node->neigh_lock))
		return;
	for (uint32_t i = 0; i < nr; i++)
		if (node->neighs[i].next_ns <= now_ns)
			timer(node, worker, i, now_ns);
	rte_spinlock_unlock(&node->neigh_lock);
}

/* Our VTEPs are (again) at this MAC address: who gave us up, or knew another, hears it now. */
void neigh_announce(struct node *node, unsigned worker)
{
	const struct bound_port *uplink =
		node->uplink == FLOW_PORT_NONE ? NULL : node->ports[node->uplink];
	struct rte_mempool *pool = esw_pool(node->esw);
	struct rte_ether_addr mac;
	struct rte_mbuf *m;

	if (!uplink)
		return;
	memcpy(&mac, uplink->mac, 6);
	if (!addr_is_none(&node->card.vtep4.addr) &&
		(m = pkt_make_arp_announce(pool, &mac, node->card.vtep4.addr.bytes, -1)))
		esw_generate(node->esw, worker, m, node->uplink, node->uplink);
	if (!addr_is_none(&node->card.vtep6.addr) &&
		(m = pkt_make_na_announce(pool, &mac, node->card.vtep6.addr.bytes, -1)))
		esw_generate(node->esw, worker, m, node->uplink, node->uplink);
}

void neigh_flush(struct node *node, unsigned worker)
{
	for (uint32_t i = 0; i < node->nr_neighs; i++) {
		struct neigh *n = &node->neighs[i];

		for (unsigned k = 0; k < n->nr_held; k++)
			esw_discard(node->esw, worker, n->held[k].m, DROP_NO_NEIGHBOUR);
		n->nr_held = 0;
	}
}
