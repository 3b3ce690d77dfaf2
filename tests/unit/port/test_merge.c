/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * port: runs of TCP segments merged, and cut again by a twin that knows what the kernel's segmentation does. What was
 * merged must be what was sent, byte by byte; a segment that differs in anything must not be in the run.
 */
#include "port_test.h"

#include <netinet/in.h>
#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_tcp.h>

#include "base/rng.h"

#define MSS 1000

struct shape {
	bool v6, dont_fragment;
	unsigned options; /* bytes of the TCP header behind its first 20 */
	unsigned cut;     /* bytes in the first mbuf; 0: all */
};

static unsigned l4_of(const struct shape *s)
{
	return RTE_ETHER_HDR_LEN + (s->v6 ? 40 : 20);
}

static void checksums(const struct shape *s, uint8_t *frame, unsigned len)
{
	struct rte_tcp_hdr *tcp = (struct rte_tcp_hdr *)(frame + l4_of(s));
	struct rte_ipv4_hdr *ip4 = (struct rte_ipv4_hdr *)(frame + RTE_ETHER_HDR_LEN);
	struct rte_ipv6_hdr *ip6 = (struct rte_ipv6_hdr *)(frame + RTE_ETHER_HDR_LEN);

	tcp->cksum = 0;
	if (s->v6) {
		ip6->payload_len = htons(len - l4_of(s));
		tcp->cksum = rte_ipv6_udptcp_cksum(ip6, tcp);
		return;
	}
	ip4->total_length = htons(len - RTE_ETHER_HDR_LEN);
	ip4->hdr_checksum = 0;
	ip4->hdr_checksum = rte_ipv4_cksum(ip4);
	tcp->cksum = rte_ipv4_udptcp_cksum(ip4, tcp);
}

static void ip_header(const struct shape *s, uint8_t *at, unsigned nth)
{
	struct rte_ipv4_hdr ip4 = {.version_ihl = RTE_IPV4_VHL_DEF,
		.time_to_live = 63,
		.next_proto_id = IPPROTO_TCP,
		.packet_id = htons(65530 + nth),
		.src_addr = htonl(0x0a000001),
		.dst_addr = htonl(0x0a000002),
		.fragment_offset = s->dont_fragment ? htons(RTE_IPV4_HDR_DF_FLAG) : 0};
	struct rte_ipv6_hdr ip6 = {.vtc_flow = htonl(0x60012345),
		.proto = IPPROTO_TCP,
		.hop_limits = 63,
		.src_addr = {0xfd, 1},
		.dst_addr = {0xfd, 2}};

	if (s->v6)
		memcpy(at, &ip6, sizeof(ip6));
	else
		memcpy(at, &ip4, sizeof(ip4));
}

/* Segment number `nth` of a stream: MSS bytes each, `payload` of them here. */
static unsigned build(const struct shape *s, uint8_t *frame, unsigned nth, unsigned payload)
{
	static const struct rte_ether_hdr ether = {{{2, 1}}, {{2, 2}}, 0};
	unsigned headers = l4_of(s) + 20 + s->options;
	struct rte_tcp_hdr tcp = {.src_port = htons(80),
		.dst_port = htons(4000),
		.sent_seq = htonl(0xfffff000 + nth * MSS),
		.recv_ack = htonl(7),
		.data_off = (20 + s->options) / 4 << 4,
		.tcp_flags = RTE_TCP_ACK_FLAG,
		.rx_win = htons(500)};

	memcpy(frame, &ether, sizeof(ether));
	((struct rte_ether_hdr *)frame)->ether_type =
		htons(s->v6 ? RTE_ETHER_TYPE_IPV6 : RTE_ETHER_TYPE_IPV4);
	ip_header(s, frame + RTE_ETHER_HDR_LEN, nth);
	memcpy(frame + l4_of(s), &tcp, sizeof(tcp));
	memset(frame + l4_of(s) + 20, 1, s->options); /* NOP */
	for (unsigned i = 0; i < payload; i++)
		frame[headers + i] = (uint8_t)(nth * 31 + i);
	checksums(s, frame, headers + payload);
	return headers + payload;
}

