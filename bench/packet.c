/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * packet: cycles (TSC) of one packet in each stage of room packet, and bytes per second of the
 * checksum variants. Bursts of 32 over 256 packets, so the data is in the second-level cache and
 * the protocol order is random: what is measured is instructions and mispredictions, not memory.
 * One JSON line per case, median and best 5% of the chunks.
 *
 *   bench-packet [CASE]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cpu.h"
#include "base/rng.h"
#include "engine/checksum.h"
#include "engine/hash.h"
#include "packet/edit.h"
#include "packet/segment.h"
#include "packet/tunnel.h"

#include "fixture.h"

#include <rte_cycles.h>

#define PACKETS 256
#define BURST 32
#define CHUNKS 3000

static struct rte_mbuf *m[PACKETS];
static struct pkt_parse p[PACKETS];
static uint64_t cost[CHUNKS];

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static void report(const char *name, double per_chunk)
{
	qsort(cost, CHUNKS, sizeof(cost[0]), by_value);
	printf("{\"bench\":\"packet\",\"case\":\"%s\",\"cpu\":\"%s\",\"cycles_per_packet\":%.1f,"
	       "\"best\":%.1f,\"mpps\":%.1f}\n",
		name, cpu_level_name(), (double)cost[CHUNKS / 2] / per_chunk,
		(double)cost[CHUNKS / 20] / per_chunk,
		(double)rte_get_tsc_hz() / 1e6 * per_chunk / (double)cost[CHUNKS / 2]);
}

static void fill(const char *const *specs, size_t n, uint64_t seed)
{
	struct rng r;

	rng_init(&r, seed);
	for (int i = 0; i < PACKETS; i++) {
		m[i] = test_packet(test_pool(), "%s", specs[rng_below(&r, n)]);
		pkt_parse(m[i], &p[i]);
	}
}

static void empty(void)
{
	rte_pktmbuf_free_bulk(m, PACKETS);
}

static void bench_parse(const char *name, const char *const *specs, size_t n)
{
	fill(specs, n, 1);
	for (int c = 0; c < CHUNKS; c++) {
		uint64_t t = rte_rdtsc_precise();

		for (int i = 0; i < PACKETS; i += BURST)
			pkt_parse_burst(m + i, p + i, BURST);
		cost[c] = rte_rdtsc_precise() - t;
	}
	report(name, PACKETS);
	empty();
}

static void parse(void)
{
	static const char *const one[] = {"eth ip4 tcp:1>2 data:6"};
	static const char *const mixed[] = {"eth ip4 tcp:1>2 data:6", "eth ip4 udp:1>2 data:18",
		"eth ip6 udp:1>2", "eth ip6 tcp:1>2"};
	static const char *const vlan[] = {
		"eth vlan:5 ip4 tcp:1>2 data:2", "eth vlan:5 ip6 udp:1>2"};
	static const char *const vxlan[] = {
		"eth ip4 udp:9>4789,nosum vxlan:5 eth ip4 tcp:1>2 data:6",
		"eth ip6 udp:9>4789,nosum vxlan:5 eth ip4 udp:1>2 data:6"};

	bench_parse("parse-one", one, 1);
	bench_parse("parse-mixed", mixed, 4);
	bench_parse("parse-vlan", vlan, 2);
	bench_parse("parse-vxlan", vxlan, 2);
}

static const char *const ip4_mix[] = {"eth ip4 tcp:1>2 data:6", "eth ip4 udp:1>2 data:18"};

static void nat(void)
{
	static struct pkt_nat to, back;

	fill(ip4_mix, 2, 2);
	to = (struct pkt_nat){
		.set = PKT_NAT_DST | PKT_NAT_DPORT, .dst = {10, 244, 2, 3}, .dport = 99};
	back = (struct pkt_nat){
		.set = PKT_NAT_DST | PKT_NAT_DPORT, .dst = {10, 0, 0, 2}, .dport = 0x0200};
	pkt_nat_prepare(&to, "\x0a\0\0\1", "\x0a\0\0\2", 0x0100, 0x0200);
	pkt_nat_prepare(&back, "\x0a\0\0\1", "\x0a\xf4\2\3", 0x0100, 99);
	for (int c = 0; c < CHUNKS; c++) {
		uint64_t t = rte_rdtsc_precise();

		for (int i = 0; i < PACKETS; i++)
			pkt_nat_apply(m[i], &p[i], c & 1 ? &back : &to);
		cost[c] = rte_rdtsc_precise() - t;
	}
	report("nat-prepared", PACKETS);
	for (int c = 0; c < CHUNKS; c++) {
		uint64_t t = rte_rdtsc_precise();

		for (int i = 0; i < PACKETS; i++)
			pkt_nat(m[i], &p[i], PKT_OUTER, &to);
		cost[c] = rte_rdtsc_precise() - t;
	}
	report("nat-general", PACKETS);
	empty();
}

static void ttl(void)
{
	fill(ip4_mix, 2, 3);
	for (int c = 0; c < CHUNKS; c++) {
		uint64_t t = rte_rdtsc_precise();

		for (int i = 0; i < PACKETS; i++)
			pkt_ttl_dec(m[i], &p[i], PKT_OUTER);
		cost[c] = rte_rdtsc_precise() - t;
		for (int i = 0; i < PACKETS; i++) /* not counted: never runs out */
			((uint8_t *)pkt_at(m[i], p[i].outer.l3))[8] = 64;
	}
	report("ttl", PACKETS);
	empty();
}

