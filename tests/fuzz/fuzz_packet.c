/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Everything that touches a packet's bytes, on any bytes. Input: segment size, choice of operation,
 * segment size of the super-packet, then the frame. Besides not crashing (ASan, UBSan), it must
 * hold that
 *  - the fast parse says what the slow one says,
 *  - an encapsulated packet's parse is what a fresh parse says, and decap gives the bytes back,
 *  - edits and segments leave packets that parse.
 */
#include <assert.h>
#include <stdlib.h>

#include "fixture.h"

#include "packet/build.h"
#include "packet/edit.h"
#include "packet/format.h"
#include "packet/packet_int.h"
#include "packet/segment.h"
#include "packet/tunnel.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t out[TEST_PACKET_MAX];

#define must(x)                  \
	do {                     \
		if (!(x))        \
			abort(); \
	} while (0)

static void no_free(void *addr, void *opaque)
{
}

/* One segment in memory of exactly its size: any overread is a fault. */
static void exact_parse(const uint8_t *b, size_t n)
{
	struct rte_mbuf_ext_shared_info info = {.free_cb = no_free};
	struct rte_mbuf *m = rte_pktmbuf_alloc(test_pool());
	uint8_t *copy = malloc(n ? n : 1);
	struct pkt_parse fast, slow;

	memcpy(copy, b, n);
	rte_mbuf_ext_refcnt_set(&info, 1);
	rte_pktmbuf_attach_extbuf(m, copy, 0, (uint16_t)n, &info);
	m->data_off = 0;
	m->data_len = (uint16_t)n;
	m->pkt_len = (uint32_t)n;
	pkt_parse(m, &fast);
	pkt_parse_slow(m, &slow);
	must(fast.drop == slow.drop);
	must(fast.drop || !memcmp(&fast, &slow, sizeof(fast)));
	if (!fast.drop) {
		pkt_l4_csum_ok(m, &fast, PKT_OUTER);
		pkt_l4_csum_ok(m, &fast, PKT_INNER);
	}
	rte_pktmbuf_free(m);
	free(copy);
}

static void print(const struct rte_mbuf *m)
{
	char text[4096];

	pkt_format_line(m, text, sizeof(text));
	pkt_format_tree(m, text, sizeof(text));
	pkt_format_hex(m, 64, text, sizeof(text));
}

static void edit(struct rte_mbuf *m, struct pkt_parse *p, uint8_t choice)
{
	struct pkt_nat nat = {
		.set = choice & 15, .ip6 = choice >> 4 & 1, .src = {1, 2, 3}, .dst = {4, 5, 6}};
	enum pkt_level level = choice & 32 ? PKT_INNER : PKT_OUTER;
	struct pkt_headers h;
	struct pkt_parse q;
	static const uint8_t any[64] = {0xff, 1, 0xff, 0xff, 7};

	pkt_rewrite(m, p, choice % 80, any, choice % 64);
	if (pkt_parse(m, p) < 0)
		return;
	if (pkt_parse_embedded(m, p, &h) == 0)
		pkt_nat_embedded(m, p, &h, &nat);
	pkt_nat(m, p, level, &nat);
	pkt_set_tos(m, p, level, choice, 0xff);
	pkt_ttl_dec(m, p, level);
	pkt_mss_clamp(m, p, level, 500);
	pkt_echo_reply(m, p);
	must(pkt_parse(m, p) == 0); /* another port may have made it another tunnel */
	pkt_vlan_push(m, p, 0x8100, choice);
	must(pkt_parse(m, &q) == 0 && q.shape == p->shape && q.outer.l4 == p->outer.l4);
	while (pkt_vlan_pop(m, p) == 0)
		must(pkt_parse(m, &q) == 0 && !memcmp(&q, p, sizeof(q)));
}

static void answer(struct rte_mbuf *m, struct pkt_parse *p)
{
	static const uint8_t src[16] = {10, 0, 0, 1};
	struct rte_ether_addr mac = {{2, 0, 0, 0, 0, 1}};
	struct rte_mbuf *a[4] = {pkt_make_error(test_pool(), m, p, PKT_ERROR_TOO_BIG, 1400, src),
		pkt_make_rst(test_pool(), m, p), pkt_fork(m, p, test_pool()), NULL};
	struct pkt_nd nd;
	struct pkt_parse q;

	if (pkt_nd_get(m, p, &nd) == 0)
		a[3] = pkt_make_na(test_pool(), m, p, &nd, &mac, true);
	for (int i = 0; i < 4; i++) {
		if (a[i])
			must(pkt_parse(a[i], &q) == 0);
		rte_pktmbuf_free(a[i]);
	}
	pkt_arp_reply(m, p, &mac);
}

