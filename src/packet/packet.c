/* SPDX-License-Identifier: BSD-3-Clause */
/* packet: names, tunnel ports, and joining split headers. */
#include "packet/packet_int.h"

#include "base/refuse.h"

#define WIRE(v) (RTE_BYTE_ORDER == RTE_LITTLE_ENDIAN ? RTE_STATIC_BSWAP16(v) : (v))

/* VXLAN is the first: the fast parse relies on it. */
struct pkt_tunnel_ports pkt_tunnel_ports = {
	.port = {WIRE(4789), WIRE(4790), WIRE(6081), WIRE(2152), WIRE(6635), WIRE(1000)},
	.tun = {PKT_TUN_VXLAN, PKT_TUN_VXLAN_GPE, PKT_TUN_GENEVE, PKT_TUN_GTPU, PKT_TUN_MPLS_UDP,
		PKT_TUN_PSP},
};

static int slot_of(enum pkt_tun tun)
{
	for (int i = 0; i < PKT_TUNNEL_PORTS; i++)
		if (tun != PKT_TUN_NONE && pkt_tunnel_ports.tun[i] == tun)
			return i;
	return -1;
}

int pkt_set_tunnel_port(enum pkt_tun tun, uint16_t port)
{
	uint16_t wire = rte_cpu_to_be_16(port);
	int slot = slot_of(tun);

	if (slot < 0)
		return refuse(
			EINVAL, "tunnel '%s' is not recognised by a UDP port", pkt_tun_name(tun));
	for (int i = 0; port && i < PKT_TUNNEL_PORTS; i++)
		if (i != slot && pkt_tunnel_ports.port[i] == wire)
			return refuse(EEXIST, "tunnel '%s': UDP port %u is that of tunnel '%s'",
				pkt_tun_name(tun), port,
				pkt_tun_name((enum pkt_tun)pkt_tunnel_ports.tun[i]));
	pkt_tunnel_ports.port[slot] = wire;
	return 0;
}

uint16_t pkt_tunnel_port(enum pkt_tun tun)
{
	int slot = slot_of(tun);

	return slot < 0 ? 0 : rte_be_to_cpu_16(pkt_tunnel_ports.port[slot]);
}

/* May we write into the first segment's buffer, outside its data? */
static bool owns_buffer(const struct rte_mbuf *m)
{
	if (RTE_MBUF_CLONED(m))
		return false;
	if (RTE_MBUF_HAS_EXTBUF(m))
		return rte_mbuf_ext_refcnt_read(m->shinfo) == 1;
	return rte_mbuf_refcnt_read(m) == 1;
}

/* Room for `more` bytes behind the data, moving it forward if that helps. */
static bool make_tailroom(struct rte_mbuf *m, uint32_t more)
{
	uint32_t tail = rte_pktmbuf_tailroom(m), shift;

	if (more <= tail)
		return true;
	shift = more - tail;
	if (shift > m->data_off)
		return false;
	memmove((uint8_t *)pkt_at(m, 0) - shift, pkt_at(m, 0), m->data_len);
	m->data_off = (uint16_t)(m->data_off - shift);
	return true;
}

/* Take up to `want` bytes from the second segment; drop it when it is empty. */
static uint32_t take_from_next(struct rte_mbuf *m, uint32_t want)
{
	struct rte_mbuf *next = m->next;
	uint16_t n = (uint16_t)MIN_OF(want, next->data_len);

	memcpy(pkt_at(m, m->data_len), pkt_at(next, 0), n);
	m->data_len = (uint16_t)(m->data_len + n);
	next->data_len = (uint16_t)(next->data_len - n);
	next->data_off = (uint16_t)(next->data_off + n);
	if (next->data_len == 0) {
		m->next = next->next;
		m->nb_segs--;
		next->next = NULL;
		next->nb_segs = 1;
		rte_pktmbuf_free_seg(next);
	}
	return n;
}

int pkt_pull(struct rte_mbuf *m, uint32_t n)
{
	uint32_t more;

	if (n <= m->data_len)
		return 0;
	more = n - m->data_len;
	if (n > m->pkt_len || n > UINT16_MAX || !owns_buffer(m) || !make_tailroom(m, more))
		return -DROP_HEADER_SPLIT;
	while (more)
		more -= take_from_next(m, more);
	return 0;
}

bool pkt_trim(struct rte_mbuf *m, uint32_t n)
{
	uint32_t keep;
	struct rte_mbuf *s = m, *rest;

	if (n >= m->pkt_len)
		return false;
	m->pkt_len -= n;
	for (keep = m->pkt_len; keep > s->data_len; s = s->next)
		keep -= s->data_len;
	s->data_len = (uint16_t)keep;
	for (rest = s->next, s->next = NULL; rest; m->nb_segs--) {
		struct rte_mbuf *next = rest->next;

		rest->next = NULL;
		rest->nb_segs = 1;
		rte_pktmbuf_free_seg(rest);
		rest = next;
	}
	return true;
}

const char *pkt_l2_name(enum pkt_l2 t)
{
	static const char *const names[] = {"none", "eth", "vlan", "qinq"};

	return (unsigned)t < ARRAY_SIZE(names) ? names[t] : "?";
}

const char *pkt_l3_name(enum pkt_l3 t)
{
	static const char *const names[] = {"none", "ip4", "ip6", "arp", "other"};

	return (unsigned)t < ARRAY_SIZE(names) ? names[t] : "?";
}

const char *pkt_l4_name(enum pkt_l4 t)
{
	static const char *const names[] = {
		"none", "tcp", "udp", "icmp", "icmp6", "sctp", "esp", "other"};

	return (unsigned)t < ARRAY_SIZE(names) ? names[t] : "?";
}

const char *pkt_tun_name(enum pkt_tun t)
{
	static const char *const names[] = {"none", "vxlan", "vxlan-gpe", "geneve", "gre", "nvgre",
		"gtpu", "ipip", "mpls-udp", "psp", "esp"};

	return (unsigned)t < ARRAY_SIZE(names) ? names[t] : "?";
}
