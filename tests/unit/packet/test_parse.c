/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * parse: known packets against hand-made expectations, each lie against its named reason,
 * truncation at every byte, every way of cutting into segments, and the fast path against the slow
 * one. (test_tshark.c compares with somebody else's dissector.)
 */
#include "packet/packet_int.h"
#include "packet/parse_int.h"

#include "fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/rng.h"

static void say_headers(const struct pkt_headers *h, char *s, size_t size)
{
	int n = snprintf(s, size, "%s@%d %s@%d %s@%d pay %d end %u", pkt_l2_name(h->l2_type),
		(int16_t)h->l2, pkt_l3_name(h->l3_type), (int16_t)h->l3, pkt_l4_name(h->l4_type),
		(int16_t)h->l4, (int16_t)h->payload, h->l3_end);

	if (h->flags)
		n += snprintf(s + n, size - (size_t)n, " flags %x", h->flags);
	if (h->nr_ext)
		n += snprintf(s + n, size - (size_t)n, " ext %u", h->nr_ext);
}

/* The parse as one comparable line; -1 is "absent". */
static const char *say(const struct pkt_parse *p)
{
	static char text[400], outer[160], inner[160];

	if (p->drop) {
		snprintf(text, sizeof(text), "drop %s", drop_name(p->drop));
		return text;
	}
	say_headers(&p->outer, outer, sizeof(outer));
	say_headers(&p->inner, inner, sizeof(inner));
	if (!p->tun_type && !p->inner_drop)
		return strcpy(text, outer);
	snprintf(text, sizeof(text), "%s | %s@%d-%d | %s%s", outer, pkt_tun_name(p->tun_type),
		(int16_t)p->tun, (int16_t)p->tun_end, p->inner.l3_type ? inner : "no inner: ",
		p->inner.l3_type ? "" : drop_name(p->inner_drop));
	return text;
}

static const struct {
	const char *spec, *want;
} known[] = {
	{"eth ip4 tcp:1>2 data:6", "eth@0 ip4@14 tcp@34 pay 54 end 60"},
	{"eth ip4 udp:1>2 data:4 pad:14", "eth@0 ip4@14 udp@34 pay 42 end 46"},
	{"eth ip6 udp:1>2", "eth@0 ip6@14 udp@54 pay 62 end 62"},
	{"eth ip6 tcp:1>2,mss=1400", "eth@0 ip6@14 tcp@54 pay 78 end 78"},
	{"eth vlan:7 ip4 tcp:1>2", "vlan@0 ip4@18 tcp@38 pay 58 end 58"},
	{"eth vlan:7 ip6 udp:1>2 data:1", "vlan@0 ip6@18 udp@58 pay 66 end 67"},
	{"eth vlan:7,tpid=0x88a8 vlan:8 ip4 udp:1>2", "qinq@0 ip4@22 udp@42 pay 50 end 50"},
	{"eth vlan:7,tpid=0x9100 vlan:8 ip6 icmp6:128", "qinq@0 ip6@22 icmp6@62 pay 70 end 70"},
	{"eth vlan:1 vlan:2 vlan:3 ip4 udp:1>2", "qinq@0 other@22 none@-1 pay -1 end 54"},
	{"eth arp:op=1", "eth@0 arp@14 none@-1 pay -1 end 42"},
	{"eth:type=0x88cc data:9", "eth@0 other@14 none@-1 pay -1 end 23"},
	{"eth:type=0x0800 data:20,fill=0x45", "drop ip4-bad-length"},
	{"eth ip4:opt=8 icmp:8", "eth@0 ip4@14 icmp@42 pay 50 end 50 flags 4"},
	{"eth ip4:badsum tcp:1>2", "eth@0 ip4@14 tcp@34 pay 54 end 54 flags 10"},
	{"eth vlan:4 ip4:badsum,opt=4 udp:1>2", "vlan@0 ip4@18 udp@42 pay 50 end 50 flags 14"},
	{"eth ip4 sctp:1>2 data:4", "eth@0 ip4@14 sctp@34 pay 46 end 50"},
	{"eth ip4:mf tcp:1>2 data:4", "eth@0 ip4@14 tcp@34 pay 54 end 58 flags 1"},
	{"eth ip4:off=3,proto=17 data:5", "eth@0 ip4@14 none@-1 pay -1 end 39 flags 3"},
	{"eth ip4:proto=253 data:5", "eth@0 ip4@14 other@34 pay -1 end 39"},
	{"eth ip4 icmp6:128", "eth@0 ip4@14 other@34 pay -1 end 42"},
	{"eth ip4 ah udp:1>2", "eth@0 ip4@14 udp@58 pay 66 end 66 flags 8 ext 1"},
	{"eth ip6 hbh:6 dopt:14 rt:1 frag:id=9 ah tcp:1>2 data:2",
		"eth@0 ip6@14 tcp@134 pay 154 end 156 flags 28 ext 5"},
	{"eth ip6 frag:mf,id=7 udp:1>2,len=900 data:8",
		"eth@0 ip6@14 udp@62 pay 70 end 78 flags 9 ext 1"},
	{"eth ip6 frag:off=100,id=7 udp:1>2 data:3",
		"eth@0 ip6@14 none@-1 pay -1 end 73 flags b ext 1"},
	{"eth ip6:proto=59", "eth@0 ip6@14 none@-1 pay -1 end 54"},
	{"eth ip4 udp:9>4789 vxlan:5 eth ip4 tcp:1>2",
		"eth@0 ip4@14 udp@34 pay 42 end 104 | vxlan@42-50 | eth@50 ip4@64 tcp@84 pay 104 "
		"end 104"},
	{"eth vlan:1 ip6 udp:9>4789,nosum vxlan:5 eth vlan:2 ip6 udp:1>2 data:1",
		"vlan@0 ip6@18 udp@58 pay 66 end 141 | vxlan@66-74 | vlan@74 ip6@92 udp@132 pay "
		"140 end 141"},
	{"eth ip4 udp:9>4789 vxlan:5 eth arp", "eth@0 ip4@14 udp@34 pay 42 end 92 | vxlan@42-50 | "
					       "eth@50 arp@64 none@-1 pay -1 end 92"},
	{"eth ip4 udp:9>8472 vxlan:5 eth arp", "eth@0 ip4@14 udp@34 pay 42 end 92"},
	{"eth ip4 udp:9>4790 gpe:5 ip6 tcp:1>2",
		"eth@0 ip4@14 udp@34 pay 42 end 110 | vxlan-gpe@42-50 | none@-1 ip6@50 tcp@90 pay "
		"110 end 110"},
	{"eth ip4 udp:9>6081 geneve:5,opt=12 eth ip4 udp:1>2",
		"eth@0 ip4@14 udp@34 pay 42 end 104 | geneve@42-62 | eth@62 ip4@76 udp@96 pay 104 "
		"end 104"},
	{"eth ip4 udp:9>6081 geneve:5 ip6 icmp6:128",
		"eth@0 ip4@14 udp@34 pay 42 end 98 | geneve@42-50 | none@-1 ip6@50 icmp6@90 pay 98 "
		"end 98"},
	{"eth ip4 gre ip4 udp:1>2", "eth@0 ip4@14 other@34 pay -1 end 66 | gre@34-38 | none@-1 "
				    "ip4@38 udp@58 pay 66 end 66"},
	{"eth ip6 gre:key=4,seq=1,csum eth ip4 udp:1>2",
		"eth@0 ip6@14 other@54 pay -1 end 112 | gre@54-70 | eth@70 ip4@84 udp@104 pay 112 "
		"end 112"},
	{"eth ip4 gre:key=0x500 eth ip4 tcp:1>2",
		"eth@0 ip4@14 other@34 pay -1 end 96 | nvgre@34-42 | eth@42 ip4@56 tcp@76 pay 96 "
		"end 96"},
	{"eth ip4 udp:2152>2152 gtpu:77 ip4 tcp:1>2",
		"eth@0 ip4@14 udp@34 pay 42 end 90 | gtpu@42-50 | none@-1 ip4@50 tcp@70 pay 90 end "
		"90"},
	{"eth ip4 udp:2152>2152 gtpu:77,psc ip6 udp:1>2",
		"eth@0 ip4@14 udp@34 pay 42 end 106 | gtpu@42-58 | none@-1 ip6@58 udp@98 pay 106 "
		"end 106"},
	{"eth ip4 udp:2152>2152 gtpu:77,type=1 data:4",
		"eth@0 ip4@14 udp@34 pay 42 end 54 | gtpu@42-50 | no inner: none"},
	{"eth ip4 ip4 udp:1>2", "eth@0 ip4@14 other@34 pay -1 end 62 | ipip@34-34 | none@-1 ip4@34 "
				"udp@54 pay 62 end 62"},
	{"eth ip6 ip4 tcp:1>2", "eth@0 ip6@14 other@54 pay -1 end 94 | ipip@54-54 | none@-1 ip4@54 "
				"tcp@74 pay 94 end 94"},
	{"eth ip4 ip6 icmp6:135", "eth@0 ip4@14 other@34 pay -1 end 82 | ipip@34-34 | none@-1 "
				  "ip6@34 icmp6@74 pay 82 end 82"},
	{"eth ip4 udp:9>6635 mpls:16,17 ip4 udp:1>2",
		"eth@0 ip4@14 udp@34 pay 42 end 78 | mpls-udp@42-50 | none@-1 ip4@50 udp@70 pay 78 "
		"end 78"},
	{"eth ip4 udp:9>1000 psp:5 data:40",
		"eth@0 ip4@14 udp@34 pay 42 end 98 | psp@42-58 | no inner: none"},
	{"eth ip6 esp:5 data:40",
		"eth@0 ip6@14 esp@54 pay 62 end 102 | esp@54-62 | no inner: none"},
	/* tunnels and inners that are wrong: the outer passes */
	{"eth ip4 udp:9>4789 data:5",
		"eth@0 ip4@14 udp@34 pay 42 end 47 | none@-1--1 | no inner: tunnel-short"},
	{"eth ip4 udp:9>4789 data:30,fill=0",
		"eth@0 ip4@14 udp@34 pay 42 end 72 | vxlan@42--1 | no inner: tunnel-bad-flags"},
	{"eth ip4 udp:9>4789 vxlan:5 data:13",
		"eth@0 ip4@14 udp@34 pay 42 end 63 | vxlan@42-50 | no inner: l2-short"},
	{"eth ip4 udp:9>4789 vxlan:5 eth ip4:len=29 udp:1>2,len=9",
		"eth@0 ip4@14 udp@34 pay 42 end 92 | vxlan@42-50 | no inner: ip4-bad-length"},
	{"eth ip4:mf udp:9>4789,len=900 vxlan:5 eth ip4 udp:1>2 data:6",
		"eth@0 ip4@14 udp@34 pay 42 end 98 flags 1"},
	{"eth ip4 udp:9>4789 vxlan:5 eth ip4 udp:9>4789 vxlan:6 eth ip4 udp:1>2",
		"eth@0 ip4@14 udp@34 pay 42 end 142 | vxlan@42-50 | eth@50 ip4@64 udp@84 pay 92 "
		"end 142"},
	/* lies of the outer */
	{"eth ip4:len=19 udp:1>2", "drop ip4-bad-length"},
	{"eth ip4:len=100 udp:1>2", "drop ip4-bad-length"},
	{"eth ip4:len=27 udp:1>2", "drop l4-short"},
	{"eth ip4 udp:1>2,len=7 data:2", "drop l4-bad-length"},
	{"eth ip4 udp:1>2,len=11 data:2", "drop l4-bad-length"},
	{"eth ip4:proto=6 data:19", "drop l4-short"},
	{"eth ip4:proto=6 data:20,fill=0x4f", "drop l4-bad-length"},
	{"eth ip4:proto=6 data:20,fill=0xff", "drop l4-bad-length"},
	{"eth ip6:len=9 udp:1>2", "drop ip6-bad-length"},
	{"eth ip6 dopt:6 hbh:6 udp:1>2", "drop ip6-ext-order"},
	{"eth ip6 dopt dopt dopt dopt dopt dopt dopt dopt udp:1>2",
		"eth@0 ip6@14 udp@118 pay 126 end 126 flags 8 ext 8"},
	{"eth ip6 dopt dopt dopt dopt dopt dopt dopt dopt dopt udp:1>2", "drop ip6-ext-too-many"},
	{"eth ip6:proto=60 data:7", "drop ip6-ext-short"},
	{"eth ip6:proto=60 data:8,fill=1", "drop ip6-ext-short"},
	{"eth ip4:mf,proto=6 data:21", "drop fragment-bad"},
	{"eth ip4:off=8191,proto=6 data:21", "drop fragment-bad"},
	{"eth ip6 frag:mf udp:1>2,len=99 data:5", "drop fragment-bad"},
	{"eth:type=0x86dd data:40,fill=0x45", "drop ip6-bad-version"},
	{"eth:type=0x0800 data:40,fill=0x65", "drop ip4-bad-version"},
	{"eth:type=0x0800 data:40,fill=0x44", "drop ip4-bad-ihl"},
	{"eth:type=0x0800 data:40,fill=0x4f", "drop ip4-bad-ihl"},
	{"eth:type=0x0806 data:27,fill=0", "eth@0 other@14 none@-1 pay -1 end 41"},
	{"eth:type=0x8100 data:3", "drop l2-short"},
	{"data:13", "drop l2-short"},
};

static void known_packets(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
		struct rte_mbuf *m = test_packet(test_pool(), "%s", known[i].spec);
		struct pkt_parse p;
		int r = pkt_parse(m, &p);

		if (strcmp(say(&p), known[i].want))
			fail_msg("%s:\n   is %s\n want %s", known[i].spec, say(&p), known[i].want);
		assert_int_equal(r, -(int)p.drop);
		if (!p.drop)
			assert_int_equal(p.shape, pkt_shape(&p));
		rte_pktmbuf_free(m);
	}
}

