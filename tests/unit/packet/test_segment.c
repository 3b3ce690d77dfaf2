/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * segment: super-packets cut up and checked piece by piece (payload, sequence, ids, flags, lengths,
 * all checksums), for TCP and UDP, both families, plain and in tunnels, as chains; IP fragments put
 * together again by librte_ip_frag; exhausted pools.
 */
#include "packet/packet_int.h"
#include "packet/segment.h"
#include "packet/tunnel.h"

#include "fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#include "base/rng.h"
#include "engine/checksum.h"

#include <rte_ip_frag.h>

static uint8_t whole[TEST_PACKET_MAX], piece[TEST_PACKET_MAX];

static struct pkt_parse parse(struct rte_mbuf *m)
{
	struct pkt_parse p;

	assert_int_equal(pkt_parse(m, &p), 0);
	return p;
}

/* What the kernel hands over: pseudo-header sum in the field, flags, segment size. */
static struct rte_mbuf *super_packet(const char *spec, size_t seg, uint16_t mss)
{
	size_t n = test_bytes(whole, sizeof(whole), "%s", spec);
	struct rte_mbuf *m = test_mbuf_split(test_pool(), whole, n, seg);
	struct pkt_parse p = parse(m);
	const struct pkt_headers *h = p.inner.l4_type ? &p.inner : &p.outer;
	bool tcp = h->l4_type == PKT_L4_TCP;

	*pkt_l4_csum_field(m, h) = checksum_fold(pkt_pseudo_sum(m, h, h->l3_end - h->l4));
	m->tso_segsz = mss;
	m->ol_flags = tcp ? RTE_MBUF_F_TX_TCP_SEG | RTE_MBUF_F_TX_TCP_CKSUM
			  : RTE_MBUF_F_TX_UDP_SEG | RTE_MBUF_F_TX_UDP_CKSUM;
	if (h == &p.inner)
		m->ol_flags |= RTE_MBUF_F_TX_TUNNEL_VXLAN;
	return m;
}

static void check_tcp(const uint8_t *a, const uint8_t *b, uint32_t done, bool first, bool last)
{
	uint8_t want = a[13];

	assert_int_equal(pkt_be32(b + 4), pkt_be32(a + 4) + done);
	assert_int_equal(pkt_be32(b + 8), pkt_be32(a + 8));
	if (!first)
		want &= 0x7f; /* CWR */
	if (!last)
		want &= (uint8_t)~0x09; /* FIN, PSH */
	assert_int_equal(b[13], want);
}

static void check_ids(const uint8_t *a, const uint8_t *b, uint32_t step)
{
	if (a[0] >> 4 == 4)
		assert_int_equal(pkt_be16(b + 4), (uint16_t)(pkt_be16(a + 4) + step));
}

/* One segment against the whole. Returns its payload bytes. */
static uint32_t check_piece(struct rte_mbuf *m, struct rte_mbuf *seg, uint32_t index, uint32_t done)
{
	struct pkt_parse w = parse(m), p = parse(seg);
	bool inner = m->ol_flags & RTE_MBUF_F_TX_TUNNEL_MASK;
	struct pkt_headers *a = inner ? &w.inner : &w.outer, *b = inner ? &p.inner : &p.outer;
	uint32_t n = b->l3_end - b->payload;
	bool last = a->payload + done + n == a->l3_end;

	test_copy_out(seg, piece, sizeof(piece));
	test_copy_out(m, whole, sizeof(whole));
	assert_int_equal(p.shape, w.shape);
	assert_int_equal(b->payload, a->payload);
	assert_int_equal(seg->ol_flags, 0);
	assert_int_equal(b->l3_end, seg->pkt_len);
	if (test_bad_sum(seg))
		fail_msg("segment %u: bad %s", index, test_bad_sum(seg));
	assert_true(pkt_l4_csum_ok(seg, &p, PKT_OUTER) && pkt_l4_csum_ok(seg, &p, PKT_INNER));
	assert_memory_equal(piece + b->payload, whole + a->payload + done, n);
	check_ids(whole + a->l3, piece + b->l3, index);
	if (inner)
		check_ids(whole + w.outer.l3, piece + p.outer.l3,
			whole[w.outer.l3 + 6u] & 0x40 ? 0 : index);
	if (a->l4_type == PKT_L4_TCP)
		check_tcp(whole + a->l4, piece + b->l4, done, index == 0, last);
	if (!last)
		assert_int_equal(n, m->tso_segsz);
	return n;
}

