/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * port: what the kernel's header says about a frame, as flags; lies are refused; random headers
 * never read or write outside the frame (ASan watches).
 */
#include "port_test.h"

#include <linux/virtio_net.h>
#include <netinet/in.h>
#include <rte_ip.h>
#include <rte_random.h>
#include <rte_tcp.h>
#include <rte_udp.h>
#include <time.h>

/* Ethernet, `tags` VLAN tags, IPv4 or IPv6, TCP or UDP, `payload` bytes; the checksum field holds
 * the pseudo-header sum as a kernel leaves it. */
static struct rte_mbuf *make(unsigned tags, bool v6, uint8_t proto, unsigned payload)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool);
	unsigned l4_len = proto == IPPROTO_TCP ? 20 : 8, l3_len = v6 ? 40 : 20;
	uint8_t *p = rte_pktmbuf_mtod(m, uint8_t *), *ip = p + 14 + 4 * tags;
	uint16_t sum;

	m->data_len = m->pkt_len = 14 + 4 * tags + l3_len + l4_len + payload;
	for (unsigned i = 0; i < m->data_len; i++)
		p[i] = i * 7;
	for (unsigned t = 0; t < tags; t++)
		memcpy(p + 12 + 4 * t, "\x81\x00\x00\x05", 4);
	memcpy(p + 12 + 4 * tags, v6 ? "\x86\xdd" : "\x08\x00", 2);
	if (v6) {
		*(struct rte_ipv6_hdr *)ip = (struct rte_ipv6_hdr){.vtc_flow = htonl(6u << 28),
			.proto = proto,
			.payload_len = htons(l4_len + payload),
			.hop_limits = 3};
		sum = rte_ipv6_phdr_cksum((void *)ip, 0);
	} else {
		*(struct rte_ipv4_hdr *)ip = (struct rte_ipv4_hdr){.version_ihl = 0x45,
			.next_proto_id = proto,
			.total_length = htons(20 + l4_len + payload),
			.src_addr = 77,
			.dst_addr = 99};
		sum = rte_ipv4_phdr_cksum((void *)ip, 0);
	}
	memcpy(ip + l3_len + (proto == IPPROTO_TCP ? 16 : 6), &sum, 2);
	return m;
}

static struct virtio_net_hdr partial(unsigned start, unsigned offset)
{
	return (struct virtio_net_hdr){
		.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM, .csum_start = start, .csum_offset = offset};
}

static void lengths(struct rte_mbuf *m, unsigned tags, bool v6, uint8_t proto)
{
	m->l2_len = 14 + 4 * tags;
	m->l3_len = v6 ? 40 : 20;
	m->l4_len = proto == IPPROTO_TCP ? 20 : 8;
}

/* Every combination to flags and back to the same header. */
static void test_round_trip(void **state)
{
	for (unsigned i = 0; i < 3 * 2 * 2 * 2; i++) {
		unsigned tags = i % 3;
		bool v6 = i / 3 & 1, udp = i / 6 & 1, super = i / 12 & 1;
		uint8_t proto = udp ? IPPROTO_UDP : IPPROTO_TCP;
		struct rte_mbuf *m = make(tags, v6, proto, 1200);
		struct virtio_net_hdr in = partial(14 + 4 * tags + (v6 ? 40 : 20), udp ? 6 : 16),
				      out;

		if (super) {
			in.gso_size = 400;
			in.gso_type = udp  ? 5
				      : v6 ? VIRTIO_NET_HDR_GSO_TCPV6
					   : VIRTIO_NET_HDR_GSO_TCPV4;
			in.hdr_len = in.csum_start + (udp ? 8 : 20);
		}
		assert_int_equal(port_vnet_to_mbuf(&in, m, 0), 0);
		assert_int_equal(m->ol_flags & RTE_MBUF_F_TX_L4_MASK,
			udp ? RTE_MBUF_F_TX_UDP_CKSUM : RTE_MBUF_F_TX_TCP_CKSUM);
		assert_int_equal(!!(m->ol_flags & RTE_MBUF_F_TX_TCP_SEG), super && !udp);
		assert_int_equal(!!(m->ol_flags & RTE_MBUF_F_TX_UDP_SEG), super && udp);
		assert_int_equal(!!(m->ol_flags & RTE_MBUF_F_TX_IPV6), v6);
		assert_int_equal(!!(m->ol_flags & RTE_MBUF_F_TX_IPV4), !v6);
		assert_false(m->ol_flags & RTE_MBUF_F_TX_TUNNEL_MASK);
		lengths(m, tags, v6, proto);
		port_vnet_from_mbuf(m, &out);
		assert_memory_equal(&in, &out, sizeof(in));
		rte_pktmbuf_free(m);
	}
}

