/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tunnel: one hop and one decap entry per remote VTEP. A tunnel runs in the family of the packet it
 * carries when both nodes have a VTEP of that family, else in the other. Tunnels of nodes that left are
 * kept but no longer accepted from: a connection may still name their hop, and the node may come back.
 */
#include <stdlib.h>
#include <string.h>

#include "base/refuse.h"
#include "node/node_int.h"

#define VXLAN_OVERHEAD4 \
	50 /* Ethernet 14, IPv4 20, UDP 8, VXLAN 8: what it takes from the inner L3 */
#define VXLAN_OVERHEAD6 70

const struct rte_ether_addr node_gateway_mac = {{0x02, 0x5d, 0x70, 0x00, 0x00, 0x01}};

/* --- hops --- */

static int fill_hop(const struct node *node, const struct tunnel *t, struct flow_hop *hop)
{
	const struct bound_port *uplink = node->ports[node->uplink];
	bool ip6 = addr_is_v6(&t->vtep);
	const struct neigh *n = &node->neighs[t->neigh];
	bool known = n->state == NEIGH_REACHABLE || n->state == NEIGH_PROBE;
	struct pkt_encap_config c = {.type = PKT_TUN_VXLAN,
		.ip6 = ip6,
		.tos_copy = PKT_TOS_COPY_ECN,
		.entropy = true,
		.vni = t->vni,
		/* RFC 8200 sec. 8.1: over IPv6 the checksum is not optional; RFC 6935's exception wants both ends' consent */
		.udp_csum = ip6};

	memcpy(&c.src_mac, uplink->mac, 6);
	memcpy(&c.dst_mac, n->mac, 6);
	memcpy(c.src, ip6 ? node->card.vtep6.addr.bytes : node->card.vtep4.addr.bytes, 16);
	memcpy(c.dst, t->vtep.bytes, 16);
	*hop = (struct flow_hop){
		.port = node->uplink,
		.flags =
			FLOW_HOP_MACS | FLOW_HOP_TTL | FLOW_HOP_ENCAP | (known ? 0 : FLOW_HOP_HOLD),
		.mtu = (uint16_t)(uplink->mtu - (ip6 ? VXLAN_OVERHEAD6 : VXLAN_OVERHEAD4)),
	};
	memcpy(hop->dmac, &node_gateway_mac, 6);
	memcpy(hop->smac, &node_gateway_mac, 6);
	return pkt_encap_init(&hop->encap, &c);
}

static int set_hop(struct node *node, struct tunnel *t)
{
	struct flow_hop hop;
	int rc;

	rte_spinlock_lock(&node->neigh_lock);
	rc = fill_hop(node, t, &hop);
	if (rc == 0 && t->hop)
		rc = flow_hop_replace(node->flow, t->hop, &hop);
	else if (rc == 0 && (rc = flow_hop_add(node->flow, &hop)) > 0) {
		t->hop = (uint16_t)rc;
		rc = 0;
	}
	rte_spinlock_unlock(&node->neigh_lock);
	return rc;
}

/* --- accepting: outer addresses and VNI -> decap --- */

static int accept_from(struct node *node, struct tunnel *t, uint32_t vni)
{
	bool ip6 = addr_is_v6(&t->vtep);
	struct flow_entry_spec spec = {.fwd = {.kind = FLOW_FWD_PIPE, .pipe = node->tunnel_pipe}};
	struct flow_key_hot *key = &spec.match.value.hot;

	if (t->entry)
		return 0;
	key->shape = (uint16_t)((ip6 ? PKT_L3_IP6 : PKT_L3_IP4) << FLOW_SHAPE_L3_SHIFT |
				PKT_TUN_VXLAN << FLOW_SHAPE_TUN_SHIFT);
	memcpy(key->src, t->vtep.bytes, 16);
	memcpy(key->dst, ip6 ? node->card.vtep6.addr.bytes : node->card.vtep4.addr.bytes, 16);
	key->vni = rte_cpu_to_be_32(vni);
	return flow_entry_add(node->uplink_pipe, &spec, &t->entry);
}