static void check_all(struct rte_mbuf *m, int expect)
{
	struct pkt_parse p = parse(m);
	struct pkt_segments s;
	int n = pkt_segment_start(&s, m, &p);
	uint32_t done = 0, index = 0;
	uint32_t largest = pkt_wire_size(m, &p);
	struct rte_mbuf *seg;

	assert_int_equal(n, expect);
	while ((seg = pkt_segment_next(&s, test_pool()))) {
		rte_mbuf_sanity_check(seg, 1);
		assert_true(seg->pkt_len - p.outer.l3 <= largest);
		if (index == 0)
			assert_int_equal(seg->pkt_len - p.outer.l3, largest);
		done += check_piece(m, seg, index++, done);
		rte_pktmbuf_free(seg);
	}
	assert_int_equal(index, n);
	assert_int_equal(s.next, s.end);
}

static const char *const supers[] = {
	"eth ip4:df,id=0xfffe tcp:1>2,seq=0xffffff00,fl=APFC data:%u",
	"eth vlan:4 ip4:opt=8 tcp:1>2,mss=99,fl=AP data:%u",
	"eth ip6 tcp:1>2,seq=7,fl=AF data:%u",
	"eth ip6 hbh:6 dopt:6 tcp:1>2 data:%u",
	"eth ip4:id=7 udp:1>2 data:%u",
	"eth ip6 udp:1>2 data:%u",
	"eth ip4:df udp:9>4789,nosum vxlan:5 eth ip4:id=9 tcp:1>2,fl=AP data:%u",
	"eth ip4:id=3 udp:9>4789 vxlan:5 eth ip6 tcp:1>2,fl=AF data:%u",
	"eth ip6 udp:9>4789,nosum vxlan:5 eth vlan:3 ip4 udp:1>2 data:%u",
	"eth ip6 udp:9>4789 vxlan:5 eth ip6 udp:1>2 data:%u",
	"eth ip4 udp:9>6081 geneve:5,opt=8 eth ip4 tcp:1>2 data:%u",
	"eth ip4 gre:key=1,csum eth ip6 tcp:1>2 data:%u",
	"eth ip6 ip4 tcp:1>2 data:%u",
	"eth ip4 udp:1>2152 gtpu:5,psc ip4 tcp:1>2 data:%u",
};

static void every_kind(void **state)
{
	static const struct {
		unsigned data, mss, segments;
	} sizes[] = {{0, 100, 1}, {1, 100, 1}, {100, 100, 1}, {101, 100, 2}, {1000, 1, 1000},
		{5000, 1448, 4}, {60000, 1448, 42}};

	for (size_t i = 0; i < ARRAY_SIZE(supers); i++)
		for (size_t k = 0; k < ARRAY_SIZE(sizes); k++)
			for (size_t seg = 2048; seg > 70; seg = seg * 2 / 5) {
				char spec[200];
				struct rte_mbuf *m;

				if (sizes[k].data / seg > 200)
					continue;
				snprintf(spec, sizeof(spec), supers[i], sizes[k].data);
				m = super_packet(spec, seg, (uint16_t)sizes[k].mss);
				check_all(m, (int)sizes[k].segments);
				rte_pktmbuf_free(m);
				assert_int_equal(test_pool_in_use(), 0);
			}
}