/* The fast path only ever says what the slow one says, byte for byte. */
static void fast_equals_slow(void **state)
{
	static uint8_t b[2048];

	for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
		size_t n = test_bytes(b, sizeof(b), "%s", known[i].spec);

		for (size_t flip = 12; flip < n && flip < 120; flip++)
			for (unsigned v = 0; v < 256; v += 5) {
				uint8_t old = b[flip];
				struct rte_mbuf *m;
				struct pkt_parse fast, slow;

				b[flip] = (uint8_t)v;
				m = test_mbuf(test_pool(), b, n);
				pkt_parse(m, &fast);
				pkt_parse_slow(m, &slow);
				if (fast.drop != slow.drop ||
					(!fast.drop && memcmp(&fast, &slow, sizeof(fast))))
					fail_msg("%s, byte %zu = %02x", known[i].spec, flip, v);
				rte_pktmbuf_free(m);
				b[flip] = old;
			}
	}
}

/* Bytes in an external buffer of exactly their length: reading one more is a fault under ASan. */
static void no_free(void *addr, void *opaque)
{
}

static struct rte_mbuf *exact(uint8_t *copy, size_t n, struct rte_mbuf_ext_shared_info *info)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(test_pool());

	info->free_cb = no_free;
	rte_mbuf_ext_refcnt_set(info, 1);
	rte_pktmbuf_attach_extbuf(m, copy, 0, (uint16_t)n, info);
	m->data_off = 0;
	m->data_len = (uint16_t)n;
	m->pkt_len = (uint32_t)n;
	return m;
}