/* The tag was put back after the kernel made the header. */
static void test_vlan_bytes_shift_the_start(void **state)
{
	struct rte_mbuf *m = make(1, false, IPPROTO_TCP, 100);
	struct virtio_net_hdr hdr = partial(14 + 20, 16);

	assert_int_equal(port_vnet_to_mbuf(&hdr, m, 4), 0);
	assert_int_equal(m->ol_flags & RTE_MBUF_F_TX_L4_MASK, RTE_MBUF_F_TX_TCP_CKSUM);
	rte_pktmbuf_free(m);
}

/* A pod's own tunnel: the partial checksum is not the first transport header's. */
static void test_inner_partial_is_finished_here(void **state)
{
	struct rte_mbuf *m = make(0, false, IPPROTO_UDP, 200);
	uint8_t *inner = rte_pktmbuf_mtod_offset(m, uint8_t *, 14 + 20 + 8 + 30);
	struct rte_ipv4_hdr ip = {.version_ihl = 0x45,
		.next_proto_id = IPPROTO_TCP,
		.total_length = htons(20 + 170),
		.src_addr = 5,
		.dst_addr = 6};
	struct virtio_net_hdr hdr = partial(14 + 20 + 8 + 30, 16);
	uint16_t sum = rte_ipv4_phdr_cksum(&ip, 0);

	memcpy(inner + 16, &sum, 2);
	assert_int_equal(port_vnet_to_mbuf(&hdr, m, 0), 0);
	assert_int_equal(m->ol_flags, 0);
	assert_int_equal(rte_ipv4_udptcp_cksum_verify(&ip, inner), 0);
	rte_pktmbuf_free(m);
}

static void test_inner_super_packet_is_marked(void **state)
{
	struct rte_mbuf *m = make(0, false, IPPROTO_UDP, 1400);
	struct virtio_net_hdr hdr = partial(14 + 20 + 8 + 30, 16);

	hdr.gso_type = VIRTIO_NET_HDR_GSO_TCPV4;
	hdr.gso_size = 500;
	assert_int_equal(port_vnet_to_mbuf(&hdr, m, 0), 0);
	assert_true(m->ol_flags & RTE_MBUF_F_TX_TCP_SEG);
	assert_true(m->ol_flags & RTE_MBUF_F_TX_TUNNEL_MASK);
	rte_pktmbuf_free(m);
}

/* A NIC merged segments whose checksums it had verified: the field becomes a pseudo-header sum. */
static void test_super_without_partial(void **state)
{
	struct rte_mbuf *m = make(0, true, IPPROTO_TCP, 1400);
	struct virtio_net_hdr hdr = {.gso_type = VIRTIO_NET_HDR_GSO_TCPV6, .gso_size = 700};
	uint16_t *field = rte_pktmbuf_mtod_offset(m, uint16_t *, 14 + 40 + 16), want = *field;

	*field = 0x1234;
	assert_int_equal(port_vnet_to_mbuf(&hdr, m, 0), 0);
	assert_int_equal(*field, want);
	assert_true(m->ol_flags & RTE_MBUF_F_TX_TCP_SEG);
	rte_pktmbuf_free(m);
}

static void test_valid_checksum_is_said_both_ways(void **state)
{
	struct rte_mbuf *m = make(0, false, IPPROTO_TCP, 10);
	struct virtio_net_hdr hdr = {.flags = VIRTIO_NET_HDR_F_DATA_VALID}, out;

	assert_int_equal(port_vnet_to_mbuf(&hdr, m, 0), 0);
	assert_int_equal(m->ol_flags, RTE_MBUF_F_RX_L4_CKSUM_GOOD);
	port_vnet_from_mbuf(m, &out);
	assert_int_equal(out.flags, VIRTIO_NET_HDR_F_DATA_VALID);
	rte_pktmbuf_free(m);
}