/* A full 64 KiB super-packet that goes through our own encap: lengths that no longer fit. */
static void encap_then_segment(void **state)
{
	for (int six = 0; six < 2; six++)
		for (int csum = 0; csum < 2; csum++) {
			struct pkt_encap_config c = {.type = PKT_TUN_VXLAN,
				.ip6 = six,
				.udp_csum = csum,
				.vni = 5,
				.src = {192, 168, 1, 1},
				.dst = {192, 168, 1, 2}};
			struct rte_mbuf *m =
				super_packet("eth ip4:df tcp:1>2,fl=AP data:65495", 2048, 1398);
			struct pkt_parse p = parse(m), fresh;
			struct pkt_encap e;

			assert_int_equal(pkt_encap_init(&e, &c), 0);
			assert_int_equal(pkt_encap(m, &p, &e, 77), 0);
			fresh = parse(m);
			assert_memory_equal(&p, &fresh, sizeof(p));
			assert_int_equal(p.inner_drop, 0);
			check_all(m, 47);
			rte_pktmbuf_free(m);
		}
}

static void refuses(void **state)
{
	struct rte_mbuf *m = super_packet("eth ip4 tcp:1>2 data:500", 2048, 0);
	struct pkt_parse p = parse(m);
	struct pkt_segments s;

	assert_int_equal(pkt_segment_start(&s, m, &p), -DROP_L4_BAD_LENGTH);
	m->tso_segsz = 100;
	m->ol_flags = RTE_MBUF_F_TX_UDP_SEG;
	assert_int_equal(pkt_segment_start(&s, m, &p), -DROP_EDIT_NO_HEADER);
	m->ol_flags = RTE_MBUF_F_TX_TCP_SEG | RTE_MBUF_F_TX_TUNNEL_VXLAN;
	assert_int_equal(pkt_segment_start(&s, m, &p), -DROP_EDIT_NO_HEADER);
	m->ol_flags = 0;
	assert_int_equal(pkt_segment_start(&s, m, &p), -DROP_EDIT_NO_HEADER);
	rte_pktmbuf_free(m);
}

/* Any number of free mbufs: what cannot be made now is made on the next call, nothing is lost. */
static void empty_pool_can_be_retried(void **state)
{
	struct rte_mempool *small =
		rte_pktmbuf_pool_create("small", 63, 0, 0, 128 + 300, SOCKET_ID_ANY);
	struct rte_mbuf *taken[64], *m = super_packet("eth ip6 tcp:1>2 data:3000", 2048, 1000);
	struct pkt_parse p = parse(m);

	/* each segment needs four of these mbufs */
	for (unsigned free_at_first = 0; free_at_first < 12; free_at_first++) {
		struct pkt_segments s;
		struct rte_mbuf *seg;
		uint32_t done = 0, index = 0;
		unsigned t = 0;

		while (rte_mempool_avail_count(small) > free_at_first)
			taken[t++] = rte_pktmbuf_alloc(small);
		assert_int_equal(pkt_segment_start(&s, m, &p), 3);
		while (s.next < s.end) {
			seg = pkt_segment_next(&s, small);
			if (!seg) {
				rte_pktmbuf_free(taken[--t]);
				continue;
			}
			done += check_piece(m, seg, index++, done);
			rte_pktmbuf_free(seg);
		}
		assert_int_equal(index, 3);
		while (t)
			rte_pktmbuf_free(taken[--t]);
		assert_int_equal(rte_mempool_avail_count(small), 63);
	}
	rte_pktmbuf_free(m);
	rte_mempool_free(small);
}

/* ---- fragments ---- */

static struct rte_mbuf *reassemble(
	struct rte_ip_frag_tbl *tbl, struct rte_ip_frag_death_row *dr, struct rte_mbuf *f)
{
	struct pkt_parse p = parse(f);
	uint8_t *ip = pkt_at(f, p.outer.l3);