static struct rte_mbuf *packet(const uint8_t *frame, unsigned len, unsigned cut)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool), *tail;

	assert_non_null(m);
	if (cut == 0 || cut >= len)
		cut = len;
	memcpy(rte_pktmbuf_append(m, cut), frame, cut);
	if (cut < len) {
		tail = rte_pktmbuf_alloc(pool);
		memcpy(rte_pktmbuf_append(tail, len - cut), frame + cut, len - cut);
		assert_int_equal(rte_pktmbuf_chain(m, tail), 0);
	}
	return m;
}

static unsigned flatten(const struct port_merged *merged, unsigned iovs, uint8_t *out)
{
	unsigned at = 0;

	for (unsigned i = 1; i < iovs; i++) {
		memcpy(out + at, merged->iov[i].iov_base, merged->iov[i].iov_len);
		at += merged->iov[i].iov_len;
	}
	return at;
}

/* The twin: what the kernel cuts a super-packet into. Compares with the segments that went in. */
static void cut_and_compare(const struct shape *s, const struct port_merged *merged, unsigned iovs,
	struct rte_mbuf **sent, unsigned run)
{
	static uint8_t super[1 << 17], one[4096], want[4096];
	unsigned len = flatten(merged, iovs, super), headers = merged->vnet.hdr_len,
		 size = merged->vnet.gso_size, nth = 0;

	assert_int_equal(merged->vnet.flags, VIRTIO_NET_HDR_F_NEEDS_CSUM);
	assert_int_equal(merged->vnet.csum_start, l4_of(s));
	assert_int_equal(headers, l4_of(s) + 20 + s->options);
	for (unsigned at = headers; at < len; at += size, nth++) {
		unsigned payload = MIN_OF(size, len - at);
		struct rte_tcp_hdr *tcp = (struct rte_tcp_hdr *)(one + l4_of(s));
		struct rte_ipv4_hdr *ip4 = (struct rte_ipv4_hdr *)(one + RTE_ETHER_HDR_LEN);

		assert_true(nth < run);
		memcpy(one, super, headers);
		memcpy(one + headers, super + at, payload);
		tcp->sent_seq = htonl(ntohl(tcp->sent_seq) + nth * size);
		if (at + payload < len)
			tcp->tcp_flags &= ~RTE_TCP_PSH_FLAG;
		if (!s->v6)
			ip4->packet_id = htons(ntohs(ip4->packet_id) + nth);
		checksums(s, one, headers + payload);
		assert_int_equal(sent[nth]->pkt_len, headers + payload);
		memcpy(want, rte_pktmbuf_read(sent[nth], 0, headers + payload, want),
			headers + payload);
		if (s->dont_fragment && !s->v6) { /* its identification means nothing (RFC 6864) */
			ip4->packet_id =
				((struct rte_ipv4_hdr *)(want + RTE_ETHER_HDR_LEN))->packet_id;
			checksums(s, one, headers + payload);
		}
		assert_memory_equal(one, want, headers + payload);
	}
	assert_int_equal(nth, run);
}

static void merge_and_check(const struct shape *s, struct rte_mbuf **pkts, unsigned run)
{
	struct port_merged merged;
	unsigned iovs = port_merge(&merged, pkts, run);

	assert_in_range(iovs, 3, ARRAY_SIZE(merged.iov));
	cut_and_compare(s, &merged, iovs, pkts, run);
}

static void test_runs_come_apart_as_they_were(void **state)
{
	struct rte_mbuf *pkts[PORT_MERGE_MAX];
	uint8_t frame[4096];

	for (unsigned i = 0; i < 16; i++) {
		struct shape s = {.v6 = i & 1,
			.dont_fragment = i & 2,
			.options = i & 4 ? 12 : 0,
			.cut = i & 8 ? 300 : 0};
		unsigned n = 40;

		for (unsigned k = 0; k < n; k++) {
			unsigned len = build(&s, frame, k, k == n - 1 ? 77 : MSS);

			if (k == n - 1) {
				((struct rte_tcp_hdr *)(frame + l4_of(&s)))->tcp_flags |=
					RTE_TCP_PSH_FLAG;
				checksums(&s, frame, len);
			}
			pkts[k] = packet(frame, len, s.cut);
		}
		assert_int_equal(port_merge_run(pkts, n), n);
		merge_and_check(&s, pkts, n);
		rte_pktmbuf_free_bulk(pkts, n);
	}
}