static void truncation_at_every_byte(void **state)
{
	static uint8_t b[2048];
	struct rte_mbuf_ext_shared_info info;
	struct pkt_parse p;

	for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
		size_t n = test_bytes(b, sizeof(b), "%s", known[i].spec);

		for (size_t cut = 0; cut < n; cut++) {
			uint8_t *copy = malloc(cut ? cut : 1);
			struct rte_mbuf *m;

			memcpy(copy, b, cut);
			m = exact(copy, cut, &info);
			pkt_parse(m, &p);
			if (!p.drop)
				assert_true(p.outer.l3_end <= cut);
			if (cut < 14)
				assert_int_equal(p.drop, DROP_L2_SHORT);
			rte_pktmbuf_free(m);
			free(copy);
		}
	}
}

/* Cut into segments of every small size: the same parse, headers joined, bytes unchanged. */
static void every_segmentation(void **state)
{
	static uint8_t b[2048], after[2048];

	for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
		size_t n = test_bytes(b, sizeof(b), "%s", known[i].spec);

		for (size_t seg = 1; seg < 70; seg += 1 + seg / 8) {
			struct rte_mbuf *m = test_mbuf_split(test_pool(), b, n, seg);
			struct pkt_parse p;

			pkt_parse(m, &p);
			if (strcmp(say(&p), known[i].want))
				fail_msg("%s in %zu: %s", known[i].spec, seg, say(&p));
			if (!p.drop && p.outer.payload != PKT_ABSENT)
				assert_true(m->data_len >= p.outer.payload);
			if (!p.drop && p.inner.payload != PKT_ABSENT)
				assert_true(m->data_len >= p.inner.payload);
			assert_int_equal(test_copy_out(m, after, sizeof(after)), n);
			assert_memory_equal(b, after, n);
			rte_mbuf_sanity_check(m, 1);
			rte_pktmbuf_free(m);
		}
	}
	assert_int_equal(test_pool_in_use(), 0);
}