	f->l2_len = p.outer.l3;
	if (p.outer.l3_type == PKT_L3_IP4) {
		f->l3_len = (ip[0] & 15u) * 4;
		return rte_ipv4_frag_reassemble_packet(tbl, dr, f, 1, (struct rte_ipv4_hdr *)ip);
	}
	assert_int_not_equal(p.outer.ext, PKT_ABSENT);
	f->l3_len = p.outer.ext + 8u - p.outer.l3;
	return rte_ipv6_frag_reassemble_packet(tbl, dr, f, 1, (struct rte_ipv6_hdr *)ip,
		(struct rte_ipv6_fragment_ext *)pkt_at(f, p.outer.ext));
}

static void fragment_and_back(const char *spec, uint16_t mtu, size_t seg)
{
	size_t n = test_bytes(whole, sizeof(whole), "%s", spec);
	struct rte_mbuf *m = test_mbuf_split(test_pool(), whole, n, seg), *f, *done = NULL;
	struct rte_ip_frag_tbl *tbl =
		rte_ip_frag_table_create(16, 16, 16, 1000000000, SOCKET_ID_ANY);
	struct rte_ip_frag_death_row dr = {.cnt = 0};
	struct pkt_parse p = parse(m);
	struct pkt_segments s;
	int count = pkt_fragment_start(&s, m, &p, mtu, 0xabcd), made = 0;
	bool v4 = p.outer.l3_type == PKT_L3_IP4;

	assert_true(count > 1);
	while ((f = pkt_fragment_next(&s, test_pool()))) {
		struct pkt_parse q = parse(f);

		made++;
		assert_true(q.outer.flags & PKT_FRAG);
		assert_true(f->pkt_len - p.outer.l3 <= mtu);
		assert_null(test_bad_sum(f));
		done = reassemble(tbl, &dr, f);
		if ((done != NULL) != (made == count))
			fail_msg("%s, mtu %u, %zu: fragment %d of %d", spec, mtu, seg, made, count);
	}
	assert_int_equal(made, count);
	assert_non_null(done);
	assert_int_equal(done->pkt_len, n);
	test_copy_out(done, piece, sizeof(piece));
	if (v4) /* DPDK rewrites length and offset, not the checksum */
		memcpy(piece + p.outer.l3 + 10, whole + p.outer.l3 + 10, 2);
	assert_memory_equal(piece, whole, n);
	rte_pktmbuf_free(done);
	rte_pktmbuf_free(m);
	rte_ip_frag_free_death_row(&dr, 0);
	rte_ip_frag_table_destroy(tbl);
	assert_int_equal(test_pool_in_use(), 0);
}

static void fragments_reassemble(void **state)
{
	static const char *const specs[] = {
		"eth ip4:id=77 udp:1>2 data:3000",
		"eth vlan:5 ip4:id=9 tcp:1>2 data:2001",
		"eth ip4:id=5 icmp:8 data:1473",
		"eth ip6 udp:1>2 data:3000",
		"eth vlan:5 ip6 icmp6:128 data:1600",
	};

	for (size_t i = 0; i < ARRAY_SIZE(specs); i++)
		for (uint16_t mtu = 576; mtu <= 1500; mtu = (uint16_t)(mtu + 131))
			for (size_t seg = 2048; seg > 100; seg /= 3)
				fragment_and_back(specs[i], mtu, seg);
}

/* DPDK's reassembly knows no header between IPv6 and the fragment header: put the pieces by hand.
 */