/* 65,535 bytes of IP packet are all a length field can say. */
static void test_a_run_ends_where_the_length_field_does(void **state)
{
	struct shape s = {.cut = 0};
	struct rte_mbuf *pkts[PORT_MERGE_MAX + 1];
	static uint8_t frame[4096];

	for (unsigned k = 0; k < ARRAY_SIZE(pkts); k++) {
		struct rte_tcp_hdr *tcp = (struct rte_tcp_hdr *)(frame + l4_of(&s));
		unsigned len = build(&s, frame, k, 1400);

		tcp->sent_seq = htonl(k * 1400);
		checksums(&s, frame, len);
		pkts[k] = packet(frame, len, 0);
	}
	assert_int_equal(port_merge_run(pkts, ARRAY_SIZE(pkts)), (65535 - 40) / 1400);
	merge_and_check(&s, pkts, (65535 - 40) / 1400);
	rte_pktmbuf_free_bulk(pkts, ARRAY_SIZE(pkts));
}

/* Any one bit of a segment's headers or payload turned, with its checksums put right or not: what the run still takes
 * comes apart as it was sent. */
static void test_one_bit_off(void **state)
{
	struct rte_mbuf *pkts[4];
	uint8_t frame[4096];
	struct rng rng;
	unsigned refused = 0;

	rng_init(&rng, rng_test_seed("merge"));
	for (unsigned i = 0; i < 20000; i++) {
		struct shape s = {.v6 = i & 1,
			.dont_fragment = i & 2,
			.options = i & 4 ? 12 : 0,
			.cut = i & 8 ? 100 : 0};
		unsigned odd = rng_below(&rng, 4), run, len;

		for (unsigned k = 0; k < 4; k++) {
			len = build(&s, frame, k, 60);
			((struct rte_tcp_hdr *)(frame + l4_of(&s)))->sent_seq = htonl(k * 60);
			checksums(&s, frame, len);
			if (k == odd) {
				unsigned bit = rng_below(&rng, len * 8);

				frame[bit / 8] ^= 1 << bit % 8;
				if ((i & 16) && (s.v6 ? frame[20] == IPPROTO_TCP : (frame[14] & 0xf) == 5))
					checksums(&s, frame, len);
			}
			pkts[k] = packet(frame, len, s.cut);
		}
		run = port_merge_run(pkts, 4);
		refused += run < 4;
		if (run > 1)
			merge_and_check(&s, pkts, run);
		rte_pktmbuf_free_bulk(pkts, 4);
	}
	assert_true(refused > 10000);
}

static void test_who_stands_alone(void **state)
{
	static const uint8_t flags[] = {RTE_TCP_SYN_FLAG | RTE_TCP_ACK_FLAG,
		RTE_TCP_FIN_FLAG | RTE_TCP_ACK_FLAG, RTE_TCP_RST_FLAG,
		RTE_TCP_URG_FLAG | RTE_TCP_ACK_FLAG, RTE_TCP_CWR_FLAG | RTE_TCP_ACK_FLAG, 0};
	struct shape s = {.v6 = true};
	struct rte_mbuf *pkts[2];
	uint8_t frame[4096];

	for (unsigned i = 0; i < 2 * ARRAY_SIZE(flags); i++) {
		for (unsigned k = 0; k < 2; k++) {
			unsigned len = build(&s, frame, k, MSS);

			if (k == i % 2)
				((struct rte_tcp_hdr *)(frame + l4_of(&s)))->tcp_flags =
					flags[i / 2];
			checksums(&s, frame, len);
			pkts[k] = packet(frame, len, 0);
		}
		assert_int_equal(port_merge_run(pkts, 2), 1);
		rte_pktmbuf_free_bulk(pkts, 2);
	}
	for (unsigned k = 0; k < 2; k++)
		pkts[k] = packet(frame, build(&s, frame, k, MSS), 0);
	assert_int_equal(port_merge_run(pkts, 2), 2);
	pkts[1]->ol_flags |= RTE_MBUF_F_TX_TCP_CKSUM;
	assert_int_equal(port_merge_run(pkts, 2), 1);
	assert_int_equal(port_merge_run(pkts, 1), 1);
	rte_pktmbuf_free_bulk(pkts, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_runs_come_apart_as_they_were),
		cmocka_unit_test(test_a_run_ends_where_the_length_field_does),
		cmocka_unit_test(test_one_bit_off),
		cmocka_unit_test(test_who_stands_alone),
	};

	return cmocka_run_group_tests(tests, start_dpdk, stop_dpdk);
}