static void shared_buffer_is_not_pulled_into(void **state)
{
	static uint8_t b[256];
	size_t n = test_bytes(b, sizeof(b), "eth ip4 tcp:1>2 data:50");
	struct rte_mbuf *m = test_mbuf_split(test_pool(), b, n, 30);
	struct rte_mbuf *clone = rte_pktmbuf_clone(m, test_pool());
	struct pkt_parse p;

	assert_int_equal(pkt_parse(m, &p), -DROP_HEADER_SPLIT);
	assert_int_equal(pkt_parse(clone, &p), -DROP_HEADER_SPLIT);
	rte_pktmbuf_free(clone);
	assert_int_equal(pkt_parse(m, &p), 0);
	rte_pktmbuf_free(m);
	assert_int_equal(test_pool_in_use(), 0);
}

static void pull_uses_headroom_when_the_tail_is_full(void **state)
{
	static uint8_t b[4000], after[4000];
	struct rte_mbuf *m;

	for (size_t i = 0; i < sizeof(b); i++)
		b[i] = (uint8_t)(i * 7);
	m = test_mbuf(test_pool(), b, sizeof(b));
	assert_int_equal(rte_pktmbuf_tailroom(m), 0);
	assert_int_equal(pkt_pull(m, 2048 + 100), 0);
	assert_int_equal(m->data_len, 2148);
	test_copy_out(m, after, sizeof(after));
	assert_memory_equal(b, after, sizeof(b));
	assert_int_equal(pkt_pull(m, 2048 + 129), -DROP_HEADER_SPLIT);
	assert_int_equal(pkt_pull(m, 4001), -DROP_HEADER_SPLIT);
	rte_pktmbuf_free(m);
}