static void fragments_behind_options(void **state)
{
	size_t n = test_bytes(whole, sizeof(whole), "eth ip6 hbh:6 tcp:1>2 data:2000");
	struct rte_mbuf *m = test_mbuf(test_pool(), whole, n), *f;
	struct pkt_parse p = parse(m);
	struct pkt_segments s;
	uint32_t keep = 14 + 40 + 8, put = 0;

	assert_int_equal(pkt_fragment_start(&s, m, &p, 576, 0xabcd), 4);
	while ((f = pkt_fragment_next(&s, test_pool()))) {
		struct pkt_parse q = parse(f);
		uint8_t *b = pkt_at(f, 0);
		uint32_t offset = pkt_be16(b + keep + 2) & 0xfff8, len = f->pkt_len - keep - 8;

		assert_int_equal(q.outer.ext, keep);
		assert_int_equal(b[keep], PKT_PROTO_TCP);
		assert_int_equal(b[14 + 40], PKT_PROTO_FRAGMENT);
		assert_int_equal(b[14 + 6], PKT_PROTO_HBH);
		assert_int_equal(pkt_be32(b + keep + 4), 0xabcd);
		assert_int_equal(offset, put);
		assert_int_equal(b[keep + 3] & 1, put + len < n - keep);
		assert_memory_equal(b + keep + 8, whole + keep + offset, len);
		put += len;
		rte_pktmbuf_free(f);
	}
	assert_int_equal(put, n - keep);
	rte_pktmbuf_free(m);
}

static void fragment_limits(void **state)
{
	static const struct {
		const char *spec;
		uint16_t mtu;
		int want;
	} cases[] = {
		{"eth ip4 udp:1>2 data:100", 128, 1},
		{"eth ip4 udp:1>2 data:101", 128, 2},
		{"eth ip4:df udp:1>2 data:101", 128, -DROP_MTU_EXCEEDED},
		{"eth ip4 udp:1>2 data:100", 27, -DROP_MTU_EXCEEDED},
		{"eth ip6 udp:1>2 data:101", 148, 2},
		{"eth ip6 frag:mf udp:1>2,len=200 data:104", 140, -DROP_MTU_EXCEEDED},
		{"eth:type=0x88b5 data:300", 280, -DROP_MTU_EXCEEDED},
		{"eth:type=0x88b5 data:280", 280, 1},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct rte_mbuf *m = test_packet(test_pool(), "%s", cases[i].spec);
		struct pkt_parse p = parse(m);
		struct pkt_segments s;

		assert_int_equal(pkt_fragment_start(&s, m, &p, cases[i].mtu, 1), cases[i].want);
		rte_pktmbuf_free(m);
	}
}

/* A fragment of a fragment keeps its place: offset and "more" add up. Options: copied ones stay. */
static void fragment_of_a_fragment(void **state)
{
	struct rte_mbuf *m = test_packet(
				test_pool(), "eth ip4:id=7,off=10,mf,opt=8,proto=17 data:160"),
			*f;
	struct pkt_parse p = parse(m);
	uint8_t *opt = pkt_at(m, 34), want_offset = 10;
	static const uint8_t options[8] = {
		0x94, 4, 0, 0 /* router alert, copied */, 7, 3, 4, 1 /* record route */};
	struct pkt_segments s;

	memcpy(opt, options, 8);
	pkt_ip4_csum_fill(m, &p.outer);
	assert_int_equal(pkt_fragment_start(&s, m, &p, 28 + 64, 0), 3);
	for (int i = 0; i < 3; i++) {
		uint8_t *ip;

		f = pkt_fragment_next(&s, test_pool());
		ip = pkt_at(f, 14);
		assert_int_equal(pkt_be16(ip + 6), 0x2000 | want_offset);
		assert_null(test_bad_sum(f));
		assert_memory_equal(ip + 20, options, 4);
		if (i)
			assert_memory_equal(ip + 24, ((uint8_t[]){1, 1, 1, 1}), 4);
		else
			assert_memory_equal(ip + 24, options + 4, 4);
		want_offset = (uint8_t)(want_offset + 8);
		rte_pktmbuf_free(f);
	}
	assert_null(pkt_fragment_next(&s, test_pool()));
	rte_pktmbuf_free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_kind),
		cmocka_unit_test(encap_then_segment),
		cmocka_unit_test(refuses),
		cmocka_unit_test(empty_pool_can_be_retried),
		cmocka_unit_test(fragments_reassemble),
		cmocka_unit_test(fragments_behind_options),
		cmocka_unit_test(fragment_limits),
		cmocka_unit_test(fragment_of_a_fragment),
	};

	test_eal_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
