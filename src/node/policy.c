/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * policy: may traffic pass one side (ingress or egress) of a pod? Selectors were resolved to sets of
 * pods, one bit per pod, so a rule costs a bit test whatever it selects; only ipBlocks are compared.
 * The caller asks for both sides of same-node traffic, and only for local pods: the other node asks
 * for its own. Addresses and ports are those of the pods (after DNAT), as Kubernetes says.
 */
#include <string.h>

#include "node/node_int.h"

static bool port_matches(const struct model *m, const struct rule *r, uint8_t proto, uint16_t dport)
{
	uint16_t port = rte_be_to_cpu_16(dport);

	for (uint32_t i = 0; i < r->nr_ports; i++) {
		const struct port_range *p = &m->ranges[r->first_port + i];

		if (p->proto == proto && port >= p->first && port <= p->last)
			return true;
	}
	return r->nr_ports == 0;
}

static bool proto_matches(const struct model *m, const struct rule *r, uint8_t proto)
{
	for (uint32_t i = 0; i < r->nr_ports; i++)
		if (m->ranges[r->first_port + i].proto == proto)
			return true;
	return r->nr_ports == 0;
}

static bool block_matches(const struct model *m, const struct block *b, const struct addr *a)
{
	if (!prefix_contains(&b->cidr, a))
		return false;
	for (uint32_t i = 0; i < b->nr_except; i++)
		if (prefix_contains(&m->excepts[b->first_except + i], a))
			return false;
	return true;
}

static bool peer_matches(
	const struct model *m, const struct rule *r, const struct policy_peer *peer)
{
	struct addr a;

	if (r->anybody)
		return true;
	if (r->pods != NONE && peer->pod != NONE) {
		const uint64_t *set = &m->pod_sets[(size_t)r->pods * m->pod_words];

		if (set[peer->pod / 64] >> (peer->pod % 64) & 1)
			return true;
	}
	if (!r->nr_blocks)
		return false;
	a = addr_wire(peer->addr, peer->ip6);
	for (uint32_t i = 0; i < r->nr_blocks; i++)
		if (block_matches(m, &m->blocks[r->first_block + i], &a))
			return true;
	return false;
}

static bool any_rule(const struct model *m, uint32_t index, const struct policy_peer *peer,
	uint8_t proto, uint16_t dport, bool fragment)
{
	const struct side *s = &m->sides[index];

	for (uint32_t i = 0; i < s->nr_rules; i++) {
		const struct rule *r = &m->rules[s->first_rule + i];

		if ((fragment ? proto_matches(m, r, proto) : port_matches(m, r, proto, dport)) &&
			peer_matches(m, r, peer))
			return true;
	}
	return false;
}

bool policy_allows(const struct model *m, uint32_t side, const struct policy_peer *peer,
	uint8_t proto, uint16_t dport)
{
	return side == NONE || any_rule(m, side, peer, proto, dport, false);
}

bool policy_allows_fragment(
	const struct model *m, uint32_t side, const struct policy_peer *peer, uint8_t proto)
{
	return side == NONE || any_rule(m, side, peer, proto, 0, true);
}