/* What a node gets from the others; the last two are for the long way. */
static const char *const tunnelled[] = {"eth ip4 udp:9>4789,nosum vxlan:5 eth ip4 tcp:1>2 data:7",
	"eth ip4 udp:9>4789 vxlan:5 eth ip4 udp:1>2 data:20", "eth ip6 udp:9>4789,nosum vxlan:5 eth ip6 tcp:1>2",
	"eth ip6 udp:9>4789 vxlan:6 eth ip4 udp:1>2", "eth ip4 udp:9>4789 vxlan:5 eth ip6 udp:1>4789 data:30",
	"eth ip4 udp:9>4789 vxlan:5 eth vlan:3 ip4 udp:1>2", "eth ip4 udp:9>4789 vxlan:5 eth ip4 icmp:8,0"};

/* Every burst variant says what the slow parse says: bursts of all lengths, of plain packets (every third time in
 * tunnels) with a few corrupted, short, tunnelled or tagged ones among them, each in memory of exactly its size. */
static void burst_variants_equal_slow(void **state)
{
	enum { MAX = 40 };
	static uint8_t b[600];
	struct rte_mbuf_ext_shared_info info[MAX];
	struct rte_mbuf *m[MAX];
	struct pkt_parse p[MAX], slow;
	uint8_t *copy[MAX];
	struct rng r;

	rng_init(&r, rng_test_seed("burst"));
	for (int round = 0; round < 3000; round++) {
		unsigned n = (unsigned)rng_below(&r, MAX + 1),
			 oddness = (unsigned)rng_between(&r, 1, 40);
		bool tunnels = rng_one_in(&r, 3);

		for (unsigned i = 0; i < n; i++) {
			size_t k = rng_one_in(&r, oddness) ? rng_below(&r, 40) : rng_below(&r, 4);
			size_t t = rng_below(&r, rng_one_in(&r, oddness) ? RTE_DIM(tunnelled) : 5);
			size_t len = test_bytes(b, sizeof(b), "%s",
				tunnels && !rng_one_in(&r, oddness) ? tunnelled[t] : known[k].spec);

			if (rng_one_in(&r, oddness))
				b[12 + rng_below(&r, len - 12)] ^=
					(uint8_t)(1u << rng_below(&r, 8));
			if (rng_one_in(&r, 2 * oddness))
				len = rng_below(&r, len + 1);
			copy[i] = malloc(len ? len : 1);
			memcpy(copy[i], b, len);
			m[i] = exact(copy[i], len, &info[i]);
			m[i]->ol_flags |= rng_one_in(&r, 4) ? RTE_MBUF_F_RX_IP_CKSUM_GOOD : 0;
		}
		for (int variant = 0; variant < 2; variant++) {
			if (!pkt_parse_burst_variant(variant))
				continue;
			memset(p, 0xee, sizeof(p));
			pkt_parse_burst_variant(variant)(m, p, n);
			for (unsigned i = 0; i < n; i++) {
				pkt_parse_slow(m[i], &slow);
				assert_int_equal(slow.drop, p[i].drop);
				if (!slow.drop)
					assert_memory_equal(&slow, &p[i], sizeof(slow));
			}
		}
		for (unsigned i = 0; i < n; i++) {
			rte_pktmbuf_free(m[i]);
			free(copy[i]);
		}
	}
}