static void refuse_from(struct tunnel *t)
{
	if (t->entry)
		flow_entry_remove(t->entry);
	t->entry = NULL;
}

/* --- all of a model's --- */

static uint32_t find(const struct node *node, const struct addr *vtep, uint32_t vni)
{
	for (uint32_t i = 0; i < node->nr_tunnels; i++)
		if (node->tunnels[i].vni == vni && addr_equal(&node->tunnels[i].vtep, vtep))
			return i;
	return NONE;
}

static int create(struct node *node, const struct addr *vtep, uint32_t vni, uint32_t *index)
{
	struct tunnel *t = &node->tunnels[node->nr_tunnels];
	int rc;

	if (node->nr_tunnels == TUNNELS_MAX)
		return refuse(ENOSPC, "node.apply: more than %u tunnels", TUNNELS_MAX);
	*t = (struct tunnel){.vtep = *vtep, .vni = vni, .neigh = neigh_find(node, vtep, true)};
	if (t->neigh == NONE)
		return refuse(ENOSPC, "node.apply: more than %u neighbours", NEIGHS_MAX);
	if ((rc = set_hop(node, t)) < 0)
		return rc;
	*index = node->nr_tunnels;
	__atomic_store_n(&node->nr_tunnels, node->nr_tunnels + 1, __ATOMIC_RELEASE);
	return 0;
}

static int peer_tunnel(struct node *node, struct peer *peer, int family, uint32_t own_vni)
{
	const struct addr *own = family ? &node->card.vtep6.addr : &node->card.vtep4.addr;
	uint32_t index;
	int rc;

	if (addr_is_none(&peer->vtep[family]) || addr_is_none(own))
		return 0;
	if (!peer->vni)
		return refuse(EINVAL,
			"node.apply: node %s: field 'vni' is missing, and the card profile has "
			"none",
			peer->name);
	index = find(node, &peer->vtep[family], peer->vni);
	if (index == NONE && (rc = create(node, &peer->vtep[family], peer->vni, &index)) < 0)
		return rc;
	peer->tunnel[family] = index;
	node->tunnels[index].in_use = true;
	return accept_from(node, &node->tunnels[index], own_vni);
}

int tunnels_for(struct node *node, struct model *m)
{
	uint32_t own_vni = m->peers[m->local].vni;
	int rc = 0;

	if (node->uplink == FLOW_PORT_NONE)
		return 0; /* a node without underlay serves its own pods */
	for (uint32_t i = 0; i < node->nr_tunnels; i++)
		node->tunnels[i].in_use = false;
	for (uint32_t i = 0; i < m->nr_peers; i++)
		for (int family = 0; family < 2 && rc == 0 && !m->peers[i].local; family++)
			rc = peer_tunnel(node, &m->peers[i], family, own_vni);
	for (uint32_t i = 0; i < node->nr_tunnels && rc == 0; i++)
		if (!node->tunnels[i].in_use)
			refuse_from(&node->tunnels[i]);
	return rc;
}

/* The uplink came or changed: its MAC and MTU are in every hop. */
int tunnels_refresh(struct node *node)
{
	int rc = 0;

	for (uint32_t i = 0; i < node->nr_tunnels && rc == 0; i++)
		rc = set_hop(node, &node->tunnels[i]);
	return rc;
}

void tunnels_detach(struct node *node)
{
	for (uint32_t i = 0; i < node->nr_tunnels; i++) {
		refuse_from(&node->tunnels[i]);
		flow_hop_remove(node->flow, node->tunnels[i].hop);
	}
	node->nr_tunnels = node->nr_neighs = 0;
}

bool tunnel_alive(const struct node *node, uint32_t tunnel)
{
	return node->neighs[node->tunnels[tunnel].neigh].state != NEIGH_DEAD;
}
