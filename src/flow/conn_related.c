/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * conn_related: the connection an ICMP error speaks of. The quoted packet is one that left us, rewritten, in
 * direction d; its mirror is what we expect to arrive in the other direction, and that is a key of the table.
 */
#include "flow/conn_int.h"
#include "packet/edit.h"

/* Identifier of a quoted echo, ports otherwise; the parse has at least eight bytes of L4. */
static bool quoted_ports(
	const struct rte_mbuf *m, const struct pkt_headers *h, uint16_t *sport, uint16_t *dport)
{
	const uint8_t *l4 = pkt_at(m, h->l4);

	switch (h->l4_type) {
	case PKT_L4_TCP:
	case PKT_L4_UDP:
	case PKT_L4_SCTP:
		memcpy(sport, l4, 2);
		memcpy(dport, l4 + 2, 2);
		return true;
	case PKT_L4_ICMP:
	case PKT_L4_ICMP6:
		memcpy(sport, l4 + 4, 2);
		*dport = *sport;
		return l4[0] == 8 || l4[0] == 0 || l4[0] == 128 || l4[0] == 129;
	default:
		return false;
	}
}

/* The quoted packet's tuple, source and destination exchanged. */
static bool mirror_of_quoted(
	const struct rte_mbuf *m, const struct pkt_headers *h, uint16_t zone, struct conn_key *key)
{
	const uint8_t *ip = pkt_at(m, h->l3);

	memset(key, 0, sizeof(*key));
	if (h->l4 == PKT_ABSENT || !quoted_ports(m, h, &key->dport, &key->sport))
		return false;
	key->ip6 = h->l3_type == PKT_L3_IP6;
	memcpy(key->dst, ip + (key->ip6 ? 8 : 12), key->ip6 ? 16 : 4);
	memcpy(key->src, ip + (key->ip6 ? 24 : 16), key->ip6 ? 16 : 4);
	key->proto = h->l4_proto;
	key->zone = zone;
	return true;
}

conn_ref conn_lookup_related(const struct flow_conn_table *table, struct rte_mbuf *m,
	const struct pkt_parse *parse, uint16_t zone)
{
	struct pkt_headers quoted;
	struct conn_key key;
	conn_ref ref;

	if (pkt_parse_embedded(m, parse, &quoted) < 0 || !mirror_of_quoted(m, &quoted, zone, &key))
		return CONN_NONE;
	conn_lookup(table, &key, &ref, 1);
	return ref == CONN_NONE ? CONN_NONE : ref ^ 1;
}