static void burst_equals_single(void **state)
{
	struct rte_mbuf *m[ARRAY_SIZE(known)];
	struct pkt_parse p[ARRAY_SIZE(known)], one;

	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		m[i] = test_packet(test_pool(), "%s", known[i].spec);
	pkt_parse_burst(m, p, ARRAY_SIZE(known));
	for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
		pkt_parse(m[i], &one);
		assert_int_equal(one.drop, p[i].drop);
		if (!one.drop)
			assert_memory_equal(&one, &p[i], sizeof(one));
		rte_pktmbuf_free(m[i]);
	}
}

static void random_bytes_never_escape(void **state)
{
	static uint8_t b[256];
	struct rte_mbuf_ext_shared_info info;
	struct rng r;
	struct pkt_parse p;

	rng_init(&r, rng_test_seed("parse"));
	for (int round = 0; round < 100000; round++) {
		size_t n = test_bytes(b, sizeof(b), "%s",
			known[rng_below(&r, 48)].spec); /* the first ones fit 256 bytes */
		struct rte_mbuf *m;
		uint8_t *copy;

		for (int k = (int)rng_below(&r, 4); k >= 0; k--)
			b[12 + rng_below(&r, n > 12 ? n - 12 : 1)] = (uint8_t)rng_u32(&r);
		n = rng_one_in(&r, 3) ? rng_below(&r, n + 1) : n;
		copy = malloc(n ? n : 1);
		memcpy(copy, b, n);
		m = exact(copy, n, &info);
		pkt_parse(m, &p);
		if (!p.drop && p.inner.l3_type)
			assert_true(p.inner.l3_end <= p.outer.l3_end);
		rte_pktmbuf_free(m);
		free(copy);
	}
}