static void tunnel(bool ip6)
{
	struct pkt_encap_config cfg = {
		.type = PKT_TUN_VXLAN, .ip6 = ip6, .vni = 100, .entropy = true};
	static uint64_t decap[CHUNKS];
	struct pkt_encap e;

	fill(ip4_mix, 2, 4);
	pkt_encap_init(&e, &cfg);
	for (int c = 0; c < CHUNKS; c++) {
		uint64_t t = rte_rdtsc_precise();

		for (int i = 0; i < PACKETS; i++)
			pkt_encap(m[i], &p[i], &e, (uint32_t)i * 77);
		cost[c] = rte_rdtsc_precise() - t;
		t = rte_rdtsc_precise();
		for (int i = 0; i < PACKETS; i++)
			pkt_decap(m[i], &p[i], NULL, 0);
		decap[c] = rte_rdtsc_precise() - t;
	}
	report(ip6 ? "encap-vxlan6" : "encap-vxlan4", PACKETS);
	memcpy(cost, decap, sizeof(cost));
	report(ip6 ? "decap-vxlan6" : "decap-vxlan4", PACKETS);
	empty();
}

static void hash(void)
{
	static uint8_t keys[PACKETS][64];
	volatile uint64_t sink;
	uint64_t h = 0;

	for (int c = 0; c < CHUNKS; c++) {
		uint64_t t = rte_rdtsc_precise();

		for (int i = 0; i < PACKETS; i++)
			h += hash_48(keys[i], (uint64_t)c);
		cost[c] = rte_rdtsc_precise() - t;
	}
	sink = h;
	(void)sink;
	report("hash-48", PACKETS);
}

static void checksum(size_t len)
{
	static const char *const names[] = {"generic", "avx2", "avx512"};
	static uint8_t b[65536];
	volatile uint32_t sink = 0;

	for (int v = 0; v < CHECKSUM_VARIANTS; v++) {
		checksum_fn fn = checksum_variant((enum checksum_variant)v);
		double hz = (double)rte_get_tsc_hz();

		for (int c = 0; fn && c < CHUNKS; c++) {
			uint64_t t = rte_rdtsc_precise();

			for (int i = 0; i < 16; i++)
				sink += fn(b, len, 0);
			cost[c] = rte_rdtsc_precise() - t;
		}
		if (!fn)
			continue;
		qsort(cost, CHUNKS, sizeof(cost[0]), by_value);
		printf("{\"bench\":\"packet\",\"case\":\"checksum-%zu\",\"variant\":\"%s\",\"gb_"
		       "per_s\":%.1f,"
		       "\"best\":%.1f}\n",
			len, names[v], (double)len * 16 / ((double)cost[CHUNKS / 2] / hz) / 1e9,
			(double)len * 16 / ((double)cost[CHUNKS / 20] / hz) / 1e9);
	}
}

/* A 60,000-byte super-packet into 42 wire packets, copies and checksums included. */
static void segment(void)
{
	uint64_t hz = rte_get_tsc_hz();
	struct rte_mbuf *big = test_packet(test_pool(), "eth ip4:df tcp:1>2 data:60000"), *seg;
	struct pkt_segments s;
	struct pkt_parse q;

	pkt_parse(big, &q);
	big->ol_flags = RTE_MBUF_F_TX_TCP_SEG | RTE_MBUF_F_TX_TCP_CKSUM;
	big->tso_segsz = 1448;
	for (int c = 0; c < CHUNKS; c++) {
		uint64_t t = rte_rdtsc_precise();

		pkt_segment_start(&s, big, &q);
		while ((seg = pkt_segment_next(&s, test_pool())))
			rte_pktmbuf_free(seg);
		cost[c] = rte_rdtsc_precise() - t;
	}
	qsort(cost, CHUNKS, sizeof(cost[0]), by_value);
	printf("{\"bench\":\"packet\",\"case\":\"segment-60000\",\"cycles_per_packet\":%.1f,\"gb_"
	       "per_s\":%.2f}\n",
		(double)cost[CHUNKS / 2] / 42,
		60000 / ((double)cost[CHUNKS / 2] / (double)hz) / 1e9);
	rte_pktmbuf_free(big);
}

static bool wanted(int argc, char **argv, const char *name)
{
	return argc < 2 || !strncmp(argv[1], name, strlen(argv[1]));
}

int main(int argc, char **argv)
{
	test_eal_init();
	if (wanted(argc, argv, "parse"))
		parse();
	if (wanted(argc, argv, "nat"))
		nat();
	if (wanted(argc, argv, "ttl"))
		ttl();
	if (wanted(argc, argv, "tunnel")) {
		tunnel(false);
		tunnel(true);
	}
	if (wanted(argc, argv, "hash"))
		hash();
	if (wanted(argc, argv, "checksum")) {
		checksum(64);
		checksum(1460);
		checksum(65536);
	}
	if (wanted(argc, argv, "segment"))
		segment();
	return 0;
}
