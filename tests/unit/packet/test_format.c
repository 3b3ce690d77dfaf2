/* SPDX-License-Identifier: BSD-3-Clause */
/* format and pcap: known packets as text; any broken packet prints; every buffer size is respected.
 */
#include "packet/format.h"
#include "packet/packet_int.h"
#include "packet/pcap.h"

#include "fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/refuse.h"
#include "base/rng.h"

#define MACS "02:00:00:00:00:01 > 02:00:00:00:00:02"

static const struct {
	const char *spec, *line;
} lines[] = {
	{"eth vlan:5 ip4:10.0.0.1>10.0.0.2 tcp:1234>80,fl=S,seq=1,win=65535",
		MACS " vlan 5 10.0.0.1:1234 > 10.0.0.2:80 tcp S seq 1 win 65535 len 0"},
	{"eth ip6 udp:1>53 data:9", MACS " fd00::1.1 > fd00::2.53 udp len 9"},
	{"eth ip4 icmp:8", MACS " 10.0.0.1 > 10.0.0.2 icmp type 8 code 0"},
	{"eth arp:op=1,s=10.0.0.1,t=10.0.0.2", MACS " arp who-has 10.0.0.2 tell 10.0.0.1"},
	{"eth arp:op=2,s=10.0.0.1,sm=3", MACS " arp reply 10.0.0.1 is-at 02:00:00:00:00:03"},
	{"eth ip4:badsum,mf tcp:1>2,fl=AP,ack=9 data:4",
		MACS " 10.0.0.1:1 > 10.0.0.2:2 [bad ip checksum] first fragment tcp PA seq 0 ack 9 "
		     "win 1000 len 4"},
	{"eth ip4 udp:9>4789 vxlan:100 eth ip6 tcp:1>2,fl=RA,ack=3",
		MACS " 10.0.0.1:9 > 10.0.0.2:4789 udp len 82 | vxlan 100 | " MACS
		     " fd00::1.1 > fd00::2.2 tcp RA seq 0 ack 3 win 1000 len 0"},
	{"eth ip4 udp:9>4789 data:30,fill=0",
		MACS " 10.0.0.1:9 > 10.0.0.2:4789 udp len 30 | vxlan 0 [tunnel-bad-flags] | "},
	{"eth ip4:len=999 udp:1>2", MACS " [ip4-bad-length] length 42"},
	{"eth ip4 udp:1>2,len=3",
		MACS " 10.0.0.1:1 > 10.0.0.2:2 udp len 0 [l4-bad-length] length 42"},
	{"data:3", "[l2-short] length 3"},
	{"eth:type=0x88cc data:20", MACS " ethertype 0x88cc"},
	{"eth ip4 gre:key=0x500 eth arp", MACS " 10.0.0.1 > 10.0.0.2 proto 47 | nvgre 5 | " MACS
					       " arp who-has 10.0.0.2 tell 10.0.0.1"},
};

static void known_lines(void **state)
{
	char buf[500];

	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		struct rte_mbuf *m = test_packet(test_pool(), "%s", lines[i].spec);

		assert_int_equal(pkt_format_line(m, buf, sizeof(buf)), strlen(lines[i].line));
		assert_string_equal(buf, lines[i].line);
		rte_pktmbuf_free(m);
	}
}

static void known_tree(void **state)
{
	static const char want[] =
		"packet  131 bytes, 1 segment\n"
		"eth     @0    02:00:00:00:00:01 > 02:00:00:00:00:02 type 0x8100\n"
		"  vlan    @14   id 5 pcp 1 type 0x0800\n"
		"    ip4     @18   10.0.0.1 > 10.0.0.2 proto 17 ttl 64 tos 0x00 id 7 len 113 df "
		"checksum 0x2673 ok\n"
		"      udp     @38   9 > 4789 len 93 checksum 0x0000 ok\n"
		"        vxlan   @46   0x0800000000006400, 8 bytes\n"
		"          eth     @54   02:00:00:00:00:01 > 02:00:00:00:00:02 type 0x86dd\n"
		"            ip6     @68   fd00::1 > fd00::2 next 0 hops 64 class 0x00 label "
		"0x00000 payload 23\n"
		"              hop-by-hop@108  8 bytes\n"
		"                udp     @116  1 > 2 len 15 checksum 0x0000 WRONG\n"
		"                  payload @124  7 bytes\n";
	struct rte_mbuf *m =
		test_packet(test_pool(), "eth vlan:0x2005 ip4:id=7,df udp:9>4789,nosum vxlan:100 "
					 "eth ip6 hbh:6 udp:1>2,nosum data:7");
	char buf[2000];

	pkt_format_tree(m, buf, sizeof(buf));
	assert_string_equal(buf, want);
	rte_pktmbuf_free(m);
}

static void tree_of_broken(void **state)
{
	struct rte_mbuf *m = test_packet(test_pool(), "eth ip6:len=900 udp:1>2 data:7");
	char buf[500];

	pkt_format_tree(m, buf, sizeof(buf));
	assert_non_null(
		strstr(buf, "dropped ip6-bad-length: the IPv6 payload length is beyond the frame"));
	rte_pktmbuf_free(m);
}