static void refused(struct virtio_net_hdr hdr)
{
	struct rte_mbuf *m = make(0, false, IPPROTO_TCP, 100);

	assert_int_equal(port_vnet_to_mbuf(&hdr, m, 0), -1);
	rte_pktmbuf_free(m);
}

static void test_lies_are_refused(void **state)
{
	struct virtio_net_hdr hdr = partial(34, 16);

	refused(partial(14 + 20 + 20 + 100, 0));
	refused(partial(34, 65535));
	hdr.gso_type = VIRTIO_NET_HDR_GSO_TCPV4;
	refused(hdr); /* no segment size */
	hdr.gso_size = 100;
	hdr.gso_type = VIRTIO_NET_HDR_GSO_UDP; /* fragmentation offload: never asked for */
	refused(hdr);
	hdr.gso_type = 77;
	refused(hdr);
}

static void test_random_headers(void **state)
{
	unsigned seed = time(NULL), flagged = 0;

	print_message("# seed %u\n", seed);
	srandom(seed);
	for (unsigned i = 0; i < 20000; i++) {
		unsigned tags = random() % 3, cut;
		bool v6 = random() & 1;
		struct rte_mbuf *m =
			make(tags, v6, random() & 1 ? IPPROTO_TCP : IPPROTO_UDP, random() % 64);
		struct virtio_net_hdr hdr;

		for (unsigned b = 0; b < sizeof(hdr); b++)
			((uint8_t *)&hdr)[b] = random() % 4 ? random() % 80 : random();
		if (random() & 1)
			hdr.csum_start = 14 + 4 * tags + (v6 ? 40 : 20);
		cut = random() % (m->data_len - 14);
		m->data_len -= cut;
		m->pkt_len -= cut;
		if (port_vnet_to_mbuf(&hdr, m, random() & 1 ? 4 : 0) == 0 &&
			(m->ol_flags & (RTE_MBUF_F_TX_L4_MASK)))
			flagged++;
		rte_pktmbuf_free(m);
	}
	assert_true(flagged > 0);
}

static void test_chains_take_what_they_need(void **state)
{
	struct port_chain chain;
	unsigned need = port_chain_need(pool), room = rte_pktmbuf_data_room_size(pool);
	struct rte_mbuf *m;

	assert_true(need > 0 && need <= PORT_CHAIN_MAX);
	assert_true(room * need - PORT_HEADROOM >= PORT_FRAME_MAX);
	port_chain_init(&chain, need, true);
	assert_int_equal(port_chain_fill(&chain, pool), 0);
	m = port_chain_take(&chain, 60);
	assert_int_equal(m->nb_segs, 1);
	assert_int_equal(rte_pktmbuf_headroom(m), PORT_HEADROOM);
	rte_pktmbuf_free(m);
	assert_int_equal(port_chain_fill(&chain, pool), 0);
	m = port_chain_take(&chain, PORT_FRAME_MAX);
	assert_int_equal(m->pkt_len, PORT_FRAME_MAX);
	assert_int_equal(rte_pktmbuf_data_len(m), room - PORT_HEADROOM);
	rte_mbuf_sanity_check(m, 1);
	rte_pktmbuf_free(m);
	port_chain_drop(&chain, pool);
	assert_int_equal(rte_mempool_avail_count(pool), POOL_SIZE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_vlan_bytes_shift_the_start),
		cmocka_unit_test(test_inner_partial_is_finished_here),
		cmocka_unit_test(test_inner_super_packet_is_marked),
		cmocka_unit_test(test_super_without_partial),
		cmocka_unit_test(test_valid_checksum_is_said_both_ways),
		cmocka_unit_test(test_lies_are_refused),
		cmocka_unit_test(test_random_headers),
		cmocka_unit_test(test_chains_take_what_they_need),
	};

	return cmocka_run_group_tests(tests, start_dpdk, stop_dpdk);
}