static void device_vouches_for_checksum(void **state)
{
	struct rte_mbuf *m = test_packet(test_pool(), "eth ip4:badsum tcp:1>2");
	struct pkt_parse p;

	m->ol_flags = RTE_MBUF_F_RX_IP_CKSUM_GOOD;
	pkt_parse(m, &p);
	assert_int_equal(p.outer.flags, 0);
	pkt_parse_slow(m, &p);
	assert_int_equal(p.outer.flags, 0);
	m->ol_flags = 0;
	pkt_parse(m, &p);
	assert_int_equal(p.outer.flags, PKT_BAD_IP_CSUM);
	assert_true(p.shape & PKT_SHAPE_BAD_IP_CSUM);
	rte_pktmbuf_free(m);
}

static void tunnel_ports_are_configurable(void **state)
{
	struct rte_mbuf *m = test_packet(test_pool(), "eth ip4 udp:9>8472 vxlan:5 eth ip4 udp:1>2");
	struct pkt_parse p;

	assert_int_equal(pkt_set_tunnel_port(PKT_TUN_VXLAN, 8472), 0);
	assert_int_equal(pkt_tunnel_port(PKT_TUN_VXLAN), 8472);
	pkt_parse(m, &p);
	assert_int_equal(p.tun_type, PKT_TUN_VXLAN);
	assert_int_equal(pkt_set_tunnel_port(PKT_TUN_VXLAN, 6081), -EEXIST);
	assert_int_equal(pkt_set_tunnel_port(PKT_TUN_GRE, 1), -EINVAL);
	assert_int_equal(pkt_set_tunnel_port(PKT_TUN_NONE, 1), -EINVAL);
	assert_int_equal(pkt_set_tunnel_port(PKT_TUN_VXLAN, 0), 0);
	pkt_parse(m, &p);
	assert_int_equal(p.tun_type, PKT_TUN_NONE);
	assert_int_equal(pkt_set_tunnel_port(PKT_TUN_VXLAN, 4789), 0);
	rte_pktmbuf_free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_packets),
		cmocka_unit_test(fast_equals_slow),
		cmocka_unit_test(truncation_at_every_byte),
		cmocka_unit_test(every_segmentation),
		cmocka_unit_test(shared_buffer_is_not_pulled_into),
		cmocka_unit_test(pull_uses_headroom_when_the_tail_is_full),
		cmocka_unit_test(burst_variants_equal_slow),
		cmocka_unit_test(burst_equals_single),
		cmocka_unit_test(random_bytes_never_escape),
		cmocka_unit_test(device_vouches_for_checksum),
		cmocka_unit_test(tunnel_ports_are_configurable),
	};

	test_eal_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