/* Exactly `size` bytes from malloc: one written too many is a fault under ASan. */
static void sizes_are_respected(void **state)
{
	struct rte_mbuf *m = test_packet(test_pool(), "%s", lines[6].spec);
	char full[3][4000];
	size_t want[3] = {pkt_format_line(m, full[0], 4000), pkt_format_tree(m, full[1], 4000),
		pkt_format_hex(m, 1000, full[2], 4000)};

	for (int kind = 0; kind < 3; kind++)
		for (size_t size = 0; size < want[kind] + 2; size++) {
			char *buf = malloc(size ? size : 1);
			size_t n = kind == 0   ? pkt_format_line(m, buf, size)
				   : kind == 1 ? pkt_format_tree(m, buf, size)
					       : pkt_format_hex(m, 1000, buf, size);

			assert_int_equal(n, want[kind]);
			if (size) {
				assert_int_equal(strlen(buf), MIN_OF(size - 1, n));
				assert_memory_equal(buf, full[kind], strlen(buf));
			}
			free(buf);
		}
	rte_pktmbuf_free(m);
}

static void hex(void **state)
{
	struct rte_mbuf *m = test_packet(test_pool(), "data:20,fill=65");
	char buf[300];

	pkt_format_hex(m, 100, buf, sizeof(buf));
	assert_string_equal(buf,
		"0000  41 41 41 41 41 41 41 41 41 41 41 41 41 41 41 41  AAAAAAAAAAAAAAAA\n"
		"0010  41 41 41 41                                      AAAA\n");
	rte_pktmbuf_free(m);
}

/* Whatever the bytes are, formatting ends, and does not touch the packet. */
static void random_packets_print(void **state)
{
	static uint8_t b[3000], after[3000];
	char buf[4000];
	struct rng r;

	rng_init(&r, rng_test_seed("format"));
	for (int round = 0; round < 20000; round++) {
		size_t n = test_bytes(
			b, sizeof(b), "%s", lines[rng_below(&r, ARRAY_SIZE(lines))].spec);
		struct rte_mbuf *m;

		for (int k = (int)rng_below(&r, 5); k > 0; k--)
			b[rng_below(&r, n)] = (uint8_t)rng_u32(&r);
		n = rng_one_in(&r, 3) ? 1 + rng_below(&r, n) : n;
		m = test_mbuf_split(test_pool(), b, n, rng_between(&r, 10, 200));
		uint16_t segs = m->nb_segs;

		pkt_format_line(m, buf, sizeof(buf));
		pkt_format_tree(m, buf, sizeof(buf));
		assert_int_equal(m->nb_segs, segs);
		test_copy_out(m, after, sizeof(after));
		assert_memory_equal(b, after, n);
		rte_pktmbuf_free(m);
	}
}

/* ---- pcap ---- */

static void pcap_bytes(void **state)
{
	static const uint32_t head[] = {0xa1b23c4d, 2 | 4 << 16, 0, 0, 50, 1};
	static const uint32_t record[] = {1700000000, 123456789, 50, 342};
	char path[] = "/tmp/softdpu-pcap-XXXXXX";
	uint8_t file[200], b[400];
	size_t n = test_bytes(b, sizeof(b), "eth ip4 udp:1>2 data:300");
	struct rte_mbuf *m = test_mbuf_split(test_pool(), b, n, 33);
	struct pkt_pcap *pc;
	int fd = mkstemp(path);

	assert_int_equal(pkt_pcap_open(&pc, path, 50), 0);
	assert_int_equal(pkt_pcap_write(pc, m, 1700000000123456789ull), 0);
	assert_int_equal(pkt_pcap_flush(pc), 0);
	assert_int_equal(read(fd, file, sizeof(file)), 24 + 16 + 50);
	assert_memory_equal(file, head, 24);
	assert_memory_equal(file + 24, record, 16);
	assert_memory_equal(file + 40, b, 50);
	assert_int_equal(pkt_pcap_close(pc), 0);
	close(fd);
	unlink(path);
	rte_pktmbuf_free(m);
}

static void pcap_errors(void **state)
{
	struct rte_mbuf *m = test_packet(test_pool(), "eth ip4 udp:1>2 data:1000");
	struct pkt_pcap *pc;
	int r = 0;

	assert_int_equal(pkt_pcap_open(&pc, "/nonexistent/x.pcap", 0), -ENOENT);
	assert_non_null(strstr(refusal(), "/nonexistent/x.pcap"));
	assert_int_equal(pkt_pcap_open(&pc, "/dev/full", 0), 0);
	for (int i = 0; i < 100 && !r; i++)
		r = pkt_pcap_write(pc, m, 0);
	assert_int_equal(r, -ENOSPC);
	assert_int_equal(pkt_pcap_close(pc), -ENOSPC);
	assert_int_equal(pkt_pcap_close(NULL), 0);
	rte_pktmbuf_free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_lines),
		cmocka_unit_test(known_tree),
		cmocka_unit_test(tree_of_broken),
		cmocka_unit_test(sizes_are_respected),
		cmocka_unit_test(hex),
		cmocka_unit_test(random_packets_print),
		cmocka_unit_test(pcap_bytes),
		cmocka_unit_test(pcap_errors),
	};

	test_eal_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