static void there_and_back(struct rte_mbuf *m, struct pkt_parse *p, uint8_t choice)
{
	struct pkt_encap_config c = {.type = choice & 1 ? PKT_TUN_VXLAN : PKT_TUN_GENEVE,
		.inner_l2 = true,
		.ip6 = choice & 2,
		.udp_csum = choice & 4,
		.has_vlan = choice & 8,
		.entropy = true};
	uint32_t before = m->pkt_len;
	struct pkt_parse fresh;
	struct pkt_encap e;

	must(pkt_encap_init(&e, &c) == 0);
	if (pkt_encap(m, p, &e, 77) < 0)
		return;
	must(pkt_parse(m, &fresh) == 0);
	must(!memcmp(&fresh, p, sizeof(fresh)));
	if (pkt_decap(m, p, NULL, 0) == 0)
		must(m->pkt_len == before);
	else
		must(p->inner_drop != DROP_NONE || p->inner.l3_type == PKT_L3_NONE);
}

static void decap(struct rte_mbuf *m, struct pkt_parse *p)
{
	static const uint8_t eth[14] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2};
	struct pkt_parse fresh;

	if (pkt_decap(m, p, eth, sizeof(eth)) < 0)
		return;
	must(pkt_parse(m, &fresh) == 0);
	must(fresh.outer.l3 == p->outer.l3);
}

static void cut(struct rte_mbuf *m, struct pkt_parse *p, uint8_t choice, uint16_t mss)
{
	static const uint64_t flags[] = {RTE_MBUF_F_TX_TCP_SEG, RTE_MBUF_F_TX_UDP_SEG,
		RTE_MBUF_F_TX_TCP_SEG | RTE_MBUF_F_TX_TUNNEL_VXLAN,
		RTE_MBUF_F_TX_UDP_SEG | RTE_MBUF_F_TX_TUNNEL_GRE | RTE_MBUF_F_TX_OUTER_UDP_CKSUM};
	struct pkt_segments s;
	struct rte_mbuf *seg;

	if (pkt_fragment_start(&s, m, p, mss, 9) > 1)
		while ((seg = pkt_fragment_next(&s, test_pool())))
			rte_pktmbuf_free(seg);
	m->ol_flags = flags[choice & 3];
	m->tso_segsz = mss;
	if (pkt_segment_start(&s, m, p) > 0)
		while ((seg = pkt_segment_next(&s, test_pool()))) {
			struct pkt_parse q;

			must(pkt_parse(seg, &q) == 0);
			rte_pktmbuf_free(seg);
		}
}

/* As the port does before transmit. */
static void finish(struct rte_mbuf *m, struct pkt_parse *p, uint8_t choice)
{
	m->ol_flags = choice & 1 ? RTE_MBUF_F_TX_TCP_CKSUM : RTE_MBUF_F_TX_UDP_CKSUM;
	m->ol_flags |= choice & 2 ? RTE_MBUF_F_TX_TUNNEL_VXLAN | RTE_MBUF_F_TX_OUTER_UDP_CKSUM : 0;
	m->ol_flags |= choice & 4 ? RTE_MBUF_F_TX_IP_CKSUM : 0;
	pkt_set_offload_lengths(m, p);
	pkt_csum_finish(m, p);
	must((m->ol_flags & RTE_MBUF_F_TX_OFFLOAD_MASK) == 0);
}

typedef void (*operation)(struct rte_mbuf *m, struct pkt_parse *p, uint8_t choice, uint16_t mss);

static void run(const uint8_t *b, size_t n, size_t seg, unsigned op, uint8_t choice, uint16_t mss)
{
	struct rte_mbuf *m = test_mbuf_split(test_pool(), b, n, seg);
	struct pkt_parse p;

	print(m);
	if (pkt_parse(m, &p) == 0) {
		test_copy_out(m, out, sizeof(out));
		must(!memcmp(out, b, n)); /* parsing moves bytes, it does not change them */
		switch (op) {
		case 0:
			edit(m, &p, choice);
			break;
		case 1:
			answer(m, &p);
			break;
		case 2:
			there_and_back(m, &p, choice);
			break;
		case 3:
			decap(m, &p);
			break;
		case 4:
			cut(m, &p, choice, mss);
			break;
		default:
			finish(m, &p, choice);
			break;
		}
	}
	rte_pktmbuf_free(m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t seg, n;

	if (size < 4 || size > 9000)
		return 0;
	test_eal_init();
	n = size - 4;
	seg = data[0] < 128 ? 2048 : 20u + data[0];
	if (n <= UINT16_MAX)
		exact_parse(data + 4, n);
	for (unsigned op = 0; op < 6; op++)
		run(data + 4, n, seg, op, data[2], (uint16_t)(data[3] * 8u + 8));
	must(test_pool_in_use() == 0);
	return 0;
}
