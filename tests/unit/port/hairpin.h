/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * hairpin: the smallest switch there is, for tests of real interfaces: whatever comes in by one of
 * two ports leaves by the other while a command runs. It sets the header lengths that port_tx
 * wants, and can finish partial checksums by itself first.
 */
#ifndef HAIRPIN_H
#define HAIRPIN_H

#include "port_test.h"

#include <netinet/in.h>
#include <rte_ip.h>
#include <rte_tcp.h>
#include <rte_udp.h>
#include <sys/wait.h>

struct hairpin {
	struct port *port[2];
	bool finish;        /* partial checksums in software; no super-packets then */
	unsigned vlan_tags; /* seen */
	unsigned supers4, supers6, partial, packets, unsent;
	unsigned longest;
};

static void set_lengths(struct rte_mbuf *m, struct hairpin *h)
{
	uint8_t *p = rte_pktmbuf_mtod(m, uint8_t *);
	uint16_t type = p[12] << 8 | p[13];
	uint8_t proto;

	m->l2_len = 14;
	if (type == 0x8100) {
		h->vlan_tags++;
		m->l2_len = 18;
		type = p[16] << 8 | p[17];
	}
	p += m->l2_len;
	if (type == 0x0800) {
		m->l3_len = (p[0] & 15) * 4;
		proto = p[9];
	} else if (type == 0x86dd) {
		m->l3_len = 40;
		proto = p[6];
	} else {
		return;
	}
	m->l4_len = proto == IPPROTO_TCP ? (p[m->l3_len + 12] >> 4) * 4 : 8;
}

static void finish(struct rte_mbuf *m)
{
	uint64_t kind = m->ol_flags & RTE_MBUF_F_TX_L4_MASK;
	uint32_t start = m->l2_len + m->l3_len;
	uint16_t sum = 0, *field;

	assert_false(m->ol_flags & (RTE_MBUF_F_TX_TCP_SEG | RTE_MBUF_F_TX_UDP_SEG));
	if (!kind)
		return;
	assert_int_equal(rte_raw_cksum_mbuf(m, start, m->pkt_len - start, &sum), 0);
	field = rte_pktmbuf_mtod_offset(
		m, uint16_t *, start + (kind == RTE_MBUF_F_TX_UDP_CKSUM ? 6 : 16));
	*field = ~sum;
	m->ol_flags &= ~(RTE_MBUF_F_TX_L4_MASK | RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IPV6);
}

static void look(struct hairpin *h, struct rte_mbuf *m)
{
	bool super = m->ol_flags & (RTE_MBUF_F_TX_TCP_SEG | RTE_MBUF_F_TX_UDP_SEG);

	set_lengths(m, h);
	h->packets++;
	h->partial += (m->ol_flags & RTE_MBUF_F_TX_L4_MASK) != 0;
	h->supers4 += super && (m->ol_flags & RTE_MBUF_F_TX_IPV4);
	h->supers6 += super && (m->ol_flags & RTE_MBUF_F_TX_IPV6);
	h->longest = MAX_OF(h->longest, m->pkt_len);
	if (h->finish)
		finish(m);
}

static void forward(struct hairpin *h, struct port_set *set, struct port_ref *ref)
{
	struct port *to = h->port[ref->port == h->port[0]];
	struct rte_mbuf *m[PORT_BURST];
	uint16_t n = port_rx(ref->port, ref->queue, m, PORT_BURST), sent;

	port_set_got(set, ref, n, PORT_BURST);
	for (uint16_t i = 0; i < n; i++)
		look(h, m[i]);
	sent = port_tx(to, 0, m, n);
	h->unsent += n - sent;
	if (sent < n)
		rte_pktmbuf_free_bulk(m + sent, n - sent);
}

/* Exit status of the shell command that ran while packets crossed. */
static int hairpin_while(struct hairpin *h, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
static int hairpin_while(struct hairpin *h, const char *fmt, ...)
{
	struct port_ref *ready[4];
	struct port_set *set;
	char cmd[1024];
	va_list ap;
	int status;
	pid_t child;

	va_start(ap, fmt);
	vsnprintf(cmd, sizeof(cmd), fmt, ap);
	va_end(ap);
	assert_int_equal(port_set_create(&set), 0);
	for (unsigned i = 0; i < 2; i++)
		for (unsigned q = 0; q < h->port[i]->rx_queues; q++)
			assert_int_equal(port_set_add(set, h->port[i], q), 0);
	child = fork();
	if (child == 0) {
		execl("/bin/sh", "sh", "-c", cmd, NULL);
		_exit(127);
	}
	while (waitpid(child, &status, WNOHANG) == 0) {
		unsigned n = port_set_wait(set, 2000, ready, 4);

		for (unsigned i = 0; i < n; i++)
			forward(h, set, ready[i]);
	}
	port_set_destroy(set);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

#endif
